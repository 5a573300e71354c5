package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/titrate-health/titrate/pkg/problem"
)

// Now as the place to listen from leaves out what has happened before.
const Now int64 = -1

const (
	// silence is how long a stream may say nothing until it is taken for dead: the server gives a sign of
	// life every 15 seconds.
	silence = 45 * time.Second
	// maxRetry is the longest pause before the next try.
	maxRetry = 30 * time.Second
	// maxLine is more than an event ever has.
	maxLine = 1 << 20
)

// Events walks through what has happened, in its order, and ends with what there is now. To ask later for
// what has come since, give the Number of the last event as After. When the server's data are restored from a backup on
// the way, it ends with an error of which problem.Is(err, problem.ResyncRequired) is true; between two walks a
// number cannot tell that, unless the journal has not reached it.
func (c *ClientWithResponses) Events(ctx context.Context, params ListEventsParams, edit ...RequestEditorFn) iter.Seq2[Event, error] {
	return All(func(cursor *string) ([]Event, *string, error) {
		params.Cursor = cursor
		page, err := c.ListEventsWithResponse(ctx, &params, edit...)
		if err != nil {
			return nil, nil, err
		}
		return page.JSON200.Items, page.JSON200.NextCursor, nil
	})
}

// Stream yields every event after a number, or from [Now] on, as it happens. A connection that breaks is
// opened again where it broke off, after a pause that grows while nothing comes: no event is lost, none is
// yielded twice. It ends with an error when the context ends, or when the server refuses for good, for
// example because the membership has ended. An error of which problem.Is(err, problem.ResyncRequired) is true says that
// the server's data were restored from a backup: some of what was yielded may not be there any more, and its numbers
// may be those of other events. Read anew what was made of it, and listen again from [Now] or 0.
//
//	for e, err := range c.Stream(ctx, client.Now) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(e.Type, e.Record.ID)
//	}
func (c *ClientWithResponses) Stream(ctx context.Context, after int64, edit ...RequestEditorFn) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		l := &listener{client: c, edit: edit, after: after, retry: time.Second, yield: yield}
		for failed := 0; !l.stopped; {
			heard, err := l.listen(ctx)
			if heard {
				failed = 0
			}
			if err = final(ctx, err); err != nil {
				if !l.stopped {
					yield(Event{}, err)
				}
				return
			}
			pause(ctx, l.backoff(failed))
			failed++
		}
	}
}

// final returns the error that ends a stream, or nil if it is worth trying again.
func final(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok && !p.Retryable && p.Status < 500 {
		return p
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// listener is one reader of the stream over all its connections.
type listener struct {
	client  *ClientWithResponses
	edit    []RequestEditorFn
	after   int64
	place   string // the last id; empty until there was one
	retry   time.Duration
	yield   func(Event, error) bool
	stopped bool // the reader wants no more
}

// backoff is how long to wait after some failures in a row. Clients that lost their server at the same time
// do not come back at the same time.
func (l *listener) backoff(failed int) time.Duration {
	d := min(l.retry<<min(failed, 10), maxRetry)
	return d/2 + rand.N(d+1) //nolint:gosec // nobody gains by guessing it
}

// listen reads one connection to its end and reports whether anything came.
func (l *listener) listen(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	params := &StreamEventsParams{}
	switch {
	case l.place != "":
		params.LastEventID = &l.place
	case l.after >= 0:
		params.After = &l.after
	}
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()
	res, err := l.client.StreamEvents(ctx, params, l.edit...)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxLine)
	var id, data string
	for lines.Scan() {
		watch.Reset(silence)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			id = value
		case name == "data":
			data = value
		case name == "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms >= 0 {
				l.retry = time.Duration(ms) * time.Millisecond
			}
		case lines.Text() == "": // the end of a message: only a whole one counts
			if err := l.dispatch(id, data); err != nil || l.stopped {
				return true, err
			}
			heard, id, data = true, "", ""
		}
	}
	if err := lines.Err(); err != nil {
		return heard, err
	}
	return heard, io.ErrUnexpectedEOF
}

// dispatch moves on to a message's place and yields its event, if it has one.
func (l *listener) dispatch(id, data string) error {
	if id != "" {
		l.place = id
	}
	if data == "" {
		return nil
	}
	var e Event
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("event %s: %w", id, err)
	}
	l.stopped = !l.yield(e, nil)
	return nil
}
