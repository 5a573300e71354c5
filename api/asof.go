package api

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// inTime runs fn in the time that the request asks for, so that its handler need not know of it: in the present, or
// with asOf in what was known then. That somebody may see the record is decided before, in the present.
func (s *Server) inTime(c echo.Context, tx *store.Tx, fn func(*store.Tx) error) error {
	text := c.QueryParam("asOf")
	if text == "" {
		return fn(tx)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil { // the contract has looked at it
		return err
	}
	if at.After(tx.Now) {
		return problem.New(problem.InvalidRequest, "nobody knows what will be",
			problem.Fault{In: problem.InQuery, Pointer: "asOf", Code: "future", Detail: "must have passed"})
	}
	call := callOf(c.Request().Context())
	call.asOf = at.UTC()
	patient := call.patient
	if id, err := uuid.Parse(c.QueryParam("patientId")); err == nil { // whose alerts are listed
		patient = id
	}
	err = tx.AsOf(at, patient, fn)
	if errors.Is(err, store.ErrPastTooLarge) {
		return problem.New(problem.InvalidRequest, "that is about too many patients to be looked at as it was then",
			problem.Fault{In: problem.InQuery, Pointer: "asOf", Code: "tooLarge", Detail: "needs a filter that fewer patients meet, or a later time"})
	}
	return err
}
