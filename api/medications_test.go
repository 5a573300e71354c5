package api_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestMedications: what is taken is known day by day, where the patient is.
func TestMedications(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Medications") // it is 22 November, 9 in the morning, in New York
		scene := c.For(t, "showMedication")
		record := func(member string, value any) map[string]any {
			body := scene.Fact("name", "Clarithromycin")
			body["startedOn"] = "2026-11-01"
			body[member] = value
			return body
		}
		for name, body := range map[string]map[string]any{
			"a class that nobody knows": record("drugClass", "antibiotic"), "a name for a code": record("rxNormCode", "lorazepam"),
			"no such day": record("endedOn", "2026-11-31"), "no name": record("name", ""), "a time": record("startedOn", "2026-11-01T10:00:00Z"),
		} {
			expect(t, name, scene.Do(t, scene.Patient, "recordMedication", body), 400, problem.InvalidRequest)
		}
		early := scene.Do(t, scene.Patient, "recordMedication", record("endedOn", "2026-10-31"))
		expect(t, "stopped before it was begun", early, 422, problem.RuleViolated)
		if diff := cmp.Diff([]string{"period /endedOn"}, faults(early)); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		for ended, want := range map[string]string{"2026-11-21": "ended", "2026-11-22": "ended", "2026-11-23": "current"} {
			got := scene.Do(t, c.Clinician, "recordMedication", record("endedOn", ended))
			if got.Text("status") != want || got.Text("endedOn") != ended {
				t.Errorf("stopped on %s: %d %s, want %s", ended, got.Status, got.Body, want)
			}
		}
		counts(t, scene, "listMedications", map[string]int{"": 4, "status=current": 2, "status=ended": 2, "status=enteredInError": 0})

		// The patient's own: its end is announced for another day, and set anew.
		expect(t, "before it was begun", scene.Do(t, scene.Patient, "endMedication", map[string]any{"reason": "x"}), 400, problem.InvalidRequest)
		for _, day := range []string{"2026-12-24", "2026-11-23"} {
			got := scene.Do(t, scene.Patient, "endMedication", map[string]any{"endedOn": day, "reason": "Sleeps well."})
			want := map[string]any{"status": "current", "endedOn": day, "endReason": "Sleeps well."}
			if diff := cmp.Diff(want, members(got, "status", "endedOn", "endReason")); diff != "" {
				t.Errorf("it ends on %s (-want +got):\n%s", day, diff)
			}
		}
		show := wire(t, apitest.Call{Operation: "showMedication", Token: scene.Patient.Token, Path: scene.Call(t, "showMedication").Path})
		tag := scene.Version["medication"]
		s.Clock.Advance(time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC).Add(-time.Second).Sub(s.Clock.Now()))
		if got := send(t, s, show.with("If-None-Match", tag)); got.Status != 304 {
			t.Errorf("a second before midnight: %d %s", got.Status, got.Body)
		}
		s.Clock.Advance(time.Second)
		(&counter{Clinic: c}).derived(t, send(t, s, show.with("If-None-Match", tag)), tag, "ended")
		expect(t, "ended", scene.Do(t, c.Clinician, "endMedication", map[string]any{"endedOn": "2026-11-24"}), 409, problem.IllegalTransition)
		counts(t, scene, "listMedications", map[string]int{"status=current": 0, "status=ended": 4})

		why := map[string]any{"reason": "Not mine."}
		voided := scene.Do(t, scene.Patient, "voidMedication", why)
		if voided.Text("status") != "enteredInError" || voided.Text("struckOut", "reason") != "Not mine." {
			t.Errorf("struck out: %d %s", voided.Status, voided.Body)
		}
		expect(t, "struck out twice", scene.Do(t, c.Clinician, "voidMedication", why), 409, problem.IllegalTransition)
		expect(t, "ended afterwards", scene.Do(t, c.Clinician, "endMedication", map[string]any{"endedOn": "2026-11-24"}), 409, problem.IllegalTransition)
		counts(t, scene, "listMedications", map[string]int{"status=ended": 3, "status=enteredInError": 1})

		staffs := scene.Do(t, c.Clinician, "recordMedication", record("drugClass", "strongCyp3a4Inhibitor"))
		scene.IDs["medication"], scene.Version["medication"] = staffs.Text("id"), staffs.Header.Get("ETag")
		expect(t, "by the patient", scene.Do(t, scene.Patient, "voidMedication", why), 403, problem.Forbidden)
		expect(t, "by staff", scene.Do(t, c.Prescriber, "voidMedication", why), 200, "")
	})
}
