package treatment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// EligibilityDecision is what a prescriber decides about a patient's eligibility.
type EligibilityDecision struct {
	// Outcome is one of [EligibilityOutcomes].
	Outcome    ConsultationStatus
	Reasons    []EligibilityReason
	Conditions []Clearance
	Accepted   []AcceptedFinding
	// Note is the clinic's; PatientMessage is for the patient.
	Note           string
	PatientMessage string
	// ProtocolID is the candidate's protocol; nil for the shipped one.
	ProtocolID *uuid.UUID
}

// Decide ends a consultation whose intake was submitted. To find a patient eligible, also with
// conditions, everything that must be known is known, no absolute reason speaks against it,
// and each conditional one is a condition or accepted with a note. Ineligible and deferred
// need nothing but a coded reason. The ruling keeps what was found, and what it rested on.
func (c Consultation) Decide(d EligibilityDecision, known Candidate) (Consultation, Ruling, error) {
	const what = "the decision cannot be taken"
	if !slices.Contains(EligibilityOutcomes, d.Outcome) {
		return c, Ruling{}, refuse(CodeRuleViolated, what, Reason{Rule: RuleOutcome, Pointer: "/outcome", Detail: "an outcome from the list is required"})
	}
	if known.Prescriber == nil {
		return c, Ruling{}, refuse(CodeCredentialsRequired, what, Reason{Rule: RuleLicence, Detail: "a prescriber decides"})
	}
	if c.Status != ConsultationSubmitted { // a condition is not decided away: it is cleared
		return c, Ruling{}, illegal("a consultation that is "+string(c.Status), "be decided")
	}
	findings := Contraindications(known)
	var o objections
	d.misfits(&o)
	if d.eligible() {
		known.missing(&o)
		d.unanswered(&o, findings)
	}
	if err := o.refusal(what); err != nil {
		return c, Ruling{}, err
	}
	now := known.Now.UTC()
	c.Status, c.StatusReason, c.Note, c.PatientMessage = d.Outcome, "", d.Note, d.PatientMessage
	c.DecidedAt, c.DecidedBy = &now, new(known.Prescriber.StaffID)
	c.ProtocolID, c.RulesVersion = d.ProtocolID, RulesVersion
	if d.Outcome == ConsultationEligible {
		c = c.eligible(now, known.Protocol)
	}
	return c, Ruling{
		Reasons: d.Reasons, Conditions: d.Conditions, Accepted: d.Accepted, Findings: findings, Evidence: known.Evidence(),
	}, nil
}

// eligible says whether the decision lets the patient be treated, perhaps later.
func (d EligibilityDecision) eligible() bool {
	return d.Outcome == ConsultationEligible || d.Outcome == ConsultationEligibleWithConditions
}

// misfits objects to what does not belong to the outcome, and to what it needs and is not
// there.
func (d EligibilityDecision) misfits(o *objections) {
	object := func(broken bool, rule Rule, pointer, detail string) {
		if broken {
			o.add(CodeRuleViolated, Reason{Rule: rule, Pointer: pointer, Detail: detail})
		}
	}
	conditional := d.Outcome == ConsultationEligibleWithConditions
	object(!d.eligible() && len(d.Reasons) == 0, RuleReason, "/reasons", "at least one coded reason is required")
	object(d.eligible() && len(d.Reasons) > 0, RuleReason, "/reasons", "reasons belong to ineligible and deferred")
	object(conditional && len(d.Conditions) == 0, RuleCondition, "/conditions", "at least one condition is required")
	object(!conditional && len(d.Conditions) > 0, RuleCondition, "/conditions", "conditions belong to eligibleWithConditions")
	object(!d.eligible() && len(d.Accepted) > 0, RuleAcceptedFinding, "/acceptedFindings", "nothing is accepted when the patient is not eligible")
	object(slices.Contains(d.Reasons, ReasonOther) && strings.TrimSpace(d.Note) == "", RuleReason, "/note", "the other reason is required in words")
	for i, l := range d.Conditions {
		first := slices.IndexFunc(d.Conditions, func(other Clearance) bool { return other.Code == l.Code })
		object(first != i, RuleCondition, fmt.Sprintf("/conditions/%d/code", i), "is there twice")
	}
}

// missing objects to everything that must be known and is not.
func (c Candidate) missing(o *objections) {
	for _, gap := range c.Missing() {
		reason := Reason{Rule: Rule(gap.Part), Detail: "it is not known, or not recently enough"}
		switch gap.Part {
		case GapBaseline:
			reason.Detail = gap.Of + " was not answered, or not recently enough"
		case GapExclusion:
			reason = Reason{Rule: Rule(gap.Of), Detail: "it is not known whether this reason applies, which would forbid the treatment"}
		default:
		}
		o.add(CodeRuleViolated, reason)
	}
}

// unanswered objects to every finding that stands in the way: an absolute one always does, a
// conditional one unless it has to be cleared or is accepted. Only conditional ones can be.
func (d EligibilityDecision) unanswered(o *objections, findings []Finding) {
	for _, f := range findings {
		switch {
		case f.Class == ClassAbsolute && !f.Unknown:
			o.add(CodeRuleViolated, Reason{Rule: Rule(f.Code), Detail: "this reason forbids the treatment"})
		case f.Class == ClassConditional && !d.deals(f.Code):
			o.add(CodeRuleViolated, Reason{Rule: Rule(f.Code), Pointer: "/acceptedFindings",
				Detail: "this reason is neither a condition nor accepted"})
		}
	}
	for i, a := range d.Accepted {
		if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Code == a.Code && f.Class == ClassConditional }) {
			o.add(CodeRuleViolated, Reason{Rule: RuleAcceptedFinding, Pointer: fmt.Sprintf("/acceptedFindings/%d/code", i),
				Detail: "is no conditional finding"})
		}
	}
}

// deals says whether the decision makes a reason a condition or accepts it.
func (d EligibilityDecision) deals(code EligibilityReason) bool {
	return slices.ContainsFunc(d.Conditions, func(l Clearance) bool { return l.Code == code }) ||
		slices.ContainsFunc(d.Accepted, func(a AcceptedFinding) bool { return a.Code == code })
}
