package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/titrate-health/titrate/api/internal/store"
)

// Backup writes a copy of the embedded database as it is at this moment to a new file; a server may be
// running. The keys are not in it.
func Backup(ctx context.Context, cfg Config, file string) error {
	if cfg.DatabaseURL != "" {
		return errors.New("PostgreSQL is backed up with its own tools: pg_dump --enable-row-security as the owner, or point-in-time recovery; the README shows how")
	}
	err := store.Backup(ctx, filepath.Join(cfg.dataDir(), "titrate.db"), file)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: a backup overwrites nothing", file)
	}
	return err
}
