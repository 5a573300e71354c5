package main

import (
	"context"
	"fmt"
	"io"

	"github.com/titrate-health/titrate/api"
)

type backup struct {
	File     string `arg:"" type:"path" help:"The new file."`
	Data     string `default:"./titrate-data" type:"path" help:"Folder of the embedded database."`
	Database string `name:"database-url" env:"DATABASE_URL" hidden:""`
}

// Run copies the embedded database, also while a server runs on it.
func (c *backup) Run(ctx context.Context, stdout, _ io.Writer) error {
	err := api.Backup(ctx, api.Config{Data: c.Data, DatabaseURL: c.Database}, c.File)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\nThe keys are not in it, nor what is kept beside the database: signing.key, checkpoints.jsonl, revocations.jsonl.\n", c.File)
	}
	return err
}

type restored struct {
	journals        `embed:""`
	CheckpointFile  []string `name:"checkpoint-file" env:"CHECKPOINT_FILE" sep:"," help:"Files with signed ends of the journals, of every process that kept one; revocations.jsonl is read beside each. checkpoints.jsonl in the data folder without it."`
	CheckpointsLost bool     `name:"checkpoints-lost" help:"There are none: what was revoked since the backup is not revoked again."`
}

// Run makes a database that was restored ready to be served.
func (c *restored) Run(ctx context.Context, stdout, _ io.Writer) error {
	return c.verify(ctx, stdout, func(s *api.Server) (*api.Verification, error) {
		r, err := s.Restored(ctx, c.CheckpointsLost, c.CheckpointFile...)
		if err != nil {
			return nil, err
		}
		for _, line := range r.Lines {
			fmt.Fprintln(stdout, line)
		}
		return r.Verification, nil
	})
}
