package treatment

import (
	"cmp"
	"slices"
	"strings"
)

// RefusalKind says why a decision was refused.
type RefusalKind string

const (
	// IllegalMove: the record's present state does not allow it. Nobody can do it now.
	IllegalMove RefusalKind = "illegalMove"
	// RuleBroken: the state allows it, but a clinical or legal rule does not.
	RuleBroken RefusalKind = "ruleBroken"
)

// Codes of a [Refusal]: the problem code that the client decides by.
const (
	CodeIllegalTransition   = "illegal_transition"
	CodeTreatmentOpen       = "treatment_open"
	CodeConsultationOpen    = "consultation_open"
	CodeAdjustmentOpen      = "adjustment_open"
	CodeAlreadyApplied      = "already_applied"
	CodeProtocolNotAllowed  = "protocol_not_allowed"
	CodeCredentialsRequired = "credentials_required"
	CodeWeightRequired      = "weight_required"
	CodeHardMaximumExceeded = "hard_maximum_exceeded"
	CodeRuleViolated        = "rule_violated"
)

// codePrecedence orders the codes: when several rules are broken, the refusal carries the
// code that stands first here, because it must be settled before the others matter.
var codePrecedence = []string{
	CodeIllegalTransition, CodeTreatmentOpen, CodeConsultationOpen, CodeAdjustmentOpen, CodeAlreadyApplied, CodeProtocolNotAllowed,
	CodeCredentialsRequired, CodeWeightRequired, CodeHardMaximumExceeded, CodeRuleViolated,
}

// stateCodes are the codes of refusals that the present state gives reason for.
var stateCodes = []string{CodeIllegalTransition, CodeTreatmentOpen, CodeConsultationOpen, CodeAdjustmentOpen, CodeAlreadyApplied}

// Refusal is a decision that the rules do not allow. It is the only error of this package's
// decisions. It names states, rules and numbers of the request's own record, nothing else
// about a patient.
type Refusal struct {
	Kind RefusalKind
	// Code is one of the Code constants.
	Code string
	// Detail is a sentence for people, without values.
	Detail string
	// Reasons are all the rules that stand in the way, not just the first; none for an
	// illegal move.
	Reasons []Reason
}

// Reason is one rule that stands in the way of a decision.
type Reason struct {
	// Rule is the rule's stable name.
	Rule Rule
	// Value is what was found, with its unit; empty when it is unknown.
	Value string
	// Limit is what the rule allows, with its unit; empty when the rule has no number.
	Limit string
	// Pointer is the JSON pointer of the member of the request that would have to differ;
	// empty when what is missing lies elsewhere.
	Pointer string
	// Detail is a sentence for people, without values.
	Detail string
}

// Error is the refusal's detail, without any value.
func (r *Refusal) Error() string { return r.Detail }

// Rule is the stable name of a rule, as clients, the journal and deviations know it.
type Rule string

// Rules that a decision or a fill can break; beside them every [EligibilityReason] and [GapPart] is the
// name of a rule. Those that a session can break are in deviations.go; the two lists share the
// rules about treatment, prescription, interval and weekly limit.
const (
	RuleNPI                   Rule = "npi"
	RuleLicence               Rule = "licence"
	RuleDEARegistration       Rule = "deaRegistration"
	RuleOtherPrescriber       Rule = "otherPrescriber"
	RuleOtherPerson           Rule = "otherPerson"
	RuleWeight                Rule = "weight"
	RuleHardMaximum           Rule = "hardMaximum"
	RuleDose                  Rule = "dose"
	RuleRefills               Rule = "refills"
	RuleExpired               Rule = "expired"
	RuleReason                Rule = "reason"
	RuleConsultation          Rule = "consultation"
	RuleOtherConsultation     Rule = "otherConsultation"
	RuleIntake                Rule = "intake"
	RuleCondition             Rule = "condition"
	RuleEvidence              Rule = "evidence"
	RuleAcceptedFinding       Rule = "acceptedFinding"
	RuleConsents              Rule = "consents"
	RuleInteractions          Rule = "interactions"
	RulePDMP                  Rule = "pdmp"
	RuleInPersonExam          Rule = "inPersonExam"
	RuleOtherTreatment        Rule = "otherTreatment"
	RulePatientActive         Rule = "patientActive"
	RuleProtocol              Rule = "protocol"
	RuleResponsiblePrescriber Rule = "responsiblePrescriber"
	RuleLimits                Rule = "limits"
	RuleBaselineAssessments   Rule = "baselineAssessments"
	RuleInstructions          Rule = "instructions"
	RuleFalseAlarm            Rule = "falseAlarm"
	RuleNotByRule             Rule = "notByRule"
	RuleSnooze                Rule = "snooze"
	RuleOutcome               Rule = "outcome"
	RulePeriod                Rule = "period"
	RuleNote                  Rule = "note"
	RulePlannedTime           Rule = "plannedTime"
	RulePlannedInPast         Rule = "plannedInPast"
	RuleConsentText           Rule = "consentText"
	RulePartner               Rule = "partner"
	RuleWitness               Rule = "witness"
	RuleSessionRunning        Rule = "sessionRunning"
	RuleAnsweredBefore        Rule = "answeredBefore"
	RuleDescription           Rule = "description"
	RuleResolved              Rule = "resolved"
	RuleSerious               Rule = "serious"
	RuleFatal                 Rule = "fatal"
	RuleJudgement             Rule = "judgement"
	RuleAdverseEvents         Rule = "adverseEvents"
	RuleOtherAdjustment       Rule = "otherAdjustment"
	RuleAdjustment            Rule = "adjustment"
	RuleSuggestion            Rule = "suggestion"
	RuleFills                 Rule = "fills"
	RuleQuantity              Rule = "quantity"
	RuleEarlyRefill           Rule = "earlyRefill"
	RuleRefillLock            Rule = "refillLock"
	RuleAssessmentsOld        Rule = "assessmentsOld"
	RuleAudience              Rule = "audience"
	RuleAnswers               Rule = "answers"
)

// objections collects the reasons against one decision.
type objections struct {
	reasons []Reason
	codes   []string
}

func (o *objections) add(code string, reason Reason) {
	o.reasons = append(o.reasons, reason)
	o.codes = append(o.codes, code)
}

// refusal is nil when nothing was objected. what completes the sentence "… cannot be …".
func (o *objections) refusal(what string) error {
	if len(o.reasons) == 0 {
		return nil
	}
	code := slices.MinFunc(o.codes, func(a, b string) int {
		return cmp.Compare(slices.Index(codePrecedence, a), slices.Index(codePrecedence, b))
	})
	kind := RuleBroken
	if slices.Contains(stateCodes, code) {
		kind = IllegalMove
	}
	var rules []string
	for _, reason := range o.reasons {
		if !slices.Contains(rules, string(reason.Rule)) {
			rules = append(rules, string(reason.Rule))
		}
	}
	return &Refusal{Kind: kind, Code: code, Detail: what + ": " + strings.Join(rules, ", "), Reasons: o.reasons}
}

// refuse is the refusal for a single reason.
func refuse(code, what string, reason Reason) error {
	var o objections
	o.add(code, reason)
	return o.refusal(what)
}

// requireReason refuses a decision that must say why and does not.
func requireReason(what, reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	return refuse(CodeRuleViolated, what, Reason{Rule: RuleReason, Pointer: "/reason", Detail: "a reason is required"})
}
