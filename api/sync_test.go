package api_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// copies are a phone and the clinic's tablet that keep a copy of one chart over a good line.
type copies struct {
	*apitest.Scene
	site          *apitest.Site
	db            testbed.Database
	phone, tablet *handset
}

func keep(t testing.TB, s *apitest.Site, db testbed.Database, scene *apitest.Scene) *copies {
	t.Helper()
	return &copies{Scene: scene, site: s, db: db, phone: newHandset(t, s, nil, scene.Patient, client.Sync{}),
		tablet: newHandset(t, s, nil, scene.Clinic.Clinician, client.Sync{PatientID: &scene.Patient.ID, Limit: 7})}
}

// same follows the chart and compares both copies.
func (k *copies) same(t *testing.T, what string) {
	t.Helper()
	for who, h := range map[string]*handset{"phone": k.phone, "tablet": k.tablet} {
		h.arrives(t)
		sameAs(t, what+", "+who, chartOf(t, k.site, k.db, k.IDs["patient"], h.token), copyOf(t, &h.chart))
	}
}

// call does something in the scene's clinic that must succeed.
func (k *copies) call(t testing.TB, who *apitest.Person, operation string, path map[string]string, etag string, body any) apitest.Answer {
	t.Helper()
	return k.site.Must(t, apitest.Call{Operation: operation, Token: who.Token, Path: path, Body: body, Header: map[string]string{"If-Match": etag}})
}

// etagOf is that of a record as the clinic reads it.
func (k *copies) etagOf(t testing.TB, show string, path map[string]string) string {
	t.Helper()
	return k.site.Must(t, apitest.Call{Operation: show, Token: k.Clinic.Both.Token, Path: path}).Header.Get("ETag")
}

// TestSyncDependants: what changes how another record is shown brings that one too, and so does time, also
// before the worker has noted it.
func TestSyncDependants(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Dependants")
		k := keep(t, s, db, c.For(t, "overrideHold")) // its patient reads the instructions beside the held dose
		id := func(noun string) map[string]string { return map[string]string{noun + "Id": k.IDs[noun]} }
		step := func(what string, do func()) {
			t.Helper()
			s.Pass(t, 0)
			k.same(t, "before "+what)
			do()
			k.same(t, what+", without its number yet, or before the worker comes")
			s.Pass(t, 0)
			k.same(t, what)
		}
		step("instructions", func() {
			k.call(t, c.Prescriber, "setInstructions", id("treatment"), k.etagOf(t, "showTreatment", id("treatment")), map[string]any{"text": "Rest first."})
			s.Pass(t, 0)
		})
		k.IDs["assessment"] = uuid.NewString()
		alarming := k.Fact("instrument", "c-ssrs-screener")
		delete(alarming, "id")
		alarming["answers"] = map[string]any{"cssrs-1": 1, "cssrs-2": 1, "cssrs-6": 1, "cssrs-3": 0, "cssrs-4": 0, "cssrs-5": 0}
		if a := s.Must(t, apitest.Call{Operation: "recordAssessment", Token: k.Patient.Token, Path: map[string]string{"patientId": k.IDs["patient"], "assessmentId": k.IDs["assessment"]}, Body: alarming}); a.Text("safetyMessage") == "" {
			t.Fatalf("no safety message: %s", a.Body)
		}
		step("the clinic's words", func() {
			k.call(t, c.Both, "updateClinic", nil, k.etagOf(t, "showClinic", nil), map[string]any{"safetyMessage": "Call the clinic now, or 911."})
			s.Pass(t, 0)
		})
		text := k.call(t, c.Admin, "publishConsentTemplate", nil, "", map[string]any{"kind": "telehealth", "title": "Care by video", "text": "We meet on a screen."})
		k.call(t, c.Clinician, "presentConsent", id("patient"), "", map[string]any{"templateId": text.Text("id")})
		step("a text is retired", func() {
			k.call(t, c.Admin, "retireConsentTemplate", map[string]string{"consentTemplateId": text.Text("id")}, `"1"`, map[string]any{"reason": "Replaced."})
			s.Pass(t, 0)
		})
		medicine := k.call(t, k.Patient, "recordMedication", id("patient"), "", k.Fact("name", "Lorazepam"))
		path := map[string]string{"medicationId": medicine.Text("id")}
		k.call(t, c.Clinician, "endMedication", path, `"1"`, map[string]any{"endedOn": s.Clock.Now().AddDate(0, 0, 1).Format(time.DateOnly)})
		step("another time zone", func() {
			k.call(t, c.Clinician, "updatePatient", id("patient"), k.etagOf(t, "showPatient", id("patient")), map[string]any{"timeZone": "Pacific/Kiritimati"})
			s.Pass(t, 0)
		})
		k.call(t, c.Clinician, "updatePatient", id("patient"), k.etagOf(t, "showPatient", id("patient")), map[string]any{"timeZone": "America/New_York"})
		step("a day and more", func() { s.Clock.Advance(27 * time.Hour) }) // the medicine has ended, the session is missed
		step("two weeks", func() { s.Clock.Advance(15 * 24 * time.Hour) }) // what was due is missed
	})
}

// TestSyncClearance: a clearance lapses without anybody doing anything.
func TestSyncClearance(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Clearance")
		k := keep(t, s, db, c.For(t, "checkSession"))
		session := map[string]string{"sessionId": k.IDs["session"]}
		reading := k.Fact("systolicMmHg", 118)
		reading["diastolicMmHg"], reading["heartRateBpm"] = 76, 72
		k.call(t, k.Patient, "recordVitals", session, "", reading)
		supporters := k.site.Must(t, apitest.Call{Operation: "listSupportPeople", Token: k.Patient.Token, Path: map[string]string{"patientId": k.IDs["patient"]}}).Items()
		check := k.Fact("redFlags", []string{})
		for name, value := range map[string]any{"solidsFastedMin": 300, "fluidsFastedMin": 150, "supportPersonPresent": true, "supportPersonId": supporters[0]["id"],
			"pregnancy": "notPregnant", "substances": []string{}, "acuteIllness": false, "sleptHours": 7} {
			check[name] = value
		}
		if a := k.call(t, k.Patient, "checkSession", session, "", check); a.Text("status") != "cleared" {
			t.Fatalf("not cleared: %s", a.Body)
		}
		s.Pass(t, 0)
		k.same(t, "cleared")
		s.Clock.Advance(time.Hour + time.Microsecond)
		k.same(t, "lapsed")
	})
}

// TestSyncHandover: the work of a colleague who leaves changes records of several patients at once.
func TestSyncHandover(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Handover")
		leaver := c.Staff(t, "leaver", client.StaffRoleClinician)
		var charts []*copies
		for range 2 {
			k := keep(t, s, db, c.For(t, "showAlert"))
			k.call(t, c.Clinician, "assignAlert", map[string]string{"alertId": k.IDs["alert"]}, `"1"`, map[string]any{"staffId": leaver.ID})
			charts = append(charts, k)
		}
		s.Pass(t, 0)
		for _, k := range charts {
			k.same(t, "before")
		}
		charts[0].call(t, c.Admin, "deactivateStaff", map[string]string{"staffId": leaver.ID.String()}, `"2"`, map[string]any{"reason": "Left.", "reassignTo": c.Clinician.ID})
		s.Pass(t, 0)
		for _, k := range charts {
			k.same(t, "after")
		}
		if n := db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM journal WHERE operation = 'deactivateStaff' AND patient_id IS NULL`); n[0] != "1" {
			t.Errorf("%s entries about several patients", n[0])
		}
	})
}

// TestSyncSuggestion: a suggestion shows who has named it.
func TestSyncSuggestion(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Suggestion")
		k := keep(t, s, db, c.For(t, "showSuggestion"))
		s.Pass(t, 0)
		k.same(t, "before")
		call := k.Call(t, "proposeAdjustment")
		call.Token = c.Clinician.Token
		body, _ := call.Body.(map[string]any)
		body["suggestionId"] = k.IDs["suggestion"]
		if a := s.Do(t, call); a.Status == 201 {
			s.Pass(t, 0)
			k.same(t, "named")
		} else {
			t.Fatalf("not proposed: %s", a.Body)
		}
	})
}

// TestSyncTokens: what a token is good for.
func TestSyncTokens(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Tokens")
		scene, other := c.For(t, "recordDose"), c.For(t, "recordDose")
		sync := func(who *apitest.Person, query ...string) apitest.Answer {
			t.Helper()
			return s.Do(t, apitest.Call{Operation: "syncChanges", Token: who.Token, Query: strings.Join(query, "&")})
		}
		mine := "patientId=" + scene.IDs["patient"]
		token := "token=" + sync(scene.Patient).Text("token")
		staffs := "token=" + sync(c.Clinician, mine).Text("token")
		expect(t, "own, named", sync(scene.Patient, mine, token), 200, "")
		expect(t, "staff, nobody named", sync(c.Clinician), 400, problem.InvalidRequest)
		expect(t, "another patient's chart", sync(other.Patient, mine), 404, problem.NotFound)
		expect(t, "another patient's token", sync(other.Patient, token), 400, problem.InvalidCursor)
		expect(t, "another patient's token and chart", sync(other.Patient, mine, token), 400, problem.InvalidCursor)
		expect(t, "a patient's token by staff", sync(c.Clinician, mine, token), 400, problem.InvalidCursor)
		expect(t, "a colleague's token", sync(c.Prescriber, mine, staffs), 400, problem.InvalidCursor)
		expect(t, "for another patient", sync(c.Clinician, "patientId="+other.IDs["patient"], staffs), 400, problem.InvalidCursor)
		expect(t, "nobody's chart", sync(c.Clinician, "patientId="+uuid.NewString()), 404, problem.NotFound)
		for i := len("token="); i < len(token); i += 7 {
			forged := []byte(token)
			forged[i] ^= 1 // stays in the alphabet, or is refused for its letters
			if got := sync(scene.Patient, url.QueryEscape("token")+"="+url.QueryEscape(string(forged[len("token="):]))); got.Status != 400 {
				t.Errorf("changed at %d: %d %s", i, got.Status, got.Body)
			}
		}
		s.Clock.Advance(30 * 24 * time.Hour)
		expect(t, "after 30 days", sync(scene.Patient, token), 200, "")
		s.Clock.Advance(time.Second)
		expect(t, "later", sync(scene.Patient, token), 410, problem.ResyncRequired)
		got := sync(scene.Patient)
		for _, item := range got.Items() {
			if data, _ := item["data"].(map[string]any); item["type"] != "patient" && data["patientId"] != scene.IDs["patient"] {
				t.Errorf("somebody else's %v", item)
			}
			if kind := item["type"]; kind == "alert" || kind == "suggestion" || kind == "pdmpCheck" || kind == "supplySignal" {
				t.Errorf("a patient gets a %v", kind)
			}
		}
	})
}

// TestSyncAccessLost: a clinician who turns out to be the patient loses the chart, and never gets it as staff.
func TestSyncAccessLost(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Lost")
		k := keep(t, s, db, c.For(t, "showPatient"))
		k.same(t, "before")
		patient := map[string]string{"patientId": k.IDs["patient"]}
		invited := k.call(t, c.Admin, "invitePatient", patient, k.etagOf(t, "showPatient", patient), nil)
		k.call(t, c.Clinician, "redeemInvitation", nil, "", map[string]any{"code": invited.Text("code"), "birthDate": "1986-04-17"})
		s.Clock.Advance(5 * time.Second)
		for range 2 {
			k.tablet.arrives(t)
			if n := len(k.tablet.chart.Records); n != 0 {
				t.Errorf("%d records of their own chart are left", n)
			}
		}
		expect(t, "anew", s.Do(t, apitest.Call{Operation: "syncChanges", Token: c.Clinician.Token, Query: "patientId=" + k.IDs["patient"]}), 404, problem.NotFound)
	})
}

// TestSyncPastTheStore: a record that was erased leaves the copy, and after a restore the copy begins anew.
func TestSyncPastTheStore(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		s, db := newSite(t, dsn)
		c := s.Clinic(t, "Past")
		k := keep(t, s, db, c.For(t, "voidMeasurement"))
		k.same(t, "before")
		measurement := map[string]string{"measurementId": k.IDs["measurement"]}
		k.call(t, c.Clinician, "voidMeasurement", measurement, `"1"`, map[string]any{"reason": "Another person."})
		s.Pass(t, 0)
		behind(t, s, dsn, `DELETE FROM measurements WHERE CAST(id AS TEXT) = '`+k.IDs["measurement"]+`'`)
		k.same(t, "erased")
		call := apitest.Call{Operation: "syncChanges", Token: k.Patient.Token, Query: "token=" + k.phone.chart.Token}
		expect(t, "before the restore", s.Do(t, call), 200, "")
		behind(t, s, dsn, `UPDATE journal SET id = '`+uuid.NewString()+`' WHERE seq = (SELECT max(seq) FROM journal)`)
		expect(t, "after the restore", s.Do(t, call), 410, problem.ResyncRequired)
		behind(t, s, dsn, `UPDATE journal SET seq = NULL`)
		expect(t, "with fewer entries", s.Do(t, call), 410, problem.ResyncRequired)
	})
}

// TestSyncBegunBeforeTheBackup: a token does not outlive a restore that has lost what one of its pages has shown,
// though the full state, or the changes, began before the backup was made.
func TestSyncBegunBeforeTheBackup(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		s, _ := newSite(t, dsn)
		patient := s.Clinic(t, "Begun").Patient(t, "Begun")
		weigh(t, s, patient)
		sync := func(token string) apitest.Answer {
			t.Helper()
			return s.Do(t, apitest.Call{Operation: "syncChanges", Token: patient.Token, Query: "limit=1&token=" + token})
		}
		for _, pages := range []int{1, 9} { // one weight; seven, nothing, and the first of the changes
			s.Pass(t, 0)
			token := s.Must(t, apitest.Call{Operation: "syncChanges", Token: patient.Token, Query: "limit=1"}).Text("token")
			for range 3 {
				weigh(t, s, patient)
			}
			s.Pass(t, 0)
			for range pages {
				page := sync(token)
				expect(t, "before the restore", page, 200, "")
				if more, _ := page.JSON("more").(bool); !more {
					t.Fatal("the copy is complete")
				}
				token = page.Text("token")
			}
			behind(t, s, dsn, `UPDATE journal SET id = '`+uuid.NewString()+`' WHERE seq = (SELECT max(seq) FROM journal)`)
			expect(t, fmt.Sprintf("after the restore, behind %d pages", pages), sync(token), 410, problem.ResyncRequired)
		}
	})
}

// behind changes the database past the store.
func behind(t testing.TB, s *apitest.Site, dsn, statement string) {
	t.Helper()
	if s.Config.DatabaseURL != "" {
		testbed.Exec(t, testbed.Superuser(t, dsn), statement)
		return
	}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(filepath.Join(s.Config.Data, "titrate.db"))+"?_pragma=busy_timeout(3000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestSyncedTypes: the contract names every kind of record that sync brings.
func TestSyncedTypes(t *testing.T) {
	spec, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	said := spec.Components.Schemas["SyncItem"].Value.Properties["type"].Value.Description
	for _, word := range api.SyncedTypes() {
		if !strings.Contains(said, "`"+word+"`") {
			t.Errorf("nothing is said of %s", word)
		}
	}
}
