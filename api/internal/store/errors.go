package store

import (
	"errors"
	"fmt"
)

// Errors that callers may test for. Their texts, and those of everything the package returns,
// hold no value of a record.
var (
	ErrNotFound   = errors.New("store: no such record")
	ErrConflict   = errors.New("store: conflicts with another record")
	ErrReference  = errors.New("store: refers to a record that does not exist")
	ErrIDInUse    = errors.New("store: id belongs to another fact")
	ErrKeyReused  = errors.New("store: key belongs to another request")
	ErrInProgress = errors.New("store: the same key is being worked on")

	ErrInvitationInvalid = errors.New("store: invitation unknown, expired or tried too often")
	ErrInvitationUsed    = errors.New("store: invitation redeemed by somebody else")

	ErrPastTooLarge = errors.New("store: too many records to be looked at in the past")

	ErrUnavailable    = errors.New("store: database unavailable, nothing was done")
	ErrOutcomeUnknown = errors.New("store: commit not confirmed")
	ErrNotMigrated    = errors.New("store: schema not current")
)

// Errors that say that the code using the store is wrong.
var (
	ErrNoScope    = errors.New("store: transaction without clinic, actor or operation")
	ErrNested     = errors.New("store: door opened inside a transaction")
	ErrReadOnly   = errors.New("store: write inside View")
	ErrUnguarded  = errors.New("store: statement cannot be confined to the scope")
	ErrUnrecorded = errors.New("store: rows changed but no event was noted")
	ErrNotLocked  = errors.New("store: record of a patient whose row is not held")
	ErrUncompared = errors.New("store: If-Match was not compared, the operation's target was not read")
)

var errNoTable = errors.New("store: no such table")

// StaleError says that a record has moved on from the version that the caller knows.
type StaleError struct {
	Current int64 // the version it has now
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("store: record has moved on to version %d", e.Current)
}

// fault is a database's error without its text, which may quote values.
type fault struct {
	kind  error // one of the errors above, or nil
	code  string
	where string // names only: a constraint, a column, what the statement got wrong
	cause error
}

func (f *fault) Error() string {
	s := "database error " + f.code
	if f.kind != nil {
		s = f.kind.Error() + " (" + f.code + ")"
	}
	if f.where != "" {
		s += ": " + f.where
	}
	return s
}

func (f *fault) Unwrap() []error {
	if f.kind == nil {
		return []error{f.cause}
	}
	return []error{f.kind, f.cause}
}

// unavailable says of a transaction that could not begin that nothing was done.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return &fault{kind: ErrUnavailable, code: "begin", cause: err}
}

// outcomeUnknown says of a failed COMMIT that nobody knows. It is never ErrUnavailable as well,
// which promises that nothing was done.
func outcomeUnknown(err error) error {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = &fault{code: "connection", cause: err}
	}
	return &fault{ErrOutcomeUnknown, f.code, f.where, f.cause}
}

// known reports whether err was classified before.
func known(err error) bool {
	if err == nil {
		return true
	}
	_, ok := errors.AsType[*fault](err)
	return ok
}
