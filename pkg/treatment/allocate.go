package treatment

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Lot is what one dispense handed out.
type Lot struct {
	DispenseID  uuid.UUID
	DispensedAt time.Time
	Form        DosageForm
	// StrengthMg is what one unit holds, Step the smallest part of a unit that doses are made of.
	StrengthMg dose.Mg
	Step       dose.Units
	// BeyondUse is the last day on which it may be taken.
	BeyondUse Date
	// AmountMg is what it holds: everything at first, later what is left.
	AmountMg dose.Mg
}

// part is what the smallest part of a unit holds: the whole unit when a part would not be a
// whole number of micrograms.
func (l Lot) part() dose.Mg {
	if part := l.Step.Of(l.StrengthMg); part > 0 && dose.UnitsOf(part, l.StrengthMg) == l.Step {
		return part
	}
	return max(l.StrengthMg, 1)
}

// whole is what it holds in parts that need not be divided further.
func (l Lot) whole() dose.Mg { return l.AmountMg - l.AmountMg%l.part() }

// Portion is a number of units of a lot.
type Portion struct {
	DispenseID uuid.UUID
	Units      dose.Units
}

// Taking is an amount taken from a lot.
type Taking struct {
	DispenseID uuid.UUID
	AmountMg   dose.Mg
}

// TakenDose is a dose that was taken, for the ledger.
type TakenDose struct {
	FactID uuid.UUID
	At     time.Time
	// Day is the calendar day where it was taken.
	Day    Date
	DoseMg dose.Mg
	// Form is the prescription's that was active then; empty when none was: then any form may
	// have been taken.
	Form DosageForm
	// From are the units that it was said to be made of; empty when nothing was said.
	From []Portion
}

// had says whether a lot could be taken from: it was there, and not empty.
func (d TakenDose) had(l Lot) bool { return l.AmountMg > 0 && !l.DispensedAt.After(d.At) }

// Allocate says what a dose was made of, given what the lots held when it was taken, and how
// much of it no lot accounts for. Nothing is taken that was not there.
//
// What people say stands. When they say nothing, it was made of parts that need not be divided
// further, of the lots that expire first, and of expired ones only if the others cannot make
// it. A dose that cannot be made so was made of broken units: as much as there is of the first
// lots.
func Allocate(d TakenDose, lots []Lot) (takings []Taking, unaccounted dose.Mg) {
	if len(d.From) > 0 {
		return d.said(lots)
	}
	good := choose(lots, func(l Lot) bool { return d.had(l) && l.holds(d.Form) && l.BeyondUse >= d.Day })
	expired := choose(lots, func(l Lot) bool { return d.had(l) && l.holds(d.Form) && l.BeyondUse < d.Day })
	all := slices.Concat(good, expired)
	for _, some := range [][]Lot{good, all} {
		if takings, ok := combine(d.DoseMg, some); ok {
			return takings, 0
		}
	}
	unaccounted = d.DoseMg
	for _, lot := range all {
		if taken := min(unaccounted, lot.AmountMg); taken > 0 {
			takings = append(takings, Taking{lot.DispenseID, taken})
			unaccounted -= taken
		}
	}
	return takings, unaccounted
}

// said takes the units that people say they took, as far as they were there and the dose goes.
func (d TakenDose) said(lots []Lot) (takings []Taking, unaccounted dose.Mg) {
	lots, unaccounted = slices.Clone(lots), d.DoseMg
	for _, portion := range d.From {
		i := slices.IndexFunc(lots, func(l Lot) bool { return l.DispenseID == portion.DispenseID })
		if i < 0 || !d.had(lots[i]) {
			continue
		}
		if taken := min(unaccounted, lots[i].AmountMg, portion.Units.Of(lots[i].StrengthMg)); taken > 0 {
			takings = append(takings, Taking{portion.DispenseID, taken})
			lots[i].AmountMg -= taken
			unaccounted -= taken
		}
	}
	return takings, unaccounted
}

// Makeable says whether lots hold enough of a form for a dose on a day, expired ones left out,
// and whether it can be made of parts that need not be divided further.
func Makeable(amount dose.Mg, form DosageForm, day Date, lots []Lot) (enough, makeable bool) {
	good := choose(lots, func(l Lot) bool { return l.AmountMg > 0 && l.holds(form) && l.BeyondUse >= day })
	_, makeable = combine(amount, good)
	return held(good) >= amount, makeable
}

// holds says whether it is of a form; of every form when none is named.
func (l Lot) holds(form DosageForm) bool { return form == "" || l.Form == form }

func held(lots []Lot) (sum dose.Mg) {
	for _, lot := range lots {
		sum = total(sum, lot.AmountMg)
	}
	return sum
}

// choose answers some of the lots, those that expire first before the others.
func choose(lots []Lot, keep func(Lot) bool) []Lot {
	kept := slices.DeleteFunc(slices.Clone(lots), func(l Lot) bool { return !keep(l) })
	slices.SortFunc(kept, func(a, b Lot) int {
		return cmp.Or(cmp.Compare(a.BeyondUse, b.BeyondUse), a.DispensedAt.Compare(b.DispensedAt),
			slices.Compare(a.DispenseID[:], b.DispenseID[:]))
	})
	return kept
}

// maxTries bounds the search for a combination. Real lots, a few with a few strengths, need
// some dozens; who would need more is told that there is none.
const maxTries = 100_000

// combine makes an amount of whole parts of lots, as much of the first ones as possible. It is
// false when that cannot be done, or is not found with a bounded effort.
func combine(amount dose.Mg, lots []Lot) ([]Taking, bool) {
	// What the lots from each one on can give, and what all of it is a multiple of.
	most, unit := make([]dose.Mg, len(lots)+1), make([]dose.Mg, len(lots)+1)
	for i := len(lots) - 1; i >= 0; i-- {
		most[i], unit[i] = total(most[i+1], lots[i].whole()), divisor(lots[i].part(), unit[i+1])
	}
	type state struct {
		lot  int
		left dose.Mg
	}
	failed, tries, taken := map[state]bool{}, 0, make([]dose.Mg, len(lots))
	var fit func(i int, left dose.Mg) bool
	fit = func(i int, left dose.Mg) bool {
		if left <= 0 {
			return left == 0
		}
		if left > most[i] || left%unit[i] != 0 || failed[state{i, left}] {
			return false
		}
		part := lots[i].part()
		for taken[i] = min(left, lots[i].whole()) / part * part; taken[i] >= 0 && tries < maxTries; taken[i] -= part {
			tries++
			if fit(i+1, left-taken[i]) {
				return true
			}
		}
		taken[i], failed[state{i, left}] = 0, true
		return false
	}
	if !fit(0, amount) {
		return nil, false
	}
	var takings []Taking
	for i, lot := range lots {
		if taken[i] > 0 {
			takings = append(takings, Taking{lot.DispenseID, taken[i]})
		}
	}
	return takings, true
}

func divisor(a, b dose.Mg) dose.Mg {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
