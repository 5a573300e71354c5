package api

import (
	"context"
	"errors"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
)

const (
	// pruneEvery is how often a process looks for what can be forgotten.
	pruneEvery = time.Hour
	// keepAnswers is for how long a repeated request gets its answer again.
	keepAnswers = 30 * 24 * time.Hour
	// keepEnded is for how long invitations and tickets that are good for nothing stay, so that somebody can
	// still look why one was refused.
	keepEnded = 30 * 24 * time.Hour
)

// pruner prunes when the process begins and once an hour until the context ends.
func (s *Server) pruner(ctx context.Context) {
	complain := s.complainer("pruning")
	for ctx.Err() == nil {
		complain(ctx, s.prune(ctx))
		pause(ctx, pruneEvery)
	}
}

// prune removes what nobody can need any more, a bounded number of rows in each transaction, until nothing is
// left of it or the context ends. Deadlines that were met stay, one for each record and kind: without them a
// change of the record would make them due again.
func (s *Server) prune(ctx context.Context) error {
	now := s.now()
	return errors.Join(
		untilFew(ctx, func() (int64, error) { return s.db.ForgetAnswers(ctx, now.Add(-keepAnswers)) }),
		untilFew(ctx, func() (int64, error) { return s.db.ForgetInvitations(ctx, now.Add(-keepEnded)) }),
		untilFew(ctx, func() (int64, error) { return s.db.ForgetDeliveries(ctx, now.Add(-keepDeliveries)) }),
		s.forgetTickets(ctx, now.Add(-keepEnded)),
	)
}

func untilFew(ctx context.Context, some func() (int64, error)) error {
	for ctx.Err() == nil {
		if n, err := some(); err != nil || n < store.PrunePage {
			return err
		}
	}
	return nil
}

// forgetTickets removes tickets that ended before a time. A session may be planned long ahead: how old a
// ticket is says little.
func (s *Server) forgetTickets(ctx context.Context, before time.Time) error {
	var last store.IssuedTicket
	for ctx.Err() == nil {
		page, err := s.db.Tickets(ctx, before, last)
		if err != nil || len(page) == 0 {
			return err
		}
		last = page[len(page)-1]
		var ended []store.IssuedTicket
		for _, t := range page {
			over, err := s.ticketEnded(ctx, t.Ticket, before)
			if err != nil {
				return err
			}
			if over {
				ended = append(ended, t)
			}
		}
		if err := s.db.ForgetTickets(ctx, ended); err != nil {
			return err
		}
		if len(page) < store.PrunePage {
			return nil
		}
	}
	return nil
}

// ticketEnded reports whether a ticket was good for nothing any more at a time.
func (s *Server) ticketEnded(ctx context.Context, t store.Ticket, at time.Time) (over bool, err error) {
	scope := store.Scope{Clinic: t.Clinic, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "forget tickets"}
	err = s.db.View(ctx, scope, func(tx *store.Tx) error {
		row, err := store.Find[store.Session](tx, t.Session)
		if err != nil {
			return err
		}
		until, err := ticketUntil(tx, row)
		over = at.After(until) || !row.TakesTickets() && at.After(row.UpdatedAt)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return over, err
}
