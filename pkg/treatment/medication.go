package treatment

// DrugClass is what a medicine is, as far as ketamine meets it.
type DrugClass string

// Drug classes: those that raise or lower what arrives of an oral dose, that sedate with it or
// raise the blood pressure with it, that blunt it, or that lower the seizure threshold.
// Benzodiazepines and MAO inhibitors also need clearance before a treatment (exclusions of the
// oral esketamine trial of Smith-Apeldoorn; Spravato label). Muscle relaxants and sedating
// antihistamines are what at-home programs ask patients to leave out around a session.
const (
	DrugBenzodiazepine        DrugClass = "benzodiazepine"
	DrugZDrug                 DrugClass = "zDrug"
	DrugOpioid                DrugClass = "opioid"
	DrugGabapentinoid         DrugClass = "gabapentinoid"
	DrugMuscleRelaxant        DrugClass = "muscleRelaxant"
	DrugSedatingAntihistamine DrugClass = "sedatingAntihistamine"
	DrugStimulant             DrugClass = "stimulant"
	DrugMAOI                  DrugClass = "maoi"
	// DrugLamotrigine attenuates the effects of ketamine (Anand 2000).
	DrugLamotrigine DrugClass = "lamotrigine"
	// DrugStrongCYP3A4Inhibitor: clarithromycin raises the exposure to oral S-ketamine 2.6-fold.
	// Itraconazole, which is one too, does not, and only adds to the drowsiness: it is a class
	// of its own, so that no rule takes the one for the other.
	DrugStrongCYP3A4Inhibitor DrugClass = "strongCyp3a4Inhibitor"
	DrugItraconazole          DrugClass = "itraconazole"
	// DrugGrapefruitJuice raises it 3-fold: who drinks it says so as of a medicine.
	DrugGrapefruitJuice DrugClass = "grapefruitJuice"
	// DrugCYP2B6Inhibitor: ticlopidine raises it 2.4-fold.
	DrugCYP2B6Inhibitor DrugClass = "cyp2b6Inhibitor"
	// DrugEnzymeInducer: rifampicin lowers it by 86 percent, St John's wort by 58.
	DrugEnzymeInducer  DrugClass = "enzymeInducer"
	DrugThyroidHormone DrugClass = "thyroidHormone"
	DrugMethylxanthine DrugClass = "methylxanthine"
	// DrugOther is a medicine that somebody has looked at and that is none of these.
	DrugOther DrugClass = "other"
)

// DrugClasses lists every class.
var DrugClasses = []DrugClass{
	DrugBenzodiazepine, DrugZDrug, DrugOpioid, DrugGabapentinoid, DrugMuscleRelaxant, DrugSedatingAntihistamine,
	DrugStimulant, DrugMAOI, DrugLamotrigine, DrugStrongCYP3A4Inhibitor, DrugItraconazole, DrugGrapefruitJuice,
	DrugCYP2B6Inhibitor, DrugEnzymeInducer, DrugThyroidHormone, DrugMethylxanthine, DrugOther,
}

// MedicationStatus says whether a medicine is being taken. It is never stored.
type MedicationStatus string

// Medication statuses.
const (
	MedicationCurrent        MedicationStatus = "current"
	MedicationEnded          MedicationStatus = "ended"
	MedicationEnteredInError MedicationStatus = "enteredInError"
)

// MedicationStatuses lists every status.
var MedicationStatuses = []MedicationStatus{MedicationCurrent, MedicationEnded, MedicationEnteredInError}

// Medication is a medicine that a patient takes or took beside the treatment. What nobody has
// said is empty.
type Medication struct {
	Name       string
	DrugClass  DrugClass
	RxNormCode string // RXCUI
	Dosage     string // in words
	// StartedOn is the first day; from EndedOn on it is not taken any more.
	StartedOn Date
	EndedOn   Date
	EndReason string
}

// Validate refuses a medicine that was stopped before it was begun.
func (m Medication) Validate() error {
	if m.StartedOn == "" || m.EndedOn == "" || m.EndedOn >= m.StartedOn {
		return nil
	}
	return refuse(CodeRuleViolated, "the medication cannot end", Reason{Rule: RulePeriod, Limit: string(m.StartedOn),
		Pointer: "/endedOn", Detail: "it cannot have been stopped before it was begun"})
}

// StatusOn is the status on a day where the patient is: ended from the day on which it was
// stopped, current before that.
func (m Medication) StatusOn(day Date) MedicationStatus {
	if m.EndedOn != "" && day >= m.EndedOn {
		return MedicationEnded
	}
	return MedicationCurrent
}

// End says from which day on a medicine is not taken any more. status is what it has now: only
// a current one can end, also one whose end was announced for a day to come.
func (m Medication) End(status MedicationStatus, on Date, reason string) (Medication, error) {
	if status != MedicationCurrent {
		return m, illegal("a medication that is "+string(status), "be ended")
	}
	ended := m
	ended.EndedOn, ended.EndReason = on, reason
	if err := ended.Validate(); err != nil {
		return m, err
	}
	return ended, nil
}
