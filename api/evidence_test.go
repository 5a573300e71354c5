package api_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// TestApprovalRereadsEvidence: whatever is new about the patient must have been looked at.
func TestApprovalRereadsEvidence(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Evidence")
		must := func(a apitest.Answer) apitest.Answer {
			t.Helper()
			if a.Status > 299 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			return a
		}
		session := func(scene *apitest.Scene) {
			about(scene, "session", must(scene.Do(t, scene.Patient, "scheduleSession", map[string]any{
				"plannedAt": s.Clock.Now().Add(time.Hour).Format(time.RFC3339), "timeZone": "America/New_York",
			})).Text("id"), `"1"`)
		}
		for name, tt := range map[string]struct {
			before func(scene *apitest.Scene)
			after  func(scene *apitest.Scene) []any // what is new
		}{
			"nothing": {nil, func(*apitest.Scene) []any { return nil }},
			"an adverse event": {nil, func(scene *apitest.Scene) []any {
				return []any{seen("adverseEvent", must(scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "nausea"))).Text("id"), 1)}
			}},
			"an adverse event of before, triaged": {func(scene *apitest.Scene) {
				about(scene, "adverseEvent", must(scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "nausea"))).Text("id"), `"1"`)
			}, func(scene *apitest.Scene) []any {
				must(scene.Do(t, c.Clinician, "triageAdverseEvent", map[string]any{}))
				return []any{seen("adverseEvent", scene.IDs["adverseEvent"], 2)}
			}},
			"an adverse event of before": {func(scene *apitest.Scene) {
				must(scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "nausea")))
			}, func(*apitest.Scene) []any { return nil }},
			"a report that had waited for the proposal": {nil, func(scene *apitest.Scene) []any {
				s.Clock.Advance(-time.Minute) // it began before, on a process whose clock is slow
				defer s.Clock.Advance(time.Minute)
				return []any{seen("adverseEvent", must(scene.Do(t, scene.Patient, "reportAdverseEvent", scene.Fact("term", "nausea"))).Text("id"), 1)}
			}},
			"answers and their alert": {nil, func(scene *apitest.Scene) []any {
				id := uuid.NewString()
				call := scene.Call(t, "recordAssessment")
				call.Path["assessmentId"], call.Token, call.Body = id, scene.Patient.Token, (&counter{Clinic: c}).worried()
				s.Must(t, call)
				alerts := s.Must(t, apitest.Call{Operation: "listAlerts", Token: c.Clinician.Token, Query: "patientId=" + scene.IDs["patient"]}).Items()
				return []any{seen("assessment", id, 1), seen("alert", fmt.Sprint(alerts[0]["id"]), 1)}
			}},
			"an assigned assessment": {nil, func(scene *apitest.Scene) []any {
				must(scene.Do(t, c.Clinician, "assignAssessment", map[string]any{"instrument": "phq-9", "dueAt": s.Clock.Now().Add(time.Hour).Format(time.RFC3339)}))
				return nil
			}},
			"a session that has begun": {session, func(scene *apitest.Scene) []any {
				dosed := must(scene.Do(t, scene.Patient, "recordDose", scene.Fact("doseMg", 100)))
				return []any{seen("session", dosed.Text("id"), int(dosed.JSON("version").(float64)))}
			}},
			"a planned session": {nil, func(scene *apitest.Scene) []any { session(scene); return nil }},
			"another weight": {nil, func(scene *apitest.Scene) []any {
				must(scene.Do(t, scene.Patient, "recordMeasurement", scene.Fact("weightKg", 69)))
				return nil
			}},
			"the weight struck out": {nil, func(scene *apitest.Scene) []any {
				scene.Version["measurement"] = `"1"`
				must(scene.Do(t, c.Clinician, "voidMeasurement", map[string]any{"reason": "Wrong scale."}))
				return []any{seen("measurement", scene.IDs["measurement"], 2)}
			}},
		} {
			scene := c.For(t, "proposeAdjustment")
			if tt.before != nil {
				tt.before(scene)
			}
			propose(t, scene, map[string]any{"doseMg": 125})
			fresh := tt.after(scene)
			var want []string
			for _, e := range fresh {
				e := e.(map[string]any)
				noun := map[string]string{"adverseEvent": "adverse-events"}[fmt.Sprint(e["type"])]
				if noun == "" {
					noun = fmt.Sprint(e["type"], "s")
				}
				want = append(want, fmt.Sprint("/v1/", noun, "/", e["id"]))
			}
			for n := range fresh { // each of them has to be named
				left := slices.Delete(slices.Clone(fresh), n, n+1)
				got := approve(t, scene, left...)
				expect(t, name, got, 409, problem.EvidenceChanged)
				if diff := cmp.Diff(want[n:n+1], pointers(got)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if len(fresh) > 0 {
				old := slices.Clone(fresh)
				first := old[0].(map[string]any)
				old[0] = seen(fmt.Sprint(first["type"]), fmt.Sprint(first["id"]), first["version"].(int)+1)
				got := approve(t, scene, old...)
				expect(t, name+" in another version", got, 409, problem.EvidenceChanged)
				if diff := cmp.Diff(want[:1], pointers(got)); diff != "" {
					t.Errorf("%s in another version (-want +got):\n%s", name, diff)
				}
			}
			got := approve(t, scene, fresh...)
			expect(t, name+", considered", got, 200, "")
			if list, _ := got.JSON("considered").([]any); len(list) != len(fresh) {
				t.Errorf("%s: considered %v", name, list)
			}
		}
		scene, other := c.For(t, "proposeAdjustment"), c.For(t, "voidMeasurement")
		propose(t, scene, map[string]any{"doseMg": 125})
		got := approve(t, scene, seen("measurement", other.IDs["measurement"], 1))
		expect(t, "another patient's", got, 422, problem.ReferenceNotFound)
		if at := pointers(got); !slices.Equal(at, []string{"/considered/0/id"}) {
			t.Errorf("another patient's: %v", at)
		}
	})
}

// TestApprovalsAtOnce: of twenty approvals of one version, one is given, in each of a hundred rounds.
func TestApprovalsAtOnce(t *testing.T) {
	const rounds, approvals = 100, 20
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Storm")
		scene := c.For(t, "proposeAdjustment")
		for round := range rounds {
			propose(t, scene, map[string]any{"doseMg": 125 + round%2})
			call := scene.Call(t, "approveAdjustment")
			call.Token, call.Body = c.Prescriber.Token, map[string]any{}
			codes := make([]int, approvals)
			var all sync.WaitGroup
			for n := range approvals {
				m := wire(t, call) // with a key of its own
				all.Go(func() {
					r := httptest.NewRequest(m.method, m.path, strings.NewReader(m.body))
					for name, value := range m.header {
						r.Header.Set(name, value)
					}
					w := httptest.NewRecorder()
					s.Server.Handler().ServeHTTP(w, r)
					codes[n] = w.Code
				})
			}
			all.Wait()
			given := 0
			for _, code := range codes {
				switch code {
				case 200:
					given++
				case 409, 412:
				default:
					t.Errorf("round %d: %d", round, code)
				}
			}
			if given != 1 {
				t.Fatalf("round %d: %d approvals were given: %v", round, given, codes)
			}
			if got := adjustment(t, scene); got.Text("status") != "approved" || got.JSON("version") != 2.0 {
				t.Fatalf("round %d: %s", round, got.Body)
			}
			expect(t, "applied", apply(t, scene), 200, "")
			expect(t, "signed", scene.Do(t, c.Prescriber, "signPrescription", nil), 200, "")
		}
	})
}
