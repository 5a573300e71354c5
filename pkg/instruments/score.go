package instruments

import (
	"fmt"
	"slices"
	"strings"
)

// SafetyStatus is what the safety items say. Unknown is a finding of its own and is never
// treated as negative.
type SafetyStatus string

const (
	// SafetyNegative: answered, below the item's threshold.
	SafetyNegative SafetyStatus = "negative"
	// SafetyPositive: answered, at or above the item's threshold.
	SafetyPositive SafetyStatus = "positive"
	// SafetyUnknown: not answered, or not all that were asked, and none of them positive.
	SafetyUnknown SafetyStatus = "unknown"
	// SafetyNotApplicable: the instrument has no safety item.
	SafetyNotApplicable SafetyStatus = "notApplicable"
)

// Result is one scored questionnaire.
type Result struct {
	// Total is the score in points; nil when too many items are unanswered, and in an
	// instrument without a total.
	Total *int
	// Answered and Missing count the scored items; in an instrument of levels, those that were
	// answered and those that were asked and not answered.
	Answered, Missing int
	// Prorated says that Total is estimated because of missing items.
	Prorated bool
	// Band is the code of the total's severity band, or of the level; empty without either.
	Band string
	// Safety is what the safety items say, whatever became of the total.
	Safety SafetyStatus
	// SafetyAnswer is the answer to the one safety item of an instrument with a total; nil
	// when there is none.
	SafetyAnswer *int
	// ScoringVersion is the version of the instrument that produced this result.
	ScoringVersion string
}

// Score judges the answers, given by item id. Items may be left out; none may be invented
// or answered out of range: then the error is an [*AnswerError] that lists every fault, and
// there is no result.
//
// With one to MaxMissing scored items unanswered the total is the sum of the others scaled
// up to all items and rounded half up, in integers; with more there is none.
//
// In an instrument of levels the worst answer counts, also one to a question that another
// answer should have skipped: a contradiction does not undo a yes. Nothing is estimated. The
// mildest level is found only when everything that was asked is answered.
func (i Instrument) Score(answers map[string]int) (Result, error) {
	if faults := i.faults(answers); len(faults) > 0 {
		return Result{}, &AnswerError{Instrument: i.ID, Faults: faults}
	}
	if len(i.Levels) > 0 {
		return i.level(answers), nil
	}
	return i.total(answers), nil
}

// total is the result of an instrument that adds points.
func (i Instrument) total(answers map[string]int) Result {
	result := Result{Safety: SafetyNotApplicable, ScoringVersion: i.Version}
	sum := 0
	for _, item := range i.Items {
		value, answered := answers[item.ID]
		if item.Safety {
			result.Safety, result.SafetyAnswer = item.safety(value, answered)
		}
		switch {
		case !item.Scored:
		case answered:
			result.Answered++
			sum += value
		default:
			result.Missing++
		}
	}
	if result.Answered == 0 || result.Missing > i.MaxMissing.Value {
		return result
	}
	total := scaleUp(sum, result.Answered, result.Answered+result.Missing)
	band, _ := i.BandOf(total)
	result.Total, result.Band, result.Prorated = &total, band.Code, result.Missing > 0
	return result
}

// level is the result of an instrument of levels.
func (i Instrument) level(answers map[string]int) Result {
	result, worst := Result{ScoringVersion: i.Version}, 0
	for _, item := range i.Items {
		value, answered := answers[item.ID]
		switch {
		case answered:
			result.Answered++
			if value >= item.PositiveFrom {
				worst = max(worst, i.rank(item.Level))
			}
		case item.asked(answers):
			result.Missing++
		}
	}
	switch {
	case worst > 0:
		result.Band, result.Safety = i.Levels[worst].Code, SafetyPositive
	case result.Missing > 0:
		result.Safety = SafetyUnknown
	default:
		result.Band, result.Safety = i.Levels[0].Code, SafetyNegative
	}
	return result
}

// rank is the place of a level among the instrument's, 0 for the mildest.
func (i Instrument) rank(code string) int {
	return slices.IndexFunc(i.Levels, func(l Level) bool { return l.Code == code })
}

// asked says whether the answers let a question be asked. While the one that it depends on is
// not answered, nobody knows: then it is as good as asked.
func (item Item) asked(answers map[string]int) bool {
	if item.EnabledWhen == nil {
		return true
	}
	value, answered := answers[item.EnabledWhen.Item]
	return !answered || value >= item.EnabledWhen.From
}

// safety judges the answer to a safety item.
func (item Item) safety(value int, answered bool) (SafetyStatus, *int) {
	switch {
	case !answered:
		return SafetyUnknown, nil
	case value >= item.PositiveFrom:
		return SafetyPositive, &value
	default:
		return SafetyNegative, &value
	}
}

// scaleUp is sum × all / answered, rounded half up. None of them is negative.
func scaleUp(sum, answered, all int) int {
	return (2*sum*all + answered) / (2 * answered)
}

// Codes of an [AnswerFault].
const (
	UnknownItem = "unknownItem"
	OutOfRange  = "outOfRange"
)

// AnswerError says which answers cannot be scored.
type AnswerError struct {
	// Instrument is the id of the instrument.
	Instrument string
	// Faults are all of them: first the instrument's own items in their order, then the
	// unknown ones by id.
	Faults []AnswerFault
}

// AnswerFault is one answer that cannot be scored. It never contains the answer.
type AnswerFault struct {
	// Item is the id under which the answer was given.
	Item string
	// Code is UnknownItem or OutOfRange.
	Code string
	// Detail is a sentence for people.
	Detail string
}

// Error counts the faults. Item ids stay out of it, since unknown ones can be any text.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("instruments: %d of the answers to %s cannot be scored", len(e.Faults), e.Instrument)
}

// faults lists every answer that cannot be scored.
func (i Instrument) faults(answers map[string]int) []AnswerFault {
	var faults []AnswerFault
	known := 0
	for _, item := range i.Items {
		value, answered := answers[item.ID]
		if !answered {
			continue
		}
		known++
		if !item.allows(value) {
			faults = append(faults, AnswerFault{item.ID, OutOfRange, "The answer must be one of " + item.values() + "."})
		}
	}
	if known == len(answers) {
		return faults
	}
	var unknown []string
	for id := range answers {
		if _, found := i.Item(id); !found {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	for _, id := range unknown {
		faults = append(faults, AnswerFault{id, UnknownItem, "The instrument " + i.ID + " has no such item."})
	}
	return faults
}

// allows reports whether value is one of the item's options.
func (item Item) allows(value int) bool {
	return slices.ContainsFunc(item.Options, func(o Option) bool { return o.Value == value })
}

// values lists the item's possible answers: "0, 1, 2, 3".
func (item Item) values() string {
	texts := make([]string, len(item.Options))
	for n, option := range item.Options {
		texts[n] = fmt.Sprint(option.Value)
	}
	return strings.Join(texts, ", ")
}
