package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// shelf is a patient with an active prescription, 100 mg of 50 mg tablets, for whom dispenses,
// doses and reports are recorded.
type shelf struct {
	*apitest.Scene
	t    *testing.T
	site *apitest.Site
}

func newShelf(t *testing.T, c *apitest.Clinic) *shelf {
	t.Helper()
	return &shelf{c.For(t, "recordDispense"), t, c.Site}
}

// told is a fact of so many minutes after the clock's time.
func (s *shelf) told(minutes int, members map[string]any) map[string]any {
	body := map[string]any{
		"id": uuid.NewString(), "occurredAt": s.site.Clock.Now().Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339),
		"timeZone": "America/New_York", "reportedBy": "patient", "mode": "app",
	}
	maps.Copy(body, members)
	return body
}

// call is an operation on the patient's records, or on the record with the given id.
func (s *shelf) call(operation string, who *apitest.Person, body any, ids ...string) apitest.Call {
	path := map[string]string{}
	for noun, id := range s.IDs {
		path[noun+"Id"] = id
	}
	for i := 0; i < len(ids); i += 2 {
		path[ids[i]] = ids[i+1]
	}
	return apitest.Call{Operation: operation, Token: who.Token, Path: path, Body: body}
}

// dispense is 12 units of 50 mg, handed out so many minutes from now, but for what members say.
func (s *shelf) dispense(minutes int, members map[string]any) map[string]any {
	body := s.told(minutes, map[string]any{"strengthMg": 50, "units": 12, "lot": "L1", "beyondUseDate": "2027-05-01"})
	maps.Copy(body, members)
	return body
}

// dispensed records a dispense and answers its id.
func (s *shelf) dispensed(minutes int, members map[string]any) string {
	s.t.Helper()
	return s.site.Must(s.t, s.call("recordDispense", s.Clinic.Clinician, s.dispense(minutes, members))).Text("id")
}

// void strikes a record out on its current version.
func (s *shelf) void(operation, param, id, version string) apitest.Answer {
	s.t.Helper()
	call := s.call(operation, s.Clinic.Clinician, map[string]any{"reason": "Entered twice."}, param, id)
	call.Header = map[string]string{"If-Match": version}
	return s.site.Do(s.t, call)
}

func (s *shelf) voidDispense(id string) {
	s.t.Helper()
	version := s.site.Must(s.t, s.call("showDispense", s.Clinic.Clinician, nil, "dispenseId", id)).Header.Get("ETag")
	if got := s.void("voidDispense", "dispenseId", id, version); got.Status != 200 {
		s.t.Fatalf("%d %s", got.Status, got.Body)
	}
}

// alerts are the rules of the patient's alerts, with their value.
func (s *shelf) alerts() (list []string) {
	s.t.Helper()
	page := s.site.Must(s.t, apitest.Call{Operation: "listAlerts", Token: s.Clinic.Prescriber.Token, Query: "patientId=" + s.IDs["patient"]})
	items, _ := page.JSON("items").([]any)
	for _, item := range items {
		a, _ := item.(map[string]any)
		source, _ := a["source"].(map[string]any)
		list = append(list, fmt.Sprint(a["rule"], " ", a["severity"], " of a ", source["type"], ": ", a["value"]))
	}
	slices.Sort(list)
	return list
}

// rules are those that an answer deviates from.
func rules(a apitest.Answer) string {
	list, _ := a.JSON("deviations").([]any)
	var names []string
	for _, item := range list {
		d, _ := item.(map[string]any)
		names = append(names, fmt.Sprint(d["rule"]))
	}
	return strings.Join(names, ", ")
}

// TestDispenses: what was handed out, and what the prescription says to it.
func TestDispenses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Pharmacy")
		t.Run("fills", func(t *testing.T) { newShelf(t, c).fills() })
		t.Run("irregular", func(t *testing.T) { newShelf(t, c).irregular() })
		t.Run("refused", func(t *testing.T) { newShelf(t, c).refused() })
	})
}

// fills are numbered in the order in which they were handed out, whenever they are recorded.
func (s *shelf) fills() {
	t := s.t
	show := func(id string) apitest.Answer {
		return s.site.Must(t, s.call("showDispense", s.Clinic.Clinician, nil, "dispenseId", id))
	}
	expectFill := func(what, id string, number any, want string) {
		t.Helper()
		if got := show(id); got.JSON("fillNumber") != number || rules(got) != want {
			t.Errorf("%s: fill %v deviates from %q, want %v and %q", what, got.JSON("fillNumber"), rules(got), number, want)
		}
	}
	expectDispensed := func(want string) {
		t.Helper()
		if got := s.site.Must(t, s.call("showPrescription", s.Patient, nil)).Text("dispensed"); got != want {
			t.Errorf("dispensed %s, want %s", got, want)
		}
	}
	expectDispensed("none")
	second := s.dispensed(30, map[string]any{"units": 10.5, "strengthMg": 12.5, "form": "troche"})
	expectDispensed("some")
	got := show(second)
	for name, want := range map[string]any{"amountMg": 131.25, "form": "troche", "unitStep": 0.5, "units": 10.5, "beyondUseDate": "2027-05-01", "clockSkew": true} {
		if got.JSON(name) != want {
			t.Errorf("%s: %v, want %v", name, got.JSON(name), want)
		}
	}
	first := s.dispensed(20, nil)
	if got := show(first); got.JSON("form") != "rapidlyDissolvingTablet" || got.JSON("unitStep") != 1.0 {
		t.Errorf("the prescription's form: %s", got.Body)
	}
	expectDispensed("all")
	expectFill("the first", first, 1.0, "")
	expectFill("the second", second, 2.0, "")
	third := s.dispensed(10, map[string]any{"units": 13})
	expectFill("one before both", third, 1.0, "quantity")
	expectFill("the last", second, 3.0, "fills")
	if got := s.alerts(); len(got) != 2 || got[0] != "DISPENSE_IRREGULAR high of a dispense: fills" || got[1] != "EARLY_REFILL medium of a dispense: 0 %" {
		t.Errorf("alerts: %q", got)
	}
	own := s.site.Must(t, s.call("showDispense", s.Patient, nil, "dispenseId", second))
	if own.JSON("deviations") != nil || own.JSON("fillNumber") != 3.0 {
		t.Errorf("the patient sees %s", own.Body)
	}
	s.voidDispense(first)
	expectFill("the last, of those that count", second, 2.0, "")
	if got := show(first); got.JSON("fillNumber") != nil || got.Text("struckOut", "reason") != "Entered twice." {
		t.Errorf("struck out: %s", got.Body)
	}
	expectDispensed("all")
	if got := s.alerts(); len(got) != 2 {
		t.Errorf("alerts stay: %q", got)
	}
	page := s.site.Must(t, s.call("listDispenses", s.Patient, nil))
	if got, want := itemIDs(t, page), []string{second, first, third}; !slices.Equal(got, want) {
		t.Errorf("the list has %v, want %v", got, want)
	}
	expect(t, "struck out twice", s.void("voidDispense", "dispenseId", first, show(first).Header.Get("ETag")), 409, problem.IllegalTransition)
}

// irregular dispenses are recorded and raise one alert each.
func (s *shelf) irregular() {
	t := s.t
	record := func(minutes int) apitest.Answer {
		return s.site.Must(t, s.call("recordDispense", s.Clinic.Clinician, s.dispense(minutes, nil)))
	}
	if got := rules(record(-60)); got != "noActivePrescription" {
		t.Errorf("before the signature: %q", got)
	}
	s.site.Clock.Advance(7 * 31 * 24 * time.Hour)
	if got := rules(record(0)); got != "expired" {
		t.Errorf("half a year later: %q", got)
	}
	if got := rules(record(-60)); got != "expired" {
		t.Errorf("before that one: %q", got)
	}
	// The second one is a fill too many now, and has its alert already.
	want := []string{
		"DISPENSE_IRREGULAR high of a dispense: expired", "DISPENSE_IRREGULAR high of a dispense: expired",
		"DISPENSE_IRREGULAR high of a dispense: noActivePrescription",
	}
	if got := s.alerts(); !slices.Equal(got, want) {
		t.Errorf("alerts: %q, want %q", got, want)
	}
}

func (s *shelf) refused() {
	t := s.t
	for name, members := range map[string]map[string]any{
		"no units": {"units": 0}, "a ten-thousandth": {"units": 0.0001}, "no strength": {"strengthMg": 0}, "no lot": {"lot": " "},
		"no day": {"beyondUseDate": "2027-02-30"}, "no form": {"form": "powder"}, "somebody else's word": {"reportedBy": "nobody"},
	} {
		expect(t, name, s.site.Do(t, s.call("recordDispense", s.Clinic.Clinician, s.dispense(0, members))), 400, problem.InvalidRequest)
	}
	expect(t, "two days ahead", s.site.Do(t, s.call("recordDispense", s.Clinic.Clinician, s.dispense(48*60, nil))), 400, problem.OccurredInFuture)
	void := s.call("voidPrescription", s.Clinic.Prescriber, map[string]any{"reason": "Wrong patient."})
	void.Header = map[string]string{"If-Match": s.Version["prescription"]}
	s.site.Must(t, void)
	expect(t, "of a void prescription", s.site.Do(t, s.call("recordDispense", s.Clinic.Clinician, s.dispense(0, nil))), 409, problem.IllegalTransition)
}
