package treatment

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Rules that a session can deviate from. What stands in the way of planning one has the same
// name.
const (
	RuleDoseAbovePrescribed    Rule = "doseAbovePrescribed"
	RuleBoosterAbovePrescribed Rule = "boosterAbovePrescribed"
	RuleNoActivePrescription   Rule = "noActivePrescription"
	RulePrescriptionOnHold     Rule = "prescriptionOnHold"
	RuleTreatmentOnHold        Rule = "treatmentOnHold"
	RuleTreatmentNotOpen       Rule = "treatmentNotOpen"
	RuleIntervalShort          Rule = "intervalShort"
	RuleWeeklyLimit            Rule = "weeklyLimit"
	RuleNoClearance            Rule = "noClearance"
	RuleCompletedEarly         Rule = "completedEarly"
	RuleNoVitalsAfterDose      Rule = "noVitalsAfterDose"
	RuleReadinessMissing       Rule = "readinessMissing"
	RuleCompletedWithoutDose   Rule = "completedWithoutDose"
	RuleSessionCancelled       Rule = "sessionCancelled"
	RuleHoldOverridden         Rule = "holdOverridden"
	RuleNoVitalsAtPeak         Rule = "noVitalsAtPeak"
	RuleNoVitalsAtRelease      Rule = "noVitalsAtRelease"
	RuleReleasePressureHigh    Rule = "releasePressureHigh"
	RuleReleaseSaturationLow   Rule = "releaseSaturationLow"
	RuleAttestationMissing     Rule = "attestationMissing"
	RuleSupportPersonLeft      Rule = "supportPersonLeft"
	RuleLookInsMissed          Rule = "lookInsMissed"
	RuleTicketOfPatient        Rule = "ticketOfPatient"
	RuleDroveTooEarly          Rule = "droveTooEarly"
	RuleUnitsUnaccounted       Rule = "unitsUnaccounted"
	RuleBeyondUse              Rule = "beyondUse"
	RuleUnitsMismatch          Rule = "unitsMismatch"
	RuleExposure               Rule = "exposure"
	RuleVerdictDiffers         Rule = "verdictDiffers"
)

// DeviationRules lists every rule that a session can deviate from.
var DeviationRules = []Rule{
	RuleDoseAbovePrescribed, RuleBoosterAbovePrescribed, RuleNoActivePrescription, RulePrescriptionOnHold,
	RuleTreatmentOnHold, RuleTreatmentNotOpen, RuleIntervalShort, RuleWeeklyLimit, RuleNoClearance,
	RuleCompletedEarly, RuleNoVitalsAfterDose, RuleReadinessMissing, RuleCompletedWithoutDose, RuleSessionCancelled,
	RuleHoldOverridden, RuleNoVitalsAtPeak, RuleNoVitalsAtRelease, RuleReleasePressureHigh, RuleReleaseSaturationLow,
	RuleAttestationMissing, RuleSupportPersonLeft, RuleLookInsMissed, RuleTicketOfPatient, RuleDroveTooEarly,
	RuleUnitsUnaccounted, RuleBeyondUse, RuleUnitsMismatch, RuleExposure, RuleVerdictDiffers, RuleSupportPersonMissing,
}

// Deviation is where a session differs from what the rules allow. It is recorded, never
// refused. A session deviates from a rule at most once.
type Deviation struct {
	Rule Rule
	// Value is what happened and Limit what the rule allows, with units; empty when the rule
	// has no number.
	Value string
	Limit string
}

// findings collects the verdict.
type findings struct{ Verdict }

// deviate notes a deviation; a later one from the same rule takes the place of the earlier.
func (f *findings) deviate(rule Rule, value, limit string) {
	deviation := Deviation{Rule: rule, Value: value, Limit: limit}
	if i := slices.IndexFunc(f.Deviations, func(d Deviation) bool { return d.Rule == rule }); i >= 0 {
		f.Deviations[i] = deviation
		return
	}
	f.Deviations = append(f.Deviations, deviation)
}

func (f *findings) raise(rule AlertRule, source uuid.UUID, value, limit string) {
	f.Raised = append(f.Raised, Raised{Rule: rule, Severity: alertSeverity[rule], SourceFact: source, Value: value, Limit: limit})
}

// judge is the verdict on the whole session.
func (c *course) judge() Verdict {
	var f findings
	c.judgeDoses(&f)
	c.judgeUnits(&f)
	c.judgeStart(&f)
	c.judgeEnd(&f)
	c.judgeWatch(&f)
	c.judgeDriving(&f)
	c.judgeReadings(&f)
	c.judgeSymptoms(&f)
	c.judgeChecked(&f)
	c.judgeDevice(&f)
	f.Checks = c.checks
	if c.plan.CancelledAt != nil && (len(c.doses) > 0 || c.ending != nil) {
		f.deviate(RuleSessionCancelled, "", "")
	}
	return f.Verdict
}

// judgeDoses judges each dose by the prescription that was active at its time and by what
// stood still then. Amounts are judged as they add up; a dose above what is prescribed, or
// without a prescription, which prescribes nothing, raises an alert.
func (c *course) judgeDoses(f *findings) {
	var taken, boosted dose.Mg
	for _, d := range c.doses {
		if c.known.Running == nil || !c.known.Running.Contains(d.OccurredAt) {
			f.deviate(RuleTreatmentNotOpen, "", "")
		}
		if containsAny(c.known.TreatmentHolds, d.OccurredAt) {
			f.deviate(RuleTreatmentOnHold, "", "")
		}
		c.judgeClearance(f, d)
		active, found := c.prescriptionAt(d.OccurredAt)
		if containsAny(active.Holds, d.OccurredAt) {
			f.deviate(RulePrescriptionOnHold, "", "")
		}
		if !found || (d.PrescriptionID != nil && *d.PrescriptionID != active.ID) {
			f.deviate(RuleNoActivePrescription, "", "")
		}
		if !found {
			f.raise(AlertDoseOverPrescribed, d.ID, amount(d), mg(0))
		}
		sum, limit, rule := &taken, active.DoseMg, RuleDoseAbovePrescribed
		if isTrue(d.Booster) {
			sum, limit, rule = &boosted, active.BoosterMg, RuleBoosterAbovePrescribed
		}
		if d.DoseMg != nil {
			*sum = total(*sum, *d.DoseMg)
		}
		if found && (d.DoseMg == nil || *sum > limit) {
			value := amount(d)
			if d.DoseMg != nil {
				value = mg(*sum)
			}
			f.deviate(rule, value, mg(limit))
			f.raise(AlertDoseOverPrescribed, d.ID, value, mg(limit))
		}
	}
}

// amount is how much a dose was.
func amount(d Fact) string {
	if d.DoseMg == nil {
		return "unknown"
	}
	return mg(*d.DoseMg)
}

// prescriptionAt is the prescription that was active at a time; of several the newest.
func (c *course) prescriptionAt(at time.Time) (active Validity, found bool) {
	return activeAt(c.known.Prescriptions, at)
}

func activeAt(prescriptions []Validity, at time.Time) (active Validity, found bool) {
	for _, p := range prescriptions {
		if p.Contains(at) && (!found || p.From.After(active.From)) {
			active, found = p, true
		}
	}
	return active, found
}

func containsAny(intervals []Interval, at time.Time) bool {
	return slices.ContainsFunc(intervals, func(i Interval) bool { return i.Contains(at) })
}

// judgeUnits takes over what the ledger finds about the doses. Of a dose that the ledger does
// not know, nothing is accounted for.
func (c *course) judgeUnits(f *findings) {
	if !c.known.Protocol.Guards(GuardUnits) {
		return
	}
	for _, d := range c.doses {
		found, known := c.known.Units[d.ID]
		if !known {
			found = []Deviation{{Rule: RuleUnitsUnaccounted, Value: amount(d), Limit: mg(0)}}
		}
		for _, deviation := range found {
			f.deviate(deviation.Rule, deviation.Value, deviation.Limit)
			if deviation.Rule == RuleUnitsUnaccounted {
				f.raise(AlertInventoryMismatch, d.ID, deviation.Value, deviation.Limit)
			}
		}
	}
}

// judgeStart judges the first dose against the patient's earlier sessions.
func (c *course) judgeStart(f *findings) {
	if len(c.doses) == 0 {
		return
	}
	first := c.doses[0]
	active, _ := c.prescriptionAt(first.OccurredAt)
	pace := c.known.Protocol.pace(c.tier(), active.MinIntervalHours, active.SessionsPerWeek)
	local, earlier := c.local(first.OccurredAt, first.TimeZone), c.earlier(first.OccurredAt)
	if gap, short := pace.short(local, earlier); short {
		f.deviate(RuleIntervalShort, gap, hours(pace.minHours))
		f.raise(AlertIntervalShort, first.ID, gap, hours(pace.minHours))
	}
	if n := pace.inWeek(local, earlier); n > pace.perWeek {
		f.deviate(RuleWeeklyLimit, strconv.Itoa(n), strconv.Itoa(pace.perWeek))
	}
	own := total(c.taken, c.boosted)
	if c.unknown { // it may have been as much as there is
		own = total(own, c.known.Protocol.Prescribing.HardMaximum.DoseMg)
	}
	if sum, limit := c.exposed(local, own), c.known.Protocol.Sessions.MaxIn28DaysMg; sum > limit {
		f.deviate(RuleExposure, mg(sum), mg(limit))
	}
}

// exposed is what is taken at a time, where that is, together with what the patient's other sessions
// took in the 28 days before: until the same local time of the day on which they are over.
func (c *course) exposed(at time.Time, now dose.Mg) dose.Mg {
	for _, d := range c.known.OtherDoses {
		if !d.At.After(at) && at.Before(d.At.In(at.Location()).AddDate(0, 0, 28)) {
			now = total(now, d.Mg)
		}
	}
	return now
}

// local is a time where it happened; in UTC when the zone is not known.
func (c *course) local(at time.Time, name string) time.Time {
	if c.known.Zone != nil {
		if zone, err := c.known.Zone(name); err == nil {
			return at.In(zone)
		}
	}
	return at.UTC()
}

// earlier are the starts of the patient's other sessions until a time.
func (c *course) earlier(at time.Time) []time.Time {
	return slices.DeleteFunc(starts(c.known.OtherDoses), func(start time.Time) bool { return start.After(at) })
}

// paceOf is how often sessions may take place by the prescription of a time; without one as after
// the strongest doses.
func (c *course) paceOf(at time.Time) pace {
	tier := TierHigh
	active, found := c.prescriptionAt(at)
	if found {
		tier = c.known.Protocol.Tier(total(active.DoseMg, active.BoosterMg), c.known.WeightKg)
	}
	return c.known.Protocol.pace(tier, active.MinIntervalHours, active.SessionsPerWeek)
}

// tier is the session's, by what was taken in it; without a weight, or with a dose of
// unknown size, the strictest.
func (c *course) tier() Tier {
	if c.unknown {
		return TierHigh
	}
	return c.known.Protocol.Tier(total(c.taken, c.boosted), c.known.WeightKg)
}

// starts are the first doses of the sessions that doses belong to.
func starts(doses []DoseTime) []time.Time {
	first := map[uuid.UUID]time.Time{}
	for _, d := range doses {
		if at, found := first[d.SessionID]; !found || d.At.Before(at) {
			first[d.SessionID] = d.At
		}
	}
	all := make([]time.Time, 0, len(first))
	for _, at := range first {
		all = append(all, at)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// judgeEnd judges a completion: whether it came too early after the last dose, whether a
// plausible blood pressure was taken after that dose, and whether the patient was ready. An
// abort is judged by none of it.
func (c *course) judgeEnd(f *findings) {
	if c.ending == nil || c.ending.Kind != FactCompletion {
		return
	}
	if missing := notReady(*c.ending); len(missing) > 0 {
		f.deviate(RuleReadinessMissing, strings.Join(missing, ", "), "")
	}
	if len(c.doses) == 0 {
		f.deviate(RuleCompletedWithoutDose, "", "")
		return
	}
	least := c.observationMin()
	if watched := c.ending.OccurredAt.Sub(c.lastDose()); watched < time.Duration(least)*time.Minute {
		f.deviate(RuleCompletedEarly, minutes(int(watched.Minutes())), minutes(least))
	}
	if !slices.ContainsFunc(c.vitals, c.afterDose) {
		f.deviate(RuleNoVitalsAfterDose, "", "")
		f.raise(AlertNoPostVitals, c.ending.ID, "", "")
	}
}

// notReady lists what the completion does not confirm.
func notReady(completion Fact) []string {
	var missing []string
	for _, sign := range []struct {
		name string
		seen *bool
	}{
		{"oriented", completion.Oriented},
		{"walksUnaided", completion.WalksUnaided},
		{"supportPersonStays", completion.SupportPersonStays},
	} {
		if !isTrue(sign.seen) {
			missing = append(missing, sign.name)
		}
	}
	return missing
}

// observationMin is for how long the session must be watched after its last dose.
func (c *course) observationMin() int {
	release := c.known.Protocol.Vitals.Release
	if c.unknown || c.known.WeightKg == nil ||
		total(c.taken, c.boosted) >= dose.PerKg(release.HighDoseMgPerKg, *c.known.WeightKg) {
		return release.HighDoseObservationMin
	}
	return release.ObservationMin
}

// afterDose says whether a reading is a plausible blood pressure after the last dose.
func (c *course) afterDose(reading Fact) bool {
	return reading.OccurredAt.After(c.lastDose()) && c.believable(reading)
}

// judgeDriving notes that the patient drove before they were allowed to: that is what a check-in says,
// whenever it says so.
func (c *course) judgeDriving(f *findings) {
	if len(c.doses) == 0 {
		return
	}
	for _, told := range c.checkIns {
		if isTrue(told.Drove) {
			f.deviate(RuleDroveTooEarly, "told at "+told.OccurredAt.UTC().Format(time.RFC3339), c.noDriveUntil().Format(time.RFC3339))
			return
		}
	}
}

// judgeReadings raises what the readings give reason for. One at the very time of the first
// dose was taken before it: that is the stricter reading.
func (c *course) judgeReadings(f *findings) {
	for _, reading := range c.vitals {
		when := BeforeDose
		if len(c.doses) > 0 && reading.OccurredAt.After(c.started()) {
			when = AfterDose
		}
		for _, raised := range JudgeVitals(reading.Vitals, when, c.known.Protocol, c.limitsAt(reading.OccurredAt)) {
			raised.SourceFact = reading.ID
			f.Raised = append(f.Raised, raised)
		}
	}
}
