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

// lot is the n-th dispense, two days ago: units of a strength that are halved, good for the
// month.
func lot(n byte, strength, units int) treatment.Lot {
	return treatment.Lot{
		DispenseID: id(n), DispensedAt: days(-2), Form: treatment.FormTroche, StrengthMg: mg(strength), Step: dose.Unit / 2,
		BeyondUse: "2026-11-30", AmountMg: mg(strength * units),
	}
}

// until is a lot with another beyond-use date.
func until(l treatment.Lot, day treatment.Date) treatment.Lot {
	l.BeyondUse = day
	return l
}

// taken is a dose of troches at noon.
func taken(n byte, milligrams int, from ...treatment.Portion) treatment.TakenDose {
	return treatment.TakenDose{FactID: id(n), At: noon, Day: "2026-11-20", DoseMg: mg(milligrams), Form: treatment.FormTroche, From: from}
}

func take(n byte, milligrams int) treatment.Taking {
	return treatment.Taking{DispenseID: id(n), AmountMg: mg(milligrams)}
}

func portion(n byte, halves int) treatment.Portion {
	return treatment.Portion{DispenseID: id(n), Units: dose.Units(halves) * dose.Unit / 2}
}

func TestAllocate(t *testing.T) {
	whole := func(l treatment.Lot) treatment.Lot { l.Step = dose.Unit; return l }
	capsule := lot(1, 50, 6)
	capsule.Form = treatment.FormOralCapsule
	anyForm := taken(10, 100)
	anyForm.Form = ""
	later := lot(1, 50, 6)
	later.DispensedAt = noon.Add(1)
	tests := []struct {
		name        string
		dose        treatment.TakenDose
		lots        []treatment.Lot
		want        []treatment.Taking
		unaccounted dose.Mg
	}{
		{"no lots", taken(10, 100), nil, nil, mg(100)},
		{"nothing was taken", taken(10, 0), []treatment.Lot{lot(1, 50, 6)}, nil, 0},
		{"one lot", taken(10, 100), []treatment.Lot{lot(1, 50, 6)}, []treatment.Taking{take(1, 100)}, 0},
		{"a half", taken(10, 75), []treatment.Lot{lot(1, 50, 6)}, []treatment.Taking{take(1, 75)}, 0},
		{"what expires first", taken(10, 100), []treatment.Lot{lot(1, 50, 6), until(lot(2, 50, 1), "2026-11-20")}, []treatment.Taking{take(2, 50), take(1, 50)}, 0},
		{"what came first", taken(10, 50), []treatment.Lot{lot(2, 50, 6), lot(1, 50, 6)}, []treatment.Taking{take(1, 50)}, 0},
		{"two strengths", taken(10, 130), []treatment.Lot{whole(lot(1, 50, 6)), whole(lot(2, 30, 2))}, []treatment.Taking{take(1, 100), take(2, 30)}, 0},
		{"fewer of the first when only that is exact", taken(10, 120), []treatment.Lot{whole(lot(1, 50, 6)), whole(lot(2, 30, 9))}, []treatment.Taking{take(2, 120)}, 0},
		{"whole units before broken ones", taken(10, 70), []treatment.Lot{lot(1, 50, 6), lot(2, 70, 6)}, []treatment.Taking{take(2, 70)}, 0},
		{"broken units", taken(10, 110), []treatment.Lot{lot(1, 50, 6)}, []treatment.Taking{take(1, 110)}, 0},
		{"broken units of two lots", taken(10, 110), []treatment.Lot{lot(1, 50, 2), lot(2, 50, 6)}, []treatment.Taking{take(1, 100), take(2, 10)}, 0},
		{"more than there is", taken(10, 150), []treatment.Lot{lot(1, 50, 2)}, []treatment.Taking{take(1, 100)}, mg(50)},
		{"expired ones last", taken(10, 100), []treatment.Lot{until(lot(1, 50, 6), "2026-11-19"), lot(2, 50, 2)}, []treatment.Taking{take(2, 100)}, 0},
		{"expired ones when needed", taken(10, 150), []treatment.Lot{until(lot(1, 50, 6), "2026-11-19"), lot(2, 50, 2)}, []treatment.Taking{take(2, 100), take(1, 50)}, 0},
		{"another form", taken(10, 100), []treatment.Lot{capsule}, nil, mg(100)},
		{"any form without a prescription", anyForm, []treatment.Lot{capsule}, []treatment.Taking{take(1, 100)}, 0},
		{"handed out later", taken(10, 100), []treatment.Lot{later}, nil, mg(100)},
		{"handed out at that moment", taken(10, 100), []treatment.Lot{{DispenseID: id(1), DispensedAt: noon, Form: treatment.FormTroche, StrengthMg: mg(50),
			Step: dose.Unit, BeyondUse: "2026-11-20", AmountMg: mg(100)}}, []treatment.Taking{take(1, 100)}, 0},
		{"as said", taken(10, 100, portion(2, 2), portion(1, 2)), []treatment.Lot{lot(1, 50, 6), lot(2, 50, 6)}, []treatment.Taking{take(2, 50), take(1, 50)}, 0},
		{"as said, of another form", taken(10, 100, portion(1, 4)), []treatment.Lot{capsule}, []treatment.Taking{take(1, 100)}, 0},
		{"said the same lot twice", taken(10, 150, portion(1, 2), portion(1, 4)), []treatment.Lot{lot(1, 50, 2)}, []treatment.Taking{take(1, 50), take(1, 50)}, mg(50)},
		{"said too little", taken(10, 100, portion(1, 1)), []treatment.Lot{lot(1, 50, 6)}, []treatment.Taking{take(1, 25)}, mg(75)},
		{"said too much", taken(10, 100, portion(1, 8), portion(2, 8)), []treatment.Lot{lot(1, 50, 6), lot(2, 50, 6)}, []treatment.Taking{take(1, 100)}, 0},
		{"said more than there was", taken(10, 100, portion(1, 4)), []treatment.Lot{lot(1, 50, 1), lot(2, 50, 6)}, []treatment.Taking{take(1, 50)}, mg(50)},
		{"said what was not there", taken(10, 100, portion(1, 4), portion(9, 4)), []treatment.Lot{later}, nil, mg(100)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.lots)
			got, unaccounted := treatment.Allocate(test.dose, test.lots)
			if diff := cmp.Diff(test.want, got); diff != "" || unaccounted != test.unaccounted {
				t.Errorf("%v unaccounted, want %v (-want +got):\n%s", unaccounted, test.unaccounted, diff)
			}
			if diff := cmp.Diff(before, test.lots); diff != "" {
				t.Errorf("it changed what it was given:\n%s", diff)
			}
		})
	}
}

func TestMakeable(t *testing.T) {
	troche := treatment.FormTroche
	odd := lot(1, 0, 0)
	odd.StrengthMg, odd.AmountMg = 12_345, 10*12_345 // half of it is no whole number of micrograms
	tests := []struct {
		name             string
		amount           dose.Mg
		lots             []treatment.Lot
		enough, makeable bool
	}{
		{"nothing at home", mg(100), nil, false, false},
		{"enough", mg(100), []treatment.Lot{lot(1, 50, 2)}, true, true},
		{"a microgram less", mg(100), []treatment.Lot{{Form: troche, StrengthMg: mg(50), Step: dose.Unit, BeyondUse: "2026-11-30", AmountMg: mg(100) - 1}}, false, false},
		{"not exactly", mg(110), []treatment.Lot{lot(1, 50, 6)}, true, false},
		{"only broken units are left", mg(50), []treatment.Lot{{Form: troche, StrengthMg: mg(50), Step: dose.Unit, BeyondUse: "2026-11-30", AmountMg: mg(49)},
			{DispenseID: id(2), Form: troche, StrengthMg: mg(50), Step: dose.Unit, BeyondUse: "2026-11-30", AmountMg: mg(49)}}, true, false},
		{"on the last day", mg(100), []treatment.Lot{until(lot(1, 50, 2), "2026-11-20")}, true, true},
		{"expired", mg(100), []treatment.Lot{until(lot(1, 50, 2), "2026-11-19")}, false, false},
		{"another form", mg(100), []treatment.Lot{{Form: treatment.FormSyrup, StrengthMg: mg(50), Step: 100, BeyondUse: "2026-11-30", AmountMg: mg(100)}}, false, false},
		{"a strength that cannot be halved", 12_345, []treatment.Lot{odd}, true, true},
		{"half of it", 6172, []treatment.Lot{odd}, true, false},
	}
	for _, test := range tests {
		if enough, makeable := treatment.Makeable(test.amount, troche, "2026-11-20", test.lots); enough != test.enough || makeable != test.makeable {
			t.Errorf("%s: enough %t, makeable %t; want %t, %t", test.name, enough, makeable, test.enough, test.makeable)
		}
	}
}

// Silly strengths do not make anybody wait: what is not found soon is not makeable.
func TestMakeableIsBounded(t *testing.T) {
	var lots []treatment.Lot
	for n := range byte(40) {
		l := lot(n, 0, 0)
		l.Step, l.StrengthMg, l.AmountMg = dose.Unit, dose.Mg(2*int(n)+10_001), 100_000_000
		lots = append(lots, l)
	}
	began := time.Now()
	for _, amount := range []dose.Mg{1, 9_999_999, 10_000_000, mg(1_000_000) + 1} {
		treatment.Makeable(amount, treatment.FormTroche, "2026-11-20", lots)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// A combination is found exactly when there is one, and uses as much of the first lot as any.
func TestMakeableProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lots []treatment.Lot
		for n := range rapid.IntRange(0, 3).Draw(t, "lots") {
			lots = append(lots, lot(byte(n+1), rapid.SampledFrom([]int{10, 30, 50, 70, 100}).Draw(t, "strength"), rapid.IntRange(1, 4).Draw(t, "units")))
		}
		amount := dose.Mg(rapid.IntRange(1, 60).Draw(t, "amount")) * 5 * dose.Milligram
		possible := map[dose.Mg]bool{0: true} // amounts that can be made
		for _, l := range slices.Backward(lots) {
			next := map[dose.Mg]bool{}
			for sum := range possible {
				for part := dose.Mg(0); part <= l.AmountMg; part += l.StrengthMg / 2 {
					next[sum+part] = true
				}
			}
			possible = next
		}
		if _, makeable := treatment.Makeable(amount, treatment.FormTroche, "2026-11-20", lots); makeable != possible[amount] {
			t.Fatalf("makeable %t, want %t", makeable, possible[amount])
		}
		d := taken(10, 0)
		d.DoseMg = amount
		takings, unaccounted := treatment.Allocate(d, lots)
		sum := unaccounted
		for _, taking := range takings {
			sum += taking.AmountMg
			i := slices.IndexFunc(lots, func(l treatment.Lot) bool { return l.DispenseID == taking.DispenseID })
			if taking.AmountMg <= 0 || taking.AmountMg > lots[i].AmountMg || possible[amount] && taking.AmountMg%(lots[i].StrengthMg/2) != 0 {
				t.Fatalf("took %v of %v", taking, lots[i])
			}
		}
		if sum != amount || possible[amount] && unaccounted != 0 {
			t.Fatalf("%v for %v, %v unaccounted", takings, amount, unaccounted)
		}
	})
}
