package pathway_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/problem"
)

// stations are where a walk may begin, so that every part of the care is walked often; rapid
// prefers the first of a list.
var stations = []string{"running", "running", "locked", "prescribed", "planned", "eligible", "submitted", "registered"}

// until goes straight to a station.
func (w *walk) until(station string) {
	steps := []struct {
		station string
		do      func()
	}{
		{"registered", func() {}},
		{"submitted", func() {
			w.openIntake()
			w.fill(w.intakes[0], "clean")
			w.submit(w.intakes[0])
			w.know()
		}},
		{"eligible", func() {
			w.decideOn(w.intakes[0], "eligible")
			for _, kind := range kinds {
				w.presentConsent(kind)
				w.signConsent(w.consents[kind])
			}
		}},
		{"planned", w.startCourse},
		{"prescribed", func() {
			w.weigh(70)
			w.monitor()
			w.order(w.courses[0], 100)
		}},
		{"running", func() {
			w.acknowledge(w.courses[0])
			w.changePhase(w.courses[0], "induction")
			w.dispense(w.courses[0].orders[0], 24)
		}},
		{"locked", func() {
			w.logVisit(w.courses[0], 150)
			w.lose(w.lots[0])
			w.lose(w.lots[0])
		}},
	}
	for _, step := range steps {
		step.do()
		if step.station == station {
			return
		}
	}
}

// know is everything that must be known before a decision.
func (w *walk) know() {
	for _, instrument := range []string{"phq-9", "gad-7", "c-ssrs-screener"} {
		w.answer(instrument, 0)
	}
	w.measure()
	w.support()
}

// order is a prescription that is signed.
func (w *walk) order(t *course, mg int) {
	w.prescribeDose(t, mg)
	w.signPrescription(t, t.orders[len(t.orders)-1], w.clinic.Prescriber)
}

// does makes an action of a step; rapid hands every action its own handle for what it draws.
func (w *walk) does(step func()) func(*rapid.T) {
	return func(rt *rapid.T) {
		w.rt = rt
		step()
	}
}

// rarely gives most of the actions up after which little can be done.
func (w *walk) rarely(step func()) func() {
	return func() {
		if !rapid.SampledFrom([]bool{false, false, false, true}).Draw(w.rt, "rarely") {
			w.rt.Skip("not now")
		}
		step()
	}
}

func (w *walk) draw(label string, options ...string) string {
	return rapid.SampledFrom(options).Draw(w.rt, label)
}

func (w *walk) number(label string, options ...int) int {
	return rapid.SampledFrom(options).Draw(w.rt, label)
}

func (w *walk) anIntake() *intake  { return newest(w, "consultation", w.intakes) }
func (w *walk) aConsent() *consent { return pick(w, "consent", w.presented()) }
func (w *walk) aCourse() *course   { return newest(w, "treatment", w.courses) }
func (w *walk) anEvent() *event    { return newest(w, "event", w.events) }
func (w *walk) aLot() *lot         { return newest(w, "lot", w.lots) }

func (w *walk) anOrder() (*course, *order) {
	t := w.aCourse()
	return t, newest(w, "prescription", t.orders)
}

func (w *walk) aChange() (*course, *change) {
	t := w.aCourse()
	return t, newest(w, "adjustment", t.changes)
}

func (w *walk) aVisit() *visit { return newest(w, "session", w.aCourse().visits) }

func (w *walk) aDose() int { return w.number("mg", 100, 450, 150, 50, 300, 400, 500, 600, 650) }

// actions are everything that may be done, whenever and to whatever.
func (w *walk) actions() map[string]func(*rapid.T) {
	actions := map[string]func(){
		"time passes":      w.waits,
		"openConsultation": w.openIntake, "fillIntake": func() { w.fill(w.anIntake(), w.draw("answers", "clean", "clean", "part", "pregnant")) },
		"submitIntake": func() { w.submit(w.anIntake()) }, "requestInfo": func() { w.askBack(w.anIntake()) },
		"decideEligibility": func() {
			w.decideOn(w.anIntake(), w.draw("outcome", "eligible", "eligible", "eligibleWithConditions", "ineligible", "deferred"))
		},
		"clearCondition": func() { w.clearCondition(w.anIntake()) }, "reopenConsultation": func() { w.reopen(w.anIntake()) },
		"withdrawConsultation": w.rarely(func() { w.withdrawIntake(w.anIntake()) }),
		"what must be known":   w.know, "recordAssessment": func() { w.answer("phq-9", w.number("item 9", 0, 0, 1, 3)) },
		"recordMeasurement": func() { w.weigh(w.number("kg", 50, 70, 90)) }, "a high pressure": w.rarely(w.measureHigh), "recordPdmpCheck": w.monitor, "completeVisit": w.examine,
		"presentConsent": func() { w.presentConsent(w.draw("kind", kinds...)) }, "signConsent": func() { w.signConsent(w.aConsent()) },
		"declineConsent": func() { w.declineConsent(w.aConsent()) }, "withdrawConsent": w.rarely(func() { w.withdrawConsent(w.aConsent()) }),
		"startTreatment": w.startCourse, "acknowledgeInstructions": func() { w.acknowledge(w.aCourse()) },
		"changePhase": func() {
			w.changePhase(w.aCourse(), w.draw("phase", "induction", "maintenance", "taper", "maintenance", "completed"))
		},
		"holdTreatment": func() { w.pauseCourse(w.aCourse()) }, "resumeTreatment": func() { w.resumeCourse(w.aCourse()) },
		"discontinueTreatment": w.rarely(func() { w.discontinue(w.aCourse()) }),
		"resolveAlert":         w.settleAlerts,
	}
	for _, more := range []map[string]func(){w.ordering(), w.adjusting(), w.visiting(), w.supplying(), w.others()} {
		for name, step := range more {
			actions[name] = step
		}
	}
	does := map[string]func(*rapid.T){}
	for name, step := range actions {
		does[name] = w.does(step)
	}
	return does
}

func (w *walk) waits() {
	d := rapid.SampledFrom([]time.Duration{
		15 * minute, 15 * minute, 3 * time.Hour, 25 * time.Hour, 50 * time.Hour, 74 * time.Hour, 8*24*time.Hour + 7*minute, 40 * 24 * time.Hour, 100 * 24 * time.Hour,
	}).Draw(w.rt, "for")
	if w.now.Add(d).After(w.begin.AddDate(0, 11, 0)) {
		w.rt.Skip("the people's tokens would expire")
	}
	w.pass(d)
}

// late is how long ago something happened that is told now. No two of these times are the same.
func (w *walk) late() time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 0, 0, 20*minute + 13*time.Second, 5*time.Hour + 17*time.Second, 49*time.Hour + 19*time.Second}).Draw(w.rt, "ago")
}

func (w *walk) ordering() map[string]func() {
	of := func(do func(t *course, o *order)) func() { return func() { do(w.anOrder()) } }
	return map[string]func(){
		"prescribe": func() { w.prescribeDose(w.aCourse(), w.aDose()) }, "updatePrescription": of(func(_ *course, o *order) { w.redraft(o, w.aDose()) }),
		"discardPrescription": of(func(_ *course, o *order) { w.discard(o) }),
		"signPrescription":    of(func(t *course, o *order) { w.signPrescription(t, o, w.prescriber()) }),
		"cosignPrescription":  of(func(t *course, o *order) { w.cosignPrescription(t, o, w.prescriber()) }), "withdrawPrescription": of(func(_ *course, o *order) { w.withdrawSignature(o) }),
		"holdPrescription": of(func(_ *course, o *order) { w.pauseOrder(o) }), "resumePrescription": of(func(_ *course, o *order) { w.resumeOrder(o) }),
		"stopPrescription": w.rarely(of(func(_ *course, o *order) { w.stopOrder(o) })), "voidPrescription": w.rarely(of(func(_ *course, o *order) { w.voidOrder(o) })),
	}
}

func (w *walk) adjusting() map[string]func() {
	of := func(do func(t *course, ch *change)) func() { return func() { do(w.aChange()) } }
	about := func(operation, status string, body any, may func(*event) func() problem.Code) func() {
		return func() {
			e := w.anEvent()
			w.moveEvent(e, operation, status, body, may(e))
		}
	}
	return map[string]func(){
		"an adjusted dose": func() { w.another(w.aDose()) }, "another prescription": func() { w.orderAgain(w.aDose()) },
		"proposeAdjustment": func() { w.proposeChange(w.aCourse(), w.aDose()) },
		"suggestAdjustment": func() { w.askRules(w.aCourse()) },
		"approveAdjustment": of(w.approveChange), "applyAdjustment": of(w.applyChange),
		"rejectAdjustment":   of(func(_ *course, ch *change) { w.rejectChange(ch) }),
		"withdrawAdjustment": of(func(_ *course, ch *change) { w.withdrawProposal(ch) }),
		"reportAdverseEvent": func() {
			var v *visit
			if len(w.courses) > 0 && rapid.Bool().Draw(w.rt, "of a session") {
				v = w.aVisit()
			}
			w.reportEvent(v, w.draw("term", "nausea", "nausea", "nausea", "chestPain"))
		},
		"triageAdverseEvent": about("triageAdverseEvent", "triaged", judgement, func(e *event) func() problem.Code { return e.triage }),
		"closeAdverseEvent":  about("closeAdverseEvent", "closed", map[string]any{}, func(e *event) func() problem.Code { return e.close }),
		"reopenAdverseEvent": about("reopenAdverseEvent", "triaged", reason, func(e *event) func() problem.Code { return e.reopen }),
		"voidAdverseEvent":   about("voidAdverseEvent", "enteredInError", reason, func(e *event) func() problem.Code { return e.void }),
	}
}

func (w *walk) visiting() map[string]func() {
	one := func(do func(v *visit)) func() { return func() { do(w.aVisit()) } }
	simple := func(operation, kind string, members map[string]any) func() {
		return one(func(v *visit) { w.note(w.patient, v, operation, &fact{kind: kind}, w.late(), members) })
	}
	in := func() time.Duration {
		return rapid.SampledFrom([]time.Duration{30 * minute, 25 * time.Hour, 50 * time.Hour, 73 * time.Hour, -time.Hour}).Draw(w.rt, "in")
	}
	said := func(label string) string { return w.draw(label, "yes", "yes", "yes", "yes", "no", "unknown") }
	return map[string]func(){
		"scheduleSession": func() { w.scheduleVisit(w.aCourse(), in()) }, "rescheduleSession": one(func(v *visit) { w.moveVisit(v, in()) }),
		"cancelSession": one(w.cancelVisit), "logSession": func() { w.logVisit(w.aCourse(), w.aDose()) },
		"recordDose": one(func(v *visit) {
			w.takeDose(v, w.number("mg", 50, 100, 100, 300), w.draw("as", "dose", "dose", "booster") == "booster", w.late())
		}),
		"recordVitals": one(func(v *visit) {
			w.read(v, rapid.SampledFrom([]reading{{120, 80, 70}, {120, 80, 70}, {139, 89, 110}, {140, 80, 70}, {120, 90, 0}, {160, 85, 70}, {120, 80, 111}, {0, 0, 49}}).Draw(w.rt, "reading"), w.late())
		}),
		"checkSession": one(func(v *visit) {
			none := func(label string) string { return w.draw(label, "no", "no", "no", "no", "no", "yes", "unknown") }
			w.checkVisit(v, check{fasted: said("fasted"), present: said("present"), who: w.draw("who", w.supporter, w.supporter, w.supporter, ""), symptoms: none("symptoms"), pregnant: none("pregnant"), substances: none("substances"), ill: none("ill"), slept: said("slept"), device: w.draw("device", "", "", "cleared", "held")})
		}),
		"a dose alone": w.rarely(one(func(v *visit) {
			w.checkVisit(v, check{fasted: "yes", present: "no", symptoms: "no", pregnant: "no", substances: "no", ill: "no", slept: "yes"})
			w.takeDose(v, 100, false, 0)
		})),
		"a session as it should be": func() { w.session(reading{118, 76, 66}) },
		"a session that is held":    func() { w.session(reading{118, 76, 115}) },
		"far too much":              w.rarely(w.excess),
		"overrideHold":              one(func(v *visit) { w.override(v, w.staff()) }),
		"completeSession":           simple("completeSession", "completion", map[string]any{"oriented": true, "walksUnaided": true, "supportPersonStays": true}),
		"abortSession":              simple("abortSession", "abort", map[string]any{"reason": "sideEffects"}),
		"checkInSession":            simple("checkInSession", "checkIn", map[string]any{"mood": 6}),
		"reviewSession":             one(w.reviewVisit), "voidSession": w.rarely(one(w.voidVisit)),
		"voidSessionFact": one(func(v *visit) { w.strike(v, pick(w, "fact", v.facts)) }),
	}
}

// session plans a session and goes through it as it should be; when the gate holds it, a
// prescriber may clear it.
func (w *walk) session(before reading) {
	t := w.aCourse()
	n := len(t.visits)
	if n > 0 && w.now.Before(w.begin.AddDate(0, 10, 0)) {
		w.pass(rapid.SampledFrom([]time.Duration{73 * time.Hour, 49 * time.Hour, 25 * time.Hour}).Draw(w.rt, "later"))
	}
	w.scheduleVisit(t, 30*minute)
	if len(t.visits) == n {
		return
	}
	v := t.visits[n]
	w.read(v, before, 0)
	w.checkVisit(v, check{fasted: "yes", present: "yes", who: w.supporter, symptoms: "no", pregnant: "no", substances: "no", ill: "no", slept: "yes"})
	if v.raw() == "held" {
		w.override(v, w.clinic.Prescriber)
	}
	if v.raw() != "cleared" {
		return
	}
	w.takeDose(v, t.activeAt(w.now).mg, false, 0)
	w.pass(40 * minute)
	w.read(v, reading{135, 85, 80}, 0)
	w.pass(80 * minute)
	w.read(v, reading{122, 78, 70}, 0)
	w.note(w.patient, v, "completeSession", &fact{kind: "completion"}, 0, map[string]any{"oriented": true, "walksUnaided": true, "supportPersonStays": true})
	if w.draw("then", "review", "adverse event") == "adverse event" {
		w.reportEvent(v, "nausea")
	}
	w.reviewVisit(v)
}

// excess is about as much as may be taken in 28 days, in few of them, and then another session.
func (w *walk) excess() {
	t := w.aCourse()
	if w.now.After(w.begin.AddDate(0, 10, 0)) {
		w.rt.Skip("the people's tokens would expire")
	}
	for range 3 {
		w.pass(73 * time.Hour)
		w.logVisit(t, w.number("mg", 1150, 1200))
	}
	w.pass(8*24*time.Hour - 73*time.Hour)
	w.session(reading{118, 76, 66})
}

// another goes from a proposal to the dose that takes the place of the present one; above the
// soft maximum with a second signature.
func (w *walk) another(mg int) {
	t := w.aCourse()
	n := len(t.changes)
	w.proposeChange(t, mg)
	if len(t.changes) == n {
		return
	}
	ch := t.changes[n]
	w.approveChange(t, ch)
	w.applyChange(t, ch)
	if ch.draft != nil {
		w.signed(t, ch.draft)
	}
}

// signed signs a prescription, twice when it must be.
func (w *walk) signed(t *course, o *order) {
	w.signPrescription(t, o, w.clinic.Prescriber)
	if o.status == "awaitingCosignature" {
		w.cosignPrescription(t, o, w.prescriber())
	}
}

// orderAgain is a new prescription, signed.
func (w *walk) orderAgain(mg int) {
	t := w.aCourse()
	n := len(t.orders)
	w.prescribeDose(t, mg)
	if len(t.orders) > n {
		w.signed(t, t.orders[n])
	}
}

func (w *walk) supplying() map[string]func() {
	return map[string]func(){
		"recordDispense": func() {
			_, o := w.anOrder()
			w.dispense(o, w.number("units", 2, 12, 24))
		},
		"voidDispense": func() { w.voidLot(w.aLot()) },
		"countSupply":  func() { w.report(w.aLot(), "countSupply", w.number("units", 0, 3, 30), nil) },
		"disposeSupply": func() {
			w.report(w.aLot(), "disposeSupply", w.number("units", 1, 5), map[string]any{"method": "takeBack"})
		},
		"reportSupplyLoss": func() { w.lose(w.aLot()) },
	}
}
