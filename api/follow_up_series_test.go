package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The tests begin on Sunday, 22 November 2026, at nine in New York.

// TestFollowUpSeries: of a series that recurs one is to come, from the phase on in which it is asked.
func TestFollowUpSeries(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Series")
		scene := c.For(t, "changePhase")
		follow(t, scene, daily(""))
		sees(t, "planned", scene)
		changePhase(t, scene, "induction")
		sees(t, "induction", scene, "Day 1 open 11-23 09:00")
		later(t, scene, 24*time.Hour-2*time.Minute)
		sees(t, "a moment before", scene, "Day 1 open 11-23 09:00")
		later(t, scene, 2*time.Minute)
		sees(t, "due", scene, "Day 1 due 11-23 09:00", "Day 2 open 11-24 09:00")
		if _, n := byItself(t, db, scene, "followUp.due"); n != 1 {
			t.Errorf("due %d times", n)
		}

		pick(t, scene, "Day", 2)
		expect(t, "before it is due", scene.Do(t, scene.Patient, "completeFollowUp", map[string]any{}), 200, "")
		pick(t, scene, "Day", 3)
		expect(t, "cancelled", scene.Do(t, c.Clinician, "cancelFollowUp", map[string]any{"reason": "Away."}), 200, "")
		sees(t, "it goes on", scene, "Day 1 due 11-23 09:00", "Day 2 done 11-24 09:00", "Day 3 cancelled 11-25 09:00", "Day 4 open 11-26 09:00")
		pick(t, scene, "Day", 4)
		expect(t, "moved", scene.Do(t, c.Clinician, "rescheduleFollowUp", map[string]any{"dueAt": "2026-11-27T12:00:00-05:00", "reason": "Away."}), 200, "")
		later(t, scene, 100*time.Hour) // to 27 November at one
		sees(t, "those between are left out", scene, "Day 1 missed 11-23 09:00", "Day 2 done 11-24 09:00", "Day 3 cancelled 11-25 09:00",
			"Day 4 due 11-27 12:00", "Day 6 open 11-28 09:00")

		changePhase(t, scene, "maintenance")
		pick(t, scene, "Day", 4)
		expect(t, "done", scene.Do(t, c.Clinician, "completeFollowUp", map[string]any{}), 200, "")
		changePhase(t, scene, "taper")
		end := ofSeries(t, scene)[3:]
		if fmt.Sprint(end) != "[Day 4 done 11-27 12:00 Day 6 open 11-28 09:00]" {
			t.Errorf("in taper again: %v", end)
		}
		changePhase(t, scene, "maintenance")
		if got := pick(t, scene, "Day", 6); got["status"] != "cancelled" || got["closedBy"] != nil {
			t.Errorf("not asked in maintenance: %v", got)
		}
		later(t, scene, 10*24*time.Hour)
		changePhase(t, scene, "taper")
		end = ofSeries(t, scene)[5:]
		if fmt.Sprint(end) != "[Day 16 open 12-08 09:00]" {
			t.Errorf("in taper ten days later: %v", end)
		}
		expect(t, "by hand", scene.Do(t, c.Clinician, "scheduleFollowUp", due(scene, 90*time.Hour)), 201, "")
		later(t, scene, 4*24*time.Hour) // what the worker makes on the way is due before that
		expect(t, "the end", scene.Do(t, c.Prescriber, "discontinueTreatment", map[string]any{"reason": "patientChoice"}), 200, "")
		end = ofSeries(t, scene)[5:]
		if fmt.Sprint(end) != "[Day 16 missed 12-08 09:00 Day 17 missed 12-09 09:00 Day 18 missed 12-10 09:00 Day 19 cancelled 12-11 09:00 Day 20 cancelled 12-12 09:00]" {
			t.Errorf("after the end: %v", end)
		}
	})
}

// TestFollowUpsShipped: the protocol that a clinic begins with.
func TestFollowUpsShipped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Shipped")
		scene := c.For(t, "recordDose")
		const water, visit = "Passing water: five questions 1 open 02-22 09:00", "The prescriber sees the patient 1 open 02-22 09:00"
		if got := followUpsOf(t, scene, c.Clinician); len(got) != 2 || !slices.Contains(got, water) || !slices.Contains(got, visit) {
			t.Errorf("in induction: %v", got)
		}
		expect(t, "dose", scene.Do(t, scene.Patient, "recordDose", scene.Fact("doseMg", 100)), 201, "")
		if got := followUpsOf(t, scene, c.Clinician); len(got) != 3 || got[0] != "See the patient after the first session 1 open 11-23 09:00" {
			t.Errorf("after the first session: %v", got)
		}
		if got := followUpsOf(t, scene, scene.Patient); len(got) != 1 || got[0] != water {
			t.Errorf("the patient sees %v", got)
		}
	})
}

// TestFollowUpsOfSessions: what is due after a session follows its first dose.
func TestFollowUpsOfSessions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Sessions")
		scene := c.For(t, "recordDose")
		follow(t, scene, after("", 2))
		log := func(ago time.Duration) (session, fact string) {
			dose := scene.Fact("doseMg", 50)
			dose["occurredAt"] = s.Clock.Now().Add(-ago).Format(time.RFC3339)
			session, fact = uuid.NewString(), fmt.Sprint(dose["id"])
			s.Must(t, apitest.Call{Operation: "logSession", Token: scene.Patient.Token,
				Path: map[string]string{"treatmentId": scene.IDs["treatment"], "sessionId": session}, Body: map[string]any{"doses": []any{dose}}})
			return session, fact
		}
		strike := func(session, fact string) {
			about(scene, "session", session, c.Site.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": session}}).Header.Get("ETag"))
			scene.IDs["fact"] = fact
			expect(t, "struck out", scene.Do(t, scene.Patient, "voidSessionFact", map[string]any{"reason": "Typing error."}), 200, "")
		}
		later(t, scene, 4*time.Hour) // one o'clock
		log(0)
		sees(t, "the first", scene)
		second, fact := log(time.Minute) // earlier, so that the other one is the second
		sees(t, "the second", scene, "After 2 open 11-23 13:00")
		strike(second, fact)
		sees(t, "struck out", scene, "After 2 cancelled 11-23 13:00")
		later(t, scene, time.Hour)
		third, _ := log(0)
		sees(t, "another second", scene, "After 2 cancelled 11-23 13:00", "After 2 open 11-23 14:00")
		log(30 * time.Minute)
		sees(t, "one between", scene, "After 2 cancelled 11-23 13:00", "After 2 open 11-23 13:30", "After 2 cancelled 11-23 14:00")
		about(scene, "session", third, c.Site.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": third}}).Header.Get("ETag"))

		dose := scene.Fact("doseMg", 50)
		dose["occurredAt"] = s.Clock.Now().Add(-40 * time.Minute).Format(time.RFC3339)
		expect(t, "an earlier dose", scene.Do(t, scene.Patient, "recordDose", dose), 201, "")
		sees(t, "it is the second now", scene, "After 2 cancelled 11-23 13:00", "After 2 open 11-23 13:20", "After 2 cancelled 11-23 13:30")
		expect(t, "voided", scene.Do(t, c.Clinician, "voidSession", map[string]any{"reason": "Twice."}), 200, "")
		sees(t, "voided", scene, "After 2 cancelled 11-23 13:00", "After 2 cancelled 11-23 13:20", "After 2 open 11-23 13:30")

		follow(t, scene, after("", 1, 3))
		log(71 * time.Hour)
		if got := pick(t, scene, "After", 1); got["status"] != "overdue" || got["sessionId"] == nil {
			t.Errorf("told of late: %v", got)
		}
		n := len(followUpsOf(t, scene, c.Clinician))
		log(72 * time.Hour)
		if got := followUpsOf(t, scene, c.Clinician); len(got) != n {
			t.Errorf("told of so late that nobody could answer: %v", got)
		}
	})
}

// TestFollowUpsAreAnswered: answers do what has waited for them, whoever gives them.
func TestFollowUpsAreAnswered(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Answers")
		scene := c.For(t, "changePhase")
		follow(t, scene, daily("phq-9"))
		changePhase(t, scene, "induction")
		sees(t, "those before do not count", scene, "Day 1 open 11-23 09:00")
		until(t, scene, 23, "02:58") // two minutes before they count
		answer(t, scene, "phq-9", answers("phq9", 9))
		sees(t, "too early", scene, "Day 1 open 11-23 09:00")
		until(t, scene, 23, "03:00")
		answer(t, scene, "gad-7", answers("gad7", 7))
		sees(t, "another instrument", scene, "Day 1 open 11-23 09:00")
		first := answer(t, scene, "phq-9", answers("phq9", 9))
		sees(t, "early", scene, "Day 1 done 11-23 09:00", "Day 2 open 11-24 09:00")
		if got := pick(t, scene, "Day", 1); got["assessmentId"] != first.Text("id") || got["closedBy"] != nil {
			t.Errorf("done by itself: %v", got)
		}

		until(t, scene, 23, "10:00")
		about(scene, "assessment", first.Text("id"), first.Header.Get("ETag"))
		expect(t, "void", scene.Do(t, c.Clinician, "voidAssessment", map[string]any{"reason": "Somebody else's."}), 200, "")
		sees(t, "entered in error", scene, "Day 1 due 11-23 09:00", "Day 2 open 11-24 09:00")
		answer(t, scene, "phq-9", answers("phq9", 9))
		sees(t, "answered again", scene, "Day 1 done 11-23 09:00", "Day 2 open 11-24 09:00")

		raised := func() []string { // by follow-ups: the screener that item 9 has asked for is another matter
			return slices.DeleteFunc(raisedBy(t, scene), func(a string) bool { return !strings.HasSuffix(a, " followUp") })
		}
		until(t, scene, 24, "20:59") // a minute before the second is overdue
		if got := raised(); len(got) != 0 {
			t.Errorf("before it is overdue: %v", got)
		}
		until(t, scene, 25, "21:00") // and the third is
		sees(t, "unanswered", scene, "Day 1 done 11-23 09:00", "Day 2 missed 11-24 09:00", "Day 3 overdue 11-25 09:00", "Day 4 open 11-26 09:00")
		if got := raised(); !slices.Equal(got, []string{"PRO_OVERDUE_7D medium followUp"}) {
			t.Errorf("overdue twice: %v", got)
		}

		offline := scene.Call(t, "recordAssessment") // a phone had these since the second was due
		offline.Token, offline.Path["assessmentId"] = scene.Patient.Token, uuid.NewString()
		offline.Body.(map[string]any)["occurredAt"] = s.Clock.Now().Add(-33 * time.Hour).Format(time.RFC3339)
		delete(offline.Body.(map[string]any), "treatmentId")
		delete(offline.Body.(map[string]any), "sessionId")
		s.Must(t, offline)
		sees(t, "late from a phone", scene, "Day 1 done 11-23 09:00", "Day 2 done 11-24 09:00", "Day 3 overdue 11-25 09:00", "Day 4 open 11-26 09:00")
		open := func() int {
			return len(s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "limit=200&status=open&patientId=" + scene.IDs["patient"]}).Items())
		}
		before := open()
		answer(t, scene, "phq-9", map[string]any{"phq9-9": 0, "phq9-1": 1}) // those to the third
		if got := open(); got >= before {
			t.Errorf("%d alerts are open, %d were before the third was answered", got, before)
		}
	})
}

// TestFollowUpsMoveAlong: the patient moves, and nine is nine there.
func TestFollowUpsMoveAlong(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Zones")
		scene := c.For(t, "changePhase")
		follow(t, scene, daily(""))
		changePhase(t, scene, "induction")
		later(t, scene, 25*time.Hour)
		sees(t, "in New York", scene, "Day 1 due 11-23 09:00", "Day 2 open 11-24 09:00")
		moves := func(zone string) {
			call := scene.Call(t, "updateContact")
			call.Token, call.Body = scene.Patient.Token, map[string]any{"timeZone": zone}
			s.Must(t, call)
		}
		moves("America/Los_Angeles")
		sees(t, "in Los Angeles", scene, "Day 1 due 11-23 09:00", "Day 2 open 11-24 12:00")
		if got := pick(t, scene, "Day", 2); got["timeZone"] != "America/Los_Angeles" {
			t.Errorf("in the zone %v", got["timeZone"])
		}
		later(t, scene, 26*time.Hour)
		sees(t, "a day later", scene, "Day 1 missed 11-23 09:00", "Day 2 due 11-24 12:00", "Day 3 open 11-25 12:00")
		moves("Asia/Tokyo") // where it is the 25th already, two in the morning
		if got := followUpsOf(t, scene, c.Clinician)[2:]; fmt.Sprint(got) != "[Day 3 open 11-24 19:00]" {
			t.Errorf("in Tokyo: %v", got)
		}
	})
}

// TestFollowUpsOnce: several processes find, after ten days without any, what has become due: each time
// of the series is made once, and noted once.
func TestFollowUpsOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		other, err := api.Open(t.Context(), s.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		c := s.Clinic(t, "Two processes")
		scene := c.For(t, "changePhase")
		follow(t, scene, daily("phq-9"))
		changePhase(t, scene, "induction")
		s.Clock.Advance(10*24*time.Hour + time.Hour)
		var done sync.WaitGroup
		for i := range 6 {
			server := []*api.Server{s.Server, other}[i%2]
			done.Go(func() {
				if err := server.Work(t.Context()); err != nil {
					t.Errorf("work: %v", err)
				}
			})
		}
		done.Wait()
		later(t, scene, 0)
		if got := followUpsOf(t, scene, c.Clinician); len(got) != 11 || got[9] != "Day 10 due 12-02 09:00" || got[10] != "Day 11 open 12-03 09:00" {
			t.Errorf("after ten days: %v", got)
		}
		for event, want := range map[string]int{"followUp.due": 10, "followUp.overdue": 9, "followUp.missed": 9} {
			if all, most := byItself(t, db, scene, event); all != want || most != 1 {
				t.Errorf("%s happened %d times, %d for one record, want %d", event, all, most, want)
			}
		}
	})
}

// TestFollowUpsOfAnotherPeriod: a series that is asked more seldom from now on is asked, whatever its
// numbers were.
func TestFollowUpsOfAnotherPeriod(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		scene := s.Clinic(t, "Period").For(t, "changePhase")
		follow(t, scene, daily(""))
		changePhase(t, scene, "induction")
		later(t, scene, 5*24*time.Hour)
		weekly := daily("")
		weekly.Every = &treatment.Recurrence{Count: 1, Unit: treatment.PeriodWeek, LocalHour: 9}
		follow(t, scene, weekly)
		later(t, scene, 24*time.Hour) // the sixth day's is due, and the next one made
		list := ofSeries(t, scene)
		if got := list[len(list)-1]; got != "Day 7 open 11-29 09:00" && got != "Day 1 open 11-29 09:00" {
			t.Errorf("the next one: %s of %v", got, list)
		}
		later(t, scene, 2*24*time.Hour)
		list = ofSeries(t, scene)
		if got := list[len(list)-1]; !strings.HasSuffix(got, " open 12-06 09:00") {
			t.Errorf("the one after it: %s", got)
		}
	})
}
