package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// report is the n-th report about the first lot, so many minutes after noon.
func report(n byte, kind treatment.SupplyKind, minutes, halves int) treatment.SupplyReport {
	return treatment.SupplyReport{EntryID: id(n), Kind: kind, At: at(minutes), DispenseID: id(1), Units: dose.Units(halves) * dose.Unit / 2}
}

func entry(kind treatment.SupplyKind, source, dispense byte, milligrams int) treatment.SupplyEntry {
	e := treatment.SupplyEntry{Kind: kind, SourceID: id(source), AmountMg: mg(milligrams)}
	if dispense > 0 {
		e.DispenseID = id(dispense)
	}
	return e
}

func mismatch(source byte, value, limit string) treatment.Raised {
	return treatment.Raised{Rule: treatment.AlertInventoryMismatch, Severity: treatment.SeverityMedium, SourceFact: id(source), Value: value, Limit: limit}
}

// A lot of ten units of 50 mg, a dose of two of them at noon, and what is reported of it.
func TestReckonReports(t *testing.T) {
	const dispensed, used, disposed, lost, counted = treatment.SupplyDispensed, treatment.SupplyTaken, treatment.SupplyDisposed, treatment.SupplyLost, treatment.SupplyCounted
	for name, test := range map[string]struct {
		reports []treatment.SupplyReport
		want    []treatment.SupplyEntry // beside what was handed out
		raised  []treatment.Raised
		left    int
	}{
		"nothing":              {nil, []treatment.SupplyEntry{entry(used, 10, 1, -100)}, nil, 400},
		"counted right":        {[]treatment.SupplyReport{report(20, counted, 5, 16)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(counted, 20, 1, 0)}, nil, 400},
		"counted at the dose":  {[]treatment.SupplyReport{report(20, counted, 0, 16)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(counted, 20, 1, 0)}, nil, 400},
		"counted before it":    {[]treatment.SupplyReport{report(20, counted, -5, 20)}, []treatment.SupplyEntry{entry(counted, 20, 1, 0), entry(used, 10, 1, -100)}, nil, 400},
		"some are missing":     {[]treatment.SupplyReport{report(20, counted, 5, 13)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(counted, 20, 1, -75)}, []treatment.Raised{mismatch(20, "325 mg", "400 mg")}, 325},
		"some more":            {[]treatment.SupplyReport{report(20, counted, 5, 20)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(counted, 20, 1, 100)}, []treatment.Raised{mismatch(20, "500 mg", "400 mg")}, 500},
		"none were left":       {[]treatment.SupplyReport{report(20, counted, -5, 0)}, []treatment.SupplyEntry{entry(counted, 20, 1, -500), entry(used, 10, 0, -100)}, []treatment.Raised{mismatch(20, "0 mg", "500 mg")}, 0},
		"disposed of":          {[]treatment.SupplyReport{report(20, disposed, 5, 16)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(disposed, 20, 1, -400)}, nil, 0},
		"lost more than there": {[]treatment.SupplyReport{report(20, lost, 5, 17)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(lost, 20, 1, -400)}, []treatment.Raised{mismatch(20, "425 mg", "400 mg")}, 0},
		"lost, then counted":   {[]treatment.SupplyReport{report(21, counted, 5, 15), report(20, lost, 5, 1)}, []treatment.SupplyEntry{entry(used, 10, 1, -100), entry(lost, 20, 1, -25), entry(counted, 21, 1, 0)}, nil, 375},
		"before it was there":  {[]treatment.SupplyReport{report(20, counted, -5*24*60, 4), report(21, lost, -4*24*60, 0)}, []treatment.SupplyEntry{entry(counted, 20, 1, 0), entry(lost, 21, 1, 0), entry(used, 10, 1, -100)}, []treatment.Raised{mismatch(20, "100 mg", "0 mg")}, 400},
		"of a lot struck out":  {[]treatment.SupplyReport{{EntryID: id(20), Kind: counted, At: noon, DispenseID: id(2), Units: dose.Unit}}, []treatment.SupplyEntry{entry(used, 10, 1, -100)}, nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			got := treatment.Reckon(treatment.Supply{
				Lots: []treatment.Lot{lot(1, 50, 10)}, Doses: []treatment.TakenDose{taken(10, 100)}, Reports: test.reports,
			})
			if diff := cmp.Diff(append([]treatment.SupplyEntry{entry(dispensed, 1, 1, 500)}, test.want...), got.Entries); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.raised, got.Raised); diff != "" {
				t.Errorf("raises (-want +got):\n%s", diff)
			}
			if left := treatment.Tally(got.Entries)[id(1)].OnHandMg(); left != mg(test.left) {
				t.Errorf("%v mg are left, want %d mg", left, test.left)
			}
		})
	}
}

// What was at home of a form when each lot came, and what reports say of the ledger as signals.
func TestReckonBefore(t *testing.T) {
	lots := []treatment.Lot{lot(1, 50, 10), lot(2, 50, 4), lot(3, 50, 6), lot(4, 50, 1), until(lot(5, 50, 2), "2026-11-18")}
	lots[1].DispensedAt, lots[2].DispensedAt, lots[3].DispensedAt = at(60), at(60), at(60)
	lots[3].Form = treatment.FormSyrup
	got := treatment.Reckon(treatment.Supply{
		Lots: lots, Doses: []treatment.TakenDose{taken(10, 100)},
		Reports: []treatment.SupplyReport{report(20, treatment.SupplyLost, 5, 2), report(21, treatment.SupplyCounted, 61, 15), report(22, treatment.SupplyCounted, 62, 17), report(23, treatment.SupplyCounted, 63, 17)},
	})
	want := map[uuid.UUID]dose.Mg{id(1): 0, id(5): mg(500), id(2): mg(350), id(3): mg(550), id(4): 0}
	if diff := cmp.Diff(want, got.Before); diff != "" {
		t.Errorf("before each lot (-want +got):\n%s", diff)
	}
	source := func(n byte) treatment.SignalSource {
		return treatment.SignalSource{Type: treatment.SignalOfDispense, ID: id(1), FactID: id(n)}
	}
	signals := []treatment.Signal{
		{Rule: treatment.SignalInventoryMismatch, At: at(61), Source: source(21), Value: "375 mg", Limit: "350 mg"},
		{Rule: treatment.SignalInventoryMismatch, At: at(62), Source: source(22), Value: "425 mg", Limit: "375 mg"},
	}
	if diff := cmp.Diff(signals, got.Signals); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
	fewer := treatment.Reckon(treatment.Supply{Lots: lots[:1], Reports: []treatment.SupplyReport{report(20, treatment.SupplyCounted, 5, 19)}})
	if diff := cmp.Diff([]treatment.Signal{{Rule: treatment.SignalUnloggedDoses, At: at(5), Source: source(20), Value: "475 mg", Limit: "500 mg"}}, fewer.Signals); diff != "" {
		t.Errorf("fewer (-want +got):\n%s", diff)
	}
}

// What a dose deviates in from what was at home.
func TestReckonUnits(t *testing.T) {
	lots := []treatment.Lot{lot(1, 50, 2), until(lot(2, 50, 2), "2026-11-19")}
	for name, test := range map[string]struct {
		dose treatment.TakenDose
		want []treatment.Deviation
	}{
		"made of what was there": {taken(10, 100), nil},
		"expired":                {taken(10, 150), one(treatment.RuleBeyondUse, "2026-11-20", "2026-11-19")},
		"nobody knows of what": {taken(10, 250), []treatment.Deviation{
			{Rule: treatment.RuleBeyondUse, Value: "2026-11-20", Limit: "2026-11-19"}, {Rule: treatment.RuleUnitsUnaccounted, Value: "50 mg", Limit: "0 mg"}}},
		"as said":                  {taken(10, 100, portion(1, 4)), nil},
		"said more than was taken": {taken(10, 50, portion(1, 4)), one(treatment.RuleUnitsMismatch, "100 mg", "50 mg")},
		"said less":                {taken(10, 100, portion(1, 2)), one(treatment.RuleUnitsUnaccounted, "50 mg", "0 mg")},
		"said more than there was": {taken(10, 150, portion(1, 6)), []treatment.Deviation{
			{Rule: treatment.RuleUnitsUnaccounted, Value: "50 mg", Limit: "0 mg"}, {Rule: treatment.RuleUnitsMismatch, Value: "150 mg", Limit: "100 mg"}}},
		"said what is not known": {taken(10, 50, portion(9, 2)), one(treatment.RuleUnitsUnaccounted, "50 mg", "0 mg")},
	} {
		t.Run(name, func(t *testing.T) {
			got := treatment.Reckon(treatment.Supply{Lots: lots, Doses: []treatment.TakenDose{test.dose}})
			if diff := cmp.Diff(map[uuid.UUID][]treatment.Deviation{id(10): test.want}, got.Units); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A dispense that is recorded late accounts for the doses since; one that is struck out leaves
// its doses to other lots.
func TestAmend(t *testing.T) {
	doses := []treatment.TakenDose{taken(10, 100)}
	reckon := func(lots ...treatment.Lot) treatment.Reckoning {
		return treatment.Reckon(treatment.Supply{Lots: lots, Doses: doses})
	}
	none, first, both := reckon(), reckon(lot(1, 50, 2)), reckon(lot(1, 50, 2), lot(2, 50, 2))
	for name, test := range map[string]struct {
		standing []treatment.SupplyEntry
		right    treatment.Reckoning
		wrong    []int
		missing  []treatment.SupplyEntry
	}{
		"at first":       {nil, none, nil, []treatment.SupplyEntry{entry(treatment.SupplyTaken, 10, 0, -100)}},
		"right":          {both.Entries, both, nil, nil},
		"late":           {none.Entries, first, []int{0}, first.Entries},
		"nothing new":    {first.Entries, both, nil, []treatment.SupplyEntry{entry(treatment.SupplyDispensed, 2, 2, 100)}},
		"struck out":     {both.Entries, reckon(lot(2, 50, 2)), []int{0, 2}, []treatment.SupplyEntry{entry(treatment.SupplyTaken, 10, 2, -100)}},
		"twice the same": {[]treatment.SupplyEntry{entry(treatment.SupplyTaken, 10, 0, -100), entry(treatment.SupplyTaken, 10, 0, -100)}, none, []int{1}, nil},
	} {
		wrong, missing := test.right.Amend(test.standing)
		if diff := cmp.Diff(test.missing, missing); diff != "" || !slices.Equal(wrong, test.wrong) {
			t.Errorf("%s: wrong are %v, want %v; missing (-want +got):\n%s", name, wrong, test.wrong, diff)
		}
	}
}

func TestFormAt(t *testing.T) {
	validity := func(n byte, form treatment.DosageForm, from, until int) treatment.Validity {
		return treatment.Validity{ID: id(n), Form: form, Interval: treatment.Interval{From: at(from), Until: new(at(until))}}
	}
	list := []treatment.Validity{validity(1, treatment.FormTroche, 0, 60), validity(2, treatment.FormSyrup, 60, 120)}
	for name, test := range map[string]struct {
		named   *uuid.UUID
		minutes int
		want    treatment.DosageForm
	}{
		"active":              {nil, 0, treatment.FormTroche},
		"the next one":        {nil, 60, treatment.FormSyrup},
		"none":                {nil, 120, ""},
		"named":               {new(id(1)), 70, treatment.FormTroche},
		"named, never active": {new(id(3)), 0, treatment.FormTroche},
	} {
		if got := treatment.FormAt(list, test.named, at(test.minutes)); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTally(t *testing.T) {
	got := treatment.Tally([]treatment.SupplyEntry{
		entry(treatment.SupplyDispensed, 1, 1, 500), entry(treatment.SupplyTaken, 10, 1, -100), entry(treatment.SupplyTaken, 11, 1, -50),
		entry(treatment.SupplyTaken, 11, 0, -25), entry(treatment.SupplyDisposed, 20, 1, -30), entry(treatment.SupplyLost, 21, 1, -20),
		entry(treatment.SupplyCounted, 22, 1, 10), entry(treatment.SupplyCounted, 23, 1, -5),
	})
	want := map[uuid.UUID]treatment.SupplyTotals{
		id(1):    {DispensedMg: mg(500), TakenMg: mg(150), DisposedMg: mg(30), LostMg: mg(20), CountedMg: mg(5)},
		uuid.Nil: {TakenMg: mg(25)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left := got[id(1)].Plus(got[id(1)]).OnHandMg(); left != mg(610) {
		t.Errorf("%v mg are left twice, want 610 mg", left)
	}
}

func TestRunOut(t *testing.T) {
	newYork := zone(t, "America/New_York")
	now := time.Date(2026, 11, 20, 22, 0, 0, 0, newYork)
	o := order() // 100 mg, every 24 h, 3 a week: 56 hours
	o.Form = treatment.FormTroche
	for name, test := range map[string]struct {
		order    treatment.Order
		lots     []treatment.Lot
		last     *time.Time
		sessions int
		day      treatment.Date // empty: too far away
	}{
		"nothing":            {o, nil, nil, 0, "2026-11-20"},
		"one":                {o, []treatment.Lot{lot(1, 50, 2)}, nil, 1, "2026-11-23"},
		"not quite two":      {o, []treatment.Lot{lot(1, 50, 3)}, nil, 1, "2026-11-23"},
		"two of two lots":    {o, []treatment.Lot{lot(1, 50, 3), lot(2, 50, 1)}, nil, 2, "2026-11-25"},
		"after a dose":       {o, []treatment.Lot{lot(1, 50, 2)}, new(now.Add(-time.Hour)), 1, "2026-11-25"},
		"nothing after one":  {o, nil, new(now.Add(-time.Hour)), 0, "2026-11-23"},
		"a dose long ago":    {o, []treatment.Lot{lot(1, 50, 2)}, new(now.AddDate(0, -1, 0)), 1, "2026-11-23"},
		"the longer counts":  {treatment.Order{Form: o.Form, DoseMg: mg(100), MinIntervalHours: 96, SessionsPerWeek: 3}, []treatment.Lot{lot(1, 50, 2)}, nil, 1, "2026-11-24"},
		"only an interval":   {treatment.Order{Form: o.Form, DoseMg: mg(100), MinIntervalHours: 96}, []treatment.Lot{lot(1, 50, 2)}, nil, 1, "2026-11-24"},
		"expires before":     {o, []treatment.Lot{until(lot(1, 50, 100), "2026-11-23")}, nil, 2, "2026-11-25"},
		"expires in between": {o, []treatment.Lot{until(lot(1, 50, 3), "2026-11-21"), lot(2, 50, 2)}, nil, 2, "2026-11-25"},
		"another form":       {order(), []treatment.Lot{lot(1, 50, 2)}, nil, 0, "2026-11-20"},
		"for years":          {o, []treatment.Lot{until(lot(1, 50, 10_000), "2099-12-31")}, nil, 400, ""},
	} {
		sessions, day := treatment.RunOut(test.order, test.lots, test.last, now)
		got := treatment.Date("")
		if day != nil {
			got = *day
		}
		if sessions != test.sessions || got != test.day {
			t.Errorf("%s: %d sessions, until %s; want %d, %s", name, sessions, got, test.sessions, test.day)
		}
	}
}
