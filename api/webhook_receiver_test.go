package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// behaviour is what a receiver does with its n-th message, counted from 1; it reports whether it has taken it.
type behaviour func(n int, w http.ResponseWriter, r *http.Request) bool

// receiver is somebody who gets webhooks: a real server on loopback, which believes what is signed.
type receiver struct {
	t        *testing.T
	clinic   *apitest.Clinic
	address  string
	id       string // of the endpoint
	server   *http.Server
	mu       sync.Mutex
	version  string
	secrets  []string
	behave   behaviour
	messages []received
	calls    int
	unsigned int // messages that no known secret has signed
}

// received is a message as it came.
type received struct {
	header http.Header
	body   []byte
	taken  bool
	at     time.Time
	event  wireEvent
}

// wireEvent is what a message says.
type wireEvent struct {
	ID, Type, Challenge, PatientID string
	Number                         int64
	Record                         struct {
		Type, ID string
		Version  int64
	}
}

// fine takes every message.
func fine(_ int, w http.ResponseWriter, _ *http.Request) bool {
	w.WriteHeader(http.StatusNoContent)
	return true
}

// receive adds an endpoint to a clinic that behaves like that from when it has proven itself; it has not yet.
func receive(t *testing.T, c *apitest.Clinic, behave behaviour, types ...string) *receiver {
	t.Helper()
	r := &receiver{t: t, clinic: c, behave: behave}
	r.open(nil)
	t.Cleanup(func() { r.close() })
	a := c.Site.Must(t, apitest.Call{Operation: "addWebhookEndpoint", Token: c.Admin.Token, Body: map[string]any{
		"url": "http://" + r.address + "/titrate", "eventTypes": append([]string{}, types...),
	}})
	r.id, r.version = a.Text("webhookEndpoint", "id"), a.Header.Get("ETag")
	r.knows(a.Text("secret"))
	return r
}

// open listens, on the same port as before, with a handler of somebody else's if there is one.
func (r *receiver) open(handler http.Handler) {
	r.t.Helper()
	if r.address == "" {
		r.address = testbed.OwnAddress(r.t)
	}
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	if handler == nil {
		handler = r
	}
	r.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(l) }()
}

// close refuses connections from now on.
func (r *receiver) close() { _ = r.server.Close() }

func (r *receiver) knows(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, secrets...)
}

// trusts replaces the secrets that it knows.
func (r *receiver) trusts(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = secrets
}

// doubted is how many messages no secret has signed that it knew.
func (r *receiver) doubted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unsigned
}

// all are the messages so far.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

func (r *receiver) does(behave behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = behave
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	m := received{header: q.Header.Clone(), body: body, at: r.clinic.Site.Clock.Now()}
	_ = json.Unmarshal(body, &m.event)
	r.mu.Lock()
	r.calls++
	n, behave := r.calls, r.behave
	if webhook.Verify(q.Header, body, m.at, r.secrets...) != nil {
		r.unsigned++
	}
	r.messages = append(r.messages, m)
	place := len(r.messages) - 1
	r.mu.Unlock()
	taken := true
	if m.event.Challenge != "" {
		_, _ = io.WriteString(w, m.event.Challenge+"\n")
	} else {
		taken = behave(n, w, q)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages[place].taken = taken
}

// got are the messages so far of events, tests included, that were taken.
func (r *receiver) got() (list []received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if m.event.Challenge == "" && m.taken {
			list = append(list, m)
		}
	}
	return list
}

// tried is how many messages have come.
func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// status is what the API says about the endpoint.
func (r *receiver) status(t *testing.T) string {
	t.Helper()
	a := r.do(t, "showWebhookEndpoint", nil)
	r.version = a.Header.Get("ETag")
	return fmt.Sprint(a.JSON("status"), " ", a.JSON("disabledReason"))
}

// do calls an operation on the endpoint as the clinic's admin.
func (r *receiver) do(t *testing.T, operation string, body any) apitest.Answer {
	t.Helper()
	call := apitest.Call{Operation: operation, Token: r.clinic.Admin.Token, Path: map[string]string{"webhookEndpointId": r.id}, Body: body}
	if op, _ := apitest.Contract(t).Operation(operation); op.Kind == "decision" {
		call.Header = map[string]string{"If-Match": r.version}
	}
	a := r.clinic.Site.Must(t, call)
	if etag := a.Header.Get("ETag"); etag != "" {
		r.version = etag
	}
	return a
}

// deliveries are what the API lists for the endpoint, newest first.
func (r *receiver) deliveries(t *testing.T, query string) []map[string]any {
	t.Helper()
	return r.clinic.Site.Must(t, apitest.Call{
		Operation: "listDeliveries", Token: r.clinic.Admin.Token, Query: "limit=200&webhookEndpointId=" + r.id + query,
	}).Items()
}

// complete checks that every event has come, each patient's in their order, and all of it signed.
func (r *receiver) complete(t *testing.T, name string, want []string) {
	t.Helper()
	seen, last := map[string]bool{}, map[string][2]int64{}
	for _, m := range r.got() {
		if seen[m.event.ID] {
			continue // at least once
		}
		seen[m.event.ID] = true
		var position int64
		if _, err := fmt.Sscanf(m.event.ID, fmt.Sprint(m.event.Number)+"-%d", &position); err != nil {
			t.Fatalf("%s: event %s of number %d", name, m.event.ID, m.event.Number)
		}
		place, before := [2]int64{m.event.Number, position}, last[m.event.PatientID]
		if m.event.PatientID != "" && slices.Compare(place[:], before[:]) < 0 {
			t.Errorf("%s: %v after %v of the same patient", name, place, before)
		}
		last[m.event.PatientID] = place
	}
	missing := 0
	for _, id := range want {
		if !seen[id] {
			missing++
		}
	}
	if missing > 0 || len(seen) != len(want) {
		t.Errorf("%s: %d events have come, %d of %d are missing", name, len(seen), missing, len(want))
	}
	if n := r.doubted(); n > 0 {
		t.Errorf("%s: %d messages without a valid signature", name, n)
	}
}

// open opens a site's database past the API.
func open(t *testing.T, s *apitest.Site) *store.DB {
	t.Helper()
	dsn := s.Config.DatabaseURL
	if dsn == "" {
		dsn = filepath.Join(s.Config.Data, "titrate.db")
	}
	return storetest.Open(t, store.Options{DSN: dsn, Now: s.Clock.Now, Sign: api.Seals(s.Server)})
}

// happen writes events of patients into the journal, several in each entry, and returns their ids once they have numbers.
func happen(t *testing.T, c *apitest.Clinic, patients []*apitest.Person, entries, each int) (ids []string) {
	t.Helper()
	db := open(t, c.Site)
	scope := store.Scope{Clinic: c.ID, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "test", RequestID: uuid.NewString()}
	for i := range entries {
		err := db.Update(t.Context(), scope, func(tx *store.Tx) error {
			_, err := tx.LockPatient(store.Ref{Param: "patientId", ID: patients[i%len(patients)].ID})
			for range each {
				tx.Note("session.missed", "sessions", tx.NewID())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for {
		b, err := db.Sequence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b.Entries == 0 && !b.Busy {
			break
		}
	}
	err := db.View(t.Context(), scope, func(tx *store.Tx) error {
		for after := int64(0); ; {
			rows, err := tx.Entries(after, uuid.Nil, 1000)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, e := range rows {
				for position := range e.Events {
					if e.RequestID == scope.RequestID {
						ids = append(ids, fmt.Sprintf("%d-%d-%x", *e.Seq, position, e.ID[10:]))
					}
				}
			}
			after = *rows[len(rows)-1].Seq
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
