package store_test

import (
	"fmt"
	"testing"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// benchEach runs fn on a clinic of 1,000 patients in each database.
func benchEach(b *testing.B, fn func(b *testing.B, db *store.DB, s store.Scope, c *treatment)) {
	b.Helper()
	run := func(b *testing.B, dsn string) {
		b.Helper()
		db, s := storetest.Open(b, options(dsn)), clinic()
		update(b, db, s, func(tx *store.Tx) error {
			for i := range 1000 {
				if err := tx.Create("patient.registered", &patient{Name: fmt.Sprintf("%04d", i)}); err != nil {
					return err
				}
			}
			return nil
		})
		_, c := addPatient(b, db, s, "Ann")
		b.ReportAllocs()
		fn(b, db, s, c)
	}
	b.Run("sqlite", func(b *testing.B) { run(b, storetest.SQLite(b)) })
	if storetest.HasPostgres(b) {
		b.Run("postgres", func(b *testing.B) {
			app, _ := clone(b)
			run(b, app)
		})
	}
}

func BenchmarkFind(b *testing.B) {
	benchEach(b, func(b *testing.B, db *store.DB, s store.Scope, c *treatment) {
		for b.Loop() {
			view(b, db, s, func(tx *store.Tx) error { _, err := store.Find[treatment](tx, c.ID); return err })
		}
	})
}

func BenchmarkPage50(b *testing.B) {
	benchEach(b, func(b *testing.B, db *store.DB, s store.Scope, _ *treatment) {
		for b.Loop() {
			view(b, db, s, func(tx *store.Tx) error {
				_, _, err := store.List[patient](tx.ORM(), "name", false, store.Page{After: &store.Key{Text: "0500"}})
				return err
			})
		}
	})
}

// A write as an operation makes it: the patient's row, the record, its change, and what is
// committed with it.
func BenchmarkChange(b *testing.B) {
	benchEach(b, func(b *testing.B, db *store.DB, s store.Scope, c *treatment) {
		for b.Loop() {
			update(b, db, s, func(tx *store.Tx) error {
				if _, err := tx.LockPatient(store.Ref{Param: "treatmentId", ID: c.ID}); err != nil {
					return err
				}
				row, err := store.Find[treatment](tx, c.ID)
				if err != nil {
					return err
				}
				return tx.Change("treatment.changed", row)
			})
		}
	})
}
