package treatment

import "time"

// AssessmentStatus is where one administration of a questionnaire stands.
type AssessmentStatus string

// Assessment statuses. Expired is never stored: it follows from time.
const (
	AssessmentAssigned       AssessmentStatus = "assigned"
	AssessmentSubmitted      AssessmentStatus = "submitted"
	AssessmentReviewed       AssessmentStatus = "reviewed"
	AssessmentExpired        AssessmentStatus = "expired"
	AssessmentCancelled      AssessmentStatus = "cancelled"
	AssessmentEnteredInError AssessmentStatus = "enteredInError"
)

// AssessmentStatuses lists every status, the derived one too.
var AssessmentStatuses = []AssessmentStatus{
	AssessmentAssigned, AssessmentSubmitted, AssessmentReviewed,
	AssessmentExpired, AssessmentCancelled, AssessmentEnteredInError,
}

// Answers are a fact: they are taken when the assessment was cancelled or has expired too.
// Amended answers have to be reviewed anew.
var assessmentMoves = machine[AssessmentStatus]{
	AssessmentAssigned:       {AssessmentSubmitted, AssessmentCancelled, AssessmentEnteredInError},
	AssessmentCancelled:      {AssessmentSubmitted, AssessmentEnteredInError},
	AssessmentSubmitted:      {AssessmentReviewed, AssessmentSubmitted, AssessmentEnteredInError},
	AssessmentReviewed:       {AssessmentSubmitted, AssessmentEnteredInError},
	AssessmentEnteredInError: {},
}

// StatusAt is the status at a time: an assessment whose answers are so many days overdue has
// expired. dueAt is nil when it was never assigned.
func (s AssessmentStatus) StatusAt(dueAt *time.Time, p Protocol, now time.Time) AssessmentStatus {
	if s == AssessmentAssigned && dueAt != nil && !now.Before(dueAt.AddDate(0, 0, p.Assessments.ExpireAfterDays)) {
		return AssessmentExpired
	}
	return s
}

// Submit takes answers to an assessment that has none yet.
func (s AssessmentStatus) Submit() (AssessmentStatus, error) {
	if s == AssessmentSubmitted {
		return s, illegal("an assessment that is submitted", "be submitted again")
	}
	if s == AssessmentReviewed {
		return s, illegal("an assessment that is reviewed", "be submitted again")
	}
	return s.to(AssessmentSubmitted)
}

// Amend takes other answers. A reviewed assessment is open for review again.
func (s AssessmentStatus) Amend() (AssessmentStatus, error) {
	if s != AssessmentSubmitted && s != AssessmentReviewed {
		return s, illegal("an assessment that is "+string(s), "be amended")
	}
	return s.to(AssessmentSubmitted)
}

// Review says that somebody has looked at the answers.
func (s AssessmentStatus) Review() (AssessmentStatus, error) { return s.to(AssessmentReviewed) }

// Cancel takes an assignment back.
func (s AssessmentStatus) Cancel() (AssessmentStatus, error) { return s.to(AssessmentCancelled) }

// Void says that an assessment was entered in error, and must say why.
func (s AssessmentStatus) Void(reason string) (AssessmentStatus, error) {
	next, err := s.to(AssessmentEnteredInError)
	if err != nil {
		return s, err
	}
	if err := requireReason("the assessment cannot be voided", reason); err != nil {
		return s, err
	}
	return next, nil
}

func (s AssessmentStatus) to(next AssessmentStatus) (AssessmentStatus, error) {
	if err := assessmentMoves.move("an assessment", s, next); err != nil {
		return s, err
	}
	return next, nil
}
