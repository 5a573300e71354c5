package api_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// overtake makes a change in the clinic's records and does something else before it is committed.
func overtake(t *testing.T, c *apitest.Clinic, change func(*store.Tx) error, meanwhile func()) {
	t.Helper()
	scope := store.Scope{Clinic: c.ID, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "test", RequestID: "test"}
	var other sync.WaitGroup
	err := open(t, c.Site).Update(t.Context(), scope, func(tx *store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		other.Go(meanwhile)
		time.Sleep(200 * time.Millisecond) // it has read by then, and waits for what is written here
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	other.Wait()
}

// describe changes an endpoint.
func describe(id string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		w, err := tx.WebhookEndpoint(uuid.MustParse(id))
		if err != nil {
			return err
		}
		w.Description += "Changed. "
		return tx.ChangeWebhookEndpoint("webhookEndpoint.updated", w)
	}
}

// TestOvertaken: of two who change a record with a list at the same moment, the second is told that it has moved on.
func TestOvertaken(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Overtaken")
		endpoint := receive(t, c, fine, "session.missed")
		overtake(t, c, describe(endpoint.id), func() {
			expect(t, "an endpoint", s.Do(t, apitest.Call{
				Operation: "updateWebhookEndpoint", Token: c.Admin.Token, Path: map[string]string{"webhookEndpointId": endpoint.id},
				Body: map[string]any{"description": "Ours."}, Header: map[string]string{"If-Match": endpoint.version},
			}), 412, "stale")
		})
		path := map[string]string{"staffId": c.Prescriber.ID.String()}
		version := s.Must(t, apitest.Call{Operation: "showStaff", Token: c.Admin.Token, Path: path}).Header.Get("ETag")
		change := func(tx *store.Tx) error {
			m, err := tx.StaffMember(c.Prescriber.ID)
			if err != nil {
				return err
			}
			return tx.ChangeStaff("staff.updated", m)
		}
		overtake(t, c, change, func() {
			expect(t, "staff", s.Do(t, apitest.Call{
				Operation: "updateStaff", Token: c.Admin.Token, Path: path,
				Body: map[string]any{"email": "new@example.org"}, Header: map[string]string{"If-Match": version},
			}), 412, "stale")
		})
	})
}

// TestProvenMeanwhile: an endpoint that has answered its challenge is active, whoever has changed it at that moment.
func TestProvenMeanwhile(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Proven")
		s.Pass(t, 0)
		r := receive(t, c, fine, "session.missed")
		r.close()
		var busy sync.WaitGroup
		r.open(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, err := io.ReadAll(q.Body)
			if err != nil {
				t.Error(err)
			}
			changed := make(chan struct{})
			busy.Go(func() { overtake(t, c, describe(r.id), func() { close(changed) }) })
			<-changed
			_, _ = io.WriteString(w, apitest.Challenge(body))
		}))
		s.Pass(t, 0)
		busy.Wait()
		if got := r.status(t); got != "active <nil>" {
			t.Errorf("it is %s after %v", got, r.deliveries(t, ""))
		}
	})
}
