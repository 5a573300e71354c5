package api

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// courseOf is a treatment with what its sessions are judged by.
type courseOf struct {
	row           *store.Treatment
	policy        *treatment.Protocol
	prescriptions []store.Prescription
	// ledger is the patient's, reckoned with the session that was judged last; nil when that
	// has no dose.
	ledger *ledger
	// moved: the session that was judged last deviates in something else than before.
	moved bool
}

func loadCourse(tx *store.Tx, id uuid.UUID) (*courseOf, error) {
	row, err := tx.Course(id)
	if err != nil {
		return nil, err
	}
	policy, err := policyOf(tx, row.ProtocolID)
	if err != nil {
		return nil, err
	}
	prescriptions, err := tx.Prescriptions(id)
	return &courseOf{row: row, policy: policy, prescriptions: prescriptions}, err
}

// zones remembers time zones: reading one takes longer than judging a session.
var zones sync.Map

func zone(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err == nil { // there are some six hundred names: it cannot grow without bound
		zones.Store(name, z)
	}
	return z, err
}

// reach is how far back other sessions matter to one: 28 days, or the longest interval.
func (c *courseOf) reach() time.Duration {
	n := c.policy.Sessions.MinIntervalHours
	hours := max(29*24, n.Low, n.Mid, n.High)
	for i := range c.prescriptions {
		hours = max(hours, c.prescriptions[i].MinIntervalHours)
	}
	return time.Duration(hours) * time.Hour
}

// scheduling gathers what a plan is judged by; self is the session that is being moved.
func (c *courseOf) scheduling(tx *store.Tx, self uuid.UUID, at time.Time, name string) (treatment.Scheduling, error) {
	known := treatment.Scheduling{Now: tx.Now, At: at, TimeZone: name, Phase: c.row.Phase, OnHold: c.row.OnHold, Protocol: *c.policy}
	location, err := zone(name)
	if err != nil {
		return known, err
	}
	known.At = at.In(location).Truncate(time.Microsecond)
	for i := range c.prescriptions {
		if p := &c.prescriptions[i]; p.Status == treatment.PrescriptionActive {
			known.Prescription, known.PrescriptionID = &p.Prescription, &p.ID
		}
	}
	if known.WeightKg, err = weightAt(tx, c.row.PatientID, tx.Now); err != nil {
		return known, err
	}
	others, err := tx.SessionsSince(c.row.PatientID, at.Add(-c.reach()))
	for i := range others {
		o := &others[i]
		if o.ID != self && o.Occupies(o.Plan, *c.policy, tx.Now) {
			known.Others = append(known.Others, o.At)
		}
	}
	return known, err
}

// policyAt is what the treatment's protocol said at a time.
func (c *courseOf) policyAt(tx *store.Tx, at time.Time) (*treatment.Protocol, error) {
	if id := c.row.ProtocolAt(at); id != c.row.ProtocolID {
		return policyOf(tx, id)
	}
	return c.policy, nil
}

// known gathers everything beside plan and facts that a session is judged by.
func (c *courseOf) known(tx *store.Tx, row *store.Session, facts []store.SessionFact) (treatment.Known, error) {
	at := beginning(row, facts, tx.Now)
	policy, err := c.policyAt(tx, at)
	if err != nil {
		return treatment.Known{}, err
	}
	known := treatment.Known{Protocol: *policy, Limits: c.row.LimitsSince(), Running: c.row.Running(), Zone: zone}
	for i := range c.row.Holds {
		known.TreatmentHolds = append(known.TreatmentHolds, c.row.Holds[i].Interval())
	}
	for i := range c.prescriptions {
		p := &c.prescriptions[i]
		if v, ok := p.Validity(p.ID, p.OnHoldTimes()); ok {
			known.Prescriptions = append(known.Prescriptions, v)
		}
	}
	if known.WeightKg, err = weightAt(tx, c.row.PatientID, at); err != nil {
		return known, err
	}
	if known.Outside, err = outside(tx, row, facts); err != nil {
		return known, err
	}
	known.Overrides = row.Overridden()
	if row.ReviewedAt != nil {
		events, err := tx.AdverseEventsOf(row.ID)
		if err != nil {
			return known, err
		}
		known.Events = len(events)
	}
	if slices.ContainsFunc(facts, isDose) {
		doses, err := dosesWith(tx, row, facts)
		if err != nil {
			return known, err
		}
		if c.ledger, err = reckonedLedger(tx, c.row.PatientID, doses, nil); err != nil {
			return known, err
		}
		known.Units = c.ledger.right.Units
	}
	others, err := tx.SessionsSince(c.row.PatientID, firstLook(at, facts, tx.Now).Add(-c.reach()))
	for i := range others {
		o := &others[i]
		if o.ID != row.ID && o.StartedAt != nil && o.Status != treatment.SessionEnteredInError {
			known.OtherDoses = append(known.OtherDoses, treatment.DoseTime{SessionID: o.ID, At: *o.StartedAt, Mg: o.Total()})
		}
	}
	return known, err
}

// judge computes the session from its plan and facts and puts the result into the row.
func (c *courseOf) judge(tx *store.Tx, row *store.Session, facts []store.SessionFact) error {
	_, err := c.fold(tx, row, facts)
	return err
}

func (c *courseOf) fold(tx *store.Tx, row *store.Session, facts []store.SessionFact) ([]treatment.Raised, error) {
	known, err := c.known(tx, row, facts)
	if err != nil {
		return nil, err
	}
	session, verdict := treatment.Fold(row.Plan, factsOf(facts), known)
	deviations, err := deviationsText(verdict.Deviations)
	if err != nil {
		return nil, err
	}
	checks, err := json.Marshal(append([]treatment.Check{}, verdict.Checks...))
	if err != nil {
		return nil, err
	}
	c.moved = row.Deviations != deviations
	row.Session, row.Deviations, row.Checks = session, deviations, string(checks)
	row.At = beginning(row, facts, tx.Now)
	return verdict.Raised, nil
}

// beginning is when a session began: its first fact's or its plan's time.
func beginning(row *store.Session, facts []store.SessionFact, now time.Time) time.Time {
	var dosed, told *time.Time
	for i := range facts {
		f := &facts[i]
		if !f.Counts() {
			continue
		}
		if told == nil || f.OccurredAt.Before(*told) {
			told = &f.OccurredAt
		}
		if f.Kind == treatment.FactDose && (dosed == nil || f.OccurredAt.Before(*dosed)) {
			dosed = &f.OccurredAt
		}
	}
	for _, at := range []*time.Time{dosed, row.PlannedAt, told} {
		if at != nil {
			return *at
		}
	}
	if !row.At.IsZero() {
		return row.At
	}
	return now
}

// firstLook is the first moment for which a session is judged: a check, or a look at the gate, may
// come days before the plan.
func firstLook(began time.Time, facts []store.SessionFact, now time.Time) time.Time {
	if now.Before(began) {
		began = now
	}
	for i := range facts {
		if at := facts[i].OccurredAt; at.Before(began) {
			began = at
		}
	}
	return began
}

func weightAt(tx *store.Tx, patient uuid.UUID, at time.Time) (*dose.Kg, error) {
	m, err := notKnown(tx.WeightAt(patient, at))
	if m == nil {
		return nil, err
	}
	return m.WeightKg, err
}

// settle computes a session anew after a fact, a strike-out or a decision, stores it, and draws
// what follows: new alerts, and, if the doses are others now, later sessions judged again.
func (s *Server) settle(ctx context.Context, tx *store.Tx, c *courseOf, row *store.Session, facts []store.SessionFact, event string) error {
	was := row.Session
	raised, err := c.fold(tx, row, facts)
	if err != nil {
		return err
	}
	if err := tx.Change(event, row); err != nil {
		return err
	}
	return s.follow(ctx, tx, c, row, raised, was)
}

// follow raises the alerts that are new and brings the ledger up to date. It judges the
// patient's sessions again whose doses are made of other units now, and, if the first dose has
// moved or more or less was taken, those that touch the time since: their intervals are counted
// from it, and what they add up to. was is what the session was until now.
func (s *Server) follow(ctx context.Context, tx *store.Tx, c *courseOf, row *store.Session, raised []treatment.Raised, was treatment.Session) error {
	if err := s.raise(ctx, tx, row.PatientID, &row.TreatmentID, sourceOf(row), c.policy, raised); err != nil {
		return err
	}
	var again []uuid.UUID
	if c.ledger != nil {
		var err error
		if again, err = s.keepLedger(ctx, tx, c.ledger); err != nil {
			return err
		}
	}
	began := !same(was.StartedAt, row.StartedAt)
	if began {
		if err := followSessions(tx, c.row, c.policy); err != nil {
			return err
		}
		if err := tx.SettleAlerts(c.row.ID, treatment.AlertNoContact); err != nil {
			return err
		}
	}
	dosed := began || was.Total() != row.Total()
	if first := earlier(was.StartedAt, row.StartedAt); dosed && first != nil {
		touched, err := tx.SessionsTouching(row.PatientID, *first)
		if err != nil {
			return err
		}
		for i := range touched {
			if !slices.Contains(again, touched[i].ID) {
				again = append(again, touched[i].ID)
			}
		}
	}
	for _, id := range again {
		if id == row.ID {
			continue
		}
		if err := s.rejudge(ctx, tx, id); err != nil {
			return err
		}
	}
	if c.ledger == nil || !c.moved && !c.ledger.changed && !dosed {
		return nil // without a dose, or with nothing new about it, it is no sign of anything
	}
	return s.watch(ctx, tx, c.ledger)
}

// earlier is the earlier of two times; nil is none.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

func same(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// rejudgeFrom judges a patient's sessions from a time on again: something that they are judged by is
// another thing now.
func (s *Server) rejudgeFrom(ctx context.Context, tx *store.Tx, patient uuid.UUID, from time.Time) error {
	sessions, err := tx.SessionsTouching(patient, from)
	if err != nil {
		return err
	}
	for i := range sessions {
		if err := s.rejudge(ctx, tx, sessions[i].ID); err != nil {
			return err
		}
	}
	if len(sessions) == 0 {
		return nil
	}
	return s.watchPatient(ctx, tx, patient)
}

// rejudge computes a session again because something else of the patient has changed. A deviation
// that nobody has looked at opens its review again.
func (s *Server) rejudge(ctx context.Context, tx *store.Tx, id uuid.UUID) error {
	row, err := store.Find[store.Session](tx, id)
	if err != nil {
		return err
	}
	c, err := loadCourse(tx, row.TreatmentID)
	if err != nil {
		return err
	}
	facts, err := tx.Facts(id)
	if err != nil {
		return err
	}
	status, deviations, checks := row.Status, row.Deviations, row.Checks
	raised, err := c.fold(tx, row, facts)
	if err != nil || row.Status == status && row.Deviations == deviations && row.Checks == checks {
		return err
	}
	fresh, err := isNew(row.Deviations, deviations)
	if err != nil {
		return err
	}
	if fresh && row.Status == treatment.SessionReviewed {
		row.Plan = row.Unreviewed()
		if err := c.judge(tx, row, facts); err != nil {
			return err
		}
	}
	if err := tx.Change("session.rejudged", row); err != nil {
		return err
	}
	return s.raise(ctx, tx, row.PatientID, &row.TreatmentID, sourceOf(row), c.policy, raised)
}

// isNew says whether there is a deviation that was not there before.
func isNew(deviations, before string) (bool, error) {
	now, err := deviationsOf(deviations)
	if err != nil {
		return false, err
	}
	was, err := deviationsOf(before)
	return slices.ContainsFunc(now, func(d treatment.Deviation) bool { return !slices.Contains(was, d) }), err
}

func sourceOf(row *store.Session) store.AlertSource {
	return store.AlertSource{Type: store.SourceSession, ID: row.ID}
}

func factsOf(rows []store.SessionFact) []treatment.Fact {
	facts := make([]treatment.Fact, len(rows))
	for i := range rows {
		facts[i] = rows[i].Fact
	}
	return facts
}
