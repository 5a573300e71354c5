package treatment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestAddMonthsClamped(t *testing.T) {
	tests := []struct {
		from   string
		months int
		want   string
	}{
		{"2025-08-31", 6, "2026-02-28"},
		{"2027-08-31", 6, "2028-02-29"},
		{"2025-08-28", 6, "2026-02-28"},
		{"2025-08-30", 6, "2026-02-28"},
		{"2027-08-29", 6, "2028-02-29"},
		{"2024-02-29", 6, "2024-08-29"},
		{"2024-02-29", 12, "2025-02-28"},
		{"2024-02-29", 48, "2028-02-29"},
		{"2026-05-31", 1, "2026-06-30"},
		{"2026-12-31", 2, "2027-02-28"},
		{"2026-01-31", 0, "2026-01-31"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-01-15", -1, "2025-12-15"},
	}
	for _, test := range tests {
		from, err := time.Parse(time.DateOnly, test.from)
		if err != nil {
			t.Fatal(err)
		}
		got := treatment.AddMonthsClamped(from.Add(13*time.Hour+time.Nanosecond), test.months)
		if got.Format(time.DateOnly) != test.want || got.Hour() != 13 || got.Nanosecond() != 1 {
			t.Errorf("%s and %d months = %v, want %s at the same time of day", test.from, test.months, got, test.want)
		}
	}
}

// The months count in the zone of the signature: at 23:00 on 31 August in New York it is
// September already in UTC.
func TestAddMonthsClampedInZone(t *testing.T) {
	newYork := zone(t, "America/New_York")
	got := treatment.AddMonthsClamped(time.Date(2025, 8, 31, 23, 0, 0, 0, newYork), 6)
	if want := time.Date(2026, 2, 28, 23, 0, 0, 0, newYork); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// It never lands in a later month than asked for, and never moves to another day without need.
func TestAddMonthsClampedProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).UTC()
		months := rapid.IntRange(-60, 60).Draw(t, "months")
		got := treatment.AddMonthsClamped(from, months)
		moved := (got.Year()-from.Year())*12 + int(got.Month()-from.Month())
		if moved != months {
			t.Fatalf("%v moved by %d months, want %d", from, moved, months)
		}
		last := got.AddDate(0, 0, 1).Day() == 1
		if got.Day() != from.Day() && (!last || got.Day() > from.Day()) {
			t.Fatalf("%v became %v", from, got)
		}
	})
}

func TestDate(t *testing.T) {
	for _, text := range []string{"", "2026-02-30", "2026-2-3", "20260203", "2026-02-03T00:00:00Z", "0000-01-01"} {
		if d, err := treatment.ParseDate(text); err == nil {
			t.Errorf("%q is the date %q", text, d)
		}
	}
	d, err := treatment.ParseDate("2026-12-31")
	if err != nil || d != "2026-12-31" || d >= "2027-01-01" || d <= "" {
		t.Errorf("date = %q, %v", d, err)
	}
	late := time.Date(2026, 12, 31, 23, 0, 0, 0, zone(t, "America/New_York"))
	if got := treatment.DateOf(late); got != "2026-12-31" {
		t.Errorf("the day in New York is %s", got)
	}
	if got := treatment.DateOf(late.UTC()); got != "2027-01-01" {
		t.Errorf("the day in UTC is %s", got)
	}
}
