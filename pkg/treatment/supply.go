package treatment

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// SupplyKind is what a line of the ledger says.
type SupplyKind string

// Supply kinds.
const (
	SupplyDispensed SupplyKind = "dispensed"
	SupplyTaken     SupplyKind = "taken"
	SupplyDisposed  SupplyKind = "disposed"
	SupplyLost      SupplyKind = "lost"
	// SupplyCounted corrects the ledger by what a count found.
	SupplyCounted SupplyKind = "counted"
	// SupplyReversed takes another line back.
	SupplyReversed SupplyKind = "reversed"
)

// SupplyKinds lists every kind. What happens at the same moment counts in this order.
var SupplyKinds = []SupplyKind{
	SupplyDispensed, SupplyTaken, SupplyDisposed, SupplyLost, SupplyCounted, SupplyReversed,
}

// DisposalMethod is how units were disposed of.
type DisposalMethod string

// Disposal methods.
const (
	DisposalTakeBack           DisposalMethod = "takeBack"
	DisposalMailBack           DisposalMethod = "mailBack"
	DisposalHousehold          DisposalMethod = "household"
	DisposalPharmacyCollection DisposalMethod = "pharmacyCollector"
)

// DisposalMethods lists every method.
var DisposalMethods = []DisposalMethod{DisposalTakeBack, DisposalMailBack, DisposalHousehold, DisposalPharmacyCollection}

// LossCause is how units were lost.
type LossCause string

// Loss causes.
const (
	LossLost    LossCause = "lost"
	LossStolen  LossCause = "stolen"
	LossDamaged LossCause = "damaged"
)

// LossCauses lists every cause.
var LossCauses = []LossCause{LossLost, LossStolen, LossDamaged}

// SupplyReport is what somebody says about a lot: how many units were disposed of, lost or
// counted.
type SupplyReport struct {
	EntryID    uuid.UUID
	Kind       SupplyKind
	At         time.Time
	DispenseID uuid.UUID
	Units      dose.Units
	// Cause is that of a loss.
	Cause LossCause
}

// Supply is everything that a patient's ledger rests on: what counts of it, in any order.
type Supply struct {
	// Lots are the dispenses, each with what it handed out.
	Lots    []Lot
	Doses   []TakenDose
	Reports []SupplyReport
}

// SupplyEntry is a line of the ledger.
type SupplyEntry struct {
	Kind SupplyKind
	// SourceID is the dispense, the dose or the report that the line rests on.
	SourceID uuid.UUID
	// DispenseID names the lot; the zero id when no lot accounts for it.
	DispenseID uuid.UUID
	// AmountMg is by how much the lot changes.
	AmountMg dose.Mg
}

// FormAt is the form in which a dose at a time was prescribed: by the named prescription, else
// by the one that was active then; empty when there was none.
func FormAt(prescriptions []Validity, named *uuid.UUID, at time.Time) DosageForm {
	for _, p := range prescriptions {
		if named != nil && p.ID == *named {
			return p.Form
		}
	}
	active, _ := activeAt(prescriptions, at)
	return active.Form
}

// Reckoning is what a [Supply] adds up to.
type Reckoning struct {
	// Entries are the lines that the ledger must have, without those that were reversed.
	Entries []SupplyEntry
	// Units are what each dose deviates in from what is known of the units at home, for [Known].
	Units map[uuid.UUID][]Deviation
	// Raised are the reports that contradict the ledger; the fact is the report. Signals say the same
	// as signs of misuse.
	Raised  []Raised
	Signals []Signal
	// Before is what was at home of its form when each lot was handed out, expired lots left out.
	Before map[uuid.UUID]dose.Mg
}

// Reckon takes everything in the order in which it happened: doses and reports change what
// their lots hold at that time. In which order it arrived makes no difference, and no lot ever
// holds less than nothing.
func Reckon(s Supply) Reckoning {
	l := ledger{Supply: s, Reckoning: Reckoning{Units: map[uuid.UUID][]Deviation{}, Before: map[uuid.UUID]dose.Mg{}}}
	l.Lots = slices.Clone(s.Lots)
	type step struct {
		at   time.Time
		kind SupplyKind
		id   uuid.UUID
		take func()
	}
	var steps []step
	for _, lot := range s.Lots {
		l.write(SupplyDispensed, lot.DispenseID, lot.DispenseID, lot.AmountMg)
		steps = append(steps, step{lot.DispensedAt, SupplyDispensed, lot.DispenseID, func() { l.handOut(lot) }})
	}
	for _, d := range s.Doses {
		steps = append(steps, step{d.At, SupplyTaken, d.FactID, func() { l.dose(d) }})
	}
	for _, r := range s.Reports {
		steps = append(steps, step{r.At, r.Kind, r.EntryID, func() { l.report(r) }})
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(slices.Index(SupplyKinds, a.kind), slices.Index(SupplyKinds, b.kind)),
			slices.Compare(a.id[:], b.id[:]))
	})
	for _, step := range steps {
		step.take()
	}
	return l.Reckoning
}

// ledger is a ledger being written; its lots hold what is left.
type ledger struct {
	Supply
	Reckoning
}

func (l *ledger) write(kind SupplyKind, source, dispense uuid.UUID, amount dose.Mg) {
	l.Entries = append(l.Entries, SupplyEntry{kind, source, dispense, amount})
}

// lot finds a lot; nil when its dispense was struck out.
func (l *ledger) lot(dispense uuid.UUID) *Lot {
	i := slices.IndexFunc(l.Lots, func(lot Lot) bool { return lot.DispenseID == dispense })
	if i < 0 {
		return nil
	}
	return &l.Lots[i]
}

// handOut notes what was there before a lot. Of two that came at the same time the one with the
// lower id came first.
func (l *ledger) handOut(lot Lot) {
	before := choose(l.Lots, func(other Lot) bool {
		order := cmp.Or(other.DispensedAt.Compare(lot.DispensedAt), slices.Compare(other.DispenseID[:], lot.DispenseID[:]))
		return order < 0 && other.Form == lot.Form && other.BeyondUse >= DateOf(lot.DispensedAt)
	})
	l.Before[lot.DispenseID] = held(before)
}

func (l *ledger) dose(d TakenDose) {
	var f findings
	takings, unaccounted := Allocate(d, l.Lots)
	for _, taking := range takings {
		lot := l.lot(taking.DispenseID)
		lot.AmountMg -= taking.AmountMg
		l.write(SupplyTaken, d.FactID, taking.DispenseID, -taking.AmountMg)
		if lot.BeyondUse < d.Day {
			f.deviate(RuleBeyondUse, string(d.Day), string(lot.BeyondUse))
		}
	}
	if unaccounted > 0 {
		l.write(SupplyTaken, d.FactID, uuid.Nil, -unaccounted)
		f.deviate(RuleUnitsUnaccounted, mg(unaccounted), mg(0))
	}
	if said, there := l.said(d), d.DoseMg-unaccounted; len(d.From) > 0 && said != there {
		f.deviate(RuleUnitsMismatch, mg(said), mg(there))
	}
	l.Units[d.FactID] = f.Deviations
}

// said is what the units hold that a dose was said to be made of.
func (l *ledger) said(d TakenDose) (sum dose.Mg) {
	for _, portion := range d.From {
		if lot := l.lot(portion.DispenseID); lot != nil {
			sum = total(sum, portion.Units.Of(lot.StrengthMg))
		}
	}
	return sum
}

// report changes a lot by what was reported, as far as it was there. A report that says more
// than there was, or a count that finds another number, contradicts the ledger.
func (l *ledger) report(r SupplyReport) {
	lot := l.lot(r.DispenseID)
	if lot == nil {
		return
	}
	held, said := lot.AmountMg, r.Units.Of(lot.StrengthMg)
	if lot.DispensedAt.After(r.At) {
		held = 0
	}
	change := -min(said, held)
	if r.Kind == SupplyCounted && !lot.DispensedAt.After(r.At) {
		change = said - held
	}
	lot.AmountMg += change
	l.write(r.Kind, r.EntryID, r.DispenseID, change)
	if said > held || r.Kind == SupplyCounted && said != held {
		l.Raised = append(l.Raised, Raised{
			Rule: AlertInventoryMismatch, Severity: alertSeverity[AlertInventoryMismatch], SourceFact: r.EntryID,
			Value: mg(said), Limit: mg(held),
		})
		s := Signal{Rule: SignalInventoryMismatch, At: r.At, Source: SignalSource{SignalOfDispense, r.DispenseID, r.EntryID}, Value: mg(said), Limit: mg(held)}
		if said < held {
			s.Rule = SignalUnloggedDoses
		}
		l.Signals = append(l.Signals, s)
	}
}

// Amend compares a ledger with what it must be: it answers which of the standing lines, by
// index, are wrong and have to be reversed, and which are missing.
func (r Reckoning) Amend(standing []SupplyEntry) (wrong []int, missing []SupplyEntry) {
	wanted := map[SupplyEntry]int{}
	for _, entry := range r.Entries {
		wanted[entry]++
	}
	for i, entry := range standing {
		if wanted[entry] == 0 {
			wrong = append(wrong, i)
			continue
		}
		wanted[entry]--
	}
	for _, entry := range r.Entries {
		if wanted[entry] > 0 {
			wanted[entry]--
			missing = append(missing, entry)
		}
	}
	return wrong, missing
}

// SupplyTotals is what the lines of a ledger add up to.
type SupplyTotals struct {
	DispensedMg, TakenMg, DisposedMg, LostMg dose.Mg
	// CountedMg is what counts have found more, or less, than the ledger said.
	CountedMg dose.Mg
}

// OnHandMg is what is left.
func (t SupplyTotals) OnHandMg() dose.Mg {
	return t.DispensedMg - t.TakenMg - t.DisposedMg - t.LostMg + t.CountedMg
}

// Plus adds totals up.
func (t SupplyTotals) Plus(other SupplyTotals) SupplyTotals {
	return SupplyTotals{
		t.DispensedMg + other.DispensedMg, t.TakenMg + other.TakenMg, t.DisposedMg + other.DisposedMg,
		t.LostMg + other.LostMg, t.CountedMg + other.CountedMg,
	}
}

// Tally adds up standing lines for each dispense; what no lot accounts for is under the zero id.
func Tally(standing []SupplyEntry) map[uuid.UUID]SupplyTotals {
	sums := map[uuid.UUID]SupplyTotals{}
	for _, entry := range standing {
		sum := sums[entry.DispenseID]
		switch entry.Kind {
		case SupplyDispensed:
			sum.DispensedMg += entry.AmountMg
		case SupplyTaken:
			sum.TakenMg -= entry.AmountMg
		case SupplyDisposed:
			sum.DisposedMg -= entry.AmountMg
		case SupplyLost:
			sum.LostMg -= entry.AmountMg
		case SupplyCounted:
			sum.CountedMg += entry.AmountMg
		case SupplyReversed: // does not stand by itself
		}
		sums[entry.DispenseID] = sum
	}
	return sums
}

// gap is the time from one session to the next when they follow each other as fast as the order
// allows.
func (o Order) gap() time.Duration {
	gap := time.Duration(o.MinIntervalHours) * time.Hour
	if o.SessionsPerWeek > 0 {
		gap = max(gap, 7*24*time.Hour/time.Duration(o.SessionsPerWeek))
	}
	return gap
}

// next is when the next session can be, from the last dose on.
func (o Order) next(last *time.Time, now time.Time) time.Time {
	if last != nil && last.Add(o.gap()).After(now) {
		return last.Add(o.gap()).In(now.Location())
	}
	return now
}

// maxSessions bounds what [RunOut] looks ahead: more sessions than a prescription is valid for.
const maxSessions = 400

// RunOut says for how many sessions of an order the lots are enough, taken as often as the
// order allows from the last dose on, or from now; and the day, in the zone of now, of the
// first session that they are not enough for. Lots that have expired by then do not count.
// The day is nil when it is too far away to matter.
func RunOut(o Order, lots []Lot, last *time.Time, now time.Time) (sessions int, day *Date) {
	gap, next := o.gap(), o.next(last, now)
	for ; sessions < maxSessions; sessions++ {
		lots = choose(lots, func(l Lot) bool { return l.AmountMg > 0 && l.holds(o.Form) && l.BeyondUse >= DateOf(next) })
		if held(lots) < o.DoseMg {
			return sessions, new(DateOf(next))
		}
		for i, left := 0, o.DoseMg; left > 0; i++ {
			taken := min(left, lots[i].AmountMg)
			lots[i].AmountMg -= taken
			left -= taken
		}
		next = next.Add(gap)
	}
	return sessions, nil
}
