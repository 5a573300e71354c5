package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

func get(path string, header ...string) message {
	return message{method: http.MethodGet, path: path}.with(header...)
}

// TestPlainRoutes is what the server answers outside of /v1, to anybody.
func TestPlainRoutes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		for _, tt := range []struct{ path, kind, body string }{
			{"/healthz", "text/plain; charset=UTF-8", "alive\n"},
			{"/readyz", "text/plain; charset=UTF-8", "ready\n"},
			{"/openapi.yaml", "application/yaml", string(titrate.OpenAPI)},
			{"/openapi.json", "application/json", string(apitest.Contract(t).JSON())},
		} {
			got := send(t, s, get(tt.path))
			if got.Status != 200 || got.Header.Get("Content-Type") != tt.kind || string(got.Body) != tt.body {
				t.Errorf("%s: %d %q %.100s", tt.path, got.Status, got.Header.Get("Content-Type"), got.Body)
			}
			if csp := got.Header.Get("Content-Security-Policy"); csp != "default-src 'none'; frame-ancestors 'none'" {
				t.Errorf("%s: Content-Security-Policy %q", tt.path, csp)
			}
			for name := range got.Header {
				if slices.Contains([]string{"Server", "X-Powered-By", "Set-Cookie", "Access-Control-Allow-Origin", "Strict-Transport-Security"}, name) {
					t.Errorf("%s: %s: %s", tt.path, name, got.Header.Get(name))
				}
			}
		}
		for _, path := range []string{"/metrics", "/debug/pprof/", "/test/clock", "/docs/token?as=admin", "/.well-known/jwks.json"} {
			expect(t, path, send(t, s, get(path)), 404, problem.NoRoute)
		}
		behindTLS := send(t, s, get("/healthz", "X-Forwarded-Proto", "https"))
		if got := behindTLS.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
			t.Errorf("Strict-Transport-Security %q", got)
		}
	})
}

// TestProblemPages: the type of every problem leads to its explanation.
func TestProblemPages(t *testing.T) {
	s := apitest.New(t, storetest.SQLite(t))
	for _, want := range problem.Codes() {
		refused := problem.New(want, "").Complete("", "", "")
		var got problem.Definition
		a := send(t, s, get(refused.Type))
		if err := json.Unmarshal(a.Body, &got); err != nil || a.Status != 200 {
			t.Errorf("%s: %d %v", want, a.Status, err)
		}
		if known, _ := problem.Lookup(want); got != known || got.Explanation == "" {
			t.Errorf("%s explains %+v", refused.Type, got)
		}
	}
	expect(t, "unknown", send(t, s, get("/problems/nothing")), 404, problem.NoRoute)
}

// TestCORSIsClosed: without configuration no web page of another origin may read anything.
func TestCORSIsClosed(t *testing.T) {
	s := apitest.New(t, storetest.SQLite(t))
	for _, m := range []message{
		get("/v1/me", "Origin", "https://evil.example"), get("/healthz", "Origin", "null"),
		{"OPTIONS", "/v1/patients", "", map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}},
	} {
		got := send(t, s, m)
		for name, value := range got.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: %s %s", m.method, m.path, name, value)
			}
		}
	}
}

// TestCORS: a configured origin may use every operation, and read every header of its answers.
func TestCORS(t *testing.T) {
	const app = "https://app.example.org"
	s := apitest.New(t, storetest.SQLite(t), func(c *api.Config) { c.CORSOrigins = []string{app, "https://other.example.org:8443"} })
	for _, origin := range []string{app, "https://other.example.org:8443"} {
		got := send(t, s, get("/v1/me", "Origin", origin))
		if allowed := got.Header.Get("Access-Control-Allow-Origin"); allowed != origin {
			t.Errorf("%s is answered for %q", origin, allowed)
		}
		if got.Header.Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(got.Header.Values("Vary"), "Origin") {
			t.Errorf("credentials %q, Vary %q", got.Header.Get("Access-Control-Allow-Credentials"), got.Header.Values("Vary"))
		}
	}
	for _, origin := range []string{"https://evil.example", "http://app.example.org", app + ".evil.example", "https://app.example.org:444", "null", "HTTPS://APP.EXAMPLE.ORG.evil"} {
		if allowed := send(t, s, get("/v1/me", "Origin", origin)).Header.Get("Access-Control-Allow-Origin"); allowed != "" {
			t.Errorf("%s is answered for %q", origin, allowed)
		}
	}
	preflight := send(t, s, message{"OPTIONS", "/v1/patients", "", map[string]string{
		"Origin": app, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key",
	}})
	exposed := send(t, s, get("/v1/me", "Origin", app)).Header.Get("Access-Control-Expose-Headers")
	asked, told := []string{"Authorization", "Content-Type", "X-Request-Id"}, []string{"X-Request-Id"}
	for _, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if !listed(preflight.Header.Get("Access-Control-Allow-Methods"), method) {
				t.Errorf("%s is not allowed", method)
			}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if p.Value.In == "header" {
					asked = append(asked, p.Value.Name)
				}
			}
			for _, answer := range op.Responses.Map() {
				for name := range answer.Value.Headers {
					told = append(told, name)
				}
			}
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(asked))) {
		if !listed(preflight.Header.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("the header %s may not be sent", name)
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(told))) {
		if !listed(exposed, name) {
			t.Errorf("the header %s cannot be read", name)
		}
	}
}

// listed reports whether a list of a header has the name.
func listed(list, name string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(one string) bool { return strings.EqualFold(strings.TrimSpace(one), name) })
}

const allowance = 20 // requests a minute of each principal in TestRateLimit

// TestRateLimit: who asks too often waits, and nobody else does, until the clinic's share is
// used up. Every answer of an operation says what is left.
func TestRateLimit(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Limits"), db: db}
		policy := fmt.Sprintf(`"principal";q=%d;w=60, "clinic";q=%d;w=60`, allowance, 10*allowance)
		ask := func(token, path string) apitest.Answer {
			t.Helper()
			got := send(t, s, get(path, "Authorization", "Bearer "+token))
			if p := got.Header.Get("RateLimit-Policy"); p != policy {
				t.Errorf("%s answered %d with RateLimit-Policy %q", path, got.Status, p)
			}
			return got
		}
		last := allowance
		for range 3 * allowance {
			got := ask(c.Clinician.Token, "/v1/patients/"+uuid.NewString())
			left, wait := remaining(t, got)
			if got.Status == 404 && left <= last && wait == 0 && got.Header.Get("Retry-After") == "" {
				last = left
				continue
			}
			expect(t, "too many", got, 429, problem.RateLimited)
			if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 || left != 0 || wait != seconds {
				t.Errorf("Retry-After %q, %d left, wait %d", got.Header.Get("Retry-After"), left, wait)
			}
			break
		}
		expect(t, "still", ask(c.Clinician.Token, "/v1/clinic"), 429, problem.RateLimited)
		expect(t, "also what is not theirs", ask(c.Clinician.Token, "/v1/alerts?limit=0"), 429, problem.RateLimited)
		expect(t, "a colleague", ask(c.Prescriber.Token, "/v1/clinic"), 200, "")
		expect(t, "a role", ask(c.Admin.Token, "/v1/alerts"), 403, problem.Forbidden)
		expect(t, "a mistake", ask(c.Prescriber.Token, "/v1/alerts?limit=0"), 400, problem.InvalidRequest)

		refused := false // bad tokens are counted for the address they come from
		for range 2 * allowance {
			got := ask("bad", "/v1/clinic")
			refused = refused || got.Status == 429
		}
		if !refused {
			t.Error("bad tokens may be tried without end")
		}
		expect(t, "a good one from there", ask(c.Prescriber.Token, "/v1/clinic"), 200, "")
		c.exhaust(t, ask)
		other := s.Clinic(t, "Others")
		expect(t, "another clinic", ask(other.Prescriber.Token, "/v1/clinic"), 200, "")
	}, func(c *api.Config) { c.RateLimit = strconv.Itoa(allowance) })
}

// exhaust lets a clinic's people use up what the clinic may ask together: somebody who has
// asked little is refused.
func (c *counter) exhaust(t *testing.T, ask func(token, path string) apitest.Answer) {
	t.Helper()
	people := []*apitest.Person{c.Prescriber, c.Cosigner, c.Both}
	for i := range 12 {
		people = append(people, c.Staff(t, fmt.Sprintf("colleague-%d", i), client.StaffRoleClinician))
	}
	for _, p := range people {
		asked := 0
		for ask(p.Token, "/v1/clinic").Status == 200 {
			asked++
		}
		if asked < allowance/2 {
			return
		}
	}
	t.Errorf("%d people of a clinic were not refused together", len(people))
}

// remaining reads the RateLimit header.
func remaining(t *testing.T, a apitest.Answer) (left, wait int) {
	t.Helper()
	if _, err := fmt.Sscanf(a.Header.Get("RateLimit"), `"principal";r=%d;t=%d`, &left, &wait); err != nil {
		t.Errorf("RateLimit %q: %v", a.Header.Get("RateLimit"), err)
	}
	return left, wait
}

// TestForeignIsMissing is in the matrix for every operation; here with what else is answered:
// the headers.
func TestForeignIsMissing(t *testing.T) {
	s := apitest.New(t, storetest.SQLite(t))
	mine, theirs := s.Clinic(t, "Mine"), s.Clinic(t, "Theirs")
	p := theirs.Patient(t, "Theirs")
	show := func(id string) apitest.Answer {
		m := wire(t, apitest.Call{Operation: "showPatient", Token: mine.Prescriber.Token, Path: map[string]string{"patientId": id}})
		return send(t, s, m.with("X-Request-Id", "same"))
	}
	foreign, missing := show(p.ID.String()), show(uuid.NewString())
	foreign.Header.Del("Date")
	missing.Header.Del("Date")
	if fmt.Sprint(foreign.Header) != fmt.Sprint(missing.Header) || !bytes.Equal(foreign.Body, missing.Body) {
		t.Errorf("foreign %v %s\nmissing %v %s", foreign.Header, foreign.Body, missing.Header, missing.Body)
	}
}
