package treatment_test

import (
	"testing"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// watched is a session that was also watched as the gate wants it: a reading at the peak and
// before the end, and the support person's word. It was not checked.
func watched() []treatment.Fact {
	return append(whole(), readingFact(20, 40), readingFact(21, 130), attestationFact(22, 141))
}

func TestWatchDeviations(t *testing.T) {
	gated := func(change func(f []treatment.Fact) []treatment.Fact) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			k.Protocol = treatment.Default()
			*f = change(append(watched(), readingFact(30, -10), checkFact(31, -5)))
		}
	}
	// set changes the fact with an id, or leaves it out.
	set := func(n byte, change func(*treatment.Fact)) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return gated(func(facts []treatment.Fact) (kept []treatment.Fact) {
			for _, f := range facts {
				if f.ID == id(n) {
					if change == nil {
						continue
					}
					change(&f)
				}
				kept = append(kept, f)
			}
			return kept
		})
	}
	moved := func(minutes int) func(*treatment.Fact) {
		return func(f *treatment.Fact) { f.OccurredAt = at(minutes) }
	}
	reads := func(systolic, diastolic int) func(*treatment.Fact) {
		return func(f *treatment.Fact) { f.SystolicMmHg, f.DiastolicMmHg = &systolic, &diastolic }
	}
	peak := func(minutes int) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			set(20, moved(minutes))(p, f, k)
			(*f)[3].OccurredAt = at(125) // the other reading of the whole session
		}
	}
	lookedIn := func(minutes ...int) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			set(22, func(f *treatment.Fact) { f.LookedIn = new(false) })(p, f, k)
			for i, m := range minutes {
				seen := fact(byte(50+i), treatment.FactObservation, m)
				seen.ReportedBy = treatment.ReportedBySupportPerson
				*f = append(*f, seen)
			}
		}
	}
	runDeviations(t, []deviation{
		{"as it should be", set(0, nil), nil, nil},
		{"at the beginning of the peak", peak(20), nil, nil},
		{"at its end", peak(60), nil, nil},
		{"before the peak", peak(19), one(treatment.RuleNoVitalsAtPeak, "", "20 to 60 min"), nil},
		{"after the peak", peak(61), one(treatment.RuleNoVitalsAtPeak, "", "20 to 60 min"), nil},
		{"half a minute before the end", set(21, moved(110)), nil, nil},
		{"more than half an hour before the end", set(21, moved(109)), one(treatment.RuleNoVitalsAtRelease, "31 min", "30 min"), nil},
		{"at the soft pair", set(21, reads(140, 90)), nil, nil},
		{"above the soft pair", set(21, reads(141, 90)), one(treatment.RuleReleasePressureHigh, "141/90 mmHg", "140/90 mmHg"), nil},
		{"20/10 above a high reading before", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			set(21, reads(155, 95))(p, f, k)
			(*f)[0].SystolicMmHg, (*f)[0].DiastolicMmHg, (*f)[0].OccurredAt = new(135), new(85), at(-1)
		}, nil, nil},
		{"saturation at its limit", set(21, func(f *treatment.Fact) { f.Spo2Percent = new(95) }), nil, nil},
		{"saturation below it", set(21, func(f *treatment.Fact) { f.Spo2Percent = new(94) }), one(treatment.RuleReleaseSaturationLow, "94 %", "95 %"), nil},
		{"saturation not measured", set(21, func(f *treatment.Fact) { f.Spo2Percent = nil }), nil, nil},
		{"no attestation", set(22, nil), one(treatment.RuleAttestationMissing, "", ""), nil},
		{"not there throughout", set(22, func(f *treatment.Fact) { f.PresentThroughout = new(false) }), one(treatment.RuleSupportPersonLeft, "", ""),
			[]treatment.AlertRule{treatment.AlertNoSupportPerson}},
		{"not known to be there", set(22, func(f *treatment.Fact) { f.PresentThroughout = nil }), one(treatment.RuleSupportPersonLeft, "", ""),
			[]treatment.AlertRule{treatment.AlertNoSupportPerson}},
		{"a ticket that the patient had", set(22, func(f *treatment.Fact) { f.TicketOfPatient = new(true) }),
			append(one(treatment.RuleTicketOfPatient, "", ""), one(treatment.RuleLookInsMissed, "140 min", "15 min")...), nil},
		{"a reading with a ticket that the patient had", set(20, func(f *treatment.Fact) { f.TicketOfPatient = new(true) }), one(treatment.RuleTicketOfPatient, "", ""), nil},
		{"a reading with a ticket that the patient did not have", set(20, func(f *treatment.Fact) { f.TicketOfPatient = new(false) }), nil, nil},
		{"did not look in", lookedIn(), one(treatment.RuleLookInsMissed, "140 min", "15 min"), nil},
		{"did not say so, but recorded it", lookedIn(20, 40, 60, 80, 100, 120), nil, nil},
		{"recorded it with a ticket that the patient had", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			lookedIn(20, 40, 60, 80, 100, 120)(p, f, k)
			(*f)[len(*f)-3].TicketOfPatient = new(true)
		}, append(one(treatment.RuleTicketOfPatient, "", ""), one(treatment.RuleLookInsMissed, "40 min", "15 min")...), nil},
		{"too long a gap at the end", lookedIn(20, 40, 60, 80, 100, 119), one(treatment.RuleLookInsMissed, "21 min", "15 min"), nil},
		{"too long a gap between", lookedIn(20, 41, 60, 80, 100, 120), one(treatment.RuleLookInsMissed, "21 min", "15 min"), nil},
	})
}
