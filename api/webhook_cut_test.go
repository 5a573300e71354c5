package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// mirror is a partner's service that keeps a copy of a clinic's records by its webhooks: each message says which
// record has changed, and it reads that. Its process crashes: what it had not stored by then is lost, and so is
// the answer.
type mirror struct {
	*receiver
	token string // that it reads with
	line  weakWire

	mu      sync.Mutex
	process *http.Server // nil: nobody listens
	port    net.Listener
	life    int // how often its process has ended

	// What it has stored, in one transaction for each message.
	seen   map[string]string // the event of each message, by its id
	sent   map[string]string // the id of each event's message
	last   map[string]turn   // the last event of each patient
	copies map[string]any    // records as they were shown, by type and id
	again  int               // messages that it had stored already
}

// turn is where an event stands in the clinic's journal: by its number, and in the operation.
type turn [2]int64

func turnOf(t testing.TB, e wireEvent) (p turn) {
	t.Helper()
	if _, err := fmt.Sscanf(e.ID, "%d-%d", &p[0], &p[1]); err != nil || p[0] != e.Number {
		t.Errorf("event %s has the number %d", e.ID, e.Number)
	}
	return p
}

// mirrored adds a mirror to a clinic, for events of those types.
func mirrored(t *testing.T, c *apitest.Clinic, types []string) *mirror {
	t.Helper()
	m := &mirror{
		receiver: proven(t, c, fine, types...), token: c.Prescriber.Token,
		seen: map[string]string{}, last: map[string]turn{}, copies: map[string]any{}, sent: map[string]string{},
	}
	m.close()
	m.begin()
	t.Cleanup(m.crash)
	return m
}

// begin starts its process, unless it runs. If somebody else has the port at that moment, it is away a little longer.
func (m *mirror) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil {
		return
	}
	l, err := new(net.ListenConfig).Listen(m.t.Context(), "tcp", m.address)
	if err != nil {
		return
	}
	p := &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	p.SetKeepAlivesEnabled(false)
	m.process, m.port = p, l
	go func() { _ = p.Serve(weakPort{l, &m.line}) }()
}

// crash ends it in the middle of whatever it does.
func (m *mirror) crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		return
	}
	m.life++
	_, _ = m.port.Close(), m.process.Close()
	m.process = nil
}

// now is its life: what was begun in an earlier one comes to nothing.
func (m *mirror) now() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.life
}

// ServeHTTP takes a message: it believes what is signed, reads the record, stores both, and only then answers.
func (m *mirror) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	life := m.now()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	var e wireEvent
	if err := json.Unmarshal(body, &e); err != nil || webhook.Verify(q.Header, body, m.clinic.Site.Clock.Now(), m.secrets...) != nil {
		m.t.Errorf("a message that nobody can believe: %s", body)
		return
	}
	id := q.Header.Get(webhook.HeaderID)
	if !m.known(id, e) {
		record := showRecord(m.t, m.clinic.Site, m.token, e.Record.Type, e.Record.ID, e.PatientID)
		if version, ok := record["version"].(float64); ok && int64(version) < e.Record.Version {
			m.t.Errorf("event %s is of version %d, and what is shown after it has %g", e.ID, e.Record.Version, version)
		}
		if m.line.weak.Load() && rand.IntN(40) == 0 {
			m.line.cut("by a crash")
			m.crash()
			if rand.IntN(2) == 0 {
				m.begin()
			}
		}
		if !m.store(life, id, e, record) {
			return
		}
	}
	_, _ = io.WriteString(w, "stored")
}

// known reports whether a message was stored before. No patient's event comes after a later one of the same patient was
// stored, and each has one message.
func (m *mirror) known(id string, e wireEvent) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, last := turnOf(m.t, e), m.last[e.PatientID]
	if slices.Compare(at[:], last[:]) < 0 {
		m.t.Errorf("%v comes after %v of the same patient", at, last)
	}
	event, known := m.seen[id]
	if other := m.sent[e.ID]; other != "" && other != id || known && event != e.ID {
		m.t.Errorf("event %s comes as %s and as %s", e.ID, id, other)
	}
	if known {
		m.again++
	}
	return known
}

// store keeps a message and its record, if the process that has begun it still lives.
func (m *mirror) store(life int, id string, e wireEvent, record map[string]any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life != life {
		return false
	}
	if m.seen[id] == "" { // the same message may still be worked on from before
		m.seen[id], m.sent[e.ID], m.last[e.PatientID] = e.ID, id, turnOf(m.t, e)
		if m.copies[e.Record.Type+" "+e.Record.ID] = record; record == nil {
			delete(m.copies, e.Record.Type+" "+e.Record.ID)
		}
	}
	return true
}

// showRecord is a record as the API shows it to somebody; nil if it does not.
func showRecord(t testing.TB, s *apitest.Site, token, word, id, patient string) map[string]any {
	t.Helper()
	show := copied[word].show
	if !strings.HasPrefix(show, "list") {
		a := s.Send(t, apitest.Call{Operation: show, Token: token, Path: map[string]string{word + "Id": id}})
		record, _ := a.JSON().(map[string]any)
		if a.Status != http.StatusOK {
			return nil
		}
		return record
	}
	call := apitest.Call{Operation: show, Token: token, Path: map[string]string{"patientId": patient}, Query: "limit=200"}
	for {
		a := s.Send(t, call)
		for _, item := range a.Items() {
			if item["id"] == id {
				return item
			}
		}
		if a.Status != http.StatusOK || a.Text("nextCursor") == "" {
			return nil
		}
		call.Query = "limit=200&cursor=" + a.Text("nextCursor")
	}
}

// same compares what it has with what the server has: all events that its filter names, and their records as they are shown now.
func (m *mirror) same(t *testing.T, db testbed.Database, reader *apitest.Person, types []string) {
	t.Helper()
	var want []string
	named, patients := map[string]bool{}, map[string]bool{}
	for e, err := range reader.Events(t.Context(), client.ListEventsParams{Limit: new(200)}) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(types, string(e.Type)) {
			want = append(want, e.ID)
			named[string(e.Record.Type)+" "+e.Record.ID.String()] = true
			patients[e.PatientID.String()] = true
		}
	}
	got := slices.Collect(maps.Values(m.seen))
	if lost, more := without(want, got), without(got, want); len(lost)+len(more) > 0 {
		t.Fatalf("of %d events it lacks %v, and has %v that nobody has listed", len(want), lost, more)
	}
	records := map[string]any{}
	for patient := range patients {
		for key, record := range chartOf(t, m.clinic.Site, db, patient, m.token) {
			if named[key] {
				records[key] = record
			}
		}
	}
	for _, all := range []map[string]any{records, m.copies} {
		for key, record := range all {
			// What follows from a day that has come, or from a text that was retired, is no version of the record, and here no event.
			if strings.HasPrefix(key, "medication ") || strings.HasPrefix(key, "consent ") {
				delete(record.(map[string]any), "status")
			}
		}
	}
	sameAs(t, "the receiver", records, m.copies)
}

// TestReceiverCutOff: a receiver that is cut off a thousand times, before, in and after its work, whose process crashes and is away
// for a while, has in the end all events that it has asked for, each patient's in their order, and the records as they are.
func TestReceiverCutOff(t *testing.T) {
	var types []string
	for name, table := range api.EventTypes {
		if word := api.Records()[table][0]; copied[word].table != "" && word != "alert" { // not all that happens
			types = append(types, name)
		}
	}
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Mirror")
		m := mirrored(t, c, types)
		random, done := rand.New(rand.NewPCG(3, 5)), map[string]int{}
		var charts []*traffic
		for _, begin := range []string{"reviewSession", "overrideHold", "applyAdjustment", "snoozeAlert"} {
			charts = append(charts, &traffic{Scene: c.For(t, begin), db: db, random: random, done: done})
		}
		var others []*apitest.Person
		for i := range 24 {
			others = append(others, c.Patient(t, fmt.Sprintf("Lindqvist %d", i)))
		}
		left := func(which string) string {
			return db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM deliveries WHERE `+which)[0]
		}
		for m.line.count() < 1000 {
			for range 2 {
				charts[random.IntN(len(charts))].one(t)
			}
			for range 10 {
				medicate(t, s, others[random.IntN(len(others))])
			}
			// The server gives up one day: what has failed again and again is due on a line that holds.
			m.line.weak.Store(left(`status = 'pending' AND attempts >= 7`) == "0")
			if m.line.weak.Load() && random.IntN(12) == 0 {
				m.line.cut("nobody listens")
				m.crash()
			}
			s.Pass(t, []time.Duration{10 * time.Second, 6 * time.Minute, 40 * time.Minute, 3 * time.Hour}[random.IntN(4)])
			m.begin()
		}
		m.line.weak.Store(false)
		for range 100 {
			s.Pass(t, time.Hour)
			if m.begin(); left(`status = 'pending'`) == "0" {
				break
			}
		}
		if got := m.status(t); got != "active <nil>" || left(`status <> 'succeeded'`) != "0" {
			t.Errorf("it is %s, and %s messages have not been delivered", got, left(`status <> 'succeeded'`))
		}
		m.same(t, db, c.Prescriber, types)
		t.Logf("cuts: %v; %d of %d events came again; %v", m.line.cuts, m.again, len(m.seen), done)
		if len(m.line.cuts) < 6 || m.again == 0 || len(done) < 20 {
			t.Error("too little happened to prove anything")
		}
	})
}

// medicate has a patient tell of a medicine.
func medicate(t *testing.T, s *apitest.Site, patient *apitest.Person) {
	t.Helper()
	s.Send(t, apitest.Call{Operation: "recordMedication", Token: patient.Token, Path: map[string]string{"patientId": patient.ID.String()}, Body: map[string]any{
		"id": uuid.NewString(), "occurredAt": s.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app", "name": "Melatonin",
	}})
}
