package store

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Session is a plan, and what it and the facts add up to.
type Session struct {
	Record
	PatientID   uuid.UUID
	TreatmentID uuid.UUID
	treatment.Plan
	treatment.Session
	// At is when it began, or should begin, or was entered: what lists are sorted by.
	At time.Time
	// Deviations is a JSON list, and so is Checks: what the safety gate says of each check. Both
	// are computed whole from the facts each time.
	Deviations string
	Checks     string
	Overrides  []SessionOverride `gorm:"-"`
}

// SessionOverride is a hold of the safety gate that somebody overrode.
type SessionOverride struct {
	Part
	SessionID uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID uuid.UUID `json:"-"`
	CheckID   uuid.UUID
	Rules     string // joined by commas
	Reason    string
	By        uuid.UUID
	At        time.Time
}

// SetOverrides makes the list from what the rules know.
func (s *Session) SetOverrides(list []treatment.Override) {
	s.Overrides = nil
	for _, o := range list {
		rules := make([]string, len(o.Rules))
		for i, rule := range o.Rules {
			rules[i] = string(rule)
		}
		s.Overrides = append(s.Overrides, SessionOverride{PatientID: s.PatientID, CheckID: o.CheckID, Rules: strings.Join(rules, ","), Reason: o.Reason, By: o.By, At: o.At})
	}
}

// Overridden is the list as the rules know it.
func (s *Session) Overridden() (list []treatment.Override) {
	for _, o := range s.Overrides {
		known := treatment.Override{CheckID: o.CheckID, Reason: o.Reason, By: o.By, At: o.At}
		for rule := range strings.SplitSeq(o.Rules, ",") {
			known.Rules = append(known.Rules, treatment.Rule(rule))
		}
		list = append(list, known)
	}
	return list
}

// Overrides returns the overrides of a session.
func (tx *Tx) Overrides(session uuid.UUID) ([]SessionOverride, error) {
	lists, err := Parts[SessionOverride](tx, "session_id", session)
	return lists[session], err
}

// KeepOverrides writes the overrides of a session, whose own change comes with them.
func (tx *Tx) KeepOverrides(s *Session) error { return Replace(tx, "session_id", s.ID, s.Overrides) }

// SessionFact is one thing that happened in a session.
type SessionFact struct {
	Record
	PatientID uuid.UUID
	SessionID uuid.UUID
	treatment.Fact
	RecordedBy string // the actor, in the journal's form
	// Outside is a JSON list: the reasons against a dose that lay outside of the session when a
	// check came in. Empty for other facts.
	Outside string
	// Instructions are the prescriber's when a check came in. Empty for other facts.
	Instructions string
	Struck
	// From are the units that a dose was said to be made of.
	From []DosePortion `gorm:"-"`
}

// DosePortion is a number of units of a dispense that a dose was said to be made of.
type DosePortion struct {
	Part
	FactID    uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID uuid.UUID `json:"-"`
	treatment.Portion
}

// settle brings what the two embedded structs both know together.
func (f *SessionFact) settle() {
	f.Fact.ID = f.Record.ID
	f.StruckOut = !f.Counts()
}

// MarshalJSON writes what the history keeps. Both embedded structs have an ID, for which reason
// encoding/json would leave it out.
func (f SessionFact) MarshalJSON() ([]byte, error) {
	type row SessionFact
	return json.Marshal(struct {
		ID uuid.UUID
		row
	}{f.Record.ID, row(f)})
}

// UnmarshalJSON reads what MarshalJSON has written.
func (f *SessionFact) UnmarshalJSON(data []byte) error {
	type row SessionFact
	kept := struct {
		ID uuid.UUID
		*row
	}{row: (*row)(f)}
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	f.Record.ID = kept.ID
	f.settle()
	return nil
}

// AddFact creates a fact of a session.
func (tx *Tx) AddFact(event string, f *SessionFact) error {
	f.Record.ID = f.Fact.ID
	if err := tx.Create(event, f); err != nil || len(f.From) == 0 {
		return err
	}
	for i := range f.From {
		f.From[i].PatientID = f.PatientID
	}
	return Replace(tx, "fact_id", f.Fact.ID, f.From)
}

// StrikeOutFact enters a fact in error.
func (tx *Tx) StrikeOutFact(f *SessionFact, reason string, replacedBy *uuid.UUID) error {
	tx.StrikeOut(&f.Struck, reason, replacedBy)
	f.settle()
	return tx.Change("session.factEnteredInError", f)
}

// Fact returns a fact of a session.
func (tx *Tx) Fact(id uuid.UUID) (*SessionFact, error) {
	f, err := Find[SessionFact](tx, id)
	if err != nil {
		return nil, err
	}
	rows, err := tx.whole([]SessionFact{*f}, nil)
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// Facts returns everything that was ever recorded of a session, in the order of its time.
func (tx *Tx) Facts(session uuid.UUID) ([]SessionFact, error) {
	return tx.whole(many[SessionFact](tx.orm.Where("session_id = ?", session).Order("occurred_at, id")))
}

// FirstDose returns when the first dose of a treatment was taken, or ErrNotFound.
func (tx *Tx) FirstDose(course uuid.UUID) (time.Time, error) {
	first, err := one[Session](tx.orm.Where("treatment_id = ? AND started_at IS NOT NULL AND status <> ?", course, treatment.SessionEnteredInError).
		Order("started_at, id"))
	if err != nil {
		return time.Time{}, err
	}
	return *first.StartedAt, nil
}

// DosesOf returns the doses of a patient that count, but those of one session, in the order of
// their time.
func (tx *Tx) DosesOf(patient, except uuid.UUID) ([]SessionFact, error) {
	voided := tx.orm.Model(&Session{}).Select("id").Where("patient_id = ? AND voided_at IS NOT NULL", patient)
	return tx.whole(many[SessionFact](tx.orm.
		Where("patient_id = ? AND kind = 'dose' AND struck_out_at IS NULL", patient).
		Where("session_id <> ? AND session_id NOT IN (?)", except, voided).Order("occurred_at, id")))
}

// FactsElsewhere returns what was measured and noticed of a patient in a time, as far as it counts, in
// all sessions but one.
func (tx *Tx) FactsElsewhere(patient, except uuid.UUID, from, until time.Time) ([]SessionFact, error) {
	voided := tx.orm.Model(&Session{}).Select("id").Where("patient_id = ? AND voided_at IS NOT NULL", patient)
	return tx.whole(many[SessionFact](tx.orm.
		Where("patient_id = ? AND occurred_at BETWEEN ? AND ? AND struck_out_at IS NULL", patient, from, until).
		Where("kind IN ('vitals', 'observation', 'escalation', 'check') AND session_id <> ? AND session_id NOT IN (?)", except, voided).Order("occurred_at, id")))
}

// whole completes facts as they were read.
func (tx *Tx) whole(rows []SessionFact, err error) ([]SessionFact, error) {
	var doses []uuid.UUID
	for i := range rows {
		rows[i].settle()
		if rows[i].Kind == treatment.FactDose {
			doses = append(doses, rows[i].Fact.ID)
		}
	}
	if err != nil {
		return nil, err
	}
	portions, err := Parts[DosePortion](tx, "fact_id", doses...)
	for i := range rows {
		rows[i].From = portions[rows[i].Fact.ID]
	}
	return rows, err
}

// SessionsSince returns a patient's sessions from a time on, also those to come.
func (tx *Tx) SessionsSince(patient uuid.UUID, from time.Time) ([]Session, error) {
	return many[Session](tx.orm.Where("patient_id = ? AND at >= ?", patient, from).Order("at, id"))
}

// SessionsTouching returns a patient's sessions from a time on, and those of before it of which something happened since.
func (tx *Tx) SessionsTouching(patient uuid.UUID, from time.Time) ([]Session, error) {
	since := tx.orm.Model(&SessionFact{}).Select("session_id").Where("patient_id = ? AND occurred_at >= ?", patient, from)
	return many[Session](tx.orm.Where("patient_id = ? AND (at >= ? OR id IN (?))", patient, from, since).Order("at, id"))
}

// SessionsRunning returns a patient's sessions with a dose that may have run at one of two times,
// or between them.
func (tx *Tx) SessionsRunning(patient uuid.UUID, a, b time.Time) ([]treatment.Session, error) {
	from, until := a, b
	if until.Before(from) {
		from, until = b, a
	}
	rows, err := many[Session](tx.orm.Where("patient_id = ? AND started_at <= ? AND (ended_at > ? OR no_drive_until > ?)", patient, until, from, from))
	sessions := make([]treatment.Session, len(rows))
	for i := range rows {
		sessions[i] = rows[i].Session
	}
	return sessions, err
}

// PlannedSessions returns a treatment's sessions that wait in the plan, those included that time
// has made missed.
func (tx *Tx) PlannedSessions(course uuid.UUID) ([]Session, error) {
	return many[Session](tx.orm.Where("treatment_id = ? AND status IN ?", course, waiting).Order("at, id"))
}

// waiting are the statuses of a session without a dose or an end.
var waiting = []treatment.SessionStatus{treatment.SessionScheduled, treatment.SessionHeld, treatment.SessionCleared}

// ListSessions returns a page of a treatment's sessions, newest first. status "" means all; a
// session that waits and was planned at or before missedBefore is missed, and a cleared one whose
// clearance has lapsed is scheduled: see [treatment.Session.StatusAt].
func (tx *Tx) ListSessions(course uuid.UUID, status treatment.SessionStatus, missedBefore time.Time, p Page) ([]Session, *Key, error) {
	q := tx.orm.Where("treatment_id = ?", course)
	switch status {
	case "":
	case treatment.SessionMissed:
		q = q.Where("status IN ? AND planned_at <= ?", waiting, missedBefore)
	case treatment.SessionScheduled:
		q = q.Where("status IN ? AND planned_at > ?", []treatment.SessionStatus{status, treatment.SessionCleared}, missedBefore).
			Where("(status = ? OR cleared_until IS NULL OR cleared_until < ?)", status, tx.Now)
	case treatment.SessionCleared:
		q = q.Where("status = ? AND cleared_until >= ? AND planned_at > ?", status, tx.Now, missedBefore)
	case treatment.SessionHeld:
		q = q.Where("status = ? AND planned_at > ?", status, missedBefore)
	default:
		q = q.Where("status = ?", status)
	}
	return list[Session](q, desc("at"), p)
}

// WeightAt returns the patient's last weighing at or before a time, or ErrNotFound.
func (tx *Tx) WeightAt(patient uuid.UUID, at time.Time) (*Measurement, error) {
	return one[Measurement](tx.orm.Where("patient_id = ? AND weight_g IS NOT NULL AND struck_out_at IS NULL AND occurred_at <= ?", patient, at).
		Order("occurred_at DESC, id DESC"))
}
