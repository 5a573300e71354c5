package api

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// What the rules that suggest an adjustment are told: everything about the treatment as it is now.

// titrating gathers what is known about a treatment for a suggestion.
func (c *courseOf) titrating(tx *store.Tx) (treatment.Titrating, error) {
	known := treatment.Titrating{
		Now: tx.Now, Indication: c.row.Indication, Phase: c.row.Phase, OnHold: c.row.OnHold, Limits: c.row.Limits,
		ProtocolID: c.row.ProtocolID, Protocol: *c.policy,
	}
	active := c.inForce()
	if active != nil {
		known.Prescription = &treatment.PrescriptionSeen{Evidence: seenAs(treatment.EvidencePrescription, &active.Record), Prescription: active.Prescription}
	}
	for i := range c.prescriptions {
		if p := &c.prescriptions[i]; p != active && p.TookEffect() && p.Status != treatment.PrescriptionEnteredInError {
			known.Earlier = append(known.Earlier, p.Order)
		}
	}
	for _, add := range []func(*store.Tx, *treatment.Titrating) error{c.addSessions, c.addScores, c.addSafety, c.addAdjustments} {
		if err := add(tx, &known); err != nil {
			return known, err
		}
	}
	return known, nil
}

// seenAs is a record as it is now.
func seenAs(kind treatment.EvidenceType, r *store.Record) treatment.Evidence {
	return treatment.Evidence{Type: kind, ID: r.ID, Version: r.Version}
}

// addSessions adds the treatment's sessions with a dose, and how many of the planned ones were kept.
func (c *courseOf) addSessions(tx *store.Tx, known *treatment.Titrating) error {
	rows, err := tx.SessionsSince(c.row.PatientID, time.Time{})
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(s store.Session) bool {
		return s.TreatmentID != c.row.ID || s.Status == treatment.SessionEnteredInError
	})
	since := tx.Now.AddDate(0, 0, -c.policy.Titration.Adherence.WindowDays)
	for i := range rows {
		s := &rows[i]
		if s.StartedAt != nil {
			known.Sessions = append(known.Sessions, treatment.SessionSeen{
				Evidence: seenAs(treatment.EvidenceSession, &s.Record), At: *s.StartedAt, DoseMg: s.DoseMg, BoosterMg: s.BoosterMg,
				Peak: treatment.Vitals{SystolicMmHg: s.PeakSystolicMmHg, DiastolicMmHg: s.PeakDiastolicMmHg},
			})
		}
		if s.PlannedAt == nil || s.PlannedAt.Before(since) || s.PlannedAt.After(tx.Now) {
			continue
		}
		switch status := s.StatusAt(s.Plan, *c.policy, tx.Now); {
		case s.StartedAt != nil:
			known.Planned, known.Kept = known.Planned+1, known.Kept+1
		case status == treatment.SessionMissed, status == treatment.SessionAborted, status == treatment.SessionCompleted, status == treatment.SessionReviewed:
			known.Planned++
		}
	}
	return c.addObserved(tx, rows, known)
}

// addObserved adds what was measured and noticed in the last sessions with a dose, and what was said
// of a pregnancy.
func (c *courseOf) addObserved(tx *store.Tx, rows []store.Session, known *treatment.Titrating) error {
	var from time.Time
	slices.SortStableFunc(known.Sessions, func(a, b treatment.SessionSeen) int { return a.At.Compare(b.At) })
	if n := len(known.Sessions) - c.policy.Titration.Tolerability.RecentSessions; n > 0 {
		from = known.Sessions[n].At.AddDate(0, 0, -1) // readings before the dose too
	}
	facts, err := tx.FactsElsewhere(c.row.PatientID, uuid.Nil, from, tx.Now)
	if err != nil {
		return err
	}
	for i := range facts {
		f := &facts[i]
		if at := slices.IndexFunc(known.Sessions, func(s treatment.SessionSeen) bool { return s.ID == f.SessionID }); at >= 0 {
			known.Sessions[at] = known.Sessions[at].With(f.Fact)
		}
		at := slices.IndexFunc(rows, func(s store.Session) bool { return s.ID == f.SessionID })
		if at >= 0 && f.Pregnancy != nil {
			known.Pregnancy = &treatment.PregnancySeen{Evidence: seenAs(treatment.EvidenceSession, &rows[at].Record), Status: *f.Pregnancy, At: f.OccurredAt}
		}
	}
	return nil
}

// addScores adds the answers, and the weight.
func (c *courseOf) addScores(tx *store.Tx, known *treatment.Titrating) error {
	rows, err := tx.AnswersTo(c.row.PatientID, instruments.PHQ9, instruments.GAD7, instruments.Dissociation)
	if err != nil {
		return err
	}
	for i := range rows {
		a := &rows[i]
		known.Scores = append(known.Scores, treatment.Score{
			Evidence: seenAs(treatment.EvidenceAssessment, &a.Record), Instrument: a.Instrument, At: a.At, RecordedAt: orZero(a.RecordedAt),
			SessionID: a.SessionID, Total: a.Total, Missing: a.Missing,
		})
	}
	signs, err := notKnown(tx.LastAnswers(c.row.PatientID, instruments.ManiaPsychosis))
	if err != nil {
		return err
	}
	if signs != nil {
		known.Signs = &treatment.Screening{ConsultationEvidence: answersOf(signs), Missing: signs.Missing}
	}
	screener, err := notKnown(tx.LastAnswers(c.row.PatientID, instruments.CSSRSScreener))
	if err != nil {
		return err
	}
	if screener != nil {
		known.Screener = &treatment.Screening{ConsultationEvidence: answersOf(screener), Level: screener.Band, Missing: screener.Missing}
	}
	weight, err := notKnown(tx.LastWeight(c.row.PatientID))
	if weight != nil {
		known.Weight = &treatment.WeightSeen{
			Evidence: seenAs(treatment.EvidenceMeasurement, &weight.Record), Weight: treatment.Weight{Kg: *weight.WeightKg, MeasuredAt: weight.OccurredAt},
		}
	}
	return err
}

// misuse names the distinct signs of misuse in the days of which a pattern is made.
func (c *courseOf) misuse(tx *store.Tx) ([]string, error) {
	signals, err := tx.SupplySignals(c.row.PatientID)
	rules := []string{}
	since := tx.Now.AddDate(0, 0, -c.policy.Supply.Signals.Pattern.Days)
	for i := range signals {
		if s := &signals[i]; s.Counts() && !s.At.Before(since) {
			rules = append(rules, string(s.Rule))
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules), err
}

// addSafety adds what can stand against any change.
func (c *courseOf) addSafety(tx *store.Tx, known *treatment.Titrating) error {
	patient, err := store.Find[store.Patient](tx, c.row.PatientID)
	if err != nil {
		return err
	}
	events, err := tx.AdverseEventsBetween(patient.ID, time.Time{}, tx.Now)
	if err != nil {
		return err
	}
	for i := range events {
		if e := &events[i]; e.Status != treatment.AdverseEventEnteredInError {
			known.Events = append(known.Events, treatment.EventSeen{
				Evidence: seenAs(treatment.EvidenceAdverseEvent, &e.Record), AdverseEvent: e.AdverseEvent, At: e.OccurredAt, SessionID: e.SessionID,
			})
		}
	}
	if known.MisuseSignals, err = c.misuse(tx); err != nil {
		return err
	}
	alerts, err := tx.StandingAlerts(patient.ID, tx.Now)
	if err != nil {
		return err
	}
	for i := range alerts {
		a := &alerts[i]
		known.Alerts = append(known.Alerts, treatment.AlertSeen{
			Evidence:      seenAs(treatment.EvidenceAlert, &a.Record),
			StandingAlert: treatment.StandingAlert{Rule: a.Rule, Severity: a.Severity}, At: a.RaisedAt,
		})
	}
	if known.SignedConsents, err = tx.ConsentsInForce(patient.ID, tx.Now); err != nil {
		return err
	}
	check, err := notKnown(tx.LastPDMPCheck(patient.ID, patient.State))
	if check != nil {
		known.PDMP = &treatment.SuggestionInput{Evidence: seenAs(treatment.EvidencePDMPCheck, &check.Record), Value: string(check.Result), At: check.OccurredAt}
	}
	return err
}

// mostAdjustments is how many of a treatment's adjustments are looked at: only the last ones matter.
const mostAdjustments = 50

// addAdjustments adds what was changed before.
func (c *courseOf) addAdjustments(tx *store.Tx, known *treatment.Titrating) error {
	rows, _, err := tx.ListAdjustments(c.row.ID, store.AdjustmentFilter{Applied: true}, store.Page{Limit: mostAdjustments})
	for i := range rows {
		a := &rows[i]
		known.Adjustments = append(known.Adjustments, treatment.AdjustmentSeen{
			Evidence: seenAs(treatment.EvidenceAdjustment, &a.Record), Adjustment: a.Adjustment, From: a.From, To: a.To,
		})
	}
	return err
}
