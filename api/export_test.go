package api

import (
	"context"
	"crypto/ed25519"
	"strings"

	"github.com/google/uuid"
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

// SyncedTypes are the types of what sync brings.
func SyncedTypes() (list []string) {
	for _, kind := range syncedKinds {
		list = append(list, recordType(kind.table))
	}
	return list
}

// KeepCheckpoints writes a checkpoint now.
func KeepCheckpoints(ctx context.Context, s *Server) error { return s.keepCheckpoints(ctx) }

// Seals signs the ends of the journal's chain as a server does.
func Seals(s *Server) func([]byte) []byte {
	return func(message []byte) []byte { return ed25519.Sign(s.sealKey, message) }
}

// OnDisk has a server do something before it writes a checkpoint.
func OnDisk(s *Server, first func()) {
	write := s.checkpoints.append
	s.checkpoints.append = func(path string, data []byte) error { first(); return write(path, data) }
}

// Prune does what the server does once an hour.
func Prune(ctx context.Context, s *Server) error { return s.prune(ctx) }

// WaitForNews waits as a stream does.
func WaitForNews(ctx context.Context, s *Server, clinic uuid.UUID, after int64) (int64, error) {
	return s.news.wait(ctx, clinic, after)
}

// Measured returns the values of the metrics whose names begin so.
func Measured(s *Server, prefix string) (map[string]float64, error) {
	families, err := s.metrics.Gather()
	values := map[string]float64{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), prefix) {
			m := f.GetMetric()[0]
			values[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values, err
}

// Stop tells a server that it is being stopped.
func Stop(s *Server) { s.stopping.Store(true) }
