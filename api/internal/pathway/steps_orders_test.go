package pathway_test

import (
	"fmt"
	"strings"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// Prescriptions.

func (w *walk) prescribeDose(t *course, mg int) {
	a, ok := w.do(w.staff(), "prescribe", t, map[string]any{
		"form": "rapidlyDissolvingTablet", "route": "sublingual", "strengthMg": 50, "doseMg": mg, "minIntervalHours": 24,
		"sessionsPerWeek": 3, "quantityUnits": 24, "refills": 1, "directions": "Hold under the tongue for ten minutes.",
	}, func() problem.Code { return w.prescribe(t) })
	if ok {
		t.orders = append(t.orders, &order{record: created("prescription", a), status: "draft", mg: mg})
	}
}

func (w *walk) redraft(o *order, mg int) {
	want := func() problem.Code {
		if code := o.change(); code != fine || o.from == nil || o.mg == mg {
			return code
		}
		return problem.RuleViolated // what was approved stays
	}
	if _, ok := w.do(w.staff(), "updatePrescription", o, map[string]any{"doseMg": mg}, want); ok {
		o.mg = mg
	}
}

func (w *walk) discard(o *order) {
	if _, ok := w.do(w.staff(), "discardPrescription", o, reason, o.change); ok {
		o.status = "discarded"
	}
}

func (w *walk) signPrescription(t *course, o *order, who *apitest.Person) {
	reviewed, body := map[string]int{}, []any{}
	for _, m := range w.medicines {
		w.look(m)
		if m.over(w.now.Add(minute)) {
			continue
		}
		version := map[string]int{"as it is": m.version, "in another version": 3 - m.version, "not": 0}[w.draw("looked at", "as it is", "as it is", "as it is", "as it is", "in another version", "not")]
		if version > 0 {
			reviewed[m.id] = version
			body = append(body, map[string]any{"id": m.id, "version": version})
		}
	}
	_, ok := w.do(who, "signPrescription", o, map[string]any{"reviewedMedications": body}, func() problem.Code { return w.signOrder(t, o, reviewed) })
	if !ok {
		return
	}
	o.signer, o.signed = who.Subject, w.now
	if o.mg > soft(w.weightAt(w.now)) {
		o.status = "awaitingCosignature"
		return
	}
	t.activate(o, w.now)
}

func (w *walk) cosignPrescription(t *course, o *order, who *apitest.Person) {
	if _, ok := w.do(who, "cosignPrescription", o, nil, func() problem.Code { return w.cosign(t, o, who.Subject) }); ok {
		t.activate(o, w.now)
	}
}

func (w *walk) withdrawSignature(o *order) {
	if _, ok := w.do(w.prescriber(), "withdrawPrescription", o, reason, o.takeBack); ok {
		o.status = "draft"
	}
}

func (w *walk) pauseOrder(o *order) {
	if _, ok := w.do(w.staff(), "holdPrescription", o, map[string]any{"reason": "supply"}, func() problem.Code { return o.pause(w.now) }); ok {
		o.paused(w.now)
	}
}

func (w *walk) resumeOrder(o *order) {
	if _, ok := w.do(w.prescriber(), "resumePrescription", o, reason, func() problem.Code { return o.resume(w.now) }); ok {
		o.resumed(w.now)
	}
}

func (w *walk) stopOrder(o *order) {
	if _, ok := w.do(w.prescriber(), "stopPrescription", o, reason, func() problem.Code { return o.stop(w.now) }); ok {
		o.end("stopped", w.now)
	}
}

func (w *walk) voidOrder(o *order) {
	if _, ok := w.do(w.prescriber(), "voidPrescription", o, reason, o.void); ok {
		o.end("enteredInError", w.now)
		w.settleAll()
		w.watch()
		w.news(perhapsNew)
	}
}

// Adjustments.

func (w *walk) proposeChange(t *course, mg int) {
	if w.evidence == "" {
		w.rt.Skip("nothing to rest on")
	}
	a, ok := w.do(w.staff(), "proposeAdjustment", t, map[string]any{
		"source": "clinician", "reason": "No response yet.", "change": map[string]any{"doseMg": mg},
		"evidence": []any{map[string]any{"type": "measurement", "id": w.evidence, "version": 1}},
	}, func() problem.Code { return w.propose(t, mg) })
	if ok {
		t.changes = append(t.changes, &change{record: created("adjustment", a), status: "proposed", proposed: w.now, mg: mg, of: t.inForce()})
	}
}

// askRules asks for a suggestion: in whatever state there is an answer, and without a prescription it
// is a veto.
func (w *walk) askRules(t *course) {
	a, ok := w.do(w.staff(), "suggestAdjustment", t, nil, func() problem.Code { return refused(objection{!t.open(), problem.IllegalTransition}) })
	if ok && t.inForce() == nil && (a.Text("rule") != "safetyVeto" || a.JSON("change") != nil) {
		w.rt.Fatalf("a suggestion without a prescription: %s", a.Body)
	}
}

// approveChange approves it; when there is something new, after a look at it.
func (w *walk) approveChange(t *course, ch *change) {
	w.pass(minute)
	want, considered := w.approve(t, ch), []any{}
	if want == fine && ch.fresh != nothingNew {
		considered = w.unseen(ch)
	}
	body := map[string]any{"considered": considered}
	if _, ok := w.do(w.prescriber(), "approveAdjustment", ch, body, func() problem.Code { return w.approve(t, ch) }); ok {
		ch.status = "approved"
	}
}

// unseen approves in vain, and answers what has to be looked at, as the refusal names it.
func (w *walk) unseen(ch *change) []any {
	list := []any{}
	call := w.call(w.clinic.Prescriber, "approveAdjustment", ch, map[string]any{})
	call.Query = "validateOnly=true"
	call.Header["If-Match"] = w.look(ch).Header.Get("ETag")
	a := w.clinic.Site.Do(w.t, call)
	if ch.fresh == perhapsNew && a.Status < 300 {
		return list
	}
	w.expect("approve what rests on old evidence", a, problem.EvidenceChanged)
	types := map[string]string{"assessments": "assessment", "adverse-events": "adverseEvent", "alerts": "alert", "sessions": "session", "measurements": "measurement"}
	faults, _ := a.JSON("errors").([]any)
	for _, f := range faults {
		fault := f.(map[string]any)
		path := strings.Split(fmt.Sprint(fault["pointer"]), "/")
		version := 0
		if _, err := fmt.Sscanf(fmt.Sprint(fault["detail"]), "is at version %d", &version); err != nil {
			w.rt.Fatalf("%v: %v", fault, err)
		}
		list = append(list, map[string]any{"type": types[path[2]], "id": path[3], "version": version})
	}
	return list
}

func (w *walk) rejectChange(ch *change) {
	if _, ok := w.do(w.prescriber(), "rejectAdjustment", ch, reason, func() problem.Code { return w.reject(ch) }); ok {
		ch.status = "rejected"
	}
}

func (w *walk) withdrawProposal(ch *change) {
	if _, ok := w.do(w.prescriber(), "withdrawAdjustment", ch, reason, func() problem.Code { return w.withdrawChange(ch) }); ok {
		ch.status = "withdrawn"
	}
}

func (w *walk) applyChange(t *course, ch *change) {
	a, ok := w.do(w.prescriber(), "applyAdjustment", ch, nil, func() problem.Code { return w.apply(t, ch) })
	if ok {
		ch.draft = &order{record: record{"prescription", a.Text("draftId")}, status: "draft", mg: ch.mg, from: ch}
		t.orders = append(t.orders, ch.draft)
	}
}

// Adverse events.

func (w *walk) reportEvent(v *visit, term string) {
	body := w.told(map[string]any{"term": term})
	if v != nil {
		body["sessionId"] = v.id
	}
	a, _ := w.do(w.patient, "reportAdverseEvent", w.party, body, always)
	w.events = append(w.events, &event{created("adverseEvent", a), "reported", v, term, w.now})
	w.news(somethingNew)
	if v != nil {
		v.reviewed = false
	}
}

var judgement = map[string]any{"grade": 2, "serious": false, "causality": "possible", "outcome": "resolved"}

func (w *walk) moveEvent(e *event, operation, status string, body any, may func() problem.Code) {
	if _, ok := w.do(w.staff(), operation, e, body, may); ok {
		e.status = status
		w.news(somethingNew)
	}
}
