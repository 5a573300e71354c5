package api

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListSessions lists a treatment's sessions, newest first, without their facts.
func (s *Server) ListSessions(ctx context.Context, req oapi.ListSessionsRequestObject) (oapi.ListSessionsResponseObject, error) {
	tx, status := store.From(ctx), treatment.SessionStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	course, err := tx.Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	policy, err := policyOf(tx, course.ProtocolID)
	if err != nil {
		return nil, err
	}
	missedBefore := tx.Now.Add(-time.Duration(policy.Sessions.MissedAfterHours) * time.Hour)
	rows, key, err := tx.ListSessions(req.TreatmentID, status, missedBefore, page)
	if err != nil {
		return nil, err
	}
	out := oapi.SessionPage{Items: []oapi.Session{}}
	for i := range rows {
		item, err := sessionOut(ctx, &rows[i], nil, *policy, tx.Now)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListSessions200JSONResponse{SessionPageJSONResponse: oapi.SessionPageJSONResponse{Body: out}}, nil
}

// ScheduleSession plans a session.
func (s *Server) ScheduleSession(ctx context.Context, req oapi.ScheduleSessionRequestObject) (oapi.ScheduleSessionResponseObject, error) {
	tx := store.From(ctx)
	c, err := loadCourse(tx, req.TreatmentID)
	if err != nil {
		return nil, err
	}
	known, err := c.scheduling(tx, uuid.Nil, req.Body.PlannedAt, req.Body.TimeZone)
	if err != nil {
		return nil, err
	}
	plan, err := treatment.Schedule(known)
	if err != nil {
		return nil, err
	}
	row := &store.Session{PatientID: c.row.PatientID, TreatmentID: c.row.ID, Plan: plan}
	if err := c.judge(tx, row, nil); err != nil {
		return nil, err
	}
	if err := tx.Create("session.scheduled", row); err != nil {
		return nil, err
	}
	out, err := sessionOut(ctx, row, nil, *c.policy, tx.Now)
	return oapi.ScheduleSession201JSONResponse{SessionJSONResponse: out}, err
}

// ShowSession shows a session with all its facts.
func (s *Server) ShowSession(ctx context.Context, req oapi.ShowSessionRequestObject) (oapi.ShowSessionResponseObject, error) {
	out, err := s.showSession(ctx, req.SessionID)
	return oapi.ShowSession200JSONResponse{SessionJSONResponse: out}, err
}

func (s *Server) showSession(ctx context.Context, id uuid.UUID) (out oapi.SessionJSONResponse, err error) {
	tx := store.From(ctx)
	row, err := store.Find[store.Session](tx, id)
	if err != nil {
		return out, err
	}
	facts, err := tx.Facts(id)
	if err != nil {
		return out, err
	}
	if err := withOverrides(tx, row, facts); err != nil {
		return out, err
	}
	course, err := tx.Course(row.TreatmentID)
	if err != nil {
		return out, err
	}
	policy, err := policyOf(tx, course.ProtocolID)
	if err != nil {
		return out, err
	}
	return sessionOut(ctx, row, facts, *policy, tx.Now)
}

// RescheduleSession plans a session anew, before its dose.
func (s *Server) RescheduleSession(ctx context.Context, req oapi.RescheduleSessionRequestObject) (oapi.RescheduleSessionResponseObject, error) {
	out, err := s.decideSession(ctx, req.SessionID, "session.rescheduled", func(tx *store.Tx, c *courseOf, row *store.Session, _ []store.SessionFact) (treatment.Plan, error) {
		known, err := c.scheduling(tx, row.ID, req.Body.PlannedAt, req.Body.TimeZone)
		if err != nil {
			return row.Plan, err
		}
		return row.Reschedule(row.Session, known, req.Body.Reason)
	})
	return oapi.RescheduleSession200JSONResponse{SessionJSONResponse: out}, err
}

// CancelSession calls a session off, before its dose.
func (s *Server) CancelSession(ctx context.Context, req oapi.CancelSessionRequestObject) (oapi.CancelSessionResponseObject, error) {
	out, err := s.decideSession(ctx, req.SessionID, "session.cancelled", func(tx *store.Tx, _ *courseOf, row *store.Session, _ []store.SessionFact) (treatment.Plan, error) {
		return row.Cancel(row.Session, req.Body.Reason, tx.Now)
	})
	return oapi.CancelSession200JSONResponse{SessionJSONResponse: out}, err
}

// ReviewSession says that somebody looked at every deviation and adverse event. The version in If-Match stands
// for the facts that were seen.
func (s *Server) ReviewSession(ctx context.Context, req oapi.ReviewSessionRequestObject) (oapi.ReviewSessionResponseObject, error) {
	who := callOf(ctx).who.actor.ID
	out, err := s.decideSession(ctx, req.SessionID, "session.reviewed", func(tx *store.Tx, _ *courseOf, row *store.Session, facts []store.SessionFact) (treatment.Plan, error) {
		events, err := tx.AdverseEventsOf(row.ID)
		if err != nil {
			return row.Plan, err
		}
		return row.Review(row.Session, factsOf(facts), events, who, req.Body.Note, tx.Now)
	})
	return oapi.ReviewSession200JSONResponse{SessionJSONResponse: out}, err
}

// VoidSession says that a session was entered in error.
func (s *Server) VoidSession(ctx context.Context, req oapi.VoidSessionRequestObject) (oapi.VoidSessionResponseObject, error) {
	out, err := s.decideSession(ctx, req.SessionID, "session.enteredInError", func(tx *store.Tx, _ *courseOf, row *store.Session, _ []store.SessionFact) (treatment.Plan, error) {
		return row.Void(req.Body.Reason, tx.Now)
	})
	return oapi.VoidSession200JSONResponse{SessionJSONResponse: out}, err
}

// decideSession applies a decision to a session's plan and computes the session anew.
func (s *Server) decideSession(ctx context.Context, id uuid.UUID, event string,
	decide func(*store.Tx, *courseOf, *store.Session, []store.SessionFact) (treatment.Plan, error),
) (out oapi.SessionJSONResponse, err error) {
	tx := store.From(ctx)
	row, err := store.Find[store.Session](tx, id)
	if err != nil {
		return out, err
	}
	c, err := loadCourse(tx, row.TreatmentID)
	if err != nil {
		return out, err
	}
	facts, err := tx.Facts(id)
	if err != nil {
		return out, err
	}
	if row.Plan, err = decide(tx, c, row, facts); err != nil {
		return out, err
	}
	if err := s.settle(ctx, tx, c, row, facts, event); err != nil {
		return out, err
	}
	return sessionOut(ctx, row, facts, *c.policy, tx.Now)
}

// VoidSessionFact strikes a fact out; the session is computed anew without it.
func (s *Server) VoidSessionFact(ctx context.Context, req oapi.VoidSessionFactRequestObject) (oapi.VoidSessionFactResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	row, err := store.Find[store.Session](tx, req.SessionID)
	if err != nil {
		return nil, err
	}
	f, err := tx.Fact(req.FactID)
	if err == nil && f.SessionID != row.ID {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !f.Counts():
		return nil, problem.New(problem.IllegalTransition, "the fact was struck out before")
	case !who.staff() && f.RecordedBy != who.actor.String():
		return nil, problem.New(problem.Forbidden, "patients strike out what they recorded themselves")
	case !who.staff() && row.Status == treatment.SessionReviewed:
		return nil, problem.New(problem.IllegalTransition, "the session is reviewed: ask the clinic to strike the fact out")
	}
	if err := tx.StrikeOutFact(f, req.Body.Reason, req.Body.ReplacedBy); err != nil {
		return nil, err
	}
	out, err := s.decideSession(ctx, row.ID, "session.updated", func(_ *store.Tx, _ *courseOf, row *store.Session, _ []store.SessionFact) (treatment.Plan, error) {
		return row.Plan, row.TakesFacts()
	})
	return oapi.VoidSessionFact200JSONResponse{SessionJSONResponse: out}, err
}

// cancelPlanned calls off what a treatment still has in the plan when it ends, or when a consent
// that it requires is withdrawn. What was missed until then stays missed.
func cancelPlanned(tx *store.Tx, course uuid.UUID, reason string) error {
	rows, err := tx.PlannedSessions(course)
	if err != nil || len(rows) == 0 {
		return err
	}
	c, err := loadCourse(tx, course)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		if row.StatusAt(row.Plan, *c.policy, tx.Now) == treatment.SessionMissed {
			continue
		}
		if row.Plan, err = row.Cancel(row.Session, reason, tx.Now); err != nil {
			return err
		}
		facts, err := tx.Facts(row.ID)
		if err != nil {
			return err
		}
		if err := c.judge(tx, row, facts); err != nil {
			return err
		}
		if err := tx.Change("session.cancelled", row); err != nil {
			return err
		}
	}
	return nil
}

// notKnown turns "no such record" into nothing: what is not known is nil for the rules.
func notKnown[T any](row *T, err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return row, err
}
