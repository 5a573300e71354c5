package api_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/audit"
)

// evidence is a database with the journals of two clinics, a checkpoint file, and what somebody who can
// write everything in the database could do to them.
type evidence struct {
	t       *testing.T
	db      *sql.DB
	owner   *api.Server
	file    string
	clinics []uuid.UUID
	rand    *rand.Rand
}

var evidenceTables = []string{"journal", "journal_seals", "journal_heads", "history"}

func eachEvidence(t *testing.T, fn func(t *testing.T, e *evidence)) {
	t.Helper()
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		file := filepath.Join(t.TempDir(), "checkpoints.jsonl")
		s := apitest.New(t, dsn, func(c *api.Config) { c.Relaxed, c.CheckpointFile = true, file })
		e := &evidence{t: t, file: file}
		for _, name := range []string{"North", "South"} {
			c := s.Clinic(t, name)
			e.clinics = append(e.clinics, c.ID)
			for i := range 8 { // batches of one and of several
				s.Pass(t, time.Minute)
				for range i%3 + 1 {
					c.Patient(t, fmt.Sprint("Lindqvist", i))
				}
				if i == 4 {
					if err := api.KeepCheckpoints(t.Context(), s.Server); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.Pass(t, time.Minute)
		}
		if err := api.KeepCheckpoints(t.Context(), s.Server); err != nil {
			t.Fatal(err)
		}
		owner, driver, source := s.Config, "sqlite", filepath.Join(s.Config.Data, "titrate.db")
		owner.SigningKeyFile = filepath.Join(s.Config.Data, "signing.key")
		if s.Config.DatabaseURL != "" {
			driver, source = "pgx", storetest.Superuser(t, dsn)
			owner.DatabaseURL = source
		}
		var err error
		if e.owner, err = api.OpenToVerify(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.owner.Close() })
		if e.db, err = sql.Open(driver, source); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.db.Close() })
		for _, table := range evidenceTables {
			e.exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
		}
		fn(t, e)
	})
}

func (e *evidence) exec(query string, args ...any) {
	e.t.Helper()
	if _, err := e.db.ExecContext(e.t.Context(), query, args...); err != nil {
		e.t.Fatalf("%s: %v", query, err)
	}
}

func (e *evidence) number(query string, args ...any) (n int64) {
	e.t.Helper()
	if err := e.db.QueryRowContext(e.t.Context(), query, args...).Scan(&n); err != nil {
		e.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (e *evidence) restore() {
	for _, table := range evidenceTables {
		e.exec(`DELETE FROM ` + table)
		e.exec(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
	}
}

func (e *evidence) verify() *api.Verification {
	e.t.Helper()
	v, err := e.owner.VerifyAudit(e.t.Context(), e.file)
	if err != nil {
		e.t.Fatal(err)
	}
	return v
}

// mark is where somebody tampers: an entry, and the seal that it is under.
type mark struct {
	clinic, other uuid.UUID
	n, head       int64
	first, last   int64 // of the seal
}

func (e *evidence) mark() (s mark) {
	i := e.rand.IntN(len(e.clinics))
	s.clinic, s.other = e.clinics[i], e.clinics[1-i]
	s.head = e.number(`SELECT number FROM journal_heads WHERE clinic_id = $1`, s.clinic)
	s.n = 1 + e.rand.Int64N(s.head)
	s.last = e.number(`SELECT min(last_number) FROM journal_seals WHERE clinic_id = $1 AND last_number >= $2`, s.clinic, s.n)
	s.first = e.number(`SELECT first_number FROM journal_seals WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last)
	return s
}

// flipped is a value of a column of bytes with one bit changed.
func (e *evidence) flipped(column string, s mark) []byte {
	var b []byte
	if err := e.db.QueryRowContext(e.t.Context(), `SELECT `+column+` FROM journal_seals WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last).Scan(&b); err != nil {
		e.t.Fatal(err)
	}
	b = slices.Clone(b)
	b[e.rand.IntN(len(b))] ^= 1 << e.rand.IntN(8)
	return b
}

// tamperings are what somebody could do, each with the number that has to be named.
var tamperings = map[string]func(e *evidence, s mark) (number int64){
	"edit an entry": func(e *evidence, s mark) int64 {
		edits := []string{
			`operation = operation || 'x'`, `actor = 'staff:' || id`, `request_id = request_id || ' '`, `clock_skew_s = coalesce(clock_skew_s, 0) + 1`, `outcome = CASE outcome WHEN 'read' THEN 'denied' ELSE 'read' END`,
			`events = events || ' '`, `events = replace(events, 'a', 'b')`,
			`patient_id = CASE WHEN patient_id IS NULL THEN id END`, `id = clinic_id`,
			`at = (SELECT max(at) FROM journal) `,
		}
		edit := edits[e.rand.IntN(len(edits))]
		if strings.HasPrefix(edit, "at") {
			s.n = 1 // long before the last
		}
		e.exec(`UPDATE journal SET `+edit+` WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		return s.n
	},
	"remove an entry": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		return s.n
	},
	"take an entry's number": func(e *evidence, s mark) int64 {
		e.exec(`UPDATE journal SET seq = NULL WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		return s.n
	},
	"move an entry to another clinic": func(e *evidence, s mark) int64 {
		e.exec(`UPDATE journal SET clinic_id = $3, seq = 100000 WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n, s.other)
		return s.n
	},
	"insert at the end": func(e *evidence, s mark) int64 {
		e.insert(s, s.head+1)
		return s.head + 1
	},
	"insert before the beginning": func(e *evidence, s mark) int64 {
		e.insert(s, -5)
		return -5
	},
	"put another entry in the place of one": func(e *evidence, s mark) int64 {
		e.exec(`UPDATE journal SET seq = NULL WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		e.insert(s, s.n)
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq IS NULL`, s.clinic)
		return s.n
	},
	"swap two entries": func(e *evidence, s mark) int64 {
		m := 1 + e.rand.Int64N(s.head)
		if m == s.n {
			m = s.n%s.head + 1
		}
		for _, step := range [][2]int64{{s.n, -1}, {m, s.n}, {-1, m}} {
			e.exec(`UPDATE journal SET seq = $3 WHERE clinic_id = $1 AND seq = $2`, s.clinic, step[0], step[1])
		}
		return min(s.n, m)
	},
	"move all entries from one on": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		e.exec(`UPDATE journal SET seq = -seq WHERE clinic_id = $1 AND seq > $2`, s.clinic, s.n)
		e.exec(`UPDATE journal SET seq = -seq - 1 WHERE clinic_id = $1 AND seq < 0`, s.clinic)
		return s.n
	},
	"cut entries off": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq >= $2`, s.clinic, s.n)
		return s.n
	},
	"cut entries and seals off": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq >= $2`, s.clinic, s.first)
		e.exec(`DELETE FROM journal_seals WHERE clinic_id = $1 AND last_number >= $2`, s.clinic, s.first)
		return s.first
	},
	"cut off and mend the head": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal WHERE clinic_id = $1 AND seq >= $2`, s.clinic, s.first)
		e.exec(`DELETE FROM journal_seals WHERE clinic_id = $1 AND last_number >= $2`, s.clinic, s.first)
		e.exec(`DELETE FROM history WHERE clinic_id = $1 AND entry_id NOT IN (SELECT id FROM journal WHERE clinic_id = $1)`, s.clinic)
		if s.first == 1 {
			e.exec(`DELETE FROM journal_heads WHERE clinic_id = $1`, s.clinic)
		} else {
			e.exec(`UPDATE journal_heads SET number = $2, hash = (SELECT hash FROM journal_seals WHERE clinic_id = $1 AND last_number = $2)
				WHERE clinic_id = $1`, s.clinic, s.first-1)
		}
		return s.first
	},
	"edit a seal": func(e *evidence, s mark) int64 {
		columns := []string{"hashes", "root", "previous", "hash", "signature"}
		column := columns[e.rand.IntN(len(columns))]
		e.exec(`UPDATE journal_seals SET `+column+` = $3 WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last, e.flipped(column, s))
		return s.first
	},
	"edit a seal's numbers": func(e *evidence, s mark) int64 {
		edits := []string{"first_number = first_number + 1", "first_number = first_number - 1", "last_number = last_number + 1000", "at = (SELECT max(at) FROM journal_seals)"}
		edit := edits[e.rand.IntN(len(edits))]
		if strings.HasPrefix(edit, "at") {
			s.last, s.first = e.number(`SELECT min(last_number) FROM journal_seals WHERE clinic_id = $1`, s.clinic), 1
		}
		e.exec(`UPDATE journal_seals SET `+edit+` WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last)
		return s.first
	},
	"remove a seal": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal_seals WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last)
		return s.first
	},
	"edit an entry and make its seal fit": func(e *evidence, s mark) int64 {
		e.exec(`UPDATE journal SET actor = 'system:x' WHERE clinic_id = $1 AND seq = $2`, s.clinic, s.n)
		e.reseal(s)
		return s.first
	},
	"edit the head's number": func(e *evidence, s mark) int64 {
		to := s.head + 1
		if e.rand.IntN(2) == 0 {
			to = s.n - 1
		}
		e.exec(`UPDATE journal_heads SET number = $2 WHERE clinic_id = $1`, s.clinic, to)
		return min(to+1, s.head+1)
	},
	"edit the head's hash": func(e *evidence, s mark) int64 {
		e.exec(`UPDATE journal_heads SET hash = $2 WHERE clinic_id = $1`, s.clinic, e.flipped("hash", s))
		return s.head
	},
	"remove the head": func(e *evidence, s mark) int64 {
		e.exec(`DELETE FROM journal_heads WHERE clinic_id = $1`, s.clinic)
		return 1
	},
	"edit the history": func(e *evidence, s mark) int64 {
		s.n = e.number(`SELECT min(j.seq) FROM journal j JOIN history h ON h.clinic_id = j.clinic_id AND h.entry_id = j.id
			WHERE j.clinic_id = $1 AND j.seq >= $2`, s.clinic, min(s.n, s.head-3))
		e.exec(`UPDATE history SET data = data || ' ' WHERE clinic_id = $1 AND entry_id = (SELECT id FROM journal WHERE clinic_id = $1 AND seq = $2)`, s.clinic, s.n)
		return s.n
	},
	"edit the history's time": func(e *evidence, s mark) int64 {
		n := e.number(`SELECT min(j.seq) FROM journal j JOIN history h ON h.clinic_id = j.clinic_id AND h.entry_id = j.id WHERE j.clinic_id = $1`, s.clinic)
		e.exec(`UPDATE history SET at = (SELECT max(at) FROM journal) WHERE clinic_id = $1
			AND entry_id = (SELECT id FROM journal WHERE clinic_id = $1 AND seq = $2)`, s.clinic, n)
		return n
	},
	"remove all of a clinic": func(e *evidence, s mark) int64 {
		for _, table := range evidenceTables {
			e.exec(`DELETE FROM `+table+` WHERE clinic_id = $1`, s.clinic)
		}
		return 1
	},
}

func (e *evidence) insert(s mark, number int64) {
	e.exec(`INSERT INTO journal (clinic_id, id, seq, at, written, operation, actor, request_id, patient_id, outcome, events)
		SELECT clinic_id, $2, $3, at, written, operation, actor, request_id, patient_id, outcome, events FROM journal
		WHERE clinic_id = $1 ORDER BY written LIMIT 1`, s.clinic, uuid.New(), number)
}

// reseal makes the seal over an entry fit it, as somebody can who has read the documentation but has no key.
func (e *evidence) reseal(s mark) {
	var joined, previous []byte
	hashes := e.hashes(s)
	for _, h := range hashes {
		joined = append(joined, h[:]...)
	}
	seal := audit.Seal{Clinic: s.clinic, First: s.first, Last: s.last, Root: audit.Root(hashes)}
	if err := e.db.QueryRowContext(e.t.Context(), `SELECT previous, at FROM journal_seals WHERE clinic_id = $1 AND last_number = $2`,
		s.clinic, s.last).Scan(&previous, &seal.At); err != nil {
		e.t.Fatal(err)
	}
	copy(seal.Previous[:], previous)
	hash := seal.Hash()
	e.exec(`UPDATE journal_seals SET hashes = $3, root = $4, hash = $5 WHERE clinic_id = $1 AND last_number = $2`, s.clinic, s.last, joined, seal.Root[:], hash[:])
}

// hashes are those of the entries under a seal as they are now.
func (e *evidence) hashes(s mark) (list []audit.Hash) {
	rows, err := e.db.QueryContext(e.t.Context(), `SELECT clinic_id, id, seq, at, operation, actor, request_id, patient_id, outcome, events
		FROM journal WHERE clinic_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq`, s.clinic, s.first, s.last)
	if err != nil {
		e.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var x audit.Entry
		var patient uuid.NullUUID
		if err := rows.Scan(&x.Clinic, &x.ID, &x.Number, &x.At, &x.Operation, &x.Actor, &x.RequestID, &patient, &x.Outcome, &x.Events); err != nil {
			e.t.Fatal(err)
		}
		x.Patient = patient.UUID
		list = append(list, x.Hash())
	}
	if err := rows.Err(); err != nil {
		e.t.Fatal(err)
	}
	return list
}

// TestAuditVerify: 500 random tamperings, on both databases together, are found, each at the first entry that is concerned; what is as it was
// written, or was erased, is no alarm.
func TestAuditVerify(t *testing.T) {
	eachEvidence(t, func(t *testing.T, e *evidence) {
		seed := uint64(time.Now().UnixNano())
		e.rand = rand.New(rand.NewPCG(seed, 0))
		var names []string
		for name := range tamperings {
			names = append(names, name)
		}
		slices.Sort(names)
		clean := e.verify()
		if len(clean.Faults) > 0 || clean.Erased > 0 || clean.Clinics != 2 || clean.Entries < 60 {
			t.Fatalf("false alarm: %+v", clean)
		}
		for i := range 250 { // on each database
			s, name := e.mark(), names[i%len(names)]
			number := tamperings[name](e, s)
			v := e.verify()
			want := fmt.Sprintf("clinic %s: entry %d ", s.clinic, number)
			if !slices.ContainsFunc(v.Faults, func(f string) bool { return strings.HasPrefix(f, want) }) {
				t.Errorf("seed %d, %d: %s at %+v: found %q, want %q", seed, i, name, s, v.Faults, want)
			}
			e.restore()
			if i%50 == 0 {
				if v := e.verify(); len(v.Faults) > 0 {
					t.Fatalf("false alarm: %q", v.Faults)
				}
			}
		}
		erased := e.number(`SELECT count(*) FROM history WHERE record = 'patients'`)
		e.exec(`DELETE FROM history WHERE record = 'patients'`)
		if v := e.verify(); len(v.Faults) > 0 || v.Erased != erased {
			t.Errorf("%d values were erased: %+v", erased, v)
		}
	})
}

// TestCheckpointFile: lines that are cut off are counted, lines that were edited are named.
func TestCheckpointFile(t *testing.T) {
	eachEvidence(t, func(t *testing.T, e *evidence) {
		text, err := os.ReadFile(e.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n != 4 { // of North, then of both, then of South
			t.Errorf("%d lines, want 4:\n%s", n, text)
		}
		write := func(text []byte) {
			if err := os.WriteFile(e.file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(append(text, text[:40]...))
		if v := e.verify(); len(v.Faults) > 0 || v.Unreadable != 1 {
			t.Errorf("a line that is cut off: %+v", v)
		}
		write(bytes.Replace(text, []byte(`"number":`), []byte(`"number":1`), 1))
		if v := e.verify(); len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "line 1 is not signed") {
			t.Errorf("an edited line: %+v", v)
		}
	})
}
