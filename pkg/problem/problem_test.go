package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/problem"
)

// statuses is what clients were promised, written down a second time.
var statuses = map[int][]problem.Code{
	400: {"invalid_request", "malformed_json", "idempotency_key_required", "clinic_required", "invalid_cursor",
		"occurred_in_future", "search_criterion_required"},
	401: {"unauthenticated"},
	403: {"forbidden", "no_membership"},
	404: {"not_found", "no_route"},
	405: {"method_not_allowed"},
	406: {"not_acceptable"},
	409: {"illegal_transition", "id_in_use", "idempotency_in_progress", "conflict", "has_open_work", "invitation_used",
		"treatment_open", "consultation_open", "adjustment_open", "evidence_changed", "already_applied"},
	410: {"resync_required"},
	412: {"stale"},
	413: {"body_too_large"},
	414: {"uri_too_long"},
	415: {"unsupported_media_type"},
	422: {"idempotency_key_reused", "rule_violated", "weight_required", "hard_maximum_exceeded",
		"credentials_required", "licence_required", "protocol_not_allowed", "invitation_invalid", "reference_not_found"},
	428: {"if_match_required"},
	429: {"rate_limited"},
	431: {"headers_too_large"},
	500: {"internal"},
	503: {"unavailable", "outcome_unknown"},
	504: {"timeout"},
}

func TestStatuses(t *testing.T) {
	got := map[int][]problem.Code{}
	for _, code := range problem.Codes() {
		definition, found := problem.Lookup(code)
		if !found || definition.Code != code {
			t.Errorf("Lookup(%s) = %s, %v", code, definition.Code, found)
		}
		got[definition.Status] = append(got[definition.Status], code)
	}
	if diff := cmp.Diff(statuses, got); diff != "" {
		t.Errorf("codes by status (-want +got):\n%s", diff)
	}
}

func TestRetryable(t *testing.T) {
	want := []problem.Code{"idempotency_in_progress", "rate_limited", "unavailable", "outcome_unknown", "timeout"}
	var got []problem.Code
	for _, code := range problem.Codes() {
		if problem.New(code, "").Retryable {
			got = append(got, code)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("retryable codes (-want +got):\n%s", diff)
	}
}

// Every constant of the package is in the table, and nothing else is.
func TestEveryConstantIsDefined(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var constants []problem.Code
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && fmt.Sprint(spec.Type) == "Code" {
			for _, value := range spec.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				constants = append(constants, problem.Code(text))
			}
		}
		return true
	})
	codes := problem.Codes()
	slices.Sort(constants)
	slices.Sort(codes)
	if diff := cmp.Diff(constants, codes); diff != "" {
		t.Errorf("codes (-constants +table):\n%s", diff)
	}
}

func TestExplanations(t *testing.T) {
	var (
		snake    = regexp.MustCompile(`\A[a-z]+(_[a-z]+)*\z`)
		sentence = regexp.MustCompile(`[.?!](\s|\z)`)
		effect   = regexp.MustCompile(`(?i)nothing was|changed nothing|no membership was made|not known|either happened`)
		titles   = map[string]problem.Code{}
		statuses []int
	)
	for _, code := range problem.Codes() {
		d, _ := problem.Lookup(code)
		statuses = append(statuses, d.Status)
		if !snake.MatchString(string(code)) {
			t.Errorf("%s is not snake_case", code)
		}
		if other, taken := titles[d.Title]; taken || d.Title == "" || strings.HasSuffix(d.Title, ".") {
			t.Errorf("%s: title %q is empty, a sentence or that of %s", code, d.Title, other)
		}
		titles[d.Title] = code
		if n := len(sentence.FindAllString(d.Explanation, -1)); n < 2 || n > 4 {
			t.Errorf("%s: %d sentences, want 2 to 4: %s", code, n, d.Explanation)
		}
		if !effect.MatchString(d.Explanation) {
			t.Errorf("%s does not say what became of the request: %s", code, d.Explanation)
		}
	}
	if !slices.IsSorted(statuses) {
		t.Errorf("codes are not ordered by status: %v", statuses)
	}
}

func TestJSON(t *testing.T) {
	p := problem.New(problem.InvalidRequest, "2 faults",
		problem.Fault{In: problem.InBody, Pointer: "/doseMg", Code: "required", Detail: "is missing"},
		problem.Fault{In: problem.InHeader, Pointer: "X-Request-Id", Code: "pattern"},
	).Complete("https://api.example.org/", "/v1/prescriptions", "req-1")
	const want = `{
  "type": "https://api.example.org/problems/invalid_request",
  "title": "The request does not match the contract",
  "status": 400,
  "detail": "2 faults",
  "instance": "/v1/prescriptions",
  "code": "invalid_request",
  "requestId": "req-1",
  "retryable": false,
  "errors": [
    {
      "in": "body",
      "pointer": "/doseMg",
      "code": "required",
      "detail": "is missing"
    },
    {
      "in": "header",
      "pointer": "X-Request-Id",
      "code": "pattern"
    }
  ]
}`
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	var read problem.Problem
	if err := json.Unmarshal(got, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*p, read); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestCompleteLeavesTheOriginal(t *testing.T) {
	p := problem.New(problem.NotFound, "")
	before := *p
	if got := p.Complete("https://a.example", "/x", "r"); got.Type == "" || got.Instance == "" || got.RequestID == "" {
		t.Errorf("not complete: %+v", got)
	}
	if diff := cmp.Diff(before, *p); diff != "" {
		t.Errorf("the original changed (-before +after):\n%s", diff)
	}
}

func TestUnknownCode(t *testing.T) {
	if got := problem.New("no_such_code", "").Code; got != problem.Internal {
		t.Errorf("New made %s, want %s", got, problem.Internal)
	}
	if _, found := problem.Lookup("no_such_code"); found {
		t.Error("Lookup found a code that is not there")
	}
}

func TestIs(t *testing.T) {
	stale := problem.New(problem.Stale, "")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"itself", stale, true},
		{"wrapped", fmt.Errorf("sign: %w", stale), true},
		{"joined", errors.Join(errors.New("other"), stale), true},
		{"another code", problem.New(problem.NotFound, ""), false},
		{"another error", errors.New("stale"), false},
		{"no error", nil, false},
	}
	for _, test := range tests {
		if got := problem.Is(test.err, problem.Stale); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestError(t *testing.T) {
	if got, want := problem.New(problem.Stale, "version 8 is current").Error(), "stale: version 8 is current"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := problem.New(problem.Stale, "").Error(), "stale"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
