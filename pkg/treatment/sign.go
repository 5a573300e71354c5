package treatment

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Weight is a body weight and when it was measured.
type Weight struct {
	Kg         dose.Kg
	MeasuredAt time.Time
}

// Signing is what is known when a prescription is signed. Pointers that are nil, and lists
// that are nil, are unknown; what is unknown is refused while its guard is on.
type Signing struct {
	// Now in the time zone in which the signature is made: its date is the date of issue, on
	// which the prescriber's credentials must be valid and from which the months count.
	Now    time.Time
	Signer Prescriber
	// PatientState is the US state where the patient is.
	PatientState string
	// Phase is the treatment's.
	Phase Phase
	// Weight is the patient's newest; nil when there is none.
	Weight     *Weight
	ProtocolID uuid.UUID
	Protocol   Protocol
	// Eligible: the treatment rests on a consultation that found the patient eligible.
	Eligible *bool
	// SignedConsents are the consents in force.
	SignedConsents []string
	// Medicines are those that the patient takes or took lately, and whatever else the signer has
	// named, as they are now; Reviewed are those that the signer has looked at, together with
	// ketamine. Either is nil when nobody knows. Guard interactions.
	Medicines []Evidence
	Reviewed  []Evidence
	// PDMPCheckedAt is when the prescription monitoring program of the patient's state was last
	// asked, whatever it showed.
	PDMPCheckedAt *time.Time
	// InPersonExamAt is when a prescriber of the clinic last examined the patient in person.
	InPersonExamAt *time.Time
	// Locked: the prescription in force is locked ([Prescription.Locked]). Another one would open
	// the lock without anybody having looked at the signals.
	Locked bool
}

// Sign makes a draft active, or lets it await a cosignature when dose and booster together
// are above the soft maximum. It is refused above the hard maximum
// (CodeHardMaximumExceeded), without a weight that is recent enough (CodeWeightRequired),
// without credentials for the patient's state (CodeCredentialsRequired), or when another
// rule is broken; the refusal lists every reason.
func (p Prescription) Sign(s Signing) (Prescription, error) {
	if p.Status != PrescriptionDraft {
		return p, illegal("a prescription that is "+string(p.Status), "be signed")
	}
	if !s.Phase.Open() {
		return p, illegal("a prescription of a treatment that is "+string(s.Phase), "be signed")
	}
	var o objections
	s.Signer.missing(&o, s.PatientState, DateOf(s.Now))
	p.outOfLimits(&o, s)
	missingConsents(&o, s.SignedConsents, s.Protocol)
	s.missingEvidence(&o)
	locked(&o, s.Locked)
	if err := o.refusal("the prescription cannot be signed"); err != nil {
		return p, err
	}
	p.Status, p.StatusReason = PrescriptionActive, ""
	if p.Total() > s.Protocol.Prescribing.SoftMaximum.At(s.Weight.Kg) {
		p.Status = PrescriptionAwaitingCosignature
	}
	months := min(s.Protocol.Prescribing.ValidityMonths, LegalValidityMonths)
	p.SignedAt, p.SignedBy, p.SignerNPI = new(s.Now.UTC()), new(s.Signer.StaffID), s.Signer.NPI
	p.ExpiresAt = new(AddMonthsClamped(s.Now, months).UTC())
	p.ExpiringAt = new(p.ExpiresAt.AddDate(0, 0, -s.Protocol.Alerts.PrescriptionExpiringDays))
	p.WeightKg, p.ProtocolID, p.RulesVersion = new(s.Weight.Kg), s.ProtocolID, RulesVersion
	return p, nil
}

// outOfLimits objects to the order's numbers: the dose against the hard maximum, by a weight
// that is recent enough, and the refills.
func (p Prescription) outOfLimits(o *objections, s Signing) {
	policy := s.Protocol.Prescribing
	if p.DoseMg <= 0 || p.StrengthMg <= 0 || p.BoosterMg < 0 {
		o.add(CodeRuleViolated, Reason{Rule: RuleDose, Pointer: "/doseMg", Detail: "dose and strength must be above zero"})
	}
	hard := policy.HardMaximum.DoseMg
	switch {
	case s.Weight == nil || s.Weight.Kg <= 0:
		o.add(CodeWeightRequired, Reason{Rule: RuleWeight, Limit: days(policy.WeightMaxAgeDays),
			Detail: "the patient's weight is not known"})
	case !within(s.Weight.MeasuredAt, s.Now, policy.WeightMaxAgeDays):
		o.add(CodeWeightRequired, Reason{Rule: RuleWeight, Limit: days(policy.WeightMaxAgeDays),
			Value: days(int(s.Now.Sub(s.Weight.MeasuredAt).Hours() / 24)), Detail: "the patient's weight is too old"})
	default:
		hard = policy.HardMaximum.At(s.Weight.Kg)
	}
	if p.Total() > hard {
		o.add(CodeHardMaximumExceeded, Reason{Rule: RuleHardMaximum, Value: mg(p.Total()), Limit: mg(hard), Pointer: "/doseMg",
			Detail: "dose and booster together are above the protocol's hard maximum, which nobody can override"})
	}
	if most := min(policy.MaxRefills, LegalMaxRefills); p.Refills < 0 || p.Refills > most {
		o.add(CodeRuleViolated, Reason{Rule: RuleRefills, Value: strconv.Itoa(p.Refills), Limit: strconv.Itoa(most),
			Pointer: "/refills", Detail: "more refills than may be authorised (21 CFR 1306.22)"})
	}
}

// missingEvidence objects to what has to be looked at before a signature and was not, as far
// as the guards are on.
func (s Signing) missingEvidence(o *objections) {
	p := s.Protocol
	if p.Guards(GuardConsultation) && !isTrue(s.Eligible) {
		o.add(CodeRuleViolated, Reason{Rule: RuleConsultation, Detail: "no consultation has found the patient eligible"})
	}
	if p.Guards(GuardInteractions) {
		s.unreviewed(o)
	}
	if p.Guards(GuardPDMP) && (s.PDMPCheckedAt == nil || !within(*s.PDMPCheckedAt, s.Now, p.Prescribing.PDMPMaxAgeDays)) {
		o.add(CodeRuleViolated, Reason{Rule: RulePDMP, Limit: days(p.Prescribing.PDMPMaxAgeDays),
			Detail: "the prescription monitoring program was not asked recently enough"})
	}
	if p.Guards(GuardInPersonExam) && DateOf(s.Now) >= p.Prescribing.InPersonExamRequiredFrom && s.InPersonExamAt == nil {
		o.add(CodeRuleViolated, Reason{Rule: RuleInPersonExam, Limit: string(p.Prescribing.InPersonExamRequiredFrom),
			Detail: "from that day on an examination in person must come first"})
	}
}

// unreviewed objects to every medicine that the signer has not looked at as it is now: one that was
// added, changed or stopped since they did.
func (s Signing) unreviewed(o *objections) {
	if s.Medicines == nil || s.Reviewed == nil {
		o.add(CodeRuleViolated, Reason{Rule: RuleInteractions, Pointer: "/reviewedMedications", Detail: "the patient's medications were not reviewed for interactions"})
		return
	}
	for _, m := range Unconsidered(s.Medicines, nil, s.Reviewed) {
		o.add(CodeRuleViolated, Reason{Rule: RuleInteractions, Pointer: "/reviewedMedications",
			Detail: fmt.Sprintf("medication %s is at version %d, which was not reviewed for interactions", m.ID, m.Version)})
	}
}

// Cosigning is what is known when a second prescriber signs.
type Cosigning struct {
	Now          time.Time // as in [Signing]
	Cosigner     Prescriber
	PatientState string
	Phase        Phase
	// Locked: the prescription in force is locked, as for [Signing].
	Locked bool
}

// Cosign makes a prescription active that waits for it. The cosigner is another person than
// the signer, by staff record and by NPI, and has credentials for the patient's state. The
// months of validity still count from the first signature.
func (p Prescription) Cosign(c Cosigning) (Prescription, error) {
	if p.Status != PrescriptionAwaitingCosignature {
		return p, illegal("a prescription that is "+string(p.Status), "be cosigned")
	}
	if !c.Phase.Open() {
		return p, illegal("a prescription of a treatment that is "+string(c.Phase), "be cosigned")
	}
	var o objections
	if p.SignedBy == nil || *p.SignedBy == c.Cosigner.StaffID || p.SignerNPI == c.Cosigner.NPI {
		o.add(CodeRuleViolated, Reason{Rule: RuleOtherPrescriber, Detail: "the cosigner must be another prescriber with another NPI"})
	}
	c.Cosigner.missing(&o, c.PatientState, DateOf(c.Now))
	if p.ExpiresAt == nil || !c.Now.Before(*p.ExpiresAt) {
		o.add(CodeRuleViolated, Reason{Rule: RuleExpired, Detail: "the signature has expired"})
	}
	locked(&o, c.Locked)
	if err := o.refusal("the prescription cannot be cosigned"); err != nil {
		return p, err
	}
	p.Status = PrescriptionActive
	p.CosignedAt, p.CosignedBy = new(c.Now.UTC()), new(c.Cosigner.StaffID)
	return p, nil
}

// locked objects while the prescription in force is locked.
func locked(o *objections, locked bool) {
	if locked {
		o.add(CodeRuleViolated, Reason{Rule: RuleRefillLock, Detail: "the prescription in force is locked: resume or stop it first"})
	}
}

// Withdraw takes a signature back while it waits for the cosignature: the prescription is a
// draft again. The signer may do it without, any other prescriber with a reason.
func (p Prescription) Withdraw(by uuid.UUID, reason string) (Prescription, error) {
	if p.Status != PrescriptionAwaitingCosignature {
		return p, illegal("a prescription that is "+string(p.Status), "be withdrawn")
	}
	if p.SignedBy == nil || *p.SignedBy != by {
		if err := requireReason("the signature cannot be withdrawn", reason); err != nil {
			return p, err
		}
	}
	p, err := p.to(PrescriptionDraft, reason)
	p.clearSignature()
	return p, err
}

// clearSignature forgets what a signature wrote.
func (p *Prescription) clearSignature() {
	p.SignedAt, p.SignedBy, p.SignerNPI, p.ExpiresAt, p.ExpiringAt = nil, nil, "", nil, nil
	p.WeightKg, p.ProtocolID, p.RulesVersion = nil, uuid.Nil, ""
}

func isTrue(b *bool) bool { return b != nil && *b }

// total adds amounts; one too large to be true is the largest there is, which no limit allows.
func total(amounts ...dose.Mg) dose.Mg {
	sum, err := dose.Sum(amounts...)
	if err != nil {
		return math.MaxInt64
	}
	return sum
}

// How values and limits are written.
func mg(d dose.Mg) string  { return d.String() + " mg" }
func minutes(n int) string { return strconv.Itoa(n) + " min" }
func hours(n int) string   { return strconv.Itoa(n) + " h" }
func days(n int) string    { return strconv.Itoa(n) + " days" }
func grade(n int) string   { return "grade " + strconv.Itoa(n) }
