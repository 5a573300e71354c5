package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// ShowTimeline shows what happened to a patient, newest first. It reads the records and not the journal: the
// journal knows when something was told, the records when it happened.
func (s *Server) ShowTimeline(ctx context.Context, req oapi.ShowTimelineRequestObject) (oapi.ShowTimelineResponseObject, error) {
	p := req.Params
	filter := store.MomentFilter{Type: store.MomentType(orZero(p.Type)), From: p.From, Until: p.Until, ForPatient: !callOf(ctx).who.staff()}
	page, err := s.page(ctx, p.Limit, p.Cursor, filter)
	if err != nil {
		return nil, err
	}
	moments, key, err := store.From(ctx).Timeline(req.PatientID, filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.Timeline{Items: []oapi.TimelineItem{}}
	for i := range moments {
		out.Items = append(out.Items, momentOut(&moments[i]))
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ShowTimeline200JSONResponse{TimelineJSONResponse: oapi.TimelineJSONResponse{Body: out}}, nil
}

func momentOut(m *store.Moment) oapi.TimelineItem {
	item := oapi.TimelineItem{
		At: m.At, Type: oapi.TimelineType(m.Type), Detail: filled(m.Detail), SessionID: m.SessionID,
		Record: oapi.TimelineRecord{Type: m.Record, ID: m.ID, Version: m.Version},
	}
	if m.RecordedBy != "" {
		item.RecordedBy = new(actorOut(m.RecordedBy))
	}
	if m.StruckOut {
		item.StruckOut = &m.StruckOut
	}
	return item
}
