package api_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestSupportPeople: patients and staff keep the list, and who was removed stays as he was.
func TestSupportPeople(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Support")
		scene := c.For(t, "showSupportPerson")
		whole := scene.Call(t, "addSupportPerson").Body.(map[string]any)
		for name, change := range map[string]func(map[string]any){
			"no name":         func(b map[string]any) { delete(b, "name") },
			"a blank name":    func(b map[string]any) { b["name"] = " " },
			"age not known":   func(b map[string]any) { delete(b, "adult") },
			"a local number":  func(b map[string]any) { b["phone"] = "555-0143" },
			"no mail address": func(b map[string]any) { b["email"] = "jonas" },
			"null":            func(b map[string]any) { b["phone"] = nil },
		} {
			bad := maps.Clone(whole)
			change(bad)
			expect(t, name, scene.Do(t, scene.Patient, "addSupportPerson", bad), 400, problem.InvalidRequest)
		}

		names := []string{"name", "relationship", "phone", "email", "adult", "status", "removeReason"}
		want := maps.Clone(whole)
		want["status"] = "active"
		made := scene.Do(t, scene.Patient, "addSupportPerson", whole)
		if diff := cmp.Diff(want, members(made, names...)); diff != "" {
			t.Errorf("added (-want +got):\n%s", diff)
		}
		scene.IDs["supportPerson"] = made.Text("id")
		for _, body := range []map[string]any{{"email": nil, "relationship": nil}, {"phone": "+15185550144", "adult": false, "name": "Jon"}} {
			got := scene.Do(t, c.Clinician, "updateSupportPerson", body)
			for name, value := range body {
				if want[name] = value; value == nil {
					delete(want, name)
				}
			}
			if diff := cmp.Diff(want, members(got, names...)); diff != "" {
				t.Errorf("after %v (-want +got):\n%s", body, diff)
			}
		}
		expect(t, "name null", scene.Do(t, c.Clinician, "updateSupportPerson", map[string]any{"name": nil}), 400, problem.InvalidRequest)

		why := map[string]any{"reason": "Moved."}
		removed := scene.Do(t, scene.Patient, "removeSupportPerson", why)
		want["status"], want["removeReason"] = "removed", "Moved."
		if diff := cmp.Diff(want, members(removed, names...)); diff != "" || removed.Text("removedAt") == "" {
			t.Errorf("removed at %q (-want +got):\n%s", removed.Text("removedAt"), diff)
		}
		expect(t, "removed twice", scene.Do(t, c.Clinician, "removeSupportPerson", why), 409, problem.IllegalTransition)
		expect(t, "changed afterwards", scene.Do(t, c.Clinician, "updateSupportPerson", map[string]any{"name": "J"}), 409, problem.IllegalTransition)
		counts(t, scene, "listSupportPeople", map[string]int{"": 2, "status=active": 1, "status=removed": 1})
	})
}
