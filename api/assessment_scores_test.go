package api

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/instruments"
)

// middle answers every item of an instrument with its second lowest value.
func middle(t *testing.T, id string) oapi.Answers {
	t.Helper()
	instrument, found := instruments.Find(id)
	if !found {
		t.Fatalf("no instrument %s", id)
	}
	answers := oapi.Answers{}
	for _, item := range instrument.Items {
		answers[item.ID] = item.Options[1].Value
	}
	return answers
}

// attest has the prescriber answer for a licence.
func (d *desk) attest(instrument string) {
	d.t.Helper()
	err := d.call(d.prescriber, uuid.Nil, 0, call{}, func(ctx context.Context) error {
		_, err := d.s.AttestInstrumentLicence(ctx, oapi.AttestInstrumentLicenceRequestObject{
			InstrumentID: instrument, Body: &oapi.InstrumentLicenceInput{Licence: "by letter"},
		})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// Whatever an instrument finds is in the answer, and in the record when it is read later.
func TestScoreIsShown(t *testing.T) {
	d := newDesk(t)
	for _, instrument := range instruments.All() {
		t.Run(instrument.ID, func(t *testing.T) {
			d.t = t
			if instrument.NeedsLicence() {
				d.attest(instrument.ID)
			}
			id, answers := uuid.New(), middle(t, instrument.ID)
			got := d.need(d.record(d.nurse, id, func(b *oapi.AssessmentRecord) {
				b.Instrument, b.Answers = instrument.ID, answers
			}, call{}))
			want, err := instrument.For("other").Score(answers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Total, got.Total); diff != "" {
				t.Errorf("total (-want +got):\n%s", diff)
			}
			var flags []instruments.FlagResult
			for _, flag := range orZero(got.Flags) {
				flags = append(flags, instruments.FlagResult{Code: flag.Name, Found: instruments.Finding(flag.Found)})
			}
			var scales []instruments.SubscaleResult
			for _, scale := range orZero(got.Subscales) {
				scales = append(scales, instruments.SubscaleResult{Code: scale.Name, Points: scale.Points, Met: instruments.Finding(orZero(scale.Met))})
			}
			var screen *instruments.Screen
			if s := got.Screen; s != nil {
				screen = &instruments.Screen{Positive: instruments.Finding(s.Positive), Cutoff: s.Cutoff, Assumed: s.Assumed}
			}
			found := instruments.Result{Screen: screen, Subscales: scales, Flags: flags}
			if diff := cmp.Diff(instruments.Result{Screen: want.Screen, Subscales: want.Subscales, Flags: want.Flags}, found); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if later, _ := d.show(d.nurse, id); !cmp.Equal(later, got) {
				t.Errorf("later (-then +now):\n%s", cmp.Diff(got, later))
			}
		})
	}
}

// What a clinician rates is not the patient's to record, to submit or to amend.
func TestClinicianRated(t *testing.T) {
	d := newDesk(t)
	severity := oapi.Answers{"cgi-s-1": 4}
	record := func(who principal, id uuid.UUID) error {
		_, err := d.record(who, id, func(b *oapi.AssessmentRecord) { b.Instrument, b.Answers = "cgi-s", severity }, call{})
		return err
	}
	forbidden := func(what string, err error) {
		t.Helper()
		if diff := cmp.Diff([]string{"forbidden"}, refusal(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	forbidden("record", record(d.patient, uuid.New()))
	asked := d.need(d.assign(func(b *oapi.AssessmentInput) { b.Instrument = "cgi-s" }))
	submit := func(who principal) error {
		return d.call(who, asked.ID, 0, call{}, func(ctx context.Context) error {
			_, err := d.s.SubmitAssessment(ctx, oapi.SubmitAssessmentRequestObject{AssessmentID: asked.ID, Body: &oapi.Submission{
				ID: uuid.New(), OccurredAt: d.now.Add(-time.Minute), TimeZone: "UTC", ReportedBy: oapi.ReportedByClinician, Mode: oapi.ModeVideo, Answers: severity,
			}})
			return err
		})
	}
	forbidden("submit", submit(d.patient))
	if err := submit(d.prescriber); err != nil {
		t.Error(err)
	}
	id := uuid.New()
	if err := record(d.nurse, id); err != nil {
		t.Fatal(err)
	}
	amend := func(who principal) error {
		return d.call(who, id, 1, call{}, func(ctx context.Context) error {
			_, err := d.s.AmendAssessment(ctx, oapi.AmendAssessmentRequestObject{AssessmentID: id, Body: &oapi.Amendment{Answers: oapi.Answers{"cgi-s-1": 3}, Reason: "slip"}})
			return err
		})
	}
	forbidden("amend", amend(d.patient))
	if err := amend(d.nurse); err != nil {
		t.Error(err)
	}
	if got, _ := d.show(d.patient, id); *got.Total != 3 || *got.Band != "mild" {
		t.Errorf("amended: %d %s", *got.Total, *got.Band)
	}
}

// Thoughts of death in the daily check-in reach the clinic as those in the PHQ-9 do.
func TestDailyCheckInAlerts(t *testing.T) {
	d := newDesk(t)
	for thoughts, want := range [][]string{nil, {"SI_REPORTED medium open"}, {"SI_REPORTED high open"}, {"SI_UNKNOWN medium open"}} {
		id := uuid.New()
		got := d.need(d.record(d.patient, id, func(b *oapi.AssessmentRecord) {
			b.Instrument, b.Answers = "daily-check-in", oapi.Answers{"daily-1": 5, "daily-2": 5, "daily-3": 5, "daily-4": 5}
			if thoughts < 3 {
				b.Answers["daily-thoughts"] = thoughts
			}
		}, call{}))
		if diff := cmp.Diff(want, d.alerts(id)); diff != "" || (got.SafetyMessage != nil) != (want != nil) {
			t.Errorf("%d: message %v, alerts (-want +got):\n%s", thoughts, got.SafetyMessage, diff)
		}
	}
}

// The safety items of the scales whose wording is not here are judged too, each by its own number.
func TestSilentSafetyItems(t *testing.T) {
	d := newDesk(t)
	for id, safety := range map[string]struct {
		item string
		high int
	}{"madrs": {"madrs-10", 4}, "qids-sr16": {"qids-12", 2}} {
		d.attest(id)
		item, medium := safety.item, []string{"SI_REPORTED medium open"}
		for value, want := range map[int][]string{0: nil, 1: medium, safety.high - 1: medium, safety.high: {"SI_REPORTED high open"}, -1: {"SI_UNKNOWN medium open"}} {
			answers := middle(t, id)
			if answers[item] = value; value < 0 {
				delete(answers, item)
			}
			assessment := uuid.New()
			d.need(d.record(d.nurse, assessment, func(b *oapi.AssessmentRecord) { b.Instrument, b.Answers = id, answers }, call{}))
			if diff := cmp.Diff(want, d.alerts(assessment)); diff != "" {
				t.Errorf("%s, %d: alerts (-want +got):\n%s", id, value, diff)
			}
		}
	}
}
