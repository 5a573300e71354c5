package store

import (
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Suggestion is what the rules suggested about a treatment. It never changes.
type Suggestion struct {
	Record
	PatientID   uuid.UUID
	TreatmentID uuid.UUID
	treatment.SuggestionVerdict
	From  treatment.Dosing       `gorm:"embedded;embeddedPrefix:from_"`
	To    treatment.DosingChange `gorm:"embedded;embeddedPrefix:to_"`
	Basis string                 // a JSON object, a treatment.SuggestionBasis
	// RequestedBy is who asked.
	RequestedBy uuid.UUID
	// NamedBy are the adjustments that named it, the newest first.
	NamedBy []uuid.UUID `gorm:"-" json:"-"`
}

// Suggestion returns a suggestion with the adjustments that named it.
func (tx *Tx) Suggestion(id uuid.UUID) (*Suggestion, error) {
	s, err := Find[Suggestion](tx, id)
	if err != nil {
		return nil, err
	}
	rows := []Suggestion{*s}
	err = tx.withNames(rows)
	return &rows[0], err
}

// Suggestions returns suggestions by their ids.
func (tx *Tx) Suggestions(ids []uuid.UUID) (map[uuid.UUID]*Suggestion, error) {
	found := map[uuid.UUID]*Suggestion{}
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := many[Suggestion](tx.orm.Where("id IN ?", ids))
	for i := range rows {
		found[rows[i].ID] = &rows[i]
	}
	return found, err
}

// ListSuggestions returns a page of a treatment's suggestions, newest first.
func (tx *Tx) ListSuggestions(course uuid.UUID, p Page) ([]Suggestion, *Key, error) {
	rows, next, err := list[Suggestion](tx.orm.Where("treatment_id = ?", course), desc("created_at"), p)
	if err != nil {
		return nil, nil, err
	}
	return rows, next, tx.withNames(rows)
}

func (tx *Tx) withNames(rows []Suggestion) error {
	if len(rows) == 0 {
		return nil
	}
	at, ids := map[uuid.UUID]*Suggestion{}, make([]uuid.UUID, len(rows))
	for i := range rows {
		at[rows[i].ID], ids[i] = &rows[i], rows[i].ID
	}
	named, err := many[Adjustment](tx.orm.Select("id", "suggestion_id").Where("suggestion_id IN ?", ids).Order("created_at DESC, id DESC"))
	for i := range named {
		if s := at[*named[i].SuggestionID]; s != nil {
			s.NamedBy = append(s.NamedBy, named[i].ID)
		}
	}
	return err
}
