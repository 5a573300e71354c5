package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestJudgeSafety(t *testing.T) {
	const (
		negative = instruments.SafetyNegative
		positive = instruments.SafetyPositive
		unknown  = instruments.SafetyUnknown
	)
	item9 := func(severity treatment.Severity, value, limit string) []treatment.Raised {
		return []treatment.Raised{{Rule: treatment.AlertSIItem9, Severity: severity, Value: value, Limit: limit}}
	}
	medium, high := item9(treatment.SeverityMedium, "1", "1"), item9(treatment.SeverityHigh, "2", "2")
	unanswered := []treatment.Raised{{Rule: treatment.AlertSIUnknown, Severity: treatment.SeverityMedium}}
	reported := func(severity treatment.Severity, value, limit string) []treatment.Raised {
		return []treatment.Raised{{Rule: treatment.AlertSIReported, Severity: severity, Value: value, Limit: limit}}
	}
	screened := func(rule treatment.AlertRule, severity treatment.Severity, level string) []treatment.Raised {
		return []treatment.Raised{{Rule: rule, Severity: severity, Value: level}}
	}
	tests := []struct {
		name       string
		instrument string
		result     instruments.Result
		want       []treatment.Raised
	}{
		{"not at all", "phq-9", instruments.Result{Safety: negative, SafetyAnswer: new(0)}, nil},
		{"several days", "phq-9", instruments.Result{Safety: positive, SafetyAnswer: new(1)}, medium},
		{"more than half the days", "phq-9", instruments.Result{Safety: positive, SafetyAnswer: new(2)}, high},
		{"nearly every day", "phq-9", instruments.Result{Safety: positive, SafetyAnswer: new(3)}, item9(treatment.SeverityHigh, "3", "2")},
		{"not answered", "phq-9", instruments.Result{Safety: unknown}, unanswered},
		{"no such item", "gad-7", instruments.Result{Safety: instruments.SafetyNotApplicable}, nil},
		{"thoughts in the daily check-in", "daily-check-in", instruments.Result{Safety: positive, SafetyAnswer: new(1)},
			[]treatment.Raised{{Rule: "SI_REPORTED", Severity: treatment.SeverityMedium, Value: "1", Limit: "1"}}},
		{"much of the time", "daily-check-in", instruments.Result{Safety: positive, SafetyAnswer: new(2)},
			[]treatment.Raised{{Rule: "SI_REPORTED", Severity: treatment.SeverityHigh, Value: "2", Limit: "2"}}},
		{"the daily check-in without it", "daily-check-in", instruments.Result{Safety: unknown}, unanswered},
		{"item 12 of the QIDS", "qids-sr16", instruments.Result{Safety: positive, SafetyAnswer: new(1)}, reported(treatment.SeverityMedium, "1", "1")},
		{"item 12 of the QIDS, high", "qids-sr16", instruments.Result{Safety: positive, SafetyAnswer: new(2)}, reported(treatment.SeverityHigh, "2", "2")},
		{"the QIDS without it", "qids-sr16", instruments.Result{Safety: unknown}, unanswered},
		{"item 10 of the MADRS", "madrs", instruments.Result{Safety: positive, SafetyAnswer: new(3)}, reported(treatment.SeverityMedium, "3", "1")},
		{"item 10 of the MADRS, high", "madrs", instruments.Result{Safety: positive, SafetyAnswer: new(4)}, reported(treatment.SeverityHigh, "4", "4")},
		{"the MADRS without it", "madrs", instruments.Result{Safety: unknown}, unanswered},
		{"positive without a number", "phq-9", instruments.Result{Safety: positive}, item9(treatment.SeverityHigh, "", "1")},
		{"the number counts, whatever the word", "phq-9", instruments.Result{Safety: negative, SafetyAnswer: new(2)}, high},
		{"a word that nobody knows", "phq-9", instruments.Result{Safety: "fine"}, unanswered},
		{"no word", "phq-9", instruments.Result{}, unanswered},
		{"a band that is called like a level", "phq-9", instruments.Result{Safety: negative, SafetyAnswer: new(0), Band: "moderate"}, nil},

		{"no risk", "c-ssrs-screener", instruments.Result{Safety: negative, Band: "none"}, nil},
		{"low", "c-ssrs-screener", instruments.Result{Safety: positive, Band: "low"},
			screened(treatment.AlertCSSRSLow, treatment.SeverityMedium, "low")},
		{"moderate", "c-ssrs-screener", instruments.Result{Safety: positive, Band: "moderate"},
			screened(treatment.AlertCSSRSModerate, treatment.SeverityHigh, "moderate")},
		{"high", "c-ssrs-screener", instruments.Result{Safety: positive, Band: "high"},
			screened(treatment.AlertCSSRSHigh, treatment.SeverityCritical, "high")},
		{"a screener with holes", "c-ssrs-screener", instruments.Result{Safety: unknown, Missing: 1}, unanswered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, treatment.JudgeAnswers(treatment.Questionnaire{Instrument: test.instrument, Result: test.result}, treatment.Default())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// answered scores answers that are all the same, but for those that are named; -1 leaves one out.
func answered(t *testing.T, id string, value int, others map[string]int) treatment.Questionnaire {
	t.Helper()
	instrument, found := instruments.Find(id)
	if !found {
		t.Fatalf("no %s", id)
	}
	values := map[string]int{}
	for _, item := range instrument.Items {
		values[item.ID] = value
		if other, named := others[item.ID]; named {
			values[item.ID] = other
		}
		if values[item.ID] < 0 {
			delete(values, item.ID)
		}
	}
	result, err := instrument.Score(values)
	if err != nil {
		t.Fatal(err)
	}
	return treatment.Questionnaire{Instrument: id, Result: result, Values: values}
}

func summarised(raised []treatment.Raised) (list []string) {
	for _, r := range raised {
		list = append(list, string(r.Rule)+" "+string(r.Severity)+", "+r.Value+", "+r.Limit)
	}
	return list
}

func TestUrinaryScreen(t *testing.T) {
	one, two, three, pain, blood := "urinary-1", "urinary-2", "urinary-3", "urinary-4", "urinary-5"
	tests := []struct {
		name   string
		others map[string]int
		want   []string
	}{
		{"nothing", nil, nil},
		{"one symptom", map[string]int{one: 1}, nil},
		{"two symptoms", map[string]int{one: 1, three: 1}, []string{"LUTS_POSITIVE medium, 2 symptoms, 2 symptoms"}},
		{"one, and one unanswered", map[string]int{one: 1, two: -1}, nil},
		{"two, and the rest unanswered", map[string]int{one: 1, two: 1, three: -1, pain: -1, blood: -1}, []string{"LUTS_POSITIVE medium, 2 symptoms, 2 symptoms"}},
		{"pain", map[string]int{pain: 1}, []string{"HAEMATURIA high, dysuria, "}},
		{"blood", map[string]int{blood: 1}, []string{"HAEMATURIA high, haematuria, "}},
		{"nothing about blood", map[string]int{blood: -1}, nil},
		{"pain and blood", map[string]int{pain: 1, blood: 1}, []string{"HAEMATURIA high, dysuria, haematuria, ", "LUTS_POSITIVE medium, 2 symptoms, 2 symptoms"}},
	}
	for _, test := range tests {
		got := treatment.JudgeAnswers(answered(t, instruments.UrinarySymptoms, 0, test.others), treatment.Default())
		if diff := cmp.Diff(test.want, summarised(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	lenient := treatment.Default()
	lenient.Answers.UrinarySymptoms = 3
	if got := treatment.JudgeAnswers(answered(t, instruments.UrinarySymptoms, 0, map[string]int{one: 1, two: 1}), lenient); got != nil {
		t.Errorf("by a protocol that asks for three: %v", summarised(got))
	}
}

func TestManiaAndPsychosis(t *testing.T) {
	tests := []struct {
		name   string
		others map[string]int
		want   []string
	}{
		{"nothing", nil, nil},
		{"nothing, as far as is known", map[string]int{"mania-1": -1, "mania-5": -1}, nil},
		{"mania", map[string]int{"mania-4": 1}, []string{"MANIA_PSYCHOSIS_SCREEN high, mania, "}},
		{"psychosis", map[string]int{"mania-5": 1, "mania-1": -1}, []string{"MANIA_PSYCHOSIS_SCREEN high, psychosis, "}},
		{"both", map[string]int{"mania-1": 1, "mania-7": 1}, []string{"MANIA_PSYCHOSIS_SCREEN high, mania, psychosis, "}},
	}
	for _, test := range tests {
		got := treatment.JudgeAnswers(answered(t, instruments.ManiaPsychosis, 0, test.others), treatment.Default())
		if diff := cmp.Diff(test.want, summarised(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Every item is 1 but for those that are named: with item 9 at 0 the total is 8.
func TestDeterioration(t *testing.T) {
	tests := []struct {
		name     string
		others   map[string]int
		baseline *treatment.Baseline
		want     []string
	}{
		{"no baseline", map[string]int{"phq9-9": 0}, nil, nil},
		{"4 worse", map[string]int{"phq9-9": 0}, &treatment.Baseline{Total: 4}, nil},
		{"5 worse", map[string]int{"phq9-9": 0}, &treatment.Baseline{Total: 3}, []string{"PHQ9_DETERIORATION medium, 8 (baseline 3), 5 above the baseline"}},
		{"6 worse", map[string]int{"phq9-9": 0}, &treatment.Baseline{Total: 2}, []string{"PHQ9_DETERIORATION high, 8 (baseline 2), 6 above the baseline"}},
		{"better", map[string]int{"phq9-9": 0}, &treatment.Baseline{Total: 20}, nil},
		{"no total", map[string]int{"phq9-1": -1, "phq9-2": -1, "phq9-3": -1, "phq9-9": 0}, &treatment.Baseline{}, nil},
		{"item 9 as before", nil, &treatment.Baseline{Total: 9, Item9: 1}, []string{"SI_ITEM9 medium, 1, 1"}},
		{"item 9 above the baseline", nil, &treatment.Baseline{Total: 9}, []string{"SI_ITEM9 medium, 1 (baseline 0), 1"}},
		{"item 9 risen to high", map[string]int{"phq9-9": 2}, &treatment.Baseline{Total: 9, Item9: 1}, []string{"SI_ITEM9 high, 2 (baseline 1), 2"}},
		{"item 9 not answered", map[string]int{"phq9-9": -1}, &treatment.Baseline{Total: 9}, []string{"SI_UNKNOWN medium, , "}},
	}
	for _, test := range tests {
		q := answered(t, instruments.PHQ9, 1, test.others)
		q.Baseline = test.baseline
		if diff := cmp.Diff(test.want, summarised(treatment.JudgeAnswers(q, treatment.Default()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A clinic that looks at item 9 from 2 on hears of a 1 when it has risen, and only then.
func TestItem9Risen(t *testing.T) {
	p := treatment.Default()
	p.Suicidality.Item9Medium = 2
	for baseline, want := range map[int][]string{0: {"SI_ITEM9 medium, 1 (baseline 0), 1 above the baseline"}, 1: nil} {
		q := answered(t, instruments.PHQ9, 1, nil)
		q.Baseline = &treatment.Baseline{Total: 9, Item9: baseline}
		if diff := cmp.Diff(want, summarised(treatment.JudgeAnswers(q, p))); diff != "" {
			t.Errorf("baseline %d (-want +got):\n%s", baseline, diff)
		}
	}
}

func TestAskNext(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	screener := []treatment.Asked{{Instrument: instruments.CSSRSScreener, DueAt: now.Add(24 * time.Hour)}}
	urinary := []treatment.Asked{{Instrument: instruments.UrinarySymptoms, DueAt: now.Add(72 * time.Hour)}}
	tests := []struct {
		name, instrument string
		others           map[string]int
		want             []treatment.Asked
	}{
		{"item 9", instruments.PHQ9, map[string]int{"phq9-9": 1}, screener},
		{"item 9 is 0", instruments.PHQ9, nil, nil},
		{"item 9 not answered", instruments.PHQ9, map[string]int{"phq9-9": -1}, nil},
		{"the daily check-in", "daily-check-in", map[string]int{"daily-thoughts": 1}, screener},
		{"item 10 of the MADRS", instruments.MADRS, map[string]int{"madrs-10": 1}, screener},
		{"the screener itself", instruments.CSSRSScreener, map[string]int{"cssrs-1": 1}, nil},
		{"urinary side effects", instruments.SideEffects, map[string]int{"effects-13": 1}, urinary},
		{"others", instruments.SideEffects, map[string]int{"effects-1": 3}, nil},
		{"not answered", instruments.SideEffects, map[string]int{"effects-13": -1}, nil},
	}
	for _, test := range tests {
		got := treatment.AskNext(answered(t, test.instrument, 0, test.others), treatment.Default(), now)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
