package apitest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// How a scene makes requests.

// Ticket is one for the scene's session, which the clinic hands to a support person.
func (s *Scene) Ticket(t testing.TB) string {
	t.Helper()
	if s.IDs["supportPerson"] == "" {
		supported(t, s)
	}
	return s.must(t, s.Clinic.Clinician, "inviteSupportPerson", map[string]any{"supportPersonId": s.IDs["supportPerson"]}).Text("ticket")
}

// Call makes the request for an operation in this scene, with the contract's example as body.
func (s *Scene) Call(t testing.TB, operation string) Call {
	t.Helper()
	ids := map[string]string{}
	for noun, example := range ExampleIDs {
		if own, ok := s.IDs[noun]; ok {
			ids[example] = own
		}
	}
	body := Example(t, operation, ids)
	if m, ok := body.(map[string]any); ok {
		freshen(m)
	}
	call := Call{Operation: operation, Path: s.path(t, operation), Body: body, Header: s.header(t, operation)}
	if operation == "syncChanges" { // staff say whose chart
		call.Query = "patientId=" + s.IDs["patient"]
	}
	return call
}

// freshen gives what must be unique in a clinic, and facts, values of their own.
func freshen(body map[string]any) {
	if _, ok := body["recordNumber"].(string); ok {
		body["recordNumber"] = "R-" + uuid.NewString()[:8]
	}
	if _, ok := body["npi"]; ok {
		body["npi"] = NPI(int(uuid.New().ID() % 100_000_000))
	}
	switch id, _ := body["id"].(string); {
	case strings.HasPrefix(id, instruments.OwnPrefix):
		body["version"] = uuid.NewString()[:8]
	case uuid.Validate(id) == nil && body["version"] == nil: // with a version it names a record that is there
		body["id"] = uuid.NewString()
	}
	if policy, ok := body["policy"].(map[string]any); ok {
		policy["version"] = uuid.NewString()[:8]
	}
	for _, list := range body {
		if item, ok := list.(map[string]any); ok && body["operation"] != nil { // what an item of a batch sends
			freshen(item)
		}
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(map[string]any); ok {
				freshen(m)
			}
		}
	}
}

// NPI makes a National Provider Identifier with a right check digit.
func NPI(n int) string {
	text := fmt.Sprintf("1%08d", n)
	sum := 24
	for i, r := range text {
		d := int(r - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return fmt.Sprintf("%s%d", text, (10-sum%10)%10)
}

// path gives the ids in an operation's path: for a record that a PUT makes, a new one.
func (s *Scene) path(t testing.TB, operation string) map[string]string {
	ids := map[string]string{}
	for noun, id := range s.IDs {
		ids[noun+"Id"] = id
	}
	switch operation {
	case "logSession":
		ids["sessionId"] = uuid.NewString()
	case "recordAssessment":
		if s.IDs["assessment"] == "" {
			ids["assessmentId"] = uuid.NewString()
		}
	}
	return ids
}

// body is what somebody sends who says nothing else: who signs has looked at every medicine.
func (s *Scene) body(t testing.TB, operation string, body any) any {
	if body == nil && operation == "signPrescription" {
		return s.Reviewed(t)
	}
	return body
}

// Reviewed is what a signer sends who has looked at every medicine as it is now.
func (s *Scene) Reviewed(t testing.TB) map[string]any {
	seen := []map[string]any{}
	report := s.Clinic.Site.Must(t, Call{Operation: "showInteractions", Token: s.Clinic.Clinician.Token, Path: s.path(t, "showInteractions")})
	for _, m := range report.Items() {
		seen = append(seen, map[string]any{"id": m["id"], "version": m["version"]})
	}
	return map[string]any{"reviewedMedications": seen}
}

// header is the If-Match of the record that the operation acts on.
func (s *Scene) header(t testing.TB, operation string) map[string]string {
	op, ok := Contract(t).Operation(operation)
	if !ok || op.Kind != "decision" {
		return nil
	}
	nouns := slices.Sorted(maps.Keys(s.IDs))
	for _, noun := range nouns {
		if etag := s.Version[noun]; etag != "" && hasParam(op.Path, noun) {
			return map[string]string{"If-Match": etag}
		}
	}
	switch {
	case hasParam(op.Path, "patient"):
		return map[string]string{"If-Match": s.current(t, "showPatient")}
	case op.Path == "/clinic":
		return map[string]string{"If-Match": s.current(t, "showClinic")}
	}
	return nil
}

func hasParam(path, noun string) bool {
	first := "{" + noun + "Id}"
	for i := range path {
		if path[i] == '{' { // the first parameter is the record acted on
			return len(path) >= i+len(first) && path[i:i+len(first)] == first
		}
	}
	return false
}

func (s *Scene) current(t testing.TB, show string) string {
	return s.Clinic.Site.Must(t, Call{Operation: show, Token: s.Clinic.Clinician.Token, Path: s.path(t, show)}).Header.Get("ETag")
}

func (s *Scene) refresh(t testing.TB, noun, show string) { s.Version[noun] = s.current(t, show) }

func (s *Scene) keep(noun string, a Answer) {
	s.IDs[noun], s.Version[noun] = a.Text("id"), a.Header.Get("ETag")
}

func (s *Scene) must(t testing.TB, who *Person, operation string, body any) Answer {
	t.Helper()
	return s.Clinic.Site.Must(t, Call{
		Operation: operation, Token: who.Token, Path: s.path(t, operation), Body: s.body(t, operation, body), Header: s.header(t, operation),
	})
}

// Do sends an operation of the scene in somebody's name. What succeeds moves the scene on: the
// record that it answers is the one that the next operations are about.
func (s *Scene) Do(t testing.TB, who *Person, operation string, body any) Answer {
	t.Helper()
	a := s.Clinic.Site.Do(t, Call{Operation: operation, Token: who.Token, Path: s.path(t, operation), Body: s.body(t, operation, body), Header: s.header(t, operation)})
	op, _ := Contract(t).Operation(operation)
	for noun := range s.Version {
		if a.Status < 300 && op.Kind != "read" && s.IDs[noun] == a.Text("id") {
			s.Version[noun] = a.Header.Get("ETag")
		}
	}
	return a
}

// Fact is a fact that happens now, told by the patient.
func (s *Scene) Fact(member string, value any) map[string]any { return s.fact(member, value) }

// fact is a fact that happens now.
func (s *Scene) fact(member string, value any) map[string]any {
	return map[string]any{
		"id": uuid.NewString(), "occurredAt": s.Clinic.Site.Clock.Now().Format(time.RFC3339Nano), "timeZone": "America/New_York",
		"reportedBy": "patient", "mode": "app", member: value,
	}
}

func (s *Scene) answers(instrument string, value, last int) map[string]any {
	f := s.fact("instrument", instrument)
	delete(f, "id")
	answers := map[string]any{}
	prefix, n := "phq9-", 9
	switch instrument {
	case "gad-7":
		prefix, n = "gad7-", 7
	case "c-ssrs-screener":
		f["answers"] = map[string]any{"cssrs-1": last, "cssrs-2": last, "cssrs-6": last}
		return f
	}
	for i := 1; i <= n; i++ {
		answers[fmt.Sprintf("%s%d", prefix, i)] = value
	}
	if instrument == "phq-9" {
		answers["phq9-9"] = last
	}
	f["answers"] = answers
	return f
}
