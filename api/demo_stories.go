package api

import (
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// story is what becomes of one patient.
type story struct {
	home   place
	begins string // when sessions begin
	tell   func(*chart)
}

// demoStories are the patients' in the order of their record numbers. Every status that a
// record can have occurs in them, and every rule that raises an alert.
var demoStories = []story{
	{albany, "14:00", mayasStory},
	{brooklyn, "13:00", conditionPending},
	{buffalo, "15:00", readyToBegin},
	{jerseyCity, "14:30", firstSessionTomorrow},
	{hartford, "13:30", inductionEarly},
	{boston, "11:00", inductionMidway},
	{philadelphia, "14:00", worseAndInDanger},
	{tampa, "15:30", dangerTakenOn},
	{pensacola, "13:00", ninthUnanswered},
	{austin, "10:30", ineligible},
	{elPaso, "14:00", adjustedTwice},
	{denver, "12:00", noResponse},
	{phoenix, "13:00", deviating},
	{seattle, "11:30", unscheduled},
	{brooklyn, "10:00", aboveSoftMaximum},
	{sanDiego, "12:30", prescriptionExpired},
	{hartford, "14:00", pressureTooHigh},
	{buffalo, "13:30", crisisInSession},
	{jerseyCity, "15:00", inefficacy},
	{boston, "12:00", tapering},
	{philadelphia, "13:00", completed},
	{tampa, "14:00", leftForTherapy},
	{austin, "11:00", movedAway},
	{denver, "17:00", lowDoseDaily},
}

// addPatients puts everybody's story into the agenda.
func (t *teller) addPatients() {
	for i, p := range demoPersons(len(demoStories), demoRandom(t.seed, -2)) {
		s := demoStories[i]
		zone, err := time.LoadLocation(s.home.zone)
		if err != nil {
			t.err = err
			return
		}
		random := demoRandom(t.seed, i+1)
		c := &chart{
			teller: t, demoPerson: p, record: i, home: s.home, zone: zone, random: random, begins: s.begins,
			self: "demo-patient", prescriber: prescriberIn(s.home.state),
			rest:   reading{112 + random.IntN(14), 70 + random.IntN(9)},
			signed: map[string]string{},
		}
		if i > 0 {
			c.self += "-" + itoa(i+1)
		}
		s.tell(c)
	}
}

// begin prescribes, and begins induction the next day.
func (c *chart) begin(day int, order oapi.PrescriptionInput) {
	c.prescribe(day, order)
	c.phase(day+1, oapi.PhaseInduction, "Baseline complete, instructions read.")
}

// mayasStory is the tour's: severe at first, better after each adjustment, with a holiday in
// between, and something for her to do today.
func mayasStory(c *chart) {
	c.medicine(-152, "Sertraline", oapi.DrugClassOther, "100 mg in the morning")
	c.intake(-152, oapi.IndicationDepressionAndAnxiety, "F33.2", 19, 14)
	c.sign(-150, 10*time.Minute, "communication")
	c.begin(-148, tablets(100*mg, 50*mg))
	c.session(-146, dosing{review: "First session. Slightly dizzy, no other side effects."})
	c.session(-143, dosing{typed: 1000 * mg, review: "1000 mg was a typing error, struck out by the patient; 100 mg were taken."})
	c.acknowledge(-143, "14:25", "Called at once: a typing error.")
	c.resolve(-143, "14:50", oapi.AlertOutcomeFalseAlarm, "100 mg were taken; tablets counted on the phone.")
	c.sessions(-139, 6, 7)
	c.ask(-134, questions{phq: 16, gad: 12, ninth: 1})
	c.answerNext(-134, "20:40", oapi.InstrumentIDCSsrsScreener, screenerAnswers(1))
	c.handle(-133, "Passive thoughts, no plan, no intent. Safety plan renewed, spouse informed.")
	c.ask(-119, questions{phq: 12, gad: 9})
	c.phase(-118, oapi.PhaseMaintenance, "PHQ-9 from 19 to 12 after eight sessions.")
	c.weigh(-118, -300)
	c.adjust(-117, tablets(150*mg, 50*mg), "Response, but the effect wears off after five days. Well tolerated.")
	c.sessions(-115, 4, 14)
	c.visit(-90, 7, oapi.VisitKindFollowUp, oapi.VisitModeVideo, obj{
		"note": "Better since the dose was raised. Sleeps well, works full time.", "patientSummary": "We keep the dose and go on once every two weeks.",
	})
	c.ask(-91, questions{phq: 8, gad: 6})
	c.session(-87, dosing{before: reading{146, 93}, repeated: reading{131, 83}, review: "Hurried home; measured again after ten minutes of rest."})
	c.handle(-86, "One high reading after climbing stairs, normal ten minutes later.")
	c.cancel(-80, "I have a cold.")
	c.hold(-79, oapi.HoldReasonPatientRequest, "Visits her mother for two weeks; nobody can be with her.")
	c.resume(-66, "Back home.")
	c.weigh(-66, -500)
	c.session(-64, dosing{booster: true})
	c.report(-62, "counts", 15, nil)
	c.ask(-61, questions{phq: 5, gad: 5})
	c.misunderstand(-50)
	c.sign(-39, 0, "communication")
	c.session(-36, dosing{offline: true, review: "Sent the next morning: no network at the cabin."})
	c.handle(-35, "The reading arrived before the dose, but was taken after it.")
	c.ask(-30, questions{phq: 4, gad: 3})
	c.log(-23, dosing{noticed: obj{"note": "Forgot to plan this one."}})
	c.session(-9, dosing{noticed: obj{"journalText": "I watched the snow fall upwards, and did not mind.", "journalShared": true}})
	c.handle(-8, "The pharmacy had sent the refill early, before the holiday. Nothing is missing.")
	c.weigh(-9, 200)
	c.visit(5, 12, oapi.VisitKindFollowUp, oapi.VisitModeVideo, nil)
	c.assign(-2, 2, oapi.InstrumentIDPhq9)
	c.assign(-2, 2, oapi.InstrumentIDGad7)
	c.schedule(0, 3)
}

func conditionPending(c *chart) {
	c.admit(-6)
	c.consult(-6, "F32.1", 17, 9, conditions(treatment.ReasonRaisedIntraocularPressure, treatment.AnswerYes))
	c.judge(-4, obj{
		"outcome": oapi.EligibilityOutcomeEligibleWithConditions, "conditions": []obj{
			{"code": treatment.ReasonRaisedIntraocularPressure, "ask": "A letter of the ophthalmologist, not older than three months."},
		}, "patientMessage": "We can begin as soon as we know that your eye pressure is fine.",
	})
	c.present(-3, "treatment")
	c.present(-3, "telehealth")
}

func readyToBegin(c *chart) {
	c.admit(-34)
	c.pressure(-33, "07:30", reading{146, 92})
	c.consult(-34, "F41.1", 12, 17)
	c.judge(-32, obj{"outcome": oapi.EligibilityOutcomeDeferred, "reasons": []treatment.EligibilityReason{treatment.ReasonHypertension}})
	c.handle(-32, "Felt well. Sees the family doctor about the blood pressure.")
	c.pressure(-10, "07:30", c.rest)
	c.reconsult(-9, "10:00", c.prescriber, "reopen", obj{"reason": "The blood pressure is treated and has come down."})
	c.eligible(-9)
	c.consent(-9)
	c.decline(-9, "communication", "I would rather be called.")
	c.start(-8, oapi.IndicationAnxiety, "F41.1")
	c.draft(-4, tablets(150*mg, 0))
	c.discard(-3, "Start lower.")
	c.draft(-2, tablets(100*mg, 0))
}

func firstSessionTomorrow(c *chart) {
	c.intake(-8, oapi.IndicationDepression, "F33.1", 15, 16)
	c.begin(-3, tablets(100*mg, 0))
	c.rehearse(1)
}

func inductionEarly(c *chart) {
	c.intake(-15, oapi.IndicationDepression, "F33.1", 18, 10)
	c.begin(-9, tablets(100*mg, 0))
	vomited := c.event(-6, "19:00", oapi.AdverseTermVomiting, obj{"severity": oapi.ReportedSeverityModerate, "description": "Once, an hour after the dose."})
	c.triage(-5, vomited, obj{"grade": 1, "serious": false, "causality": oapi.CausalityProbable})
	c.session(-6, dosing{noticed: obj{"nausea": 6, "vomited": true}, review: "Vomited once after an hour. Drank coffee just before."})
	c.closeEvent(-4, vomited, obj{"outcome": oapi.EventOutcomeResolved, "actionTaken": "Nothing by mouth for four hours before the next session."})
	c.session(-2, dosing{})
	c.ask(-1, questions{phq: 15, gad: 9})
	c.schedule(2, 3)
}

func inductionMidway(c *chart) {
	c.intake(-28, oapi.IndicationDepressionAndAnxiety, "F33.1", 17, 13)
	c.begin(-23, tablets(100*mg, 50*mg))
	c.sessions(-21, 4, 7)
	c.postpone(-7, -6, "Nobody can be with me tomorrow.")
	c.ask(-8, questions{phq: 13, gad: 11})
	c.session(-3, dosing{racing: true, override: "Nervous before every session, ECG without findings; seen on video, feels well."})
	dizzy := c.event(-2, "09:00", oapi.AdverseTermDizziness, obj{"severity": oapi.ReportedSeverityMild})
	c.triage(-1, dizzy, obj{"grade": 1, "serious": false, "causality": oapi.CausalityPossible})
	c.proposeNaming(-1, c.suggested(-1), tablets(150*mg, 50*mg), "Less than a quarter better after six sessions, well tolerated.")
	c.schedule(1, 2)
}

func worseAndInDanger(c *chart) {
	c.intake(-40, oapi.IndicationDepression, "F33.2", 16, 13)
	c.begin(-35, tablets(100*mg, 0))
	c.sessions(-33, 3, 14)
	c.ask(-20, questions{phq: 17, gad: 14})
	c.session(-5, dosing{noticed: obj{"mood": 2, "distress": 5}})
	c.session(-2, dosing{abort: oapi.AbortReasonPatientChoice})
	c.ask(-1, questions{phq: 21, gad: 17, ninth: 2})
	c.answerNext(-1, "20:40", oapi.InstrumentIDCSsrsScreener, screenerAnswers(1, 2, 3, 4))
	c.event(-1, "21:10", oapi.AdverseTermSuicidalThoughts, obj{"description": "They do not go away today.", "severity": oapi.ReportedSeveritySevere})
}

func dangerTakenOn(c *chart) {
	c.intake(-32, oapi.IndicationDepression, "F32.2", 18, 10)
	c.begin(-27, tablets(100*mg, 0))
	c.sessions(-25, 3, 14)
	c.ask(-5, questions{phq: 14, gad: 9, ninth: 1})
	c.answerNext(-5, "20:40", oapi.InstrumentIDCSsrsScreener, screenerAnswers(1, 2, 3))
	c.acknowledge(-4, "09:30", "Spoke with the patient: no plan. The sister stays tonight; visit on Thursday.")
	c.schedule(3, 4)
}

func ninthUnanswered(c *chart) {
	c.intake(-30, oapi.IndicationDepressionAndAnxiety, "F33.1", 14, 15)
	c.begin(-25, tablets(100*mg, 0))
	c.sessions(-23, 3, 14)
	c.missed(-10)
	c.ask(-1, questions{phq: 10, gad: 12, noNinth: true})
	c.recordAnswers(-1, "20:40", oapi.InstrumentIDCSsrsScreener, screenerAnswers(1))
}
