package api

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListConsultations lists a patient's consultations, newest first.
func (s *Server) ListConsultations(ctx context.Context, req oapi.ListConsultationsRequestObject) (oapi.ListConsultationsResponseObject, error) {
	tx, status := store.From(ctx), treatment.ConsultationStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListConsultations(req.PatientID, status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.ConsultationPage{Items: []oapi.Consultation{}}
	for i := range rows {
		item, err := consultationOut(ctx, tx, &rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListConsultations200JSONResponse{ConsultationPageJSONResponse: oapi.ConsultationPageJSONResponse{Body: out}}, nil
}

// OpenConsultation makes an empty intake for a patient.
func (s *Server) OpenConsultation(ctx context.Context, req oapi.OpenConsultationRequestObject) (oapi.OpenConsultationResponseObject, error) {
	tx := store.From(ctx)
	patient, err := store.Find[store.Patient](tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	others, err := tx.ConsultationStatuses(req.PatientID)
	if err != nil {
		return nil, err
	}
	c := &store.Consultation{PatientID: req.PatientID}
	if c.Consultation, err = treatment.OpenConsultation(treatment.PatientStatus(patient.Status), others); err != nil {
		return nil, err
	}
	if err := tx.Create("consultation.opened", c); err != nil {
		return nil, err
	}
	out, err := consultationOut(ctx, tx, c)
	return oapi.OpenConsultation201JSONResponse{ConsultationJSONResponse: out}, err
}

// ShowConsultation shows a consultation.
func (s *Server) ShowConsultation(ctx context.Context, req oapi.ShowConsultationRequestObject) (oapi.ShowConsultationResponseObject, error) {
	tx := store.From(ctx)
	c, err := store.Find[store.Consultation](tx, req.ConsultationID)
	if err != nil {
		return nil, err
	}
	out, err := consultationOut(ctx, tx, c)
	return oapi.ShowConsultation200JSONResponse{ConsultationJSONResponse: out}, err
}

// FillIntake takes answers while the intake waits for them. Patients fill in their own part.
func (s *Server) FillIntake(ctx context.Context, req oapi.FillIntakeRequestObject) (oapi.FillIntakeResponseObject, error) {
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.filledIn", func(_ *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		if err := ownPart(ctx, req.Body); err != nil {
			return c.Consultation, err
		}
		if err := c.Fill(); err != nil {
			return c.Consultation, err
		}
		var err error
		c.Intake, err = mergeIntake(c.Intake, req.Body)
		return c.Consultation, err
	})
	return oapi.FillIntake200JSONResponse{ConsultationJSONResponse: out}, err
}

// ownPart refuses answers of a patient to what the clinic judges.
func ownPart(ctx context.Context, b *oapi.IntakeUpdate) error {
	if callOf(ctx).who.staff() || b.Diagnoses == nil && b.Capacity == nil {
		return nil
	}
	p := problem.New(problem.Forbidden, "diagnoses and capacity are the clinic's part of the intake")
	clinics := func(pointer string, given bool) {
		if given {
			p.Errors = append(p.Errors, problem.Fault{In: problem.InBody, Pointer: pointer, Code: "clinics_part", Detail: "only staff may fill this in"})
		}
	}
	clinics("/diagnoses", b.Diagnoses != nil)
	clinics("/capacity", b.Capacity != nil)
	return p
}

// mergeIntake puts answers into an intake: both write the same members. Lists are replaced.
func mergeIntake(to treatment.Intake, b *oapi.IntakeUpdate) (treatment.Intake, error) {
	if b.PreviousTreatments != nil { // or its elements would keep what the new ones leave out
		to.PreviousTreatments = nil
	}
	text, err := json.Marshal(b)
	if err != nil {
		return to, err
	}
	return to, json.Unmarshal(text, &to)
}

// SubmitIntake hands the intake to the clinic.
func (s *Server) SubmitIntake(ctx context.Context, req oapi.SubmitIntakeRequestObject) (oapi.SubmitIntakeResponseObject, error) {
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.submitted", func(tx *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		return c.Submit(c.Intake, tx.Now)
	})
	return oapi.SubmitIntake200JSONResponse{ConsultationJSONResponse: out}, err
}

// RequestInfo gives a submitted intake back with a question.
func (s *Server) RequestInfo(ctx context.Context, req oapi.RequestInfoRequestObject) (oapi.RequestInfoResponseObject, error) {
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.infoRequested", func(_ *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		return c.RequestInfo(req.Body.Question)
	})
	return oapi.RequestInfo200JSONResponse{ConsultationJSONResponse: out}, err
}

// ReopenConsultation takes a deferred decision up again.
func (s *Server) ReopenConsultation(ctx context.Context, req oapi.ReopenConsultationRequestObject) (oapi.ReopenConsultationResponseObject, error) {
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.reopened", func(_ *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		c.Ruling = treatment.Ruling{}
		return c.Reopen(req.Body.Reason)
	})
	return oapi.ReopenConsultation200JSONResponse{ConsultationJSONResponse: out}, err
}

// WithdrawConsultation ends a consultation that is not decided.
func (s *Server) WithdrawConsultation(ctx context.Context, req oapi.WithdrawConsultationRequestObject) (oapi.WithdrawConsultationResponseObject, error) {
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.withdrawn", func(_ *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		return c.Withdraw(req.Body.Reason)
	})
	return oapi.WithdrawConsultation200JSONResponse{ConsultationJSONResponse: out}, err
}

// decideConsultation applies a decision to a consultation.
func decideConsultation(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Consultation) (treatment.Consultation, error)) (out oapi.ConsultationJSONResponse, err error) {
	tx := store.From(ctx)
	c, err := store.Find[store.Consultation](tx, id)
	if err != nil {
		return out, err
	}
	if c.Consultation, err = decide(tx, c); err != nil {
		return out, err
	}
	if err := tx.Change(event, c); err != nil {
		return out, err
	}
	return consultationOut(ctx, tx, c)
}

// consultationOut shows a consultation. The clinic's part of the intake, what a decision rested on
// and what cleared a condition are for staff.
func consultationOut(ctx context.Context, tx *store.Tx, c *store.Consultation) (shown oapi.ConsultationJSONResponse, err error) {
	status, derived := c.StatusAt(tx.Now), ""
	if status != c.Status {
		derived = string(status)
	}
	shown.Headers = oapi.ConsultationResponseHeaders{ETag: etag(c.Version, derived), Location: location("consultations", c.ID)}
	intake, ruling := c.Intake.Patients(), c.Ruling.Patients()
	out := oapi.Consultation{
		ID: c.ID, Version: c.Version, PatientID: c.PatientID, Status: oapi.ConsultationStatus(status), StatusReason: filled(c.StatusReason),
		Question: filled(c.Question), SubmittedAt: c.SubmittedAt, DecidedAt: c.DecidedAt, PatientMessage: filled(c.PatientMessage),
		EligibleAt: c.EligibleAt, ExpiresAt: c.ExpiresAt, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if callOf(ctx).who.staff() {
		intake, ruling = c.Intake, c.Ruling
		out.DecidedBy, out.Note, out.ProtocolID, out.RulesVersion = c.DecidedBy, filled(c.Note), c.ProtocolID, filled(c.RulesVersion)
	}
	text, err := json.Marshal(struct { // the contract has the same members
		Intake treatment.Intake `json:"intake"`
		treatment.Ruling
	}{intake, ruling})
	if err != nil {
		return shown, err
	}
	err = json.Unmarshal(text, &out)
	shown.Body = out
	return shown, err
}
