package instruments_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// find is Find for instruments that are known to be there.
func find(t testing.TB, id string) instruments.Instrument {
	t.Helper()
	instrument, found := instruments.Find(id)
	if !found {
		t.Fatalf("there is no instrument %s", id)
	}
	return instrument
}

func TestFind(t *testing.T) {
	for _, instrument := range instruments.All() {
		if diff := cmp.Diff(instrument, find(t, instrument.ID)); diff != "" {
			t.Errorf("Find(%s) (-All +Find):\n%s", instrument.ID, diff)
		}
	}
	for _, id := range []string{"", "PHQ-9", "phq9", "bdi-2"} {
		if _, found := instruments.Find(id); found {
			t.Errorf("Find(%q) found something", id)
		}
	}
}

// What one caller does to an instrument is nobody else's business.
func TestInstrumentsAreTheCallersOwn(t *testing.T) {
	mine := find(t, "phq-9")
	mine.Items[8].Options[3].Value = 99
	mine.Bands[0].Max = 99
	if got := find(t, "phq-9"); got.Items[8].Options[3].Value != 3 || got.Bands[0].Max != 4 {
		t.Error("a change to one copy shows in another")
	}
}

var (
	camel = regexp.MustCompile(`\A[a-z]+([A-Z][a-z]+)*\z`)
	slug  = regexp.MustCompile(`\A[a-z0-9]+(-[a-z0-9]+)*\z`)
)

// The shape that every instrument must have, whatever it asks.
func TestStructure(t *testing.T) {
	items := map[string]string{}
	for _, instrument := range instruments.All() {
		t.Run(instrument.ID, func(t *testing.T) {
			safety := 0
			leveled := len(instrument.Levels) > 0
			for _, item := range instrument.Items {
				if other, taken := items[item.ID]; taken || !slug.MatchString(item.ID) {
					t.Errorf("item id %q is no proper one, or that of %s", item.ID, other)
				}
				items[item.ID] = instrument.ID
				checkItem(t, item, !instrument.NeedsLicence())
				checkPlace(t, instrument, item)
				if item.Safety {
					safety++
				}
			}
			if safety > 1 && !leveled {
				t.Errorf("%d safety items, want at most one", safety)
			}
			checkRange(t, instrument)
			next := instrument.MinTotal
			for _, band := range instrument.Bands {
				if band.Min != next || band.Max < band.Min || !camel.MatchString(band.Code) || band.Title == "" {
					t.Errorf("band %+v does not begin at %d or has no proper name", band, next)
				}
				next = band.Max + 1
			}
			if next != instrument.MaxTotal+1 && len(instrument.Bands) > 0 {
				t.Errorf("bands end at %d, want %d", next-1, instrument.MaxTotal)
			}
			checkFindings(t, instrument)
			for _, level := range instrument.Levels {
				if !camel.MatchString(level.Code) || level.Title == "" {
					t.Errorf("level %+v has no proper name", level)
				}
			}
			checkSources(t, instrument)
		})
	}
}

// checkRange compares the bounds of the total with the fewest and the most points.
func checkRange(t *testing.T, instrument instruments.Instrument) {
	t.Helper()
	leveled := len(instrument.Levels) > 0
	if leveled != (instrument.Method == "") || leveled && (instrument.Times != 0 || instrument.HigherIsBetter || instrument.Bands != nil) {
		t.Errorf("method %q, times %d with %d levels", instrument.Method, instrument.Times, len(instrument.Levels))
	}
	fewest, most := map[string]int{}, map[string]int{} // by group
	for _, item := range instrument.Items {
		if !item.Scored {
			if item.Reverse || item.Group != "" {
				t.Errorf("%s counts nothing, and says how", item.ID)
			}
			continue
		}
		part := item.Group
		if part == "" {
			part = item.ID
		}
		fewest[part] = max(fewest[part], item.Options[0].Value)
		most[part] = max(most[part], item.Options[len(item.Options)-1].Value)
	}
	combine := func(parts map[string]int) int {
		total := 0
		for _, points := range parts {
			if total += points; instrument.Method == instruments.Highest {
				total = max(total-points, points)
			}
		}
		if instrument.Method == instruments.Mean {
			total /= len(parts)
		}
		return total * max(instrument.Times, 1)
	}
	if lowest, highest := combine(fewest), combine(most); lowest != instrument.MinTotal || highest != instrument.MaxTotal {
		t.Errorf("items give %d to %d points, the instrument says %d to %d", lowest, highest, instrument.MinTotal, instrument.MaxTotal)
	}
}

// checkFindings checks that subscales and flags look for what can be there.
func checkFindings(t *testing.T, instrument instruments.Instrument) {
	t.Helper()
	items := func(where string, ids []string) {
		for n, id := range ids {
			if _, found := instrument.Item(id); !found || slices.Index(ids, id) != n {
				t.Errorf("%s: %s is no item, or twice there", where, id)
			}
		}
	}
	criterion := func(where string, c instruments.Criterion) {
		items(where, c.Items)
		if c.AtLeast < 1 || c.AtLeast > len(c.Items) || c.From > c.To {
			t.Errorf("%s: %+v is always fulfilled, or never", where, c)
		}
	}
	for _, scale := range instrument.Subscales {
		items(scale.Code, scale.Items)
		if !camel.MatchString(scale.Code) || scale.Title == "" || len(scale.Items) == 0 {
			t.Errorf("subscale %+v has no proper name or no items", scale)
		}
		if len(scale.Criterion.Items) > 0 {
			criterion(scale.Code, scale.Criterion)
		}
	}
	for _, flag := range instrument.Flags {
		if !camel.MatchString(flag.Code) || flag.Title == "" || flag.Source == "" || len(flag.All) == 0 {
			t.Errorf("flag %+v has no proper name, source or criterion", flag)
		}
		checkProvenances(t, []instruments.Provenance{flag.Provenance})
		for _, c := range flag.All {
			criterion(flag.Code, c)
		}
	}
}

// checkPlace checks what an item has to do with the levels and with the items before it.
func checkPlace(t *testing.T, instrument instruments.Instrument, item instruments.Item) {
	t.Helper()
	if len(instrument.Levels) == 0 {
		if item.Level != "" {
			t.Errorf("%s establishes a level, the instrument has none", item.ID)
		}
	} else if item.Scored || !item.Safety ||
		!slices.ContainsFunc(instrument.Levels[1:], func(l instruments.Level) bool { return l.Code == item.Level }) {
		t.Errorf("%s gives points, is no safety item, or establishes no level above the mildest", item.ID)
	}
	if item.EnabledWhen == nil {
		return
	}
	here := slices.IndexFunc(instrument.Items, func(i instruments.Item) bool { return i.ID == item.ID })
	earlier := slices.IndexFunc(instrument.Items, func(i instruments.Item) bool { return i.ID == item.EnabledWhen.Item })
	if earlier < 0 || earlier >= here || instrument.Items[earlier].EnabledWhen != nil {
		t.Errorf("%s depends on %s, which is not an unconditional question before it", item.ID, item.EnabledWhen.Item)
		return
	}
	options := instrument.Items[earlier].Options
	if from := item.EnabledWhen.From; from <= options[0].Value || from > options[len(options)-1].Value {
		t.Errorf("%s is asked after every answer to %s, or after none", item.ID, item.EnabledWhen.Item)
	}
}

// checkItem checks an item by itself: it has its wording if and only if that may be here.
func checkItem(t *testing.T, item instruments.Item, worded bool) {
	t.Helper()
	if (item.Text != "") != worded || len(item.Options) < 2 || item.Scored && item.Optional {
		t.Errorf("%s: text %q, too few options, or both scored and optional", item.ID, item.Text)
	}
	for n, option := range item.Options {
		if n > 0 && option.Value <= item.Options[n-1].Value {
			t.Errorf("%s: option values do not rise", item.ID)
		}
		if (option.Text != "") != worded {
			t.Errorf("%s: option %d has the text %q", item.ID, option.Value, option.Text)
		}
	}
	if least, most := item.Options[0].Value, item.Options[len(item.Options)-1].Value; item.Safety &&
		(item.PositiveFrom <= least || item.PositiveFrom > most) {
		t.Errorf("%s: positive from %d lets no answer be negative, or none positive", item.ID, item.PositiveFrom)
	}
}

func checkSources(t *testing.T, instrument instruments.Instrument) {
	t.Helper()
	for name, text := range map[string]string{
		"title": instrument.Title, "version": instrument.Version, "licence": instrument.Licence, "reference": instrument.Reference,
	} {
		if text == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if (instrument.Prompt != "") == instrument.NeedsLicence() {
		t.Errorf("prompt %q under terms %q", instrument.Prompt, instrument.Terms)
	}
	if period := regexp.MustCompile(`\A(P[0-9]+[DWMY])?\z`); !period.MatchString(instrument.RecallPeriod) {
		t.Errorf("recall period %q", instrument.RecallPeriod)
	}
	if !slices.Contains([]instruments.Terms{instruments.PublicDomain, instruments.Free, instruments.Restricted}, instrument.Terms) {
		t.Errorf("terms %q", instrument.Terms)
	}
	if instrument.RatedBy != instruments.RatedByPatient && instrument.RatedBy != instruments.RatedByClinician {
		t.Errorf("rated by %q", instrument.RatedBy)
	}
	provenances := []instruments.Provenance{instrument.Provenance}
	for _, level := range instrument.Levels {
		if level.Source == "" {
			t.Errorf("level %s without a source", level.Code)
		}
		provenances = append(provenances, level.Provenance)
	}
	if leveled := len(instrument.Levels) > 0; leveled && len(instrument.Known()) > 0 {
		t.Errorf("thresholds of a total beside levels: %+v", instrument.Known())
	} else if !leveled && !instrument.MaxMissing.Known() && len(instrument.Items) > 1 {
		t.Error("nobody says how many items may be missing")
	}
	for _, threshold := range instrument.Known() {
		if threshold.Value < 0 || threshold.Value == 0 && threshold.Name != "maxMissing" {
			t.Errorf("threshold without a value: %+v", threshold)
		}
		provenances = append(provenances, threshold.Provenance)
	}
	checkProvenances(t, provenances)
}

func checkProvenances(t *testing.T, provenances []instruments.Provenance) {
	t.Helper()
	for _, provenance := range provenances {
		if provenance != instruments.Published && provenance != instruments.Unverified {
			t.Errorf("provenance %q is not one", provenance)
		}
	}
}

// LOINC codes of questions end in a check digit (Luhn), which finds a mistyped digit. Those
// of answers (LA) and answer lists (LL) have the same shape behind their letters. Where LOINC
// has no code there is none; what has a list has a code for each answer.
func TestLOINC(t *testing.T) {
	answer, list := regexp.MustCompile(`\ALA[0-9]+-[0-9]\z`), regexp.MustCompile(`\ALL[0-9]+-[0-9]\z`)
	coded := 0
	for _, instrument := range instruments.All() {
		questions := []string{instrument.LOINCPanel, instrument.LOINCTotal}
		for _, item := range instrument.Items {
			questions = append(questions, item.LOINC)
			if item.AnswerList != "" && !list.MatchString(item.AnswerList) {
				t.Errorf("%s: %q is not an answer list", item.ID, item.AnswerList)
			}
			for _, option := range item.Options {
				if answer.MatchString(option.LOINC) != (item.AnswerList != "") || item.AnswerList == "" && option.LOINC != "" {
					t.Errorf("%s: %q is not an answer code of %q", item.ID, option.LOINC, item.AnswerList)
				}
			}
		}
		for n, level := range instrument.Levels { // LOINC has no answer for the mildest
			if answer.MatchString(level.LOINC) != (n > 0) {
				t.Errorf("%s: %q is not an answer code", level.Code, level.LOINC)
			}
		}
		for _, code := range questions {
			if code != "" && !loincValid(code) {
				t.Errorf("%s: %q is not a LOINC code", instrument.ID, code)
			}
			if code != "" {
				coded++
			}
		}
	}
	if coded < 40 {
		t.Errorf("only %d codes were looked at", coded)
	}
	for _, code := range []string{"", "44249", "44249-2", "44294-1"} {
		if loincValid(code) {
			t.Errorf("%q passes for a LOINC code", code)
		}
	}
}

var loincShape = regexp.MustCompile(`\A([0-9]+)-([0-9])\z`)

func loincValid(code string) bool {
	parts := loincShape.FindStringSubmatch(code)
	if parts == nil {
		return false
	}
	sum := int(parts[2][0] - '0')
	for n, digits := 0, parts[1]; n < len(digits); n++ {
		digit := int(digits[len(digits)-1-n] - '0')
		if n%2 == 0 {
			digit *= 2
		}
		sum += digit/10 + digit%10
	}
	return sum%10 == 0
}

// Reproductions of both questionnaires often get these wrong.
func TestWording(t *testing.T) {
	phq9, gad7 := find(t, "phq-9"), find(t, "gad-7")
	for _, instrument := range []instruments.Instrument{phq9, gad7} {
		for _, item := range instrument.Items {
			if item.Scored && item.Options[0].Text != "Not at all" {
				t.Errorf("%s: lowest answer %q, want %q", item.ID, item.Options[0].Text, "Not at all")
			}
		}
	}
	if got, want := len(phq9.Items), 10; got != want {
		t.Errorf("phq-9 has %d items, want %d", got, want)
	}
	if got, want := len(gad7.Items), 8; got != want {
		t.Errorf("gad-7 has %d items, want %d", got, want)
	}
	if item, _ := phq9.Item("phq9-9"); !item.Safety || item.PositiveFrom != 1 {
		t.Errorf("phq9-9 is not the safety item from 1: %+v", item)
	}
}
