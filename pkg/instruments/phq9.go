package instruments

// Publications that both instruments rest on.
const (
	phqLicence = "Public domain: no permission is required to reproduce, translate, display or distribute " +
		"(phqscreeners.com, PHQ and GAD-7 instruction manual)."
	phqManual = "PHQ and GAD-7 instruction manual, phqscreeners.com; the rule as Arrieta et al. 2017 apply it to " +
		"the PHQ-9 (doi:10.1002/jclp.22390)"
	hull2022 = "Hull et al. 2022, J Affect Disord 314:59-67 (doi:10.1016/j.jad.2022.07.004): remission is a follow-up " +
		"below 5 with a baseline of at least 10"
	mcInnes2022 = "McInnes et al. 2022, J Affect Disord (doi:10.1016/j.jad.2021.12.097)"
	nhsManual   = "NHS Talking Therapies manual"
)

// PHQ9 is the id of the PHQ-9, and PHQ9Item9 that of its ninth item, which has an alert rule of
// its own.
const (
	PHQ9      = "phq-9"
	PHQ9Item9 = "phq9-9"
)

// phq9 is the nine-item depression scale of the Patient Health Questionnaire.
//
// Wording: the questionnaire as its authors distribute it (phqscreeners.com). Score and
// bands: Kroenke, Spitzer, Williams 2001. Codes: loinc.org 44249-1 (panel), LL358-3 and
// LL359-1 (answers). LOINC's own code for the interpretation, 44262-4, is deprecated, so
// bands have codes of this API.
//
// Item 9 is the safety item. Any answer above "Not at all" is positive, as in McInnes et
// al. 2022; what follows from it is the protocol's business.
func phq9() Instrument {
	return Instrument{
		ID:           PHQ9,
		Title:        "Patient Health Questionnaire (PHQ-9)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "Over the last 2 weeks, how often have you been bothered by any of the following problems?",
		RecallPeriod: "P2W",
		LOINCPanel:   "44249-1",
		LOINCTotal:   "44261-6",
		Terms:        PublicDomain,
		Licence:      phqLicence,
		Reference:    "Kroenke, Spitzer, Williams 2001, J Gen Intern Med 16:606-613",
		Provenance:   Published,
		Items: []Item{
			frequency("phq9-1", "44250-9", "Little interest or pleasure in doing things"),
			frequency("phq9-2", "44255-8", "Feeling down, depressed, or hopeless"),
			frequency("phq9-3", "44259-0", "Trouble falling or staying asleep, or sleeping too much"),
			frequency("phq9-4", "44254-1", "Feeling tired or having little energy"),
			frequency("phq9-5", "44251-7", "Poor appetite or overeating"),
			frequency("phq9-6", "44258-2",
				"Feeling bad about yourself — or that you are a failure or have let yourself or your family down"),
			frequency("phq9-7", "44252-5",
				"Trouble concentrating on things, such as reading the newspaper or watching television"),
			frequency("phq9-8", "44253-3",
				"Moving or speaking so slowly that other people could have noticed? Or the opposite — being so fidgety "+
					"or restless that you have been moving around a lot more than usual"),
			safety(1, frequency(PHQ9Item9, "44260-8",
				"Thoughts that you would be better off dead or of hurting yourself in some way")),
			difficulty("phq9-difficulty"),
		},
		Method:   Sum,
		MinTotal: 0,
		MaxTotal: 27,
		Bands: []Band{
			{Code: "minimal", Title: "Minimal", Min: 0, Max: 4},
			{Code: "mild", Title: "Mild", Min: 5, Max: 9},
			{Code: "moderate", Title: "Moderate", Min: 10, Max: 14},
			{Code: "moderatelySevere", Title: "Moderately severe", Min: 15, Max: 19},
			{Code: "severe", Title: "Severe", Min: 20, Max: 27},
		},
		Thresholds: Thresholds{
			MaxMissing:          Threshold{2, phqManual, Unverified},
			ScreenPositive:      Threshold{10, "Kroenke, Spitzer, Williams 2001: sensitivity 88 %, specificity 88 %", Published},
			ResponsePercent:     Threshold{50, mcInnes2022, Published},
			RemissionBelow:      Threshold{5, mcInnes2022, Published},
			RemissionBaseline:   Threshold{10, hull2022, Published},
			ClinicallyImportant: Threshold{5, "Löwe et al. 2004, Med Care 42:1194-1201 (doi:10.1097/00005650-200412000-00006)", Published},
			ReliableChange:      Threshold{6, nhsManual, Unverified},
		},
	}
}

// frequency is a scored question about how often a problem was there.
func frequency(id, loinc, text string) Item {
	return Item{
		ID: id, Text: text, LOINC: loinc, Scored: true, AnswerList: "LL358-3",
		Options: []Option{
			{0, "Not at all", "LA6568-5"},
			{1, "Several days", "LA6569-3"},
			{2, "More than half the days", "LA6570-1"},
			{3, "Nearly every day", "LA6571-9"},
		},
	}
}

// difficulty is the question at the end of both questionnaires about what the problems do
// to everyday life. It does not count towards the total.
func difficulty(id string) Item {
	return Item{
		ID: id,
		Text: "If you checked off any problems, how difficult have these problems made it for you to do your work, " +
			"take care of things at home, or get along with other people?",
		LOINC: "69722-7", Optional: true, AnswerList: "LL359-1",
		Options: []Option{ // LOINC's list has no scores: the values follow its order
			{0, "Not difficult at all", "LA6572-7"},
			{1, "Somewhat difficult", "LA6573-5"},
			{2, "Very difficult", "LA6575-0"},
			{3, "Extremely difficult", "LA6574-3"},
		},
	}
}

// safety makes an item the safety item, positive from the given answer.
func safety(positiveFrom int, item Item) Item {
	item.Safety, item.PositiveFrom = true, positiveFrom
	return item
}
