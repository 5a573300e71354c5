package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/api/internal/store"
)

// pages reads a list to its end and returns the ids.
func pages[T any](t *testing.T, tx *store.Tx, ask func(*gorm.DB) *gorm.DB, column string, desc bool, limit int, id func(T) uuid.UUID) (ids []uuid.UUID) {
	t.Helper()
	p := store.Page{Limit: limit}
	for range 1000 {
		rows, next, err := store.List[T](ask(tx.ORM()), column, desc, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > limit {
			t.Fatalf("%d rows, limit %d", len(rows), limit)
		}
		for _, r := range rows {
			ids = append(ids, id(r))
		}
		if next == nil {
			return ids
		}
		p.After = next
	}
	t.Fatal("the list has no end")
	return nil
}

func TestPages(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		p, first := addPatient(t, db, s, "Ann")
		other, _ := addPatient(t, db, s, "Ben")
		want := []treatment{*first}
		at := instants(t)
		update(t, db, s, func(tx *store.Tx) error {
			for _, id := range []uuid.UUID{p.ID, other.ID} {
				if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: id}); err != nil {
					return err
				}
			}
			for i := range 3 * len(at) { // three rows with each sort value
				row := &treatment{PatientID: p.ID, Course: Course{Status: "planned", StartedAt: at[i%len(at)]}}
				row.ID = uuid.New() // so that ids do not rise with time
				if err := tx.Create("e", row); err != nil {
					return err
				}
				want = append(want, *row)
			}
			return tx.Create("e", &treatment{PatientID: other.ID, Course: Course{Status: "planned", StartedAt: at[0]}})
		})
		slices.SortFunc(want, func(a, b treatment) int {
			if c := a.StartedAt.Compare(b.StartedAt); c != 0 {
				return c
			}
			return strings.Compare(a.ID.String(), b.ID.String())
		})
		var up []uuid.UUID
		for _, r := range want {
			up = append(up, r.ID)
		}
		down := slices.Clone(up)
		slices.Reverse(down)
		id := func(r treatment) uuid.UUID { return r.ID }
		ask := func(g *gorm.DB) *gorm.DB { return g.Where("patient_id = ?", p.ID) }
		view(t, db, s, func(tx *store.Tx) error {
			for _, limit := range []int{1, 7, len(want) - 1, len(want), 200} {
				if got := pages(t, tx, ask, "started_at", false, limit, id); !slices.Equal(got, up) {
					t.Errorf("up by %d: %d rows in another order than the %d wanted", limit, len(got), len(up))
				}
				if got := pages(t, tx, ask, "started_at", true, limit, id); !slices.Equal(got, down) {
					t.Errorf("down by %d: %d rows in another order than the %d wanted", limit, len(got), len(down))
				}
			}
			return nil
		})
	})
}

func TestPagesByText(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		var want []string
		for _, name := range []string{"Zoe", "adam", "Adam", "Ömer", "Zoe"} {
			addPatient(t, db, s, name)
			want = append(want, name)
		}
		slices.Sort(want) // by bytes, on both databases
		view(t, db, s, func(tx *store.Tx) error {
			var got []string
			pages(t, tx, func(g *gorm.DB) *gorm.DB { return g }, "name", false, 2, func(p patient) uuid.UUID {
				got = append(got, p.Name)
				return p.ID
			})
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			return nil
		})
		view(t, db, s, func(tx *store.Tx) error {
			rows, next, err := store.List[patient](tx.ORM(), "name", false, store.Page{})
			if err == nil && (len(rows) != 5 || next != nil) {
				t.Errorf("without a limit: %d rows, next %v; want all 5", len(rows), next)
			}
			return err
		})
	})
}

// A page is one range of an index, whatever the key, on both databases.
func TestPagePlans(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, dsn string) {
		s := clinic()
		p, _ := addPatient(t, db, s, "Ann")
		sqlite := strings.HasSuffix(t.Name(), "sqlite")
		for _, desc := range []bool{false, true} {
			for name, after := range map[string]*store.Key{"first": nil, "next": {Time: time.Now(), ID: newID()}} {
				view(t, db, s, func(tx *store.Tx) error {
					plans := tx.Plans(t)
					if _, _, err := store.List[treatment](tx.ORM().Where("patient_id = ?", p.ID), "started_at", desc, store.Page{After: after}); err != nil {
						return err
					}
					text := strings.Join(*plans, "\n")
					t.Logf("%s, desc %v:\n%s", name, desc, text)
					wrong := []string{"Seq Scan", "Sort", "Bitmap"}
					right := []string{"treatments_started"}
					if sqlite {
						wrong = []string{"SCAN", "TEMP B-TREE"}
					}
					if after != nil {
						right = append(right, map[bool]string{true: "(started_at,id)", false: "ROW(started_at, id)"}[sqlite])
					}
					for _, w := range wrong {
						if strings.Contains(text, w) {
							t.Errorf("%s, desc %v: %s in the plan\n%s", name, desc, w, text)
						}
					}
					for _, r := range right {
						if !strings.Contains(text, r) {
							t.Errorf("%s, desc %v: no %s in the plan\n%s", name, desc, r, text)
						}
					}
					return nil
				})
			}
		}
	})
}

func TestPagesNeedASortValue(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		view(t, db, clinic(), func(tx *store.Tx) error {
			for _, column := range []string{"ended_at", "dose_ug", "nothing"} { // may be NULL, a number, missing
				if _, _, err := store.List[treatment](tx.ORM(), column, false, store.Page{}); err == nil {
					t.Errorf("sorted by %s: no error", column)
				}
			}
			return nil
		})
	})
}
