package treatment

import (
	"fmt"
	"time"
)

// AddMonthsClamped is the same day and time of day n calendar months later (earlier for a
// negative n) in t's own time zone; when that month is shorter, its last day: six months
// after 31 August is 28 or 29 February. time.AddDate would say 2 or 3 March, which is past
// the six months of 21 CFR 1306.22.
func AddMonthsClamped(t time.Time, n int) time.Time {
	year, month, day := t.Date()
	last := time.Date(year, month+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	hour, minute, second := t.Clock()
	return time.Date(year, month+time.Month(n), min(day, last), hour, minute, second, t.Nanosecond(), t.Location())
}

// Date is a day of the calendar without time and zone, written 2026-12-31. Dates compare
// with Go's own operators. The zero value is no date, earlier than all others.
type Date string

// DateOf is the day on which t falls in t's own time zone.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// ParseDate reads a day such as "2026-12-31".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return "", fmt.Errorf("not a date of the form YYYY-MM-DD")
	}
	return Date(s), nil
}

// UnmarshalText reads what [ParseDate] reads, and nothing as no date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = ""
		return nil
	}
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// within says whether something that happened at a time is at most so many days old. A day
// here is 24 hours; exactly that old is within.
func within(at, now time.Time, days int) bool {
	return now.Sub(at) <= time.Duration(days)*24*time.Hour
}
