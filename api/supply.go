package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ShowSupply shows what a patient has at home.
func (s *Server) ShowSupply(ctx context.Context, req oapi.ShowSupplyRequestObject) (oapi.ShowSupplyResponseObject, error) {
	tx := store.From(ctx)
	l, err := loadLedger(tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	out := supplyOut(l)
	if err := addOutlook(ctx, tx, l, &out); err != nil {
		return nil, err
	}
	return oapi.ShowSupply200JSONResponse{SupplyJSONResponse: oapi.SupplyJSONResponse(out)}, nil
}

// ListSupplyEntries lists the lines of a patient's ledger, newest first.
func (s *Server) ListSupplyEntries(ctx context.Context, req oapi.ListSupplyEntriesRequestObject) (oapi.ListSupplyEntriesResponseObject, error) {
	tx := store.From(ctx)
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListSupplyEntries(req.PatientID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.SupplyEntryPage{Items: []oapi.SupplyEntry{}}
	for i := range rows {
		out.Items = append(out.Items, supplyEntryOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListSupplyEntries200JSONResponse{SupplyEntryPageJSONResponse: oapi.SupplyEntryPageJSONResponse{Body: out}}, nil
}

// CountSupply keeps what a count of a lot has found.
func (s *Server) CountSupply(ctx context.Context, req oapi.CountSupplyRequestObject) (oapi.CountSupplyResponseObject, error) {
	b := req.Body
	out, err := s.report(ctx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode, store.SupplyEntry{
		Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Kind: treatment.SupplyCounted,
		DispenseID: &b.DispenseID, ReportedUnits: &b.Units,
	})
	return oapi.CountSupply200JSONResponse{SupplyEntryJSONResponse: out}, err
}

// DisposeSupply keeps that units were disposed of.
func (s *Server) DisposeSupply(ctx context.Context, req oapi.DisposeSupplyRequestObject) (oapi.DisposeSupplyResponseObject, error) {
	b := req.Body
	out, err := s.report(ctx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode, store.SupplyEntry{
		Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Kind: treatment.SupplyDisposed,
		DispenseID: &b.DispenseID, ReportedUnits: &b.Units, Method: treatment.DisposalMethod(b.Method), Witness: orZero(b.Witness),
	})
	return oapi.DisposeSupply200JSONResponse{SupplyEntryJSONResponse: out}, err
}

// ReportSupplyLoss keeps that units were lost.
func (s *Server) ReportSupplyLoss(ctx context.Context, req oapi.ReportSupplyLossRequestObject) (oapi.ReportSupplyLossResponseObject, error) {
	b := req.Body
	out, err := s.report(ctx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode, store.SupplyEntry{
		Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Kind: treatment.SupplyLost,
		DispenseID: &b.DispenseID, ReportedUnits: &b.Units, Cause: treatment.LossCause(b.Cause), Note: orZero(b.Note),
	})
	return oapi.ReportSupplyLoss200JSONResponse{SupplyEntryJSONResponse: out}, err
}

// report keeps what somebody says about a lot, unless it is there already, and shows the line
// that came of it.
func (s *Server) report(ctx context.Context, at time.Time, zone string, by oapi.ReportedBy, mode oapi.Mode, e store.SupplyEntry) (out oapi.SupplyEntryJSONResponse, err error) {
	tx := store.From(ctx)
	if callOf(ctx).repeated {
		stored, err := store.Find[store.SupplyEntry](tx, e.ID)
		if err != nil {
			return out, err
		}
		return supplyEntryOut(stored), nil
	}
	d, err := notKnown(store.Find[store.Dispense](tx, *e.DispenseID))
	switch {
	case err != nil:
		return out, err
	case d == nil || d.PatientID != e.PatientID:
		return out, notFoundIn("/dispenseId")
	case !d.Counts():
		return out, problem.New(problem.IllegalTransition, "the dispense was struck out")
	}
	if e.Told, err = told(ctx, tx, at, zone, by, mode); err != nil {
		return out, err
	}
	err = s.restock(ctx, tx, e.PatientID, &e)
	return supplyEntryOut(&e), err
}

// VoidSupplyEntry strikes a report out. Patients may do it with what they sent themselves.
func (s *Server) VoidSupplyEntry(ctx context.Context, req oapi.VoidSupplyEntryRequestObject) (oapi.VoidSupplyEntryResponseObject, error) {
	tx := store.From(ctx)
	e, err := store.Find[store.SupplyEntry](tx, req.SupplyEntryID)
	if err != nil {
		return nil, err
	}
	who := &callOf(ctx).who
	switch {
	case e.ReportedUnits == nil:
		return nil, problem.New(problem.IllegalTransition, "nobody reported it: it is reversed with the dispense, the dose or the report that it rests on")
	case !e.Counts():
		return nil, problem.New(problem.IllegalTransition, "it was struck out before")
	case !who.staff() && e.RecordedBy != who.actor.String():
		return nil, problem.New(problem.Forbidden, "patients strike out what they recorded themselves")
	}
	tx.StrikeOut(&e.Struck, req.Body.Reason, req.Body.ReplacedBy)
	if err := tx.Change("supply.enteredInError", e); err != nil {
		return nil, err
	}
	if err := s.restock(ctx, tx, e.PatientID, nil); err != nil {
		return nil, err
	}
	return oapi.VoidSupplyEntry200JSONResponse{SupplyEntryJSONResponse: supplyEntryOut(e)}, nil
}

// supplyOut shows what stands in a ledger.
func supplyOut(l *ledger) oapi.Supply {
	_, lines := l.standing()
	sums := treatment.Tally(lines)
	out := oapi.Supply{PatientID: l.patient, Lots: []oapi.SupplyLot{}, UnaccountedMg: sums[uuid.Nil].TakenMg}
	var all treatment.SupplyTotals
	for i := range l.dispenses {
		d := &l.dispenses[i]
		sum := sums[d.ID]
		all = all.Plus(sum)
		if left := sum.OnHandMg(); left > 0 {
			out.Lots = append(out.Lots, oapi.SupplyLot{
				DispenseID: d.ID, Form: oapi.DosageForm(d.Form), StrengthMg: d.StrengthMg, UnitStep: d.UnitStep, Lot: d.Lot,
				BeyondUseDate: dateOut(string(d.BeyondUseDate)), Units: dose.UnitsOf(left, d.StrengthMg), AmountMg: left,
				DispensedMg: sum.DispensedMg, TakenMg: sum.TakenMg, DisposedMg: sum.DisposedMg, LostMg: sum.LostMg, CountedMg: sum.CountedMg,
			})
		}
	}
	out.Totals = oapi.SupplyTotals{
		AmountMg: all.OnHandMg(), DispensedMg: all.DispensedMg, TakenMg: all.TakenMg,
		DisposedMg: all.DisposedMg, LostMg: all.LostMg, CountedMg: all.CountedMg,
	}
	return out
}

// supplyEntryOut shows a line of a ledger, and what was reported if somebody did.
func supplyEntryOut(e *store.SupplyEntry) oapi.SupplyEntryJSONResponse {
	out := oapi.SupplyEntry{
		ID: e.ID, Version: e.Version, PatientID: e.PatientID, OccurredAt: e.OccurredAt, Kind: oapi.SupplyKind(e.Kind),
		DispenseID: e.DispenseID, AmountMg: e.AmountMg, SourceID: e.SourceID, SessionID: e.SessionID, Reverses: e.Reverses,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if e.DispenseID != nil {
		out.Units = new(dose.UnitsOf(e.AmountMg, e.StrengthMg))
	}
	if e.ReportedUnits != nil {
		out.ReportedUnits, out.Method, out.Witness = e.ReportedUnits, filled(oapi.DisposalMethod(e.Method)), filled(e.Witness)
		out.Cause, out.Note, out.StruckOut = filled(oapi.LossCause(e.Cause)), filled(e.Note), struckOut(e.Struck)
		out.TimeZone, out.ReportedBy, out.Mode = &e.TimeZone, new(oapi.ReportedBy(e.ReportedBy)), new(oapi.Mode(e.Mode))
		out.RecordedBy, out.RecordedAt, out.ClockSkew = new(actorOut(e.RecordedBy)), &e.CreatedAt, &e.ClockSkew
	}
	return oapi.SupplyEntryJSONResponse{Body: out, Headers: oapi.SupplyEntryResponseHeaders{ETag: etag(e.Version)}}
}
