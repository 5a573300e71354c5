package instruments

// GAD7 is the id of the GAD-7.
const GAD7 = "gad-7"

// gad7 is the seven-item scale for generalized anxiety disorder.
//
// Wording: the questionnaire as its authors distribute it (phqscreeners.com); the lowest
// answer is "Not at all" ("Not at all sure" is a known misprint). Score and bands: Spitzer,
// Kroenke, Williams, Löwe 2006. Codes: loinc.org 69737-5 (panel), LL358-3 and LL359-1
// (answers). It has no safety item.
func gad7() Instrument {
	return Instrument{
		ID:           GAD7,
		Title:        "Generalized Anxiety Disorder scale (GAD-7)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "Over the last 2 weeks, how often have you been bothered by the following problems?",
		RecallPeriod: "P2W",
		LOINCPanel:   "69737-5",
		LOINCTotal:   "70274-6",
		Terms:        PublicDomain,
		Licence:      phqLicence,
		Reference:    "Spitzer, Kroenke, Williams, Löwe 2006, Arch Intern Med 166:1092-1097",
		Provenance:   Published,
		Items: []Item{
			frequency("gad7-1", "69725-0", "Feeling nervous, anxious or on edge"),
			frequency("gad7-2", "68509-9", "Not being able to stop or control worrying"),
			frequency("gad7-3", "69733-4", "Worrying too much about different things"),
			frequency("gad7-4", "69734-2", "Trouble relaxing"),
			frequency("gad7-5", "69735-9", "Being so restless that it is hard to sit still"),
			frequency("gad7-6", "69689-8", "Becoming easily annoyed or irritable"),
			frequency("gad7-7", "69736-7", "Feeling afraid as if something awful might happen"),
			difficulty("gad7-difficulty"),
		},
		Method:   Sum,
		MinTotal: 0,
		MaxTotal: 21,
		Bands: []Band{
			{Code: "minimal", Title: "Minimal", Min: 0, Max: 4},
			{Code: "mild", Title: "Mild", Min: 5, Max: 9},
			{Code: "moderate", Title: "Moderate", Min: 10, Max: 14},
			{Code: "severe", Title: "Severe", Min: 15, Max: 21},
		},
		Thresholds: Thresholds{
			MaxMissing:          Threshold{2, phqManual, Unverified},
			ScreenPositive:      Threshold{10, "Spitzer, Kroenke, Williams, Löwe 2006: sensitivity 89 %, specificity 82 %", Published},
			ResponsePercent:     Threshold{50, hull2022, Published},
			RemissionBelow:      Threshold{5, hull2022, Published},
			RemissionBaseline:   Threshold{10, hull2022, Published},
			ClinicallyImportant: Threshold{4, "Toussaint et al. 2020, J Affect Disord 265:395-401 (doi:10.1016/j.jad.2020.01.032)", Published},
			ReliableChange:      Threshold{4, nhsManual, Unverified},
		},
	}
}
