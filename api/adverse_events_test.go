package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// pointers are the places that a problem names.
func pointers(a apitest.Answer) (list []string) {
	faults, _ := a.JSON("errors").([]any)
	for _, f := range faults {
		list = append(list, fmt.Sprint(f.(map[string]any)["pointer"]))
	}
	return list
}

// raisedBy are the alerts of a scene's patient, as "rule severity source".
func raisedBy(t *testing.T, scene *apitest.Scene) (list []string) {
	t.Helper()
	for _, a := range scene.Clinic.Site.Must(t, apitest.Call{
		Operation: "listAlerts", Token: scene.Clinic.Clinician.Token, Query: "patientId=" + scene.IDs["patient"],
	}).Items() {
		source, _ := a["source"].(map[string]any)
		list = append(list, fmt.Sprint(a["rule"], " ", a["severity"], " ", source["type"]))
	}
	slices.Sort(list)
	return list
}

// TestAdverseEventLife: an event is triaged, judged, closed when nothing is missing, and opened
// again. The patient reads the report and where it stands, and nothing that the clinic thinks.
func TestAdverseEventLife(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Events")
		scene := c.For(t, "showAdverseEvent")
		nurse := func(operation string, body any) apitest.Answer {
			t.Helper()
			got := scene.Do(t, c.Clinician, operation, body)
			own := scene.Do(t, scene.Patient, "showAdverseEvent", nil)
			expect(t, "the patient's own after "+operation, own, 200, "")
			for _, hidden := range []string{
				"statusReason", "grade", "serious", "seriousCriterion", "causality", "outcome", "expected", "actionTaken",
				"followUpDueAt", "regulatoryReport", "triagedAt", "triagedBy", "closedAt", "closedBy",
			} {
				if own.JSON(hidden) != nil {
					t.Errorf("after %s the patient reads %s: %s", operation, hidden, own.Body)
				}
			}
			return got
		}
		refused := func(what string, got apitest.Answer, want ...string) {
			t.Helper()
			expect(t, what, got, 422, problem.RuleViolated)
			if diff := cmp.Diff(want, pointers(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		none := map[string]any{}
		expect(t, "closed before triage", nurse("closeAdverseEvent", none), 409, problem.IllegalTransition)
		expect(t, "judged before triage", nurse("updateAdverseEvent", map[string]any{"expected": true}), 200, "")
		triaged := nurse("triageAdverseEvent", map[string]any{"grade": 3})
		expect(t, "triaged", triaged, 200, "")
		if triaged.Text("status") != "triaged" || triaged.Text("triagedBy") != c.Clinician.ID.String() || triaged.JSON("expected") != true || triaged.JSON("serious") != nil {
			t.Errorf("triaged: %s", triaged.Body)
		}
		expect(t, "triaged twice", nurse("triageAdverseEvent", none), 409, problem.IllegalTransition)
		refused("closed half judged", nurse("closeAdverseEvent", none), "/serious", "/causality", "/outcome")
		refused("a grade that is serious", nurse("updateAdverseEvent", map[string]any{"grade": 4}), "/serious")
		refused("serious without criterion", nurse("updateAdverseEvent", map[string]any{"serious": true}), "/seriousCriterion")
		refused("fatal of grade 3", nurse("updateAdverseEvent", map[string]any{"outcome": "fatal"}), "/grade")
		expect(t, "grade 6", nurse("updateAdverseEvent", map[string]any{"grade": 6}), 400, problem.InvalidRequest)
		expect(t, "nothing", nurse("updateAdverseEvent", none), 400, problem.InvalidRequest)
		expect(t, "over in a month", nurse("updateAdverseEvent", map[string]any{"resolvedAt": s.Clock.Now().AddDate(0, 1, 0).Format(time.RFC3339)}), 400, problem.OccurredInFuture)
		refused("over before it began", nurse("updateAdverseEvent", map[string]any{"resolvedAt": "2026-11-01T00:00:00Z"}), "/resolvedAt")
		if got := raisedBy(t, scene); len(got) > 0 {
			t.Errorf("raised before anybody judged: %v", got)
		}

		serious := map[string]any{"serious": true, "seriousCriterion": "hospitalisation", "causality": "probable", "outcome": "ongoing"}
		expect(t, "serious", nurse("updateAdverseEvent", serious), 200, "")
		want := []string{"AE_G3_RELATED high adverseEvent", "AE_SERIOUS critical adverseEvent"}
		if diff := cmp.Diff(want, raisedBy(t, scene)); diff != "" {
			t.Errorf("raised (-want +got):\n%s", diff)
		}
		refused("not serious, with the old criterion", nurse("updateAdverseEvent", map[string]any{"serious": false}), "/seriousCriterion")
		milder := nurse("updateAdverseEvent", map[string]any{"serious": false, "seriousCriterion": nil, "actionTaken": "Called."})
		expect(t, "not serious", milder, 200, "")
		if milder.JSON("seriousCriterion") != nil || milder.JSON("actionTaken") != "Called." || milder.JSON("grade") != 3.0 {
			t.Errorf("merged: %s", milder.Body)
		}
		closed := nurse("closeAdverseEvent", map[string]any{"outcome": "resolved", "resolvedAt": s.Clock.Now().Format(time.RFC3339)})
		expect(t, "closed", closed, 200, "")
		if closed.Text("status") != "closed" || closed.Text("closedBy") != c.Clinician.ID.String() || closed.Text("resolvedAt") == "" {
			t.Errorf("closed: %s", closed.Body)
		}
		expect(t, "judged when closed", nurse("updateAdverseEvent", map[string]any{"grade": 2}), 409, problem.IllegalTransition)
		again := nurse("reopenAdverseEvent", map[string]any{"reason": "It came back."})
		expect(t, "reopened", again, 200, "")
		if again.Text("status") != "triaged" || again.Text("closedAt") != "" || again.Text("statusReason") != "It came back." {
			t.Errorf("reopened: %s", again.Body)
		}
		expect(t, "voided", nurse("voidAdverseEvent", map[string]any{"reason": "Wrong patient."}), 200, "")
		for _, operation := range []string{"closeAdverseEvent", "triageAdverseEvent"} {
			expect(t, operation+" when voided", nurse(operation, none), 409, problem.IllegalTransition)
		}
		expect(t, "voided twice", nurse("voidAdverseEvent", map[string]any{"reason": "Again."}), 409, problem.IllegalTransition)
	})
}

// TestAdverseEventAlertsOnce: a judgement raises an alert once, however often the event is touched
// afterwards, also when somebody has resolved it.
func TestAdverseEventAlertsOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Once")
		scene := c.For(t, "showAdverseEvent")
		judge := func(body map[string]any) {
			t.Helper()
			expect(t, fmt.Sprint(body), scene.Do(t, c.Clinician, "updateAdverseEvent", body), 200, "")
		}
		judge(map[string]any{"serious": true, "seriousCriterion": "hospitalisation"})
		judge(map[string]any{"actionTaken": "Called."})
		for _, a := range s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "patientId=" + scene.IDs["patient"]}).Items() {
			scene.IDs["alert"], scene.Version["alert"] = fmt.Sprint(a["id"]), `"1"`
		}
		scene.Do(t, c.Clinician, "acknowledgeAlert", map[string]any{})
		expect(t, "resolved", scene.Do(t, c.Clinician, "resolveAlert", map[string]any{"outcome": "handled"}), 200, "")
		judge(map[string]any{"seriousCriterion": "disability"})
		judge(map[string]any{"serious": false, "seriousCriterion": nil})
		judge(map[string]any{"serious": true, "seriousCriterion": "death"})
		if got := raisedBy(t, scene); !slices.Equal(got, []string{"AE_SERIOUS critical adverseEvent"}) {
			t.Errorf("raised %v", got)
		}
		judge(map[string]any{"grade": 3, "causality": "certain"})
		if got := raisedBy(t, scene); !slices.Equal(got, []string{"AE_G3_RELATED high adverseEvent", "AE_SERIOUS critical adverseEvent"}) {
			t.Errorf("raised %v", got)
		}
	})
}

// TestAdverseEventReports: what can be reported, by whom, and what a report raises by itself.
func TestAdverseEventReports(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Reports")
		scene, other := c.For(t, "reviewSession"), c.For(t, "showTreatment")
		report := func(who *apitest.Person, members map[string]any) apitest.Answer {
			t.Helper()
			body := scene.Fact("term", "nausea")
			maps.Copy(body, members)
			return scene.Do(t, who, "reportAdverseEvent", body)
		}
		for name, tt := range map[string]struct {
			members map[string]any
			status  int
			code    problem.Code
			pointer string
		}{
			"other":                             {map[string]any{"term": "other"}, 422, problem.RuleViolated, "/description"},
			"over before it began":              {map[string]any{"resolvedAt": "2026-11-01T00:00:00Z"}, 422, problem.RuleViolated, "/resolvedAt"},
			"over in a month":                   {map[string]any{"resolvedAt": "2027-01-01T00:00:00Z"}, 400, problem.OccurredInFuture, "/resolvedAt"},
			"begins in a month":                 {map[string]any{"occurredAt": "2027-01-01T00:00:00Z"}, 400, problem.OccurredInFuture, "/occurredAt"},
			"no such term":                      {map[string]any{"term": "hiccups"}, 400, problem.InvalidRequest, "/term"},
			"a grade":                           {map[string]any{"grade": 2}, 400, problem.InvalidRequest, "/grade"},
			"another patient's treatment":       {map[string]any{"treatmentId": other.IDs["treatment"]}, 422, problem.ReferenceNotFound, "/treatmentId"},
			"a session of no treatment":         {map[string]any{"sessionId": uuid.NewString()}, 422, problem.ReferenceNotFound, "/sessionId"},
			"an own session, another treatment": {map[string]any{"sessionId": scene.IDs["session"], "treatmentId": other.IDs["treatment"]}, 422, problem.ReferenceNotFound, "/treatmentId"},
		} {
			got := report(scene.Patient, tt.members)
			expect(t, name, got, tt.status, tt.code)
			if diff := cmp.Diff([]string{tt.pointer}, pointers(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}

		own := report(scene.Patient, map[string]any{"term": "other", "description": "Ringing ears.", "severity": "severe", "sessionId": scene.IDs["session"]})
		expect(t, "in a session", own, 201, "")
		if own.Text("treatmentId") != scene.IDs["treatment"] || own.Text("status") != "reported" || own.JSON("snomedCode") != nil || own.JSON("safetyMessage") != nil {
			t.Errorf("in a session: %s", own.Body)
		}
		told := report(c.Clinician, map[string]any{"reportedBy": "patient", "mode": "phone"})
		expect(t, "by telephone", told, 201, "")
		if told.Text("snomedCode") != "422587007" || told.Text("regulatoryReport") != "undecided" {
			t.Errorf("by telephone: %s", told.Body)
		}
		if got := raisedBy(t, scene); slices.ContainsFunc(got, func(a string) bool { return strings.HasSuffix(a, "adverseEvent") }) {
			t.Errorf("raised %v", got)
		}
		list := func(who *apitest.Person, query string) (ids []string) {
			for _, e := range s.Must(t, apitest.Call{Operation: "listAdverseEvents", Token: who.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}, Query: query}).Items() {
				ids = append(ids, fmt.Sprint(e["id"]))
			}
			slices.Sort(ids)
			return ids
		}
		both := slices.Sorted(slices.Values([]string{own.Text("id"), told.Text("id")}))
		if got := list(c.Clinician, "status=reported"); !slices.Equal(got, both) {
			t.Errorf("staff see %v, want %v", got, both)
		}
		if got := list(scene.Patient, ""); !slices.Equal(got, []string{own.Text("id")}) {
			t.Errorf("the patient sees %v, want %s", got, own.Text("id"))
		}
		if got := list(scene.Patient, "status=closed"); len(got) > 0 {
			t.Errorf("closed are %v", got)
		}
		scene.IDs["adverseEvent"] = told.Text("id")
		expect(t, "not the patient's report", scene.Do(t, scene.Patient, "showAdverseEvent", nil), 404, problem.NotFound)
	})
}

// TestDangerousReports: a red flag or suicidality reaches the clinic at once, and the patient is
// told what to do.
func TestDangerousReports(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Danger")
		for term, alert := range map[string]string{
			"chestPain": "RED_FLAG_SYMPTOM critical adverseEvent", "suicidalThoughts": "SI_REPORTED high adverseEvent",
			"suicideAttempt": "SI_REPORTED critical adverseEvent", "fall": "",
		} {
			scene := c.For(t, "showPatient")
			body := scene.Fact("term", term)
			for _, again := range []bool{false, true} {
				got := scene.Do(t, scene.Patient, "reportAdverseEvent", body)
				if message := got.Text("safetyMessage"); (message != "") != (alert != "") {
					t.Errorf("%s, again %t: message %q", term, again, message)
				}
			}
			if got := strings.Join(raisedBy(t, scene), ", "); got != alert {
				t.Errorf("%s raised %q, want %q", term, got, alert)
			}
			scene.IDs["adverseEvent"] = fmt.Sprint(body["id"])
			if own := scene.Do(t, scene.Patient, "showAdverseEvent", nil); (own.Text("safetyMessage") != "") != (alert != "") {
				t.Errorf("%s is shown as %s", term, own.Body)
			}
			if staff := scene.Do(t, c.Clinician, "showAdverseEvent", nil); staff.Text("safetyMessage") != "" {
				t.Errorf("%s: staff get the patient's message", term)
			}
		}
	})
}

// TestReviewCoversAdverseEvents: a session is not reviewed while an adverse event of it has not
// been triaged, and its review is open again when another one is reported.
func TestReviewCoversAdverseEvents(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Reviewed")
		scene := c.For(t, "reviewSession")
		happen := func() {
			t.Helper()
			body := scene.Fact("term", "nausea")
			body["sessionId"] = scene.IDs["session"]
			got := scene.Do(t, scene.Patient, "reportAdverseEvent", body)
			expect(t, "reported", got, 201, "")
			about(scene, "adverseEvent", got.Text("id"), got.Header.Get("ETag"))
		}
		reviewed := func() apitest.Answer {
			about(scene, "session", scene.IDs["session"], scene.Do(t, c.Clinician, "showSession", nil).Header.Get("ETag"))
			return scene.Do(t, c.Clinician, "reviewSession", map[string]any{"note": "Seen."})
		}
		happen()
		oneFault(t, "before triage", reviewed(), 422, problem.RuleViolated, "adverseEvents ")
		expect(t, "triaged", scene.Do(t, c.Clinician, "triageAdverseEvent", map[string]any{"grade": 1}), 200, "")
		expect(t, "after triage", reviewed(), 200, "")
		happen()
		if got := scene.Do(t, c.Clinician, "showSession", nil); got.Text("status") != "completed" {
			t.Errorf("after another event the session is %s", got.Text("status"))
		}
		expect(t, "voided", scene.Do(t, c.Clinician, "voidAdverseEvent", map[string]any{"reason": "Told twice."}), 200, "")
		expect(t, "reviewed again", reviewed(), 200, "")
	})
}
