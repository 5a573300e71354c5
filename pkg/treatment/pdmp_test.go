package treatment_test

import (
	"testing"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestPDMPCheck(t *testing.T) {
	for _, test := range []struct {
		result treatment.PDMPResult
		note   string
		rules  []treatment.Rule
	}{
		{treatment.PDMPNothingUnexpected, "", nil},
		{treatment.PDMPNothingUnexpected, "asked for all neighbouring states", nil},
		{treatment.PDMPUnexpected, "oxycodone in October", nil},
		{treatment.PDMPUnexpected, "", []treatment.Rule{treatment.RuleNote}},
		{treatment.PDMPUnexpected, " \n", []treatment.Rule{treatment.RuleNote}},
	} {
		check := treatment.PDMPCheck{State: "NY", Result: test.result, Note: test.note}
		judged(t, check.Validate(), treatment.CodeRuleViolated, test.rules...)
	}
}
