package pathway_test

import (
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/problem"
)

// fine is the verdict on what the rules allow.
const fine problem.Code = ""

// care is what the model knows about one patient.
type care struct {
	now       time.Time
	intakes   []*intake
	consents  map[string]*consent // by kind
	courses   []*course
	events    []*event
	medicines []*medicine
	lots      []*lot
	// statements are what was said of lots, signs those of misuse that there ever were.
	statements []*statement
	signs      []*sign
	answered   []*questionnaire
	status     string // the patient's
	weights    []weight
	// pressures are those that were measured outside of sessions.
	pressures []pressure
	// When something was last known; the zero time is never.
	pressureAt, monitoredAt, examinedAt time.Time
	supporter, evidence                 string // ids: of a support person, of a measurement
}

// record is where something is in the server.
type record struct{ noun, id string }

type pressure struct {
	reading reading
	at      time.Time
}

type weight struct {
	kg int
	at time.Time
}

// always is the verdict on facts, and on what no rule forbids.
func always() problem.Code { return fine }

// objection is something that stands in the way of an operation, and how the server says so.
type objection struct {
	stands bool
	code   problem.Code
}

// refused is the first of some objections that stands.
func refused(objections ...objection) problem.Code {
	for _, o := range objections {
		if o.stands {
			return o.code
		}
	}
	return fine
}

// in refuses what is not possible in a status.
func in(status string, allowed ...string) objection {
	return objection{!slices.Contains(allowed, status), problem.IllegalTransition}
}

func rule(broken bool) objection { return objection{broken, problem.RuleViolated} }

// since says whether something was known at most so many days ago.
func (c *care) since(at time.Time, days int) bool {
	return !at.IsZero() && c.now.Sub(at) <= time.Duration(days)*24*time.Hour
}

// weightAt is the newest weight of a time, in kg; 0 for none.
func (c *care) weightAt(at time.Time) (kg int) {
	for _, w := range c.weights {
		if !w.at.After(at) {
			kg = w.kg
		}
	}
	return kg
}

// questionnaire is an assessment that was answered.
type questionnaire struct {
	record
	instrument, status string
	at                 time.Time
}

// answeredAt is when a questionnaire was last answered, as far as that counts.
func (c *care) answeredAt(instrument string) (at time.Time) {
	for _, q := range c.answered {
		if q.instrument == instrument && q.status != "enteredInError" && q.at.After(at) {
			at = q.at
		}
	}
	return at
}

func (q *questionnaire) review() problem.Code { return refused(in(q.status, "submitted")) }

func (q *questionnaire) change() problem.Code { return refused(in(q.status, "submitted", "reviewed")) }

// intake is a consultation.
type intake struct {
	record
	status             string
	answers            string // "", "part", "clean", "pregnant"
	decided, foundGood time.Time
	used               bool // a treatment rests on it
}

func (i *intake) statusAt(now time.Time) string {
	if i.status == "eligible" && !i.used && now.Sub(i.foundGood) > 90*24*time.Hour {
		return "expired"
	}
	return i.status
}

func (c *care) open() problem.Code {
	undecided := slices.ContainsFunc(c.intakes, func(i *intake) bool {
		return slices.Contains([]string{"draft", "submitted", "awaitingInfo", "deferred"}, i.status)
	})
	return refused(objection{undecided, problem.ConsultationOpen}, rule(c.status != "active"))
}

func (i *intake) fill() problem.Code { return refused(in(i.status, "draft", "awaitingInfo")) }

func (i *intake) submit() problem.Code {
	return refused(in(i.status, "draft", "awaitingInfo"), rule(i.answers == "" || i.answers == "part"))
}

func (i *intake) ask() problem.Code { return refused(in(i.status, "submitted")) }
func (i *intake) withdraw() problem.Code {
	return refused(in(i.status, "draft", "submitted", "awaitingInfo"))
}
func (i *intake) reopen() problem.Code { return refused(in(i.status, "deferred")) }
func (i *intake) clear() problem.Code  { return refused(in(i.status, "eligibleWithConditions")) }

// doubts are the reasons of which a medicine, or one that nobody knows, gives a prescriber to think.
func (c *care) doubts() (reasons []string) {
	takes := func(class string) bool {
		return slices.ContainsFunc(c.medicines, func(m *medicine) bool { return m.class == class && !m.over(c.now) })
	}
	if takes("") {
		reasons = append(reasons, "benzodiazepine")
	}
	if takes("") || takes("maoi") {
		reasons = append(reasons, "maoi")
	}
	return reasons
}

// decide: nobody is found eligible who is not known well enough, to whom an absolute reason applies, or
// with a doubt that the prescriber has not accepted.
func (c *care) decide(i *intake, outcome string, accepted []string) problem.Code {
	good := outcome == "eligible" || outcome == "eligibleWithConditions"
	known := c.supporter != "" && c.since(c.pressureAt, 30)
	for _, instrument := range []string{"phq-9", "gad-7", "c-ssrs-screener"} {
		known = known && c.since(c.answeredAt(instrument), 30)
	}
	return refused(in(i.status, "submitted"), rule(good && (!known || i.answers == "pregnant" || !slices.Equal(accepted, c.doubts()))))
}

// eligible says whether the newest decision lets a treatment begin: one of before the end of another
// treatment does not.
func (c *care) eligible() bool {
	var newest *intake
	for _, i := range c.intakes {
		if !i.decided.IsZero() && (newest == nil || !i.decided.Before(newest.decided)) {
			newest = i
		}
	}
	outlived := slices.ContainsFunc(c.courses, func(t *course) bool { return newest != nil && !newest.decided.After(t.ended) })
	return newest != nil && newest.status == "eligible" && !outlived && c.since(newest.foundGood, 90)
}

var kinds = []string{"treatment", "telehealth", "controlledSubstance", "supportPerson", "noDriving"}

type consent struct {
	record
	status string
	signed time.Time
}

func (k *consent) statusAt(now time.Time) string {
	if k.status == "signed" && !now.Before(months(k.signed, 12)) {
		return "expired"
	}
	return k.status
}

func (k *consent) present(now time.Time) problem.Code {
	status := k.statusAt(now)
	return refused(objection{status == "presented" || status == "signed", problem.IllegalTransition})
}

// sign: nobody signs between a dose and the release of its session.
func (c *care) sign(k *consent) problem.Code {
	return refused(in(k.statusAt(c.now), "presented"), rule(c.affected()))
}

func (k *consent) decline() problem.Code  { return refused(in(k.status, "presented")) }
func (k *consent) withdraw() problem.Code { return refused(in(k.status, "signed")) }

// consented says whether every required consent is in force.
func (c *care) consented() bool {
	return !slices.ContainsFunc(kinds, func(kind string) bool { return c.consents[kind].statusAt(c.now) != "signed" })
}

// months later, in New York; in a month that is too short on its last day.
func months(at time.Time, n int) time.Time {
	at = at.In(newYork)
	later := at.AddDate(0, n, 0)
	if later.Day() != at.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
}

// course is a treatment.
type course struct {
	record
	phase        string
	hold         bool
	acknowledged bool
	begun, ended time.Time // between them doses belong to it
	holds        []span
	orders       []*order
	visits       []*visit
	changes      []*change
}

func (t *course) open() bool    { return t.phase == "planned" || t.running() }
func (t *course) running() bool { return slices.Contains(running, t.phase) }

var running = []string{"induction", "maintenance", "taper"}

func (c *care) start() problem.Code {
	another := slices.ContainsFunc(c.courses, (*course).open)
	return refused(objection{another, problem.TreatmentOpen}, rule(!c.eligible() || !c.consented() || c.status != "active"))
}

var nextPhases = map[string][]string{
	"planned": {"induction"}, "induction": {"maintenance", "taper", "completed"}, "maintenance": {"taper", "completed"}, "taper": {"maintenance", "completed"},
}

func (c *care) move(t *course, phase string) problem.Code {
	baseline := !c.answeredAt("phq-9").IsZero() && !c.answeredAt("gad-7").IsZero()
	return refused(
		objection{!slices.Contains(nextPhases[t.phase], phase), problem.IllegalTransition},
		rule(phase == "induction" && (!baseline || !t.acknowledged)),
	)
}

func (t *course) pause() problem.Code {
	return refused(objection{!t.open(), problem.IllegalTransition})
}
func (t *course) resume() problem.Code { return refused(objection{!t.hold, problem.IllegalTransition}) }

func (t *course) paused(now time.Time) {
	if !t.hold {
		t.hold, t.holds = true, append(t.holds, span{from: now})
	}
}

func (t *course) resumed(now time.Time) {
	if t.hold {
		t.hold, t.holds[len(t.holds)-1].until = false, now
	}
}

// end is what follows from the end of a treatment.
func (t *course) end(phase string, now time.Time) {
	t.resumed(now)
	t.phase, t.ended = phase, now
	for _, o := range t.orders {
		switch o.status {
		case "active":
			o.end("stopped", now)
		case "draft", "awaitingCosignature":
			o.status = "discarded"
		}
	}
	for _, ch := range t.changes {
		if s := ch.statusAt(now); s == "proposed" || s == "approved" {
			ch.status = "withdrawn"
		}
	}
	t.cancelPlanned(now)
}

// cancelPlanned: what was missed until then stays missed.
func (t *course) cancelPlanned(now time.Time) {
	for _, v := range t.visits {
		if v.waiting() && v.statusAt(now) != "missed" {
			v.cancelled = true
		}
	}
}
