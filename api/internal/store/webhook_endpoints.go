package store

import (
	"time"

	"github.com/google/uuid"
)

// WebhookStatus is what an endpoint's messages depend on.
type WebhookStatus string

// Statuses of an endpoint.
const (
	// WebhookPending: it has to answer a challenge before it gets events.
	WebhookPending WebhookStatus = "pending"
	WebhookActive  WebhookStatus = "active"
	// WebhookDisabled: nothing is sent; what comes waits in the journal.
	WebhookDisabled WebhookStatus = "disabled"
	WebhookRemoved  WebhookStatus = "removed"
)

// WebhookStatuses lists every status of an endpoint.
var WebhookStatuses = []WebhookStatus{WebhookPending, WebhookActive, WebhookDisabled, WebhookRemoved}

// WebhookDisabledReason says why an endpoint is disabled.
type WebhookDisabledReason string

// Reasons for which an endpoint is disabled.
const (
	// WebhookPaused: an admin has switched it off.
	WebhookPaused WebhookDisabledReason = "paused"
	// WebhookGone: it has answered 410.
	WebhookGone WebhookDisabledReason = "gone"
	// WebhookFailing: nothing has succeeded for days.
	WebhookFailing WebhookDisabledReason = "failing"
)

// WebhookDisabledReasons lists every reason for which an endpoint is disabled.
var WebhookDisabledReasons = []WebhookDisabledReason{WebhookPaused, WebhookGone, WebhookFailing}

// WebhookEndpoint is where a clinic's events are sent.
type WebhookEndpoint struct {
	Record
	URL            string
	Description    string
	Status         WebhookStatus
	DisabledReason *WebhookDisabledReason
	ProvenAt       *time.Time
	EventTypes     []WebhookEventType `gorm:"-"` // all, if empty
}

// WebhookEventType is a type of event that an endpoint gets.
type WebhookEventType struct {
	Part
	EndpointID uuid.UUID `gorm:"primaryKey" json:"-"`
	Type       string
}

// Wants reports whether the endpoint gets events of a type.
func (w *WebhookEndpoint) Wants(eventType string) bool {
	for _, t := range w.EventTypes {
		if t.Type == eventType {
			return true
		}
	}
	return len(w.EventTypes) == 0
}

// WebhookSecret is what an endpoint's messages are signed with, sealed. The current one has no end.
type WebhookSecret struct {
	ClinicID   uuid.UUID `gorm:"primaryKey"`
	ID         uuid.UUID `gorm:"primaryKey"`
	EndpointID uuid.UUID
	Sealed     []byte
	CreatedAt  time.Time
	EndsAt     *time.Time
}

// WebhookPosition is how far the journal's events have become deliveries for an endpoint, and how it is doing.
type WebhookPosition struct {
	ClinicID     uuid.UUID `gorm:"primaryKey"`
	EndpointID   uuid.UUID `gorm:"primaryKey"`
	EntryNumber  int64
	PausedUntil  *time.Time
	FailingSince *time.Time
}

// WebhookEndpoint returns an endpoint with its types.
func (tx *Tx) WebhookEndpoint(id uuid.UUID) (*WebhookEndpoint, error) {
	w, err := Find[WebhookEndpoint](tx, id)
	if err != nil {
		return nil, err
	}
	types, err := Parts[WebhookEventType](tx, "endpoint_id", id)
	w.EventTypes = types[id]
	return w, err
}

// ListWebhookEndpoints returns a page of endpoints, oldest first; status "" means all.
func (tx *Tx) ListWebhookEndpoints(status WebhookStatus, p Page) ([]WebhookEndpoint, *Key, error) {
	q := tx.orm
	if status != "" {
		q = q.Where("status = ?", status)
	}
	rows, next, err := list[WebhookEndpoint](q, asc("created_at"), p)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	types, err := Parts[WebhookEventType](tx, "endpoint_id", ids...)
	for i := range rows {
		rows[i].EventTypes = types[rows[i].ID]
	}
	return rows, next, err
}

// CountWebhookEndpoints counts those that are not removed.
func (tx *Tx) CountWebhookEndpoints() (n int64, err error) {
	err = tx.orm.Model(&WebhookEndpoint{}).Where("status <> ?", WebhookRemoved).Count(&n).Error
	return n, err
}

// AddWebhookEndpoint creates w, which gets what is numbered from now on.
func (tx *Tx) AddWebhookEndpoint(w *WebhookEndpoint) error {
	here, err := tx.Here()
	if err != nil {
		return err
	}
	if err := tx.Create("webhookEndpoint.added", w); err != nil {
		return err
	}
	if err := Replace(tx, "endpoint_id", w.ID, w.EventTypes); err != nil {
		return err
	}
	return tx.orm.Create(&WebhookPosition{EndpointID: w.ID, EntryNumber: here.Number}).Error
}

// ChangeWebhookEndpoint writes w with its types: w first, so that of two who change it at the same moment the second is
// stale and does not meet the first one's types.
func (tx *Tx) ChangeWebhookEndpoint(event string, w *WebhookEndpoint) error {
	if err := tx.Change(event, w); err != nil {
		return err
	}
	return Replace(tx, "endpoint_id", w.ID, w.EventTypes)
}

// HoldWebhookPosition returns up to which number events have become deliveries of an endpoint, and has nobody make or
// settle others until the end of the transaction.
func (tx *Tx) HoldWebhookPosition(endpoint uuid.UUID) (int64, error) {
	number, _, err := tx.holdPosition(EndpointRef{tx.scope.Clinic, endpoint})
	return number, err
}

func (tx *Tx) holdPosition(at EndpointRef) (number int64, failing *time.Time, err error) {
	err = tx.row(`SELECT p.entry_number, p.failing_since FROM webhook_positions p WHERE p.clinic_id = $1 AND p.endpoint_id = $2`+
		tx.db.engine.forUpdate(), []any{at.ClinicID, at.EndpointID}, &number, &failing)
	return number, failing, err
}

// Recover forgets that an endpoint was failing or has asked to be left alone: it begins anew.
func (tx *Tx) Recover(endpoint uuid.UUID) error {
	return tx.orm.Model(&WebhookPosition{}).Where("endpoint_id = ?", endpoint).
		Updates(map[string]any{"paused_until": nil, "failing_since": nil}).Error
}

// RotateWebhookSecret makes sealed the secret of an endpoint; those before it are valid until a time.
func (tx *Tx) RotateWebhookSecret(endpoint uuid.UUID, sealed []byte, until time.Time) error {
	old := tx.orm.Where("endpoint_id = ? AND ends_at <= ?", endpoint, tx.Now).Delete(&WebhookSecret{})
	if old.Error != nil {
		return old.Error
	}
	err := tx.orm.Model(&WebhookSecret{}).Where("endpoint_id = ? AND (ends_at IS NULL OR ends_at > ?)", endpoint, until).Update("ends_at", micros(until)).Error
	if err != nil {
		return err
	}
	return tx.orm.Create(&WebhookSecret{ID: tx.NewID(), EndpointID: endpoint, Sealed: sealed, CreatedAt: tx.Now}).Error
}

// ForgetWebhookSecrets removes the secrets of an endpoint: nothing is signed for it any more.
func (tx *Tx) ForgetWebhookSecrets(endpoint uuid.UUID) error {
	return tx.orm.Where("endpoint_id = ?", endpoint).Delete(&WebhookSecret{}).Error
}
