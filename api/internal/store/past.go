package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// past is how a transaction sees an earlier time. It has a database in memory of its own, in which a table
// is filled from the history when it is first asked for: there run the same queries as in the present.
type past struct {
	present *Tx
	patient uuid.UUID // whose records are looked at; zero: everybody's
	filling *Tx       // writes the tables
	tables  map[string]*pastTable

	rows int // of everybody's records that were put into memory

	at   time.Time // what is seen was committed at or before it; or, if upTo is there,
	upTo *Version  // with the entry that made this version, or before
}

// pastTable is a table that has been filled, with what is still to come.
type pastTable struct {
	*pastRecord
	coming []pastVersion
	met    map[uuid.UUID]bool // records that are there, if only some are
}

// pastVersion is a version of a record as the history has it.
type pastVersion struct {
	id      uuid.UUID
	number  int64
	written int64
	data    string
}

// AsOf runs fn in a transaction that reads what was committed at or before a time: the clinic's records,
// and a patient's. Statuses that follow from time are those of that time. What the scope hides is hidden.
func (tx *Tx) AsOf(at time.Time, patient uuid.UUID, fn func(*Tx) error) error {
	if own := tx.scope.OnlyPatient; own != uuid.Nil {
		patient = own
	}
	p := &past{present: tx, patient: patient, at: micros(at)}
	return p.run(p.at, fn)
}

// Replay runs fn for each of a record's versions, in their order, in a transaction that reads what there
// was when that version was made.
func (tx *Tx) Replay(patient uuid.UUID, versions []Version, fn func(*Tx, *Version) error) error {
	if len(versions) == 0 {
		return nil
	}
	p := &past{present: tx, patient: patient, upTo: &versions[0]}
	return p.run(p.upTo.At, func(then *Tx) error {
		for i := range versions {
			then.Now, p.upTo = versions[i].At, &versions[i]
			for _, t := range p.tables {
				if err := p.happen(t); err != nil {
					return err
				}
			}
			if err := fn(then, p.upTo); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *past) run(now time.Time, fn func(*Tx) error) error {
	memory, err := p.present.db.memory.open()
	if err != nil {
		return fmt.Errorf("open the past: %w", err)
	}
	conn, _, err := memory.begin(p.present.ctx, Scope{}, read)
	if err != nil {
		return err
	}
	defer memory.engine.end(conn, "ROLLBACK") // and it is empty again
	door := func(m mode, s Scope) *Tx {
		tx := &Tx{Now: now, db: memory, mode: m, scope: s, conn: pinned{conn}}
		tx.ctx = With(p.present.ctx, tx)
		tx.orm = memory.orm.Session(&gorm.Session{NewDB: true, Context: tx.ctx})
		tx.orm.Statement.ConnPool = tx.conn
		return tx
	}
	p.tables, p.filling = map[string]*pastTable{}, door(write, Scope{Clinic: p.present.scope.Clinic})
	then := door(read, p.present.scope)
	then.past = p
	return fn(then)
}

// load fills the table that a query is about, or the one of the record that a list belongs to.
func (p *past) load(query *gorm.Statement) error {
	known, err := p.filling.db.memory.records()
	if err != nil {
		return err
	}
	record := known[query.Table]
	if record == nil {
		return fmt.Errorf("%w: the history does not keep %s", ErrUnguarded, query.Table)
	}
	t := p.tables[record.table]
	switch {
	case p.everybody(record):
		if t == nil {
			t = &pastTable{pastRecord: record, met: map[uuid.UUID]bool{}}
			p.tables[record.table] = t
		}
		return p.meet(t, query)
	case t != nil:
		return nil
	}
	t = &pastTable{pastRecord: record}
	if t.coming, err = p.versions(record); err != nil {
		return err
	}
	p.tables[record.table] = t
	return p.happen(t)
}

// versions reads the history of a table, or of some of its records: of each the last version at the time, or all of them.
func (p *past) versions(of *pastRecord, ids ...uuid.UUID) (list []pastVersion, err error) {
	query := `SELECT h.record_id, h.version, j.written, h.data FROM history h JOIN journal j ON j.clinic_id = h.clinic_id AND j.id = h.entry_id
		WHERE h.clinic_id = $1 AND h.record = $2`
	args := []any{p.present.scope.Clinic, of.table}
	if of.ofPatients && p.patient != uuid.Nil {
		args = append(args, p.patient)
		query += fmt.Sprintf(" AND h.patient_id = $%d", len(args))
	}
	if len(ids) > 0 {
		places := make([]string, len(ids))
		for i, id := range ids {
			args = append(args, id)
			places[i] = fmt.Sprintf("$%d", len(args))
		}
		query += " AND h.record_id IN (" + strings.Join(places, ", ") + ")"
	}
	if p.upTo == nil {
		args = append(args, p.at)
		query += fmt.Sprintf(` AND h.version = (SELECT max(v.version) FROM history v
			WHERE v.clinic_id = h.clinic_id AND v.record = h.record AND v.record_id = h.record_id AND v.at <= $%d)`, len(args))
	}
	rows, err := p.present.conn.QueryContext(p.present.ctx, query, args...)
	if err != nil {
		return nil, p.present.db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v pastVersion
		if err := rows.Scan(&v.id, &v.number, &v.written, &v.data); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, p.present.db.engine.classify(rows.Err())
}

// happened reports whether a version was there at the time that is looked at. An entry can make several
// versions of one record: of the record that is replayed, the later ones are still to come.
func (p *past) happened(v pastVersion) bool {
	switch {
	case p.upTo == nil:
		return true
	case v.id == p.upTo.RecordID:
		return v.number <= p.upTo.Version
	}
	return v.written <= p.upTo.Written
}

// happen brings a table to the time that is looked at.
func (p *past) happen(t *pastTable) error {
	latest := map[uuid.UUID]pastVersion{}
	t.coming = slices.DeleteFunc(t.coming, func(v pastVersion) bool {
		if !p.happened(v) {
			return false
		}
		if v.number > latest[v.id].number {
			latest[v.id] = v
		}
		return true
	})
	var before []uuid.UUID
	rows := reflect.New(reflect.SliceOf(t.row)).Elem()
	for id, v := range latest {
		row := reflect.New(t.row)
		if err := json.Unmarshal([]byte(v.data), row.Interface()); err != nil {
			return fmt.Errorf("version %d of a record in %s: %T", v.number, t.table, err) // the text may hold a value
		}
		rows = reflect.Append(rows, row.Elem())
		if v.number > 1 && p.upTo != nil {
			before = append(before, id)
		}
	}
	if err := t.remove(p.filling, before); err != nil {
		return err
	}
	return t.add(p.filling, rows)
}
