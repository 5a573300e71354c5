package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListPdmpChecks lists the looks into monitoring programs about a patient, newest first.
func (s *Server) ListPdmpChecks(ctx context.Context, req oapi.ListPdmpChecksRequestObject) (oapi.ListPdmpChecksResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListPDMPChecks(req.PatientID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.PdmpCheckPage{Items: []oapi.PdmpCheck{}}
	for i := range rows {
		out.Items = append(out.Items, pdmpCheckOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListPdmpChecks200JSONResponse{PdmpCheckPageJSONResponse: oapi.PdmpCheckPageJSONResponse{Body: out}}, nil
}

// RecordPdmpCheck keeps that a state's monitoring program was asked, and what it showed.
func (s *Server) RecordPdmpCheck(ctx context.Context, req oapi.RecordPdmpCheckRequestObject) (oapi.RecordPdmpCheckResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.addPdmpCheck(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	c, err := store.Find[store.PDMPCheck](tx, req.Body.ID)
	if err != nil {
		return nil, err
	}
	return oapi.RecordPdmpCheck200JSONResponse{PdmpCheckJSONResponse: pdmpCheckOut(c)}, nil
}

func (s *Server) addPdmpCheck(ctx context.Context, tx *store.Tx, req oapi.RecordPdmpCheckRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	c := &store.PDMPCheck{Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Told: said, PDMPCheck: treatment.PDMPCheck{
		State: b.State, Result: treatment.PDMPResult(b.Result), Note: orZero(b.Note),
	}}
	if err := c.Validate(); err != nil {
		return err
	}
	_, policy, err := s.policyFor(tx, c.PatientID, nil)
	if err != nil {
		return err
	}
	c.StaleAt = policy.PDMPStaleAt(c.OccurredAt)
	if err := tx.Create("pdmpCheck.recorded", c); err != nil {
		return err
	}
	patient, err := store.Find[store.Patient](tx, c.PatientID)
	if err != nil || patient.State != c.State || !c.StaleAt.After(tx.Now) {
		return err
	}
	return tx.SettleAlerts(c.PatientID, treatment.AlertPDMPStale)
}

// VoidPdmpCheck strikes a check out.
func (s *Server) VoidPdmpCheck(ctx context.Context, req oapi.VoidPdmpCheckRequestObject) (oapi.VoidPdmpCheckResponseObject, error) {
	tx := store.From(ctx)
	c, err := store.Find[store.PDMPCheck](tx, req.PdmpCheckID)
	if err != nil {
		return nil, err
	}
	if err := strikeOut(ctx, tx, c.Told, &c.Struck, req.Body); err != nil {
		return nil, err
	}
	if err := tx.Change("pdmpCheck.enteredInError", c); err != nil {
		return nil, err
	}
	return oapi.VoidPdmpCheck200JSONResponse{PdmpCheckJSONResponse: pdmpCheckOut(c)}, nil
}

func pdmpCheckOut(c *store.PDMPCheck) oapi.PdmpCheckJSONResponse {
	return oapi.PdmpCheckJSONResponse{
		Headers: oapi.PdmpCheckResponseHeaders{ETag: etag(c.Version)},
		Body: oapi.PdmpCheck{
			ID: c.ID, Version: c.Version, PatientID: c.PatientID, OccurredAt: c.OccurredAt, TimeZone: c.TimeZone,
			ReportedBy: oapi.ReportedBy(c.ReportedBy), Mode: oapi.Mode(c.Mode), ClockSkew: &c.ClockSkew,
			RecordedBy: actorOut(c.RecordedBy), RecordedAt: c.CreatedAt, StruckOut: struckOut(c.Struck),
			State: c.State, Result: oapi.PdmpResult(c.Result), Note: filled(c.Note), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		},
	}
}
