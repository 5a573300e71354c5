package api_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// counter is a clinic with a patient at whose server tests knock.
type counter struct {
	*apitest.Clinic
	patient *apitest.Person
	db      testbed.Database
}

// TestHTTP is what holds for requests of every operation.
func TestHTTP(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Counter"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("request ids", c.requestIDs)
		t.Run("routes", c.routes)
		t.Run("bodies", c.bodies)
		t.Run("malformed JSON", c.malformed)
		t.Run("parameters", c.parameters)
		t.Run("too much", c.tooMuch)
		t.Run("HEAD", c.head)
	})
}

// register is a good registerPatient.
func (c *counter) register(t testing.TB) message {
	t.Helper()
	return wire(t, apitest.Call{Operation: "registerPatient", Token: c.Clinician.Token, Body: newPatient("Holm")})
}

func newPatient(family string) map[string]any {
	return map[string]any{
		"name": map[string]any{"given": "Ida", "family": family}, "birthDate": "1990-02-03",
		"gender": "female", "state": "NY", "timeZone": "America/New_York",
	}
}

// update is a good updatePatient of the counter's patient.
func (c *counter) update(t testing.TB, body any) message {
	t.Helper()
	show := wire(t, c.call("showPatient", c.Clinician, nil))
	m := wire(t, c.call("updatePatient", c.Clinician, body))
	return m.with("If-Match", send(t, c.Site, show).Header.Get("ETag"))
}

// call is a call about the counter's patient.
func (c *counter) call(operation string, who *apitest.Person, body any) apitest.Call {
	return apitest.Call{Operation: operation, Token: who.Token, Path: map[string]string{"patientId": c.patient.ID.String()}, Body: body}
}

// stays checks that nothing was written meanwhile.
func (c *counter) stays(t *testing.T, fn func()) {
	t.Helper()
	before := c.db.Contents(t)
	fn()
	if after := c.db.Contents(t); after != before {
		t.Errorf("refused requests changed something:\n%s\n%s", before, after)
	}
}

func (c *counter) requestIDs(t *testing.T) {
	me := wire(t, apitest.Call{Operation: "whoAmI", Token: c.Clinician.Token})
	for _, id := range []string{"a", "A-1_b.c", strings.Repeat("x", 128)} {
		for _, m := range []message{me, me.with("Authorization", "")} {
			if got := send(t, c.Site, m.with("X-Request-Id", id)).Header.Get("X-Request-Id"); got != id {
				t.Errorf("request id %q became %q", id, got)
			}
		}
	}
	for _, id := range []string{"", "with space", "ü", "a/b", `"a"`, strings.Repeat("x", 129), "a,b"} {
		seen := map[string]bool{id: true}
		for _, m := range []message{me, me, me.with("Authorization", ""), {method: "GET", path: "/v1/nowhere", header: map[string]string{}}} {
			got := send(t, c.Site, m.with("X-Request-Id", id)).Header.Get("X-Request-Id")
			if seen[got] || !regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`).MatchString(got) {
				t.Errorf("instead of request id %q: %q", id, got)
			}
			seen[got] = true
		}
	}
}

func (c *counter) routes(t *testing.T) {
	auth := map[string]string{"Authorization": "Bearer " + c.Clinician.Token}
	for _, tt := range []struct {
		method, path string
		status       int
		code         problem.Code
		allow        string
	}{
		{"GET", "/v1", 404, problem.NoRoute, ""},
		{"GET", "/v1/nowhere", 404, problem.NoRoute, ""},
		{"GET", "/v1/me/", 404, problem.NoRoute, ""},
		{"GET", "/v1/ME", 404, problem.NoRoute, ""},
		{"GET", "//v1/me", 404, problem.NoRoute, ""},
		{"GET", "/v2/me", 404, problem.NoRoute, ""},
		{"GET", "/", 404, problem.NoRoute, ""},
		{"POST", "/nowhere", 404, problem.NoRoute, ""},
		{"DELETE", "/v1/me", 405, problem.MethodNotAllowed, "GET"},
		{"PUT", "/v1/patients", 405, problem.MethodNotAllowed, "GET POST"},
		{"DELETE", "/v1/patients/" + c.patient.ID.String(), 405, problem.MethodNotAllowed, "GET PATCH"},
		{"TRACE", "/v1/me", 405, problem.MethodNotAllowed, "GET"},
		{"BREW", "/v1/me", 405, problem.MethodNotAllowed, "GET"},
		{"POST", "/healthz", 405, problem.MethodNotAllowed, "GET"},
		{"HEAD", "/v1/invitations/redeem", 405, problem.MethodNotAllowed, "POST"},
	} {
		got := send(t, c.Site, message{tt.method, tt.path, "", auth})
		if tt.method != http.MethodHead {
			expect(t, tt.method+" "+tt.path, got, tt.status, tt.code)
		}
		methods := strings.FieldsFunc(got.Header.Get("Allow"), func(r rune) bool { return r == ',' || r == ' ' })
		for _, method := range strings.Fields(tt.allow) {
			if !slices.Contains(methods, method) {
				t.Errorf("%s %s: Allow %q, want %s", tt.method, tt.path, methods, tt.allow)
			}
		}
		if strings.Contains(string(got.Body), c.patient.ID.String()) {
			t.Errorf("%s %s: the answer repeats the path: %s", tt.method, tt.path, got.Body)
		}
	}
	// What a client would rather have does not change the format.
	me := wire(t, apitest.Call{Operation: "whoAmI", Token: c.Clinician.Token})
	if got := send(t, c.Site, me.with("Accept", "text/html")); got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("Accept: text/html is answered with %q", got.Header.Get("Content-Type"))
	}
}

func (c *counter) bodies(t *testing.T) {
	register, update := c.register(t), c.update(t, map[string]any{"state": "NJ"})
	measure := wire(t, c.call("listMeasurements", c.Clinician, nil))
	const patch = "application/merge-patch+json"
	for _, tt := range []struct {
		name   string
		m      message
		status int
		code   problem.Code
		header string // that must be there, with its value
	}{
		{"no media type", register.with("Content-Type", ""), 415, problem.UnsupportedMediaType, ""},
		{"text", register.with("Content-Type", "text/plain"), 415, problem.UnsupportedMediaType, ""},
		{"form", register.with("Content-Type", "application/x-www-form-urlencoded"), 415, problem.UnsupportedMediaType, ""},
		{"patch for a post", register.with("Content-Type", patch), 415, problem.UnsupportedMediaType, ""},
		{"latin 1", register.with("Content-Type", "application/json; charset=latin1"), 415, problem.UnsupportedMediaType, ""},
		{"JSON for a patch", update.with("Content-Type", "application/json"), 415, problem.UnsupportedMediaType, "Accept-Patch: " + patch},
		{"JSON patch", update.with("Content-Type", "application/json-patch+json"), 415, problem.UnsupportedMediaType, "Accept-Patch: " + patch},
		{"compressed", register.with("Content-Encoding", "gzip"), 415, problem.UnsupportedMediaType, "Accept-Encoding: identity"},
		{"no body", withBody(register, ""), 400, problem.InvalidRequest, ""},
		{"unexpected body", withBody(measure, "{}"), 400, problem.InvalidRequest, ""},
		{"null", withBody(register, "null"), 400, problem.InvalidRequest, ""},
		{"array", withBody(register, "[]"), 400, problem.InvalidRequest, ""},
		{"unknown member", withBody(register, strings.Replace(register.body, "{", `{"status":"active",`, 1)), 400, problem.InvalidRequest, ""},
		{"other case", withBody(register, strings.Replace(register.body, `"gender"`, `"Gender"`, 1)), 400, problem.InvalidRequest, ""},
	} {
		c.stays(t, func() {
			got := send(t, c.Site, tt.m)
			expect(t, tt.name, got, tt.status, tt.code)
			if name, value, _ := strings.Cut(tt.header, ": "); name != "" && got.Header.Get(name) != value {
				t.Errorf("%s: %s %q, want %q", tt.name, name, got.Header.Get(name), value)
			}
			if faults, _ := got.JSON("errors").([]any); len(faults) == 0 {
				t.Errorf("%s: no faults: %s", tt.name, got.Body)
			}
		})
	}
	for _, kind := range []string{"application/json; charset=utf-8", "APPLICATION/JSON", `application/json;charset="UTF-8"`} {
		expect(t, kind, send(t, c.Site, c.register(t).with("Content-Type", kind)), 201, "")
	}
}

func withBody(m message, body string) message {
	m.body = body
	return m
}

func (c *counter) malformed(t *testing.T) {
	register := c.register(t)
	named := func(name string) string { return strings.Replace(register.body, "Holm", name, 1) }
	deep := strings.Repeat("[", 33) + strings.Repeat("]", 33)
	for name, body := range map[string]string{
		"cut off": register.body[:len(register.body)-1], "one too many": register.body + "}", "two values": register.body + register.body,
		"text": "Holm", "single quotes": "{'a': 1}", "comment": "/* */" + register.body, "trailing comma": strings.Replace(register.body, "}", ",}", 1),
		"duplicate member":     strings.Replace(register.body, "{", `{"state":"NJ",`, 1),
		"duplicate by escape":  strings.Replace(register.body, "{", `{"st\u0061te":"NJ",`, 1),
		"duplicate far inside": strings.Replace(register.body, `{"family"`, `{"family":"A","family"`, 1),
		"invalid UTF-8":        named("H\xffolm"), "overlong": named("H\xc0\xafolm"), "surrogate in UTF-8": named("H\xed\xa0\x80olm"),
		"lone surrogate": named(`H\ud800olm`), "wrong pair": named(`H\udc00\ud800olm`), "NUL": named(`H\u0000olm`), "raw control": named("H\x01olm"),
		"too deep": strings.Replace(register.body, "{", `{"x":`+deep+",", 1), "byte order mark": "\xef\xbb\xbf" + register.body,
		"leading zero": `{"limit":01}`, "plus": `{"limit":+1}`, "NaN": `{"limit":NaN}`, "long number": `{"limit":1` + strings.Repeat("0", 80) + "}",
	} {
		c.stays(t, func() { expect(t, name, send(t, c.Site, withBody(register, body)), 400, problem.MalformedJSON) })
	}
	expect(t, "an emoji as a pair", send(t, c.Site, withBody(register, named(`\ud83d\ude00`))), 201, "")
}

func (c *counter) parameters(t *testing.T) {
	list := func(query string) message {
		return wire(t, apitest.Call{Operation: "listPatients", Token: c.Clinician.Token, Query: query})
	}
	for query, fault := range map[string]string{
		"limit=0": "minimum", "limit=201": "maximum", "limit=-1": "minimum", "limit=1.0": "type", "limit=1e1": "type", "limit=": "type",
		"limit=ten": "type", "limit=5&limit=5": "repeated", "limit=99999999999": "format", "page=2": "unknown_parameter", "Limit=5": "unknown_parameter",
		"status=ill": "enum", "status=Active": "enum", "status=": "enum", "cursor=": "min_length", "cursor=a%20b": "pattern", "status=%zz": "encoding",
		"status=%ff": "encoding", "status=active%00": "encoding", "family=Lindqvist": "unknown_parameter", "validateOnly=true": "unknown_parameter",
	} {
		got := send(t, c.Site, list(query))
		expect(t, query, got, 400, problem.InvalidRequest)
		if !strings.Contains(string(got.Body), `"code":"`+fault+`"`) || !strings.Contains(string(got.Body), `"in":"query"`) {
			t.Errorf("%s: want the fault %s in %s", query, fault, got.Body)
		}
	}
	for _, query := range []string{"limit=1", "limit=200", "status=active", "status=deceased&limit=2"} {
		expect(t, query, send(t, c.Site, list(query)), 200, "")
	}
	show := func(id string) message {
		return wire(t, apitest.Call{Operation: "showPatient", Token: c.Clinician.Token, Path: map[string]string{"patientId": id}})
	}
	id := c.patient.ID.String()
	for _, bad := range []string{"1", id[:35], id + "0", strings.ReplaceAll(id, "-", ""), "{" + id + "}", "urn:uuid:" + id, "%00", id + "%20"} {
		expect(t, bad, send(t, c.Site, show(bad)), 400, problem.InvalidRequest)
	}
	expect(t, "no such id", send(t, c.Site, show(uuid.NewString())), 404, problem.NotFound)
	expect(t, "no id at all", send(t, c.Site, show(uuid.Nil.String())), 404, problem.NotFound)
	expect(t, "upper case", send(t, c.Site, show(strings.ToUpper(id))), 200, "")
	for header, value := range map[string]string{"Titrate-Clinic": "mine", "Titrate-Role": "admin"} {
		got := send(t, c.Site, show(id).with(header, value))
		if got.Status != 400 && got.Status != 403 {
			t.Errorf("%s: %s answers %d", header, value, got.Status)
		}
	}
}

func (c *counter) tooMuch(t *testing.T) {
	register := c.register(t)
	large := strings.Repeat(" ", 256<<10-len(register.body))
	c.stays(t, func() {
		expect(t, "256 KB and a byte", send(t, c.Site, withBody(register, register.body+large+" ")), 413, problem.BodyTooLarge)
		// Without a length that could be looked at first.
		r := httptest.NewRequest(register.method, register.path, struct{ *strings.Reader }{strings.NewReader(register.body + large + large)})
		r.ContentLength = -1
		for name, value := range register.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		c.Site.Server.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("512 KB in pieces: %d", w.Code)
		}
	})
	expect(t, "256 KB", send(t, c.Site, withBody(register, register.body+large)), 201, "")

	me := wire(t, apitest.Call{Operation: "whoAmI", Token: c.Clinician.Token})
	long := me
	long.path += "?x=" + strings.Repeat("y", 4<<10)
	expect(t, "4 KB of URL and more", send(t, c.Site, long), 414, problem.URITooLong)
	long.path = me.path + "?x=" + strings.Repeat("y", 4<<10-len(me.path)-3)
	expect(t, "4 KB of URL", send(t, c.Site, long), 400, problem.InvalidRequest)
	expect(t, "16 KB of header and more", send(t, c.Site, me.with("X-Much", strings.Repeat("y", 16<<10))), 431, problem.HeadersTooLarge)
	expect(t, "15 KB of header", send(t, c.Site, me.with("X-Much", strings.Repeat("y", 14<<10))), 200, "")
}

func (c *counter) head(t *testing.T) {
	for _, operation := range operations(t, "read") {
		op, _ := apitest.Contract(t).Operation(operation)
		if op.Method != http.MethodGet || strings.Contains(op.Path, "{") && !strings.Contains(op.Path, "{patientId}") {
			continue
		}
		m := wire(t, c.call(operation, c.Prescriber, nil))
		get := send(t, c.Site, m)
		m.method = http.MethodHead
		head := send(t, c.Site, m)
		if head.Status != get.Status || len(head.Body) != 0 {
			t.Errorf("HEAD of %s: %d with %d bytes, GET %d", operation, head.Status, len(head.Body), get.Status)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Etag"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("HEAD of %s: %s %q, GET %q", operation, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}
