package treatment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// surroundings stand against nothing.
func surroundings() treatment.Surroundings {
	p := treatment.Default()
	return treatment.Surroundings{
		Protocol: p, SignedConsents: p.Treatment.RequiredConsents, Acknowledged: true,
		Units: &treatment.UnitsAtHome{Enough: true, Makeable: true},
	}
}

func TestSurroundings(t *testing.T) {
	alert := func(rule treatment.AlertRule, severity treatment.Severity) func(*treatment.Surroundings) {
		return func(s *treatment.Surroundings) {
			s.Alerts = []treatment.StandingAlert{{Rule: rule, Severity: severity}}
		}
	}
	tests := []struct {
		name   string
		change func(*treatment.Surroundings)
		stop   bool
		want   []treatment.Rule
	}{
		{"nothing", func(*treatment.Surroundings) {}, false, nil},
		{"a consent is missing", func(s *treatment.Surroundings) { s.SignedConsents = s.SignedConsents[1:] }, true, []treatment.Rule{treatment.RuleConsents}},
		{"consents are unknown", func(s *treatment.Surroundings) { s.SignedConsents = nil }, true, []treatment.Rule{treatment.RuleConsents}},
		{"suicidality, critical", alert(treatment.AlertSIItem9, treatment.SeverityCritical), true, []treatment.Rule{treatment.RuleSuicidality}},
		{"suicidality, high", alert(treatment.AlertSIItem9, treatment.SeverityHigh), true, []treatment.Rule{treatment.RuleSuicidality}},
		{"suicidality, medium", alert(treatment.AlertSIItem9, treatment.SeverityMedium), false, []treatment.Rule{treatment.RuleSuicidality}},
		{"suicidality unknown", alert(treatment.AlertSIUnknown, treatment.SeverityMedium), false, []treatment.Rule{treatment.RuleSuicidality}},
		{"a screener, high", alert(treatment.AlertCSSRSHigh, treatment.SeverityCritical), true, []treatment.Rule{treatment.RuleSuicidality}},
		{"a screener, moderate", alert(treatment.AlertCSSRSModerate, treatment.SeverityHigh), true, []treatment.Rule{treatment.RuleSuicidality}},
		{"a screener, low", alert(treatment.AlertCSSRSLow, treatment.SeverityMedium), false, []treatment.Rule{treatment.RuleSuicidality}},
		{"another one, critical", alert(treatment.AlertBPCrisis, treatment.SeverityCritical), false, []treatment.Rule{treatment.RuleOpenAlert}},
		{"another one, high", alert(treatment.AlertBPPreHard, treatment.SeverityHigh), false, []treatment.Rule{treatment.RuleOpenAlert}},
		{"another one, medium", alert(treatment.AlertBPPreSoft, treatment.SeverityMedium), false, []treatment.Rule{treatment.RuleOpenAlert}},
		{"another one, low", alert(treatment.AlertIntervalShort, treatment.SeverityLow), false, []treatment.Rule{treatment.RuleOpenAlert}},
		{"the support person is no adult", func(s *treatment.Surroundings) { s.SupportPersonAdult = new(false) }, true, []treatment.Rule{treatment.RuleSupportPersonMissing}},
		{"the support person is an adult", func(s *treatment.Surroundings) { s.SupportPersonAdult = new(true) }, false, nil},
		{"the support person was removed", func(s *treatment.Surroundings) { s.SupportPersonAdult, s.SupportPersonRemoved = new(true), true }, true, []treatment.Rule{treatment.RuleSupportPersonMissing}},
		{"a child who was removed", func(s *treatment.Surroundings) { s.SupportPersonAdult, s.SupportPersonRemoved = new(false), true }, true, []treatment.Rule{treatment.RuleSupportPersonMissing}},
		{"nothing at home", func(s *treatment.Surroundings) { s.Units.Enough = false }, true, []treatment.Rule{treatment.RuleNoUnits}},
		{"what is at home is unknown", func(s *treatment.Surroundings) { s.Units = nil }, true, []treatment.Rule{treatment.RuleNoUnits}},
		{"what is at home cannot make the dose", func(s *treatment.Surroundings) { s.Units.Makeable = false }, false, []treatment.Rule{treatment.RuleUnitsCannotMakeDose}},
		{"the guard of units is off", func(s *treatment.Surroundings) { s.Units, s.Protocol.GuardsOff = nil, []string{treatment.GuardUnits} }, false, nil},
		{"instructions not acknowledged", func(s *treatment.Surroundings) { s.Acknowledged = false }, false, []treatment.Rule{treatment.RuleInstructions}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := surroundings()
			test.change(&s)
			var got []treatment.Rule
			for _, reason := range s.Reasons() {
				got = append(got, reason.Rule)
				if reason.Stop != test.stop || reason.Source == "" || reason.Clears == "" {
					t.Errorf("%+v", reason)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestGateLimits(t *testing.T) {
	k := known()
	k.Protocol, k.Limits = treatment.Default(), own(-30, 130)
	otherDoses(-24*60, -5*24*60, -6*24*60)(nil, nil, &k)
	got := treatment.Gate(k, noon, "America/New_York")
	want := treatment.GateLimits{
		HoldBloodPressure: treatment.BloodPressure{SystolicMmHg: 130, DiastolicMmHg: 90},
		StopBloodPressure: treatment.BloodPressure{SystolicMmHg: 160, DiastolicMmHg: 100},
		EarliestAt:        at(24 * 60), // both: 48 h after the last, a week after the first
		MaxIn28DaysMg:     mg(3600), MinIntervalHours: 48, MaxIn7Days: 3, Prescription: &k.Prescriptions[0], ObservationMin: 120,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(dose.Mg(0))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	k.Prescriptions, k.OtherDoses = nil, nil
	if got := treatment.Gate(k, noon, "Nowhere"); got.Prescription != nil || !got.EarliestAt.Equal(noon) || got.MinIntervalHours != 72 || got.MaxIn7Days != 2 ||
		got.ObservationMin != 240 || len(got.Reasons) != 1 || got.Reasons[0].Rule != treatment.RuleNoActivePrescription {
		t.Errorf("without a prescription: %+v", got)
	}
}
