package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestTitrationProperties: whatever is known, there is exactly one change or none, within every
// limit, nothing passes a veto, and the same facts in another order give the same answer.
func TestTitrationProperties(t *testing.T) {
	base := titrating(t)
	kinds := map[treatment.SuggestionKind]int{}
	rapid.Check(t, func(r *rapid.T) {
		known := anyCourse(r, base)
		s := suggested(r, known)
		kinds[s.Kind]++
		wellFormed(r, known, s)
		again := known
		again.Sessions, again.Scores = shuffled(r, known.Sessions), shuffled(r, known.Scores)
		again.Events, again.Alerts = shuffled(r, known.Events), known.Alerts
		other := suggested(r, again)
		if !s.Says(other) {
			r.Errorf("in another order: %s by %s, not %s by %s", other.Kind, other.Rule, s.Kind, s.Rule)
		}
		if diff := cmp.Diff(s, suggested(r, known)); diff != "" {
			r.Errorf("asked again:\n%s", diff)
		}
		vetoed(r, known, s)
	})
	for _, kind := range treatment.SuggestionKinds {
		if kinds[kind] == 0 {
			t.Logf("never suggested: %s", kind)
		}
	}
}

// vetoed adds a veto to what is known: nothing passes it.
func vetoed(r *rapid.T, known treatment.Titrating, s treatment.Suggestion) {
	veto := known
	veto.Alerts = append(veto.Alerts, alertSeen(99, treatment.AlertSIReported, treatment.SeverityCritical))
	if v := suggested(r, veto); v.Rule != treatment.TitrationSafetyVeto || v.Kind != treatment.SuggestNone || !v.Proposes(treatment.DosingChange{}) {
		r.Errorf("a critical alert, and %s by %s", v.Kind, v.Rule)
	}
	if len(known.Sessions) == 0 {
		return
	}
	high := known
	high.Sessions = append([]treatment.SessionSeen{}, known.Sessions...)
	for i := range high.Sessions {
		high.Sessions[i].Peak.SystolicMmHg = new(200)
	}
	if v := suggested(r, high); v.Kind == treatment.SuggestIncrease || v.Kind == treatment.SuggestShortenInterval || v.Kind == treatment.SuggestMaintain {
		r.Errorf("200 mmHg, and %s by %s; before it was %s", v.Kind, v.Rule, s.Kind)
	}
}

func shuffled[T any](r *rapid.T, list []T) []T {
	if len(list) == 0 {
		return list
	}
	return rapid.Permutation(list).Draw(r, "order")
}

// anyCourse is any course that could be: mostly complete, with any order, scores and harm.
func anyCourse(r *rapid.T, base treatment.Titrating) treatment.Titrating {
	known := base
	number := func(what string, least, most int) int { return rapid.IntRange(least, most).Draw(r, what) }
	seldom := func(what string) bool { return number(what, 0, 9) == 0 }
	p := *base.Prescription
	p.Form = rapid.SampledFrom(treatment.DosageForms).Draw(r, "form")
	p.StrengthMg = rapid.SampledFrom([]dose.Mg{mg(5), mg(10), mg(25), mg(50), 12_500, mg(100)}).Draw(r, "strength")
	p.DoseMg = known.Protocol.Supply.UnitStep[p.Form].Of(p.StrengthMg) * dose.Mg(number("parts", 1, 40))
	p.BoosterMg = mg(50 * number("booster", 0, 2))
	p.MinIntervalHours, p.SessionsPerWeek = number("interval", 12, 400), number("per week", 1, 7)
	known.Prescription = &p
	known.Weight = &treatment.WeightSeen{Evidence: base.Weight.Evidence, Weight: treatment.Weight{Kg: kg(number("weight", 40, 160)), MeasuredAt: days(-number("weighed", 0, 100))}}
	hours, trend := -number("began", 1, 150)*24, number("at last", 0, 27)
	known.Sessions, known.Scores, known.Events = nil, []treatment.Score{scored(10, hours-24*number("baseline", 1, 33), number("at first", 0, 27))}, nil
	waving := rapid.Bool().Draw(r, "waving")
	for n := byte(20); hours < 0 && n < 60; n++ {
		s := tookAt(n, 0, 0)
		s.At, s.DoseMg = noon.Add(time.Duration(hours)*time.Hour), p.DoseMg
		if seldom("another dose") {
			s.DoseMg = mg(number("taken", 1, 600))
		}
		s.Dissociation, s.Distress = new(number("dissociation", 0, 5)), new(number("distress", 0, 7))
		if seldom("unobserved") {
			s.Dissociation, s.After = nil, false
		}
		known.Sessions = append(known.Sessions, s)
		if seldom("event") {
			known.Events = append(known.Events, happened(n+60, n, graded(number("grade", 1, 4), rapid.SampledFrom(treatment.Causalities).Draw(r, "causality"))))
		}
		gap := number("gap", 24, 400)
		switch {
		case seldom("unanswered"):
		case waving:
			known.Scores = append(known.Scores, scored(n+120, hours+12, max(0, trend-10)), scored(n+180, hours+gap-1, trend))
		default:
			known.Scores = append(known.Scores, scored(n+120, hours+number("asked", 1, gap), max(0, min(27, trend+number("around", -6, 6)))))
		}
		hours += gap
	}
	known.Scores = onlyPast(known.Scores)
	if seldom("signals") {
		known.MisuseSignals = []string{"a", "b"}
	}
	known.Planned, known.Kept = 10, number("kept", 7, 10)
	return known
}

func onlyPast(scores []treatment.Score) (past []treatment.Score) {
	for _, s := range scores {
		if s.Instrument == instruments.PHQ9 && !s.At.After(noon) {
			past = append(past, s)
		}
	}
	return past
}
