package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
)

// Ticket lets a support person act in one session of a patient. The table is global: it is read
// before it is known which clinic a request is for. Whether the ticket is still good follows from
// the session.
type Ticket struct {
	Clinic    uuid.UUID
	Patient   uuid.UUID
	Session   uuid.UUID
	Person    uuid.UUID
	OfPatient bool // it was handed to the patient
}

// Ticket returns the ticket with that hash, or ErrNotFound.
func (db *DB) Ticket(ctx context.Context, code Hash) (t Ticket, err error) {
	err = db.global(ctx, read, func(c pinned) error {
		err := c.QueryRowContext(ctx, `SELECT clinic, patient, session, person, of_patient FROM support_tickets WHERE ticket_hash = $1`, code[:]).
			Scan(&t.Clinic, &t.Patient, &t.Session, &t.Person, &t.OfPatient)
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNotFound
		}
		return err
	})
	return t, err
}

// Issue keeps a ticket for a session of the clinic. code is the hash of what is handed over.
func (tx *Tx) Issue(code Hash, t Ticket) error {
	_, err := tx.exec(`INSERT INTO support_tickets (ticket_hash, clinic, patient, session, person, of_patient, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, code[:], tx.scope.Clinic, t.Patient, t.Session, t.Person, t.OfPatient, tx.Now)
	return err
}
