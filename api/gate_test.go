package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// check are good answers before a dose; more changes or, with nil, leaves out members.
func check(s *apitest.Scene, more map[string]any) map[string]any {
	c := s.Fact("redFlags", []string{})
	c["solidsFastedMin"], c["fluidsFastedMin"], c["supportPersonPresent"] = 300, 150, true
	c["supportPersonId"], c["pregnancy"], c["substances"] = s.IDs["supportPerson"], "notPregnant", []string{}
	c["acuteIllness"], c["sleptHours"] = false, 7
	for name, value := range more {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

// reading is a measurement before a dose.
func reading(s *apitest.Scene, systolic, diastolic, heartRate int) map[string]any {
	v := s.Fact("systolicMmHg", systolic)
	v["diastolicMmHg"], v["heartRateBpm"] = diastolic, heartRate
	return v
}

// held lists what the newest check of a session held for, as staff see it: "stop rule" or "hold rule".
func held(a apitest.Answer) []string {
	checks, _ := a.JSON("checks").([]any)
	return heldFor(a, len(checks)-1)
}

func heldFor(a apitest.Answer, check int) (list []string) {
	checks, _ := a.JSON("checks").([]any)
	judged, _ := checks[check].(map[string]any)
	reasons, _ := judged["reasons"].([]any)
	for _, r := range reasons {
		reason, _ := r.(map[string]any)
		list = append(list, fmt.Sprint(reason["kind"], " ", reason["rule"]))
	}
	return list
}

// TestInstructionsOfACheck: the patient keeps reading what was asked when the check came in, and what has not changed
// is not sent again.
func TestInstructionsOfACheck(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		scene := s.Clinic(t, "Instructions").For(t, "checkSession")
		before := scene.Do(t, scene.Patient, "checkSession", check(scene, nil))
		treatmentID := map[string]string{"treatmentId": scene.IDs["treatment"]}
		course := s.Must(t, apitest.Call{Operation: "showTreatment", Token: scene.Clinic.Prescriber.Token, Path: treatmentID})
		s.Must(t, apitest.Call{Operation: "setInstructions", Token: scene.Clinic.Prescriber.Token, Path: treatmentID,
			Body: map[string]any{"text": "Another text."}, Header: map[string]string{"If-Match": course.Header.Get("ETag")}})
		show := apitest.Call{Operation: "showSession", Token: scene.Patient.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}}
		after := s.Must(t, show)
		if diff := cmp.Diff(before.JSON("checks"), after.JSON("checks")); diff != "" || after.Header.Get("ETag") != before.Header.Get("ETag") {
			t.Errorf("-before +after:\n%s", diff)
		}
		show.Header = map[string]string{"If-None-Match": before.Header.Get("ETag")}
		expect(t, "not changed", s.Do(t, show), 304, "")
	})
}

// TestGate: the patient is told cleared or held, staff why, and the same reading can clear what
// it was missing for.
func TestGate(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Gate")
		scene := c.For(t, "checkSession")
		show := func() apitest.Answer {
			return s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		}
		expectHeld := func(what string, got apitest.Answer, reasons ...string) {
			t.Helper()
			expect(t, what, got, 201, "")
			want := "held"
			if len(reasons) == 0 {
				want = "cleared"
			}
			if got.Text("status") != want {
				t.Errorf("%s: %s, want %s", what, got.Text("status"), want)
			}
			if list := held(got); list != nil {
				t.Errorf("%s: the patient reads %v", what, list)
			}
			checks, _ := got.JSON("checks").([]any)
			last, _ := checks[len(checks)-1].(map[string]any)
			if _, told := last["instructions"]; told != (want == "held") {
				t.Errorf("%s: instructions: %v", what, last)
			}
			if list := held(show()); !slices.Equal(list, reasons) {
				t.Errorf("%s: staff read %v, want %v", what, list, reasons)
			}
		}
		expectHeld("nothing measured", scene.Do(t, scene.Patient, "checkSession", check(scene, nil)), "hold readingMissing", "hold readingMissing")
		scene.Do(t, scene.Patient, "recordVitals", reading(scene, 126, 81, 66))
		s.Clock.Advance(time.Minute)
		expectHeld("fasting not said", scene.Do(t, scene.Patient, "checkSession", check(scene, map[string]any{"solidsFastedMin": nil})), "hold fastingUnknown")
		s.Clock.Advance(time.Minute)
		expectHeld("nobody is there", scene.Do(t, scene.Patient, "checkSession", check(scene, map[string]any{"supportPersonPresent": false})), "stop noSupportPerson")
		s.Clock.Advance(time.Minute)
		cleared := scene.Do(t, scene.Patient, "checkSession", check(scene, nil))
		expectHeld("cleared", cleared)
		if until := cleared.Text("clearedUntil"); until != s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("cleared until %s", until)
		}
		faint := scene.Fact("redFlag", "chestPain")
		s.Clock.Advance(time.Minute)
		faint["occurredAt"] = s.Clock.Now().Format(time.RFC3339)
		ended := scene.Do(t, scene.Patient, "recordObservation", faint)
		expectHeld("a red flag after the check", ended, "stop redFlagSymptom")
		expect(t, "overridden", scene.Do(t, c.Prescriber, "overrideHold", map[string]any{"reason": "It has gone."}), 422, problem.RuleViolated)
		struck := s.Must(t, apitest.Call{Operation: "voidSessionFact", Token: scene.Patient.Token, Body: map[string]any{"reason": "Heartburn."},
			Path: map[string]string{"sessionId": scene.IDs["session"], "factId": faint["id"].(string)}, Header: map[string]string{"If-Match": ended.Header.Get("ETag")}})
		if struck.Text("status") != "cleared" {
			t.Errorf("struck out: %s", struck.Body)
		}
		scene.Version["session"] = struck.Header.Get("ETag")
		s.Clock.Advance(60 * time.Minute)
		if lapsed := show(); lapsed.Text("status") != "scheduled" || lapsed.JSON("clearedUntil") != nil {
			t.Errorf("an hour later: %s", lapsed.Body)
		}
		// A reading that comes late takes the clearance back: whatever arrives when, the session is the same.
		late := reading(scene, 165, 95, 70)
		late["occurredAt"] = s.Clock.Now().Add(-62 * time.Minute).Format(time.RFC3339)
		expect(t, "late", scene.Do(t, scene.Patient, "recordVitals", late), 201, "")
		if list := held(show()); !slices.Equal(list, []string{"stop hardBloodPressure"}) {
			t.Errorf("after the late reading: %v", list)
		}
	})
}

// TestGateLooksAround: alerts of the patient hold, suicidality stops.
func TestGateLooksAround(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Around")
		for name, tt := range map[string]struct {
			item9 int
			want  string
		}{"several days": {1, "hold suicidality"}, "more than half the days": {2, "stop suicidality"}} {
			scene := c.For(t, "checkSession")
			s.Clock.Advance(3 * time.Hour)
			scene.Do(t, scene.Patient, "recordVitals", reading(scene, 120, 80, 64))
			early := check(scene, nil)
			early["occurredAt"] = s.Clock.Now().Add(-2 * time.Hour).Format(time.RFC3339)
			answers := map[string]any{"instrument": "phq-9", "answers": map[string]any{"phq9-9": tt.item9}}
			for member, value := range scene.Fact("x", nil) {
				if member != "id" && member != "x" {
					answers[member] = value
				}
			}
			s.Must(t, apitest.Call{Operation: "recordAssessment", Token: scene.Patient.Token, Body: answers,
				Path: map[string]string{"patientId": scene.IDs["patient"], "assessmentId": check(scene, nil)["id"].(string)}})
			scene.Do(t, scene.Patient, "checkSession", check(scene, nil))
			show := func() apitest.Answer {
				return s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
			}
			if got := held(show()); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("%s: %v, want %s", name, got, tt.want)
			}
			gate := s.Must(t, apitest.Call{Operation: "showGate", Token: scene.Patient.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
			if gate.JSON("checkable") != false || gate.JSON("reasons") != nil {
				t.Errorf("%s: the patient reads %s", name, gate.Body)
			}
			override := scene.Do(t, c.Prescriber, "overrideHold", map[string]any{"reason": "Spoke with her: no plan, no intent."})
			if tt.item9 == 1 {
				expect(t, name, override, 200, "")
			} else {
				expect(t, name, override, 422, problem.RuleViolated)
			}
			// A check from before the answers, sent late, is judged by what was true then.
			expect(t, "late", scene.Do(t, scene.Patient, "checkSession", early), 201, "")
			if got := heldFor(show(), 0); !slices.Equal(got, []string{"hold readingMissing", "hold readingMissing"}) {
				t.Errorf("%s: the earlier check: %v", name, got)
			}
		}
	})
}

// TestOverride: what a nurse may override, what only a prescriber, and that it clears.
func TestOverride(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Override")
		scene := c.For(t, "checkSession")
		reason := map[string]any{"reason": "Seen on video."}
		expect(t, "not checked", scene.Do(t, c.Prescriber, "overrideHold", reason), 409, problem.IllegalTransition)
		scene.Do(t, scene.Patient, "recordVitals", reading(scene, 144, 88, 115))
		scene.Do(t, scene.Patient, "checkSession", check(scene, map[string]any{"fluidsFastedMin": 60}))
		expect(t, "by the patient", scene.Do(t, scene.Patient, "overrideHold", reason), 403, problem.Forbidden)
		nurse := scene.Do(t, c.Clinician, "overrideHold", reason)
		expect(t, "fasting, by a nurse", nurse, 422, problem.RuleViolated)
		if faults, _ := nurse.JSON("errors").([]any); len(faults) != 1 || faults[0].(map[string]any)["code"] != "fasting" {
			t.Errorf("the nurse reads %s", nurse.Body)
		}
		s.Clock.Advance(5 * time.Minute)
		done := scene.Do(t, c.Prescriber, "overrideHold", reason)
		expect(t, "by a prescriber", done, 200, "")
		if done.Text("status") != "cleared" || done.Text("clearedUntil") != s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("overridden: %s", done.Body)
		}
		list, _ := done.JSON("overrides").([]any)
		if len(list) != 1 || fmt.Sprint(list[0].(map[string]any)["rules"]) != "[fasting softBloodPressure heartRate]" {
			t.Errorf("overrides: %v", list)
		}
		expect(t, "again", scene.Do(t, c.Prescriber, "overrideHold", reason), 409, problem.IllegalTransition)
		patient := s.Must(t, apitest.Call{Operation: "showSession", Token: scene.Patient.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		if patient.JSON("overrides") != nil || patient.Text("status") != "cleared" {
			t.Errorf("the patient reads %s", patient.Body)
		}
	})
}

// TestDoseAgainstStop: a dose that is taken in spite of a stop raises an alert that names the stops.
// That nobody is there has its own.
func TestDoseAgainstStop(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Against")
		for name, tt := range map[string]struct {
			systolic int
			present  bool
			want     []string
		}{
			"a stop":          {165, true, []string{"BP_PRE_HARD high session", "DOSE_AGAINST_STOP high session"}},
			"nobody is there": {122, false, []string{"SESSION_NO_SITTER high session"}},
			"both":            {165, false, []string{"BP_PRE_HARD high session", "DOSE_AGAINST_STOP high session", "SESSION_NO_SITTER high session"}},
		} {
			scene := c.For(t, "checkSession")
			scene.Do(t, scene.Patient, "recordVitals", reading(scene, tt.systolic, 80, 66))
			scene.Do(t, scene.Patient, "checkSession", check(scene, map[string]any{"supportPersonPresent": tt.present}))
			expect(t, name, scene.Do(t, scene.Patient, "recordDose", scene.Fact("doseMg", 100)), 201, "")
			if got := raisedBy(t, scene); !slices.Equal(slices.Sorted(slices.Values(got)), tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	})
}

// TestGateDaysBeforeThePlan: a check, and a look at the gate, days before the session is planned count
// the sessions of the week before them, not of the week before the plan.
func TestGateDaysBeforeThePlan(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Early"))
		s.Clock.Advance(6 * 24 * time.Hour)
		e.begins(0)
		e.logged(5*24*time.Hour+8*time.Hour, 4*24*time.Hour, 50*time.Hour)
		e.begins(3*24*time.Hour + time.Hour)
		e.planned()
		// The three fill the week until the first of them is seven days ago.
		want := e.began.Add(-(8*24+9)*time.Hour + 7*24*time.Hour).UTC().Format(time.RFC3339)
		if got := e.must(e.Clinic.Clinician, "showGate", nil).Text("earliestAt"); got != want {
			t.Errorf("showGate: earliest at %s, want %s", got, want)
		}
		e.facts["check"]["occurredAt"] = s.Clock.Now().Format(time.RFC3339)
		if got := held(e.tell("check")); !slices.Contains(got, "hold weeklyLimit") {
			t.Errorf("a check: %v", got)
		}
	})
}

// TestPregnancyStays: another answer in the same session does not take back that the patient has said to
// be pregnant: the clinic resolves that.
func TestPregnancyStays(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Pregnancy")
		scene := c.For(t, "checkSession")
		scene.Do(t, scene.Patient, "recordVitals", reading(scene, 120, 80, 64))
		s.Clock.Advance(time.Minute)
		scene.Do(t, scene.Patient, "checkSession", check(scene, map[string]any{"pregnancy": "pregnant"}))
		s.Clock.Advance(time.Minute)
		scene.Do(t, scene.Patient, "checkSession", check(scene, nil))
		shown := s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		if got := held(shown); shown.Text("status") != "held" || !slices.Equal(got, []string{"hold openAlert"}) {
			t.Errorf("after another answer: %s for %v", shown.Text("status"), got)
		}
	})
}
