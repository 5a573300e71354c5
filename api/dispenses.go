package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListDispenses lists what was handed out against a prescription, newest first.
func (s *Server) ListDispenses(ctx context.Context, req oapi.ListDispensesRequestObject) (oapi.ListDispensesResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListDispenses(req.PrescriptionID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.DispensePage{Items: []oapi.Dispense{}}
	for i := range rows {
		item, err := dispenseOut(ctx, &rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListDispenses200JSONResponse{DispensePageJSONResponse: oapi.DispensePageJSONResponse{Body: out}}, nil
}

// ShowDispense shows a dispense.
func (s *Server) ShowDispense(ctx context.Context, req oapi.ShowDispenseRequestObject) (oapi.ShowDispenseResponseObject, error) {
	d, err := store.Find[store.Dispense](store.From(ctx), req.DispenseID)
	if err != nil {
		return nil, err
	}
	out, err := dispenseOut(ctx, d)
	return oapi.ShowDispense200JSONResponse{DispenseJSONResponse: out}, err
}

// RecordDispense keeps what was handed out, whatever the prescription allows.
func (s *Server) RecordDispense(ctx context.Context, req oapi.RecordDispenseRequestObject) (oapi.RecordDispenseResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.addDispense(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	d, err := store.Find[store.Dispense](tx, req.Body.ID)
	if err != nil {
		return nil, err
	}
	out, err := dispenseOut(ctx, d)
	return oapi.RecordDispense200JSONResponse{DispenseJSONResponse: out}, err
}

func (s *Server) addDispense(ctx context.Context, tx *store.Tx, req oapi.RecordDispenseRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	p, err := tx.Prescription(req.PrescriptionID)
	if err != nil {
		return err
	}
	if err := p.TakesDispenses(); err != nil {
		return err
	}
	_, policy, err := s.policyFor(tx, p.PatientID, &p.TreatmentID)
	if err != nil {
		return err
	}
	form := p.Form
	set(&form, textOf[treatment.DosageForm](b.Form))
	return s.judgeFills(ctx, tx, p, policy, store.Dispense{
		Record: store.Record{ID: b.ID}, PatientID: p.PatientID, PrescriptionID: p.ID, Told: said,
		Dispense: treatment.Dispense{
			Form: form, StrengthMg: b.StrengthMg, Units: b.Units, UnitStep: policy.Supply.UnitStep[form],
			Lot: b.Lot, BeyondUseDate: treatment.Date(dateIn(b.BeyondUseDate)), Pharmacy: orZero(b.Pharmacy),
		},
	})
}

// VoidDispense strikes a dispense out.
func (s *Server) VoidDispense(ctx context.Context, req oapi.VoidDispenseRequestObject) (oapi.VoidDispenseResponseObject, error) {
	tx := store.From(ctx)
	d, err := store.Find[store.Dispense](tx, req.DispenseID)
	if err != nil {
		return nil, err
	}
	if !d.Counts() {
		return nil, problem.New(problem.IllegalTransition, "it was struck out before")
	}
	p, err := tx.Prescription(d.PrescriptionID)
	if err != nil {
		return nil, err
	}
	_, policy, err := s.policyFor(tx, p.PatientID, &p.TreatmentID)
	if err != nil {
		return nil, err
	}
	tx.StrikeOut(&d.Struck, req.Body.Reason, req.Body.ReplacedBy)
	d.FillNumber = 0
	if err := tx.Change("dispense.enteredInError", d); err != nil {
		return nil, err
	}
	if err := s.judgeFills(ctx, tx, p, policy); err != nil {
		return nil, err
	}
	out, err := dispenseOut(ctx, d)
	return oapi.VoidDispense200JSONResponse{DispenseJSONResponse: out}, err
}

// judgeFills judges the fills of a prescription that count, with those that are new, and keeps
// what has changed: a fill that comes late, or was struck out, moves the numbers of others, and
// other doses can be made of it.
func (s *Server) judgeFills(ctx context.Context, tx *store.Tx, p *store.Prescription, policy *treatment.Protocol, added ...store.Dispense) error {
	l, err := stockOf(tx, p.PatientID, added...)
	if err != nil {
		return err
	}
	n, err := s.keepFills(ctx, tx, p, policy, l)
	if err != nil {
		return err
	}
	if p.Fills != n {
		p.Fills = n
		if err := tx.ChangePrescription("prescription.fillsCounted", p); err != nil {
			return err
		}
	}
	return s.stock(ctx, tx, l)
}

// keepFills judges the fills of a prescription among a ledger's dispenses, keeps what has changed,
// and answers how many there are.
func (s *Server) keepFills(ctx context.Context, tx *store.Tx, p *store.Prescription, policy *treatment.Protocol, l *ledger) (int, error) {
	var rows []*store.Dispense
	var fills []treatment.Fill
	for i := range l.dispenses {
		if d := &l.dispenses[i]; d.PrescriptionID == p.ID {
			rows = append(rows, d)
			fills = append(fills, treatment.Fill{DispenseID: d.ID, At: d.OccurredAt, AmountMg: d.AmountMg(), LeftMg: l.right.Before[d.ID]})
		}
	}
	for i, verdict := range p.JudgeFills(p.OnHoldTimes(), fills, *policy) {
		if err := s.keepFill(ctx, tx, p, policy, rows[i], verdict); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// rejudgeRefills judges the refills of a patient again after lines of the ledger have changed, the
// first of them at a time: less, or more, was left before the refills since.
func (s *Server) rejudgeRefills(ctx context.Context, tx *store.Tx, l *ledger, from time.Time) error {
	var again []uuid.UUID
	for i := range l.dispenses {
		if d := &l.dispenses[i]; d.FillNumber > 1 && !d.OccurredAt.Before(from) && !slices.Contains(again, d.PrescriptionID) {
			again = append(again, d.PrescriptionID)
		}
	}
	for _, id := range again {
		p, err := tx.Prescription(id)
		if err != nil {
			return err
		}
		_, policy, err := s.policyFor(tx, p.PatientID, &p.TreatmentID)
		if err != nil {
			return err
		}
		if _, err := s.keepFills(ctx, tx, p, policy, l); err != nil {
			return err
		}
	}
	return nil
}

// keepFill stores a dispense whose verdict is new and raises what follows from it.
func (s *Server) keepFill(ctx context.Context, tx *store.Tx, p *store.Prescription, policy *treatment.Protocol, row *store.Dispense, v treatment.FillVerdict) error {
	deviations, err := deviationsText(v.Deviations)
	if err != nil || row.FillNumber == v.Number && row.Deviations == deviations {
		return err
	}
	same := row.Deviations == deviations
	row.FillNumber, row.Deviations = v.Number, deviations
	if row.Version == 0 {
		if err = tx.Create("dispense.recorded", row); err == nil {
			err = tx.SettleAlerts(p.TreatmentID, treatment.AlertRefillDue)
		}
	} else {
		err = tx.Change("dispense.rejudged", row)
	}
	if err != nil || same {
		return err
	}
	return s.raise(ctx, tx, p.PatientID, &p.TreatmentID, store.AlertSource{Type: store.SourceDispense, ID: row.ID}, policy, v.Raised)
}

// dispenseOut shows a dispense; deviations are for staff.
func dispenseOut(ctx context.Context, d *store.Dispense) (oapi.DispenseJSONResponse, error) {
	out := oapi.Dispense{
		ID: d.ID, Version: d.Version, PatientID: d.PatientID, PrescriptionID: d.PrescriptionID,
		OccurredAt: d.OccurredAt, TimeZone: d.TimeZone, ReportedBy: oapi.ReportedBy(d.ReportedBy), Mode: oapi.Mode(d.Mode),
		ClockSkew: &d.ClockSkew, RecordedBy: actorOut(d.RecordedBy), RecordedAt: d.CreatedAt, StruckOut: struckOut(d.Struck),
		Form: oapi.DosageForm(d.Form), StrengthMg: d.StrengthMg, Units: d.Units, UnitStep: d.UnitStep, AmountMg: d.AmountMg(),
		Lot: d.Lot, BeyondUseDate: dateOut(string(d.BeyondUseDate)), Pharmacy: filled(d.Pharmacy),
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if d.FillNumber > 0 {
		out.FillNumber = &d.FillNumber
	}
	if callOf(ctx).who.staff() {
		deviations, err := deviationsOut(d.Deviations)
		if err != nil {
			return oapi.DispenseJSONResponse{}, err
		}
		out.Deviations = &deviations
	}
	return oapi.DispenseJSONResponse{Body: out, Headers: oapi.DispenseResponseHeaders{ETag: etag(d.Version), Location: location("dispenses", d.ID)}}, nil
}
