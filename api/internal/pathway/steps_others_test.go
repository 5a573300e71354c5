package pathway_test

import (
	"fmt"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// What is beside the straight way: the support person, answers that are reviewed or taken back,
// medicines, another prescriber, and patients who leave.

// medicine is one that the patient takes, and that has no bearing on the treatment.
type medicine struct {
	record
	status string
}

// word is the support person's own, said with a ticket.
func (w *walk) word(v *visit) {
	if w.supporter == "" {
		w.rt.Skip("nobody to ask")
	}
	inviter := pick(w, "inviter", []*apitest.Person{w.clinic.Clinician, w.patient})
	a, ok := w.do(inviter, "inviteSupportPerson", v, map[string]any{"supportPersonId": w.supporter}, func() problem.Code {
		over := objection{w.now.After(v.ticketUntil()), problem.IllegalTransition}
		return refused(in(v.raw(), "scheduled", "held", "cleared", "monitoring", "completed", "aborted"), over)
	})
	if !ok {
		return
	}
	w.pass(minute)
	body := w.told(map[string]any{"presentThroughout": true, "lookedIn": true, "reportedBy": "supportPerson"})
	body["occurredAt"] = w.now.Format(time.RFC3339Nano)
	call := w.call(w.patient, "attestSession", v, body)
	call.Token, call.Ticket = "", a.Text("ticket")
	w.expect("attestSession", w.clinic.Site.Do(w.t, call), refused(
		objection{w.now.After(v.ticketUntil()), problem.Unauthenticated},
		objection{v.attestedBy(w.supporter), problem.IllegalTransition},
	))
	if w.now.After(v.ticketUntil()) || v.attestedBy(w.supporter) {
		return
	}
	v.facts = append(v.facts, &fact{id: fmt.Sprint(body["id"]), kind: "attestation", at: w.now, by: w.supporter})
	v.reviewed = false
	if !v.started().IsZero() || v.ending() != nil {
		w.news(somethingNew)
	}
	w.look(v)
}

// ticketUntil is when a ticket ends: a day after the plan or the dose.
func (v *visit) ticketUntil() time.Time {
	at := v.began()
	if !v.planned.IsZero() && v.planned.After(at) {
		at = v.planned
	}
	return at.Add(24 * time.Hour)
}

func (v *visit) attestedBy(person string) bool {
	for _, f := range v.of("attestation") {
		if f.by == person {
			return true
		}
	}
	return false
}

func (w *walk) moveAnswers(q *questionnaire, operation, status string, body any, may func() problem.Code) {
	if _, ok := w.do(w.staff(), operation, q, body, may); ok {
		q.status = status
		w.news(somethingNew)
	}
}

func (w *walk) takeMedicine() {
	a, _ := w.do(w.patient, "recordMedication", w.party, w.told(map[string]any{"name": "Ibuprofen", "drugClass": "other"}), always)
	w.medicines = append(w.medicines, &medicine{created("medication", a), "current"})
}

func (w *walk) endMedicine(m *medicine) {
	body := map[string]any{"endedOn": w.now.In(newYork).Format(time.DateOnly)}
	if _, ok := w.do(w.patient, "endMedication", m, body, func() problem.Code { return refused(in(m.status, "current")) }); ok {
		m.status = "ended"
	}
}

// handOver makes somebody else responsible for a treatment.
func (w *walk) handOver(t *course) {
	body := map[string]any{"responsiblePrescriberId": w.prescriber().ID}
	w.do(w.prescriber(), "updateTreatment", t, body, t.pause)
}

// leave takes the patient out of the clinic's care, which ends the treatment, or in again.
func (w *walk) leave(status string) {
	body := map[string]any{"status": status, "since": w.now, "source": "Patient, by phone."}
	_, ok := w.do(w.prescriber(), "changePatientStatus", w.party, body, func() problem.Code {
		return refused(objection{w.status == status, problem.IllegalTransition})
	})
	if !ok {
		return
	}
	w.status = status
	for _, t := range w.courses {
		if status != "active" && t.open() {
			t.end("discontinued", w.now)
		}
	}
}

func (w *walk) others() map[string]func() {
	visit := func() *visit { return newest(w, "session", w.aCourse().visits) }
	told := func(operation, kind string, members map[string]any) func() {
		return func() { w.note(w.patient, visit(), operation, &fact{kind: kind}, w.late(), members) }
	}
	answers := func(operation, status string, body map[string]any, may func(*questionnaire) func() problem.Code) func() {
		return func() {
			q := newest(w, "answers", w.answered)
			w.moveAnswers(q, operation, status, body, may(q))
		}
	}
	return map[string]func(){
		"recordObservation": told("recordObservation", "observation", map[string]any{"nausea": 4, "sedation": 2}),
		"escalateSession":   w.rarely(told("escalateSession", "escalation", map[string]any{"redFlag": "chestPain"})),
		"attestSession":     func() { w.word(visit()) },
		"reviewAssessment":  answers("reviewAssessment", "reviewed", map[string]any{}, func(q *questionnaire) func() problem.Code { return q.review }),
		"voidAssessment":    answers("voidAssessment", "enteredInError", reason, func(q *questionnaire) func() problem.Code { return q.change }),
		"recordMedication":  w.takeMedicine, "endMedication": func() { w.endMedicine(newest(w, "medication", w.medicines)) },
		"updateTreatment":     func() { w.handOver(w.aCourse()) },
		"changePatientStatus": w.rarely(func() { w.leave(w.draw("status", "active", "inactive", "transferred")) }),
	}
}
