package api

import (
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/pkg/problem"
)

// testClock is the server's clock. With TEST_CLOCK it can be set ahead, so that deadlines can
// be rehearsed; it never goes back.
type testClock struct {
	now func() time.Time

	mu    sync.Mutex
	ahead time.Duration
}

// Now is the time that decisions and records go by.
func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.ahead)
}

type clockBody struct {
	Now     time.Time `json:"now"`
	Advance string    `json:"advance,omitempty"`
}

// showClock answers GET /test/clock.
func (s *Server) showClock(c echo.Context) error {
	return c.JSON(http.StatusOK, clockBody{Now: s.now().UTC()})
}

// advanceClock answers POST /test/clock: {"advance": "90m"}, once everything that has become due by
// then is done.
func (s *Server) advanceClock(c echo.Context) error {
	var body clockBody
	if err := c.Bind(&body); err != nil {
		return err
	}
	d, err := time.ParseDuration(body.Advance)
	if err != nil || d < 0 {
		return problem.New(problem.InvalidRequest, "advance must be a duration such as 90m")
	}
	s.clock.mu.Lock()
	s.clock.ahead += d
	s.clock.mu.Unlock()
	if err := s.Work(c.Request().Context()); err != nil {
		return err
	}
	return s.showClock(c)
}
