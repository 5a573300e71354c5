package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

var loaded = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(titrate.OpenAPI) })

// document is the contract with its references followed. Nobody changes it.
func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestContractIsValid: another reader of OpenAPI finds no fault, in the examples neither.
func TestContractIsValid(t *testing.T) {
	if err := document(t).Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

// example is a value that the contract shows, beside the schema that it must follow.
type example struct {
	where  string
	schema any
	value  any
}

// examples finds everything in the contract that shows a value: bodies, answers, parameters.
func examples(t testing.TB) (list []example) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(apitest.Contract(t).JSON(), &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(v any, where string)
	walk = func(v any, where string) {
		switch v := v.(type) {
		case []any:
			for i, item := range v {
				walk(item, where+"/"+strconv.Itoa(i))
			}
		case map[string]any:
			if one, ok := v["example"]; ok {
				list = append(list, example{where, v["schema"], one})
			}
			several, _ := v["examples"].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(several)) {
				shown, _ := several[name].(map[string]any)
				list = append(list, example{where + "/" + name, v["schema"], shown["value"]})
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				if name != "example" && name != "examples" {
					walk(v[name], where+"/"+name)
				}
			}
		}
	}
	walk(doc, "")
	return list
}

// TestExamplesFollowTheirSchemas holds every example against its schema with the server's own
// validator: for each of them it is given a contract in which that is the body of a request.
func TestExamplesFollowTheirSchemas(t *testing.T) {
	all := examples(t)
	if len(all) < 80 {
		t.Fatalf("only %d examples were found", len(all))
	}
	var doc map[string]any
	if err := json.Unmarshal(apitest.Contract(t).JSON(), &doc); err != nil {
		t.Fatal(err)
	}
	paths := map[string]any{}
	for i, e := range all {
		if e.schema == nil || e.value == nil {
			t.Fatalf("%s: an example without schema or value", e.where)
		}
		paths["/"+strconv.Itoa(i)] = map[string]any{"post": map[string]any{
			"operationId": strconv.Itoa(i), "x-kind": "read", "x-access": []string{"signedIn"},
			"requestBody": map[string]any{"required": true, "content": map[string]any{echo.MIMEApplicationJSON: map[string]any{"schema": e.schema}}},
		}}
	}
	doc["paths"] = paths
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := contract.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		op, _ := judge.Operation(strconv.Itoa(i))
		if err := judgeBody(t, op, e.value); err != nil {
			t.Errorf("%s: %v", e.where, err)
		}
	}
}

// judgeBody holds a body against an operation without a path.
func judgeBody(t testing.TB, op *contract.Operation, body any) error {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text))
	r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	err = op.Check(echo.New().NewContext(r, httptest.NewRecorder()))
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return fmt.Errorf("%w %v", err, p.Errors)
	}
	return err
}

// wants are the parameters and answers that an operation of each kind must declare.
var wants = map[string]struct{ parameters, answers []string }{
	"read":     {nil, []string{"400", "401", "429", "500", "503"}},
	"stream":   {nil, []string{"400", "401", "429", "500", "503"}},
	"fact":     {nil, []string{"400", "401", "409", "413", "415", "429", "500", "503"}},
	"plan":     {[]string{"Idempotency-Key"}, []string{"400", "401", "403", "409", "422", "429", "500", "503"}},
	"decision": {[]string{"Idempotency-Key", "If-Match"}, []string{"400", "401", "403", "409", "412", "422", "428", "429", "500", "503"}},
	"batch":    {nil, []string{"400", "401", "413", "415", "429", "500", "503"}},
}

// TestOperationsAreComplete: what every operation says of itself.
func TestOperationsAreComplete(t *testing.T) {
	doc := document(t)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for _, missing := range gaps(doc, path, method, item, op) {
				t.Errorf("%s: %s", op.OperationID, missing)
			}
		}
	}
}

// gaps lists what an operation leaves out.
func gaps(doc *openapi3.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) (list []string) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	kind, _ := op.Extensions["x-kind"].(string)
	want, known := wants[kind]
	need(known, "x-kind %q", kind)
	access, _ := op.Extensions["x-access"].([]any)
	need(len(access) > 0, "no x-access")
	need(op.Summary != "" && op.Description != "", "no summary or description")
	need(len(op.Tags) == 1 && doc.Tags.Get(op.Tags[0]) != nil, "tags %v", op.Tags)
	need(op.Security == nil || len(*op.Security) > 0, "no security")

	var parameters []string
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		parameters = append(parameters, p.Value.Name)
		need(p.Ref != "", "the parameter %s is not shared", p.Value.Name)
	}
	open := slices.Contains(access, "signedIn")
	if open { // before a clinic is known there is nothing to choose, lock or repeat
		want.answers = []string{"400", "401", "429", "500", "503"}
	} else {
		want.parameters = append([]string{"Titrate-Clinic", "Titrate-Role"}, want.parameters...)
		want.answers = append([]string{"403"}, want.answers...)
	}
	if strings.Contains(path, "{") {
		want.answers = append(want.answers, "404")
	}
	if op.RequestBody != nil {
		want.answers = append(want.answers, "413", "415")
	}
	for _, name := range want.parameters {
		need(slices.Contains(parameters, name), "no parameter %s", name)
	}
	for _, header := range []string{"Idempotency-Key", "If-Match"} {
		need(slices.Contains(want.parameters, header) == slices.Contains(parameters, header), "the parameter %s does not belong to a %s", header, kind)
	}
	for _, status := range want.answers {
		need(op.Responses.Value(status) != nil, "no answer %s", status)
	}
	need(len(op.Responses.Map()) > 0 && op.Responses.Default() == nil, "a default answer hides what can happen")
	return append(list, answerGaps(method, kind, parameters, op)...)
}

// answerGaps looks at the answers, and at the examples.
func answerGaps(method, kind string, parameters []string, op *openapi3.Operation) (list []string) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	good, shown, tagged, paged := 0, 0, false, false
	for status, ref := range op.Responses.Map() {
		answer := ref.Value
		need(ref.Ref != "", "the answer %s is not shared", status)
		switch {
		case status[0] == '2':
			good++
			body := answer.Content.Get(echo.MIMEApplicationJSON)
			if kind == "stream" {
				body = answer.Content.Get("text/event-stream")
			}
			need(body != nil && body.Schema != nil && body.Schema.Ref != "", "the answer %s has no type", status)
			if body != nil {
				shown += len(body.Examples)
				paged = paged || body.Schema.Value.Properties["nextCursor"] != nil
			}
			tagged = tagged || answer.Headers["ETag"] != nil
		case status[0] >= '4':
			body := answer.Content.Get("application/problem+json")
			need(body != nil && body.Schema.Ref == "#/components/schemas/Problem", "the answer %s is not a problem", status)
		}
		for _, header := range []string{"X-Request-Id", "RateLimit", "RateLimit-Policy"} {
			need(answer.Headers[header] != nil, "the answer %s has no %s", status, header)
		}
		for name, header := range answer.Headers { // a required one would be overwritten
			need(!header.Value.Required, "the header %s of the answer %s is required", name, status)
		}
	}
	need(good > 0, "no 2xx")
	need(shown > 0, "no example of an answer")
	if op.RequestBody != nil {
		for kind, body := range op.RequestBody.Value.Content {
			need(body.Schema != nil && body.Schema.Ref != "", "the body %s has no type", kind)
			need(len(body.Examples) == 1, "%d examples of the body: TestExamplesAreExecuted sends one", len(body.Examples))
			need((kind == "application/merge-patch+json") == (method == http.MethodPatch), "%s with a body of %s", method, kind)
		}
	}
	single := method == http.MethodGet && tagged
	need(single == slices.Contains(parameters, "If-None-Match"), "If-None-Match is for single records: %v", parameters)
	need(single == (op.Responses.Value("304") != nil), "304 is for single records")
	need(kind != "decision" || op.Responses.Value("412").Value.Headers["ETag"] != nil, "412 without the current ETag")
	if paged && method == http.MethodGet && op.OperationID != "listInstruments" { // there are few: one page has them all
		need(slices.Contains(parameters, "limit") && slices.Contains(parameters, "cursor"), "a list without limit and cursor")
	}
	return list
}

// TestRoutes: what the server answers and what the contract describes are the same operations.
func TestRoutes(t *testing.T) {
	var described, routed []string
	for _, op := range apitest.Contract(t).Operations() {
		described = append(described, op.ID+" "+op.Method+" /v1"+op.Path)
	}
	routes, err := api.Routes(apitest.New(t, storetest.SQLite(t)).Server)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/v1") {
			continue
		}
		parts := strings.Split(r.Path, "/")
		for i, part := range parts {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				parts[i] = "{" + name + "}"
			}
		}
		// "…/oapi.(*ServerInterfaceWrapper).ShowPatient-fm": its middleware is found by this name.
		handler := strings.TrimSuffix(r.Name[strings.LastIndex(r.Name, ".")+1:], "-fm")
		routed = append(routed, strings.ToLower(handler[:1])+handler[1:]+" "+r.Method+" "+strings.Join(parts, "/"))
	}
	slices.Sort(described)
	slices.Sort(routed)
	if !slices.Equal(described, routed) {
		t.Errorf("only in the contract: %v\nonly in the server: %v", without(described, routed), without(routed, described))
	}
}

// TestExamplesAreExecuted sends the contract's example for every operation to a server, in a
// place where it can succeed.
func TestExamplesAreExecuted(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Examples")
		for _, operation := range operations(t) {
			_, call := allowed(t, c, operation)
			if got := s.Do(t, call); got.Status < 200 || got.Status > 299 {
				t.Errorf("%s: %d %s", operation, got.Status, got.Body)
			}
		}
	})
}
