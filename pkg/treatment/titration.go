package treatment

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Suggestions support the decision of a prescriber about dose and interval; they never make it.
// They keep to the four criteria by which the FDA tells decision support from a device (section
// 520(o)(1)(E) of the Federal Food, Drug, and Cosmetic Act, guidance of January 2026):
//
//  1. No image, signal or pattern is analysed: spot readings, answers and reports are read.
//  2. What is shown is medical information about one patient, and what has been published.
//  3. It is for health care professionals, who decide: nothing is applied by itself, patients
//     never read it, and it expires. It is for no emergency: alerts are for those.
//  4. They can review what it rests on by themselves: the rule, its versions, every record with
//     its value and time, what is missing, what has been published and how far that goes, and why
//     not something else. There is no score and no probability.

// SuggestionMaxDays is for how many days a suggestion can be named at most, whatever the protocol
// says: what it rests on grows old.
const SuggestionMaxDays = 14

// SuggestionKind is what a suggestion comes to: one change of dose or interval, or none.
type SuggestionKind string

// Suggestion kinds. Only the first two and those about the interval change an order.
const (
	SuggestDecrease        SuggestionKind = "decrease"
	SuggestIncrease        SuggestionKind = "increase"
	SuggestMaintain        SuggestionKind = "maintain"
	SuggestExtendInterval  SuggestionKind = "extendInterval"
	SuggestShortenInterval SuggestionKind = "shortenInterval"
	// SuggestReview: somebody has to think anew before anything is changed.
	SuggestReview SuggestionKind = "review"
	// SuggestTaper: the treatment may end slowly.
	SuggestTaper SuggestionKind = "taper"
	// SuggestNone: the rules have nothing to suggest.
	SuggestNone SuggestionKind = "none"
)

// SuggestionKinds lists every kind.
var SuggestionKinds = []SuggestionKind{
	SuggestDecrease, SuggestIncrease, SuggestMaintain, SuggestExtendInterval, SuggestShortenInterval, SuggestReview, SuggestTaper, SuggestNone,
}

// less says whether nothing about it would add to what the patient takes, and it is more than
// going on as before.
func (k SuggestionKind) less() bool {
	return k == SuggestDecrease || k == SuggestExtendInterval || k == SuggestTaper || k == SuggestReview
}

// TitrationRule is the stable name of a rule that suggests something.
type TitrationRule string

// Titration rules, in the order in which they are asked: vetoes, what has to be known, then the
// more serious before the others.
const (
	// TitrationSafetyVeto: something has to be looked at first. No suggestion passes it.
	TitrationSafetyVeto TitrationRule = "safetyVeto"
	// TitrationPressureVeto: blood pressure was high. Nothing passes it that is more.
	TitrationPressureVeto TitrationRule = "bloodPressureVeto"
	// TitrationInsufficientData: too little is known to judge the present dose.
	TitrationInsufficientData TitrationRule = "insufficientData"
	// TitrationMisuse: several signals of misuse. Nothing passes it that is more.
	TitrationMisuse TitrationRule = "misuseSignals"
	// TitrationNotTolerated lowers the dose.
	TitrationNotTolerated TitrationRule = "notTolerated"
	// TitrationNoBenefit asks whether this is the right treatment.
	TitrationNoBenefit TitrationRule = "noBenefit"
	// TitrationLongRemission lets the treatment end slowly.
	TitrationLongRemission TitrationRule = "longRemission"
	// TitrationWearsOff shortens the interval.
	TitrationWearsOff TitrationRule = "wearsOff"
	// TitrationLittleResponse raises the dose by one step.
	TitrationLittleResponse TitrationRule = "littleResponse"
	// TitrationSustainedResponse makes the interval longer.
	TitrationSustainedResponse TitrationRule = "sustainedResponse"
	// TitrationImproving goes on as before.
	TitrationImproving TitrationRule = "improving"
	// TitrationNoRule: none of them applies.
	TitrationNoRule TitrationRule = "noRule"
)

// TitrationRules lists every rule, in their order.
var TitrationRules = []TitrationRule{
	TitrationSafetyVeto, TitrationPressureVeto, TitrationInsufficientData, TitrationMisuse, TitrationNotTolerated, TitrationNoBenefit,
	TitrationLongRemission, TitrationWearsOff, TitrationLittleResponse, TitrationSustainedResponse, TitrationImproving, TitrationNoRule,
}

// TitrationFact is something that a rule would have to know.
type TitrationFact string

// Titration facts.
const (
	FactSessionsAtDose TitrationFact = "sessionsAtDose"
	FactRecentScore    TitrationFact = "recentScore"
	FactBaseline       TitrationFact = "baseline"
	FactWeight         TitrationFact = "weight"
	FactAdherence      TitrationFact = "adherence"
	FactBloodPressure  TitrationFact = "bloodPressure"
	FactDissociation   TitrationFact = "dissociation"
	FactEventJudgement TitrationFact = "eventJudgement"
	FactIntervalScores TitrationFact = "intervalScores"
	FactSuicidality    TitrationFact = "suicidality"
	FactPregnancy      TitrationFact = "pregnancy"
	FactMania          TitrationFact = "maniaOrPsychosis"
	FactMisuseSignals  TitrationFact = "misuseSignals"
	FactConsents       TitrationFact = "consents"
	FactPDMP           TitrationFact = "pdmp"
)

// TitrationFacts lists every fact.
var TitrationFacts = []TitrationFact{
	FactSessionsAtDose, FactRecentScore, FactBaseline, FactWeight, FactAdherence, FactBloodPressure, FactDissociation, FactEventJudgement,
	FactIntervalScores, FactSuicidality, FactPregnancy, FactMania, FactMisuseSignals, FactConsents, FactPDMP,
}

// SuggestionVerdict is the outcome: what an approval is held against later.
type SuggestionVerdict struct {
	Kind SuggestionKind
	Rule TitrationRule
	// PrescriptionID is the prescription that it is about; nil when none was in force.
	PrescriptionID *uuid.UUID
	// ProtocolID and RulesVersion are what it was judged by.
	ProtocolID   uuid.UUID
	RulesVersion string
	// ExpiresAt: from this moment on no proposal can name it.
	ExpiresAt time.Time
}

// Expired says whether its time has passed.
func (v SuggestionVerdict) Expired(now time.Time) bool { return !now.Before(v.ExpiresAt) }

// SuggestionBasis is everything that a prescriber needs to judge a suggestion without it.
type SuggestionBasis struct {
	// Reasons are sentences, the deciding one first.
	Reasons []string
	// Inputs are the records that were read, the newest first.
	Inputs []SuggestionInput
	// Missing is what nobody knows, whether or not it would change anything.
	Missing []MissingFact
	// Checked are the contraindications that were looked for.
	Checked []CheckedContraindication
	// Evidence is what has been published about it.
	Evidence []PublishedEvidence
	// Alternatives are the other rules, and why not.
	Alternatives []Alternative
	// Duration is for how long doses have had an effect; nil when that is not known.
	Duration *EffectDuration
}

// SuggestionInput is a record that was read, in one version.
type SuggestionInput struct {
	Evidence
	// Value is what was read from it, with its unit, and At when it was observed.
	Value string
	At    time.Time
}

// MissingFact is something that is not known.
type MissingFact struct {
	Fact   TitrationFact
	Detail string
}

// Alternative is another rule and why it does not decide.
type Alternative struct {
	Rule   TitrationRule
	Kind   SuggestionKind
	WhyNot string
}

// Suggestion is what the rules suggest about one treatment, and on what.
type Suggestion struct {
	SuggestionVerdict
	// From is what the prescription says; zero when there is none. To is the one change; nothing in
	// it is set when none is suggested.
	From Dosing
	To   DosingChange
	SuggestionBasis
}

// Says reports whether two suggestions come to the same about the same prescription.
func (s Suggestion) Says(other Suggestion) bool {
	return s.Kind == other.Kind && s.Rule == other.Rule && s.From == other.From && s.Proposes(other.To) &&
		orElse(s.PrescriptionID, uuid.Nil) == orElse(other.PrescriptionID, uuid.Nil)
}

// Proposes reports whether a change comes to the same as the suggested one.
func (s Suggestion) Proposes(c DosingChange) bool {
	order := Order{DoseMg: s.From.DoseMg, BoosterMg: s.From.BoosterMg, MinIntervalHours: s.From.MinIntervalHours, SessionsPerWeek: s.From.SessionsPerWeek}
	return c.apply(order).Dosing() == s.To.apply(order).Dosing()
}

// Suggest asks the rules about a treatment that has not ended: vetoes first, then whether enough
// is known, then for one change of dose or interval, or none. The same facts give the same answer.
func Suggest(known Titrating) (Suggestion, error) {
	if !known.Phase.Open() {
		return Suggestion{}, illegal("a treatment that is "+string(known.Phase), "be titrated")
	}
	t := newTitration(known)
	safety, pressure, misuse, missing := t.safetyVeto(), t.pressureVeto(), t.misuse(), t.insufficient()
	rules := t.judge()
	verdict := decides(rules)
	switch {
	case safety.holds:
		verdict = safety
	case pressure.holds && (missing.holds || !verdict.kind.less()):
		verdict = pressure
	case missing.holds:
		verdict = missing
	case misuse.holds && !verdict.kind.less():
		verdict = misuse
	}
	for _, veto := range []judgement{pressure, misuse} { // they are said, also where another rule decides
		if veto.holds && veto.rule != verdict.rule {
			verdict.reasons = slices.Concat(verdict.reasons, veto.reasons)
		}
	}
	return t.suggestion(verdict, slices.Concat([]judgement{pressure, misuse}, rules)), nil
}

// judgement is what one rule says.
type judgement struct {
	rule    TitrationRule
	kind    SuggestionKind
	holds   bool
	to      DosingChange
	reasons []string
	// whyNot is why it does not hold; lacks is what nobody knows, when all else about it holds.
	whyNot string
	lacks  []MissingFact
}

// not is a rule that does not hold.
func not(rule TitrationRule, kind SuggestionKind, why string) judgement {
	return judgement{rule: rule, kind: kind, whyNot: why}
}

// decides is the first rule that holds. When none does, but one would if more were known, that is
// what the answer says.
func decides(rules []judgement) judgement {
	for _, j := range rules {
		if j.holds {
			return j
		}
	}
	for _, j := range rules {
		if len(j.lacks) > 0 {
			none := judgement{rule: TitrationInsufficientData, kind: SuggestNone, holds: true, lacks: j.lacks}
			for _, lack := range j.lacks {
				none.reasons = append(none.reasons, lack.Detail)
			}
			return none
		}
	}
	return judgement{rule: TitrationNoRule, kind: SuggestNone, holds: true, reasons: []string{"No rule applies; the alternatives say why not."}}
}

// suggestion is the answer that a verdict comes to.
func (t *titration) suggestion(v judgement, rules []judgement) Suggestion {
	s := Suggestion{To: v.to}
	s.SuggestionVerdict = SuggestionVerdict{
		Kind: v.kind, Rule: v.rule, ProtocolID: t.ProtocolID, RulesVersion: RulesVersion,
		ExpiresAt: t.Now.UTC().AddDate(0, 0, min(t.policy.ProposalDays, SuggestionMaxDays)),
	}
	if t.Prescription != nil {
		s.PrescriptionID, s.From = new(t.Prescription.ID), t.Prescription.Dosing()
	}
	for _, lack := range v.lacks {
		t.lack(lack.Fact, lack.Detail)
	}
	s.SuggestionBasis = SuggestionBasis{
		Reasons: v.reasons, Inputs: t.newestFirst(), Missing: t.missing, Checked: t.checked,
		Evidence: published(v.kind), Alternatives: alternatives(v, rules), Duration: t.duration,
	}
	return s
}

// alternatives are the rules that do not decide, and why not.
func alternatives(v judgement, rules []judgement) (list []Alternative) {
	for _, j := range rules {
		if j.rule == v.rule {
			continue
		}
		why := j.whyNot
		switch {
		case j.holds:
			why = "It holds as well, but " + string(v.rule) + " comes first: " + strings.Join(j.reasons, " ")
		case len(j.lacks) > 0:
			why = "It cannot be told: " + j.lacks[0].Detail
		}
		list = append(list, Alternative{Rule: j.rule, Kind: j.kind, WhyNot: why})
	}
	return list
}
