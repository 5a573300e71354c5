package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
)

// What pharmacies hand out, and what becomes of it.

// dispensed has the pharmacy hand out what the newest prescription says.
func (c *chart) dispensed(day int) {
	order := c.order
	c.left += order.StrengthMg * dose.Mg(order.QuantityUnits)
	c.lots++
	lot := fmt.Sprintf("HK-%d-%02d", firstRecord+c.record, c.lots)
	c.office(day, "16:10", func() {
		at := c.clock.Now()
		c.dispense = c.fact(demoNurse, http.MethodPost, "/prescriptions/"+c.prescription+"/dispenses", c.said(at, obj{
			"strengthMg": order.StrengthMg, "units": order.QuantityUnits, "lot": lot, "beyondUseDate": at.AddDate(0, 0, 180).Format(time.DateOnly),
			"pharmacy": "Alder Compounding Pharmacy", "reportedBy": oapi.ReportedByPharmacy, "mode": oapi.ModeSystem,
		})).ID
	})
	c.prepared(day)
}

// unlock lets the prescription go on that signals had locked, after a talk.
func (c *chart) unlock(day int, reason string) {
	c.office(day, "16:50", func() {
		c.decide(c.prescriber, http.MethodPost, "/prescriptions/"+c.prescription+"/resume", obj{"reason": reason})
	})
}

// needs makes sure that there is enough at home for a session on a day: the pharmacy fills the
// prescription again in time.
func (c *chart) needs(day int, amount dose.Mg) {
	if c.left < amount {
		c.dispensed(day - 1)
	}
}

// prescribed is what a session takes at most.
func (c *chart) prescribed() dose.Mg {
	amount := c.order.DoseMg
	if c.order.BoosterMg != nil {
		amount += *c.order.BoosterMg
	}
	return amount
}

// report says what became of units of the newest lot: a count, a disposal or a loss, in the
// patient's words.
func (c *chart) report(day int, kind string, units int, what obj) *string {
	id, at := new(string), c.at(day, "19:20")
	body := c.said(at, what)
	body["units"] = units
	c.on(day, "19:20", func() {
		body["dispenseId"] = c.dispense
		*id = c.fact(c.self, http.MethodPost, "/patients/"+c.patient+"/supply/"+kind, body).ID
	})
	return id
}

// takeBack says that a report was entered in error. It can be changed only once, so that its
// version is known.
func (c *chart) takeBack(day int, id *string, reason string) {
	c.office(day, "10:10", func() {
		c.send(demoNurse, http.MethodPost, "/supply-entries/"+*id+"/enter-in-error",
			http.Header{"If-Match": {`"1"`}, "Idempotency-Key": {c.key()}}, obj{"reason": reason})
	})
}
