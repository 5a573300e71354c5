package api

import (
	"net/http"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The stories of those who are further on, or whose treatment has ended.

// ineligible asks again after half a year; what stood against it will stand against it then.
func ineligible(c *chart) {
	c.admit(-170)
	c.consult(-170, "F33.2", 21, 12, obj{"screens": obj{"psychosis": "past", "mania": "never", "substanceUse": "none", "opioidUseDisorder": "no"}})
	c.judge(-168, obj{
		"outcome": oapi.EligibilityOutcomeIneligible, "reasons": []treatment.EligibilityReason{treatment.ReasonPsychosis},
		"note": "Hospitalised with psychosis in 2019.", "patientMessage": "Ketamine is not safe for you. We will help you to find other care.",
	})
	c.office(-1, "15:30", func() { c.plan(demoNurse, "/patients/"+c.patient+"/consultations", nil) })
}

func adjustedTwice(c *chart) {
	c.intake(-115, oapi.IndicationDepression, "F33.1", 18, 11)
	c.begin(-110, tablets(100*mg, 0))
	c.sessions(-108, 2, 14)
	c.ask(-98, questions{phq: 16, gad: 11})
	c.adjust(-95, tablets(150*mg, 0), "Hardly any response to two sessions at 100 mg.")
	c.sessions(-93, 2, 14)
	c.ask(-80, questions{phq: 14, gad: 10})
	c.weigh(-79, -400)
	c.adjust(-78, tablets(200*mg, 50*mg), "Some response; tolerated without side effects.")
	c.sessions(-76, 2, 14)
	c.phase(-60, oapi.PhaseMaintenance, "Better on 200 mg.")
	c.session(-40, dosing{})
	c.voidAnswers(-38, c.recordAnswers(-39, "18:00", oapi.InstrumentIDPhq9, phq9Answers(20, 0)), "Filled in by a visitor who tried the app.")
	c.ask(-10, questions{phq: 7, gad: 6})
	c.recordAnswers(-9, "19:00", oapi.InstrumentIDUrinarySymptoms, obj{"urinary-1": 0, "urinary-2": 0, "urinary-3": 1, "urinary-4": 0, "urinary-5": 0})
	c.report(-8, "disposals", 4, obj{"method": oapi.DisposalMethodTakeBack, "witness": "The pharmacist."})
	c.session(-4, dosing{booster: true, silent: true})
	c.schedule(4, 6)
}

func noResponse(c *chart) {
	c.intake(-100, oapi.IndicationDepression, "F33.1", 17, 12)
	c.begin(-95, tablets(100*mg, 0))
	c.sessions(-93, 3, 14)
	c.ask(-79, questions{phq: 16, gad: 12})
	c.propose(-77, tablets(150*mg, 0), "No response to three sessions.") // nobody decided in time
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
	c.unlock(-37, "Too much, and too soon after it: a misread label. Nothing is missing at home.")
	c.session(-32, dosing{minutes: 75, left: true, review: "Ended too early: the support person had to leave."})
	c.handle(-31, "The support person was called away for half an hour. Will ask the neighbour next time.")
	c.ask(-30, questions{phq: 9, gad: 13})
	c.session(-28, dosing{unmeasured: true, review: "No reading at the end."})
	c.handle(-27, "The device had no battery left; felt well.")
	c.session(-24, dosing{before: reading{164, 98}, review: "Took the dose although the reading had stopped it. Explained why it must not be."})
	c.handle(-23, "Felt well before and after; has promised to call next time.")
	c.session(-20, dosing{typed: 1000 * mg, review: "Typing error, struck out."})
	c.handle(-19, "1000 mg was a typing error.")
	c.ask(-9, questions{phq: 8, gad: 10})
	c.program(-8)
	lost := c.report(-7, "losses", 1, obj{"cause": oapi.LossCauseDamaged, "note": "Fell into the sink."})
	c.takeBack(-6, lost, "It was dried and is whole.")
	c.report(-5, "counts", 3, nil) // fewer than the ledger says
	c.unlock(-4, "Some were thrown away with the wet box. The next count is on video.")
	twice := c.event(-18, "09:00", oapi.AdverseTermHeadache, nil)
	c.office(-17, "10:00", func() {
		c.decide(demoNurse, http.MethodPost, "/adverse-events/"+*twice+"/enter-in-error", obj{"reason": "It was somebody else's in the family."})
	})
	c.event(-1, "16:00", oapi.AdverseTermFall, obj{"description": "On the way to the bathroom; a bruise.", "severity": oapi.ReportedSeverityModerate})
	c.session(-1, dosing{minutes: 90})
}

func unscheduled(c *chart) {
	c.intake(-75, oapi.IndicationDepression, "F33.0", 14, 8)
	c.begin(-70, tablets(100*mg, 0))
	c.sessions(-68, 2, 14)
	for _, day := range []int{-54, -47, -40} {
		c.log(day, dosing{})
	}
	c.ask(-42, questions{phq: 8, gad: 6})
	c.phase(-38, oapi.PhaseMaintenance, "Stable.")
	c.log(-33, dosing{})
	c.void(-31, c.log(-33, dosing{unreviewed: true}), "The same session was sent twice.")
	c.handle(-31, "The same session was sent twice, from two phones.")
	c.session(-20, dosing{})
	c.recordAnswers(-20, "20:30", oapi.InstrumentIDDissociation, spread("dissociation", 6, 11))
	c.recordAnswers(-19, "20:30", sleepInstrument, obj{"sleep-1": 2, "sleep-2": 1, "sleep-3": 1})
	c.dispensed(-12) // while most of the last fill is left
	c.log(-8, dosing{})
	c.schedule(3, 5)
	c.report(-1, "counts", 19, nil) // and now some are missing
	c.revoke(-1, "supportPerson", "My roommate moves out; I have nobody who can be here.")
}

func aboveSoftMaximum(c *chart) {
	c.weight = 91_200 * dose.Gram
	c.intake(-90, oapi.IndicationDepression, "F33.2", 23, 15)
	c.begin(-85, tablets(200*mg, 0))
	c.sessions(-83, 2, 14)
	c.ask(-64, questions{phq: 19, gad: 13})
	c.weigh(-63, 600)
	c.signOrder(-62, tablets(350*mg, 150*mg))
	c.cosign(-61, "demo-prescriber-2")
	c.sessions(-59, 3, 21)
	c.ask(-20, questions{phq: 15, gad: 11})
	c.phase(-17, oapi.PhaseMaintenance, "Improves slowly.")
	c.session(-10, dosing{booster: true})
	c.weigh(-2, -300)
	c.ask(-4, questions{phq: 13, gad: 10})
	c.approve(-1, c.propose(-1, tablets(400*mg, 150*mg), "Improves slowly; no side effects at 350 mg.")) // waits for a second signature
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
	c.calledOff(-3, "The prescription comes first.")
	c.dispensed(-2) // of a prescription that is over
}

func pressureTooHigh(c *chart) {
	c.rest = reading{129, 81}
	c.medicine(-70, "Amlodipine", oapi.DrugClassOther, "5 mg in the morning")
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
	crisis := c.event(-8, "15:30", oapi.AdverseTermRaisedBloodPressure, obj{"severity": oapi.ReportedSeveritySevere, "description": "With a bad headache; taken to hospital."})
	c.triage(-7, crisis, obj{
		"grade": 4, "serious": true, "seriousCriterion": oapi.SeriousCriterionHospitalisation, "causality": oapi.CausalityProbable,
		"followUpDueAt": c.at(3, "12:00").Format(time.RFC3339),
	})
	c.acknowledge(-7, "12:40", "Looked at with the prescriber.")
	c.report(-6, "disposals", 6, obj{"method": oapi.DisposalMethodPharmacyCollector})
	c.consult(-5, "F33.1", 16, 9, conditions(treatment.ReasonUnstableCardiovascular, treatment.AnswerUnknown))
	c.judge(-3, obj{
		"outcome": oapi.EligibilityOutcomeDeferred, "reasons": []treatment.EligibilityReason{treatment.ReasonUnstableCardiovascular},
		"patientMessage": "We decide when the cardiologist has written to us.",
	})
	c.stop(-7, "Blood pressure crisis; no ketamine until a cardiologist has seen the patient.")
	c.resolve(-6, "11:00", oapi.AlertOutcomeHandled, "Discharged without damage. Referred to cardiology.")
}

func inefficacy(c *chart) {
	c.intake(-120, oapi.IndicationDepression, "F33.2", 22, 18)
	c.begin(-115, tablets(100*mg, 0))
	c.sessions(-113, 3, 14)
	c.ask(-90, questions{phq: 21, gad: 17})
	c.adjust(-86, tablets(200*mg, 0), "No response to three sessions at 100 mg.")
	c.sessions(-84, 2, 14)
	c.ask(-62, questions{phq: 22, gad: 18})
	c.leaveDose(-59, c.propose(-60, tablets(300*mg, 0), "The patient asks for more."), "reject", "No response at twice the dose; more of it is no way forward.")
	c.cancelAnswers(-56, c.assign(-58, -50, oapi.InstrumentIDPhq9), "The treatment ends.")
	c.discontinue(-55, oapi.DiscontinueReasonInefficacy, "No response to five sessions at two doses. Referred for TMS.")
	c.report(-53, "disposals", 16, obj{"method": oapi.DisposalMethodMailBack})
	c.consult(-3, "F33.2", 23, 16) // after TMS
}

func tapering(c *chart) {
	c.intake(-165, oapi.IndicationDepression, "F33.1", 18, 15)
	c.sign(-163, 10*time.Minute, "communication")
	c.signOrder(-161, tablets(300*mg, 0))
	c.strike(-160, "Written for another patient.")
	c.begin(-160, tablets(150*mg, 0))
	c.sessions(-158, 4, 14)
	c.ask(-134, questions{phq: 9, gad: 8})
	c.phase(-130, oapi.PhaseMaintenance, "Response after four weeks.")
	c.sessions(-121, 2, 56)
	c.ask(-65, questions{phq: 5, gad: 4})
	c.recordAnswers(-64, "20:30", oapi.InstrumentIDManiaPsychosis, obj{"mania-1": 0, "mania-2": 1, "mania-3": 0, "mania-4": 0, "mania-5": 0, "mania-6": 0, "mania-7": 0})
	c.handle(-63, "Slept little while the newborn nephew was there; no other sign of mania.")
	c.weigh(-61, 1200)
	c.phase(-60, oapi.PhaseTaper, "In remission for two months.")
	c.prescribe(-59, seldom(tablets(100*mg, 0), 10))
	c.session(-48, dosing{})
	c.prescribe(-20, seldom(tablets(50*mg, 0), 14))
	c.session(-11, dosing{})
	c.takesUp(-3, "Clarithromycin", oapi.DrugClassStrongCyp3A4Inhibitor, "500 mg twice a day for ten days")
	c.acknowledge(-2, "09:10", "No session while it is taken; the family doctor is asked for another antibiotic.")
	c.schedule(5, 7)
}

func completed(c *chart) {
	c.intake(-178, oapi.IndicationDepressionAndAnxiety, "F33.1", 17, 16)
	c.begin(-173, tablets(100*mg, 50*mg))
	c.recordAnswers(-172, "19:30", oapi.InstrumentIDPcl5, spread("pcl5", 20, 47))
	c.sessions(-171, 4, 14)
	c.ask(-147, questions{phq: 8, gad: 9})
	c.phase(-143, oapi.PhaseMaintenance, "Response.")
	c.sessions(-136, 2, 42)
	c.ask(-99, questions{phq: 4, gad: 5})
	c.recordAnswers(-98, "19:30", oapi.InstrumentIDPcl5, spread("pcl5", 20, 24))
	c.phase(-95, oapi.PhaseTaper, "In remission.")
	c.session(-80, dosing{})
	c.ask(-45, questions{phq: 3, gad: 2})
	c.phase(-38, oapi.PhaseCompleted, "In remission for three months, the last one without a session.")
	c.consult(-5, "F33.1", 11, 9) // a relapse in the autumn
	c.reconsult(-3, "15:00", c.prescriber, "request-info", obj{"question": "What was different in the weeks before you felt worse?"})
}

func leftForTherapy(c *chart) {
	c.admit(-120)
	c.consult(-120, "F41.1", 10, 17)
	c.reconsult(-118, "15:20", c.self, "withdraw", obj{"reason": "I want to think about it."})
	c.again(-95, oapi.IndicationAnxiety, "F41.1", 9, 16)
	c.begin(-90, tablets(100*mg, 0))
	c.sessions(-88, 3, 14)
	c.ask(-69, questions{phq: 7, gad: 9})
	c.leave(-62, oapi.PatientStatusInactive, "Patient, by phone", "Goes on with psychotherapy alone.")
}

func movedAway(c *chart) {
	c.admit(-198)
	c.consult(-198, "F33.1", 15, 10)
	c.eligible(-196) // and did not come back in time
	c.again(-104, oapi.IndicationDepression, "F33.1", 16, 10)
	c.begin(-99, tablets(100*mg, 0))
	c.sessions(-97, 2, 14)
	c.ask(-84, questions{phq: 10, gad: 8})
	c.leave(-75, oapi.PatientStatusTransferred, "Receiving clinic", "Moved to a state where the clinic has no licence; records sent.")
}

func lowDoseDaily(c *chart) {
	c.intake(-24, oapi.IndicationAnxiety, "F41.1", 10, 17)
	c.begin(-15, troches(60*mg))
	c.sessions(-13, 9, 2)
	c.ask(-5, questions{phq: 9, gad: 12, amended: 7})
	c.leaveDose(-8, c.propose(-9, troches(90*mg), "Asks for more in the evening."), "withdraw", "Feels better today; waits.")
	c.session(-4, dosing{minutes: 45, review: "Low dose in the evening; went to bed early. Observation time explained."})
	c.session(-3, dosing{})
	c.session(-1, dosing{unended: true})
	effects := spread("effects", 14, 0)
	effects["effects-13"] = 1
	c.recordAnswers(-1, "21:10", oapi.InstrumentIDSideEffects, effects)
	c.answerNext(-1, "21:20", oapi.InstrumentIDUrinarySymptoms, obj{"urinary-1": 0, "urinary-2": 1, "urinary-3": 0, "urinary-4": 1, "urinary-5": 0})
}
