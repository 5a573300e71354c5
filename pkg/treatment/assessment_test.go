package treatment_test

import (
	"slices"
	"testing"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestAssessmentOperations(t *testing.T) {
	type status = treatment.AssessmentStatus
	const (
		assigned  = treatment.AssessmentAssigned
		submitted = treatment.AssessmentSubmitted
		reviewed  = treatment.AssessmentReviewed
		cancelled = treatment.AssessmentCancelled
		void      = treatment.AssessmentEnteredInError
	)
	operations := []struct {
		name string
		do   func(status) (status, error)
		to   status
		from []status
	}{
		{"submit", status.Submit, submitted, []status{assigned, cancelled}},
		{"amend", status.Amend, submitted, []status{submitted, reviewed}},
		{"review", status.Review, reviewed, []status{submitted}},
		{"cancel", status.Cancel, cancelled, []status{assigned}},
		{"void", func(s status) (status, error) { return s.Void("wrong patient") }, void, []status{assigned, submitted, reviewed, cancelled}},
	}
	for _, operation := range operations {
		for _, from := range []status{assigned, submitted, reviewed, cancelled, void} {
			got, err := operation.do(from)
			if !slices.Contains(operation.from, from) {
				refused(t, err, treatment.CodeIllegalTransition)
				if got != from {
					t.Errorf("%s of %s was refused and made it %s", operation.name, from, got)
				}
				continue
			}
			if err != nil || got != operation.to {
				t.Errorf("%s of %s = %s, %v; want %s", operation.name, from, got, err, operation.to)
			}
		}
	}
	_, err := submitted.Void("")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

func TestAssessmentExpires(t *testing.T) {
	p := treatment.Default()
	due := noon
	if got := treatment.AssessmentAssigned.StatusAt(&due, p, days(14).Add(-1)); got != treatment.AssessmentAssigned {
		t.Errorf("a moment before the 14 days it is %s", got)
	}
	if got := treatment.AssessmentAssigned.StatusAt(&due, p, days(14)); got != treatment.AssessmentExpired {
		t.Errorf("after 14 days it is %s", got)
	}
	if got := treatment.AssessmentAssigned.StatusAt(nil, p, days(1000)); got != treatment.AssessmentAssigned {
		t.Errorf("without a due time it is %s", got)
	}
	if got := treatment.AssessmentSubmitted.StatusAt(&due, p, days(1000)); got != treatment.AssessmentSubmitted {
		t.Errorf("a submitted one is %s", got)
	}
}
