package store

import (
	"errors"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// ConsentTemplate is a text that patients sign: one revision of its kind.
type ConsentTemplate struct {
	Record
	treatment.ConsentTemplate
}

// ConsentTemplateFilter says which texts a list has. What is empty does not matter.
type ConsentTemplateFilter struct {
	Kind   treatment.ConsentKind
	Status treatment.ConsentTemplateStatus
}

// ListConsentTemplates returns a page of the clinic's consent texts, newest first.
func (tx *Tx) ListConsentTemplates(f ConsentTemplateFilter, p Page) ([]ConsentTemplate, *Key, error) {
	q := tx.orm
	if f.Kind != "" {
		q = q.Where("kind = ?", f.Kind)
	}
	if f.Status != "" {
		q = q.Where("status = ?", f.Status)
	}
	return list[ConsentTemplate](q, desc("created_at"), p)
}

// PublishConsentTemplate adds t as the next revision of its kind. The error is ErrConflict if
// another one is published at the same moment.
func (tx *Tx) PublishConsentTemplate(event string, t *ConsentTemplate) error {
	last, err := tx.lastRevision(t.Kind, treatment.ConsentTemplateStatuses...)
	if err != nil {
		return err
	}
	t.Revision = last + 1
	return tx.Create(event, t)
}

// lastRevision returns the highest revision of a kind among those of some statuses, or 0.
func (tx *Tx) lastRevision(kind treatment.ConsentKind, statuses ...treatment.ConsentTemplateStatus) (int, error) {
	t, err := one[ConsentTemplate](tx.orm.Where("kind = ? AND status IN ?", kind, statuses).Order("revision DESC"))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return t.Revision, nil
}
