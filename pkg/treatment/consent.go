package treatment

import (
	"time"

	"github.com/google/uuid"
)

// ConsentStatus is where a patient's consent stands.
type ConsentStatus string

// Consent statuses. Expired is never stored: it follows from time, or from the text's end.
const (
	ConsentPresented  ConsentStatus = "presented"
	ConsentSigned     ConsentStatus = "signed"
	ConsentExpired    ConsentStatus = "expired"
	ConsentDeclined   ConsentStatus = "declined"
	ConsentWithdrawn  ConsentStatus = "withdrawn"
	ConsentSuperseded ConsentStatus = "superseded"
)

// ConsentStatuses lists every status, the derived one too.
var ConsentStatuses = []ConsentStatus{
	ConsentPresented, ConsentSigned, ConsentExpired, ConsentDeclined, ConsentWithdrawn, ConsentSuperseded,
}

// Whatever is not open or in force can be presented again. An expired consent moves as the
// signed one that it is in the record.
var consentMoves = machine[ConsentStatus]{
	ConsentPresented:  {ConsentSigned, ConsentDeclined, ConsentSuperseded},
	ConsentSigned:     {ConsentWithdrawn, ConsentSuperseded, ConsentPresented},
	ConsentDeclined:   {ConsentPresented},
	ConsentWithdrawn:  {ConsentPresented},
	ConsentSuperseded: {ConsentPresented},
}

// Consent is a patient's answer to one text, since it was last presented. A fact about it
// counts from when it happened, but not from later than it arrived: clocks of phones are wrong.
type Consent struct {
	Kind ConsentKind
	// Partner is with whom data are shared; empty for every other kind.
	Partner      string
	Status       ConsentStatus
	StatusReason string // why it was declined or withdrawn
	PresentedAt  time.Time
	PresentedBy  uuid.UUID
	// NotBefore is when an earlier answer ended, if there was one: what the patient is told to
	// have answered until then belongs to that.
	NotBefore *time.Time
	// SignatureName is what the patient typed, or staff who have seen the signature.
	SignatureName string
	// WitnessedBy is the member of staff who has seen it; nil when the patient recorded it.
	WitnessedBy *uuid.UUID
	// SignedAt is from when it is in force, and ExpiresAt the moment from which it no longer is.
	SignedAt  *time.Time
	ExpiresAt *time.Time
	// ExpiringAt is when somebody has to see to the next signature.
	ExpiringAt *time.Time
	// EndedAt is when it was declined, withdrawn or superseded.
	EndedAt *time.Time
}

// StatusAt is the status at a time: a signed consent whose time has come, or whose text is
// retired, is expired, and so is one that waits for a signature to a retired text.
func (c Consent) StatusAt(t ConsentTemplate, now time.Time) ConsentStatus {
	open := c.Status == ConsentPresented || c.Status == ConsentSigned
	lapsed := c.Status == ConsentSigned && (c.ExpiresAt == nil || !now.Before(*c.ExpiresAt))
	if lapsed || open && t.retired(now) {
		return ConsentExpired
	}
	return c.Status
}

// InForceAt says whether the consent was good at a time: signed by then, and neither expired
// nor ended. Of what was before it was last presented it knows nothing.
func (c Consent) InForceAt(t ConsentTemplate, at time.Time) bool {
	return c.SignedAt != nil && !at.Before(*c.SignedAt) &&
		c.ExpiresAt != nil && at.Before(*c.ExpiresAt) &&
		(c.EndedAt == nil || at.Before(*c.EndedAt)) && !t.retired(at)
}

// Deadlines of a consent: while it is signed it will soon expire, and then has.
func (c Consent) Deadlines() []Deadline {
	if c.Status != ConsentSigned || c.ExpiresAt == nil || c.ExpiringAt == nil {
		return nil
	}
	return []Deadline{{Kind: DeadlineConsentExpiring, At: *c.ExpiringAt}, {Kind: DeadlineConsent, At: *c.ExpiresAt}}
}

// Presenting is what is known when a text is put before a patient.
type Presenting struct {
	Template ConsentTemplate
	// Newest is the highest revision of the template's kind that is not retired.
	Newest  int
	Partner string
	// Earlier is the patient's consent to the same text and partner; nil when there is none.
	Earlier *Consent
	By      uuid.UUID
	Now     time.Time
}

// Present asks for a signature, also again when an earlier one is no longer in force. Only the
// newest text of a kind is presented, and a partner is named exactly for sharing data.
func Present(p Presenting) (Consent, error) {
	var o objections
	if p.Template.Status != ConsentTemplatePublished || p.Template.Revision != p.Newest {
		o.add(CodeRuleViolated, Reason{Rule: RuleConsentText, Pointer: "/templateId",
			Detail: "only the newest text of a kind that is not retired is presented"})
	}
	if (p.Template.Kind == ConsentDataSharing) != (p.Partner != "") {
		o.add(CodeRuleViolated, Reason{Rule: RulePartner, Pointer: "/partner",
			Detail: "a partner is named to share data with, and for no other kind"})
	}
	if err := o.refusal("the consent cannot be presented"); err != nil {
		return Consent{}, err
	}
	c := Consent{
		Kind: p.Template.Kind, Partner: p.Partner, Status: ConsentPresented, PresentedAt: p.Now.UTC(), PresentedBy: p.By,
	}
	if e := p.Earlier; e != nil {
		status := e.StatusAt(p.Template, p.Now)
		if status == ConsentPresented || status == ConsentSigned {
			return *e, illegal("a consent that is "+string(status), "be presented again")
		}
		c.NotBefore = e.ExpiresAt
		if e.EndedAt != nil {
			c.NotBefore = e.EndedAt
		}
	}
	return c, nil
}

// Signature is what is known when a consent is signed.
type Signature struct {
	Name string
	// At is when, in the time zone of the place: the months count from its date.
	At   time.Time
	Now  time.Time
	Mode Mode
	// WitnessedBy is the member of staff who has seen it and records it; nil for the patient.
	WitnessedBy *uuid.UUID
	// Sessions are the patient's with a dose, as far as they may have run then or now.
	Sessions []Session
	Protocol Protocol
}

// Sign records the patient's signature. It must be to a text that was not retired then, and
// not to one that has been answered since. Nobody signs between a dose and the release of its
// session: neither then nor now, because who records it may be the patient.
func (c Consent) Sign(t ConsentTemplate, s Signature) (Consent, error) {
	if status := c.StatusAt(t, s.At); status != ConsentPresented {
		return c, illegal("a consent that is "+string(status), "be signed")
	}
	var o objections
	c.outdated(&o, s.At)
	if s.WitnessedBy != nil && s.Mode == ModeApp {
		o.add(CodeRuleViolated, Reason{Rule: RuleWitness, Pointer: "/mode",
			Detail: "staff record a signature that they have seen; one in the app is the patient's own"})
	}
	for _, session := range s.Sessions {
		if affected := session.affected(); affected != nil && (affected.Contains(s.At) || affected.Contains(s.Now)) {
			o.add(CodeRuleViolated, Reason{Rule: RuleSessionRunning, Detail: "nobody signs between a dose and the release of its session"})
			break
		}
	}
	if err := o.refusal("the consent cannot be signed"); err != nil {
		return c, err
	}
	at := notAfter(s.At, s.Now)
	c.Status, c.SignatureName, c.WitnessedBy = ConsentSigned, s.Name, s.WitnessedBy
	c.SignedAt, c.ExpiresAt = new(at.UTC()), new(AddMonthsClamped(at, t.ValidMonths).UTC())
	c.ExpiringAt = new(c.ExpiresAt.AddDate(0, 0, -s.Protocol.Alerts.ConsentExpiringDays))
	return c, nil
}

// outdated objects to an answer that is older than the end of an earlier one.
func (c Consent) outdated(o *objections, at time.Time) {
	if c.NotBefore != nil && at.Before(*c.NotBefore) {
		o.add(CodeRuleViolated, Reason{Rule: RuleAnsweredBefore, Pointer: "/occurredAt",
			Detail: "this was before the consent was presented again: an earlier answer has ended since"})
	}
}

// Decline records that the patient does not sign.
func (c Consent) Decline(reason string, at, now time.Time) (Consent, error) {
	if err := consentMoves.move("a consent", c.Status, ConsentDeclined); err != nil {
		return c, err
	}
	var o objections
	c.outdated(&o, at)
	if err := o.refusal("the consent cannot be declined"); err != nil {
		return c, err
	}
	return c.end(ConsentDeclined, reason, notAfter(at, now)), nil
}

// Withdraw records that the patient takes a signature back. Why is theirs to say or not. It is
// never too early or too late: clocks must not stand in its way.
func (c Consent) Withdraw(reason string, at, now time.Time) (Consent, error) {
	if err := consentMoves.move("a consent", c.Status, ConsentWithdrawn); err != nil {
		return c, err
	}
	return c.end(ConsentWithdrawn, reason, notAfter(at, now)), nil
}

// Supersedes says whether another consent of the patient gives way to one that is signed:
// whatever was signed for the same purpose, and an older text that still waits for it.
func (c Consent) Supersedes(other Consent) bool {
	return c.Kind == other.Kind && c.Partner == other.Partner &&
		(other.Status == ConsentSigned || other.Status == ConsentPresented && !other.PresentedAt.After(c.PresentedAt))
}

// Supersede ends a consent because another one has taken its place at a time.
func (c Consent) Supersede(at time.Time) (Consent, error) {
	if err := consentMoves.move("a consent", c.Status, ConsentSuperseded); err != nil {
		return c, err
	}
	return c.end(ConsentSuperseded, "", at), nil
}

func (c Consent) end(status ConsentStatus, reason string, at time.Time) Consent {
	c.Status, c.StatusReason, c.EndedAt = status, reason, new(at.UTC())
	return c
}

// notAfter is the earlier of two times, in the zone of the first.
func notAfter(at, now time.Time) time.Time {
	if at.After(now) {
		return now.In(at.Location())
	}
	return at
}
