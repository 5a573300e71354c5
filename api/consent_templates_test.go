package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestConsentTemplates: a clinic begins with the shipped texts, publishes others, and retires
// them for good.
func TestConsentTemplates(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Texts"), db: db}
		c.patient = c.Patient(t, "Lindqvist")
		t.Run("shipped", c.shippedTexts)
		t.Run("revisions", c.revisions)
		t.Run("retire", c.retireText)
	})
}

func (c *counter) texts(t *testing.T, who *apitest.Person, query string) (list []map[string]any) {
	t.Helper()
	page := c.Site.Must(t, apitest.Call{Operation: "listConsentTemplates", Token: who.Token, Query: query})
	items, _ := page.JSON("items").([]any)
	for _, item := range items {
		one, _ := item.(map[string]any)
		list = append(list, one)
	}
	return list
}

func (c *counter) publish(t *testing.T, kind treatment.ConsentKind, change ...any) apitest.Answer {
	t.Helper()
	body := map[string]any{"kind": kind, "title": "A title", "text": "A text."}
	for i := 0; i < len(change); i += 2 {
		body[fmt.Sprint(change[i])] = change[i+1]
	}
	return send(t, c.Site, wire(t, apitest.Call{Operation: "publishConsentTemplate", Token: c.Admin.Token, Body: body}))
}

// retire ends the text that was published with an answer.
func (c *counter) retire(t *testing.T, published apitest.Answer) apitest.Answer {
	t.Helper()
	return send(t, c.Site, wire(t, apitest.Call{
		Operation: "retireConsentTemplate", Token: c.Admin.Token, Path: map[string]string{"consentTemplateId": published.Text("id")},
		Body: map[string]any{"reason": "New law."},
	}))
}

// A patient can read the shipped texts as they are.
func (c *counter) shippedTexts(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for _, shipped := range treatment.ConsentTemplates() {
		want[string(shipped.Kind)] = fmt.Sprint(1, 12, "published", shipped.Title, shipped.Text)
	}
	for _, text := range c.texts(t, c.patient, "") {
		got[fmt.Sprint(text["kind"])] = fmt.Sprint(text["revision"], text["validMonths"], text["status"], text["title"], text["text"])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-shipped +shown):\n%s", diff)
	}
}

// Each kind counts by itself, retired texts too.
func (c *counter) revisions(t *testing.T) {
	second := c.publish(t, treatment.ConsentNoDriving)
	expect(t, "retire", c.retire(t, second), 200, "")
	third := c.publish(t, treatment.ConsentNoDriving, "validMonths", 60)
	other := c.publish(t, treatment.ConsentTreatment, "validMonths", 1)
	for i, got := range []apitest.Answer{second, third, other} {
		want := []string{"2 12", "3 60", "2 1"}[i]
		if shown := fmt.Sprint(got.JSON("revision"), got.JSON("validMonths")); got.Status != 201 || shown != want {
			t.Errorf("%d %s, want %s", got.Status, got.Body, want)
		}
	}
	for query, want := range map[string]int{"kind=noDriving": 3, "kind=noDriving&status=published": 2, "status=retired": 1, "kind=treatment&status=retired": 0} {
		if list := c.texts(t, c.Clinician, query); len(list) != want {
			t.Errorf("%s: %v, want %d", query, list, want)
		}
	}
	c.stays(t, func() {
		for name, value := range map[string]any{
			"validMonths": 61, "kind": "research", "title": " ", "text": "", "revision": 9,
		} {
			expect(t, name, c.publish(t, treatment.ConsentNoDriving, name, value), 400, problem.InvalidRequest)
		}
		expect(t, "validMonths", c.publish(t, treatment.ConsentNoDriving, "validMonths", 0), 400, problem.InvalidRequest)
	})
}

// A retired text stays retired; why, and by whom, is not for patients.
func (c *counter) retireText(t *testing.T) {
	published := c.publish(t, treatment.ConsentCommunication)
	retired := c.retire(t, published)
	expect(t, "retire", retired, 200, "")
	if got := fmt.Sprint(retired.JSON("status"), retired.JSON("statusReason"), retired.JSON("retiredBy"), retired.JSON("text")); got != fmt.Sprint("retired", "New law.", c.Admin.ID, "A text.") {
		t.Errorf("retired: %s", retired.Body)
	}
	c.stays(t, func() {
		again := wire(t, apitest.Call{
			Operation: "retireConsentTemplate", Token: c.Admin.Token, Path: map[string]string{"consentTemplateId": published.Text("id")},
			Body: map[string]any{"reason": "Again."}, Header: map[string]string{"If-Match": retired.Header.Get("ETag")},
		})
		expect(t, "again", send(t, c.Site, again), 409, problem.IllegalTransition)
	})
	shown := c.Site.Must(t, apitest.Call{
		Operation: "showConsentTemplate", Token: c.patient.Token, Path: map[string]string{"consentTemplateId": published.Text("id")},
	})
	if shown.Text("status") != "retired" || shown.JSON("retiredBy") != nil || shown.JSON("statusReason") != nil {
		t.Errorf("a patient sees %s", shown.Body)
	}
}
