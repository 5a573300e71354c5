package instruments_test

import (
	"errors"
	"fmt"

	"github.com/titrate-health/titrate/pkg/instruments"
)

func Example() {
	phq9, _ := instruments.Find("phq-9")
	fmt.Println(phq9.Prompt)
	for _, option := range phq9.Items[0].Options {
		fmt.Println(option.Value, option.Text)
	}
	// Output:
	// Over the last 2 weeks, how often have you been bothered by any of the following problems?
	// 0 Not at all
	// 1 Several days
	// 2 More than half the days
	// 3 Nearly every day
}

func ExampleInstrument_Score() {
	phq9, _ := instruments.Find("phq-9")
	result, err := phq9.Score(map[string]int{
		"phq9-1": 2, "phq9-2": 2, "phq9-3": 2, "phq9-4": 2, "phq9-5": 1,
		"phq9-6": 1, "phq9-7": 2, "phq9-8": 0, "phq9-9": 0,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*result.Total, result.Band, result.Safety)
	// Output: 12 moderate negative
}

// Whoever skips item 9 gets a total, but nobody may take the silence for a no.
func ExampleInstrument_Score_missing() {
	phq9, _ := instruments.Find("phq-9")
	result, err := phq9.Score(map[string]int{
		"phq9-1": 2, "phq9-2": 2, "phq9-3": 2, "phq9-4": 2, "phq9-5": 2,
		"phq9-6": 2, "phq9-7": 2, "phq9-8": 2,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*result.Total, result.Prorated, result.Safety)
	// Output: 18 true unknown
}

func ExampleAnswerError() {
	gad7, _ := instruments.Find("gad-7")
	_, err := gad7.Score(map[string]int{"gad7-1": 4, "gad7-8": 1})
	if wrong, is := errors.AsType[*instruments.AnswerError](err); is {
		for _, fault := range wrong.Faults {
			fmt.Println(fault.Item, fault.Code, fault.Detail)
		}
	}
	// Output:
	// gad7-1 outOfRange The answer must be one of 0, 1, 2, 3.
	// gad7-8 unknownItem The instrument gad-7 has no such item.
}

func ExampleInstrument_Change() {
	phq9, _ := instruments.Find("phq-9")
	change := phq9.Change(20, 10)
	fmt.Println(change.Points, *change.Response, *change.Remission)
	// Output: 10 true false
}

// The screener has a level and no total. The worst answer counts.
func ExampleInstrument_Score_level() {
	screener, _ := instruments.Find(instruments.CSSRSScreener)
	result, err := screener.Score(map[string]int{"cssrs-1": 1, "cssrs-2": 0, "cssrs-6": 1, "cssrs-6a": 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Total == nil, result.Band, result.Safety, result.Missing)
	// Output: true moderate positive 0
}
