package api

import (
	"context"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// addOutlook says of a supply for how long it is enough, and whether the next fill is due.
func addOutlook(ctx context.Context, tx *store.Tx, l *ledger, out *oapi.Supply) error {
	patient, err := store.Find[store.Patient](tx, l.patient)
	if err != nil {
		return err
	}
	here, err := zone(patient.TimeZone)
	if err != nil {
		return err
	}
	prescriptions, err := tx.PrescriptionsOf(l.patient)
	if err != nil {
		return err
	}
	known := treatment.Refilling{Now: tx.Now.In(here), LastDoseAt: l.lastDose()}
	for i := range prescriptions {
		p := &prescriptions[i]
		if p.Status == treatment.PrescriptionActive {
			known.Prescription, out.Refill.PrescriptionID = &p.Prescription, &p.ID
			known.LastFillMg, known.LeftMg = l.lastFill(p, known.Now)
		}
	}
	if known.Prescription != nil && known.Prescription.StatusAt(tx.Now) == treatment.PrescriptionActive {
		left, until := treatment.RunOut(known.Prescription.Order, l.onHand(tx.Now.Add(maxSkew)), known.LastDoseAt, known.Now)
		out.SessionsLeft = &left
		if until != nil {
			out.RunOutDate, out.DaysLeft = new(dateOut(string(*until))), new(daysUntil(known.Now, *until))
		}
	}
	if err := addCare(tx, patient, &known); err != nil {
		return err
	}
	refill := known.Refill()
	out.Refill.Eligible, out.Refill.FillsLeft = len(refill.Reasons) == 0, refill.FillsLeft
	if refill.Earliest != nil {
		out.Refill.EarliestDate = new(dateOut(string(*refill.Earliest)))
	}
	if callOf(ctx).who.staff() {
		out.Refill.Reasons = refillReasonsOut(refill.Reasons)
	}
	return nil
}

// daysUntil are the calendar days from now, where it is now, until a day.
func daysUntil(now time.Time, day treatment.Date) int {
	today := dateOut(string(treatment.DateOf(now)))
	return int(dateOut(string(day)).Sub(today.Time) / (24 * time.Hour))
}

// lastFill is what the last fill of a prescription handed out, nil before the first, and what is
// left at home of its form.
func (l *ledger) lastFill(p *store.Prescription, now time.Time) (last *dose.Mg, left dose.Mg) {
	var at time.Time
	for i := range l.dispenses {
		if d := &l.dispenses[i]; d.PrescriptionID == p.ID && (last == nil || d.OccurredAt.After(at)) {
			last, at = new(d.AmountMg()), d.OccurredAt
		}
	}
	for _, lot := range l.onHand(now.Add(maxSkew)) {
		if lot.Form == p.Form && lot.BeyondUse >= treatment.DateOf(now) {
			left += lot.AmountMg
		}
	}
	return last, left
}

// addCare adds what is known of the treatment, and of what a refill asks for beside the supply.
func addCare(tx *store.Tx, patient *store.Patient, known *treatment.Refilling) error {
	course, _, policy, err := currentProtocol(tx, patient.ID)
	if err != nil {
		return err
	}
	known.Protocol = *policy
	if course != nil {
		known.Phase, known.OnHold = course.Phase, course.OnHold
	}
	for _, id := range policy.Treatment.BaselineInstruments {
		a, err := notKnown(tx.LastAnswers(patient.ID, id))
		if err != nil {
			return err
		}
		answered := treatment.AnsweredAt{Instrument: id}
		if a != nil && a.Band != "" { // answers without a result tell nothing
			answered.At = &a.At
		}
		known.Answered = append(known.Answered, answered)
	}
	check, err := notKnown(tx.LastPDMPCheck(patient.ID, patient.State))
	if check != nil {
		known.PDMPCheckedAt = &check.OccurredAt
	}
	return err
}

func refillReasonsOut(reasons []treatment.RefillReason) *[]oapi.RefillReason {
	list := make([]oapi.RefillReason, len(reasons))
	for i, r := range reasons {
		list[i] = oapi.RefillReason{Rule: oapi.RefillRule(r.Rule), Value: filled(r.Value), Limit: filled(r.Limit), Source: r.Source, Clears: r.Clears}
	}
	return &list
}
