package store_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/audit"
)

var sealKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func sealing(o store.Options) store.Options {
	o.Sign = func(message []byte) []byte { return ed25519.Sign(sealKey, message) }
	return o
}

// eachJournal runs fn on both databases with what opens the same database again, and the owner's view.
func eachJournal(t *testing.T, fn func(t *testing.T, open func() *store.DB, owner *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		dsn := storetest.SQLite(t)
		open := func() *store.DB { return storetest.Open(t, sealing(options(dsn))) }
		fn(t, open, open())
	})
	if storetest.HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			app, owner := clone(t)
			fn(t, func() *store.DB { return storetest.Open(t, sealing(options(app))) }, storetest.Open(t, options(owner)))
		})
	}
}

// drain numbers everything that was committed.
func drain(t testing.TB, db *store.DB) {
	t.Helper()
	for {
		b, err := db.Sequence(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if b.Entries == 0 && !b.Busy {
			return
		}
	}
}

// chains checks all clinics and returns how many entries they have.
func chains(t testing.TB, owner *store.DB) (n int64) {
	t.Helper()
	ctx := context.Background()
	journals, err := owner.Journals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range journals {
		if err := chain(ctx, owner, j); err != nil {
			t.Error(err)
		}
		n += j.Last
	}
	return n
}

func chain(ctx context.Context, owner *store.DB, j store.JournalState) error {
	c := audit.NewChain(j.Clinic, sealKey.Public().(ed25519.PublicKey), nil)
	for {
		seals, entries, err := owner.Sealed(ctx, j.Clinic, c.Last(), j.Sealed)
		if err != nil {
			return err
		}
		if len(seals) == 0 {
			return c.End(j.Head, j.Hash, j.Last)
		}
		for i := range seals {
			n := min(len(seals[i].Hashes), len(entries))
			if i == len(seals)-1 {
				n = len(entries)
			}
			if err := c.Add(&seals[i], entries[:n]); err != nil {
				return err
			}
			entries = entries[n:]
		}
	}
}

// Writers of several clinics, some of them at the same records, and three sequencers at once: every entry
// gets one number, the numbers have no gaps, rise with the versions of each record, and what a reader has
// read never gets a smaller neighbour.
func TestSequence(t *testing.T) {
	eachJournal(t, func(t *testing.T, open func() *store.DB, owner *store.DB) {
		const writers, writes = 6, 25
		db := open()
		scopes := []store.Scope{clinic(), clinic(), clinic()}
		shared := map[uuid.UUID]*thing{}
		for _, s := range scopes {
			shared[s.Clinic] = addThing(t, db, s, "shared")
		}
		var busy, others sync.WaitGroup
		var stop atomic.Bool
		for range 3 {
			other := open()
			others.Go(func() {
				pace := time.NewTicker(20 * time.Millisecond)
				defer pace.Stop()
				for ; !stop.Load(); <-pace.C {
					again(t, func() error { _, err := other.Sequence(t.Context()); return err })
				}
			})
		}
		for _, s := range scopes {
			others.Go(func() { neverSmaller(t, db, s, &stop) })
		}
		for w := range writers {
			busy.Go(func() {
				for i := range writes {
					s := scopes[rand.IntN(len(scopes))]
					if rand.IntN(2) == 0 {
						again(t, func() error {
							return db.Update(t.Context(), s, func(tx *store.Tx) error { return tx.Create("thing.added", &thing{Name: fmt.Sprint("thing ", w, i)}) })
						})
						continue
					}
					for done := false; !done; {
						done = changed(t, db, s, shared[s.Clinic].ID)
					}
				}
			})
		}
		busy.Wait()
		stop.Store(true)
		others.Wait()
		drain(t, db)

		if n := chains(t, owner); n != int64(len(scopes)+writers*writes) {
			t.Errorf("%d entries, want %d", n, len(scopes)+writers*writes)
		}
		for _, s := range scopes {
			view(t, db, s, func(tx *store.Tx) error {
				entries, err := tx.Entries(0, uuid.Nil, 10_000)
				versions := map[uuid.UUID]int64{}
				for i, e := range entries {
					if *e.Seq != int64(i+1) {
						t.Errorf("entry %d has number %d", i+1, *e.Seq)
					}
					for _, ev := range e.Events {
						if ev.Version != versions[ev.ID]+1 {
							t.Errorf("number %d is version %d of a record after version %d", *e.Seq, ev.Version, versions[ev.ID])
						}
						versions[ev.ID] = ev.Version
					}
				}
				return err
			})
		}
	})
}

// again repeats what could not get its turn: on a busy machine SQLite's writers wait long for each other.
func again(t *testing.T, do func() error) {
	for {
		err := do()
		if errors.Is(err, store.ErrUnavailable) {
			continue
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
}

// changed makes the next version of the thing, unless somebody else has just done so.
func changed(t *testing.T, db *store.DB, s store.Scope, id uuid.UUID) bool {
	t.Helper()
	err := db.Update(t.Context(), s, func(tx *store.Tx) error {
		row, err := store.Find[thing](tx, id)
		if err != nil {
			return err
		}
		row.Number++
		return tx.Change("thing.changed", row)
	})
	_, stale := errors.AsType[*store.StaleError](err)
	if err != nil && !stale && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnavailable) {
		t.Error(err)
		return true
	}
	return err == nil
}

// neverSmaller reads from where it was, as clients do: what it has not read yet has larger numbers.
func neverSmaller(t *testing.T, db *store.DB, s store.Scope, stop *atomic.Bool) {
	seen := map[int64]uuid.UUID{}
	var last int64
	for !stop.Load() {
		err := db.View(t.Context(), s, func(tx *store.Tx) error {
			entries, err := tx.Entries(0, uuid.Nil, 10_000)
			for i, e := range entries {
				if *e.Seq != int64(i+1) {
					t.Errorf("number %d comes after %d others", *e.Seq, i)
				}
				if id, read := seen[*e.Seq]; read && id != e.ID || !read && *e.Seq <= last {
					t.Errorf("number %d became another entry after %d was read", *e.Seq, last)
				}
				seen[*e.Seq] = e.ID
			}
			last = int64(len(entries))
			return err
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// A process that stops in the middle of a batch keeps others out until its transaction is over, and no
// number is lost with it.
func TestSequenceTakesTurns(t *testing.T) {
	app, ownerURL := clone(t)
	db, s := storetest.Open(t, sealing(options(app))), clinic()
	addThing(t, db, s, "a")
	owner := storetest.Open(t, options(ownerURL))
	hold := storetest.Superuser(t, app)
	held, release := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() { holdTurn(t, hold, held, release) })
	<-held
	b, err := db.Sequence(t.Context())
	if err != nil || !b.Busy || b.Entries != 0 {
		t.Errorf("while another has the turn: %+v, %v, want Busy", b, err)
	}
	close(release)
	done.Wait()
	drain(t, db)
	if n := chains(t, owner); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

// holdTurn takes the sequencer's turn in a transaction of another process.
func holdTurn(t *testing.T, url string, held, release chan struct{}) {
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Error(err)
		close(held)
		return
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	tx, err := c.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtext('titrate'), hashtext('journal'))`)
	}
	if err != nil {
		t.Error(err)
	}
	close(held)
	<-release
	_ = tx.Rollback(t.Context())
}

// Commits wake this process's sequencer; numbering does not wake it again.
func TestWritten(t *testing.T) {
	eachJournal(t, func(t *testing.T, open func() *store.DB, _ *store.DB) {
		db, s := open(), clinic()
		woken := func() bool {
			select {
			case <-db.Written():
				return true
			default:
				return false
			}
		}
		addThing(t, db, s, "a")
		addThing(t, db, s, "b")
		if !woken() || woken() {
			t.Error("two commits are not one message")
		}
		drain(t, db)
		view(t, db, s, func(*store.Tx) error { return nil })
		if woken() {
			t.Error("numbering or reading woke the sequencer")
		}
	})
}

// What waits is seen in one look.
func TestWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := clinic()
		update(t, db, s, func(tx *store.Tx) error { tx.Note("clinic.seen", "clinics", s.Clinic); return nil })
		w, err := db.Waiting(t.Context(), s.Clinic)
		if err != nil || w.Pending != 1 || w.Oldest.IsZero() || w.Due || w.Numbered != 0 || w.Done[s.Clinic] != 0 {
			t.Errorf("before: %+v, %v", w, err)
		}
		drain(t, db)
		w, err = db.Waiting(t.Context(), s.Clinic)
		if err != nil || w.Pending != 0 || !w.Oldest.IsZero() || w.Numbered != 1 || w.Done[s.Clinic] != 1 {
			t.Errorf("after: %+v, %v", w, err)
		}
	})
}

// Other processes hear of new numbers.
func TestListen(t *testing.T) {
	app, _ := clone(t)
	db, other, s := storetest.Open(t, sealing(options(app))), storetest.Open(t, options(app)), clinic()
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan map[uuid.UUID]int64, 10), make(chan error, 1)
	go func() { ended <- other.Listen(ctx, func(heads map[uuid.UUID]int64) { heard <- heads }) }()
	if first := <-heard; first != nil {
		t.Errorf("listening begins with %v", first)
	}
	addThing(t, db, s, "a")
	addThing(t, db, s, "b")
	drain(t, db)
	if got := <-heard; got[s.Clinic] != 2 {
		t.Errorf("heard %v, want number 2", got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// The worker numbers and seals, and can change nothing that was written; who answers requests cannot even that.
func TestSequenceRights(t *testing.T) {
	app, _ := clone(t)
	db, s := storetest.Open(t, sealing(options(app))), clinic()
	addThing(t, db, s, "a")
	drain(t, db)
	for query, worker := range map[string]bool{
		"UPDATE journal SET seq = seq":             true,
		"UPDATE journal SET actor = 'nobody'":      false,
		"DELETE FROM journal":                      false,
		"UPDATE journal_seals SET hash = previous": false,
		"DELETE FROM journal_seals":                false,
		"DELETE FROM journal_heads":                false,
	} {
		run := func(tx *store.Tx) error { _, err := tx.Exec(query); return err }
		if err := db.System(t.Context(), "test", run); (err == nil) != worker {
			t.Errorf("worker: %s: %v", query, err)
		}
		if err := db.Update(t.Context(), s, run); err == nil {
			t.Errorf("login: %s was allowed", query)
		}
	}
}
