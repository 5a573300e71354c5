package api

import (
	"fmt"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/pkg/problem"
)

// operation is what the contract says of an operation, checked when the server starts.
type operation struct {
	*contract.Operation
	kind kind
}

// kind says which door an operation needs, and how a repetition of it is recognised.
type kind string

const (
	read     kind = "read"     // View
	fact     kind = "fact"     // Update, a client-made id
	plan     kind = "plan"     // Update, Idempotency-Key
	decision kind = "decision" // Update, Idempotency-Key, If-Match
	stream   kind = "stream"   // a View for each look, as long as the client listens
	batch    kind = "batch"    // none: the requests in it have doors and are recognised for themselves
)

// open reports whether the operation runs before a clinic is known: for anybody signed in.
func (op *operation) open() bool { return slices.Contains(op.Access, anySignedIn) }

// operations reads the contract's kinds and access. There is no default: an operation that
// declares nothing would be open to nobody, and the server does not start with it.
func operations(c *contract.Contract) (map[string]*operation, error) {
	known := map[string]bool{roleAdmin: true, rolePrescriber: true, roleClinician: true, rolePatient: true, roleSupportPerson: true, anySignedIn: true}
	ops := map[string]*operation{}
	for _, o := range c.Operations() {
		op := &operation{Operation: &o, kind: kind(o.Kind)}
		if !slices.Contains([]kind{read, fact, plan, decision, stream, batch}, op.kind) {
			return nil, fmt.Errorf("contract: %s: x-kind is missing or unknown", o.ID)
		}
		if len(o.Access) == 0 {
			return nil, fmt.Errorf("contract: %s: x-access is missing", o.ID)
		}
		for _, role := range o.Access {
			if !known[role] {
				return nil, fmt.Errorf("contract: %s: x-access names %q", o.ID, role)
			}
		}
		ops[o.ID] = op
	}
	return ops, nil
}

// allow lets the principal through whose roles the contract names. Whether the record in the
// path is theirs is decided where it is read.
func (s *Server) allow(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			who := callOf(c.Request().Context()).who
			if op.open() || slices.ContainsFunc(op.Access, who.is) {
				return next(c)
			}
			return s.denied(c, op, problem.New(problem.Forbidden, "your role may not call "+op.ID))
		}
	}
}

// check holds the request against the contract.
func check(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := op.Check(c); err != nil {
				return err
			}
			return next(c)
		}
	}
}
