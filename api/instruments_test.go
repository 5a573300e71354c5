package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
)

// member is that of a JSON object; nil where there is none.
func member(v any, name string) any {
	object, _ := v.(map[string]any)
	return object[name]
}

// named collects one member of every object of a list.
func named(v any, name string) (texts []string) {
	list, _ := v.([]any)
	for _, item := range list {
		texts = append(texts, fmt.Sprint(member(item, name)))
	}
	return texts
}

// TestInstrumentsShown: the list and the single instrument say what the package knows.
func TestInstrumentsShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Instruments")
		listed := s.Must(t, apitest.Call{Operation: "listInstruments", Token: c.Clinician.Token}).Items()
		if got, want := len(listed), len(instruments.All()); got != want {
			t.Fatalf("%d instruments, want %d", got, want)
		}
		for n, want := range instruments.All() {
			shown := s.Must(t, apitest.Call{Operation: "showInstrument", Token: c.Clinician.Token, Path: map[string]string{"instrumentId": want.ID}})
			if diff := cmp.Diff(any(listed[n]), shown.JSON()); diff != "" {
				t.Errorf("%s (-listed +shown):\n%s", want.ID, diff)
			}
			checkShown(t, want, shown)
		}
	})
}

func checkShown(t *testing.T, want instruments.Instrument, shown apitest.Answer) {
	t.Helper()
	var thresholds, flags, scales []string
	for _, known := range want.Known() {
		thresholds = append(thresholds, fmt.Sprint(known.Name, " ", known.Value, " ", known.Provenance))
	}
	for _, flag := range want.Flags {
		flags = append(flags, flag.Code)
	}
	for _, scale := range want.Subscales {
		scales = append(scales, scale.Code)
	}
	var got []string
	list, _ := shown.JSON("thresholds").([]any)
	for _, threshold := range list {
		got = append(got, fmt.Sprint(member(threshold, "name"), " ", member(threshold, "value"), " ", member(threshold, "provenance")))
	}
	for what, lists := range map[string][2][]string{
		"thresholds": {thresholds, got},
		"flags":      {flags, named(shown.JSON("flags"), "name")},
		"subscales":  {scales, named(shown.JSON("subscales"), "name")},
	} {
		if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", what, want.ID, diff)
		}
	}
	direction := any(nil)
	if len(want.Levels) == 0 {
		direction = map[bool]string{false: "higherIsWorse", true: "higherIsBetter"}[want.HigherIsBetter]
	}
	if shown.JSON("direction") != direction || shown.Text("ratedBy") != string(want.RatedBy) || shown.Text("method") != string(want.Method) ||
		shown.Text("licence") != string(want.Terms) || shown.JSON("textIncluded") != !want.NeedsLicence() {
		t.Errorf("%s: %s", want.ID, shown.Body)
	}
	for n, text := range named(shown.JSON("items"), "text") {
		if text == "<nil>" {
			text = ""
		}
		if text != want.Items[n].Text {
			t.Errorf("%s shows %q", want.Items[n].ID, text)
		}
	}
}

// TestLicence: an instrument that needs a licence is refused until somebody of this clinic has
// answered for one.
func TestLicence(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Licences"), db: db}
		other := &counter{Clinic: s.Clinic(t, "Others"), db: db}
		c.patient, other.patient = c.Patient(t, "Lindqvist"), other.Patient(t, "Lindqvist")
		assign := func(c *counter) apitest.Answer {
			return c.Site.Do(t, c.call("assignAssessment", c.Clinician, map[string]any{
				"instrument": "wsas", "dueAt": s.Clock.Now().Add(time.Hour).Format(time.RFC3339),
			}))
		}
		record := func(c *counter, answers map[string]any) apitest.Answer {
			call := c.call("recordAssessment", c.patient, map[string]any{
				"occurredAt": s.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app",
				"instrument": "wsas", "answers": answers,
			})
			call.Path["assessmentId"] = uuid.NewString()
			return c.Site.Do(t, call)
		}
		attest := func(who *apitest.Person, instrument, licence string) apitest.Answer {
			return s.Do(t, apitest.Call{
				Operation: "attestInstrumentLicence", Token: who.Token, Path: map[string]string{"instrumentId": instrument},
				Body: map[string]any{"licence": licence},
			})
		}
		whole := map[string]any{"wsas-1": 4, "wsas-2": 4, "wsas-3": 4, "wsas-4": 4, "wsas-5": 5}
		for what, refused := range map[string]apitest.Answer{"assign": assign(c), "record": record(c, whole)} {
			expect(t, what, refused, 422, problem.LicenceRequired)
			if got := named(refused.JSON("errors"), "pointer"); !cmp.Equal(got, []string{"/instrument"}) {
				t.Errorf("%s: faults at %v", what, got)
			}
		}
		expect(t, "free", attest(c.Admin, "phq-9", "none"), 422, problem.RuleViolated)
		expect(t, "by a nurse", attest(c.Clinician, "wsas", "mine"), 403, problem.Forbidden)
		expect(t, "by an admin", attest(c.Admin, "wsas", "letter of May"), 201, "")
		expect(t, "assign", assign(c), 201, "")
		if got := record(c, whole); got.Status != 201 || got.JSON("total") != 21.0 || got.Text("band") != "moderatelySevere" {
			t.Errorf("recorded: %d %s", got.Status, got.Body)
		}
		expect(t, "in another clinic", assign(other), 422, problem.LicenceRequired)
		s.Clock.Advance(time.Minute)
		expect(t, "again, by a prescriber", attest(c.Prescriber, "wsas", "letter of June"), 201, "")
		for _, test := range []struct {
			who                 *apitest.Person
			licence, attestedBy any
		}{
			{c.Clinician, "letter of June", c.Prescriber.ID.String()}, {c.patient, "letter of June", nil}, {other.Clinician, nil, nil},
		} {
			shown := s.Must(t, apitest.Call{Operation: "showInstrument", Token: test.who.Token, Path: map[string]string{"instrumentId": "wsas"}})
			if got := shown.JSON("attestation", "licence"); got != test.licence || shown.JSON("attestation", "attestedBy") != test.attestedBy {
				t.Errorf("attestation: %s", shown.Body)
			}
		}
	})
}
