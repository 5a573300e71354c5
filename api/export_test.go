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

// EventTypes are all events that there are, with the table that each is about.
var EventTypes = eventTypes

// StaffEvents are those that are not for patients although they are about a record that is.
var StaffEvents = staffEvents

// Records are the tables that events are about, with their type on the wire and the operation that shows
// the record.
func Records() map[string][2]string {
	all := map[string][2]string{}
	for table, r := range records {
		all[table] = [2]string{r.word, r.shownBy}
	}
	return all
}

// KeepCheckpoints writes a checkpoint now.
func KeepCheckpoints(ctx context.Context, s *Server) error { return s.keepCheckpoints(ctx) }

// Prune does what the server does once an hour.
func Prune(ctx context.Context, s *Server) error { return s.prune(ctx) }
