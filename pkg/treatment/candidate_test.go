package treatment_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// intake has nothing in it that speaks against treatment.
func intake() treatment.Intake {
	i := treatment.Intake{
		Medications: treatment.MedicationAnswers{TakesAny: new(false)},
		Screens: treatment.Screens{
			Psychosis: treatment.PsychosisNever, Mania: treatment.ManiaNever,
			SubstanceUse: treatment.SubstanceUseNone, OpioidUseDisorder: treatment.AnswerNo,
		},
		Pregnancy: treatment.NotPregnant,
		HomeSafety: treatment.HomeSafety{
			EmergencyAddressConfirmed: treatment.AnswerYes, VideoAvailable: treatment.AnswerYes, SafePlace: treatment.AnswerYes,
			ChildrenSupervised: treatment.AnswerYes, WeaponsSecured: treatment.AnswerYes,
		},
		SupportPerson: treatment.SupportAnswers{Available: treatment.AnswerYes},
		Capacity:      treatment.Capacity{HasCapacity: treatment.AnswerYes},
	}
	for _, c := range treatment.HistoryConditions {
		i.History.Conditions = append(i.History.Conditions, treatment.ConditionAnswer{Condition: c, Answer: treatment.AnswerNo})
	}
	return i
}

// history changes the answer about a condition.
func history(c *treatment.Candidate, condition treatment.EligibilityReason, answer treatment.Answer) {
	c.Intake.History.Conditions = slices.Clone(c.Intake.History.Conditions)
	for i := range c.Intake.History.Conditions {
		if c.Intake.History.Conditions[i].Condition == condition {
			c.Intake.History.Conditions[i].Answer = answer
		}
	}
}

func evidence(kind treatment.EvidenceType, n byte) treatment.ConsultationEvidence {
	return treatment.ConsultationEvidence{Type: kind, ID: id(n), Version: 1, At: days(-1)}
}

// candidate is somebody whom a prescriber in New York can find eligible, under the default
// protocol.
func candidate() treatment.Candidate {
	decides := prescriber(1, "1234567893")
	return treatment.Candidate{
		Now: noon, BirthDate: "1986-04-17", State: "NY", Prescriber: &decides, Intake: intake(),
		Baseline: []treatment.Answered{
			{ConsultationEvidence: evidence(treatment.EvidenceAssessment, 11), Instrument: "phq-9", Usable: true},
			{ConsultationEvidence: evidence(treatment.EvidenceAssessment, 12), Instrument: "gad-7", Usable: true},
		},
		Screener: &treatment.Screening{ConsultationEvidence: evidence(treatment.EvidenceAssessment, 13), Level: "low"},
		Pressure: &treatment.PressureReading{
			ConsultationEvidence: evidence(treatment.EvidenceMeasurement, 14), BloodPressure: treatment.BloodPressure{SystolicMmHg: 120, DiastolicMmHg: 80},
		},
		SupportPeople: []treatment.ConsultationEvidence{evidence(treatment.EvidenceSupportPerson, 15)},
		Protocol:      treatment.Default(),
	}
}

func TestContraindications(t *testing.T) {
	const (
		absolute    = treatment.ClassAbsolute
		conditional = treatment.ClassConditional
	)
	type change = func(*treatment.Candidate)
	screens := func(set func(*treatment.Screens)) change {
		return func(c *treatment.Candidate) { set(&c.Intake.Screens) }
	}
	pressure := func(systolic, diastolic int) change {
		return func(c *treatment.Candidate) {
			c.Pressure.SystolicMmHg, c.Pressure.DiastolicMmHg = systolic, diastolic
		}
	}
	takes := func(classes ...treatment.DrugClass) change {
		return func(c *treatment.Candidate) {
			for _, class := range classes {
				c.Medicines = append(c.Medicines, treatment.Medicine{DrugClass: class})
			}
		}
	}
	home := func(set func(*treatment.HomeSafety)) change {
		return func(c *treatment.Candidate) { set(&c.Intake.HomeSafety) }
	}
	tests := []struct {
		name   string
		change change
		want   string // code, class and basis; a ? when it is not known
	}{
		{"nothing", func(*treatment.Candidate) {}, ""},
		{"the day before the 18th birthday", func(c *treatment.Candidate) { c.BirthDate = "2008-11-21" }, "ageUnder18 absolute birthDate"},
		{"the 18th birthday", func(c *treatment.Candidate) { c.BirthDate = "2008-11-20" }, ""},
		{"no birth date", func(c *treatment.Candidate) { c.BirthDate = "" }, "ageUnder18 absolute birthDate"},
		{"a psychosis in the past", screens(func(s *treatment.Screens) { s.Psychosis = treatment.PsychosisPast }), "psychosis absolute intake"},
		{"a psychosis now", screens(func(s *treatment.Screens) { s.Psychosis = treatment.PsychosisCurrent }), "psychosis absolute intake"},
		{"psychosis unknown", screens(func(s *treatment.Screens) { s.Psychosis = treatment.PsychosisUnknown }), "psychosis absolute intake ?"},
		{"psychosis not asked", screens(func(s *treatment.Screens) { s.Psychosis = "" }), "psychosis absolute intake ?"},
		{"a mania in the past", screens(func(s *treatment.Screens) { s.Mania = treatment.ManiaPast }), "mania absolute intake"},
		{"a mania now", screens(func(s *treatment.Screens) { s.Mania = treatment.ManiaCurrent }), "mania absolute intake"},
		{"mania unknown", screens(func(s *treatment.Screens) { s.Mania = treatment.ManiaUnknown }), "mania absolute intake ?"},
		{"bipolar II, stable", screens(func(s *treatment.Screens) { s.Mania = treatment.ManiaBipolarIIStable }), "bipolarII conditional intake"},
		{"dependent", screens(func(s *treatment.Screens) { s.SubstanceUse = treatment.SubstanceUseCurrent }), "substanceUseDisorder absolute intake"},
		{"in remission", screens(func(s *treatment.Screens) { s.SubstanceUse = treatment.SubstanceUseInRemission }), ""},
		{"substances unknown", screens(func(s *treatment.Screens) { s.SubstanceUse = treatment.SubstanceUseUnknown }), "substanceUseDisorder absolute intake ?"},
		{"opioids", screens(func(s *treatment.Screens) { s.OpioidUseDisorder = treatment.AnswerYes }), "opioidUseDisorder absolute intake"},
		{"opioids unknown", screens(func(s *treatment.Screens) { s.OpioidUseDisorder = treatment.AnswerUnknown }), "opioidUseDisorder absolute intake ?"},
		{"pregnant", func(c *treatment.Candidate) { c.Intake.Pregnancy = treatment.Pregnant }, "pregnancyOrLactation absolute intake"},
		{"nursing", func(c *treatment.Candidate) { c.Intake.Pregnancy = treatment.Nursing }, "pregnancyOrLactation absolute intake"},
		{"planning", func(c *treatment.Candidate) { c.Intake.Pregnancy = treatment.PlanningPregnancy }, "pregnancyOrLactation absolute intake"},
		{"a man", func(c *treatment.Candidate) { c.Intake.Pregnancy = treatment.PregnancyNotApplicable }, ""},
		{"pregnancy not asked", func(c *treatment.Candidate) { c.Intake.Pregnancy = "" }, "pregnancyOrLactation absolute intake ?"},
		{"a screener of moderate risk", func(c *treatment.Candidate) { c.Screener.Level = "moderate" }, ""},
		{"a screener of high risk", func(c *treatment.Candidate) { c.Screener.Level = "high" }, "recentSuicidalIntent absolute screener"},
		{"no screener is a gap", func(c *treatment.Candidate) { c.Screener = nil }, ""},
		{"just below the soft pair", pressure(139, 89), ""},
		{"at the soft systolic", pressure(140, 80), "hypertension conditional bloodPressure"},
		{"at the soft diastolic", pressure(120, 90), "hypertension conditional bloodPressure"},
		{"just below the hard pair", pressure(159, 99), "hypertension conditional bloodPressure"},
		{"at the hard systolic", pressure(160, 80), "severeHypertension absolute bloodPressure"},
		{"at the hard diastolic", pressure(120, 100), "severeHypertension absolute bloodPressure"},
		{"no reading is a gap", func(c *treatment.Candidate) { c.Pressure = nil }, ""},
		{"an old reading that was high still counts", func(c *treatment.Candidate) { c.Pressure.At, c.Pressure.SystolicMmHg = days(-100), 170 },
			"severeHypertension absolute bloodPressure"},
		{"no capacity", func(c *treatment.Candidate) { c.Intake.Capacity.HasCapacity = treatment.AnswerNo }, "noCapacity absolute intake"},
		{"capacity not judged", func(c *treatment.Candidate) { c.Intake.Capacity.HasCapacity = "" }, "noCapacity absolute intake ?"},
		{"nobody to be there", func(c *treatment.Candidate) { c.Intake.SupportPerson.Available = treatment.AnswerNo }, "noSupportPerson absolute intake"},
		{"nobody knows who could be there", func(c *treatment.Candidate) { c.Intake.SupportPerson.Available = treatment.AnswerUnknown }, ""},
		{"no address", home(func(h *treatment.HomeSafety) { h.EmergencyAddressConfirmed = treatment.AnswerNo }), "unsafeHome absolute intake"},
		{"no safe place", home(func(h *treatment.HomeSafety) { h.SafePlace = treatment.AnswerNo }), "unsafeHome absolute intake"},
		{"a child alone", home(func(h *treatment.HomeSafety) { h.ChildrenSupervised = treatment.AnswerNo }), "unsafeHome absolute intake"},
		{"an open weapon", home(func(h *treatment.HomeSafety) { h.WeaponsSecured = treatment.AnswerNo }), "unsafeHome absolute intake"},
		{"weapons unknown", home(func(h *treatment.HomeSafety) { h.WeaponsSecured = treatment.AnswerUnknown }), "unsafeHome absolute intake ?"},
		{"weapons not asked, and no safe place", home(func(h *treatment.HomeSafety) { h.WeaponsSecured, h.SafePlace = "", treatment.AnswerNo }),
			"unsafeHome absolute intake"},
		{"no video", home(func(h *treatment.HomeSafety) { h.VideoAvailable = treatment.AnswerNo }), "noVideo absolute intake"},
		{"video not asked", home(func(h *treatment.HomeSafety) { h.VideoAvailable = "" }), "noVideo absolute intake ?"},
		{"another state", func(c *treatment.Candidate) { c.State = "NJ" }, "notLicensed absolute licence"},
		{"a licence that expires today", func(c *treatment.Candidate) { c.Prescriber.Licences[0].Expires = "2026-11-20" }, ""},
		{"a licence that expired yesterday", func(c *treatment.Candidate) { c.Prescriber.Licences[0].Expires = "2026-11-19" }, "notLicensed absolute licence"},
		{"nobody decides yet", func(c *treatment.Candidate) { c.Prescriber, c.State = nil, "NJ" }, ""},
		{"a benzodiazepine", takes(treatment.DrugOther, treatment.DrugBenzodiazepine), "benzodiazepine conditional medication"},
		{"an MAO inhibitor", takes(treatment.DrugMAOI), "maoi conditional medication"},
		{"another medicine", takes(treatment.DrugStimulant), ""},
		{"a medicine that nobody has classified", takes(""), "benzodiazepine conditional medication ?, maoi conditional medication ?"},
		{"one more beside a benzodiazepine", takes("", treatment.DrugBenzodiazepine), "benzodiazepine conditional medication, maoi conditional medication ?"},
	}
	classes := map[treatment.EligibilityReason]treatment.FindingClass{
		"ketamineAllergy": absolute, "aneurysmOrAvm": absolute, "intracerebralHaemorrhage": absolute, "unstableCardiovascular": absolute,
		"hypertensiveEncephalopathy": conditional, "raisedIntracranialPressure": absolute, "raisedIntraocularPressure": conditional,
		"severeHepaticImpairment": absolute, "moderateHepaticImpairment": conditional, "cystitis": conditional,
		"untreatedHyperthyroidism": absolute, "phaeochromocytoma": absolute, "porphyria": conditional, "seizureDisorder": conditional,
		"severeRespiratoryDisease": conditional,
	}
	for _, condition := range treatment.HistoryConditions {
		want := fmt.Sprint(condition, " ", classes[condition], " intake")
		for answer, want := range map[treatment.Answer]string{"yes": want, "unknown": want + " ?", "": want + " ?"} {
			tests = append(tests, struct {
				name   string
				change change
				want   string
			}{fmt.Sprintf("%s: %q", condition, answer), func(c *treatment.Candidate) { history(c, condition, answer) }, want})
		}
	}
	seen := map[treatment.EligibilityReason]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := candidate()
			test.change(&c)
			got := ""
			for _, f := range treatment.Contraindications(c) {
				seen[f.Code] = true
				if got != "" {
					got += ", "
				}
				got += fmt.Sprint(f.Code, " ", f.Class, " ", f.Basis)
				if f.Unknown {
					got += " ?"
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, code := range treatment.EligibilityReasons {
		if byPerson := code == treatment.ReasonNoIndication || code == treatment.ReasonOther; seen[code] == byPerson {
			t.Errorf("%s was found: %t", code, seen[code])
		}
	}
}

// Everything at once comes in the order of the list, each code once.
func TestContraindicationsAreInOrder(t *testing.T) {
	var codes []treatment.EligibilityReason
	for _, f := range treatment.Contraindications(treatment.Candidate{
		Now: noon, Protocol: treatment.Default(), Prescriber: &treatment.Prescriber{},
		Screener: &treatment.Screening{Level: "high"}, Medicines: []treatment.Medicine{{}},
		Pressure: &treatment.PressureReading{BloodPressure: treatment.BloodPressure{SystolicMmHg: 200}},
		Intake:   treatment.Intake{SupportPerson: treatment.SupportAnswers{Available: treatment.AnswerNo}},
	}) {
		codes = append(codes, f.Code)
	}
	want := slices.DeleteFunc(slices.Clone(treatment.EligibilityReasons), func(c treatment.EligibilityReason) bool {
		return slices.Contains([]treatment.EligibilityReason{"bipolarII", "hypertension", "noIndication", "other"}, c)
	})
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBirthdayInALeapYear(t *testing.T) {
	for day, want := range map[int]bool{28: true, 29: false} { // 29 February 2026 is 1 March
		c := candidate()
		c.BirthDate, c.Now = "2008-02-29", noon.AddDate(0, -9, day-20)
		young := slices.ContainsFunc(treatment.Contraindications(c), func(f treatment.Finding) bool { return f.Code == treatment.ReasonAgeUnder18 })
		if young != want {
			t.Errorf("on %s: under 18 %t", treatment.DateOf(c.Now), young)
		}
	}
}

// Of several answers about one condition the worst counts, in any order.
func TestContradictingAnswers(t *testing.T) {
	const condition = treatment.ReasonCystitis
	for _, test := range []struct {
		answers []treatment.Answer
		want    []treatment.Finding
	}{
		{[]treatment.Answer{"no", "no"}, nil},
		{[]treatment.Answer{"no", "yes", "unknown"}, []treatment.Finding{{Code: condition, Class: "conditional", Basis: "intake"}}},
		{[]treatment.Answer{"unknown", "no"}, []treatment.Finding{{Code: condition, Class: "conditional", Basis: "intake", Unknown: true}}},
		{[]treatment.Answer{"no", "unknown"}, []treatment.Finding{{Code: condition, Class: "conditional", Basis: "intake", Unknown: true}}},
	} {
		c := candidate()
		c.Intake.History.Conditions = slices.DeleteFunc(c.Intake.History.Conditions, func(a treatment.ConditionAnswer) bool { return a.Condition == condition })
		for _, answer := range test.answers {
			c.Intake.History.Conditions = append(c.Intake.History.Conditions, treatment.ConditionAnswer{Condition: condition, Answer: answer})
		}
		if diff := cmp.Diff(test.want, treatment.Contraindications(c)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.answers, diff)
		}
	}
}

func TestMissing(t *testing.T) {
	gap := func(part treatment.GapPart, of string) []treatment.Gap { return []treatment.Gap{{Part: part, Of: of}} }
	screener, medications := gap(treatment.GapScreener, ""), gap(treatment.GapMedications, "")
	tests := []struct {
		name   string
		change func(*treatment.Candidate)
		want   []treatment.Gap
	}{
		{"nothing", func(*treatment.Candidate) {}, nil},
		{"a baseline 30 days old", func(c *treatment.Candidate) { c.Baseline[0].At = days(-30) }, nil},
		{"a moment older", func(c *treatment.Candidate) { c.Baseline[0].At = days(-30).Add(-1) }, gap(treatment.GapBaseline, "phq-9")},
		{"a baseline without a result", func(c *treatment.Candidate) { c.Baseline[1].Usable = false }, gap(treatment.GapBaseline, "gad-7")},
		{"no baseline", func(c *treatment.Candidate) { c.Baseline = nil },
			[]treatment.Gap{{Part: treatment.GapBaseline, Of: "phq-9"}, {Part: treatment.GapBaseline, Of: "gad-7"}}},
		{"no screener", func(c *treatment.Candidate) { c.Screener = nil }, screener},
		{"a screener 30 days old", func(c *treatment.Candidate) { c.Screener.At = days(-30) }, nil},
		{"a moment older still", func(c *treatment.Candidate) { c.Screener.At = days(-30).Add(-1) }, screener},
		{"a screener without a level", func(c *treatment.Candidate) { c.Screener.Level, c.Screener.Missing = "", 2 }, screener},
		{"a low level with questions left out", func(c *treatment.Candidate) { c.Screener.Missing = 1 }, screener},
		{"a high level with questions left out", func(c *treatment.Candidate) { c.Screener.Level, c.Screener.Missing = "high", 1 }, nil},
		{"no blood pressure", func(c *treatment.Candidate) { c.Pressure = nil }, gap(treatment.GapBloodPressure, "")},
		{"a blood pressure 30 days old", func(c *treatment.Candidate) { c.Pressure.At = days(-30) }, nil},
		{"an older one", func(c *treatment.Candidate) { c.Pressure.At = days(-30).Add(-1) }, gap(treatment.GapBloodPressure, "")},
		{"medicines not asked about", func(c *treatment.Candidate) { c.Intake.Medications.TakesAny = nil }, medications},
		{"medicines that nobody has written down", func(c *treatment.Candidate) { c.Intake.Medications.TakesAny = new(true) }, medications},
		{"a medicine written down", func(c *treatment.Candidate) {
			c.Intake.Medications.TakesAny, c.Medicines = new(true), []treatment.Medicine{{DrugClass: treatment.DrugOther}}
		}, nil},
		{"nobody to be there", func(c *treatment.Candidate) { c.SupportPeople = nil }, gap(treatment.GapSupportPerson, "")},
		{"an absolute reason not excluded", func(c *treatment.Candidate) { c.Intake.Screens.Psychosis = treatment.PsychosisUnknown },
			gap(treatment.GapExclusion, "psychosis")},
		{"an absolute reason found", func(c *treatment.Candidate) { c.Intake.Screens.Psychosis = treatment.PsychosisPast }, nil},
		{"a conditional reason not excluded", func(c *treatment.Candidate) { history(c, treatment.ReasonPorphyria, treatment.AnswerUnknown) }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := candidate()
			test.change(&c)
			if diff := cmp.Diff(test.want, c.Missing()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCandidateEvidence(t *testing.T) {
	c := candidate()
	c.Medicines = []treatment.Medicine{{ConsultationEvidence: evidence(treatment.EvidenceMedication, 16), DrugClass: treatment.DrugOther}}
	var got []byte
	for _, e := range c.Evidence() {
		got = append(got, e.ID[15])
	}
	if diff := cmp.Diff([]byte{11, 12, 13, 14, 16, 15}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (treatment.Candidate{}).Evidence(); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
