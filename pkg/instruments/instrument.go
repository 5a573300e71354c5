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
	// Restricted wording needs a licence, or nobody has found out whether it does. It is not
	// here: whoever has the licence shows the wording that came with it.
	Restricted Terms = "restricted"
)

// Rater is who gives the answers.
type Rater string

// Raters.
const (
	RatedByPatient   Rater = "patient"
	RatedByClinician Rater = "clinician"
)

// Method is how the points of the items become a total.
type Method string

const (
	// Sum adds the points up.
	Sum Method = "sum"
	// Mean is the arithmetic mean of the points.
	Mean Method = "mean"
	// Highest is the points of the item that has most.
	Highest Method = "highest"
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
	// RatedBy says who gives the answers.
	RatedBy Rater
	// Prompt is the question that the items complete; empty where the terms do not let it be
	// here.
	Prompt string
	// RecallPeriod is the time the answers are about, an ISO 8601 duration: "P2W"; empty where
	// they are about a moment or a comparison.
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
	// Method says how the points become the total; empty in an instrument of levels.
	Method Method
	// Times is what the total is multiplied by at the end; 0 stands for 1.
	Times int
	// MinTotal and MaxTotal bound the total score, in points, after Times. Both are 0 where
	// there is no total.
	MinTotal, MaxTotal int
	// HigherIsBetter says that a higher total is the better one.
	HigherIsBetter bool
	// Bands divide the totals into degrees of severity, lowest total first, without gaps; none
	// where nobody has published any.
	Bands []Band
	// Subscales are groups of items with a sum of their own.
	Subscales []Subscale
	// Flags are further things that the answers are searched for.
	Flags []Flag
	// Levels are the possible results of an instrument that has no total, mildest first. The
	// mildest is that of somebody who gave no answer that establishes another one.
	Levels []Level

	// Thresholds are those of the total; none where there is no total.
	Thresholds
	// ScreenByGender are the cut-offs that differ from ScreenPositive: see [Instrument.For].
	ScreenByGender map[Gender]Threshold
}

// Item is one question.
type Item struct {
	// ID names the item within answers (the linkId of a FHIR Questionnaire): "phq9-1".
	ID string
	// Text is the exact wording; empty where the terms do not let it be here.
	Text string
	// LOINC codes the question; empty when LOINC has no code, or none that was looked up.
	LOINC string
	// AnswerList is the LOINC code of the list that Options are taken from; empty like LOINC.
	AnswerList string
	// Options are the possible answers, lowest value first.
	Options []Option
	// Scored items count towards the total.
	Scored bool
	// Reverse items give points the other way round: the highest answer gives the fewest.
	Reverse bool
	// Group names the items of which only the one with the most points counts. A group is one
	// item as far as counting goes, and answered when one of its items is. Empty: the item
	// counts by itself.
	Group string
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
	// Value is what is stored for the answer and, in scored items that are not reversed, the
	// points it gives.
	Value int
	// Text is the exact wording; empty where the terms do not let it be here.
	Text string
	// LOINC codes the answer; empty when LOINC has no code, or none that was looked up.
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

// All lists the instruments. The caller may change what it gets.
func All() []Instrument {
	return []Instrument{
		phq9(), gad7(), cssrsScreener(), phq2(), gad2(), pcl5(), auditC(), cgiS(), cgiI(), pgiC(),
		dissociation(), urinarySymptoms(), dailyCheckIn(), sideEffects(),
		qidsSR16(), who5(), dast10(), madrs(), wsas(), maniaPsychosis(),
	}
}

// Find answers the instrument with an id.
func Find(id string) (Instrument, bool) {
	for _, instrument := range All() {
		if instrument.ID == id {
			return instrument, true
		}
	}
	return Instrument{}, false
}

// NeedsLicence says that the wording is not here, and that whoever uses the instrument needs
// the owner's licence for it.
func (i Instrument) NeedsLicence() bool { return i.Terms == Restricted }

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
