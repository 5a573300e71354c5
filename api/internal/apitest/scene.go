package apitest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Scene is a patient with everything that an operation needs to succeed.
type Scene struct {
	Clinic  *Clinic
	Patient *Person
	IDs     map[string]string // what is there, by noun: "treatment", "session" …
	Version map[string]string // ETags that decisions rest on, by noun
}

// For makes a scene in which an operation can succeed.
func (c *Clinic) For(t testing.TB, operation string) *Scene {
	t.Helper()
	s := &Scene{Clinic: c, Patient: c.Patient(t, "Lindqvist"), IDs: map[string]string{}, Version: map[string]string{}}
	s.IDs["clinic"], s.IDs["protocol"] = c.ID.String(), c.Protocol.String()
	s.IDs["admin"], s.IDs["prescriber"], s.IDs["cosigner"], s.IDs["clinician"] = c.Admin.ID.String(), c.Prescriber.ID.String(), c.Cosigner.ID.String(), c.Clinician.ID.String()
	s.IDs["patient"], s.IDs["instrument"], s.IDs["fact"] = s.Patient.ID.String(), "phq-9", uuid.NewString()
	for _, step := range steps[strings.TrimSuffix(operation, "History")] { // a record's history needs the record
		step(t, s)
	}
	return s
}

// step adds one thing to a scene.
type step func(t testing.TB, s *Scene)

// steps say what each operation needs. An operation that is not here needs a patient at most.
var steps = map[string][]step{
	"showStaff": {colleague}, "updateStaff": {colleague}, "inviteStaff": {colleague}, "deactivateStaff": {colleague},
	"showMeasurement": {weight}, "voidMeasurement": {weight}, "approveProtocol": {proposed},
	"showSupportPerson": {supported}, "updateSupportPerson": {supported}, "removeSupportPerson": {supported},
	"showMedication": {medicated}, "endMedication": {medicated}, "voidMedication": {medicated},
	"showPdmpCheck": {monitored}, "voidPdmpCheck": {monitored},
	"showVisit": {booked}, "updateVisit": {booked}, "completeVisit": {answered, booked}, "markNoShow": {booked}, "cancelVisit": {booked},
	"showFollowUp": {followed}, "rescheduleFollowUp": {followed}, "completeFollowUp": {followed}, "cancelFollowUp": {followed},
	"listConsultations": {opened}, "showConsultation": {opened}, "showEligibility": {opened}, "fillIntake": {opened},
	"submitIntake": {opened, filledIn}, "withdrawConsultation": {opened}, "requestInfo": {opened, filledIn, submitted},
	"decideEligibility": {opened, filledIn, submitted, examined}, "reopenConsultation": {opened, filledIn, submitted, deferred},
	"clearCondition":      {opened, filledIn, submitted, examined, conditional},
	"showConsentTemplate": {text}, "retireConsentTemplate": {text},
	"presentConsent": {text}, "showConsent": {text, presented}, "signConsent": {text, presented}, "declineConsent": {text, presented},
	"withdrawConsent": {running, scheduled, text, presented, consentSigned},
	"startTreatment":  {eligible, consented}, "showTreatment": {planned}, "listTreatments": {planned}, "updateTreatment": {planned},
	"holdTreatment": {planned}, "discontinueTreatment": {planned}, "resumeTreatment": {planned, held}, "changePhase": {planned, acknowledged},
	"showInstructions": {running, scheduled}, "setInstructions": {planned}, "acknowledgeInstructions": {planned},
	"listPrescriptions": {planned}, "prescribe": {planned}, "showPrescription": {prescribed},
	"updatePrescription": {planned, drafted}, "discardPrescription": {planned, drafted}, "signPrescription": {planned, known, drafted},
	"cosignPrescription":   {planned, known, highDose, signedByCosigner},
	"withdrawPrescription": {planned, known, highDose, signedByCosigner},
	"holdPrescription":     {prescribed}, "stopPrescription": {prescribed}, "voidPrescription": {prescribed}, "resumePrescription": {prescribed, prescriptionHeld},
	"listAdjustments": {running}, "proposeAdjustment": {running}, "showAdjustment": {running, adjustmentProposed, adjustmentApproved, adjustmentApplied},
	"approveAdjustment": {running, adjustmentProposed, eventReported}, "rejectAdjustment": {running, adjustmentProposed},
	"withdrawAdjustment": {running, adjustmentProposed}, "applyAdjustment": {running, adjustmentProposed, adjustmentApproved},
	"listSuggestions": {running}, "suggestAdjustment": {running}, "showSuggestion": {running, suggested},
	"listDispenses": {running}, "recordDispense": {begun}, "showDispense": {running}, "voidDispense": {running},
	"showSupply": {running}, "listSupplyEntries": {running}, "listSupplySignals": {running, counted}, "countSupply": {running},
	"disposeSupply": {running}, "reportSupplyLoss": {running}, "voidSupplyEntry": {running, counted},
	"showSupplyEntry": {running, counted}, "showSupplySignal": {running, counted, suspected},
	"listSessions": {running}, "scheduleSession": {running}, "logSession": {running}, "showSession": {running, scheduled},
	"rescheduleSession": {running, scheduled}, "cancelSession": {running, scheduled}, "recordDose": {running, scheduled},
	"recordVitals": {running, scheduled}, "recordObservation": {running, scheduled}, "completeSession": {running, scheduled},
	"abortSession": {running, scheduled}, "escalateSession": {running, scheduled}, "checkInSession": {running, scheduled},
	"reviewSession": {running, scheduled, dosed, completed}, "voidSession": {running, scheduled},
	"showSessionFact": {running, scheduled, dosed}, "voidSessionFact": {running, scheduled, dosed}, "checkSession": {running, scheduled}, "showGate": {running, scheduled},
	"overrideHold": {running, scheduled, racing}, "inviteSupportPerson": {running, scheduled},
	"attestSession":    {running, scheduled, dosed},
	"assignAssessment": {planned}, "recordAssessment": {planned, anew},
	"showAssessment": {assigned}, "submitAssessment": {assigned}, "cancelAssessment": {assigned},
	"amendAssessment": {answered}, "reviewAssessment": {answered}, "voidAssessment": {answered},
	"showInstrument": {restricted, attested}, "attestInstrumentLicence": {restricted}, "showAlertRules": {ruled}, "listAlertRules": {ruled},
	"showAdverseEvent": {eventReported}, "triageAdverseEvent": {eventReported}, "updateAdverseEvent": {eventReported},
	"closeAdverseEvent": {eventReported, eventTriaged}, "reopenAdverseEvent": {eventReported, eventTriaged, eventClosed},
	"voidAdverseEvent": {eventReported},
	"showAlert":        {alarmed}, "acknowledgeAlert": {alarmed}, "assignAlert": {alarmed}, "snoozeAlert": {running, counted, alarming}, "resolveAlert": {alarmed, alertAcknowledged},
	"showAuditProof":      {numbered},
	"reopenAlert":         {alarmed, alertAcknowledged, alertResolved},
	"showWebhookEndpoint": {hooked}, "updateWebhookEndpoint": {hooked}, "removeWebhookEndpoint": {hooked}, "testWebhookEndpoint": {listening},
	"rotateWebhookSecret": {hooked}, "replayDeliveries": {listening}, "retryDelivery": {listening},
}

// all makes one step of several.
func all(steps ...step) step {
	return func(t testing.TB, s *Scene) {
		for _, step := range steps {
			step(t, s)
		}
	}
}

// The stations of the pathway.
var (
	// eligible is a patient whom a consultation has found eligible.
	eligible = all(opened, filledIn, submitted, examined, foundEligible)
	// planned is a treatment that has not begun.
	planned = all(eligible, consented, started)
	// known is what must be known before a signature.
	known = all(weight, monitored, seen)
	// prescribed is a planned treatment with an active prescription.
	prescribed = all(planned, known, drafted, signed)
	// begun is a treatment in induction with an active prescription.
	begun = all(prescribed, acknowledged, inducted)
	// running is one whose patient has a lot at home.
	running = all(begun, dispensed)
)

func colleague(t testing.TB, s *Scene) {
	p := s.Clinic.Staff(t, "colleague-"+uuid.NewString()[:8], client.StaffRoleClinician)
	s.IDs["staff"], s.Version["staff"] = p.ID.String(), `"2"`
}

// proposed is a protocol that waits for its approval.
func proposed(t testing.TB, s *Scene) {
	c := s.Call(t, "proposeProtocol")
	s.keep("protocol", s.must(t, s.Clinic.Admin, "proposeProtocol", c.Body))
}

// numbered is a journal whose entries have their numbers.
func numbered(t testing.TB, s *Scene) {
	s.Clinic.Site.Pass(t, 0)
	newest := s.Clinic.Site.Must(t, Call{Operation: "listAuditEntries", Token: s.Clinic.Admin.Token, Query: "limit=1"}).Items()
	s.IDs["entry"] = fmt.Sprint(newest[0]["id"])
}

func weight(t testing.TB, s *Scene) {
	a := s.must(t, s.Patient, "recordMeasurement", s.fact("weightKg", 68.4))
	s.IDs["measurement"] = a.Text("id")
}

func supported(t testing.TB, s *Scene) {
	s.keep("supportPerson", s.must(t, s.Patient, "addSupportPerson", map[string]any{"name": "Jonas", "phone": "+15185550143", "adult": true}))
}

func medicated(t testing.TB, s *Scene) {
	s.keep("medication", s.must(t, s.Patient, "recordMedication", s.fact("name", "Lorazepam")))
}

// monitored is a patient about whom the state's monitoring program was asked.
func monitored(t testing.TB, s *Scene) {
	check := s.fact("state", "NY")
	check["result"], check["reportedBy"] = "nothingUnexpected", "clinician"
	s.keep("pdmpCheck", s.must(t, s.Clinic.Clinician, "recordPdmpCheck", check))
}

// booked is a visit that begins now.
func booked(t testing.TB, s *Scene) {
	s.keep("visit", s.must(t, s.Clinic.Clinician, "bookVisit", map[string]any{
		"kind": "followUp", "mode": "inPerson", "providerId": s.IDs["prescriber"], "durationMin": 30,
		"plannedAt": s.Clinic.Site.Clock.Now().Format(time.RFC3339), "timeZone": "America/New_York",
	}))
}

// followed is something that the patient shall do tomorrow.
func followed(t testing.TB, s *Scene) {
	s.keep("followUp", s.must(t, s.Clinic.Clinician, "scheduleFollowUp", map[string]any{
		"title": "Call the clinic", "for": "patient", "dueAt": s.Clinic.Site.Clock.Now().Add(24 * time.Hour).Format(time.RFC3339),
	}))
}

// seen is a patient whom a prescriber has examined in person, from when on the law asks for it.
func seen(t testing.TB, s *Scene) {
	today := treatment.DateOf(s.Clinic.Site.Clock.Now())
	if today < treatment.Default().Prescribing.InPersonExamRequiredFrom {
		return
	}
	booked(t, s)
	s.must(t, s.Clinic.Clinician, "completeVisit", map[string]any{"note": "Examined.", "examinedInPerson": true})
}

// text is a consent text of the scene's own, the newest of its kind.
func text(t testing.TB, s *Scene) {
	s.keep("consentTemplate", s.must(t, s.Clinic.Admin, "publishConsentTemplate", map[string]any{
		"kind": "telehealth", "title": "Care by video", "text": "We meet on a screen.",
	}))
}

func presented(t testing.TB, s *Scene) {
	s.keep("consent", s.must(t, s.Clinic.Clinician, "presentConsent", map[string]any{"templateId": s.IDs["consentTemplate"]}))
}

func consentSigned(t testing.TB, s *Scene) {
	s.keep("consent", s.must(t, s.Patient, "signConsent", s.fact("signatureName", "Maya Lindqvist")))
}

// consented is a patient who has signed every consent that the protocol requires.
func consented(t testing.TB, s *Scene) {
	for _, kind := range treatment.Default().Treatment.RequiredConsents {
		page := s.Clinic.Site.Must(t, Call{Operation: "listConsentTemplates", Token: s.Clinic.Clinician.Token, Query: "limit=200&status=published&kind=" + kind})
		newest := slices.MaxFunc(page.Items(), func(a, b map[string]any) int {
			return cmp.Compare(a["revision"].(float64), b["revision"].(float64))
		})
		s.IDs["consentTemplate"] = fmt.Sprint(newest["id"])
		presented(t, s)
		consentSigned(t, s)
	}
}

func started(t testing.TB, s *Scene) {
	s.keep("treatment", s.must(t, s.Clinic.Prescriber, "startTreatment", map[string]any{
		"indication": "depression", "protocolId": s.IDs["protocol"], "responsiblePrescriberId": s.IDs["prescriber"],
	}))
}

func acknowledged(t testing.TB, s *Scene) {
	s.must(t, s.Patient, "acknowledgeInstructions", s.fact("revision", 1))
	s.refresh(t, "treatment", "showTreatment")
}

func inducted(t testing.TB, s *Scene) {
	s.keep("treatment", s.must(t, s.Clinic.Prescriber, "changePhase", map[string]any{"phase": "induction", "reason": "Baseline complete."}))
}

// assess has the patient answer instruments, without anything dangerous.
func (s *Scene) assess(t testing.TB, instruments ...string) {
	for _, instrument := range instruments {
		s.IDs["assessment"] = uuid.NewString()
		s.must(t, s.Patient, "recordAssessment", s.answers(instrument, 2, 0))
	}
}

func held(t testing.TB, s *Scene) {
	s.keep("treatment", s.must(t, s.Clinic.Prescriber, "holdTreatment", map[string]any{"reason": "sideEffects"}))
}

func drafted(t testing.TB, s *Scene) { s.draft(t, 100) }

func highDose(t testing.TB, s *Scene) { s.draft(t, 440) } // above 6 mg/kg of 68.4 kg

func (s *Scene) draft(t testing.TB, mg int) {
	s.keep("prescription", s.must(t, s.Clinic.Clinician, "prescribe", map[string]any{
		"form": "rapidlyDissolvingTablet", "route": "sublingual", "strengthMg": 50, "doseMg": mg, "minIntervalHours": 48,
		"sessionsPerWeek": 3, "quantityUnits": 12, "refills": 1, "directions": "Hold under the tongue for ten minutes.",
	}))
}

func signed(t testing.TB, s *Scene) {
	s.keep("prescription", s.must(t, s.Clinic.Prescriber, "signPrescription", nil))
}

func signedByCosigner(t testing.TB, s *Scene) {
	s.keep("prescription", s.must(t, s.Clinic.Cosigner, "signPrescription", nil))
}

func prescriptionHeld(t testing.TB, s *Scene) {
	s.keep("prescription", s.must(t, s.Clinic.Prescriber, "holdPrescription", map[string]any{"reason": "supply"}))
}

func adjustmentProposed(t testing.TB, s *Scene) {
	s.keep("adjustment", s.must(t, s.Clinic.Clinician, "proposeAdjustment", s.Call(t, "proposeAdjustment").Body))
}

// suggested is what the rules say about the scene's treatment.
func suggested(t testing.TB, s *Scene) {
	s.keep("suggestion", s.must(t, s.Clinic.Clinician, "suggestAdjustment", nil))
}

func adjustmentApproved(t testing.TB, s *Scene) {
	s.keep("adjustment", s.must(t, s.Clinic.Prescriber, "approveAdjustment", map[string]any{}))
}

// adjustmentApplied drafts what was approved and signs it.
func adjustmentApplied(t testing.TB, s *Scene) {
	drafted := s.must(t, s.Clinic.Prescriber, "applyAdjustment", nil)
	s.IDs["prescription"], s.Version["prescription"] = drafted.Text("draftId"), `"1"`
	signed(t, s)
	s.refresh(t, "adjustment", "showAdjustment")
}

// dispensed is a lot of 12 units of 50 mg.
func dispensed(t testing.TB, s *Scene) {
	fact := s.fact("units", 12)
	fact["reportedBy"], fact["strengthMg"], fact["lot"], fact["beyondUseDate"] = "pharmacy", 50, "K26-1107", treatment.DateOf(s.Clinic.Site.Clock.Now().AddDate(0, 5, 0))
	s.keep("dispense", s.must(t, s.Clinic.Clinician, "recordDispense", fact))
	s.refresh(t, "prescription", "showPrescription")
}

// counted is a count of that lot by the patient.
func counted(t testing.TB, s *Scene) {
	fact := s.fact("units", 9)
	fact["dispenseId"] = s.IDs["dispense"]
	s.keep("supplyEntry", s.must(t, s.Patient, "countSupply", fact))
}

// suspected is the one signal that the count has left.
func suspected(t testing.TB, s *Scene) {
	a := s.Clinic.Site.Must(t, Call{Operation: "listSupplySignals", Token: s.Clinic.Clinician.Token, Path: s.path(t, "listSupplySignals")})
	s.IDs["supplySignal"] = fmt.Sprint(a.Items()[0]["id"])
}

func scheduled(t testing.TB, s *Scene) {
	s.keep("session", s.must(t, s.Patient, "scheduleSession", map[string]any{
		"plannedAt": s.Clinic.Site.Clock.Now().Add(time.Hour).Format(time.RFC3339), "timeZone": "America/New_York",
	}))
}

// racing is a session that the gate holds for nothing but a fast heart.
func racing(t testing.TB, s *Scene) {
	reading := s.fact("systolicMmHg", 124)
	reading["diastolicMmHg"], reading["heartRateBpm"] = 80, 115
	s.must(t, s.Patient, "recordVitals", reading)
	check := s.fact("redFlags", []string{})
	check["solidsFastedMin"], check["fluidsFastedMin"], check["supportPersonPresent"] = 300, 150, true
	check["supportPersonId"], check["pregnancy"], check["substances"] = s.IDs["supportPerson"], "notPregnant", []string{}
	check["acuteIllness"], check["sleptHours"] = false, 7
	s.keep("session", s.must(t, s.Patient, "checkSession", check))
}

func dosed(t testing.TB, s *Scene) {
	fact := s.fact("doseMg", 100)
	s.keep("session", s.must(t, s.Patient, "recordDose", fact))
	s.IDs["fact"] = fmt.Sprint(fact["id"])
}

func completed(t testing.TB, s *Scene) {
	s.keep("session", s.must(t, s.Patient, "completeSession", s.fact("oriented", true)))
}

func assigned(t testing.TB, s *Scene) {
	s.keep("assessment", s.must(t, s.Clinic.Clinician, "assignAssessment", map[string]any{
		"instrument": "phq-9", "dueAt": s.Clinic.Site.Clock.Now().Add(24 * time.Hour).Format(time.RFC3339),
	}))
}

// restricted is about an instrument that needs a licence.
func restricted(_ testing.TB, s *Scene) { s.IDs["instrument"] = "madrs" }

// attested is the clinic's licence for it.
func attested(t testing.TB, s *Scene) {
	s.must(t, s.Clinic.Admin, "attestInstrumentLicence", map[string]any{"licence": "Permission of the owner"})
}

// ruled are alert rules of the clinic's own.
func ruled(t testing.TB, s *Scene) {
	s.must(t, s.Clinic.Admin, "publishAlertRules", map[string]any{"settings": []any{}, "reason": "As shipped."})
}

// anew has the next assessment get an id of its own.
func anew(_ testing.TB, s *Scene) { delete(s.IDs, "assessment") }

func answered(t testing.TB, s *Scene) {
	s.IDs["assessment"] = uuid.NewString()
	s.keep("assessment", s.must(t, s.Patient, "recordAssessment", s.answers("phq-9", 1, 0)))
}

func eventReported(t testing.TB, s *Scene) {
	s.keep("adverseEvent", s.must(t, s.Patient, "reportAdverseEvent", s.fact("term", "nausea")))
}

func eventTriaged(t testing.TB, s *Scene) {
	s.keep("adverseEvent", s.must(t, s.Clinic.Clinician, "triageAdverseEvent", map[string]any{
		"grade": 2, "serious": false, "causality": "possible", "outcome": "resolved",
	}))
}

func eventClosed(t testing.TB, s *Scene) {
	s.keep("adverseEvent", s.must(t, s.Clinic.Clinician, "closeAdverseEvent", map[string]any{}))
}

func alarmed(t testing.TB, s *Scene) {
	s.IDs["assessment"] = uuid.NewString()
	s.must(t, s.Patient, "recordAssessment", s.answers("phq-9", 1, 1))
	alarming(t, s)
}

// alarming makes the scene be about the patient's one alert.
func alarming(t testing.TB, s *Scene) {
	a := s.Clinic.Site.Must(t, Call{Operation: "listAlerts", Token: s.Clinic.Clinician.Token, Query: "patientId=" + s.IDs["patient"]})
	items := a.Items()
	if len(items) != 1 {
		t.Fatalf("%d alerts: %s", len(items), a.Body)
	}
	s.IDs["alert"], s.Version["alert"] = fmt.Sprint(items[0]["id"]), `"1"`
}

func alertAcknowledged(t testing.TB, s *Scene) {
	s.keep("alert", s.must(t, s.Clinic.Clinician, "acknowledgeAlert", map[string]any{"note": "Calling."}))
}

func alertResolved(t testing.TB, s *Scene) {
	s.keep("alert", s.must(t, s.Clinic.Clinician, "resolveAlert", map[string]any{"outcome": "handled", "note": "Spoke."}))
}
