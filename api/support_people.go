package api

import (
	"context"

	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListSupportPeople lists a patient's support people, newest first.
func (s *Server) ListSupportPeople(ctx context.Context, req oapi.ListSupportPeopleRequestObject) (oapi.ListSupportPeopleResponseObject, error) {
	status := treatment.SupportPersonStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListSupportPeople(req.PatientID, status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.SupportPersonPage{Items: []oapi.SupportPerson{}}
	for i := range rows {
		out.Items = append(out.Items, supportPersonOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListSupportPeople200JSONResponse{SupportPersonPageJSONResponse: oapi.SupportPersonPageJSONResponse{Body: out}}, nil
}

// AddSupportPerson adds somebody who can be with the patient.
func (s *Server) AddSupportPerson(ctx context.Context, req oapi.AddSupportPersonRequestObject) (oapi.AddSupportPersonResponseObject, error) {
	b := req.Body
	p := &store.SupportPerson{PatientID: req.PatientID, SupportPerson: treatment.SupportPerson{
		Name: b.Name, Relationship: b.Relationship, Phone: b.Phone, Email: textOf[string](b.Email), Adult: b.Adult,
	}}
	if err := store.From(ctx).Create("supportPerson.added", p); err != nil {
		return nil, err
	}
	return oapi.AddSupportPerson201JSONResponse{SupportPersonJSONResponse: supportPersonOut(p)}, nil
}

// ShowSupportPerson shows a support person.
func (s *Server) ShowSupportPerson(ctx context.Context, req oapi.ShowSupportPersonRequestObject) (oapi.ShowSupportPersonResponseObject, error) {
	p, err := store.Find[store.SupportPerson](store.From(ctx), req.SupportPersonID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowSupportPerson200JSONResponse{SupportPersonJSONResponse: supportPersonOut(p)}, nil
}

// UpdateSupportPerson changes what is known of a support person.
func (s *Server) UpdateSupportPerson(ctx context.Context, req oapi.UpdateSupportPersonRequestObject) (oapi.UpdateSupportPersonResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	p, err := store.Find[store.SupportPerson](tx, req.SupportPersonID)
	if err != nil {
		return nil, err
	}
	if err := p.MayChange(); err != nil {
		return nil, err
	}
	set(&p.Name, b.Name)
	setOrClear(&p.Relationship, b.Relationship)
	setOrClear(&p.Phone, b.Phone)
	email := (*openapi_types.Email)(p.Email)
	setOrClear(&email, b.Email)
	p.Email = (*string)(email)
	set(&p.Adult, b.Adult)
	if err := tx.Change("supportPerson.updated", p); err != nil {
		return nil, err
	}
	return oapi.UpdateSupportPerson200JSONResponse{SupportPersonJSONResponse: supportPersonOut(p)}, nil
}

// RemoveSupportPerson says that somebody is not to be asked any more.
func (s *Server) RemoveSupportPerson(ctx context.Context, req oapi.RemoveSupportPersonRequestObject) (oapi.RemoveSupportPersonResponseObject, error) {
	tx := store.From(ctx)
	p, err := store.Find[store.SupportPerson](tx, req.SupportPersonID)
	if err != nil {
		return nil, err
	}
	if p.SupportPerson, err = p.Remove(req.Body.Reason, tx.Now); err != nil {
		return nil, err
	}
	if err := tx.Change("supportPerson.removed", p); err != nil {
		return nil, err
	}
	return oapi.RemoveSupportPerson200JSONResponse{SupportPersonJSONResponse: supportPersonOut(p)}, nil
}

func supportPersonOut(p *store.SupportPerson) oapi.SupportPersonJSONResponse {
	return oapi.SupportPersonJSONResponse{
		Headers: oapi.SupportPersonResponseHeaders{ETag: etag(p.Version), Location: location("support-people", p.ID)},
		Body: oapi.SupportPerson{
			ID: p.ID, Version: p.Version, PatientID: p.PatientID, Name: p.Name, Relationship: p.Relationship, Phone: p.Phone,
			Email: (*openapi_types.Email)(p.Email), Adult: p.Adult, Status: oapi.SupportPersonStatus(p.Status()),
			RemovedAt: p.RemovedAt, RemoveReason: filled(p.RemoveReason), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		},
	}
}
