package api_test

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// impatient streams look around all the time.
func impatient(c *api.Config) {
	c.Streams = api.StreamTimes{Heartbeat: 20 * time.Millisecond, Check: 10 * time.Millisecond, Retry: time.Millisecond}
}

// cutter makes connections that break after some bytes, in either direction's middle.
type cutter struct {
	most atomic.Int64 // bytes; 0: they hold
	cuts atomic.Int64
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if most := c.most.Load(); most > 0 && err == nil {
		return &cutConn{Conn: conn, cutter: c, left: rand.Int64N(most)}, nil
	}
	return conn, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	left   int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.cutter.cuts.Add(1)
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// TestStreamResumes: a dashboard whose connections break a thousand times, and whose server throws everybody
// out now and then, has had exactly the events that there are, in their order.
func TestStreamResumes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		const cuts = 1000
		c := s.Clinic(t, "Dashboard")
		patient := c.Patient(t, "Lind")
		server := httptest.NewServer(s.Server.Handler())
		t.Cleanup(server.Close)
		var broken cutter
		broken.most.Store(3000)
		sdk, err := client.New(server.URL, client.Token(c.Both.Token), client.WithHTTPClient(&http.Client{
			Transport: &http.Transport{DialContext: broken.dial, DisableKeepAlives: true},
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		writing, rest := context.WithCancel(ctx)
		defer rest()
		var busy sync.WaitGroup
		busy.Go(func() {
			for writing.Err() == nil {
				weigh(t, s, patient)
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
		busy.Go(func() {
			for writing.Err() == nil {
				time.Sleep(20 * time.Millisecond)
				if err := s.Server.Work(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		busy.Go(func() {
			for writing.Err() == nil {
				time.Sleep(rand.N(200 * time.Millisecond)) // at any moment
				server.CloseClientConnections()
			}
		})
		var got []string
		var want []string
		for e, err := range sdk.Stream(ctx, 0) {
			if err != nil && len(want) > 0 { // it waits for what was lost
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
			if broken.most.Load() > 0 && broken.cuts.Load() >= cuts {
				broken.most.Store(0)
				rest()
				busy.Wait()
				s.Pass(t, 0)
				want = eventsOf(t, c.Both)
				time.AfterFunc(30*time.Second, stop)
			}
			if len(want) > 0 && len(got) >= len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d events, want %d: lost %v, too many %v", len(got), len(want), without(want, got), without(got, want))
		}
		t.Logf("%d cuts, %d events", broken.cuts.Load(), len(got))
	}, impatient, func(c *api.Config) { c.Log = nil }) // requests whose client is gone fail
}

func weigh(t testing.TB, s *apitest.Site, patient *apitest.Person) {
	t.Helper()
	s.Send(t, apitest.Call{Operation: "recordMeasurement", Token: patient.Token, Path: map[string]string{"patientId": patient.ID.String()}, Body: map[string]any{
		"id": uuid.NewString(), "occurredAt": s.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app", "weightKg": 70,
	}})
}

// eventsOf are the ids of all events that somebody may know of.
func eventsOf(t *testing.T, who *apitest.Person) (ids []string) {
	t.Helper()
	for e, err := range who.Events(t.Context(), client.ListEventsParams{Limit: new(200)}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// listening is an open stream, read by hand.
type listening struct {
	*http.Response
	lines *bufio.Scanner
}

func listen(t *testing.T, url, token string, header ...string) *listening {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	return &listening{res, bufio.NewScanner(res.Body)}
}

// until reads lines until one begins with a text, and returns it; "" at the stream's end.
func (l *listening) until(prefix string) string {
	for l.lines.Scan() {
		if strings.HasPrefix(l.lines.Text(), prefix) {
			return l.lines.Text()
		}
	}
	return ""
}

// through reads lines to the first that begins with a text, and returns all of them, with the message's last.
func (l *listening) through(prefix string) (text string) {
	for last := false; l.lines.Scan(); {
		text += l.lines.Text() + "\n"
		if last = last || strings.HasPrefix(l.lines.Text(), prefix); last && l.lines.Text() == "" {
			break
		}
	}
	return text
}

// ends fails the test unless the stream ends soon.
func (l *listening) ends(t *testing.T) {
	t.Helper()
	ended := make(chan string)
	go func() { ended <- l.until("nothing begins with this") }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on")
	}
}

// TestStream: a stream begins now, at a number, or where another one broke off, and gives signs of life that
// move its place on.
func TestStream(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Stream")
		patient := c.Patient(t, "Lind")
		s.Pass(t, 0)
		all := eventsOf(t, c.Prescriber)
		head := strings.Split(all[len(all)-1], "-")[0]

		now := listen(t, s.URL, c.Prescriber.Token)
		if got := now.until("id: "); got < "id: "+head {
			t.Errorf("begins with %q, not at %s", got, head)
		}
		now.until(": alive")
		weigh(t, s, patient)
		s.Pass(t, 0)
		if got := now.until("event: "); got != "event: measurement.recorded" {
			t.Errorf("got %q", got)
		}
		data := strings.TrimPrefix(now.until("data: "), "data: ")
		if err := apitest.Follows("/webhooks/measurement.recorded/post/requestBody/content/application~1json/schema", []byte(data)); err != nil {
			t.Error(err)
		}
		all = eventsOf(t, c.Prescriber)
		for _, place := range []int{0, 1, len(all) - 2} {
			l := listen(t, s.URL, c.Prescriber.Token, "Last-Event-ID", all[place])
			if got := l.until("id: "); got != "id: "+all[place] {
				t.Errorf("after %s: begins with %q", all[place], got)
			}
			if got := l.until("id: "); got != "id: "+all[place+1] {
				t.Errorf("after %s: %q, want %s", all[place], got, all[place+1])
			}
		}
		first := listen(t, s.URL, c.Prescriber.Token, "Last-Event-ID", "0")
		if begun, got := first.until("id: "), first.until("id: "); begun != "id: 0" || got != "id: "+all[0] {
			t.Errorf("from the beginning: %q, %q", begun, got)
		}
		alive := listen(t, s.URL, c.Prescriber.Token)
		place := strings.TrimPrefix(alive.until("id: "), "id: ")
		if got := listen(t, s.URL, c.Prescriber.Token, "Last-Event-ID", place).until("id: "); got != "id: "+place {
			t.Errorf("after %s, which is no event: %q", place, got)
		}
		notThere(t, s, c.Prescriber.Token, all[0])
		if got := send(t, s, message{http.MethodHead, "/v1/stream", "", map[string]string{"Authorization": "Bearer " + c.Prescriber.Token}}); got.Status != 405 {
			t.Errorf("HEAD: %d", got.Status)
		}
	}, impatient)
}

// notThere: a place that the journal does not have, or not any more, is refused, wherever it is given.
func notThere(t *testing.T, s *apitest.Site, token, id string) {
	t.Helper()
	number, mark := strings.Split(id, "-")[0], id[strings.LastIndex(id, "-"):]
	for place, want := range map[string]int{
		"1-x": 400, "1": 400, number + "-0": 400, "00": 400, "-1" + mark: 400,
		number + "-0-000000000000": 410, number + "-000000000000": 410, "1000000" + mark: 410, "1000000-0" + mark: 410,
	} {
		call := apitest.Call{Operation: "streamEvents", Token: token, Header: map[string]string{"Last-Event-ID": place}}
		if got := s.Do(t, call); got.Status != want || want == 410 && got.Text("code") != string(problem.ResyncRequired) {
			t.Errorf("after %s: %d %s", place, got.Status, got.Body)
		}
	}
	for _, operation := range []string{"streamEvents", "listEvents"} {
		expect(t, operation+" after what was not given", s.Do(t, apitest.Call{Operation: operation, Token: token, Query: "after=1000000"}), 410, problem.ResyncRequired)
	}
}

// TestStreamEnds: with the token, with the membership, and with the server.
func TestStreamEnds(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Ends")
		gone := c.Staff(t, "gone", client.StaffRolePrescriber)
		patient := c.Patient(t, "Lind")
		hers := listen(t, s.URL, gone.Token)
		s.Pass(t, 10*time.Second)
		for range 3 {
			hers.until(": alive") // what could have changed since she was let in has been looked at
		}
		s.Must(t, apitest.Call{
			Operation: "deactivateStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": gone.ID.String()},
			Body: map[string]any{"reason": "Left."}, Header: map[string]string{"If-Match": `"2"`},
		})
		s.Pass(t, 0) // it is news
		s.Clock.Advance(5 * time.Second)
		hers.ends(t)
		for _, err := range gone.Stream(t.Context(), client.Now) {
			if !problem.Is(err, problem.NoMembership) {
				t.Errorf("deactivated: %v", err)
			}
		}
		his := listen(t, s.URL, patient.Token)
		his.until(": alive")
		s.Clock.Advance(366 * 24 * time.Hour)
		his.ends(t)
		for _, err := range patient.Stream(t.Context(), client.Now) {
			if !problem.Is(err, problem.Unauthenticated) {
				t.Errorf("expired: %v", err)
			}
		}
		stopped(t, s, s.Issuer.Token(t, patient.Subject, s.Clock.Now()))
	}, impatient, func(c *api.Config) { c.ListenAddr = "127.0.0.1:0" })
}

// stopped: a server that is told to stop does not wait for its listeners.
func stopped(t *testing.T, s *apitest.Site, token string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- s.Server.Run(ctx, func(a net.Addr) { address <- a }) }()
	l := listen(t, "http://"+(<-address).String(), token)
	l.until(": alive")
	stop()
	l.ends(t)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the server does not stop")
	}
}

// TestStreamOutlivesTimeouts: what limits other requests does not end a stream.
func TestStreamOutlivesTimeouts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Timeouts")
		server := httptest.NewUnstartedServer(s.Server.Handler())
		server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
		server.Start()
		t.Cleanup(server.Close)
		l := listen(t, server.URL, c.Prescriber.Token)
		for range 20 { // 20 ms each
			if l.until(": alive") == "" {
				t.Fatal("the stream has ended")
			}
		}
	}, impatient)
}

// TestStreamsOfOne: nobody holds more than 20 streams open, whoever has closed one may open another, and what others
// may do is theirs.
func TestStreamsOfOne(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Many")
		var last *listening
		for range 20 {
			last = listen(t, s.URL, c.Prescriber.Token)
		}
		again := apitest.Call{Operation: "streamEvents", Token: c.Prescriber.Token}
		got := s.Do(t, again)
		expect(t, "one too many", got, 429, problem.RateLimited)
		if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
			t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
		}
		listen(t, s.URL, c.Clinician.Token).until("id: ")
		_ = last.Body.Close()
		for until := time.Now().Add(10 * time.Second); got.Status == 429 && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			got = s.Do(t, again)
		}
		expect(t, "after one was closed", got, 200, "")
	}, impatient)
}
