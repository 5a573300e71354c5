package pathway_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/pkg/problem"
)

// pick draws one of a list, and gives the action up when there is none.
func pick[T any](w *walk, label string, list []T) T {
	if len(list) == 0 {
		w.rt.Skip("no " + label)
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(w.rt, label)]
}

// newest draws from the newest of a list, which is where something can happen, but for once in a
// while.
func newest[T any](w *walk, label string, list []T) T {
	if len(list) > 1 && rapid.IntRange(0, 3).Draw(w.rt, "newest") > 0 {
		list = list[len(list)-1:]
	}
	return pick(w, label, list)
}

func created(noun string, a apitest.Answer) record { return record{noun, a.Text("id")} }

// Consultations.

func (w *walk) openIntake() {
	if a, ok := w.do(w.clinic.Clinician, "openConsultation", w.party, nil, w.open); ok {
		w.intakes = append(w.intakes, &intake{record: created("consultation", a), status: "draft"})
	}
}

var conditions = []string{
	"ketamineAllergy", "aneurysmOrAvm", "intracerebralHaemorrhage", "unstableCardiovascular", "hypertensiveEncephalopathy",
	"raisedIntracranialPressure", "raisedIntraocularPressure", "severeHepaticImpairment", "moderateHepaticImpairment", "cystitis",
	"untreatedHyperthyroidism", "phaeochromocytoma", "seizureDisorder", "severeRespiratoryDisease", "porphyria",
}

// fill answers the intake: in part, without any reason against the treatment, or with pregnancy.
func (w *walk) fill(i *intake, answers string) {
	list := []any{}
	for _, condition := range conditions {
		list = append(list, map[string]any{"condition": condition, "answer": "no"})
	}
	body := map[string]any{"history": map[string]any{"conditions": list}}
	if answers != "part" {
		pregnancy := map[string]string{"clean": "notPregnant", "pregnant": "pregnant"}[answers]
		body["medications"], body["pregnancy"] = map[string]any{"takesAny": false}, pregnancy
		body["supportPerson"], body["diagnoses"] = map[string]any{"available": "yes"}, []any{"F33.1"}
		body["screens"] = map[string]any{"psychosis": "never", "mania": "never", "substanceUse": "none", "opioidUseDisorder": "no"}
		body["capacity"] = map[string]any{"hasCapacity": "yes"}
		body["homeSafety"] = map[string]any{
			"emergencyAddressConfirmed": "yes", "videoAvailable": "yes", "safePlace": "yes", "childrenSupervised": "yes", "weaponsSecured": "yes",
		}
	}
	if _, ok := w.do(w.clinic.Clinician, "fillIntake", i, body, i.fill); ok && (answers != "part" || i.answers == "") {
		i.answers = answers
	}
}

func (w *walk) submit(i *intake) {
	if _, ok := w.do(w.patient, "submitIntake", i, nil, i.submit); ok {
		i.status = "submitted"
	}
}

func (w *walk) askBack(i *intake) {
	if _, ok := w.do(w.staff(), "requestInfo", i, map[string]any{"question": "Since when?"}, i.ask); ok {
		i.status = "awaitingInfo"
	}
}

func (w *walk) decideOn(i *intake, outcome string) {
	body := map[string]any{"outcome": outcome}
	var accepted []string
	switch outcome {
	case "ineligible", "deferred":
		body["reasons"] = []any{"hypertension"}
	case "eligibleWithConditions":
		body["conditions"] = []any{map[string]any{"code": "hypertension", "ask": "A week of readings."}}
		fallthrough
	case "eligible":
		if doubts := w.doubts(); len(doubts) > 0 && rapid.Bool().Draw(w.rt, "accepted") {
			accepted = doubts
			body["acceptedFindings"] = acceptances(doubts)
		}
	}
	if _, ok := w.do(w.prescriber(), "decideEligibility", i, body, func() problem.Code { return w.decide(i, outcome, accepted) }); ok {
		i.status, i.decided = outcome, w.now
		if outcome == "eligible" {
			i.foundGood = w.now
		}
	}
}

func acceptances(doubts []string) (accepted []any) {
	for _, code := range doubts {
		accepted = append(accepted, map[string]any{"code": code, "note": "Agreed with who prescribes it."})
	}
	return accepted
}

func (w *walk) clearCondition(i *intake) {
	body := map[string]any{"condition": "hypertension", "evidence": "128/80 on seven days."}
	if _, ok := w.do(w.prescriber(), "clearCondition", i, body, i.clear); ok {
		i.status, i.foundGood = "eligible", w.now
	}
}

func (w *walk) reopen(i *intake) {
	if _, ok := w.do(w.prescriber(), "reopenConsultation", i, reason, i.reopen); ok {
		i.status, i.decided = "submitted", time.Time{}
	}
}

func (w *walk) withdrawIntake(i *intake) {
	if _, ok := w.do(w.staff(), "withdrawConsultation", i, reason, i.withdraw); ok {
		i.status = "withdrawn"
	}
}

var reason = map[string]any{"reason": "It is so."}

// What must be known.

func (w *walk) answer(instrument string, item9 int) {
	answers := map[string]any{"cssrs-1": 0, "cssrs-2": 0, "cssrs-6": 0}
	if n := map[string]int{"phq-9": 9, "gad-7": 7}[instrument]; n > 0 {
		answers = map[string]any{}
		for i := 1; i <= n; i++ {
			answers[fmt.Sprintf("%s-%d", map[string]string{"phq-9": "phq9", "gad-7": "gad7"}[instrument], i)] = 0
		}
		if instrument == "phq-9" {
			answers["phq9-9"] = item9
		}
	}
	body := w.told(map[string]any{"instrument": instrument, "answers": answers})
	delete(body, "id")
	id := uuid.NewString()
	w.do(w.patient, "recordAssessment", w.party, body, always, "assessmentId", id)
	w.answered = append(w.answered, &questionnaire{record{"assessment", id}, instrument, "submitted", w.now})
	w.news(somethingNew)
}

func (w *walk) weigh(kg int) {
	a, _ := w.do(w.patient, "recordMeasurement", w.party, w.told(map[string]any{"weightKg": kg}), always)
	w.weights, w.evidence = append(w.weights, weight{kg, w.now}), a.Text("id")
}

func (w *walk) measure() {
	w.do(w.patient, "recordMeasurement", w.party, w.told(map[string]any{"systolicMmHg": 118, "diastolicMmHg": 76}), always)
	w.pressureAt = w.now
}

// measureHigh measures once, and again: what is normal by now makes eligible, and the dose has to wait.
func (w *walk) measureHigh() {
	high := reading{systolic: 160, diastolic: 99}
	w.do(w.patient, "recordMeasurement", w.party, w.told(map[string]any{"systolicMmHg": high.systolic, "diastolicMmHg": high.diastolic}), always)
	w.pressures = append(w.pressures, pressure{high, w.now})
	w.news(somethingNew)
	w.measure()
}

func (w *walk) support() {
	a, _ := w.do(w.patient, "addSupportPerson", w.party, map[string]any{"name": "Jonas", "adult": true}, always)
	w.supporter = a.Text("id")
}

func (w *walk) monitor() {
	w.do(w.clinic.Clinician, "recordPdmpCheck", w.party, w.told(map[string]any{"state": "NY", "result": "nothingUnexpected", "reportedBy": "clinician"}), always)
	w.monitoredAt = w.now
}

func (w *walk) examine() {
	a, ok := w.do(w.clinic.Clinician, "bookVisit", w.party, map[string]any{
		"kind": "followUp", "mode": "inPerson", "providerId": w.clinic.Prescriber.ID, "durationMin": 30,
		"plannedAt": w.now, "timeZone": "America/New_York",
	}, func() problem.Code { return refused(rule(w.status != "active")) })
	if !ok {
		return
	}
	w.do(w.clinic.Prescriber, "completeVisit", booking{created("visit", a)}, map[string]any{"note": "Examined.", "examinedInPerson": true}, always)
	w.examinedAt = w.now
}

// Consents.

func (w *walk) presentConsent(kind string) {
	k := w.consents[kind]
	if k.id == "" {
		page := w.get("listConsentTemplates", "status=published&kind="+kind)
		w.templates[kind] = fmt.Sprint(page.Items()[0]["id"])
	}
	if a, ok := w.do(w.staff(), "presentConsent", w.party, map[string]any{"templateId": w.templates[kind]}, func() problem.Code { return k.present(w.now) }); ok {
		k.record, k.status = created("consent", a), "presented"
	}
}

func (w *walk) signConsent(k *consent) {
	if _, ok := w.do(w.patient, "signConsent", k, w.told(map[string]any{"signatureName": "Maya Walker"}), func() problem.Code { return w.sign(k) }); ok {
		k.status, k.signed = "signed", w.now
	}
}

func (w *walk) declineConsent(k *consent) {
	if _, ok := w.do(w.patient, "declineConsent", k, w.told(nil), k.decline); ok {
		k.status = "declined"
	}
}

// withdrawConsent: without it nothing planned goes ahead.
func (w *walk) withdrawConsent(k *consent) {
	if _, ok := w.do(w.patient, "withdrawConsent", k, w.told(nil), k.withdraw); !ok {
		return
	}
	k.status = "withdrawn"
	for _, t := range w.courses {
		if t.open() {
			t.paused(w.now)
			t.cancelPlanned(w.now)
		}
	}
}

// presented are the consents that were ever put before the patient.
func (w *walk) presented() (list []*consent) {
	for _, kind := range kinds {
		if k := w.consents[kind]; k.id != "" {
			list = append(list, k)
		}
	}
	return list
}

// Treatments.

func (w *walk) startCourse() {
	a, ok := w.do(w.prescriber(), "startTreatment", w.party, map[string]any{
		"indication": "depression", "protocolId": w.clinic.Protocol, "responsiblePrescriberId": w.clinic.Prescriber.ID,
	}, w.start)
	if !ok {
		return
	}
	w.courses = append(w.courses, &course{record: created("treatment", a), phase: "planned"})
	i := slices.IndexFunc(w.intakes, func(i *intake) bool { return i.id == a.Text("consultationId") })
	w.intakes[i].used = true
}

func (w *walk) acknowledge(t *course) {
	w.do(w.patient, "acknowledgeInstructions", t, w.told(map[string]any{"revision": 1}), always)
	t.acknowledged = true
}

func (w *walk) changePhase(t *course, phase string) {
	_, ok := w.do(w.prescriber(), "changePhase", t, map[string]any{"phase": phase, "reason": "Time for it."}, func() problem.Code { return w.move(t, phase) })
	switch {
	case !ok:
	case phase == "completed":
		t.end(phase, w.now)
	default:
		t.phase = phase
		if phase == "induction" {
			t.begun = w.now
		}
	}
}

func (w *walk) pauseCourse(t *course) {
	if _, ok := w.do(w.staff(), "holdTreatment", t, map[string]any{"reason": "sideEffects"}, t.pause); ok {
		t.paused(w.now)
	}
}

func (w *walk) resumeCourse(t *course) {
	if _, ok := w.do(w.prescriber(), "resumeTreatment", t, reason, t.resume); ok {
		t.resumed(w.now)
	}
}

func (w *walk) discontinue(t *course) {
	if _, ok := w.do(w.prescriber(), "discontinueTreatment", t, map[string]any{"reason": "patientChoice"}, t.pause); ok {
		t.end("discontinued", w.now)
	}
}
