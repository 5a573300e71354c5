package api_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// breakDown lets writes fail for reasons that are not the client's: a panic that shouts what
// it knows, a database that quotes the row it refuses, and no database at all.
func (c *cage) breakDown(t *testing.T) {
	t.Helper()
	var waiting []message
	for _, operation := range []string{"registerPatient", "updatePatient", "updateContact", "recordObservation", "logSession", "recordAssessment", "resolveAlert", "addStaff"} {
		_, call := c.full(t, operation)
		waiting = append(waiting, wire(t, call))
	}
	show := wire(t, apitest.Call{Operation: "listPatients", Token: c.Clinician.Token})
	fails := func(what string, status int, want problem.Code, messages ...message) {
		t.Helper()
		var all sync.WaitGroup // on SQLite they wait for their turn
		for _, m := range messages {
			all.Go(func() { expect(t, what+": "+m.method+" "+m.path, c.knock(t, what, m), status, want) })
		}
		all.Wait()
	}
	before := c.db.Contents(t)

	c.panicking(func() { c.panics.id = true })
	fails("a panic in the work", 500, problem.Internal, waiting...)
	c.panicking(func() { c.panics.id, c.panics.now = false, true })
	fails("a panic before it", 500, problem.Internal, append(waiting, show)...)
	c.panicking(func() { c.panics.now = false })

	restore := c.refusing(t, touched...)
	fails("a database that refuses", 500, problem.Internal, waiting...)
	restore()
	restore = c.absent(t)
	fails("no database", 503, problem.Unavailable, waiting...)
	restore()

	if after := c.db.Contents(t); after != before {
		t.Errorf("what failed changed something:\n%s\n%s", before, after)
	}
	for _, m := range waiting { // and everything works as if nothing had been
		if got := c.knock(t, "afterwards", m); got.Status > 299 {
			t.Errorf("%s %s afterwards: %d %s", m.method, m.path, got.Status, got.Body)
		}
	}
}

func (c *cage) panicking(set func()) {
	c.panics.Lock()
	defer c.panics.Unlock()
	set()
}

// tables that a write of a patient's data touches sooner or later.
var touched = []string{"patients", "staff", "session_facts", "sessions", "assessments", "alerts"}

// refusing has the database refuse rows with an error that quotes them.
func (c *cage) refusing(t *testing.T, tables ...string) (restore func()) {
	t.Helper()
	var up, down []string
	if c.Site.Config.DatabaseURL != "" {
		up = []string{`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION '%', row_to_json(NEW) USING DETAIL = row_to_json(NEW)::text, HINT = row_to_json(NEW)::text; END $$`}
		for _, table := range tables {
			up = append(up, `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON `+table+` FOR EACH ROW EXECUTE FUNCTION refuse()`)
		}
		down = []string{`DROP FUNCTION refuse CASCADE`}
	} else {
		for _, table := range tables {
			for _, event := range []string{"INSERT", "UPDATE"} { // SQLite's own errors quote nothing
				up = append(up, `CREATE TRIGGER refuse_`+table+event+` BEFORE `+event+` ON `+table+` BEGIN SELECT RAISE(ABORT, 'refused'); END`)
				down = append(down, `DROP TRIGGER refuse_`+table+event)
			}
		}
	}
	c.exec(t, "", up...)
	return func() { c.exec(t, "", down...) }
}

// absent takes the database away: on PostgreSQL nobody may connect any more, on SQLite somebody
// else is writing and does not stop.
func (c *cage) absent(t *testing.T) (restore func()) {
	t.Helper()
	if c.Site.Config.DatabaseURL == "" {
		db := c.open(t, "")
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
			t.Fatal(err)
		}
		return func() { _ = db.Close() }
	}
	name := c.db.Column(t, `SELECT current_database()`)[0]
	c.exec(t, "postgres", `ALTER DATABASE `+name+` ALLOW_CONNECTIONS false`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`' AND usename <> current_user`)
	return func() { c.exec(t, "postgres", `ALTER DATABASE `+name+` ALLOW_CONNECTIONS true`) }
}

// exec runs SQL past the server.
func (c *cage) exec(t *testing.T, database string, statements ...string) {
	t.Helper()
	db := c.open(t, database)
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// open opens the server's database for writing, or another one of its PostgreSQL server.
func (c *cage) open(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, source := "sqlite", "file:"+url.PathEscape(filepath.Join(c.Site.Config.Data, "titrate.db"))+"?_pragma=busy_timeout(3000)"
	if c.Site.Config.DatabaseURL != "" {
		driver, source = "pgx", storetest.Superuser(t, c.Site.Config.DatabaseURL)
	}
	if u, err := url.Parse(source); database != "" && err == nil {
		u.Path = "/" + database
		source = u.String()
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
