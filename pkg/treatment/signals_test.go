package treatment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// lost is a report of a loss on a day.
func lost(n byte, day int, cause treatment.LossCause) treatment.SupplyReport {
	return treatment.SupplyReport{EntryID: id(n), Kind: treatment.SupplyLost, At: days(day), DispenseID: id(1), Units: dose.Unit, Cause: cause}
}

// logged is a dose of a session on a day, logged so many minutes after noon of the 20th day.
func logged(n byte, day, minutes int) treatment.LoggedDose {
	at := days(day)
	return treatment.LoggedDose{SessionID: id(n), At: at, Day: treatment.DateOf(at), RecordedAt: days(20).Add(time.Duration(minutes) * time.Minute)}
}

func deviating(rules ...treatment.Rule) []treatment.Deviating {
	d := treatment.Deviating{ID: id(1), At: noon}
	for _, rule := range rules {
		d.Deviations = append(d.Deviations, treatment.Deviation{Rule: rule, Value: "v", Limit: "l"})
	}
	return []treatment.Deviating{d}
}

// Each signal fires, just does not, and lacks its fact.
func TestSignals(t *testing.T) {
	const stolen, gone, damaged = treatment.LossStolen, treatment.LossLost, treatment.LossDamaged
	byStaff := logged(3, 3, 0)
	byStaff.ByStaff = true
	justLate := logged(3, 13, 0) // exactly a week before
	request := func(baseline, current *int) treatment.SupplyHistory {
		return treatment.SupplyHistory{Requests: []treatment.IncreaseRequest{{AdjustmentID: id(1), At: noon, Baseline: baseline, Current: current}}}
	}
	losses := func(list ...treatment.SupplyReport) treatment.SupplyHistory {
		return treatment.SupplyHistory{Reports: list}
	}
	doses := func(list ...treatment.LoggedDose) treatment.SupplyHistory {
		return treatment.SupplyHistory{Doses: list}
	}
	session := func(rules ...treatment.Rule) treatment.SupplyHistory {
		return treatment.SupplyHistory{Sessions: deviating(rules...)}
	}
	for name, test := range map[string]struct {
		history treatment.SupplyHistory
		want    []string
	}{
		"nothing is known":        {treatment.SupplyHistory{}, nil},
		"a refill that was early": {treatment.SupplyHistory{Fills: deviating(treatment.RuleEarlyRefill)}, []string{"earlyRefill of dispense 1: v, l"}},
		"another irregular fill":  {treatment.SupplyHistory{Fills: deviating(treatment.RuleFills, treatment.RuleQuantity)}, nil},
		"units unaccounted":       {session(treatment.RuleUnitsUnaccounted), []string{"unitsUnaccounted of session 1: v, l"}},
		"too much":                {session(treatment.RuleDoseAbovePrescribed, treatment.RuleBoosterAbovePrescribed), []string{"doseAbovePrescribed of session 1: v, l"}},
		"too soon, too often":     {session(treatment.RuleWeeklyLimit, treatment.RuleIntervalShort), []string{"intervalShort of session 1: v, l", "weeklyLimit of session 1: v, l"}},
		"alone":                   {session(treatment.RuleSupportPersonMissing), []string{"noSupportPerson of session 1: v, l"}},
		"left alone":              {session(treatment.RuleSupportPersonLeft), []string{"noSupportPerson of session 1: v, l"}},
		"nobody has attested":     {session(treatment.RuleAttestationMissing, treatment.RuleNoClearance, treatment.RuleBeyondUse), nil},
		"the ledger's": {treatment.SupplyHistory{Ledger: []treatment.Signal{{Rule: treatment.SignalUnloggedDoses, At: noon, Source: treatment.SignalSource{Type: treatment.SignalOfDispense, ID: id(1)}}}},
			[]string{"unloggedDoses of dispense 1: , "}},
		"lost once":              {losses(lost(1, 0, gone)), nil},
		"lost, and stolen":       {losses(lost(2, 90, stolen), lost(1, 0, gone)), []string{"repeatedLoss of dispense 1/2: 2, 2 in 90 days"}},
		"lost after 91 days":     {losses(lost(1, 0, gone), lost(2, 91, gone)), nil},
		"lost a third time":      {losses(lost(1, 0, gone), lost(2, 5, gone), lost(3, 6, gone)), []string{"repeatedLoss of dispense 1/2: 2, 2 in 90 days", "repeatedLoss of dispense 1/3: 3, 2 in 90 days"}},
		"damaged, and lost":      {losses(lost(1, 0, damaged), lost(2, 1, gone)), nil},
		"nobody says what of":    {losses(lost(1, 0, ""), lost(2, 1, "")), nil},
		"three days at once":     {doses(logged(1, 1, 0), logged(2, 2, 15), logged(3, 3, 7)), []string{"batchLogging of session 2: 3 days, 3 days in 15 min, 168 h later"}},
		"within 16 minutes":      {doses(logged(1, 1, 0), logged(2, 2, 16), logged(3, 3, 7)), nil},
		"two days at once":       {doses(logged(1, 1, 0), logged(2, 2, 0), logged(3, 2, 0)), nil},
		"one a week before":      {doses(logged(1, 1, 0), logged(2, 2, 0), justLate), []string{"batchLogging of session 3: 3 days, 3 days in 15 min, 168 h later"}},
		"one less than a week":   {doses(logged(1, 1, 0), logged(2, 2, 0), logged(3, 14, 0)), nil},
		"a phone after six days": {doses(logged(1, 14, 0), logged(2, 16, 0), logged(3, 18, 0)), nil},
		"a diary, by staff":      {doses(logged(1, 1, 0), logged(2, 2, 0), byStaff), nil},
		"more while half":        {request(new(18), new(9)), []string{"increaseInResponse of adjustment 1: PHQ-9 9, 18 at first, 50 % less"}},
		"more a point above":     {request(new(18), new(10)), nil},
		"no PHQ-9 now":           {request(new(18), nil), nil},
		"no PHQ-9 at first":      {request(nil, new(3)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range treatment.Signals(test.history, treatment.Default()) {
				source := fmt.Sprint(s.Source.ID[15])
				if n := s.Source.FactID[15]; n > 0 {
					source += fmt.Sprint("/", n)
				}
				got = append(got, fmt.Sprintf("%s of %s %s: %s, %s", s.Rule, s.Source.Type, source, s.Value, s.Limit))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// In which order things became known makes no difference, and what is struck out leaves no signal.
func TestSignalsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h treatment.SupplyHistory
		for n := range rapid.IntRange(0, 6).Draw(t, "losses") {
			h.Reports = append(h.Reports, lost(byte(n+1), rapid.IntRange(0, 120).Draw(t, "day"), rapid.SampledFrom(treatment.LossCauses).Draw(t, "cause")))
		}
		for n := range rapid.IntRange(0, 6).Draw(t, "doses") {
			h.Doses = append(h.Doses, logged(byte(n+1), rapid.IntRange(0, 15).Draw(t, "day"), rapid.IntRange(0, 20).Draw(t, "minute")))
		}
		want := treatment.Signals(h, treatment.Default())
		h.Reports, h.Doses = rapid.Permutation(h.Reports).Draw(t, "reports"), rapid.Permutation(h.Doses).Draw(t, "told")
		got := treatment.Signals(h, treatment.Default())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		for i, s := range got {
			if slices.ContainsFunc(got[:i], s.Same) {
				t.Fatalf("%v is there twice", s)
			}
		}
	})
}

// Two distinct signals within thirty days make a pattern.
func TestPattern(t *testing.T) {
	sign := func(rule treatment.SignalRule, n byte, at time.Time) treatment.Signal {
		return treatment.Signal{Rule: rule, At: at, Source: treatment.SignalSource{Type: treatment.SignalOfSession, ID: id(n)}}
	}
	const early, much, soon = treatment.SignalEarlyRefill, treatment.SignalDoseAbovePrescribed, treatment.SignalIntervalShort
	first := sign(much, 1, noon)
	for name, test := range map[string]struct {
		others []treatment.Signal
		want   int
	}{
		"one":                      {nil, 0},
		"another kind, that day":   {[]treatment.Signal{sign(early, 2, noon)}, 2},
		"of the same session":      {[]treatment.Signal{sign(soon, 1, noon)}, 0},
		"both kinds of two":        {[]treatment.Signal{sign(soon, 1, noon), sign(soon, 2, days(1))}, 3},
		"the same kind":            {[]treatment.Signal{sign(much, 2, days(1)), sign(much, 3, days(2))}, 0},
		"30 days later":            {[]treatment.Signal{sign(early, 2, days(30))}, 2},
		"30 days before":           {[]treatment.Signal{sign(early, 2, days(-30))}, 2},
		"a moment more":            {[]treatment.Signal{sign(early, 2, days(30).Add(1))}, 0},
		"31 days later":            {[]treatment.Signal{sign(early, 2, days(31))}, 0},
		"one far away":             {[]treatment.Signal{sign(early, 2, days(10)), sign(early, 3, days(60))}, 2},
		"the same kind beside two": {[]treatment.Signal{sign(much, 2, days(5)), sign(early, 3, days(20))}, 3},
		"a chain":                  {[]treatment.Signal{sign(early, 2, days(25)), sign(soon, 3, days(50))}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			got := treatment.Default().Supply.Signals.Pattern.Pattern(append([]treatment.Signal{first}, test.others...))
			if len(got) != test.want {
				t.Errorf("%v, want %d of them", got, test.want)
			}
		})
	}
	policy := treatment.PatternPolicy{Signals: 3, Days: 10}
	if got := policy.Pattern([]treatment.Signal{first, sign(early, 2, days(1))}); got != nil {
		t.Errorf("two of three: %v", got)
	}
	all := policy.Pattern([]treatment.Signal{first, sign(soon, 2, days(1)), sign(early, 3, days(2)), sign(much, 4, days(2))})
	want := treatment.Raised{Rule: treatment.AlertMisusePattern, Severity: treatment.SeverityHigh, Value: "doseAbovePrescribed, earlyRefill, intervalShort", Limit: "3 in 10 days"}
	if diff := cmp.Diff(want, policy.Misuse(all)); diff != "" {
		t.Errorf("raises (-want +got):\n%s", diff)
	}
}
