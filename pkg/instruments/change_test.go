package instruments_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

func TestChange(t *testing.T) {
	yes, no := new(true), new(false)
	tests := []struct {
		name              string
		id                string
		baseline, current int
		want              instruments.Change
	}{
		{"exactly half is a response", "phq-9", 20, 10, instruments.Change{
			Points: 10, Response: yes, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"just under half is not", "phq-9", 20, 11, instruments.Change{
			Points: 9, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"half of an odd baseline", "phq-9", 15, 8, instruments.Change{
			Points: 7, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"remission below 5", "phq-9", 10, 4, instruments.Change{
			Points: 6, Response: yes, Remission: yes, ClinicallyImportant: true, ReliablyImproved: true}},
		{"5 is not remission, and 5 points are not reliable", "phq-9", 10, 5, instruments.Change{
			Points: 5, Response: yes, Remission: no, ClinicallyImportant: true}},
		{"a low baseline has nothing to remit", "phq-9", 9, 0, instruments.Change{
			Points: 9, Response: yes, ClinicallyImportant: true, ReliablyImproved: true}},
		{"baseline 0 has no percentage", "phq-9", 0, 0, instruments.Change{}},
		{"worse from 0", "phq-9", 0, 6, instruments.Change{Points: -6, ReliablyDeteriorated: true}},
		{"no change", "phq-9", 12, 12, instruments.Change{Response: no, Remission: no}},
		{"worse by 5", "phq-9", 12, 17, instruments.Change{Points: -5, Response: no, Remission: no}},
		{"worse by 6", "phq-9", 12, 18, instruments.Change{Points: -6, Response: no, Remission: no, ReliablyDeteriorated: true}},
		{"4 points matter in anxiety", "gad-7", 14, 10, instruments.Change{
			Points: 4, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"3 do not", "gad-7", 14, 11, instruments.Change{Points: 3, Response: no, Remission: no}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := find(t, test.id).Change(test.baseline, test.current)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
		})
	}
}

// A better outcome is never judged worse.
func TestChangeProperty(t *testing.T) {
	for _, instrument := range totals() {
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			total := rapid.IntRange(instrument.MinTotal, instrument.MaxTotal)
			baseline, current := total.Draw(t, "baseline"), total.Draw(t, "current")
			better := rapid.IntRange(instrument.MinTotal, current).Draw(t, "better")
			a, b := instrument.Change(baseline, current), instrument.Change(baseline, better)
			if (a.Response == nil) != (baseline == 0) || (a.Remission == nil) != (baseline < 10) {
				t.Fatalf("baseline %d: response %v, remission %v", baseline, a.Response, a.Remission)
			}
			for name, pair := range map[string][2]*bool{
				"response":             {a.Response, b.Response},
				"remission":            {a.Remission, b.Remission},
				"clinically important": {&a.ClinicallyImportant, &b.ClinicallyImportant},
				"reliably improved":    {&a.ReliablyImproved, &b.ReliablyImproved},
				"not deteriorated":     {new(!a.ReliablyDeteriorated), new(!b.ReliablyDeteriorated)},
			} {
				if pair[0] != nil && *pair[0] && !*pair[1] {
					t.Fatalf("%s holds for %d → %d but not for %d → %d", name, baseline, current, baseline, better)
				}
			}
		}))
	}
}
