package treatment

import (
	"slices"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// EligibilityReason is what speaks against treatment with ketamine at home, as a code.
type EligibilityReason string

// Eligibility reasons, each with its class and where it comes from. An absolute one forbids
// to find a patient eligible, a conditional one must be cleared or accepted. Unless another
// source is named, the class is a proposal that a clinic's medical director signs off.
const (
	// ReasonAgeUnder18: absolute. Hull 2022 and at-home programs treat adults only.
	ReasonAgeUnder18 EligibilityReason = "ageUnder18"
	// ReasonPsychosis, now or in the past: absolute. Excluded in Hull 2022.
	ReasonPsychosis EligibilityReason = "psychosis"
	// ReasonMania, now or in the past: absolute. Excluded in Hull 2022.
	ReasonMania EligibilityReason = "mania"
	// ReasonBipolarII that is stable: conditional. Hull 2022 excludes it with the manias;
	// programs exclude severe mania only.
	ReasonBipolarII EligibilityReason = "bipolarII"
	// ReasonPregnancyOrLactation, planned too: absolute. Excluded in Hull 2022; Spravato label.
	ReasonPregnancyOrLactation EligibilityReason = "pregnancyOrLactation"
	// ReasonSubstanceUseDisorder that is current: absolute. Excluded in Hull 2022.
	ReasonSubstanceUseDisorder EligibilityReason = "substanceUseDisorder"
	// ReasonOpioidUseDisorder at any time: absolute. Excluded in Hull 2022.
	ReasonOpioidUseDisorder EligibilityReason = "opioidUseDisorder"
	// ReasonRecentSuicidalIntent, intent or behaviour (C-SSRS high): absolute, care in person
	// comes first. Excluded in Hull 2022.
	ReasonRecentSuicidalIntent EligibilityReason = "recentSuicidalIntent"
	// ReasonHypertension, the protocol's soft pair: conditional. Spravato label, general guide.
	ReasonHypertension EligibilityReason = "hypertension"
	// ReasonSevereHypertension, the protocol's hard pair: absolute.
	ReasonSevereHypertension EligibilityReason = "severeHypertension"
	// ReasonKetamineAllergy: absolute. Spravato label, contraindications (hypersensitivity).
	ReasonKetamineAllergy EligibilityReason = "ketamineAllergy"
	// ReasonAneurysmOrAVM, aneurysmal vascular disease or arteriovenous malformation: absolute.
	// Spravato label, contraindications.
	ReasonAneurysmOrAVM EligibilityReason = "aneurysmOrAvm"
	// ReasonIntracerebralHaemorrhage at any time: absolute. Spravato label, contraindications.
	ReasonIntracerebralHaemorrhage EligibilityReason = "intracerebralHaemorrhage"
	// ReasonUnstableCardiovascular, infarction or stroke in the past six months, unstable angina,
	// decompensated heart failure, uncontrolled arrhythmia: absolute. Excluded in Hull 2022; the
	// time is unverified.
	ReasonUnstableCardiovascular EligibilityReason = "unstableCardiovascular"
	// ReasonHypertensiveEncephalopathy at any time: conditional. Spravato label, 5.6.
	ReasonHypertensiveEncephalopathy EligibilityReason = "hypertensiveEncephalopathy"
	// ReasonRaisedIntracranialPressure, or a mass: absolute; unverified.
	ReasonRaisedIntracranialPressure EligibilityReason = "raisedIntracranialPressure"
	// ReasonRaisedIntraocularPressure, or glaucoma: conditional; unverified.
	ReasonRaisedIntraocularPressure EligibilityReason = "raisedIntraocularPressure"
	// ReasonSevereHepaticImpairment: absolute. Spravato label, not recommended.
	ReasonSevereHepaticImpairment EligibilityReason = "severeHepaticImpairment"
	// ReasonModerateHepaticImpairment: conditional. Spravato label, longer monitoring.
	ReasonModerateHepaticImpairment EligibilityReason = "moderateHepaticImpairment"
	// ReasonCystitis, interstitial or ulcerative, or urinary symptoms that recur unexplained:
	// conditional. Spravato label; Chang 2023 (doi:10.1186/s12888-023-05468-3).
	ReasonCystitis EligibilityReason = "cystitis"
	// ReasonUntreatedHyperthyroidism: absolute; unverified, published by an at-home program.
	ReasonUntreatedHyperthyroidism EligibilityReason = "untreatedHyperthyroidism"
	// ReasonPhaeochromocytoma: absolute; unverified.
	ReasonPhaeochromocytoma EligibilityReason = "phaeochromocytoma"
	// ReasonPorphyria: conditional; unverified.
	ReasonPorphyria EligibilityReason = "porphyria"
	// ReasonSeizureDisorder, epilepsy or uncontrolled seizures: conditional; unverified.
	ReasonSeizureDisorder EligibilityReason = "seizureDisorder"
	// ReasonSevereRespiratoryDisease, severe lung disease or untreated sleep apnoea:
	// conditional; unverified.
	ReasonSevereRespiratoryDisease EligibilityReason = "severeRespiratoryDisease"
	// ReasonNoCapacity, delirium, dementia, or unable to consent or follow instructions:
	// absolute; unverified.
	ReasonNoCapacity EligibilityReason = "noCapacity"
	// ReasonNoSupportPerson: absolute. Hull 2022: somebody is present at every session.
	ReasonNoSupportPerson EligibilityReason = "noSupportPerson"
	// ReasonUnsafeHome: absolute.
	ReasonUnsafeHome EligibilityReason = "unsafeHome"
	// ReasonNoVideo: absolute. Visits are by video.
	ReasonNoVideo EligibilityReason = "noVideo"
	// ReasonNotLicensed, the prescriber for the patient's state: absolute. State law.
	ReasonNotLicensed EligibilityReason = "notLicensed"
	// ReasonBenzodiazepine: conditional. Above 2 mg of lorazepam a day excluded in
	// Smith-Apeldoorn 2019 (doi:10.1186/s12888-019-2359-1); the dose is looked at by a person.
	ReasonBenzodiazepine EligibilityReason = "benzodiazepine"
	// ReasonMAOI: conditional. Spravato label; excluded in Smith-Apeldoorn 2019.
	ReasonMAOI EligibilityReason = "maoi"
	// ReasonNoIndication: nothing that ketamine is given for. Only a person finds it.
	ReasonNoIndication EligibilityReason = "noIndication"
	// ReasonOther is in the note. Only a person finds it.
	ReasonOther EligibilityReason = "other"
)

// FindingClass says what follows from a reason.
type FindingClass string

// Finding classes.
const (
	// ClassAbsolute forbids to find a patient eligible.
	ClassAbsolute FindingClass = "absolute"
	// ClassConditional must be cleared, or accepted with a note.
	ClassConditional FindingClass = "conditional"
)

// FindingClasses lists every class.
var FindingClasses = []FindingClass{ClassAbsolute, ClassConditional}

// reasonClasses is the class of every reason that a rule can find.
var reasonClasses = map[EligibilityReason]FindingClass{
	ReasonAgeUnder18:                 ClassAbsolute,
	ReasonPsychosis:                  ClassAbsolute,
	ReasonMania:                      ClassAbsolute,
	ReasonBipolarII:                  ClassConditional,
	ReasonPregnancyOrLactation:       ClassAbsolute,
	ReasonSubstanceUseDisorder:       ClassAbsolute,
	ReasonOpioidUseDisorder:          ClassAbsolute,
	ReasonRecentSuicidalIntent:       ClassAbsolute,
	ReasonHypertension:               ClassConditional,
	ReasonSevereHypertension:         ClassAbsolute,
	ReasonKetamineAllergy:            ClassAbsolute,
	ReasonAneurysmOrAVM:              ClassAbsolute,
	ReasonIntracerebralHaemorrhage:   ClassAbsolute,
	ReasonUnstableCardiovascular:     ClassAbsolute,
	ReasonHypertensiveEncephalopathy: ClassConditional,
	ReasonRaisedIntracranialPressure: ClassAbsolute,
	ReasonRaisedIntraocularPressure:  ClassConditional,
	ReasonSevereHepaticImpairment:    ClassAbsolute,
	ReasonModerateHepaticImpairment:  ClassConditional,
	ReasonCystitis:                   ClassConditional,
	ReasonUntreatedHyperthyroidism:   ClassAbsolute,
	ReasonPhaeochromocytoma:          ClassAbsolute,
	ReasonPorphyria:                  ClassConditional,
	ReasonSeizureDisorder:            ClassConditional,
	ReasonSevereRespiratoryDisease:   ClassConditional,
	ReasonNoCapacity:                 ClassAbsolute,
	ReasonNoSupportPerson:            ClassAbsolute,
	ReasonUnsafeHome:                 ClassAbsolute,
	ReasonNoVideo:                    ClassAbsolute,
	ReasonNotLicensed:                ClassAbsolute,
	ReasonBenzodiazepine:             ClassConditional,
	ReasonMAOI:                       ClassConditional,
}

// HistoryConditions are the reasons that only the medical history can tell: the intake asks
// for each of them.
var HistoryConditions = []EligibilityReason{
	ReasonKetamineAllergy, ReasonAneurysmOrAVM, ReasonIntracerebralHaemorrhage, ReasonUnstableCardiovascular,
	ReasonHypertensiveEncephalopathy, ReasonRaisedIntracranialPressure, ReasonRaisedIntraocularPressure,
	ReasonSevereHepaticImpairment, ReasonModerateHepaticImpairment, ReasonCystitis, ReasonUntreatedHyperthyroidism,
	ReasonPhaeochromocytoma, ReasonPorphyria, ReasonSeizureDisorder, ReasonSevereRespiratoryDisease,
}

// EligibilityReasons lists every reason.
var EligibilityReasons = slices.Concat([]EligibilityReason{
	ReasonAgeUnder18, ReasonPsychosis, ReasonMania, ReasonBipolarII, ReasonPregnancyOrLactation,
	ReasonSubstanceUseDisorder, ReasonOpioidUseDisorder, ReasonRecentSuicidalIntent, ReasonHypertension,
	ReasonSevereHypertension,
}, HistoryConditions, []EligibilityReason{
	ReasonNoCapacity, ReasonNoSupportPerson, ReasonUnsafeHome, ReasonNoVideo, ReasonNotLicensed, ReasonBenzodiazepine,
	ReasonMAOI, ReasonNoIndication, ReasonOther,
})

// FindingBasis is what a finding rests on.
type FindingBasis string

// Finding bases.
const (
	BasisBirthDate     FindingBasis = "birthDate"
	BasisIntake        FindingBasis = "intake"
	BasisScreener      FindingBasis = "screener"
	BasisBloodPressure FindingBasis = "bloodPressure"
	BasisMedication    FindingBasis = "medication"
	BasisLicence       FindingBasis = "licence"
)

// FindingBases lists every basis.
var FindingBases = []FindingBasis{
	BasisBirthDate, BasisIntake, BasisScreener, BasisBloodPressure, BasisMedication, BasisLicence,
}

// Finding is a reason that a rule found, or could not exclude.
type Finding struct {
	Code  EligibilityReason `json:"code"`
	Class FindingClass      `json:"class"`
	Basis FindingBasis      `json:"basis"`
	// Unknown: nobody knows whether the reason applies. It is then treated as if it did.
	Unknown bool `json:"unknown,omitempty"`
}

// Contraindications lists every reason that speaks against the treatment, or that is left
// open, in the order of [EligibilityReasons]. A reason that rests on a record which is not
// there at all is no finding: [Candidate.Missing] names the record.
func Contraindications(c Candidate) []Finding {
	var found []Finding
	judge := func(code EligibilityReason, basis FindingBasis, applies Answer) {
		if applies != AnswerNo {
			found = append(found, Finding{Code: code, Class: reasonClasses[code], Basis: basis, Unknown: applies != AnswerYes})
		}
	}
	intake, screens := c.Intake, c.Intake.Screens
	judge(ReasonAgeUnder18, BasisBirthDate, whether(c.age() < AdultAge))
	judge(ReasonPsychosis, BasisIntake, oneOf(screens.Psychosis, PsychosisUnknown, PsychosisPast, PsychosisCurrent))
	judge(ReasonMania, BasisIntake, oneOf(screens.Mania, ManiaUnknown, ManiaPast, ManiaCurrent))
	judge(ReasonBipolarII, BasisIntake, whether(screens.Mania == ManiaBipolarIIStable))
	judge(ReasonPregnancyOrLactation, BasisIntake, oneOf(intake.Pregnancy, PregnancyUnknown, PregnanciesExcluded...))
	judge(ReasonSubstanceUseDisorder, BasisIntake, oneOf(screens.SubstanceUse, SubstanceUseUnknown, SubstanceUseCurrent))
	judge(ReasonOpioidUseDisorder, BasisIntake, oneOf(screens.OpioidUseDisorder, AnswerUnknown, AnswerYes))
	judge(ReasonRecentSuicidalIntent, BasisScreener, whether(c.Screener != nil && c.Screener.Level == instruments.CSSRSHigh))
	soft, hard := Limits{}.preDose(c.Protocol)
	judge(ReasonHypertension, BasisBloodPressure, whether(c.reaches(soft) && !c.reaches(hard)))
	judge(ReasonSevereHypertension, BasisBloodPressure, whether(c.reaches(hard)))
	for _, condition := range HistoryConditions {
		judge(condition, BasisIntake, oneOf(intake.condition(condition), AnswerUnknown, AnswerYes))
	}
	judge(ReasonNoCapacity, BasisIntake, oneOf(intake.Capacity.HasCapacity, AnswerUnknown, AnswerNo))
	judge(ReasonNoSupportPerson, BasisIntake, whether(intake.SupportPerson.Available == AnswerNo))
	judge(ReasonUnsafeHome, BasisIntake, intake.HomeSafety.unsafe())
	judge(ReasonNoVideo, BasisIntake, oneOf(intake.HomeSafety.VideoAvailable, AnswerUnknown, AnswerNo))
	judge(ReasonNotLicensed, BasisLicence, whether(c.Prescriber != nil && !Covers(c.Prescriber.Licences, c.State, c.today())))
	judge(ReasonBenzodiazepine, BasisMedication, c.takes(DrugBenzodiazepine))
	judge(ReasonMAOI, BasisMedication, c.takes(DrugMAOI))
	return found
}

// whether is the verdict about something that is known.
func whether(applies bool) Answer {
	if applies {
		return AnswerYes
	}
	return AnswerNo
}

// oneOf is the verdict about an answer: yes if it is one of those, unknown if it was not given
// or is the word for that.
func oneOf[S ~string](answer, unknown S, those ...S) Answer {
	switch {
	case slices.Contains(those, answer):
		return AnswerYes
	case answer == "" || answer == unknown:
		return AnswerUnknown
	}
	return AnswerNo
}
