package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Record is embedded in every versioned row. [Tx.Create] and [Tx.Change] set all of it, but
// for an ID that the caller brings.
type Record struct {
	ClinicID  uuid.UUID `gorm:"primaryKey"`
	ID        uuid.UUID `gorm:"primaryKey"`
	Version   int64     // 1, then one more with each change
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt time.Time `gorm:"autoUpdateTime:false"`
}

func (r *Record) record() *Record { return r }

// Row is a pointer to a row type that embeds [Record]. A list that belongs to the row is a
// field tagged `gorm:"-"`: it is part of the history, its rows are written with [Replace] and
// read with [Parts].
type Row interface{ record() *Record }

// Create adds row as version 1, with its history and the event that the decision named. An id
// is made if row has none. The error is ErrConflict if the id, or something else that must be
// unique, is taken, and ErrReference if row refers to something that does not exist.
func (tx *Tx) Create(eventName string, row Row) error {
	r := row.record()
	if r.ID == uuid.Nil {
		r.ID = tx.NewID()
	}
	r.Version, r.CreatedAt, r.UpdatedAt = 1, tx.Now, tx.Now
	s, err := tx.parse(row)
	if err != nil {
		return tx.fail(err)
	}
	if s.Table == "patients" { // nobody else can see the new row, let alone hold it
		tx.hold(r.ID)
	} else if err := tx.holds(s, row); err != nil {
		return tx.fail(err)
	}
	if err := tx.orm.Create(row).Error; err != nil {
		return err
	}
	return tx.written(eventName, s, row)
}

// Change writes row as the version after the one it was read as, zero values included, with
// its history and the event that the decision named. Keys, the patient and the time of
// creation stay as they are. The error is a *StaleError if the record has moved on in the
// meantime, or from the version that If-Match named, and ErrNotFound if it is not there.
func (tx *Tx) Change(eventName string, row Row) error {
	r := row.record()
	if err := tx.compare(r.ID, r.Version); err != nil {
		return tx.fail(err)
	}
	s, err := tx.parse(row)
	if err == nil {
		err = tx.holds(s, row)
	}
	if err == nil {
		err = settle(s, reflect.Indirect(reflect.ValueOf(row)))
	}
	if err != nil {
		return tx.fail(err)
	}
	before := *r
	r.Version, r.UpdatedAt = r.Version+1, tx.Now
	done := tx.orm.Model(row).Select(changeable(s.Schema)).
		Where("id = ? AND version = ?", before.ID, before.Version).Updates(row)
	if done.Error == nil && done.RowsAffected == 1 {
		return tx.written(eventName, s, row)
	}
	*r = before
	if done.Error != nil {
		return done.Error
	}
	var current int64
	err = tx.orm.Model(row).Select("version").Where("id = ?", before.ID).Take(&current).Error
	if err == nil {
		err = &StaleError{current}
	}
	return tx.fail(err)
}

// changeable are the columns that Change writes.
func changeable(s *schema.Schema) []string {
	return slices.DeleteFunc(slices.Clone(s.DBNames), func(name string) bool {
		switch name {
		case "clinic_id", "id", "patient_id", "created_at":
			return true
		}
		return false
	})
}

// Find returns the record with that id, or ErrNotFound, also if it belongs to somebody whom
// the scope must not see. For the operation's target it compares If-Match and returns a
// *StaleError if the record has moved on.
func Find[T any](tx *Tx, id uuid.UUID) (*T, error) {
	row, err := one[T](tx.orm.Where("id = ?", id))
	if err != nil {
		return nil, err
	}
	if r, ok := any(row).(Row); ok {
		if err := tx.compare(id, r.record().Version); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// one returns the only row of q, or ErrNotFound.
func one[T any](q *gorm.DB) (*T, error) {
	row := new(T)
	if err := q.Take(row).Error; err != nil {
		return nil, err
	}
	return row, nil
}

// many returns the rows of a query that is known to have few.
func many[T any](q *gorm.DB) ([]T, error) {
	rows := []T{}
	return rows, q.Find(&rows).Error
}

// target is the record that the operation acts on and the version that its caller knows.
type target struct {
	id      uuid.UUID
	version int64
	pending bool
}

// Target makes [Find] and [Tx.Change] compare the version of that record with If-Match. If
// neither of them meets it, the transaction does not commit.
func (tx *Tx) Target(id uuid.UUID, ifMatch int64) { tx.target = target{id, ifMatch, true} }

func (tx *Tx) compare(id uuid.UUID, version int64) error {
	if !tx.target.pending || tx.target.id != id {
		return nil
	}
	if tx.target.version != version {
		return &StaleError{version}
	}
	tx.target.pending = false // the transaction's own changes are not somebody else's
	return nil
}

// version is a record as it was left by a change, for the history.
type version struct {
	table   string
	id      uuid.UUID
	number  int64
	patient uuid.UUID
	data    string
}

// Note puts an event into the operation's journal entry that changed no versioned record.
// record is the table or noun it is about.
func (tx *Tx) Note(name, record string, id uuid.UUID) {
	tx.events = append(tx.events, Event{Event: name, Record: record, ID: id})
}

// NoteOf is Note for a record that its patient may not see.
func (tx *Tx) NoteOf(name, record string, row Row) {
	tx.events = append(tx.events, Event{Event: name, Record: record, ID: row.record().ID, StaffOnly: staffOnly(row)})
}

// confidential is a record that its patient may not see, or not yet.
type confidential interface{ StaffOnly() bool }

func staffOnly(row Row) bool {
	c, ok := row.(confidential)
	return ok && c.StaffOnly()
}

// written notes what has become of row, and keeps its deadlines.
func (tx *Tx) written(name string, s *gorm.Statement, row Row) error {
	if t, ok := row.(timed); ok {
		if err := tx.keepDeadlines(t, patientOf(s, row), row.record().Version == 1); err != nil {
			return err
		}
	}
	return tx.note(name, s, row)
}

// note records the version of row for the journal and the history.
func (tx *Tx) note(name string, s *gorm.Statement, row Row) error {
	data, err := json.Marshal(row)
	if err != nil {
		return tx.fail(err)
	}
	sum := sha256.Sum256(data)
	r := row.record()
	tx.events = append(tx.events, Event{name, s.Table, r.ID, r.Version, hex.EncodeToString(sum[:]), staffOnly(row), patientOf(s, row)})
	tx.versions = append(tx.versions, version{s.Table, r.ID, r.Version, patientOf(s, row), string(data)})
	return nil
}

func (tx *Tx) parse(row any) (*gorm.Statement, error) {
	s := &gorm.Statement{DB: tx.orm, Context: tx.ctx}
	return s, s.Parse(row)
}

func patientOf(s *gorm.Statement, row any) uuid.UUID {
	f := patientField(s.Schema)
	if f == nil {
		return uuid.Nil
	}
	return uuidOf(s, f, reflect.Indirect(reflect.ValueOf(row)))
}

// Part is embedded in the rows of a list that belongs to a record, beside the column that
// names the record. Their key is clinic, record and position.
type Part struct {
	ClinicID uuid.UUID `gorm:"primaryKey" json:"-"`
	Position int       `gorm:"primaryKey;autoIncrement:false" json:"-"`
}

func (p *Part) part() *Part { return p }

type partOf[T any] interface {
	*T
	part() *Part
}

// Replace makes rows the list of the record that parentColumn of their table names, in this
// order. It notes no event: the record's own [Tx.Create] or [Tx.Change] does, in the same
// transaction.
func Replace[T any, P partOf[T]](tx *Tx, parentColumn string, parent uuid.UUID, rows []T) error {
	if err := tx.orm.Where(clause.Eq{Column: parentColumn, Value: parent}).Delete(new(T)).Error; err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	s, err := tx.parse(new(T))
	if err != nil {
		return tx.fail(err)
	}
	f := s.Schema.FieldsByDBName[parentColumn]
	if f == nil {
		return tx.fail(fmt.Errorf("store: %s has no column %s", s.Table, parentColumn))
	}
	for i := range rows {
		P(&rows[i]).part().Position = i
		if err := f.Set(tx.ctx, reflect.ValueOf(&rows[i]).Elem(), parent); err != nil {
			return tx.fail(err)
		}
	}
	return tx.orm.Create(&rows).Error
}

// Parts returns the lists of several records at once, by record and in their order.
func Parts[T any, P partOf[T]](tx *Tx, parentColumn string, parents ...uuid.UUID) (map[uuid.UUID][]T, error) {
	lists := map[uuid.UUID][]T{}
	if len(parents) == 0 {
		return lists, nil
	}
	s, err := tx.parse(new(T))
	if err != nil {
		return nil, err
	}
	values := make([]any, len(parents))
	for i, id := range parents {
		values[i] = id
	}
	rows, err := many[T](tx.orm.Where(clause.IN{Column: column(parentColumn), Values: values}).Order("position"))
	for i := range rows {
		id := uuidOf(s, s.Schema.FieldsByDBName[parentColumn], reflect.ValueOf(&rows[i]).Elem())
		lists[id] = append(lists[id], rows[i])
	}
	return lists, err
}
