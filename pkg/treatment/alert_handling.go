package treatment

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// AlertStatus is where an alert stands.
type AlertStatus string

// Alert statuses.
const (
	AlertOpen         AlertStatus = "open"
	AlertAcknowledged AlertStatus = "acknowledged"
	AlertResolved     AlertStatus = "resolved"
)

// AlertStatuses lists every alert status.
var AlertStatuses = []AlertStatus{AlertOpen, AlertAcknowledged, AlertResolved}

var alertMoves = machine[AlertStatus]{
	AlertOpen:         {AlertAcknowledged},
	AlertAcknowledged: {AlertResolved},
	AlertResolved:     {AlertOpen},
}

// AlertOutcome is how an alert ended.
type AlertOutcome string

// Alert outcomes.
const (
	OutcomeHandled    AlertOutcome = "handled"
	OutcomeFalseAlarm AlertOutcome = "falseAlarm"
	OutcomeDuplicate  AlertOutcome = "duplicate"
	OutcomeSuperseded AlertOutcome = "superseded"
	// OutcomeRuleOff: the clinic had switched the rule off, and nobody was asked to look at it.
	OutcomeRuleOff AlertOutcome = "ruleOff"
)

// AlertOutcomes lists every outcome.
var AlertOutcomes = []AlertOutcome{OutcomeHandled, OutcomeFalseAlarm, OutcomeDuplicate, OutcomeSuperseded, OutcomeRuleOff}

// Alert is something that somebody of the clinic must look at.
type Alert struct {
	Rule     AlertRule
	Severity Severity
	// FoundSeverity is what was found, before the clinic's rules made it graver, and RulesRevision the
	// revision of these: 0 for the shipped ones.
	FoundSeverity Severity
	RulesRevision int
	Value         string
	Limit         string
	Status        AlertStatus
	RaisedAt      time.Time
	// DueAt is by when it must be dealt with.
	DueAt          time.Time
	AcknowledgedAt *time.Time
	AcknowledgedBy *uuid.UUID
	// ResolvedBy is nil when a rule resolved it.
	ResolvedAt *time.Time
	ResolvedBy *uuid.UUID
	Outcome    AlertOutcome
	Note       string
	// AssignedTo is who shall deal with it; nil while that is nobody in particular.
	AssignedTo *uuid.UUID
	// SnoozedUntil is until when it may rest, and SnoozeReason why. It stays open, and the safety
	// gate holds for it all the same.
	SnoozedUntil *time.Time
	SnoozeReason string
	// EscalatedAt is when its deadline had passed.
	EscalatedAt *time.Time
}

// Raise makes an open alert of a finding, by the shipped rules.
func Raise(r Raised, now time.Time, p Protocol) Alert { return AlertRuleSet{}.Raise(r, now, p) }

// DueAt is by when an alert of a severity that was raised or reopened at a time must be
// dealt with. A severity that nobody knows is critical.
func (p Protocol) DueAt(s Severity, at time.Time) time.Time {
	return at.UTC().Add(time.Duration(p.dueMin(s)) * time.Minute)
}

func (p Protocol) dueMin(s Severity) int {
	switch s {
	case SeverityLow:
		return p.Alerts.DueMin.Low
	case SeverityMedium:
		return p.Alerts.DueMin.Medium
	case SeverityHigh:
		return p.Alerts.DueMin.High
	case SeverityCritical:
	}
	return p.Alerts.DueMin.Critical
}

// Acknowledge says that somebody has taken an open alert on.
func (a Alert) Acknowledge(by uuid.UUID, note string, now time.Time) (Alert, error) {
	if err := alertMoves.move("an alert", a.Status, AlertAcknowledged); err != nil {
		return a, err
	}
	a.Status, a.AcknowledgedAt, a.AcknowledgedBy, a.Note = AlertAcknowledged, new(now.UTC()), new(by), note
	return a, nil
}

// Assign says who shall deal with an alert that is not resolved; nil for nobody in particular.
func (a Alert) Assign(to *uuid.UUID) (Alert, error) {
	if a.Status == AlertResolved {
		return a, illegal("an alert that is resolved", "be assigned")
	}
	a.AssignedTo = to
	return a, nil
}

// Snooze lets an alert rest until a time, at most the protocol's hours from now; it escalates no
// earlier, and again if it has. A critical one does not rest, and neither does one that suicidality or a
// blood-pressure crisis raised.
func (a Alert) Snooze(until time.Time, reason string, now time.Time, p Protocol) (Alert, error) {
	if a.Status == AlertResolved {
		return a, illegal("an alert that is resolved", "be snoozed")
	}
	var o objections
	if a.Severity == SeverityCritical || neverByRule(a.Rule) {
		o.add(CodeRuleViolated, Reason{Rule: RuleSnooze, Detail: "an alert that is critical, or about suicidality, does not rest"})
	}
	most := time.Duration(p.Alerts.MaxSnoozeHours) * time.Hour
	if !until.After(now) || until.After(now.Add(most)) {
		o.add(CodeRuleViolated, Reason{Rule: RuleSnooze, Pointer: "/until", Limit: hours(p.Alerts.MaxSnoozeHours), Detail: "must be to come, and not further away"})
	}
	if strings.TrimSpace(reason) == "" {
		o.add(CodeRuleViolated, Reason{Rule: RuleReason, Pointer: "/reason", Detail: "a reason is required"})
	}
	if err := o.refusal("the alert cannot be snoozed"); err != nil {
		return a, err
	}
	a.SnoozedUntil, a.SnoozeReason, a.EscalatedAt = new(until.UTC()), reason, nil
	return a, nil
}

// Deadlines of an alert: it is due, or has rested, and escalates then. There is none once that has
// happened, and for one that is resolved.
func (a Alert) Deadlines() []Deadline {
	if a.Status == AlertResolved || a.EscalatedAt != nil {
		return nil
	}
	at := a.DueAt
	if a.SnoozedUntil != nil {
		at = later(at, *a.SnoozedUntil)
	}
	return []Deadline{{Kind: DeadlineAlert, At: at}}
}

// Escalate marks an alert whose deadline has passed.
func (a Alert) Escalate(now time.Time) Alert {
	a.EscalatedAt = new(now.UTC())
	return a
}

// Again is the alert after its rule has found something graver in the same record, or something
// that nobody was asked to look at before. Somebody has to take it on anew, also if the rule is off by
// now, and the deadline only comes nearer.
func (a Alert) Again(r Raised, now time.Time, p Protocol, set AlertRuleSet) Alert {
	if a.Outcome == OutcomeRuleOff {
		return set.Raise(r, now, p)
	}
	if severity := set.Severity(r.Rule, r.Severity); severity.GraverThan(a.Severity) {
		a.Severity = severity
	}
	a.FoundSeverity, a.RulesRevision, a.Value, a.Limit = r.Severity, set.Revision, r.Value, r.Limit
	a.Status, a.AcknowledgedAt, a.AcknowledgedBy = AlertOpen, nil, nil
	a.SnoozedUntil, a.SnoozeReason, a.EscalatedAt = nil, "", nil
	if due := set.DueAt(r.Rule, a.Severity, now, p); due.Before(a.DueAt) {
		a.DueAt = due
	}
	return a
}

// Resolution is how, and by whom, an alert is to be resolved.
type Resolution struct {
	Outcome AlertOutcome
	Note    string
	// By is nil when a rule resolves it.
	By *uuid.UUID
	// Prescriber: that person has the prescriber role.
	Prescriber bool
	Now        time.Time
}

// Resolve ends an acknowledged alert. A critical one is called a false alarm only by a
// prescriber and with a note. A rule never ends one that suicidality or a blood-pressure
// crisis raised.
func (a Alert) Resolve(r Resolution) (Alert, error) {
	if err := alertMoves.move("an alert", a.Status, AlertResolved); err != nil {
		return a, err
	}
	var o objections
	if !slices.Contains(AlertOutcomes, r.Outcome) || r.Outcome == OutcomeRuleOff {
		o.add(CodeRuleViolated, Reason{Rule: RuleOutcome, Pointer: "/outcome", Detail: "an outcome from the list is required"})
	}
	noted := strings.TrimSpace(r.Note) != ""
	if a.Severity == SeverityCritical && r.Outcome == OutcomeFalseAlarm && (!r.Prescriber || !noted) {
		o.add(CodeRuleViolated, Reason{Rule: RuleFalseAlarm, Pointer: "/outcome",
			Detail: "a critical alert is called a false alarm only by a prescriber and with a note"})
	}
	if r.By == nil && neverByRule(a.Rule) {
		o.add(CodeRuleViolated, Reason{Rule: RuleNotByRule, Detail: "only a person may resolve this alert"})
	}
	if err := o.refusal("the alert cannot be resolved"); err != nil {
		return a, err
	}
	a.Status, a.Outcome, a.ResolvedAt, a.ResolvedBy = AlertResolved, r.Outcome, new(r.Now.UTC()), r.By
	if noted {
		a.Note = r.Note
	}
	return a, nil
}

// Settle ends an alert because what it was about has been done: the answers are there, or the check-in.
// Nobody has to say so. One that only a person may end stays, and so does one that has ended.
func (a Alert) Settle(now time.Time) Alert {
	if a.Status != AlertResolved && !neverByRule(a.Rule) {
		a.Status, a.Outcome, a.ResolvedAt, a.ResolvedBy = AlertResolved, OutcomeHandled, new(now.UTC()), nil
	}
	return a
}

// Reopen says that a resolved alert was not over. It is open again, and due anew.
func (a Alert) Reopen(note string, now time.Time, p Protocol, set AlertRuleSet) (Alert, error) {
	if err := alertMoves.move("an alert", a.Status, AlertOpen); err != nil {
		return a, err
	}
	a.Status, a.DueAt, a.Note, a.Outcome = AlertOpen, set.DueAt(a.Rule, a.Severity, now, p), note, ""
	a.AcknowledgedAt, a.AcknowledgedBy, a.ResolvedAt, a.ResolvedBy = nil, nil, nil, nil
	a.SnoozedUntil, a.SnoozeReason, a.EscalatedAt = nil, "", nil
	return a, nil
}
