package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite"
)

// sqliteEngine has one connection that writes, so that writers wait their turn, and several
// that are opened with query_only, so that readers wait for nobody.
type sqliteEngine struct {
	writer, reader *sql.DB
	relaxed        *atomic.Bool
}

func openSQLite(ctx context.Context, o Options) (engine, gorm.Dialector, error) {
	e, err := newSQLite(o)
	if err == nil {
		err = migrateSQLite(ctx, e.writer, o)
	}
	if err != nil {
		_ = e.close()
		return nil, nil, err
	}
	return e, translating{sqlite.New(sqlite.Config{Conn: e.reader}), e.classify}, nil
}

func newSQLite(o Options) (sqliteEngine, error) {
	e := sqliteEngine{relaxed: &atomic.Bool{}}
	e.relaxed.Store(o.Relaxed)
	if strings.HasPrefix(o.DSN, ":memory:") || o.DSN == "" {
		return e, errors.New("a SQLite database needs a file: its readers have connections of their own")
	}
	if err := makePrivate(o.DSN); err != nil {
		return e, err
	}
	file := fileURL(o.DSN)
	// Times are written as UTC text, "2006-01-02 15:04:05.999999+00:00". It sorts as time
	// does although the digits vary, because "+" comes before "." and "." before the digits.
	common := "?_timezone=UTC&_time_format=sqlite&_dqs=0&_pragma=busy_timeout(3000)&_pragma=foreign_keys(1)"
	e.writer = sql.OpenDB(connector(func() string {
		synchronous := "FULL"
		if e.relaxed.Load() {
			synchronous = "OFF"
		}
		return file + common + "&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")"
	}))
	e.writer.SetMaxOpenConns(1)
	e.reader = sql.OpenDB(connector(func() string { return file + common + "&_pragma=query_only(1)" }))
	readers := o.MaxConns
	if readers <= 0 {
		readers = 4
	}
	e.reader.SetMaxOpenConns(readers)
	e.reader.SetMaxIdleConns(readers)
	return e, nil
}

// makePrivate makes the file, readable by its owner only; SQLite gives the files beside it the
// same mode. An existing file is not opened: closing it would drop the locks that another
// connection of this process holds.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connector opens connections with what its function says at that moment.
type connector func() string

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	base, err := modernc.NewConnector(c())
	if err != nil {
		return nil, err
	}
	conn, err := base.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return remember(conn), nil
}

func (c connector) Driver() driver.Driver { return &modernc.Driver{} }

func (e sqliteEngine) close() (err error) {
	for _, pool := range []*sql.DB{e.reader, e.writer} {
		if pool != nil {
			err = errors.Join(err, pool.Close())
		}
	}
	return err
}

// durable first switches fsync on, then writes a page, so that the checkpoint has something to
// do: it syncs the log and the whole database file, also the pages that earlier checkpoints
// copied without fsync.
func (e sqliteEngine) durable(ctx context.Context) error {
	if !e.relaxed.Swap(false) {
		return nil
	}
	c, err := e.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, q := range []string{"PRAGMA synchronous = FULL", "PRAGMA user_version = 1"} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return e.classify(err)
		}
	}
	for {
		var busy, log, done int
		if err := c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &log, &done); err != nil {
			return e.classify(err)
		}
		if busy == 0 {
			return nil
		}
		select { // somebody reads an older state
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (e sqliteEngine) checkRole(context.Context) error { return nil }

func (e sqliteEngine) checkOwner(context.Context) error { return nil }

// entryOrder is the row's number: there is one writer, so that it orders the entries.
func (e sqliteEngine) entryOrder() string { return "(SELECT coalesce(max(rowid), 0) + 1 FROM journal)" }
func (e sqliteEngine) forUpdate() string  { return "" }

func (e sqliteEngine) member(text string, c pastColumn) string {
	value := "(" + text + " ->> '$." + strings.Join(c.path, ".") + "')"
	if c.time { // JSON writes the same UTC text with other letters
		value = "replace(replace(" + value + ", 'T', ' '), 'Z', '+00:00')"
	}
	return value
}

func (e sqliteEngine) begin(ctx context.Context, s Scope, m mode) (*sql.Conn, *record, error) {
	pool, q := e.reader, "BEGIN"
	if m != read {
		pool, q = e.writer, "BEGIN IMMEDIATE"
	}
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, nil, unavailable(e.classify(err))
	}
	if _, err = c.ExecContext(ctx, q); err != nil {
		discard(c)
		return nil, nil, unavailable(e.classify(err))
	}
	if !s.keyed() {
		return c, nil, nil
	}
	var r record
	err = c.QueryRowContext(ctx, findRecord, s.Clinic, s.Key[:]).Scan(&r.fingerprint, &r.body, &r.header, &r.status)
	switch {
	case err == nil:
		return c, &r, nil
	case errors.Is(err, sql.ErrNoRows):
		return c, nil, nil
	}
	e.end(c, "ROLLBACK")
	return nil, nil, unavailable(e.classify(err))
}

func (e sqliteEngine) commit(ctx context.Context, c *sql.Conn, closing []statement) error {
	p := pinned{c}
	for _, s := range closing {
		if _, err := p.ExecContext(ctx, s.query, s.args...); err != nil {
			e.end(c, "ROLLBACK")
			return e.classify(err)
		}
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		e.end(c, "ROLLBACK") // unlike PostgreSQL, a refused COMMIT leaves the transaction open
		return outcomeUnknown(e.classify(err))
	}
	_ = c.Close()
	return nil
}

func (e sqliteEngine) end(c *sql.Conn, how string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// SQLite ends a transaction by itself on some errors: then there is nothing to end, and
	// a new connection costs less than finding out.
	if _, err := c.ExecContext(ctx, how); err != nil {
		discard(c)
		return
	}
	_ = c.Close()
}

// The result codes of SQLite that mean something to a caller.
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteNoMem      = 7
	sqliteReadOnly   = 8
	sqliteInterrupt  = 9
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteConstraint = 19

	sqliteConstraintFK     = 787
	sqliteConstraintPK     = 1555
	sqliteConstraintUnique = 2067
)

// classify hides the text of SQLite behind its result code.
func (e sqliteEngine) classify(err error) error {
	if known(err) {
		return err
	}
	se, ok := errors.AsType[*modernc.Error](err)
	if !ok {
		return classifyCommon(err)
	}
	f := &fault{code: "sqlite " + strconv.Itoa(se.Code()), cause: err}
	switch se.Code() & 0xff {
	case sqliteConstraint:
		f.where = se.Error() // names constraints and columns, no values
		switch se.Code() {
		case sqliteConstraintPK, sqliteConstraintUnique:
			f.kind = ErrConflict
		case sqliteConstraintFK:
			f.kind = ErrReference
		}
	case sqliteReadOnly:
		f.kind = ErrReadOnly
	case sqliteBusy, sqliteLocked, sqliteNoMem, sqliteInterrupt, sqliteIOErr, sqliteFull, sqliteCantOpen:
		f.kind = ErrUnavailable
	case sqliteError: // about the text of our statement, which holds no values
		f.where = se.Error()
		if strings.Contains(se.Error(), "no such table") {
			f.kind = errNoTable
		}
	}
	return f
}
