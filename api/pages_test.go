package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// book is a list of the API and how to put one more item into it.
type book struct {
	call   apitest.Call
	add    func(t *testing.T) // nil where nothing can be added
	filter string             // a query that some items of the list meet
}

// surname stands in cursors of lists that are sorted by name.
const surname = "Zuckerkandl"

// TestPages walks through every list.
func TestPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Pages"), db: db}
		c.patient = c.Patient(t, surname)
		books := c.books(t)
		for _, operation := range paged(t) {
			// Histories are one list: that of a session is walked through for all.
			if _, ok := books[operation]; !ok && !strings.HasSuffix(operation, "History") {
				t.Errorf("no test of the list %s", operation)
			}
		}
		cursors := map[string]string{}
		for name, b := range books {
			t.Run(name, func(t *testing.T) {
				if b.add != nil {
					for range 5 {
						b.add(t)
					}
				}
				c.walk(t, b)
				c.walkWhileItGrows(t, b)
				cursors[name] = c.cursor(t, b)
			})
		}
		for name, b := range books {
			t.Run("cursor of "+name, func(t *testing.T) { c.foreignCursors(t, name, b, cursors) })
		}
		t.Run("path", c.cursorOfPath)
	})
}

// paged are the operations of the contract that take a cursor.
func paged(t *testing.T) (ids []string) {
	t.Helper()
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			body := op.RequestBody != nil && op.RequestBody.Value.Content.Get("application/json") != nil &&
				op.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties["cursor"] != nil
			if body || op.Parameters.GetByInAndName("query", "cursor") != nil {
				ids = append(ids, op.OperationID)
			}
		}
	}
	return ids
}

// page asks for one page. A search has its cursor in the body.
func (c *counter) page(t *testing.T, call apitest.Call, limit int, cursor string) apitest.Answer {
	t.Helper()
	if body, ok := call.Body.(map[string]any); ok {
		body = maps.Clone(body)
		if body["limit"] = limit; cursor != "" {
			body["cursor"] = cursor
		}
		call.Body = body
		return send(t, c.Site, wire(t, call))
	}
	query := fmt.Sprintf("limit=%d", limit)
	if cursor != "" {
		query += "&cursor=" + cursor
	}
	call.Query = strings.Trim(call.Query+"&"+query, "&")
	return send(t, c.Site, wire(t, call))
}

func itemIDs(t *testing.T, a apitest.Answer) (ids []string) {
	t.Helper()
	items, ok := a.JSON("items").([]any)
	if !ok {
		t.Fatalf("no items: %d %s", a.Status, a.Body)
	}
	for _, item := range items {
		m, _ := item.(map[string]any)
		if patient := m["patientId"]; m["id"] == nil && patient != nil { // the worklist has patients, no records
			ids = append(ids, fmt.Sprint(patient))
			continue
		}
		if record, ok := m["record"].(map[string]any); ok { // a timeline has what happened
			ids = append(ids, fmt.Sprint(m["type"], record["id"]))
			continue
		}
		if m["id"] == nil { // a history has versions
			ids = append(ids, fmt.Sprint(m["version"]))
			continue
		}
		ids = append(ids, fmt.Sprint(m["id"]))
		if m["number"] != nil || m["attempts"] != nil { // nothing changes the journal; deliveries are no records
			continue
		}
		if version, _ := m["version"].(float64); version < 1 {
			t.Errorf("an item without its version: %v", m)
		}
	}
	return ids
}

// walk compares the pages of several sizes with the whole list.
func (c *counter) walk(t *testing.T, b book) {
	t.Helper()
	whole := c.page(t, b.call, 200, "")
	want := itemIDs(t, whole)
	if len(want) < 2 || whole.JSON("nextCursor") != nil || whole.Header.Get("Link") != "" {
		t.Fatalf("the whole list has %d items, next %v, Link %q", len(want), whole.JSON("nextCursor"), whole.Header.Get("Link"))
	}
	for _, limit := range []int{1, 2, 3, len(want) - 1, len(want)} {
		var got []string
		for cursor, more := "", true; more; {
			answer := c.page(t, b.call, limit, cursor)
			ids := itemIDs(t, answer)
			got = append(got, ids...)
			cursor = answer.Text("nextCursor")
			more = cursor != ""
			if more && len(ids) != limit || len(got) > len(want) {
				t.Fatalf("limit %d: a page of %d, so far %d of %d", limit, len(ids), len(got), len(want))
			}
			c.link(t, b, limit, cursor, answer)
			names(t, cursor)
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %v, want %v", limit, got, want)
		}
	}
}

// link checks that the Link header leads to the next page, if there is one.
func (c *counter) link(t *testing.T, b book, limit int, cursor string, a apitest.Answer) {
	t.Helper()
	header := a.Header.Get("Link")
	if m := wire(t, b.call); cursor == "" || m.method != http.MethodGet {
		if header != "" {
			t.Errorf("Link %q", header)
		}
		return
	}
	target, ok := strings.CutSuffix(header, `>; rel="next"`)
	if !ok || target[0] != '<' {
		t.Fatalf("Link %q", header)
	}
	m := wire(t, b.call)
	m.path = target[1:]
	if got, want := send(t, c.Site, m), c.page(t, b.call, limit, cursor); got.Status != 200 || !slices.Equal(itemIDs(t, got), itemIDs(t, want)) {
		t.Errorf("Link leads to %d %s, the cursor to %s", got.Status, got.Body, want.Body)
	}
}

// names checks that a cursor does not show whose name, or which day, the page ended with. What is
// looked for is long enough not to turn up in a few thousand sealed texts by chance.
func names(t *testing.T, cursor string) {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Errorf("cursor %q: %v", cursor, err)
	}
	for _, name := range []string{surname, "Rivera", "2026-11"} {
		if bytes.Contains(bytes.ToLower(plain), bytes.ToLower([]byte(name))) || strings.Contains(cursor, name) {
			t.Errorf("the cursor holds %q: %q", name, plain)
		}
	}
}

// walkWhileItGrows: what was there at the start is met exactly once, whatever comes in between.
func (c *counter) walkWhileItGrows(t *testing.T, b book) {
	t.Helper()
	if b.add == nil {
		return
	}
	want := itemIDs(t, c.page(t, b.call, 200, ""))
	var got []string
	for cursor, more := "", true; more; {
		answer := c.page(t, b.call, 2, cursor)
		got = append(got, itemIDs(t, answer)...)
		cursor = answer.Text("nextCursor")
		more = cursor != "" && len(got) < 200
		if len(got) < 8 {
			b.add(t)
		}
	}
	seen := map[string]int{}
	for _, id := range got {
		if seen[id]++; seen[id] > 1 {
			t.Errorf("%s came twice", id)
		}
	}
	got = slices.DeleteFunc(got, func(id string) bool { return !slices.Contains(want, id) })
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// cursor is one that leads to the second item.
func (c *counter) cursor(t *testing.T, b book) string {
	t.Helper()
	cursor := c.page(t, b.call, 1, "").Text("nextCursor")
	if cursor == "" {
		t.Fatal("no cursor")
	}
	return cursor
}

// foreignCursors: a cursor is good for its caller, list and filter, and only as it was made.
func (c *counter) foreignCursors(t *testing.T, name string, b book, cursors map[string]string) {
	own := cursors[name]
	expect(t, "own", c.page(t, b.call, 7, own), 200, "")
	refused := map[string]string{}
	for i := 0; i < len(own); i += 5 {
		other := byte('A')
		if own[i] == other {
			other = 'B'
		}
		refused[fmt.Sprintf("letter %d changed", i)] = own[:i] + string(other) + own[i+1:]
	}
	if len(own)%4 != 0 { // the last letter has bits that mean nothing
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		stray := letters[strings.IndexByte(letters, own[len(own)-1])+1]
		refused["stray bits"] = own[:len(own)-1] + string(stray)
	}
	refused["cut"], refused["longer"], refused["short"], refused["twice"] = own[:len(own)-4], own+"AAAA", "AA", own+own
	refused["plain"] = base64.RawURLEncoding.EncodeToString([]byte(`{"id":"` + uuid.NewString() + `"}`))
	for other, cursor := range cursors {
		if other != name {
			refused["of "+other] = cursor
		}
	}
	for what, cursor := range refused {
		expect(t, what, c.page(t, b.call, 7, cursor), 400, problem.InvalidCursor)
	}
	call := b.call
	for _, token := range []string{c.Both.Token, c.patient.Token} {
		call.Token = token
		if got := c.page(t, call, 7, own); code(got) != problem.InvalidCursor && got.Status != 403 && got.Status != 404 {
			t.Errorf("somebody else's cursor: %d %s", got.Status, got.Body)
		}
	}
	if b.filter != "" {
		call = b.call
		call.Query = b.filter
		expect(t, "without the filter "+b.filter, c.page(t, call, 7, own), 400, problem.InvalidCursor)
		filtered := c.page(t, call, 1, "").Text("nextCursor")
		expect(t, "with the filter "+b.filter, c.page(t, call, 7, filtered), 200, "")
		expect(t, "with another filter than "+b.filter, c.page(t, b.call, 7, filtered), 400, problem.InvalidCursor)
	}
	if body, ok := b.call.Body.(map[string]any); ok {
		call = b.call
		body = maps.Clone(body)
		body["given"] = "Maya"
		call.Body = body
		expect(t, "of another search", c.page(t, call, 7, own), 400, problem.InvalidCursor)
	}
}

// cursorOfPath: the record in the path is part of what a list is.
func (c *counter) cursorOfPath(t *testing.T) {
	scene, list := allowed(t, c.Clinic, "listPrescriptions")
	first := scene.IDs["treatment"]
	draft := func(treatment string) {
		call := scene.Call(t, "prescribe")
		call.Token, call.Path = c.Prescriber.Token, map[string]string{"treatmentId": treatment}
		c.Site.Must(t, call)
	}
	draft(first)
	draft(first)
	own := c.cursor(t, book{call: list})
	end := scene.Call(t, "discontinueTreatment")
	end.Token = c.Prescriber.Token
	c.Site.Must(t, end)
	start := scene.Call(t, "startTreatment")
	start.Token = c.Prescriber.Token
	start.Body.(map[string]any)["protocolId"] = c.Guarding(t, treatment.GuardConsents).String() // nobody has to decide again
	second := c.Site.Must(t, start).Text("id")
	draft(second)
	expect(t, "its own", c.page(t, list, 7, own), 200, "")
	list.Path = map[string]string{"treatmentId": second}
	expect(t, "the patient's other treatment", c.page(t, list, 7, own), 400, problem.InvalidCursor)
}

// books are all lists, each with something in it. Everything happens at one moment, so that
// ids decide the order.
func (c *counter) books(t *testing.T) map[string]book {
	t.Helper()
	running := c.For(t, "logSession")
	must := func(scene *apitest.Scene, operation string, who *apitest.Person) func(*testing.T) {
		return func(t *testing.T) {
			call := scene.Call(t, operation)
			call.Token = who.Token
			c.Site.Must(t, call)
		}
	}
	record := func(t *testing.T) {
		c.Site.Must(t, apitest.Call{
			Operation: "recordAssessment", Token: c.patient.Token,
			Path: map[string]string{"patientId": c.patient.ID.String(), "assessmentId": uuid.NewString()}, Body: c.worried(),
		})
	}
	planned, hooked, measured := c.For(t, "prescribe"), c.For(t, "testWebhookEndpoint"), c.For(t, "recordVitals")
	shown := c.For(t, "listPdmpChecks")
	numbered := func(add func(*testing.T)) func(*testing.T) {
		return func(t *testing.T) { add(t); c.Site.Pass(t, 0) }
	}
	unguarded := c.Guarding(t) // nobody has to decide again on a patient whose treatment has ended
	restart, consulted := c.For(t, "startTreatment"), c.For(t, "openConsultation")
	by := func(who *apitest.Person, operation string, scene *apitest.Scene) apitest.Call {
		return apitest.Call{Operation: operation, Token: who.Token, Path: scene.Call(t, operation).Path}
	}
	register := func(t *testing.T) {
		c.Site.Must(t, apitest.Call{Operation: "registerPatient", Token: c.Clinician.Token, Body: newPatient(surname)})
	}
	publish := func(t *testing.T) string {
		return c.Site.Must(t, apitest.Call{Operation: "publishConsentTemplate", Token: c.Admin.Token, Body: map[string]any{
			"kind": "telehealth", "title": "Care by video", "text": "We meet on a screen.",
		}}).Text("id")
	}
	return map[string]book{
		"listStaff": {apitest.Call{Operation: "listStaff", Token: c.Clinician.Token}, func(t *testing.T) {
			c.Site.Must(t, apitest.Call{Operation: "addStaff", Token: c.Admin.Token, Body: map[string]any{
				"name": map[string]any{"given": "Sam", "family": surname}, "email": "sam@example.org", "roles": []string{"clinician"},
			}})
		}, "status=active"},
		"listPatients": {apitest.Call{Operation: "listPatients", Token: c.Clinician.Token}, register, "status=active"},
		"searchPatients": {apitest.Call{Operation: "searchPatients", Token: c.Clinician.Token, Body: map[string]any{"family": surname[:5]}},
			register, ""},
		"listMeasurements":  {c.call("listMeasurements", c.Clinician, nil), func(t *testing.T) { send(t, c.Site, c.measure(t, c.weight())) }, ""},
		"listSupportPeople": {by(c.Prescriber, "listSupportPeople", planned), must(planned, "addSupportPerson", c.Prescriber), "status=active"},
		"listMedications":   {by(c.Prescriber, "listMedications", planned), must(planned, "recordMedication", c.Prescriber), "status=current"},
		"listPdmpChecks":    {by(c.Prescriber, "listPdmpChecks", planned), must(planned, "recordPdmpCheck", c.Prescriber), ""},
		"listVisits":        {by(c.Prescriber, "listVisits", planned), must(planned, "bookVisit", c.Prescriber), "status=booked"},
		"listFollowUps":     {by(c.Prescriber, "listFollowUps", planned), must(planned, "scheduleFollowUp", c.Prescriber), "status=open"},
		"listProtocols":     {apitest.Call{Operation: "listProtocols", Token: c.Clinician.Token}, must(planned, "proposeProtocol", c.Admin), "status=proposed"},
		"listConsentTemplates": {apitest.Call{Operation: "listConsentTemplates", Token: c.Clinician.Token},
			func(t *testing.T) { publish(t) }, "kind=telehealth&status=published"},
		"listConsents": {c.call("listConsents", c.Clinician, nil), func(t *testing.T) {
			c.Site.Must(t, c.call("presentConsent", c.Clinician, map[string]any{"templateId": publish(t)}))
		}, "status=presented"},
		"listTreatments": {by(c.Prescriber, "listTreatments", restart), func(t *testing.T) {
			start := restart.Call(t, "startTreatment")
			start.Token = c.Prescriber.Token
			start.Body.(map[string]any)["protocolId"] = unguarded.String()
			made := c.Site.Must(t, start)
			end := restart.Call(t, "discontinueTreatment")
			end.Token, end.Path = c.Prescriber.Token, map[string]string{"treatmentId": made.Text("id")}
			c.Site.Must(t, end)
		}, ""},
		"listConsultations": {by(c.Prescriber, "listConsultations", consulted), func(t *testing.T) {
			open := consulted.Call(t, "openConsultation")
			open.Token = c.Prescriber.Token
			made := c.Site.Must(t, open)
			withdraw := consulted.Call(t, "withdrawConsultation")
			withdraw.Token, withdraw.Path = c.Prescriber.Token, map[string]string{"consultationId": made.Text("id")}
			c.Site.Must(t, withdraw)
		}, "status=withdrawn"},
		"listPrescriptions": {by(c.Prescriber, "listPrescriptions", planned), must(planned, "prescribe", c.Prescriber), "status=draft"},
		"listAdjustments": {by(c.Prescriber, "listAdjustments", running), func(t *testing.T) {
			made := running.Do(t, c.Prescriber, "proposeAdjustment", running.Call(t, "proposeAdjustment").Body)
			expect(t, "proposed", made, 201, "")
			running.IDs["adjustment"], running.Version["adjustment"] = made.Text("id"), `"1"`
			expect(t, "withdrawn", running.Do(t, c.Prescriber, "withdrawAdjustment", map[string]any{}), 200, "")
		}, "status=withdrawn"},
		"listSuggestions":      {by(c.Prescriber, "listSuggestions", running), must(running, "suggestAdjustment", c.Clinician), ""},
		"listDispenses":        {by(c.Prescriber, "listDispenses", running), must(running, "recordDispense", c.Prescriber), ""},
		"listSupplyEntries":    {by(c.Prescriber, "listSupplyEntries", running), must(running, "recordDispense", c.Prescriber), ""},
		"listSupplySignals":    {by(c.Prescriber, "listSupplySignals", running), must(running, "recordDispense", c.Prescriber), ""}, // each is early
		"listSessions":         {by(c.Prescriber, "listSessions", running), must(running, "logSession", running.Patient), ""},
		"listAssessments":      {c.call("listAssessments", c.Prescriber, nil), record, "instrument=phq-9"},
		"listAdverseEvents":    {by(c.Prescriber, "listAdverseEvents", running), must(running, "reportAdverseEvent", running.Patient), "status=reported"},
		"listWebhookEndpoints": {apitest.Call{Operation: "listWebhookEndpoints", Token: c.Admin.Token}, must(hooked, "addWebhookEndpoint", c.Admin), "status=pending"},
		"listDeliveries":       {apitest.Call{Operation: "listDeliveries", Token: c.Admin.Token}, must(hooked, "testWebhookEndpoint", c.Admin), "status=parked"},
		"showTimeline":         {by(c.Prescriber, "showTimeline", measured), must(measured, "recordVitals", measured.Patient), "type=vitalsTaken"},
		"showSessionHistory":   {by(c.Prescriber, "showSessionHistory", measured), must(measured, "recordVitals", measured.Patient), ""},
		"showWorklist": {apitest.Call{Operation: "showWorklist", Token: c.Prescriber.Token}, func(t *testing.T) {
			worried := c.For(t, "listPatients")
			c.Site.Must(t, apitest.Call{Operation: "recordAssessment", Token: worried.Patient.Token, Body: c.worried(),
				Path: map[string]string{"patientId": worried.IDs["patient"], "assessmentId": uuid.NewString()}})
		}, "reason=alert"},
		"listEvents": {apitest.Call{Operation: "listEvents", Token: c.Prescriber.Token, Query: "type=measurement.recorded&type=visit.booked"}, func(t *testing.T) {
			send(t, c.Site, c.measure(t, c.weight()))
			must(planned, "bookVisit", c.Prescriber)(t)
			c.Site.Pass(t, 0) // they get their numbers
		}, "type=visit.booked"},
		"listAlertRules": {apitest.Call{Operation: "listAlertRules", Token: c.Clinician.Token}, must(planned, "publishAlertRules", c.Admin), ""},
		"listAlerts":     {apitest.Call{Operation: "listAlerts", Token: c.Prescriber.Token}, record, "status=open"},
		"listAuditEntries": {apitest.Call{Operation: "listAuditEntries", Token: c.Admin.Token, Query: "operation=recordPdmpCheck"},
			numbered(must(planned, "recordPdmpCheck", c.Prescriber)), "outcome=done"},
		"listDisclosures": {by(c.Admin, "listDisclosures", shown), numbered(must(shown, "recordPdmpCheck", c.Prescriber)), "until=2100-01-01T00:00:00Z"},
	}
}

// worried are answers that raise an alert.
func (c *counter) worried() map[string]any {
	answers := map[string]any{}
	for i := range 9 {
		answers[fmt.Sprintf("phq9-%d", i+1)] = 1
	}
	return map[string]any{
		"occurredAt": c.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York", "reportedBy": "patient", "mode": "app",
		"instrument": "phq-9", "answers": answers,
	}
}
