package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/titrate-health/titrate/pkg/client"
)

// A dashboard listens. The server here breaks off in the middle of its second event; the client comes back
// and goes on behind the first one.
func ExampleClientWithResponses_Stream() {
	event := func(id, name string) string {
		return fmt.Sprintf("id: %s\nevent: %s\ndata: {\"id\":%q,\"type\":%q}\n", id, name, id, name)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.Header.Get("Last-Event-ID") == "" {
			fmt.Fprint(w, "retry: 1\nid: 4710-0b5c1f9e2a77\n\n", event("4711-0-9c2f04e7b1d6", "session.completed"), "\n", event("4711-1-9c2f04e7b1d6", "session.updated"))
			return
		}
		fmt.Fprint(w, ": after ", r.Header.Get("Last-Event-ID"), "\n\n", event("4711-1-9c2f04e7b1d6", "session.updated"), "\n")
	}))
	defer server.Close()

	c, err := client.New(server.URL, client.Token("an access token"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range c.Stream(context.Background(), client.Now) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.ID, e.Type)
		if e.ID == "4711-1-9c2f04e7b1d6" {
			break
		}
	}
	// Output:
	// 4711-0-9c2f04e7b1d6 session.completed
	// 4711-1-9c2f04e7b1d6 session.updated
}
