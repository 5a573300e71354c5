package pathway_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

const minute = time.Minute

func local(at time.Time) string { return at.In(newYork).Format(time.RFC3339) }

func (w *walk) scheduleVisit(t *course, in time.Duration) {
	at := w.now.Add(in).Truncate(time.Second)
	a, ok := w.do(w.patient, "scheduleSession", t, map[string]any{"plannedAt": local(at), "timeZone": "America/New_York"},
		func() problem.Code { return w.schedule(t, nil, at) })
	if ok {
		t.visits = append(t.visits, &visit{record: created("session", a), course: t, planned: at})
	}
}

func (w *walk) moveVisit(v *visit, in time.Duration) {
	at := w.now.Add(in).Truncate(time.Second)
	_, ok := w.do(w.staff(), "rescheduleSession", v, map[string]any{"plannedAt": local(at), "timeZone": "America/New_York", "reason": "Work."},
		func() problem.Code {
			if code := v.reschedule(); code != fine {
				return code
			}
			return w.schedule(v.course, v, at)
		})
	if ok {
		v.planned = at
		w.settle(v)
	}
}

func (w *walk) cancelVisit(v *visit) {
	if _, ok := w.do(w.patient, "cancelSession", v, reason, v.reschedule); ok {
		v.cancelled = true
	}
}

// note records a fact of a session that happened some time ago, and holds what the session looks
// like then against the model.
func (w *walk) note(who *apitest.Person, v *visit, operation string, f *fact, ago time.Duration, members map[string]any) bool {
	body := w.told(members)
	body["occurredAt"] = w.now.Add(minute - ago).Format(time.RFC3339Nano)
	a, ok := w.do(who, operation, v, body, v.takes)
	if !ok {
		return false
	}
	f.id, f.at = fmt.Sprint(body["id"]), w.now.Add(-ago)
	v.facts, v.reviewed = append(v.facts, f), false
	w.settleAll()
	w.same(v, a)
	if begun := !v.started().IsZero() || v.ending() != nil; begun {
		w.news(somethingNew)
	}
	w.news(perhapsNew) // of an alert
	w.watch()
	return true
}

// same holds a session that was answered against the model.
func (w *walk) same(v *visit, a apitest.Answer) {
	if got, want := a.Text("status"), v.statusAt(w.now); got != want {
		w.rt.Fatalf("the session is %s, the model says %s\n%s\n%s", got, want, a.Body, w)
	}
	found := map[string]bool{}
	shown, _ := a.JSON("deviations").([]any)
	for _, d := range shown {
		found[fmt.Sprint(d.(map[string]any)["rule"])] = true
	}
	if v.voided || shown == nil {
		return
	}
	for rule, want := range w.deviations(v) {
		if found[rule] != want {
			w.rt.Fatalf("deviates from %s: %v, the model says %v\n%s\n%s", rule, found[rule], want, a.Body, w)
		}
	}
}

func (w *walk) takeDose(v *visit, mg int, booster bool, ago time.Duration) {
	w.note(w.staff(), v, "recordDose", &fact{kind: "dose", mg: mg, booster: booster}, ago, map[string]any{"doseMg": mg, "booster": booster})
}

// logVisit is a dose that nobody had planned.
func (w *walk) logVisit(t *course, mg int) {
	dose := w.told(map[string]any{"doseMg": mg})
	id := uuid.NewString()
	a, _ := w.do(w.patient, "logSession", t, map[string]any{"doses": []any{dose}}, always, "sessionId", id)
	v := &visit{record: record{"session", id}, course: t, before: w.now, facts: []*fact{{id: fmt.Sprint(dose["id"]), kind: "dose", at: w.now, mg: mg}}}
	t.visits = append(t.visits, v)
	w.news(somethingNew)
	w.same(v, a)
	w.watch()
}

func (w *walk) read(v *visit, r reading, ago time.Duration) {
	members := map[string]any{}
	if r.systolic > 0 {
		members["systolicMmHg"], members["diastolicMmHg"] = r.systolic, r.diastolic
	}
	if r.pulse > 0 {
		members["heartRateBpm"] = r.pulse
	}
	w.note(w.patient, v, "recordVitals", &fact{kind: "vitals", reading: r}, ago, members)
}

// checkVisit asks the gate, and holds every reason that it gives against the model.
func (w *walk) checkVisit(v *visit, said check) {
	alerts, _ := w.alerts()
	units := w.onHand(w.now.Add(minute))
	members := map[string]any{}
	if minutes, ok := map[string]int{"yes": 300, "no": 60}[said.fasted]; ok {
		members["solidsFastedMin"], members["fluidsFastedMin"] = minutes, minutes
	}
	if said.present != "unknown" {
		members["supportPersonPresent"] = said.present == "yes"
	}
	if said.who != "" {
		members["supportPersonId"] = said.who
	}
	if flags, ok := map[string][]string{"yes": {"chestPain"}, "no": {}}[said.symptoms]; ok {
		members["redFlags"] = flags
	}
	if status, ok := map[string]string{"yes": "nursing", "no": "notPregnant"}[said.pregnant]; ok {
		members["pregnancy"] = status
	}
	if taken, ok := map[string][]string{"yes": {"alcohol"}, "no": {}}[said.substances]; ok {
		members["substances"] = taken
	}
	if said.ill != "unknown" {
		members["acuteIllness"] = said.ill == "yes"
	}
	if hours, ok := map[string]int{"yes": 4, "no": 3}[said.slept]; ok {
		members["sleptHours"] = hours
	}
	if said.device != "" {
		members["deviceVerdict"] = said.device
	}
	said.outside, said.grave = w.around(v, alerts, units)
	f := &fact{kind: "check", check: said}
	if !w.note(w.clinic.Clinician, v, "checkSession", f, 0, members) {
		return
	}
	a := w.look(v)
	checks, _ := a.JSON("checks").([]any)
	for _, c := range checks {
		shown := c.(map[string]any)
		if shown["id"] != f.id {
			continue
		}
		var rules []string
		reasons, _ := shown["reasons"].([]any)
		for _, r := range reasons {
			rules = append(rules, fmt.Sprint(r.(map[string]any)["rule"]))
		}
		slices.Sort(rules)
		if rules = slices.Compact(rules); !slices.Equal(rules, f.check.reasons) {
			w.rt.Fatalf("the gate says %v, the model %v\n%s\n%s", rules, f.check.reasons, a.Body, w)
		}
	}
}

// override clears what was held; never what was stopped, and a nurse only what the protocol names.
func (w *walk) override(v *visit, who *apitest.Person) {
	var last *fact
	if checks := v.of("check"); len(checks) > 0 {
		last = checks[len(checks)-1]
	}
	_, ok := w.do(who, "overrideHold", v, reason, func() problem.Code {
		if code := refused(in(v.raw(), "held")); code != fine {
			return code
		}
		stopped := last.check.grave || slices.ContainsFunc(last.check.reasons, func(r string) bool { return slices.Contains(stopRules, r) })
		stopped = stopped || len(v.since(last, v.latest())) > 0
		nurse := who == w.clinic.Clinician && slices.ContainsFunc(last.check.reasons, func(r string) bool { return !slices.Contains(nurseMay, r) })
		return refused(rule(stopped || nurse || w.now.Sub(last.at) > time.Hour))
	})
	if ok {
		last.check.overridden, last.check.accepted = w.now, slices.Clone(last.check.reasons)
	}
}

func (w *walk) reviewVisit(v *visit) {
	if _, ok := w.do(w.staff(), "reviewSession", v, map[string]any{"note": "Seen."}, func() problem.Code { return w.review(v) }); ok {
		v.reviewed = true
	}
}

func (w *walk) voidVisit(v *visit) {
	if _, ok := w.do(w.staff(), "voidSession", v, reason, v.takes); ok {
		v.voided = true
		w.settleAll()
		w.watch()
	}
	w.news(perhapsNew)
}

// strike strikes a fact out: a second time there is nothing to strike out.
func (w *walk) strike(v *visit, f *fact) {
	want := func() problem.Code {
		return refused(objection{f.struck || v.voided, problem.IllegalTransition})
	}
	_, ok := w.do(w.staff(), "voidSessionFact", v, reason, want, "factId", f.id)
	if ok {
		f.struck, v.reviewed = true, false
		w.settleAll()
		w.watch()
	}
	w.news(perhapsNew)
}

// settleAll judges every session anew: what one of them rests on has changed.
func (w *walk) settleAll() {
	for _, t := range w.courses {
		for _, v := range t.visits {
			v.shaken, v.before = true, v.began()
			w.settle(v)
		}
	}
}

// Supply.

func (w *walk) dispense(o *order, units int) {
	until := w.now.AddDate(0, 5, 0).Format(time.DateOnly)
	a, ok := w.do(w.clinic.Clinician, "recordDispense", o, w.told(map[string]any{
		"units": units, "reportedBy": "pharmacy", "strengthMg": 50, "lot": "K26-1107", "beyondUseDate": until,
	}), func() problem.Code {
		return refused(objection{o.status == "enteredInError", problem.IllegalTransition})
	})
	if ok {
		w.lots = append(w.lots, &lot{record: created("dispense", a), of: o, units: units, at: w.now, until: until})
		w.settleAll()
		w.watch()
	}
	w.news(perhapsNew)
}

func (w *walk) voidLot(l *lot) {
	want := func() problem.Code { return refused(objection{l.struck, problem.IllegalTransition}) }
	if _, ok := w.do(w.staff(), "voidDispense", l, reason, want); ok {
		l.struck = true
		w.settleAll()
		w.watch()
	}
	w.news(perhapsNew)
}

// report is a count, a disposal or a loss.
func (w *walk) report(l *lot, operation string, units int, members map[string]any) {
	body := w.told(map[string]any{"dispenseId": l.id, "units": units})
	for name, value := range members {
		body[name] = value
	}
	_, ok := w.do(w.patient, operation, w.party, body, func() problem.Code {
		return refused(objection{l.struck, problem.IllegalTransition})
	})
	if ok {
		w.statements = append(w.statements, &statement{fmt.Sprint(body["id"]), operation, l, w.now, 50 * units})
		w.watch()
	}
	w.settleAll()
	w.news(perhapsNew)
}

// lose says that some of a lot was lost or stolen.
func (w *walk) lose(l *lot) {
	w.report(l, "reportSupplyLoss", w.number("units", 1, 5), map[string]any{"cause": w.draw("cause", "lost", "stolen")})
}

// settleAlerts resolves what is open.
func (w *walk) settleAlerts() {
	_, items := w.alerts()
	for _, item := range items {
		path := map[string]string{"alertId": fmt.Sprint(item["id"])}
		call := apitest.Call{Operation: "acknowledgeAlert", Token: w.clinic.Clinician.Token, Path: path, Body: map[string]any{"note": "On it."}}
		call.Header = map[string]string{"If-Match": fmt.Sprintf(`"%v"`, item["version"])}
		etag := call.Header["If-Match"]
		if item["status"] == "open" {
			etag = w.clinic.Site.Must(w.t, call).Header.Get("ETag")
		}
		call.Operation, call.Body = "resolveAlert", map[string]any{"outcome": "handled", "note": "Spoke."}
		call.Header = map[string]string{"If-Match": etag}
		w.clinic.Site.Must(w.t, call)
	}
	w.news(perhapsNew)
}
