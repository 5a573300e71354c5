package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// fill is the n-th dispense: 12 units of 50 mg.
func fill(n byte, at time.Time) treatment.Fill {
	return treatment.Fill{DispenseID: id(n), At: at, AmountMg: mg(600)}
}

func TestJudgeFills(t *testing.T) {
	all := prescriptions(t)
	expires := time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC)
	hold := treatment.Interval{From: at(10), Until: new(at(20))}
	larger := fill(1, at(5))
	larger.AmountMg += dose.Microgram
	for name, test := range map[string]struct {
		p     treatment.Prescription
		fills []treatment.Fill // the first is judged
		want  []treatment.Rule
		alert string
	}{
		"in time":                  {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, noon)}, nil, ""},
		"before it was signed":     {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, noon.Add(-1))}, []treatment.Rule{treatment.RuleNoActivePrescription}, "noActivePrescription"},
		"a moment before expiry":   {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, expires.Add(-1))}, nil, ""},
		"expired":                  {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, expires)}, []treatment.Rule{treatment.RuleExpired}, "expired"},
		"of a draft":               {all[treatment.PrescriptionDraft], []treatment.Fill{fill(1, noon)}, []treatment.Rule{treatment.RuleNoActivePrescription}, "noActivePrescription"},
		"a moment before the stop": {all[treatment.PrescriptionStopped], []treatment.Fill{fill(1, at(60).Add(-1))}, nil, ""},
		"stopped":                  {all[treatment.PrescriptionStopped], []treatment.Fill{fill(1, at(60))}, []treatment.Rule{treatment.RuleNoActivePrescription}, "noActivePrescription"},
		"stopped and expired": {all[treatment.PrescriptionStopped], []treatment.Fill{fill(1, expires)},
			[]treatment.Rule{treatment.RuleNoActivePrescription, treatment.RuleExpired}, "noActivePrescription, expired"},
		"entered in error":     {all[treatment.PrescriptionEnteredInError], []treatment.Fill{fill(1, noon)}, []treatment.Rule{treatment.RuleNoActivePrescription}, "noActivePrescription"},
		"on hold":              {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, at(10))}, []treatment.Rule{treatment.RulePrescriptionOnHold}, "prescriptionOnHold"},
		"after the hold":       {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, at(20))}, nil, ""},
		"the refill":           {all[treatment.PrescriptionActive], []treatment.Fill{fill(1, at(5)), fill(2, noon)}, nil, ""},
		"above the refills":    {all[treatment.PrescriptionActive], []treatment.Fill{fill(3, at(5)), fill(1, at(5)), fill(2, noon)}, []treatment.Rule{treatment.RuleFills}, "fills"},
		"not the last of them": {all[treatment.PrescriptionActive], []treatment.Fill{fill(2, at(5)), fill(3, at(5)), fill(1, noon)}, nil, ""},
		"more than prescribed": {all[treatment.PrescriptionActive], []treatment.Fill{larger}, []treatment.Rule{treatment.RuleQuantity}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.p.JudgeFills([]treatment.Interval{hold}, test.fills, treatment.Default())[0]
			if rules := deviates(treatment.Verdict{Deviations: got.Deviations}); !slices.Equal(rules, test.want) {
				t.Errorf("deviates from %v, want %v", rules, test.want)
			}
			var want []treatment.Raised
			if test.alert != "" {
				want = []treatment.Raised{{Rule: treatment.AlertDispenseIrregular, Severity: treatment.SeverityHigh, Value: test.alert}}
			}
			if diff := cmp.Diff(want, got.Raised); diff != "" {
				t.Errorf("raises (-want +got):\n%s", diff)
			}
		})
	}
}

// What deviates says by how much.
func TestFillDeviations(t *testing.T) {
	p := active(t)
	third := fill(3, time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC))
	third.AmountMg = mg(650)
	got := p.JudgeFills(nil, []treatment.Fill{fill(1, noon), fill(2, noon), third}, treatment.Default())
	want := []treatment.Deviation{
		{Rule: treatment.RuleExpired, Value: "2027-05-20T12:00:00Z", Limit: "2027-05-20T12:00:00Z"},
		{Rule: treatment.RuleFills, Value: "3", Limit: "2"},
		{Rule: treatment.RuleQuantity, Value: "650 mg", Limit: "600 mg"},
	}
	if diff := cmp.Diff(want, got[2].Deviations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A refill is early while more than a fifth of the last fill is left; the first fill never is.
func TestEarlyRefill(t *testing.T) {
	for name, test := range map[string]struct {
		left  dose.Mg // of 600 mg
		value string
	}{
		"all was used":              {0, ""},
		"a fifth is left":           {mg(120), ""},
		"a microgram more":          {mg(120) + 1, "79 %"},
		"nothing was used":          {mg(600), "0 %"},
		"there is more than a fill": {mg(900), "0 %"},
	} {
		t.Run(name, func(t *testing.T) {
			first, refill := fill(1, at(0)), fill(2, at(60))
			first.LeftMg, refill.LeftMg = mg(600), test.left
			got := active(t).JudgeFills(nil, []treatment.Fill{refill, first}, treatment.Default())
			var want []treatment.Deviation
			var raised []treatment.Raised
			if test.value != "" {
				want = one(treatment.RuleEarlyRefill, test.value, "80 %")
				raised = []treatment.Raised{{Rule: treatment.AlertEarlyRefill, Severity: treatment.SeverityMedium, Value: test.value, Limit: "80 %"}}
			}
			if diff := cmp.Diff([]treatment.FillVerdict{{Number: 2, Deviations: want, Raised: raised}, {Number: 1}}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := active(t).JudgeFills(nil, []treatment.Fill{refill, first}, unguarded()); len(got[0].Deviations) != 0 {
				t.Errorf("guard off: %v", got[0].Deviations)
			}
		})
	}
}

// Each refill is held against the fill before it, a fill of nothing against nothing.
func TestEarlyRefillOfTheLast(t *testing.T) {
	first, second, third := fill(1, at(0)), fill(2, at(60)), fill(3, at(120))
	first.AmountMg, second.AmountMg, third.LeftMg = mg(6000), mg(100), mg(21)
	got := active(t).JudgeFills(nil, []treatment.Fill{first, third, second}, treatment.Default())
	if !slices.Contains(deviates(treatment.Verdict{Deviations: got[1].Deviations}), treatment.RuleEarlyRefill) {
		t.Errorf("the third: %v", got[1].Deviations)
	}
	second.AmountMg = 0
	if got := active(t).JudgeFills(nil, []treatment.Fill{second, third, first}, treatment.Default()); slices.Contains(deviates(treatment.Verdict{Deviations: got[1].Deviations}), treatment.RuleEarlyRefill) {
		t.Errorf("after a fill of nothing: %v", got[1].Deviations)
	}
}

// The order in which fills arrive makes no difference: each keeps its number and verdict.
func TestFillsProperty(t *testing.T) {
	p := active(t)
	rapid.Check(t, func(t *rapid.T) {
		var fills []treatment.Fill
		for n := range rapid.IntRange(0, 6).Draw(t, "fills") {
			fills = append(fills, fill(byte(n+1), at(rapid.IntRange(-1, 3).Draw(t, "minute"))))
		}
		want := map[treatment.Fill]treatment.FillVerdict{}
		numbers := map[int]bool{}
		for i, v := range p.JudgeFills(nil, fills, treatment.Default()) {
			want[fills[i]] = v
			numbers[v.Number] = true
		}
		if len(numbers) != len(fills) {
			t.Fatalf("%d numbers for %d fills", len(numbers), len(fills))
		}
		fills = rapid.Permutation(fills).Draw(t, "arrived")
		for i, v := range p.JudgeFills(nil, fills, treatment.Default()) {
			if diff := cmp.Diff(want[fills[i]], v); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
	})
}

func TestDispensed(t *testing.T) {
	for fills, want := range map[int]treatment.Dispensed{
		0: treatment.DispensedNone, 1: treatment.DispensedSome, 2: treatment.DispensedAll, 3: treatment.DispensedAll,
	} {
		p := treatment.Prescription{Order: order(), Fills: fills}
		if got := p.Dispensed(); got != want {
			t.Errorf("%d of 2 fills: %s, want %s", fills, got, want)
		}
	}
	if p := (treatment.Prescription{Fills: 1}); p.Dispensed() != treatment.DispensedAll {
		t.Errorf("the only fill is %s", p.Dispensed())
	}
}

// Dispenses are taken in every state but one.
func TestTakesDispenses(t *testing.T) {
	for status, p := range prescriptions(t) {
		err := p.TakesDispenses()
		if status == treatment.PrescriptionEnteredInError {
			refused(t, err, treatment.CodeIllegalTransition)
		} else {
			allowed(t, err)
		}
	}
}
