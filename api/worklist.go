package api

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ShowWorklist lists the patients who need attention, the most urgent first.
func (s *Server) ShowWorklist(ctx context.Context, req oapi.ShowWorklistRequestObject) (oapi.ShowWorklistResponseObject, error) {
	tx, p := store.From(ctx), req.Params
	filter := store.WorkFilter{
		Reason: treatment.WorkReason(orZero(p.Reason)), Severity: treatment.Severity(orZero(p.Severity)), Staff: orZero(p.StaffID),
	}
	page, err := s.page(ctx, p.Limit, p.Cursor, filter)
	if err != nil {
		return nil, err
	}
	_, policy, err := clinicPolicy(tx)
	if err != nil {
		return nil, err
	}
	list, err := tx.Worklist(policy.Worklist)
	if err != nil {
		return nil, err
	}
	w := &worklist{list: list, filter: filter, after: page.After, limit: page.Limit + 1}
	if err := w.gather(); err != nil {
		return nil, err
	}
	var key *store.Key
	if len(w.patients) > page.Limit {
		w.patients = w.patients[:page.Limit]
		key = keyOf(w.patients[page.Limit-1].first)
	}
	out, err := w.out(tx)
	if err != nil {
		return nil, err
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ShowWorklist200JSONResponse{WorklistJSONResponse: oapi.WorklistJSONResponse{Body: out}}, nil
}

// worklist is one page of the list, being gathered, with one patient more: that there is a next page. What waits is read in the order of its urgency;
// each patient stands where the most urgent thing about them stands.
type worklist struct {
	list   *store.Worklist
	filter store.WorkFilter
	after  *store.Key
	limit  int

	seen     map[uuid.UUID]bool
	patients []waitingPatient
}

// waitingPatient is a patient with the most urgent thing that the filter lets through.
type waitingPatient struct {
	id    uuid.UUID
	first store.WorkItem
}

// gather reads until the page is full or nothing is left.
func (w *worklist) gather() error {
	w.seen = map[uuid.UUID]bool{}
	for _, severity := range slices.Backward(treatment.Severities) {
		if w.filter.Severity != "" && w.filter.Severity != severity || w.after != nil && severity.GraverThan(treatment.Severity(w.after.Text)) {
			continue
		}
		after := w.after
		if after != nil && treatment.Severity(after.Text) != severity {
			after = nil
		}
		for len(w.patients) < w.limit {
			items, more, err := w.next(severity, after)
			if err != nil {
				return err
			}
			if err := w.take(items); err != nil {
				return err
			}
			if !more {
				break
			}
			after = keyOf(items[len(items)-1])
		}
	}
	w.patients = w.patients[:min(len(w.patients), w.limit)]
	return nil
}

// next reads what waits with a severity after a key, of all sources together. more says that there is
// something behind it.
func (w *worklist) next(severity treatment.Severity, after *store.Key) (items []store.WorkItem, more bool, err error) {
	var horizon *store.WorkItem // behind it a source may have something that was not read
	for _, source := range w.list.Sources {
		if !source.Has(w.filter.Reason) || !source.Alerts() && source.Severity() != severity {
			continue
		}
		f := w.filter
		f.Severity = severity
		some, err := w.list.Next(source, f, after, w.limit)
		if err != nil {
			return nil, false, err
		}
		if n := len(some); n == w.limit && (horizon == nil || sooner(some[n-1], *horizon) < 0) {
			horizon = &some[n-1]
		}
		items = append(items, some...)
	}
	slices.SortFunc(items, sooner)
	if horizon == nil {
		return items, false, nil
	}
	end, _ := slices.BinarySearchFunc(items, *horizon, sooner)
	return items[:end+1], true, nil
}

// sooner orders what is equally urgent: by the deadline, then by the record.
func sooner(a, b store.WorkItem) int {
	return cmp.Or(a.DueAt.Compare(b.DueAt), bytes.Compare(a.ID[:], b.ID[:]))
}

// urgency orders everything.
func urgency(a, b store.WorkItem) int {
	return cmp.Or(slices.Index(treatment.Severities, b.Severity)-slices.Index(treatment.Severities, a.Severity), sooner(a, b))
}

// take adds the patients of items that are not on the page yet, nor on one before.
func (w *worklist) take(items []store.WorkItem) error {
	var fresh []waitingPatient
	for _, item := range items {
		if !w.seen[item.PatientID] {
			w.seen[item.PatientID] = true
			fresh = append(fresh, waitingPatient{item.PatientID, item})
		}
	}
	if w.after == nil || len(fresh) == 0 {
		w.patients = append(w.patients, fresh...)
		return nil
	}
	all, err := w.of(w.filter, idsOf(fresh))
	if err != nil {
		return err
	}
	for _, p := range fresh {
		if first := all[p.id]; len(first) == 0 || urgency(first[0], p.first) >= 0 {
			w.patients = append(w.patients, p)
		}
	}
	return nil
}

// of reads everything that waits for patients, by patient and the most urgent first.
func (w *worklist) of(f store.WorkFilter, patients []uuid.UUID) (map[uuid.UUID][]store.WorkItem, error) {
	all := map[uuid.UUID][]store.WorkItem{}
	for _, source := range w.list.Sources {
		if !source.Has(f.Reason) || f.Severity != "" && !source.Alerts() && source.Severity() != f.Severity {
			continue
		}
		items, err := w.list.Of(source, f, patients)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			all[item.PatientID] = append(all[item.PatientID], item)
		}
	}
	for _, items := range all {
		slices.SortFunc(items, urgency)
	}
	return all, nil
}

func idsOf(patients []waitingPatient) []uuid.UUID {
	ids := make([]uuid.UUID, len(patients))
	for i, p := range patients {
		ids[i] = p.id
	}
	return ids
}

func keyOf(item store.WorkItem) *store.Key {
	return &store.Key{Time: item.DueAt, Text: string(item.Severity), ID: item.ID}
}

// out shows the page: each patient with everything that waits, whatever the filter.
func (w *worklist) out(tx *store.Tx) (oapi.Worklist, error) {
	out := oapi.Worklist{Items: []oapi.WorklistPatient{}}
	if len(w.patients) == 0 {
		return out, nil
	}
	ids := idsOf(w.patients)
	all, err := w.of(store.WorkFilter{}, ids)
	if err != nil {
		return out, err
	}
	named, err := tx.PatientsNamed(ids)
	if err != nil {
		return out, err
	}
	treated, err := tx.ResponsibleFor(ids)
	if err != nil {
		return out, err
	}
	for _, p := range w.patients {
		patient := named[p.id]
		item := oapi.WorklistPatient{
			PatientID: p.id, GivenName: patient.GivenName, FamilyName: patient.FamilyName,
			Severity: oapi.Severity(p.first.Severity), DueAt: p.first.DueAt, Reasons: []oapi.WorklistReason{},
		}
		if t, open := treated[p.id]; open {
			item.TreatmentID, item.ResponsiblePrescriberID = &t.ID, &t.ResponsiblePrescriberID
		}
		for _, r := range all[p.id] {
			item.Reasons = append(item.Reasons, reasonOut(r, tx.Now))
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

func reasonOut(r store.WorkItem, now time.Time) oapi.WorklistReason {
	return oapi.WorklistReason{
		Reason: oapi.WorkReason(r.Reason), Severity: oapi.Severity(r.Severity), Since: r.Since, DueAt: r.DueAt, Overdue: !now.Before(r.DueAt),
		Record: oapi.WorklistRecord{Type: oapi.WorklistRecordType(r.Record), ID: r.ID}, Detail: filled(r.Detail), AssignedTo: r.AssignedTo,
	}
}
