package api

import (
	"maps"
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The way to a treatment: the clinic admits somebody, asks, examines and decides, and the patient
// consents.

// intake takes all of it in three days, finds nothing that forbids ketamine, and starts the
// treatment.
func (c *chart) intake(day int, indication oapi.Indication, diagnosis string, phq, gad int) {
	c.admit(day)
	c.consult(day, diagnosis, phq, gad)
	c.eligible(day + 2)
	c.consent(day + 2)
	c.start(day+3, indication, diagnosis)
}

// again is the intake of somebody whom the clinic knows.
func (c *chart) again(day int, indication oapi.Indication, diagnosis string, phq, gad int) {
	c.pressure(day, "19:45", c.rest)
	c.consult(day, diagnosis, phq, gad)
	c.weigh(day, 300)
	c.eligible(day + 2)
	c.consent(day + 2)
	c.start(day+3, indication, diagnosis)
}

// admit registers the patient, signs them in and lets them say who will be with them.
func (c *chart) admit(day int) {
	c.office(day, "10:00", func() {
		c.patient = c.plan(demoNurse, "/patients", c.registration(c.record, c.home)).ID
		c.decide(demoNurse, http.MethodPut, "/patients/"+c.patient+"/care-team", obj{"members": []obj{
			{"staffId": c.staff[c.prescriber], "role": rolePrescriber}, {"staffId": c.staff[demoNurse], "role": roleClinician},
		}})
		invitation := c.decide(demoNurse, http.MethodPost, "/patients/"+c.patient+"/invitations", nil)
		c.redeem(c.self, invitation.Code, c.birthDate)
	})
	c.weigh(day, 0)
	c.on(day, "19:40", func() {
		c.supporter = c.plan(c.self, "/patients/"+c.patient+"/support-people", obj{"name": c.contact, "relationship": c.relationship, "adult": true}).ID
	})
	c.pressure(day, "19:45", c.rest)
}

// consult takes the intake: what the patient says about themselves, what the clinic adds, three
// questionnaires and a visit. said changes the patient's answers.
func (c *chart) consult(day int, diagnosis string, phq, gad int, said ...obj) {
	c.office(day, "11:00", func() {
		c.consultation = c.plan(demoNurse, "/patients/"+c.patient+"/consultations", nil).ID
		c.fill(demoNurse, obj{"diagnoses": []string{diagnosis}, "capacity": obj{"hasCapacity": "yes"}})
	})
	c.on(day, "20:00", func() { c.fill(c.self, c.history(said...)) })
	c.recordAnswers(day+1, "20:00", oapi.InstrumentIDPhq9, phq9Answers(phq, 0))
	c.recordAnswers(day+1, "20:10", oapi.InstrumentIDGad7, gad7Answers(gad))
	c.recordAnswers(day+1, "20:20", oapi.InstrumentIDCSsrsScreener, screenerAnswers())
	c.on(day+1, "20:30", func() { c.decide(c.self, http.MethodPost, "/consultations/"+c.consultation+"/submit", nil) })
	c.visit(day+2, 2, oapi.VisitKindInitial, oapi.VisitModeInPerson, obj{
		"note":           "History and questionnaires gone through, heart and lungs without findings, walks safely.",
		"patientSummary": "We talked about what ketamine can and cannot do, and examined you.", "examinedInPerson": true,
	})
}

func (c *chart) fill(as string, answers obj) {
	c.decide(as, http.MethodPatch, "/consultations/"+c.consultation+"/intake", answers)
}

// history is what somebody answers about themselves who has none of what forbids ketamine.
func (c *chart) history(said ...obj) obj {
	var conditions []obj
	for _, condition := range treatment.HistoryConditions {
		conditions = append(conditions, obj{"condition": condition, "answer": "no"})
	}
	answers := obj{
		"history":            obj{"conditions": conditions, "text": "Two episodes in ten years."},
		"previousTreatments": []obj{{"name": "Sertraline", "kind": "medicine", "outcome": "partialResponse", "adequateTrial": true}},
		"medications":        obj{"takesAny": c.takes != ""}, "pregnancy": c.pregnancy(), "supportPerson": obj{"available": "yes"},
		"screens": obj{"psychosis": "never", "mania": "never", "substanceUse": "none", "opioidUseDisorder": "no"},
		"homeSafety": obj{
			"emergencyAddressConfirmed": "yes", "videoAvailable": "yes", "safePlace": "yes", "childrenSupervised": "yes", "weaponsSecured": "yes",
		},
	}
	for _, s := range said {
		maps.Copy(answers, s)
	}
	return answers
}

func (c *chart) pregnancy() oapi.PregnancyStatus {
	if c.gender == "female" {
		return oapi.PregnancyStatusNotPregnant
	}
	return oapi.PregnancyStatusNotApplicable
}

// conditions are the answers to conditions of which one is not "no".
func conditions(but treatment.EligibilityReason, answer treatment.Answer) obj {
	var list []obj
	for _, condition := range treatment.HistoryConditions {
		given := treatment.Answer("no")
		if condition == but {
			given = answer
		}
		list = append(list, obj{"condition": condition, "answer": given})
	}
	return obj{"history": obj{"conditions": list}}
}

// eligible, and judge for every other decision, decide what the consultation has come to.
func (c *chart) eligible(day int) {
	c.judge(day, obj{"outcome": oapi.EligibilityOutcomeEligible, "patientMessage": "We can begin. The next step is your consent."})
}

func (c *chart) judge(day int, decision obj) {
	c.office(day, "12:20", func() {
		c.decide(c.prescriber, http.MethodPost, "/consultations/"+c.consultation+"/decide", decision)
	})
}

// reconsult does something else about the consultation: the verb is the end of its path.
func (c *chart) reconsult(day int, clock, as, verb string, body obj) {
	c.office(day, clock, func() { c.decide(as, http.MethodPost, "/consultations/"+c.consultation+"/"+verb, body) })
}

// consent presents every text that the protocol requires; the patient signs in the evening.
func (c *chart) consent(day int) {
	for i, kind := range treatment.Default().Treatment.RequiredConsents {
		c.sign(day, time.Duration(i)*time.Minute, kind)
	}
}

// sign presents the newest text of a kind, which the patient signs some minutes after another one.
func (c *chart) sign(day int, after time.Duration, kind string) {
	id := c.present(day, kind)
	at := c.at(day, "20:10").Add(after)
	c.add(at, func() { c.answerConsent(*id, "sign", at, obj{"signatureName": c.given + " " + c.family}) })
}

// present puts a text before the patient; its id is known when that time has come.
func (c *chart) present(day int, kind string) *string {
	id := new(string)
	c.office(day, "13:00", func() {
		*id = c.plan(demoNurse, "/patients/"+c.patient+"/consents", obj{"templateId": c.texts[kind]}).ID
		c.signed[kind] = *id
	})
	return id
}

// decline and revoke are the other answers; revoke is about what was signed.
func (c *chart) decline(day int, kind, reason string) {
	id, at := c.present(day, kind), c.at(day, "20:25")
	c.add(at, func() { c.answerConsent(*id, "decline", at, obj{"reason": reason}) })
}

func (c *chart) revoke(day int, kind, reason string) {
	at := c.at(day, "20:40")
	c.add(at, func() { c.answerConsent(c.signed[kind], "withdraw", at, obj{"reason": reason}) })
}

func (c *chart) answerConsent(id, verb string, at time.Time, what obj) {
	c.fact(c.self, http.MethodPost, "/consents/"+id+"/"+verb, c.said(at, what))
}

// visit books a visit some days ahead, which takes place unless outcome is nil: then it stays
// booked.
func (c *chart) visit(day, daysAhead int, kind oapi.VisitKind, mode oapi.VisitMode, outcome obj) *string {
	id, planned := new(string), c.in(c.today.Location(), day, "10:30")
	c.office(day-daysAhead, "11:30", func() {
		*id = c.plan(demoNurse, "/patients/"+c.patient+"/visits", obj{
			"kind": kind, "mode": mode, "providerId": c.staff[c.prescriber], "plannedAt": planned.Format(time.RFC3339),
			"timeZone": demoZone, "durationMin": 30,
		}).ID
	})
	if outcome != nil {
		c.office(day, "11:10", func() { c.decide(c.prescriber, http.MethodPost, "/visits/"+*id+"/complete", outcome) })
	}
	return id
}

// missed is a visit to which the patient does not come, and calledOff one that the clinic cancels.
func (c *chart) missed(day int) {
	id := c.visit(day, 7, oapi.VisitKindFollowUp, oapi.VisitModeVideo, nil)
	c.office(day, "11:20", func() { c.decide(demoNurse, http.MethodPost, "/visits/"+*id+"/no-show", nil) })
}

func (c *chart) calledOff(day int, reason string) {
	id := c.visit(day, 7, oapi.VisitKindFollowUp, oapi.VisitModeVideo, nil)
	c.office(day-1, "16:00", func() { c.decide(demoNurse, http.MethodPost, "/visits/"+*id+"/cancel", obj{"reason": reason}) })
}

// medicine is something that the patient takes besides; it is said on the day of the admission.
func (c *chart) medicine(day int, name string, class oapi.DrugClass, dosage string) {
	c.takes = name
	c.takesUp(day, name, class, dosage)
}

// takesUp is the same during a treatment: the intake did not know of it.
func (c *chart) takesUp(day int, name string, class oapi.DrugClass, dosage string) {
	at := c.at(day, "19:50")
	c.on(day, "19:50", func() {
		c.fact(c.self, http.MethodPost, "/patients/"+c.patient+"/medications", c.said(at, obj{"name": name, "drugClass": class, "dosage": dosage}))
	})
}
