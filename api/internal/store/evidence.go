package store

import (
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// evidenceTypes are the kinds of records that an adjustment can rest on: how they are read, and
// which of them somebody who approves one must look at when they are new.
var evidenceTypes = []struct {
	kind   treatment.EvidenceType
	read   func(treatment.EvidenceType, *gorm.DB) ([]treatment.Evidence, error)
	matter func(*gorm.DB) *gorm.DB // nil: only where it is named
}{
	{treatment.EvidenceAssessment, readEvidence[Assessment], func(q *gorm.DB) *gorm.DB { return q.Where("answers <> ''") }},
	{treatment.EvidenceSession, readEvidence[Session], func(q *gorm.DB) *gorm.DB {
		return q.Where("(started_at IS NOT NULL OR status NOT IN ?)", append([]treatment.SessionStatus{treatment.SessionCancelled}, waiting...))
	}},
	{treatment.EvidenceAdverseEvent, readEvidence[AdverseEvent], func(q *gorm.DB) *gorm.DB { return q }},
	{treatment.EvidenceAlert, readEvidence[Alert], func(q *gorm.DB) *gorm.DB { return q.Where("outcome <> ?", treatment.OutcomeRuleOff) }},
	{treatment.EvidenceMeasurement, readEvidence[Measurement], nil},
	{treatment.EvidenceMedication, readEvidence[Medication], nil},
	{treatment.EvidenceSupportPerson, readEvidence[SupportPerson], nil},
}

// CurrentEvidence returns the named records as they are now, without those that do not exist or
// are not the patient's.
func (tx *Tx) CurrentEvidence(patient uuid.UUID, named []treatment.Evidence) (current []treatment.Evidence, err error) {
	ids := map[treatment.EvidenceType][]uuid.UUID{}
	for _, e := range named {
		ids[e.Type] = append(ids[e.Type], e.ID)
	}
	for _, t := range evidenceTypes {
		if len(ids[t.kind]) == 0 {
			continue
		}
		found, err := t.read(t.kind, tx.orm.Where("patient_id = ? AND id IN ?", patient, ids[t.kind]))
		if err != nil {
			return nil, err
		}
		current = append(current, found...)
	}
	return current, nil
}

// EvidenceSince returns the patient's records that were made or changed at or after a time and
// that an adjustment must not overlook: answers, adverse events, alerts, and sessions that have
// begun.
func (tx *Tx) EvidenceSince(patient uuid.UUID, since time.Time) (changed []treatment.Evidence, err error) {
	for _, t := range evidenceTypes {
		if t.matter == nil {
			continue
		}
		found, err := t.read(t.kind, t.matter(tx.orm.Where("patient_id = ? AND updated_at >= ?", patient, since)))
		if err != nil {
			return nil, err
		}
		changed = append(changed, found...)
	}
	return changed, nil
}

// readEvidence reads the records of a query, each in its present version.
func readEvidence[T any, P interface {
	*T
	Row
}](kind treatment.EvidenceType, q *gorm.DB) (list []treatment.Evidence, err error) {
	rows, err := many[T](q.Order("id"))
	for i := range rows {
		r := P(&rows[i]).record()
		list = append(list, treatment.Evidence{Type: kind, ID: r.ID, Version: r.Version})
	}
	return list, err
}
