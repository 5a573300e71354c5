package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Hash is a SHA-256 sum.
type Hash = [32]byte

// The kinds of an actor.
const (
	ActorStaff         = "staff"
	ActorPatient       = "patient"
	ActorSupportPerson = "supportPerson"
	ActorSystem        = "system"
)

// Actor is who acts: a staff member, a patient, a support person, or the system itself.
type Actor struct {
	Kind string
	ID   uuid.UUID // of the staff, patient or support person's row; zero for the system
}

// String returns the form that the journal keeps, for example "staff:0190…".
func (a Actor) String() string {
	if a.ID == uuid.Nil {
		return a.Kind
	}
	return a.Kind + ":" + a.ID.String()
}

// Scope says on whose behalf a transaction runs, and how a repetition of it is recognised.
type Scope struct {
	Clinic               uuid.UUID
	Actor                Actor
	Operation, RequestID string

	Key         Hash // of clinic, principal and Idempotency-Key; zero: none
	Fingerprint Hash // of everything in the request that decides its effect

	// ClockSkew is how many seconds the clock was ahead of the sender's, as the sender's said; nil: not known.
	ClockSkew *int64

	// OnlyPatient confines a patient to the own records: all others are as if missing.
	OnlyPatient uuid.UUID
	// NotPatient hides the own records from staff who are also a patient of the clinic.
	NotPatient uuid.UUID
}

func (s Scope) keyed() bool { return s.Key != Hash{} }

func (s Scope) valid(m mode) bool {
	return s.Actor.Kind != "" && s.Operation != "" && (s.Clinic != uuid.Nil) == (m != system)
}

// Answer is an HTTP answer as it was given, to be given again.
type Answer struct {
	Status int
	Header map[string][]string
	Body   []byte
}

// Tx is a transaction bound to one clinic and one actor. One goroutine uses it.
type Tx struct {
	Now time.Time // fixed when the transaction starts: UTC, whole microseconds

	db      *DB
	mode    mode
	scope   Scope
	ctx     context.Context // ends with the transaction, not with the caller
	orm     *gorm.DB        // guarded: every statement is confined to the scope
	conn    pinned
	earlier *record
	keep    *Answer
	target  target
	past    *past // the time that is read, if not the present

	events   []Event
	versions []version
	changed  int64       // rows written
	then     []statement // what a transaction of the worker commits with
	broken   error       // a write that was refused; the transaction cannot commit any more

	locked map[uuid.UUID]struct{} // patients whose row this transaction holds
}

type txKey struct{}

// With returns a context that carries tx, for [From].
func With(ctx context.Context, tx *Tx) context.Context { return context.WithValue(ctx, txKey{}, tx) }

// From returns the transaction that was opened for this operation, or nil.
func From(ctx context.Context) *Tx { tx, _ := ctx.Value(txKey{}).(*Tx); return tx }

// Scope returns on whose behalf the transaction runs.
func (tx *Tx) Scope() Scope { return tx.scope }

// NewID returns an id for a new record.
func (tx *Tx) NewID() uuid.UUID { return tx.db.newID() }

// Keep commits a together with the effect, so that the key will be answered with it again.
func (tx *Tx) Keep(a *Answer) { tx.keep = a }

// Earlier returns the answer already given under the scope's key, or nil.
// The error is ErrKeyReused if that was an answer to another request.
func (tx *Tx) Earlier() (*Answer, error) {
	r := tx.earlier
	if r == nil {
		return nil, nil
	}
	if string(r.fingerprint) != string(tx.scope.Fingerprint[:]) {
		return nil, ErrKeyReused
	}
	a := &Answer{Status: r.status, Body: r.body}
	return a, json.Unmarshal([]byte(r.header), &a.Header)
}

// exec and row are for this package's own tables and the patient's lock: SQL that names its
// clinic itself. Nouns go through orm, which the guard confines.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	if tx.mode == read {
		return 0, tx.fail(ErrReadOnly)
	}
	res, err := tx.conn.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, tx.fail(tx.db.engine.classify(err))
	}
	n, err := res.RowsAffected()
	tx.changed += n
	return n, err
}

func (tx *Tx) row(query string, args []any, dest ...any) error {
	return tx.db.engine.classify(tx.conn.QueryRowContext(tx.ctx, query, args...).Scan(dest...))
}

// fail remembers that a write was refused. PostgreSQL would not commit any more either;
// SQLite would commit the rest.
func (tx *Tx) fail(err error) error {
	if tx.broken == nil {
		tx.broken = err
	}
	return err
}
