package process_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
)

// zones are where the patients of the year are; in the fourth nobody sets the clocks.
var zones = []string{"America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"}

const (
	crowdOfYear = 200
	// step is how far the clocks of both servers move at a time.
	step = 6 * time.Hour
	// length is a little more than a year, so that what is good for one has ended.
	length = 372 * 24 * time.Hour
)

// TestYear lets a year pass for 200 patients in five time zones, of whom every fifth is treated, on two
// servers, one of which is killed on the way. What time brings happens once, in the step in which it is
// due, and at the right hour of the patient's clocks.
func TestYear(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		y := &year{t: t, s: s, servers: []*process{s.serve(t, "TEST_CLOCK=1"), s.serve(t, "TEST_CLOCK=1")}}
		y.people(s.open(t, y.servers[0].URL))
		for n := 1; y.passed < length; n++ {
			if n == 700 {
				y.advanceAndKill()
				continue
			}
			y.advance(step)
		}
		y.happenedOnce()
		y.inTime()
		y.atTheRightHour()
		y.ended()
	})
}

// year is the simulation.
type year struct {
	t       *testing.T
	s       *site
	servers []*process
	passed  time.Duration
	treated []uuid.UUID // treatments
}

// people registers the patients. Each is asked to answer a questionnaire some day, and has something due
// at nine in the morning of another.
func (y *year) people(c *clinic) {
	begun := time.Now()
	for i := range crowdOfYear {
		in := someone
		in.TimeZone = zones[i%len(zones)]
		ctx, n := y.t.Context(), i/len(zones)
		here, err := time.LoadLocation(in.TimeZone)
		if err != nil {
			y.t.Fatal(err)
		}
		var id uuid.UUID
		if n%5 == 0 {
			co := c.courseOf(y.t, begun, in)
			id = co.patient.id
			y.treated = append(y.treated, co.id)
		} else {
			id = good(c.clinician.RegisterPatientWithResponse(ctx, &client.RegisterPatientParams{IdempotencyKey: key()}, in))(y.t).JSON201.ID
		}
		good(c.clinician.AssignAssessmentWithResponse(ctx, id, &client.AssignAssessmentParams{IdempotencyKey: key()},
			client.AssessmentInput{Instrument: string(client.InstrumentIDPhq9), DueAt: begun.AddDate(0, 0, 1+i)}))(y.t)
		day := begun.In(here).AddDate(0, 0, 2+n*8)
		good(c.clinician.ScheduleFollowUpWithResponse(ctx, id, &client.ScheduleFollowUpParams{IdempotencyKey: key()}, client.FollowUpInput{
			Title: "Call the pharmacy", For: client.AudienceStaff, DueAt: time.Date(day.Year(), day.Month(), day.Day(), 9, 0, 0, 0, here),
		}))(y.t)
	}
}

// advance moves the clocks of all servers at once. Each answers when it has done what is due.
func (y *year) advance(d time.Duration) {
	y.t.Helper()
	y.passed += d
	var done sync.WaitGroup
	for _, p := range y.servers {
		done.Go(func() { p.move(y.t, d) })
	}
	done.Wait()
}

// move sets a server's clock ahead. On a busy machine the two may wait too long for each other: then what is
// left over is done the next time.
func (p *process) move(t testing.TB, d time.Duration) {
	t.Helper()
	for range 20 {
		res, err := http.Post(p.URL+"/test/clock", "application/json", strings.NewReader(`{"advance":"`+d.String()+`"}`))
		if errors.Is(err, io.EOF) { // what is due takes longer than an answer may; the clock has moved
			d = 0
			continue
		}
		if err != nil {
			t.Errorf("advance: %v", err)
			return
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("advance: %d", res.StatusCode)
			return
		}
		d = 0 // the clock has moved
	}
	t.Error("advance: 503 again and again")
}

// advanceAndKill kills a server in the middle of its work, and starts another one in its place.
func (y *year) advanceAndKill() {
	y.passed += step
	victim, other := y.servers[0], y.servers[1]
	var done sync.WaitGroup
	done.Go(func() {
		res, err := http.Post(victim.URL+"/test/clock", "application/json", strings.NewReader(`{"advance":"`+step.String()+`"}`))
		if err == nil {
			_ = res.Body.Close()
		}
	})
	done.Go(func() { other.move(y.t, step) })
	time.Sleep(3 * time.Millisecond)
	victim.kill()
	done.Wait()
	y.servers[0] = y.s.serve(y.t, "TEST_CLOCK=1")
	y.servers[0].move(y.t, y.passed)
}

// noted is an event of the system's own doing.
type noted struct {
	Event, ID string
}

// happenedOnce: no event of a record happens twice, but those that recur, and those of an alert that was
// raised again.
func (y *year) happenedOnce() {
	of := map[noted]int{}
	for _, text := range y.s.db.Column(y.t, `SELECT events FROM journal WHERE actor = 'system'`) {
		var list []noted
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			y.t.Fatal(err)
		}
		for _, e := range list {
			of[e]++
		}
	}
	kinds := map[string]int{}
	for e, n := range of {
		kinds[e.Event] += n
		most := 1
		switch {
		case strings.HasPrefix(e.Event, "treatment."): // what the clinic looks at again and again
			continue
		case e.Event == "alert.raisedAgain":
			continue
		case e.Event == "alert.escalated":
			most += of[noted{"alert.raisedAgain", e.ID}]
		}
		if n > most {
			y.t.Errorf("%s of %s happened %d times", e.Event, e.ID, n)
		}
	}
	for event, want := range map[string]int{
		"assessment.overdue": crowdOfYear, "assessment.expired": crowdOfYear, "prescription.expiring": len(y.treated), "prescription.expired": len(y.treated),
		"consent.expired": len(required) * len(y.treated), "pdmpCheck.stale": len(y.treated),
	} {
		if kinds[event] != want {
			y.t.Errorf("%s happened %d times, want %d", event, kinds[event], want)
		}
	}
	y.t.Logf("%d events: %v", len(of), kinds)
}

// inTime: everything that was due was done in the step in which it was due.
func (y *year) inTime() {
	for _, row := range y.s.db.Column(y.t, `SELECT kind || '|' || CAST(at AS TEXT) || '|' || CAST(done_at AS TEXT) FROM deadlines WHERE done_at IS NOT NULL`) {
		part := strings.Split(row, "|")
		at, done := instant(y.t, part[1]), instant(y.t, part[2])
		if late := done.Sub(at); late < 0 || late > step+5*time.Minute { // and what setting up took
			y.t.Errorf("%s that was due at %s was done at %s", part[0], at, done)
		}
	}
	if left := y.s.number(y.t, `SELECT count(*) FROM deadlines WHERE done_at IS NULL AND at < $1`, wallTime(time.Now().Add(y.passed-time.Hour))); left != 0 {
		y.t.Errorf("%d deadlines have passed and nothing was done", left)
	}
}

// wallTime writes a time so that both databases compare it rightly.
func wallTime(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05-07:00") }

// instant reads a time as either database writes it.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	t.Fatalf("%q is no time", text)
	return time.Time{}
}

// atTheRightHour: what recurs is due at nine where the patient is, whether the clocks are set to summer
// or to winter time, on the same day of each third month; nothing is left out.
func (y *year) atTheRightHour() {
	days := map[string][]string{}
	for _, row := range y.s.db.Column(y.t, `SELECT CAST(treatment_id AS TEXT) || '|' || series || '|' || time_zone || '|' || CAST(due_at AS TEXT)
		FROM follow_ups WHERE series IN ('urinary-symptoms', 'prescriber-visit') ORDER BY due_at`) {
		part := strings.Split(row, "|")
		here, err := time.LoadLocation(part[2])
		if err != nil {
			y.t.Fatal(err)
		}
		due := instant(y.t, part[3]).In(here)
		if due.Hour() != 9 || due.Minute() != 0 {
			y.t.Errorf("%s in %s is due at %s", part[1], part[2], due)
		}
		days[part[0]+" "+part[1]] = append(days[part[0]+" "+part[1]], due.Format(time.DateOnly))
	}
	if len(days) != 2*len(y.treated) {
		y.t.Errorf("%d series, want two for each of %d treatments", len(days), len(y.treated))
	}
	for series, got := range days {
		begun, err := time.Parse(time.DateOnly, got[0])
		if err != nil {
			y.t.Fatal(err)
		}
		var want []string
		for n := range len(got) {
			day := begun.AddDate(0, 3*n, 0)
			if day.Day() != begun.Day() { // that month has no such day
				day = day.AddDate(0, 0, -day.Day())
			}
			want = append(want, day.Format(time.DateOnly))
		}
		if len(got) < 4 || begun.Day() <= 28 && !slices.Equal(got, want) {
			y.t.Errorf("%s on %v, want %v", series, got, want)
		}
	}
}

// ended: no alert is open whose deadline has passed and that has not escalated.
func (y *year) ended() {
	now := fmt.Sprint(y.s.number(y.t, `SELECT count(*) FROM alerts WHERE status <> 'resolved' AND escalated_at IS NULL AND due_at < $1`, wallTime(time.Now().Add(y.passed-step))))
	if now != "0" {
		y.t.Errorf("%s alerts are overdue and have not escalated", now)
	}
	if n := y.s.number(y.t, `SELECT count(*) FROM alerts WHERE escalated_at IS NOT NULL`); n == 0 {
		y.t.Error("no alert has escalated in a year")
	}
}
