package instruments

// guy1976 is where the two scales of the clinician come from.
const guy1976 = "Guy 1976, ECDEU Assessment Manual for Psychopharmacology, US Department of Health, Education, and Welfare"

const globalLicence = "Public domain: a work of the US government (National Institute of Mental Health)."

// cgiS is the Clinical Global Impression of severity: one item, rated by a clinician. The
// form's 0, "not assessed", is no answer here: leave the item out.
func cgiS() Instrument {
	return Instrument{
		ID:         "cgi-s",
		Title:      "Clinical Global Impression, severity (CGI-S)",
		Version:    "2026.1",
		RatedBy:    RatedByClinician,
		Prompt:     "Considering your total clinical experience with this particular population:",
		Terms:      PublicDomain,
		Licence:    globalLicence,
		Reference:  guy1976,
		Provenance: Published,
		Items: []Item{{
			ID: "cgi-s-1", Text: "How mentally ill is the patient at this time?", Scored: true,
			Options: options(1, "Normal, not at all ill", "Borderline mentally ill", "Mildly ill", "Moderately ill",
				"Markedly ill", "Severely ill", "Among the most extremely ill patients"),
		}},
		Method:   Sum,
		MinTotal: 1,
		MaxTotal: 7,
		Bands: steps([][2]string{
			{"normal", "Normal"}, {"borderline", "Borderline ill"}, {"mild", "Mildly ill"}, {"moderate", "Moderately ill"},
			{"marked", "Markedly ill"}, {"severe", "Severely ill"}, {"extreme", "Extremely ill"},
		}),
		Thresholds: Thresholds{
			ClinicallyImportant: Threshold{1, "one step of the scale: common use", Unverified},
		},
	}
}

// cgiI is the Clinical Global Impression of improvement: one item, rated by a clinician. The
// wording is that of 1976. It says how the patient changed: its own changes mean nothing.
func cgiI() Instrument {
	return Instrument{
		ID:         "cgi-i",
		Title:      "Clinical Global Impression, improvement (CGI-I)",
		Version:    "2026.1",
		RatedBy:    RatedByClinician,
		Prompt:     "Rate total improvement whether or not, in your judgment, it is due entirely to drug treatment.",
		Terms:      PublicDomain,
		Licence:    globalLicence,
		Reference:  guy1976,
		Provenance: Published,
		Items: []Item{{
			ID: "cgi-i-1", Text: "Compared to his condition at admission to the project, how much has he changed?", Scored: true,
			Options: options(1, "Very much improved", "Much improved", "Minimally improved", "No change", "Minimally worse",
				"Much worse", "Very much worse"),
		}},
		Method:   Sum,
		MinTotal: 1,
		MaxTotal: 7,
		Bands:    improvement(),
		Flags:    []Flag{responder("cgi-i-1")},
	}
}

// pgiC is the same question to the patient, in own words.
func pgiC() Instrument {
	return Instrument{
		ID:         "pgi-c",
		Title:      "Patient's impression of change (in the manner of the PGI-C)",
		Version:    "2026.1",
		RatedBy:    RatedByPatient,
		Prompt:     "Think of the time before this treatment began.",
		Terms:      Free,
		Licence:    ownLicence,
		Reference:  "In the manner of the Patient Global Impression of Change, after " + guy1976 + "; in own words",
		Provenance: Unverified,
		Items: []Item{{
			ID: "pgi-c-1", Text: "Compared with then, how are you now?", Scored: true,
			Options: options(1, "Very much better", "Much better", "A little better", "The same", "A little worse", "Much worse",
				"Very much worse"),
		}},
		Method:   Sum,
		MinTotal: 1,
		MaxTotal: 7,
		Bands:    improvement(),
		Flags:    []Flag{responder("pgi-c-1")},
	}
}

// responder is the two best answers to a question about improvement.
func responder(item string) Flag {
	return Flag{
		Code: "responder", Title: "Much or very much improved: counts as a responder.",
		All: []Criterion{{[]string{item}, 1, 2, 1}}, Source: "common use in trials", Provenance: Unverified,
	}
}

func improvement() []Band {
	return steps([][2]string{
		{"veryMuchImproved", "Very much improved"}, {"muchImproved", "Much improved"}, {"minimallyImproved", "Minimally improved"},
		{"noChange", "No change"}, {"minimallyWorse", "Minimally worse"}, {"muchWorse", "Much worse"},
		{"veryMuchWorse", "Very much worse"},
	})
}

// steps are bands of one total each, from 1, given by code and title.
func steps(names [][2]string) []Band {
	bands := make([]Band, len(names))
	for n, name := range names {
		bands[n] = Band{Code: name[0], Title: name[1], Min: n + 1, Max: n + 1}
	}
	return bands
}
