package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/pkg/problem"
)

const (
	key   = "Idempotency-Key: k-1"
	match = `If-Match: "7"`
	patch = "Content-Type: application/merge-patch+json"
)

func TestParameters(t *testing.T) {
	const path = thing + "/parts/left"
	tests := []struct {
		name, target string
		header       []string
		want         []string
	}{
		{"everything right", path + "?limit=5&ratio=0.5&deep=true&status=red&status=green&ids=1,2&since=2026-01-31T08:00:00%2B02:00&text=ab",
			[]string{"If-None-Match: x", "Tags: a,b"}, nil},
		{"nothing but the path", path, nil, nil},
		{"escaped path", thing + "/parts/l%65ft", nil, nil},
		{"escaped once, not twice", thing + "/parts/%2565", nil, []string{"invalid_request", "path partName pattern"}},
		{"path values", "/v1/things/x/parts/RIGHT", nil, []string{"invalid_request", "path partName pattern", "path thingId format"}},
		{"empty path value", "/v1/things//parts/left", nil, []string{"invalid_request", "path thingId required"}},
		{"everything at once", path + "?limit=0&ratio=0&deep=1&status=blue&ids=1,x&since=now&text=a&other=1&sp%20ace=1",
			[]string{"If-None-Match: 0123456789012345678901", "Tags: a,bcde"}, []string{"invalid_request",
				"query  unknown_parameter", "query deep type", "query ids type", "query limit minimum", "query other unknown_parameter",
				"query ratio exclusive_minimum", "query since format", "query status enum", "query text min_length",
				"header If-None-Match max_length", "header Tags max_length"}},
		{"repeated", path + "?limit=1&limit=2&ids=1&ids=2", []string{"If-None-Match: a", "If-None-Match: b"},
			[]string{"invalid_request", "query ids repeated", "query limit repeated", "header If-None-Match repeated"}},
		{"too many items", path + "?status=red&status=red&status=red", nil, []string{"invalid_request", "query status max_items"}},
		{"integers by their text", path + "?limit=1.0", nil, []string{"invalid_request", "query limit type"}},
		{"integers without exponent", path + "?limit=1e2", nil, []string{"invalid_request", "query limit type"}},
		{"no plus, no zeros in front", path + "?limit=%2B5&ratio=007", nil, []string{"invalid_request", "query limit type", "query ratio type"}},
		{"no space", path + "?limit=%205", nil, []string{"invalid_request", "query limit type"}},
		{"far too large", path + "?limit=99999999999&ids=99999999999999999999999&ratio=1e99999999", nil,
			[]string{"invalid_request", "query ids format", "query limit format", "query ratio type"}},
		{"empty", path + "?limit=", nil, []string{"invalid_request", "query limit type"}},
		{"bad escape", path + "?limit=%zz&text=a", nil, []string{"invalid_request", "query  encoding", "query text min_length"}},
		{"semicolon", path + "?limit=1;text=ab", nil, []string{"invalid_request", "query  encoding"}},
		{"NUL", path + "?text=ab%00", nil, []string{"invalid_request", "query text encoding"}},
		{"not UTF-8", path + "?text=ab%ff", nil, []string{"invalid_request", "query text encoding"}},
		{"a plus that became a space", path + "?since=2026-01-31T08:00:00+02:00", nil, []string{"invalid_request", "query since format"}},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := send(t, c, request("GET", test.target, "", test.header...))
			if got.context == nil {
				t.Fatal("not routed")
			}
			if diff := cmp.Diff(test.want, summary(got.problem)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeadersOfDecisions(t *testing.T) {
	long := strings.Repeat("k", 255)
	tests := []struct {
		name   string
		target string
		header []string
		status int
		want   []string
	}{
		{"both", thing, []string{key, match}, 0, nil},
		{"quoted", thing, []string{`Idempotency-Key: "k"`, match}, 0, nil},
		{"as long as allowed", thing, []string{"Idempotency-Key: " + long, match}, 0, nil},
		{"quotes do not count", thing, []string{`Idempotency-Key: "` + long + `"`, match}, 0, nil},
		{"derived status in the etag", thing, []string{key, `If-Match: "7.expired"`}, 0, nil},
		{"key missing", thing, []string{match}, 400, []string{"idempotency_key_required", "header Idempotency-Key required"}},
		{"key empty", thing, []string{match, "Idempotency-Key: "}, 400, []string{"idempotency_key_required", "header Idempotency-Key required"}},
		{"key of quotes only", thing, []string{match, `Idempotency-Key: ""`}, 400, []string{"idempotency_key_required", "header Idempotency-Key required"}},
		{"If-Match missing", thing, []string{key}, 428, []string{"if_match_required", "header If-Match required"}},
		{"both missing", thing, nil, 400, []string{"idempotency_key_required", "header Idempotency-Key required", "header If-Match required"}},
		{"missing and something else", "/v1/things/x", []string{key}, 400, []string{"invalid_request", "path thingId format", "header If-Match required"}},
		{"key too long", thing, []string{"Idempotency-Key: k" + long, match}, 400, []string{"invalid_request", "header Idempotency-Key max_length"}},
		{"key twice", thing, []string{key, key, match}, 400, []string{"invalid_request", "header Idempotency-Key repeated"}},
		{"key with a control character", thing, []string{"Idempotency-Key: a\tb", match}, 400, []string{"invalid_request", "header Idempotency-Key pattern"}},
		{"weak etag", thing, []string{key, `If-Match: W/"7"`}, 400, []string{"invalid_request", "header If-Match pattern"}},
		{"any etag", thing, []string{key, `If-Match: *`}, 400, []string{"invalid_request", "header If-Match pattern"}},
		{"several etags", thing, []string{key, `If-Match: "7", "8"`}, 400, []string{"invalid_request", "header If-Match pattern"}},
	}
	c := load(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := send(t, c, request("DELETE", test.target, "", test.header...))
			if diff := cmp.Diff(test.want, summary(got.problem)); diff != "" {
				t.Error(diff)
			}
			if got.problem != nil && got.problem.Status != test.status {
				t.Errorf("got status %d, want %d", got.problem.Status, test.status)
			}
		})
	}
}

func TestMediaTypes(t *testing.T) {
	const good = `{"id":"0198c0de-0000-7000-8000-000000000001","colour":"red"}`
	merge := thing + "?required=x"
	tests := []struct {
		name, method, target, body string
		header                     []string
		want                       []string
		answer                     string
	}{
		{"plain", "POST", "/v1/things", good, []string{key}, nil, ""},
		{"with charset", "POST", "/v1/things", good, []string{key, "Content-Type: application/JSON; charset=UTF-8"}, nil, ""},
		{"another charset", "POST", "/v1/things", good, []string{key, "Content-Type: application/json; charset=latin1"},
			[]string{"unsupported_media_type", "header Content-Type unsupported_media_type"}, ""},
		{"none", "POST", "/v1/things", good, []string{key, "Content-Type: "},
			[]string{"unsupported_media_type", "header Content-Type unsupported_media_type"}, ""},
		{"two", "POST", "/v1/things", good, []string{key, "Content-Type: application/json", "Content-Type: text/plain"},
			[]string{"unsupported_media_type", "header Content-Type unsupported_media_type"}, ""},
		{"a form, and the key is missing too", "POST", "/v1/things", "a=b", []string{"Content-Type: application/x-www-form-urlencoded"},
			[]string{"unsupported_media_type", "header Content-Type unsupported_media_type", "header Idempotency-Key required"}, ""},
		{"merge patch", "PATCH", merge, `{"note":null}`, []string{key, match, patch}, nil, ""},
		{"JSON instead of a merge patch", "PATCH", merge, `{"note":null}`, []string{key, match},
			[]string{"unsupported_media_type", "header Content-Type unsupported_media_type"}, "Accept-Patch: application/merge-patch+json"},
		{"compressed", "POST", "/v1/things", good, []string{key, "Content-Encoding: gzip"},
			[]string{"unsupported_media_type", "header Content-Encoding unsupported_encoding"}, "Accept-Encoding: identity"},
		{"compressed, without a body", "DELETE", thing, "", []string{key, match, "Content-Encoding: br"},
			[]string{"unsupported_media_type", "header Content-Encoding unsupported_encoding"}, "Accept-Encoding: identity"},
		{"no body", "POST", "/v1/things", "", []string{key}, []string{"invalid_request", "body  required"}, ""},
		{"no body where it is optional", "POST", "/v1/notes", "", nil, nil, ""},
		{"a body where none is", "DELETE", thing, "{}", []string{key, match}, []string{"invalid_request", "body  unexpected_body"}, ""},
		{"one byte where none is", "DELETE", thing, " ", []string{key, match}, []string{"invalid_request", "body  unexpected_body"}, ""},
		{"just small enough", "PATCH", merge, pad(`{"note":"a"}`, 64), []string{key, match, patch}, nil, ""},
		{"too large", "PATCH", merge, pad(`{"note":"a"}`, 65), []string{key, match, patch}, []string{"body_too_large", "body  max_size"}, ""},
		{"too large for the default", "POST", "/v1/things", pad(good, contract.DefaultMaxBody+1), []string{key}, []string{"body_too_large", "body  max_size"}, ""},
	}
	c := load(t)
	for _, test := range tests {
		for _, announced := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/announced=%t", test.name, announced), func(t *testing.T) {
				r := request(test.method, test.target, test.body, test.header...)
				if !announced {
					r.ContentLength = -1
				}
				got := send(t, c, r)
				if diff := cmp.Diff(test.want, summary(got.problem)); diff != "" {
					t.Error(diff)
				}
				if name, value, ok := strings.Cut(test.answer, ": "); ok && got.answer.Get(name) != value {
					t.Errorf("got %v, want %s", got.answer, test.answer)
				}
			})
		}
	}
}

func pad(s string, size int) string { return s + strings.Repeat(" ", size-len(s)) }

func TestBodyIsHandedOver(t *testing.T) {
	const sent = ` {"note" : "ä\u0041\n", "size": null} `
	asked := request("PATCH", thing+"?required=x", sent, key, match, patch)
	asked.ContentLength = -1 // the binder takes 0 for no body, and must not see -1 either
	got := send(t, load(t), asked)
	if got.problem != nil {
		t.Fatal(summary(got.problem))
	}
	r := got.context.Request()
	if again, err := io.ReadAll(r.Body); err != nil || string(again) != sent || r.ContentLength != int64(len(sent)) {
		t.Errorf("got %q, %d bytes announced, %v", again, r.ContentLength, err)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("got the media type %s", got)
	}
	parsed, canonical, ok := contract.Body(r.Context())
	if diff := cmp.Diff(map[string]any{"note": "äA\n", "size": nil}, parsed); diff != "" || !ok {
		t.Error(ok, diff)
	}
	if want := `{"note":"äA\n","size":null}`; string(canonical) != want {
		t.Errorf("got %s, want %s", canonical, want)
	}
}

func TestCanonicalBody(t *testing.T) {
	const sent = `{"weightKg": 70.50, "tree": {"branches": [ {}, {"branches": []} ]}, "id": "0198c0de-0000-7000-8000-000000000001", "yes":false, "colour": "red", "doseMg":100.000}`
	const want = `{"colour":"red","doseMg":100.000,"id":"0198c0de-0000-7000-8000-000000000001","tree":{"branches":[{},{"branches":[]}]},"weightKg":70.50,"yes":false}`
	got := send(t, load(t), request("POST", "/v1/things", sent, key))
	if got.problem != nil {
		t.Fatal(summary(got.problem))
	}
	parsed, canonical, _ := contract.Body(got.context.Request().Context())
	if string(canonical) != want {
		t.Errorf("got  %s\nwant %s", canonical, want)
	}
	if n := parsed.(map[string]any)["doseMg"]; n != json.Number("100.000") {
		t.Errorf("got %#v", n)
	}
}

func TestWithoutBody(t *testing.T) {
	got := send(t, load(t), request("POST", "/v1/notes", ""))
	if got.problem != nil {
		t.Fatal(summary(got.problem))
	}
	if _, _, ok := contract.Body(got.context.Request().Context()); ok {
		t.Error("there is a body that nobody sent")
	}
}

// A body that cannot be read to its end is the sender's fault, unless the server cut it off.
func TestBrokenBody(t *testing.T) {
	c := load(t)
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"cut off", io.ErrUnexpectedEOF, []string{"invalid_request", "body  incomplete"}},
		{"stopped by an outer limit", &http.MaxBytesError{Limit: 1}, []string{"body_too_large", "body  max_size"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request("POST", "/v1/notes", "{}")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{test.err}))
			if diff := cmp.Diff(test.want, summary(send(t, c, r).problem)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestNilIsNotAProblem(t *testing.T) {
	c := load(t)
	op, _ := c.Operation("note")
	e := serve(t, c, nil)
	err := op.Check(e.NewContext(request("POST", "/v1/notes", "{}"), nil))
	if _, ok := errors.AsType[*problem.Problem](err); err != nil || ok {
		t.Errorf("got %v", err)
	}
}
