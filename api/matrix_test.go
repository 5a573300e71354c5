package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
)

// canary stands in every name of the other clinic: no byte of it may reach anybody else.
const canary = "Zweitklinik-Kanarienvogel"

// TestAccess holds every operation against every principal. What is expected is written by
// hand in testdata/access.csv, not read from the contract.
func TestAccess(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) { matrix(t, apitest.New(t, dsn), dsn) })
	t.Run("postgres without row-level security", func(t *testing.T) {
		if !storetest.HasPostgres(t) {
			return
		}
		app, owner := storetest.Postgres(t)
		storetest.SwitchOffRLS(t, owner)
		matrix(t, apitest.New(t, app), app)
	})
}

// expectations reads access.csv: operation → principal → status.
func expectations(t *testing.T) (principals []string, rows map[string]map[string]int) {
	t.Helper()
	f, err := os.Open("testdata/access.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]map[string]int{}
	for _, line := range lines[1:] {
		rows[line[0]] = map[string]int{}
		for i, text := range line[1:] {
			status, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			rows[line[0]][lines[0][i+1]] = status
		}
	}
	return lines[0][1:], rows
}

// TestAccessIsComplete compares the contract with the expectations in both directions.
func TestAccessIsComplete(t *testing.T) {
	_, rows := expectations(t)
	var known []string
	for _, op := range apitest.Contract(t).Operations() {
		known = append(known, op.ID)
	}
	slices.Sort(known)
	if got := slices.Sorted(maps.Keys(rows)); !slices.Equal(got, known) {
		t.Errorf("access.csv and the contract differ:\nonly in access.csv: %v\nonly in the contract: %v", without(got, known), without(known, got))
	}
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// cast are the people of the matrix, by the names of access.csv; the patient and the support
// person are each scene's.
type cast struct {
	site          *apitest.Site
	clinic, other *apitest.Clinic
	tokens        map[string]string
	ticket        string // for a session of another patient
	db            testbed.Database
}

func assemble(t *testing.T, s *apitest.Site) *cast {
	t.Helper()
	c := &cast{site: s, clinic: s.Clinic(t, "First"), other: s.Clinic(t, canary)}
	gone := c.clinic.Staff(t, "gone", client.StaffRolePrescriber)
	s.Must(t, apitest.Call{
		Operation: "deactivateStaff", Token: c.clinic.Admin.Token, Path: map[string]string{"staffId": gone.ID.String()},
		Body: map[string]any{"reason": "Left."}, Header: map[string]string{"If-Match": `"2"`},
	})
	s.Clock.Advance(5 * time.Second)
	c.tokens = map[string]string{
		"none": "", "badToken": c.clinic.Admin.Token[:len(c.clinic.Admin.Token)-8] + "AAAAAAAA",
		"noMembership": s.Issuer.Token(t, "nobody", s.Clock.Now()), "deactivated": gone.Token,
		"admin": c.clinic.Admin.Token, "prescriber": c.clinic.Prescriber.Token, "clinician": c.clinic.Clinician.Token,
		"adminPrescriber": c.clinic.Both.Token, "otherPatient": c.clinic.Patient(t, "Other").Token,
		"otherClinic": c.other.Both.Token,
	}
	c.ticket = c.clinic.For(t, "attestSession").Ticket(t)
	return c
}

func matrix(t *testing.T, s *apitest.Site, dsn string) {
	principals, rows := expectations(t)
	c := assemble(t, s)
	c.db = apitest.Look(t, dsn, s)
	for _, operation := range slices.Sorted(maps.Keys(rows)) {
		scene := c.clinic.For(t, operation)
		c.denied(t, scene, operation, rows[operation])
		op, _ := apitest.Contract(t).Operation(operation)
		for _, principal := range principals {
			if want := rows[operation][principal]; want < 400 {
				if op.Kind != "read" { // reads change nothing: they share a scene
					scene = c.clinic.For(t, operation)
				}
				c.cell(t, scene, operation, principal, c.ticketFor(t, scene, principal), want)
			}
		}
		if t.Failed() {
			t.Fatalf("stopped at %s", operation)
		}
	}
	c.knownByName(t)
}

// knownByName holds the tables that entries name against those that there are.
func (c *cast) knownByName(t *testing.T) {
	t.Helper()
	named := map[string]bool{}
	for _, text := range c.db.Column(t, `SELECT DISTINCT CAST(events AS TEXT) FROM journal`) {
		var events []event
		if err := json.Unmarshal([]byte(text), &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			named[e.Record] = true
		}
	}
	others := []string{"deliveries", "journal"} // have no history
	if unknown := without(slices.Sorted(maps.Keys(named)), append(others, slices.Collect(maps.Keys(api.Records()))...)); len(unknown) > 0 {
		t.Errorf("entries name %v, which nobody finds", unknown)
	}
}

// denied makes all requests for an operation that must be denied. They leave every table as it was.
func (c *cast) denied(t *testing.T, scene *apitest.Scene, operation string, row map[string]int) {
	t.Helper()
	tickets := map[string]string{}
	for principal := range row {
		tickets[principal] = c.ticketFor(t, scene, principal)
	}
	before := c.db.Contents(t)
	for principal, want := range row {
		if want >= 400 {
			c.cell(t, scene, operation, principal, tickets[principal], want)
		}
	}
	if after := c.db.Contents(t); after != before {
		t.Errorf("%s was denied to somebody and changed something:\n%s\n%s", operation, before, after)
	}
}

// ticketFor is the one of a support person; none for anybody else.
func (c *cast) ticketFor(t *testing.T, scene *apitest.Scene, principal string) string {
	t.Helper()
	switch {
	case principal == "supportPerson" && scene.IDs["session"] != "":
		return scene.Ticket(t)
	case principal == "supportPerson", principal == "otherSupportPerson":
		return c.ticket
	}
	return ""
}

// cell makes one request in a scene in which it can succeed and compares the status. No answer may
// hold a byte of the other clinic.
func (c *cast) cell(t *testing.T, scene *apitest.Scene, operation, principal, ticket string, want int) {
	t.Helper()
	call := scene.Call(t, operation)
	call.Token, call.Ticket = c.tokens[principal], ticket
	if principal == "patient" {
		call.Token = scene.Patient.Token
	}
	if operation == "updateClinic" && principal == "otherClinic" {
		call.Header = map[string]string{"If-Match": `"1"`}
	}
	got := c.site.Do(t, call)
	if got.Status != want {
		t.Errorf("%s as %s: %d, want %d\n%s", operation, principal, got.Status, want, got.Body)
	}
	c.leavesOneEntry(t, operation, principal, got)
	if principal != "otherClinic" && bytes.Contains(got.Body, []byte(canary)) {
		t.Errorf("%s as %s answers with the other clinic's data", operation, principal)
	}
	if principal == "otherClinic" && want == 404 {
		c.likeMissing(t, call, got)
	}
}

// leavesOneEntry checks that the journal has one entry about the request, in the caller's clinic, that says
// how it has ended; and none of somebody who was never in a clinic.
func (c *cast) leavesOneEntry(t *testing.T, operation, principal string, got apitest.Answer) {
	t.Helper()
	op, _ := apitest.Contract(t).Operation(operation)
	want := "done"
	switch {
	case slices.Contains([]string{"none", "badToken", "noMembership"}, principal), slices.Contains(op.Access, "signedIn"):
		want = ""
	case got.Status == 401 || got.Status == 403 || got.Status == 404:
		want = "denied"
	case got.Status >= 400:
		want = "refused"
	case op.Kind == "batch": // what it carries leaves entries
		want = ""
	case op.Kind == "read", op.Kind == "stream":
		want = "read"
	}
	clinic := c.clinic.ID.String()
	if principal == "otherClinic" {
		clinic = c.other.ID.String()
	}
	outcomes := c.db.Column(t, `SELECT outcome FROM journal WHERE request_id = $1 AND operation = $2 AND CAST(clinic_id AS TEXT) = $3`,
		got.Header.Get("X-Request-Id"), operation, clinic)
	if one := strings.Join(outcomes, " "); one != want {
		t.Errorf("%s as %s (%d) left %q in the journal, want %q", operation, principal, got.Status, one, want)
	}
}

// likeMissing compares the answer about somebody else's record with that about none.
func (c *cast) likeMissing(t *testing.T, call apitest.Call, foreign apitest.Answer) {
	t.Helper()
	path := map[string]string{}
	for name, id := range call.Path {
		path[name] = id
		if uuid.Validate(id) == nil {
			path[name] = uuid.NewString()
		}
	}
	call.Path = path
	call.Header = maps.Clone(call.Header)
	if call.Header == nil {
		call.Header = map[string]string{}
	}
	call.Header["X-Request-Id"] = foreign.Header.Get("X-Request-Id")
	missing := c.site.Do(t, call)
	if missing.Status != foreign.Status || !bytes.Equal(missing.Body, foreign.Body) {
		t.Errorf("%s: foreign %d %s\nmissing %d %s", call.Operation, foreign.Status, foreign.Body, missing.Status, missing.Body)
	}
}

// TestSelf: staff do not act on the patient that they are themselves, unless as that patient.
func TestSelf(t *testing.T) {
	apitest.Each(t, func(t *testing.T, s *apitest.Site) {
		c := s.Clinic(t, "Self")
		scene := c.For(t, "showPatient")
		invited := s.Must(t, apitest.Call{
			Operation: "invitePatient", Token: c.Admin.Token, Path: map[string]string{"patientId": scene.IDs["patient"]},
			Header: map[string]string{"If-Match": s.Must(t, apitest.Call{Operation: "showPatient", Token: c.Admin.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}}).Header.Get("ETag")},
		})
		s.Must(t, apitest.Call{
			Operation: "redeemInvitation", Token: c.Clinician.Token,
			Body: map[string]any{"code": invited.Text("code"), "birthDate": "1986-04-17"},
		})
		s.Clock.Advance(5 * time.Second)
		show := apitest.Call{Operation: "showPatient", Token: c.Clinician.Token, Path: map[string]string{"patientId": scene.IDs["patient"]}}
		if got := s.Do(t, show); got.Status != 404 {
			t.Errorf("as staff: %d, want 404", got.Status)
		}
		list := s.Must(t, apitest.Call{Operation: "listPatients", Token: c.Clinician.Token})
		if strings.Contains(string(list.Body), scene.IDs["patient"]) {
			t.Error("the list shows staff their own record")
		}
		show.Header = map[string]string{"Titrate-Role": "patient"}
		if got := s.Do(t, show); got.Status != 200 {
			t.Errorf("as patient: %d %s, want 200", got.Status, got.Body)
		}
	})
}

// TestSeveralClinics: who belongs to two says which.
func TestSeveralClinics(t *testing.T) {
	apitest.Each(t, func(t *testing.T, s *apitest.Site) {
		a, b := s.Clinic(t, "A"), s.Clinic(t, "B")
		invited := s.Must(t, apitest.Call{Operation: "addStaff", Token: b.Admin.Token, Body: map[string]any{
			"name": map[string]any{"given": "Nia", "family": "Two"}, "email": "nia@example.org", "roles": []string{"clinician"},
		}})
		code, _ := invited.JSON("invitation", "code").(string)
		s.Must(t, apitest.Call{Operation: "redeemInvitation", Token: a.Clinician.Token, Body: map[string]any{"code": code}})
		s.Clock.Advance(5 * time.Second)
		for _, tt := range []struct {
			name, clinic string
			want         int
			code         string
		}{
			{"none", "", 400, "clinic_required"},
			{"one of two", b.ID.String(), 200, ""},
			{"foreign", uuid.NewString(), 403, "no_membership"},
		} {
			got := s.Do(t, apitest.Call{Operation: "showClinic", Token: a.Clinician.Token, Header: map[string]string{"Titrate-Clinic": tt.clinic}})
			if got.Status != tt.want || got.Text("code") != tt.code {
				t.Errorf("%s: %d %s, want %d %s", tt.name, got.Status, got.Text("code"), tt.want, tt.code)
			}
		}
		if me := s.Must(t, apitest.Call{Operation: "whoAmI", Token: a.Clinician.Token}); fmt.Sprint(len(me.JSON("memberships").([]any))) != "2" {
			t.Errorf("memberships: %s", me.Body)
		}
	})
}
