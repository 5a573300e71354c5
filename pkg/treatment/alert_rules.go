package treatment

import (
	"fmt"
	"slices"
	"time"
)

// RuleAlertSetting is the name of the rule that a clinic only makes alerts stricter, and switches
// off none that is about a danger.
const RuleAlertSetting Rule = "alertSetting"

// AlertSetting is what a clinic wants of an alert rule other than as it is shipped.
type AlertSetting struct {
	Rule AlertRule `json:"rule"`
	// Off says that nobody is asked to look at what the rule finds, unless it is high or critical.
	Off bool `json:"off,omitempty"`
	// Severity is the least that its alerts have; empty for what was found.
	Severity Severity `json:"severity,omitempty"`
	// DueMin is after how many minutes its alerts are due at the latest; 0 for what the protocol says.
	DueMin int    `json:"dueMin,omitempty"`
	Note   string `json:"note,omitempty"`
}

// AlertRuleSet is a clinic's settings of the alert rules in one version. A rule that it does not name
// is as shipped, and the zero set is the shipped one.
type AlertRuleSet struct {
	Revision int
	Settings []AlertSetting
}

// AlertTitle says in words what an alert rule finds.
func AlertTitle(rule AlertRule) string { return alertTitles[rule] }

var alertTitles = map[AlertRule]string{
	AlertBPPreSoft:            "Blood pressure before the dose calls for rest and another reading",
	AlertBPPreHard:            "Blood pressure before the dose stops the session",
	AlertBPHigh:               "High blood pressure after the dose",
	AlertBPCrisis:             "Blood-pressure crisis",
	AlertSIItem9:              "Item 9 of the PHQ-9 is positive",
	AlertSIUnknown:            "The question about suicidality was not answered",
	AlertCSSRSLow:             "C-SSRS screener: low risk",
	AlertCSSRSModerate:        "C-SSRS screener: moderate risk",
	AlertCSSRSHigh:            "C-SSRS screener: high risk",
	AlertRedFlagSymptom:       "A red-flag symptom",
	AlertDoseOverPrescribed:   "More was taken than prescribed",
	AlertIntervalShort:        "A dose came too soon after the one before",
	AlertNoPostVitals:         "A session ended without vital signs after the dose",
	AlertNoSupportPerson:      "A session without a support person",
	AlertDoseAgainstStop:      "A dose was taken although the safety gate had stopped it",
	AlertSpo2Critical:         "Critically low oxygen saturation",
	AlertAESerious:            "A serious adverse event",
	AlertAEGrade3Related:      "A related adverse event of grade 3 or more",
	AlertSIReported:           "Suicidality was reported",
	AlertPregnancyReported:    "A pregnancy was reported",
	AlertInventoryMismatch:    "The count of units differs from the ledger",
	AlertDispenseIrregular:    "A dispense that the prescription does not allow",
	AlertManiaPsychosis:       "Signs of mania or psychosis",
	AlertDeterioration:        "The PHQ-9 is worse than at the beginning",
	AlertLUTS:                 "Urinary symptoms",
	AlertHaematuria:           "Blood in the urine",
	AlertNewInteraction:       "A new medicine interacts with ketamine",
	AlertEarlyRefill:          "A refill was asked for early",
	AlertMisusePattern:        "Several signs of misuse within a month",
	AlertCheckInOverdue:       "No check-in after a session",
	AlertAssessmentOverdue:    "An assigned assessment was not answered",
	AlertPrescriptionExpiring: "A prescription ends soon",
	AlertConsentExpiring:      "A consent ends soon",
	AlertPDMPStale:            "The monitoring program has to be asked again",
	AlertNoContact:            "Nobody has been in contact with the patient for weeks",
	AlertNoResponse:           "No response at the planned review",
	AlertRefillDue:            "The supply at home runs out soon",
}

// AlertSeverity is how urgent an alert rule's findings are as shipped; a rule that grades them may
// find graver ones.
func AlertSeverity(rule AlertRule) Severity { return alertSeverity[rule] }

// MayBeOff says whether a clinic can switch an alert rule off: not one that is high or critical as
// shipped, and none about suicidality.
func MayBeOff(rule AlertRule) bool {
	shipped, known := alertSeverity[rule]
	return known && !shipped.GraverThan(SeverityMedium) && !suicidality(rule)
}

// GraverThan says whether a severity is graver than another one. One that nobody knows is the gravest.
func (s Severity) GraverThan(other Severity) bool { return s.rank() > other.rank() }

func (s Severity) rank() int {
	if i := slices.Index(Severities, s); i >= 0 {
		return i
	}
	return len(Severities)
}

// Validate says whether a clinic may have these settings while its protocol is p. The error is a
// [*Refusal] with a Pointer for each fault.
func (set AlertRuleSet) Validate(p Protocol) error {
	var o objections
	for i, s := range set.Settings {
		fault := func(member, limit, detail string) {
			o.add(CodeRuleViolated, Reason{Rule: RuleAlertSetting, Pointer: fmt.Sprintf("/settings/%d/%s", i, member), Limit: limit, Detail: detail})
		}
		shipped, known := alertSeverity[s.Rule]
		if !known {
			fault("rule", "", "is not an alert rule")
			continue
		}
		if slices.IndexFunc(set.Settings, func(other AlertSetting) bool { return other.Rule == s.Rule }) < i {
			fault("rule", "", "is there twice")
		}
		least := shipped
		switch {
		case s.Off && !MayBeOff(s.Rule):
			fault("off", string(shipped), "a rule that is high or critical, or about suicidality, is never off")
		case s.Off && s.Severity != "":
			fault("severity", "", "a rule that is off has no severity")
		case s.Off && s.DueMin != 0:
			fault("dueMin", "", "a rule that is off has no deadline")
		case s.Severity == "":
		case !slices.Contains(Severities, s.Severity):
			fault("severity", "", "is not a severity")
		case shipped.GraverThan(s.Severity):
			fault("severity", string(shipped), "is milder than the shipped one")
		default:
			least = s.Severity
		}
		if most := p.dueMin(least); !s.Off && (s.DueMin < 0 || s.DueMin > most) {
			fault("dueMin", minutes(most), "is later than the protocol's deadline")
		}
	}
	return o.refusal("the alert rules are not sound")
}

// setting is what the clinic wants of a rule; the zero setting if nothing in particular.
func (set AlertRuleSet) setting(rule AlertRule) AlertSetting {
	for _, s := range set.Settings {
		if s.Rule == rule {
			return s
		}
	}
	return AlertSetting{Rule: rule}
}

// Silent says whether nobody is asked to look at a finding: its rule is off, and it is not high or
// critical itself.
func (set AlertRuleSet) Silent(rule AlertRule, found Severity) bool {
	return set.setting(rule).Off && !found.GraverThan(SeverityMedium)
}

// Severity is how urgent a finding is to the clinic: what was found, or the setting if it is graver.
func (set AlertRuleSet) Severity(rule AlertRule, found Severity) Severity {
	if wanted := set.setting(rule).Severity; wanted != "" && wanted.GraverThan(found) {
		return wanted
	}
	return found
}

// DueAt is by when an alert that was raised or reopened at a time must be dealt with: by the
// protocol's deadline for its severity, or the clinic's for its rule if that is earlier.
func (set AlertRuleSet) DueAt(rule AlertRule, severity Severity, at time.Time, p Protocol) time.Time {
	due := p.DueAt(severity, at)
	if most := set.setting(rule).DueMin; most > 0 {
		if own := at.UTC().Add(time.Duration(most) * time.Minute); own.Before(due) {
			return own
		}
	}
	return due
}

// Raise makes an alert of a finding, by the clinic's rules. It is open, unless its rule is off: then
// it is only kept, so that nothing that was found is lost, and resolved by nobody at once.
func (set AlertRuleSet) Raise(r Raised, now time.Time, p Protocol) Alert {
	severity := set.Severity(r.Rule, r.Severity)
	a := Alert{
		Rule: r.Rule, Severity: severity, FoundSeverity: r.Severity, RulesRevision: set.Revision, Value: r.Value, Limit: r.Limit,
		Status: AlertOpen, RaisedAt: now.UTC(), DueAt: set.DueAt(r.Rule, severity, now, p),
	}
	if set.Silent(r.Rule, r.Severity) {
		a.Status, a.Outcome, a.ResolvedAt = AlertResolved, OutcomeRuleOff, new(now.UTC())
	}
	return a
}
