package treatment

// AdverseTerm is what an adverse event was, as a word of our own list.
type AdverseTerm string

// Adverse terms. They follow what trials and clinics report of ketamine; TermOther is told in
// words.
const (
	TermNausea                AdverseTerm = "nausea"
	TermVomiting              AdverseTerm = "vomiting"
	TermDizziness             AdverseTerm = "dizziness"
	TermHeadache              AdverseTerm = "headache"
	TermFatigue               AdverseTerm = "fatigue"
	TermPalpitations          AdverseTerm = "palpitations"
	TermConfusion             AdverseTerm = "confusion"
	TermChestPain             AdverseTerm = "chestPain"
	TermDyspnoea              AdverseTerm = "dyspnoea"
	TermSyncope               AdverseTerm = "syncope"
	TermAlteredTaste          AdverseTerm = "alteredTaste"
	TermSweating              AdverseTerm = "sweating"
	TermDiarrhoea             AdverseTerm = "diarrhoea"
	TermDisturbedSleep        AdverseTerm = "disturbedSleep"
	TermFall                  AdverseTerm = "fall"
	TermDissociation          AdverseTerm = "dissociation"
	TermDrowsiness            AdverseTerm = "drowsiness"
	TermAnxiety               AdverseTerm = "anxiety"
	TermDysphoria             AdverseTerm = "dysphoria"
	TermHallucinations        AdverseTerm = "hallucinations"
	TermBlurredVision         AdverseTerm = "blurredVision"
	TermDoubleVision          AdverseTerm = "doubleVision"
	TermParaesthesia          AdverseTerm = "paraesthesia"
	TermInsomnia              AdverseTerm = "insomnia"
	TermRaisedBloodPressure   AdverseTerm = "raisedBloodPressure"
	TermTachycardia           AdverseTerm = "tachycardia"
	TermRespiratoryDepression AdverseTerm = "respiratoryDepression"
	TermLossOfConsciousness   AdverseTerm = "lossOfConsciousness"
	TermDysuria               AdverseTerm = "dysuria"
	TermUrinaryFrequency      AdverseTerm = "urinaryFrequency"
	TermHaematuria            AdverseTerm = "haematuria"
	TermCystitis              AdverseTerm = "cystitis"
	TermSuicidalThoughts      AdverseTerm = "suicidalThoughts"
	TermSuicideAttempt        AdverseTerm = "suicideAttempt"
	TermOther                 AdverseTerm = "other"
)

// adverseTerm is what is known of a term.
type adverseTerm struct {
	term AdverseTerm
	// snomed is the SNOMED CT code; empty where none was verified, for none is made up.
	snomed string
	// alert is what a report of it raises by itself; empty for nothing.
	alert    AlertRule
	severity Severity
}

// adverseTerms is the list. Its SNOMED CT codes stand in public value sets: symptoms of HL7's
// personal health record format, DICOM's CID 60 and CID 3220, and the fall in HL7's US
// behavioral health profiles. No MedDRA code is here: MedDRA is licensed.
//
// The red flags among them are those of [RedFlags], and suicidality is never only a line in a
// list: both must reach somebody whoever reports them.
var adverseTerms = []adverseTerm{
	{term: TermNausea, snomed: "422587007"},
	{term: TermVomiting, snomed: "422400008"},
	{term: TermDizziness, snomed: "404640003"},
	{term: TermHeadache, snomed: "25064002"},
	{term: TermFatigue, snomed: "84229001"},
	{term: TermPalpitations, snomed: "80313002"},
	{term: TermConfusion, snomed: "40917007"},
	{term: TermChestPain, snomed: "29857009", alert: AlertRedFlagSymptom, severity: SeverityCritical},
	{term: TermDyspnoea, snomed: "267036007", alert: AlertRedFlagSymptom, severity: SeverityCritical},
	{term: TermSyncope, snomed: "271594007"},
	{term: TermAlteredTaste, snomed: "271801002"},
	{term: TermSweating, snomed: "415690000"},
	{term: TermDiarrhoea, snomed: "62315008"},
	{term: TermDisturbedSleep, snomed: "26677001"},
	{term: TermFall, snomed: "1912002"},
	{term: TermDissociation},
	{term: TermDrowsiness},
	{term: TermAnxiety},
	{term: TermDysphoria},
	{term: TermHallucinations},
	{term: TermBlurredVision},
	{term: TermDoubleVision},
	{term: TermParaesthesia},
	{term: TermInsomnia},
	{term: TermRaisedBloodPressure},
	{term: TermTachycardia},
	{term: TermRespiratoryDepression, alert: AlertRedFlagSymptom, severity: SeverityCritical},
	{term: TermLossOfConsciousness, alert: AlertRedFlagSymptom, severity: SeverityCritical},
	{term: TermDysuria},
	{term: TermUrinaryFrequency},
	{term: TermHaematuria},
	{term: TermCystitis},
	{term: TermSuicidalThoughts, alert: AlertSIReported, severity: SeverityHigh},
	{term: TermSuicideAttempt, alert: AlertSIReported, severity: SeverityCritical},
	{term: TermOther},
}

// AdverseTerms lists every term.
var AdverseTerms = func() (terms []AdverseTerm) {
	for _, known := range adverseTerms {
		terms = append(terms, known.term)
	}
	return terms
}()

// SNOMED is the term's SNOMED CT code, or empty: not every term has one that was verified.
func (t AdverseTerm) SNOMED() string { return t.known().snomed }

func (t AdverseTerm) known() adverseTerm {
	for _, known := range adverseTerms {
		if known.term == t {
			return known
		}
	}
	return adverseTerm{term: t}
}
