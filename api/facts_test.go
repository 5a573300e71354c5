package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestFacts: what happened is recorded once under the id that the client gave it.
func TestFacts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Facts"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("every fact", c.everyFact)
		t.Run("canonical form", c.canonical)
		t.Run("ids", c.factIDs)
		t.Run("times", c.factTimes)
	})
}

// unshown are the operations whose facts are read in lists only: there is no place to name.
var unshown = []string{"recordMeasurement", "recordPdmpCheck", "countSupply", "disposeSupply", "reportSupplyLoss"}

// readable says whether something can be read at a path.
func readable(t *testing.T, where string) bool {
	parts := strings.Split(strings.TrimPrefix(where, "/v1"), "/")
	for path, item := range document(t).Paths.Map() {
		want := strings.Split(path, "/")
		if item.Get != nil && len(want) == len(parts) && slices.IndexFunc(want, func(part string) bool {
			return !strings.HasPrefix(part, "{") && !slices.Contains(parts, part)
		}) < 0 {
			return true
		}
	}
	return false
}

// everyFact sends each kind of fact twice, and then something else under its id.
func (c *counter) everyFact(t *testing.T) {
	for _, operation := range operations(t, "fact") {
		if operation == "redeemInvitation" { // whose identity is the caller
			continue
		}
		_, call := allowed(t, c.Clinic, operation)
		m := wire(t, call)
		first := send(t, c.Site, m)
		expect(t, operation, first, 201, "")
		if where := first.Header.Get("Location"); slices.Contains(unshown, operation) != (where == "") || where != "" && !readable(t, where) {
			t.Errorf("%s: Location %q", operation, where)
		}
		c.stays(t, func() {
			again := send(t, c.Site, m)
			expect(t, operation+" again", again, 200, "")
			first.Status = 200
			replayed(t, operation, first, again)
			if where := again.Header.Get("Location"); where != "" {
				t.Errorf("%s: nothing is new at %q", operation, where)
			}
			other, _ := call.Body.(map[string]any)
			other = maps.Clone(other)
			change(other)
			call.Body = other
			refused := send(t, c.Site, wire(t, call))
			expect(t, operation+" with another body", refused, 409, problem.IDInUse)
			if refused.JSON("errors") != nil {
				t.Errorf("%s: the refusal tells more: %s", operation, refused.Body)
			}
		})
	}
}

// change makes another statement of a fact that follows the contract just as well.
func change(body map[string]any) {
	if _, ok := body["mode"]; ok {
		body["mode"] = "video"
		return
	}
	for _, list := range body { // of a log
		items, _ := list.([]any)
		for i, item := range items {
			one, _ := item.(map[string]any)
			one = maps.Clone(one)
			one["mode"] = "video"
			items[i] = one
		}
	}
}

func (c *counter) weight() map[string]any {
	return map[string]any{
		"id": uuid.NewString(), "occurredAt": c.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York",
		"reportedBy": "patient", "mode": "app", "weightKg": 68.4,
	}
}

func (c *counter) measure(t testing.TB, body any) message {
	t.Helper()
	return wire(t, c.call("recordMeasurement", c.patient, body))
}

// canonical: the order of members and white space do not make another fact. Everything else
// does, also another way to write the same number or moment: what was said is kept as it was.
func (c *counter) canonical(t *testing.T) {
	const body = `{"id":"ID","occurredAt":"2026-11-22T13:00:00Z","timeZone":"America/New_York","reportedBy":"patient","mode":"app","weightKg":68.4}`
	for name, tt := range map[string]struct {
		body   string
		status int
	}{
		"the same":           {body, 200},
		"white space":        {strings.ReplaceAll(body, ",", "\n , "), 200},
		"reordered":          {`{"weightKg":68.4,` + strings.Replace(body, `,"weightKg":68.4`, "", 1)[1:], 200},
		"escapes":            {strings.Replace(body, "patient", `p\u0061tient`, 1), 200},
		"another number":     {strings.Replace(body, "68.4", "68.5", 1), 409},
		"a digit more":       {strings.Replace(body, "68.4", "68.40", 1), 409},
		"another moment":     {strings.Replace(body, "13:00", "12:00", 1), 409},
		"another offset":     {strings.Replace(body, "13:00:00Z", "08:00:00-05:00", 1), 409},
		"another fraction":   {strings.Replace(body, "00Z", "00.000Z", 1), 409},
		"a member more":      {strings.Replace(body, "{", `{"heightCm":170,`, 1), 409},
		"the id in capitals": {"", 409},
	} {
		id := uuid.NewString()
		first := withBody(c.measure(t, c.weight()), strings.Replace(body, "ID", id, 1))
		expect(t, name+" at first", send(t, c.Site, first), 201, "")
		again := strings.Replace(tt.body, "ID", id, 1)
		if again == "" {
			again = strings.Replace(body, "ID", strings.ToUpper(id), 1)
		}
		if got := send(t, c.Site, withBody(first, again)); got.Status != tt.status {
			t.Errorf("%s: %d, want %d\n%s", name, got.Status, tt.status, got.Body)
		}
	}
}

// factIDs: an id belongs to one fact of one patient, for the whole clinic and for ever. Who
// tries another one learns that it is taken and nothing else.
func (c *counter) factIDs(t *testing.T) {
	body := c.weight()
	m := c.measure(t, body)
	first := send(t, c.Site, m)
	expect(t, "a weight", first, 201, "")
	byStaff := send(t, c.Site, m.with("Authorization", "Bearer "+c.Clinician.Token))
	expect(t, "the same from staff", byStaff, 200, "")
	if !bytes.Equal(byStaff.Body, first.Body) {
		t.Errorf("the patient has %s\nstaff %s", first.Body, byStaff.Body)
	}

	stranger := c.Patient(t, "Stranger")
	theirs := apitest.Call{Operation: "recordMeasurement", Token: stranger.Token, Path: map[string]string{"patientId": stranger.ID.String()}, Body: body}
	own := maps.Clone(body)
	own["weightKg"] = 70
	fixed := "same-request"
	foreign := send(t, c.Site, wire(t, theirs).with("X-Request-Id", fixed))
	other := send(t, c.Site, c.measure(t, own).with("X-Request-Id", fixed))
	expect(t, "another patient's id", foreign, 409, problem.IDInUse)
	expect(t, "another body", other, 409, problem.IDInUse)
	if !bytes.Equal(foreign.Body, other.Body) {
		t.Errorf("the refusals differ:\n%s\n%s", foreign.Body, other.Body)
	}

	// An id in a path or in a list is one of them too.
	assessment := c.call("recordAssessment", c.patient, map[string]any{
		"occurredAt": body["occurredAt"], "timeZone": body["timeZone"], "reportedBy": "patient", "mode": "app",
		"instrument": "gad-7", "answers": map[string]any{"gad7-1": 1, "gad7-2": 1, "gad7-3": 1, "gad7-4": 1, "gad7-5": 1, "gad7-6": 1, "gad7-7": 1},
	})
	assessment.Path["assessmentId"] = body["id"].(string)
	scene, log := allowed(t, c.Clinic, "logSession")
	dose := c.weight()
	delete(dose, "weightKg")
	dose["doseMg"], dose["id"] = 100, body["id"]
	log.Body = map[string]any{"doses": []any{dose}}
	log.Token = scene.Patient.Token
	c.stays(t, func() {
		expect(t, "as an assessment", send(t, c.Site, wire(t, assessment)), 409, problem.IDInUse)
		expect(t, "as a dose in a log", send(t, c.Site, wire(t, log)), 409, problem.IDInUse)
	})
	elsewhere := c.Site.Clinic(t, "Elsewhere")
	p := elsewhere.Patient(t, "Elsewhere")
	theirs = apitest.Call{Operation: "recordMeasurement", Token: p.Token, Path: map[string]string{"patientId": p.ID.String()}, Body: body}
	expect(t, "in another clinic", send(t, c.Site, wire(t, theirs)), 201, "")
}

// factTimes: clocks of phones are wrong, but not by more than a day.
func (c *counter) factTimes(t *testing.T) {
	for _, tt := range []struct {
		ahead  time.Duration
		status int
		skew   bool
	}{
		{-time.Hour, 201, false}, {0, 201, false}, {time.Second, 201, true}, {24 * time.Hour, 201, true}, {24*time.Hour + time.Second, 400, false},
	} {
		body := c.weight()
		body["occurredAt"] = c.Site.Clock.Now().Add(tt.ahead).Format(time.RFC3339)
		got := send(t, c.Site, c.measure(t, body))
		if got.Status != tt.status || got.Status == 201 && got.JSON("clockSkew") != tt.skew {
			t.Errorf("%s ahead: %d %s, want %d and clockSkew %t", tt.ahead, got.Status, got.Body, tt.status, tt.skew)
		}
		if got.Status == 400 {
			expect(t, "a day ahead", got, 400, problem.OccurredInFuture)
			body["occurredAt"] = c.Site.Clock.Now().Format(time.RFC3339)
			expect(t, "its id is free", send(t, c.Site, c.measure(t, body)), 201, "")
		}
	}
	local := c.weight()
	local["occurredAt"] = "2026-11-22T07:30:00.1234567-05:00"
	got := send(t, c.Site, c.measure(t, local))
	if text, _ := json.Marshal(got.JSON("occurredAt")); string(text) != `"2026-11-22T12:30:00.123456Z"` {
		t.Errorf("a local time comes out as %s", text)
	}
}
