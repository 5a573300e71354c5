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

// deviation tests change one thing about a whole session without deviations and say what
// that makes of it.
type deviation struct {
	name   string
	change func(*treatment.Plan, *[]treatment.Fact, *treatment.Known)
	want   []treatment.Deviation
	alerts []treatment.AlertRule
}

func runDeviations(t *testing.T, tests []deviation) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, facts, k := plan(), whole(), known()
			test.change(&p, &facts, &k)
			_, verdict := treatment.Fold(p, facts, k)
			if diff := cmp.Diff(test.want, verdict.Deviations); diff != "" {
				t.Errorf("deviations (-want +got):\n%s", diff)
			}
			if got := raises(verdict); !slices.Equal(got, test.alerts) {
				t.Errorf("alerts = %v, want %v", got, test.alerts)
			}
		})
	}
}

// one is a single deviation.
func one(rule treatment.Rule, value, limit string) []treatment.Deviation {
	return []treatment.Deviation{{Rule: rule, Value: value, Limit: limit}}
}

var over = []treatment.AlertRule{treatment.AlertDoseOverPrescribed}

func TestDoseDeviations(t *testing.T) {
	setDose := func(i int, amount *dose.Mg) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) { (*f)[i].DoseMg = amount }
	}
	runDeviations(t, []deviation{
		{"as prescribed", func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {}, nil, nil},
		{"a microgram above", setDose(1, new(mg(100)+1)), one(treatment.RuleDoseAbovePrescribed, "100.001 mg", "100 mg"), over},
		{"less than prescribed", setDose(1, new(mg(25))), nil, nil},
		{"booster a microgram above", setDose(2, new(mg(50)+1)), one(treatment.RuleBoosterAbovePrescribed, "50.001 mg", "50 mg"), over},
		{"no booster is prescribed", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { k.Prescriptions[0].BoosterMg = 0 },
			one(treatment.RuleBoosterAbovePrescribed, "50 mg", "0 mg"), over},
		{"together above, each allowed", func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			(*f)[1].DoseMg = new(mg(60))
			*f = append(*f, doseFact(7, 10, 41))
		}, one(treatment.RuleDoseAbovePrescribed, "101 mg", "100 mg"), over},
		{"together as prescribed", func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			(*f)[1].DoseMg = new(mg(60))
			*f = append(*f, doseFact(7, 10, 40))
		}, nil, nil},
		// a dose of unknown size counts as a high one, which is watched for longer
		{"amount unknown", setDose(1, nil), []treatment.Deviation{
			{Rule: treatment.RuleDoseAbovePrescribed, Value: "unknown", Limit: "100 mg"},
			{Rule: treatment.RuleCompletedEarly, Value: "120 min", Limit: "240 min"},
		}, over},
	})
}

func TestPrescriptionDeviations(t *testing.T) {
	prescriptions := func(change func(*treatment.Validity)) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { change(&k.Prescriptions[0]) }
	}
	twice := []treatment.AlertRule{treatment.AlertDoseOverPrescribed, treatment.AlertDoseOverPrescribed}
	runDeviations(t, []deviation{
		{"none", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { k.Prescriptions = nil },
			one(treatment.RuleNoActivePrescription, "", ""), twice},
		{"active from the moment of the dose", prescriptions(func(v *treatment.Validity) { v.From = noon }), nil, nil},
		{"active a moment later", prescriptions(func(v *treatment.Validity) { v.From = noon.Add(1) }),
			one(treatment.RuleNoActivePrescription, "", ""), over},
		{"expires at the moment of the booster", prescriptions(func(v *treatment.Validity) { v.Until = new(at(20)) }),
			one(treatment.RuleNoActivePrescription, "", ""), over},
		{"expires a moment later", prescriptions(func(v *treatment.Validity) { v.Until = new(at(20).Add(1)) }), nil, nil},
		{"open end", prescriptions(func(v *treatment.Validity) { v.Until = nil }), nil, nil},
		{"on hold", prescriptions(func(v *treatment.Validity) { v.Holds = []treatment.Interval{{From: at(-60)}} }),
			one(treatment.RulePrescriptionOnHold, "", ""), nil},
		{"hold ended at the moment of the dose", prescriptions(func(v *treatment.Validity) { v.Holds = []treatment.Interval{{From: at(-60), Until: new(noon)}} }), nil, nil},
		{"hold began after the doses", prescriptions(func(v *treatment.Validity) { v.Holds = []treatment.Interval{{From: at(20).Add(1)}} }), nil, nil},
		{"the named one is active", func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			(*f)[1].PrescriptionID = new(id(100))
		}, nil, nil},
		{"the named one is not active", func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) { (*f)[1].PrescriptionID = new(id(99)) },
			one(treatment.RuleNoActivePrescription, "", ""), nil},
		// the dose is judged by the one that was active then, not by a later one
		{"lowered since", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			old := k.Prescriptions[0]
			old.Until = new(at(60))
			k.Prescriptions = []treatment.Validity{{ID: id(101), Interval: treatment.Interval{From: at(60)}, DoseMg: mg(10)}, old}
		}, nil, nil},
		{"lowered between dose and booster", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.Prescriptions[0].Until = new(at(10))
			k.Prescriptions = append(k.Prescriptions, treatment.Validity{ID: id(101), Interval: treatment.Interval{From: at(10)}, DoseMg: mg(10), BoosterMg: mg(5)})
		}, one(treatment.RuleBoosterAbovePrescribed, "50 mg", "5 mg"), over},
		{"two at once: the newer", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.Prescriptions = append(k.Prescriptions, treatment.Validity{ID: id(101), Interval: treatment.Interval{From: at(-60)}, DoseMg: mg(90), BoosterMg: mg(50)})
		}, one(treatment.RuleDoseAbovePrescribed, "100 mg", "90 mg"), over},
	})
}

func TestTreatmentDeviations(t *testing.T) {
	running := func(i *treatment.Interval) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { k.Running = i }
	}
	holds := func(i treatment.Interval) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.TreatmentHolds = []treatment.Interval{i}
		}
	}
	runDeviations(t, []deviation{
		{"never began", running(nil), one(treatment.RuleTreatmentNotOpen, "", ""), nil},
		{"began at the moment of the dose", running(&treatment.Interval{From: noon}), nil, nil},
		{"began a moment later", running(&treatment.Interval{From: noon.Add(1)}), one(treatment.RuleTreatmentNotOpen, "", ""), nil},
		{"ended before the booster", running(&treatment.Interval{From: days(-9), Until: new(at(20))}), one(treatment.RuleTreatmentNotOpen, "", ""), nil},
		{"ended before the completion", running(&treatment.Interval{From: days(-9), Until: new(at(21))}), nil, nil},
		{"on hold", holds(treatment.Interval{From: noon, Until: new(at(1))}), one(treatment.RuleTreatmentOnHold, "", ""), nil},
		{"hold ended before", holds(treatment.Interval{From: days(-1), Until: new(noon)}), nil, nil},
		{"hold began between doses", holds(treatment.Interval{From: at(10), Until: new(at(15))}), nil, nil},
	})
}

func TestIntervalDeviations(t *testing.T) {
	other := func(n byte, at time.Time) treatment.DoseTime { return treatment.DoseTime{SessionID: id(n), At: at} }
	others := func(list ...treatment.DoseTime) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { k.OtherDoses = list }
	}
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	short := []treatment.AlertRule{treatment.AlertIntervalShort}
	runDeviations(t, []deviation{
		{"exactly 48 h", others(other(50, hour(-48))), nil, nil},
		{"a second less", others(other(50, hour(-48).Add(time.Second))), one(treatment.RuleIntervalShort, "47 h 59 min", "48 h"), short},
		{"from start to start: its booster was later", others(other(50, hour(-48)), other(50, hour(-46))), nil, nil},
		{"a later session is not the reason", others(other(50, hour(2))), nil, nil},
		{"at the same moment", others(other(50, noon)), one(treatment.RuleIntervalShort, "0 h 0 min", "48 h"), short},
		{"the prescription wants more", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.Prescriptions[0].MinIntervalHours = 168
			k.OtherDoses = []treatment.DoseTime{other(50, hour(-167))}
		}, one(treatment.RuleIntervalShort, "167 h 0 min", "168 h"), short},
		{"a low dose needs 24 h by the prescription", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.WeightKg = new(kg(100))
			k.OtherDoses = []treatment.DoseTime{other(50, hour(-24))}
		}, nil, nil},
		{"a low dose needs 20 h by the protocol", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.WeightKg, k.Prescriptions[0].MinIntervalHours = new(kg(100)), 1
			k.OtherDoses = []treatment.DoseTime{other(50, hour(-20)), other(51, hour(-19).Add(-59*time.Minute))}
		}, one(treatment.RuleIntervalShort, "19 h 59 min", "20 h"), short},
		{"across midnight", func(_ *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			k.WeightKg, k.Prescriptions[0].MinIntervalHours = new(kg(100)), 1
			k.OtherDoses = []treatment.DoseTime{other(50, hour(-13))} // 23:00 of the day before
		}, one(treatment.RuleIntervalShort, "13 h 0 min", "20 h"), short},
		{"the third in seven days", others(other(50, hour(-96)), other(51, hour(-144))), nil, nil},
		{"the fourth in seven days", others(other(50, hour(-48)), other(51, hour(-96)), other(52, hour(-167))),
			one(treatment.RuleWeeklyLimit, "4", "3"), nil},
		{"the first of four was seven days ago", others(other(50, hour(-48)), other(51, hour(-96)), other(52, hour(-168))), nil, nil},
		{"doses of one session count once", others(other(50, hour(-96)), other(50, hour(-95)), other(51, hour(-144)), other(51, hour(-143))), nil, nil},
		{"the prescription wants fewer", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.Prescriptions[0].SessionsPerWeek = 1
			k.OtherDoses = []treatment.DoseTime{other(50, hour(-96))}
		}, one(treatment.RuleWeeklyLimit, "2", "1"), nil},
	})
}

// Without a weight a session is judged as a high dose: 72 h and two in seven days.
func TestUnknownWeightIsStrict(t *testing.T) {
	k := known()
	k.WeightKg = nil
	k.OtherDoses = []treatment.DoseTime{{SessionID: id(50), At: days(-2)}, {SessionID: id(51), At: days(-5)}}
	_, verdict := treatment.Fold(plan(), whole(), k)
	want := []treatment.Deviation{
		{Rule: treatment.RuleIntervalShort, Value: "48 h 0 min", Limit: "72 h"},
		{Rule: treatment.RuleWeeklyLimit, Value: "3", Limit: "2"},
		{Rule: treatment.RuleCompletedEarly, Value: "120 min", Limit: "240 min"},
	}
	if diff := cmp.Diff(want, verdict.Deviations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Once a week at the same local time keeps a limit of one in seven days, in the week with an
// hour less too.
func TestWeeklyDeviationAcrossClockChange(t *testing.T) {
	newYork := zone(t, "America/New_York")
	f := doseFact(1, 0, 100)
	f.OccurredAt = time.Date(2027, 3, 14, 18, 0, 0, 0, newYork).UTC()
	k := known()
	k.Running, k.Prescriptions[0].Until, k.Prescriptions[0].SessionsPerWeek = &treatment.Interval{From: noon}, nil, 1
	k.OtherDoses = []treatment.DoseTime{{SessionID: id(50), At: time.Date(2027, 3, 7, 18, 0, 0, 0, newYork)}}
	_, verdict := treatment.Fold(plan(), []treatment.Fact{f}, k)
	if got := deviates(verdict); len(got) > 0 {
		t.Errorf("deviates from %v", got)
	}
	k.Zone = nil // nobody knows the zone, so a day has 24 hours
	_, verdict = treatment.Fold(plan(), []treatment.Fact{f}, k)
	if got := deviates(verdict); !slices.Equal(got, []treatment.Rule{treatment.RuleWeeklyLimit}) {
		t.Errorf("deviates from %v, want weeklyLimit", got)
	}
}

// The limit is 24 hours after the booster: noon in UTC is seven in the morning in New York.
func TestDrivingDeviations(t *testing.T) {
	told := func(minutes int, drove *bool) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			(*f)[5].Drove, (*f)[5].OccurredAt = drove, at(minutes)
		}
	}
	early := func(when string) []treatment.Deviation {
		return one(treatment.RuleDroveTooEarly, "told at "+when, "2026-11-21T12:20:00Z")
	}
	runDeviations(t, []deviation{
		{"drove", told(20*60, new(true)), early("2026-11-21T08:00:00Z"), nil},
		{"drove, and told it later", told(30*60, new(true)), early("2026-11-21T18:00:00Z"), nil},
		{"did not drive", told(20*60, new(false)), nil, nil},
		{"not said", told(20*60, nil), nil, nil},
		{"told twice", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			told(30*60, new(true))(p, f, k)
			first := fact(8, treatment.FactCheckIn, 20*60)
			first.Drove = new(true)
			*f = append(*f, first)
		}, early("2026-11-21T08:00:00Z"), nil},
		{"no dose is known", func(p *treatment.Plan, f *[]treatment.Fact, k *treatment.Known) {
			told(20*60, new(true))(p, f, k)
			*f = (*f)[5:]
		}, nil, nil},
	})
}

func TestUnitsDeviations(t *testing.T) {
	short := []treatment.Deviation{{Rule: treatment.RuleUnitsUnaccounted, Value: "50 mg", Limit: "0 mg"}}
	expired := treatment.Deviation{Rule: treatment.RuleBeyondUse, Value: "2026-11-20", Limit: "2026-11-01"}
	units := func(change func(map[uuid.UUID][]treatment.Deviation)) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			change(k.Units)
		}
	}
	alert := []treatment.AlertRule{treatment.AlertInventoryMismatch}
	runDeviations(t, []deviation{
		{"guard off", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) {
			k.Units, k.Protocol.GuardsOff = nil, append(k.Protocol.GuardsOff, treatment.GuardUnits)
		}, nil, nil},
		{"all accounted for", units(func(map[uuid.UUID][]treatment.Deviation) {}), nil, nil},
		{"unaccounted", units(func(u map[uuid.UUID][]treatment.Deviation) { u[id(2)] = short }),
			one(treatment.RuleUnitsUnaccounted, "50 mg", "0 mg"), alert},
		{"unknown to the ledger", units(func(u map[uuid.UUID][]treatment.Deviation) { delete(u, id(2)) }),
			one(treatment.RuleUnitsUnaccounted, "100 mg", "0 mg"), alert},
		{"expired", units(func(u map[uuid.UUID][]treatment.Deviation) { u[id(3)] = []treatment.Deviation{expired} }),
			[]treatment.Deviation{expired}, nil},
		{"each dose has its alert", units(func(u map[uuid.UUID][]treatment.Deviation) { u[id(2)], u[id(3)] = short, short }), short,
			[]treatment.AlertRule{treatment.AlertInventoryMismatch, treatment.AlertInventoryMismatch}},
	})
}

func TestCompletionDeviations(t *testing.T) {
	facts := func(change func([]treatment.Fact) []treatment.Fact) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) { *f = change(*f) }
	}
	ready := func(change func(*treatment.Fact)) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) { change(&(*f)[4]) }
	}
	noVitals := []treatment.AlertRule{treatment.AlertNoPostVitals}
	runDeviations(t, []deviation{
		{"exactly 120 minutes after the last dose", func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {}, nil, nil},
		{"a second less", ready(func(f *treatment.Fact) { f.OccurredAt = at(140).Add(-time.Second) }),
			one(treatment.RuleCompletedEarly, "119 min", "120 min"), nil},
		{"without the booster it would have been long enough", ready(func(f *treatment.Fact) { f.OccurredAt = at(125) }),
			one(treatment.RuleCompletedEarly, "105 min", "120 min"), nil},
		{"before the dose", ready(func(f *treatment.Fact) { f.OccurredAt = at(-10) }),
			one(treatment.RuleCompletedEarly, "-30 min", "120 min"), nil},

		{"no reading after the dose", facts(func(f []treatment.Fact) []treatment.Fact { return slices.Delete(f, 3, 4) }),
			one(treatment.RuleNoVitalsAfterDose, "", ""), noVitals},
		{"a reading at the moment of the booster", facts(func(f []treatment.Fact) []treatment.Fact { f[3].OccurredAt = at(20); return f }),
			one(treatment.RuleNoVitalsAfterDose, "", ""), noVitals},
		{"a moment after it", facts(func(f []treatment.Fact) []treatment.Fact { f[3].OccurredAt = at(20).Add(1); return f }), nil, nil},
		{"only half of a pressure", facts(func(f []treatment.Fact) []treatment.Fact { f[3].DiastolicMmHg = nil; return f }),
			one(treatment.RuleNoVitalsAfterDose, "", ""), noVitals},
		{"only a doubtful one", facts(func(f []treatment.Fact) []treatment.Fact { f[3].DiastolicMmHg = new(29); return f }),
			one(treatment.RuleNoVitalsAfterDose, "", ""), noVitals},

		{"not oriented", ready(func(f *treatment.Fact) { f.Oriented = new(false) }), one(treatment.RuleReadinessMissing, "oriented", ""), nil},
		{"walking unknown", ready(func(f *treatment.Fact) { f.WalksUnaided = nil }), one(treatment.RuleReadinessMissing, "walksUnaided", ""), nil},
		{"nothing said", ready(func(f *treatment.Fact) { f.Oriented, f.WalksUnaided, f.SupportPersonStays = nil, nil, nil }),
			one(treatment.RuleReadinessMissing, "oriented, walksUnaided, supportPersonStays", ""), nil},

		{"no dose", facts(func(f []treatment.Fact) []treatment.Fact { return slices.Delete(f, 1, 3) }),
			one(treatment.RuleCompletedWithoutDose, "", ""), nil},
		{"an abort is judged by none of it", facts(func(f []treatment.Fact) []treatment.Fact {
			return append(slices.Delete(f, 3, 5), abortFact(7, 30))
		}), nil, nil},
		{"no end, nothing to judge", facts(func(f []treatment.Fact) []treatment.Fact { return f[:3] }), nil, nil},
	})
}

// From 4 mg/kg on a session is watched for four hours, and needs 72 h.
func TestHighDoseIsWatchedLonger(t *testing.T) {
	tests := []struct {
		name   string
		weight dose.Kg
		want   []treatment.Rule
	}{
		{"at 4 mg/kg", kg(37) + 500, []treatment.Rule{treatment.RuleCompletedEarly}},
		{"just below", kg(37) + 501, []treatment.Rule{}},
	}
	for _, test := range tests {
		k := known()
		k.WeightKg = &test.weight
		_, verdict := treatment.Fold(plan(), whole(), k)
		if got := deviates(verdict); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSessionCancelledDeviation(t *testing.T) {
	cancel := func(keep func([]treatment.Fact) []treatment.Fact) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(p *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			p.CancelledAt, *f = new(at(-60)), keep(*f)
		}
	}
	runDeviations(t, []deviation{
		{"a dose all the same", cancel(func(f []treatment.Fact) []treatment.Fact { return f[:2] }), one(treatment.RuleSessionCancelled, "", ""), nil},
		{"only a reading", cancel(func(f []treatment.Fact) []treatment.Fact { return f[:1] }), nil, nil},
		{"an abort", cancel(func([]treatment.Fact) []treatment.Fact { return []treatment.Fact{abortFact(1, 0)} }), one(treatment.RuleSessionCancelled, "", ""), nil},
	})
}
