package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
)

// maxOwnInstruments is how many a clinic may have: all instruments are listed on one page.
const maxOwnInstruments = 100

// PublishInstrument keeps an instrument that the clinic has made, or its next version.
func (s *Server) PublishInstrument(ctx context.Context, req oapi.PublishInstrumentRequestObject) (oapi.PublishInstrumentResponseObject, error) {
	tx := store.From(ctx)
	definition, err := definitionIn(*req.Body)
	if err != nil {
		return nil, err
	}
	i, err := definition.Instrument()
	if wrong, is := errors.AsType[*instruments.DefinitionError](err); is {
		return nil, unsound(wrong)
	}
	if err != nil {
		return nil, err
	}
	if err := room(tx, i.ID); err != nil {
		return nil, err
	}
	text, err := json.Marshal(definition)
	if err != nil {
		return nil, err
	}
	row := &store.ClinicInstrument{
		Instrument: i.ID, ScoringVersion: i.Version, Definition: string(text), PublishedBy: callOf(ctx).who.actor.ID,
	}
	err = tx.Create("instrument.published", row)
	if errors.Is(err, store.ErrConflict) {
		return nil, unsound(&instruments.DefinitionError{Faults: []instruments.DefinitionFault{
			{Pointer: "/version", Detail: "is published already, and a version never changes"},
		}})
	}
	if err != nil {
		return nil, err
	}
	return oapi.PublishInstrument201JSONResponse{InstrumentJSONResponse: oapi.InstrumentJSONResponse{
		Body: ownInstrumentOut(ctx, row, i), Headers: oapi.InstrumentResponseHeaders{Location: new("/v1/instruments/" + i.ID)},
	}}, nil
}

// definitionIn reads a definition as the package knows it: both sides write the same members.
func definitionIn(body oapi.InstrumentInput) (d instruments.Definition, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return d, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // nothing that was said is left out without a word
	err = decoder.Decode(&d)
	return d, err
}

// unsound says what is wrong with a definition.
func unsound(e *instruments.DefinitionError) error {
	p := problem.New(problem.RuleViolated, "the instrument is not sound")
	for _, f := range e.Faults[:min(len(e.Faults), maxFaults)] {
		p.Errors = append(p.Errors, problem.Fault{In: problem.InBody, Pointer: f.Pointer, Code: "instrument", Detail: f.Detail})
	}
	return p
}

// room refuses a new instrument of a clinic that has as many as it may.
func room(tx *store.Tx, id string) error {
	rows, err := newestOwn(tx)
	known := slices.ContainsFunc(rows, func(r store.ClinicInstrument) bool { return r.Instrument == id })
	if err != nil || known || len(rows) < maxOwnInstruments {
		return err
	}
	return problem.New(problem.RuleViolated, fmt.Sprintf("a clinic has at most %d instruments of its own", maxOwnInstruments))
}

// newestOwn are the clinic's own instruments, by id, each in its newest version.
func newestOwn(tx *store.Tx) ([]store.ClinicInstrument, error) {
	rows, err := tx.ClinicInstruments()
	return slices.CompactFunc(rows, func(a, b store.ClinicInstrument) bool { return a.Instrument == b.Instrument }), err
}

// instrumentOf finds a shipped instrument, or one of the clinic's own in a version, the newest if
// that is empty. The row is nil for one that is shipped.
func instrumentOf(tx *store.Tx, id, version string) (instruments.Instrument, *store.ClinicInstrument, error) {
	if i, shipped := instruments.Find(id); shipped {
		if version != "" && version != i.Version {
			return i, nil, store.ErrNotFound
		}
		return i, nil, nil
	}
	row, err := tx.ClinicInstrument(id, version)
	if err != nil {
		return instruments.Instrument{}, nil, err
	}
	i, err := ownInstrument(row)
	return i, row, err
}

// ownInstrument makes an instrument of what was published.
func ownInstrument(row *store.ClinicInstrument) (instruments.Instrument, error) {
	var d instruments.Definition
	if err := json.Unmarshal([]byte(row.Definition), &d); err != nil {
		return instruments.Instrument{}, err
	}
	return d.Instrument()
}

// named checks the instrument that a body names, perhaps in a version, and puts it into the
// assessment. One that needs a licence is refused until the clinic has attested it.
func named(tx *store.Tx, a *store.Assessment, id string, version *string) error {
	i, row, err := instrumentOf(tx, id, "")
	if errors.Is(err, store.ErrNotFound) {
		return notFoundIn("/instrument")
	}
	if err == nil && version != nil {
		if i, row, err = instrumentOf(tx, id, *version); errors.Is(err, store.ErrNotFound) {
			return notFoundIn("/scoringVersion")
		}
	}
	if err != nil {
		return err
	}
	if a.Instrument = id; row != nil {
		a.ScoringVersion = i.Version
	}
	return licensed(tx, i)
}

// answeredBy is the instrument that an assessment is scored by: a shipped one as it is now, one
// of the clinic's own in the version that it was assigned or answered in.
func answeredBy(tx *store.Tx, a *store.Assessment) (instruments.Instrument, error) {
	version := a.ScoringVersion
	if _, shipped := instruments.Find(a.Instrument); shipped {
		version = ""
	}
	i, _, err := instrumentOf(tx, a.Instrument, version)
	return i, err
}

// ownInstrumentOut shows one of the clinic's own. Who published it is for staff.
func ownInstrumentOut(ctx context.Context, row *store.ClinicInstrument, i instruments.Instrument) oapi.Instrument {
	out := instrumentOut(i)
	out.PublishedAt = &row.CreatedAt
	if callOf(ctx).who.staff() {
		out.PublishedBy = &row.PublishedBy
	}
	return out
}
