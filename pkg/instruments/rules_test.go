package instruments_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// made is an instrument of items a, b, c … with answers from 0 to 3.
func made(items int, change func(*instruments.Instrument)) instruments.Instrument {
	made := instruments.Instrument{ID: "made", Version: "1", Method: instruments.Sum, MaxTotal: 3 * items}
	for n := range items {
		made.Items = append(made.Items, instruments.Item{
			ID: string(rune('a' + n)), Scored: true, Options: []instruments.Option{{Value: 0}, {Value: 1}, {Value: 2}, {Value: 3}},
		})
	}
	if change != nil {
		change(&made)
	}
	return made
}

// given are answers to a, b, c …; none is left out.
func given(values ...int) map[string]int {
	answers := map[string]int{}
	for n, value := range values {
		if value != none {
			answers[string(rune('a'+n))] = value
		}
	}
	return answers
}

func limit(value int) instruments.Threshold {
	return instruments.Threshold{Value: value, Source: "test", Provenance: instruments.Published}
}

// How points become a total, rule by rule.
func TestTotalRules(t *testing.T) {
	grouped := func(i *instruments.Instrument) { i.Items[0].Group, i.Items[1].Group = "ab", "ab" }
	tests := []struct {
		name       string
		instrument instruments.Instrument
		answers    map[string]int
		total      *int
		counts     [2]int // answered, missing
	}{
		{"a sum", made(3, nil), given(1, 2, 3), new(6), [2]int{3, 0}},
		{"one missing", made(3, nil), given(1, none, 3), nil, [2]int{2, 1}},
		{"one missing may be", made(3, func(i *instruments.Instrument) { i.MaxMissing = limit(1) }), given(1, none, 3), new(6), [2]int{2, 1}},
		{"two may not", made(3, func(i *instruments.Instrument) { i.MaxMissing = limit(1) }), given(1), nil, [2]int{1, 2}},
		{"reversed", made(2, func(i *instruments.Instrument) { i.Items[1].Reverse = true }), given(3, 3), new(3), [2]int{2, 0}},
		{"reversed, the other way", made(2, func(i *instruments.Instrument) { i.Items[1].Reverse = true }), given(0, 0), new(3), [2]int{2, 0}},
		{"four times", made(3, func(i *instruments.Instrument) { i.Times = 4 }), given(1, 2, 3), new(24), [2]int{3, 0}},
		{"a mean, rounded up at the half", made(2, func(i *instruments.Instrument) { i.Method = instruments.Mean }), given(1, 2), new(2), [2]int{2, 0}},
		{"ten times a mean", made(3, func(i *instruments.Instrument) { i.Method, i.Times = instruments.Mean, 10 }), given(1, 2, 2), new(17), [2]int{3, 0}},
		{"a mean of what was answered", made(3, func(i *instruments.Instrument) {
			i.Method, i.Times, i.MaxMissing = instruments.Mean, 10, limit(1)
		}), given(1, none, 2), new(15), [2]int{2, 1}},
		{"the highest", made(3, func(i *instruments.Instrument) { i.Method = instruments.Highest }), given(1, 3, 0), new(3), [2]int{3, 0}},
		{"the highest of a group", made(3, grouped), given(1, 3, 2), new(5), [2]int{2, 0}},
		{"half of a group", made(3, grouped), given(none, 3, 2), new(5), [2]int{2, 0}},
		{"the other half", made(3, grouped), given(1, none, 2), new(3), [2]int{2, 0}},
		{"no one of a group", made(3, grouped), given(none, none, 2), nil, [2]int{1, 1}},
		{"beside a group", made(3, grouped), given(1, 3), nil, [2]int{1, 1}},
		{"skipped", made(3, func(i *instruments.Instrument) {
			i.Items[1].EnabledWhen = &instruments.Condition{Item: "a", From: 1}
		}), given(0, none, 2), new(2), [2]int{2, 0}},
		{"asked and left out", made(3, func(i *instruments.Instrument) {
			i.Items[1].EnabledWhen = &instruments.Condition{Item: "a", From: 1}
		}), given(1, none, 2), nil, [2]int{2, 1}},
		{"nobody knows whether it is asked", made(3, func(i *instruments.Instrument) {
			i.Items[1].EnabledWhen = &instruments.Condition{Item: "a", From: 1}
		}), given(none, none, 2), nil, [2]int{1, 2}},
		{"too many of a subscale", made(4, func(i *instruments.Instrument) {
			i.MaxMissing, i.MaxMissingPerSubscale = limit(2), limit(1)
			i.Subscales = []instruments.Subscale{{Code: "first", Items: []string{"a", "b"}}, {Code: "second", Items: []string{"c", "d"}}}
		}), given(none, none, 1, 1), nil, [2]int{2, 2}},
		{"as many, spread", made(4, func(i *instruments.Instrument) {
			i.MaxMissing, i.MaxMissingPerSubscale = limit(2), limit(1)
			i.Subscales = []instruments.Subscale{{Code: "first", Items: []string{"a", "b"}}, {Code: "second", Items: []string{"c", "d"}}}
		}), given(none, 1, none, 1), new(4), [2]int{2, 2}},
		{"nothing to score", made(0, func(i *instruments.Instrument) { i.ScreenPositive = limit(1) }), given(), nil, [2]int{0, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.instrument.Score(test.answers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.total, got.Total); diff != "" {
				t.Errorf("total (-want +got):\n%s", diff)
			}
			if counts := [2]int{got.Answered, got.Missing}; counts != test.counts || got.Prorated != (got.Total != nil && got.Missing > 0) {
				t.Errorf("answered and missing %v, prorated %t; want %v", counts, got.Prorated, test.counts)
			}
		})
	}
}

// A cut-off is reached or not as soon as nothing that is missing can change it.
func TestScreen(t *testing.T) {
	cutoff := func(i *instruments.Instrument) { i.ScreenPositive = limit(4) }
	better := func(i *instruments.Instrument) { i.ScreenPositive, i.HigherIsBetter = limit(4), true }
	byGender := func(i *instruments.Instrument) {
		i.ScreenPositive = limit(3)
		i.ScreenByGender = map[instruments.Gender]instruments.Threshold{instruments.Female: limit(3), instruments.Male: limit(4)}
	}
	tests := []struct {
		name       string
		instrument instruments.Instrument
		answers    map[string]int
		want       *instruments.Screen
	}{
		{"no cut-off", made(2, nil), given(3, 3), nil},
		{"at it", made(2, cutoff), given(2, 2), &instruments.Screen{Positive: instruments.Yes, Cutoff: 4}},
		{"below it", made(2, cutoff), given(2, 1), &instruments.Screen{Positive: instruments.No, Cutoff: 4}},
		{"missing, and it matters", made(2, cutoff), given(2), &instruments.Screen{Positive: instruments.Unknown, Cutoff: 4}},
		{"missing, too little to matter", made(2, cutoff), given(0), &instruments.Screen{Positive: instruments.No, Cutoff: 4}},
		{"missing, and positive anyway", made(3, cutoff), given(2, 2), &instruments.Screen{Positive: instruments.Yes, Cutoff: 4}},
		{"nothing answered", made(2, cutoff), given(), &instruments.Screen{Positive: instruments.Unknown, Cutoff: 4}},
		{"higher is better, at it", made(2, better), given(2, 2), &instruments.Screen{Positive: instruments.Yes, Cutoff: 4}},
		{"higher is better, above it", made(2, better), given(3, 2), &instruments.Screen{Positive: instruments.No, Cutoff: 4}},
		{"higher is better, missing", made(2, better), given(2), &instruments.Screen{Positive: instruments.Unknown, Cutoff: 4}},
		{"higher is better, positive anyway", made(2, better), given(1), &instruments.Screen{Positive: instruments.Yes, Cutoff: 4}},
		{"higher is better, negative anyway", made(3, better), given(3, 3), &instruments.Screen{Positive: instruments.No, Cutoff: 4}},
		{"a woman's", made(2, byGender).For(instruments.Female), given(2, 1), &instruments.Screen{Positive: instruments.Yes, Cutoff: 3}},
		{"a man's", made(2, byGender).For(instruments.Male), given(2, 1), &instruments.Screen{Positive: instruments.No, Cutoff: 4}},
		{"another gender", made(2, byGender).For("other"), given(2, 1), &instruments.Screen{Positive: instruments.Yes, Cutoff: 3, Assumed: true}},
		{"unknown", made(2, byGender).For(""), given(1, 1), &instruments.Screen{Positive: instruments.No, Cutoff: 3, Assumed: true}},
		{"nobody asked", made(2, byGender), given(1, 1), &instruments.Screen{Positive: instruments.No, Cutoff: 3, Assumed: true}},
		{"no difference", made(2, cutoff).For("other"), given(2, 2), &instruments.Screen{Positive: instruments.Yes, Cutoff: 4}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.instrument.Score(test.answers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Screen); diff != "" {
				t.Errorf("screen (-want +got):\n%s", diff)
			}
		})
	}
}

// Flags and subscales know three answers: a missing item is never a no.
func TestFlags(t *testing.T) {
	two := instruments.Criterion{Items: []string{"a", "b", "c"}, From: 2, To: 3, AtLeast: 2}
	zero := instruments.Criterion{Items: []string{"d"}, From: 0, To: 0, AtLeast: 1}
	instrument := made(4, func(i *instruments.Instrument) {
		i.Items[3].EnabledWhen = &instruments.Condition{Item: "a", From: 1}
		i.Subscales = []instruments.Subscale{{Code: "first", Items: two.Items, Criterion: two}, {Code: "second", Items: []string{"d"}}}
		i.Flags = []instruments.Flag{{Code: "two", All: []instruments.Criterion{two}}, {Code: "both", All: []instruments.Criterion{two, zero}}}
	})
	tests := []struct {
		name      string
		answers   map[string]int
		two, both instruments.Finding
		points    *int
	}{
		{"both", given(2, 3, 0, 0), instruments.Yes, instruments.Yes, new(5)},
		{"only the first", given(2, 3, 0, 1), instruments.Yes, instruments.No, new(5)},
		{"only the second", given(2, 1, 1, 0), instruments.No, instruments.No, new(4)},
		{"one missing that decides", given(2, none, 1, 0), instruments.Unknown, instruments.Unknown, nil},
		{"one missing that does not", given(2, none, 2, 0), instruments.Yes, instruments.Yes, nil},
		{"one missing that cannot", given(1, none, 1, 0), instruments.No, instruments.No, nil},
		{"no outweighs unknown", given(2, none, 1, 1), instruments.Unknown, instruments.No, nil},
		{"unknown outweighs yes", given(2, 2, 1), instruments.Yes, instruments.Unknown, new(5)},
		{"skipped counts as its lowest answer", given(0, 2, 2), instruments.Yes, instruments.Yes, new(4)},
		{"nothing answered", given(), instruments.Unknown, instruments.Unknown, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := instrument.Score(test.answers)
			if err != nil {
				t.Fatal(err)
			}
			want := []instruments.FlagResult{{Code: "two", Found: test.two}, {Code: "both", Found: test.both}}
			if diff := cmp.Diff(want, got.Flags); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
			first := instruments.SubscaleResult{Code: "first", Points: test.points, Met: test.two}
			if diff := cmp.Diff(first, got.Subscales[0]); diff != "" || got.Subscales[1].Met != "" {
				t.Errorf("subscales (-want +got):\n%s %+v", diff, got.Subscales[1])
			}
		})
	}
}
