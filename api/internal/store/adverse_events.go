package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// AdverseEvent is something bad that happened to a patient. Its OccurredAt is the onset.
type AdverseEvent struct {
	Record
	PatientID   uuid.UUID
	TreatmentID *uuid.UUID
	SessionID   *uuid.UUID
	Told
	treatment.AdverseEvent
}

// StaffOnly reports whether the patient may not see it: patients see what they have reported themselves.
func (e *AdverseEvent) StaffOnly() bool {
	return e.RecordedBy != Actor{ActorPatient, e.PatientID}.String()
}

// AdverseEventFilter says which adverse events a list has. What is empty does not matter.
type AdverseEventFilter struct {
	Status     treatment.AdverseEventStatus
	RecordedBy string // the actor, in the journal's form
}

// AdverseEventsOf returns what has become of every adverse event that was reported for a session.
func (tx *Tx) AdverseEventsOf(session uuid.UUID) (statuses []treatment.AdverseEventStatus, err error) {
	err = tx.orm.Model(&AdverseEvent{}).Where("session_id = ?", session).Order("created_at, id").Pluck("status", &statuses).Error
	return statuses, err
}

// AdverseEventsBetween returns what happened to a patient in a time: events that began in it, and those
// that were over in it.
func (tx *Tx) AdverseEventsBetween(patient uuid.UUID, from, until time.Time) ([]AdverseEvent, error) {
	return many[AdverseEvent](tx.orm.Where("patient_id = ? AND occurred_at <= ?", patient, until).
		Where("occurred_at >= ? OR resolved_at >= ?", from, from).Order("occurred_at, id"))
}

// ListAdverseEvents returns a page of a patient's adverse events, the newest onset first.
func (tx *Tx) ListAdverseEvents(patient uuid.UUID, f AdverseEventFilter, p Page) ([]AdverseEvent, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	if f.Status != "" {
		q = q.Where("status = ?", f.Status)
	}
	if f.RecordedBy != "" {
		q = q.Where("recorded_by = ?", f.RecordedBy)
	}
	return list[AdverseEvent](q, desc("occurred_at"), p)
}
