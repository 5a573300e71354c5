package api_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// running is a second process on a site's database, as far as the journal goes.
func running(t *testing.T, s *apitest.Site, change func(*api.Config)) *api.Server {
	t.Helper()
	cfg := s.Config
	cfg.ListenAddr = "127.0.0.1:0"
	change(&cfg)
	server, err := api.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- server.Run(ctx, func(net.Addr) { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, server.Close()); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return server
}

// News reaches everybody who waits for the clinic, in the process that numbers and in others, and nobody else.
func TestNews(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := apitest.New(t, dsn)
		file := filepath.Join(t.TempDir(), "kept.jsonl")
		one := running(t, s, func(c *api.Config) { c.CheckpointFile = file })
		other := running(t, s, func(*api.Config) {})
		c := s.Clinic(t, "News")
		s.Pass(t, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var last int64
		for _, server := range []*api.Server{s.Server, one, other} {
			head, err := api.WaitForNews(ctx, server, c.ID, 5)
			if err != nil || head <= 5 {
				t.Fatalf("what was there before: %d, %v", head, err)
			}
			last = max(last, head)
		}
		elsewhere, leave := context.WithCancel(ctx)
		var told, quiet sync.WaitGroup
		quiet.Go(func() {
			if head, err := api.WaitForNews(elsewhere, one, uuid.New(), 0); !errors.Is(err, context.Canceled) || head != 0 {
				t.Errorf("news of another clinic: %d, %v", head, err)
			}
		})
		for _, server := range []*api.Server{one, other} {
			for range 500 {
				told.Go(func() {
					if head, err := api.WaitForNews(ctx, server, c.ID, last); err != nil || head <= last {
						t.Errorf("after %d: %d, %v", last, head, err)
					}
				})
			}
		}
		c.Patient(t, "Lindqvist") // by the site's own server, which numbers nothing by itself: the others do
		told.Wait()
		leave()
		quiet.Wait()
		s.Clock.Advance(2 * time.Minute) // time for the next checkpoint
		measured(t, one, file)
	})
}

// measured looks at the metrics of a process that has had time to look around.
func measured(t *testing.T, server *api.Server, file string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		m, err := api.Measured(server, "titrate_journal_")
		if err != nil {
			t.Fatal(err)
		}
		_, kept := os.Stat(file)
		if m["titrate_journal_head_entries"] > 5 && m["titrate_journal_waiting_entries"] == 0 && m["titrate_journal_waiting_seconds"] == 0 && kept == nil {
			if len(m) != 7 {
				t.Errorf("metrics: %v", m)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("metrics: %v, checkpoint: %v", m, kept)
		}
	}
}
