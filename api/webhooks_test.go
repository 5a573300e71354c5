package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestWebhooks: an endpoint proves itself and then gets events, as listEvents has them.
func TestWebhooks(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Hooks")
		patient := c.Patient(t, "Lindqvist")
		s.Pass(t, 0)
		r := receive(t, c, fine, "session.missed")
		if got := r.status(t); got != "pending <nil>" {
			t.Errorf("at first it is %s", got)
		}
		ids := happen(t, c, []*apitest.Person{patient}, 2, 3)
		if r.tried() != 0 {
			t.Error("something was sent by a request")
		}
		s.Pass(t, 0)
		if got := r.status(t); got != "active <nil>" {
			t.Errorf("after its challenge it is %s", got)
		}
		r.complete(t, "it", ids)
		want := map[string]any{}
		for _, e := range s.Must(t, apitest.Call{Operation: "listEvents", Token: c.Clinician.Token, Query: "limit=200&type=session.missed"}).Items() {
			want[fmt.Sprint(e["id"])] = e
		}
		got := map[string]any{}
		for _, m := range r.got() {
			var e map[string]any
			if err := json.Unmarshal(m.body, &e); err != nil {
				t.Fatal(err)
			}
			got[fmt.Sprint(e["id"])] = e
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what is sent is not what is listed (-listed +sent):\n%s", diff)
		}
		for _, d := range r.deliveries(t, "&status=succeeded") {
			if d["attempts"] != 1.0 || d["type"] == "session.missed" && (d["answerStatus"] != 204.0 || d["patientId"] != patient.ID.String()) {
				t.Errorf("delivery %v", d)
			}
		}
		for _, secret := range r.secrets {
			for _, sealed := range db.Column(t, `SELECT CAST(sealed AS TEXT) FROM webhook_secrets`) {
				if strings.Contains(sealed, secret) {
					t.Error("a secret is stored as it is")
				}
			}
		}
	})
}

// TestWebhookTypes: what is never sent cannot be asked for, and what there is not is refused in few words.
func TestWebhookTypes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Hooks")
		for _, unsent := range []string{"webhookEndpoint.disabled", "nope"} {
			a := s.Do(t, apitest.Call{Operation: "addWebhookEndpoint", Token: c.Admin.Token, Body: map[string]any{
				"url": "https://example.com/hooks", "eventTypes": []string{"session.missed", unsent},
			}})
			expect(t, unsent, a, 400, problem.InvalidRequest)
			faults, _ := a.JSON("errors").([]any)
			if len(faults) != 1 {
				t.Fatalf("%s: %s", unsent, a.Body)
			}
			fault, _ := faults[0].(map[string]any)
			if detail := fmt.Sprint(fault["detail"]); fault["pointer"] != "/eventTypes/1" || fault["code"] != "enum" || len(detail) > 100 {
				t.Errorf("%s: %v", unsent, fault)
			}
		}
	})
}
