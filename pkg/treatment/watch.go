package treatment

import (
	"slices"
	"strconv"
	"time"
)

// judgeWatch judges how a session was watched: the reading when the pressure peaks, those before
// the end, the support person's word, and whether somebody looked in. All but the support
// person's word is judged once the session was completed. Guard gate.
func (c *course) judgeWatch(f *findings) {
	if !c.known.Protocol.Guards(GuardGate) || len(c.doses) == 0 {
		return
	}
	c.judgeAttestations(f)
	if c.ending == nil || c.ending.Kind != FactCompletion {
		return
	}
	during := c.known.Protocol.Vitals.DuringSession
	from, until := during.AtMin-during.WindowMin, during.AtMin+during.WindowMin
	if !slices.ContainsFunc(c.vitals, func(reading Fact) bool {
		after := reading.OccurredAt.Sub(c.started())
		return c.believable(reading) && after >= time.Duration(from)*time.Minute && after <= time.Duration(until)*time.Minute
	}) {
		f.deviate(RuleNoVitalsAtPeak, "", strconv.Itoa(from)+" to "+minutes(until))
	}
	c.judgeRelease(f)
	c.judgeLookIns(f)
}

// believable says whether a reading is a plausible blood pressure.
func (c *course) believable(reading Fact) bool {
	found := reading.findings(c.known.Protocol)
	return found[0] == plausible && found[1] == plausible
}

// judgeRelease judges the last readings before the end: they are recent, the pressure is not much
// above that before the dose, and the saturation is normal.
func (c *course) judgeRelease(f *findings) {
	policy := c.known.Protocol.Vitals
	var before, last, oxygen *Fact
	for i, reading := range c.vitals {
		switch {
		case reading.OccurredAt.After(c.ending.OccurredAt):
		case !reading.OccurredAt.After(c.started()):
			if c.believable(reading) {
				before = &c.vitals[i]
			}
		case reading.OccurredAt.After(c.lastDose()):
			if c.believable(reading) {
				last = &c.vitals[i]
			}
			if reading.Spo2Percent != nil {
				oxygen = &c.vitals[i]
			}
		}
	}
	if last == nil {
		return // there was none at all after the dose, which is noted already
	}
	if age := c.ending.OccurredAt.Sub(last.OccurredAt); age > time.Duration(policy.Release.ReadingMaxAgeMin)*time.Minute {
		f.deviate(RuleNoVitalsAtRelease, minutes(int(age.Minutes())), minutes(policy.Release.ReadingMaxAgeMin))
	}
	limit := policy.PreDose.SoftHold
	if before != nil {
		limit.SystolicMmHg = max(limit.SystolicMmHg, *before.SystolicMmHg+policy.Release.MaxOverBaseline.SystolicMmHg)
		limit.DiastolicMmHg = max(limit.DiastolicMmHg, *before.DiastolicMmHg+policy.Release.MaxOverBaseline.DiastolicMmHg)
	}
	if *last.SystolicMmHg > limit.SystolicMmHg || *last.DiastolicMmHg > limit.DiastolicMmHg {
		f.deviate(RuleReleasePressureHigh, last.pressure(), limit.String())
	}
	if oxygen != nil && *oxygen.Spo2Percent < policy.Release.MinSpo2Percent {
		f.deviate(RuleReleaseSaturationLow, strconv.Itoa(*oxygen.Spo2Percent)+" %", strconv.Itoa(policy.Release.MinSpo2Percent)+" %")
	}
}

// judgeAttestations takes the support person by their word, which whatever was sent with the patient's
// ticket may not be.
func (c *course) judgeAttestations(f *findings) {
	for _, word := range c.attestations {
		if !isTrue(word.PresentThroughout) {
			f.deviate(RuleSupportPersonLeft, "", "")
			f.raise(AlertNoSupportPerson, word.ID, "", "")
		}
	}
	if c.ticketOfPatient {
		f.deviate(RuleTicketOfPatient, "", "")
	}
}

// judgeLookIns wants the support person's word, and somebody who looked in again and again: by
// that word, or by what the support person recorded. Neither counts when it was sent with a ticket
// that the patient had.
func (c *course) judgeLookIns(f *findings) {
	if len(c.attestations) == 0 {
		f.deviate(RuleAttestationMissing, "", "")
		return
	}
	if !slices.ContainsFunc(c.attestations, func(word Fact) bool { return !isTrue(word.LookedIn) || isTrue(word.TicketOfPatient) }) {
		return
	}
	policy := c.known.Protocol.Sessions.LookIn
	end := c.lastDose().Add(time.Duration(c.observationMin()) * time.Minute)
	if c.ending.OccurredAt.Before(end) {
		end = c.ending.OccurredAt
	}
	seen := []time.Time{c.started()}
	for _, fact := range slices.Concat(c.vitals, c.observations) {
		if fact.ReportedBy == ReportedBySupportPerson && !isTrue(fact.TicketOfPatient) && fact.OccurredAt.After(c.started()) && fact.OccurredAt.Before(end) {
			seen = append(seen, fact.OccurredAt)
		}
	}
	seen = append(seen, end)
	slices.SortFunc(seen, time.Time.Compare)
	longest := time.Duration(0)
	for i := range seen[1:] {
		longest = max(longest, seen[i+1].Sub(seen[i]))
	}
	if longest > time.Duration(policy.EveryMin+policy.GraceMin)*time.Minute {
		f.deviate(RuleLookInsMissed, minutes(int(longest.Minutes())), minutes(policy.EveryMin))
	}
}
