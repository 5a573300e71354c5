package api_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestAuditEntries: an admin finds what was done, by each filter, in numbers without gaps, and no value of
// any record.
func TestAuditEntries(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Audit")
		scene := c.For(t, "voidMedication")
		s.Pass(t, 0)
		list := func(query string) []map[string]any {
			t.Helper()
			a := s.Must(t, apitest.Call{Operation: "listAuditEntries", Token: c.Admin.Token, Query: "limit=200&" + query})
			for _, value := range []string{"Lindqvist", "Lorazepam", "1986-04-17"} {
				if strings.Contains(string(a.Body), value) {
					t.Errorf("%s: shows %s", query, value)
				}
			}
			return a.Items()
		}
		all := list("")
		for i, e := range all {
			if want := float64(len(all) - i); e["number"] != want {
				t.Fatalf("entry %d has number %v, want %v", i, e["number"], want)
			}
		}
		recorded := list("operation=recordMedication")
		if len(recorded) != 1 {
			t.Fatalf("%d entries of recordMedication", len(recorded))
		}
		want := map[string]any{
			"actor":     map[string]any{"kind": "patient", "id": scene.IDs["patient"]},
			"operation": "recordMedication", "outcome": "done", "patientId": scene.IDs["patient"],
			"records": []any{map[string]any{"type": "medication", "id": scene.IDs["medication"], "version": 1.0, "event": "medication.recorded"}},
		}
		got := map[string]any{}
		for name := range want {
			got[name] = recorded[0][name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("recordMedication (-want +got):\n%s", diff)
		}
		e := recorded[0]
		for _, query := range []string{
			"requestId=" + fmt.Sprint(e["requestId"]), "recordType=medication&recordId=" + scene.IDs["medication"], "recordType=medication",
			"recordId=" + scene.IDs["medication"], fmt.Sprintf("before=%v&after=%v", e["number"].(float64)+1, e["number"].(float64)-1),
		} {
			if found := list(query); len(found) != 1 || found[0]["id"] != e["id"] {
				t.Errorf("%s: %v", query, found)
			}
		}
		for query, has := range map[string]func(map[string]any) bool{
			"actorKind=patient":                                    func(e map[string]any) bool { return e["actor"].(map[string]any)["kind"] == "patient" },
			"actorId=" + c.Clinician.ID.String():                   func(e map[string]any) bool { return e["actor"].(map[string]any)["id"] == c.Clinician.ID.String() },
			"patientId=" + scene.IDs["patient"]:                    func(e map[string]any) bool { return e["patientId"] == scene.IDs["patient"] },
			"from=" + s.Clock.Now().Format("2006-01-02T15:04:05Z"): func(e map[string]any) bool { return e["at"] == s.Clock.Now().Format("2006-01-02T15:04:05Z") },
			"outcome=done":                                         func(e map[string]any) bool { return e["outcome"] == "done" },
			"outcome=dryRun":                                       func(e map[string]any) bool { return e["outcome"] == "dryRun" },
		} {
			want := slices.DeleteFunc(slices.Clone(all), func(e map[string]any) bool { return !has(e) })
			// What was looked at since the list was made has no number yet.
			if diff := cmp.Diff(want, list(query), cmp.Comparer(func(a, b map[string]any) bool { return a["id"] == b["id"] })); diff != "" && len(want)+len(list(query)) > 0 {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		if first := list("after=0"); len(first) != len(all) || first[0]["number"] != 1.0 {
			t.Errorf("after 0: %d entries from %v", len(first), first[0]["number"])
		}
		first := list("after=2")
		if len(first) != len(all)-2 || first[0]["number"] != 3.0 {
			t.Errorf("after 2: %d entries from %v", len(first), first[0]["number"])
		}
		show := apitest.Call{Operation: "showMedication", Token: c.Patient(t, "Other").Token, Path: map[string]string{"medicationId": scene.IDs["medication"]}}
		expect(t, "another patient", s.Do(t, show), 404, problem.NotFound)
		s.Pass(t, 0)
		for _, query := range []string{"recordType=medication&recordId=" + scene.IDs["medication"], "recordId=" + scene.IDs["medication"]} {
			if found := list(query); len(found) != 2 || found[0]["outcome"] != "denied" || found[1]["id"] != e["id"] {
				t.Errorf("%s, of which another patient was denied: %v", query, found)
			}
		}
	})
}

// TestDisclosures: a patient learns who has seen the chart, when, and which records, but nothing of what
// the clinic keeps to itself; an admin sees all of it.
func TestDisclosures(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Disclosures")
		scene := c.For(t, "listPdmpChecks")
		s.Pass(t, 0)
		s.Clock.Advance(1e9)
		from := "from=" + s.Clock.Now().Format("2006-01-02T15:04:05Z")
		weight := scene.Fact("weightKg", 70.2)
		weight["reportedBy"] = "clinician"
		scene.Do(t, c.Clinician, "recordMeasurement", weight)
		s.Clock.Advance(1e9)
		check := scene.Fact("state", "NY")
		check["result"], check["reportedBy"] = "nothingUnexpected", "clinician"
		scene.Do(t, c.Prescriber, "recordPdmpCheck", check)
		scene.Do(t, scene.Patient, "recordMeasurement", scene.Fact("weightKg", 70.1))
		s.Clock.Advance(1e9)
		entry := shownToMany(t, s, c, "listAlerts", "alerts", scene.IDs["patient"], c.Patient(t, "Other").ID.String())
		s.Pass(t, 0)

		staff := func(p *apitest.Person) map[string]any { return map[string]any{"kind": "staff", "id": p.ID.String()} }
		name := func(who string) map[string]any { return map[string]any{"given": "Sam", "family": "Rivera " + who} }
		want := []map[string]any{
			{"actor": staff(c.Clinician), "name": name("clinician"), "outcome": "read", "operation": "listAlerts", "recordTypes": []any{"alert", "patient"}},
			{"actor": staff(c.Prescriber), "name": name("prescriber"), "outcome": "done", "operation": "recordPdmpCheck", "recordTypes": []any{"pdmpCheck"}},
			{"actor": staff(c.Clinician), "name": name("clinician"), "outcome": "done", "operation": "recordMeasurement", "recordTypes": []any{"measurement"}},
		}
		call := apitest.Call{Operation: "listDisclosures", Token: c.Admin.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}, Query: from}
		got := s.Must(t, call).Items()
		if len(got) == 0 || got[0]["id"] != entry {
			t.Errorf("the entry about several patients: %v", got)
		}
		if diff := cmp.Diff(want, plainly(got)); diff != "" {
			t.Errorf("to an admin (-want +got):\n%s", diff)
		}
		delete(want[0], "operation")
		delete(want[1], "operation")
		want[0]["recordTypes"], want[1]["recordTypes"] = []any{"patient"}, []any{}
		call.Token = scene.Patient.Token
		if diff := cmp.Diff(want, plainly(s.Must(t, call).Items())); diff != "" {
			t.Errorf("to the patient (-want +got):\n%s", diff)
		}
	})
}

// plainly leaves out of disclosures what differs each time.
func plainly(items []map[string]any) []map[string]any {
	for _, d := range items {
		for _, name := range []string{"id", "number", "at"} {
			delete(d, name)
		}
	}
	return items
}

// shownToMany writes the entry of a list that has shown a record of each of some patients.
func shownToMany(t *testing.T, s *apitest.Site, c *apitest.Clinic, operation, table string, patients ...string) string {
	t.Helper()
	entry, at := uuid.Must(uuid.NewV7()).String(), s.Clock.Now().UTC().Format("2006-01-02 15:04:05+00:00")
	var events, mentions []string
	for _, p := range patients {
		events = append(events, fmt.Sprintf(`{"record":"%s","id":"%s"},{"record":"patients","id":"%s"}`, table, uuid.NewString(), p))
		mentions = append(mentions, fmt.Sprintf(`('%s', '%s', '%s', '%s', FALSE)`, c.ID, p, at, entry))
	}
	for _, q := range []string{
		fmt.Sprintf(`INSERT INTO journal (clinic_id, id, at, written, operation, actor, request_id, outcome, events)
			VALUES ('%s', '%s', '%s', 1000000, '%s', 'staff:%s', 'many', 'read', '[%s]')`, c.ID, entry, at, operation, c.Clinician.ID, strings.Join(events, ",")),
		`INSERT INTO journal_patients (clinic_id, patient_id, at, id, done) VALUES ` + strings.Join(mentions, ", "),
	} {
		past(t, s, q)
	}
	return entry
}

// past runs SQL past the store.
func past(t *testing.T, s *apitest.Site, query string) {
	t.Helper()
	if dsn := s.Config.DatabaseURL; dsn != "" {
		testbed.Exec(t, testbed.Superuser(t, dsn), query)
		return
	}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(filepath.Join(s.Config.Data, "titrate.db"))+"?_pragma=busy_timeout(3000)")
	if err == nil {
		_, err = db.ExecContext(t.Context(), query)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
