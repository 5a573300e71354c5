// Package testbed is what the tests of several packages stand on: a PostgreSQL server with a
// database for each test, an OpenID provider, and a look at a database past the store.
//
// The server is TEST_DATABASE_URL (a superuser's URL), or a throw-away one that is started when
// the first test asks for it, if PostgreSQL's programs are installed. It is gone when the test
// process is, however that ends. TITRATE_TEST_POSTGRES=required makes the absence of a server a
// failure; TITRATE_TEST_FSYNC=1 leaves the throw-away one its fsync.
package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

const absent = "no PostgreSQL server and no programs to start one: only SQLite was tested"

// theServer is started once per process, when the first test asks for it.
var theServer = sync.OnceValues(startServer)

var sayAbsent = sync.OnceFunc(func() {
	// `go test` hides what a passing package prints; somebody at a terminal should see it.
	out, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		out = os.Stderr
	}
	_, _ = fmt.Fprintln(out, absent)
})

// HasPostgres reports whether there is a PostgreSQL server to test with.
func HasPostgres(t testing.TB) bool {
	t.Helper()
	s, err := theServer()
	switch {
	case err != nil:
		t.Fatalf("PostgreSQL for tests: %v", err)
	case s != nil:
		return true
	case os.Getenv("TITRATE_TEST_POSTGRES") == "required":
		t.Fatal("TITRATE_TEST_POSTGRES=required, but there is " + absent)
	}
	sayAbsent()
	return false
}

// Clone returns the URLs of a new database, for the runtime login and for the owner: a copy of
// what migrate made of an empty one, once per name and process. Without a server the test ends
// here.
func Clone(t testing.TB, name string, migrate func(ownerURL string) error) (appURL, ownerURL string) {
	t.Helper()
	if !HasPostgres(t) {
		t.Skip(absent)
	}
	s, _ := theServer()
	database, err := s.clone(name, migrate)
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(database); err != nil {
			t.Errorf("drop %s: %v", database, err)
		}
	})
	return s.url(appRole, database), s.url(ownerRole, database)
}

// Superuser returns the URL of the server's superuser for the database of url.
func Superuser(t testing.TB, url string) string {
	t.Helper()
	return as(t, "", url)
}

// Owner returns the URL of the owner for the database of url.
func Owner(t testing.TB, url string) string {
	t.Helper()
	return as(t, ownerRole, url)
}

// Program is the path of one of PostgreSQL's programs.
func Program(name string) string {
	if dir := programs(); dir != "" {
		return filepath.Join(dir, name)
	}
	return name
}

func as(t testing.TB, role, url string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := theServer()
	if err != nil {
		t.Fatal(err)
	}
	return s.url(role, cfg.Database)
}

// Exec runs SQL past the store, for arranging what the store would refuse.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also when the test is cleaning up
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	for _, q := range statements {
		if _, err := c.Exec(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func isPostgres(dsn string) bool { return strings.HasPrefix(dsn, "postgres") }
