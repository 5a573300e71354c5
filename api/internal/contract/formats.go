package contract

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones do not depend on the machine's files

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/titrate-health/titrate/pkg/dose"
)

// Days and moments outside these years are slips, whatever they mean.
const (
	firstYear = 1900
	lastYear  = 2200
)

// formatDetails has every format that a request may declare, with what a fault says of it.
// A format that is not here does not load: it would promise a check that nobody makes.
var formatDetails = map[string]string{
	"uuid":          "Must be a UUID in its usual form of 36 characters.",
	"date":          "Must be a calendar day as YYYY-MM-DD, from 1900 to 2200.",
	"date-time":     "Must be an RFC 3339 time with an offset, such as 2026-01-31T08:00:00Z, from 1900 to 2200, without leap seconds.",
	"time-zone":     "Must be the name of a time zone of the IANA database, such as America/New_York.",
	"email":         "Must be an e-mail address.",
	"uri":           "Must be an absolute URI.",
	"uri-reference": "Must be a URI or a relative reference.",
	"milligrams":    "Must be a plain number of milligrams with at most three decimals.",
	"kilograms":     "Must be a plain number of kilograms with at most three decimals.",
	"units":         "Must be a plain number of units with at most three decimals.",
	"int32":         "Must be an integer from -2147483648 to 2147483647.",
	"int64":         "Must be an integer of at most 64 bits.",
	"double":        "Must be a number.", // not asserted: says how a number is kept
	"float":         "Must be a number.", // likewise
}

// quantityFormats are the formats that the exact types of pkg/dose need.
var quantityFormats = map[string]string{"dose.Mg": "milligrams", "dose.Kg": "kilograms", "dose.Units": "units"}

var errFormat = errors.New("not of this format")

// formats are those that the schema library does not know, or takes less strictly than the
// generated code reads them.
func formats() []*jsonschema.Format {
	zones := new(sync.Map) // names that were found; never more than the database has
	return []*jsonschema.Format{
		textFormat("date", isDate),
		textFormat("date-time", isDateTime),
		textFormat("time-zone", func(s string) bool { return isZone(s, zones) }),
		textFormat("email", isEmail),
		numberFormat("milligrams", func(s string) bool { _, err := dose.ParseMg(s); return err == nil }),
		numberFormat("kilograms", func(s string) bool { _, err := dose.ParseKg(s); return err == nil }),
		numberFormat("units", func(s string) bool { _, err := dose.ParseUnits(s); return err == nil }),
		numberFormat("int32", func(s string) bool { return fits(s, 32) }),
		numberFormat("int64", func(s string) bool { return fits(s, 64) }),
	}
}

func textFormat(name string, is func(string) bool) *jsonschema.Format {
	return &jsonschema.Format{Name: name, Validate: func(v any) error {
		if s, ok := v.(string); ok && !is(s) {
			return errFormat
		}
		return nil
	}}
}

// numberFormat judges a number by its text.
func numberFormat(name string, is func(string) bool) *jsonschema.Format {
	return &jsonschema.Format{Name: name, Validate: func(v any) error {
		if n, ok := v.(json.Number); ok && !is(n.String()) {
			return errFormat
		}
		return nil
	}}
}

func isDate(s string) bool {
	day, err := time.Parse(time.DateOnly, s)
	return err == nil && plausibleYear(day)
}

// dateTimeText is what time.Time does not insist on when it reads RFC 3339: two digits for
// the hour, a point before the fraction, an offset within a day.
var dateTimeText = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func isDateTime(s string) bool {
	if !dateTimeText.MatchString(s) {
		return false
	}
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && plausibleYear(t)
}

func plausibleYear(t time.Time) bool {
	year := t.UTC().Year()
	return year >= firstYear && year <= lastYear
}

// isZone refuses, beside what does not exist, the names that mean another zone on another
// machine ("Local", "localtime") or that count leap seconds ("right/...").
func isZone(name string, known *sync.Map) bool {
	if _, ok := known.Load(name); ok {
		return true
	}
	switch {
	case name == "", name == "Local", name == "Factory", name == "localtime", name == "posixrules",
		strings.HasPrefix(name, "posix/"), strings.HasPrefix(name, "right/"):
		return false
	}
	if _, err := time.LoadLocation(name); err != nil {
		return false
	}
	known.Store(name, true)
	return true
}

// emailText is RFC 5321's Dot-string local part and a domain name with a dot: no quoted
// local parts, no comments, no address literals.
var emailText = regexp.MustCompile(
	"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*" +
		`@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)

func isEmail(s string) bool { // lengths: RFC 5321 section 4.5.3.1
	return len(s) <= 254 && strings.IndexByte(s, '@') <= 64 && emailText.MatchString(s)
}

// fits leaves texts that are no integers to the schema's type.
func fits(s string, bits int) bool {
	_, err := strconv.ParseInt(s, 10, bits)
	return !errors.Is(err, strconv.ErrRange)
}
