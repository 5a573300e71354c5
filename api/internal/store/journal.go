package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// outcome is how an operation ended, as the journal says it.
const outcomeDone = "done"

// maxAnswer bounds a kept answer: those of plans and decisions are a few kilobytes.
const maxAnswer = 256 << 10

// closing returns the statements that must be committed with the operation: its journal
// entry, a history row for each version it made, and its answer if that is to be repeated.
func (tx *Tx) closing() ([]statement, error) {
	switch {
	case tx.broken != nil:
		return nil, tx.broken
	case tx.mode == system:
		return nil, nil
	case tx.changed > 0 && len(tx.events) == 0:
		return nil, ErrUnrecorded
	case tx.target.pending:
		return nil, ErrUncompared
	}
	var list []statement
	if len(tx.events) > 0 {
		entries, err := tx.entry()
		if err != nil {
			return nil, err
		}
		list = entries
	}
	if tx.keep != nil && tx.scope.keyed() {
		kept, err := tx.kept()
		if err != nil {
			return nil, err
		}
		list = append(list, kept)
	}
	return list, nil
}

// entry is the journal entry with its history rows. The entry's "at" is the operation's
// clock; written_at only orders, and is read while the rows are still held.
func (tx *Tx) entry() ([]statement, error) {
	events, err := json.Marshal(tx.events)
	if err != nil {
		return nil, err
	}
	s, id := tx.scope, tx.NewID()
	list := []statement{{
		`INSERT INTO journal (clinic_id, id, at, written_at, operation, actor, request_id, patient_id, outcome, events)
		VALUES ($1, $2, $3, ` + tx.db.engine.entryTime() + `, $4, $5, $6, $7, $8, $9)`,
		[]any{s.Clinic, id, tx.Now, s.Operation, s.Actor.String(), s.RequestID, tx.concerned(), outcomeDone, string(events)},
	}}
	for _, v := range tx.versions {
		list = append(list, statement{
			`INSERT INTO history (clinic_id, record, record_id, version, patient_id, entry_id, at, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			[]any{s.Clinic, v.table, v.id, v.number, orNull(v.patient), id, tx.Now, v.data},
		})
	}
	return list, nil
}

func (tx *Tx) kept() (statement, error) {
	if n := len(tx.keep.Body); n > maxAnswer {
		return statement{}, fmt.Errorf("store: answer of %d bytes is too long to be kept", n)
	}
	header, err := json.Marshal(tx.keep.Header)
	if err != nil {
		return statement{}, err
	}
	s := tx.scope
	return statement{
		`INSERT INTO idempotency_records (clinic_id, key, patient_id, fingerprint, status, header, body, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		// A nil body would be NULL.
		[]any{s.Clinic, s.Key[:], tx.concerned(), s.Fingerprint[:], tx.keep.Status, string(header), append([]byte{}, tx.keep.Body...), tx.Now},
	}, nil
}

// ForgetAnswers removes the answers kept for idempotency keys before that time, in all
// clinics, and returns how many. A repetition after that is a new request.
func (db *DB) ForgetAnswers(ctx context.Context, before time.Time) (n int64, err error) {
	err = db.System(ctx, "forget answers", func(tx *Tx) error {
		n, err = tx.exec("DELETE FROM idempotency_records WHERE created_at < $1", before)
		return err
	})
	return n, err
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
