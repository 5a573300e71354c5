package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/titrate-health/titrate/api"
)

// journals says whose journals are meant.
type journals struct {
	Data            string `default:"./titrate-data" type:"path" help:"Folder of the embedded database and its keys."`
	MigrateDatabase string `name:"migrate-database-url" env:"MIGRATE_DATABASE_URL" help:"PostgreSQL, as the owner, who sees all clinics. Without it the embedded database is meant."`
	Database        string `name:"database-url" env:"DATABASE_URL" hidden:""`
	SigningKeyFile  string `name:"signing-key-file" env:"SIGNING_KEY_FILE" help:"The deployment's secret; signing.key in the data folder without it."`
}

// verify opens the journals, shows what the check has found, and fails if something is wrong.
func (j *journals) verify(ctx context.Context, stdout io.Writer, check func(*api.Server) (*api.Verification, error)) error {
	if j.Database != "" && j.MigrateDatabase == "" {
		return errors.New("MIGRATE_DATABASE_URL is required: the runtime login of DATABASE_URL does not see all clinics")
	}
	s, err := api.OpenToVerify(ctx, api.Config{Data: j.Data, DatabaseURL: j.MigrateDatabase, SigningKeyFile: j.SigningKeyFile})
	if err != nil {
		return err
	}
	v, err := check(s)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	for _, fault := range v.Faults {
		fmt.Fprintln(stdout, fault)
	}
	if len(v.Faults) > 0 {
		return fmt.Errorf("faults found: %d", len(v.Faults))
	}
	fmt.Fprintf(stdout, "ok; clinics: %d, entries: %d\n", v.Clinics, v.Entries)
	if v.Erased > 0 {
		fmt.Fprintf(stdout, "erased values: %d\n", v.Erased)
	}
	if v.Unreadable > 0 {
		fmt.Fprintf(stdout, "checkpoint lines that are cut off: %d\n", v.Unreadable)
	}
	return nil
}

type audit struct {
	Verify auditVerify `cmd:"" help:"Recompute every journal's chain; name the first entry that was edited, removed, inserted, reordered or cut off."`
}

type auditVerify struct {
	journals       `embed:""`
	CheckpointFile []string `name:"checkpoint-file" env:"CHECKPOINT_FILE" sep:"," help:"Files with signed ends of the journals, of every process that kept one; checkpoints.jsonl in the data folder without it."`
}

// Run checks the chain of every clinic.
func (c *auditVerify) Run(ctx context.Context, stdout, _ io.Writer) error {
	return c.verify(ctx, stdout, func(s *api.Server) (*api.Verification, error) { return s.VerifyAudit(ctx, c.CheckpointFile...) })
}

type events struct {
	Verify eventsVerify `cmd:"" help:"Check that numbers have no gaps, rise with the versions of records, and agree with the history."`
}

type eventsVerify struct {
	journals `embed:""`
}

// Run checks the sequence of every clinic.
func (c *eventsVerify) Run(ctx context.Context, stdout, _ io.Writer) error {
	return c.verify(ctx, stdout, func(s *api.Server) (*api.Verification, error) { return s.VerifyEvents(ctx) })
}
