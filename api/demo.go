package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
)

// DemoOptions say which demo is wanted. The same seed and day give the same clinic.
type DemoOptions struct {
	// Seed chooses the synthetic people and what they measure and answer.
	Seed uint64
	// Today is the day before which everything has happened, YYYY-MM-DD where the clinic is;
	// the current day if empty.
	Today string
	// Reset removes the database in the data folder first. Its keys stay.
	Reset bool
}

const demoTokenLife = 12 * time.Hour

// demoSubjects are the people whose tokens the demo hands out, by role.
var demoSubjects = map[string]string{
	roleAdmin:      "demo-admin",
	rolePrescriber: "demo-prescriber",
	roleClinician:  "demo-clinician",
	rolePatient:    "demo-patient",
}

// OpenDemo makes a server on the demo clinic in the data folder. If it is not there yet, its
// people bring it about: they send their requests of the last six months to this server.
func OpenDemo(ctx context.Context, cfg Config, o DemoOptions) (*Server, error) {
	cfg.Demo, cfg.SigningKeyFile = true, "" // the key is beside the database: DemoToken looks there
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case cfg.DatabaseURL != "":
		return nil, errors.New("the demo keeps its data in a folder: unset DATABASE_URL")
	case cfg.OIDCIssuer != "":
		return nil, errors.New("the demo signs its own tokens: unset OIDC_ISSUER")
	}
	clock := newDemoClock(cfg, o.Seed)
	today, err := o.today(clock.real())
	if err != nil {
		return nil, err
	}
	fresh, err := cfg.demoFiles(o.Reset)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	cfg.Now, cfg.NewID, cfg.Relaxed = clock.Now, clock.NewID, fresh
	s, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if fresh {
		err = s.fillDemo(ctx, clock, o.Seed, today)
	} else {
		err = s.demoIsThere(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// today is midnight where the clinic is, on the day that was asked for.
func (o DemoOptions) today(now time.Time) (time.Time, error) {
	zone, err := time.LoadLocation(demoZone)
	if err != nil {
		return time.Time{}, err
	}
	if o.Today == "" {
		year, month, day := now.In(zone).Date()
		return time.Date(year, month, day, 0, 0, 0, 0, zone), nil
	}
	today, err := time.ParseInLocation(time.DateOnly, o.Today, zone)
	switch {
	case err != nil:
		return time.Time{}, errors.New("today must be a day such as 2026-11-20")
	case today.After(now):
		return time.Time{}, errors.New("today must not be in the future")
	}
	return today, nil
}

func (c Config) demoDatabase() string { return filepath.Join(c.dataDir(), "titrate.db") }

// demoUnfinished names a file that stands beside the database until the demo is filled.
func (c Config) demoUnfinished() string { return filepath.Join(c.dataDir(), "demo.unfinished") }

// demoFiles reports whether the demo has to be filled, and removes what must not stay: the
// database if it is to be reset, or if an earlier filling was cut off. That one was written
// without fsync.
func (c Config) demoFiles(reset bool) (fresh bool, err error) {
	_, unfinished := os.Stat(c.demoUnfinished())
	if reset || unfinished == nil {
		if err := removeFiles(c.demoDatabase(), c.demoDatabase()+"-wal", c.demoDatabase()+"-shm"); err != nil {
			return false, err
		}
	}
	if _, err := os.Stat(c.demoDatabase()); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if c.CheckpointFile == "" { // it attests what is lost
		if err := removeFiles(c.checkpointFile()); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(c.dataDir(), 0o700); err != nil {
		return false, err
	}
	return true, os.WriteFile(c.demoUnfinished(), nil, 0o600)
}

// removeFiles removes those that are there.
func removeFiles(names ...string) error {
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// demoIsThere refuses a database without the demo clinic: somebody may need it.
func (s *Server) demoIsThere(ctx context.Context) error {
	members, err := s.members(ctx, identity{Issuer: demoIssuer, Subject: demoSubjects[roleAdmin]})
	if err == nil && len(members) == 0 {
		err = errors.New("the data folder holds a database without the demo: choose another --data, or lose it with --reset")
	}
	return err
}

// fillDemo lets the demo's people tell their story, and returns when it is safely stored.
func (s *Server) fillDemo(ctx context.Context, clock *demoClock, seed uint64, today time.Time) error {
	// Hardly anything that a request allocates outlives it: collecting less often is faster.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	perMinute := s.limiter.perMinute
	s.limiter.perMinute = 0
	if err := newTeller(ctx, s, clock, seed, today).tell(); err != nil {
		return fmt.Errorf("filling the demo: %w", err)
	}
	s.limiter.perMinute = perMinute
	clock.strike()
	if err := s.db.Durable(ctx); err != nil {
		return err
	}
	return os.Remove(s.cfg.demoUnfinished())
}

// demoToken makes a token of the demo clinic's person of that role.
func (s *Server) demoToken(role string) (string, error) {
	return demoTokenOf(s.issuer, role, s.now())
}

// DemoToken makes a token of the demo clinic's person of that role: prescriber, clinician,
// admin or patient. It needs the key in the data folder, but no running server.
func DemoToken(_ context.Context, data, as string) (string, error) {
	cfg := Config{Data: data}
	if _, err := os.Stat(cfg.demoDatabase()); err != nil {
		return "", errors.New("there is no demo in the data folder: start one with titrate demo")
	}
	_, signing, err := loadSecret(cfg.keyFile(), false)
	if err != nil {
		return "", err
	}
	issuer, err := newIssuer(signing)
	if err != nil {
		return "", err
	}
	return demoTokenOf(issuer, as, time.Now()) //nolint:forbidigo // a command's token begins when it is asked for
}

func demoTokenOf(i *issuer, role string, now time.Time) (string, error) {
	subject, known := demoSubjects[role]
	if !known {
		return "", errors.New("the demo has a prescriber, a clinician, an admin and a patient")
	}
	return i.mint(subject, demoTokenLife, now)
}

// demoClock is the demo's clock and source of ids. While the story is told it stands where
// the story is, and ids follow from the seed; after that both are real.
type demoClock struct {
	real   func() time.Time
	realID func() uuid.UUID

	mu     sync.Mutex
	story  time.Time // zero when the story is over
	random *rand.Rand
}

func newDemoClock(cfg Config, seed uint64) *demoClock {
	c := &demoClock{real: cfg.Now, realID: cfg.NewID, random: demoRandom(seed, 0)}
	if c.real == nil {
		c.real = time.Now //nolint:forbidigo // nobody has injected one
	}
	if c.realID == nil {
		c.realID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	return c
}

// demoRandom is one of many sequences that belong to a seed.
func demoRandom(seed uint64, sequence int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(sequence))) //nolint:gosec // it has to repeat itself, and keeps no secret
}

// Now is where the story is, or the time.
func (c *demoClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.story.IsZero() {
		return c.real()
	}
	return c.story
}

// NewID makes a UUIDv7 of the clock's time.
func (c *demoClock) NewID() uuid.UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.story.IsZero() {
		return c.realID()
	}
	return uuidAt(c.story, c.random)
}

// uuidAt makes a UUIDv7: milliseconds, version and variant, and random bits for the rest.
func uuidAt(at time.Time, random *rand.Rand) (id uuid.UUID) {
	high, low := random.Uint64(), random.Uint64()
	for i := range 8 {
		id[i], id[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	milliseconds := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(milliseconds >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// reach moves the story to that time.
func (c *demoClock) reach(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story = at
}

// strike ends the story: from now on the clock is the real one.
func (c *demoClock) strike() { c.reach(time.Time{}) }
