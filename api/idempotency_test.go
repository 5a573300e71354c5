package api_test

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestIdempotency: a plan or decision has one effect and one answer, however often it is sent.
func TestIdempotency(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Again"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("keys", c.keys)
		t.Run("replay", c.replay)
		t.Run("reuse", c.reuse)
		t.Run("failure", c.failureLeavesKeyFree)
		t.Run("persons", c.keysOfPersons)
		t.Run("rights", c.replayNeedsRights)
	})
}

// replayed checks that the answer is the first one, byte for byte.
func replayed(t *testing.T, what string, first, again apitest.Answer) {
	t.Helper()
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s: the first answer says that it was given before", what)
	}
	if again.Status != first.Status || !bytes.Equal(again.Body, first.Body) {
		t.Errorf("%s: first %d %s\nagain %d %s", what, first.Status, first.Body, again.Status, again.Body)
	}
	if got := again.Header.Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("%s: Idempotent-Replayed %q", what, got)
	}
	ignored := func(h http.Header) http.Header {
		h = maps.Clone(h)
		for _, name := range []string{"Date", "X-Request-Id", "Idempotent-Replayed", "Location"} {
			h.Del(name)
		}
		return h
	}
	if a, b := ignored(first.Header), ignored(again.Header); !maps.EqualFunc(a, b, func(x, y []string) bool { return strings.Join(x, ",") == strings.Join(y, ",") }) {
		t.Errorf("%s: headers %v, again %v", what, a, b)
	}
	if first.Header.Get("X-Request-Id") == again.Header.Get("X-Request-Id") {
		t.Errorf("%s: two requests with one id", what)
	}
}

func (c *counter) keys(t *testing.T) {
	register, update := c.register(t), c.update(t, map[string]any{"state": "NJ"})
	for _, m := range []message{register, update} {
		c.stays(t, func() {
			for _, key := range []string{"", `""`} {
				expect(t, "key "+key, send(t, c.Site, m.with("Idempotency-Key", key)), 400, problem.IdempotencyKeyRequired)
			}
			for _, key := range []string{strings.Repeat("k", 256), `"` + strings.Repeat("k", 256) + `"`, "schlüssel", "tab\there"} {
				expect(t, "key "+key, send(t, c.Site, m.with("Idempotency-Key", key)), 400, problem.InvalidRequest)
			}
		})
	}
	for _, key := range []string{"k", strings.Repeat("k", 255), `"` + strings.Repeat("q", 255) + `"`, "with space", "a'b%{}"} {
		expect(t, "key "+key, send(t, c.Site, c.register(t).with("Idempotency-Key", key)), 201, "")
	}
}

func (c *counter) replay(t *testing.T) {
	for name, make := range map[string]func() message{
		"plan":     func() message { return c.register(t) },
		"decision": func() message { return c.update(t, map[string]any{"phone": "+15185550100"}) },
		"invitation": func() message {
			current := send(t, c.Site, wire(t, c.call("showPatient", c.Clinician, nil))).Header.Get("ETag")
			return wire(t, c.call("invitePatient", c.Clinician, nil)).with("If-Match", current)
		},
	} {
		m := make()
		first := send(t, c.Site, m)
		if first.Status > 299 {
			t.Fatalf("%s: %d %s", name, first.Status, first.Body)
		}
		key := m.header["Idempotency-Key"]
		c.stays(t, func() {
			replayed(t, name, first, send(t, c.Site, m))
			replayed(t, name+" quoted", first, send(t, c.Site, m.with("Idempotency-Key", `"`+key+`"`)))
			replayed(t, name+" with white space", first, send(t, c.Site, withBody(m, strings.ReplaceAll(m.body, ",", " ,\n"))))
			replayed(t, name+" by another request id", first, send(t, c.Site, m.with("X-Request-Id", "again")))
			replayed(t, name+" by another Accept", first, send(t, c.Site, m.with("Accept", "application/*")))
		})
	}

	// The record moves on; the answer stays.
	m := c.update(t, map[string]any{"phone": "+15185550101"})
	first := send(t, c.Site, m)
	later := send(t, c.Site, c.update(t, map[string]any{"phone": "+15185550102"}))
	expect(t, "a later change", later, 200, "")
	replayed(t, "after a later change", first, send(t, c.Site, m))
	c.Site.Clock.Advance(29 * 24 * time.Hour)
	replayed(t, "29 days later", first, send(t, c.Site, m))
	if now := send(t, c.Site, wire(t, c.call("showPatient", c.Clinician, nil))); now.Text("phone") != "+15185550102" {
		t.Errorf("the replay had an effect: phone %q", now.Text("phone"))
	}
}

func (c *counter) reuse(t *testing.T) {
	m := c.update(t, map[string]any{"state": "VT"})
	expect(t, "first", send(t, c.Site, m), 200, "")
	now := send(t, c.Site, wire(t, c.call("showPatient", c.Clinician, nil))).Header.Get("ETag")
	other := c.register(t)
	elsewhere := m
	elsewhere.path += "/contact"
	elsewhere.header = maps.Clone(m.header)
	elsewhere.header["Authorization"] = "Bearer " + c.patient.Token
	c.stays(t, func() {
		for name, reused := range map[string]message{
			"another body":      withBody(m, `{"state":"ME"}`),
			"another If-Match":  m.with("If-Match", now),
			"another operation": other.with("Idempotency-Key", m.header["Idempotency-Key"]),
			"quoted":            withBody(m, `{"state":"ME"}`).with("Idempotency-Key", `"`+m.header["Idempotency-Key"]+`"`),
		} {
			expect(t, name, send(t, c.Site, reused), 422, problem.IdempotencyKeyReused)
		}
		// The patient's own keys are others: this one fails for what it says, not for its key.
		expect(t, "another person", send(t, c.Site, elsewhere), 400, problem.InvalidRequest)
	})
}

// failureLeavesKeyFree: what failed has changed nothing and may be tried again with its key.
func (c *counter) failureLeavesKeyFree(t *testing.T) {
	m := c.register(t)
	expect(t, "invalid", send(t, c.Site, withBody(m, "{}")), 400, problem.InvalidRequest)
	expect(t, "another role", send(t, c.Site, m.with("Authorization", "Bearer "+c.patient.Token)), 403, problem.Forbidden)
	expect(t, "then right", send(t, c.Site, m), 201, "")

	taken := newPatient("Taken")
	taken["recordNumber"] = "R-1"
	register := func() message {
		return wire(t, apitest.Call{Operation: "registerPatient", Token: c.Clinician.Token, Body: taken})
	}
	expect(t, "a record number", send(t, c.Site, register()), 201, "")
	second := register()
	c.stays(t, func() {
		for range 2 {
			expect(t, "the same one", send(t, c.Site, second), 409, problem.Conflict)
		}
	})
	expect(t, "another one with that key", send(t, c.Site, withBody(second, strings.Replace(second.body, "R-1", "R-2", 1))), 201, "")

	stale := c.update(t, map[string]any{"state": "NH"})
	current := stale.header["If-Match"]
	expect(t, "stale", send(t, c.Site, stale.with("If-Match", `"77"`)), 412, problem.Stale)
	expect(t, "then with what was current", send(t, c.Site, stale.with("If-Match", current)), 200, "")
}

// keysOfPersons: a key is its person's, in a clinic.
func (c *counter) keysOfPersons(t *testing.T) {
	m := c.register(t)
	first := send(t, c.Site, m)
	second := send(t, c.Site, m.with("Authorization", "Bearer "+c.Prescriber.Token))
	expect(t, "a colleague", second, 201, "")
	other := c.Site.Clinic(t, "Elsewhere")
	third := send(t, c.Site, m.with("Authorization", "Bearer "+other.Clinician.Token))
	expect(t, "somebody elsewhere", third, 201, "")
	if a, b, c := first.Text("id"), second.Text("id"), third.Text("id"); a == b || b == c || a == c {
		t.Errorf("one key of three people made %s %s %s", a, b, c)
	}
}

// replayNeedsRights: who may not do it any more does not get its answer again.
func (c *counter) replayNeedsRights(t *testing.T) {
	leaver := c.Staff(t, "leaver-"+uuid.NewString(), "clinician")
	m := wire(t, apitest.Call{Operation: "registerPatient", Token: leaver.Token, Body: newPatient("Left")})
	expect(t, "while there", send(t, c.Site, m), 201, "")
	c.Site.Must(t, apitest.Call{
		Operation: "deactivateStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": leaver.ID.String()},
		Body: map[string]any{"reason": "Left."}, Header: map[string]string{"If-Match": `"2"`},
	})
	c.Site.Clock.Advance(5 * time.Second)
	expect(t, "after leaving", send(t, c.Site, m), 403, problem.NoMembership)
}
