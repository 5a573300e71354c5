package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

const (
	// syncTokenAge is how long a token is good.
	syncTokenAge = 30 * 24 * time.Hour
	// syncEntries is how many entries of the journal a page looks at.
	syncEntries = 500
)

// syncToken says what a client has.
type syncToken struct {
	// Since is the place in the journal up to which it has everything.
	Since store.Place `json:"s"`
	// Seen is the journal's head when records were last shown: as they were then, which may be far behind Since.
	Seen store.Place `json:"h"`
	// From is the time up to which it has what time has brought.
	From time.Time `json:"f"`
	Made time.Time `json:"m"`
	// View is what the caller could read: with other roles it would be something else.
	View string `json:"v"`
	// Full is where the full state goes on; nil when it is through.
	Full *syncPlace `json:"p,omitempty"`
}

// syncPlace is a record in the order of the full state.
type syncPlace struct {
	Table string    `json:"t"`
	After uuid.UUID `json:"a"`
}

// SyncChanges brings a client's copy of a chart one step nearer to what the server has. The full state
// begins at the journal's head as it is before the first record is read; whatever is committed later, or
// is committed but has no number yet, comes with the changes behind that head.
func (s *Server) SyncChanges(ctx context.Context, req oapi.SyncChangesRequestObject) (oapi.SyncChangesResponseObject, error) {
	tx, call := store.From(ctx), callOf(ctx)
	patient, err := syncedPatient(&call.who, req.Params.PatientID)
	if err != nil {
		return nil, err
	}
	step := syncStep{s: s, tx: tx, patient: patient, kinds: s.syncedFor(&call.who), limit: defaultLimit}
	if req.Params.Limit != nil {
		step.limit = *req.Params.Limit
	}
	known := req.Params.Token != nil
	if known {
		if step.token, err = s.openSyncToken(ctx, patient, *req.Params.Token); err != nil {
			return nil, err
		}
	}
	call.patient, err = tx.ResolvePatient(store.Ref{Param: "patientId", ID: patient})
	switch {
	case known && errors.Is(err, store.ErrNotFound): // it could be read when the token was made
		step.out.Items = append(step.out.Items, oapi.SyncItem{Type: "patient", ID: patient, State: oapi.SyncStateGone, Reason: new(oapi.SyncReasonAccessLost)})
	case err != nil:
		return nil, err
	case known && (step.token.View != step.view() || tx.Now.Sub(step.token.Made) > syncTokenAge):
		return nil, resync()
	default:
		if err := step.take(ctx, known); err != nil {
			return nil, err
		}
	}
	if step.out.Token, err = s.sealSyncToken(ctx, patient, step.token); err != nil {
		return nil, err
	}
	return oapi.SyncChanges200JSONResponse{SyncPageJSONResponse: oapi.SyncPageJSONResponse(step.out)}, nil
}

// syncedPatient is whose chart is asked for: patients need not say.
func syncedPatient(who *principal, asked *uuid.UUID) (uuid.UUID, error) {
	switch {
	case asked != nil:
		return *asked, nil
	case who.staff():
		return uuid.Nil, problem.New(problem.InvalidRequest, "say whose chart",
			problem.Fault{In: problem.InQuery, Pointer: "patientId", Code: "required", Detail: "is required for staff"})
	}
	return who.actor.ID, nil
}

func resync() error {
	return problem.New(problem.ResyncRequired, "the token cannot be continued; start again without one")
}

// syncStep makes one page.
type syncStep struct {
	s       *Server
	tx      *store.Tx
	patient uuid.UUID
	kinds   []synced
	limit   int
	token   syncToken
	out     oapi.SyncPage
}

// view names what the caller can read.
func (p *syncStep) view() string {
	var words []string
	for _, k := range p.kinds {
		words = append(words, recordType(k.table))
	}
	sum := digest(words...)
	return hex.EncodeToString(sum[:8])
}

func (p *syncStep) take(ctx context.Context, known bool) (err error) {
	p.out.Items = []oapi.SyncItem{}
	if !known {
		p.token = syncToken{From: p.tx.Now, View: p.view(), Full: &syncPlace{}}
	}
	// A journal that was restored from a backup has another entry there, or none.
	at, err := p.tx.PlaceAt(p.token.Seen.Number)
	if err == nil && at != p.token.Seen {
		err = resync()
	}
	if err != nil {
		return err
	}
	if p.token.Seen, err = p.tx.Here(); err != nil {
		return err
	}
	if !known {
		p.token.Since = p.token.Seen
	}
	p.token.Made = p.tx.Now
	if p.token.Full != nil {
		return p.fullState(ctx)
	}
	return p.changes(ctx)
}

// fullState tells of the next records, table by table.
func (p *syncStep) fullState(ctx context.Context) error {
	p.out.More = true // at the end there are the changes
	at, left := *p.token.Full, p.limit
	first := max(0, slices.IndexFunc(p.kinds, func(k synced) bool { return k.table == at.Table }))
	for _, k := range p.kinds[first:] {
		if k.table != at.Table {
			at = syncPlace{Table: k.table}
		}
		ids, err := p.tx.RecordsOf(p.patient, k.table, at.After, left)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := p.tell(ctx, recordRef{k.table, id}, false); err != nil {
				return err
			}
		}
		if left -= len(ids); left == 0 {
			p.token.Full = &syncPlace{k.table, ids[len(ids)-1]}
			return nil
		}
	}
	p.token.Full = nil
	return nil
}

// changes tells of what has changed, each record once; behind the last change also of what time has brought.
func (p *syncStep) changes(ctx context.Context) error {
	entries, upTo, err := p.tx.ChangesAfter(p.token.Since.Number, p.token.Seen, p.patient, syncEntries)
	if err != nil {
		return err
	}
	var refs []recordRef
	for i := range entries {
		more, err := p.touchedBy(&entries[i])
		if err != nil {
			return err
		}
		more = slices.DeleteFunc(more, func(r recordRef) bool { return slices.Contains(refs, r) })
		if len(refs) > 0 && len(refs)+len(more) > p.limit { // what belongs together is not split
			return p.finish(ctx, refs, store.Place{Number: *entries[i-1].Seq, Entry: entries[i-1].ID}, true)
		}
		refs = append(refs, more...)
	}
	if upTo != p.token.Seen {
		return p.finish(ctx, refs, upTo, true)
	}
	ripe, err := aged(p.tx, p.patient, p.token.From)
	if err != nil {
		return err
	}
	for _, r := range ripe {
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	p.token.From = p.tx.Now
	return p.finish(ctx, refs, upTo, false)
}

// touchedBy are the records that an entry has changed and that the caller may read by their kind.
func (p *syncStep) touchedBy(e *store.Entry) (list []recordRef, err error) {
	for _, ev := range e.Events {
		refs, err := touched(p.tx, p.patient, e, ev)
		if err != nil {
			return nil, err
		}
		for _, r := range refs {
			if p.kind(r.table) != nil && !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	return list, nil
}

func (p *syncStep) finish(ctx context.Context, refs []recordRef, upTo store.Place, more bool) error {
	p.token.Since, p.out.More = upTo, more
	for _, r := range refs {
		if err := p.tell(ctx, r, true); err != nil {
			return err
		}
	}
	return nil
}

func (p *syncStep) kind(table string) *synced {
	if i := slices.IndexFunc(p.kinds, func(k synced) bool { return k.table == table }); i >= 0 {
		return &p.kinds[i]
	}
	return nil
}

// tell shows a record as it is now. Of one that is kept, but not for the caller to read, nothing is told:
// the caller never could, because what has been for a patient to read stays so. Of one that is not kept any
// more the client is told if it may have it: behind the full state.
func (p *syncStep) tell(ctx context.Context, r recordRef, again bool) error {
	k := p.kind(r.table)
	if k == nil {
		return nil
	}
	data, err := k.show(p.s, ctx, r.id)
	switch {
	case errors.Is(err, store.ErrNotFound) && !again:
		return nil
	case errors.Is(err, store.ErrNotFound):
		kept, err := p.tx.Kept(r.table, r.id)
		if err == nil && !kept {
			p.out.Items = append(p.out.Items, oapi.SyncItem{Type: recordType(k.table), ID: r.id, State: oapi.SyncStateGone, Reason: new(oapi.SyncReasonRemoved)})
		}
		return err
	case err != nil:
		return err
	}
	var version struct{ Version int64 }
	if err := json.Unmarshal(data, &version); err != nil {
		return err
	}
	p.out.Items = append(p.out.Items, oapi.SyncItem{Type: recordType(k.table), ID: r.id, State: oapi.SyncStatePresent, Version: &version.Version, Data: data})
	return nil
}

// openSyncToken reads a token that was sealed for the same caller and patient.
func (s *Server) openSyncToken(ctx context.Context, patient uuid.UUID, text string) (t syncToken, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil {
		sealed, err = s.cursors.open(sealed, syncContext(ctx, patient))
	}
	if err == nil {
		err = json.Unmarshal(sealed, &t)
	}
	if err != nil {
		return t, problem.New(problem.InvalidCursor, "the token was not made for this chart and this caller",
			problem.Fault{In: problem.InQuery, Pointer: "token", Code: "invalid", Detail: "start again without a token"})
	}
	return t, nil
}

func (s *Server) sealSyncToken(ctx context.Context, patient uuid.UUID, t syncToken) (string, error) {
	sealed, err := s.cursors.seal(mustJSON(t), syncContext(ctx, patient))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func syncContext(ctx context.Context, patient uuid.UUID) []byte {
	return cursorContext(ctx, []any{patient})
}
