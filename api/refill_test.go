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

// TestRefill: whether the next fill is due is read with the supply.
func TestRefill(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) { newShelf(t, s.Clinic(t, "Refills")).refill() })
}

func refillRules(supply apitest.Answer) (rules []string) {
	reasons, _ := supply.JSON("refill", "reasons").([]any)
	for _, item := range reasons {
		r, _ := item.(map[string]any)
		rules = append(rules, fmt.Sprint(r["rule"]))
	}
	return rules
}

// refill: when the next fill is due, to staff with every reason.
func (s *shelf) refill() {
	t := s.t
	look := func(who *apitest.Person) map[string]any {
		t.Helper()
		refill, _ := s.site.Must(t, s.call("showSupply", who, nil)).JSON("refill").(map[string]any)
		return refill
	}
	order := s.IDs["prescription"]
	if diff := cmp.Diff(map[string]any{"prescriptionId": order, "eligible": true, "fillsLeft": 2.0, "reasons": []any{}}, look(s.Clinic.Prescriber)); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	s.filled(0, 12)
	s.site.Clock.Advance(time.Hour)
	s.dose(-10, 100)
	// 500 mg of 600 are left: four more sessions, each 56 hours after the one before.
	last := s.site.Clock.Now().Add(-10 * time.Minute).In(newYork(t)).Add(4 * 56 * time.Hour).Format(time.DateOnly)
	early := map[string]any{
		"rule": "earlyRefill", "value": "16 %", "limit": "80 %", "source": "protocol.supply.refill.usedPercent", "clears": "More of the supply is used.",
	}
	if diff := cmp.Diff(map[string]any{"prescriptionId": order, "eligible": false, "fillsLeft": 1.0, "earliestDate": last, "reasons": []any{early}}, look(s.Clinic.Clinician)); diff != "" {
		t.Errorf("too early (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"prescriptionId": order, "eligible": false, "fillsLeft": 1.0, "earliestDate": last}, look(s.Patient)); diff != "" {
		t.Errorf("to the patient (-want +got):\n%s", diff)
	}
	s.days(31)
	if got := refillRules(s.site.Must(t, s.call("showSupply", s.Clinic.Clinician, nil))); !slices.Equal(got, []string{"earlyRefill", "assessmentsOld", "assessmentsOld"}) {
		t.Errorf("31 days later: %q", got)
	}
	s.assess()
	s.dose(0, 400)
	if got := look(s.Clinic.Clinician); got["eligible"] != true {
		t.Errorf("used, and answered: %v", got)
	}
	s.days(200)
	got := refillRules(s.site.Must(t, s.call("showSupply", s.Clinic.Clinician, nil)))
	if !slices.Equal(got, []string{"expired", "assessmentsOld", "assessmentsOld", "pdmp"}) {
		t.Errorf("half a year later: %q", got)
	}
}

// assess has the patient answer the baseline instruments.
func (s *shelf) assess() {
	for prefix, n := range map[string]int{"phq9": 9, "gad7": 7} {
		answers := map[string]any{}
		for i := range n {
			answers[fmt.Sprint(prefix, "-", i+1)] = 0
		}
		body := s.told(0, map[string]any{"instrument": map[string]string{"phq9": "phq-9", "gad7": "gad-7"}[prefix], "answers": answers})
		delete(body, "id")
		s.site.Must(s.t, s.call("recordAssessment", s.Patient, body, "assessmentId", uuid.NewString()))
	}
}
