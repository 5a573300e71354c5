package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// TestGuardsOfSessions: when one can be planned, moved or called off.
func TestGuardsOfSessions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Sessions")
		t.Run("plan", func(t *testing.T) { guardedBy(t, c, "scheduleSession").plans() })
		t.Run("pace", func(t *testing.T) { guardedBy(t, c, "scheduleSession").paces() })
		t.Run("before a dose", func(t *testing.T) { guardedBy(t, c, "rescheduleSession").moves() })
	})
}

// schedules asks for a session so long from now.
func (g *guarded) schedules(what string, in time.Duration, want string) {
	g.t.Helper()
	g.would(what, g.Patient, "scheduleSession", object{"plannedAt": g.site.Clock.Now().Add(in).Format(time.RFC3339Nano), "timeZone": "America/New_York"}, want)
}

func (g *guarded) plans() {
	c, why := g.Clinic, object{"reason": "Well again."}
	g.schedules("all is there", time.Hour, "")
	g.schedules("at once", 0, "")
	g.schedules("a moment ago", -time.Millisecond, "rule_violated: plannedInPast /plannedAt")
	for hold, resume := range map[string]string{"holdTreatment": "resumeTreatment", "holdPrescription": "resumePrescription"} {
		rule := map[string]string{"holdTreatment": "treatmentOnHold", "holdPrescription": "prescriptionOnHold"}[hold]
		g.must(c.Clinician, hold, object{"reason": "sideEffects"})
		g.schedules(hold, time.Hour, "rule_violated: "+rule)
		g.must(c.Prescriber, resume, why)
		g.schedules(resume, time.Hour, "")
	}
	expires, err := time.Parse(time.RFC3339Nano, g.must(c.Clinician, "showPrescription", nil).Text("expiresAt"))
	if err != nil {
		g.t.Fatal(err)
	}
	left := expires.Sub(g.site.Clock.Now())
	g.schedules("a second before the prescription expires", left-time.Second, "")
	g.schedules("when it has expired", left, "rule_violated: noActivePrescription")
	for _, phase := range []string{"maintenance", "taper"} {
		g.must(c.Prescriber, "changePhase", object{"phase": phase, "reason": "Going well."})
		g.schedules("in "+phase, time.Hour, "")
	}
	g.Version["prescription"] = g.must(c.Clinician, "showPrescription", nil).Header.Get("ETag")
	g.must(c.Prescriber, "stopPrescription", why)
	g.schedules("stopped", time.Hour, "rule_violated: noActivePrescription")
	g.must(c.Prescriber, "changePhase", object{"phase": "completed", "reason": "Well again."})
	g.schedules("completed", time.Hour, "rule_violated: treatmentNotOpen: noActivePrescription")
}

// paces: 48 hours apart as prescribed, 72 as long as no weight is known, and three in seven days.
func (g *guarded) paces() {
	const hour = time.Hour
	planned := func(hours int) {
		g.t.Helper()
		at := g.site.Clock.Now().Add(time.Duration(hours) * hour).Format(time.RFC3339)
		g.must(g.Patient, "scheduleSession", object{"plannedAt": at, "timeZone": "America/New_York"})
	}
	planned(100)
	g.schedules("48 hours after another one", 148*hour, "")
	g.schedules("a second less", 148*hour-time.Second, "rule_violated: intervalShort /plannedAt")
	g.schedules("48 hours before it", 52*hour, "")
	g.schedules("a second less before it", 52*hour+time.Second, "rule_violated: intervalShort /plannedAt")
	g.Version["measurement"] = `"1"`
	g.must(g.Clinic.Clinician, "voidMeasurement", object{"reason": "Somebody else."})
	g.schedules("the weight is not known", 172*hour-time.Second, "rule_violated: intervalShort /plannedAt")
	g.schedules("the weight is not known, 72 hours", 172*hour, "")
	g.weigh(68.4, 0)
	planned(150)
	planned(200)
	g.schedules("the fourth in seven days", 268*hour-time.Second, "rule_violated: weeklyLimit /plannedAt")
	g.schedules("seven days after the first", 268*hour, "")
}

// moves: a session is moved and called off by the same rules, for a reason, and before its dose.
func (g *guarded) moves() {
	at := func(in time.Duration, reason string) object {
		return object{"plannedAt": g.site.Clock.Now().Add(in).Format(time.RFC3339), "timeZone": "America/New_York", "reason": reason}
	}
	move := func(what string, in time.Duration, want string) {
		g.t.Helper()
		g.would(what, g.Patient, "rescheduleSession", at(in, "Jonas is away."), want)
	}
	move("near to itself", 2*time.Hour, "")
	move("to an hour ago", -time.Hour, "rule_violated: plannedInPast /plannedAt")
	other := g.Call(g.t, "scheduleSession")
	other.Token, other.Body = g.Patient.Token, object{"plannedAt": g.site.Clock.Now().Add(60 * time.Hour).Format(time.RFC3339), "timeZone": "UTC"}
	g.site.Must(g.t, other)
	move("near to another one", 13*time.Hour, "rule_violated: intervalShort /plannedAt")
	move("48 hours before it", 12*time.Hour, "")
	g.would("without a reason", g.Patient, "rescheduleSession", at(time.Hour, " "), "invalid_request: pattern /reason")
	g.would("called off without a reason", g.Patient, "cancelSession", object{"reason": " "}, "invalid_request: pattern /reason")
	g.would("called off", g.Patient, "cancelSession", object{"reason": "Ill."}, "")
	g.would("reviewed before it ended", g.Clinic.Clinician, "reviewSession", object{"note": "Seen."}, "illegal_transition")
	g.must(g.Patient, "recordDose", g.Fact("doseMg", 100))
	move("after the dose", 12*time.Hour, "illegal_transition")
	g.would("called off after the dose", g.Patient, "cancelSession", object{"reason": "Ill."}, "illegal_transition")
	g.must(g.Clinic.Clinician, "voidSession", object{"reason": "Another patient's."})
	for operation, body := range map[string]object{"voidSession": {"reason": "Again."}, "reviewSession": {"note": "Seen."}, "cancelSession": {"reason": "Ill."}} {
		g.would(operation+" when void", g.Clinic.Clinician, operation, body, "illegal_transition")
	}
	if got := g.Do(g.t, g.Patient, "recordDose", g.Fact("doseMg", 100)); got.Status != 409 {
		g.t.Errorf("a void session takes facts: %d %s", got.Status, got.Body)
	}
}

// TestFactsOfAReviewedSession: patients strike out what they have told themselves until it is
// reviewed; staff always. Whatever is told afterwards opens the review again.
func TestFactsOfAReviewedSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		g := guardedBy(t, s.Clinic(t, "Facts"), "reviewSession")
		strike := func(what string, who *apitest.Person, want string) {
			t.Helper()
			g.Version["session"] = g.must(g.Clinic.Clinician, "showSession", nil).Header.Get("ETag")
			g.would(what, who, "voidSessionFact", object{"reason": "A slip."}, want)
		}
		own := g.IDs["fact"]
		strike("the patient's own", g.Patient, "")
		theirs := g.Fact("systolicMmHg", 130)
		theirs["diastolicMmHg"], theirs["reportedBy"] = 80, "clinician"
		g.must(g.Clinic.Clinician, "recordVitals", theirs)
		g.IDs["fact"] = fmt.Sprint(theirs["id"])
		strike("the clinic's", g.Patient, "forbidden")
		strike("the clinic's, by the clinic", g.Clinic.Prescriber, "")
		g.IDs["fact"] = own
		g.must(g.Clinic.Clinician, "reviewSession", object{"note": "Seen."})
		strike("own, but reviewed", g.Patient, "illegal_transition")
		strike("reviewed, by the clinic", g.Clinic.Clinician, "")
		helped := g.must(g.Patient, "escalateSession", g.Fact("redFlag", "seizure"))
		if helped.Text("status") != "completed" || helped.JSON("escalated") != true || helped.Text("safetyMessage") == "" {
			t.Errorf("a call for help after the review: %s", helped.Body)
		}
		if got := raisedBy(t, g.Scene); !slices.Contains(got, "RED_FLAG_SYMPTOM critical session") {
			t.Errorf("alerts: %v", got)
		}
		g.must(g.Clinic.Clinician, "voidSessionFact", object{"reason": "Another patient's."})
		strike("struck out", g.Clinic.Clinician, "illegal_transition")
	})
}

// TestGuardsOfPeople: who may end a patient's care, and who may change whose rights.
func TestGuardsOfPeople(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "People")
		g := guardedBy(t, c, "scheduleSession")
		status := func(what string, who *apitest.Person, status string, since time.Time, want string) {
			t.Helper()
			g.would(what, who, "changePatientStatus", object{"status": status, "since": since.Format(time.RFC3339), "source": "Phone"}, want)
		}
		now := s.Clock.Now()
		status("by a nurse, with an open treatment", c.Clinician, "transferred", now, "rule_violated: otherTreatment")
		status("by a prescriber", c.Prescriber, "transferred", now, "")
		status("tomorrow", c.Prescriber, "deceased", now.Add(time.Second), "invalid_request: maximum /since")
		status("as it is", c.Prescriber, "active", now, "illegal_transition")
		g.must(c.Prescriber, "changePatientStatus", object{"status": "deceased", "since": now.Format(time.RFC3339), "source": "Family"})
		if got := g.must(c.Clinician, "showTreatment", nil); got.Text("phase") != "discontinued" || got.Text("discontinueReason") != "deceased" {
			t.Errorf("the treatment goes on: %s", got.Body)
		}
		status("by a nurse, without one", c.Clinician, "active", now, "")

		change := func(what string, who *apitest.Person, body object, want string) {
			t.Helper()
			call := apitest.Call{Operation: "showStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": g.IDs["staff"]}}
			g.Version["staff"] = s.Must(t, call).Header.Get("ETag")
			g.would(what, who, "updateStaff", body, want)
		}
		prescribes := object{"roles": []string{"admin", "prescriber"}}
		g.IDs["staff"] = c.Both.ID.String()
		change("own credentials", c.Both, object{"npi": nil}, "forbidden")
		change("own roles", c.Both, prescribes, "forbidden")
		change("own address", c.Both, object{"email": "b@example.org"}, "")
		g.IDs["staff"] = c.Clinician.ID.String()
		change("the prescriber role, by one of two admins", c.Admin, prescribes, "")
		g.IDs["staff"] = c.Both.ID.String()
		change("the other admin", c.Admin, object{"roles": []string{"prescriber"}}, "")
		g.must(c.Admin, "deactivateStaff", object{"reason": "Moves away."})
		s.Clock.Advance(3 * time.Second) // rights may be remembered for two
		g.IDs["staff"] = c.Clinician.ID.String()
		change("by the only one", c.Admin, prescribes, "rule_violated: secondAdminRequired /roles")
		change("another role", c.Admin, object{"roles": []string{"admin", "clinician"}}, "")
	})
}
