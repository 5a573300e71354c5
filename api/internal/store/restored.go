package store

import "context"

// IsBackup reports whether the database is a copy that [Backup] has made and nobody has made ready to be served.
// Of copies that other tools make it does not know.
func (db *DB) IsBackup(ctx context.Context) (bool, error) { return db.engine.isBackup(ctx) }

// NoBackup says that a copy is ready to be served.
func (db *DB) NoBackup(ctx context.Context) error { return db.engine.noBackup(ctx) }

func (postgresEngine) isBackup(context.Context) (bool, error) { return false, nil }
func (postgresEngine) noBackup(context.Context) error         { return nil }

func (e sqliteEngine) isBackup(ctx context.Context) (bool, error) {
	var mark int
	err := e.reader.QueryRowContext(ctx, "PRAGMA application_id").Scan(&mark)
	return mark == backupMark, e.classify(err)
}

func (e sqliteEngine) noBackup(ctx context.Context) error {
	_, err := e.writer.ExecContext(ctx, "PRAGMA application_id = 0")
	return e.classify(err)
}

// Restored makes a database that was restored from a backup harmless, in all clinics, as its owner. Invitations
// that nobody has redeemed and support people's tickets end, for they may have been used or ended since. No
// delivery that was pending is sent, nor is one made of an entry that is there: most likely they were sent after
// the backup. It returns how many deliveries it has parked.
func (db *DB) Restored(ctx context.Context) (parked int64, err error) {
	now := db.now()
	err = db.global(ctx, write, func(c pinned) error {
		for _, q := range []string{
			`UPDATE invitations SET expires_at = $1 WHERE redeemed_by IS NULL AND expires_at > $1`,
			`DELETE FROM support_tickets WHERE created_at <= $1`,
		} {
			if _, err := c.ExecContext(ctx, q, now); err != nil {
				return err
			}
		}
		done, err := c.ExecContext(ctx, `UPDATE deliveries SET status = 'parked', ended_at = $1, claimed_until = NULL WHERE status = 'pending'`, now)
		if err != nil {
			return err
		}
		if parked, err = done.RowsAffected(); err != nil {
			return err
		}
		// What waits for its number gets the next ones.
		_, err = c.ExecContext(ctx, `UPDATE webhook_positions SET entry_number =
			coalesce((SELECT h.number FROM journal_heads h WHERE h.clinic_id = webhook_positions.clinic_id), 0) +
			(SELECT count(*) FROM journal j WHERE j.clinic_id = webhook_positions.clinic_id AND j.seq IS NULL)`)
		return err
	})
	return parked, err
}
