package apitest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// Loopback is where tests receive webhooks.
const Loopback = "127.0.0.0/8"

// nowhere resolves no name: nothing that a test does leaves the machine.
func nowhere(context.Context, string) ([]netip.Addr, error) {
	return nil, errors.New("no names in tests")
}

// Challenge is what a message wants to have given back; "" if it is no challenge.
func Challenge(body []byte) string {
	var m struct{ Challenge string }
	_ = json.Unmarshal(body, &m)
	return m.Challenge
}

// hooked is an endpoint that waits for its challenge to be answered.
func hooked(t testing.TB, s *Scene) { s.endpoint(t, "https://hooks.example.org/titrate") }

// listening is an endpoint that has proven itself, and has got an event.
func listening(t testing.TB, s *Scene) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = io.WriteString(w, Challenge(body))
		}
	}))
	t.Cleanup(receiver.Close)
	s.endpoint(t, receiver.URL)
	s.Clinic.Site.Pass(t, 0)
	weight(t, s)
	admin := Call{Operation: "listDeliveries", Token: s.Clinic.Admin.Token, Query: "webhookEndpointId=" + s.IDs["webhookEndpoint"]}
	for range 1000 { // where the server works by itself too, it may be just about to
		s.Clinic.Site.Pass(t, 0)
		for _, d := range s.Clinic.Site.Must(t, admin).Items() {
			if d["type"] == "measurement.recorded" {
				s.IDs["delivery"] = d["id"].(string)
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no event was delivered")
}

// endpoint adds one that gets little.
func (s *Scene) endpoint(t testing.TB, url string) {
	a := s.must(t, s.Clinic.Admin, "addWebhookEndpoint", map[string]any{"url": url, "eventTypes": []string{"measurement.recorded"}})
	s.IDs["webhookEndpoint"], s.Version["webhookEndpoint"] = a.Text("webhookEndpoint", "id"), a.Header.Get("ETag")
}
