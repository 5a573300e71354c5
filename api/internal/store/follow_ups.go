package store

import (
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// FollowUp is something that is due for a patient or the staff.
type FollowUp struct {
	Record
	PatientID uuid.UUID
	// TreatmentID is the treatment that it belongs to; nil if none was open when it was scheduled.
	TreatmentID *uuid.UUID
	// SessionID is the session after which it is due; nil for the others.
	SessionID *uuid.UUID
	// Missed takes it out of the index of what waits. It follows from MissedAt and is no part of the record.
	Missed bool
	treatment.FollowUp
}

// StaffOnly reports whether it is for the staff, and not for the patient to see.
func (f *FollowUp) StaffOnly() bool { return f.Audience != treatment.AudiencePatient }

// FollowUpFilter says which follow-ups a list has. What is empty does not matter.
type FollowUpFilter struct {
	Status   treatment.FollowUpStatus // as it is now: due is not open
	Audience treatment.Audience
}

// ListFollowUps returns a page of a patient's follow-ups, those due last first.
func (tx *Tx) ListFollowUps(patient uuid.UUID, f FollowUpFilter, p Page) ([]FollowUp, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	if f.Audience != "" {
		q = q.Where("audience = ?", f.Audience)
	}
	open := func(where string, args ...any) *gorm.DB {
		return q.Where("status = ?", treatment.FollowUpOpen).Where(where, args...)
	}
	switch f.Status {
	case "":
	case treatment.FollowUpOpen:
		q = open("due_at > ?", tx.Now)
	case treatment.FollowUpDue:
		q = open("due_at <= ? AND overdue_at > ? AND missed_at > ?", tx.Now, tx.Now, tx.Now)
	case treatment.FollowUpOverdue:
		q = open("due_at <= ? AND overdue_at <= ? AND missed_at > ?", tx.Now, tx.Now, tx.Now)
	case treatment.FollowUpMissed:
		q = open("due_at <= ? AND missed_at <= ?", tx.Now, tx.Now)
	case treatment.FollowUpDone, treatment.FollowUpCancelled:
		q = q.Where("status = ?", f.Status)
	}
	return list[FollowUp](q, desc("due_at"), p)
}

// OpenFollowUps returns what was neither done nor cancelled nor missed of a patient at a time, in the
// order in which it is due.
func (tx *Tx) OpenFollowUps(patient uuid.UUID, at time.Time) ([]FollowUp, error) {
	return many[FollowUp](tx.orm.Where("patient_id = ? AND status = ? AND missed_at > ?", patient, treatment.FollowUpOpen, at).Order("due_at, id"))
}

// RecurringFollowUp returns one of a recurring series by its number, or ErrNotFound.
func (tx *Tx) RecurringFollowUp(course uuid.UUID, series string, occurrence int) (*FollowUp, error) {
	return one[FollowUp](tx.orm.Where("treatment_id = ? AND series = ? AND occurrence = ? AND session_id IS NULL", course, series, occurrence))
}

// Miss notes that no answers are waited for any more. The record's version stays: nothing in it changes.
func (tx *Tx) Miss(f *FollowUp) error {
	tx.NoteOf("followUp.missed", "follow_ups", f)
	return tx.orm.Model(&FollowUp{}).Where("id = ?", f.ID).Update("missed", true).Error
}

// LastOccurrence returns the highest number of a recurring series of a treatment.
func (tx *Tx) LastOccurrence(course uuid.UUID, series string) (int, error) {
	last, err := one[FollowUp](tx.orm.Where("treatment_id = ? AND series = ? AND session_id IS NULL", course, series).Order("occurrence DESC"))
	if err != nil {
		return 0, err
	}
	return last.Occurrence, nil
}

// FollowUpsOfSessions returns what the series of a treatment have scheduled after sessions.
func (tx *Tx) FollowUpsOfSessions(course uuid.UUID) ([]FollowUp, error) {
	return many[FollowUp](tx.orm.Where("treatment_id = ? AND series <> '' AND session_id IS NOT NULL", course).Order("due_at, id"))
}

// FollowUpsDoneBy returns what an assessment has done.
func (tx *Tx) FollowUpsDoneBy(assessment uuid.UUID) ([]FollowUp, error) {
	return many[FollowUp](tx.orm.Where("assessment_id = ?", assessment).Order("due_at, id"))
}

// FirstDoses returns when each session of a treatment with a dose began, in the order of their time.
func (tx *Tx) FirstDoses(course uuid.UUID) ([]treatment.DoseTime, error) {
	var rows []Session
	err := tx.orm.Select("id", "started_at").Where("treatment_id = ? AND started_at IS NOT NULL AND status <> ?", course, treatment.SessionEnteredInError).
		Order("started_at, id").Find(&rows).Error
	doses := make([]treatment.DoseTime, len(rows))
	for i := range rows {
		doses[i] = treatment.DoseTime{SessionID: rows[i].ID, At: *rows[i].StartedAt}
	}
	return doses, err
}
