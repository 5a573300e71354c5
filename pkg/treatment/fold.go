package treatment

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Interval is a time from From to Until, without Until itself; a nil Until is open.
type Interval struct {
	From  time.Time
	Until *time.Time
}

// Contains says whether t lies in the interval.
func (i Interval) Contains(t time.Time) bool {
	return !t.Before(i.From) && (i.Until == nil || t.Before(*i.Until))
}

// Validity is a prescription and the time in which doses could be taken from it.
type Validity struct {
	ID uuid.UUID
	Interval
	Form             DosageForm
	DoseMg           dose.Mg
	BoosterMg        dose.Mg
	MinIntervalHours int
	SessionsPerWeek  int
	// Holds are the times in which it was on hold.
	Holds []Interval
}

// DoseTime is a dose of another session of the patient.
type DoseTime struct {
	SessionID uuid.UUID
	At        time.Time
	Mg        dose.Mg
}

// Known is everything beside plan and facts that a session is judged by. All of it is about
// the time of the session, not about today.
type Known struct {
	Protocol Protocol
	// Limits are the patient's own, in the order of time.
	Limits []LimitsSince
	// Running is when doses belonged to the treatment ([Treatment.Running]); nil for never.
	Running *Interval
	// TreatmentHolds are the times in which the treatment was on hold.
	TreatmentHolds []Interval
	// Prescriptions of the treatment that were ever active ([Prescription.Validity]).
	Prescriptions []Validity
	// OtherDoses are doses of the patient's other sessions, as far back before this one as 28 days
	// and the longest interval of a prescription reach. Later ones do no harm.
	OtherDoses []DoseTime
	// WeightKg is the last one known; nil means that the session counts as a high dose.
	WeightKg *dose.Kg
	// Outside are the reasons against a dose that lie outside of the session, by the check to
	// which they belong: [Surroundings.Reasons], when the check came in. Guard gate.
	Outside map[uuid.UUID][]GateReason
	// Overrides of what the safety gate held.
	Overrides []Override
	// Units are what the ledger finds about each dose ([Reckon]). Guard units.
	Units map[uuid.UUID][]Deviation
	// Events is how many adverse events were ever reported for the session. It matters only to
	// a session that was reviewed.
	Events int
	// Zone finds a time zone by its IANA name: time.LoadLocation, or something that caches.
	// Where it finds nothing, or is nil, the latest of all zones is assumed.
	Zone func(name string) (*time.Location, error)
}

// Verdict is what the rules say about a session.
type Verdict struct {
	// Deviations from the rules as they now are. One that a later fact removes is gone.
	Deviations []Deviation
	// Raised are all alerts that the facts give reason for. The caller stores those that are
	// new, and keeps those that are no longer here.
	Raised []Raised
	// Checks of the safety gate, in the order of their time.
	Checks []Check
}

// Fold adds a plan and its facts up to a session and judges it. Facts count in the order in
// which they happened, then by id; in which order they arrived makes no difference.
//
//   - A session that was voided is entered in error, whatever else is there.
//   - A completion or an abort ends it, also before a dose is known. With several, the first
//     one at or after the first dose stands (without one, the first): whoever breaks a
//     session off has ended it, a completion sent later changes nothing, and neither does
//     an abort after the completion.
//   - It is reviewed once it has ended, was looked at, and nothing was entered since.
//   - A dose without an end: monitoring.
//   - Neither dose nor end: cancelled, when the plan says so or there is no plan (any more);
//     otherwise as the safety gate last found it, or scheduled.
//
// What happened wins over a cancelled plan.
func Fold(plan Plan, facts []Fact, known Known) (Session, Verdict) {
	if plan.VoidedAt != nil {
		return Session{Status: SessionEnteredInError}, Verdict{}
	}
	c := newCourse(plan, facts, known)
	session := c.session()
	session.Status = c.status()
	if session.Status == SessionCleared {
		session.ClearedUntil = new(lastOf(c.checks, nil).ClearedAt.UTC().Add(known.Protocol.Sessions.Clearance()))
	}
	return session, c.judge()
}

// course is a session's facts by kind, in the order in which they happened.
type course struct {
	plan  Plan
	known Known

	doses, vitals, observations, endings, escalations, checked, attestations, checkIns []Fact

	checks []Check
	// entries is what [Entries] says of the facts.
	entries int
	// ticketOfPatient: something was sent with a ticket that had been handed to the patient.
	ticketOfPatient bool
	// ending is the completion or abort that stands; nil when there is none.
	ending *Fact
	// taken and boosted are the sums of the doses; unknown says that one had no amount.
	taken, boosted dose.Mg
	unknown        bool
}

func newCourse(plan Plan, facts []Fact, known Known) *course {
	kept, struck := counting(facts)
	c := &course{plan: plan, known: known, entries: entries(kept, struck)}
	for _, fact := range kept {
		c.ticketOfPatient = c.ticketOfPatient || isTrue(fact.TicketOfPatient)
		switch fact.Kind {
		case FactDose:
			c.doses = append(c.doses, fact)
		case FactVitals:
			c.vitals = append(c.vitals, fact)
		case FactObservation:
			c.observations = append(c.observations, fact)
		case FactCompletion, FactAbort:
			c.endings = append(c.endings, fact)
		case FactEscalation:
			c.escalations = append(c.escalations, fact)
		case FactCheck:
			c.checked = append(c.checked, fact)
		case FactAttestation:
			c.attestations = append(c.attestations, fact)
		case FactCheckIn:
			c.checkIns = append(c.checkIns, fact)
		}
	}
	for _, fact := range c.checked { // each rests on what happened before it, and its clearance on what came then
		check := c.judgeCheck(fact)
		check.Ended = c.dangers(fact.OccurredAt, c.nextDose(fact.OccurredAt))
		c.checks = append(c.checks, check)
	}
	c.ending = c.standing()
	for _, d := range c.doses {
		switch {
		case d.DoseMg == nil:
			c.unknown = true
		case isTrue(d.Booster):
			c.boosted = total(c.boosted, *d.DoseMg)
		default:
			c.taken = total(c.taken, *d.DoseMg)
		}
	}
	return c
}

// limitsAt are the patient's own limits of a time.
func (c *course) limitsAt(at time.Time) Limits { return LimitsAt(c.known.Limits, at) }

// nextDose is when the first dose at a time or after it was taken; nil when there is none.
func (c *course) nextDose(at time.Time) *time.Time {
	for i := range c.doses {
		if !c.doses[i].OccurredAt.Before(at) {
			return &c.doses[i].OccurredAt
		}
	}
	return nil
}

// standing is the ending that counts.
func (c *course) standing() *Fact {
	if len(c.endings) == 0 {
		return nil
	}
	if len(c.doses) > 0 {
		for i := range c.endings {
			if !c.endings[i].OccurredAt.Before(c.started()) {
				return &c.endings[i]
			}
		}
	}
	return &c.endings[0]
}

// started and lastDose are the times of the first and the last dose, of which there is one.
func (c *course) started() time.Time  { return c.doses[0].OccurredAt }
func (c *course) lastDose() time.Time { return c.doses[len(c.doses)-1].OccurredAt }

func (c *course) status() SessionStatus {
	switch {
	case c.ending != nil && c.plan.ReviewedAt != nil && c.plan.ReviewedEntries == c.entries+c.known.Events:
		return SessionReviewed
	case c.ending != nil && c.ending.Kind == FactAbort:
		return SessionAborted
	case c.ending != nil:
		return SessionCompleted
	case len(c.doses) > 0:
		return SessionMonitoring
	case c.plan.CancelledAt != nil, c.plan.PlannedAt == nil:
		return SessionCancelled
	}
	// The latest check decides, by all that was seen since: what ends a clearance is a stop, which the
	// next check would find too. It is held, and not scheduled like one whose clearance has lapsed,
	// so that nobody takes it for one that only has to be checked again.
	switch check := lastOf(c.checks, nil); {
	case check == nil:
		return SessionScheduled
	case check.Stands():
		return SessionCleared
	}
	return SessionHeld
}

// lastOf is the newest check, until a time if one is given; nil for none. Of two at the same time
// the one that held counts.
func lastOf(checks []Check, until *time.Time) *Check {
	var last *Check
	for i, check := range checks {
		if until != nil && check.At.After(*until) {
			continue
		}
		if last == nil || check.At.After(last.At) || (check.At.Equal(last.At) && !check.Cleared) {
			last = &checks[i]
		}
	}
	return last
}

// session is what the facts add up to, but for the status.
func (c *course) session() Session {
	s := Session{
		DoseMg: c.taken, BoosterMg: c.boosted,
		Escalated: len(c.escalations) > 0, CheckedIn: len(c.checkIns) > 0, Attested: len(c.attestations) > 0,
	}
	if len(c.doses) > 0 {
		s.StartedAt = new(c.started().UTC())
		s.NoDriveUntil = new(c.noDriveUntil())
		s.CheckInDueAt = new(s.StartedAt.Add(time.Duration(c.known.Protocol.Sessions.CheckInDueHours) * time.Hour))
	}
	if c.plan.PlannedAt != nil {
		s.MissedAt = new(MissedAt(*c.plan.PlannedAt, c.known.Protocol))
	}
	if c.ending != nil {
		s.EndedAt = new(c.ending.OccurredAt.UTC())
	}
	var latest [4]finding
	for _, reading := range c.vitals {
		s.PeakSystolicMmHg = higher(s.PeakSystolicMmHg, reading.SystolicMmHg)
		s.PeakDiastolicMmHg = higher(s.PeakDiastolicMmHg, reading.DiastolicMmHg)
		for i, finding := range reading.findings(c.known.Protocol) {
			if finding != notMeasured {
				latest[i] = finding
			}
		}
	}
	for _, finding := range latest {
		s.DoubtfulReading = s.DoubtfulReading || finding == implausible
	}
	return s
}

func higher(a, b *int) *int {
	if a == nil || (b != nil && *b > *a) {
		return b
	}
	return a
}

// noDriveUntil is the latest of what the doses ask for, each where it was taken.
func (c *course) noDriveUntil() time.Time {
	var latest time.Time
	for _, d := range c.doses {
		var zone *time.Location
		if c.known.Zone != nil {
			zone, _ = c.known.Zone(d.TimeZone) // an unknown zone is nil
		}
		if until := NoDriveUntil(d.OccurredAt, zone, c.known.Protocol); until.After(latest) {
			latest = until
		}
	}
	return latest
}

// NoDriveUntil is when the patient may drive again after a dose: so many hours later, and
// not before the morning of the next day where the dose was taken, whichever is later. An
// unknown zone (nil) is any zone: nowhere is that morning further away than 24 hours, its
// hour, and one more when the clocks go back.
func NoDriveUntil(doseAt time.Time, zone *time.Location, p Protocol) time.Time {
	until := doseAt.Add(time.Duration(p.Sessions.NoDriveHours) * time.Hour)
	morning := doseAt.Add(time.Duration(24+p.Sessions.NoDriveLocalHour+1) * time.Hour)
	if zone != nil {
		year, month, day := doseAt.In(zone).Date()
		morning = time.Date(year, month, day+1, p.Sessions.NoDriveLocalHour, 0, 0, 0, zone)
	}
	if morning.After(until) {
		until = morning
	}
	return until.UTC()
}
