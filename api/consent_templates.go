package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListConsentTemplates lists the clinic's consent texts, newest first.
func (s *Server) ListConsentTemplates(ctx context.Context, req oapi.ListConsentTemplatesRequestObject) (oapi.ListConsentTemplatesResponseObject, error) {
	filter := store.ConsentTemplateFilter{
		Kind:   treatment.ConsentKind(orZero(req.Params.Kind)),
		Status: treatment.ConsentTemplateStatus(orZero(req.Params.Status)),
	}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListConsentTemplates(filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.ConsentTemplatePage{Items: []oapi.ConsentTemplate{}}
	for i := range rows {
		out.Items = append(out.Items, consentTemplateOut(ctx, &rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListConsentTemplates200JSONResponse{ConsentTemplatePageJSONResponse: oapi.ConsentTemplatePageJSONResponse{Body: out}}, nil
}

// ShowConsentTemplate shows a consent text.
func (s *Server) ShowConsentTemplate(ctx context.Context, req oapi.ShowConsentTemplateRequestObject) (oapi.ShowConsentTemplateResponseObject, error) {
	t, err := store.Find[store.ConsentTemplate](store.From(ctx), req.ConsentTemplateID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowConsentTemplate200JSONResponse{ConsentTemplateJSONResponse: consentTemplateOut(ctx, t)}, nil
}

// PublishConsentTemplate publishes the next revision of a kind.
func (s *Server) PublishConsentTemplate(ctx context.Context, req oapi.PublishConsentTemplateRequestObject) (oapi.PublishConsentTemplateResponseObject, error) {
	b := req.Body
	t := &store.ConsentTemplate{ConsentTemplate: treatment.ConsentTemplate{
		Kind: treatment.ConsentKind(b.Kind), Title: b.Title, Text: b.Text,
		ValidMonths: treatment.DefaultConsentMonths, Status: treatment.ConsentTemplatePublished,
	}}
	set(&t.ValidMonths, b.ValidMonths)
	if err := store.From(ctx).PublishConsentTemplate("consentTemplate.published", t); err != nil {
		return nil, err
	}
	return oapi.PublishConsentTemplate201JSONResponse{ConsentTemplateJSONResponse: consentTemplateOut(ctx, t)}, nil
}

// RetireConsentTemplate ends a text: what was signed to it expires.
func (s *Server) RetireConsentTemplate(ctx context.Context, req oapi.RetireConsentTemplateRequestObject) (oapi.RetireConsentTemplateResponseObject, error) {
	tx := store.From(ctx)
	t, err := store.Find[store.ConsentTemplate](tx, req.ConsentTemplateID)
	if err != nil {
		return nil, err
	}
	if t.ConsentTemplate, err = t.Retire(callOf(ctx).who.actor.ID, req.Body.Reason, tx.Now); err != nil {
		return nil, err
	}
	if err := tx.Change("consentTemplate.retired", t); err != nil {
		return nil, err
	}
	return oapi.RetireConsentTemplate200JSONResponse{ConsentTemplateJSONResponse: consentTemplateOut(ctx, t)}, nil
}

// consentTemplateOut shows a consent text. Who retired it, and why, is for staff.
func consentTemplateOut(ctx context.Context, t *store.ConsentTemplate) oapi.ConsentTemplateJSONResponse {
	out := oapi.ConsentTemplate{
		ID: t.ID, Version: t.Version, Kind: oapi.ConsentKind(t.Kind), Revision: t.Revision, Title: t.Title, Text: t.Text,
		ValidMonths: t.ValidMonths, Status: oapi.ConsentTemplateStatus(t.Status), RetiredAt: t.RetiredAt,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
	if callOf(ctx).who.staff() {
		out.StatusReason, out.RetiredBy = filled(t.StatusReason), t.RetiredBy
	}
	return oapi.ConsentTemplateJSONResponse{
		Body: out, Headers: oapi.ConsentTemplateResponseHeaders{ETag: etag(t.Version), Location: location("consent-templates", t.ID)},
	}
}
