package apitest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/contract"
)

// Call is one request for an operation of the contract, without the SDK.
type Call struct {
	Operation string
	Token     string            // none if empty
	Ticket    string            // a support person's; none if empty
	Path      map[string]string // values of path parameters
	Query     string
	Body      any
	Header    map[string]string // beside what the operation's kind asks for
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON reads a member of the body by its path, or nil.
func (a Answer) JSON(path ...string) any {
	var v any
	if json.Unmarshal(a.Body, &v) != nil {
		return nil
	}
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// Text is JSON for a string.
func (a Answer) Text(path ...string) string {
	s, _ := a.JSON(path...).(string)
	return s
}

// Items are those of a page.
func (a Answer) Items() (items []map[string]any) {
	all, _ := a.JSON("items").([]any)
	for _, item := range all {
		object, _ := item.(map[string]any)
		items = append(items, object)
	}
	return items
}

// Contract returns the compiled contract.
func Contract(t testing.TB) *contract.Contract {
	t.Helper()
	c, err := contract.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Do sends the call and holds the answer against the contract. Plans and decisions get a key,
// decisions If-Match "1", unless the call brings its own; an empty value leaves a header out.
func (s *Site) Do(t testing.TB, call Call) Answer {
	t.Helper()
	r := s.request(t, call)
	a, res := send(t, r) //nolint:bodyclose // send has read and closed it
	if err := Check(r, res, a.Body); err != nil {
		t.Errorf("%s answered %d against the contract: %v\n%s", call.Operation, res.StatusCode, err, a.Body)
	}
	return a
}

// Send is Do without the look at the contract, for benchmarks.
func (s *Site) Send(t testing.TB, call Call) Answer {
	t.Helper()
	a, _ := send(t, s.request(t, call)) //nolint:bodyclose // send has read and closed it
	return a
}

func send(t testing.TB, r *http.Request) (Answer, *http.Response) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := ReadAnswer(res)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, b}, res
}

// ReadAnswer reads a whole answer; of a stream, which has no end, what it begins with.
func ReadAnswer(res *http.Response) ([]byte, error) {
	if !isStream(res.Header) {
		return io.ReadAll(res.Body)
	}
	var b []byte
	for lines := bufio.NewReader(res.Body); !bytes.HasSuffix(b, []byte("\n\n")); {
		line, err := lines.ReadBytes('\n')
		if b = append(b, line...); err != nil {
			return b, err
		}
	}
	return b, nil
}

func isStream(h http.Header) bool { return h.Get("Content-Type") == "text/event-stream" }

func (s *Site) request(t testing.TB, call Call) *http.Request {
	t.Helper()
	op, ok := Contract(t).Operation(call.Operation)
	if !ok {
		t.Fatalf("no operation %s", call.Operation)
	}
	path := op.Path
	for name, value := range call.Path {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	url := s.URL + "/v1" + path
	if call.Query != "" {
		url += "?" + call.Query
	}
	var body io.Reader
	if call.Body != nil {
		b, err := json.Marshal(call.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(t.Context(), op.Method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if call.Token != "" {
		r.Header.Set("Authorization", "Bearer "+call.Token)
	}
	if call.Ticket != "" {
		r.Header.Set("Titrate-Ticket", call.Ticket)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		if op.Method == http.MethodPatch {
			r.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if op.Kind == "plan" || op.Kind == "decision" {
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	if op.Kind == "decision" {
		r.Header.Set("If-Match", `"1"`)
	}
	for name, value := range call.Header {
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	return r
}

// Must sends the call and fails the test unless it succeeds.
func (s *Site) Must(t testing.TB, call Call) Answer {
	t.Helper()
	a := s.Do(t, call)
	if a.Status < 200 || a.Status > 299 {
		t.Fatalf("%s: %d %s", call.Operation, a.Status, a.Body)
	}
	return a
}

// shown are the examples of request bodies, by operation.
var shown = sync.OnceValues(func() (map[string]string, error) {
	c, err := contract.Shipped()
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(c.JSON(), &doc); err != nil {
		return nil, err
	}
	examples := map[string]string{}
	for _, item := range doc.Paths {
		for _, raw := range item {
			var op struct {
				OperationID string
				RequestBody struct {
					Content map[string]struct {
						Examples map[string]struct{ Value json.RawMessage }
					}
				}
			}
			if json.Unmarshal(raw, &op) != nil {
				continue // parameters of all operations of the path
			}
			for _, media := range op.RequestBody.Content {
				for _, e := range media.Examples {
					examples[op.OperationID] = string(e.Value)
				}
			}
		}
	}
	return examples, nil
})

// Example returns the contract's example of an operation's request body, with the example ids
// replaced by those of a scene; nil if it takes none.
func Example(t testing.TB, operation string, ids map[string]string) any {
	t.Helper()
	examples, err := shown()
	if err != nil {
		t.Fatal(err)
	}
	text, ok := examples[operation]
	if !ok {
		return nil
	}
	for from, to := range ids {
		text = strings.ReplaceAll(text, from, to)
	}
	var body any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// exampleID is the id that the contract's examples use for a record.
func exampleID(suffix string) string { return fmt.Sprintf("01980000-0000-7000-8000-%012s", suffix) }

// ExampleIDs are the ids that the contract's examples use, by what they stand for.
var ExampleIDs = map[string]string{
	"clinic": exampleID("1"), "admin": exampleID("a1"), "prescriber": exampleID("b1"), "cosigner": exampleID("b2"),
	"clinician": exampleID("c1"), "patient": exampleID("d1"), "protocol": exampleID("e1"), "treatment": exampleID("f1"),
	"prescription": exampleID("101"), "session": exampleID("201"), "assessment": exampleID("301"), "alert": exampleID("401"),
	"measurement": exampleID("501"), "supportPerson": exampleID("601"), "medication": exampleID("611"), "pdmpCheck": exampleID("621"), "visit": exampleID("631"), "followUp": exampleID("641"), "dispense": exampleID("901"), "supplyEntry": exampleID("911"),
	"consultation":    exampleID("801"),
	"consentTemplate": exampleID("701"), "consent": exampleID("711"),
	"entry":        exampleID("c11"),
	"adverseEvent": exampleID("a01"), "adjustment": exampleID("a11"), "suggestion": exampleID("a21"), "webhookEndpoint": exampleID("b01"), "delivery": exampleID("b11"),
}
