package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// log logs a session that nobody has planned: its facts by their lists. It answers what the clinic sees.
func (e *evening) log(facts map[string][]object) apitest.Answer {
	e.t.Helper()
	e.session = uuid.NewString()
	if facts["doses"] == nil {
		facts["doses"] = []object{}
	}
	e.site.Must(e.t, apitest.Call{Operation: "logSession", Token: e.Patient.Token, Body: facts,
		Path: map[string]string{"treatmentId": e.IDs["treatment"], "sessionId": e.session}})
	about(e.Scene, "session", e.session, "")
	return e.shown()
}

// local is a fact at a time of a place.
func (e *evening) local(at, zone string, members object) object {
	members["occurredAt"], members["timeZone"] = at, zone
	return e.told(0, members)
}

// TestClocksAndZonesInASession: how long a patient was watched is elapsed time. Nobody drives for 24
// hours, nor before six in the morning of the next day, where the doses were taken.
func TestClocksAndZonesInASession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Clocks"))
		const here, there = "America/New_York", "America/Chicago"
		weighed := e.Fact("weightKg", 68.4) // without a weight every dose counts as a high one
		weighed["occurredAt"] = "2026-03-01T00:00:00Z"
		e.must(e.Patient, "recordMeasurement", weighed)
		ready := func() object { return object{"oriented": true, "walksUnaided": true, "supportPersonStays": true} }
		for _, test := range []struct {
			name        string
			dose, more  []string // a dose and a booster, with their zones
			ended, zone string
			early       string
			noDriving   string
		}{
			{"the clocks go back: the same time by the clock", []string{"2026-11-01T00:30:00-04:00", here}, nil,
				"2026-11-01T01:29:59-05:00", here, "119 min / 120 min", "2026-11-02T06:00:00-05:00"},
			{"two hours have passed", []string{"2026-11-01T00:30:00-04:00", here}, nil, "2026-11-01T01:30:00-05:00", here, "", "2026-11-02T06:00:00-05:00"},
			{"the clocks go forward: three hours by the clock", []string{"2026-03-08T01:30:00-05:00", here}, nil,
				"2026-03-08T04:29:59-04:00", here, "119 min / 120 min", "2026-03-09T06:00:00-04:00"},
			{"24 hours over the change", []string{"2026-03-07T14:00:00-05:00", here}, nil, "2026-03-07T16:00:00-05:00", here, "", "2026-03-08T15:00:00-04:00"},
			{"to the west in between", []string{"2026-10-05T00:10:00-04:00", here}, []string{"2026-10-04T23:40:00-05:00", there},
				"2026-10-05T01:40:00-05:00", there, "", "2026-10-06T06:00:00-04:00"},
			{"to the east in between", []string{"2026-10-04T23:40:00-05:00", there}, []string{"2026-10-05T01:00:00-04:00", here},
				"2026-10-05T02:59:59-04:00", here, "119 min / 120 min", "2026-10-06T06:00:00-04:00"},
		} {
			facts := map[string][]object{"doses": {e.local(test.dose[0], test.dose[1], object{"doseMg": 100})}, "completions": {e.local(test.ended, test.zone, ready())}}
			if test.more != nil {
				facts["doses"] = append(facts["doses"], e.local(test.more[0], test.more[1], object{"doseMg": 10, "booster": true}))
			}
			got := e.log(facts)
			want, err := time.Parse(time.RFC3339, test.noDriving)
			if err != nil {
				t.Fatal(err)
			}
			if early := deviates(got, treatment.RuleCompletedEarly); early != test.early || got.Text("noDriveUntil") != want.UTC().Format(time.RFC3339) {
				t.Errorf("%s: ended early %q, no driving until %s; want %q, %s", test.name, early, got.Text("noDriveUntil"), test.early, want.UTC())
			}
		}
	})
}

// TestSessionsAcrossMidnight: the minimum interval is hours, not days of the calendar.
func TestSessionsAcrossMidnight(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Midnight"))
		const here = "America/New_York"
		e.log(map[string][]object{"doses": {e.local("2026-11-18T23:59:00-05:00", here, object{"doseMg": 100})}})
		for at, want := range map[string]string{
			"2026-11-20T00:01:00-05:00": "24 h 2 min / 72 h", // a prescription comes into force on the 22nd
			"2026-11-21T23:58:59-05:00": "71 h 59 min / 72 h", "2026-11-21T23:59:00-05:00": "", "2026-11-22T00:01:00-05:00": "",
		} {
			got := e.log(map[string][]object{"doses": {e.local(at, here, object{"doseMg": 100})}})
			if short := deviates(got, treatment.RuleIntervalShort); short != want {
				t.Errorf("the next one at %s: %q, want %q", at, short, want)
			}
			e.must(e.Clinic.Clinician, "voidSession", object{"reason": "Only tried."})
		}
	})
}

// TestAmountsAreDecimal: halves of tablets, tenths of a milligram and grams of a body that was
// weighed in pounds add up exactly.
func TestAmountsAreDecimal(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Decimal")
		e := newEvening(t, c)
		tenths := []object{}
		for i := range 3 {
			tenths = append(tenths, e.told(i, object{"doseMg": 33.3}))
		}
		got := e.log(map[string][]object{"doses": tenths})
		if rule := deviates(got, treatment.RuleDoseAbovePrescribed); !strings.Contains(string(got.Body), `"doseMg":99.9,`) || rule != "" {
			t.Errorf("three times 33.3 mg: %s", got.Body)
		}
		more := e.must(e.Patient, "recordDose", e.told(4, object{"doseMg": 0.101})) // binary fractions would make it 100.001…01
		if got := deviates(e.shown(), treatment.RuleDoseAbovePrescribed); !strings.Contains(string(more.Body), `"doseMg":100.001,`) || got != "100.001 mg / 100 mg" {
			t.Errorf("and 0.101 mg: %q, %s", got, more.Body)
		}

		shelf := newShelf(t, c)
		lot := shelf.dispensed(0, map[string]any{"form": "troche", "units": 3, "strengthMg": 12.5})
		shelf.dose(1, 25, from(lot, 2))
		half := shelf.told(2, map[string]any{"doseMg": 6.25, "from": []any{from(lot, 0.5)}})
		shelf.site.Must(t, shelf.call("logSession", shelf.Patient, map[string]any{"doses": []any{half}}, "sessionId", uuid.NewString()))
		shelf.holds("two and a half of three", 0, 6.25)

		g := guardedBy(t, c, "updatePrescription")
		expect(t, "pounds", g.Do(t, g.Patient, "recordMeasurement", g.Fact("weightLb", 150)), 400, problem.InvalidRequest)
		expect(t, "tenths of a gram", g.Do(t, g.Patient, "recordMeasurement", g.Fact("weightKg", 68.0388)), 400, problem.InvalidRequest)
		g.weigh(68.039, 0) // 150 lb are 68.0388555 kg; 7 mg/kg are 476.273 mg
		for dose, above := range map[float64]bool{476.273: false, 476.274: true} {
			g.must(c.Clinician, "updatePrescription", object{"doseMg": dose})
			call := g.Call(t, "signPrescription")
			call.Token, call.Query = c.Prescriber.Token, "validateOnly=true"
			if got := slices.Contains(faults(s.Do(t, call)), "hardMaximum /doseMg"); got != above {
				t.Errorf("%v mg are above 7 mg/kg: %t", dose, got)
			}
		}
	})
}

// TestTypingErrorsOfBloodPressure: what cannot be is refused, what is hard to believe is kept and marked.
func TestTypingErrorsOfBloodPressure(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Typing"))
		e.planned()
		for _, test := range []struct {
			systolic, diastolic, status int
			doubtful                    bool
		}{
			{19, 20, 400, false}, {20, 20, 201, true}, {351, 80, 400, false}, {350, 80, 201, true}, {1200, 80, 400, false},
			{120, 19, 400, false}, {120, 20, 201, true}, {120, 351, 400, false}, {120, 350, 201, true},
			{59, 30, 201, true}, {60, 30, 201, false}, {260, 160, 201, false}, {261, 160, 201, true},
			{80, 120, 201, true}, {80, 80, 201, true}, {81, 80, 201, false},
		} {
			s.Clock.Advance(time.Second)
			for _, operation := range []string{"recordVitals", "recordMeasurement"} {
				body := e.Fact("systolicMmHg", test.systolic)
				body["diastolicMmHg"] = test.diastolic
				got := e.Do(t, e.Patient, operation, body)
				doubtful := got.JSON("doubtful")
				if operation == "recordVitals" {
					doubtful = got.JSON("doubtfulReading")
				}
				if got.Status != test.status || got.Status == 201 && doubtful != test.doubtful {
					t.Errorf("%s %d/%d: %d, doubtful %v; want %d, %t", operation, test.systolic, test.diastolic, got.Status, doubtful, test.status, test.doubtful)
				}
			}
		}
	})
}

// TestBackDatedLog: a session that is told after later ones is judged by what held at its time, and
// the later ones are judged by it. Struck out, they are not.
func TestBackDatedLog(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Back-dated"))
		s.Clock.Advance(5 * 24 * time.Hour)
		dose := func(hours int) object { return e.told(60*hours, object{"doseMg": 100}) }
		later := e.log(map[string][]object{"doses": {dose(100)}})
		if rules(later) != "noClearance" {
			t.Fatalf("the only one: %s", later.Body)
		}
		back := dose(53)
		earlier := e.log(map[string][]object{"doses": {back}})
		if rules(earlier) != "noClearance" || earlier.Text("startedAt") != e.began.Add(53*time.Hour).UTC().Format(time.RFC3339) ||
			earlier.Text("createdAt") != s.Clock.Now().UTC().Format(time.RFC3339) {
			t.Errorf("told late: %s", earlier.Body)
		}
		show := func() apitest.Answer {
			return s.Must(t, apitest.Call{Operation: "showSession", Token: e.Clinic.Clinician.Token, Path: map[string]string{"sessionId": later.Text("id")}})
		}
		if got := deviates(show(), treatment.RuleIntervalShort); got != "47 h 0 min / 48 h" {
			t.Errorf("the later one: %q", got)
		}
		e.IDs["fact"] = fmt.Sprint(back["id"])
		e.must(e.Patient, "voidSessionFact", object{"reason": "Not taken."})
		if got := rules(show()); got != "noClearance" {
			t.Errorf("struck out, the later one: %s", got)
		}
		if got := raisedBy(t, e.Scene); !slices.Equal(got, []string{"INTERVAL_SHORT medium session"}) {
			t.Errorf("alerts: %v", got)
		}
		before := e.log(map[string][]object{"doses": {dose(-24)}})
		if got := rules(before); got != "treatmentNotOpen, noClearance, noActivePrescription, unitsUnaccounted" {
			t.Errorf("before the treatment: %s", got)
		}
	})
}

// TestBaselineIsNotPoisoned: answers that are told after a dose and dated before it change nothing
// that was decided on the baseline, and whoever decides next sees them.
func TestBaselineIsNotPoisoned(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Baseline")
		e := newEvening(t, c)
		decided := e.must(c.Clinician, "showConsultation", nil)
		s.Clock.Advance(4 * time.Hour)
		e.tell()
		propose(t, e.Scene, map[string]any{"doseMg": 125})

		late := e.Fact("instrument", "phq-9")
		delete(late, "id")
		late["answers"], late["occurredAt"] = answers("phq9", 8), e.at(-120)
		e.IDs["assessment"] = "ffffffff-ffff-4fff-bfff-ffffffffffff" // after every other id
		told := e.Do(t, e.Patient, "recordAssessment", late)
		if expect(t, "told late", told, 201, ""); told.Text("occurredAt") != e.began.Add(-2*time.Hour).UTC().Format(time.RFC3339) || told.Text("recordedAt") != s.Clock.Now().UTC().Format(time.RFC3339) {
			t.Errorf("told late: %s", told.Body)
		}
		if diff := cmp.Diff(decided.JSON(), e.must(c.Clinician, "showConsultation", nil).JSON()); diff != "" {
			t.Errorf("the decision (-before +after):\n%s", diff)
		}
		if got := rules(e.shown()); got != "" {
			t.Errorf("the session: %s", got)
		}
		approval := approve(t, e.Scene)
		expect(t, "approved unseen", approval, 409, problem.EvidenceChanged)
		if got := pointers(approval); !slices.Contains(got, "/v1/assessments/"+told.Text("id")) {
			t.Errorf("what the approver has not seen: %v", got)
		}
		e.must(c.Prescriber, "discontinueTreatment", object{"reason": "patientChoice"})
		about(e.Scene, "consultation", e.must(c.Clinician, "openConsultation", nil).Text("id"), "")
		known, _ := e.must(c.Clinician, "showEligibility", nil).JSON("evidence").([]any)
		if len(known) == 0 || known[0].(object)["value"] != "phq-9: 16" {
			t.Errorf("the newest answers are %v", known)
		}
	})
}

// amended records answers to the PHQ-9 with an item 9 of 0, which the clinic reviews, and then item 9 is
// what it should have been.
func (e *evening) amended(item9 int) apitest.Answer {
	e.t.Helper()
	given := answers("phq9", 9)
	given["phq9-9"] = 0
	first := answer(e.t, e.Scene, "phq-9", given)
	about(e.Scene, "assessment", first.Text("id"), first.Header.Get("ETag"))
	e.must(e.Clinic.Clinician, "reviewAssessment", object{"note": "Nothing new."})
	given["phq9-9"] = item9
	return e.must(e.Clinic.Clinician, "amendAssessment", object{"answers": given, "reason": "She meant something else."})
}

// TestAmendedItem9AfterReview: 0 that becomes 2 fires, opens the review again and stops the next
// dose. What it was before is kept.
func TestAmendedItem9AfterReview(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Amended"))
		got := e.amended(2)
		if got.Text("status") != "submitted" || got.JSON("reviewedAt") != nil || got.JSON("total") != 10.0 || got.Text("safety") != "positive" {
			t.Errorf("amended: %s", got.Body)
		}
		if alerts := raisedBy(t, e.Scene); !slices.Equal(alerts, []string{"SI_ITEM9 high assessment"}) {
			t.Errorf("alerts: %v", alerts)
		}
		e.begins(5 * time.Minute)
		if reasons := held(e.tell("before", "check")); !slices.Equal(reasons, []string{"stop suicidality"}) {
			t.Errorf("the next dose: %v", reasons)
		}
		kept := db.Column(t, `SELECT data FROM history WHERE record = 'assessments' AND CAST(record_id AS TEXT) = $1 ORDER BY version`, got.Text("id"))
		if len(kept) != 3 || !strings.Contains(kept[0], `phq9-9\":0`) || !strings.Contains(kept[2], `phq9-9\":2`) {
			t.Errorf("history: %v", kept)
		}
	})
}

// TestAlertRacesItsResolution: while somebody resolves an alert, the answers behind it become worse.
// Whoever comes first, one graver alert is open in the end.
func TestAlertRacesItsResolution(t *testing.T) {
	const rounds = 20
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Race"))
		for round := range rounds {
			e.amended(1)
			var open string
			for _, a := range e.alertsNow() {
				if a["status"] == "open" {
					open = fmt.Sprint(a["id"])
				}
			}
			about(e.Scene, "alert", open, `"1"`)
			e.must(e.Clinic.Clinician, "acknowledgeAlert", object{})
			worse := answers("phq9", 9)
			worse["phq9-9"] = 3
			resolve, amend := e.Call(t, "resolveAlert"), e.Call(t, "amendAssessment")
			resolve.Token, resolve.Body = e.Clinic.Clinician.Token, object{"outcome": "handled"}
			amend.Token, amend.Body = e.Clinic.Prescriber.Token, object{"answers": worse, "reason": "Worse."}
			var both sync.WaitGroup
			for i, call := range []apitest.Call{resolve, amend} {
				m := wire(t, call)
				both.Go(func() {
					if got := send(t, s, m); got.Status != 200 && (i == 1 || got.Status != 412) {
						t.Errorf("round %d: %s %d %s", round, call.Operation, got.Status, got.Body)
					}
				})
			}
			both.Wait()
			var standing []string
			for _, a := range e.alertsNow() {
				if a["status"] != "resolved" {
					standing = append(standing, fmt.Sprint(a["rule"], " ", a["severity"]))
					about(e.Scene, "alert", fmt.Sprint(a["id"]), fmt.Sprintf(`"%v"`, a["version"]))
				}
			}
			if !slices.Equal(standing, []string{"SI_ITEM9 high"}) {
				t.Fatalf("round %d: %v", round, standing)
			}
			e.Do(t, e.Clinic.Clinician, "acknowledgeAlert", object{}) // unless it was before
			e.must(e.Clinic.Clinician, "resolveAlert", object{"outcome": "handled"})
		}
	})
}

func (e *evening) alertsNow() []map[string]any {
	e.t.Helper()
	return e.site.Must(e.t, apitest.Call{Operation: "listAlerts", Token: e.Clinic.Clinician.Token, Query: "limit=200&patientId=" + e.IDs["patient"]}).Items()
}
