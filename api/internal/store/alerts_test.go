package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

func alert(patient uuid.UUID, source store.AlertSource, severity rules.Severity, due time.Duration) *store.Alert {
	a := rules.Raise(rules.Raised{Rule: rules.AlertBPPreHard, Severity: severity, Value: "164/98 mmHg", Limit: "160/100 mmHg"}, noon, rules.Default())
	a.DueAt = noon.Add(due)
	return &store.Alert{PatientID: patient, Source: source, Alert: a}
}

func TestListAlerts(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		session := store.AlertSource{Type: store.SourceSession, ID: newID(), FactID: new(newID())}
		measurement := store.AlertSource{Type: store.SourceMeasurement, ID: newID()}
		late, soon := alert(patient, session, rules.SeverityHigh, 2*time.Hour), alert(patient, measurement, rules.SeverityCritical, time.Minute)
		over := alert(patient, measurement, rules.SeverityHigh, -time.Hour)
		over.Status, over.ResolvedAt, over.Outcome = rules.AlertResolved, new(noon), rules.OutcomeHandled
		names := map[uuid.UUID]string{}
		for name, a := range map[string]*store.Alert{"late": late, "soon": soon, "over": over} {
			add(t, db, s, patient, a)
			names[a.ID] = name
		}
		lists := []struct {
			name   string
			filter store.AlertFilter
			want   []string
		}{
			{"all, the nearest deadline first", store.AlertFilter{}, []string{"over", "soon", "late"}},
			{"open", store.AlertFilter{Status: rules.AlertOpen}, []string{"soon", "late"}},
			{"severity", store.AlertFilter{Severity: rules.SeverityHigh}, []string{"over", "late"}},
			{"everything", store.AlertFilter{Status: rules.AlertOpen, Severity: rules.SeverityHigh, Patient: patient}, []string{"late"}},
			{"somebody else's", store.AlertFilter{Patient: newID()}, nil},
		}
		for _, test := range lists {
			t.Run(test.name, func(t *testing.T) {
				var got []string
				page := store.Page{Limit: 1}
				view(t, db, s, func(tx *store.Tx) error {
					for {
						rows, next, err := tx.ListAlerts(test.filter, page)
						for i := range rows {
							got = append(got, names[rows[i].ID])
						}
						if page.After = next; next == nil || err != nil {
							return err
						}
					}
				})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("alerts (-want +got):\n%s", diff)
				}
			})
		}
		sources := []struct {
			name    string
			sources []uuid.UUID
			want    int
		}{
			{"a record", []uuid.UUID{measurement.ID}, 2},
			{"a fact", []uuid.UUID{*session.FactID}, 1},
			{"several", []uuid.UUID{measurement.ID, session.ID}, 3},
			{"none", nil, 0},
		}
		for _, test := range sources {
			t.Run(test.name, func(t *testing.T) {
				view(t, db, s, func(tx *store.Tx) error {
					got, err := tx.AlertsOf(test.sources...)
					if len(got) != test.want {
						t.Errorf("got %d alerts, want %d", len(got), test.want)
					}
					return err
				})
			})
		}
		view(t, db, s, func(tx *store.Tx) error {
			got, err := store.Find[store.Alert](tx, late.ID)
			if diff := cmp.Diff(late, got); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

func TestSameSource(t *testing.T) {
	id, fact := newID(), newID()
	record := store.AlertSource{Type: store.SourceSession, ID: id}
	one := store.AlertSource{Type: store.SourceSession, ID: id, FactID: &fact}
	tests := []struct {
		name string
		a, b store.AlertSource
		want bool
	}{
		{"record", record, store.AlertSource{Type: store.SourceSession, ID: id}, true},
		{"another table", record, store.AlertSource{Type: store.SourceAssessment, ID: id}, false},
		{"a fact in it", record, one, false},
		{"the same fact", one, store.AlertSource{Type: store.SourceSession, ID: id, FactID: new(fact)}, true},
		{"another fact", one, store.AlertSource{Type: store.SourceSession, ID: id, FactID: new(newID())}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.a.Same(test.b); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
