package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Override is a decision to go ahead in spite of the holds of a check.
type Override struct {
	CheckID uuid.UUID
	// Rules are the holds that were known then. A reason that is found later is not among them.
	Rules  []Rule
	Reason string
	By     uuid.UUID
	At     time.Time
}

// OverrideHold goes ahead in spite of the holds of the session's latest check, for a reason. A
// stop is never overridden. A nurse may override the holds that the protocol names. The check
// must be recent: what it says has to be true now.
func (s Session) OverrideHold(checks []Check, o Override, prescriber bool, p Protocol) (Override, error) {
	if s.Status != SessionHeld || len(checks) == 0 {
		return o, illegal("a session that is "+string(s.Status), "be cleared by an override")
	}
	check := *lastOf(checks, nil)
	var objected objections
	age := o.At.Sub(check.At)
	if age < 0 || age > p.Sessions.Clearance() {
		objected.add(CodeRuleViolated, Reason{Rule: RuleReadingOld, Value: minutes(int(age.Minutes())), Limit: minutes(p.Sessions.ClearanceMin),
			Detail: "the check is too old: check again"})
	}
	o.CheckID, o.Rules = check.ID, nil
	for _, reason := range check.standing() {
		switch {
		case reason.Stop:
			objected.add(CodeRuleViolated, Reason{Rule: reason.Rule, Value: reason.Value, Limit: reason.Limit, Detail: "nobody overrides a stop"})
		case !prescriber && !slices.Contains(p.Sessions.NurseMayOverride, reason.Rule):
			objected.add(CodeRuleViolated, Reason{Rule: reason.Rule, Value: reason.Value, Limit: reason.Limit, Detail: "only a prescriber may override this hold"})
		case !slices.Contains(o.Rules, reason.Rule):
			o.Rules = append(o.Rules, reason.Rule)
		}
	}
	if err := requireReason("the hold cannot be overridden", o.Reason); err != nil {
		return o, err
	}
	return o, objected.refusal("the hold cannot be overridden")
}
