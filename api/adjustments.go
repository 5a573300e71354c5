package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListAdjustments lists a treatment's adjustments, newest first: to patients those that were
// applied.
func (s *Server) ListAdjustments(ctx context.Context, req oapi.ListAdjustmentsRequestObject) (oapi.ListAdjustmentsResponseObject, error) {
	tx := store.From(ctx)
	filter := store.AdjustmentFilter{Status: treatment.AdjustmentStatus(orZero(req.Params.Status)), Applied: !callOf(ctx).who.staff()}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListAdjustments(req.TreatmentID, filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.AdjustmentPage{Items: []oapi.Adjustment{}}
	for i := range rows {
		out.Items = append(out.Items, adjustmentOut(ctx, &rows[i], tx.Now).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListAdjustments200JSONResponse{AdjustmentPageJSONResponse: oapi.AdjustmentPageJSONResponse{Body: out}}, nil
}

// ProposeAdjustment proposes to change the prescription in force.
func (s *Server) ProposeAdjustment(ctx context.Context, req oapi.ProposeAdjustmentRequestObject) (oapi.ProposeAdjustmentResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	c, err := loadCourse(tx, req.TreatmentID)
	if err != nil {
		return nil, err
	}
	known := treatment.Proposing{
		Now: tx.Now, By: callOf(ctx).who.actor.ID, Source: treatment.AdjustmentSource(b.Source), Reason: b.Reason,
		Change: changeIn(b.Change), Evidence: evidenceIn(b.Evidence), Phase: c.row.Phase, Protocol: *c.policy,
	}
	a := &store.Adjustment{PatientID: c.row.PatientID, TreatmentID: c.row.ID, To: known.Change}
	if p := c.inForce(); p != nil {
		known.Order, known.PrescriptionID, a.From = &p.Order, p.ID, p.Dosing()
	}
	if a.Suggestion, known.Suggestion, err = suggestionNamed(tx, c.row.ID, b.SuggestionID); err != nil {
		return nil, err
	}
	known.SuggestionID = b.SuggestionID
	if known.Others, err = expireAdjustments(tx, c.row.ID); err != nil {
		return nil, err
	}
	if a.Adjustment, err = treatment.Propose(known); err != nil {
		return nil, err
	}
	if err := asNamed(tx, a.PatientID, known.Evidence); err != nil {
		return nil, err
	}
	a.Add(store.EvidenceNamed, known.Evidence)
	recent, err := tx.EvidenceSince(a.PatientID, tx.Now.Add(-reordered))
	if err != nil {
		return nil, err
	}
	a.Add(store.EvidenceKnown, treatment.Unconsidered(recent, known.Evidence, nil))
	if err := tx.Propose("adjustment.proposed", a); err != nil {
		return nil, err
	}
	if a.Source == treatment.AdjustmentByPatientRequest {
		if err := s.watchPatient(ctx, tx, a.PatientID); err != nil {
			return nil, err
		}
	}
	return oapi.ProposeAdjustment201JSONResponse{AdjustmentJSONResponse: adjustmentOut(ctx, a, tx.Now)}, nil
}

// ShowAdjustment shows an adjustment, to patients once it is applied.
func (s *Server) ShowAdjustment(ctx context.Context, req oapi.ShowAdjustmentRequestObject) (oapi.ShowAdjustmentResponseObject, error) {
	tx := store.From(ctx)
	a, err := tx.Adjustment(req.AdjustmentID)
	if err != nil {
		return nil, err
	}
	if !callOf(ctx).who.staff() && a.Status != treatment.AdjustmentApplied {
		return nil, store.ErrNotFound
	}
	return oapi.ShowAdjustment200JSONResponse{AdjustmentJSONResponse: adjustmentOut(ctx, a, tx.Now)}, nil
}

// ApproveAdjustment says that the change shall be made, by somebody who has looked at everything
// that is new.
func (s *Server) ApproveAdjustment(ctx context.Context, req oapi.ApproveAdjustmentRequestObject) (oapi.ApproveAdjustmentResponseObject, error) {
	who, considered := callOf(ctx).who.actor.ID, evidenceIn(orZero(req.Body.Considered))
	out, err := decideAdjustment(ctx, req.AdjustmentID, "adjustment.approved", func(tx *store.Tx, a *store.Adjustment) (treatment.Adjustment, error) {
		c, err := loadCourse(tx, a.TreatmentID)
		if err != nil {
			return a.Adjustment, err
		}
		approved, err := a.Approve(who, c.row.ProtocolID, tx.Now)
		if err != nil {
			return approved, err
		}
		if err := c.restsOn(a); err != nil {
			return a.Adjustment, err
		}
		if err := unchanged(tx, a, considered); err != nil {
			return a.Adjustment, err
		}
		if err := c.stillSuggested(tx, a); err != nil {
			return a.Adjustment, err
		}
		a.Add(store.EvidenceConsidered, considered)
		return approved, nil
	})
	return oapi.ApproveAdjustment200JSONResponse{AdjustmentJSONResponse: out}, err
}

// RejectAdjustment says that the change shall not be made.
func (s *Server) RejectAdjustment(ctx context.Context, req oapi.RejectAdjustmentRequestObject) (oapi.RejectAdjustmentResponseObject, error) {
	who := callOf(ctx).who.actor.ID
	out, err := decideAdjustment(ctx, req.AdjustmentID, "adjustment.rejected", func(tx *store.Tx, a *store.Adjustment) (treatment.Adjustment, error) {
		return a.Reject(req.Body.Reason, who, tx.Now)
	})
	return oapi.RejectAdjustment200JSONResponse{AdjustmentJSONResponse: out}, err
}

// WithdrawAdjustment takes a proposal back, as who proposed it may, or an approval, as
// prescribers may.
func (s *Server) WithdrawAdjustment(ctx context.Context, req oapi.WithdrawAdjustmentRequestObject) (oapi.WithdrawAdjustmentResponseObject, error) {
	who := &callOf(ctx).who
	out, err := decideAdjustment(ctx, req.AdjustmentID, "adjustment.withdrawn", func(tx *store.Tx, a *store.Adjustment) (treatment.Adjustment, error) {
		own := a.ProposedBy == who.actor.ID && a.Status == treatment.AdjustmentProposed
		if !own && !who.is(rolePrescriber) {
			return a.Adjustment, problem.New(problem.Forbidden, "only who proposed it withdraws a proposal, and prescribers what is approved")
		}
		c, err := loadCourse(tx, a.TreatmentID)
		if err != nil {
			return a.Adjustment, err
		}
		return a.Withdraw(orZero(req.Body.Reason), c.draftOf(a), who.actor.ID, tx.Now)
	})
	return oapi.WithdrawAdjustment200JSONResponse{AdjustmentJSONResponse: out}, err
}

// ApplyAdjustment drafts the prescription that an approved adjustment asks for.
func (s *Server) ApplyAdjustment(ctx context.Context, req oapi.ApplyAdjustmentRequestObject) (oapi.ApplyAdjustmentResponseObject, error) {
	out, err := decideAdjustment(ctx, req.AdjustmentID, "adjustment.drafted", func(tx *store.Tx, a *store.Adjustment) (treatment.Adjustment, error) {
		c, err := loadCourse(tx, a.TreatmentID)
		if err != nil {
			return a.Adjustment, err
		}
		drafted, err := a.Draft(c.prescription(a.PrescriptionID).Order, a.To, c.draftOf(a), c.row.Phase)
		if err != nil {
			return a.Adjustment, err
		}
		if err := c.restsOn(a); err != nil {
			return a.Adjustment, err
		}
		p := &store.Prescription{PatientID: a.PatientID, TreatmentID: a.TreatmentID, Prescription: drafted}
		p.AdjustmentID = &a.ID
		if err := tx.Create("prescription.drafted", p); err != nil {
			return a.Adjustment, err
		}
		a.DraftID = &p.ID
		return a.Adjustment, nil
	})
	return oapi.ApplyAdjustment200JSONResponse{AdjustmentJSONResponse: out}, err
}

// decideAdjustment applies a decision to an adjustment.
func decideAdjustment(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Adjustment) (treatment.Adjustment, error)) (out oapi.AdjustmentJSONResponse, err error) {
	tx := store.From(ctx)
	a, err := tx.Adjustment(id)
	if err != nil {
		return out, err
	}
	if a.Adjustment, err = decide(tx, a); err != nil {
		return out, err
	}
	if err := tx.ChangeAdjustment(event, a); err != nil {
		return out, err
	}
	return adjustmentOut(ctx, a, tx.Now), nil
}

// takeEffect says of the adjustment that a prescription was drafted from, if it was, that it has
// been applied.
func takeEffect(tx *store.Tx, p *store.Prescription) error {
	if p.AdjustmentID == nil {
		return nil
	}
	a, err := tx.Adjustment(*p.AdjustmentID)
	if err != nil {
		return err
	}
	if a.Adjustment, err = a.Apply(tx.Now); err != nil {
		return err
	}
	return tx.ChangeAdjustment("adjustment.applied", a)
}

// expireAdjustments keeps as expired what is past its time, and returns the statuses of those of
// a treatment that are open.
func expireAdjustments(tx *store.Tx, course uuid.UUID) (open []treatment.AdjustmentStatus, err error) {
	rows, err := tx.OpenAdjustments(course)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		a := &rows[i]
		if expired := a.Expire(tx.Now); expired.Status != a.Status {
			a.Adjustment = expired
			if err := tx.ChangeAdjustment("adjustment.expired", a); err != nil {
				return nil, err
			}
			continue
		}
		open = append(open, a.Status)
	}
	return open, nil
}

// endAdjustments withdraws what is open when its treatment ends.
func endAdjustments(tx *store.Tx, course uuid.UUID, reason string) error {
	rows, err := tx.OpenAdjustments(course)
	if err != nil {
		return err
	}
	for i := range rows {
		a := &rows[i]
		ended := a.End(reason, tx.Now)
		if ended.Status == a.Status {
			continue
		}
		a.Adjustment = ended
		if err := tx.ChangeAdjustment("adjustment.withdrawn", a); err != nil {
			return err
		}
	}
	return nil
}

func changeIn(c oapi.DosingChange) treatment.DosingChange {
	return treatment.DosingChange{
		DoseMg: c.DoseMg, BoosterMg: c.BoosterMg, MinIntervalHours: c.MinIntervalHours, SessionsPerWeek: c.SessionsPerWeek,
		Directions: orZero(c.Directions),
	}
}

func changeOut(c treatment.DosingChange) oapi.DosingChange {
	return oapi.DosingChange{
		DoseMg: c.DoseMg, BoosterMg: c.BoosterMg, MinIntervalHours: c.MinIntervalHours, SessionsPerWeek: c.SessionsPerWeek,
		Directions: filled(c.Directions),
	}
}

func dosingOut(d treatment.Dosing) oapi.Dosing {
	return oapi.Dosing{DoseMg: d.DoseMg, BoosterMg: d.BoosterMg, MinIntervalHours: d.MinIntervalHours, SessionsPerWeek: d.SessionsPerWeek}
}

// adjustmentOut shows an adjustment. What it rests on is for staff: alerts and suggestions are among
// it.
func adjustmentOut(ctx context.Context, a *store.Adjustment, now time.Time) oapi.AdjustmentJSONResponse {
	status, derived := a.StatusAt(now), ""
	if status != a.Status {
		derived = string(status)
	}
	out := oapi.Adjustment{
		ID: a.ID, Version: a.Version, PatientID: a.PatientID, TreatmentID: a.TreatmentID, PrescriptionID: a.PrescriptionID,
		Source: oapi.AdjustmentSource(a.Source), Reason: a.Reason,
		From: dosingOut(a.From), Change: changeOut(a.To),
		Status: oapi.AdjustmentStatus(status), StatusReason: filled(a.StatusReason), ProposedBy: a.ProposedBy, ExpiresAt: a.ExpiresAt,
		ApprovedAt: a.ApprovedAt, ApprovedBy: a.ApprovedBy, RulesVersion: filled(a.RulesVersion), DraftID: a.DraftID, AppliedAt: a.AppliedAt,
		EndedAt: a.EndedAt, EndedBy: a.EndedBy, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
	if a.ProtocolID != uuid.Nil {
		out.ProtocolID = &a.ProtocolID
	}
	if callOf(ctx).who.staff() {
		out.Suggestion = summaryOut(a.Suggestion)
		out.Evidence, out.Considered = evidenceOut(a.Of(store.EvidenceNamed)), evidenceOut(a.Of(store.EvidenceConsidered))
	} else if a.Source == treatment.AdjustmentByEngine { // suggestions are not for patients: a clinician proposed it
		out.Source = oapi.AdjustmentSourceClinician
	}
	return oapi.AdjustmentJSONResponse{
		Headers: oapi.AdjustmentResponseHeaders{ETag: etag(a.Version, derived), Location: location("adjustments", a.ID)}, Body: out,
	}
}
