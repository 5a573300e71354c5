package store_test

import (
	"fmt"
	"testing"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// TestSQLiteRemembersStatements asks for more different statements than are kept, repeats
// them, and changes the schema under one that is prepared.
func TestSQLiteRemembersStatements(t *testing.T) {
	db := storetest.Open(t, store.Options{DSN: storetest.SQLite(t)})
	s := clinic()
	ask := func(query string) int {
		var n int
		view(t, db, s, func(tx *store.Tx) error {
			return tx.Conn().QueryRowContext(t.Context(), query).Scan(&n)
		})
		return n
	}
	for round := range 3 {
		for i := range 300 {
			if got := ask(fmt.Sprintf("SELECT %d", i)); got != i {
				t.Fatalf("round %d: SELECT %d gave %d", round, i, got)
			}
		}
	}
	const count = "SELECT count(*) FROM pragma_table_info('journal')"
	before := ask(count)
	update(t, db, s, func(tx *store.Tx) error {
		_, err := tx.Conn().ExecContext(t.Context(), "ALTER TABLE journal ADD COLUMN extra TEXT")
		return err
	})
	if got := ask(count); got != before+1 {
		t.Errorf("%d columns after another was added to %d", got, before)
	}
}
