package treatment_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestOverrideHold(t *testing.T) {
	held := func(rules ...treatment.Rule) (treatment.Session, []treatment.Check) {
		facts, k := gated()
		k.Outside = map[uuid.UUID][]treatment.GateReason{}
		for _, rule := range rules {
			k.Outside[id(2)] = append(k.Outside[id(2)], treatment.GateReason{Rule: rule, Stop: rule == treatment.RuleConsents})
		}
		session, verdict := treatment.Fold(plan(), facts, k)
		return session, verdict.Checks
	}
	soft, fasting := treatment.RuleSoftBloodPressure, treatment.RuleFasting
	tests := []struct {
		name       string
		rules      []treatment.Rule
		prescriber bool
		minutes    int
		reason     string
		code       string           // empty: allowed
		want       []treatment.Rule // overridden, or in the way
	}{
		{"by a prescriber", []treatment.Rule{soft, fasting, soft}, true, 5, "seen on video", "", []treatment.Rule{soft, fasting}},
		{"by a nurse, whom the protocol allows it", []treatment.Rule{soft}, false, 5, "seen on video", "", []treatment.Rule{soft}},
		{"by a nurse, whom it does not", []treatment.Rule{soft, fasting}, false, 5, "seen on video", treatment.CodeRuleViolated, []treatment.Rule{fasting}},
		{"a stop", []treatment.Rule{treatment.RuleConsents, soft}, true, 5, "seen on video", treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents}},
		{"an hour later", []treatment.Rule{soft}, true, 60, "seen on video", "", []treatment.Rule{soft}},
		{"later than that", []treatment.Rule{soft}, true, 61, "seen on video", treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleReadingOld}},
		{"a check that lies ahead", []treatment.Rule{soft}, true, -1, "seen on video", treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleReadingOld}},
		{"without a reason", []treatment.Rule{soft}, true, 5, " ", treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleReason}},
		{"what is cleared", nil, true, 5, "seen on video", treatment.CodeIllegalTransition, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session, checks := held(test.rules...)
			got, err := session.OverrideHold(checks, treatment.Override{At: at(test.minutes), By: id(1), Reason: test.reason}, test.prescriber, treatment.Default())
			if test.code != "" {
				refused(t, err, test.code, test.want...)
				return
			}
			allowed(t, err)
			if got.CheckID != id(2) || !slices.Equal(got.Rules, test.want) {
				t.Errorf("override = %+v", got)
			}
		})
	}
}

// TestOverrideIsForWhatWasKnown: an override clears until the clearance lapses, and is void once
// something else stands in the way.
func TestOverrideIsForWhatWasKnown(t *testing.T) {
	facts, k := gated()
	heldBy(&k, 2)
	k.Overrides = []treatment.Override{{CheckID: id(2), Rules: []treatment.Rule{treatment.RuleOpenAlert}, At: at(20)}}
	session, _ := treatment.Fold(plan(), facts, k)
	if session.Status != treatment.SessionCleared || !session.ClearedUntil.Equal(at(80)) {
		t.Errorf("%s until %v", session.Status, session.ClearedUntil)
	}
	session, _ = treatment.Fold(plan(), append(facts, vitalsFact(10, -1, 150, 80)), k) // arrives late
	if session.Status != treatment.SessionHeld {
		t.Errorf("with another reading: %s", session.Status)
	}
	session, _ = treatment.Fold(plan(), append(facts, checkFact(11, 30)), k) // another check, not overridden
	if session.Status != treatment.SessionHeld {                             // its reading is 40 minutes old
		t.Errorf("with another check: %s", session.Status)
	}
}
