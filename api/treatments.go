package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListTreatments lists a patient's treatments, newest first.
func (s *Server) ListTreatments(ctx context.Context, req oapi.ListTreatmentsRequestObject) (oapi.ListTreatmentsResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListTreatments(req.PatientID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.TreatmentPage{Items: []oapi.Treatment{}}
	for i := range rows {
		out.Items = append(out.Items, treatmentOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListTreatments200JSONResponse{TreatmentPageJSONResponse: oapi.TreatmentPageJSONResponse{Body: out}}, nil
}

// StartTreatment starts a course for a patient.
func (s *Server) StartTreatment(ctx context.Context, req oapi.StartTreatmentRequestObject) (oapi.StartTreatmentResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	patient, err := store.Find[store.Patient](tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	policy, approved, err := chosenPolicy(tx, b.ProtocolID)
	if err != nil {
		return nil, err
	}
	known := treatment.Starting{
		Now: tx.Now, Indication: treatment.Indication(b.Indication), DiagnosisCode: orZero(b.DiagnosisCode),
		Limits: limitsIn(b.Limits), PatientStatus: treatment.PatientStatus(patient.Status),
		ProtocolID: b.ProtocolID, Protocol: *policy, ProtocolApproved: approved, Production: s.cfg.Env == production,
		ResponsiblePrescriberID: b.ResponsiblePrescriberID,
	}
	if known.OtherPhases, err = tx.Phases(req.PatientID); err != nil {
		return nil, err
	}
	if known.LastEndedAt, err = tx.LastEnd(req.PatientID); err != nil {
		return nil, err
	}
	if known.ResponsibleIsPrescriber, err = tx.IsPrescriber(b.ResponsiblePrescriberID); err != nil {
		return nil, err
	}
	consultation, err := notKnown(tx.LastDecision(req.PatientID))
	if err != nil {
		return nil, err
	}
	if consultation != nil && consultation.Status == treatment.ConsultationEligible {
		known.EligibleAt, known.DecidedAt, known.ConsultationID = consultation.EligibleAt, consultation.DecidedAt, &consultation.ID
	}
	if known.SignedConsents, err = tx.ConsentsInForce(req.PatientID, tx.Now); err != nil {
		return nil, err
	}
	started, err := treatment.Start(known)
	if err != nil {
		return nil, err
	}
	t := &store.Treatment{PatientID: req.PatientID, Treatment: started}
	if err := tx.StartCourse("treatment.started", t); err != nil {
		return nil, err
	}
	if t.ConsultationID != nil && consultation.ExpiresAt != nil {
		consultation.Consultation = consultation.Use()
		if err := tx.Change("consultation.used", consultation); err != nil {
			return nil, err
		}
	}
	return oapi.StartTreatment201JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// ShowTreatment shows a treatment.
func (s *Server) ShowTreatment(ctx context.Context, req oapi.ShowTreatmentRequestObject) (oapi.ShowTreatmentResponseObject, error) {
	t, err := store.From(ctx).Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowTreatment200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// chosenPolicy reads the protocol that a body names, and whether it is approved.
func chosenPolicy(tx *store.Tx, id uuid.UUID) (*treatment.Protocol, bool, error) {
	row, err := notKnown(store.Find[store.Protocol](tx, id))
	if err == nil && row == nil {
		err = notFoundIn("/protocolId")
	}
	if err != nil {
		return nil, false, err
	}
	policy, err := policyOf(tx, id)
	return policy, row.Status == treatment.ProtocolApproved, err
}

// UpdateTreatment changes the responsible prescriber, the protocol and the patient's own limits.
func (s *Server) UpdateTreatment(ctx context.Context, req oapi.UpdateTreatmentRequestObject) (oapi.UpdateTreatmentResponseObject, error) {
	b := req.Body
	t, err := decideTreatment(ctx, req.TreatmentID, "treatment.updated", func(tx *store.Tx, t treatment.Treatment) (treatment.Treatment, error) {
		if b.ProtocolID != nil {
			policy, approved, err := chosenPolicy(tx, *b.ProtocolID)
			if err != nil {
				return t, err
			}
			if t, err = t.Follow(*b.ProtocolID, *policy, approved, s.cfg.Env == production); err != nil {
				return t, err
			}
		}
		if b.ResponsiblePrescriberID != nil {
			is, err := tx.IsPrescriber(*b.ResponsiblePrescriberID)
			if err != nil {
				return t, err
			}
			if t, err = t.Reassign(*b.ResponsiblePrescriberID, is); err != nil {
				return t, err
			}
		}
		if b.Limits == nil {
			return t, nil
		}
		policy, err := policyOf(tx, t.ProtocolID)
		if err != nil {
			return t, err
		}
		return t.Tighten(mergeLimits(t.Limits, b.Limits), *policy)
	})
	if err == nil && b.ProtocolID != nil {
		err = keepSeries(store.From(ctx), t)
	}
	if err != nil {
		return nil, err
	}
	return oapi.UpdateTreatment200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// ChangePhase takes a treatment on; completing it ends what belongs to it.
func (s *Server) ChangePhase(ctx context.Context, req oapi.ChangePhaseRequestObject) (oapi.ChangePhaseResponseObject, error) {
	t, err := decideTreatment(ctx, req.TreatmentID, "treatment.phaseChanged", func(tx *store.Tx, t treatment.Treatment) (treatment.Treatment, error) {
		policy, err := policyOf(tx, t.ProtocolID)
		if err != nil {
			return t, err
		}
		change := treatment.PhaseChange{To: treatment.Phase(req.Body.Phase), Reason: req.Body.Reason, Now: tx.Now, Protocol: *policy}
		if change.Assessed, err = tx.InstrumentsAnswered(callOf(ctx).patient); err != nil {
			return t, err
		}
		return t.ChangePhase(change)
	})
	if err != nil {
		return nil, err
	}
	if t.Phase.Open() {
		err = keepSeries(store.From(ctx), t)
	} else {
		err = endCourse(store.From(ctx), t, req.Body.Reason)
	}
	if err != nil {
		return nil, err
	}
	return oapi.ChangePhase200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// HoldTreatment lets nothing planned go ahead.
func (s *Server) HoldTreatment(ctx context.Context, req oapi.HoldTreatmentRequestObject) (oapi.HoldTreatmentResponseObject, error) {
	tx := store.From(ctx)
	t, err := tx.Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	if err := hold(tx, t, treatment.HoldReason(req.Body.Reason), orZero(req.Body.Note)); err != nil {
		return nil, err
	}
	return oapi.HoldTreatment200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// hold puts a treatment on hold, for a further reason if it is so already.
func hold(tx *store.Tx, t *store.Treatment, reason treatment.HoldReason, note string) (err error) {
	if t.Treatment, err = t.Hold(reason); err != nil {
		return err
	}
	t.Holds = append(t.Holds, store.TreatmentHold{Hold: tx.NewHold(reason, note)})
	return tx.ChangeCourse("treatment.held", t)
}

// ResumeTreatment lifts every hold.
func (s *Server) ResumeTreatment(ctx context.Context, req oapi.ResumeTreatmentRequestObject) (oapi.ResumeTreatmentResponseObject, error) {
	tx := store.From(ctx)
	t, err := tx.Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	if t.Treatment, err = t.Resume(); err != nil {
		return nil, err
	}
	for i := range t.Holds {
		tx.Lift(&t.Holds[i].Hold, req.Body.Reason)
	}
	if err := tx.ChangeCourse("treatment.resumed", t); err != nil {
		return nil, err
	}
	return oapi.ResumeTreatment200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// DiscontinueTreatment ends a course early, and what belongs to it.
func (s *Server) DiscontinueTreatment(ctx context.Context, req oapi.DiscontinueTreatmentRequestObject) (oapi.DiscontinueTreatmentResponseObject, error) {
	reason := treatment.DiscontinueReason(req.Body.Reason)
	t, err := decideTreatment(ctx, req.TreatmentID, "treatment.discontinued", func(tx *store.Tx, t treatment.Treatment) (treatment.Treatment, error) {
		return t.Discontinue(reason, orZero(req.Body.Note), tx.Now)
	})
	if err != nil {
		return nil, err
	}
	if err := endCourse(store.From(ctx), t, "treatment discontinued: "+string(reason)); err != nil {
		return nil, err
	}
	return oapi.DiscontinueTreatment200JSONResponse{TreatmentJSONResponse: treatmentOut(t)}, nil
}

// decideTreatment applies a decision to a treatment. Holds end with the overlay.
func decideTreatment(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, treatment.Treatment) (treatment.Treatment, error)) (*store.Treatment, error) {
	tx := store.From(ctx)
	t, err := tx.Course(id)
	if err != nil {
		return nil, err
	}
	if t.Treatment, err = decide(tx, t.Treatment); err != nil {
		return nil, err
	}
	if !t.OnHold {
		for i := range t.Holds {
			tx.Lift(&t.Holds[i].Hold, "")
		}
	}
	return t, tx.ChangeCourse(event, t)
}

// endCourse ends what belongs to a treatment that has ended: prescriptions stop, drafts are
// discarded, adjustments and follow-ups withdrawn, planned sessions cancelled. A running session is finished by
// its facts.
func endCourse(tx *store.Tx, t *store.Treatment, reason string) error {
	prescriptions, err := tx.Prescriptions(t.ID)
	if err != nil {
		return err
	}
	for i := range prescriptions {
		p := &prescriptions[i]
		ended := p.End(reason, tx.Now)
		if ended.Status == p.Status {
			continue
		}
		p.Prescription = ended
		if err := liftAll(tx, p, ""); err != nil {
			return err
		}
		if err := tx.ChangePrescription("prescription.ended", p); err != nil {
			return err
		}
	}
	if err := endAdjustments(tx, t.ID, reason); err != nil {
		return err
	}
	if err := endFollowUps(tx, t.PatientID, &t.ID, reason); err != nil {
		return err
	}
	if err := tx.SettleAlerts(t.PatientID, treatment.AlertPDMPStale); err != nil {
		return err
	}
	return cancelPlanned(tx, t.ID, reason)
}

// endTreatments ends the open treatment of a patient who leaves the clinic's care.
func (s *Server) endTreatments(ctx context.Context, tx *store.Tx, patient uuid.UUID, status, note string) error {
	t, err := tx.OpenCourse(patient)
	if err != nil || t == nil {
		return err
	}
	if !callOf(ctx).who.is(rolePrescriber) {
		return &treatment.Refusal{
			Kind: treatment.RuleBroken, Code: treatment.CodeRuleViolated,
			Detail:  "the patient has an open treatment, which only a prescriber may end",
			Reasons: []treatment.Reason{{Rule: treatment.RuleOtherTreatment, Detail: "only a prescriber may end the open treatment"}},
		}
	}
	reason := map[string]treatment.DiscontinueReason{
		string(treatment.PatientTransferred): treatment.DiscontinueTransferred,
		string(treatment.PatientDeceased):    treatment.DiscontinueDeceased,
		string(treatment.PatientInactive):    treatment.DiscontinuePatientChoice,
	}[status]
	if t.Treatment, err = t.Discontinue(reason, note, tx.Now); err != nil {
		return err
	}
	for i := range t.Holds {
		tx.Lift(&t.Holds[i].Hold, "")
	}
	if err := tx.ChangeCourse("treatment.discontinued", t); err != nil {
		return err
	}
	return endCourse(tx, t, "patient is "+status)
}

// currentPolicy returns the patient's open treatment, if any, and the policy that applies:
// the treatment's, else the clinic's newest of the name "default", else the shipped one.
func (s *Server) currentPolicy(tx *store.Tx, patient uuid.UUID) (*store.Treatment, *treatment.Protocol, error) {
	t, _, policy, err := currentProtocol(tx, patient)
	return t, policy, err
}

// currentProtocol is currentPolicy with the protocol's id; the shipped one has none.
func currentProtocol(tx *store.Tx, patient uuid.UUID) (*store.Treatment, *uuid.UUID, *treatment.Protocol, error) {
	t, err := tx.OpenCourse(patient)
	if err != nil {
		return nil, nil, nil, err
	}
	if t != nil {
		policy, err := policyOf(tx, t.ProtocolID)
		return t, &t.ProtocolID, policy, err
	}
	id, policy, err := clinicPolicy(tx)
	return nil, id, policy, err
}

// clinicPolicy is the clinic's newest protocol of the name "default", else the shipped one, which has
// no id.
func clinicPolicy(tx *store.Tx) (*uuid.UUID, *treatment.Protocol, error) {
	row, err := notKnown(tx.DefaultProtocol())
	if err != nil {
		return nil, nil, err
	}
	if row == nil {
		return nil, new(treatment.Default()), nil
	}
	policy, err := policyOf(tx, row.ID)
	return &row.ID, policy, err
}

func limitsIn(l *oapi.TreatmentLimits) treatment.Limits {
	if l == nil {
		return treatment.Limits{}
	}
	return treatment.Limits{
		HoldSystolicMmHg: l.HoldSystolicMmHg, HoldDiastolicMmHg: l.HoldDiastolicMmHg,
		StopSystolicMmHg: l.StopSystolicMmHg, StopDiastolicMmHg: l.StopDiastolicMmHg,
	}
}

func mergeLimits(to treatment.Limits, l *oapi.TreatmentLimitsUpdate) treatment.Limits {
	setOrClear(&to.HoldSystolicMmHg, l.HoldSystolicMmHg)
	setOrClear(&to.HoldDiastolicMmHg, l.HoldDiastolicMmHg)
	setOrClear(&to.StopSystolicMmHg, l.StopSystolicMmHg)
	setOrClear(&to.StopDiastolicMmHg, l.StopDiastolicMmHg)
	return to
}

func treatmentOut(t *store.Treatment) oapi.TreatmentJSONResponse {
	out := oapi.Treatment{
		ID: t.ID, Version: t.Version, PatientID: t.PatientID, Indication: oapi.Indication(t.Indication),
		DiagnosisCode: filled(t.DiagnosisCode), Phase: oapi.Phase(t.Phase), PhaseSince: t.PhaseSince, PhaseReason: filled(t.PhaseReason),
		OnHold: t.OnHold, Holds: []oapi.TreatmentHold{}, ProtocolID: t.ProtocolID, ResponsiblePrescriberID: t.ResponsiblePrescriberID,
		ConsultationID: t.ConsultationID, DiscontinueReason: filled(oapi.DiscontinueReason(t.DiscontinueReason)), InstructionsRevision: t.InstructionsRevision,
		AcknowledgedRevision: t.AcknowledgedRevision, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
	for _, h := range t.Holds {
		if h.LiftedAt == nil {
			out.Holds = append(out.Holds, oapi.TreatmentHold{Reason: oapi.HoldReason(h.Reason), Note: filled(h.Note), SetAt: h.SetAt, SetBy: actorOut(h.SetBy)})
		}
	}
	if t.Limits != (treatment.Limits{}) {
		out.Limits = &oapi.TreatmentLimits{
			HoldSystolicMmHg: t.HoldSystolicMmHg, HoldDiastolicMmHg: t.HoldDiastolicMmHg,
			StopSystolicMmHg: t.StopSystolicMmHg, StopDiastolicMmHg: t.StopDiastolicMmHg,
		}
	}
	return oapi.TreatmentJSONResponse{Body: out, Headers: oapi.TreatmentResponseHeaders{ETag: etag(t.Version), Location: location("treatments", t.ID)}}
}
