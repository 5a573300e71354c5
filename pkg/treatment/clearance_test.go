package treatment_test

import (
	"testing"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestClearanceDeviations(t *testing.T) {
	type check struct {
		minutes int
		held    bool
	}
	checks := func(list ...check) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			k.Protocol = treatment.Default()
			*f = append(watched(), readingFact(30, -75), readingFact(31, -62), readingFact(32, -40), readingFact(33, -10))
			for i, c := range list {
				*f = append(*f, checkFact(byte(40+i), c.minutes))
				if c.held {
					heldBy(k, byte(40+i))
				}
			}
		}
	}
	alone := treatment.Deviation{Rule: treatment.RuleSupportPersonMissing}
	none := func(why string) []treatment.Deviation { return one(treatment.RuleNoClearance, why, "60 min") }
	overridden := func(minutes int, rules ...treatment.Rule) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-30, true})(p, f, k)
			k.Overrides = []treatment.Override{{CheckID: id(40), Rules: rules, At: at(minutes)}}
		}
	}
	runDeviations(t, []deviation{
		{"guard off", func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {}, nil, nil},
		{"never checked", checks(), none("not checked"), nil},
		{"exactly 60 minutes before", checks(check{-60, false}), nil, nil},
		{"a minute earlier", checks(check{-61, false}), none("cleared 61 min before"), nil},
		{"at the moment of the dose", checks(check{0, false}), nil, nil},
		{"after the dose", checks(check{1, false}), none("not checked"), nil},
		{"held", checks(check{-10, true}), none("openAlert"), nil},
		{"cleared, then held", checks(check{-20, false}, check{-10, true}), none("openAlert"), nil},
		{"held, then cleared", checks(check{-20, true}, check{-10, false}), nil, nil},
		{"held after the dose", checks(check{-20, false}, check{10, true}), nil, nil},
		{"overridden", overridden(-20, treatment.RuleOpenAlert), one(treatment.RuleHoldOverridden, "openAlert", ""), nil},
		{"overridden at the moment of the dose", overridden(0, treatment.RuleOpenAlert), one(treatment.RuleHoldOverridden, "openAlert", ""), nil},
		{"overridden after the dose", overridden(1, treatment.RuleOpenAlert), none("openAlert"), nil},
		{"another hold was overridden", overridden(-20, treatment.RuleFasting), none("openAlert"), nil},
		{"stopped since", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			*f = append(*f, vitalsFact(50, -1, 175, 105))
		}, none("hardBloodPressure"), []treatment.AlertRule{treatment.AlertDoseAgainstStop, treatment.AlertBPPreHard}},
		{"stopped before the check", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			*f = append(*f, vitalsFact(50, -11, 175, 105))
		}, none("hardBloodPressure"), []treatment.AlertRule{treatment.AlertDoseAgainstStop, treatment.AlertBPPreHard}},
		{"stopped after the dose", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			*f = append(*f, vitalsFact(50, 1, 175, 105))
		}, nil, []treatment.AlertRule{treatment.AlertBPHigh}},
		{"stopped after the first of two doses", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			k.Prescriptions[0].DoseMg = mg(150)
			*f = append(*f, vitalsFact(50, 1, 175, 105), doseFact(7, 2, 50))
		}, none("hardBloodPressure"), []treatment.AlertRule{treatment.AlertDoseAgainstStop, treatment.AlertBPHigh}},
		{"overridden, and stopped since", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			overridden(-20, treatment.RuleOpenAlert)(p, f, k)
			seizure := fact(50, treatment.FactObservation, -1)
			seizure.RedFlag = new(treatment.RedFlagSeizure)
			*f = append(*f, seizure)
		}, none("redFlagSymptom"), []treatment.AlertRule{treatment.AlertDoseAgainstStop, treatment.AlertRedFlagSymptom}},
		{"held, and stopped since", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, true})(p, f, k)
			*f = append(*f, fact(50, treatment.FactEscalation, 0))
		}, none("redFlagSymptom, openAlert"), []treatment.AlertRule{treatment.AlertDoseAgainstStop, treatment.AlertRedFlagSymptom}},
		{"nobody is there", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			(*f)[len(*f)-1].SupportPersonPresent = new(false)
		}, append(none("noSupportPerson"), alone), []treatment.AlertRule{treatment.AlertNoSupportPerson}},
		{"nobody is there, and a red flag", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false})(p, f, k)
			(*f)[len(*f)-1].SupportPersonPresent, (*f)[len(*f)-1].RedFlags = new(false), new("chestPain")
		}, append(none("noSupportPerson, redFlagSymptom"), alone), []treatment.AlertRule{treatment.AlertNoSupportPerson, treatment.AlertDoseAgainstStop, treatment.AlertRedFlagSymptom}},
		{"a booster against a stop belongs to the dose", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			checks(check{-10, false}, check{10, false})(p, f, k)
			(*f)[len(*f)-1].RedFlags = new("chestPain")
		}, nil, []treatment.AlertRule{treatment.AlertRedFlagSymptom}},
	})
}

// TestClearanceEnds: what stops a dose ends a clearance when it is seen after the check, and nobody
// overrides it. What is seen after the dose does not.
func TestClearanceEnds(t *testing.T) {
	vitals := func(systolic, diastolic, percent int) treatment.Fact {
		f := vitalsFact(10, 1, systolic, diastolic)
		f.Spo2Percent = &percent
		return f
	}
	tests := []struct {
		name string
		seen treatment.Fact
		want treatment.Rule
	}{
		{"just below the hard pair", vitals(159, 99, 90), ""},
		{"at the hard pair", vitals(160, 99, 90), treatment.RuleHardBloodPressure},
		{"a critical saturation", vitals(120, 80, 89), treatment.RuleSaturationCritical},
		{"an observation", fact(10, treatment.FactObservation, 1), ""},
		{"a call for help", fact(10, treatment.FactEscalation, 1), treatment.RuleRedFlagSymptom},
	}
	for _, test := range tests {
		facts, k := gated()
		session, verdict := treatment.Fold(plan(), append(facts, test.seen), k)
		check := verdict.Checks[0]
		if test.want == "" {
			if session.Status != treatment.SessionCleared || !check.Stands() {
				t.Errorf("%s: %s", test.name, session.Status)
			}
			continue
		}
		if session.Status != treatment.SessionHeld || session.ClearedUntil != nil || !check.Cleared || check.Stands() ||
			len(check.Ended) != 1 || check.Ended[0].Rule != test.want || !check.Ended[0].Stop || check.Ended[0].FactID != id(10) {
			t.Errorf("%s: %s, %+v", test.name, session.Status, check)
		}
		_, err := session.OverrideHold(verdict.Checks, treatment.Override{At: at(2), By: id(1), Reason: "seen on video"}, true, treatment.Default())
		refused(t, err, treatment.CodeRuleViolated, test.want)
		before := append(facts, test.seen, doseFact(11, 0, 100))
		if _, verdict = treatment.Fold(plan(), before, k); !verdict.Checks[0].Stands() {
			t.Errorf("%s, after a dose: %+v", test.name, verdict.Checks[0])
		}
	}
	facts, k := gated()
	facts = append(facts, vitals(160, 99, 98), checkFact(11, 2))
	if _, verdict := treatment.Fold(plan(), facts, k); verdict.Checks[1].Cleared || len(verdict.Checks[1].Ended) != 0 {
		t.Errorf("the next check: %+v", verdict.Checks[1])
	}
}
