package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Adjustment is a proposed change of dose or interval and what became of it.
type Adjustment struct {
	Record
	PatientID   uuid.UUID
	TreatmentID uuid.UUID
	treatment.Adjustment
	From     treatment.Dosing       `gorm:"embedded;embeddedPrefix:from_"`
	To       treatment.DosingChange `gorm:"embedded;embeddedPrefix:to_"`
	Evidence []AdjustmentRecord     `gorm:"-"`
	// Suggestion is the one that it names, which is a record of its own; nil if it names none.
	Suggestion *Suggestion `gorm:"-" json:"-"`
}

// StaffOnly reports whether it is none of the patient's business yet: a patient sees what was applied.
func (a *Adjustment) StaffOnly() bool { return a.Status != treatment.AdjustmentApplied }

// AdjustmentRecord is a record that an adjustment rests on.
type AdjustmentRecord struct {
	Part
	AdjustmentID       uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID          uuid.UUID `json:"-"`
	Role               EvidenceRole
	treatment.Evidence `gorm:"embedded;embeddedPrefix:record_"`
}

// EvidenceRole is what a record is to an adjustment.
type EvidenceRole string

// Evidence roles.
const (
	EvidenceNamed      EvidenceRole = "named"      // by the proposal
	EvidenceKnown      EvidenceRole = "known"      // when it was proposed, though not named
	EvidenceConsidered EvidenceRole = "considered" // by the approver
)

// EvidenceRoles lists every role.
var EvidenceRoles = []EvidenceRole{EvidenceNamed, EvidenceKnown, EvidenceConsidered}

// Add appends records of a role to the evidence.
func (a *Adjustment) Add(role EvidenceRole, records []treatment.Evidence) {
	for _, e := range records {
		a.Evidence = append(a.Evidence, AdjustmentRecord{PatientID: a.PatientID, Role: role, Evidence: e})
	}
}

// Of returns the evidence of a role.
func (a *Adjustment) Of(role EvidenceRole) (records []treatment.Evidence) {
	for i := range a.Evidence {
		if a.Evidence[i].Role == role {
			records = append(records, a.Evidence[i].Evidence)
		}
	}
	return records
}

// Propose creates an adjustment with its evidence.
func (tx *Tx) Propose(event string, a *Adjustment) error {
	if err := tx.Create(event, a); err != nil {
		return err
	}
	return Replace(tx, "adjustment_id", a.ID, a.Evidence)
}

// Adjustment returns an adjustment with its evidence.
func (tx *Tx) Adjustment(id uuid.UUID) (*Adjustment, error) {
	a, err := Find[Adjustment](tx, id)
	if err != nil {
		return nil, err
	}
	rows := []Adjustment{*a}
	err = tx.complete(rows)
	return &rows[0], err
}

// ChangeAdjustment writes a with its evidence.
func (tx *Tx) ChangeAdjustment(event string, a *Adjustment) error {
	if err := Replace(tx, "adjustment_id", a.ID, a.Evidence); err != nil {
		return err
	}
	return tx.Change(event, a)
}

// OpenAdjustments returns the adjustments of a treatment that are kept as proposed or approved,
// with their evidence: one, if any, perhaps expired by now.
func (tx *Tx) OpenAdjustments(course uuid.UUID) ([]Adjustment, error) {
	rows, err := many[Adjustment](tx.orm.Where("treatment_id = ? AND status IN ?", course,
		[]treatment.AdjustmentStatus{treatment.AdjustmentProposed, treatment.AdjustmentApproved}))
	if err != nil {
		return nil, err
	}
	return rows, tx.complete(rows)
}

// AdjustmentFilter says which adjustments a list has. What is empty does not matter.
type AdjustmentFilter struct {
	Status  treatment.AdjustmentStatus // as it is now: expired is not proposed
	Applied bool                       // only these
}

// ListAdjustments returns a page of a treatment's adjustments with their evidence, newest first.
func (tx *Tx) ListAdjustments(course uuid.UUID, f AdjustmentFilter, p Page) ([]Adjustment, *Key, error) {
	q := tx.orm.Where("treatment_id = ?", course)
	switch f.Status {
	case "":
	case treatment.AdjustmentExpired:
		q = q.Where("(status = ? OR (status = ? AND expires_at <= ?))", f.Status, treatment.AdjustmentProposed, tx.Now)
	case treatment.AdjustmentProposed:
		q = q.Where("status = ? AND expires_at > ?", f.Status, tx.Now)
	default:
		q = q.Where("status = ?", f.Status)
	}
	if f.Applied {
		q = q.Where("status = ?", treatment.AdjustmentApplied)
	}
	rows, next, err := list[Adjustment](q, desc("created_at"), p)
	if err != nil {
		return nil, nil, err
	}
	return rows, next, tx.complete(rows)
}

// complete reads what belongs to adjustments: their evidence, and the suggestions that they name.
func (tx *Tx) complete(rows []Adjustment) error {
	ids, named := make([]uuid.UUID, len(rows)), []uuid.UUID{}
	for i := range rows {
		ids[i] = rows[i].ID
		if id := rows[i].SuggestionID; id != nil {
			named = append(named, *id)
		}
	}
	suggestions, err := tx.Suggestions(named)
	if err != nil {
		return err
	}
	evidence, err := Parts[AdjustmentRecord](tx, "adjustment_id", ids...)
	for i := range rows {
		rows[i].Evidence = evidence[rows[i].ID]
		if id := rows[i].SuggestionID; id != nil {
			rows[i].Suggestion = suggestions[*id]
		}
	}
	return err
}
