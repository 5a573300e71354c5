package treatment

import "slices"

// PublishedEvidence is something that has been published about a kind of suggestion, in our own
// words, and how far it goes.
type PublishedEvidence struct {
	// ID is a stable word for it.
	ID string
	// Finding is what was found, Source where that stands, Limits what it does not say.
	Finding string
	Source  string
	Limits  string
}

// literature is what suggestions are shown with. Much of it is thin: that is what its limits are for.
var literature = []struct {
	PublishedEvidence
	kinds []SuggestionKind
}{
	{PublishedEvidence{
		"noOptimalDose", "No randomised trial has looked for the best dose, step or interval of ketamine under the tongue or in the cheek.",
		"Andrade 2019, review of oral ketamine; Andrade 2017, on continuation",
		"Steps and limits are therefore the clinic's, as its protocol has them.",
	}, SuggestionKinds},
	{PublishedEvidence{
		"oneOrTwoMgPerKg", "1 and 2 mg/kg, swallowed twice a week for six weeks, did not differ in effect; drowsiness (p = 0.021) and light-headedness (p = 0.004) were more frequent at 2 mg/kg.",
		"KheirAbadi 2023, randomised trial (brieflands, ijpbs-137879)",
		"One small trial of swallowed ketamine. It says nothing about other routes, about higher doses, or about who did not respond to the lower one.",
	}, []SuggestionKind{SuggestIncrease, SuggestDecrease, SuggestReview}},
	{PublishedEvidence{
		"extendedRelease", "Of 168 people who had improved on open treatment, 70.6 % relapsed on placebo and 42.9 % on 180 mg of extended-release tablets twice a week; the score differed by 6.1 points (1.0 to 11.2) at that dose.",
		"Glue 2024, Nat Med 30:2004 (doi:10.1038/s41591-024-03063-x)",
		"Another formulation, whose doses cannot be carried over, and only people who had improved before.",
	}, []SuggestionKind{SuggestIncrease, SuggestMaintain, SuggestTaper, SuggestExtendInterval}},
	{PublishedEvidence{
		"weeklySteps", "Starting at 0.5 mg/kg and raising it weekly, up to 3 mg/kg by mouth, 69 % of 32 people had improved after six weeks and 50 % after ten.",
		"Can 2021, Transl Psychiatry (s41398-021-01230-z)",
		"Open-label, without a control group, about chronic suicidality: it shows that steps can be taken, not that they help.",
	}, []SuggestionKind{SuggestIncrease}},
	{PublishedEvidence{
		"stepsOf25Mg", "From 50 mg by mouth in steps of 25 mg every three days, 18 % of 22 people with resistant depression improved by more than half; 45 % did not.",
		"Al Shirawi 2017",
		"Open-label, small, people whom much else had not helped.",
	}, []SuggestionKind{SuggestIncrease, SuggestReview}},
	{PublishedEvidence{
		"beforeItWearsOff", "In continuation the next dose is best timed for each person: a little before the effect of the last one is gone.",
		"Andrade 2017, on the continuation of ketamine",
		"An expert's advice, which no trial has tested.",
	}, []SuggestionKind{SuggestShortenInterval, SuggestExtendInterval}},
	{PublishedEvidence{
		"leastFrequent", "The label of intranasal esketamine asks for the least frequent dosing that keeps the response, after four weeks twice and four weeks once a week.",
		"Prescribing information of Spravato",
		"Another substance and another route.",
	}, []SuggestionKind{SuggestExtendInterval, SuggestTaper}},
	{PublishedEvidence{
		"withoutMaintenance", "Without maintenance about 80 % of those who had responded still did after four weeks, about 60 % after eight.",
		"McInnes 2022, J Affect Disord (doi:10.1016/j.jad.2021.12.097)",
		"Infusions, from records of clinics, without a control group.",
	}, []SuggestionKind{SuggestExtendInterval, SuggestTaper, SuggestMaintain}},
	{PublishedEvidence{
		"atHome", "Of 1,247 people treated at home 62.8 % had responded by the PHQ-9 and 62.9 % by the GAD-7; 0.9 % were worse.",
		"Hull 2022, J Affect Disord 314:59-67 (doi:10.1016/j.jad.2022.07.004)",
		"Open-label, without a control group, and only those who could be evaluated, less than half of the charts: what would have happened without it nobody knows.",
	}, []SuggestionKind{SuggestMaintain, SuggestReview, SuggestNone}},
}

// published is what has been published about a kind of suggestion.
func published(kind SuggestionKind) (list []PublishedEvidence) {
	for _, l := range literature {
		if slices.Contains(l.kinds, kind) {
			list = append(list, l.PublishedEvidence)
		}
	}
	return list
}
