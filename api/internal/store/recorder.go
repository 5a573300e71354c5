package store

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/google/uuid"
)

// groupSize is how many entries are committed together at most.
const groupSize = 256

// Observation is what an operation did that changed nothing: it showed records, tried something, or was
// refused.
type Observation struct {
	Outcome Outcome
	// Patients are those whom it was about.
	Patients []uuid.UUID
	// Records are those that were shown, tried or asked for.
	Records []Event
}

// recorder commits observations in groups: what comes while one group is being committed is the next.
type recorder struct {
	mu      sync.Mutex
	waiting []observed
	busy    bool
}

type observed struct {
	statements []statement
	done       chan error
}

// Record writes the journal entry of an operation that changed nothing, and returns once it is committed.
// Those that wait at the same time are committed together, so that an answer waits for one commit at most
// beside its own. An error says that there may be no entry: what was read must not be shown.
func (db *DB) Record(ctx context.Context, s Scope, o Observation) error {
	if !s.valid(read) {
		return ErrNoScope
	}
	statements, err := db.observation(s, o)
	if err != nil {
		return err
	}
	w := observed{statements, make(chan error, 1)}
	r := &db.recorder
	r.mu.Lock()
	r.waiting = append(r.waiting, w)
	if !r.busy {
		r.busy = true
		go db.recordGroups()
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return &fault{kind: ErrUnavailable, code: "journal", cause: ctx.Err()}
	}
}

func (db *DB) observation(s Scope, o Observation) ([]statement, error) {
	records := o.Records
	if records == nil {
		records = []Event{}
	}
	events, err := json.Marshal(records)
	if err != nil {
		return nil, err
	}
	id, at, patient := db.newID(), micros(db.now()), uuid.Nil
	if len(o.Patients) == 1 {
		patient = o.Patients[0]
	}
	list := []statement{db.entryOf(s, id, at, orNull(patient), o.Outcome, string(events))}
	if patient == uuid.Nil {
		list = append(list, mentions(s.Clinic, id, at, o.Outcome, o.Patients)...)
	}
	return list, nil
}

// recordGroups commits one group after the other until nothing waits.
func (db *DB) recordGroups() {
	for {
		r := &db.recorder
		r.mu.Lock()
		group := r.waiting
		r.waiting = nil
		if len(group) > groupSize {
			group, r.waiting = group[:groupSize:groupSize], group[groupSize:]
		}
		r.busy = len(group) > 0
		r.mu.Unlock()
		if len(group) == 0 {
			return
		}
		err := db.commitGroup(group)
		for _, w := range group {
			w.done <- err
		}
	}
}

func (db *DB) commitGroup(group []observed) error {
	ctx, cancel := context.WithTimeout(context.Background(), workLimit)
	defer cancel()
	conn, _, err := db.begin(ctx, Scope{}, system)
	if err != nil {
		return err
	}
	var entries []statement
	for _, w := range group {
		entries = append(entries, w.statements...)
	}
	if err := db.engine.commit(ctx, conn, entries); err != nil {
		// Whatever it was, the request may be tried again: a second entry is better than none.
		return &fault{kind: ErrUnavailable, code: "journal", cause: err}
	}
	db.written()
	return nil
}
