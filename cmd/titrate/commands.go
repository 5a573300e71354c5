package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/titrate-health/titrate/api"
)

// cli is every subcommand with its flags; flags have the names of the environment variables.
type cli struct {
	Serve    serve    `cmd:"" help:"Answer requests."`
	Demo     demo     `cmd:"" help:"Answer requests for a demo clinic with 24 synthetic patients; no configuration."`
	Clinic   clinic   `cmd:"" help:"Clinics."`
	Migrate  migrate  `cmd:"" help:"Move the database's schema."`
	Audit    audit    `cmd:"" help:"The journal as evidence."`
	Events   events   `cmd:"" help:"The journal as a sequence of events."`
	Backup   backup   `cmd:"" help:"Copy the embedded database to a new file, also while a server runs."`
	Restored restored `cmd:"" help:"After a restore, before serving: send nothing again, revoke again, verify."`
	Token    token    `cmd:"" help:"Print a 12-hour token of the demo clinic."`
	Openapi  openapi  `cmd:"" help:"Print the contract."`
	Version  version  `cmd:"" help:"Print the version."`
}

type command interface {
	Run(ctx context.Context, stdout, stderr io.Writer) error
}

// parse returns the command that args ask for, or nil after showing help.
func parse(args []string, stdout, stderr io.Writer) (command, error) {
	var c cli
	helped := false
	parser, err := kong.New(&c, kong.Name("titrate"), kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Description("Treatment tracking for at-home oral ketamine therapy."),
		kong.Exit(func(int) { helped = true }))
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	selected, ok := parsed.Selected().Target.Addr().Interface().(command)
	if !ok {
		return nil, errors.New("say which subcommand; see --help")
	}
	return selected, nil
}

type serve struct {
	api.Config `embed:""`
}

// Run serves until the process is told to stop.
func (c *serve) Run(ctx context.Context, stdout, stderr io.Writer) error {
	c.Log = logger(stderr, c.LogLevel)
	s, err := api.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	err = s.Run(ctx, func(a net.Addr) { fmt.Fprintf(stdout, "listening on http://%s\n", a) })
	return errors.Join(err, s.Close())
}

type demo struct {
	api.Config `embed:""`
	Seed       uint64 `help:"Which synthetic patients." default:"1"`
	Today      string `help:"The last day of the history, YYYY-MM-DD; the current day without it."`
	Reset      bool   `help:"Begin anew: everything in the data folder's database is lost."`
}

// Run fills the demo clinic where it is not there yet, and serves it.
func (c *demo) Run(ctx context.Context, stdout, stderr io.Writer) error {
	c.Log = logger(stderr, max(c.LogLevel, slog.LevelWarn))
	s, err := api.OpenDemo(ctx, c.Config, api.DemoOptions{Seed: c.Seed, Today: c.Today, Reset: c.Reset})
	if err != nil {
		return err
	}
	err = s.Run(ctx, func(a net.Addr) {
		if err := s.Introduce(ctx, stdout, "http://"+a.String()); err != nil {
			fmt.Fprintln(stderr, "titrate:", err)
		}
	})
	return errors.Join(err, s.Close())
}

type clinic struct {
	Create clinicCreate `cmd:"" help:"Make a clinic and print the invitation of its first admin."`
}

type clinicCreate struct {
	api.Config      `embed:""`
	MigrateDatabase string `name:"migrate-database-url" env:"MIGRATE_DATABASE_URL" help:"PostgreSQL, as the owner."`
	Name            string `required:"" help:"The clinic's name."`
	TimeZone        string `default:"America/New_York" help:"Where the clinic's working day is."`
	AdminGiven      string `name:"admin-given" default:"Clinic" help:"The first admin's given name."`
	AdminFamily     string `name:"admin-family" default:"Admin" help:"The first admin's family name."`
	AdminEmail      string `required:"" help:"The first admin's e-mail address."`
}

// Run makes the clinic.
func (c *clinicCreate) Run(ctx context.Context, stdout, _ io.Writer) error {
	if c.MigrateDatabase != "" {
		c.DatabaseURL = c.MigrateDatabase
	}
	s, err := api.OpenOwner(ctx, c.Config)
	if err != nil {
		return err
	}
	id, invitation, err := s.CreateClinic(ctx, api.NewClinic{
		Name: c.Name, TimeZone: c.TimeZone, AdminGiven: c.AdminGiven, AdminName: c.AdminFamily, AdminEmail: c.AdminEmail,
	})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "clinic      %s\ninvitation  %s\n\nThe admin signs in at your OpenID provider and redeems the invitation within 72 hours:\nPOST /v1/invitations/redeem {\"code\": \"%s\"}\n", id, invitation, invitation)
	}
	return errors.Join(err, s.Close())
}

type migrate struct {
	Direction       string `arg:"" enum:"up,down,status" help:"up, down (one step back) or status."`
	Data            string `default:"./titrate-data" type:"path" help:"Folder of the embedded database."`
	MigrateDatabase string `name:"migrate-database-url" env:"MIGRATE_DATABASE_URL" help:"PostgreSQL, as the owner. Without it the embedded database is meant."`
	Database        string `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL, as the runtime login: whom to give access to."`
}

// Run moves the schema and prints where it is.
func (c *migrate) Run(ctx context.Context, stdout, _ io.Writer) error {
	app := "titrate_app"
	if u, err := url.Parse(c.Database); err == nil && u.User.Username() != "" {
		app = u.User.Username()
	}
	if c.Database != "" && c.MigrateDatabase == "" {
		return errors.New("MIGRATE_DATABASE_URL is required: the runtime login of DATABASE_URL owns nothing")
	}
	steps, err := api.Migrate(ctx, api.Config{Data: c.Data, DatabaseURL: c.MigrateDatabase}, c.Direction, app)
	for _, m := range steps {
		state := "missing"
		if !m.AppliedAt.IsZero() {
			state = "applied " + m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(stdout, "%-28s %s\n", m.Name, state)
	}
	return err
}

type token struct {
	Data string `default:"./titrate-data" type:"path" help:"Folder of the demo's database."`
	As   string `required:"" enum:"prescriber,clinician,admin,patient" help:"Whose token: prescriber, clinician, admin or patient."`
}

// Run prints one bare token.
func (c *token) Run(ctx context.Context, stdout, _ io.Writer) error {
	text, err := api.DemoToken(ctx, c.Data, c.As)
	if err == nil {
		_, err = fmt.Fprintln(stdout, text)
	}
	return err
}

type openapi struct{}

// Run prints the contract.
func (openapi) Run(_ context.Context, stdout, _ io.Writer) error {
	_, err := stdout.Write(api.Contract())
	return err
}

type version struct{}

// Run prints the version of the build.
func (version) Run(_ context.Context, stdout, _ io.Writer) error {
	build := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		build = info.Main.Version
	}
	_, err := fmt.Fprintln(stdout, "titrate", build)
	return err
}

func logger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
