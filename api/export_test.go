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
