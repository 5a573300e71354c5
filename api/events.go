package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// entriesLooked is how many entries of the journal are read at a time. Most of them may be about what
// somebody has looked at, or none of the caller's business.
const entriesLooked = 2000

// ListEvents lists what has happened. The cursor names the event that the next page begins with: a page
// may end between two events of one operation.
func (s *Server) ListEvents(ctx context.Context, req oapi.ListEventsRequestObject) (oapi.ListEventsResponseObject, error) {
	p := req.Params
	filter := []any{p.After, p.Type, p.PatientID}
	page, err := s.page(ctx, p.Limit, p.Cursor, filter...)
	if err != nil {
		return nil, err
	}
	want := eventQuery{from: eventID{orZero(p.After) + 1, 0}, types: orZero(p.Type), patient: orZero(p.PatientID), entries: entriesLooked, limit: page.Limit}
	if page.After != nil {
		if want.from, err = parseEventID(page.After.Text); err != nil {
			return nil, err
		}
	}
	found, err := s.events(store.From(ctx), &callOf(ctx).who, want)
	if err != nil {
		return nil, err
	}
	out := oapi.EventPage{Items: found.events, UpTo: found.next.number - 1}
	if found.next.number <= found.head {
		if out.NextCursor, err = s.next(ctx, &store.Key{Text: found.next.String()}, filter...); err != nil {
			return nil, err
		}
	}
	return oapi.ListEvents200JSONResponse{EventPageJSONResponse: oapi.EventPageJSONResponse{Body: out}}, nil
}

// eventID names an event: the number of its entry, and its position in it.
type eventID struct {
	number   int64
	position int
}

func (id eventID) String() string { return fmt.Sprintf("%d-%d", id.number, id.position) }

// before reports whether an event comes before another one.
func (id eventID) before(other eventID) bool {
	return id.number < other.number || id.number == other.number && id.position < other.position
}

func parseEventID(text string) (id eventID, err error) {
	number, position, _ := strings.Cut(text, "-")
	if id.number, err = strconv.ParseInt(number, 10, 64); err == nil {
		id.position, err = strconv.Atoi(position)
	}
	return id, err
}

// eventQuery asks for events: from one on, of some types (any, if empty), about one patient (anybody, if
// zero), so many at most, found in so many entries at most.
type eventQuery struct {
	from    eventID
	types   []oapi.EventType
	patient uuid.UUID
	entries int
	limit   int
}

// eventBatch is what was found for a query. Everything before next is in it; the journal's last number is head.
type eventBatch struct {
	events []oapi.Event
	shown  []store.Event // the records that they name, for the journal
	next   eventID
	head   int64
}

// events reads the events that somebody may know of. It looks at a bounded part of the journal: there may
// be more although it has found none.
func (s *Server) events(tx *store.Tx, who *principal, want eventQuery) (eventBatch, error) {
	found := eventBatch{events: []oapi.Event{}}
	var err error
	if found.head, err = tx.Head(); err != nil {
		return found, err
	}
	entries, err := tx.Entries(want.from.number-1, want.patient, want.entries)
	if err != nil {
		return found, err
	}
	for i := range entries {
		e := &entries[i]
		for position, ev := range e.Events {
			id := eventID{*e.Seq, position}
			if id.before(want.from) || !s.visible(who, e, ev) || len(want.types) > 0 && !slices.Contains(want.types, oapi.EventType(ev.Event)) {
				continue
			}
			if len(found.events) == want.limit {
				found.next = id
				return found, nil
			}
			found.events = append(found.events, eventOut(e, position))
			found.shown = append(found.shown, store.Event{Record: ev.Record, ID: ev.ID, Version: ev.Version})
		}
	}
	found.next = eventID{found.head + 1, 0}
	if len(entries) == want.entries {
		found.next.number = *entries[len(entries)-1].Seq + 1
	}
	return found, nil
}

// visible reports whether somebody may know of an event of an entry: of records that their roles may read,
// and as a patient only of the own ones, and of those nothing that the clinic keeps to itself. An event
// says that something happened, never what, so that the record's existence is all there is to hide.
func (s *Server) visible(who *principal, e *store.Entry, ev store.Event) bool {
	r, known := records[ev.Record]
	if !known || ev.Event == "" || !slices.ContainsFunc(s.operations[r.shownBy].Access, who.is) {
		return false
	}
	owner := ownerOf(e, ev)
	if who.staff() {
		return owner == uuid.Nil || owner != who.self
	}
	return owner == who.actor.ID && !ev.StaffOnly && staffEvents[ev.Event] == ""
}

// ownerOf is the patient whose record an event is about; zero if it is nobody's.
func ownerOf(e *store.Entry, ev store.Event) uuid.UUID {
	if e.PatientID != nil {
		return *e.PatientID
	}
	return ev.Patient
}

// eventOut is an event of a numbered entry as clients and receivers get it. It is thin: ids and types.
func eventOut(e *store.Entry, position int) oapi.Event {
	ev := e.Events[position]
	out := oapi.Event{
		ID: eventID{*e.Seq, position}.String(), Number: *e.Seq, Type: oapi.EventType(ev.Event), At: e.At,
		Record:    oapi.EventRecord{Type: oapi.RecordType(recordType(ev.Record)), ID: ev.ID},
		RequestID: filled(e.RequestID), Operation: e.Operation,
	}
	if owner := ownerOf(e, ev); owner != uuid.Nil {
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
