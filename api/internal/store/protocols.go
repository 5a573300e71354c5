package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Protocol is a clinic's dosing and safety policy. What it says never changes.
type Protocol struct {
	Record
	Name     string
	Revision string
	Policy   string // JSON, as pkg/treatment reads it
	treatment.ProtocolApproval
}

// ListProtocols returns a page of the clinic's protocols, newest first. status "" means all.
func (tx *Tx) ListProtocols(status treatment.ProtocolStatus, p Page) ([]Protocol, *Key, error) {
	q := tx.orm
	if status != "" {
		q = q.Where("status = ?", status)
	}
	return list[Protocol](q, desc("created_at"), p)
}

// DefaultProtocol returns the clinic's protocol of the name "default" that was approved last, or
// ErrNotFound.
func (tx *Tx) DefaultProtocol() (*Protocol, error) {
	return one[Protocol](tx.orm.Where("name = ? AND status = ?", "default", treatment.ProtocolApproved).Order("approved_at DESC, id DESC"))
}

// TreatmentProtocol is a protocol that a treatment has followed from a time on.
type TreatmentProtocol struct {
	Part
	TreatmentID uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID   uuid.UUID `json:"-"`
	ProtocolID  uuid.UUID
	Since       time.Time
}
