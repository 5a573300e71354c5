package treatment

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// AdverseEventStatus is where an adverse event stands.
type AdverseEventStatus string

// Adverse event statuses.
const (
	AdverseEventReported       AdverseEventStatus = "reported"
	AdverseEventTriaged        AdverseEventStatus = "triaged"
	AdverseEventClosed         AdverseEventStatus = "closed"
	AdverseEventEnteredInError AdverseEventStatus = "enteredInError"
)

// AdverseEventStatuses lists every status.
var AdverseEventStatuses = []AdverseEventStatus{
	AdverseEventReported, AdverseEventTriaged, AdverseEventClosed, AdverseEventEnteredInError,
}

var adverseEventMoves = machine[AdverseEventStatus]{
	AdverseEventReported:       {AdverseEventTriaged, AdverseEventEnteredInError},
	AdverseEventTriaged:        {AdverseEventClosed, AdverseEventEnteredInError},
	AdverseEventClosed:         {AdverseEventTriaged, AdverseEventEnteredInError},
	AdverseEventEnteredInError: {},
}

// ReportedSeverity is how bad somebody found it. It is neither the grade nor the seriousness,
// which the clinic judges.
type ReportedSeverity string

// Reported severities.
const (
	ReportedMild     ReportedSeverity = "mild"
	ReportedModerate ReportedSeverity = "moderate"
	ReportedSevere   ReportedSeverity = "severe"
)

// ReportedSeverities lists every reported severity.
var ReportedSeverities = []ReportedSeverity{ReportedMild, ReportedModerate, ReportedSevere}

// SeriousCriterion is what makes an event serious (21 CFR 312.32).
type SeriousCriterion string

// Serious criteria.
const (
	SeriousDeath                 SeriousCriterion = "death"
	SeriousLifeThreatening       SeriousCriterion = "lifeThreatening"
	SeriousHospitalisation       SeriousCriterion = "hospitalisation"
	SeriousDisability            SeriousCriterion = "disability"
	SeriousCongenitalAnomaly     SeriousCriterion = "congenitalAnomaly"
	SeriousImportantMedicalEvent SeriousCriterion = "importantMedicalEvent"
)

// SeriousCriteria lists every serious criterion.
var SeriousCriteria = []SeriousCriterion{
	SeriousDeath, SeriousLifeThreatening, SeriousHospitalisation, SeriousDisability, SeriousCongenitalAnomaly,
	SeriousImportantMedicalEvent,
}

// Causality says how surely the treatment caused the event (WHO-UMC).
type Causality string

// Causalities.
const (
	CausalityCertain      Causality = "certain"
	CausalityProbable     Causality = "probable"
	CausalityPossible     Causality = "possible"
	CausalityUnlikely     Causality = "unlikely"
	CausalityUnclassified Causality = "unclassified"
	CausalityUnassessable Causality = "unassessable"
)

// Causalities lists every causality.
var Causalities = []Causality{
	CausalityCertain, CausalityProbable, CausalityPossible, CausalityUnlikely, CausalityUnclassified, CausalityUnassessable,
}

// related says whether the treatment may well have caused it.
func (c Causality) related() bool {
	return c == CausalityCertain || c == CausalityProbable || c == CausalityPossible
}

// EventOutcome is what became of the patient.
type EventOutcome string

// Event outcomes.
const (
	EventResolved             EventOutcome = "resolved"
	EventResolvedWithSequelae EventOutcome = "resolvedWithSequelae"
	EventOngoing              EventOutcome = "ongoing"
	EventFatal                EventOutcome = "fatal"
	EventOutcomeUnknown       EventOutcome = "unknown"
)

// EventOutcomes lists every event outcome.
var EventOutcomes = []EventOutcome{
	EventResolved, EventResolvedWithSequelae, EventOngoing, EventFatal, EventOutcomeUnknown,
}

// RegulatoryReport says whether the authorities were told.
type RegulatoryReport string

// Regulatory reports.
const (
	RegulatoryUndecided   RegulatoryReport = "undecided"
	RegulatoryNotRequired RegulatoryReport = "notRequired"
	RegulatoryReported    RegulatoryReport = "reported"
)

// RegulatoryReports lists every regulatory report.
var RegulatoryReports = []RegulatoryReport{RegulatoryUndecided, RegulatoryNotRequired, RegulatoryReported}

// Grades of CTCAE v5: 1 is mild, 5 is death.
const (
	// gradeModerate: more than mild.
	gradeModerate = 2
	// gradeSevere: from here on a related event raises an alert.
	gradeSevere = 3
	// gradeLifeThreatening: from here on an event is serious by definition.
	gradeLifeThreatening = 4
	gradeDeath           = 5
)

// EventJudgement is what the clinic thinks of an event. Each part is judged by itself and
// nothing is inferred: what nobody has said is nil or empty.
type EventJudgement struct {
	// ResolvedAt is when it was over; whoever reports the event may say so too.
	ResolvedAt *time.Time
	// Grade is 1 to 5 (CTCAE v5).
	Grade            *int
	Serious          *bool
	SeriousCriterion SeriousCriterion
	Causality        Causality
	Outcome          EventOutcome
	// Expected: the label names it.
	Expected    *bool
	ActionTaken string
	// FollowUpDueAt is by when somebody looks again; it stands until the event is closed.
	FollowUpDueAt    *time.Time
	RegulatoryReport RegulatoryReport
}

// AdverseEvent is something bad that happened to a patient, whether or not the treatment
// caused it: what was reported, and what the clinic makes of it.
type AdverseEvent struct {
	Term AdverseTerm
	// Description is in words; only TermOther needs it.
	Description string
	// Severity is empty when the reporter did not say.
	Severity ReportedSeverity
	EventJudgement
	Status AdverseEventStatus
	// StatusReason is why it was reopened or voided.
	StatusReason string
	TriagedAt    *time.Time
	TriagedBy    *uuid.UUID
	ClosedAt     *time.Time
	ClosedBy     *uuid.UUID
}

// EventReport is what somebody reports.
type EventReport struct {
	Term        AdverseTerm
	Description string
	Severity    ReportedSeverity
	OnsetAt     time.Time
	ResolvedAt  *time.Time
}

// ReportEvent takes a report. It is refused only when nobody could make sense of it: another
// term without a description, or an end before the onset.
func ReportEvent(r EventReport) (AdverseEvent, error) {
	var o objections
	if r.Term == TermOther && strings.TrimSpace(r.Description) == "" {
		o.add(CodeRuleViolated, Reason{Rule: RuleDescription, Pointer: "/description", Detail: "what is not in the list must be described"})
	}
	j := EventJudgement{ResolvedAt: r.ResolvedAt, RegulatoryReport: RegulatoryUndecided}
	j.ends(&o, r.OnsetAt)
	if err := o.refusal("the adverse event cannot be reported"); err != nil {
		return AdverseEvent{}, err
	}
	return AdverseEvent{
		Term: r.Term, Description: r.Description, Severity: r.Severity, EventJudgement: j, Status: AdverseEventReported,
	}, nil
}

func (j EventJudgement) ends(o *objections, onset time.Time) {
	if j.ResolvedAt != nil && j.ResolvedAt.Before(onset) {
		o.add(CodeRuleViolated, Reason{Rule: RuleResolved, Pointer: "/resolvedAt", Detail: "it cannot be over before it began"})
	}
}

// contradicts objects to parts that cannot be true together. What nobody has said is not taken
// for granted: grade 4 is refused also while seriousness is open.
func (j EventJudgement) contradicts(o *objections, onset time.Time) {
	serious, death := isTrue(j.Serious), j.Grade != nil && *j.Grade == gradeDeath
	if j.Grade != nil && *j.Grade >= gradeLifeThreatening && !serious {
		o.add(CodeRuleViolated, Reason{Rule: RuleSerious, Pointer: "/serious", Detail: "grades 4 and 5 are serious"})
	}
	switch {
	case serious && j.SeriousCriterion == "":
		o.add(CodeRuleViolated, Reason{Rule: RuleSerious, Pointer: "/seriousCriterion", Detail: "what is serious needs its criterion"})
	case !serious && j.SeriousCriterion != "":
		o.add(CodeRuleViolated, Reason{Rule: RuleSerious, Pointer: "/seriousCriterion", Detail: "only what is serious has a criterion"})
	}
	switch {
	case death && j.Outcome != EventFatal:
		o.add(CodeRuleViolated, Reason{Rule: RuleFatal, Pointer: "/outcome", Detail: "grade 5 is fatal"})
	case !death && j.Outcome == EventFatal:
		o.add(CodeRuleViolated, Reason{Rule: RuleFatal, Pointer: "/grade", Detail: "what is fatal is grade 5"})
	}
	j.ends(o, onset)
}

// missing objects to every part that has to be there before an event is closed.
func (j EventJudgement) missing(o *objections) {
	for _, part := range []struct {
		pointer string
		known   bool
	}{
		{"/grade", j.Grade != nil}, {"/serious", j.Serious != nil}, {"/causality", j.Causality != ""}, {"/outcome", j.Outcome != ""},
	} {
		if !part.known {
			o.add(CodeRuleViolated, Reason{Rule: RuleJudgement, Pointer: part.pointer, Detail: "has to be judged before it is closed"})
		}
	}
}

// Judge says what the clinic thinks of an event that is not closed.
func (e AdverseEvent) Judge(j EventJudgement, onset time.Time) (AdverseEvent, error) {
	if e.Status != AdverseEventReported && e.Status != AdverseEventTriaged {
		return e, illegal("an adverse event that is "+string(e.Status), "be judged")
	}
	var o objections
	j.contradicts(&o, onset)
	if err := o.refusal("the adverse event cannot be judged so"); err != nil {
		return e, err
	}
	e.EventJudgement = j
	return e, nil
}

// Triage says that somebody has looked at a new report, and what they make of it so far.
func (e AdverseEvent) Triage(j EventJudgement, onset time.Time, by uuid.UUID, now time.Time) (AdverseEvent, error) {
	if e.Status != AdverseEventReported {
		return e, illegal("an adverse event that is "+string(e.Status), "be triaged")
	}
	triaged, err := e.Judge(j, onset)
	if err != nil {
		return e, err
	}
	triaged.Status, triaged.TriagedAt, triaged.TriagedBy = AdverseEventTriaged, new(now.UTC()), new(by)
	return triaged, nil
}

// Close ends the work on an event. Grade, seriousness, causality and outcome must have been
// judged; the refusal names each that was not.
func (e AdverseEvent) Close(j EventJudgement, onset time.Time, by uuid.UUID, now time.Time) (AdverseEvent, error) {
	if err := adverseEventMoves.move("an adverse event", e.Status, AdverseEventClosed); err != nil {
		return e, err
	}
	var o objections
	j.missing(&o)
	j.contradicts(&o, onset)
	if err := o.refusal("the adverse event cannot be closed"); err != nil {
		return e, err
	}
	e.EventJudgement = j
	e.Status, e.ClosedAt, e.ClosedBy = AdverseEventClosed, new(now.UTC()), new(by)
	return e, nil
}

// Reopen says that a closed event was not over, and why.
func (e AdverseEvent) Reopen(reason string) (AdverseEvent, error) {
	if e.Status != AdverseEventClosed {
		return e, illegal("an adverse event that is "+string(e.Status), "be reopened")
	}
	if err := requireReason("the adverse event cannot be reopened", reason); err != nil {
		return e, err
	}
	e.Status, e.StatusReason, e.ClosedAt, e.ClosedBy = AdverseEventTriaged, reason, nil, nil
	return e, nil
}

// Void says that an event was entered in error, and why.
func (e AdverseEvent) Void(reason string) (AdverseEvent, error) {
	if err := adverseEventMoves.move("an adverse event", e.Status, AdverseEventEnteredInError); err != nil {
		return e, err
	}
	if err := requireReason("the adverse event cannot be voided", reason); err != nil {
		return e, err
	}
	e.Status, e.StatusReason = AdverseEventEnteredInError, reason
	return e, nil
}

// JudgeEvent says which alerts an event gives reason for: for what it is, when it is serious,
// and when it is of grade 3 or more and related. The caller raises each once.
func JudgeEvent(e AdverseEvent) []Raised {
	var raised []Raised
	if known := e.Term.known(); known.alert != "" {
		raised = append(raised, Raised{Rule: known.alert, Severity: known.severity, Value: string(e.Term)})
	}
	if isTrue(e.Serious) {
		raised = append(raised, Raised{Rule: AlertAESerious, Severity: alertSeverity[AlertAESerious], Value: string(e.SeriousCriterion)})
	}
	if e.Grade != nil && *e.Grade >= gradeSevere && e.Causality.related() {
		raised = append(raised, Raised{Rule: AlertAEGrade3Related, Severity: alertSeverity[AlertAEGrade3Related],
			Value: grade(*e.Grade), Limit: grade(gradeSevere)})
	}
	return raised
}
