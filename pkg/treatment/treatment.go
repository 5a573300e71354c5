package treatment

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Indication is what a treatment is for.
type Indication string

// Indications.
const (
	IndicationDepression           Indication = "depression"
	IndicationAnxiety              Indication = "anxiety"
	IndicationDepressionAndAnxiety Indication = "depressionAndAnxiety"
)

// Indications lists every indication.
var Indications = []Indication{IndicationDepression, IndicationAnxiety, IndicationDepressionAndAnxiety}

// Phase is how far a treatment has come.
type Phase string

// Phases. The last two are final.
const (
	PhasePlanned      Phase = "planned"
	PhaseInduction    Phase = "induction"
	PhaseMaintenance  Phase = "maintenance"
	PhaseTaper        Phase = "taper"
	PhaseCompleted    Phase = "completed"
	PhaseDiscontinued Phase = "discontinued"
)

// Phases lists every phase, in their usual order.
var Phases = []Phase{PhasePlanned, PhaseInduction, PhaseMaintenance, PhaseTaper, PhaseCompleted, PhaseDiscontinued}

var phaseMoves = machine[Phase]{
	PhasePlanned:      {PhaseInduction, PhaseDiscontinued},
	PhaseInduction:    {PhaseMaintenance, PhaseTaper, PhaseCompleted, PhaseDiscontinued},
	PhaseMaintenance:  {PhaseTaper, PhaseCompleted, PhaseDiscontinued},
	PhaseTaper:        {PhaseMaintenance, PhaseCompleted, PhaseDiscontinued},
	PhaseCompleted:    {},
	PhaseDiscontinued: {},
}

// Open says whether the treatment has not ended: it may be prescribed for.
func (p Phase) Open() bool { return p == PhasePlanned || p.Running() }

// Running says whether doses may be taken: induction, maintenance or taper.
func (p Phase) Running() bool {
	return p == PhaseInduction || p == PhaseMaintenance || p == PhaseTaper
}

// HoldReason is why a treatment or a prescription stands still.
type HoldReason string

// Hold reasons.
const (
	HoldSideEffects    HoldReason = "sideEffects"
	HoldBloodPressure  HoldReason = "bloodPressure"
	HoldSuicidality    HoldReason = "suicidality"
	HoldPregnancy      HoldReason = "pregnancy"
	HoldMissedContact  HoldReason = "missedContact"
	HoldSupply         HoldReason = "supply"
	HoldPatientRequest HoldReason = "patientRequest"
	HoldSafetyReview   HoldReason = "safetyReview"
	// HoldConsentWithdrawn: the patient has withdrawn a consent that the protocol requires.
	HoldConsentWithdrawn HoldReason = "consentWithdrawn"
	// HoldRefillLock: signals of misuse; nothing is taken or filled until a prescriber has looked.
	HoldRefillLock HoldReason = "refillLock"
	HoldOther      HoldReason = "other"
)

// HoldReasons lists every hold reason.
var HoldReasons = []HoldReason{
	HoldSideEffects, HoldBloodPressure, HoldSuicidality, HoldPregnancy, HoldMissedContact,
	HoldSupply, HoldPatientRequest, HoldSafetyReview, HoldConsentWithdrawn, HoldRefillLock, HoldOther,
}

// DiscontinueReason is why a treatment ended early.
type DiscontinueReason string

// Discontinue reasons.
const (
	DiscontinueInefficacy    DiscontinueReason = "inefficacy"
	DiscontinueAdverseEvent  DiscontinueReason = "adverseEvent"
	DiscontinueSafety        DiscontinueReason = "safety"
	DiscontinuePatientChoice DiscontinueReason = "patientChoice"
	DiscontinueLost          DiscontinueReason = "lost"
	DiscontinueDiversion     DiscontinueReason = "diversion"
	DiscontinuePregnancy     DiscontinueReason = "pregnancy"
	DiscontinueTransferred   DiscontinueReason = "transferred"
	DiscontinueDeceased      DiscontinueReason = "deceased"
)

// DiscontinueReasons lists every discontinue reason.
var DiscontinueReasons = []DiscontinueReason{
	DiscontinueInefficacy, DiscontinueAdverseEvent, DiscontinueSafety, DiscontinuePatientChoice, DiscontinueLost,
	DiscontinueDiversion, DiscontinuePregnancy, DiscontinueTransferred, DiscontinueDeceased,
}

// Treatment is one course of therapy for one patient. A patient has at most one that is open.
type Treatment struct {
	Indication Indication
	// DiagnosisCode is an ICD-10-CM code; empty when none was given.
	DiagnosisCode           string
	Phase                   Phase
	PhaseSince              time.Time
	PhaseReason             string
	DiscontinueReason       DiscontinueReason
	OnHold                  bool
	ProtocolID              uuid.UUID
	RulesVersion            string
	ResponsiblePrescriberID uuid.UUID
	// ConsultationID is the consultation that the treatment rests on; nil when there is none.
	ConsultationID *uuid.UUID
	Limits
	// Instructions is the text for the patient; its revision rises with every new text, and
	// the acknowledged revision is the newest that the patient has read, if any.
	Instructions         string
	InstructionsRevision int
	AcknowledgedRevision *int
	AcknowledgedAt       *time.Time
	// RunningFrom is when induction began and EndedAt when the treatment was completed or
	// discontinued; nil before that.
	RunningFrom *time.Time
	// From when on the clinic looks again and again whether it has heard of the patient, whether they
	// respond, and how long the supply lasts.
	ContactFrom  *time.Time
	ResponseFrom *time.Time
	SupplyFrom   *time.Time
	EndedAt      *time.Time
}

// Running is the time in which doses belong to the treatment; nil when there was none.
func (t Treatment) Running() *Interval {
	if t.RunningFrom == nil {
		return nil
	}
	return &Interval{From: *t.RunningFrom, Until: t.EndedAt}
}

// Starting is what is known when a treatment is to be started.
type Starting struct {
	Now           time.Time
	Indication    Indication
	DiagnosisCode string
	Limits        Limits
	PatientStatus PatientStatus
	// OtherPhases are the phases of the patient's other treatments.
	OtherPhases []Phase
	// LastEndedAt is when the last of them ended; nil when none has.
	LastEndedAt *time.Time
	ProtocolID  uuid.UUID
	Protocol    Protocol
	// ProtocolApproved: a prescriber has approved the protocol.
	ProtocolApproved bool
	// Production forbids protocols that have guards switched off.
	Production              bool
	ResponsiblePrescriberID uuid.UUID
	// ResponsibleIsPrescriber: that person is active in the clinic and has the prescriber role.
	ResponsibleIsPrescriber bool
	// EligibleAt is when the newest decision about the patient's eligibility found them eligible;
	// nil when it did not, there is none, or nobody knows. DecidedAt is when that decision was made,
	// which is earlier if it had conditions. Guard consultation.
	EligibleAt *time.Time
	DecidedAt  *time.Time
	// ConsultationID is the consultation of that decision.
	ConsultationID *uuid.UUID
	// SignedConsents are the consents in force; nil when nobody knows. Guard consents.
	SignedConsents []string
}

// Start makes a planned treatment. It is refused while the patient has another open one
// (CodeTreatmentOpen), with a protocol that is not approved or that a production clinic must
// not use (CodeProtocolNotAllowed), or when something that must be there is missing.
func Start(s Starting) (Treatment, error) {
	var o objections
	p := s.Protocol
	if s.PatientStatus != PatientActive {
		o.add(CodeRuleViolated, Reason{Rule: RulePatientActive, Detail: "the patient is not in the clinic's active care"})
	}
	if slices.ContainsFunc(s.OtherPhases, Phase.Open) {
		o.add(CodeTreatmentOpen, Reason{Rule: RuleOtherTreatment, Detail: "the patient has another open treatment"})
	}
	if s.ProtocolID == uuid.Nil {
		o.add(CodeRuleViolated, Reason{Rule: RuleProtocol, Pointer: "/protocolId", Detail: "no protocol is chosen"})
	}
	p.usable(&o, s.ProtocolApproved, s.Production)
	if s.ResponsiblePrescriberID == uuid.Nil || !s.ResponsibleIsPrescriber {
		o.add(CodeRuleViolated, Reason{Rule: RuleResponsiblePrescriber, Pointer: "/responsiblePrescriberId",
			Detail: "the responsible person is not an active prescriber of the clinic"})
	}
	unfit := s.ineligible()
	if p.Guards(GuardConsultation) && unfit != nil {
		o.add(CodeRuleViolated, *unfit)
	}
	missingConsents(&o, s.SignedConsents, p)
	s.Limits.loosened(&o, p)
	if err := o.refusal("the treatment cannot be started"); err != nil {
		return Treatment{}, err
	}
	if unfit != nil { // with the guard off there may be an old one: nothing rests on it
		s.ConsultationID = nil
	}
	return Treatment{
		Indication: s.Indication, DiagnosisCode: s.DiagnosisCode, Limits: s.Limits,
		Phase: PhasePlanned, PhaseSince: s.Now.UTC(),
		ProtocolID: s.ProtocolID, RulesVersion: RulesVersion, ResponsiblePrescriberID: s.ResponsiblePrescriberID,
		ConsultationID: s.ConsultationID,
		Instructions:   p.DefaultInstructions, InstructionsRevision: 1,
	}, nil
}

// ineligible is why no treatment can rest on the newest decision; nil when one can. What an earlier
// treatment ended for is unknown to a decision of before.
func (s Starting) ineligible() *Reason {
	switch most := s.Protocol.Treatment.ConsultationMaxAgeDays; {
	case s.EligibleAt == nil || !within(*s.EligibleAt, s.Now, most):
		return &Reason{Rule: RuleConsultation, Limit: days(most), Detail: "no consultation has found the patient eligible recently enough"}
	case s.LastEndedAt != nil && (s.DecidedAt == nil || !s.DecidedAt.After(*s.LastEndedAt)):
		return &Reason{Rule: RuleConsultation, Detail: "the patient's last treatment has ended since eligibility was decided: it has to be decided again"}
	}
	return nil
}

// missingConsents objects to every consent that the protocol requires and that is not among
// the signed ones. Guard consents.
func missingConsents(o *objections, signed []string, p Protocol) {
	if !p.Guards(GuardConsents) {
		return
	}
	if signed == nil {
		o.add(CodeRuleViolated, Reason{Rule: RuleConsents, Detail: "it is not known which consents are signed"})
		return
	}
	for _, consent := range p.Treatment.RequiredConsents {
		if !slices.Contains(signed, consent) {
			o.add(CodeRuleViolated, Reason{Rule: RuleConsents, Limit: consent, Detail: "a required consent is not signed"})
		}
	}
}

// PhaseChange is what is known when a treatment is to go on to another phase.
type PhaseChange struct {
	To     Phase
	Reason string
	Now    time.Time
	// Assessed are the instruments that the patient has answered for this treatment.
	Assessed []string
	Protocol Protocol
}

// ChangePhase takes the treatment to another phase. Induction needs the baseline
// assessments and the patient's acknowledgement of the current instructions; every other
// step needs a reason. Only [Treatment.Discontinue] discontinues.
func (t Treatment) ChangePhase(c PhaseChange) (Treatment, error) {
	if c.To == PhaseDiscontinued {
		return t, illegal("the phase", "be set to discontinued: discontinue the treatment")
	}
	if err := phaseMoves.move("a treatment", t.Phase, c.To); err != nil {
		return t, err
	}
	if c.To != PhaseInduction {
		if err := requireReason("the phase cannot be changed", c.Reason); err != nil {
			return t, err
		}
		return t.to(c.To, c.Reason, c.Now), nil
	}
	var o objections
	for _, instrument := range c.Protocol.Treatment.BaselineInstruments {
		if !slices.Contains(c.Assessed, instrument) {
			o.add(CodeRuleViolated, Reason{Rule: RuleBaselineAssessments, Limit: instrument,
				Detail: "a baseline assessment is missing"})
		}
	}
	if t.AcknowledgedRevision == nil || *t.AcknowledgedRevision < t.InstructionsRevision {
		o.add(CodeRuleViolated, Reason{Rule: RuleInstructions, Detail: "the patient has not acknowledged the current instructions"})
	}
	if err := o.refusal("induction cannot begin"); err != nil {
		return t, err
	}
	t = t.to(PhaseInduction, c.Reason, c.Now)
	t.RunningFrom = new(c.Now.UTC())
	t.ContactFrom, t.ResponseFrom = new(c.Protocol.ContactDueAt(c.Now)), new(c.Protocol.ReviewDueAt(c.Now))
	t.SupplyFrom = new(c.Protocol.SupplyDueAt(nil, c.Now))
	return t, nil
}

// to sets the phase; a treatment that ends is no longer on hold.
func (t Treatment) to(phase Phase, reason string, now time.Time) Treatment {
	t.Phase, t.PhaseReason, t.PhaseSince = phase, reason, now.UTC()
	if !phase.Open() {
		t.OnHold, t.EndedAt = false, new(now.UTC())
	}
	return t
}

// Discontinue ends an open treatment early. Its prescriptions end ([Prescription.End]) and
// its planned sessions are cancelled ([Plan.Cancel]) in the same step; the same holds when
// it is completed.
func (t Treatment) Discontinue(reason DiscontinueReason, note string, now time.Time) (Treatment, error) {
	if err := phaseMoves.move("a treatment", t.Phase, PhaseDiscontinued); err != nil {
		return t, err
	}
	if !slices.Contains(DiscontinueReasons, reason) {
		return t, refuse(CodeRuleViolated, "the treatment cannot be discontinued",
			Reason{Rule: RuleReason, Pointer: "/reason", Detail: "a reason from the list is required"})
	}
	t = t.to(PhaseDiscontinued, note, now)
	t.DiscontinueReason = reason
	return t, nil
}

// Hold puts an open treatment on hold: nothing planned can go ahead. One that is on hold
// already may be given a further reason.
func (t Treatment) Hold(reason HoldReason) (Treatment, error) {
	if !t.Phase.Open() {
		return t, illegal("a treatment that is "+string(t.Phase), "be put on hold")
	}
	if err := knownHoldReason("the treatment cannot be put on hold", reason); err != nil {
		return t, err
	}
	t.OnHold = true
	return t, nil
}

// Resume ends all holds of an open treatment.
func (t Treatment) Resume() (Treatment, error) {
	if !t.OnHold || !t.Phase.Open() {
		return t, illegal("a treatment that is not on hold", "be resumed")
	}
	t.OnHold = false
	return t, nil
}

func knownHoldReason(what string, reason HoldReason) error {
	if slices.Contains(HoldReasons, reason) {
		return nil
	}
	return refuse(CodeRuleViolated, what, Reason{Rule: RuleReason, Pointer: "/reason", Detail: "a reason from the list is required"})
}

// Reassign gives an open treatment another responsible prescriber, who must be an active
// prescriber of the clinic.
func (t Treatment) Reassign(prescriber uuid.UUID, isPrescriber bool) (Treatment, error) {
	if !t.Phase.Open() {
		return t, illegal("a treatment that is "+string(t.Phase), "be changed")
	}
	if prescriber == uuid.Nil || !isPrescriber {
		return t, refuse(CodeRuleViolated, "the treatment cannot be changed", Reason{Rule: RuleResponsiblePrescriber,
			Pointer: "/responsiblePrescriberId", Detail: "the responsible person is not an active prescriber of the clinic"})
	}
	t.ResponsiblePrescriberID = prescriber
	return t, nil
}

// Tighten gives an open treatment its own limits, none looser than the protocol's.
func (t Treatment) Tighten(l Limits, p Protocol) (Treatment, error) {
	if !t.Phase.Open() {
		return t, illegal("a treatment that is "+string(t.Phase), "be changed")
	}
	var o objections
	l.loosened(&o, p)
	if err := o.refusal("the limits cannot be set"); err != nil {
		return t, err
	}
	t.Limits = l
	return t, nil
}

// Instruct gives an open treatment new instructions, which the patient has to acknowledge
// anew.
func (t Treatment) Instruct(text string) (Treatment, error) {
	if !t.Phase.Open() {
		return t, illegal("a treatment that is "+string(t.Phase), "be changed")
	}
	t.Instructions = text
	t.InstructionsRevision++
	return t, nil
}

// Acknowledge records that the patient has read a revision of the instructions. It is a
// fact: it is taken in every phase, and the newest revision counts in whatever order they
// arrive. Only a revision that does not exist is refused.
func (t Treatment) Acknowledge(revision int, at time.Time) (Treatment, error) {
	if revision < 1 || revision > t.InstructionsRevision {
		return t, refuse(CodeRuleViolated, "the instructions cannot be acknowledged",
			Reason{Rule: RuleInstructions, Pointer: "/revision", Detail: "there is no such revision of the instructions"})
	}
	known, since := t.AcknowledgedRevision, t.AcknowledgedAt
	if known == nil || *known < revision || (*known == revision && (since == nil || at.Before(*since))) {
		t.AcknowledgedRevision, t.AcknowledgedAt = new(revision), new(at.UTC())
	}
	return t, nil
}
