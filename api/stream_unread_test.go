package api_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
)

// TestStreamToTheDeaf: who does not read what is sent is let go.
func TestStreamToTheDeaf(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Deaf")
		_, ended := unread(t, s, c.Prescriber.Token)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the stream waits for ever")
		}
	}, impatient, func(c *api.Config) { c.Streams.Write = 50 * time.Millisecond })
}

// TestStreamEndsBehind: a stream that has much to catch up ends with the membership and with the token like one
// that waits, and sends nothing more than what was on its way.
func TestStreamEndsBehind(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Behind")
		gone := c.Staff(t, "gone", client.StaffRolePrescriber)
		patient := c.Patient(t, "Lind")
		for range 200 { // more than what is sent at a time, with what the clinic has done already
			weigh(t, s, patient)
		}
		s.Pass(t, 0)
		all := eventsOf(t, c.Both)
		over := func(who string, line net.Conn) {
			t.Helper()
			_ = line.SetReadDeadline(time.Now().Add(10 * time.Second))
			res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(begun), line)), nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			if err != nil || !strings.Contains(string(text), "id: "+all[0]+"\n") || strings.Contains(string(text), "id: "+all[len(all)-1]+"\n") {
				t.Errorf("%s: %d of %d events, %v", who, strings.Count(string(text), "event: "), len(all), err)
			}
		}
		hers, _ := unread(t, s, gone.Token)
		his, _ := unread(t, s, c.Prescriber.Token)
		s.Must(t, apitest.Call{
			Operation: "deactivateStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": gone.ID.String()},
			Body: map[string]any{"reason": "Left."}, Header: map[string]string{"If-Match": `"2"`},
		})
		s.Pass(t, 5*time.Second)
		over("deactivated", hers)
		s.Clock.Advance(366 * 24 * time.Hour)
		over("expired", his)
	}, impatient, func(c *api.Config) { c.Streams.Write = time.Minute })
}

const begun = "HTTP/1.1 200" // how the answer begins that unread leaves

// unread opens a stream of everything and reads nothing of it. The line has no buffer: what the test does not read is
// not sent, and has been on its way when this returns. The channel is closed when the server has let go.
func unread(t *testing.T, s *apitest.Site, token string) (line net.Conn, ended chan struct{}) {
	t.Helper()
	ended = make(chan struct{})
	pipe := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Server.Handler().ServeHTTP(w, r)
		close(ended)
	})}
	go func() { _ = server.Serve(pipe) }()
	t.Cleanup(func() { _ = server.Close() })
	ours, theirs := net.Pipe()
	pipe.conns <- theirs
	if _, err := io.WriteString(ours, "GET /v1/stream?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(begun))
	if _, err := io.ReadFull(ours, got); err != nil || string(got) != begun {
		t.Fatal(string(got), err)
	}
	return ours, ended
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.IPAddr{} }
