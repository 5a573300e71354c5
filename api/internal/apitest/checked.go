package apitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/api/internal/contract"
)

type checkedTransport struct {
	t    testing.TB
	next http.RoundTripper
}

// checked fails the test for every answer that the contract does not describe.
func checked(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return checkedTransport{t, next}
}

func (c checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if isStream(res.Header) {
		return res, Check(r, res, nil)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := Check(r, res, body); err != nil {
		c.t.Errorf("%s %s answered %d against the contract: %v", r.Method, r.URL.Path, res.StatusCode, err)
	}
	return res, nil
}

// Check holds an answer against the contract: its status, its headers and its body.
func Check(r *http.Request, res *http.Response, body []byte) error {
	j, err := theJudge()
	if err != nil {
		return err
	}
	plain := r.Clone(context.Background())
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	route, _, err := j.router.FindRoute(plain)
	if err != nil {
		return err
	}
	answer := route.Operation.Responses.Status(res.StatusCode)
	if answer == nil {
		return errors.New("the status is not declared")
	}
	return errors.Join(j.headers(answer.Value, res.Header), j.body(answer.Value, res.Header, body))
}

// Follows holds a JSON text against the schema at a place in the contract, a JSON pointer.
func Follows(pointer string, text []byte) error {
	j, err := theJudge()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return j.follows("#"+pointer, value)
}

// judge knows the contract's answers. Compiling a schema takes longer than anything that a
// test asks of the server, so that it is done once.
type judge struct {
	router   routers.Router
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

const location = "https://contract.invalid/openapi.json"

var theJudge = sync.OnceValues(func() (*judge, error) {
	doc, err := openapi3.NewLoader().LoadFromData(titrate.OpenAPI)
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	c, err := contract.Shipped()
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.JSON()))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	return &judge{router: router, compiler: compiler}, compiler.AddResource(location, document)
})

// follows holds a value against the schema at a place in the contract.
func (j *judge) follows(place string, value any) error {
	j.mu.Lock()
	schema, err := j.compiler.Compile(location + place) // it remembers what it has compiled
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (j *judge) headers(answer *openapi3.Response, got http.Header) (err error) {
	for name, header := range answer.Headers {
		if got.Get(name) == "" {
			continue
		}
		var value any = got.Get(name)
		if header.Value.Schema.Value.Type.Is("integer") {
			if value, err = strconv.Atoi(got.Get(name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := j.follows(header.Ref+"/schema", value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (j *judge) body(answer *openapi3.Response, header http.Header, body []byte) error {
	if len(answer.Content) == 0 {
		if len(body) > 0 {
			return errors.New("a body where none is declared")
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	media := answer.Content[kind]
	if err != nil || media == nil {
		return fmt.Errorf("Content-Type %q is not declared", header.Get("Content-Type"))
	}
	if isStream(header) {
		return nil // it is text; what it says is for its reader to judge
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return j.follows(media.Schema.Ref, value)
}
