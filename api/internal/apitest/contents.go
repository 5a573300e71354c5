package apitest

import (
	"path/filepath"
	"testing"

	"github.com/titrate-health/titrate/api/internal/testbed"
)

// Look opens the site's database for reading past the store.
func Look(t testing.TB, dsn string, s *Site) testbed.Database {
	t.Helper()
	if !isPostgres(dsn) {
		dsn = filepath.Join(s.Config.Data, "titrate.db")
	}
	return testbed.Look(t, dsn)
}
