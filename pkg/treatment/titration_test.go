package treatment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestTitration asks every case of the decision table.
func TestTitration(t *testing.T) {
	for name, tt := range titrations {
		t.Run(name, func(t *testing.T) {
			c := caseOf{titrating(t)}
			tt.change(&c)
			s := suggested(t, c.Titrating)
			if s.Kind != tt.want.kind || s.Rule != tt.want.rule {
				t.Fatalf("%s by %s, want %s by %s\n%s", s.Kind, s.Rule, tt.want.kind, tt.want.rule, strings.Join(s.Reasons, "\n"))
			}
			if tt.want.lack != "" && !lacks(s, tt.want.lack) {
				t.Errorf("%s is not among %v", tt.want.lack, s.Missing)
			}
			wellFormed(t, c.Titrating, s)
		})
	}
}

// wellFormed holds a suggestion against what must be true of every one.
func wellFormed(t reporter, known treatment.Titrating, s treatment.Suggestion) {
	t.Helper()
	dosed, spaced := s.To.DoseMg != nil, s.To.MinIntervalHours != nil
	changes := s.Kind == treatment.SuggestDecrease || s.Kind == treatment.SuggestIncrease || s.Kind == treatment.SuggestExtendInterval || s.Kind == treatment.SuggestShortenInterval
	if changes != (dosed != spaced) || s.To.BoosterMg != nil || s.To.SessionsPerWeek != nil && !spaced {
		t.Errorf("%s changes %+v", s.Kind, s.To)
	}
	if s.Proposes(treatment.DosingChange{}) == changes {
		t.Errorf("%s proposes %+v", s.Kind, s.To)
	}
	if dosed {
		wellDosed(t, known, s)
	}
	if spaced {
		wellSpaced(t, known, s)
	}
	more := s.Kind == treatment.SuggestIncrease || s.Kind == treatment.SuggestShortenInterval
	for _, c := range s.Checked {
		if c.Finding == treatment.CheckFound && (more || changes && c.Check != treatment.CheckPressure && c.Check != treatment.CheckMisuse) {
			t.Errorf("%s in spite of %s", s.Kind, c.Check)
		}
	}
	if len(s.Reasons) == 0 || len(s.Evidence) == 0 || len(s.Checked) < len(treatment.TitrationChecks)-2 || !s.ExpiresAt.Equal(days(14)) ||
		s.RulesVersion != treatment.RulesVersion || s.ProtocolID != known.ProtocolID {
		t.Errorf("incomplete: %+v", s)
	}
	for _, a := range s.Alternatives {
		if a.WhyNot == "" || a.Rule == s.Rule {
			t.Errorf("alternative %+v", a)
		}
	}
}

func wellDosed(t reporter, known treatment.Titrating, s treatment.Suggestion) {
	t.Helper()
	o, p, to := known.Prescription.Order, known.Protocol, *s.To.DoseMg
	part := p.Supply.UnitStep[o.Form].Of(o.StrengthMg)
	if to%part != 0 || to <= 0 {
		t.Errorf("%s: units of %s do not make it", to, o.StrengthMg)
	}
	switch s.Kind {
	case treatment.SuggestIncrease:
		if to <= o.DoseMg || to+o.BoosterMg > p.Prescribing.SoftMaximum.At(known.Weight.Kg) || to-o.DoseMg > p.Titration.Increase.MaxStepMg || 100*(to-o.DoseMg) > 50*o.DoseMg {
			t.Errorf("raised from %s to %s at %s kg", o.DoseMg, to, known.Weight.Kg)
		}
		was, is := p.Tier(o.Total(), &known.Weight.Kg), p.Tier(to+o.BoosterMg, &known.Weight.Kg)
		hours := map[treatment.Tier]int{treatment.TierLow: p.Sessions.MinIntervalHours.Low, treatment.TierMid: p.Sessions.MinIntervalHours.Mid, treatment.TierHigh: p.Sessions.MinIntervalHours.High}
		if hours[is] > max(hours[was], o.MinIntervalHours) {
			t.Errorf("%s needs %d hours, the order says %d", to, hours[is], o.MinIntervalHours)
		}
	case treatment.SuggestDecrease:
		if 100*to > 75*o.DoseMg || 100*(to+part) <= 75*o.DoseMg {
			t.Errorf("lowered from %s to %s", o.DoseMg, to)
		}
	default:
		t.Errorf("%s changes the dose", s.Kind)
	}
}

func wellSpaced(t reporter, known treatment.Titrating, s treatment.Suggestion) {
	t.Helper()
	p, to := known.Protocol, *s.To.MinIntervalHours
	if s.Kind == treatment.SuggestShortenInterval {
		tier := p.Tier(known.Prescription.Total(), &known.Weight.Kg)
		least := map[treatment.Tier][2]int{
			treatment.TierLow: {p.Sessions.MinIntervalHours.Low, p.Sessions.MaxIn7Days.Low}, treatment.TierMid: {p.Sessions.MinIntervalHours.Mid, p.Sessions.MaxIn7Days.Mid},
			treatment.TierHigh: {p.Sessions.MinIntervalHours.High, p.Sessions.MaxIn7Days.High},
		}[tier]
		if to < least[0] || to*least[1] < 7*24 || s.To.SessionsPerWeek != nil && *s.To.SessionsPerWeek > least[1] {
			t.Errorf("shortened to %d hours, %v; the protocol has %v", to, s.To.SessionsPerWeek, least)
		}
	} else if to <= known.Prescription.MinIntervalHours || to > 24*p.Titration.Interval.MaxDays {
		t.Errorf("extended from %d to %d hours", known.Prescription.MinIntervalHours, to)
	}
}

// The numbers of the suggestions.
func TestTitrationAmounts(t *testing.T) {
	distressed := func(c *caseOf) { c.Sessions[1].Distress = new(9) }
	taking := func(form treatment.DosageForm, strength, amount dose.Mg) func(*caseOf) {
		return func(c *caseOf) {
			c.Prescription.Form, c.Prescription.StrengthMg, c.Prescription.DoseMg = form, strength, amount
			for i := range c.Sessions {
				c.Sessions[i].DoseMg = amount
			}
		}
	}
	for name, tt := range map[string]struct {
		changes []func(*caseOf)
		want    treatment.DosingChange
	}{
		"50 mg more":                 {nil, treatment.DosingChange{DoseMg: new(mg(150))}},
		"half more":                  {[]func(*caseOf){taking(treatment.FormTroche, mg(20), mg(60))}, treatment.DosingChange{DoseMg: new(mg(90))}},
		"half troches":               {[]func(*caseOf){taking(treatment.FormTroche, mg(50), mg(75))}, treatment.DosingChange{DoseMg: new(mg(100))}},
		"no half tablets":            {[]func(*caseOf){taking(treatment.FormRapidlyDissolvingTablet, mg(75), mg(150))}, treatment.DosingChange{}},
		"tenths of a millilitre":     {[]func(*caseOf){taking(treatment.FormSyrup, 12_500, mg(125))}, treatment.DosingChange{DoseMg: new(mg(175))}},
		"up to the soft maximum":     {[]func(*caseOf){taking(treatment.FormSyrup, mg(10), mg(400)), func(c *caseOf) { c.Prescription.MinIntervalHours, c.Prescription.SessionsPerWeek = 72, 2 }}, treatment.DosingChange{DoseMg: new(mg(420))}},
		"not into a higher tier":     {[]func(*caseOf){taking(treatment.FormSyrup, mg(10), mg(250))}, treatment.DosingChange{DoseMg: new(mg(279))}},
		"a third less":               {[]func(*caseOf){taking(treatment.FormSyrup, mg(10), mg(200)), distressed}, treatment.DosingChange{DoseMg: new(mg(150))}},
		"half, for there is no less": {[]func(*caseOf){distressed}, treatment.DosingChange{DoseMg: new(mg(50))}},
		"80 % of the duration":       {[]func(*caseOf){func(c *caseOf) { c.waves(10, 17); c.Prescription.SessionsPerWeek = 1 }}, treatment.DosingChange{MinIntervalHours: new(115), SessionsPerWeek: new(2)}},
		"not below the protocol's interval": {[]func(*caseOf){func(c *caseOf) {
			c.waves(10, 17)
			for i := range c.Scores[1:] {
				c.Scores[i+1].At = c.Scores[i+1].At.AddDate(0, 0, -1-3*(i%2)) // one day after the dose, and two
			}
			c.Prescription.SessionsPerWeek, c.Protocol.Sessions.MinIntervalHours.Low = 1, 45
		}}, treatment.DosingChange{MinIntervalHours: new(45), SessionsPerWeek: new(4)}},
		"half as much again": {[]func(*caseOf){func(c *caseOf) { c.months(8, func(day int) int { return either(day > -30, 9, 15) }) }}, treatment.DosingChange{MinIntervalHours: new(504)}},
		"half as much again, prescribed": {[]func(*caseOf){func(c *caseOf) {
			c.months(8, func(day int) int { return either(day > -30, 9, 15) })
			c.Prescription.MinIntervalHours = 400
		}}, treatment.DosingChange{MinIntervalHours: new(600)}},
	} {
		t.Run(name, func(t *testing.T) {
			c := caseOf{titrating(t)}
			for _, change := range tt.changes {
				change(&c)
			}
			s := suggested(t, c.Titrating)
			if diff := cmp.Diff(tt.want, s.To); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s\n%s", s.Kind, s.Rule, diff, strings.Join(s.Reasons, "\n"))
			}
		})
	}
}

// TestDurationOfEffect: until half of the gain is lost, in the last three intervals.
func TestDurationOfEffect(t *testing.T) {
	c := caseOf{titrating(t)}
	c.waves(10, 17)
	got := suggested(t, c.Titrating).Duration
	want := &treatment.EffectDuration{MedianHours: 144, Intervals: []treatment.EffectInterval{{id(4), 144, true}, {id(3), 144, true}, {id(2), 144, true}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.Scores[len(c.Scores)-2] = onDay(27, -6, 13) // four days after the dose, 3 of 7 points lost
	if got := suggested(t, c.Titrating).Duration.Intervals[0]; got != (treatment.EffectInterval{SessionID: id(4), Hours: 96}) {
		t.Errorf("before half is lost: %+v", got)
	}
	c.Scores[len(c.Scores)-2] = onDay(27, -6, 14)
	if got := suggested(t, c.Titrating).Duration.Intervals[0]; got != (treatment.EffectInterval{SessionID: id(4), Hours: 96, WoreOff: true}) {
		t.Errorf("when half is lost: %+v", got)
	}
	c.fell(19, 18)
	if got := suggested(t, c.Titrating).Duration; got != nil {
		t.Errorf("without an effect: %+v", got)
	}
}

// TestSuggestionsExpire: after the protocol's days, or fourteen.
func TestSuggestionsExpire(t *testing.T) {
	for proposal, want := range map[int]int{7: 7, 14: 14, 60: 14} {
		c := titrating(t)
		c.Protocol.Titration.ProposalDays = proposal
		s := suggested(t, c)
		if !s.ExpiresAt.Equal(days(want)) || s.Expired(days(want).Add(-time.Second)) || !s.Expired(days(want)) {
			t.Errorf("after %d days: %v", proposal, s.ExpiresAt)
		}
	}
	ended := titrating(t)
	ended.Phase = treatment.PhaseCompleted
	_, err := treatment.Suggest(ended)
	refused(t, err, treatment.CodeIllegalTransition)
}

// TestSuggestionSays: two suggestions are the same when rule, kind, order and change are.
func TestSuggestionSays(t *testing.T) {
	same := suggested(t, titrating(t))
	later := titrating(t)
	later.Now = days(1)
	if !same.Says(suggested(t, later)) {
		t.Error("a day later it says something else")
	}
	for name, change := range map[string]func(*treatment.Suggestion){
		"rule":         func(s *treatment.Suggestion) { s.Rule = treatment.TitrationImproving },
		"kind":         func(s *treatment.Suggestion) { s.Kind = treatment.SuggestMaintain },
		"prescription": func(s *treatment.Suggestion) { s.PrescriptionID = new(uuid.New()) },
		"none":         func(s *treatment.Suggestion) { s.PrescriptionID = nil },
		"change":       func(s *treatment.Suggestion) { s.To.DoseMg = new(mg(125)) },
		"order":        func(s *treatment.Suggestion) { s.From.DoseMg = mg(50) },
	} {
		other := same
		change(&other)
		if same.Says(other) || other.Says(same) {
			t.Errorf("another %s says the same", name)
		}
	}
	if !same.Proposes(treatment.DosingChange{DoseMg: new(mg(150)), BoosterMg: new(mg(0)), Directions: "Three."}) || same.Proposes(treatment.DosingChange{DoseMg: new(mg(150)), MinIntervalHours: new(72)}) {
		t.Error("what is proposed is compared by what it comes to")
	}
}

// TestSessionSeen: of the facts of a session, the last reading before the dose and the worst of all.
func TestSessionSeen(t *testing.T) {
	observed := func(n byte, minutes, dissociation int) treatment.Fact {
		f := fact(n, treatment.FactObservation, minutes)
		f.Dissociation, f.Distress = &dissociation, new(10-dissociation)
		return f
	}
	sick := fact(9, treatment.FactObservation, 90)
	sick.Vomited, sick.Sedation = new(true), new(2)
	half := vitalsFact(8, -1, 170, 0)
	half.DiastolicMmHg = nil
	s := treatment.SessionSeen{At: noon}
	for _, f := range []treatment.Fact{
		vitalsFact(1, -20, 150, 95), vitalsFact(2, -5, 130, 82), half, doseFact(3, 0, 100), observed(4, 30, 6), observed(5, 60, 2), sick,
	} {
		s = s.With(f)
	}
	want := treatment.SessionSeen{
		At: noon, Before: vitalsFact(2, -5, 130, 82).Vitals, Dissociation: new(6), Distress: new(8), Sedation: new(2), Vomited: true,
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.With(half).After || !s.With(vitalsFact(6, 40, 140, 88)).After {
		t.Error("measured after the dose is both pressures, after it")
	}
}
