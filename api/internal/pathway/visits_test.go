package pathway_test

import (
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/problem"
)

// visit is a session at home.
type visit struct {
	record
	course            *course
	planned           time.Time // the zero time for one that nobody planned
	cancelled, voided bool
	facts             []*fact
	reviewed          bool      // looked at, and nothing has come since
	shaken            bool      // something else may have given it a new deviation, which opens its review
	before            time.Time // when it began, until what was done last
}

// fact is something that happened in a session.
type fact struct {
	id, kind string
	at       time.Time
	struck   bool
	mg       int // of a dose
	booster  bool
	by       string // of an attestation: whose
	reading  reading
	check    check
}

// reading is a blood pressure in mmHg and a pulse a minute; 0 was not measured.
type reading struct{ systolic, diastolic, pulse int }

func (r reading) reaches(systolic, diastolic int) bool {
	return r.systolic >= systolic || r.diastolic >= diastolic
}

// check is what was said at the gate, and what came of it.
type check struct {
	fasted, present, symptoms string // "yes", "no", "unknown"
	pregnant, substances, ill string // the same
	slept                     string // yes, no, unknown: enough
	device                    string // what the phone made of it; empty when it was asked here
	who                       string // the id of the support person who is there; "" for nobody named
	outside                   []string
	reasons                   []string // of rules, sorted
	grave                     bool     // suicidality is a stop
	overridden                time.Time
	accepted                  []string // the rules that were overridden
}

// cleared: an override covers what it was made for, and nothing that was found later.
func (k check) cleared() bool {
	return !slices.ContainsFunc(k.reasons, func(r string) bool { return !slices.Contains(k.accepted, r) })
}

// of are the facts of some kinds that count, in the order in which they happened.
func (v *visit) of(kinds ...string) (list []*fact) {
	for _, f := range v.facts {
		if !f.struck && slices.Contains(kinds, f.kind) {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b *fact) int { return a.at.Compare(b.at) })
	return list
}

// started is when the first dose was taken; the zero time for never.
func (v *visit) started() (at time.Time) {
	if doses := v.of("dose"); len(doses) > 0 && !v.voided {
		at = doses[0].at
	}
	return at
}

// ending is the end that counts: the first one from the first dose on, else the first.
func (v *visit) ending() *fact {
	ends := v.of("completion", "abort")
	for _, f := range ends {
		if !v.started().IsZero() && !f.at.Before(v.started()) {
			return f
		}
	}
	if len(ends) == 0 {
		return nil
	}
	return ends[0]
}

// raw is the status but for what time makes of it.
func (v *visit) raw() string {
	end, checks := v.ending(), v.of("check")
	switch {
	case v.voided:
		return "enteredInError"
	case end != nil && v.reviewed:
		return "reviewed"
	case end != nil && end.kind == "abort":
		return "aborted"
	case end != nil:
		return "completed"
	case !v.started().IsZero():
		return "monitoring"
	case v.cancelled || v.planned.IsZero():
		return "cancelled"
	case len(checks) == 0:
		return "scheduled"
	case checks[len(checks)-1].check.cleared() && len(v.since(checks[len(checks)-1], v.latest())) == 0:
		return "cleared"
	}
	return "held"
}

func (v *visit) waiting() bool {
	return slices.Contains([]string{"scheduled", "held", "cleared"}, v.raw())
}

func (v *visit) statusAt(now time.Time) string {
	switch {
	case !v.waiting():
		return v.raw()
	case !now.Before(v.planned.Add(24 * time.Hour)):
		return "missed"
	case v.raw() == "cleared" && now.After(v.cleared().Add(time.Hour)):
		return "scheduled"
	}
	return v.raw()
}

// cleared is when the last check was cleared.
func (v *visit) cleared() time.Time {
	checks := v.of("check")
	last := checks[len(checks)-1]
	if len(last.check.reasons) > 0 {
		return last.check.overridden
	}
	return last.at
}

// affected says whether the patient is between a dose and the release of its session.
func (c *care) affected() bool {
	for _, t := range c.courses {
		for _, v := range t.visits {
			from := v.started()
			if from.IsZero() {
				continue
			}
			end := v.ending()
			until := undriven(v)
			if end != nil && !end.at.Before(from) {
				until = end.at
			}
			if (span{from, until}).has(c.now) {
				return true
			}
		}
	}
	return false
}

// undriven is until when the patient must not drive: 24 hours, and the next morning at six.
func undriven(v *visit) (until time.Time) {
	for _, d := range v.of("dose") {
		year, month, day := d.at.In(newYork).Date()
		for _, at := range []time.Time{d.at.Add(24 * time.Hour), time.Date(year, month, day+1, 6, 0, 0, 0, newYork)} {
			if at.After(until) {
				until = at
			}
		}
	}
	return until
}

// pace is how often sessions with a dose may take place: the hours between them, and how many in
// seven days, by how much is taken for each kg.
func pace(mg, kg int) (gap time.Duration, week int) {
	switch {
	case kg == 0 || mg >= 4*kg:
		return 72 * time.Hour, 2
	case 2*mg <= 3*kg:
		return 24 * time.Hour, 3 // what the orders of the model say is stricter than 20 hours and 7
	}
	return 48 * time.Hour, 3
}

// crowded says whether a session at a time is too near to others, and whether there are too many
// in seven days.
func crowded(at time.Time, others []time.Time, gap time.Duration, week int) (near, many bool) {
	all := append(slices.Clone(others), at)
	for i, first := range all {
		near = near || i < len(others) && at.Sub(first).Abs() < gap
		end, n := first.In(newYork).AddDate(0, 0, 7), 0
		for _, other := range all {
			if !other.Before(first) && other.Before(end) {
				n++
			}
		}
		many = many || !at.Before(first) && at.Before(end) && n > week
	}
	return near, many
}

// others are when the patient's other sessions began or, if asked for, are planned to.
func (c *care) others(self *visit, plans bool) (list []time.Time) {
	for _, t := range c.courses {
		for _, v := range t.visits {
			switch status := v.statusAt(c.now); {
			case v == self:
			case !v.started().IsZero():
				list = append(list, v.started())
			case plans && v.waiting() && status != "missed":
				list = append(list, v.planned)
			case plans && status == "completed": // nobody has told of its dose yet
				list = append(list, v.began())
			}
		}
	}
	return list
}

func (c *care) schedule(t *course, self *visit, at time.Time) problem.Code {
	o := t.inForce()
	active := o != nil && at.Before(o.expires())
	gap, week := pace(1000, 1)
	if active {
		gap, week = pace(o.mg, c.weightAt(c.now))
	}
	near, many := crowded(at, c.others(self, true), gap, week)
	return refused(rule(!t.running() || t.hold || !active || o.hold || near || many || at.Before(c.now)))
}

func (v *visit) reschedule() problem.Code {
	return refused(in(v.raw(), "scheduled", "held", "cleared"))
}

func (v *visit) takes() problem.Code { return refused(objection{v.voided, problem.IllegalTransition}) }

func (c *care) review(v *visit) problem.Code {
	untriaged := slices.ContainsFunc(c.events, func(e *event) bool { return e.visit == v && e.status == "reported" })
	return refused(in(v.raw(), "completed", "aborted"), rule(untriaged))
}

// lot is what a pharmacy has handed out.
type lot struct {
	record
	of     *order
	units  int
	at     time.Time
	until  string // the last day on which it may be taken
	struck bool
}
