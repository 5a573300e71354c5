package instruments_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// questions of the screener, in their order.
var questions = []string{"cssrs-1", "cssrs-2", "cssrs-3", "cssrs-4", "cssrs-5", "cssrs-6", "cssrs-6a"}

// screener reads one letter for each question: y, n, or - when it was not answered.
func screener(letters string) map[string]int {
	given := map[string]int{}
	for n, letter := range letters {
		switch letter {
		case 'y':
			given[questions[n]] = 1
		case 'n':
			given[questions[n]] = 0
		}
	}
	return given
}

func scored(t testing.TB, letters string) instruments.Result {
	t.Helper()
	result, err := find(t, instruments.CSSRSScreener).Score(screener(letters))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestScreener(t *testing.T) {
	const (
		negative = instruments.SafetyNegative
		positive = instruments.SafetyPositive
		unknown  = instruments.SafetyUnknown
	)
	tests := []struct {
		name              string
		letters           string // questions 1 to 6 and 6a
		band              string
		safety            instruments.SafetyStatus
		answered, missing int
	}{
		{"nothing", "nn---n-", "none", negative, 3, 0},
		{"the wish to be dead", "yn---n-", "low", positive, 3, 0},
		{"thoughts, and nothing behind them", "nynnnn-", "low", positive, 6, 0},
		{"a method", "nyynnn-", "moderate", positive, 6, 0},
		{"some intent", "nynynn-", "high", positive, 6, 0},
		{"a plan", "nynnyn-", "high", positive, 6, 0},
		{"a method, intent and a plan", "yyyyyn-", "high", positive, 6, 0},
		{"behaviour longer ago", "nn---yn", "moderate", positive, 4, 0},
		{"behaviour in the past three months", "nn---yy", "high", positive, 4, 0},
		{"thoughts, and behaviour longer ago", "yynnnyn", "moderate", positive, 7, 0},

		{"no answer at all", "-------", "", unknown, 0, 7},
		{"question 1 left out", "-n---n-", "", unknown, 2, 1},
		{"question 2 left out, and with it 3 to 5", "n----n-", "", unknown, 2, 4},
		{"question 6 left out, and with it 6a", "nn-----", "", unknown, 2, 2},
		{"low for all that is known", "y------", "low", positive, 1, 6},
		{"low, but intent was not answered", "nyn-nn-", "low", positive, 5, 1},
		{"moderate, but when was not answered", "nn---y-", "moderate", positive, 3, 1},
		{"high whatever else was left out", "---y---", "high", positive, 1, 6},

		{"a plan without thoughts", "nnnnyn-", "high", positive, 6, 0},
		{"a method without thoughts", "nny--n-", "moderate", positive, 4, 0},
		{"recently, but never", "nn---ny", "high", positive, 4, 0},
		{"answers that were skipped and are no", "nnnnnnn", "none", negative, 7, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := instruments.Result{
				Band: test.band, Safety: test.safety, Answered: test.answered, Missing: test.missing, ScoringVersion: "2026.1",
			}
			if diff := cmp.Diff(want, scored(t, test.letters)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// Every combination of yes, no and no answer against the triage as it is printed. A question
// that was skipped counts as no only if nobody answered it with yes.
func TestScreenerTriage(t *testing.T) {
	for n := range 3 * 3 * 3 * 3 * 3 * 3 * 3 {
		letters := ""
		for rest := n; len(letters) < len(questions); rest /= 3 {
			letters += string("yn-"[rest%3])
		}
		yes := func(question int) bool { return letters[question-1] == 'y' }
		q6a := letters[6] == 'y'
		want := "none"
		switch {
		case yes(4) || yes(5) || q6a:
			want = "high"
		case yes(3) || yes(6) && !q6a:
			want = "moderate"
		case yes(1) || yes(2):
			want = "low"
		}
		complete := letters[0] != '-' && letters[1] != '-' && letters[5] != '-' &&
			(letters[1] == 'n' || letters[2] != '-' && letters[3] != '-' && letters[4] != '-') && (letters[5] == 'n' || letters[6] != '-')
		safety := instruments.SafetyPositive
		switch {
		case want == "none" && complete:
			safety = instruments.SafetyNegative
		case want == "none":
			want, safety = "", instruments.SafetyUnknown
		}
		got := scored(t, letters)
		if got.Band != want || got.Safety != safety || (got.Missing == 0) != complete || got.Total != nil || got.SafetyAnswer != nil {
			t.Errorf("%s: %+v, want %q and %s, complete: %t", letters, got, want, safety, complete)
		}
	}
}

// A yes more never makes the level milder, and never makes safety negative.
func TestScreenerNeverLosesAYes(t *testing.T) {
	rank := map[string]int{"": 0, "none": 0, "low": 1, "moderate": 2, "high": 3}
	for n := range 1 << 7 {
		letters := fmt.Sprintf("%07b", n)
		given := map[string]int{}
		for i, id := range questions {
			given[id] = int(letters[i] - '0')
		}
		instrument := find(t, instruments.CSSRSScreener)
		before, _ := instrument.Score(given)
		for _, id := range questions {
			more := maps.Clone(given)
			more[id] = 1
			after, err := instrument.Score(more)
			if err != nil || rank[after.Band] < rank[before.Band] || after.Safety != instruments.SafetyPositive {
				t.Errorf("%s with a yes to %s: %+v, %v; before %+v", letters, id, after, err, before)
			}
		}
	}
}

func TestScreenerFaults(t *testing.T) {
	_, err := find(t, instruments.CSSRSScreener).Score(map[string]int{"cssrs-1": 2, "cssrs-6a": -1, "phq9-9": 1})
	got, is := errors.AsType[*instruments.AnswerError](err)
	if !is {
		t.Fatalf("error %v, want an AnswerError", err)
	}
	const range01 = "The answer must be one of 0, 1."
	want := []instruments.AnswerFault{
		{Item: "cssrs-1", Code: "outOfRange", Detail: range01},
		{Item: "cssrs-6a", Code: "outOfRange", Detail: range01},
		{Item: "phq9-9", Code: "unknownItem", Detail: "The instrument c-ssrs-screener has no such item."},
	}
	if diff := cmp.Diff(want, got.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// Answers of any kind never end in a panic, and never in a result without a verdict.
func FuzzScreener(f *testing.F) {
	f.Add("cssrs-1", 1, "cssrs-2", 0, "cssrs-6", 1)
	f.Add("", -1, "cssrs-6a", 1, "cssrs-4", 7)
	f.Fuzz(func(t *testing.T, a string, x int, b string, y int, c string, z int) {
		result, err := find(t, instruments.CSSRSScreener).Score(map[string]int{a: x, b: y, c: z})
		if _, refused := errors.AsType[*instruments.AnswerError](err); refused != (err != nil) {
			t.Errorf("error %v", err)
		}
		if err == nil && (result.Safety == instruments.SafetyNegative) != (result.Band == instruments.CSSRSNone) {
			t.Errorf("%+v", result)
		}
	})
}

// Who reads the questions to somebody must not change them.
func TestScreenerWording(t *testing.T) {
	screener := find(t, instruments.CSSRSScreener)
	if got, want := len(screener.Items), len(questions); got != want {
		t.Fatalf("%d questions, want %d", got, want)
	}
	for n, item := range screener.Items {
		if item.ID != questions[n] || item.Options[0].Text != "No" || item.Options[1].Text != "Yes" || item.Options[1].Value != 1 {
			t.Errorf("question %d: %+v", n+1, item)
		}
	}
}
