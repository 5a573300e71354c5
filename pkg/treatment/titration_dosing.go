package treatment

import (
	"math"
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
)

// weekHours is how many hours the protocol's and the prescription's seven days have.
const weekHours = 7 * 24

// makeable is the largest amount up to one that units of an order make: doses are rounded down.
func (p Protocol) makeable(o Order, amount dose.Mg) dose.Mg {
	part := Lot{StrengthMg: o.StrengthMg, Step: p.Supply.UnitStep[o.Form]}.part()
	return max(0, amount-amount%part)
}

// percentOf is a share of an amount, rounded down.
func percentOf(amount dose.Mg, percent int) dose.Mg {
	return dose.Units(percent * 10).Of(amount) // thousandths
}

// ceiling is why a dose cannot rise at all; empty when it may.
func (t *titration) ceiling() string {
	o, soft := t.Prescription.Order, t.Protocol.Prescribing.SoftMaximum.At(t.Weight.Kg)
	if o.Total() >= soft {
		return "The dose is at the soft maximum of " + mg(soft) + "."
	}
	for _, earlier := range t.Earlier {
		if earlier.Form == o.Form && earlier.Route == o.Route && earlier.DoseMg > o.DoseMg {
			return "A higher dose was prescribed before and given up."
		}
	}
	return ""
}

// raised is the dose one step up: within the largest step, the soft maximum with the booster, and
// what units make. A step that would ask for a longer interval is cut: it would be two changes.
func (t *titration) raised() (to dose.Mg, possible bool) {
	o, p := t.Prescription.Order, t.Protocol
	step := min(percentOf(o.DoseMg, t.policy.Increase.MaxStepPercent), t.policy.Increase.MaxStepMg)
	most := min(total(o.DoseMg, step), p.Prescribing.SoftMaximum.At(t.Weight.Kg)-o.BoosterMg)
	tiers := p.Sessions.Tiers
	for _, limit := range []dose.Mg{math.MaxInt64, dose.PerKg(tiers.HighMinMgPerKg, t.Weight.Kg) - 1, dose.PerKg(tiers.LowMaxMgPerKg, t.Weight.Kg)} {
		to = p.makeable(o, min(most, limit-o.BoosterMg))
		if to > o.DoseMg && t.keepsPace(to) && t.prescribedHours() >= t.monthHours(total(to, o.BoosterMg)) {
			return to, true
		}
	}
	return 0, false
}

// keepsPace says whether another dose may be taken as often as the present one.
func (t *titration) keepsPace(to dose.Mg) bool {
	o, p := t.Prescription.Order, t.Protocol
	now := p.pace(p.Tier(o.Total(), &t.Weight.Kg), o.MinIntervalHours, o.SessionsPerWeek)
	then := p.pace(p.Tier(total(to, o.BoosterMg), &t.Weight.Kg), o.MinIntervalHours, o.SessionsPerWeek)
	return then.minHours <= now.minHours && then.perWeek >= now.perWeek
}

// lowered is the largest dose that units make and that is lower by the protocol's share at least.
func (t *titration) lowered() (to dose.Mg, possible bool) {
	o := t.Prescription.Order
	to = t.Protocol.makeable(o, percentOf(o.DoseMg, 100-t.policy.DecreasePercent.Min))
	return to, to > 0
}

// prescribedHours is from session to session as often as the order and the protocol allow it, for
// ever: the interval, or an equal share of seven days.
func (t *titration) prescribedHours() int {
	o := t.Prescription.Order
	var weight *dose.Kg
	if t.Weight != nil {
		weight = &t.Weight.Kg
	}
	pace := t.Protocol.pace(t.Protocol.Tier(o.Total(), weight), o.MinIntervalHours, o.SessionsPerWeek)
	return max(pace.minHours, perSession(pace.perWeek))
}

// shortestHours is the shortest interval that the protocol allows at the present dose.
func (t *titration) shortestHours() int {
	tier := t.Protocol.Tier(t.Prescription.Total(), &t.Weight.Kg)
	return max(t.Protocol.Sessions.MinIntervalHours.of(tier), perSession(t.Protocol.Sessions.MaxIn7Days.of(tier)), t.monthHours(t.Prescription.Total()))
}

// monthHours is the shortest interval at which sessions of so much stay within what may be taken in 28 days.
func (t *titration) monthHours(each dose.Mg) int {
	n := int(t.Protocol.Sessions.MaxIn28DaysMg / max(each, 1))
	return (4*weekHours + n - 1) / max(n, 1)
}

// perSession is an equal share of seven days, in hours, rounded up.
func perSession(perWeek int) int { return (weekHours + perWeek - 1) / max(perWeek, 1) }

// usedHours is the interval in use: the median of the last intervals, but not less than what is
// prescribed.
func (t *titration) usedHours() int {
	var gaps []int
	for i := len(t.Sessions) - 1; i > 0 && len(gaps) < t.policy.Interval.DurationIntervals; i-- {
		gaps = append(gaps, int(t.Sessions[i].At.Sub(t.Sessions[i-1].At)/time.Hour))
	}
	if len(gaps) == 0 {
		return t.prescribedHours()
	}
	return max(median(gaps), t.prescribedHours())
}

// every is the change to another interval. A shorter one needs as many sessions in seven days as
// there is room for; a longer one leaves their number, which then says less.
func (t *titration) every(interval int) DosingChange {
	change := DosingChange{MinIntervalHours: new(interval)}
	if perWeek := perSession(interval); perWeek > t.Prescription.SessionsPerWeek { // ⌈168 ÷ hours⌉
		change.SessionsPerWeek = new(perWeek)
	}
	return change
}
