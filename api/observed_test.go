package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestObserved: what shows, tries or refuses something leaves one entry that says of which records.
func TestObserved(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Observed")
		scene, call := allowed(t, c, "endMedication")
		patient, medication := scene.Patient.ID.String(), scene.IDs["medication"]
		change, key := wire(t, call), uuid.NewString()
		list := wire(t, apitest.Call{Operation: "listMedications", Token: c.Clinician.Token, Path: map[string]string{"patientId": patient}})
		show := wire(t, apitest.Call{Operation: "showMedication", Token: c.Clinician.Token, Path: map[string]string{"medicationId": medication}})
		all := wire(t, apitest.Call{Operation: "listPatients", Token: c.Clinician.Token})
		missing := wire(t, apitest.Call{Operation: "showMedication", Token: c.Clinician.Token, Path: map[string]string{"medicationId": c.ID.String()}})
		target := func(version int) event { return event{Record: "medications", ID: medication, Version: version} }
		of := event{Record: "patients", ID: patient}
		for _, test := range []struct {
			name      string
			message   message
			status    int
			operation string
			outcome   string
			patient   string
			records   []event
		}{
			{"one", show, 200, "showMedication", "read", patient, []event{target(1)}},
			{"not modified", show.with("If-None-Match", `"1"`), 304, "showMedication", "read", patient, []event{target(1)}},
			{"a list", list, 200, "listMedications", "read", patient, []event{of, target(1)}},
			{"missing", missing, 404, "showMedication", "denied", "", []event{{Record: "medications", ID: c.ID.String()}}},
			{"not for admins", show.with("Authorization", "Bearer "+c.Admin.Token), 403, "showMedication", "denied", "", []event{target(0)}},
			{"dry", message{change.method, change.path + "?validateOnly=true", change.body, change.header}, 200, "endMedication", "dryRun", patient, []event{target(0)}},
			{"stale", change.with("If-Match", `"7"`), 412, "endMedication", "refused", patient, []event{target(0)}},
			{"done", change.with("Idempotency-Key", key), 200, "endMedication", "done", patient, nil},
			{"again", change.with("Idempotency-Key", key), 200, "endMedication", "replayed", patient, []event{target(2)}},
			{"bad", message{list.method, list.path + "?x=1", "", list.header}, 400, "", "", "", nil},
		} {
			got := send(t, s, test.message)
			if got.Status != test.status {
				t.Errorf("%s: %d %s", test.name, got.Status, got.Body)
			}
			entries := entries(t, db, got.Header.Get("X-Request-Id"))
			if test.outcome == "" && len(entries) == 0 {
				continue
			}
			if len(entries) != 1 {
				t.Errorf("%s left %d entries", test.name, len(entries))
				continue
			}
			e := entries[0]
			if e.Operation != test.operation || e.Outcome != test.outcome || e.Patient != test.patient || e.Clinic != c.ID.String() {
				t.Errorf("%s: %+v", test.name, e)
			}
			if diff := cmp.Diff(test.records, e.Events); diff != "" && test.records != nil {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
		c.Patient(t, "Second")
		found := send(t, s, all)
		e := entries(t, db, found.Header.Get("X-Request-Id"))[0]
		for _, p := range found.Items() {
			if !strings.Contains(fmt.Sprint(e.Events), fmt.Sprint(p["id"])) {
				t.Errorf("the list does not name %v: %v", p["id"], e.Events)
			}
		}
		among := db.Column(t, `SELECT CAST(patient_id AS TEXT) FROM journal_patients WHERE CAST(id AS TEXT) = $1`, e.ID)
		if len(found.Items()) != 2 || e.Patient != "" || len(among) != 2 {
			t.Errorf("a list of %d patients is about %q and %v", len(found.Items()), e.Patient, among)
		}
	})
}

// TestNoRecordNoAnswer: while the journal cannot be written, nobody is shown anything; and what waits for
// it is not answered late.
func TestNoRecordNoAnswer(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &cage{counter: &counter{Clinic: s.Clinic(t, "Unrecorded"), db: db}}
		scene := c.For(t, "showMedication")
		show := scene.Call(t, "showMedication")
		show.Token = c.Clinician.Token
		messages := []message{
			wire(t, show), wire(t, apitest.Call{Operation: "listPatients", Token: c.Clinician.Token}),
			wire(t, apitest.Call{Operation: "showWorklist", Token: c.Prescriber.Token}),
			wire(t, apitest.Call{Operation: "showMedication", Token: c.Admin.Token, Path: show.Path}), // denied
		}
		refused := func(what string) {
			t.Helper()
			var all sync.WaitGroup
			for _, m := range messages {
				all.Go(func() {
					start := time.Now()
					got := send(t, c.Site, m)
					expect(t, what+": "+m.path, got, 503, problem.Unavailable)
					if took := time.Since(start); took > 8*time.Second {
						t.Errorf("%s: %s was answered after %s", what, m.path, took)
					}
				})
			}
			all.Wait()
		}
		restore := c.refusing(t, "journal")
		refused("a journal that fails")
		restore()
		restore = c.hanging(t)
		refused("a journal that hangs")
		restore()
		for i, m := range messages {
			if got := send(t, c.Site, m); (got.Status != 200) != (i == 3) {
				t.Errorf("afterwards: %s: %d %s", m.path, got.Status, got.Body)
			}
		}
	})
}

// hanging keeps the journal from being written by anybody else.
func (c *cage) hanging(t *testing.T) (restore func()) {
	t.Helper()
	if c.Site.Config.DatabaseURL == "" {
		return c.absent(t)
	}
	db := c.open(t, "")
	tx, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), `LOCK TABLE journal IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _, _ = tx.Rollback(), db.Close() }
}
