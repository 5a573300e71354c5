package store

import (
	"context"
	"time"
)

// PrunePage is how many rows are removed in one transaction: somebody waits for it on SQLite, and vacuum
// on PostgreSQL.
const PrunePage = 1000

// ForgetAnswers removes answers kept for idempotency keys before a time, in all clinics, the oldest first,
// PrunePage at most, and returns how many. A repetition after that is a new request.
func (db *DB) ForgetAnswers(ctx context.Context, before time.Time) (int64, error) {
	return db.prune(ctx, "forget answers", `DELETE FROM idempotency_records WHERE (clinic_id, key) IN
		(SELECT clinic_id, key FROM idempotency_records WHERE created_at < $1 ORDER BY created_at LIMIT $2)`, before)
}

// ForgetInvitations removes invitations that nobody has redeemed and that ended before a time, PrunePage at
// most, and returns how many. Those that were redeemed answer the same person again, for ever.
func (db *DB) ForgetInvitations(ctx context.Context, before time.Time) (int64, error) {
	return db.prune(ctx, "forget invitations", `DELETE FROM invitations WHERE code_hash IN
		(SELECT code_hash FROM invitations WHERE redeemed_by IS NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2)`, before)
}

func (db *DB) prune(ctx context.Context, why, query string, before time.Time) (n int64, err error) {
	err = db.System(ctx, why, func(tx *Tx) error {
		n, err = tx.exec(query, before, PrunePage)
		return err
	})
	return n, err
}

// IssuedTicket is a ticket with its hash and when it was issued.
type IssuedTicket struct {
	Ticket
	Hash      Hash
	CreatedAt time.Time
}

// Tickets returns tickets of all clinics that were issued before a time, in the order in which they were
// issued, PrunePage at most, after one or from the beginning. Whether they are good for anything follows from
// their sessions.
func (db *DB) Tickets(ctx context.Context, before time.Time, after IssuedTicket) (list []IssuedTicket, err error) {
	err = db.System(ctx, "look for old tickets", func(tx *Tx) error {
		rows, err := tx.conn.QueryContext(tx.ctx, `SELECT ticket_hash, clinic, patient, session, person, of_patient, created_at FROM support_tickets
			WHERE created_at < $1 AND (created_at, ticket_hash) > ($2, $3) ORDER BY created_at, ticket_hash LIMIT $4`,
			before, after.CreatedAt, after.Hash[:], PrunePage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t IssuedTicket
			var hash []byte
			if err := rows.Scan(&hash, &t.Clinic, &t.Patient, &t.Session, &t.Person, &t.OfPatient, &t.CreatedAt); err != nil {
				return err
			}
			copy(t.Hash[:], hash)
			list = append(list, t)
		}
		return rows.Err()
	})
	return list, err
}

// ForgetTickets removes tickets.
func (db *DB) ForgetTickets(ctx context.Context, tickets []IssuedTicket) error {
	return db.System(ctx, "forget tickets", func(tx *Tx) error {
		for _, t := range tickets {
			if _, err := tx.exec(`DELETE FROM support_tickets WHERE ticket_hash = $1`, t.Hash[:]); err != nil {
				return err
			}
		}
		return nil
	})
}
