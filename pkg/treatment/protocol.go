package treatment

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Limits that no protocol can loosen: 21 CFR 1306.22 for schedules III and IV.
const (
	LegalMaxRefills     = 5
	LegalValidityMonths = 6
)

// Guards that a protocol can switch off by name, where nothing keeps the records that they look
// at. The shipped one has them all on. A guard that is on and whose records are unknown refuses.
const (
	GuardConsultation = "consultation"
	GuardConsents     = "consents"
	GuardGate         = "gate"
	GuardInteractions = "interactions"
	GuardPDMP         = "pdmp"
	GuardInPersonExam = "inPersonExam"
	GuardUnits        = "units"
)

// GuardNames lists every guard that can be switched off.
var GuardNames = []string{
	GuardConsultation, GuardConsents, GuardGate, GuardInteractions, GuardPDMP, GuardInPersonExam, GuardUnits,
}

// Protocol is a clinic's dosing and safety policy: every number that the rules use, in one
// immutable version. Unless a field names another source, its shipped default is a proposal
// of this product that a clinic's medical director has to sign off.
//
// Pressures are mmHg, and every limit is inclusive.
type Protocol struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// GuardsOff names the guards that are switched off; see [GuardNames].
	GuardsOff    []string          `json:"guardsOff"`
	Vitals       VitalsPolicy      `json:"vitals"`
	Observations ObservationPolicy `json:"observations"`
	Sessions     SessionPolicy     `json:"sessions"`
	Prescribing  PrescribingPolicy `json:"prescribing"`
	Titration    TitrationPolicy   `json:"titration"`
	Treatment    StartPolicy       `json:"treatment"`
	Assessments  AssessmentPolicy  `json:"assessments"`
	Supply       SupplyPolicy      `json:"supply"`
	Suicidality  SuicidalityPolicy `json:"suicidality"`
	Answers      AnswerPolicy      `json:"answers"`
	Alerts       AlertPolicy       `json:"alerts"`
	Worklist     WorklistPolicy    `json:"worklist"`
	FollowUps    FollowUpPolicy    `json:"followUps"`
	// DefaultInstructions is what a new treatment's patient is asked to do before, during and
	// after a session, until the prescriber writes something else.
	DefaultInstructions string `json:"defaultInstructions"`
}

// BloodPressure is a pair of limits. Each value is judged by itself: one that reaches its
// limit is enough.
type BloodPressure struct {
	SystolicMmHg  int `json:"systolicMmHg"`
	DiastolicMmHg int `json:"diastolicMmHg"`
}

// VitalsPolicy holds the limits of blood pressure, heart rate and saturation.
type VitalsPolicy struct {
	// MaxAgeMin: a reading older than this many minutes says nothing about a dose. Default 30.
	MaxAgeMin     int                 `json:"maxAgeMin"`
	PreDose       PreDosePolicy       `json:"preDose"`
	DuringSession DuringSessionPolicy `json:"duringSession"`
	Release       ReleasePolicy       `json:"release"`
	Plausible     PlausiblePolicy     `json:"plausible"`
}

// PreDosePolicy holds the limits that keep a dose from being taken.
type PreDosePolicy struct {
	// SoftHold: wait and measure again. Default 140/90, the Spravato label's general guide
	// (which says above; at is the careful reading).
	SoftHold BloodPressure `json:"softHold"`
	// HardStop: no dose today. Default 160/100, grade 3 of CTCAE v5.
	HardStop BloodPressure `json:"hardStop"`
	// HeartRate below the low or above the high one holds. Default 50 and 110 per minute, both
	// still fine.
	HeartRate HeartRatePolicy `json:"heartRate"`
	// SpO2: saturation below these holds, or is critical at any time. Default 94 and 90 percent.
	SpO2 SpO2Policy `json:"spo2"`
	// RestMin and ReadingsIfHigh: after a reading at the soft pair, rest so many minutes, and take
	// so many readings in all. Default 10 and 2.
	RestMin        int `json:"restMin"`
	ReadingsIfHigh int `json:"readingsIfHigh"`
	// StopHours: for so long a reading at the hard pair, or a red-flag symptom, stops every dose.
	// Default 24.
	StopHours int `json:"stopHours"`
}

// HeartRatePolicy is the range of heart rates, per minute.
type HeartRatePolicy struct {
	LowBpm  int `json:"lowBpm"`
	HighBpm int `json:"highBpm"`
}

// SpO2Policy holds limits of oxygen saturation, in percent.
type SpO2Policy struct {
	HoldBelowPercent     int `json:"holdBelowPercent"`
	CriticalBelowPercent int `json:"criticalBelowPercent"`
	// Required: no dose without a reading. Default false: few programs that treat at home hand
	// out oximeters.
	Required bool `json:"required"`
}

// DuringSessionPolicy says when to measure after a dose and what is too high then.
type DuringSessionPolicy struct {
	// AtMin and WindowMin: measure this many minutes after the dose, give or take. Default 40
	// (the Spravato label's peak of the pressure) and 20.
	AtMin     int `json:"atMin"`
	WindowMin int `json:"windowMin"`
	// Notify: somebody of the clinic must know. Default 160/100.
	Notify BloodPressure `json:"notify"`
	// Critical: a hypertensive crisis, at any time, also before a dose. Default 180/120 (ACC/AHA).
	Critical BloodPressure `json:"critical"`
}

// ReleasePolicy says when a session may end.
type ReleasePolicy struct {
	// ObservationMin: minutes from the last dose to the end. Default 120, the Spravato REMS.
	ObservationMin int `json:"observationMin"`
	// HighDoseObservationMin: the same from HighDoseMgPerKg on. Default 240, from 4 mg/kg.
	HighDoseObservationMin int     `json:"highDoseObservationMin"`
	HighDoseMgPerKg        dose.Mg `json:"highDoseMgPerKg"`
	// MaxOverBaseline: pressures at the end may be this much above those before, or up to the
	// soft pair, whichever is higher. Default 20/10.
	MaxOverBaseline BloodPressure `json:"maxOverBaseline"`
	// ReadingMaxAgeMin: the last reading before the end is at most so many minutes old. Default 30.
	ReadingMaxAgeMin int `json:"readingMaxAgeMin"`
	// MinSpo2Percent: saturation at the end, if it was measured. Default 95.
	MinSpo2Percent int `json:"minSpo2Percent"`
}

// PlausiblePolicy says which readings are believable. Others are kept, marked doubtful, and
// treated as true.
type PlausiblePolicy struct {
	SystolicMmHg  Range `json:"systolicMmHg"`  // default 60 to 260
	DiastolicMmHg Range `json:"diastolicMmHg"` // default 30 to 160
	HeartRateBpm  Range `json:"heartRateBpm"`  // default 30 to 220
	Spo2Percent   Range `json:"spo2Percent"`   // default 50 to 100
}

// Range is from Min to Max, both included.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// ObservationPolicy says which observations are emergencies.
type ObservationPolicy struct {
	// UnresponsiveSedation: sedation, 0 to 5, from which somebody counts as not responding.
	// Default 5, cannot be woken.
	UnresponsiveSedation int `json:"unresponsiveSedation"`
}

// SessionPolicy holds intervals and deadlines of sessions.
type SessionPolicy struct {
	Tiers TierPolicy `json:"tiers"`
	// MinIntervalHours from the start of one session to the start of the next. Default 20, 48, 72.
	MinIntervalHours PerTier `json:"minIntervalHours"`
	// MaxIn7Days: sessions in any seven days. Default 7, 3, 2.
	MaxIn7Days PerTier `json:"maxIn7Days"`
	// MaxIn28DaysMg is how much may be taken in any 28 days. Default 3600 mg: eight sessions, two a
	// week, at the soft maximum of 450 mg. The highest that a program publishes for every day, 120 mg,
	// comes to 3360 mg.
	MaxIn28DaysMg dose.Mg `json:"maxIn28DaysMg"`
	// ClearanceMin: for so many minutes a clearance before the dose counts. Default 60.
	ClearanceMin int `json:"clearanceMin"`
	// MissedAfterHours: a planned session without a dose is missed. Default 24.
	MissedAfterHours int `json:"missedAfterHours"`
	// CheckInDueHours after the dose the patient is asked how they are. Default 24.
	CheckInDueHours int `json:"checkInDueHours"`
	// NoDriveHours after the last dose, and not before NoDriveLocalHour of the next local day,
	// whichever is later, may the patient drive. Default 24 and 6; the Spravato label says
	// the next day, after restful sleep.
	NoDriveHours     int `json:"noDriveHours"`
	NoDriveLocalHour int `json:"noDriveLocalHour"`
	// Fasting before a dose. Default 4 hours without solids and 2 without clear fluids, as
	// before sedation.
	Fasting FastingPolicy `json:"fasting"`
	// SubstanceFreeHours before a dose nothing is taken that alters the mind or the breathing, but
	// what a prescriber has ordered ([Substances]). Default 24: at-home programs publish that for
	// alcohol, cannabis, sedatives, opioids and stimulants, and DefaultInstructions say it.
	SubstanceFreeHours int `json:"substanceFreeHours"`
	// MinSleepHours of the last night: after less there is no session. Default 4.
	MinSleepHours int `json:"minSleepHours"`
	// LookIn is how often the support person looks in. Default every 15 minutes, which at-home
	// programs publish, and 5 of grace.
	LookIn LookInPolicy `json:"lookIn"`
	// TicketHours after the planned or the real dose, whichever is later, a support person's
	// ticket ends. Default 24.
	TicketHours int `json:"ticketHours"`
	// NurseMayOverride names the holds of the safety gate ([HoldRules]) that a clinician may
	// override.
	NurseMayOverride []Rule `json:"nurseMayOverride"`
}

// FastingPolicy is how long before a dose nothing is eaten and drunk, in minutes.
type FastingPolicy struct {
	SolidsMin int `json:"solidsMin"`
	FluidsMin int `json:"fluidsMin"`
}

// LookInPolicy is how often somebody looks in on the patient, in minutes.
type LookInPolicy struct {
	EveryMin int `json:"everyMin"`
	GraceMin int `json:"graceMin"`
}

// Clearance is for how long a clearance counts.
func (s SessionPolicy) Clearance() time.Duration { return time.Duration(s.ClearanceMin) * time.Minute }

// TierPolicy divides sessions by what is taken in them per kilogram of body weight: low up
// to and with LowMaxMgPerKg, high from HighMinMgPerKg, mid between. Default 1.5 and 4 mg/kg.
type TierPolicy struct {
	LowMaxMgPerKg  dose.Mg `json:"lowMaxMgPerKg"`
	HighMinMgPerKg dose.Mg `json:"highMinMgPerKg"`
}

// PerTier is a number for each tier of dose.
type PerTier struct {
	Low  int `json:"low"`
	Mid  int `json:"mid"`
	High int `json:"high"`
}

// PrescribingPolicy holds what a signature is judged by.
type PrescribingPolicy struct {
	// MaxRefills after the first fill, and ValidityMonths after signing: at most 5 and 6 (21
	// CFR 1306.22), which are the defaults.
	MaxRefills     int `json:"maxRefills"`
	ValidityMonths int `json:"validityMonths"`
	// WeightMaxAgeDays: an older weight cannot carry a mg/kg limit. Default 90.
	WeightMaxAgeDays int `json:"weightMaxAgeDays"`
	// SoftMaximum of dose and booster together: above it a second prescriber signs too.
	// Default 450 mg or 6 mg/kg, whichever is lower; 450 mg is the highest in Hull 2022.
	SoftMaximum MaximumDose `json:"softMaximum"`
	// HardMaximum of dose and booster together: above it nobody can sign. Default 600 mg or
	// 7 mg/kg, whichever is lower; 7 mg/kg is the highest that Andrade 2019 found published.
	HardMaximum MaximumDose `json:"hardMaximum"`
	// PDMPMaxAgeDays: the state's prescription monitoring program was asked at most so long
	// ago. Default 90.
	PDMPMaxAgeDays int `json:"pdmpMaxAgeDays"`
	// InPersonExamRequiredFrom: from this day an examination in person must precede a
	// signature. Default 2027-01-01, when the fourth extension of the telemedicine
	// flexibilities ends (FR 2025-24123).
	InPersonExamRequiredFrom Date `json:"inPersonExamRequiredFrom"`
}

// MaximumDose is a limit in mg and one in mg/kg; the lower of the two governs.
type MaximumDose struct {
	DoseMg  dose.Mg `json:"doseMg"`
	PerKgMg dose.Mg `json:"perKgMg"`
}

// At is what the maximum allows at a body weight.
func (m MaximumDose) At(weight dose.Kg) dose.Mg { return min(m.DoseMg, dose.PerKg(m.PerKgMg, weight)) }

// StartPolicy says what must be there before a treatment starts and before its first dose.
type StartPolicy struct {
	// ConsultationMaxAgeDays since the patient was found eligible. Default 90.
	ConsultationMaxAgeDays int `json:"consultationMaxAgeDays"`
	// BaselineInstruments are answered before eligibility is decided, and before induction.
	// At least one; default phq-9 and gad-7.
	BaselineInstruments []string `json:"baselineInstruments"`
	// BaselineMaxAgeDays: older baseline assessments, screeners and blood pressures say nothing
	// about eligibility, and nothing about what has changed since the first dose. Default 30, as
	// for the baseline of outcomes.
	BaselineMaxAgeDays int `json:"baselineMaxAgeDays"`
	// RequiredConsents are the kinds ([ConsentKinds]) that are in force when a treatment starts
	// and when a prescription is signed. Default treatment, telehealth, controlledSubstance,
	// supportPerson and noDriving; only telehealth may be left out.
	RequiredConsents []string `json:"requiredConsents"`
}

// AssessmentPolicy holds deadlines of assessments.
type AssessmentPolicy struct {
	// ExpireAfterDays: an assigned assessment that is this much past its due time expires.
	// Default 14.
	ExpireAfterDays int `json:"expireAfterDays"`
}

// SupplyPolicy says how units are divided.
type SupplyPolicy struct {
	// UnitStep is the smallest part of a unit that doses are made of, for each form. Default
	// half a troche, sublingual or oral tablet and 0.1 ml of a liquid; the others whole.
	UnitStep map[DosageForm]dose.Units `json:"unitStep"`
	Refill   RefillPolicy              `json:"refill"`
	Signals  SignalPolicy              `json:"signals"`
}

// SuicidalityPolicy says which answers about suicidality raise an alert, and what is asked then.
type SuicidalityPolicy struct {
	Item9Medium int `json:"item9Medium"` // default 1, several days
	Item9High   int `json:"item9High"`   // default 2, more than half the days
	// Item9Rise: so much above the treatment's baseline raises a medium alert, too. Default 1.
	Item9Rise int `json:"item9Rise"`
	// QIDSItem12High and MADRSItem10High: high from this answer on; medium below, as item 9.
	// Default 2 and 4.
	QIDSItem12High  int `json:"qidsItem12High"`
	MADRSItem10High int `json:"madrsItem10High"`
	// ScreenerDueHours after a positive answer the C-SSRS screener, which it assigns, is due.
	// Default 24.
	ScreenerDueHours int `json:"screenerDueHours"`
}

// AnswerPolicy says which other answers raise an alert or ask for another instrument.
type AnswerPolicy struct {
	// DeteriorationWatch and DeteriorationReliable: points of the PHQ-9 above the treatment's
	// baseline ([StartPolicy.BaselineMaxAgeDays]) from which an alert is medium and high. Default
	// 5, the change that matters to patients (Löwe et al. 2004), and 6, the one that is more than
	// scatter (NHS Talking Therapies manual).
	DeteriorationWatch    int `json:"deteriorationWatch"`
	DeteriorationReliable int `json:"deteriorationReliable"`
	// UrinarySymptoms: so many symptoms in the urinary screen are a reason to look. Default 2.
	UrinarySymptoms int `json:"urinarySymptoms"`
	// UrinaryScreenDueHours after urinary side effects the urinary screen, which they assign, is
	// due. Default 72.
	UrinaryScreenDueHours int `json:"urinaryScreenDueHours"`
}

// AlertPolicy says by when an alert must be dealt with.
type AlertPolicy struct {
	DueMin PerSeverity `json:"dueMin"`
	// MaxSnoozeHours is for how long an alert may rest at a time. Default 72.
	MaxSnoozeHours int `json:"maxSnoozeHours"`
	// PrescriptionExpiringDays and ConsentExpiringDays before the end of a prescription and of a
	// consent somebody has to see to the next one. Default 14 and 30.
	PrescriptionExpiringDays int `json:"prescriptionExpiringDays"`
	ConsentExpiringDays      int `json:"consentExpiringDays"`
	// AssessmentOverdueDays after its due time an assigned assessment that nobody has answered is
	// overdue. Default 7.
	AssessmentOverdueDays int `json:"assessmentOverdueDays"`
}

// PerSeverity is a number of minutes for each severity. Default 72 h, 24 h, 4 h, 15 min.
type PerSeverity struct {
	Low      int `json:"low"`
	Medium   int `json:"medium"`
	High     int `json:"high"`
	Critical int `json:"critical"`
}

//go:embed protocols/default.json
var shipped []byte

// Default is the protocol that is shipped for use. Each call answers its own copy.
func Default() Protocol {
	p, err := ParseProtocol(shipped)
	if err != nil {
		panic(fmt.Sprintf("protocols/default.json: %v", err)) // it is part of the binary: a test reads it
	}
	return p
}

// ParseProtocol reads and validates a protocol. It refuses members it does not know, so that
// a misspelt limit is not a missing one. A protocol that can be read but is not sound is a
// [*Refusal] with a Pointer for each fault.
func ParseProtocol(data []byte) (Protocol, error) {
	var p Protocol
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Protocol{}, fmt.Errorf("protocol: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Protocol{}, fmt.Errorf("protocol: something follows the document")
	}
	if err := p.Validate(); err != nil {
		return Protocol{}, err
	}
	return p, nil
}

// Guards says whether the named guard is on.
func (p Protocol) Guards(name string) bool { return !slices.Contains(p.GuardsOff, name) }

// unguarded says whether a guard is off that is on in the shipped protocol.
func (p Protocol) unguarded() bool {
	return slices.ContainsFunc(p.GuardsOff, Default().Guards)
}
