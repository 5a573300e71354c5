package api_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

type object = map[string]any

// TestConsultations: from the empty intake to the decision, and who sees what of it.
func TestConsultations(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Consultations")
		t.Run("open", func(t *testing.T) { openConsultations(t, c) })
		t.Run("fill in", func(t *testing.T) { fillIntakes(t, c) })
		t.Run("submit", func(t *testing.T) { submitIntakes(t, c) })
		t.Run("what is missing", func(t *testing.T) { missingForEligibility(t, c) })
		t.Run("eligible", func(t *testing.T) { foundEligible(t, c) })
		t.Run("with conditions", func(t *testing.T) { eligibleWithConditions(t, c) })
		t.Run("absolute reasons", func(t *testing.T) { absoluteReasons(t, c) })
		t.Run("licence", func(t *testing.T) { licenceOfTheDecider(t, c) })
		t.Run("deferred", func(t *testing.T) { deferredAndReopened(t, c) })
		t.Run("treatment", func(t *testing.T) { treatmentRestsOnConsultation(t, c) })
		t.Run("two at once", func(t *testing.T) { consultationRaces(t, c) })
	})
}

func openConsultations(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "openConsultation")
	open := func(who *apitest.Person) apitest.Answer { return scene.Do(t, who, "openConsultation", nil) }
	made := open(c.Clinician)
	if diff := cmp.Diff(object{"status": "draft", "intake": object{}}, members(made, "status", "intake", "question", "reasons")); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	expect(t, "a second one", open(c.Prescriber), 409, problem.ConsultationOpen)

	// Patients end what they do not want any more, and then another one can be opened.
	scene.IDs["consultation"], scene.Version["consultation"] = made.Text("id"), made.Header.Get("ETag")
	expect(t, "withdrawn without a reason", scene.Do(t, scene.Patient, "withdrawConsultation", object{"reason": " "}), 400, problem.InvalidRequest)
	gone := scene.Do(t, scene.Patient, "withdrawConsultation", object{"reason": "I have found another way."})
	if diff := cmp.Diff(object{"status": "withdrawn", "statusReason": "I have found another way."}, members(gone, "status", "statusReason")); diff != "" {
		t.Errorf("withdrawn (-want +got):\n%s", diff)
	}
	expect(t, "filled in afterwards", scene.Do(t, scene.Patient, "fillIntake", object{"pregnancy": "nursing"}), 409, problem.IllegalTransition)
	expect(t, "another one", open(c.Clinician), 201, "")
	counts(t, scene, "listConsultations", map[string]int{"": 2, "status=draft": 1, "status=withdrawn": 1, "status=eligible": 0})

	left := c.For(t, "openConsultation")
	away := left.Call(t, "changePatientStatus")
	away.Token = c.Prescriber.Token
	c.Site.Must(t, away)
	oneFault(t, "a patient who has left", left.Do(t, c.Clinician, "openConsultation", nil), 422, problem.RuleViolated, "patientActive ")
}

// A patch changes what it names and nothing else; lists are replaced. The clinic's part is the
// clinic's.
func fillIntakes(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "fillIntake")
	fill := func(who *apitest.Person, body object) apitest.Answer { return scene.Do(t, who, "fillIntake", body) }
	tried := object{"name": "Sertraline", "kind": "medicine", "outcome": "noResponse", "adequateTrial": true}
	for _, step := range []struct {
		who        *apitest.Person
		body, want object
	}{
		{scene.Patient, object{"screens": object{"psychosis": "never"}}, object{"screens": object{"psychosis": "never"}}},
		{c.Clinician, object{"screens": object{"mania": "past"}, "diagnoses": []any{"F33.1"}},
			object{"screens": object{"psychosis": "never", "mania": "past"}, "diagnoses": []any{"F33.1"}}},
		{scene.Patient, object{"previousTreatments": []any{tried}},
			object{"screens": object{"psychosis": "never", "mania": "past"}, "diagnoses": []any{"F33.1"}, "previousTreatments": []any{tried}}},
		{scene.Patient, object{"previousTreatments": []any{object{"name": "TMS", "kind": "tms", "outcome": "unknown"}}, "screens": object{"psychosis": "unknown"}},
			object{"screens": object{"psychosis": "unknown", "mania": "past"}, "diagnoses": []any{"F33.1"},
				"previousTreatments": []any{object{"name": "TMS", "kind": "tms", "outcome": "unknown"}}}},
		{c.Prescriber, object{"previousTreatments": []any{}, "diagnoses": []any{}, "history": object{"text": "Well."}, "capacity": object{"hasCapacity": "yes"}},
			object{"screens": object{"psychosis": "unknown", "mania": "past"}, "history": object{"text": "Well."}, "capacity": object{"hasCapacity": "yes"}}},
		{scene.Patient, object{"history": object{"text": "", "conditions": []any{object{"condition": "cystitis", "answer": "no"}}}, "medications": object{"takesAny": false}},
			object{"screens": object{"psychosis": "unknown", "mania": "past"}, "capacity": object{"hasCapacity": "yes"}, "medications": object{"takesAny": false},
				"history": object{"conditions": []any{object{"condition": "cystitis", "answer": "no"}}}}},
	} {
		got := fill(step.who, step.body)
		whole := scene.Do(t, c.Clinician, "showConsultation", nil)
		if diff := cmp.Diff(step.want, whole.JSON("intake")); diff != "" {
			t.Errorf("after %v: %d (-want +got):\n%s", step.body, got.Status, diff)
		}
	}
	own := scene.Do(t, scene.Patient, "showConsultation", nil)
	if intake, _ := own.JSON("intake").(object); intake["capacity"] != nil || intake["screens"] == nil {
		t.Errorf("the patient sees %v", intake)
	}
	for _, body := range []object{{"diagnoses": []any{"F33.1"}}, {"capacity": object{}}, {"diagnoses": []any{}, "capacity": object{"hasCapacity": "yes"}, "pregnancy": "nursing"}} {
		got := fill(scene.Patient, body)
		expect(t, fmt.Sprint(body), got, 403, problem.Forbidden)
		for _, fault := range faults(got) {
			if !slices.Contains([]string{"clinics_part /diagnoses", "clinics_part /capacity"}, fault) {
				t.Errorf("%v: fault %s", body, fault)
			}
		}
	}
	for name, body := range map[string]object{
		"nothing": {}, "null": {"pregnancy": nil}, "another word": {"pregnancy": "no"}, "no code": {"diagnoses": []any{"depression"}},
		"another condition": {"history": object{"conditions": []any{object{"condition": "flu", "answer": "no"}}}},
	} {
		expect(t, name, fill(c.Clinician, body), 400, problem.InvalidRequest)
	}
}

func submitIntakes(t *testing.T, c *apitest.Clinic) {
	empty := c.For(t, "fillIntake")
	got := empty.Do(t, empty.Patient, "submitIntake", nil)
	expect(t, "an empty intake", got, 422, problem.RuleViolated)
	if n := len(faults(got)); n != 27 {
		t.Errorf("%d questions are not answered: %s", n, got.Body)
	}

	scene := c.For(t, "submitIntake")
	done := scene.Do(t, scene.Patient, "submitIntake", nil)
	if done.Text("status") != "submitted" || done.Text("submittedAt") == "" {
		t.Errorf("submitted: %d %s", done.Status, done.Body)
	}
	expect(t, "filled in afterwards", scene.Do(t, c.Clinician, "fillIntake", object{"pregnancy": "nursing"}), 409, problem.IllegalTransition)
	expect(t, "submitted twice", scene.Do(t, c.Clinician, "submitIntake", nil), 409, problem.IllegalTransition)

	ask := object{"question": "When was your last eye examination?"}
	scene.Do(t, c.Clinician, "requestInfo", ask)
	own := scene.Do(t, scene.Patient, "showConsultation", nil)
	if diff := cmp.Diff(object{"status": "awaitingInfo", "question": ask["question"]}, members(own, "status", "question")); diff != "" {
		t.Errorf("the patient sees (-want +got):\n%s", diff)
	}
	expect(t, "decided meanwhile", scene.Do(t, c.Prescriber, "decideEligibility", object{"outcome": "deferred", "reasons": []any{"other"}, "note": "n"}),
		409, problem.IllegalTransition)
	expect(t, "answered", scene.Do(t, scene.Patient, "fillIntake", object{"history": object{"text": "In June, all well."}}), 200, "")
	expect(t, "submitted again", scene.Do(t, scene.Patient, "submitIntake", nil), 200, "")
	expect(t, "withdrawn by staff", scene.Do(t, c.Clinician, "withdrawConsultation", object{"reason": "Moves away."}), 200, "")
}

// answers gives every one of so many items the value 1.
func answers(prefix string, n int) object {
	given := object{}
	for i := range n {
		given[fmt.Sprintf("%s-%d", prefix, i+1)] = 1
	}
	return given
}

// answer records answers of the scene's patient, later than what was said before.
func answer(t *testing.T, scene *apitest.Scene, instrument string, given object) apitest.Answer {
	t.Helper()
	scene.Clinic.Site.Clock.Advance(time.Minute)
	delete(scene.IDs, "assessment") // a new one
	body := scene.Fact("instrument", instrument)
	delete(body, "id")
	body["answers"] = given
	return scene.Do(t, scene.Patient, "recordAssessment", body)
}

// measure records a blood pressure of the scene's patient, later than what was said before.
func measure(t *testing.T, scene *apitest.Scene, systolic, diastolic int) apitest.Answer {
	t.Helper()
	scene.Clinic.Site.Clock.Advance(time.Minute)
	body := scene.Fact("systolicMmHg", systolic)
	body["diastolicMmHg"] = diastolic
	return scene.Do(t, scene.Patient, "recordMeasurement", body)
}

// What was deferred is decided anew, by what is known then.
func deferredAndReopened(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "reopenConsultation")
	expect(t, "another one", scene.Do(t, c.Clinician, "openConsultation", nil), 409, problem.ConsultationOpen)
	got := scene.Do(t, c.Prescriber, "reopenConsultation", object{"reason": "The pressure is down."})
	want := object{"status": "submitted", "statusReason": "The pressure is down."}
	if diff := cmp.Diff(want, members(got, "status", "statusReason", "reasons", "decidedAt", "decidedBy", "findings", "protocolId")); diff != "" {
		t.Errorf("reopened (-want +got):\n%s", diff)
	}
	expect(t, "decided", scene.Do(t, c.Prescriber, "decideEligibility", object{"outcome": "ineligible", "reasons": []any{"noIndication"}}), 200, "")
	expect(t, "reopened again", scene.Do(t, c.Prescriber, "reopenConsultation", object{"reason": "x"}), 409, problem.IllegalTransition)
}

// A treatment rests on the newest decision, if that found the patient eligible: to be started,
// and to be prescribed for. The default protocol insists on it.
func treatmentRestsOnConsultation(t *testing.T, c *apitest.Clinic) {
	loose, strict := c.Guarding(t), c.Protocol
	scene := c.For(t, "decideEligibility")
	lacks := func(operation string, body any) bool {
		t.Helper()
		got := scene.Do(t, c.Prescriber, operation, body)
		if got.Status != 422 {
			t.Errorf("%s: %d %s, want it refused for its other guards", operation, got.Status, got.Body)
		}
		return slices.Contains(faults(got), "consultation ")
	}
	start := func(protocol uuid.UUID) object {
		return object{"indication": "depression", "protocolId": protocol, "responsiblePrescriberId": scene.IDs["prescriber"]}
	}
	draft := func() { // of a treatment that comes under the default protocol
		t.Helper()
		expect(t, "moved", scene.Do(t, c.Prescriber, "updateTreatment", object{"protocolId": strict}), 200, "")
		made := scene.Do(t, c.Prescriber, "prescribe", scene.Call(t, "prescribe").Body)
		expect(t, "drafted", made, 201, "")
		scene.IDs["prescription"], scene.Version["prescription"] = made.Text("id"), made.Header.Get("ETag")
	}
	begin := func(want any) {
		t.Helper()
		made := scene.Do(t, c.Prescriber, "startTreatment", start(loose))
		if made.Status != 201 || made.JSON("consultationId") != want {
			t.Errorf("started: %d %s, want it to rest on %v", made.Status, made.Body, want)
		}
		scene.IDs["treatment"], scene.Version["treatment"] = made.Text("id"), made.Header.Get("ETag")
		draft()
	}
	end := func() {
		t.Helper()
		expect(t, "ended", scene.Do(t, c.Prescriber, "discontinueTreatment", object{"reason": "patientChoice"}), 200, "")
	}

	if !lacks("startTreatment", start(strict)) {
		t.Error("a treatment could be started without a decision")
	}
	begin(nil)
	if !lacks("signPrescription", nil) {
		t.Error("a prescription could be signed without a decision")
	}
	end()
	c.Site.Clock.Advance(time.Second) // or the decision would be no newer
	expect(t, "eligible", scene.Do(t, c.Prescriber, "decideEligibility", scene.Call(t, "decideEligibility").Body), 200, "")
	if lacks("startTreatment", start(strict)) {
		t.Error("the decision is not seen when a treatment is to be started")
	}
	begin(scene.IDs["consultation"])
	if lacks("signPrescription", nil) {
		t.Error("the decision is not seen when a prescription is to be signed")
	}

	end()
	if !lacks("startTreatment", start(strict)) {
		t.Error("a decision of before the end of the last treatment is enough")
	}
	begin(nil)

	// Used, it does not expire, but it grows old: nothing new rests on it then.
	c.Site.Clock.Advance(91 * 24 * time.Hour)
	if used := scene.Do(t, c.Clinician, "showConsultation", nil); used.Text("status") != "eligible" || used.JSON("expiresAt") != nil {
		t.Errorf("used and 91 days old: %s", used.Body)
	}
	end()
	if !lacks("startTreatment", start(strict)) {
		t.Error("an old decision is enough")
	}
	begin(nil)
	end()

	// A newer decision counts, whatever was decided before.
	for outcome, eligible := range map[string]bool{"eligible": true, "ineligible": false} {
		scene = c.For(t, "decideEligibility")
		expect(t, "eligible", scene.Do(t, c.Prescriber, "decideEligibility", scene.Call(t, "decideEligibility").Body), 200, "")
		first := scene.IDs["consultation"]
		c.Site.Clock.Advance(time.Hour)
		again := scene.Do(t, c.Clinician, "openConsultation", nil)
		scene.IDs["consultation"], scene.Version["consultation"] = again.Text("id"), again.Header.Get("ETag")
		if lacks("startTreatment", start(strict)) {
			t.Error("a draft takes the decision away")
		}
		intake := c.Site.Must(t, apitest.Call{Operation: "showConsultation", Token: scene.Patient.Token, Path: map[string]string{"consultationId": first}})
		scene.Do(t, scene.Patient, "fillIntake", intake.JSON("intake"))
		scene.Do(t, c.Clinician, "fillIntake", object{"capacity": object{"hasCapacity": "yes"}})
		scene.Do(t, scene.Patient, "submitIntake", nil)
		body, _ := scene.Call(t, "decideEligibility").Body.(object)
		if !eligible {
			body = object{"outcome": outcome, "reasons": []any{"noIndication"}}
		}
		expect(t, outcome, scene.Do(t, c.Prescriber, "decideEligibility", body), 200, "")
		if lacks("startTreatment", start(strict)) == eligible {
			t.Errorf("%s afterwards makes no difference", outcome)
		}
		if eligible {
			begin(again.Text("id"))
		}
	}
}

// Two who open, or decide, at one moment: one of them.
func consultationRaces(t *testing.T, c *apitest.Clinic) {
	scene := c.For(t, "decideEligibility")
	decide := scene.Call(t, "decideEligibility")
	fresh := c.For(t, "openConsultation")
	for name, test := range map[string]struct {
		message message
		won     int
	}{
		"open":   {wire(t, apitest.Call{Operation: "openConsultation", Token: c.Clinician.Token, Path: fresh.Call(t, "openConsultation").Path}), 201},
		"decide": {wire(t, apitest.Call{Operation: "decideEligibility", Token: c.Prescriber.Token, Path: decide.Path, Body: decide.Body, Header: decide.Header}), 200},
	} {
		var all sync.WaitGroup
		status := make([]int, 20)
		for i := range status {
			all.Go(func() {
				status[i] = send(t, c.Site, test.message.with("Idempotency-Key", fmt.Sprint(name, i))).Status
			})
		}
		all.Wait()
		won := 0
		for _, s := range status {
			if s == test.won {
				won++
			} else if s != 409 && s != 412 {
				t.Errorf("%s: %d", name, s)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d of 20 succeeded: %v", name, won, status)
		}
	}
}
