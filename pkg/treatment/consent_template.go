package treatment

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ConsentKind is what a patient agrees to.
type ConsentKind string

// Consent kinds. The treatment is off-label, compounded and at home; data are shared with one
// named partner for each consent.
const (
	ConsentTreatment           ConsentKind = "treatment"
	ConsentTelehealth          ConsentKind = "telehealth"
	ConsentControlledSubstance ConsentKind = "controlledSubstance"
	ConsentSupportPerson       ConsentKind = "supportPerson"
	ConsentNoDriving           ConsentKind = "noDriving"
	ConsentDataSharing         ConsentKind = "dataSharing"
	ConsentCommunication       ConsentKind = "communication"
)

// ConsentKinds lists every kind.
var ConsentKinds = []ConsentKind{
	ConsentTreatment, ConsentTelehealth, ConsentControlledSubstance, ConsentSupportPerson,
	ConsentNoDriving, ConsentDataSharing, ConsentCommunication,
}

// ConsentTemplateStatus says whether a text may still be signed.
type ConsentTemplateStatus string

// Consent template statuses.
const (
	ConsentTemplatePublished ConsentTemplateStatus = "published"
	ConsentTemplateRetired   ConsentTemplateStatus = "retired"
)

// ConsentTemplateStatuses lists every status.
var ConsentTemplateStatuses = []ConsentTemplateStatus{ConsentTemplatePublished, ConsentTemplateRetired}

var consentTemplateMoves = machine[ConsentTemplateStatus]{
	ConsentTemplatePublished: {ConsentTemplateRetired},
	ConsentTemplateRetired:   {},
}

// DefaultConsentMonths is for how many calendar months a signature is good, unless the text
// says otherwise. It is a proposal of this product.
const DefaultConsentMonths = 12

// ConsentTemplate is a text that patients sign: one revision of its kind, which never changes.
type ConsentTemplate struct {
	Kind ConsentKind
	// Revision counts the texts of a kind, from 1.
	Revision int
	Title    string
	Text     string
	// ValidMonths is for how many calendar months a signature is good.
	ValidMonths  int
	Status       ConsentTemplateStatus
	StatusReason string // why it was retired
	RetiredAt    *time.Time
	RetiredBy    *uuid.UUID
}

// Retire ends a text for good: nobody signs it any more, and what was signed to it expires. It
// must say why.
func (t ConsentTemplate) Retire(by uuid.UUID, reason string, now time.Time) (ConsentTemplate, error) {
	if err := consentTemplateMoves.move("a consent text", t.Status, ConsentTemplateRetired); err != nil {
		return t, err
	}
	if err := requireReason("the consent text cannot be retired", reason); err != nil {
		return t, err
	}
	t.Status, t.StatusReason, t.RetiredAt, t.RetiredBy = ConsentTemplateRetired, reason, new(now.UTC()), new(by)
	return t, nil
}

// retired says whether the text had been retired by a time.
func (t ConsentTemplate) retired(at time.Time) bool {
	return t.RetiredAt != nil && !at.Before(*t.RetiredAt)
}

//go:embed consents/*.md
var consentTexts embed.FS

// ConsentTemplates are the texts that are shipped, one of each kind, as revision 1. A clinic's
// counsel has to read them before patients do.
//
// The text on treatment carries every point of the FDA's communication of 2023-10-10, "FDA
// warns patients and health care providers about potential risks associated with compounded
// ketamine products, including oral formulations, for the treatment of psychiatric disorders".
// The one on driving has the Spravato label's rule, the next day after restful sleep, and the
// default protocol's 24 hours. The one on the controlled substance follows from Schedule III
// (21 CFR 1308.13).
func ConsentTemplates() []ConsentTemplate {
	list := make([]ConsentTemplate, len(ConsentKinds))
	for i, kind := range ConsentKinds {
		file := "consents/" + string(kind) + ".md"
		data, err := consentTexts.ReadFile(file)
		if err != nil {
			panic(err) // it is part of the binary
		}
		title, text, found := strings.Cut(string(data), "\n\n")
		title, headed := strings.CutPrefix(title, "# ")
		if !found || !headed {
			panic(fmt.Sprintf("%s does not begin with its title", file)) // so is this: a test reads them all
		}
		list[i] = ConsentTemplate{
			Kind: kind, Revision: 1, Title: title, Text: strings.TrimSpace(text),
			ValidMonths: DefaultConsentMonths, Status: ConsentTemplatePublished,
		}
	}
	return list
}

// RequiresConsent says whether treatments under the protocol need a consent of the kind. It
// does not ask for the guard: what a patient has withdrawn is known, whatever else is not.
func (p Protocol) RequiresConsent(kind ConsentKind) bool {
	return slices.Contains(p.Treatment.RequiredConsents, string(kind))
}
