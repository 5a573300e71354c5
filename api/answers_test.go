package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// all answers the first n items of an instrument alike, but for those that are named; nil leaves
// one out.
func all(prefix string, n, value int, others map[string]any) map[string]any {
	answers := map[string]any{}
	for i := range n {
		answers[fmt.Sprintf("%s-%d", prefix, i+1)] = value
	}
	for id, value := range others {
		if answers[id] = value; value == nil {
			delete(answers, id)
		}
	}
	return answers
}

// TestAnswersRaise: what answers raise, and what they assign.
func TestAnswersRaise(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Answers"), db: db}
		for _, test := range []struct {
			name, instrument string
			answers          map[string]any
			alerts, asked    []string
		}{
			{"two urinary symptoms", "urinary-symptoms", all("urinary", 5, 0, map[string]any{"urinary-1": 1, "urinary-2": 1}), []string{"LUTS_POSITIVE medium 1440"}, nil},
			{"one", "urinary-symptoms", all("urinary", 5, 0, map[string]any{"urinary-1": 1}), nil, nil},
			{"blood", "urinary-symptoms", all("urinary", 5, 0, map[string]any{"urinary-5": 1}), []string{"HAEMATURIA high 240"}, nil},
			{"not answered", "urinary-symptoms", map[string]any{}, nil, nil},
			{"urinary side effects", "side-effects", all("effects", 14, 0, map[string]any{"effects-13": 1}), nil, []string{"urinary-symptoms"}},
			{"other side effects", "side-effects", all("effects", 14, 0, map[string]any{"effects-12": 3, "effects-13": nil}), nil, nil},
			{"a sign of psychosis", "mania-psychosis", all("mania", 7, 0, map[string]any{"mania-6": 1}), []string{"MANIA_PSYCHOSIS_SCREEN high 240"}, nil},
			{"no sign", "mania-psychosis", all("mania", 7, 0, map[string]any{"mania-6": nil}), nil, nil},
			{"item 9", "phq-9", all("phq9", 9, 1, nil), []string{"SI_ITEM9 medium 1440"}, []string{"c-ssrs-screener"}},
			{"worse, but than what", "phq-9", all("phq9", 9, 3, map[string]any{"phq9-9": 0}), nil, nil},
			{"thoughts", "daily-check-in", map[string]any{"daily-thoughts": 1}, []string{"SI_REPORTED medium 1440"}, []string{"c-ssrs-screener"}},
		} {
			c.patient = c.Patient(t, "Lindqvist")
			got := c.respond(t, test.instrument, test.answers, nil)
			expect(t, test.name, got, 201, "")
			raised := c.raisedBy(t, got.Text("id"))
			slices.Sort(raised)
			if diff := cmp.Diff(test.alerts, raised); diff != "" {
				t.Errorf("%s: alerts (-want +got):\n%s", test.name, diff)
			}
			if diff := cmp.Diff(test.asked, c.assigned(t)); diff != "" {
				t.Errorf("%s: assigned (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// TestScreenerAssigned: a positive item 9 assigns the screener once, and not when it was answered
// since.
func TestScreenerAssigned(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Screeners"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		positive := func(hoursAgo int) apitest.Answer {
			return c.respond(t, "phq-9", all("phq9", 9, 1, nil), map[string]any{
				"occurredAt": s.Clock.Now().Add(-time.Duration(hoursAgo) * time.Hour).Format(time.RFC3339),
			})
		}
		is := func(what string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, c.assigned(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		first := c.respond(t, "phq-9", all("phq9", 9, 1, map[string]any{"phq9-9": 0}), nil)
		is("negative")
		amend := func(version int, item9 any) {
			expect(t, "amend", s.Do(t, apitest.Call{
				Operation: "amendAssessment", Token: c.patient.Token, Path: map[string]string{"assessmentId": first.Text("id")},
				Header: map[string]string{"If-Match": fmt.Sprintf(`"%d"`, version)},
				Body:   map[string]any{"answers": all("phq9", 9, 1, map[string]any{"phq9-9": item9}), "reason": "A slip."},
			}), 200, "")
		}
		amend(1, 1)
		is("amended", "c-ssrs-screener")
		amend(2, 2)
		positive(0)
		is("again", "c-ssrs-screener")
		call := c.call("listAssessments", c.patient, nil)
		call.Query = "status=assigned"
		asked := s.Must(t, call).Items()[0]
		if want := s.Clock.Now().Add(24 * time.Hour).Format(time.RFC3339); asked["dueAt"] != want {
			t.Errorf("due %v, want %s", asked["dueAt"], want)
		}
		expect(t, "submit", s.Do(t, apitest.Call{
			Operation: "submitAssessment", Token: c.patient.Token, Path: map[string]string{"assessmentId": fmt.Sprint(asked["id"])}, Body: map[string]any{
				"id": uuid.NewString(), "occurredAt": s.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient",
				"mode": "app", "answers": screened(),
			},
		}), 201, "")
		positive(1)
		is("answered since")
		s.Clock.Advance(time.Hour)
		positive(0)
		is("answered before", "c-ssrs-screener")
		s.Clock.Advance(15 * 24 * time.Hour) // due after a day, expired 14 days later
		positive(0)
		is("the last one has expired", "c-ssrs-screener")
	})
}

// TestDeterioration: the PHQ-9 is compared with the last complete one before the treatment's first
// dose, and with nothing else.
func TestDeterioration(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Worse")
		totalling := func(total, item9 int) map[string]any { // of which item 9 is a part
			answers := map[string]any{"phq9-9": item9}
			for i := range 8 {
				answers[fmt.Sprintf("phq9-%d", i+1)] = (total - item9 + i) / 8
			}
			return answers
		}
		for _, test := range []struct {
			name   string
			before func(of *counter) // between the baseline of 16 and the first dose
			after  func(of *counter) // between the first dose and the answers
			total  int
			item9  int
			ago    time.Duration
			want   []string
		}{
			{name: "4 worse", total: 20},
			{name: "5 worse", total: 21, want: []string{"PHQ9_DETERIORATION medium 21 (baseline 16)"}},
			{name: "6 worse", total: 22, want: []string{"PHQ9_DETERIORATION high 22 (baseline 16)"}},
			{name: "item 9 risen", total: 12, item9: 1, want: []string{"SI_ITEM9 medium 1 (baseline 0)"}},
			{name: "answered before the dose", total: 22, ago: time.Hour},
			{name: "a baseline as old as may be", before: func(*counter) { s.Clock.Advance(30*24*time.Hour - time.Hour) }, total: 21,
				want: []string{"PHQ9_DETERIORATION medium 21 (baseline 16)"}},
			{name: "one that is older", before: func(*counter) { s.Clock.Advance(30 * 24 * time.Hour) }, total: 24},
			{name: "a newer one", before: func(of *counter) {
				s.Clock.Advance(time.Minute)
				of.respond(t, "phq-9", totalling(18, 0), nil)
			}, total: 22},
			{name: "a newer one that is not complete", before: func(of *counter) {
				s.Clock.Advance(time.Minute)
				answers := totalling(18, 0)
				delete(answers, "phq9-1")
				of.respond(t, "phq-9", answers, nil)
			}, total: 22, want: []string{"PHQ9_DETERIORATION high 22 (baseline 16)"}},
			{name: "one that came after the dose", after: func(of *counter) {
				of.respond(t, "phq-9", totalling(2, 0), map[string]any{"occurredAt": s.Clock.Now().Add(-40 * time.Minute).Format(time.RFC3339)})
			}, total: 20},
		} {
			scene := c.For(t, "recordDose")
			of := &counter{Clinic: c, patient: scene.Patient, db: db}
			if test.before != nil {
				test.before(of)
			}
			s.Clock.Advance(time.Hour)
			session := scene.Fact("doseMg", 100)
			expect(t, test.name, scene.Do(t, scene.Patient, "recordDose", session), 201, "")
			s.Clock.Advance(30 * time.Minute)
			if test.after != nil {
				test.after(of)
			}
			got := of.respond(t, "phq-9", totalling(test.total, test.item9), map[string]any{"occurredAt": s.Clock.Now().Add(-test.ago).Format(time.RFC3339)})
			expect(t, test.name, got, 201, "")
			if diff := cmp.Diff(test.want, of.valuesOf(t, got.Text("id"))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// valuesOf lists the alerts of a record: rule, severity and what was found.
func (c *counter) valuesOf(t *testing.T, source string) (list []string) {
	t.Helper()
	page := c.Site.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "limit=200&patientId=" + c.patient.ID.String()})
	for _, alert := range page.Items() {
		if member(alert["source"], "id") == source {
			list = append(list, fmt.Sprint(alert["rule"], " ", alert["severity"], " ", alert["value"]))
		}
	}
	return list
}
