package testbed

import (
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/stdlib" // and the driver "pgx"
	_ "modernc.org/sqlite"           // the driver "sqlite"
)

// Database is a look at a database past the store, where all clinics are visible. One goroutine
// uses it.
type Database struct{ db *sql.DB }

// Look opens a database for reading until the test ends: the path of a SQLite file, or a
// PostgreSQL URL, whose superuser takes the place of its login.
func Look(t testing.TB, dsn string) Database {
	t.Helper()
	driver, source := "sqlite", "file:"+url.PathEscape(dsn)+"?mode=ro&_pragma=busy_timeout(3000)"
	if isPostgres(dsn) {
		driver, source = "pgx", Superuser(t, dsn)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return Database{db}
}

// uncounted are the tables that a denial may touch: an invitation's tries, and the journal, which says that it
// was denied; and those that the server fills in the background.
var uncounted = map[string]bool{
	"goose_db_version": true, "invitations": true, "sqlite_sequence": true,
	"journal": true, "journal_heads": true, "journal_seals": true,
	"deliveries": true, "webhook_positions": true,
}

// Contents says how many rows every table of a database has and how often they changed.
func Contents(t testing.TB, dsn string) string {
	t.Helper()
	return Look(t, dsn).Contents(t)
}

// Contents says how many rows every table has and how often they changed.
func (d Database) Contents(t testing.TB) string {
	t.Helper()
	tables := `SELECT m.name || ' ' || EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'version')
		FROM sqlite_master m WHERE m.type = 'table' ORDER BY m.name`
	if d.postgres() {
		tables = `SELECT c.relname || ' ' || EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'version')::int
			FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname`
	}
	var counts []string
	for _, line := range d.Column(t, tables) {
		table, versioned, _ := strings.Cut(line, " ")
		if uncounted[table] {
			continue
		}
		changes := "0"
		if versioned == "1" {
			changes = "coalesce(sum(version), 0)"
		}
		counts = append(counts, fmt.Sprintf("SELECT '%s ' || count(*) || ' ' || %s FROM %s", table, changes, table))
	}
	lines := d.Column(t, strings.Join(counts, " UNION ALL "))
	slices.Sort(lines) // PostgreSQL may look at large tables first
	return strings.Join(lines, "\n")
}

func (d Database) postgres() bool {
	_, is := d.db.Driver().(*stdlib.Driver)
	return is
}

// Column runs a query that answers one column.
func (d Database) Column(t testing.TB, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := d.db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
