package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
)

// listenAgain is how long it takes until a lost connection for news is opened again. Until then the look at
// what waits, each second, brings the news.
const listenAgain = 5 * time.Second

// news tells those who wait that something was done in a clinic, and has its number. Any number may wait; none of them holds a
// connection to the database. The zero value is ready.
type news struct {
	mu      sync.Mutex
	heads   map[uuid.UUID]int64 // the last numbers that were heard of
	waiting map[uuid.UUID]*crowd
}

// crowd are those who wait for one clinic.
type crowd struct {
	size int
	told chan struct{} // closed when there is news
}

// wait returns the last number in which something was done in the clinic as soon as it is larger than after. The error is the context's.
func (n *news) wait(ctx context.Context, clinic uuid.UUID, after int64) (head int64, err error) {
	for {
		head, c := n.join(clinic, after)
		if c == nil {
			return head, nil
		}
		select {
		case <-c.told:
		case <-ctx.Done():
			n.leave(clinic, c)
			return head, ctx.Err()
		}
	}
}

// join returns the news if there is any, else the crowd to wait with.
func (n *news) join(clinic uuid.UUID, after int64) (int64, *crowd) {
	n.mu.Lock()
	defer n.mu.Unlock()
	head := n.heads[clinic]
	if head > after {
		return head, nil
	}
	if n.waiting == nil {
		n.waiting = map[uuid.UUID]*crowd{}
	}
	c := n.waiting[clinic]
	if c == nil {
		c = &crowd{told: make(chan struct{})}
		n.waiting[clinic] = c
	}
	c.size++
	return head, c
}

func (n *news) leave(clinic uuid.UUID, c *crowd) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.size--; c.size == 0 && n.waiting[clinic] == c {
		delete(n.waiting, clinic)
	}
}

// tell spreads the last numbers of clinics. What is older than what was told before is no news.
func (n *news) tell(heads map[uuid.UUID]int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for clinic, head := range heads {
		if head <= n.heads[clinic] {
			continue
		}
		if n.heads == nil {
			n.heads = map[uuid.UUID]int64{}
		}
		n.heads[clinic] = head
		if c := n.waiting[clinic]; c != nil {
			close(c.told)
			delete(n.waiting, clinic)
		}
	}
}

// clinics are those that somebody waits for.
func (n *news) clinics() (list []uuid.UUID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for clinic := range n.waiting {
		list = append(list, clinic)
	}
	return list
}

// listen hears of what other processes have numbered until the context ends. Nothing depends on it but
// how soon: what cannot be heard, for example through a pooler, is seen in the next look.
func (s *Server) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.db.Listen(ctx, s.news.tell)
		if errors.Is(err, store.ErrNoListening) {
			return
		}
		pause(ctx, listenAgain)
	}
}

// pause waits, or returns at once when the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
