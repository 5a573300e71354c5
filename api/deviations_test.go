package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// evening is a session as a phone and a support person tell of it afterwards: a dose of 100 mg as
// prescribed. In the making it deviates from no rule.
type evening struct {
	*apitest.Scene
	t     *testing.T
	site  *apitest.Site
	began time.Time // the dose
	// session is the one that the facts belong to; empty for one that nobody has planned.
	session string
	// facts by what they are; what is deleted is not told.
	facts map[string]object
	// inviter gives the support person the ticket.
	inviter *apitest.Person
}

// tellings are the operations that tell of an evening's facts, and where a log has them.
var tellings = []struct{ fact, operation, list string }{
	{"before", "recordVitals", "vitals"}, {"check", "checkSession", "checks"}, {"dose", "recordDose", "doses"}, {"booster", "recordDose", "doses"},
	{"peak", "recordVitals", "vitals"}, {"release", "recordVitals", "vitals"}, {"completion", "completeSession", "completions"},
	{"check-in", "checkInSession", "checkIns"},
}

func newEvening(t *testing.T, c *apitest.Clinic) *evening {
	t.Helper()
	e := &evening{Scene: c.For(t, "logSession"), t: t, site: c.Site, inviter: c.Clinician}
	e.begins(time.Hour)
	return e
}

// begins makes it another evening, of a session that nobody has told of yet.
func (e *evening) begins(in time.Duration) {
	e.session, e.began = "", e.site.Clock.Now().Add(in)
	vitals := func(minutes int) object {
		return e.told(minutes, object{"systolicMmHg": 122, "diastolicMmHg": 78, "heartRateBpm": 66, "spo2Percent": 98})
	}
	e.facts = map[string]object{
		"before": vitals(-10),
		"check": e.told(-5, object{"solidsFastedMin": 300, "fluidsFastedMin": 150, "supportPersonPresent": true, "supportPersonId": e.IDs["supportPerson"],
			"redFlags": []string{}, "pregnancy": "notPregnant", "substances": []string{}, "acuteIllness": false, "sleptHours": 7}),
		"dose":        e.told(0, object{"doseMg": 100}),
		"peak":        vitals(40),
		"release":     vitals(115),
		"completion":  e.told(125, object{"oriented": true, "walksUnaided": true, "supportPersonStays": true}),
		"attestation": e.told(130, object{"presentThroughout": true, "lookedIn": true, "reportedBy": "supportPerson"}),
	}
}

// told is a fact so many minutes after the dose.
func (e *evening) told(minutes int, members object) object {
	body := object{"id": uuid.NewString(), "occurredAt": e.at(minutes), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app"}
	maps.Copy(body, members)
	return body
}

func (e *evening) at(minutes int) string {
	return e.began.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// must has somebody do something in the scene that succeeds.
func (e *evening) must(who *apitest.Person, operation string, body any) apitest.Answer {
	e.t.Helper()
	got := e.Do(e.t, who, operation, body)
	if got.Status > 299 {
		e.t.Fatalf("%s: %d %s", operation, got.Status, got.Body)
	}
	return got
}

// planned has the session planned for when it begins.
func (e *evening) planned() {
	e.t.Helper()
	got := e.must(e.Patient, "scheduleSession", object{"plannedAt": e.at(0), "timeZone": "America/New_York"})
	e.session = got.Text("id")
	about(e.Scene, "session", e.session, got.Header.Get("ETag"))
}

// tell sends what is to be told, and answers the session as the clinic sees it.
func (e *evening) tell(facts ...string) apitest.Answer {
	e.t.Helper()
	log := map[string][]object{"doses": {}}
	for _, telling := range tellings {
		fact := e.facts[telling.fact]
		switch {
		case fact == nil, len(facts) > 0 && !slices.Contains(facts, telling.fact):
			continue
		case e.session == "":
			log[telling.list] = append(log[telling.list], fact)
		default:
			e.must(e.Patient, telling.operation, fact)
		}
		delete(e.facts, telling.fact)
	}
	if e.session == "" {
		e.session = uuid.NewString()
		e.site.Must(e.t, apitest.Call{Operation: "logSession", Token: e.Patient.Token, Body: log,
			Path: map[string]string{"treatmentId": e.IDs["treatment"], "sessionId": e.session}})
		about(e.Scene, "session", e.session, "")
	}
	if word := e.facts["attestation"]; word != nil && len(facts) == 0 {
		ticket := e.must(e.inviter, "inviteSupportPerson", object{"supportPersonId": e.IDs["supportPerson"]}).Text("ticket")
		e.site.Must(e.t, apitest.Call{Operation: "attestSession", Ticket: ticket, Body: word, Path: map[string]string{"sessionId": e.session}})
	}
	return e.shown()
}

// shown is the session as the clinic sees it now.
func (e *evening) shown() apitest.Answer {
	e.t.Helper()
	got := e.must(e.Clinic.Clinician, "showSession", nil)
	e.Version["session"] = got.Header.Get("ETag")
	return got
}

// logged logs other sessions of the patient, with a dose of 100 mg each so long before this one.
func (e *evening) logged(before ...time.Duration) {
	e.t.Helper()
	for _, d := range before {
		e.loggedMg(100, d)
	}
}

// loggedMg logs another session with that much.
func (e *evening) loggedMg(mg float64, before time.Duration) {
	e.t.Helper()
	dose := e.told(-int(before.Minutes()), object{"doseMg": mg})
	e.site.Must(e.t, apitest.Call{Operation: "logSession", Token: e.Patient.Token, Body: object{"doses": []object{dose}},
		Path: map[string]string{"treatmentId": e.IDs["treatment"], "sessionId": uuid.NewString()}})
}

// deviates is "value / limit" of a rule that a session deviates from; empty if it does not.
func deviates(a apitest.Answer, rule treatment.Rule) string {
	list, _ := a.JSON("deviations").([]any)
	for _, item := range list {
		if d, _ := item.(object); d["rule"] == string(rule) {
			return strings.ReplaceAll(fmt.Sprint(d["value"], " / ", d["limit"]), "<nil>", "-")
		}
	}
	return ""
}

// evenings are what goes wrong in one, by the rule that finds it, with what the clinic then reads.
var evenings = map[treatment.Rule]struct {
	change func(e *evening)
	want   string // value / limit
}{
	treatment.RuleDoseAbovePrescribed:    {func(e *evening) { e.facts["dose"]["doseMg"] = 100.5 }, "100.5 mg / 100 mg"},
	treatment.RuleBoosterAbovePrescribed: {func(e *evening) { e.facts["booster"] = e.told(15, object{"doseMg": 25, "booster": true}) }, "25 mg / 0 mg"},
	treatment.RuleNoActivePrescription:   {func(e *evening) { e.must(e.Clinic.Prescriber, "stopPrescription", object{"reason": "No effect."}) }, "- / -"},
	treatment.RulePrescriptionOnHold:     {func(e *evening) { e.must(e.Clinic.Clinician, "holdPrescription", object{"reason": "supply"}) }, "- / -"},
	treatment.RuleTreatmentOnHold:        {func(e *evening) { e.must(e.Clinic.Clinician, "holdTreatment", object{"reason": "sideEffects"}) }, "- / -"},
	treatment.RuleTreatmentNotOpen:       {func(e *evening) { e.must(e.Clinic.Prescriber, "discontinueTreatment", object{"reason": "lost"}) }, "- / -"},
	treatment.RuleIntervalShort:          {func(e *evening) { e.logged(47 * time.Hour) }, "47 h 0 min / 48 h"},
	treatment.RuleWeeklyLimit:            {func(e *evening) { e.logged(48*time.Hour, 96*time.Hour, 144*time.Hour) }, "4 / 3"},
	treatment.RuleNoClearance:            {func(e *evening) { delete(e.facts, "check") }, "not checked / 60 min"},
	treatment.RuleHoldOverridden: {func(e *evening) {
		e.planned()
		e.facts["before"]["heartRateBpm"] = 115
		e.site.Clock.Advance(56 * time.Minute) // four minutes before the dose
		e.tell("before", "check")
		e.must(e.Clinic.Prescriber, "overrideHold", object{"reason": "Seen on video."})
	}, "heartRate / -"},
	treatment.RuleCompletedEarly:       {func(e *evening) { e.facts["completion"]["occurredAt"] = e.at(119) }, "119 min / 120 min"},
	treatment.RuleCompletedWithoutDose: {func(e *evening) { delete(e.facts, "dose") }, "- / -"},
	treatment.RuleNoVitalsAfterDose:    {func(e *evening) { delete(e.facts, "peak"); delete(e.facts, "release") }, "- / -"},
	treatment.RuleNoVitalsAtPeak:       {func(e *evening) { delete(e.facts, "peak") }, "- / 20 to 60 min"},
	treatment.RuleNoVitalsAtRelease:    {func(e *evening) { delete(e.facts, "release") }, "85 min / 30 min"},
	treatment.RuleReleasePressureHigh: {func(e *evening) { e.facts["release"] = e.told(115, object{"systolicMmHg": 143, "diastolicMmHg": 78}) },
		"143/78 mmHg / 142/90 mmHg"},
	treatment.RuleReleaseSaturationLow: {func(e *evening) {
		e.facts["release"] = e.told(115, object{"systolicMmHg": 122, "diastolicMmHg": 78, "spo2Percent": 94})
	},
		"94 % / 95 %"},
	treatment.RuleReadinessMissing:     {func(e *evening) { delete(e.facts["completion"], "walksUnaided") }, "walksUnaided / -"},
	treatment.RuleAttestationMissing:   {func(e *evening) { delete(e.facts, "attestation") }, "- / -"},
	treatment.RuleSupportPersonLeft:    {func(e *evening) { e.facts["attestation"]["presentThroughout"] = false }, "- / -"},
	treatment.RuleLookInsMissed:        {func(e *evening) { e.facts["attestation"]["lookedIn"] = false }, "120 min / 15 min"},
	treatment.RuleTicketOfPatient:      {func(e *evening) { e.inviter = e.Patient }, "- / -"},
	treatment.RuleSupportPersonMissing: {func(e *evening) { e.facts["check"]["supportPersonPresent"] = false }, "- / -"},
	treatment.RuleDroveTooEarly: {func(e *evening) {
		e.facts["check-in"] = e.told(180, object{"drove": true})
	}, "told at three hours later / when they may"},
	treatment.RuleSessionCancelled: {func(e *evening) {
		e.planned()
		e.must(e.Patient, "cancelSession", object{"reason": "Ill."})
	}, "- / -"},
	treatment.RuleUnitsUnaccounted: {func(e *evening) {
		e.must(e.Patient, "reportSupplyLoss", e.told(-30, object{"dispenseId": e.IDs["dispense"], "units": 11, "cause": "lost"}))
	}, "50 mg / 0 mg"},
	treatment.RuleUnitsMismatch: {func(e *evening) { e.facts["dose"]["from"] = []object{from(e.IDs["dispense"], 3)} }, "150 mg / 100 mg"},
	treatment.RuleExposure:      {func(e *evening) { e.loggedMg(3500.5, 20*24*time.Hour) }, "3600.5 mg / 3600 mg"},
	treatment.RuleVerdictDiffers: {func(e *evening) {
		e.facts["check"]["acuteIllness"], e.facts["check"]["deviceVerdict"], e.facts["check"]["gateVersion"] = true, "cleared", "5b1f0c6a"
	}, "cleared, by the limits 5b1f0c6a / held"},
	treatment.RuleBeyondUse: {func(e *evening) {
		old := e.told(-50, object{"reportedBy": "pharmacy", "units": 2, "strengthMg": 50, "lot": "K25", "beyondUseDate": "2026-11-01"})
		e.facts["dose"]["from"] = []object{from(e.must(e.Clinic.Clinician, "recordDispense", old).Text("id"), 2)}
	}, "that day / 2026-11-01"},
}

// TestDeviationsAreSeenInReview: whatever goes wrong in a session is recorded, never refused. The
// clinic reads what it was and what is allowed, before and after the review; the patient does not.
func TestDeviationsAreSeenInReview(t *testing.T) {
	for _, rule := range treatment.DeviationRules {
		if _, found := evenings[rule]; !found {
			t.Errorf("no session deviates from %s", rule)
		}
	}
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Evenings")
		good := newEvening(t, c)
		s.Clock.Advance(4 * time.Hour)
		if got := good.tell(); got.Text("status") != "completed" || rules(got) != "" {
			t.Fatalf("nothing goes wrong: %s", got.Body)
		}
		for rule, test := range evenings {
			t.Run(string(rule), func(t *testing.T) {
				e := newEvening(t, c)
				test.change(e)
				s.Clock.Advance(4 * time.Hour)
				want := strings.NewReplacer("that day", e.began.In(newYork(t)).Format(time.DateOnly), "three hours later", e.began.Add(3*time.Hour).UTC().Format(time.RFC3339),
					"when they may", treatment.NoDriveUntil(e.began, newYork(t), treatment.Default()).Format(time.RFC3339)).Replace(test.want)
				if got := deviates(e.tell(), rule); got != want {
					t.Errorf("the clinic reads %q, want %q\n%s", got, want, e.shown().Body)
				}
				reviewed := e.must(c.Clinician, "reviewSession", object{"note": "Seen."})
				if got := deviates(reviewed, rule); reviewed.Text("status") != "reviewed" || got != want {
					t.Errorf("in the review it is %s with %q, want %q", reviewed.Text("status"), got, want)
				}
				if own := e.must(e.Patient, "showSession", nil); own.JSON("deviations") != nil {
					t.Errorf("the patient reads %s", own.Body)
				}
			})
		}
	})
}

// TestDeviationRemovedByALaterFact: it leaves the list when a phone that was offline tells the
// rest. It stays in the history, and its alert stays.
func TestDeviationRemovedByALaterFact(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Late"))
		e.planned()
		s.Clock.Advance(4 * time.Hour)
		e.tell("before", "check", "dose", "completion")
		if got := rules(e.shown()); got != "noVitalsAfterDose, noVitalsAtPeak, attestationMissing" {
			t.Errorf("before the rest is told: %s", got)
		}
		if got := rules(e.tell()); got != "" {
			t.Errorf("when all is told: %s", got)
		}
		kept := db.Column(t, `SELECT data FROM history WHERE record = 'sessions' AND CAST(record_id AS TEXT) = $1 ORDER BY version`, e.session)
		if !slices.ContainsFunc(kept, func(data string) bool { return strings.Contains(data, "noVitalsAfterDose") }) {
			t.Errorf("the history does not have it: %s", kept)
		}
		if got := raisedBy(t, e.Scene); !slices.Equal(got, []string{"SESSION_NO_POST_VITALS medium session"}) {
			t.Errorf("alerts: %v", got)
		}
	})
}

// TestReviewSeesLateDeviations: what another record of the patient makes of a reviewed session has
// to be looked at too. What goes away does not.
func TestReviewSeesLateDeviations(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Reviews"))
		s.Clock.Advance(4 * time.Hour)
		e.tell()
		expectReview := func(what, status, deviations string) {
			t.Helper()
			if got := e.shown(); got.Text("status") != status || rules(got) != deviations {
				t.Errorf("%s: %s, deviates from %q, want %s, %q", what, got.Text("status"), rules(got), status, deviations)
			}
		}
		review := func() { e.must(e.Clinic.Clinician, "reviewSession", object{"note": "Seen."}) }
		review()
		e.logged(49 * time.Hour)
		expectReview("another session, long before", "reviewed", "")
		e.logged(47 * time.Hour) // for which the check would have held too
		expectReview("another one, too near", "completed", "noClearance, intervalShort")
		review()
		expectReview("reviewed again", "reviewed", "noClearance, intervalShort")
		e.must(e.Clinic.Clinician, "voidDispense", object{"reason": "Never handed out."})
		expectReview("its units are gone", "completed", "noClearance, unitsUnaccounted, intervalShort")
		review()
		lot := e.told(-50, object{"reportedBy": "pharmacy", "units": 12, "strengthMg": 50, "lot": "K27", "beyondUseDate": "2030-01-01"})
		e.must(e.Clinic.Clinician, "recordDispense", lot)
		expectReview("and are there", "reviewed", "noClearance, intervalShort")
	})
}
