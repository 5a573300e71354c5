package store_test

import (
	"testing"
	"time"
	_ "time/tzdata" // machines without zone files run the tests too

	"go.uber.org/goleak"
)

// The process's zone is not UTC, because times that are read in it look right where it is.
func TestMain(m *testing.M) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	time.Local = zone
	goleak.VerifyTestMain(m)
}
