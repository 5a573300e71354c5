package instruments

// Finding says whether the answers show something. Unknown is a finding of its own: an answer
// that decides it is missing.
type Finding string

// Findings.
const (
	Yes     Finding = "yes"
	No      Finding = "no"
	Unknown Finding = "unknown"
)

// Criterion is fulfilled when at least AtLeast of its items are answered with a value between
// From and To, both inclusive. Values are those of the options, also of reversed items.
type Criterion struct {
	Items             []string
	From, To, AtLeast int
}

// Flag is something that the answers are searched for beside the total.
type Flag struct {
	// Code names the flag in this API: "provisionalDiagnosis".
	Code string
	// Title is a sentence for people that says what it means when it is found.
	Title string
	// All of the criteria must be fulfilled.
	All []Criterion
	// Source is where the rule is written, Provenance says who has looked.
	Source     string
	Provenance Provenance
}

// Subscale is a group of items with a sum of its own.
type Subscale struct {
	// Code names the subscale in this API: "intrusion".
	Code string
	// Title is the name for people.
	Title string
	// Items are the ids of its items.
	Items []string
	// Criterion is what counts as having what the subscale is about; without items where
	// nothing does.
	Criterion Criterion
}

// FlagResult says whether the answers have what a flag stands for.
type FlagResult struct {
	Code  string  `json:"code"`
	Found Finding `json:"found"`
}

// SubscaleResult is what one subscale came to.
type SubscaleResult struct {
	Code string `json:"code"`
	// Points is the sum of the items; nil when one of them is missing, since nothing is
	// estimated within a subscale.
	Points *int `json:"points,omitempty"`
	// Met says whether its criterion is fulfilled; empty where it has none.
	Met Finding `json:"met,omitempty"`
}

// Screen says whether a total reaches the cut-off.
type Screen struct {
	// Positive is yes or no also without a total, when no answer that is missing could change
	// it.
	Positive Finding `json:"positive"`
	// Cutoff is the total from which it is positive; down from which, where higher is better.
	Cutoff int `json:"cutoff"`
	// Assumed says that cut-offs differ by gender and that the person's is another one or
	// unknown: Cutoff is the one that finds more.
	Assumed bool `json:"assumed"`
}

// finding says whether the criterion is fulfilled. A question that was skipped because of
// another answer counts as answered with its lowest value.
func (c Criterion) finding(i Instrument, answers map[string]int) Finding {
	fulfilled, open := 0, 0
	for _, id := range c.Items {
		item, _ := i.Item(id)
		value, answered := answers[id]
		if !answered && item.asked(answers) {
			open++
			continue
		}
		if !answered {
			value = item.Options[0].Value
		}
		if c.From <= value && value <= c.To {
			fulfilled++
		}
	}
	switch {
	case fulfilled >= c.AtLeast:
		return Yes
	case fulfilled+open >= c.AtLeast:
		return Unknown
	default:
		return No
	}
}

// flags searches the answers for every flag.
func (i Instrument) flags(answers map[string]int) []FlagResult {
	var results []FlagResult
	for _, flag := range i.Flags {
		found := Yes
		for _, criterion := range flag.All {
			switch criterion.finding(i, answers) {
			case No:
				found = No
			case Unknown:
				if found == Yes {
					found = Unknown
				}
			case Yes:
			}
		}
		results = append(results, FlagResult{flag.Code, found})
	}
	return results
}

// subscales adds up every subscale. ok is false when one of them misses more items than a
// total allows.
func (i Instrument) subscales(answers map[string]int) (results []SubscaleResult, ok bool) {
	ok = true
	for _, scale := range i.Subscales {
		result, sum, missing := SubscaleResult{Code: scale.Code}, 0, 0
		for _, id := range scale.Items {
			item, _ := i.Item(id)
			if value, answered := answers[id]; answered {
				sum += item.points(value)
			} else {
				missing++
			}
		}
		if missing == 0 {
			result.Points = &sum
		}
		if len(scale.Criterion.Items) > 0 {
			result.Met = scale.Criterion.finding(i, answers)
		}
		if i.MaxMissingPerSubscale.Known() && missing > i.MaxMissingPerSubscale.Value {
			ok = false
		}
		results = append(results, result)
	}
	return results, ok
}

// screen compares the lowest and the highest total that are possible with the cut-off; nil
// where there is none.
func (i Instrument) screen(lowest, highest int) *Screen {
	if !i.ScreenPositive.Known() {
		return nil
	}
	screen := &Screen{Positive: Unknown, Cutoff: i.ScreenPositive.Value, Assumed: len(i.ScreenByGender) > 0}
	mildest, worst := lowest >= screen.Cutoff, highest >= screen.Cutoff
	if i.HigherIsBetter {
		mildest, worst = highest <= screen.Cutoff, lowest <= screen.Cutoff
	}
	switch {
	case mildest:
		screen.Positive = Yes
	case !worst:
		screen.Positive = No
	}
	return screen
}
