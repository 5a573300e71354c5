package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// backupMark is SQLite's application_id of a copy that [Backup] has made, until it was made ready to be served.
const backupMark = 0x54746264

// Backup writes a copy of an embedded database as it is at one moment to a new file, readable by its owner
// only, and returns when the copy is whole and on the disk. Servers may go on writing meanwhile. The error is
// os.ErrExist if the file is there: nothing is ever overwritten.
func Backup(ctx context.Context, database, file string) (err error) {
	if _, err := os.Stat(database); err != nil {
		return errors.New("there is no database in the data folder")
	}
	reserved, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := reserved.Close(); err != nil {
		return err
	}
	part := file + ".unfinished"
	defer func() {
		if err != nil {
			_ = os.Remove(file) // it is this one's own, and empty
		}
		_ = os.Remove(part)
	}()
	// VACUUM INTO takes an empty file as it is, with its mode.
	if err := os.WriteFile(part, nil, 0o600); err != nil {
		return err
	}
	if err := copyDatabase(ctx, database, part); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	if err := syncPath(part); err != nil {
		return err
	}
	if err := os.Rename(part, file); err != nil {
		return err
	}
	return syncPath(filepath.Dir(file))
}

// copyDatabase copies without migrating: a backup is what one makes before an upgrade.
func copyDatabase(ctx context.Context, database, to string) (err error) {
	db := sql.OpenDB(connector(func() string { return fileURL(database) + "?_pragma=busy_timeout(3000)" }))
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return sqliteEngine{}.classify(err)
	}
	made := sql.OpenDB(connector(func() string { return fileURL(to) }))
	defer func() { err = errors.Join(err, made.Close()) }()
	if _, err := made.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", backupMark)); err != nil {
		return sqliteEngine{}.classify(err)
	}
	var found string
	if err := made.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return sqliteEngine{}.classify(err)
	}
	if found != "ok" {
		return errors.New("the copy is damaged")
	}
	return nil
}

func fileURL(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// syncPath makes a file's content, or a folder's names, durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
