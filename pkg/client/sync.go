package client

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/problem"
)

// RecordKey names a record in a copy of a chart.
type RecordKey struct {
	Type string // "session", "prescription" …
	ID   uuid.UUID
}

// Sync keeps a copy of a patient's chart for an application that is often offline. Its fields are the
// application's to store: Records and Token belong together and are kept in one step, after [Sync.Follow] or
// after each [Sync.Apply]. The zero value begins with the full state.
type Sync struct {
	// PatientID is whose chart; nil for the patient who is signed in.
	PatientID *uuid.UUID
	// Limit is how many records are asked for at a time; 0 leaves it to the server.
	Limit int
	// Records is the copy: each record exactly as the operation that shows it answered last.
	Records map[RecordKey]SyncItem
	// Token says up to where the copy reaches; empty at first.
	Token string
}

// Follow brings the copy up to what the server has. After an error the copy is as good as it was and the
// next Follow goes on where this one has stopped. When the server cannot continue the token (it is older
// than 30 days, say), Follow forgets the copy and begins anew.
func (s *Sync) Follow(ctx context.Context, c *ClientWithResponses, edit ...RequestEditorFn) error {
	for anew := false; ; {
		page, err := s.fetch(ctx, c, edit)
		if problem.Is(err, problem.ResyncRequired) && !anew {
			anew, s.Token, s.Records = true, "", nil
			continue
		}
		if err != nil {
			return err
		}
		s.Apply(page)
		if !page.More {
			return nil
		}
	}
}

func (s *Sync) fetch(ctx context.Context, c *ClientWithResponses, edit []RequestEditorFn) (*SyncPage, error) {
	params := &SyncChangesParams{PatientID: s.PatientID}
	if s.Token != "" {
		params.Token = &s.Token
	}
	if s.Limit > 0 {
		params.Limit = &s.Limit
	}
	answer, err := c.SyncChangesWithResponse(ctx, params, edit...)
	if err != nil {
		return nil, err
	}
	if answer.JSON200 == nil { // of a client that does not make errors of problems
		return nil, fmt.Errorf("sync: %s", answer.Status())
	}
	return answer.JSON200, nil
}

// Apply takes a page over: what is present replaces what the copy has, what is gone leaves it; with a
// patient who is gone, everything does. Applying a page again changes nothing.
func (s *Sync) Apply(page *SyncPage) {
	if s.Records == nil {
		s.Records = map[RecordKey]SyncItem{}
	}
	for _, item := range page.Items {
		switch {
		case item.State == SyncStatePresent:
			s.Records[RecordKey{item.Type, item.ID}] = item
		case item.Type == "patient":
			clear(s.Records)
		default:
			delete(s.Records, RecordKey{item.Type, item.ID})
		}
	}
	s.Token = page.Token
}
