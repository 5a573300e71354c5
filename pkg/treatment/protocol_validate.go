package treatment

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/instruments"
)

// Validate says whether the protocol is sound: nothing is missing, limits that build on one
// another are in order, and nothing is looser than the law. The error is a [*Refusal] with a
// Pointer for each fault.
func (p Protocol) Validate() error {
	var c checks
	c.that(p.Name != "", "/name", "is required")
	c.that(p.Version != "", "/version", "is required")
	c.that(p.DefaultInstructions != "", "/defaultInstructions", "is required")
	for i, name := range p.GuardsOff {
		c.that(slices.Contains(GuardNames, name), fmt.Sprintf("/guardsOff/%d", i), "is not a guard")
		c.that(slices.Index(p.GuardsOff, name) == i, fmt.Sprintf("/guardsOff/%d", i), "is there twice")
	}
	c.vitals(p.Vitals)
	c.within("/observations/unresponsiveSedation", p.Observations.UnresponsiveSedation, 1, 5)
	c.sessions(p.Sessions)
	c.prescribing(p.Prescribing)
	c.titration(p.Titration)
	c.within("/treatment/consultationMaxAgeDays", p.Treatment.ConsultationMaxAgeDays, 1, 365)
	c.within("/treatment/baselineMaxAgeDays", p.Treatment.BaselineMaxAgeDays, 1, 365)
	c.that(len(p.Treatment.BaselineInstruments) > 0, "/treatment/baselineInstruments", "needs at least one")
	for i, id := range p.Treatment.BaselineInstruments {
		_, found := instruments.Find(id)
		c.that(found, fmt.Sprintf("/treatment/baselineInstruments/%d", i), "is not an instrument")
	}
	for i, kind := range p.Treatment.RequiredConsents {
		c.that(slices.Contains(ConsentKinds, ConsentKind(kind)), fmt.Sprintf("/treatment/requiredConsents/%d", i), "is not a kind of consent")
		c.that(slices.Index(p.Treatment.RequiredConsents, kind) == i, fmt.Sprintf("/treatment/requiredConsents/%d", i), "is there twice")
	}
	for _, kind := range indispensableConsents {
		c.that(p.RequiresConsent(kind), "/treatment/requiredConsents", "lacks "+string(kind))
	}
	c.within("/assessments/expireAfterDays", p.Assessments.ExpireAfterDays, 1, 365)
	c.supply(p.Supply)
	c.within("/suicidality/item9Medium", p.Suicidality.Item9Medium, 1, 3)
	c.within("/suicidality/item9High", p.Suicidality.Item9High, p.Suicidality.Item9Medium, 3)
	c.answers(p)
	due := p.Alerts.DueMin
	c.within("/alerts/dueMin/critical", due.Critical, 1, due.High)
	c.within("/alerts/dueMin/high", due.High, 1, due.Medium)
	c.within("/alerts/dueMin/medium", due.Medium, 1, due.Low)
	c.within("/alerts/dueMin/low", due.Low, 1, 60*24*365)
	c.within("/alerts/maxSnoozeHours", p.Alerts.MaxSnoozeHours, 1, 30*24)
	c.within("/alerts/prescriptionExpiringDays", p.Alerts.PrescriptionExpiringDays, 1, 90)
	c.within("/alerts/consentExpiringDays", p.Alerts.ConsentExpiringDays, 1, 90)
	c.within("/alerts/assessmentOverdueDays", p.Alerts.AssessmentOverdueDays, 1, 90)
	c.worklist(p.Worklist)
	c.followUps(p.FollowUps)
	return c.refusal("the protocol is not sound")
}

// indispensableConsents are those that safety and law ask for: leaving one out would switch its guard
// off. Who meets people in person needs none to telehealth.
var indispensableConsents = []ConsentKind{ConsentTreatment, ConsentControlledSubstance, ConsentSupportPerson, ConsentNoDriving}

// checks collects the faults of a protocol.
type checks struct{ objections }

func (c *checks) that(sound bool, pointer, detail string) {
	if !sound {
		c.add(CodeRuleViolated, Reason{Rule: RuleProtocol, Pointer: pointer, Detail: detail})
	}
}

func (c *checks) within(pointer string, n, least, most int) {
	if n < least || n > most {
		c.add(CodeRuleViolated, Reason{Rule: RuleProtocol, Pointer: pointer, Value: strconv.Itoa(n),
			Limit: fmt.Sprintf("%d to %d", least, most), Detail: "is out of range"})
	}
}

// notBelow checks a pair of pressures against the pair it must not be below.
func (c *checks) notBelow(pointer string, pair, least BloodPressure) {
	c.within(pointer+"/systolicMmHg", pair.SystolicMmHg, least.SystolicMmHg, 350)
	c.within(pointer+"/diastolicMmHg", pair.DiastolicMmHg, least.DiastolicMmHg, 250)
}

func (c *checks) vitals(v VitalsPolicy) {
	pre, during, release := v.PreDose, v.DuringSession, v.Release
	c.within("/vitals/maxAgeMin", v.MaxAgeMin, 1, 24*60)
	c.notBelow("/vitals/preDose/softHold", pre.SoftHold, BloodPressure{SystolicMmHg: 80, DiastolicMmHg: 40})
	c.notBelow("/vitals/preDose/hardStop", pre.HardStop, pre.SoftHold)
	c.notBelow("/vitals/duringSession/notify", during.Notify, pre.SoftHold)
	c.notBelow("/vitals/duringSession/critical", during.Critical, BloodPressure{
		SystolicMmHg:  max(pre.HardStop.SystolicMmHg, during.Notify.SystolicMmHg),
		DiastolicMmHg: max(pre.HardStop.DiastolicMmHg, during.Notify.DiastolicMmHg),
	})
	c.within("/vitals/preDose/heartRate/lowBpm", pre.HeartRate.LowBpm, 20, pre.HeartRate.HighBpm-1)
	c.within("/vitals/preDose/heartRate/highBpm", pre.HeartRate.HighBpm, 60, 250)
	c.within("/vitals/preDose/spo2/holdBelowPercent", pre.SpO2.HoldBelowPercent, pre.SpO2.CriticalBelowPercent, 100)
	c.within("/vitals/preDose/spo2/criticalBelowPercent", pre.SpO2.CriticalBelowPercent, 1, 100)
	c.within("/vitals/preDose/restMin", pre.RestMin, 1, v.MaxAgeMin)
	c.within("/vitals/preDose/readingsIfHigh", pre.ReadingsIfHigh, 2, 5)
	c.within("/vitals/preDose/stopHours", pre.StopHours, 1, 7*24)
	c.within("/vitals/duringSession/atMin", during.AtMin, 1, release.ObservationMin)
	c.within("/vitals/duringSession/windowMin", during.WindowMin, 0, during.AtMin)
	c.within("/vitals/release/observationMin", release.ObservationMin, 1, 24*60)
	c.within("/vitals/release/highDoseObservationMin", release.HighDoseObservationMin, release.ObservationMin, 24*60)
	c.that(release.HighDoseMgPerKg > 0, "/vitals/release/highDoseMgPerKg", "is required")
	c.within("/vitals/release/maxOverBaseline/systolicMmHg", release.MaxOverBaseline.SystolicMmHg, 0, 60)
	c.within("/vitals/release/maxOverBaseline/diastolicMmHg", release.MaxOverBaseline.DiastolicMmHg, 0, 60)
	c.within("/vitals/release/readingMaxAgeMin", release.ReadingMaxAgeMin, 1, release.ObservationMin)
	c.within("/vitals/release/minSpo2Percent", release.MinSpo2Percent, pre.SpO2.CriticalBelowPercent, 100)
	c.plausible("systolicMmHg", v.Plausible.SystolicMmHg)
	c.plausible("diastolicMmHg", v.Plausible.DiastolicMmHg)
	c.plausible("heartRateBpm", v.Plausible.HeartRateBpm)
	c.plausible("spo2Percent", v.Plausible.Spo2Percent)
}

func (c *checks) plausible(name string, r Range) {
	c.that(0 < r.Min && r.Min < r.Max, "/vitals/plausible/"+name, "min must be above 0 and below max")
}

func (c *checks) sessions(s SessionPolicy) {
	c.that(s.Tiers.LowMaxMgPerKg > 0, "/sessions/tiers/lowMaxMgPerKg", "is required")
	c.that(s.Tiers.LowMaxMgPerKg < s.Tiers.HighMinMgPerKg, "/sessions/tiers/highMinMgPerKg", "must be above lowMaxMgPerKg")
	c.within("/sessions/minIntervalHours/low", s.MinIntervalHours.Low, 1, s.MinIntervalHours.Mid)
	c.within("/sessions/minIntervalHours/mid", s.MinIntervalHours.Mid, 1, s.MinIntervalHours.High)
	c.within("/sessions/minIntervalHours/high", s.MinIntervalHours.High, 1, 90*24)
	c.within("/sessions/maxIn7Days/high", s.MaxIn7Days.High, 1, s.MaxIn7Days.Mid)
	c.within("/sessions/maxIn7Days/mid", s.MaxIn7Days.Mid, 1, s.MaxIn7Days.Low)
	c.within("/sessions/maxIn7Days/low", s.MaxIn7Days.Low, 1, 14)
	c.that(s.MaxIn28DaysMg > 0, "/sessions/maxIn28DaysMg", "is required")
	c.within("/sessions/clearanceMin", s.ClearanceMin, 1, 24*60)
	c.within("/sessions/missedAfterHours", s.MissedAfterHours, 1, 7*24)
	c.within("/sessions/checkInDueHours", s.CheckInDueHours, 1, 7*24)
	c.within("/sessions/noDriveHours", s.NoDriveHours, 1, 7*24)
	c.within("/sessions/noDriveLocalHour", s.NoDriveLocalHour, 0, 23)
	c.within("/sessions/fasting/solidsMin", s.Fasting.SolidsMin, s.Fasting.FluidsMin, 24*60)
	c.within("/sessions/fasting/fluidsMin", s.Fasting.FluidsMin, 0, 24*60)
	c.within("/sessions/substanceFreeHours", s.SubstanceFreeHours, 1, 7*24)
	c.within("/sessions/minSleepHours", s.MinSleepHours, 1, 12)
	c.within("/sessions/lookIn/everyMin", s.LookIn.EveryMin, 5, 60)
	c.within("/sessions/lookIn/graceMin", s.LookIn.GraceMin, 0, s.LookIn.EveryMin)
	c.within("/sessions/ticketHours", s.TicketHours, 1, 7*24)
	for i, rule := range s.NurseMayOverride {
		c.that(slices.Contains(HoldRules, rule), fmt.Sprintf("/sessions/nurseMayOverride/%d", i), "is not a hold of the safety gate")
	}
}

func (c *checks) answers(p Protocol) {
	s, a := p.Suicidality, p.Answers
	c.within("/suicidality/item9Rise", s.Item9Rise, 1, 3)
	c.within("/suicidality/qidsItem12High", s.QIDSItem12High, s.Item9Medium, 3)
	c.within("/suicidality/madrsItem10High", s.MADRSItem10High, s.Item9Medium, 6)
	c.within("/suicidality/screenerDueHours", s.ScreenerDueHours, 1, 14*24)
	c.within("/answers/deteriorationWatch", a.DeteriorationWatch, 1, a.DeteriorationReliable)
	c.within("/answers/deteriorationReliable", a.DeteriorationReliable, 1, 27)
	c.within("/answers/urinarySymptoms", a.UrinarySymptoms, 1, 5)
	c.within("/answers/urinaryScreenDueHours", a.UrinaryScreenDueHours, 1, 90*24)
}

func (c *checks) supply(s SupplyPolicy) {
	for _, form := range DosageForms {
		step := s.UnitStep[form]
		c.that(step > 0 && dose.Unit%step == 0, "/supply/unitStep/"+string(form), "must be a part of which some make a whole unit")
	}
	for form := range s.UnitStep {
		c.that(slices.Contains(DosageForms, form), "/supply/unitStep/"+string(form), "is not a dosage form")
	}
	c.within("/supply/refill/usedPercent", s.Refill.UsedPercent, 0, 100)
	c.within("/supply/refill/assessmentMaxAgeDays", s.Refill.AssessmentMaxAgeDays, 1, 365)
	c.within("/supply/signals/pattern/signals", s.Signals.Pattern.Signals, 2, len(SignalRules))
	c.within("/supply/signals/pattern/days", s.Signals.Pattern.Days, 1, 365)
	c.within("/supply/signals/repeatedLoss/reports", s.Signals.RepeatedLoss.Reports, 2, 10)
	c.within("/supply/signals/repeatedLoss/days", s.Signals.RepeatedLoss.Days, 1, 365)
	c.within("/supply/signals/batchLogging/sessions", s.Signals.BatchLogging.Sessions, 2, 20)
	c.within("/supply/signals/batchLogging/withinMin", s.Signals.BatchLogging.WithinMin, 1, 24*60)
	c.within("/supply/signals/batchLogging/lateHours", s.Signals.BatchLogging.LateHours, 24, 90*24)
}

func (c *checks) worklist(w WorklistPolicy) {
	const year = 365 * 24
	c.within("/worklist/sessionUnfinishedHours", w.SessionUnfinishedHours, 1, year)
	c.within("/worklist/sessionReviewHours", w.SessionReviewHours, 1, year)
	c.within("/worklist/assessmentReviewHours", w.AssessmentReviewHours, 1, year)
	c.within("/worklist/adverseEventTriageHours", w.AdverseEventTriageHours, 1, year)
	c.within("/worklist/cosignatureHours", w.CosignatureHours, 1, year)
	c.within("/worklist/eligibilityDecisionHours", w.EligibilityDecisionHours, 1, year)
	c.within("/worklist/handedOverDays", w.HandedOverDays, 1, 365)
	c.within("/worklist/noContactDays", w.NoContactDays, 1, 365)
	c.within("/worklist/responseReviewDays", w.ResponseReviewDays, 1, 365)
	c.within("/worklist/refillDueDays", w.RefillDueDays, 1, 30)
	c.within("/worklist/licenceExpiringDays", w.LicenceExpiringDays, 1, 365)
}

func (c *checks) prescribing(p PrescribingPolicy) {
	c.within("/prescribing/maxRefills", p.MaxRefills, 0, LegalMaxRefills)
	c.within("/prescribing/validityMonths", p.ValidityMonths, 1, LegalValidityMonths)
	c.within("/prescribing/weightMaxAgeDays", p.WeightMaxAgeDays, 1, 365)
	c.within("/prescribing/pdmpMaxAgeDays", p.PDMPMaxAgeDays, 1, 365)
	c.that(p.SoftMaximum.DoseMg > 0, "/prescribing/softMaximum/doseMg", "is required")
	c.that(p.SoftMaximum.PerKgMg > 0, "/prescribing/softMaximum/perKgMg", "is required")
	c.that(p.SoftMaximum.DoseMg <= p.HardMaximum.DoseMg, "/prescribing/hardMaximum/doseMg", "is below the soft maximum")
	c.that(p.SoftMaximum.PerKgMg <= p.HardMaximum.PerKgMg, "/prescribing/hardMaximum/perKgMg", "is below the soft maximum")
	c.that(p.InPersonExamRequiredFrom != "", "/prescribing/inPersonExamRequiredFrom", "is required")
}

// slug is how a series is named.
var slug = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (c *checks) followUps(p FollowUpPolicy) {
	c.followUpTimes("/followUps/byHand", p.ByHand, 365*24*time.Hour)
	for i, s := range p.Series {
		at := fmt.Sprintf("/followUps/series/%d", i)
		c.that(slug.MatchString(s.ID) && len(s.ID) <= 40, at+"/id", "is not made of small letters, digits and hyphens")
		c.that(slices.IndexFunc(p.Series, func(o FollowUpSeries) bool { return o.ID == s.ID }) == i, at+"/id", "is there twice")
		c.that(s.Title != "", at+"/title", "is required")
		c.that(slices.Contains(Audiences, s.For), at+"/for", "is neither patient nor staff")
		_, found := instruments.Find(s.Instrument)
		c.that(s.Instrument == "" || found, at+"/instrument", "is not an instrument")
		c.that(!ratedByStaff(s.Instrument) || s.For == AudienceStaff, at+"/for", "is not who rates the instrument")
		c.that(len(s.Phases) > 0, at+"/phases", "needs at least one")
		for j, phase := range s.Phases {
			c.that(phase.Running() && slices.Index(s.Phases, phase) == j, fmt.Sprintf("%s/phases/%d", at, j), "is not a phase with sessions, or there twice")
		}
		c.that((s.Every == nil) != (s.AfterSession == nil), at, "needs either every or afterSession")
		apart := 365 * 24 * time.Hour
		if s.Every != nil {
			c.that(slices.Contains(PeriodUnits, s.Every.Unit), at+"/every/unit", "is not a unit")
			c.within(at+"/every/count", s.Every.Count, 1, 52)
			c.within(at+"/every/localHour", s.Every.LocalHour, 0, 23)
			apart = s.Every.shortest()
		}
		if s.AfterSession != nil {
			c.within(at+"/afterSession/hours", s.AfterSession.Hours, 0, 90*24)
			for j, number := range s.AfterSession.Sessions {
				c.that(number > 0 && slices.Index(s.AfterSession.Sessions, number) == j, fmt.Sprintf("%s/afterSession/sessions/%d", at, j), "is not a number of a session, or there twice")
			}
		}
		c.followUpTimes(at, s.FollowUpTimes, apart)
	}
}

// followUpTimes checks hours around due times that are so far apart: answers to one are not already
// answers to the next, and what is superseded was overdue before, also when clocks are set ahead.
func (c *checks) followUpTimes(pointer string, t FollowUpTimes, apart time.Duration) {
	most := int(apart.Hours())
	c.within(pointer+"/earlyHours", t.EarlyHours, 0, most/2)
	c.within(pointer+"/overdueAfterHours", t.OverdueAfterHours, 1, min(most-2, t.MissedAfterHours))
	c.within(pointer+"/missedAfterHours", t.MissedAfterHours, 1, 365*24)
}
