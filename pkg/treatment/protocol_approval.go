package treatment

import (
	"time"

	"github.com/google/uuid"
)

// ProtocolStatus says whether a clinic's protocol is in use.
type ProtocolStatus string

// Protocol statuses.
const (
	ProtocolProposed ProtocolStatus = "proposed"
	ProtocolApproved ProtocolStatus = "approved"
)

// ProtocolStatuses lists every protocol status.
var ProtocolStatuses = []ProtocolStatus{ProtocolProposed, ProtocolApproved}

var protocolMoves = machine[ProtocolStatus]{
	ProtocolProposed: {ProtocolApproved},
	ProtocolApproved: {},
}

// ProtocolApproval is how a protocol came into use. What the protocol says never changes.
type ProtocolApproval struct {
	Status ProtocolStatus
	// Reason is what is different, and why.
	Reason string
	// ProposedBy and ApprovedBy are nil for the shipped protocols.
	ProposedBy *uuid.UUID
	ApprovedBy *uuid.UUID
	ApprovedAt *time.Time
}

// Propose makes a proposal of a protocol, which must be sound ([Protocol.Validate]). It cannot
// switch off a guard that is on in the shipped protocol.
func (p Protocol) Propose(by uuid.UUID, reason string) (ProtocolApproval, error) {
	if p.unguarded() {
		return ProtocolApproval{}, refuse(CodeProtocolNotAllowed, "the protocol cannot be proposed",
			Reason{Rule: RuleProtocol, Pointer: "/guardsOff", Detail: "a clinic cannot switch guards off"})
	}
	if err := p.Validate(); err != nil {
		return ProtocolApproval{}, err
	}
	return ProtocolApproval{Status: ProtocolProposed, Reason: reason, ProposedBy: new(by)}, nil
}

// Approve lets treatments follow a proposed protocol. Whoever proposed it does not approve it:
// two people look at every number.
func (a ProtocolApproval) Approve(by uuid.UUID, now time.Time) (ProtocolApproval, error) {
	if err := protocolMoves.move("a protocol", a.Status, ProtocolApproved); err != nil {
		return a, err
	}
	if a.ProposedBy != nil && *a.ProposedBy == by {
		return a, refuse(CodeRuleViolated, "the protocol cannot be approved",
			Reason{Rule: RuleOtherPerson, Detail: "somebody else than the proposer must approve it"})
	}
	a.Status, a.ApprovedBy, a.ApprovedAt = ProtocolApproved, new(by), new(now.UTC())
	return a, nil
}

// ShippedApproval is the approval of a protocol that comes with a new clinic.
func ShippedApproval(now time.Time) ProtocolApproval {
	return ProtocolApproval{Status: ProtocolApproved, ApprovedAt: new(now.UTC())}
}

// usable objects to a protocol that no treatment may follow: one that is not approved, or, in
// production, one with fewer guards than the shipped one, which can have come only past the rules.
func (p Protocol) usable(o *objections, approved, production bool) {
	if !approved {
		o.add(CodeProtocolNotAllowed, Reason{Rule: RuleProtocol, Pointer: "/protocolId", Detail: "the protocol is not approved"})
	}
	if production && p.unguarded() {
		o.add(CodeProtocolNotAllowed, Reason{Rule: RuleProtocol, Pointer: "/protocolId",
			Detail: "the protocol has guards switched off, which a production clinic does not allow"})
	}
}

// Follow moves an open treatment to another protocol. Sessions that began before are judged
// by the earlier one; limits of the patient that are tighter still hold.
func (t Treatment) Follow(id uuid.UUID, p Protocol, approved, production bool) (Treatment, error) {
	if !t.Phase.Open() {
		return t, illegal("a treatment that is "+string(t.Phase), "be changed")
	}
	var o objections
	p.usable(&o, approved, production)
	if err := o.refusal("the treatment cannot follow the protocol"); err != nil {
		return t, err
	}
	t.ProtocolID, t.RulesVersion = id, RulesVersion
	return t, nil
}
