package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// What follows lets the tests, which live in package store_test like every other user, do what
// only a noun's file may do, and break one wall to see the other.

func WithMigrations(o Options, migrations fs.FS) Options { o.migrations = migrations; return o }

func Shipped() fs.FS { return shipped }

func SwitchOffGuard(db *DB) { db.unguarded = true }

func (tx *Tx) ORM() *gorm.DB { return tx.orm }

func (tx *Tx) Conn() *sql.Conn { return tx.conn.Conn }

func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.exec(query, args...) }

func List[T any](q *gorm.DB, column string, descending bool, p Page) ([]T, *Key, error) {
	return list[T](q, order{column, descending}, p)
}

func NewOrder(column string, descending bool) order { return order{column, descending} }

// WriterSetting returns a setting of SQLite's writing connection.
func WriterSetting(t *testing.T, db *DB, pragma string) string {
	t.Helper()
	var v string
	if err := db.engine.(sqliteEngine).writer.QueryRow("PRAGMA " + pragma).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Plans makes the queries of tx tell how the database would run them.
func (tx *Tx) Plans(t *testing.T) *[]string {
	t.Helper()
	e := &explaining{pinned: tx.conn, t: t, prefix: "EXPLAIN QUERY PLAN "}
	if _, ok := tx.db.engine.(postgresEngine); ok {
		e.prefix = "EXPLAIN "
		// A test's tables are so small that scanning them would be right.
		if _, err := tx.conn.ExecContext(tx.ctx, "SET LOCAL enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	tx.orm.Statement.ConnPool = e
	return &e.plans
}

type explaining struct {
	pinned
	t      *testing.T
	prefix string
	plans  []string
}

func (e *explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := e.pinned.QueryContext(ctx, e.prefix+query, args...)
	if err != nil {
		e.t.Fatalf("explain %s: %v", query, err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			e.t.Fatal(err)
		}
		if s, ok := (*values[len(values)-1].(*any)).(string); ok { // the text is the last column
			lines = append(lines, s)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil { // before the next statement
		e.t.Fatal(err)
	}
	e.plans = append(e.plans, strings.Join(lines, "\n"))
	return e.pinned.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // gorm closes them
}

// Enter writes an entry that shows some patients, none of its own.
func (tx *Tx) Enter(e Entry, patients ...uuid.UUID) error {
	events, err := json.Marshal(e.Events)
	if err != nil {
		return err
	}
	list := []statement{{`INSERT INTO journal (clinic_id, id, at, written, operation, actor, request_id, patient_id, outcome, events)
		VALUES ($1, $2, $3, ` + tx.db.engine.entryOrder() + `, $4, $5, $6, $7, $8, $9)`,
		[]any{e.ClinicID, e.ID, e.At, e.Operation, e.Actor, e.RequestID, e.PatientID, e.Outcome, string(events)}}}
	for _, s := range append(list, mentions(e.ClinicID, e.ID, e.At, e.Outcome, patients)...) {
		if _, err := tx.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// OnPostgres reports whether the database is PostgreSQL.
func (tx *Tx) OnPostgres() bool { _, is := tx.db.engine.(postgresEngine); return is }

// EntriesQuery is what Entries asks for a patient: clinic, after, patient, limit.
func EntriesQuery() string { return firstOf([]string{aboutOne, amongOthers, aboutNobody}) }

// Versioned are new rows of every type that the history keeps.
func Versioned() (rows []Row) {
	for _, row := range versioned {
		rows = append(rows, reflect.New(reflect.TypeOf(row).Elem()).Interface().(Row))
	}
	return rows
}

// InHistory fills the columns of row that a search in the past may ask for, if filled is set, and returns those whose
// value the database does not read in row's history. known are all of them.
func (tx *Tx) InHistory(t *testing.T, row Row, filled bool) (wrong, known []string) {
	t.Helper()
	s, err := tx.parse(row)
	if err != nil {
		t.Fatal(err)
	}
	value := reflect.ValueOf(row).Elem()
	columns := columnsOf(s.Schema)
	for _, c := range columns {
		if filled && c.path != nil {
			f := s.Schema.FieldsByDBName[c.name]
			fill(f.ReflectValueOf(tx.ctx, value))
		}
	}
	data, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		known = append(known, c.name)
		if c.path == nil {
			continue
		}
		want := reflect.Indirect(s.Schema.FieldsByDBName[c.name].ReflectValueOf(tx.ctx, value))
		member, args := tx.db.engine.member("h.data", c), []any{string(data)}
		condition := member + " IS NULL"
		if want.IsValid() {
			condition, args = member+" = $2", append(args, plainly(want))
		}
		found := 0
		if err := tx.row("SELECT CASE WHEN "+condition+" THEN 1 ELSE 0 END FROM (SELECT $1 AS data) h", args, &found); err != nil {
			t.Fatalf("%s.%s: %v", s.Table, c.name, err)
		}
		if found == 0 {
			wrong = append(wrong, s.Table+"."+c.name)
		}
	}
	return wrong, known
}

func fill(v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 7, 0, 0, rand.IntN(1_000_000)*1000, time.UTC)))
		return
	case uuid.UUID:
		v.Set(reflect.ValueOf(uuid.New()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("it's \"Ünal\", " + uuid.NewString())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(rand.Float64())
	default:
		v.SetInt(rand.Int64N(1_000_000))
	}
}

// plainly is a value of the type that its column has.
func plainly(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int64, reflect.Int32:
		return v.Int()
	}
	return v.Interface()
}
