package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// ShowClinic shows the caller's clinic.
func (s *Server) ShowClinic(ctx context.Context, _ oapi.ShowClinicRequestObject) (oapi.ShowClinicResponseObject, error) {
	c, err := store.From(ctx).Clinic()
	if err != nil {
		return nil, err
	}
	return oapi.ShowClinic200JSONResponse{ClinicJSONResponse: clinicOut(c)}, nil
}

// UpdateClinic changes name, time zone or safety message.
func (s *Server) UpdateClinic(ctx context.Context, req oapi.UpdateClinicRequestObject) (oapi.UpdateClinicResponseObject, error) {
	tx := store.From(ctx)
	c, err := tx.Clinic()
	if err != nil {
		return nil, err
	}
	set(&c.Name, req.Body.Name)
	set(&c.TimeZone, req.Body.TimeZone)
	set(&c.SafetyMessage, req.Body.SafetyMessage)
	if err := tx.Change("clinic.updated", c); err != nil {
		return nil, err
	}
	return oapi.UpdateClinic200JSONResponse{ClinicJSONResponse: clinicOut(c)}, nil
}

func clinicOut(c *store.Clinic) oapi.ClinicJSONResponse {
	return oapi.ClinicJSONResponse{
		Headers: oapi.ClinicResponseHeaders{ETag: etag(c.Version)},
		Body: oapi.Clinic{
			ID: c.ID, Version: c.Version, Name: c.Name, TimeZone: c.TimeZone, SafetyMessage: c.SafetyMessage,
			CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		},
	}
}
