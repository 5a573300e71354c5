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

// Versions returns a page of the versions of a record, the newest first, and the version before the last of
// them, nil if that is the first. Whether the caller may see the record is decided where it is read.
func (tx *Tx) Versions(table string, id uuid.UUID, p Page) (page []Version, before *Version, next *Key, err error) {
	newest := int64(1) << 62
	if p.After != nil {
		if newest, err = strconv.ParseInt(p.After.Text, 10, 64); err != nil {
			return nil, nil, nil, err
		}
	}
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	rows, err := tx.conn.QueryContext(tx.ctx, `SELECT h.version, h.at, j.operation, j.actor, j.request_id, j.written, j.events
		FROM history h JOIN journal j ON j.clinic_id = h.clinic_id AND j.id = h.entry_id
		WHERE h.clinic_id = $1 AND h.record = $2 AND h.record_id = $3 AND h.version < $4
		ORDER BY h.version DESC LIMIT $5`, tx.scope.Clinic, table, id, newest, limit+1)
	if err != nil {
		return nil, nil, nil, tx.db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		v, events := Version{Record: table, RecordID: id}, ""
		if err := rows.Scan(&v.Version, &v.At, &v.Operation, &v.Actor, &v.RequestID, &v.Written, &events); err != nil {
			return nil, nil, nil, err
		}
		if v.Event, err = v.named(events); err != nil {
			return nil, nil, nil, err
		}
		page = append(page, v)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, nil, tx.db.engine.classify(err)
	}
	if len(page) > limit {
		last := page[limit]
		before, page = &last, page[:limit]
		next = &Key{Text: strconv.FormatInt(page[limit-1].Version, 10), ID: id}
	}
	return page, before, next, nil
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
