package api

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/titrate-health/titrate/pkg/problem"
)

// limiter allows each caller a number of requests a minute, and each clinic ten times as
// many; and each caller a number of open streams. It counts on this process only; the contract says so.
type limiter struct {
	perMinute int // 0: no limit

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	streams map[string]int // how many are open
}

const clinicFactor = 10

// limit counts the request for its principal and clinic.
func (s *Server) limit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.countRequest(c); err != nil {
			return err
		}
		return next(c)
	}
}

// countRequest counts the request for its principal and clinic; for the client's address if
// it is not known who calls. Every answer tells what is left.
func (s *Server) countRequest(c echo.Context) error {
	l := &s.limiter
	if l.perMinute == 0 || callOf(c.Request().Context()).item != nil { // the batch has paid for it
		return nil
	}
	who := &callOf(c.Request().Context()).who
	caller, clinic := "address "+c.RealIP(), ""
	if who.actor.Kind != "" {
		caller, clinic = who.key(), who.clinic.String()
	} else if who.identity.Subject != "" {
		caller = "identity " + who.identity.Issuer + " " + who.identity.Subject
	}
	now := time.Now() //nolint:forbidigo // a rate is of the machine's time
	wait, left := l.take(caller, l.perMinute, now)
	if clinic != "" {
		clinicWait, clinicLeft := l.take("clinic "+clinic, l.perMinute*clinicFactor, now)
		wait, left = max(wait, clinicWait), min(left, clinicLeft)
	}
	h := c.Response().Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"principal";q=%d;w=60, "clinic";q=%d;w=60`, l.perMinute, l.perMinute*clinicFactor))
	tellLeft(h, left, wait)
	if wait > 0 {
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return problem.New(problem.RateLimited, "too many requests; wait as long as Retry-After says")
	}
	return nil
}

// tellLeft says how many requests are left, and how long to wait when none is.
func tellLeft(h http.Header, left int, wait time.Duration) {
	h.Set("RateLimit", fmt.Sprintf(`"principal";r=%d;t=%d`, left, int(math.Ceil(wait.Seconds()))))
}

// take uses up one request of the caller's. It returns how long to wait when there is none
// left, and how many are.
func (l *limiter) take(caller string, perMinute int, now time.Time) (wait time.Duration, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(caller, perMinute)
	if b.AllowN(now, 1) {
		return 0, int(b.TokensAt(now))
	}
	return until(b, perMinute, now), 0
}

// left returns how many requests a caller has left, and how long to wait when there is none.
func (l *limiter) left(caller string, perMinute int, now time.Time) (wait time.Duration, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(caller, perMinute)
	if tokens := b.TokensAt(now); tokens >= 1 {
		return 0, int(tokens)
	}
	return until(b, perMinute, now), 0
}

// until is how long it takes until there is a request again.
func until(b *rate.Limiter, perMinute int, now time.Time) time.Duration {
	return time.Duration((1 - b.TokensAt(now)) * 60 / float64(perMinute) * float64(time.Second))
}

// countItems counts the requests that a batch carries for its principal and clinic. It is not cut in the
// middle: what is not left is owed, and whoever owes something waits.
func (s *Server) countItems(c echo.Context, n int) error {
	l := &s.limiter
	if l.perMinute == 0 {
		return nil
	}
	who := &callOf(c.Request().Context()).who
	now := time.Now() //nolint:forbidigo // a rate is of the machine's time
	clinic := "clinic " + who.clinic.String()
	wait := l.owe(who.key(), l.perMinute, n, now)
	if wait == 0 {
		wait = l.owe(clinic, l.perMinute*clinicFactor, n, now)
	}
	again, left := l.left(who.key(), l.perMinute, now)
	clinicAgain, clinicLeft := l.left(clinic, l.perMinute*clinicFactor, now)
	tellLeft(c.Response().Header(), min(left, clinicLeft), max(again, clinicAgain))
	if wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return problem.New(problem.RateLimited, "too many requests; wait as long as Retry-After says")
	}
	return nil
}

// owe uses up n requests of the caller's, also those that are not there yet. To a caller who owes some
// already it returns how long to wait.
func (l *limiter) owe(caller string, perMinute, n int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(caller, perMinute)
	if debt := -b.TokensAt(now); debt > 0 {
		return time.Duration((1 + debt) * 60 / float64(perMinute) * float64(time.Second))
	}
	for range n { // one by one: more at once than there can ever be would be refused
		b.ReserveN(now, 1)
	}
	return 0
}

// bucket is the caller's, which is full at first.
func (l *limiter) bucket(caller string, perMinute int) *rate.Limiter {
	if l.buckets == nil || len(l.buckets) > 100_000 { // forgetting is generous, not unsafe
		l.buckets = map[string]*rate.Limiter{}
	}
	b := l.buckets[caller]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		l.buckets[caller] = b
	}
	return b
}

// limitStreams lets a stream begin unless its principal has as many as one may hold, and counts it until its end.
func (s *Server) limitStreams(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		caller := callOf(c.Request().Context()).who.key()
		if !s.limiter.begin(caller) {
			// By then one whose client is gone has been written to.
			c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(heartbeat.Seconds())))
			return problem.New(problem.RateLimited, "too many streams are open; close one, or wait as long as Retry-After says")
		}
		defer s.limiter.end(caller)
		return next(c)
	}
}

func (l *limiter) begin(caller string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[caller] == streamsOfOne {
		return false
	}
	if l.streams == nil {
		l.streams = map[string]int{}
	}
	l.streams[caller]++
	return true
}

func (l *limiter) end(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[caller]--; l.streams[caller] == 0 {
		delete(l.streams, caller)
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
