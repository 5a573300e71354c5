package api

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListVisits lists a patient's visits, those planned last first.
func (s *Server) ListVisits(ctx context.Context, req oapi.ListVisitsRequestObject) (oapi.ListVisitsResponseObject, error) {
	status := treatment.VisitStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListVisits(req.PatientID, status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.VisitPage{Items: []oapi.Visit{}}
	for i := range rows {
		out.Items = append(out.Items, visitOut(ctx, &rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListVisits200JSONResponse{VisitPageJSONResponse: oapi.VisitPageJSONResponse{Body: out}}, nil
}

// BookVisit books a meeting of the patient with a provider.
func (s *Server) BookVisit(ctx context.Context, req oapi.BookVisitRequestObject) (oapi.BookVisitResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	patient, err := store.Find[store.Patient](tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	v := &store.Visit{PatientID: req.PatientID}
	v.Visit, err = treatment.Book(treatment.Booking{
		Kind: treatment.VisitKind(b.Kind), Mode: treatment.VisitMode(b.Mode), ProviderID: b.ProviderID,
		PlannedAt: b.PlannedAt, TimeZone: b.TimeZone, DurationMin: b.DurationMin,
	}, treatment.PatientStatus(patient.Status))
	if err != nil {
		return nil, err
	}
	if err := seesPatients(tx, b.ProviderID, "/providerId"); err != nil {
		return nil, err
	}
	if err := link(tx, v, b.AssessmentIds, b.AdjustmentIds); err != nil {
		return nil, err
	}
	if err := tx.BookVisit(v); err != nil {
		return nil, err
	}
	return oapi.BookVisit201JSONResponse{VisitJSONResponse: visitOut(ctx, v)}, nil
}

// seesPatients refuses to name somebody, in the member of the body that the pointer says, who does
// not see patients of the clinic.
func seesPatients(tx *store.Tx, id uuid.UUID, pointer string) error {
	m, err := notKnown(tx.StaffMember(id))
	if err == nil && (m == nil || !m.SeesPatients()) {
		err = notFoundIn(pointer)
	}
	return err
}

// link makes a visit be about these records of its patient; nil leaves a list as it is.
func link(tx *store.Tx, v *store.Visit, assessments, adjustments *[]uuid.UUID) error {
	var missing []problem.Fault
	for kind, ids := range map[string]*[]uuid.UUID{store.LinkAssessment: assessments, store.LinkAdjustment: adjustments} {
		if ids == nil {
			continue
		}
		v.Links = slices.DeleteFunc(v.Links, func(l store.VisitLink) bool { return l.Kind == kind })
		for i, id := range *ids {
			patient, err := tx.ResolvePatient(store.Ref{Param: kind + "Id", ID: id})
			switch {
			case errors.Is(err, store.ErrNotFound), err == nil && patient != v.PatientID:
				missing = append(missing, noRecord("/"+kind+"Ids/"+itoa(i)))
			case err != nil:
				return err
			}
			v.Links = append(v.Links, store.VisitLink{Kind: kind, RecordID: id})
		}
	}
	if len(missing) > 0 {
		return problem.New(problem.ReferenceNotFound, "refers to records that do not exist", missing...)
	}
	return nil
}

// ShowVisit shows a visit.
func (s *Server) ShowVisit(ctx context.Context, req oapi.ShowVisitRequestObject) (oapi.ShowVisitResponseObject, error) {
	v, err := store.From(ctx).Visit(req.VisitID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowVisit200JSONResponse{VisitJSONResponse: visitOut(ctx, v)}, nil
}

// UpdateVisit changes what is agreed on.
func (s *Server) UpdateVisit(ctx context.Context, req oapi.UpdateVisitRequestObject) (oapi.UpdateVisitResponseObject, error) {
	b := req.Body
	out, err := decideVisit(ctx, req.VisitID, "visit.updated", func(tx *store.Tx, v *store.Visit) (treatment.Visit, error) {
		to := v.Booking
		set(&to.Kind, textOf[treatment.VisitKind](b.Kind))
		set(&to.Mode, textOf[treatment.VisitMode](b.Mode))
		set(&to.ProviderID, b.ProviderID)
		set(&to.PlannedAt, b.PlannedAt)
		set(&to.TimeZone, b.TimeZone)
		set(&to.DurationMin, b.DurationMin)
		changed, err := v.Rebook(to)
		if err == nil && b.ProviderID != nil {
			err = seesPatients(tx, *b.ProviderID, "/providerId")
		}
		if err == nil {
			err = link(tx, v, b.AssessmentIds, b.AdjustmentIds)
		}
		return changed, err
	})
	return oapi.UpdateVisit200JSONResponse{VisitJSONResponse: out}, err
}

// CompleteVisit says that a visit took place, and what came of it.
func (s *Server) CompleteVisit(ctx context.Context, req oapi.CompleteVisitRequestObject) (oapi.CompleteVisitResponseObject, error) {
	b := req.Body
	out, err := decideVisit(ctx, req.VisitID, "visit.completed", func(tx *store.Tx, v *store.Visit) (treatment.Visit, error) {
		provider, err := tx.StaffMember(v.ProviderID)
		if err != nil {
			return v.Visit, err
		}
		completed, err := v.Complete(treatment.VisitCompletion{
			Note: b.Note, PatientSummary: orZero(b.PatientSummary), ExaminedInPerson: orZero(b.ExaminedInPerson),
			ProviderPrescribes: provider.Prescriber, By: callOf(ctx).who.actor.ID, Now: tx.Now,
		})
		if err == nil {
			err = link(tx, v, b.AssessmentIds, b.AdjustmentIds)
		}
		return completed, err
	})
	return oapi.CompleteVisit200JSONResponse{VisitJSONResponse: out}, err
}

// MarkNoShow says that the patient did not come.
func (s *Server) MarkNoShow(ctx context.Context, req oapi.MarkNoShowRequestObject) (oapi.MarkNoShowResponseObject, error) {
	out, err := decideVisit(ctx, req.VisitID, "visit.missed", func(tx *store.Tx, v *store.Visit) (treatment.Visit, error) {
		return v.MarkNoShow(tx.Now)
	})
	return oapi.MarkNoShow200JSONResponse{VisitJSONResponse: out}, err
}

// CancelVisit calls a visit off.
func (s *Server) CancelVisit(ctx context.Context, req oapi.CancelVisitRequestObject) (oapi.CancelVisitResponseObject, error) {
	out, err := decideVisit(ctx, req.VisitID, "visit.cancelled", func(_ *store.Tx, v *store.Visit) (treatment.Visit, error) {
		return v.Cancel(req.Body.Reason)
	})
	return oapi.CancelVisit200JSONResponse{VisitJSONResponse: out}, err
}

// cancelVisits calls off what is booked with a patient who leaves the clinic's care.
func cancelVisits(tx *store.Tx, patient uuid.UUID, reason string) error {
	visits, err := tx.BookedVisits(patient)
	if err != nil {
		return err
	}
	for i := range visits {
		v := &visits[i]
		if v.Visit, err = v.Cancel(reason); err != nil {
			return err
		}
		if err := tx.ChangeVisit("visit.cancelled", v); err != nil {
			return err
		}
	}
	return nil
}

// decideVisit applies a decision to a visit.
func decideVisit(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Visit) (treatment.Visit, error)) (out oapi.VisitJSONResponse, err error) {
	tx := store.From(ctx)
	v, err := tx.Visit(id)
	if err != nil {
		return out, err
	}
	if v.Visit, err = decide(tx, v); err != nil {
		return out, err
	}
	if err := tx.ChangeVisit(event, v); err != nil {
		return out, err
	}
	return visitOut(ctx, v), nil
}

// visitOut shows a visit. The provider's note is for staff, and so are adjustments, which patients
// see once they are applied.
func visitOut(ctx context.Context, v *store.Visit) oapi.VisitJSONResponse {
	out := oapi.Visit{
		ID: v.ID, Version: v.Version, PatientID: v.PatientID, Kind: oapi.VisitKind(v.Kind), Mode: oapi.VisitMode(v.Mode),
		ProviderID: v.ProviderID, PlannedAt: v.PlannedAt, TimeZone: v.TimeZone, DurationMin: v.DurationMin,
		Status: oapi.VisitStatus(v.Status), StatusReason: filled(v.StatusReason), AssessmentIds: v.Linked(store.LinkAssessment),
		PatientSummary: filled(v.PatientSummary), CompletedAt: v.CompletedAt, CompletedBy: v.CompletedBy,
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt,
	}
	if v.Status == treatment.VisitCompleted {
		out.ExaminedInPerson = &v.ExaminedInPerson
	}
	if callOf(ctx).who.staff() {
		out.Note, out.AdjustmentIds = filled(v.Note), new(v.Linked(store.LinkAdjustment))
	}
	return oapi.VisitJSONResponse{Body: out, Headers: oapi.VisitResponseHeaders{ETag: etag(v.Version), Location: location("visits", v.ID)}}
}
