package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestTickets: what a support person sees and does with a ticket, and when it ends.
func TestTickets(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Tickets")
		scene := c.For(t, "inviteSupportPerson")
		ticket := scene.Ticket(t)
		with := func(operation string, body any) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: operation, Ticket: ticket, Body: body,
				Path: map[string]string{"sessionId": scene.IDs["session"], "treatmentId": scene.IDs["treatment"], "patientId": scene.IDs["patient"]}})
		}
		if strings.Contains(strings.Join(db.Column(t, `SELECT CAST(ticket_hash AS TEXT) FROM support_tickets`), " "), ticket) {
			t.Error("the ticket is stored")
		}
		note := scene.Fact("note", "He cried.")
		note["journalText"], note["dissociation"] = "Mine.", 3
		expect(t, "an observation of the patient's", scene.Do(t, scene.Patient, "recordObservation", note), 201, "")
		expect(t, "instructions", with("showInstructions", nil), 200, "")
		dose := scene.Fact("doseMg", 100)
		dose["reportedBy"] = "supportPerson"
		told := with("recordDose", dose)
		expect(t, "a dose", told, 201, "")
		again := with("recordDose", dose)
		expect(t, "the dose again", again, 200, "")
		called := scene.Fact("redFlag", "seizure")
		called["note"] = "I called."
		expect(t, "a call for help", scene.Do(t, scene.Patient, "escalateSession", called), 201, "")
		scene.IDs["fact"] = fmt.Sprint(called["id"])
		scene.Version["session"] = scene.Do(t, c.Clinician, "showSession", nil).Header.Get("ETag")
		expect(t, "struck out", scene.Do(t, c.Clinician, "voidSessionFact", object{"reason": "He was asleep."}), 200, "")
		shown := with("showSession", nil)
		for _, private := range []string{"He cried", "Mine.", "I called.", "asleep", "deviations", "reviewNote", `"checks"`} {
			if strings.Contains(string(shown.Body), private) {
				t.Errorf("the support person reads %s: %s", private, shown.Body)
			}
		}
		doses, _ := shown.JSON("doses").([]any)
		if by := doses[0].(map[string]any)["recordedBy"].(map[string]any); by["kind"] != "supportPerson" || by["id"] != scene.IDs["supportPerson"] {
			t.Errorf("recorded by %v", by)
		}
		crisis := scene.Fact("systolicMmHg", 190)
		crisis["diastolicMmHg"] = 100
		if got := with("recordVitals", crisis); got.Text("safetyMessage") == "" {
			t.Errorf("no safety message: %s", got.Body)
		}
		for _, operation := range []string{"listSessions", "showPatient", "checkSession", "listAlerts"} {
			expect(t, operation, with(operation, scene.Call(t, operation).Body), 403, problem.Forbidden)
		}
		expect(t, "who am I", with("whoAmI", nil), 401, problem.Unauthenticated)

		attest := scene.Fact("presentThroughout", true)
		attest["lookedIn"], attest["note"] = true, "She sang."
		first := with("attestSession", attest)
		expect(t, "attested", first, 201, "")
		if first.JSON("attested") != true || strings.Contains(string(first.Body), "She sang.") {
			t.Errorf("not attested: %s", first.Body)
		}
		expect(t, "attested again", with("attestSession", attest), 200, "")
		second := scene.Fact("presentThroughout", false)
		second["lookedIn"] = false
		expect(t, "another word", with("attestSession", second), 409, problem.IllegalTransition)

		s.Clock.Advance(24 * time.Hour) // the session was planned an hour after its dose
		expect(t, "a day after the dose", with("showSession", nil), 200, "")
		s.Clock.Advance(time.Hour + time.Second)
		expect(t, "a day after the plan", with("showSession", nil), 401, problem.Unauthenticated)
		late := scene.Do(t, c.Clinician, "inviteSupportPerson", map[string]any{"supportPersonId": scene.IDs["supportPerson"]})
		expect(t, "another ticket then", late, 409, problem.IllegalTransition)
	})
}

// TestTicketsEnd: with the review, with the support person, and never for another session.
func TestTicketsEnd(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Ends")
		show := func(scene *apitest.Scene, ticket string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "showSession", Ticket: ticket, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		}
		for name, end := range map[string]func(*apitest.Scene) apitest.Answer{
			"review": func(scene *apitest.Scene) apitest.Answer {
				return scene.Do(t, c.Clinician, "reviewSession", map[string]any{"note": "Seen."})
			},
			"void": func(scene *apitest.Scene) apitest.Answer {
				return scene.Do(t, c.Clinician, "voidSession", map[string]any{"reason": "Twice."})
			},
			"removal": func(scene *apitest.Scene) apitest.Answer {
				return s.Do(t, apitest.Call{Operation: "removeSupportPerson", Token: scene.Patient.Token, Body: map[string]any{"reason": "Moved."},
					Path: map[string]string{"supportPersonId": scene.IDs["supportPerson"]}})
			},
		} {
			scene := c.For(t, "reviewSession")
			ticket := scene.Ticket(t)
			expect(t, name+", before", show(scene, ticket), 200, "")
			if got := end(scene); got.Status != 200 {
				t.Fatalf("%s: %d %s", name, got.Status, got.Body)
			}
			expect(t, name+", after", show(scene, ticket), 401, problem.Unauthenticated)
			expect(t, "another session", show(c.For(t, "attestSession"), ticket), 404, problem.NotFound)
		}
		scene := c.For(t, "inviteSupportPerson")
		for _, bad := range []string{"x", strings.Repeat("A", 25), strings.ToLower(scene.Ticket(t))} {
			expect(t, "bad ticket", show(scene, bad), 401, problem.Unauthenticated)
		}
		minor := s.Must(t, apitest.Call{Operation: "addSupportPerson", Token: scene.Patient.Token, Path: map[string]string{"patientId": scene.IDs["patient"]},
			Body: map[string]any{"name": "Ida", "adult": false}})
		expect(t, "a minor", scene.Do(t, c.Clinician, "inviteSupportPerson", map[string]any{"supportPersonId": minor.Text("id")}), 422, problem.RuleViolated)
		other := c.For(t, "inviteSupportPerson")
		expect(t, "somebody else's", scene.Do(t, c.Clinician, "inviteSupportPerson", map[string]any{"supportPersonId": other.IDs["supportPerson"]}), 422, problem.ReferenceNotFound)

		mine := scene.Do(t, scene.Patient, "inviteSupportPerson", map[string]any{"supportPersonId": scene.IDs["supportPerson"]})
		if mine.Text("issuedTo") != "patient" {
			t.Errorf("handed to %s", mine.Body)
		}
		attest := scene.Fact("presentThroughout", true)
		attest["lookedIn"] = true
		s.Must(t, apitest.Call{Operation: "attestSession", Ticket: mine.Text("ticket"), Body: attest, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		shown := s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
		words, _ := shown.JSON("attestations").([]any)
		if len(words) != 1 || words[0].(map[string]any)["ticketOfPatient"] != true {
			t.Errorf("the clinic does not see whose ticket it was: %s", shown.Body)
		}
		for _, fact := range []struct{ operation, list, member string }{
			{"recordVitals", "vitals", "systolicMmHg"}, {"recordObservation", "observations", "nausea"}, {"completeSession", "completions", "oriented"},
			{"abortSession", "aborts", "reason"}, {"escalateSession", "escalations", "redFlag"}, {"recordDose", "doses", "doseMg"},
		} {
			value := map[string]any{"systolicMmHg": 120, "nausea": 1, "oriented": true, "reason": "other", "redFlag": "seizure", "doseMg": 10}[fact.member]
			for ticket, want := range map[string]any{mine.Text("ticket"): true, scene.Ticket(t): false, "": nil} {
				call := apitest.Call{Operation: fact.operation, Ticket: ticket, Body: scene.Fact(fact.member, value), Path: map[string]string{"sessionId": scene.IDs["session"]}}
				if ticket == "" {
					call.Token = scene.Patient.Token
				}
				s.Must(t, call)
				id := call.Body.(map[string]any)["id"]
				told := s.Must(t, apitest.Call{Operation: "showSession", Token: c.Clinician.Token, Path: map[string]string{"sessionId": scene.IDs["session"]}})
				list, _ := told.JSON(fact.list).([]any)
				marked := slices.ContainsFunc(list, func(f any) bool {
					shown := f.(map[string]any)
					return shown["id"] == id && shown["ticketOfPatient"] == want
				})
				if !marked {
					t.Errorf("%s: want %v: %v", fact.operation, want, list)
				}
			}
		}
	})
}
