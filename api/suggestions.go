package api

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListSuggestions lists what the rules suggested about a treatment, newest first.
func (s *Server) ListSuggestions(ctx context.Context, req oapi.ListSuggestionsRequestObject) (oapi.ListSuggestionsResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, nil)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListSuggestions(req.TreatmentID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.SuggestionPage{Items: []oapi.Suggestion{}}
	for i := range rows {
		item, err := suggestionOut(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, nil); err != nil {
		return nil, err
	}
	return oapi.ListSuggestions200JSONResponse{SuggestionPageJSONResponse: oapi.SuggestionPageJSONResponse{Body: out}}, nil
}

// SuggestAdjustment asks the rules about a treatment, and keeps what they say.
func (s *Server) SuggestAdjustment(ctx context.Context, req oapi.SuggestAdjustmentRequestObject) (oapi.SuggestAdjustmentResponseObject, error) {
	tx := store.From(ctx)
	c, err := loadCourse(tx, req.TreatmentID)
	if err != nil {
		return nil, err
	}
	suggested, err := c.suggest(tx)
	if err != nil {
		return nil, err
	}
	basis, err := json.Marshal(suggested.SuggestionBasis)
	if err != nil {
		return nil, err
	}
	row := &store.Suggestion{
		PatientID: c.row.PatientID, TreatmentID: c.row.ID, SuggestionVerdict: suggested.SuggestionVerdict,
		From: suggested.From, To: suggested.To, Basis: string(basis), RequestedBy: callOf(ctx).who.actor.ID,
	}
	if err := tx.Create("adjustment.suggested", row); err != nil {
		return nil, err
	}
	out, err := suggestionOut(row)
	return oapi.SuggestAdjustment201JSONResponse{SuggestionJSONResponse: out}, err
}

// ShowSuggestion shows a suggestion as it was made.
func (s *Server) ShowSuggestion(ctx context.Context, req oapi.ShowSuggestionRequestObject) (oapi.ShowSuggestionResponseObject, error) {
	row, err := store.From(ctx).Suggestion(req.SuggestionID)
	if err != nil {
		return nil, err
	}
	out, err := suggestionOut(row)
	return oapi.ShowSuggestion200JSONResponse{SuggestionJSONResponse: out}, err
}

// suggest is what the rules say now.
func (c *courseOf) suggest(tx *store.Tx) (treatment.Suggestion, error) {
	known, err := c.titrating(tx)
	if err != nil {
		return treatment.Suggestion{}, err
	}
	return treatment.Suggest(known)
}

// suggestionOf is a stored suggestion as the rules know it.
func suggestionOf(row *store.Suggestion) (treatment.Suggestion, error) {
	s := treatment.Suggestion{SuggestionVerdict: row.SuggestionVerdict, From: row.From, To: row.To}
	return s, json.Unmarshal([]byte(row.Basis), &s.SuggestionBasis)
}

// suggestionNamed is the suggestion of a treatment that a proposal names; nil if it names none.
func suggestionNamed(tx *store.Tx, course uuid.UUID, id *uuid.UUID) (*store.Suggestion, *treatment.Suggestion, error) {
	if id == nil {
		return nil, nil, nil
	}
	row, err := notKnown(tx.Suggestion(*id))
	if err != nil {
		return nil, nil, err
	}
	if row == nil || row.TreatmentID != course {
		return nil, nil, notFoundIn("/suggestionId")
	}
	s, err := suggestionOf(row)
	return row, &s, err
}

// stillSuggested refuses the approval of a proposal that names a suggestion, if the rules say
// something else by now. It lists what they say, and the records that they had not read.
func (c *courseOf) stillSuggested(tx *store.Tx, a *store.Adjustment) error {
	if a.Suggestion == nil {
		return nil
	}
	before, err := suggestionOf(a.Suggestion)
	if err != nil {
		return err
	}
	now, err := c.suggest(tx)
	if err != nil || now.Says(before) {
		return err
	}
	p := problem.New(problem.EvidenceChanged, "the rules say something else by now than the suggestion that was named", problem.Fault{
		In: "record", Pointer: *location("suggestions", *a.SuggestionID), Code: string(treatment.RuleSuggestion),
		Detail: "the rules now say " + string(now.Kind) + ", by " + string(now.Rule) + ": ask for a new suggestion and propose anew",
	})
	for _, e := range now.Inputs {
		known := slices.ContainsFunc(before.Inputs, func(b treatment.SuggestionInput) bool { return b.Evidence == e.Evidence })
		if noun := evidenceNouns[e.Type]; !known && noun != "" && len(p.Errors) < maxFaults {
			p.Errors = append(p.Errors, newerRecord(e.Evidence))
		}
	}
	return p
}

func suggestionOut(row *store.Suggestion) (out oapi.SuggestionJSONResponse, err error) {
	s, err := suggestionOf(row)
	if err != nil {
		return out, err
	}
	out.Body = oapi.Suggestion{
		ID: row.ID, Version: row.Version, PatientID: row.PatientID, TreatmentID: row.TreatmentID, PrescriptionID: s.PrescriptionID,
		Suggestion: oapi.SuggestionKind(s.Kind), Rule: oapi.TitrationRule(s.Rule), RulesVersion: s.RulesVersion, ProtocolID: s.ProtocolID,
		Change: suggestedChange(s.To), Reasons: append([]string{}, s.Reasons...), Inputs: []oapi.SuggestionInput{}, Missing: []oapi.MissingFact{},
		Checked: []oapi.CheckedContraindication{}, Evidence: []oapi.PublishedEvidence{}, Alternatives: []oapi.SuggestionAlternative{},
		RequestedBy: row.RequestedBy, ExpiresAt: s.ExpiresAt, AdjustmentIds: append([]uuid.UUID{}, row.NamedBy...),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if s.PrescriptionID != nil {
		out.Body.From = new(dosingOut(s.From))
	}
	basisOut(&out.Body, s.SuggestionBasis)
	// Another proposal that names it changes the answer, not the record.
	out.Headers = oapi.SuggestionResponseHeaders{ETag: etag(row.Version, namings(row)), Location: location("suggestions", row.ID)}
	return out, nil
}

func namings(row *store.Suggestion) string {
	if n := len(row.NamedBy); n > 0 {
		return "named" + itoa(n)
	}
	return ""
}

func basisOut(out *oapi.Suggestion, b treatment.SuggestionBasis) {
	for _, i := range b.Inputs {
		out.Inputs = append(out.Inputs, oapi.SuggestionInput{Type: oapi.SuggestionInputType(i.Type), ID: i.ID, Version: i.Version, Value: i.Value, ObservedAt: i.At})
	}
	for _, m := range b.Missing {
		out.Missing = append(out.Missing, oapi.MissingFact{Fact: oapi.TitrationFact(m.Fact), Detail: m.Detail})
	}
	for _, c := range b.Checked {
		out.Checked = append(out.Checked, oapi.CheckedContraindication{Check: oapi.TitrationCheck(c.Check), Finding: oapi.CheckFinding(c.Finding), Detail: c.Detail})
	}
	for _, e := range b.Evidence {
		out.Evidence = append(out.Evidence, oapi.PublishedEvidence{ID: e.ID, Finding: e.Finding, Source: e.Source, Limits: e.Limits})
	}
	for _, a := range b.Alternatives {
		out.Alternatives = append(out.Alternatives, oapi.SuggestionAlternative{Rule: oapi.TitrationRule(a.Rule), Suggestion: oapi.SuggestionKind(a.Kind), WhyNot: a.WhyNot})
	}
	if d := b.Duration; d != nil {
		out.DurationOfEffect = &oapi.EffectDuration{MedianHours: d.MedianHours, Intervals: []oapi.EffectInterval{}}
		for _, i := range d.Intervals {
			out.DurationOfEffect.Intervals = append(out.DurationOfEffect.Intervals, oapi.EffectInterval{SessionID: i.SessionID, Hours: i.Hours, WoreOff: i.WoreOff})
		}
	}
}

// suggestedChange is nil when nothing is suggested.
func suggestedChange(c treatment.DosingChange) *oapi.DosingChange {
	if c == (treatment.DosingChange{}) {
		return nil
	}
	return new(changeOut(c))
}

// summaryOut is a suggestion beside the adjustment that named it.
func summaryOut(row *store.Suggestion) *oapi.SuggestionSummary {
	if row == nil {
		return nil
	}
	return &oapi.SuggestionSummary{
		ID: row.ID, Suggestion: oapi.SuggestionKind(row.Kind), Rule: oapi.TitrationRule(row.Rule), RulesVersion: row.RulesVersion,
		ProtocolID: row.ProtocolID, Change: suggestedChange(row.To), ExpiresAt: row.ExpiresAt,
	}
}
