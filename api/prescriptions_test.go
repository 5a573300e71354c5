package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// TestPatientsReadWhatWasSigned: a prescription is the patient's to read once everybody who must
// has signed it, and stays so. What was only drafted or signed by one of two never is.
func TestPatientsReadWhatWasSigned(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Reads")
		scene := c.For(t, "cosignPrescription") // 440 mg, signed by one of two
		treatment := map[string]string{"treatmentId": scene.IDs["treatment"]}
		reads := func(what string, want bool) {
			t.Helper()
			status := 404
			if want {
				status = 200
			}
			if got := scene.Do(t, scene.Patient, "showPrescription", nil); got.Status != status {
				t.Errorf("%s: the patient reads %d %s", what, got.Status, got.Body)
			}
			expect(t, what+", the clinic", scene.Do(t, c.Clinician, "showPrescription", nil), 200, "")
		}
		does := func(who *apitest.Person, operation string, body any) {
			t.Helper()
			if got := scene.Do(t, who, operation, body); got.Status > 299 {
				t.Fatalf("%s: %d %s", operation, got.Status, got.Body)
			}
		}
		draft := func(mg int) {
			t.Helper()
			body := scene.Call(t, "prescribe").Body.(object)
			body["doseMg"], body["boosterMg"] = mg, 0
			s.Clock.Advance(time.Second)
			made := scene.Do(t, c.Clinician, "prescribe", body)
			about(scene, "prescription", made.Text("id"), made.Header.Get("ETag"))
		}
		why := object{"reason": "A slip."}
		reads("signed by one of two", false)
		does(c.Cosigner, "withdrawPrescription", why)
		reads("withdrawn", false)
		does(c.Cosigner, "signPrescription", nil)
		does(c.Prescriber, "voidPrescription", why)
		reads("void before the second signature", false)
		draft(100)
		reads("drafted", false)
		does(c.Clinician, "discardPrescription", why)
		reads("discarded", false)
		does(c.Prescriber, "voidPrescription", why)
		reads("discarded, then void", false)
		draft(440)
		does(c.Cosigner, "signPrescription", nil)
		does(c.Prescriber, "cosignPrescription", nil)
		reads("signed by two", true)
		first := scene.IDs["prescription"]
		draft(100)
		does(c.Prescriber, "signPrescription", nil)
		reads("signed by the one who must", true)
		second := scene.IDs["prescription"]
		about(scene, "prescription", first, "")
		reads("superseded", true)
		about(scene, "prescription", second, `"2"`)
		does(c.Prescriber, "stopPrescription", why)
		reads("stopped", true)
		does(c.Prescriber, "voidPrescription", why)
		reads("void afterwards", true)
		draft(100)

		var ids []string
		for query := "limit=1"; query != ""; {
			page := s.Must(t, apitest.Call{Operation: "listPrescriptions", Token: scene.Patient.Token, Path: treatment, Query: query})
			for _, item := range page.Items() {
				ids = append(ids, fmt.Sprint(item["id"]))
			}
			query = ""
			if next := page.Text("nextCursor"); next != "" {
				query = "limit=1&cursor=" + next
			}
		}
		if diff := cmp.Diff([]string{second, first}, ids); diff != "" {
			t.Errorf("listed to the patient (-want +got):\n%s", diff)
		}
		for status, want := range map[string]int{"draft": 0, "discarded": 0, "awaitingCosignature": 0, "superseded": 1, "enteredInError": 1} {
			page := s.Must(t, apitest.Call{Operation: "listPrescriptions", Token: scene.Patient.Token, Path: treatment, Query: "status=" + status})
			if got := len(page.Items()); got != want {
				t.Errorf("%s: the patient sees %d, want %d", status, got, want)
			}
		}
	})
}
