package treatment

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// VisitKind is what a visit is for.
type VisitKind string

// Visit kinds.
const (
	VisitInitial  VisitKind = "initial"
	VisitFollowUp VisitKind = "followUp"
	VisitRefill   VisitKind = "refill"
	VisitSafety   VisitKind = "safety"
	VisitClosing  VisitKind = "closing"
)

// VisitKinds lists every kind.
var VisitKinds = []VisitKind{VisitInitial, VisitFollowUp, VisitRefill, VisitSafety, VisitClosing}

// VisitMode is how provider and patient meet.
type VisitMode string

// Visit modes.
const (
	VisitByVideo  VisitMode = "video"
	VisitByPhone  VisitMode = "phone"
	VisitInPerson VisitMode = "inPerson"
)

// VisitModes lists every mode.
var VisitModes = []VisitMode{VisitByVideo, VisitByPhone, VisitInPerson}

// VisitStatus is where a visit stands.
type VisitStatus string

// Visit statuses.
const (
	VisitBooked    VisitStatus = "booked"
	VisitCompleted VisitStatus = "completed"
	VisitNoShow    VisitStatus = "noShow"
	VisitCancelled VisitStatus = "cancelled"
)

// VisitStatuses lists every status.
var VisitStatuses = []VisitStatus{VisitBooked, VisitCompleted, VisitNoShow, VisitCancelled}

var visitMoves = machine[VisitStatus]{
	VisitBooked:    {VisitCompleted, VisitNoShow, VisitCancelled},
	VisitCompleted: {},
	VisitNoShow:    {},
	VisitCancelled: {},
}

// Booking is what is agreed on: who meets the patient, when and how.
type Booking struct {
	Kind       VisitKind
	Mode       VisitMode
	ProviderID uuid.UUID
	PlannedAt  time.Time
	// TimeZone is the IANA zone in which the patient was told the time.
	TimeZone    string
	DurationMin int
}

// Visit is a meeting of a patient with a provider, and what came of it.
type Visit struct {
	Booking
	Status VisitStatus
	// StatusReason is why it was cancelled.
	StatusReason string
	// Note is the provider's own; PatientSummary is what the patient reads.
	Note           string
	PatientSummary string
	CompletedAt    *time.Time
	CompletedBy    *uuid.UUID
	// ExaminedInPerson: the provider, a prescriber, has examined the patient in person.
	ExaminedInPerson bool
}

// Book books a visit of a patient who must be in the clinic's active care.
func Book(b Booking, patient PatientStatus) (Visit, error) {
	if patient != PatientActive {
		return Visit{}, refuse(CodeRuleViolated, "the visit cannot be booked",
			Reason{Rule: RulePatientActive, Detail: "the patient is not in the clinic's active care"})
	}
	return Visit{Booking: b, Status: VisitBooked}, nil
}

// Rebook changes what is agreed on while nothing has come of it.
func (v Visit) Rebook(b Booking) (Visit, error) {
	if v.Status != VisitBooked {
		return v, illegal("a visit that is "+string(v.Status), "be changed")
	}
	v.Booking = b
	return v, nil
}

// VisitCompletion is what came of a visit.
type VisitCompletion struct {
	Note             string
	PatientSummary   string
	ExaminedInPerson bool
	// ProviderPrescribes: the visit's provider has the prescriber role now.
	ProviderPrescribes bool
	By                 uuid.UUID
	Now                time.Time
}

// Complete says that a visit took place, which may be earlier than planned. It is refused without a
// note. An examination in person counts only if a prescriber made it in a visit in person.
func (v Visit) Complete(c VisitCompletion) (Visit, error) {
	if err := visitMoves.move("a visit", v.Status, VisitCompleted); err != nil {
		return v, err
	}
	var o objections
	if strings.TrimSpace(c.Note) == "" {
		o.add(CodeRuleViolated, Reason{Rule: RuleNote, Pointer: "/note", Detail: "a note is required"})
	}
	if c.ExaminedInPerson && (v.Mode != VisitInPerson || !c.ProviderPrescribes) {
		o.add(CodeRuleViolated, Reason{Rule: RuleInPersonExam, Pointer: "/examinedInPerson",
			Detail: "only a prescriber examines in person, in a visit in person"})
	}
	if err := o.refusal("the visit cannot be completed"); err != nil {
		return v, err
	}
	v.Status, v.CompletedAt, v.CompletedBy = VisitCompleted, new(c.Now.UTC()), new(c.By)
	v.Note, v.PatientSummary, v.ExaminedInPerson = c.Note, c.PatientSummary, c.ExaminedInPerson
	return v, nil
}

// MarkNoShow says that the patient did not come. It is refused before the visit's time.
func (v Visit) MarkNoShow(now time.Time) (Visit, error) {
	if err := visitMoves.move("a visit", v.Status, VisitNoShow); err != nil {
		return v, err
	}
	if now.Before(v.PlannedAt) {
		return v, refuse(CodeRuleViolated, "the patient cannot have missed the visit", Reason{Rule: RulePlannedTime,
			Limit: v.PlannedAt.UTC().Format(time.RFC3339), Detail: "the visit is planned for later"})
	}
	v.Status = VisitNoShow
	return v, nil
}

// Cancel says that a visit will not take place, and must say why.
func (v Visit) Cancel(reason string) (Visit, error) {
	if err := visitMoves.move("a visit", v.Status, VisitCancelled); err != nil {
		return v, err
	}
	if err := requireReason("the visit cannot be cancelled", reason); err != nil {
		return v, err
	}
	v.Status, v.StatusReason = VisitCancelled, reason
	return v, nil
}
