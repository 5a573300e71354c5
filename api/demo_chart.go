package api

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
)

// chart is one patient's part of the story. Its methods write into the agenda what happens on
// a day, counted from today: -1 is yesterday. Times of day are the patient's, but for what
// the office does. A story is told in its order: what a method writes down can rest on what
// the methods before it have.
type chart struct {
	*teller
	demoPerson
	record int // how many came before
	home   place
	zone   *time.Location
	random *rand.Rand

	self       string // the patient's sign-in
	prescriber string
	begins     string // the time of day at which sessions begin
	rest       reading
	takes      string                 // a medicine; none if empty
	order      oapi.PrescriptionInput // the newest
	proposed   oapi.PrescriptionInput // what was last proposed instead
	ready      time.Time              // from when on sessions can be planned
	left       dose.Mg                // what is at home
	lots       int                    // that were handed out
	asked      int                    // when the monitoring program was, last
	// lookedAfter: the first session is over.
	lookedAfter bool

	// The ids, once they are known; of consents by kind.
	patient, supporter, consultation, treatment, prescription, dispense string
	signed                                                              map[string]string
}

// reading is a blood pressure.
type reading struct{ systolic, diastolic int }

func (r reading) add(systolic, diastolic int) reading {
	return reading{r.systolic + systolic, r.diastolic + diastolic}
}

// at is a time of day where the patient is.
func (c *chart) at(day int, clock string) time.Time { return c.in(c.zone, day, clock) }

func (c *chart) in(zone *time.Location, day int, clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		c.err = err
	}
	return time.Date(c.today.Year(), c.today.Month(), c.today.Day()+day, t.Hour(), t.Minute(), 0, 0, zone)
}

// on is something that the patient does, and office something that the clinic does, in its
// own time zone.
func (c *chart) on(day int, clock string, do func()) { c.add(c.at(day, clock), do) }

func (c *chart) office(day int, clock string, do func()) {
	c.add(c.in(c.today.Location(), day, clock).Add(time.Duration(c.random.IntN(20))*time.Minute), do)
}

// said is a fact in the patient's words.
func (c *chart) said(at time.Time, what obj) obj {
	fact := obj{
		"id": uuidAt(at, c.random), "occurredAt": at.In(c.zone).Format(time.RFC3339), "timeZone": c.home.zone,
		"reportedBy": oapi.ReportedByPatient, "mode": oapi.ModeApp,
	}
	maps.Copy(fact, what)
	return fact
}

// weigh records the weight, so many grams more or less than the last one.
func (c *chart) weigh(day, grams int) {
	c.weight += dose.Kg(grams)
	c.measure(day, "19:30", obj{"weightKg": c.weight})
}

// measure records a measurement at home.
func (c *chart) measure(day int, clock string, what obj) {
	at := c.at(day, clock)
	c.on(day, clock, func() {
		c.fact(c.self, http.MethodPost, "/patients/"+c.patient+"/measurements", c.said(at, what))
	})
}

// pressure records a blood pressure at home.
func (c *chart) pressure(day int, clock string, r reading) { c.measure(day, clock, c.vitals(r, 0)) }

// vitals are what a device shows; the heart is so many beats faster than at rest.
func (c *chart) vitals(r reading, faster int) obj {
	return obj{
		"systolicMmHg": r.systolic + c.random.IntN(5) - 2, "diastolicMmHg": r.diastolic + c.random.IntN(3) - 1,
		"heartRateBpm": 60 + c.random.IntN(16) + faster, "spo2Percent": 96 + c.random.IntN(4), "position": oapi.BodyPositionSitting,
	}
}

// start starts a treatment; the patient reads the instructions in the evening.
func (c *chart) start(day int, indication oapi.Indication, diagnosis string) {
	c.office(day, "11:00", func() {
		c.treatment = c.plan(c.prescriber, "/patients/"+c.patient+"/treatments", obj{
			"indication": indication, "diagnosisCode": diagnosis, "protocolId": c.protocol, "responsiblePrescriberId": c.staff[c.prescriber],
		}).ID
	})
	at := c.at(day, "20:40")
	c.on(day, "20:40", func() {
		c.fact(c.self, http.MethodPost, "/treatments/"+c.treatment+"/instructions/acknowledgements", c.said(at, obj{"revision": 1}))
	})
}

// draft writes a prescription that nobody has signed.
func (c *chart) draft(day int, order oapi.PrescriptionInput) {
	c.order = order
	c.office(day, "12:00", func() {
		c.prescription = c.plan(demoNurse, "/treatments/"+c.treatment+"/prescriptions", order).ID
	})
}

// prescribe writes a prescription and signs it; it takes the place of the one before, and the
// pharmacy fills it.
func (c *chart) prescribe(day int, order oapi.PrescriptionInput) {
	c.signOrder(day, order)
	c.dispensed(day)
}

// signOrder writes a prescription and signs it.
func (c *chart) signOrder(day int, order oapi.PrescriptionInput) {
	c.draft(day, order)
	c.program(day)
	c.office(day, "13:00", func() {
		c.signs()
	})
}

// signs signs the prescription, with a look at what the patient takes.
func (c *chart) signs() {
	seen := []obj{}
	for _, m := range c.get(c.prescriber, "/patients/"+c.patient+"/interactions").Items {
		seen = append(seen, obj{"id": m.ID, "version": m.Version})
	}
	c.decide(c.prescriber, http.MethodPost, "/prescriptions/"+c.prescription+"/sign", obj{"reviewedMedications": seen})
}

// program asks the state's prescription monitoring program, unless that was done not long ago.
func (c *chart) program(day int) {
	if c.asked != 0 && day-c.asked < 80 {
		return
	}
	c.asked = day
	c.office(day, "12:10", func() {
		c.fact(demoNurse, http.MethodPost, "/patients/"+c.patient+"/pdmp-checks", c.said(c.clock.Now(), obj{
			"state": c.home.state, "result": oapi.PdmpResultNothingUnexpected, "reportedBy": oapi.ReportedByClinician, "mode": oapi.ModeSystem,
		}))
	})
}

// discard throws the draft away.
func (c *chart) discard(day int, reason string) {
	c.office(day, "15:30", func() {
		c.decide(c.prescriber, http.MethodPost, "/prescriptions/"+c.prescription+"/discard", obj{"reason": reason})
	})
}

// strike says that the prescription was entered in error.
func (c *chart) strike(day int, reason string) {
	c.office(day, "10:40", func() {
		c.decide(c.prescriber, http.MethodPost, "/prescriptions/"+c.prescription+"/enter-in-error", obj{"reason": reason})
	})
}

// withhold puts the prescription on hold.
func (c *chart) withhold(day int, reason oapi.HoldReason, note string) {
	c.office(day, "14:30", func() {
		c.decide(demoNurse, http.MethodPost, "/prescriptions/"+c.prescription+"/hold", obj{"reason": reason, "note": note})
	})
}

// cosign is a second prescriber's signature.
func (c *chart) cosign(day int, by string) {
	c.office(day, "13:30", func() {
		c.decide(by, http.MethodPost, "/prescriptions/"+c.prescription+"/cosign", nil)
	})
	c.dispensed(day)
}

// tighten gives the patient limits of their own.
func (c *chart) tighten(day int, limits obj) {
	c.office(day, "15:00", func() {
		c.decide(c.prescriber, http.MethodPatch, "/treatments/"+c.treatment, obj{"limits": limits})
	})
}

// stop ends the prescription.
func (c *chart) stop(day int, reason string) {
	c.office(day, "15:00", func() {
		c.decide(c.prescriber, http.MethodPost, "/prescriptions/"+c.prescription+"/stop", obj{"reason": reason})
	})
}

// phase takes the treatment to another phase.
func (c *chart) phase(day int, to oapi.Phase, reason string) {
	c.office(day, "14:00", func() {
		c.decide(c.prescriber, http.MethodPost, "/treatments/"+c.treatment+"/phase", obj{"phase": to, "reason": reason})
	})
	c.prepared(day)
}

// prepared says that from the evening of a day on sessions can be planned.
func (c *chart) prepared(day int) {
	if evening := c.at(day, "18:00"); evening.After(c.ready) {
		c.ready = evening
	}
}

// hold, resume and discontinue decide about the treatment.
func (c *chart) hold(day int, reason oapi.HoldReason, note string) {
	c.office(day, "14:30", func() {
		c.decide(c.prescriber, http.MethodPost, "/treatments/"+c.treatment+"/hold", obj{"reason": reason, "note": note})
	})
}

func (c *chart) resume(day int, reason string) {
	c.office(day, "11:30", func() {
		c.decide(c.prescriber, http.MethodPost, "/treatments/"+c.treatment+"/resume", obj{"reason": reason})
	})
}

func (c *chart) discontinue(day int, reason oapi.DiscontinueReason, note string) {
	c.office(day, "16:00", func() {
		c.decide(c.prescriber, http.MethodPost, "/treatments/"+c.treatment+"/discontinue", obj{"reason": reason, "note": note})
	})
}

// leave ends the clinic's care of the patient, and with it the treatment.
func (c *chart) leave(day int, status oapi.PatientStatus, source, reason string) {
	c.office(day, "16:30", func() {
		c.decide(c.prescriber, http.MethodPost, "/patients/"+c.patient+"/status", obj{
			"status": status, "since": c.clock.Now().Format(time.RFC3339), "source": source, "reason": reason,
		})
	})
}

// acknowledge takes on whatever alert is open.
func (c *chart) acknowledge(day int, clock, note string) {
	c.on(day, clock, func() {
		for _, alert := range c.alerts(oapi.AlertStatusOpen) {
			c.decide(demoNurse, http.MethodPost, "/alerts/"+alert.ID+"/acknowledge", obj{"note": note})
		}
	})
}

// resolve ends whatever alert was taken on.
func (c *chart) resolve(day int, clock string, outcome oapi.AlertOutcome, note string) {
	c.on(day, clock, func() {
		for _, alert := range c.alerts(oapi.AlertStatusAcknowledged) {
			c.decide(c.prescriber, http.MethodPost, "/alerts/"+alert.ID+"/resolve", obj{"outcome": outcome, "note": note})
		}
	})
}

// handle does both on one day.
func (c *chart) handle(day int, note string) {
	c.acknowledge(day, "10:20", "Calling the patient.")
	c.resolve(day, "15:40", oapi.AlertOutcomeHandled, note)
}

func (c *chart) alerts(status oapi.AlertStatus) []answer {
	return c.get(demoNurse, fmt.Sprintf("/alerts?patientId=%s&status=%s", c.patient, status)).Items
}
