package api

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/api/internal/egress"
	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/webhook"
)

const (
	// maxWebhookEndpoints is how many a clinic may have.
	maxWebhookEndpoints = 50
	// previousSecretValid is for how long a rotated secret stays valid unless the admin says otherwise.
	previousSecretValid = 24 * time.Hour
	// webhookKey is the length of a secret, in bytes.
	webhookKey = 32
)

// ListWebhookEndpoints lists the clinic's endpoints, oldest first.
func (s *Server) ListWebhookEndpoints(ctx context.Context, req oapi.ListWebhookEndpointsRequestObject) (oapi.ListWebhookEndpointsResponseObject, error) {
	status := store.WebhookStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListWebhookEndpoints(status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.WebhookEndpointPage{Items: []oapi.WebhookEndpoint{}}
	for i := range rows {
		out.Items = append(out.Items, webhookEndpointOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListWebhookEndpoints200JSONResponse{WebhookEndpointPageJSONResponse: oapi.WebhookEndpointPageJSONResponse{Body: out}}, nil
}

// ShowWebhookEndpoint shows an endpoint, also one that was removed.
func (s *Server) ShowWebhookEndpoint(ctx context.Context, req oapi.ShowWebhookEndpointRequestObject) (oapi.ShowWebhookEndpointResponseObject, error) {
	w, err := store.From(ctx).WebhookEndpoint(req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowWebhookEndpoint200JSONResponse{WebhookEndpointJSONResponse: webhookEndpointOut(w)}, nil
}

// AddWebhookEndpoint adds an endpoint, challenges it and answers its secret.
func (s *Server) AddWebhookEndpoint(ctx context.Context, req oapi.AddWebhookEndpointRequestObject) (oapi.AddWebhookEndpointResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	if err := callOf(ctx).reach; err != nil {
		return nil, unreachable(err)
	}
	if n, err := tx.CountWebhookEndpoints(); err != nil {
		return nil, err
	} else if n >= maxWebhookEndpoints {
		return nil, problem.New(problem.RuleViolated, "a clinic has "+itoa(maxWebhookEndpoints)+" webhook endpoints at most")
	}
	types, err := webhookTypesIn(orZero(b.EventTypes))
	if err != nil {
		return nil, err
	}
	w := &store.WebhookEndpoint{URL: b.URL, Description: orZero(b.Description), Status: store.WebhookPending, EventTypes: types}
	if err := tx.AddWebhookEndpoint(w); err != nil {
		return nil, err
	}
	secret, err := s.newWebhookSecret(tx, w.ID, tx.Now)
	if err != nil {
		return nil, err
	}
	if err := challenge(tx, w.ID); err != nil {
		return nil, err
	}
	shown := webhookEndpointOut(w)
	out := oapi.AddWebhookEndpoint201JSONResponse{}
	out.Body = oapi.AddedWebhookEndpoint{WebhookEndpoint: shown.Body, Secret: secret}
	out.Headers = oapi.AddedWebhookEndpointResponseHeaders{ETag: shown.Headers.ETag, Location: shown.Headers.Location}
	return out, nil
}

// UpdateWebhookEndpoint changes where and what is sent, and switches an endpoint off and on.
func (s *Server) UpdateWebhookEndpoint(ctx context.Context, req oapi.UpdateWebhookEndpointRequestObject) (oapi.UpdateWebhookEndpointResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	w, err := usableEndpoint(tx, req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).reach; err != nil {
		return nil, unreachable(err)
	}
	elsewhere := b.URL != nil && *b.URL != w.URL
	set(&w.URL, b.URL)
	set(&w.Description, b.Description)
	if b.EventTypes != nil {
		if w.EventTypes, err = webhookTypesIn(*b.EventTypes); err != nil {
			return nil, err
		}
	}
	if b.Enabled != nil && !*b.Enabled {
		w.Status, w.DisabledReason = store.WebhookDisabled, new(store.WebhookPaused)
	}
	again := b.Enabled != nil && *b.Enabled && w.Status == store.WebhookDisabled
	if elsewhere {
		w.ProvenAt = nil
	}
	if again || elsewhere && w.Status == store.WebhookActive {
		w.Status, w.DisabledReason = store.WebhookPending, nil
	}
	anew := (again || elsewhere) && w.Status == store.WebhookPending
	if anew { // before the endpoint itself: who removes it takes its position first, too
		if err := tx.Recover(w.ID); err != nil {
			return nil, err
		}
	}
	if err := tx.ChangeWebhookEndpoint("webhookEndpoint.updated", w); err != nil {
		return nil, err
	}
	if anew {
		if err := challenge(tx, w.ID); err != nil {
			return nil, err
		}
	}
	return oapi.UpdateWebhookEndpoint200JSONResponse{WebhookEndpointJSONResponse: webhookEndpointOut(w)}, nil
}

// RemoveWebhookEndpoint ends an endpoint for good.
func (s *Server) RemoveWebhookEndpoint(ctx context.Context, req oapi.RemoveWebhookEndpointRequestObject) (oapi.RemoveWebhookEndpointResponseObject, error) {
	tx := store.From(ctx)
	w, err := usableEndpoint(tx, req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	if err := removeEndpoint(tx, w); err != nil {
		return nil, err
	}
	return oapi.RemoveWebhookEndpoint200JSONResponse{WebhookEndpointJSONResponse: webhookEndpointOut(w)}, nil
}

func removeEndpoint(tx *store.Tx, w *store.WebhookEndpoint) error {
	w.Status, w.DisabledReason = store.WebhookRemoved, nil
	if err := tx.ParkDeliveries(w.ID); err != nil {
		return err
	}
	if err := tx.ForgetWebhookSecrets(w.ID); err != nil {
		return err
	}
	return tx.ChangeWebhookEndpoint("webhookEndpoint.removed", w)
}

// RotateWebhookSecret makes a new secret; the previous one stays valid for a while.
func (s *Server) RotateWebhookSecret(ctx context.Context, req oapi.RotateWebhookSecretRequestObject) (oapi.RotateWebhookSecretResponseObject, error) {
	tx := store.From(ctx)
	w, err := usableEndpoint(tx, req.WebhookEndpointID)
	if err != nil {
		return nil, err
	}
	until := tx.Now.Add(previousSecretValid)
	if h := req.Body.PreviousValidHours; h != nil {
		until = tx.Now.Add(time.Duration(*h) * time.Hour)
	}
	secret, err := s.newWebhookSecret(tx, w.ID, until)
	if err != nil {
		return nil, err
	}
	if err := tx.ChangeWebhookEndpoint("webhookEndpoint.secretRotated", w); err != nil {
		return nil, err
	}
	shown := webhookEndpointOut(w)
	out := oapi.RotateWebhookSecret201JSONResponse{}
	out.Body = oapi.WebhookSecret{WebhookEndpoint: shown.Body, Secret: secret, PreviousValidUntil: until}
	out.Headers = oapi.WebhookSecretResponseHeaders{ETag: shown.Headers.ETag}
	return out, nil
}

// usableEndpoint is an endpoint that was not removed.
func usableEndpoint(tx *store.Tx, id uuid.UUID) (*store.WebhookEndpoint, error) {
	w, err := tx.WebhookEndpoint(id)
	if err == nil && w.Status == store.WebhookRemoved {
		err = problem.New(problem.IllegalTransition, "the endpoint was removed")
	}
	return w, err
}

// newWebhookSecret makes the secret that an endpoint's messages are signed with from now on; it is stored sealed.
func (s *Server) newWebhookSecret(tx *store.Tx, endpoint uuid.UUID, previousUntil time.Time) (string, error) {
	key := make([]byte, webhookKey)
	_, _ = rand.Read(key) // it never fails
	sealed, err := s.webhookSecrets.seal(key, endpoint[:])
	if err != nil {
		return "", err
	}
	return webhook.Secret(key), tx.RotateWebhookSecret(endpoint, sealed, previousUntil)
}

// challenge asks an endpoint to prove itself; an earlier challenge, or a test, is not sent any more.
func challenge(tx *store.Tx, endpoint uuid.UUID) error {
	if err := tx.ParkMessages(endpoint); err != nil {
		return err
	}
	tx.Note("webhookEndpoint.challenged", "webhook_endpoints", endpoint)
	_, err := tx.Deliver(endpoint, challengeType)
	return err
}

// lookAtURL looks at the URL that a body names before the transaction begins: nobody's transaction waits for a name server.
func (s *Server) lookAtURL(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		parsed, _, _ := contract.Body(ctx)
		if m, ok := parsed.(map[string]any); ok {
			if text, ok := m["url"].(string); ok {
				callOf(ctx).reach = s.reachable(ctx, text)
			}
		}
		return next(c)
	}
}

// lookUp is how long a name may take to be resolved when an endpoint is added.
const lookUp = 2 * time.Second

// reachable refuses a URL that may not be called. A name that does not resolve may be set up later: nothing is
// sent until it does.
func (s *Server) reachable(ctx context.Context, text string) error {
	u, err := s.gate.Parse(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	if err := s.gate.Look(ctx, u); !errors.Is(err, egress.ErrUnresolved) {
		return err
	}
	return nil
}

// unreachable says why a URL is refused.
func unreachable(err error) error {
	f := problem.Fault{In: problem.InBody, Pointer: "/url", Code: "url_not_allowed", Detail: "must be https, without credentials and fragment"}
	switch {
	case errors.Is(err, egress.ErrPort):
		f.Code, f.Detail = "port_not_allowed", "the port must be 443, or 1024 and above"
	case errors.Is(err, egress.ErrPrivate):
		f.Code, f.Detail = "address_not_public", "leads to an address that is not public"
	}
	return problem.New(problem.InvalidRequest, "the URL cannot be a webhook endpoint", f)
}

// webhookTypesIn refuses what is never sent: who asks for it would wait for ever.
func webhookTypesIn(types []oapi.EventType) ([]store.WebhookEventType, error) {
	list := make([]store.WebhookEventType, len(types))
	var faults []problem.Fault
	for i, t := range types {
		list[i].Type = string(t)
		if eventTypes[string(t)] == ofEndpoints {
			faults = append(faults, problem.Fault{In: problem.InBody, Pointer: "/eventTypes/" + itoa(i), Code: "enum", Detail: "What is done with endpoints is not sent to endpoints."})
		}
	}
	if len(faults) > 0 {
		return nil, problem.New(problem.InvalidRequest, "", faults...)
	}
	return list, nil
}

func webhookEndpointOut(w *store.WebhookEndpoint) oapi.WebhookEndpointJSONResponse {
	types := make([]oapi.EventType, len(w.EventTypes))
	for i, t := range w.EventTypes {
		types[i] = oapi.EventType(t.Type)
	}
	out := oapi.WebhookEndpoint{
		ID: w.ID, Version: w.Version, URL: w.URL, Description: w.Description, EventTypes: types, Status: oapi.WebhookStatus(w.Status),
		DisabledReason: textOf[oapi.WebhookDisabledReason](w.DisabledReason), ProvenAt: w.ProvenAt, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
	return oapi.WebhookEndpointJSONResponse{Body: out, Headers: oapi.WebhookEndpointResponseHeaders{
		ETag: etag(w.Version), Location: location("webhook-endpoints", w.ID),
	}}
}
