package instruments_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// answers numbers the given values phq9-1, phq9-2 …; a negative one is not answered.
func answers(prefix string, values ...int) map[string]int {
	given := map[string]int{}
	for n, value := range values {
		if value >= 0 {
			given[fmt.Sprintf("%s-%d", prefix, n+1)] = value
		}
	}
	return given
}

const none = -1 // an unanswered item

func TestScore(t *testing.T) {
	const (
		version = "2026.1"
		yes     = instruments.Yes
		no      = instruments.No
		unknown = instruments.Unknown
	)
	tests := []struct {
		name   string
		id     string
		values []int
		screen instruments.Finding
		want   instruments.Result
	}{
		{"the example of HL7's US Behavioral Health Profiles", "phq-9", []int{2, 2, 2, 2, 1, 1, 2, 0, 0}, yes, instruments.Result{
			Total: new(12), Answered: 9, Band: "moderate", Safety: "negative", SafetyAnswer: new(0)}},
		{"nothing at all", "phq-9", []int{0, 0, 0, 0, 0, 0, 0, 0, 0}, no, instruments.Result{
			Total: new(0), Answered: 9, Band: "minimal", Safety: "negative", SafetyAnswer: new(0)}},
		{"everything", "phq-9", []int{3, 3, 3, 3, 3, 3, 3, 3, 3}, yes, instruments.Result{
			Total: new(27), Answered: 9, Band: "severe", Safety: "positive", SafetyAnswer: new(3)}},
		{"a low total does not hide the safety item", "phq-9", []int{0, 0, 0, 0, 0, 0, 0, 0, 1}, no, instruments.Result{
			Total: new(1), Answered: 9, Band: "minimal", Safety: "positive", SafetyAnswer: new(1)}},
		{"one missing: 16 of 8", "phq-9", []int{2, 2, 2, 2, none, 2, 2, 2, 2}, yes, instruments.Result{
			Total: new(18), Answered: 8, Missing: 1, Prorated: true, Band: "moderatelySevere", Safety: "positive", SafetyAnswer: new(2)}},
		{"two missing: 14 of 7", "phq-9", []int{2, none, 2, 2, none, 2, 2, 2, 2}, yes, instruments.Result{
			Total: new(18), Answered: 7, Missing: 2, Prorated: true, Band: "moderatelySevere", Safety: "positive", SafetyAnswer: new(2)}},
		{"4.5 is rounded up into the next band", "phq-9", []int{1, 1, 1, 1, 0, 0, 0, none, 0}, no, instruments.Result{
			Total: new(5), Answered: 8, Missing: 1, Prorated: true, Band: "mild", Safety: "negative", SafetyAnswer: new(0)}},
		{"3.375 is rounded down", "phq-9", []int{1, 1, 1, 0, 0, 0, 0, none, 0}, no, instruments.Result{
			Total: new(3), Answered: 8, Missing: 1, Prorated: true, Band: "minimal", Safety: "negative", SafetyAnswer: new(0)}},
		{"the safety item missing: a total, but safety is unknown", "phq-9", []int{0, 0, 0, 0, 0, 0, 0, 0, none}, no, instruments.Result{
			Total: new(0), Answered: 8, Missing: 1, Prorated: true, Band: "minimal", Safety: "unknown"}},
		{"three missing: no total, but safety is known", "phq-9", []int{none, none, none, 0, 0, 0, 0, 0, 2}, unknown, instruments.Result{
			Answered: 6, Missing: 3, Safety: "positive", SafetyAnswer: new(2)}},
		{"nothing answered", "phq-9", nil, unknown, instruments.Result{Missing: 9, Safety: "unknown"}},
		{"moderate anxiety", "gad-7", []int{2, 2, 1, 1, 1, 2, 1}, yes, instruments.Result{
			Total: new(10), Answered: 7, Band: "moderate", Safety: "notApplicable"}},
		{"all anxiety", "gad-7", []int{3, 3, 3, 3, 3, 3, 3}, yes, instruments.Result{
			Total: new(21), Answered: 7, Band: "severe", Safety: "notApplicable"}},
		{"3.5 is rounded up", "gad-7", []int{1, 1, 1, 0, 0, 0, none}, no, instruments.Result{
			Total: new(4), Answered: 6, Missing: 1, Prorated: true, Band: "minimal", Safety: "notApplicable"}},
		{"two missing: 10 of 5", "gad-7", []int{2, 2, 2, 2, 2, none, none}, yes, instruments.Result{
			Total: new(14), Answered: 5, Missing: 2, Prorated: true, Band: "moderate", Safety: "notApplicable"}},
		{"three missing, and more than enough without", "gad-7", []int{3, 3, 3, 3, none, none, none}, yes, instruments.Result{
			Answered: 4, Missing: 3, Safety: "notApplicable"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.ScoringVersion = version
			test.want.Screen = &instruments.Screen{Positive: test.screen, Cutoff: 10}
			got, err := find(t, test.id).Score(answers(strings.ReplaceAll(test.id, "-", ""), test.values...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDifficultyIsNotScored(t *testing.T) {
	given := answers("phq9", 2, 2, 2, 2, 1, 1, 2, 0, 0)
	without, err := find(t, "phq-9").Score(given)
	if err != nil {
		t.Fatal(err)
	}
	given["phq9-difficulty"] = 3
	with, err := find(t, "phq-9").Score(given)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(without, with); diff != "" {
		t.Errorf("the difficulty item changes the result (-without +with):\n%s", diff)
	}
}

func TestScoreListsEveryFault(t *testing.T) {
	given := answers("phq9", 1, 4, 1, -5, 1, 1, 1, 1, 1)
	given["phq9-4"] = -1
	given["phq9-difficulty"] = 7
	given["zzz"] = 0
	given["gad7-1"] = 1
	const range03 = "The answer must be one of 0, 1, 2, 3."
	want := &instruments.AnswerError{Instrument: "phq-9", Faults: []instruments.AnswerFault{
		{Item: "phq9-2", Code: "outOfRange", Detail: range03},
		{Item: "phq9-4", Code: "outOfRange", Detail: range03},
		{Item: "phq9-difficulty", Code: "outOfRange", Detail: range03},
		{Item: "gad7-1", Code: "unknownItem", Detail: "The instrument phq-9 has no such item."},
		{Item: "zzz", Code: "unknownItem", Detail: "The instrument phq-9 has no such item."},
	}}
	result, err := find(t, "phq-9").Score(given)
	got, is := errors.AsType[*instruments.AnswerError](err)
	if !is {
		t.Fatalf("error %v, want an AnswerError", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(instruments.Result{}, result); diff != "" {
		t.Errorf("result beside an error (-want +got):\n%s", diff)
	}
	if got, want := err.Error(), "instruments: 5 of the answers to phq-9 cannot be scored"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}
