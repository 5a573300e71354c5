package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/api/internal/store"
)

// call is what is known of the request at hand. Middleware fills it in on the way.
type call struct {
	requestID string
	op        *operation
	who       principal
	// repeated says that this fact was recorded before: show it, do not record it again.
	repeated bool
	// replayed says that the answer is that of an earlier request under the same key.
	replayed bool
	// dry says that the request only wants to know what would happen.
	dry bool
	// target is the record that the operation acts on: the first one in the path, else the clinic.
	target uuid.UUID
	// patient is whom the record in the path belongs to, if it belongs to a patient.
	patient uuid.UUID
	// reach is why the URL in the body may not be called, if there is one and it may not.
	reach error
	// asOf is the time whose records are read; zero is the present.
	asOf time.Time
	// next is the cursor of the next page.
	next string
	// batch is the request that carries others, if this is one; item says that this is one of those.
	batch *carrier
	item  *item
}

type callKey struct{}

// callOf returns the request's call; middleware has put one into every request's context.
func callOf(ctx context.Context) *call { c, _ := ctx.Value(callKey{}).(*call); return c }

// errDiscard makes the door roll back although the answer is good: a replay, a dry run, or an
// answer that is not a success.
var errDiscard = errors.New("roll back, the answer stands")

// transaction runs one operation in one database transaction. The handler takes it with
// store.From and writes into a buffer; the effect, its journal entry and the answer kept for
// the idempotency key are committed together; only then does the buffer go out.
func (s *Server) transaction(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if op.kind == stream { // it has no end for which an answer could be held back
			return s.limitStreams(next)
		}
		return func(c echo.Context) error {
			b := buffers.Get().(*buffer)
			defer b.release()
			err := s.buffered(c, op, next, b)
			if err == nil {
				err = s.keepRevocation(op, callOf(c.Request().Context()), b)
			}
			if err = s.observed(c, op, b, err); err != nil {
				c.Error(err) // rendered here, so that what is outside sees the final status
				return nil
			}
			linkNext(c, b)
			if op.kind == read && matches(c.Request().Header.Values("If-None-Match"), b.header.Get("ETag")) {
				b.status = http.StatusNotModified
				b.body.Reset()
				b.header.Del(echo.HeaderContentType)
			}
			return b.send(c.Response())
		}
	}
}

// buffered leaves a complete answer in b, or returns an error after everything was rolled back.
func (s *Server) buffered(c echo.Context, op *operation, next echo.HandlerFunc, b *buffer) (err error) {
	outer := c.Response()
	defer c.SetResponse(outer)
	defer func() { // the door has already rolled back
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // a panic is no error chain
			panic(v)
		} else if v != nil {
			// The type, not the value: it may hold a patient's data.
			err = fmt.Errorf("panic in %s: %T\n%s", op.ID, v, debug.Stack())
		}
	}()
	answer := func() error {
		inner := echo.NewResponse(b, c.Echo())
		c.SetResponse(inner)
		if err := next(c); err != nil {
			return err
		}
		if !inner.Committed { // a handler's `return nil, nil` would be an empty 200
			return fmt.Errorf("%s gave no answer", op.ID)
		}
		return nil
	}
	if op.open() { // the clinic is not known yet: the handler asks the store itself
		return answer()
	}
	if op.kind == batch {
		if err := s.carry(c); err != nil {
			return err
		}
		return answer()
	}
	path, err := pathOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	callOf(ctx).dry = c.QueryParam("validateOnly") == "true"
	scope := s.scope(ctx, c.Request(), op)
	door := s.db.View
	if op.kind != read {
		door = s.db.Update
	}
	ctx, span := s.tracing.Start(ctx, "transaction")
	defer span.End()
	err = door(ctx, scope, func(tx *store.Tx) error {
		earlier, err := tx.Earlier()
		if err != nil {
			return err
		}
		call := callOf(ctx)
		if err := s.resolve(tx, op, c.Request(), path, call); err != nil {
			return err // also before a replay: who may not see the record may not see it again
		}
		if earlier != nil {
			if err := s.replay(b, earlier, scope.Key); err != nil {
				return err
			}
			call.replayed = true
			return errDiscard
		}
		err = s.inTime(c, tx, func(tx *store.Tx) error {
			c.SetRequest(c.Request().WithContext(store.With(ctx, tx)))
			return answer()
		})
		if err != nil {
			return err
		}
		b.settle(op, call)
		if b.status < 200 || b.status > 299 || call.repeated || call.dry {
			return errDiscard
		}
		if scope.Key != (store.Hash{}) {
			body, err := s.answers.seal(b.body.Bytes(), scope.Key[:])
			if err != nil {
				return err
			}
			tx.Keep(&store.Answer{Status: b.status, Header: maps.Clone(b.header), Body: body})
		}
		return nil
	})
	if errors.Is(err, errDiscard) {
		return nil
	}
	return err
}

// scope says on whose behalf the operation runs and how a repetition of it is recognised.
func (s *Server) scope(ctx context.Context, r *http.Request, op *operation) store.Scope {
	call := callOf(ctx)
	sc := scopeOf(call)
	if call.item != nil {
		sc.ClockSkew = &call.item.skew
	}
	body := ""
	if _, canonical, ok := contract.Body(ctx); ok {
		body = string(canonical)
	}
	switch op.kind {
	case fact: // what was said, and about what; a header does not make it another fact
		sc.Fingerprint = digest(r.URL.Path, body)
	case read, stream, batch:
	case plan, decision:
		if call.dry { // it neither uses a key nor repeats anything
			break
		}
		sc.Fingerprint = digest(r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("If-Match"), body)
		sc.Key = digest(sc.Clinic.String(), sc.Actor.String(), idempotencyKey(r))
	}
	return sc
}

// scopeOf says on whose behalf the request runs.
func scopeOf(call *call) store.Scope {
	who := &call.who
	sc := store.Scope{Clinic: who.clinic, Actor: who.actor, Operation: call.op.ID, RequestID: call.requestID}
	switch {
	case who.staff():
		sc.NotPatient = who.self
	case who.ticket != nil:
		sc.OnlyPatient = who.ticket.Patient
	default:
		sc.OnlyPatient = who.actor.ID
	}
	return sc
}

func idempotencyKey(r *http.Request) string {
	key := r.Header.Get("Idempotency-Key")
	if n := len(key); n > 1 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	return key
}

// resolve finds the patient of the record in the path, takes that patient's row for writes,
// claims a fact's id, and notes which version a decision rests on.
func (s *Server) resolve(tx *store.Tx, op *operation, r *http.Request, path []pathID, call *call) (err error) {
	call.target = call.who.clinic
	if len(path) > 0 {
		call.target = path[0].id
		if store.ConcernsPatient(path[0].name) {
			find := tx.ResolvePatient
			if op.kind != read {
				find = tx.LockPatient
			}
			if call.patient, err = find(store.Ref{Param: path[0].name, ID: path[0].id}); err != nil {
				return err
			}
		}
	}
	if call.who.ticket != nil {
		if err := ticketHolds(tx, call.who.ticket, call.target); err != nil {
			return err
		}
	}
	switch op.kind {
	case decision:
		version, err := ifMatch(r.Header.Get("If-Match"))
		if err != nil {
			return err
		}
		tx.Target(call.target, version)
	case read, plan, stream, batch: // nothing that was there before is decided upon
	case fact:
		id, err := factID(r.Context(), op, path)
		if err != nil {
			return err
		}
		call.repeated, err = tx.ClaimFact(id, call.patient)
		return err
	}
	return nil
}

// factID is the id that the client made: in the body, or the last one in the path of a PUT.
func factID(ctx context.Context, op *operation, path []pathID) (uuid.UUID, error) {
	if op.Method == http.MethodPut {
		return path[len(path)-1].id, nil
	}
	parsed, _, _ := contract.Body(ctx)
	if m, ok := parsed.(map[string]any); ok {
		if id, ok := m["id"].(string); ok {
			return uuid.Parse(id)
		}
	}
	return uuid.Nil, fmt.Errorf("%s: a fact without an id", op.ID)
}

// ifMatch reads the version from an ETag; what time has appended to it does not matter.
func ifMatch(etag string) (int64, error) {
	text, _, _ := strings.Cut(strings.Trim(etag, `"`), ".")
	version, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) { // the contract lets it through: no record has that version
		return -1, nil
	}
	return version, err
}

type pathID struct {
	name string
	id   uuid.UUID
}

// pathOf returns the ids in the path, in order. The contract has validated them; an
// instrument's id is not a UUID and names no record.
func pathOf(c echo.Context) (list []pathID, err error) {
	for i, name := range c.ParamNames() {
		if name == "instrumentId" {
			continue
		}
		id, err := uuid.Parse(c.ParamValues()[i])
		if err != nil {
			return nil, err
		}
		list = append(list, pathID{name, id})
	}
	return list, nil
}

// replay gives a kept answer again, the same bytes.
func (s *Server) replay(b *buffer, a *store.Answer, key store.Hash) error {
	body, err := s.answers.open(a.Body, key[:])
	if err != nil {
		return fmt.Errorf("kept answer: %w", err)
	}
	b.status = a.Status
	maps.Copy(b.header, a.Header)
	b.header.Set("Idempotent-Replayed", "true")
	b.body.Write(body)
	return nil
}

// linkNext announces the next page of a list that was asked for by GET.
func linkNext(c echo.Context, b *buffer) {
	next := callOf(c.Request().Context()).next
	if next == "" || c.Request().Method != http.MethodGet {
		return
	}
	q := c.Request().URL.Query()
	q.Set("cursor", next)
	b.header.Set("Link", "<"+c.Request().URL.Path+"?"+q.Encode()+`>; rel="next"`)
}

// matches reports whether one of the If-None-Match values names the answer's ETag.
func matches(values []string, etag string) bool {
	if etag == "" {
		return false
	}
	for _, v := range values {
		for _, one := range strings.Split(v, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == etag {
				return true
			}
		}
	}
	return false
}

// digest hashes the parts with their lengths: ("a", "bc") is not ("ab", "c").
func digest(parts ...string) (sum store.Hash) {
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p)))
		_, _ = io.WriteString(h, p)
	}
	h.Sum(sum[:0])
	return sum
}

// buffer is the http.ResponseWriter that a handler really writes to. Its header starts
// empty: what the outer middleware has set stays on the real response, and is not kept.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

var buffers = sync.Pool{New: func() any { return &buffer{header: http.Header{}} }}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// send gives the answer to the client. Headers replace those of the same name that were set
// outside, but Vary, which grows.
func (b *buffer) send(w *echo.Response) error {
	h := w.Header()
	for name, values := range b.header {
		if name == echo.HeaderVary {
			values = append(h[name], values...)
		}
		h[name] = values
	}
	if b.status != http.StatusNoContent && b.status != http.StatusNotModified {
		h.Set(echo.HeaderContentLength, strconv.Itoa(b.body.Len()))
	}
	w.WriteHeader(b.status)
	if b.body.Len() == 0 {
		return nil
	}
	_, err := w.Write(b.body.Bytes())
	return err
}

// settle finishes a good answer: a fact that is new here is 201, whatever its handler shows it
// with, and only what is new has a Location. What a dry run shows is nowhere.
func (b *buffer) settle(op *operation, call *call) {
	if op.kind == fact && b.status == http.StatusOK {
		if call.repeated {
			b.header.Set("Idempotent-Replayed", "true")
		} else {
			b.status = http.StatusCreated
		}
	}
	if b.status != http.StatusCreated || call.dry {
		b.header.Del(echo.HeaderLocation)
	}
	if call.dry {
		b.header.Del("ETag")
		b.header.Set("Titrate-Dry-Run", "true")
	}
}

func (b *buffer) release() {
	if b.body.Cap() > 1<<20 {
		return // one long answer must not stay in memory for ever
	}
	clear(b.header)
	b.status = 0
	b.body.Reset()
	buffers.Put(b)
}
