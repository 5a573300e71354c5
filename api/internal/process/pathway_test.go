package process_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/problem"
)

// The stations before the first session, and what nothing stands against at each of them.

// intake is one in which nothing forbids treatment.
const intake = `{
	"history": {"conditions": [
		{"condition": "ketamineAllergy", "answer": "no"}, {"condition": "aneurysmOrAvm", "answer": "no"},
		{"condition": "intracerebralHaemorrhage", "answer": "no"}, {"condition": "unstableCardiovascular", "answer": "no"},
		{"condition": "hypertensiveEncephalopathy", "answer": "no"}, {"condition": "raisedIntracranialPressure", "answer": "no"},
		{"condition": "raisedIntraocularPressure", "answer": "no"}, {"condition": "severeHepaticImpairment", "answer": "no"},
		{"condition": "moderateHepaticImpairment", "answer": "no"}, {"condition": "cystitis", "answer": "no"},
		{"condition": "untreatedHyperthyroidism", "answer": "no"}, {"condition": "phaeochromocytoma", "answer": "no"},
		{"condition": "seizureDisorder", "answer": "no"}, {"condition": "severeRespiratoryDisease", "answer": "no"},
		{"condition": "porphyria", "answer": "no"}
	]},
	"diagnoses": ["F33.1"], "medications": {"takesAny": false}, "pregnancy": "notPregnant", "supportPerson": {"available": "yes"},
	"screens": {"psychosis": "never", "mania": "never", "substanceUse": "none", "opioidUseDisorder": "no"},
	"homeSafety": {"emergencyAddressConfirmed": "yes", "videoAvailable": "yes", "safePlace": "yes", "childrenSupervised": "yes", "weaponsSecured": "yes"},
	"capacity": {"hasCapacity": "yes"}
}`

const mergePatch = "application/merge-patch+json"

// eligible has a consultation find a patient eligible; now is the server's time.
func (c *clinic) eligible(t testing.TB, patient *person, now time.Time) {
	t.Helper()
	ctx := t.Context()
	id := good(c.clinician.OpenConsultationWithResponse(ctx, patient.id, &client.OpenConsultationParams{IdempotencyKey: key()}))(t).JSON201.ID
	good(c.clinician.FillIntakeWithBodyWithResponse(ctx, id, &client.FillIntakeParams{IdempotencyKey: key(), IfMatch: `"1"`}, mergePatch, raw(intake)))(t)
	good(patient.SubmitIntakeWithResponse(ctx, id, &client.SubmitIntakeParams{IdempotencyKey: key(), IfMatch: `"2"`}))(t)
	for _, instrument := range baseline {
		good(patient.RecordAssessmentWithResponse(ctx, patient.id, uuid.New(), nil, answers(now, instrument, 2, 0)))(t)
	}
	c.measure(t, patient, now)
	good(c.prescriber.DecideEligibilityWithResponse(ctx, id, &client.DecideEligibilityParams{IdempotencyKey: key(), IfMatch: `"3"`},
		client.EligibilityDecision{Outcome: client.EligibilityOutcomeEligible}))(t)
}

// baseline are the instruments that must be answered before the decision.
var baseline = []client.InstrumentID{client.InstrumentIDPhq9, client.InstrumentIDGad7, client.InstrumentIDCSsrsScreener}

// measure records what else must be known of a patient before the decision.
func (c *clinic) measure(t testing.TB, patient *person, now time.Time) {
	t.Helper()
	ctx := t.Context()
	pressure := weight(now, 68_400)
	pressure.SystolicMmHg, pressure.DiastolicMmHg = new(118), new(76)
	good(patient.RecordMeasurementWithResponse(ctx, patient.id, nil, pressure))(t)
	good(patient.AddSupportPersonWithResponse(ctx, patient.id, &client.AddSupportPersonParams{IdempotencyKey: key()},
		client.SupportPersonInput{Name: "Jonas", Adult: true}))(t)
}

// required are the consents without which the shipped protocol lets no treatment start.
var required = []client.ConsentKind{
	client.ConsentKindTreatment, client.ConsentKindTelehealth, client.ConsentKindControlledSubstance, client.ConsentKindSupportPerson, client.ConsentKindNoDriving,
}

// consents has a patient sign what is required.
func (c *clinic) consents(t testing.TB, patient *person, now time.Time) {
	t.Helper()
	texts := good(c.clinician.ListConsentTemplatesWithResponse(t.Context(), nil))(t).JSON200.Items
	for _, kind := range required {
		for _, text := range texts {
			if text.Kind == kind {
				c.consent(t, patient, text.ID, now)
			}
		}
	}
}

func (c *clinic) consent(t testing.TB, patient *person, text uuid.UUID, now time.Time) {
	t.Helper()
	ctx := t.Context()
	id := good(c.clinician.PresentConsentWithResponse(ctx, patient.id, &client.PresentConsentParams{IdempotencyKey: key()},
		client.ConsentInput{TemplateID: text}))(t).JSON201.ID
	good(patient.SignConsentWithResponse(ctx, id, nil, client.ConsentSignatureInput{
		ID: uuid.New(), OccurredAt: now, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, SignatureName: "Maya Lindqvist",
	}))(t)
}

// askProgram records that the state's monitoring program was asked about a patient.
func (c *clinic) askProgram(t testing.TB, patient *person, now time.Time) {
	t.Helper()
	good(c.clinician.RecordPdmpCheckWithResponse(t.Context(), patient.id, nil, client.PdmpCheckInput{
		ID: uuid.New(), OccurredAt: now, TimeZone: zone, ReportedBy: client.ReportedByClinician, Mode: client.ModeSystem,
		State: someone.State, Result: client.PdmpResultNothingUnexpected,
	}))(t)
}

// examine has the prescriber examine a patient in person, which the law asks for from 2027 on.
func (c *clinic) examine(t testing.TB, patient *person, now time.Time) {
	t.Helper()
	ctx := t.Context()
	visit := good(c.clinician.BookVisitWithResponse(ctx, patient.id, &client.BookVisitParams{IdempotencyKey: key()}, client.VisitInput{
		Kind: client.VisitKindInitial, Mode: client.VisitModeInPerson, ProviderID: c.prescriber.id, PlannedAt: now, TimeZone: zone, DurationMin: 45,
	}))(t).JSON201.ID
	good(c.clinician.CompleteVisitWithResponse(ctx, visit, &client.CompleteVisitParams{IdempotencyKey: key(), IfMatch: `"1"`},
		client.VisitCompletion{Note: "Examined.", ExaminedInPerson: new(true)}))(t)
}

// dispense is a lot of 12 units of 50 mg, good for five months.
func dispense(now time.Time) client.DispenseInput {
	return client.DispenseInput{
		ID: uuid.New(), OccurredAt: now, TimeZone: zone, ReportedBy: client.ReportedByPharmacy, Mode: client.ModeSystem,
		StrengthMg: milligrams(50), Units: 12 * dose.Unit, Lot: "K26-1107", BeyondUseDate: openapi_types.Date{Time: now.AddDate(0, 5, 0)},
	}
}

// The first steps of the main job on this way.

func (j *job) intakeIsTaken() {
	ctx := j.t.Context()
	once := &client.OpenConsultationParams{IdempotencyKey: key()}
	j.refuse(problem.Forbidden)(j.patient.OpenConsultationWithResponse(ctx, j.patient.id, once))
	j.consultation = good(j.clinician.OpenConsultationWithResponse(ctx, j.patient.id, once))(j.t).JSON201.ID
	j.refuse(problem.ConsultationOpen, "")(j.clinician.OpenConsultationWithResponse(ctx, j.patient.id, &client.OpenConsultationParams{IdempotencyKey: key()}))

	fill := func(who *person, etag, text string) (*client.FillIntakeResponse, error) {
		return who.FillIntakeWithBodyWithResponse(ctx, j.consultation, &client.FillIntakeParams{IdempotencyKey: key(), IfMatch: etag}, mergePatch, raw(text))
	}
	j.refuse(problem.InvalidRequest, "/diagnoses/0", "/screens/mania")(fill(j.clinician, `"1"`, `{"diagnoses":["sad"],"screens":{"mania":"maybe"}}`))
	j.refuse(problem.Forbidden, "/diagnoses")(fill(j.patient, `"1"`, `{"diagnoses":["F33.1"]}`)) // the clinic's part
	j.refuse(problem.NotFound)(fill(j.other, `"1"`, `{"pregnancy":"notPregnant"}`))
	good(fill(j.clinician, `"1"`, intake))(j.t)
	good(j.patient.SubmitIntakeWithResponse(ctx, j.consultation, &client.SubmitIntakeParams{IdempotencyKey: key(), IfMatch: `"2"`}))(j.t)
	j.refuse(problem.IllegalTransition)(fill(j.clinician, `"3"`, intake))
}

func (j *job) eligibilityIsDecided() {
	ctx := j.t.Context()
	decide := func(who *person, d client.EligibilityDecision) (*client.DecideEligibilityResponse, error) {
		return who.DecideEligibilityWithResponse(ctx, j.consultation, &client.DecideEligibilityParams{IdempotencyKey: key(), IfMatch: `"3"`}, d)
	}
	eligible := client.EligibilityDecision{Outcome: client.EligibilityOutcomeEligible}
	j.refuse(problem.RuleViolated, "", "", "")(decide(j.prescriber, eligible)) // the screener, blood pressure, a support person
	j.refuse(problem.RuleViolated, "/reasons")(decide(j.prescriber, client.EligibilityDecision{Outcome: client.EligibilityOutcomeDeferred}))
	good(j.patient.RecordAssessmentWithResponse(ctx, j.patient.id, uuid.New(), nil, answers(j.now, client.InstrumentIDCSsrsScreener, 0, 0)))(j.t)
	j.measure(j.t, j.patient, j.now)
	j.refuse(problem.Forbidden)(decide(j.clinician, eligible))
	if got := good(decide(j.prescriber, eligible))(j.t).JSON200; got.Status != client.ConsultationStatusEligible || got.ExpiresAt == nil {
		j.t.Errorf("decided: %+v", got)
	}
}

func (j *job) consentsAreSigned() {
	ctx := j.t.Context()
	j.refuse(problem.ReferenceNotFound, "/templateId")(j.clinician.PresentConsentWithResponse(ctx, j.patient.id,
		&client.PresentConsentParams{IdempotencyKey: key()}, client.ConsentInput{TemplateID: uuid.New()}))
	j.consents(j.t, j.patient, j.now)
	signed := good(j.patient.ListConsentsWithResponse(ctx, j.patient.id, nil))(j.t).JSON200.Items
	if len(signed) != len(required) {
		j.t.Fatalf("%d consents, want %d", len(signed), len(required))
	}
	for _, consent := range signed {
		if consent.Status != client.ConsentStatusSigned || consent.ExpiresAt == nil {
			j.t.Errorf("%s is %s until %v", consent.Kind, consent.Status, consent.ExpiresAt)
		}
	}
	j.refuse(problem.NotFound)(j.other.ShowConsentWithResponse(ctx, signed[0].ID, nil))
}

// The dose is adjusted on what the follow-up has shown, and on nothing that came later unseen.
func (j *job) doseIsAdjusted() {
	ctx := j.t.Context()
	answered := good(j.clinician.ListAssessmentsWithResponse(ctx, j.patient.id, nil))(j.t).JSON200.Items[0]
	propose := func(mg int64) (*client.ProposeAdjustmentResponse, error) {
		return j.clinician.ProposeAdjustmentWithResponse(ctx, j.course.id, &client.ProposeAdjustmentParams{IdempotencyKey: key()}, client.AdjustmentInput{
			Source: client.ProposalSourceClinician, Reason: "Partial response, well tolerated.", Change: client.DosingChange{DoseMg: new(milligrams(mg))},
			Evidence: []client.Evidence{{Type: client.EvidenceTypeAssessment, ID: answered.ID, Version: answered.Version}},
		})
	}
	j.refuse(problem.RuleViolated, "/change")(propose(100)) // as it is
	id := good(propose(125))(j.t).JSON201.ID
	j.refuse(problem.AdjustmentOpen, "")(propose(150))
	j.refuse(problem.NotFound)(j.patient.ShowAdjustmentWithResponse(ctx, id, nil))

	later := good(j.patient.RecordMeasurementWithResponse(ctx, j.patient.id, nil, weight(j.now, 68_000)))(j.t).JSON201
	event := good(j.patient.ReportAdverseEventWithResponse(ctx, j.patient.id, nil, client.AdverseEventInput{
		ID: uuid.New(), OccurredAt: j.now, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, Term: client.AdverseTermNausea,
	}))(j.t).JSON201
	approve := func(who *person, considered ...client.Evidence) (*client.ApproveAdjustmentResponse, error) {
		return who.ApproveAdjustmentWithResponse(ctx, id, &client.ApproveAdjustmentParams{IdempotencyKey: key(), IfMatch: `"1"`}, client.AdjustmentApproval{Considered: new(append([]client.Evidence{}, considered...))})
	}
	j.refuse(problem.Forbidden)(approve(j.clinician))
	j.refuse(problem.EvidenceChanged, "/v1/adverse-events/"+event.ID.String())(approve(j.prescriber)) // nobody has looked at it
	good(approve(j.prescriber, client.Evidence{Type: client.EvidenceTypeAdverseEvent, ID: event.ID, Version: event.Version}))(j.t)
	applied := good(j.prescriber.ApplyAdjustmentWithResponse(ctx, id, &client.ApplyAdjustmentParams{IdempotencyKey: key(), IfMatch: `"2"`}))(j.t).JSON200
	good(j.prescriber.SignPrescriptionWithResponse(ctx, *applied.DraftID, &client.SignPrescriptionParams{IdempotencyKey: key(), IfMatch: `"1"`}, nothingTaken))(j.t)

	if seen := good(j.patient.ShowAdjustmentWithResponse(ctx, id, nil))(j.t).JSON200; seen.Status != client.AdjustmentStatusApplied || seen.Evidence != nil {
		j.t.Errorf("the patient sees %+v", seen)
	}
	old := good(j.clinician.ShowPrescriptionWithResponse(ctx, j.course.prescription, nil))(j.t).JSON200
	now := good(j.patient.ShowPrescriptionWithResponse(ctx, *applied.DraftID, nil))(j.t).JSON200
	if old.Status != client.PrescriptionStatusSuperseded || now.Status != client.PrescriptionStatusActive || now.DoseMg != milligrams(125) || *now.WeightKg != *later.WeightKg {
		j.t.Errorf("the old one is %s, the new one %+v", old.Status, now)
	}
}

// supporter is the patient's support person.
func (p *person) supporter(t testing.TB) uuid.UUID {
	t.Helper()
	return good(p.ListSupportPeopleWithResponse(t.Context(), p.id, nil))(t).JSON200.Items[0].ID
}
