package store

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Ref is a record that a path names: the parameter and its value.
type Ref struct {
	Param string // for example "treatmentId"
	ID    uuid.UUID
}

// patientRecords are the path parameters that name a patient's record, with its table. A new
// noun of a patient adds its line here.
var patientRecords = map[string]string{
	"patientId":       "patients",
	"treatmentId":     "treatments",
	"prescriptionId":  "prescriptions",
	"sessionId":       "sessions",
	"assessmentId":    "assessments",
	"alertId":         "alerts",
	"consultationId":  "consultations",
	"measurementId":   "measurements",
	"supportPersonId": "support_people",
	"medicationId":    "medications",
	"pdmpCheckId":     "pdmp_checks",
	"visitId":         "visits",
	"consentId":       "consents",
	"adverseEventId":  "adverse_events",
	"adjustmentId":    "adjustments",
	"suggestionId":    "suggestions",
	"dispenseId":      "dispenses",
	"supplyEntryId":   "supply_entries",
	"supplySignalId":  "supply_signals",
	"followUpId":      "follow_ups",
}

// TableOf returns the table of the patient's record that a path parameter names, or "".
func TableOf(param string) string { return patientRecords[param] }

// ConcernsPatient reports whether a path parameter names a patient's record.
func ConcernsPatient(param string) bool { return patientRecords[param] != "" }

// LockPatient finds the patient whose record ref is and takes the patient's row until the end
// of the transaction, so that everything about one patient happens in turn. Who needs several
// takes them in the order of their ids. The error is ErrNotFound if there is no such record or the scope must not see it.
func (tx *Tx) LockPatient(ref Ref) (uuid.UUID, error) {
	if tx.mode != write {
		return uuid.Nil, ErrReadOnly
	}
	id, err := tx.resolve(ref, tx.db.engine.forUpdate())
	if err == nil {
		tx.hold(id)
	}
	return id, err
}

// ResolvePatient is LockPatient for reading: it takes nothing.
func (tx *Tx) ResolvePatient(ref Ref) (uuid.UUID, error) { return tx.resolve(ref, "") }

func (tx *Tx) resolve(ref Ref, suffix string) (patient uuid.UUID, err error) {
	table := patientRecords[ref.Param]
	if table == "" {
		return uuid.Nil, fmt.Errorf("%w: path parameter %q names no record of a patient", ErrUnguarded, ref.Param)
	}
	query := "SELECT p.id FROM patients p WHERE p.clinic_id = $1 AND p.id = $2"
	if table != "patients" {
		query = "SELECT p.id FROM " + table + " r JOIN patients p ON p.clinic_id = r.clinic_id AND p.id = r.patient_id" +
			" WHERE r.clinic_id = $1 AND r.id = $2"
	}
	args := []any{tx.scope.Clinic, ref.ID}
	if own := tx.scope.OnlyPatient; own != uuid.Nil {
		args = append(args, own)
		query += fmt.Sprintf(" AND p.id = $%d", len(args))
	}
	if own := tx.scope.NotPatient; own != uuid.Nil {
		args = append(args, own)
		query += fmt.Sprintf(" AND p.id <> $%d", len(args))
	}
	err = tx.row(query+suffix, args, &patient)
	return patient, err
}

func (tx *Tx) hold(patient uuid.UUID) {
	if tx.locked == nil {
		tx.locked = map[uuid.UUID]struct{}{}
	}
	tx.locked[patient] = struct{}{}
}

// holds refuses to write a record of a patient whose row was not taken first.
func (tx *Tx) holds(s *gorm.Statement, row Row) error {
	p := patientOf(s, row)
	if _, ok := tx.locked[p]; !ok && p != uuid.Nil {
		return fmt.Errorf("%w: %s", ErrNotLocked, s.Table)
	}
	return nil
}

// concerned is the one patient that the transaction is about, or nil: there may be none, and
// an operation on staff may touch the records of several.
func (tx *Tx) concerned() *uuid.UUID {
	if len(tx.locked) != 1 {
		return nil
	}
	for p := range tx.locked {
		return &p
	}
	return nil
}
