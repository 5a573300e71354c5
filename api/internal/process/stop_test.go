package process_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

const stopLimit = 10 * time.Second

// SIGTERM under load: what was accepted is answered, nothing else is done, and the end is clean.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t)
		c := s.open(t, server.URL)
		co := c.course(t, time.Now())
		session := co.session(t, time.Now().Add(time.Hour))
		slow := c.patient(t)

		var answered, refused atomic.Int64
		var busy sync.WaitGroup
		for range 6 {
			phone := co.patient.at(t, server.URL)
			busy.Go(func() {
				for n := 0; ; n++ {
					a, _, err := ask(phone.RecordVitals(t.Context(), session, nil, vitals(time.Now(), 120, 80)))
					switch {
					case err != nil: // nobody listens any more
						return
					case a.Status == 201:
						answered.Add(1)
					default:
						refused.Add(1)
					}
				}
			})
		}
		// A request that is on its way: its head and half of its body have arrived.
		half := halfSent(t, server.URL, slow)
		within(t, 10*time.Second, "the server is busy", func() bool { return answered.Load() > 20 })

		ended := make(chan string, 1)
		go func() {
			took, err := server.stop(t)
			ended <- fmt.Sprint(err, " ", took < stopLimit)
		}()
		within(t, 5*time.Second, "nobody listens", func() bool { return get(server.URL+"/healthz") == 0 })
		if res := half.finish(t); res.StatusCode != http.StatusCreated {
			t.Errorf("the request that was on its way: %s", res.Status)
		}
		if got := <-ended; got != "<nil> true" {
			t.Errorf("end: %s, want exit 0 within %s", got, stopLimit)
		}
		busy.Wait()
		if n := s.rows(t, "session_facts"); int64(n) != answered.Load() || refused.Load() != 0 {
			t.Errorf("%d facts, %d answered, %d refused", n, answered.Load(), refused.Load())
		}
		if n := s.rows(t, "measurements"); n != 2 { // one is of the course
			t.Errorf("%d measurements, want 2", n)
		}
	})
}

// sending is a request of which a part has been sent.
type sending struct {
	conn net.Conn
	rest []byte
}

func halfSent(t *testing.T, url string, who *person) *sending {
	t.Helper()
	body, err := json.Marshal(weight(time.Now(), 70_000))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(url, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	half := len(body) / 2
	_, err = fmt.Fprintf(c, "POST /v1/patients/%s/measurements HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		who.id, host, who.token, len(body), body[:half])
	if err != nil {
		t.Fatal(err)
	}
	return &sending{c, body[half:]}
}

func (s *sending) finish(t *testing.T) *http.Response {
	t.Helper()
	if _, err := s.conn.Write(s.rest); err != nil {
		t.Fatal(err)
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(stopLimit))
	res, err := http.ReadResponse(bufio.NewReader(s.conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res
}

// Who is deactivated at one server can do nothing at any server five seconds later, although
// every server has just let them in.
func TestRightsEndEverywhere(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		servers := []*process{s.serve(t)}
		if s.postgres() {
			servers = append(servers, s.serve(t))
		}
		c := s.open(t, servers[0].URL)
		patient := c.patient(t)
		leaver := c.staff(t, client.StaffInput{Roles: []client.StaffRole{client.StaffRoleClinician}})
		var deactivated atomic.Int64 // when it was answered
		var busy sync.WaitGroup
		for i, p := range servers {
			there := leaver.at(t, p.URL)
			good(there.ListPatientsWithResponse(t.Context(), nil))(t)
			busy.Go(func() { // also keeps what the server remembers of the rights fresh
				for {
					_, err := there.ListPatientsWithResponse(t.Context(), nil)
					since := time.Since(time.Unix(0, deactivated.Load()))
					switch {
					case deactivated.Load() == 0 && err != nil:
						t.Errorf("server %d: %v before the deactivation", i, err)
						return
					case problem.Is(err, problem.NoMembership):
						t.Logf("server %d: no access after %s", i, since.Round(time.Millisecond))
						return
					case err != nil || deactivated.Load() != 0 && since > 5*time.Second:
						t.Errorf("server %d: %v after %s", i, err, since)
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		params := &client.DeactivateStaffParams{IdempotencyKey: key(), IfMatch: `"2"`}
		gone := client.Deactivation{Reason: "Left the clinic."}
		refuse(t, s, problem.Forbidden)(c.clinician.DeactivateStaffWithResponse(t.Context(), leaver.id, params, gone))
		good(c.admin.DeactivateStaffWithResponse(t.Context(), leaver.id, params, gone))(t)
		deactivated.Store(time.Now().UnixNano())
		busy.Wait()
		for _, p := range servers {
			there := leaver.at(t, p.URL)
			refuse(t, s, problem.NoMembership)(there.RecordMeasurementWithResponse(t.Context(), patient.id, nil, weight(time.Now(), 70_000)))
			refuse(t, s, problem.NoMembership)(there.ShowPatientWithResponse(t.Context(), patient.id, nil))
			if me := good(there.WhoAmIWithResponse(t.Context()))(t).JSON200; len(me.Memberships) != 0 {
				t.Errorf("who was deactivated is %+v", me.Memberships)
			}
			good(c.clinician.at(t, p.URL).ShowPatientWithResponse(t.Context(), patient.id, nil))(t)
		}
	})
}
