package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// serve runs another server on the site's database, as a process of its own would, and returns what stops it.
func serve(t *testing.T, s *apitest.Site, before ...func(*api.Server)) (stop func()) {
	t.Helper()
	config := s.Config
	config.ListenAddr = "127.0.0.1:0"
	server, err := api.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for _, prepare := range before {
		prepare(server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, func(net.Addr) {}) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// eventually waits for what other processes do in their own time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// TestSenders: several processes on one database send each event once, in order, each patient's; what one of them was sending when it
// was stopped is taken over by another.
func TestSenders(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Senders")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two"), c.Patient(t, "Three")}
		r := proven(t, c, fine)
		stops := []func(){serve(t, s), serve(t, s), serve(t, s)}
		for _, stop := range stops {
			defer stop()
		}
		ids := happen(t, c, patients, 60, 5)
		eventually(t, "everything has come", func() bool { return len(r.got()) >= len(ids) })
		r.complete(t, "of three processes", ids)
		if n := len(r.got()); n != len(ids) {
			t.Errorf("%d messages for %d events", n, len(ids))
		}
		for _, stop := range stops[1:] {
			stop()
		}
		var hanging atomic.Int32
		r.does(func(_ int, _ http.ResponseWriter, q *http.Request) bool {
			hanging.Add(1)
			<-q.Context().Done()
			return false
		})
		ids = append(ids, happen(t, c, patients, 3, 1)...)
		eventually(t, "each patient's is on its way", func() bool { return hanging.Load() == 3 })
		stops[0]() // in the middle of it
		r.does(fine)
		s.Pass(t, 30*time.Second)
		if n := len(r.got()); n > len(ids)-3 {
			t.Errorf("%d messages before the lease has ended", n-len(ids)+3)
		}
		s.Pass(t, 45*time.Second)
		r.complete(t, "taken over", ids)
		if d := r.deliveries(t, "&status=succeeded"); d[0]["attempts"] != 1.0 {
			t.Errorf("an attempt that nobody knows the end of counts: %v", d[0])
		}
	})
}

// TestForgottenDeliveries: what has ended is forgotten after a time, in batches; what is pending never.
func TestForgottenDeliveries(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Forgotten")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		r := proven(t, c, fine)
		happen(t, c, patients, 30, 50) // more than a batch
		s.Pass(t, 0)
		r.does(says(500))
		happen(t, c, patients, 1, 1)
		s.Pass(t, 0)
		store := open(t, s)
		count := func() string { return db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM deliveries`)[0] }
		if n, err := store.ForgetDeliveries(t.Context(), s.Clock.Now()); n != 0 || err != nil || count() != "1502" {
			t.Errorf("%d were forgotten too soon, %s are left: %v", n, count(), err)
		}
		if n, err := store.ForgetDeliveries(t.Context(), s.Clock.Now().Add(time.Second)); n != 1501 || err != nil || count() != "1" {
			t.Errorf("%d were forgotten, %s are left: %v", n, count(), err)
		}
	})
}

// TestWebhookMetrics: attempts by outcome, and what waits or was given up; no label names anybody.
func TestWebhookMetrics(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Metrics")
		proven(t, c, fine).do(t, "updateWebhookEndpoint", map[string]any{"enabled": false})
		r := proven(t, c, says(500))
		happen(t, c, []*apitest.Person{c.Patient(t, "One")}, 3, 1)
		for _, wait := range []int{0, 1, 6, 40, 150, 350, 700, 1000, 1400, 1600} { // minutes: as often as it is tried
			s.Pass(t, time.Duration(wait)*time.Minute)
		}
		s.Config.MetricsAddr = testbed.OwnAddress(t)
		r.does(fine)
		stop := serve(t, s)
		defer stop()
		c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
		s.Must(t, apitest.Call{Operation: "testWebhookEndpoint", Token: c.Admin.Token, Path: map[string]string{"webhookEndpointId": r.id}})
		var text string
		eventually(t, "what was sent is counted", func() bool {
			res, err := http.Get("http://" + s.Config.MetricsAddr)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			text = string(body)
			return err == nil && strings.Contains(text, `titrate_webhook_attempts_total{outcome="succeeded"} 1`)
		})
		for _, want := range []string{`titrate_webhook_endpoints_disabled{reason="failing"} 0`, `titrate_webhook_endpoints_disabled{reason="paused"} 1`, "titrate_webhook_deliveries_pending 2", "titrate_webhook_deliveries_failed 1", `titrate_webhook_attempts_total{outcome="failed"} 0`} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no %q", want)
			}
		}
		if strings.Contains(text, r.id) || strings.Contains(text, r.address) {
			t.Error("the metrics name an endpoint")
		}
	})
}

// TestQuietSender: without endpoints nobody asks for deliveries again and again, and one that is added is served soon.
func TestQuietSender(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Quiet")
		stop := serve(t, s)
		defer stop()
		r := receive(t, c, fine)
		eventually(t, "it is active", func() bool { return r.status(t) == "active <nil>" })
	})
}

// TestHangingIsAlone: a message that is not answered holds up no other patient's, also those that come while it hangs.
func TestHangingIsAlone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Hanging alone")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		release, began := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		r := proven(t, c, func(n int, w http.ResponseWriter, q *http.Request) bool {
			if first.CompareAndSwap(false, true) {
				close(began)
				<-release
			}
			return fine(n, w, q)
		})
		stop := serve(t, s)
		defer stop()
		ids := happen(t, c, patients[:1], 1, 1)
		<-began
		ids = append(ids, happen(t, c, patients[1:], 3, 1)...)
		for deadline := time.Now().Add(6 * time.Second); len(r.got()) < 3; time.Sleep(20 * time.Millisecond) { // half of what a message may take
			if time.Now().After(deadline) {
				t.Errorf("%d of the other patient's messages have come", len(r.got()))
				break
			}
		}
		close(release)
		eventually(t, "the one that hung", func() bool { return len(r.got()) == 4 })
		if len(ids) != 4 {
			t.Errorf("%d events", len(ids))
		}
	})
}

// TestHangingDisk: a disk on which no checkpoint can be written holds up nothing that the look finds.
func TestHangingDisk(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Disk")
		r := proven(t, c, fine)
		release, hangs := make(chan struct{}), make(chan struct{})
		hang := sync.OnceFunc(func() { close(hangs); <-release })
		stop := serve(t, s, func(server *api.Server) { api.OnDisk(server, hang) })
		defer stop()
		defer close(release)
		<-hangs
		happen(t, c, []*apitest.Person{c.Patient(t, "One")}, 1, 1)
		eventually(t, "what has happened is sent", func() bool { return len(r.got()) == 1 })
	}, keeps)
}
