package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/store"
)

func TestInvitation(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		code, ann, eve := store.Hash{1}, store.Hash{2}, store.Hash{3}
		member := newID()
		want := store.Membership{ClinicID: s.Clinic, Kind: store.ActorPatient, MemberID: member}
		invite := func(code store.Hash, expires time.Duration) {
			t.Helper()
			update(t, db, s, func(tx *store.Tx) error {
				tx.Note("patient.invited", "patients", member)
				return tx.Invite(code, store.ActorPatient, member, tx.Now.Add(expires))
			})
		}
		redeem := func(s store.Scope, signIn store.Hash) (m store.Membership, err error) {
			err = db.Update(t.Context(), s, func(tx *store.Tx) (err error) {
				tx.Note("patient.invitationRedeemed", "patients", member)
				m, _, err = tx.Redeem(code, signIn)
				return err
			})
			return m, err
		}

		if _, err := db.TryInvitation(t.Context(), code, ann); !errors.Is(err, store.ErrInvitationInvalid) {
			t.Errorf("unknown code: %v, want ErrInvitationInvalid", err)
		}
		invite(code, time.Hour)
		if m, err := db.TryInvitation(t.Context(), code, ann); err != nil || m != want {
			t.Errorf("try: %+v, %v; want %+v", m, err, want)
		}
		if _, err := redeem(clinic(), ann); !errors.Is(err, store.ErrInvitationInvalid) {
			t.Errorf("in another clinic: %v, want ErrInvitationInvalid", err)
		}
		for range 2 { // the second time nothing changes
			if m, err := redeem(s, ann); err != nil || m != want {
				t.Errorf("redeem: %+v, %v; want %+v", m, err, want)
			}
		}
		if _, err := redeem(s, eve); !errors.Is(err, store.ErrInvitationUsed) {
			t.Errorf("redeemed by somebody else: %v, want ErrInvitationUsed", err)
		}
		for range 10 { // who has redeemed it may come again at no cost
			if m, err := db.TryInvitation(t.Context(), code, ann); err != nil || m != want {
				t.Errorf("try again: %+v, %v; want %+v", m, err, want)
			}
		}
		if _, err := db.TryInvitation(t.Context(), code, eve); !errors.Is(err, store.ErrInvitationUsed) {
			t.Errorf("tried by somebody else: %v, want ErrInvitationUsed", err)
		}
		list, err := db.Memberships(t.Context(), ann)
		if diff := cmp.Diff([]store.Membership{want}, list); diff != "" || err != nil {
			t.Errorf("memberships: %v (-want +got)\n%s", err, diff)
		}
		if list, err := db.Memberships(t.Context(), eve); err != nil || len(list) != 0 {
			t.Errorf("memberships of a stranger: %v, %v", list, err)
		}

		invite(store.Hash{4}, -time.Second)
		if _, err := db.TryInvitation(t.Context(), store.Hash{4}, ann); !errors.Is(err, store.ErrInvitationInvalid) {
			t.Errorf("expired: %v, want ErrInvitationInvalid", err)
		}
		invite(store.Hash{5}, time.Hour)
		invite(store.Hash{6}, time.Hour)
		if _, err := db.TryInvitation(t.Context(), store.Hash{5}, ann); !errors.Is(err, store.ErrInvitationInvalid) {
			t.Errorf("replaced by a newer one: %v, want ErrInvitationInvalid", err)
		}
	})
}

// A try counts whatever becomes of the request, and however many come at once.
func TestInvitationTries(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s, code := clinic(), store.Hash{1}
		update(t, db, s, func(tx *store.Tx) error {
			tx.Note("patient.invited", "patients", newID())
			return tx.Invite(code, store.ActorPatient, newID(), tx.Now.Add(time.Hour))
		})
		var let atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := db.TryInvitation(t.Context(), code, store.Hash{9, byte(i)})
				switch {
				case err == nil:
					let.Add(1)
				case !errors.Is(err, store.ErrInvitationInvalid):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if let.Load() != 5 {
			t.Errorf("%d tries, want 5", let.Load())
		}
	})
}

func TestLink(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		here, there := clinic(), clinic()
		signIn, member := store.Hash{1}, newID()
		link := func(s store.Scope, kind string, id [16]byte) error {
			return db.Update(t.Context(), s, func(tx *store.Tx) error {
				tx.Note("signIn.linked", kind, id)
				return tx.Link(signIn, kind, id)
			})
		}
		for _, s := range []store.Scope{here, here, there} {
			if err := link(s, store.ActorStaff, member); err != nil {
				t.Error(err)
			}
		}
		if err := link(here, store.ActorPatient, newID()); err != nil {
			t.Errorf("staff who are also a patient: %v", err)
		}
		if err := link(here, store.ActorStaff, newID()); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second staff member of the clinic: %v, want ErrConflict", err)
		}
		if list, err := db.Memberships(t.Context(), signIn); err != nil || len(list) != 3 {
			t.Errorf("memberships: %v, %v; want 3", list, err)
		}
	})
}
