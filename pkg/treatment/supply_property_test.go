package treatment_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// drawSupply draws what may become of a few lots, at few times, so that many coincide.
func drawSupply(t *rapid.T) (s treatment.Supply) {
	moment := func() time.Time { return days(rapid.IntRange(0, 4).Draw(t, "day")) }
	for n := range rapid.IntRange(0, 4).Draw(t, "lots") {
		l := lot(byte(n+1), rapid.SampledFrom([]int{10, 50, 75}).Draw(t, "strength"), rapid.IntRange(1, 6).Draw(t, "units"))
		l.DispensedAt, l.Form = moment(), rapid.SampledFrom(treatment.DosageForms[:2]).Draw(t, "form")
		l.BeyondUse = rapid.SampledFrom([]treatment.Date{"2026-11-21", "2026-11-23", "2026-11-30"}).Draw(t, "beyond use")
		s.Lots = append(s.Lots, l)
	}
	for n := range rapid.IntRange(0, 8).Draw(t, "doses") {
		d := taken(byte(n+10), rapid.SampledFrom([]int{0, 5, 25, 50, 100, 130}).Draw(t, "mg"))
		d.At = moment()
		d.Day = treatment.DateOf(d.At)
		d.Form = rapid.SampledFrom([]treatment.DosageForm{"", treatment.DosageForms[0], treatment.DosageForms[1]}).Draw(t, "prescribed")
		for range rapid.IntRange(0, 2).Draw(t, "portions") {
			d.From = append(d.From, portion(byte(rapid.IntRange(1, 5).Draw(t, "of")), rapid.IntRange(0, 5).Draw(t, "halves")))
		}
		s.Doses = append(s.Doses, d)
	}
	for n := range rapid.IntRange(0, 5).Draw(t, "reports") {
		r := report(byte(n+30), rapid.SampledFrom(treatment.SupplyKinds[2:5]).Draw(t, "kind"), 0, rapid.IntRange(0, 12).Draw(t, "halves"))
		r.At, r.DispenseID = moment(), id(byte(rapid.IntRange(1, 5).Draw(t, "of")))
		s.Reports = append(s.Reports, r)
	}
	return s
}

// sorted puts lines into an order that does not depend on where they come from.
func sorted(entries []treatment.SupplyEntry) []treatment.SupplyEntry {
	return slices.SortedFunc(slices.Values(entries), func(a, b treatment.SupplyEntry) int {
		return cmp.Or(slices.Compare(a.SourceID[:], b.SourceID[:]), slices.Compare(a.DispenseID[:], b.DispenseID[:]), cmp.Compare(a.AmountMg, b.AmountMg))
	})
}

// sound checks what is true of every ledger: nothing is taken that was not there at that time,
// and what was taken, with what no lot accounts for, is what the doses add up to.
func sound(t *rapid.T, s treatment.Supply, r treatment.Reckoning) {
	when := map[uuid.UUID]time.Time{}
	var doses, used dose.Mg
	for _, l := range s.Lots {
		when[l.DispenseID] = l.DispensedAt
	}
	for _, d := range s.Doses {
		when[d.FactID] = d.At
		doses += d.DoseMg
	}
	for _, report := range s.Reports {
		when[report.EntryID] = report.At
	}
	held := map[uuid.UUID]dose.Mg{}
	for _, e := range slices.SortedStableFunc(slices.Values(r.Entries), func(a, b treatment.SupplyEntry) int {
		return when[a.SourceID].Compare(when[b.SourceID])
	}) {
		if e.Kind == treatment.SupplyTaken {
			used -= e.AmountMg
		}
		if e.DispenseID == uuid.Nil {
			continue
		}
		if held[e.DispenseID] += e.AmountMg; held[e.DispenseID] < 0 {
			t.Fatalf("%v leaves %v mg", e, held[e.DispenseID])
		}
	}
	if used != doses {
		t.Fatalf("%v mg were taken, the doses are %v mg", used, doses)
	}
	for dispense, totals := range treatment.Tally(r.Entries) {
		if dispense != uuid.Nil && totals.OnHandMg() != held[dispense] {
			t.Fatalf("%v: %v mg on hand, want %v mg", dispense, totals.OnHandMg(), held[dispense])
		}
	}
}

// In which order dispenses, doses and reports arrive makes no difference to anything.
func TestReckonProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSupply(t)
		want := treatment.Reckon(s)
		sound(t, s, want)
		got := treatment.Reckon(treatment.Supply{
			Lots:    rapid.Permutation(s.Lots).Draw(t, "lots arrived"),
			Doses:   rapid.Permutation(s.Doses).Draw(t, "doses arrived"),
			Reports: rapid.Permutation(s.Reports).Draw(t, "reports arrived"),
		})
		if diff := gocmp.Diff(sorted(want.Entries), sorted(got.Entries)); diff != "" {
			t.Fatalf("entries (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff(want.Units, got.Units); diff != "" {
			t.Fatalf("units (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff(want.Raised, got.Raised); diff != "" {
			t.Fatalf("raised (-want +got):\n%s", diff)
		}
	})
}

// books is a ledger as it is kept: lines are only ever added.
type books struct {
	lines    []treatment.SupplyEntry
	reversed map[int]bool // those taken back, and what takes them back
}

// settle brings the books up to date.
func (b *books) settle(r treatment.Reckoning) {
	var standing []treatment.SupplyEntry
	var at []int
	for i, line := range b.lines {
		if !b.reversed[i] {
			standing, at = append(standing, line), append(at, i)
		}
	}
	wrong, missing := r.Amend(standing)
	for _, i := range wrong {
		line := b.lines[at[i]]
		line.Kind, line.AmountMg = treatment.SupplyReversed, -line.AmountMg
		b.reversed[at[i]], b.reversed[len(b.lines)] = true, true
		b.lines = append(b.lines, line)
	}
	b.lines = append(b.lines, missing...)
}

// Whatever arrives or is struck out, one after the other: the books always say what is true of
// what is known so far, and every line that was ever written adds up to it.
func TestBooksProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawSupply(t)
		known, kept := treatment.Supply{}, books{reversed: map[int]bool{}}
		toggle := func(n int) {
			switch i := n - len(all.Lots); {
			case n < len(all.Lots):
				known.Lots = toggled(known.Lots, all.Lots[n], func(a, b treatment.Lot) bool { return a.DispenseID == b.DispenseID })
			case i < len(all.Doses):
				known.Doses = toggled(known.Doses, all.Doses[i], func(a, b treatment.TakenDose) bool { return a.FactID == b.FactID })
			default:
				known.Reports = toggled(known.Reports, all.Reports[i-len(all.Doses)], func(a, b treatment.SupplyReport) bool { return a.EntryID == b.EntryID })
			}
		}
		things := len(all.Lots) + len(all.Doses) + len(all.Reports)
		for range rapid.IntRange(0, 2*things).Draw(t, "operations") {
			toggle(rapid.IntRange(0, things-1).Draw(t, "what"))
			r := treatment.Reckon(known)
			sound(t, known, r)
			kept.settle(r)
			sums := map[uuid.UUID]dose.Mg{}
			for _, line := range kept.lines {
				sums[line.DispenseID] += line.AmountMg
			}
			want := map[uuid.UUID]dose.Mg{}
			for _, e := range r.Entries {
				want[e.DispenseID] += e.AmountMg
			}
			isZero := func(_ uuid.UUID, sum dose.Mg) bool { return sum == 0 }
			maps.DeleteFunc(sums, isZero)
			maps.DeleteFunc(want, isZero)
			if diff := gocmp.Diff(want, sums); diff != "" {
				t.Fatalf("the books (-want +got):\n%s", diff)
			}
			if wrong, missing := r.Amend(standingIn(kept)); len(wrong)+len(missing) > 0 {
				t.Fatalf("settled, and %v are wrong, %v missing", wrong, missing)
			}
		}
	})
}

func standingIn(b books) (standing []treatment.SupplyEntry) {
	for i, line := range b.lines {
		if !b.reversed[i] {
			standing = append(standing, line)
		}
	}
	return standing
}

// toggled adds something to a list, or takes it out.
func toggled[T any](list []T, one T, same func(a, b T) bool) []T {
	if i := slices.IndexFunc(list, func(other T) bool { return same(one, other) }); i >= 0 {
		return slices.Delete(slices.Clone(list), i, i+1)
	}
	return append(slices.Clone(list), one)
}
