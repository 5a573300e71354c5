package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

// consulted is a consultation of a patient in a status.
func consulted(patient uuid.UUID, status rules.ConsultationStatus) *store.Consultation {
	return &store.Consultation{PatientID: patient, Consultation: rules.Consultation{Status: status}}
}

// A row comes back as it went in, with intake and ruling, and so does its history.
func TestConsultationRoundTrip(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		full := consulted(patient, rules.ConsultationSubmitted)
		full.SubmittedAt = &noon
		full.Intake = rules.Intake{
			History:            rules.History{Text: `"Quoted", and 'so'.`, Conditions: []rules.ConditionAnswer{{Condition: "cystitis", Answer: "no"}}},
			Diagnoses:          []string{"F33.1"},
			PreviousTreatments: []rules.PreviousTreatment{{Name: "TMS", Kind: "tms", Outcome: "response", AdequateTrial: new(false)}},
			Medications:        rules.MedicationAnswers{TakesAny: new(false)}, Pregnancy: "nursing",
		}
		full.Ruling = rules.Ruling{
			Conditions: []rules.Clearance{{Code: "maoi", Ask: "Stop.", Evidence: "Stopped.", ClearedAt: &noon, ClearedBy: new(newID())}},
			Findings:   []rules.Finding{{Code: "maoi", Class: "conditional", Basis: "medication", Unknown: true}},
			Evidence:   []rules.ConsultationEvidence{{Type: "medication", ID: newID(), Version: 3, Value: "maoi", At: noon}},
		}
		for name, want := range map[string]*store.Consultation{"empty": consulted(patient, rules.ConsultationWithdrawn), "full": full} {
			t.Run(name, func(t *testing.T) {
				add(t, db, s, patient, want)
				var data string
				view(t, db, s, func(tx *store.Tx) error {
					got, err := store.Find[store.Consultation](tx, want.ID)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("row (-want +got):\n%s", diff)
					}
					if err != nil {
						return err
					}
					return tx.Conn().QueryRowContext(t.Context(), "SELECT data FROM history WHERE clinic_id = $1 AND record_id = $2", s.Clinic, want.ID).Scan(&data)
				})
				got := new(store.Consultation)
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

// The filter goes by what time has made of a status, and the database keeps a second one that is
// not decided out.
func TestListConsultations(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		staff := &store.Staff{Status: store.StaffActive}
		update(t, db, s, func(tx *store.Tx) error { return tx.Create("test.added", staff) })
		eligible := func(expires *time.Time) *store.Consultation {
			c := consulted(patient, rules.ConsultationEligible)
			c.DecidedAt, c.DecidedBy, c.EligibleAt, c.ExpiresAt = &noon, &staff.ID, &noon, expires
			return c
		}
		add(t, db, s, patient, eligible(new(noon.Add(-time.Microsecond))), eligible(&noon), eligible(nil), consulted(patient, rules.ConsultationDraft))
		for status, want := range map[rules.ConsultationStatus]int{"": 4, "eligible": 2, "expired": 1, "draft": 1, "deferred": 0} {
			view(t, db, s, func(tx *store.Tx) error {
				rows, _, err := tx.ListConsultations(patient, status, store.Page{})
				if len(rows) != want {
					t.Errorf("%q: %d, want %d", status, len(rows), want)
				}
				for i := range rows {
					if got := rows[i].StatusAt(tx.Now); status != "" && got != status {
						t.Errorf("%q lists one that is %s", status, got)
					}
				}
				return err
			})
		}
		err := db.Update(t.Context(), s, func(tx *store.Tx) error {
			if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: patient}); err != nil {
				return err
			}
			return tx.Create("test.added", consulted(patient, rules.ConsultationSubmitted))
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second one: %v, want ErrConflict", err)
		}
	})
}

// What a decision rests on: the newest that counts.
func TestNewestEvidence(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
		measured := func(hours int, systolic, diastolic *int) *store.Measurement {
			return &store.Measurement{PatientID: patient, SystolicMmHg: systolic, DiastolicMmHg: diastolic,
				Told: store.Told{OccurredAt: at(hours), TimeZone: "UTC", ReportedBy: "patient", Mode: "app"}}
		}
		medicine := func(name string, ended rules.Date) *store.Medication {
			return &store.Medication{PatientID: patient, Medication: rules.Medication{Name: name, EndedOn: ended},
				Told: store.Told{OccurredAt: noon, TimeZone: "UTC", ReportedBy: "patient", Mode: "app"}}
		}
		person := func(name string, adult bool, removed *time.Time) *store.SupportPerson {
			return &store.SupportPerson{PatientID: patient, SupportPerson: rules.SupportPerson{Name: name, Adult: adult, RemovedAt: removed}}
		}
		struckReading, struckMedicine := measured(-1, new(200), new(120)), medicine("struck out", "")
		struckReading.StruckOutAt, struckMedicine.StruckOutAt = &noon, &noon
		void := answered(patient, "phq-9", at(-1), new(27))
		void.Status = rules.AssessmentEnteredInError
		newest := answered(patient, "phq-9", at(-2), new(2))
		reading := measured(-4, new(130), new(85))
		add(t, db, s, patient, answered(patient, "phq-9", at(-3), new(3)), newest, void, answered(patient, "gad-7", at(-1), nil),
			measured(-5, new(120), new(80)), reading, measured(-3, new(150), nil), struckReading,
			medicine("ended", "2026-11-20"), medicine("ends tomorrow", "2026-11-21"), medicine("taken", ""), struckMedicine,
			person("a child", false, nil), person("gone", true, &noon), person("Jonas", true, nil))
		view(t, db, s, func(tx *store.Tx) error {
			a, err := tx.LastAnswers(patient, "phq-9")
			if err != nil || a.ID != newest.ID {
				t.Errorf("answers: %+v, %v", a, err)
			}
			if _, err := tx.LastAnswers(patient, "c-ssrs-screener"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("no answers: %v", err)
			}
			m, err := tx.LastBloodPressure(patient)
			if err != nil || m.ID != reading.ID {
				t.Errorf("blood pressure: %+v, %v", m, err)
			}
			medicines, err := tx.Medicines(patient, "2026-11-20")
			names := map[string]bool{}
			for i := range medicines {
				names[medicines[i].Name] = true
			}
			if diff := cmp.Diff(map[string]bool{"ends tomorrow": true, "taken": true}, names); diff != "" || err != nil {
				t.Errorf("medicines: %v (-want +got):\n%s", err, diff)
			}
			people, err := tx.Companions(patient)
			if err != nil || len(people) != 1 || people[0].Name != "Jonas" {
				t.Errorf("people: %+v, %v", people, err)
			}
			return nil
		})
	})
}
