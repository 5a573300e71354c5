package instruments_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// sleep is a sound definition: two items from 0 to 2, of which one is reversed.
func sleep() instruments.Definition {
	options := func() []instruments.DefinedOption {
		return []instruments.DefinedOption{{Value: 0, Text: "Never"}, {Value: 1, Text: "Some"}, {Value: 2, Text: "Most"}}
	}
	return instruments.Definition{
		ID: "own-sleep", Title: "Sleep", Version: "1", Method: instruments.Sum,
		Items: []instruments.DefinedItem{{ID: "sleep-1", Text: "Awake", Options: options()}, {ID: "sleep-2", Text: "Rested", Reverse: true, Options: options()}},
		Bands: []instruments.DefinedBand{{Name: "good", From: 0, To: 1}, {Name: "poor", From: 2, To: 4}},
		Flags: []instruments.DefinedFlag{{Name: "awake", Title: "Awake", Items: []string{"sleep-1"}, From: 2}}, ScreenPositive: new(2),
	}
}

func TestDefinition(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*instruments.Definition)
		answers map[string]int
		want    string // as summary writes it
	}{
		{"the best", nil, map[string]int{"sleep-1": 0, "sleep-2": 2}, "0 good, screen no, awake no"},
		{"the worst", nil, map[string]int{"sleep-1": 2, "sleep-2": 0}, "4 poor, screen yes, awake yes"},
		{"at the cut-off", nil, map[string]int{"sleep-1": 1, "sleep-2": 1}, "2 poor, screen yes, awake no"},
		{"just below it", nil, map[string]int{"sleep-1": 0, "sleep-2": 1}, "1 good, screen no, awake no"},
		{"one missing is unknown", nil, map[string]int{"sleep-2": 2}, "no total, screen unknown, awake unknown"},
		{"one may be missing", func(d *instruments.Definition) { d.MaxMissing = 1 }, map[string]int{"sleep-2": 1}, "2 poor prorated, screen yes, awake unknown"},
		{"a mean", func(d *instruments.Definition) {
			d.Method, d.Times = instruments.Mean, 10
			d.Bands, d.ScreenPositive = []instruments.DefinedBand{{Name: "all", From: 0, To: 20}}, new(11)
		}, map[string]int{"sleep-1": 2, "sleep-2": 2}, "10 all, screen no, awake yes"},
		{"the highest", func(d *instruments.Definition) {
			d.Method, d.Bands = instruments.Highest, nil
		}, map[string]int{"sleep-1": 2, "sleep-2": 2}, "2, screen yes, awake yes"},
		{"higher is better", func(d *instruments.Definition) { d.Direction = instruments.HigherIsBetter }, map[string]int{"sleep-1": 1, "sleep-2": 1}, "2 poor, screen yes, awake no"},
		{"higher is better, above", func(d *instruments.Definition) { d.Direction = instruments.HigherIsBetter }, map[string]int{"sleep-1": 2, "sleep-2": 1}, "3 poor, screen no, awake yes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := sleep()
			if test.change != nil {
				test.change(&d)
			}
			i, err := d.Instrument()
			if err != nil {
				t.Fatal(err)
			}
			result, err := i.Score(test.answers)
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(i, result); got != test.want || result.ScoringVersion != "1" || result.Safety != instruments.SafetyNotApplicable {
				t.Errorf("got %s, version %s, safety %s; want %s", got, result.ScoringVersion, result.Safety, test.want)
			}
		})
	}
}

// Every fault is named, at its place, and nothing else is.
func TestDefinitionFaults(t *testing.T) {
	tests := []struct {
		change func(*instruments.Definition)
		want   []string
	}{
		{func(*instruments.Definition) {}, nil},
		{func(d *instruments.Definition) { d.ID = "phq-9" }, []string{"/id"}},
		{func(d *instruments.Definition) { d.ID = "own-" }, []string{"/id"}},
		{func(d *instruments.Definition) { d.Version = "" }, []string{"/version"}},
		{func(d *instruments.Definition) { d.Method = "median" }, []string{"/method"}},
		{func(d *instruments.Definition) { d.Items = nil }, []string{"/items", "/bands/1/to", "/flags/0/items/0", "/screenPositive"}},
		{func(d *instruments.Definition) { d.Items[1].ID = "sleep-1" }, []string{"/items/1/id"}},
		{func(d *instruments.Definition) { d.Items[1].ID = "" }, []string{"/items/1/id"}},
		{func(d *instruments.Definition) { d.Items[1].Options = d.Items[1].Options[2:] }, []string{"/items/1/options", "/bands/0/from", "/screenPositive"}},
		{func(d *instruments.Definition) { d.Items[1].Options[1].Value = 2 }, []string{"/items/1/options/2/value"}},
		{func(d *instruments.Definition) { d.Items[1].Options[1].Value = 0 }, []string{"/items/1/options/1/value"}},
		{func(d *instruments.Definition) { d.Times, d.Bands = 251, nil }, []string{"/items"}},
		{func(d *instruments.Definition) { d.Times, d.Bands = 250, nil }, nil},
		{func(d *instruments.Definition) { d.MaxMissing = 2 }, []string{"/maxMissing"}},
		{func(d *instruments.Definition) { d.Method, d.MaxMissing, d.Bands = instruments.Highest, 1, nil }, []string{"/maxMissing"}},
		{func(d *instruments.Definition) { d.Items[0].Options[2].Value, d.MaxMissing, d.Bands = 3, 1, nil }, []string{"/maxMissing"}},
		{func(d *instruments.Definition) { d.Bands[0].From = 1 }, []string{"/bands/0/from"}},
		{func(d *instruments.Definition) { d.Bands[1].From = 1 }, []string{"/bands/1/from"}},
		{func(d *instruments.Definition) { d.Bands[1].From = 3 }, []string{"/bands/1/from"}},
		{func(d *instruments.Definition) { d.Bands[1].To = 5 }, []string{"/bands/1/to"}},
		{func(d *instruments.Definition) { d.Bands[1].To = 3 }, []string{"/bands/1/to"}},
		{func(d *instruments.Definition) { d.Bands[1].To = 1 }, []string{"/bands/1/to", "/bands/1/to"}},
		{func(d *instruments.Definition) { d.Bands[1].Name = "good" }, []string{"/bands/1/name"}},
		{func(d *instruments.Definition) { d.Bands[1].Name = "" }, []string{"/bands/1/name"}},
		{func(d *instruments.Definition) { d.Flags = append(d.Flags, d.Flags[0]) }, []string{"/flags/1/name"}},
		{func(d *instruments.Definition) { d.Flags[0].Name = "" }, []string{"/flags/0/name"}},
		{func(d *instruments.Definition) { d.Flags[0].Items = nil }, []string{"/flags/0/items"}},
		{func(d *instruments.Definition) { d.Flags[0].Items = []string{"sleep-1", "sleep-1", "sleep-3"} }, []string{"/flags/0/items/1", "/flags/0/items/2"}},
		{func(d *instruments.Definition) { d.Flags[0].From = 0 }, []string{"/flags/0/from"}},
		{func(d *instruments.Definition) { d.Flags[0].From = 3 }, []string{"/flags/0/from"}},
		{func(d *instruments.Definition) { d.ScreenPositive = new(0) }, []string{"/screenPositive"}},
		{func(d *instruments.Definition) { d.ScreenPositive = new(4) }, nil},
		{func(d *instruments.Definition) { d.ScreenPositive = new(5) }, []string{"/screenPositive"}},
		{func(d *instruments.Definition) { d.Direction, d.ScreenPositive = instruments.HigherIsBetter, new(4) }, []string{"/screenPositive"}},
		{func(d *instruments.Definition) { d.Direction, d.ScreenPositive = instruments.HigherIsBetter, new(0) }, nil},
	}
	for n, test := range tests {
		d := sleep()
		test.change(&d)
		_, err := d.Instrument()
		var got []string
		if wrong, is := errors.AsType[*instruments.DefinitionError](err); is {
			for _, fault := range wrong.Faults {
				got = append(got, fault.Pointer)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("change %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
}

// No definition panics, and the results of a sound one stay in its range and in its bands.
func TestDefinitionProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := instruments.Definition{
			ID: "own-x", Version: "1", Method: rapid.SampledFrom([]instruments.Method{instruments.Sum, instruments.Mean, instruments.Highest}).Draw(t, "method"),
			Times: rapid.IntRange(0, 3).Draw(t, "times"), MaxMissing: rapid.IntRange(0, 2).Draw(t, "missing"),
		}
		for n := range rapid.IntRange(0, 4).Draw(t, "items") {
			item := instruments.DefinedItem{ID: fmt.Sprint("x-", n), Reverse: rapid.Bool().Draw(t, "reverse")}
			for _, value := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "options") {
				item.Options = append(item.Options, instruments.DefinedOption{Value: value})
			}
			d.Items = append(d.Items, item)
		}
		i, err := d.Instrument()
		if err != nil {
			return
		}
		d.Bands = []instruments.DefinedBand{{Name: "all", From: i.MinTotal, To: i.MaxTotal}}
		if i, err = d.Instrument(); err != nil {
			t.Fatalf("one band for all totals: %v", err)
		}
		answers := map[string]int{}
		for _, item := range i.Items {
			if at := rapid.IntRange(-1, len(item.Options)-1).Draw(t, "answer"); at >= 0 {
				answers[item.ID] = item.Options[at].Value
			}
		}
		result, err := i.Score(answers)
		if err != nil {
			t.Fatal(err)
		}
		if result.Total != nil && (*result.Total < i.MinTotal || *result.Total > i.MaxTotal || result.Band != "all") {
			t.Fatalf("total %d of %d to %d is in %q", *result.Total, i.MinTotal, i.MaxTotal, result.Band)
		}
	})
}

// A later release cannot take the id of a clinic's own.
func TestNothingShippedIsOwn(t *testing.T) {
	for _, i := range instruments.All() {
		if strings.HasPrefix(i.ID, instruments.OwnPrefix) {
			t.Errorf("%s begins like a clinic's own", i.ID)
		}
	}
}
