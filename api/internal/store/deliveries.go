package store

import (
	"time"

	"github.com/google/uuid"
)

// DeliveryStatus is what has become of a delivery.
type DeliveryStatus string

// Statuses of a delivery.
const (
	DeliveryPending   DeliveryStatus = "pending"
	DeliverySucceeded DeliveryStatus = "succeeded"
	// DeliveryFailed: every attempt has failed.
	DeliveryFailed DeliveryStatus = "failed"
	// DeliveryParked: it is not sent unless somebody asks for it.
	DeliveryParked DeliveryStatus = "parked"
)

// DeliveryStatuses lists every status of a delivery.
var DeliveryStatuses = []DeliveryStatus{DeliveryPending, DeliverySucceeded, DeliveryFailed, DeliveryParked}

// DeliveryFailure says in one word why an attempt has failed.
type DeliveryFailure string

// Reasons why an attempt has failed.
const (
	FailureName       DeliveryFailure = "name"       // it does not resolve
	FailureAddress    DeliveryFailure = "address"    // it resolves to one that is not public
	FailureConnection DeliveryFailure = "connection" // refused, cut, or nothing that HTTP is
	FailureTLS        DeliveryFailure = "tls"
	FailureTimeout    DeliveryFailure = "timeout"
	FailureRedirect   DeliveryFailure = "redirect"
	FailureStatus     DeliveryFailure = "status"    // not 2xx
	FailureChallenge  DeliveryFailure = "challenge" // the challenge was not given back
)

// DeliveryFailures lists every reason why an attempt has failed.
var DeliveryFailures = []DeliveryFailure{
	FailureName, FailureAddress, FailureConnection, FailureTLS, FailureTimeout, FailureRedirect, FailureStatus, FailureChallenge,
}

// Delivery is an event on its way to an endpoint. Challenges and tests are no events of the journal: they have no number.
type Delivery struct {
	ClinicID      uuid.UUID `gorm:"primaryKey"`
	ID            uuid.UUID `gorm:"primaryKey"`
	EndpointID    uuid.UUID
	EntryNumber   *int64
	EntryID       *uuid.UUID
	EventPosition *int
	EventType     string
	PatientID     *uuid.UUID
	Lane          uuid.UUID // what goes in order: a patient, else a record
	Status        DeliveryStatus
	Attempts      int
	NextAt        *time.Time // of the next attempt; a pending one without it waits for those before it in its lane
	ClaimedUntil  *time.Time
	AnswerStatus  *int
	Failure       *DeliveryFailure
	DurationMs    *int
	CreatedAt     time.Time
	AttemptedAt   *time.Time
	EndedAt       *time.Time
}

// Deliver adds a challenge or a test, due now.
func (tx *Tx) Deliver(endpoint uuid.UUID, eventType string) (*Delivery, error) {
	id := tx.NewID()
	d := &Delivery{ID: id, EndpointID: endpoint, EventType: eventType, Lane: id, Status: DeliveryPending, NextAt: &tx.Now, CreatedAt: tx.Now}
	return d, tx.orm.Create(d).Error
}

// Delivery returns a delivery.
func (tx *Tx) Delivery(id uuid.UUID) (*Delivery, error) {
	return one[Delivery](tx.orm.Where("id = ?", id))
}

// ListDeliveries returns a page of deliveries, newest first; of one endpoint or of one status, unless those are empty.
func (tx *Tx) ListDeliveries(endpoint uuid.UUID, status DeliveryStatus, p Page) ([]Delivery, *Key, error) {
	q := tx.orm
	if endpoint != uuid.Nil {
		q = q.Where("endpoint_id = ?", endpoint)
	}
	if status != "" {
		q = q.Where("status = ?", status)
	}
	return list[Delivery](q, desc("created_at"), p)
}

// anew is a delivery that nothing has become of yet.
func (tx *Tx) anew() map[string]any {
	return map[string]any{
		"status": DeliveryPending, "attempts": 0, "next_at": nil, "claimed_until": nil, "answer_status": nil, "failure": nil,
		"duration_ms": nil, "attempted_at": nil, "ended_at": nil,
	}
}

// RetryDelivery makes a delivery pending, with all its attempts before it, and its lane due now: those that were before it
// are sent before it.
func (tx *Tx) RetryDelivery(d *Delivery) error {
	if _, _, err := tx.holdPosition(EndpointRef{tx.scope.Clinic, d.EndpointID}); err != nil {
		return err
	}
	if err := tx.orm.Model(&Delivery{}).Where("id = ?", d.ID).Updates(tx.anew()).Error; err != nil {
		return err
	}
	return tx.line(d.EndpointID, "lane = $3", d.Lane)
}

// line has the first delivery of each lane of an endpoint due now, and the others wait for it: of the lanes that
// the condition is about, whose value is $3.
func (tx *Tx) line(endpoint uuid.UUID, which string, value any) error {
	of := `clinic_id = $1 AND endpoint_id = $2 AND status = 'pending' AND ` + which
	_, err := tx.exec(`UPDATE deliveries SET next_at = NULL WHERE next_at IS NOT NULL AND `+of, tx.scope.Clinic, endpoint, value)
	if err != nil {
		return err
	}
	_, err = tx.exec(`UPDATE deliveries SET next_at = $4 WHERE clinic_id = $1 AND id IN (SELECT p.id FROM (
			SELECT id, row_number() OVER (PARTITION BY lane ORDER BY entry_number, event_position) AS place FROM deliveries WHERE `+of+`) p
		WHERE p.place = 1)`, tx.scope.Clinic, endpoint, value, tx.Now)
	return err
}

// ParkDeliveries has nothing more sent to an endpoint of what is pending, or is being made at this moment.
func (tx *Tx) ParkDeliveries(endpoint uuid.UUID) error {
	if _, err := tx.HoldWebhookPosition(endpoint); err != nil {
		return err
	}
	return tx.orm.Model(&Delivery{}).Where("endpoint_id = ? AND status = ?", endpoint, DeliveryPending).
		Updates(map[string]any{"status": DeliveryParked, "ended_at": tx.Now, "claimed_until": nil}).Error
}

// ParkMessages has no challenge and no test sent any more that is pending.
func (tx *Tx) ParkMessages(endpoint uuid.UUID) error {
	return tx.orm.Model(&Delivery{}).Where("endpoint_id = ? AND status = ? AND entry_number IS NULL", endpoint, DeliveryPending).
		Updates(map[string]any{"status": DeliveryParked, "ended_at": tx.Now, "claimed_until": nil}).Error
}

// ReplayDeliveries makes the events of a range of numbers due again for an endpoint, those of these types, all if there are
// none, and returns how many. Each event is one delivery for ever, with one id: what is there becomes pending again, what
// was never made, or forgotten, is added.
func (tx *Tx) ReplayDeliveries(endpoint uuid.UUID, events []Delivery) (n int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	for len(events) > 0 {
		batch := events[:min(len(events), deliveryBatch)]
		events = events[len(batch):]
		known, err := many[Delivery](tx.orm.Select("id", "entry_number", "event_position").
			Where("endpoint_id = ? AND entry_number BETWEEN ? AND ?", endpoint, batch[0].EntryNumber, batch[len(batch)-1].EntryNumber))
		if err != nil {
			return n, err
		}
		ids := map[eventKey]uuid.UUID{}
		for _, d := range known {
			ids[keyOf(d)] = d.ID
		}
		var again []uuid.UUID
		var fresh []Delivery
		for _, d := range batch {
			if id, found := ids[keyOf(d)]; found {
				again = append(again, id)
				continue
			}
			d.ID, d.EndpointID, d.Status, d.CreatedAt = tx.NewID(), endpoint, DeliveryPending, tx.Now
			fresh = append(fresh, d)
		}
		if len(again) > 0 {
			if err := tx.orm.Model(&Delivery{}).Where("id IN ?", again).Updates(tx.anew()).Error; err != nil {
				return n, err
			}
		}
		if len(fresh) > 0 {
			if err := tx.orm.Create(&fresh).Error; err != nil {
				return n, err
			}
		}
		n += len(batch)
	}
	return n, tx.line(endpoint, "entry_number >= $3", int64(0))
}

// deliveryBatch is how many deliveries a statement writes at most.
const deliveryBatch = 200

// eventKey is the place of an event in the journal.
type eventKey struct {
	number   int64
	position int
}

func keyOf(d Delivery) eventKey { return eventKey{*d.EntryNumber, *d.EventPosition} }
