package treatment

import "time"

// SupportPersonStatus says whether somebody may still be asked to be present at a session.
type SupportPersonStatus string

// Support person statuses.
const (
	SupportPersonActive  SupportPersonStatus = "active"
	SupportPersonRemoved SupportPersonStatus = "removed"
)

// SupportPersonStatuses lists every status.
var SupportPersonStatuses = []SupportPersonStatus{SupportPersonActive, SupportPersonRemoved}

// SupportPerson is somebody who can be with a patient during sessions.
type SupportPerson struct {
	Name string
	// Relationship is what the person is to the patient, in anybody's words.
	Relationship *string
	Phone        *string // E.164
	Email        *string
	// Adult: known to be at least 18. Nobody else counts as present at a session.
	Adult        bool
	RemovedAt    *time.Time
	RemoveReason string
}

// Status is active until the person is removed.
func (p SupportPerson) Status() SupportPersonStatus {
	if p.RemovedAt != nil {
		return SupportPersonRemoved
	}
	return SupportPersonActive
}

// MayChange refuses to change somebody who was removed.
func (p SupportPerson) MayChange() error {
	if p.RemovedAt != nil {
		return illegal("a support person who was removed", "be changed")
	}
	return nil
}

// Remove says that the person is not to be asked any more, and must say why. It is final.
func (p SupportPerson) Remove(reason string, now time.Time) (SupportPerson, error) {
	if p.RemovedAt != nil {
		return p, illegal("a support person who was removed", "be removed again")
	}
	if err := requireReason("the support person cannot be removed", reason); err != nil {
		return p, err
	}
	p.RemovedAt, p.RemoveReason = new(now.UTC()), reason
	return p, nil
}
