package api

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestKnown(t *testing.T) {
	record := store.AlertSource{Type: store.SourceAssessment, ID: uuid.New()}
	fact := store.AlertSource{Type: store.SourceSession, ID: uuid.New(), FactID: new(uuid.New())}
	found := treatment.Raised{Rule: treatment.AlertSIItem9, Severity: treatment.SeverityHigh, Value: "2"}
	stored := func(source store.AlertSource, status treatment.AlertStatus, severity treatment.Severity, value string) store.Alert {
		return store.Alert{Source: source, Alert: treatment.Alert{Rule: found.Rule, Severity: severity, FoundSeverity: severity, Status: status, Value: value}}
	}
	kept := func(source store.AlertSource, severity treatment.Severity, value string) store.Alert {
		a := stored(source, treatment.AlertResolved, severity, value)
		a.Outcome = treatment.OutcomeRuleOff
		return a
	}
	raisedTo := func(a store.Alert, severity treatment.Severity) store.Alert {
		a.Severity = severity
		return a
	}
	const (
		nothing = "raise a new one"
		again   = "raise it again"
		settled = "leave it"
	)
	tests := []struct {
		name   string
		from   store.AlertSource
		stored []store.Alert
		want   string
		silent string // the same while the rule is off
	}{
		{"the first", record, nil, nothing, nothing},
		{"open", record, []store.Alert{stored(record, treatment.AlertOpen, treatment.SeverityHigh, "3")}, settled, settled},
		{"acknowledged", record, []store.Alert{stored(record, treatment.AlertAcknowledged, treatment.SeverityHigh, "2")}, settled, settled},
		{"open and graver", record, []store.Alert{stored(record, treatment.AlertOpen, treatment.SeverityCritical, "2")}, settled, settled},
		{"open and milder", record, []store.Alert{stored(record, treatment.AlertOpen, treatment.SeverityMedium, "1")}, again, again},
		{"acknowledged and milder", record, []store.Alert{stored(record, treatment.AlertAcknowledged, treatment.SeverityMedium, "1")}, again, again},
		{"resolved, of answers", record, []store.Alert{stored(record, treatment.AlertResolved, treatment.SeverityHigh, "2")}, nothing, nothing},
		{"resolved, then open again", record, []store.Alert{
			stored(record, treatment.AlertResolved, treatment.SeverityHigh, "2"),
			stored(record, treatment.AlertOpen, treatment.SeverityMedium, "1"),
		}, again, again},
		{"resolved, of a fact", fact, []store.Alert{stored(fact, treatment.AlertResolved, treatment.SeverityHigh, "2")}, settled, settled},
		{"resolved, of a fact, and milder", fact, []store.Alert{stored(fact, treatment.AlertResolved, treatment.SeverityMedium, "2")}, nothing, nothing},
		{"resolved, of a fact, of something else", fact, []store.Alert{stored(fact, treatment.AlertResolved, treatment.SeverityHigh, "3")}, nothing, nothing},
		{"another fact", fact, []store.Alert{stored(store.AlertSource{Type: fact.Type, ID: fact.ID, FactID: new(uuid.New())}, treatment.AlertOpen, treatment.SeverityHigh, "2")}, nothing, nothing},
		{"open, made graver by the clinic", record, []store.Alert{raisedTo(stored(record, treatment.AlertOpen, treatment.SeverityMedium, "1"), treatment.SeverityCritical)}, again, again},
		{"kept", record, []store.Alert{kept(record, treatment.SeverityHigh, "2")}, again, settled},
		{"kept, of a fact", fact, []store.Alert{kept(fact, treatment.SeverityHigh, "2")}, again, settled},
		{"kept, and milder", record, []store.Alert{kept(record, treatment.SeverityMedium, "1")}, again, again},
		{"resolved, then kept", record, []store.Alert{
			stored(record, treatment.AlertResolved, treatment.SeverityHigh, "2"), kept(record, treatment.SeverityHigh, "2"),
		}, again, settled},
		{"another record", record, []store.Alert{stored(store.AlertSource{Type: record.Type, ID: uuid.New()}, treatment.AlertOpen, treatment.SeverityHigh, "2")}, nothing, nothing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for silent, want := range map[bool]string{false: test.want, true: test.silent} {
				earlier, is := known(test.stored, test.from, found, silent)
				got := nothing
				switch {
				case is:
					got = settled
				case earlier != nil:
					got = again
				}
				if got != want {
					t.Errorf("silent %t: got %q, want %q", silent, got, want)
				}
			}
		})
	}
}

// raiseFact lets a session's fact raise an alert, as the fold does each time it finds it.
func (d *desk) raiseFact(session, fact uuid.UUID, rule treatment.AlertRule, severity treatment.Severity) {
	d.t.Helper()
	policy := treatment.Default()
	err := d.call(d.patient, session, 0, call{}, func(ctx context.Context) error {
		return d.s.raise(ctx, store.From(ctx), d.patient.actor.ID, nil, store.AlertSource{Type: store.SourceSession, ID: session}, &policy,
			[]treatment.Raised{{Rule: rule, Severity: severity, SourceFact: fact, Value: "found", Limit: "limit"}})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// A session finds the same in a fact each time it is computed. One alert comes of it.
func TestRaiseAgain(t *testing.T) {
	d := newDesk(t)
	session, fact, other := uuid.New(), uuid.New(), uuid.New()
	d.raiseFact(session, fact, treatment.AlertIntervalShort, treatment.SeverityMedium)
	d.raiseFact(session, fact, treatment.AlertIntervalShort, treatment.SeverityMedium)
	if got := d.alerts(session); len(got) != 1 {
		t.Errorf("twice: %v", got)
	}
	d.resolve(session)
	d.raiseFact(session, fact, treatment.AlertIntervalShort, treatment.SeverityMedium)
	d.raiseFact(session, other, treatment.AlertIntervalShort, treatment.SeverityMedium)
	want := []string{"INTERVAL_SHORT medium resolved", "INTERVAL_SHORT medium open"}
	if diff := cmp.Diff(want, d.alerts(session)); diff != "" {
		t.Errorf("after it was resolved, and another fact (-want +got):\n%s", diff)
	}
	if got := d.alerts(other); len(got) != 1 {
		t.Errorf("of the other fact: %v", got)
	}
}

func TestSafetyMessage(t *testing.T) {
	d := newDesk(t)
	session, harmless, dangerous := uuid.New(), uuid.New(), uuid.New()
	d.raiseFact(session, harmless, treatment.AlertIntervalShort, treatment.SeverityMedium)
	d.raiseFact(session, dangerous, treatment.AlertRedFlagSymptom, treatment.SeverityCritical)
	tests := []struct {
		name   string
		who    principal
		source uuid.UUID
		want   bool
	}{
		{"the fact", d.patient, dangerous, true},
		{"its session", d.patient, session, true},
		{"another fact of it", d.patient, harmless, false},
		{"to staff", d.nurse, dangerous, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.t = t
			err := d.call(test.who, session, 0, call{}, func(ctx context.Context) error {
				got, err := d.s.safetyMessage(ctx, store.From(ctx), test.source)
				if (got != nil) != test.want {
					t.Errorf("got %v, want one: %t", got, test.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Acknowledge, resolve and reopen: who did it stands in the record, and a false alarm has rules.
func TestAlertDecisions(t *testing.T) {
	d := newDesk(t)
	session, fact := uuid.New(), uuid.New()
	d.raiseFact(session, fact, treatment.AlertRedFlagSymptom, treatment.SeverityCritical)
	a := d.stored(session)[0]
	version := a.Version
	do := func(who principal, handle func(context.Context) (oapi.Alert, error)) (out oapi.Alert, err error) {
		err = d.call(who, a.ID, version, call{}, func(ctx context.Context) error {
			out, err = handle(ctx)
			return err
		})
		version = max(version, out.Version)
		return out, err
	}
	resolve := func(outcome oapi.AlertOutcome, note *string) func(context.Context) (oapi.Alert, error) {
		return func(ctx context.Context) (oapi.Alert, error) {
			got, err := d.s.ResolveAlert(ctx, oapi.ResolveAlertRequestObject{AlertID: a.ID, Body: &oapi.AlertResolution{Outcome: outcome, Note: note}})
			if err != nil {
				return oapi.Alert{}, err
			}
			return got.(oapi.ResolveAlert200JSONResponse).Body, nil
		}
	}

	_, err := do(d.nurse, resolve(oapi.AlertOutcomeHandled, nil))
	if diff := cmp.Diff([]string{"illegal_transition"}, refusal(err)); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	got, err := do(d.nurse, func(ctx context.Context) (oapi.Alert, error) {
		got, err := d.s.AcknowledgeAlert(ctx, oapi.AcknowledgeAlertRequestObject{AlertID: a.ID, Body: &oapi.AlertNote{Note: new("calling")}})
		return got.(oapi.AcknowledgeAlert200JSONResponse).Body, err
	})
	if err != nil || got.Status != oapi.AlertStatusAcknowledged || *got.AcknowledgedBy != d.nurse.actor.ID || *got.Note != "calling" {
		t.Errorf("acknowledged: %+v, %v", got, err)
	}
	for name, test := range map[string]struct {
		who  principal
		note *string
	}{"a nurse": {d.nurse, new("nothing")}, "without a note": {d.prescriber, nil}} {
		_, err := do(test.who, resolve(oapi.AlertOutcomeFalseAlarm, test.note))
		if diff := cmp.Diff([]string{"rule_violated", "/outcome"}, refusal(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got, err = do(d.prescriber, resolve(oapi.AlertOutcomeFalseAlarm, new("a typing error")))
	if err != nil || got.Status != oapi.AlertStatusResolved || *got.ResolvedBy != d.prescriber.actor.ID {
		t.Errorf("resolved: %+v, %v", got, err)
	}
	d.now = d.now.Add(time.Hour)
	got, err = do(d.nurse, func(ctx context.Context) (oapi.Alert, error) {
		got, err := d.s.ReopenAlert(ctx, oapi.ReopenAlertRequestObject{AlertID: a.ID, Body: &oapi.Reason{Reason: "she called again"}})
		return got.(oapi.ReopenAlert200JSONResponse).Body, err
	})
	want := d.now.Add(15 * time.Minute) // critical
	if err != nil || got.Status != oapi.AlertStatusOpen || got.ResolvedBy != nil || !got.DueAt.Equal(want) {
		t.Errorf("reopened: %+v, %v; want due %v", got, err, want)
	}
}
