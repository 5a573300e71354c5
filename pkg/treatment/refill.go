package treatment

import (
	"strconv"
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
)

// RefillRules lists every rule that can stand in the way of the next fill.
var RefillRules = []Rule{
	RuleTreatmentNotOpen, RuleTreatmentOnHold, RuleNoActivePrescription, RuleExpired, RuleRefillLock, RulePrescriptionOnHold,
	RuleFills, RuleEarlyRefill, RuleAssessmentsOld, RulePDMP,
}

// usedPercent is how much of a fill is used when so much is left at home, in whole percent. It is
// negative when there is more than the fill was; of a fill of nothing all is used.
func usedPercent(last, left dose.Mg) int {
	if last <= 0 {
		return 100
	}
	return 100 - int((100*left+last-1)/last)
}

// judgeRefill judges a refill by what was left of the supply. Guard units.
func (v *FillVerdict) judgeRefill(fill, last Fill, policy Protocol) {
	least := policy.Supply.Refill.UsedPercent
	used := usedPercent(last.AmountMg, fill.LeftMg)
	if !policy.Guards(GuardUnits) || used >= least {
		return
	}
	deviation := Deviation{Rule: RuleEarlyRefill, Value: percent(max(used, 0)), Limit: percent(least)}
	v.Deviations = append(v.Deviations, deviation)
	v.Raised = append(v.Raised, Raised{Rule: AlertEarlyRefill, Severity: alertSeverity[AlertEarlyRefill], Value: deviation.Value, Limit: deviation.Limit})
}

func percent(n int) string { return strconv.Itoa(n) + " %" }

// RefillReason is one reason for which the next fill is not due.
type RefillReason struct {
	Rule Rule
	// Value is what was found, with its unit; empty when it is unknown. Limit is what the rule asks
	// for; empty when it has no number.
	Value string
	Limit string
	// Source is where the limit stands: a member of the protocol, or the kind of record that says so.
	Source string
	// Clears is a sentence for people that says what would clear it.
	Clears string
}

// AnsweredAt is when an instrument was last answered, so that it has a result; nil for never.
type AnsweredAt struct {
	Instrument string
	At         *time.Time
}

// Refilling is what is known when somebody asks whether the next fill is due. What is nil is
// unknown, and then it is not.
type Refilling struct {
	// Now in the time zone of the patient.
	Now time.Time
	// Phase is that of the patient's treatment, empty for none; OnHold says whether it is on hold.
	Phase  Phase
	OnHold bool
	// Prescription is the one in force, perhaps expired.
	Prescription *Prescription
	// LastFillMg is what its last fill handed out; nil before the first. LeftMg is what is at home
	// of its form.
	LastFillMg *dose.Mg
	LeftMg     dose.Mg
	// LastDoseAt is when the last dose was taken.
	LastDoseAt *time.Time
	// Answered are the protocol's baseline instruments.
	Answered      []AnsweredAt
	PDMPCheckedAt *time.Time
	Protocol      Protocol
}

// Refill says whether the next fill of a prescription is due.
type Refill struct {
	// Reasons for which it is not; none when it is.
	Reasons []RefillReason
	// FillsLeft is how many fills the prescription still allows.
	FillsLeft int
	// Earliest is the day on which enough will have been used, at the fastest pace that the
	// prescription allows, if nothing else stands in the way.
	Earliest *Date
}

// Refill asks every rule: a fill that is recorded against them is judged by [Prescription.JudgeFills].
func (r Refilling) Refill() (out Refill) {
	add := func(against bool, reason RefillReason) {
		if against {
			out.Reasons = append(out.Reasons, reason)
		}
	}
	add(!r.Phase.Open(), RefillReason{Rule: RuleTreatmentNotOpen, Value: string(r.Phase), Source: "treatment.phase", Clears: "A treatment has to be open."})
	add(r.OnHold, RefillReason{Rule: RuleTreatmentOnHold, Source: "treatment.holds", Clears: "A prescriber resumes the treatment."})
	if r.Prescription == nil {
		add(true, RefillReason{Rule: RuleNoActivePrescription, Source: "prescriptions", Clears: "A prescriber signs a prescription."})
	} else {
		out.FillsLeft = max(0, 1+r.Prescription.Refills-r.Prescription.Fills)
		r.order(add, out.FillsLeft)
	}
	policy := r.Protocol
	for _, a := range r.Answered {
		age, old := r.age(a.At, policy.Supply.Refill.AssessmentMaxAgeDays)
		value := a.Instrument
		if age != "" {
			value += ", " + age
		}
		add(old, RefillReason{Rule: RuleAssessmentsOld, Value: value, Limit: days(policy.Supply.Refill.AssessmentMaxAgeDays),
			Source: "protocol.supply.refill.assessmentMaxAgeDays", Clears: "The patient answers " + a.Instrument + "."})
	}
	age, old := r.age(r.PDMPCheckedAt, policy.Prescribing.PDMPMaxAgeDays)
	add(old && policy.Guards(GuardPDMP), RefillReason{Rule: RulePDMP, Value: age, Limit: days(policy.Prescribing.PDMPMaxAgeDays),
		Source: "protocol.prescribing.pdmpMaxAgeDays", Clears: "The state's prescription monitoring program is asked again."})
	if len(out.Reasons) == 1 && out.Reasons[0].Rule == RuleEarlyRefill {
		out.Earliest = r.earliest()
	}
	return out
}

// order looks at the prescription and what is left of its last fill.
func (r Refilling) order(add func(bool, RefillReason), fillsLeft int) {
	p := r.Prescription
	if p.StatusAt(r.Now) == PrescriptionExpired {
		reason := RefillReason{Rule: RuleExpired, Value: r.Now.UTC().Format(time.RFC3339), Source: "prescription.expiresAt", Clears: "A prescriber signs a new prescription."}
		if p.ExpiresAt != nil {
			reason.Limit = p.ExpiresAt.UTC().Format(time.RFC3339)
		}
		add(true, reason)
	}
	locked := p.HoldReason == HoldRefillLock
	add(p.OnHold && locked, RefillReason{Rule: RuleRefillLock, Source: "prescription.holds", Clears: "A prescriber looks at the signals and resumes the prescription."})
	add(p.OnHold && !locked, RefillReason{Rule: RulePrescriptionOnHold, Value: string(p.HoldReason), Source: "prescription.holds", Clears: "A prescriber resumes the prescription."})
	add(fillsLeft == 0, RefillReason{Rule: RuleFills, Value: strconv.Itoa(p.Fills), Limit: strconv.Itoa(1 + p.Refills), Source: "prescription.refills", Clears: "A prescriber signs a new prescription."})
	if r.LastFillMg == nil || !r.Protocol.Guards(GuardUnits) {
		return
	}
	least := r.Protocol.Supply.Refill.UsedPercent
	used := usedPercent(*r.LastFillMg, r.LeftMg)
	add(used < least, RefillReason{Rule: RuleEarlyRefill, Value: percent(max(used, 0)), Limit: percent(least),
		Source: "protocol.supply.refill.usedPercent", Clears: "More of the supply is used."})
}

// age is how long ago something was, in days, and whether that is too long, or not known.
func (r Refilling) age(at *time.Time, most int) (age string, old bool) {
	if at == nil {
		return "", true
	}
	return days(int(r.Now.Sub(*at).Hours() / 24)), !within(*at, r.Now, most)
}

// earliest is the day of the session after which enough is used.
func (r Refilling) earliest() *Date {
	o, most := r.Prescription.Order, *r.LastFillMg*dose.Mg(100-r.Protocol.Supply.Refill.UsedPercent)/100
	if o.DoseMg <= 0 {
		return nil
	}
	sessions := (r.LeftMg - most + o.DoseMg - 1) / o.DoseMg
	if sessions > maxSessions {
		return nil
	}
	return new(DateOf(o.next(r.LastDoseAt, r.Now).Add(time.Duration(sessions-1) * o.gap())))
}
