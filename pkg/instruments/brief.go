package instruments

// phq2 is the first two items of the PHQ-9, as a screen. Codes: LOINC 55757-9.
func phq2() Instrument {
	whole := phq9()
	return Instrument{
		ID:           "phq-2",
		Title:        "Patient Health Questionnaire, first two items (PHQ-2)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       whole.Prompt,
		RecallPeriod: whole.RecallPeriod,
		LOINCPanel:   "55757-9",
		LOINCTotal:   "55758-7",
		Terms:        PublicDomain,
		Licence:      phqLicence,
		Reference:    "Kroenke, Spitzer, Williams 2003, Med Care 41:1284-1292",
		Provenance:   Published,
		Items:        firstTwo(whole, "phq2-1", "phq2-2"),
		Method:       Sum,
		MaxTotal:     6,
		Thresholds: Thresholds{
			MaxMissing: noEstimate,
			ScreenPositive: Threshold{3, "Arroll et al. 2010, Ann Fam Med 8:348-353 (PMC2906530): sensitivity 61 %, specificity 92 %; " +
				"from 2 on 86 % and 78 %", Published},
		},
	}
}

// gad2 is the first two items of the GAD-7, as a screen. LOINC has no code for it.
func gad2() Instrument {
	whole := gad7()
	return Instrument{
		ID:           "gad-2",
		Title:        "Generalized Anxiety Disorder scale, first two items (GAD-2)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       whole.Prompt,
		RecallPeriod: whole.RecallPeriod,
		Terms:        PublicDomain,
		Licence:      phqLicence,
		Reference:    "Kroenke, Spitzer, Williams, Monahan, Löwe 2007, Ann Intern Med 146:317-325",
		Provenance:   Published,
		Items:        firstTwo(whole, "gad2-1", "gad2-2"),
		Method:       Sum,
		MaxTotal:     6,
		Thresholds: Thresholds{
			MaxMissing:     noEstimate,
			ScreenPositive: Threshold{3, "Kroenke, Spitzer, Williams, Monahan, Löwe 2007", Unverified},
		},
	}
}

// noEstimate is the rule of instruments that estimate nothing.
var noEstimate = Threshold{0, ownPolicy + ": nothing is estimated", Unverified}

// ownPolicy is the source of what was decided here.
const ownPolicy = "policy of this API, for a medical director to sign off"

// firstTwo are an instrument's first items under other ids.
func firstTwo(whole Instrument, ids ...string) []Item {
	items := whole.Items[:len(ids)]
	for n, id := range ids {
		items[n].ID = id
	}
	return items
}

// auditC is the part on consumption of the Alcohol Use Disorders Identification Test.
//
// Wording and points: questions 1 to 3 of the AUDIT. Codes: LOINC 72109-2 with LL2179-1,
// LL2180-9 and LL2181-7. Whoever never drinks is not asked the other two; they give nothing
// then. Cut-offs differ by gender: where it is another one or unknown, the lower one holds.
func auditC() Instrument {
	const source = "LOINC 75626-2, AUDIT-C total score"
	others := []string{"auditc-2", "auditc-3"}
	return Instrument{
		ID:           "audit-c",
		Title:        "Alcohol Use Disorders Identification Test, consumption (AUDIT-C)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "These questions are about alcoholic drinks during the past year.",
		RecallPeriod: "P1Y",
		LOINCPanel:   "72109-2",
		LOINCTotal:   "75626-2",
		Terms:        Free,
		Licence:      "AUDIT © World Health Organization: free to reproduce, not for sale.",
		Reference:    "Bush, Kivlahan, McDonell, Fihn, Bradley 1998, Arch Intern Med 158:1789-1795",
		Provenance:   Published,
		Items: []Item{
			{ID: "auditc-1", LOINC: "68518-0", AnswerList: "LL2179-1", Scored: true, Text: "How often do you have a drink containing alcohol?",
				Options: []Option{
					{0, "Never", "LA6270-8"}, {1, "Monthly or less", "LA18926-8"}, {2, "2 to 4 times a month", "LA18927-6"},
					{3, "2 to 3 times a week", "LA18928-4"}, {4, "4 or more times a week", "LA18929-2"},
				}},
			{ID: "auditc-2", LOINC: "68519-8", AnswerList: "LL2180-9", Scored: true, EnabledWhen: &Condition{Item: "auditc-1", From: 1},
				Text: "How many drinks containing alcohol do you have on a typical day when you are drinking?",
				Options: []Option{
					{0, "1 or 2", "LA15694-5"}, {1, "3 or 4", "LA15695-2"}, {2, "5 or 6", "LA18930-0"},
					{3, "7, 8, or 9", "LA18931-8"}, {4, "10 or more", "LA18932-6"},
				}},
			{ID: "auditc-3", LOINC: "68520-6", AnswerList: "LL2181-7", Scored: true, EnabledWhen: &Condition{Item: "auditc-1", From: 1},
				Text: "How often do you have six or more drinks on one occasion?",
				Options: []Option{
					{0, "Never", "LA6270-8"}, {1, "Less than monthly", "LA18933-4"}, {2, "Monthly", "LA18876-5"},
					{3, "Weekly", "LA18891-4"}, {4, "Daily or almost daily", "LA18934-2"},
				}},
		},
		Method:   Sum,
		MaxTotal: 12,
		Flags: []Flag{{
			Code: "firstQuestionOnly", Title: "All points come from question 1: drinking is probably below recommended limits.",
			All:    []Criterion{{[]string{"auditc-1"}, 1, 4, 1}, {others, 0, 0, len(others)}},
			Source: source, Provenance: Published,
		}},
		Thresholds: Thresholds{
			MaxMissing:     noEstimate,
			ScreenPositive: Threshold{3, source + ": the lower of the two", Published},
		},
		ScreenByGender: map[Gender]Threshold{
			Male:   {4, source + ": men", Published},
			Female: {3, source + ": women", Published},
		},
	}
}
