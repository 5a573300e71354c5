package api

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

const (
	// streamBatch is how many events a stream sends at a time. It looks at as many entries of the journal: a
	// thousand clients that come back at once must not need much memory.
	streamBatch = 200
	// streamReaders is how many streams look into the database at a time: one event may wake a thousand of
	// them, and other requests must not wait behind them for a connection.
	streamReaders = 4
	// streamsOfOne is how many streams a principal may hold open. Each costs memory, and a read with every event.
	streamsOfOne = 20
	// heartbeat is how often a stream says that it is alive.
	heartbeat = 15 * time.Second
	// streamCheck is how often a stream looks at its listener's rights after there was news. They may be
	// remembered for rightsAge: what is taken away is gone within five seconds.
	streamCheck = 5*time.Second - rightsAge
	// streamWrite is how long a client may take to accept what it is sent.
	streamWrite = 20 * time.Second
	// streamRetry is after what time clients are asked to come back.
	streamRetry = time.Second
)

// StreamTimes change how often streams do what they do, for tests. Zero values mean what is usual.
type StreamTimes struct{ Heartbeat, Check, Write, Retry time.Duration }

func (t StreamTimes) withDefaults() StreamTimes {
	return StreamTimes{cmp.Or(t.Heartbeat, heartbeat), cmp.Or(t.Check, streamCheck), cmp.Or(t.Write, streamWrite), cmp.Or(t.Retry, streamRetry)}
}

// StreamEvents sends what happens as soon as it has its number, from the place where an earlier stream
// broke off, from a number, or from now on. What cannot be read at first is refused like any request.
func (s *Server) StreamEvents(ctx context.Context, req oapi.StreamEventsRequestObject) (oapi.StreamEventsResponseObject, error) {
	p := req.Params
	st := &eventStream{
		s: s, call: callOf(ctx), clinic: orZero(p.TitrateClinic), role: string(orZero(p.TitrateRole)),
		times: s.cfg.Streams.withDefaults(),
	}
	st.now = time.Now
	st.doubt = s.now()
	// It ends when the client is gone, and when the server stops.
	var cancel context.CancelFunc
	st.ctx, cancel = context.WithCancel(ctx)
	forget := context.AfterFunc(s.streaming, cancel)
	st.end = func() { forget(); cancel() }
	st.begin = func(tx *store.Tx) (eventID, error) {
		switch {
		case p.LastEventID != nil:
			return resumed(tx, *p.LastEventID)
		case p.After != nil:
			return afterNumber(tx, *p.After)
		}
		here, err := tx.Here()
		return behind(here), err
	}
	var err error
	if st.found, err = st.read(); err != nil {
		st.end()
		return nil, err
	}
	return st, nil
}

// eventStream is one client that listens. It holds nothing of the database while it waits.
type eventStream struct {
	s      *Server
	ctx    context.Context
	end    func()
	call   *call
	clinic uuid.UUID // as the client has chosen it
	role   string
	times  StreamTimes
	now    func() time.Time // the machine's clock: nothing that is shown, but sockets' deadlines

	begin func(*store.Tx) (eventID, error)
	had   eventID // everything up to it was sent
	found eventBatch
	heard int64 // the last news
	sent  time.Time
	doubt time.Time // the server's time of the last news, until rights were read that are newer; zero: nothing can have changed them
}

// read looks for what has come. That somebody is shown it is recorded before it is sent; so is the opening.
func (st *eventStream) read() (found eventBatch, err error) {
	select {
	case st.s.readers <- struct{}{}:
		defer func() { <-st.s.readers }()
	case <-st.ctx.Done():
		return found, st.ctx.Err()
	}
	scope, who := scopeOf(st.call), &st.call.who
	opening := st.sent.IsZero()
	err = st.s.db.View(st.ctx, scope, func(tx *store.Tx) (err error) {
		if opening {
			if st.had, err = st.begin(tx); err != nil {
				return err
			}
		}
		found, err = st.s.events(tx, who, eventQuery{after: st.had, entries: streamBatch, limit: streamBatch})
		return err
	})
	if err == nil && (opening || len(found.events) > 0) {
		err = st.s.audit(st.ctx, st.call.op, store.OutcomeRead, found.shown, found.patients()...)
	}
	return found, err
}

// VisitStreamEventsResponse sends events until somebody or something ends it. What goes wrong on the way
// ends it too: the client comes back and goes on where it was.
func (st *eventStream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer st.end()
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // the request was read; a recorder in a test has none
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // what would hold events back
	w.WriteHeader(http.StatusOK)
	for {
		if err := st.send(w, out); err != nil {
			return nil //nolint:nilerr // gone, or too slow: there is nobody to tell
		}
		if !st.next(w, out) {
			return nil
		}
		var err error
		if st.found, err = st.read(); err != nil {
			if st.ctx.Err() == nil {
				st.s.log.LogAttrs(st.ctx, slog.LevelWarn, "stream", slog.String("requestId", st.call.requestID), slog.String("error", err.Error()))
			}
			return nil
		}
	}
}

// send writes what was found. The first time it says from where the stream goes on, so that a client that
// has heard of nothing yet can come back without missing anything.
func (st *eventStream) send(w http.ResponseWriter, out *http.ResponseController) error {
	var b bytes.Buffer
	if st.sent.IsZero() {
		fmt.Fprintf(&b, "retry: %d\nid: %s\n\n", st.times.Retry.Milliseconds(), st.had)
	}
	for _, e := range st.found.events {
		fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, mustJSON(e))
	}
	st.had = st.found.upTo
	st.found.events, st.found.shown = nil, nil
	if b.Len() == 0 {
		return nil
	}
	return st.write(w, out, b.Bytes())
}

func (st *eventStream) write(w http.ResponseWriter, out *http.ResponseController, text []byte) error {
	st.sent = st.now()
	_ = out.SetWriteDeadline(st.sent.Add(st.times.Write))
	if _, err := w.Write(text); err != nil {
		return err
	}
	return out.Flush()
}

// next reports whether the stream may go on, as soon as there is something to look for. Who catches up does not wait
// for news, so that rights may have changed each time. They are looked at as they are remembered: the database is asked
// no more often than by any request.
func (st *eventStream) next(w http.ResponseWriter, out *http.ResponseController) bool {
	if !st.found.more() {
		return st.wait(w, out)
	}
	st.doubt = st.s.now()
	return st.ctx.Err() == nil && st.allowed() && st.alive(w, out)
}

// alive gives a sign of life when it is time, and reports whether it could. The place moves on although there was
// nothing for this client.
func (st *eventStream) alive(w http.ResponseWriter, out *http.ResponseController) bool {
	return st.now().Sub(st.sent) < st.times.Heartbeat || st.write(w, out, fmt.Appendf(nil, ": alive\nid: %s\n\n", st.had)) == nil
}

// wait waits for more, with a sign of life now and then, and reports whether the stream may go on.
func (st *eventStream) wait(w http.ResponseWriter, out *http.ResponseController) bool {
	for {
		ctx, cancel := context.WithTimeout(st.ctx, min(st.times.Check, st.times.Heartbeat))
		head, err := st.s.news.wait(ctx, st.call.who.clinic, max(st.heard, st.found.head))
		cancel()
		if err == nil {
			st.doubt = st.s.now()
		}
		if st.ctx.Err() != nil || !st.allowed() {
			return false
		}
		if err == nil {
			st.heard = head
			return true
		}
		if !st.alive(w, out) {
			return false
		}
	}
}

// allowed reports whether the listener may still listen: the token holds, and so do membership and roles. Whatever
// changes those is news: without any, nobody asks the database.
func (st *eventStream) allowed() bool {
	who, now := principal{identity: st.call.who.identity}, st.s.now()
	if !now.Before(who.identity.Expires) {
		return false
	}
	if st.doubt.IsZero() {
		return true
	}
	if now.Sub(st.doubt) >= rightsAge { // what is remembered is newer
		st.doubt = time.Time{}
	}
	members, err := st.s.members(st.ctx, who.identity)
	clinic := ""
	if st.clinic != uuid.Nil {
		clinic = st.clinic.String()
	}
	if err != nil || who.choose(members, clinic, st.role) != nil || who.actor != st.call.who.actor ||
		!slices.ContainsFunc(st.call.op.Access, who.is) {
		return false
	}
	st.call.who = who
	return true
}
