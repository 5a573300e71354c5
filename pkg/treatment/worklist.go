package treatment

import (
	"slices"
	"strconv"
	"time"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// WorkReason is why a patient is on the clinic's worklist.
type WorkReason string

// Work reasons. Those of the first group are alerts, told apart by what has to be done.
const (
	WorkAlert                WorkReason = "alert"
	WorkCheckInOverdue       WorkReason = "checkInOverdue"
	WorkAssessmentOverdue    WorkReason = "assessmentOverdue"
	WorkPrescriptionExpiring WorkReason = "prescriptionExpiring"
	WorkConsentExpiring      WorkReason = "consentExpiring"
	WorkPDMPStale            WorkReason = "pdmpStale"
	WorkEarlyRefill          WorkReason = "earlyRefill"
	WorkNoContact            WorkReason = "noContact"
	WorkNoResponse           WorkReason = "noResponse"
	WorkRefillDue            WorkReason = "refillDue"

	WorkFollowUp            WorkReason = "followUp"            // due for staff, or overdue for the patient
	WorkSessionUnfinished   WorkReason = "sessionUnfinished"   // a dose and no end
	WorkSessionReview       WorkReason = "sessionReview"       // it has ended, and nobody has looked at it
	WorkAssessmentReview    WorkReason = "assessmentReview"    // answers that nobody has looked at
	WorkAdverseEventTriage  WorkReason = "adverseEventTriage"  // reported and not judged
	WorkAdjustmentDecision  WorkReason = "adjustmentDecision"  // proposed and not decided
	WorkCosignature         WorkReason = "cosignature"         // signed, and a second signature is missing
	WorkEligibilityDecision WorkReason = "eligibilityDecision" // an intake that waits for a prescriber
	WorkHandedOver          WorkReason = "handedOver"          // a prescription whose signer has left
	WorkLicenceExpiring     WorkReason = "licenceExpiring"     // of the responsible prescriber
)

// WorkReasons lists every reason.
var WorkReasons = []WorkReason{
	WorkAlert, WorkCheckInOverdue, WorkAssessmentOverdue, WorkPrescriptionExpiring, WorkConsentExpiring, WorkPDMPStale, WorkEarlyRefill,
	WorkNoContact, WorkNoResponse, WorkRefillDue,
	WorkFollowUp, WorkSessionUnfinished, WorkSessionReview, WorkAssessmentReview, WorkAdverseEventTriage, WorkAdjustmentDecision, WorkCosignature,
	WorkEligibilityDecision, WorkHandedOver, WorkLicenceExpiring,
}

// workOfAlert are the alerts that have a reason of their own.
var workOfAlert = map[AlertRule]WorkReason{
	AlertCheckInOverdue:       WorkCheckInOverdue,
	AlertAssessmentOverdue:    WorkAssessmentOverdue,
	AlertPrescriptionExpiring: WorkPrescriptionExpiring,
	AlertConsentExpiring:      WorkConsentExpiring,
	AlertPDMPStale:            WorkPDMPStale,
	AlertEarlyRefill:          WorkEarlyRefill,
	AlertNoContact:            WorkNoContact,
	AlertNoResponse:           WorkNoResponse,
	AlertRefillDue:            WorkRefillDue,
}

// WorkOf is what has to be done about an alert.
func WorkOf(rule AlertRule) WorkReason {
	if reason, found := workOfAlert[rule]; found {
		return reason
	}
	return WorkAlert
}

// AlertsOf are the alerts behind a reason; none for a reason that is no alert.
func (r WorkReason) AlertsOf() []AlertRule {
	return slices.DeleteFunc(slices.Clone(AlertRules), func(rule AlertRule) bool { return WorkOf(rule) != r })
}

// Severity is how urgent a reason is that is no alert: what a patient waits for, or what may hide
// something, is medium.
func (r WorkReason) Severity() Severity {
	switch r {
	case WorkSessionUnfinished, WorkAdverseEventTriage, WorkAdjustmentDecision, WorkCosignature, WorkEligibilityDecision:
		return SeverityMedium
	default:
		return SeverityLow
	}
}

// WorklistPolicy says by when what waits must be done. Each default is a proposal of this product.
type WorklistPolicy struct {
	// SessionUnfinishedHours after its first dose a session without an end is on the list. Default 12.
	SessionUnfinishedHours int `json:"sessionUnfinishedHours"`
	// Hours from when something came in to when somebody must have looked at it. Default 72 for the
	// review of a session and of answers, and for a signature; 24 for an adverse event; 120 for an intake.
	SessionReviewHours       int `json:"sessionReviewHours"`
	AssessmentReviewHours    int `json:"assessmentReviewHours"`
	AdverseEventTriageHours  int `json:"adverseEventTriageHours"`
	CosignatureHours         int `json:"cosignatureHours"`
	EligibilityDecisionHours int `json:"eligibilityDecisionHours"`
	// HandedOverDays after its signature, a prescription whose signer has left must have been followed by one
	// of the new prescriber's own. Default 30.
	HandedOverDays int `json:"handedOverDays"`
	// NoContactDays without a session, answers, a measurement or a visit the clinic asks how the patient
	// is. Default 28.
	NoContactDays int `json:"noContactDays"`
	// ResponseReviewDays from the begin of induction on, and every so many days, it is looked at whether
	// the patient responds. Default 28: the fourth week, at which Hull 2022 measured.
	ResponseReviewDays int `json:"responseReviewDays"`
	// RefillDueDays before the supply runs out, a refill is due. Default 7: a compounding pharmacy makes
	// and sends it first.
	RefillDueDays int `json:"refillDueDays"`
	// LicenceExpiringDays before a licence or DEA registration ends, the patients of its owner are on
	// the list. Default 30.
	LicenceExpiringDays int `json:"licenceExpiringDays"`
}

// Deadlines of a treatment that is running: that nobody has heard of the patient, and that it is to be
// looked at whether they respond, and how long the supply lasts.
func (t Treatment) Deadlines() []Deadline {
	if !t.Phase.Running() || t.ContactFrom == nil || t.ResponseFrom == nil || t.SupplyFrom == nil {
		return nil
	}
	return []Deadline{{DeadlineContact, *t.ContactFrom}, {DeadlineResponse, *t.ResponseFrom}, {DeadlineSupply, *t.SupplyFrom}}
}

// ContactDueAt is by when the clinic is to hear again of a patient of whom it heard at a time.
func (p Protocol) ContactDueAt(at time.Time) time.Time {
	return at.UTC().AddDate(0, 0, p.Worklist.NoContactDays)
}

// ReviewDueAt is when the next look at the response is due after one at a time.
func (p Protocol) ReviewDueAt(at time.Time) time.Time {
	return at.UTC().AddDate(0, 0, p.Worklist.ResponseReviewDays)
}

// SupplyDueAt is when it is to be looked at again how long a supply lasts that ends on a day: when a
// refill would be due, and after so many days at the latest, since doses may be taken faster. When one is
// due already, that is the time it takes to come. The day is nil while it is too far away to matter.
func (p Protocol) SupplyDueAt(runsOut *time.Time, now time.Time) time.Time {
	latest := now.UTC().AddDate(0, 0, p.Worklist.RefillDueDays)
	if runsOut == nil {
		return latest
	}
	if due := runsOut.UTC().AddDate(0, 0, -p.Worklist.RefillDueDays); due.After(now) {
		return notAfter(due, latest)
	}
	return latest
}

// JudgeResponse says what is raised when it is time to look whether a patient responds: nothing if
// the last total is a response to the treatment, or the baseline left nothing to respond to. A total
// that is not known is no response.
func JudgeResponse(i instruments.Instrument, baseline, last *int, due time.Time) []Raised {
	unknown := Overdue(AlertNoResponse, "unknown", due)
	if baseline == nil || last == nil {
		return []Raised{unknown}
	}
	responds := i.Change(*baseline, *last).Response
	if responds == nil || *responds {
		return nil
	}
	raised := Overdue(AlertNoResponse, strconv.Itoa(*last), due)
	raised.Limit = strconv.Itoa(i.ResponsePercent.Value) + " % below " + strconv.Itoa(*baseline)
	return []Raised{raised}
}

// Wait is how long something may wait for a reason; 0 where the record itself has a deadline.
func (p WorklistPolicy) Wait(r WorkReason) time.Duration {
	var n int
	switch r {
	case WorkSessionUnfinished:
		n = p.SessionUnfinishedHours
	case WorkSessionReview:
		n = p.SessionReviewHours
	case WorkAssessmentReview:
		n = p.AssessmentReviewHours
	case WorkAdverseEventTriage:
		n = p.AdverseEventTriageHours
	case WorkCosignature:
		n = p.CosignatureHours
	case WorkEligibilityDecision:
		n = p.EligibilityDecisionHours
	case WorkHandedOver:
		n = 24 * p.HandedOverDays
	default:
	}
	return time.Duration(n) * time.Hour
}
