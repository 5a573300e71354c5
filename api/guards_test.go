package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestGuardConsents: a treatment starts, and a prescription is signed, with every consent that
// the protocol requires in force. The refusal names each that is not.
func TestGuardConsents(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Guards"), db: db}
		protocol := c.Guarding(t, treatment.GuardConsents)
		scene := c.For(t, "showPatient")
		c.patient = scene.Patient
		required := treatment.Default().Treatment.RequiredConsents
		start := scene.Call(t, "startTreatment")
		start.Token = c.Prescriber.Token
		start.Body.(map[string]any)["protocolId"] = protocol.String()

		consents := map[string]apitest.Answer{}
		for i, kind := range required {
			c.stays(t, func() { missing(t, "start", send(t, s, wire(t, start)), required[i:]...) })
			consents[kind] = c.presented(t, treatment.ConsentKind(kind), "")
			expect(t, "sign "+kind, c.answer(t, "signConsent", c.patient, consents[kind]), 201, "")
		}
		course := s.Must(t, start).Text("id")

		weight := c.weight()
		s.Must(t, c.call("recordMeasurement", c.patient, weight))
		draft := scene.Call(t, "prescribe")
		draft.Token, draft.Path = c.Prescriber.Token, map[string]string{"treatmentId": course}
		drafted := s.Must(t, draft)
		sign := wire(t, apitest.Call{
			Operation: "signPrescription", Token: c.Prescriber.Token, Path: map[string]string{"prescriptionId": drafted.Text("id")},
			Header: map[string]string{"If-Match": drafted.Header.Get("ETag")}, Body: scene.Reviewed(t),
		})
		again := consents["noDriving"]
		expect(t, "withdraw", c.answer(t, "withdrawConsent", c.patient, again), 201, "")
		c.stays(t, func() { missing(t, "sign", send(t, s, sign), "noDriving") })
		expect(t, "present again", c.present(t, again.Text("templateId"), ""), 201, "")
		expect(t, "sign again", c.answer(t, "signConsent", c.patient, again), 201, "")
		expect(t, "sign the prescription", send(t, s, sign), 200, "")
	})
}

// missing checks that a refusal names exactly these consents.
func missing(t *testing.T, what string, got apitest.Answer, want ...string) {
	t.Helper()
	expect(t, what, got, 422, problem.RuleViolated)
	var named []string
	faults, _ := got.JSON("errors").([]any)
	for _, f := range faults {
		fault, _ := f.(map[string]any)
		_, kind, _ := strings.Cut(fmt.Sprint(fault["detail"]), "the limit is ")
		named = append(named, kind)
		if fault["code"] != string(treatment.RuleConsents) {
			t.Errorf("%s: %v", what, fault)
		}
	}
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("%s (-want +named):\n%s", what, diff)
	}
}

// guarded are decisions and plans of a scene: what would come of each is asked without doing it.
type guarded struct {
	*apitest.Scene
	t    *testing.T
	site *apitest.Site
}

func guardedBy(t *testing.T, c *apitest.Clinic, operation string) *guarded {
	t.Helper()
	return &guarded{c.For(t, operation), t, c.Site}
}

// would asks what would come of an operation: nothing stands in its way, or "code: rules".
func (g *guarded) would(what string, who *apitest.Person, operation string, body any, want string) {
	g.t.Helper()
	call := g.Call(g.t, operation)
	call.Token, call.Body, call.Query = who.Token, body, "validateOnly=true"
	if body == nil && operation == "signPrescription" {
		call.Body = g.Reviewed(g.t)
	}
	got, answer := "", g.site.Do(g.t, call)
	if answer.Status > 299 {
		got = string(code(answer))
		for _, fault := range faults(answer) {
			got += ": " + strings.TrimSpace(fault)
		}
	}
	if got != want {
		g.t.Errorf("%s: %q, want %q\n%s", what, got, want, answer.Body)
	}
}

// must does it, and takes what it answers for the scene's record of a noun, if one is given.
func (g *guarded) must(who *apitest.Person, operation string, body any, noun ...string) apitest.Answer {
	g.t.Helper()
	got := g.Do(g.t, who, operation, body)
	if got.Status > 299 {
		g.t.Fatalf("%s: %d %s", operation, got.Status, got.Body)
	}
	for _, n := range noun {
		about(g.Scene, n, got.Text("id"), got.Header.Get("ETag"))
	}
	return got
}

// TestGuardsOfConsultations: beside what has tests of its own, what a decision needs to be known.
func TestGuardsOfConsultations(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Consultations")
		g := guardedBy(t, c, "decideEligibility")
		decide := func(what, want string) {
			t.Helper()
			g.would(what, c.Prescriber, "decideEligibility", object{"outcome": "eligible", "acceptedFindings": []object{{"code": "porphyria", "note": "No history."}}}, want)
		}
		today := s.Clock.Now().In(newYork(t))
		for days, want := range map[int]string{0: "", 1: "rule_violated: ageUnder18"} {
			g.must(c.Clinician, "updatePatient", object{"birthDate": today.AddDate(-18, 0, days).Format(time.DateOnly)})
			decide(fmt.Sprint(days, " days before the 18th birthday"), want)
		}
		g.must(c.Clinician, "updatePatient", object{"birthDate": "1986-04-17"})
		for _, answer := range []struct{ pregnancy, want string }{
			{"pregnant", "rule_violated: pregnancyOrLactation"}, {"planning", "rule_violated: pregnancyOrLactation"},
			{"unknown", "rule_violated: pregnancyOrLactation"}, {"notApplicable", ""},
		} {
			g.would("without a question", c.Clinician, "requestInfo", object{"question": " "}, "invalid_request: pattern /question")
			g.must(c.Clinician, "requestInfo", object{"question": "Could you be pregnant?"})
			g.must(g.Patient, "fillIntake", object{"pregnancy": answer.pregnancy})
			g.must(g.Patient, "submitIntake", nil)
			decide(answer.pregnancy, answer.want)
		}
		g.would("by a nurse", c.Clinician, "decideEligibility", object{"outcome": "deferred", "reasons": []string{"cystitis"}}, "forbidden")

		g = guardedBy(t, c, "clearCondition")
		settles := func(what, evidence, want string) {
			t.Helper()
			g.would(what, c.Prescriber, "clearCondition", object{"condition": "raisedIntraocularPressure", "evidence": evidence}, want)
		}
		settles("without evidence", " ", "invalid_request: pattern /evidence")
		settles("with a letter", "18 mmHg in both eyes.", "")
		g.would("a patient", g.Patient, "clearCondition", object{"condition": "raisedIntraocularPressure", "evidence": "I feel well."}, "forbidden")
	})
}

// TestGuardsOfTreatments: when one can be started, and when induction can begin.
func TestGuardsOfTreatments(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Treatments")
		t.Run("start", func(t *testing.T) { guardedBy(t, c, "startTreatment").starts() })
		t.Run("induction", func(t *testing.T) { guardedBy(t, c, "prescribe").inducts() })
		t.Run("end", func(t *testing.T) { guardedBy(t, c, "rescheduleSession").ends() })
	})
}

func (g *guarded) starts() {
	c := g.Clinic
	start := func(what string, responsible any, limit int, want string) {
		g.t.Helper()
		g.would(what, c.Prescriber, "startTreatment", object{
			"indication": "depression", "protocolId": g.IDs["protocol"], "responsiblePrescriberId": responsible, "limits": object{"stopSystolicMmHg": limit},
		}, want)
	}
	start("all is there", c.Prescriber.ID, 160, "")
	start("looser than the protocol", c.Prescriber.ID, 161, "rule_violated: limits /limits/stopSystolicMmHg")
	start("a nurse is responsible", c.Clinician.ID, 160, "rule_violated: responsiblePrescriber /responsiblePrescriberId")
	start("nobody of the clinic is", g.IDs["patient"], 160, "rule_violated: responsiblePrescriber /responsiblePrescriberId")
	status := func(status string) {
		since := g.site.Clock.Now().Format(time.RFC3339)
		g.must(c.Prescriber, "changePatientStatus", object{"status": status, "since": since, "source": "Phone"})
	}
	status("inactive")
	start("not in care", c.Prescriber.ID, 160, "rule_violated: patientActive")
	status("active")
	g.site.Clock.Advance(90 * 24 * time.Hour)
	start("eligible for 90 days", c.Prescriber.ID, 160, "")
	g.site.Clock.Advance(time.Second)
	start("for a second longer", c.Prescriber.ID, 160, "rule_violated: consultation")
	g.site.Clock.Advance(-time.Second)
	body := object{"indication": "anxiety", "protocolId": g.IDs["protocol"], "responsiblePrescriberId": c.Prescriber.ID}
	g.must(c.Prescriber, "startTreatment", body, "treatment")
	start("beside an open one", c.Prescriber.ID, 160, "treatment_open: otherTreatment")
	g.must(c.Prescriber, "discontinueTreatment", object{"reason": "patientChoice"})
	start("after it", c.Prescriber.ID, 160, "rule_violated: consultation")
}

func (g *guarded) inducts() {
	c := g.Clinic
	begin := func(what, want string) {
		g.t.Helper()
		g.Version["treatment"] = g.must(c.Clinician, "showTreatment", nil).Header.Get("ETag")
		g.would(what, c.Prescriber, "changePhase", object{"phase": "induction", "reason": "Baseline complete."}, want)
	}
	begin("instructions not read", "rule_violated: instructions")
	g.must(g.Patient, "acknowledgeInstructions", g.Fact("revision", 1))
	begin("read", "")
	g.must(c.Prescriber, "setInstructions", object{"text": "Rest."})
	begin("an older text read", "rule_violated: instructions")
	g.must(g.Patient, "acknowledgeInstructions", g.Fact("revision", 2))
	for _, a := range g.must(c.Clinician, "listAssessments", nil).Items() {
		if a["instrument"] == "gad-7" {
			about(g.Scene, "assessment", fmt.Sprint(a["id"]), fmt.Sprintf(`"%v"`, a["version"]))
		}
	}
	g.must(c.Clinician, "voidAssessment", object{"reason": "Another patient's."})
	begin("a baseline was another patient's", "rule_violated: baselineAssessments")
	answer(g.t, g.Scene, "gad-7", answers("gad7", 3))
	begin("hardly answered", "rule_violated: baselineAssessments")
	answer(g.t, g.Scene, "gad-7", answers("gad7", 7))
	begin("answered", "")
	g.would("skipped", c.Prescriber, "changePhase", object{"phase": "taper", "reason": "Skip."}, "illegal_transition")
}

// ends: what belongs to a treatment ends with it in the same step, and what runs is finished.
func (g *guarded) ends() {
	c, active, planned := g.Clinic, g.IDs["prescription"], g.IDs["session"]
	g.must(g.Patient, "recordDose", g.Fact("doseMg", 100))
	running := planned
	g.site.Clock.Advance(time.Minute)
	planned = g.must(g.Patient, "scheduleSession", object{"plannedAt": g.site.Clock.Now().Add(72 * time.Hour).Format(time.RFC3339), "timeZone": "UTC"}).Text("id")
	draft := g.must(c.Clinician, "prescribe", g.Call(g.t, "prescribe").Body).Text("id")
	g.must(c.Prescriber, "holdTreatment", object{"reason": "sideEffects"})
	g.would("without a reason from the list", c.Prescriber, "discontinueTreatment", object{"reason": "bored"}, "invalid_request: enum /reason")
	g.must(c.Prescriber, "discontinueTreatment", object{"reason": "adverseEvent"})
	for _, want := range []struct{ operation, noun, id, status string }{
		{"showPrescription", "prescription", active, "stopped"}, {"showPrescription", "prescription", draft, "discarded"},
		{"showSession", "session", planned, "cancelled"}, {"showSession", "session", running, "monitoring"},
	} {
		about(g.Scene, want.noun, want.id, "")
		if got := g.must(c.Clinician, want.operation, nil); got.Text("status") != want.status {
			g.t.Errorf("%s: %s, want %s", want.operation, got.Text("status"), want.status)
		}
	}
	if got := g.must(c.Clinician, "showTreatment", nil); got.Text("phase") != "discontinued" || got.JSON("onHold") != false {
		g.t.Errorf("the treatment: %s", got.Body)
	}
	g.site.Clock.Advance(2 * time.Hour)
	if got := g.must(g.Patient, "completeSession", g.Fact("oriented", true)); got.Text("status") != "completed" {
		g.t.Errorf("what ran: %s", got.Body)
	}
	g.would("a treatment that has ended", c.Prescriber, "prescribe", g.Call(g.t, "prescribe").Body, "illegal_transition")
}
