package treatment

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ConsultationStatus is how far the intake and the decision about eligibility have come.
type ConsultationStatus string

// Consultation statuses. Expired is never stored: it follows from time.
const (
	ConsultationDraft                  ConsultationStatus = "draft"
	ConsultationSubmitted              ConsultationStatus = "submitted"
	ConsultationAwaitingInfo           ConsultationStatus = "awaitingInfo"
	ConsultationEligible               ConsultationStatus = "eligible"
	ConsultationEligibleWithConditions ConsultationStatus = "eligibleWithConditions"
	ConsultationIneligible             ConsultationStatus = "ineligible"
	ConsultationDeferred               ConsultationStatus = "deferred"
	ConsultationWithdrawn              ConsultationStatus = "withdrawn"
	ConsultationExpired                ConsultationStatus = "expired"
)

// ConsultationStatuses lists every status, the derived one too.
var ConsultationStatuses = []ConsultationStatus{
	ConsultationDraft, ConsultationSubmitted, ConsultationAwaitingInfo, ConsultationEligible,
	ConsultationEligibleWithConditions, ConsultationIneligible, ConsultationDeferred, ConsultationWithdrawn, ConsultationExpired,
}

// EligibilityOutcomes are the statuses that a decision about eligibility can lead to.
var EligibilityOutcomes = []ConsultationStatus{
	ConsultationEligible, ConsultationEligibleWithConditions, ConsultationIneligible, ConsultationDeferred,
}

var consultationMoves = machine[ConsultationStatus]{
	ConsultationDraft:                  {ConsultationSubmitted, ConsultationWithdrawn},
	ConsultationAwaitingInfo:           {ConsultationSubmitted, ConsultationWithdrawn},
	ConsultationSubmitted:              append(slices.Clone(EligibilityOutcomes), ConsultationAwaitingInfo, ConsultationWithdrawn),
	ConsultationEligibleWithConditions: {ConsultationEligible},
	ConsultationDeferred:               {ConsultationSubmitted},
	ConsultationEligible:               {},
	ConsultationIneligible:             {},
	ConsultationWithdrawn:              {},
}

// Undecided says whether the consultation still waits for its decision: a patient has at most
// one that does. One that was deferred waits too.
func (s ConsultationStatus) Undecided() bool {
	return s == ConsultationDraft || s == ConsultationSubmitted || s == ConsultationAwaitingInfo || s == ConsultationDeferred
}

// waits says whether the intake waits for answers.
func (s ConsultationStatus) waits() bool {
	return s == ConsultationDraft || s == ConsultationAwaitingInfo
}

// Consultation is the intake of a patient and the decision whether ketamine at home is for
// them. What is not given is empty; the intake itself and the [Ruling] are kept beside it.
type Consultation struct {
	Status ConsultationStatus
	// StatusReason is why it was withdrawn or reopened.
	StatusReason string
	// Question is what the clinic last wanted to know.
	Question    string
	SubmittedAt *time.Time
	DecidedAt   *time.Time
	DecidedBy   *uuid.UUID
	// Note is the clinic's; PatientMessage is what the patient reads about the decision.
	Note           string
	PatientMessage string
	// ProtocolID and RulesVersion are what the decision was judged by; the shipped protocol has
	// no id.
	ProtocolID   *uuid.UUID
	RulesVersion string
	// EligibleAt is when the patient was found eligible and nothing was left to be cleared.
	EligibleAt *time.Time
	// ExpiresAt is the last moment at which a treatment can be started on it; nil when one rests
	// on it.
	ExpiresAt *time.Time
}

// Ruling is what a decision consists of beside the status, and what it rested on. It is kept
// as JSON.
type Ruling struct {
	// Reasons are why a patient is ineligible, or the decision deferred.
	Reasons []EligibilityReason `json:"reasons,omitempty"`
	// Conditions are what has to be cleared.
	Conditions []Clearance `json:"conditions,omitempty"`
	// Accepted are the conditional findings that the prescriber has decided to live with.
	Accepted []AcceptedFinding      `json:"acceptedFindings,omitempty"`
	Findings []Finding              `json:"findings,omitempty"`
	Evidence []ConsultationEvidence `json:"evidence,omitempty"`
}

// Patients is what the patient may know of a ruling: why not, and what they are asked to bring.
func (r Ruling) Patients() Ruling {
	own := Ruling{Reasons: r.Reasons}
	for _, c := range r.Conditions {
		own.Conditions = append(own.Conditions, Clearance{Code: c.Code, Ask: c.Ask, ClearedAt: c.ClearedAt})
	}
	return own
}

// Clearance is a condition of an eligibility, and how it was cleared.
type Clearance struct {
	Code EligibilityReason `json:"code"`
	// Ask is what is asked for.
	Ask       string     `json:"ask"`
	Evidence  string     `json:"evidence,omitempty"` // what cleared it
	ClearedAt *time.Time `json:"clearedAt,omitempty"`
	ClearedBy *uuid.UUID `json:"clearedBy,omitempty"`
}

// AcceptedFinding is a conditional finding that does not stand in the way, and why.
type AcceptedFinding struct {
	Code EligibilityReason `json:"code"`
	Note string            `json:"note"`
}

// OpenConsultation makes a draft for a patient of the clinic's active care, who has no other
// consultation that is undecided (CodeConsultationOpen); others are the statuses of all.
func OpenConsultation(patient PatientStatus, others []ConsultationStatus) (Consultation, error) {
	var o objections
	if patient != PatientActive {
		o.add(CodeRuleViolated, Reason{Rule: RulePatientActive, Detail: "the patient is not in the clinic's active care"})
	}
	if slices.ContainsFunc(others, ConsultationStatus.Undecided) {
		o.add(CodeConsultationOpen, Reason{Rule: RuleOtherConsultation, Detail: "the patient has another consultation that is not decided"})
	}
	if err := o.refusal("the consultation cannot be opened"); err != nil {
		return Consultation{}, err
	}
	return Consultation{Status: ConsultationDraft}, nil
}

// StatusAt is the status at a time: an eligibility on which no treatment rests expires.
func (c Consultation) StatusAt(now time.Time) ConsultationStatus {
	if c.Status == ConsultationEligible && c.ExpiresAt != nil && now.After(*c.ExpiresAt) {
		return ConsultationExpired
	}
	return c.Status
}

// Deadlines of a consultation: an eligibility on which no treatment rests has expired.
func (c Consultation) Deadlines() []Deadline {
	if c.Status != ConsultationEligible || c.ExpiresAt == nil {
		return nil
	}
	return []Deadline{{Kind: DeadlineEligibility, At: c.ExpiresAt.Add(time.Microsecond)}} // it is the last good moment
}

// Fill says whether the intake may be changed: while it waits for answers.
func (c Consultation) Fill() error {
	if !c.Status.waits() {
		return illegal("a consultation that is "+string(c.Status), "be filled in")
	}
	return nil
}

// Submit hands an intake to the clinic. Every question of the patient's part is answered, if
// only by saying that nobody knows.
func (c Consultation) Submit(intake Intake, now time.Time) (Consultation, error) {
	if !c.Status.waits() {
		return c, illegal("a consultation that is "+string(c.Status), "be submitted")
	}
	var o objections
	intake.incomplete(&o)
	if err := o.refusal("the intake cannot be submitted"); err != nil {
		return c, err
	}
	c.Status, c.SubmittedAt = ConsultationSubmitted, new(now.UTC())
	return c, nil
}

// RequestInfo gives a submitted intake back with a question.
func (c Consultation) RequestInfo(question string) (Consultation, error) {
	next, err := c.to(ConsultationAwaitingInfo)
	if err != nil {
		return c, err
	}
	next.Question = question
	return next, nil
}

// Withdraw ends a consultation that is not decided, and must say why.
func (c Consultation) Withdraw(reason string) (Consultation, error) {
	next, err := c.to(ConsultationWithdrawn)
	if err != nil {
		return c, err
	}
	if err := requireReason("the consultation cannot be withdrawn", reason); err != nil {
		return c, err
	}
	next.StatusReason = reason
	return next, nil
}

// Reopen takes a deferred decision up again, and must say why. What was decided is in the
// history.
func (c Consultation) Reopen(reason string) (Consultation, error) {
	if c.Status != ConsultationDeferred {
		return c, illegal("a consultation that is "+string(c.Status), "be reopened")
	}
	if err := requireReason("the consultation cannot be reopened", reason); err != nil {
		return c, err
	}
	return Consultation{
		Status: ConsultationSubmitted, StatusReason: reason, Question: c.Question, SubmittedAt: c.SubmittedAt,
	}, nil
}

// Clear says that a condition is fulfilled, and by what. With the last one the patient is
// eligible, for as long as the protocol says.
func (c Consultation) Clear(r Ruling, code EligibilityReason, evidence string, by uuid.UUID, now time.Time, p Protocol) (Consultation, Ruling, error) {
	if c.Status != ConsultationEligibleWithConditions {
		return c, r, illegal("a consultation that is "+string(c.Status), "have a condition cleared")
	}
	var o objections
	at := slices.IndexFunc(r.Conditions, func(l Clearance) bool { return l.Code == code && l.ClearedAt == nil })
	if at < 0 {
		o.add(CodeRuleViolated, Reason{Rule: RuleCondition, Pointer: "/condition", Detail: "is no condition that is open"})
	}
	if strings.TrimSpace(evidence) == "" {
		o.add(CodeRuleViolated, Reason{Rule: RuleEvidence, Pointer: "/evidence", Detail: "it must be said what clears the condition"})
	}
	if err := o.refusal("the condition cannot be cleared"); err != nil {
		return c, r, err
	}
	r.Conditions = slices.Clone(r.Conditions)
	cleared := &r.Conditions[at]
	cleared.Evidence, cleared.ClearedAt, cleared.ClearedBy = evidence, new(now.UTC()), new(by)
	if !slices.ContainsFunc(r.Conditions, func(l Clearance) bool { return l.ClearedAt == nil }) {
		c = c.eligible(now, p)
	}
	return c, r, nil
}

// eligible says that a treatment can be started, for as long as the protocol says.
func (c Consultation) eligible(now time.Time, p Protocol) Consultation {
	c.Status, c.EligibleAt = ConsultationEligible, new(now.UTC())
	c.ExpiresAt = new(now.UTC().Add(time.Duration(p.Treatment.ConsultationMaxAgeDays) * 24 * time.Hour))
	return c
}

// Use says that a treatment rests on the eligibility: it does not expire any more.
func (c Consultation) Use() Consultation {
	c.ExpiresAt = nil
	return c
}

func (c Consultation) to(next ConsultationStatus) (Consultation, error) {
	if err := consultationMoves.move("a consultation", c.Status, next); err != nil {
		return c, err
	}
	c.Status = next
	return c, nil
}
