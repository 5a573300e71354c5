package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestVersions: ETag, If-Match, If-None-Match and merge patches.
func TestVersions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Versions"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("conditional reads", c.conditionalReads)
		t.Run("If-Match", c.ifMatch)
		t.Run("every decision", c.everyDecision)
		t.Run("merge patch", c.mergePatch)
		t.Run("expired prescription", c.expiredPrescription)
		t.Run("missed session", c.missedSession)
		t.Run("expired assessment", c.expiredAssessment)
	})
}

// conditionalReads asks for every single record twice.
func (c *counter) conditionalReads(t *testing.T) {
	doc := document(t)
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || item.Get.Responses.Value("304") == nil {
			continue
		}
		_, call := allowed(t, c.Clinic, item.Get.OperationID)
		m := wire(t, call)
		first := send(t, c.Site, m)
		tag := first.Header.Get("ETag")
		if want := fmt.Sprintf(`"%v"`, first.JSON("version")); tag != want {
			t.Errorf("%s: ETag %s, want %s", path, tag, want)
		}
		for _, known := range []string{tag, "W/" + tag, `"0", ` + tag, "*", "W/" + tag + `,"a"`} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				m.method = method
				got := send(t, c.Site, m.with("If-None-Match", known))
				if got.Status != 304 || len(got.Body) > 0 || got.Header.Get("ETag") != tag || got.Header.Get("Content-Type") != "" {
					t.Errorf("%s %s with %s: %d %v %s", method, path, known, got.Status, got.Header, got.Body)
				}
			}
		}
		m.method = http.MethodGet
		for _, other := range []string{`"0"`, tag[:len(tag)-1], `"` + strings.Trim(tag, `"`) + `.expired"`} {
			if got := send(t, c.Site, m.with("If-None-Match", other)); got.Status != 200 || string(got.Body) != string(first.Body) {
				t.Errorf("%s with %s: %d %s", path, other, got.Status, got.Body)
			}
		}
	}
}

func (c *counter) ifMatch(t *testing.T) {
	m := c.update(t, map[string]any{"state": "NJ"})
	current := m.header["If-Match"]
	c.stays(t, func() {
		expect(t, "none", send(t, c.Site, m.with("If-Match", "")), 428, problem.IfMatchRequired)
		for _, bad := range []string{"*", "1", "W/" + current, `""`, `"x"`, current + ", " + current, `"1.2"`, `"-1"`, `"` + strings.Repeat("9", 70) + `"`} {
			expect(t, bad, send(t, c.Site, m.with("If-Match", bad)), 400, problem.InvalidRequest)
		}
		for _, stale := range []string{`"0"`, `"9"`, `"9.expired"`, `"9223372036854775807"`, `"9223372036854775808"`, `"` + strings.Repeat("9", 60) + `"`} {
			got := send(t, c.Site, m.with("If-Match", stale))
			expect(t, stale, got, 412, problem.Stale)
			if tag := got.Header.Get("ETag"); tag != current {
				t.Errorf("412 after %s names %s, want %s", stale, tag, current)
			}
		}
		expect(t, "neither key nor version", send(t, c.Site, m.with("If-Match", "", "Idempotency-Key", "")), 400, problem.IdempotencyKeyRequired)
	})
	// What time appended does not matter to a decision.
	suffixed := strings.TrimSuffix(current, `"`) + `.missed"`
	got := send(t, c.Site, m.with("If-Match", suffixed))
	expect(t, suffixed, got, 200, "")
	if tag := got.Header.Get("ETag"); tag == current || tag != fmt.Sprintf(`"%v"`, got.JSON("version")) {
		t.Errorf("the decision on %s answers %s", current, tag)
	}
}

// everyDecision: none is taken on a version that is not the current one.
func (c *counter) everyDecision(t *testing.T) {
	for _, operation := range operations(t, "decision") {
		_, call := allowed(t, c.Clinic, operation)
		m := wire(t, call)
		current := m.header["If-Match"]
		if current == "" {
			current = `"1"`
		}
		version, err := strconv.Atoi(strings.Trim(current, `"`))
		if err != nil {
			t.Fatal(err)
		}
		c.stays(t, func() {
			got := send(t, c.Site, m.with("If-Match", fmt.Sprintf(`"%d"`, version+1)))
			expect(t, operation, got, 412, problem.Stale)
			if tag := got.Header.Get("ETag"); tag != current {
				t.Errorf("%s: 412 names %s, want %s", operation, tag, current)
			}
			expect(t, operation, send(t, c.Site, m.with("If-Match", "")), 428, problem.IfMatchRequired)
		})
	}
}

func (c *counter) mergePatch(t *testing.T) {
	full := newPatient("Patch")
	maps.Copy(full, map[string]any{
		"recordNumber": "P-1", "phone": "+15185550142", "email": "a@example.org",
		"address":          map[string]any{"line": "1 Road", "city": "Albany", "postalCode": "12207"},
		"emergencyContact": map[string]any{"name": "Jo", "phone": "+15185550143", "relationship": "spouse"},
	})
	made := c.Site.Must(t, apitest.Call{Operation: "registerPatient", Token: c.Clinician.Token, Body: full})
	path := map[string]string{"patientId": made.Text("id")}
	patch := func(body map[string]any) apitest.Answer {
		now := c.Site.Must(t, apitest.Call{Operation: "showPatient", Token: c.Clinician.Token, Path: path})
		return send(t, c.Site, wire(t, apitest.Call{
			Operation: "updatePatient", Token: c.Clinician.Token, Path: path, Body: body, Header: map[string]string{"If-Match": now.Header.Get("ETag")},
		}))
	}
	shown := func(a apitest.Answer) map[string]any {
		m, _ := a.JSON().(map[string]any)
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(name string, _ any) bool { return name == "version" || name == "updatedAt" })
		return m
	}
	want := shown(made)
	for _, body := range []map[string]any{
		{"phone": "+15185550144"}, {"phone": nil}, {"phone": nil, "email": nil}, {"recordNumber": nil}, {"recordNumber": "P-2"},
		{"address": nil}, {"address": map[string]any{"line": "2 Road", "city": "Troy", "postalCode": "12180"}},
		{"emergencyContact": map[string]any{"name": "Al", "phone": "+15185550145"}}, {"emergencyContact": nil},
		{"name": map[string]any{"given": "Ada", "family": "Patch"}, "state": "VT", "email": "b@example.org"},
	} {
		got := patch(body)
		expect(t, fmt.Sprint(body), got, 200, "")
		for name, value := range body {
			if want[name] = value; value == nil {
				delete(want, name)
			}
		}
		if diff := cmp.Diff(want, shown(got)); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", body, diff)
		}
	}
	c.stays(t, func() {
		expect(t, "nothing", patch(map[string]any{}), 400, problem.InvalidRequest)
		for _, required := range []string{"name", "birthDate", "gender", "state", "timeZone"} {
			expect(t, required+" null", patch(map[string]any{required: nil}), 400, problem.InvalidRequest)
		}
		for _, fixed := range []string{"id", "version", "status", "signedIn", "careTeam", "createdAt"} {
			expect(t, fixed, patch(map[string]any{fixed: want[fixed]}), 400, problem.InvalidRequest)
		}
	})
}

// expiredPrescription: after six months the same version is another answer.
func (c *counter) expiredPrescription(t *testing.T) {
	scene, call := allowed(t, c.Clinic, "stopPrescription") // active
	show := apitest.Call{Operation: "showPrescription", Token: scene.Patient.Token, Path: call.Path}
	m := wire(t, show)
	active := send(t, c.Site, m)
	tag := active.Header.Get("ETag")
	expires, err := time.Parse(time.RFC3339Nano, active.Text("expiresAt"))
	if err != nil {
		t.Fatal(err)
	}
	c.Site.Clock.Advance(expires.Add(-time.Second).Sub(c.Site.Clock.Now()))
	if got := send(t, c.Site, m.with("If-None-Match", tag)); got.Status != 304 {
		t.Errorf("a second before it expires: %d %s", got.Status, got.Body)
	}
	c.Site.Clock.Advance(time.Second)
	got := send(t, c.Site, m.with("If-None-Match", tag))
	c.derived(t, got, tag, "expired")
	if now := send(t, c.Site, m.with("If-None-Match", got.Header.Get("ETag"))); now.Status != 304 {
		t.Errorf("with the new ETag: %d", now.Status)
	}
	c.listed(t, apitest.Call{Operation: "listPrescriptions", Token: c.Prescriber.Token, Path: map[string]string{"treatmentId": scene.IDs["treatment"]}}, "expired", "active")
	// A decision compares the version, whatever has been appended; its rule decides.
	for _, known := range []string{tag, got.Header.Get("ETag")} {
		call.Header = map[string]string{"If-Match": known}
		expect(t, "stop on "+known, send(t, c.Site, wire(t, call)), 409, problem.IllegalTransition)
	}
}

func (c *counter) missedSession(t *testing.T) {
	scene, call := allowed(t, c.Clinic, "showSession")
	m := wire(t, call)
	tag := send(t, c.Site, m).Header.Get("ETag")
	c.Site.Clock.Advance(26 * time.Hour)
	c.derived(t, send(t, c.Site, m.with("If-None-Match", tag)), tag, "missed")
	c.listed(t, apitest.Call{Operation: "listSessions", Token: c.Prescriber.Token, Path: map[string]string{"treatmentId": scene.IDs["treatment"]}}, "missed", "scheduled")
}

func (c *counter) expiredAssessment(t *testing.T) {
	scene, call := allowed(t, c.Clinic, "showAssessment")
	m := wire(t, call)
	tag := send(t, c.Site, m).Header.Get("ETag")
	c.Site.Clock.Advance(16 * 24 * time.Hour)
	c.derived(t, send(t, c.Site, m.with("If-None-Match", tag)), tag, "expired")
	c.listed(t, apitest.Call{Operation: "listAssessments", Token: c.Prescriber.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}}, "expired", "assigned")
}

// derived checks an answer whose status time has changed since the ETag was given.
func (c *counter) derived(t *testing.T, got apitest.Answer, before, status string) {
	t.Helper()
	want := strings.TrimSuffix(before, `"`) + "." + status + `"`
	if got.Status != 200 || got.Header.Get("ETag") != want || got.Text("status") != status {
		t.Errorf("%d with ETag %s and status %s, want %s", got.Status, got.Header.Get("ETag"), got.Text("status"), want)
	}
}

// listed checks that a list's filter goes by what time has made of a status.
func (c *counter) listed(t *testing.T, list apitest.Call, is, was string) {
	t.Helper()
	for status, want := range map[string]int{is: 1, was: 0} {
		list.Query = "status=" + status
		items, _ := send(t, c.Site, wire(t, list)).JSON("items").([]any)
		if len(items) != want || slices.ContainsFunc(items, func(v any) bool { return v.(map[string]any)["status"] != status }) {
			t.Errorf("%s?%s: %v, want %d", list.Operation, list.Query, items, want)
		}
	}
}
