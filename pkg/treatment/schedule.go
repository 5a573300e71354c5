package treatment

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Tier is how strong a session is, by what is taken per kilogram of body weight. Stronger
// sessions need longer intervals.
type Tier string

// Tiers.
const (
	TierLow  Tier = "low"
	TierMid  Tier = "mid"
	TierHigh Tier = "high"
)

// Tier of an amount at a body weight: low up to and with the protocol's low maximum, high
// from its high minimum, mid between. Without a weight it is high, the strictest.
func (p Protocol) Tier(amount dose.Mg, weight *dose.Kg) Tier {
	switch tiers := p.Sessions.Tiers; {
	case weight == nil || *weight <= 0 || amount >= dose.PerKg(tiers.HighMinMgPerKg, *weight):
		return TierHigh
	case amount <= dose.PerKg(tiers.LowMaxMgPerKg, *weight):
		return TierLow
	}
	return TierMid
}

// of is the number for a tier.
func (n PerTier) of(tier Tier) int {
	switch tier {
	case TierLow:
		return n.Low
	case TierMid:
		return n.Mid
	case TierHigh:
	}
	return n.High // also for a tier that nobody knows
}

// pace is how often sessions may take place, and where each number stands.
type pace struct {
	minHours              int // from start to start
	perWeek               int // in any seven days
	minSource, weekSource string
}

// pace is the stricter of the protocol's for a tier and the prescription's; a number of the
// prescription that is 0 says nothing.
func (p Protocol) pace(tier Tier, intervalHours, perWeek int) pace {
	found := pace{
		minHours: p.Sessions.MinIntervalHours.of(tier), minSource: "protocol.sessions.minIntervalHours." + string(tier),
		perWeek: p.Sessions.MaxIn7Days.of(tier), weekSource: "protocol.sessions.maxIn7Days." + string(tier),
	}
	if intervalHours > found.minHours {
		found.minHours, found.minSource = intervalHours, "prescription.minIntervalHours"
	}
	if 0 < perWeek && perWeek < found.perWeek {
		found.perWeek, found.weekSource = perWeek, "prescription.sessionsPerWeek"
	}
	return found
}

// earliest is the first moment from at on that keeps both limits to earlier sessions.
func (p pace) earliest(at time.Time, earlier []time.Time) time.Time {
	moments := []time.Time{at}
	for _, start := range earlier {
		start = start.In(at.Location())
		moments = append(moments, start.Add(time.Duration(p.minHours)*time.Hour), start.AddDate(0, 0, 7))
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, moment := range moments {
		if _, short := p.short(moment, earlier); !short && !moment.Before(at) && p.inWeek(moment, earlier) <= p.perWeek {
			return moment
		}
	}
	return moments[len(moments)-1] // seven days after the last one nothing stands in the way
}

// short says whether a start is too near to one of the others, and how near the nearest is.
// Intervals are elapsed hours, whatever the clocks do.
func (p pace) short(at time.Time, others []time.Time) (gap string, short bool) {
	nearest := time.Duration(math.MaxInt64)
	for _, other := range others {
		nearest = min(nearest, at.Sub(other).Abs())
	}
	if nearest >= time.Duration(p.minHours)*time.Hour {
		return "", false
	}
	return hours(int(nearest.Hours())) + " " + minutes(int(nearest.Minutes())%60), true
}

// inWeek is the largest number of sessions, the one at the given start included, in any
// seven days that contain it. The days are those of the zone of at: a session at the same
// local time a week later is in the next seven days, also when the clocks change.
func (p pace) inWeek(at time.Time, others []time.Time) int {
	all := append(slices.Clone(others), at)
	most := 0
	for _, first := range all {
		first = first.In(at.Location())
		if first.After(at) || !at.Before(first.AddDate(0, 0, 7)) {
			continue // seven days from there do not contain it
		}
		n := 0
		for _, other := range all {
			if !other.Before(first) && other.Before(first.AddDate(0, 0, 7)) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Scheduling is what is known when a session is to be planned.
type Scheduling struct {
	Now time.Time
	// At is when it should begin, in the zone where it takes place.
	At time.Time
	// TimeZone is the IANA name of that zone.
	TimeZone string
	// Phase and OnHold are the treatment's.
	Phase  Phase
	OnHold bool
	// Prescription is the treatment's signed one, and PrescriptionID its id; nil for none.
	Prescription   *Prescription
	PrescriptionID *uuid.UUID
	// WeightKg is the last one known; nil counts as a high dose.
	WeightKg *dose.Kg
	// Others are when the patient's other sessions began or are planned to begin, past and
	// to come, as far as they occupy that time ([Session.Occupies]).
	Others   []time.Time
	Protocol Protocol
}

// Schedule plans a session that is to come. It needs a running treatment, a prescription that is active at
// that time, no hold, and keeps the interval and the weekly limit to sessions before and
// after it, each the stricter of the protocol's and the prescription's. Units may still be on
// their way: the safety gate asks for them. The refusal lists every reason.
func Schedule(s Scheduling) (Plan, error) {
	if err := s.objections("the session cannot be scheduled"); err != nil {
		return Plan{}, err
	}
	return Plan{PlannedAt: new(s.At.UTC()), TimeZone: s.TimeZone, PrescriptionID: s.PrescriptionID}, nil
}

// Reschedule plans a session anew, before its dose, by the same rules; Others are without
// the session itself.
func (plan Plan) Reschedule(session Session, s Scheduling, reason string) (Plan, error) {
	if !session.waiting() {
		return plan, illegal("a session that is "+string(session.Status), "be rescheduled")
	}
	if err := requireReason("the session cannot be rescheduled", reason); err != nil {
		return plan, err
	}
	if err := s.objections("the session cannot be rescheduled"); err != nil {
		return plan, err
	}
	plan.PlannedAt, plan.TimeZone, plan.PrescriptionID, plan.StatusReason = new(s.At.UTC()), s.TimeZone, s.PrescriptionID, reason
	return plan, nil
}

func (s Scheduling) objections(what string) error {
	var o objections
	if !s.Phase.Running() {
		o.add(CodeRuleViolated, Reason{Rule: RuleTreatmentNotOpen, Value: string(s.Phase),
			Detail: "the treatment is not in induction, maintenance or taper"})
	}
	if s.OnHold {
		o.add(CodeRuleViolated, Reason{Rule: RuleTreatmentOnHold, Detail: "the treatment is on hold"})
	}
	tier, interval, perWeek := TierHigh, 0, 0
	if s.Prescription == nil || s.Prescription.StatusAt(s.At) != PrescriptionActive {
		o.add(CodeRuleViolated, Reason{Rule: RuleNoActivePrescription, Detail: "no prescription is active at that time"})
	} else {
		order := s.Prescription.Order
		tier = s.Protocol.Tier(order.Total(), s.WeightKg)
		interval, perWeek = order.MinIntervalHours, order.SessionsPerWeek
		if s.Prescription.OnHold {
			o.add(CodeRuleViolated, Reason{Rule: RulePrescriptionOnHold, Detail: "the prescription is on hold"})
		}
	}
	if s.At.Before(s.Now) {
		o.add(CodeRuleViolated, Reason{Rule: RulePlannedInPast, Limit: s.Now.UTC().Format(time.RFC3339), Pointer: "/plannedAt",
			Detail: "only what is to come is planned: what has taken place is logged"})
	}
	pace := s.Protocol.pace(tier, interval, perWeek)
	if gap, short := pace.short(s.At, s.Others); short {
		o.add(CodeRuleViolated, Reason{Rule: RuleIntervalShort, Value: gap, Limit: hours(pace.minHours), Pointer: "/plannedAt",
			Detail: "another session is too near"})
	}
	if n := pace.inWeek(s.At, s.Others); n > pace.perWeek {
		o.add(CodeRuleViolated, Reason{Rule: RuleWeeklyLimit, Value: strconv.Itoa(n), Limit: strconv.Itoa(pace.perWeek),
			Pointer: "/plannedAt", Detail: "too many sessions in seven days"})
	}
	return o.refusal(what)
}
