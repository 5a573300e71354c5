package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// TestRemovedWhileFannedOut: of an endpoint that is removed while its events become deliveries, none is left to be sent.
func TestRemovedWhileFannedOut(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storetest.Open(t, sealing(store.Options{DSN: dsn}))
		s := clinic()
		w := &store.WebhookEndpoint{URL: "https://hooks.example.org/", Status: store.WebhookActive}
		update(t, db, s, func(tx *store.Tx) error { return tx.AddWebhookEndpoint(w) })
		update(t, db, s, func(tx *store.Tx) error { tx.Note("patient.registered", "patients", newID()); return nil })
		drain(t, db)
		var removing sync.WaitGroup
		remove := sync.OnceFunc(func() {
			removing.Go(func() {
				update(t, db, s, func(tx *store.Tx) error {
					if err := tx.ParkDeliveries(w.ID); err != nil {
						return err
					}
					w.Status = store.WebhookRemoved
					return tx.ChangeWebhookEndpoint("webhookEndpoint.removed", w)
				})
			})
			time.Sleep(200 * time.Millisecond)
		})
		at := store.EndpointRef{ClinicID: s.Clinic, EndpointID: w.ID}
		n, _, err := db.FanOut(t.Context(), at, func(store.Event) bool { remove(); return true })
		if n == 0 || err != nil {
			t.Errorf("%d entries: %v", n, err)
		}
		removing.Wait()
		if counts, err := db.CountDeliveries(t.Context()); counts.Pending != 0 || err != nil {
			t.Errorf("%d are left: %v", counts.Pending, err)
		}
	})
}
