package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestAlertRules: a clinic begins with the shipped rules and publishes stricter ones, which are in
// force at once; what it may not have is refused at its place.
func TestAlertRules(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Rules")
		list := s.Must(t, apitest.Call{Operation: "listAlertRules", Token: c.Clinician.Token})
		if catalogue, _ := list.JSON("catalogue").([]any); len(list.Items()) != 0 || len(catalogue) != len(treatment.AlertRules) {
			t.Errorf("of a new clinic: %s", list.Body)
		}
		publish := func(settings ...object) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "publishAlertRules", Token: c.Admin.Token, Body: object{"settings": settings, "reason": "The audit."}})
		}
		before := db.Contents(t)
		refused := publish(object{"rule": "SI_UNKNOWN", "off": true}, object{"rule": "BP_HIGH", "severity": "medium"},
			object{"rule": "PDMP_STALE", "dueMin": 4321}, object{"rule": "SI_UNKNOWN", "severity": "high"})
		expect(t, "looser than shipped", refused, 422, problem.RuleViolated)
		want := []string{"alertSetting /settings/0/off", "alertSetting /settings/1/severity", "alertSetting /settings/2/dueMin", "alertSetting /settings/3/rule"}
		if diff := cmp.Diff(want, faults(refused)); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		expect(t, "no rule", publish(object{"rule": "BP_LOW", "off": true}), 400, problem.InvalidRequest)
		if after := db.Contents(t); after != before {
			t.Error("a refused version changed something")
		}
		first := publish(object{"rule": "BP_PRE_SOFT", "off": true, "note": "Measured again anyway."})
		expect(t, "first", first, 201, "")
		s.Clock.Advance(time.Second)
		second := publish(object{"rule": "BP_PRE_SOFT", "severity": "high", "dueMin": 30})
		expect(t, "second", second, 201, "")
		if first.JSON("revision") != 1.0 || second.JSON("revision") != 2.0 || second.Text("publishedBy") != c.Admin.ID.String() {
			t.Errorf("published: %s\n%s", first.Body, second.Body)
		}
		items := s.Must(t, apitest.Call{Operation: "listAlertRules", Token: c.Clinician.Token}).Items()
		if diff := cmp.Diff([]any{second.JSON(), first.JSON()}, []any{any(items[0]), any(items[1])}); len(items) != 2 || diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	})
}

// TestAlertRuleOff: what a rule that is off finds is kept, holds nothing and is on nobody's list, and
// is raised when it is found again while the rule is on.
func TestAlertRuleOff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Off")
		scene := c.For(t, "approveAdjustment")
		publish := func(settings ...object) {
			body := object{"settings": append([]object{}, settings...), "reason": "The audit."}
			s.Must(t, apitest.Call{Operation: "publishAlertRules", Token: c.Prescriber.Token, Body: body})
		}
		alerts := func(query string) []map[string]any {
			return s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: query + "&patientId=" + scene.IDs["patient"]}).Items()
		}
		publish(object{"rule": "INTERVAL_SHORT", "off": true}, object{"rule": "SESSION_NO_POST_VITALS", "off": true}, object{"rule": "DOSE_OVER_PRESCRIBED", "dueMin": 60})
		scene.IDs["session"] = uuid.NewString()
		s.Must(t, apitest.Call{Operation: "logSession", Token: scene.Patient.Token,
			Path: map[string]string{"treatmentId": scene.IDs["treatment"], "sessionId": scene.IDs["session"]},
			Body: object{"doses": []any{scene.Fact("doseMg", 200)}, "completions": []any{scene.Fact("oriented", true)}}})

		kept := map[string]map[string]any{}
		for _, a := range alerts("limit=200") {
			kept[fmt.Sprint(a["rule"])] = a
		}
		vitals := kept["SESSION_NO_POST_VITALS"]
		if vitals == nil || vitals["status"] != "resolved" || vitals["outcome"] != "ruleOff" || vitals["resolvedBy"] != nil || vitals["rulesRevision"] != 1.0 {
			t.Errorf("kept: %v", vitals)
		}
		open := alerts("status=open")
		if len(open) != 1 || open[0]["rule"] != "DOSE_OVER_PRESCRIBED" || open[0]["dueAt"] != s.Clock.Now().Add(time.Hour).Format(time.RFC3339Nano) {
			t.Errorf("open: %v", open)
		}
		considered := scene.Call(t, "approveAdjustment")
		considered.Token, considered.Body = c.Prescriber.Token, object{}
		refused := s.Do(t, considered)
		expect(t, "with other alerts", refused, 409, problem.EvidenceChanged)
		for rule, considered := range map[string]bool{"SESSION_NO_POST_VITALS": false, "DOSE_OVER_PRESCRIBED": true} {
			if got := strings.Contains(string(refused.Body), fmt.Sprint(kept[rule]["id"])); got != considered {
				t.Errorf("%s has to be considered: %t\n%s", rule, got, refused.Body)
			}
		}

		publish()
		s.Clock.Advance(time.Minute)
		scene.Do(t, scene.Patient, "recordObservation", scene.Fact("note", "Tired."))
		again := s.Must(t, apitest.Call{Operation: "showAlert", Token: c.Clinician.Token, Path: map[string]string{"alertId": fmt.Sprint(vitals["id"])}})
		if got := members(again, "status", "outcome", "rulesRevision", "raisedAt"); got["status"] != "open" || got["outcome"] != nil || got["rulesRevision"] != 2.0 || got["raisedAt"] == vitals["raisedAt"] {
			t.Errorf("found again: %v", got)
		}
	})
}

// TestAlertRulesHold: the safety gate holds for what the clinic wants to look at, as gravely as it
// wants to, and not for what it has switched off.
func TestAlertRulesHold(t *testing.T) {
	apitest.Each(t, func(t *testing.T, s *apitest.Site) {
		c := s.Clinic(t, "Holds")
		scene := c.For(t, "showGate")
		for _, test := range []struct {
			setting object
			want    []string
		}{
			{object{"rule": "BP_PRE_SOFT", "off": true}, nil},
			{object{"rule": "BP_PRE_SOFT", "severity": "high"}, []string{"BP_PRE_SOFT, high"}},
		} {
			s.Must(t, apitest.Call{Operation: "publishAlertRules", Token: c.Admin.Token, Body: object{"settings": []object{test.setting}, "reason": "The audit."}})
			reading := scene.Fact("systolicMmHg", 146)
			reading["diastolicMmHg"] = 88
			expect(t, "reading", scene.Do(t, scene.Patient, "recordMeasurement", reading), 201, "")
			var got []string
			reasons, _ := scene.Do(t, c.Clinician, "showGate", nil).JSON("reasons").([]any)
			for _, r := range reasons {
				if reason, _ := r.(map[string]any); reason["rule"] == "openAlert" {
					got = append(got, fmt.Sprint(reason["value"]))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", test.setting, diff)
			}
		}
	})
}
