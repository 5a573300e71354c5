package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// Audience is whom something is for.
type Audience string

// Audiences.
const (
	AudiencePatient Audience = "patient"
	AudienceStaff   Audience = "staff"
)

// Audiences lists both.
var Audiences = []Audience{AudiencePatient, AudienceStaff}

// FollowUpStatus is where a follow-up stands.
type FollowUpStatus string

// Follow-up statuses. Due, overdue and missed are never stored: they follow from time.
const (
	FollowUpOpen      FollowUpStatus = "open"
	FollowUpDue       FollowUpStatus = "due"
	FollowUpOverdue   FollowUpStatus = "overdue"
	FollowUpMissed    FollowUpStatus = "missed"
	FollowUpDone      FollowUpStatus = "done"
	FollowUpCancelled FollowUpStatus = "cancelled"
)

// FollowUpStatuses lists every status, the derived ones too.
var FollowUpStatuses = []FollowUpStatus{FollowUpOpen, FollowUpDue, FollowUpOverdue, FollowUpMissed, FollowUpDone, FollowUpCancelled}

// A follow-up that was missed can still be done or cancelled. What was withdrawn by a rule, or done by
// answers that were entered in error, can be open again; see [FollowUp.Withdrawn].
var followUpMoves = machine[FollowUpStatus]{
	FollowUpOpen:      {FollowUpDone, FollowUpCancelled},
	FollowUpDone:      {},
	FollowUpCancelled: {},
}

// FollowUp is something that is due for the patient or the staff.
type FollowUp struct {
	// Series is the protocol's; empty when somebody has scheduled it by hand.
	Series string
	// Occurrence numbers a recurring series since induction began, and the others by their session.
	Occurrence int
	Title      string
	Audience   Audience
	// Instrument is what is to be answered; empty when it is something to do.
	Instrument string
	// CountsFrom is from when on answers count, before MissedAt.
	CountsFrom time.Time
	DueAt      time.Time
	OverdueAt  time.Time
	MissedAt   time.Time
	// TimeZone is the patient's, in which it is due.
	TimeZone string
	// Moved: somebody has chosen another time by hand.
	Moved  bool
	Status FollowUpStatus
	// StatusReason is why it was moved or cancelled.
	StatusReason string
	// AssessmentID are the answers that it was done by; nil for something to do.
	AssessmentID *uuid.UUID
	Note         string
	ClosedAt     *time.Time
	// ClosedBy is who has done or cancelled it; empty when a rule has.
	ClosedBy string
}

// FollowUpPlan is what somebody schedules by hand.
type FollowUpPlan struct {
	Title      string
	Audience   Audience
	Instrument string
	DueAt      time.Time
	TimeZone   string
	Patient    PatientStatus
	Now        time.Time
	Protocol   Protocol
}

// ScheduleFollowUp schedules something for a patient in active care.
func ScheduleFollowUp(p FollowUpPlan) (FollowUp, error) {
	var o objections
	if p.Patient != PatientActive {
		o.add(CodeRuleViolated, Reason{Rule: RulePatientActive, Detail: "the patient is not in the clinic's active care"})
	}
	ahead(&o, p.DueAt, p.Now)
	if ratedByStaff(p.Instrument) && p.Audience != AudienceStaff {
		o.add(CodeRuleViolated, Reason{Rule: RuleAudience, Pointer: "/for", Detail: "a clinician rates this instrument"})
	}
	if err := o.refusal("the follow-up cannot be scheduled"); err != nil {
		return FollowUp{}, err
	}
	f := FollowUp{Title: p.Title, Audience: p.Audience, Instrument: p.Instrument, TimeZone: p.TimeZone, Status: FollowUpOpen}
	return f.at(p.DueAt, p.Protocol.FollowUps.ByHand), nil
}

func ahead(o *objections, due, now time.Time) {
	if due.Before(now) {
		o.add(CodeRuleViolated, Reason{Rule: RulePlannedInPast, Limit: now.UTC().Format(time.RFC3339), Pointer: "/dueAt",
			Detail: "only what is to come is scheduled"})
	}
}

// ratedByStaff says whether only staff can answer an instrument.
func ratedByStaff(id string) bool {
	i, found := instruments.Find(id)
	return found && i.RatedBy == instruments.RatedByClinician
}

// at is the follow-up due at a time, with these hours around it.
func (f FollowUp) at(due time.Time, t FollowUpTimes) FollowUp {
	hours := func(n int) time.Time { return due.UTC().Add(time.Duration(n) * time.Hour) }
	f.DueAt, f.CountsFrom, f.OverdueAt, f.MissedAt = due.UTC(), hours(-t.EarlyHours), hours(t.OverdueAfterHours), hours(t.MissedAfterHours)
	return f
}

// To is the follow-up due at another time, as long before it is overdue and missed as it was.
func (f FollowUp) To(due time.Time) FollowUp {
	by := due.Sub(f.DueAt)
	f.DueAt, f.CountsFrom, f.OverdueAt, f.MissedAt = due.UTC(), f.CountsFrom.Add(by), f.OverdueAt.Add(by), f.MissedAt.Add(by)
	return f
}

// In is a follow-up that is to come in another time zone of the patient: on the same day, when the
// clocks there show the same. What is due so long after a session stays as it is.
func (f FollowUp) In(zone, was *time.Location) FollowUp {
	year, month, day := f.DueAt.In(was).Date()
	hour, minute, second := f.DueAt.In(was).Clock()
	f.TimeZone = zone.String()
	return f.To(localTime(time.Date(year, month, day, hour, minute, second, 0, time.UTC), zone))
}

// StatusAt is the status at a time.
func (f FollowUp) StatusAt(now time.Time) FollowUpStatus {
	switch {
	case f.Status != FollowUpOpen, now.Before(f.DueAt):
		return f.Status
	case !now.Before(f.MissedAt):
		return FollowUpMissed
	case !now.Before(f.OverdueAt):
		return FollowUpOverdue
	}
	return FollowUpDue
}

// Deadlines of a follow-up while it is open: it is due, overdue, missed.
func (f FollowUp) Deadlines() []Deadline {
	if f.Status != FollowUpOpen {
		return nil
	}
	list := []Deadline{{Kind: DeadlineFollowUp, At: f.DueAt}, {Kind: DeadlineFollowUpMissed, At: f.MissedAt}}
	if !f.OverdueAt.After(f.MissedAt) {
		list = append(list, Deadline{Kind: DeadlineFollowUpOverdue, At: f.OverdueAt})
	}
	return list
}

// Overdue is what is raised when a follow-up is overdue: nobody knows how the patient is. A check-in
// raises an alert of its own, and so do other instruments. Something to do raises none.
func (f FollowUp) Overdue() []Raised {
	rule := AlertAssessmentOverdue
	if f.Instrument == instruments.DailyCheckIn {
		rule = AlertCheckInOverdue
	}
	if f.Instrument == "" {
		return nil
	}
	return []Raised{OverdueAnswers(rule, f.Instrument, f.DueAt)}
}

// OverdueAnswers is what is raised when nobody has answered an instrument that was due at a time: what is
// unknown is never negative, so that it is no milder than medium if thoughts of suicide were to be asked
// for.
func OverdueAnswers(rule AlertRule, instrument string, due time.Time) Raised {
	raised := Overdue(rule, instrument, due)
	if raised.Severity == SeverityLow && asksForSuicidality(instrument) {
		raised.Severity = SeverityMedium
	}
	return raised
}

// AnswersOverdueAt is when the answers to an assigned instrument are overdue: the C-SSRS screener as soon
// as it was due, since something gave reason to ask, others so many days later.
func (p Protocol) AnswersOverdueAt(instrument string, due time.Time) time.Time {
	if instrument == instruments.CSSRSScreener {
		return due.UTC()
	}
	return due.UTC().AddDate(0, 0, p.Alerts.AssessmentOverdueDays)
}

// asksForSuicidality says whether an item of an instrument asks for thoughts of suicide. A clinic's own
// instruments have none that does.
func asksForSuicidality(instrument string) bool {
	i, found := instruments.Find(instrument)
	return found && (len(i.Levels) > 0 || slices.ContainsFunc(i.Items, func(item instruments.Item) bool { return item.Safety }))
}

// FollowUpCompletion is how something was done.
type FollowUpCompletion struct {
	// AssessmentID are the answers that were named; nil for none. Answered: they are this patient's to
	// the follow-up's instrument.
	AssessmentID *uuid.UUID
	Answered     bool
	Note         string
	// By is the actor, in the caller's form.
	By  string
	Now time.Time
}

// Complete says that somebody has done it, also when it was missed. What asks for answers is done by
// answers alone.
func (f FollowUp) Complete(c FollowUpCompletion) (FollowUp, error) {
	if err := followUpMoves.move("a follow-up", f.Status, FollowUpDone); err != nil {
		return f, err
	}
	if (f.Instrument != "" || c.AssessmentID != nil) && !c.Answered {
		return f, refuse(CodeRuleViolated, "the follow-up cannot be completed", Reason{Rule: RuleAnswers, Pointer: "/assessmentId",
			Limit: f.Instrument, Detail: "it is done by answers of this patient to its instrument, and by nothing else"})
	}
	f.Status, f.AssessmentID, f.Note, f.ClosedAt, f.ClosedBy = FollowUpDone, c.AssessmentID, c.Note, new(c.Now.UTC()), c.By
	return f, nil
}

// Takes says whether answers of a time are what it waits for.
func (f FollowUp) Takes(instrument string, at time.Time) bool {
	return f.Status == FollowUpOpen && f.Instrument != "" && f.Instrument == instrument && !at.Before(f.CountsFrom) && at.Before(f.MissedAt)
}

// Answered is a follow-up that answers have done by themselves.
func (f FollowUp) Answered(answers uuid.UUID, now time.Time) FollowUp {
	f.Status, f.AssessmentID, f.ClosedAt = FollowUpDone, &answers, new(now.UTC())
	return f
}

// Unanswered is a follow-up whose answers were entered in error: it is open again.
func (f FollowUp) Unanswered() FollowUp {
	f.Status, f.AssessmentID, f.Note, f.ClosedAt, f.ClosedBy = FollowUpOpen, nil, "", nil, ""
	return f
}

// Reschedule moves it to another time to come; one that was missed too.
func (f FollowUp) Reschedule(due time.Time, reason string, now time.Time) (FollowUp, error) {
	if f.Status != FollowUpOpen {
		return f, illegal("a follow-up that is "+string(f.Status), "be rescheduled")
	}
	if err := requireReason("the follow-up cannot be rescheduled", reason); err != nil {
		return f, err
	}
	var o objections
	ahead(&o, due, now)
	if err := o.refusal("the follow-up cannot be rescheduled"); err != nil {
		return f, err
	}
	f.Moved, f.StatusReason = true, reason
	return f.To(due), nil
}

// Cancel says that it will not be done, and why.
func (f FollowUp) Cancel(reason, by string, now time.Time) (FollowUp, error) {
	if err := followUpMoves.move("a follow-up", f.Status, FollowUpCancelled); err != nil {
		return f, err
	}
	if err := requireReason("the follow-up cannot be cancelled", reason); err != nil {
		return f, err
	}
	f.ClosedBy = by
	return f.withdraw(reason, now), nil
}

// Withdraw takes an open follow-up back because there is no reason for it any more. What was missed
// by then stays missed.
func (f FollowUp) Withdraw(reason string, now time.Time) FollowUp {
	if f.Status != FollowUpOpen || f.StatusAt(now) == FollowUpMissed {
		return f
	}
	return f.withdraw(reason, now)
}

func (f FollowUp) withdraw(reason string, now time.Time) FollowUp {
	f.Status, f.StatusReason, f.ClosedAt = FollowUpCancelled, reason, new(now.UTC())
	return f
}

// Withdrawn says whether a rule has cancelled it, so that it may be scheduled again.
func (f FollowUp) Withdrawn() bool { return f.Status == FollowUpCancelled && f.ClosedBy == "" }
