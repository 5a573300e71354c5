package treatment

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Vitals is one reading. What was not measured is nil, and never counts as normal.
type Vitals struct {
	SystolicMmHg  *int
	DiastolicMmHg *int
	HeartRateBpm  *int
	Spo2Percent   *int
}

// Moment is when a reading was taken.
type Moment int

const (
	// BeforeDose: before any dose of a session, or outside of sessions.
	BeforeDose Moment = iota
	// AfterDose: after the first dose of the session.
	AfterDose
)

// Limits are one patient's own limits for blood pressure before a dose, in mmHg. They may
// only be tighter than the protocol's; nil leaves the protocol's.
type Limits struct {
	HoldSystolicMmHg  *int
	HoldDiastolicMmHg *int
	StopSystolicMmHg  *int
	StopDiastolicMmHg *int
}

// LimitsSince are a patient's own limits from a time on.
type LimitsSince struct {
	Limits
	Since time.Time
}

// LimitsAt are those of a time, of some in the order of time: what happened is judged by the limits
// that it could be known to break. Of before the first they are the first.
func LimitsAt(list []LimitsSince, at time.Time) (found Limits) {
	for i, l := range list {
		if i == 0 || !l.Since.After(at) {
			found = l.Limits
		}
	}
	return found
}

// loosened objects to every limit that is above the protocol's.
func (l Limits) loosened(o *objections, p Protocol) {
	pre := p.Vitals.PreDose
	for _, limit := range []struct {
		name string
		own  *int
		most int
	}{
		{"holdSystolicMmHg", l.HoldSystolicMmHg, pre.SoftHold.SystolicMmHg},
		{"holdDiastolicMmHg", l.HoldDiastolicMmHg, pre.SoftHold.DiastolicMmHg},
		{"stopSystolicMmHg", l.StopSystolicMmHg, pre.HardStop.SystolicMmHg},
		{"stopDiastolicMmHg", l.StopDiastolicMmHg, pre.HardStop.DiastolicMmHg},
	} {
		if limit.own != nil && *limit.own > limit.most {
			o.add(CodeRuleViolated, Reason{Rule: RuleLimits, Value: strconv.Itoa(*limit.own), Limit: strconv.Itoa(limit.most),
				Pointer: "/limits/" + limit.name, Detail: "a patient's limit may only be tighter than the protocol's"})
		}
	}
}

// preDose is the pair of pressures that hold a dose and the pair that stop it, for one patient.
func (l Limits) preDose(p Protocol) (hold, stop BloodPressure) {
	pre := p.Vitals.PreDose
	return BloodPressure{tighter(l.HoldSystolicMmHg, pre.SoftHold.SystolicMmHg), tighter(l.HoldDiastolicMmHg, pre.SoftHold.DiastolicMmHg)},
		BloodPressure{tighter(l.StopSystolicMmHg, pre.HardStop.SystolicMmHg), tighter(l.StopDiastolicMmHg, pre.HardStop.DiastolicMmHg)}
}

func tighter(own *int, limit int) int {
	if own == nil {
		return limit
	}
	return min(*own, limit)
}

// reached says whether one of the two pressures of a reading is at or above its limit.
func (b BloodPressure) reached(v Vitals) bool {
	return (v.SystolicMmHg != nil && *v.SystolicMmHg >= b.SystolicMmHg) ||
		(v.DiastolicMmHg != nil && *v.DiastolicMmHg >= b.DiastolicMmHg)
}

func (b BloodPressure) String() string {
	return fmt.Sprintf("%d/%d mmHg", b.SystolicMmHg, b.DiastolicMmHg)
}

// JudgeVitals says which alerts a reading raises: one for the pressure at most, and one for a
// critical saturation. A doubtful reading is judged like any other: a real 270 is the emergency.
func JudgeVitals(v Vitals, when Moment, p Protocol, l Limits) []Raised {
	raised := v.judgePressure(when, p, l)
	if critical := p.Vitals.PreDose.SpO2.CriticalBelowPercent; v.Spo2Percent != nil && *v.Spo2Percent < critical {
		raised = append(raised, Raised{Rule: AlertSpo2Critical, Severity: alertSeverity[AlertSpo2Critical],
			Value: strconv.Itoa(*v.Spo2Percent) + " %", Limit: strconv.Itoa(critical) + " %"})
	}
	return raised
}

// judgePressure judges systolic and diastolic pressure each by itself; the worse of the two
// decides. At or above the critical pair it is a crisis at any time. Before a dose the hard pair
// comes next, then the soft one; after a dose the pair at which the clinic is told.
func (v Vitals) judgePressure(when Moment, p Protocol, l Limits) []Raised {
	hold, stop := l.preDose(p)
	during := p.Vitals.DuringSession
	switch {
	case during.Critical.reached(v):
		return v.raise(AlertBPCrisis, during.Critical)
	case when == AfterDose && during.Notify.reached(v):
		return v.raise(AlertBPHigh, during.Notify)
	case when == AfterDose:
		return nil
	case stop.reached(v):
		return v.raise(AlertBPPreHard, stop)
	case hold.reached(v):
		return v.raise(AlertBPPreSoft, hold)
	}
	return nil
}

func (v Vitals) raise(rule AlertRule, limit BloodPressure) []Raised {
	return []Raised{{Rule: rule, Severity: alertSeverity[rule], Value: v.pressure(), Limit: limit.String()}}
}

// pressure writes the reading's blood pressure, with a dash for what was not measured.
func (v Vitals) pressure() string {
	text := func(n *int) string {
		if n == nil {
			return "-"
		}
		return strconv.Itoa(*n)
	}
	return text(v.SystolicMmHg) + "/" + text(v.DiastolicMmHg) + " mmHg"
}

// Doubtful says whether a reading is implausible: a value outside the protocol's range, or a
// diastolic pressure that is not below the systolic one.
func (v Vitals) Doubtful(p Protocol) bool {
	findings := v.findings(p)
	return slices.Contains(findings[:], implausible)
}

// finding is what a reading says about one quantity.
type finding int

const (
	notMeasured finding = iota
	plausible
	implausible
)

// findings judges systolic, diastolic, heart rate and saturation, in this order.
func (v Vitals) findings(p Protocol) [4]finding {
	limits := p.Vitals.Plausible
	found := [4]finding{
		limits.SystolicMmHg.judge(v.SystolicMmHg), limits.DiastolicMmHg.judge(v.DiastolicMmHg),
		limits.HeartRateBpm.judge(v.HeartRateBpm), limits.Spo2Percent.judge(v.Spo2Percent),
	}
	if v.SystolicMmHg != nil && v.DiastolicMmHg != nil && *v.DiastolicMmHg >= *v.SystolicMmHg {
		found[0], found[1] = implausible, implausible
	}
	return found
}

func (r Range) judge(value *int) finding {
	switch {
	case value == nil:
		return notMeasured
	case *value < r.Min || *value > r.Max:
		return implausible
	}
	return plausible
}
