package treatment

import (
	"slices"
	"strconv"
	"time"
)

// fresh says whether a reading is recent enough to say something about a dose.
func (g *gate) fresh(reading Fact) bool {
	age := g.check.OccurredAt.Sub(reading.OccurredAt)
	return age >= 0 && age <= time.Duration(g.known.Protocol.Vitals.MaxAgeMin)*time.Minute
}

// pressure looks at the blood pressure. One reading at the hard pair stops the dose, whatever
// is measured after it. At the soft pair it takes a rest and another reading below it. Systolic
// and diastolic pressure count each by itself.
func (g *gate) pressure() {
	if g.hardPressure() {
		return
	}
	latest := g.latestPressure()
	switch {
	case latest == nil:
		g.hold(GateReason{Rule: RuleReadingMissing, Value: "blood pressure", Source: "vitals", Clears: "Measure the blood pressure."})
		return
	case !g.fresh(*latest):
		policy := g.known.Protocol.Vitals
		g.hold(GateReason{Rule: RuleReadingOld, Value: minutes(int(g.check.OccurredAt.Sub(latest.OccurredAt).Minutes())), Limit: minutes(policy.MaxAgeMin),
			Source: "protocol.vitals.maxAgeMin", Clears: "Measure the blood pressure again.", FactID: latest.ID})
		return
	}
	if found := latest.findings(g.known.Protocol); found[0] == implausible || found[1] == implausible {
		g.hold(GateReason{Rule: RuleReadingDoubtful, Value: latest.pressure(), Source: "protocol.vitals.plausible", Clears: "Measure again, or strike the reading out if it is a typing error.", FactID: latest.ID})
	}
	g.softPressure(*latest)
}

// hardPressure stops for the newest reading at the hard pair that still counts, and says whether
// there was one.
func (g *gate) hardPressure() bool {
	limits := g.limitsAt(g.check.OccurredAt)
	_, stop := limits.preDose(g.known.Protocol)
	for _, reading := range slices.Backward(g.vitals) {
		if g.counts(reading) && stop.reached(reading.Vitals) {
			g.stopFor(pressureStop(reading.Vitals, limits, g.known.Protocol), reading)
			return true
		}
	}
	return false
}

// latestPressure is the last reading of both pressures, however old; nil when there is none.
func (g *gate) latestPressure() *Fact {
	for i, reading := range slices.Backward(g.vitals) {
		if !reading.OccurredAt.After(g.check.OccurredAt) && reading.SystolicMmHg != nil && reading.DiastolicMmHg != nil {
			return &g.vitals[i]
		}
	}
	return nil
}

// softPressure holds for the last recent reading at the soft pair, unless the latest one followed
// it after a rest and is below, and enough were taken from the first high one on.
func (g *gate) softPressure(latest Fact) {
	policy := g.known.Protocol.Vitals.PreDose
	soft, _ := g.limitsAt(g.check.OccurredAt).preDose(g.known.Protocol)
	var high *Fact
	readings := 0
	for i, reading := range g.vitals {
		if g.fresh(reading) && soft.reached(reading.Vitals) {
			high = &g.vitals[i]
		}
		if high != nil && !reading.OccurredAt.After(g.check.OccurredAt) && reading.SystolicMmHg != nil && reading.DiastolicMmHg != nil {
			readings++
		}
	}
	if high == nil {
		return
	}
	rested := latest.OccurredAt.Sub(high.OccurredAt) >= time.Duration(policy.RestMin)*time.Minute
	if soft.reached(latest.Vitals) || !rested || readings < policy.ReadingsIfHigh {
		g.hold(GateReason{Rule: RuleSoftBloodPressure, Value: high.pressure(), Limit: soft.String(), Source: limitSource(soft, policy.SoftHold, "softHold"),
			Clears: "Rest for " + minutes(policy.RestMin) + ", seated, and measure again.", FactID: high.ID})
	}
}

// limitSource is where a limit before the dose stands: with the patient's treatment, if it is tighter
// than the protocol's.
func limitSource(own, protocol BloodPressure, member string) string {
	if own != protocol {
		return "treatment.limits"
	}
	return "protocol.vitals.preDose." + member
}

// quantities looks at heart rate and saturation: the latest of the recent readings counts.
func (g *gate) quantities() {
	policy := g.known.Protocol.Vitals.PreDose
	heart := g.latest(func(v Vitals) *int { return v.HeartRateBpm })
	switch {
	case heart == nil:
		g.hold(GateReason{Rule: RuleReadingMissing, Value: "heart rate", Source: "vitals", Clears: "Measure the heart rate."})
	case *heart.HeartRateBpm < policy.HeartRate.LowBpm || *heart.HeartRateBpm > policy.HeartRate.HighBpm:
		g.hold(GateReason{Rule: RuleHeartRate, Value: strconv.Itoa(*heart.HeartRateBpm) + " /min",
			Limit:  strconv.Itoa(policy.HeartRate.LowBpm) + " to " + strconv.Itoa(policy.HeartRate.HighBpm) + " /min",
			Source: "protocol.vitals.preDose.heartRate", Clears: "Rest, and measure again.", FactID: heart.ID})
	}
	oxygen := g.latest(func(v Vitals) *int { return v.Spo2Percent })
	if oxygen == nil {
		if policy.SpO2.Required {
			g.hold(GateReason{Rule: RuleReadingMissing, Value: "saturation", Source: "protocol.vitals.preDose.spo2.required", Clears: "Measure the saturation."})
		}
		return
	}
	switch percent := *oxygen.Spo2Percent; {
	case percent < policy.SpO2.CriticalBelowPercent:
		g.stopFor(saturationStop(percent, g.known.Protocol), *oxygen)
	case percent < policy.SpO2.HoldBelowPercent:
		g.hold(GateReason{Rule: RuleSaturationLow, Value: strconv.Itoa(percent) + " %", Limit: strconv.Itoa(policy.SpO2.HoldBelowPercent) + " %",
			Source: "protocol.vitals.preDose.spo2.holdBelowPercent", Clears: "Measure again with warm hands.", FactID: oxygen.ID})
	}
}

// latest is the last recent reading of a quantity; nil when there is none.
func (g *gate) latest(quantity func(Vitals) *int) *Fact {
	for i := len(g.vitals) - 1; i >= 0; i-- {
		if g.fresh(g.vitals[i]) && quantity(g.vitals[i].Vitals) != nil {
			return &g.vitals[i]
		}
	}
	return nil
}
