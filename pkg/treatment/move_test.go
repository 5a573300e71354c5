package treatment

import (
	"errors"
	"slices"
	"testing"
)

// checkMachine checks that every status can be reached from the first ones, that exactly the
// given ones are terminal, and that the machine's statuses are the listed ones but for those
// that are derived.
func checkMachine[S ~string](t *testing.T, m machine[S], all, first, terminal, derived []S) {
	t.Helper()
	reached := map[S]bool{}
	var visit func(S)
	visit = func(s S) {
		if reached[s] {
			return
		}
		reached[s] = true
		for _, next := range m[s] {
			visit(next)
		}
	}
	for _, s := range first {
		visit(s)
	}
	for _, s := range all {
		next, stored := m[s]
		if slices.Contains(derived, s) {
			if stored || reached[s] {
				t.Errorf("%s is derived and in the machine", s)
			}
			continue
		}
		if !stored || !reached[s] {
			t.Errorf("%s is not reachable", s)
		}
		if got, want := len(next) == 0, slices.Contains(terminal, s); got != want {
			t.Errorf("%s is terminal: %t, want %t", s, got, want)
		}
	}
	for s := range m {
		if !slices.Contains(all, s) {
			t.Errorf("%s is not listed", s)
		}
	}
}

func TestMachines(t *testing.T) {
	t.Run("treatment", func(t *testing.T) {
		checkMachine(t, phaseMoves, Phases, []Phase{PhasePlanned}, []Phase{PhaseCompleted, PhaseDiscontinued}, nil)
	})
	t.Run("prescription", func(t *testing.T) {
		checkMachine(t, prescriptionMoves, PrescriptionStatuses, []PrescriptionStatus{PrescriptionDraft},
			[]PrescriptionStatus{PrescriptionEnteredInError}, []PrescriptionStatus{PrescriptionExpired})
	})
	t.Run("protocol", func(t *testing.T) {
		checkMachine(t, protocolMoves, ProtocolStatuses, []ProtocolStatus{ProtocolProposed}, []ProtocolStatus{ProtocolApproved}, nil)
	})
	t.Run("visit", func(t *testing.T) {
		checkMachine(t, visitMoves, VisitStatuses, []VisitStatus{VisitBooked}, []VisitStatus{VisitCompleted, VisitNoShow, VisitCancelled}, nil)
	})
	t.Run("alert", func(t *testing.T) {
		checkMachine(t, alertMoves, AlertStatuses, []AlertStatus{AlertOpen}, nil, nil)
	})
	t.Run("consultation", func(t *testing.T) {
		checkMachine(t, consultationMoves, ConsultationStatuses, []ConsultationStatus{ConsultationDraft},
			[]ConsultationStatus{ConsultationEligible, ConsultationIneligible, ConsultationWithdrawn}, []ConsultationStatus{ConsultationExpired})
	})
	t.Run("assessment", func(t *testing.T) {
		checkMachine(t, assessmentMoves, AssessmentStatuses, []AssessmentStatus{AssessmentAssigned, AssessmentSubmitted},
			[]AssessmentStatus{AssessmentEnteredInError}, []AssessmentStatus{AssessmentExpired})
	})
	t.Run("consent template", func(t *testing.T) {
		checkMachine(t, consentTemplateMoves, ConsentTemplateStatuses, []ConsentTemplateStatus{ConsentTemplatePublished},
			[]ConsentTemplateStatus{ConsentTemplateRetired}, nil)
	})
	t.Run("consent", func(t *testing.T) {
		checkMachine(t, consentMoves, ConsentStatuses, []ConsentStatus{ConsentPresented}, nil, []ConsentStatus{ConsentExpired})
	})
	t.Run("adverse event", func(t *testing.T) {
		checkMachine(t, adverseEventMoves, AdverseEventStatuses, []AdverseEventStatus{AdverseEventReported},
			[]AdverseEventStatus{AdverseEventEnteredInError}, nil)
	})
	t.Run("adjustment", func(t *testing.T) {
		checkMachine(t, adjustmentMoves, AdjustmentStatuses, []AdjustmentStatus{AdjustmentProposed},
			[]AdjustmentStatus{AdjustmentApplied, AdjustmentRejected, AdjustmentWithdrawn, AdjustmentExpired}, nil)
	})
}

func TestMoveNamesBothStates(t *testing.T) {
	err := phaseMoves.move("a treatment", PhaseCompleted, PhaseTaper)
	if got, want := err.Error(), "a treatment that is completed cannot become taper"; got != want {
		t.Errorf("detail = %q, want %q", got, want)
	}
	if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal.Kind != IllegalMove || refusal.Code != CodeIllegalTransition || refusal.Reasons != nil {
		t.Errorf("refusal = %+v", refusal)
	}
}

// Every alert rule and every deviation is fully described.
func TestTables(t *testing.T) {
	for _, rule := range AlertRules {
		if !slices.Contains(Severities, alertSeverity[rule]) {
			t.Errorf("%s has no severity", rule)
		}
	}
	if len(alertSeverity) != len(AlertRules) {
		t.Errorf("%d rules have a severity, %d are listed", len(alertSeverity), len(AlertRules))
	}
	for _, reason := range EligibilityReasons { // the last two are for people to find
		if _, found := reasonClasses[reason]; found == (reason == ReasonNoIndication || reason == ReasonOther) {
			t.Errorf("%s has a class: %t", reason, found)
		}
	}
	if len(reasonClasses)+2 != len(EligibilityReasons) {
		t.Errorf("%d reasons have a class, %d are listed", len(reasonClasses), len(EligibilityReasons))
	}
	if got := codePrecedence; len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("codes are there twice: %v", got)
	}
}

func TestRefusalCarriesTheFirstCode(t *testing.T) {
	var o objections
	if err := o.refusal("it cannot be done"); err != nil {
		t.Fatalf("nothing objected, but refused: %v", err)
	}
	o.add(CodeRuleViolated, Reason{Rule: RuleRefills})
	o.add(CodeWeightRequired, Reason{Rule: RuleWeight})
	o.add(CodeRuleViolated, Reason{Rule: RuleConsents, Limit: "a"})
	o.add(CodeRuleViolated, Reason{Rule: RuleConsents, Limit: "b"})
	refusal, ok := errors.AsType[*Refusal](o.refusal("it cannot be done"))
	if !ok {
		t.Fatal("objected, but not refused")
	}
	if refusal.Code != CodeWeightRequired || refusal.Kind != RuleBroken || len(refusal.Reasons) != 4 {
		t.Errorf("refusal = %+v", refusal)
	}
	if got, want := refusal.Error(), "it cannot be done: refills, weight, consents"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
}
