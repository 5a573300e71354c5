package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// problemOf says what the client is told about err. It is the only place where an error
// becomes a status.
func problemOf(err error) *problem.Problem {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	if r, ok := errors.AsType[*treatment.Refusal](err); ok {
		return refused(r)
	}
	if _, ok := errors.AsType[*store.StaleError](err); ok {
		return problem.New(problem.Stale, "the record has changed since; read it again")
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		return routed(h)
	}
	for _, known := range []struct {
		err    error
		code   problem.Code
		detail string
	}{
		{errUnauthenticated, problem.Unauthenticated, "a valid bearer token is required"},
		{store.ErrNotFound, problem.NotFound, "no such record"},
		{store.ErrIDInUse, problem.IDInUse, "the id belongs to another fact"},
		{store.ErrKeyReused, problem.IdempotencyKeyReused, "the key was used for another request"},
		{store.ErrInProgress, problem.IdempotencyInProgress, "the same request is being worked on"},
		{store.ErrConflict, problem.Conflict, "something that must be unique is taken"},
		{store.ErrReference, problem.ReferenceNotFound, "refers to a record that does not exist"},
		{store.ErrInvitationInvalid, problem.InvitationInvalid, "the invitation is unknown, expired or was tried too often"},
		{store.ErrInvitationUsed, problem.InvitationUsed, "somebody else has redeemed the invitation"},
		{store.ErrOutcomeUnknown, problem.OutcomeUnknown, "repeat the request with the same key or id to learn the outcome"},
		{store.ErrUnavailable, problem.Unavailable, "nothing was done; try again"},
		{store.ErrNotMigrated, problem.Unavailable, "the database is being upgraded"},
		{context.DeadlineExceeded, problem.Timeout, "it took too long; nothing was done"},
		{context.Canceled, problem.Unavailable, "the request was given up"},
	} {
		if errors.Is(err, known.err) {
			return problem.New(known.code, known.detail)
		}
	}
	return problem.New(problem.Internal, "the fault is ours; nothing was changed")
}

// refused tells which clinical rules stand in the way.
func refused(r *treatment.Refusal) *problem.Problem {
	p := problem.New(problem.Code(r.Code), r.Detail)
	for _, reason := range r.Reasons {
		f := problem.Fault{In: "record", Pointer: reason.Pointer, Code: string(reason.Rule), Detail: reason.Detail}
		if reason.Limit != "" {
			f.Detail += "; the limit is " + reason.Limit
		}
		if reason.Pointer != "" {
			f.In = problem.InBody
		}
		p.Errors = append(p.Errors, f)
	}
	return p
}

// routed translates what echo's router and binder say.
func routed(h *echo.HTTPError) *problem.Problem {
	switch h.Code {
	case http.StatusNotFound:
		return problem.New(problem.NoRoute, "there is nothing at this path")
	case http.StatusMethodNotAllowed:
		return problem.New(problem.MethodNotAllowed, "the path does not know this method")
	case http.StatusUnsupportedMediaType:
		return problem.New(problem.UnsupportedMediaType, "not a media type of this operation")
	case http.StatusRequestEntityTooLarge:
		return problem.New(problem.BodyTooLarge, "the body is too large")
	case http.StatusBadRequest:
		return problem.New(problem.InvalidRequest, "the request cannot be read")
	}
	return problem.New(problem.Internal, "the fault is ours; nothing was changed")
}

// handleError renders err. Server faults are logged with their error, whose text never holds
// patient data; refusals are the access log's matter.
func (s *Server) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := problemOf(err)
	requestID := ""
	if call := callOf(c.Request().Context()); call != nil {
		requestID = call.requestID
	}
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(c.Request().Context(), "request failed", slog.String("requestId", requestID), slog.String("code", string(p.Code)), slog.String("error", err.Error()))
	}
	h := c.Response().Header()
	if stale, ok := errors.AsType[*store.StaleError](err); ok {
		h.Set("ETag", fmt.Sprintf("%q", fmt.Sprint(stale.Current)))
	}
	if p.Retryable && h.Get(echo.HeaderRetryAfter) == "" {
		h.Set(echo.HeaderRetryAfter, "1")
	}
	h.Set(echo.HeaderContentType, problem.ContentType)
	// Foreign and missing records answer with the same bytes, so the instance names the
	// route, not the ids in it.
	p = p.Complete("", c.Path(), requestID)
	if err := c.JSONBlob(p.Status, mustJSON(p)); err != nil {
		s.log.DebugContext(c.Request().Context(), "answer not sent", slog.String("requestId", requestID))
	}
}
