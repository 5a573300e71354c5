package api_test

import (
	"fmt"
	"maps"
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

// TestVisits: what is agreed on, and what comes of it.
func TestVisits(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Visits")
		t.Run("book", func(t *testing.T) { bookVisits(t, c) })
		t.Run("update", func(t *testing.T) { updateVisits(t, c) })
		t.Run("complete", func(t *testing.T) { completeVisits(t, c) })
		t.Run("no show and cancel", func(t *testing.T) { endVisits(t, c) })
		t.Run("note", func(t *testing.T) { providersNote(t, c) })
	})
}

// booking is a visit of the scene in an hour, with one member as the test wants it.
func booking(scene *apitest.Scene, member string, value any) map[string]any {
	body := map[string]any{
		"kind": "followUp", "mode": "inPerson", "providerId": scene.IDs["prescriber"], "durationMin": 30, "timeZone": "America/New_York",
		"plannedAt": scene.Clinic.Site.Clock.Now().Add(time.Hour).Format(time.RFC3339),
	}
	body[member] = value
	return body
}

// meet books a visit that the scene's next operations are about.
func meet(t *testing.T, scene *apitest.Scene, member string, value any) apitest.Answer {
	t.Helper()
	a := scene.Do(t, scene.Clinic.Clinician, "bookVisit", booking(scene, member, value))
	expect(t, "book", a, 201, "")
	scene.IDs["visit"], scene.Version["visit"] = a.Text("id"), a.Header.Get("ETag")
	return a
}

// oneFault checks that a problem has exactly one fault.
func oneFault(t *testing.T, what string, got apitest.Answer, status int, want problem.Code, fault string) {
	t.Helper()
	expect(t, what, got, status, want)
	if diff := cmp.Diff([]string{fault}, faults(got)); diff != "" {
		t.Errorf("%s: faults (-want +got):\n%s", what, diff)
	}
}

func bookVisits(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "amendAssessment") // has an assessment
	try := func(member string, value any) apitest.Answer {
		return scene.Do(t, c.Clinician, "bookVisit", booking(scene, member, value))
	}
	for name, id := range map[string]any{"nobody": uuid.NewString(), "an admin": c.Admin.ID, "a patient": scene.Patient.ID} {
		oneFault(t, name, try("providerId", id), 422, problem.ReferenceNotFound, "reference_not_found /providerId")
	}
	expect(t, "a clinician", try("providerId", c.Clinician.ID), 201, "")
	for minutes, status := range map[int]int{4: 400, 5: 201, 480: 201, 481: 400} {
		if got := try("durationMin", minutes); got.Status != status {
			t.Errorf("%d minutes: %d %s", minutes, got.Status, got.Body)
		}
	}
	for member, value := range map[string]any{"kind": "chat", "mode": "app", "timeZone": "Albany", "note": "x", "status": "completed"} {
		expect(t, member, try(member, value), 400, problem.InvalidRequest)
	}
	own := scene.IDs["assessment"]
	other := c.For(t, "amendAssessment").IDs["assessment"]
	made := try("assessmentIds", []string{own})
	if diff := cmp.Diff([]any{own}, made.JSON("assessmentIds")); diff != "" || made.Text("status") != "booked" {
		t.Errorf("%d %s: assessments (-want +got):\n%s", made.Status, made.Body, diff)
	}
	oneFault(t, "another patient's", try("assessmentIds", []string{own, other}), 422, problem.ReferenceNotFound, "reference_not_found /assessmentIds/1")
	expect(t, "the same twice", try("assessmentIds", []string{own, own}), 400, problem.InvalidRequest)
	linkAdjustments(t, c)

	gone := c.For(t, "bookVisit")
	expect(t, "leaves", gone.Do(t, c.Clinician, "changePatientStatus", map[string]any{
		"status": "inactive", "since": "2026-11-01T00:00:00Z", "source": "Phone",
	}), 200, "")
	oneFault(t, "not in care", gone.Do(t, c.Clinician, "bookVisit", booking(gone, "kind", "refill")), 422, problem.RuleViolated, "patientActive ")
}

// A visit can be about a change of the dose, which the patient sees only once it is applied.
func linkAdjustments(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "approveAdjustment")
	own := scene.IDs["adjustment"]
	booked := meet(t, scene, "adjustmentIds", []string{own})
	if diff := cmp.Diff([]any{own}, booked.JSON("adjustmentIds")); diff != "" {
		t.Errorf("%s: adjustments (-want +got):\n%s", booked.Body, diff)
	}
	if read := scene.Do(t, scene.Patient, "showVisit", nil); read.Status != 200 || read.JSON("adjustmentIds") != nil {
		t.Errorf("the patient reads %s", read.Body)
	}
	wrong := scene.Do(t, c.Clinician, "updateVisit", map[string]any{"adjustmentIds": []string{uuid.NewString(), own}, "assessmentIds": []string{own}})
	if got := pointers(wrong); wrong.Status != 422 || !cmp.Equal(slices.Sorted(slices.Values(got)), []string{"/adjustmentIds/0", "/assessmentIds/0"}) {
		t.Errorf("two wrong lists: %d %v", wrong.Status, got)
	}
	assessed := scene.IDs["assessment"]
	both := scene.Do(t, c.Clinician, "updateVisit", map[string]any{"assessmentIds": []string{assessed}})
	if diff := cmp.Diff(map[string]any{"assessmentIds": []any{assessed}, "adjustmentIds": []any{own}}, members(both, "assessmentIds", "adjustmentIds")); diff != "" {
		t.Errorf("one list replaced: %d (-want +got):\n%s", both.Status, diff)
	}
}

func updateVisits(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "amendAssessment")
	meet(t, scene, "assessmentIds", []string{scene.IDs["assessment"]})
	names := []string{"kind", "mode", "providerId", "durationMin", "timeZone", "assessmentIds"}
	want := map[string]any{
		"kind": "followUp", "mode": "inPerson", "providerId": c.Prescriber.ID.String(), "durationMin": 30.0,
		"timeZone": "America/New_York", "assessmentIds": []any{scene.IDs["assessment"]},
	}
	for _, change := range []map[string]any{
		{"mode": "phone"}, {"providerId": c.Clinician.ID.String(), "kind": "safety"}, {"timeZone": "America/Chicago", "durationMin": 45.0},
		{"assessmentIds": []any{}},
	} {
		got := scene.Do(t, c.Prescriber, "updateVisit", change)
		maps.Copy(want, change)
		if diff := cmp.Diff(want, members(got, names...)); diff != "" {
			t.Errorf("after %v: %d (-want +got):\n%s", change, got.Status, diff)
		}
	}
	if got := scene.Do(t, c.Clinician, "updateVisit", map[string]any{"plannedAt": "2026-12-24T10:00:00-05:00"}); got.Text("plannedAt") != "2026-12-24T15:00:00Z" {
		t.Errorf("moved: %d %s", got.Status, got.Body)
	}
	oneFault(t, "to an admin", scene.Do(t, c.Clinician, "updateVisit", map[string]any{"providerId": c.Admin.ID}), 422, problem.ReferenceNotFound, "reference_not_found /providerId")
	oneFault(t, "no assessment", scene.Do(t, c.Clinician, "updateVisit", map[string]any{"assessmentIds": []string{scene.IDs["patient"]}}), 422, problem.ReferenceNotFound, "reference_not_found /assessmentIds/0")
	expect(t, "null", scene.Do(t, c.Clinician, "updateVisit", map[string]any{"providerId": nil}), 400, problem.InvalidRequest)
	expect(t, "note", scene.Do(t, c.Clinician, "updateVisit", map[string]any{"note": "x"}), 400, problem.InvalidRequest)
}

func completeVisits(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "amendAssessment")
	complete := func(body map[string]any) apitest.Answer { return scene.Do(t, c.Clinician, "completeVisit", body) }
	exam := map[string]any{"note": "Examined.", "examinedInPerson": true}
	meet(t, scene, "mode", "inPerson")
	c.Site.Clock.Advance(50 * time.Minute) // it begins early
	expect(t, "no note", complete(map[string]any{"examinedInPerson": true}), 400, problem.InvalidRequest)
	expect(t, "a blank note", complete(map[string]any{"note": " "}), 400, problem.InvalidRequest)
	done := complete(map[string]any{"note": "Examined.", "examinedInPerson": true, "assessmentIds": []string{scene.IDs["assessment"]}})
	want := map[string]any{
		"status": "completed", "note": "Examined.", "examinedInPerson": true, "completedBy": c.Clinician.ID.String(),
		"completedAt": c.Site.Clock.Now().UTC().Format(time.RFC3339), "assessmentIds": []any{scene.IDs["assessment"]},
	}
	if diff := cmp.Diff(want, members(done, slices.Collect(maps.Keys(want))...)); diff != "" {
		t.Errorf("completed: %d (-want +got):\n%s", done.Status, diff)
	}
	for operation, body := range map[string]any{"completeVisit": exam, "markNoShow": nil, "cancelVisit": map[string]any{"reason": "x"}, "updateVisit": map[string]any{"mode": "phone"}} {
		expect(t, operation+" afterwards", scene.Do(t, c.Prescriber, operation, body), 409, problem.IllegalTransition)
	}
	for _, how := range []struct {
		member string
		value  any
	}{{"mode", "video"}, {"mode", "phone"}, {"providerId", c.Clinician.ID}} {
		meet(t, scene, how.member, how.value)
		c.Site.Clock.Advance(time.Hour)
		oneFault(t, fmt.Sprint("examined with ", how), complete(exam), 422, problem.RuleViolated, "inPersonExam /examinedInPerson")
		if got := complete(map[string]any{"note": "Seen."}); got.JSON("examinedInPerson") != false {
			t.Errorf("seen with %v: %d %s", how, got.Status, got.Body)
		}
	}
}

func endVisits(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "bookVisit")
	meet(t, scene, "kind", "initial")
	oneFault(t, "not there an hour before", scene.Do(t, c.Clinician, "markNoShow", nil), 422, problem.RuleViolated, "plannedTime ")
	c.Site.Clock.Advance(time.Hour)
	if got := scene.Do(t, c.Clinician, "markNoShow", nil); got.Text("status") != "noShow" || got.JSON("examinedInPerson") != nil {
		t.Errorf("not there: %d %s", got.Status, got.Body)
	}
	meet(t, scene, "kind", "closing")
	expect(t, "no reason", scene.Do(t, c.Clinician, "cancelVisit", map[string]any{}), 400, problem.InvalidRequest)
	if got := scene.Do(t, c.Prescriber, "cancelVisit", map[string]any{"reason": "Ill."}); got.Text("status") != "cancelled" || got.Text("statusReason") != "Ill." {
		t.Errorf("cancelled: %d %s", got.Status, got.Body)
	}
	expect(t, "cancelled twice", scene.Do(t, c.Prescriber, "cancelVisit", map[string]any{"reason": "x"}), 409, problem.IllegalTransition)
	meet(t, scene, "kind", "safety")
	counts(t, scene, "listVisits", map[string]int{"": 3, "status=booked": 1, "status=noShow": 1, "status=cancelled": 1, "status=completed": 0})
}

// providersNote: the patient reads the summary and never the note.
func providersNote(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "completeVisit")
	done := scene.Do(t, c.Prescriber, "completeVisit", map[string]any{"note": bird, "patientSummary": "Go on."})
	if done.Text("note") != bird {
		t.Errorf("completed: %d %s", done.Status, done.Body)
	}
	for _, operation := range []string{"showVisit", "listVisits"} {
		for _, who := range []*apitest.Person{c.Clinician, scene.Patient} {
			text := string(scene.Do(t, who, operation, nil).Body)
			if strings.Contains(text, bird) != (who == c.Clinician) || !strings.Contains(text, "Go on.") {
				t.Errorf("%s to %s: %s", operation, who.Subject, text)
			}
		}
	}
}

// TestInPersonExam: from the protocol's day on, a signature needs a visit in which a prescriber has
// examined the patient in person.
func TestInPersonExam(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Exam")
		scene := c.For(t, "signPrescription")
		signs := func(what string, want bool) {
			t.Helper()
			if got := !keepsFromSigning(t, scene, "inPersonExam"); got != want {
				t.Errorf("%s: enough to sign %t, want %t", what, got, want)
			}
		}
		visit := func(mode string, examined bool) {
			t.Helper()
			meet(t, scene, "mode", mode)
			s.Clock.Advance(time.Hour)
			expect(t, mode, scene.Do(t, c.Clinician, "completeVisit", map[string]any{"note": "Seen.", "examinedInPerson": examined}), 200, "")
		}
		newYear := time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC) // in New York
		s.Clock.Advance(newYear.Add(-time.Second).Sub(s.Clock.Now()))
		signs("before that day", true)
		s.Clock.Advance(time.Second)
		signs("nobody has seen the patient", false)
		visit("video", false)
		visit("inPerson", false)
		meet(t, scene, "mode", "inPerson")
		signs("seen, but not examined", false)
		visit("inPerson", true)
		signs("examined", true)
		visit("video", false)
		signs("examined before the last visit", true)
	})
}
