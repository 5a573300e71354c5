package treatment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestDecide(t *testing.T) {
	type decision = treatment.EligibilityDecision
	reasons := func(list ...treatment.EligibilityReason) []treatment.EligibilityReason { return list }
	ask := func(codes ...treatment.EligibilityReason) (list []treatment.Clearance) {
		for _, code := range codes {
			list = append(list, treatment.Clearance{Code: code, Ask: "A letter."})
		}
		return list
	}
	accept := func(codes ...treatment.EligibilityReason) (list []treatment.AcceptedFinding) {
		for _, code := range codes {
			list = append(list, treatment.AcceptedFinding{Code: code, Note: "Known for years."})
		}
		return list
	}
	eligible := decision{Outcome: "eligible"}
	sound := func(*treatment.Candidate) {}
	psychotic := func(c *treatment.Candidate) { c.Intake.Screens.Psychosis = treatment.PsychosisPast }
	unasked := func(c *treatment.Candidate) { c.Intake.Screens.Psychosis = "" }
	hypertensive := func(c *treatment.Candidate) { c.Pressure.SystolicMmHg = 145 }
	unclassified := func(c *treatment.Candidate) { c.Medicines = []treatment.Medicine{{}} }
	nothing := func(c *treatment.Candidate) {
		*c = treatment.Candidate{Now: noon, Protocol: c.Protocol, Prescriber: c.Prescriber}
	}
	tests := []struct {
		name     string
		change   func(*treatment.Candidate)
		decision decision
		rules    []treatment.Rule
	}{
		{"eligible", sound, eligible, nil},
		{"eligible and a baseline missing", func(c *treatment.Candidate) { c.Baseline = c.Baseline[:1] }, eligible, []treatment.Rule{"baselineAssessment"}},
		{"eligible without a screener", func(c *treatment.Candidate) { c.Screener = nil }, eligible, []treatment.Rule{"screener"}},
		{"eligible without a blood pressure", func(c *treatment.Candidate) { c.Pressure = nil }, eligible, []treatment.Rule{"bloodPressure"}},
		{"eligible without medicines", func(c *treatment.Candidate) { c.Intake.Medications.TakesAny = nil }, eligible, []treatment.Rule{"medications"}},
		{"eligible with nobody there", func(c *treatment.Candidate) { c.SupportPeople = nil }, eligible, []treatment.Rule{"supportPerson"}},
		{"eligible though an absolute reason was found", psychotic, eligible, []treatment.Rule{"psychosis"}},
		{"eligible though one is not excluded", unasked, eligible, []treatment.Rule{"psychosis"}},
		{"an absolute reason cannot be accepted", psychotic, decision{Outcome: "eligible", Accepted: accept("psychosis")},
			[]treatment.Rule{"psychosis", treatment.RuleAcceptedFinding}},
		{"nor be a condition", psychotic, decision{Outcome: "eligibleWithConditions", Conditions: ask("psychosis")}, []treatment.Rule{"psychosis"}},
		{"nor while it is not excluded", unasked, decision{Outcome: "eligibleWithConditions", Conditions: ask("psychosis")}, []treatment.Rule{"psychosis"}},
		{"under 18", func(c *treatment.Candidate) { c.BirthDate = "2010-01-01" }, eligible, []treatment.Rule{"ageUnder18"}},
		{"not licensed there", func(c *treatment.Candidate) { c.State = "NJ" }, eligible, []treatment.Rule{"notLicensed"}},
		{"a conditional reason untouched", hypertensive, eligible, []treatment.Rule{"hypertension"}},
		{"a conditional reason accepted", hypertensive, decision{Outcome: "eligible", Accepted: accept("hypertension")}, nil},
		{"a conditional reason as a condition", hypertensive, decision{Outcome: "eligibleWithConditions", Conditions: ask("hypertension")}, nil},
		{"one accepted, another thing asked", hypertensive,
			decision{Outcome: "eligibleWithConditions", Conditions: ask("other"), Accepted: accept("hypertension")}, nil},
		{"another thing asked, and the reason untouched", hypertensive, decision{Outcome: "eligibleWithConditions", Conditions: ask("other")},
			[]treatment.Rule{"hypertension"}},
		{"what is not known has to be accepted too", unclassified, eligible, []treatment.Rule{"benzodiazepine", "maoi"}},
		{"and can be", unclassified, decision{Outcome: "eligible", Accepted: accept("benzodiazepine", "maoi")}, nil},
		{"something accepted that was not found", sound, decision{Outcome: "eligible", Accepted: accept("cystitis")}, []treatment.Rule{treatment.RuleAcceptedFinding}},
		{"eligible with reasons", sound, decision{Outcome: "eligible", Reasons: reasons("cystitis")}, []treatment.Rule{treatment.RuleReason}},
		{"eligible with something to be cleared", sound, decision{Outcome: "eligible", Conditions: ask("other")}, []treatment.Rule{treatment.RuleCondition}},
		{"with conditions but without any", sound, decision{Outcome: "eligibleWithConditions"}, []treatment.Rule{treatment.RuleCondition}},
		{"a condition twice", sound, decision{Outcome: "eligibleWithConditions", Conditions: ask("other", "other")}, []treatment.Rule{treatment.RuleCondition}},

		{"ineligible", psychotic, decision{Outcome: "ineligible", Reasons: reasons("psychosis")}, nil},
		{"ineligible for a reason that no rule found", sound, decision{Outcome: "ineligible", Reasons: reasons("noIndication")}, nil},
		{"ineligible though hardly anything is known", nothing, decision{Outcome: "ineligible", Reasons: reasons("noIndication")}, nil},
		{"ineligible without a reason", psychotic, decision{Outcome: "ineligible"}, []treatment.Rule{treatment.RuleReason}},
		{"for another reason, without words", sound, decision{Outcome: "ineligible", Reasons: reasons("other"), Note: " "}, []treatment.Rule{treatment.RuleReason}},
		{"for another reason", sound, decision{Outcome: "ineligible", Reasons: reasons("other"), Note: "Wants to wait."}, nil},
		{"ineligible with conditions", sound, decision{Outcome: "ineligible", Reasons: reasons("maoi"), Conditions: ask("maoi"), Accepted: accept("maoi")},
			[]treatment.Rule{treatment.RuleCondition, treatment.RuleAcceptedFinding}},
		{"deferred", nothing, decision{Outcome: "deferred", Reasons: reasons("hypertension")}, nil},
		{"deferred without a reason", nothing, decision{Outcome: "deferred"}, []treatment.Rule{treatment.RuleReason}},
		{"submitted is no outcome", sound, decision{Outcome: "submitted"}, []treatment.Rule{treatment.RuleOutcome}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := candidate()
			test.change(&c)
			before := treatment.Consultation{Status: "submitted", SubmittedAt: &noon}
			got, ruling, err := before.Decide(test.decision, c)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
			want := test.decision.Outcome
			if test.rules != nil {
				want = "submitted"
			}
			if got.Status != want || (got.DecidedAt == nil) != (test.rules != nil) || (got.ExpiresAt != nil) != (got.Status == "eligible") {
				t.Errorf("%+v, want it %s", got, want)
			}
			if test.rules != nil {
				return
			}
			if diff := cmp.Diff(treatment.Contraindications(c), ruling.Findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// What a decision keeps: who took it, by which protocol and rules, and what it rested on.
func TestDecisionIsKept(t *testing.T) {
	c := candidate()
	c.Pressure.SystolicMmHg = 150
	d := treatment.EligibilityDecision{
		Outcome: "eligible", Note: "n", PatientMessage: "m", ProtocolID: new(id(200)),
		Accepted: []treatment.AcceptedFinding{{Code: "hypertension", Note: "White coat."}},
	}
	got, ruling, err := treatment.Consultation{Status: "submitted", StatusReason: "reopened", Question: "q", SubmittedAt: &noon}.Decide(d, c)
	allowed(t, err)
	want := treatment.Consultation{
		Status: "eligible", Question: "q", SubmittedAt: &noon, DecidedAt: &noon, DecidedBy: new(id(1)), Note: "n", PatientMessage: "m",
		ProtocolID: new(id(200)), RulesVersion: treatment.RulesVersion, EligibleAt: &noon, ExpiresAt: new(days(90)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("consultation (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(treatment.Ruling{
		Accepted: d.Accepted, Evidence: c.Evidence(),
		Findings: []treatment.Finding{{Code: "hypertension", Class: "conditional", Basis: "bloodPressure"}},
	}, ruling); diff != "" {
		t.Errorf("ruling (-want +got):\n%s", diff)
	}
	c.Prescriber = nil
	_, _, err = treatment.Consultation{Status: "submitted"}.Decide(d, c)
	refused(t, err, treatment.CodeCredentialsRequired, treatment.RuleLicence)
}

// A treatment rests on the consultation that found its patient eligible, not on an old one.
func TestStartRestsOnAConsultation(t *testing.T) {
	none := unguarded()
	off := func(s *treatment.Starting) { s.Protocol, s.Production = none, false }
	tests := []struct {
		name   string
		change func(*treatment.Starting)
		rests  bool
		rules  []treatment.Rule
	}{
		{"guard on", func(*treatment.Starting) {}, true, nil},
		{"guard on, 90 days old", func(s *treatment.Starting) { s.EligibleAt = new(days(-90)) }, true, nil},
		{"guard on, older", func(s *treatment.Starting) { s.EligibleAt = new(days(-90).Add(-1)) }, false, []treatment.Rule{treatment.RuleConsultation}},
		{"guard off", off, true, nil},
		{"guard off, older", func(s *treatment.Starting) { off(s); s.EligibleAt = new(days(-90).Add(-1)) }, false, nil},
		{"guard off, from before the last treatment's end", func(s *treatment.Starting) { off(s); s.LastEndedAt = s.DecidedAt }, false, nil},
		{"guard off, none", func(s *treatment.Starting) { off(s); s.EligibleAt, s.ConsultationID = nil, nil }, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			known := starting()
			known.ConsultationID = new(id(80))
			test.change(&known)
			got, err := treatment.Start(known)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
			if rests := got.ConsultationID != nil && *got.ConsultationID != uuid.Nil; rests != test.rests {
				t.Errorf("rests on %v", got.ConsultationID)
			}
		})
	}
}
