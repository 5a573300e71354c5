package store_test

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// The tests of the doors bring their own nouns: one that is a patient, one that is a
// patient's, and one that is nobody's and has a list.
const nouns = `-- +goose Up
CREATE TABLE patients (
    clinic_id UUID NOT NULL, id UUID NOT NULL, version BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT patients_pkey PRIMARY KEY (clinic_id, id)
);
CREATE INDEX patients_name ON patients (clinic_id, name, id);
CREATE TABLE treatments (
    clinic_id UUID NOT NULL, id UUID NOT NULL, version BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
    patient_id UUID NOT NULL,
    status TEXT NOT NULL CONSTRAINT treatments_status CHECK (status IN ('planned', 'induction')),
    dose_ug BIGINT NOT NULL, weight_g BIGINT, started_at TIMESTAMPTZ NOT NULL, ended_at TIMESTAMPTZ,
    CONSTRAINT treatments_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT treatments_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX treatments_started ON treatments (clinic_id, patient_id, started_at, id);
CREATE TABLE things (
    clinic_id UUID NOT NULL, id UUID NOT NULL, version BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
    name TEXT NOT NULL, on_hold BOOLEAN NOT NULL, number BIGINT NOT NULL,
    CONSTRAINT things_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT things_name UNIQUE (clinic_id, name)
);
CREATE TABLE licences (
    clinic_id UUID NOT NULL, thing_id UUID NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
    CONSTRAINT licences_pkey PRIMARY KEY (clinic_id, thing_id, position),
    CONSTRAINT licences_thing FOREIGN KEY (clinic_id, thing_id) REFERENCES things (clinic_id, id)
);
-- +goose Down
DROP TABLE licences;
DROP TABLE things;
DROP TABLE treatments;
DROP TABLE patients;
`

type patient struct {
	store.Record
	Name string
}

// microgram is like dose.Mg: an integer that prints as something else.
type microgram int64

func (m microgram) String() string { return "a dose" }

// Course stands for a plain struct of the rules that a row embeds.
type Course struct {
	Status    string
	DoseMg    microgram
	WeightKg  *int64
	StartedAt time.Time
	EndedAt   *time.Time
}

type treatment struct {
	store.Record
	PatientID uuid.UUID
	Course
}

type thing struct {
	store.Record
	Name     string
	OnHold   bool
	Number   int64
	Licences []licence `gorm:"-"`
}

type licence struct {
	store.Part
	ThingID uuid.UUID `json:"-"`
	State   string
}

var testMigrations = sync.OnceValue(func() fs.FS {
	doors, err := fs.ReadFile(store.Shipped(), "00001_doors.sql")
	if err != nil {
		panic(err)
	}
	seals, err := fs.ReadFile(store.Shipped(), "00022_seals.sql")
	if err != nil {
		panic(err)
	}
	const down = "-- +goose Down\n"
	up, back, _ := strings.Cut(nouns, down)
	sealsUp, sealsBack, _ := strings.Cut(string(seals), down)
	second := up + strings.TrimPrefix(sealsUp, "-- +goose Up\n") + down + sealsBack + back
	return fstest.MapFS{"00001_doors.sql": {Data: doors}, "00002_nouns.sql": {Data: []byte(second)}}
})

func options(dsn string) store.Options {
	return store.WithMigrations(store.Options{DSN: dsn}, testMigrations())
}

// clone returns the URLs of a PostgreSQL database with the tests' nouns.
func clone(t testing.TB) (appURL, ownerURL string) {
	t.Helper()
	return storetest.Clone(t, "nouns", func(owner string) error {
		_, err := store.Migrate(context.Background(), options(owner), store.Up)
		return err
	})
}

// each runs fn on both databases. dsn opens the same one again.
func each(t *testing.T, fn func(t *testing.T, db *store.DB, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		dsn := storetest.SQLite(t)
		fn(t, storetest.Open(t, options(dsn)), dsn)
	})
	if storetest.HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) {
			app, _ := clone(t)
			fn(t, storetest.Open(t, options(app)), app)
		})
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// clinic returns the scope of a staff member of a new clinic.
func clinic() store.Scope {
	return store.Scope{Clinic: newID(), Actor: store.Actor{Kind: store.ActorStaff, ID: newID()}, Operation: "test", RequestID: "request-1"}
}

func update(t testing.TB, db *store.DB, s store.Scope, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), s, fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db *store.DB, s store.Scope, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), s, fn); err != nil {
		t.Fatal(err)
	}
}

// addPatient registers a patient with one treatment and returns both.
func addPatient(t testing.TB, db *store.DB, s store.Scope, name string) (*patient, *treatment) {
	t.Helper()
	p := &patient{Name: name}
	c := &treatment{Course: Course{Status: "planned", DoseMg: 100_000, StartedAt: time.Now()}}
	update(t, db, s, func(tx *store.Tx) error {
		if err := tx.Create("patient.registered", p); err != nil {
			return err
		}
		c.PatientID = p.ID
		return tx.Create("treatment.started", c)
	})
	return p, c
}

func addThing(t testing.TB, db *store.DB, s store.Scope, name string) *thing {
	t.Helper()
	row := &thing{Name: name}
	update(t, db, s, func(tx *store.Tx) error { return tx.Create("thing.added", row) })
	return row
}

// tally counts the rows of a table in the clinic, past the guard.
func tally(t testing.TB, db *store.DB, s store.Scope, table string) (n int) {
	t.Helper()
	view(t, db, s, func(tx *store.Tx) error {
		return tx.Conn().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE clinic_id = $1", s.Clinic).Scan(&n)
	})
	return n
}
