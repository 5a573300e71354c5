package store

import (
	"bytes"

	"github.com/google/uuid"
)

// ClaimFact takes the id that a client gave to a fact about patient, for ever and for the whole
// clinic. repeated means that this very fact, with the scope's fingerprint, is stored already:
// answer with the stored record. The error is ErrIDInUse if the id belongs to another fact,
// whoever's it is.
func (tx *Tx) ClaimFact(id, patient uuid.UUID) (repeated bool, err error) {
	s := tx.scope
	n, err := tx.exec(`INSERT INTO fact_ids (clinic_id, id, patient_id, operation, fingerprint, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (clinic_id, id) DO NOTHING`,
		s.Clinic, id, patient, s.Operation, s.Fingerprint[:], tx.Now)
	if err != nil || n == 1 {
		return false, err
	}
	var (
		owner       uuid.UUID
		fingerprint []byte
	)
	err = tx.row(`SELECT patient_id, fingerprint FROM fact_ids WHERE clinic_id = $1 AND id = $2`,
		[]any{s.Clinic, id}, &owner, &fingerprint)
	switch {
	case err != nil:
		return false, err
	case owner != patient || !bytes.Equal(fingerprint, s.Fingerprint[:]):
		return false, ErrIDInUse
	}
	return true, nil
}
