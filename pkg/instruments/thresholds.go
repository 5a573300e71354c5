package instruments

import "slices"

// Thresholds are the numbers by which totals and changes are judged, in points unless the
// field says percent. One that nobody has published is left empty: see [Threshold.Known].
type Thresholds struct {
	// MaxMissing is how many scored items may be unanswered for a total to be estimated
	// from the others.
	MaxMissing Threshold
	// MaxMissingPerSubscale is how many of those may belong to one subscale.
	MaxMissingPerSubscale Threshold
	// ScreenPositive is the total from which a further diagnostic look is due; down from which,
	// where a higher total is better.
	ScreenPositive Threshold
	// ResponsePercent is the improvement over the baseline, in percent of it, that is a response.
	ResponsePercent Threshold
	// RemissionBelow is the total below which symptoms count as remitted,
	// RemissionBaseline the lowest baseline from which there is anything to remit.
	RemissionBelow, RemissionBaseline Threshold
	// ClinicallyImportant is the smallest improvement that matters to a patient;
	// ClinicallyImportantPercent the same in percent of the baseline.
	ClinicallyImportant, ClinicallyImportantPercent Threshold
	// ReliableChange is the smallest change that is more than the scale's own scatter.
	ReliableChange Threshold
}

// Threshold is one number with its source.
type Threshold struct {
	Value      int
	Source     string
	Provenance Provenance
}

// Known says that there is such a number: it has a source. What is judged by one that is not
// known stays open.
func (t Threshold) Known() bool { return t.Source != "" }

// judge answers what a known threshold says, nil for one that is not known.
func (t Threshold) judge(reached bool) *bool {
	if !t.Known() {
		return nil
	}
	return &reached
}

// NamedThreshold is a threshold with its name in this API.
type NamedThreshold struct {
	Name string
	Threshold
}

// ThresholdNames are the names of all thresholds, in the order of [Instrument.Known].
var ThresholdNames = []string{
	"maxMissing", "maxMissingPerSubscale", "screenPositive", "screenPositiveMale", "screenPositiveFemale", "responsePercent",
	"remissionBelow", "remissionBaseline", "clinicallyImportant", "clinicallyImportantPercent", "reliableChange",
}

// Known lists the instrument's thresholds that are known.
func (i Instrument) Known() []NamedThreshold {
	var known []NamedThreshold
	for n, threshold := range []Threshold{
		i.MaxMissing, i.MaxMissingPerSubscale, i.ScreenPositive, i.ScreenByGender[Male], i.ScreenByGender[Female], i.ResponsePercent,
		i.RemissionBelow, i.RemissionBaseline, i.ClinicallyImportant, i.ClinicallyImportantPercent, i.ReliableChange,
	} {
		known = append(known, NamedThreshold{ThresholdNames[n], threshold})
	}
	return slices.DeleteFunc(known, func(t NamedThreshold) bool { return !t.Known() })
}

// Gender is what a record says of a person's gender, in the words of FHIR's
// administrative-gender. Cut-offs exist for these two.
type Gender string

// Genders.
const (
	Male   Gender = "male"
	Female Gender = "female"
)

// For answers the instrument with the cut-offs that hold for a person. Where they differ by
// gender and that of the person is another one, or unknown, ScreenPositive is the one that
// finds more, and results say that it was assumed.
func (i Instrument) For(gender Gender) Instrument {
	if cutoff, found := i.ScreenByGender[gender]; found {
		i.ScreenPositive, i.ScreenByGender = cutoff, nil
	}
	return i
}
