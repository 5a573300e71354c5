package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// TestEntries: staff get what was done to a patient alone and among others, a patient also what was done to nobody,
// and nobody what they may not know of.
func TestEntries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		maya, noor, staff := newID(), newID(), clinic()
		for _, clinic := range []uuid.UUID{staff.Clinic, newID()} { // another clinic has the same
			for _, e := range []struct {
				outcome  store.Outcome
				patient  *uuid.UUID
				patients []uuid.UUID
			}{
				{store.OutcomeDone, &maya, nil},
				{store.OutcomeDone, &noor, nil},
				{store.OutcomeDone, nil, []uuid.UUID{maya, noor}},
				{store.OutcomeDone, nil, nil},
				{store.OutcomeRead, nil, []uuid.UUID{maya, noor}},
				{store.OutcomeDone, nil, []uuid.UUID{noor, newID()}},
				{store.OutcomeRead, &maya, nil},
				{store.OutcomeDone, &maya, nil},
			} {
				row := store.Entry{ClinicID: clinic, ID: newID(), At: time.Now(), Operation: "test", Actor: "system", Outcome: e.outcome, PatientID: e.patient}
				if err := db.System(t.Context(), "test", func(tx *store.Tx) error { return tx.Enter(row, e.patients...) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		drain(t, db)
		as, hidden := staff, staff
		as.OnlyPatient, hidden.NotPatient = maya, maya
		for name, tt := range map[string]struct {
			scope   store.Scope
			patient uuid.UUID
			want    []int64
		}{
			"staff":                    {staff, uuid.Nil, []int64{1, 2, 3, 4, 6, 8}},
			"staff of Maya":            {staff, maya, []int64{1, 3, 8}},
			"staff of Noor":            {staff, noor, []int64{2, 3, 6}},
			"staff of somebody":        {staff, newID(), nil},
			"staff who is Maya":        {hidden, uuid.Nil, []int64{2, 3, 4, 6}},
			"staff who is Maya of her": {hidden, maya, nil},
			"Maya":                     {as, uuid.Nil, []int64{1, 3, 4, 8}},
			"Maya of Maya":             {as, maya, []int64{1, 3, 8}},
			"Maya of Noor":             {as, noor, nil},
		} {
			view(t, db, tt.scope, func(tx *store.Tx) error {
				for _, limit := range []int{1, 2, 100} {
					var got []int64
					for after := int64(0); ; after = got[len(got)-1] {
						page, err := tx.Entries(after, tt.patient, limit)
						if err != nil || len(page) > limit {
							return fmt.Errorf("%d of %d: %w", len(page), limit, err)
						}
						for _, e := range page {
							got = append(got, *e.Seq)
						}
						if len(page) < limit {
							break
						}
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("%s, %d at a time: %v, want %v", name, limit, got, tt.want)
					}
				}
				return nil
			})
		}
	})
}

// TestEventDelivery: an event of an entry about several is its patient's, in that patient's lane; what is the clinic's is
// nobody's, also beside one patient.
func TestEventDelivery(t *testing.T) {
	patient, visit, staff, number := newID(), newID(), newID(), int64(7)
	events := []store.Event{{Event: "visit.reassigned", Record: "visits", ID: visit}, {Event: "staff.deactivated", Record: "staff", ID: staff}}
	one := &store.Entry{ID: newID(), Seq: &number, PatientID: &patient, Events: events}
	several := &store.Entry{ID: newID(), Seq: &number, Events: slices.Clone(events)}
	several.Events[0].Patient = patient
	for name, e := range map[string]*store.Entry{"of one": one, "of several": several} {
		d := store.EventDelivery(e, 0)
		if d.PatientID == nil || *d.PatientID != patient || d.Lane != patient || *d.EntryID != e.ID {
			t.Errorf("%s: the patient's is %+v", name, d)
		}
		if d = store.EventDelivery(e, 1); d.PatientID != nil || d.Lane != staff {
			t.Errorf("%s: the clinic's is %+v", name, d)
		}
	}
}

// TestEntriesPlans: what a patient may know of is looked up, however much has happened to others, and been read by
// others.
func TestEntriesPlans(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		db, s := storetest.Open(t, store.Options{DSN: dsn}), clinic()
		patient := busyJournal(t, db, s.Clinic, 10_000)
		if strings.HasPrefix(dsn, "postgres") { // it guesses until it has looked at the tables
			testbed.Exec(t, testbed.Superuser(t, dsn), "ANALYZE journal", "ANALYZE journal_patients")
		}
		view(t, db, s, func(tx *store.Tx) error {
			plan := planOf(t, tx, s.Clinic, 1_000, patient, 200)
			for _, index := range []string{"journal_done_to", "journal_patients_done", "journal_patients_of"} {
				if !strings.Contains(plan, index) {
					t.Errorf("without %s:\n%s", index, plan)
				}
			}
			for _, slow := range []string{"Seq Scan", "SCAN j", "journal_done (", "id = j_1.id"} {
				if strings.Contains(plan, slow) {
					t.Errorf("%s:\n%s", slow, plan)
				}
			}
			return nil
		})
	})
}

// planOf is how the database looks up what a patient may know of.
func planOf(t *testing.T, tx *store.Tx, args ...any) (plan string) {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if tx.OnPostgres() {
		explain = "EXPLAIN "
	}
	rows, err := tx.Conn().QueryContext(t.Context(), explain+store.EntriesQuery(), args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	line := make([]any, len(columns))
	for i := range line {
		line[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		plan += fmt.Sprintln(*line[len(line)-1].(*any))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// busyJournal fills a clinic's journal with the entries of some hundred patients and of lists that show several, and
// returns one of the patients.
func busyJournal(t *testing.T, db *store.DB, clinic uuid.UUID, entries int) uuid.UUID {
	t.Helper()
	patients := make([]uuid.UUID, 300)
	for i := range patients {
		patients[i] = newID()
	}
	const at = "2026-11-22 14:00:00+00:00"
	var rows, mentions []string
	for i := range entries {
		id, patient, outcome := newID(), "NULL", "done"
		among := func(several int, done string) {
			for n := range several {
				mentions = append(mentions, fmt.Sprintf("('%s', '%s', '%s', '%s', %s)", clinic, patients[(i*7+n)%len(patients)], at, id, done))
			}
		}
		switch kind := i % 500; {
		case kind < 200:
			outcome = "read"
			fallthrough
		case kind < 300:
			patient = "'" + patients[(i*31+i/500)%len(patients)].String() + "'"
		case kind < 490:
			outcome = "read"
			among(4, "FALSE")
		case kind == 499:
			among(5, "TRUE")
		}
		rows = append(rows, fmt.Sprintf("('%s', '%s', %d, '%s', %d, 'test', 'system', '', %s, '%s', '[]')", clinic, id, i+1, at, i+1, patient, outcome))
	}
	insert := func(into string, rows []string) {
		for part := range slices.Chunk(rows, 1000) {
			err := db.System(t.Context(), "test", func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO " + into + " VALUES " + strings.Join(part, ", "))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	insert("journal (clinic_id, id, seq, at, written, operation, actor, request_id, patient_id, outcome, events)", rows)
	insert("journal_patients (clinic_id, patient_id, at, id, done)", mentions)
	return patients[0]
}
