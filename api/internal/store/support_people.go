package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// SupportPerson is somebody who can be with a patient during sessions.
type SupportPerson struct {
	Record
	PatientID uuid.UUID
	treatment.SupportPerson
}

// Companions returns the adults who can be asked to be with a patient.
func (tx *Tx) Companions(patient uuid.UUID) ([]SupportPerson, error) {
	return many[SupportPerson](tx.orm.Where("patient_id = ? AND adult = ? AND removed_at IS NULL", patient, true).Order("created_at, id"))
}

// ListSupportPeople returns a page of a patient's support people, newest first; status ""
// means all.
func (tx *Tx) ListSupportPeople(patient uuid.UUID, status treatment.SupportPersonStatus, p Page) ([]SupportPerson, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	switch status {
	case treatment.SupportPersonActive:
		q = q.Where("removed_at IS NULL")
	case treatment.SupportPersonRemoved:
		q = q.Where("removed_at IS NOT NULL")
	}
	return list[SupportPerson](q, desc("created_at"), p)
}
