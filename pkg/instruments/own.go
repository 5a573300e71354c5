package instruments

// ownLicence is that of what was worded here.
const ownLicence = "Worded for this API, under its own licence (Apache 2.0)."

// notValidated says of an instrument in own words how far it can be trusted.
const notValidated = "not validated: use it to follow one patient, not to compare with published numbers"

// Dissociation is the id of the scale about experiences during a session.
const Dissociation = "dissociation"

// dissociation asks for experiences during a session. It covers what the CADSS-6 covers, in
// own words; nobody has published a cut-off, so there are no bands.
func dissociation() Instrument {
	return Instrument{
		ID:         Dissociation,
		Title:      "Dissociation during a session, six sliders",
		Version:    "2026.1",
		RatedBy:    RatedByPatient,
		Prompt:     "How strong was each of these during the session?",
		Terms:      Free,
		Licence:    ownLicence,
		Reference:  "In the manner of the CADSS-6 (doi:10.1016/j.jad.2020.12.119), in own words; " + notValidated,
		Provenance: Unverified,
		Items: scale("dissociation", []string{
			"Time ran differently: it stretched, or stood still.",
			"What was around me felt like a stage set, not like the real world.",
			"I was away from my body, or it was no longer mine.",
			"I looked on at what I did as if it were somebody else.",
			"My thoughts broke off, or I do not remember parts of it.",
			"I saw things as if through glass, or from far away.",
		}, "Not there", "Faint", "Clear", "Strong", "As strong as can be"),
		Method:     Sum,
		MaxTotal:   24,
		Thresholds: Thresholds{MaxMissing: noEstimate},
	}
}

// UrinarySymptoms and SideEffects are the ids of the urinary screen and of the checklist of side
// effects, which has a flag that asks for the other.
const (
	UrinarySymptoms = "urinary-symptoms"
	SideEffects     = "side-effects"
)

// Flags of these two that something follows from.
const (
	FlagDysuria        = "dysuria"
	FlagHaematuria     = "haematuria"
	FlagUrinaryTrouble = "urinary"
)

// urinarySymptoms is a screen for harm to the bladder, which regular ketamine can do.
//
// What is asked, and from when it counts: frequency above 8 a day, urgency, getting up twice
// a night, pain, blood. Two symptoms are a reason to look; pain or blood alone is one too.
func urinarySymptoms() Instrument {
	const source = ownPolicy + "; symptoms after Chang et al. (doi:10.1186/s12888-023-05468-3)"
	items := scale("urinary", []string{
		"I passed urine more than eight times on an ordinary day.",
		"I had to hurry to the toilet, or could hardly wait.",
		"I got up twice or more in an ordinary night to pass urine.",
		"It hurt or burned when I passed urine.",
		"There was blood in my urine, or it was red or brown.",
	}, "No", "Yes")
	yes := func(code, title, item string) Flag {
		return Flag{Code: code, Title: title, All: []Criterion{{[]string{item}, 1, 1, 1}}, Source: source, Provenance: Unverified}
	}
	return Instrument{
		ID:           UrinarySymptoms,
		Title:        "Urinary symptoms, five questions",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "In the past month:",
		RecallPeriod: "P1M",
		Terms:        Free,
		Licence:      ownLicence,
		Reference:    "In own words; " + notValidated,
		Provenance:   Unverified,
		Items:        items,
		Method:       Sum,
		MaxTotal:     5,
		Bands: []Band{
			{Code: "none", Title: "No symptom", Min: 0, Max: 0},
			{Code: "single", Title: "One symptom", Min: 1, Max: 1},
			{Code: "several", Title: "Several symptoms", Min: 2, Max: 5},
		},
		Flags: []Flag{
			yes(FlagDysuria, "Passing urine hurts: urine test and culture.", "urinary-4"),
			yes(FlagHaematuria, "Blood in the urine: urine test and culture.", "urinary-5"),
		},
		Thresholds: Thresholds{MaxMissing: noEstimate, ScreenPositive: Threshold{2, source, Unverified}},
	}
}

// DailyCheckIn is the id of the check-in: nobody knows how a patient is who does not answer it.
const DailyCheckIn = "daily-check-in"

// dailyCheckIn follows a patient from day to day: ten times the mean of four sliders from 0 to
// 10, of which that for anxiety counts the other way round, and a question about thoughts of
// death that does not count.
func dailyCheckIn() Instrument {
	slider := func(id, text, lowest, highest string) Item {
		return Item{ID: id, Text: text, Scored: true, Options: options(0, lowest, "1", "2", "3", "4", "5", "6", "7", "8", "9", highest)}
	}
	anxiety := slider("daily-4", "Anxiety or inner tension", "0, none", "10, unbearable")
	anxiety.Reverse = true
	return Instrument{
		ID:           DailyCheckIn,
		Title:        "Daily check-in",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "Since yesterday at this time:",
		RecallPeriod: "P1D",
		Terms:        Free,
		Licence:      ownLicence,
		Reference:    "In own words; " + notValidated,
		Provenance:   Unverified,
		Items: []Item{
			slider("daily-1", "My mood", "0, as bad as it can be", "10, as good as it can be"),
			slider("daily-2", "My sleep last night", "0, as bad as it can be", "10, as good as it can be"),
			slider("daily-3", "My energy", "0, none", "10, all I could wish for"),
			anxiety,
			safety(1, Item{ID: "daily-thoughts", Text: "Did you think of ending your life, or of doing yourself harm?",
				Options: options(0, "No", "Now and then", "Much of the time")}),
		},
		Method:         Mean,
		Times:          10,
		MaxTotal:       100,
		HigherIsBetter: true,
		Thresholds:     Thresholds{MaxMissing: Threshold{1, ownPolicy, Unverified}},
	}
}

// sideEffects is a checklist for the time since a session. Adding up different complaints means
// nothing: what counts is the worst one.
func sideEffects() Instrument {
	texts := []string{
		"Nausea", "Vomiting", "Headache", "Dizziness, or unsteady on my feet", "Sleepiness, or very tired", "Anxiety or agitation",
		"Confusion, or trouble thinking", "Blurred or double vision", "A racing or pounding heart",
		"Still feeling unreal or detached", "Trouble sleeping", "Trouble remembering things",
		"Trouble passing urine, or pain with it", "A wish to take more than was prescribed",
	}
	from := func(code, title string, least int, items ...string) Flag {
		return Flag{Code: code, Title: title, All: []Criterion{{items, least, 3, 1}}, Source: ownPolicy, Provenance: Unverified}
	}
	return Instrument{
		ID:         SideEffects,
		Title:      "Side effects since the last session, checklist",
		Version:    "2026.1",
		RatedBy:    RatedByPatient,
		Prompt:     "Since your last session, how much did this trouble you?",
		Terms:      Free,
		Licence:    ownLicence,
		Reference:  "In own words; " + notValidated,
		Provenance: Unverified,
		Items: scale("effects", texts, "Not at all", "A little", "It got in the way of my day",
			"I could not do what I had to do, or needed help"),
		Method:   Highest,
		MaxTotal: 3,
		Bands: []Band{
			{Code: "none", Title: "None", Min: 0, Max: 0},
			{Code: "mild", Title: "Mild", Min: 1, Max: 1},
			{Code: "moderate", Title: "Moderate", Min: 2, Max: 2},
			{Code: "severe", Title: "Severe", Min: 3, Max: 3},
		},
		Flags: []Flag{
			from("severe", "At least one complaint is severe.", 3, numbered("effects", len(texts))...),
			from(FlagUrinaryTrouble, "Urinary complaints: ask the urinary screen.", 1, "effects-13"),
			from("craving", "A wish for more than was prescribed.", 1, "effects-14"),
		},
		Thresholds: Thresholds{MaxMissing: noEstimate},
	}
}
