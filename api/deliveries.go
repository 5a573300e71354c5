package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// The messages that are no events of the journal: they go to one endpoint only.
const (
	challengeType = "webhook.challenge"
	testType      = "webhook.test"
)

// maxReplay is how many numbers are replayed at once.
const maxReplay = 10_000

// TestWebhookEndpoint sends a test, or the challenge again. It is sent after the answer: nobody's transaction
// waits for somebody else's server.
func (s *Server) TestWebhookEndpoint(ctx context.Context, req oapi.TestWebhookEndpointRequestObject) (oapi.TestWebhookEndpointResponseObject, error) {
	tx := store.From(ctx)
	w, err := usableEndpoint(tx, req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	if w.Status == store.WebhookDisabled {
		return nil, problem.New(problem.IllegalTransition, "the endpoint is disabled: enable it first")
	}
	what, event := testType, "webhookEndpoint.tested"
	if w.Status == store.WebhookPending {
		what, event = challengeType, "webhookEndpoint.challenged"
	}
	if err := tx.ParkMessages(w.ID); err != nil {
		return nil, err
	}
	d, err := tx.Deliver(w.ID, what)
	if err != nil {
		return nil, err
	}
	tx.Note(event, "webhook_endpoints", w.ID)
	return oapi.TestWebhookEndpoint201JSONResponse{DeliveryJSONResponse: oapi.DeliveryJSONResponse(deliveryOut(d))}, nil
}

// ListDeliveries lists deliveries, newest first.
func (s *Server) ListDeliveries(ctx context.Context, req oapi.ListDeliveriesRequestObject) (oapi.ListDeliveriesResponseObject, error) {
	p := req.Params
	endpoint, status := orZero(p.WebhookEndpointID), store.DeliveryStatus(orZero(p.Status))
	page, err := s.page(ctx, p.Limit, p.Cursor, endpoint, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListDeliveries(endpoint, status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.DeliveryPage{Items: []oapi.Delivery{}}
	for i := range rows {
		out.Items = append(out.Items, deliveryOut(&rows[i]))
	}
	if out.NextCursor, err = s.next(ctx, key, endpoint, status); err != nil {
		return nil, err
	}
	return oapi.ListDeliveries200JSONResponse{DeliveryPageJSONResponse: oapi.DeliveryPageJSONResponse{Body: out}}, nil
}

// RetryDelivery makes a delivery due now.
func (s *Server) RetryDelivery(ctx context.Context, req oapi.RetryDeliveryRequestObject) (oapi.RetryDeliveryResponseObject, error) {
	tx := store.From(ctx)
	d, err := tx.Delivery(req.DeliveryID)
	if err != nil {
		return nil, err
	}
	if d.EntryNumber == nil {
		return nil, problem.New(problem.IllegalTransition, "a challenge or a test is not repeated: test the endpoint again")
	}
	if err := receives(tx, d.EndpointID); err != nil {
		return nil, err
	}
	if err := tx.RetryDelivery(d); err != nil {
		return nil, err
	}
	tx.Note("webhookEndpoint.deliveryRetried", "webhook_endpoints", d.EndpointID)
	if d, err = tx.Delivery(d.ID); err != nil {
		return nil, err
	}
	return oapi.RetryDelivery200JSONResponse{DeliveryJSONResponse: oapi.DeliveryJSONResponse(deliveryOut(d))}, nil
}

// ReplayDeliveries makes the events of a range due again.
func (s *Server) ReplayDeliveries(ctx context.Context, req oapi.ReplayDeliveriesRequestObject) (oapi.ReplayDeliveriesResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	if b.ToNumber < b.FromNumber || b.ToNumber-b.FromNumber >= maxReplay {
		return nil, problem.New(problem.InvalidRequest, "the range is empty or too long", problem.Fault{
			In: problem.InBody, Pointer: "/toNumber", Code: "range", Detail: "at least fromNumber, at most 9,999 more",
		})
	}
	if err := receives(tx, req.WebhookEndpointID); err != nil {
		return nil, err
	}
	w, err := tx.WebhookEndpoint(req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	position, err := tx.HoldWebhookPosition(w.ID)
	if err != nil {
		return nil, err
	}
	upTo := min(b.ToNumber, position) // what is later is sent anyway
	events, err := replayed(tx, w, b.FromNumber, upTo, orZero(b.EventTypes))
	if err != nil {
		return nil, err
	}
	n, err := tx.ReplayDeliveries(w.ID, events)
	if err != nil {
		return nil, err
	}
	tx.Note("webhookEndpoint.deliveriesReplayed", "webhook_endpoints", w.ID)
	return oapi.ReplayDeliveries200JSONResponse{ReplayedDeliveriesJSONResponse: oapi.ReplayedDeliveriesJSONResponse{
		Deliveries: n, UpTo: upTo,
	}}, nil
}

// receives refuses an endpoint that gets no events.
func receives(tx *store.Tx, id uuid.UUID) error {
	w, err := usableEndpoint(tx, id)
	if err == nil && w.Status != store.WebhookActive {
		err = problem.New(problem.IllegalTransition, "the endpoint is not active")
	}
	return err
}

// replayed are the events of a range that an endpoint gets, of these types if there are any.
func replayed(tx *store.Tx, w *store.WebhookEndpoint, from, to int64, types []oapi.EventType) (events []store.Delivery, err error) {
	for after := from - 1; after < to; {
		entries, err := tx.Entries(after, uuid.Nil, entriesLooked)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			e := &entries[i]
			if *e.Seq > to {
				return events, nil
			}
			for position, ev := range e.Events {
				if public(ev) && w.Wants(ev.Event) && (len(types) == 0 || slices.Contains(types, oapi.EventType(ev.Event))) {
					events = append(events, store.EventDelivery(e, position))
				}
			}
		}
		if len(entries) < entriesLooked {
			return events, nil
		}
		after = *entries[len(entries)-1].Seq
	}
	return events, nil
}

func deliveryOut(d *store.Delivery) oapi.Delivery {
	out := oapi.Delivery{
		ID: d.ID, WebhookEndpointID: d.EndpointID, Type: d.EventType, PatientID: d.PatientID,
		Status: oapi.DeliveryStatus(d.Status), Attempts: d.Attempts, AnswerStatus: d.AnswerStatus,
		Failure: textOf[oapi.DeliveryFailure](d.Failure), DurationMs: d.DurationMs, CreatedAt: d.CreatedAt, AttemptedAt: d.AttemptedAt, EndedAt: d.EndedAt,
	}
	if d.EntryNumber != nil {
		out.Event = new(eventID{*d.EntryNumber, *d.EventPosition, markOf(*d.EntryID)}.String())
	}
	if d.Status == store.DeliveryPending {
		out.NextAttemptAt = d.NextAt
	}
	return out
}
