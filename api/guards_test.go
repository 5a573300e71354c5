package api_test

import (
	"fmt"
	"strings"
	"testing"

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
			Header: map[string]string{"If-Match": drafted.Header.Get("ETag")},
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
