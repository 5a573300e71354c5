package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// SupplyEntry is a line of a patient's ledger. One that somebody reported is its own source and
// has ReportedUnits; of the others, Told holds nothing but the time.
type SupplyEntry struct {
	Record
	PatientID uuid.UUID
	Kind      treatment.SupplyKind
	// SourceID is the dispense, the dose or the report that it rests on.
	SourceID  uuid.UUID
	SessionID *uuid.UUID // of the dose
	// DispenseID names the lot, and StrengthMg is what one unit of it holds; nil and 0 if no
	// lot accounts for it.
	DispenseID *uuid.UUID
	StrengthMg dose.Mg
	AmountMg   dose.Mg    // by which the lot changes
	Reverses   *uuid.UUID // the line that it takes back
	Told
	Struck
	ReportedUnits *dose.Units
	Method        treatment.DisposalMethod
	Witness       string
	Cause         treatment.LossCause
	Note          string
}

// Line is the entry as the rules know it.
func (e *SupplyEntry) Line() treatment.SupplyEntry {
	line := treatment.SupplyEntry{Kind: e.Kind, SourceID: e.SourceID, AmountMg: e.AmountMg}
	if e.DispenseID != nil {
		line.DispenseID = *e.DispenseID
	}
	return line
}

// SupplyEntries returns a patient's whole ledger, in the order of its time.
func (tx *Tx) SupplyEntries(patient uuid.UUID) ([]SupplyEntry, error) {
	return many[SupplyEntry](tx.orm.Where("patient_id = ?", patient).Order("occurred_at, id"))
}

// ListSupplyEntries returns a page of a patient's ledger, newest first.
func (tx *Tx) ListSupplyEntries(patient uuid.UUID, p Page) ([]SupplyEntry, *Key, error) {
	return list[SupplyEntry](tx.orm.Where("patient_id = ?", patient), desc("occurred_at"), p)
}
