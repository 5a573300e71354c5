package api

import "github.com/labstack/echo/v4"

// Routes lists the routes of a server.
func Routes(s *Server) ([]*echo.Route, error) {
	e, err := s.routes()
	if err != nil {
		return nil, err
	}
	return e.Routes(), nil
}

// Stop tells a server that it is being stopped.
func Stop(s *Server) { s.stopping.Store(true) }
