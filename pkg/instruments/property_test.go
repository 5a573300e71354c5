package instruments_test

import (
	"errors"
	"maps"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// totals are the instruments that count points.
func totals() []instruments.Instrument {
	return slices.DeleteFunc(instruments.All(), func(i instruments.Instrument) bool { return len(i.Levels) > 0 })
}

// last is the highest answer to an item.
func last(item instruments.Item) int { return item.Options[len(item.Options)-1].Value }

// Answers of any kind: never a panic, every fault named, and nothing out of range.
func TestScoreProperty(t *testing.T) {
	for _, instrument := range instruments.All() {
		ids := []string{"", "zzz", "phq9-1", "gad7-1", "cssrs-1"}
		for _, item := range instrument.Items {
			ids = append(ids, item.ID)
		}
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			value := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(-1, 11), rapid.Int())
			given := rapid.MapOf(rapid.SampledFrom(ids), value).Draw(t, "answers")
			bad := 0
			for id, value := range given {
				if item, found := instrument.Item(id); !found || value < item.Options[0].Value || value > last(item) {
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

// FuzzScore takes bytes for answers: item by item, a value and whether it was answered.
func FuzzScore(f *testing.F) {
	f.Add(0, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add(5, []byte("\x80\x04\x04\x02\x01\x03\x80\x00"))
	all := instruments.All()
	f.Fuzz(func(t *testing.T, which int, values []byte) {
		instrument := all[int(uint(which)%uint(len(all)))]
		given := map[string]int{}
		for n, value := range values {
			if n < len(instrument.Items) && value < 128 {
				given[instrument.Items[n].ID] = int(value)
			}
		}
		result, err := instrument.Score(given)
		if _, refused := errors.AsType[*instruments.AnswerError](err); refused != (err != nil) {
			t.Errorf("error %v", err)
		}
		if total := result.Total; total != nil && (*total < instrument.MinTotal || *total > instrument.MaxTotal) {
			t.Errorf("%s: total %d", instrument.ID, *total)
		}
	})
}

// Answers that can be scored: the same again, and more of a problem never lowers the total.
func TestTotalProperty(t *testing.T) {
	for _, instrument := range totals() {
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			given := map[string]int{}
			for _, item := range instrument.Items {
				if value := rapid.IntRange(item.Options[0].Value-1, last(item)).Draw(t, item.ID); value >= item.Options[0].Value {
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
				item, _ := instrument.Item(rapid.SampledFrom(ids).Draw(t, "raised"))
				if item.Reverse || slices.ContainsFunc(instrument.Items, func(other instruments.Item) bool {
					return other.EnabledWhen != nil && other.EnabledWhen.Item == item.ID
				}) {
					return // it gives fewer points, or asks for more answers
				}
				raised[item.ID] = rapid.IntRange(given[item.ID], last(item)).Draw(t, "to")
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

// An answer more never turns a flag or a screen from one word to its opposite.
func TestFindingsSettle(t *testing.T) {
	for _, instrument := range instruments.All() {
		t.Run(instrument.ID, rapid.MakeCheck(func(t *rapid.T) {
			all := map[string]int{}
			for _, item := range instrument.Items {
				if c := item.EnabledWhen; c == nil || all[c.Item] >= c.From { // what is skipped is not answered
					all[item.ID] = rapid.IntRange(item.Options[0].Value, last(item)).Draw(t, item.ID)
				}
			}
			some := maps.Clone(all)
			for _, id := range rapid.SliceOf(rapid.SampledFrom(slices.Sorted(maps.Keys(all)))).Draw(t, "left out") {
				if slices.ContainsFunc(instrument.Items, func(i instruments.Item) bool { return i.ID == id && i.Group == "" }) {
					delete(some, id)
				}
			}
			full, err := instrument.Score(all)
			if err != nil {
				t.Fatal(err)
			}
			partial, err := instrument.Score(some)
			if err != nil {
				t.Fatal(err)
			}
			for n, flag := range partial.Flags {
				if flag.Found != instruments.Unknown && flag.Found != full.Flags[n].Found {
					t.Fatalf("%s is %s, and with more answers %s", flag.Code, flag.Found, full.Flags[n].Found)
				}
			}
			if s := partial.Screen; s != nil && !partial.Prorated && s.Positive != instruments.Unknown && s.Positive != full.Screen.Positive {
				t.Fatalf("positive is %s, and with more answers %s", s.Positive, full.Screen.Positive)
			}
		}))
	}
}

// points is what one item, or one group of items, gives; nil when it is missing.
func points(instrument instruments.Instrument, group []instruments.Item, given map[string]int) (most *int, answered bool) {
	for _, item := range group {
		value, found := given[item.ID]
		if c := item.EnabledWhen; !found && c != nil {
			if before, known := given[c.Item]; known && before < c.From && most == nil {
				most = new(item.Options[0].Value)
			}
		}
		if !found {
			continue
		}
		answered = true
		if item.Reverse {
			value = last(item) - (value - item.Options[0].Value)
		}
		if most == nil || value > *most {
			most = &value
		}
	}
	return most, answered
}

// checkResult compares a result with what must hold for every result, reckoned in fractions.
func checkResult(t *rapid.T, instrument instruments.Instrument, given map[string]int, got instruments.Result) {
	var groups [][]instruments.Item
	for _, item := range instrument.Items {
		same := func(group []instruments.Item) bool { return item.Group != "" && group[0].Group == item.Group }
		if at := slices.IndexFunc(groups, same); !item.Scored {
			continue
		} else if at >= 0 {
			groups[at] = append(groups[at], item)
		} else {
			groups = append(groups, []instruments.Item{item})
		}
	}
	answered, known, sum, highest := 0, 0, 0, 0
	for _, group := range groups {
		n, given := points(instrument, group, given)
		if given {
			answered++
		}
		if n != nil {
			known++
			sum, highest = sum+*n, max(highest, *n)
		}
	}
	missing := len(groups) - known
	if got.Answered != answered || got.Missing != missing || got.ScoringVersion == "" {
		t.Fatalf("counts are wrong: %+v, want %d and %d", got, answered, missing)
	}
	checkSafety(t, instrument, given, got)
	tooMany := answered == 0 || missing > instrument.MaxMissing.Value
	for _, scale := range instrument.Subscales {
		left := slices.DeleteFunc(slices.Clone(scale.Items), func(id string) bool { _, found := given[id]; return found })
		tooMany = tooMany || instrument.MaxMissingPerSubscale.Known() && len(left) > instrument.MaxMissingPerSubscale.Value
	}
	if (got.Total == nil) != tooMany || (got.Band != "") != (got.Total != nil && len(instrument.Bands) > 0) {
		t.Fatalf("total %v, band %q with %d missing", got.Total, got.Band, got.Missing)
	}
	if got.Total == nil {
		return
	}
	exact := big.NewRat(int64(sum*len(groups)), int64(known))
	switch instrument.Method {
	case instruments.Mean:
		exact = big.NewRat(int64(sum), int64(known))
	case instruments.Highest:
		exact = big.NewRat(int64(highest), 1)
	case instruments.Sum:
	}
	value, _ := exact.Mul(exact, big.NewRat(int64(max(instrument.Times, 1)), 1)).Float64()
	if want := int(math.Floor(value + 0.5)); *got.Total != want || got.Prorated != (missing > 0) {
		t.Fatalf("total %d, want %v rounded half up; prorated %v with %d missing", *got.Total, value, got.Prorated, missing)
	}
	if *got.Total < instrument.MinTotal || *got.Total > instrument.MaxTotal {
		t.Fatalf("total %d", *got.Total)
	}
}

// checkSafety: the safety status follows from the one safety item and from nothing else.
func checkSafety(t *rapid.T, instrument instruments.Instrument, given map[string]int, got instruments.Result) {
	safety := instruments.SafetyNotApplicable
	for _, item := range instrument.Items {
		value, found := given[item.ID]
		switch {
		case item.Safety && !found:
			safety = instruments.SafetyUnknown
		case item.Safety && value >= item.PositiveFrom:
			safety = instruments.SafetyPositive
		case item.Safety:
			safety = instruments.SafetyNegative
		}
	}
	known := safety == instruments.SafetyPositive || safety == instruments.SafetyNegative
	if got.Safety != safety || known != (got.SafetyAnswer != nil) {
		t.Fatalf("safety %s with answer %v, want %s", got.Safety, got.SafetyAnswer, safety)
	}
}
