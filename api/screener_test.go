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
	"github.com/titrate-health/titrate/pkg/problem"
)

// screened is a C-SSRS screener with a yes to some questions and a no to the rest of those
// that are asked.
func screened(yes ...string) map[string]any {
	answers := map[string]any{"cssrs-1": 0, "cssrs-2": 0, "cssrs-6": 0}
	if slices.Contains(yes, "cssrs-2") {
		answers["cssrs-3"], answers["cssrs-4"], answers["cssrs-5"] = 0, 0, 0
	}
	if slices.Contains(yes, "cssrs-6") {
		answers["cssrs-6a"] = 0
	}
	for _, id := range yes {
		answers[id] = 1
	}
	return answers
}

// TestScreener: each level of the C-SSRS raises its alert before the answer goes out, and the
// patient reads the clinic's message.
func TestScreener(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Screener"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("levels", c.screenerLevels)
		t.Run("amended", c.screenerAmended)
		t.Run("refused", c.screenerRefused)
		t.Run("shown", c.screenerShown)
	})
}

// screen records a screener of the counter's patient.
func (c *counter) screen(t testing.TB, who *apitest.Person, answers map[string]any) apitest.Answer {
	t.Helper()
	call := c.call("recordAssessment", who, map[string]any{
		"occurredAt": c.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York",
		"reportedBy": "patient", "mode": "app", "instrument": "c-ssrs-screener", "answers": answers,
	})
	call.Path["assessmentId"] = uuid.NewString()
	return c.Site.Do(t, call)
}

// raisedBy lists the alerts of an assessment: rule, severity and minutes until they are due.
func (c *counter) raisedBy(t testing.TB, assessment string) (list []string) {
	t.Helper()
	page := c.Site.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "limit=200&patientId=" + c.patient.ID.String()})
	items, _ := page.JSON("items").([]any)
	for _, item := range items {
		alert, _ := item.(map[string]any)
		if source, _ := alert["source"].(map[string]any); source["id"] != assessment {
			continue
		}
		due, err := time.Parse(time.RFC3339, fmt.Sprint(alert["dueAt"]))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%v %v %v", alert["rule"], alert["severity"], due.Sub(c.Site.Clock.Now()).Minutes()))
	}
	return list
}

func (c *counter) screenerLevels(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers map[string]any
		band    any
		safety  string
		alerts  []string
	}{
		{"none", screened(), "none", "negative", nil},
		{"low", screened("cssrs-1"), "low", "positive", []string{"CSSRS_LOW medium 1440"}},
		{"moderate", screened("cssrs-2", "cssrs-3"), "moderate", "positive", []string{"CSSRS_MOD high 240"}},
		{"high", screened("cssrs-2", "cssrs-5"), "high", "positive", []string{"CSSRS_HIGH critical 15"}},
		{"behaviour", screened("cssrs-6", "cssrs-6a"), "high", "positive", []string{"CSSRS_HIGH critical 15"}},
		{"a hole", map[string]any{"cssrs-1": 0, "cssrs-2": 0}, nil, "unknown", []string{"SI_UNKNOWN medium 1440"}},
		{"a contradiction", map[string]any{"cssrs-1": 0, "cssrs-2": 0, "cssrs-4": 1, "cssrs-6": 0}, "high", "positive", []string{"CSSRS_HIGH critical 15"}},
	} {
		got := c.screen(t, c.patient, test.answers)
		if got.Status != 201 || got.JSON("band") != test.band || got.Text("safety") != test.safety || got.JSON("total") != nil {
			t.Errorf("%s: %d %s", test.name, got.Status, got.Body)
		}
		if diff := cmp.Diff(test.alerts, c.raisedBy(t, got.Text("id"))); diff != "" {
			t.Errorf("%s: alerts (-want +got):\n%s", test.name, diff)
		}
		if told := got.Text("safetyMessage") != ""; told != (test.alerts != nil) {
			t.Errorf("%s: the patient reads %q", test.name, got.Text("safetyMessage"))
		}
		if staff := c.screen(t, c.Clinician, test.answers); staff.Status != 201 || staff.JSON("safetyMessage") != nil {
			t.Errorf("%s, by staff: %d %s", test.name, staff.Status, staff.Body)
		}
	}
}

// An amended screener is judged again. What was raised before stays until somebody closes it.
func (c *counter) screenerAmended(t *testing.T) {
	first := c.screen(t, c.patient, screened("cssrs-1"))
	for version, test := range []struct {
		answers map[string]any
		alerts  []string
	}{
		{screened("cssrs-2", "cssrs-4"), []string{"CSSRS_HIGH critical 15", "CSSRS_LOW medium 1440"}},
		{screened(), []string{"CSSRS_HIGH critical 15", "CSSRS_LOW medium 1440"}},
		{map[string]any{}, []string{"CSSRS_HIGH critical 15", "CSSRS_LOW medium 1440", "SI_UNKNOWN medium 1440"}},
	} {
		amended := c.Site.Do(t, apitest.Call{
			Operation: "amendAssessment", Token: c.patient.Token, Path: map[string]string{"assessmentId": first.Text("id")},
			Header: map[string]string{"If-Match": fmt.Sprintf(`"%d"`, version+1)},
			Body:   map[string]any{"answers": test.answers, "reason": "A slip."},
		})
		expect(t, "amend", amended, 200, "")
		got := c.raisedBy(t, first.Text("id"))
		slices.Sort(got)
		if diff := cmp.Diff(test.alerts, got); diff != "" {
			t.Errorf("version %d: alerts (-want +got):\n%s", version+2, diff)
		}
	}
}

func (c *counter) screenerRefused(t *testing.T) {
	c.stays(t, func() {
		got := c.screen(t, c.patient, map[string]any{"cssrs-1": 2, "cssrs-7": 1, "phq9-9": 1})
		expect(t, "wrong answers", got, 400, problem.InvalidRequest)
		if faults, _ := got.JSON("errors").([]any); len(faults) != 3 {
			t.Errorf("faults: %s", got.Body)
		}
	})
}

// An app learns from the instrument when to ask which question.
func (c *counter) screenerShown(t *testing.T) {
	shown := c.Site.Must(t, apitest.Call{Operation: "showInstrument", Token: c.patient.Token, Path: map[string]string{"instrumentId": "c-ssrs-screener"}})
	if shown.Text("licence") != "free" || shown.Text("prompt") == "" || shown.JSON("minTotal") != nil || shown.JSON("maxTotal") != nil {
		t.Errorf("shown: %s", shown.Body)
	}
	asked := map[string]any{}
	items, _ := shown.JSON("items").([]any)
	for _, item := range items {
		question, _ := item.(map[string]any)
		if question["safety"] != true || question["scored"] != false {
			t.Errorf("question: %v", question)
		}
		if condition, ok := question["enabledWhen"].(map[string]any); ok {
			asked[fmt.Sprint(question["id"])] = condition["item"]
		}
	}
	want := map[string]any{"cssrs-3": "cssrs-2", "cssrs-4": "cssrs-2", "cssrs-5": "cssrs-2", "cssrs-6a": "cssrs-6"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked after (-want +got):\n%s", diff)
	}
	var levels []string
	list, _ := shown.JSON("levels").([]any)
	for _, item := range list {
		level, _ := item.(map[string]any)
		levels = append(levels, fmt.Sprint(level["name"], " ", level["provenance"]))
	}
	if diff := cmp.Diff([]string{"none unverified", "low unverified", "moderate unverified", "high published"}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
}
