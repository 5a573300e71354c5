package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/titrate-health/titrate/api/internal/store"
)

// batchEvery is the least time from one batch of numbers to the next. A batch costs a seal for each clinic in
// it: more of them would cost writers more, and bring nobody's number noticeably sooner.
const batchEvery = 100 * time.Millisecond

// sequencer numbers what was committed until the context ends. Every process has one; which of them gives
// the numbers is decided anew for each batch, so that none is missed when it is killed.
func (s *Server) sequencer(ctx context.Context) {
	complain := s.complainer("numbering the journal")
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.db.Written():
		case <-s.pending:
		}
		b, err := s.batch(ctx)
		complain(ctx, err)
		if b.Busy || b.More { // the other process may not have seen what was committed here
			stir(s.pending)
		}
		pause(ctx, batchEvery)
	}
}

// stir puts a message into a channel that has none.
func stir(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sequence numbers everything that was committed before.
func (s *Server) sequence(ctx context.Context) error {
	for {
		b, err := s.batch(ctx)
		switch {
		case err != nil:
			return err
		case b.Busy:
			pause(ctx, batchEvery/10)
		case !b.More:
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// batch gives up to 2,000 entries their numbers and tells who waits for them.
func (s *Server) batch(ctx context.Context) (store.Batch, error) {
	b, err := s.db.Sequence(ctx)
	if b.Entries > 0 {
		s.journal.batches.Inc()
		s.journal.numbered.Add(float64(b.Entries))
		s.journal.seals.Add(float64(b.Seals))
		s.news.tell(b.Done)
	}
	return b, err
}

// journalMetrics say how far the numbering is. No label names a clinic.
type journalMetrics struct {
	waiting, waited, entries prometheus.Gauge
	batches, numbered, seals prometheus.Counter
}

func newJournalMetrics(r *prometheus.Registry, checkpointAge func() float64) journalMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "titrate", Subsystem: "journal", Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "titrate", Subsystem: "journal", Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "titrate", Subsystem: "journal", Name: "checkpoint_age_seconds",
		Help: "Time since the checkpoint file last had the newest seals; 0 if there is no file.",
	}, checkpointAge))
	return journalMetrics{
		waiting:  gauge("waiting_entries", "Entries that wait for their number."),
		waited:   gauge("waiting_seconds", "Age of the oldest entry that waits for its number."),
		entries:  gauge("head_entries", "Entries that have a number, in all clinics."),
		batches:  counter("batches_total", "Batches that this process has numbered."),
		numbered: counter("numbered_total", "Entries that this process has numbered."),
		seals:    counter("seals_total", "Seals that this process has made."),
	}
}

// see notes what a look has found.
func (m *journalMetrics) see(w store.Waiting, now time.Time) {
	m.waiting.Set(float64(w.Pending))
	m.entries.Set(float64(w.Numbered))
	m.waited.Set(0)
	if !w.Oldest.IsZero() {
		m.waited.Set(max(0, now.Sub(w.Oldest).Seconds()))
	}
}
