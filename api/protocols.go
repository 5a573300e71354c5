package api

import (
	"context"
	"encoding/json"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// ListProtocols lists the clinic's protocols, newest first.
func (s *Server) ListProtocols(ctx context.Context, req oapi.ListProtocolsRequestObject) (oapi.ListProtocolsResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListProtocols(page)
	if err != nil {
		return nil, err
	}
	out := oapi.ProtocolPage{Items: []oapi.Protocol{}}
	for i := range rows {
		item, err := protocolOut(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListProtocols200JSONResponse{ProtocolPageJSONResponse: oapi.ProtocolPageJSONResponse{Body: out}}, nil
}

// ShowProtocol shows a protocol with every number in it.
func (s *Server) ShowProtocol(ctx context.Context, req oapi.ShowProtocolRequestObject) (oapi.ShowProtocolResponseObject, error) {
	p, err := store.Find[store.Protocol](store.From(ctx), req.ProtocolID)
	if err != nil {
		return nil, err
	}
	out, err := protocolOut(p)
	return oapi.ShowProtocol200JSONResponse{ProtocolJSONResponse: out}, err
}

func protocolOut(p *store.Protocol) (out oapi.ProtocolJSONResponse, err error) {
	out.Headers = oapi.ProtocolResponseHeaders{ETag: etag(p.Version)}
	out.Body = oapi.Protocol{ID: p.ID, Version: p.Version, Name: p.Name, Revision: p.Revision, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	return out, json.Unmarshal([]byte(p.Policy), &out.Body.Policy)
}
