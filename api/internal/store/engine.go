package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/audit"
)

// mode is the kind of a transaction.
type mode int

const (
	read   mode = iota // read only, sees one moment
	write              // of one clinic
	system             // of the background worker, all clinics
)

// engine is what differs between PostgreSQL and SQLite.
type engine interface {
	// begin opens a transaction; for a keyed scope it also claims the key and looks it up.
	begin(ctx context.Context, s Scope, m mode) (*sql.Conn, *record, error)
	// commit runs the closing statements, commits and gives the connection back. An error
	// that is not ErrOutcomeUnknown means that nothing was kept.
	commit(ctx context.Context, c *sql.Conn, closing []statement) error
	// end commits a reading transaction or rolls one back, and gives the connection back.
	end(c *sql.Conn, how string)
	// classify names the errors that a caller can do something about.
	classify(err error) error
	// isBackup reports whether the database is a copy that [Backup] has made, until noBackup says otherwise.
	isBackup(ctx context.Context) (bool, error)
	noBackup(ctx context.Context) error
	// entryOrder is the SQL for what orders journal entries, evaluated as late as possible.
	entryOrder() string
	// takeTurn reports whether this transaction may number the journal: one does at a time.
	takeTurn(tx *Tx) (bool, error)
	// numbering are the statements that give entries their numbers.
	numbering(entries []audit.Entry) []statement
	// announcement are the statements that tell other processes of new numbers.
	announcement(heads map[uuid.UUID]int64) []statement
	// listen tells of the numbers that any process gives, until it fails.
	listen(ctx context.Context, heard func(heads map[uuid.UUID]int64)) error
	// forUpdate is the SQL that takes the rows of table alias p.
	forUpdate() string
	// member is the SQL for a value in JSON that is kept as text, as its column has it.
	member(text string, c pastColumn) string
	durable(ctx context.Context) error
	checkRole(ctx context.Context) error
	checkOwner(ctx context.Context) error
	close() error
}

type statement struct {
	query string
	args  []any
}

// record is a stored answer as it is read from the database.
type record struct {
	fingerprint, body []byte
	header            string // JSON
	status            int
}

const findRecord = `SELECT fingerprint, body, header, status FROM idempotency_records WHERE clinic_id = $1 AND key = $2`

// pinned is the one connection of a transaction. Every time that goes through it becomes UTC
// and whole microseconds, so that what is asked for compares with what was stored: PostgreSQL
// keeps no more, and SQLite compares the text.
type pinned struct{ *sql.Conn }

func (p pinned) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.Conn.ExecContext(ctx, query, inUTC(args)...)
}

func (p pinned) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.Conn.QueryContext(ctx, query, inUTC(args)...)
}

func (p pinned) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.Conn.QueryRowContext(ctx, query, inUTC(args)...)
}

func inUTC(args []any) []any {
	for i, a := range args {
		switch t := a.(type) {
		case time.Time:
			args[i] = micros(t)
		case *time.Time:
			if t != nil {
				args[i] = micros(*t)
			}
		}
	}
	return args
}

func micros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
