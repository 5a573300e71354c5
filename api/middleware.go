package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"go.opentelemetry.io/otel/trace"

	"github.com/titrate-health/titrate/pkg/problem"
)

const (
	maxURL     = 4 << 10
	maxHeaders = 16 << 10
)

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// begin gives the request its id and its call, and writes one line about it afterwards: the
// route, never the path, the query, a header or a body.
func (s *Server) begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		started := time.Now() //nolint:forbidigo // how long it took is the machine's time, not the clinic's
		id := r.Header.Get(echo.HeaderXRequestID)
		if !requestIDs.MatchString(id) {
			id = uuid.NewString()
		}
		call := &call{requestID: id, item: itemOf(r.Context())}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), callKey{}, call)))
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		if err := next(c); err != nil {
			c.Error(err)
		}
		operation := ""
		if call.op != nil {
			operation = call.op.ID
		}
		traceID := ""
		if span := trace.SpanContextFromContext(c.Request().Context()); span.HasTraceID() {
			traceID = span.TraceID().String()
		}
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("requestId", id), slog.String("traceId", traceID), slog.String("method", r.Method), slog.String("route", c.Path()),
			slog.String("operation", operation), slog.Int("status", c.Response().Status),
			slog.Int64("bytes", c.Response().Size), slog.Duration("took", time.Since(started))) //nolint:forbidigo // as above
		return nil
	}
}

// recovered keeps a panic from ending the process. What it said may hold patient data: the
// log gets its type and where it happened.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // a panic is no error chain
				panic(v)
			} else if v != nil {
				err = fmt.Errorf("panic: %T\n%s", v, debug.Stack())
			}
		}()
		return next(c)
	}
}

// limits refuses what is too long before anything reads it.
func limits(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if len(r.RequestURI) > maxURL {
			return problem.New(problem.URITooLong, "the URL may have 4 KB")
		}
		size := 0
		for name, values := range r.Header {
			for _, v := range values {
				size += len(name) + len(v) + 4
			}
		}
		if size > maxHeaders {
			return problem.New(problem.HeadersTooLarge, "the header may have 16 KB")
		}
		return next(c)
	}
}

// secured sets the headers that every answer carries.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(echo.HeaderXContentTypeOptions, "nosniff")
		h.Set(echo.HeaderReferrerPolicy, "no-referrer")
		h.Set(echo.HeaderCacheControl, "no-store")
		h.Set(echo.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
		if c.IsTLS() || c.Request().Header.Get(echo.HeaderXForwardedProto) == "https" {
			h.Set(echo.HeaderStrictTransportSecurity, "max-age=63072000")
		}
		return next(c)
	}
}

// cors lets the configured web origins call from a browser; none without configuration.
func cors(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		Skipper:      func(echo.Context) bool { return len(origins) == 0 },
		AllowOrigins: origins,
		AllowMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch},
		AllowHeaders: []string{echo.HeaderAuthorization, echo.HeaderContentType, "Idempotency-Key", "If-Match",
			"If-None-Match", "Last-Event-ID", "Titrate-Clinic", "Titrate-Role", ticketHeader, echo.HeaderXRequestID, "traceparent"},
		ExposeHeaders: []string{"ETag", "Location", "Link", "Idempotent-Replayed", "Titrate-Dry-Run", echo.HeaderXRequestID,
			"RateLimit", "RateLimit-Policy", echo.HeaderRetryAfter},
		MaxAge: 600,
	})
}

// clientAddress believes X-Forwarded-For from trusted proxies only.
func clientAddress(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	return func(r *http.Request) string {
		direct := echo.ExtractIPDirect()(r)
		address, err := netip.ParseAddr(direct)
		if err != nil || !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) }) {
			return direct
		}
		return echo.ExtractIPFromXFFHeader(trustOptions(trusted)...)(r)
	}
}

func trustOptions(trusted []netip.Prefix) []echo.TrustOption {
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(ipNet(p)))
	}
	return options
}

// headAsGet answers HEAD like GET: net/http keeps the body back because the client's own
// request still says HEAD.
func headAsGet(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != "/v1/stream" { // which has no end
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		h.ServeHTTP(w, r)
	})
}
