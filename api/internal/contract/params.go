package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/pkg/problem"
)

// maxKey is how many characters an Idempotency-Key may have, without its quotes.
const maxKey = 255

// checkParams looks at path, query and headers.
func (op *Operation) checkParams(c echo.Context, found *faults) {
	r := c.Request()
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // what can be read is judged all the same
		found.add(problem.InQuery, "", "encoding", "The query is not valid percent-encoding.")
	}
	for name := range query {
		if !slices.ContainsFunc(op.Params, func(p Param) bool { return p.In == problem.InQuery && p.Name == name }) {
			found.add(problem.InQuery, presentable(name), "unknown_parameter", "This operation has no such query parameter.")
		}
	}
	for i := range op.Params {
		p := &op.Params[i]
		switch p.In {
		case problem.InPath:
			value, err := pathValue(c, p.Name)
			if err != nil {
				found.add(p.In, p.Name, "encoding", "Must be valid percent-encoding.")
				continue
			}
			p.check([]string{value}, found)
		case problem.InQuery:
			p.check(query[p.Name], found)
		default:
			p.check(headerValues(r.Header, p.Name), found)
		}
	}
}

// pathValue reads a path parameter as the generated code does: echo leaves it escaped when
// it routed by the raw path.
func pathValue(c echo.Context, name string) (string, error) {
	if c.Request().URL.RawPath == "" {
		return c.Param(name), nil
	}
	return url.PathUnescape(c.Param(name))
}

// headerValues takes the quotes off an Idempotency-Key; with nothing between them there is
// no key.
func headerValues(header http.Header, name string) []string {
	values := header.Values(name)
	if name != idempotencyKey || len(values) != 1 {
		return values
	}
	key := values[0]
	if n := len(key); n > 1 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if key == "" {
		return nil
	}
	return []string{key}
}

// check judges all values that were sent for the parameter.
func (p *Param) check(sent []string, found *faults) {
	if len(sent) == 0 || p.In == problem.InPath && sent[0] == "" {
		if p.Required {
			found.add(p.In, p.Name, codeRequired, detailRequired)
		}
		return
	}
	for _, s := range sent {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			found.add(p.In, p.Name, "encoding", "Must be valid UTF-8 without NUL characters.")
			return
		}
	}
	repeatable := p.Type == "array" && p.In == problem.InQuery && p.explode
	switch {
	case len(sent) > 1 && !repeatable:
		found.add(p.In, p.Name, "repeated", "Must be given once.")
		return
	case p.Name == idempotencyKey && p.In == problem.InHeader && len(sent[0]) > maxKey:
		found.add(p.In, p.Name, "max_length", atMost(maxKey, "character", "long"))
		return
	}
	if err := p.schema.Validate(p.value(sent)); err != nil {
		found.collect(err, p.In, p.Name)
	}
}

// value turns what was sent into the value that the schema is about.
func (p *Param) value(sent []string) any {
	if p.Type != "array" {
		return scalar(p.Type, sent[0])
	}
	if p.In != problem.InQuery || !p.explode {
		sent = strings.Split(sent[0], ",")
	}
	list := make([]any, len(sent))
	for i, s := range sent {
		list[i] = scalar(p.itemType, s)
	}
	return list
}

// scalar leaves a text alone that is not what the type wants: the schema then says so.
func scalar(typeName, s string) any {
	switch typeName {
	case "integer", "number":
		if ordinaryNumber(s) && numberText.MatchString(s) {
			return json.Number(s)
		}
	case "boolean":
		switch s {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return s
}
