package api

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracing sends spans to an OpenTelemetry collector, if one is configured. A span says what the
// log's line says: never a path, a query, an address, a header or a body. The ready-made
// middleware records some of these, which is why this is our own.
type tracing struct {
	trace.Tracer
	provider *sdktrace.TracerProvider // nil without a collector
}

// openTracing connects to the collector at endpoint; without one nothing is traced. Sampling,
// headers and the like come from the standard OTEL_* variables.
func openTracing(ctx context.Context, endpoint string) (tracing, error) {
	if endpoint == "" {
		return tracing{Tracer: noop.NewTracerProvider().Tracer("titrate")}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return tracing{}, err
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "titrate"), attribute.String("service.version", version))))
	return tracing{provider.Tracer("titrate"), provider}, nil
}

// close sends what is still waiting, but does not wait for long.
func (t tracing) close() error {
	if t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// traced begins a request's span, as a child of the caller's if it sends a traceparent.
func (s *Server) traced(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := s.tracing.Start(ctx, r.Method+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetRequest(r.WithContext(ctx))
		err := next(c)
		status, call := statusOf(c, err), callOf(ctx)
		span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", c.Path()),
			attribute.Int("http.response.status_code", status), attribute.String("titrate.request_id", call.requestID))
		if call.op != nil {
			span.SetAttributes(attribute.String("titrate.operation", call.op.ID))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		return err
	}
}
