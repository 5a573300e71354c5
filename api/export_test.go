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

// KeepCheckpoints writes a checkpoint now.
func KeepCheckpoints(ctx context.Context, s *Server) error { return s.keepCheckpoints(ctx) }
