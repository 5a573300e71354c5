package treatment

import (
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// InteractionSeverity is what follows from a medicine that meets ketamine.
type InteractionSeverity string

// Interaction severities.
const (
	// InteractionInfo: the prescriber should know.
	InteractionInfo InteractionSeverity = "info"
	// InteractionCaution: the prescriber decides about dose and monitoring.
	InteractionCaution InteractionSeverity = "caution"
	// InteractionHold: the safety gate holds every dose while the medicine is taken.
	InteractionHold InteractionSeverity = "hold"
)

// InteractionSeverities lists every severity, mildest first.
var InteractionSeverities = []InteractionSeverity{InteractionInfo, InteractionCaution, InteractionHold}

// Interaction is what is known of one class of medicines, or of one substance of it, together
// with ketamine.
type Interaction struct {
	DrugClass DrugClass
	// Substance is the one that was studied, or that the source names; empty for the class.
	Substance string
	Severity  InteractionSeverity
	// Effect is what happens, Figure the published number; empty when there is none.
	Effect string
	Figure string
	// Source is where it is written; empty when nobody has looked it up.
	Source     string
	Provenance instruments.Provenance
	// WashoutDays after the last one it still counts.
	WashoutDays int
}

// Sources of several interactions.
const (
	labelSedation = "Spravato label, sedation; monitoring form of its REMS, 2025"
	labelPressure = "Spravato label, 5.6"
	hagelberg2011 = "doi:10.1038/clpt.2011.140"
)

// interactionTable is what the product knows of medicines together with ketamine. How severe each
// is, is a proposal that a clinic's medical director signs off. The figures are of oral S-ketamine
// and of the substance that they name: nothing says that another one of its class does the same,
// and itraconazole shows that it need not. A sedative that is taken on the day of a session without
// a prescriber having ordered it holds by the answers of the check.
var interactionTable = []Interaction{
	{DrugClass: DrugStrongCYP3A4Inhibitor, Substance: "clarithromycin", Severity: InteractionHold, Effect: "much more of an oral dose arrives",
		Figure: "AUC × 2.6, Cmax × 3.6", Source: "PMID 19897389", Provenance: instruments.Published},
	{DrugClass: DrugGrapefruitJuice, Severity: InteractionHold, Effect: "much more of an oral dose arrives, and for longer",
		Figure: "AUC × 3.0 (2.4 to 3.6), Cmax × 2.1, half-life + 24 %", Source: "Peltoniemi 2012, grapefruit juice", Provenance: instruments.Published},
	{DrugClass: DrugCYP2B6Inhibitor, Substance: "ticlopidine", Severity: InteractionCaution, Effect: "more of an oral dose arrives: a lower one may be enough",
		Figure: "AUC × 2.4", Source: hagelberg2011, Provenance: instruments.Published},
	{DrugClass: DrugCYP2B6Inhibitor, Substance: "clopidogrel", Severity: InteractionCaution, Effect: "more of an oral dose may arrive", Provenance: instruments.Unverified},
	{DrugClass: DrugItraconazole, Substance: "itraconazole", Severity: InteractionCaution, Effect: "more drowsiness, although no more arrives",
		Figure: "AUC × 1", Source: hagelberg2011, Provenance: instruments.Published},
	{DrugClass: DrugEnzymeInducer, Substance: "rifampicin", Severity: InteractionCaution, Effect: "little of an oral dose arrives; more, when it is stopped",
		Figure: "AUC - 86 % oral, - 14 % intravenous", Source: "doi:10.1111/j.1742-7843.2012.00908.x", Provenance: instruments.Published},
	{DrugClass: DrugEnzymeInducer, Substance: "St John's wort", Severity: InteractionCaution, Effect: "less of an oral dose arrives; more, when it is stopped",
		Figure: "AUC - 58 %, Cmax - 66 %", Source: "Peltoniemi 2012, St John's wort", Provenance: instruments.Published},
	{DrugClass: DrugBenzodiazepine, Severity: InteractionCaution, Effect: "sedation, and breathing that slows down", Source: labelSedation, Provenance: instruments.Published},
	{DrugClass: DrugBenzodiazepine, Severity: InteractionInfo, Effect: "the response may be weaker", Provenance: instruments.Unverified},
	{DrugClass: DrugZDrug, Severity: InteractionCaution, Effect: "sedation, and breathing that slows down", Source: labelSedation, Provenance: instruments.Published},
	{DrugClass: DrugOpioid, Severity: InteractionCaution, Effect: "sedation, and breathing that slows down", Source: labelSedation, Provenance: instruments.Published},
	{DrugClass: DrugGabapentinoid, Severity: InteractionCaution, Effect: "sedation, and breathing that slows down", Provenance: instruments.Unverified},
	{DrugClass: DrugMuscleRelaxant, Severity: InteractionCaution, Effect: "sedation", Source: "patient information of at-home programs", Provenance: instruments.Unverified},
	{DrugClass: DrugSedatingAntihistamine, Severity: InteractionCaution, Effect: "sedation", Source: "patient information of at-home programs", Provenance: instruments.Unverified},
	{DrugClass: DrugStimulant, Severity: InteractionCaution, Effect: "a higher blood pressure: measure more often", Source: labelPressure, Provenance: instruments.Published},
	{DrugClass: DrugMAOI, Severity: InteractionHold, Effect: "a higher blood pressure: a prescriber has to clear it first", WashoutDays: 14,
		Source: labelPressure + "; excluded in doi:10.1186/s12888-019-2359-1", Provenance: instruments.Published},
	{DrugClass: DrugLamotrigine, Substance: "lamotrigine", Severity: InteractionInfo, Effect: "weaker effects on perception and thought", Source: "Anand 2000", Provenance: instruments.Published},
	{DrugClass: DrugThyroidHormone, Severity: InteractionCaution, Effect: "a higher blood pressure and a faster heart", Provenance: instruments.Unverified},
	{DrugClass: DrugMethylxanthine, Substance: "theophylline", Severity: InteractionCaution, Effect: "a lower threshold for seizures", Provenance: instruments.Unverified},
}

// Interactions is the whole table.
func Interactions() []Interaction { return slices.Clone(interactionTable) }

// LongestWashoutDays is for how many days at most a medicine counts after the last one.
func LongestWashoutDays() (days int) {
	for _, i := range interactionTable {
		days = max(days, i.WashoutDays)
	}
	return days
}

// Interactions are those of the medicine's class, the most severe first. They are none, not known
// to be none, while nobody has said which class it is: see [Medication.Interaction].
func (m Medication) Interactions() (found []Interaction) {
	for _, i := range interactionTable {
		if m.DrugClass != "" && i.DrugClass == m.DrugClass {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b Interaction) int { return b.Severity.Compare(a.Severity) })
	return found
}

// Compare puts the milder one first; none is the mildest.
func (s InteractionSeverity) Compare(other InteractionSeverity) int {
	return slices.Index(InteractionSeverities, s) - slices.Index(InteractionSeverities, other)
}

// Interaction is the most severe one; nil for none. known is false while nobody has said what the
// medicine is: then it is never fine.
func (m Medication) Interaction() (worst *Interaction, known bool) {
	if found := m.Interactions(); len(found) > 0 {
		return &found[0], true
	}
	return nil, m.DrugClass != ""
}

// Over says whether a medicine that was stopped does not count any more on a day, also not for
// having been taken so lately.
func (m Medication) Over(day Date) bool {
	washout := 0
	for _, i := range m.Interactions() {
		washout = max(washout, i.WashoutDays)
	}
	return m.EndedOn != "" && day >= m.EndedOn.plus(washout)
}

// plus is so many days later; a date that is none stays so.
func (d Date) plus(days int) Date {
	day, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return DateOf(day.AddDate(0, 0, days))
}

// interactions hold for every medicine that the table holds for, on the day of a check: it has
// been begun and is not over.
func (s Surroundings) interactions() (list []GateReason) {
	if !s.Protocol.Guards(GuardInteractions) {
		return nil
	}
	for _, m := range s.Medicines {
		worst, _ := m.Interaction()
		if worst == nil || worst.Severity != InteractionHold || m.StartedOn > s.Day || m.Over(s.Day) {
			continue
		}
		list = append(list, GateReason{Rule: RuleInteractions, Value: m.Name + ", " + string(m.DrugClass), Source: "medications",
			Clears: "A prescriber decides, or the medicine has been stopped for long enough."})
	}
	return list
}

// JudgeMedication says which alert a medicine raises that is recorded during a treatment: one that
// the prescriber, who signed before, does not know of. What nobody has classed is not known to be
// harmless.
func JudgeMedication(m Medication) []Raised {
	worst, known := m.Interaction()
	raised := Raised{Rule: AlertNewInteraction, Severity: alertSeverity[AlertNewInteraction], Value: string(m.DrugClass)}
	switch {
	case !known:
		raised.Value = "unknown"
	case worst == nil || worst.Severity == InteractionInfo:
		return nil
	case worst.Severity == InteractionHold:
		raised.Severity = SeverityHigh
	}
	return []Raised{raised}
}
