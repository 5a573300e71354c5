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
	"github.com/titrate-health/titrate/pkg/treatment"
)

// later lets time pass; people sign in again.
func later(t *testing.T, scene *apitest.Scene, d time.Duration) {
	t.Helper()
	s := scene.Clinic.Site
	s.Pass(t, d)
	for _, p := range []*apitest.Person{scene.Clinic.Clinician, scene.Clinic.Prescriber, scene.Clinic.Admin, scene.Patient} {
		p.Token = s.Issuer.Token(t, p.Subject, s.Clock.Now())
	}
}

// until lets time pass until the clocks in New York show a time of November 2026.
func until(t *testing.T, scene *apitest.Scene, day int, clock string) {
	t.Helper()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", fmt.Sprintf("2026-11-%d %s", day, clock), newYork)
	if err != nil {
		t.Fatal(err)
	}
	later(t, scene, at.Sub(scene.Clinic.Site.Clock.Now()))
}

// followUpsOf are a patient's follow-ups as somebody sees them, the first due first: "title occurrence
// status due", the time in New York.
func followUpsOf(t *testing.T, scene *apitest.Scene, who *apitest.Person) (list []string) {
	t.Helper()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range scene.Do(t, who, "listFollowUps", nil).Items() {
		due, err := time.Parse(time.RFC3339, fmt.Sprint(f["dueAt"]))
		if err != nil {
			t.Fatal(err)
		}
		occurrence := ""
		if n, is := f["occurrence"]; is {
			occurrence = fmt.Sprint(n, " ")
		}
		list = append(list, fmt.Sprint(f["title"], " ", occurrence, f["status"], " ", due.In(newYork).Format("01-02 15:04")))
	}
	slices.Reverse(list)
	return list
}

// ofSeries are those of the series of these tests.
func ofSeries(t *testing.T, scene *apitest.Scene) []string {
	t.Helper()
	return slices.DeleteFunc(followUpsOf(t, scene, scene.Clinic.Clinician), func(f string) bool {
		return !strings.HasPrefix(f, "Day") && !strings.HasPrefix(f, "After")
	})
}

func sees(t *testing.T, what string, scene *apitest.Scene, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, ofSeries(t, scene)...)); diff != "" {
		t.Errorf("%s: follow-ups (-want +got):\n%s", what, diff)
	}
}

// pick makes the scene be about the follow-up that is the last with a title and a number.
func pick(t *testing.T, scene *apitest.Scene, title string, occurrence int) map[string]any {
	t.Helper()
	for _, f := range scene.Do(t, scene.Clinic.Clinician, "listFollowUps", nil).Items() {
		if f["title"] == title && (occurrence == 0 || fmt.Sprint(f["occurrence"]) == fmt.Sprint(occurrence)) {
			about(scene, "followUp", fmt.Sprint(f["id"]), fmt.Sprintf(`"%v"`, f["version"]))
			return f
		}
	}
	t.Fatalf("no %s %d", title, occurrence)
	return nil
}

// follow has the scene's treatment follow a protocol with these series and no others.
func follow(t *testing.T, scene *apitest.Scene, series ...treatment.FollowUpSeries) {
	t.Helper()
	c := scene.Clinic
	p := treatment.Default()
	p.FollowUps.Series = series
	made := c.Site.Must(t, apitest.Call{Operation: "proposeProtocol", Token: c.Admin.Token,
		Body: map[string]any{"policy": policy(t, p, uuid.NewString()[:8]), "reason": "Other follow-ups."}})
	c.Site.Must(t, apitest.Call{Operation: "approveProtocol", Token: c.Prescriber.Token, Path: map[string]string{"protocolId": made.Text("id")}})
	expect(t, "follow", scene.Do(t, c.Prescriber, "updateTreatment", map[string]any{"protocolId": made.Text("id")}), 200, "")
}

// daily is asked every day at nine in induction and taper, and after is asked a day after these sessions.
func daily(instrument string) treatment.FollowUpSeries {
	return treatment.FollowUpSeries{
		ID: "daily", Title: "Day", For: treatment.AudiencePatient, Instrument: instrument,
		Phases:        []treatment.Phase{treatment.PhaseInduction, treatment.PhaseTaper},
		Every:         &treatment.Recurrence{Count: 1, Unit: treatment.PeriodDay, LocalHour: 9},
		FollowUpTimes: treatment.FollowUpTimes{EarlyHours: 6, OverdueAfterHours: 12, MissedAfterHours: 48},
	}
}

func after(instrument string, sessions ...int) treatment.FollowUpSeries {
	return treatment.FollowUpSeries{
		ID: "after", Title: "After", For: treatment.AudiencePatient, Instrument: instrument,
		Phases:        []treatment.Phase{treatment.PhaseInduction},
		AfterSession:  &treatment.AfterSession{Hours: 24, Sessions: append([]int{}, sessions...)},
		FollowUpTimes: treatment.FollowUpTimes{EarlyHours: 6, OverdueAfterHours: 12, MissedAfterHours: 48},
	}
}

func changePhase(t *testing.T, scene *apitest.Scene, phase string) {
	t.Helper()
	expect(t, phase, scene.Do(t, scene.Clinic.Prescriber, "changePhase", map[string]any{"phase": phase, "reason": "On."}), 200, "")
}

// TestFollowUps: what somebody schedules by hand is done, moved or cancelled.
func TestFollowUps(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "By hand")
		scheduleFollowUps(t, c)
		completeFollowUps(t, c)
		followUpLife(t, c)
	})
}

func due(scene *apitest.Scene, in time.Duration, more ...any) map[string]any {
	body := map[string]any{"title": "Call", "for": "patient", "dueAt": scene.Clinic.Site.Clock.Now().Add(in).Format(time.RFC3339)}
	for i := 0; i < len(more); i += 2 {
		body[fmt.Sprint(more[i])] = more[i+1]
	}
	return body
}

func scheduleFollowUps(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "scheduleFollowUp")
	try := func(in time.Duration, more ...any) apitest.Answer {
		return scene.Do(t, c.Clinician, "scheduleFollowUp", due(scene, in, more...))
	}
	made := try(0, "title", bird)
	expect(t, "now", made, 201, "")
	if made.Text("status") != "due" || made.Text("timeZone") != "America/New_York" || made.Text("treatmentId") != "" || made.Text("series") != "" {
		t.Errorf("made: %s", made.Body)
	}
	oneFault(t, "a moment ago", try(-time.Second), 422, problem.RuleViolated, "plannedInPast /dueAt")
	oneFault(t, "rated by a clinician", try(time.Hour, "instrument", "cgi-s"), 422, problem.RuleViolated, "audience /for")
	expect(t, "by one", try(time.Hour, "instrument", "cgi-s", "for", "staff"), 201, "")
	expect(t, "no licence", try(time.Hour, "instrument", "who-5"), 422, problem.LicenceRequired)
	oneFault(t, "an instrument that nobody has", try(time.Hour, "instrument", "own-none"), 422, problem.ReferenceNotFound, "reference_not_found /instrument")
	for member, value := range map[string]any{"title": " ", "for": "family", "instrument": "PHQ 9", "status": "done"} {
		expect(t, member, try(time.Hour, member, value), 400, problem.InvalidRequest)
	}
	expect(t, "for the staff", try(2*time.Hour, "title", "Ask the pharmacy", "for", "staff"), 201, "")
	pick(t, scene, "Ask the pharmacy", 0)
	for _, who := range []*apitest.Person{c.Clinician, scene.Patient} {
		text := strings.Join(followUpsOf(t, scene, who), "\n")
		if strings.Contains(text, "pharmacy") != (who == c.Clinician) || !strings.Contains(text, bird) {
			t.Errorf("%s sees %s", who.Subject, text)
		}
	}
	expect(t, "staff's to the patient", scene.Do(t, scene.Patient, "showFollowUp", nil), 404, problem.NotFound)
	expect(t, "done by the patient", scene.Do(t, scene.Patient, "completeFollowUp", map[string]any{}), 404, problem.NotFound)

	gone := c.For(t, "scheduleFollowUp")
	expect(t, "waits", gone.Do(t, c.Clinician, "scheduleFollowUp", due(gone, time.Hour)), 201, "")
	expect(t, "leaves", gone.Do(t, c.Clinician, "changePatientStatus", map[string]any{
		"status": "inactive", "since": "2026-11-01T00:00:00Z", "source": "Phone",
	}), 200, "")
	oneFault(t, "not in care", gone.Do(t, c.Clinician, "scheduleFollowUp", due(gone, time.Hour)), 422, problem.RuleViolated, "patientActive ")
	if got := pick(t, gone, "Call", 0); got["status"] != "cancelled" || got["statusReason"] != "patient is inactive" || got["closedBy"] != nil {
		t.Errorf("after the patient has left: %v", got)
	}
}

func completeFollowUps(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "amendAssessment") // has answers to the PHQ-9
	own, other := scene.IDs["assessment"], c.For(t, "amendAssessment").IDs["assessment"]
	expect(t, "asks", scene.Do(t, c.Clinician, "scheduleFollowUp", due(scene, 40*time.Hour, "instrument", "phq-9")), 201, "")
	pick(t, scene, "Call", 0)
	complete := func(who *apitest.Person, body map[string]any) apitest.Answer {
		return scene.Do(t, who, "completeFollowUp", body)
	}
	oneFault(t, "without answers", complete(c.Clinician, map[string]any{"note": "Said: fine."}), 422, problem.RuleViolated, "answers /assessmentId")
	oneFault(t, "another patient's", complete(scene.Patient, map[string]any{"assessmentId": other}), 422, problem.ReferenceNotFound, "reference_not_found /assessmentId")
	oneFault(t, "nobody's", complete(c.Clinician, map[string]any{"assessmentId": uuid.NewString()}), 422, problem.ReferenceNotFound, "reference_not_found /assessmentId")
	done := complete(scene.Patient, map[string]any{"assessmentId": own, "note": "Answered before."})
	want := map[string]any{"status": "done", "assessmentId": own, "note": "Answered before.", "closedBy": map[string]any{"kind": "patient", "id": scene.Patient.ID.String()}}
	if diff := cmp.Diff(want, members(done, "status", "assessmentId", "note", "closedBy")); diff != "" {
		t.Errorf("done: %d (-want +got):\n%s", done.Status, diff)
	}
	for operation, body := range map[string]map[string]any{
		"completeFollowUp": {}, "cancelFollowUp": {"reason": "x"}, "rescheduleFollowUp": {"dueAt": "2027-01-01T00:00:00Z", "reason": "x"},
	} {
		expect(t, operation+" afterwards", scene.Do(t, c.Prescriber, operation, body), 409, problem.IllegalTransition)
	}
	expect(t, "something to do", scene.Do(t, c.Clinician, "scheduleFollowUp", due(scene, time.Hour, "title", "Walk")), 201, "")
	pick(t, scene, "Walk", 0)
	oneFault(t, "by answers", complete(c.Clinician, map[string]any{"assessmentId": own}), 422, problem.RuleViolated, "answers /assessmentId")
	expect(t, "simply", complete(scene.Patient, map[string]any{}), 200, "")
}

// followUpLife: due, overdue and missed follow from time, in lists too. Even a missed one can be moved,
// or done late.
func followUpLife(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "showFollowUp") // due in a day
	etag := scene.Do(t, c.Clinician, "showFollowUp", nil).Header.Get("ETag")
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{24*time.Hour - time.Second, "open"}, {time.Second, "due"}, {24*time.Hour - time.Second, "due"}, {time.Second, "overdue"}, {6*24*time.Hour - time.Second, "overdue"}, {time.Second, "missed"}} {
		later(t, scene, step.after)
		got := scene.Do(t, scene.Patient, "showFollowUp", nil)
		if got.Text("status") != step.want || (got.Header.Get("ETag") == etag) != (step.want == "open") {
			t.Errorf("%s, ETag %s, want %s", got.Text("status"), got.Header.Get("ETag"), step.want)
		}
		for _, status := range treatment.FollowUpStatuses {
			n := 0
			if string(status) == step.want {
				n = 1
			}
			counts(t, scene, "listFollowUps", map[string]int{"status=" + string(status): n})
		}
	}
	moved := scene.Do(t, c.Clinician, "rescheduleFollowUp", map[string]any{"dueAt": scene.Clinic.Site.Clock.Now().Add(time.Hour).Format(time.RFC3339), "reason": "Travels."})
	if moved.Text("status") != "open" || moved.Text("statusReason") != "Travels." {
		t.Errorf("moved: %d %s", moved.Status, moved.Body)
	}
	oneFault(t, "into the past", scene.Do(t, c.Clinician, "rescheduleFollowUp", map[string]any{"dueAt": "2026-11-01T00:00:00Z", "reason": "x"}), 422, problem.RuleViolated, "plannedInPast /dueAt")
	later(t, scene, 30*24*time.Hour)
	if done := scene.Do(t, scene.Patient, "completeFollowUp", map[string]any{"note": "Late."}); done.Text("status") != "done" {
		t.Errorf("late: %d %s", done.Status, done.Body)
	}
	next := c.For(t, "cancelFollowUp")
	expect(t, "no reason", next.Do(t, c.Clinician, "cancelFollowUp", map[string]any{}), 400, problem.InvalidRequest)
	if got := next.Do(t, c.Clinician, "cancelFollowUp", map[string]any{"reason": "Settled."}); got.Text("status") != "cancelled" || got.Text("statusReason") != "Settled." {
		t.Errorf("cancelled: %d %s", got.Status, got.Body)
	}
}
