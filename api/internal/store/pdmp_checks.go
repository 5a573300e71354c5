package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// PDMPCheck is one look into a state's prescription drug monitoring program.
type PDMPCheck struct {
	Record
	PatientID uuid.UUID
	Told
	Struck
	treatment.PDMPCheck
}

// LastPDMPCheck returns the newest check of a state's program that counts, or ErrNotFound.
func (tx *Tx) LastPDMPCheck(patient uuid.UUID, state string) (*PDMPCheck, error) {
	return one[PDMPCheck](tx.orm.Where("patient_id = ? AND state = ? AND struck_out_at IS NULL", patient, state).
		Order("occurred_at DESC, id DESC"))
}

// ListPDMPChecks returns a page of a patient's checks, newest first.
func (tx *Tx) ListPDMPChecks(patient uuid.UUID, p Page) ([]PDMPCheck, *Key, error) {
	return list[PDMPCheck](tx.orm.Where("patient_id = ?", patient), desc("occurred_at"), p)
}
