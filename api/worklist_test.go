package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// worklistOf reads the whole list, page by page.
func worklistOf(t *testing.T, c *apitest.Clinic, query string) (items []map[string]any) {
	t.Helper()
	for cursor := ""; ; {
		page := c.Site.Must(t, apitest.Call{Operation: "showWorklist", Token: c.Clinician.Token, Query: query + cursor})
		items = append(items, page.Items()...)
		next := page.Text("nextCursor")
		if next == "" {
			return items
		}
		cursor = "&cursor=" + next
	}
}

// whyListed are the reasons for which a patient is on the list; nil if they are not on it.
func whyListed(items []map[string]any, patient string) (list []string) {
	for _, item := range items {
		if item["patientId"] != patient {
			continue
		}
		reasons, _ := item["reasons"].([]any)
		for _, r := range reasons {
			reason, _ := r.(map[string]any)
			record, _ := reason["record"].(map[string]any)
			list = append(list, fmt.Sprint(reason["reason"], " ", reason["severity"], " of ", record["type"]))
		}
	}
	return list
}

// TestWorklistReasons: what waits is on the list, and leaves it when it is done.
func TestWorklistReasons(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Reasons")
		for _, test := range []struct {
			scene, want, done string
			by                *apitest.Person
			body              any
			wait              time.Duration
		}{
			{"resolveAlert", "alert medium of alert", "resolveAlert", c.Clinician, map[string]any{"outcome": "handled"}, 0},
			{"reviewSession", "sessionReview low of session", "reviewSession", c.Clinician, map[string]any{"note": "Fine."}, 0},
			{"voidSessionFact", "sessionUnfinished medium of session", "completeSession", nil, nil, 13 * time.Hour},
			{"reviewAssessment", "assessmentReview low of assessment", "reviewAssessment", c.Clinician, map[string]any{}, 0},
			{"triageAdverseEvent", "adverseEventTriage medium of adverseEvent", "voidAdverseEvent", c.Clinician, map[string]any{"reason": "Of another patient."}, 0},
			{"rejectAdjustment", "adjustmentDecision medium of adjustment", "rejectAdjustment", c.Prescriber, map[string]any{"reason": "Too soon."}, 0},
			{"cosignPrescription", "cosignature medium of prescription", "cosignPrescription", c.Prescriber, nil, 0},
			{"decideEligibility", "eligibilityDecision medium of consultation", "decideEligibility", c.Prescriber, map[string]any{"outcome": "deferred", "reasons": []string{"other"}, "note": "Moves away."}, 0},
		} {
			scene := c.For(t, test.scene)
			if test.wait > 0 {
				if got := whyListed(worklistOf(t, c, "limit=200"), scene.IDs["patient"]); slices.Contains(got, test.want) {
					t.Errorf("%s is on the list at once", test.want)
				}
				s.Clock.Advance(test.wait)
				renew(t, c)
				scene.Patient.Token = s.Issuer.Token(t, scene.Patient.Subject, s.Clock.Now())
			}
			if got := whyListed(worklistOf(t, c, "limit=200"), scene.IDs["patient"]); !slices.Contains(got, test.want) {
				t.Errorf("%s: %v, want %s", test.scene, got, test.want)
			}
			by, body := test.by, test.body
			if by == nil {
				by, body = scene.Patient, scene.Fact("oriented", true)
			}
			done := scene.Do(t, by, test.done, body)
			if done.Status > 299 {
				t.Errorf("%s: %d %s", test.done, done.Status, done.Body)
			}
			if got := whyListed(worklistOf(t, c, "limit=200"), scene.IDs["patient"]); slices.Contains(got, test.want) {
				t.Errorf("after %s: %v", test.done, got)
			}
		}
		scene := c.For(t, "signPrescription")
		expect(t, "sign", scene.Do(t, c.Cosigner, "signPrescription", nil), 200, "")
		handedOver := func() bool {
			return slices.Contains(whyListed(worklistOf(t, c, "limit=200"), scene.IDs["patient"]), "handedOver low of prescription")
		}
		if handedOver() {
			t.Error("handed over while the signer is there")
		}
		expect(t, "the signer leaves", deactivate(t, c, c.Cosigner, c.Prescriber.ID), 200, "")
		if !handedOver() {
			t.Error("the signer has left, and nobody is told")
		}
		expect(t, "stop", scene.Do(t, c.Prescriber, "stopPrescription", map[string]any{"reason": "A new one follows."}), 200, "")
		if handedOver() {
			t.Error("handed over after it was stopped")
		}
	})
}

// changed updates a patient or a member of staff.
func changed(t *testing.T, c *apitest.Clinic, by *apitest.Person, noun, id string, body map[string]any) {
	t.Helper()
	path := map[string]string{strings.ToLower(noun) + "Id": id}
	shown := c.Site.Must(t, apitest.Call{Operation: "show" + noun, Token: by.Token, Path: path})
	c.Site.Must(t, apitest.Call{Operation: "update" + noun, Token: by.Token, Path: path, Body: body,
		Header: map[string]string{"If-Match": shown.Header.Get("ETag"), "Content-Type": "application/merge-patch+json"}})
}

// renew gives the staff tokens of now.
func renew(t testing.TB, c *apitest.Clinic) {
	for _, p := range []*apitest.Person{c.Admin, c.Prescriber, c.Cosigner, c.Clinician} {
		p.Token = c.Site.Issuer.Token(t, p.Subject, c.Site.Clock.Now())
	}
}

// TestWorklistSnooze: an alert that rests is off the list until it wakes.
func TestWorklistSnooze(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Snooze")
		scene := c.For(t, "snoozeAlert")
		const want = "alert medium of alert"
		until := s.Clock.Now().Add(time.Hour)
		expect(t, "snooze", scene.Do(t, c.Clinician, "snoozeAlert", map[string]any{"until": until.Format(time.RFC3339), "reason": "Asked the pharmacy."}), 200, "")
		if got := whyListed(worklistOf(t, c, ""), scene.IDs["patient"]); slices.Contains(got, want) {
			t.Errorf("resting: %v", got)
		}
		s.Clock.Advance(time.Hour)
		if got := whyListed(worklistOf(t, c, ""), scene.IDs["patient"]); !slices.Contains(got, want) {
			t.Errorf("awake: %v", got)
		}
	})
}

// TestWorklistPages: pages of any size give the same list, each patient once, in the order of the most
// urgent reason that the filter lets through, as a plain reading of all records has it.
func TestWorklistPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Pages")
		left, right := c.Staff(t, "left", "clinician"), c.Staff(t, "right", "clinician")
		var patients []*apitest.Scene
		for i := range 24 {
			scene := c.For(t, "listPatients")
			patients = append(patients, scene)
			of := []*apitest.Person{left, right}[i%2]
			expect(t, "care team", scene.Do(t, c.Clinician, "setCareTeam", map[string]any{"members": []any{map[string]any{"staffId": of.ID, "role": "clinician"}}}), 200, "")
			for range 1 + i%3 { // one alert, answers to review, or both; of several severities
				s.Clock.Advance(time.Duration(1+i*7%5) * time.Minute)
				answers := scene.Fact("instrument", "phq-9")
				delete(answers, "id")
				answers["answers"] = map[string]any{"phq9-9": i % 4}
				s.Must(t, apitest.Call{Operation: "recordAssessment", Token: scene.Patient.Token, Body: answers,
					Path: map[string]string{"patientId": scene.IDs["patient"], "assessmentId": uuid.NewString()}})
			}
		}
		for name, filter := range map[string]string{
			"everything": "", "alerts": "&reason=alert", "reviews": "&reason=assessmentReview", "high": "&severity=high", "low": "&severity=low",
			"mine": "&staffId=" + left.ID.String(), "my alerts": "&reason=alert&staffId=" + right.ID.String(), "nobody's": "&staffId=" + c.Admin.ID.String(),
		} {
			whole := worklistOf(t, c, "limit=200"+filter)
			if name == "nobody's" != (len(whole) == 0) {
				t.Errorf("%s: %d patients", name, len(whole))
			}
			seen := map[any]bool{}
			var before string
			for _, item := range whole {
				if seen[item["patientId"]] {
					t.Errorf("%s: a patient twice", name)
				}
				seen[item["patientId"]] = true
				place := fmt.Sprint(len(treatment.Severities)-slices.Index(treatment.Severities, treatment.Severity(fmt.Sprint(item["severity"]))), " ", item["dueAt"])
				if place < before {
					t.Errorf("%s: %s stands behind %s", name, place, before)
				}
				before = place
			}
			for _, limit := range []int{1, 2, 5, 7} {
				if diff := cmp.Diff(whole, worklistOf(t, c, fmt.Sprint("limit=", limit, filter))); diff != "" {
					t.Errorf("%s in pages of %d (-whole +pages):\n%s", name, limit, diff)
				}
			}
			mine := 0
			for i, scene := range patients {
				if seen[scene.IDs["patient"]] && i%2 == 0 {
					mine++
				}
			}
			if name == "mine" && mine != len(whole) {
				t.Errorf("mine: %d of %d are mine", mine, len(whole))
			}
		}
		open := db.Column(t, `SELECT DISTINCT CAST(patient_id AS TEXT) FROM alerts WHERE status <> 'resolved' AND CAST(clinic_id AS TEXT) = $1`, c.ID.String())
		if got := worklistOf(t, c, "limit=200&reason=alert"); len(got) != len(open) {
			t.Errorf("%d patients with alerts on the list, %d in the database", len(got), len(open))
		}
	})
}

// TestWorklistLicences: a licence that ends is work where its state's patients are, until the next one is
// entered.
func TestWorklistLicences(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Licences")
		scene := c.For(t, "showPrescription")
		listed := func() bool {
			return slices.Contains(whyListed(worklistOf(t, c, "limit=200"), scene.IDs["patient"]), "licenceExpiring low of treatment")
		}
		credential := func(state, number string, in time.Duration) map[string]any {
			return map[string]any{"state": state, "number": number, "expires": treatment.DateOf(s.Clock.Now().Add(in))}
		}
		for _, test := range []struct {
			what     string
			licences []any
			want     bool
		}{
			{"in 31 days", []any{credential("NY", "NY-1", 31*day)}, false},
			{"in 30 days", []any{credential("NY", "NY-1", 30*day)}, true},
			{"elsewhere", []any{credential("NY", "NY-1", 400*day), credential("NJ", "NJ-1", 10*day)}, false},
			{"with the next one", []any{credential("NY", "NY-1", 10*day), credential("NY", "NY-2", 400*day)}, false},
			{"over", []any{credential("NY", "NY-1", -day)}, true},
		} {
			changed(t, c, c.Admin, "Staff", c.Prescriber.ID.String(), map[string]any{"licences": test.licences})
			if got := listed(); got != test.want {
				t.Errorf("%s: listed %t, want %t", test.what, got, test.want)
			}
		}
	})
}
