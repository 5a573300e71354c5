package process_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/testbed"
)

// takeover is within what time an entry has its number, also if the process that was numbering is killed.
const takeover = 5 * time.Second

// follower reads a site's journal as those do who must not miss anything: what is behind the last number
// that they have read, again and again.
type follower struct {
	t       *testing.T
	db      testbed.Database
	read    []string             // "id" of numbers 1, 2, …
	waiting map[string]time.Time // entries without a number, and since when they were seen
	longest time.Duration
	stop    atomic.Bool
	done    sync.WaitGroup
}

func (s *site) follow(t *testing.T) *follower {
	t.Helper()
	f := &follower{t: t, db: testbed.Look(t, s.dsn), waiting: map[string]time.Time{}}
	f.done.Go(func() {
		for !f.stop.Load() && !t.Failed() {
			f.step()
			time.Sleep(10 * time.Millisecond)
		}
	})
	return f
}

func (f *follower) step() {
	rows := f.db.Column(f.t, `SELECT CAST(seq AS TEXT) || ' ' || CAST(id AS TEXT) FROM journal WHERE seq > $1 ORDER BY seq`, len(f.read))
	for _, row := range rows {
		number, id, _ := strings.Cut(row, " ")
		if want := fmt.Sprint(len(f.read) + 1); number != want {
			f.t.Errorf("after number %d comes %s", len(f.read), number)
			return
		}
		f.read = append(f.read, id)
	}
	still := map[string]time.Time{}
	for _, id := range f.db.Column(f.t, `SELECT CAST(id AS TEXT) FROM journal WHERE seq IS NULL`) {
		still[id] = time.Now()
		if since, seen := f.waiting[id]; seen {
			still[id] = since
			f.longest = max(f.longest, time.Since(since))
		}
	}
	f.waiting = still
}

// end reads the rest once everything has its number, and holds what was read against what is there.
func (f *follower) end(s *site) {
	f.t.Helper()
	within(f.t, takeover, "everything has its number", func() bool { return s.rows(f.t, "journal WHERE seq IS NULL") == 0 })
	f.stop.Store(true)
	f.done.Wait()
	f.step()
	if n := s.rows(f.t, "journal"); n != len(f.read) {
		f.t.Errorf("%d entries were read, %d are there", len(f.read), n)
	}
	for i, id := range f.db.Column(f.t, `SELECT CAST(id AS TEXT) FROM journal ORDER BY seq`) {
		if f.read[i] != id {
			f.t.Errorf("number %d became another entry after it was read", i+1)
		}
	}
	if s.postgres() && f.longest > takeover { // on SQLite nobody is there to take over
		f.t.Errorf("an entry waited %s for its number", f.longest)
	}
	f.t.Logf("%d entries; one waited %s for its number", len(f.read), f.longest)
}

// verify lets the program check the journal.
func (s *site) verify(t *testing.T, what ...string) (stdout string, err error) {
	t.Helper()
	env := s.env
	if s.postgres() {
		env = append(env[:len(env):len(env)], "MIGRATE_DATABASE_URL="+s.owner)
	}
	stdout, _, err = runProgram(t, env, append(what, s.data...)...)
	return stdout, err
}

// sound fails unless the journal is what it should be.
func (s *site) sound(t *testing.T) {
	t.Helper()
	for _, what := range []string{"audit", "events"} {
		if stdout, err := s.verify(t, what, "verify"); err != nil {
			t.Errorf("titrate %s verify: %v\n%s", what, err, stdout)
		}
	}
}

// TestVerifyCommands: the program names what is wrong, ends with 1, and makes no database to look at.
func TestVerifyCommands(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t)
		s.open(t, server.URL)
		if _, err := server.stop(t); err != nil { // what was committed has its number then
			t.Fatal(err)
		}
		s.sound(t)
		last := s.number(t, "SELECT max(seq) FROM journal")
		s.change(t, fmt.Sprintf("UPDATE journal SET actor = 'nobody' WHERE seq = %d", last-1))
		stdout, err := s.verify(t, "audit", "verify")
		if want := fmt.Sprintf("entry %d was edited", last-1); err == nil || err.Error() != "exit status 1" || !strings.Contains(stdout, want) || strings.Count(stdout, "\n") != 1 {
			t.Errorf("after an edit: %v\n%s\nwant %s", err, stdout, want)
		}
		s.change(t, fmt.Sprintf("DELETE FROM journal WHERE seq = %d", last-2))
		stdout, err = s.verify(t, "events", "verify")
		if want := fmt.Sprintf("entry %d is missing", last-2); err == nil || !strings.Contains(stdout, want) {
			t.Errorf("after a removal: %v\n%s\nwant %s", err, stdout, want)
		}
	})
	none := t.TempDir()
	if _, stderr, err := runProgram(t, nil, "audit", "verify", "--data", none); err == nil || !strings.Contains(stderr, "no database") {
		t.Errorf("without a database: %v, %s", err, stderr)
	}
	if _, stderr, err := runProgram(t, []string{"MIGRATE_DATABASE_URL=postgres://nowhere.invalid/x"}, "audit", "verify"); err == nil || !strings.Contains(stderr, "SIGNING_KEY_FILE") {
		t.Errorf("without a key: %v, %s", err, stderr)
	}
}

// change writes past the program.
func (s *site) change(t *testing.T, statement string) {
	t.Helper()
	if s.postgres() {
		testbed.Exec(t, testbed.Superuser(t, s.dsn), statement)
		return
	}
	db, err := sql.Open("sqlite", s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
