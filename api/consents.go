package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListConsents lists a patient's consents, newest first, without their texts.
func (s *Server) ListConsents(ctx context.Context, req oapi.ListConsentsRequestObject) (oapi.ListConsentsResponseObject, error) {
	tx, status := store.From(ctx), treatment.ConsentStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListConsents(req.PatientID, status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.ConsentPage{Items: []oapi.Consent{}}
	for i := range rows {
		item := consentOut(&rows[i], tx.Now).Body
		item.Text = nil
		out.Items = append(out.Items, item)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListConsents200JSONResponse{ConsentPageJSONResponse: oapi.ConsentPageJSONResponse{Body: out}}, nil
}

// ShowConsent shows a consent with its text.
func (s *Server) ShowConsent(ctx context.Context, req oapi.ShowConsentRequestObject) (oapi.ShowConsentResponseObject, error) {
	out, err := storedConsent(ctx, req.ConsentID)
	return oapi.ShowConsent200JSONResponse{ConsentJSONResponse: out}, err
}

// PresentConsent asks a patient to sign a text. There is one record for each patient, text and
// partner: what has ended is presented again.
func (s *Server) PresentConsent(ctx context.Context, req oapi.PresentConsentRequestObject) (oapi.PresentConsentResponseObject, error) {
	tx, partner := store.From(ctx), orZero(req.Body.Partner)
	t, err := store.Find[store.ConsentTemplate](tx, req.Body.TemplateID)
	if errors.Is(err, store.ErrNotFound) {
		err = notFoundIn("/templateId")
	}
	if err != nil {
		return nil, err
	}
	known := treatment.Presenting{Template: t.ConsentTemplate, Partner: partner, By: callOf(ctx).who.actor.ID, Now: tx.Now}
	if known.Newest, err = tx.LastRevision(t.Kind, treatment.ConsentTemplatePublished); err != nil {
		return nil, err
	}
	c, err := notKnown(tx.ConsentTo(t, req.PatientID, partner))
	if err != nil {
		return nil, err
	}
	if c != nil {
		known.Earlier = &c.Consent
	}
	presented, err := treatment.Present(known)
	if err != nil {
		return nil, err
	}
	write := tx.Change
	if c == nil {
		c, write = &store.Consent{PatientID: req.PatientID, TemplateID: t.ID, Template: t}, tx.Create
	}
	c.Consent, c.Signature, c.Ending = presented, store.Report{}, store.Report{}
	if err := write("consent.presented", c); err != nil {
		return nil, err
	}
	return oapi.PresentConsent201JSONResponse{ConsentJSONResponse: consentOut(c, tx.Now)}, nil
}

// SignConsent records the patient's signature.
func (s *Server) SignConsent(ctx context.Context, req oapi.SignConsentRequestObject) (oapi.SignConsentResponseObject, error) {
	if !callOf(ctx).repeated {
		if err := s.signConsent(ctx, req.ConsentID, req.Body); err != nil {
			return nil, err
		}
	}
	out, err := storedConsent(ctx, req.ConsentID)
	return oapi.SignConsent200JSONResponse{ConsentJSONResponse: out}, err
}

func (s *Server) signConsent(ctx context.Context, id uuid.UUID, b *oapi.ConsentSignatureInput) error {
	tx, who := store.From(ctx), &callOf(ctx).who
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	here, err := zone(b.TimeZone)
	if err != nil {
		return err
	}
	c, err := tx.Consent(id)
	if err != nil {
		return err
	}
	_, policy, err := s.policyFor(tx, c.PatientID, nil)
	if err != nil {
		return err
	}
	known := treatment.Signature{Name: b.SignatureName, At: said.OccurredAt.In(here), Now: tx.Now, Mode: treatment.Mode(b.Mode), Protocol: *policy}
	if who.staff() {
		known.WitnessedBy = &who.actor.ID
	}
	if known.Sessions, err = tx.SessionsRunning(c.PatientID, said.OccurredAt, tx.Now); err != nil {
		return err
	}
	if c.Consent, err = c.Sign(c.Template.ConsentTemplate, known); err != nil {
		return err
	}
	c.Signature = said.Report(b.ID, tx.Now)
	if err := supersedeConsents(tx, c); err != nil {
		return err
	}
	return tx.Change("consent.signed", c)
}

// supersedeConsents ends what gives way to a consent that is being signed.
func supersedeConsents(tx *store.Tx, by *store.Consent) error {
	others, err := tx.OpenConsents(by)
	if err != nil {
		return err
	}
	for i := range others {
		o := &others[i]
		if !by.Supersedes(o.Consent) {
			continue
		}
		if o.Consent, err = o.Supersede(*by.SignedAt); err != nil {
			return err
		}
		if err := tx.Change("consent.superseded", o); err != nil {
			return err
		}
	}
	return nil
}

// DeclineConsent records that the patient does not sign.
func (s *Server) DeclineConsent(ctx context.Context, req oapi.DeclineConsentRequestObject) (oapi.DeclineConsentResponseObject, error) {
	if !callOf(ctx).repeated {
		if _, err := endConsent(ctx, req.ConsentID, req.Body, "consent.declined", treatment.Consent.Decline); err != nil {
			return nil, err
		}
	}
	out, err := storedConsent(ctx, req.ConsentID)
	return oapi.DeclineConsent200JSONResponse{ConsentJSONResponse: out}, err
}

// WithdrawConsent takes a signature back, and stops what rests on it.
func (s *Server) WithdrawConsent(ctx context.Context, req oapi.WithdrawConsentRequestObject) (oapi.WithdrawConsentResponseObject, error) {
	if !callOf(ctx).repeated {
		c, err := endConsent(ctx, req.ConsentID, req.Body, "consent.withdrawn", treatment.Consent.Withdraw)
		if err != nil {
			return nil, err
		}
		if err := stopWithout(store.From(ctx), c); err != nil {
			return nil, err
		}
	}
	out, err := storedConsent(ctx, req.ConsentID)
	return oapi.WithdrawConsent200JSONResponse{ConsentJSONResponse: out}, err
}

// endConsent records that a consent is declined or withdrawn.
func endConsent(ctx context.Context, id uuid.UUID, b *oapi.ConsentEndingInput, event string,
	end func(c treatment.Consent, reason string, at, now time.Time) (treatment.Consent, error),
) (*store.Consent, error) {
	tx := store.From(ctx)
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return nil, err
	}
	c, err := tx.Consent(id)
	if err != nil {
		return nil, err
	}
	if c.Consent, err = end(c.Consent, orZero(b.Reason), said.OccurredAt, tx.Now); err != nil {
		return nil, err
	}
	c.Ending = said.Report(b.ID, tx.Now)
	return c, tx.Change(event, c)
}

// stopWithout puts the open treatment on hold if its protocol requires a consent that the
// patient has withdrawn, and calls off what is planned. A session that has begun is finished
// by its facts.
func stopWithout(tx *store.Tx, c *store.Consent) error {
	t, err := tx.OpenCourse(c.PatientID)
	if err != nil || t == nil {
		return err
	}
	policy, err := policyOf(tx, t.ProtocolID)
	if err != nil || !policy.RequiresConsent(c.Kind) {
		return err
	}
	left, err := tx.ConsentsInForce(c.PatientID, tx.Now)
	if err != nil || slices.Contains(left, string(c.Kind)) { // with another partner
		return err
	}
	note := "consent withdrawn: " + string(c.Kind)
	if err := hold(tx, t, treatment.HoldConsentWithdrawn, note); err != nil {
		return err
	}
	return cancelPlanned(tx, t.ID, note)
}

// storedConsent shows what is stored.
func storedConsent(ctx context.Context, id uuid.UUID) (out oapi.ConsentJSONResponse, err error) {
	tx := store.From(ctx)
	c, err := tx.Consent(id)
	if err != nil {
		return out, err
	}
	return consentOut(c, tx.Now), nil
}

func consentOut(c *store.Consent, now time.Time) oapi.ConsentJSONResponse {
	status, derived := c.StatusAt(now), ""
	if status != c.Status {
		derived = string(status)
	}
	out := oapi.Consent{
		ID: c.ID, Version: c.Version, PatientID: c.PatientID, TemplateID: c.TemplateID, Kind: oapi.ConsentKind(c.Kind),
		Revision: c.Template.Revision, Title: c.Template.Title, Text: &c.Template.Text, Partner: filled(c.Partner),
		Status: oapi.ConsentStatus(status), StatusReason: filled(c.StatusReason), PresentedAt: c.PresentedAt, PresentedBy: c.PresentedBy,
		SignatureName: filled(c.SignatureName), WitnessedBy: c.WitnessedBy, SignedAt: c.SignedAt, ExpiresAt: c.ExpiresAt, EndedAt: c.EndedAt,
		Signature: reportOut(c.Signature), Ending: reportOut(c.Ending), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	return oapi.ConsentJSONResponse{Body: out, Headers: oapi.ConsentResponseHeaders{ETag: etag(c.Version, derived), Location: location("consents", c.ID)}}
}
