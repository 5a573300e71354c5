package api

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// reordered is how far times may contradict the order of writes about one patient. A write has
// its time from when it begins and may then wait for another one, whose time is later, and whose
// process has a clock of its own. What changed that shortly before a proposal is therefore kept
// with it by its version, and is new only in another one.
const reordered = time.Hour

// evidenceNouns are the path segments of the records that are evidence.
var evidenceNouns = map[treatment.EvidenceType]string{
	treatment.EvidenceAssessment: "assessments", treatment.EvidenceSession: "sessions", treatment.EvidenceAdverseEvent: "adverse-events",
	treatment.EvidenceAlert: "alerts", treatment.EvidenceMeasurement: "measurements",
	treatment.EvidenceMedication: "medications", treatment.EvidenceSupportPerson: "support-people",
	treatment.EvidencePrescription: "prescriptions", treatment.EvidencePDMPCheck: "pdmp-checks", treatment.EvidenceAdjustment: "adjustments",
}

// asNamed refuses evidence that names nothing of the patient, or a version that is no longer
// the present one.
func asNamed(tx *store.Tx, patient uuid.UUID, named []treatment.Evidence) error {
	stale, err := outdated(tx, patient, "/evidence", named)
	if err != nil || len(stale) == 0 {
		return err
	}
	return evidenceChanged(stale...)
}

// outdated are the named records that have another version by now. The error lists all that are
// not the patient's.
func outdated(tx *store.Tx, patient uuid.UUID, pointer string, named []treatment.Evidence) (now []treatment.Evidence, err error) {
	current, err := tx.CurrentEvidence(patient, named)
	if err != nil {
		return nil, err
	}
	missing := problem.New(problem.ReferenceNotFound, "refers to records that do not exist")
	for i, e := range named {
		at := slices.IndexFunc(current, func(c treatment.Evidence) bool { return c.Type == e.Type && c.ID == e.ID })
		switch {
		case at < 0:
			missing.Errors = append(missing.Errors, noRecord(fmt.Sprintf("%s/%d/id", pointer, i)))
		case current[at] != e:
			now = append(now, current[at])
		}
	}
	if len(missing.Errors) > 0 {
		return nil, missing
	}
	return now, nil
}

// unchanged refuses an approval while there is something that the approver has not considered: a
// record that the proposal rests on in another version, or one that is new since the proposal.
func unchanged(tx *store.Tx, a *store.Adjustment, considered []treatment.Evidence) error {
	fresh, err := outdated(tx, a.PatientID, "/considered", considered)
	if err != nil {
		return err
	}
	named := a.Of(store.EvidenceNamed)
	now, err := tx.CurrentEvidence(a.PatientID, named)
	if err != nil {
		return err
	}
	since, err := tx.EvidenceSince(a.PatientID, a.CreatedAt.Add(-reordered))
	if err != nil {
		return err
	}
	for _, e := range treatment.Unconsidered(slices.Concat(now, since), slices.Concat(named, a.Of(store.EvidenceKnown)), considered) {
		if !slices.Contains(fresh, e) {
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return evidenceChanged(fresh...)
}

// evidenceChanged lists records, as they are now, that somebody who decides has not seen so.
func evidenceChanged(records ...treatment.Evidence) error {
	p := problem.New(problem.EvidenceChanged, "there are records that are newer than what this decision rests on")
	for _, e := range records[:min(len(records), maxFaults)] {
		p.Errors = append(p.Errors, newerRecord(e))
	}
	return p
}

func newerRecord(e treatment.Evidence) problem.Fault {
	return problem.Fault{
		In: "record", Pointer: *location(evidenceNouns[e.Type], e.ID), Code: string(treatment.RuleEvidence), Detail: fmt.Sprintf("is at version %d", e.Version),
	}
}

// inForce is the signed prescription of a treatment that has not ended, perhaps expired; nil if
// there is none.
func (c *courseOf) inForce() *store.Prescription {
	for i := range c.prescriptions {
		if p := &c.prescriptions[i]; p.Status == treatment.PrescriptionActive {
			return p
		}
	}
	return nil
}

// restsOn refuses a decision on an adjustment whose prescription is no longer the one in force.
func (c *courseOf) restsOn(a *store.Adjustment) error {
	if p := c.inForce(); p != nil && p.ID == a.PrescriptionID {
		return nil
	}
	return problem.New(problem.EvidenceChanged, "the prescription that it would change is no longer in force", problem.Fault{
		In: "record", Pointer: *location("prescriptions", a.PrescriptionID), Code: string(treatment.RuleNoActivePrescription), Detail: "has ended: propose anew",
	})
}

// draftOf is the status of the newest prescription that was drafted from an adjustment; empty if
// there is none.
func (c *courseOf) draftOf(a *store.Adjustment) treatment.PrescriptionStatus {
	if p := c.prescription(orZero(a.DraftID)); p != nil {
		return p.Status
	}
	return ""
}

// prescription finds one of the treatment's prescriptions, or nil.
func (c *courseOf) prescription(id uuid.UUID) *store.Prescription {
	for i := range c.prescriptions {
		if c.prescriptions[i].ID == id {
			return &c.prescriptions[i]
		}
	}
	return nil
}

func evidenceIn(list []oapi.Evidence) (records []treatment.Evidence) {
	for _, e := range list {
		records = append(records, treatment.Evidence{Type: treatment.EvidenceType(e.Type), ID: e.ID, Version: e.Version})
	}
	return records
}

func evidenceOut(records []treatment.Evidence) *[]oapi.Evidence {
	list := make([]oapi.Evidence, len(records))
	for i, e := range records {
		list[i] = oapi.Evidence{Type: oapi.EvidenceType(e.Type), ID: e.ID, Version: e.Version}
	}
	return &list
}
