package process_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// A commit that fails is answered with 503 outcome_unknown, and the repetition finds the truth:
// that nothing was done, or what was.
func TestCommitIsCut(t *testing.T) {
	if !testbed.HasPostgres(t) {
		t.Skip("the connection to an embedded database cannot be cut")
	}
	s := newPostgres(t)
	between := newProxy(t, s.dsn)
	server := s.serve(t, "DATABASE_URL="+between.dsn)
	c := s.open(t, server.URL)
	co := c.course(t, time.Now())
	session := co.session(t, time.Now().Add(time.Hour))
	etag, once, reading := `"2"`, "", client.VitalsInput{}

	for _, request := range []struct {
		operation string
		renew     func() // makes it another request
		send      func() (*http.Response, error)
	}{
		{"updatePatient", func() { once = key() }, func() (*http.Response, error) {
			return phoneNumber(t, c.clinician, co.patient.id, once, etag, "+12125550100")
		}},
		{"prescribe", func() { once = key() }, func() (*http.Response, error) {
			return c.clinician.Prescribe(t.Context(), co.id, &client.PrescribeParams{IdempotencyKey: once}, order)
		}},
		{"recordVitals", func() { reading = vitals(time.Now(), 120, 80) }, func() (*http.Response, error) {
			return co.patient.RecordVitals(t.Context(), session, nil, reading)
		}},
	} {
		for _, cut := range []struct {
			name string
			how  cutting
			done int // whether the transaction was committed all the same
		}{{"nothing is cut", nowhere, 1}, {"before COMMIT", beforeCommit, 0}, {"before its confirmation", beforeConfirmation, 1}} {
			t.Run(request.operation+" "+cut.name, func(t *testing.T) {
				request.renew()
				before := s.entries(t, request.operation)
				between.operation.Store(&request.operation)
				between.cut.Store(int32(cut.how))
				a, _, err := ask(request.send())
				if unknown := a.Code == problem.OutcomeUnknown && a.Status == 503; err != nil || unknown != (cut.how != nowhere) {
					t.Errorf("first: %+v, %v", a, err)
				}
				if cut.how != nowhere && !between.cut.CompareAndSwap(int32(nowhere), int32(nowhere)) {
					t.Fatal("nothing was cut")
				}
				if n := s.entries(t, request.operation) - before; n != cut.done {
					t.Errorf("%d entries, want %d", n, cut.done)
				}
				// Who was cut off holds the key until the database notices.
				again, replayed, _, err := insist(request.send)
				if err != nil || again.Status > 299 || replayed != (cut.done == 1) {
					t.Errorf("repeated: %+v, replayed %t, %v", again, replayed, err)
				}
				if n := s.entries(t, request.operation) - before; n != 1 {
					t.Errorf("%d entries, want 1", n)
				}
				if request.operation == "updatePatient" {
					etag = again.ETag
				}
			})
		}
	}
	t.Run("reads have no outcome", func(t *testing.T) {
		between.cut.Store(int32(beforeReadEnds))
		a, _, err := ask(c.clinician.ShowPatient(t.Context(), co.patient.id, nil))
		if err != nil || a.Status != 200 {
			t.Errorf("%+v, %v", a, err)
		}
	})
	for range 20 {
		good(c.clinician.ShowSessionWithResponse(t.Context(), session, nil))(t)
	}
}

// cutting is where a connection to the database is cut, the next time it comes to that.
type cutting int32

const (
	nowhere            cutting = iota
	beforeCommit               // COMMIT does not arrive
	beforeConfirmation         // it does, but the server's answer to it does not
	beforeReadEnds             // as beforeCommit, for a transaction that only read
)

// proxy is between a server and its database.
type proxy struct {
	dsn     string // the database through it
	backend string
	cut     atomic.Int32
	ended   atomic.Int64 // transactions, and statements outside of any
	// operation is whose commit is cut: others, such as that of the journal's numbers, pass.
	operation atomic.Pointer[string]

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

func newProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{backend: u.Host, conns: map[net.Conn]struct{}{}}
	u.Host = l.Addr().String()
	p.dsn = u.String()
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.relay(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

// track remembers connections until they are forgotten, which closes them.
func (p *proxy) track(conns ...net.Conn) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
			delete(p.conns, c)
		}
	}
}

// relay passes messages on between a client and the database until one of them leaves or the
// connection is cut.
func (p *proxy) relay(from net.Conn) {
	to, err := net.Dial("tcp", p.backend)
	if err != nil {
		_ = from.Close()
		return
	}
	forget := p.track(from, to)
	defer forget()
	deaf := &atomic.Bool{}
	p.wg.Go(func() {
		defer forget()
		in := bufio.NewReader(to)
		for {
			kind, message, err := readMessage(in)
			if err == nil && kind == 'Z' && message[5] == 'I' {
				p.ended.Add(1)
			}
			switch {
			case err != nil:
				return
			case !deaf.Load():
				_, err = from.Write(message)
			case kind == 'C' && bytes.HasPrefix(message[5:], []byte("COMMIT")):
				return // committed, and nobody is told
			}
			if err != nil {
				return
			}
		}
	})
	in := bufio.NewReader(from)
	if err := startup(in, to); err != nil {
		return
	}
	commits := map[string]bool{} // prepared statements that commit, by name
	for about := false; ; {
		kind, message, err := readMessage(in)
		if err != nil {
			return
		}
		name := p.operation.Load()
		about = about || kind == 'B' && name != nil && bytes.Contains(message, []byte(*name))
		at := committing(kind, message[5:], commits)
		switch {
		case at == nowhere, at == beforeCommit && !about:
		case at == beforeReadEnds && p.cut.CompareAndSwap(int32(beforeReadEnds), int32(nowhere)),
			at == beforeCommit && p.cut.CompareAndSwap(int32(beforeCommit), int32(nowhere)):
			return
		case at == beforeCommit && p.cut.CompareAndSwap(int32(beforeConfirmation), int32(nowhere)):
			deaf.Store(true)
		}
		about = about && at == nowhere
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}

// committing says what a message of the client ends: writes are committed by a prepared
// statement, reads by a simple query.
func committing(kind byte, body []byte, prepared map[string]bool) cutting {
	first, rest, _ := strings.Cut(string(body), "\x00")
	second, _, _ := strings.Cut(rest, "\x00")
	switch {
	case kind == 'P': // name, query
		prepared[first] = strings.EqualFold(second, "commit")
	case kind == 'B' && prepared[second]: // portal, name
		return beforeCommit
	case kind == 'Q' && strings.EqualFold(first, "commit"):
		return beforeReadEnds
	}
	return nowhere
}

// startup passes the client's first message on, which has no kind.
func startup(in *bufio.Reader, to io.Writer) error {
	head, err := in.Peek(4)
	if err != nil {
		return err
	}
	_, err = io.CopyN(to, in, int64(binary.BigEndian.Uint32(head)))
	return err
}

// readMessage reads a message of the protocol: its kind, its length, its body.
func readMessage(in *bufio.Reader) (kind byte, message []byte, err error) {
	head, err := in.Peek(5)
	if err != nil {
		return 0, nil, err
	}
	message = make([]byte, 1+int(binary.BigEndian.Uint32(head[1:])))
	_, err = io.ReadFull(in, message)
	return message[0], message, err
}
