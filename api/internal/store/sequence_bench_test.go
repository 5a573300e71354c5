package store_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// fifty are the clinics whose entries are numbered.
func fifty() (list []store.Scope) {
	for range 50 {
		list = append(list, clinic())
	}
	return list
}

// BenchmarkSequence numbers and seals entries of 50 clinics that are there already, full batches one after the other, in
// the tables as they are shipped: it is here that an entry is put into the indexes of the audit.
func BenchmarkSequence(b *testing.B) {
	each := func(b *testing.B, dsn string) {
		b.Helper()
		db, scopes := storetest.Open(b, sealing(store.Options{DSN: dsn})), fifty()
		const entries = 20_000
		for b.Loop() {
			b.StopTimer()
			for i := range entries / 100 {
				update(b, db, scopes[i%len(scopes)], func(tx *store.Tx) error { return journal(tx, 100) })
			}
			b.StartTimer()
			drain(b, db)
		}
		b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("sqlite", func(b *testing.B) { each(b, storetest.SQLite(b)) })
	if storetest.HasPostgres(b) {
		b.Run("postgres", func(b *testing.B) {
			app, _ := storetest.Postgres(b)
			each(b, app)
		})
	}
}

// journal writes entries without the operations that they would be of.
func journal(tx *store.Tx, n int) error {
	order := "nextval('journal_written')"
	if !tx.OnPostgres() {
		order = "(SELECT coalesce(max(rowid), 0) + 1 FROM journal)"
	}
	for range n - 1 { // the transaction writes the last one
		_, err := tx.Exec(`INSERT INTO journal (clinic_id, id, at, written, operation, actor, request_id, patient_id, outcome, events)
			VALUES ($1, $2, $3, `+order+`, 'recordVitals', 'staff:0190f3a4-0000-7000-8000-000000000001', '0190f3a4-0000-7000-8000-000000000002', $2, 'done',
			'[{"event":"session.vitalsRecorded","record":"sessions","id":"0190f3a4-0000-7000-8000-000000000003","version":7,"hash":"9abef0c68b82b254fdf20c5adb9bda29c9e6a614a3318300d5ff18ddca6def0b"}]')`,
			tx.Scope().Clinic, newID(), tx.Now)
		if err != nil {
			return err
		}
	}
	tx.Note("batch.written", "things", newID())
	return nil
}

// BenchmarkWrites lets eight writers of 50 clinics make records, by turns with and without somebody who numbers what
// they write, so that what else the machine does slows both. It says how fast both were, and how long it took from
// the answer to a commit to its number.
func BenchmarkWrites(b *testing.B) {
	eachDSN(b, func(b *testing.B, dsn string) {
		w := &writes{db: storetest.Open(b, sealing(options(dsn))), scopes: fifty(), committed: map[uuid.UUID]time.Time{}}
		const turns = 20
		var took [2]time.Duration
		b.ResetTimer()
		for turn := range turns {
			took[turn%2] += w.turn(b, b.N/turns+1, turn%2 == 1)
			drain(b, w.db)
		}
		slices.Sort(w.waited)
		b.ReportMetric(float64(b.N)/2/took[0].Seconds(), "writes/s-alone")
		b.ReportMetric(float64(b.N)/2/took[1].Seconds(), "writes/s-numbered")
		b.ReportMetric(100*took[0].Seconds()/took[1].Seconds(), "%-of-alone")
		b.ReportMetric(float64(w.waited[len(w.waited)/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(w.waited[len(w.waited)*99/100].Milliseconds()), "p99-ms")
	})
}

// turn makes n records and returns how long it took.
func (w *writes) turn(b *testing.B, n int, numbering bool) time.Duration {
	ctx, stop := context.WithCancel(context.Background())
	var others, busy sync.WaitGroup
	if numbering {
		others.Go(func() { w.number(ctx) })
	}
	var left atomic.Int64
	left.Store(int64(n))
	begun := time.Now()
	for i := range 8 {
		busy.Go(func() {
			for k := i; left.Add(-1) >= 0; k += 8 {
				w.write(b, k)
			}
		})
	}
	busy.Wait()
	took := time.Since(begun)
	if numbering {
		time.Sleep(150 * time.Millisecond) // the last ones count, too
	}
	stop()
	others.Wait()
	clear(w.committed)
	return took
}

type writes struct {
	db     *store.DB
	scopes []store.Scope

	mu        sync.Mutex
	committed map[uuid.UUID]time.Time // records that have no number yet
	waited    []time.Duration
}

func (w *writes) write(b *testing.B, n int) {
	id := newID()
	update(b, w.db, w.scopes[n%len(w.scopes)], func(tx *store.Tx) error {
		return tx.Create("thing.added", &thing{Record: store.Record{ID: id}, Name: id.String()})
	})
	w.mu.Lock()
	w.committed[id] = time.Now()
	w.mu.Unlock()
}

// number does what a process does: woken by commits, at most ten batches a second. All that was committed before a
// batch began has its number when it has ended.
func (w *writes) number(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.db.Written():
		}
		w.mu.Lock()
		before := w.committed
		w.committed = map[uuid.UUID]time.Time{}
		w.mu.Unlock()
		if _, err := w.db.Sequence(ctx); err != nil {
			if ctx.Err() == nil {
				panic(err)
			}
			return
		}
		now := time.Now()
		for _, at := range before {
			w.waited = append(w.waited, now.Sub(at))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// eachDSN is each for benchmarks.
func eachDSN(b *testing.B, fn func(b *testing.B, dsn string)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) { fn(b, storetest.SQLite(b)) })
	if storetest.HasPostgres(b) {
		b.Run("postgres", func(b *testing.B) {
			app, _ := clone(b)
			fn(b, app)
		})
	}
}
