package api_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
)

// BenchmarkStreams opens a thousand streams, lets them hear an event, and says what each costs while it
// waits: memory and goroutines of the server, and of their clients, which are bare sockets in the same process.
func BenchmarkStreams(b *testing.B) {
	run := func(name, dsn string) {
		b.Run(name, func(b *testing.B) {
			s := apitest.New(b, dsn, func(c *api.Config) { c.Relaxed = true })
			db := apitest.Look(b, dsn, s)
			c := s.Clinic(b, "Streams")
			patient := c.Patient(b, "Lind")
			people := make([]*apitest.Person, 50) // each may hold 20
			for i := range people {
				people[i] = c.Staff(b, fmt.Sprintf("listener-%d", i), client.StaffRoleClinician)
			}
			for b.Loop() {
				streams(b, s, db, people, patient)
			}
		})
	}
	run("sqlite", storetest.SQLite(b))
	if storetest.HasPostgres(b) {
		app, _ := storetest.Postgres(b)
		run("postgres", app)
	}
}

func streams(b *testing.B, s *apitest.Site, db testbed.Database, people []*apitest.Person, patient *apitest.Person) {
	b.Helper()
	const many = 1000
	s.Pass(b, 0)
	memory, goroutines := used(), runtime.NumGoroutine()
	conns := make([]net.Conn, many)
	for i := range conns {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
		if _, err := io.WriteString(conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+people[i%len(people)].Token+"\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		hear(b, conn, "retry: ")
	}
	started := time.Now()
	weigh(b, s, patient)
	s.Pass(b, 0)
	for _, conn := range conns {
		hear(b, conn, "measurement.recorded")
	}
	b.ReportMetric(float64(time.Since(started).Milliseconds()), "ms/event-to-all")
	b.ReportMetric(float64(used()-memory)/many/1024, "KiB/stream")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/many, "goroutines/stream")
	if s.Config.DatabaseURL != "" {
		open := db.Column(b, `SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`)
		b.Logf("%s connections are busy while all wait", open[0])
	}
}

// hear reads until a text has come.
func hear(b *testing.B, conn net.Conn, text string) {
	b.Helper()
	var all strings.Builder
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Minute))
	for !strings.Contains(all.String(), text) {
		n, err := conn.Read(buf)
		if err != nil {
			b.Fatal(err, all.String())
		}
		all.Write(buf[:n])
	}
}

// used is what the process has in use, in bytes.
func used() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
