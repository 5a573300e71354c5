package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// FactKind is what a fact of a session is about.
type FactKind string

// Fact kinds.
const (
	FactDose        FactKind = "dose"
	FactVitals      FactKind = "vitals"
	FactObservation FactKind = "observation"
	FactCompletion  FactKind = "completion"
	FactAbort       FactKind = "abort"
	FactEscalation  FactKind = "escalation"
	FactCheckIn     FactKind = "checkIn"
	FactCheck       FactKind = "check"
	FactAttestation FactKind = "attestation"
)

// FactKinds lists every kind.
var FactKinds = []FactKind{
	FactDose, FactVitals, FactObservation, FactCompletion, FactAbort, FactEscalation, FactCheckIn,
	FactCheck, FactAttestation,
}

// Reporter is whose word a fact is.
type Reporter string

// Reporters.
const (
	ReportedByPatient       Reporter = "patient"
	ReportedBySupportPerson Reporter = "supportPerson"
	ReportedByClinician     Reporter = "clinician"
	ReportedByPharmacy      Reporter = "pharmacy"
	ReportedByDevice        Reporter = "device"
)

// Reporters lists every reporter.
var Reporters = []Reporter{
	ReportedByPatient, ReportedBySupportPerson, ReportedByClinician, ReportedByPharmacy, ReportedByDevice,
}

// Mode is the way a fact was reported.
type Mode string

// Modes.
const (
	ModeApp      Mode = "app"
	ModePhone    Mode = "phone"
	ModeVideo    Mode = "video"
	ModeInPerson Mode = "inPerson"
	ModeSystem   Mode = "system"
)

// Modes lists every mode.
var Modes = []Mode{ModeApp, ModePhone, ModeVideo, ModeInPerson, ModeSystem}

// RedFlag is a symptom that needs emergency care, whatever the numbers say (Spravato label;
// American emergency warning signs of heart attack and stroke).
type RedFlag string

// Red flags.
const (
	RedFlagChestPain            RedFlag = "chestPain"
	RedFlagShortnessOfBreath    RedFlag = "shortnessOfBreath"
	RedFlagSevereHeadache       RedFlag = "severeHeadache"
	RedFlagVisualChange         RedFlag = "visualChange"
	RedFlagSeizure              RedFlag = "seizure"
	RedFlagReducedConsciousness RedFlag = "reducedConsciousness"
	RedFlagFocalDeficit         RedFlag = "focalDeficit"
)

// RedFlags lists every red flag.
var RedFlags = []RedFlag{
	RedFlagChestPain, RedFlagShortnessOfBreath, RedFlagSevereHeadache, RedFlagVisualChange,
	RedFlagSeizure, RedFlagReducedConsciousness, RedFlagFocalDeficit,
}

// Substance is something that alters the mind or the breathing, and that is not taken for so many
// hours before a dose unless a prescriber has ordered it.
type Substance string

// Substances.
const (
	SubstanceAlcohol    Substance = "alcohol"
	SubstanceCannabis   Substance = "cannabis"
	SubstanceSedatives  Substance = "sedatives" // sleeping pills and tranquillisers
	SubstanceOpioids    Substance = "opioids"
	SubstanceStimulants Substance = "stimulants"
	SubstanceOther      Substance = "other"
)

// Substances lists every substance.
var Substances = []Substance{
	SubstanceAlcohol, SubstanceCannabis, SubstanceSedatives, SubstanceOpioids, SubstanceStimulants, SubstanceOther,
}

// DeviceVerdict is what a phone that was offline made of a check of the safety gate.
type DeviceVerdict string

// Device verdicts.
const (
	DeviceCleared DeviceVerdict = "cleared"
	DeviceHeld    DeviceVerdict = "held"
)

// DeviceVerdicts lists every device verdict.
var DeviceVerdicts = []DeviceVerdict{DeviceCleared, DeviceHeld}

// Swallowed is what became of the saliva after a dose was held in the mouth.
type Swallowed string

// Swallowed answers.
const (
	SwallowedAll    Swallowed = "swallowed"
	SwallowedNone   Swallowed = "spatOut"
	SwallowedPartly Swallowed = "partly"
)

// SwallowedAnswers lists every answer.
var SwallowedAnswers = []Swallowed{SwallowedAll, SwallowedNone, SwallowedPartly}

// AbortReason is why a session was broken off.
type AbortReason string

// Abort reasons.
const (
	AbortSideEffects     AbortReason = "sideEffects"
	AbortVitalSigns      AbortReason = "vitalSigns"
	AbortPatientChoice   AbortReason = "patientChoice"
	AbortNoSupportPerson AbortReason = "noSupportPerson"
	AbortOther           AbortReason = "other"
)

// AbortReasons lists every abort reason.
var AbortReasons = []AbortReason{
	AbortSideEffects, AbortVitalSigns, AbortPatientChoice, AbortNoSupportPerson, AbortOther,
}

// BodyPosition is how the patient was placed when a reading was taken.
type BodyPosition string

// Body positions.
const (
	PositionSitting  BodyPosition = "sitting"
	PositionLying    BodyPosition = "lying"
	PositionStanding BodyPosition = "standing"
)

// BodyPositions lists every position.
var BodyPositions = []BodyPosition{PositionSitting, PositionLying, PositionStanding}

// Fact is one thing that happened in a session. It is flat: Kind says which of the pointers
// mean something, and each of those is nil when nothing was said about it.
type Fact struct {
	ID   uuid.UUID
	Kind FactKind
	// OccurredAt is UTC; TimeZone is the IANA zone of the place.
	OccurredAt time.Time
	TimeZone   string
	ReportedBy Reporter
	Mode       Mode
	// ClockSkew: the sender's clock was ahead of the server's.
	ClockSkew bool
	// StruckOut: entered in error. It stays visible and counts for nothing.
	StruckOut bool

	// A dose. One without an amount is a dose nonetheless, of unknown size.
	DoseMg         *dose.Mg
	Booster        *bool
	PrescriptionID *uuid.UUID // the one it was taken from; nil: the active one
	Route          *Route
	HoldMin        *int
	Swallowed      *Swallowed

	// Vital signs.
	Vitals
	Position *BodyPosition
	// Doubtful is what [Vitals.Doubtful] said when the reading was recorded. It is for
	// display: the fold judges anew.
	Doubtful bool

	// An observation: 0 to 10, where 10 is the worst, but for mood. Mood also of a check-in.
	Nausea       *int
	Dizziness    *int
	Headache     *int
	Anxiety      *int
	Dissociation *int
	Distress     *int
	Mood         *int
	Sedation     *int // 0 awake to 5 cannot be woken
	Vomited      *bool
	Fell         *bool
	RedFlag      *RedFlag // also of an escalation
	Note         *string  // of every kind but dose, vital signs and check
	// JournalText is the patient's own; the clinic reads it when JournalShared is set.
	JournalText   *string
	JournalShared *bool

	// A completion.
	Oriented           *bool
	WalksUnaided       *bool
	SupportPersonStays *bool

	AbortReason *AbortReason

	// An escalation.
	EmergencyServicesCalled *bool

	// A check-in.
	Drove              *bool
	SideEffectsPersist *bool

	// A check of the safety gate. RedFlags are the symptoms that were found, joined by commas:
	// empty when each was asked for and none was there, nil when nobody asked. So are Substances,
	// which were taken in the protocol's hours before and which no prescriber had ordered.
	SolidsFastedMin      *int
	FluidsFastedMin      *int
	SupportPersonID      *uuid.UUID
	SupportPersonPresent *bool
	RedFlags             *string
	Pregnancy            *PregnancyStatus
	Substances           *string
	AcuteIllness         *bool
	SleptHours           *int // last night, in full hours
	// DeviceVerdict is what the phone made of the check while it could not ask, by the limits that
	// GateVersion names.
	DeviceVerdict *DeviceVerdict
	GateVersion   *string

	// An attestation: the support person's own word.
	PresentThroughout *bool
	LookedIn          *bool // about every 15 minutes, or as the protocol says

	// TicketOfPatient says that the ticket it was sent with had been handed to the patient; nil
	// without a ticket.
	TicketOfPatient *bool
}

// Entries counts what was ever entered into a session: its facts and its strike-outs. It
// never falls, so that a review which looked at so many entries is open again as soon as
// there are more.
func Entries(facts []Fact) int {
	return entries(counting(facts))
}

func entries(kept []Fact, struck int) int { return len(kept) + 2*struck }

// counting answers the facts that count, in the order in which they happened, and how many
// were struck out. A fact that is there twice counts once, and is struck out when one of the
// copies is.
func counting(facts []Fact) (kept []Fact, struck int) {
	ordered := slices.Clone(facts)
	slices.SortFunc(ordered, func(a, b Fact) int {
		if byTime := a.OccurredAt.Compare(b.OccurredAt); byTime != 0 {
			return byTime
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	kept = ordered[:0]
	for i := 0; i < len(ordered); {
		fact := ordered[i]
		for i++; i < len(ordered) && ordered[i].ID == fact.ID; i++ {
			fact.StruckOut = fact.StruckOut || ordered[i].StruckOut
		}
		if fact.StruckOut {
			struck++
			continue
		}
		kept = append(kept, fact)
	}
	return kept, struck
}
