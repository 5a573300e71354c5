package api

import (
	"maps"
	"net/http"

	"github.com/titrate-health/titrate/api/internal/oapi"
)

// What went wrong, and changes of the dose.

// event is an adverse event that the patient reports; its id is known when that time has come.
func (c *chart) event(day int, clock string, term oapi.AdverseTerm, what obj) *string {
	id, at := new(string), c.at(day, clock)
	body := c.said(at, obj{"term": term})
	maps.Copy(body, what)
	c.on(day, clock, func() {
		*id = c.fact(c.self, http.MethodPost, "/patients/"+c.patient+"/adverse-events", body).ID
	})
	return id
}

// triage and closeEvent say what the clinic makes of an event.
func (c *chart) triage(day int, id *string, judgement obj) {
	c.office(day, "09:40", func() { c.decide(demoNurse, http.MethodPost, "/adverse-events/"+*id+"/triage", judgement) })
}

func (c *chart) closeEvent(day int, id *string, judgement obj) {
	c.office(day, "11:50", func() { c.decide(c.prescriber, http.MethodPost, "/adverse-events/"+*id+"/close", judgement) })
}

// adjust changes the dose on what the patient has answered last: the nurse proposes, the
// prescriber approves at noon and signs what follows.
func (c *chart) adjust(day int, order oapi.PrescriptionInput, reason string) {
	c.approve(day, c.propose(day, order, reason))
	c.dispensed(day)
}

// suggested asks the rules; the id of what they say is known when that time has come.
func (c *chart) suggested(day int) *string {
	id := new(string)
	c.office(day, "11:30", func() { *id = c.plan(demoNurse, "/treatments/"+c.treatment+"/suggestions", nil).ID })
	return id
}

// propose proposes another order; of the order it takes dose, booster and interval.
func (c *chart) propose(day int, order oapi.PrescriptionInput, reason string) *string {
	return c.proposeNaming(day, nil, order, reason)
}

// proposeNaming proposes another order and names what the rules had suggested, if they were asked.
func (c *chart) proposeNaming(day int, suggestion *string, order oapi.PrescriptionInput, reason string) *string {
	id, change := new(string), obj{"doseMg": order.DoseMg, "minIntervalHours": order.MinIntervalHours, "sessionsPerWeek": order.SessionsPerWeek}
	if order.BoosterMg != nil {
		change["boosterMg"] = *order.BoosterMg
	}
	c.office(day, "11:40", func() {
		var evidence []obj
		for _, a := range c.get(demoNurse, "/patients/"+c.patient+"/assessments?limit=2").Items {
			evidence = append(evidence, obj{"type": oapi.EvidenceTypeAssessment, "id": a.ID, "version": a.Version})
		}
		proposal := obj{"source": oapi.ProposalSourceClinician, "reason": reason, "change": change, "evidence": evidence}
		if suggestion != nil {
			proposal["suggestionId"] = *suggestion
		}
		*id = c.plan(demoNurse, "/treatments/"+c.treatment+"/adjustments", proposal).ID
	})
	c.proposed = order
	return id
}

// approve approves what was proposed last, drafts it and signs it.
func (c *chart) approve(day int, id *string) {
	c.order = c.proposed
	c.program(day)
	c.office(day, "12:50", func() {
		adjustment := "/adjustments/" + *id
		c.decide(c.prescriber, http.MethodPost, adjustment+"/approve", obj{})
		c.prescription = c.decide(c.prescriber, http.MethodPost, adjustment+"/apply", nil).DraftID
		c.signs()
	})
}

// leaveDose says that a change shall not be made; the verb is reject or withdraw.
func (c *chart) leaveDose(day int, id *string, verb, reason string) {
	c.office(day, "12:30", func() { c.decide(c.prescriber, http.MethodPost, "/adjustments/"+*id+"/"+verb, obj{"reason": reason}) })
}
