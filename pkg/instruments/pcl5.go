package instruments

// pcl5 is the PTSD Checklist for DSM-5 in its version for the past month.
//
// Wording: the National Center for PTSD, a work of the US government (ptsd.va.gov). A
// provisional diagnosis follows DSM-5: an item counts as a symptom from 2 ("Moderately") on,
// and every cluster needs as many as DSM-5 asks for. Missing items: at most two, and one of a
// cluster, are estimated by the mean of the others.
func pcl5() Instrument {
	const (
		center = "National Center for PTSD, Using the PTSD Checklist for DSM-5 (ptsd.va.gov)"
		marx   = "Marx et al. 2022, Psychol Assess 34:197-203"
	)
	clusters := []Subscale{
		cluster("intrusion", "Intrusion (criterion B)", 1, 5, 1),
		cluster("avoidance", "Avoidance (criterion C)", 6, 7, 1),
		cluster("cognitionAndMood", "Negative thoughts and mood (criterion D)", 8, 14, 2),
		cluster("arousal", "Arousal and reactivity (criterion E)", 15, 20, 2),
	}
	diagnosis := Flag{
		Code: "provisionalDiagnosis", Title: "The symptoms fulfil the criteria B to E of DSM-5: a provisional diagnosis of PTSD.",
		Source: center, Provenance: Published,
	}
	for _, c := range clusters {
		diagnosis.All = append(diagnosis.All, c.Criterion)
	}
	return Instrument{
		ID:           "pcl-5",
		Title:        "PTSD Checklist for DSM-5 (PCL-5), past month",
		Version:      "2026.1",
		RatedBy:      RatedByPatient,
		Prompt:       "In the past month, how much were you bothered by:",
		RecallPeriod: "P1M",
		LOINCPanel:   "101697-1",
		LOINCTotal:   "101698-9",
		Terms:        PublicDomain,
		Licence:      "Public domain: a work of the US government (National Center for PTSD).",
		Reference:    "Weathers, Litz, Keane, Palmieri, Marx, Schnurr 2013, National Center for PTSD",
		Provenance:   Published,
		Items:        pcl5Items(),
		Method:       Sum,
		MaxTotal:     80,
		Bands: []Band{
			{Code: "belowCutoff", Title: "Below the cut-off", Min: 0, Max: 30},
			{Code: "probable", Title: "Probable PTSD", Min: 31, Max: 80},
		},
		Subscales: clusters,
		Flags:     []Flag{diagnosis},
		Thresholds: Thresholds{
			MaxMissing:            Threshold{2, ownPolicy, Unverified},
			MaxMissingPerSubscale: Threshold{1, ownPolicy, Unverified},
			ScreenPositive:        Threshold{31, "PMC10292741: 31 to 33, of which the lowest finds most", Published},
			RemissionBelow:        Threshold{29, marx + ": clinically significant change ends at 28 or less", Published},
			RemissionBaseline:     Threshold{31, ownPolicy + ": only what was above the cut-off remits", Unverified},
			ClinicallyImportant:   Threshold{12, "doi:10.1002/jts.22975: 9 to 12, of which the highest claims least", Published},
			ReliableChange:        Threshold{15, marx + ": 15, or 18 by a stricter estimate", Published},
		},
	}
}

// cluster is the items from first to last, of which so many must be symptoms.
func cluster(code, title string, first, last, symptoms int) Subscale {
	ids := numbered("pcl5", last)[first-1:]
	return Subscale{Code: code, Title: title, Items: ids, Criterion: Criterion{Items: ids, From: 2, To: 4, AtLeast: symptoms}}
}

func pcl5Items() []Item {
	texts := []string{
		"Repeated, disturbing, and unwanted memories of the stressful experience?",
		"Repeated, disturbing dreams of the stressful experience?",
		"Suddenly feeling or acting as if the stressful experience were actually happening again (as if you were actually back " +
			"there reliving it)?",
		"Feeling very upset when something reminded you of the stressful experience?",
		"Having strong physical reactions when something reminded you of the stressful experience (for example, heart pounding, " +
			"trouble breathing, sweating)?",
		"Avoiding memories, thoughts, or feelings related to the stressful experience?",
		"Avoiding external reminders of the stressful experience (for example, people, places, conversations, activities, " +
			"objects, or situations)?",
		"Trouble remembering important parts of the stressful experience?",
		"Having strong negative beliefs about yourself, other people, or the world (for example, having thoughts such as: I am " +
			"bad, there is something seriously wrong with me, no one can be trusted, the world is completely dangerous)?",
		"Blaming yourself or someone else for the stressful experience or what happened after it?",
		"Having strong negative feelings such as fear, horror, anger, guilt, or shame?",
		"Loss of interest in activities that you used to enjoy?",
		"Feeling distant or cut off from other people?",
		"Trouble experiencing positive feelings (for example, being unable to feel happiness or have loving feelings for people " +
			"close to you)?",
		"Irritable behavior, angry outbursts, or acting aggressively?",
		"Taking too many risks or doing things that could cause you harm?",
		"Being \"superalert\" or watchful or on guard?",
		"Feeling jumpy or easily startled?",
		"Having difficulty concentrating?",
		"Trouble falling or staying asleep?",
	}
	return scale("pcl5", texts, "Not at all", "A little bit", "Moderately", "Quite a bit", "Extremely")
}
