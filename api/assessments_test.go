package api

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// desk calls handlers as the middleware does once it knows who calls, in a clinic with a
// prescriber, a nurse and two patients.
type desk struct {
	t                *testing.T
	s                *Server
	now              time.Time
	clinic           uuid.UUID
	prescriber       principal
	nurse            principal
	patient          principal
	other, protocol  uuid.UUID
	own, otherCourse uuid.UUID // their treatments
}

const message = "Call 988."

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), clinic: uuid.New(), other: uuid.New(), protocol: uuid.New()}
	db := storetest.Open(t, store.Options{DSN: storetest.SQLite(t), Now: func() time.Time { return d.now }})
	d.s = &Server{db: db}
	staff := func(roles ...string) principal {
		return principal{clinic: d.clinic, actor: store.Actor{Kind: store.ActorStaff, ID: uuid.New()}, roles: roles}
	}
	d.prescriber, d.nurse = staff(rolePrescriber), staff(roleClinician)
	d.patient = principal{clinic: d.clinic, actor: store.Actor{Kind: store.ActorPatient, ID: uuid.New()}, roles: []string{rolePatient}}
	strict := treatment.Default()
	strict.Suicidality.Item9High = 1
	policy, err := json.Marshal(strict)
	if err != nil {
		t.Fatal(err)
	}
	rows := []store.Row{
		&store.Clinic{Record: store.Record{ID: d.clinic}, Name: "Clinic", TimeZone: "UTC", SafetyMessage: message},
		&store.Protocol{Record: store.Record{ID: d.protocol}, Name: "strict", Revision: "1", Policy: string(policy), ProtocolApproval: treatment.ShippedApproval(d.now)},
	}
	for _, p := range []principal{d.prescriber, d.nurse} {
		rows = append(rows, &store.Staff{Record: store.Record{ID: p.actor.ID}, Status: store.StaffActive})
	}
	for _, id := range []uuid.UUID{d.patient.actor.ID, d.other} {
		rows = append(rows, &store.Patient{Record: store.Record{ID: id}, Gender: "other", Status: store.PatientActive, StatusSince: d.now})
	}
	for id, patient := range map[*uuid.UUID]uuid.UUID{&d.own: d.patient.actor.ID, &d.otherCourse: d.other} {
		*id = uuid.New()
		rows = append(rows, &store.Treatment{Record: store.Record{ID: *id}, PatientID: patient, Treatment: treatment.Treatment{
			Indication: treatment.IndicationDepression, Phase: treatment.PhaseCompleted, PhaseSince: d.now, ProtocolID: d.protocol,
			RulesVersion: treatment.RulesVersion, ResponsiblePrescriberID: d.prescriber.actor.ID,
		}})
	}
	err = db.Update(t.Context(), store.Scope{Clinic: d.clinic, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "test"}, func(tx *store.Tx) error {
		for _, row := range rows {
			if err := tx.Create("test.added", row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// call runs a handler on a record of the first patient; version is its If-Match, if not zero.
func (d *desk) call(who principal, id uuid.UUID, version int64, c call, handle func(context.Context) error) error {
	scope := store.Scope{Clinic: d.clinic, Actor: who.actor, Operation: "test", RequestID: "1"}
	if !who.staff() {
		scope.OnlyPatient = who.actor.ID
	}
	return d.s.db.Update(d.t.Context(), scope, func(tx *store.Tx) error {
		if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: d.patient.actor.ID}); err != nil {
			return err
		}
		if version > 0 {
			tx.Target(id, version)
		}
		c.who = who
		return handle(context.WithValue(store.With(d.t.Context(), tx), callKey{}, &c))
	})
}

// phq9 answers every item with 0, but item 9; nil leaves it out.
func phq9(item9 *int) oapi.Answers {
	answers := oapi.Answers{}
	for _, item := range []string{"phq9-1", "phq9-2", "phq9-3", "phq9-4", "phq9-5", "phq9-6", "phq9-7", "phq9-8"} {
		answers[item] = 0
	}
	if item9 != nil {
		answers["phq9-9"] = *item9
	}
	return answers
}

func (d *desk) record(who principal, id uuid.UUID, change func(*oapi.AssessmentRecord), c call) (oapi.Assessment, error) {
	b := oapi.AssessmentRecord{
		OccurredAt: d.now.Add(-time.Hour), TimeZone: "UTC", ReportedBy: oapi.ReportedByPatient, Mode: oapi.ModeApp,
		Instrument: string(oapi.InstrumentIDPhq9), Answers: phq9(new(0)),
	}
	if change != nil {
		change(&b)
	}
	var out oapi.Assessment
	err := d.call(who, id, 0, c, func(ctx context.Context) error {
		got, err := d.s.RecordAssessment(ctx, oapi.RecordAssessmentRequestObject{PatientID: d.patient.actor.ID, AssessmentID: id, Body: &b})
		if err == nil {
			out = got.(oapi.RecordAssessment200JSONResponse).Body
		}
		return err
	})
	return out, err
}

func (d *desk) assign(change func(*oapi.AssessmentInput)) (oapi.Assessment, error) {
	b := oapi.AssessmentInput{Instrument: string(oapi.InstrumentIDPhq9), DueAt: d.now.Add(24 * time.Hour)}
	if change != nil {
		change(&b)
	}
	var out oapi.Assessment
	err := d.call(d.nurse, uuid.Nil, 0, call{}, func(ctx context.Context) error {
		got, err := d.s.AssignAssessment(ctx, oapi.AssignAssessmentRequestObject{PatientID: d.patient.actor.ID, Body: &b})
		if err == nil {
			out = got.(oapi.AssignAssessment201JSONResponse).Body
		}
		return err
	})
	return out, err
}

func (d *desk) submit(id uuid.UUID, item9 *int, c call) (oapi.Assessment, error) {
	b := oapi.Submission{
		ID: uuid.New(), OccurredAt: d.now.Add(-time.Minute), TimeZone: "UTC", ReportedBy: oapi.ReportedByPatient, Mode: oapi.ModeApp, Answers: phq9(item9),
	}
	var out oapi.Assessment
	err := d.call(d.patient, id, 0, c, func(ctx context.Context) error {
		got, err := d.s.SubmitAssessment(ctx, oapi.SubmitAssessmentRequestObject{AssessmentID: id, Body: &b})
		if err == nil {
			out = got.(oapi.SubmitAssessment200JSONResponse).Body
		}
		return err
	})
	return out, err
}

func (d *desk) amend(who principal, id uuid.UUID, version int64, item9 *int) (oapi.Assessment, error) {
	var out oapi.Assessment
	err := d.call(who, id, version, call{}, func(ctx context.Context) error {
		got, err := d.s.AmendAssessment(ctx, oapi.AmendAssessmentRequestObject{AssessmentID: id, Body: &oapi.Amendment{Answers: phq9(item9), Reason: "slip"}})
		if err == nil {
			out = got.(oapi.AmendAssessment200JSONResponse).Body
		}
		return err
	})
	return out, err
}

// decide reviews, cancels or voids.
func (d *desk) decide(what string, id uuid.UUID, version int64) (oapi.Assessment, error) {
	var out oapi.Assessment
	err := d.call(d.nurse, id, version, call{}, func(ctx context.Context) (err error) {
		reason := &oapi.Reason{Reason: "why"}
		switch what {
		case "review":
			var got oapi.ReviewAssessmentResponseObject
			if got, err = d.s.ReviewAssessment(ctx, oapi.ReviewAssessmentRequestObject{AssessmentID: id, Body: &oapi.ReviewInput{Note: new("seen")}}); err == nil {
				out = got.(oapi.ReviewAssessment200JSONResponse).Body
			}
		case "cancel":
			var got oapi.CancelAssessmentResponseObject
			if got, err = d.s.CancelAssessment(ctx, oapi.CancelAssessmentRequestObject{AssessmentID: id, Body: reason}); err == nil {
				out = got.(oapi.CancelAssessment200JSONResponse).Body
			}
		case "void":
			var got oapi.VoidAssessmentResponseObject
			if got, err = d.s.VoidAssessment(ctx, oapi.VoidAssessmentRequestObject{AssessmentID: id, Body: reason}); err == nil {
				out = got.(oapi.VoidAssessment200JSONResponse).Body
			}
		}
		return err
	})
	return out, err
}

func (d *desk) show(who principal, id uuid.UUID) (body oapi.Assessment, tag string) {
	d.t.Helper()
	err := d.call(who, id, 0, call{}, func(ctx context.Context) error {
		got, err := d.s.ShowAssessment(ctx, oapi.ShowAssessmentRequestObject{AssessmentID: id})
		if err == nil {
			shown := got.(oapi.ShowAssessment200JSONResponse)
			body, tag = shown.Body, *shown.Headers.ETag
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return body, tag
}

// alerts are what an assessment has raised, as "rule severity status".
func (d *desk) alerts(id uuid.UUID) (list []string) {
	d.t.Helper()
	for _, a := range d.stored(id) {
		list = append(list, string(a.Rule)+" "+string(a.Severity)+" "+string(a.Status))
	}
	return list
}

func (d *desk) stored(id uuid.UUID) (alerts []store.Alert) {
	d.t.Helper()
	err := d.call(d.nurse, id, 0, call{}, func(ctx context.Context) (err error) {
		alerts, err = store.From(ctx).AlertsOf(id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return alerts
}

// need is what an operation answers that must succeed.
func (d *desk) need(a oapi.Assessment, err error) oapi.Assessment {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// refusal is the problem's code and the places it names.
func refusal(err error) (list []string) {
	if err == nil {
		return nil
	}
	p := problemOf(err)
	list = append(list, string(p.Code))
	for _, f := range p.Errors {
		list = append(list, f.Pointer)
	}
	return list
}

func TestRecordAssessment(t *testing.T) {
	tests := []struct {
		name    string
		item9   *int
		course  bool // name the treatment, whose protocol calls 1 high
		alerts  []string
		message bool
	}{
		{"negative", new(0), false, nil, false},
		{"several days", new(1), false, []string{"SI_ITEM9 medium open"}, true},
		{"more than half the days", new(2), false, []string{"SI_ITEM9 high open"}, true},
		{"not answered", nil, false, []string{"SI_UNKNOWN medium open"}, true},
		{"by the treatment's protocol", new(1), true, []string{"SI_ITEM9 high open"}, true},
	}
	d := newDesk(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.t = t
			id := uuid.New()
			change := func(b *oapi.AssessmentRecord) {
				b.Answers = phq9(test.item9)
				if test.course {
					b.TreatmentID = &d.own
				}
			}
			got := d.need(d.record(d.patient, id, change, call{}))
			again := d.need(d.record(d.patient, id, change, call{repeated: true}))
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("repeated (-first +again):\n%s", diff)
			}
			if diff := cmp.Diff(test.alerts, d.alerts(id)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			if (got.SafetyMessage != nil && *got.SafetyMessage == message) != test.message {
				t.Errorf("message %v, want one: %t", got.SafetyMessage, test.message)
			}
			screen := &oapi.AssessmentScreen{Positive: oapi.ScoreFindingNo, Cutoff: 10}
			if diff := cmp.Diff(screen, got.Screen); diff != "" {
				t.Errorf("screen (-want +got):\n%s", diff)
			}
			if staff, _ := d.show(d.nurse, id); staff.SafetyMessage != nil {
				t.Error("staff got the patient's message")
			}
		})
	}
}

func TestRecordAssessmentRefused(t *testing.T) {
	d := newDesk(t)
	assigned := d.need(d.assign(nil))
	tests := []struct {
		name   string
		id     uuid.UUID
		change func(*oapi.AssessmentRecord)
		want   []string
	}{
		{"answers", uuid.New(), func(b *oapi.AssessmentRecord) {
			b.Answers["phq9-1"], b.Answers["gad7-1"] = 4, 0
		}, []string{"invalid_request", "/answers/phq9-1", "/answers/gad7-1"}},
		{"another patient's treatment", uuid.New(), func(b *oapi.AssessmentRecord) { b.TreatmentID = &d.otherCourse }, []string{"reference_not_found", "/treatmentId"}},
		{"no session", uuid.New(), func(b *oapi.AssessmentRecord) { b.SessionID = new(uuid.New()) }, []string{"reference_not_found", "/sessionId"}},
		{"in the future", uuid.New(), func(b *oapi.AssessmentRecord) { b.OccurredAt = d.now.Add(25 * time.Hour) }, []string{"occurred_in_future", "/occurredAt"}},
		{"the id of another one", assigned.ID, nil, []string{"id_in_use"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.t = t
			_, err := d.record(d.patient, test.id, test.change, call{})
			if diff := cmp.Diff(test.want, refusal(err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAssignAssessment(t *testing.T) {
	d := newDesk(t)
	a := d.need(d.assign(func(b *oapi.AssessmentInput) { b.TreatmentID = &d.own }))
	if want := d.now.Add(24*time.Hour).AddDate(0, 0, 14); !a.ExpiresAt.Equal(want) {
		t.Errorf("expires %v, want %v", a.ExpiresAt, want)
	}
	d.now = a.ExpiresAt.Add(-time.Microsecond)
	if got, tag := d.show(d.patient, a.ID); got.Status != oapi.AssessmentStatusAssigned || tag != `"1"` {
		t.Errorf("before: %s, %s", got.Status, tag)
	}
	d.now = *a.ExpiresAt
	if got, tag := d.show(d.patient, a.ID); got.Status != oapi.AssessmentStatusExpired || tag != `"1.expired"` {
		t.Errorf("then: %s, %s", got.Status, tag)
	}
	for name, change := range map[string]func(*oapi.AssessmentInput){
		"/expiresAt": func(b *oapi.AssessmentInput) { b.ExpiresAt = new(b.DueAt.Add(-time.Second)) },
		"/dueAt":     func(b *oapi.AssessmentInput) { b.DueAt = d.now.AddDate(0, 0, -14) },
	} {
		_, err := d.assign(change)
		if diff := cmp.Diff([]string{"invalid_request", name}, refusal(err)); diff != "" {
			t.Errorf("refusal (-want +got):\n%s", diff)
		}
	}
}

func TestSubmitAssessment(t *testing.T) {
	d := newDesk(t)
	tests := []struct {
		name   string
		before func(a oapi.Assessment)
		want   []string
	}{
		{"assigned", func(oapi.Assessment) {}, nil},
		{"expired", func(a oapi.Assessment) { d.now = a.ExpiresAt.Add(time.Hour) }, nil},
		{"cancelled", func(a oapi.Assessment) { d.need(d.decide("cancel", a.ID, 1)) }, nil},
		{"submitted", func(a oapi.Assessment) { d.need(d.submit(a.ID, new(0), call{})) }, []string{"illegal_transition"}},
		{"voided", func(a oapi.Assessment) { d.need(d.decide("void", a.ID, 1)) }, []string{"illegal_transition"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.t = t
			a := d.need(d.assign(nil))
			test.before(a)
			got, err := d.submit(a.ID, new(2), call{})
			if diff := cmp.Diff(test.want, refusal(err)); diff != "" {
				t.Fatalf("refusal (-want +got):\n%s", diff)
			}
			if test.want != nil {
				return
			}
			if got.Status != oapi.AssessmentStatusSubmitted || *got.Total != 2 || got.StatusReason != nil || got.SafetyMessage == nil {
				t.Errorf("got %s, total %d, reason %v, message %v", got.Status, *got.Total, got.StatusReason, got.SafetyMessage)
			}
			again := d.need(d.submit(a.ID, new(2), call{repeated: true}))
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("repeated (-first +again):\n%s", diff)
			}
		})
	}
}

// An amended answer is judged again, and what was reviewed has to be reviewed again.
func TestAmendAssessment(t *testing.T) {
	d := newDesk(t)
	id := uuid.New()
	d.need(d.record(d.patient, id, nil, call{}))
	if got := d.need(d.amend(d.patient, id, 1, new(1))); *got.Total != 1 || got.SafetyMessage == nil {
		t.Errorf("total %d, message %v", *got.Total, got.SafetyMessage)
	}
	reviewed := d.need(d.decide("review", id, 2))
	if reviewed.Status != oapi.AssessmentStatusReviewed || reviewed.ReviewedBy == nil || *reviewed.ReviewNote != "seen" {
		t.Errorf("reviewed: %s by %v", reviewed.Status, reviewed.ReviewedBy)
	}
	if own, _ := d.show(d.patient, id); own.ReviewedBy != nil || own.ReviewNote != nil || own.ReviewedAt == nil {
		t.Errorf("the patient sees who reviewed it: %v, %v", own.ReviewedBy, own.ReviewNote)
	}
	_, err := d.amend(d.patient, id, 3, new(2))
	if diff := cmp.Diff([]string{"illegal_transition"}, refusal(err)); diff != "" {
		t.Errorf("the patient after the review (-want +got):\n%s", diff)
	}
	_, err = d.amend(d.nurse, id, 2, new(2))
	if stale, is := errors.AsType[*store.StaleError](err); !is || stale.Current != 3 {
		t.Errorf("stale: %v", err)
	}
	got := d.need(d.amend(d.nurse, id, 3, new(2)))
	if got.Status != oapi.AssessmentStatusSubmitted || got.ReviewedAt != nil || got.Version != 4 || *got.StatusReason != "slip" {
		t.Errorf("amended: %+v", got)
	}
	if diff := cmp.Diff([]string{"SI_ITEM9 high open"}, d.alerts(id)); diff != "" {
		t.Errorf("raised again (-want +got):\n%s", diff)
	}
}

func TestAmendAssessmentOfStaff(t *testing.T) {
	d := newDesk(t)
	id := uuid.New()
	d.need(d.record(d.nurse, id, nil, call{}))
	_, err := d.amend(d.patient, id, 1, new(2))
	if diff := cmp.Diff([]string{"forbidden"}, refusal(err)); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
}

// 0 → 2 after everything was settled fires again.
func TestAmendAfterResolution(t *testing.T) {
	d := newDesk(t)
	id := uuid.New()
	d.need(d.record(d.patient, id, func(b *oapi.AssessmentRecord) { b.Answers = phq9(new(2)) }, call{}))
	d.resolve(id)
	d.need(d.amend(d.patient, id, 1, new(0)))
	d.need(d.amend(d.patient, id, 2, new(2)))
	if diff := cmp.Diff([]string{"SI_ITEM9 high resolved", "SI_ITEM9 high open"}, d.alerts(id)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// resolve settles the open alert of a source.
func (d *desk) resolve(source uuid.UUID) {
	d.t.Helper()
	a := d.stored(source)[0]
	for i, step := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := d.s.AcknowledgeAlert(ctx, oapi.AcknowledgeAlertRequestObject{AlertID: a.ID, Body: &oapi.AlertNote{}})
			return err
		},
		func(ctx context.Context) error {
			_, err := d.s.ResolveAlert(ctx, oapi.ResolveAlertRequestObject{AlertID: a.ID, Body: &oapi.AlertResolution{Outcome: oapi.AlertOutcomeHandled}})
			return err
		},
	} {
		if err := d.call(d.nurse, a.ID, a.Version+int64(i), call{}, step); err != nil {
			d.t.Fatal(err)
		}
	}
	d.now = d.now.Add(time.Minute) // the next one is raised later
}

func TestCancelAssessment(t *testing.T) {
	d := newDesk(t)
	a := d.need(d.assign(nil))
	d.now = *a.ExpiresAt
	_, err := d.decide("cancel", a.ID, 1)
	if diff := cmp.Diff([]string{string(problem.IllegalTransition)}, refusal(err)); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
}
