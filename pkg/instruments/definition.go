package instruments

import (
	"fmt"
	"slices"
)

// OwnPrefix begins the id of every instrument that a clinic has made, and of none that is
// built in: neither a clinic nor a later release can take the other's id.
const OwnPrefix = "own-"

// Definition is a simple instrument that a clinic makes itself, as data: every item counts and
// is always asked, and none asks for suicidality, whose answers have rules of their own.
type Definition struct {
	// ID begins with [OwnPrefix].
	ID      string `json:"id"`
	Title   string `json:"title"`
	Version string `json:"version"`
	// RatedBy says who gives the answers; the patient when empty.
	RatedBy Rater  `json:"ratedBy,omitempty"`
	Prompt  string `json:"prompt,omitempty"`
	// RecallPeriod is an ISO 8601 duration.
	RecallPeriod string        `json:"recallPeriod,omitempty"`
	Reference    string        `json:"reference,omitempty"`
	Items        []DefinedItem `json:"items"`
	Method       Method        `json:"method"`
	Times        int           `json:"times,omitempty"`
	// Direction is [HigherIsBetter], or something else where a higher total is the worse one.
	Direction string `json:"direction,omitempty"`
	// MaxMissing is how many items may be unanswered for a total to be estimated.
	MaxMissing int           `json:"maxMissing,omitempty"`
	Bands      []DefinedBand `json:"bands,omitempty"`
	Flags      []DefinedFlag `json:"flags,omitempty"`
	// ScreenPositive is the cut-off; nil where there is none.
	ScreenPositive *int `json:"screenPositive,omitempty"`
}

// HigherIsBetter is the direction of an instrument of which a higher total is the better one.
const HigherIsBetter = "higherIsBetter"

// DefinedItem is one question of a [Definition].
type DefinedItem struct {
	ID      string          `json:"id"`
	Text    string          `json:"text"`
	Reverse bool            `json:"reverse,omitempty"`
	Options []DefinedOption `json:"options"`
}

// DefinedOption is one possible answer.
type DefinedOption struct {
	Value int    `json:"value"`
	Text  string `json:"text"`
}

// DefinedBand is a range of totals, both ends inclusive.
type DefinedBand struct {
	Name string `json:"name"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

// DefinedFlag is found when at least one of the items has an answer of From or higher.
type DefinedFlag struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Items []string `json:"items"`
	From  int      `json:"from"`
}

// maxTotal is the highest total that the API can show.
const maxTotal = 1000

// DefinitionError says why a [Definition] is no instrument.
type DefinitionError struct {
	// Faults are all of them, in the order of the definition.
	Faults []DefinitionFault
}

// DefinitionFault is one thing that is not sound.
type DefinitionFault struct {
	// Pointer is a JSON Pointer to where it stands in the definition.
	Pointer string
	// Detail is the rest of a sentence for people that begins with what it points to.
	Detail string
}

// Error counts the faults.
func (e *DefinitionError) Error() string {
	return fmt.Sprintf("instruments: the definition has %d faults", len(e.Faults))
}

// Instrument makes the instrument; the error is a [*DefinitionError] that lists every fault.
// Its numbers are the clinic's: nobody has checked them against a publication.
func (d Definition) Instrument() (Instrument, error) {
	const own = "published by the clinic"
	i := Instrument{
		ID: d.ID, Title: d.Title, Version: d.Version, RatedBy: d.RatedBy, Prompt: d.Prompt, RecallPeriod: d.RecallPeriod,
		Terms: Free, Licence: "Published by the clinic, which answers for its right to the wording.", Reference: d.Reference,
		Provenance: Unverified, Method: d.Method, Times: d.Times, HigherIsBetter: d.Direction == HigherIsBetter,
	}
	if i.RatedBy == "" {
		i.RatedBy = RatedByPatient
	}
	if i.Reference == "" {
		i.Reference = "The clinic's own"
	}
	for _, item := range d.Items {
		i.Items = append(i.Items, item.item())
	}
	i.MinTotal, i.MaxTotal = i.bounds()
	if faults := d.faults(i); len(faults) > 0 {
		return Instrument{}, &DefinitionError{faults}
	}
	for _, b := range d.Bands {
		i.Bands = append(i.Bands, Band{Code: b.Name, Title: b.Name, Min: b.From, Max: b.To})
	}
	for _, f := range d.Flags {
		highest := 0
		for _, id := range f.Items {
			item, _ := i.Item(id)
			highest = max(highest, item.Options[len(item.Options)-1].Value)
		}
		i.Flags = append(i.Flags, Flag{Code: f.Name, Title: f.Title, All: []Criterion{{f.Items, f.From, highest, 1}}, Source: own, Provenance: Unverified})
	}
	i.MaxMissing = Threshold{d.MaxMissing, own, Unverified}
	if d.ScreenPositive != nil {
		i.ScreenPositive = Threshold{*d.ScreenPositive, own, Unverified}
	}
	return i, nil
}

func (item DefinedItem) item() Item {
	made := Item{ID: item.ID, Text: item.Text, Scored: true, Reverse: item.Reverse}
	for _, o := range item.Options {
		made.Options = append(made.Options, Option{Value: o.Value, Text: o.Text})
	}
	return made
}

// bounds are the lowest and the highest total of an instrument whose items all count.
func (i Instrument) bounds() (lowest, highest int) {
	var least, most []int
	for _, item := range i.Items {
		if len(item.Options) > 0 {
			least, most = append(least, item.Options[0].Value), append(most, item.Options[len(item.Options)-1].Value)
		}
	}
	return i.value(least, len(least)), i.value(most, len(most))
}

// definitionFaults collects what is not sound.
type definitionFaults []DefinitionFault

func (f *definitionFaults) that(sound bool, pointer, detail string, args ...any) {
	if !sound {
		*f = append(*f, DefinitionFault{pointer, fmt.Sprintf(detail, args...)})
	}
}

// faults lists what is not sound in a definition; i is what it would make.
func (d Definition) faults(i Instrument) []DefinitionFault {
	var f definitionFaults
	f.that(len(d.ID) > len(OwnPrefix) && d.ID[:len(OwnPrefix)] == OwnPrefix, "/id", "must begin with %s", OwnPrefix)
	f.that(d.Version != "", "/version", "is required")
	d.itemFaults(&f, i)
	f.that(slices.Contains([]Method{Sum, Mean, Highest}, d.Method), "/method", "is not a method")
	f.that(i.MaxTotal <= maxTotal, "/items", "give totals of up to %d; %d is the most", i.MaxTotal, maxTotal)
	f.that(d.MaxMissing < max(len(d.Items), 1), "/maxMissing", "must be less than there are items")
	f.that(d.MaxMissing == 0 || d.Method != Highest, "/maxMissing", "must be 0: the highest of some items says nothing about the others")
	f.that(d.MaxMissing == 0 || i.even(), "/maxMissing", "must be 0: the items have different ranges, so that some say nothing about the others")
	d.bandFaults(&f, i)
	d.flagFaults(&f, i)
	if cutoff := d.ScreenPositive; cutoff != nil {
		least, most := i.MinTotal+1, i.MaxTotal
		if i.HigherIsBetter {
			least, most = i.MinTotal, i.MaxTotal-1
		}
		f.that(least <= *cutoff && *cutoff <= most, "/screenPositive", "must be %d to %d, so that some totals reach it and some do not", least, most)
	}
	return f
}

func (d Definition) itemFaults(f *definitionFaults, i Instrument) {
	f.that(len(d.Items) > 0, "/items", "needs at least one")
	for n, item := range i.Items {
		at := fmt.Sprintf("/items/%d", n)
		f.that(item.ID != "", at+"/id", "is required")
		f.that(slices.IndexFunc(i.Items, func(other Item) bool { return other.ID == item.ID }) == n, at+"/id", "is there twice")
		f.that(len(item.Options) > 1, at+"/options", "needs at least two")
		for k, option := range item.Options {
			f.that(option.Value >= 0 && (k == 0 || item.Options[k-1].Value < option.Value), fmt.Sprintf("%s/options/%d/value", at, k),
				"must be above the one before")
		}
	}
}

// even says whether all items have the same lowest and highest value.
func (i Instrument) even() bool {
	return !slices.ContainsFunc(i.Items, func(item Item) bool {
		a, b := item.Options, i.Items[0].Options
		return len(a) == 0 || len(b) == 0 || a[0].Value != b[0].Value || a[len(a)-1].Value != b[len(b)-1].Value
	})
}

// bandFaults: bands cover every total, each of them once.
func (d Definition) bandFaults(f *definitionFaults, i Instrument) {
	next := i.MinTotal
	for n, band := range d.Bands {
		at := fmt.Sprintf("/bands/%d", n)
		f.that(band.Name != "", at+"/name", "is required")
		f.that(slices.IndexFunc(d.Bands, func(other DefinedBand) bool { return other.Name == band.Name }) == n, at+"/name", "is there twice")
		f.that(band.From == next, at+"/from", "must be %d: bands follow one another without gap or overlap", next)
		f.that(band.To >= band.From, at+"/to", "must not be below from")
		next = band.To + 1
	}
	if n := len(d.Bands); n > 0 {
		f.that(next == i.MaxTotal+1, fmt.Sprintf("/bands/%d/to", n-1), "must be %d, the highest total", i.MaxTotal)
	}
}

// flagFaults: a flag that no answer, or every answer, would raise is a slip.
func (d Definition) flagFaults(f *definitionFaults, i Instrument) {
	for n, flag := range d.Flags {
		at := fmt.Sprintf("/flags/%d", n)
		f.that(flag.Name != "", at+"/name", "is required")
		f.that(slices.IndexFunc(d.Flags, func(other DefinedFlag) bool { return other.Name == flag.Name }) == n, at+"/name", "is there twice")
		f.that(len(flag.Items) > 0, at+"/items", "needs at least one")
		for k, id := range flag.Items {
			item, found := i.Item(id)
			where := fmt.Sprintf("%s/items/%d", at, k)
			f.that(found, where, "is not an item")
			f.that(slices.Index(flag.Items, id) == k, where, "is there twice")
			if last := len(item.Options) - 1; last > 0 {
				f.that(item.Options[0].Value < flag.From && flag.From <= item.Options[last].Value, at+"/from",
					"must be above the lowest answer to %s and not above the highest: %d to %d", id, item.Options[0].Value+1, item.Options[last].Value)
			}
		}
	}
}
