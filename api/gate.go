package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The safety gate of a session. A check is a fact like others; what it comes to is the fold's
// business. What lies outside of the session is looked up when the check comes in, and kept with it.

// CheckSession records a check before the dose.
func (s *Server) CheckSession(ctx context.Context, req oapi.CheckSessionRequestObject) (oapi.CheckSessionResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.checked", checkIn(req.Body))
	return oapi.CheckSession200JSONResponse{SessionJSONResponse: out}, err
}

// OverrideHold clears a dose in spite of what its latest check held for.
func (s *Server) OverrideHold(ctx context.Context, req oapi.OverrideHoldRequestObject) (oapi.OverrideHoldResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	out, err := s.decideSession(ctx, req.SessionID, "session.holdOverridden", func(_ *store.Tx, c *courseOf, row *store.Session, facts []store.SessionFact) (treatment.Plan, error) {
		if err := withOverrides(tx, row, facts); err != nil {
			return row.Plan, err
		}
		checks, err := checksOf(row)
		if err != nil {
			return row.Plan, err
		}
		policy, err := c.policyAt(tx, tx.Now)
		if err != nil {
			return row.Plan, err
		}
		made, err := row.OverrideHold(checks, treatment.Override{Reason: req.Body.Reason, By: who.actor.ID, At: tx.Now}, who.is(rolePrescriber), *policy)
		if err != nil {
			return row.Plan, err
		}
		row.SetOverrides(append(row.Overridden(), made))
		return row.Plan, tx.KeepOverrides(row)
	})
	return oapi.OverrideHold200JSONResponse{SessionJSONResponse: out}, err
}

// ShowGate shows the limits for a phone that may be offline.
func (s *Server) ShowGate(ctx context.Context, req oapi.ShowGateRequestObject) (oapi.ShowGateResponseObject, error) {
	tx := store.From(ctx)
	row, err := store.Find[store.Session](tx, req.SessionID)
	if err != nil {
		return nil, err
	}
	c, err := loadCourse(tx, row.TreatmentID)
	if err != nil {
		return nil, err
	}
	known, err := c.known(tx, row, nil)
	if err != nil {
		return nil, err
	}
	known.Protocol = *c.policy
	limits := treatment.Gate(known, tx.Now, row.TimeZone)
	around, err := c.surroundings(tx, row, treatment.Fact{OccurredAt: tx.Now})
	if err != nil {
		return nil, err
	}
	out := gateOut(c, limits)
	out.GateVersion = versionOf(out)
	out.EarliestAt, out.TakenIn28DaysMg = limits.EarliestAt, limits.TakenIn28DaysMg
	reasons := append(limits.Reasons, around.Reasons()...)
	out.SessionID, out.Checkable = row.ID, len(reasons) == 0
	if callOf(ctx).who.staff() {
		rows, err := tx.Medicines(row.PatientID, around.Day)
		if err != nil {
			return nil, err
		}
		out.Reasons, out.Medications = new(reasonsOut(reasons)), new(medicinesOut(rows, around.Day))
	}
	return oapi.ShowGate200JSONResponse{GateJSONResponse: oapi.GateJSONResponse(out)}, nil
}

// lookAround is what stands against a dose outside of the session when a check comes in, as JSON.
func (c *courseOf) lookAround(tx *store.Tx, row *store.Session, check treatment.Fact) (string, error) {
	around, err := c.surroundings(tx, row, check)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(append([]treatment.GateReason{}, around.Reasons()...))
	return string(text), err
}

// surroundings gathers what a check is judged by outside of its session: as it was then. A check
// whose clearance would still count is judged by what is known now.
func (c *courseOf) surroundings(tx *store.Tx, row *store.Session, check treatment.Fact) (treatment.Surroundings, error) {
	policy, err := c.policyAt(tx, check.OccurredAt)
	if err != nil {
		return treatment.Surroundings{}, err
	}
	known := treatment.Surroundings{Protocol: *policy, Limits: treatment.LimitsAt(c.row.LimitsSince(), check.OccurredAt), Acknowledged: c.hadRead(check.OccurredAt, tx.Now)}
	at := check.OccurredAt
	if tx.Now.Sub(at) <= policy.Sessions.Clearance() {
		at = tx.Now
	}
	if check.SupportPersonID != nil {
		person, err := supportPersonOf(tx, c.row.PatientID, *check.SupportPersonID)
		if err != nil {
			return known, err
		}
		known.SupportPersonAdult, known.SupportPersonRemoved = &person.Adult, person.RemovedAt != nil && !person.RemovedAt.After(at)
	}
	if known.SignedConsents, err = tx.ConsentsInForce(c.row.PatientID, at); err != nil {
		return known, err
	}
	if known.Seen, err = c.sightings(tx, row, *policy, check.OccurredAt, at); err != nil {
		return known, err
	}
	alerts, err := tx.StandingAlerts(c.row.PatientID, at)
	if err != nil {
		return known, err
	}
	for i := range alerts {
		// The session's own facts are judged by themselves, but an answer does not take back that the
		// patient has said to be pregnant.
		if alerts[i].Source.ID != row.ID || alerts[i].Rule == treatment.AlertPregnancyReported {
			known.Alerts = append(known.Alerts, treatment.StandingAlert{Rule: alerts[i].Rule, Severity: alerts[i].Severity})
		}
	}
	if known.Medicines, known.Day, err = c.medicinesAt(tx, row, at); err != nil || !policy.Guards(treatment.GuardUnits) {
		return known, err
	}
	known.Units, err = c.unitsAt(tx, row, at)
	return known, err
}

// sightings are what was measured and noticed of the patient outside of a session, in the hours before
// a check in which what was dangerous stops a dose. The check is judged by what is known at a time.
func (c *courseOf) sightings(tx *store.Tx, row *store.Session, policy treatment.Protocol, checked, at time.Time) (seen []treatment.Sighting, err error) {
	from, until := checked, at
	if at.Before(checked) {
		from, until = at, checked
	}
	from = from.Add(-time.Duration(policy.Vitals.PreDose.StopHours) * time.Hour)
	measurements, err := tx.MeasurementsBetween(row.PatientID, from, until)
	if err != nil {
		return nil, err
	}
	for i := range measurements {
		m := &measurements[i]
		seen = append(seen, treatment.Sighting{At: m.OccurredAt, Source: "measurements", Vitals: m.Vitals()})
	}
	facts, err := tx.FactsElsewhere(row.PatientID, row.ID, from, until)
	if err != nil {
		return nil, err
	}
	for i := range facts {
		seen = append(seen, treatment.SightingOf(facts[i].Fact, policy))
	}
	events, err := tx.AdverseEventsBetween(row.PatientID, from, until)
	for i := range events {
		seen = append(seen, treatment.SightingOfEvent(events[i].AdverseEvent, events[i].OccurredAt))
	}
	return seen, err
}

// medicinesAt are the patient's medicines that matter on the day of a time, and that day.
func (c *courseOf) medicinesAt(tx *store.Tx, row *store.Session, at time.Time) (list []treatment.Medication, day treatment.Date, err error) {
	here, err := zone(row.TimeZone)
	if err != nil {
		return nil, "", err
	}
	day = treatment.DateOf(at.In(here))
	rows, err := tx.Medicines(c.row.PatientID, day)
	for i := range rows {
		list = append(list, rows[i].Medication)
	}
	return list, day, err
}

// hadRead says whether the patient had acknowledged the current instructions by a time. What is asked
// now is answered by what is known now, in case the clock of the patient's phone is ahead.
func (c *courseOf) hadRead(at, now time.Time) bool {
	t := c.row
	if t.AcknowledgedRevision == nil || *t.AcknowledgedRevision < t.InstructionsRevision {
		return false
	}
	return !at.Before(now) || t.AcknowledgedAt != nil && !t.AcknowledgedAt.After(at)
}

// unitsAt is whether the units at home made the prescribed dose at a time; nil when nothing was
// prescribed.
func (c *courseOf) unitsAt(tx *store.Tx, row *store.Session, at time.Time) (*treatment.UnitsAtHome, error) {
	here, err := zone(row.TimeZone)
	if err != nil {
		return nil, err
	}
	for i := range c.prescriptions {
		p := &c.prescriptions[i]
		if v, ok := p.Validity(p.ID, nil); ok && v.Contains(at) {
			return unitsAtHome(tx, row.PatientID, p.Order, at.In(here))
		}
	}
	return nil, nil
}

// outside reads what was kept with each check.
func outside(tx *store.Tx, row *store.Session, facts []store.SessionFact) (map[uuid.UUID][]treatment.GateReason, error) {
	var kept map[uuid.UUID][]treatment.GateReason
	for i := range facts {
		if facts[i].Kind != treatment.FactCheck {
			continue
		}
		var reasons []treatment.GateReason
		if err := json.Unmarshal([]byte(facts[i].Outside), &reasons); err != nil {
			return nil, err
		}
		if kept == nil {
			kept = map[uuid.UUID][]treatment.GateReason{}
		}
		kept[facts[i].Fact.ID] = reasons
	}
	return kept, withOverrides(tx, row, facts)
}

// withOverrides reads the overrides of a session, if there can be any.
func withOverrides(tx *store.Tx, row *store.Session, facts []store.SessionFact) (err error) {
	if row.Overrides == nil && slices.ContainsFunc(facts, func(f store.SessionFact) bool { return f.Kind == treatment.FactCheck }) {
		row.Overrides, err = tx.Overrides(row.ID)
	}
	return err
}

func checksOf(row *store.Session) (checks []treatment.Check, err error) {
	return checks, json.Unmarshal([]byte(row.Checks), &checks)
}

func checkIn(b *oapi.CheckInput) treatment.Fact {
	f := factIn(treatment.FactCheck, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.SolidsFastedMin, f.FluidsFastedMin = b.SolidsFastedMin, b.FluidsFastedMin
	f.SupportPersonID, f.SupportPersonPresent = b.SupportPersonID, b.SupportPersonPresent
	f.RedFlags, f.Substances = joined(b.RedFlags), joined(b.Substances)
	if b.Pregnancy != nil {
		f.Pregnancy = new(treatment.PregnancyStatus(*b.Pregnancy))
	}
	f.AcuteIllness, f.SleptHours = b.AcuteIllness, b.SleptHours
	f.DeviceVerdict, f.GateVersion = textOf[treatment.DeviceVerdict](b.DeviceVerdict), b.GateVersion
	return f
}

// joined and listed keep a list of words in one column: nil is unknown, empty is none.
func joined[W ~string](list *[]W) *string {
	if list == nil {
		return nil
	}
	words := make([]string, len(*list))
	for i, word := range *list {
		words[i] = string(word)
	}
	return new(strings.Join(words, ","))
}

func listed[W ~string](text *string) *[]W {
	if text == nil {
		return nil
	}
	list := []W{}
	for word := range strings.SplitSeq(*text, ",") {
		if word != "" {
			list = append(list, W(word))
		}
	}
	return &list
}

// addChecksOut shows the checks with what the gate says of each, and the overrides.
func addChecksOut(ctx context.Context, out *oapi.Session, row *store.Session, facts []store.SessionFact) error {
	checks, err := checksOf(row)
	if err != nil {
		return err
	}
	staff := callOf(ctx).who.staff()
	for i := range facts {
		f := &facts[i]
		if f.Kind != treatment.FactCheck {
			continue
		}
		shown := oapi.Check{
			ID: f.Record.ID, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: oapi.ReportedBy(f.ReportedBy), Mode: oapi.Mode(f.Mode),
			RecordedBy: actorOut(f.RecordedBy), RecordedAt: f.CreatedAt, ClockSkew: &f.ClockSkew, StruckOut: struckOut(f.Struck),
			SolidsFastedMin: f.SolidsFastedMin, FluidsFastedMin: f.FluidsFastedMin,
			SupportPersonID: f.SupportPersonID, SupportPersonPresent: f.SupportPersonPresent,
			RedFlags: listed[oapi.RedFlag](f.RedFlags), Substances: listed[oapi.Substance](f.Substances),
			AcuteIllness: f.AcuteIllness, SleptHours: f.SleptHours, DeviceVerdict: textOf[oapi.DeviceVerdict](f.DeviceVerdict), GateVersion: f.GateVersion,
		}
		if f.Pregnancy != nil {
			shown.Pregnancy = new(oapi.PregnancyStatus(*f.Pregnancy))
		}
		judged := slices.IndexFunc(checks, func(c treatment.Check) bool { return c.ID == f.Record.ID })
		if judged >= 0 { // one that was struck out is not judged
			shown.Cleared = checks[judged].Stands()
			if staff {
				shown.Reasons = new(reasonsOut(slices.Concat(checks[judged].Ended, checks[judged].Reasons)))
			}
		}
		if !staff && !shown.Cleared {
			shown.Instructions = &f.Instructions
		}
		appendTo(&out.Checks, shown)
	}
	if !staff || facts == nil {
		return nil
	}
	for _, o := range row.Overridden() {
		shown := oapi.Override{CheckID: o.CheckID, Rules: []oapi.GateRule{}, Reason: o.Reason, By: o.By, At: o.At}
		for _, rule := range o.Rules {
			shown.Rules = append(shown.Rules, oapi.GateRule(rule))
		}
		appendTo(&out.Overrides, shown)
	}
	return nil
}

func reasonsOut(reasons []treatment.GateReason) []oapi.GateReason {
	out := make([]oapi.GateReason, len(reasons))
	for i, r := range reasons {
		out[i] = oapi.GateReason{
			Rule: oapi.GateRule(r.Rule), Kind: oapi.GateReasonKindHold, Value: filled(r.Value), Limit: filled(r.Limit), Source: r.Source, Clears: r.Clears,
		}
		if r.Stop {
			out[i].Kind = oapi.GateReasonKindStop
		}
		if r.FactID != uuid.Nil {
			out[i].FactID = &r.FactID
		}
	}
	return out
}

// versionOf names limits: two answers with the same limits have the same name.
func versionOf(limits oapi.Gate) string {
	sum := sha256.Sum256(mustJSON(limits))
	return hex.EncodeToString(sum[:8])
}

// gateOut shows limits, but for what is another thing each time.
func gateOut(c *courseOf, l treatment.GateLimits) oapi.Gate {
	vitals, sessions := c.policy.Vitals, c.policy.Sessions
	heart, oxygen := vitals.PreDose.HeartRate, vitals.PreDose.SpO2
	out := oapi.Gate{
		ProtocolID: c.row.ProtocolID, MinIntervalHours: l.MinIntervalHours, MaxIn7Days: l.MaxIn7Days, MaxIn28DaysMg: l.MaxIn28DaysMg,
		HoldBloodPressure: pressureOut(l.HoldBloodPressure), StopBloodPressure: pressureOut(l.StopBloodPressure),
		CriticalBloodPressure: pressureOut(vitals.DuringSession.Critical),
		HeartRate:             oapi.HeartRatePolicy{LowBpm: heart.LowBpm, HighBpm: heart.HighBpm},
		Spo2:                  oapi.SpO2Policy{HoldBelowPercent: oxygen.HoldBelowPercent, CriticalBelowPercent: oxygen.CriticalBelowPercent, Required: oxygen.Required},
		ReadingMaxAgeMin:      vitals.MaxAgeMin, RestMin: vitals.PreDose.RestMin, ReadingsIfHigh: vitals.PreDose.ReadingsIfHigh,
		SolidsFastedMin: sessions.Fasting.SolidsMin, FluidsFastedMin: sessions.Fasting.FluidsMin,
		SubstanceFreeHours: sessions.SubstanceFreeHours, MinSleepHours: sessions.MinSleepHours, ClearanceMin: sessions.ClearanceMin,
		PeakReadingAtMin: vitals.DuringSession.AtMin, PeakReadingWindowMin: vitals.DuringSession.WindowMin,
		LookInEveryMin: sessions.LookIn.EveryMin, ObservationMin: l.ObservationMin, Instructions: c.row.Instructions,
	}
	for _, flag := range treatment.RedFlags {
		out.RedFlags = append(out.RedFlags, oapi.RedFlag(flag))
	}
	if p := l.Prescription; p != nil {
		out.PrescriptionID, out.DoseMg, out.BoosterMg, out.ValidUntil = &p.ID, &p.DoseMg, &p.BoosterMg, p.Until
	}
	return out
}

func pressureOut(p treatment.BloodPressure) oapi.BloodPressureLimit {
	return oapi.BloodPressureLimit{SystolicMmHg: p.SystolicMmHg, DiastolicMmHg: p.DiastolicMmHg}
}
