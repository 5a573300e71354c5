package api_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestPrescriptionExpiresBetweenClearanceAndDose: what was cleared in time and is taken too late is
// recorded, and the clinic hears of it. In time to the second, it is as it should be.
func TestPrescriptionExpiresBetweenClearanceAndDose(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		for _, test := range []struct {
			after time.Duration // the dose, after the expiry
			want  string
			alert []string
		}{
			{-time.Second, "", nil}, {0, "noActivePrescription", []string{"DOSE_OVER_PRESCRIBED high session"}},
		} {
			c := s.Clinic(t, "Expiring "+test.want)
			e := newEvening(t, c)
			old := e.Fact("units", 12) // the lot at home will not be good that long
			old["dispenseId"], old["method"] = e.IDs["dispense"], "takeBack"
			e.must(e.Patient, "disposeSupply", old)
			s.Clock.Advance(time.Minute)
			lot := e.Fact("units", 12)
			lot["reportedBy"], lot["strengthMg"], lot["lot"], lot["beyondUseDate"] = "pharmacy", 50, "L", "2030-01-01"
			e.must(c.Clinician, "recordDispense", lot)
			expires, err := time.Parse(time.RFC3339Nano, e.must(c.Clinician, "showPrescription", nil).Text("expiresAt"))
			if err != nil {
				t.Fatal(err)
			}
			s.Clock.Advance(expires.Add(-2 * time.Minute).Sub(s.Clock.Now()))
			e.begins(time.Minute)
			e.planned()
			planned := e.session
			e.begins(2*time.Minute + test.after)
			e.session = planned
			if got := e.tell("before", "check"); got.Text("status") != "cleared" {
				t.Fatalf("before it expires the session is %s: %v", got.Text("status"), held(got))
			}
			s.Clock.Advance(4 * time.Hour)
			if got := rules(e.tell()); got != test.want {
				t.Errorf("%s after it expires: %q, want %q", test.after, got, test.want)
			}
			if got := raisedBy(t, e.Scene); !slices.Equal(got, test.alert) {
				t.Errorf("%s after it expires: alerts %v", test.after, got)
			}
		}
	})
}

// TestLeapDays: months are the calendar's where the patient is, and a day that is not there is the
// last one of its month.
func TestLeapDays(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		for _, test := range []struct{ at, prescription, consent string }{
			{"2027-08-31T22:00:00-04:00", "2028-02-29T22:00:00-05:00", "2028-08-31T22:00:00-04:00"},
			{"2027-09-01T00:30:00Z", "2028-02-29T20:30:00-05:00", "2028-08-31T20:30:00-04:00"}, // still August in New York
			{"2028-02-29T09:00:00-05:00", "2028-08-29T09:00:00-04:00", "2029-02-28T09:00:00-05:00"},
			{"2028-08-31T22:00:00-04:00", "2029-02-28T22:00:00-05:00", "2029-08-31T22:00:00-04:00"},
		} {
			at := func(text string) time.Time {
				moment, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				return moment
			}
			start := at(test.at)
			s.Clock.Advance(start.Add(-time.Hour).Sub(s.Clock.Now()))
			c := s.Clinic(t, test.at)
			scene := c.For(t, "signPrescription")
			s.Clock.Advance(start.Sub(s.Clock.Now()))
			signed := scene.Do(t, c.Prescriber, "signPrescription", nil)
			expect(t, "signed "+test.at, signed, 200, "")
			text := s.Must(t, apitest.Call{Operation: "publishConsentTemplate", Token: c.Admin.Token, Body: object{"kind": "communication", "title": "Mail", "text": "We write."}})
			about(scene, "consent", scene.Do(t, c.Clinician, "presentConsent", object{"templateId": text.Text("id")}).Text("id"), "")
			agreed := scene.Do(t, scene.Patient, "signConsent", scene.Fact("signatureName", "Maya Lindqvist"))
			expect(t, "agreed "+test.at, agreed, 201, "")
			for name, got := range map[string][2]string{
				"prescription": {signed.Text("expiresAt"), test.prescription}, "consent": {agreed.Text("expiresAt"), test.consent},
			} {
				if !at(got[0]).Equal(at(got[1])) {
					t.Errorf("a %s signed at %s expires at %s, want %s", name, test.at, got[0], got[1])
				}
			}
		}
	})
}

// TestWeightCrossesALimit: the weight of a session's time says whether its dose is a high one, from
// 4 mg/kg on, whenever that weight is told.
func TestWeightCrossesALimit(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Weight")) // 68.4 kg; 100 mg are 4 mg/kg of 25 kg
		s.Clock.Advance(24 * time.Hour)
		e.begins(-4 * time.Hour)
		expectWatched := func(what, want string) {
			t.Helper()
			if got := deviates(e.shown(), treatment.RuleCompletedEarly); got != want {
				t.Errorf("%s: completed early %q, want %q", what, got, want)
			}
		}
		weighed := func(kg float64, minutes int) string {
			t.Helper()
			return e.must(e.Patient, "recordMeasurement", e.told(minutes, object{"weightKg": kg})).Text("id")
		}
		e.tell()
		expectWatched("as it was known", "")
		weighed(25, 1)
		expectWatched("a weight of since", "")
		light := weighed(25, -1)
		expectWatched("a weight of before, told late", "125 min / 240 min")
		e.IDs["measurement"], e.Version["measurement"] = light, `"1"`
		e.must(e.Clinic.Clinician, "voidMeasurement", object{"reason": "Somebody else."})
		expectWatched("struck out", "")
		weighed(25.001, 0)
		expectWatched("just below 4 mg/kg", "")
	})
}

// TestConsentWithdrawnInASession: the session is finished by its facts and stays as it was. What is
// taken afterwards is a deviation.
func TestConsentWithdrawnInASession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Withdrawn")
		for booster, want := range map[bool]string{false: "", true: "treatmentOnHold, boosterAbovePrescribed, completedEarly"} {
			e := newEvening(t, c)
			e.planned()
			s.Clock.Advance(70 * time.Minute) // ten minutes after the dose
			e.tell("before", "check", "dose")
			e.must(e.Patient, "withdrawConsent", e.told(10, nil))
			if booster {
				e.facts["booster"] = e.told(20, object{"doseMg": 25, "booster": true})
			}
			s.Clock.Advance(4 * time.Hour)
			if got := e.tell(); got.Text("status") != "completed" || rules(got) != want {
				t.Errorf("booster %t: %s with %q, want %q", booster, got.Text("status"), rules(got), want)
			}
			if consent := e.must(e.Patient, "showConsent", nil); consent.Text("status") != "withdrawn" || consent.JSON("signature") == nil {
				t.Errorf("the consent: %s", consent.Body)
			}
		}
	})
}

// TestAlertRacesAClearance: while the gate is asked, answers raise an alert. Whoever comes first, the
// next time the gate knows, and the alert is there once.
func TestAlertRacesAClearance(t *testing.T) {
	const rounds = 10
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Clearance")
		a := &asked{newEvening(t, c), map[string]bool{}}
		for round := range rounds {
			s.Clock.Advance(time.Minute)
			a.begins(5 * time.Minute)
			grave := a.Fact("instrument", "phq-9")
			delete(grave, "id")
			given := answers("phq9", 9)
			given["phq9-9"], grave["answers"] = 2, given
			a.IDs["assessment"] = uuid.NewString()
			record, log := a.Call(t, "recordAssessment"), a.Call(t, "logSession")
			record.Token, record.Body = a.Patient.Token, grave
			log.Token, log.Body = a.Patient.Token, object{"doses": []object{}, "vitals": []object{a.facts["before"]}, "checks": []object{a.facts["check"]}}
			var both sync.WaitGroup
			for _, call := range []apitest.Call{record, log} {
				m := wire(t, call)
				both.Go(func() { expect(t, call.Operation, send(t, s, m), 201, "") })
			}
			both.Wait()
			if got := raisedBy(t, a.Scene); len(got) != round+1 {
				t.Errorf("round %d: %v", round, got)
			}
			a.expect("the next time", "stop suicidality")
			a.settle()
		}
	})
}

// beganBefore has the session checked and its dose taken today, and then tells of a dose of it from before the prescription.
func (e *evening) beganBefore() {
	e.t.Helper()
	e.site.Clock.Advance(24 * time.Hour)
	e.begins(-4 * time.Hour)
	e.tell()
	e.must(e.Patient, "recordDose", e.told(-21*60, object{"doseMg": 25, "booster": true}))
}

// TestDoseElsewhere: a dose that is told of later is another session's also for one that began before it, and was
// checked after it.
func TestDoseElsewhere(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Elsewhere"))
		e.beganBefore()
		if got := e.shown(); deviates(got, treatment.RuleNoClearance) != "" {
			t.Fatalf("%s", rules(got))
		}
		e.logged(10 * time.Hour)
		if got := e.shown(); deviates(got, treatment.RuleNoClearance) == "" {
			t.Errorf("%s", rules(got))
		}
	})
}

// TestDoseBeforeACheck: a dose that is told of later holds the next session, which was cleared without it.
func TestDoseBeforeACheck(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Elsewhere"))
		s.Clock.Advance(24 * time.Hour)
		e.begins(5 * time.Minute)
		e.planned()
		if got := e.tell("before", "check"); got.Text("status") != "cleared" {
			t.Fatalf("%s", got.Body)
		}
		e.logged(10 * time.Hour)
		if got := e.shown(); got.Text("status") != "held" {
			t.Errorf("%s", got.Body)
		}
	})
}

// TestPrescriptionThatNeverWasInTheMiddle: it was signed after the session's first dose, as that was told later.
func TestPrescriptionThatNeverWasInTheMiddle(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Void"))
		e.beganBefore()
		if got := e.shown(); deviates(got, treatment.RuleNoActivePrescription) != "- / -" || deviates(got, treatment.RuleNoClearance) != "" {
			t.Fatalf("%s", rules(got))
		}
		e.Version["prescription"] = e.must(e.Clinic.Clinician, "showPrescription", nil).Header.Get("ETag")
		e.must(e.Clinic.Prescriber, "voidPrescription", object{"reason": "Of somebody else."})
		if got := e.shown(); deviates(got, treatment.RuleNoClearance) == "" {
			t.Errorf("%s", rules(got))
		}
	})
}

// TestPrescriptionThatNeverWas: what rested on a prescription that was entered in error is judged
// again at once, its dispense, the session and its review, and the clinic hears of the dose.
func TestPrescriptionThatNeverWas(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Void"))
		s.Clock.Advance(24 * time.Hour)
		e.begins(-4 * time.Hour)
		e.tell()
		e.must(e.Clinic.Clinician, "reviewSession", object{"note": "Uneventful."})
		if got := e.shown(); got.Text("status") != "reviewed" || rules(got) != "" {
			t.Fatalf("%s", got.Body)
		}
		e.Version["prescription"] = e.must(e.Clinic.Clinician, "showPrescription", nil).Header.Get("ETag")
		voided := e.must(e.Clinic.Prescriber, "voidPrescription", object{"reason": "Of somebody else."})
		if now := e.must(e.Clinic.Clinician, "showPrescription", nil); now.Header.Get("ETag") != voided.Header.Get("ETag") {
			t.Errorf("answered %s, is %s", voided.Header.Get("ETag"), now.Header.Get("ETag"))
		}
		got := e.shown()
		if got.Text("status") != "completed" || rules(got) != "noClearance, noActivePrescription" {
			t.Errorf("%s with %s", got.Text("status"), rules(got))
		}
		if fill := e.must(e.Clinic.Clinician, "showDispense", nil); deviates(fill, treatment.RuleNoActivePrescription) != "- / -" {
			t.Errorf("%s", fill.Body)
		}
		if got := raisedBy(t, e.Scene); !slices.Equal(got, []string{"DISPENSE_IRREGULAR high dispense", "DOSE_AGAINST_STOP high session", "DOSE_OVER_PRESCRIBED high session"}) {
			t.Errorf("alerts %v", got)
		}
	})
}
