package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
)

// rare are events that need a second thing to happen to the same record. The tests of those records bring
// them about.
var rare = []string{
	"adjustment.applied", "alert.reassigned", "clinic.restored", "dispense.rejudged", "followUp.moved", "followUp.reopened", "prescription.ended",
	"prescription.locked", "prescription.superseded", "session.rejudged", "supplySignal.changed", "supplySignal.settled",
	"treatment.reassigned", "visit.reassigned",
}

// catalogue: what everything that was done and a year of waiting have brought about is listed, follows the
// schema of its type in the contract, and is most of what the catalogue has.
func (c *counter) catalogue(t *testing.T) {
	for _, wait := range []time.Duration{time.Hour, 23 * time.Hour, 24 * time.Hour, 5 * 24 * time.Hour, 14 * 24 * time.Hour, 90 * 24 * time.Hour, 300 * 24 * time.Hour} {
		c.Site.Pass(t, wait)
	}
	want := c.db.Column(t, `SELECT events FROM journal WHERE outcome = 'done' AND CAST(clinic_id AS TEXT) = $1 ORDER BY seq`, c.ID.String())
	var names []string
	for _, text := range want {
		var events []event
		if err := json.Unmarshal([]byte(text), &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			names = append(names, e.Event)
		}
	}
	var listed []string
	for _, item := range c.events(t, c.Site.Issuer.Token(t, c.Both.Subject, c.Site.Clock.Now()), "") {
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint(item["type"])
		if err := apitest.Follows("/webhooks/"+name+"/post/requestBody/content/application~1json/schema", text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		listed = append(listed, name)
	}
	if !slices.Equal(listed, names) {
		t.Errorf("listed are %d of %d; never: %v", len(listed), len(names), without(names, listed))
	}
	if never := without(slices.Sorted(maps.Keys(api.EventTypes)), names); !slices.Equal(never, rare) {
		t.Errorf("nothing has led to %v, and yet to %v", without(never, rare), without(rare, never))
	}
}

// events lists all of them, as JSON.
func (c *counter) events(t *testing.T, token, query string) (items []map[string]any) {
	t.Helper()
	call := apitest.Call{Operation: "listEvents", Token: token, Query: query}
	for cursor, more := "", true; more; {
		a := c.page(t, call, 200, cursor)
		expect(t, "events", a, 200, "")
		items = append(items, a.Items()...)
		cursor = a.Text("nextCursor")
		more = cursor != ""
	}
	return items
}
