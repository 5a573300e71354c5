package store

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// AlertRuleSet is a version of a clinic's alert rules. What it says never changes.
type AlertRuleSet struct {
	Record
	Revision    int
	Settings    string // JSON, as pkg/treatment reads it
	Reason      string
	PublishedBy uuid.UUID
}

// ListAlertRules returns a page of the versions of the clinic's alert rules, newest first.
func (tx *Tx) ListAlertRules(p Page) ([]AlertRuleSet, *Key, error) {
	return list[AlertRuleSet](tx.orm, desc("created_at"), p)
}

// AlertRules returns the version that is in force; nil if the clinic has published none.
func (tx *Tx) AlertRules() (*AlertRuleSet, error) {
	set, err := one[AlertRuleSet](tx.orm.Order("revision DESC"))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return set, err
}

// PublishAlertRules adds set as the next version. The error is ErrConflict if another one is
// published at the same moment.
func (tx *Tx) PublishAlertRules(event string, set *AlertRuleSet) error {
	last, err := tx.AlertRules()
	if err != nil {
		return err
	}
	set.Revision = 1
	if last != nil {
		set.Revision = last.Revision + 1
	}
	return tx.Create(event, set)
}

// Findings returns a page of what the rules have found in a time, its end excluded, oldest first: the
// clinic's alerts, with no more in them than a trial of other rules needs.
func (tx *Tx) Findings(from, until time.Time, p Page) ([]Alert, *Key, error) {
	q := tx.orm.Select("id", "patient_id", "treatment_id", "rule", "found_severity", "raised_at", "resolved_at")
	return list[Alert](q.Where("raised_at >= ? AND raised_at < ?", from, until), asc("raised_at"), p)
}

// ProtocolsOf returns the protocols that treatments follow, by treatment.
func (tx *Tx) ProtocolsOf(treatments []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	protocols := map[uuid.UUID]uuid.UUID{}
	if len(treatments) == 0 {
		return protocols, nil
	}
	rows, err := many[Treatment](tx.orm.Select("id", "protocol_id").Where("id IN ?", treatments))
	for i := range rows {
		protocols[rows[i].ID] = rows[i].ProtocolID
	}
	return protocols, err
}
