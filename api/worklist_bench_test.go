package api_test

import (
	"database/sql"
	"fmt"
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
// five a medium one and ten a low one, and for ten a session and answers wait for review.
func BenchmarkWorklist(b *testing.B) {
	if !storetest.HasPostgres(b) {
		b.Skip("no PostgreSQL server")
	}
	app, owner := storetest.Postgres(b)
	site := apitest.New(b, app)
	c := site.Clinic(b, "Large")
	scene := c.For(b, "reviewSession")
	crowded(b, owner, scene)
	first := worklistPage(b, c, "limit=50")
	for _, page := range []struct{ name, query string }{
		{"first", "limit=50"}, {"second", "limit=50&cursor=" + first.Text("nextCursor")}, {"low", "limit=50&severity=low"},
		{"reviews", "limit=50&reason=assessmentReview"}, {"of a prescriber", "limit=50&staffId=" + c.Prescriber.ID.String()},
		{"of somebody with few patients", "limit=50&staffId=" + c.Cosigner.ID.String()},
	} {
		b.Run(page.name, func(b *testing.B) {
			var mu sync.Mutex
			var took []time.Duration
			b.SetParallelism(4)
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
func crowded(b *testing.B, owner string, s *apitest.Scene) {
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
	do(fmt.Sprintf(`CREATE TEMPORARY TABLE crowd AS SELECT i, gen_random_uuid() AS patient, gen_random_uuid() AS treatment FROM generate_series(1, %d) i`, crowd))
	do(`INSERT INTO patients SELECT (jsonb_populate_record(NULL::patients, to_jsonb(p) || jsonb_build_object(
		'id', c.patient, 'record_number', NULL, 'family_name', 'Family ' || c.i, 'name_sort', 'family ' || c.i))).* FROM patients p, crowd c WHERE p.id = '{patient}'`)
	do(`INSERT INTO treatments SELECT (jsonb_populate_record(NULL::treatments, to_jsonb(t) || jsonb_build_object('id', c.treatment, 'patient_id', c.patient, 'consultation_id', NULL))).*
		FROM treatments t, crowd c WHERE t.patient_id = '{patient}'`)
	// copies of a row for some patients: each the i-th of n, with other values.
	copies := func(table, which, every, values string) {
		do(fmt.Sprintf(`INSERT INTO %[1]s SELECT (jsonb_populate_record(NULL::%[1]s, to_jsonb(r) || jsonb_build_object(
			'id', gen_random_uuid(), 'patient_id', c.patient, 'treatment_id', c.treatment %[4]s))).*
			FROM (SELECT * FROM %[1]s WHERE patient_id = '{patient}' AND %[2]s LIMIT 1) r, crowd c, generate_series(1, 4) n WHERE %[3]s`, table, which, every, values))
	}
	const old = `'2026-09-01'::timestamptz + c.i * interval '37 seconds' + n * interval '5 days'`
	copies("sessions", "status = 'completed'", "n < 4", `, 'prescription_id', NULL, 'status', 'reviewed', 'ended_at', `+old)
	copies("sessions", "status = 'completed'", "n = 4 AND c.i % 10 = 0", `, 'prescription_id', NULL, 'ended_at', `+old)
	copies("assessments", "status = 'submitted'", "n < 4", `, 'status', 'reviewed', 'reviewed_at', now(), 'at', `+old)
	copies("assessments", "status = 'submitted'", "n = 4 AND c.i % 10 = 3", `, 'at', `+old)
	copies("alerts", "true", "n < 4", `, 'status', 'resolved', 'resolved_at', now(), 'outcome', 'handled', 'due_at', `+old)
	copies("alerts", "true", "n = 4 AND c.i % 10 = 5", `, 'severity', 'low', 'due_at', `+old)
	copies("alerts", "true", "n = 4 AND c.i % 20 = 7", `, 'due_at', `+old)
	copies("alerts", "true", "n = 4 AND c.i % 100 = 11", `, 'severity', 'high', 'due_at', `+old)
	copies("alerts", "true", "n = 4 AND c.i % 1000 = 17", `, 'severity', 'critical', 'due_at', `+old)
	do(`UPDATE treatments SET responsible_prescriber_id = '` + s.Clinic.Cosigner.ID.String() + `' WHERE id IN (SELECT treatment FROM crowd WHERE i % 2000 = 7)`)
	do(`ANALYZE`)
}
