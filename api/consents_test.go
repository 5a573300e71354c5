package api_test

import (
	"fmt"
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

// TestConsents: what patients are asked to sign, and what they answer.
func TestConsents(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Consents"), db: db}
		for _, test := range []struct {
			name string
			run  func(*testing.T)
		}{
			{"present", c.presents}, {"sign", c.signs}, {"witness", c.witnesses}, {"in a session", c.signsInSession}, {"supersede", c.supersedes},
			{"expire", c.consentExpires}, {"again", c.presentsAgain}, {"decline", c.declines}, {"partners", c.partners}, {"withdraw", c.withdraws},
		} {
			c.patient = c.Patient(t, "Lindqvist")
			t.Run(test.name, test.run)
		}
	})
}

// present puts a text before the counter's patient.
func (c *counter) present(t *testing.T, template, partner string) apitest.Answer {
	t.Helper()
	body := map[string]any{"templateId": template}
	if partner != "" {
		body["partner"] = partner
	}
	return send(t, c.Site, wire(t, c.call("presentConsent", c.Clinician, body)))
}

// presented publishes a text and puts it before the counter's patient.
func (c *counter) presented(t *testing.T, kind treatment.ConsentKind, partner string) apitest.Answer {
	t.Helper()
	got := c.present(t, c.publish(t, kind).Text("id"), partner)
	expect(t, "present "+string(kind), got, 201, "")
	return got
}

// answer sends a fact about a consent: who signs, declines or withdraws.
func (c *counter) answer(t *testing.T, operation string, who *apitest.Person, consent apitest.Answer, change ...any) apitest.Answer {
	t.Helper()
	body := c.weight()
	delete(body, "weightKg")
	if operation == "signConsent" {
		body["signatureName"] = "Maya Lindqvist"
	}
	for i := 0; i < len(change); i += 2 {
		body[fmt.Sprint(change[i])] = change[i+1]
	}
	return send(t, c.Site, wire(t, apitest.Call{Operation: operation, Token: who.Token, Path: map[string]string{"consentId": consent.Text("id")}, Body: body}))
}

func (c *counter) consent(t *testing.T, id string) apitest.Answer {
	t.Helper()
	return c.Site.Must(t, apitest.Call{Operation: "showConsent", Token: c.Clinician.Token, Path: map[string]string{"consentId": id}})
}

// presents: the newest text that is not retired, once.
func (c *counter) presents(t *testing.T) {
	older, newer := c.publish(t, treatment.ConsentNoDriving), c.publish(t, treatment.ConsentNoDriving)
	c.stays(t, func() {
		got := c.present(t, uuid.NewString(), "")
		expect(t, "no text", got, 422, problem.ReferenceNotFound)
		got = c.present(t, older.Text("id"), "")
		expect(t, "an older text", got, 422, problem.RuleViolated)
		ruled(t, got, "consentText /templateId")
	})
	first := c.present(t, newer.Text("id"), "")
	expect(t, "the newest", first, 201, "")
	for name, want := range map[string]any{
		"status": "presented", "kind": "noDriving", "title": "A title", "text": "A text.", "revision": newer.JSON("revision"), "templateId": newer.Text("id"),
		"presentedBy": c.Clinician.ID.String(), "signature": nil, "signedAt": nil, "expiresAt": nil, "partner": nil, "version": 1.0,
	} {
		if got := first.JSON(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if where := first.Header.Get("Location"); where != "/v1/consents/"+first.Text("id") {
		t.Errorf("Location %q", where)
	}
	c.stays(t, func() { expect(t, "twice", c.present(t, newer.Text("id"), ""), 409, problem.IllegalTransition) })

	expect(t, "retire", c.retire(t, newer), 200, "")
	c.stays(t, func() { expect(t, "a retired text", c.present(t, newer.Text("id"), ""), 422, problem.RuleViolated) })
	expect(t, "the one before it", c.present(t, older.Text("id"), ""), 201, "")
	if got := c.consent(t, first.Text("id")); got.Text("status") != "expired" || got.Header.Get("ETag") != `"1.expired"` {
		t.Errorf("presented, text retired: %s with ETag %s", got.Text("status"), got.Header.Get("ETag"))
	}
	c.stays(t, func() {
		expect(t, "sign a retired text", c.answer(t, "signConsent", c.patient, first), 409, problem.IllegalTransition)
	})
	late := c.answer(t, "signConsent", c.patient, first, "occurredAt", c.Site.Clock.Now().Add(-time.Second).Format(time.RFC3339))
	expect(t, "signed before the text was retired", late, 201, "")
	if late.Text("status") != "expired" {
		t.Errorf("it is %s", late.Text("status"))
	}
}

// ruled compares the rules that a refusal names, with their places.
func ruled(t *testing.T, got apitest.Answer, want string) {
	t.Helper()
	if diff := cmp.Diff([]string{want}, faults(got)); diff != "" {
		t.Errorf("rules (-want +got):\n%s\n%s", diff, got.Body)
	}
}

// signs: it counts from when it happened, for the text's months.
func (c *counter) signs(t *testing.T) {
	presented := c.presented(t, treatment.ConsentNoDriving, "")
	signed := c.answer(t, "signConsent", c.patient, presented, "occurredAt", "2026-10-31T20:00:00-04:00")
	expect(t, "sign", signed, 201, "")
	for name, want := range map[string]any{
		"status": "signed", "signatureName": "Maya Lindqvist", "signedAt": "2026-11-01T00:00:00Z", "expiresAt": "2027-11-01T00:00:00Z",
		"witnessedBy": nil, "ending": nil, "version": 2.0, "text": "A text.",
	} {
		if got := signed.JSON(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	fact, _ := signed.JSON("signature").(map[string]any)
	if fact["occurredAt"] != "2026-11-01T00:00:00Z" || fact["mode"] != "app" || fact["reportedBy"] != "patient" || fact["clockSkew"] != false ||
		fmt.Sprint(fact["recordedBy"]) != fmt.Sprint(map[string]any{"kind": "patient", "id": c.patient.ID.String()}) {
		t.Errorf("signature: %v", fact)
	}
	c.stays(t, func() {
		expect(t, "sign again", c.answer(t, "signConsent", c.patient, presented), 409, problem.IllegalTransition)
		expect(t, "decline", c.answer(t, "declineConsent", c.patient, presented), 409, problem.IllegalTransition)
		expect(t, "present", c.present(t, presented.Text("templateId"), ""), 409, problem.IllegalTransition)
	})
	list := c.Site.Must(t, c.call("listConsents", c.patient, nil))
	items, _ := list.JSON("items").([]any)
	if one, _ := items[0].(map[string]any); len(items) != 1 || one["status"] != "signed" || one["title"] != "A title" || one["text"] != nil {
		t.Errorf("list: %s", list.Body)
	}
}

// witnesses: staff record what they have seen, and that is not in the app.
func (c *counter) witnesses(t *testing.T) {
	presented := c.presented(t, treatment.ConsentTelehealth, "")
	c.stays(t, func() {
		got := c.answer(t, "signConsent", c.Clinician, presented)
		expect(t, "in the app", got, 422, problem.RuleViolated)
		ruled(t, got, "witness /mode")
	})
	signed := c.answer(t, "signConsent", c.Clinician, presented, "mode", "video")
	expect(t, "on video", signed, 201, "")
	if signed.Text("witnessedBy") != c.Clinician.ID.String() || signed.Text("signature", "recordedBy", "kind") != "staff" {
		t.Errorf("witnessed: %s", signed.Body)
	}
}

// signsInSession: nobody signs between a dose and the release, or says later that they did.
func (c *counter) signsInSession(t *testing.T) {
	scene := c.For(t, "recordDose")
	c.patient = scene.Patient
	presented := c.presented(t, treatment.ConsentSupportPerson, "")
	tell := func(operation string, after time.Duration) {
		call := scene.Call(t, operation)
		call.Token = scene.Patient.Token
		body, _ := call.Body.(map[string]any)
		c.Site.Clock.Advance(after)
		body["occurredAt"] = c.Site.Clock.Now().Format(time.RFC3339)
		c.Site.Must(t, call)
	}
	before := c.Site.Clock.Now()
	tell("recordDose", time.Minute)
	refuse := func(name string, who *apitest.Person, change ...any) {
		t.Helper()
		c.stays(t, func() {
			got := c.answer(t, "signConsent", who, presented, change...)
			expect(t, name, got, 422, problem.RuleViolated)
			ruled(t, got, "sessionRunning ")
		})
	}
	c.Site.Clock.Advance(time.Hour)
	during := c.Site.Clock.Now()
	refuse("in the session", c.patient)
	refuse("by staff", c.Prescriber, "mode", "phone")
	refuse("dated before it", c.patient, "occurredAt", before.Format(time.RFC3339))
	tell("completeSession", time.Hour)
	refuse("dated into it", c.patient, "occurredAt", during.Format(time.RFC3339))
	expect(t, "after the release", c.answer(t, "signConsent", c.patient, presented), 201, "")
}

// supersedes: a signature takes the place of the one to an earlier text.
func (c *counter) supersedes(t *testing.T) {
	first := c.presented(t, treatment.ConsentTreatment, "")
	expect(t, "sign the first", c.answer(t, "signConsent", c.patient, first), 201, "")
	waiting := c.presented(t, treatment.ConsentTreatment, "")
	other := c.presented(t, treatment.ConsentTelehealth, "")
	third := c.presented(t, treatment.ConsentTreatment, "")
	expect(t, "sign another kind", c.answer(t, "signConsent", c.patient, other), 201, "")
	if got := c.consent(t, first.Text("id")).Text("status"); got != "signed" {
		t.Errorf("publishing and presenting made the first one %s", got)
	}
	signed := c.answer(t, "signConsent", c.patient, third)
	expect(t, "sign the third", signed, 201, "")
	for _, old := range []apitest.Answer{first, waiting} {
		got := c.consent(t, old.Text("id"))
		if got.Text("status") != "superseded" || got.Text("endedAt") != signed.Text("signedAt") || got.JSON("ending") != nil {
			t.Errorf("superseded: %s", got.Body)
		}
	}
	if got := c.consent(t, other.Text("id")).Text("status"); got != "signed" {
		t.Errorf("the other kind is %s", got)
	}
	c.stays(t, func() {
		expect(t, "sign what was superseded", c.answer(t, "signConsent", c.patient, waiting), 409, problem.IllegalTransition)
	})
}

// consentExpires: after its months the same version is another answer, and so it is when the
// text is retired.
func (c *counter) consentExpires(t *testing.T) {
	text := c.publish(t, treatment.ConsentNoDriving, "validMonths", 1)
	presented := c.present(t, text.Text("id"), "")
	signed := c.answer(t, "signConsent", c.patient, presented)
	expires, err := time.Parse(time.RFC3339Nano, signed.Text("expiresAt"))
	if err != nil {
		t.Fatal(err)
	}
	show := wire(t, apitest.Call{Operation: "showConsent", Token: c.patient.Token, Path: map[string]string{"consentId": presented.Text("id")}})
	list := c.call("listConsents", c.Clinician, nil)
	tag := signed.Header.Get("ETag")
	c.Site.Clock.Advance(expires.Add(-time.Second).Sub(c.Site.Clock.Now()))
	if got := send(t, c.Site, show.with("If-None-Match", tag)); got.Status != 304 {
		t.Errorf("a second before it expires: %d %s", got.Status, got.Body)
	}
	c.listed(t, list, "signed", "expired")
	c.Site.Clock.Advance(time.Second)
	c.derived(t, send(t, c.Site, show.with("If-None-Match", tag)), tag, "expired")
	c.listed(t, list, "expired", "signed")

	again := c.present(t, text.Text("id"), "")
	expect(t, "present again", again, 201, "")
	c.stays(t, func() {
		got := c.answer(t, "signConsent", c.patient, again, "occurredAt", expires.Add(-time.Second).Format(time.RFC3339))
		expect(t, "a signature of before", got, 422, problem.RuleViolated)
		ruled(t, got, "answeredBefore /occurredAt")
	})
	signed = c.answer(t, "signConsent", c.patient, again)
	expect(t, "sign again", signed, 201, "")
	c.listed(t, list, "signed", "presented")
	expect(t, "retire", c.retire(t, text), 200, "")
	c.derived(t, send(t, c.Site, show), signed.Header.Get("ETag"), "expired")
	c.listed(t, list, "expired", "signed")
	c.stays(t, func() {
		expect(t, "present a retired text", c.present(t, text.Text("id"), ""), 422, problem.RuleViolated)
	})
}

// presentsAgain: the same record waits again; what it was stays in the history.
func (c *counter) presentsAgain(t *testing.T) {
	first := c.presented(t, treatment.ConsentNoDriving, "")
	signed := c.answer(t, "signConsent", c.patient, first)
	withdrawn := c.answer(t, "withdrawConsent", c.patient, first, "reason", "Moving away.")
	expect(t, "withdraw", withdrawn, 201, "")
	if withdrawn.Text("statusReason") != "Moving away." || withdrawn.Text("signature", "id") != signed.Text("signature", "id") || withdrawn.Text("ending", "mode") != "app" {
		t.Errorf("withdrawn: %s", withdrawn.Body)
	}
	c.stays(t, func() {
		expect(t, "withdraw again", c.answer(t, "withdrawConsent", c.patient, first), 409, problem.IllegalTransition)
		expect(t, "sign", c.answer(t, "signConsent", c.patient, first), 409, problem.IllegalTransition)
	})
	again := c.present(t, first.Text("templateId"), "")
	expect(t, "present again", again, 201, "")
	for name, want := range map[string]any{
		"id": first.Text("id"), "version": 4.0, "status": "presented", "createdAt": first.Text("createdAt"),
		"signature": nil, "ending": nil, "statusReason": nil, "signatureName": nil, "signedAt": nil, "endedAt": nil,
	} {
		if got := again.JSON(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	kept := c.db.Column(t, `SELECT data FROM history WHERE record = 'consents' AND CAST(record_id AS TEXT) = $1 ORDER BY version`, first.Text("id"))
	if len(kept) != 4 || !strings.Contains(kept[2], `"Moving away."`) || !strings.Contains(kept[2], `"Maya Lindqvist"`) {
		t.Errorf("history: %v", kept)
	}
}

// declines: whether and why is the patient's to say.
func (c *counter) declines(t *testing.T) {
	presented := c.presented(t, treatment.ConsentCommunication, "")
	declined := c.answer(t, "declineConsent", c.patient, presented)
	expect(t, "decline", declined, 201, "")
	if declined.Text("status") != "declined" || declined.JSON("statusReason") != nil || declined.JSON("signature") != nil || declined.Text("ending", "id") == "" {
		t.Errorf("declined: %s", declined.Body)
	}
	c.stays(t, func() {
		expect(t, "withdraw", c.answer(t, "withdrawConsent", c.patient, presented), 409, problem.IllegalTransition)
	})
	expect(t, "present again", c.present(t, presented.Text("templateId"), ""), 201, "")
	expect(t, "sign", c.answer(t, "signConsent", c.patient, presented), 201, "")
}

// partners: each has a consent of its own.
func (c *counter) partners(t *testing.T) {
	text := c.publish(t, treatment.ConsentDataSharing).Text("id")
	c.stays(t, func() {
		got := c.present(t, text, "")
		expect(t, "nobody", got, 422, problem.RuleViolated)
		ruled(t, got, "partner /partner")
		got = c.present(t, c.texts(t, c.Clinician, "kind=communication&status=published&limit=1")[0]["id"].(string), "Acme Health")
		expect(t, "a partner of another kind", got, 422, problem.RuleViolated)
		ruled(t, got, "partner /partner")
		for _, name := range []string{" Acme", "Acme ", "Acme  Health", " ", "Acme\tHealth "} {
			expect(t, name, c.present(t, text, name), 400, problem.InvalidRequest)
		}
	})
	acme, other := c.present(t, text, "Acme Health"), c.present(t, text, "Other Health")
	for _, consent := range []apitest.Answer{acme, other} {
		expect(t, "present", consent, 201, "")
		expect(t, "sign", c.answer(t, "signConsent", c.patient, consent), 201, "")
	}
	if got := c.consent(t, acme.Text("id")); got.Text("status") != "signed" || got.Text("partner") != "Acme Health" {
		t.Errorf("after the other was signed: %s", got.Body)
	}
}

// withdraws: what rests on a required consent stops at once; what has begun is finished.
func (c *counter) withdraws(t *testing.T) {
	scene := c.For(t, "logSession")
	c.patient = scene.Patient
	schedule := func(hours int) apitest.Answer {
		return c.Site.Must(t, apitest.Call{
			Operation: "scheduleSession", Token: c.patient.Token, Path: map[string]string{"treatmentId": scene.IDs["treatment"]},
			Body: map[string]any{"plannedAt": c.Site.Clock.Now().Add(time.Duration(hours) * time.Hour).Format(time.RFC3339), "timeZone": "America/New_York"},
		})
	}
	status := func(operation, noun, id string) string {
		t.Helper()
		got := c.Site.Must(t, apitest.Call{Operation: operation, Token: c.patient.Token, Path: map[string]string{noun: id}})
		holds, _ := got.JSON("holds").([]any)
		for _, h := range holds {
			return fmt.Sprint(h.(map[string]any)["reason"], ", ", h.(map[string]any)["note"])
		}
		return got.Text("status")
	}
	treatmentIs := func() string { t.Helper(); return status("showTreatment", "treatmentId", scene.IDs["treatment"]) }
	running, planned := schedule(1), schedule(80)
	signed := func(kind treatment.ConsentKind, partner string) apitest.Answer {
		consent := c.presented(t, kind, partner)
		expect(t, "sign", c.answer(t, "signConsent", c.patient, consent), 201, "")
		return consent
	}
	required, free := signed(treatment.ConsentTelehealth, ""), signed(treatment.ConsentCommunication, "")
	dose := scene.Call(t, "recordDose")
	dose.Token, dose.Path = c.patient.Token, map[string]string{"sessionId": running.Text("id")}
	dose.Body.(map[string]any)["occurredAt"] = c.Site.Clock.Now().Format(time.RFC3339)
	delete(dose.Body.(map[string]any), "from")
	c.Site.Must(t, dose)

	expect(t, "withdraw what is not required", c.answer(t, "withdrawConsent", c.patient, free), 201, "")
	if got := treatmentIs(); got != "" {
		t.Errorf("it put the treatment on hold: %s", got)
	}
	// in the session too, and by a clock that is ahead
	ahead := c.Site.Clock.Now().Add(20 * time.Hour).Format(time.RFC3339)
	expect(t, "withdraw what is required", c.answer(t, "withdrawConsent", c.patient, required, "occurredAt", ahead), 201, "")
	if got, want := treatmentIs(), "consentWithdrawn, consent withdrawn: telehealth"; got != want {
		t.Errorf("hold %q, want %q", got, want)
	}
	for session, want := range map[string]string{running.Text("id"): "monitoring", planned.Text("id"): "cancelled"} {
		if got := status("showSession", "sessionId", session); got != want {
			t.Errorf("a session is %s, want %s", got, want)
		}
	}
	complete := scene.Call(t, "completeSession")
	complete.Token, complete.Path = c.patient.Token, dose.Path
	c.Site.Clock.Advance(3 * time.Hour)
	complete.Body.(map[string]any)["occurredAt"] = c.Site.Clock.Now().Format(time.RFC3339)
	c.Site.Must(t, complete)

	expect(t, "present again", c.present(t, required.Text("templateId"), ""), 201, "")
	expect(t, "sign again", c.answer(t, "signConsent", c.patient, required), 201, "")
	if treatmentIs() == "" {
		t.Error("a signature resumes the treatment")
	}
}
