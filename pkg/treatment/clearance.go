package treatment

import (
	"slices"
	"strings"
	"time"
)

// judgeClearance wants the last check before a dose to have cleared it, recently enough; a
// clearance that came by an override is noted too. A stop that was seen between the check and the
// dose has ended the clearance. Boosters belong to the dose that was cleared.
func (c *course) judgeClearance(f *findings, d Fact) {
	if !c.known.Protocol.Guards(GuardGate) || isTrue(d.Booster) {
		return
	}
	limit := minutes(c.known.Protocol.Sessions.ClearanceMin)
	check := lastOf(c.checks, &d.OccurredAt)
	if check == nil {
		f.deviate(RuleNoClearance, "not checked", limit)
		return
	}
	ended := c.dangers(check.At, &d.OccurredAt)
	switch {
	case !check.Cleared, check.ClearedAt.After(d.OccurredAt):
		f.deviate(RuleNoClearance, ruleNames(slices.Concat(ended, check.Reasons)), limit)
	case len(ended) > 0:
		f.deviate(RuleNoClearance, ruleNames(ended), limit)
	case d.OccurredAt.Sub(check.ClearedAt) > c.known.Protocol.Sessions.Clearance():
		f.deviate(RuleNoClearance, "cleared "+minutes(int(d.OccurredAt.Sub(check.ClearedAt).Minutes()))+" before", limit)
	case len(check.Reasons) > 0:
		f.deviate(RuleHoldOverridden, ruleNames(check.Reasons), "")
	}
	c.judgeStops(f, d, slices.Concat(ended, check.Reasons))
}

// judgeStops raises a dose that was taken in spite of a stop. That nobody was there has its own alert.
func (c *course) judgeStops(f *findings, d Fact, reasons []GateReason) {
	alone := func(r GateReason) bool { return r.Rule == RuleSupportPersonMissing }
	if slices.ContainsFunc(reasons, alone) {
		f.deviate(RuleSupportPersonMissing, "", "")
		f.raise(AlertNoSupportPerson, d.ID, "", "")
	}
	stops := slices.DeleteFunc(slices.Clone(reasons), func(r GateReason) bool { return !r.Stop || alone(r) })
	if len(stops) > 0 {
		f.raise(AlertDoseAgainstStop, d.ID, ruleNames(stops), "")
	}
}

// dangers are the stops for what the session has seen after a time, and until another one if it is
// given: the first of each rule.
func (c *course) dangers(after time.Time, until *time.Time) (list []GateReason) {
	policy := c.known.Protocol
	for _, fact := range slices.Concat(c.vitals, c.observations, c.escalations) {
		if !fact.OccurredAt.After(after) || until != nil && fact.OccurredAt.After(*until) {
			continue
		}
		limits := c.limitsAt(fact.OccurredAt)
		_, hard := limits.preDose(policy)
		var found []GateReason
		if symptom := fact.redFlag(policy); symptom != "" {
			found = append(found, redFlagStop(symptom, "observations"))
		}
		if hard.reached(fact.Vitals) {
			found = append(found, pressureStop(fact.Vitals, limits, policy))
		}
		if percent := fact.Spo2Percent; percent != nil && *percent < policy.Vitals.PreDose.SpO2.CriticalBelowPercent {
			found = append(found, saturationStop(*percent, policy))
		}
		for _, reason := range found {
			if !slices.ContainsFunc(list, func(r GateReason) bool { return r.Rule == reason.Rule }) {
				reason.FactID = fact.ID
				list = append(list, reason)
			}
		}
	}
	return list
}

// judgeDevice compares what the phone made of a check, when it could not ask, with what is made of
// it here. An override came later than both.
func (c *course) judgeDevice(f *findings) {
	if !c.known.Protocol.Guards(GuardGate) {
		return
	}
	for i, told := range c.checked {
		here := DeviceCleared
		if len(c.checks[i].Reasons) > 0 {
			here = DeviceHeld
		}
		if told.DeviceVerdict == nil || *told.DeviceVerdict == here {
			continue
		}
		value := string(*told.DeviceVerdict)
		if told.GateVersion != nil {
			value += ", by the limits " + *told.GateVersion
		}
		f.deviate(RuleVerdictDiffers, value, string(here))
	}
}

// ruleNames writes the rules of reasons, each once.
func ruleNames(reasons []GateReason) string {
	var names []string
	for _, r := range reasons {
		if !slices.Contains(names, string(r.Rule)) {
			names = append(names, string(r.Rule))
		}
	}
	return strings.Join(names, ", ")
}
