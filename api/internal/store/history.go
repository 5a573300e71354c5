package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Version is a version of a record, and the journal entry that made it.
type Version struct {
	// Number is what the version is called: that of the record, or its place in a series.
	Number   int64
	Record   string // the table
	RecordID uuid.UUID
	Version  int64
	At       time.Time
	// Operation, Actor and RequestID are the entry's, and so is Written, which orders entries also before
	// they have their numbers.
	Operation, Actor, RequestID string
	Written                     int64
	// Event is the name that the decision gave to what became of the record.
	Event string
}

// VersionPage is a page of versions, the newest first.
type VersionPage struct {
	Versions []Version
	Before   *Version // the one before the last of them; nil if that is the first
	Next     *Key
}

// Versions returns a page of the versions of a record. Whether the caller may see the record is decided where
// it is read.
func (tx *Tx) Versions(table string, id uuid.UUID, p Page) (*VersionPage, error) {
	return tx.versionsOf("h.version", table, "h.record_id = $3", id, p)
}

// Series is Versions of what has a new record each time: an instrument's rows in a table, or the alert rules if
// no instrument is named. They are numbered in the order in which they were committed.
func (tx *Tx) Series(table, instrument string, p Page) (*VersionPage, error) {
	which := "$3 = ''"
	if instrument != "" {
		which = "h.record_id IN (SELECT r.id FROM " + table + " r WHERE r.clinic_id = $1 AND r.instrument = $3)"
	}
	return tx.versionsOf("row_number() OVER (ORDER BY j.written, h.record_id)", table, which, instrument, p)
}

func (tx *Tx) versionsOf(number, table, which string, arg any, p Page) (*VersionPage, error) {
	newest, limit := int64(1)<<62, p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	if p.After != nil {
		var err error
		if newest, err = strconv.ParseInt(p.After.Text, 10, 64); err != nil {
			return nil, err
		}
	}
	rows, err := tx.conn.QueryContext(tx.ctx, `SELECT v.* FROM (
		SELECT `+number+` AS number, h.record_id, h.version, h.at, j.operation, j.actor, j.request_id, j.written, j.events
		FROM history h JOIN journal j ON j.clinic_id = h.clinic_id AND j.id = h.entry_id
		WHERE h.clinic_id = $1 AND h.record = $2 AND `+which+`) v
		WHERE v.number < $4 ORDER BY v.number DESC LIMIT $5`, tx.scope.Clinic, table, arg, newest, limit+1)
	if err != nil {
		return nil, tx.db.engine.classify(err)
	}
	defer rows.Close()
	page := &VersionPage{}
	for rows.Next() {
		v, events := Version{Record: table}, ""
		if err := rows.Scan(&v.Number, &v.RecordID, &v.Version, &v.At, &v.Operation, &v.Actor, &v.RequestID, &v.Written, &events); err != nil {
			return nil, err
		}
		if v.Event, err = v.named(events); err != nil {
			return nil, err
		}
		page.Versions = append(page.Versions, v)
	}
	if err := rows.Err(); err != nil {
		return nil, tx.db.engine.classify(err)
	}
	if len(page.Versions) > limit {
		last := page.Versions[limit-1]
		page.Before, page.Versions = &page.Versions[limit], page.Versions[:limit]
		page.Next = &Key{Text: strconv.FormatInt(last.Number, 10), ID: last.RecordID}
	}
	return page, nil
}

// named is the event's name in the entry's list.
func (v *Version) named(events string) (string, error) {
	var list []Event
	if err := json.Unmarshal([]byte(events), &list); err != nil {
		return "", err
	}
	at := slices.IndexFunc(list, func(e Event) bool {
		return e.Record == v.Record && e.ID == v.RecordID && e.Version == v.Version
	})
	if at < 0 {
		return "", nil
	}
	return list[at].Event, nil
}
