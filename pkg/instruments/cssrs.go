package instruments

// CSSRSScreener is the id of the C-SSRS screener, whose levels have rules of their own.
const CSSRSScreener = "c-ssrs-screener"

// Levels of the C-SSRS screener, mildest first.
const (
	CSSRSNone     = "none"
	CSSRSLow      = "low"
	CSSRSModerate = "moderate"
	CSSRSHigh     = "high"
)

const lighthouse = "The Columbia Lighthouse Project, triage with the C-SSRS screener (cssrs.columbia.edu)"

// cssrsScreener is the Columbia-Suicide Severity Rating Scale as a screener: thoughts in the
// past month, behaviour ever and in the past three months.
//
// Wording: the recent screener as LOINC publishes it for its authors (93373-9); the examples
// behind question 6 are the ones that the form prints. Questions 3 to 5 follow a yes to
// question 2, and 6a one to question 6. Codes: LOINC LL361-7 (answers), 93374-7 with LL465-6
// (level, which has no code for none).
//
// Levels: high is a yes to question 4 or 5, or behaviour in the past three months; moderate a
// method (question 3), or behaviour longer ago; low a yes to one of the first two. As the
// worst answer counts, behaviour longer ago needs no rule of its own. The project's page was
// found to say the first of these; the others are common knowledge.
func cssrsScreener() Instrument {
	return Instrument{
		ID:           CSSRSScreener,
		Title:        "Columbia-Suicide Severity Rating Scale (C-SSRS), screener",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "Questions 1 to 5 are about the past month, question 6 is about your whole life.",
		RecallPeriod: "P1M",
		LOINCPanel:   "93373-9",
		LOINCTotal:   "93374-7",
		Terms:        Free,
		Licence: "© The Research Foundation for Mental Hygiene, Inc. Free to use in health care and in health records, " +
			"without a licence (cssrs.columbia.edu).",
		Reference:  "Posner et al. 2011, Am J Psychiatry 168:1266-1277 (doi:10.1176/appi.ajp.2011.10111704)",
		Provenance: Published,
		Items: []Item{
			worry("cssrs-1", "93246-7", CSSRSLow, "",
				"Have you wished you were dead or wished you could go to sleep and not wake up?"),
			worry("cssrs-2", "93247-5", CSSRSLow, "", "Have you actually had any thoughts of killing yourself?"),
			worry("cssrs-3", "93248-3", CSSRSModerate, "cssrs-2", "Have you been thinking about how you might do this?"),
			worry("cssrs-4", "93249-1", CSSRSHigh, "cssrs-2",
				"Have you had these thoughts and had some intention of acting on them?"),
			worry("cssrs-5", "93250-9", CSSRSHigh, "cssrs-2",
				"Have you started to work out or worked out the details of how to kill yourself? Do you intend to carry "+
					"out this plan?"),
			worry("cssrs-6", "93267-3", CSSRSModerate, "",
				"Have you ever done anything, started to do anything, or prepared to do anything to end your life? "+
					"Examples: Collected pills, obtained a gun, gave away valuables, wrote a will or suicide note, took out "+
					"pills but didn't swallow any, held a gun but changed your mind or it was grabbed from your hand, went "+
					"to the roof but didn't jump; or actually took pills, tried to shoot yourself, cut yourself, tried to "+
					"hang yourself, etc."),
			worry("cssrs-6a", "93269-9", CSSRSHigh, "cssrs-6", "Was this within the past 3 months?"),
		},
		Levels: []Level{
			{CSSRSNone, "No risk identified", "", lighthouse, Unverified},
			{CSSRSLow, "Low risk", "LA9194-7", lighthouse, Unverified},
			{CSSRSModerate, "Moderate risk", "LA6751-7", lighthouse, Unverified},
			{CSSRSHigh, "High risk", "LA9193-9", lighthouse, Published},
		},
	}
}

// worry is a question of which a yes establishes a level. It is asked after a yes to another
// one, if that is named.
func worry(id, loinc, level, after, text string) Item {
	item := safety(1, Item{
		ID: id, Text: text, LOINC: loinc, AnswerList: "LL361-7", Level: level,
		Options: []Option{{0, "No", "LA32-8"}, {1, "Yes", "LA33-6"}},
	})
	if after != "" {
		item.EnabledWhen = &Condition{Item: after, From: 1}
	}
	return item
}
