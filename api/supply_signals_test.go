package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// signs are a patient's signs of misuse, as staff reads them, oldest first: each with the type of
// its record, and what has become of it.
func (s *shelf) signs() (list []string) {
	s.t.Helper()
	for _, item := range s.site.Must(s.t, s.call("listSupplySignals", s.Clinic.Clinician, nil)).Items() {
		text := fmt.Sprint(item["rule"], " of a ", item["source"].(map[string]any)["type"])
		for _, became := range []string{"withdrawnAt", "settledAt"} {
			if item[became] != nil {
				text += ", " + strings.TrimSuffix(became, "At")
			}
		}
		list = append(list, text)
	}
	slices.Reverse(list)
	return list
}

func (s *shelf) expectSigns(what string, want ...string) {
	s.t.Helper()
	if got := s.signs(); !slices.Equal(got, want) {
		s.t.Errorf("%s: signs %q, want %q", what, got, want)
	}
}

// order is the prescription as it is now.
func (s *shelf) order() apitest.Answer {
	s.t.Helper()
	return s.site.Must(s.t, s.call("showPrescription", s.Clinic.Prescriber, nil))
}

// expectLocked compares whether the prescription is locked, and how many alerts say so.
func (s *shelf) expectLocked(what string, locked bool, alerts int) {
	s.t.Helper()
	n := 0
	for _, alert := range s.alerts() {
		if strings.HasPrefix(alert, "MISUSE_PATTERN high of a prescription") {
			n++
		}
	}
	if a := s.order(); a.JSON("onHold") != locked || (a.Text("holdReason") == "refillLock") != locked || n != alerts {
		s.t.Errorf("%s: locked %v with %d alerts, want %v with %d\n%s", what, a.JSON("holdReason"), n, locked, alerts, a.Body)
	}
}

// decide acts on the prescription as it is now.
func (s *shelf) decide(operation string, who *apitest.Person, body any) apitest.Answer {
	s.t.Helper()
	call := s.call(operation, who, body)
	call.Header = map[string]string{"If-Match": s.order().Header.Get("ETag")}
	return s.site.Do(s.t, call)
}

// filled is a lot of units that is good for long, whatever the clock says.
func (s *shelf) filled(minutes, units int) string {
	s.t.Helper()
	return s.dispensed(minutes, map[string]any{"units": units, "beyondUseDate": s.site.Clock.Now().AddDate(1, 0, 0).Format(time.DateOnly)})
}

func (s *shelf) days(n int) { s.site.Clock.Advance(time.Duration(n) * 24 * time.Hour) }

// TestSupplySignals: signs of misuse, and the lock that follows from two of them.
func TestSupplySignals(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Signals")
		for name, run := range map[string]func(*shelf){
			"sessions": (*shelf).signsOfSessions, "reports": (*shelf).signsOfReports, "refills": (*shelf).signsOfRefills,
			"batch": (*shelf).signsOfBatches, "request": (*shelf).signsOfRequests, "lock": (*shelf).lockAndResume,
			"no lock": (*shelf).noLock, "strike-outs": (*shelf).lockStays, "other holds": (*shelf).lockTakesOver,
			"no prescription": (*shelf).patternWithoutPrescription, "new prescription": (*shelf).noWayAround,
		} {
			t.Run(name, func(t *testing.T) { run(newShelf(t, c)) })
		}
	})
}

func (s *shelf) signsOfSessions() {
	s.days(10)
	s.filled(-9*24*60, 30)
	s.dose(-8*24*60, 100)
	s.dose(-6*24*60, 100)
	s.expectSigns("as prescribed")
	much := s.dose(-4*24*60, 150)
	s.expectSigns("too much", "doseAbovePrescribed of a session")
	fact, _ := much.JSON("doses").([]any)[0].(map[string]any)
	strike := s.call("voidSessionFact", s.Patient, map[string]any{"reason": "It was 100."}, "sessionId", much.Text("id"), "factId", fmt.Sprint(fact["id"]))
	strike.Header = map[string]string{"If-Match": much.Header.Get("ETag")}
	s.site.Must(s.t, strike)
	s.expectSigns("struck out", "doseAbovePrescribed of a session, withdrawn")
	s.dose(-4*24*60-1, 100)
	s.expectSigns("a minute too soon", "intervalShort of a session", "doseAbovePrescribed of a session, withdrawn")
	s.dose(-2*24*60, 1350)
	s.expectSigns("more than there is", "intervalShort of a session", "doseAbovePrescribed of a session, withdrawn",
		"doseAbovePrescribed of a session", "intervalShort of a session", "unitsUnaccounted of a session", "weeklyLimit of a session")
}

func (s *shelf) signsOfReports() {
	lot := s.filled(0, 12)
	s.report("countSupply", lot, 1, map[string]any{"units": 12})
	s.report("reportSupplyLoss", lot, 2, map[string]any{"units": 1, "cause": "damaged"})
	s.report("reportSupplyLoss", lot, 3, map[string]any{"units": 1, "cause": "lost"})
	s.expectSigns("counted right, lost once")
	late := s.report("countSupply", lot, 30, map[string]any{"units": 8})
	s.expectSigns("two are missing", "unloggedDoses of a dispense")
	s.dose(20, 100)
	s.expectSigns("they were taken", "unloggedDoses of a dispense, withdrawn")
	s.report("reportSupplyLoss", lot, 40, map[string]any{"units": 1, "cause": "stolen"})
	s.expectSigns("stolen, too", "unloggedDoses of a dispense, withdrawn", "repeatedLoss of a dispense")
	s.expectLocked("one counts", false, 0)
	items := s.site.Must(s.t, s.call("listSupplySignals", s.Clinic.Prescriber, nil)).Items()
	if source := items[1]["source"].(map[string]any); source["id"] != lot || source["factId"] != late.Text("id") || items[1]["limit"] != "500 mg" || items[1]["value"] != "400 mg" {
		s.t.Errorf("unlogged: %v", items[1])
	}
}

func (s *shelf) signsOfRefills() {
	s.filled(0, 12)
	early := s.filled(10, 12)
	expectEarly := func(what string, want bool) {
		s.t.Helper()
		shown := rules(s.site.Must(s.t, s.call("showDispense", s.Clinic.Clinician, nil, "dispenseId", early)))
		if strings.Contains(shown, "earlyRefill") != want {
			s.t.Errorf("%s: deviates from %q", what, shown)
		}
	}
	expectEarly("nothing was used", true)
	s.expectSigns("nothing was used", "earlyRefill of a dispense")
	for n := range 4 {
		s.dose(1+n, 100)
	}
	expectEarly("two thirds were used", true)
	s.dose(9, 80)
	expectEarly("four fifths were used, as is known later", false)
	if got := s.signs(); !slices.Contains(got, "earlyRefill of a dispense, withdrawn") {
		s.t.Errorf("it was not early: %q", got)
	}
	if got := s.alerts(); !slices.Contains(got, "EARLY_REFILL medium of a dispense: 0 %") {
		s.t.Errorf("the alert stays: %q", got)
	}
}

// signsOfBatches: three sessions of more than a week ago that the patient logs at once. A phone that
// was offline for less, and a diary that the clinic enters, are none.
func (s *shelf) signsOfBatches() {
	s.days(40)
	s.filled(-30*24*60, 30)
	diary := s.told(-27*24*60, map[string]any{"doseMg": 100})
	s.site.Must(s.t, s.call("logSession", s.Clinic.Clinician, map[string]any{"doses": []any{diary}}, "sessionId", uuid.NewString()))
	s.dose(-24*24*60, 100)
	s.dose(-21*24*60, 100)
	s.dose(-7*24*60+1, 100)
	s.dose(-3*24*60, 100)
	s.expectSigns("two of long ago")
	s.site.Clock.Advance(16 * time.Minute)
	s.dose(-7*24*60-10, 25)
	s.dose(-8*24*60-20, 25)
	if got := s.signs(); slices.ContainsFunc(got, func(sign string) bool { return strings.HasPrefix(sign, "batch") }) {
		s.t.Errorf("a quarter of an hour later: %q", got)
	}
	s.dose(-18*24*60, 100)
	if got := s.signs(); !slices.Contains(got, "batchLogging of a session") {
		s.t.Errorf("a third: %q", got)
	}
}

// signsOfRequests: more is asked for while the PHQ-9 has fallen by half since the treatment began.
func (s *shelf) signsOfRequests() {
	answer := func(total int) {
		answers := map[string]any{}
		for i := range 9 {
			answers[fmt.Sprint("phq9-", i+1)] = 0
			if i < 8 {
				answers[fmt.Sprint("phq9-", i+1)] = min(3, total)
				total -= min(3, total)
			}
		}
		s.site.Clock.Advance(time.Hour)
		body := s.told(0, map[string]any{"instrument": "phq-9", "answers": answers})
		delete(body, "id")
		s.site.Must(s.t, s.call("recordAssessment", s.Patient, body, "assessmentId", uuid.NewString()))
	}
	ask := func(source string, mg int) {
		proposal := proposalOf(s.Scene, map[string]any{"doseMg": mg})
		proposal["source"] = source
		call := s.call("proposeAdjustment", s.Clinic.Clinician, proposal)
		made := s.site.Must(s.t, call)
		withdraw := s.call("withdrawAdjustment", s.Clinic.Prescriber, map[string]any{"reason": "Not now."}, "adjustmentId", made.Text("id"))
		withdraw.Header = map[string]string{"If-Match": made.Header.Get("ETag")}
		s.site.Must(s.t, withdraw)
	}
	// The scene's answers before the treatment add up to 16.
	answer(9)
	ask("patientRequest", 150)
	s.expectSigns("a point above half")
	answer(8)
	ask("clinician", 150)
	ask("patientRequest", 50)
	s.expectSigns("the clinician's idea, and a lower dose")
	ask("patientRequest", 150)
	s.expectSigns("half", "increaseInResponse of a adjustment")
}

// lockAndResume: the second sign locks; a prescriber resumes, and the same signs lock no more.
func (s *shelf) lockAndResume() {
	t := s.t
	lot := s.filled(0, 11)
	s.dose(1, 150)
	s.expectLocked("one", false, 0)
	s.site.Clock.Advance(time.Hour)
	s.report("countSupply", lot, 0, map[string]any{"units": 7})
	s.expectLocked("two", true, 1)
	s.report("countSupply", lot, 1, map[string]any{"units": 9})
	s.expectLocked("three", true, 1)

	s.site.Clock.Advance(48 * time.Hour)
	plan := s.call("scheduleSession", s.Patient, map[string]any{"plannedAt": s.site.Clock.Now().Add(time.Hour).Format(time.RFC3339), "timeZone": "America/New_York"})
	if got := s.site.Do(t, plan); got.Status != 422 || !slices.Contains(faults(got), "prescriptionOnHold ") {
		t.Errorf("planned while locked: %d %s", got.Status, got.Body)
	}
	if got := s.site.Must(t, s.call("showSupply", s.Clinic.Clinician, nil)); !slices.Contains(refillRules(got), "refillLock") {
		t.Errorf("a refill while locked: %v", refillRules(got))
	}
	expect(t, "resumed by a nurse", s.decide("resumePrescription", s.Clinic.Clinician, map[string]any{"reason": "Fine."}), 403, problem.Forbidden)
	expect(t, "resumed by a prescriber", s.decide("resumePrescription", s.Clinic.Prescriber, map[string]any{"reason": "Talked it over."}), 200, "")
	s.expectLocked("resumed", false, 1)
	s.expectSigns("resumed", "doseAbovePrescribed of a session, settled", "unloggedDoses of a dispense, settled", "inventoryMismatch of a dispense, settled")

	s.site.Clock.Advance(time.Hour)
	s.report("countSupply", lot, 0, map[string]any{"units": 8})
	s.expectLocked("one beside those before", false, 1)
	s.dose(5, 110)
	s.expectLocked("two new ones", true, 1)
}

// noLock: equal signs, signs of one session, and signs too far apart.
func (s *shelf) noLock() {
	s.filled(0, 11)
	s.dose(1, 150)
	s.days(3)
	s.dose(0, 150)
	s.expectLocked("two of a kind", false, 0)
	s.days(7)
	s.dose(0, 1000)
	s.expectLocked("two of one session", true, 1) // and one of another before
	s.expectSigns("all", "doseAbovePrescribed of a session", "doseAbovePrescribed of a session", "doseAbovePrescribed of a session", "unitsUnaccounted of a session")

	far := newShelf(s.t, s.Clinic)
	lot := far.filled(0, 11)
	far.dose(0, 1000)
	far.expectLocked("a slip breaks two rules", false, 0)
	far.days(31)
	far.report("countSupply", lot, 0, map[string]any{"units": 3})
	far.expectLocked("31 days apart", false, 0)
	far.report("reportSupplyLoss", lot, -30*24*60, map[string]any{"units": 1, "cause": "lost"})
	far.report("reportSupplyLoss", lot, -24*60, map[string]any{"units": 1, "cause": "lost"})
	far.expectLocked("a day apart", true, 1)
}

// lockStays when one of its signs is struck out; the sign does not count any more.
func (s *shelf) lockStays() {
	lot := s.filled(0, 11)
	s.dose(1, 150)
	count := s.report("countSupply", lot, 10, map[string]any{"units": 7})
	s.expectLocked("two", true, 1)
	strike := s.call("voidSupplyEntry", s.Patient, map[string]any{"reason": "Counted wrongly."}, "supplyEntryId", count.Text("id"))
	strike.Header = map[string]string{"If-Match": count.Header.Get("ETag")}
	s.site.Must(s.t, strike)
	s.expectLocked("one is struck out", true, 1)
	s.expectSigns("one is struck out", "doseAbovePrescribed of a session", "unloggedDoses of a dispense, withdrawn")
	s.voidDispense(lot)
	s.expectSigns("nobody knows of what", "doseAbovePrescribed of a session", "unitsUnaccounted of a session", "unloggedDoses of a dispense, withdrawn")
}

// lockTakesOver from another hold: whoever resumes it does so knowingly.
func (s *shelf) lockTakesOver() {
	lot := s.filled(0, 11)
	expect(s.t, "on hold", s.decide("holdPrescription", s.Clinic.Clinician, map[string]any{"reason": "supply"}), 200, "")
	s.dose(1, 150)
	s.report("countSupply", lot, 10, map[string]any{"units": 7})
	s.expectLocked("two", true, 1)
	expect(s.t, "on hold again", s.decide("holdPrescription", s.Clinic.Clinician, map[string]any{"reason": "supply"}), 409, problem.IllegalTransition)
}

// patternWithoutPrescription raises the alert of the patient.
func (s *shelf) patternWithoutPrescription() {
	lot := s.filled(0, 11)
	s.dose(1, 150)
	s.site.Clock.Advance(time.Hour)
	expect(s.t, "stopped", s.decide("stopPrescription", s.Clinic.Prescriber, map[string]any{"reason": "No effect."}), 200, "")
	s.report("countSupply", lot, 0, map[string]any{"units": 7})
	if got := s.alerts(); !slices.Contains(got, "MISUSE_PATTERN high of a patient: doseAbovePrescribed, unloggedDoses") {
		s.t.Errorf("alerts: %q", got)
	}
}

// noWayAround: no other prescription is signed while the one in force is locked; stopping it ends
// the lock, and settles its signs.
func (s *shelf) noWayAround() {
	t := s.t
	lot := s.filled(0, 11)
	s.dose(1, 150)
	s.report("countSupply", lot, 10, map[string]any{"units": 7})
	s.expectLocked("two", true, 1)
	old := s.IDs["prescription"]
	draft := s.site.Must(t, s.call("prescribe", s.Clinic.Clinician, map[string]any{
		"form": "rapidlyDissolvingTablet", "route": "sublingual", "strengthMg": 50, "doseMg": 50, "minIntervalHours": 48,
		"sessionsPerWeek": 3, "quantityUnits": 12, "refills": 1, "directions": "Hold under the tongue for ten minutes.",
	})).Text("id")
	sign := func(status int, code problem.Code) {
		t.Helper()
		s.IDs["prescription"] = draft
		got := s.decide("signPrescription", s.Clinic.Prescriber, map[string]any{"reviewedMedications": []any{}})
		s.IDs["prescription"] = old
		if expect(t, "signed", got, status, code); status == 422 && !slices.Contains(faults(got), "refillLock ") {
			t.Errorf("refused for %q", faults(got))
		}
	}
	sign(422, problem.RuleViolated)
	expect(t, "stopped", s.decide("stopPrescription", s.Clinic.Prescriber, map[string]any{"reason": "Begins anew."}), 200, "")
	sign(200, "")
	s.expectSigns("stopped", "doseAbovePrescribed of a session, settled", "unloggedDoses of a dispense, settled")
}

// TestLockOfTwoPhones: two facts that make a pattern together come at once, and lock once.
func TestLockOfTwoPhones(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Locks")
		for range 5 {
			p := newShelf(t, c)
			lot := p.filled(0, 11)
			var wg sync.WaitGroup
			wg.Go(func() { p.dose(1, 150) })
			wg.Go(func() { p.report("countSupply", lot, 5, map[string]any{"units": 5}) })
			wg.Go(func() { p.report("countSupply", lot, 6, map[string]any{"units": 9}) })
			wg.Wait()
			p.expectLocked("both", true, 1)
		}
		if n := db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM prescription_holds`); n[0] != "5" {
			t.Errorf("%s holds of 5 prescriptions", n[0])
		}
	})
}
