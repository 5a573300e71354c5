package contract

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/pkg/problem"
)

// location is the compiler's name for the document. It is never fetched and never shown.
const location = "https://contract.invalid/openapi.json"

var pathVariable = regexp.MustCompile(`\{([^}]+)\}`)

// methods are the members of a path item that are operations.
var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace,
}

// Shipped is the contract that this build was made from. It is compiled once, however many servers a process opens.
var Shipped = sync.OnceValues(func() (*Contract, error) { return Load(titrate.OpenAPI) })

// Load compiles an OpenAPI 3.1 document written in YAML. The error names the operation that
// cannot be enforced as written.
func Load(openapiYAML []byte) (*Contract, error) {
	document, err := toJSON(openapiYAML)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	l, err := newLoader(document)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	operations, err := l.operations()
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return &Contract{operations: operations, document: document}, nil
}

type loader struct {
	root     map[string]any
	compiler *jsonschema.Compiler
}

func newLoader(document []byte) (*loader, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	root, ok := v.(map[string]any)
	if version, _ := root["openapi"].(string); !ok || !strings.HasPrefix(version, "3.1.") {
		return nil, errors.New("the document is not OpenAPI 3.1")
	}
	if err := rewrite(root, false); err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, f := range formats() {
		compiler.RegisterFormat(f)
	}
	compiler.RegisterVocabulary(vocabulary())
	compiler.AssertVocabs()
	if err := compiler.AddResource(location, root); err != nil {
		return nil, err
	}
	return &loader{root: root, compiler: compiler}, nil
}

// operations compiles everything under paths, ordered by path and method.
func (l *loader) operations() ([]Operation, error) {
	paths, _ := l.root["paths"].(map[string]any)
	var all []Operation
	ids := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, err := follow(l.root, "/paths/"+escape(path), paths[path])
		if err != nil {
			return nil, err
		}
		for _, method := range methods {
			at, ok, err := item.in(l.root, strings.ToLower(method))
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			op, err := l.operation(path, method, item, at)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if ids[op.ID] {
				return nil, fmt.Errorf("%s %s: the operationId %s is taken", method, path, op.ID)
			}
			ids[op.ID] = true
			all = append(all, op)
		}
	}
	return all, nil
}

func (l *loader) operation(path, method string, item, at place) (op Operation, err error) {
	op = Operation{Method: method, Path: path, MaxBody: DefaultMaxBody}
	op.ID, _ = at.object["operationId"].(string)
	op.Kind, _ = at.object["x-kind"].(string)
	access, _ := at.object["x-access"].([]any)
	for _, who := range access {
		name, _ := who.(string)
		op.Access = append(op.Access, name)
	}
	if limit, ok := at.object["x-max-body-bytes"]; ok {
		if op.MaxBody, ok = integer(limit); !ok || op.MaxBody < 1 {
			return op, errors.New("x-max-body-bytes is not a number of bytes")
		}
	}
	switch {
	case op.ID == "":
		return op, errors.New("no operationId")
	case op.Kind == "":
		return op, errors.New("no x-kind")
	case len(op.Access) == 0 || slices.Contains(op.Access, ""):
		return op, errors.New("no x-access, which is a list of names")
	}
	if op.Params, err = l.params(path, item, at); err != nil {
		return op, err
	}
	op.body, err = l.body(at)
	return op, err
}

// params joins the path's parameters with the operation's own, which win.
func (l *loader) params(path string, levels ...place) ([]Param, error) {
	var all []Param
	for _, level := range levels {
		list, _ := level.object["parameters"].([]any)
		for i, v := range list {
			at, err := follow(l.root, level.pointer+"/parameters/"+strconv.Itoa(i), v)
			if err != nil {
				return nil, err
			}
			p, err := l.param(at)
			if err != nil {
				return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
			}
			all = slices.DeleteFunc(all, func(q Param) bool { return q.Name == p.Name && q.In == p.In })
			all = append(all, p)
		}
	}
	var inPathOrder []string
	for _, match := range pathVariable.FindAllStringSubmatch(path, -1) {
		inPathOrder = append(inPathOrder, match[1])
	}
	position := func(p Param) int {
		if p.In == problem.InPath {
			return slices.Index(inPathOrder, p.Name)
		}
		return len(inPathOrder)
	}
	declared := 0
	for _, p := range all {
		if p.In != problem.InPath {
			continue
		}
		if declared++; position(p) < 0 {
			return nil, fmt.Errorf("parameter %s is not in the path", p.Name)
		}
	}
	if declared != len(inPathOrder) {
		return nil, errors.New("the path has a variable that is not declared")
	}
	slices.SortStableFunc(all, func(a, b Param) int { return cmp.Compare(position(a), position(b)) })
	return all, nil
}

func (l *loader) param(at place) (p Param, err error) {
	p.Name, _ = at.object["name"].(string)
	p.In, _ = at.object["in"].(string)
	p.Required, _ = at.object["required"].(bool)
	p.explode = p.In == problem.InQuery
	if explode, ok := at.object["explode"].(bool); ok {
		p.explode = explode
	}
	usual := map[string]string{problem.InPath: "simple", problem.InQuery: "form", problem.InHeader: "simple"}[p.In]
	if style, ok := at.object["style"].(string); usual == "" || ok && style != usual {
		return p, errors.New("this place or style is not supported")
	}
	if p.In == problem.InHeader { // so that a fault names it as it is usually written
		p.Name = http.CanonicalHeaderKey(p.Name)
	}
	schema, ok, err := at.in(l.root, "schema")
	if err != nil || !ok {
		return p, errors.Join(err, errors.New("no schema"))
	}
	if p.Type = typeName(schema.object); p.Type == "array" {
		items, ok, err := schema.in(l.root, "items")
		if err != nil || !ok {
			return p, errors.Join(err, errors.New("an array without items"))
		}
		p.itemType = typeName(items.object)
	}
	for _, name := range []string{p.Type, p.itemType} {
		if name == "?" || name == "object" {
			return p, errors.New("the schema needs one plain type")
		}
	}
	p.schema, err = l.compile(schema.pointer)
	return p, err
}

// typeName returns the schema's only type, or "?".
func typeName(schema map[string]any) string {
	if name, ok := schema["type"].(string); ok {
		return name
	}
	return "?"
}

func (l *loader) body(operation place) (*body, error) {
	at, ok, err := operation.in(l.root, "requestBody")
	if err != nil || !ok {
		return nil, err
	}
	b := &body{schemas: map[string]*jsonschema.Schema{}}
	b.required, _ = at.object["required"].(bool)
	content, _ := at.object["content"].(map[string]any)
	for _, declared := range slices.Sorted(maps.Keys(content)) {
		mediaType, _, err := mime.ParseMediaType(declared)
		if err != nil || mediaType != declared || !isJSON(mediaType) {
			return nil, fmt.Errorf("the body's media type %s is not supported", declared)
		}
		entry, err := follow(l.root, at.pointer+"/content/"+escape(declared), content[declared])
		if err != nil {
			return nil, err
		}
		if _, ok := entry.object["schema"]; !ok {
			return nil, fmt.Errorf("the body's media type %s has no schema", declared)
		}
		if b.schemas[declared], err = l.compile(entry.pointer + "/schema"); err != nil {
			return nil, err
		}
		b.types = append(b.types, declared)
	}
	if len(b.types) == 0 {
		return nil, errors.New("a body without content")
	}
	return b, nil
}

func (l *loader) compile(pointer string) (*jsonschema.Schema, error) {
	return l.compiler.Compile(location + (&url.URL{Fragment: pointer}).String())
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}
