package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestRemoveSupportPerson(t *testing.T) {
	present := treatment.SupportPerson{Name: "Jonas", Adult: true}
	allowed(t, present.MayChange())
	if got := present.Status(); got != treatment.SupportPersonActive {
		t.Errorf("status = %s", got)
	}
	_, err := present.Remove(" ", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)

	removed, err := present.Remove("moved", noon.In(zone(t, "America/New_York")))
	allowed(t, err)
	want := present
	want.RemovedAt, want.RemoveReason = new(noon), "moved"
	if diff := cmp.Diff(want, removed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := removed.Status(); got != treatment.SupportPersonRemoved || removed.RemovedAt.Location() != time.UTC {
		t.Errorf("status = %s, at %v", got, removed.RemovedAt)
	}
	refused(t, removed.MayChange(), treatment.CodeIllegalTransition)
	again, err := removed.Remove("again", days(1))
	refused(t, err, treatment.CodeIllegalTransition)
	if diff := cmp.Diff(removed, again); diff != "" {
		t.Errorf("it was refused and changed:\n%s", diff)
	}
}
