package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// proven is a receiver that has answered its challenge.
func proven(t *testing.T, c *apitest.Clinic, behave behaviour, types ...string) *receiver {
	t.Helper()
	c.Site.Pass(t, 0)
	if types == nil {
		types = []string{"session.missed"}
	}
	r := receive(t, c, behave, types...)
	c.Site.Pass(t, 0)
	if got := r.status(t); got != "active <nil>" {
		t.Fatalf("it is %s", got)
	}
	return r
}

// TestGone: 410 disables an endpoint at once; what was not sent waits until it is enabled and proven again.
func TestGone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Gone")
		patients := []*apitest.Person{c.Patient(t, "One")}
		r := proven(t, c, says(410))
		ids := happen(t, c, patients, 3, 1)
		s.Pass(t, 0)
		if got := r.status(t); got != "disabled gone" {
			t.Errorf("it is %s", got)
		}
		calls := r.tried()
		ids = append(ids, happen(t, c, patients, 2, 2)...)
		for range 5 {
			s.Pass(t, 24*time.Hour)
		}
		if r.tried() != calls {
			t.Errorf("it was called %d times after 410", r.tried()-calls)
		}
		if got := s.Do(t, apitest.Call{Operation: "testWebhookEndpoint", Token: c.Admin.Token, Path: map[string]string{"webhookEndpointId": r.id}}); got.Status != 409 {
			t.Errorf("a test of a disabled endpoint: %d", got.Status)
		}
		events := s.Must(t, apitest.Call{Operation: "listEvents", Token: s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now()), Query: "type=webhookEndpoint.disabled"}).Items()
		if len(events) != 1 || events[0]["operation"] != "disableWebhookEndpoint" {
			t.Errorf("admins are told %v", events)
		}
		r.does(fine)
		c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
		r.do(t, "updateWebhookEndpoint", map[string]any{"enabled": true})
		if got := r.status(t); got != "pending <nil>" {
			t.Errorf("enabled it is %s", got)
		}
		for range 3 {
			s.Pass(t, 24*time.Hour)
		}
		c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
		r.complete(t, "enabled again", ids)
	})
}

// TestHanging: an endpoint that does not answer keeps no other one waiting, nor the patients whose messages are answered.
func TestHanging(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Hanging")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		healthy := proven(t, c, fine)
		release, first := make(chan struct{}), atomic.Bool{}
		dead := proven(t, c, func(int, http.ResponseWriter, *http.Request) bool { <-release; return false })
		partly := proven(t, c, func(n int, w http.ResponseWriter, r *http.Request) bool {
			if first.CompareAndSwap(false, true) {
				<-release
			}
			return fine(n, w, r)
		})
		ids := happen(t, c, patients, 40, 1)
		worked := make(chan error)
		go func() { worked <- s.Server.Work(context.WithoutCancel(t.Context())) }()
		deadline := time.After(8 * time.Second) // less than a message may take
		for len(healthy.got()) < len(ids) || len(partly.got()) < len(ids)/2 {
			select {
			case <-deadline:
				t.Fatalf("%d and %d of %d while another hangs", len(healthy.got()), len(partly.got()), len(ids))
			case <-time.After(10 * time.Millisecond):
			}
		}
		close(release)
		if err := <-worked; err != nil {
			t.Error(err)
		}
		healthy.complete(t, "healthy", ids)
		partly.complete(t, "partly", ids)
		_ = dead
	})
}

// TestSchedule: ten attempts in three days, then the next event of the patient; five days without a success disable the endpoint.
func TestSchedule(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Schedule")
		r := proven(t, c, says(500))
		began := s.Clock.Now()
		happen(t, c, []*apitest.Person{c.Patient(t, "One")}, 2, 1)
		for s.Clock.Now().Sub(began) < 4*24*time.Hour {
			s.Pass(t, time.Second)
			s.Pass(t, 20*time.Minute)
		}
		byID := map[string][]time.Duration{}
		var order []string
		for _, m := range r.all() {
			if m.event.Challenge == "" {
				if byID[m.event.ID] == nil {
					order = append(order, m.event.ID)
				}
				byID[m.event.ID] = append(byID[m.event.ID], m.at.Sub(began))
			}
		}
		first := byID[order[0]]
		if len(first) != 10 || first[9] < 65*time.Hour || first[9] > 85*time.Hour {
			t.Fatalf("attempts at %v", first)
		}
		if len(order) != 2 || byID[order[1]][0] < first[9] {
			t.Errorf("the second event was sent at %v, the first last at %v", byID[order[len(order)-1]], first[9])
		}
		c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
		if failed := r.deliveries(t, "&status=failed"); len(failed) != 1 || failed[0]["failure"] != "status" || failed[0]["answerStatus"] != 500.0 || failed[0]["attempts"] != 10.0 {
			t.Errorf("given up: %v", failed)
		}
		for range 60 {
			s.Pass(t, time.Hour)
		}
		c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
		if got := r.status(t); got != "disabled failing" {
			t.Errorf("after five days it is %s", got)
		}
		r.does(fine)
		r.do(t, "updateWebhookEndpoint", map[string]any{"enabled": true})
		failed := r.deliveries(t, "&status=failed")[0]["id"].(string)
		s.Pass(t, time.Hour)
		s.Must(t, apitest.Call{Operation: "retryDelivery", Token: c.Admin.Token, Path: map[string]string{"deliveryId": failed}})
		s.Pass(t, 48*time.Hour)
		if got := r.got(); len(got) != 2 {
			t.Errorf("%d events came in the end", len(got))
		}
	})
}

// TestRetryAfter: an endpoint that asks to be left alone is, for a day at most.
func TestRetryAfter(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Wait")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		for name, wait := range map[string]struct {
			status int
			header func() string
			least  time.Duration
			most   time.Duration
		}{
			"seconds":                     {429, func() string { return "3600" }, time.Hour, time.Hour + time.Minute},
			"a time":                      {503, func() string { return s.Clock.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat) }, 2*time.Hour - time.Second, 2*time.Hour + time.Minute},
			"a year":                      {429, func() string { return "31536000" }, 24 * time.Hour, 24*time.Hour + time.Minute},
			"an error, which may not ask": {500, func() string { return "3600" }, 0, time.Minute},
			"no wish":                     {429, func() string { return "soon" }, 0, time.Minute},
		} {
			r := proven(t, c, func(n int, w http.ResponseWriter, q *http.Request) bool {
				return says(wait.status, "Retry-After", wait.header())(n, w, q)
			})
			happen(t, c, patients[:1], 1, 1)
			s.Pass(t, 0)
			asked := s.Clock.Now()
			happen(t, c, patients[1:], 1, 1) // of another patient: the endpoint was meant
			for range 26 * 60 {
				if len(r.got()) > 0 || s.Clock.Now().Sub(asked) > wait.most {
					break
				}
				if s.Clock.Now().Sub(asked) > 0 || wait.least == 0 {
					r.does(fine)
				}
				s.Pass(t, min(time.Minute, max(wait.least/10, 10*time.Second)))
			}
			r.does(fine)
			s.Pass(t, 10*time.Minute)
			got := r.got()
			if len(got) == 0 {
				t.Fatalf("%s: nothing has come", name)
			}
			if after := got[0].at.Sub(asked); after < wait.least || after > wait.most {
				t.Errorf("%s: called again after %s, want %s to %s", name, after, wait.least, wait.most)
			}
			if early := slices.DeleteFunc(r.all(), func(m received) bool { return m.event.Challenge != "" || m.at.Sub(asked) >= wait.least }); wait.least > 0 && len(early) != 1 {
				t.Errorf("%s: %d messages by then, want only the one that was answered so", name, len(early))
			}
			r.do(t, "removeWebhookEndpoint", nil)
		}
	})
}

// TestOwnership: who does not give the challenge back gets nothing else.
func TestOwnership(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Ownership")
		patients := []*apitest.Person{c.Patient(t, "One")}
		s.Pass(t, 0)
		var calls atomic.Int32
		r := receive(t, c, fine, "session.missed")
		r.close()
		r.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			_, _ = io.Copy(w, r.Body) // as some servers do with whatever comes
		}))
		happen(t, c, patients, 2, 1)
		s.Pass(t, 0)
		if got := r.status(t); got != "pending <nil>" || calls.Load() != 1 {
			t.Errorf("it is %s after %d messages", got, calls.Load())
		}
		if d := r.deliveries(t, ""); len(d) != 1 || d[0]["failure"] != "challenge" || d[0]["type"] != "webhook.challenge" {
			t.Errorf("deliveries %v", d)
		}
		r.close()
		r.open(nil)
		if a := r.do(t, "testWebhookEndpoint", nil); a.Text("type") != "webhook.challenge" {
			t.Errorf("a test sends %s", a.Body)
		}
		s.Pass(t, 0)
		if got := r.status(t); got != "active <nil>" {
			t.Errorf("it is %s", got)
		}
		r.do(t, "updateWebhookEndpoint", map[string]any{"url": "http://" + r.address + "/elsewhere"})
		if got := r.status(t); got != "pending <nil>" {
			t.Errorf("with another URL it is %s", got)
		}
		r.do(t, "updateWebhookEndpoint", map[string]any{"enabled": false})
		if got := r.status(t); got != "disabled paused" {
			t.Errorf("switched off it is %s", got)
		}
	})
}

// TestAddressesOfEndpoints: nothing that is not public is called: not when it is added, and not when it has become that.
func TestAddressesOfEndpoints(t *testing.T) {
	var inside atomic.Bool
	names := func(_ context.Context, host string) ([]netip.Addr, error) {
		switch {
		case strings.HasPrefix(host, "inside."), host == "moves.example.org" && inside.Load():
			return []netip.Addr{netip.MustParseAddr("10.0.0.7")}, nil
		case strings.HasPrefix(host, "half."):
			return []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("::1")}, nil
		case host == "moves.example.org":
			return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, nil
		}
		return nil, errors.New("no such name")
	}
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Addresses")
		add := func(url string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "addWebhookEndpoint", Token: c.Admin.Token, Body: map[string]any{"url": url}})
		}
		for _, url := range []string{
			"https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/",
			"https://[64:ff9b::a00:1]/", "https://192.168.0.1:8443/", "https://inside.example.org/", "https://half.example.org/", "http://hooks.example.org/",
			"https://user:pass@hooks.example.org/", "https://hooks.example.org/#x", "https://hooks.example.org:22/", "ftp://hooks.example.org/", "https:///nothing",
		} {
			a := add(url)
			if a.Status != 400 {
				t.Errorf("%s: %d", url, a.Status)
			}
			if bytes.Contains(a.Body, []byte("10.0.0.7")) || bytes.Contains(a.Body, []byte("pass")) {
				t.Errorf("%s: the answer says what it leads to: %s", url, a.Body)
			}
		}
		inside.Store(false)
		a := add("https://moves.example.org/")
		expect(t, "a public one", a, 201, "")
		expect(t, "one that does not resolve yet", add("https://hooks.example.org/"), 201, "")
		inside.Store(true)
		s.Pass(t, 0)
		d := s.Must(t, apitest.Call{Operation: "listDeliveries", Token: c.Admin.Token, Query: "webhookEndpointId=" + a.Text("webhookEndpoint", "id")}).Items()
		if len(d) != 1 || d[0]["failure"] != "address" {
			t.Errorf("one that leads inside when it is called: %v", d)
		}
		moved := apitest.Call{Operation: "updateWebhookEndpoint", Token: c.Admin.Token, Path: map[string]string{"webhookEndpointId": a.Text("webhookEndpoint", "id")},
			Body: map[string]any{"url": "https://inside.example.org/"}}
		expect(t, "another URL", s.Do(t, moved), 400, "invalid_request")
	}, func(c *api.Config) { c.WebhookAllow, c.Resolve = nil, names })
}

// TestRotation: while a secret is rotated no message is lost, and each can be verified by who knows the old one, until it ends, or the new one.
func TestRotation(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Rotation")
		patients := []*apitest.Person{c.Patient(t, "One")}
		r := proven(t, c, fine)
		before := r.secrets[0]
		ids := happen(t, c, patients, 2, 1)
		s.Pass(t, 0)
		after := r.do(t, "rotateWebhookSecret", map[string]any{"previousValidHours": 2}).Text("secret")
		ids = append(ids, happen(t, c, patients, 2, 1)...)
		s.Pass(t, time.Hour)
		r.trusts(after)
		ids = append(ids, happen(t, c, patients, 2, 1)...)
		s.Pass(t, time.Hour+time.Minute)
		r.complete(t, "rotated", ids)
		for i, m := range r.got() {
			old, current := webhook.Verify(m.header, m.body, m.at, before) == nil, webhook.Verify(m.header, m.body, m.at, after) == nil
			if wantOld, wantNew := i < 4, i >= 2; old != wantOld || current != wantNew {
				t.Errorf("message %d: old %v, new %v", i, old, current)
			}
		}
		last := r.do(t, "rotateWebhookSecret", map[string]any{"previousValidHours": 0}).Text("secret")
		r.trusts(last)
		happen(t, c, patients, 1, 1)
		s.Pass(t, 0)
		got := r.got()
		if m := got[len(got)-1]; webhook.Verify(m.header, m.body, m.at, after) == nil || r.doubted() > 0 {
			t.Errorf("a secret that has ended at once still signs; %d unsigned", r.doubted())
		}
	})
}

// TestReplay: a range is sent again, with the ids that the messages had, what is older than the endpoint too.
func TestReplay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Replay")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		older := happen(t, c, patients, 4, 2)
		r := proven(t, c, fine)
		ids := append(older, happen(t, c, patients, 4, 2)...)
		s.Pass(t, 0)
		if n := len(r.got()); n != 8 {
			t.Errorf("%d messages of 8 events since it was added", n)
		}
		first := map[string]string{}
		for _, m := range r.got() {
			first[m.event.ID] = m.header.Get(webhook.HeaderID)
		}
		call := apitest.Call{Operation: "replayDeliveries", Token: c.Admin.Token, Path: map[string]string{"webhookEndpointId": r.id},
			Body: map[string]any{"fromNumber": 1, "toNumber": 9999}, Header: map[string]string{"Idempotency-Key": "again"}}
		for range 2 { // the same intention
			if a := s.Must(t, call); a.JSON("deliveries") != 16.0 {
				t.Errorf("replayed %s", a.Body)
			}
		}
		r.mu.Lock()
		r.messages = nil
		r.mu.Unlock()
		s.Pass(t, 0)
		r.complete(t, "replayed", ids)
		if n := len(r.got()); n != 16 {
			t.Errorf("%d messages of a replay of 16", n)
		}
		for _, m := range r.got() {
			if id := first[m.event.ID]; id != "" && id != m.header.Get(webhook.HeaderID) {
				t.Errorf("%s comes under another id", m.event.ID)
			}
		}
		call.Body, call.Header = map[string]any{"fromNumber": 1, "toNumber": 9999, "eventTypes": []string{"staff.added"}}, nil
		if a := s.Must(t, call); a.JSON("deliveries") != 0.0 {
			t.Errorf("of a type that it does not want: %s", a.Body)
		}
		call.Body = map[string]any{"fromNumber": 5, "toNumber": 4}
		expect(t, "an empty range", s.Do(t, call), 400, "invalid_request")
		call.Body = map[string]any{"fromNumber": 1, "toNumber": 10001}
		expect(t, "a long range", s.Do(t, call), 400, "invalid_request")
	})
}
