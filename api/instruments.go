package api

import (
	"context"
	"errors"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
)

// ListInstruments lists the questionnaires that can be answered, on one page: those that are
// shipped, then the clinic's own.
func (s *Server) ListInstruments(ctx context.Context, _ oapi.ListInstrumentsRequestObject) (oapi.ListInstrumentsResponseObject, error) {
	out := oapi.InstrumentPage{Items: []oapi.Instrument{}}
	for _, i := range instruments.All() {
		shown, err := attested(ctx, i)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, shown)
	}
	own, err := newestOwn(store.From(ctx))
	if err != nil {
		return nil, err
	}
	for n := range own {
		i, err := ownInstrument(&own[n])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, ownInstrumentOut(ctx, &own[n], i))
	}
	return oapi.ListInstruments200JSONResponse{InstrumentPageJSONResponse: oapi.InstrumentPageJSONResponse{Body: out}}, nil
}

// ShowInstrument shows a questionnaire.
func (s *Server) ShowInstrument(ctx context.Context, req oapi.ShowInstrumentRequestObject) (oapi.ShowInstrumentResponseObject, error) {
	i, own, err := instrumentOf(store.From(ctx), req.InstrumentID, orZero(req.Params.ScoringVersion))
	if err != nil {
		return nil, err
	}
	var out oapi.Instrument
	if own != nil {
		out = ownInstrumentOut(ctx, own, i)
	} else if out, err = attested(ctx, i); err != nil {
		return nil, err
	}
	return oapi.ShowInstrument200JSONResponse{InstrumentJSONResponse: oapi.InstrumentJSONResponse{Body: out}}, nil
}

// AttestInstrumentLicence keeps who answers for it that the clinic may use an instrument.
func (s *Server) AttestInstrumentLicence(ctx context.Context, req oapi.AttestInstrumentLicenceRequestObject) (oapi.AttestInstrumentLicenceResponseObject, error) {
	i, _, err := instrumentOf(store.From(ctx), req.InstrumentID, "")
	if err != nil {
		return nil, err
	}
	if !i.NeedsLicence() {
		return nil, problem.New(problem.RuleViolated, i.ID+" needs no licence: it is "+string(i.Terms))
	}
	licence := &store.InstrumentLicence{
		Instrument: i.ID, Licence: req.Body.Licence, Reference: orZero(req.Body.Reference), AttestedBy: callOf(ctx).who.actor.ID,
	}
	if err := store.From(ctx).Create("instrumentLicence.attested", licence); err != nil {
		return nil, err
	}
	return oapi.AttestInstrumentLicence201JSONResponse{InstrumentLicenceJSONResponse: oapi.InstrumentLicenceJSONResponse{
		Body:    instrumentLicenceOut(ctx, licence),
		Headers: oapi.InstrumentLicenceResponseHeaders{ETag: etag(licence.Version), Location: new("/v1/instruments/" + i.ID)},
	}}, nil
}

// attested shows an instrument with the clinic's attestation, if it needs one and has it.
func attested(ctx context.Context, i instruments.Instrument) (oapi.Instrument, error) {
	out := instrumentOut(i)
	if !i.NeedsLicence() {
		return out, nil
	}
	licence, err := store.From(ctx).InstrumentLicence(i.ID)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Attestation = new(instrumentLicenceOut(ctx, licence))
	return out, nil
}

// instrumentLicenceOut shows an attestation. Who answers for it is for staff.
func instrumentLicenceOut(ctx context.Context, l *store.InstrumentLicence) oapi.InstrumentLicence {
	out := oapi.InstrumentLicence{
		ID: l.ID, Version: l.Version, Instrument: oapi.InstrumentID(l.Instrument), Licence: l.Licence,
		Reference: filled(l.Reference), AttestedAt: l.CreatedAt,
	}
	if callOf(ctx).who.staff() {
		out.AttestedBy = &l.AttestedBy
	}
	return out
}

func instrumentOut(i instruments.Instrument) oapi.Instrument {
	out := oapi.Instrument{
		ID: i.ID, Title: i.Title, ScoringVersion: i.Version, RatedBy: oapi.Rater(i.RatedBy), Prompt: filled(i.Prompt),
		RecallPeriod: filled(i.RecallPeriod), Loinc: filled(i.LOINCPanel), LoincTotal: filled(i.LOINCTotal),
		Licence: oapi.Licence(i.Terms), LicenceNote: i.Licence, TextIncluded: !i.NeedsLicence(), Reference: i.Reference,
		Provenance: oapi.Provenance(i.Provenance), Method: filled(oapi.ScoringMethod(i.Method)), Times: notZero(i.Times),
		Items: []oapi.InstrumentItem{}, Bands: []oapi.Band{}, Levels: []oapi.Level{}, Subscales: []oapi.InstrumentSubscale{},
		Flags: []oapi.InstrumentFlag{}, Thresholds: []oapi.InstrumentThreshold{},
	}
	if len(i.Levels) == 0 {
		out.MinTotal, out.MaxTotal, out.Direction = &i.MinTotal, &i.MaxTotal, new(oapi.ScoreDirectionHigherIsWorse)
		if i.HigherIsBetter {
			out.Direction = new(oapi.ScoreDirectionHigherIsBetter)
		}
	}
	for _, item := range i.Items {
		out.Items = append(out.Items, instrumentItemOut(item))
	}
	for _, b := range i.Bands {
		out.Bands = append(out.Bands, oapi.Band{Name: b.Code, From: b.Min, To: b.Max})
	}
	for _, l := range i.Levels {
		out.Levels = append(out.Levels, oapi.Level{Name: l.Code, Title: l.Title, Loinc: filled(l.LOINC), Provenance: oapi.Provenance(l.Provenance)})
	}
	for _, scale := range i.Subscales {
		shown := oapi.InstrumentSubscale{Name: scale.Code, Title: scale.Title, Items: scale.Items}
		if len(scale.Criterion.Items) > 0 {
			shown.Criterion = new(criterionOut(scale.Criterion))
		}
		out.Subscales = append(out.Subscales, shown)
	}
	for _, flag := range i.Flags {
		shown := oapi.InstrumentFlag{Name: flag.Code, Title: flag.Title, Criteria: []oapi.ItemCriterion{}, Source: flag.Source, Provenance: oapi.Provenance(flag.Provenance)}
		for _, c := range flag.All {
			shown.Criteria = append(shown.Criteria, criterionOut(c))
		}
		out.Flags = append(out.Flags, shown)
	}
	for _, t := range i.Known() {
		out.Thresholds = append(out.Thresholds, oapi.InstrumentThreshold{
			Name: oapi.ThresholdName(t.Name), Value: t.Value, Source: t.Source, Provenance: oapi.Provenance(t.Provenance),
		})
	}
	return out
}

func instrumentItemOut(item instruments.Item) oapi.InstrumentItem {
	out := oapi.InstrumentItem{
		ID: item.ID, Text: filled(item.Text), Loinc: filled(item.LOINC), Scored: item.Scored, Group: filled(item.Group),
		Reverse: &item.Reverse, Safety: safety(item), Options: []oapi.AnswerOption{},
	}
	if c := item.EnabledWhen; c != nil {
		out.EnabledWhen = &oapi.AnswerCondition{Item: c.Item, From: c.From}
	}
	for _, o := range item.Options {
		out.Options = append(out.Options, oapi.AnswerOption{Value: o.Value, Text: filled(o.Text), Loinc: filled(o.LOINC)})
	}
	return out
}

// safety says whether an answer to the item may call for help at once.
func safety(item instruments.Item) *bool { return new(item.PositiveFrom > 0) }

func criterionOut(c instruments.Criterion) oapi.ItemCriterion {
	return oapi.ItemCriterion{Items: c.Items, From: c.From, To: c.To, AtLeast: c.AtLeast}
}

// notZero is nil for a number that stands for none.
func notZero(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
