package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// alertOverdue escalates an alert that nobody has resolved in time.
func (s *Server) alertOverdue(_ context.Context, tx *store.Tx, d store.Deadline) error {
	a, err := store.Find[store.Alert](tx, d.RecordID)
	if err != nil {
		return err
	}
	a.Alert = a.Escalate(tx.Now)
	return tx.Change("alert.escalated", a)
}

// checkInOverdue raises that nobody knows how a patient was after a session.
func (s *Server) checkInOverdue(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	row, err := store.Find[store.Session](tx, d.RecordID)
	if err != nil {
		return err
	}
	tx.Note("session.checkInOverdue", "sessions", row.ID)
	return s.raiseOverdue(ctx, tx, d, &row.TreatmentID, store.SourceSession, treatment.AlertCheckInOverdue, "")
}

// answersOverdue raises that nobody has answered an assigned assessment.
func (s *Server) answersOverdue(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	a, err := store.Find[store.Assessment](tx, d.RecordID)
	if err != nil {
		return err
	}
	tx.Note("assessment.overdue", "assessments", a.ID)
	return s.raiseOverdue(ctx, tx, d, a.TreatmentID, store.SourceAssessment, treatment.AlertAssessmentOverdue, a.Instrument)
}

// prescriptionExpiring raises that the next prescription has to be seen to.
func (s *Server) prescriptionExpiring(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	p, err := store.Find[store.Prescription](tx, d.RecordID)
	if err != nil {
		return err
	}
	tx.Note("prescription.expiring", "prescriptions", p.ID)
	return s.raiseOverdue(ctx, tx, d, &p.TreatmentID, store.SourcePrescription, treatment.AlertPrescriptionExpiring, p.ExpiresAt.Format(time.RFC3339))
}

// consentExpiring raises that the patient has to be asked for the next signature.
func (s *Server) consentExpiring(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	c, err := tx.Consent(d.RecordID)
	if err != nil {
		return err
	}
	tx.Note("consent.expiring", "consents", c.ID)
	open, _, err := s.policyFor(tx, d.PatientID, nil)
	if err != nil || open == nil { // nothing rests on it
		return err
	}
	return s.raiseOverdue(ctx, tx, d, open, store.SourceConsent, treatment.AlertConsentExpiring, string(c.Kind))
}

// pdmpStale raises that the monitoring program has to be asked again, while a treatment is open and no
// newer check is there.
func (s *Server) pdmpStale(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	tx.Note("pdmpCheck.stale", "pdmp_checks", d.RecordID)
	open, _, err := s.policyFor(tx, d.PatientID, nil)
	if err != nil || open == nil {
		return err
	}
	patient, err := store.Find[store.Patient](tx, d.PatientID)
	if err != nil {
		return err
	}
	last, err := notKnown(tx.LastPDMPCheck(d.PatientID, patient.State))
	if err != nil || last != nil && last.ID != d.RecordID {
		return err
	}
	d.RecordID = d.PatientID
	return s.raiseOverdue(ctx, tx, d, open, store.SourcePatient, treatment.AlertPDMPStale, "")
}

// raiseOverdue raises what time has found in a record.
func (s *Server) raiseOverdue(ctx context.Context, tx *store.Tx, d store.Deadline, course *uuid.UUID, source string, rule treatment.AlertRule, value string) error {
	_, policy, err := s.policyFor(tx, d.PatientID, course)
	if err != nil {
		return err
	}
	return s.raise(ctx, tx, d.PatientID, course, store.AlertSource{Type: source, ID: d.RecordID}, policy,
		[]treatment.Raised{treatment.Overdue(rule, value, d.At)})
}
