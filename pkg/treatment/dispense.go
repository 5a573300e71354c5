package treatment

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Dispense is what a pharmacy handed out at one time against a prescription. Form and strength
// may be others than prescribed: that is no deviation, and whether they can make the dose is
// asked when it is to be taken.
type Dispense struct {
	Form DosageForm
	// StrengthMg is what one unit holds, as labelled.
	StrengthMg dose.Mg
	Units      dose.Units
	// UnitStep is the smallest part of a unit that doses are made of, by the protocol at the
	// time when it was recorded.
	UnitStep dose.Units
	// Lot is the pharmacy's number, and BeyondUseDate the last day on which it may be taken.
	Lot           string
	BeyondUseDate Date
	// Pharmacy is its name; empty when it was not given.
	Pharmacy string
	// FillNumber is which fill of its prescription it is; 0 when it was struck out.
	FillNumber int
}

// AmountMg is what was handed out.
func (d Dispense) AmountMg() dose.Mg { return d.Units.Of(d.StrengthMg) }

// Fill is a dispense that counts, as its prescription sees it.
type Fill struct {
	DispenseID uuid.UUID
	At         time.Time
	AmountMg   dose.Mg
	// LeftMg is what was at home before it: [Reckoning.Before].
	LeftMg dose.Mg
}

// FillVerdict is what the rules say about a fill.
type FillVerdict struct {
	// Number is which fill it is, in the order in which they were handed out.
	Number     int
	Deviations []Deviation
	Raised     []Raised
}

// FillRules lists every rule that a fill can deviate from.
var FillRules = []Rule{RuleNoActivePrescription, RuleExpired, RulePrescriptionOnHold, RuleFills, RuleQuantity, RuleEarlyRefill}

// Dispensed says how much of what was authorised has been handed out.
type Dispensed string

// Dispensed words.
const (
	DispensedNone Dispensed = "none"
	DispensedSome Dispensed = "some"
	DispensedAll  Dispensed = "all"
)

// DispensedWords lists every word.
var DispensedWords = []Dispensed{DispensedNone, DispensedSome, DispensedAll}

// Dispensed says it of the fills that count, however much each of them was.
func (p Prescription) Dispensed() Dispensed {
	switch {
	case p.Fills <= 0:
		return DispensedNone
	case p.Fills <= p.Refills:
		return DispensedSome
	}
	return DispensedAll
}

// TakesDispenses refuses dispenses against a prescription that was entered in error. In every
// other state they are taken.
func (p Prescription) TakesDispenses() error {
	if p.Status == PrescriptionEnteredInError {
		return illegal("a prescription that is "+string(p.Status), "be dispensed")
	}
	return nil
}

// JudgeFills judges all fills of a prescription that count, each by what held when it was
// handed out; holds are the times in which the prescription was on hold. The verdicts are in
// the order of the fills, which makes no other difference. A fill of a prescription that was
// not active or on hold, had expired, or had no fill left raises an alert, and so does a refill
// that came early; too large a one is a deviation only.
func (p Prescription) JudgeFills(holds []Interval, fills []Fill, policy Protocol) []FillVerdict {
	verdicts := make([]FillVerdict, len(fills))
	for i, fill := range fills {
		number, last := 1, (*Fill)(nil)
		for j, other := range fills {
			if !other.before(fill) {
				continue
			}
			number++
			if last == nil || last.before(other) {
				last = &fills[j]
			}
		}
		verdicts[i] = p.judgeFill(holds, fill, number)
		if last != nil {
			verdicts[i].judgeRefill(fill, *last, policy)
		}
	}
	return verdicts
}

func (f Fill) before(other Fill) bool {
	order := f.At.Compare(other.At)
	return order < 0 || order == 0 && slices.Compare(f.DispenseID[:], other.DispenseID[:]) < 0
}

func (p Prescription) judgeFill(holds []Interval, fill Fill, number int) FillVerdict {
	var f findings
	valid, wasActive := p.Validity(uuid.Nil, holds)
	if !wasActive || fill.At.Before(valid.From) || (p.EndedAt != nil && !fill.At.Before(*p.EndedAt)) {
		f.deviate(RuleNoActivePrescription, "", "")
	}
	if p.ExpiresAt != nil && !fill.At.Before(*p.ExpiresAt) {
		f.deviate(RuleExpired, fill.At.UTC().Format(time.RFC3339), p.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if containsAny(holds, fill.At) {
		f.deviate(RulePrescriptionOnHold, "", "")
	}
	if most := 1 + p.Refills; number > most {
		f.deviate(RuleFills, strconv.Itoa(number), strconv.Itoa(most))
	}
	if len(f.Deviations) > 0 {
		var rules []string
		for _, d := range f.Deviations {
			rules = append(rules, string(d.Rule))
		}
		f.raise(AlertDispenseIrregular, uuid.Nil, strings.Join(rules, ", "), "")
	}
	if most := (dose.Units(p.QuantityUnits) * dose.Unit).Of(p.StrengthMg); fill.AmountMg > most {
		f.deviate(RuleQuantity, mg(fill.AmountMg), mg(most))
	}
	return FillVerdict{number, f.Deviations, f.Raised}
}
