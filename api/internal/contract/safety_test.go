package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/problem"
)

// canaries stand for patient data. None may be found in any problem, in any place of a
// request where a client could put it.
var canaries = []string{"Kanarienvogel 1954-03-02", "kanari@example.org", `kanari"quoted`, "kanari/slash~", "ka\u0301nari", "+43 157 000411223", "<kanari>"}

func TestNoSentValueInProblems(t *testing.T) {
	c := load(t)
	members := []string{"id", "colour", "doseMg", "weightKg", "count", "big", "low", "share", "name", "day", "at", "zone", "mail", "link", "same",
		"yes", "list", "two", "address", "either", "shape", "never", "notRed", "answers", "tree", "both"}
	for _, canary := range canaries {
		text, _ := json.Marshal(canary)
		inQuery, inPath := url.QueryEscape(canary), url.PathEscape(canary)
		var requests []*http.Request
		add := func(method, target, body string, header ...string) {
			requests = append(requests, request(method, target, body, header...))
		}
		for _, member := range members {
			for _, form := range []string{`%s`, `[%s]`, `{"x":%s}`, `{%s:1}`, `{%s:"x"}`, `{"shape":%s}`, `{"city":%s}`, `[[%s]]`} {
				add("POST", "/v1/things", fmt.Sprintf(`{%q:`+form+`}`, member, text), key)
			}
		}
		for _, body := range []string{string(text), "{" + string(text) + ":1}", "{" + string(text) + ":1," + string(text) + ":2}", canary, `{"a":` + canary, `{"a":1}` + canary} {
			add("POST", "/v1/things", body, key)
			add("PATCH", thing, body, patch)
			add("DELETE", thing, body)
		}
		for _, name := range []string{"limit", "ratio", "deep", "status", "ids", "since", "text", "other"} {
			add("GET", thing+"/parts/left?"+name+"="+inQuery+"&"+name+"="+inQuery, "")
			add("GET", thing+"/parts/left?"+name+"="+inQuery, "")
		}
		add("GET", thing+"/parts/left?"+inQuery+"=1", "")
		add("GET", thing+"/parts/"+inPath, "")
		add("GET", "/v1/things/"+inPath+"/parts/x", "")
		for _, header := range []string{"If-None-Match", "Tags", "Idempotency-Key", "If-Match", "Content-Type", "Content-Encoding"} {
			add("GET", thing+"/parts/left", "", header+": "+strings.Repeat(canary, 20))
			add("POST", "/v1/things", "{}", header+": "+canary)
			add("DELETE", thing, "", header+": "+canary)
		}
		for _, r := range requests {
			what := r.Method + " " + r.URL.String()
			got := send(t, c, r)
			if got.context == nil {
				t.Fatalf("%s is not routed", what)
			}
			if got.problem != nil {
				withoutCanary(t, what, canary, got.problem)
			}
			for name, values := range got.answer {
				if joined := strings.Join(values, ","); strings.Contains(joined, canary) {
					t.Errorf("%s: the answer's header %s is %s", what, name, joined)
				}
			}
		}
	}
}

func withoutCanary(t *testing.T, what, canary string, p *problem.Problem) {
	t.Helper()
	var sent bytes.Buffer
	e := json.NewEncoder(&sent)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		t.Fatal(err)
	}
	escaped, _ := json.Marshal(canary)
	all := strings.ToLower(sent.String() + p.Error())
	for _, form := range []string{canary, string(escaped[1 : len(escaped)-1]), url.QueryEscape(canary), url.PathEscape(canary), "kanari", "000411223"} {
		if strings.Contains(all, strings.ToLower(form)) {
			t.Errorf("%s: %s is in %s", what, form, all)
		}
	}
	for _, inside := range []string{"#/", "components", "contract.invalid", "schemas", "jsonschema", "unmarshal", "jsontext"} {
		if strings.Contains(all, inside) {
			t.Errorf("%s: %s is in %s", what, inside, all)
		}
	}
}

// bound is a body as the generated code would bind it.
type bound struct {
	ID       string
	DoseMg   *dose.Mg
	WeightKg *dose.Kg
	Count    *int32
	Big      *int64
	Low      *int64
	High     *int64
	Share    *float64
	At       *time.Time
	List     []int64
	Answers  map[string]int64
}

// sound fails if Check and what comes after it disagree about a body.
func sound(t rapid.TB, op *contract.Operation, r *http.Request, body []byte) {
	t.Helper()
	e := echo.New()
	c := e.NewContext(r, httptest.NewRecorder())
	if err := op.Check(c); err != nil {
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok || len(p.Errors) == 0 || p.Status < 400 || p.Status > 499 {
			t.Fatalf("got %#v for %q", err, body)
		}
		return
	}
	_, canonical, ok := contract.Body(c.Request().Context())
	if !ok {
		return
	}
	var again, sent any
	for text, into := range map[*[]byte]*any{&body: &sent, &canonical: &again} {
		d := json.NewDecoder(bytes.NewReader(*text))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			t.Fatalf("accepted, but: %v in %q", err, *text)
		}
	}
	if diff := cmp.Diff(sent, again); diff != "" {
		t.Fatalf("the canonical form of %q differs: %s", body, diff)
	}
	if op.ID == "makeThing" {
		if err := c.Bind(new(bound)); err != nil {
			t.Fatalf("accepted, but it cannot be bound: %v in %q", err, body)
		}
	}
}

func TestCheckIsSound(t *testing.T) {
	c := load(t)
	op, _ := c.Operation("makeThing")
	values := rapid.SampledFrom([]string{"1", "0.5", "1.0", "1e2", "-0", "9223372036854775808", "1e400", `"red"`, `"2026-01-31T08:00:00Z"`, `"Europe/Vienna"`,
		`""`, `"\u0000"`, `"\ud83d"`, "null", "true", "[]", "{}", `[1,"a",null]`, `{"shape":"round","radius":1.5}`, `{"q-1":2}`, `{"a b":{"c":[1]}}`, "\xff", "1 2", `"x`})
	names := rapid.SampledFrom([]string{"doseMg", "weightKg", "count", "big", "low", "high", "share", "name", "at", "zone", "list", "two", "address",
		"shape", "answers", "tree", "either", "Count", "a b", "never"})
	rapid.Check(t, func(t *rapid.T) {
		body := "{" + required
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			name := names.Draw(t, "name")
			value := rapid.OneOf(values, rapid.String(), rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) })).Draw(t, "value")
			body += fmt.Sprintf(",%q:%s", name, value)
		}
		body += "}"
		sound(t, op, request("POST", "/v1/things", body, key), []byte(body))
	})
}

func TestCheckIsSafeForConcurrentUse(t *testing.T) {
	c := load(t)
	op, _ := c.Operation("makeThing")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				body := fmt.Sprintf(`{%s,"count":%d,"zone":"Europe/Vienna","answers":{"a":%d}}`, required, 18+i, i)
				err := op.Check(echo.New().NewContext(request("POST", "/v1/things", body, key), httptest.NewRecorder()))
				var want []string
				if i < 2 {
					want = append(want, "body /count minimum")
				}
				if i > 3 {
					want = append([]string{"body /answers/a maximum"}, want...)
				}
				p, _ := errors.AsType[*problem.Problem](err)
				if got := summary(p); len(got) > 0 && !slices.Equal(got[1:], want) || len(got) == 0 && want != nil {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzCheck takes any bytes, anywhere: no panic, no status but 4xx.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("{"+required+"}"), "limit=1&status=red", "application/json", `"7"`)
	f.Add([]byte(`{"a":1e999999999}`), "ids=1,%00&limit=%zz", "application/merge-patch+json; charset=\"", `W/"7"`)
	f.Add([]byte("\xff\x00[[[[["), "&&==;", "", "")
	f.Add([]byte(`{"shape":{"shape":7},"address":{"x":{}},"list":[[]]}`), "", "application/json", "")
	c := load(f)
	f.Fuzz(func(t *testing.T, body []byte, query, mediaType, header string) {
		for _, op := range c.Operations() {
			r := httptest.NewRequest(op.Method, "/", bytes.NewReader(body))
			r.URL.RawQuery = query
			for name, value := range map[string]string{"Content-Type": mediaType, "Idempotency-Key": header, "If-Match": header, "Tags": header} {
				r.Header[name] = []string{value}
			}
			sound(t, &op, r, body)
			r = httptest.NewRequest(op.Method, "/", bytes.NewReader(body))
			r.Header.Set("Idempotency-Key", "k")
			r.Header.Set("If-Match", `"1"`)
			r.Header.Set("Content-Type", "application/json")
			sound(t, &op, r, body)
		}
	})
}
