package store

import (
	"errors"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Treatment is one course of therapy.
type Treatment struct {
	Record
	PatientID uuid.UUID
	treatment.Treatment
	Holds []TreatmentHold `gorm:"-"`
	// Protocols are those that it has followed, in the order of time.
	Protocols []TreatmentProtocol `gorm:"-"`
	// OwnLimits are those that it has had, in the order of time.
	OwnLimits []TreatmentLimits `gorm:"-"`
}

// TreatmentLimits are limits that a treatment has had of its own.
type TreatmentLimits struct {
	Part
	TreatmentID uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID   uuid.UUID `json:"-"`
	treatment.LimitsSince
}

// LimitsSince are the limits that it has had of its own, as the rules know them.
func (t *Treatment) LimitsSince() (list []treatment.LimitsSince) {
	for i := range t.OwnLimits {
		list = append(list, t.OwnLimits[i].LimitsSince)
	}
	return list
}

// ProtocolAt is the protocol that the treatment followed at a time; before it began, its first.
func (t *Treatment) ProtocolAt(at time.Time) uuid.UUID {
	id := t.ProtocolID
	for i := len(t.Protocols) - 1; i >= 0; i-- {
		if id = t.Protocols[i].ProtocolID; !t.Protocols[i].Since.After(at) {
			break
		}
	}
	return id
}

// TreatmentHold is one reason for which a treatment stands still.
type TreatmentHold struct {
	Part
	TreatmentID uuid.UUID `gorm:"primaryKey" json:"-"`
	PatientID   uuid.UUID `json:"-"`
	Hold
}

// Hold is a time in which nothing could go ahead, and why.
type Hold struct {
	Reason   treatment.HoldReason
	Note     string
	SetAt    time.Time
	SetBy    string // the actor, in the journal's form
	LiftedAt *time.Time
	LiftedBy *string
	// LiftReason is why it was lifted; empty if it ended with what it held.
	LiftReason string
}

// NewHold begins a hold by the transaction's actor.
func (tx *Tx) NewHold(reason treatment.HoldReason, note string) Hold {
	return Hold{Reason: reason, Note: note, SetAt: tx.Now, SetBy: tx.scope.Actor.String()}
}

// Lift ends the hold, if it has not ended. The reason is empty if what it held has ended.
func (tx *Tx) Lift(h *Hold, reason string) {
	if h.LiftedAt == nil {
		now, by := tx.Now, tx.scope.Actor.String()
		h.LiftedAt, h.LiftedBy, h.LiftReason = &now, &by, reason
	}
}

// Interval is the time in which the hold stood.
func (h Hold) Interval() treatment.Interval {
	return treatment.Interval{From: h.SetAt, Until: h.LiftedAt}
}

// Course returns a treatment with its holds, those lifted included, its protocols and limits.
func (tx *Tx) Course(id uuid.UUID) (*Treatment, error) {
	t, err := Find[Treatment](tx, id)
	if err != nil {
		return nil, err
	}
	rows := []Treatment{*t}
	err = tx.withLists(rows)
	return &rows[0], err
}

// withLists reads the lists that belong to treatments.
func (tx *Tx) withLists(rows []Treatment) error {
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	holds, err := Parts[TreatmentHold](tx, "treatment_id", ids...)
	if err != nil {
		return err
	}
	protocols, err := Parts[TreatmentProtocol](tx, "treatment_id", ids...)
	if err != nil {
		return err
	}
	limits, err := Parts[TreatmentLimits](tx, "treatment_id", ids...)
	for i := range rows {
		rows[i].Holds, rows[i].Protocols, rows[i].OwnLimits = holds[rows[i].ID], protocols[rows[i].ID], limits[rows[i].ID]
	}
	return err
}

// StartCourse creates t with the protocol that it follows and its limits.
func (tx *Tx) StartCourse(event string, t *Treatment) error {
	if t.ID == uuid.Nil {
		t.ID = tx.NewID()
	}
	t.Protocols = []TreatmentProtocol{{PatientID: t.PatientID, ProtocolID: t.ProtocolID, Since: tx.Now}}
	if err := tx.Create(event, t); err != nil {
		return err
	}
	if err := Replace(tx, "treatment_id", t.ID, t.Protocols); err != nil {
		return err
	}
	return tx.keepLimits(t)
}

// keepLimits writes the limits of t, if they are others than until now.
func (tx *Tx) keepLimits(t *Treatment) error {
	if n := len(t.OwnLimits); n > 0 && reflect.DeepEqual(t.OwnLimits[n-1].Limits, t.Limits) {
		return nil
	}
	t.OwnLimits = append(t.OwnLimits, TreatmentLimits{PatientID: t.PatientID, LimitsSince: treatment.LimitsSince{Limits: t.Limits, Since: tx.Now}})
	return Replace(tx, "treatment_id", t.ID, t.OwnLimits)
}

// openPhases are those of a treatment that has not ended.
var openPhases = []treatment.Phase{treatment.PhasePlanned, treatment.PhaseInduction, treatment.PhaseMaintenance, treatment.PhaseTaper}

// OpenCourse returns the patient's treatment that has not ended, or nil.
func (tx *Tx) OpenCourse(patient uuid.UUID) (*Treatment, error) {
	rows, err := many[Treatment](tx.orm.Where("patient_id = ? AND phase IN ?", patient, openPhases))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return tx.Course(rows[0].ID)
}

// Phases returns the phases of all of a patient's treatments.
func (tx *Tx) Phases(patient uuid.UUID) (phases []treatment.Phase, err error) {
	err = tx.orm.Model(&Treatment{}).Where("patient_id = ?", patient).Pluck("phase", &phases).Error
	return phases, err
}

// LastEnd returns when the last of a patient's treatments ended; nil when none has.
func (tx *Tx) LastEnd(patient uuid.UUID) (*time.Time, error) {
	t, err := one[Treatment](tx.orm.Where("patient_id = ? AND ended_at IS NOT NULL", patient).Order("ended_at DESC, id DESC"))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t.EndedAt, nil
}

// ChangeCourse writes t with its holds, and with the protocol that it follows and the limits that it
// has now if those are others.
func (tx *Tx) ChangeCourse(event string, t *Treatment) error {
	for i := range t.Holds {
		t.Holds[i].PatientID = t.PatientID
	}
	if err := Replace(tx, "treatment_id", t.ID, t.Holds); err != nil {
		return err
	}
	if n := len(t.Protocols); n == 0 || t.Protocols[n-1].ProtocolID != t.ProtocolID {
		t.Protocols = append(t.Protocols, TreatmentProtocol{PatientID: t.PatientID, ProtocolID: t.ProtocolID, Since: tx.Now})
		if err := Replace(tx, "treatment_id", t.ID, t.Protocols); err != nil {
			return err
		}
	}
	if err := tx.keepLimits(t); err != nil {
		return err
	}
	return tx.Change(event, t)
}

// ListTreatments returns a page of a patient's treatments, newest first.
func (tx *Tx) ListTreatments(patient uuid.UUID, p Page) ([]Treatment, *Key, error) {
	rows, next, err := list[Treatment](tx.orm.Where("patient_id = ?", patient), desc("created_at"), p)
	if err != nil {
		return nil, nil, err
	}
	return rows, next, tx.withLists(rows)
}

// LastContact is when the clinic last heard of a patient: by a session, answers, a measurement or a visit
// that took place; nil for never.
func (tx *Tx) LastContact(patient uuid.UUID) (last *time.Time, err error) {
	for _, of := range []struct {
		model  any
		column string
		when   string
	}{
		{&Session{}, "started_at", "started_at IS NOT NULL AND voided_at IS NULL"}, {&Assessment{}, "at", "status IN ('submitted', 'reviewed')"},
		{&Measurement{}, "occurred_at", "struck_out_at IS NULL"}, {&Visit{}, "completed_at", "status = 'completed'"},
	} {
		var at []time.Time
		err := tx.orm.Model(of.model).Where("patient_id = ?", patient).Where(of.when).Order(of.column+" DESC").Limit(1).Pluck(of.column, &at).Error
		if err != nil {
			return nil, err
		}
		if len(at) > 0 && (last == nil || at[0].After(*last)) {
			last = &at[0]
		}
	}
	return last, nil
}

// OpenTreatmentsOf returns the open treatments that a prescriber is responsible for.
func (tx *Tx) OpenTreatmentsOf(prescriber uuid.UUID) ([]Treatment, error) {
	rows, err := many[Treatment](tx.orm.Where("responsible_prescriber_id = ? AND phase IN ?", prescriber, openPhases).Order("id"))
	if err != nil {
		return nil, err
	}
	return rows, tx.withLists(rows)
}

// IsPrescriber reports whether somebody is an active prescriber of the clinic.
func (tx *Tx) IsPrescriber(id uuid.UUID) (bool, error) {
	var n int64
	err := tx.orm.Model(&Staff{}).Where("id = ? AND prescriber = ? AND status = ?", id, true, StaffActive).Count(&n).Error
	return n == 1, err
}
