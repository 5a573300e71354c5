package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
)

func TestCreateFindChange(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		weight := int64(80_500)
		p, c := addPatient(t, db, s, "Ann")
		if c.Version != 1 || c.ClinicID != s.Clinic || c.CreatedAt.IsZero() {
			t.Errorf("created %+v, want version 1 of clinic %s", c.Record, s.Clinic)
		}
		update(t, db, s, func(tx *store.Tx) error {
			if _, err := tx.LockPatient(store.Ref{Param: "treatmentId", ID: c.ID}); err != nil {
				return err
			}
			got, err := store.Find[treatment](tx, c.ID)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(c, got); diff != "" {
				t.Errorf("read back (-created +found)\n%s", diff)
			}
			got.WeightKg, got.Status = &weight, "induction"
			if err := tx.Change("treatment.phaseChanged", got); err != nil {
				return err
			}
			got.WeightKg, got.DoseMg = nil, 0 // zero values are values
			return tx.Change("treatment.updated", got)
		})
		view(t, db, s, func(tx *store.Tx) error {
			got, err := store.Find[treatment](tx, c.ID)
			if err != nil {
				return err
			}
			if got.Version != 3 || got.Status != "induction" || got.DoseMg != 0 || got.WeightKg != nil || got.PatientID != p.ID {
				t.Errorf("got %+v, want version 3 in induction, dose 0, no weight", got)
			}
			return nil
		})
	})
}

func TestChangeLeavesKeysAlone(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		_, c := addPatient(t, db, s, "Ann")
		other, _ := addPatient(t, db, s, "Ben")
		update(t, db, s, func(tx *store.Tx) error {
			for _, p := range []uuid.UUID{c.PatientID, other.ID} {
				if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: p}); err != nil {
					return err
				}
			}
			row := *c
			row.PatientID, row.CreatedAt = other.ID, time.Time{}
			return tx.Change("treatment.updated", &row)
		})
		view(t, db, s, func(tx *store.Tx) error {
			got, err := store.Find[treatment](tx, c.ID)
			if err == nil && (got.PatientID != c.PatientID || !got.CreatedAt.Equal(c.CreatedAt)) {
				t.Errorf("patient %s created %s, want them unchanged", got.PatientID, got.CreatedAt)
			}
			return err
		})
	})
}

func TestStale(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		row := addThing(t, db, s, "a")
		update(t, db, s, func(tx *store.Tx) error { return tx.Change("thing.changed", row) }) // version 2

		old := *row
		old.Version = 1
		missing := *row
		missing.ID = newID()
		for name, tc := range map[string]struct {
			fn   func(tx *store.Tx) error
			want int64 // the current version; 0: no error
		}{
			"change of an old version": {func(tx *store.Tx) error { return tx.Change("e", &old) }, 2},
			"find with an old If-Match": {func(tx *store.Tx) error {
				tx.Target(row.ID, 1)
				_, err := store.Find[thing](tx, row.ID)
				return err
			}, 2},
			"change with an old If-Match": {func(tx *store.Tx) error {
				tx.Target(row.ID, 1)
				r := *row
				return tx.Change("e", &r)
			}, 2},
			"two changes with a current If-Match": {func(tx *store.Tx) error {
				tx.Target(row.ID, 2)
				r, err := store.Find[thing](tx, row.ID)
				if err != nil {
					return err
				}
				return errors.Join(tx.Change("e", r), tx.Change("e", r), errStop)
			}, 0},
			"another record than the target": {func(tx *store.Tx) error {
				tx.Target(newID(), 1)
				_, err := store.Find[thing](tx, row.ID)
				return errors.Join(err, errStop)
			}, 0},
		} {
			err := db.Update(t.Context(), s, tc.fn)
			stale, ok := errors.AsType[*store.StaleError](err)
			switch {
			case tc.want == 0 && (ok || !errors.Is(err, errStop)):
				t.Errorf("%s: %v, want no objection", name, err)
			case tc.want != 0 && (!ok || stale.Current != tc.want):
				t.Errorf("%s: %v, want a StaleError with version %d", name, err, tc.want)
			}
		}
		if err := db.Update(t.Context(), s, func(tx *store.Tx) error { return tx.Change("e", &missing) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("change of a missing record: %v, want ErrNotFound", err)
		}
		err := db.Update(t.Context(), s, func(tx *store.Tx) error {
			tx.Target(row.ID, 1)
			return tx.Create("thing.added", &thing{Name: "b"})
		})
		if !errors.Is(err, store.ErrUncompared) {
			t.Errorf("If-Match that nobody compared: %v, want ErrUncompared", err)
		}
	})
}

// errStop rolls back what a test only wanted to see.
var errStop = errors.New("stop")

func TestConflictAndReference(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		row := addThing(t, db, s, "a")
		other := clinic()
		addThing(t, db, other, "a") // a name is unique in its clinic only
		for name, tc := range map[string]struct {
			fn   func(tx *store.Tx) error
			want error
		}{
			"same id":        {func(tx *store.Tx) error { return tx.Create("e", &thing{Record: store.Record{ID: row.ID}, Name: "b"}) }, store.ErrConflict},
			"same name":      {func(tx *store.Tx) error { return tx.Create("e", &thing{Name: "a"}) }, store.ErrConflict},
			"missing parent": {func(tx *store.Tx) error { return store.Replace(tx, "thing_id", newID(), []licence{{State: "NY"}}) }, store.ErrReference},
			"foreign clinic": {func(tx *store.Tx) error {
				return tx.Create("e", &thing{Record: store.Record{ClinicID: other.Clinic}, Name: "c"})
			}, store.ErrUnguarded},
			"patient not held": {func(tx *store.Tx) error {
				return tx.Create("e", &treatment{PatientID: newID(), Course: Course{Status: "planned"}})
			}, store.ErrNotLocked},
		} {
			if err := db.Update(t.Context(), s, tc.fn); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
		}
		if n := tally(t, db, s, "things"); n != 1 {
			t.Errorf("%d things, want 1", n)
		}
	})
}

func TestErrorsHoldNoValues(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		err := db.Update(t.Context(), clinic(), func(tx *store.Tx) error {
			p := &patient{Name: "canary"}
			if err := tx.Create("e", p); err != nil {
				return err
			}
			return tx.Create("e", &treatment{PatientID: p.ID, Course: Course{Status: "canary", StartedAt: time.Now()}})
		})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %q, want one without the value", err)
		}
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		row := &thing{Name: "a", Licences: []licence{{State: "NY"}, {State: "CA"}}}
		bare := addThing(t, db, s, "b")
		update(t, db, s, func(tx *store.Tx) error {
			if err := tx.Create("thing.added", row); err != nil {
				return err
			}
			return store.Replace(tx, "thing_id", row.ID, row.Licences)
		})
		update(t, db, s, func(tx *store.Tx) error {
			row.Licences = []licence{{State: "CA"}, {State: "TX"}, {State: "NY"}}
			if err := store.Replace(tx, "thing_id", row.ID, row.Licences); err != nil {
				return err
			}
			return tx.Change("thing.changed", row)
		})
		view(t, db, s, func(tx *store.Tx) error {
			lists, err := store.Parts[licence](tx, "thing_id", row.ID, bare.ID)
			var got []string
			for _, l := range lists[row.ID] {
				got = append(got, l.State)
			}
			if diff := cmp.Diff([]string{"CA", "TX", "NY"}, got); diff != "" || len(lists[bare.ID]) != 0 {
				t.Errorf("licences (-want +got)\n%s", diff)
			}
			return err
		})
		update(t, db, s, func(tx *store.Tx) error {
			row.Licences = nil
			if err := store.Replace(tx, "thing_id", row.ID, row.Licences); err != nil {
				return err
			}
			return tx.Change("thing.changed", row)
		})
		if n := tally(t, db, s, "licences"); n != 0 {
			t.Errorf("%d licences, want 0", n)
		}
	})
}

func TestJournalAndHistory(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ string) {
		s := clinic()
		s.Operation = "registerPatient"
		p, c := addPatient(t, db, s, "Ann")

		var (
			operation, actor, request, outcome, events string
			entry, about                               uuid.UUID
			at                                         time.Time
			data                                       = map[string]string{}
		)
		view(t, db, s, func(tx *store.Tx) error {
			err := tx.Conn().QueryRowContext(t.Context(), `SELECT id, at, operation, actor, request_id, patient_id, outcome, events
				FROM journal WHERE clinic_id = $1`, s.Clinic).Scan(&entry, &at, &operation, &actor, &request, &about, &outcome, &events)
			if err != nil {
				return err
			}
			rows, err := tx.Conn().QueryContext(t.Context(), `SELECT record, patient_id, entry_id, version, data
				FROM history WHERE clinic_id = $1`, s.Clinic)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var record, text string
				var patient, id uuid.UUID
				var version int64
				if err := rows.Scan(&record, &patient, &id, &version, &text); err != nil {
					return err
				}
				if id != entry || patient != p.ID || version != 1 {
					t.Errorf("history of %s: entry %s, patient %s, version %d", record, id, patient, version)
				}
				data[record] = text
			}
			return rows.Err()
		})
		if operation != "registerPatient" || actor != "staff:"+s.Actor.ID.String() || request != "request-1" ||
			outcome != "done" || about != p.ID || !at.Equal(p.CreatedAt) {
			t.Errorf("entry: %s by %s, %s, %s, patient %s, at %s", operation, actor, request, outcome, about, at)
		}
		sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
		want := []map[string]any{
			{"event": "patient.registered", "record": "patients", "id": p.ID.String(), "version": 1.0, "hash": sum(data["patients"])},
			{"event": "treatment.started", "record": "treatments", "id": c.ID.String(), "version": 1.0, "hash": sum(data["treatments"])},
		}
		var got []map[string]any
		if err := json.Unmarshal([]byte(events), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got)\n%s", diff)
		}
		var back treatment
		if err := json.Unmarshal([]byte(data["treatments"]), &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*c, back); diff != "" {
			t.Errorf("history read back (-row +history)\n%s", diff)
		}
	})
}
