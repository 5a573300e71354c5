package api

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListFollowUps lists a patient's follow-ups, those due last first; what is for the staff is not for the
// patient to see.
func (s *Server) ListFollowUps(ctx context.Context, req oapi.ListFollowUpsRequestObject) (oapi.ListFollowUpsResponseObject, error) {
	filter := store.FollowUpFilter{Status: treatment.FollowUpStatus(orZero(req.Params.Status))}
	if !callOf(ctx).who.staff() {
		filter.Audience = treatment.AudiencePatient
	}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListFollowUps(req.PatientID, filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.FollowUpPage{Items: []oapi.FollowUp{}}
	for i := range rows {
		out.Items = append(out.Items, followUpOut(ctx, &rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListFollowUps200JSONResponse{FollowUpPageJSONResponse: oapi.FollowUpPageJSONResponse{Body: out}}, nil
}

// ScheduleFollowUp schedules something by hand.
func (s *Server) ScheduleFollowUp(ctx context.Context, req oapi.ScheduleFollowUpRequestObject) (oapi.ScheduleFollowUpResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	patient, err := store.Find[store.Patient](tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	var asked store.Assessment
	if b.Instrument != nil {
		if err := named(tx, &asked, *b.Instrument, nil); err != nil {
			return nil, err
		}
	}
	course, policy, err := s.policyFor(tx, req.PatientID, nil)
	if err != nil {
		return nil, err
	}
	f := &store.FollowUp{PatientID: req.PatientID, TreatmentID: course}
	f.FollowUp, err = treatment.ScheduleFollowUp(treatment.FollowUpPlan{
		Title: b.Title, Audience: treatment.Audience(b.For), Instrument: asked.Instrument, DueAt: b.DueAt,
		TimeZone: patient.TimeZone, Patient: treatment.PatientStatus(patient.Status), Now: tx.Now, Protocol: *policy,
	})
	if err != nil {
		return nil, err
	}
	if err := tx.Create("followUp.scheduled", f); err != nil {
		return nil, err
	}
	return oapi.ScheduleFollowUp201JSONResponse{FollowUpJSONResponse: followUpOut(ctx, f)}, nil
}

// ShowFollowUp shows a follow-up.
func (s *Server) ShowFollowUp(ctx context.Context, req oapi.ShowFollowUpRequestObject) (oapi.ShowFollowUpResponseObject, error) {
	f, err := followUpFor(ctx, req.FollowUpID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowFollowUp200JSONResponse{FollowUpJSONResponse: followUpOut(ctx, f)}, nil
}

// RescheduleFollowUp moves a follow-up to another time.
func (s *Server) RescheduleFollowUp(ctx context.Context, req oapi.RescheduleFollowUpRequestObject) (oapi.RescheduleFollowUpResponseObject, error) {
	out, err := decideFollowUp(ctx, req.FollowUpID, "followUp.rescheduled", func(tx *store.Tx, f *store.FollowUp) (treatment.FollowUp, error) {
		f.Missed = false
		return f.Reschedule(req.Body.DueAt, req.Body.Reason, tx.Now)
	})
	return oapi.RescheduleFollowUp200JSONResponse{FollowUpJSONResponse: out}, err
}

// CompleteFollowUp says that a follow-up is done.
func (s *Server) CompleteFollowUp(ctx context.Context, req oapi.CompleteFollowUpRequestObject) (oapi.CompleteFollowUpResponseObject, error) {
	b := req.Body
	out, err := decideFollowUp(ctx, req.FollowUpID, "followUp.done", func(tx *store.Tx, f *store.FollowUp) (treatment.FollowUp, error) {
		c := treatment.FollowUpCompletion{AssessmentID: b.AssessmentID, Note: orZero(b.Note), By: callOf(ctx).who.actor.String(), Now: tx.Now}
		if b.AssessmentID != nil {
			a, err := store.Find[store.Assessment](tx, *b.AssessmentID)
			if errors.Is(err, store.ErrNotFound) || err == nil && a.PatientID != f.PatientID {
				err = notFoundIn("/assessmentId")
			}
			if err != nil {
				return f.FollowUp, err
			}
			c.Answered = a.Instrument == f.Instrument && (a.Status == treatment.AssessmentSubmitted || a.Status == treatment.AssessmentReviewed)
		}
		return f.Complete(c)
	})
	return oapi.CompleteFollowUp200JSONResponse{FollowUpJSONResponse: out}, err
}

// CancelFollowUp says that a follow-up will not be done.
func (s *Server) CancelFollowUp(ctx context.Context, req oapi.CancelFollowUpRequestObject) (oapi.CancelFollowUpResponseObject, error) {
	out, err := decideFollowUp(ctx, req.FollowUpID, "followUp.cancelled", func(tx *store.Tx, f *store.FollowUp) (treatment.FollowUp, error) {
		return f.Cancel(req.Body.Reason, callOf(ctx).who.actor.String(), tx.Now)
	})
	return oapi.CancelFollowUp200JSONResponse{FollowUpJSONResponse: out}, err
}

// decideFollowUp applies a decision to a follow-up. When that closes it, its series goes on.
func decideFollowUp(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.FollowUp) (treatment.FollowUp, error)) (out oapi.FollowUpJSONResponse, err error) {
	tx := store.From(ctx)
	f, err := followUpFor(ctx, id)
	if err != nil {
		return out, err
	}
	if f.FollowUp, err = decide(tx, f); err != nil {
		return out, err
	}
	if err := tx.Change(event, f); err != nil {
		return out, err
	}
	if f.Status != treatment.FollowUpOpen {
		if err := goOn(tx, f); err != nil {
			return out, err
		}
	}
	return followUpOut(ctx, f), nil
}

// followUpFor returns a follow-up, but to a patient nothing that is for the staff.
func followUpFor(ctx context.Context, id uuid.UUID) (*store.FollowUp, error) {
	f, err := store.Find[store.FollowUp](store.From(ctx), id)
	if err == nil && f.Audience != treatment.AudiencePatient && !callOf(ctx).who.staff() {
		err = store.ErrNotFound
	}
	return f, err
}

func followUpOut(ctx context.Context, f *store.FollowUp) oapi.FollowUpJSONResponse {
	status, derived := f.StatusAt(store.From(ctx).Now), ""
	if status != f.Status {
		derived = string(status)
	}
	out := oapi.FollowUp{
		ID: f.ID, Version: f.Version, PatientID: f.PatientID, TreatmentID: f.TreatmentID, SessionID: f.SessionID,
		Series: filled(f.Series), Title: f.Title, For: oapi.Audience(f.Audience), Instrument: filled(f.Instrument),
		DueAt: f.DueAt, OverdueAt: f.OverdueAt, MissedAt: f.MissedAt, TimeZone: f.TimeZone,
		Status: oapi.FollowUpStatus(status), StatusReason: filled(f.StatusReason), AssessmentID: f.AssessmentID, Note: filled(f.Note),
		ClosedAt: f.ClosedAt, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
	if f.Series != "" {
		out.Occurrence = &f.Occurrence
	}
	if f.ClosedBy != "" {
		out.ClosedBy = new(actorOut(f.ClosedBy))
	}
	return oapi.FollowUpJSONResponse{Body: out, Headers: oapi.FollowUpResponseHeaders{ETag: etag(f.Version, derived), Location: location("follow-ups", f.ID)}}
}
