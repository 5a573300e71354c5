package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

// TestPastColumns: what a search in the past compares is what the row had: each column is read in the history as
// the database has it, with values and without.
func TestPastColumns(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, _ uuid.UUID) {
		view(t, db, s, func(tx *store.Tx) error {
			n := 0
			for _, filled := range []bool{true, false} {
				for _, row := range store.Versioned() {
					wrong, known := tx.InHistory(t, row, filled)
					if n += len(known); len(wrong) > 0 {
						t.Errorf("filled %t: %s", filled, strings.Join(wrong, ", "))
					}
					if !slices.Contains(known, "version") {
						t.Errorf("%T has no version: %v", row, known)
					}
				}
			}
			t.Logf("%d columns", n/2)
			return nil
		})
	})
}

// aboutAlerts are queries about everybody's alerts, with all that a query can have in it.
func aboutAlerts(tx *store.Tx, source uuid.UUID) map[string]*gorm.DB {
	of := tx.ORM().Model(&store.Alert{}).Session(&gorm.Session{})
	here := tx.ORM().Model(&store.Patient{}).Select("id").Where("state = ?", "NJ")
	return map[string]*gorm.DB{
		"all":                    of.Order("created_at, id"),
		"the last":               of.Order("due_at DESC, id").Limit(2),
		"a subquery":             of.Where("patient_id IN (?)", here).Order("id").Limit(1),
		"its other half":         of.Where("patient_id NOT IN (?)", here).Order("id").Limit(1),
		"or a subquery":          of.Where("due_at > ?", noon.Add(2*time.Hour)).Or("patient_id IN (?)", here).Order("id"),
		"a page":                 of.Order("due_at, id").Offset(2).Limit(2),
		"what was not":           of.Where("resolved_at IS NULL AND NOT status = ?", rules.AlertResolved).Order("id"),
		"a member of the source": of.Where("source_id = ?", source),
	}
}

// TestPastQueries: what a query about everybody found at a time it finds later, asked as of that time.
func TestPastQueries(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		now := noon
		db, s := storetest.Open(t, store.Options{DSN: dsn, Now: func() time.Time { return now }}), clinic()
		var people []*store.Patient
		var raised []*store.Alert
		for i := range 6 {
			p := &store.Patient{GivenName: "A", FamilyName: "B", BirthDate: "1980-01-01", Gender: "female", State: []string{"NY", "NJ"}[i%2],
				TimeZone: "UTC", Status: store.PatientActive, StatusSince: noon}
			update(t, db, s, func(tx *store.Tx) error { return tx.RegisterPatient(p) })
			a := alert(p.ID, store.AlertSource{Type: store.SourceMeasurement, ID: newID()}, rules.SeverityHigh, time.Duration(i%4)*time.Hour)
			add(t, db, s, p.ID, a)
			people, raised = append(people, p), append(raised, a)
		}
		source, before := raised[1].Source.ID, map[string]string{}
		ask := func(tx *store.Tx, name string) string {
			var ids []uuid.UUID
			if err := aboutAlerts(tx, source)[name].Pluck("id", &ids).Error; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return fmt.Sprint(ids)
		}
		view(t, db, s, func(tx *store.Tx) error {
			for name := range aboutAlerts(tx, source) {
				before[name] = ask(tx, name)
			}
			return nil
		})
		now = noon.Add(time.Hour)
		for i, a := range raised[:4] { // the others stay as they are
			resolveAndMove(t, db, s, a, people[i], i)
		}
		add(t, db, s, people[0].ID, alert(people[0].ID, store.AlertSource{Type: store.SourceMeasurement, ID: newID()}, rules.SeverityHigh, 0))
		for name := range before { // each alone: what one has filled in helps the next
			view(t, db, s, func(tx *store.Tx) error {
				since := ask(tx, name)
				return tx.AsOf(noon, uuid.Nil, func(tx *store.Tx) error {
					if then := ask(tx, name); then != before[name] || then == since {
						t.Errorf("%s: was %s, is %s, asked as of then %s", name, before[name], since, then)
					}
					return nil
				})
			})
		}
	})
}

// resolveAndMove changes an alert, and its patient's state.
func resolveAndMove(t *testing.T, db *store.DB, s store.Scope, a *store.Alert, p *store.Patient, i int) {
	t.Helper()
	update(t, db, s, func(tx *store.Tx) error {
		if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: p.ID}); err != nil {
			return err
		}
		p.State, a.DueAt = []string{"NJ", "NY"}[i%2], noon.Add(time.Duration(7-i)*time.Hour)
		a.Status, a.ResolvedAt, a.Outcome, a.Source.ID = rules.AlertResolved, &tx.Now, rules.OutcomeHandled, newID()
		if err := tx.Change("alert.resolved", a); err != nil {
			return err
		}
		return tx.ChangePatient("patient.updated", p)
	})
}
