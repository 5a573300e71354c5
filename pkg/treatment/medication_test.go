package treatment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestMedicationStatus(t *testing.T) {
	for ended, want := range map[treatment.Date]treatment.MedicationStatus{
		"":           treatment.MedicationCurrent,
		"2026-11-21": treatment.MedicationCurrent,
		"2026-11-20": treatment.MedicationEnded,
		"2026-11-19": treatment.MedicationEnded,
	} {
		if got := (treatment.Medication{EndedOn: ended}).StatusOn("2026-11-20"); got != want {
			t.Errorf("ended on %q: %s, want %s", ended, got, want)
		}
	}
}

func TestEndMedication(t *testing.T) {
	tests := []struct {
		name    string
		status  treatment.MedicationStatus
		started treatment.Date
		on      treatment.Date
		code    string
		rules   []treatment.Rule
	}{
		{"today", treatment.MedicationCurrent, "2025-03-01", "2026-11-20", "", nil},
		{"in a month", treatment.MedicationCurrent, "2025-03-01", "2026-12-20", "", nil},
		{"nobody knows since when", treatment.MedicationCurrent, "", "2026-11-20", "", nil},
		{"on its first day", treatment.MedicationCurrent, "2026-11-20", "2026-11-20", "", nil},
		{"the day before", treatment.MedicationCurrent, "2026-11-20", "2026-11-19", treatment.CodeRuleViolated, []treatment.Rule{treatment.RulePeriod}},
		{"ended", treatment.MedicationEnded, "2025-03-01", "2026-11-20", treatment.CodeIllegalTransition, []treatment.Rule{}},
		{"entered in error", treatment.MedicationEnteredInError, "2025-03-01", "2026-11-20", treatment.CodeIllegalTransition, []treatment.Rule{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := treatment.Medication{Name: "Lorazepam", StartedOn: test.started}
			want := before
			got, err := before.End(test.status, test.on, "slept well")
			if test.rules == nil {
				allowed(t, err)
				want.EndedOn, want.EndReason = test.on, "slept well"
			} else {
				refused(t, err, test.code, test.rules...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
