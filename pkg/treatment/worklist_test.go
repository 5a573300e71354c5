package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestJudgeResponse(t *testing.T) {
	due := time.Date(2026, 12, 20, 14, 0, 0, 0, time.UTC)
	phq9, _ := instruments.Find(instruments.PHQ9)
	raised := func(value, limit string) []treatment.Raised {
		return []treatment.Raised{{Rule: treatment.AlertNoResponse, Severity: treatment.SeverityLow, Value: value, Limit: limit}}
	}
	unknown := raised("unknown", "2026-12-20T14:00:00Z")
	for name, test := range map[string]struct {
		baseline, last *int
		want           []treatment.Raised
	}{
		"half of the baseline": {new(16), new(8), nil},
		"one more":             {new(16), new(9), raised("9", "50 % below 16")},
		"worse":                {new(16), new(20), raised("20", "50 % below 16")},
		"nothing to respond":   {new(0), new(3), nil},
		"no baseline":          {nil, new(8), unknown},
		"nothing since":        {new(16), nil, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, treatment.JudgeResponse(phq9, test.baseline, test.last, due)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWorkReasons: every alert has a reason, and the reasons of alerts know their alerts.
func TestWorkReasons(t *testing.T) {
	of := map[treatment.AlertRule]int{}
	for _, reason := range treatment.WorkReasons {
		for _, rule := range reason.AlertsOf() {
			of[rule]++
			if treatment.WorkOf(rule) != reason {
				t.Errorf("%s is work of %s, not of %s", rule, treatment.WorkOf(rule), reason)
			}
		}
	}
	for _, rule := range treatment.AlertRules {
		if of[rule] != 1 {
			t.Errorf("%s belongs to %d reasons", rule, of[rule])
		}
	}
}
