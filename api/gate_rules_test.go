package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// asked are checks of the gate by one patient, each of a session of its own, and what they held for.
type asked struct {
	*evening
	seen map[string]bool // "stop rule" or "hold rule"
}

// expect checks now: a minute after the last time, after a good reading and with good answers, but
// for what changes. It wants the reasons that the clinic reads.
func (a *asked) expect(what, want string, change ...func(before, check object)) {
	a.t.Helper()
	a.site.Clock.Advance(time.Minute)
	a.begins(5 * time.Minute) // its check is now
	for _, c := range change {
		c(a.facts["before"], a.facts["check"])
	}
	got := held(a.tell("before", "check"))
	for _, reason := range got {
		a.seen[reason] = true
	}
	if text := strings.Join(got, ", "); text != want {
		a.t.Errorf("%s: held for %q, want %q\n%s", what, text, want, a.shown().Body)
	}
}

// TestGateRules: through the API each rule of the gate fires, just does not, and fires or holds
// when its fact is missing.
func TestGateRules(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Rules")
		seen := map[string]bool{}
		for _, test := range []struct {
			name string
			run  func(*asked)
		}{
			{"answers", (*asked).answers}, {"pregnancy", (*asked).pregnancy}, {"substances", (*asked).substances}, {"fitness", (*asked).fitness}, {"interactions", (*asked).interactions}, {"exposure", (*asked).exposure}, {"readings", (*asked).readings}, {"holds", (*asked).holds}, {"consents", (*asked).consents},
			{"alerts", (*asked).alerts}, {"elsewhere", (*asked).elsewhere}, {"instructions", (*asked).instructions}, {"units", (*asked).units}, {"pace", (*asked).pace}, {"week", (*asked).week}, {"ends", (*asked).ends},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(&asked{newEvening(t, c), seen}) })
		}
		if t.Failed() {
			return
		}
		for kind, rules := range map[string][]treatment.Rule{"stop": treatment.StopRules, "hold": treatment.HoldRules} {
			for _, rule := range rules {
				if !seen[fmt.Sprint(kind, " ", rule)] {
					t.Errorf("nothing is a %s for %s", kind, rule)
				}
			}
		}
	})
}

// set changes a member of the reading or of the check; nil leaves it out.
func set(member string, value any) func(before, check object) {
	return func(before, check object) {
		of := check
		if _, there := before[member]; there {
			of = before
		}
		if of[member] = value; value == nil {
			delete(of, member)
		}
	}
}

func (a *asked) answers() {
	a.expect("all is well", "")
	a.expect("solids 4 hours ago", "", set("solidsFastedMin", 240))
	a.expect("a minute less", "hold fasting", set("solidsFastedMin", 239))
	a.expect("solids not said", "hold fastingUnknown", set("solidsFastedMin", nil))
	a.expect("fluids 2 hours ago", "", set("fluidsFastedMin", 120))
	a.expect("a minute less", "hold fasting", set("fluidsFastedMin", 119))
	a.expect("fluids not said", "hold fastingUnknown", set("fluidsFastedMin", nil))
	a.expect("nobody is there", "stop noSupportPerson", set("supportPersonPresent", false))
	a.expect("not said", "hold supportPersonUnknown", set("supportPersonPresent", nil))
	a.expect("not named", "hold supportPersonUnknown", set("supportPersonId", nil))
	child := a.must(a.Patient, "addSupportPerson", object{"name": "Ida", "adult": false}).Text("id")
	a.expect("a child", "stop noSupportPerson", set("supportPersonId", child))
	a.removed()
	a.expect("a red flag", "stop redFlagSymptom", set("redFlags", []string{"chestPain"}))
	if got := raisedBy(a.t, a.Scene); !slices.Equal(got, []string{"RED_FLAG_SYMPTOM critical session"}) {
		a.t.Errorf("alerts: %v", got)
	}
	a.expect("the session before had one", "stop redFlagSymptom, hold openAlert")
	a.overnight()
	a.expect("nobody has asked", "hold symptomsUnknown", set("redFlags", nil))
}

// removed: somebody whom the patient does not want there any more is as good as nobody, from then on.
func (a *asked) removed() {
	a.t.Helper()
	sister := a.must(a.Patient, "addSupportPerson", object{"name": "Nora", "adult": true})
	who := set("supportPersonId", sister.Text("id"))
	a.expect("an adult", "", who)
	then := a.site.Clock.Now()
	a.site.Clock.Advance(time.Second)
	a.site.Must(a.t, apitest.Call{Operation: "removeSupportPerson", Token: a.Patient.Token, Body: object{"reason": "Moved."},
		Path: map[string]string{"supportPersonId": sister.Text("id")}, Header: map[string]string{"If-Match": sister.Header.Get("ETag")}})
	a.expect("removed", "stop noSupportPerson", who)
	a.expect("told late, but a clearance would count now", "stop noSupportPerson", who, happened(then))
	a.site.Clock.Advance(2 * time.Hour)
	a.expect("told later, from before they were removed", "", who, happened(then))
}

// happened has the check be of a time, and the reading of a minute before.
func happened(at time.Time) func(before, check object) {
	return func(before, check object) {
		before["occurredAt"], check["occurredAt"] = at.Add(-time.Minute).Format(time.RFC3339), at.Format(time.RFC3339)
	}
}

func (a *asked) pregnancy() {
	for _, status := range []string{"pregnant", "nursing", "planning"} {
		a.expect(status, "stop pregnancy", set("pregnancy", status))
		a.expect("the session before reported it", "hold openAlert")
		a.settle()
	}
	if got := raisedBy(a.t, a.Scene); !slices.Equal(got, slices.Repeat([]string{"PREGNANCY_REPORTED high session"}, 3)) {
		a.t.Errorf("alerts: %v", got)
	}
	for status, want := range map[any]string{"notPregnant": "", "notApplicable": "", "unknown": "hold pregnancyUnknown", nil: "hold pregnancyUnknown"} {
		a.expect(fmt.Sprint("pregnancy: ", status), want, set("pregnancy", status))
	}
}

func (a *asked) substances() {
	for _, substance := range treatment.Substances {
		a.expect(string(substance), "hold substances", set("substances", []treatment.Substance{substance}))
	}
	a.expect("none", "", set("substances", []string{}))
	a.expect("nobody has asked", "hold substancesUnknown", set("substances", nil))
	a.expect("two", "hold substances", set("substances", []string{"opioids", "alcohol"}))
	checks, _ := a.shown().JSON("checks").([]any)
	judged := checks[len(checks)-1].(map[string]any)
	reason := judged["reasons"].([]any)[0].(map[string]any)
	if got := fmt.Sprintln(judged["substances"], judged["pregnancy"], reason["value"], reason["limit"], reason["source"]); got !=
		"[opioids alcohol] notPregnant opioids,alcohol 24 h protocol.sessions.substanceFreeHours\n" {
		a.t.Errorf("the clinic reads %q", got)
	}
}

// current reads a record's version anew.
func (a *asked) current(noun, show string) {
	a.t.Helper()
	a.Version[noun] = a.must(a.Clinic.Clinician, show, nil).Header.Get("ETag")
}

// settle resolves the patient's alerts.
func (a *asked) settle() {
	a.t.Helper()
	for _, alert := range a.site.Must(a.t, apitest.Call{Operation: "listAlerts", Token: a.Clinic.Clinician.Token, Query: "patientId=" + a.IDs["patient"]}).Items() {
		if alert["status"] != "open" {
			continue
		}
		about(a.Scene, "alert", fmt.Sprint(alert["id"]), fmt.Sprintf(`"%v"`, alert["version"]))
		a.must(a.Clinic.Clinician, "acknowledgeAlert", object{})
		a.must(a.Clinic.Clinician, "resolveAlert", object{"outcome": "handled"})
	}
	order := a.site.Must(a.t, apitest.Call{Operation: "showPrescription", Token: a.Clinic.Prescriber.Token, Path: map[string]string{"prescriptionId": a.IDs["prescription"]}})
	if order.Text("holdReason") == string(treatment.HoldRefillLock) {
		about(a.Scene, "prescription", a.IDs["prescription"], order.Header.Get("ETag"))
		a.must(a.Clinic.Prescriber, "resumePrescription", object{"reason": "Of before the prescription."})
	}
}

func (a *asked) readings() {
	at := func(minutes int) func(before, check object) {
		return set("occurredAt", a.site.Clock.Now().Add(time.Duration(1-minutes)*time.Minute).Format(time.RFC3339)) // the clock moves on by one
	}
	a.expect("30 minutes old", "", at(30))
	a.expect("31 minutes old", "hold readingOld, hold readingMissing", at(31)) // and no heart rate
	a.expect("no pressure", "hold readingMissing", set("systolicMmHg", nil), set("diastolicMmHg", nil))
	a.expect("half a pressure", "hold readingMissing", set("diastolicMmHg", nil))
	a.expect("no heart rate", "hold readingMissing", set("heartRateBpm", nil))
	a.expect("no saturation", "", set("spo2Percent", nil))
	for systolic, want := range map[int]string{139: "", 140: "hold softBloodPressure", 159: "hold softBloodPressure"} {
		a.expect(fmt.Sprint(systolic, "/78"), want, set("systolicMmHg", systolic))
		a.settle()
	}
	for diastolic, want := range map[int]string{89: "", 90: "hold softBloodPressure", 99: "hold softBloodPressure"} {
		a.expect(fmt.Sprint("122/", diastolic), want, set("diastolicMmHg", diastolic))
		a.settle()
	}
	for _, member := range []string{"systolicMmHg", "diastolicMmHg"} {
		a.expect("at the hard pair", "stop hardBloodPressure", set(member, map[string]int{"systolicMmHg": 160, "diastolicMmHg": 100}[member]))
		a.overnight()
	}
	a.expect("diastolic as high as systolic", "hold readingDoubtful", set("systolicMmHg", 78))
	a.expect("a point lower", "", set("systolicMmHg", 79))
	for bpm, want := range map[int]string{49: "hold heartRate", 50: "", 110: "", 111: "hold heartRate"} {
		a.expect(fmt.Sprint(bpm, " /min"), want, set("heartRateBpm", bpm))
	}
	for percent, want := range map[int]string{94: "", 93: "hold saturationLow", 90: "hold saturationLow"} {
		a.expect(fmt.Sprint(percent, " %"), want, set("spo2Percent", percent))
	}
	a.expect("89 %", "stop saturationCritical", set("spo2Percent", 89))
	a.overnight()
	a.must(a.Clinic.Prescriber, "updateTreatment", object{"limits": object{"holdSystolicMmHg": 130}})
	tightened := a.site.Clock.Now()
	a.expect("the patient's own limit", "hold softBloodPressure", set("systolicMmHg", 130))
	a.settle()
	a.site.Clock.Advance(2 * time.Hour)
	a.expect("told late, from when it was tightened", "hold softBloodPressure", set("systolicMmHg", 130), happened(tightened))
	a.settle()
	a.expect("told late, from before it was tightened", "", set("systolicMmHg", 130), happened(tightened.Add(-time.Second)))
	a.expect("a point lower", "", set("systolicMmHg", 129))
}

func (a *asked) holds() {
	for _, test := range []struct{ hold, resume, rule string }{
		{"holdTreatment", "resumeTreatment", "treatmentOnHold"}, {"holdPrescription", "resumePrescription", "prescriptionOnHold"},
	} {
		a.must(a.Clinic.Clinician, test.hold, object{"reason": "sideEffects"})
		a.expect(test.hold, "stop "+test.rule)
		a.must(a.Clinic.Prescriber, test.resume, object{"reason": "Well again."})
		a.expect(test.resume, "")
	}
}

// consents: one that the protocol requires stops when it is not in force. Withdrawn, the treatment
// is on hold too.
func (a *asked) consents() {
	a.must(a.Patient, "withdrawConsent", a.told(-5, object{}))
	a.expect("withdrawn", "stop treatmentOnHold, stop consents")
	a.current("treatment", "showTreatment")
	a.must(a.Clinic.Prescriber, "resumeTreatment", object{"reason": "She thinks it over."})
	a.expect("not signed", "stop consents")
	a.must(a.Clinic.Clinician, "presentConsent", object{"templateId": a.IDs["consentTemplate"]})
	a.expect("presented", "stop consents")
	a.must(a.Patient, "signConsent", a.Fact("signatureName", "Maya Lindqvist"))
	a.expect("signed again", "")
}

func (a *asked) alerts() {
	a.measured(object{"systolicMmHg": 159, "diastolicMmHg": 80})
	a.expect("a medium alert", "hold openAlert")
	a.settle()
	a.expect("resolved", "")
	item9 := func(value any) {
		given := answers("phq9", 9)
		if given["phq9-9"] = value; value == nil {
			delete(given, "phq9-9")
		}
		if got := answer(a.t, a.Scene, "phq-9", given); got.Status != 201 {
			a.t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	for _, test := range []struct {
		value any
		want  string
	}{{0, ""}, {1, "hold suicidality"}, {2, "stop suicidality"}, {nil, "hold suicidality"}} {
		item9(test.value)
		a.expect(fmt.Sprint("item 9: ", test.value), test.want)
		a.settle()
	}
	a.expect("all resolved", "")
}

func (a *asked) instructions() {
	a.must(a.Clinic.Prescriber, "setInstructions", object{"text": "Rest."})
	a.expect("not read", "hold instructions")
	a.must(a.Patient, "acknowledgeInstructions", a.Fact("revision", 1))
	a.expect("an older text was read", "hold instructions")
	a.must(a.Patient, "acknowledgeInstructions", a.Fact("revision", 2))
	read := a.site.Clock.Now()
	a.expect("read", "")
	a.expect("told late, from when they were read", "", happened(read))
	a.expect("told late, from before they were read", "hold instructions", happened(read.Add(-time.Second)))
	a.site.Clock.Advance(2 * time.Hour) // long after a clearance from then would count
	a.expect("told later, from when they were read", "", happened(read))
	a.expect("told later, from before they were read", "hold instructions", happened(read.Add(-time.Second)))
}

func (a *asked) units() {
	lost := func(units float64) {
		body := a.Fact("units", units)
		body["dispenseId"], body["cause"] = a.IDs["dispense"], "lost"
		a.must(a.Patient, "reportSupplyLoss", body)
	}
	lost(10)
	a.expect("two tablets", "")
	lost(1)
	a.expect("one tablet", "stop noUnits")
	lost(1)
	a.expect("none", "stop noUnits")
	lot := a.Fact("units", 12)
	lot["reportedBy"], lot["strengthMg"], lot["lot"], lot["beyondUseDate"] = "pharmacy", 30, "L", "2030-01-01"
	a.must(a.Clinic.Clinician, "recordDispense", lot)
	a.expect("tablets that cannot make it", "hold unitsCannotMakeDose")
}

// dosed logs a session with a dose so long before the next check, and settles what it raises: it was
// before the prescription.
func (a *asked) dosed(before time.Duration) {
	a.begins(time.Minute) // when that is
	a.logged(before)
	a.settle()
}

// pace: 48 hours as prescribed; 72 while the weight is not known, as after a high dose.
func (a *asked) pace() {
	a.dosed(48 * time.Hour)
	a.expect("the weight was measured after the reading", "hold intervalShort")
	a.site.Clock.Advance(time.Hour)
	a.dosed(48 * time.Hour)
	a.expect("48 hours after a session", "")
	a.dosed(48*time.Hour - time.Minute)
	a.expect("a minute less, and the fourth in a week", "hold intervalShort, hold weeklyLimit")
}

// week: three in any seven days.
func (a *asked) week() {
	const day = 24 * time.Hour
	a.site.Clock.Advance(time.Hour)
	a.dosed(3 * day)
	a.dosed(5 * day)
	a.dosed(7 * day)
	a.expect("the first of four was a week ago", "")
	a.dosed(7*day - time.Minute)
	a.expect("a minute less", "hold weeklyLimit")
}

func (a *asked) ends() {
	a.must(a.Clinic.Prescriber, "stopPrescription", object{"reason": "No effect."})
	a.expect("stopped", "stop noActivePrescription, stop noUnits") // nobody knows for what
	a.must(a.Clinic.Prescriber, "discontinueTreatment", object{"reason": "inefficacy"})
	a.expect("discontinued", "stop treatmentNotOpen, stop noActivePrescription, stop noUnits")
}
