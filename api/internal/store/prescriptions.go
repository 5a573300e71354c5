package store

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Prescription is an order and what became of it.
type Prescription struct {
	Record
	PatientID   uuid.UUID
	TreatmentID uuid.UUID
	treatment.Prescription
	// ReviewedMedications is a JSON list of what the signer had looked at; nil until it is signed.
	ReviewedMedications *string
	Holds               []PrescriptionHold `gorm:"-"`
}

// StaffOnly reports whether the patient may not see it: not before everybody has signed it who must.
func (p *Prescription) StaffOnly() bool { return !p.TookEffect() }

// Review keeps which medicines the signer had looked at; nil forgets them.
func (p *Prescription) Review(medicines []treatment.Evidence) error {
	if p.ReviewedMedications = nil; medicines == nil {
		return nil
	}
	text, err := json.Marshal(medicines)
	p.ReviewedMedications = new(string(text))
	return err
}

// Reviewed are the medicines that the signer had looked at; nil until it is signed.
func (p *Prescription) Reviewed() (medicines []treatment.Evidence, err error) {
	if p.ReviewedMedications != nil {
		err = json.Unmarshal([]byte(*p.ReviewedMedications), &medicines)
	}
	return medicines, err
}

// PrescriptionHold is a time in which nothing could be taken from a prescription.
type PrescriptionHold struct {
	Part
	PrescriptionID uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID      uuid.UUID `json:"-"`
	Hold
}

// OnHoldTimes are the times in which nothing could be taken from it.
func (p *Prescription) OnHoldTimes() (times []treatment.Interval) {
	for i := range p.Holds {
		times = append(times, p.Holds[i].Interval())
	}
	return times
}

// Prescription returns a prescription with its holds, those lifted included.
func (tx *Tx) Prescription(id uuid.UUID) (*Prescription, error) {
	p, err := Find[Prescription](tx, id)
	if err != nil {
		return nil, err
	}
	holds, err := Parts[PrescriptionHold](tx, "prescription_id", id)
	p.Holds = holds[id]
	return p, err
}

// ChangePrescription writes p with its holds.
func (tx *Tx) ChangePrescription(event string, p *Prescription) error {
	for i := range p.Holds {
		p.Holds[i].PatientID = p.PatientID
	}
	if err := Replace(tx, "prescription_id", p.ID, p.Holds); err != nil {
		return err
	}
	return tx.Change(event, p)
}

// Prescriptions returns all prescriptions of a treatment with their holds, oldest first.
func (tx *Tx) Prescriptions(course uuid.UUID) ([]Prescription, error) {
	rows, err := many[Prescription](tx.orm.Where("treatment_id = ?", course).Order("created_at, id"))
	return rows, tx.withHolds(rows, err)
}

// PrescriptionsOf returns all prescriptions of a patient, without their holds, oldest first.
func (tx *Tx) PrescriptionsOf(patient uuid.UUID) ([]Prescription, error) {
	return many[Prescription](tx.orm.Where("patient_id = ?", patient).Order("created_at, id"))
}

// PrescriptionFilter says which prescriptions a list has. What is empty does not matter.
type PrescriptionFilter struct {
	Status     treatment.PrescriptionStatus // as it is now: expired is not active
	TookEffect bool                         // only these: see [treatment.Prescription.TookEffect]
}

// ListPrescriptions returns a page of a treatment's prescriptions, newest first.
func (tx *Tx) ListPrescriptions(course uuid.UUID, f PrescriptionFilter, p Page) ([]Prescription, *Key, error) {
	q := tx.orm.Where("treatment_id = ?", course)
	switch f.Status {
	case "":
	case treatment.PrescriptionExpired:
		q = q.Where("status = ? AND expires_at <= ?", treatment.PrescriptionActive, tx.Now)
	case treatment.PrescriptionActive:
		q = q.Where("status = ? AND expires_at > ?", f.Status, tx.Now)
	default:
		q = q.Where("status = ?", f.Status)
	}
	if f.TookEffect {
		q = q.Where("(status IN ? OR status = ? AND signed_at IS NOT NULL AND ended_at IS NOT NULL)",
			[]treatment.PrescriptionStatus{treatment.PrescriptionActive, treatment.PrescriptionStopped, treatment.PrescriptionSuperseded}, treatment.PrescriptionEnteredInError)
	}
	rows, next, err := list[Prescription](q, desc("created_at"), p)
	return rows, next, tx.withHolds(rows, err)
}

func (tx *Tx) withHolds(rows []Prescription, err error) error {
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	holds, err := Parts[PrescriptionHold](tx, "prescription_id", ids...)
	for i := range rows {
		rows[i].Holds = holds[rows[i].ID]
	}
	return err
}
