package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// knownOf reads missing parts and findings from showEligibility.
func knownOf(a apitest.Answer) (missing, findings []string) {
	for _, list := range []struct {
		name string
		to   *[]string
		keys []string
	}{{"missing", &missing, []string{"part", "of"}}, {"findings", &findings, []string{"code", "class", "basis", "unknown"}}} {
		items, _ := a.JSON(list.name).([]any)
		for _, item := range items {
			text := ""
			for _, key := range list.keys {
				if v := item.(object)[key]; v != nil {
					text += fmt.Sprint(v, " ")
				}
			}
			*list.to = append(*list.to, text[:len(text)-1])
		}
	}
	return missing, findings
}

// Each record that is made takes something from the list of what is missing.
func missingForEligibility(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "requestInfo") // submitted
	missing := []string{"baselineAssessment phq-9", "baselineAssessment gad-7", "screener", "bloodPressure", "supportPerson"}
	decide := func() apitest.Answer {
		return scene.Do(t, c.Prescriber, "decideEligibility", object{
			"outcome": "eligible", "acceptedFindings": []any{object{"code": "porphyria", "note": "No history."}},
		})
	}
	still := func(what string) {
		t.Helper()
		gaps, findings := knownOf(scene.Do(t, c.Clinician, "showEligibility", nil))
		if diff := cmp.Diff(missing, gaps); diff != "" {
			t.Errorf("%s: missing (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff([]string{"porphyria conditional intake true"}, findings); diff != "" {
			t.Errorf("%s: findings (-want +got):\n%s", what, diff)
		}
		if got := decide(); got.Status != 422 || len(faults(got)) != len(missing) {
			t.Errorf("%s: decided: %d %s", what, got.Status, got.Body)
		}
	}
	still("nothing but the intake")
	for _, step := range []struct {
		gone string
		do   func() apitest.Answer
	}{
		{"baselineAssessment gad-7", func() apitest.Answer { return answer(t, scene, "gad-7", answers("gad7", 7)) }},
		{"", func() apitest.Answer { return answer(t, scene, "phq-9", answers("phq9", 3)) }}, // too little of it
		{"baselineAssessment phq-9", func() apitest.Answer { return answer(t, scene, "phq-9", answers("phq9", 9)) }},
		{"", func() apitest.Answer { return answer(t, scene, "c-ssrs-screener", object{"cssrs-1": 0, "cssrs-2": 0}) }},
		{"screener", func() apitest.Answer { return answer(t, scene, "c-ssrs-screener", screened("cssrs-1")) }},
		{"", func() apitest.Answer {
			return scene.Do(t, scene.Patient, "recordMeasurement", scene.Fact("systolicMmHg", 118))
		}},
		{"bloodPressure", func() apitest.Answer { return measure(t, scene, 118, 76) }},
		{"", func() apitest.Answer {
			return scene.Do(t, scene.Patient, "addSupportPerson", object{"name": "A child", "adult": false})
		}},
	} {
		if got := step.do(); got.Status > 299 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == step.gone })
		still("after " + step.gone)
	}
	scene.Do(t, scene.Patient, "addSupportPerson", object{"name": "Jonas", "adult": true})
	expect(t, "everything known", decide(), 200, "")
}

// What was decided is kept with what it rested on. The patient reads what is written for them.
func foundEligible(t *testing.T, c *apitest.Clinic) {
	scene, call := allowed(t, c, "decideEligibility")
	tag := c.Site.Must(t, call).Header.Get("ETag")
	scene.Version["consultation"] = tag
	names := []string{"status", "reasons", "patientMessage", "note", "acceptedFindings", "findings", "conditions", "evidence", "decidedBy", "protocolId", "rulesVersion"}
	own := scene.Do(t, scene.Patient, "showConsultation", nil)
	if diff := cmp.Diff(object{"status": "eligible", "patientMessage": "We can begin. The next step is your consent."}, members(own, names...)); diff != "" {
		t.Errorf("the patient sees (-want +got):\n%s", diff)
	}
	whole := scene.Do(t, c.Clinician, "showConsultation", nil)
	for _, name := range names {
		if missing := whole.JSON(name) == nil; missing != slices.Contains([]string{"reasons", "conditions"}, name) {
			t.Errorf("%s is shown to staff: %t", name, !missing)
		}
	}
	var records []string
	items, _ := whole.JSON("evidence").([]any)
	for _, item := range items {
		e := item.(object)
		records = append(records, fmt.Sprint(e["type"], " ", e["version"], " ", e["value"]))
	}
	want := []string{"assessment 1 phq-9: 16", "assessment 1 gad-7: 14", "assessment 1 c-ssrs-screener: none", "measurement 1 118/76 mmHg", "supportPerson 1 <nil>"}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}

	// After 90 days without a treatment it is another answer.
	show := wire(t, apitest.Call{Operation: "showConsultation", Token: scene.Patient.Token, Path: call.Path})
	c.Site.Clock.Advance(90 * 24 * time.Hour)
	if got := send(t, c.Site, show.with("If-None-Match", tag)); got.Status != 304 {
		t.Errorf("after 90 days: %d %s", got.Status, got.Body)
	}
	c.Site.Clock.Advance(time.Second)
	counting := &counter{Clinic: c}
	counting.derived(t, send(t, c.Site, show.with("If-None-Match", tag)), tag, "expired")
	counting.listed(t, apitest.Call{Operation: "listConsultations", Token: c.Prescriber.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}}, "expired", "eligible")
	expect(t, "a new one", scene.Do(t, c.Clinician, "openConsultation", nil), 201, "")
}

func eligibleWithConditions(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "decideEligibility")
	scene.Do(t, scene.Patient, "recordMedication", scene.Fact("name", "St John's wort")) // nobody has said its class
	measure(t, scene, 140, 80)
	decide := func(outcome string, conditions, accepted []string) apitest.Answer {
		body := object{"outcome": outcome}
		for _, code := range conditions {
			list, _ := body["conditions"].([]any)
			body["conditions"] = append(list, object{"code": code, "ask": "A letter."})
		}
		for _, code := range accepted {
			list, _ := body["acceptedFindings"].([]any)
			body["acceptedFindings"] = append(list, object{"code": code, "note": "Known."})
		}
		return scene.Do(t, c.Prescriber, "decideEligibility", body)
	}
	_, findings := knownOf(scene.Do(t, c.Prescriber, "showEligibility", nil))
	want := []string{"hypertension conditional bloodPressure false", "porphyria conditional intake true",
		"benzodiazepine conditional medication true", "maoi conditional medication true"}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for name, test := range map[string]struct {
		got  apitest.Answer
		want []string
	}{
		"untouched": {decide("eligible", nil, []string{"porphyria"}),
			[]string{"hypertension /acceptedFindings", "benzodiazepine /acceptedFindings", "maoi /acceptedFindings"}},
		"conditions of somebody eligible": {decide("eligible", []string{"hypertension"}, []string{"porphyria", "maoi", "benzodiazepine"}),
			[]string{"condition /conditions"}},
		"no conditions": {decide("eligibleWithConditions", nil, []string{"hypertension", "porphyria", "maoi", "benzodiazepine"}),
			[]string{"condition /conditions"}},
		"accepted without need": {decide("eligible", nil, []string{"hypertension", "porphyria", "maoi", "benzodiazepine", "cystitis"}),
			[]string{"acceptedFinding /acceptedFindings/4/code"}},
	} {
		expect(t, name, test.got, 422, problem.RuleViolated)
		if diff := cmp.Diff(test.want, faults(test.got)); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", name, diff)
		}
	}
	expect(t, "conditions", decide("eligibleWithConditions", []string{"hypertension", "other"}, []string{"porphyria", "maoi", "benzodiazepine"}), 200, "")

	cleared := func(code, evidence string) apitest.Answer {
		return scene.Do(t, c.Prescriber, "clearCondition", object{"condition": code, "evidence": evidence})
	}
	oneFault(t, "no condition", cleared("maoi", "Stopped."), 422, problem.RuleViolated, "condition /condition")
	first := cleared("hypertension", "Three readings at home below 130/80.")
	if first.Text("status") != "eligibleWithConditions" || first.JSON("eligibleAt") != nil {
		t.Errorf("the first of two: %d %s", first.Status, first.Body)
	}
	oneFault(t, "cleared before", cleared("hypertension", "Again."), 422, problem.RuleViolated, "condition /condition")
	own := scene.Do(t, scene.Patient, "showConsultation", nil)
	clearedAt := c.Site.Clock.Now().UTC().Format(time.RFC3339)
	asked := []any{object{"code": "hypertension", "ask": "A letter.", "clearedAt": clearedAt}, object{"code": "other", "ask": "A letter."}}
	if diff := cmp.Diff(asked, own.JSON("conditions")); diff != "" {
		t.Errorf("the patient is asked for (-want +got):\n%s", diff)
	}
	last := cleared("other", "ECG: normal.")
	if last.Text("status") != "eligible" || last.Text("eligibleAt") == "" || last.Text("expiresAt") == "" {
		t.Errorf("the last one: %d %s", last.Status, last.Body)
	}
	conditions, _ := last.JSON("conditions").([]any)
	for i, evidence := range []string{"Three readings at home below 130/80.", "ECG: normal."} {
		if got := conditions[i].(object); got["evidence"] != evidence || got["clearedBy"] != scene.IDs["prescriber"] || got["clearedAt"] == nil {
			t.Errorf("condition %d: %v", i, got)
		}
	}
}

// An absolute reason cannot be accepted away, nor one that nobody has excluded.
func absoluteReasons(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "decideEligibility")
	answer(t, scene, "c-ssrs-screener", screened("cssrs-2", "cssrs-4"))
	measure(t, scene, 120, 100)
	scene.Do(t, c.Clinician, "requestInfo", object{"question": "And psychoses?"})
	scene.Do(t, c.Clinician, "fillIntake", object{"screens": object{"psychosis": "unknown"}, "capacity": object{"hasCapacity": "unknown"}})
	scene.Do(t, c.Clinician, "submitIntake", nil)
	got := scene.Do(t, c.Prescriber, "decideEligibility", object{
		"outcome": "eligibleWithConditions", "conditions": []any{object{"code": "severeHypertension", "ask": "Lower it."}, object{"code": "psychosis", "ask": "Ask."}},
		"acceptedFindings": []any{object{"code": "porphyria", "note": "n"}, object{"code": "recentSuicidalIntent", "note": "n"}},
	})
	expect(t, "decided", got, 422, problem.RuleViolated)
	want := []string{"psychosis ", "noCapacity ", "recentSuicidalIntent ", "severeHypertension ", "acceptedFinding /acceptedFindings/1/code"}
	if diff := cmp.Diff(want, faults(got)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	missing, _ := knownOf(scene.Do(t, c.Prescriber, "showEligibility", nil))
	if diff := cmp.Diff([]string{"exclusion psychosis", "exclusion noCapacity"}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	oneFault(t, "no reason", scene.Do(t, c.Prescriber, "decideEligibility", object{"outcome": "ineligible"}), 422, problem.RuleViolated, "reason /reasons")
	done := scene.Do(t, c.Prescriber, "decideEligibility", object{
		"outcome": "ineligible", "reasons": []any{"recentSuicidalIntent"}, "note": "Referred.", "patientMessage": "Please call the number we gave you.",
	})
	expect(t, "ineligible", done, 200, "")
	own := scene.Do(t, scene.Patient, "showConsultation", nil)
	shown := object{"status": "ineligible", "reasons": []any{"recentSuicidalIntent"}, "patientMessage": "Please call the number we gave you."}
	if diff := cmp.Diff(shown, members(own, "status", "reasons", "patientMessage", "note", "findings")); diff != "" {
		t.Errorf("the patient sees (-want +got):\n%s", diff)
	}
	if _, findings := knownOf(done); len(findings) != 5 {
		t.Errorf("kept: %v", findings)
	}
}

// A licence is the decider's: it covers where the patient is on that day.
func licenceOfTheDecider(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "decideEligibility")
	moved := scene.Call(t, "updatePatient")
	moved.Token, moved.Body = c.Clinician.Token, object{"state": "NJ"}
	c.Site.Must(t, moved)
	for who, want := range map[*apitest.Person]int{c.Clinician: 1, c.Prescriber: 2} {
		if _, findings := knownOf(scene.Do(t, who, "showEligibility", nil)); len(findings) != want || want == 2 && findings[1] != "notLicensed absolute licence false" {
			t.Errorf("findings: %v", findings)
		}
	}
	call := scene.Call(t, "decideEligibility")
	oneFault(t, "in another state", scene.Do(t, c.Prescriber, "decideEligibility", call.Body), 422, problem.RuleViolated, "notLicensed ")
}
