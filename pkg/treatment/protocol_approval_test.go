package treatment_test

import (
	"testing"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestProposeAndApprove(t *testing.T) {
	proposal, err := treatment.Default().Propose(id(9), "longer intervals")
	allowed(t, err)
	if proposal.Status != treatment.ProtocolProposed || *proposal.ProposedBy != id(9) || proposal.Reason == "" {
		t.Errorf("proposal = %+v", proposal)
	}
	_, err = proposal.Approve(id(9), noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleOtherPerson)
	approved, err := proposal.Approve(id(1), noon)
	allowed(t, err)
	if approved.Status != treatment.ProtocolApproved || *approved.ApprovedBy != id(1) || !approved.ApprovedAt.Equal(noon) {
		t.Errorf("approved = %+v", approved)
	}
	_, err = approved.Approve(id(2), noon)
	refused(t, err, treatment.CodeIllegalTransition)
	_, err = treatment.ShippedApproval(noon).Approve(id(1), noon)
	refused(t, err, treatment.CodeIllegalTransition)
}

func TestProposalsAreSound(t *testing.T) {
	for _, guard := range treatment.GuardNames {
		_, err := without(guard).Propose(id(9), "")
		refused(t, err, treatment.CodeProtocolNotAllowed, treatment.RuleProtocol)
	}
	_, err := guarded().Propose(id(9), "")
	allowed(t, err)
	p := treatment.Default()
	p.Prescribing.MaxRefills, p.Prescribing.ValidityMonths = 6, 7
	_, err = p.Propose(id(9), "")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleProtocol, treatment.RuleProtocol)
}

func TestFollow(t *testing.T) {
	for _, phase := range treatment.Phases {
		course := inPhase(t, phase)
		moved, err := course.Follow(id(201), treatment.Default(), true, true)
		if !phase.Open() {
			refused(t, err, treatment.CodeIllegalTransition)
			continue
		}
		allowed(t, err)
		if moved.ProtocolID != id(201) {
			t.Errorf("%s: follows %s", phase, moved.ProtocolID)
		}
	}
	course := inPhase(t, treatment.PhaseInduction)
	_, err := course.Follow(id(201), treatment.Default(), false, false)
	refused(t, err, treatment.CodeProtocolNotAllowed, treatment.RuleProtocol)
	_, err = course.Follow(id(201), unguarded(), true, true)
	refused(t, err, treatment.CodeProtocolNotAllowed, treatment.RuleProtocol)
	_, err = course.Follow(id(201), unguarded(), true, false)
	allowed(t, err)
}
