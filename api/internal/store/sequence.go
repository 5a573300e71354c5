package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/audit"
)

// sequencePage is how many entries get their numbers in one transaction.
const sequencePage = 2000

// Batch is what one transaction of the sequencer did.
type Batch struct {
	Entries int                 // that got a number
	Seals   int                 // that they are under, one for each clinic
	Done    map[uuid.UUID]int64 // of each clinic the last number in which something was done
	More    bool                // there may be more; otherwise all that was committed before has a number
	Busy    bool                // nothing was done: another process is at it
}

// JournalHead is where a clinic's numbers end.
type JournalHead struct {
	ClinicID uuid.UUID `gorm:"primaryKey"`
	Number   int64
	Hash     []byte // of the seal that the last entry is under
	Done     int64  // the last number of an entry in which something was done
}

var errBusy = errors.New("another process is numbering the journal")

// Sequence gives committed entries of all clinics, 2,000 at most, the next numbers of their clinics, and
// seals them. One process does it at a time; to another it says Busy at once.
//
// Why the numbers never contradict what depends on what: an entry's "written" is counted by one counter at
// the end of its transaction, while that still holds the rows that it has changed. Whatever has seen those
// changes, because it waited for the rows or was asked for after the answer, began to write after that
// commit: its own "written" is larger, and a snapshot that shows it shows the earlier one too. So both are
// in the same batch in the right order, or the earlier one has its number already. Entries that know
// nothing of each other may become visible in another order than they were counted in; the one that comes
// late gets a later number. No number is given before all smaller ones can be read: the lock is held until
// the commit is visible, and the entries are looked for after it was taken.
func (db *DB) Sequence(ctx context.Context) (b Batch, err error) {
	err = db.System(ctx, "number the journal", func(tx *Tx) error {
		if mine, err := db.engine.takeTurn(tx); err != nil {
			return err
		} else if !mine {
			return errBusy
		}
		entries, err := readEntries(tx.ctx, tx.conn, `WHERE seq IS NULL ORDER BY written LIMIT $1`, sequencePage)
		if err != nil || len(entries) == 0 {
			return err
		}
		heads, err := tx.headsOf(entries)
		if err != nil {
			return err
		}
		b = Batch{Entries: len(entries), Done: map[uuid.UUID]int64{}, More: len(entries) == sequencePage}
		hashes := map[uuid.UUID][]audit.Hash{}
		for i := range entries {
			e := &entries[i]
			e.Number = heads[e.Clinic].Number + int64(len(hashes[e.Clinic])) + 1
			hashes[e.Clinic] = append(hashes[e.Clinic], e.Hash())
			if e.Outcome == string(OutcomeDone) {
				b.Done[e.Clinic] = e.Number
			}
		}
		tx.then = db.engine.numbering(entries)
		for clinic, list := range hashes {
			head := heads[clinic]
			head.Done = max(head.Done, b.Done[clinic])
			tx.then = append(tx.then, tx.seal(clinic, head, list)...)
		}
		b.Seals = len(hashes)
		tx.then = append(tx.then, db.engine.announcement(b.Done)...)
		return nil
	})
	switch {
	case errors.Is(err, errBusy):
		return Batch{Busy: true}, nil
	case err != nil:
		return Batch{}, err
	}
	return b, nil
}

func (tx *Tx) headsOf(entries []audit.Entry) (map[uuid.UUID]JournalHead, error) {
	heads := map[uuid.UUID]JournalHead{}
	for _, e := range entries {
		heads[e.Clinic] = JournalHead{}
	}
	var clinics []uuid.UUID
	for clinic := range heads {
		clinics = append(clinics, clinic)
	}
	rows, err := many[JournalHead](tx.orm.Where("clinic_id IN ?", clinics))
	for _, h := range rows {
		heads[h.ClinicID] = h
	}
	return heads, err
}

// seal returns the statements that put the hashes of a clinic's next entries under a seal.
func (tx *Tx) seal(clinic uuid.UUID, head JournalHead, hashes []audit.Hash) []statement {
	s := audit.Seal{
		Clinic: clinic, First: head.Number + 1, Last: head.Number + int64(len(hashes)),
		Root: audit.Root(hashes), At: tx.Now,
	}
	copy(s.Previous[:], head.Hash)
	end := s.End()
	joined := make([]byte, 0, len(hashes)*len(s.Root))
	for _, h := range hashes {
		joined = append(joined, h[:]...)
	}
	return []statement{
		{
			`INSERT INTO journal_seals (clinic_id, last_number, first_number, hashes, root, previous, hash, at, signature)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			[]any{clinic, s.Last, s.First, joined, s.Root[:], s.Previous[:], end.Hash[:], s.At, tx.db.sign(end.Message())},
		},
		{
			`INSERT INTO journal_heads (clinic_id, number, hash, done) VALUES ($1, $2, $3, $4)
			ON CONFLICT (clinic_id) DO UPDATE SET number = excluded.number, hash = excluded.hash, done = excluded.done`,
			[]any{clinic, s.Last, end.Hash[:], head.Done},
		},
	}
}

// readEntries reads entries exactly as they are stored; what names the rows and their order.
func readEntries(ctx context.Context, c pinned, what string, args ...any) ([]audit.Entry, error) {
	rows, err := c.QueryContext(ctx, `SELECT clinic_id, id, coalesce(seq, 0), at, operation, actor, request_id, patient_id, outcome, events, clock_skew_s
		FROM journal `+what, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []audit.Entry
	for rows.Next() {
		var e audit.Entry
		var patient uuid.NullUUID
		if err := rows.Scan(&e.Clinic, &e.ID, &e.Number, &e.At, &e.Operation, &e.Actor, &e.RequestID, &patient, &e.Outcome, &e.Events, &e.ClockSkew); err != nil {
			return nil, err
		}
		e.Patient = patient.UUID
		list = append(list, e)
	}
	return list, rows.Err()
}

// Written tells when this process has committed an entry that waits for its number. Several commits may
// be one message.
func (db *DB) Written() <-chan struct{} { return db.wake }

func (db *DB) written() {
	select {
	case db.wake <- struct{}{}:
	default: // somebody has been told, and has not looked yet
	}
}

// Waiting is what waits for background work.
type Waiting struct {
	Due      bool                // a deadline has passed
	ToSend   bool                // an endpoint has new events, or deliveries whose time has come
	Pending  int                 // entries without a number
	Oldest   time.Time           // when the first of them was written; zero if there is none
	Numbered int64               // entries with a number, in all clinics
	Done     map[uuid.UUID]int64 // of the clinics that were asked for, the last number in which something was done
}

// Waiting looks for everything that a process does in the background, in one transaction.
func (db *DB) Waiting(ctx context.Context, clinics ...uuid.UUID) (w Waiting, err error) {
	w.Done = map[uuid.UUID]int64{}
	err = db.System(ctx, "look for what waits", func(tx *Tx) error {
		err := tx.row(`SELECT EXISTS (SELECT 1 FROM deadlines WHERE done_at IS NULL AND at <= $1), EXISTS (SELECT 1`+withWork+`),
			(SELECT count(*) FROM journal WHERE seq IS NULL), (SELECT CAST(coalesce(sum(number), 0) AS BIGINT) FROM journal_heads)`,
			[]any{tx.Now}, &w.Due, &w.ToSend, &w.Pending, &w.Numbered)
		if err == nil && w.Pending > 0 {
			var first *Entry
			if first, err = one[Entry](tx.orm.Where("seq IS NULL").Order("written")); err == nil {
				w.Oldest = first.At
			} else if errors.Is(err, ErrNotFound) { // it has its number by now
				w.Pending, err = 0, nil
			}
		}
		if err != nil || len(clinics) == 0 {
			return err
		}
		heads, err := many[JournalHead](tx.orm.Where("clinic_id IN ?", clinics))
		for _, h := range heads {
			w.Done[h.ClinicID] = h.Done
		}
		return err
	})
	return w, err
}

// Checkpoints returns the signed end of every clinic's chain.
func (db *DB) Checkpoints(ctx context.Context) (list []audit.Checkpoint, err error) {
	err = db.System(ctx, "read checkpoints", func(tx *Tx) error {
		rows, err := tx.conn.QueryContext(tx.ctx, `SELECT s.clinic_id, s.last_number, s.hash, s.at, s.signature FROM journal_heads h
			JOIN journal_seals s ON s.clinic_id = h.clinic_id AND s.last_number = h.number ORDER BY s.clinic_id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c audit.Checkpoint
			if err := rows.Scan(&c.Clinic, &c.Number, hashInto{&c.Hash}, &c.At, &c.Signature); err != nil {
				return err
			}
			list = append(list, c)
		}
		return rows.Err()
	})
	return list, err
}

// hashInto reads a hash; one of another length than a hash has becomes one that fits nothing.
type hashInto struct{ *audit.Hash }

// Scan implements sql.Scanner.
func (h hashInto) Scan(v any) error {
	b, _ := v.([]byte)
	*h.Hash = audit.Hash{}
	if len(b) == len(h.Hash) {
		copy(h.Hash[:], b)
	}
	return nil
}

var _ sql.Scanner = hashInto{}

func (e postgresEngine) takeTurn(tx *Tx) (mine bool, err error) {
	var limit string
	// A process that hangs in the middle must not keep the turn: then the server ends its transaction.
	err = tx.row(`SELECT pg_try_advisory_xact_lock(hashtext('titrate'), hashtext('journal')), set_config('idle_in_transaction_session_timeout', '4s', true)`,
		nil, &mine, &limit)
	return mine, err
}

// numbering is one statement for all: the rows are found by their key, however large the journal is.
func (e postgresEngine) numbering(entries []audit.Entry) []statement {
	clinics, ids, numbers := make([]uuid.UUID, len(entries)), make([]uuid.UUID, len(entries)), make([]int64, len(entries))
	for i := range entries {
		clinics[i], ids[i], numbers[i] = entries[i].Clinic, entries[i].ID, entries[i].Number
	}
	return []statement{{
		`UPDATE journal j SET seq = n.seq FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n (clinic_id, id, seq)
		WHERE j.clinic_id = n.clinic_id AND j.id = n.id`,
		[]any{clinics, ids, numbers},
	}}
}

// takeTurn has nothing to do: whoever writes has the only connection that does.
func (e sqliteEngine) takeTurn(*Tx) (bool, error) { return true, nil }

func (e sqliteEngine) numbering(entries []audit.Entry) (list []statement) {
	for i := range entries {
		list = append(list, statement{
			`UPDATE journal SET seq = $1 WHERE clinic_id = $2 AND id = $3`,
			[]any{entries[i].Number, entries[i].Clinic, entries[i].ID},
		})
	}
	return list
}
