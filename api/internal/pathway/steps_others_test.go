package pathway_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// What is beside the straight way: the support person, answers that are reviewed or taken back,
// medicines, another prescriber, and patients who leave.

// medicine is one that the patient takes. It is over on the morning of a day, in New York.
type medicine struct {
	record
	status, class string
	version       int
	ended         time.Time
}

// over says whether it does not matter any more on a day: an MAO inhibitor does for two weeks.
func (m *medicine) over(at time.Time) bool {
	washout := map[string]int{"maoi": 14}[m.class]
	return m.status == "ended" && !at.Before(m.ended.AddDate(0, 0, washout))
}

// holds says whether the gate holds for it.
func (m *medicine) holds(at time.Time) bool {
	return (m.class == "maoi" || m.class == "grapefruitJuice") && !m.over(at)
}

// unreviewed says whether somebody who signs has left out a medicine as it is now.
func (c *care) unreviewed(reviewed map[string]int) bool {
	return slices.ContainsFunc(c.medicines, func(m *medicine) bool {
		seen, named := reviewed[m.id]
		return named && seen != m.version || !named && !m.over(c.now)
	})
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
	m := &medicine{status: "current", version: 1, class: w.draw("class", "other", "other", "lamotrigine", "opioid", "grapefruitJuice", "maoi", "")}
	body := w.told(map[string]any{"name": "A medicine", "drugClass": m.class})
	if m.class == "" {
		delete(body, "drugClass")
	}
	a, _ := w.do(w.patient, "recordMedication", w.party, body, always)
	m.record = created("medication", a)
	w.medicines = append(w.medicines, m)
	w.raised(m)
}

// raised holds the alert of a medicine against the model: during a treatment, for what asks for caution,
// holds the dose, or is unknown.
func (w *walk) raised(m *medicine) {
	want := map[string]string{"opioid": "medium", "": "medium", "grapefruitJuice": "high", "maoi": "high"}[m.class]
	if !slices.ContainsFunc(w.courses, (*course).open) {
		want = ""
	}
	got := ""
	alerts, _ := w.alerts()
	for _, a := range alerts {
		if a.source == m.id {
			got = a.severity
			if a.rule != "INTERACTION_NEW_MED" {
				w.rt.Fatalf("a medicine raises %s", a.rule)
			}
		}
	}
	if got != want {
		w.rt.Fatalf("a medicine of class %q raises an alert that is %q, the model says %q\n%s", m.class, got, want, w)
	}
	w.news(perhapsNew)
}

func (w *walk) endMedicine(m *medicine) {
	year, month, day := w.now.In(newYork).Date()
	today := time.Date(year, month, day, 0, 0, 0, 0, newYork)
	body := map[string]any{"endedOn": today.Format(time.DateOnly)}
	if _, ok := w.do(w.patient, "endMedication", m, body, func() problem.Code { return refused(in(m.status, "current")) }); ok {
		m.status, m.version = "ended", 2
		m.ended = today
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
