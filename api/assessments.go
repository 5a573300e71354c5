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

// ListAssessments lists a patient's assessments, newest first.
func (s *Server) ListAssessments(ctx context.Context, req oapi.ListAssessmentsRequestObject) (oapi.ListAssessmentsResponseObject, error) {
	tx := store.From(ctx)
	filter := store.AssessmentFilter{
		Status:     treatment.AssessmentStatus(orZero(req.Params.Status)),
		Instrument: orZero(req.Params.Instrument),
	}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListAssessments(req.PatientID, filter, page)
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
	out := oapi.AssessmentPage{Items: []oapi.Assessment{}}
	for i := range rows {
		item, err := assessmentOut(ctx, &rows[i], tx.Now)
		if err != nil {
			return nil, err
		}
		item.Body.SafetyMessage = messages[rows[i].ID]
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListAssessments200JSONResponse{AssessmentPageJSONResponse: oapi.AssessmentPageJSONResponse{Body: out}}, nil
}

// ShowAssessment shows an assessment with its answers and score.
func (s *Server) ShowAssessment(ctx context.Context, req oapi.ShowAssessmentRequestObject) (oapi.ShowAssessmentResponseObject, error) {
	out, err := s.storedAssessment(ctx, store.From(ctx), req.AssessmentID)
	return oapi.ShowAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

// AssignAssessment asks the patient to answer an instrument.
func (s *Server) AssignAssessment(ctx context.Context, req oapi.AssignAssessmentRequestObject) (oapi.AssignAssessmentResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	a := &store.Assessment{
		PatientID: req.PatientID, Status: treatment.AssessmentAssigned, DueAt: new(b.DueAt.UTC()), At: tx.Now,
	}
	err := named(tx, a, b.Instrument, nil)
	if err != nil {
		return nil, err
	}
	if a.TreatmentID, a.SessionID, err = belongsTo(tx, req.PatientID, b.TreatmentID, b.SessionID); err != nil {
		return nil, err
	}
	_, policy, err := s.policyFor(tx, a.PatientID, a.TreatmentID)
	if err != nil {
		return nil, err
	}
	if a.ExpiresAt, err = expiry(b, policy, tx.Now); err != nil {
		return nil, err
	}
	a.OverdueAt = new(policy.AnswersOverdueAt(a.Instrument, *a.DueAt))
	if err := tx.Create("assessment.assigned", a); err != nil {
		return nil, err
	}
	out, err := assessmentOut(ctx, a, tx.Now)
	return oapi.AssignAssessment201JSONResponse{AssessmentJSONResponse: out}, err
}

// expiry is when an assignment expires: as it says, or so long after it is due as the protocol
// says. One that would expire before it is due, or has expired by now, is a slip.
func expiry(b *oapi.AssessmentInput, policy *treatment.Protocol, now time.Time) (*time.Time, error) {
	at, pointer := b.DueAt.UTC().AddDate(0, 0, policy.Assessments.ExpireAfterDays), "/dueAt"
	if b.ExpiresAt != nil {
		at, pointer = b.ExpiresAt.UTC(), "/expiresAt"
	}
	if at.Before(b.DueAt) || !at.After(now) {
		return nil, problem.New(problem.InvalidRequest, "an assignment expires after it is due, and in the future",
			problem.Fault{In: problem.InBody, Pointer: pointer, Code: "minimum", Detail: "lies too early"})
	}
	return &at, nil
}

// RecordAssessment keeps answers that were not asked for, or that somebody wrote down on
// paper. The id is the client's.
func (s *Server) RecordAssessment(ctx context.Context, req oapi.RecordAssessmentRequestObject) (oapi.RecordAssessmentResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.addAssessment(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	out, err := s.storedAssessment(ctx, tx, req.AssessmentID)
	return oapi.RecordAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

func (s *Server) addAssessment(ctx context.Context, tx *store.Tx, req oapi.RecordAssessmentRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	a := &store.Assessment{Record: store.Record{ID: req.AssessmentID}, PatientID: req.PatientID, Status: treatment.AssessmentSubmitted}
	if err := named(tx, a, b.Instrument, b.ScoringVersion); err != nil {
		return err
	}
	if a.TreatmentID, a.SessionID, err = belongsTo(tx, req.PatientID, b.TreatmentID, b.SessionID); err != nil {
		return err
	}
	a.Submit(a.ID, said, tx.Now)
	result, err := score(ctx, tx, a, b.Answers)
	if err != nil {
		return err
	}
	err = tx.Create("assessment.submitted", a)
	if errors.Is(err, store.ErrConflict) {
		return store.ErrIDInUse // an assigned one has the id, perhaps another patient's
	}
	if err != nil {
		return err
	}
	return s.judgeAnswers(ctx, tx, a, b.Answers, result)
}

// SubmitAssessment takes the answers to an assigned assessment. Answers are a fact, so that an
// expired or cancelled one takes them too. One that has answers keeps them: others that were
// given independently, on a second phone say, are an assessment of their own.
func (s *Server) SubmitAssessment(ctx context.Context, req oapi.SubmitAssessmentRequestObject) (oapi.SubmitAssessmentResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.submitAnswers(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	out, err := s.storedAssessment(ctx, tx, req.AssessmentID)
	return oapi.SubmitAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

func (s *Server) submitAnswers(ctx context.Context, tx *store.Tx, req oapi.SubmitAssessmentRequestObject) error {
	b := req.Body
	a, err := store.Find[store.Assessment](tx, req.AssessmentID)
	if err != nil {
		return err
	}
	if a.Status == treatment.AssessmentSubmitted || a.Status == treatment.AssessmentReviewed {
		return problem.New(problem.IllegalTransition, "an assessment that is "+string(a.Status)+" has answers: "+
			"correct them with amendAssessment, or record these as an assessment of their own with recordAssessment")
	}
	if a.Status, err = a.Status.Submit(); err != nil {
		return err
	}
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	a.StatusReason = "" // why it had been cancelled stays in the history
	a.Submit(b.ID, said, tx.Now)
	result, err := score(ctx, tx, a, b.Answers)
	if err != nil {
		return err
	}
	if err := tx.Change("assessment.submitted", a); err != nil {
		return err
	}
	return s.judgeAnswers(ctx, tx, a, b.Answers, result)
}

// AmendAssessment corrects answers. The assessment is scored and judged again, and has to be
// reviewed again. Patients amend what they answered themselves, until it is reviewed.
func (s *Server) AmendAssessment(ctx context.Context, req oapi.AmendAssessmentRequestObject) (oapi.AmendAssessmentResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	a, err := store.Find[store.Assessment](tx, req.AssessmentID)
	if err != nil {
		return nil, err
	}
	reviewed := a.Status == treatment.AssessmentReviewed
	if a.Status, err = a.Status.Amend(); err != nil {
		return nil, err
	}
	switch {
	case who.staff():
	case a.RecordedBy != who.actor.String():
		return nil, problem.New(problem.Forbidden, "patients amend what they answered themselves")
	case reviewed:
		return nil, problem.New(problem.IllegalTransition, "an assessment that is reviewed cannot be amended by the patient")
	}
	a.StatusReason, a.ReviewedAt, a.ReviewedBy, a.ReviewNote = req.Body.Reason, nil, nil, ""
	result, err := score(ctx, tx, a, req.Body.Answers)
	if err != nil {
		return nil, err
	}
	if err := tx.Change("assessment.amended", a); err != nil {
		return nil, err
	}
	if err := s.judgeAnswers(ctx, tx, a, req.Body.Answers, result); err != nil {
		return nil, err
	}
	out, err := s.storedAssessment(ctx, tx, a.ID)
	return oapi.AmendAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

// ReviewAssessment says that somebody has looked at the answers.
func (s *Server) ReviewAssessment(ctx context.Context, req oapi.ReviewAssessmentRequestObject) (oapi.ReviewAssessmentResponseObject, error) {
	out, err := decideAssessment(ctx, req.AssessmentID, "assessment.reviewed", func(tx *store.Tx, a *store.Assessment) (treatment.AssessmentStatus, error) {
		a.ReviewedAt, a.ReviewedBy, a.ReviewNote = new(tx.Now), new(callOf(ctx).who.actor.ID), orZero(req.Body.Note)
		return a.Status.Review()
	})
	return oapi.ReviewAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

// CancelAssessment takes an assignment back while it waits for answers.
func (s *Server) CancelAssessment(ctx context.Context, req oapi.CancelAssessmentRequestObject) (oapi.CancelAssessmentResponseObject, error) {
	out, err := decideAssessment(ctx, req.AssessmentID, "assessment.cancelled", func(tx *store.Tx, a *store.Assessment) (treatment.AssessmentStatus, error) {
		a.StatusReason = req.Body.Reason
		return a.StatusAt(tx.Now).Cancel()
	})
	return oapi.CancelAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

// VoidAssessment says that an assessment was entered in error. Alerts that it raised stay.
func (s *Server) VoidAssessment(ctx context.Context, req oapi.VoidAssessmentRequestObject) (oapi.VoidAssessmentResponseObject, error) {
	out, err := decideAssessment(ctx, req.AssessmentID, "assessment.enteredInError", func(_ *store.Tx, a *store.Assessment) (treatment.AssessmentStatus, error) {
		a.StatusReason = req.Body.Reason
		return a.Status.Void(req.Body.Reason)
	})
	if err == nil {
		err = unansweredFollowUps(store.From(ctx), req.AssessmentID)
	}
	return oapi.VoidAssessment200JSONResponse{AssessmentJSONResponse: out}, err
}

// decideAssessment applies a decision of staff to an assessment.
func decideAssessment(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Assessment) (treatment.AssessmentStatus, error)) (out oapi.AssessmentJSONResponse, err error) {
	tx := store.From(ctx)
	a, err := store.Find[store.Assessment](tx, id)
	if err != nil {
		return out, err
	}
	if a.Status, err = decide(tx, a); err != nil {
		return out, err
	}
	if err := tx.Change(event, a); err != nil {
		return out, err
	}
	return assessmentOut(ctx, a, tx.Now)
}

// belongsTo checks the treatment and the session that a body names: both are the patient's,
// and the session is one of the treatment. A session brings its treatment along.
func belongsTo(tx *store.Tx, patient uuid.UUID, course, session *uuid.UUID) (*uuid.UUID, *uuid.UUID, error) {
	if course != nil {
		t, err := store.Find[store.Treatment](tx, *course)
		if errors.Is(err, store.ErrNotFound) || err == nil && t.PatientID != patient {
			err = notFoundIn("/treatmentId")
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if session == nil {
		return course, nil, nil
	}
	row, err := store.Find[store.Session](tx, *session)
	if errors.Is(err, store.ErrNotFound) || err == nil && (row.PatientID != patient || course != nil && row.TreatmentID != *course) {
		err = notFoundIn("/sessionId")
	}
	if err != nil {
		return nil, nil, err
	}
	return &row.TreatmentID, session, nil
}

// policyFor returns the treatment that a record of the patient belongs to, the one named or
// else the open one, if any, and the protocol that its numbers come from.
func (s *Server) policyFor(tx *store.Tx, patient uuid.UUID, named *uuid.UUID) (*uuid.UUID, *treatment.Protocol, error) {
	if named == nil {
		course, policy, err := s.currentPolicy(tx, patient)
		if err != nil || course == nil {
			return nil, policy, err
		}
		return &course.ID, policy, nil
	}
	course, err := store.Find[store.Treatment](tx, *named)
	if err != nil {
		return nil, nil, err
	}
	policy, err := policyOf(tx, course.ProtocolID)
	return named, policy, err
}

// storedAssessment shows what is stored, to a patient with the safety message if it needs one.
func (s *Server) storedAssessment(ctx context.Context, tx *store.Tx, id uuid.UUID) (out oapi.AssessmentJSONResponse, err error) {
	a, err := store.Find[store.Assessment](tx, id)
	if err != nil {
		return out, err
	}
	if out, err = assessmentOut(ctx, a, tx.Now); err != nil {
		return out, err
	}
	out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, id)
	return out, err
}
