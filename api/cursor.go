package api

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

const defaultLimit = 50

// page reads limit and cursor. filter is everything else that shapes the list: a cursor is
// good for the same caller, operation, record in the path and filter only.
func (s *Server) page(ctx context.Context, limit *int, cursor *string, filter ...any) (store.Page, error) {
	p := store.Page{Limit: defaultLimit}
	if limit != nil {
		p.Limit = *limit
	}
	if cursor == nil {
		return p, nil
	}
	invalid := problem.New(problem.InvalidCursor, "the cursor was not made for this list",
		problem.Fault{In: problem.InQuery, Pointer: "cursor", Code: "invalid", Detail: "start again without a cursor"})
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(*cursor)
	if err != nil {
		return p, invalid
	}
	plain, err := s.cursors.open(sealed, cursorContext(ctx, filter))
	if err != nil {
		return p, invalid
	}
	p.After = new(store.Key)
	if err := json.Unmarshal(plain, p.After); err != nil {
		return p, invalid
	}
	return p, nil
}

// next seals where the next page begins; nil on the last one.
func (s *Server) next(ctx context.Context, key *store.Key, filter ...any) (*string, error) {
	if key == nil {
		return nil, nil
	}
	plain, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	sealed, err := s.cursors.seal(plain, cursorContext(ctx, filter))
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString(sealed)
	callOf(ctx).next = text // the Link header is middleware's
	return &text, nil
}

func cursorContext(ctx context.Context, filter []any) []byte {
	c := callOf(ctx)
	b, err := json.Marshal([]any{c.who.clinic, c.who.actor.String(), c.op.ID, c.target, c.asOf, filter})
	if err != nil {
		return nil // filters are strings, ids and dates of the contract
	}
	return b
}
