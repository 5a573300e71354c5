package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

// shipped runs fn on the shipped schema of both databases, in a clinic with one patient. The
// clock stands still.
func shipped(t *testing.T, fn func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID)) {
	t.Helper()
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storetest.Open(t, store.Options{DSN: dsn, Now: func() time.Time { return noon }})
		s := clinic()
		p := &store.Patient{GivenName: "A", FamilyName: "B", BirthDate: "1980-01-01", Gender: "female", State: "NY", TimeZone: "UTC",
			Status: store.PatientActive, StatusSince: noon}
		update(t, db, s, func(tx *store.Tx) error { return tx.RegisterPatient(p) })
		fn(t, db, s, p.ID)
	})
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// add creates rows about a patient, in this order.
func add(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID, rows ...store.Row) {
	t.Helper()
	update(t, db, s, func(tx *store.Tx) error {
		if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: patient}); err != nil {
			return err
		}
		for _, row := range rows {
			if err := tx.Create("test.added", row); err != nil {
				return err
			}
		}
		return nil
	})
}

func assigned(patient uuid.UUID, instrument string, at, expires time.Time) *store.Assessment {
	return &store.Assessment{
		PatientID: patient, Instrument: instrument, Status: rules.AssessmentAssigned, At: at, DueAt: &at, ExpiresAt: &expires,
	}
}

func answered(patient uuid.UUID, instrument string, at time.Time, total *int) *store.Assessment {
	a := &store.Assessment{PatientID: patient, Instrument: instrument, Status: rules.AssessmentSubmitted}
	a.Submit(newID(), store.Told{OccurredAt: at, TimeZone: "UTC", ReportedBy: "patient", Mode: "app", RecordedBy: "patient:" + patient.String()}, noon)
	a.Scored = store.Scored{Answers: `{"phq9-1":1}`, Total: total, Answered: 1, Missing: 8, Findings: "{}", Safety: "unknown", ScoringVersion: "2026.1"}
	if total != nil {
		a.Band = "minimal"
	}
	return a
}

func TestListAssessments(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		names := map[uuid.UUID]string{}
		for _, row := range []struct {
			name string
			a    *store.Assessment
		}{
			{"expired now", assigned(patient, "phq-9", noon.Add(-3*time.Hour), noon)},
			{"waiting", assigned(patient, "gad-7", noon.Add(-2*time.Hour), noon.Add(time.Microsecond))},
			{"yesterday's", answered(patient, "phq-9", noon.Add(-24*time.Hour), new(1))},
			{"today's", answered(patient, "gad-7", noon.Add(-time.Hour), nil)},
		} {
			add(t, db, s, patient, row.a)
			names[row.a.ID] = row.name
		}
		tests := []struct {
			name   string
			filter store.AssessmentFilter
			want   []string
		}{
			{"all, newest first", store.AssessmentFilter{}, []string{"today's", "waiting", "expired now", "yesterday's"}},
			{"expired", store.AssessmentFilter{Status: rules.AssessmentExpired}, []string{"expired now"}},
			{"assigned", store.AssessmentFilter{Status: rules.AssessmentAssigned}, []string{"waiting"}},
			{"submitted", store.AssessmentFilter{Status: rules.AssessmentSubmitted}, []string{"today's", "yesterday's"}},
			{"instrument", store.AssessmentFilter{Instrument: "phq-9"}, []string{"expired now", "yesterday's"}},
			{"both", store.AssessmentFilter{Status: rules.AssessmentSubmitted, Instrument: "gad-7"}, []string{"today's"}},
			{"none", store.AssessmentFilter{Status: rules.AssessmentReviewed}, nil},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				var got []string
				page := store.Page{Limit: 1}
				view(t, db, s, func(tx *store.Tx) error {
					for {
						rows, next, err := tx.ListAssessments(patient, test.filter, page)
						for i := range rows {
							got = append(got, names[rows[i].ID])
						}
						if page.After = next; next == nil || err != nil {
							return err
						}
					}
				})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("assessments (-want +got):\n%s", diff)
				}
			})
		}
		view(t, db, s, func(tx *store.Tx) error {
			got, err := tx.InstrumentsAnswered(patient)
			if diff := cmp.Diff([]string{"phq-9"}, got); diff != "" {
				t.Errorf("answered with a result (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

// A row comes back as it went in, what is empty included, and so does its history.
func TestAssessmentRoundTrip(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		for name, want := range map[string]*store.Assessment{
			"assigned": assigned(patient, "phq-9", noon, noon.Add(time.Hour)),
			"answered": answered(patient, "phq-9", noon.Add(-time.Hour), new(27)),
		} {
			t.Run(name, func(t *testing.T) {
				add(t, db, s, patient, want)
				var data string
				view(t, db, s, func(tx *store.Tx) error {
					got, err := store.Find[store.Assessment](tx, want.ID)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("row (-want +got):\n%s", diff)
					}
					if err != nil {
						return err
					}
					return tx.Conn().QueryRowContext(t.Context(), "SELECT data FROM history WHERE clinic_id = $1 AND record_id = $2", s.Clinic, want.ID).Scan(&data)
				})
				got := new(store.Assessment)
				if err := json.Unmarshal([]byte(data), got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("history (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestAssessmentStatusAt(t *testing.T) {
	a := assigned(newID(), "phq-9", noon, noon.Add(time.Hour))
	done := answered(newID(), "phq-9", noon, nil)
	tests := []struct {
		name string
		a    *store.Assessment
		at   time.Time
		want rules.AssessmentStatus
	}{
		{"in time", a, noon.Add(time.Hour - 1), rules.AssessmentAssigned},
		{"at the moment", a, noon.Add(time.Hour), rules.AssessmentExpired},
		{"answered", done, noon.Add(1e6 * time.Hour), rules.AssessmentSubmitted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.a.StatusAt(test.at); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
