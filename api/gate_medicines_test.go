package api_test

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

func (a *asked) fitness() {
	a.expect("ill", "hold acuteIllness", set("acuteIllness", true))
	a.expect("not said", "hold acuteIllnessUnknown", set("acuteIllness", nil))
	for slept, want := range map[any]string{4: "", 3: "hold sleepShort", 0: "hold sleepShort", nil: "hold sleepUnknown"} {
		a.expect(fmt.Sprint("slept: ", slept), want, set("sleptHours", slept))
	}
}

// interactions: a medicine that must not meet ketamine holds while it is taken, an MAO inhibitor for two
// weeks after the last one; others raise an alert at most.
func (a *asked) interactions() {
	takes := func(class any, members object) string {
		a.t.Helper()
		body := a.Fact("name", "A medicine")
		maps.Copy(body, members)
		if class != nil {
			body["drugClass"] = class
		}
		return a.must(a.Patient, "recordMedication", body).Text("id")
	}
	stop := func(id string, days int) {
		a.t.Helper()
		about(a.Scene, "medication", id, `"1"`)
		a.must(a.Patient, "endMedication", object{"endedOn": a.site.Clock.Now().In(newYork(a.t)).AddDate(0, 0, -days).Format(time.DateOnly)})
	}
	for class, want := range map[any]string{"lamotrigine": "", "other": "", "opioid": "hold openAlert", nil: "hold openAlert", "grapefruitJuice": "hold openAlert, hold interactions"} {
		id := takes(class, object{})
		a.expect(fmt.Sprint(class), want)
		a.settle()
		a.expect(fmt.Sprint(class, ", when its alert is resolved"), strings.TrimPrefix(strings.TrimPrefix(want, "hold openAlert"), ", "))
		stop(id, 0)
		a.expect(fmt.Sprint(class, ", stopped"), "")
	}
	today := a.site.Clock.Now().In(newYork(a.t))
	takes("grapefruitJuice", object{"startedOn": today.AddDate(0, 0, 1).Format(time.DateOnly)})
	a.settle()
	a.expect("begins tomorrow", "")
	for days, want := range map[int]string{13: "hold interactions", 14: ""} {
		id := takes("maoi", object{})
		a.settle()
		stop(id, days)
		a.expect(fmt.Sprint("an MAO inhibitor, stopped ", days, " days ago"), want)
		about(a.Scene, "medication", id, `"2"`)
		a.must(a.Clinic.Clinician, "voidMedication", object{"reason": "Never taken."})
		a.expect("struck out", "")
	}
}

// exposure: 3600 mg in 28 days, with the 100 mg that are prescribed.
func (a *asked) exposure() {
	const day = 24 * time.Hour
	a.site.Clock.Advance(time.Hour)
	a.took(3500, 27*day)
	a.expect("at the limit", "")
	a.took(1, 28*day+70*time.Minute) // the clocks were an hour ahead
	a.expect("more, but 28 days ago", "")
	a.took(1, 28*day+50*time.Minute)
	a.expect("a milligram more", "hold exposure")
}

// took logs a session with that much so long before the next check, and settles what it raises.
func (a *asked) took(mg float64, before time.Duration) {
	a.t.Helper()
	a.begins(time.Minute)
	a.loggedMg(mg, before)
	a.settle()
}
