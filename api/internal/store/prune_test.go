package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// TestPruneIsBounded: one transaction removes so many rows at most, the oldest, and nothing that is needed.
func TestPruneIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, now := clinic(), time.Now()
		old, young := now.Add(-48*time.Hour), now.Add(-time.Hour)
		const many = store.PrunePage + 7
		update(t, db, s, func(tx *store.Tx) error {
			tx.Note("test", "test", newID())
			for i := range many + 3 {
				at, ended := old, old
				if i >= many {
					at, ended = young, now.Add(time.Hour)
				}
				key := fmt.Appendf(nil, "%032d", i)
				if _, err := tx.Exec(`INSERT INTO idempotency_records (clinic_id, key, fingerprint, status, header, body, created_at)
					VALUES ($1, $2, $3, 201, '{}', $4, $5)`, s.Clinic, key, key, []byte("{}"), at); err != nil {
					return err
				}
				if _, err := tx.Exec(`INSERT INTO invitations (code_hash, clinic, kind, member, tries, expires_at, created_at)
					VALUES ($1, $2, 'staff', $3, 0, $4, $4)`, key, s.Clinic, newID(), ended); err != nil {
					return err
				}
			}
			_, err := tx.Exec(`INSERT INTO invitations (code_hash, clinic, kind, member, tries, expires_at, created_at, redeemed_by)
				VALUES ($1, $2, 'staff', $3, 1, $4, $4, $1)`, []byte("redeemed"), s.Clinic, newID(), old)
			return err
		})
		before := now.Add(-24 * time.Hour)
		var removed []int64
		for range 3 {
			for _, forget := range []func() (int64, error){
				func() (int64, error) { return db.ForgetAnswers(t.Context(), before) },
				func() (int64, error) { return db.ForgetInvitations(t.Context(), before) },
			} {
				n, err := forget()
				if err != nil {
					t.Fatal(err)
				}
				removed = append(removed, n)
			}
		}
		if diff := cmp.Diff([]int64{store.PrunePage, store.PrunePage, 7, 7, 0, 0}, removed); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		var answers, invitations int
		view(t, db, s, func(tx *store.Tx) error {
			return tx.Conn().QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM idempotency_records), (SELECT count(*) FROM invitations)`).Scan(&answers, &invitations)
		})
		if answers != 3 || invitations != 4 {
			t.Errorf("%d answers and %d invitations are left, want the 3 young ones and the one that was redeemed", answers, invitations)
		}
	})
}
