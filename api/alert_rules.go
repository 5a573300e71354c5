package api

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

const (
	// trialPage is how many findings are read at a time.
	trialPage = 1000
	// trialPatients is of how many patients a trial says what it would be for them.
	trialPatients = 100
)

// ListAlertRules lists the versions of the clinic's alert rules, newest first, and the catalogue.
func (s *Server) ListAlertRules(ctx context.Context, req oapi.ListAlertRulesRequestObject) (oapi.ListAlertRulesResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, nil)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListAlertRules(page)
	if err != nil {
		return nil, err
	}
	out := oapi.AlertRuleSetPage{Items: []oapi.AlertRuleSet{}}
	for i := range rows {
		item, err := alertRuleSetOut(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	for _, rule := range treatment.AlertRules {
		out.Catalogue = append(out.Catalogue, oapi.ShippedAlertRule{
			Rule: oapi.AlertRule(rule), Title: treatment.AlertTitle(rule), Severity: oapi.Severity(treatment.AlertSeverity(rule)), MayBeOff: treatment.MayBeOff(rule),
		})
	}
	if out.NextCursor, err = s.next(ctx, key, nil); err != nil {
		return nil, err
	}
	return oapi.ListAlertRules200JSONResponse{AlertRuleSetPageJSONResponse: oapi.AlertRuleSetPageJSONResponse{Body: out}}, nil
}

// PublishAlertRules puts the next version of the clinic's alert rules in force.
func (s *Server) PublishAlertRules(ctx context.Context, req oapi.PublishAlertRulesRequestObject) (oapi.PublishAlertRulesResponseObject, error) {
	tx := store.From(ctx)
	rules, err := alertRulesIn(tx, req.Body.Settings)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(rules.Settings)
	if err != nil {
		return nil, err
	}
	set := &store.AlertRuleSet{Settings: string(settings), Reason: req.Body.Reason, PublishedBy: callOf(ctx).who.actor.ID}
	if err := tx.PublishAlertRules("alertRules.published", set); err != nil {
		return nil, err
	}
	out, err := alertRuleSetOut(set)
	return oapi.PublishAlertRules201JSONResponse{AlertRuleSetJSONResponse: out}, err
}

// TryAlertRules says what other rules would have made of the clinic's past.
func (s *Server) TryAlertRules(ctx context.Context, req oapi.TryAlertRulesRequestObject) (oapi.TryAlertRulesResponseObject, error) {
	tx := store.From(ctx)
	from, until := req.Body.From.UTC(), tx.Now
	set(&until, req.Body.Until)
	if err := treatment.TrialPeriod(from, until); err != nil {
		return nil, err
	}
	proposed, err := alertRulesIn(tx, req.Body.Settings)
	if err != nil {
		return nil, err
	}
	inForce, err := alertRules(tx)
	if err != nil {
		return nil, err
	}
	trial := treatment.NewAlertTrial(inForce, proposed, tx.Now)
	for page := (store.Page{Limit: trialPage}); ; {
		rows, next, err := tx.Findings(from, until, page)
		if err == nil {
			err = tryOn(tx, trial, rows)
		}
		if err != nil {
			return nil, err
		}
		if page.After = next; next == nil {
			break
		}
	}
	out := alertTrialOut(trial, callOf(ctx).who.is(rolePrescriber) || callOf(ctx).who.is(roleClinician))
	out.From, out.Until = from, until.UTC()
	return oapi.TryAlertRules200JSONResponse{AlertTrialJSONResponse: oapi.AlertTrialJSONResponse(out)}, nil
}

// tryOn runs a trial on findings, each with the protocol that its treatment follows, or the
// clinic's default.
func tryOn(tx *store.Tx, trial *treatment.AlertTrial, rows []store.Alert) error {
	var courses []uuid.UUID
	for i := range rows {
		if rows[i].TreatmentID != nil {
			courses = append(courses, *rows[i].TreatmentID)
		}
	}
	protocols, err := tx.ProtocolsOf(courses)
	if err != nil {
		return err
	}
	_, usual, err := clinicPolicy(tx)
	if err != nil {
		return err
	}
	for i := range rows {
		policy := usual
		if id, found := protocols[orZero(rows[i].TreatmentID)]; found {
			if policy, err = policyOf(tx, id); err != nil {
				return err
			}
		}
		trial.Add(rows[i].PatientID, rows[i].Alert, *policy)
	}
	return nil
}

// alertRules are those in force in the clinic.
func alertRules(tx *store.Tx) (rules treatment.AlertRuleSet, err error) {
	set, err := tx.AlertRules()
	if err != nil || set == nil {
		return rules, err
	}
	rules.Revision = set.Revision
	return rules, json.Unmarshal([]byte(set.Settings), &rules.Settings)
}

// alertRulesIn reads settings as the rules know them, both sides write the same members, and refuses
// those that the clinic may not have.
func alertRulesIn(tx *store.Tx, settings []oapi.AlertSetting) (rules treatment.AlertRuleSet, err error) {
	text, err := json.Marshal(settings)
	if err != nil {
		return rules, err
	}
	if err := json.Unmarshal(text, &rules.Settings); err != nil {
		return rules, err
	}
	_, policy, err := clinicPolicy(tx)
	if err != nil {
		return rules, err
	}
	return rules, rules.Validate(*policy)
}

func alertRuleSetOut(set *store.AlertRuleSet) (out oapi.AlertRuleSetJSONResponse, err error) {
	out.Headers = oapi.AlertRuleSetResponseHeaders{ETag: etag(set.Version)}
	out.Body = oapi.AlertRuleSet{
		ID: set.ID, Version: set.Version, Revision: set.Revision, Reason: set.Reason, PublishedBy: set.PublishedBy,
		CreatedAt: set.CreatedAt, UpdatedAt: set.UpdatedAt,
	}
	return out, json.Unmarshal([]byte(set.Settings), &out.Body.Settings)
}

// alertTrialOut shows what a trial has found, for whom only to those who see patients.
func alertTrialOut(t *treatment.AlertTrial, seesPatients bool) oapi.AlertTrial {
	out := oapi.AlertTrial{
		Revision: t.InForce.Revision, Findings: t.All.Findings, InForce: alertCountOut(t.All.InForce), Proposed: alertCountOut(t.All.Proposed),
		Patients: len(t.Patients), Rules: []oapi.AlertTrialRule{},
	}
	for _, rule := range treatment.AlertRules {
		if c := t.Rules[rule]; c != nil {
			out.Rules = append(out.Rules, oapi.AlertTrialRule{
				Rule: oapi.AlertRule(rule), Findings: c.Findings, InForce: alertCountOut(c.InForce), Proposed: alertCountOut(c.Proposed),
			})
		}
	}
	if !seesPatients {
		return out
	}
	patients, more := t.MostAlerts(trialPatients)
	list := make([]oapi.AlertTrialPatient, len(patients))
	for i, id := range patients {
		c := t.Patients[id]
		list[i] = oapi.AlertTrialPatient{PatientID: id, Findings: c.Findings, InForce: alertCountOut(c.InForce), Proposed: alertCountOut(c.Proposed)}
	}
	out.ForWhom, out.MorePatients = &list, &more
	return out
}

func alertCountOut(c treatment.AlertCount) oapi.AlertCount {
	of := c.BySeverity
	return oapi.AlertCount{
		Alerts: c.Alerts, Low: of[treatment.SeverityLow], Medium: of[treatment.SeverityMedium],
		High: of[treatment.SeverityHigh], Critical: of[treatment.SeverityCritical], Overdue: c.Overdue,
	}
}
