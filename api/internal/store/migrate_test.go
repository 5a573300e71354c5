package store_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// empty returns URLs of a PostgreSQL database without tables.
func empty(t *testing.T) (appURL, ownerURL string) {
	t.Helper()
	return storetest.Clone(t, "empty", func(string) error { return nil })
}

func eachEmpty(t *testing.T, fn func(t *testing.T, dsn, ownerDSN string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		dsn := storetest.SQLite(t)
		fn(t, dsn, dsn)
	})
	if storetest.HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			app, owner := empty(t)
			fn(t, app, owner)
		})
	}
}

func TestMigrateUpDownUp(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn, owner string) {
		migrate := func(d store.Direction, want int) {
			t.Helper()
			list, err := store.Migrate(t.Context(), options(owner), d)
			if err != nil {
				t.Fatalf("%s: %v", d, err)
			}
			applied := 0
			for _, m := range list {
				if !m.AppliedAt.IsZero() {
					applied++
				}
			}
			if len(list) != 2 || applied != want || list[0].Name != "00001_doors.sql" || list[1].Version != 2 {
				t.Errorf("%s: %+v, want 2 of which %d applied", d, list, want)
			}
		}
		migrate(store.Status, 0)
		migrate(store.Up, 2)
		migrate(store.Up, 2)
		migrate(store.Down, 1)
		migrate(store.Down, 0)
		migrate(store.Up, 2)
		db := storetest.Open(t, options(dsn))
		if err := db.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		addPatient(t, db, clinic(), "Ann")
		if _, err := store.Migrate(t.Context(), options(owner), "sideways"); err == nil {
			t.Error("unknown direction: no error")
		}
	})
}

func TestMigrateTogether(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn, owner string) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if owner != dsn {
					if _, err := store.Migrate(t.Context(), options(owner), store.Up); err != nil {
						t.Error(err)
					}
					return
				}
				db, err := store.Open(t.Context(), options(dsn)) // SQLite migrates when it is opened
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		db := storetest.Open(t, options(dsn))
		addPatient(t, db, clinic(), "Ann")
	})
}

func TestReady(t *testing.T) {
	app, owner := empty(t)
	db := storetest.Open(t, options(app)) // neither migrated nor waited for
	if err := db.Ready(t.Context()); !errors.Is(err, store.ErrNotMigrated) || !strings.Contains(err.Error(), "version 0") || !strings.Contains(err.Error(), "needs 2") {
		t.Errorf("empty: %v, want ErrNotMigrated with 0 and 2", err)
	}
	old := store.WithMigrations(store.Options{DSN: owner}, fstest.MapFS{"00001_doors.sql": must(fs.ReadFile(testMigrations(), "00001_doors.sql"))})
	if _, err := store.Migrate(t.Context(), old, store.Up); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); !errors.Is(err, store.ErrNotMigrated) || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("behind: %v, want ErrNotMigrated with 1", err)
	}
	if _, err := store.Migrate(t.Context(), options(owner), store.Up); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("current: %v", err)
	}
	gone := storetest.Open(t, options("postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable"))
	if err := gone.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no server: %v, want ErrUnavailable", err)
	}
}

func must(data []byte, err error) *fstest.MapFile {
	if err != nil {
		panic(err)
	}
	return &fstest.MapFile{Data: data}
}

func TestEveryTableIsSecured(t *testing.T) {
	_, owner := clone(t)
	c, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	rows, _ := c.Query(t.Context(), `SELECT c.relname FROM pg_class c
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
		AND c.relname NOT IN ('sign_ins', 'invitations', 'goose_db_version')
		AND NOT (c.relrowsecurity AND c.relforcerowsecurity
			AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'clinic')
			AND has_table_privilege('titrate_app', c.oid, 'SELECT, INSERT'))`)
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(open) != 0 {
		t.Errorf("not secured: %q, %v", open, err)
	}
	var may bool
	if err := c.QueryRow(t.Context(), `SELECT has_table_privilege('titrate_app', 'journal', 'UPDATE')
		OR has_table_privilege('titrate_app', 'history', 'DELETE') OR has_table_privilege('titrate_app', 'fact_ids', 'UPDATE')`).Scan(&may); err != nil || may {
		t.Errorf("the runtime login may change what is append-only: %v, %v", may, err)
	}
}

func TestTableWithoutClinic(t *testing.T) {
	_, owner := empty(t)
	o := store.WithMigrations(store.Options{DSN: owner}, fstest.MapFS{
		"00001_loose.sql": {Data: []byte("-- +goose Up\nCREATE TABLE loose (id UUID NOT NULL);\n-- +goose Down\nDROP TABLE loose;\n")},
	})
	if _, err := store.Migrate(t.Context(), o, store.Up); err == nil || !strings.Contains(err.Error(), "loose") {
		t.Errorf("%v, want an error that names the table", err)
	}
}

func TestMissingRoles(t *testing.T) {
	_, owner := empty(t)
	o := options(owner)
	o.AppRole = "titrate_nobody"
	if _, err := store.Migrate(t.Context(), o, store.Up); err == nil || !strings.Contains(err.Error(), store.RolesSQL("titrate_nobody")) {
		t.Errorf("%v, want an error with the SQL to run", err)
	}
	// A login that is there but not a member of the worker; the owner may not mend that.
	o.AppRole = "pg_monitor"
	if _, err := store.Migrate(t.Context(), o, store.Up); err == nil || !strings.Contains(err.Error(), `GRANT titrate_worker TO "pg_monitor";`) {
		t.Errorf("%v, want an error with the SQL to run", err)
	}
}

func TestRuntimeRole(t *testing.T) {
	app, owner := clone(t)
	super := storetest.Superuser(t, owner)
	storetest.Exec(t, super,
		`DO $$ BEGIN
			DROP ROLE IF EXISTS titrate_test_inherits; DROP ROLE IF EXISTS titrate_test_stranger; DROP ROLE IF EXISTS titrate_test_bypass;
			CREATE ROLE titrate_test_inherits LOGIN INHERIT; GRANT titrate_worker TO titrate_test_inherits;
			CREATE ROLE titrate_test_stranger LOGIN NOINHERIT;
			CREATE ROLE titrate_test_bypass LOGIN NOINHERIT BYPASSRLS; GRANT titrate_worker TO titrate_test_bypass;
		END $$`)
	t.Cleanup(func() {
		storetest.Exec(t, super, "DROP ROLE titrate_test_inherits", "DROP ROLE titrate_test_stranger", "DROP ROLE titrate_test_bypass")
	})
	as := func(role string) string {
		cfg, err := pgx.ParseConfig(super)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(super, "//"+cfg.User, "//"+role, 1)
	}
	for name, tc := range map[string]struct{ dsn, want string }{
		"the runtime login":       {app, ""},
		"superuser":               {super, "superuser"},
		"owner":                   {owner, "owns a table"},
		"inherits the worker":     {as("titrate_test_inherits"), "NOINHERIT"},
		"no member of the worker": {as("titrate_test_stranger"), "not a member"},
		"bypasses":                {as("titrate_test_bypass"), "BYPASSRLS"},
	} {
		err := storetest.Open(t, options(tc.dsn)).CheckRuntimeRole(t.Context())
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
