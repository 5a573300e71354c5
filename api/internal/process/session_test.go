package process_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/problem"
)

// The second half of the main job: from the prescription to the alert.

func (j *job) prescriptionIsSigned() {
	ctx, once := j.t.Context(), &client.PrescribeParams{IdempotencyKey: key()}
	negative := order
	negative.DoseMg, negative.SessionsPerWeek = milligrams(-1), 0
	j.refuse(problem.InvalidRequest, "/doseMg", "/sessionsPerWeek")(j.clinician.PrescribeWithResponse(ctx, j.course.id, once, negative))
	j.refuse(problem.Forbidden)(j.patient.PrescribeWithResponse(ctx, j.course.id, once, order))
	j.refuse(problem.NotFound)(j.clinician.PrescribeWithResponse(ctx, uuid.New(), once, order))

	huge := order
	huge.DoseMg, huge.Refills = milligrams(700), 6
	id := good(j.clinician.PrescribeWithResponse(ctx, j.course.id, once, huge))(j.t).JSON201.ID
	j.course.prescription = id
	sign := func(who *person, etag string) (*client.SignPrescriptionResponse, error) {
		return who.SignPrescriptionWithResponse(ctx, id, &client.SignPrescriptionParams{IdempotencyKey: key(), IfMatch: etag}, nothingTaken)
	}
	j.examine(j.t, j.patient, j.now)                                                            // in person
	j.refuse(problem.HardMaximumExceeded, "/doseMg", "/refills", "")(sign(j.prescriber, `"1"`)) // 7 mg/kg of 68.4 kg; 21 CFR 1306.22; PDMP
	j.askProgram(j.t, j.patient, j.now)
	j.refuse(problem.HardMaximumExceeded, "/doseMg", "/refills")(sign(j.prescriber, `"1"`))

	update := func(etag, patch string) (*client.UpdatePrescriptionResponse, error) {
		return j.clinician.UpdatePrescriptionWithBodyWithResponse(ctx, id, &client.UpdatePrescriptionParams{IdempotencyKey: key(), IfMatch: etag},
			mergePatch, raw(patch))
	}
	j.refuse(problem.InvalidRequest, "/doseMg", "/status")(update(`"1"`, `{"doseMg":"100","status":"active"}`))
	good(update(`"1"`, `{"doseMg":100.5,"refills":1}`))(j.t)
	j.refuse(problem.Stale)(update(`"1"`, `{"doseMg":100}`))
	good(update(`"2"`, `{"doseMg":100}`))(j.t)

	j.refuse(problem.Forbidden)(sign(j.clinician, `"3"`))
	j.refuse(problem.IfMatchRequired, "If-Match")(sign(j.prescriber, ""))
	j.refuse(problem.Stale)(sign(j.prescriber, `"2"`))
	p := good(sign(j.prescriber, `"3"`))(j.t).JSON200
	if p.Status != client.PrescriptionStatusActive || p.SignedBy == nil || *p.SignedBy != j.prescriber.id || p.WeightKg.String() != "68.4" {
		j.t.Errorf("signed: %+v", p)
	}
	j.refuse(problem.IllegalTransition)(sign(j.prescriber, `"4"`))
	j.refuse(problem.IllegalTransition)(update(`"4"`, `{"doseMg":50}`))
}

func (j *job) inductionBegins() {
	ctx := j.t.Context()
	change := func(who *person, phase client.Phase, reason, etag string) (*client.ChangePhaseResponse, error) {
		return who.ChangePhaseWithResponse(ctx, j.course.id, &client.ChangePhaseParams{IdempotencyKey: key(), IfMatch: etag}, client.PhaseChange{Phase: phase, Reason: reason})
	}
	j.refuse(problem.RuleViolated, "")(j.patient.ScheduleSessionWithResponse(ctx, j.course.id, &client.ScheduleSessionParams{IdempotencyKey: key()},
		client.SessionInput{PlannedAt: j.now.Add(2 * time.Hour), TimeZone: zone})) // the treatment is only planned
	j.refuse(problem.IllegalTransition)(change(j.prescriber, client.PhaseTaper, "Skip.", `"2"`))
	j.refuse(problem.InvalidRequest, "/reason")(change(j.prescriber, client.PhaseInduction, " ", `"2"`))
	j.refuse(problem.Forbidden)(change(j.clinician, client.PhaseInduction, "Baseline complete.", `"2"`))
	got := good(change(j.prescriber, client.PhaseInduction, "Baseline complete.", `"2"`))(j.t).JSON200
	if got.Phase != client.PhaseInduction || *got.AcknowledgedRevision != 1 {
		j.t.Errorf("treatment: %+v", got)
	}
}

func (j *job) lotIsDispensed() {
	j.advance(time.Minute)
	ctx, fill := j.t.Context(), dispense(j.now)
	record := func(who *person, d client.DispenseInput) (*client.RecordDispenseResponse, error) {
		return who.RecordDispenseWithResponse(ctx, j.course.prescription, nil, d)
	}
	none := fill
	none.Units, none.Lot = 0, ""
	j.refuse(problem.InvalidRequest, "/lot", "/lot", "/units")(record(j.clinician, none))
	j.refuse(problem.Forbidden)(record(j.patient, fill))
	if got := good(record(j.clinician, fill))(j.t).JSON201; *got.FillNumber != 1 || len(*got.Deviations) != 0 || got.AmountMg != milligrams(600) {
		j.t.Errorf("dispensed: %+v", got)
	}
	if supply := good(j.patient.ShowSupplyWithResponse(ctx, j.patient.id, nil))(j.t).JSON200; supply.Totals.AmountMg != milligrams(600) {
		j.t.Errorf("at home: %+v", supply)
	}
}

func (j *job) sessionIsScheduled() {
	ctx := j.t.Context()
	schedule := func(who *person, when time.Time) (*client.ScheduleSessionResponse, error) {
		return who.ScheduleSessionWithResponse(ctx, j.course.id, &client.ScheduleSessionParams{IdempotencyKey: key()}, client.SessionInput{PlannedAt: when, TimeZone: zone})
	}
	j.refuse(problem.NotFound)(schedule(j.other, j.now.Add(2*time.Hour)))
	j.refuse(problem.RuleViolated, "")(schedule(j.patient, j.now.AddDate(1, 0, 0))) // the prescription has expired by then
	planned := good(schedule(j.patient, j.now.Add(2*time.Hour)))(j.t)
	j.session, j.etag = planned.JSON201.ID, planned.HTTPResponse.Header.Get("ETag")
	if planned.JSON201.Status != client.SessionStatusScheduled || *planned.JSON201.PrescriptionID != j.course.prescription {
		j.t.Errorf("session: %s", planned.Body)
	}
	j.refuse(problem.RuleViolated, "/plannedAt")(schedule(j.patient, j.now.Add(26*time.Hour))) // 48 h apart
	j.advance(2 * time.Hour)
}

func (j *job) supportPersonIsInvited() {
	ctx := j.t.Context()
	j.supporter = j.patient.supporter(j.t)
	invite := func(who *person, id uuid.UUID) (*client.InviteSupportPersonResponse, error) {
		return who.InviteSupportPersonWithResponse(ctx, j.session, &client.InviteSupportPersonParams{IdempotencyKey: key()}, client.TicketInput{SupportPersonID: id})
	}
	j.refuse(problem.NotFound)(invite(j.other, j.supporter))
	j.refuse(problem.ReferenceNotFound, "/supportPersonId")(invite(j.patient, uuid.New()))
	ticket := good(invite(j.clinician, j.supporter))(j.t).JSON201.Ticket
	j.support = at(j.t, j.url, "", client.WithTicket(ticket))
	if seen := good(j.support.ShowSessionWithResponse(ctx, j.session, nil))(j.t).JSON200; seen.ID != j.session {
		j.t.Errorf("the support person sees %+v", seen)
	}
	j.refuse(problem.Unauthenticated)(at(j.t, j.url, "", client.WithTicket(ticket[1:]+"A")).ShowSessionWithResponse(ctx, j.session, nil))
	j.refuse(problem.Forbidden)(j.support.ShowPatientWithResponse(ctx, j.patient.id, nil))
}

func vitals(when time.Time, systolic, diastolic int) client.VitalsInput {
	return client.VitalsInput{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp,
		SystolicMmHg: &systolic, DiastolicMmHg: &diastolic,
	}
}

func doseOf(when time.Time, mg dose.Mg) client.DoseInput {
	return client.DoseInput{ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, DoseMg: mg}
}

func completion(when time.Time, ready bool) client.CompletionInput {
	return client.CompletionInput{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp,
		Oriented: &ready, WalksUnaided: &ready, SupportPersonStays: &ready,
	}
}

func observation(when time.Time, dissociation int) client.ObservationInput {
	return client.ObservationInput{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedBySupportPerson, Mode: client.ModeApp, Dissociation: &dissociation,
	}
}

func checkIn(when time.Time) client.CheckInInput {
	return client.CheckInInput{ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, Mood: new(6)}
}

func (j *job) vitalsAreTaken() {
	ctx := j.t.Context()
	record := func(who *person, v client.VitalsInput) (*client.RecordVitalsResponse, error) {
		return who.RecordVitalsWithResponse(ctx, j.session, nil, v)
	}
	empty := vitals(j.now, 0, 0)
	empty.SystolicMmHg, empty.DiastolicMmHg = nil, nil
	j.refuse(problem.InvalidRequest, "/systolicMmHg")(record(j.patient, vitals(j.now, 400, 80)))
	j.refuse(problem.InvalidRequest, "")(record(j.patient, empty))
	j.refuse(problem.NotFound)(record(j.other, vitals(j.now, 120, 80)))
	j.refuse(problem.Forbidden)(record(j.admin, vitals(j.now, 120, 80)))
	calm := vitals(j.now.Add(-5*time.Minute), 120, 80)
	calm.HeartRateBpm = new(72)
	got := good(record(j.patient, calm))(j.t).JSON201
	if got.Status != client.SessionStatusScheduled || *got.PeakSystolicMmHg != 120 || got.SafetyMessage != nil {
		j.t.Errorf("after vital signs: %+v", got)
	}
}

func check(when time.Time, minutesFasted int, supporter uuid.UUID) client.CheckInput {
	return client.CheckInput{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp,
		SolidsFastedMin: &minutesFasted, FluidsFastedMin: &minutesFasted, RedFlags: &[]client.RedFlag{}, SupportPersonPresent: new(true),
		SupportPersonID: &supporter, Pregnancy: new(client.PregnancyStatusNotPregnant), Substances: &[]client.Substance{}, AcuteIllness: new(false), SleptHours: new(7),
	}
}

func (j *job) gateClears() {
	ctx := j.t.Context()
	send := func(who *person, c client.CheckInput) (*client.CheckSessionResponse, error) {
		return who.CheckSessionWithResponse(ctx, j.session, nil, c)
	}
	j.refuse(problem.NotFound)(send(j.other, check(j.now, 300, j.supporter)))
	j.refuse(problem.InvalidRequest, "/fluidsFastedMin", "/solidsFastedMin")(send(j.patient, check(j.now, -1, j.supporter)))
	limits := good(j.patient.ShowGateWithResponse(ctx, j.session, nil))(j.t).JSON200
	if !limits.Checkable || *limits.DoseMg != milligrams(100) || limits.SolidsFastedMin != 240 {
		j.t.Errorf("the limits are %+v", limits)
	}
	held := good(send(j.patient, check(j.now, 60, j.supporter)))(j.t).JSON201
	if held.Status != client.SessionStatusHeld || (*held.Checks)[0].Instructions == nil || (*held.Checks)[0].Reasons != nil {
		j.t.Errorf("without fasting: %+v", held)
	}
	var rules []client.GateRule
	for _, reason := range *(*j.seen().Checks)[0].Reasons {
		rules = append(rules, reason.Rule)
	}
	if diff := cmp.Diff([]client.GateRule{client.GateRuleFasting, client.GateRuleFasting}, rules); diff != "" {
		j.t.Errorf("held for (-want +got):\n%s", diff)
	}
	j.refuse(problem.Forbidden)(j.patient.OverrideHoldWithResponse(ctx, j.session,
		&client.OverrideHoldParams{IdempotencyKey: key(), IfMatch: j.etag}, client.OverrideInput{Reason: "I am hungry."}))
	j.advance(time.Minute)
	if cleared := good(send(j.patient, check(j.now, 240, j.supporter)))(j.t).JSON201; cleared.Status != client.SessionStatusCleared || cleared.ClearedUntil == nil {
		j.t.Errorf("fasting: %+v", cleared)
	}
}

func (j *job) doseIsTaken() {
	ctx, taken := j.t.Context(), doseOf(j.now, milligrams(100))
	record := func(d client.DoseInput) (*client.RecordDoseResponse, error) {
		return j.patient.RecordDoseWithResponse(ctx, j.session, nil, d)
	}
	foreign := taken
	foreign.PrescriptionID = new(uuid.New())
	j.refuse(problem.ReferenceNotFound, "/prescriptionId")(record(foreign))
	j.refuse(problem.InvalidRequest, "/doseMg")(j.patient.RecordDoseWithBodyWithResponse(ctx, j.session, nil, jsonBody,
		raw(`{"id":"`+uuid.NewString()+`","occurredAt":"`+j.now.Format(time.RFC3339)+`","timeZone":"UTC","reportedBy":"patient","mode":"app","doseMg":"100"}`)))
	j.refuse(problem.NotFound)(j.patient.RecordDoseWithResponse(ctx, uuid.New(), nil, taken))
	if got := good(record(taken))(j.t).JSON201; got.Status != client.SessionStatusMonitoring || got.DoseMg != milligrams(100) || !got.StartedAt.Equal(j.now) {
		j.t.Errorf("after the dose: %+v", got)
	}
	if again := good(record(taken))(j.t); again.JSON200 == nil || len(*again.JSON200.Doses) != 1 {
		j.t.Errorf("the dose sent again: %s", again.Body)
	}
	twice := taken
	twice.DoseMg = milligrams(50)
	j.refuse(problem.IDInUse)(record(twice))
}

func (j *job) sessionEnds() {
	ctx := j.t.Context()
	j.advance(40 * time.Minute)
	high := good(j.patient.RecordVitalsWithResponse(ctx, j.session, nil, vitals(j.now, 138, 84)))(j.t)
	if *high.JSON201.PeakSystolicMmHg != 138 {
		j.t.Errorf("peak: %s", high.Body)
	}
	j.refuse(problem.InvalidRequest, "/dissociation")(j.patient.RecordObservationWithResponse(ctx, j.session, nil, observation(j.now, 11)))
	good(j.patient.RecordObservationWithResponse(ctx, j.session, nil, observation(j.now, 7)))(j.t)

	j.refuse(problem.IllegalTransition)(j.patient.CancelSessionWithResponse(ctx, j.session,
		&client.CancelSessionParams{IdempotencyKey: key(), IfMatch: j.current()}, client.Reason{Reason: "Changed my mind."}))
	j.advance(85 * time.Minute)
	j.refuse(problem.InvalidRequest, "/mode", "/timeZone")(j.patient.CompleteSessionWithResponse(ctx, j.session, nil,
		client.CompletionInput{ID: uuid.New(), OccurredAt: j.now, TimeZone: "Nowhere", ReportedBy: client.ReportedByPatient, Mode: "fax"}))
	good(j.support.RecordVitalsWithResponse(ctx, j.session, nil, vitals(j.now, 122, 78)))(j.t)
	got := good(j.patient.CompleteSessionWithResponse(ctx, j.session, nil, completion(j.now, true)))(j.t).JSON201
	if got.Status != client.SessionStatusCompleted || got.Deviations != nil {
		j.t.Errorf("the patient sees %+v", got)
	}
	if got.NoDriveUntil == nil || got.NoDriveUntil.Before(got.StartedAt.Add(24*time.Hour)) {
		j.t.Errorf("no driving until %v", got.NoDriveUntil)
	}
	attestation := client.AttestationInput{
		ID: uuid.New(), OccurredAt: j.now, TimeZone: zone, ReportedBy: client.ReportedBySupportPerson, Mode: client.ModeApp, PresentThroughout: true, LookedIn: true,
	}
	j.refuse(problem.Forbidden)(j.patient.AttestSessionWithResponse(ctx, j.session, nil, attestation))
	good(j.support.AttestSessionWithResponse(ctx, j.session, nil, attestation))(j.t)
	if seen := j.seen(); len(*seen.Deviations) != 0 {
		j.t.Errorf("deviations: %+v", *seen.Deviations)
	}
}

// seen is the session as the clinic sees it.
func (j *job) seen() *client.Session {
	j.t.Helper()
	shown := good(j.clinician.ShowSessionWithResponse(j.t.Context(), j.session, nil))(j.t)
	j.etag = shown.HTTPResponse.Header.Get("ETag")
	return shown.JSON200
}

func (j *job) current() string { j.seen(); return j.etag }

func (j *job) dayAfter() {
	j.advance(24 * time.Hour)
	early := checkIn(j.now.Add(25 * time.Hour))
	j.refuse(problem.OccurredInFuture, "/occurredAt")(j.patient.CheckInSessionWithResponse(j.t.Context(), j.session, nil, early))
	if got := good(j.patient.CheckInSessionWithResponse(j.t.Context(), j.session, nil, checkIn(j.now)))(j.t).JSON201; !got.CheckedIn || got.Status != client.SessionStatusCompleted {
		j.t.Errorf("after the check-in: %+v", got)
	}
}

func (j *job) sessionIsReviewed() {
	ctx := j.t.Context()
	review := func(who *person, etag, note string) (*client.ReviewSessionResponse, error) {
		return who.ReviewSessionWithResponse(ctx, j.session, &client.ReviewSessionParams{IdempotencyKey: key(), IfMatch: etag}, client.SessionReview{Note: note})
	}
	j.refuse(problem.Stale)(review(j.clinician, j.etag, "Uneventful.")) // the check-in came after what was seen
	j.refuse(problem.Forbidden)(review(j.patient, j.current(), "Fine."))
	j.refuse(problem.InvalidRequest, "/note")(review(j.clinician, j.current(), " "))
	got := good(review(j.clinician, j.current(), "Uneventful."))(j.t).JSON200
	if got.Status != client.SessionStatusReviewed || *got.ReviewedBy != j.clinician.id {
		j.t.Errorf("reviewed: %+v", got)
	}
	j.refuse(problem.IllegalTransition)(review(j.clinician, j.current(), "Again."))
}

func (j *job) followUpRaisesAlert() {
	ctx := j.t.Context()
	j.advance(7 * 24 * time.Hour)
	assigned := good(j.clinician.AssignAssessmentWithResponse(ctx, j.patient.id, &client.AssignAssessmentParams{IdempotencyKey: key()},
		client.AssessmentInput{Instrument: string(client.InstrumentIDPhq9), DueAt: j.now.Add(24 * time.Hour)}))(j.t).JSON201.ID
	a := answers(j.now, client.InstrumentIDPhq9, 1, 2)
	submission := client.Submission{ID: uuid.New(), OccurredAt: a.OccurredAt, TimeZone: zone, ReportedBy: a.ReportedBy, Mode: a.Mode, Answers: a.Answers}
	wrong := submission
	wrong.Answers = client.Answers{"phq9-9": 7}
	j.refuse(problem.InvalidRequest, "/answers/phq9-9")(j.patient.SubmitAssessmentWithResponse(ctx, assigned, nil, wrong))
	j.refuse(problem.NotFound)(j.other.SubmitAssessmentWithResponse(ctx, assigned, nil, submission))

	first := good(j.patient.SubmitAssessmentWithResponse(ctx, assigned, nil, submission))(j.t)
	got := first.JSON201
	if *got.Total != 10 || *got.Safety != client.SafetyStatusPositive || got.SafetyMessage == nil || !strings.Contains(*got.SafetyMessage, "988") {
		j.t.Errorf("answers: %s", first.Body)
	}
	again := good(j.patient.SubmitAssessmentWithResponse(ctx, assigned, nil, submission))(j.t)
	if diff := cmp.Diff(string(first.Body), string(again.Body)); diff != "" || again.JSON200 == nil {
		j.t.Errorf("the same answers again, with the safety message:\n%s", diff)
	}
	other := submission
	other.ID = uuid.New()
	j.refuse(problem.IllegalTransition)(j.patient.SubmitAssessmentWithResponse(ctx, assigned, nil, other))
}

func (j *job) alertIsDealtWith() {
	ctx := j.t.Context()
	j.refuse(problem.Forbidden)(j.patient.ListAlertsWithResponse(ctx, nil))
	list := good(j.clinician.ListAlertsWithResponse(ctx, &client.ListAlertsParams{PatientID: &j.patient.id}))(j.t).JSON200.Items
	list = slices.DeleteFunc(list, func(a client.Alert) bool { return a.Rule == client.AlertRuleCHECKINOVERDUE }) // the clock has moved on
	if len(list) != 1 || list[0].Rule != client.AlertRuleSIITEM9 || list[0].Severity != client.SeverityHigh || list[0].Status != client.AlertStatusOpen {
		j.t.Fatalf("alerts: %+v", list)
	}
	id := list[0].ID
	acknowledge := func(who *person, etag string) (*client.AcknowledgeAlertResponse, error) {
		return who.AcknowledgeAlertWithResponse(ctx, id, &client.AcknowledgeAlertParams{IdempotencyKey: key(), IfMatch: etag}, client.AlertNote{Note: new("Calling.")})
	}
	resolve := func(outcome client.AlertOutcome, etag string) (*client.ResolveAlertResponse, error) {
		return j.clinician.ResolveAlertWithResponse(ctx, id, &client.ResolveAlertParams{IdempotencyKey: key(), IfMatch: etag},
			client.AlertResolution{Outcome: outcome, Note: new("Spoke with her; a plan is agreed.")})
	}
	j.refuse(problem.IllegalTransition)(resolve(client.AlertOutcomeHandled, `"1"`))
	j.refuse(problem.Forbidden)(acknowledge(j.admin, `"1"`))
	good(acknowledge(j.clinician, `"1"`))(j.t)
	j.refuse(problem.Stale)(acknowledge(j.prescriber, `"1"`))
	j.refuse(problem.InvalidRequest, "/outcome")(resolve("ignored", `"2"`))
	got := good(resolve(client.AlertOutcomeHandled, `"2"`))(j.t).JSON200
	if got.Status != client.AlertStatusResolved || *got.ResolvedBy != j.clinician.id || *got.Outcome != client.AlertOutcomeHandled {
		j.t.Errorf("resolved: %+v", got)
	}
	j.refuse(problem.IllegalTransition)(resolve(client.AlertOutcomeHandled, `"3"`))
}
