package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// visible is what a query of the scope sees.
func visible[T any](t *testing.T, db *store.DB, s store.Scope, ask func(*gorm.DB) *gorm.DB) (n int) {
	t.Helper()
	view(t, db, s, func(tx *store.Tx) error {
		var rows []T
		err := ask(tx.ORM()).Find(&rows).Error
		n = len(rows)
		return err
	})
	return n
}

func TestConditionsStayInTheClinic(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s, other := clinic(), clinic()
		mine, theirs := addThing(t, db, s, "mine"), addThing(t, db, other, "theirs")
		for name, tc := range map[string]struct {
			ask  func(*gorm.DB) *gorm.DB
			want int
		}{
			"everything":                    {func(g *gorm.DB) *gorm.DB { return g }, 1},
			"or":                            {func(g *gorm.DB) *gorm.DB { return g.Where("name = ?", "x").Or("name = ?", "theirs") }, 0},
			"or as text":                    {func(g *gorm.DB) *gorm.DB { return g.Where("name = 'x' OR 1 = 1") }, 1},
			"or between lines":              {func(g *gorm.DB) *gorm.DB { return g.Where("name = 'x'\nOR\n1 = 1") }, 1},
			"or between tabs, after an and": {func(g *gorm.DB) *gorm.DB { return g.Where("1 = 1").Where("name = 'x'\tor\t1 = 1") }, 1},
			"or first":                      {func(g *gorm.DB) *gorm.DB { return g.Or("name = 'x'").Or("1 = 1") }, 1},
			"not":                           {func(g *gorm.DB) *gorm.DB { return g.Not("name = ?", "x") }, 1},
			"the id":                        {func(g *gorm.DB) *gorm.DB { return g.Where("id = ?", theirs.ID) }, 0},
			"the other clinic":              {func(g *gorm.DB) *gorm.DB { return g.Where("clinic_id = ?", other.Clinic) }, 0},
			"inline condition":              {func(g *gorm.DB) *gorm.DB { return g.Where(&thing{Name: "theirs"}) }, 0},
			"subquery": {func(g *gorm.DB) *gorm.DB {
				return g.Where("id IN (?)", g.Session(&gorm.Session{NewDB: true}).Model(&thing{}).Select("id"))
			}, 1},
		} {
			if got := visible[thing](t, db, s, tc.ask); got != tc.want {
				t.Errorf("%s: %d rows, want %d", name, got, tc.want)
			}
		}
		view(t, db, s, func(tx *store.Tx) error {
			var n int64
			if err := tx.ORM().Model(&thing{}).Where("1 = 0 OR 1 = 1").Count(&n).Error; err != nil || n != 1 {
				t.Errorf("count: %d, %v; want 1", n, err)
			}
			var names []string
			if err := tx.ORM().Model(&thing{}).Pluck("name", &names).Error; err != nil || len(names) != 1 {
				t.Errorf("pluck: %q, %v; want 1", names, err)
			}
			var loaded thing
			loaded.ID = theirs.ID
			if err := tx.ORM().First(&loaded).Error; !errors.Is(err, store.ErrNotFound) {
				t.Errorf("first by a foreign id: %v, want ErrNotFound", err)
			}
			if _, err := store.Find[thing](tx, mine.ID); err != nil {
				t.Errorf("own thing: %v", err)
			}
			if _, err := store.Find[thing](tx, theirs.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("foreign thing: %v, want ErrNotFound", err)
			}
			return nil
		})
		update(t, db, s, func(tx *store.Tx) error {
			tx.Note("things.held", "things", mine.ID)
			q := tx.ORM().Model(&thing{}).Where("name = 'x'\nOR 1 = 1").Update("on_hold", true)
			if q.RowsAffected != 1 {
				t.Errorf("update changed %d rows, want 1", q.RowsAffected)
			}
			q = tx.ORM().Where("id = ?", theirs.ID).Delete(&thing{})
			if q.RowsAffected != 0 {
				t.Errorf("delete of a foreign row: %d, want 0", q.RowsAffected)
			}
			return q.Error
		})
		err := db.Update(t.Context(), s, func(tx *store.Tx) error { return tx.Change("thing.stolen", theirs) })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("change of a foreign record: %v, want ErrNotFound", err)
		}
	})
}

func TestRefusedStatements(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		row := addThing(t, db, s, "a")
		other := clinic()
		foreign := addThing(t, db, other, "a")
		var rows []thing
		var loose []map[string]any
		for name, tc := range map[string]struct {
			fn   func(g *gorm.DB) *gorm.DB
			want error
		}{
			"raw find":           {func(g *gorm.DB) *gorm.DB { return g.Raw("SELECT * FROM things").Find(&rows) }, store.ErrUnguarded},
			"raw scan":           {func(g *gorm.DB) *gorm.DB { return g.Raw("SELECT * FROM things").Scan(&rows) }, store.ErrUnguarded},
			"exec":               {func(g *gorm.DB) *gorm.DB { return g.Exec("DELETE FROM things") }, store.ErrUnguarded},
			"table without type": {func(g *gorm.DB) *gorm.DB { return g.Table("things").Find(&loose) }, store.ErrUnguarded},
			"other table":        {func(g *gorm.DB) *gorm.DB { return g.Table("patients").Find(&rows) }, store.ErrUnguarded},
			"table expression":   {func(g *gorm.DB) *gorm.DB { return g.Table("things, patients").Find(&rows) }, store.ErrUnguarded},
			"from clause": {func(g *gorm.DB) *gorm.DB {
				return g.Clauses(clause.From{Tables: []clause.Table{{Name: "patients"}}}).Find(&rows)
			}, store.ErrUnguarded},
			"join":             {func(g *gorm.DB) *gorm.DB { return g.Joins("JOIN patients p ON true").Find(&rows) }, store.ErrUnguarded},
			"preload":          {func(g *gorm.DB) *gorm.DB { return g.Preload("Licences").Find(&rows) }, store.ErrUnguarded},
			"subquery as text": {func(g *gorm.DB) *gorm.DB { return g.Where("id IN (SELECT id FROM patients)").Find(&rows) }, store.ErrUnguarded},
			"nested subquery": {func(g *gorm.DB) *gorm.DB {
				return g.Where("1 = 1").Or(g.Where("EXISTS (select 1 from patients)")).Find(&rows)
			}, store.ErrUnguarded},
			"no clinic":     {func(g *gorm.DB) *gorm.DB { return g.Find(&[]SignIn{}) }, store.ErrUnguarded},
			"update of all": {func(g *gorm.DB) *gorm.DB { return g.Model(&thing{}).Update("on_hold", true) }, store.ErrUnguarded},
			"delete of all": {func(g *gorm.DB) *gorm.DB { return g.Delete(&thing{}) }, store.ErrUnguarded},
			"save": {func(g *gorm.DB) *gorm.DB {
				return g.Save(&thing{Record: store.Record{ClinicID: other.Clinic, ID: foreign.ID}})
			}, store.ErrUnguarded},
			"upsert":              {func(g *gorm.DB) *gorm.DB { return g.Clauses(clause.OnConflict{UpdateAll: true}).Create(row) }, store.ErrUnguarded},
			"map":                 {func(g *gorm.DB) *gorm.DB { return g.Model(&thing{}).Create(map[string]any{"name": "b"}) }, store.ErrUnguarded},
			"row of other clinic": {func(g *gorm.DB) *gorm.DB { return g.Create([]thing{{Record: store.Record{ClinicID: newID()}}}) }, store.ErrUnguarded},
		} {
			err := db.Update(t.Context(), s, func(tx *store.Tx) error { return tc.fn(tx.ORM()).Error })
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
		}
		if len(rows)+len(loose) > 0 {
			t.Errorf("refused statements read %v %v", rows, loose)
		}
		var leaked *gorm.DB
		view(t, db, s, func(tx *store.Tx) error { leaked = tx.ORM(); return nil })
		if err := leaked.Find(&rows).Error; err == nil {
			t.Error("a statement after its transaction: no error")
		}
	})
}

// SignIn is a row type for a global table.
type SignIn struct{ Member uuid.UUID }

func TestViewCannotWrite(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		row := addThing(t, db, s, "a")
		for name, fn := range map[string]func(tx *store.Tx) error{
			"create": func(tx *store.Tx) error { return tx.Create("e", &thing{Name: "b"}) },
			"change": func(tx *store.Tx) error { r := *row; return tx.Change("e", &r) },
			"delete": func(tx *store.Tx) error { return tx.ORM().Where("1 = 1").Delete(&thing{}).Error },
			"claim":  func(tx *store.Tx) error { _, err := tx.ClaimFact(newID(), newID()); return err },
			"lock":   func(tx *store.Tx) error { _, err := tx.LockPatient(store.Ref{Param: "patientId"}); return err },
			"past the guard": func(tx *store.Tx) error {
				_, err := tx.Conn().ExecContext(t.Context(), "DELETE FROM things")
				return err
			},
		} {
			if err := db.View(t.Context(), s, fn); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("%s: %v, want ErrReadOnly", name, err)
			}
		}
		if n := tally(t, db, s, "things"); n != 1 {
			t.Errorf("%d things, want 1", n)
		}
	})
}

func TestPatientScopes(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		ann, hers := addPatient(t, db, s, "Ann")
		ben, his := addPatient(t, db, s, "Ben")
		addThing(t, db, s, "shared")
		only, not := s, s
		only.OnlyPatient = ann.ID
		only.Actor.Kind = store.ActorPatient
		not.NotPatient = ann.ID

		for _, tc := range []struct {
			name      string
			scope     store.Scope
			sees      uuid.UUID
			treatment uuid.UUID
			hidden    uuid.UUID
			refused   *patient
		}{
			{"only", only, ann.ID, hers.ID, his.ID, ben},
			{"not", not, ben.ID, his.ID, hers.ID, ann},
		} {
			all := func(g *gorm.DB) *gorm.DB { return g.Where("1 = 0 OR 1 = 1") }
			if n := visible[patient](t, db, tc.scope, all); n != 1 {
				t.Errorf("%s: %d patients, want 1", tc.name, n)
			}
			if n := visible[treatment](t, db, tc.scope, all); n != 1 {
				t.Errorf("%s: %d treatments, want 1", tc.name, n)
			}
			if n := visible[thing](t, db, tc.scope, all); n != 1 {
				t.Errorf("%s: %d things, want 1: they are nobody's", tc.name, n)
			}
			err := db.Update(t.Context(), tc.scope, func(tx *store.Tx) error {
				if got, err := tx.LockPatient(store.Ref{Param: "treatmentId", ID: tc.treatment}); err != nil || got != tc.sees {
					t.Errorf("%s: lock by own treatment: %s, %v", tc.name, got, err)
				}
				for _, ref := range []store.Ref{{Param: "treatmentId", ID: tc.hidden}, {Param: "patientId", ID: tc.refused.ID}, {Param: "patientId", ID: newID()}} {
					if _, err := tx.LockPatient(ref); !errors.Is(err, store.ErrNotFound) {
						t.Errorf("%s: lock of a hidden %s: %v, want ErrNotFound", tc.name, ref.Param, err)
					}
					if _, err := tx.ResolvePatient(ref); !errors.Is(err, store.ErrNotFound) {
						t.Errorf("%s: resolve a hidden %s: %v, want ErrNotFound", tc.name, ref.Param, err)
					}
				}
				row := &treatment{PatientID: tc.refused.ID, Course: Course{Status: "planned", StartedAt: time.Now()}}
				if err := tx.ORM().Create(row).Error; !errors.Is(err, store.ErrUnguarded) {
					t.Errorf("%s: row of another patient: %v, want ErrUnguarded", tc.name, err)
				}
				return errStop
			})
			if !errors.Is(err, errStop) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if n := tally(t, db, s, "treatments"); n != 2 {
			t.Errorf("%d treatments, want 2", n)
		}
	})
}

// The two walls of PostgreSQL, each alone. SQLite has the guard only.
func TestEachWallAlone(t *testing.T) {
	app, owner := clone(t)
	s, other := clinic(), clinic()
	whole := storetest.Open(t, options(app))
	mine, theirs := addThing(t, whole, s, "mine"), addThing(t, whole, other, "theirs")

	walls := map[string]*store.DB{"row-level security": storetest.Open(t, options(app))}
	store.SwitchOffGuard(walls["row-level security"])
	bare, bareOwner := clone(t)
	storetest.SwitchOffRLS(t, bareOwner)
	walls["guard"] = storetest.Open(t, options(bare))
	for _, r := range []*thing{mine, theirs} {
		scope := s
		scope.Clinic = r.ClinicID
		fresh := &thing{Record: store.Record{ID: r.ID}, Name: r.Name}
		update(t, walls["guard"], scope, func(tx *store.Tx) error { return tx.Create("thing.added", fresh) })
	}
	walls["guard, as superuser"] = storetest.Open(t, options(storetest.Superuser(t, owner)))

	for name, db := range walls {
		if n := visible[thing](t, db, s, func(g *gorm.DB) *gorm.DB { return g }); n != 1 {
			t.Errorf("%s alone: %d things, want 1", name, n)
		}
		err := db.Update(t.Context(), s, func(tx *store.Tx) error {
			r := *theirs
			r.ClinicID = other.Clinic
			return tx.Change("thing.stolen", &r)
		})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s alone: change of a foreign thing: %v, want ErrNotFound", name, err)
		}
		err = db.Update(t.Context(), s, func(tx *store.Tx) error {
			return tx.Create("thing.planted", &thing{Record: store.Record{ClinicID: other.Clinic}, Name: "planted"})
		})
		if err == nil {
			t.Errorf("%s alone: a row was planted in another clinic", name)
		}
	}
	// And what the tests above would see if both were down.
	none := storetest.Open(t, options(bare))
	store.SwitchOffGuard(none)
	if n := visible[thing](t, none, s, func(g *gorm.DB) *gorm.DB { return g }); n != 2 {
		t.Errorf("without walls: %d things, want 2", n)
	}
}

func TestWorkerSeesAllClinicsButNotAllTables(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		for range 2 {
			s := clinic()
			s.Key, s.Fingerprint = store.Hash{1}, store.Hash{2}
			copy(s.Key[1:], s.Clinic[:])
			update(t, db, s, func(tx *store.Tx) error {
				tx.Keep(&store.Answer{Status: 201, Body: []byte("{}")})
				return tx.Create("thing.added", &thing{Name: "a"})
			})
		}
		err := db.System(t.Context(), "look around", func(tx *store.Tx) error { return tx.ORM().Find(&[]thing{}).Error })
		if !errors.Is(err, store.ErrUnguarded) {
			t.Errorf("things in System: %v, want ErrUnguarded", err)
		}
		err = db.System(t.Context(), "look around", func(tx *store.Tx) error { return tx.Create("e", &thing{Name: "b"}) })
		if !errors.Is(err, store.ErrUnguarded) {
			t.Errorf("create in System: %v, want ErrUnguarded", err)
		}
		n, err := db.ForgetAnswers(t.Context(), time.Now().Add(-time.Hour))
		if err != nil || n != 0 {
			t.Errorf("forgot %d, %v; want none that is so young", n, err)
		}
		if n, err = db.ForgetAnswers(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 2 {
			t.Errorf("forgot %d, %v; want those of both clinics", n, err)
		}
	})
}
