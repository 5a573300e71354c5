package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestSeries: what is published or attested anew each time has a history as if it were one record, page by page,
// and each version is what was shown once it was there.
func TestSeries(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Series"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		attest := func(licence string) apitest.Call {
			return apitest.Call{Operation: "attestInstrumentLicence", Path: map[string]string{"instrumentId": "madrs"}, Body: object{"licence": licence}}
		}
		publish := func(id, version string) apitest.Call {
			return apitest.Call{Operation: "publishInstrument", Body: own(version, object{"id": id, "title": "Sleep, " + version})}
		}
		rules := func(minutes int) apitest.Call {
			return apitest.Call{Operation: "publishAlertRules", Body: object{
				"settings": []object{{"rule": "CHECKIN_OVERDUE", "dueMin": minutes, "note": "Sooner."}}, "reason": "The audit.",
			}}
		}
		for _, test := range []struct {
			name, event string
			shown       apitest.Call // without the history
			writes      []apitest.Call
			readers     []*apitest.Person
		}{
			{"a licence", "instrumentLicence.attested", apitest.Call{Operation: "showInstrument", Path: map[string]string{"instrumentId": "madrs"}},
				[]apitest.Call{attest("A"), attest("B"), attest("C")}, []*apitest.Person{c.Clinician, c.patient}},
			{"an own instrument", "instrument.published", apitest.Call{Operation: "showInstrument", Path: map[string]string{"instrumentId": "own-sleep"}},
				[]apitest.Call{publish("own-sleep", "1"), publish("own-sleep", "2"), publish("own-sleep", "3")}, []*apitest.Person{c.Clinician, c.patient}},
			{"alert rules", "alertRules.published", apitest.Call{Operation: "listAlertRules"},
				[]apitest.Call{rules(720), rules(600), rules(480)}, []*apitest.Person{c.Clinician, c.Admin}},
		} {
			t.Run(test.name, func(t *testing.T) {
				s.Must(t, c.by(c.Admin, publish("own-other", strings.ReplaceAll(test.name, " ", "-"))))
				c.series(t, test.event, test.shown, test.writes, test.readers)
			})
		}
	})
}

func (c *counter) by(who *apitest.Person, call apitest.Call) apitest.Call {
	call.Token = who.Token
	return call
}

// newest is what a request shows: the record, or the newest of a list; nil for none.
func (c *counter) newest(t *testing.T, call apitest.Call) any {
	t.Helper()
	answer := c.Site.Do(t, call)
	shown, _ := answer.JSON().(map[string]any)
	if call.Operation == "listAlertRules" {
		if len(answer.Items()) == 0 {
			return nil
		}
		shown = answer.Items()[0]
	}
	if answer.Status != 200 {
		return nil
	}
	delete(shown, "version")
	delete(shown, "updatedAt")
	return shown
}

// series writes, looks each time what there is, and compares it with the history.
func (c *counter) series(t *testing.T, event string, shown apitest.Call, writes []apitest.Call, readers []*apitest.Person) {
	t.Helper()
	seen := map[*apitest.Person][]any{}
	authors := []*apitest.Person{c.Admin, c.Prescriber, c.Admin}
	for i := range len(writes) + 1 {
		for _, reader := range readers {
			seen[reader] = append(seen[reader], c.newest(t, c.by(reader, shown)))
		}
		if i < len(writes) {
			c.Site.Pass(t, time.Second)
			c.Site.Must(t, c.by(authors[i], writes[i]))
		}
	}
	history := apitest.Call{Operation: map[string]string{"showInstrument": "showInstrumentHistory", "listAlertRules": "showAlertRulesHistory"}[shown.Operation], Path: shown.Path}
	for _, reader := range readers {
		call := c.by(reader, history)
		whole := c.Site.Must(t, call)
		items := whole.Items()
		var paged []map[string]any
		for call.Query = "limit=1"; ; {
			page := c.Site.Must(t, call)
			paged = append(paged, page.Items()...)
			cursor := page.Text("nextCursor")
			if cursor == "" {
				break
			}
			call.Query = "limit=1&cursor=" + url.QueryEscape(cursor)
		}
		if diff := cmp.Diff(items, paged); diff != "" || len(items) != len(writes) {
			t.Fatalf("%d versions of %d, page by page (-whole +pages):\n%s", len(items), len(writes), diff)
		}
		slices.Reverse(items)
		got := any(nil)
		if first, ok := seen[reader][0].(map[string]any); ok {
			got = maps.Clone(first)
		}
		for i, item := range items {
			if changes, _ := item["changes"].([]any); got != nil && changes[0].(map[string]any)["pointer"] == "" {
				t.Errorf("version %d tells what was there before: %v", i+1, changes)
			}
			got = applied(got, item["changes"])
			if diff := cmp.Diff(seen[reader][i+1], got); diff != "" {
				t.Errorf("version %d (-shown +history):\n%s", i+1, diff)
			}
			actor, reason := map[string]any{"kind": "staff", "id": authors[i].ID.String()}, any(nil)
			if reader == c.patient {
				delete(actor, "id")
			}
			if shown.Operation == "listAlertRules" {
				reason = "The audit."
			}
			if item["version"] != float64(i+1) || item["event"] != event || item["operation"] != writes[i].Operation || item["reason"] != reason || !reflect.DeepEqual(item["actor"], any(actor)) {
				t.Errorf("version %d: %v %v %v %v %v", i+1, item["version"], item["event"], item["operation"], item["reason"], item["actor"])
			}
		}
		if author := authors[0].ID.String(); reader == c.patient && bytes.Contains(whole.Body, []byte(author)) {
			t.Errorf("the patient reads who it was: %s", whole.Body)
		}
	}
}

// TestSeriesOfNothing: what nobody has published or attested anything of has no versions, and what there is not
// has no history. A cursor is for one instrument.
func TestSeriesOfNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Nothing")
		of := func(instrument, query string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "showInstrumentHistory", Token: c.Clinician.Token, Path: map[string]string{"instrumentId": instrument}, Query: query})
		}
		rules := s.Do(t, apitest.Call{Operation: "showAlertRulesHistory", Token: c.Clinician.Token})
		for what, got := range map[string]apitest.Answer{"rules": rules, "public": of("phq-9", ""), "not attested": of("madrs", "")} {
			if got.Status != 200 || len(got.Items()) != 0 {
				t.Errorf("%s: %d %s", what, got.Status, got.Body)
			}
		}
		expect(t, "no such instrument", of("own-nothing", ""), 404, problem.NotFound)
		for _, instrument := range []string{"madrs", "madrs", "who-5", "who-5"} {
			s.Must(t, apitest.Call{Operation: "attestInstrumentLicence", Token: c.Admin.Token, Path: map[string]string{"instrumentId": instrument}, Body: object{"licence": "Ours"}})
		}
		next := "limit=1&cursor=" + url.QueryEscape(of("madrs", "limit=1").Text("nextCursor"))
		expect(t, "next", of("madrs", next), 200, "")
		expect(t, "another instrument's", of("who-5", next), 400, problem.InvalidCursor)
	})
}

// TestFactHistory: a fact's history is for whom its session is, hides what that hides, and is found in no other
// session. The journal says of which fact it was.
func TestFactHistory(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Facts")
		scene := c.For(t, "recordObservation")
		ticket := scene.Ticket(t)
		note := scene.Fact("note", "Prüfvermerk")
		note["journalText"], note["journalShared"] = "Geheimtagebuch", false
		expect(t, "noted", scene.Do(t, scene.Patient, "recordObservation", note), 201, "")
		scene.IDs["fact"] = fmt.Sprint(note["id"])
		scene.Version["session"] = scene.Do(t, c.Clinician, "showSession", nil).Header.Get("ETag")
		s.Pass(t, time.Minute)
		expect(t, "struck out", scene.Do(t, c.Clinician, "voidSessionFact", object{"reason": "Verwechslung"}), 200, "")
		call := scene.Call(t, "showSessionFactHistory")
		for _, who := range []struct {
			name, token, ticket string
			hidden, shown       []string
		}{
			{"patient", scene.Patient.Token, "", nil, []string{"Prüfvermerk", "Geheimtagebuch", `"reason":"Verwechslung"`}},
			{"staff", c.Prescriber.Token, "", []string{"Geheimtagebuch"}, []string{"Prüfvermerk", `"reason":"Verwechslung"`}},
			{"support person", "", ticket, []string{"Geheimtagebuch", "Prüfvermerk", "Verwechslung"}, []string{"struckOut"}},
		} {
			call.Token, call.Ticket = who.token, who.ticket
			got := s.Must(t, call)
			items := got.Items()
			if len(items) != 2 || items[0]["event"] != "session.factEnteredInError" || items[1]["event"] != "session.observationRecorded" {
				t.Fatalf("%s: %s", who.name, got.Body)
			}
			if reason := items[0]["reason"]; (reason == "Verwechslung") != (who.ticket == "") {
				t.Errorf("%s is told the reason %v", who.name, reason)
			}
			for _, text := range who.hidden {
				if strings.Contains(string(got.Body), text) {
					t.Errorf("%s is shown %s: %s", who.name, text, got.Body)
				}
			}
			for _, text := range who.shown {
				if !strings.Contains(string(got.Body), text) {
					t.Errorf("%s is not shown %s: %s", who.name, text, got.Body)
				}
			}
			want := []event{{Record: "sessions", ID: scene.IDs["session"]}, {Record: "session_facts", ID: scene.IDs["fact"]}}
			if diff := cmp.Diff(want, entries(t, db, got.Header.Get("X-Request-Id"))[0].Events); diff != "" {
				t.Errorf("%s: the journal (-want +got):\n%s", who.name, diff)
			}
		}
		call.Token, call.Ticket, call.Query = c.Prescriber.Token, "", "limit=1"
		next := "limit=1&cursor=" + url.QueryEscape(s.Must(t, call).Text("nextCursor"))
		call.Query = next
		expect(t, "next", s.Do(t, call), 200, "")
		checkIn := scene.Fact("mood", 5)
		expect(t, "checked in", scene.Do(t, scene.Patient, "checkInSession", checkIn), 201, "")
		call.Path = maps.Clone(call.Path)
		call.Path["factId"] = fmt.Sprint(checkIn["id"])
		expect(t, "another fact's cursor", s.Do(t, call), 400, problem.InvalidCursor)
		call.Query = ""
		expect(t, "a check-in", s.Do(t, call), 200, "")
		call.Token, call.Ticket = "", ticket
		expect(t, "a check-in, for the support person", s.Do(t, call), 404, problem.NotFound)
		elsewhere := c.For(t, "showSessionFact").Call(t, "showSessionFactHistory")
		elsewhere.Token, elsewhere.Path["factId"] = c.Prescriber.Token, scene.IDs["fact"]
		expect(t, "in another session", s.Do(t, elsewhere), 404, problem.NotFound)
	})
}
