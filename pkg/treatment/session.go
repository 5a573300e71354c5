package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// SessionStatus is where a session stands. It is computed, never set: see [Fold].
type SessionStatus string

// Session statuses. Missed is never stored: it follows from time.
const (
	SessionScheduled      SessionStatus = "scheduled"
	SessionHeld           SessionStatus = "held"
	SessionCleared        SessionStatus = "cleared"
	SessionMonitoring     SessionStatus = "monitoring"
	SessionCompleted      SessionStatus = "completed"
	SessionAborted        SessionStatus = "aborted"
	SessionReviewed       SessionStatus = "reviewed"
	SessionMissed         SessionStatus = "missed"
	SessionCancelled      SessionStatus = "cancelled"
	SessionEnteredInError SessionStatus = "enteredInError"
)

// SessionStatuses lists every status, the derived one too.
var SessionStatuses = []SessionStatus{
	SessionScheduled, SessionHeld, SessionCleared, SessionMonitoring, SessionCompleted,
	SessionAborted, SessionReviewed, SessionMissed, SessionCancelled, SessionEnteredInError,
}

// Plan is what was decided about a session. A session that nobody planned has no PlannedAt.
type Plan struct {
	PlannedAt *time.Time
	// TimeZone is the IANA zone where it takes place.
	TimeZone string
	// PrescriptionID is the prescription that was active when it was planned.
	PrescriptionID *uuid.UUID
	CancelledAt    *time.Time
	VoidedAt       *time.Time
	// StatusReason is why it was rescheduled, cancelled or voided.
	StatusReason string
	ReviewedAt   *time.Time
	ReviewedBy   *uuid.UUID
	ReviewNote   string
	// ReviewedEntries is how many entries ([Entries]) and adverse events the review looked at.
	// One more, and the review is open again.
	ReviewedEntries int
}

// Session is what a plan and its facts add up to.
type Session struct {
	Status SessionStatus
	// StartedAt is the first dose; EndedAt the completion or abort.
	StartedAt *time.Time
	EndedAt   *time.Time
	// DoseMg is everything taken but boosters, BoosterMg the boosters.
	DoseMg    dose.Mg
	BoosterMg dose.Mg
	// The highest pressures of all readings, doubtful ones too.
	PeakSystolicMmHg  *int
	PeakDiastolicMmHg *int
	// NoDriveUntil is when the patient may drive again.
	NoDriveUntil *time.Time
	// ClearedUntil is when the clearance of a cleared session lapses.
	ClearedUntil *time.Time
	// MissedAt is from when on a planned session without a dose is missed, and CheckInDueAt by
	// when the patient is to say how they are after a dose.
	MissedAt     *time.Time
	CheckInDueAt *time.Time
	// Escalated: help was called. CheckedIn: the patient has reported afterwards. Attested:
	// the support person has given their own word.
	Escalated bool
	CheckedIn bool
	Attested  bool
	// DoubtfulReading: a reading is implausible and no plausible one of the same quantity
	// followed it.
	DoubtfulReading bool
}

// Total is what was taken in all.
func (s Session) Total() dose.Mg { return total(s.DoseMg, s.BoosterMg) }

// StatusAt is the status at a time. A session that was planned is missed when no dose was
// taken for so many hours after the plan. When a clearance has lapsed, it is scheduled again.
func (s Session) StatusAt(plan Plan, p Protocol, now time.Time) SessionStatus {
	switch {
	case !s.waiting():
		return s.Status
	case plan.PlannedAt != nil && !now.Before(MissedAt(*plan.PlannedAt, p)):
		return SessionMissed
	case s.Status == SessionCleared && (s.ClearedUntil == nil || now.After(*s.ClearedUntil)):
		return SessionScheduled
	}
	return s.Status
}

// Occupies says whether other sessions have to keep their distance from it: it had a dose, or may
// still have one. Who completes a session and tells of no dose may have forgotten it; who breaks
// one off before the dose has taken none.
func (s Session) Occupies(plan Plan, p Protocol, now time.Time) bool {
	switch s.StatusAt(plan, p, now) {
	case SessionScheduled, SessionHeld, SessionCleared, SessionMonitoring, SessionCompleted:
		return true
	case SessionAborted, SessionReviewed:
		return s.StartedAt != nil
	case SessionMissed, SessionCancelled, SessionEnteredInError:
	}
	return false
}

// MissedAt is the moment from which a session planned for a time is missed.
func MissedAt(plannedAt time.Time, p Protocol) time.Time {
	return plannedAt.UTC().Add(time.Duration(p.Sessions.MissedAfterHours) * time.Hour)
}

// TicketUntil is when a support person's ticket for the session ends at the latest. at stands in
// for a session that has neither plan nor dose.
func (s Session) TicketUntil(plan Plan, at time.Time, p Protocol) time.Time {
	for _, known := range []*time.Time{plan.PlannedAt, s.StartedAt} {
		if known != nil {
			at = later(at, *known)
		}
	}
	return at.UTC().Add(time.Duration(p.Sessions.TicketHours) * time.Hour)
}

// Invite says whether a support person can be given a ticket for the session: an adult, whom the
// patient still wants to be there, while the session goes on or is to come. until is when a ticket
// for it ends: one that would have ended already is of no use to anybody.
func (s Session) Invite(person SupportPerson, until, now time.Time) error {
	if !s.TakesTickets() {
		return illegal("a session that is "+string(s.Status), "take a support person")
	}
	if now.After(until) {
		return illegal("a session that is over", "take a support person")
	}
	if person.RemovedAt != nil {
		return illegal("a support person who was removed", "be invited")
	}
	if !person.Adult {
		return refuse(CodeRuleViolated, "the support person cannot be invited", Reason{Rule: RuleSupportPersonMissing, Pointer: "/supportPersonId",
			Detail: "only somebody who is known to be an adult can be the support person"})
	}
	return nil
}

// TakesTickets says whether a support person can still act in the session: it is neither
// cancelled nor reviewed nor entered in error.
func (s Session) TakesTickets() bool {
	return s.waiting() || s.Status == SessionMonitoring || s.Status == SessionCompleted || s.Status == SessionAborted
}

// waiting says whether a session has seen neither a dose nor an end and stands in the plan.
func (s Session) waiting() bool {
	return s.Status == SessionScheduled || s.Status == SessionHeld || s.Status == SessionCleared
}

// affected is the time in which a dose may still affect the patient: from the first one to the
// end of the session or, while none after it is known, until they may drive again. It is nil
// without a dose.
func (s Session) affected() *Interval {
	if s.StartedAt == nil {
		return nil
	}
	until := s.EndedAt
	if until == nil || until.Before(*s.StartedAt) {
		until = s.NoDriveUntil
	}
	return &Interval{From: *s.StartedAt, Until: until}
}

// Deadlines of a session: that nobody takes the planned dose, and that nobody says how the patient
// is after one.
func (s Session) Deadlines() (list []Deadline) {
	if s.waiting() && s.MissedAt != nil {
		list = append(list, Deadline{Kind: DeadlineMissed, At: *s.MissedAt})
	}
	if s.CheckInDueAt != nil && !s.CheckedIn {
		list = append(list, Deadline{Kind: DeadlineCheckIn, At: *s.CheckInDueAt})
	}
	return list
}

// Cancel calls a session off before its dose; a missed one too.
func (plan Plan) Cancel(s Session, reason string, now time.Time) (Plan, error) {
	if !s.waiting() {
		return plan, illegal("a session that is "+string(s.Status), "be cancelled")
	}
	if err := requireReason("the session cannot be cancelled", reason); err != nil {
		return plan, err
	}
	plan.CancelledAt, plan.StatusReason = new(now.UTC()), reason
	return plan, nil
}

// Review says that somebody looked at every deviation and adverse event of a session that has
// ended. facts are all of its facts, those that were struck out too, and events what has become
// of all the adverse events that were reported for it: each must have been triaged.
func (plan Plan) Review(s Session, facts []Fact, events []AdverseEventStatus, by uuid.UUID, note string, now time.Time) (Plan, error) {
	if s.Status != SessionCompleted && s.Status != SessionAborted {
		return plan, illegal("a session that is "+string(s.Status), "be reviewed")
	}
	if slices.Contains(events, AdverseEventReported) {
		return plan, refuse(CodeRuleViolated, "the session cannot be reviewed",
			Reason{Rule: RuleAdverseEvents, Detail: "an adverse event of the session has not been triaged"})
	}
	plan.ReviewedAt, plan.ReviewedBy, plan.ReviewNote, plan.ReviewedEntries = new(now.UTC()), new(by), note, Entries(facts)+len(events)
	return plan, nil
}

// Unreviewed opens a review again because something is new that it has not looked at.
func (plan Plan) Unreviewed() Plan {
	plan.ReviewedEntries = 0 // what has ended has an entry
	return plan
}

// Void says that a session was entered in error. It is final, and no more facts are taken.
func (plan Plan) Void(reason string, now time.Time) (Plan, error) {
	if plan.VoidedAt != nil {
		return plan, illegal("a session that is "+string(SessionEnteredInError), "be voided")
	}
	if err := requireReason("the session cannot be voided", reason); err != nil {
		return plan, err
	}
	plan.VoidedAt, plan.StatusReason = new(now.UTC()), reason
	return plan, nil
}

// TakesFacts refuses facts for a session that was entered in error. In every other state
// they are taken.
func (plan Plan) TakesFacts() error {
	if plan.VoidedAt != nil {
		return illegal("a session that is "+string(SessionEnteredInError), "take facts")
	}
	return nil
}
