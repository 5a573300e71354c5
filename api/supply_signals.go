package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListSupplySignals lists the signs of misuse that were ever found of a patient, newest first.
func (s *Server) ListSupplySignals(ctx context.Context, req oapi.ListSupplySignalsRequestObject) (oapi.ListSupplySignalsResponseObject, error) {
	tx := store.From(ctx)
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListSupplySignals(req.PatientID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.SupplySignalPage{Items: []oapi.SupplySignal{}}
	for i := range rows {
		out.Items = append(out.Items, supplySignalOut(&rows[i]))
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListSupplySignals200JSONResponse{SupplySignalPageJSONResponse: oapi.SupplySignalPageJSONResponse{Body: out}}, nil
}

// watchPatient is watch after something that has left the ledger as it was.
func (s *Server) watchPatient(ctx context.Context, tx *store.Tx, patient uuid.UUID) error {
	l, err := stockOf(tx, patient)
	if err != nil {
		return err
	}
	return s.watch(ctx, tx, l)
}

// watch looks for signals in everything that is known of a patient, given the ledger, keeps what
// has changed, and locks the prescription when what is new makes a pattern.
func (s *Server) watch(ctx context.Context, tx *store.Tx, l *ledger) error {
	course, policy, err := s.policyFor(tx, l.patient, nil)
	if err != nil {
		return err
	}
	history, err := supplyHistory(tx, l)
	if err != nil {
		return err
	}
	counting, fresh, err := keepSignals(tx, l.patient, treatment.Signals(history, *policy))
	if err != nil || len(fresh) == 0 {
		return err
	}
	pattern := policy.Supply.Signals.Pattern.Pattern(counting)
	if !slices.ContainsFunc(pattern, func(sign treatment.Signal) bool { return slices.ContainsFunc(fresh, sign.Same) }) {
		return nil
	}
	return s.lock(ctx, tx, l.patient, course, policy, policy.Supply.Signals.Pattern.Misuse(pattern))
}

// keepSignals brings the stored signals of a patient up to date with what was found. It answers
// those that count towards a pattern, and which of them are new.
func keepSignals(tx *store.Tx, patient uuid.UUID, found []treatment.Signal) (counting, fresh []treatment.Signal, err error) {
	rows, err := tx.SupplySignals(patient)
	if err != nil {
		return nil, nil, err
	}
	for i := range rows {
		row := &rows[i]
		at := slices.IndexFunc(found, row.Signal().Same)
		event := ""
		switch {
		case at < 0 && row.WithdrawnAt == nil:
			event, row.WithdrawnAt = "supplySignal.withdrawn", &tx.Now
		case at < 0:
		case row.WithdrawnAt != nil:
			event, row.WithdrawnAt, row.FoundAt = "supplySignal.found", nil, tx.Now
			row.Take(found[at])
			if row.Counts() {
				fresh = append(fresh, found[at])
			}
		case !row.Signal().Equal(found[at]):
			event = "supplySignal.changed"
			row.Take(found[at])
		}
		if event != "" {
			if err := tx.Change(event, row); err != nil {
				return nil, nil, err
			}
		}
		if row.Counts() {
			counting = append(counting, row.Signal())
		}
	}
	for _, sign := range found {
		if slices.ContainsFunc(rows, func(row store.SupplySignal) bool { return row.Signal().Same(sign) }) {
			continue
		}
		row := store.SupplySignal{PatientID: patient, FoundAt: tx.Now}
		row.Take(sign)
		if err := tx.Create("supplySignal.found", &row); err != nil {
			return nil, nil, err
		}
		counting, fresh = append(counting, sign), append(fresh, sign)
	}
	return counting, fresh, nil
}

// lock raises a pattern of signals, and puts the prescription that is in force on hold until a
// prescriber has looked. What was locked before stays locked, and nothing more follows.
func (s *Server) lock(ctx context.Context, tx *store.Tx, patient uuid.UUID, course *uuid.UUID, policy *treatment.Protocol, raised treatment.Raised) error {
	source := store.AlertSource{Type: store.SourcePatient, ID: patient}
	if course != nil {
		prescriptions, err := tx.Prescriptions(*course)
		if err != nil {
			return err
		}
		for i := range prescriptions {
			p := &prescriptions[i]
			switch {
			case p.StatusAt(tx.Now) != treatment.PrescriptionActive:
				continue
			case p.Locked(tx.Now):
				return nil
			}
			source = store.AlertSource{Type: store.SourcePrescription, ID: p.ID}
			if err := lockPrescription(tx, p); err != nil {
				return err
			}
		}
	}
	return s.raise(ctx, tx, patient, course, source, policy, []treatment.Raised{raised})
}

// lockPrescription puts a prescription on hold. What made the pattern happened before the hold: a
// dose of this very moment was not taken in spite of it, unless the prescription was on hold for
// another reason, which the lock follows without a gap.
func lockPrescription(tx *store.Tx, p *store.Prescription) (err error) {
	hold := tx.NewHold(treatment.HoldRefillLock, "")
	if !p.OnHold {
		hold.SetAt = hold.SetAt.Add(time.Microsecond)
	}
	if p.Prescription, err = p.Lock(tx.Now); err != nil {
		return err
	}
	for i := range p.Holds {
		tx.Lift(&p.Holds[i].Hold, "")
	}
	p.Holds = append(p.Holds, store.PrescriptionHold{Hold: hold})
	return tx.ChangePrescription("prescription.locked", p)
}

// supplyHistory is what signals are looked for in.
func supplyHistory(tx *store.Tx, l *ledger) (h treatment.SupplyHistory, err error) {
	h.Ledger = l.right.Signals
	sessions, err := tx.DosedSessions(l.patient)
	if err != nil {
		return h, err
	}
	for i := range sessions {
		list, err := deviationsOf(sessions[i].Deviations)
		if err != nil {
			return h, err
		}
		h.Sessions = append(h.Sessions, treatment.Deviating{ID: sessions[i].ID, At: *sessions[i].StartedAt, Deviations: list})
	}
	for i := range l.dispenses {
		d := &l.dispenses[i]
		list, err := deviationsOf(d.Deviations)
		if err != nil {
			return h, err
		}
		h.Fills = append(h.Fills, treatment.Deviating{ID: d.ID, At: d.OccurredAt, Deviations: list})
	}
	for i := range l.entries {
		h.Reports = l.report(h.Reports, &l.entries[i])
	}
	if l.added != nil {
		h.Reports = l.report(h.Reports, l.added)
	}
	h.Reports = slices.DeleteFunc(h.Reports, func(r treatment.SupplyReport) bool { return l.dispense(r.DispenseID) == nil }) // of a lot that was struck out
	doses, err := tx.DosesOf(l.patient, uuid.Nil)
	if err != nil {
		return h, err
	}
	for i := range doses {
		f := &doses[i]
		h.Doses = append(h.Doses, treatment.LoggedDose{
			SessionID: f.SessionID, At: f.OccurredAt, Day: takenDose(f, nil).Day, RecordedAt: f.CreatedAt,
			ByStaff: strings.HasPrefix(f.RecordedBy, store.ActorStaff+":"),
		})
	}
	h.Requests, err = doseRequests(tx, l.patient)
	return h, err
}

// doseRequests are the higher doses that the patient asked for, each with the PHQ-9 of the time.
func doseRequests(tx *store.Tx, patient uuid.UUID) (list []treatment.IncreaseRequest, err error) {
	rows, err := tx.DoseRequests(patient)
	for i := range rows {
		a := &rows[i]
		course, err := tx.Course(a.TreatmentID)
		if err != nil {
			return nil, err
		}
		r := treatment.IncreaseRequest{AdjustmentID: a.ID, At: a.CreatedAt}
		if r.Baseline, err = tx.TotalAt(patient, instruments.PHQ9, course.CreatedAt); err != nil {
			return nil, err
		}
		if r.Current, err = tx.TotalAt(patient, instruments.PHQ9, a.CreatedAt); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, err
}

func supplySignalOut(row *store.SupplySignal) oapi.SupplySignal {
	out := oapi.SupplySignal{
		ID: row.ID, Version: row.Version, PatientID: row.PatientID, Rule: oapi.SignalRule(row.Rule), At: row.At,
		Source: oapi.SignalSource{Type: oapi.SignalSourceType(row.Source.Type), ID: row.Source.ID},
		Value:  filled(row.Value), Limit: filled(row.Limit), FoundAt: row.FoundAt, WithdrawnAt: row.WithdrawnAt, SettledAt: row.SettledAt,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.Source.FactID != uuid.Nil {
		out.Source.FactID = &row.Source.FactID
	}
	return out
}
