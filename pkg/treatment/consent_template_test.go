package treatment_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func consentText(t testing.TB, kind treatment.ConsentKind) treatment.ConsentTemplate {
	t.Helper()
	list := treatment.ConsentTemplates()
	i := slices.IndexFunc(list, func(c treatment.ConsentTemplate) bool { return c.Kind == kind })
	if i < 0 {
		t.Fatalf("no text on %s", kind)
	}
	return list[i]
}

func TestConsentTemplates(t *testing.T) {
	var kinds []treatment.ConsentKind
	for _, c := range treatment.ConsentTemplates() {
		kinds = append(kinds, c.Kind)
		if n := len(strings.Fields(c.Text)); n < 120 || n > 400 {
			t.Errorf("%s has %d words", c.Kind, n)
		}
		if c.Title == "" || strings.ContainsAny(c.Title, "#\n") || strings.HasPrefix(c.Text, c.Title) {
			t.Errorf("%s has the title %q", c.Kind, c.Title)
		}
		if c.Revision != 1 || c.ValidMonths != 12 || c.Status != treatment.ConsentTemplatePublished {
			t.Errorf("%s: %+v", c.Kind, c)
		}
	}
	if diff := cmp.Diff(treatment.ConsentKinds, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// What each text must not lose when somebody edits it.
func TestConsentTemplatesSay(t *testing.T) {
	points := map[treatment.ConsentKind][]string{
		// the FDA's communication of 2023-10-10, point by point
		treatment.ConsentTreatment: {
			"October 10, 2023", "off-label", "not FDA-approved for any psychiatric disorder", "has not checked", "may be less safe", "REMS",
			"At home the risk is higher", "abuse and misuse", "psychiatric events", "blood pressure", "respiratory depression",
			"bladder", "urinary tract", "April 2023", "post-traumatic stress disorder", "twice the level used for anesthesia",
			"911", "988", "withdraw",
		},
		treatment.ConsentTelehealth:          {"video", "emergency", "withdraw"},
		treatment.ConsentControlledSubstance: {"Schedule III", "you alone", "locked", "lost, stolen", "refill it early", "PDMP", "withdraw"},
		treatment.ConsentSupportPerson:       {"adult", "sober", "every 15 minutes", "until the end", "withdraw"},
		treatment.ConsentNoDriving:           {"next day", "sleep", "at least 24 hours", "withdraw"},
		treatment.ConsentDataSharing:         {"the partner named in this consent", "What is shared", "from then on", "withdraw"},
		treatment.ConsentCommunication:       {"not confidential", "SMS", "e-mail", "withdraw"},
	}
	for _, kind := range treatment.ConsentKinds {
		text := consentText(t, kind).Text
		if len(points[kind]) == 0 {
			t.Errorf("nobody says what %s must say", kind)
		}
		for _, point := range points[kind] {
			if !strings.Contains(text, point) {
				t.Errorf("%s does not say %q", kind, point)
			}
		}
	}
}

func TestRetireConsentTemplate(t *testing.T) {
	published := consentText(t, treatment.ConsentNoDriving)
	want := published
	want.Status, want.StatusReason, want.RetiredAt, want.RetiredBy = treatment.ConsentTemplateRetired, "new law", new(noon), new(id(1))
	got, err := published.Retire(id(1), "new law", noon)
	allowed(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = got.Retire(id(1), "again", noon)
	refused(t, err, treatment.CodeIllegalTransition)
	_, err = published.Retire(id(1), " ", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

func TestRequiresConsent(t *testing.T) {
	for _, p := range []treatment.Protocol{treatment.Default(), unguarded()} {
		if !p.RequiresConsent(treatment.ConsentNoDriving) || p.RequiresConsent(treatment.ConsentCommunication) {
			t.Errorf("%s requires the wrong consents", p.Name)
		}
	}
}
