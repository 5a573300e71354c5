package treatment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// A reading is judged by when it was taken: before the first dose, or after it.
func TestReadingAlerts(t *testing.T) {
	reading := func(minutes, systolic, diastolic int) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			*f = append(*f, vitalsFact(9, minutes, systolic, diastolic))
		}
	}
	alerts := func(rules ...treatment.AlertRule) []treatment.AlertRule { return rules }
	runDeviations(t, []deviation{
		{"soft before", reading(-10, 140, 80), nil, alerts(treatment.AlertBPPreSoft)},
		{"soft at the moment of the dose", reading(0, 140, 80), nil, alerts(treatment.AlertBPPreSoft)},
		{"soft after is fine", reading(1, 159, 80), nil, nil},
		{"hard before", reading(-10, 120, 100), nil, alerts(treatment.AlertBPPreHard)},
		{"high after", reading(40, 160, 80), nil, alerts(treatment.AlertBPHigh)},
		{"a doubtful crisis after", reading(40, 270, 80), nil, alerts(treatment.AlertBPCrisis)},
		{"a patient's own limit", func(_ *treatment.Plan, _ *[]treatment.Fact, k *treatment.Known) { k.Limits = own(0, 120) },
			nil, alerts(treatment.AlertBPPreSoft)},
		{"before, when no dose is known", func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			*f = []treatment.Fact{vitalsFact(9, 40, 150, 80)}
		}, nil, alerts(treatment.AlertBPPreSoft)},
	})
}

func TestSymptomAlerts(t *testing.T) {
	add := func(kind treatment.FactKind, change func(*treatment.Fact)) func(*treatment.Plan, *[]treatment.Fact, *treatment.Known) {
		return func(_ *treatment.Plan, f *[]treatment.Fact, _ *treatment.Known) {
			added := fact(9, kind, 30)
			change(&added)
			*f = append(*f, added)
		}
	}
	redFlag, pregnancy := []treatment.AlertRule{treatment.AlertRedFlagSymptom}, []treatment.AlertRule{treatment.AlertPregnancyReported}
	runDeviations(t, []deviation{
		{"an observation", add(treatment.FactObservation, func(f *treatment.Fact) { f.Nausea, f.Distress = new(10), new(10) }), nil, nil},
		{"a red flag", add(treatment.FactObservation, func(f *treatment.Fact) { f.RedFlag = new(treatment.RedFlagChestPain) }), nil, redFlag},
		{"very sleepy", add(treatment.FactObservation, func(f *treatment.Fact) { f.Sedation = new(4) }), nil, nil},
		{"cannot be woken", add(treatment.FactObservation, func(f *treatment.Fact) { f.Sedation = new(5) }), nil, redFlag},
		{"cannot be woken, and says so", add(treatment.FactObservation, func(f *treatment.Fact) {
			f.Sedation, f.RedFlag = new(5), new(treatment.RedFlagReducedConsciousness)
		}), nil, redFlag},
		{"a call for help", add(treatment.FactEscalation, func(*treatment.Fact) {}), nil, redFlag},
		{"a call for help with a red flag", add(treatment.FactEscalation, func(f *treatment.Fact) { f.RedFlag = new(treatment.RedFlagSeizure) }), nil, redFlag},
		{"a check", add(treatment.FactCheck, func(f *treatment.Fact) { f.RedFlags, f.Pregnancy = new(""), new(treatment.NotPregnant) }), nil, nil},
		{"a check with a red flag", add(treatment.FactCheck, func(f *treatment.Fact) { f.RedFlags = new("chestPain") }), nil, redFlag},
		{"a check in pregnancy", add(treatment.FactCheck, func(f *treatment.Fact) { f.Pregnancy = new(treatment.Pregnant) }), nil, pregnancy},
		{"a check while nursing", add(treatment.FactCheck, func(f *treatment.Fact) { f.Pregnancy = new(treatment.Nursing) }), nil, pregnancy},
		{"a check while planning to be pregnant", add(treatment.FactCheck, func(f *treatment.Fact) { f.Pregnancy = new(treatment.PlanningPregnancy) }), nil, pregnancy},
		{"a check that does not know", add(treatment.FactCheck, func(f *treatment.Fact) { f.Pregnancy = new(treatment.PregnancyUnknown) }), nil, nil},
		{"struck out", add(treatment.FactEscalation, func(f *treatment.Fact) { f.StruckOut = true }), nil, nil},
	})

	escalation := fact(9, treatment.FactEscalation, 30)
	escalation.RedFlag = new(treatment.RedFlagSeizure)
	_, verdict := treatment.Fold(plan(), []treatment.Fact{escalation}, known())
	want := []treatment.Raised{{Rule: treatment.AlertRedFlagSymptom, Severity: treatment.SeverityCritical, SourceFact: id(9), Value: "seizure"}}
	if diff := cmp.Diff(want, verdict.Raised); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Alerts name the fact that raised them.
func TestAlertSources(t *testing.T) {
	facts := []treatment.Fact{vitalsFact(1, -5, 150, 80), doseFact(2, 0, 100), doseFact(3, 5, 1), vitalsFact(4, 10, 170, 80), completionFact(5, 1)}
	k := known()
	k.OtherDoses = []treatment.DoseTime{{SessionID: id(50), At: at(-60)}}
	_, verdict := treatment.Fold(plan(), facts, k)
	got := map[treatment.AlertRule]uuid.UUID{}
	for _, r := range verdict.Raised {
		got[r.Rule] = r.SourceFact
	}
	want := map[treatment.AlertRule]uuid.UUID{
		treatment.AlertDoseOverPrescribed: id(3), treatment.AlertIntervalShort: id(2),
		treatment.AlertBPPreSoft: id(1), treatment.AlertBPHigh: id(4),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
