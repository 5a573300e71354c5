package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
)

// ListInstruments lists the questionnaires that can be answered, on one page.
func (s *Server) ListInstruments(context.Context, oapi.ListInstrumentsRequestObject) (oapi.ListInstrumentsResponseObject, error) {
	out := oapi.InstrumentPage{Items: []oapi.Instrument{}}
	for _, i := range instruments.All() {
		out.Items = append(out.Items, instrumentOut(i))
	}
	return oapi.ListInstruments200JSONResponse{InstrumentPageJSONResponse: oapi.InstrumentPageJSONResponse{Body: out}}, nil
}

// ShowInstrument shows a questionnaire.
func (s *Server) ShowInstrument(_ context.Context, req oapi.ShowInstrumentRequestObject) (oapi.ShowInstrumentResponseObject, error) {
	i, found := instruments.Find(string(req.InstrumentID))
	if !found {
		return nil, store.ErrNotFound
	}
	return oapi.ShowInstrument200JSONResponse{InstrumentJSONResponse: oapi.InstrumentJSONResponse(instrumentOut(i))}, nil
}

// safety says whether an answer to the item may call for help at once.
func safety(item instruments.Item) *bool { return new(item.PositiveFrom > 0) }

func instrumentOut(i instruments.Instrument) oapi.Instrument {
	out := oapi.Instrument{
		ID: i.ID, Title: i.Title, ScoringVersion: i.Version, Prompt: i.Prompt, RecallPeriod: i.RecallPeriod,
		Loinc: filled(i.LOINCPanel), LoincTotal: filled(i.LOINCTotal), Reference: filled(i.Reference),
		Licence: oapi.Licence(i.Terms), Items: []oapi.InstrumentItem{}, Bands: []oapi.Band{}, Levels: []oapi.Level{},
	}
	if len(i.Levels) == 0 {
		out.MinTotal, out.MaxTotal = &i.MinTotal, &i.MaxTotal
	}
	for _, item := range i.Items {
		question := oapi.InstrumentItem{ID: item.ID, Text: item.Text, Loinc: filled(item.LOINC), Scored: item.Scored, Safety: safety(item), Options: []oapi.AnswerOption{}}
		if c := item.EnabledWhen; c != nil {
			question.EnabledWhen = &oapi.AnswerCondition{Item: c.Item, From: c.From}
		}
		for _, o := range item.Options {
			question.Options = append(question.Options, oapi.AnswerOption{Value: o.Value, Text: o.Text, Loinc: filled(o.LOINC)})
		}
		out.Items = append(out.Items, question)
	}
	for _, b := range i.Bands {
		out.Bands = append(out.Bands, oapi.Band{Name: b.Code, From: b.Min, To: b.Max})
	}
	for _, l := range i.Levels {
		out.Levels = append(out.Levels, oapi.Level{Name: l.Code, Title: l.Title, Loinc: filled(l.LOINC), Provenance: oapi.Provenance(l.Provenance)})
	}
	return out
}
