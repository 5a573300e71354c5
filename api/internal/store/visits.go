package store

import (
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Visit is a meeting of a patient with a provider.
type Visit struct {
	Record
	PatientID uuid.UUID
	treatment.Visit
	Links []VisitLink `gorm:"-"`
}

// The kinds of a visit's link.
const (
	LinkAssessment = "assessment"
	LinkAdjustment = "adjustment"
)

// VisitLink is a record of the patient that a visit is about.
type VisitLink struct {
	Part
	VisitID   uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID uuid.UUID `json:"-"`
	Kind      string
	RecordID  uuid.UUID
}

// Linked returns the ids of the records of a kind that the visit is about.
func (v *Visit) Linked(kind string) []uuid.UUID {
	ids := []uuid.UUID{}
	for _, l := range v.Links {
		if l.Kind == kind {
			ids = append(ids, l.RecordID)
		}
	}
	return ids
}

// Visit returns a visit with its links.
func (tx *Tx) Visit(id uuid.UUID) (*Visit, error) {
	v, err := Find[Visit](tx, id)
	if err != nil {
		return nil, err
	}
	rows := []Visit{*v}
	err = tx.withLinks(rows)
	return &rows[0], err
}

// BookVisit creates v with its links.
func (tx *Tx) BookVisit(v *Visit) error {
	if err := tx.Create("visit.booked", v); err != nil {
		return err
	}
	return tx.replaceLinks(v)
}

// ChangeVisit writes v with its links.
func (tx *Tx) ChangeVisit(event string, v *Visit) error {
	if err := tx.replaceLinks(v); err != nil {
		return err
	}
	return tx.Change(event, v)
}

func (tx *Tx) replaceLinks(v *Visit) error {
	for i := range v.Links {
		v.Links[i].PatientID = v.PatientID
	}
	return Replace(tx, "visit_id", v.ID, v.Links)
}

// ListVisits returns a page of a patient's visits, those planned last first; status "" means all.
func (tx *Tx) ListVisits(patient uuid.UUID, status treatment.VisitStatus, p Page) ([]Visit, *Key, error) {
	q := tx.orm.Where("patient_id = ?", patient)
	if status != "" {
		q = q.Where("status = ?", status)
	}
	rows, next, err := list[Visit](q, desc("planned_at"), p)
	if err != nil {
		return nil, nil, err
	}
	return rows, next, tx.withLinks(rows)
}

// BookedVisits returns a patient's visits of which nothing has come yet.
func (tx *Tx) BookedVisits(patient uuid.UUID) ([]Visit, error) {
	return tx.booked(tx.orm.Where("patient_id = ?", patient))
}

// BookedVisitsOf returns the visits with a provider of which nothing has come yet.
func (tx *Tx) BookedVisitsOf(provider uuid.UUID) ([]Visit, error) {
	return tx.booked(tx.orm.Where("provider_id = ?", provider))
}

func (tx *Tx) booked(q *gorm.DB) ([]Visit, error) {
	rows, err := many[Visit](q.Where("status = ?", treatment.VisitBooked).Order("planned_at, id"))
	if err != nil {
		return nil, err
	}
	return rows, tx.withLinks(rows)
}

// LastExam returns the newest visit in which a prescriber has examined the patient in person, or
// ErrNotFound.
func (tx *Tx) LastExam(patient uuid.UUID) (*Visit, error) {
	return one[Visit](tx.orm.Where("patient_id = ? AND status = ? AND examined_in_person = ?", patient, treatment.VisitCompleted, true).
		Order("completed_at DESC, id DESC"))
}

func (tx *Tx) withLinks(rows []Visit) error {
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	links, err := Parts[VisitLink](tx, "visit_id", ids...)
	for i := range rows {
		rows[i].Links = links[rows[i].ID]
	}
	return err
}
