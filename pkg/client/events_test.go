package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestStreamBeginsAnew: a stream whose place is not there any more, as the server was restored from a backup, ends and
// says so.
func TestStreamBeginsAnew(t *testing.T) {
	const place = "7-0-0123456789ab"
	var places []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		places = append(places, r.Header.Get("Last-Event-ID"))
		if len(places) == 1 {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "retry: 1\nid: %s\nevent: visit.booked\ndata: {\"id\":%q,\"type\":\"visit.booked\"}\n\n", place, place)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusGone)
		fmt.Fprint(w, `{"type":"/problems/resync_required","title":"","status":410,"code":"resync_required","requestId":"r","retryable":false}`)
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.Token("token"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range c.Stream(t.Context(), 0) {
		if err != nil {
			got = append(got, fmt.Sprint(problem.Is(err, problem.ResyncRequired)))
			continue
		}
		got = append(got, e.ID)
	}
	if !slices.Equal(got, []string{place, "true"}) || !slices.Equal(places, []string{"", place}) {
		t.Errorf("got %v, and has come back with %q", got, places)
	}
}
