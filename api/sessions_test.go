package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestSessionStatusInLists: whatever time makes of a session, it is shown and listed alike.
func TestSessionStatusInLists(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Lists"))
		var ids []string
		begin := func(in time.Duration, facts ...string) {
			t.Helper()
			e.begins(in)
			e.planned()
			ids = append(ids, e.session)
			s.Clock.Advance(in)
			if len(facts) > 0 {
				e.tell(facts...)
			}
		}
		shown := func(what string, want ...string) {
			t.Helper()
			got, listed := map[string][]string{}, map[string][]string{}
			var statuses []string
			for _, id := range ids {
				e.IDs["session"] = id
				status := e.must(e.Patient, "showSession", nil).Text("status")
				statuses, got[status] = append(statuses, status), append(got[status], id)
			}
			if diff := cmp.Diff(want, statuses); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			for _, status := range treatment.SessionStatuses {
				page := s.Must(t, apitest.Call{Operation: "listSessions", Token: e.Patient.Token, Path: map[string]string{"treatmentId": e.IDs["treatment"]}, Query: "status=" + string(status)})
				for _, item := range page.Items() {
					listed[string(status)] = append(listed[string(status)], fmt.Sprint(item["id"]))
				}
				slices.Reverse(listed[string(status)]) // newest first
			}
			if diff := cmp.Diff(got, listed); diff != "" {
				t.Errorf("%s (-shown +listed):\n%s", what, diff)
			}
		}
		begin(time.Hour)
		e.must(e.Patient, "cancelSession", object{"reason": "Ill."})
		shown("called off", "cancelled")
		begin(time.Hour, "check") // without a reading
		shown("held", "cancelled", "held")
		s.Clock.Advance(treatment.MissedAt(e.began, treatment.Default()).Sub(s.Clock.Now()) - time.Second)
		shown("a second before it is missed", "cancelled", "held")
		s.Clock.Advance(time.Second)
		shown("missed", "cancelled", "missed")
		begin(48*time.Hour, "before", "check")
		shown("cleared", "cancelled", "missed", "cleared")
		s.Clock.Advance(55 * time.Minute) // the check was five minutes before the plan
		shown("at the end of the clearance", "cancelled", "missed", "cleared")
		s.Clock.Advance(time.Second)
		shown("lapsed", "cancelled", "missed", "scheduled")
		s.Clock.Advance(24 * time.Hour)
		shown("lapsed, then missed", "cancelled", "missed", "missed")
		begin(48*time.Hour, "dose")
		shown("dosed", "cancelled", "missed", "missed", "monitoring")
		s.Clock.Advance(3 * time.Hour)
		e.tell()
		shown("over", "cancelled", "missed", "missed", "completed")
		e.must(e.Clinic.Clinician, "reviewSession", object{"note": "Seen."})
		shown("reviewed", "cancelled", "missed", "missed", "reviewed")
		begin(48*time.Hour, "dose")
		e.must(e.Patient, "abortSession", e.told(20, object{"reason": "sideEffects"}))
		shown("broken off", "cancelled", "missed", "missed", "reviewed", "aborted")
		e.must(e.Clinic.Clinician, "voidSession", object{"reason": "Another patient's."})
		shown("void", "cancelled", "missed", "missed", "reviewed", "enteredInError")
		e.begins(48 * time.Hour)
		e.planned()
		ids = append(ids, e.session)
		shown("to come", "cancelled", "missed", "missed", "reviewed", "enteredInError", "scheduled")
	})
}

// TestMissedSessionsStayMissed: what ends a plan calls off what is to come, not what was missed.
func TestMissedSessionsStayMissed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		for operation, end := range map[string]func(c *apitest.Clinic, e *evening){
			"discontinueTreatment": func(c *apitest.Clinic, e *evening) {
				e.must(c.Prescriber, "discontinueTreatment", object{"reason": "patientChoice"})
			},
			"withdrawConsent": func(_ *apitest.Clinic, e *evening) {
				e.must(e.Patient, "withdrawConsent", e.Fact("reason", "I have thought about it."))
			},
		} {
			c := s.Clinic(t, "Missed "+operation)
			e := newEvening(t, c)
			e.planned()
			missed := e.session
			s.Clock.Advance(26 * time.Hour)
			e.begins(time.Hour)
			e.planned()
			end(c, e)
			for id, want := range map[string]string{missed: "missed", e.session: "cancelled"} {
				e.IDs["session"] = id
				if got := e.must(c.Clinician, "showSession", nil).Text("status"); got != want {
					t.Errorf("%s: %s, want %s", operation, got, want)
				}
			}
		}
	})
}
