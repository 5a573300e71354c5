package instruments_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// verdict is a change by an instrument that has every threshold.
type verdict struct {
	Points                                                      int
	Response, Remission                                         *bool
	ClinicallyImportant, ReliablyImproved, ReliablyDeteriorated bool
}

func (v verdict) change() instruments.Change {
	return instruments.Change{
		Points: v.Points, Response: v.Response, Remission: v.Remission, ClinicallyImportant: &v.ClinicallyImportant,
		ReliablyImproved: &v.ReliablyImproved, ReliablyDeteriorated: &v.ReliablyDeteriorated,
	}
}

func TestChange(t *testing.T) {
	yes, no := new(true), new(false)
	tests := []struct {
		name              string
		id                string
		baseline, current int
		want              verdict
	}{
		{"exactly half is a response", "phq-9", 20, 10, verdict{
			Points: 10, Response: yes, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"just under half is not", "phq-9", 20, 11, verdict{
			Points: 9, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"half of an odd baseline", "phq-9", 15, 8, verdict{
			Points: 7, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"remission below 5", "phq-9", 10, 4, verdict{
			Points: 6, Response: yes, Remission: yes, ClinicallyImportant: true, ReliablyImproved: true}},
		{"5 is not remission, and 5 points are not reliable", "phq-9", 10, 5, verdict{
			Points: 5, Response: yes, Remission: no, ClinicallyImportant: true}},
		{"a low baseline has nothing to remit", "phq-9", 9, 0, verdict{
			Points: 9, Response: yes, ClinicallyImportant: true, ReliablyImproved: true}},
		{"baseline 0 has no percentage", "phq-9", 0, 0, verdict{}},
		{"worse from 0", "phq-9", 0, 6, verdict{Points: -6, ReliablyDeteriorated: true}},
		{"no change", "phq-9", 12, 12, verdict{Response: no, Remission: no}},
		{"worse by 5", "phq-9", 12, 17, verdict{Points: -5, Response: no, Remission: no}},
		{"worse by 6", "phq-9", 12, 18, verdict{Points: -6, Response: no, Remission: no, ReliablyDeteriorated: true}},
		{"4 points matter in anxiety", "gad-7", 14, 10, verdict{
			Points: 4, Response: no, Remission: no, ClinicallyImportant: true, ReliablyImproved: true}},
		{"3 do not", "gad-7", 14, 11, verdict{Points: 3, Response: no, Remission: no}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := find(t, test.id).Change(test.baseline, test.current)
			if diff := cmp.Diff(test.want.change(), got); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
		})
	}
}

// What has no threshold is not judged.
func TestChangeWithoutThresholds(t *testing.T) {
	yes, no := new(true), new(false)
	tests := []struct {
		name              string
		instrument        instruments.Instrument
		baseline, current int
		want              instruments.Change
	}{
		{"nothing is known", instruments.Instrument{}, 20, 10, instruments.Change{Points: 10}},
		{"higher is better", instruments.Instrument{
			HigherIsBetter: true, Thresholds: instruments.Thresholds{ClinicallyImportant: limit(10), ReliableChange: limit(12)},
		}, 40, 50, instruments.Change{Points: 10, ClinicallyImportant: yes, ReliablyImproved: no, ReliablyDeteriorated: no}},
		{"higher is better, and it fell", instruments.Instrument{
			HigherIsBetter: true, Thresholds: instruments.Thresholds{ClinicallyImportant: limit(10), ReliableChange: limit(12)},
		}, 50, 38, instruments.Change{Points: -12, ClinicallyImportant: no, ReliablyImproved: no, ReliablyDeteriorated: yes}},
		{"important in percent", instruments.Instrument{Thresholds: instruments.Thresholds{ClinicallyImportantPercent: limit(30)}},
			20, 14, instruments.Change{Points: 6, ClinicallyImportant: yes}},
		{"just not", instruments.Instrument{Thresholds: instruments.Thresholds{ClinicallyImportantPercent: limit(30)}},
			20, 15, instruments.Change{Points: 5, ClinicallyImportant: no}},
		{"in percent of nothing", instruments.Instrument{Thresholds: instruments.Thresholds{ClinicallyImportantPercent: limit(30)}},
			0, 0, instruments.Change{}},
		{"remission without a baseline of its own", instruments.Instrument{Thresholds: instruments.Thresholds{RemissionBelow: limit(6)}},
			6, 5, instruments.Change{Points: 1, Remission: yes}},
		{"nothing to remit", instruments.Instrument{Thresholds: instruments.Thresholds{RemissionBelow: limit(6)}},
			5, 0, instruments.Change{Points: 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.instrument.Change(test.baseline, test.current)); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
		})
	}
}

// A better outcome is never judged worse, and what has no threshold never is judged.
func TestChangeProperty(t *testing.T) {
	for _, instrument := range totals() {
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			total := rapid.IntRange(instrument.MinTotal, instrument.MaxTotal)
			baseline, current, better := total.Draw(t, "baseline"), total.Draw(t, "current"), total.Draw(t, "better")
			if instrument.HigherIsBetter == (better < current) {
				current, better = better, current
			}
			a, b := instrument.Change(baseline, current), instrument.Change(baseline, better)
			known := instrument.Thresholds
			remittable := known.RemissionBelow.Known() && baseline >= max(known.RemissionBaseline.Value, known.RemissionBelow.Value)
			if (a.Response != nil) != (baseline > 0 && known.ResponsePercent.Known()) || (a.Remission != nil) != remittable ||
				(a.ReliablyImproved != nil) != known.ReliableChange.Known() {
				t.Fatalf("baseline %d: %+v", baseline, a)
			}
			for name, pair := range map[string][2]*bool{
				"response":             {a.Response, b.Response},
				"remission":            {a.Remission, b.Remission},
				"clinically important": {a.ClinicallyImportant, b.ClinicallyImportant},
				"reliably improved":    {a.ReliablyImproved, b.ReliablyImproved},
				"deteriorated":         {b.ReliablyDeteriorated, a.ReliablyDeteriorated},
			} {
				if pair[0] != nil && *pair[0] && !*pair[1] {
					t.Fatalf("%s holds for %d → %d but not for %d → %d", name, baseline, current, baseline, better)
				}
			}
		}))
	}
}
