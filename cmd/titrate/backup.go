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
