package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// What the background worker does for endpoints of all clinics.

// fanOutPage is how many journal entries become deliveries in one transaction.
const fanOutPage = 500

// EndpointRef names an endpoint of any clinic.
type EndpointRef struct{ ClinicID, EndpointID uuid.UUID }

// due is the condition for a delivery d at the time $1: it is its turn, and nobody has it. Only the first of a lane
// has a time; whoever makes or ends deliveries of an endpoint holds its position, so that there is always one.
const due = `d.status = 'pending' AND d.next_at <= $1 AND (d.claimed_until IS NULL OR d.claimed_until <= $1)`

// withWork is what the endpoints with work are selected from, at the time $1.
const withWork = ` FROM webhook_positions p JOIN webhook_endpoints e ON e.clinic_id = p.clinic_id AND e.id = p.endpoint_id
	WHERE e.status = 'active' AND EXISTS (SELECT 1 FROM journal j WHERE j.clinic_id = p.clinic_id AND j.seq > p.entry_number AND j.` + wasDone + `)
	OR e.status IN ('pending', 'active') AND (p.paused_until IS NULL OR p.paused_until <= $1)
		AND EXISTS (SELECT 1 FROM deliveries d WHERE d.clinic_id = p.clinic_id AND d.endpoint_id = p.endpoint_id
			AND (e.status = 'active' OR d.entry_number IS NULL) AND ` + due + `)`

// EndpointsWithWork returns the endpoints for which there are new events, or deliveries whose time has come.
func (db *DB) EndpointsWithWork(ctx context.Context) (list []EndpointRef, err error) {
	err = db.System(ctx, "look for deliveries", func(tx *Tx) error {
		rows, err := tx.conn.QueryContext(tx.ctx, `SELECT p.clinic_id, p.endpoint_id`+withWork, tx.Now)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var at EndpointRef
			if err := rows.Scan(&at.ClinicID, &at.EndpointID); err != nil {
				return err
			}
			list = append(list, at)
		}
		return rows.Err()
	})
	return list, err
}

// FanOut makes deliveries of the next events for an active endpoint, of those that are public and that it wants, and moves its
// position, in one transaction. It returns how many entries it has looked at, and whether there may be more.
func (db *DB) FanOut(ctx context.Context, at EndpointRef, public func(Event) bool) (n int, more bool, err error) {
	err = db.System(ctx, "make deliveries", func(tx *Tx) error {
		number, _, err := tx.holdPosition(at)
		if err != nil {
			return err
		}
		w, err := tx.endpointOf(at)
		if err != nil || w.Status != WebhookActive {
			return err
		}
		entries, err := many[Entry](tx.orm.Where("clinic_id = ? AND seq > ? AND "+wasDone, at.ClinicID, number).Order("seq").Limit(fanOutPage))
		if err != nil || len(entries) == 0 {
			return err
		}
		taken := map[uuid.UUID]bool{}
		for i := range entries {
			for position, ev := range entries[i].Events {
				if ev.Event == "" || !public(ev) || !w.Wants(ev.Event) {
					continue
				}
				if err := tx.addDelivery(at, EventDelivery(&entries[i], position), taken); err != nil {
					return err
				}
			}
		}
		n, more = len(entries), len(entries) == fanOutPage
		_, err = tx.exec(`UPDATE webhook_positions SET entry_number = $1 WHERE clinic_id = $2 AND endpoint_id = $3`,
			*entries[len(entries)-1].Seq, at.ClinicID, at.EndpointID)
		return err
	})
	return n, more, err
}

// EventDelivery is the delivery of an event of a numbered entry, not yet of an endpoint.
func EventDelivery(e *Entry, position int) Delivery {
	ev := e.Events[position]
	d := Delivery{EntryNumber: e.Seq, EntryID: &e.ID, EventPosition: &position, EventType: ev.Event, Lane: ev.ID}
	if patient := e.PatientOf(ev); patient != uuid.Nil {
		d.PatientID, d.Lane = &patient, patient
	}
	return d
}

// addDelivery adds an event to the end of its lane. taken are the lanes in which there is one, as far as they were asked for.
func (tx *Tx) addDelivery(at EndpointRef, d Delivery, taken map[uuid.UUID]bool) error {
	waits, known := taken[d.Lane]
	if !known {
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM deliveries WHERE clinic_id = $1 AND endpoint_id = $2 AND lane = $3 AND status = 'pending')`,
			[]any{at.ClinicID, at.EndpointID, d.Lane}, &waits); err != nil {
			return err
		}
	}
	taken[d.Lane] = true
	if !waits {
		d.NextAt = &tx.Now
	}
	_, err := tx.exec(`INSERT INTO deliveries (clinic_id, id, endpoint_id, entry_number, entry_id, event_position, event_type, patient_id, lane, status, attempts, created_at, next_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', 0, $10, $11)`,
		at.ClinicID, tx.NewID(), at.EndpointID, *d.EntryNumber, *d.EntryID, *d.EventPosition, d.EventType, d.PatientID, d.Lane, tx.Now, d.NextAt)
	return err
}

// endpointOf is [Tx.WebhookEndpoint] for System.
func (tx *Tx) endpointOf(at EndpointRef) (*WebhookEndpoint, error) {
	w, err := one[WebhookEndpoint](tx.orm.Where("clinic_id = ? AND id = ?", at.ClinicID, at.EndpointID))
	if err != nil {
		return nil, err
	}
	w.EventTypes, err = many[WebhookEventType](tx.orm.Where("clinic_id = ? AND endpoint_id = ?", at.ClinicID, at.EndpointID).Order("position"))
	return w, err
}

// Claim is what a process may send to an endpoint.
type Claim struct {
	Endpoint   *WebhookEndpoint
	Secrets    [][]byte // sealed, the current one first
	Deliveries []ClaimedDelivery
}

// ClaimedDelivery is a delivery with the entry that its event is of; a challenge or a test has none.
type ClaimedDelivery struct {
	Delivery
	Entry *Entry
}

// Claim takes deliveries of an endpoint whose time has come, so many at most, for the length of the lease: until then
// no other process gets them. After it they are free again, whatever became of the one that had them.
func (db *DB) Claim(ctx context.Context, at EndpointRef, limit int, lease time.Duration) (*Claim, error) {
	c := &Claim{}
	err := db.System(ctx, "claim deliveries", func(tx *Tx) (err error) {
		c.Endpoint, err = one[WebhookEndpoint](tx.orm.Where("clinic_id = ? AND id = ?", at.ClinicID, at.EndpointID))
		if err != nil {
			return err
		}
		ids, err := tx.claim(at, c.Endpoint.Status, limit, lease)
		if err != nil || len(ids) == 0 {
			return err
		}
		secrets, err := many[WebhookSecret](tx.orm.Where("clinic_id = ? AND endpoint_id = ? AND (ends_at IS NULL OR ends_at > ?)",
			at.ClinicID, at.EndpointID, tx.Now).Order("created_at DESC, id DESC"))
		if err != nil {
			return err
		}
		for _, s := range secrets {
			c.Secrets = append(c.Secrets, s.Sealed)
		}
		rows, err := many[Delivery](tx.orm.Where("clinic_id = ? AND id IN ?", at.ClinicID, ids).Order("entry_number, event_position"))
		if err != nil {
			return err
		}
		c.Deliveries, err = tx.withEntries(at.ClinicID, rows)
		return err
	})
	return c, err
}

// claim marks deliveries as taken. On PostgreSQL a second process that has chosen the same rows waits for
// the first and then finds them taken.
func (tx *Tx) claim(at EndpointRef, status WebhookStatus, limit int, lease time.Duration) (ids []uuid.UUID, err error) {
	which := "TRUE"
	switch status {
	case WebhookActive:
	case WebhookPending:
		which = "d.entry_number IS NULL"
	default:
		return nil, nil
	}
	rows, err := tx.conn.QueryContext(tx.ctx, `UPDATE deliveries SET claimed_until = $2
		WHERE clinic_id = $3 AND status = 'pending' AND (claimed_until IS NULL OR claimed_until <= $1) AND id IN (SELECT d.id FROM deliveries d
			WHERE d.clinic_id = $3 AND d.endpoint_id = $4 AND `+which+` AND `+due+`
				AND NOT EXISTS (SELECT 1 FROM webhook_positions p WHERE p.clinic_id = $3 AND p.endpoint_id = $4 AND p.paused_until > $1)
			ORDER BY d.next_at LIMIT $5)
		RETURNING id`, tx.Now, tx.Now.Add(lease), at.ClinicID, at.EndpointID, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (tx *Tx) withEntries(clinic uuid.UUID, rows []Delivery) ([]ClaimedDelivery, error) {
	var numbers []int64
	for _, d := range rows {
		if d.EntryNumber != nil {
			numbers = append(numbers, *d.EntryNumber)
		}
	}
	entries := map[int64]*Entry{}
	if len(numbers) > 0 {
		found, err := many[Entry](tx.orm.Where("clinic_id = ? AND seq IN ?", clinic, numbers))
		if err != nil {
			return nil, err
		}
		for i := range found {
			entries[*found[i].Seq] = &found[i]
		}
	}
	list := make([]ClaimedDelivery, len(rows))
	for i, d := range rows {
		list[i].Delivery = d
		if d.EntryNumber != nil {
			list[i].Entry = entries[*d.EntryNumber]
		}
	}
	return list, nil
}

// Attempt is what has come of sending a claimed delivery.
type Attempt struct {
	Delivery     Delivery
	Status       DeliveryStatus // pending: it is sent again at NextAt
	NextAt       *time.Time
	AnswerStatus *int
	Failure      *DeliveryFailure // nil: the endpoint has answered well
	Duration     time.Duration
	PausedUntil  *time.Time // the endpoint has asked not to be called before
}

// Settle writes down what has come of attempts of an endpoint, and returns since when nothing has succeeded there; nil if
// something has. What somebody has decided about a delivery in the meantime stands. What no later statement rests on goes with
// the commit: with each message on its way, the lane waits for every round trip.
func (db *DB) Settle(ctx context.Context, at EndpointRef, attempts []Attempt) (failing *time.Time, err error) {
	err = db.System(ctx, "settle deliveries", func(tx *Tx) error {
		_, before, err := tx.holdPosition(at)
		if err != nil {
			return err
		}
		failing = before
		var paused *time.Time
		for i := range attempts {
			a := &attempts[i]
			if err := tx.settle(at, a); err != nil {
				return err
			}
			switch {
			case a.Failure == nil:
				failing = nil
			case failing == nil:
				failing = &tx.Now
			}
			if a.PausedUntil != nil {
				paused = new(micros(*a.PausedUntil))
			}
		}
		if failing != before || paused != nil {
			tx.then = append(tx.then, statement{
				`UPDATE webhook_positions SET failing_since = $1, paused_until = coalesce($2, paused_until) WHERE clinic_id = $3 AND endpoint_id = $4`,
				[]any{failing, paused, at.ClinicID, at.EndpointID},
			})
		}
		return nil
	})
	return failing, err
}

func (tx *Tx) settle(at EndpointRef, a *Attempt) error {
	d := &a.Delivery
	var ended *time.Time
	if a.Status != DeliveryPending {
		ended = &tx.Now
	}
	n, err := tx.exec(`UPDATE deliveries SET status = $1, attempts = attempts + 1, next_at = $2, claimed_until = NULL, answer_status = $3,
			failure = $4, duration_ms = $5, attempted_at = $6, ended_at = $7
		WHERE clinic_id = $8 AND id = $9 AND status = 'pending' AND (claimed_until = $10 OR $1 = 'succeeded')`,
		a.Status, a.NextAt, a.AnswerStatus, a.Failure, a.Duration.Milliseconds(), tx.Now, ended, at.ClinicID, d.ID, d.ClaimedUntil)
	if err == nil && n == 1 && d.EntryNumber != nil {
		tx.then = append(tx.then, tx.onward(at, d, ended != nil))
	}
	return err
}

// onward has the lane of a delivery go on: the next one is due once it has ended. One that has not, and before which somebody has
// put an earlier one meanwhile, waits for that.
func (tx *Tx) onward(at EndpointRef, d *Delivery, ended bool) statement {
	if ended {
		return statement{`UPDATE deliveries SET next_at = $1 WHERE next_at IS NULL AND clinic_id = $2 AND id = (SELECT n.id FROM deliveries n
				WHERE n.clinic_id = $2 AND n.endpoint_id = $3 AND n.lane = $4 AND n.status = 'pending' ORDER BY n.entry_number, n.event_position LIMIT 1)`,
			[]any{tx.Now, at.ClinicID, at.EndpointID, d.Lane}}
	}
	return statement{`UPDATE deliveries SET next_at = NULL WHERE clinic_id = $1 AND id = $2 AND EXISTS (SELECT 1 FROM deliveries b
			WHERE b.clinic_id = $1 AND b.endpoint_id = $3 AND b.lane = $4 AND b.status = 'pending'
				AND (b.entry_number < $5 OR b.entry_number = $5 AND b.event_position < $6))`,
		[]any{at.ClinicID, d.ID, at.EndpointID, d.Lane, *d.EntryNumber, *d.EventPosition}}
}

// deliveriesForgotten is how many deliveries one transaction removes.
const deliveriesForgotten = 1000

// ForgetDeliveries removes deliveries of all clinics that ended before a time, and returns how many.
func (db *DB) ForgetDeliveries(ctx context.Context, before time.Time) (all int64, err error) {
	for {
		var n int64
		err := db.System(ctx, "forget deliveries", func(tx *Tx) (err error) {
			n, err = tx.exec(`DELETE FROM deliveries WHERE (clinic_id, id) IN (SELECT clinic_id, id FROM deliveries WHERE ended_at < $1 LIMIT $2)`,
				before, deliveriesForgotten)
			return err
		})
		all += n
		if err != nil || n < deliveriesForgotten {
			return all, err
		}
	}
}

// DeliveryCounts are of all clinics.
type DeliveryCounts struct {
	Pending, Failed int64                           // deliveries
	Disabled        map[WebhookDisabledReason]int64 // endpoints
}

// CountDeliveries counts the deliveries of all clinics that are pending, those that have failed for good, and the
// endpoints to which nothing is sent.
func (db *DB) CountDeliveries(ctx context.Context) (n DeliveryCounts, err error) {
	err = db.System(ctx, "count deliveries", func(tx *Tx) error {
		if err := tx.row(`SELECT (SELECT count(*) FROM deliveries WHERE status = 'pending'), (SELECT count(*) FROM deliveries WHERE status = 'failed')`, nil, &n.Pending, &n.Failed); err != nil {
			return err
		}
		n.Disabled = map[WebhookDisabledReason]int64{}
		for _, reason := range WebhookDisabledReasons {
			var endpoints int64
			if err := tx.row(`SELECT count(*) FROM webhook_endpoints WHERE status = 'disabled' AND disabled_reason = $1`, []any{reason}, &endpoints); err != nil {
				return err
			}
			n.Disabled[reason] = endpoints
		}
		return nil
	})
	return n, err
}
