package treatment

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Rules of the safety gate, beside those that a session can deviate from.
const (
	RuleSupportPersonMissing Rule = "noSupportPerson"
	RuleSupportPersonUnknown Rule = "supportPersonUnknown"
	RuleRedFlagSymptom       Rule = "redFlagSymptom"
	RuleSymptomsUnknown      Rule = "symptomsUnknown"
	RulePregnancy            Rule = "pregnancy"
	RulePregnancyUnknown     Rule = "pregnancyUnknown"
	RuleSubstances           Rule = "substances"
	RuleSubstancesUnknown    Rule = "substancesUnknown"
	RuleAcuteIllness         Rule = "acuteIllness"
	RuleAcuteIllnessUnknown  Rule = "acuteIllnessUnknown"
	RuleSleepShort           Rule = "sleepShort"
	RuleSleepUnknown         Rule = "sleepUnknown"
	RuleHardBloodPressure    Rule = "hardBloodPressure"
	RuleSoftBloodPressure    Rule = "softBloodPressure"
	RuleHeartRate            Rule = "heartRate"
	RuleSaturationCritical   Rule = "saturationCritical"
	RuleSaturationLow        Rule = "saturationLow"
	RuleReadingMissing       Rule = "readingMissing"
	RuleReadingOld           Rule = "readingOld"
	RuleReadingDoubtful      Rule = "readingDoubtful"
	RuleFasting              Rule = "fasting"
	RuleFastingUnknown       Rule = "fastingUnknown"
	RuleSuicidality          Rule = "suicidality"
	RuleOpenAlert            Rule = "openAlert"
	RuleNoUnits              Rule = "noUnits"
	RuleUnitsCannotMakeDose  Rule = "unitsCannotMakeDose"
)

// StopRules are those of the safety gate that nobody overrides, HoldRules those that a
// prescriber may. Suicidality is a stop while its alert is high or critical, else a hold.
var (
	StopRules = []Rule{
		RuleTreatmentNotOpen, RuleTreatmentOnHold, RuleNoActivePrescription, RulePrescriptionOnHold, RuleConsents,
		RuleSupportPersonMissing, RuleRedFlagSymptom, RulePregnancy, RuleHardBloodPressure, RuleSaturationCritical, RuleSuicidality,
		RuleNoUnits,
	}
	HoldRules = []Rule{
		RuleSoftBloodPressure, RuleHeartRate, RuleSaturationLow, RuleReadingMissing, RuleReadingOld, RuleReadingDoubtful,
		RuleFasting, RuleFastingUnknown, RuleIntervalShort, RuleWeeklyLimit, RuleSupportPersonUnknown, RuleSymptomsUnknown,
		RulePregnancyUnknown, RuleSubstances, RuleSubstancesUnknown, RuleSuicidality, RuleOpenAlert, RuleUnitsCannotMakeDose,
		RuleInstructions, RuleInteractions, RuleExposure, RuleAcuteIllness, RuleAcuteIllnessUnknown, RuleSleepShort, RuleSleepUnknown,
	}
)

// GateReason is one reason for which the safety gate does not clear a dose.
type GateReason struct {
	Rule Rule
	// Stop: nobody overrides it. What is not a stop is a hold.
	Stop bool
	// Value is what was found, with its unit; empty when it is unknown. Limit is what the rule
	// asks for; empty when it has no number.
	Value string
	Limit string
	// Source is where the limit stands: a member of the protocol, such as
	// protocol.vitals.preDose.softHold, or the kind of record that says so.
	Source string
	// Clears is a sentence for people that says what would clear it.
	Clears string
	// FactID is the fact of the session that it follows from; the zero id for none.
	FactID uuid.UUID
	// FoundAt is when it was measured or noticed, if that was not in the session.
	FoundAt *time.Time
}

// Check is a check of the safety gate as the rules judge it.
type Check struct {
	// ID is the fact's.
	ID uuid.UUID
	At time.Time
	// Reasons for which the dose is not cleared, stops first; they stay when they are overridden.
	Reasons []GateReason
	// Cleared: nothing stands in the way, or every hold was overridden.
	Cleared bool
	// ClearedAt is when the clearance began: at the check, or when it was overridden.
	ClearedAt time.Time
	// Ended are the stops that the session has seen after the check, until the dose. They end the
	// clearance, also one that came by an override: nobody overrides a stop.
	Ended []GateReason
}

// Stands says whether a check clears the dose by all that the session has seen until then.
func (c Check) Stands() bool { return c.Cleared && len(c.Ended) == 0 }

// standing are all reasons against the dose, those that were seen after the check too.
func (c Check) standing() []GateReason { return slices.Concat(c.Ended, c.Reasons) }

// gate collects the reasons of one check.
type gate struct {
	*course
	check   Fact
	reasons []GateReason
}

// judgeCheck judges a check by what the session's facts say of the time until then, by the
// treatment and the prescription of that time, and by what else was known when it came in.
func (c *course) judgeCheck(fact Fact) Check {
	g := gate{course: c, check: fact}
	g.order()
	g.pace()
	g.exposure()
	g.answers()
	g.symptoms()
	g.pregnancy()
	g.substances()
	g.fitness()
	g.pressure()
	g.quantities()
	g.outside()
	slices.SortStableFunc(g.reasons, func(a, b GateReason) int {
		switch {
		case a.Stop && !b.Stop:
			return -1
		case b.Stop && !a.Stop:
			return 1
		}
		return 0
	})
	check := Check{ID: fact.ID, At: fact.OccurredAt, Reasons: g.reasons, Cleared: len(g.reasons) == 0, ClearedAt: fact.OccurredAt}
	for _, o := range c.known.Overrides {
		if o.CheckID == fact.ID && !slices.ContainsFunc(g.reasons, func(r GateReason) bool { return r.Stop || !slices.Contains(o.Rules, r.Rule) }) {
			check.Cleared, check.ClearedAt = true, later(check.ClearedAt, o.At)
		}
	}
	return check
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// stop and hold note a reason.
func (g *gate) stop(r GateReason) {
	r.Stop = true
	g.reasons = append(g.reasons, r)
}

// stopFor notes a stop for a fact of the session.
func (g *gate) stopFor(r GateReason, fact Fact) {
	r.FactID = fact.ID
	g.stop(r)
}

func (g *gate) hold(r GateReason) { g.reasons = append(g.reasons, r) }

// order looks at the treatment and the prescription.
func (g *gate) order() {
	at := g.check.OccurredAt
	if g.known.Running == nil || !g.known.Running.Contains(at) {
		g.stop(GateReason{Rule: RuleTreatmentNotOpen, Source: "treatment.phase", Clears: "The treatment has to be in induction, maintenance or taper."})
	}
	if containsAny(g.known.TreatmentHolds, at) {
		g.stop(GateReason{Rule: RuleTreatmentOnHold, Source: "treatment.holds", Clears: "A prescriber resumes the treatment."})
	}
	active, found := g.prescriptionAt(at)
	if !found {
		g.stop(GateReason{Rule: RuleNoActivePrescription, Source: "prescriptions", Clears: "A prescriber signs a prescription."})
	}
	if containsAny(active.Holds, at) {
		g.stop(GateReason{Rule: RulePrescriptionOnHold, Source: "prescription.holds", Clears: "A prescriber resumes the prescription."})
	}
}

// pace looks at the sessions before: by the prescribed dose, since none is taken yet.
func (g *gate) pace() {
	pace := g.paceOf(g.check.OccurredAt)
	at, earlier := g.local(g.check.OccurredAt, g.check.TimeZone), g.earlier(g.check.OccurredAt)
	clears := "Wait until " + pace.earliest(at, earlier).UTC().Format(time.RFC3339) + "."
	if gap, short := pace.short(at, earlier); short {
		g.hold(GateReason{Rule: RuleIntervalShort, Value: gap, Limit: hours(pace.minHours), Source: pace.minSource, Clears: clears})
	}
	if n := pace.inWeek(at, earlier); n > pace.perWeek {
		g.hold(GateReason{Rule: RuleWeeklyLimit, Value: strconv.Itoa(n), Limit: strconv.Itoa(pace.perWeek), Source: pace.weekSource, Clears: clears})
	}
}

// exposure looks at what was taken in the 28 days before, with what is prescribed now.
func (g *gate) exposure() {
	active, found := g.prescriptionAt(g.check.OccurredAt)
	if !found { // it stops for itself
		return
	}
	at, limit := g.local(g.check.OccurredAt, g.check.TimeZone), g.known.Protocol.Sessions.MaxIn28DaysMg
	if sum := g.exposed(at, total(active.DoseMg, active.BoosterMg)); sum > limit {
		g.hold(GateReason{Rule: RuleExposure, Value: mg(sum), Limit: mg(limit), Source: "protocol.sessions.maxIn28DaysMg",
			Clears: "Wait until less was taken in the last 28 days, or ask the clinic about the dose."})
	}
}

// answers looks at what the person said who checked.
func (g *gate) answers() {
	fasting := g.known.Protocol.Sessions.Fasting
	for _, meal := range []struct {
		what  string
		since *int
		least int
	}{
		{"solids", g.check.SolidsFastedMin, fasting.SolidsMin},
		{"fluids", g.check.FluidsFastedMin, fasting.FluidsMin},
	} {
		reason := GateReason{Limit: minutes(meal.least), Source: "protocol.sessions.fasting." + meal.what + "Min", FactID: g.check.ID}
		switch {
		case meal.since == nil:
			reason.Rule, reason.Clears = RuleFastingUnknown, "Say how long ago the last "+meal.what+" were taken."
			g.hold(reason)
		case *meal.since < meal.least:
			reason.Rule, reason.Value = RuleFasting, minutes(*meal.since)
			reason.Clears = "Wait until " + minutes(meal.least) + " have passed since the last " + meal.what + "."
			g.hold(reason)
		}
	}
	switch present := g.check.SupportPersonPresent; {
	case present == nil:
		g.hold(GateReason{Rule: RuleSupportPersonUnknown, Source: "check", Clears: "Say whether the support person is there.", FactID: g.check.ID})
	case !*present:
		g.stop(GateReason{Rule: RuleSupportPersonMissing, Source: "check", Clears: "An adult support person has to be there, from before the dose until the end.", FactID: g.check.ID})
	case g.check.SupportPersonID == nil: // nobody knows that it is an adult
		g.hold(GateReason{Rule: RuleSupportPersonUnknown, Value: "not named", Source: "check", Clears: "Say which of the patient's support people is there.", FactID: g.check.ID})
	}
}

// symptoms looks for red flags: those that were asked for, and those that the session has seen, also
// at an earlier check.
func (g *gate) symptoms() {
	if g.check.RedFlags == nil {
		g.hold(GateReason{Rule: RuleSymptomsUnknown, Source: "check", Clears: "Ask for each of the red-flag symptoms.", FactID: g.check.ID})
	} else if *g.check.RedFlags != "" {
		g.stopFor(redFlagStop(*g.check.RedFlags, "check"), g.check)
	}
	for _, fact := range slices.Concat(g.observations, g.escalations, g.checked) {
		if symptom := fact.redFlag(g.known.Protocol); symptom != "" && fact.ID != g.check.ID && g.counts(fact) {
			g.stopFor(redFlagStop(symptom, "observations"), fact)
			return
		}
	}
}

// pregnancy looks for what an absolute contraindication forbids: it may have come after the treatment
// began.
func (g *gate) pregnancy() {
	reason := GateReason{Source: "check", FactID: g.check.ID}
	switch status := g.check.Pregnancy; {
	case status != nil && slices.Contains(PregnanciesExcluded, *status):
		reason.Rule, reason.Value = RulePregnancy, string(*status)
		reason.Clears = "No dose; the clinic decides what becomes of the treatment."
		g.stop(reason)
	case status == nil, *status != NotPregnant && *status != PregnancyNotApplicable:
		reason.Rule, reason.Clears = RulePregnancyUnknown, "Say whether the patient is or may be pregnant, plans to be, or nurses a child."
		g.hold(reason)
	}
}

// substances looks at what was taken beside what a prescriber had ordered.
func (g *gate) substances() {
	free := hours(g.known.Protocol.Sessions.SubstanceFreeHours)
	reason := GateReason{Limit: free, Source: "protocol.sessions.substanceFreeHours", FactID: g.check.ID}
	switch taken := g.check.Substances; {
	case taken == nil:
		reason.Rule, reason.Clears = RuleSubstancesUnknown, "Ask for each of the substances."
		g.hold(reason)
	case *taken != "":
		reason.Rule, reason.Value, reason.Clears = RuleSubstances, *taken, "Wait until "+free+" have passed since they were taken."
		g.hold(reason)
	}
}

// fitness looks at whether the patient is well and has slept.
func (g *gate) fitness() {
	switch ill := g.check.AcuteIllness; {
	case ill == nil:
		g.hold(GateReason{Rule: RuleAcuteIllnessUnknown, Source: "check", Clears: "Say whether the patient is acutely ill.", FactID: g.check.ID})
	case *ill:
		g.hold(GateReason{Rule: RuleAcuteIllness, Source: "check", Clears: "Wait until the patient is well again.", FactID: g.check.ID})
	}
	least := g.known.Protocol.Sessions.MinSleepHours
	reason := GateReason{Limit: hours(least), Source: "protocol.sessions.minSleepHours", FactID: g.check.ID}
	switch slept := g.check.SleptHours; {
	case slept == nil:
		reason.Rule, reason.Clears = RuleSleepUnknown, "Say how many hours the patient slept last night."
		g.hold(reason)
	case *slept < least:
		reason.Rule, reason.Value, reason.Clears = RuleSleepShort, hours(*slept), "Wait until after a night of at least "+hours(least)+" of sleep."
		g.hold(reason)
	}
}

// outside takes over what was looked up when the check came in. A saturation that was critical
// elsewhere is over when this session has measured a later one: that one is judged by itself.
func (g *gate) outside() {
	oxygen := g.latest(func(v Vitals) *int { return v.Spo2Percent })
	for _, reason := range g.known.Outside[g.check.ID] {
		over := reason.Rule == RuleSaturationCritical && oxygen != nil && reason.FoundAt != nil && oxygen.OccurredAt.After(*reason.FoundAt)
		if !over {
			g.reasons = append(g.reasons, reason)
		}
	}
}

// counts says whether something that was dangerous still stops a dose: for so many hours.
func (g *gate) counts(fact Fact) bool {
	age := g.check.OccurredAt.Sub(fact.OccurredAt)
	return age >= 0 && age <= time.Duration(g.known.Protocol.Vitals.PreDose.StopHours)*time.Hour
}
