package store

import (
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Medication is a medicine that a patient takes or took.
type Medication struct {
	Record
	PatientID uuid.UUID
	Told
	Struck
	treatment.Medication
}

// StatusOn is the status on a day where the patient is.
func (m *Medication) StatusOn(day treatment.Date) treatment.MedicationStatus {
	if !m.Counts() {
		return treatment.MedicationEnteredInError
	}
	return m.Medication.StatusOn(day)
}

// Medicines returns what a patient takes on a day where the patient is, also what is to be begun, and
// what was stopped so lately that it still matters.
func (tx *Tx) Medicines(patient uuid.UUID, today treatment.Date) ([]Medication, error) {
	rows, err := many[Medication](tx.orm.Where("patient_id = ? AND struck_out_at IS NULL", patient).Order("occurred_at, id"))
	return slices.DeleteFunc(rows, func(m Medication) bool { return m.Over(today) }), err
}

// ListMedications returns a page of a patient's medications, the last reported first. status ""
// means all; current and ended are told apart by today, the day where the patient is.
func (tx *Tx) ListMedications(patient uuid.UUID, status treatment.MedicationStatus, today treatment.Date, p Page) ([]Medication, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	switch status {
	case treatment.MedicationCurrent:
		q = q.Where("struck_out_at IS NULL AND (ended_on = '' OR ended_on > ?)", today)
	case treatment.MedicationEnded:
		q = q.Where("struck_out_at IS NULL AND ended_on <> '' AND ended_on <= ?", today)
	case treatment.MedicationEnteredInError:
		q = q.Where("struck_out_at IS NOT NULL")
	}
	return list[Medication](q, desc("occurred_at"), p)
}
