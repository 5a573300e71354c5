package api

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
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
	return s.raiseAbout(ctx, tx, d, a.TreatmentID, store.SourceAssessment, treatment.OverdueAnswers(treatment.AlertAssessmentOverdue, a.Instrument, *a.DueAt))
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

// contactReview raises that nobody has heard of a patient for long. Whoever hears of them does not move
// the deadline: it is looked at when it passes.
func (s *Server) contactReview(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	return s.recurring(ctx, tx, d, func(c *store.Treatment, policy *treatment.Protocol) (time.Time, []treatment.Raised, error) {
		last, err := tx.LastContact(c.PatientID)
		if err != nil {
			return time.Time{}, nil, err
		}
		if last != nil && policy.ContactDueAt(*last).After(tx.Now) {
			return policy.ContactDueAt(*last), nil, tx.SettleAlerts(c.ID, treatment.AlertNoContact)
		}
		return policy.ContactDueAt(tx.Now), []treatment.Raised{treatment.Overdue(treatment.AlertNoContact, "", d.At)}, nil
	})
}

// responseReview raises that a patient does not respond, or that nobody knows.
func (s *Server) responseReview(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	return s.recurring(ctx, tx, d, func(c *store.Treatment, policy *treatment.Protocol) (time.Time, []treatment.Raised, error) {
		next := policy.ReviewDueAt(tx.Now)
		first, err := tx.FirstDose(c.ID)
		if errors.Is(err, store.ErrNotFound) { // there is nothing to respond to
			return next, nil, nil
		}
		if err != nil {
			return next, nil, err
		}
		instrument := responseInstrument(c.Indication)
		age := time.Duration(policy.Treatment.BaselineMaxAgeDays) * 24 * time.Hour
		before, err := notKnown(tx.CompleteBefore(c.PatientID, instrument.ID, first, age))
		if err != nil {
			return next, nil, err
		}
		last, err := notKnown(tx.CompleteBefore(c.PatientID, instrument.ID, tx.Now, min(age, tx.Now.Sub(first))))
		if err != nil {
			return next, nil, err
		}
		raised := treatment.JudgeResponse(instrument, totalOf(before), totalOf(last), d.At)
		if len(raised) == 0 {
			return next, nil, tx.SettleAlerts(c.ID, treatment.AlertNoResponse)
		}
		return next, raised, nil
	})
}

// supplyReview raises that a refill is due.
func (s *Server) supplyReview(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	return s.recurring(ctx, tx, d, func(c *store.Treatment, policy *treatment.Protocol) (time.Time, []treatment.Raised, error) {
		day, err := runsOut(tx, c)
		next := policy.SupplyDueAt(day, tx.Now)
		if err == nil && (day == nil || tx.Now.Before(day.AddDate(0, 0, -policy.Worklist.RefillDueDays))) {
			return next, nil, tx.SettleAlerts(c.ID, treatment.AlertRefillDue)
		}
		if err != nil {
			return next, nil, err
		}
		return next, []treatment.Raised{treatment.Overdue(treatment.AlertRefillDue, "", *day)}, nil
	})
}

// runsOut is the begin of the day, where the patient is, for whose session the supply at home is not
// enough; nil without an active prescription, or when it is too far away to matter.
func runsOut(tx *store.Tx, c *store.Treatment) (*time.Time, error) {
	patient, err := store.Find[store.Patient](tx, c.PatientID)
	if err != nil {
		return nil, err
	}
	here, err := zone(patient.TimeZone)
	if err != nil {
		return nil, err
	}
	prescriptions, err := tx.Prescriptions(c.ID)
	if err != nil {
		return nil, err
	}
	l, err := loadLedger(tx, c.PatientID)
	if err != nil {
		return nil, err
	}
	for i := range prescriptions {
		if p := &prescriptions[i]; p.StatusAt(tx.Now) == treatment.PrescriptionActive {
			_, day := treatment.RunOut(p.Order, l.onHand(tx.Now.Add(maxSkew)), l.lastDose(), tx.Now.In(here))
			if day == nil {
				return nil, nil
			}
			begin, err := time.ParseInLocation(time.DateOnly, string(*day), here)
			return &begin, err
		}
	}
	return nil, nil
}

func totalOf(a *store.Assessment) *int {
	if a == nil {
		return nil
	}
	return a.Total
}

// responseInstrument is what the response to a treatment for an indication is measured with.
func responseInstrument(i treatment.Indication) instruments.Instrument {
	id := instruments.PHQ9
	if i == treatment.IndicationAnxiety {
		id = instruments.GAD7
	}
	found, _ := instruments.Find(id) // both are shipped
	return found
}

// recurring does what is due for a treatment again and again: look says when next, and what it raises.
func (s *Server) recurring(ctx context.Context, tx *store.Tx, d store.Deadline, look func(*store.Treatment, *treatment.Protocol) (time.Time, []treatment.Raised, error)) error {
	c, err := tx.Course(d.RecordID)
	if err != nil {
		return err
	}
	policy, err := policyOf(tx, c.ProtocolID)
	if err != nil {
		return err
	}
	next, raised, err := look(c, policy)
	if err != nil {
		return err
	}
	if err := tx.Again(d, next); err != nil {
		return err
	}
	tx.Note("treatment."+string(d.Kind), "treatments", c.ID)
	return s.raise(ctx, tx, c.PatientID, &c.ID, store.AlertSource{Type: store.SourceTreatment, ID: c.ID}, policy, raised)
}

// raiseOverdue raises that something, which value names, was due.
func (s *Server) raiseOverdue(ctx context.Context, tx *store.Tx, d store.Deadline, course *uuid.UUID, source string, rule treatment.AlertRule, value string) error {
	return s.raiseAbout(ctx, tx, d, course, source, treatment.Overdue(rule, value, d.At))
}

// raiseAbout raises what time has found in a record.
func (s *Server) raiseAbout(ctx context.Context, tx *store.Tx, d store.Deadline, course *uuid.UUID, source string, raised treatment.Raised) error {
	_, policy, err := s.policyFor(tx, d.PatientID, course)
	if err != nil {
		return err
	}
	return s.raise(ctx, tx, d.PatientID, course, store.AlertSource{Type: source, ID: d.RecordID}, policy,
		[]treatment.Raised{raised})
}
