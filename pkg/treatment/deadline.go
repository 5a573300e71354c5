package treatment

import "time"

// Deadline is a moment at which something follows from time alone, if nothing comes between. A
// record that has some says which, by its Deadlines; the caller keeps them and does at each what
// has to be done, once.
type Deadline struct {
	Kind DeadlineKind
	At   time.Time
}

// DeadlineKind is what follows.
type DeadlineKind string

// Deadline kinds.
const (
	// DeadlineAlert: nobody has resolved the alert in time, and it escalates.
	DeadlineAlert DeadlineKind = "alertOverdue"
	// DeadlineCheckIn: nobody has said how the patient was after the session.
	DeadlineCheckIn DeadlineKind = "checkInOverdue"
	// DeadlineMissed: the session was planned, and no dose was taken.
	DeadlineMissed DeadlineKind = "sessionMissed"
	// DeadlineAnswers: an assigned assessment was not answered; DeadlineAnswersExpire: nor for longer.
	DeadlineAnswers       DeadlineKind = "assessmentOverdue"
	DeadlineAnswersExpire DeadlineKind = "assessmentExpired"
	// DeadlinePrescriptionExpiring: an active prescription will soon expire; DeadlinePrescription: it has.
	DeadlinePrescriptionExpiring DeadlineKind = "prescriptionExpiring"
	DeadlinePrescription         DeadlineKind = "prescriptionExpired"
	// DeadlineConsentExpiring: a consent will soon expire; DeadlineConsent: it has.
	DeadlineConsentExpiring DeadlineKind = "consentExpiring"
	DeadlineConsent         DeadlineKind = "consentExpired"
	// DeadlineEligibility: the patient was found eligible and no treatment has begun.
	DeadlineEligibility DeadlineKind = "consultationExpired"
	// DeadlineProposal: nobody has decided about an adjustment.
	DeadlineProposal DeadlineKind = "adjustmentExpired"
	// DeadlineContact: it is time to look whether anybody has heard of the patient. DeadlineResponse: and
	// whether they respond to the treatment.
	DeadlineContact  DeadlineKind = "contactReview"
	DeadlineResponse DeadlineKind = "responseReview"
	// DeadlinePDMP: the monitoring program was asked too long ago.
	DeadlinePDMP DeadlineKind = "pdmpStale"
	// DeadlineSupply: it is time to look how long the supply at home lasts.
	DeadlineSupply DeadlineKind = "supplyReview"
	// DeadlineFollowUp: a follow-up is due; then overdue, then missed.
	DeadlineFollowUp        DeadlineKind = "followUpDue"
	DeadlineFollowUpOverdue DeadlineKind = "followUpOverdue"
	DeadlineFollowUpMissed  DeadlineKind = "followUpMissed"
)

// DeadlineKinds lists every kind.
var DeadlineKinds = []DeadlineKind{
	DeadlineAlert, DeadlineCheckIn, DeadlineMissed, DeadlineAnswers, DeadlineAnswersExpire, DeadlinePrescriptionExpiring, DeadlinePrescription,
	DeadlineConsentExpiring, DeadlineConsent, DeadlineEligibility, DeadlineProposal, DeadlineContact, DeadlineResponse, DeadlinePDMP, DeadlineSupply,
	DeadlineFollowUp, DeadlineFollowUpOverdue, DeadlineFollowUpMissed,
}

// alertsOfDeadline are the alerts that are over as soon as their record no longer has the deadline.
var alertsOfDeadline = map[DeadlineKind][]AlertRule{
	DeadlineCheckIn:              {AlertCheckInOverdue},
	DeadlineAnswers:              {AlertAssessmentOverdue},
	DeadlinePrescriptionExpiring: {AlertPrescriptionExpiring},
	DeadlineConsentExpiring:      {AlertConsentExpiring},
	DeadlineFollowUpOverdue:      {AlertCheckInOverdue, AlertAssessmentOverdue},
	DeadlineContact:              {AlertNoContact},
	DeadlineResponse:             {AlertNoResponse},
	DeadlineSupply:               {AlertRefillDue},
}

// Recurs says whether a deadline of the kind is due again after it has passed, when what is done then says
// so: the record says only when first.
func (k DeadlineKind) Recurs() bool {
	return k == DeadlineContact || k == DeadlineResponse || k == DeadlineSupply
}

// Raised are the alerts that are over when a record no longer has a deadline of the kind that had passed.
func (k DeadlineKind) Raised() []AlertRule { return alertsOfDeadline[k] }
