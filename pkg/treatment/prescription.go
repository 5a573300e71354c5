package treatment

import (
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
)

// DosageForm is what is dispensed.
type DosageForm string

// Dosage forms.
const (
	FormTroche                  DosageForm = "troche"
	FormLozenge                 DosageForm = "lozenge"
	FormRapidlyDissolvingTablet DosageForm = "rapidlyDissolvingTablet"
	FormSublingualTablet        DosageForm = "sublingualTablet"
	FormOralTablet              DosageForm = "oralTablet"
	FormExtendedReleaseTablet   DosageForm = "extendedReleaseTablet"
	FormOralCapsule             DosageForm = "oralCapsule"
	FormOralSolution            DosageForm = "oralSolution"
	FormSyrup                   DosageForm = "syrup"
)

// DosageForms lists every dosage form.
var DosageForms = []DosageForm{
	FormTroche, FormLozenge, FormRapidlyDissolvingTablet, FormSublingualTablet, FormOralTablet,
	FormExtendedReleaseTablet, FormOralCapsule, FormOralSolution, FormSyrup,
}

// Route is how a dose is taken. Doses of different routes are never converted into one another.
type Route string

// Routes.
const (
	RouteSublingual Route = "sublingual"
	RouteBuccal     Route = "buccal"
	RouteOral       Route = "oral"
)

// Routes lists every route.
var Routes = []Route{RouteSublingual, RouteBuccal, RouteOral}

// PrescriptionStatus is where a prescription stands.
type PrescriptionStatus string

// Prescription statuses. Expired is never stored: it follows from time.
const (
	PrescriptionDraft               PrescriptionStatus = "draft"
	PrescriptionAwaitingCosignature PrescriptionStatus = "awaitingCosignature"
	PrescriptionActive              PrescriptionStatus = "active"
	PrescriptionExpired             PrescriptionStatus = "expired"
	PrescriptionStopped             PrescriptionStatus = "stopped"
	PrescriptionSuperseded          PrescriptionStatus = "superseded"
	PrescriptionDiscarded           PrescriptionStatus = "discarded"
	PrescriptionEnteredInError      PrescriptionStatus = "enteredInError"
)

// PrescriptionStatuses lists every status, the derived one too.
var PrescriptionStatuses = []PrescriptionStatus{
	PrescriptionDraft, PrescriptionAwaitingCosignature, PrescriptionActive, PrescriptionExpired, PrescriptionStopped,
	PrescriptionSuperseded, PrescriptionDiscarded, PrescriptionEnteredInError,
}

// An expired prescription moves as the active one that it is in the record, but for what
// only makes sense while it is in force: [Prescription.Hold], Resume and Stop.
var prescriptionMoves = machine[PrescriptionStatus]{
	PrescriptionDraft:               {PrescriptionAwaitingCosignature, PrescriptionActive, PrescriptionDiscarded},
	PrescriptionAwaitingCosignature: {PrescriptionActive, PrescriptionDraft, PrescriptionEnteredInError},
	PrescriptionActive:              {PrescriptionStopped, PrescriptionSuperseded, PrescriptionEnteredInError},
	PrescriptionStopped:             {PrescriptionEnteredInError},
	PrescriptionSuperseded:          {PrescriptionEnteredInError},
	PrescriptionDiscarded:           {PrescriptionEnteredInError},
	PrescriptionEnteredInError:      {},
}

// Order is what a prescriber writes: what may be taken, and how often.
type Order struct {
	Form  DosageForm
	Route Route
	// StrengthMg is what one unit holds.
	StrengthMg dose.Mg
	// DoseMg is the dose of one session; BoosterMg a second one that may be taken in it, 0
	// for none. Limits judge the two together.
	DoseMg    dose.Mg
	BoosterMg dose.Mg
	// MinIntervalHours from the start of one session to the start of the next, and
	// SessionsPerWeek in any seven days. The protocol's limits hold too: the stricter counts.
	MinIntervalHours int
	SessionsPerWeek  int
	// QuantityUnits per fill; Refills after the first.
	QuantityUnits int
	Refills       int
	// Directions is what the label says.
	Directions string
}

// Total is dose and booster together.
func (o Order) Total() dose.Mg { return total(o.DoseMg, o.BoosterMg) }

// Prescription is an order and what became of it. Once signed, the order never changes.
type Prescription struct {
	Order
	// AdjustmentID is the adjustment that it was drafted from, if it was.
	AdjustmentID *uuid.UUID
	Status       PrescriptionStatus
	// StatusReason is why it was withdrawn, stopped or voided.
	StatusReason string
	// OnHold: nothing may be taken while it stands.
	OnHold     bool
	HoldReason HoldReason
	// SignedAt is the date of issue (21 CFR 1306.05); SignerNPI is the number at that time.
	SignedAt   *time.Time
	SignedBy   *uuid.UUID
	SignerNPI  string
	CosignedAt *time.Time
	CosignedBy *uuid.UUID
	// ExpiresAt: from this moment on it is expired.
	ExpiresAt *time.Time
	// ExpiringAt is when somebody has to see to the next one.
	ExpiringAt *time.Time
	// EndedAt is when it was stopped, superseded or voided; nil for one that was never active.
	EndedAt *time.Time
	// Fills is how many dispenses count.
	Fills int
	// WeightKg, ProtocolID and RulesVersion are what the signature was judged by.
	WeightKg     *dose.Kg
	ProtocolID   uuid.UUID
	RulesVersion string
}

// StatusAt is the status at a time: an active prescription whose time has come is expired.
func (p Prescription) StatusAt(now time.Time) PrescriptionStatus {
	if p.Status == PrescriptionActive && (p.ExpiresAt == nil || !now.Before(*p.ExpiresAt)) {
		return PrescriptionExpired
	}
	return p.Status
}

// Deadlines of a prescription: while it is active it will soon expire, and then has.
func (p Prescription) Deadlines() []Deadline {
	if p.Status != PrescriptionActive || p.ExpiresAt == nil || p.ExpiringAt == nil {
		return nil
	}
	return []Deadline{{Kind: DeadlinePrescriptionExpiring, At: *p.ExpiringAt}, {Kind: DeadlinePrescription, At: *p.ExpiresAt}}
}

// Draft makes a draft for a treatment in the given phase, which must be open. A draft may
// hold anything; the limits are checked when it is signed.
func Draft(o Order, phase Phase) (Prescription, error) {
	if !phase.Open() {
		return Prescription{}, illegal("a treatment that is "+string(phase), "be prescribed for")
	}
	return Prescription{Order: o, Status: PrescriptionDraft}, nil
}

// Update changes a draft. Dose and interval of one that was drafted from an adjustment stay what
// was approved.
func (p Prescription) Update(o Order) (Prescription, error) {
	if p.Status != PrescriptionDraft {
		return p, illegal("a prescription that is "+string(p.Status), "be changed")
	}
	if p.AdjustmentID != nil {
		var objected objections
		for _, pointer := range p.Dosing().differing(o.Dosing()) {
			objected.add(CodeRuleViolated, Reason{Rule: RuleAdjustment, Pointer: pointer, Detail: "is what was approved: discard the draft to change it"})
		}
		if err := objected.refusal("the prescription cannot be changed"); err != nil {
			return p, err
		}
	}
	p.Order = o
	return p, nil
}

// Discard throws a draft away.
func (p Prescription) Discard() (Prescription, error) {
	return p.to(PrescriptionDiscarded, p.StatusReason)
}

// Hold puts an active prescription on hold.
func (p Prescription) Hold(reason HoldReason, now time.Time) (Prescription, error) {
	if status := p.StatusAt(now); status != PrescriptionActive || p.OnHold {
		return p, illegal("a prescription that is "+p.described(status), "be put on hold")
	}
	if err := knownHoldReason("the prescription cannot be put on hold", reason); err != nil {
		return p, err
	}
	p.OnHold, p.HoldReason = true, reason
	return p, nil
}

// Lock puts an active prescription on hold because of signals, whatever else it was on hold for:
// only a prescriber lets it go on.
func (p Prescription) Lock(now time.Time) (Prescription, error) {
	if status := p.StatusAt(now); status != PrescriptionActive {
		return p, illegal("a prescription that is "+string(status), "be locked")
	}
	p.OnHold, p.HoldReason = true, HoldRefillLock
	return p, nil
}

// Locked says whether it is in force and locked.
func (p Prescription) Locked(now time.Time) bool {
	return p.StatusAt(now) == PrescriptionActive && p.OnHold && p.HoldReason == HoldRefillLock
}

// Resume ends the hold of an active prescription.
func (p Prescription) Resume(now time.Time) (Prescription, error) {
	if status := p.StatusAt(now); status != PrescriptionActive || !p.OnHold {
		return p, illegal("a prescription that is "+p.described(status), "be resumed")
	}
	p.OnHold, p.HoldReason = false, ""
	return p, nil
}

func (p Prescription) described(status PrescriptionStatus) string {
	switch {
	case status == PrescriptionActive && p.OnHold:
		return "on hold"
	case status == PrescriptionActive:
		return "not on hold"
	}
	return string(status)
}

// Stop ends an active prescription for good.
func (p Prescription) Stop(reason string, now time.Time) (Prescription, error) {
	if err := prescriptionMoves.move("a prescription", p.StatusAt(now), PrescriptionStopped); err != nil {
		return p, err
	}
	if err := requireReason("the prescription cannot be stopped", reason); err != nil {
		return p, err
	}
	return p.end(PrescriptionStopped, reason, now)
}

// Supersede ends an active prescription because another one of the treatment has become
// active in the same step; until then the old one stays active.
func (p Prescription) Supersede(now time.Time) (Prescription, error) {
	return p.end(PrescriptionSuperseded, "", now)
}

// Void says that a prescription was entered in error. A draft is discarded instead.
func (p Prescription) Void(reason string, now time.Time) (Prescription, error) {
	if err := prescriptionMoves.move("a prescription", p.Status, PrescriptionEnteredInError); err != nil {
		return p, err
	}
	if err := requireReason("the prescription cannot be voided", reason); err != nil {
		return p, err
	}
	if !p.TookEffect() { // nothing ends
		return p.to(PrescriptionEnteredInError, reason)
	}
	return p.end(PrescriptionEnteredInError, reason, now)
}

// TookEffect says whether it was ever active: everybody who must sign it has. Only such
// prescriptions are the patient's to read.
func (p Prescription) TookEffect() bool {
	switch p.Status {
	case PrescriptionActive, PrescriptionExpired, PrescriptionStopped, PrescriptionSuperseded:
		return true
	case PrescriptionEnteredInError:
		return p.SignedAt != nil && p.EndedAt != nil
	case PrescriptionDraft, PrescriptionAwaitingCosignature, PrescriptionDiscarded:
	}
	return false
}

// End is what becomes of a prescription when its treatment is completed or discontinued: a
// draft, or one that waits for its cosignature, is discarded, an active one stops, and
// others stay as they are.
func (p Prescription) End(reason string, now time.Time) Prescription {
	if p.Status == PrescriptionAwaitingCosignature {
		p.Status = PrescriptionDraft
		p.clearSignature()
	}
	if p.Status == PrescriptionDraft {
		p.Status, p.StatusReason = PrescriptionDiscarded, reason
	}
	if p.Status == PrescriptionActive {
		p, _ = p.end(PrescriptionStopped, reason, now) // what is active may stop
	}
	return p
}

// to moves to another status.
func (p Prescription) to(status PrescriptionStatus, reason string) (Prescription, error) {
	if err := prescriptionMoves.move("a prescription", p.Status, status); err != nil {
		return p, err
	}
	p.Status, p.StatusReason = status, reason
	return p, nil
}

// end moves to a status in which nothing may be taken any more. Voiding something that had
// ended already keeps the earlier end.
func (p Prescription) end(status PrescriptionStatus, reason string, now time.Time) (Prescription, error) {
	p, err := p.to(status, reason)
	if err != nil {
		return p, err
	}
	p.OnHold, p.HoldReason = false, ""
	if p.EndedAt == nil {
		p.EndedAt = new(now.UTC())
	}
	return p, nil
}

// Validity is the time in which doses could be taken from a prescription, for [Known]: from
// its last signature to its end or expiry. It is false for one that never became active or
// was entered in error. holds are the times in which it was on hold.
func (p Prescription) Validity(id uuid.UUID, holds []Interval) (Validity, bool) {
	from := p.SignedAt
	if p.CosignedAt != nil {
		from = p.CosignedAt
	}
	inForce := p.Status == PrescriptionActive || p.Status == PrescriptionStopped || p.Status == PrescriptionSuperseded
	if !inForce || from == nil {
		return Validity{}, false
	}
	until := p.ExpiresAt
	if p.EndedAt != nil && (until == nil || p.EndedAt.Before(*until)) {
		until = p.EndedAt
	}
	return Validity{
		ID: id, Interval: Interval{From: *from, Until: until},
		Form: p.Form, DoseMg: p.DoseMg, BoosterMg: p.BoosterMg,
		MinIntervalHours: p.MinIntervalHours, SessionsPerWeek: p.SessionsPerWeek,
		Holds: holds,
	}, true
}
