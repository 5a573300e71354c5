package instruments

// The instruments of this file have owners, and whether an app of a clinic may use them without
// a licence is no, or was not found out. There is no wording here: item ids, points and
// published numbers only. An item with the number n is the owner's item n.

// Ids of those whose safety item has a number of its own in the protocol.
const (
	QIDS  = "qids-sr16"
	MADRS = "madrs"
)

// trials is the source of a number that everybody uses.
const trials = "common use in trials"

// silent is scored items without their wording, with the values from 0 to most.
func silent(prefix string, items, most int) []Item {
	list := make([]Item, items)
	for n, id := range numbered(prefix, items) {
		list[n] = Item{ID: id, Scored: true, Options: options(0, make([]string, most+1)...)}
	}
	return list
}

// qidsSR16 is the Quick Inventory of Depressive Symptomatology: nine domains of 0 to 3. Sleep,
// appetite with weight, and psychomotor change are asked by several items, of which the worst
// counts; such a domain is answered when one of its items is. Item 12 asks for thoughts of death
// or suicide.
func qidsSR16() Instrument {
	const interpretation = "ids-qids.org, interpretation"
	items := silent("qids", 16, 3)
	for group, numbers := range map[string][]int{"sleep": {1, 2, 3, 4}, "appetiteAndWeight": {6, 7, 8, 9}, "psychomotor": {15, 16}} {
		for _, n := range numbers {
			items[n-1].Group = group
		}
	}
	items[11] = safety(1, items[11])
	return Instrument{
		ID:           QIDS,
		Title:        "Quick Inventory of Depressive Symptomatology, self-report (QIDS-SR16)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		RecallPeriod: "P1W",
		Terms:        Restricted,
		Licence:      "On paper free to use with attribution; for electronic use ask the owner (ids-qids.org).",
		Reference:    "Rush et al. 2003, Biol Psychiatry 54:573-583",
		Provenance:   Published,
		Items:        items,
		Method:       Sum,
		MaxTotal:     27,
		Bands: []Band{
			{Code: "none", Title: "None", Min: 0, Max: 5},
			{Code: "mild", Title: "Mild", Min: 6, Max: 10},
			{Code: "moderate", Title: "Moderate", Min: 11, Max: 15},
			{Code: "severe", Title: "Severe", Min: 16, Max: 20},
			{Code: "verySevere", Title: "Very severe", Min: 21, Max: 27},
		},
		Thresholds: Thresholds{
			MaxMissing:                 noEstimate,
			ResponsePercent:            Threshold{50, trials, Unverified},
			RemissionBelow:             Threshold{6, interpretation + ": none up to 5", Published},
			ClinicallyImportantPercent: Threshold{29, "28.5 % of the baseline, rounded up: common knowledge", Unverified},
		},
	}
}

// who5 is the WHO-Five Well-Being Index: five items, the sum times four, higher is better.
func who5() Instrument {
	const topp = "Topp, Østergaard, Søndergaard, Bech 2015, Psychother Psychosom 84:167-176"
	return Instrument{
		ID:             "who-5",
		Title:          "WHO-Five Well-Being Index (WHO-5)",
		Version:        "2026.1",
		RatedBy:        RatedByPatient,
		RecallPeriod:   "P2W",
		Terms:          Restricted,
		Licence:        "© World Health Organization, CC BY-NC-SA 3.0 IGO: not for commercial use without WHO's permission.",
		Reference:      topp,
		Provenance:     Unverified,
		Items:          silent("who5", 5, 5),
		Method:         Sum,
		Times:          4,
		MaxTotal:       100,
		HigherIsBetter: true,
		Bands: []Band{
			{Code: "likelyDepression", Title: "Depression is likely", Min: 0, Max: 28},
			{Code: "low", Title: "Low well-being", Min: 29, Max: 50},
			{Code: "adequate", Title: "Not low", Min: 51, Max: 100},
		},
		Thresholds: Thresholds{
			MaxMissing:          noEstimate,
			ScreenPositive:      Threshold{50, topp, Unverified},
			ClinicallyImportant: Threshold{10, topp, Unverified},
		},
	}
}

// dast10 is the Drug Abuse Screening Test: ten questions to be answered with no (0) or yes (1).
// In item 3 a no gives the point.
func dast10() Instrument {
	items := silent("dast10", 10, 1)
	items[2].Reverse = true
	return Instrument{
		ID:           "dast-10",
		Title:        "Drug Abuse Screening Test, ten items (DAST-10)",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		RecallPeriod: "P1Y",
		LOINCPanel:   "82666-9",
		LOINCTotal:   "82667-7",
		Terms:        Restricted,
		Licence:      "© Harvey A. Skinner: free for non-commercial use with credit; ask for any other.",
		Reference:    "Skinner 1982, Addict Behav 7:363-371",
		Provenance:   Unverified,
		Items:        items,
		Method:       Sum,
		MaxTotal:     10,
		Bands: []Band{
			{Code: "none", Title: "None", Min: 0, Max: 0},
			{Code: "low", Title: "Low", Min: 1, Max: 2},
			{Code: "moderate", Title: "Moderate", Min: 3, Max: 5},
			{Code: "substantial", Title: "Substantial", Min: 6, Max: 8},
			{Code: "severe", Title: "Severe", Min: 9, Max: 10},
		},
		Thresholds: Thresholds{
			MaxMissing:     noEstimate,
			ScreenPositive: Threshold{3, "LOINC 82667-7, total score DAST-10", Published},
		},
	}
}

// madrs is the Montgomery-Åsberg Depression Rating Scale: ten items of 0 to 6, rated by a
// clinician. Item 10 is about suicidal thoughts; whatever is above its lowest point counts as
// positive.
func madrs() Instrument {
	items := silent("madrs", 10, 6)
	items[9] = safety(1, items[9])
	return Instrument{
		ID:         MADRS,
		Title:      "Montgomery-Åsberg Depression Rating Scale (MADRS)",
		Version:    "2026.1",
		RatedBy:    RatedByClinician,
		Terms:      Restricted,
		Licence:    "© The Royal College of Psychiatrists: ask the owner.",
		Reference:  "Montgomery, Åsberg 1979, Br J Psychiatry 134:382-389",
		Provenance: Unverified,
		Items:      items,
		Method:     Sum,
		MaxTotal:   60,
		Bands: []Band{
			{Code: "normal", Title: "Normal", Min: 0, Max: 6},
			{Code: "mild", Title: "Mild", Min: 7, Max: 19},
			{Code: "moderate", Title: "Moderate", Min: 20, Max: 34},
			{Code: "severe", Title: "Severe", Min: 35, Max: 60},
		},
		Thresholds: Thresholds{
			MaxMissing:          noEstimate,
			ResponsePercent:     Threshold{50, trials, Unverified},
			RemissionBelow:      Threshold{11, trials + "; some of ketamine take 12 or less for remission", Unverified},
			ClinicallyImportant: Threshold{6, "for one patient: common knowledge; between groups 1.6 to 1.9 points", Unverified},
		},
	}
}

// wsas is the Work and Social Adjustment Scale: five items of 0 to 8.
func wsas() Instrument {
	return Instrument{
		ID:         "wsas",
		Title:      "Work and Social Adjustment Scale (WSAS)",
		Version:    "2026.1",
		RatedBy:    RatedByPatient,
		Terms:      Restricted,
		Licence:    "© Isaac M. Marks: ask the owner.",
		Reference:  "Mundt, Marks, Shear, Greist 2002, Br J Psychiatry 180:461-464",
		Provenance: Unverified,
		Items:      silent("wsas", 5, 8),
		Method:     Sum,
		MaxTotal:   40,
		Bands: []Band{
			{Code: "subclinical", Title: "Subclinical", Min: 0, Max: 9},
			{Code: "significant", Title: "Significant impairment", Min: 10, Max: 20},
			{Code: "moderatelySevere", Title: "Moderately severe impairment or worse", Min: 21, Max: 40},
		},
		Thresholds: Thresholds{
			MaxMissing:          noEstimate,
			ClinicallyImportant: Threshold{8, "common knowledge", Unverified},
		},
	}
}
