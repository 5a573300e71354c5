package process_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/dose"
)

// person is somebody signed in at a server.
type person struct {
	*client.ClientWithResponses
	id    uuid.UUID // of the staff or patient record
	token string
}

// network sends everybody's requests. It asks no proxy, and leaves no connection behind.
func network(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// signIn returns the SDK for whom the provider calls subject.
func (s *site) signIn(t testing.TB, url, subject string) *person {
	t.Helper()
	return at(t, url, s.issuer.Token(t, subject, time.Now()))
}

// at returns the SDK for the bearer of a token. Where a test gives no If-Match it sends none.
func at(t testing.TB, url, token string, options ...client.ClientOption) *person {
	t.Helper()
	c, err := client.New(url, client.Token(token), append(options, client.WithHTTPClient(network(t)), client.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			if r.Header.Get("If-Match") == "" {
				r.Header.Del("If-Match")
			}
			return nil
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	return &person{ClientWithResponses: c, token: token}
}

// at is the same person at another server.
func (p *person) at(t testing.TB, url string) *person {
	t.Helper()
	there := at(t, url, p.token)
	there.id = p.id
	return there
}

var (
	madeClinic     = regexp.MustCompile(`(?m)^clinic +(\S+)$`)
	madeInvitation = regexp.MustCompile(`(?m)^invitation +(\S+)$`)
)

// createClinic runs `titrate clinic create` and returns the first admin's invitation.
func (s *site) createClinic(t testing.TB, name string) (invitation string) {
	t.Helper()
	env := s.env
	if s.postgres() {
		env = append(env[:len(env):len(env)], "MIGRATE_DATABASE_URL="+s.owner)
	}
	args := append([]string{"clinic", "create", "--name", name, "--admin-email", "ada@example.org"}, s.data...)
	stdout, stderr, err := runProgram(t, env, args...)
	found := madeInvitation.FindStringSubmatch(stdout)
	if err != nil || found == nil || madeClinic.FindStringSubmatch(stdout) == nil {
		t.Fatalf("clinic create: %v\n%s%s", err, stdout, stderr)
	}
	return found[1]
}

// clinic is a clinic with its people at one server.
type clinic struct {
	s          *site
	url        string
	admin      *person
	prescriber *person
	clinician  *person
	protocol   uuid.UUID // the shipped one
}

// open makes a clinic and signs its people in.
func (s *site) open(t testing.TB, url string) *clinic {
	t.Helper()
	c := &clinic{s: s, url: url}
	c.admin = c.redeem(t, client.Redemption{Code: s.createClinic(t, "Riverside")})
	c.staff(t, client.StaffInput{Roles: []client.StaffRole{client.StaffRoleAdmin}}) // a lone admin makes no prescriber
	c.prescriber = c.staff(t, prescriberInput("1234567893", "AB1234563"))
	c.clinician = c.staff(t, client.StaffInput{Roles: []client.StaffRole{client.StaffRoleClinician}})
	c.protocol = shippedProtocol(t, c.prescriber)
	return c
}

func prescriberInput(npi, dea string) client.StaffInput {
	credential := func(number string) *[]client.Credential {
		return &[]client.Credential{{State: "NY", Number: number, Expires: openapi_types.Date{Time: time.Now().AddDate(5, 0, 0)}}}
	}
	return client.StaffInput{
		Name: client.PersonName{Given: "Priya", Family: "Natarajan"}, Email: "priya@example.org",
		Roles: []client.StaffRole{client.StaffRolePrescriber}, Npi: &npi, Licences: credential("NY-1"), DeaRegistrations: credential(dea),
	}
}

func shippedProtocol(t testing.TB, who *person) uuid.UUID {
	t.Helper()
	return good(who.ListProtocolsWithResponse(t.Context(), nil))(t).JSON200.Items[0].ID
}

// staff adds a colleague and signs them in.
func (c *clinic) staff(t testing.TB, in client.StaffInput) *person {
	t.Helper()
	if in.Email == "" {
		in.Name, in.Email = client.PersonName{Given: "Sam", Family: "Rivera"}, "sam@example.org"
	}
	added := good(c.admin.AddStaffWithResponse(t.Context(), &client.AddStaffParams{IdempotencyKey: key()}, in))(t)
	return c.redeem(t, client.Redemption{Code: added.JSON201.Invitation.Code})
}

func (c *clinic) redeem(t testing.TB, r client.Redemption) *person {
	t.Helper()
	p := c.s.signIn(t, c.url, uuid.NewString())
	p.id = good(p.RedeemInvitationWithResponse(t.Context(), r))(t).JSON200.MemberID
	return p
}

var someone = client.PatientInput{
	Name: client.PersonName{Given: "Maya", Family: "Lindqvist"}, BirthDate: date("1986-04-17"),
	Gender: client.GenderFemale, State: "NY", TimeZone: zone,
}

const zone = "America/New_York"

// patient registers a patient and signs them in.
func (c *clinic) patient(t testing.TB) *person { return c.patientOf(t, someone) }

func (c *clinic) patientOf(t testing.TB, in client.PatientInput) *person {
	t.Helper()
	id := good(c.clinician.RegisterPatientWithResponse(t.Context(), &client.RegisterPatientParams{IdempotencyKey: key()}, in))(t).JSON201.ID
	invited := good(c.clinician.InvitePatientWithResponse(t.Context(), id, &client.InvitePatientParams{IdempotencyKey: key(), IfMatch: `"1"`}))(t)
	return c.redeem(t, client.Redemption{Code: invited.JSON201.Code, BirthDate: &in.BirthDate})
}

// course is a patient's treatment in induction, with a prescription of 100 mg and a lot at home.
type course struct {
	clinic       *clinic
	patient      *person
	id           uuid.UUID // of the treatment
	prescription uuid.UUID
}

// course starts a treatment and takes it to where sessions may be planned; now is the server's
// time.
func (c *clinic) course(t testing.TB, now time.Time) *course { return c.courseOf(t, now, someone) }

func (c *clinic) courseOf(t testing.TB, now time.Time, in client.PatientInput) *course {
	t.Helper()
	ctx, co := t.Context(), &course{clinic: c, patient: c.patientOf(t, in)}
	c.eligible(t, co.patient, now)
	c.consents(t, co.patient, now)
	c.examine(t, co.patient, now)
	c.askProgram(t, co.patient, now)
	co.id = good(c.prescriber.StartTreatmentWithResponse(ctx, co.patient.id, &client.StartTreatmentParams{IdempotencyKey: key()}, client.TreatmentInput{
		Indication: client.IndicationDepression, ProtocolID: c.protocol, ResponsiblePrescriberID: c.prescriber.id,
	}))(t).JSON201.ID
	good(co.patient.AcknowledgeInstructionsWithResponse(ctx, co.id, nil, acknowledgement(now, 1)))(t)
	co.prescription = good(c.clinician.PrescribeWithResponse(ctx, co.id, &client.PrescribeParams{IdempotencyKey: key()}, order))(t).JSON201.ID
	signed := good(c.prescriber.SignPrescriptionWithResponse(ctx, co.prescription, &client.SignPrescriptionParams{IdempotencyKey: key(), IfMatch: `"1"`}, nothingTaken))(t)
	good(c.prescriber.ChangePhaseWithResponse(ctx, co.id, &client.ChangePhaseParams{IdempotencyKey: key(), IfMatch: `"2"`},
		client.PhaseChange{Phase: client.PhaseInduction, Reason: "Baseline complete."}))(t)
	good(c.clinician.RecordDispenseWithResponse(ctx, co.prescription, nil, dispense(*signed.JSON200.SignedAt)))(t)
	return co
}

// nothingTaken is what is signed with: there are no medicines to look at.
var nothingTaken = client.SignatureInput{ReviewedMedications: []client.MedicationVersion{}}

// session plans a session.
func (co *course) session(t testing.TB, when time.Time) uuid.UUID {
	t.Helper()
	return good(co.patient.ScheduleSessionWithResponse(t.Context(), co.id, &client.ScheduleSessionParams{IdempotencyKey: key()},
		client.SessionInput{PlannedAt: when, TimeZone: zone}))(t).JSON201.ID
}

var order = client.PrescriptionInput{
	Form: client.DosageFormRapidlyDissolvingTablet, Route: client.RouteSublingual, StrengthMg: milligrams(50), DoseMg: milligrams(100),
	MinIntervalHours: 48, SessionsPerWeek: 3, QuantityUnits: 12, Refills: 1, Directions: "Hold under the tongue for ten minutes.",
}

func milligrams(n int64) dose.Mg { return dose.Mg(n * 1000) }

func weight(when time.Time, grams int64) client.MeasurementInput {
	return client.MeasurementInput{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, WeightKg: new(dose.Kg(grams)),
	}
}

func acknowledgement(when time.Time, revision int) client.Acknowledgement {
	return client.Acknowledgement{
		ID: uuid.New(), OccurredAt: when, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, Revision: revision,
	}
}

// answers gives every item of an instrument the same answer, but PHQ-9's last.
func answers(when time.Time, instrument client.InstrumentID, each, item9 int) client.AssessmentRecord {
	a := client.AssessmentRecord{
		Instrument: string(instrument), Answers: client.Answers{}, OccurredAt: when, TimeZone: zone,
		ReportedBy: client.ReportedByPatient, Mode: client.ModeApp,
	}
	prefix, items := "phq9-", 9
	switch instrument {
	case client.InstrumentIDGad7:
		prefix, items = "gad7-", 7
	case client.InstrumentIDCSsrsScreener:
		a.Answers = client.Answers{"cssrs-1": 0, "cssrs-2": 0, "cssrs-6": 0}
		return a
	}
	for i := range items {
		a.Answers[prefix+string(rune('1'+i))] = each
	}
	if items == 9 {
		a.Answers["phq9-9"] = item9
	}
	return a
}

func key() string { return uuid.NewString() }

func date(text string) openapi_types.Date {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return openapi_types.Date{Time: day}
}

// good returns what a request that must succeed answered.
func good[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
