package treatment_test

import (
	"testing"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestExposure: what was taken in 28 days, this session included, whoever prescribed it.
func TestExposure(t *testing.T) {
	before := func(minutes int, milligrams dose.Mg) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.OtherDoses = []treatment.DoseTime{{SessionID: id(70), At: at(minutes), Mg: milligrams}}
		}
	}
	runDeviations(t, []deviation{
		{"3600 mg", before(-27*24*60, mg(3450)), nil, nil},
		{"a microgram more", before(-27*24*60, mg(3450)+1), one(treatment.RuleExposure, "3600.001 mg", "3600 mg"), nil},
		{"28 days before, when the clocks were an hour ahead", before(-28*24*60-60, mg(3600)), nil, nil},
		{"a minute later", before(-28*24*60-60+1, mg(3600)), one(treatment.RuleExposure, "3750 mg", "3600 mg"), nil},
		{"a dose of unknown size counts as the hard maximum", func(_ *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			(*f)[1].DoseMg = nil
			before(-27*24*60, mg(2951))(nil, nil, k)
		}, []treatment.Deviation{
			{Rule: treatment.RuleDoseAbovePrescribed, Value: "unknown", Limit: "100 mg"},
			{Rule: treatment.RuleExposure, Value: "3601 mg", Limit: "3600 mg"},
			{Rule: treatment.RuleCompletedEarly, Value: "120 min", Limit: "240 min"},
		}, over},
	})
}

// TestVerdictDiffers: what a phone made of a check, when it was offline, and what is made of it here.
func TestVerdictDiffers(t *testing.T) {
	for name, tt := range map[string]struct {
		device  *treatment.DeviceVerdict
		version *string
		well    bool
		want    string
	}{
		"nothing said":        {nil, nil, false, ""},
		"both cleared":        {new(treatment.DeviceCleared), new("a1"), true, ""},
		"both held":           {new(treatment.DeviceHeld), new("a1"), false, ""},
		"cleared by phone":    {new(treatment.DeviceCleared), new("a1"), false, "cleared, by the limits a1 / held"},
		"by limits unsaid":    {new(treatment.DeviceCleared), nil, false, "cleared / held"},
		"held by phone alone": {new(treatment.DeviceHeld), new("a1"), true, "held, by the limits a1 / cleared"},
	} {
		for _, overridden := range []bool{false, true} {
			facts, k := gated()
			facts[1].DeviceVerdict, facts[1].GateVersion, facts[1].AcuteIllness = tt.device, tt.version, new(!tt.well)
			if overridden {
				k.Overrides = []treatment.Override{{CheckID: id(2), Rules: []treatment.Rule{treatment.RuleAcuteIllness}, At: at(1)}}
			}
			_, verdict := treatment.Fold(plan(), facts, k)
			got := ""
			for _, d := range verdict.Deviations {
				got += d.Value + " / " + d.Limit
				if d.Rule != treatment.RuleVerdictDiffers {
					t.Errorf("%s: %+v", name, d)
				}
			}
			if got != tt.want {
				t.Errorf("%s, overridden %t: %q, want %q", name, overridden, got, tt.want)
			}
		}
	}
	facts, k := gated()
	facts[1].DeviceVerdict, facts[1].AcuteIllness, k.Protocol = new(treatment.DeviceCleared), nil, ungated()
	if _, verdict := treatment.Fold(plan(), facts, k); len(verdict.Deviations) > 0 {
		t.Errorf("the guard is off: %+v", verdict.Deviations)
	}
}
