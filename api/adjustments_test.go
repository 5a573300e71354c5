package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// about makes a record the one of its noun that the scene's next operations are about.
func about(scene *apitest.Scene, noun, id, etag string) {
	scene.IDs[noun], scene.Version[noun] = id, etag
}

// proposalOf is a proposal of a change that rests on the scene's weight.
func proposalOf(scene *apitest.Scene, change map[string]any) map[string]any {
	return map[string]any{
		"source": "clinician", "reason": "Little response.", "change": change,
		"evidence": []any{seen("measurement", scene.IDs["measurement"], 1)},
	}
}

// seen is a record in the version that somebody has looked at.
func seen(kind, id string, version int) map[string]any {
	return map[string]any{"type": kind, "id": id, "version": version}
}

// propose has the clinician propose a change.
func propose(t *testing.T, scene *apitest.Scene, change map[string]any) apitest.Answer {
	t.Helper()
	got := scene.Do(t, scene.Clinic.Clinician, "proposeAdjustment", proposalOf(scene, change))
	expect(t, fmt.Sprint("proposed ", change), got, 201, "")
	about(scene, "adjustment", got.Text("id"), got.Header.Get("ETag"))
	return got
}

// approve has the prescriber approve it, who has looked at some records.
func approve(t *testing.T, scene *apitest.Scene, considered ...any) apitest.Answer {
	t.Helper()
	return scene.Do(t, scene.Clinic.Prescriber, "approveAdjustment", map[string]any{"considered": append([]any{}, considered...)})
}

// apply has the prescriber draft what was approved; the draft is the scene's prescription then.
func apply(t *testing.T, scene *apitest.Scene) apitest.Answer {
	t.Helper()
	got := scene.Do(t, scene.Clinic.Prescriber, "applyAdjustment", nil)
	if got.Status == 200 {
		about(scene, "prescription", got.Text("draftId"), `"1"`)
	}
	return got
}

// adjustment shows it as it is now. A decision on another record may have changed it.
func adjustment(t *testing.T, scene *apitest.Scene) apitest.Answer {
	t.Helper()
	got := scene.Do(t, scene.Clinic.Clinician, "showAdjustment", nil)
	scene.Version["adjustment"] = got.Header.Get("ETag")
	return got
}

// TestAdjustmentLife: from the proposal to the prescription that follows from it.
func TestAdjustmentLife(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Life")
		scene := c.For(t, "proposeAdjustment")
		before := scene.IDs["prescription"]
		unseen := func(when string) {
			t.Helper()
			expect(t, when, scene.Do(t, scene.Patient, "showAdjustment", nil), 404, problem.NotFound)
			for _, query := range []string{"", "status=proposed", "status=approved"} {
				page := s.Do(t, apitest.Call{Operation: "listAdjustments", Token: scene.Patient.Token, Path: map[string]string{"treatmentId": scene.IDs["treatment"]}, Query: query})
				if got := page.Items(); len(got) > 0 {
					t.Errorf("%s the patient finds %v", when, got)
				}
			}
		}
		proposed := propose(t, scene, map[string]any{"doseMg": 125, "minIntervalHours": 72, "directions": "Half a tablet more."})
		want := map[string]any{"doseMg": 100.0, "boosterMg": 0.0, "minIntervalHours": 48.0, "sessionsPerWeek": 3.0}
		if diff := cmp.Diff(want, proposed.JSON("from")); diff != "" || proposed.Text("prescriptionId") != before || proposed.Text("status") != "proposed" {
			t.Errorf("proposed: %s\nfrom (-want +got):\n%s", proposed.Body, diff)
		}
		unseen("proposed")
		expect(t, "a second one", scene.Do(t, c.Prescriber, "proposeAdjustment", proposalOf(scene, map[string]any{"doseMg": 150})), 409, problem.AdjustmentOpen)
		expect(t, "applied at once", apply(t, scene), 409, problem.IllegalTransition)

		approved := approve(t, scene)
		expect(t, "approved", approved, 200, "")
		if approved.Text("approvedBy") != c.Prescriber.ID.String() || approved.Text("protocolId") != c.Protocol.String() || approved.Text("rulesVersion") == "" {
			t.Errorf("approved: %s", approved.Body)
		}
		unseen("approved")
		expect(t, "beside an approved one", scene.Do(t, c.Prescriber, "proposeAdjustment", proposalOf(scene, map[string]any{"doseMg": 150})), 409, problem.AdjustmentOpen)
		expect(t, "approved when approved", scene.Do(t, c.Prescriber, "approveAdjustment", map[string]any{}), 409, problem.IllegalTransition)
		expect(t, "rejected when approved", scene.Do(t, c.Prescriber, "rejectAdjustment", map[string]any{"reason": "No."}), 409, problem.IllegalTransition)

		expect(t, "applied", apply(t, scene), 200, "")
		expect(t, "applied twice", apply(t, scene), 409, problem.AlreadyApplied)
		draft := scene.Do(t, c.Clinician, "showPrescription", nil)
		if draft.JSON("doseMg") != 125.0 || draft.JSON("minIntervalHours") != 72.0 || draft.JSON("sessionsPerWeek") != 3.0 || draft.JSON("quantityUnits") != 12.0 ||
			draft.Text("directions") != "Half a tablet more." || draft.Text("status") != "draft" || draft.Text("adjustmentId") != proposed.Text("id") {
			t.Errorf("drafted: %s", draft.Body)
		}
		other := scene.Do(t, c.Prescriber, "updatePrescription", map[string]any{"doseMg": 300, "refills": 2})
		expect(t, "another dose than approved", other, 422, problem.RuleViolated)
		if got := pointers(other); !slices.Equal(got, []string{"/doseMg"}) {
			t.Errorf("another dose: %v", got)
		}
		expect(t, "more refills", scene.Do(t, c.Prescriber, "updatePrescription", map[string]any{"refills": 2}), 200, "")
		expect(t, "discarded", scene.Do(t, c.Prescriber, "discardPrescription", map[string]any{"reason": "Wrong refills."}), 200, "")
		expect(t, "applied again", apply(t, scene), 200, "")
		unseen("drafted")
		expect(t, "signed", scene.Do(t, c.Prescriber, "signPrescription", nil), 200, "")

		done := adjustment(t, scene)
		evidence, _ := done.JSON("evidence").([]any)
		if done.Text("status") != "applied" || done.Text("appliedAt") == "" || done.Text("draftId") != scene.IDs["prescription"] || len(evidence) != 1 {
			t.Errorf("applied: %s", done.Body)
		}
		expect(t, "applied when applied", apply(t, scene), 409, problem.AlreadyApplied)
		own := scene.Do(t, scene.Patient, "showAdjustment", nil)
		expect(t, "the patient's own", own, 200, "")
		if own.JSON("evidence") != nil || own.JSON("considered") != nil {
			t.Errorf("the patient reads what it rests on: %s", own.Body)
		}
		about(scene, "prescription", before, "")
		if old := scene.Do(t, c.Clinician, "showPrescription", nil); old.Text("status") != "superseded" {
			t.Errorf("the old prescription is %s", old.Body)
		}
	})
}

// TestProposalsRefused: what cannot be proposed, and what the refusal says.
func TestProposalsRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Refused")
		scene, other, unsigned := c.For(t, "proposeAdjustment"), c.For(t, "voidMeasurement"), c.For(t, "proposeAdjustment")
		dose := map[string]any{"doseMg": 125}
		with := func(evidence ...any) map[string]any {
			body := proposalOf(scene, dose)
			body["evidence"] = evidence
			return body
		}
		weight := "/v1/measurements/" + scene.IDs["measurement"]
		for name, tt := range map[string]struct {
			body     map[string]any
			status   int
			code     problem.Code
			pointers []string
		}{
			"nothing different":  {proposalOf(scene, map[string]any{"doseMg": 100, "boosterMg": 0}), 422, problem.RuleViolated, []string{"/change"}},
			"only directions":    {proposalOf(scene, map[string]any{"directions": "Chew."}), 422, problem.RuleViolated, []string{"/change"}},
			"no dose":            {proposalOf(scene, map[string]any{"doseMg": 0}), 422, problem.RuleViolated, []string{"/change/doseMg"}},
			"no change":          {proposalOf(scene, map[string]any{}), 400, problem.InvalidRequest, []string{"/change"}},
			"no evidence":        {with(), 400, problem.InvalidRequest, []string{"/evidence"}},
			"by the engine":      {map[string]any{"source": "engine", "reason": "R1", "change": dose, "evidence": with(seen("measurement", scene.IDs["measurement"], 1))["evidence"]}, 400, problem.InvalidRequest, []string{"/source"}},
			"the same twice":     {with(seen("measurement", scene.IDs["measurement"], 1), seen("measurement", scene.IDs["measurement"], 1)), 400, problem.InvalidRequest, []string{"/evidence"}},
			"another version":    {with(seen("measurement", scene.IDs["measurement"], 2)), 409, problem.EvidenceChanged, []string{weight}},
			"of another patient": {with(seen("measurement", other.IDs["measurement"], 1), seen("measurement", scene.IDs["measurement"], 1), seen("alert", uuid.NewString(), 1)), 422, problem.ReferenceNotFound, []string{"/evidence/0/id", "/evidence/2/id"}},
			"of another kind":    {with(seen("assessment", scene.IDs["measurement"], 1)), 422, problem.ReferenceNotFound, []string{"/evidence/0/id"}},
		} {
			got := scene.Do(t, c.Clinician, "proposeAdjustment", tt.body)
			expect(t, name, got, tt.status, tt.code)
			if diff := cmp.Diff(tt.pointers, pointers(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		expect(t, "stopped", unsigned.Do(t, c.Prescriber, "stopPrescription", map[string]any{"reason": "No effect."}), 200, "")
		expect(t, "without a prescription", unsigned.Do(t, c.Clinician, "proposeAdjustment", proposalOf(unsigned, dose)), 422, problem.RuleViolated)
		expect(t, "discontinued", unsigned.Do(t, c.Prescriber, "discontinueTreatment", map[string]any{"reason": "inefficacy"}), 200, "")
		expect(t, "after the treatment", unsigned.Do(t, c.Clinician, "proposeAdjustment", proposalOf(unsigned, dose)), 409, problem.IllegalTransition)
		propose(t, scene, dose) // none of the refusals has left something behind
	})
}

// TestAdjustmentExpiry: a proposal can be approved for fourteen days. Then the next one can be
// made, and keeps it as expired.
func TestAdjustmentExpiry(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Expiry"), db: db}
		scene := c.For(t, "proposeAdjustment")
		first := propose(t, scene, map[string]any{"doseMg": 125})
		s.Clock.Advance(14*24*time.Hour - time.Second)
		expect(t, "a second before", scene.Do(t, c.Clinician, "proposeAdjustment", proposalOf(scene, map[string]any{"doseMg": 150})), 409, problem.AdjustmentOpen)
		s.Clock.Advance(time.Second)
		c.derived(t, adjustment(t, scene), `"1"`, "expired")
		list := apitest.Call{Operation: "listAdjustments", Token: c.Prescriber.Token, Path: map[string]string{"treatmentId": scene.IDs["treatment"]}}
		c.listed(t, list, "expired", "proposed")
		for operation, body := range map[string]map[string]any{"approveAdjustment": {}, "withdrawAdjustment": {}, "rejectAdjustment": {"reason": "Late."}} {
			expect(t, operation+" when expired", scene.Do(t, c.Prescriber, operation, body), 409, problem.IllegalTransition)
		}
		second := propose(t, scene, map[string]any{"doseMg": 150})
		c.listed(t, list, "expired", "approved")
		c.listed(t, list, "proposed", "approved")
		about(scene, "adjustment", first.Text("id"), "")
		kept := adjustment(t, scene)
		if kept.Text("status") != "expired" || kept.JSON("version") != 2.0 || kept.Header.Get("ETag") != `"2"` || kept.Text("endedAt") == "" {
			t.Errorf("kept: %s", kept.Body)
		}
		about(scene, "adjustment", second.Text("id"), `"1"`)
		expect(t, "the second one", approve(t, scene), 200, "")
	})
}

// TestAdjustmentWithdrawal: by who proposed it, by a prescriber, and by the end of the treatment.
func TestAdjustmentWithdrawal(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Withdrawal")
		scene, change := c.For(t, "proposeAdjustment"), map[string]any{"doseMg": 125}
		colleague := c.Staff(t, "nurse", "clinician")
		s.Clock.Advance(3 * time.Second) // rights may be remembered for two
		propose(t, scene, change)
		expect(t, "by a colleague", scene.Do(t, colleague, "withdrawAdjustment", map[string]any{}), 403, problem.Forbidden)
		expect(t, "by the proposer", scene.Do(t, c.Clinician, "withdrawAdjustment", map[string]any{}), 200, "")
		propose(t, scene, change)
		got := scene.Do(t, c.Prescriber, "withdrawAdjustment", map[string]any{"reason": "Rather wait."})
		expect(t, "by a prescriber", got, 200, "")
		if got.Text("status") != "withdrawn" || got.Text("statusReason") != "Rather wait." || got.Text("endedBy") != c.Prescriber.ID.String() {
			t.Errorf("withdrawn: %s", got.Body)
		}
		propose(t, scene, change)
		expect(t, "approved", approve(t, scene), 200, "")
		expect(t, "approved, by a clinician", scene.Do(t, c.Clinician, "withdrawAdjustment", map[string]any{}), 403, problem.Forbidden)
		expect(t, "applied", apply(t, scene), 200, "")
		withdraw := func() apitest.Answer { return scene.Do(t, c.Prescriber, "withdrawAdjustment", map[string]any{}) }
		expect(t, "while its draft lives", withdraw(), 409, problem.AlreadyApplied)
		expect(t, "draft discarded", scene.Do(t, c.Prescriber, "discardPrescription", map[string]any{"reason": "Cannot be signed."}), 200, "")
		expect(t, "without a draft", withdraw(), 200, "")
		propose(t, scene, change)
		rejected := scene.Do(t, c.Prescriber, "rejectAdjustment", map[string]any{"reason": "Too soon."})
		if expect(t, "rejected", rejected, 200, ""); rejected.Text("statusReason") != "Too soon." {
			t.Errorf("rejected: %s", rejected.Body)
		}
		for _, approved := range []bool{false, true} {
			scene := c.For(t, "proposeAdjustment")
			propose(t, scene, change)
			if approved {
				expect(t, "approved", approve(t, scene), 200, "")
				expect(t, "applied", apply(t, scene), 200, "")
			}
			expect(t, "discontinued", scene.Do(t, c.Prescriber, "discontinueTreatment", map[string]any{"reason": "inefficacy"}), 200, "")
			if got := adjustment(t, scene); got.Text("status") != "withdrawn" || got.JSON("endedBy") != nil || !strings.Contains(got.Text("statusReason"), "inefficacy") {
				t.Errorf("after the treatment, approved %t: %s", approved, got.Body)
			}
			expect(t, "applied after the treatment", apply(t, scene), 409, problem.IllegalTransition)
		}
	})
}

// TestAdjustmentRestsOnItsPrescription: once another prescription is in force, the change is not
// the one that somebody has thought about.
func TestAdjustmentRestsOnItsPrescription(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Base")
		scene := c.For(t, "proposeAdjustment")
		replace := func() {
			t.Helper()
			body := scene.Call(t, "prescribe").Body
			made := scene.Do(t, c.Clinician, "prescribe", body)
			about(scene, "prescription", made.Text("id"), made.Header.Get("ETag"))
			expect(t, "signed", scene.Do(t, c.Prescriber, "signPrescription", nil), 200, "")
		}
		gone := func(what string, got apitest.Answer, base string) {
			t.Helper()
			expect(t, what, got, 409, problem.EvidenceChanged)
			if at := pointers(got); !slices.Equal(at, []string{"/v1/prescriptions/" + base}) {
				t.Errorf("%s: %v", what, at)
			}
		}
		base := scene.IDs["prescription"]
		propose(t, scene, map[string]any{"doseMg": 125})
		replace()
		gone("approved", approve(t, scene), base)
		expect(t, "withdrawn", scene.Do(t, c.Clinician, "withdrawAdjustment", map[string]any{}), 200, "")

		base = scene.IDs["prescription"]
		propose(t, scene, map[string]any{"doseMg": 125})
		expect(t, "approved", approve(t, scene), 200, "")
		replace()
		gone("applied", apply(t, scene), base)
	})
}

// TestAdjustmentAwaitsCosignature: it is applied when its prescription becomes active, not before.
func TestAdjustmentAwaitsCosignature(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Two")
		scene := c.For(t, "proposeAdjustment")
		propose(t, scene, map[string]any{"doseMg": 440}) // above 6 mg/kg of 68.4 kg
		approve(t, scene)
		expect(t, "applied", apply(t, scene), 200, "")
		waits := func(what string) {
			t.Helper()
			if got := adjustment(t, scene); got.Text("status") != "approved" {
				t.Errorf("%s: %s", what, got.Body)
			}
			expect(t, what+", applied again", scene.Do(t, c.Prescriber, "applyAdjustment", nil), 409, problem.AlreadyApplied)
		}
		sign := func(who *apitest.Person, operation string, body any, status string) {
			t.Helper()
			if got := scene.Do(t, who, operation, body); got.Text("status") != status {
				t.Errorf("%s: %s", operation, got.Body)
			}
		}
		sign(c.Cosigner, "signPrescription", nil, "awaitingCosignature")
		waits("awaiting")
		sign(c.Cosigner, "withdrawPrescription", map[string]any{"reason": "Think again."}, "draft")
		waits("withdrawn")
		sign(c.Cosigner, "signPrescription", nil, "awaitingCosignature")
		sign(c.Prescriber, "cosignPrescription", nil, "active")
		if got := adjustment(t, scene); got.Text("status") != "applied" {
			t.Errorf("cosigned: %s", got.Body)
		}
	})
}

// TestIncreasesDoNotAddUp: two increases that are each within the hard maximum of 478.8 mg do not
// pass it together: of dose and booster, whichever is changed last is judged with the other.
func TestIncreasesDoNotAddUp(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Sum")
		for _, changes := range [][2]map[string]any{
			{{"doseMg": 300}, {"boosterMg": 200}}, {{"boosterMg": 200}, {"doseMg": 300}},
		} {
			scene := c.For(t, "proposeAdjustment")
			draft := func(change map[string]any) {
				t.Helper()
				propose(t, scene, change)
				expect(t, "approved", approve(t, scene), 200, "")
				expect(t, "applied", apply(t, scene), 200, "")
			}
			draft(changes[0])
			first := scene.IDs["prescription"]
			expect(t, "both at a time", scene.Do(t, c.Clinician, "proposeAdjustment", proposalOf(scene, changes[1])), 409, problem.AdjustmentOpen)
			expect(t, "the first", scene.Do(t, c.Prescriber, "signPrescription", nil), 200, "")
			draft(changes[1])
			expect(t, "the second", scene.Do(t, c.Prescriber, "signPrescription", nil), 422, problem.HardMaximumExceeded)
			if got := adjustment(t, scene); got.Text("status") != "approved" {
				t.Errorf("what was not signed is %s", got.Body)
			}
			about(scene, "prescription", first, "")
			if got := scene.Do(t, c.Clinician, "showPrescription", nil); got.Text("status") != "active" {
				t.Errorf("the first is %s", got.Body)
			}
		}
	})
}
