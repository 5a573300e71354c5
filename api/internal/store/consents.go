package store

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// ConsentTemplate is a text that patients sign: one revision of its kind.
type ConsentTemplate struct {
	Record
	treatment.ConsentTemplate
}

// Consent is a patient's answer to one text, for sharing data about one partner.
type Consent struct {
	Record
	PatientID  uuid.UUID
	TemplateID uuid.UUID
	treatment.Consent
	// Signature is of the fact that it was signed, Ending of the one that declined or withdrew
	// it, since it was last presented.
	Signature Report `gorm:"embedded;embeddedPrefix:signature_"`
	Ending    Report `gorm:"embedded;embeddedPrefix:ending_"`
	// Template is the text, which is a record of its own; nil if it was not read.
	Template *ConsentTemplate `gorm:"-" json:"-"`
}

// StatusAt is the status at a time, by its text's end too.
func (c *Consent) StatusAt(now time.Time) treatment.ConsentStatus {
	return c.Consent.StatusAt(c.Template.ConsentTemplate, now)
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
	last, err := tx.LastRevision(t.Kind, treatment.ConsentTemplateStatuses...)
	if err != nil {
		return err
	}
	t.Revision = last + 1
	return tx.Create(event, t)
}

// LastRevision returns the highest revision of a kind among those of some statuses, or 0.
func (tx *Tx) LastRevision(kind treatment.ConsentKind, statuses ...treatment.ConsentTemplateStatus) (int, error) {
	t, err := one[ConsentTemplate](tx.orm.Where("kind = ? AND status IN ?", kind, statuses).Order("revision DESC"))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return t.Revision, nil
}

// Consent returns a consent with its text.
func (tx *Tx) Consent(id uuid.UUID) (*Consent, error) {
	c, err := Find[Consent](tx, id)
	if err != nil {
		return nil, err
	}
	c.Template, err = Find[ConsentTemplate](tx, c.TemplateID)
	return c, err
}

// ConsentTo returns the patient's consent to a text, for sharing data the one about a partner, or
// ErrNotFound.
func (tx *Tx) ConsentTo(template *ConsentTemplate, patient uuid.UUID, partner string) (*Consent, error) {
	c, err := one[Consent](tx.orm.Where("patient_id = ? AND template_id = ? AND partner = ?", patient, template.ID, partner))
	if err != nil {
		return nil, err
	}
	c.Template = template
	return c, nil
}

// OpenConsents returns the patient's consents for the purpose of c, but for c itself, that wait
// for a signature or have one, without their texts.
func (tx *Tx) OpenConsents(c *Consent) ([]Consent, error) {
	return many[Consent](tx.orm.Where("patient_id = ? AND kind = ? AND partner = ? AND id <> ? AND status IN ?",
		c.PatientID, c.Kind, c.Partner, c.ID, openConsents).Order("created_at, id"))
}

// openConsents are the statuses of a consent that time can make expired.
var openConsents = []treatment.ConsentStatus{treatment.ConsentPresented, treatment.ConsentSigned}

// ConsentsInForce returns the kinds of consent that a patient had in force at a time; an empty
// list if there were none. It looks no further back than to the last presentation of each.
func (tx *Tx) ConsentsInForce(patient uuid.UUID, at time.Time) ([]string, error) {
	rows, err := many[Consent](tx.orm.Where("patient_id = ? AND signed_at <= ?", patient, at))
	if err := tx.withTemplates(rows, err); err != nil {
		return nil, err
	}
	kinds := []string{}
	for i := range rows {
		if rows[i].InForceAt(rows[i].Template.ConsentTemplate, at) {
			kinds = append(kinds, string(rows[i].Kind))
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// ListConsents returns a page of a patient's consents, newest first. status "" means all; what
// is expired is told by the transaction's time.
func (tx *Tx) ListConsents(patient uuid.UUID, status treatment.ConsentStatus, p Page) ([]Consent, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	retired := tx.orm.Model(&ConsentTemplate{}).Select("id").Where("status = ?", treatment.ConsentTemplateRetired)
	switch status {
	case "":
	case treatment.ConsentExpired:
		q = q.Where("status IN ? AND (expires_at <= ? OR template_id IN (?))", openConsents, tx.Now, retired)
	case treatment.ConsentSigned:
		q = q.Where("status = ? AND expires_at > ? AND template_id NOT IN (?)", status, tx.Now, retired)
	case treatment.ConsentPresented:
		q = q.Where("status = ? AND template_id NOT IN (?)", status, retired)
	default:
		q = q.Where("status = ?", status)
	}
	rows, next, err := list[Consent](q, desc("created_at"), p)
	return rows, next, tx.withTemplates(rows, err)
}

func (tx *Tx) withTemplates(rows []Consent, err error) error {
	if err != nil || len(rows) == 0 {
		return err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].TemplateID
	}
	templates, err := many[ConsentTemplate](tx.orm.Where("id IN ?", ids))
	for i := range rows {
		at := slices.IndexFunc(templates, func(t ConsentTemplate) bool { return t.ID == rows[i].TemplateID })
		if at < 0 {
			return errors.Join(err, ErrReference)
		}
		rows[i].Template = &templates[at]
	}
	return err
}
