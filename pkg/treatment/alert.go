package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// AlertRule is what raised an alert. The words are stable: the journal and partners use them.
type AlertRule string

// Alert rules.
const (
	AlertBPPreSoft            AlertRule = "BP_PRE_SOFT"
	AlertBPPreHard            AlertRule = "BP_PRE_HARD"
	AlertBPHigh               AlertRule = "BP_HIGH"
	AlertBPCrisis             AlertRule = "BP_CRISIS"
	AlertSIItem9              AlertRule = "SI_ITEM9"
	AlertSIUnknown            AlertRule = "SI_UNKNOWN"
	AlertCSSRSLow             AlertRule = "CSSRS_LOW"
	AlertCSSRSModerate        AlertRule = "CSSRS_MOD"
	AlertCSSRSHigh            AlertRule = "CSSRS_HIGH"
	AlertRedFlagSymptom       AlertRule = "RED_FLAG_SYMPTOM"
	AlertDoseOverPrescribed   AlertRule = "DOSE_OVER_PRESCRIBED"
	AlertIntervalShort        AlertRule = "INTERVAL_SHORT"
	AlertNoPostVitals         AlertRule = "SESSION_NO_POST_VITALS"
	AlertNoSupportPerson      AlertRule = "SESSION_NO_SITTER"
	AlertDoseAgainstStop      AlertRule = "DOSE_AGAINST_STOP"
	AlertSpo2Critical         AlertRule = "SPO2_CRITICAL"
	AlertAESerious            AlertRule = "AE_SERIOUS"
	AlertAEGrade3Related      AlertRule = "AE_G3_RELATED"
	AlertSIReported           AlertRule = "SI_REPORTED"
	AlertPregnancyReported    AlertRule = "PREGNANCY_REPORTED"
	AlertInventoryMismatch    AlertRule = "INVENTORY_MISMATCH"
	AlertDispenseIrregular    AlertRule = "DISPENSE_IRREGULAR"
	AlertManiaPsychosis       AlertRule = "MANIA_PSYCHOSIS_SCREEN"
	AlertDeterioration        AlertRule = "PHQ9_DETERIORATION"
	AlertLUTS                 AlertRule = "LUTS_POSITIVE"
	AlertHaematuria           AlertRule = "HAEMATURIA"
	AlertNewInteraction       AlertRule = "INTERACTION_NEW_MED"
	AlertEarlyRefill          AlertRule = "EARLY_REFILL"
	AlertMisusePattern        AlertRule = "MISUSE_PATTERN"
	AlertCheckInOverdue       AlertRule = "CHECKIN_OVERDUE"
	AlertAssessmentOverdue    AlertRule = "PRO_OVERDUE_7D"
	AlertPrescriptionExpiring AlertRule = "RX_EXPIRING_14D"
	AlertConsentExpiring      AlertRule = "CONSENT_EXPIRING_30D"
	AlertPDMPStale            AlertRule = "PDMP_STALE"
	AlertNoContact            AlertRule = "NO_CONTACT"
	AlertNoResponse           AlertRule = "NO_RESPONSE"
	AlertRefillDue            AlertRule = "REFILL_DUE"
)

// AlertRules lists every alert rule.
var AlertRules = []AlertRule{
	AlertBPPreSoft, AlertBPPreHard, AlertBPHigh, AlertBPCrisis, AlertSIItem9, AlertSIUnknown,
	AlertCSSRSLow, AlertCSSRSModerate, AlertCSSRSHigh,
	AlertRedFlagSymptom, AlertDoseOverPrescribed, AlertIntervalShort, AlertNoPostVitals, AlertNoSupportPerson, AlertDoseAgainstStop, AlertSpo2Critical,
	AlertAESerious, AlertAEGrade3Related, AlertSIReported, AlertPregnancyReported,
	AlertInventoryMismatch, AlertDispenseIrregular,
	AlertManiaPsychosis,
	AlertDeterioration,
	AlertLUTS,
	AlertHaematuria,
	AlertNewInteraction,
	AlertEarlyRefill,
	AlertMisusePattern,
	AlertCheckInOverdue,
	AlertAssessmentOverdue,
	AlertPrescriptionExpiring,
	AlertConsentExpiring,
	AlertPDMPStale,
	AlertNoContact,
	AlertNoResponse,
	AlertRefillDue,
}

// Severity is how urgent an alert is; the protocol says by when each must be dealt with.
type Severity string

// Severities.
const (
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Severities lists every severity, mildest first.
var Severities = []Severity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// alertSeverity is how urgent each rule is. SI_ITEM9 and PHQ9_DETERIORATION are high from the
// protocol's second number on: see [JudgeAnswers]; SI_REPORTED is critical for an attempt, see
// [JudgeEvent], and like SI_ITEM9 for a questionnaire. How urgent the levels of the C-SSRS are is
// a proposal that a medical director signs off.
var alertSeverity = map[AlertRule]Severity{
	AlertBPPreSoft:            SeverityMedium,
	AlertBPPreHard:            SeverityHigh,
	AlertBPHigh:               SeverityHigh,
	AlertBPCrisis:             SeverityCritical,
	AlertSIItem9:              SeverityMedium,
	AlertSIUnknown:            SeverityMedium,
	AlertCSSRSLow:             SeverityMedium,
	AlertCSSRSModerate:        SeverityHigh,
	AlertCSSRSHigh:            SeverityCritical,
	AlertRedFlagSymptom:       SeverityCritical,
	AlertDoseOverPrescribed:   SeverityHigh,
	AlertIntervalShort:        SeverityMedium,
	AlertNoPostVitals:         SeverityMedium,
	AlertNoSupportPerson:      SeverityHigh,
	AlertDoseAgainstStop:      SeverityHigh,
	AlertSpo2Critical:         SeverityCritical,
	AlertAESerious:            SeverityCritical,
	AlertAEGrade3Related:      SeverityHigh,
	AlertSIReported:           SeverityHigh,
	AlertPregnancyReported:    SeverityHigh,
	AlertInventoryMismatch:    SeverityMedium,
	AlertDispenseIrregular:    SeverityHigh,
	AlertManiaPsychosis:       SeverityHigh,
	AlertDeterioration:        SeverityMedium,
	AlertLUTS:                 SeverityMedium,
	AlertHaematuria:           SeverityHigh,
	AlertNewInteraction:       SeverityMedium,
	AlertEarlyRefill:          SeverityMedium,
	AlertMisusePattern:        SeverityHigh,
	AlertCheckInOverdue:       SeverityMedium,
	AlertAssessmentOverdue:    SeverityLow,
	AlertPrescriptionExpiring: SeverityLow,
	AlertConsentExpiring:      SeverityLow,
	AlertPDMPStale:            SeverityLow,
	AlertNoContact:            SeverityLow,
	AlertNoResponse:           SeverityLow,
	AlertRefillDue:            SeverityLow,
}

// Raised is something that a rule found. The caller stores one alert per patient, rule,
// source and fact, and never takes one back because a later fact changes the finding.
type Raised struct {
	Rule     AlertRule
	Severity Severity
	// SourceFact is the fact of a session that raised it; the zero id outside of sessions.
	SourceFact uuid.UUID
	// Value is what was found and Limit what the protocol or the prescription says, both
	// with their units.
	Value string
	Limit string
}

// Overdue is what time has found: that something, which value names, was due at a time.
func Overdue(rule AlertRule, value string, due time.Time) Raised {
	return Raised{Rule: rule, Severity: alertSeverity[rule], Value: value, Limit: due.UTC().Format(time.RFC3339)}
}

// NeedsSafetyMessage says whether the answer to the person who sent what raised the alert
// must carry the clinic's safety message: for suicidality, also unknown, for a blood-pressure
// crisis, for a critical saturation and for a red-flag symptom.
func NeedsSafetyMessage(rule AlertRule) bool {
	return neverByRule(rule) || rule == AlertRedFlagSymptom || rule == AlertSpo2Critical
}

// neverByRule says whether only a person may close the alert.
func neverByRule(rule AlertRule) bool { return suicidality(rule) || rule == AlertBPCrisis }

// administrative says whether an alert is about a date that comes nearer or has passed: a dose does not
// wait for it.
func administrative(rule AlertRule) bool {
	return slices.Contains([]AlertRule{AlertPrescriptionExpiring, AlertConsentExpiring, AlertAssessmentOverdue, AlertPDMPStale, AlertNoContact, AlertNoResponse, AlertRefillDue}, rule)
}

// suicidality says whether an alert is about thoughts of suicide, or about not knowing of them.
func suicidality(rule AlertRule) bool {
	return slices.Contains([]AlertRule{AlertSIItem9, AlertSIUnknown, AlertSIReported, AlertCSSRSLow, AlertCSSRSModerate, AlertCSSRSHigh}, rule)
}
