package api_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// policy is a shipped protocol as JSON, to be changed.
func policy(t testing.TB, p treatment.Protocol, version string) map[string]any {
	t.Helper()
	p.Version = version
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestProtocolsAreProposedAndApproved: an admin proposes, another person who prescribes approves,
// and only then can a treatment follow it.
func TestProtocolsAreProposedAndApproved(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Protocols")
		propose := func(who *apitest.Person, p map[string]any) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "proposeProtocol", Token: who.Token, Body: map[string]any{"policy": p, "reason": "Longer intervals."}})
		}
		off := policy(t, treatment.Default(), "2")
		off["guardsOff"] = []string{treatment.GuardGate}
		expect(t, "guards off", propose(c.Admin, off), 422, problem.ProtocolNotAllowed)

		bad := policy(t, treatment.Default(), "2")
		bad["prescribing"].(map[string]any)["softMaximum"].(map[string]any)["doseMg"] = 700
		bad["alerts"].(map[string]any)["dueMin"].(map[string]any)["critical"] = 500
		got := propose(c.Admin, bad)
		expect(t, "numbers out of order", got, 422, problem.RuleViolated)
		faults, _ := got.JSON("errors").([]any)
		pointers := map[string]bool{}
		for _, f := range faults {
			pointers[fmt.Sprint(f.(map[string]any)["pointer"])] = true
		}
		if !pointers["/policy/prescribing/hardMaximum/doseMg"] || !pointers["/policy/alerts/dueMin/critical"] {
			t.Errorf("faults: %s", got.Body)
		}
		law := policy(t, treatment.Default(), "2")
		law["prescribing"].(map[string]any)["maxRefills"] = 6
		expect(t, "looser than the law", propose(c.Admin, law), 400, problem.InvalidRequest)
		short := policy(t, treatment.Default(), "2")
		delete(short, "vitals")
		expect(t, "a part is missing", propose(c.Admin, short), 400, problem.InvalidRequest)
		expect(t, "taken", propose(c.Admin, policy(t, treatment.Default(), treatment.Default().Version)), 409, problem.Conflict)

		made := propose(c.Both, policy(t, treatment.Default(), "2"))
		expect(t, "proposed", made, 201, "")
		if made.Text("status") != "proposed" || made.Text("proposedBy") != c.Both.ID.String() {
			t.Errorf("proposed: %s", made.Body)
		}
		approve := func(who *apitest.Person) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "approveProtocol", Token: who.Token, Path: map[string]string{"protocolId": made.Text("id")}})
		}
		patient := c.Patient(t, "Lindqvist")
		start := func() apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "startTreatment", Token: c.Prescriber.Token, Path: map[string]string{"patientId": patient.ID.String()}, Body: map[string]any{
				"indication": "depression", "protocolId": made.Text("id"), "responsiblePrescriberId": c.Prescriber.ID,
			}})
		}
		expect(t, "not approved yet", start(), 422, problem.ProtocolNotAllowed)
		expect(t, "by who proposed it", approve(c.Both), 422, problem.RuleViolated)
		done := approve(c.Prescriber)
		expect(t, "approved", done, 200, "")
		if done.Text("status") != "approved" || done.Text("approvedBy") != c.Prescriber.ID.String() || done.Text("approvedAt") == "" {
			t.Errorf("approved: %s", done.Body)
		}
		for status, want := range map[string]int{"proposed": 0, "approved": 2} {
			page := s.Must(t, apitest.Call{Operation: "listProtocols", Token: c.Clinician.Token, Query: "status=" + status})
			if items, _ := page.JSON("items").([]any); len(items) != want {
				t.Errorf("%s: %d, want %d", status, len(items), want)
			}
		}
	})
}

// TestTreatmentMovesToAnotherProtocol: from then on sessions are judged by it; those before keep
// theirs, also when a fact about them arrives later.
func TestTreatmentMovesToAnotherProtocol(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Moves")
		strict := treatment.Default()
		strict.Vitals.Release.ObservationMin, strict.Vitals.Release.HighDoseObservationMin = 180, 240
		p := policy(t, strict, "strict")
		made := s.Must(t, apitest.Call{Operation: "proposeProtocol", Token: c.Admin.Token, Body: map[string]any{"policy": p, "reason": "Watch longer."}})
		s.Must(t, apitest.Call{Operation: "approveProtocol", Token: c.Prescriber.Token, Path: map[string]string{"protocolId": made.Text("id")}})

		scene := c.For(t, "recordDose")
		first := scene.IDs["session"]
		taken := s.Clock.Now()
		complete := func() map[string]any {
			f := scene.Fact("oriented", true)
			f["occurredAt"] = taken.Add(150 * time.Minute).Format(time.RFC3339)
			return f
		}
		expect(t, "dose", scene.Do(t, scene.Patient, "recordDose", scene.Fact("doseMg", 100)), 201, "")
		s.Clock.Advance(time.Hour)
		expect(t, "moved", scene.Do(t, c.Prescriber, "updateTreatment", map[string]any{"protocolId": made.Text("id")}), 200, "")
		s.Clock.Advance(2 * time.Hour)
		done := scene.Do(t, scene.Patient, "completeSession", complete())
		expect(t, "completed", done, 201, "")
		if early(s, t, c, first) {
			t.Error("a session that began under the earlier protocol is judged by the later one")
		}

		s.Clock.Advance(72 * time.Hour)
		taken = s.Clock.Now()
		dose := scene.Fact("doseMg", 100)
		logged := s.Must(t, apitest.Call{Operation: "logSession", Token: scene.Patient.Token,
			Path: map[string]string{"treatmentId": scene.IDs["treatment"], "sessionId": "4b1f7f0a-2b51-4b0c-8a05-000000000001"}, Body: map[string]any{"doses": []any{dose}, "completions": []any{complete()}}})
		if !early(s, t, c, logged.Text("id")) {
			t.Error("a session under the later protocol is judged by the earlier one")
		}
	})
}

// early reports whether the clinic sees that a session was ended too early.
func early(s *apitest.Site, t testing.TB, c *apitest.Clinic, session string) bool {
	t.Helper()
	shown := s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": session}})
	list, _ := shown.JSON("deviations").([]any)
	for _, d := range list {
		if d.(map[string]any)["rule"] == "completedEarly" {
			return true
		}
	}
	return false
}
