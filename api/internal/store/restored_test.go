package store_test

import (
	"context"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// hooks are as much of the tables of webhooks as is needed to see what becomes of them.
const hooks = `-- +goose Up
CREATE TABLE deliveries (
    clinic_id UUID NOT NULL, id UUID NOT NULL, status TEXT NOT NULL, claimed_until TIMESTAMPTZ, ended_at TIMESTAMPTZ,
    CONSTRAINT deliveries_pkey PRIMARY KEY (clinic_id, id)
);
CREATE TABLE webhook_positions (
    clinic_id UUID NOT NULL, endpoint_id UUID NOT NULL, entry_number BIGINT NOT NULL,
    CONSTRAINT webhook_positions_pkey PRIMARY KEY (clinic_id, endpoint_id)
);
-- +goose Down
DROP TABLE webhook_positions;
DROP TABLE deliveries;
`

// TestRestored: after a restore nothing is sent of what was there, and no invitation or ticket is good.
func TestRestored(t *testing.T) {
	migrations := fstest.MapFS{"00030_hooks.sql": {Data: []byte(hooks)}}
	for _, name := range []string{"00001_doors.sql", "00014_support_tickets.sql", "00022_seals.sql"} {
		text, err := fs.ReadFile(store.Shipped(), name)
		if err != nil {
			t.Fatal(err)
		}
		migrations[name] = &fstest.MapFile{Data: text}
	}
	with := func(dsn string) store.Options {
		return store.WithMigrations(store.Options{DSN: dsn}, maps.Clone(migrations))
	}
	t.Run("sqlite", func(t *testing.T) {
		db := storetest.Open(t, with(storetest.SQLite(t)))
		restored(t, db, db)
	})
	if storetest.HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			app, owner := storetest.Clone(t, "hooks", func(owner string) error {
				_, err := store.Migrate(context.Background(), with(owner), store.Up)
				return err
			})
			restored(t, storetest.Open(t, with(app)), storetest.Open(t, with(owner)))
		})
	}
}

func restored(t *testing.T, db, owner *store.DB) {
	t.Helper()
	s, other := clinic(), clinic()
	enter := func(s store.Scope) {
		e := store.Entry{ClinicID: s.Clinic, ID: newID(), At: time.Now(), Operation: "test", Actor: "system", Outcome: store.OutcomeRead}
		if err := db.System(t.Context(), "test", func(tx *store.Tx) error { return tx.Enter(e) }); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		enter(s)
	}
	if _, err := db.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	update(t, db, s, func(tx *store.Tx) error { // the fourth, which waits for its number
		tx.Note("test", "test", newID())
		for _, status := range []string{"pending", "pending", "succeeded", "failed"} {
			if _, err := tx.Exec(`INSERT INTO deliveries (clinic_id, id, status, claimed_until) VALUES ($1, $2, $3, $4)`, s.Clinic, newID(), status, tx.Now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO webhook_positions (clinic_id, endpoint_id, entry_number) VALUES ($1, $2, 1)`, s.Clinic, newID()); err != nil {
			return err
		}
		if err := tx.Issue(store.Hash{1}, store.Ticket{Patient: newID(), Session: newID(), Person: newID()}); err != nil {
			return err
		}
		return tx.Invite(store.Hash{2}, store.ActorStaff, newID(), tx.Now.Add(time.Hour))
	})
	enter(other)
	parked, err := owner.Restored(t.Context())
	if err != nil || parked != 2 {
		t.Errorf("parked %d: %v", parked, err)
	}
	got := map[string]int{}
	view(t, db, s, func(tx *store.Tx) error {
		for what, query := range map[string]string{
			"pending":  `SELECT count(*) FROM deliveries WHERE status = 'pending'`,
			"parked":   `SELECT count(*) FROM deliveries WHERE status = 'parked' AND claimed_until IS NULL AND ended_at IS NOT NULL`,
			"position": `SELECT entry_number FROM webhook_positions`, "tickets": `SELECT count(*) FROM support_tickets`,
		} {
			var n int
			if err := tx.Conn().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
				return err
			}
			got[what] = n
		}
		return nil
	})
	if diff := cmp.Diff(map[string]int{"pending": 0, "parked": 2, "position": 4, "tickets": 0}, got); diff != "" {
		t.Errorf("after it was restored (-want +got):\n%s", diff)
	}
	if _, err := db.TryInvitation(t.Context(), store.Hash{2}, store.Hash{3}); err == nil {
		t.Error("the invitation is good")
	}
}
