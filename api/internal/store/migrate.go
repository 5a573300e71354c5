package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

var shipped = func() fs.FS {
	dir, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the path is a constant
	}
	return dir
}()

// Direction is what [Migrate] does.
type Direction string

// The directions: all that is missing, the last one back, nothing.
const (
	Up     Direction = "up"
	Down   Direction = "down"
	Status Direction = "status"
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero if it is not
}

// Migrate moves the schema of the database and returns all migrations as they are then. On
// PostgreSQL the DSN must be the owner's; several processes may do it at once, and after Up
// every clinic table is secured by row-level security and made accessible to AppRole.
func Migrate(ctx context.Context, o Options, d Direction) (list []Migration, err error) {
	o = o.withDefaults()
	pool, err := migrationPool(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	p, err := provider(pool, o)
	if err != nil {
		return nil, err
	}
	switch d {
	case Up:
		if _, err = p.Up(ctx); err == nil && o.postgres() {
			err = secure(ctx, pool, o.AppRole)
		}
	case Down:
		_, err = p.Down(ctx)
	case Status:
	default:
		err = fmt.Errorf("unknown direction %q", d)
	}
	if err != nil {
		return nil, fmt.Errorf("migrate %s: %w", d, err)
	}
	states, err := p.Status(ctx)
	for _, s := range states {
		list = append(list, Migration{s.Source.Version, path.Base(s.Source.Path), s.AppliedAt})
	}
	return list, err
}

func migrationPool(o Options) (*sql.DB, error) {
	if o.postgres() {
		pool, _, err := postgresPool(o)
		return pool, err
	}
	e, err := newSQLite(o)
	if err != nil {
		return nil, err
	}
	return e.writer, e.reader.Close()
}

func provider(pool *sql.DB, o Options) (*goose.Provider, error) {
	if !o.postgres() {
		return goose.NewProvider(goose.DialectSQLite3, pool, forSQLite{o.migrations}, goose.WithDisableGlobalRegistry(true))
	}
	one, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, pool, o.migrations,
		goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(one))
}

// migrateSQLite brings an opened file up to date. Two processes may start together: the one
// that comes second fails on what the first has made, and finds it done when it looks again.
func migrateSQLite(ctx context.Context, pool *sql.DB, o Options) error {
	p, err := provider(pool, o)
	if err != nil {
		return err
	}
	for range 3 {
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
	}
	return err
}

// latest is the version that the migrations lead to.
func latest(migrations fs.FS) (int64, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("no migrations"))
	}
	return goose.NumericComponent(slices.Max(names))
}

// forSQLite reads the portable migrations in SQLite's words. A column declared DATETIME is
// what the driver reads as a time.
type forSQLite struct{ fs.FS }

var (
	portableWord = regexp.MustCompile(`\b(TIMESTAMPTZ|BYTEA|UUID)\b| COLLATE "C"`)
	inSQLite     = map[string]string{"TIMESTAMPTZ": "DATETIME", "BYTEA": "BLOB", "UUID": "TEXT", ` COLLATE "C"`: ""}
)

func (f forSQLite) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	text = portableWord.ReplaceAllFunc(text, func(word []byte) []byte { return []byte(inSQLite[string(word)]) })
	return rewritten{file, bytes.NewReader(text)}, nil
}

type rewritten struct {
	fs.File
	text io.Reader
}

func (r rewritten) Read(p []byte) (int, error) { return r.text.Read(p) }
