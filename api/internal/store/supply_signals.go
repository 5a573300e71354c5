package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// SupplySignal is a sign that the medicine may not be used as prescribed.
type SupplySignal struct {
	Record
	PatientID uuid.UUID
	Rule      treatment.SignalRule
	At        time.Time
	Source    treatment.SignalSource `gorm:"embedded;embeddedPrefix:source_"`
	Value     string
	Limit     string
	// FoundAt is when it was found, the last time.
	FoundAt time.Time
	// WithdrawnAt is when what it rested on was not so any more; SettledAt when a prescriber ended
	// the lock that it belonged to.
	WithdrawnAt *time.Time
	SettledAt   *time.Time
}

// Signal is the row as the rules know it.
func (s *SupplySignal) Signal() treatment.Signal {
	return treatment.Signal{Rule: s.Rule, At: s.At, Source: s.Source, Value: s.Value, Limit: s.Limit}
}

// Take gives the row what the rules have found.
func (s *SupplySignal) Take(found treatment.Signal) {
	s.Rule, s.At, s.Source, s.Value, s.Limit = found.Rule, found.At, found.Source, found.Value, found.Limit
}

// Counts reports whether it may be part of a pattern.
func (s *SupplySignal) Counts() bool { return s.WithdrawnAt == nil && s.SettledAt == nil }

// SupplySignals returns all signals of a patient, in the order of their time.
func (tx *Tx) SupplySignals(patient uuid.UUID) ([]SupplySignal, error) {
	return many[SupplySignal](tx.orm.Where("patient_id = ?", patient).Order("at, id"))
}

// SettleSignals notes that a prescriber has ended the lock that a patient's signals belonged to.
func (tx *Tx) SettleSignals(patient uuid.UUID) error {
	rows, err := many[SupplySignal](tx.orm.Where("patient_id = ? AND settled_at IS NULL", patient).Order("at, id"))
	for i := range rows {
		if err != nil {
			return err
		}
		rows[i].SettledAt = &tx.Now
		err = tx.Change("supplySignal.settled", &rows[i])
	}
	return err
}

// ListSupplySignals returns a page of a patient's signals, newest first.
func (tx *Tx) ListSupplySignals(patient uuid.UUID, p Page) ([]SupplySignal, *Key, error) {
	return list[SupplySignal](tx.orm.Where("patient_id = ?", patient), desc("at"), p)
}

// DosedSessions returns a patient's sessions with a dose, of those that were not entered in error.
func (tx *Tx) DosedSessions(patient uuid.UUID) ([]Session, error) {
	return many[Session](tx.orm.Select("id", "started_at", "deviations").
		Where("patient_id = ? AND started_at IS NOT NULL", patient).Order("at, id"))
}

// DoseRequests returns the adjustments of a patient to a higher dose that the patient asked for.
func (tx *Tx) DoseRequests(patient uuid.UUID) ([]Adjustment, error) {
	return many[Adjustment](tx.orm.Where("patient_id = ? AND source = ?", patient, treatment.AdjustmentByPatientRequest).
		Where("(to_dose_ug > from_dose_ug OR to_booster_ug > from_booster_ug)").Order("created_at, id"))
}
