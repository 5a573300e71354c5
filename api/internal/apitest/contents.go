package apitest

import (
	"path/filepath"
	"testing"

	"github.com/titrate-health/titrate/internal/testbed"
)

// Contents says how many rows every table has and how often they changed, past the store.
func Contents(t testing.TB, dsn string, s *Site) string {
	t.Helper()
	if !isPostgres(dsn) {
		dsn = filepath.Join(s.Config.Data, "titrate.db")
	}
	return testbed.Contents(t, dsn)
}
