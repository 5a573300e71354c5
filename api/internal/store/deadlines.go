package store

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Deadline is a moment at which something follows from time alone for a record of a patient.
type Deadline struct {
	ClinicID  uuid.UUID              `gorm:"primaryKey"`
	RecordID  uuid.UUID              `gorm:"primaryKey"`
	Kind      treatment.DeadlineKind `gorm:"primaryKey"`
	PatientID uuid.UUID
	At        time.Time
	// DoneAt is when the worker has done what follows.
	DoneAt *time.Time
}

// timed is a row that has deadlines. [Tx.Create] and [Tx.Change] keep them.
type timed interface {
	Row
	Deadlines() []treatment.Deadline
}

// keepDeadlines brings the deadlines of a record up to what the row says. One that was done stays
// done while it is for the same moment; what a deadline has raised that is gone is over.
func (tx *Tx) keepDeadlines(row timed, patient uuid.UUID, fresh bool) error {
	var kept []Deadline
	id, wanted := row.record().ID, row.Deadlines()
	if !fresh {
		var err error
		if kept, err = many[Deadline](tx.orm.Where("record_id = ?", id)); err != nil {
			return err
		}
	}
	for _, d := range kept {
		same := func(w treatment.Deadline) bool {
			return w.Kind == d.Kind && (w.Kind.Recurs() || micros(w.At).Equal(d.At))
		}
		if slices.ContainsFunc(wanted, same) {
			wanted = slices.DeleteFunc(wanted, same)
			continue
		}
		if err := tx.orm.Where("record_id = ? AND kind = ?", id, d.Kind).Delete(&Deadline{}).Error; err != nil {
			return err
		}
		if rules := d.Kind.Raised(); len(rules) > 0 && (d.DoneAt != nil || d.Kind.Recurs()) {
			if err := tx.SettleAlerts(id, rules...); err != nil {
				return err
			}
		}
	}
	for _, w := range wanted {
		if err := tx.orm.Create(&Deadline{RecordID: id, Kind: w.Kind, PatientID: patient, At: w.At}).Error; err != nil {
			return err
		}
	}
	return nil
}

// Due returns the deadlines of all clinics that have passed and are not done, the earliest first,
// but those that are known already. It is for System.
func (tx *Tx) Due(limit int, known ...Deadline) ([]Deadline, error) {
	q := tx.orm.Where("done_at IS NULL AND at <= ?", tx.Now)
	if n := len(known); n > 0 {
		last := known[n-1]
		q = q.Where("(at, record_id, kind) > (?, ?, ?)", last.At, last.RecordID, last.Kind)
	}
	return many[Deadline](q.Order("at, record_id, kind").Limit(limit))
}

// Again makes a deadline that was met in this transaction due again at a later time.
func (tx *Tx) Again(d Deadline, at time.Time) error {
	return tx.orm.Model(&Deadline{}).Where("record_id = ? AND kind = ?", d.RecordID, d.Kind).Updates(map[string]any{"at": micros(at), "done_at": nil}).Error
}

// Meet says that what follows from a deadline is done in this transaction, which holds the patient's
// row. It reports false if there is nothing to do: another process has done it, or the record has
// changed.
func (tx *Tx) Meet(d Deadline) (bool, error) {
	done := tx.orm.Model(&Deadline{}).Where("record_id = ? AND kind = ? AND at = ? AND done_at IS NULL", d.RecordID, d.Kind, d.At).
		Update("done_at", tx.Now)
	return done.RowsAffected == 1, done.Error
}
