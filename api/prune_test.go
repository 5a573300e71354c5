package api_test

import (
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// TestOldTicketsAreForgotten: those of sessions that are long over, not those of a session that is to come,
// however old the ticket is.
func TestOldTicketsAreForgotten(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Tickets")
		over, later := c.For(t, "inviteSupportPerson"), c.For(t, "inviteSupportPerson")
		over.Ticket(t)
		good := later.Ticket(t)
		later.Do(t, c.Clinician, "rescheduleSession", object{
			"plannedAt": s.Clock.Now().Add(50 * 24 * time.Hour).Format(time.RFC3339), "reason": "Travels.", "timeZone": "America/New_York",
		})
		left := func() string { return db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM support_tickets`)[0] }
		prune := func(after time.Duration, want string) {
			t.Helper()
			s.Clock.Advance(after)
			if err := api.Prune(t.Context(), s.Server); err != nil {
				t.Fatal(err)
			}
			if got := left(); got != want {
				t.Errorf("%s tickets are left, want %s", got, want)
			}
		}
		prune(20*24*time.Hour, "2")
		prune(25*24*time.Hour, "1")
		show := apitest.Call{Operation: "showSession", Ticket: good, Path: map[string]string{"sessionId": later.IDs["session"]}}
		if got := s.Do(t, show); got.Status != 200 {
			t.Errorf("the ticket of a session to come: %d %s", got.Status, got.Body)
		}
		prune(60*24*time.Hour, "0")
	})
}
