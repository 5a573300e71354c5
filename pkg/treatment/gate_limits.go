package treatment

import (
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
)

// GateLimits are the gate's limits for one session that depend on the patient; the others stand
// in the protocol. A phone that is offline can judge by them until it reaches the server, which
// judges again.
type GateLimits struct {
	// HoldBloodPressure and StopBloodPressure are the patient's own where they are tighter.
	HoldBloodPressure BloodPressure
	StopBloodPressure BloodPressure
	// EarliestAt is the first moment, from the given one on, at which interval and weekly limit
	// allow a dose.
	EarliestAt       time.Time
	MinIntervalHours int
	MaxIn7Days       int
	// TakenIn28DaysMg is what was taken in the 28 days before, and MaxIn28DaysMg what may be.
	TakenIn28DaysMg, MaxIn28DaysMg dose.Mg
	// Prescription is the one that doses are taken from; nil for none.
	Prescription *Validity
	// ObservationMin from the last dose to the end, by the prescribed dose.
	ObservationMin int
	// Reasons are those that treatment and prescription give, and what was taken lately.
	Reasons []GateReason
}

// Gate answers the limits for a dose from a time on, in the zone where it is taken.
func Gate(known Known, at time.Time, zone string) GateLimits {
	c := newCourse(Plan{}, nil, known)
	pace := c.paceOf(at)
	l := GateLimits{EarliestAt: pace.earliest(c.local(at, zone), c.earlier(at)).UTC(), MinIntervalHours: pace.minHours, MaxIn7Days: pace.perWeek}
	l.TakenIn28DaysMg, l.MaxIn28DaysMg = c.exposed(c.local(at, zone), 0), known.Protocol.Sessions.MaxIn28DaysMg
	l.HoldBloodPressure, l.StopBloodPressure = c.limitsAt(at).preDose(known.Protocol)
	c.unknown = true // without a prescription nobody knows how much it will be
	if active, found := c.prescriptionAt(at); found {
		l.Prescription, c.unknown, c.taken = &active, false, total(active.DoseMg, active.BoosterMg)
	}
	l.ObservationMin = c.observationMin()
	g := gate{course: c, check: Fact{OccurredAt: at, TimeZone: zone}}
	g.order()
	g.exposure()
	l.Reasons = g.reasons
	return l
}
