package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// recordSeen is a record of a kind as the engine has read it.
func recordSeen(kind treatment.EvidenceType, n byte) treatment.Evidence {
	return treatment.Evidence{Type: kind, ID: id(n), Version: 1}
}

// tookAt is a session without anything remarkable, so many days from today.
func tookAt(n byte, day, milligrams int) treatment.SessionSeen {
	return treatment.SessionSeen{
		Evidence: recordSeen(treatment.EvidenceSession, n), At: days(day), DoseMg: mg(milligrams),
		Before:       treatment.Vitals{SystolicMmHg: new(122), DiastolicMmHg: new(78)},
		Peak:         treatment.Vitals{SystolicMmHg: new(138), DiastolicMmHg: new(86)},
		After:        true,
		Dissociation: new(3), Distress: new(2), Sedation: new(1),
	}
}

// scored are answers to the PHQ-9, in hours from today.
func scored(n byte, hours, total int) treatment.Score {
	at := noon.Add(time.Duration(hours) * time.Hour)
	return treatment.Score{Evidence: recordSeen(treatment.EvidenceAssessment, n), Instrument: instruments.PHQ9, At: at, RecordedAt: at, Total: &total}
}

// onDay is scored by days.
func onDay(n byte, day, total int) treatment.Score { return scored(n, 24*day, total) }

func happened(n byte, session byte, change func(*treatment.AdverseEvent)) treatment.EventSeen {
	e := treatment.EventSeen{Evidence: recordSeen(treatment.EvidenceAdverseEvent, n), At: days(-3), SessionID: new(id(session))}
	e.Term, e.Grade, e.Serious, e.Causality = treatment.TermNausea, new(1), new(false), treatment.CausalityProbable
	change(&e.AdverseEvent)
	return e
}

func graded(grade int, c treatment.Causality) func(*treatment.AdverseEvent) {
	return func(e *treatment.AdverseEvent) { e.Grade, e.Causality = &grade, c }
}

func alertSeen(n byte, rule treatment.AlertRule, s treatment.Severity) treatment.AlertSeen {
	return treatment.AlertSeen{Evidence: recordSeen(treatment.EvidenceAlert, n), StandingAlert: treatment.StandingAlert{Rule: rule, Severity: s}, At: days(-1)}
}

// titrating is a patient of 70 kg with little response to three sessions at 100 mg: from 20 points
// to 18. Everything is known, and nothing speaks against one step more.
func titrating(t testing.TB) treatment.Titrating {
	t.Helper()
	o := order()
	o.BoosterMg, o.MinIntervalHours = 0, 48
	signed, err := draft(t, o).Sign(signing())
	allowed(t, err)
	signed.SignedAt = new(days(-30))
	return treatment.Titrating{
		Now: noon, Indication: treatment.IndicationDepression, Phase: treatment.PhaseInduction, ProtocolID: id(200), Protocol: guarded(),
		Prescription: &treatment.PrescriptionSeen{Evidence: recordSeen(treatment.EvidencePrescription, 100), Prescription: signed},
		Weight:       &treatment.WeightSeen{Evidence: recordSeen(treatment.EvidenceMeasurement, 101), Weight: treatment.Weight{Kg: kg(70), MeasuredAt: days(-20)}},
		Sessions:     []treatment.SessionSeen{tookAt(1, -17, 100), tookAt(2, -10, 100), tookAt(3, -3, 100)},
		Planned:      3, Kept: 3,
		Scores:         []treatment.Score{onDay(11, -25, 20), onDay(12, -2, 18)},
		Screener:       &treatment.Screening{ConsultationEvidence: treatment.ConsultationEvidence{Type: treatment.EvidenceAssessment, ID: id(102), Version: 1, At: days(-25)}, Level: instruments.CSSRSLow},
		Signs:          &treatment.Screening{ConsultationEvidence: treatment.ConsultationEvidence{Type: treatment.EvidenceAssessment, ID: id(104), Version: 1, At: days(-25)}},
		Pregnancy:      &treatment.PregnancySeen{Evidence: recordSeen(treatment.EvidenceSession, 3), Status: treatment.NotPregnant, At: days(-3)},
		SignedConsents: treatment.Default().Treatment.RequiredConsents,
		PDMP:           &treatment.SuggestionInput{Evidence: recordSeen(treatment.EvidencePDMPCheck, 103), Value: "nothingUnexpected", At: days(-20)},
		MisuseSignals:  []string{},
	}
}

// reporter is a test, also one of properties.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// suggested asks the rules.
func suggested(t reporter, known treatment.Titrating) treatment.Suggestion {
	t.Helper()
	s, err := treatment.Suggest(known)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return s
}

func lacks(s treatment.Suggestion, fact treatment.TitrationFact) bool {
	return slices.ContainsFunc(s.Missing, func(m treatment.MissingFact) bool { return m.Fact == fact })
}

// fell is a course that is better by so many points on a day, seven days after each session.
func (c *caseOf) fell(totals ...int) {
	c.Scores = c.Scores[:1]
	for i, total := range totals {
		c.Scores = append(c.Scores, onDay(byte(20+i), -2-7*(len(totals)-1-i), total))
	}
}

// waves answers two days after each session and again shortly before the next one.
func (c *caseOf) waves(low, high int) {
	c.Scores = []treatment.Score{onDay(11, -45, 20)}
	c.Sessions = []treatment.SessionSeen{tookAt(1, -31, 100), tookAt(2, -24, 100), tookAt(3, -17, 100), tookAt(4, -10, 100), tookAt(5, -3, 100)}
	for i, day := range []int{-31, -24, -17, -10, -3} {
		c.Scores = append(c.Scores, onDay(byte(20+2*i), day+2, low))
		if day < -3 {
			c.Scores = append(c.Scores, onDay(byte(21+2*i), day+6, high))
		}
	}
}

// slopes are waves that change by some points a week, and rise by so many before each dose.
func (c *caseOf) slopes(first, weekly, rise int) {
	c.waves(0, 0)
	for i := range c.Scores[1:] {
		low := first + weekly*(i/2)
		c.Scores[i+1].Total = new(low + rise*(i%2))
	}
}

// months are sessions every two weeks, with answers a day before each, for so many weeks.
func (c *caseOf) months(weeks int, totals func(day int) int) {
	c.Scores, c.Sessions = []treatment.Score{onDay(11, -7*weeks-15, 20)}, nil
	n := byte(20)
	for day := -7 * weeks; day < 0; day += 14 {
		c.Sessions = append(c.Sessions, tookAt(n, day, 100))
		n++
	}
	for day := -7*weeks + 13; day < 0; day += 14 {
		c.Scores = append(c.Scores, onDay(n, day, totals(day)))
		n++
	}
	c.Prescription.SignedAt = new(days(-7 * weeks))
}

type caseOf struct{ treatment.Titrating }

func either(first bool, a, b int) int {
	if first {
		return a
	}
	return b
}

func seriousSeen(outcome treatment.EventOutcome) treatment.EventSeen {
	e := happened(55, 0, func(e *treatment.AdverseEvent) { e.Serious, e.Outcome = new(true), outcome })
	e.SessionID, e.At = nil, days(-60)
	return e
}

func dissociated(total int) treatment.Score {
	s := onDay(60, -3, total)
	s.Instrument, s.SessionID = instruments.Dissociation, new(id(3))
	return s
}

func givenUp(milligrams int) treatment.Order {
	o := order()
	o.DoseMg = mg(milligrams)
	return o
}

func adjustedOn(day, from, to int) treatment.AdjustmentSeen {
	a := treatment.AdjustmentSeen{Evidence: recordSeen(treatment.EvidenceAdjustment, 70), From: treatment.Dosing{DoseMg: mg(from)}, To: treatment.DosingChange{DoseMg: new(mg(to))}}
	a.Status, a.AppliedAt = treatment.AdjustmentApplied, new(days(day))
	return a
}

// anxious makes anxiety the indication.
func (c *caseOf) anxious(before, after int) {
	c.Indication = treatment.IndicationAnxiety
	for i := range c.Scores {
		c.Scores[i].Instrument = instruments.GAD7
	}
	c.Scores[0].Total, c.Scores[1].Total = &before, &after
}
