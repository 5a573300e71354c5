package treatment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// zones are those with something odd about their clocks: half an hour, midnight, two hours, Ramadan,
// no change at all, and every side of the world.
var zones = []string{
	"America/New_York", "America/Los_Angeles", "America/Phoenix", "America/St_Johns", "America/Havana", "America/Santiago", "Asia/Beirut",
	"Europe/London", "Europe/Dublin", "Africa/Casablanca", "Africa/Cairo", "Antarctica/Troll", "Asia/Kathmandu", "Asia/Tehran",
	"Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC",
}

func every(count int, unit treatment.PeriodUnit, hour int) treatment.FollowUpSeries {
	return treatment.FollowUpSeries{
		ID: "check-in", Title: "How are you?", For: treatment.AudiencePatient, Instrument: "daily-check-in",
		Phases:        []treatment.Phase{treatment.PhaseInduction},
		Every:         &treatment.Recurrence{Count: count, Unit: unit, LocalHour: hour},
		FollowUpTimes: treatment.FollowUpTimes{EarlyHours: 6, OverdueAfterHours: 12, MissedAfterHours: 400 * 24},
	}
}

func local(t testing.TB, zone *time.Location, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestFollowUpSeries(t *testing.T) {
	const at = "2006-01-02 15:04 -0700"
	tests := []struct {
		name, zone string
		series     treatment.FollowUpSeries
		begun      string // local, like after
		after      string
		occurrence int
		due, next  string
	}{
		{"the first day", "America/New_York", every(1, treatment.PeriodDay, 9), "2026-07-01 14:00", "2026-07-01 14:00", 1, "2026-07-02 09:00 -0400", "2026-07-03 09:00 -0400"},
		{"exactly then is over", "America/New_York", every(1, treatment.PeriodDay, 9), "2026-07-01 14:00", "2026-07-02 09:00", 2, "2026-07-03 09:00 -0400", "2026-07-04 09:00 -0400"},
		{"the minute before", "America/New_York", every(1, treatment.PeriodDay, 9), "2026-07-01 14:00", "2026-07-02 08:59", 1, "2026-07-02 09:00 -0400", "2026-07-03 09:00 -0400"},
		{"nine is nine when clocks are set back", "America/New_York", every(1, treatment.PeriodWeek, 9), "2026-10-27 23:30", "2026-10-27 23:30", 1, "2026-11-03 09:00 -0500", "2026-11-10 09:00 -0500"},
		{"and when they are set ahead", "Europe/London", every(1, treatment.PeriodDay, 9), "2026-03-27 10:00", "2026-03-28 10:00", 2, "2026-03-29 09:00 +0100", "2026-03-30 09:00 +0100"},
		{"an hour that does not exist", "America/New_York", every(1, treatment.PeriodDay, 2), "2026-03-06 10:00", "2026-03-07 12:00", 2, "2026-03-08 03:00 -0400", "2026-03-09 02:00 -0400"},
		{"half an hour that does not exist", "Australia/Lord_Howe", every(1, treatment.PeriodDay, 2), "2026-10-02 10:00", "2026-10-03 12:00", 2, "2026-10-04 02:30 +1100", "2026-10-05 02:00 +1100"},
		{"midnight that does not exist", "Asia/Beirut", every(1, treatment.PeriodDay, 0), "2026-03-26 10:00", "2026-03-28 12:00", 3, "2026-03-29 01:00 +0300", "2026-03-30 00:00 +0300"},
		{"an hour that exists twice", "America/New_York", every(1, treatment.PeriodDay, 1), "2026-10-30 10:00", "2026-10-31 12:00", 2, "2026-11-01 01:00 -0400", "2026-11-02 01:00 -0500"},
		{"a day that does not exist", "Pacific/Apia", every(1, treatment.PeriodDay, 9), "2011-12-28 10:00", "2011-12-29 10:00", 2, "2011-12-31 00:00 +1400", "2011-12-31 09:00 +1400"},
		{"the end of a month", "America/Chicago", every(1, treatment.PeriodMonth, 9), "2026-01-31 15:00", "2026-02-01 00:00", 1, "2026-02-28 09:00 -0600", "2026-03-31 09:00 -0500"},
		{"a leap day", "America/Chicago", every(1, treatment.PeriodMonth, 9), "2027-12-31 15:00", "2028-02-01 00:00", 2, "2028-02-29 09:00 -0600", "2028-03-31 09:00 -0500"},
		{"a year after a leap day", "America/Chicago", every(12, treatment.PeriodMonth, 9), "2028-02-29 15:00", "2028-03-01 00:00", 1, "2029-02-28 09:00 -0600", "2030-02-28 09:00 -0600"},
		{"three months", "America/Denver", every(3, treatment.PeriodMonth, 9), "2026-08-31 15:00", "2026-09-01 00:00", 1, "2026-11-30 09:00 -0700", "2027-02-28 09:00 -0700"},
		{"years later", "America/Denver", every(1, treatment.PeriodDay, 9), "2020-01-01 15:00", "2026-07-01 10:00", 2374, "2026-07-02 09:00 -0600", "2026-07-03 09:00 -0600"},
		{"the day is the patient's", "Pacific/Kiritimati", every(1, treatment.PeriodMonth, 9), "2026-02-01 00:30", "2026-02-01 00:30", 1, "2026-03-01 09:00 +1400", "2026-04-01 09:00 +1400"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			z := zone(t, test.zone)
			got := test.series.Following(local(t, z, test.begun), local(t, z, test.after), z)
			if due := got.DueAt.In(z).Format(at); got.Occurrence != test.occurrence || due != test.due {
				t.Errorf("got %d at %s, want %d at %s", got.Occurrence, due, test.occurrence, test.due)
			}
			if missed := got.MissedAt.In(z).Format(at); missed != test.next {
				t.Errorf("superseded at %s, want %s", missed, test.next)
			}
		})
	}
}

// Whatever the zone, the times of a series follow one another without a gap or a repetition, on the days
// that were meant, at the hour that was meant or, in a night in which clocks are set ahead, right then.
func TestFollowUpSeriesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		series := every(rapid.IntRange(1, 4).Draw(t, "count"), rapid.SampledFrom(treatment.PeriodUnits).Draw(t, "unit"), rapid.IntRange(0, 23).Draw(t, "hour"))
		begun := time.Unix(rapid.Int64Range(1577836800, 2051222400).Draw(t, "begun"), 0) // 2020 to 2034
		n := rapid.IntRange(0, 800).Draw(t, "days")
		after := begun.Add(time.Duration(n) * 24 * time.Hour)
		first := series.Following(begun, after, z)
		second := series.Following(begun, first.DueAt, z)
		if !first.DueAt.After(after) || !second.DueAt.After(first.DueAt) || second.Occurrence != first.Occurrence+1 {
			t.Fatalf("after %v come %d at %v and %d at %v", after, first.Occurrence, first.DueAt, second.Occurrence, second.DueAt)
		}
		if again := series.Following(begun, first.DueAt.Add(-1), z); again != first {
			t.Fatalf("a moment before %v: %v", first.DueAt, again.DueAt)
		}
		if first.MissedAt.After(second.DueAt) {
			t.Fatalf("%v is still waited for at %v", first.DueAt, second.DueAt)
		}
		here := first.DueAt.In(z)
		if day := treatment.DateOf(here); day != meant(begun.In(z), *series.Every, first.Occurrence) {
			t.Fatalf("the %d-th since %v is on %v", first.Occurrence, begun.In(z), here)
		}
		start, _ := here.ZoneBounds()
		if clock := here.Format("15:04"); clock != time.Date(0, 1, 1, series.Every.LocalHour, 0, 0, 0, time.UTC).Format("15:04") && !here.Equal(start) {
			t.Fatalf("at %s, want %d o'clock", here, series.Every.LocalHour)
		}
		// Not the second time that clocks show it: just as long before as they are set back.
		_, now := here.Zone()
		if _, before := start.Add(-1).Zone(); before > now {
			if earlier := here.Add(time.Duration(now-before) * time.Second); earlier.Before(start) && earlier.Format(time.DateTime) == here.Format(time.DateTime) {
				t.Fatalf("%s was already at %s", here, earlier)
			}
		}
	})
}

// meant is the day of the n-th time.
func meant(begun time.Time, r treatment.Recurrence, n int) treatment.Date {
	noon := time.Date(begun.Year(), begun.Month(), begun.Day(), 12, 0, 0, 0, time.UTC)
	switch r.Unit {
	case treatment.PeriodMonth:
		noon = treatment.AddMonthsClamped(noon, n*r.Count)
	case treatment.PeriodWeek:
		noon = noon.Add(time.Duration(n*r.Count) * 7 * 24 * time.Hour)
	case treatment.PeriodDay:
		noon = noon.Add(time.Duration(n*r.Count) * 24 * time.Hour)
	}
	return treatment.DateOf(noon)
}

func TestFollowUpAfterSession(t *testing.T) {
	newYork := zone(t, "America/New_York")
	series := treatment.FollowUpSeries{ID: "early", FollowUpTimes: treatment.FollowUpTimes{EarlyHours: 2, OverdueAfterHours: 3, MissedAfterHours: 4}}
	dosed := local(t, newYork, "2026-10-31 14:00") // that night the clocks are set back
	tests := []struct {
		name     string
		sessions []int
		number   int
		asks     bool
	}{
		{"one of them", []int{2, 4}, 4, true},
		{"between them", []int{2, 4}, 3, false},
		{"after them", []int{2, 4}, 5, false},
		{"the first", []int{1}, 1, true},
		{"all", nil, 17, true},
	}
	for _, test := range tests {
		series.AfterSession = &treatment.AfterSession{Hours: 24, Sessions: test.sessions}
		f, asks := series.After(test.number, dosed, newYork)
		if asks != test.asks {
			t.Errorf("%s: asks %t", test.name, asks)
		}
		if want := local(t, newYork, "2026-11-01 13:00"); asks && (!f.DueAt.Equal(want) || f.Occurrence != test.number) {
			t.Errorf("%s: %d at %v, want a day of 24 hours later", test.name, f.Occurrence, f.DueAt)
		}
	}
	if _, asks := every(1, treatment.PeriodDay, 9).After(1, dosed, newYork); asks {
		t.Error("a series that recurs asks after a session")
	}
}
