package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
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

// ofClinics are the records of nobody that patients may read. Written by hand.
var ofClinics = []string{"clinic", "consentTemplate", "instrument", "instrumentLicence"}

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
				record, _ := e["record"].(map[string]any)
				if e["patientId"] != scene.IDs["patient"] && (e["patientId"] != nil || !slices.Contains(ofClinics, fmt.Sprint(record["type"]))) {
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

// TestEventsOfSeveral: what is done to several patients at once is in the list and the stream of each, and in staff's
// list of each; none of them learns who the others are.
func TestEventsOfSeveral(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Several"), db: db}
		leaver := c.Staff(t, "leaver", client.StaffRoleClinician)
		maya, noor := caredFor(t, c.Clinic, place{leaver, "clinician"}), caredFor(t, c.Clinic, place{leaver, "clinician"})
		for _, scene := range []*apitest.Scene{maya, noor} {
			meet(t, scene, "providerId", leaver.ID)
		}
		s.Pass(t, 0)
		l := listen(t, s.URL, maya.Patient.Token)
		expect(t, "handed over", deactivate(t, c.Clinic, leaver, c.Clinician.ID), 200, "")
		s.Pass(t, 0)
		weigh(t, s, maya.Patient)
		s.Pass(t, 0)
		for name, of := range map[string]struct{ scene, other *apitest.Scene }{"Maya": {maya, noor}, "Noor": {noor, maya}} {
			patient, visit := of.scene.IDs["patient"], of.scene.IDs["visit"]
			for reader, got := range map[string][]map[string]any{
				"the patient":             c.events(t, of.scene.Patient.Token, ""),
				"the patient with a name": c.events(t, of.scene.Patient.Token, "patientId="+patient),
				"staff":                   c.events(t, c.Prescriber.Token, "patientId="+patient),
			} {
				if n := count(got, "visit.reassigned", visit); n != 1 {
					t.Errorf("%s: %s knows of %d visits that were given to somebody else", name, reader, n)
				}
				if text := fmt.Sprint(got); strings.Contains(text, of.other.IDs["patient"]) || strings.Contains(text, of.other.IDs["visit"]) {
					t.Errorf("%s: %s gets something of the other: %s", name, reader, text)
				}
			}
		}
		all := c.events(t, c.Prescriber.Token, "type=visit.reassigned")
		if len(all) != 2 || count(all, "visit.reassigned", noor.IDs["visit"]) != 1 {
			t.Errorf("staff know of %v", all)
		}
		if heard := l.through("event: measurement.recorded"); strings.Count(heard, "event: visit.reassigned") != 1 ||
			!strings.Contains(heard, maya.IDs["visit"]) || strings.Contains(heard, noor.IDs["patient"]) || strings.Contains(heard, noor.IDs["visit"]) {
			t.Errorf("Maya hears:\n%s", heard)
		}
	}, impatient)
}

// count counts the events of a type about a record.
func count(events []map[string]any, name, id string) (n int) {
	for _, e := range events {
		if record, _ := e["record"].(map[string]any); e["type"] == name && record["id"] == id {
			n++
		}
	}
	return n
}

// TestEventsOfTheClinic: patients know of what happens to those of the clinic's records that they may read, and of no
// others.
func TestEventsOfTheClinic(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Texts"), db: db}
		patient := c.Patient(t, "Lind")
		s.Pass(t, 0)
		before := c.events(t, patient.Token, "")
		l := listen(t, s.URL, patient.Token)
		for _, operation := range []string{"updateClinic", "publishConsentTemplate", "publishInstrument", "attestInstrumentLicence", "proposeProtocol", "publishAlertRules", "addStaff", "addWebhookEndpoint"} {
			_, call := allowed(t, c.Clinic, operation)
			s.Must(t, call)
		}
		weigh(t, s, patient)
		s.Pass(t, 0)
		want := []string{"clinic.updated", "consentTemplate.published", "instrument.published", "instrumentLicence.attested", "measurement.recorded"}
		var got []string
		for _, e := range c.events(t, patient.Token, "")[len(before):] {
			got = append(got, fmt.Sprint(e["type"]))
			c.shown(t, patient.Token, e)
		}
		if !slices.Equal(without(got, []string{"consentTemplate.retired"}), want) {
			t.Errorf("listed are %v, not %v", got, want)
		}
		heard := l.through("event: measurement.recorded")
		for _, name := range want {
			if strings.Count(heard, "event: "+name) != 1 {
				t.Errorf("%s is not in the stream once:\n%s", name, heard)
			}
		}
		if named := c.events(t, patient.Token, "patientId="+patient.ID.String()); count(named, "clinic.updated", c.ID.String()) != 0 {
			t.Errorf("about the patient is %v", named)
		}
	}, impatient)
}
