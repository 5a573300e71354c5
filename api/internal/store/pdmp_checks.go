package store

import (
	"time"

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
	// StaleAt is from when it says too little.
	StaleAt time.Time
}

// Deadlines of a check: it has become stale.
func (c *PDMPCheck) Deadlines() []treatment.Deadline {
	if !c.Counts() {
		return nil
	}
	return []treatment.Deadline{{Kind: treatment.DeadlinePDMP, At: c.StaleAt}}
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
