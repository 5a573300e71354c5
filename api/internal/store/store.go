// Package store keeps the clinics' records. There are two ways in, [DB.View] and
// [DB.Update], and [DB.System] for background work that looks at several clinics; each
// binds everything done inside to one clinic and one actor. Nobody outside the package
// sees a connection or SQL.
//
// A noun is a row type that embeds [Record], a table in a migration and a file with its
// queries. Tenancy, versions, history and the journal come with [Tx.Create], [Tx.Change]
// and [Find]; the guard refuses what would go around them. A noun has a line in versioned,
// by which [Tx.AsOf] finds its past; one of a patient has PatientID and a line in
// patientRecords; a list that belongs to a record is a table whose row embeds [Part]. A
// calendar date is TEXT, and the latest of something is the first by descending order:
// SQLite does not know the type of what MAX returns.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

const (
	waitLimit = 3 * time.Second  // for a connection, or on SQLite for the turn to write
	workLimit = 20 * time.Second // for a transaction once it has begun, whatever became of its caller
)

// Options say which database to open. Only DSN is required.
type Options struct {
	// DSN is a postgres:// URL or the path of a SQLite file, which is made if it is missing.
	DSN string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// NewID makes ids for records and journal entries; UUIDv7 if nil.
	NewID func() uuid.UUID
	// MaxConns limits the connections: on PostgreSQL all of them (default 16), on SQLite
	// those that read (default 4).
	MaxConns int
	// Relaxed leaves SQLite's fsync out until [DB.Durable] is called: for filling a demo.
	Relaxed bool
	// AppRole is the runtime login that [Migrate] gives access to; "titrate_app" if empty.
	AppRole string

	// Sign signs the ends of the journal's chain, which package audit explains; they are left unsigned
	// without it.
	Sign func(message []byte) (signature []byte)

	migrations fs.FS // tests bring their own tables
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	if o.AppRole == "" {
		o.AppRole = "titrate_app"
	}
	if o.Sign == nil {
		o.Sign = func([]byte) []byte { return []byte{} }
	}
	if o.migrations == nil {
		o.migrations = shipped
	}
	return o
}

func (o Options) postgres() bool {
	return strings.HasPrefix(o.DSN, "postgres://") || strings.HasPrefix(o.DSN, "postgresql://")
}

// DB is an open database. Its methods may be called by several goroutines.
type DB struct {
	orm       *gorm.DB // never used as it is: run gives each transaction its own connection
	engine    engine
	now       func() time.Time
	newID     func() uuid.UUID
	sign      func([]byte) []byte
	wake      chan struct{} // holds one message if an entry was written since somebody looked
	recorder  recorder
	begun     atomic.Int64
	needs     int64   // the schema version that this build was made for
	memory    *memory // where the past is looked at
	unguarded bool    // tests switch the guard off to see row-level security alone
}

// Open opens the database. A SQLite file is brought to this build's schema; PostgreSQL is
// neither migrated nor waited for, [DB.Ready] says whether it can be used.
func Open(ctx context.Context, o Options) (*DB, error) {
	o = o.withDefaults()
	needs, err := latest(o.migrations)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	var (
		e       engine
		dialect gorm.Dialector
	)
	if o.postgres() {
		e, dialect, err = openPostgres(o)
	} else {
		e, dialect, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	orm, err := openORM(dialect, o)
	if err != nil {
		e.close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{orm: orm, engine: e, now: o.Now, newID: o.NewID, sign: o.Sign, wake: make(chan struct{}, 1), needs: needs, memory: &memory{options: o}}, nil
}

func openORM(dialect gorm.Dialector, o Options) (*gorm.DB, error) {
	orm, err := gorm.Open(dialect, &gorm.Config{
		Logger:                 logger.Discard, // it would print values
		TranslateError:         true,
		SkipDefaultTransaction: true,
		QueryFields:            true, // a column added by a migration must not break prepared statements
		NamingStrategy:         naming{},
		DisableAutomaticPing:   true,
		NowFunc:                func() time.Time { return micros(o.Now()) },
	})
	if err != nil {
		return nil, err
	}
	return orm, guard(orm)
}

// Close closes all connections.
func (db *DB) Close() error { return errors.Join(db.memory.close(), db.engine.close()) }

// Ready reports whether the database can be reached and has the tables of this build. The
// error names both versions of the schema. A newer schema is fine: migrations go first.
func (db *DB) Ready(ctx context.Context) error {
	var version int64
	err := db.global(ctx, read, func(c pinned) error {
		return c.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version)
	})
	if errors.Is(err, errNoTable) {
		err = nil // version 0
	}
	if err == nil && version < db.needs {
		err = fmt.Errorf("%w: at version %d, this build needs %d", ErrNotMigrated, version, db.needs)
	}
	return err
}

// Durable ends what Options.Relaxed allowed: everything written so far is on the disk when it
// returns, and every later commit before it is confirmed. On PostgreSQL it does nothing.
func (db *DB) Durable(ctx context.Context) error { return db.engine.durable(ctx) }

// View runs fn in a transaction that cannot write and that sees one moment.
func (db *DB) View(ctx context.Context, s Scope, fn func(*Tx) error) error {
	s.Key = Hash{}
	return db.run(ctx, s, read, fn)
}

// Update runs fn in a transaction and commits what it did, the journal entry, the history and
// the kept answer together. It returns ErrInProgress without calling fn while another
// transaction holds the scope's key, and ErrOutcomeUnknown if the commit was not confirmed.
// Any other error, or a panic in fn, leaves nothing behind.
func (db *DB) Update(ctx context.Context, s Scope, fn func(*Tx) error) error {
	return db.run(ctx, s, write, fn)
}

// System runs fn as the background worker, which sees all clinics but only the tables of
// worker's work (deadlines, journal, idempotency records). It reads; to change a clinic's record
// open Update in that clinic's scope. why names the work in errors.
func (db *DB) System(ctx context.Context, why string, fn func(*Tx) error) error {
	err := db.run(ctx, Scope{Actor: Actor{Kind: ActorSystem}, Operation: why}, system, fn)
	if err != nil {
		return fmt.Errorf("%s: %w", why, err)
	}
	return nil
}

func (db *DB) run(ctx context.Context, s Scope, m mode, fn func(*Tx) error) error {
	if !s.valid(m) {
		return ErrNoScope
	}
	if From(ctx) != nil {
		return ErrNested
	}
	conn, earlier, err := db.begin(ctx, s, m)
	if err != nil {
		return err
	}
	// A caller who leaves while waiting costs nothing more. Once begun, a write is finished
	// for him: his retry finds the answer, and the driver need not throw the connection away.
	if m != read {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()

	tx := &Tx{Now: micros(db.now()), db: db, mode: m, scope: s, earlier: earlier, conn: pinned{conn}}
	tx.ctx = With(ctx, tx)
	tx.orm = db.orm.Session(&gorm.Session{NewDB: true, Context: tx.ctx})
	tx.orm.Statement.ConnPool = tx.conn

	how := "ROLLBACK"
	defer func() { // also when fn panics
		if how != "" {
			db.engine.end(conn, how)
		}
	}()
	if err := fn(tx); err != nil {
		return db.engine.classify(err)
	}
	if m == read {
		how = "COMMIT"
		return nil
	}
	closing, err := tx.closing()
	if err != nil {
		return err
	}
	how = ""
	err = db.engine.commit(ctx, conn, closing)
	if len(tx.events) > 0 || tx.changed > 0 { // also if the outcome is unknown
		db.written()
	}
	return err
}

// global runs fn outside of any clinic, on the tables that must be read before the clinic is
// known, and commits.
func (db *DB) global(ctx context.Context, m mode, fn func(pinned) error) error {
	if m != read && From(ctx) != nil {
		return ErrNested
	}
	conn, _, err := db.begin(ctx, Scope{}, m)
	if err != nil {
		return err
	}
	how := "ROLLBACK"
	defer func() {
		if how != "" {
			db.engine.end(conn, how)
		}
	}()
	if err := fn(pinned{conn}); err != nil {
		return db.engine.classify(err)
	}
	how = ""
	if m == read {
		db.engine.end(conn, "COMMIT")
		return nil
	}
	return db.engine.commit(ctx, conn, nil)
}

func (db *DB) begin(ctx context.Context, s Scope, m mode) (*sql.Conn, *record, error) {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	db.begun.Add(1)
	return db.engine.begin(ctx, s, m)
}

// Begun is how many transactions were begun since the database was opened.
func (db *DB) Begun() int64 { return db.begun.Load() }
