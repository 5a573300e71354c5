package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// entriesLooked is how many entries of the journal are read at a time. Most of them may be about what
// somebody has looked at, or none of the caller's business.
const entriesLooked = 2000

// ListEvents lists what has happened. The cursor names the last event that was looked at: a page may end
// between two events of one operation.
func (s *Server) ListEvents(ctx context.Context, req oapi.ListEventsRequestObject) (oapi.ListEventsResponseObject, error) {
	p, tx := req.Params, store.From(ctx)
	filter := []any{p.After, p.Type, p.PatientID}
	page, err := s.page(ctx, p.Limit, p.Cursor, filter...)
	if err != nil {
		return nil, err
	}
	want := eventQuery{types: orZero(p.Type), patient: orZero(p.PatientID), entries: entriesLooked, limit: page.Limit}
	if page.After != nil {
		want.after, err = resumed(tx, page.After.Text)
	} else {
		want.after, err = afterNumber(tx, orZero(p.After))
	}
	if err != nil {
		return nil, err
	}
	found, err := s.events(tx, &callOf(ctx).who, want)
	if err != nil {
		return nil, err
	}
	out := oapi.EventPage{Items: found.events, UpTo: found.upTo.complete()}
	if found.more() {
		if out.NextCursor, err = s.next(ctx, &store.Key{Text: found.upTo.String()}, filter...); err != nil {
			return nil, err
		}
	}
	return oapi.ListEvents200JSONResponse{EventPageJSONResponse: oapi.EventPageJSONResponse{Body: out}}, nil
}

// eventQuery asks for events: after a place, of some types (any, if empty), about one patient (anybody, if
// zero), so many at most, found in so many entries at most.
type eventQuery struct {
	after   eventID
	types   []oapi.EventType
	patient uuid.UUID
	entries int
	limit   int
}

// eventBatch is what was found for a query. Everything up to a place is in it; the journal's last number is head.
type eventBatch struct {
	events []oapi.Event
	shown  []store.Event // the records that they name, for the journal
	upTo   eventID
	head   int64
}

// more reports whether there may be more events.
func (b *eventBatch) more() bool { return b.upTo.complete() < b.head }

// events reads the events that somebody may know of. It looks at a bounded part of the journal: there may
// be more although it has found none.
func (s *Server) events(tx *store.Tx, who *principal, want eventQuery) (eventBatch, error) {
	found := eventBatch{events: []oapi.Event{}, upTo: want.after}
	here, err := tx.Here()
	if err != nil {
		return found, err
	}
	found.head = here.Number
	entries, err := tx.Entries(want.after.complete(), want.patient, want.entries)
	if err != nil {
		return found, err
	}
	for i := range entries {
		e := &entries[i]
		for position, ev := range e.Events {
			id := idOf(e, position)
			if !want.after.before(id) || !s.visible(who, e, ev) || !want.has(e, ev) {
				continue
			}
			if len(found.events) == want.limit {
				return found, nil
			}
			found.events = append(found.events, eventOut(e, position))
			found.shown = append(found.shown, store.Event{Record: ev.Record, ID: ev.ID, Version: ev.Version})
			found.upTo = id
		}
	}
	found.upTo = behind(here)
	if len(entries) == want.entries {
		found.upTo = idOf(&entries[len(entries)-1], whole)
	}
	return found, nil
}

func (q *eventQuery) has(e *store.Entry, ev store.Event) bool {
	return (len(q.types) == 0 || slices.Contains(q.types, oapi.EventType(ev.Event))) && (q.patient == uuid.Nil || q.patient == e.PatientOf(ev))
}

// visible reports whether somebody may know of an event of an entry: of records that their roles may read,
// and as a patient only of the own ones and the clinic's, and of those nothing that the clinic keeps to itself. An event
// says that something happened, never what, so that the record's existence is all there is to hide.
func (s *Server) visible(who *principal, e *store.Entry, ev store.Event) bool {
	r, known := records[ev.Record]
	if !known || ev.Event == "" || !slices.ContainsFunc(s.operations[r.shownBy].Access, who.is) {
		return false
	}
	owner := e.PatientOf(ev)
	if who.staff() {
		return owner == uuid.Nil || owner != who.self
	}
	return (owner == who.actor.ID || ev.OfClinic()) && !ev.StaffOnly && staffEvents[ev.Event] == ""
}

// eventOut is an event of a numbered entry as clients and receivers get it. It is thin: ids and types.
func eventOut(e *store.Entry, position int) oapi.Event {
	ev := e.Events[position]
	out := oapi.Event{
		ID: idOf(e, position).String(), Number: *e.Seq, Type: oapi.EventType(ev.Event), At: e.At,
		Record:    oapi.EventRecord{Type: oapi.RecordType(recordType(ev.Record)), ID: ev.ID},
		RequestID: filled(e.RequestID), Operation: e.Operation,
	}
	if owner := e.PatientOf(ev); owner != uuid.Nil {
		out.PatientID = &owner
	}
	if ev.Version > 0 {
		out.Record.Version = &ev.Version
	}
	return out
}

// patients are those whom the events are about.
func (b eventBatch) patients() (list []uuid.UUID) {
	for _, e := range b.events {
		if e.PatientID != nil && !slices.Contains(list, *e.PatientID) {
			list = append(list, *e.PatientID)
		}
	}
	return list
}
