package treatment

import (
	"slices"

	"github.com/google/uuid"
)

// EvidenceType is the kind of record that a decision can rest on.
type EvidenceType string

// Evidence types.
const (
	EvidenceAssessment    EvidenceType = "assessment"
	EvidenceSession       EvidenceType = "session"
	EvidenceAdverseEvent  EvidenceType = "adverseEvent"
	EvidenceAlert         EvidenceType = "alert"
	EvidenceMeasurement   EvidenceType = "measurement"
	EvidenceMedication    EvidenceType = "medication"
	EvidenceSupportPerson EvidenceType = "supportPerson"
)

// EvidenceTypes lists every type.
var EvidenceTypes = []EvidenceType{
	EvidenceAssessment, EvidenceSession, EvidenceAdverseEvent, EvidenceAlert, EvidenceMeasurement,
	EvidenceMedication, EvidenceSupportPerson,
}

// Evidence is a record as somebody has seen it: in one version.
type Evidence struct {
	Type    EvidenceType
	ID      uuid.UUID
	Version int64
}

// Unconsidered are the records, as they are now, that somebody who approves must look at and has
// not: those that neither the proposal knew in this version nor the approval names in it.
func Unconsidered(now, known, considered []Evidence) []Evidence {
	return slices.DeleteFunc(slices.Clone(now), func(e Evidence) bool {
		return slices.Contains(known, e) || slices.Contains(considered, e)
	})
}
