package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// cluster is the servers of a site as they come and go. Requests go to one that was alive a
// moment ago.
type cluster struct {
	mu   sync.Mutex
	urls []string
}

func (c *cluster) set(i int, url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.urls[i] = url
}

func (c *cluster) any() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.urls[rand.IntN(len(c.urls))]
}

// join is a person at whichever server there is.
func (c *cluster) join(t *testing.T, who *person) *person {
	t.Helper()
	roaming, err := client.New(c.any(), client.Token(who.token), client.WithHTTPClient(network(t)),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			url, err := r.URL.Parse(c.any())
			if err == nil {
				r.URL.Host, r.Host = url.Host, ""
			}
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	return &person{ClientWithResponses: roaming, id: who.id, token: who.token}
}

// writer decides and records about one patient without a pause. What it was answered is all it
// knows; a request without an answer it repeats as it was, until there is one.
type writer struct {
	t         *testing.T
	clinician *person
	patient   *person
	session   uuid.UUID

	etag      string // of the patient
	number    string
	decisions int
	facts     []string
	unknown   int // requests whose first outcome nobody knows
	replayed  int // of them, those that had been done
}

func (w *writer) work(stop *atomic.Bool, done *atomic.Int64) {
	for n := 0; !stop.Load(); n++ {
		once, etag, number := key(), w.etag, fmt.Sprintf("+1212%07d", n)
		a, ok := w.settle(func() (*http.Response, error) {
			return phoneNumber(w.t, w.clinician, w.patient.id, once, etag, number)
		})
		if !ok || a.Status != 200 { // 412: an acknowledged decision was lost, or this one was done twice
			w.t.Errorf("decision %d on %s: %+v", n, etag, a)
			return
		}
		w.etag, w.number, w.decisions = a.ETag, number, w.decisions+1

		in := vitals(time.Now(), 100+n%40, 70)
		a, ok = w.settle(func() (*http.Response, error) {
			return w.patient.RecordVitals(w.t.Context(), w.session, nil, in)
		})
		if !ok || a.Status != 200 && a.Status != 201 {
			w.t.Errorf("fact %d: %+v", n, a)
			return
		}
		w.facts = append(w.facts, in.ID.String())
		done.Add(2)
	}
}

func (w *writer) settle(send func() (*http.Response, error)) (a answer, ok bool) {
	unknown := false
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		a, replayed, err := ask(send())
		known, refused := problem.Lookup(a.Code)
		if err == nil && (!refused || !known.Retryable) {
			if unknown && replayed {
				w.replayed++
			}
			return a, true
		}
		if !unknown && (err != nil && !errors.Is(err, syscall.ECONNREFUSED) || a.Code == problem.OutcomeUnknown) {
			unknown = true
			w.unknown++
		}
	}
	return a, false
}

// What was acknowledged is there, once, after the server was killed; what was not is there once
// after its repetition.
func TestKill(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const cycles, writers = 20, 5
		kept := filepath.Join(t.TempDir(), "checkpoints.jsonl")
		serve := func() *process { return s.serve(t, "CHECKPOINT_FILE="+kept) }
		servers := []*process{serve()}
		if s.postgres() {
			servers = append(servers, serve()) // one goes on while the other is killed
		}
		c := s.open(t, servers[0].URL)
		all := &cluster{urls: make([]string, len(servers))}
		for i, p := range servers {
			all.set(i, p.URL)
		}
		var list []*writer
		for range writers {
			co := c.course(t, time.Now())
			list = append(list, &writer{
				t: t, clinician: all.join(t, c.clinician), patient: all.join(t, co.patient), etag: `"2"`,
				session: co.session(t, time.Now().Add(time.Hour)),
			})
		}
		var stop atomic.Bool
		var done atomic.Int64 // requests that were answered
		var busy sync.WaitGroup
		for _, w := range list {
			busy.Go(func() { w.work(&stop, &done) })
		}
		reader := s.follow(t)
		for cycle := range cycles {
			until := done.Load() + 2 + rand.Int64N(24)
			within(t, 20*time.Second, "work goes on", func() bool { return done.Load() >= until })
			i := cycle % len(servers)
			servers[i].kill()
			servers[i] = serve()
			all.set(i, servers[i].URL)
		}
		stop.Store(true)
		busy.Wait()
		reader.end(s)
		s.env = append(s.env, "CHECKPOINT_FILE="+kept)
		s.sound(t)

		decisions, facts, unknown, replayed := 0, 0, 0, 0
		for _, w := range list {
			decisions, facts, unknown, replayed = decisions+w.decisions, facts+len(w.facts), unknown+w.unknown, replayed+w.replayed
			w.check(t)
		}
		for what, n := range map[string][2]int{
			"entries of decisions": {s.entries(t, "updatePatient"), decisions},
			"entries of facts":     {s.entries(t, "recordVitals"), facts},
			"facts":                {s.rows(t, "session_facts"), facts},
			"versions of patients": {s.rows(t, "history WHERE record = 'patients'"), s.number(t, "SELECT sum(version) FROM patients")},
			"versions of sessions": {s.rows(t, "history WHERE record = 'sessions'"), s.number(t, "SELECT sum(version) FROM sessions")},
		} {
			if n[0] != n[1] {
				t.Errorf("%d %s, want %d", n[0], what, n[1])
			}
		}
		t.Logf("%d decisions and %d facts in %d cycles; %d without an answer, %d of them done", decisions, facts, cycles, unknown, replayed)
		if unknown < cycles/4 || decisions < cycles {
			t.Error("too little happened to prove anything")
		}
	})
}

// check compares what is there with what the writer was told.
func (w *writer) check(t *testing.T) {
	t.Helper()
	patient := good(w.clinician.ShowPatientWithResponse(t.Context(), w.patient.id, nil))(t).JSON200
	if patient.Version != int64(2+w.decisions) || *patient.Phone != w.number {
		t.Errorf("patient at version %d with %s, want %d with %s", patient.Version, *patient.Phone, 2+w.decisions, w.number)
	}
	session := good(w.clinician.ShowSessionWithResponse(t.Context(), w.session, nil))(t).JSON200
	var got []string
	for _, v := range *session.Vitals {
		got = append(got, v.ID.String())
	}
	slices.Sort(got)
	slices.Sort(w.facts)
	if diff := cmp.Diff(w.facts, got); diff != "" {
		t.Errorf("facts (-acknowledged +there):\n%s", diff)
	}
}
