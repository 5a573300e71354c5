package api

import (
	"maps"
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
)

// dosing is how a session goes. The zero value is an ordinary one: the prescribed dose, blood
// pressure before, during and after it, watched for long enough, looked at by the nurse.
type dosing struct {
	taken      dose.Mg // if not what is prescribed
	typed      dose.Mg // by mistake; struck out and entered again
	booster    bool
	minutes    int     // from the last dose to the end, if not as many as it takes
	before     reading // if not an ordinary one
	repeated   reading // once more before the dose
	during     reading // if not an ordinary one
	oxygen     int     // saturation then, if not an ordinary one
	unmeasured bool    // nobody measured after the dose
	unended    bool    // the phone fell silent before the end
	noticed    obj     // beside the ordinary
	racing     bool    // the heart is too fast for the gate
	override   string  // why the prescriber lets the dose be taken in spite of what the gate holds for
	ungated    bool    // nobody asks the gate; as when nobody has planned the session
	left       bool    // the support person went away
	abort      oapi.AbortReason
	redFlag    oapi.RedFlag // for which help is called
	offline    bool         // the phone sends everything the next morning, in no order
	review     string       // what the nurse writes, if not the ordinary

	silent     bool // the patient does not report the next day
	unreviewed bool
}

// planned is when a session is meant to begin. Who has one every day begins a little later each
// day: a minute earlier would be the eighth in a week.
func (c *chart) planned(day int) time.Time {
	at := c.at(day, c.begins)
	if c.order.SessionsPerWeek == 7 {
		at = at.Add(time.Duration(15+day) * 5 * time.Minute)
	}
	return at
}

// schedule plans a session; its id is known when that time has come.
func (c *chart) schedule(day, daysAhead int) *string {
	c.needs(day-daysAhead, c.prescribed())
	id, planned := new(string), c.planned(day)
	when := c.at(day-daysAhead, "18:30")
	if when.Before(c.ready) {
		when = c.ready
	}
	c.add(when, func() {
		*id = c.plan(c.self, "/treatments/"+c.treatment+"/sessions", obj{"plannedAt": planned.Format(time.RFC3339), "timeZone": c.home.zone}).ID
	})
	return id
}

// rehearse plans a session; the evening before, the patient tries out what is asked before a dose.
func (c *chart) rehearse(day int) {
	id, at := c.schedule(day, 2), c.at(day-2, "21:00")
	c.add(at, func() {
		c.fact(c.self, http.MethodPost, "/sessions/"+*id+"/checks", c.said(at, obj{
			"solidsFastedMin": 120, "fluidsFastedMin": 20, "redFlags": []string{}, "pregnancy": c.pregnancy(), "substances": []string{}, "acuteIllness": false, "sleptHours": 7,
		}))
	})
}

// misunderstand plans a session that takes place; the day before, the patient tries out what is asked
// before a dose, gives an answer that worries the clinic, and takes it back.
func (c *chart) misunderstand(day int) {
	session, at := c.schedule(day, 3), c.at(day-1, "10:00")
	id := uuidAt(at, c.random).String()
	answers := c.readiness()
	answers["id"], answers["pregnancy"] = id, oapi.PregnancyStatusPlanning
	c.add(at, func() { c.fact(c.self, http.MethodPost, "/sessions/"+*session+"/checks", c.said(at, answers)) })
	c.add(at.Add(30*time.Minute), func() {
		c.decide(c.self, http.MethodPost, "/sessions/"+*session+"/facts/"+id+"/enter-in-error", obj{"reason": "I thought of my sister."})
	})
	c.handle(day-1, "Took the question to be about the family. Not planning a pregnancy.")
	c.take(day, session, dosing{})
}

// session is planned two days ahead and takes place.
func (c *chart) session(day int, d dosing) { c.take(day, c.schedule(day, 2), d) }

// sessions are n ordinary ones, every so many half days.
func (c *chart) sessions(from, n, halfDays int) {
	for i := range n {
		c.session(from+i*halfDays/2, dosing{booster: c.order.BoosterMg != nil && i%3 == 2})
	}
}

// cancel calls a planned session off the evening before.
func (c *chart) cancel(day int, reason string) {
	id := c.schedule(day, 3)
	c.on(day-1, "21:00", func() {
		c.decide(c.self, http.MethodPost, "/sessions/"+*id+"/cancel", obj{"reason": reason})
	})
}

// postpone moves a session to a later day, on which it takes place.
func (c *chart) postpone(day, to int, reason string) {
	id := c.schedule(day, 3)
	c.on(day-1, "20:00", func() {
		c.decide(c.self, http.MethodPost, "/sessions/"+*id+"/reschedule", obj{
			"plannedAt": c.at(to, c.begins).Format(time.RFC3339), "timeZone": c.home.zone, "reason": reason,
		})
	})
	c.take(to, id, dosing{})
}

// stopped is a session that does not take place because of the reading before it.
func (c *chart) stopped(day int, r reading) {
	id, at := c.schedule(day, 2), c.at(day, c.begins)
	c.add(at, func() {
		c.fact(c.self, http.MethodPost, "/sessions/"+*id+"/vitals", c.said(at, c.vitals(r, 10)))
		c.fact(c.self, http.MethodPost, "/sessions/"+*id+"/checks", c.said(at.Add(time.Minute), c.readiness()))
		c.decide(c.self, http.MethodPost, "/sessions/"+*id+"/cancel", obj{"reason": "My blood pressure is too high."})
	})
}

// void says that a session was entered in error.
func (c *chart) void(day int, id, reason string) {
	c.office(day, "10:40", func() {
		c.decide(demoNurse, http.MethodPost, "/sessions/"+id+"/enter-in-error", obj{"reason": reason})
	})
}

// happening is one fact of a session.
type happening struct {
	at   time.Time
	verb string // the end of the path that takes it
	kind string // the list of a log that holds it
	what obj
}

// take lets a session take place. Its facts are sent as they happen.
func (c *chart) take(day int, id *string, d dosing) {
	start := c.planned(day)
	if c.order.SessionsPerWeek < 7 {
		start = start.Add(time.Duration(5+c.random.IntN(15)) * time.Minute)
	}
	path := func() string { return "/sessions/" + *id }
	c.left -= c.takenIn(d)
	happenings := c.happenings(start, d)
	if !d.unended {
		c.accompanied(start.Add(-3*time.Hour), happenings[len(happenings)-1].at.Add(5*time.Minute), path, d.left)
	}
	if d.override != "" {
		c.add(start.Add(-time.Minute), func() { c.decide(c.prescriber, http.MethodPost, path()+"/override", obj{"reason": d.override}) })
	}
	for _, h := range happenings {
		sent := h.at.Add(time.Duration(5+c.random.IntN(40)) * time.Second)
		if d.offline {
			sent = c.at(day+1, "07:45").Add(time.Duration(c.random.IntN(300)) * time.Second)
		}
		c.add(sent, func() { c.fact(c.self, http.MethodPost, path()+"/"+h.verb, c.said(h.at, h.what)) })
	}
	if d.typed > 0 {
		c.mistype(start.Add(-time.Minute), path, d.typed)
	}
	c.afterwards(day, path, d)
}

// takenIn is what a session takes.
func (c *chart) takenIn(d dosing) dose.Mg {
	taken := c.order.DoseMg
	if d.taken > 0 {
		taken = d.taken
	}
	if d.booster {
		taken += *c.order.BoosterMg
	}
	return taken
}

// accompanied gives the support person a ticket some hours before, with which they give their
// word when the session has ended.
func (c *chart) accompanied(before, end time.Time, path func() string, left bool) {
	ticket := ""
	c.add(before, func() {
		ticket = c.plan(demoNurse, path()+"/tickets", obj{"supportPersonId": c.supporter}).Ticket
	})
	word := c.said(end, obj{"presentThroughout": !left, "lookedIn": true, "reportedBy": oapi.ReportedBySupportPerson})
	c.add(end, func() { c.attest(ticket, path()+"/attest", word) })
}

// readiness is what is asked before a dose when nothing stands against it. Whom the patient names
// is known when it is sent.
func (c *chart) readiness() obj {
	return obj{
		"solidsFastedMin": 300 + c.random.IntN(200), "fluidsFastedMin": 150 + c.random.IntN(60), "redFlags": []string{}, "supportPersonPresent": true,
		"supportPersonId": &c.supporter, "pregnancy": c.pregnancy(), "substances": []string{}, "acuteIllness": false, "sleptHours": 7,
	}
}

// mistype records a dose that was not taken, and strikes it out some minutes later.
func (c *chart) mistype(at time.Time, path func() string, typed dose.Mg) {
	id := uuidAt(at, c.random).String()
	wrong := c.said(at, obj{"id": id, "doseMg": typed})
	c.add(at, func() { c.fact(c.self, http.MethodPost, path()+"/doses", wrong) })
	c.add(at.Add(10*time.Minute), func() {
		c.decide(c.self, http.MethodPost, path()+"/facts/"+id+"/enter-in-error", obj{"reason": "Typed one zero too many."})
	})
}

// afterwards the patient reports the next day, and the nurse looks at the session.
func (c *chart) afterwards(day int, path func() string, d dosing) {
	reported := c.at(day+1, c.begins).Add(-time.Duration(20+c.random.IntN(90)) * time.Minute)
	mood := 5 + c.random.IntN(4)
	c.add(reported, func() {
		if d.silent {
			return
		}
		c.fact(c.self, http.MethodPost, path()+"/check-in", c.said(reported, obj{"mood": mood, "sideEffectsPersist": false, "drove": false}))
	})
	note := d.review
	if note == "" {
		note = []string{"No deviations.", "Went well; no side effects left the next day.", "As expected for this dose."}[c.random.IntN(3)]
	}
	c.lookAfter(day)
	if !d.unreviewed {
		c.office(day+2, "10:00", func() { c.decide(demoNurse, http.MethodPost, path()+"/review", obj{"note": note}) })
	}
}

// log tells of a session that nobody planned, in the evening of its day.
func (c *chart) log(day int, d dosing) (id string) {
	d.ungated = true
	c.needs(day, c.prescribed())
	c.left -= c.takenIn(d)
	facts := obj{"doses": []obj{}}
	start := c.at(day, c.begins)
	for _, h := range c.happenings(start, d) {
		list, _ := facts[h.kind].([]obj)
		facts[h.kind] = append(list, c.said(h.at, h.what))
	}
	id = uuidAt(start, c.random).String()
	c.on(day, "20:30", func() {
		c.fact(c.self, http.MethodPut, "/treatments/"+c.treatment+"/sessions/"+id, facts)
	})
	c.afterwards(day, func() string { return "/sessions/" + id }, d)
	return id
}

// happenings are the facts of a session whose first dose is taken at start.
func (c *chart) happenings(start time.Time, d dosing) (list []happening) {
	after := func(minutes int, verb, kind string, what obj) {
		list = append(list, happening{start.Add(time.Duration(minutes) * time.Minute), verb, kind, what})
	}
	vitals := func(minutes int, shown, ordinary reading, faster int) {
		if shown == (reading{}) {
			shown = ordinary
		}
		after(minutes, "vitals", "vitals", c.vitals(shown, faster))
	}
	taken, last := c.order.DoseMg, 0
	if d.taken > 0 {
		taken = d.taken
	}
	faster := 0
	if d.racing {
		faster = 52
	}
	vitals(-14, d.before, c.rest, faster)
	if d.repeated != (reading{}) {
		vitals(-4, d.repeated, c.rest, 0)
	}
	if !d.ungated {
		after(-3, "checks", "checks", c.readiness())
	}
	after(0, "doses", "doses", obj{"doseMg": taken, "route": c.order.Route, "holdMin": 10, "swallowed": oapi.SwallowedSpatOut})
	if d.booster {
		last = 25
		after(last, "doses", "doses", obj{"doseMg": *c.order.BoosterMg, "booster": true, "route": c.order.Route, "holdMin": 10})
		taken += *c.order.BoosterMg
	}
	if !d.unmeasured {
		vitals(41, d.during, c.rest.add(14, 9), 8)
		if d.oxygen > 0 {
			list[len(list)-1].what["spo2Percent"] = d.oxygen
		}
	}
	if d.redFlag != "" {
		after(44, "escalate", "escalations", obj{"redFlag": d.redFlag, "emergencyServicesCalled": true, "note": "My support person is on the phone with 911."})
	}
	if d.abort != "" {
		after(47, "abort", "aborts", obj{"reason": d.abort})
		return list
	}
	if c.inDetail(start) || d.noticed != nil {
		after(62, "observations", "observations", c.noticed(taken, d.noticed))
	}
	if d.unended {
		return list
	}
	end := last + d.minutes
	if d.minutes == 0 {
		end = last + c.observationMin(taken) + 3 + c.random.IntN(25)
	}
	if !d.unmeasured {
		vitals(end-6, reading{}, c.rest.add(3, 2), 2)
	}
	after(end, "complete", "completions", obj{"oriented": true, "walksUnaided": true, "supportPersonStays": true})
	return list
}

// inDetail says whether it is told what was noticed in a session: in the tour's, and in those of
// the last weeks.
func (c *chart) inDetail(start time.Time) bool {
	return c.record == 0 || start.After(c.today.AddDate(0, 0, -40))
}

// observationMin is for how long the protocol wants the session watched after its last dose.
func (c *chart) observationMin(taken dose.Mg) int {
	if taken >= dose.PerKg(c.release.HighDoseMgPerKg, c.weight) {
		return c.release.HighDoseObservationMin
	}
	return c.release.ObservationMin
}

// noticed is what the patient notices an hour after a dose: more of a larger one.
func (c *chart) noticed(taken dose.Mg, more obj) obj {
	strength := min(int(taken/(50*dose.Milligram)), 6)
	what := obj{
		"nausea": c.random.IntN(3), "dizziness": 1 + c.random.IntN(3), "headache": c.random.IntN(2), "anxiety": c.random.IntN(3),
		"dissociation": strength + c.random.IntN(3), "distress": c.random.IntN(2), "mood": 5 + c.random.IntN(4), "sedation": c.random.IntN(3),
	}
	maps.Copy(what, more)
	return what
}
