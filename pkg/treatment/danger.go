package treatment

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Sighting is what was measured or noticed of the patient outside of a session that is checked.
type Sighting struct {
	At time.Time
	// Source is the kind of record that says so.
	Source string
	Vitals
	// RedFlag is a symptom that needs emergency care; empty for none.
	RedFlag string
}

// SightingOf is what a fact of another session says.
func SightingOf(f Fact, p Protocol) Sighting {
	return Sighting{At: f.OccurredAt, Source: "sessions", Vitals: f.Vitals, RedFlag: f.redFlag(p)}
}

// SightingOfEvent is what an adverse event that began at a time says. One that is known to have ended
// counts from its end on: until then it was there.
func SightingOfEvent(e AdverseEvent, onset time.Time) Sighting {
	s := Sighting{At: onset, Source: "adverseEvents"}
	if e.ResolvedAt != nil {
		s.At = *e.ResolvedAt
	}
	if e.Status != AdverseEventEnteredInError && e.Term.known().alert == AlertRedFlagSymptom {
		s.RedFlag = string(e.Term)
	}
	return s
}

// redFlag is the red-flag symptom that a fact tells of; empty for none. A call for help is one
// whatever it names, and so is somebody who cannot be woken.
func (f Fact) redFlag(p Protocol) string {
	switch limit := p.Observations.UnresponsiveSedation; {
	case f.Kind == FactCheck && f.RedFlags != nil:
		return *f.RedFlags
	case f.Kind == FactEscalation, f.RedFlag != nil:
		return symptomOf(f)
	case f.Sedation != nil && *f.Sedation >= limit:
		return "sedation " + strconv.Itoa(*f.Sedation)
	}
	return ""
}

// symptomOf is what an observation or a call for help names.
func symptomOf(fact Fact) string {
	if fact.RedFlag != nil {
		return cmp.Or(string(*fact.RedFlag), string(fact.Kind))
	}
	return string(fact.Kind)
}

// The stops that a danger is the reason for, wherever it was seen.

func redFlagStop(symptom, source string) GateReason {
	return GateReason{Rule: RuleRedFlagSymptom, Stop: true, Value: symptom, Source: source, Clears: "This needs emergency care first, and the clinic's review."}
}

func pressureStop(v Vitals, l Limits, p Protocol) GateReason {
	_, stop := l.preDose(p)
	return GateReason{Rule: RuleHardBloodPressure, Stop: true, Value: v.pressure(), Limit: stop.String(), Source: limitSource(stop, p.Vitals.PreDose.HardStop, "hardStop"),
		Clears: "No dose for " + hours(p.Vitals.PreDose.StopHours) + "; the clinic decides what comes next."}
}

func saturationStop(percent int, p Protocol) GateReason {
	return GateReason{Rule: RuleSaturationCritical, Stop: true, Value: strconv.Itoa(percent) + " %", Limit: strconv.Itoa(p.Vitals.PreDose.SpO2.CriticalBelowPercent) + " %",
		Source: "protocol.vitals.preDose.spo2.criticalBelowPercent", Clears: "Measure again with warm hands; if it stays, this needs medical care."}
}

// dangers are the stops for what was seen elsewhere: the newest of each. A later saturation takes the
// place of an earlier one; a pressure at the hard pair and a symptom count whatever came after them.
func (s Surroundings) dangers() (list []GateReason) {
	seen := slices.SortedStableFunc(slices.Values(s.Seen), func(a, b Sighting) int { return b.At.Compare(a.At) })
	_, hard := s.Limits.preDose(s.Protocol)
	first := func(is func(Sighting) bool) *Sighting {
		if i := slices.IndexFunc(seen, is); i >= 0 {
			return &seen[i]
		}
		return nil
	}
	add := func(r GateReason, from *Sighting) {
		r.Source, r.FoundAt = from.Source, new(from.At.UTC())
		list = append(list, r)
	}
	if flagged := first(func(s Sighting) bool { return s.RedFlag != "" }); flagged != nil {
		add(redFlagStop(flagged.RedFlag, flagged.Source), flagged)
	}
	if high := first(func(s Sighting) bool { return hard.reached(s.Vitals) }); high != nil {
		add(pressureStop(high.Vitals, s.Limits, s.Protocol), high)
	}
	oxygen := first(func(s Sighting) bool { return s.Spo2Percent != nil })
	for i := range seen { // of several at one time the lowest counts
		if s := &seen[i]; s.Spo2Percent != nil && s.At.Equal(oxygen.At) && *s.Spo2Percent < *oxygen.Spo2Percent {
			oxygen = s
		}
	}
	if oxygen != nil && *oxygen.Spo2Percent < s.Protocol.Vitals.PreDose.SpO2.CriticalBelowPercent {
		add(saturationStop(*oxygen.Spo2Percent, s.Protocol), oxygen)
	}
	return list
}
