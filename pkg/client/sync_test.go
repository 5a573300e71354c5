package client_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/titrate-health/titrate/pkg/client"
)

// pages answers syncChanges: by token, the status and the page.
func pages(byToken map[string]string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := byToken[r.URL.Query().Get("token")]
		w.Header().Set("Content-Type", "application/json")
		if page == "" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusGone)
			page = `{"type":"/problems/resync_required","title":"","status":410,"code":"resync_required","requestId":"r","retryable":false}`
		}
		fmt.Fprint(w, page)
	}))
}

const (
	jonas  = `{"type":"supportPerson","id":"01980000-0000-7000-8000-000000000621","version":1,"state":"present","data":{"name":"Jonas"}}`
	weight = `{"type":"measurement","id":"7b0d7e5a-4c1e-4f6a-9a51-000000000014","version":1,"state":"present","data":{"weightKg":68.4}}`
	erased = `{"type":"measurement","id":"7b0d7e5a-4c1e-4f6a-9a51-000000000014","state":"gone","reason":"removed"}`
	lost   = `{"type":"patient","id":"01980000-0000-7000-8000-0000000000d1","state":"gone","reason":"accessLost"}`
)

func ExampleSync() {
	server := pages(map[string]string{
		"":      `{"items":[` + jonas + `,` + weight + `],"more":true,"token":"begun"}`,
		"begun": `{"items":[` + erased + `],"more":false,"token":"now"}`,
	})
	defer server.Close()
	c, err := client.New(server.URL, client.Token("an access token"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var chart client.Sync // or what was stored the last time
	if err := chart.Follow(context.Background(), c); err != nil {
		fmt.Println(err) // offline: the copy is as good as it was
	}
	for key, record := range chart.Records {
		fmt.Println(key.Type, string(record.Data))
	}
	fmt.Println(chart.Token)
	// Output:
	// supportPerson {"name":"Jonas"}
	// now
}

// TestSyncBeginsAnew: a token that is refused for good costs the copy; one refused twice is an error.
func TestSyncBeginsAnew(t *testing.T) {
	server := pages(map[string]string{"": `{"items":[` + weight + `],"more":false,"token":"now"}`})
	defer server.Close()
	c, err := client.New(server.URL, client.Token("token"))
	if err != nil {
		t.Fatal(err)
	}
	chart := client.Sync{Token: "too old", Records: map[client.RecordKey]client.SyncItem{{Type: "visit"}: {}}}
	if err := chart.Follow(t.Context(), c); err != nil || chart.Token != "now" || len(chart.Records) != 1 {
		t.Errorf("%v: %+v", err, chart)
	}
	for key := range maps.Keys(chart.Records) {
		if key.Type != "measurement" {
			t.Errorf("%s is left over", key.Type)
		}
	}
	none := pages(nil)
	defer none.Close()
	if c, err = client.New(none.URL, client.Token("token")); err != nil {
		t.Fatal(err)
	}
	if err := chart.Follow(t.Context(), c); err == nil {
		t.Error("a server that always refuses is no error")
	}
}

// TestSyncPatientGone: nothing of a patient is left who may not be read any more.
func TestSyncPatientGone(t *testing.T) {
	server := pages(map[string]string{"": `{"items":[` + jonas + `,` + weight + `],"more":true,"token":"1"}`, "1": `{"items":[` + lost + `],"more":false,"token":"2"}`})
	defer server.Close()
	c, err := client.New(server.URL, client.Token("token"))
	if err != nil {
		t.Fatal(err)
	}
	var chart client.Sync
	if err := chart.Follow(t.Context(), c); err != nil || len(chart.Records) != 0 {
		t.Errorf("%v: %v", err, slices.Collect(maps.Keys(chart.Records)))
	}
}
