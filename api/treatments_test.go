package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestLimitsOfATreatment: each is set, kept and taken away by itself.
func TestLimitsOfATreatment(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Limits")
		scene := c.For(t, "updateTreatment")
		for _, step := range []struct {
			change object
			want   any
		}{
			{object{"holdSystolicMmHg": 130, "stopSystolicMmHg": 150}, object{"holdSystolicMmHg": 130.0, "stopSystolicMmHg": 150.0}},
			{object{"holdSystolicMmHg": nil, "holdDiastolicMmHg": 80}, object{"holdDiastolicMmHg": 80.0, "stopSystolicMmHg": 150.0}},
			{object{"holdDiastolicMmHg": nil, "stopSystolicMmHg": nil}, nil},
		} {
			got := scene.Do(t, c.Prescriber, "updateTreatment", object{"limits": step.change})
			expect(t, "changed", got, 200, "")
			if diff := cmp.Diff(step.want, got.JSON("limits")); diff != "" {
				t.Errorf("after %v (-want +got):\n%s", step.change, diff)
			}
		}
		oneFault(t, "looser", scene.Do(t, c.Prescriber, "updateTreatment", object{"limits": object{"holdSystolicMmHg": 141}}),
			422, problem.RuleViolated, "limits /limits/holdSystolicMmHg")
	})
}
