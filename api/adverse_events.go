package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListAdverseEvents lists a patient's adverse events, the newest onset first: all of them for
// staff, the own reports for the patient.
func (s *Server) ListAdverseEvents(ctx context.Context, req oapi.ListAdverseEventsRequestObject) (oapi.ListAdverseEventsResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	filter := store.AdverseEventFilter{Status: treatment.AdverseEventStatus(orZero(req.Params.Status))}
	if !who.staff() {
		filter.RecordedBy = who.actor.String()
	}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListAdverseEvents(req.PatientID, filter, page)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	messages, err := s.safetyMessages(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	out := oapi.AdverseEventPage{Items: []oapi.AdverseEvent{}}
	for i := range rows {
		item := adverseEventOut(ctx, &rows[i]).Body
		item.SafetyMessage = messages[rows[i].ID]
		out.Items = append(out.Items, item)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListAdverseEvents200JSONResponse{AdverseEventPageJSONResponse: oapi.AdverseEventPageJSONResponse{Body: out}}, nil
}

// ReportAdverseEvent keeps what happened.
func (s *Server) ReportAdverseEvent(ctx context.Context, req oapi.ReportAdverseEventRequestObject) (oapi.ReportAdverseEventResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.addAdverseEvent(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	e, err := store.Find[store.AdverseEvent](tx, req.Body.ID)
	if err != nil {
		return nil, err
	}
	out := adverseEventOut(ctx, e)
	out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, e.ID)
	return oapi.ReportAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

func (s *Server) addAdverseEvent(ctx context.Context, tx *store.Tx, req oapi.ReportAdverseEventRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	e := &store.AdverseEvent{Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Told: said}
	if e.TreatmentID, e.SessionID, err = belongsTo(tx, req.PatientID, b.TreatmentID, b.SessionID); err != nil {
		return err
	}
	if b.ResolvedAt != nil {
		if err := notAhead(tx, *b.ResolvedAt, "/resolvedAt"); err != nil {
			return err
		}
	}
	e.AdverseEvent, err = treatment.ReportEvent(treatment.EventReport{
		Term: treatment.AdverseTerm(b.Term), Description: orZero(b.Description),
		Severity: treatment.ReportedSeverity(orZero(b.Severity)), OnsetAt: said.OccurredAt, ResolvedAt: b.ResolvedAt,
	})
	if err != nil {
		return err
	}
	if err := tx.Create("adverseEvent.reported", e); err != nil {
		return err
	}
	if e.SessionID != nil { // its review has not seen this
		if err := s.rejudge(ctx, tx, *e.SessionID); err != nil {
			return err
		}
	}
	return s.judgeEvent(ctx, tx, e)
}

// ShowAdverseEvent shows an adverse event, to patients only one that they reported.
func (s *Server) ShowAdverseEvent(ctx context.Context, req oapi.ShowAdverseEventRequestObject) (oapi.ShowAdverseEventResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	e, err := store.Find[store.AdverseEvent](tx, req.AdverseEventID)
	if err != nil {
		return nil, err
	}
	if !who.staff() && e.RecordedBy != who.actor.String() {
		return nil, store.ErrNotFound
	}
	out := adverseEventOut(ctx, e)
	out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, e.ID)
	return oapi.ShowAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// TriageAdverseEvent says that somebody has looked at a report.
func (s *Server) TriageAdverseEvent(ctx context.Context, req oapi.TriageAdverseEventRequestObject) (oapi.TriageAdverseEventResponseObject, error) {
	who := callOf(ctx).who.actor.ID
	out, err := s.judgeAdverseEvent(ctx, req.AdverseEventID, "adverseEvent.triaged", req.Body, func(tx *store.Tx, e *store.AdverseEvent, j treatment.EventJudgement) (treatment.AdverseEvent, error) {
		return e.Triage(j, e.OccurredAt, who, tx.Now)
	})
	return oapi.TriageAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// UpdateAdverseEvent says what the clinic makes of an event.
func (s *Server) UpdateAdverseEvent(ctx context.Context, req oapi.UpdateAdverseEventRequestObject) (oapi.UpdateAdverseEventResponseObject, error) {
	body := (*oapi.AdverseEventJudgement)(req.Body)
	out, err := s.judgeAdverseEvent(ctx, req.AdverseEventID, "adverseEvent.updated", body, func(_ *store.Tx, e *store.AdverseEvent, j treatment.EventJudgement) (treatment.AdverseEvent, error) {
		return e.Judge(j, e.OccurredAt)
	})
	return oapi.UpdateAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// CloseAdverseEvent ends the work on an event.
func (s *Server) CloseAdverseEvent(ctx context.Context, req oapi.CloseAdverseEventRequestObject) (oapi.CloseAdverseEventResponseObject, error) {
	who := callOf(ctx).who.actor.ID
	out, err := s.judgeAdverseEvent(ctx, req.AdverseEventID, "adverseEvent.closed", req.Body, func(tx *store.Tx, e *store.AdverseEvent, j treatment.EventJudgement) (treatment.AdverseEvent, error) {
		return e.Close(j, e.OccurredAt, who, tx.Now)
	})
	return oapi.CloseAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// ReopenAdverseEvent says that an event was not over.
func (s *Server) ReopenAdverseEvent(ctx context.Context, req oapi.ReopenAdverseEventRequestObject) (oapi.ReopenAdverseEventResponseObject, error) {
	out, err := s.decideAdverseEvent(ctx, req.AdverseEventID, "adverseEvent.reopened", func(_ *store.Tx, e *store.AdverseEvent) (treatment.AdverseEvent, error) {
		return e.Reopen(req.Body.Reason)
	})
	return oapi.ReopenAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// VoidAdverseEvent says that an event was entered in error. Alerts that it raised stay.
func (s *Server) VoidAdverseEvent(ctx context.Context, req oapi.VoidAdverseEventRequestObject) (oapi.VoidAdverseEventResponseObject, error) {
	out, err := s.decideAdverseEvent(ctx, req.AdverseEventID, "adverseEvent.enteredInError", func(_ *store.Tx, e *store.AdverseEvent) (treatment.AdverseEvent, error) {
		return e.Void(req.Body.Reason)
	})
	return oapi.VoidAdverseEvent200JSONResponse{AdverseEventJSONResponse: out}, err
}

// judgeAdverseEvent applies a decision that brings along what the clinic makes of the event.
func (s *Server) judgeAdverseEvent(ctx context.Context, id uuid.UUID, event string, b *oapi.AdverseEventJudgement,
	decide func(*store.Tx, *store.AdverseEvent, treatment.EventJudgement) (treatment.AdverseEvent, error),
) (oapi.AdverseEventJSONResponse, error) {
	return s.decideAdverseEvent(ctx, id, event, func(tx *store.Tx, e *store.AdverseEvent) (treatment.AdverseEvent, error) {
		j := mergeJudgement(e.EventJudgement, b)
		if j.ResolvedAt != nil {
			if err := notAhead(tx, *j.ResolvedAt, "/resolvedAt"); err != nil {
				return e.AdverseEvent, err
			}
		}
		return decide(tx, e, j)
	})
}

// decideAdverseEvent applies a decision to an event and raises what follows from it.
func (s *Server) decideAdverseEvent(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.AdverseEvent) (treatment.AdverseEvent, error)) (out oapi.AdverseEventJSONResponse, err error) {
	tx := store.From(ctx)
	e, err := store.Find[store.AdverseEvent](tx, id)
	if err != nil {
		return out, err
	}
	if e.AdverseEvent, err = decide(tx, e); err != nil {
		return out, err
	}
	if err := tx.Change(event, e); err != nil {
		return out, err
	}
	return adverseEventOut(ctx, e), s.judgeEvent(ctx, tx, e)
}

// judgeEvent raises the alerts that an event gives reason for, each of a severity once: a
// judgement that stays as it is while others are added is no news.
func (s *Server) judgeEvent(ctx context.Context, tx *store.Tx, e *store.AdverseEvent) error {
	raised := treatment.JudgeEvent(e.AdverseEvent)
	if len(raised) == 0 {
		return nil
	}
	alerts, err := tx.AlertsOf(e.ID)
	if err != nil {
		return err
	}
	raised = slices.DeleteFunc(raised, func(r treatment.Raised) bool {
		return slices.ContainsFunc(alerts, func(a store.Alert) bool { return a.Rule == r.Rule && a.FoundSeverity == r.Severity })
	})
	course, policy, err := s.policyFor(tx, e.PatientID, e.TreatmentID)
	if err != nil {
		return err
	}
	return s.raise(ctx, tx, e.PatientID, course, store.AlertSource{Type: store.SourceAdverseEvent, ID: e.ID}, policy, raised)
}

// mergeJudgement applies a merge patch to what the clinic makes of an event.
func mergeJudgement(j treatment.EventJudgement, b *oapi.AdverseEventJudgement) treatment.EventJudgement {
	setOrClear(&j.ResolvedAt, b.ResolvedAt)
	setOrClear(&j.Grade, b.Grade)
	setOrClear(&j.Serious, b.Serious)
	setOrEmpty(&j.SeriousCriterion, b.SeriousCriterion)
	setOrEmpty(&j.Causality, b.Causality)
	setOrEmpty(&j.Outcome, b.Outcome)
	setOrClear(&j.Expected, b.Expected)
	setOrEmpty(&j.ActionTaken, b.ActionTaken)
	setOrClear(&j.FollowUpDueAt, b.FollowUpDueAt)
	set(&j.RegulatoryReport, textOf[treatment.RegulatoryReport](b.RegulatoryReport))
	return j
}

// adverseEventOut shows an event. What the clinic makes of it is for staff.
func adverseEventOut(ctx context.Context, e *store.AdverseEvent) oapi.AdverseEventJSONResponse {
	out := oapi.AdverseEvent{
		ID: e.ID, Version: e.Version, PatientID: e.PatientID, TreatmentID: e.TreatmentID, SessionID: e.SessionID,
		OccurredAt: e.OccurredAt, TimeZone: e.TimeZone, ReportedBy: oapi.ReportedBy(e.ReportedBy), Mode: oapi.Mode(e.Mode),
		ClockSkew: e.ClockSkew, RecordedBy: actorOut(e.RecordedBy), RecordedAt: e.CreatedAt,
		Term: oapi.AdverseTerm(e.Term), SnomedCode: filled(e.Term.SNOMED()), Description: filled(e.Description),
		Severity: filled(oapi.ReportedSeverity(e.Severity)), ResolvedAt: e.ResolvedAt, Status: oapi.AdverseEventStatus(e.Status),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if callOf(ctx).who.staff() {
		out.StatusReason, out.Grade, out.Serious = filled(e.StatusReason), e.Grade, e.Serious
		out.SeriousCriterion, out.Causality = filled(oapi.SeriousCriterion(e.SeriousCriterion)), filled(oapi.Causality(e.Causality))
		out.Outcome, out.Expected, out.ActionTaken = filled(oapi.EventOutcome(e.Outcome)), e.Expected, filled(e.ActionTaken)
		out.FollowUpDueAt, out.RegulatoryReport = e.FollowUpDueAt, filled(oapi.RegulatoryReport(e.RegulatoryReport))
		out.TriagedAt, out.TriagedBy, out.ClosedAt, out.ClosedBy = e.TriagedAt, e.TriagedBy, e.ClosedAt, e.ClosedBy
	}
	return oapi.AdverseEventJSONResponse{
		Headers: oapi.AdverseEventResponseHeaders{ETag: etag(e.Version), Location: location("adverse-events", e.ID)}, Body: out,
	}
}
