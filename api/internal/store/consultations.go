package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Consultation is the intake of a patient and the decision about eligibility.
type Consultation struct {
	Record
	PatientID uuid.UUID
	treatment.Consultation
	Intake treatment.Intake `gorm:"serializer:json"`
	Ruling treatment.Ruling `gorm:"serializer:json"`
}

// ListConsultations returns a page of a patient's consultations, newest first. status "" means
// all; eligible and expired are told apart by the time of the transaction.
func (tx *Tx) ListConsultations(patient uuid.UUID, status treatment.ConsultationStatus, p Page) ([]Consultation, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	switch status {
	case "":
	case treatment.ConsultationExpired:
		q = q.Where("status = ? AND expires_at < ?", treatment.ConsultationEligible, tx.Now)
	case treatment.ConsultationEligible:
		q = q.Where("status = ? AND (expires_at IS NULL OR expires_at >= ?)", status, tx.Now)
	default:
		q = q.Where("status = ?", status)
	}
	return list[Consultation](q, desc("created_at"), p)
}

// LastDecision returns the patient's consultation that was decided last, or ErrNotFound: what was
// decided before it does not count any more.
func (tx *Tx) LastDecision(patient uuid.UUID) (*Consultation, error) {
	return one[Consultation](tx.orm.Where("patient_id = ? AND decided_at IS NOT NULL", patient).Order("decided_at DESC, id DESC"))
}

// ConsultationStatuses returns the statuses of all of a patient's consultations.
func (tx *Tx) ConsultationStatuses(patient uuid.UUID) (statuses []treatment.ConsultationStatus, err error) {
	err = tx.orm.Model(&Consultation{}).Where("patient_id = ?", patient).Pluck("status", &statuses).Error
	return statuses, err
}
