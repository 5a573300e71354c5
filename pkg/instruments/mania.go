package instruments

// ManiaPsychosis is the id of the checklist for signs of mania and psychosis.
const ManiaPsychosis = "mania-psychosis"

// Flags of the checklist for signs of mania and psychosis.
const (
	FlagMania     = "mania"
	FlagPsychosis = "psychosis"
)

// maniaPsychosis asks on follow-up for what ketamine can bring out and an eligibility interview
// has excluded: signs of mania and of psychosis. Each yes is a reason to look; it finds nobody
// ill. There is no total that means anything, so there are no bands.
func maniaPsychosis() Instrument {
	texts := []string{
		"I was so lively or so irritable that others found me not my usual self.",
		"I slept much less than usual and was not tired.",
		"My thoughts raced, or I talked so fast that others could hardly follow.",
		"I did risky things that I would not usually do: with money, in traffic, with people.",
		"I heard or saw what others did not, also when the last session was more than a day ago.",
		"I felt watched, followed or plotted against.",
		"I received messages that were meant for me alone, or had powers that nobody else has.",
	}
	const source = ownPolicy + ": any yes is looked at"
	return Instrument{
		ID:           ManiaPsychosis,
		Title:        "Signs of mania and psychosis, checklist for follow-up",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "In the past two weeks, for a day or longer:",
		RecallPeriod: "P2W",
		Terms:        Free,
		Licence:      ownLicence,
		Reference:    "In own words; " + notValidated,
		Provenance:   Unverified,
		Items:        scale("mania", texts, "No", "Yes"),
		Method:       Sum,
		MaxTotal:     7,
		Flags: []Flag{
			{Code: FlagMania, Title: "A sign of mania: talk with the patient.", All: []Criterion{{numbered("mania", 4), 1, 1, 1}}, Source: source, Provenance: Unverified},
			{Code: FlagPsychosis, Title: "A sign of psychosis: talk with the patient.", All: []Criterion{{numbered("mania", 7)[4:], 1, 1, 1}}, Source: source, Provenance: Unverified},
		},
		Thresholds: Thresholds{MaxMissing: noEstimate, ScreenPositive: Threshold{1, source, Unverified}},
	}
}
