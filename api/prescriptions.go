package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListPrescriptions lists a treatment's prescriptions, newest first: to patients those that were
// signed by everybody who must.
func (s *Server) ListPrescriptions(ctx context.Context, req oapi.ListPrescriptionsRequestObject) (oapi.ListPrescriptionsResponseObject, error) {
	tx := store.From(ctx)
	filter := store.PrescriptionFilter{Status: treatment.PrescriptionStatus(orZero(req.Params.Status)), TookEffect: !callOf(ctx).who.staff()}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListPrescriptions(req.TreatmentID, filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.PrescriptionPage{Items: []oapi.Prescription{}}
	for i := range rows {
		item, err := prescriptionOut(&rows[i], tx.Now)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListPrescriptions200JSONResponse{PrescriptionPageJSONResponse: oapi.PrescriptionPageJSONResponse{Body: out}}, nil
}

// Prescribe makes a draft.
func (s *Server) Prescribe(ctx context.Context, req oapi.PrescribeRequestObject) (oapi.PrescribeResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	t, err := tx.Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	draft, err := treatment.Draft(treatment.Order{
		Form: treatment.DosageForm(b.Form), Route: treatment.Route(b.Route), StrengthMg: b.StrengthMg,
		DoseMg: b.DoseMg, BoosterMg: orZero(b.BoosterMg), MinIntervalHours: b.MinIntervalHours,
		SessionsPerWeek: b.SessionsPerWeek, QuantityUnits: b.QuantityUnits, Refills: b.Refills, Directions: b.Directions,
	}, t.Phase)
	if err != nil {
		return nil, err
	}
	p := &store.Prescription{PatientID: t.PatientID, TreatmentID: t.ID, Prescription: draft}
	if err := tx.Create("prescription.drafted", p); err != nil {
		return nil, err
	}
	out, err := prescriptionOut(p, tx.Now)
	return oapi.Prescribe201JSONResponse{PrescriptionJSONResponse: out}, err
}

// ShowPrescription shows a prescription, to patients once it was signed by everybody who must.
func (s *Server) ShowPrescription(ctx context.Context, req oapi.ShowPrescriptionRequestObject) (oapi.ShowPrescriptionResponseObject, error) {
	tx := store.From(ctx)
	p, err := tx.Prescription(req.PrescriptionID)
	if err != nil {
		return nil, err
	}
	if !callOf(ctx).who.staff() && !p.TookEffect() {
		return nil, store.ErrNotFound
	}
	out, err := prescriptionOut(p, tx.Now)
	return oapi.ShowPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// UpdatePrescription changes a draft.
func (s *Server) UpdatePrescription(ctx context.Context, req oapi.UpdatePrescriptionRequestObject) (oapi.UpdatePrescriptionResponseObject, error) {
	b := req.Body
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.updated", func(_ *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		o := p.Order
		set(&o.Form, textOf[treatment.DosageForm](b.Form))
		set(&o.Route, textOf[treatment.Route](b.Route))
		set(&o.StrengthMg, b.StrengthMg)
		set(&o.DoseMg, b.DoseMg)
		set(&o.BoosterMg, b.BoosterMg)
		set(&o.MinIntervalHours, b.MinIntervalHours)
		set(&o.SessionsPerWeek, b.SessionsPerWeek)
		set(&o.QuantityUnits, b.QuantityUnits)
		set(&o.Refills, b.Refills)
		set(&o.Directions, b.Directions)
		return p.Update(o)
	})
	return oapi.UpdatePrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// DiscardPrescription throws a draft away.
func (s *Server) DiscardPrescription(ctx context.Context, req oapi.DiscardPrescriptionRequestObject) (oapi.DiscardPrescriptionResponseObject, error) {
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.discarded", func(_ *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		discarded, err := p.Discard()
		discarded.StatusReason = req.Body.Reason
		return discarded, err
	})
	return oapi.DiscardPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// SignPrescription judges a draft by everything that is known and makes it active, or lets
// it await a cosignature.
func (s *Server) SignPrescription(ctx context.Context, req oapi.SignPrescriptionRequestObject) (oapi.SignPrescriptionResponseObject, error) {
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.signed", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		known, err := signing(ctx, tx, p, reviewedIn(req.Body.ReviewedMedications)...)
		if err != nil {
			return p.Prescription, err
		}
		signed, err := p.Sign(known)
		if err != nil {
			return signed, err
		}
		return signed, p.Review(known.Reviewed)
	})
	return oapi.SignPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// CosignPrescription makes a prescription active that waits for a second prescriber.
func (s *Server) CosignPrescription(ctx context.Context, req oapi.CosignPrescriptionRequestObject) (oapi.CosignPrescriptionResponseObject, error) {
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.cosigned", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		known, err := signing(ctx, tx, p)
		if err != nil {
			return p.Prescription, err
		}
		return p.Cosign(treatment.Cosigning{Now: known.Now, Cosigner: known.Signer, PatientState: known.PatientState, Phase: known.Phase, Locked: known.Locked})
	})
	return oapi.CosignPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// WithdrawPrescription takes a signature back that waits for its cosignature.
func (s *Server) WithdrawPrescription(ctx context.Context, req oapi.WithdrawPrescriptionRequestObject) (oapi.WithdrawPrescriptionResponseObject, error) {
	who := callOf(ctx).who.actor.ID
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.withdrawn", func(_ *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		withdrawn, err := p.Withdraw(who, req.Body.Reason)
		if err != nil {
			return withdrawn, err
		}
		return withdrawn, p.Review(nil)
	})
	return oapi.WithdrawPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// HoldPrescription lets nothing be taken until it is resumed.
func (s *Server) HoldPrescription(ctx context.Context, req oapi.HoldPrescriptionRequestObject) (oapi.HoldPrescriptionResponseObject, error) {
	reason := treatment.HoldReason(req.Body.Reason)
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.held", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		held, err := p.Hold(reason, tx.Now)
		if err == nil {
			p.Holds = append(p.Holds, store.PrescriptionHold{Hold: tx.NewHold(reason, orZero(req.Body.Note))})
		}
		return held, err
	})
	return oapi.HoldPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// ResumePrescription lifts the hold.
func (s *Server) ResumePrescription(ctx context.Context, req oapi.ResumePrescriptionRequestObject) (oapi.ResumePrescriptionResponseObject, error) {
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.resumed", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		if err := liftAll(tx, p, req.Body.Reason); err != nil {
			return p.Prescription, err
		}
		return p.Resume(tx.Now)
	})
	return oapi.ResumePrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// StopPrescription ends a prescription for good.
func (s *Server) StopPrescription(ctx context.Context, req oapi.StopPrescriptionRequestObject) (oapi.StopPrescriptionResponseObject, error) {
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.stopped", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		return p.Stop(req.Body.Reason, tx.Now)
	})
	return oapi.StopPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// VoidPrescription says that a prescription was entered in error.
func (s *Server) VoidPrescription(ctx context.Context, req oapi.VoidPrescriptionRequestObject) (oapi.VoidPrescriptionResponseObject, error) {
	tx, voided := store.From(ctx), (*store.Prescription)(nil)
	out, err := decidePrescription(ctx, req.PrescriptionID, "prescription.enteredInError", func(tx *store.Tx, p *store.Prescription) (treatment.Prescription, error) {
		voided = p
		return p.Void(req.Body.Reason, tx.Now)
	})
	if err == nil && voided.SignedAt != nil {
		err = s.unmake(ctx, tx, voided)
	}
	return oapi.VoidPrescription200JSONResponse{PrescriptionJSONResponse: out}, err
}

// unmake judges again what rested on a signed prescription that was entered in error: its fills,
// the ledger, and the sessions since the signature.
func (s *Server) unmake(ctx context.Context, tx *store.Tx, p *store.Prescription) error {
	_, policy, err := s.policyFor(tx, p.PatientID, &p.TreatmentID)
	if err != nil {
		return err
	}
	if err := s.judgeFills(ctx, tx, p, policy); err != nil {
		return err
	}
	return s.rejudgeFrom(ctx, tx, p.PatientID, *p.SignedAt)
}

// decidePrescription applies a decision. One that makes the prescription active supersedes
// the one that was active until then, and applies the adjustment that it was drafted from, in
// the same step.
func decidePrescription(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Prescription) (treatment.Prescription, error)) (out oapi.PrescriptionJSONResponse, err error) {
	tx := store.From(ctx)
	p, err := tx.Prescription(id)
	if err != nil {
		return out, err
	}
	before := p.Status
	if p.Prescription, err = decide(tx, p); err != nil {
		return out, err
	}
	if p.Status == treatment.PrescriptionActive && before != treatment.PrescriptionActive {
		if err := supersede(tx, p); err != nil {
			return out, err
		}
		if err := takeEffect(tx, p); err != nil {
			return out, err
		}
	}
	if !p.OnHold {
		if err := liftAll(tx, p, ""); err != nil {
			return out, err
		}
	}
	if err := tx.ChangePrescription(event, p); err != nil {
		return out, err
	}
	return prescriptionOut(p, tx.Now)
}

func supersede(tx *store.Tx, by *store.Prescription) error {
	others, err := tx.Prescriptions(by.TreatmentID)
	if err != nil {
		return err
	}
	for i := range others {
		o := &others[i]
		if o.ID == by.ID || o.Status != treatment.PrescriptionActive {
			continue
		}
		if o.Prescription, err = o.Supersede(tx.Now); err != nil {
			return err
		}
		if err := liftAll(tx, o, ""); err != nil {
			return err
		}
		if err := tx.ChangePrescription("prescription.superseded", o); err != nil {
			return err
		}
	}
	return nil
}

// liftAll ends the holds of a prescription. The signals for which it was locked are settled then.
func liftAll(tx *store.Tx, p *store.Prescription, reason string) error {
	locked := false
	for i := range p.Holds {
		h := &p.Holds[i].Hold
		locked = locked || h.LiftedAt == nil && h.Reason == treatment.HoldRefillLock
		tx.Lift(h, reason)
	}
	if !locked {
		return nil
	}
	return tx.SettleSignals(p.PatientID)
}

// signing gathers what a signature is judged by. The day is the patient's: licences must
// cover where the patient is. reviewed are the medicines that the signer has looked at.
func signing(ctx context.Context, tx *store.Tx, p *store.Prescription, reviewed ...treatment.Evidence) (treatment.Signing, error) {
	known := treatment.Signing{}
	course, err := tx.Course(p.TreatmentID)
	if err != nil {
		return known, err
	}
	patient, err := store.Find[store.Patient](tx, p.PatientID)
	if err != nil {
		return known, err
	}
	policy, err := policyOf(tx, course.ProtocolID)
	if err != nil {
		return known, err
	}
	here, err := zone(patient.TimeZone)
	if err != nil {
		return known, err
	}
	signer, err := prescriber(tx, callOf(ctx).who.actor.ID)
	if err != nil {
		return known, err
	}
	known = treatment.Signing{
		Now: tx.Now.In(here), Signer: signer, PatientState: patient.State, Phase: course.Phase,
		ProtocolID: course.ProtocolID, Protocol: *policy, Eligible: new(course.ConsultationID != nil),
		Reviewed: append([]treatment.Evidence{}, reviewed...),
	}
	if err := addMedicines(tx, patient.ID, treatment.DateOf(known.Now), &known); err != nil {
		return known, err
	}
	prescriptions, err := tx.Prescriptions(p.TreatmentID)
	if err != nil {
		return known, err
	}
	known.Locked = slices.ContainsFunc(prescriptions, func(o store.Prescription) bool { return o.Locked(tx.Now) })
	err = addEvidence(tx, patient, &known)
	return known, err
}

// addEvidence adds what was found out about the patient before a signature. What nobody has
// found out stays nil.
func addEvidence(tx *store.Tx, patient *store.Patient, known *treatment.Signing) (err error) {
	if known.SignedConsents, err = tx.ConsentsInForce(patient.ID, tx.Now); err != nil {
		return err
	}
	weight, err := notKnown(tx.LastWeight(patient.ID))
	if err != nil {
		return err
	}
	if weight != nil {
		known.Weight = &treatment.Weight{Kg: *weight.WeightKg, MeasuredAt: weight.OccurredAt}
	}
	check, err := notKnown(tx.LastPDMPCheck(patient.ID, patient.State))
	if err != nil {
		return err
	}
	if check != nil {
		known.PDMPCheckedAt = &check.OccurredAt
	}
	exam, err := notKnown(tx.LastExam(patient.ID))
	if exam != nil {
		known.InPersonExamAt = exam.CompletedAt
	}
	return err
}

// prescriber is a member of staff as the rules know somebody who signs.
func prescriber(tx *store.Tx, id uuid.UUID) (treatment.Prescriber, error) {
	m, err := tx.StaffMember(id)
	if err != nil {
		return treatment.Prescriber{}, err
	}
	p := treatment.Prescriber{StaffID: id, NPI: orZero(m.NPI)}
	for _, c := range m.Credentials {
		known := treatment.Credential{State: c.State, Number: c.Number, Expires: treatment.Date(c.Expires)}
		if c.Kind == store.Licence {
			p.Licences = append(p.Licences, known)
		} else {
			p.DEARegistrations = append(p.DEARegistrations, known)
		}
	}
	return p, nil
}

func prescriptionOut(p *store.Prescription, now time.Time) (oapi.PrescriptionJSONResponse, error) {
	status := p.StatusAt(now)
	derived := ""
	if status != p.Status {
		derived = string(status)
	}
	out := oapi.Prescription{
		ID: p.ID, Version: p.Version, PatientID: p.PatientID, TreatmentID: p.TreatmentID, AdjustmentID: p.AdjustmentID,
		Form: oapi.DosageForm(p.Form), Route: oapi.Route(p.Route), StrengthMg: p.StrengthMg, DoseMg: p.DoseMg, BoosterMg: p.BoosterMg,
		MinIntervalHours: p.MinIntervalHours, SessionsPerWeek: p.SessionsPerWeek, QuantityUnits: p.QuantityUnits,
		Refills: p.Refills, Directions: p.Directions, Status: oapi.PrescriptionStatus(status), StatusReason: filled(p.StatusReason),
		OnHold: p.OnHold, HoldReason: filled(oapi.HoldReason(p.HoldReason)), Dispensed: oapi.Dispensed(p.Dispensed()),
		SignedAt: p.SignedAt, SignedBy: p.SignedBy, CosignedAt: p.CosignedAt, CosignedBy: p.CosignedBy, ExpiresAt: p.ExpiresAt,
		WeightKg: p.WeightKg, RulesVersion: filled(p.RulesVersion), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if p.ProtocolID != uuid.Nil {
		out.ProtocolID = &p.ProtocolID
	}
	var err error
	out.ReviewedMedications, err = reviewedOut(p)
	return oapi.PrescriptionJSONResponse{Body: out, Headers: oapi.PrescriptionResponseHeaders{ETag: etag(p.Version, derived), Location: location("prescriptions", p.ID)}}, err
}
