package treatment

import "slices"

// Answer is what somebody says to a question. The empty one was not given.
type Answer string

// Answers.
const (
	AnswerYes     Answer = "yes"
	AnswerNo      Answer = "no"
	AnswerUnknown Answer = "unknown"
)

// Answers lists every answer.
var Answers = []Answer{AnswerYes, AnswerNo, AnswerUnknown}

// PsychosisHistory says whether somebody has, or had, a psychosis.
type PsychosisHistory string

// Histories of psychosis.
const (
	PsychosisNever   PsychosisHistory = "never"
	PsychosisPast    PsychosisHistory = "past"
	PsychosisCurrent PsychosisHistory = "current"
	PsychosisUnknown PsychosisHistory = "unknown"
)

// PsychosisHistories lists every history of psychosis.
var PsychosisHistories = []PsychosisHistory{PsychosisNever, PsychosisPast, PsychosisCurrent, PsychosisUnknown}

// ManiaHistory says whether somebody has, or had, a mania.
type ManiaHistory string

// Histories of mania.
const (
	ManiaNever   ManiaHistory = "never"
	ManiaPast    ManiaHistory = "past"
	ManiaCurrent ManiaHistory = "current"
	// ManiaBipolarIIStable: bipolar II disorder, stable, hypomania at most.
	ManiaBipolarIIStable ManiaHistory = "bipolarIIStable"
	ManiaUnknown         ManiaHistory = "unknown"
)

// ManiaHistories lists every history of mania.
var ManiaHistories = []ManiaHistory{ManiaNever, ManiaPast, ManiaCurrent, ManiaBipolarIIStable, ManiaUnknown}

// SubstanceUse says whether somebody is dependent on a substance.
type SubstanceUse string

// Substance use.
const (
	SubstanceUseNone        SubstanceUse = "none"
	SubstanceUseInRemission SubstanceUse = "inRemission"
	SubstanceUseCurrent     SubstanceUse = "current"
	SubstanceUseUnknown     SubstanceUse = "unknown"
)

// SubstanceUses lists every kind of substance use.
var SubstanceUses = []SubstanceUse{SubstanceUseNone, SubstanceUseInRemission, SubstanceUseCurrent, SubstanceUseUnknown}

// PregnancyStatus says whether a child could be harmed.
type PregnancyStatus string

// Pregnancy statuses.
const (
	NotPregnant            PregnancyStatus = "notPregnant"
	Pregnant               PregnancyStatus = "pregnant"
	Nursing                PregnancyStatus = "nursing"
	PlanningPregnancy      PregnancyStatus = "planning"
	PregnancyNotApplicable PregnancyStatus = "notApplicable"
	PregnancyUnknown       PregnancyStatus = "unknown"
)

// PregnancyStatuses lists every pregnancy status.
var PregnancyStatuses = []PregnancyStatus{
	NotPregnant, Pregnant, Nursing, PlanningPregnancy, PregnancyNotApplicable, PregnancyUnknown,
}

// PregnanciesExcluded are those of the absolute contraindication [ReasonPregnancyOrLactation].
var PregnanciesExcluded = []PregnancyStatus{Pregnant, Nursing, PlanningPregnancy}

// PreviousTreatmentKind is what was tried before.
type PreviousTreatmentKind string

// Kinds of previous treatment: electroconvulsive therapy and transcranial magnetic
// stimulation have their own.
const (
	PreviousMedicine      PreviousTreatmentKind = "medicine"
	PreviousPsychotherapy PreviousTreatmentKind = "psychotherapy"
	PreviousECT           PreviousTreatmentKind = "ect" //nolint:misspell // electroconvulsive therapy
	PreviousTMS           PreviousTreatmentKind = "tms"
	PreviousKetamine      PreviousTreatmentKind = "ketamine"
	PreviousOther         PreviousTreatmentKind = "other"
)

// PreviousTreatmentKinds lists every kind.
var PreviousTreatmentKinds = []PreviousTreatmentKind{
	PreviousMedicine, PreviousPsychotherapy, PreviousECT, PreviousTMS, PreviousKetamine, PreviousOther,
}

// PreviousTreatmentOutcome is what came of it.
type PreviousTreatmentOutcome string

// Outcomes of a previous treatment.
const (
	PreviousRemission       PreviousTreatmentOutcome = "remission"
	PreviousResponse        PreviousTreatmentOutcome = "response"
	PreviousPartialResponse PreviousTreatmentOutcome = "partialResponse"
	PreviousNoResponse      PreviousTreatmentOutcome = "noResponse"
	PreviousNotTolerated    PreviousTreatmentOutcome = "notTolerated"
	PreviousUnknown         PreviousTreatmentOutcome = "unknown"
)

// PreviousTreatmentOutcomes lists every outcome.
var PreviousTreatmentOutcomes = []PreviousTreatmentOutcome{
	PreviousRemission, PreviousResponse, PreviousPartialResponse, PreviousNoResponse, PreviousNotTolerated, PreviousUnknown,
}

// Intake is what a consultation asks that has no record of its own: questionnaires are
// assessments, vital signs measurements, medicines medications and support people support
// people. What is empty was not answered. It is kept as JSON.
type Intake struct {
	History History `json:"history,omitzero"`
	// Diagnoses are ICD-10-CM codes. They and Capacity are the clinic's part.
	Diagnoses          []string            `json:"diagnoses,omitempty"`
	PreviousTreatments []PreviousTreatment `json:"previousTreatments,omitempty"`
	Medications        MedicationAnswers   `json:"medications,omitzero"`
	Screens            Screens             `json:"screens,omitzero"`
	Pregnancy          PregnancyStatus     `json:"pregnancy,omitempty"`
	HomeSafety         HomeSafety          `json:"homeSafety,omitzero"`
	SupportPerson      SupportAnswers      `json:"supportPerson,omitzero"`
	Capacity           Capacity            `json:"capacity,omitzero"`
}

// History is the medical history: in words, and the conditions that speak against ketamine.
type History struct {
	Text       string            `json:"text,omitempty"`
	Conditions []ConditionAnswer `json:"conditions,omitempty"`
}

// ConditionAnswer says whether somebody has a condition.
type ConditionAnswer struct {
	Condition EligibilityReason `json:"condition"`
	Answer    Answer            `json:"answer"`
}

// PreviousTreatment is one treatment that was tried before.
type PreviousTreatment struct {
	Name    string                   `json:"name"`
	Kind    PreviousTreatmentKind    `json:"kind"`
	Outcome PreviousTreatmentOutcome `json:"outcome"`
	// AdequateTrial: dose and duration were enough to judge it; nil when nobody knows.
	AdequateTrial *bool `json:"adequateTrial,omitempty"`
}

// MedicationAnswers says whether medicines are taken. Which ones is in the medications.
type MedicationAnswers struct {
	TakesAny *bool `json:"takesAny,omitempty"`
}

// Screens are the coded answers about mental health and substances.
type Screens struct {
	Psychosis         PsychosisHistory `json:"psychosis,omitempty"`
	Mania             ManiaHistory     `json:"mania,omitempty"`
	SubstanceUse      SubstanceUse     `json:"substanceUse,omitempty"`
	OpioidUseDisorder Answer           `json:"opioidUseDisorder,omitempty"` // ever
}

// HomeSafety says whether sessions can take place where the patient lives. Yes is safe.
type HomeSafety struct {
	// EmergencyAddressConfirmed: it is known where to send help.
	EmergencyAddressConfirmed Answer `json:"emergencyAddressConfirmed,omitempty"`
	// VideoAvailable: there are internet and a camera for visits.
	VideoAvailable Answer `json:"videoAvailable,omitempty"`
	// SafePlace: a place to lie down, away from stairs and water.
	SafePlace Answer `json:"safePlace,omitempty"`
	// ChildrenSupervised: no child is without another adult; yes when there are none.
	ChildrenSupervised Answer `json:"childrenSupervised,omitempty"`
	// WeaponsSecured: weapons are locked away; yes when there are none.
	WeaponsSecured Answer `json:"weaponsSecured,omitempty"`
}

// SupportAnswers says whether an adult can be present. Who that is is in the support people.
type SupportAnswers struct {
	Available Answer `json:"available,omitempty"`
}

// Capacity says whether the patient can consent and follow instructions: the clinic judges it.
type Capacity struct {
	HasCapacity Answer `json:"hasCapacity,omitempty"`
}

// Patients is the intake without the clinic's part.
func (i Intake) Patients() Intake {
	i.Diagnoses, i.Capacity = nil, Capacity{}
	return i
}

// condition is the answer about a condition. Of several the worst counts.
func (i Intake) condition(c EligibilityReason) (answer Answer) {
	for _, given := range i.History.Conditions {
		switch {
		case given.Condition != c || answer == AnswerUnknown && given.Answer == AnswerNo:
		case given.Answer == AnswerYes:
			return AnswerYes
		default:
			answer = given.Answer
		}
	}
	return answer
}

// incomplete objects to every question that must be answered before the intake is submitted.
// That nobody knows is an answer. What the clinic judges can wait.
func (i Intake) incomplete(o *objections) {
	asked := func(question string, answered bool) {
		if !answered {
			o.add(CodeRuleViolated, Reason{Rule: RuleIntake, Detail: "the intake does not answer " + question})
		}
	}
	for _, c := range HistoryConditions {
		asked("history/conditions/"+string(c), i.condition(c) != "")
	}
	asked("medications/takesAny", i.Medications.TakesAny != nil)
	asked("screens/psychosis", i.Screens.Psychosis != "")
	asked("screens/mania", i.Screens.Mania != "")
	asked("screens/substanceUse", i.Screens.SubstanceUse != "")
	asked("screens/opioidUseDisorder", i.Screens.OpioidUseDisorder != "")
	asked("pregnancy", i.Pregnancy != "")
	asked("homeSafety/emergencyAddressConfirmed", i.HomeSafety.EmergencyAddressConfirmed != "")
	asked("homeSafety/videoAvailable", i.HomeSafety.VideoAvailable != "")
	asked("homeSafety/safePlace", i.HomeSafety.SafePlace != "")
	asked("homeSafety/childrenSupervised", i.HomeSafety.ChildrenSupervised != "")
	asked("homeSafety/weaponsSecured", i.HomeSafety.WeaponsSecured != "")
	asked("supportPerson/available", i.SupportPerson.Available != "")
}

// unsafe is the verdict about the home: one no is enough, and one thing that is not known
// leaves it open.
func (h HomeSafety) unsafe() Answer {
	answers := []Answer{h.EmergencyAddressConfirmed, h.SafePlace, h.ChildrenSupervised, h.WeaponsSecured}
	switch {
	case slices.Contains(answers, AnswerNo):
		return AnswerYes
	case slices.ContainsFunc(answers, func(a Answer) bool { return a != AnswerYes }):
		return AnswerUnknown
	}
	return AnswerNo
}
