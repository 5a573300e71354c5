package treatment

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// AdultAge is the age in years from which patients are treated.
const AdultAge = 18

// Candidate is what is known about a patient whose eligibility is to be decided. Pointers
// that are nil, and lists that are empty, are not known.
type Candidate struct {
	// Now in the time zone where the patient is: its date decides about age and licence.
	Now       time.Time
	BirthDate Date
	// State is the US state where the patient is.
	State string
	// Prescriber is who decides; nil while nobody does, and then no licence is missed.
	Prescriber *Prescriber
	Intake     Intake
	// Baseline are the newest answers to each of the protocol's baseline instruments.
	Baseline []Answered
	// Screener are the newest answers to the C-SSRS screener.
	Screener *Screening
	// Pressure is the newest measurement of both pressures.
	Pressure *PressureReading
	// Medicines are those that are taken on this day.
	Medicines []Medicine
	// SupportPeople are the adults who can be asked to be present.
	SupportPeople []ConsultationEvidence
	Protocol      Protocol
}

// ConsultationEvidence is a record as it was when a decision rested on it.
type ConsultationEvidence struct {
	Type    EvidenceType `json:"type"`
	ID      uuid.UUID    `json:"id"`
	Version int64        `json:"version"`
	// Value is what was read from it, with its unit; empty when it is enough that it is there.
	Value string `json:"value,omitempty"`
	// At is when it happened or was said.
	At time.Time `json:"at"`
}

// Answered are answers to a questionnaire.
type Answered struct {
	ConsultationEvidence
	Instrument string
	// Usable: they give a result; too much that was left out gives none.
	Usable bool
}

// Screening are answers to the C-SSRS screener.
type Screening struct {
	ConsultationEvidence
	// Level is what they establish; empty when that is not known.
	Level string
	// Missing counts the questions that were asked and not answered.
	Missing int
}

// settled says whether no answer that is missing could make the level worse.
func (s Screening) settled() bool {
	return s.Level != "" && (s.Missing == 0 || s.Level == instruments.CSSRSHigh)
}

// PressureReading is a measured blood pressure in mmHg.
type PressureReading struct {
	ConsultationEvidence
	BloodPressure
}

// Medicine is a medicine that is taken.
type Medicine struct {
	ConsultationEvidence
	// DrugClass is empty when nobody has said it.
	DrugClass DrugClass
}

// GapPart is the kind of something that is not known.
type GapPart string

// Parts that can be missing.
const (
	GapBaseline      GapPart = "baselineAssessment"
	GapScreener      GapPart = "screener"
	GapBloodPressure GapPart = "bloodPressure"
	GapMedications   GapPart = "medications"
	GapSupportPerson GapPart = "supportPerson"
	// GapExclusion is an absolute reason that nobody has excluded.
	GapExclusion GapPart = "exclusion"
)

// GapParts lists every part.
var GapParts = []GapPart{GapBaseline, GapScreener, GapBloodPressure, GapMedications, GapSupportPerson, GapExclusion}

// Gap is something that must be known before a patient can be found eligible.
type Gap struct {
	Part GapPart
	// Of is the instrument of a baseline assessment, or the reason that is not excluded.
	Of string
}

// Missing lists what must be known and is not. Assessments and the blood pressure are known
// while they are recent enough for the protocol.
func (c Candidate) Missing() []Gap {
	var gaps []Gap
	need := func(known bool, part GapPart, of string) {
		if !known {
			gaps = append(gaps, Gap{part, of})
		}
	}
	for _, id := range c.Protocol.Treatment.BaselineInstruments {
		need(slices.ContainsFunc(c.Baseline, func(a Answered) bool { return a.Instrument == id && a.Usable && c.recent(a.At) }), GapBaseline, id)
	}
	need(c.Screener != nil && c.Screener.settled() && c.recent(c.Screener.At), GapScreener, "")
	need(c.Pressure != nil && c.recent(c.Pressure.At), GapBloodPressure, "")
	takesNone := c.Intake.Medications.TakesAny != nil && !*c.Intake.Medications.TakesAny
	need(takesNone || len(c.Medicines) > 0, GapMedications, "")
	need(len(c.SupportPeople) > 0, GapSupportPerson, "")
	for _, f := range Contraindications(c) {
		need(!f.Unknown || f.Class != ClassAbsolute, GapExclusion, string(f.Code))
	}
	return gaps
}

// Evidence lists the records that a decision about the candidate rests on.
func (c Candidate) Evidence() []ConsultationEvidence {
	var list []ConsultationEvidence
	for _, a := range c.Baseline {
		list = append(list, a.ConsultationEvidence)
	}
	if c.Screener != nil {
		list = append(list, c.Screener.ConsultationEvidence)
	}
	if c.Pressure != nil {
		list = append(list, c.Pressure.ConsultationEvidence)
	}
	for _, m := range c.Medicines {
		list = append(list, m.ConsultationEvidence)
	}
	return append(list, c.SupportPeople...)
}

func (c Candidate) today() Date { return DateOf(c.Now) }

// recent says whether something is recent enough to decide by.
func (c Candidate) recent(at time.Time) bool {
	return within(at, c.Now, c.Protocol.Treatment.BaselineMaxAgeDays)
}

// age is the candidate's age in years on the day. Who was born on 29 February is a year older
// on 1 March of other years. Without a birth date it is 0.
func (c Candidate) age() int {
	year := func(d Date) int {
		n, _ := strconv.Atoi(string(d[:4])) // every date begins with its year
		return n
	}
	today := c.today()
	if c.BirthDate == "" {
		return 0
	}
	age := year(today) - year(c.BirthDate)
	if today[4:] < c.BirthDate[4:] {
		age--
	}
	return age
}

// reaches says whether the blood pressure is at or above one of a pair of limits.
func (c Candidate) reaches(limit BloodPressure) bool {
	return c.Pressure != nil &&
		(c.Pressure.SystolicMmHg >= limit.SystolicMmHg || c.Pressure.DiastolicMmHg >= limit.DiastolicMmHg)
}

// takes is the verdict about medicines of a class: unknown while there is one whose class
// nobody has said.
func (c Candidate) takes(class DrugClass) Answer {
	answer := AnswerNo
	for _, m := range c.Medicines {
		if m.DrugClass == class {
			return AnswerYes
		}
		if m.DrugClass == "" {
			answer = AnswerUnknown
		}
	}
	return answer
}
