package api_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
)

// overnight lets as much time pass as something dangerous stops a dose, and resolves the alerts.
func (a *asked) overnight() {
	a.t.Helper()
	a.site.Clock.Advance(24 * time.Hour)
	a.settle()
}

// measured records a measurement of now, or of another time.
func (a *asked) measured(members object) apitest.Answer {
	a.t.Helper()
	body := a.Fact("mode", "app")
	for name, value := range members {
		body[name] = value
	}
	return a.must(a.Patient, "recordMeasurement", body)
}

// elsewhere: what was measured and noticed outside of the session stops the dose for a day, whatever
// becomes of its alert, and unless it was never so.
func (a *asked) elsewhere() {
	a.measured(object{"systolicMmHg": 175, "diastolicMmHg": 105})
	a.site.Clock.Advance(11 * time.Minute)
	a.expect("measured twelve minutes before", "stop hardBloodPressure, hold openAlert")
	if got, want := a.reason(), "175/105 mmHg, 160/100 mmHg, measurements, No dose for 24 h; the clinic decides what comes next."; got != want {
		a.t.Errorf("the clinic reads %q, want %q", got, want)
	}
	a.settle()
	a.site.Clock.Advance(24*time.Hour - 13*time.Minute)
	a.expect("a day before", "stop hardBloodPressure")
	a.expect("a minute more", "")

	wrong := a.measured(object{"systolicMmHg": 195, "diastolicMmHg": 80})
	a.settle()
	a.expect("another one", "stop hardBloodPressure")
	a.site.Must(a.t, apitest.Call{Operation: "voidMeasurement", Token: a.Clinic.Clinician.Token, Body: object{"reason": "Typed wrong."},
		Path: map[string]string{"measurementId": wrong.Text("id")}, Header: map[string]string{"If-Match": wrong.Header.Get("ETag")}})
	a.expect("it was never so", "")

	a.measured(object{"spo2Percent": 89})
	a.settle()
	a.expect("a saturation, and none since", "stop saturationCritical", set("spo2Percent", nil), a.now)
	a.expect("measured again in the session", "", a.now)
	a.measured(object{"spo2Percent": 89})
	a.settle()
	a.site.Clock.Advance(time.Second)
	a.measured(object{"spo2Percent": 97})
	a.expect("measured again", "", set("spo2Percent", nil))

	a.other("recordVitals", object{"systolicMmHg": 120, "diastolicMmHg": 100})
	a.expect("a reading of another session", "stop hardBloodPressure")
	a.overnight()
	flagged := a.other("recordObservation", object{"redFlag": "seizure"})
	a.expect("a red flag of another session", "stop redFlagSymptom")
	about(a.Scene, "session", flagged.Text("id"), flagged.Header.Get("ETag"))
	a.must(a.Clinic.Clinician, "voidSession", object{"reason": "Another patient's."})
	a.expect("which was entered in error", "")

	event := a.must(a.Patient, "reportAdverseEvent", a.Fact("term", "chestPain"))
	a.settle()
	a.expect("a red flag as an adverse event", "stop redFlagSymptom")
	about(a.Scene, "adverseEvent", event.Text("id"), event.Header.Get("ETag"))
	a.must(a.Clinic.Clinician, "voidAdverseEvent", object{"reason": "Another patient's."})
	a.expect("entered in error", "")
	lasted := a.Fact("term", "dyspnoea")
	lasted["occurredAt"], lasted["resolvedAt"] = a.site.Clock.Now().Add(-25*time.Hour).Format(time.RFC3339), a.site.Clock.Now().Add(-time.Hour).Format(time.RFC3339)
	a.must(a.Patient, "reportAdverseEvent", lasted)
	a.settle()
	a.expect("one that began long before, and lasted", "stop redFlagSymptom")
	a.overnight()
	a.expect("a day later", "")

	a.measured(object{"systolicMmHg": 135, "diastolicMmHg": 80})
	fine := a.site.Clock.Now().Add(time.Minute)
	a.site.Clock.Advance(time.Hour)
	a.must(a.Clinic.Prescriber, "updateTreatment", object{"limits": object{"stopSystolicMmHg": 135}})
	a.expect("a limit of the patient's own that was set since", "stop hardBloodPressure")
	a.site.Clock.Advance(time.Hour)
	a.expect("told late, from before it was set", "", happened(fine))
}

// other tells something of another session, and resolves what it raises.
func (a *asked) other(operation string, members object) apitest.Answer {
	a.t.Helper()
	session := uuid.NewString()
	a.site.Must(a.t, apitest.Call{Operation: "logSession", Token: a.Patient.Token,
		Body: object{"doses": []object{}, "observations": []object{a.told(0, object{"occurredAt": a.site.Clock.Now().Format(time.RFC3339), "nausea": 0})}},
		Path: map[string]string{"treatmentId": a.IDs["treatment"], "sessionId": session}})
	about(a.Scene, "session", session, "")
	got := a.must(a.Patient, operation, a.told(0, with(members, "occurredAt", a.site.Clock.Now().Format(time.RFC3339))))
	a.settle()
	return got
}

func with(members object, name string, value any) object {
	members[name] = value
	return members
}

// now has the reading of the session be of now.
func (a *asked) now(before, _ object) { before["occurredAt"] = a.site.Clock.Now().Format(time.RFC3339) }

// reason is the first one for which the newest check did not clear the dose, as the clinic reads it.
func (a *asked) reason() string {
	a.t.Helper()
	checks, _ := a.shown().JSON("checks").([]any)
	reasons, _ := checks[len(checks)-1].(object)["reasons"].([]any)
	r, _ := reasons[0].(object)
	return fmt.Sprint(r["value"], ", ", r["limit"], ", ", r["source"], ", ", r["clears"])
}
