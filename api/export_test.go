package api

import (
	"context"

	"github.com/labstack/echo/v4"
)

// Routes lists the routes of a server.
func Routes(s *Server) ([]*echo.Route, error) {
	e, err := s.routes()
	if err != nil {
		return nil, err
	}
	return e.Routes(), nil
}

// Prune does what the server does once an hour.
func Prune(s *Server, ctx context.Context) error { return s.prune(ctx) }

// KeepCheckpoints does what the server does once a minute.
func KeepCheckpoints(s *Server, ctx context.Context) error { return s.keepCheckpoints(ctx) }
