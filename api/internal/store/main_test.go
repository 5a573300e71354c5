package store_test

import (
	"fmt"
	"os"
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
	code := m.Run()
	leak := goleak.Find()
	for range 20 { // on a busy machine what was closed takes a while to end
		if leak == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
		leak = goleak.Find()
	}
	if code == 0 && leak != nil {
		fmt.Fprintln(os.Stderr, "goleak:", leak)
		code = 1
	}
	os.Exit(code)
}
