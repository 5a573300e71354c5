package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// A commit that fails is unknown to the caller; the retry makes the one effect.
func TestCommitFails(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		owner := ""
		if t.Name() == "TestCommitFails/postgres" {
			app, o := clone(t)
			owner, db = o, storetest.Open(t, options(app))
		}
		ways := map[string]func(tx *store.Tx) error{
			"deferred foreign key": func(tx *store.Tx) error { // SQLite only
				if _, err := tx.Conn().ExecContext(t.Context(), "PRAGMA defer_foreign_keys = ON"); err != nil {
					return err
				}
				return store.Replace(tx, "thing_id", newID(), []licence{{State: "NY"}})
			},
		}
		if owner != "" {
			storetest.Exec(t, owner,
				`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
				`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.number = 1) EXECUTE FUNCTION refuse()`)
			storetest.Exec(t, storetest.Superuser(t, owner),
				`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$`,
				`CREATE CONSTRAINT TRIGGER die AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.number = 2) EXECUTE FUNCTION die()`)
			ways = map[string]func(tx *store.Tx) error{
				"deferred constraint":    func(tx *store.Tx) error { return tx.Create("e", &thing{Name: "x", Number: 1}) },
				"backend dies in COMMIT": func(tx *store.Tx) error { return tx.Create("e", &thing{Name: "x", Number: 2}) },
			}
		}
		for name, fail := range ways {
			s := keyed(clinic(), 1)
			err := db.Update(t.Context(), s, func(tx *store.Tx) error {
				tx.Keep(&store.Answer{Status: 201})
				return errors.Join(tx.Create("thing.added", &thing{Name: "a"}), fail(tx))
			})
			if !errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrOutcomeUnknown alone", name, err)
			}
			for _, table := range []string{"things", "journal", "idempotency_records"} {
				if n := tally(t, db, s, table); n != 0 {
					t.Errorf("%s: %d rows in %s, want none", name, n, table)
				}
			}
			eventually(t, func() error { // a backend that dies holds the key until it is gone
				_, err := attempt(t.Context(), db, s, "a")
				return err
			})
			if n := tally(t, db, s, "things"); n != 1 {
				t.Errorf("%s: %d things after the retry, want 1", name, n)
			}
		}
	})
}

// A statement before COMMIT that is refused is known: nothing was done.
func TestClosingIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := keyed(clinic(), 1)
		if _, err := attempt(t.Context(), db, s, "a"); err != nil {
			t.Fatal(err)
		}
		err := db.Update(t.Context(), s, func(tx *store.Tx) error { // does not look for the earlier answer
			tx.Keep(&store.Answer{Status: 201})
			return tx.Create("thing.added", &thing{Name: "b"})
		})
		if err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
			t.Errorf("second answer under a key: %v, want a known refusal", err)
		}
		if n := tally(t, db, s, "things"); n != 1 {
			t.Errorf("%d things, want 1", n)
		}
	})
}

func TestConfirmationIsLost(t *testing.T) {
	app, _ := clone(t)
	p, through := newProxy(t, app)
	o := options(through)
	o.MaxConns = 1
	cut := storetest.Open(t, o)
	// Once before, so that the statements are prepared and COMMIT travels with the first message.
	if _, err := attempt(t.Context(), cut, keyed(clinic(), 1), "a"); err != nil {
		t.Fatal(err)
	}
	s := keyed(clinic(), 1)
	err := cut.Update(t.Context(), s, func(tx *store.Tx) error {
		tx.Keep(&store.Answer{Status: 201, Body: []byte("first")})
		err := tx.Create("thing.added", &thing{Name: "a"})
		p.deaf.Store(true)
		return err
	})
	if !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Fatalf("%v, want ErrOutcomeUnknown", err)
	}
	p.deaf.Store(false)
	eventually(t, func() error {
		body, err := attempt(t.Context(), cut, s, "b")
		if err == nil && body != "first" {
			t.Errorf("retry made %q, want the replay", body)
		}
		return err
	})
}

// eventually gives the server the moment it needs to see that a connection is gone.
func eventually(t *testing.T, fn func() error) {
	t.Helper()
	var err error
	for range 100 {
		if err = fn(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(err)
}

func TestKilledBackends(t *testing.T) {
	app, owner := clone(t)
	db := storetest.Open(t, options(app))
	s := clinic()
	warm([]*store.DB{db})
	const others = `FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	kill := `DO $$ BEGIN
		PERFORM pg_terminate_backend(pid) ` + others + `;
		WHILE EXISTS (SELECT ` + others + `) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP;
	END $$`

	storetest.Exec(t, storetest.Superuser(t, owner), kill)
	for i := range 8 {
		if err := db.View(t.Context(), s, func(tx *store.Tx) error {
			_, err := tx.ResolvePatient(store.Ref{Param: "patientId", ID: newID()})
			return err
		}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("view %d after the kill: %v", i, err)
		}
	}
	warm([]*store.DB{db})
	storetest.Exec(t, storetest.Superuser(t, owner), kill)
	if list, err := db.Memberships(t.Context(), store.Hash{}); err != nil || len(list) != 0 {
		t.Errorf("memberships after the kill: %v, %v", list, err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("ready after the kill: %v", err)
	}

	err := db.Update(t.Context(), s, func(tx *store.Tx) error {
		if err := tx.Create("e", &thing{Name: "a"}); err != nil {
			return err
		}
		storetest.Exec(t, storetest.Superuser(t, owner), kill)
		return tx.Create("e", &thing{Name: "b"})
	})
	if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("killed in the middle: %v, want ErrUnavailable", err)
	}
	if n := tally(t, db, s, "things"); n != 0 {
		t.Errorf("%d things, want none", n)
	}
}

func TestNoFreeConnection(t *testing.T) {
	each(t, func(t *testing.T, _ *store.DB, dsn string) {
		t.Parallel() // it mostly waits
		o := options(dsn)
		o.MaxConns = 1
		db := storetest.Open(t, o)
		s := clinic()
		busy, done := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			update(t, db, s, func(*store.Tx) error { close(busy); <-done; return nil })
		})
		<-busy
		start := time.Now()
		err := db.Update(t.Context(), s, func(*store.Tx) error { return nil })
		if took := time.Since(start); !errors.Is(err, store.ErrUnavailable) || took > 5*time.Second {
			t.Errorf("%v after %s, want ErrUnavailable after 3 s", err, took)
		}
		if t.Name() == "TestNoFreeConnection/sqlite" { // readers have connections of their own
			view(t, db, s, func(*store.Tx) error { return nil })
		}
		close(done)
		wg.Wait()
		update(t, db, s, func(*store.Tx) error { return nil })
	})
}

func TestCallerLeaves(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		ctx, leave := context.WithCancel(t.Context())
		err := db.Update(ctx, s, func(tx *store.Tx) error {
			leave()
			return tx.Create("thing.added", &thing{Name: "a"})
		})
		if n := tally(t, db, s, "things"); err != nil || n != 1 {
			t.Errorf("%d things, %v; a begun write is finished", n, err)
		}
	})
}

// Sorted by what orders the journal, the versions of a record never go backwards.
func TestJournalOrder(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, dsn string) {
		s := clinic()
		p, c := addPatient(t, db, s, "Ann")
		dbs := []*store.DB{db, storetest.Open(t, options(dsn))}
		warm(dbs)
		const writers, rounds = 16, 20
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for range rounds {
					err := dbs[i%2].Update(t.Context(), s, func(tx *store.Tx) error {
						if _, err := tx.LockPatient(store.Ref{Param: "treatmentId", ID: c.ID}); err != nil {
							return err
						}
						row, err := store.Find[treatment](tx, c.ID)
						if err != nil {
							return err
						}
						return tx.Change("treatment.changed", row)
					})
					if err != nil {
						t.Error(err) // the patient's row makes them queue: nobody is stale
					}
				}
			})
		}
		wg.Wait()
		view(t, db, s, func(tx *store.Tx) error {
			rows, err := tx.Conn().QueryContext(t.Context(), `SELECT h.version, j.patient_id = $2 FROM journal j
				JOIN history h ON h.clinic_id = j.clinic_id AND h.entry_id = j.id AND h.record = 'treatments'
				WHERE j.clinic_id = $1 ORDER BY j.written`, s.Clinic, p.ID)
			if err != nil {
				return err
			}
			defer rows.Close()
			want := int64(1)
			for ; rows.Next(); want++ {
				var version int64
				var hers bool
				if err := rows.Scan(&version, &hers); err != nil {
					return err
				}
				if version != want || !hers {
					t.Fatalf("entry %d has version %d, of the patient: %v", want, version, hers)
				}
			}
			if want != writers*rounds+2 {
				t.Errorf("%d entries, want %d", want-1, writers*rounds+1)
			}
			return rows.Err()
		})
	})
}
