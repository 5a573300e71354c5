package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// attempt is one request with a key: it replays, or makes its effect and keeps its answer.
func attempt(ctx context.Context, db *store.DB, s store.Scope, name string) (body string, err error) {
	err = db.Update(ctx, s, func(tx *store.Tx) error {
		earlier, err := tx.Earlier()
		if err != nil {
			return err
		}
		if earlier != nil {
			body = string(earlier.Body)
			return errStop
		}
		row := &thing{Name: name, Number: time.Now().UnixNano()}
		if err := tx.Create("thing.added", row); err != nil {
			return err
		}
		body = fmt.Sprintf("%s %d", row.ID, row.Number)
		tx.Keep(&store.Answer{Status: 201, Header: map[string][]string{"Etag": {`"1"`}}, Body: []byte(body)})
		return nil
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return body, err
}

func keyed(s store.Scope, n byte) store.Scope {
	s.Key, s.Fingerprint = store.Hash{n, 1}, store.Hash{n, 2}
	return s
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := keyed(clinic(), 1)
		first, err := attempt(t.Context(), db, s, "a")
		if err != nil {
			t.Fatal(err)
		}
		again, err := attempt(t.Context(), db, s, "b")
		if err != nil || again != first {
			t.Errorf("again: %q, %v; want %q", again, err, first)
		}
		changed := s
		changed.Fingerprint[5]++
		if _, err := attempt(t.Context(), db, changed, "c"); !errors.Is(err, store.ErrKeyReused) {
			t.Errorf("another request: %v, want ErrKeyReused", err)
		}
		elsewhere := keyed(clinic(), 1)
		if body, err := attempt(t.Context(), db, elsewhere, "a"); err != nil || body == first {
			t.Errorf("another clinic: %q, %v; want an effect of its own", body, err)
		}
		view(t, db, s, func(tx *store.Tx) error { // a key means nothing to a read
			if a, err := tx.Earlier(); a != nil || err != nil {
				t.Errorf("in View: %v, %v", a, err)
			}
			return nil
		})
		update(t, db, s, func(tx *store.Tx) error {
			a, err := tx.Earlier()
			if err != nil {
				return err
			}
			want := &store.Answer{Status: 201, Header: map[string][]string{"Etag": {`"1"`}}, Body: []byte(first)}
			if diff := cmp.Diff(want, a); diff != "" {
				t.Errorf("answer (-want +got)\n%s", diff)
			}
			return nil
		})
	})
}

// Nothing that fails uses the key up.
func TestFailureLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := keyed(clinic(), 1)
		add := func(tx *store.Tx) error {
			tx.Keep(&store.Answer{Status: 201})
			return tx.Create("thing.added", &thing{Name: "a"})
		}
		for name, tc := range map[string]struct {
			fn   func(tx *store.Tx) error
			want error
		}{
			"error": {func(tx *store.Tx) error { return errors.Join(add(tx), errStop) }, errStop},
			"no event": {func(tx *store.Tx) error {
				return tx.ORM().Create(&thing{Record: store.Record{ID: newID()}, Name: "a"}).Error
			}, store.ErrUnrecorded},
			"a refused write that nobody looked at": {func(tx *store.Tx) error {
				err := add(tx)
				_ = tx.Create("thing.added", &thing{Name: "a"})
				return err
			}, store.ErrConflict},
			"nested door": {func(tx *store.Tx) error {
				return errors.Join(add(tx), db.View(store.With(t.Context(), tx), s, func(*store.Tx) error { return nil }))
			}, store.ErrNested},
			"long answer": {func(tx *store.Tx) error {
				err := add(tx)
				tx.Keep(&store.Answer{Status: 200, Body: make([]byte, 300<<10)})
				return errors.Join(err, nil)
			}, nil},
		} {
			err := db.Update(t.Context(), s, tc.fn)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.Update(t.Context(), s, func(tx *store.Tx) error {
				_ = add(tx)
				panic("a bug")
			})
			t.Error("the panic was swallowed")
		}()
		for _, table := range []string{"things", "journal", "history", "idempotency_records"} {
			if n := tally(t, db, s, table); n != 0 {
				t.Errorf("%d rows in %s, want none", n, table)
			}
		}
		update(t, db, s, add)
		for _, table := range []string{"things", "journal", "history", "idempotency_records"} {
			if n := tally(t, db, s, table); n != 1 {
				t.Errorf("after success: %d rows in %s, want 1", n, table)
			}
		}
	})
}

func TestScopeIsNeeded(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		whole := clinic()
		for name, spoil := range map[string]func(*store.Scope){
			"clinic":    func(s *store.Scope) { s.Clinic = whole.Actor.ID; s.Clinic = [16]byte{} },
			"actor":     func(s *store.Scope) { s.Actor = store.Actor{} },
			"operation": func(s *store.Scope) { s.Operation = "" },
		} {
			s := whole
			spoil(&s)
			if err := db.View(t.Context(), s, func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrNoScope) {
				t.Errorf("without %s: %v, want ErrNoScope", name, err)
			}
		}
	})
}

// Two processes with warm pools, storms of the same request: one effect each, one answer.
func TestStorms(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, dsn string) {
		dbs := []*store.DB{db, storetest.Open(t, options(dsn))}
		warm(dbs)
		s := clinic()
		var refused atomic.Int64
		const storms, size = 50, 20
		for n := range storms {
			storm := keyed(s, byte(n))
			answers := make([]string, size)
			gate, wg := make(chan struct{}), sync.WaitGroup{}
			for i := range size {
				wg.Go(func() {
					<-gate
					for {
						body, err := attempt(t.Context(), dbs[i%2], storm, fmt.Sprint(storm.Key[0]))
						if errors.Is(err, store.ErrInProgress) {
							refused.Add(1)
							time.Sleep(time.Millisecond)
							continue
						}
						if err != nil {
							t.Error(err)
						}
						answers[i] = body
						return
					}
				})
			}
			close(gate)
			wg.Wait()
			for _, a := range answers {
				if a != answers[0] || a == "" {
					t.Fatalf("storm %d: answers %q", n, answers)
				}
			}
		}
		t.Logf("%d attempts were told that the key is being worked on", refused.Load())
		for _, table := range []string{"things", "journal", "history", "idempotency_records"} {
			if n := tally(t, db, s, table); n != storms {
				t.Errorf("%d rows in %s, want %d", n, table, storms)
			}
		}
	})
}

// warm opens the connections: a cold start hides races.
func warm(dbs []*store.DB) {
	var wg sync.WaitGroup
	for _, db := range dbs {
		for range 16 {
			wg.Go(func() {
				_ = db.View(context.Background(), clinic(), func(*store.Tx) error { time.Sleep(20 * time.Millisecond); return nil })
			})
		}
	}
	wg.Wait()
}

// Storms can miss a snapshot that is older than the lock; this cannot.
func TestIsolation(t *testing.T) {
	app, _ := clone(t)
	db := storetest.Open(t, options(app))
	for name, tc := range map[string]struct {
		door func(context.Context, store.Scope, func(*store.Tx) error) error
		s    store.Scope
		want string
	}{
		"update":       {db.Update, clinic(), "read committed"},
		"keyed update": {db.Update, keyed(clinic(), 1), "read committed"},
		"view":         {db.View, clinic(), "repeatable read"},
	} {
		var got, timeout, set string
		err := tc.door(t.Context(), tc.s, func(tx *store.Tx) error {
			return tx.Conn().QueryRowContext(t.Context(), `SELECT current_setting('transaction_isolation'),
				current_setting('lock_timeout'), current_setting('app.clinic')`).Scan(&got, &timeout, &set)
		})
		if err != nil || got != tc.want || timeout != "3s" || set != tc.s.Clinic.String() {
			t.Errorf("%s: %s, lock_timeout %s, clinic %s, %v; want %s", name, got, timeout, set, err, tc.want)
		}
	}
}

func TestFacts(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, dsn string) {
		s := clinic()
		ann, _ := addPatient(t, db, s, "Ann")
		ben, _ := addPatient(t, db, s, "Ben")
		s.Fingerprint = store.Hash{7}
		id := newID()
		dbs := []*store.DB{db, storetest.Open(t, options(dsn))}
		warm(dbs)
		var first, repeated atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				err := dbs[i%2].Update(t.Context(), s, func(tx *store.Tx) error {
					if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: ann.ID}); err != nil {
						return err
					}
					again, err := tx.ClaimFact(id, ann.ID)
					if err != nil {
						return err
					}
					if again {
						repeated.Add(1)
						return nil
					}
					first.Add(1)
					return tx.Create("fact.recorded", &treatment{Record: store.Record{ID: id}, PatientID: ann.ID, Course: Course{Status: "planned"}})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if first.Load() != 1 || repeated.Load() != 99 {
			t.Errorf("%d first, %d repeated; want 1 and 99", first.Load(), repeated.Load())
		}
		changed, own := s, s
		changed.Fingerprint = store.Hash{8}
		own.OnlyPatient = ben.ID
		for name, tc := range map[string]struct {
			s       store.Scope
			patient *patient
		}{
			"another body":                    {changed, ann},
			"another patient":                 {s, ben},
			"another patient, in their scope": {own, ben},
		} {
			err := db.Update(t.Context(), tc.s, func(tx *store.Tx) error { _, err := tx.ClaimFact(id, tc.patient.ID); return err })
			if !errors.Is(err, store.ErrIDInUse) {
				t.Errorf("%s: %v, want ErrIDInUse", name, err)
			}
		}
		if err := db.Update(t.Context(), s, func(tx *store.Tx) error { _, err := tx.ClaimFact(newID(), ann.ID); return err }); !errors.Is(err, store.ErrUnrecorded) {
			t.Errorf("claim without a record: %v, want ErrUnrecorded", err)
		}
	})
}

// proxy stands between the store and the server and swallows what the server says once it is
// told to.
type proxy struct {
	net.Listener
	deaf atomic.Bool
}

func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{Listener: l}
	u.Host = l.Addr().String()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client, target)
		}
	}()
	return p, u.String()
}

func (p *proxy) serve(client net.Conn, target string) {
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	go func() {
		defer server.Close()
		copyBytes(server, client, nil)
	}()
	defer client.Close()
	copyBytes(client, server, &p.deaf)
}

func copyBytes(to, from net.Conn, deaf *atomic.Bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || deaf != nil && deaf.Load() {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
