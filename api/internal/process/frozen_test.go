package process_test

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/testbed"
)

// turns are the connections that hold the turn to number the journal.
const turns = `SELECT CAST(pid AS TEXT) FROM pg_locks WHERE locktype = 'advisory' AND granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND objid = CAST(CAST(hashtext('journal') AS BIGINT) & 4294967295 AS OID)`

// TestFrozen: a process that hangs in the middle of numbering does not hold the others up, and does no harm when it goes on.
func TestFrozen(t *testing.T) {
	if !testbed.HasPostgres(t) { // SQLite's one writer is of one process
		return
	}
	t.Parallel()
	s := newPostgres(t)
	frozen, other := s.serve(t), s.serve(t)
	c := s.open(t, other.URL)
	co := c.course(t, time.Now())
	w := &writer{t: t, clinician: c.clinician, patient: co.patient, etag: `"2"`, session: co.session(t, time.Now().Add(time.Hour))}
	var stop atomic.Bool
	var done atomic.Int64
	var busy sync.WaitGroup
	busy.Go(func() { w.work(&stop, &done) })
	defer busy.Wait()
	defer stop.Store(true)
	reader := s.follow(t)
	for range 2 {
		frozen.freeze(t, s)
		until := done.Load() + 20
		within(t, 20*time.Second, "the others are served", func() bool { return done.Load() >= until })
		waits := s.db.Column(t, `SELECT CAST(max(written) AS TEXT) FROM journal`)[0]
		within(t, takeover, "the others' entries have numbers", func() bool {
			return s.number(t, `SELECT count(*) FROM journal WHERE seq IS NULL AND written <= CAST($1 AS BIGINT)`, waits) == 0
		})
		if err := frozen.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	busy.Wait()
	reader.end(s)
	s.sound(t)
	w.check(t)
	within(t, takeover, "it answers again", func() bool { return get(frozen.URL+"/readyz") == 200 })
}

// freeze stops the process at a moment at which it has the turn.
func (p *process) freeze(t *testing.T, s *site) {
	t.Helper()
	within(t, time.Minute, "the process is stopped while it numbers", func() bool {
		if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		held := s.db.Column(t, turns)
		for range 10 { // whoever is not stopped gives it back
			if time.Sleep(20 * time.Millisecond); len(held) == 0 || s.number(t, `SELECT count(*) FROM (`+turns+`) held (pid) WHERE pid = $1`, held[0]) == 0 {
				_ = p.cmd.Process.Signal(syscall.SIGCONT)
				return false
			}
		}
		return true
	})
}
