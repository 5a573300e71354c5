package storetest_test

import (
	"testing"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

func TestEachDatabaseIsReady(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if err := db.CheckRuntimeRole(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
