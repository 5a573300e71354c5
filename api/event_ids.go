package api

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// whole as a position means all events of an entry.
const whole = math.MaxInt

// eventID names an event, or a place in the journal: the number of an entry, a position in it, and a mark of the
// entry itself. After a restore from a backup another entry has the number, and not the mark. The zero value is the
// place before everything.
type eventID struct {
	number   int64
	position int
	mark     string
}

func idOf(e *store.Entry, position int) eventID { return eventID{*e.Seq, position, markOf(e.ID)} }

// behind is the place after all events of an entry.
func behind(p store.Place) eventID {
	if p.Number == 0 {
		return eventID{}
	}
	return eventID{p.Number, whole, markOf(p.Entry)}
}

// markOf is the end of an entry's id, which is left to chance.
func markOf(entry uuid.UUID) string { return hex.EncodeToString(entry[10:]) }

// String is the number, the position of an event, and the mark; "0" before everything.
func (id eventID) String() string {
	switch {
	case id.number == 0:
		return "0"
	case id.position == whole:
		return fmt.Sprintf("%d-%s", id.number, id.mark)
	}
	return fmt.Sprintf("%d-%d-%s", id.number, id.position, id.mark)
}

// before reports whether a place comes before another one.
func (id eventID) before(other eventID) bool {
	return id.number < other.number || id.number == other.number && id.position < other.position
}

// complete is the last number of which everything is up to the place.
func (id eventID) complete() int64 {
	if id.position == whole || id.number == 0 {
		return id.number
	}
	return id.number - 1
}

func parseEventID(text string) (id eventID, err error) {
	if text == "0" {
		return id, nil
	}
	parts := strings.Split(text, "-")
	if id.number, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return id, err
	}
	id.position, id.mark = whole, parts[len(parts)-1]
	switch len(parts) {
	case 2:
	case 3:
		id.position, err = strconv.Atoi(parts[1])
	default:
		err = errors.New("not an event's id")
	}
	return id, err
}

// resumed is the place of a reader who has had everything up to an id. It is refused if the journal has another entry
// there, or none: what the reader has is not what there was before.
func resumed(tx *store.Tx, text string) (eventID, error) {
	id, err := parseEventID(text)
	if err != nil || id.number == 0 {
		return id, err
	}
	at, err := tx.PlaceAt(id.number)
	if err == nil && (at.Number == 0 || markOf(at.Entry) != id.mark) {
		err = noSuchPlace()
	}
	return id, err
}

// afterNumber is the place behind a number, which must have been given.
func afterNumber(tx *store.Tx, number int64) (eventID, error) {
	at, err := tx.PlaceAt(number)
	if err == nil && at.Number != number {
		err = noSuchPlace()
	}
	return behind(at), err
}

func noSuchPlace() error {
	return problem.New(problem.ResyncRequired, "the journal does not have this place; start again without it")
}
