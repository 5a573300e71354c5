package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// Alert is something that somebody of the clinic must look at.
type Alert struct {
	Record
	PatientID   uuid.UUID
	TreatmentID *uuid.UUID
	Source      AlertSource `gorm:"embedded;embeddedPrefix:source_"`
	treatment.Alert
}

// AlertSource is the record that raised an alert.
type AlertSource struct {
	Type   string
	ID     uuid.UUID
	FactID *uuid.UUID // the fact of a session, or what was reported of a dispense
}

// The kinds of a source.
const (
	SourceSession      = "session"
	SourceAssessment   = "assessment"
	SourceMeasurement  = "measurement"
	SourceAdverseEvent = "adverseEvent"
	SourceDispense     = "dispense"
	SourceMedication   = "medication"
	SourcePrescription = "prescription"
	SourceConsent      = "consent"
	SourcePatient      = "patient"
	SourceTreatment    = "treatment"
	SourceFollowUp     = "followUp"
)

// AlertSources lists every kind of source.
var AlertSources = []string{
	SourceSession, SourceAssessment, SourceMeasurement, SourceAdverseEvent, SourceDispense,
	SourceMedication, SourcePrescription, SourceConsent, SourcePatient, SourceTreatment, SourceFollowUp,
}

// Same reports whether both name the same record and fact.
func (s AlertSource) Same(other AlertSource) bool {
	if s.FactID == nil || other.FactID == nil {
		return s == other
	}
	return s.Type == other.Type && s.ID == other.ID && *s.FactID == *other.FactID
}

// AlertsOf returns every alert that was ever raised by one of the sources, records or facts,
// oldest first.
func (tx *Tx) AlertsOf(sources ...uuid.UUID) ([]Alert, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	return many[Alert](tx.orm.Where("source_id IN ? OR source_fact_id IN ?", sources, sources).Order("raised_at, id"))
}

// SettleAlerts ends the alerts that rules have raised about a record: what they asked for is done.
func (tx *Tx) SettleAlerts(source uuid.UUID, rules ...treatment.AlertRule) error {
	rows, err := many[Alert](tx.orm.Where("source_id = ? AND rule IN ? AND status <> ?", source, rules, treatment.AlertResolved).Order("id"))
	for i := range rows {
		if err != nil {
			return err
		}
		rows[i].Alert = rows[i].Settle(tx.Now)
		err = tx.Change("alert.settled", &rows[i])
	}
	return err
}

// StandingAlerts returns a patient's alerts that had been raised at a time and are not resolved.
func (tx *Tx) StandingAlerts(patient uuid.UUID, at time.Time) ([]Alert, error) {
	return many[Alert](tx.orm.Where("patient_id = ? AND status <> ? AND raised_at <= ?", patient, treatment.AlertResolved, at).Order("due_at, id"))
}

// AlertsAssignedTo returns the alerts that somebody shall deal with and nobody has resolved.
func (tx *Tx) AlertsAssignedTo(staff uuid.UUID) ([]Alert, error) {
	return many[Alert](tx.orm.Where("assigned_to = ? AND status <> ?", staff, treatment.AlertResolved).Order("due_at, id"))
}

// AlertFilter says which alerts a list has. What is empty does not matter.
type AlertFilter struct {
	Status   treatment.AlertStatus
	Severity treatment.Severity
	Patient  uuid.UUID
	Assignee uuid.UUID
}

// ListAlerts returns a page of the clinic's alerts, the nearest deadline first.
func (tx *Tx) ListAlerts(f AlertFilter, p Page) ([]Alert, *Key, error) {
	q := tx.orm
	if f.Status != "" {
		q = q.Where("status = ?", f.Status)
	}
	if f.Severity != "" {
		q = q.Where("severity = ?", f.Severity)
	}
	if f.Patient != uuid.Nil {
		q = q.Where("patient_id = ?", f.Patient)
	}
	if f.Assignee != uuid.Nil {
		q = q.Where("assigned_to = ?", f.Assignee)
	}
	return list[Alert](q, asc("due_at"), p)
}
