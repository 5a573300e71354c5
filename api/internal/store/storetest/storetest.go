// Package storetest gives tests databases to work on: a SQLite file each, and a PostgreSQL
// database each when there is a server; package testbed says which.
package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/testbed"
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
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, SQLite(t))
	})
	if HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
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

// HasPostgres reports whether there is a PostgreSQL server to test with.
func HasPostgres(t testing.TB) bool {
	t.Helper()
	return testbed.HasPostgres(t)
}

// Clone is Postgres for another schema: migrate makes it once per name and process.
func Clone(t testing.TB, name string, migrate func(ownerURL string) error) (appURL, ownerURL string) {
	t.Helper()
	return testbed.Clone(t, name, migrate)
}

// Superuser returns the URL of the server's superuser for the database of url.
func Superuser(t testing.TB, url string) string {
	t.Helper()
	return testbed.Superuser(t, url)
}

// Exec runs SQL past the store, for arranging what the store would refuse.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	testbed.Exec(t, url, statements...)
}

// SwitchOffRLS takes row-level security from every table of the owner's database.
func SwitchOffRLS(t testing.TB, ownerURL string) {
	t.Helper()
	Exec(t, ownerURL, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relrowsecurity AND relnamespace = current_schema()::regnamespace LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', t);
		END LOOP; END $$`)
}
