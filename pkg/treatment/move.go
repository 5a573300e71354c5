package treatment

import "slices"

// machine is a state machine as data: the states, and where each may go. A state with an
// empty list is terminal.
type machine[S ~string] map[S][]S

// move says whether a record in one state may go to another. The error is a [*Refusal] of
// kind IllegalMove that names both; noun is the record with its article.
func (m machine[S]) move(noun string, from, to S) error {
	if slices.Contains(m[from], to) {
		return nil
	}
	return illegal(noun+" that is "+string(from), "become "+string(to))
}

// illegal is the refusal of a move: what the record is, and what it therefore cannot do.
func illegal(record, what string) error {
	return &Refusal{Kind: IllegalMove, Code: CodeIllegalTransition, Detail: record + " cannot " + what}
}
