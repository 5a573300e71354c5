package api_test

import (
	"database/sql"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// patients of a clinic whose worklist is measured.
const crowd = 100_000

// BenchmarkWorklist reads pages of 50 of the worklist of a clinic with 100,000 patients on PostgreSQL,
// four clients at a time. Of every hundred patients, one or two have an alert that is high or critical,
// five a medium one and ten a low one, for ten a session and answers wait for review, and ten have something due
// for the staff; each has a follow-up to come and three that were missed.
func BenchmarkWorklist(b *testing.B) {
	if !storetest.HasPostgres(b) {
		b.Skip("no PostgreSQL server")
	}
	app, owner := storetest.Postgres(b)
	site := apitest.New(b, app)
	c := site.Clinic(b, "Large")
	scene := c.For(b, "reviewSession")
	crowded(b, owner, scene, crowd)
	first := worklistPage(b, c, "limit=50")
	for _, page := range []struct{ name, query string }{
		{"first", "limit=50"}, {"second", "limit=50&cursor=" + first.Text("nextCursor")}, {"low", "limit=50&severity=low"},
		{"reviews", "limit=50&reason=assessmentReview"}, {"of a prescriber", "limit=50&staffId=" + c.Prescriber.ID.String()},
		{"of somebody with few patients", "limit=50&staffId=" + c.Cosigner.ID.String()},
	} {
		b.Run(page.name, func(b *testing.B) {
			var mu sync.Mutex
			var took []time.Duration
			b.SetParallelism(max(1, 4/runtime.GOMAXPROCS(0))) // four clients
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					began := time.Now()
					worklistPage(b, c, page.query)
					d := time.Since(began)
					mu.Lock()
					took = append(took, d)
					mu.Unlock()
				}
			})
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

func worklistPage(b *testing.B, c *apitest.Clinic, query string) apitest.Answer {
	got := c.Site.Send(b, apitest.Call{Operation: "showWorklist", Token: c.Clinician.Token, Query: query})
	if got.Status != 200 {
		b.Fatalf("%d %s", got.Status, got.Body)
	}
	return got
}

// crowded copies the scene's patient and what they have, past the API.
func crowded(b *testing.B, owner string, s *apitest.Scene, n int) {
	b.Helper()
	db, err := sql.Open("pgx", storetest.Superuser(b, owner))
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1) // the temporary table, and what is set, belong to a connection
	defer func() { _ = db.Close() }()
	do := func(query string) {
		if _, err := db.ExecContext(b.Context(), strings.NewReplacer("{clinic}", s.Clinic.ID.String(), "{patient}", s.IDs["patient"]).Replace(query)); err != nil {
			b.Fatalf("%s\n%v", query, err)
		}
	}
	do(`SET session_replication_role = replica`) // foreign keys would be looked up a million times
	do(fmt.Sprintf(`CREATE TEMPORARY TABLE crowd AS SELECT i, gen_random_uuid() AS patient, gen_random_uuid() AS treatment FROM generate_series(1, %d) i`, n))
	// copies adds a copy of a row for some patients, the n-th of four, with other values.
	copies := func(table, row, every string, values map[string]string) {
		columns, err := db.QueryContext(b.Context(), `SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema()`, table)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = columns.Close() }()
		var names, from []string
		for columns.Next() {
			var name string
			if err := columns.Scan(&name); err != nil {
				b.Fatal(err)
			}
			value, other := values[name]
			if !other {
				value = `r."` + name + `"`
			}
			names, from = append(names, `"`+name+`"`), append(from, value)
		}
		if err := columns.Err(); err != nil {
			b.Fatal(err)
		}
		_ = columns.Close()
		do(fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM (SELECT * FROM %s WHERE %s LIMIT 1) r, crowd c, generate_series(1, 4) n WHERE %s`,
			table, strings.Join(names, ", "), strings.Join(from, ", "), table, row, every))
	}
	const old = `'2026-09-01'::timestamptz + c.i * interval '37 seconds' + n * interval '5 days'`
	of := func(more ...string) map[string]string {
		values := map[string]string{"id": "gen_random_uuid()", "patient_id": "c.patient", "treatment_id": "c.treatment"}
		for i := 0; i < len(more); i += 2 {
			values[more[i]] = more[i+1]
		}
		return values
	}
	copies("patients", "id = '{patient}'", "n = 1", map[string]string{"id": "c.patient", "record_number": "NULL", "family_name": "'Family ' || c.i", "name_sort": "'family ' || c.i"})
	copies("treatments", "patient_id = '{patient}'", "n = 1", map[string]string{"id": "c.treatment", "patient_id": "c.patient"})
	session, answers, alert := "patient_id = '{patient}' AND status = 'completed'", "patient_id = '{patient}' AND status = 'submitted'", "patient_id = '{patient}'"
	copies("sessions", session, "n < 4", of("status", "'reviewed'", "ended_at", old))
	copies("sessions", session, "n = 4 AND c.i % 10 = 0", of("ended_at", old))
	copies("assessments", answers, "n < 4", of("status", "'reviewed'", "reviewed_at", "now()", "at", old))
	copies("assessments", answers, "n = 4 AND c.i % 10 = 3", of("at", old))
	copies("alerts", alert, "n < 4", of("status", "'resolved'", "resolved_at", "now()", "outcome", "'handled'", "due_at", old))
	copies("alerts", alert, "n = 4 AND c.i % 10 = 5", of("severity", "'low'", "due_at", old))
	copies("alerts", alert, "n = 4 AND c.i % 20 = 7", of("due_at", old))
	copies("alerts", alert, "n = 4 AND c.i % 100 = 11", of("severity", "'high'", "due_at", old))
	copies("alerts", alert, "n = 4 AND c.i % 1000 = 17", of("severity", "'critical'", "due_at", old))
	followUp := "patient_id = '{patient}' AND session_id IS NULL AND audience = 'patient'"
	copies("follow_ups", followUp, "n < 4", of("missed", "true", "occurrence", "n", "due_at", old, "overdue_at", old, "missed_at", old))
	copies("follow_ups", followUp, "n = 4", of("occurrence", "n"))
	copies("follow_ups", followUp, "n = 4 AND c.i % 10 = 9", of("occurrence", "9", "audience", "'staff'", "due_at", old))
	do(`UPDATE treatments SET responsible_prescriber_id = '` + s.Clinic.Cosigner.ID.String() + `' WHERE id IN (SELECT treatment FROM crowd WHERE i % 2000 = 7)`)
	do(`ANALYZE`)
}
