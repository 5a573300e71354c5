package api_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// remembered are the tables of a crowd, with what of their rows the copies' history has to say.
var remembered = map[string]string{
	"patients":    "'FamilyName', l.family_name, 'NameSort', l.name_sort, 'RecordNumber', l.record_number",
	"treatments":  "'ResponsiblePrescriberID', l.responsible_prescriber_id",
	"sessions":    "'TreatmentID', l.treatment_id, 'Status', l.status, 'EndedAt', l.ended_at",
	"assessments": "'TreatmentID', l.treatment_id, 'Status', l.status, 'At', l.at, 'ReviewedAt', l.reviewed_at",
	"alerts":      "'TreatmentID', l.treatment_id, 'Status', l.status, 'DueAt', l.due_at, 'Severity', l.severity, 'Outcome', l.outcome, 'ResolvedAt', l.resolved_at",
	"follow_ups":  "'TreatmentID', l.treatment_id, 'Occurrence', l.occurrence, 'Missed', l.missed, 'Audience', l.audience, 'DueAt', l.due_at, 'OverdueAt', l.overdue_at, 'MissedAt', l.missed_at",
}

// BenchmarkAsOf asks for pages of 50 of a clinic like that of [BenchmarkWorklist] with 20,000 patients as of a time
// after which nothing has happened, and then as of the same time after every record of it has been changed.
func BenchmarkAsOf(b *testing.B) {
	if !storetest.HasPostgres(b) {
		b.Skip("no PostgreSQL server")
	}
	app, owner := storetest.Postgres(b)
	site := apitest.New(b, app)
	c := site.Clinic(b, "Large")
	crowded(b, owner, c.For(b, "reviewSession"), 20_000)
	db, err := sql.Open("pgx", storetest.Superuser(b, owner))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	do := func(query string) {
		if _, err := db.ExecContext(b.Context(), "SET session_replication_role = replica;"+query); err != nil {
			b.Fatalf("%s\n%v", query, err)
		}
	}
	version := func(number, table string) string {
		patient := "'PatientID', l.patient_id, "
		if table == "patients" {
			patient = ""
		}
		return fmt.Sprintf(`INSERT INTO history (clinic_id, record, record_id, version, patient_id, entry_id, at, data)
			SELECT h.clinic_id, h.record, l.id, %s, %s, h.entry_id, l.updated_at,
				(h.data::jsonb || jsonb_build_object('ID', l.id, 'Version', l.version, 'UpdatedAt', l.updated_at, %s %s))::text
			FROM (SELECT * FROM history WHERE record = '%s' ORDER BY version DESC LIMIT 1) h, %s l
			WHERE NOT EXISTS (SELECT 1 FROM history o WHERE o.clinic_id = l.clinic_id AND o.record = h.record AND o.record_id = l.id AND o.version = %s);`,
			number, map[bool]string{true: "l.id", false: "l.patient_id"}[table == "patients"], patient, remembered[table], table, table, number)
	}
	for table := range remembered {
		do(version("l.version", table))
	}
	do("ANALYZE")
	site.Clock.Advance(time.Hour)
	then := site.Clock.Now()
	renew(b, c)
	pagesThen(b, c, "nothing changed", then)
	for table := range remembered {
		do(fmt.Sprintf(`UPDATE %s SET version = version + 1, updated_at = '%s'`, table, then.Add(time.Hour).Format(time.RFC3339)))
		do(version("l.version", table))
	}
	do("ANALYZE")
	site.Clock.Advance(2 * time.Hour)
	renew(b, c)
	pagesThen(b, c, "everything changed", then)
}

func pagesThen(b *testing.B, c *apitest.Clinic, name string, then time.Time) {
	for _, page := range []struct{ operation, query string }{
		{"listPatients", ""}, {"listAlerts", "status=open"}, {"showWorklist", ""}, {"showWorklist", "reason=alert"},
		{"showWorklist", "staffId=" + c.Cosigner.ID.String()}, {"showWorklist", "staffId=" + c.Prescriber.ID.String()},
	} {
		query := strings.Trim(page.query+"&limit=50&asOf="+url.QueryEscape(then.Format(time.RFC3339Nano)), "&")
		b.Run(name+"/"+page.operation+" "+page.query, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				got := c.Site.Send(b, apitest.Call{Operation: page.operation, Token: c.Prescriber.Token, Query: query})
				if got.Status != 200 && got.Status != 400 {
					b.Fatalf("%d %s", got.Status, got.Body)
				}
				took = append(took, time.Since(began))
				if got.Status == 400 {
					b.Logf("%s", got.Body)
				} else if len(got.Items()) != 50 {
					b.Logf("%d items", len(got.Items()))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
