package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestRecordsOfEvents compares what events can be about with the tables that have versions, and with the
// operations of the contract that show records.
func TestRecordsOfEvents(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		tables := `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'version' WHERE m.type = 'table'`
		if s.Config.DatabaseURL != "" {
			tables = `SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'version'`
		}
		got, want := slices.Sorted(maps.Keys(api.Records())), slices.Sorted(slices.Values(db.Column(t, tables)))
		want = without(want, []string{"history"})
		if !slices.Equal(got, want) {
			t.Errorf("the code has %v\nand not %v", without(got, want), without(want, got))
		}
		ofPatients := `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'patient_id' WHERE m.type = 'table'`
		if s.Config.DatabaseURL != "" {
			ofPatients = `SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'patient_id'`
		}
		theirs := append(db.Column(t, ofPatients), "patients")
		for _, table := range got {
			if slices.Contains(theirs, table) == (store.Event{Record: table}).OfClinic() {
				t.Errorf("whose are %s?", table)
			}
		}
	})
	var shown []string
	for table, r := range api.Records() {
		shown = append(shown, r[1])
		op, ok := apitest.Contract(t).Operation(r[1])
		if !ok || op.Kind != "read" {
			t.Errorf("%s: the contract has no read %s", table, r[1])
		}
	}
	// What is worked out when it is asked for has no versions, and no events.
	shown = append(shown, "showEligibility", "showInteractions", "showGate", "showSupply", "showWorklist", "showInstructions", "showAuditProof", "showTimeline")
	for _, op := range apitest.Contract(t).Operations() {
		if strings.HasPrefix(op.ID, "show") && !strings.HasSuffix(op.ID, "History") && !slices.Contains(shown, op.ID) {
			t.Errorf("no event is about what %s shows", op.ID)
		}
	}
}

// TestPatientsRecords: which records patients may know of, written by hand.
func TestPatientsRecords(t *testing.T) {
	theirs := []string{
		"adjustment", "adverseEvent", "assessment", "clinic", "consent", "consentTemplate", "consultation", "dispense", "followUp",
		"instrument", "instrumentLicence", "measurement", "medication", "patient", "prescription", "session", "sessionFact",
		"supplyEntry", "supportPerson", "treatment", "visit",
	}
	admins := []string{"alertRules", "clinic", "consent", "consentTemplate", "instrument", "instrumentLicence", "patient", "protocol", "staff", "webhookEndpoint"}
	for role, want := range map[string][]string{"patient": theirs, "admin": admins} {
		var got []string
		for _, r := range api.Records() {
			if op, _ := apitest.Contract(t).Operation(r[1]); slices.Contains(op.Access, role) {
				got = append(got, r[0])
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: may know of %v, may not of %v", role, without(got, want), without(want, got))
		}
	}
}

// TestCatalogue: every event is about a record, and the contract has a webhook for each, whose schema takes
// that event and no other.
func TestCatalogue(t *testing.T) {
	for name, table := range api.EventTypes {
		word := api.Records()[table][0]
		at := "/webhooks/" + name + "/post/requestBody/content/application~1json/schema"
		like := func(name, word string) error {
			return apitest.Follows(at, fmt.Appendf(nil, `{"id":"7-0-0123456789ab","number":7,"type":%q,"at":"2026-11-22T14:00:00Z","operation":"op","record":{"type":%q,"id":%q}}`,
				name, word, uuid.NewString()))
		}
		if err := like(name, word); err != nil {
			t.Errorf("%s about a %s: %v", name, word, err)
		}
		for _, other := range [][2]string{{"clinic.updated", word}, {name, "clinic"}} {
			if other != [2]string{name, word} && like(other[0], other[1]) == nil {
				t.Errorf("the schema of %s takes %v", name, other)
			}
		}
	}
	for name, reason := range api.StaffEvents {
		if api.EventTypes[name] == "" || reason == "" {
			t.Errorf("%s is not for patients: %q", name, reason)
		}
	}
	var doc struct{ Webhooks map[string]any }
	if err := json.Unmarshal(apitest.Contract(t).JSON(), &doc); err != nil {
		t.Fatal(err)
	}
	if other := without(slices.Sorted(maps.Keys(doc.Webhooks)), slices.Collect(maps.Keys(api.EventTypes))); len(other) > 0 {
		t.Errorf("nothing sends %v", other)
	}
}

// eventName is what events are called in the code.
var eventName = regexp.MustCompile(`"([a-z][A-Za-z]*)\.([a-z][A-Za-z]*)"`)

// TestEventsOfTheCode: the code names no event that the table lacks, and the table none that the code
// does not name.
func TestEventsOfTheCode(t *testing.T) {
	var nouns, named []string
	for name := range api.EventTypes {
		noun, _, _ := strings.Cut(name, ".")
		nouns = append(nouns, noun)
	}
	for _, pattern := range []string{"*.go", "internal/store/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 30 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			if file == "event_types.go" || strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range eventName.FindAllSubmatch(text, -1) {
				if slices.Contains(nouns, string(m[1])) {
					named = append(named, string(m[1])+"."+string(m[2]))
				}
			}
		}
	}
	for _, kind := range treatment.SupplyKinds {
		named = append(named, "supply."+string(kind))
	}
	for _, kind := range []treatment.DeadlineKind{treatment.DeadlineContact, treatment.DeadlineResponse, treatment.DeadlineSupply} {
		named = append(named, "treatment."+string(kind))
	}
	all := slices.Sorted(maps.Keys(api.EventTypes))
	if missing, unused := without(named, all), without(all, named); len(missing)+len(unused) > 0 {
		t.Errorf("not in the table: %v\nnot in the code: %v", missing, unused)
	}
}

// recordTypes are the words for records on the wire.
func recordTypes() (words []string) {
	for _, r := range api.Records() {
		words = append(words, r[0])
	}
	return words
}
