package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ledger is a patient's supply: what stands in it, and what it must say.
type ledger struct {
	patient   uuid.UUID
	dispenses []store.Dispense    // those that count
	entries   []store.SupplyEntry // all of them
	// sources are what the lines rest on, with when it happened and, for doses, in which session.
	sources map[uuid.UUID]source
	// added is a report that is not stored yet.
	added *store.SupplyEntry
	// right is what it must say, once it was reckoned; changed: it said something else.
	right   treatment.Reckoning
	changed bool
}

// stockOf is the ledger of a patient as it stands, reckoned; added are dispenses that are not
// stored yet.
func stockOf(tx *store.Tx, patient uuid.UUID, added ...store.Dispense) (*ledger, error) {
	doses, err := tx.DosesOf(patient, uuid.Nil)
	if err != nil {
		return nil, err
	}
	l, err := loadLedger(tx, patient)
	if err != nil {
		return nil, err
	}
	l.dispenses = append(l.dispenses, added...)
	return l, l.reckon(tx, doses)
}

type source struct {
	at      time.Time
	session *uuid.UUID
}

func loadLedger(tx *store.Tx, patient uuid.UUID) (*ledger, error) {
	dispenses, err := tx.DispensesOf(patient)
	if err != nil {
		return nil, err
	}
	entries, err := tx.SupplyEntries(patient)
	return &ledger{patient: patient, dispenses: dispenses, entries: entries, sources: map[uuid.UUID]source{}}, err
}

// reckonedLedger is a patient's ledger with what it must say, given the doses that count.
func reckonedLedger(tx *store.Tx, patient uuid.UUID, doses []store.SessionFact, added *store.SupplyEntry) (*ledger, error) {
	l, err := loadLedger(tx, patient)
	if err != nil {
		return nil, err
	}
	l.added = added
	return l, l.reckon(tx, doses)
}

// dosesWith are the doses of a patient that count, given the facts with which one of the
// sessions is about to be stored.
func dosesWith(tx *store.Tx, row *store.Session, facts []store.SessionFact) ([]store.SessionFact, error) {
	doses, err := tx.DosesOf(row.PatientID, row.ID)
	for i := range facts {
		if f := &facts[i]; isDose(*f) && f.Counts() && row.VoidedAt == nil {
			doses = append(doses, *f)
		}
	}
	return doses, err
}

func isDose(f store.SessionFact) bool { return f.Kind == treatment.FactDose }

// standing are the lines that were not taken back, and their form for the rules.
func (l *ledger) standing() (rows []store.SupplyEntry, lines []treatment.SupplyEntry) {
	reversed := map[uuid.UUID]bool{}
	for i := range l.entries {
		if e := &l.entries[i]; e.Reverses != nil {
			reversed[*e.Reverses], reversed[e.ID] = true, true
		}
	}
	for i := range l.entries {
		if e := &l.entries[i]; !reversed[e.ID] {
			rows, lines = append(rows, *e), append(lines, e.Line())
		}
	}
	return rows, lines
}

// onHand are the lots with what is left of them at a time.
func (l *ledger) onHand(at time.Time) []treatment.Lot {
	rows, _ := l.standing()
	var lines []treatment.SupplyEntry
	for i := range rows {
		if !rows[i].OccurredAt.After(at) {
			lines = append(lines, rows[i].Line())
		}
	}
	sums := treatment.Tally(lines)
	lots := make([]treatment.Lot, len(l.dispenses))
	for i := range l.dispenses {
		lots[i] = lotOf(&l.dispenses[i])
		lots[i].AmountMg = sums[lots[i].DispenseID].OnHandMg()
	}
	return lots
}

// dispense is one of those that count; nil for any other.
func (l *ledger) dispense(id uuid.UUID) *store.Dispense {
	i := slices.IndexFunc(l.dispenses, func(d store.Dispense) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return &l.dispenses[i]
}

func lotOf(d *store.Dispense) treatment.Lot {
	return treatment.Lot{
		DispenseID: d.ID, DispensedAt: d.OccurredAt, Form: d.Form, StrengthMg: d.StrengthMg, Step: d.UnitStep,
		BeyondUse: d.BeyondUseDate, AmountMg: d.AmountMg(),
	}
}

// reckon works out what the ledger must say, given the patient's doses that count.
func (l *ledger) reckon(tx *store.Tx, doses []store.SessionFact) error {
	prescriptions, err := tx.PrescriptionsOf(l.patient)
	if err != nil {
		return err
	}
	var validities []treatment.Validity
	for i := range prescriptions {
		if v, ok := prescriptions[i].Validity(prescriptions[i].ID, nil); ok {
			validities = append(validities, v)
		}
	}
	var known treatment.Supply
	for i := range l.dispenses {
		d := &l.dispenses[i]
		known.Lots = append(known.Lots, lotOf(d))
		l.sources[d.ID] = source{at: d.OccurredAt}
	}
	for i := range doses {
		f := &doses[i]
		known.Doses = append(known.Doses, takenDose(f, validities))
		l.sources[f.Fact.ID] = source{f.OccurredAt, &f.SessionID}
	}
	for i := range l.entries {
		known.Reports = l.report(known.Reports, &l.entries[i])
	}
	if l.added != nil {
		known.Reports = l.report(known.Reports, l.added)
	}
	l.right = treatment.Reckon(known)
	return nil
}

// report appends what a line reports, if it does and counts.
func (l *ledger) report(reports []treatment.SupplyReport, e *store.SupplyEntry) []treatment.SupplyReport {
	if e.ReportedUnits == nil || !e.Counts() {
		return reports
	}
	l.sources[e.ID] = source{at: e.OccurredAt}
	return append(reports, treatment.SupplyReport{
		EntryID: e.ID, Kind: e.Kind, At: e.OccurredAt, DispenseID: orZero(e.DispenseID), Units: *e.ReportedUnits, Cause: e.Cause,
	})
}

func takenDose(f *store.SessionFact, prescriptions []treatment.Validity) treatment.TakenDose {
	local := f.OccurredAt
	if here, err := zone(f.TimeZone); err == nil {
		local = local.In(here)
	}
	d := treatment.TakenDose{
		FactID: f.Fact.ID, At: f.OccurredAt, Day: treatment.DateOf(local), DoseMg: orZero(f.DoseMg),
		Form: treatment.FormAt(prescriptions, f.PrescriptionID, f.OccurredAt),
	}
	for _, portion := range f.From {
		d.From = append(d.From, portion.Portion)
	}
	return d
}

// lastDose is when the last dose was taken; nil when there was none.
func (l *ledger) lastDose() (last *time.Time) {
	rows, _ := l.standing()
	for i := range rows {
		if e := &rows[i]; e.Kind == treatment.SupplyTaken && (last == nil || e.OccurredAt.After(*last)) {
			last = &e.OccurredAt
		}
	}
	return last
}

// unitsAtHome says whether the units that a patient has at home at a time, in the zone of its
// day, are enough for a dose of an order, and whether it can be made of them.
func unitsAtHome(tx *store.Tx, patient uuid.UUID, o treatment.Order, at time.Time) (*treatment.UnitsAtHome, error) {
	l, err := loadLedger(tx, patient)
	if err != nil {
		return nil, err
	}
	enough, makeable := treatment.Makeable(o.DoseMg, o.Form, treatment.DateOf(at), l.onHand(at))
	return &treatment.UnitsAtHome{Enough: enough, Makeable: makeable}, nil
}

// settle makes the ledger say what it must, and answers the sources whose lines have changed, and
// when the first of those happened.
func (l *ledger) settle(tx *store.Tx) (changed []uuid.UUID, from time.Time, err error) {
	note := func(source uuid.UUID, at time.Time) {
		if len(changed) == 0 || at.Before(from) {
			from = at
		}
		l.changed, changed = true, append(changed, source)
	}
	rows, lines := l.standing()
	wrong, missing := l.right.Amend(lines)
	for _, i := range wrong {
		old := &rows[i]
		note(old.SourceID, old.OccurredAt)
		if err := tx.Create("supply.reversed", &store.SupplyEntry{
			PatientID: l.patient, Kind: treatment.SupplyReversed, SourceID: old.SourceID, SessionID: old.SessionID,
			DispenseID: old.DispenseID, StrengthMg: old.StrengthMg, AmountMg: -old.AmountMg, Reverses: &old.ID, Told: store.Told{OccurredAt: old.OccurredAt},
		}); err != nil {
			return nil, from, err
		}
	}
	for _, line := range missing {
		row := l.added
		if row == nil || row.ID != line.SourceID {
			from := l.sources[line.SourceID]
			row = &store.SupplyEntry{PatientID: l.patient, SessionID: from.session, Told: store.Told{OccurredAt: from.at}}
		}
		note(line.SourceID, row.OccurredAt)
		row.Kind, row.SourceID, row.AmountMg = line.Kind, line.SourceID, line.AmountMg
		if d := l.dispense(line.DispenseID); d != nil {
			row.DispenseID, row.StrengthMg = &d.ID, d.StrengthMg
		}
		if err := tx.Create("supply."+string(line.Kind), row); err != nil {
			return nil, from, err
		}
	}
	return changed, from, nil
}

// restock brings a patient's ledger up to date after a report has come, which is stored with it,
// or gone.
func (s *Server) restock(ctx context.Context, tx *store.Tx, patient uuid.UUID, added *store.SupplyEntry) error {
	doses, err := tx.DosesOf(patient, uuid.Nil)
	if err != nil {
		return err
	}
	l, err := reckonedLedger(tx, patient, doses, added)
	if err != nil {
		return err
	}
	return s.stock(ctx, tx, l)
}

// stock settles a ledger that was reckoned, and judges again what has other units now.
func (s *Server) stock(ctx context.Context, tx *store.Tx, l *ledger) error {
	sessions, err := s.keepLedger(ctx, tx, l)
	if err != nil {
		return err
	}
	for _, id := range sessions {
		if err := s.rejudge(ctx, tx, id); err != nil {
			return err
		}
	}
	return s.watch(ctx, tx, l)
}

// keepLedger settles a ledger that was reckoned, and raises what reports have newly found. It
// answers the sessions whose doses are made of other units now: they must be judged again.
func (s *Server) keepLedger(ctx context.Context, tx *store.Tx, l *ledger) (sessions []uuid.UUID, err error) {
	changed, from, err := l.settle(tx)
	if err != nil {
		return nil, err
	}
	for _, r := range l.right.Raised {
		if slices.Contains(changed, r.SourceFact) {
			if err := s.raiseReport(ctx, tx, l, r); err != nil {
				return nil, err
			}
		}
	}
	if len(changed) > 0 {
		if err := s.rejudgeRefills(ctx, tx, l, from); err != nil {
			return nil, err
		}
	}
	for _, id := range changed {
		if session := l.sources[id].session; session != nil && !slices.Contains(sessions, *session) {
			sessions = append(sessions, *session)
		}
	}
	return sessions, nil
}

// raiseReport raises what a report has found in its lot.
func (s *Server) raiseReport(ctx context.Context, tx *store.Tx, l *ledger, r treatment.Raised) error {
	course, policy, err := s.policyFor(tx, l.patient, nil)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(l.right.Entries, func(e treatment.SupplyEntry) bool { return e.SourceID == r.SourceFact })
	from := store.AlertSource{Type: store.SourceDispense, ID: l.right.Entries[i].DispenseID}
	return s.raise(ctx, tx, l.patient, course, from, policy, []treatment.Raised{r})
}
