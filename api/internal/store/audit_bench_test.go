package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// BenchmarkAudit asks for pages of 50 of a journal with a million entries of a clinic, of 20 members of staff and, one in
// fifty, of 1,000 patients; three of them are of an operation that is rare.
func BenchmarkAudit(b *testing.B) {
	run := func(b *testing.B, dsn, owner string) {
		b.Helper()
		db, s := storetest.Open(b, store.Options{DSN: dsn}), clinic()
		const all, some = 1_000_000, 50_000
		for from := 0; from < all; from += some {
			update(b, db, s, func(tx *store.Tx) error { return numberedEntries(tx, from, some) })
		}
		if owner != "" {
			storetest.Exec(b, storetest.Superuser(b, owner), "VACUUM ANALYZE journal")
		}
		for _, filter := range []struct {
			name string
			store.EntryFilter
		}{
			{"all", store.EntryFilter{}},
			{"operation that never happened", store.EntryFilter{Operation: "neverHappened"}},
			{"rare operation", store.EntryFilter{Operation: "retireConsentTemplate"}},
			{"frequent operation", store.EntryFilter{Operation: "showPatient"}},
			{"staff", store.EntryFilter{Actor: store.Actor{Kind: store.ActorStaff}}},
			{"patients", store.EntryFilter{Actor: store.Actor{Kind: store.ActorPatient}}},
			{"support people, who never did anything", store.EntryFilter{Actor: store.Actor{Kind: store.ActorSupportPerson}}},
			{"patients, an operation that is not theirs", store.EntryFilter{Actor: store.Actor{Kind: store.ActorPatient}, Operation: "retireConsentTemplate"}},
		} {
			b.Run(filter.name, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					view(b, db, s, func(tx *store.Tx) error { return second(tx.ListEntries(filter.EntryFilter, store.Page{Limit: 50})) })
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			})
		}
	}
	b.Run("sqlite", func(b *testing.B) { run(b, storetest.SQLite(b), "") })
	if storetest.HasPostgres(b) {
		b.Run("postgres", func(b *testing.B) {
			app, owner := storetest.Postgres(b)
			run(b, app, owner)
		})
	}
}

// numberedEntries writes entries that have their numbers already.
func numberedEntries(tx *store.Tx, from, n int) error {
	id, series := "lower(hex(randomblob(4)) || '-0000-4000-8000-' || hex(randomblob(6)))",
		"(WITH RECURSIVE n(i) AS (SELECT $2 + 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2 + $3) SELECT i FROM n) s"
	if tx.OnPostgres() {
		id, series = "gen_random_uuid()", "generate_series($2::bigint + 1, $2::bigint + $3::bigint) AS s(i)"
	}
	_, err := tx.Exec(`INSERT INTO journal (clinic_id, id, seq, at, written, operation, actor, request_id, patient_id, outcome, events)
		SELECT $1, `+id+`, i, $4, i,
			CASE WHEN i IN (1000, 500000, 900000) THEN 'retireConsentTemplate' WHEN i % 10 < 8 THEN 'showPatient' ELSE 'recordVitals' END,
			CASE WHEN i % 50 = 0 THEN 'patient:0190f3a4-0000-7000-8000-00000000' || substr(CAST(10000 + i % 1000 AS TEXT), 2)
				ELSE 'staff:0190f3a4-0000-7000-8000-0000000000' || substr(CAST(100 + i % 20 AS TEXT), 2) END,
			'0190f3a4-0000-7000-8000-000000000002', NULL, CASE WHEN i % 10 < 8 THEN 'read' ELSE 'done' END,
			'[{"event":"session.vitalsRecorded","record":"sessions","id":"0190f3a4-0000-7000-8000-000000000003","version":7,"hash":"9abef0c68b82b254fdf20c5adb9bda29c9e6a614a3318300d5ff18ddca6def0b"}]'
		FROM `+series, tx.Scope().Clinic, from, n, tx.Now)
	tx.Note("entries.written", "journal", newID())
	return err
}
