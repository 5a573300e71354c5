package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// eachDatabase runs a benchmark on both, with what it needs already there.
func eachDatabase(b *testing.B, operation string, fn func(b *testing.B, s *apitest.Scene)) {
	run := func(name string, dsn func() string) {
		b.Run(name, func(b *testing.B) {
			site := apitest.New(b, dsn())
			fn(b, site.Clinic(b, "Bench").For(b, operation))
		})
	}
	run("sqlite", func() string { return storetest.SQLite(b) })
	if storetest.HasPostgres(b) {
		run("postgres", func() string { app, _ := storetest.Postgres(b); return app })
	}
}

// BenchmarkRecordDose sends one dose after another to one session's patient, each to a session
// of its own, over HTTP on loopback.
func BenchmarkRecordDose(b *testing.B) {
	eachDatabase(b, "recordDose", func(b *testing.B, s *apitest.Scene) {
		call := s.Call(b, "recordDose")
		call.Token = s.Patient.Token
		body, _ := call.Body.(map[string]any)
		for n := 0; b.Loop(); n++ {
			if n%20 == 19 { // a session has a handful of facts, not thousands
				b.StopTimer()
				s = s.Clinic.For(b, "recordDose")
				call = s.Call(b, "recordDose")
				call.Token = s.Patient.Token
				body, _ = call.Body.(map[string]any)
				b.StartTimer()
			}
			body["id"] = uuid.NewString()
			if got := s.Clinic.Site.Send(b, call); got.Status != 201 {
				b.Fatalf("%d %s", got.Status, got.Body)
			}
		}
	})
}

// BenchmarkShowSession reads a session with one dose.
func BenchmarkShowSession(b *testing.B) {
	eachDatabase(b, "voidSessionFact", func(b *testing.B, s *apitest.Scene) {
		call := s.Call(b, "showSession")
		call.Token = s.Clinic.Clinician.Token
		for b.Loop() {
			if got := s.Clinic.Site.Send(b, call); got.Status != 200 {
				b.Fatalf("%d %s", got.Status, got.Body)
			}
		}
	})
}

// BenchmarkListSessions reads a page of 50 sessions.
func BenchmarkListSessions(b *testing.B) {
	eachDatabase(b, "logSession", func(b *testing.B, s *apitest.Scene) {
		for i := range 60 {
			call := s.Call(b, "logSession")
			call.Token = s.Clinic.Clinician.Token
			body, _ := call.Body.(map[string]any)
			at := s.Clinic.Site.Clock.Now().Add(-time.Duration(i) * 72 * time.Hour).Format(time.RFC3339)
			for _, list := range body {
				for _, f := range list.([]any) {
					f.(map[string]any)["occurredAt"] = at
				}
			}
			s.Clinic.Site.Must(b, call)
		}
		call := s.Call(b, "listSessions")
		call.Token, call.Query = s.Clinic.Clinician.Token, "limit=50"
		if n := len(s.Clinic.Site.Must(b, call).JSON("items").([]any)); n != 50 {
			b.Fatal(fmt.Sprint(n, " sessions on a page of 50"))
		}
		for b.Loop() {
			if got := s.Clinic.Site.Send(b, call); got.Status != 200 {
				b.Fatalf("%d %s", got.Status, got.Body)
			}
		}
	})
}
