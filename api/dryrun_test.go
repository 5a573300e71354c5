package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// handingOut are the operations that answer a secret: one that nobody could use is no answer.
var handingOut = []string{"addStaff", "inviteStaff", "invitePatient", "inviteSupportPerson", "addWebhookEndpoint", "rotateWebhookSecret"}

// TestDryRun: every plan and decision can be asked what it would do. The answer is the same, and
// nothing happens: not even the key is used up.
func TestDryRun(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Dry")
		for _, operation := range operations(t, "plan", "decision") {
			_, call := allowed(t, c, operation)
			good := wire(t, call)
			dry := good
			dry.path += "?validateOnly=true"
			before := db.Contents(t)
			if slices.Contains(handingOut, operation) {
				expect(t, operation, send(t, s, dry), 400, "invalid_request")
				continue
			}
			would := send(t, s, dry)
			if after := db.Contents(t); after != before {
				t.Fatalf("the dry run of %s changed something:\n%s\n%s", operation, before, after)
			}
			for name, want := range map[string]string{"Titrate-Dry-Run": "true", "ETag": "", "Location": "", "Idempotent-Replayed": ""} {
				if got := would.Header.Get(name); got != want {
					t.Errorf("%s, dry: %s %q, want %q", operation, name, got, want)
				}
			}
			stale := send(t, s, dry.with("If-Match", `"998"`))
			if good.header["If-Match"] != "" {
				expect(t, operation+", dry and stale", stale, 412, "stale")
			}
			did := send(t, s, good)
			if did.Header.Get("Titrate-Dry-Run") != "" || did.Header.Get("Idempotent-Replayed") != "" {
				t.Errorf("%s after its dry run: %v", operation, did.Header)
			}
			if would.Status != did.Status || did.Status > 299 {
				t.Errorf("%s: %d, but %d when it was dry\n%s", operation, did.Status, would.Status, would.Body)
			}
			if diff := cmp.Diff(withoutIDs(did.JSON()), withoutIDs(would.JSON())); diff != "" {
				t.Errorf("%s (-done +dry):\n%s", operation, diff)
			}
		}
	})
}

// withoutIDs blanks the ids in an answer: those of new records are others each time.
func withoutIDs(v any) any {
	switch v := v.(type) {
	case string:
		if uuid.Validate(v) == nil {
			return "id"
		}
	case []any:
		for i := range v {
			v[i] = withoutIDs(v[i])
		}
	case map[string]any:
		for name := range maps.Keys(v) {
			v[name] = withoutIDs(v[name])
		}
	}
	return v
}

// TestDryRunIsRefusedAlike: what would be refused is refused with the same problem.
func TestDryRunIsRefusedAlike(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Dry")
		scene, call := allowed(t, c, "signPrescription")
		for name, change := range map[string]func(m message) message{
			"role": func(m message) message { return m.with("Authorization", "Bearer "+c.Clinician.Token) },
			"missing": func(m message) message {
				m.path = strings.Replace(m.path, scene.IDs["prescription"], uuid.NewString(), 1)
				return m
			},
			"key":     func(m message) message { return m.with("Idempotency-Key", "") },
			"version": func(m message) message { return m.with("If-Match", `"7"`) },
			"body":    func(m message) message { return withBody(m.with("Content-Type", "application/json"), `{"x":1}`) },
		} {
			m := change(wire(t, call))
			dry := m
			dry.path += "?validateOnly=true"
			want, got := send(t, s, m), send(t, s, dry)
			if got.Status != want.Status || code(got) != code(want) || want.Status < 400 {
				t.Errorf("%s: dry %d %s, else %d %s", name, got.Status, code(got), want.Status, code(want))
			}
		}
		_, heavy := allowed(t, c, "prescribe")
		m := wire(t, heavy)
		m.path += "?validateOnly=maybe"
		expect(t, "neither true nor false", send(t, s, m), 400, "invalid_request")
	})
}
