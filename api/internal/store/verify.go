package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/audit"
)

// What follows reads all clinics at once, as the database's owner: the runtime login sees nothing here.

// verifyPage is how many rows are read at a time, so that no transaction is long.
const verifyPage = 5000

// JournalState is a clinic's journal at one moment.
type JournalState struct {
	Clinic uuid.UUID
	Head   int64      // the number that its head has
	Hash   audit.Hash // and the hash
	Sealed int64      // the last number of its last seal
	Last   int64      // the largest number of an entry
}

// clinicsOf is the SQL for the clinics in a table whose key begins with the clinic: it jumps from one to
// the next instead of reading all rows.
func clinicsOf(table string) string {
	return `SELECT id FROM (WITH RECURSIVE c (id) AS (
			SELECT * FROM (SELECT clinic_id FROM ` + table + ` ORDER BY clinic_id LIMIT 1) first
			UNION ALL SELECT (SELECT clinic_id FROM ` + table + ` WHERE clinic_id > c.id ORDER BY clinic_id LIMIT 1) FROM c WHERE c.id IS NOT NULL
		) SELECT id FROM c WHERE id IS NOT NULL) ` + table + `_clinics`
}

// Journals returns the state of every clinic's journal, in the order of their ids.
func (db *DB) Journals(ctx context.Context) (list []JournalState, err error) {
	err = db.global(ctx, read, func(c pinned) error {
		rows, err := c.QueryContext(ctx, `SELECT c.id, coalesce(h.number, 0), h.hash,
				coalesce((SELECT max(last_number) FROM journal_seals s WHERE s.clinic_id = c.id), 0),
				coalesce((SELECT max(seq) FROM journal j WHERE j.clinic_id = c.id), 0)
			FROM (`+clinicsOf("journal")+` UNION `+clinicsOf("journal_seals")+` UNION SELECT clinic_id FROM journal_heads) c
			LEFT JOIN journal_heads h ON h.clinic_id = c.id ORDER BY c.id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s JournalState
			if err := rows.Scan(&s.Clinic, &s.Head, hashInto{&s.Hash}, &s.Sealed, &s.Last); err != nil {
				return err
			}
			list = append(list, s)
		}
		return rows.Err()
	})
	return list, err
}

// Sealed returns the clinic's next seals after a number, up to another, with their entries, each in the
// order of their numbers; nothing if there is no seal.
func (db *DB) Sealed(ctx context.Context, clinic uuid.UUID, after, upTo int64) (seals []audit.Sealed, entries []audit.Entry, err error) {
	err = db.global(ctx, read, func(c pinned) error {
		var size int
		if seals, size, err = readSeals(ctx, c, clinic, after, upTo); err != nil || len(seals) == 0 {
			return err
		}
		if after == 0 {
			after = math.MinInt64 // a number below 1 was never given
		}
		// One more than there can be is enough to see that there are more.
		entries, err = readEntries(ctx, c, `WHERE clinic_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
			clinic, after, seals[len(seals)-1].Last, size+1)
		return err
	})
	return seals, entries, err
}

func readSeals(ctx context.Context, c pinned, clinic uuid.UUID, after, upTo int64) (list []audit.Sealed, size int, err error) {
	rows, err := c.QueryContext(ctx, `SELECT clinic_id, first_number, last_number, hashes, root, previous, hash, at, signature
		FROM journal_seals WHERE clinic_id = $1 AND last_number > $2 AND last_number <= $3 ORDER BY last_number LIMIT 1000`, clinic, after, upTo)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for size < verifyPage && rows.Next() {
		var s audit.Sealed
		var hashes []byte
		err := rows.Scan(&s.Clinic, &s.First, &s.Last, &hashes, hashInto{&s.Root}, hashInto{&s.Previous}, hashInto{&s.Hash}, &s.At, &s.Signature)
		if err != nil {
			return nil, 0, err
		}
		const length = len(audit.Hash{})
		s.Hashes = make([]audit.Hash, len(hashes)/length)
		for i := range s.Hashes {
			copy(s.Hashes[i][:], hashes[i*length:])
		}
		if len(hashes)%length != 0 {
			s.Hashes = nil // fits nothing
		}
		size += len(s.Hashes)
		list = append(list, s)
	}
	return list, size, rows.Err()
}

// Numbers returns the next numbers of the clinic's entries after a number, in their order.
func (db *DB) Numbers(ctx context.Context, clinic uuid.UUID, after int64) (list []int64, err error) {
	err = db.global(ctx, read, func(c pinned) error {
		rows, err := c.QueryContext(ctx, `SELECT seq FROM journal WHERE clinic_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, clinic, after, 2*verifyPage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int64
			if err := rows.Scan(&n); err != nil {
				return err
			}
			list = append(list, n)
		}
		return rows.Err()
	})
	return list, err
}

// Pending returns how many entries of each clinic were made before a time and have no number.
func (db *DB) Pending(ctx context.Context, before time.Time) (map[uuid.UUID]int, error) {
	counts := map[uuid.UUID]int{}
	err := db.global(ctx, read, func(c pinned) error {
		rows, err := c.QueryContext(ctx, `SELECT clinic_id, count(*) FROM journal WHERE seq IS NULL AND at < $1 GROUP BY clinic_id`, before)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var clinic uuid.UUID
			var n int
			if err := rows.Scan(&clinic, &n); err != nil {
				return err
			}
			counts[clinic] = n
		}
		return rows.Err()
	})
	return counts, err
}

// KeptVersion is a version of a record as the history has it, with what its entry says.
type KeptVersion struct {
	Clinic uuid.UUID
	Record string // the table
	ID     uuid.UUID
	Number int64 // the version
	Data   string
	Entry  int64 // the number of its entry; 0 if it has none yet
	Found  bool  // the entry is there
	At     bool  // and is of the same time
	Event  Event // that the entry has about this version; zero if it has none
}

// Versions returns the versions after one, in the order of clinic, record and number; all from the
// beginning for the zero KeptVersion.
func (db *DB) Versions(ctx context.Context, after KeptVersion) (list []KeptVersion, err error) {
	err = db.global(ctx, read, func(c pinned) error {
		rows, err := c.QueryContext(ctx, `SELECT h.clinic_id, h.record, h.record_id, h.version, h.data, coalesce(j.seq, 0), j.events, coalesce(h.at = j.at, false)
			FROM history h LEFT JOIN journal j ON j.clinic_id = h.clinic_id AND j.id = h.entry_id
			WHERE (h.clinic_id, h.record, h.record_id, h.version) > ($1, $2, $3, $4)
			ORDER BY h.clinic_id, h.record, h.record_id, h.version LIMIT $5`, after.Clinic, after.Record, after.ID, after.Number, verifyPage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v KeptVersion
			var events sql.NullString
			if err := rows.Scan(&v.Clinic, &v.Record, &v.ID, &v.Number, &v.Data, &v.Entry, &events, &v.At); err != nil {
				return err
			}
			v.Found = events.Valid
			v.Event = eventOf(events.String, &v)
			list = append(list, v)
		}
		return rows.Err()
	})
	return list, err
}

// eventOf finds the event about a version; text that is no list of events has none.
func eventOf(text string, v *KeptVersion) Event {
	var events []Event
	if json.Unmarshal([]byte(text), &events) != nil {
		return Event{}
	}
	for _, e := range events {
		if e.Record == v.Record && e.ID == v.ID && e.Version == v.Number {
			return e
		}
	}
	return Event{}
}
