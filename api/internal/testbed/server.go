package testbed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// The roles of a production server, with a password that only a test server has.
const (
	ownerRole = "titrate_owner"
	appRole   = "titrate_app"
	password  = "titrate"
)

const prefix = "titrate_test_"

// server is a PostgreSQL server and this process's databases in it. One connection makes and
// drops them, and holds a lock that says to other processes that they are in use.
type server struct {
	super   *url.URL
	id      string
	release func() // ends a server of our own; never called: the end of the process does it

	mu        sync.Mutex
	admin     *pgx.Conn
	templates map[string]string
	made      int
}

// startServer returns nil if there is no server and nothing to start one with.
func startServer() (*server, error) {
	s := &server{templates: map[string]string{}}
	var err error
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		if s.super, err = url.Parse(given); err != nil {
			return nil, fmt.Errorf("TEST_DATABASE_URL is not a URL") // the error would quote it
		}
	} else if s.super, s.release, err = startCluster(); err != nil || s.super == nil {
		return nil, err
	}
	return s, s.prepare()
}

func (s *server) prepare() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.admin, err = connect(ctx, s.super.String()); err != nil {
		return err
	}
	var number [4]byte
	_, _ = rand.Read(number[:])
	s.id = hex.EncodeToString(number[:])
	if _, err = s.admin.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", prefix+s.id); err != nil {
		return err
	}
	// Test processes run side by side on a given server; roles are the server's.
	if _, err = s.admin.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", prefix); err != nil {
		return err
	}
	_, err = s.admin.Exec(ctx, roles)
	if err == nil {
		err = s.sweep(ctx)
	}
	if err == nil {
		_, err = s.admin.Exec(ctx, "SELECT pg_advisory_unlock(hashtext($1))", prefix)
	}
	return err
}

// roles are made as store.RolesSQL has them, but the login's password and the owner.
var roles = `DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + ownerRole + `') THEN CREATE ROLE ` + ownerRole + `; END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + appRole + `') THEN CREATE ROLE ` + appRole + `; END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'titrate_worker') THEN CREATE ROLE titrate_worker NOLOGIN; END IF;
	ALTER ROLE ` + ownerRole + ` LOGIN PASSWORD '` + password + `';
	ALTER ROLE ` + appRole + ` LOGIN NOINHERIT PASSWORD '` + password + `';
	GRANT titrate_worker TO ` + appRole + `;
END $$`

// connect waits for a server that is starting.
func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	for {
		c, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sweep drops the databases of processes that were killed: nobody holds their lock.
func (s *server) sweep(ctx context.Context) error {
	rows, _ := s.admin.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		id, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "_")
		var free bool
		if err := s.admin.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext($1))", prefix+id).Scan(&free); err != nil {
			return err
		}
		if free {
			if _, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
				return err
			}
		}
	}
	return nil
}

// clone makes a database like the template of that name, and the template when it is first
// asked for: copying one takes a fraction of migrating one.
func (s *server) clone(name string, migrate func(string) error) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	template := s.templates[name]
	if template == "" {
		template = prefix + s.id + "_" + name
		if err := s.create(template, "template1"); err != nil {
			return "", err
		}
		if err := migrate(s.url(ownerRole, template)); err != nil {
			return "", err
		}
		s.templates[name] = template
	}
	s.made++
	database := prefix + s.id + "_" + strconv.Itoa(s.made)
	return database, s.create(database, template)
}

func (s *server) create(name, template string) error {
	_, err := s.admin.Exec(context.Background(), "CREATE DATABASE "+name+" OWNER "+ownerRole+" TEMPLATE "+template)
	return err
}

func (s *server) drop(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.admin.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
	return err
}

// url is the URL of a database for a role; the superuser's if role is empty.
func (s *server) url(role, database string) string {
	u := *s.super
	if role != "" {
		u.User = url.UserPassword(role, password)
	}
	u.Path = "/" + database
	return u.String()
}
