package api_test

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// timeline are the types of the items of a patient's timeline.
func timeline(t *testing.T, s *apitest.Site, scene *apitest.Scene, token, query string) (types []string, items []map[string]any) {
	t.Helper()
	call := scene.Call(t, "showTimeline")
	call.Token, call.Query = token, query
	items = s.Must(t, call).Items()
	for _, item := range items {
		types = append(types, fmt.Sprint(item["type"]))
	}
	return types, items
}

// TestTimeline: everything is where it happened, the newest first, and names a record that can be shown.
func TestTimeline(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Timeline")
		scene := c.For(t, "reviewSession")
		nurse := func(operation string) {
			call := scene.Call(t, operation)
			call.Token = c.Clinician.Token
			s.Must(t, call)
		}
		s.Pass(t, time.Hour)
		nurse("recordVitals")
		types, items := timeline(t, s, scene, c.Prescriber.Token, "limit=200")
		for _, want := range []string{
			"vitalsTaken", "doseTaken", "sessionCompleted", "dispensed", "prescriptionSigned", "measured", "pdmpChecked", "consentSigned",
			"consultationDecided", "consultationSubmitted", "assessmentAnswered", "treatmentStarted", "treatmentPhaseChanged",
		} {
			if !slices.Contains(types, want) {
				t.Errorf("no %s in %v", want, types)
			}
		}
		if !slices.IsSortedFunc(items, func(a, b map[string]any) int {
			return -instant(t, a).Compare(instant(t, b))
		}) {
			t.Errorf("not in the order of time: %v", items)
		}
		own, _ := timeline(t, s, scene, scene.Patient.Token, "limit=200")
		for _, hidden := range []string{"alertRaised", "alertResolved", "pdmpChecked", "sessionReviewed", "assessmentReviewed", "suggestionMade", "adjustmentProposed", "supplySignalFound"} {
			if slices.Contains(own, hidden) {
				t.Errorf("the patient sees %s", hidden)
			}
		}
		if !slices.Contains(own, "doseTaken") || !slices.Contains(own, "prescriptionSigned") {
			t.Errorf("the patient sees only %v", own)
		}
		if some, _ := timeline(t, s, scene, c.Prescriber.Token, "type=doseTaken"); len(some) == 0 || slices.ContainsFunc(some, func(typ string) bool { return typ != "doseTaken" }) {
			t.Errorf("doses: %v", some)
		}
	})
}

func instant(t *testing.T, item map[string]any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(item["at"]))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestTimelineToldLate: what is told later stands where it happened, but nobody knew of it before it was told; and
// what was entered in error says so.
func TestTimelineToldLate(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Late")
		scene := c.For(t, "recordMeasurement")
		happened := s.Clock.Now()
		body := scene.Call(t, "recordMeasurement").Body
		body.(map[string]any)["occurredAt"] = happened.Format(time.RFC3339)
		s.Pass(t, 2*time.Hour)
		call := scene.Call(t, "recordMeasurement")
		call.Token, call.Body = scene.Patient.Token, body
		measured := s.Must(t, call)
		told := s.Clock.Now()
		s.Pass(t, time.Hour)

		query := func(at time.Time) string { return "type=measured&asOf=" + url.QueryEscape(at.Format(time.RFC3339Nano)) }
		if types, _ := timeline(t, s, scene, c.Prescriber.Token, query(told.Add(-time.Microsecond))); len(types) != 0 {
			t.Errorf("known before it was told: %v", types)
		}
		types, items := timeline(t, s, scene, c.Prescriber.Token, query(told))
		if len(types) != 1 || !instant(t, items[0]).Equal(happened.Truncate(time.Second)) || items[0]["struckOut"] != nil {
			t.Fatalf("told: %v", items)
		}
		for query, n := range map[string]int{
			"type=measured&until=" + happened.Truncate(time.Second).Add(-time.Second).Format(time.RFC3339): 0,
			"type=measured&until=" + happened.Truncate(time.Second).Format(time.RFC3339):                   1,
			"type=measured&from=" + happened.Truncate(time.Second).Format(time.RFC3339):                    1,
			"type=measured&from=" + told.Format(time.RFC3339):                                              0,
		} {
			if types, _ := timeline(t, s, scene, c.Prescriber.Token, query); len(types) != n {
				t.Errorf("%s: %v", query, types)
			}
		}
		scene.IDs["measurement"] = measured.Text("id")
		void := scene.Call(t, "voidMeasurement")
		void.Token, void.Header = c.Clinician.Token, map[string]string{"If-Match": `"1"`}
		s.Must(t, void)
		if _, items := timeline(t, s, scene, c.Prescriber.Token, "type=measured"); items[0]["struckOut"] != true {
			t.Errorf("not struck out: %v", items)
		}
		if _, items := timeline(t, s, scene, c.Prescriber.Token, query(told)); items[0]["struckOut"] != nil {
			t.Errorf("struck out before it was: %v", items)
		}
	})
}

// TestTimelineOpens: each record of a patient's own timeline that an operation shows is shown to them.
func TestTimelineOpens(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Opens")
		opened := map[string]bool{}
		for _, operation := range []string{"applyAdjustment", "reviewSession", "closeAdverseEvent", "completeFollowUp", "withdrawConsent", "voidPrescription"} {
			scene, call := allowed(t, c, operation)
			s.Must(t, call)
			for _, token := range []string{scene.Patient.Token, c.Prescriber.Token} {
				_, items := timeline(t, s, scene, token, "limit=200")
				for _, item := range items {
					record, _ := item["record"].(map[string]any)
					noun, id := fmt.Sprint(record["type"]), fmt.Sprint(record["id"])
					if noun == "sessionFact" {
						noun, id = "session", fmt.Sprint(item["sessionId"])
					}
					show := "show" + string(bytes.ToUpper([]byte(noun[:1]))) + noun[1:]
					op, ok := apitest.Contract(t).Operation(show)
					if !ok {
						continue
					}
					got := s.Do(t, apitest.Call{Operation: show, Token: token, Path: map[string]string{noun + "Id": id}})
					if got.Status != 200 || noun != "session" && got.JSON("version") != record["version"] {
						t.Errorf("%s: %s %v answers %d %s", op.ID, item["type"], record, got.Status, got.Body)
					}
					opened[noun] = true
				}
			}
		}
		if len(opened) < 9 {
			t.Errorf("only %v", opened)
		}
		other := c.Patient(t, "Other")
		scene := c.For(t, "showTimeline")
		call := scene.Call(t, "showTimeline")
		call.Token = other.Token
		expect(t, "somebody else's", s.Do(t, call), 404, problem.NotFound)
	})
}
