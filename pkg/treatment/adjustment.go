package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// AdjustmentStatus is where an adjustment stands.
type AdjustmentStatus string

// Adjustment statuses. Expired follows from time; it is stored when the next one is proposed.
const (
	AdjustmentProposed  AdjustmentStatus = "proposed"
	AdjustmentApproved  AdjustmentStatus = "approved"
	AdjustmentApplied   AdjustmentStatus = "applied"
	AdjustmentRejected  AdjustmentStatus = "rejected"
	AdjustmentWithdrawn AdjustmentStatus = "withdrawn"
	AdjustmentExpired   AdjustmentStatus = "expired"
)

// AdjustmentStatuses lists every status.
var AdjustmentStatuses = []AdjustmentStatus{
	AdjustmentProposed, AdjustmentApproved, AdjustmentApplied, AdjustmentRejected, AdjustmentWithdrawn, AdjustmentExpired,
}

var adjustmentMoves = machine[AdjustmentStatus]{
	AdjustmentProposed:  {AdjustmentApproved, AdjustmentRejected, AdjustmentWithdrawn, AdjustmentExpired},
	AdjustmentApproved:  {AdjustmentApplied, AdjustmentWithdrawn},
	AdjustmentApplied:   {},
	AdjustmentRejected:  {},
	AdjustmentWithdrawn: {},
	AdjustmentExpired:   {},
}

// Open says whether something may still come of it. A treatment has at most one that is open.
func (s AdjustmentStatus) Open() bool { return s == AdjustmentProposed || s == AdjustmentApproved }

// AdjustmentSource is whose idea an adjustment was.
type AdjustmentSource string

// Adjustment sources. Nobody names AdjustmentByEngine: it is what a proposal becomes that says just
// what the named suggestion says. Like a clinician's it counts for nobody when two have to sign.
const (
	AdjustmentByClinician      AdjustmentSource = "clinician"
	AdjustmentByPatientRequest AdjustmentSource = "patientRequest"
	AdjustmentByEngine         AdjustmentSource = "engine"
)

// AdjustmentSources lists every source, ProposalSources those that can be named.
var (
	AdjustmentSources = []AdjustmentSource{AdjustmentByClinician, AdjustmentByPatientRequest, AdjustmentByEngine}
	ProposalSources   = []AdjustmentSource{AdjustmentByClinician, AdjustmentByPatientRequest}
)

// Dosing is the part of an order that adjustments change.
type Dosing struct {
	DoseMg           dose.Mg
	BoosterMg        dose.Mg
	MinIntervalHours int
	SessionsPerWeek  int
}

// Dosing is how much may be taken and how often.
func (o Order) Dosing() Dosing {
	return Dosing{DoseMg: o.DoseMg, BoosterMg: o.BoosterMg, MinIntervalHours: o.MinIntervalHours, SessionsPerWeek: o.SessionsPerWeek}
}

// DosingChange is what shall be different; what is nil or empty stays as it is.
type DosingChange struct {
	DoseMg           *dose.Mg
	BoosterMg        *dose.Mg
	MinIntervalHours *int
	SessionsPerWeek  *int
	// Directions is what the label then says.
	Directions string
}

// apply is the order after the change.
func (c DosingChange) apply(o Order) Order {
	o.DoseMg, o.BoosterMg = orElse(c.DoseMg, o.DoseMg), orElse(c.BoosterMg, o.BoosterMg)
	o.MinIntervalHours, o.SessionsPerWeek = orElse(c.MinIntervalHours, o.MinIntervalHours), orElse(c.SessionsPerWeek, o.SessionsPerWeek)
	if c.Directions != "" {
		o.Directions = c.Directions
	}
	return o
}

func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}

// differing are the members of two dosings that are not the same, as JSON pointers.
func (d Dosing) differing(other Dosing) (pointers []string) {
	for _, member := range []struct {
		pointer string
		same    bool
	}{
		{"/doseMg", d.DoseMg == other.DoseMg}, {"/boosterMg", d.BoosterMg == other.BoosterMg},
		{"/minIntervalHours", d.MinIntervalHours == other.MinIntervalHours}, {"/sessionsPerWeek", d.SessionsPerWeek == other.SessionsPerWeek},
	} {
		if !member.same {
			pointers = append(pointers, member.pointer)
		}
	}
	return pointers
}

// Adjustment is a proposed change of dose or interval and what became of it. What it changes,
// and the records that it rests on, the caller keeps beside it.
type Adjustment struct {
	Source AdjustmentSource
	Reason string
	// PrescriptionID is the prescription that it changes.
	PrescriptionID uuid.UUID
	Status         AdjustmentStatus
	// StatusReason is why it was rejected or withdrawn.
	StatusReason string
	ProposedBy   uuid.UUID
	// ExpiresAt: from this moment on it can no longer be approved.
	ExpiresAt  time.Time
	ApprovedAt *time.Time
	ApprovedBy *uuid.UUID
	// ProtocolID and RulesVersion are what the approval was given under.
	ProtocolID   uuid.UUID
	RulesVersion string
	// SuggestionID is the suggestion that the proposal took up or departed from, if it named one.
	SuggestionID *uuid.UUID
	// DraftID is the newest prescription that was drafted from it.
	DraftID   *uuid.UUID
	AppliedAt *time.Time
	// EndedAt is when it was rejected, withdrawn or found expired, and EndedBy by whom; nil if
	// time or the end of the treatment did it.
	EndedAt *time.Time
	EndedBy *uuid.UUID
}

// StatusAt is the status at a time: a proposal whose time has passed is expired.
func (a Adjustment) StatusAt(now time.Time) AdjustmentStatus {
	if a.Status == AdjustmentProposed && !now.Before(a.ExpiresAt) {
		return AdjustmentExpired
	}
	return a.Status
}

// Deadlines of an adjustment: nobody has decided about the proposal.
func (a Adjustment) Deadlines() []Deadline {
	if a.Status != AdjustmentProposed {
		return nil
	}
	return []Deadline{{Kind: DeadlineProposal, At: a.ExpiresAt}}
}

// Proposing is what is known when an adjustment is proposed.
type Proposing struct {
	Now    time.Time
	By     uuid.UUID
	Source AdjustmentSource
	Reason string
	Change DosingChange
	// Evidence is what the proposal rests on.
	Evidence []Evidence
	// Phase is the treatment's, and Order what is prescribed in it; nil when no signed
	// prescription is in force. One that has expired by now is good enough: the next one is
	// drafted from it.
	Phase          Phase
	Order          *Order
	PrescriptionID uuid.UUID
	// Others are the statuses by now of the treatment's other adjustments.
	Others   []AdjustmentStatus
	Protocol Protocol
	// Suggestion is the one that the proposal names, of this treatment; nil when it names none.
	Suggestion   *Suggestion
	SuggestionID *uuid.UUID
}

// Propose makes a proposal. It is refused while another adjustment of the treatment is open
// (CodeAdjustmentOpen), without a prescription to change, without evidence, or when nothing
// would be different; and with a suggestion that has expired or is about another prescription.
// Limits of doses are checked when the prescription is signed.
func Propose(p Proposing) (Adjustment, error) {
	if !p.Phase.Open() {
		return Adjustment{}, illegal("a treatment that is "+string(p.Phase), "be adjusted")
	}
	var o objections
	if slices.ContainsFunc(p.Others, AdjustmentStatus.Open) {
		o.add(CodeAdjustmentOpen, Reason{Rule: RuleOtherAdjustment, Detail: "the treatment has another open adjustment"})
	}
	if len(p.Evidence) == 0 {
		o.add(CodeRuleViolated, Reason{Rule: RuleEvidence, Pointer: "/evidence", Detail: "a proposal rests on at least one record"})
	}
	switch {
	case p.Order == nil:
		o.add(CodeRuleViolated, Reason{Rule: RuleNoActivePrescription, Detail: "no signed prescription is in force"})
	case p.Change.apply(*p.Order).Dosing() == p.Order.Dosing():
		o.add(CodeRuleViolated, Reason{Rule: RuleAdjustment, Pointer: "/change", Detail: "dose and interval would stay as they are"})
	}
	if p.Change.DoseMg != nil && *p.Change.DoseMg <= 0 {
		o.add(CodeRuleViolated, Reason{Rule: RuleDose, Pointer: "/change/doseMg", Detail: "the dose must be above zero"})
	}
	p.suggested(&o)
	if err := o.refusal("the adjustment cannot be proposed"); err != nil {
		return Adjustment{}, err
	}
	if p.Suggestion != nil && p.Suggestion.Proposes(p.Change) {
		p.Source = AdjustmentByEngine
	}
	return Adjustment{
		Source: p.Source, SuggestionID: p.SuggestionID, Reason: p.Reason, PrescriptionID: p.PrescriptionID,
		Status: AdjustmentProposed, ProposedBy: p.By, ExpiresAt: p.Now.UTC().AddDate(0, 0, p.Protocol.Titration.ProposalDays),
	}, nil
}

// suggested objects to a suggestion that can no longer be named.
func (p Proposing) suggested(o *objections) {
	switch {
	case p.Suggestion == nil:
	case p.Suggestion.Expired(p.Now):
		o.add(CodeRuleViolated, Reason{Rule: RuleSuggestion, Pointer: "/suggestionId", Detail: "the suggestion has expired: ask for a new one"})
	case orElse(p.Suggestion.PrescriptionID, uuid.Nil) != p.PrescriptionID:
		o.add(CodeRuleViolated, Reason{Rule: RuleSuggestion, Pointer: "/suggestionId", Detail: "the suggestion is about another prescription than the one in force: ask for a new one"})
	}
}

// Approve says that the change shall be made. The caller has made sure that nothing is new
// that the approver has not considered: see [Unconsidered].
func (a Adjustment) Approve(by, protocol uuid.UUID, now time.Time) (Adjustment, error) {
	if err := adjustmentMoves.move("an adjustment", a.StatusAt(now), AdjustmentApproved); err != nil {
		return a, err
	}
	a.Status, a.ApprovedAt, a.ApprovedBy = AdjustmentApproved, new(now.UTC()), new(by)
	a.ProtocolID, a.RulesVersion = protocol, RulesVersion
	return a, nil
}

// Reject says that the change shall not be made, and why.
func (a Adjustment) Reject(reason string, by uuid.UUID, now time.Time) (Adjustment, error) {
	if err := adjustmentMoves.move("an adjustment", a.StatusAt(now), AdjustmentRejected); err != nil {
		return a, err
	}
	if err := requireReason("the adjustment cannot be rejected", reason); err != nil {
		return a, err
	}
	return a.end(AdjustmentRejected, reason, &by, now), nil
}

// Withdraw takes back a proposal, or an approval that cannot be carried out: it would stand in
// the way of every other adjustment. It is refused with CodeAlreadyApplied while a prescription
// that was drafted from it lives: earlier is its status, empty if there was none.
func (a Adjustment) Withdraw(reason string, earlier PrescriptionStatus, by uuid.UUID, now time.Time) (Adjustment, error) {
	if err := adjustmentMoves.move("an adjustment", a.StatusAt(now), AdjustmentWithdrawn); err != nil {
		return a, err
	}
	if lives(earlier) {
		return a, refuse(CodeAlreadyApplied, "the adjustment cannot be withdrawn",
			Reason{Rule: RuleAdjustment, Detail: "a prescription was drafted from it and was not discarded"})
	}
	return a.end(AdjustmentWithdrawn, reason, &by, now), nil
}

// lives says whether a prescription that was drafted from an adjustment may still become active.
func lives(drafted PrescriptionStatus) bool {
	return drafted != "" && drafted != PrescriptionDiscarded && drafted != PrescriptionEnteredInError
}

// Draft makes the prescription that the adjustment asks for, of the order that it was approved
// for. It is refused with CodeAlreadyApplied while the one that was drafted before lives:
// earlier is its status, empty if there was none.
func (a Adjustment) Draft(o Order, c DosingChange, earlier PrescriptionStatus, phase Phase) (Prescription, error) {
	switch {
	case a.Status == AdjustmentApplied, a.Status == AdjustmentApproved && lives(earlier):
		return Prescription{}, refuse(CodeAlreadyApplied, "the adjustment cannot be applied again",
			Reason{Rule: RuleAdjustment, Detail: "a prescription was drafted from it and was not discarded"})
	case a.Status != AdjustmentApproved:
		return Prescription{}, illegal("an adjustment that is "+string(a.Status), "be applied")
	}
	return Draft(c.apply(o), phase)
}

// Apply says that the prescription that was drafted from it has become active.
func (a Adjustment) Apply(now time.Time) (Adjustment, error) {
	if err := adjustmentMoves.move("an adjustment", a.Status, AdjustmentApplied); err != nil {
		return a, err
	}
	a.Status, a.AppliedAt = AdjustmentApplied, new(now.UTC())
	return a, nil
}

// Expire is what is kept of a proposal once its time has passed. Others stay as they are.
func (a Adjustment) Expire(now time.Time) Adjustment {
	if a.Status == AdjustmentProposed && a.StatusAt(now) == AdjustmentExpired {
		return a.end(AdjustmentExpired, "", nil, now)
	}
	return a
}

// End is what becomes of an adjustment when its treatment is completed or discontinued: an
// open one is withdrawn, others stay as they are.
func (a Adjustment) End(reason string, now time.Time) Adjustment {
	if a.StatusAt(now).Open() {
		return a.end(AdjustmentWithdrawn, reason, nil, now)
	}
	return a
}

func (a Adjustment) end(status AdjustmentStatus, reason string, by *uuid.UUID, now time.Time) Adjustment {
	a.Status, a.StatusReason, a.EndedAt, a.EndedBy = status, reason, new(now.UTC()), by
	return a
}
