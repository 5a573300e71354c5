package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/titrate-health/titrate/api/internal/store"
)

const (
	// perEndpoint is how many messages are on their way to an endpoint at once.
	perEndpoint = 16
	// sendLimit is how long an endpoint may take to answer, from the look-up of its name to its body.
	sendLimit = 12 * time.Second
	// claimFor is for how long a process has a delivery to itself: longer than any attempt.
	claimFor = time.Minute
	// gather is how long answers are waited for that are written down together with the first.
	gather = 5 * time.Millisecond
	// failingFor is how long nothing may succeed until an endpoint is disabled.
	failingFor = 5 * 24 * time.Hour
	// keepDeliveries is for how long deliveries that have ended can be looked at.
	keepDeliveries = 30 * 24 * time.Hour
)

// webhookSender is what the process that sends webhooks knows. What has to be sent, and who does it, stands in the database.
type webhookSender struct {
	client *http.Client
	mu     sync.Mutex
	busy   map[store.EndpointRef]chan struct{} // endpoints that this process sends to at this moment, and how they hear of more
	ended  *prometheus.CounterVec
}

// begin makes the caller the one who sends to an endpoint in this process, and returns where he hears that there is more to do. It
// returns nil if somebody else is: then he hears it.
func (w *webhookSender) begin(at store.EndpointRef) (news chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if news := w.busy[at]; news != nil {
		stir(news)
		return nil
	}
	if w.busy == nil {
		w.busy = map[store.EndpointRef]chan struct{}{}
	}
	news = make(chan struct{}, 1)
	w.busy[at] = news
	return news
}

func (w *webhookSender) end(at store.EndpointRef) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, at)
}

// sendWebhooks sends what the look has found until the context ends. Each endpoint is served by a goroutine of its own: none waits
// for another.
func (s *Server) sendWebhooks(ctx context.Context) {
	complain := s.complainer("webhooks")
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.toSend:
		}
		list, err := s.db.EndpointsWithWork(ctx)
		complain(ctx, err)
		for _, at := range list {
			if news := s.webhooks.begin(at); news != nil {
				serving.Go(func() { s.attend(ctx, at, news) })
			}
		}
	}
}

// attend serves an endpoint until nothing is due any more.
func (s *Server) attend(ctx context.Context, at store.EndpointRef, news <-chan struct{}) {
	defer s.webhooks.end(at)
	err := unharmed(func() error { _, err := s.serveEndpoint(ctx, at, news); return err })
	if err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "webhooks", slog.String("endpoint", at.EndpointID.String()), slog.String("error", err.Error()))
	}
}

// deliverDue sends everything that is due and returns when nothing is any more: for tests and rehearsals.
func (s *Server) deliverDue(ctx context.Context) error {
	for {
		list, err := s.db.EndpointsWithWork(ctx)
		if err != nil {
			return err
		}
		var serving sync.WaitGroup
		var mu sync.Mutex
		var failed error
		progress := 0
		for _, at := range list {
			news := s.webhooks.begin(at)
			if news == nil {
				continue
			}
			serving.Go(func() {
				defer s.webhooks.end(at)
				n, err := s.serveEndpoint(ctx, at, news)
				mu.Lock()
				defer mu.Unlock()
				progress += n
				failed = errors.Join(failed, err)
			})
		}
		serving.Wait()
		if failed != nil || progress == 0 {
			return failed
		}
	}
}

// serveEndpoint makes deliveries of new events and sends what is due, until neither is there. It returns how much it has done.
func (s *Server) serveEndpoint(ctx context.Context, at store.EndpointRef, news <-chan struct{}) (done int, err error) {
	for ctx.Err() == nil {
		n, err := s.send(ctx, at, news)
		done += n
		if err != nil || n == 0 {
			return done, err
		}
	}
	return done, nil
}

// send makes deliveries of new events and sends what is due, several messages at once, and returns how much it has done. A slow
// answer keeps neither the others from being followed by the next, nor events that come meanwhile from being sent.
func (s *Server) send(ctx context.Context, at store.EndpointRef, news <-chan struct{}) (done int, err error) {
	answers := make(chan *sendResult)
	inFlight := 0
	fresh, idle := true, true // there may be events of which there are no deliveries; there is nothing else to send
	for {
		if limit := perEndpoint - inFlight; ctx.Err() == nil && err == nil && limit > 0 {
			n := 0
			if fresh && idle {
				n, fresh, err = s.db.FanOut(ctx, at, public)
				done += n
			}
			if err == nil {
				n, err = s.sendDue(ctx, at, limit, answers)
				inFlight, idle = inFlight+n, n < limit
			}
			if fresh && idle && err == nil {
				continue
			}
		}
		if inFlight == 0 {
			return done, err
		}
		batch := together(answers, inFlight, news)
		inFlight -= len(batch)
		done += len(batch)
		fresh = fresh || len(batch) == 0
		// What was sent is written down, also when the process is being stopped.
		err = errors.Join(err, s.settleAttempts(context.WithoutCancel(ctx), at, batch))
	}
}

// sendDue sends what is due, so many messages at most, and returns how many answers will come.
func (s *Server) sendDue(ctx context.Context, at store.EndpointRef, limit int, answers chan<- *sendResult) (int, error) {
	claim, err := s.db.Claim(ctx, at, limit, claimFor)
	if err != nil {
		return 0, err
	}
	for i := range claim.Deliveries {
		go func() { answers <- s.attemptUnharmed(ctx, claim, &claim.Deliveries[i]) }()
	}
	return len(claim.Deliveries), nil
}

// attemptUnharmed is attempt, which must not end the process. What has come of one that panics nobody knows: it is due again when
// its claim has ended.
func (s *Server) attemptUnharmed(ctx context.Context, claim *store.Claim, d *store.ClaimedDelivery) *sendResult {
	a := &sendResult{interrupted: true}
	if err := unharmed(func() error { a = s.attempt(ctx, claim, d); return nil }); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "webhooks", slog.String("delivery", d.ID.String()), slog.String("error", err.Error()))
	}
	return a
}

// together waits for an answer, and a moment for more; for none if there is news first.
func together(answers <-chan *sendResult, inFlight int, news <-chan struct{}) (batch []*sendResult) {
	select {
	case a := <-answers:
		batch = append(batch, a)
	case <-news:
		return nil
	}
	moment := time.NewTimer(gather)
	defer moment.Stop()
	for len(batch) < inFlight {
		select {
		case a := <-answers:
			batch = append(batch, a)
		case <-moment.C:
			return batch
		}
	}
	return batch
}

// settleAttempts writes down what has come of attempts, and what follows for the endpoint.
func (s *Server) settleAttempts(ctx context.Context, at store.EndpointRef, batch []*sendResult) error {
	var list []store.Attempt
	gone, failed := false, false
	for _, a := range batch {
		if a.interrupted { // by the end of this process: another one takes it over
			continue
		}
		if a.proven {
			if err := s.prove(ctx, at, a.url); err != nil {
				return err
			}
		}
		gone, failed = gone || a.gone, failed || a.Failure != nil
		list = append(list, a.Attempt)
	}
	if len(list) == 0 {
		return nil
	}
	since, err := s.db.Settle(ctx, at, list)
	if err != nil {
		return err
	}
	for i := range list {
		s.webhooks.ended.WithLabelValues(outcomeOf(&list[i])).Inc()
	}
	switch {
	case gone:
		return s.disable(ctx, at, store.WebhookGone)
	case failed && since != nil && s.now().Sub(*since) >= failingFor:
		return s.disable(ctx, at, store.WebhookFailing)
	}
	return nil
}

// prove says that an endpoint has answered its challenge, if it is still the one that was challenged.
func (s *Server) prove(ctx context.Context, at store.EndpointRef, url string) error {
	return s.changeEndpoint(ctx, at, "proveWebhookEndpoint", "webhookEndpoint.proven", func(tx *store.Tx, w *store.WebhookEndpoint) bool {
		if w.Status != store.WebhookPending || w.URL != url {
			return false
		}
		w.Status, w.ProvenAt = store.WebhookActive, &tx.Now
		return true
	})
}

// disable has nothing sent to an endpoint until an admin enables it. What is pending waits. Operators are told by the log
// and a metric, admins by the event and the status.
func (s *Server) disable(ctx context.Context, at store.EndpointRef, why store.WebhookDisabledReason) error {
	disabled := false
	err := s.changeEndpoint(ctx, at, "disableWebhookEndpoint", "webhookEndpoint.disabled", func(_ *store.Tx, w *store.WebhookEndpoint) bool {
		if disabled = w.Status == store.WebhookPending || w.Status == store.WebhookActive; disabled {
			w.Status, w.DisabledReason = store.WebhookDisabled, &why
		}
		return disabled
	})
	if err == nil && disabled {
		s.log.WarnContext(ctx, "webhook endpoint disabled", "endpoint", at.EndpointID, "reason", why)
	}
	return err
}

// changeTries is how often the system tries to change an endpoint that somebody else changes at the same moment.
const changeTries = 5

// changeEndpoint changes an endpoint in the system's name, if change says so. If somebody else has changed it at the same moment, it is
// read again: what an endpoint has answered is not asked for a second time.
func (s *Server) changeEndpoint(ctx context.Context, at store.EndpointRef, operation, event string, change func(*store.Tx, *store.WebhookEndpoint) bool) error {
	scope := store.Scope{Clinic: at.ClinicID, Actor: store.Actor{Kind: store.ActorSystem}, Operation: operation}
	for try := 1; ; try++ {
		err := s.db.Update(ctx, scope, func(tx *store.Tx) error {
			w, err := tx.WebhookEndpoint(at.EndpointID)
			if err != nil || !change(tx, w) {
				return err
			}
			return tx.ChangeWebhookEndpoint(event, w)
		})
		if _, stale := errors.AsType[*store.StaleError](err); !stale || try == changeTries {
			return err
		}
	}
}
