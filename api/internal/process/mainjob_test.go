package process_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// job is the main job on its way: what its steps have made for the steps after them.
type job struct {
	*clinic
	t       *testing.T
	server  *process
	now     time.Time // the server's
	patient *person
	other   *person // another patient of the clinic
	course  *course
	session uuid.UUID
	etag    string // of the session

	consultation uuid.UUID
	support      *person // with a ticket for the session
	supporter    uuid.UUID
}

// A patient is registered, found eligible, treated, observed in a session at home and asked
// afterwards, and the dose is adjusted. Each step comes with requests that must be refused, and
// change nothing, before those that succeed.
func TestMainJob(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t, "TEST_CLOCK=1")
		j := &job{t: t, server: server, clinic: &clinic{s: s, url: server.URL}}
		j.advance(0)
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"nobody", j.nobodyIsLetIn},
			{"the admin signs in", j.adminSignsIn},
			{"staff are added", j.staffAreAdded},
			{"a patient is registered", j.patientIsRegistered},
			{"weight is measured", j.weightIsMeasured},
			{"the intake is taken", j.intakeIsTaken},
			{"the baseline is taken", j.baselineIsTaken},
			{"eligibility is decided", j.eligibilityIsDecided},
			{"consents are signed", j.consentsAreSigned},
			{"a treatment is started", j.treatmentIsStarted},
			{"a prescription is signed", j.prescriptionIsSigned},
			{"induction begins", j.inductionBegins},
			{"a lot is dispensed", j.lotIsDispensed},
			{"a session is scheduled", j.sessionIsScheduled},
			{"the support person is invited", j.supportPersonIsInvited},
			{"vital signs before the dose", j.vitalsAreTaken},
			{"the safety gate", j.gateClears},
			{"the dose", j.doseIsTaken},
			{"the session ends", j.sessionEnds},
			{"the day after", j.dayAfter},
			{"the session is reviewed", j.sessionIsReviewed},
			{"the follow-up raises an alert", j.followUpRaisesAlert},
			{"the alert is dealt with", j.alertIsDealtWith},
			{"the dose is adjusted", j.doseIsAdjusted},
		} {
			if !t.Run(step.name, func(t *testing.T) { j.t = t; step.do() }) {
				return // the steps after it rest on it
			}
		}
	})
}

// refuse takes a request that must be refused with a code and with faults at these places, and
// that must change nothing.
func (j *job) refuse(code problem.Code, pointers ...string) func(answer any, err error) {
	j.t.Helper()
	return refuse(j.t, j.s, code, pointers...)
}

func refuse(t testing.TB, s *site, code problem.Code, pointers ...string) func(answer any, err error) {
	t.Helper()
	s.rest(t)
	before := s.db.Contents(t)
	return func(_ any, err error) {
		t.Helper()
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok {
			t.Fatalf("%v, want %s", err, code)
		}
		var got []string
		for _, f := range p.Errors {
			got = append(got, f.Pointer)
			if f.Code == "" || f.Detail == "" {
				t.Errorf("a fault without code or detail: %+v", f)
			}
		}
		if p.Code != code || cmp.Diff(pointers, got) != "" {
			t.Errorf("%s at %q (%s), want %s at %q", p.Code, got, p.Detail, code, pointers)
		}
		if known, _ := problem.Lookup(p.Code); p.Status != known.Status || p.RequestID == "" || !strings.HasSuffix(p.Type, "/problems/"+string(p.Code)) {
			t.Errorf("incomplete problem: %+v", *p)
		}
		if diff := cmp.Diff(before, s.db.Contents(t)); diff != "" {
			t.Errorf("%s, but the database has changed:\n%s", code, diff)
		}
	}
}

// raw is a body as no SDK would send it.
func raw(text string) *strings.Reader { return strings.NewReader(text) }

const jsonBody = "application/json"

// advance lets the server's clock go on.
func (j *job) advance(d time.Duration) {
	j.t.Helper()
	j.now = j.server.advance(j.t, d)
}

// advance lets the clock of a server with TEST_CLOCK go on, and returns the time it shows.
func (p *process) advance(t testing.TB, d time.Duration) time.Time {
	t.Helper()
	res, err := network(t).Post(p.URL+"/test/clock", jsonBody, raw(`{"advance":"`+d.String()+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct{ Now time.Time }
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.Now.IsZero() {
		t.Fatalf("test clock: %s, %v", res.Status, err)
	}
	return body.Now.Truncate(time.Microsecond) // as times are kept
}

func (j *job) nobodyIsLetIn() {
	ctx := j.t.Context()
	for _, token := range []string{"", "nonsense", j.s.issuer.Token(j.t, "late", j.now.AddDate(-2, 0, 0))} {
		j.refuse(problem.Unauthenticated)(at(j.t, j.url, token).ListPatientsWithResponse(ctx, nil))
	}
	stranger := j.s.signIn(j.t, j.url, "stranger")
	if me := good(stranger.WhoAmIWithResponse(ctx))(j.t).JSON200; len(me.Memberships) != 0 {
		j.t.Errorf("a stranger is %+v", me.Memberships)
	}
	j.refuse(problem.NoMembership)(stranger.ListPatientsWithResponse(ctx, nil))
}

func (j *job) adminSignsIn() {
	ctx, code := j.t.Context(), j.s.createClinic(j.t, "Riverside")
	admin, thief := j.s.signIn(j.t, j.url, "ada"), j.s.signIn(j.t, j.url, "thief")

	j.refuse(problem.InvitationInvalid)(admin.RedeemInvitationWithResponse(ctx, client.Redemption{Code: "ABCDEFGHIJKLMNOPQRSTUVWXY"}))
	j.refuse(problem.InvalidRequest, "/code")(admin.RedeemInvitationWithBodyWithResponse(ctx, jsonBody, raw(`{}`)))
	j.refuse(problem.MalformedJSON, "")(admin.RedeemInvitationWithBodyWithResponse(ctx, jsonBody, raw(`{"code":`)))
	j.refuse(problem.UnsupportedMediaType, "Content-Type")(admin.RedeemInvitationWithBodyWithResponse(ctx, "text/plain", raw(code)))

	first := good(admin.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code}))(j.t)
	again := good(admin.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code}))(j.t)
	if diff := cmp.Diff(first.JSON200, again.JSON200); diff != "" {
		j.t.Errorf("redeemed again:\n%s", diff)
	}
	j.refuse(problem.InvitationUsed)(thief.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code}))
	admin.id, j.admin = first.JSON200.MemberID, admin
	me := good(admin.WhoAmIWithResponse(ctx))(j.t).JSON200.Memberships
	if len(me) != 1 || me[0].ClinicName != "Riverside" || cmp.Diff(me[0].Roles, []client.StaffRole{client.StaffRoleAdmin}) != "" {
		j.t.Errorf("the admin is %+v", me)
	}
}

func (j *job) staffAreAdded() {
	ctx, once := j.t.Context(), &client.AddStaffParams{IdempotencyKey: key()}
	input := prescriberInput("1234567893", "AB1234563")
	j.refuse(problem.RuleViolated, "/roles")(j.admin.AddStaffWithResponse(ctx, once, input)) // a lone admin
	j.staff(j.t, client.StaffInput{Roles: []client.StaffRole{client.StaffRoleAdmin}})

	add := func(npi, dea string) (any, error) {
		return j.admin.AddStaffWithResponse(ctx, once, prescriberInput(npi, dea))
	}
	j.refuse(problem.InvalidRequest, "/npi")(add("1234567890", "AB1234563"))
	j.refuse(problem.InvalidRequest, "/npi", "/deaRegistrations/0/number")(add("1234567890", "AB1234560"))
	j.refuse(problem.InvalidRequest, "/deaRegistrations/0/number", "/npi")(add("3234567893", "AB 123"))
	j.refuse(problem.IdempotencyKeyRequired, "Idempotency-Key")(j.admin.AddStaffWithResponse(ctx, &client.AddStaffParams{}, input))
	j.refuse(problem.InvalidRequest, "/email", "/name/family", "/roles/0", "/salary")(j.admin.AddStaffWithBodyWithResponse(ctx, once, jsonBody,
		raw(`{"name":{"given":"P"},"email":"nobody","roles":["owner"],"salary":1}`)))

	added := good(j.admin.AddStaffWithResponse(ctx, once, input))(j.t)
	again := good(j.admin.AddStaffWithResponse(ctx, once, input))(j.t)
	if string(again.Body) != string(added.Body) || again.HTTPResponse.Header.Get("Idempotent-Replayed") != "true" {
		j.t.Errorf("the same request again: %s\n%s", again.Body, added.Body)
	}
	j.refuse(problem.IdempotencyKeyReused)(add("1993999998", "BB1388568"))
	j.refuse(problem.Conflict)(j.admin.AddStaffWithResponse(ctx, &client.AddStaffParams{IdempotencyKey: key()}, input)) // the NPI is taken

	j.prescriber = j.redeem(j.t, client.Redemption{Code: added.JSON201.Invitation.Code})
	j.clinician = j.staff(j.t, client.StaffInput{Roles: []client.StaffRole{client.StaffRoleClinician}})
	j.refuse(problem.Forbidden)(j.clinician.AddStaffWithResponse(ctx, once, input))
}

func (j *job) patientIsRegistered() {
	ctx, once := j.t.Context(), &client.RegisterPatientParams{IdempotencyKey: key()}
	unborn := someone
	unborn.BirthDate = date("2100-01-01")
	j.refuse(problem.InvalidRequest, "/birthDate")(j.clinician.RegisterPatientWithResponse(ctx, once, unborn))
	nowhere := someone
	nowhere.State, nowhere.TimeZone = "ny", "Mars/Olympus"
	j.refuse(problem.InvalidRequest, "/state", "/timeZone")(j.clinician.RegisterPatientWithResponse(ctx, once, nowhere))
	j.refuse(problem.MalformedJSON, "")(j.clinician.RegisterPatientWithBodyWithResponse(ctx, once, jsonBody, raw(`{"state":"NY","state":"NJ"}`)))

	id := good(j.clinician.RegisterPatientWithResponse(ctx, once, someone))(j.t).JSON201.ID
	invite := func(etag string) (*client.InvitePatientResponse, error) {
		return j.clinician.InvitePatientWithResponse(ctx, id, &client.InvitePatientParams{IdempotencyKey: key(), IfMatch: etag})
	}
	j.refuse(problem.IfMatchRequired, "If-Match")(invite(""))
	j.refuse(problem.Stale)(invite(`"7"`))
	code := good(invite(`"1"`))(j.t).JSON201.Code

	j.patient = j.s.signIn(j.t, j.url, "maya")
	j.refuse(problem.InvitationInvalid, "/birthDate")(j.patient.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code}))
	j.refuse(problem.InvitationInvalid, "/birthDate")(j.patient.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code, BirthDate: new(date("1986-04-18"))}))
	j.patient.id = good(j.patient.RedeemInvitationWithResponse(ctx, client.Redemption{Code: code, BirthDate: &someone.BirthDate}))(j.t).JSON200.MemberID
	if j.patient.id != id {
		j.t.Fatalf("redeemed as %s, want %s", j.patient.id, id)
	}
	j.other = j.clinic.patient(j.t)
	j.refuse(problem.NotFound)(j.other.ShowPatientWithResponse(ctx, id, nil))
	j.refuse(problem.NotFound)(j.clinician.ShowPatientWithResponse(ctx, uuid.New(), nil))
	j.refuse(problem.Forbidden)(j.patient.RegisterPatientWithResponse(ctx, once, someone))
}

func (j *job) weightIsMeasured() {
	ctx, sent := j.t.Context(), weight(j.now, 68_400)
	record := func(who *person, change func(*client.MeasurementInput)) (*client.RecordMeasurementResponse, error) {
		m := sent
		change(&m)
		return who.RecordMeasurementWithResponse(ctx, j.patient.id, nil, m)
	}
	j.refuse(problem.InvalidRequest, "/weightKg")(record(j.patient, func(m *client.MeasurementInput) { *m = weight(j.now, 684_000) }))
	j.refuse(problem.InvalidRequest, "")(record(j.patient, func(m *client.MeasurementInput) { m.WeightKg = nil }))
	j.refuse(problem.OccurredInFuture, "/occurredAt")(record(j.patient, func(m *client.MeasurementInput) { m.OccurredAt = j.now.Add(25 * time.Hour) }))
	j.refuse(problem.NotFound)(record(j.other, func(*client.MeasurementInput) {}))
	j.refuse(problem.InvalidRequest, "/weightKg")(j.patient.RecordMeasurementWithBodyWithResponse(ctx, j.patient.id, nil, jsonBody,
		raw(`{"id":"`+uuid.NewString()+`","occurredAt":"2026-01-01T10:00:00Z","timeZone":"UTC","reportedBy":"patient","mode":"app","weightKg":68.4001}`)))

	if first := good(record(j.patient, func(*client.MeasurementInput) {}))(j.t); first.JSON201 == nil || first.JSON201.WeightKg.String() != "68.4" {
		j.t.Errorf("weight: %s", first.Body)
	}
	if again := good(record(j.patient, func(*client.MeasurementInput) {}))(j.t); again.JSON200 == nil {
		j.t.Errorf("weight sent again: %s", again.Body)
	}
	j.refuse(problem.IDInUse)(record(j.patient, func(m *client.MeasurementInput) { m.HeightCm = new(170) }))
}

func (j *job) treatmentIsStarted() {
	ctx, once := j.t.Context(), &client.StartTreatmentParams{IdempotencyKey: key()}
	start := func(who *person, protocol, responsible uuid.UUID) (*client.StartTreatmentResponse, error) {
		return who.StartTreatmentWithResponse(ctx, j.patient.id, once, client.TreatmentInput{
			Indication: client.IndicationDepression, ProtocolID: protocol, ResponsiblePrescriberID: responsible,
		})
	}
	j.protocol = shippedProtocol(j.t, j.prescriber)
	j.refuse(problem.Forbidden)(start(j.clinician, j.protocol, j.prescriber.id))
	j.refuse(problem.ReferenceNotFound, "/protocolId")(start(j.prescriber, uuid.New(), j.prescriber.id))
	j.refuse(problem.RuleViolated, "/responsiblePrescriberId")(start(j.prescriber, j.protocol, j.clinician.id))
	unmet := []string{"", "", "", "", "", ""} // a consultation and five consents
	j.refuse(problem.RuleViolated, unmet...)(j.prescriber.StartTreatmentWithResponse(ctx, j.other.id, once, client.TreatmentInput{
		Indication: client.IndicationDepression, ProtocolID: j.protocol, ResponsiblePrescriberID: j.prescriber.id,
	}))
	j.course = &course{clinic: j.clinic, patient: j.patient, id: good(start(j.prescriber, j.protocol, j.prescriber.id))(j.t).JSON201.ID}
	once.IdempotencyKey = key()
	j.refuse(problem.TreatmentOpen, "")(start(j.prescriber, j.protocol, j.prescriber.id))

	acknowledge := func(who *person, revision int) (any, error) {
		return who.AcknowledgeInstructionsWithResponse(ctx, j.course.id, nil, acknowledgement(j.now, revision))
	}
	j.refuse(problem.RuleViolated, "/revision")(acknowledge(j.patient, 2))
	j.refuse(problem.Forbidden)(acknowledge(j.clinician, 1))
	good(acknowledge(j.patient, 1))(j.t)
}

func (j *job) baselineIsTaken() {
	ctx := j.t.Context()
	record := func(a client.AssessmentRecord) (*client.RecordAssessmentResponse, error) {
		return j.patient.RecordAssessmentWithResponse(ctx, j.patient.id, uuid.New(), nil, a)
	}
	wrong := answers(j.now, client.InstrumentIDPhq9, 2, 0)
	wrong.Answers["phq9-1"], wrong.Answers["gad7-1"] = 4, 1
	j.refuse(problem.InvalidRequest, "/answers/phq9-1", "/answers/gad7-1")(record(wrong))
	lost := answers(j.now, client.InstrumentIDPhq9, 2, 0)
	lost.SessionID = new(uuid.New())
	j.refuse(problem.ReferenceNotFound, "/sessionId")(record(lost))

	for _, want := range []struct {
		instrument client.InstrumentID
		total      int
		band       string
	}{{client.InstrumentIDPhq9, 16, "moderatelySevere"}, {client.InstrumentIDGad7, 14, "moderate"}} {
		got := good(record(answers(j.now, want.instrument, 2, 0)))(j.t).JSON201
		if *got.Total != want.total || *got.Band != want.band || got.SafetyMessage != nil {
			j.t.Errorf("%s: %d %s, want %d %s", want.instrument, *got.Total, *got.Band, want.total, want.band)
		}
	}
}
