package api

import (
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
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
	{brooklyn, "13:00", baselineMissing},
	{buffalo, "15:00", readyToBegin},
	{jerseyCity, "14:30", firstSessionTomorrow},
	{hartford, "13:30", inductionEarly},
	{boston, "11:00", inductionMidway},
	{philadelphia, "14:00", worseAndInDanger},
	{tampa, "15:30", dangerTakenOn},
	{pensacola, "13:00", ninthUnanswered},
	{austin, "10:30", steadyResponse},
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
			rest: reading{112 + random.IntN(14), 70 + random.IntN(9)},
		}
		if i > 0 {
			c.self += "-" + itoa(i+1)
		}
		s.tell(c)
	}
}

// intake registers the patient, asks for the baseline and starts a treatment three days later.
func (c *chart) intake(day int, indication oapi.Indication, diagnosis string, phq, gad int) {
	c.admit(day)
	c.baseline(day+1, phq, gad, 0)
	c.start(day+3, indication, diagnosis)
}

// begin prescribes, and begins induction the next day.
func (c *chart) begin(day int, order oapi.PrescriptionInput) {
	c.prescribe(day, order)
	c.phase(day+1, oapi.PhaseInduction, "Baseline complete, instructions read.")
}

// mayasStory is the tour's: severe at first, better after each adjustment, with a holiday in
// between, and something for her to do today.
func mayasStory(c *chart) {
	c.intake(-152, oapi.IndicationDepressionAndAnxiety, "F33.2", 19, 14)
	c.begin(-148, tablets(100*mg, 50*mg))
	c.session(-146, dosing{review: "First session. Slightly dizzy, no other side effects."})
	c.session(-143, dosing{typed: 1000 * mg, review: "1000 mg was a typing error, struck out by the patient; 100 mg were taken."})
	c.acknowledge(-143, "14:25", "Called at once: a typing error.")
	c.resolve(-143, "14:50", oapi.AlertOutcomeFalseAlarm, "100 mg were taken; tablets counted on the phone.")
	c.sessions(-139, 6, 7)
	c.ask(-133, questions{phq: 16, gad: 12, ninth: 1})
	c.handle(-132, "Passive thoughts, no plan, no intent. Safety plan renewed, spouse informed.")
	c.ask(-119, questions{phq: 12, gad: 9})
	c.phase(-118, oapi.PhaseMaintenance, "PHQ-9 from 19 to 12 after eight sessions.")
	c.weigh(-118, -300)
	c.prescribe(-117, tablets(150*mg, 50*mg))
	c.sessions(-115, 4, 14)
	c.ask(-91, questions{phq: 8, gad: 6})
	c.session(-87, dosing{before: reading{146, 93}, repeated: reading{131, 83}, review: "Hurried home; measured again after ten minutes of rest."})
	c.handle(-86, "One high reading after climbing stairs, normal ten minutes later.")
	c.cancel(-80, "I have a cold.")
	c.hold(-79, oapi.HoldReasonPatientRequest, "Visits her mother for two weeks; nobody can be with her.")
	c.resume(-66, "Back home.")
	c.weigh(-66, -500)
	c.session(-64, dosing{booster: true})
	c.ask(-61, questions{phq: 5, gad: 5})
	c.session(-50, dosing{})
	c.session(-36, dosing{offline: true, review: "Sent the next morning: no network at the cabin."})
	c.handle(-35, "The reading arrived before the dose, but was taken after it.")
	c.ask(-30, questions{phq: 4, gad: 3})
	c.log(-23, dosing{noticed: obj{"note": "Forgot to plan this one."}})
	c.session(-9, dosing{noticed: obj{"journalText": "I watched the snow fall upwards, and did not mind.", "journalShared": true}})
	c.weigh(-9, 200)
	c.assign(-2, 2, oapi.InstrumentIDPhq9)
	c.assign(-2, 2, oapi.InstrumentIDGad7)
	c.schedule(0, 3)
}

func baselineMissing(c *chart) {
	c.admit(-6)
	c.start(-4, oapi.IndicationDepression, "F32.1")
	c.assign(-3, 3, oapi.InstrumentIDPhq9)
	c.assign(-3, 3, oapi.InstrumentIDGad7)
}

func readyToBegin(c *chart) {
	c.intake(-9, oapi.IndicationAnxiety, "F41.1", 11, 17)
	c.draft(-4, tablets(150*mg, 0))
	c.discard(-3, "Start lower.")
	c.draft(-2, tablets(100*mg, 0))
}

func firstSessionTomorrow(c *chart) {
	c.intake(-8, oapi.IndicationDepression, "F33.1", 15, 16)
	c.begin(-3, tablets(100*mg, 0))
	c.session(1, dosing{})
}

func inductionEarly(c *chart) {
	c.intake(-15, oapi.IndicationDepression, "F33.1", 18, 10)
	c.begin(-9, tablets(100*mg, 0))
	c.session(-6, dosing{noticed: obj{"nausea": 6, "vomited": true}, review: "Vomited once after an hour. Ate too soon before."})
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
	c.session(-3, dosing{})
	c.session(1, dosing{})
}

func worseAndInDanger(c *chart) {
	c.intake(-40, oapi.IndicationDepression, "F33.2", 16, 13)
	c.begin(-35, tablets(100*mg, 0))
	c.sessions(-33, 3, 14)
	c.ask(-20, questions{phq: 17, gad: 14})
	c.session(-5, dosing{noticed: obj{"mood": 2, "distress": 5}})
	c.session(-2, dosing{abort: oapi.AbortReasonPatientChoice})
	c.ask(-1, questions{phq: 21, gad: 17, ninth: 2})
}

func dangerTakenOn(c *chart) {
	c.intake(-32, oapi.IndicationDepression, "F32.2", 18, 10)
	c.begin(-27, tablets(100*mg, 0))
	c.sessions(-25, 3, 14)
	c.ask(-5, questions{phq: 14, gad: 9, ninth: 1})
	c.acknowledge(-4, "09:30", "Spoke with the patient: no plan. The sister stays tonight; visit on Thursday.")
	c.schedule(3, 4)
}

func ninthUnanswered(c *chart) {
	c.intake(-30, oapi.IndicationDepressionAndAnxiety, "F33.1", 14, 15)
	c.begin(-25, tablets(100*mg, 0))
	c.sessions(-23, 3, 14)
	c.ask(-1, questions{phq: 10, gad: 12, noNinth: true})
}

func steadyResponse(c *chart) {
	c.intake(-130, oapi.IndicationDepression, "F33.2", 20, 12)
	c.prescribe(-127, tablets(300*mg, 0))
	c.strike(-126, "Written for another patient.")
	c.begin(-125, tablets(150*mg, 0))
	c.sessions(-123, 4, 14)
	c.ask(-95, questions{phq: 8, gad: 6})
	c.phase(-94, oapi.PhaseMaintenance, "Response: PHQ-9 below half of the baseline.")
	c.sessions(-91, 2, 42)
	c.weigh(-51, 900)
	c.session(-43, dosing{})
	c.ask(-28, questions{phq: 4, gad: 3})
	c.session(-8, dosing{})
	c.schedule(6, 7)
}

func adjustedTwice(c *chart) {
	c.intake(-115, oapi.IndicationDepression, "F33.1", 18, 11)
	c.begin(-110, tablets(100*mg, 0))
	c.sessions(-108, 2, 14)
	c.prescribe(-95, tablets(150*mg, 0))
	c.sessions(-93, 2, 14)
	c.ask(-80, questions{phq: 14, gad: 10})
	c.weigh(-79, -400)
	c.prescribe(-78, tablets(200*mg, 50*mg))
	c.sessions(-76, 2, 14)
	c.phase(-60, oapi.PhaseMaintenance, "Better on 200 mg.")
	c.session(-40, dosing{})
	c.voidAnswers(-38, c.recordAnswers(-39, "18:00", oapi.InstrumentIDPhq9, phq9Answers(20, 0)), "Filled in by a visitor who tried the app.")
	c.ask(-10, questions{phq: 7, gad: 6})
	c.session(-4, dosing{booster: true})
	c.schedule(4, 6)
}

func noResponse(c *chart) {
	c.intake(-100, oapi.IndicationDepression, "F33.1", 17, 12)
	c.begin(-95, tablets(100*mg, 0))
	c.sessions(-93, 3, 14)
	c.ask(-79, questions{phq: 16, gad: 12})
	c.ask(-65, questions{phq: 17, gad: 11})
	c.phase(-64, oapi.PhaseMaintenance, "No response yet; the patient wants to go on for a while.")
	c.session(-46, dosing{})
	c.assign(-33, -26, oapi.InstrumentIDPhq9)
	c.schedule(-30, 2)
	c.session(-16, dosing{})
	c.ask(-12, questions{phq: 16, gad: 12})
	c.schedule(-3, 2)
	c.withhold(-1, oapi.HoldReasonMissedContact, "Missed a session and two calls.")
}

func deviating(c *chart) {
	c.intake(-60, oapi.IndicationAnxiety, "F41.1", 12, 18)
	c.begin(-55, tablets(100*mg, 0))
	c.sessions(-53, 2, 14)
	c.session(-39, dosing{taken: 150 * mg, review: "Took three tablets instead of two. Talked it over."})
	c.log(-38, dosing{review: "A day after the last one, unplanned. Interval explained again."})
	c.handle(-37, "Misread the label; will plan every session from now on.")
	c.session(-32, dosing{minutes: 75, review: "Ended too early: the support person had to leave."})
	c.ask(-30, questions{phq: 9, gad: 13})
	c.session(-28, dosing{unmeasured: true, review: "No reading at the end."})
	c.handle(-27, "The device had no battery left; felt well.")
	c.session(-20, dosing{typed: 1000 * mg, review: "Typing error, struck out."})
	c.handle(-19, "1000 mg was a typing error.")
	c.ask(-9, questions{phq: 8, gad: 10})
	c.session(-1, dosing{minutes: 90})
}

func unscheduled(c *chart) {
	c.intake(-75, oapi.IndicationDepression, "F33.0", 14, 8)
	c.begin(-70, tablets(100*mg, 0))
	c.sessions(-68, 2, 14)
	for _, day := range []int{-54, -47, -40} {
		c.log(day, dosing{})
	}
	c.ask(-42, questions{phq: 10, gad: 6})
	c.phase(-38, oapi.PhaseMaintenance, "Stable.")
	c.log(-33, dosing{})
	c.void(-31, c.log(-33, dosing{unreviewed: true}), "The same session was sent twice.")
	c.handle(-31, "The same session was sent twice, from two phones.")
	c.session(-20, dosing{})
	c.log(-8, dosing{})
}

func aboveSoftMaximum(c *chart) {
	c.weight = 91_200 * dose.Gram
	c.intake(-90, oapi.IndicationDepression, "F33.2", 23, 15)
	c.begin(-85, tablets(200*mg, 0))
	c.sessions(-83, 2, 14)
	c.ask(-64, questions{phq: 19, gad: 13})
	c.weigh(-63, 600)
	c.prescribe(-62, tablets(350*mg, 150*mg))
	c.cosign(-61, "demo-prescriber-2")
	c.sessions(-59, 3, 21)
	c.ask(-20, questions{phq: 15, gad: 11})
	c.phase(-17, oapi.PhaseMaintenance, "Improves slowly.")
	c.session(-10, dosing{booster: true})
	c.weigh(-2, -300)
	c.prescribe(-1, tablets(400*mg, 150*mg))
}

func prescriptionExpired(c *chart) {
	c.intake(-193, oapi.IndicationDepression, "F33.1", 15, 13)
	c.begin(-188, capsules(75*mg))
	c.sessions(-186, 4, 14)
	c.ask(-162, questions{phq: 11, gad: 10})
	c.phase(-160, oapi.PhaseMaintenance, "Response.")
	c.sessions(-144, 2, 60)
	c.weigh(-100, 300)
	c.ask(-70, questions{phq: 7, gad: 6})
	c.session(-58, dosing{})
	c.assign(-6, 4, oapi.InstrumentIDPhq9)
}

func pressureTooHigh(c *chart) {
	c.rest = reading{129, 81}
	c.intake(-70, oapi.IndicationDepressionAndAnxiety, "F33.1", 16, 14)
	c.begin(-65, tablets(100*mg, 0))
	c.sessions(-63, 3, 14)
	c.tighten(-40, obj{"stopSystolicMmHg": 155, "stopDiastolicMmHg": 95})
	c.ask(-40, questions{phq: 12, gad: 11})
	c.phase(-39, oapi.PhaseMaintenance, "Response.")
	c.session(-26, dosing{during: reading{168, 101}, review: "High during the session, back to the usual at its end."})
	c.handle(-25, "Felt nothing of it. Measures twice a week from now on.")
	c.stopped(-12, reading{168, 104})
	c.acknowledge(-12, "15:10", "No session today. Calls the family doctor.")
	c.hold(-11, oapi.HoldReasonBloodPressure, "Family doctor adjusts the blood pressure medicine.")
	c.pressure(-6, "08:30", reading{152, 92})
	c.handle(-5, "On the new medicine since three days; next reading at the weekend.")
	c.pressure(-1, "23:51", reading{186, 117})
}

func crisisInSession(c *chart) {
	c.intake(-48, oapi.IndicationDepression, "F33.1", 19, 9)
	c.begin(-43, tablets(150*mg, 0))
	c.sessions(-41, 3, 14)
	c.ask(-22, questions{phq: 14, gad: 8})
	c.session(-8, dosing{
		during: reading{193, 116}, oxygen: 88, redFlag: oapi.RedFlagSevereHeadache, abort: oapi.AbortReasonVitalSigns,
		review: "Pressure crisis with headache 40 minutes after the dose; seen in the emergency room, discharged the same evening.",
	})
	c.acknowledge(-8, "14:50", "On the phone with the support person; ambulance is there.")
	c.hold(-8, oapi.HoldReasonSafetyReview, "Blood pressure crisis during a session.")
	c.stop(-7, "Blood pressure crisis; no ketamine until a cardiologist has seen the patient.")
	c.resolve(-6, "11:00", oapi.AlertOutcomeHandled, "Discharged without damage. Referred to cardiology.")
}

func inefficacy(c *chart) {
	c.intake(-120, oapi.IndicationDepression, "F33.2", 22, 18)
	c.begin(-115, tablets(100*mg, 0))
	c.sessions(-113, 3, 14)
	c.ask(-90, questions{phq: 21, gad: 17})
	c.prescribe(-86, tablets(200*mg, 0))
	c.sessions(-84, 2, 14)
	c.ask(-62, questions{phq: 22, gad: 18})
	c.cancelAnswers(-56, c.assign(-58, -50, oapi.InstrumentIDPhq9), "The treatment ends.")
	c.discontinue(-55, oapi.DiscontinueReasonInefficacy, "No response to five sessions at two doses. Referred for TMS.")
}

func tapering(c *chart) {
	c.intake(-165, oapi.IndicationDepression, "F33.1", 18, 15)
	c.begin(-160, tablets(150*mg, 0))
	c.sessions(-158, 4, 14)
	c.ask(-134, questions{phq: 9, gad: 8})
	c.phase(-130, oapi.PhaseMaintenance, "Response after four weeks.")
	c.sessions(-121, 2, 56)
	c.ask(-65, questions{phq: 5, gad: 4})
	c.weigh(-61, 1200)
	c.phase(-60, oapi.PhaseTaper, "In remission for two months.")
	c.prescribe(-59, seldom(tablets(100*mg, 0), 10))
	c.session(-48, dosing{})
	c.prescribe(-20, seldom(tablets(50*mg, 0), 14))
	c.session(-11, dosing{})
	c.schedule(5, 7)
}

func completed(c *chart) {
	c.intake(-178, oapi.IndicationDepressionAndAnxiety, "F33.1", 17, 16)
	c.begin(-173, tablets(100*mg, 50*mg))
	c.sessions(-171, 4, 14)
	c.ask(-147, questions{phq: 8, gad: 9})
	c.phase(-143, oapi.PhaseMaintenance, "Response.")
	c.sessions(-136, 2, 42)
	c.ask(-99, questions{phq: 4, gad: 5})
	c.phase(-95, oapi.PhaseTaper, "In remission.")
	c.session(-80, dosing{})
	c.ask(-45, questions{phq: 3, gad: 2})
	c.phase(-38, oapi.PhaseCompleted, "In remission for three months, the last one without a session.")
}

func leftForTherapy(c *chart) {
	c.intake(-95, oapi.IndicationAnxiety, "F41.1", 9, 16)
	c.begin(-90, tablets(100*mg, 0))
	c.sessions(-88, 3, 14)
	c.ask(-69, questions{phq: 7, gad: 9})
	c.leave(-62, oapi.PatientStatusInactive, "Patient, by phone", "Goes on with psychotherapy alone.")
}

func movedAway(c *chart) {
	c.intake(-110, oapi.IndicationDepression, "F33.1", 16, 10)
	c.begin(-105, tablets(100*mg, 0))
	c.sessions(-103, 3, 14)
	c.ask(-84, questions{phq: 10, gad: 8})
	c.leave(-75, oapi.PatientStatusTransferred, "Receiving clinic", "Moved to a state where the clinic has no licence; records sent.")
}

func lowDoseDaily(c *chart) {
	c.intake(-24, oapi.IndicationAnxiety, "F41.1", 10, 17)
	c.begin(-15, troches(60*mg))
	c.sessions(-13, 9, 2)
	c.ask(-5, questions{phq: 9, gad: 12, amended: 7})
	c.session(-4, dosing{minutes: 45, review: "Low dose in the evening; went to bed early. Observation time explained."})
	c.session(-3, dosing{})
	c.session(-1, dosing{unended: true})
}
