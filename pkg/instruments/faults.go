package instruments

import (
	"fmt"
	"slices"
	"strings"
)

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
