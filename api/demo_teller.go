package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// obj is a JSON object of a request.
type obj = map[string]any

// teller brings the demo clinic about: it keeps everybody's appointments and lets them happen
// in the order of their times, each as requests to the server's own handler.
type teller struct {
	ctx   context.Context
	s     *Server
	clock *demoClock
	seed  uint64
	// today is midnight at the clinic. Nothing has happened after it.
	today time.Time
	// begun is when the clinic opened.
	begun  time.Time
	agenda []appointment

	passes   map[string]pass // by subject, like the next two
	rights   map[string][]member
	staff    map[string]string // ids
	protocol string            // its id
	texts    map[string]string // ids of the consents' newest texts, by kind
	release  treatment.ReleasePolicy
	sent     int
	worked   time.Time // when it was last seen to what time brings
	// err is the first thing that went wrong; after it nothing is sent any more.
	err error
}

// appointment is something that will happen.
type appointment struct {
	at time.Time
	do func()
}

// pass is somebody's token and when it has to be renewed.
type pass struct {
	token string
	until time.Time
}

// answer is what the story needs to know of an answer.
type answer struct {
	ID          string   `json:"id"`
	Version     int      `json:"version"`
	Kind        string   `json:"kind"`    // a consent text's
	Code        string   `json:"code"`    // an invitation's
	Ticket      string   `json:"ticket"`  // a support person's
	DraftID     string   `json:"draftId"` // an adjustment's prescription
	Rule        string   `json:"rule"`    // an alert's
	For         string   `json:"for"`     // a follow-up's
	Items       []answer `json:"items"`
	Memberships []struct {
		MemberID string `json:"memberId"`
	} `json:"memberships"`
	Staff      *answer `json:"staff"`
	Invitation *answer `json:"invitation"`
	etag       string
}

func newTeller(ctx context.Context, s *Server, clock *demoClock, seed uint64, today time.Time) *teller {
	return &teller{
		ctx: ctx, s: s, clock: clock, seed: seed, today: today, begun: today.AddDate(0, 0, firstDay).Add(9 * time.Hour),
		release: treatment.Default().Vitals.Release,
		passes:  map[string]pass{}, rights: map[string][]member{}, staff: map[string]string{}, texts: map[string]string{},
	}
}

// tell opens the clinic, gathers everybody's appointments and lets them happen.
func (t *teller) tell() error {
	t.clock.reach(t.begun)
	t.openClinic()
	t.reviseText("communication", "How we reach you", "We write to you in the app. We call when something cannot wait, and leave no message about your health.")
	t.publishSleep()
	t.tightenRules()
	t.addPatients()
	t.rounds()
	slices.SortStableFunc(t.agenda, func(a, b appointment) int { return a.at.Compare(b.at) })
	for _, a := range t.agenda {
		if t.err != nil {
			break
		}
		t.wait(a.at)
		a.do()
	}
	t.clock.reach(t.today)
	t.work()
	return t.err
}

// add puts something into the agenda, unless the story ends before it.
func (t *teller) add(at time.Time, do func()) {
	if at.Before(t.today) {
		t.agenda = append(t.agenda, appointment{at, do})
	}
}

// wait lets time pass until then. When it is later already, only a moment passes.
func (t *teller) wait(until time.Time) {
	if moment := t.clock.Now().Add(200 * time.Millisecond); until.Before(moment) {
		until = moment
	}
	t.clock.reach(until)
	if until.Sub(t.worked) >= time.Hour {
		t.work()
	}
}

// work does what time has brought about.
func (t *teller) work() {
	t.worked = t.clock.Now()
	if err := t.s.Work(t.ctx); err != nil && t.err == nil {
		t.err = err
	}
}

// get reads.
func (t *teller) get(as, path string) answer { return t.send(as, http.MethodGet, path, nil, nil) }

// plan makes a record that says what should happen.
func (t *teller) plan(as, path string, body any) answer {
	return t.send(as, http.MethodPost, path, http.Header{"Idempotency-Key": {t.key()}}, body)
}

// fact tells what happened.
func (t *teller) fact(as, method, path string, body any) answer {
	return t.send(as, method, path, nil, body)
}

// attest tells what happened in the words of the support person who has a ticket.
func (t *teller) attest(ticket, path string, body any) {
	t.send("a support person", http.MethodPost, path, http.Header{"Titrate-Ticket": {ticket}}, body)
}

// decide reads the record that path begins with, and acts on the version it has.
func (t *teller) decide(as, method, path string, body any) answer {
	noun, rest, _ := strings.Cut(path[1:], "/")
	id, _, _ := strings.Cut(rest, "/")
	record := t.get(as, "/"+noun+"/"+id)
	return t.send(as, method, path, http.Header{"If-Match": {record.etag}, "Idempotency-Key": {t.key()}}, body)
}

// key is an Idempotency-Key that no other request of the story has.
func (t *teller) key() string { return fmt.Sprintf("demo-%d", t.sent+1) }

// errBusy says that nothing was done: the machine was asleep, or has other things to do.
var errBusy = errors.New("unavailable")

// send sends a request in somebody's name. Whatever is not a success ends the story, but for what
// may go better a moment later.
func (t *teller) send(as, method, path string, header http.Header, body any) (a answer) {
	if t.err != nil {
		return a
	}
	t.sent++
	t.wait(t.clock.Now()) // no two requests at once
	a, t.err = t.try(as, method, path, header, body)
	for again := 0; again < 5 && errors.Is(t.err, errBusy) && t.ctx.Err() == nil; again++ {
		a, t.err = t.try(as, method, path, header, body)
	}
	if t.err != nil {
		t.err = fmt.Errorf("%s, %s: %s %s: %w", t.clock.Now().Format(time.DateTime), as, method, path, t.err)
	}
	return a
}

func (t *teller) try(as, method, path string, header http.Header, body any) (a answer, err error) {
	token := ""
	if header.Get("Titrate-Ticket") == "" {
		if token, err = t.pass(as); err != nil {
			return a, err
		}
		if err := t.recall(as); err != nil {
			return a, err
		}
	}
	q, err := inProcess(t.ctx, token, method, path, body)
	if err != nil {
		return a, err
	}
	maps.Copy(q.Header, header)
	q.Header.Set("X-Request-Id", fmt.Sprintf("demo-%d", t.sent))
	r := reply{header: http.Header{}}
	t.s.Handler().ServeHTTP(&r, q)
	switch {
	case r.status == http.StatusServiceUnavailable:
		return a, fmt.Errorf("%w: %s", errBusy, r.body.Bytes())
	case r.status > 299:
		return a, fmt.Errorf("%d %s", r.status, r.body.Bytes())
	}
	err = json.Unmarshal(r.body.Bytes(), &a)
	a.etag = r.header.Get("ETag")
	return a, err
}

// recall lets the server remember what somebody may do: by the story's clock its memory would
// be too old with every request. It has nothing to remember before they redeem an invitation.
func (t *teller) recall(subject string) (err error) {
	who := identity{Issuer: demoIssuer, Subject: subject}
	if len(t.rights[subject]) == 0 {
		t.rights[subject], err = t.s.members(t.ctx, who)
		return err
	}
	t.s.rights.put(who.hash(), t.rights[subject], t.clock.Now())
	return nil
}

// pass is somebody's token, renewed before it expires.
func (t *teller) pass(subject string) (string, error) {
	now := t.clock.Now()
	if p := t.passes[subject]; now.Before(p.until) {
		return p.token, nil
	}
	token, err := t.s.issuer.mint(subject, demoTokenLife, now)
	t.passes[subject] = pass{token, now.Add(demoTokenLife - time.Minute)}
	return token, err
}

// reply is an answer in memory: the http.ResponseWriter of a request that needs no network.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(status int)      { r.status = status }
func (r *reply) Write(p []byte) (int, error) { return r.body.Write(p) }

// inProcess makes a request that needs no network; path is what follows /v1.
func inProcess(ctx context.Context, token, method, path string, body any) (*http.Request, error) {
	var content []byte
	if body != nil {
		content = mustJSON(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost/v1"+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	switch {
	case method == http.MethodPatch:
		r.Header.Set("Content-Type", "application/merge-patch+json")
	case body != nil:
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}
