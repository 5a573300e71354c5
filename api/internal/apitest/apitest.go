// Package apitest runs the real server for tests: on a real database, with an OpenID provider
// of its own, a clock that tests set, and clinics whose people are signed in through the SDK.
// Every answer is held against the contract.
package apitest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/client"
)

// Start is what the clock of a site shows at first: a Sunday morning in New York.
var Start = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// Site is a running server.
type Site struct {
	URL    string
	Server *api.Server
	Clock  *Clock
	Issuer *Issuer
	Config api.Config
}

// Each runs fn against a server on each kind of database.
func Each(t *testing.T, fn func(t *testing.T, s *Site)) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) { fn(t, New(t, dsn)) })
}

// New starts a server on the database at dsn, as storetest hands it out.
func New(t testing.TB, dsn string, change ...func(*api.Config)) *Site {
	t.Helper()
	s := &Site{Clock: &Clock{now: Start}, Issuer: NewIssuer(t)}
	s.Config = api.Config{
		Data: t.TempDir(), OIDCIssuer: s.Issuer.URL, OIDCAudience: Audience, OIDCJWKSURL: s.Issuer.JWKSURL,
		RateLimit: "0", WebhookAllow: []string{Loopback}, Resolve: nowhere, Now: s.Clock.Now, Log: slog.New(slog.NewTextHandler(output{t}, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if isPostgres(dsn) {
		s.Config.DatabaseURL = dsn
	}
	for _, c := range change {
		c(&s.Config)
	}
	var err error
	if s.Server, err = api.Open(t.Context(), s.Config); err != nil {
		t.Fatalf("open server: %v", err)
	}
	h := httptest.NewServer(s.Server.Handler())
	s.URL = h.URL
	t.Cleanup(func() {
		h.Close()
		if err := s.Server.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
	})
	return s
}

func isPostgres(dsn string) bool { return len(dsn) > 8 && dsn[:8] == "postgres" }

// Clock is the server's clock. It stands still until a test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it ahead.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Client returns the SDK signed in with a token. Its answers are held against the contract,
// and plans and decisions get an Idempotency-Key where the test gives none.
func (s *Site) Client(t testing.TB, token string, edit ...client.RequestEditorFn) *client.ClientWithResponses {
	t.Helper()
	options := []client.ClientOption{
		client.WithHTTPClient(&http.Client{Transport: checked(t, http.DefaultTransport)}),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if v, ok := r.Header["Idempotency-Key"]; ok && (len(v) == 0 || v[0] == "") {
				r.Header.Set("Idempotency-Key", uuid.NewString())
			}
			return nil
		}),
	}
	for _, e := range edit {
		options = append(options, client.WithRequestEditorFn(e))
	}
	c, err := client.New(s.URL, client.Token(token), options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// output shows the server's errors in the test's own log.
type output struct{ t testing.TB }

func (o output) Write(p []byte) (int, error) {
	o.t.Logf("%s", p)
	return len(p), nil
}

// Pass moves the clock ahead and does what has become due until then. On a slow machine work may wait too long
// for its turn to write; like a server it then tries again.
func (s *Site) Pass(t testing.TB, d time.Duration) {
	t.Helper()
	s.Clock.Advance(d)
	err := s.Server.Work(t.Context())
	for tries := 1; errors.Is(err, store.ErrUnavailable) && tries < 20; tries++ {
		err = s.Server.Work(t.Context())
	}
	if err != nil {
		t.Fatalf("work: %v", err)
	}
}
