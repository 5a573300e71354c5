package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
)

// score keeps the answers with what they come to, for a person of the patient's gender. The
// error lists every answer that the instrument does not know; it also refuses what a clinician
// rates from anybody else.
func score(ctx context.Context, tx *store.Tx, a *store.Assessment, answers oapi.Answers) (instruments.Result, error) {
	instrument, err := answeredBy(tx, a)
	if errors.Is(err, store.ErrNotFound) { // not the caller's fault: it was there when it was assigned
		err = fmt.Errorf("instrument %s is not there any more", a.Instrument)
	}
	if err != nil {
		return instruments.Result{}, err
	}
	if instrument.RatedBy == instruments.RatedByClinician && !callOf(ctx).who.staff() {
		return instruments.Result{}, problem.New(problem.Forbidden, "a clinician rates this instrument")
	}
	patient, err := store.Find[store.Patient](tx, a.PatientID)
	if err != nil {
		return instruments.Result{}, err
	}
	result, err := instrument.For(instruments.Gender(patient.Gender)).Score(answers)
	if wrong, is := errors.AsType[*instruments.AnswerError](err); is {
		p := problem.New(problem.InvalidRequest, "the instrument does not know some of the answers")
		for _, f := range wrong.Faults {
			p.Errors = append(p.Errors, problem.Fault{In: problem.InBody, Pointer: "/answers/" + f.Item, Code: f.Code, Detail: f.Detail})
		}
		return result, p
	}
	if err != nil {
		return result, err
	}
	text, err := json.Marshal(answers)
	if err != nil {
		return result, err
	}
	findings, err := json.Marshal(store.Findings{Screen: result.Screen, Subscales: result.Subscales, Flags: result.Flags})
	a.Scored = store.Scored{
		Answers: string(text), Total: result.Total, Band: result.Band, Answered: result.Answered, Missing: result.Missing,
		Prorated: result.Prorated, Findings: string(findings), Safety: string(result.Safety), ScoringVersion: result.ScoringVersion,
	}
	return result, err
}

// licensed refuses an instrument that needs a licence until the clinic has attested one.
func licensed(tx *store.Tx, i instruments.Instrument) error {
	if !i.NeedsLicence() {
		return nil
	}
	_, err := tx.InstrumentLicence(i.ID)
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(problem.LicenceRequired, "the clinic has not attested a licence for "+i.ID,
			problem.Fault{In: problem.InBody, Pointer: "/instrument", Code: "licence_required", Detail: "needs a licence: attestInstrumentLicence"})
	}
	return err
}

// assessmentOut shows an assessment. Who reviewed it, and what they wrote, is for staff.
func assessmentOut(ctx context.Context, a *store.Assessment, now time.Time) (oapi.AssessmentJSONResponse, error) {
	status, derived := a.StatusAt(now), ""
	if status != a.Status {
		derived = string(status)
	}
	out := oapi.Assessment{
		ID: a.ID, Version: a.Version, PatientID: a.PatientID, TreatmentID: a.TreatmentID, SessionID: a.SessionID,
		Instrument: a.Instrument, ScoringVersion: filled(a.ScoringVersion), Status: oapi.AssessmentStatus(status), StatusReason: filled(a.StatusReason),
		DueAt: a.DueAt, ExpiresAt: a.ExpiresAt, ReviewedAt: a.ReviewedAt, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
	if callOf(ctx).who.staff() {
		out.ReviewedBy, out.ReviewNote = a.ReviewedBy, filled(a.ReviewNote)
	}
	shown := oapi.AssessmentJSONResponse{Headers: oapi.AssessmentResponseHeaders{ETag: etag(a.Version, derived), Location: location("assessments", a.ID)}}
	if a.Answers != "" {
		if err := json.Unmarshal([]byte(a.Answers), &out.Answers); err != nil {
			return shown, err
		}
		out.OccurredAt, out.TimeZone, out.ClockSkew = a.OccurredAt, &a.TimeZone, &a.ClockSkew
		out.ReportedBy, out.Mode = filled(oapi.ReportedBy(a.ReportedBy)), filled(oapi.Mode(a.Mode))
		out.RecordedBy, out.RecordedAt = new(actorOut(a.RecordedBy)), a.RecordedAt
		out.Total, out.Band, out.Prorated = a.Total, filled(a.Band), &a.Prorated
		out.Answered, out.Missing = &a.Answered, &a.Missing
		if err := findingsOut(&out, a.Findings); err != nil {
			return shown, err
		}
		out.Safety = filled(oapi.SafetyStatus(a.Safety))
	}
	shown.Body = out
	return shown, nil
}

// findingsOut shows what the answers have beside the total.
func findingsOut(out *oapi.Assessment, text string) error {
	var found store.Findings
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return err
	}
	if s := found.Screen; s != nil {
		out.Screen = &oapi.AssessmentScreen{Positive: oapi.ScoreFinding(s.Positive), Cutoff: s.Cutoff, Assumed: s.Assumed}
	}
	var scales []oapi.SubscaleScore
	for _, s := range found.Subscales {
		scales = append(scales, oapi.SubscaleScore{Name: s.Code, Points: s.Points, Met: filled(oapi.ScoreFinding(s.Met))})
	}
	var flags []oapi.AssessmentFlag
	for _, f := range found.Flags {
		flags = append(flags, oapi.AssessmentFlag{Name: f.Code, Found: oapi.ScoreFinding(f.Found)})
	}
	out.Subscales, out.Flags = notEmpty(scales), notEmpty(flags)
	return nil
}

// notEmpty is nil for a list that is left out.
func notEmpty[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	return &list
}
