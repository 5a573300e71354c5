package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Measurement is what was measured outside a session.
type Measurement struct {
	Record
	PatientID uuid.UUID
	Told
	Struck
	WeightKg     *dose.Kg
	HeightCm     *int
	SystolicMmHg *int

	DiastolicMmHg *int
	HeartRateBpm  *int
	Spo2Percent   *int
	Position      *string
	Doubtful      bool
}

// LastWeight returns the patient's latest weighing that counts, or ErrNotFound.
func (tx *Tx) LastWeight(patient uuid.UUID) (*Measurement, error) {
	return one[Measurement](tx.orm.Where("patient_id = ? AND weight_g IS NOT NULL AND struck_out_at IS NULL", patient).
		Order("occurred_at DESC, id DESC"))
}

// LastBloodPressure returns the patient's latest measurement of both pressures that counts, or
// ErrNotFound.
func (tx *Tx) LastBloodPressure(patient uuid.UUID) (*Measurement, error) {
	return one[Measurement](tx.orm.Where("patient_id = ? AND systolic_mm_hg IS NOT NULL AND diastolic_mm_hg IS NOT NULL AND struck_out_at IS NULL", patient).
		Order("occurred_at DESC, id DESC"))
}

// Vitals are the vital signs among what was measured.
func (m *Measurement) Vitals() treatment.Vitals {
	return treatment.Vitals{SystolicMmHg: m.SystolicMmHg, DiastolicMmHg: m.DiastolicMmHg, HeartRateBpm: m.HeartRateBpm, Spo2Percent: m.Spo2Percent}
}

// MeasurementsBetween returns what counts of what was measured of a patient in a time.
func (tx *Tx) MeasurementsBetween(patient uuid.UUID, from, until time.Time) ([]Measurement, error) {
	return many[Measurement](tx.orm.Where("patient_id = ? AND struck_out_at IS NULL AND occurred_at BETWEEN ? AND ?", patient, from, until).Order("occurred_at, id"))
}

// ListMeasurements returns a page of a patient's measurements, newest first.
func (tx *Tx) ListMeasurements(patient uuid.UUID, p Page) ([]Measurement, *Key, error) {
	return list[Measurement](tx.orm.Where("patient_id = ?", patient), desc("occurred_at"), p)
}
