package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

func TestSQLiteSettings(t *testing.T) {
	db := storetest.Open(t, options(storetest.SQLite(t)))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		if got := store.WriterSetting(t, db, pragma); got != want {
			t.Errorf("%s = %s, want %s", pragma, got, want)
		}
	}
}

func TestRelaxedUntilDurable(t *testing.T) {
	dsn := storetest.SQLite(t)
	o := options(dsn)
	o.Relaxed = true
	db := storetest.Open(t, o)
	if got := store.WriterSetting(t, db, "synchronous"); got != "0" {
		t.Errorf("relaxed: synchronous = %s, want 0", got)
	}
	s := clinic()
	row := addThing(t, db, s, "a")
	for range 2 {
		if err := db.Durable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := store.WriterSetting(t, db, "synchronous"); got != "2" {
		t.Errorf("durable: synchronous = %s, want 2", got)
	}
	// The checkpoint has put everything into the file itself: a copy of it alone is complete.
	data, err := os.ReadFile(dsn)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	view(t, storetest.Open(t, options(copied)), s, func(tx *store.Tx) error {
		_, err := store.Find[thing](tx, row.ID)
		return err
	})
	// A connection that replaces the writer is durable too.
	err = db.Update(t.Context(), s, func(tx *store.Tx) error {
		_, err := tx.Conn().ExecContext(t.Context(), "ROLLBACK") // so that ending fails and the connection is thrown away
		return errors.Join(err, errStop)
	})
	if got := store.WriterSetting(t, db, "synchronous"); !errors.Is(err, errStop) || got != "2" {
		t.Errorf("%v; new connection: synchronous = %s, want 2", err, got)
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "a folder with # and %20?", "titrate.db")
	db := storetest.Open(t, options(dsn))
	addThing(t, db, clinic(), "a")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(dsn)), "*", "titrate.db*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %q, %v; want the database, its log and its index", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", filepath.Base(f), info.Mode(), err)
		}
	}
}

func TestSQLiteNeedsAFile(t *testing.T) {
	for _, dsn := range []string{"", ":memory:"} {
		if db, err := store.Open(t.Context(), options(dsn)); err == nil {
			t.Errorf("%q: no error", dsn)
			_ = db.Close()
		}
	}
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	db := storetest.Open(t, options(storetest.SQLite(t)))
	s := clinic()
	row := addThing(t, db, s, "a")
	update(t, db, s, func(tx *store.Tx) error {
		row.Number = 7
		if err := tx.Change("thing.changed", row); err != nil {
			return err
		}
		start := time.Now()
		view(t, db, s, func(tx *store.Tx) error { // its context is not the transaction's
			got, err := store.Find[thing](tx, row.ID)
			if err == nil && got.Number != 0 {
				t.Error("a reader sees what is not committed")
			}
			return err
		})
		if took := time.Since(start); took > time.Second {
			t.Errorf("the reader waited %s", took)
		}
		return nil
	})
}

// Both databases must understand every migration, and SQLite must not be left with a word that
// its driver does not read.
func TestPortableWords(t *testing.T) {
	db := storetest.Open(t, options(storetest.SQLite(t)))
	view(t, db, clinic(), func(tx *store.Tx) error {
		rows, err := tx.Conn().QueryContext(t.Context(), "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			for _, word := range []string{"TIMESTAMPTZ", "BYTEA", "UUID", "COLLATE"} {
				if strings.Contains(text, word) {
					t.Errorf("%s in %s", word, text)
				}
			}
		}
		return rows.Err()
	})
}
