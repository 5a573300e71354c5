package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The protocol schedules follow-ups by itself. Patients answer most of them on the evenings of their
// stories; here is what the clinic does.

// rounds are held every week but the last: whoever has not answered for a week is called.
func (t *teller) rounds() {
	for day := firstDay; day < -7; day += 7 {
		t.add(t.today.AddDate(0, 0, day).Add(16*time.Hour), func() {
			for _, alert := range t.get(demoNurse, "/alerts?status=open&limit=200").Items {
				if alert.Rule != string(treatment.AlertAssessmentOverdue) {
					continue
				}
				t.decide(demoNurse, http.MethodPost, "/alerts/"+alert.ID+"/acknowledge", obj{"note": "Calling the patient."})
				t.decide(demoNurse, http.MethodPost, "/alerts/"+alert.ID+"/resolve", obj{
					"outcome": oapi.AlertOutcomeHandled, "note": "Spoke with the patient, who is well and will answer next time.",
				})
			}
		})
	}
}

// lookAfter does what is due for the staff the day after the first session.
func (c *chart) lookAfter(day int) {
	if c.lookedAfter {
		return
	}
	c.lookedAfter = true
	c.add(c.in(c.today.Location(), day+1, "17:10"), func() {
		for _, f := range c.get(c.prescriber, fmt.Sprintf("/patients/%s/follow-ups?status=due", c.patient)).Items {
			if f.For == string(treatment.AudienceStaff) {
				c.decide(c.prescriber, http.MethodPost, "/follow-ups/"+f.ID+"/complete", obj{"note": "Seen by video. Slept well, oriented, no side effects left."})
			}
		}
	})
}
