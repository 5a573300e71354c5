package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListAlerts lists the clinic's alerts, the nearest deadline first.
func (s *Server) ListAlerts(ctx context.Context, req oapi.ListAlertsRequestObject) (oapi.ListAlertsResponseObject, error) {
	filter := store.AlertFilter{
		Status:   treatment.AlertStatus(orZero(req.Params.Status)),
		Severity: treatment.Severity(orZero(req.Params.Severity)),
		Patient:  orZero(req.Params.PatientID),
		Assignee: orZero(req.Params.AssignedTo),
	}
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, filter)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListAlerts(filter, page)
	if err != nil {
		return nil, err
	}
	out := oapi.AlertPage{Items: []oapi.Alert{}}
	for i := range rows {
		out.Items = append(out.Items, alertOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, filter); err != nil {
		return nil, err
	}
	return oapi.ListAlerts200JSONResponse{AlertPageJSONResponse: oapi.AlertPageJSONResponse{Body: out}}, nil
}

// ShowAlert shows an alert.
func (s *Server) ShowAlert(ctx context.Context, req oapi.ShowAlertRequestObject) (oapi.ShowAlertResponseObject, error) {
	a, err := store.Find[store.Alert](store.From(ctx), req.AlertID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowAlert200JSONResponse{AlertJSONResponse: alertOut(a)}, nil
}

// AcknowledgeAlert says that the caller has taken an alert on.
func (s *Server) AcknowledgeAlert(ctx context.Context, req oapi.AcknowledgeAlertRequestObject) (oapi.AcknowledgeAlertResponseObject, error) {
	out, err := decideAlert(ctx, req.AlertID, "alert.acknowledged", func(tx *store.Tx, a *store.Alert) (treatment.Alert, error) {
		return a.Acknowledge(callOf(ctx).who.actor.ID, orZero(req.Body.Note), tx.Now)
	})
	return oapi.AcknowledgeAlert200JSONResponse{AlertJSONResponse: out}, err
}

// AssignAlert says who shall deal with an alert.
func (s *Server) AssignAlert(ctx context.Context, req oapi.AssignAlertRequestObject) (oapi.AssignAlertResponseObject, error) {
	out, err := decideAlert(ctx, req.AlertID, "alert.assigned", func(tx *store.Tx, a *store.Alert) (treatment.Alert, error) {
		if to := req.Body.StaffID; to != nil {
			if err := seesPatients(tx, *to, "/staffId"); err != nil {
				return a.Alert, err
			}
		}
		return a.Assign(req.Body.StaffID)
	})
	return oapi.AssignAlert200JSONResponse{AlertJSONResponse: out}, err
}

// SnoozeAlert lets an alert rest for a while.
func (s *Server) SnoozeAlert(ctx context.Context, req oapi.SnoozeAlertRequestObject) (oapi.SnoozeAlertResponseObject, error) {
	out, err := decideAlert(ctx, req.AlertID, "alert.snoozed", func(tx *store.Tx, a *store.Alert) (treatment.Alert, error) {
		_, policy, err := s.policyFor(tx, a.PatientID, a.TreatmentID)
		if err != nil {
			return a.Alert, err
		}
		return a.Snooze(req.Body.Until, req.Body.Reason, tx.Now, *policy)
	})
	return oapi.SnoozeAlert200JSONResponse{AlertJSONResponse: out}, err
}

// ResolveAlert ends an alert that was acknowledged.
func (s *Server) ResolveAlert(ctx context.Context, req oapi.ResolveAlertRequestObject) (oapi.ResolveAlertResponseObject, error) {
	who := &callOf(ctx).who
	out, err := decideAlert(ctx, req.AlertID, "alert.resolved", func(tx *store.Tx, a *store.Alert) (treatment.Alert, error) {
		return a.Resolve(treatment.Resolution{
			Outcome: treatment.AlertOutcome(req.Body.Outcome), Note: orZero(req.Body.Note),
			By: &who.actor.ID, Prescriber: who.is(rolePrescriber), Now: tx.Now,
		})
	})
	return oapi.ResolveAlert200JSONResponse{AlertJSONResponse: out}, err
}

// ReopenAlert says that a resolved alert was not over: it is due anew.
func (s *Server) ReopenAlert(ctx context.Context, req oapi.ReopenAlertRequestObject) (oapi.ReopenAlertResponseObject, error) {
	out, err := decideAlert(ctx, req.AlertID, "alert.reopened", func(tx *store.Tx, a *store.Alert) (treatment.Alert, error) {
		_, policy, err := s.policyFor(tx, a.PatientID, a.TreatmentID)
		if err != nil {
			return a.Alert, err
		}
		rules, err := alertRules(tx)
		if err != nil {
			return a.Alert, err
		}
		return a.Reopen(req.Body.Reason, tx.Now, *policy, rules)
	})
	return oapi.ReopenAlert200JSONResponse{AlertJSONResponse: out}, err
}

// decideAlert applies a decision to an alert.
func decideAlert(ctx context.Context, id uuid.UUID, event string, decide func(*store.Tx, *store.Alert) (treatment.Alert, error)) (out oapi.AlertJSONResponse, err error) {
	tx := store.From(ctx)
	a, err := store.Find[store.Alert](tx, id)
	if err != nil {
		return out, err
	}
	if a.Alert, err = decide(tx, a); err != nil {
		return out, err
	}
	if err := tx.Change(event, a); err != nil {
		return out, err
	}
	return alertOut(a), nil
}

// raise stores what the rules have found in a record of the patient. There is one alert for
// each rule and source; a finding that names its fact is about that fact. What is already
// known is not raised twice: see known.
func (s *Server) raise(_ context.Context, tx *store.Tx, patient uuid.UUID, course *uuid.UUID, source store.AlertSource, policy *treatment.Protocol, raised []treatment.Raised) error {
	if len(raised) == 0 {
		return nil
	}
	rules, err := alertRules(tx)
	if err != nil {
		return err
	}
	alerts, err := tx.AlertsOf(source.ID)
	if err != nil {
		return err
	}
	for _, r := range raised {
		from := source
		if r.SourceFact != uuid.Nil {
			from.FactID = &r.SourceFact
		}
		earlier, settled := known(alerts, from, r, rules.Silent(r.Rule, r.Severity))
		switch {
		case settled:
		case earlier != nil:
			earlier.Alert = earlier.Again(r, tx.Now, *policy, rules)
			if err := tx.Change(raisedAs("alert.raisedAgain", earlier), earlier); err != nil {
				return err
			}
		default:
			a := store.Alert{PatientID: patient, TreatmentID: course, Source: from, Alert: rules.Raise(r, tx.Now, *policy)}
			if err := tx.Create(raisedAs("alert.raised", &a), &a); err != nil {
				return err
			}
			alerts = append(alerts, a)
		}
	}
	return nil
}

// raisedAs is the event of a finding: what is only kept because its rule is off was not raised.
func raisedAs(event string, a *store.Alert) string {
	if a.Outcome == treatment.OutcomeRuleOff {
		return "alert.kept"
	}
	return event
}

// known looks for a finding among the alerts of its source. It is settled while an alert that
// is no milder is open or acknowledged; a milder one is returned, to be raised again. A fact
// never changes, so that the same finding in it stays settled when its alert is resolved;
// answers can be amended, and what is found in them then is new. What was kept while its rule was
// off is settled while the finding is silent, and not graver: else it is returned.
func known(alerts []store.Alert, from store.AlertSource, r treatment.Raised, silent bool) (earlier *store.Alert, settled bool) {
	for i := range alerts {
		a := &alerts[i]
		if a.Rule != r.Rule || !a.Source.Same(from) {
			continue
		}
		milder := r.Severity.GraverThan(a.FoundSeverity)
		switch kept := a.Outcome == treatment.OutcomeRuleOff; {
		case kept && (milder || !silent), a.Status != treatment.AlertResolved && milder:
			earlier = a
		case kept, a.Status != treatment.AlertResolved, from.FactID != nil && !milder && a.Value == r.Value:
			return nil, true
		}
	}
	return earlier, false
}

// safetyMessage is what a patient reads in the answer to something dangerous: the clinic's own
// words, if an alert that needs them was raised by the source, a record or a fact. It follows
// from what is stored, so that a repetition carries it too. Staff have the alert instead.
func (s *Server) safetyMessage(ctx context.Context, tx *store.Tx, source uuid.UUID) (*string, error) {
	messages, err := s.safetyMessages(ctx, tx, source)
	return messages[source], err
}

// safetyMessages is safetyMessage for several sources.
func (s *Server) safetyMessages(ctx context.Context, tx *store.Tx, sources ...uuid.UUID) (map[uuid.UUID]*string, error) {
	if callOf(ctx).who.staff() {
		return nil, nil
	}
	alerts, err := tx.AlertsOf(sources...)
	alerts = slices.DeleteFunc(alerts, func(a store.Alert) bool { return !treatment.NeedsSafetyMessage(a.Rule) })
	if err != nil || len(alerts) == 0 {
		return nil, err
	}
	clinic, err := tx.Clinic()
	if err != nil {
		return nil, err
	}
	messages := map[uuid.UUID]*string{}
	for _, a := range alerts {
		messages[a.Source.ID] = &clinic.SafetyMessage
		if a.Source.FactID != nil {
			messages[*a.Source.FactID] = &clinic.SafetyMessage
		}
	}
	return messages, nil
}

func alertOut(a *store.Alert) oapi.AlertJSONResponse {
	return oapi.AlertJSONResponse{
		Headers: oapi.AlertResponseHeaders{ETag: etag(a.Version), Location: location("alerts", a.ID)},
		Body: oapi.Alert{
			ID: a.ID, Version: a.Version, PatientID: a.PatientID, TreatmentID: a.TreatmentID,
			Rule: oapi.AlertRule(a.Rule), Severity: oapi.Severity(a.Severity), Status: oapi.AlertStatus(a.Status),
			FoundSeverity: oapi.Severity(a.FoundSeverity), RulesRevision: a.RulesRevision,
			Source: oapi.AlertSource{Type: oapi.AlertSourceType(a.Source.Type), ID: a.Source.ID, FactID: a.Source.FactID},
			Value:  filled(a.Value), Limit: filled(a.Limit), RaisedAt: a.RaisedAt, DueAt: a.DueAt,
			AcknowledgedAt: a.AcknowledgedAt, AcknowledgedBy: a.AcknowledgedBy, ResolvedAt: a.ResolvedAt, ResolvedBy: a.ResolvedBy,
			Outcome: filled(oapi.AlertOutcome(a.Outcome)), Note: filled(a.Note), AssignedTo: a.AssignedTo,
			SnoozedUntil: a.SnoozedUntil, SnoozeReason: filled(a.SnoozeReason), EscalatedAt: a.EscalatedAt, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
		},
	}
}
