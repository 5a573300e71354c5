package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// place is one in a care team.
type place struct {
	who  *apitest.Person
	role string
}

// caredFor is a patient with a care team, whose treatment can be started.
func caredFor(t *testing.T, c *apitest.Clinic, team ...place) *apitest.Scene {
	t.Helper()
	scene := c.For(t, "startTreatment")
	members := []map[string]any{}
	for _, p := range team {
		members = append(members, map[string]any{"staffId": p.who.ID, "role": p.role})
	}
	expect(t, "care team", scene.Do(t, c.Clinician, "setCareTeam", map[string]any{"members": members}), 200, "")
	return scene
}

// team is a patient's care team as "staff role".
func team(t *testing.T, scene *apitest.Scene) (list []string) {
	t.Helper()
	items, _ := scene.Do(t, scene.Clinic.Clinician, "showPatient", nil).JSON("careTeam").([]any)
	for _, item := range items {
		m, _ := item.(map[string]any)
		list = append(list, fmt.Sprint(m["staffId"], " ", m["role"]))
	}
	return list
}

// deactivate ends somebody's work; to may be nil.
func deactivate(t *testing.T, c *apitest.Clinic, who *apitest.Person, to any) apitest.Answer {
	t.Helper()
	body := map[string]any{"reason": "Left."}
	if to != nil {
		body["reassignTo"] = to
	}
	return send(t, c.Site, wire(t, apitest.Call{
		Operation: "deactivateStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": who.ID.String()},
		Body: body, Header: map[string]string{"If-Match": `"2"`},
	}))
}

// TestHandOver: who leaves leaves nothing with nobody.
func TestHandOver(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Hand over"), db: db}
		leaver := c.Staff(t, "leaver", client.StaffRolePrescriber, client.StaffRoleClinician)
		heir := c.Prescriber
		treated := caredFor(t, c.Clinic, place{leaver, "prescriber"}, place{c.Clinician, "clinician"})
		treated.IDs["prescriber"] = leaver.ID.String()
		course := treated.Do(t, leaver, "startTreatment", treated.Call(t, "startTreatment").Body)
		expect(t, "treatment", course, 201, "")
		met := caredFor(t, c.Clinic, place{leaver, "clinician"})
		meet(t, met, "providerId", leaver.ID)
		s.Clock.Advance(time.Hour)
		expect(t, "met", met.Do(t, leaver, "completeVisit", map[string]any{"note": "Met."}), 200, "")
		over := met.IDs["visit"]
		meet(t, met, "providerId", leaver.ID)
		both := caredFor(t, c.Clinic, place{heir, "prescriber"}, place{leaver, "clinician"})

		c.stays(t, func() {
			listed := deactivate(t, c.Clinic, leaver, nil)
			expect(t, "to nobody", listed, 409, problem.HasOpenWork)
			want := []string{"openTreatment /v1/treatments/" + course.Text("id"), "openVisit /v1/visits/" + met.IDs["visit"]}
			if diff := cmp.Diff(want, faults(listed)); diff != "" {
				t.Errorf("open work (-want +got):\n%s", diff)
			}
			for name, id := range map[string]uuid.UUID{
				"nobody known": uuid.New(), "the leaver": leaver.ID, "an admin": c.Admin.ID, "a clinician": c.Clinician.ID, "a patient": treated.Patient.ID,
			} {
				oneFault(t, "to "+name, deactivate(t, c.Clinic, leaver, id), 422, problem.ReferenceNotFound, "reference_not_found /reassignTo")
			}
		})

		expect(t, "to a prescriber", deactivate(t, c.Clinic, leaver, heir.ID), 200, "")
		show := func(operation, param, id, member string) string {
			return s.Must(t, apitest.Call{Operation: operation, Token: heir.Token, Path: map[string]string{param: id}}).Text(member)
		}
		for what, got := range map[string]string{
			"treatment": show("showTreatment", "treatmentId", course.Text("id"), "responsiblePrescriberId"),
			"visit":     show("showVisit", "visitId", met.IDs["visit"], "providerId"),
		} {
			if got != heir.ID.String() {
				t.Errorf("the %s is with %s, want the heir %s", what, got, heir.ID)
			}
		}
		if got := show("showVisit", "visitId", over, "providerId"); got != leaver.ID.String() {
			t.Errorf("the visit that is over is with %s, want the leaver %s", got, leaver.ID)
		}
		for what, tt := range map[string]struct {
			scene *apitest.Scene
			want  []string
		}{
			"the heir's role":     {treated, []string{heir.ID.String() + " prescriber", c.Clinician.ID.String() + " clinician"}},
			"a role of others":    {met, nil},
			"the heir's own team": {both, []string{heir.ID.String() + " prescriber"}},
		} {
			if diff := cmp.Diff(tt.want, team(t, tt.scene)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
	})
}

// TestHandOverOfVisits: visits alone may go to a clinician, and places in care teams keep nobody.
func TestHandOverOfVisits(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Visits")
		first, second := c.Staff(t, "first", client.StaffRoleClinician), c.Staff(t, "second", client.StaffRoleClinician)
		scene := caredFor(t, c, place{first, "clinician"}, place{c.Prescriber, "prescriber"})
		meet(t, scene, "providerId", first.ID)
		expect(t, "to a clinician", deactivate(t, c, first, second.ID), 200, "")
		visit := scene.Do(t, c.Clinician, "showVisit", nil)
		if visit.Text("providerId") != second.ID.String() || visit.JSON("version") != 2.0 {
			t.Errorf("visit: %s", visit.Body)
		}
		if diff := cmp.Diff([]string{second.ID.String() + " clinician", c.Prescriber.ID.String() + " prescriber"}, team(t, scene)); diff != "" {
			t.Errorf("care team (-want +got):\n%s", diff)
		}
		expect(t, "cancelled", s.Must(t, apitest.Call{
			Operation: "cancelVisit", Token: c.Clinician.Token, Path: scene.Call(t, "cancelVisit").Path,
			Body: map[string]any{"reason": "Ill."}, Header: map[string]string{"If-Match": `"2"`},
		}), 200, "")
		expect(t, "with a place in a team only", deactivate(t, c, second, nil), 200, "")
		if diff := cmp.Diff([]string{c.Prescriber.ID.String() + " prescriber"}, team(t, scene)); diff != "" {
			t.Errorf("care team without an heir (-want +got):\n%s", diff)
		}
	})
}

// TestHandOverAtOnce: who leaves at the same time with the same patients waits, and nobody fails.
func TestHandOverAtOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "At once")
		var leavers []*apitest.Person
		var places []place
		for i := range 4 {
			p := c.Staff(t, fmt.Sprint("leaver-", i), client.StaffRoleClinician)
			leavers, places = append(leavers, p), append(places, place{p, "clinician"})
		}
		var scenes []*apitest.Scene
		for range 6 {
			scenes = append(scenes, caredFor(t, c, places...))
		}
		var all sync.WaitGroup
		for _, p := range leavers {
			all.Go(func() { expect(t, "leaves", deactivate(t, c, p, nil), 200, "") })
		}
		all.Wait()
		for _, scene := range scenes {
			if got := team(t, scene); len(got) > 0 {
				t.Errorf("care team: %v", got)
			}
		}
	})
}

// TestLeavingCare cancels what is booked, says why, and leaves the rest as it was.
func TestLeavingCare(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Leaving")
		scene := c.For(t, "bookVisit")
		meet(t, scene, "kind", "initial")
		s.Clock.Advance(time.Hour)
		expect(t, "met", scene.Do(t, c.Clinician, "completeVisit", map[string]any{"note": "Met."}), 200, "")
		meet(t, scene, "kind", "followUp")
		meet(t, scene, "kind", "refill")
		other := c.For(t, "showVisit")
		expect(t, "leaves", scene.Do(t, c.Clinician, "changePatientStatus", map[string]any{
			"status": "transferred", "since": "2026-11-20T00:00:00Z", "source": "Letter",
		}), 200, "")
		var got []string
		items, _ := scene.Do(t, scene.Patient, "listVisits", nil).JSON("items").([]any)
		for _, item := range items {
			v, _ := item.(map[string]any)
			got = append(got, strings.TrimSpace(fmt.Sprint(v["kind"], " ", v["status"], " ", v["statusReason"])))
		}
		want := []string{"followUp cancelled patient is transferred", "initial completed <nil>", "refill cancelled patient is transferred"}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("visits: %q, want %q", got, want)
		}
		if visit := other.Do(t, c.Clinician, "showVisit", nil); visit.Text("status") != "booked" {
			t.Errorf("another patient's: %s", visit.Body)
		}
	})
}

// TestRolesWithOpenWork: a role that somebody's open treatments or booked visits need stays.
func TestRolesWithOpenWork(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Roles")
		who := c.Staff(t, "responsible", client.StaffRolePrescriber, client.StaffRoleClinician)
		scene := c.For(t, "startTreatment")
		scene.IDs["prescriber"], scene.IDs["staff"] = who.ID.String(), who.ID.String()
		course := scene.Do(t, who, "startTreatment", scene.Call(t, "startTreatment").Body)
		about(scene, "treatment", course.Text("id"), course.Header.Get("ETag"))
		meet(t, scene, "providerId", who.ID)
		treatment, visit := "openTreatment /v1/treatments/"+scene.IDs["treatment"], "openVisit /v1/visits/"+scene.IDs["visit"]
		becomes := func(want []string, roles ...string) {
			t.Helper()
			scene.Version["staff"] = s.Must(t, apitest.Call{Operation: "showStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": who.ID.String()}}).Header.Get("ETag")
			got := scene.Do(t, c.Admin, "updateStaff", map[string]any{"roles": roles})
			if want == nil {
				expect(t, fmt.Sprint(roles), got, 200, "")
				return
			}
			expect(t, fmt.Sprint(roles), got, 409, problem.HasOpenWork)
			if diff := cmp.Diff(want, faults(got)); diff != "" {
				t.Errorf("%v: open work (-want +got):\n%s", roles, diff)
			}
		}
		becomes([]string{treatment}, "clinician")
		becomes([]string{treatment, visit}, "admin")
		becomes(nil, "prescriber", "admin")
		expect(t, "to another", scene.Do(t, c.Prescriber, "updateTreatment", map[string]any{"responsiblePrescriberId": c.Prescriber.ID}), 200, "")
		becomes([]string{visit}, "admin")
		becomes(nil, "clinician")

		team := func(role string) apitest.Answer {
			return scene.Do(t, c.Clinician, "setCareTeam", map[string]any{"members": []any{map[string]any{"staffId": who.ID, "role": role}}})
		}
		scene.Version["patient"] = scene.Do(t, c.Clinician, "showPatient", nil).Header.Get("ETag")
		oneFault(t, "a nurse as prescriber", team("prescriber"), 422, problem.RuleViolated, "prescriberRole /members/0/role")
		expect(t, "a nurse", team("clinician"), 200, "")
	})
}

// TestHandOverOfAlerts: an alert that somebody shall deal with is open work, until it is resolved.
func TestHandOverOfAlerts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Alerts")
		first, second := c.Staff(t, "first", client.StaffRoleClinician), c.Staff(t, "second", client.StaffRoleClinician)
		scene := c.For(t, "assignAlert")
		assign := func(to any) apitest.Answer {
			return scene.Do(t, c.Prescriber, "assignAlert", map[string]any{"staffId": to})
		}
		for name, id := range map[string]uuid.UUID{"nobody known": uuid.New(), "an admin": c.Admin.ID, "a patient": scene.Patient.ID} {
			oneFault(t, "to "+name, assign(id), 422, problem.ReferenceNotFound, "reference_not_found /staffId")
		}
		if got := assign(first.ID); got.Text("assignedTo") != first.ID.String() || got.Text("status") != "open" {
			t.Errorf("assigned: %s", got.Body)
		}
		mine := s.Must(t, apitest.Call{Operation: "listAlerts", Token: first.Token, Query: "assignedTo=" + first.ID.String()}).Items()
		if len(mine) != 1 || mine[0]["id"] != scene.IDs["alert"] {
			t.Errorf("the assignee's list: %v", mine)
		}
		listed := deactivate(t, c, first, nil)
		expect(t, "to nobody", listed, 409, problem.HasOpenWork)
		if diff := cmp.Diff([]string{"openAlert /v1/alerts/" + scene.IDs["alert"]}, faults(listed)); diff != "" {
			t.Errorf("open work (-want +got):\n%s", diff)
		}
		expect(t, "to a clinician", deactivate(t, c, first, second.ID), 200, "")
		shown := scene.Do(t, c.Clinician, "showAlert", nil)
		if shown.Text("assignedTo") != second.ID.String() {
			t.Errorf("after the hand-over: %s", shown.Body)
		}
		scene.Version["alert"] = shown.Header.Get("ETag")
		expect(t, "acknowledged", scene.Do(t, second, "acknowledgeAlert", map[string]any{}), 200, "")
		expect(t, "resolved", scene.Do(t, second, "resolveAlert", map[string]any{"outcome": "handled"}), 200, "")
		expect(t, "without work", deactivate(t, c, second, nil), 200, "")
	})
}
