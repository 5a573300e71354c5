package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
)

// Times that come close to each other around whole seconds, days and changes of the clock,
// given in several zones, in ascending order.
func instants(t *testing.T) []time.Time {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	var list []time.Time
	for i, at := range []time.Time{
		time.Date(2025, 11, 2, 5, 59, 59, 0, time.UTC), // 01:59:59 EDT; the next hour has the same name
		time.Date(2025, 11, 2, 6, 59, 59, 0, time.UTC),
		time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		for _, µs := range []int{0, 1, 9, 10, 100, 99_999, 100_000, 100_001, 120_000, 500_000, 999_999} {
			v := at.Add(time.Duration(µs) * time.Microsecond)
			list = append(list, v.In([]*time.Location{time.UTC, zone, time.FixedZone("", 20700)}[(i+µs)%3]))
		}
	}
	return list
}

func TestTimes(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		p, _ := addPatient(t, db, s, "Ann")
		at := instants(t)
		ids := make([]uuid.UUID, len(at))
		update(t, db, s, func(tx *store.Tx) error {
			if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: p.ID}); err != nil {
				return err
			}
			for _, i := range shuffled(len(at)) {
				end := at[i].Add(999 * time.Nanosecond) // below a microsecond: not kept
				row := &treatment{PatientID: p.ID, Course: Course{Status: "induction", StartedAt: at[i], EndedAt: &end}}
				if err := tx.Create("e", row); err != nil {
					return err
				}
				if row.StartedAt.Location() != time.UTC || !row.StartedAt.Equal(at[i]) || !row.EndedAt.Equal(at[i]) {
					t.Errorf("created %s until %s, want %s", row.StartedAt, row.EndedAt, at[i])
				}
				ids[i] = row.ID
			}
			return nil
		})
		view(t, db, s, func(tx *store.Tx) error {
			var rows []treatment
			if err := tx.ORM().Where("status = ?", "induction").Order("started_at").Find(&rows).Error; err != nil {
				return err
			}
			for i, r := range rows {
				if r.ID != ids[i] || !r.StartedAt.Equal(at[i]) || r.StartedAt.Location() != time.UTC || r.EndedAt.Location() != time.UTC {
					t.Errorf("row %d: %s, want %s in UTC", i, r.StartedAt, at[i])
				}
			}
			for i, limit := range at {
				var gorm, raw int64
				if err := tx.ORM().Model(&treatment{}).Where("status = ? AND started_at < ?", "induction", limit).Count(&gorm).Error; err != nil {
					return err
				}
				if err := tx.Conn().QueryRowContext(t.Context(), "SELECT count(*) FROM treatments WHERE status = 'induction' AND started_at >= $1",
					limit).Scan(&raw); err != nil {
					return err
				}
				var same treatment
				err := tx.ORM().Where("status = ? AND ended_at = ?", "induction", limit.Add(700*time.Nanosecond)).Take(&same).Error
				if gorm != int64(i) || raw != int64(len(at)-i) || err != nil || same.ID != ids[i] {
					t.Errorf("%s: %d before, %d from it on, %v; want %d and %d", limit, gorm, raw, err, i, len(at)-i)
				}
			}
			return nil
		})
	})
}

// shuffled is a fixed order that is neither ascending nor descending.
func shuffled(n int) (order []int) {
	for i := range n {
		order = append(order, (i*17+5)%n)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(order))); len(distinct) != n {
		panic("17 divides n")
	}
	return order
}

func TestClock(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		view(t, db, clinic(), func(tx *store.Tx) error {
			if now := tx.Now; now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || time.Since(now).Abs() > time.Minute {
				t.Errorf("now is %s, want UTC in microseconds", now)
			}
			return nil
		})
	})
}
