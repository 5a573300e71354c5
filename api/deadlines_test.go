package api_test

import (
	"encoding/json"
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

// passing is a kind of deadline: in what scene it stands, when it passes, and what follows.
type passing struct {
	scene  string // an operation whose scene has the record
	after  func(t *testing.T, s *apitest.Scene) time.Time
	event  string
	alert  string
	before func(t *testing.T, s *apitest.Scene) // what a person does in time, so that nothing follows; nil if nothing can be done
}

// fromStart is so long after the clock's first moment, at which scenes are made.
func fromStart(d time.Duration) func(*testing.T, *apitest.Scene) time.Time {
	return func(_ *testing.T, s *apitest.Scene) time.Time { return s.Clinic.Site.Clock.Now().Add(d) }
}

// asShown is so long after a time that a record shows.
func asShown(operation, member string, d time.Duration) func(*testing.T, *apitest.Scene) time.Time {
	return func(t *testing.T, s *apitest.Scene) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s.Do(t, s.Clinic.Clinician, operation, nil).Text(member))
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(d)
	}
}

func does(who func(*apitest.Scene) *apitest.Person, operation string, body map[string]any) func(*testing.T, *apitest.Scene) {
	return func(t *testing.T, s *apitest.Scene) {
		b := body
		if op, _ := apitest.Contract(t).Operation(operation); op.Kind == "fact" {
			b = s.Fact("x", nil)
			delete(b, "x")
			for name, value := range body {
				b[name] = value
			}
		}
		if got := s.Do(t, who(s), operation, b); got.Status > 299 {
			t.Errorf("%s: %d %s", operation, got.Status, got.Body)
		}
	}
}

const day = 24 * time.Hour

// passings say what follows from each kind of deadline.
func passings() map[treatment.DeadlineKind]passing {
	nurse := func(s *apitest.Scene) *apitest.Person { return s.Clinic.Clinician }
	prescriber := func(s *apitest.Scene) *apitest.Person { return s.Clinic.Prescriber }
	patient := func(s *apitest.Scene) *apitest.Person { return s.Patient }
	end := does(prescriber, "discontinueTreatment", map[string]any{"reason": "patientChoice"})
	return map[treatment.DeadlineKind]passing{
		treatment.DeadlineAlert: {"resolveAlert", fromStart(day), "alert.escalated", "",
			does(nurse, "resolveAlert", map[string]any{"outcome": "handled"})},
		treatment.DeadlineCheckIn: {"reviewSession", fromStart(day), "session.checkInOverdue", "CHECKIN_OVERDUE medium session",
			does(patient, "checkInSession", nil)},
		treatment.DeadlineMissed: {"showSession", fromStart(time.Hour + day), "session.missed", "",
			does(patient, "cancelSession", map[string]any{"reason": "Not today."})},
		treatment.DeadlineAnswers: {"showAssessment", fromStart(8 * day), "assessment.overdue", "PRO_OVERDUE_7D medium assessment",
			does(nurse, "cancelAssessment", map[string]any{"reason": "Asked by phone."})},
		treatment.DeadlineAnswersExpire: {"showAssessment", asShown("showAssessment", "expiresAt", 0), "assessment.expired", "",
			does(nurse, "cancelAssessment", map[string]any{"reason": "Asked by phone."})},
		treatment.DeadlinePrescriptionExpiring: {"showPrescription", asShown("showPrescription", "expiresAt", -14*day), "prescription.expiring", "RX_EXPIRING_14D low prescription",
			does(prescriber, "stopPrescription", map[string]any{"reason": "Well without."})},
		treatment.DeadlinePrescription: {"showPrescription", asShown("showPrescription", "expiresAt", 0), "prescription.expired", "",
			does(prescriber, "stopPrescription", map[string]any{"reason": "Well without."})},
		treatment.DeadlineConsentExpiring: {"showPrescription", asShown("showConsent", "expiresAt", -30*day), "consent.expiring", "CONSENT_EXPIRING_30D low consent", nil},
		treatment.DeadlineConsent:         {"showPrescription", asShown("showConsent", "expiresAt", 0), "consent.expired", "", nil},
		treatment.DeadlineEligibility: {"startTreatment", asShown("showConsultation", "expiresAt", time.Microsecond), "consultation.expired", "",
			func(t *testing.T, s *apitest.Scene) {
				expect(t, "startTreatment", s.Do(t, s.Clinic.Prescriber, "startTreatment", s.Call(t, "startTreatment").Body), 201, "")
			}},
		treatment.DeadlineProposal: {"rejectAdjustment", asShown("showAdjustment", "expiresAt", 0), "adjustment.expired", "",
			does(prescriber, "rejectAdjustment", map[string]any{"reason": "Too soon."})},
		treatment.DeadlineSupply:   {"recordDispense", fromStart(7 * day), "treatment.supplyReview", "REFILL_DUE low treatment", end},
		treatment.DeadlineContact:  {"scheduleSession", fromStart(28 * day), "treatment.contactReview", "NO_CONTACT low treatment", end},
		treatment.DeadlineResponse: {"reviewSession", fromStart(28 * day), "treatment.responseReview", "NO_RESPONSE low treatment", end},
		treatment.DeadlinePDMP:     {"showPrescription", fromStart(90*day + time.Microsecond), "pdmpCheck.stale", "PDMP_STALE low patient", end},
		treatment.DeadlineFollowUp: {"showFollowUp", fromStart(day), "followUp.due", "",
			does(patient, "completeFollowUp", map[string]any{})},
		treatment.DeadlineFollowUpOverdue: {"showFollowUp", asShown("showFollowUp", "overdueAt", 0), "followUp.overdue", "",
			does(patient, "completeFollowUp", map[string]any{})},
		treatment.DeadlineFollowUpMissed: {"showFollowUp", asShown("showFollowUp", "missedAt", 0), "followUp.missed", "",
			does(nurse, "cancelFollowUp", map[string]any{"reason": "Settled."})},
	}
}

// byItself says how often the system itself has noted an event of a patient: in all, and at most for
// one record.
func byItself(t *testing.T, db testbed.Database, s *apitest.Scene, name string) (all, most int) {
	t.Helper()
	of := map[string]int{}
	for _, text := range db.Column(t, `SELECT events FROM journal WHERE CAST(patient_id AS TEXT) = $1 AND actor = 'system'`, s.IDs["patient"]) {
		var list []event
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Event == name {
				of[e.ID]++
				all, most = all+1, max(most, of[e.ID])
			}
		}
	}
	return all, most
}

// TestDeadlines: what time brings happens when it is due, not a moment before, once, and not at all
// if somebody has done in time what was due.
func TestDeadlines(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		all := passings()
		for _, kind := range treatment.DeadlineKinds {
			test, found := all[kind]
			if !found {
				t.Errorf("%s has no case", kind)
				continue
			}
			s.Clock.Advance(s.Clock.Now().Truncate(time.Second).Add(time.Second).Sub(s.Clock.Now())) // facts tell whole seconds
			c := s.Clinic(t, string(kind))
			scene := c.For(t, test.scene)
			idle := c.For(t, test.scene)
			already := len(raisedBy(t, scene))
			at := test.after(t, scene)
			if test.before != nil {
				test.before(t, idle)
			}
			s.Pass(t, at.Sub(s.Clock.Now())-time.Microsecond)
			if n, _ := byItself(t, db, scene, test.event); n != 0 {
				t.Errorf("%s happened %d times before it was due", test.event, n)
			}
			s.Pass(t, time.Microsecond)
			s.Pass(t, time.Hour)
			c.Clinician.Token = s.Issuer.Token(t, c.Clinician.Subject, s.Clock.Now())
			if _, n := byItself(t, db, scene, test.event); n != 1 {
				t.Errorf("%s happened %d times", test.event, n)
			}
			if got := raisedBy(t, scene); test.alert != "" && !slices.Contains(got, test.alert) || test.alert == "" && len(got) < already {
				t.Errorf("%s: alerts %v, want %q", kind, got, test.alert)
			}
			if test.before == nil {
				continue
			}
			if got := raisedBy(t, idle); test.alert != "" && slices.Contains(got, test.alert) {
				t.Errorf("%s, but it was done in time: %v", kind, got)
			}
		}
	})
}

// TestDeadlinesOnce: several processes that look at once do each thing once.
func TestDeadlinesOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		other, err := api.Open(t.Context(), s.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		c := s.Clinic(t, "Two processes")
		scene := c.For(t, "reviewSession")
		for range 8 {
			expect(t, "assign", scene.Do(t, c.Clinician, "assignAssessment", scene.Call(t, "assignAssessment").Body), 201, "")
		}
		s.Clock.Advance(60 * day)
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
		for event, want := range map[string]int{"assessment.overdue": 8, "assessment.expired": 8, "session.checkInOverdue": 1, "followUp.due": 1, "followUp.overdue": 1} {
			if all, most := byItself(t, db, scene, event); all != want || most != 1 {
				t.Errorf("%s happened %d times, %d for one record, want %d", event, all, most, want)
			}
		}
		if left := db.Column(t, `SELECT kind FROM deadlines WHERE done_at IS NULL AND CAST(patient_id AS TEXT) = $1`, scene.IDs["patient"]); slices.Contains(left, "assessmentOverdue") {
			t.Errorf("left over: %v", left)
		}
	})
}

// TestContact: what is heard of a patient moves the day on which the clinic asks.
func TestContact(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Contact")
		scene := c.For(t, "scheduleSession")
		s.Clock.Advance(20 * day)
		scene.Patient.Token = s.Issuer.Token(t, scene.Patient.Subject, s.Clock.Now())
		expect(t, "weight", scene.Do(t, scene.Patient, "recordMeasurement", scene.Fact("weightKg", 68)), 201, "")
		s.Pass(t, 28*day-time.Second)
		c.Clinician.Token = s.Issuer.Token(t, c.Clinician.Subject, s.Clock.Now())
		if got := raisedBy(t, scene); slices.Contains(got, "NO_CONTACT low treatment") {
			t.Errorf("28 days after the weight: %v", got)
		}
		s.Pass(t, time.Second)
		if got := raisedBy(t, scene); !slices.Contains(got, "NO_CONTACT low treatment") {
			t.Errorf("after 28 days without contact: %v", got)
		}
	})
}

// TestAlertsOfTimeEnd: what time has raised is over when it has been done; nobody has to say so.
func TestAlertsOfTimeEnd(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		for _, test := range []struct {
			kind   treatment.DeadlineKind
			done   string
			by     func(c *apitest.Clinic, scene *apitest.Scene) *apitest.Person
			member string
			value  any
		}{
			{treatment.DeadlineCheckIn, "checkInSession", func(_ *apitest.Clinic, s *apitest.Scene) *apitest.Person { return s.Patient }, "mood", 6},
			{treatment.DeadlineAnswers, "submitAssessment", func(_ *apitest.Clinic, s *apitest.Scene) *apitest.Person { return s.Patient }, "answers", map[string]any{"phq9-1": 1, "phq9-9": 0}},
			{treatment.DeadlineSupply, "recordDispense", func(c *apitest.Clinic, _ *apitest.Scene) *apitest.Person { return c.Clinician }, "", nil},
			{treatment.DeadlinePDMP, "recordPdmpCheck", func(c *apitest.Clinic, _ *apitest.Scene) *apitest.Person { return c.Clinician }, "", nil},
		} {
			passing := passings()[test.kind]
			s.Clock.Advance(s.Clock.Now().Truncate(time.Second).Add(time.Second).Sub(s.Clock.Now()))
			c := s.Clinic(t, "Ends "+string(test.kind))
			scene := c.For(t, passing.scene)
			s.Pass(t, passing.after(t, scene).Sub(s.Clock.Now()))
			renew(t, c)
			scene.Patient.Token = s.Issuer.Token(t, scene.Patient.Subject, s.Clock.Now())
			status := func() (list []string) {
				for _, a := range s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "patientId=" + scene.IDs["patient"]}).Items() {
					if strings.HasPrefix(passing.alert, fmt.Sprint(a["rule"])) {
						list = append(list, fmt.Sprint(a["status"], " ", a["outcome"]))
					}
				}
				return list
			}
			if got := status(); !slices.Equal(got, []string{"open <nil>"}) {
				t.Fatalf("%s: %v", test.kind, got)
			}
			body := scene.Fact(test.member, test.value)
			if test.member == "" {
				body, _ = scene.Call(t, test.done).Body.(map[string]any)
				body["occurredAt"] = s.Clock.Now().Format(time.RFC3339)
			}
			if got := scene.Do(t, test.by(c, scene), test.done, body); got.Status > 299 {
				t.Fatalf("%s: %d %s", test.done, got.Status, got.Body)
			}
			if got := status(); !slices.Equal(got, []string{"resolved handled"}) {
				t.Errorf("after %s: %v", test.done, got)
			}
		}
	})
}

// TestAlertsOfTreatmentEnd: what the clinic looks at again and again is over with the treatment.
func TestAlertsOfTreatmentEnd(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "The end")
		scene := c.For(t, "recordDispense")
		s.Pass(t, 91*day)
		renew(t, c)
		open := func() (list []string) {
			for _, a := range s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "limit=200&patientId=" + scene.IDs["patient"]}).Items() {
				if a["status"] != "resolved" {
					list = append(list, fmt.Sprint(a["rule"]))
				}
			}
			slices.Sort(list)
			return list
		}
		if got := open(); !slices.Contains(got, "NO_CONTACT") || !slices.Contains(got, "REFILL_DUE") || !slices.Contains(got, "PDMP_STALE") {
			t.Errorf("after three months without anything: %v", got)
		}
		expect(t, "the end", scene.Do(t, c.Prescriber, "discontinueTreatment", map[string]any{"reason": "lost"}), 200, "")
		if got := open(); len(got) != 0 {
			t.Errorf("after the end: %v", got)
		}
	})
}

// TestScreenerIsOverdue: a screener that answers have given reason to ask for is overdue as soon as it was
// due, also when another one is assigned for a later day.
func TestScreenerIsOverdue(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Screener")
		scene := c.For(t, "listAssessments")
		s.Must(t, apitest.Call{Operation: "assignAssessment", Token: c.Clinician.Token, Path: map[string]string{"patientId": scene.IDs["patient"]},
			Body: map[string]any{"instrument": "c-ssrs-screener", "dueAt": s.Clock.Now().Add(21 * day).Format(time.RFC3339)}})
		answers := scene.Fact("instrument", "phq-9")
		delete(answers, "id")
		answers["answers"] = map[string]any{"phq9-9": 3}
		s.Must(t, apitest.Call{Operation: "recordAssessment", Token: scene.Patient.Token, Body: answers,
			Path: map[string]string{"patientId": scene.IDs["patient"], "assessmentId": uuid.NewString()}})
		s.Pass(t, day-time.Second)
		if got := raisedBy(t, scene); slices.Contains(got, "PRO_OVERDUE_7D medium assessment") {
			t.Errorf("a second before it is due: %v", got)
		}
		s.Pass(t, time.Second)
		renew(t, c)
		if got := raisedBy(t, scene); !slices.Contains(got, "PRO_OVERDUE_7D medium assessment") {
			t.Errorf("a day later: %v", got)
		}
	})
}
