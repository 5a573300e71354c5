package api_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// BenchmarkAuditVerify checks 100,000 entries of one clinic, each with a version in the history.
func BenchmarkAuditVerify(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { verifyMany(b, storetest.SQLite(b)) })
	if storetest.HasPostgres(b) {
		b.Run("postgres", func(b *testing.B) {
			app, _ := storetest.Postgres(b)
			verifyMany(b, app)
		})
	}
}

func verifyMany(b *testing.B, dsn string) {
	const entries = 100_000
	s := apitest.New(b, dsn, func(c *api.Config) { c.Relaxed = true })
	cfg, driver, source := s.Config, "sqlite", filepath.Join(s.Config.Data, "titrate.db")
	cfg.SigningKeyFile = filepath.Join(s.Config.Data, "signing.key")
	if s.Config.DatabaseURL != "" {
		driver, source = "pgx", storetest.Superuser(b, dsn)
		cfg.DatabaseURL = source
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	fillJournal(b, db, entries)
	s.Pass(b, time.Second)
	owner, err := api.OpenToVerify(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer owner.Close()
	before := processorTime(b)
	for b.Loop() {
		v, err := owner.VerifyAudit(b.Context())
		if err != nil || len(v.Faults) > 0 || v.Entries != entries || v.Erased != 0 {
			b.Fatalf("%+v, %v", v, err)
		}
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(entries*float64(b.N)/(processorTime(b)-before).Seconds(), "entries/cpu-s")
}

// processorTime is what this process has used: on a busy machine it says more than the clock on the wall.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func fillJournal(b *testing.B, db *sql.DB, n int) {
	b.Helper()
	clinic, at := uuid.New(), apitest.Start.Format("2006-01-02 15:04:05-07:00")
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	journal, err := tx.PrepareContext(b.Context(), `INSERT INTO journal (clinic_id, id, at, written, operation, actor, request_id, patient_id, outcome, events)
		VALUES ($1, $2, $3, $4, 'recordVitals', 'staff:0190f3a4-0000-7000-8000-000000000001', '0190f3a4-0000-7000-8000-000000000002', $5, 'done', $6)`)
	if err != nil {
		b.Fatal(err)
	}
	defer journal.Close()
	history, err := tx.PrepareContext(b.Context(), `INSERT INTO history (clinic_id, record, record_id, version, patient_id, entry_id, at, data)
		VALUES ($1, 'sessions', $2, $3, $4, $5, $6, $7)`)
	if err != nil {
		b.Fatal(err)
	}
	defer history.Close()
	for i := range n {
		id, session, version := uuid.Must(uuid.NewV7()), uuid.NewSHA1(clinic, fmt.Append(nil, i/10)), i%10+1
		data := fmt.Sprintf(`{"Version":%d,"Note":%q}`, i, strings.Repeat("x", 600))
		events := fmt.Sprintf(`[{"event":"session.vitalsRecorded","record":"sessions","id":"%s","version":%d,"hash":"%x"}]`, session, version, sha256.Sum256([]byte(data)))
		if _, err := journal.ExecContext(b.Context(), clinic, id, at, i+1, session, events); err != nil {
			b.Fatal(err)
		}
		if _, err := history.ExecContext(b.Context(), clinic, session, version, session, id, at, data); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
