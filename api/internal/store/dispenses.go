package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Dispense is what a pharmacy handed out at one time.
type Dispense struct {
	Record
	PatientID      uuid.UUID
	PrescriptionID uuid.UUID
	Told
	Struck
	treatment.Dispense
	// Deviations is a JSON list. It is computed whole from all fills of the prescription each
	// time, as is the fill's number.
	Deviations string
}

// DispensesOf returns the dispenses of a patient that count, those that expire first before the
// others.
func (tx *Tx) DispensesOf(patient uuid.UUID) ([]Dispense, error) {
	return many[Dispense](tx.orm.Where("patient_id = ? AND struck_out_at IS NULL", patient).Order("beyond_use_date, occurred_at, id"))
}

// ListDispenses returns a page of a prescription's dispenses, newest first.
func (tx *Tx) ListDispenses(prescription uuid.UUID, p Page) ([]Dispense, *Key, error) {
	return list[Dispense](tx.orm.Where("prescription_id = ?", prescription), desc("occurred_at"), p)
}
