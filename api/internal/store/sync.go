package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// What a client that follows a patient's chart asks: what there is, what has changed, and what else looks
// different for it. All of it is of one patient, whom the caller has resolved.

// Place is a place in a clinic's journal: a number and the entry that had it.
type Place struct {
	Number int64     `json:"n"`
	Entry  uuid.UUID `json:"e"`
}

// Here is the place behind all of the clinic's numbered entries. What is committed without a number yet
// comes after it.
func (tx *Tx) Here() (p Place, err error) {
	return notThere(p, tx.row(`SELECT seq, id FROM journal WHERE clinic_id = $1 AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1`,
		[]any{tx.scope.Clinic}, &p.Number, &p.Entry))
}

// PlaceAt is the place of a number, as the journal is now; zero if no entry has it.
func (tx *Tx) PlaceAt(number int64) (p Place, err error) {
	return notThere(p, tx.row(`SELECT seq, id FROM journal WHERE clinic_id = $1 AND seq = $2`, []any{tx.scope.Clinic, number}, &p.Number, &p.Entry))
}

func notThere(p Place, err error) (Place, error) {
	if errors.Is(err, ErrNotFound) {
		return Place{}, nil
	}
	return p, err
}

// ChangesAfter returns the entries after a number, up to a place, that have changed something of the patient, or of
// several patients or none, in their order: at most limit of each. upTo is how far they reach: to that place if
// nothing was left out.
func (tx *Tx) ChangesAfter(after int64, end Place, patient uuid.UUID, limit int) (entries []Entry, upTo Place, err error) {
	upTo = end
	// Not through the guard: a patient's scope would hide what changes the clinic's texts.
	for _, whose := range []string{"patient_id = $3", "patient_id IS NULL AND $3 = $3"} {
		part, err := tx.entries(`SELECT `+entryColumns+` FROM journal j WHERE j.clinic_id = $1 AND j.seq > $2 AND j.`+wasDone+` AND j.`+whose+`
			ORDER BY j.seq LIMIT $4`, tx.scope.Clinic, after, patient, limit)
		if err != nil {
			return nil, end, err
		}
		if n := len(part); n == limit && *part[n-1].Seq < upTo.Number { // what is behind it was not read
			upTo = Place{*part[n-1].Seq, part[n-1].ID}
		}
		entries = append(entries, part...)
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return *e.Seq > upTo.Number })
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(*a.Seq, *b.Seq) })
	return entries, upTo, nil
}

// RecordsOf returns the ids of a patient's records in a table that come after one, in their order, also of
// those that are not kept any more.
func (tx *Tx) RecordsOf(patient uuid.UUID, table string, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	return tx.ids(`SELECT record_id FROM history WHERE clinic_id = $1 AND patient_id = $2 AND record = $3 AND version = 1 AND record_id > $4
		ORDER BY record_id LIMIT $5`, tx.scope.Clinic, patient, table, after, limit)
}

// IsOf reports whether a record is, or was, the patient's.
func (tx *Tx) IsOf(patient uuid.UUID, table string, id uuid.UUID) (bool, error) {
	found, err := tx.ids(`SELECT record_id FROM history WHERE clinic_id = $1 AND patient_id = $2 AND record = $3 AND version = 1 AND record_id = $4`,
		tx.scope.Clinic, patient, table, id)
	return len(found) > 0, err
}

// Kept reports whether a patient's record is still there, for whomever.
func (tx *Tx) Kept(table string, id uuid.UUID) (bool, error) {
	if !slices.Contains(patientTables(), table) {
		return false, fmt.Errorf("%w: table %q", ErrUnguarded, table)
	}
	found, err := tx.ids(`SELECT id FROM `+table+` WHERE clinic_id = $1 AND id = $2`, tx.scope.Clinic, id)
	return len(found) > 0, err
}

func patientTables() []string {
	list := []string{"supply_signals"} // no path names one
	for _, table := range patientRecords {
		list = append(list, table)
	}
	return list
}

// SessionsOf returns the ids of a treatment's sessions.
func (tx *Tx) SessionsOf(course uuid.UUID) ([]uuid.UUID, error) {
	return tx.ids(`SELECT id FROM sessions WHERE clinic_id = $1 AND treatment_id = $2`, tx.scope.Clinic, course)
}

// ConsentsOf returns the ids of a patient's consents to a text.
func (tx *Tx) ConsentsOf(patient, template uuid.UUID) ([]uuid.UUID, error) {
	return tx.ids(`SELECT id FROM consents WHERE clinic_id = $1 AND patient_id = $2 AND template_id = $3`, tx.scope.Clinic, patient, template)
}

// SuggestionOf returns the id of the suggestion that an adjustment names, if it names one.
func (tx *Tx) SuggestionOf(adjustment uuid.UUID) ([]uuid.UUID, error) {
	return tx.ids(`SELECT suggestion_id FROM adjustments WHERE clinic_id = $1 AND id = $2 AND suggestion_id IS NOT NULL`, tx.scope.Clinic, adjustment)
}

// AlarmedBy returns the ids of the patient's records of a type that alerts were raised about.
func (tx *Tx) AlarmedBy(patient uuid.UUID, sourceType string) ([]uuid.UUID, error) {
	return tx.ids(`SELECT DISTINCT source_id FROM alerts WHERE clinic_id = $1 AND patient_id = $2 AND source_type = $3`, tx.scope.Clinic, patient, sourceType)
}

// MedicationsEnding returns the ids of what a patient's medications end with after a day, up to another.
func (tx *Tx) MedicationsEnding(patient uuid.UUID, after, upTo treatment.Date) ([]uuid.UUID, error) {
	return tx.ids(`SELECT id FROM medications WHERE clinic_id = $1 AND patient_id = $2 AND ended_on > $3 AND ended_on <= $4`,
		tx.scope.Clinic, patient, after, upTo)
}

// ClearancesLapsed returns the ids of a patient's sessions whose clearance was over after a time, up to another.
func (tx *Tx) ClearancesLapsed(patient uuid.UUID, after, upTo time.Time) ([]uuid.UUID, error) {
	return tx.ids(`SELECT id FROM sessions WHERE clinic_id = $1 AND patient_id = $2 AND status = $3 AND cleared_until >= $4 AND cleared_until < $5`,
		tx.scope.Clinic, patient, treatment.SessionCleared, after, upTo)
}

// WaitingSessions returns a patient's sessions that were planned up to a time and wait for their dose.
func (tx *Tx) WaitingSessions(patient uuid.UUID, upTo time.Time) ([]Session, error) {
	return many[Session](tx.orm.Where("patient_id = ? AND status IN ? AND planned_at <= ?", patient,
		[]treatment.SessionStatus{treatment.SessionScheduled, treatment.SessionHeld, treatment.SessionCleared}, upTo).Order("id"))
}

// Passed returns a patient's deadlines that have passed after a time, up to another, whether or not what
// follows was done already.
func (tx *Tx) Passed(patient uuid.UUID, after, upTo time.Time) ([]Deadline, error) {
	return many[Deadline](tx.orm.Where("patient_id = ? AND at > ? AND at <= ?", patient, after, upTo).Order("at, record_id, kind"))
}

func (tx *Tx) ids(query string, args ...any) (list []uuid.UUID, err error) {
	rows, err := tx.conn.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, tx.db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, tx.db.engine.classify(rows.Err())
}
