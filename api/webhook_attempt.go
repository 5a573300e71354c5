package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/egress"
	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// waits are those between the attempts of a delivery: ten attempts in a little more than three days.
var waits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	// jitter is how much of a wait is left to chance, in either direction, so that what has failed together does not come back together.
	jitter = 0.1
	// longestPause bounds what an endpoint can ask for by Retry-After.
	longestPause = 24 * time.Hour
	// answerRead is how much of an answer is read, in bytes.
	answerRead = 4 << 10
)

// sendResult is what has come of an attempt.
type sendResult struct {
	store.Attempt
	url         string // that was called
	proven      bool   // the challenge was given back
	gone        bool   // it does not want anything any more
	interrupted bool   // nobody knows
}

// attempt sends a delivery once.
func (s *Server) attempt(ctx context.Context, claim *store.Claim, d *store.ClaimedDelivery) *sendResult {
	a := &sendResult{Attempt: store.Attempt{Delivery: d.Delivery}, url: claim.Endpoint.URL}
	began := s.now()
	status, retryAfter, body, err := s.post(ctx, claim, d)
	a.Duration = s.now().Sub(began)
	if err != nil && ctx.Err() != nil {
		a.interrupted = true
		return a
	}
	if status > 0 {
		a.AnswerStatus = &status
	}
	switch {
	case status > 299 && status < 400:
		a.Failure = new(store.FailureRedirect)
	case err != nil && status == 0:
		a.Failure = new(failureOf(err))
	case status < 200 || status > 299:
		a.Failure = new(store.FailureStatus)
	case d.EventType == challengeType:
		a.proven = string(bytes.TrimSpace(body)) == s.challengeOf(d.ID)
		if !a.proven {
			a.Failure = new(store.FailureChallenge)
		}
	}
	s.schedule(a, retryAfter)
	return a
}

// schedule says when a delivery is sent again, if it is.
func (s *Server) schedule(a *sendResult, retryAfter time.Duration) {
	status := orZero(a.AnswerStatus)
	a.gone = status == http.StatusGone
	tried := a.Delivery.Attempts + 1
	switch {
	case a.Failure == nil:
		a.Status = store.DeliverySucceeded
		return
	case tried > len(waits) && !a.gone: // what an endpoint that has gone has not got waits for its return
		a.Status = store.DeliveryFailed
	default:
		a.Status = store.DeliveryPending
	}
	wait := waits[min(tried, len(waits))-1]
	wait += time.Duration((rand.Float64()*2 - 1) * jitter * float64(wait)) //nolint:gosec // chance, not secrecy
	now := s.now()
	if retryAfter > 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		pause := min(retryAfter, longestPause)
		a.PausedUntil, wait = new(now.Add(pause)), max(wait, pause)
	}
	if a.Status == store.DeliveryPending {
		a.NextAt = new(now.Add(wait))
	}
}

// post makes the request. The error says why there is no answer, or no whole one.
func (s *Server) post(ctx context.Context, claim *store.Claim, d *store.ClaimedDelivery) (status int, retryAfter time.Duration, body []byte, err error) {
	r, err := s.message(ctx, claim, d)
	if err != nil {
		return 0, 0, nil, err
	}
	res, err := s.webhooks.client.Do(r)
	if err != nil {
		return 0, 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, answerRead))
	return res.StatusCode, s.retryAfter(res.Header.Get("Retry-After")), body, err
}

// message is the signed request for a delivery.
func (s *Server) message(ctx context.Context, claim *store.Claim, d *store.ClaimedDelivery) (*http.Request, error) {
	to, err := s.gate.Parse(claim.Endpoint.URL) // what may be called may have changed since it was added
	if err != nil {
		return nil, err
	}
	secrets := make([]string, len(claim.Secrets))
	for i, sealed := range claim.Secrets {
		key, err := s.webhookSecrets.open(sealed, d.EndpointID[:])
		if err != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "webhook secret cannot be opened", slog.String("endpoint", d.EndpointID.String()))
			return nil, err
		}
		secrets[i] = webhook.Secret(key)
	}
	body := s.messageBody(d)
	header, err := webhook.Sign(d.ID.String(), s.now(), body, secrets...)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Titrate-Webhooks")
	return r, nil
}

// endpointMessage is what a challenge or a test says: to one endpoint only, and not in the journal's list of events.
type endpointMessage struct {
	ID        uuid.UUID        `json:"id"`
	Type      string           `json:"type"`
	At        time.Time        `json:"at"`
	Record    oapi.EventRecord `json:"record"`
	Challenge string           `json:"challenge,omitempty"` // to be given back
}

// messageBody is the event, as listEvents has it, or what a challenge or a test says.
func (s *Server) messageBody(d *store.ClaimedDelivery) []byte {
	if d.Entry != nil {
		return mustJSON(eventOut(d.Entry, *d.EventPosition))
	}
	m := endpointMessage{
		ID: d.ID, Type: d.EventType, At: d.CreatedAt,
		Record: oapi.EventRecord{Type: oapi.RecordType(recordType("webhook_endpoints")), ID: d.EndpointID},
	}
	if d.EventType == challengeType {
		m.Challenge = s.challengeOf(d.ID)
	}
	return mustJSON(m)
}

// challengeOf is what an endpoint has to give back. It follows from the delivery: each attempt has the same.
func (s *Server) challengeOf(delivery uuid.UUID) string {
	h := hmac.New(sha256.New, s.challengeKey[:])
	h.Write(delivery[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// retryAfter reads the header: seconds, or a time. What cannot be read is no wish.
func (s *Server) retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(s.now())
	}
	return 0
}

// failureOf says in a word why there was no answer. The error's text may name addresses: it goes nowhere.
func failureOf(err error) store.DeliveryFailure {
	var timeout net.Error
	certificate, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	switch {
	case errors.Is(err, egress.ErrRedirect):
		return store.FailureRedirect
	case errors.Is(err, egress.ErrUnresolved):
		return store.FailureName
	case errors.Is(err, egress.ErrPrivate), errors.Is(err, egress.ErrURL), errors.Is(err, egress.ErrPort):
		return store.FailureAddress
	case untrusted && certificate != nil, noTLS, alert, hostname:
		return store.FailureTLS
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return store.FailureTimeout
	}
	return store.FailureConnection
}

// ofEndpoints is the table of the events that stay in the clinic.
const ofEndpoints = "webhook_endpoints"

// public reports whether an event goes to endpoints: one that is in the catalogue. What is done with endpoints themselves is the clinic's own
// business, not its partners'.
func public(ev store.Event) bool {
	return ev.Record != ofEndpoints && eventTypes[ev.Event] != "" && recordType(ev.Record) != ""
}
