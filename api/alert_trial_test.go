package api_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestTryAlertRules: who may know for whom, and of which time.
func TestTryAlertRules(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Tried")
		scene, start := c.For(t, "showAlert"), s.Clock.Now() // one about item 9, medium
		s.Clock.Advance(time.Hour)
		before := db.Contents(t)
		try := func(who *apitest.Person, from, until time.Time, settings ...object) apitest.Answer {
			body := object{"settings": append([]object{}, settings...), "from": from.Format(time.RFC3339Nano)}
			if !until.IsZero() {
				body["until"] = until.Format(time.RFC3339Nano)
			}
			return s.Do(t, apitest.Call{Operation: "tryAlertRules", Token: who.Token, Body: body})
		}
		count := func(medium, high, overdue float64) object {
			return object{"alerts": medium + high, "low": 0.0, "medium": medium, "high": high, "critical": 0.0, "overdue": overdue}
		}
		graver := object{"rule": "SI_ITEM9", "severity": "high", "dueMin": 60}
		got := try(c.Prescriber, start, time.Time{}, graver)
		both := func(more object) object {
			more["findings"], more["inForce"], more["proposed"] = 1.0, count(1, 0, 0), count(0, 1, 1)
			return more
		}
		want := both(object{
			"from": start.Format(time.RFC3339Nano), "until": s.Clock.Now().Format(time.RFC3339Nano), "revision": 0.0, "patients": 1.0, "morePatients": false,
			"rules":   []any{both(object{"rule": "SI_ITEM9"})},
			"forWhom": []any{both(object{"patientId": scene.IDs["patient"]})},
		})
		if diff := cmp.Diff(want, got.JSON()); diff != "" {
			t.Errorf("tried (-want +got):\n%s", diff)
		}
		if again := try(c.Prescriber, start, s.Clock.Now(), graver); string(again.Body) != string(got.Body) {
			t.Errorf("tried again: %s", again.Body)
		}
		for who, shown := range map[*apitest.Person]bool{c.Admin: false, c.Clinician: true, c.Both: true} {
			got := try(who, start, time.Time{}, graver)
			if _, is := got.JSON("forWhom").([]any); is != shown || strings.Contains(string(got.Body), scene.IDs["patient"]) != shown {
				t.Errorf("%s: %s", who.Subject, got.Body)
			}
		}
		for name, test := range map[string]struct {
			from, until time.Time
			findings    float64
		}{
			"from that moment": {start, start.Add(time.Microsecond), 1},
			"until then":       {start.Add(-time.Hour), start, 0},
			"later":            {start.Add(time.Microsecond), time.Time{}, 0},
			"to come":          {start, start.AddDate(1, 0, 0), 1},
		} {
			if got := try(c.Prescriber, test.from, test.until); got.JSON("findings") != test.findings {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
		long := try(c.Prescriber, start, start.AddDate(1, 0, 0).Add(time.Second))
		expect(t, "more than a year", long, 422, problem.RuleViolated)
		if diff := cmp.Diff([]string{"period /from"}, faults(long)); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		expect(t, "what it may not have", try(c.Prescriber, start, time.Time{}, object{"rule": "SI_ITEM9", "off": true}), 422, problem.RuleViolated)
		if after := db.Contents(t); after != before {
			t.Error("a trial changed something")
		}
	})
}

// TestTrialDeadlines: a finding is due by the protocol that its treatment follows.
func TestTrialDeadlines(t *testing.T) {
	apitest.Each(t, func(t *testing.T, s *apitest.Site) {
		c := s.Clinic(t, "Deadlines")
		strict := treatment.Default()
		strict.Alerts.DueMin.Medium = 300 // minutes, not 1440
		made := s.Must(t, apitest.Call{Operation: "proposeProtocol", Token: c.Admin.Token, Body: object{"policy": policy(t, strict, "strict"), "reason": "Sooner."}})
		s.Must(t, apitest.Call{Operation: "approveProtocol", Token: c.Prescriber.Token, Path: map[string]string{"protocolId": made.Text("id")}})
		scene, start := c.For(t, "snoozeAlert"), s.Clock.Now() // a count that differs, medium
		move := func(protocol any) {
			scene.Version["treatment"] = scene.Do(t, c.Prescriber, "showTreatment", nil).Header.Get("ETag")
			expect(t, "moved", scene.Do(t, c.Prescriber, "updateTreatment", object{"protocolId": protocol}), 200, "")
		}
		for _, test := range []struct {
			protocol any
			after    time.Duration
			overdue  float64
		}{{c.Protocol, 0, 0}, {made.Text("id"), 299 * time.Minute, 0}, {c.Protocol, time.Minute, 0}, {made.Text("id"), 0, 1}} {
			move(test.protocol)
			s.Clock.Advance(test.after)
			got := s.Must(t, apitest.Call{Operation: "tryAlertRules", Token: c.Prescriber.Token, Body: object{"settings": []object{}, "from": start.Format(time.RFC3339Nano),
				"until": start.Add(time.Hour).Format(time.RFC3339Nano)}})
			if got.JSON("inForce", "alerts") != 1.0 || got.JSON("inForce", "overdue") != test.overdue {
				t.Errorf("%v: %s", test, got.Body)
			}
		}
	})
}

// tried is what a trial, or the list of what really happened, says of rules and patients.
type tried map[string]int

// twin is a clinic in which the same happens as in another one, with other rules.
type twin struct {
	*apitest.Clinic
	t      *testing.T
	scenes []*apitest.Scene
}

// rules that two clinics have. What is off in the first one nobody was asked to look at there. Unanswered
// follow-ups are on in both: while an alert stands the next one raises it again, and what stood in the one
// clinic the other cannot know.
var (
	firstRules = []object{
		{"rule": "SESSION_NO_POST_VITALS", "off": true}, {"rule": "INTERVAL_SHORT", "severity": "high"}, {"rule": "BP_PRE_SOFT", "dueMin": 240},
	}
	otherRules = []object{
		{"rule": "BP_PRE_SOFT", "off": true}, {"rule": "INTERVAL_SHORT", "dueMin": 120}, {"rule": "SESSION_NO_POST_VITALS", "severity": "critical"},
		{"rule": "SI_ITEM9", "severity": "high", "dueMin": 60}, {"rule": "PRO_OVERDUE_7D", "severity": "medium", "dueMin": 600},
		{"rule": "INVENTORY_MISMATCH", "off": true}, {"rule": "CHECKIN_OVERDUE", "severity": "high"},
	}
)

func newTwin(t *testing.T, s *apitest.Site, name string, rules []object) *twin {
	w := &twin{Clinic: s.Clinic(t, name), t: t}
	s.Must(t, apitest.Call{Operation: "publishAlertRules", Token: w.Admin.Token, Body: object{"settings": rules, "reason": "The audit."}})
	for range 3 {
		w.scenes = append(w.scenes, w.For(t, "logSession"))
	}
	return w
}

// happen lets one thing happen, which draw chooses: twins that draw the same numbers fare the same.
func (w *twin) happen(draw *rand.Rand) {
	s, what, much := w.scenes[draw.IntN(len(w.scenes))], draw.IntN(7), draw.IntN(4)
	for _, p := range []*apitest.Person{w.Clinician, w.Prescriber, s.Patient} {
		p.Token = w.Site.Issuer.Token(w.t, p.Subject, w.Site.Clock.Now())
	}
	do := func(who *apitest.Person, operation string, body object) {
		if got := s.Do(w.t, who, operation, body); got.Status > 299 {
			w.t.Fatalf("%s: %d %s", operation, got.Status, got.Body)
		}
	}
	switch what {
	case 0:
		body := s.Fact("systolicMmHg", []int{130, 146, 164, 185}[much])
		body["diastolicMmHg"] = 85
		do(s.Patient, "recordMeasurement", body)
	case 1:
		body := s.Fact("instrument", "phq-9")
		delete(body, "id")
		answers := object{}
		for i := range 9 {
			answers[fmt.Sprintf("phq9-%d", i+1)] = 1
		}
		if answers["phq9-9"] = much; much == 3 {
			delete(answers, "phq9-9")
		}
		body["answers"] = answers
		s.IDs["assessment"] = uuid.NewString()
		do(s.Patient, "recordAssessment", body)
	case 2:
		s.IDs["session"] = uuid.NewString()
		body := object{"doses": []any{s.Fact("doseMg", 100)}}
		if much > 1 {
			body["completions"] = []any{s.Fact("oriented", true)}
		}
		do(s.Patient, "logSession", body)
	case 3:
		body := s.Fact("units", 4*much)
		body["dispenseId"] = s.IDs["dispense"]
		do(s.Patient, "countSupply", body)
	case 4:
		do(w.Clinician, "assignAssessment", object{"instrument": "gad-7", "dueAt": w.Site.Clock.Now().Add(time.Hour).Format(time.RFC3339)})
	default:
		w.settle(s)
	}
}

// settle resolves whatever is open of a patient.
func (w *twin) settle(s *apitest.Scene) {
	open := w.Site.Must(w.t, apitest.Call{Operation: "listAlerts", Token: w.Clinician.Token, Query: "limit=200&status=open&patientId=" + s.IDs["patient"]})
	for _, a := range open.Items() {
		path, etag := map[string]string{"alertId": fmt.Sprint(a["id"])}, fmt.Sprintf(`"%v"`, a["version"])
		taken := w.Site.Must(w.t, apitest.Call{Operation: "acknowledgeAlert", Token: w.Clinician.Token, Path: path, Header: map[string]string{"If-Match": etag}, Body: object{}})
		w.Site.Must(w.t, apitest.Call{Operation: "resolveAlert", Token: w.Clinician.Token, Path: path, Header: map[string]string{"If-Match": taken.Header.Get("ETag")}, Body: object{"outcome": "handled"}})
	}
}

// really counts what the clinic's list of alerts has, and who was late by the worker's mark. What
// was late of some rules does not count.
func (w *twin) really(but ...string) tried {
	counts := tried{}
	for i, s := range w.scenes {
		for _, a := range w.Site.Must(w.t, apitest.Call{Operation: "listAlerts", Token: w.Clinician.Token, Query: "limit=200&patientId=" + s.IDs["patient"]}).Items() {
			rule := fmt.Sprint(a["rule"])
			counts[rule+" findings"]++
			if a["outcome"] == "ruleOff" {
				continue
			}
			counts[fmt.Sprint(rule, " ", a["severity"])]++
			counts[fmt.Sprint("patient ", i)]++
			if a["escalatedAt"] != nil && !strings.Contains(strings.Join(but, " "), rule) {
				counts[rule+" overdue"]++
			}
		}
	}
	return counts
}

// tries counts what a trial of rules says: side is inForce or proposed.
func (w *twin) tries(rules []object, from time.Time, side string) tried {
	got := w.Site.Must(w.t, apitest.Call{Operation: "tryAlertRules", Token: w.Prescriber.Token, Body: object{"settings": rules, "from": from.Format(time.RFC3339)}})
	counts := tried{}
	add := func(name string, n any) {
		if n != 0.0 {
			counts[name] = int(n.(float64))
		}
	}
	list, _ := got.JSON("rules").([]any)
	for _, item := range list {
		rule, _ := item.(map[string]any)
		add(fmt.Sprint(rule["rule"], " findings"), rule["findings"])
		for _, name := range append(words(treatment.Severities), "overdue") {
			add(fmt.Sprint(rule["rule"], " ", name), rule[side].(map[string]any)[name])
		}
	}
	list, _ = got.JSON("forWhom").([]any)
	for _, item := range list {
		for i, s := range w.scenes {
			if patient, _ := item.(map[string]any); patient["patientId"] == s.IDs["patient"] {
				add(fmt.Sprint("patient ", i), patient[side].(map[string]any)["alerts"])
			}
		}
	}
	return counts
}

// TestTrialIsWhatHappens: rules that are tried on a clinic's past make of it what they make of the
// same events in a clinic that has published them.
func TestTrialIsWhatHappens(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		s.Clock.Advance(s.Clock.Now().Truncate(time.Second).Add(time.Second).Sub(s.Clock.Now())) // facts tell whole seconds
		start := s.Clock.Now()
		first, other := newTwin(t, s, "First", firstRules), newTwin(t, s, "Other", otherRules)
		s.Pass(t, time.Minute) // what both of them began with is before all that happens
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		draws := []*rand.Rand{rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 1))}
		pause := rand.New(rand.NewPCG(seed, 2))
		for range 80 {
			first.happen(draws[0])
			other.happen(draws[1])
			s.Pass(t, time.Duration(1+pause.IntN(20*60))*time.Minute)
		}
		s.Pass(t, time.Second) // what is found at this very moment is not tried on
		for _, w := range []*twin{first, other} {
			for _, p := range []*apitest.Person{w.Clinician, w.Prescriber} {
				p.Token = s.Issuer.Token(t, p.Subject, s.Clock.Now())
			}
		}
		for name, test := range map[string]struct{ tried, really tried }{
			"the rules in force":          {first.tries(otherRules, start, "inForce"), first.really()},
			"those of the other":          {first.tries(otherRules, start, "proposed"), other.really("SESSION_NO_POST_VITALS")},
			"those in force, once more":   {first.tries(firstRules, start, "proposed"), first.really()},
			"the other's in force":        {other.tries(firstRules, start, "inForce"), other.really()},
			"and what it would have made": {other.tries(firstRules, start, "proposed"), first.really("BP_PRE_SOFT", "INVENTORY_MISMATCH")},
		} {
			if diff := cmp.Diff(test.really, test.tried); diff != "" {
				t.Errorf("%s (-really +tried):\n%s", name, diff)
			}
		}
		if n := len(first.really()); n < 15 {
			t.Errorf("only %d numbers were compared", n)
		}
	})
}
