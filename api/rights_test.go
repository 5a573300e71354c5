package api

import (
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// TestRightsAgeFromBeforeTheyWereRead: rights that took long to read are as old as the beginning of the reading:
// what was taken away meanwhile is not believed for longer than it may be.
func TestRightsAgeFromBeforeTheyWereRead(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		begun := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
		now := begun.Add(-time.Second)
		cfg := Config{Data: t.TempDir(), RateLimit: "0", Now: func() time.Time { now = now.Add(time.Second); return now }}
		if strings.HasPrefix(dsn, "postgres") {
			cfg.DatabaseURL = dsn
		}
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		who := identity{Issuer: "issuer", Subject: "somebody"}
		now = begun.Add(-time.Second) // from here on each look at the clock takes a second
		if _, err := s.members(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		for age, want := range map[time.Duration]bool{rightsAge - 1: true, rightsAge: false} {
			if _, ok := s.rights.get(who.hash(), begun.Add(age)); ok != want {
				t.Errorf("remembered %s after the reading began: %t", age, ok)
			}
		}
	})
}
