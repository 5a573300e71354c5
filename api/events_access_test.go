package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// hidden are, by what has happened, the events that staff may know of and the patient may not. Written by hand.
var hidden = map[string][]string{
	// The patient sees the adjustment once it is applied, a prescription once it is signed, and no follow-up
	// that is for the staff.
	"showAdjustment": {"adjustment.approved", "adjustment.drafted", "adjustment.proposed", "followUp.scheduled", "pdmpCheck.recorded", "prescription.drafted"},
	"showSuggestion": {"adjustment.suggested", "followUp.scheduled", "pdmpCheck.recorded", "prescription.drafted"},
	// A signature that awaits another is nothing yet.
	"cosignPrescription": {"pdmpCheck.recorded", "prescription.drafted", "prescription.signed"},
	"acknowledgeAlert":   {"alert.raised"},
	"closeAdverseEvent":  {},
	"reviewAssessment":   {},
	"updateVisit":        {},
	// A loss of the supply raises an alert, and shows a sign of misuse.
	"listSupplySignals": {"alert.raised", "followUp.scheduled", "pdmpCheck.recorded", "prescription.drafted", "supplySignal.found"},
}

// TestEventsOfPatients: patients know of their own records and of nothing that the clinic keeps to itself; and
// whatever somebody knows of can be shown to them.
func TestEventsOfPatients(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Patients"), db: db}
		for operation, want := range hidden {
			scene := c.For(t, operation)
			s.Pass(t, 0)
			own := c.events(t, scene.Patient.Token, "")
			all := c.events(t, c.Prescriber.Token, "patientId="+scene.IDs["patient"])
			var got []string
			for _, e := range all {
				if !slices.ContainsFunc(own, func(o map[string]any) bool { return o["id"] == e["id"] }) {
					got = append(got, fmt.Sprint(e["type"]))
				}
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("%s: hidden are %v, not %v", operation, without(got, want), without(want, got))
			}
			if len(own) < 3 {
				t.Errorf("%s: the patient knows of %v", operation, own)
			}
			for _, e := range own {
				if e["patientId"] != scene.IDs["patient"] {
					t.Errorf("%s: the patient knows of %v", operation, e)
				}
				c.shown(t, scene.Patient.Token, e)
			}
		}
		for _, e := range c.events(t, c.Admin.Token, "") {
			c.shown(t, c.Admin.Token, e)
		}
	})
}

// shown asks for the record of an event, if there is an operation that shows it alone.
func (c *counter) shown(t *testing.T, token string, e map[string]any) {
	t.Helper()
	record, _ := e["record"].(map[string]any)
	for _, r := range api.Records() {
		op, _ := apitest.Contract(t).Operation(r[1])
		if r[0] != record["type"] || r[0] == "sessionFact" || strings.Count(op.Path, "{") != 1 || !strings.HasSuffix(op.Path, "}") {
			continue
		}
		param := op.Path[strings.Index(op.Path, "{")+1 : len(op.Path)-1]
		got := c.Site.Do(t, apitest.Call{Operation: op.ID, Token: token, Path: map[string]string{param: fmt.Sprint(record["id"])}})
		if got.Status != 200 && param != "instrumentId" { // which has a name, and no id
			t.Errorf("%v, and yet %s: %d", e, op.ID, got.Status)
		}
	}
}

// TestEventsForStaffOnly: what the clinic has for itself about a patient, the patient does not know of.
func TestEventsForStaffOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Staff"), db: db}
		scene := c.For(t, "scheduleFollowUp")
		theirs := c.For(t, "listPatients")
		for _, audience := range []string{"staff", "patient"} {
			body := scene.Call(t, "scheduleFollowUp").Body.(map[string]any)
			body["for"] = audience
			if delete(body, "instrument"); audience == "patient" {
				body["instrument"] = "phq-9"
			}
			expect(t, audience, scene.Do(t, c.Clinician, "scheduleFollowUp", body), 201, "")
		}
		expect(t, "staff's report", scene.Do(t, c.Clinician, "reportAdverseEvent", scene.Fact("term", "nausea")), 201, "")
		expect(t, "patient's report", scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "headache")), 201, "")
		s.Pass(t, 0)
		names := func(token string) (list []string) {
			for _, e := range c.events(t, token, "type=followUp.scheduled&type=adverseEvent.reported") {
				list = append(list, fmt.Sprint(e["type"]))
			}
			return list
		}
		if got, want := names(scene.Patient.Token), []string{"followUp.scheduled", "adverseEvent.reported"}; !slices.Equal(got, want) {
			t.Errorf("the patient knows of %v", got)
		}
		if got := names(c.Clinician.Token); len(got) != 4 {
			t.Errorf("the clinic knows of %v", got)
		}
		if got := c.events(t, theirs.Patient.Token, "patientId="+scene.IDs["patient"]); len(got) > 0 {
			t.Errorf("another patient knows of %v", got)
		}
		if got := c.events(t, c.Admin.Token, "type=adverseEvent.reported"); len(got) > 0 {
			t.Errorf("an admin knows of %v", got)
		}
	})
}
