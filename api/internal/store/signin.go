package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
)

// The tables sign_ins and invitations are global: they are read before it is known which
// clinic a request is for. They hold ids and hashes only, and name the clinic in a column
// that is not called clinic_id, so that row-level security leaves them alone.

// Membership is what a sign-in is linked to in one clinic.
type Membership struct {
	ClinicID uuid.UUID
	Kind     string // ActorStaff or ActorPatient
	MemberID uuid.UUID
}

// Memberships returns what the sign-in with that hash of issuer and subject is linked to, in
// the order in which it was linked. Whether a member is still active stands in its own row.
func (db *DB) Memberships(ctx context.Context, signIn Hash) (list []Membership, err error) {
	list = []Membership{}
	err = db.global(ctx, read, func(c pinned) error {
		rows, err := c.QueryContext(ctx,
			`SELECT clinic, kind, member FROM sign_ins WHERE signin_hash = $1 ORDER BY created_at, clinic, kind`, signIn[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m Membership
			if err := rows.Scan(&m.ClinicID, &m.Kind, &m.MemberID); err != nil {
				return err
			}
			list = append(list, m)
		}
		return rows.Err()
	})
	return list, err
}

// maxTries is how often an invitation may be tried. A patient's asks for the birth date too.
const maxTries = 5

// TryInvitation counts a try of the invitation with that hash and says what it is for. The try
// is committed here, before anybody looks at the birth date: counted in the transaction that
// redeems, it would be forgotten with each refusal. Who has redeemed it already may come again
// at no cost. The errors are ErrInvitationInvalid and ErrInvitationUsed.
func (db *DB) TryInvitation(ctx context.Context, code, signIn Hash) (m Membership, err error) {
	err = db.global(context.WithoutCancel(ctx), write, func(c pinned) error {
		err := c.QueryRowContext(ctx,
			`UPDATE invitations SET tries = tries + 1
			WHERE code_hash = $1 AND redeemed_by IS NULL AND tries < $2 AND expires_at > $3 RETURNING clinic, kind, member`,
			code[:], maxTries, db.now()).Scan(&m.ClinicID, &m.Kind, &m.MemberID)
		if errors.Is(err, sql.ErrNoRows) {
			m, err = redeemed(c.QueryRowContext(ctx, findInvitation, code[:]), signIn)
		}
		return err
	})
	return m, err
}

const findInvitation = `SELECT clinic, kind, member, redeemed_by FROM invitations WHERE code_hash = $1`

// redeemed returns an invitation that cannot be redeemed to the one who has done so.
func redeemed(row *sql.Row, signIn Hash) (m Membership, err error) {
	var by []byte
	err = row.Scan(&m.ClinicID, &m.Kind, &m.MemberID, &by)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && by == nil:
		return Membership{}, ErrInvitationInvalid
	case err == nil && !bytes.Equal(by, signIn[:]):
		return Membership{}, ErrInvitationUsed
	}
	return m, err
}

// Invite makes an invitation for a member of the clinic, and ends the earlier ones that the
// member has not redeemed. code is the hash of what the member is given.
func (tx *Tx) Invite(code Hash, kind string, member uuid.UUID, expires time.Time) error {
	if _, err := tx.exec(`UPDATE invitations SET expires_at = $1
		WHERE clinic = $2 AND kind = $3 AND member = $4 AND redeemed_by IS NULL AND expires_at > $1`,
		tx.Now, tx.scope.Clinic, kind, member); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO invitations (code_hash, clinic, kind, member, tries, expires_at, created_at)
		VALUES ($1, $2, $3, $4, 0, $5, $6)`, code[:], tx.scope.Clinic, kind, member, expires, tx.Now)
	return err
}

// Redeem uses an invitation of this clinic up and links the sign-in to its member. Call
// [DB.TryInvitation] before the transaction. Redeeming again with the same sign-in changes
// nothing and returns the same, but for first. The errors are those of TryInvitation and of
// [Tx.Link].
func (tx *Tx) Redeem(code, signIn Hash) (m Membership, first bool, err error) {
	n, err := tx.exec(`UPDATE invitations SET redeemed_by = $1, redeemed_at = $2
		WHERE code_hash = $3 AND clinic = $4 AND redeemed_by IS NULL AND expires_at > $2`,
		signIn[:], tx.Now, code[:], tx.scope.Clinic)
	if err != nil {
		return Membership{}, false, err
	}
	m, err = redeemed(tx.conn.QueryRowContext(tx.ctx, findInvitation, code[:]), signIn)
	if err == nil && m.ClinicID != tx.scope.Clinic {
		err = ErrInvitationInvalid
	}
	if err != nil {
		return Membership{}, false, tx.fail(tx.db.engine.classify(err))
	}
	if n == 0 {
		return m, false, nil
	}
	return m, true, tx.Link(signIn, m.Kind, m.MemberID)
}

// Link lets a sign-in act as a member of the clinic. A sign-in is at most one staff member and
// one patient of a clinic: if it is another one already, the error is ErrConflict.
func (tx *Tx) Link(signIn Hash, kind string, member uuid.UUID) error {
	clinic := tx.scope.Clinic
	n, err := tx.exec(`INSERT INTO sign_ins (signin_hash, clinic, kind, member, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (signin_hash, clinic, kind) DO NOTHING`,
		signIn[:], clinic, kind, member, tx.Now)
	if err != nil || n == 1 {
		return err
	}
	var linked uuid.UUID
	err = tx.row(`SELECT member FROM sign_ins WHERE signin_hash = $1 AND clinic = $2 AND kind = $3`,
		[]any{signIn[:], clinic, kind}, &linked)
	if err == nil && linked != member {
		err = tx.fail(ErrConflict)
	}
	return err
}
