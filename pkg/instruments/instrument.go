package instruments

// Provenance says how far a piece of data can be trusted.
type Provenance string

const (
	// Published data was found in the source it names, or in a public copy, abstract or
	// summary of it.
	Published Provenance = "published"
	// Unverified data is common knowledge: nobody has looked it up in the source it names. It
	// must be shown as unverified.
	Unverified Provenance = "unverified"
)

// Terms say under which terms the wording may be used.
type Terms string

const (
	// PublicDomain wording is nobody's.
	PublicDomain Terms = "publicDomain"
	// Free wording has an owner who lets it be used without a licence.
	Free Terms = "free"
)

// Instrument is one questionnaire with its scoring rules.
type Instrument struct {
	// ID names the instrument in this API: "phq-9".
	ID string
	// Title is the name for people.
	Title string
	// Version of the scoring rules, stored with every result. It changes with anything that
	// could change a result.
	Version string
	// Prompt is the question that the items complete.
	Prompt string
	// RecallPeriod is the time the answers are about, an ISO 8601 duration: "P2W".
	RecallPeriod string
	// LOINCPanel and LOINCTotal code the questionnaire and its total score or level.
	LOINCPanel, LOINCTotal string
	// Terms and Licence say on what terms the wording may be used, the latter in words.
	Terms   Terms
	Licence string
	// Reference is the publication that the wording, the score and the bands come from.
	Reference string
	// Provenance is that of everything here that does not carry its own.
	Provenance Provenance

	// Items in the order in which they are asked.
	Items []Item
	// MinTotal and MaxTotal bound the total score, in points. In every instrument so far a
	// higher total is worse. Both are 0 where there is no total.
	MinTotal, MaxTotal int
	// Bands divide the totals into degrees of severity, lowest first, without gaps.
	Bands []Band
	// Levels are the possible results of an instrument that has no total, mildest first. The
	// mildest is that of somebody who gave no answer that establishes another one.
	Levels []Level

	// Thresholds are those of the total; none where there is no total.
	Thresholds
}

// Item is one question.
type Item struct {
	// ID names the item within answers (the linkId of a FHIR Questionnaire): "phq9-1".
	ID string
	// Text is the exact wording.
	Text string
	// LOINC codes the question.
	LOINC string
	// AnswerList is the LOINC code of the list that Options are taken from.
	AnswerList string
	// Options are the possible answers, lowest value first.
	Options []Option
	// Scored items count towards the total.
	Scored bool
	// Optional items may stay unanswered without anything being missing.
	Optional bool
	// Safety marks what asks about suicidality: at most one item of an instrument with a
	// total.
	Safety bool
	// PositiveFrom is the lowest answer to a safety item that is positive.
	PositiveFrom int
	// Level is the code of the level that a positive answer establishes; empty in an
	// instrument with a total.
	Level string
	// EnabledWhen says after which answer the question is asked; nil if it always is.
	EnabledWhen *Condition
}

// Condition is an answer that another question depends on.
type Condition struct {
	// Item is the id of the item that is answered.
	Item string
	// From is the lowest answer that fulfils the condition.
	From int
}

// Option is one possible answer.
type Option struct {
	// Value is what is stored for the answer and, in scored items, the points it gives.
	Value int
	// Text is the exact wording.
	Text string
	// LOINC codes the answer.
	LOINC string
}

// Band is a range of totals.
type Band struct {
	// Code names the degree of severity in this API: "moderatelySevere".
	Code string
	// Title is the name for people.
	Title string
	// Min and Max are the lowest and highest total of the band, in points, both inclusive.
	Min, Max int
}

// Level is a result that no points lead to.
type Level struct {
	// Code names the level in this API: "moderate".
	Code string
	// Title is the name for people.
	Title string
	// LOINC codes the level as an answer; empty when LOINC has none.
	LOINC string
	// Source is where it is written which answers establish the level.
	Source     string
	Provenance Provenance
}

// Thresholds are the numbers by which totals and changes are judged, in points unless the
// field says percent.
type Thresholds struct {
	// MaxMissing is how many scored items may be unanswered for a total to be estimated
	// from the others.
	MaxMissing Threshold
	// ScreenPositive is the total from which a further diagnostic look is due.
	ScreenPositive Threshold
	// ResponsePercent is the reduction from baseline, in percent, that is a response.
	ResponsePercent Threshold
	// RemissionBelow is the total below which symptoms count as remitted,
	// RemissionBaseline the lowest baseline from which there is anything to remit.
	RemissionBelow, RemissionBaseline Threshold
	// ClinicallyImportant is the smallest change that matters to a patient.
	ClinicallyImportant Threshold
	// ReliableChange is the smallest change that is more than the scale's own scatter.
	ReliableChange Threshold
}

// Threshold is one number with its source.
type Threshold struct {
	Value      int
	Source     string
	Provenance Provenance
}

// All lists the instruments. The caller may change what it gets.
func All() []Instrument { return []Instrument{phq9(), gad7(), cssrsScreener()} }

// Find answers the instrument with an id.
func Find(id string) (Instrument, bool) {
	for _, instrument := range All() {
		if instrument.ID == id {
			return instrument, true
		}
	}
	return Instrument{}, false
}

// Item answers the item with an id.
func (i Instrument) Item(id string) (Item, bool) {
	for _, item := range i.Items {
		if item.ID == id {
			return item, true
		}
	}
	return Item{}, false
}

// BandOf answers the band that a total falls into; none when it is out of range.
func (i Instrument) BandOf(total int) (Band, bool) {
	for _, band := range i.Bands {
		if band.Min <= total && total <= band.Max {
			return band, true
		}
	}
	return Band{}, false
}
