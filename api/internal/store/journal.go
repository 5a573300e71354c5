package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Outcome is how an operation ended, as the journal says it.
type Outcome string

// Outcomes. What was done has events; what was refused, denied or only tried has changed nothing.
const (
	OutcomeDone Outcome = "done"
	// OutcomeRead: the records were shown.
	OutcomeRead Outcome = "read"
	// OutcomeDryRun: what would have been done was shown.
	OutcomeDryRun Outcome = "dryRun"
	// OutcomeReplayed: the answer of an earlier request was given again.
	OutcomeReplayed Outcome = "replayed"
	// OutcomeRefused: the state of the records, or a rule, did not allow it.
	OutcomeRefused Outcome = "refused"
	// OutcomeDenied: the caller may not do this, or not see the record.
	OutcomeDenied Outcome = "denied"
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{OutcomeDone, OutcomeRead, OutcomeDryRun, OutcomeReplayed, OutcomeRefused, OutcomeDenied}

// Entry is a journal entry: who has done, seen or tried what. Seq is its number in the clinic, nil until
// it has one.
type Entry struct {
	ClinicID  uuid.UUID `gorm:"primaryKey"`
	ID        uuid.UUID `gorm:"primaryKey"`
	Seq       *int64
	At        time.Time
	Operation string
	Actor     string
	RequestID string
	PatientID *uuid.UUID
	Outcome   Outcome
	Events    []Event `gorm:"serializer:json"`
	// ClockSkewS is how many seconds the clock was ahead of the sender's, if the sender has told; no time
	// was changed for it.
	ClockSkewS *int64
}

// TableName is where gorm finds entries.
func (Entry) TableName() string { return "journal" }

// Event is one thing that a decision did to a record; in an entry about what was shown or denied, a record
// that it was about, without a name.
type Event struct {
	Event   string    `json:"event,omitempty"`
	Record  string    `json:"record"` // the table
	ID      uuid.UUID `json:"id"`
	Version int64     `json:"version,omitempty"`
	Hash    string    `json:"hash,omitempty"` // SHA-256 of the history's data, hex
	// StaffOnly says that the record, as it was then, was not for its patient to see.
	StaffOnly bool `json:"staffOnly,omitempty"`
	// Patient is whose record it is, where an entry is about the records of several.
	Patient uuid.UUID `json:"patient,omitzero"`
}

// wasDone is the condition of the index on entries in which something was done, in its words.
const wasDone = "outcome = 'done'"

// Entries returns the clinic's numbered entries in which something was done, after a number and in their order:
// with a patient, those about the patient, alone or among others. A patient gets those and the ones about nobody.
func (tx *Tx) Entries(after int64, patient uuid.UUID, limit int) ([]Entry, error) {
	own, hidden := tx.scope.OnlyPatient, tx.scope.NotPatient
	which := []string{aboutOne, amongOthers}
	switch {
	case own == uuid.Nil && patient == uuid.Nil:
		return many[Entry](tx.orm.Where("seq > ? AND "+wasDone, after).Order("seq").Limit(limit))
	case patient == uuid.Nil:
		patient, which = own, append(which, aboutNobody)
	case own != uuid.Nil && patient != own, patient == hidden:
		return nil, nil
	}
	// Not through the guard, which would show a patient the first of them only.
	return tx.entries(firstOf(which), tx.scope.Clinic, after, patient, limit)
}

// firstOf is the query for the first $4 entries of several sets. Each is a range of an index of its own; with OR, the
// database would walk through the whole journal.
func firstOf(sets []string) string {
	parts := make([]string, len(sets))
	for i, set := range sets {
		parts[i] = fmt.Sprintf(`SELECT * FROM (SELECT %s%s ORDER BY j.seq LIMIT $4) part%d`, entryColumns, set, i)
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY seq LIMIT $4"
}

// What was done in clinic $1 after $2: to patient $3 alone, to the patient among others, and to nobody. CROSS
// JOIN has SQLite begin with the mentions, which are few; PostgreSQL sees by itself what is fewer.
const (
	aboutOne    = ` FROM journal j WHERE j.clinic_id = $1 AND j.patient_id = $3 AND j.seq > $2 AND j.` + wasDone
	amongOthers = ` FROM journal_patients m CROSS JOIN journal j
		WHERE m.clinic_id = $1 AND m.patient_id = $3 AND m.done AND j.clinic_id = m.clinic_id AND j.id = m.id AND j.seq > $2 AND j.` + wasDone
	aboutNobody = ` FROM journal j WHERE j.clinic_id = $1 AND j.patient_id IS NULL AND j.seq > $2 AND j.` + wasDone + `
		AND NOT EXISTS (SELECT 1 FROM journal_patients m WHERE m.clinic_id = $1 AND m.id = j.id AND m.done)`
)

const entryColumns = `j.seq, j.id, j.at, j.operation, j.actor, j.request_id, j.patient_id, j.outcome, j.events, j.clock_skew_s`

// entries reads entries past the guard: the query names its clinic, and whose they are.
func (tx *Tx) entries(query string, args ...any) (list []Entry, err error) {
	rows, err := tx.conn.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, tx.db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		e, events := Entry{ClinicID: tx.scope.Clinic}, ""
		err := rows.Scan(&e.Seq, &e.ID, &e.At, &e.Operation, &e.Actor, &e.RequestID, &e.PatientID, &e.Outcome, &events, &e.ClockSkewS)
		if err == nil {
			err = json.Unmarshal([]byte(events), &e.Events)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, tx.db.engine.classify(rows.Err())
}

// ofClinic are the tables of records that are no patient's.
var ofClinic = []string{"alert_rule_sets", "clinic_instruments", "clinics", "consent_templates", "instrument_licences", "protocols", "staff", "webhook_endpoints"}

// OfClinic reports whether the record of an event is the clinic's own.
func (ev Event) OfClinic() bool { return slices.Contains(ofClinic, ev.Record) }

// PatientOf is the patient whose record an event of the entry is about; zero if it is nobody's.
func (e *Entry) PatientOf(ev Event) uuid.UUID {
	switch {
	case ev.OfClinic():
		return uuid.Nil
	case e.PatientID != nil:
		return *e.PatientID
	}
	return ev.Patient
}

// maxAnswer bounds a kept answer: those of plans and decisions are a few kilobytes.
const maxAnswer = 256 << 10

// closing returns the statements that must be committed with the operation: its journal
// entry, a history row for each version it made, and its answer if that is to be repeated.
func (tx *Tx) closing() ([]statement, error) {
	switch {
	case tx.broken != nil:
		return nil, tx.broken
	case tx.mode == system:
		return tx.then, nil
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
// clock; written only orders, and is counted while the rows are still held.
func (tx *Tx) entry() ([]statement, error) {
	if tx.concerned() != nil { // once is enough
		for i := range tx.events {
			tx.events[i].Patient = uuid.Nil
		}
	}
	events, err := json.Marshal(tx.events)
	if err != nil {
		return nil, err
	}
	s, id := tx.scope, tx.NewID()
	list := []statement{tx.db.entryOf(s, id, tx.Now, tx.concerned(), OutcomeDone, string(events))}
	if len(tx.locked) > 1 {
		list = append(list, mentions(s.Clinic, id, tx.Now, OutcomeDone, slices.Collect(maps.Keys(tx.locked)))...)
	}
	for _, v := range tx.versions {
		list = append(list, statement{
			`INSERT INTO history (clinic_id, record, record_id, version, patient_id, entry_id, at, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			[]any{s.Clinic, v.table, v.id, v.number, orNull(v.patient), id, tx.Now, v.data},
		})
	}
	return list, nil
}

func (db *DB) entryOf(s Scope, id uuid.UUID, at time.Time, patient *uuid.UUID, o Outcome, events string) statement {
	return statement{
		`INSERT INTO journal (clinic_id, id, at, written, operation, actor, request_id, patient_id, outcome, events, clock_skew_s)
		VALUES ($1, $2, $3, ` + db.engine.entryOrder() + `, $4, $5, $6, $7, $8, $9, $10)`,
		[]any{s.Clinic, id, at, s.Operation, s.Actor.String(), s.RequestID, patient, o, events, s.ClockSkew},
	}
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

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
