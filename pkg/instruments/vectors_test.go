package instruments_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// vector is a case that can be checked by hand.
type vector struct {
	id      string
	name    string
	gender  instruments.Gender
	answers string // one sign for each item: its value, t for ten, - when it was not answered
	want    string // as summary writes it
}

// vectors has cases of every instrument: published ones where there are any. An instrument
// that lacks one with a result, or one with too much missing, fails.
var vectors = []vector{
	{"phq-9", "HL7's US Behavioral Health Profiles", "", "222211200-", "12 moderate, screen yes"},
	{"phq-9", "eight answered, 16 of them", "", "2222-2222-", "18 moderatelySevere prorated, screen yes"},
	{"phq-9", "seven answered, 14 of them", "", "2-22-2222-", "18 moderatelySevere prorated, screen yes"},
	{"phq-9", "six answered", "", "---000002-", "no total, screen unknown"},
	{"gad-7", "moderate", "", "2211121-", "10 moderate, screen yes"},
	{"gad-7", "three missing", "", "1111----", "no total, screen unknown"},
	{"c-ssrs-screener", "low", "", "10---0-", "level low"},
	{"c-ssrs-screener", "left out", "", "00-----", "no level"},

	{"phq-2", "at the cut-off", "", "12", "3, screen yes"},
	{"phq-2", "below it", "", "11", "2, screen no"},
	{"phq-2", "everything", "", "33", "6, screen yes"},
	{"phq-2", "one missing", "", "1-", "no total, screen unknown"},
	{"phq-2", "one missing, positive anyway", "", "3-", "no total, screen yes"},
	{"gad-2", "at the cut-off", "", "30", "3, screen yes"},
	{"gad-2", "below it", "", "20", "2, screen no"},
	{"gad-2", "one missing", "", "-2", "no total, screen unknown"},

	{"pcl-5", "all 2", "", "22222222222222222222",
		"40 probable, screen yes, intrusion 10 yes, avoidance 4 yes, cognitionAndMood 14 yes, arousal 12 yes, provisionalDiagnosis yes"},
	{"pcl-5", "only item 1", "", "40000000000000000000",
		"4 belowCutoff, screen no, intrusion 4 yes, avoidance 0 no, cognitionAndMood 0 no, arousal 0 no, provisionalDiagnosis no"},
	{"pcl-5", "one symptom short of a diagnosis", "", "20000200000002000022",
		"10 belowCutoff, screen no, intrusion 2 yes, avoidance 2 yes, cognitionAndMood 2 no, arousal 4 yes, provisionalDiagnosis no"},
	{"pcl-5", "just the symptoms that a diagnosis needs", "", "20000200000022000022",
		"12 belowCutoff, screen no, intrusion 2 yes, avoidance 2 yes, cognitionAndMood 4 yes, arousal 4 yes, provisionalDiagnosis yes"},
	{"pcl-5", "severe without avoidance", "", "44444114444444444444",
		"74 probable, screen yes, intrusion 20 yes, avoidance 2 no, cognitionAndMood 28 yes, arousal 24 yes, provisionalDiagnosis no"},
	{"pcl-5", "at the cut-off", "", "22222222222222221000",
		"33 probable, screen yes, intrusion 10 yes, avoidance 4 yes, cognitionAndMood 14 yes, arousal 5 yes, provisionalDiagnosis yes"},
	{"pcl-5", "30 is below it", "", "22222222222222200000",
		"30 belowCutoff, screen no, intrusion 10 yes, avoidance 4 yes, cognitionAndMood 14 yes, arousal 2 no, provisionalDiagnosis no"},
	{"pcl-5", "31 reaches it", "", "22222222222222210000",
		"31 probable, screen yes, intrusion 10 yes, avoidance 4 yes, cognitionAndMood 14 yes, arousal 3 no, provisionalDiagnosis no"},
	{"pcl-5", "two missing, in two clusters: 36 of 18", "", "-222222-222222222222",
		"40 probable prorated, screen yes, intrusion - yes, avoidance 4 yes, cognitionAndMood - yes, arousal 12 yes, provisionalDiagnosis yes"},
	{"pcl-5", "two missing of one cluster", "", "--222222222222222222",
		"no total, screen yes, intrusion - yes, avoidance 4 yes, cognitionAndMood 14 yes, arousal 12 yes, provisionalDiagnosis yes"},
	{"pcl-5", "three missing, too little to matter", "", "-1111--1111111111111",
		"no total, screen no, intrusion - unknown, avoidance - unknown, cognitionAndMood 7 no, arousal 6 no, provisionalDiagnosis no"},
	{"pcl-5", "avoidance not answered", "", "22222--2222222222222",
		"no total, screen yes, intrusion 10 yes, avoidance - unknown, cognitionAndMood 14 yes, arousal 12 yes, provisionalDiagnosis unknown"},

	{"audit-c", "4/0/0, a woman", instruments.Female, "400", "4, screen yes, firstQuestionOnly yes"},
	{"audit-c", "a woman at her cut-off", instruments.Female, "210", "3, screen yes, firstQuestionOnly no"},
	{"audit-c", "a man below his", instruments.Male, "210", "3, screen no, firstQuestionOnly no"},
	{"audit-c", "a man at his", instruments.Male, "211", "4, screen yes, firstQuestionOnly no"},
	{"audit-c", "another gender", "other", "210", "3, screen yes assumed, firstQuestionOnly no"},
	{"audit-c", "unknown, below", "unknown", "200", "2, screen no assumed, firstQuestionOnly yes"},
	{"audit-c", "everything", instruments.Male, "444", "12, screen yes, firstQuestionOnly no"},
	{"audit-c", "never, so the others are not asked", instruments.Female, "0--", "0, screen no, firstQuestionOnly no"},
	{"audit-c", "one missing", instruments.Female, "2-0", "no total, screen unknown, firstQuestionOnly unknown"},
	{"audit-c", "one missing, positive anyway", instruments.Male, "41-", "no total, screen yes, firstQuestionOnly no"},

	{"cgi-s", "normal", "", "1", "1 normal"},
	{"cgi-s", "extremely ill", "", "7", "7 extreme"},
	{"cgi-s", "not assessed", "", "-", "no total"},
	{"cgi-i", "much improved", "", "2", "2 muchImproved, responder yes"},
	{"cgi-i", "minimally improved", "", "3", "3 minimallyImproved, responder no"},
	{"cgi-i", "not assessed", "", "-", "no total, responder unknown"},
	{"pgi-c", "very much improved", "", "1", "1 veryMuchImproved, responder yes"},
	{"pgi-c", "much improved", "", "2", "2 muchImproved, responder yes"},
	{"pgi-c", "worse", "", "5", "5 minimallyWorse, responder no"},
	{"pgi-c", "not answered", "", "-", "no total, responder unknown"},

	{"dissociation", "some", "", "012340", "10"},
	{"dissociation", "everything", "", "444444", "24"},
	{"dissociation", "one missing", "", "44444-", "no total"},
	{"urinary-symptoms", "none", "", "00000", "0 none, screen no, dysuria no, haematuria no"},
	{"urinary-symptoms", "one", "", "10000", "1 single, screen no, dysuria no, haematuria no"},
	{"urinary-symptoms", "two", "", "11000", "2 several, screen yes, dysuria no, haematuria no"},
	{"urinary-symptoms", "only blood", "", "00001", "1 single, screen no, dysuria no, haematuria yes"},
	{"urinary-symptoms", "pain, and nothing about blood", "", "0001-", "no total, screen unknown, dysuria yes, haematuria unknown"},
	{"urinary-symptoms", "two, and nothing about blood", "", "1010-", "no total, screen yes, dysuria no, haematuria unknown"},
	{"daily-check-in", "as good as can be", "", "ttt00", "100, safety negative"},
	{"daily-check-in", "as bad as can be", "", "000t2", "0, safety positive"},
	{"daily-check-in", "5, 6, 7 and 3 of anxiety", "", "56730", "63, safety negative"}, // (5+6+7+7)/4 = 6.25, ten times that rounds to 63
	{"daily-check-in", "one missing", "", "5-730", "63 prorated, safety negative"},     // (5+7+7)/3 = 6.33
	{"daily-check-in", "two missing, and the thoughts", "", "5-7--", "no total, safety unknown"},
	{"side-effects", "nothing", "", "00000000000000", "0 none, severe no, urinary no, craving no"},
	{"side-effects", "the worst counts", "", "12010000000000", "2 moderate, severe no, urinary no, craving no"},
	{"side-effects", "severe", "", "00300000000000", "3 severe, severe yes, urinary no, craving no"},
	{"side-effects", "what asks for more questions", "", "00000000000011", "1 mild, severe no, urinary yes, craving yes"},
	{"side-effects", "one missing", "", "0000000000000-", "no total, severe unknown, urinary no, craving unknown"},
	{"side-effects", "one missing, severe anyway", "", "3000000000000-", "no total, severe yes, urinary no, craving unknown"},

	{"qids-sr16", "everything", "", "3333333333333333", "27 verySevere, safety positive"},
	{"qids-sr16", "the worst of sleep, of appetite, of psychomotor", "", "0123000210000012", "7 mild, safety negative"}, // 3 + 2 + 2
	{"qids-sr16", "at the edge of mild", "", "0003000000000003", "6 mild, safety negative"},
	{"qids-sr16", "one item for each group", "", "---20-1--0000010", "4 none, safety negative"},
	{"qids-sr16", "nothing about appetite", "", "00000----0000000", "no total, safety negative"},
	{"qids-sr16", "nothing about suicide", "", "00000000000-0000", "no total, safety unknown"},
	{"who-5", "all 3", "", "33333", "60 adequate, screen no"},
	{"who-5", "12 of 25", "", "33330", "48 low, screen yes"},
	{"who-5", "13 of 25", "", "33331", "52 adequate, screen no"},
	{"who-5", "7 of 25", "", "22210", "28 likelyDepression, screen yes"},
	{"who-5", "8 of 25", "", "22220", "32 low, screen yes"},
	{"who-5", "one missing", "", "3333-", "no total, screen unknown"},
	{"who-5", "one missing, positive anyway", "", "1111-", "no total, screen yes"},
	{"dast-10", "all no", "", "0000000000", "1 low, screen no"},
	{"dast-10", "all yes", "", "1111111111", "9 severe, screen yes"},
	{"dast-10", "nothing at all", "", "0010000000", "0 none, screen no"},
	{"dast-10", "at the cut-off", "", "1100000000", "3 moderate, screen yes"},
	{"dast-10", "below it", "", "1000000000", "2 low, screen no"},
	{"dast-10", "one missing", "", "00-0000000", "no total, screen no"},
	{"dast-10", "one missing that decides", "", "11-0000000", "no total, screen unknown"},
	{"madrs", "everything", "", "6666666666", "60 severe, safety positive"},
	{"madrs", "at the edge of moderate", "", "2222222222", "20 moderate, safety positive"},
	{"madrs", "below it", "", "3222222220", "19 mild, safety negative"},
	{"madrs", "one missing", "", "222222222-", "no total, safety unknown"},
	{"wsas", "everything", "", "88888", "40 moderatelySevere"},
	{"wsas", "20 is not more than 20", "", "44444", "20 significant"},
	{"wsas", "9", "", "54000", "9 subclinical"},
	{"wsas", "one missing", "", "4444-", "no total"},
	{"mania-psychosis", "none", "", "0000000", "0, screen no, mania no, psychosis no"},
	{"mania-psychosis", "one sign of mania", "", "0100000", "1, screen yes, mania yes, psychosis no"},
	{"mania-psychosis", "one sign of psychosis", "", "0000001", "1, screen yes, mania no, psychosis yes"},
	{"mania-psychosis", "one missing", "", "000000-", "no total, screen unknown, mania no, psychosis unknown"},
}

// given reads the answers.
func (v vector) given(t *testing.T, instrument instruments.Instrument) map[string]int {
	t.Helper()
	if len(v.answers) != len(instrument.Items) {
		t.Fatalf("%d answers to %d items", len(v.answers), len(instrument.Items))
	}
	answers := map[string]int{}
	for n, sign := range v.answers {
		if at := strings.IndexRune("0123456789t", sign); at >= 0 {
			answers[instrument.Items[n].ID] = at
		}
	}
	return answers
}

// summary writes a result in a line.
func summary(instrument instruments.Instrument, r instruments.Result) string {
	var list []string
	switch {
	case len(instrument.Levels) > 0 && r.Band != "":
		list = append(list, "level "+r.Band)
	case len(instrument.Levels) > 0:
		list = append(list, "no level")
	case r.Total == nil:
		list = append(list, "no total")
	default:
		total := strings.TrimSpace(fmt.Sprint(*r.Total, " ", r.Band))
		if r.Prorated {
			total += " prorated"
		}
		list = append(list, total)
	}
	if r.Screen != nil && r.Screen.Assumed {
		list = append(list, "screen "+string(r.Screen.Positive)+" assumed")
	} else if r.Screen != nil {
		list = append(list, "screen "+string(r.Screen.Positive))
	}
	for _, scale := range r.Subscales {
		points := "-"
		if scale.Points != nil {
			points = fmt.Sprint(*scale.Points)
		}
		list = append(list, strings.TrimSpace(fmt.Sprint(scale.Code, " ", points, " ", scale.Met)))
	}
	for _, flag := range r.Flags {
		list = append(list, flag.Code+" "+string(flag.Found))
	}
	if slices.Contains([]string{"daily-check-in", "qids-sr16", "madrs"}, instrument.ID) { // PHQ-9 and C-SSRS have tests of their own
		list = append(list, "safety "+string(r.Safety))
	}
	return strings.Join(list, ", ")
}

func TestVectors(t *testing.T) {
	whole, holes := map[string]bool{}, map[string]bool{}
	for _, v := range vectors {
		t.Run(v.id+", "+v.name, func(t *testing.T) {
			instrument := find(t, v.id).For(v.gender)
			result, err := instrument.Score(v.given(t, instrument))
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(instrument, result); got != v.want {
				t.Errorf("got  %s\nwant %s", got, v.want)
			}
			whole[v.id] = whole[v.id] || result.Total != nil || len(instrument.Levels) > 0 && result.Band != ""
			holes[v.id] = holes[v.id] || result.Total == nil && result.Band == "" && result.Missing > 0
		})
	}
	for _, instrument := range instruments.All() {
		if !whole[instrument.ID] || !holes[instrument.ID] {
			t.Errorf("%s has a case with a result: %t, one with too much missing: %t", instrument.ID, whole[instrument.ID], holes[instrument.ID])
		}
	}
}

// missing says how many items may be missing: a total, and none any more, for every instrument
// that counts points. One that is not here fails.
var missing = map[string]int{
	"phq-9": 2, "gad-7": 2, "phq-2": 0, "gad-2": 0, "pcl-5": 2, "audit-c": 0, "cgi-s": 0, "cgi-i": 0, "pgi-c": 0,
	"dissociation": 0, "urinary-symptoms": 0, "daily-check-in": 1, "side-effects": 0,
	"qids-sr16": 0, "who-5": 0, "dast-10": 0, "madrs": 0, "wsas": 0, "mania-psychosis": 0,
}

// Both sides of every rule about missing items. They are left out a third apart, so that no two of
// them belong to one cluster of the PCL-5.
func TestMissingRules(t *testing.T) {
	for _, instrument := range totals() {
		most, listed := missing[instrument.ID]
		if !listed {
			t.Errorf("nobody says how many items of %s may be missing", instrument.ID)
		}
		for left := range most + 2 {
			given, scored := map[string]int{}, []string{}
			for _, item := range instrument.Items {
				given[item.ID] = last(item)
				if item.Scored && item.Group == "" {
					scored = append(scored, item.ID)
				}
			}
			for n := range min(left, len(scored)) {
				delete(given, scored[n*len(scored)/3])
			}
			result, err := instrument.Score(given)
			if err != nil {
				t.Fatal(err)
			}
			if result.Missing != min(left, len(scored)) || (result.Total != nil) != (left <= most) || result.Prorated != (result.Total != nil && left > 0) {
				t.Errorf("%s with %d missing: %+v", instrument.ID, left, result)
			}
		}
	}
}
