package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/titrate-health/titrate"
)

// plainRoutes are what the server answers outside of /v1: health, the contract, its
// documentation and explanations of problems.
func (s *Server) plainRoutes(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "alive\n") })
	e.GET("/readyz", s.ready)
	e.GET("/openapi.yaml", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/yaml", titrate.OpenAPI) })
	e.GET("/openapi.json", func(c echo.Context) error { return c.JSONBlob(http.StatusOK, s.contract.JSON()) })
	e.GET("/problems", listProblems)
	e.GET("/problems/:code", explainProblem)
	if s.issuer != nil {
		e.GET("/.well-known/jwks.json", func(c echo.Context) error { return c.JSONBlob(http.StatusOK, s.issuer.jwks()) })
	}
	if s.cfg.TestClock {
		e.GET("/test/clock", s.showClock)
		e.POST("/test/clock", s.advanceClock)
	}
	s.docsRoutes(e)
}

// ready answers 503 while the database cannot be reached or is not migrated.
func (s *Server) ready(c echo.Context) error {
	if err := s.db.Ready(c.Request().Context()); err != nil {
		c.Response().Header().Set(echo.HeaderRetryAfter, "1")
		return c.String(http.StatusServiceUnavailable, err.Error()+"\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// serveMetrics answers Prometheus on its own address, so that it need not be public.
func (s *Server) serveMetrics(ctx context.Context, failed chan<- error) (*http.Server, error) {
	metrics := &http.Server{Handler: promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}), ReadHeaderTimeout: 5 * time.Second}
	if s.cfg.MetricsAddr == "" {
		return metrics, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.MetricsAddr)
	if err != nil {
		return nil, err
	}
	go func() {
		if err := metrics.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return metrics, nil
}
