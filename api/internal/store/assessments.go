package store

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Assessment is one administration of an instrument.
type Assessment struct {
	Record
	PatientID    uuid.UUID
	TreatmentID  *uuid.UUID
	SessionID    *uuid.UUID
	Instrument   string // its id: in pkg/instruments, or of the clinic's own
	Status       treatment.AssessmentStatus
	StatusReason string // why it was cancelled, amended or voided
	DueAt        *time.Time
	OverdueAt    *time.Time // when its answers are overdue
	ExpiresAt    *time.Time // all nil if it was not assigned
	// At is when it was answered, until then when it was assigned: what lists are sorted by.
	At time.Time
	// Report is of the fact that brought the answers. It stays as it is when they are amended:
	// who did that is in the journal.
	Report
	Scored
	ReviewedAt *time.Time
	ReviewedBy *uuid.UUID
	ReviewNote string
}

// Deadlines of an assigned assessment: nobody answers it in time, and then no longer.
func (a *Assessment) Deadlines() (list []treatment.Deadline) {
	if a.Status != treatment.AssessmentAssigned || a.ExpiresAt == nil {
		return nil
	}
	if a.OverdueAt != nil && a.OverdueAt.Before(*a.ExpiresAt) {
		list = append(list, treatment.Deadline{Kind: treatment.DeadlineAnswers, At: *a.OverdueAt})
	}
	return append(list, treatment.Deadline{Kind: treatment.DeadlineAnswersExpire, At: *a.ExpiresAt})
}

// Scored is the answers as they now are and what they come to.
type Scored struct {
	Answers        string // a JSON object of values by item; empty until there are any
	Total          *int
	Band           string
	Answered       int
	Missing        int
	Prorated       bool
	Findings       string // a JSON object as Findings; empty until there are answers
	Safety         string
	ScoringVersion string // of the clinic's own instruments since they were assigned
}

// Findings is what answers show beside the total, as it was stored with the scoring version.
type Findings struct {
	Screen    *instruments.Screen          `json:"screen,omitempty"`
	Subscales []instruments.SubscaleResult `json:"subscales,omitempty"`
	Flags     []instruments.FlagResult     `json:"flags,omitempty"`
}

// Submit notes who has answered the assessment, and when. The answers are the Scored.
func (a *Assessment) Submit(id uuid.UUID, told Told, now time.Time) {
	a.At = told.OccurredAt
	a.Report = told.Report(id, now)
}

// Answer is the answer to an item that was answered.
func (a *Assessment) Answer(item string) (int, error) {
	answers := map[string]int{}
	err := json.Unmarshal([]byte(a.Answers), &answers)
	return answers[item], err
}

// StatusAt is the status at a time: expired, if it was to be answered before that and is not.
func (a *Assessment) StatusAt(now time.Time) treatment.AssessmentStatus {
	if a.Status == treatment.AssessmentAssigned && a.ExpiresAt != nil && !now.Before(*a.ExpiresAt) {
		return treatment.AssessmentExpired
	}
	return a.Status
}

// AssessmentFilter says which assessments a list has. What is empty does not matter.
type AssessmentFilter struct {
	Status     treatment.AssessmentStatus // as it is now: expired is not assigned
	Instrument string
}

// ListAssessments returns a page of a patient's assessments, newest first.
func (tx *Tx) ListAssessments(patient uuid.UUID, f AssessmentFilter, p Page) ([]Assessment, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	switch f.Status {
	case "":
	case treatment.AssessmentExpired:
		q = q.Where("status = ? AND expires_at <= ?", treatment.AssessmentAssigned, tx.Now)
	case treatment.AssessmentAssigned:
		q = q.Where("status = ? AND expires_at > ?", f.Status, tx.Now)
	default:
		q = q.Where("status = ?", f.Status)
	}
	if f.Instrument != "" {
		q = q.Where("instrument = ?", f.Instrument)
	}
	return list[Assessment](q, desc("at"), p)
}

// LastAnswers returns the patient's latest answers to an instrument, or ErrNotFound.
func (tx *Tx) LastAnswers(patient uuid.UUID, instrument string) (*Assessment, error) {
	return one[Assessment](tx.orm.Where("patient_id = ? AND instrument = ? AND status IN ?", patient, instrument, answeredStatuses).
		Order("at DESC, id DESC"))
}

// AnswersTo returns all answers of a patient to some instruments that count, in the order of their time.
func (tx *Tx) AnswersTo(patient uuid.UUID, instruments ...string) ([]Assessment, error) {
	return many[Assessment](tx.orm.Where("patient_id = ? AND instrument IN ? AND status IN ?", patient, instruments, answeredStatuses).Order("at, id"))
}

// answeredStatuses are those of assessments that have answers which count.
var answeredStatuses = []treatment.AssessmentStatus{treatment.AssessmentSubmitted, treatment.AssessmentReviewed}

// Awaited says whether somebody has been asked to answer an instrument and still can, or has
// answered it at or after a time.
func (tx *Tx) Awaited(patient uuid.UUID, instrument string, since, due time.Time) (bool, error) {
	var n int64
	err := tx.orm.Model(&Assessment{}).Where("patient_id = ? AND instrument = ?", patient, instrument).
		Where("(status = ? AND expires_at > ? AND due_at <= ?) OR (status IN ? AND at >= ?)", treatment.AssessmentAssigned, tx.Now, due, answeredStatuses, since).Count(&n).Error
	return n > 0, err
}

// CompleteBefore returns the patient's last complete answers to an instrument before a time and
// not longer before it than that, or ErrNotFound. They were received before it, too: who answers
// afterwards how it was before knows how it went on.
func (tx *Tx) CompleteBefore(patient uuid.UUID, instrument string, before time.Time, age time.Duration) (*Assessment, error) {
	return one[Assessment](tx.orm.Where("patient_id = ? AND instrument = ? AND status IN ?", patient, instrument, answeredStatuses).
		Where("missing = 0 AND total IS NOT NULL AND at >= ? AND at < ? AND recorded_at < ?", before.Add(-age), before, before).
		Order("at DESC, id DESC"))
}

// InstrumentsAnswered returns the ids of the instruments of which the patient has a result, a
// total or a level. Answers that leave too much out give none: they are no baseline.
func (tx *Tx) InstrumentsAnswered(patient uuid.UUID) ([]string, error) {
	ids := []string{}
	err := tx.orm.Model(&Assessment{}).Where("patient_id = ? AND status IN ? AND (band <> '' OR total IS NOT NULL)", patient, answeredStatuses).
		Pluck("instrument", &ids).Error
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// TotalAt returns the total of the patient's latest answers to an instrument until a time; nil when
// there are none, or when they have none.
func (tx *Tx) TotalAt(patient uuid.UUID, instrument string, at time.Time) (*int, error) {
	a, err := one[Assessment](tx.orm.Where("patient_id = ? AND instrument = ? AND status IN ? AND at <= ?", patient, instrument, answeredStatuses, at).
		Order("at DESC, id DESC"))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.Total, nil
}
