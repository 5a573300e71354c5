package process_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// toLoopback lets servers send webhooks to tests.
const toLoopback = "WEBHOOK_ALLOW_CIDR=127.0.0.0/8"

// partner is somebody who gets a clinic's webhooks. It takes a moment for each, and has not taken one whose sender
// leaves meanwhile.
type partner struct {
	t      *testing.T
	url    string
	secret atomic.Pointer[string]
	slow   time.Duration

	onTheWay atomic.Int32 // messages that are being worked on

	mu    sync.Mutex
	busy  chan struct{}     // while it is there nothing is taken; closed when that is over
	taken []string          // events, in the order in which they were taken first
	ids   map[string]string // of their messages
	again int               // messages that had been taken
	left  int               // messages whose sender was gone
}

// partner adds an endpoint for measurements to a clinic, and waits until it has proven itself.
func (c *clinic) partner(t *testing.T, slow time.Duration) *partner {
	t.Helper()
	p := &partner{t: t, slow: slow, ids: map[string]string{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	added := good(c.admin.AddWebhookEndpointWithResponse(t.Context(), &client.AddWebhookEndpointParams{IdempotencyKey: key()}, client.WebhookEndpointInput{
		URL: p.url, EventTypes: &[]client.EventType{client.EventTypeMeasurementRecorded},
	}))(t).JSON201
	p.secret.Store(&added.Secret)
	within(t, 30*time.Second, "the endpoint is active", func() bool {
		shown := good(c.admin.ShowWebhookEndpointWithResponse(t.Context(), added.WebhookEndpoint.ID, nil))(t).JSON200
		return shown.Status == client.WebhookStatusActive
	})
	return p
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m struct{ ID, Challenge string }
	if err != nil || json.Unmarshal(body, &m) != nil {
		return // cut
	}
	if m.Challenge != "" {
		_, _ = io.WriteString(w, m.Challenge)
		return
	}
	at, err := strconv.ParseInt(r.Header.Get(webhook.HeaderTimestamp), 10, 64) // the servers' clocks are ahead
	if err != nil || webhook.Verify(r.Header, body, time.Unix(at, 0), *p.secret.Load()) != nil {
		p.t.Errorf("a message that nobody can believe: %s", body)
		return
	}
	p.onTheWay.Add(1)
	defer p.onTheWay.Add(-1)
	time.Sleep(rand.N(p.slow))
	select {
	case <-p.free():
		p.take(m.ID, r.Header.Get(webhook.HeaderID))
	case <-r.Context().Done():
		p.mu.Lock()
		p.left++
		p.mu.Unlock()
	}
}

// free is closed when messages are taken.
func (p *partner) free() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy == nil {
		free := make(chan struct{})
		close(free)
		return free
	}
	return p.busy
}

// hold has it take nothing until release.
func (p *partner) hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = make(chan struct{})
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(p.busy)
		p.busy = nil
	}
}

func (p *partner) take(event, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.ids[event] {
	case "":
		p.taken = append(p.taken, event)
		p.ids[event] = id
	case id:
		p.again++
	default:
		p.t.Errorf("event %s comes as %s and as %s", event, p.ids[event], id)
	}
}

func (p *partner) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.taken)
}

// complete fails unless it has every event that the clinic can list, each patient's in their order.
func (p *partner) complete(t *testing.T, c *clinic) {
	t.Helper()
	of := map[string]string{}
	params := client.ListEventsParams{Limit: new(200), Type: &[]client.EventType{client.EventTypeMeasurementRecorded}}
	for e, err := range c.clinician.Events(t.Context(), params) {
		if err != nil {
			t.Fatal(err)
		}
		of[e.ID] = e.PatientID.String()
		if p.ids[e.ID] == "" {
			t.Errorf("event %s has not come", e.ID)
		}
	}
	if len(p.taken) != len(of) {
		t.Errorf("%d events have come of %d", len(p.taken), len(of))
	}
	last := map[string][2]int64{}
	for _, id := range p.taken {
		var at [2]int64
		if _, err := fmt.Sscanf(id, "%d-%d", &at[0], &at[1]); err != nil {
			t.Fatal(err)
		}
		before := last[of[id]]
		if at[0] < before[0] || at[0] == before[0] && at[1] < before[1] {
			t.Errorf("%v comes after %v of the same patient", at, before)
		}
		last[of[id]] = at
	}
}

// TestKillWhileSending: servers that are killed in the middle of sending lose nothing for who receives: each event comes, each
// patient's in their order, and then nothing is pending.
func TestKillWhileSending(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const cycles, patients = 20, 4
		serve := func() *process { return s.serve(t, "TEST_CLOCK=1", toLoopback) }
		servers := []*process{serve()}
		if s.postgres() {
			servers = append(servers, serve(), serve()) // they take over from each other
		}
		c := s.open(t, servers[0].URL)
		all := &cluster{urls: make([]string, len(servers))}
		for i, p := range servers {
			all.set(i, p.URL)
		}
		receiver := c.partner(t, 40*time.Millisecond)
		var stop atomic.Bool
		var busy sync.WaitGroup
		for range patients {
			who := all.join(t, c.patient(t))
			busy.Go(func() { weighAgain(t, who, &stop) })
		}
		var ahead time.Duration
		// advance has what a killed server was sending become free: all clocks have gone on by then.
		advance := func() {
			ahead += 61 * time.Second
			var moved sync.WaitGroup
			for _, p := range servers {
				moved.Go(func() { p.move(t, 61*time.Second) })
			}
			moved.Wait()
		}
		for cycle := range cycles {
			until := receiver.count() + 1 + rand.IntN(8)
			within(t, 30*time.Second, "messages come", func() bool { return receiver.count() >= until })
			release := func() {}
			if rand.IntN(2) == 0 { // what is on its way is not taken before its sender is gone
				release = receiver.hold()
				within(t, 30*time.Second, "a message waits", func() bool { return receiver.onTheWay.Load() > 0 })
			}
			time.Sleep(rand.N(50 * time.Millisecond))
			i := cycle % len(servers)
			servers[i].kill()
			release()
			servers[i] = serve()
			servers[i].move(t, ahead)
			all.set(i, servers[i].URL)
			advance()
		}
		stop.Store(true)
		busy.Wait()
		within(t, 30*time.Second, "everything has its number", func() bool { return s.rows(t, "journal WHERE seq IS NULL") == 0 })
		open := func() int {
			return s.rows(t, "deliveries WHERE status = 'pending'") +
				s.rows(t, "journal j JOIN webhook_positions p ON p.clinic_id = j.clinic_id WHERE j.outcome = 'done' AND j.seq > p.entry_number")
		}
		for end := time.Now().Add(time.Minute); open() > 0 && time.Now().Before(end); {
			advance()
			for moment := time.Now().Add(2 * time.Second); open() > 0 && time.Now().Before(moment); {
				time.Sleep(20 * time.Millisecond)
			}
		}
		if n := open() + s.rows(t, "deliveries WHERE status <> 'succeeded'"); n > 0 {
			t.Errorf("%d messages have not been delivered", n)
		}
		c.clinician = c.clinician.at(t, servers[0].URL)
		receiver.complete(t, c)
		t.Logf("%d events in %d cycles; %d messages whose sender was gone, %d came again", receiver.count(), cycles, receiver.left, receiver.again)
		if receiver.left == 0 {
			t.Error("nobody was killed while sending")
		}
	})
}

// weighAgain has a patient tell a weight now and then, each until it is taken.
func weighAgain(t *testing.T, who *person, stop *atomic.Bool) {
	for !stop.Load() {
		in := weight(time.Now(), 70_000)
		a, _, _, err := insist(func() (*http.Response, error) { return who.RecordMeasurement(t.Context(), who.id, nil, in) })
		for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			a, _, _, err = insist(func() (*http.Response, error) { return who.RecordMeasurement(t.Context(), who.id, nil, in) })
		}
		if err != nil || a.Status > 299 {
			t.Errorf("a weight: %+v, %v", a, err)
			return
		}
		time.Sleep(rand.N(500 * time.Millisecond))
	}
}
