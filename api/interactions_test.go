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

// shelfOfMedicines is a patient whose medicines are recorded.
type shelfOfMedicines struct {
	*apitest.Scene
	t *testing.T
}

// takes records a medicine; "" is one whose class nobody has said.
func (s shelfOfMedicines) takes(class string, members object) apitest.Answer {
	s.t.Helper()
	s.Clinic.Site.Clock.Advance(time.Second)
	body := s.Fact("name", "A medicine")
	for name, value := range members {
		body[name] = value
	}
	if class != "" {
		body["drugClass"] = class
	}
	got := s.Do(s.t, s.Patient, "recordMedication", body)
	expect(s.t, class, got, 201, "")
	about(s.Scene, "medication", got.Text("id"), got.Header.Get("ETag"))
	return got
}

func (s shelfOfMedicines) day(days int) string {
	return s.Clinic.Site.Clock.Now().In(newYork(s.t)).AddDate(0, 0, days).Format(time.DateOnly)
}

// TestInteractions: staff read what is known of a medicine together with ketamine, and that nothing is
// known of one whose class nobody has said. The patient does not.
func TestInteractions(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Interactions")
		scene := shelfOfMedicines{c.For(t, "listMedications"), t}
		report := func() apitest.Answer {
			t.Helper()
			got := scene.Do(t, c.Prescriber, "showInteractions", nil)
			expect(t, "the report", got, 200, "")
			return got
		}
		shows := func(what string, severity, unknown any, ids ...string) {
			t.Helper()
			got, listed := report(), []string(nil)
			for _, item := range got.Items() {
				listed = append(listed, fmt.Sprint(item["id"]))
			}
			if diff := cmp.Diff(ids, listed); diff != "" || got.JSON("severity") != severity || got.JSON("unknown") != unknown {
				t.Errorf("%s (-want +got):\n%s%s", what, diff, got.Body)
			}
		}
		shows("nothing", nil, false)
		other := scene.takes("other", nil).Text("id")
		shows("of no class", nil, false, other)
		unknown := scene.takes("", object{"name": "Something from the internet"}).Text("id")
		shows("of an unknown class", nil, true, other, unknown)
		ticlopidine := scene.takes("cyp2b6Inhibitor", object{"name": "Ticlopidine"})
		shows("one that asks for caution", "caution", true, other, unknown, ticlopidine.Text("id"))
		if ticlopidine.JSON("interactions") != nil {
			t.Errorf("the patient reads %s", ticlopidine.Body)
		}
		scene.takes("maoi", object{"endedOn": scene.day(-14)})
		scene.takes("opioid", object{"endedOn": scene.day(0)})
		lately := scene.takes("maoi", object{"endedOn": scene.day(-13)}).Text("id")
		later := scene.takes("lamotrigine", object{"startedOn": scene.day(3)}).Text("id")
		shows("lately, and later", "hold", true, other, unknown, ticlopidine.Text("id"), lately, later)

		known := map[string]any{}
		for _, item := range report().Items() {
			known[fmt.Sprint(item["id"])] = item["interactions"]
		}
		if known[unknown] != nil || fmt.Sprint(known[other]) != "[]" {
			t.Errorf("unknown %v, of no class %v", known[unknown], known[other])
		}
		want := []any{
			object{"drugClass": "cyp2b6Inhibitor", "substance": "ticlopidine", "severity": "caution", "figure": "AUC × 2.4", "source": "doi:10.1038/clpt.2011.140",
				"effect": "more of an oral dose arrives: a lower one may be enough", "provenance": "published"},
			object{"drugClass": "cyp2b6Inhibitor", "substance": "clopidogrel", "severity": "caution", "effect": "more of an oral dose may arrive", "provenance": "unverified"},
		}
		if diff := cmp.Diff(any(want), known[ticlopidine.Text("id")]); diff != "" {
			t.Errorf("ticlopidine (-want +got):\n%s", diff)
		}
		about(scene.Scene, "medication", ticlopidine.Text("id"), "")
		if got := scene.Do(t, c.Clinician, "showMedication", nil); got.JSON("interactions") == nil {
			t.Errorf("a nurse reads %s", got.Body)
		}
	})
}

// TestInteractionsReviewed: a prescription is signed with a look at every medicine as it is now. The
// refusal names those that were not looked at, and what was looked at is kept with the signature.
func TestInteractionsReviewed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Reviewed")
		scene := shelfOfMedicines{c.For(t, "signPrescription"), t}
		sign := func(dry bool, body any) apitest.Answer {
			t.Helper()
			call := scene.Call(t, "signPrescription")
			call.Token, call.Body = c.Prescriber.Token, body
			if dry {
				call.Query = "validateOnly=true"
			}
			return s.Do(t, call)
		}
		lacks := func(what string, body any, want ...string) {
			t.Helper()
			got, named := sign(true, body), []string(nil)
			list, _ := got.JSON("errors").([]any)
			for _, f := range list {
				fault := f.(object)
				if fault["code"] != "interactions" || fault["pointer"] != "/reviewedMedications" {
					t.Errorf("%s: %v", what, fault)
				}
				named = append(named, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(fault["detail"]), "medication "), ", which was not reviewed for interactions"))
			}
			slices.Sort(named)
			slices.Sort(want)
			if diff := cmp.Diff(want, named); diff != "" || (got.Status == 200) != (want == nil) {
				t.Errorf("%s: %d (-want +named):\n%s%s", what, got.Status, diff, got.Body)
			}
		}
		at := func(id string, version int) string { return fmt.Sprintf("%s is at version %d", id, version) }
		none := object{"reviewedMedications": []any{}}
		expect(t, "nothing said", sign(true, object{}), 400, problem.InvalidRequest)
		lacks("there is nothing", none)
		a := scene.takes("strongCyp3a4Inhibitor", nil).Text("id")
		b := scene.takes("", nil).Text("id")
		lacks("neither was looked at", none, at(a, 1), at(b, 1))
		lacks("one was", object{"reviewedMedications": []any{object{"id": a, "version": 1}}}, at(b, 1))
		both := scene.Reviewed(t)
		lacks("both", both)
		lacks("in another version", object{"reviewedMedications": []any{object{"id": a, "version": 1}, object{"id": b, "version": 2}}}, at(b, 1))
		expect(t, "ended", scene.Do(t, scene.Patient, "endMedication", object{"endedOn": scene.day(0)}), 200, "")
		lacks("one was stopped since", both, at(b, 2))
		lacks("as they are now", scene.Reviewed(t))
		expect(t, "of nobody", sign(true, object{"reviewedMedications": []any{object{"id": uuid.NewString(), "version": 1}}}), 422, problem.ReferenceNotFound)
		foreign := shelfOfMedicines{c.For(t, "listMedications"), t}.takes("other", nil).Text("id")
		expect(t, "of another patient", sign(true, object{"reviewedMedications": []any{object{"id": foreign, "version": 1}}}), 422, problem.ReferenceNotFound)

		signed := sign(false, scene.Reviewed(t))
		expect(t, "signed", signed, 200, "")
		want := []any{object{"id": a, "version": 1.0}}
		if diff := cmp.Diff(any(want), signed.JSON("reviewedMedications")); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		scene = shelfOfMedicines{c.For(t, "withdrawPrescription"), t}
		if got := scene.Do(t, c.Cosigner, "withdrawPrescription", object{"reason": "Think again."}); got.Status != 200 || got.JSON("reviewedMedications") != nil {
			t.Errorf("withdrawn: %s", got.Body)
		}
	})
}

// TestNewMedicineRaises: what is recorded during a treatment, and matters, has to be looked at.
func TestNewMedicineRaises(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "New")
		scene := shelfOfMedicines{c.For(t, "prescribe"), t}
		before := shelfOfMedicines{c.For(t, "startTreatment"), t}
		before.takes("maoi", nil)
		if got := raisedBy(t, before.Scene); got != nil {
			t.Errorf("without a treatment: %v", got)
		}
		for _, test := range []struct {
			class   string
			members object
			want    string
		}{
			{"other", nil, ""}, {"lamotrigine", nil, ""}, {"opioid", object{"endedOn": scene.day(0)}, ""}, {"maoi", object{"endedOn": scene.day(-14)}, ""},
			{"opioid", nil, "medium"}, {"", nil, "medium"}, {"grapefruitJuice", nil, "high"}, {"maoi", object{"endedOn": scene.day(-13)}, "high"},
		} {
			n := len(raisedBy(t, scene.Scene))
			scene.takes(test.class, test.members)
			got := raisedBy(t, scene.Scene)
			if len(got) == n && test.want == "" {
				continue
			}
			if want := "INTERACTION_NEW_MED " + test.want + " medication"; len(got) != n+1 || !slices.Contains(got, want) {
				t.Errorf("%q %v: %v, want one more %s", test.class, test.members, got, want)
			}
		}
	})
}

// TestGateVersion: the limits that a phone judges by have a name, which changes with them alone.
func TestGateVersion(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		e := newEvening(t, s.Clinic(t, "Versions"))
		e.planned()
		gate := func(who *apitest.Person) apitest.Answer { t.Helper(); return e.must(who, "showGate", nil) }
		first := gate(e.Patient)
		e.logged(20 * 24 * time.Hour)
		got := gate(e.Clinic.Prescriber)
		if got.Text("gateVersion") != first.Text("gateVersion") || first.Text("gateVersion") == "" {
			t.Errorf("%s, then %s", first.Text("gateVersion"), got.Text("gateVersion"))
		}
		if first.JSON("takenIn28DaysMg") != 0.0 || got.JSON("takenIn28DaysMg") != 100.0 || got.JSON("maxIn28DaysMg") != 3600.0 || got.JSON("minSleepHours") != 4.0 {
			t.Errorf("%s\n%s", first.Body, got.Body)
		}
		taken := shelfOfMedicines{e.Scene, t}.takes("lamotrigine", nil).Text("id")
		medicines, _ := gate(e.Clinic.Clinician).JSON("medications").([]any)
		if len(medicines) != 1 || medicines[0].(object)["id"] != taken || first.JSON("medications") != nil {
			t.Errorf("medicines %v", medicines)
		}
		e.Version["treatment"] = e.must(e.Clinic.Clinician, "showTreatment", nil).Header.Get("ETag")
		e.must(e.Clinic.Prescriber, "updateTreatment", object{"limits": object{"holdSystolicMmHg": 130}})
		if got := gate(e.Patient); got.Text("gateVersion") == first.Text("gateVersion") {
			t.Errorf("tightened: %s", got.Body)
		}
	})
}

// TestDosesMoveExposure: a booster that is told late, and a dose that is struck out, have the sessions
// after them judged again.
func TestDosesMoveExposure(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Exposure")
		e := newEvening(t, c)
		s.Clock.Advance(4 * time.Hour)
		e.loggedMg(3500, 20*24*time.Hour)
		e.tell()
		if got := deviates(e.shown(), "exposure"); got != "" {
			t.Errorf("at the limit: %s", got)
		}
		session := e.session
		before := s.Must(t, apitest.Call{Operation: "listSessions", Token: c.Clinician.Token, Path: map[string]string{"treatmentId": e.IDs["treatment"]}}).Items()
		i := slices.IndexFunc(before, func(item map[string]any) bool { return item["id"] != session })
		about(e.Scene, "session", fmt.Sprint(before[i]["id"]), "")
		booster := e.told(-20*24*60+30, object{"doseMg": 0.5, "booster": true})
		e.must(e.Patient, "recordDose", booster)
		about(e.Scene, "session", session, "")
		if got := deviates(e.shown(), "exposure"); got != "3600.5 mg / 3600 mg" {
			t.Errorf("with a booster that was told late: %s", got)
		}
		about(e.Scene, "session", fmt.Sprint(before[i]["id"]), "")
		e.IDs["fact"] = fmt.Sprint(booster["id"])
		e.shown()
		e.must(c.Clinician, "voidSessionFact", object{"reason": "It was not taken."})
		about(e.Scene, "session", session, "")
		if got := deviates(e.shown(), "exposure"); got != "" {
			t.Errorf("struck out: %s", got)
		}
	})
}
