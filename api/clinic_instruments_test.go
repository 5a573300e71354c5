package api_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
)

// own is an instrument of two questions with answers from 0 to 2; change replaces members.
func own(version string, change map[string]any) map[string]any {
	options := []any{}
	for value, text := range []string{"Never", "Sometimes", "Often"} {
		options = append(options, map[string]any{"value": value, "text": text})
	}
	body := map[string]any{
		"id": "own-sleep", "title": "Sleep", "version": version, "method": "sum",
		"items": []any{
			map[string]any{"id": "sleep-1", "text": "Awake", "options": options},
			map[string]any{"id": "sleep-2", "text": "Rested", "options": options, "reverse": true},
		},
		"bands": []any{map[string]any{"name": "good", "from": 0, "to": 1}, map[string]any{"name": "poor", "from": 2, "to": 4}},
		"flags": []any{map[string]any{"name": "awake", "title": "Awake", "items": []any{"sleep-1"}, "from": 2}}, "screenPositive": 2,
	}
	maps.Copy(body, change)
	return body
}

func (c *counter) publishOwn(t *testing.T, who *apitest.Person, body map[string]any) apitest.Answer {
	return c.Site.Do(t, apitest.Call{Operation: "publishInstrument", Token: who.Token, Body: body})
}

func (c *counter) instrument(t *testing.T, who *apitest.Person, id, query string) apitest.Answer {
	return c.Site.Do(t, apitest.Call{Operation: "showInstrument", Token: who.Token, Path: map[string]string{"instrumentId": id}, Query: query})
}

// respond records answers that the counter's patient was not asked for.
func (c *counter) respond(t *testing.T, instrument string, answers, change map[string]any) apitest.Answer {
	t.Helper()
	body := map[string]any{
		"occurredAt": c.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app",
		"instrument": instrument, "answers": answers,
	}
	maps.Copy(body, change)
	call := c.call("recordAssessment", c.patient, body)
	call.Path["assessmentId"] = uuid.NewString()
	return c.Site.Do(t, call)
}

// assigned are the instruments that the counter's patient is asked to answer.
func (c *counter) assigned(t *testing.T) []string {
	t.Helper()
	call := c.call("listAssessments", c.patient, nil)
	call.Query = "status=assigned&limit=200"
	return named(c.Site.Must(t, call).JSON("items"), "instrument")
}

// TestOwnInstruments: what a clinic publishes is its own, and a version never changes.
func TestOwnInstruments(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Own"), db: db}
		other := &counter{Clinic: s.Clinic(t, "Others"), db: db}
		c.patient, other.patient = c.Patient(t, "Lindqvist"), other.Patient(t, "Lindqvist")
		t.Run("published", func(t *testing.T) { c.ownPublished(t, other) })
		t.Run("whole", c.ownWhole)
		t.Run("unsound", c.ownUnsound)
		t.Run("as many as fit on a page", other.ownMany)
		t.Run("answered", func(t *testing.T) { c.ownAnswered(t, other) })
	})
}

func (c *counter) ownPublished(t *testing.T, other *counter) {
	first := c.publishOwn(t, c.Admin, own("1", nil))
	expect(t, "publish", first, 201, "")
	if first.Header.Get("Location") != "/v1/instruments/own-sleep" || first.JSON("publishedBy") != c.Admin.ID.String() || first.JSON("maxTotal") != 4.0 {
		t.Errorf("published: %v %s", first.Header, first.Body)
	}
	c.Site.Clock.Advance(time.Minute)
	expect(t, "the next version", c.publishOwn(t, c.Prescriber, own("2", map[string]any{"title": "Sleep, again"})), 201, "")
	expect(t, "another one", c.publishOwn(t, c.Admin, own("1", map[string]any{"id": "own-appetite"})), 201, "")
	again := c.publishOwn(t, c.Admin, own("1", map[string]any{"title": "Sleep, otherwise"}))
	expect(t, "the same version", again, 422, problem.RuleViolated)
	if diff := cmp.Diff([]string{"instrument /version"}, faults(again)); diff != "" {
		t.Errorf("the same version (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{"": "Sleep, again", "scoringVersion=2": "Sleep, again", "scoringVersion=1": "Sleep"} {
		shown := c.instrument(t, c.patient, "own-sleep", query)
		if shown.Text("title") != want || shown.JSON("publishedBy") != nil || shown.JSON("publishedAt") == nil {
			t.Errorf("%q: %d %s", query, shown.Status, shown.Body)
		}
	}
	expect(t, "no such version", c.instrument(t, c.Clinician, "own-sleep", "scoringVersion=3"), 404, problem.NotFound)
	expect(t, "no such instrument", c.instrument(t, c.Clinician, "own-mood", ""), 404, problem.NotFound)
	expect(t, "another version of a shipped one", c.instrument(t, c.Clinician, "phq-9", "scoringVersion=1"), 404, problem.NotFound)
	expect(t, "in another clinic", other.instrument(t, other.Both, "own-sleep", ""), 404, problem.NotFound)
	expect(t, "a licence", c.Site.Do(t, apitest.Call{
		Operation: "attestInstrumentLicence", Token: c.Admin.Token, Path: map[string]string{"instrumentId": "own-sleep"}, Body: map[string]any{"licence": "mine"},
	}), 422, problem.RuleViolated)
	for clinic, want := range map[*counter][]string{c: {"own-appetite 1", "own-sleep 2"}, other: nil} {
		var got []string
		for _, item := range clinic.Site.Must(t, apitest.Call{Operation: "listInstruments", Token: clinic.Clinician.Token}).Items()[len(instruments.All()):] {
			got = append(got, fmt.Sprint(item["id"], " ", item["scoringVersion"]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}
}

// Every member of the contract is kept and shown.
func (c *counter) ownWhole(t *testing.T) {
	expect(t, "publish", c.publishOwn(t, c.Admin, own("1.0-b", map[string]any{
		"id": "own-whole", "ratedBy": "clinician", "prompt": "In the past week:", "recallPeriod": "P1W", "reference": "Our own",
		"method": "mean", "times": 10, "direction": "higherIsBetter", "maxMissing": 1, "screenPositive": 9,
		"bands": []any{map[string]any{"name": "low", "from": 0, "to": 9}, map[string]any{"name": "high", "from": 10, "to": 20}},
	})), 201, "")
	shown := c.instrument(t, c.Clinician, "own-whole", "")
	got := map[string]any{}
	for _, name := range []string{"scoringVersion", "ratedBy", "prompt", "recallPeriod", "reference", "method", "times", "direction", "minTotal", "maxTotal", "licence", "provenance", "textIncluded", "bands"} {
		got[name] = shown.JSON(name)
	}
	want := map[string]any{
		"scoringVersion": "1.0-b", "ratedBy": "clinician", "prompt": "In the past week:", "recallPeriod": "P1W", "reference": "Our own",
		"method": "mean", "times": 10.0, "direction": "higherIsBetter", "minTotal": 0.0, "maxTotal": 20.0, "licence": "free", "provenance": "unverified", "textIncluded": true,
		"bands": []any{map[string]any{"name": "low", "from": 0.0, "to": 9.0}, map[string]any{"name": "high", "from": 10.0, "to": 20.0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"maxMissing 1", "screenPositive 9"}, []string{
		fmt.Sprint(named(shown.JSON("thresholds"), "name")[0], " ", named(shown.JSON("thresholds"), "value")[0]),
		fmt.Sprint(named(shown.JSON("thresholds"), "name")[1], " ", named(shown.JSON("thresholds"), "value")[1]),
	}); diff != "" {
		t.Errorf("thresholds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"false", "true"}, named(shown.JSON("items"), "reverse")); diff != "" {
		t.Errorf("reversed (-want +got):\n%s", diff)
	}
}

// All of them are listed on one page; a next version always has room.
func (c *counter) ownMany(t *testing.T) {
	for n := range 100 {
		expect(t, "publish", c.publishOwn(t, c.Admin, own("1", map[string]any{"id": fmt.Sprint("own-", n)})), 201, "")
	}
	expect(t, "one more", c.publishOwn(t, c.Admin, own("1", map[string]any{"id": "own-100"})), 422, problem.RuleViolated)
	expect(t, "another version", c.publishOwn(t, c.Admin, own("2", map[string]any{"id": "own-0"})), 201, "")
	if got := len(c.Site.Must(t, apitest.Call{Operation: "listInstruments", Token: c.Clinician.Token}).Items()); got != 100+len(instruments.All()) {
		t.Errorf("%d instruments are listed", got)
	}
}

// What is not sound is refused with all of its faults, and nothing is kept.
func (c *counter) ownUnsound(t *testing.T) {
	c.stays(t, func() {
		refused := c.publishOwn(t, c.Admin, own("3", map[string]any{
			"maxMissing": 2, "screenPositive": 5, "bands": []any{map[string]any{"name": "good", "from": 0, "to": 3}},
			"flags": []any{map[string]any{"name": "awake", "title": "Awake", "items": []any{"sleep-9"}, "from": 2}},
		}))
		expect(t, "unsound", refused, 422, problem.RuleViolated)
		want := []string{"instrument /maxMissing", "instrument /bands/0/to", "instrument /flags/0/items/0", "instrument /screenPositive"}
		if diff := cmp.Diff(want, faults(refused)); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		for _, id := range []string{"phq-9", "own-", "own", "own-Sleep", "sleep"} {
			refused := c.publishOwn(t, c.Admin, own("3", map[string]any{"id": id}))
			expect(t, id, refused, 400, problem.InvalidRequest)
			if list := named(refused.JSON("errors"), "pointer"); !slices.Contains(list, "/id") {
				t.Errorf("%s: faults at %v", id, list)
			}
		}
		expect(t, "by a nurse", c.publishOwn(t, c.Clinician, own("3", nil)), 403, problem.Forbidden)
	})
}

// What was assigned or answered keeps its version.
func (c *counter) ownAnswered(t *testing.T, other *counter) {
	assign := func(c *counter) apitest.Answer {
		return c.Site.Do(t, c.call("assignAssessment", c.Clinician, map[string]any{
			"instrument": "own-sleep", "dueAt": c.Site.Clock.Now().Add(time.Hour).Format(time.RFC3339),
		}))
	}
	refused := assign(other)
	expect(t, "in another clinic", refused, 422, problem.ReferenceNotFound)
	if diff := cmp.Diff([]string{"/instrument"}, named(refused.JSON("errors"), "pointer")); diff != "" {
		t.Errorf("in another clinic (-want +got):\n%s", diff)
	}
	asked := assign(c)
	expect(t, "assign", asked, 201, "")
	if asked.Text("scoringVersion") != "2" {
		t.Errorf("assigned: %s", asked.Body)
	}
	c.Site.Clock.Advance(time.Minute)
	third := own("3", map[string]any{"times": 10, "bands": []any{}, "screenPositive": 20, "ratedBy": "clinician"})
	expect(t, "the third version", c.publishOwn(t, c.Admin, third), 201, "")
	worst := map[string]any{"sleep-1": 2, "sleep-2": 0}
	by := func(what string, got apitest.Answer, version string, total float64, band any) {
		t.Helper()
		if got.Status > 201 || got.Text("scoringVersion") != version || got.JSON("total") != total || got.JSON("band") != band || got.Text("safety") != "notApplicable" {
			t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	submitted := c.Site.Do(t, apitest.Call{Operation: "submitAssessment", Token: c.patient.Token, Path: map[string]string{"assessmentId": asked.Text("id")}, Body: map[string]any{
		"id": uuid.NewString(), "occurredAt": c.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app", "answers": worst,
	}})
	by("submitted", submitted, "2", 4, "poor")
	if diff := cmp.Diff([]string{"yes"}, named(submitted.JSON("flags"), "found")); diff != "" || submitted.Text("screen", "positive") != "yes" {
		t.Errorf("submitted: %s", submitted.Body)
	}
	by("amended", c.Site.Do(t, apitest.Call{
		Operation: "amendAssessment", Token: c.patient.Token, Path: map[string]string{"assessmentId": asked.Text("id")},
		Header: map[string]string{"If-Match": `"2"`}, Body: map[string]any{"answers": map[string]any{"sleep-1": 0, "sleep-2": 2}, "reason": "A slip."},
	}), "2", 0, "good")
	by("recorded as it was shown", c.respond(t, "own-sleep", worst, map[string]any{"scoringVersion": "1"}), "1", 4, "poor")
	expect(t, "what a clinician rates", c.respond(t, "own-sleep", worst, nil), 403, problem.Forbidden)
	for what, test := range map[string]struct {
		answer  apitest.Answer
		pointer string
	}{
		"no such version":    {c.respond(t, "own-sleep", worst, map[string]any{"scoringVersion": "9"}), "/scoringVersion"},
		"no such instrument": {c.respond(t, "own-mood", worst, nil), "/instrument"},
	} {
		expect(t, what, test.answer, 422, problem.ReferenceNotFound)
		if got := named(test.answer.JSON("errors"), "pointer"); !cmp.Equal(got, []string{test.pointer}) {
			t.Errorf("%s: faults at %v", what, got)
		}
	}
	wrong := c.respond(t, "own-sleep", map[string]any{"sleep-1": 3, "sleep-9": 0}, map[string]any{"scoringVersion": "2"})
	expect(t, "wrong answers", wrong, 400, problem.InvalidRequest)
}
