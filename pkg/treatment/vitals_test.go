package treatment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// pressure is a reading; 0 was not measured.
func pressure(systolic, diastolic int) treatment.Vitals {
	var v treatment.Vitals
	if systolic != 0 {
		v.SystolicMmHg = &systolic
	}
	if diastolic != 0 {
		v.DiastolicMmHg = &diastolic
	}
	return v
}

func TestJudgeVitals(t *testing.T) {
	const (
		soft   = treatment.AlertBPPreSoft
		hard   = treatment.AlertBPPreHard
		high   = treatment.AlertBPHigh
		crisis = treatment.AlertBPCrisis
	)
	tests := []struct {
		name                string
		systolic, diastolic int
		before, after       treatment.AlertRule // empty: none
	}{
		{"normal", 120, 80, "", ""},
		{"just below the soft pair", 139, 89, "", ""},
		{"systolic at the soft limit", 140, 80, soft, ""},
		{"diastolic at the soft limit", 120, 90, soft, ""},
		{"just below the hard pair", 159, 99, soft, ""},
		{"systolic at the hard limit", 160, 80, hard, high},
		{"diastolic at the hard limit", 120, 100, hard, high},
		{"just below the crisis", 179, 119, hard, high},
		{"systolic crisis", 180, 80, crisis, crisis},
		{"diastolic crisis", 130, 120, crisis, crisis},
		{"the worse of the two decides", 140, 120, crisis, crisis},
		{"a doubtful 270", 270, 90, crisis, crisis},
		{"doubtful: diastolic above systolic", 100, 120, crisis, crisis},
		{"systolic alone", 165, 0, hard, high},
		{"diastolic alone", 0, 95, soft, ""},
		{"nothing measured", 0, 0, "", ""},
	}
	rules := func(raised []treatment.Raised) treatment.AlertRule {
		if len(raised) == 0 {
			return ""
		}
		return raised[0].Rule
	}
	p := treatment.Default()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := pressure(test.systolic, test.diastolic)
			before := treatment.JudgeVitals(v, treatment.BeforeDose, p, treatment.Limits{})
			after := treatment.JudgeVitals(v, treatment.AfterDose, p, treatment.Limits{})
			if got := rules(before); got != test.before {
				t.Errorf("before a dose: %q, want %q", got, test.before)
			}
			if got := rules(after); got != test.after {
				t.Errorf("after a dose: %q, want %q", got, test.after)
			}
		})
	}
}

func TestJudgeSaturation(t *testing.T) {
	for percent, want := range map[int]int{90: 0, 89: 1} {
		for _, when := range []treatment.Moment{treatment.BeforeDose, treatment.AfterDose} {
			got := treatment.JudgeVitals(treatment.Vitals{Spo2Percent: &percent}, when, treatment.Default(), treatment.Limits{})
			if len(got) != want || want == 1 && (got[0].Rule != treatment.AlertSpo2Critical || got[0].Severity != treatment.SeverityCritical) {
				t.Errorf("%d %%: %+v", percent, got)
			}
		}
	}
}

func TestJudgeVitalsSaysWhatAndWhy(t *testing.T) {
	got := treatment.JudgeVitals(pressure(165, 0), treatment.BeforeDose, treatment.Default(), treatment.Limits{})
	want := []treatment.Raised{{Rule: treatment.AlertBPPreHard, Severity: treatment.SeverityHigh, Value: "165/- mmHg", Limit: "160/100 mmHg"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A patient's own limits tighten the pairs before a dose, one value at a time, and loosen
// nothing.
func TestJudgeVitalsOwnLimits(t *testing.T) {
	tests := []struct {
		name                string
		limits              treatment.Limits
		systolic, diastolic int
		want                string // rule and limit
	}{
		{"at the own hold", treatment.Limits{HoldSystolicMmHg: new(130)}, 130, 80, "BP_PRE_SOFT 130/90 mmHg"},
		{"below the own hold", treatment.Limits{HoldSystolicMmHg: new(130)}, 129, 80, ""},
		{"the other value keeps the protocol's", treatment.Limits{HoldSystolicMmHg: new(130)}, 120, 90, "BP_PRE_SOFT 130/90 mmHg"},
		{"at the own stop", treatment.Limits{StopDiastolicMmHg: new(95)}, 120, 95, "BP_PRE_HARD 160/95 mmHg"},
		{"a looser one is not used", treatment.Limits{StopSystolicMmHg: new(200)}, 165, 80, "BP_PRE_HARD 160/100 mmHg"},
		{"a stop below the hold", treatment.Limits{StopSystolicMmHg: new(130)}, 135, 80, "BP_PRE_HARD 130/100 mmHg"},
		{"a crisis stays one", treatment.Limits{StopSystolicMmHg: new(130)}, 180, 80, "BP_CRISIS 180/120 mmHg"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, r := range treatment.JudgeVitals(pressure(test.systolic, test.diastolic), treatment.BeforeDose, treatment.Default(), test.limits) {
				got += string(r.Rule) + " " + r.Limit
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A higher reading is never less urgent.
func TestJudgeVitalsProperty(t *testing.T) {
	p := treatment.Default()
	urgency := func(v treatment.Vitals, when treatment.Moment) int {
		for _, r := range treatment.JudgeVitals(v, when, p, treatment.Limits{}) {
			for i, severity := range treatment.Severities {
				if severity == r.Severity {
					return i + 1
				}
			}
		}
		return 0
	}
	rapid.Check(t, func(t *rapid.T) {
		when := rapid.SampledFrom([]treatment.Moment{treatment.BeforeDose, treatment.AfterDose}).Draw(t, "when")
		systolic, diastolic := rapid.IntRange(20, 350).Draw(t, "systolic"), rapid.IntRange(20, 350).Draw(t, "diastolic")
		more := rapid.IntRange(0, 100).Draw(t, "more")
		lower := urgency(pressure(systolic, diastolic), when)
		if got := urgency(pressure(systolic+more, diastolic), when); got < lower {
			t.Fatalf("systolic +%d: %d after %d", more, got, lower)
		}
		if got := urgency(pressure(systolic, diastolic+more), when); got < lower {
			t.Fatalf("diastolic +%d: %d after %d", more, got, lower)
		}
	})
}

func TestDoubtful(t *testing.T) {
	tests := []struct {
		name   string
		vitals treatment.Vitals
		want   bool
	}{
		{"normal", pressure(120, 80), false},
		{"nothing measured", treatment.Vitals{}, false},
		{"lowest plausible", pressure(60, 30), false},
		{"systolic too low", pressure(59, 30), true},
		{"diastolic too low", pressure(60, 29), true},
		{"highest plausible", pressure(260, 160), false},
		{"systolic too high", pressure(261, 160), true},
		{"diastolic too high", pressure(260, 161), true},
		{"diastolic just below systolic", pressure(100, 99), false},
		{"diastolic equal to systolic", pressure(100, 100), true},
		{"diastolic above systolic", pressure(80, 120), true},
		{"systolic alone", pressure(120, 0), false},
		{"heart rate 30", treatment.Vitals{HeartRateBpm: new(30)}, false},
		{"heart rate 29", treatment.Vitals{HeartRateBpm: new(29)}, true},
		{"heart rate 220", treatment.Vitals{HeartRateBpm: new(220)}, false},
		{"heart rate 221", treatment.Vitals{HeartRateBpm: new(221)}, true},
		{"saturation 50", treatment.Vitals{Spo2Percent: new(50)}, false},
		{"saturation 49", treatment.Vitals{Spo2Percent: new(49)}, true},
		{"saturation 100", treatment.Vitals{Spo2Percent: new(100)}, false},
		{"saturation 101", treatment.Vitals{Spo2Percent: new(101)}, true},
	}
	for _, test := range tests {
		if got := test.vitals.Doubtful(treatment.Default()); got != test.want {
			t.Errorf("%s: doubtful %t, want %t", test.name, got, test.want)
		}
	}
}
