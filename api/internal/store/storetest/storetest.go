// Package storetest gives tests databases to work on: a SQLite file each, and a PostgreSQL
// database each when there is a server.
//
// The server is TEST_DATABASE_URL (a superuser's URL), or a throw-away one that is started when
// the first test asks for it, if PostgreSQL's programs are installed. It is gone when the test
// process is, however that ends. TITRATE_TEST_POSTGRES=required makes the absence of a server a
// failure; TITRATE_TEST_FSYNC=1 leaves the throw-away one its fsync.
package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/titrate-health/titrate/api/internal/store"
)

// Each runs fn on an empty, migrated database of each kind.
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, dsn string) { fn(t, Open(t, store.Options{DSN: dsn})) })
}

// EachDSN is Each for tests that open the database themselves: dsn is a file that does not
// exist yet, and on PostgreSQL the runtime login's URL of a migrated database.
func EachDSN(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	if HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			app, _ := Postgres(t)
			fn(t, app)
		})
	}
}

// Open opens the database and closes it when the test ends.
func Open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// SQLite returns the path for a new database file.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "titrate.db")
}

// Postgres returns the URLs of a new, migrated database, for the runtime login and for the
// owner. Without a server the test ends here.
func Postgres(t testing.TB) (appURL, ownerURL string) {
	t.Helper()
	return Clone(t, "shipped", func(owner string) error {
		_, err := store.Migrate(context.Background(), store.Options{DSN: owner}, store.Up)
		return err
	})
}

// Clone is Postgres for another schema: migrate makes it once per name and process.
func Clone(t testing.TB, name string, migrate func(ownerURL string) error) (appURL, ownerURL string) {
	t.Helper()
	if !HasPostgres(t) {
		t.Skip(absent)
	}
	s, _ := theServer()
	database, err := s.clone(name, migrate)
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(database); err != nil {
			t.Errorf("drop %s: %v", database, err)
		}
	})
	return s.url(appRole, database), s.url(ownerRole, database)
}

// Superuser returns the URL of the server's superuser for the database of url.
func Superuser(t testing.TB, url string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := theServer()
	if err != nil {
		t.Fatal(err)
	}
	return s.url("", cfg.Database)
}

// Exec runs SQL past the store, for arranging what the store would refuse.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also when the test is cleaning up
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	for _, q := range statements {
		if _, err := c.Exec(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// SwitchOffRLS takes row-level security from every table of the owner's database.
func SwitchOffRLS(t testing.TB, ownerURL string) {
	t.Helper()
	Exec(t, ownerURL, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relrowsecurity AND relnamespace = current_schema()::regnamespace LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', t);
		END LOOP; END $$`)
}

const absent = "no PostgreSQL server and no programs to start one: only SQLite was tested"

// theServer is started once per process, when the first test asks for it.
var theServer = sync.OnceValues(startServer)

var sayAbsent = sync.OnceFunc(func() {
	// `go test` hides what a passing package prints; somebody at a terminal should see it.
	out, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		out = os.Stderr
	}
	_, _ = fmt.Fprintln(out, absent)
})

// HasPostgres reports whether there is a PostgreSQL server to test with.
func HasPostgres(t testing.TB) bool {
	t.Helper()
	s, err := theServer()
	switch {
	case err != nil:
		t.Fatalf("PostgreSQL for tests: %v", err)
	case s != nil:
		return true
	case os.Getenv("TITRATE_TEST_POSTGRES") == "required":
		t.Fatal("TITRATE_TEST_POSTGRES=required, but there is " + absent)
	}
	sayAbsent()
	return false
}
