package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/instruments"
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
