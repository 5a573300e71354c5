package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
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
	shown = append(shown, "showEligibility", "showInteractions", "showGate", "showSupply", "showWorklist", "showInstructions")
	for _, op := range apitest.Contract(t).Operations() {
		if strings.HasPrefix(op.ID, "show") && !slices.Contains(shown, op.ID) {
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

// TestTablesOfEvents: every event is about a record, and what is hidden from patients has its reason.
func TestTablesOfEvents(t *testing.T) {
	for name, table := range api.EventTypes {
		if _, ok := api.Records()[table]; !ok {
			t.Errorf("%s is about %s, which has no versions", name, table)
		}
	}
	for name, reason := range api.StaffEvents {
		if api.EventTypes[name] == "" || reason == "" {
			t.Errorf("%s is not for patients: %q", name, reason)
		}
	}
}

// recordTypes are the words for records on the wire.
func recordTypes() (words []string) {
	for _, r := range api.Records() {
		words = append(words, r[0])
	}
	return words
}
