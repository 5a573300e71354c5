package pathway_test

import (
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/problem"
)

// order is a prescription of whole tablets of 50 mg.
type order struct {
	record
	status                string
	hold                  bool
	locked, unlocked      bool // on hold for signs of misuse; it was until a moment ago
	everLocked            bool
	mg                    int
	signer                string
	signed, active, ended time.Time
	holds                 []span
	from                  *change
}

// span is a time that has begun; it goes on while its end is the zero time.
type span struct{ from, until time.Time }

func (s span) has(at time.Time) bool {
	return !s.from.IsZero() && !at.Before(s.from) && (s.until.IsZero() || at.Before(s.until))
}

func (o *order) expires() time.Time { return months(o.signed, 6) }

func (o *order) statusAt(now time.Time) string {
	if o.status == "active" && !now.Before(o.expires()) {
		return "expired"
	}
	return o.status
}

// good says whether a dose may be taken from it at a time, as far as it goes.
func (o *order) good(at time.Time) bool {
	return slices.Contains([]string{"active", "stopped", "superseded"}, o.status) && !o.active.IsZero() &&
		span{o.active, o.ended}.has(at) && at.Before(o.expires())
}

// activeAt is the order that is good at a time, or nil.
func (t *course) activeAt(at time.Time) *order {
	for _, o := range slices.Backward(t.orders) {
		if o.good(at) {
			return o
		}
	}
	return nil
}

// inForce is the signed order that has not ended, perhaps expired; nil for none.
func (t *course) inForce() *order {
	i := slices.IndexFunc(t.orders, func(o *order) bool { return o.status == "active" })
	if i < 0 {
		return nil
	}
	return t.orders[i]
}

// The most that one prescriber may sign for alone, and that anybody may, in mg: the lower of an
// amount and an amount for each kg.
func soft(kg int) int { return min(450, 6*kg) }
func hard(kg int) int { return min(600, 7*kg) }

// lawDay is from when on the law asks for an examination in person.
var lawDay = time.Date(2027, 1, 1, 0, 0, 0, 0, newYork)

func (c *care) prescribe(t *course) problem.Code {
	return refused(objection{!t.open(), problem.IllegalTransition})
}

func (c *care) signOrder(t *course, o *order, reviewed map[string]int) problem.Code {
	kg := c.weightAt(c.now)
	weighed := kg > 0 && c.since(c.weights[len(c.weights)-1].at, 90)
	return refused(
		in(o.status, "draft"), objection{!t.open(), problem.IllegalTransition},
		objection{!weighed, problem.WeightRequired}, objection{o.mg > hard(kg), problem.HardMaximumExceeded},
		rule(t.locked(c.now) || c.unreviewed(reviewed) || !c.consented() || !c.since(c.monitoredAt, 90) || !c.now.Before(lawDay) && c.examinedAt.IsZero()),
	)
}

func (c *care) cosign(t *course, o *order, who string) problem.Code {
	return refused(
		in(o.status, "awaitingCosignature"), objection{!t.open(), problem.IllegalTransition},
		rule(t.locked(c.now) || who == o.signer || !c.now.Before(o.expires())),
	)
}

func (o *order) takeBack() problem.Code { return refused(in(o.status, "awaitingCosignature")) }
func (o *order) change() problem.Code   { return refused(in(o.status, "draft")) }
func (o *order) stop(now time.Time) problem.Code {
	return refused(in(o.statusAt(now), "active"))
}

func (o *order) pause(now time.Time) problem.Code {
	return refused(in(o.statusAt(now), "active"), objection{o.hold, problem.IllegalTransition})
}

func (o *order) resume(now time.Time) problem.Code {
	return refused(in(o.statusAt(now), "active"), objection{!o.hold, problem.IllegalTransition})
}

func (o *order) void() problem.Code {
	return refused(in(o.status, "awaitingCosignature", "active", "stopped", "superseded", "discarded"))
}

// activate is what follows from the last signature: another one gives way, and the adjustment
// that it comes from is applied.
func (t *course) activate(o *order, now time.Time) {
	if old := t.inForce(); old != nil {
		old.end("superseded", now)
	}
	o.status, o.active = "active", now
	if o.from != nil {
		o.from.status = "applied"
	}
}

func (o *order) end(status string, now time.Time) {
	o.status = status
	o.resumed(now)
	if o.ended.IsZero() {
		o.ended = now
	}
}

func (o *order) paused(now time.Time) {
	o.hold, o.holds = true, append(o.holds, span{from: now})
}

func (o *order) resumed(now time.Time) {
	if o.hold {
		o.hold, o.holds[len(o.holds)-1].until = false, now
	}
	o.locked, o.unlocked = false, o.unlocked || o.locked
}

// lock takes the place of any other hold, without a gap. What made it was before it.
func (o *order) lock(now time.Time) {
	from := now
	if !o.hold {
		from = now.Add(time.Microsecond)
	}
	o.resumed(now)
	o.paused(from)
	o.locked, o.everLocked = true, true
}

// locked says whether the order in force is.
func (t *course) locked(now time.Time) bool {
	o := t.inForce()
	return o != nil && o.locked && o.statusAt(now) == "active"
}

// change is an adjustment: another dose.
type change struct {
	record
	status   string
	proposed time.Time
	mg       int
	of       *order
	draft    *order
	fresh    freshness
}

// freshness says whether there is something newer than a proposal.
type freshness int

const (
	nothingNew freshness = iota
	// perhapsNew: an alert may have been raised, which the model does not follow.
	perhapsNew
	somethingNew
)

func (ch *change) statusAt(now time.Time) string {
	if ch.status == "proposed" && !now.Before(ch.proposed.AddDate(0, 0, 14)) {
		return "expired"
	}
	return ch.status
}

func (ch *change) living() bool {
	return ch.draft != nil && ch.draft.status != "discarded" && ch.draft.status != "enteredInError"
}

// news is something that an approval must not overlook.
func (c *care) news(f freshness) {
	for _, t := range c.courses {
		for _, ch := range t.changes {
			ch.fresh = max(ch.fresh, f)
		}
	}
}

func (c *care) propose(t *course, mg int) problem.Code {
	another := slices.ContainsFunc(t.changes, func(ch *change) bool {
		return slices.Contains([]string{"proposed", "approved"}, ch.statusAt(c.now))
	})
	now := t.inForce()
	return refused(
		objection{!t.open(), problem.IllegalTransition}, objection{another, problem.AdjustmentOpen},
		rule(now == nil || now.mg == mg),
	)
}

func (c *care) approve(t *course, ch *change) problem.Code {
	return refused(in(ch.statusAt(c.now), "proposed"), objection{t.inForce() != ch.of, problem.EvidenceChanged})
}

func (c *care) reject(ch *change) problem.Code { return refused(in(ch.statusAt(c.now), "proposed")) }

func (c *care) withdrawChange(ch *change) problem.Code {
	return refused(in(ch.statusAt(c.now), "proposed", "approved"), objection{ch.living(), problem.AlreadyApplied})
}

func (c *care) apply(t *course, ch *change) problem.Code {
	return refused(
		objection{ch.status == "applied" || ch.status == "approved" && ch.living(), problem.AlreadyApplied},
		in(ch.statusAt(c.now), "approved"), objection{t.inForce() != ch.of, problem.EvidenceChanged},
	)
}

// event is an adverse event.
type event struct {
	record
	status string
	visit  *visit
	term   string
	at     time.Time
}

func (e *event) triage() problem.Code { return refused(in(e.status, "reported")) }
func (e *event) close() problem.Code  { return refused(in(e.status, "triaged")) }
func (e *event) reopen() problem.Code { return refused(in(e.status, "closed")) }
func (e *event) void() problem.Code   { return refused(in(e.status, "reported", "triaged", "closed")) }
