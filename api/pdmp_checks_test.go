package api_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// keepsFromSigning asks whether a rule would keep the scene's draft from being signed now.
func keepsFromSigning(t *testing.T, scene *apitest.Scene, rule string) bool {
	t.Helper()
	call := scene.Call(t, "signPrescription")
	call.Token, call.Query = scene.Clinic.Prescriber.Token, "validateOnly=true"
	got := send(t, scene.Clinic.Site, wire(t, call))
	if got.Status != 200 && got.Status != 422 { // other rules may be broken too
		t.Errorf("signing: %d %s", got.Status, got.Body)
	}
	return slices.Contains(faults(got), rule+" ")
}

// TestPDMPChecks: what counts is when the program of the patient's own state was last asked.
func TestPDMPChecks(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "PDMP")
		scene := c.For(t, "signPrescription")
		expect(t, "its own", scene.Do(t, c.Clinician, "voidPdmpCheck", map[string]any{"reason": "Asked about somebody else."}), 200, "")
		signs := func(what string, want bool) {
			t.Helper()
			if got := !keepsFromSigning(t, scene, "pdmp"); got != want {
				t.Errorf("%s: enough to sign %t, want %t", what, got, want)
			}
		}
		check := func(state string, ago time.Duration, result, note string) apitest.Answer {
			t.Helper()
			body := scene.Fact("state", state)
			body["result"], body["reportedBy"], body["occurredAt"] = result, "clinician", s.Clock.Now().Add(-ago).Format(time.RFC3339)
			if note != "" {
				body["note"] = note
			}
			a := scene.Do(t, c.Clinician, "recordPdmpCheck", body)
			if a.Status == 201 {
				scene.IDs["pdmpCheck"], scene.Version["pdmpCheck"] = a.Text("id"), a.Header.Get("ETag")
			}
			return a
		}
		const day, fine = 24 * time.Hour, "nothingUnexpected"

		signs("nobody has asked", false)
		expect(t, "in no state", check("ny", 0, fine, ""), 400, problem.InvalidRequest)
		check("NJ", 0, fine, "")
		signs("another state's program", false)
		check("NY", 90*day+time.Second, fine, "")
		signs("a second more than 90 days ago", false)
		check("NY", 90*day, fine, "")
		signs("90 days ago", true)
		struck := scene.Do(t, c.Prescriber, "voidPdmpCheck", map[string]any{"reason": "Another person."})
		expect(t, "struck out", struck, 200, "")
		if struck.Text("struckOut", "reason") != "Another person." {
			t.Errorf("struck out: %s", struck.Body)
		}
		signs("struck out", false)
		expect(t, "struck out twice", scene.Do(t, c.Clinician, "voidPdmpCheck", map[string]any{"reason": "x"}), 409, problem.IllegalTransition)

		undescribed := check("NY", 0, "unexpected", "")
		expect(t, "unexpected, but what", undescribed, 422, problem.RuleViolated)
		if diff := cmp.Diff([]string{"note /note"}, faults(undescribed)); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		signs("it was not recorded", false)
		expect(t, "unexpected", check("NY", 0, "unexpected", "Oxycodone in October."), 201, "")
		signs("a prescriber decides what to make of it", true)
		expect(t, "moved", scene.Do(t, c.Clinician, "updatePatient", map[string]any{"state": "VT"}), 200, "")
		signs("the patient has moved to another state", false)
		counts(t, scene, "listPdmpChecks", map[string]int{"": 5})
	})
}
