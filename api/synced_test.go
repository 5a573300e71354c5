package api

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
)

// TestTouchedAsksNothing: whose a changed record is, an entry about the records of several patients says itself. There
// is no database here to be asked.
func TestTouchedAsksNothing(t *testing.T) {
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("the database was asked: %v", v)
		}
	}()
	maya, noor, alert := uuid.New(), uuid.New(), uuid.New()
	for patient, want := range map[uuid.UUID][]recordRef{maya: {{"alerts", alert}}, noor: nil} {
		ev := store.Event{Event: "alert.reassigned", Record: "alerts", ID: alert, Version: 2, Patient: maya}
		got, err := touched(nil, patient, &store.Entry{Events: []store.Event{ev}}, ev)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v %v, want %v", got, err, want)
		}
	}
}
