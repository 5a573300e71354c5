package treatment

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/instruments"
)

// Records that only suggestions rest on, beside the [EvidenceTypes].
const (
	EvidencePrescription EvidenceType = "prescription"
	EvidencePDMPCheck    EvidenceType = "pdmpCheck"
	EvidenceAdjustment   EvidenceType = "adjustment"
)

// SuggestionInputTypes lists the kinds of records that a suggestion can rest on.
var SuggestionInputTypes = slices.Concat(EvidenceTypes, []EvidenceType{EvidencePrescription, EvidencePDMPCheck, EvidenceAdjustment})

// Titrating is everything that is known about a treatment when the rules are asked for a
// suggestion. Pointers that are nil, and lists that are nil where it is said, are unknown.
type Titrating struct {
	Now        time.Time
	Indication Indication
	// Phase and OnHold are the treatment's, Limits the patient's own.
	Phase      Phase
	OnHold     bool
	Limits     Limits
	ProtocolID uuid.UUID
	Protocol   Protocol
	// Prescription is the signed one in force, perhaps expired; nil for none. Earlier are the orders
	// of the treatment that took effect before it.
	Prescription *PrescriptionSeen
	Earlier      []Order
	Weight       *WeightSeen
	// Sessions with a dose, in the order of their doses.
	Sessions []SessionSeen
	// Planned sessions of the protocol's window whose time has passed, and how many of them had a
	// dose.
	Planned, Kept int
	// Scores are answers that count to the PHQ-9, the GAD-7 and the dissociation scale, in any order.
	Scores []Score
	// Events are the adverse events that count.
	Events []EventSeen
	// Alerts that nobody has resolved.
	Alerts []AlertSeen
	// Screener are the newest answers to the C-SSRS screener.
	Screener *Screening
	// Signs are the newest answers about signs of mania and psychosis.
	Signs *Screening
	// Pregnancy is what was said last at the safety gate.
	Pregnancy *PregnancySeen
	// SignedConsents are the kinds in force; nil when nobody knows. Guard consents.
	SignedConsents []string
	// PDMP is the last look into the monitoring program of the patient's state. Guard pdmp.
	PDMP *SuggestionInput
	// MisuseSignals are the distinct signals of misuse that count now; nil when nobody looks for them.
	MisuseSignals []string
	// Adjustments are the treatment's, in any order.
	Adjustments []AdjustmentSeen
}

// PrescriptionSeen is a prescription as it was read.
type PrescriptionSeen struct {
	Evidence
	Prescription
}

// WeightSeen is a body weight as it was read.
type WeightSeen struct {
	Evidence
	Weight
}

// SessionSeen is a session with a dose, as it was read.
type SessionSeen struct {
	Evidence
	// At is the first dose; DoseMg is without boosters.
	At        time.Time
	DoseMg    dose.Mg
	BoosterMg dose.Mg
	// Before is the last reading before the dose, Peak the highest pressures of all readings, After
	// says that somebody measured after the dose.
	Before, Peak Vitals
	After        bool
	// The worst that was observed; nil when nobody said.
	Dissociation, Distress, Sedation *int
	Vomited                          bool
}

// Score is one administration of an instrument that has answers.
type Score struct {
	Evidence
	Instrument string
	// At is when it was answered, RecordedAt when the answers arrived.
	At, RecordedAt time.Time
	// SessionID is the session that it is about, if it is about one.
	SessionID *uuid.UUID
	// Total is nil when too much is missing; Missing counts what was left out.
	Total   *int
	Missing int
}

// EventSeen is an adverse event as it was read.
type EventSeen struct {
	Evidence
	AdverseEvent
	At        time.Time // the onset
	SessionID *uuid.UUID
}

// AlertSeen is an alert that nobody has resolved.
type AlertSeen struct {
	Evidence
	StandingAlert
	At time.Time
}

// PregnancySeen is an answer at the safety gate of a session.
type PregnancySeen struct {
	Evidence // the session
	Status   PregnancyStatus
	At       time.Time
}

// AdjustmentSeen is an adjustment as it was read.
type AdjustmentSeen struct {
	Evidence
	Adjustment
	From Dosing
	To   DosingChange
}

// titration is a treatment being judged, with what was read and not found on the way.
type titration struct {
	Titrating
	policy TitrationPolicy
	// instrument is the one that the indication is judged by, scale what its points mean: the PHQ-9,
	// and for anxiety alone the GAD-7.
	instrument string
	scale      ScorePolicy
	// atDose are the newest sessions in a row at the prescribed dose, recent the last of them.
	atDose, recent []SessionSeen
	// baseline is the last complete score before the first dose; scores are the totals since then.
	baseline *Score
	scores   []Score

	inputs   []SuggestionInput
	missing  []MissingFact
	checked  []CheckedContraindication
	duration *EffectDuration
}

func newTitration(known Titrating) *titration {
	t := &titration{Titrating: known, policy: known.Protocol.Titration}
	t.instrument, t.scale = instruments.PHQ9, t.policy.Phq9
	if t.Indication == IndicationAnxiety {
		t.instrument, t.scale = instruments.GAD7, t.policy.Gad7
	}
	t.Sessions = slices.SortedFunc(slices.Values(t.Sessions), func(a, b SessionSeen) int {
		return cmp.Or(a.At.Compare(b.At), slices.Compare(a.ID[:], b.ID[:]))
	})
	t.Scores = slices.SortedFunc(slices.Values(t.Scores), func(a, b Score) int {
		return cmp.Or(a.At.Compare(b.At), slices.Compare(a.ID[:], b.ID[:]))
	})
	t.sinceDose()
	t.sinceBaseline()
	t.read()
	t.duration = t.effect()
	return t
}

// scaleName is how people write the instrument.
func (t *titration) scaleName() string { return strings.ToUpper(t.instrument) }

// counted writes a number of things, in the plural but for one.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// sinceDose finds the sessions at the prescribed dose.
func (t *titration) sinceDose() {
	if t.Prescription == nil {
		return
	}
	first := len(t.Sessions)
	for first > 0 && t.at(t.Sessions[first-1].DoseMg, t.Prescription.DoseMg) {
		first--
	}
	t.atDose = t.Sessions[first:]
	t.recent = t.atDose[max(0, len(t.atDose)-t.policy.Tolerability.RecentSessions):]
}

// at says whether what was taken is about what was prescribed.
func (t *titration) at(taken, prescribed dose.Mg) bool {
	off := taken - prescribed
	if off < 0 {
		off = -off
	}
	return 100*off <= dose.Mg(t.policy.DoseTolerancePercent)*prescribed
}

// sinceBaseline finds the baseline: answers that came before the first dose and arrived before it,
// with nothing left out. What was answered after the dose is never one.
func (t *titration) sinceBaseline() {
	if len(t.Sessions) == 0 {
		return
	}
	first := t.Sessions[0].At
	for _, s := range t.Scores {
		switch {
		case s.Instrument != t.instrument || s.Total == nil:
		case s.At.After(first):
			t.scores = append(t.scores, s)
		case !s.RecordedAt.After(first) && s.Missing == 0 && within(s.At, first, t.Protocol.Treatment.BaselineMaxAgeDays):
			t.baseline = &s
		}
	}
}

// read notes the records that every suggestion rests on.
func (t *titration) read() {
	if p := t.Prescription; p != nil && p.SignedAt != nil {
		t.input(p.Evidence, mg(p.DoseMg)+", booster "+mg(p.BoosterMg)+", at most every "+hours(p.MinIntervalHours), *p.SignedAt)
	}
	if w := t.Weight; w != nil {
		t.input(w.Evidence, w.Kg.String()+" kg", w.MeasuredAt)
	}
	if t.baseline != nil {
		t.input(t.baseline.Evidence, t.scaleName()+": "+strconv.Itoa(*t.baseline.Total)+", the baseline", t.baseline.At)
	}
	for _, s := range t.scores {
		value := t.scaleName() + ": " + strconv.Itoa(*s.Total)
		if s.Missing > 0 {
			value += ", estimated"
		}
		t.input(s.Evidence, value, s.At)
	}
	for _, s := range t.Sessions[max(0, len(t.Sessions)-max(len(t.recent), t.policy.Tolerability.RecentSessions)):] {
		t.input(s.Evidence, s.value(), s.At)
	}
}

// With is the session after one more of its facts, in the order of their times: the last reading
// before the dose, whether somebody measured after it, and the worst that was observed.
func (s SessionSeen) With(f Fact) SessionSeen {
	switch f.Kind {
	case FactVitals:
		measured := f.SystolicMmHg != nil && f.DiastolicMmHg != nil
		switch after := f.OccurredAt.After(s.At); {
		case after:
			s.After = s.After || measured
		case measured:
			s.Before = f.Vitals
		}
	case FactObservation:
		s.Dissociation, s.Distress, s.Sedation = higher(s.Dissociation, f.Dissociation), higher(s.Distress, f.Distress), higher(s.Sedation, f.Sedation)
		s.Vomited = s.Vomited || isTrue(f.Vomited)
	case FactDose, FactCompletion, FactAbort, FactEscalation, FactCheckIn, FactCheck, FactAttestation:
	}
	return s
}

func (s SessionSeen) value() string {
	text := func(n *int) string {
		if n == nil {
			return "-"
		}
		return strconv.Itoa(*n)
	}
	return fmt.Sprintf("%s, booster %s, before %s, peak %s, dissociation %s/10, distress %s/10, sedation %s/5, vomited %t",
		mg(s.DoseMg), mg(s.BoosterMg), s.Before.pressure(), s.Peak.pressure(), text(s.Dissociation), text(s.Distress), text(s.Sedation), s.Vomited)
}

// input notes a record that was read, once.
func (t *titration) input(e Evidence, value string, at time.Time) {
	if !slices.ContainsFunc(t.inputs, func(known SuggestionInput) bool { return known.Evidence == e }) {
		t.inputs = append(t.inputs, SuggestionInput{Evidence: e, Value: value, At: at.UTC()})
	}
}

// lack notes that something is not known, once.
func (t *titration) lack(fact TitrationFact, detail string) MissingFact {
	m := MissingFact{Fact: fact, Detail: detail}
	if !slices.Contains(t.missing, m) {
		t.missing = append(t.missing, m)
	}
	return m
}

// newestFirst are the records that were read.
func (t *titration) newestFirst() []SuggestionInput {
	slices.SortFunc(t.inputs, func(a, b SuggestionInput) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Type, b.Type), slices.Compare(a.ID[:], b.ID[:]))
	})
	return t.inputs
}
