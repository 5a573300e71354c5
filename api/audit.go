package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// ListAuditEntries lists what was done, seen and tried in the clinic.
func (s *Server) ListAuditEntries(ctx context.Context, req oapi.ListAuditEntriesRequestObject) (oapi.ListAuditEntriesResponseObject, error) {
	filter := entryFilter(req.Params)
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListEntries(filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.AuditEntryPage{Items: []oapi.AuditEntry{}}
	for i := range rows {
		out.Items = append(out.Items, auditEntryOut(&rows[i]))
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListAuditEntries200JSONResponse{AuditEntryPageJSONResponse: oapi.AuditEntryPageJSONResponse{Body: out}}, nil
}

func entryFilter(p oapi.ListAuditEntriesParams) store.EntryFilter {
	return store.EntryFilter{
		From: orZero(p.From), Until: orZero(p.Until), After: orZero(p.After), Onward: p.After != nil, Before: orZero(p.Before),
		Actor:     store.Actor{Kind: string(orZero(p.ActorKind)), ID: orZero(p.ActorID)},
		Operation: orZero(p.Operation), Outcome: store.Outcome(orZero(p.Outcome)), Patient: orZero(p.PatientID),
		Record: tableOf(orZero(p.RecordType)), RecordID: orZero(p.RecordID), RequestID: orZero(p.RequestID),
	}
}

// tableOf is the table of a type of record; a word that is none is the table of nothing.
func tableOf(word string) string {
	for table, r := range records {
		if r.word == word {
			return table
		}
	}
	return word
}

func auditEntryOut(e *store.Entry) oapi.AuditEntry {
	out := oapi.AuditEntry{
		Number: *e.Seq, ID: e.ID, At: e.At, Actor: actorOut(e.Actor), Operation: e.Operation, Outcome: oapi.AuditOutcome(e.Outcome),
		PatientID: e.PatientID, RequestID: e.RequestID, ClockSkewSeconds: e.ClockSkewS, Records: []oapi.AuditRecord{},
	}
	for _, ev := range e.Events {
		r := oapi.AuditRecord{Type: cmp.Or(recordType(ev.Record), ev.Record), ID: ev.ID, Event: filled(ev.Event)}
		if ev.Version > 0 {
			r.Version = &ev.Version
		}
		out.Records = append(out.Records, r)
	}
	return out
}

// ListDisclosures lists who was shown a patient's data.
func (s *Server) ListDisclosures(ctx context.Context, req oapi.ListDisclosuresRequestObject) (oapi.ListDisclosuresResponseObject, error) {
	tx, from, until := store.From(ctx), orZero(req.Params.From), orZero(req.Params.Until)
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, from, until)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListDisclosures(req.PatientID, from, until, page)
	if err != nil {
		return nil, err
	}
	names, err := staffNames(tx, rows)
	if err != nil {
		return nil, err
	}
	out := oapi.DisclosurePage{Items: []oapi.Disclosure{}}
	for i := range rows {
		d := s.disclosureOut(&rows[i], callOf(ctx).who.staff())
		d.Name = names[orZero(d.Actor.ID)]
		out.Items = append(out.Items, d)
	}
	if out.NextCursor, err = s.next(ctx, key, from, until); err != nil {
		return nil, err
	}
	return oapi.ListDisclosures200JSONResponse{DisclosurePageJSONResponse: oapi.DisclosurePageJSONResponse{Body: out}}, nil
}

// staffNames are those of the members of staff among the actors of some entries.
func staffNames(tx *store.Tx, rows []store.Entry) (map[uuid.UUID]*oapi.PersonName, error) {
	var ids []uuid.UUID
	for i := range rows {
		if a := actorOut(rows[i].Actor); a.Kind == oapi.ActorKind(store.ActorStaff) && !slices.Contains(ids, *a.ID) {
			ids = append(ids, *a.ID)
		}
	}
	staff, err := tx.StaffMembers(ids)
	names := map[uuid.UUID]*oapi.PersonName{}
	for _, m := range staff {
		names[m.ID] = &oapi.PersonName{Given: m.GivenName, Family: m.FamilyName}
	}
	return names, err
}

// disclosureOut shows staff an entry as it is. The patient is not told what the clinic keeps to itself,
// such as alerts and suggestions: of an operation its name only if patients call it too, of the records
// the types that patients read.
func (s *Server) disclosureOut(e *store.Entry, staff bool) oapi.Disclosure {
	out := oapi.Disclosure{
		ID: e.ID, Number: *e.Seq, At: e.At, Actor: actorOut(e.Actor), Outcome: oapi.AuditOutcome(e.Outcome), RecordTypes: []string{},
	}
	if staff || s.opensTo(rolePatient, e.Operation) {
		out.Operation = &e.Operation
	}
	for _, ev := range e.Events {
		if word := cmp.Or(recordType(ev.Record), ev.Record); staff || s.opensTo(rolePatient, records[ev.Record].shownBy) {
			out.RecordTypes = append(out.RecordTypes, word)
		}
	}
	slices.Sort(out.RecordTypes)
	out.RecordTypes = slices.Compact(out.RecordTypes)
	return out
}

// opensTo reports whether a role may call an operation.
func (s *Server) opensTo(role, operation string) bool {
	op, known := s.contract.Operation(operation)
	return known && slices.Contains(op.Access, role)
}
