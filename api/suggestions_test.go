package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// treated is a scene whose patient has had two sessions at 100 mg, a week apart, and is hardly
// better: 14 points after 16.
func treated(t *testing.T, c *apitest.Clinic) *apitest.Scene {
	t.Helper()
	scene := c.For(t, "proposeAdjustment")
	for range 2 {
		c.Site.Clock.Advance(7 * 24 * time.Hour)
		tookPart(t, scene)
	}
	c.Site.Clock.Advance(24 * time.Hour)
	answerPHQ9(t, scene, 2, 2, 2, 2, 2, 2, 2, 0, 0)
	return scene
}

// tookPart logs a session that has just ended.
func tookPart(t *testing.T, scene *apitest.Scene) {
	t.Helper()
	at := func(minutes int, member string, value any) map[string]any {
		f := scene.Fact(member, value)
		f["occurredAt"] = scene.Clinic.Site.Clock.Now().Add(time.Duration(minutes-150) * time.Minute).Format(time.RFC3339)
		return f
	}
	reading := func(minutes, systolic int) map[string]any {
		f := at(minutes, "systolicMmHg", systolic)
		f["diastolicMmHg"] = 80
		return f
	}
	noticed := at(60, "dissociation", 3)
	noticed["distress"], noticed["sedation"] = 2, 1
	got := scene.Do(t, scene.Patient, "logSession", map[string]any{
		"doses": []any{at(0, "doseMg", 100)}, "vitals": []any{reading(-5, 124), reading(40, 140), reading(115, 128)},
		"observations": []any{noticed}, "completions": []any{at(125, "oriented", true)},
	})
	expect(t, "a session", got, 201, "")
	about(scene, "session", got.Text("id"), got.Header.Get("ETag"))
}

func answerPHQ9(t *testing.T, scene *apitest.Scene, values ...int) {
	t.Helper()
	answers := map[string]any{}
	for i, v := range values {
		answers[fmt.Sprintf("phq9-%d", i+1)] = v
	}
	scene.IDs["assessment"] = uuid.NewString()
	body := scene.Fact("instrument", "phq-9")
	delete(body, "id")
	body["answers"] = answers
	expect(t, "answers", scene.Do(t, scene.Patient, "recordAssessment", body), 201, "")
}

// suggest asks the rules; what they say is the scene's suggestion then.
func suggest(t *testing.T, scene *apitest.Scene, kind, rule string) apitest.Answer {
	t.Helper()
	got := scene.Do(t, scene.Clinic.Clinician, "suggestAdjustment", nil)
	expect(t, "asked", got, 201, "")
	if got.Text("suggestion") != kind || got.Text("rule") != rule {
		t.Fatalf("got %s by %s, want %s by %s: %s", got.Text("suggestion"), got.Text("rule"), kind, rule, got.Body)
	}
	about(scene, "suggestion", got.Text("id"), got.Header.Get("ETag"))
	return got
}

// naming proposes a change that names the scene's suggestion.
func naming(t *testing.T, scene *apitest.Scene, change map[string]any) apitest.Answer {
	t.Helper()
	body := proposalOf(scene, change)
	body["suggestionId"] = scene.IDs["suggestion"]
	got := scene.Do(t, scene.Clinic.Clinician, "proposeAdjustment", body)
	if got.Status == 201 {
		about(scene, "adjustment", got.Text("id"), got.Header.Get("ETag"))
	}
	return got
}

func missingFacts(a apitest.Answer) (facts []string) {
	list, _ := a.JSON("missing").([]any)
	for _, item := range list {
		facts = append(facts, fmt.Sprint(item.(map[string]any)["fact"]))
	}
	slices.Sort(facts)
	return facts
}

// TestSuggestionLife: what the rules say is kept, named by a proposal, and stands beside what became
// of it.
func TestSuggestionLife(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Suggested")
		scene := treated(t, c)
		made := suggest(t, scene, "increase", "littleResponse")
		want := map[string]any{
			"from":   map[string]any{"doseMg": 100.0, "boosterMg": 0.0, "minIntervalHours": 48.0, "sessionsPerWeek": 3.0},
			"change": map[string]any{"doseMg": 150.0}, "prescriptionId": scene.IDs["prescription"], "protocolId": c.Protocol.String(),
			"requestedBy": c.Clinician.ID.String(), "adjustmentIds": []any{}, "expiresAt": s.Clock.Now().AddDate(0, 0, 14).UTC().Format(time.RFC3339Nano),
		}
		if diff := cmp.Diff(want, members(made, "from", "change", "prescriptionId", "protocolId", "requestedBy", "adjustmentIds", "expiresAt")); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", made.Body, diff)
		}
		read := map[string]bool{}
		inputs, _ := made.JSON("inputs").([]any)
		for _, item := range inputs {
			i := item.(map[string]any)
			read[fmt.Sprint(i["type"], " ", i["id"])] = true
		}
		for _, record := range []string{
			"prescription " + scene.IDs["prescription"], "measurement " + scene.IDs["measurement"], "session " + scene.IDs["session"],
			"assessment " + scene.IDs["assessment"], "pdmpCheck " + scene.IDs["pdmpCheck"],
		} {
			if !read[record] {
				t.Errorf("%s is not among the inputs: %v", record, inputs)
			}
		}
		again := suggest(t, scene, "increase", "littleResponse")
		if diff := cmp.Diff(members(made, "reasons", "inputs", "missing", "checked", "alternatives", "evidence"), members(again, "reasons", "inputs", "missing", "checked", "alternatives", "evidence")); diff != "" {
			t.Errorf("asked again (-first +second):\n%s", diff)
		}

		proposed := naming(t, scene, map[string]any{"doseMg": 150, "directions": "Three tablets."})
		expect(t, "as suggested", proposed, 201, "")
		if proposed.Text("source") != "engine" || proposed.Text("suggestion", "id") != again.Text("id") || proposed.Text("suggestion", "rule") != "littleResponse" || proposed.JSON("suggestion", "change", "doseMg") != 150.0 {
			t.Errorf("proposed: %s", proposed.Body)
		}
		shown := scene.Do(t, c.Prescriber, "showSuggestion", nil)
		if diff := cmp.Diff([]any{proposed.Text("id")}, shown.JSON("adjustmentIds")); diff != "" || shown.Header.Get("ETag") == again.Header.Get("ETag") {
			t.Errorf("named by (-want +got):\n%s", diff)
		}
		expect(t, "approved", approve(t, scene), 200, "")
		expect(t, "applied", apply(t, scene), 200, "")
		expect(t, "signed", scene.Do(t, c.Prescriber, "signPrescription", nil), 200, "")
		if done := adjustment(t, scene); done.Text("status") != "applied" || done.Text("suggestion", "id") != again.Text("id") {
			t.Errorf("applied: %s", done.Body)
		}
		own := scene.Do(t, scene.Patient, "showAdjustment", nil)
		if own.Status != 200 || own.Text("source") != "clinician" || strings.Contains(string(own.Body), "suggestion") || strings.Contains(string(own.Body), "engine") {
			t.Errorf("the patient reads %s", own.Body)
		}
	})
}

// TestSuggestionDepartedFrom: a proposal of something else names the suggestion too, and is the
// clinician's or the patient's.
func TestSuggestionDepartedFrom(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Departed")
		scene := treated(t, c)
		suggest(t, scene, "increase", "littleResponse")
		for _, change := range []map[string]any{{"doseMg": 125}, {"doseMg": 150, "minIntervalHours": 72}, {"minIntervalHours": 72}} {
			got := naming(t, scene, change)
			expect(t, fmt.Sprint(change), got, 201, "")
			if got.Text("source") != "clinician" || got.JSON("suggestion", "change", "doseMg") != 150.0 {
				t.Errorf("%v: %s", change, got.Body)
			}
			expect(t, "withdrawn", scene.Do(t, c.Clinician, "withdrawAdjustment", map[string]any{}), 200, "")
		}
		asked := proposalOf(scene, map[string]any{"doseMg": 200})
		asked["source"], asked["suggestionId"] = "patientRequest", scene.IDs["suggestion"]
		if got := scene.Do(t, c.Clinician, "proposeAdjustment", asked); got.Text("source") != "patientRequest" {
			t.Errorf("asked for by the patient: %s", got.Body)
		}
		if shown := scene.Do(t, c.Clinician, "showSuggestion", nil); len(shown.JSON("adjustmentIds").([]any)) != 4 {
			t.Errorf("named by four: %s", shown.Body)
		}
	})
}

// TestSuggestionsNotNamed: which suggestions a proposal cannot name.
func TestSuggestionsNotNamed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Not named")
		scene, other := treated(t, c), c.For(t, "showSuggestion")
		suggest(t, scene, "increase", "littleResponse")
		change, own := map[string]any{"doseMg": 150}, ""
		refused := func(what, id string, code problem.Code) {
			t.Helper()
			scene.IDs["suggestion"] = id
			got := naming(t, scene, change)
			expect(t, what, got, 422, code)
			if at := pointers(got); !slices.Equal(at, []string{"/suggestionId"}) {
				t.Errorf("%s: %v", what, at)
			}
		}
		refused("another treatment's", other.IDs["suggestion"], problem.ReferenceNotFound)
		refused("none", uuid.NewString(), problem.ReferenceNotFound)
		another := treated(t, c)
		suggest(t, another, "increase", "littleResponse")
		made := another.Do(t, c.Clinician, "prescribe", another.Call(t, "prescribe").Body)
		about(another, "prescription", made.Text("id"), made.Header.Get("ETag"))
		expect(t, "signed", another.Do(t, c.Prescriber, "signPrescription", nil), 200, "")
		if got := naming(t, another, change); got.Status != 422 || !slices.Equal(pointers(got), []string{"/suggestionId"}) {
			t.Errorf("about another prescription: %s", got.Body)
		}
		answerPHQ9(t, scene, 2, 2, 2, 2, 2, 2, 2, 0, 0)
		own = suggest(t, scene, "increase", "littleResponse").Text("id")
		s.Clock.Advance(14*24*time.Hour - time.Second)
		scene.IDs["suggestion"] = own
		expect(t, "a second before its end", naming(t, scene, change), 201, "")
		expect(t, "withdrawn", scene.Do(t, c.Clinician, "withdrawAdjustment", map[string]any{}), 200, "")
		s.Clock.Advance(time.Second)
		refused("expired", own, problem.RuleViolated)
	})
}

// TestApprovalAsksTheRulesAgain: what they say by now must be what the proposal knew.
func TestApprovalAsksTheRulesAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Again")
		scene := treated(t, c)
		suggest(t, scene, "increase", "littleResponse")
		expect(t, "proposed", naming(t, scene, map[string]any{"doseMg": 150}), 201, "")

		event := scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "drowsiness"))
		about(scene, "adverseEvent", event.Text("id"), event.Header.Get("ETag"))
		expect(t, "triaged", scene.Do(t, c.Clinician, "triageAdverseEvent", map[string]any{"grade": 3, "serious": false, "causality": "probable"}), 200, "")
		raised := s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "patientId=" + scene.IDs["patient"] + "&severity=high"}).Items()
		alert := fmt.Sprint(raised[0]["id"])
		considered := []any{seen("adverseEvent", event.Text("id"), 2), seen("alert", alert, 1)}
		expect(t, "not looked at", approve(t, scene), 409, problem.EvidenceChanged)
		got := approve(t, scene, considered...)
		expect(t, "looked at, but vetoed by now", got, 409, problem.EvidenceChanged)
		if at := pointers(got); len(at) < 2 || at[0] != "/v1/suggestions/"+scene.IDs["suggestion"] || !slices.Contains(at, "/v1/alerts/"+alert) || !strings.Contains(string(got.Body), "safetyVeto") {
			t.Errorf("vetoed: %s", got.Body)
		}
		expect(t, "rejected", scene.Do(t, c.Prescriber, "rejectAdjustment", map[string]any{"reason": "Too drowsy."}), 200, "")

		suggest(t, scene, "none", "safetyVeto")
		lower := naming(t, scene, map[string]any{"doseMg": 50})
		if lower.Status != 201 || lower.Text("source") != "clinician" || lower.JSON("suggestion", "change") != nil {
			t.Errorf("the clinician's own: %s", lower.Body)
		}
		expect(t, "in spite of the veto, knowing it", approve(t, scene), 200, "")

		resolved := treated(t, c)
		suggest(t, resolved, "increase", "littleResponse")
		expect(t, "proposed", naming(t, resolved, map[string]any{"doseMg": 150}), 201, "")
		s.Clock.Advance(13*24*time.Hour + time.Hour)
		expect(t, "13 days later", approve(t, resolved), 200, "")
		late := treated(t, c)
		s.Clock.Advance(2 * 24 * time.Hour)
		suggest(t, late, "increase", "littleResponse")
		expect(t, "proposed", naming(t, late, map[string]any{"doseMg": 150}), 201, "")
		s.Clock.Advance(13 * 24 * time.Hour)
		got = approve(t, late)
		expect(t, "when the answers are too old", got, 409, problem.EvidenceChanged)
		if !strings.Contains(string(got.Body), "insufficientData") {
			t.Errorf("too old: %s", got.Body)
		}
	})
}

// TestSuggestionsSayWhatIsMissing: what is not known is said, and never taken for fine.
func TestSuggestionsSayWhatIsMissing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Missing")
		scene := c.For(t, "proposeAdjustment")
		got := suggest(t, scene, "none", "insufficientData")
		if diff := cmp.Diff([]string{"adherence", "baseline", "bloodPressure", "maniaOrPsychosis", "pregnancy", "recentScore", "sessionsAtDose"}, missingFacts(got)); diff != "" {
			t.Errorf("before the first dose (-want +got):\n%s", diff)
		}
		if got.JSON("change") != nil || got.JSON("durationOfEffect") != nil {
			t.Errorf("before the first dose: %s", got.Body)
		}
		planned := c.For(t, "prescribe")
		got = suggest(t, planned, "none", "safetyVeto")
		if got.JSON("from") != nil || got.JSON("prescriptionId") != nil {
			t.Errorf("without a prescription: %s", got.Body)
		}
		unsure := treated(t, c)
		answerPHQ9(t, unsure, 2, 2, 2, 2, 2, 2, 2, 0, 1) // a medium alert, but about suicidality
		suggest(t, unsure, "none", "safetyVeto")
		missed := treated(t, c)
		plan := func() {
			t.Helper()
			got := missed.Do(t, missed.Patient, "scheduleSession", map[string]any{"plannedAt": s.Clock.Now().Add(50 * time.Hour).Format(time.RFC3339), "timeZone": "America/New_York"})
			expect(t, "planned", got, 201, "")
			about(missed, "session", got.Text("id"), got.Header.Get("ETag"))
		}
		plan()
		expect(t, "cancelled", missed.Do(t, missed.Patient, "cancelSession", map[string]any{"reason": "A cold."}), 200, "")
		s.Clock.Advance(60 * time.Hour)
		if got := suggest(t, missed, "increase", "littleResponse"); !slices.Contains(missingFacts(got), "adherence") {
			t.Errorf("what was called off was not missed: %s", got.Body)
		}
		plan()
		s.Clock.Advance(50*time.Hour + 24*time.Hour)
		if got := suggest(t, missed, "none", "insufficientData"); !slices.Contains(missingFacts(got), "adherence") {
			t.Errorf("none of one planned session kept: %s", got.Body)
		}
		expect(t, "discontinued", planned.Do(t, c.Prescriber, "discontinueTreatment", map[string]any{"reason": "patientChoice"}), 200, "")
		expect(t, "after the treatment", planned.Do(t, c.Clinician, "suggestAdjustment", nil), 409, problem.IllegalTransition)
	})
}
