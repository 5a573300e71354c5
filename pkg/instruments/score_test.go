package instruments_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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

// Answers of any kind: never a panic, every fault named, and nothing out of range.
func TestScoreProperty(t *testing.T) {
	for _, instrument := range instruments.All() {
		ids := []string{"", "zzz", "phq9-1", "gad7-1", "cssrs-1"}
		for _, item := range instrument.Items {
			ids = append(ids, item.ID)
		}
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			value := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(-1, 4), rapid.Int())
			given := rapid.MapOf(rapid.SampledFrom(ids), value).Draw(t, "answers")
			bad := 0
			for id, value := range given {
				if item, found := instrument.Item(id); !found || value < 0 || value > len(item.Options)-1 {
					bad++
				}
			}
			result, err := instrument.Score(given)
			if wrong, is := errors.AsType[*instruments.AnswerError](err); is != (bad > 0) || is && len(wrong.Faults) != bad {
				t.Fatalf("%d bad answers: %v", bad, err)
			}
			if err == nil && len(instrument.Levels) == 0 {
				checkResult(t, instrument, given, result)
			}
		}))
	}
}

// Answers that can be scored: the same again, and more of a problem never lowers the total.
func TestTotalProperty(t *testing.T) {
	for _, instrument := range totals() {
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			given := map[string]int{}
			for _, item := range instrument.Items {
				if value := rapid.IntRange(-1, 3).Draw(t, item.ID); value >= 0 {
					given[item.ID] = value
				}
			}
			before, err := instrument.Score(given)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, instrument, given, before)
			raised := maps.Clone(given)
			if ids := slices.Sorted(maps.Keys(given)); len(ids) > 0 {
				id := rapid.SampledFrom(ids).Draw(t, "raised")
				raised[id] = rapid.IntRange(given[id], 3).Draw(t, "to")
			}
			after, err := instrument.Score(raised)
			if err != nil {
				t.Fatal(err)
			}
			if (before.Total == nil) != (after.Total == nil) {
				t.Fatalf("total %v became %v without an item more or less", before.Total, after.Total)
			}
			if before.Total != nil && *after.Total < *before.Total {
				t.Fatalf("total %d became %d", *before.Total, *after.Total)
			}
		}))
	}
}

// totals are the instruments that add points.
func totals() []instruments.Instrument {
	return slices.DeleteFunc(instruments.All(), func(i instruments.Instrument) bool { return len(i.Levels) > 0 })
}

// checkResult compares a result with what must hold for every result.
func checkResult(t *rapid.T, instrument instruments.Instrument, given map[string]int, got instruments.Result) {
	scored, answered, sum := 0, 0, 0
	safety := instruments.SafetyNotApplicable
	for _, item := range instrument.Items {
		value, found := given[item.ID]
		switch {
		case item.Safety && !found:
			safety = instruments.SafetyUnknown
		case item.Safety && value > 0:
			safety = instruments.SafetyPositive
		case item.Safety:
			safety = instruments.SafetyNegative
		}
		if item.Scored {
			scored++
			if found {
				answered++
				sum += value
			}
		}
	}
	if got.Answered != answered || got.Missing != scored-answered || got.Safety != safety || got.ScoringVersion == "" {
		t.Fatalf("counts or safety are wrong: %+v", got)
	}
	if known := safety == instruments.SafetyPositive || safety == instruments.SafetyNegative; known != (got.SafetyAnswer != nil) {
		t.Fatalf("safety %s, answer %v", safety, got.SafetyAnswer)
	}
	if (got.Total == nil) != (got.Missing > 2) || (got.Total == nil) != (got.Band == "") {
		t.Fatalf("total %v, band %q with %d missing", got.Total, got.Band, got.Missing)
	}
	if got.Total == nil {
		return
	}
	if *got.Total < instrument.MinTotal || *got.Total > instrument.MaxTotal || got.Prorated != (got.Missing > 0) {
		t.Fatalf("total %d, prorated %v with %d missing", *got.Total, got.Prorated, got.Missing)
	}
	// Half up: the total is within half a point of the exact one, and above it at the half.
	if off := 2 * (*got.Total*answered - sum*scored); off > answered || off <= -answered {
		t.Fatalf("total %d is not %d × %d / %d rounded half up", *got.Total, sum, scored, answered)
	}
}
