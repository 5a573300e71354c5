package treatment_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// measured is a sighting so many minutes after noon.
func measured(minutes, systolic, diastolic int) treatment.Sighting {
	return treatment.Sighting{At: at(minutes), Source: "measurements", Vitals: treatment.Vitals{SystolicMmHg: &systolic, DiastolicMmHg: &diastolic}}
}

func saturated(minutes, percent int) treatment.Sighting {
	return treatment.Sighting{At: at(minutes), Source: "measurements", Vitals: treatment.Vitals{Spo2Percent: &percent}}
}

// elsewhere is a fact of another session.
func elsewhere(kind treatment.FactKind, minutes int, change func(*treatment.Fact)) treatment.Sighting {
	f := fact(80, kind, minutes)
	change(&f)
	return treatment.SightingOf(f, treatment.Default())
}

// TestDangerElsewhere: what was measured and noticed outside of the session stops a dose as much as
// what the session has seen.
func TestDangerElsewhere(t *testing.T) {
	flagged := func(f *treatment.Fact) { f.RedFlag = new(treatment.RedFlagSeizure) }
	event := func(term treatment.AdverseTerm, status treatment.AdverseEventStatus) treatment.Sighting {
		return treatment.SightingOfEvent(treatment.AdverseEvent{Term: term, Status: status}, at(-60))
	}
	tests := []struct {
		name string
		seen []treatment.Sighting
		want string
	}{
		{"nothing", nil, ""},
		{"just below the hard pair", []treatment.Sighting{measured(-12, 159, 99)}, ""},
		{"systolic at the hard pair", []treatment.Sighting{measured(-12, 160, 99)}, "hardBloodPressure 160/99 mmHg / 160/100 mmHg, measurements"},
		{"diastolic at the hard pair", []treatment.Sighting{measured(-12, 159, 100)}, "hardBloodPressure 159/100 mmHg / 160/100 mmHg, measurements"},
		{"normal since: it counts whatever came after it", []treatment.Sighting{measured(-12, 175, 105), measured(-2, 120, 80)}, "hardBloodPressure 175/105 mmHg / 160/100 mmHg, measurements"},
		{"the newest of two", []treatment.Sighting{measured(-2, 165, 90), measured(-12, 175, 105)}, "hardBloodPressure 165/90 mmHg / 160/100 mmHg, measurements"},
		{"only weighed", []treatment.Sighting{{At: at(-2), Source: "measurements"}}, ""},
		{"saturation at its limit", []treatment.Sighting{saturated(-12, 90)}, ""},
		{"saturation critical", []treatment.Sighting{saturated(-12, 89)}, "saturationCritical 89 % / 90 %, measurements"},
		{"saturation critical, then not", []treatment.Sighting{saturated(-2, 95), saturated(-12, 89)}, ""},
		{"two at once", []treatment.Sighting{saturated(-12, 95), saturated(-12, 89), saturated(-12, 97)}, "saturationCritical 89 % / 90 %, measurements"},
		{"another reading without one", []treatment.Sighting{saturated(-12, 89), measured(-2, 120, 80)}, "saturationCritical 89 % / 90 %, measurements"},
		{"an observation of another session", []treatment.Sighting{elsewhere(treatment.FactObservation, -60, flagged)}, "redFlagSymptom seizure / , sessions"},
		{"one without a red flag", []treatment.Sighting{elsewhere(treatment.FactObservation, -60, func(f *treatment.Fact) { f.Sedation = new(4) })}, ""},
		{"somebody who could not be woken", []treatment.Sighting{elsewhere(treatment.FactObservation, -60, func(f *treatment.Fact) { f.Sedation = new(5) })}, "redFlagSymptom sedation 5 / , sessions"},
		{"a call for help", []treatment.Sighting{elsewhere(treatment.FactEscalation, -60, func(*treatment.Fact) {})}, "redFlagSymptom escalation / , sessions"},
		{"another session's check", []treatment.Sighting{elsewhere(treatment.FactCheck, -60, func(f *treatment.Fact) { f.RedFlags = new("chestPain") })}, "redFlagSymptom chestPain / , sessions"},
		{"one that found none", []treatment.Sighting{elsewhere(treatment.FactCheck, -60, func(f *treatment.Fact) { f.RedFlags = new("") })}, ""},
		{"another session's reading", []treatment.Sighting{elsewhere(treatment.FactVitals, -60, func(f *treatment.Fact) { f.SystolicMmHg = new(170) })},
			"hardBloodPressure 170/- mmHg / 160/100 mmHg, sessions"},
		{"a red flag as an adverse event", []treatment.Sighting{event(treatment.TermDyspnoea, treatment.AdverseEventClosed)}, "redFlagSymptom dyspnoea / , adverseEvents"},
		{"another adverse event", []treatment.Sighting{event(treatment.TermNausea, treatment.AdverseEventReported)}, ""},
		{"suicidality has its alert", []treatment.Sighting{event(treatment.TermSuicideAttempt, treatment.AdverseEventReported)}, ""},
		{"entered in error", []treatment.Sighting{event(treatment.TermDyspnoea, treatment.AdverseEventEnteredInError)}, ""},
	}
	for _, test := range tests {
		s := surroundings()
		s.Seen = test.seen
		got := ""
		for _, r := range s.Reasons() {
			got += string(r.Rule) + " " + r.Value + " / " + r.Limit + ", " + r.Source
			if !r.Stop || r.Clears == "" || r.FoundAt == nil {
				t.Errorf("%s: %+v", test.name, r)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	own := surroundings()
	own.Limits, own.Seen = treatment.Limits{StopSystolicMmHg: new(150)}, []treatment.Sighting{measured(-12, 150, 80)}
	if got := own.Reasons(); len(got) != 1 || got[0].Limit != "150/100 mmHg" {
		t.Errorf("the patient's own limit: %+v", got)
	}
	if over := treatment.SightingOfEvent(treatment.AdverseEvent{EventJudgement: treatment.EventJudgement{ResolvedAt: new(at(-1))}}, at(-60)); !over.At.Equal(at(-1)) {
		t.Errorf("an event that lasted counts from %s", over.At)
	}
}

// TestSaturationElsewhere: one that was critical elsewhere is over when the session has measured a later
// one that is not.
func TestSaturationElsewhere(t *testing.T) {
	for found, want := range map[int]int{-11: 0, -10: 1, -1: 1} { // the reading of the session is of ten minutes before
		facts, k := gated()
		s := surroundings()
		s.Seen = []treatment.Sighting{saturated(found, 89)}
		k.Outside = map[uuid.UUID][]treatment.GateReason{id(2): s.Reasons()}
		if got := reasons(t, facts, k); len(got) != want {
			t.Errorf("at %d min: %+v", found, got)
		}
		facts[0].Spo2Percent = nil
		if got := reasons(t, facts, k); len(got) != 1 || got[0].Rule != treatment.RuleSaturationCritical {
			t.Errorf("at %d min, and not measured since: %+v", found, got)
		}
	}
}
