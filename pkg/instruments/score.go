package instruments

import "slices"

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
	// Answered and Missing count the scored items, a group of them once; in an instrument of
	// levels, those that were answered and those that were asked and not answered. A question
	// that another answer skips is neither.
	Answered, Missing int
	// Prorated says that Total is estimated because of missing items.
	Prorated bool
	// Band is the code of the total's severity band, or of the level; empty without either.
	Band string
	// Screen compares the total with the cut-off; nil where there is none.
	Screen *Screen
	// Subscales are what the instrument's subscales came to, in their order.
	Subscales []SubscaleResult
	// Flags are all that the answers were searched for, found or not, in their order.
	Flags []FlagResult
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
// With one to MaxMissing scored items unanswered the total is estimated from the others: a sum
// is scaled up to all items, a mean is theirs; halves are rounded up, in integers. With more
// there is none. A question that another answer skips gives its fewest points and is not
// missing.
//
// In an instrument of levels the worst answer counts, also one to a question that another
// answer should have skipped: a contradiction does not undo a yes. Nothing is estimated. The
// mildest level is found only when everything that was asked is answered.
func (i Instrument) Score(answers map[string]int) (Result, error) {
	if faults := i.faults(answers); len(faults) > 0 {
		return Result{}, &AnswerError{Instrument: i.ID, Faults: faults}
	}
	result := i.total
	if len(i.Levels) > 0 {
		result = i.level
	}
	scored := result(answers)
	scored.Flags = i.flags(answers)
	return scored, nil
}

// total is the result of an instrument that counts points.
func (i Instrument) total(answers map[string]int) Result {
	result := Result{Safety: SafetyNotApplicable, ScoringVersion: i.Version}
	for _, item := range i.Items {
		if value, answered := answers[item.ID]; item.Safety {
			result.Safety, result.SafetyAnswer = item.safety(value, answered)
		}
	}
	var known, lowest, highest []int
	for _, p := range i.parts(answers) {
		switch {
		case p.answered:
			result.Answered++
		case !p.known:
			result.Missing++
		}
		if p.known {
			known = append(known, p.lowest)
		}
		lowest, highest = append(lowest, p.lowest), append(highest, p.highest)
	}
	var complete bool
	result.Subscales, complete = i.subscales(answers)
	if result.Answered == 0 || result.Missing > i.MaxMissing.Value || !complete {
		result.Screen = i.screen(i.value(lowest, len(lowest)), i.value(highest, len(highest)))
		return result
	}
	total := i.value(known, len(lowest))
	band, _ := i.BandOf(total)
	result.Total, result.Band, result.Prorated = &total, band.Code, result.Missing > 0
	result.Screen = i.screen(total, total)
	return result
}

// part is what counts as one item: an item, or a group.
type part struct {
	answered bool
	// known says that the points are, by an answer or because it was skipped: both bounds are
	// equal then.
	known bool
	// lowest and highest bound the points.
	lowest, highest int
}

// parts are the scored items and groups, in their order.
func (i Instrument) parts(answers map[string]int) []part {
	var parts []part
	groups := map[string]int{}
	for _, item := range i.Items {
		if !item.Scored {
			continue
		}
		one := item.part(answers)
		if at, found := groups[item.Group]; found && item.Group != "" {
			parts[at] = parts[at].with(one)
			continue
		}
		groups[item.Group] = len(parts)
		parts = append(parts, one)
	}
	return parts
}

// part is the item by itself.
func (item Item) part(answers map[string]int) part {
	least, most := item.Options[0].Value, item.Options[len(item.Options)-1].Value
	value, answered := answers[item.ID]
	switch {
	case answered:
		return part{true, true, item.points(value), item.points(value)}
	case !item.asked(answers):
		return part{false, true, least, least}
	default:
		return part{false, false, least, most}
	}
}

// with is the group of p and another item: the one with more points, among those answered.
func (p part) with(other part) part {
	switch {
	case p.known && !other.known:
		return p
	case other.known && !p.known:
		return other
	}
	return part{p.answered || other.answered, p.known, max(p.lowest, other.lowest), max(p.highest, other.highest)}
}

// points are what an answer gives.
func (item Item) points(value int) int {
	if item.Reverse {
		return item.Options[0].Value + item.Options[len(item.Options)-1].Value - value
	}
	return value
}

// value makes the total of the points of some of all parts; 0 of none.
func (i Instrument) value(points []int, all int) int {
	if len(points) == 0 {
		return 0
	}
	times, sum := max(i.Times, 1), 0
	for _, n := range points {
		sum += n
	}
	switch i.Method {
	case Highest:
		return slices.Max(points) * times
	case Mean:
		return divide(sum*times, len(points))
	case Sum:
	}
	return divide(sum*times*all, len(points))
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

// divide is a / b, halves rounded up. Neither is negative, b is not 0.
func divide(a, b int) int { return (2*a + b) / (2 * b) }
