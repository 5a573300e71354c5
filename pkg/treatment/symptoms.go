package treatment

import (
	"slices"
	"strconv"
)

// judgeSymptoms raises what observations and calls for help give reason for. A call for help
// is critical whatever it names, and somebody who cannot be woken is a red flag by itself.
func (c *course) judgeSymptoms(f *findings) {
	limit := c.known.Protocol.Observations.UnresponsiveSedation
	for _, observation := range c.observations {
		switch {
		case observation.RedFlag != nil:
			f.raise(AlertRedFlagSymptom, observation.ID, string(*observation.RedFlag), "")
		case observation.redFlag(c.known.Protocol) != "":
			f.raise(AlertRedFlagSymptom, observation.ID, observation.redFlag(c.known.Protocol), "sedation "+strconv.Itoa(limit))
		}
	}
	for _, escalation := range c.escalations {
		f.raise(AlertRedFlagSymptom, escalation.ID, symptomOf(escalation), "")
	}
}

// judgeChecked raises what was said at the gate and must not wait for the next dose.
func (c *course) judgeChecked(f *findings) {
	for _, check := range c.checked {
		if check.RedFlags != nil && *check.RedFlags != "" {
			f.raise(AlertRedFlagSymptom, check.ID, *check.RedFlags, "")
		}
		if check.Pregnancy != nil && slices.Contains(PregnanciesExcluded, *check.Pregnancy) {
			f.raise(AlertPregnancyReported, check.ID, string(*check.Pregnancy), "")
		}
	}
}
