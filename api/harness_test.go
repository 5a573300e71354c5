package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// eachSite runs fn against a server of its own on each kind of database, with a look past it.
// SQLite goes without fsync: what is tested with it is not durability.
func eachSite(t *testing.T, fn func(t *testing.T, s *apitest.Site, db testbed.Database), change ...func(*api.Config)) {
	t.Helper()
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		s, db := newSite(t, dsn, change...)
		fn(t, s, db)
	})
}

func newSite(t *testing.T, dsn string, change ...func(*api.Config)) (*apitest.Site, testbed.Database) {
	t.Helper()
	relaxed := func(c *api.Config) { c.Relaxed = true }
	s := apitest.New(t, dsn, append([]func(*api.Config){relaxed}, change...)...)
	return s, apitest.Look(t, dsn, s)
}

// message is a request as it goes over the wire.
type message struct {
	method, path, body string
	header             map[string]string
}

// wire turns a call into its message. Plans and decisions get a key of their own, decisions
// If-Match "1", unless the call brings them.
func wire(t testing.TB, c apitest.Call) message {
	t.Helper()
	op, ok := apitest.Contract(t).Operation(c.Operation)
	if !ok {
		t.Fatalf("no operation %s", c.Operation)
	}
	m := message{method: op.Method, path: "/v1" + op.Path, header: map[string]string{}}
	for name, value := range c.Path {
		m.path = strings.ReplaceAll(m.path, "{"+name+"}", value)
	}
	if c.Query != "" {
		m.path += "?" + c.Query
	}
	if c.Token != "" {
		m.header["Authorization"] = "Bearer " + c.Token
	}
	if c.Ticket != "" {
		m.header["Titrate-Ticket"] = c.Ticket
	}
	if c.Body != nil {
		text, err := json.Marshal(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		m.body, m.header["Content-Type"] = string(text), "application/json"
		if op.Method == http.MethodPatch {
			m.header["Content-Type"] = "application/merge-patch+json"
		}
	}
	if op.Kind == "plan" || op.Kind == "decision" {
		m.header["Idempotency-Key"] = uuid.NewString()
	}
	if op.Kind == "decision" {
		m.header["If-Match"] = `"1"`
	}
	maps.Copy(m.header, c.Header)
	return m
}

// with is the message with other headers; an empty value leaves one out.
func (m message) with(header ...string) message {
	m.header = maps.Clone(m.header)
	if m.header == nil {
		m.header = map[string]string{}
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			delete(m.header, header[i])
		} else {
			m.header[header[i]] = header[i+1]
		}
	}
	return m
}

// send sends the message. Whatever comes back must be sound: see sound.
func send(t testing.TB, s *apitest.Site, m message) apitest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), m.method, s.URL+m.path, strings.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range m.header {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	res, err := http.DefaultTransport.RoundTrip(r) // redirects and their like would be a fault
	if err != nil {
		t.Fatalf("%s %s: %v", m.method, m.path, err)
	}
	defer res.Body.Close()
	body, err := apitest.ReadAnswer(res)
	if err != nil {
		t.Fatal(err)
	}
	a := apitest.Answer{Status: res.StatusCode, Header: res.Header, Body: body}
	sound(t, m, a)
	return a
}

// sound checks what is true of every answer, and of every problem.
func sound(t testing.TB, m message, a apitest.Answer) {
	t.Helper()
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %.200s answered %d %.500s\n"+format, append([]any{m.method, m.path, a.Status, a.Body}, args...)...)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := a.Header.Get(name); got != want {
			wrong("%s: %q, want %q", name, got, want)
		}
	}
	id := a.Header.Get("X-Request-Id")
	if id == "" {
		wrong("no request id")
	}
	if strings.HasPrefix(m.path, "/v1") && a.Header.Get("Cache-Control") != "no-store" {
		wrong("Cache-Control %q", a.Header.Get("Cache-Control"))
	}
	if a.Status < 400 || m.method == http.MethodHead {
		return
	}
	var p problem.Problem
	if err := json.Unmarshal(a.Body, &p); err != nil {
		wrong("no problem: %v", err)
		return
	}
	definition, known := problem.Lookup(p.Code)
	switch {
	case a.Header.Get("Content-Type") != "application/problem+json":
		wrong("Content-Type %q", a.Header.Get("Content-Type"))
	case !known || definition.Status != a.Status || p.Status != a.Status || p.Title != definition.Title || p.Retryable != definition.Retryable:
		wrong("not as the code %q is defined", p.Code)
	case p.RequestID != id:
		wrong("requestId differs from the header, %s", id)
	case p.Type != "/problems/"+string(p.Code): // TestProblemPages follows it
		wrong("type leads nowhere")
	case p.Detail == "":
		wrong("no detail")
	}
}

// code is the problem code of an answer, or "".
func code(a apitest.Answer) problem.Code { return problem.Code(a.Text("code")) }

// expect compares status and problem code.
func expect(t testing.TB, what string, got apitest.Answer, status int, want problem.Code) {
	t.Helper()
	if got.Status != status || code(got) != want {
		t.Errorf("%s: %d %s, want %d %s\n%s", what, got.Status, code(got), status, want, got.Body)
	}
}

// faults are the places and codes that a problem names.
func faults(a apitest.Answer) (list []string) {
	items, _ := a.JSON("errors").([]any)
	for _, item := range items {
		f, _ := item.(map[string]any)
		list = append(list, fmt.Sprint(f["code"], " ", f["pointer"]))
	}
	return list
}

// members are those of an answer that a test looks at.
func members(a apitest.Answer, names ...string) map[string]any {
	all, _ := a.JSON().(map[string]any)
	some := map[string]any{}
	for _, name := range names {
		if v, ok := all[name]; ok {
			some[name] = v
		}
	}
	return some
}

// counts checks how many items a list of the scene has, by its query.
func counts(t *testing.T, scene *apitest.Scene, operation string, want map[string]int) {
	t.Helper()
	for query, n := range want {
		call := scene.Call(t, operation)
		call.Token, call.Query = scene.Clinic.Prescriber.Token, query
		if got := scene.Clinic.Site.Must(t, call); len(itemIDs(t, got)) != n {
			t.Errorf("%s?%s: %s, want %d", operation, query, got.Body, n)
		}
	}
}

// allowed is a call that succeeds: with the contract's example, by the first principal who may.
func allowed(t testing.TB, c *apitest.Clinic, operation string) (*apitest.Scene, apitest.Call) {
	t.Helper()
	scene := c.For(t, operation)
	call := scene.Call(t, operation)
	if operation == "redeemInvitation" {
		subject := uuid.NewString()
		invited := c.Site.Must(t, apitest.Call{Operation: "addStaff", Token: c.Admin.Token, Body: map[string]any{
			"name": map[string]any{"given": "Nia", "family": "New"}, "email": "nia@example.org", "roles": []string{"clinician"},
		}})
		call.Token, call.Body = c.Site.Issuer.Token(t, subject, c.Site.Clock.Now()), map[string]any{"code": invited.Text("invitation", "code")}
		return scene, call
	}
	op, _ := apitest.Contract(t).Operation(operation)
	for _, who := range []struct{ role, token string }{
		{"signedIn", c.Clinician.Token}, {"prescriber", c.Prescriber.Token}, {"clinician", c.Clinician.Token},
		{"admin", c.Admin.Token}, {"patient", scene.Patient.Token},
	} {
		if call.Token == "" && slices.Contains(op.Access, who.role) {
			call.Token = who.token
		}
	}
	if call.Token == "" {
		call.Ticket = scene.Ticket(t)
	}
	return scene, call
}

// operations lists the contract's operations of some kinds, or all.
func operations(t testing.TB, kinds ...string) (ids []string) {
	t.Helper()
	for _, op := range apitest.Contract(t).Operations() {
		if len(kinds) == 0 || slices.Contains(kinds, op.Kind) {
			ids = append(ids, op.ID)
		}
	}
	return ids
}

var writes = []string{"fact", "plan", "decision"}
