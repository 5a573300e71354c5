package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/webhook"
)

// says answers with a status, and takes what it calls a success.
func says(status int, header ...string) behaviour {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		return status < 300
	}
}

// atFirst behaves in one way for the first messages, and then in another.
func atFirst(n int, first, then behaviour) behaviour {
	return func(i int, w http.ResponseWriter, r *http.Request) bool {
		if i <= n {
			return first(i, w, r)
		}
		return then(i, w, r)
	}
}

// cut closes the connection without an answer.
func cut(_ int, w http.ResponseWriter, _ *http.Request) bool {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
	return false
}

// endless takes the message and never ends its answer.
func endless(_ int, w http.ResponseWriter, r *http.Request) bool {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, strings.Repeat("and so on ", 500)); err != nil {
			break
		}
	}
	return true
}

// TestReceivers: whatever receivers do, every event arrives at least once, each patient's in their order, signed.
func TestReceivers(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Receivers")
		var patients []*apitest.Person
		for i := range 10 {
			patients = append(patients, c.Patient(t, fmt.Sprintf("Lindqvist %d", i)))
		}
		const entries = 250 // of five events for each of eight receivers: 10,000
		s.Pass(t, 0)
		var seen sync.Map
		half := func(n int, w http.ResponseWriter, r *http.Request) bool {
			if _, again := seen.LoadOrStore(r.Header.Get(webhook.HeaderID), true); !again {
				return says(500)(n, w, r)
			}
			return fine(n, w, r)
		}
		slow := func(n int, w http.ResponseWriter, r *http.Request) bool {
			time.Sleep(2 * time.Millisecond) // it is slow, nothing waits for it
			return fine(n, w, r)
		}
		receivers := map[string]*receiver{}
		for name, behave := range map[string]behaviour{
			"fine": fine, "closed": fine, "slow": slow, "failing half the time": half, "endless": endless,
			"cutting": atFirst(9, cut, fine), "redirecting": atFirst(30, says(307, "Location", "http://127.0.0.1:1/"), fine),
			"too many": atFirst(20, says(429, "Retry-After", "120"), fine),
		} {
			receivers[name] = receive(t, c, behave, "session.missed")
		}
		s.Pass(t, 0)
		for name, r := range receivers {
			if got := r.status(t); got != "active <nil>" {
				t.Errorf("%s: it is %s", name, got)
			}
		}
		receivers["closed"].close()
		ids := happen(t, c, patients, entries, 5)
		for range 10 { // ten minutes
			s.Pass(t, time.Minute)
		}
		receivers["closed"].open(nil)
		receivers["fine"].complete(t, "fine, before the others are", ids)
		if n := len(receivers["closed"].got()); n > 0 {
			t.Errorf("%d messages reached a closed receiver", n)
		}
		for i := 0; i < 400 && len(pending(t, c)) > 0; i++ {
			s.Pass(t, time.Minute)
		}
		for name, r := range receivers {
			r.complete(t, name, ids)
			if got := r.status(t); got != "active <nil>" {
				t.Errorf("%s: in the end it is %s", name, got)
			}
		}
		for name, once := range map[string]bool{"fine": true, "slow": true, "endless": true} {
			if n := len(receivers[name].got()); once && n != len(ids) {
				t.Errorf("%s: %d messages for %d events", name, n, len(ids))
			}
		}
	})
}

// TestFiveDays: an endpoint is disabled once nothing has succeeded for five days, not before, and a success begins them anew.
func TestFiveDays(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Five days")
		hopeless, changing := proven(t, c, says(500)), proven(t, c, says(500))
		// try has a message sent to both, at a time since the first.
		began := s.Clock.Now()
		try := func(at time.Duration) {
			s.Pass(t, began.Add(at).Sub(s.Clock.Now()))
			c.Admin.Token = s.Issuer.Token(t, c.Admin.Subject, s.Clock.Now())
			for _, r := range []*receiver{hopeless, changing} {
				if r.status(t) == "active <nil>" {
					r.do(t, "testWebhookEndpoint", nil)
				}
			}
			s.Pass(t, 0)
		}
		const days = 24 * time.Hour
		for hours := range 5 * 24 / 6 {
			try(time.Duration(hours) * 6 * time.Hour)
		}
		changing.does(fine)
		try(5*days - time.Minute)
		if got := hopeless.status(t); got != "active <nil>" {
			t.Errorf("a minute before five days have passed it is %s", got)
		}
		changing.does(says(500))
		try(5 * days)
		if got := hopeless.status(t); got != "disabled failing" {
			t.Errorf("after five days it is %s", got)
		}
		try(6 * days)
		try(10*days - time.Minute)
		if got := changing.status(t); got != "active <nil>" {
			t.Errorf("five days after it began, but not after its last success, it is %s", got)
		}
		try(10 * days)
		if got := changing.status(t); got != "disabled failing" {
			t.Errorf("five days after its last success it is %s", got)
		}
	})
}

// pending are deliveries of a clinic that are still to be sent.
func pending(t *testing.T, c *apitest.Clinic) []map[string]any {
	t.Helper()
	return c.Site.Must(t, apitest.Call{Operation: "listDeliveries", Token: c.Admin.Token, Query: "status=pending"}).Items()
}

// TestIndependentReceiver: the npm package of the standard believes what the server sends.
func TestIndependentReceiver(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("TITRATE_TEST_NODE") == "required" {
			t.Fatal("TITRATE_TEST_NODE is required and there is no npm")
		}
		t.Skip("not held against the npm package: there is no npm on this machine")
	}
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Independent")
		r := proven(t, c, fine)
		r.knows(r.do(t, "rotateWebhookSecret", map[string]any{}).Text("secret"))
		happen(t, c, []*apitest.Person{c.Patient(t, "One")}, 20, 2)
		s.Pass(t, 0)
		type message struct {
			Secret  string            `json:"secret"`
			At      int64             `json:"at"`
			Body    string            `json:"body"`
			Headers map[string]string `json:"headers"`
		}
		var list []message
		for _, m := range r.got() {
			headers := map[string]string{}
			for name := range m.header {
				headers[name] = m.header.Get(name)
			}
			for _, secret := range r.secrets {
				list = append(list, message{secret, m.at.Unix(), string(m.body), headers})
			}
		}
		in, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "../.ci/webhook/run")
		cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
		out, err := cmd.Output()
		var answers []string
		if err == nil {
			err = json.Unmarshal(out, &answers)
		}
		if err != nil || len(answers) != 80 {
			t.Fatalf("%d answers: %v", len(answers), err)
		}
		for i, a := range answers {
			if a != "valid" {
				t.Errorf("message %d: %s", i, a)
			}
		}
	})
}

// TestMessageThatPanics: a message that cannot be made harms neither the process nor the others; it is tried again.
func TestMessageThatPanics(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Panic")
		patients := []*apitest.Person{c.Patient(t, "One"), c.Patient(t, "Two")}
		r := proven(t, c, says(500))
		ids := happen(t, c, patients[:1], 1, 1)
		s.Pass(t, 0)
		past(t, s, `UPDATE deliveries SET event_position = 99 WHERE event_position = 0`)
		r.does(fine)
		ids = append(ids, happen(t, c, patients[1:], 2, 1)...)
		s.Pass(t, 10*time.Second)
		if n := len(r.got()); n != 2 {
			t.Errorf("%d of 2 other messages have come", n)
		}
		past(t, s, `UPDATE deliveries SET event_position = 0 WHERE event_position = 99`)
		s.Pass(t, 2*time.Minute)
		r.complete(t, "made again", ids)
	})
}
