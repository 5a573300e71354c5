package store_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// What concerns a patient happens in turn, also from two processes; other patients do not wait.
func TestPatientIsHeld(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, dsn string) {
		other := storetest.Open(t, options(dsn))
		s := clinic()
		ann, hers := addPatient(t, db, s, "Ann")
		ben, _ := addPatient(t, db, s, "Ben")
		held, done := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		lock := func(db *store.DB, ref store.Ref, then func()) {
			t.Helper()
			update(t, db, s, func(tx *store.Tx) error {
				_, err := tx.LockPatient(ref)
				then()
				return err
			})
		}
		wg.Go(func() {
			lock(db, store.Ref{Param: "treatmentId", ID: hers.ID}, func() {
				close(held)
				time.Sleep(200 * time.Millisecond)
				close(done)
			})
		})
		<-held
		if !strings.HasSuffix(t.Name(), "sqlite") { // SQLite has one writer
			lock(other, store.Ref{Param: "patientId", ID: ben.ID}, func() {})
			select {
			case <-done:
				t.Error("another patient had to wait")
			default:
			}
		}
		lock(other, store.Ref{Param: "patientId", ID: ann.ID}, func() {
			select {
			case <-done:
			default:
				t.Error("the patient was held twice at once")
			}
		})
		wg.Wait()
	})
}

func TestConcernsPatient(t *testing.T) {
	for param, want := range map[string]bool{"patientId": true, "treatmentId": true, "staffId": false, "": false} {
		if got := store.ConcernsPatient(param); got != want {
			t.Errorf("%q: %v, want %v", param, got, want)
		}
	}
}
