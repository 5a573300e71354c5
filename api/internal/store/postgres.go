package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

type postgresEngine struct {
	pool   *sql.DB
	config *pgx.ConnConfig // for a connection outside of the pool
}

func openPostgres(o Options) (engine, gorm.Dialector, error) {
	pool, cfg, err := postgresPool(o)
	if err != nil {
		return nil, nil, err
	}
	e := postgresEngine{pool, cfg}
	return e, translating{postgres.New(postgres.Config{Conn: pool}), e.classify}, nil
}

func postgresPool(o Options) (*sql.DB, *pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return nil, nil, err // pgx leaves the password out
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = waitLimit
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "titrate"
	}
	pool := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(readUTC),
		// begin replaces dead connections itself: a ping would be one more message.
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	conns := o.MaxConns
	if conns <= 0 {
		conns = 16
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns) // otherwise all but two are closed after each use
	return pool, cfg, nil
}

// readUTC makes pgx return times in UTC instead of the process's zone.
func readUTC(_ context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// translating gives gorm's errors the names of this package as soon as they occur.
type translating struct {
	gorm.Dialector
	classify func(error) error
}

func (d translating) Translate(err error) error { return d.classify(err) }

func (e postgresEngine) close() error                  { return e.pool.Close() }
func (e postgresEngine) durable(context.Context) error { return nil }

// entryOrder is counted while the row locks are held. A clock could be set back.
func (e postgresEngine) entryOrder() string { return "nextval('journal_written')" }
func (e postgresEngine) forUpdate() string  { return " FOR UPDATE OF p" }

func (e postgresEngine) member(text string, c pastColumn) string {
	value := "(" + text + "::json #>> '{" + strings.Join(c.path, ",") + "}')"
	switch {
	case c.time:
		return value + "::timestamptz"
	case c.id:
		return value + "::uuid"
	case c.kind == reflect.String:
		return value + ` COLLATE "C"`
	case c.kind == reflect.Bool:
		return value + "::boolean"
	case c.kind == reflect.Float64:
		return value + "::double precision"
	}
	return value + "::bigint"
}

// beginning are the statements that open a transaction, in one message: BEGIN, the clinic for
// row-level security with the limits of its statements, the claim on the key and the look-up
// of its answer.
//
// Writes must be READ COMMITTED: each statement then takes its own snapshot, and the look-up
// sees what the lock's last holder committed. With REPEATABLE READ the snapshot is older than
// the lock, and a second effect slips through.
func beginning(s Scope, m mode) *pgx.Batch {
	b := &pgx.Batch{}
	if m == read {
		b.Queue("begin isolation level repeatable read read only")
	} else {
		b.Queue("begin isolation level read committed read write")
	}
	if m == system {
		b.Queue("set local role titrate_worker")
	}
	clinic := ""
	if s.Clinic != uuid.Nil {
		clinic = s.Clinic.String()
	}
	// The limits travel here and not with the login or the connection: a pooler between keeps
	// neither, and nobody has to set them up.
	const settings = `select set_config('app.clinic', $1, true), set_config('lock_timeout', '3s', true),
		set_config('statement_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '30s', true)`
	if !s.keyed() {
		b.Queue(settings, clinic)
		return b
	}
	b.Queue(settings+", pg_try_advisory_xact_lock($2)", clinic, int64(binary.BigEndian.Uint64(s.Key[:8])))
	b.Queue(findRecord, s.Clinic, s.Key[:])
	return b
}

func (e postgresEngine) begin(ctx context.Context, s Scope, m mode) (*sql.Conn, *record, error) {
	for try := 0; ; try++ {
		c, err := e.pool.Conn(ctx)
		if err != nil {
			return nil, nil, unavailable(e.classify(err))
		}
		claimed, r, err := start(ctx, c, s, m)
		switch {
		case err != nil:
			discard(c)
			// A restarted server leaves a pool of dead connections: try until a new one is made.
			if !answered(err) && ctx.Err() == nil && try < e.pool.Stats().MaxOpenConnections {
				continue
			}
			return nil, nil, unavailable(e.classify(err))
		case r == nil && !claimed:
			e.end(c, "rollback")
			return nil, nil, ErrInProgress
		}
		return c, r, nil // an answer needs no claim: those who repeat must not hinder each other
	}
}

// start sends the beginning and reads what came back.
func start(ctx context.Context, c *sql.Conn, s Scope, m mode) (claimed bool, r *record, err error) {
	err = c.Raw(func(dc any) (err error) {
		b := beginning(s, m)
		res := dc.(*stdlib.Conn).Conn().SendBatch(ctx, b)
		defer func() { err = errors.Join(err, res.Close()) }()
		if !s.keyed() {
			claimed = true
			return nil // Close reads the rest and returns its error
		}
		if _, err := res.Exec(); err != nil {
			return err
		}
		var ignored string
		if err := res.QueryRow().Scan(&ignored, &ignored, &ignored, &ignored, &claimed); err != nil {
			return err
		}
		var found record
		err = res.QueryRow().Scan(&found.fingerprint, &found.body, &found.header, &found.status)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		r = &found
		return err
	})
	return claimed, r, err
}

// commit pipelines the closing statements and COMMIT: one round trip. What failed after COMMIT
// was sent is unknown, whatever the error says, unless an earlier statement was refused.
func (e postgresEngine) commit(ctx context.Context, c *sql.Conn, closing []statement) error {
	refused := false
	err := c.Raw(func(dc any) error {
		b := &pgx.Batch{}
		for _, s := range closing {
			b.Queue(s.query, s.args...)
		}
		b.Queue("commit")
		res := dc.(*stdlib.Conn).Conn().SendBatch(ctx, b)
		var tag pgconn.CommandTag
		var err error
		for i := 0; i <= len(closing) && err == nil; i++ {
			tag, err = res.Exec()
			refused = i < len(closing) && answered(err) // then the server has skipped COMMIT
		}
		if err == nil && tag.String() != "COMMIT" { // a failed transaction answers ROLLBACK
			err, refused = errors.New("transaction was rolled back"), true
		}
		return errors.Join(err, res.Close())
	})
	if err == nil {
		_ = c.Close() // committed is committed
		return nil
	}
	e.end(c, "rollback")
	if refused {
		return e.classify(err)
	}
	return outcomeUnknown(e.classify(err))
}

// end throws the connection away if the server does not confirm: a connection in an unknown
// state must not be used again.
func (e postgresEngine) end(c *sql.Conn, how string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := c.Raw(func(dc any) error {
		_, err := dc.(*stdlib.Conn).Conn().PgConn().Exec(ctx, how).ReadAll()
		return err
	})
	if err != nil {
		discard(c)
		return
	}
	_ = c.Close()
}

func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // database/sql closes it
	_ = c.Close()
}

// answered reports whether the server said no and the session went on.
func answered(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Severity == "ERROR"
}

// classify hides what the server says, which may quote values, behind its code.
func (e postgresEngine) classify(err error) error {
	if known(err) {
		return err
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return classifyCommon(err)
	}
	f := &fault{code: pg.Code, where: pg.ConstraintName, cause: err}
	if f.where == "" && pg.ColumnName != "" {
		f.where = pg.TableName + "." + pg.ColumnName
	}
	switch class := pg.Code[:min(2, len(pg.Code))]; {
	case pg.ConstraintName == "idempotency_records_pkey":
		f.kind = ErrInProgress
	case pg.Code == "23505":
		f.kind = ErrConflict
	case pg.Code == "23503":
		f.kind = ErrReference
	case pg.Code == "25006":
		f.kind = ErrReadOnly
	case pg.Code == "42P01":
		f.kind = errNoTable
	case class == "42": // about the text of our statement, which holds no values
		f.where = pg.Message
	case class == "08", class == "40", class == "53", class == "55", class == "57", class == "58", pg.Code == "25P03":
		f.kind = ErrUnavailable
	}
	return f
}

// classifyCommon names the errors that are not the database's own.
func classifyCommon(err error) error {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrNotFound
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return &fault{kind: ErrUnavailable, code: "connection", cause: err}
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return &fault{kind: ErrUnavailable, code: "connection", cause: err}
	}
	return err
}
