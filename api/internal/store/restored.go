package store

import (
	"context"
	"errors"
)

// Restored makes a database that was restored from a backup harmless, in all clinics, as its owner. Invitations
// that nobody has redeemed and support people's tickets end, for they may have been used or ended since. No
// delivery that was pending is sent, nor is one made of an entry that is there: most likely they were sent after
// the backup. It returns how many deliveries it has parked.
func (db *DB) Restored(ctx context.Context) (parked int64, err error) {
	now := db.now()
	err = db.global(ctx, write, func(c pinned) error {
		_, err := c.ExecContext(ctx, `UPDATE invitations SET expires_at = $1 WHERE redeemed_by IS NULL AND expires_at > $1`, now)
		if err == nil {
			_, err = c.ExecContext(ctx, `DELETE FROM support_tickets`)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	err = db.global(ctx, write, func(c pinned) error {
		done, err := c.ExecContext(ctx, `UPDATE deliveries SET status = 'parked', ended_at = $1, claimed_until = NULL WHERE status = 'pending'`, now)
		if err != nil {
			return err
		}
		// What waits for its number gets the next ones.
		_, err = c.ExecContext(ctx, `UPDATE webhook_positions SET entry_number =
			coalesce((SELECT h.number FROM journal_heads h WHERE h.clinic_id = webhook_positions.clinic_id), 0) +
			(SELECT count(*) FROM journal j WHERE j.clinic_id = webhook_positions.clinic_id AND j.seq IS NULL)`)
		if err == nil {
			parked, err = done.RowsAffected()
		}
		return err
	})
	if errors.Is(err, errNoTable) { // the backup is from before there were webhooks
		err = nil
	}
	return parked, err
}
