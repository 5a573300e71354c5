package apitest

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Person is somebody signed in.
type Person struct {
	*client.ClientWithResponses
	ID      uuid.UUID // of the staff or patient record
	Subject string
	Token   string
}

// Clinic is a clinic with its people.
type Clinic struct {
	Site       *Site
	ID         uuid.UUID
	Admin      *Person
	Prescriber *Person // NPI, and licence and registration in New York
	Cosigner   *Person // the same, another NPI
	Clinician  *Person
	Both       *Person   // admin and prescriber
	Protocol   uuid.UUID // the shipped protocol
	npi        int
}

// npis and registrations are numbers with right check digits.
var (
	npis          = []string{"1234567893", "1993999998", "1558598797", "1245319599"}
	registrations = []string{"AB1234563", "BB1388568", "MA1234563", "F91234563"}
)

// Clinic makes a clinic and signs its people in.
func (s *Site) Clinic(t testing.TB, name string) *Clinic {
	t.Helper()
	id, invitation, err := s.Server.CreateClinic(t.Context(), api.NewClinic{Name: name, AdminGiven: "Ada", AdminName: "Okafor", AdminEmail: "ada@example.org"})
	if err != nil {
		t.Fatalf("create clinic: %v", err)
	}
	c := &Clinic{Site: s, ID: id}
	c.Admin = s.redeem(t, name+"-admin", client.Redemption{Code: invitation})
	// Two admins first: giving the prescriber role needs a second one.
	c.Both = c.Staff(t, "both", client.StaffRoleAdmin)
	_, err = c.Admin.UpdateStaffWithApplicationMergePatchPlusJSONBodyWithResponse(t.Context(), c.Both.ID,
		&client.UpdateStaffParams{IfMatch: `"2"`}, client.StaffUpdate{Roles: &[]client.StaffRole{client.StaffRoleAdmin, client.StaffRolePrescriber},
			Npi: nullableOf(npis[0]), Licences: credentials("NY-1"), DeaRegistrations: credentials(registrations[0])})
	if err != nil {
		t.Fatalf("make the second admin a prescriber: %v", err)
	}
	c.npi = 1
	c.Prescriber = c.Staff(t, "prescriber", client.StaffRolePrescriber)
	c.Cosigner = c.Staff(t, "cosigner", client.StaffRolePrescriber)
	c.Clinician = c.Staff(t, "clinician", client.StaffRoleClinician)
	s.Clock.Advance(3 * time.Second) // rights may be remembered for two
	page, err := c.Prescriber.ListProtocolsWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatalf("list protocols: %v", err)
	}
	c.Protocol = page.JSON200.Items[0].ID
	return c
}

// Guarding adds a protocol to the clinic that is the default with no other guards than those,
// past the API, which lets nobody switch one off.
func (c *Clinic) Guarding(t testing.TB, guards ...string) uuid.UUID {
	t.Helper()
	p := treatment.Default()
	p.Name = "guarding " + strings.Join(guards, " and ")
	p.GuardsOff = slices.DeleteFunc(slices.Clone(treatment.GuardNames), func(name string) bool { return slices.Contains(guards, name) })
	policy, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	dsn := c.Site.Config.DatabaseURL
	if dsn == "" {
		dsn = filepath.Join(c.Site.Config.Data, "titrate.db")
	}
	db := storetest.Open(t, store.Options{DSN: dsn, Now: c.Site.Clock.Now})
	row := &store.Protocol{
		Name: p.Name, Revision: p.Version, Policy: string(policy), ProtocolApproval: treatment.ShippedApproval(c.Site.Clock.Now()),
	}
	scope := store.Scope{Clinic: c.ID, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "test", RequestID: "test"}
	if err := db.Update(t.Context(), scope, func(tx *store.Tx) error { return tx.Create("protocol.shipped", row) }); err != nil {
		t.Fatalf("add a protocol: %v", err)
	}
	return row.ID
}

// Staff adds a colleague and signs them in. Prescribers get credentials for New York.
func (c *Clinic) Staff(t testing.TB, subject string, roles ...client.StaffRole) *Person {
	t.Helper()
	in := client.StaffInput{
		Name: client.PersonName{Given: "Sam", Family: "Rivera " + subject}, Email: openapi_types.Email(subject + "@example.org"), Roles: roles,
	}
	for _, r := range roles {
		if r == client.StaffRolePrescriber {
			in.Npi = &npis[c.npi]
			in.Licences, in.DeaRegistrations = credentials("NY-2"), credentials(registrations[c.npi])
			c.npi++
		}
	}
	added, err := c.Admin.AddStaffWithResponse(t.Context(), &client.AddStaffParams{}, in)
	if err != nil {
		t.Fatalf("add %s: %v", subject, err)
	}
	return c.Site.redeem(t, c.ID.String()+subject, client.Redemption{Code: added.JSON201.Invitation.Code})
}

func credentials(number string) *[]client.Credential {
	return &[]client.Credential{{State: "NY", Number: number, Expires: Date("2030-12-31")}}
}

// Date reads YYYY-MM-DD.
func Date(text string) openapi_types.Date {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return openapi_types.Date{Time: at}
}

// Patient registers a patient in New York and signs them in.
func (c *Clinic) Patient(t testing.TB, family string) *Person {
	t.Helper()
	registered, err := c.Clinician.RegisterPatientWithResponse(t.Context(), &client.RegisterPatientParams{}, client.PatientInput{
		Name: client.PersonName{Given: "Maya", Family: family}, BirthDate: Date("1986-04-17"),
		Gender: client.GenderFemale, State: "NY", TimeZone: "America/New_York",
	})
	if err != nil {
		t.Fatalf("register patient: %v", err)
	}
	id := registered.JSON201.ID
	invited, err := c.Clinician.InvitePatientWithResponse(t.Context(), id, &client.InvitePatientParams{IfMatch: `"1"`})
	if err != nil {
		t.Fatalf("invite patient: %v", err)
	}
	return c.Site.redeem(t, c.ID.String()+"patient"+id.String(), client.Redemption{Code: invited.JSON201.Code, BirthDate: new(Date("1986-04-17"))})
}

func (s *Site) redeem(t testing.TB, subject string, r client.Redemption) *Person {
	t.Helper()
	p := &Person{Subject: subject, Token: s.Issuer.Token(t, subject, s.Clock.Now())}
	p.ClientWithResponses = s.Client(t, p.Token)
	m, err := p.RedeemInvitationWithResponse(t.Context(), r)
	if err != nil {
		t.Fatalf("redeem invitation of %s: %v", subject, err)
	}
	p.ID = m.JSON200.MemberID
	return p
}

func nullableOf[T any](v T) nullable.Nullable[T] { return nullable.NewNullableWithValue(v) }
