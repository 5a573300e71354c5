package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// audited is a clinic whose journal has ten entries, and another clinic with the same ones.
type audited struct {
	scope         store.Scope
	nurse, doctor store.Actor
	maya, noor    uuid.UUID // patients
	session       uuid.UUID // Maya's; Noor has a visit with this id
	began         time.Time
}

func journalOf(t *testing.T, db *store.DB) *audited {
	t.Helper()
	a := &audited{
		scope: clinic(), nurse: store.Actor{Kind: store.ActorStaff, ID: newID()}, doctor: store.Actor{Kind: store.ActorStaff, ID: newID()},
		maya: newID(), noor: newID(), session: newID(), began: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC),
	}
	of := func(record string, id uuid.UUID) []store.Event { return []store.Event{{Record: record, ID: id}} }
	both := []store.Event{{Record: "alerts", ID: newID()}, {Record: "patients", ID: a.maya}, {Record: "patients", ID: a.noor}}
	for i, e := range []struct {
		operation string
		actor     store.Actor
		outcome   store.Outcome
		patient   uuid.UUID
		events    []store.Event
		patients  []uuid.UUID
	}{
		{"showSession", a.nurse, store.OutcomeRead, a.maya, of("sessions", a.session), nil},
		{"recordDose", store.Actor{Kind: store.ActorPatient, ID: a.maya}, store.OutcomeDone, a.maya, []store.Event{{Event: "session.dosed", Record: "sessions", ID: a.session, Version: 2}}, nil},
		{"listAlerts", a.doctor, store.OutcomeRead, uuid.Nil, both, []uuid.UUID{a.noor, a.maya, a.noor}},
		{"showSession", a.doctor, store.OutcomeDenied, a.maya, of("sessions", a.session), nil},
		{"sessionMissed", store.Actor{Kind: store.ActorSystem}, store.OutcomeDone, a.maya, of("sessions", a.session), nil},
		{"listStaff", a.nurse, store.OutcomeRead, uuid.Nil, of("staff", a.doctor.ID), nil},
		{"showPatient", a.nurse, store.OutcomeReplayed, a.maya, of("patients", a.maya), nil},
		{"showPatient", a.nurse, store.OutcomeRead, a.noor, of("patients", a.noor), nil},
		{"showSession", a.nurse, store.OutcomeDenied, uuid.Nil, of("sessions", a.session), nil},
		{"showVisit", a.nurse, store.OutcomeRead, a.noor, of("visits", a.session), nil},
	} {
		for _, clinic := range []uuid.UUID{a.scope.Clinic, newID()} {
			row := store.Entry{
				ClinicID: clinic, ID: newID(), At: a.began.Add(time.Duration(i) * time.Minute), Operation: e.operation,
				Actor: e.actor.String(), RequestID: fmt.Sprintf("request-%d", i+1), Outcome: e.outcome, Events: e.events,
			}
			if e.patient != uuid.Nil {
				row.PatientID = &e.patient
			}
			if err := db.System(t.Context(), "test", func(tx *store.Tx) error { return tx.Enter(row, e.patients...) }); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := db.Sequence(t.Context()); err != nil || b.Entries != 2 {
			t.Fatalf("numbered %d: %v", b.Entries, err)
		}
	}
	kept := func(table string, id, patient uuid.UUID) {
		update(t, db, a.scope, func(tx *store.Tx) error {
			tx.Note("test.kept", table, id) // has no number
			_, err := tx.Exec(`INSERT INTO history (clinic_id, record, record_id, version, patient_id, entry_id, at, data)
				VALUES ($1, $2, $3, 1, $4, $5, $6, '{}')`, a.scope.Clinic, table, id, patient, newID(), a.began)
			return err
		})
	}
	kept("sessions", a.session, a.maya)
	kept("visits", a.session, a.noor)
	return a
}

// TestListEntries: each filter finds what it says, and nothing of another clinic.
func TestListEntries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := journalOf(t, db)
		at := func(minute int) time.Time { return a.began.Add(time.Duration(minute) * time.Minute) }
		for name, tt := range map[string]struct {
			filter store.EntryFilter
			want   []int64
		}{
			"all":                  {store.EntryFilter{}, []int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
			"after":                {store.EntryFilter{After: 5}, []int64{6, 7, 8, 9, 10}},
			"before":               {store.EntryFilter{Before: 3}, []int64{2, 1}},
			"both":                 {store.EntryFilter{After: 2, Before: 5}, []int64{3, 4}},
			"from":                 {store.EntryFilter{From: at(6)}, []int64{10, 9, 8, 7}},
			"until":                {store.EntryFilter{Until: at(2)}, []int64{2, 1}},
			"from and until":       {store.EntryFilter{From: at(1), Until: at(3)}, []int64{3, 2}},
			"nothing in between":   {store.EntryFilter{From: at(20), Until: at(30)}, nil},
			"the end first":        {store.EntryFilter{From: at(3), Until: at(1)}, nil},
			"somebody":             {store.EntryFilter{Actor: a.doctor}, []int64{4, 3}},
			"staff":                {store.EntryFilter{Actor: store.Actor{Kind: store.ActorStaff}}, []int64{10, 9, 8, 7, 6, 4, 3, 1}},
			"system":               {store.EntryFilter{Actor: store.Actor{Kind: store.ActorSystem}}, []int64{5}},
			"id of any kind":       {store.EntryFilter{Actor: store.Actor{ID: a.maya}}, []int64{2}},
			"operation":            {store.EntryFilter{Operation: "showSession"}, []int64{9, 4, 1}},
			"denied":               {store.EntryFilter{Outcome: store.OutcomeDenied}, []int64{9, 4}},
			"read":                 {store.EntryFilter{Outcome: store.OutcomeRead}, []int64{10, 8, 6, 3, 1}},
			"request":              {store.EntryFilter{RequestID: "request-6"}, []int64{6}},
			"patient":              {store.EntryFilter{Patient: a.maya}, []int64{7, 5, 4, 3, 2, 1}},
			"patient after":        {store.EntryFilter{Patient: a.maya, After: 2}, []int64{3, 4, 5, 7}},
			"other patient":        {store.EntryFilter{Patient: a.noor}, []int64{10, 8, 3}},
			"record":               {store.EntryFilter{Record: "sessions", RecordID: a.session}, []int64{9, 5, 4, 2, 1}},
			"record after":         {store.EntryFilter{Record: "sessions", RecordID: a.session, After: 1}, []int64{2, 4, 5, 9}},
			"record, denied":       {store.EntryFilter{Record: "sessions", RecordID: a.session, Outcome: store.OutcomeDenied}, []int64{9, 4}},
			"record, read":         {store.EntryFilter{Record: "sessions", RecordID: a.session, Outcome: store.OutcomeRead}, []int64{1}},
			"record of patient":    {store.EntryFilter{Patient: a.maya, Record: "sessions", RecordID: a.session}, []int64{5, 4, 2, 1}},
			"other record":         {store.EntryFilter{Record: "visits", RecordID: a.session}, []int64{10}},
			"id of two records":    {store.EntryFilter{RecordID: a.session}, []int64{10, 9, 5, 4, 2, 1}},
			"patient as record":    {store.EntryFilter{Record: "patients", RecordID: a.maya}, []int64{7, 3}},
			"id alone":             {store.EntryFilter{RecordID: a.doctor.ID}, []int64{6}},
			"type alone":           {store.EntryFilter{Record: "alerts"}, []int64{3}},
			"part of a type":       {store.EntryFilter{Record: "alert"}, nil},
			"another type":         {store.EntryFilter{Record: "staff", RecordID: a.session}, nil},
			"operation of patient": {store.EntryFilter{Patient: a.maya, Operation: "showPatient", From: at(0), Until: at(10)}, []int64{7}},
		} {
			view(t, db, a.scope, func(tx *store.Tx) error {
				for _, limit := range []int{100, 1, 2} {
					got := numbers(t, func(p store.Page) ([]store.Entry, *store.Key, error) { return tx.ListEntries(tt.filter, p) }, limit)
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Errorf("%s, pages of %d (-want +got):\n%s", name, limit, diff)
					}
				}
				return nil
			})
		}
	})
}

// numbers walks through a list in pages.
func numbers(t *testing.T, list func(store.Page) ([]store.Entry, *store.Key, error), limit int) (got []int64) {
	t.Helper()
	for p := (store.Page{Limit: limit}); ; {
		rows, key, err := list(p)
		if err != nil || len(rows) > limit || key != nil && len(rows) != limit {
			t.Fatalf("%d rows of %d: %v", len(rows), limit, err)
		}
		for _, r := range rows {
			got = append(got, *r.Seq)
		}
		if key == nil {
			return got
		}
		p.After = key
	}
}

// TestListDisclosures: a patient's data was shown where the patient was alone and where others were shown
// too, to staff and to the patient alike; what was denied, or done by the patient or the system, is none.
func TestListDisclosures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := journalOf(t, db)
		patient := a.scope
		patient.Actor, patient.OnlyPatient = store.Actor{Kind: store.ActorPatient, ID: a.maya}, a.maya
		for _, tt := range []struct {
			patient     uuid.UUID
			from, until int
			want        []int64
		}{
			{a.maya, 0, 60, []int64{7, 3, 1}}, {a.noor, 0, 60, []int64{10, 8, 3}}, {a.maya, 1, 6, []int64{3}}, {a.maya, 4, 5, nil}, {newID(), 0, 60, nil},
		} {
			for _, s := range []store.Scope{a.scope, patient} {
				want := tt.want
				if s.OnlyPatient != uuid.Nil && tt.patient != a.maya {
					want = nil
				}
				view(t, db, s, func(tx *store.Tx) error {
					for _, limit := range []int{100, 1, 2} {
						got := numbers(t, func(p store.Page) ([]store.Entry, *store.Key, error) {
							return tx.ListDisclosures(tt.patient, a.began.Add(time.Duration(tt.from)*time.Minute), a.began.Add(time.Duration(tt.until)*time.Minute), p)
						}, limit)
						if !slices.Equal(got, want) {
							t.Errorf("as %s, minutes %d to %d, pages of %d: got %v, want %v", s.Actor.Kind, tt.from, tt.until, limit, got, want)
						}
					}
					return nil
				})
			}
		}
	})
}
