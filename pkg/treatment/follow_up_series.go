package treatment

import (
	"slices"
	"time"
)

// FollowUpPolicy says what is asked again and again in the course of a treatment. Whatever no source
// is named for is a proposal of this product.
type FollowUpPolicy struct {
	// ByHand are the times of what somebody schedules by hand. Default: answers count from 24 hours
	// before it is due, it is overdue after 24 hours and missed after 7 days.
	ByHand FollowUpTimes `json:"byHand"`
	// Series are what the server schedules by itself. How the patient is the day after a session is
	// asked by the session's own check-in, so that no series does.
	Series []FollowUpSeries `json:"series"`
}

// FollowUpTimes are the hours around the moment at which a follow-up is due.
type FollowUpTimes struct {
	// EarlyHours before it is due, answers to its instrument count already.
	EarlyHours int `json:"earlyHours"`
	// OverdueAfterHours after it was due, it is overdue.
	OverdueAfterHours int `json:"overdueAfterHours"`
	// MissedAfterHours after it was due, it is missed, and no answers are waited for any more.
	MissedAfterHours int `json:"missedAfterHours"`
}

// FollowUpSeries is something that is due again and again: at a local hour every so many days, weeks
// or months, or so many hours after sessions. The shipped ones:
//
//   - visit-after-first-session: the provider sees the patient one or two days after the first
//     session, as Mindbloom's programme does (Hull 2022).
//   - phq-9-early and gad-7-early: a day after the second and the fourth session, about two and four
//     weeks on, where Hull 2022 measured response.
//   - phq-9-monthly and gad-7-monthly: every calendar month in maintenance and taper; an answer of the
//     week before counts.
//   - urinary-symptoms: every three months. Who doses daily asks monthly: see Chang et al.,
//     doi:10.1186/s12888-023-05468-3.
//   - prescriber-visit: every three months the prescriber sees the patient.
//
// A questionnaire is overdue a week after it was due, and missed after two, like one that is assigned.
type FollowUpSeries struct {
	// ID is a slug by which the follow-ups of a series are known, whatever the protocol's version.
	ID string `json:"id"`
	// Title is what the patient, or the staff, reads.
	Title string   `json:"title"`
	For   Audience `json:"for"`
	// Instrument is what is to be answered; empty when it is something to do.
	Instrument string `json:"instrument,omitempty"`
	// Phases in which it is scheduled.
	Phases []Phase `json:"phases"`
	// Either Every or AfterSession says when it is due.
	Every        *Recurrence   `json:"every,omitempty"`
	AfterSession *AfterSession `json:"afterSession,omitempty"`
	FollowUpTimes
}

// Recurrence is every so many days, weeks or calendar months since the day on which induction began,
// at an hour of the patient's clocks.
type Recurrence struct {
	Count     int        `json:"count"`
	Unit      PeriodUnit `json:"unit"`
	LocalHour int        `json:"localHour"`
}

// AfterSession is so many hours after the first dose of sessions.
type AfterSession struct {
	Hours int `json:"hours"`
	// Sessions by their number among those of the treatment that had a dose; none means all.
	Sessions []int `json:"sessions"`
}

// PeriodUnit is what periods are counted in.
type PeriodUnit string

// Period units.
const (
	PeriodDay   PeriodUnit = "day"
	PeriodWeek  PeriodUnit = "week"
	PeriodMonth PeriodUnit = "month"
)

// PeriodUnits lists every unit.
var PeriodUnits = []PeriodUnit{PeriodDay, PeriodWeek, PeriodMonth}

// Find is the series of an id; false when the protocol has none.
func (p FollowUpPolicy) Find(id string) (FollowUpSeries, bool) {
	i := slices.IndexFunc(p.Series, func(s FollowUpSeries) bool { return s.ID == id })
	if i < 0 {
		return FollowUpSeries{}, false
	}
	return p.Series[i], true
}

// In says whether the series is scheduled in a phase.
func (s FollowUpSeries) In(phase Phase) bool { return slices.Contains(s.Phases, phase) }

// Following is the first follow-up of a recurring series that is due after a time, in a treatment
// whose induction began at another. A month that is shorter has it on its last day. It is due at the
// same hour of the patient's clocks whether they are set to summer or to winter time; see [localTime]
// for the night in which they change. The next one supersedes it: by then it is missed.
func (s FollowUpSeries) Following(begun, after time.Time, zone *time.Location) FollowUp {
	n := max(1, int(after.Sub(begun)/s.Every.longest())-2)
	for !s.Every.at(begun, n, zone).After(after) {
		n++
	}
	f := s.due(n, s.Every.at(begun, n, zone), zone)
	if next := s.Every.at(begun, n+1, zone).UTC(); next.Before(f.MissedAt) {
		f.MissedAt = next
	}
	return f
}

// After is the follow-up of a session, by its number, whose first dose was taken at a time. It is
// false when the series asks nothing after that session.
func (s FollowUpSeries) After(number int, dosed time.Time, zone *time.Location) (FollowUp, bool) {
	if s.AfterSession == nil || len(s.AfterSession.Sessions) > 0 && !slices.Contains(s.AfterSession.Sessions, number) {
		return FollowUp{}, false
	}
	return s.due(number, dosed.Add(time.Duration(s.AfterSession.Hours)*time.Hour), zone), true
}

func (s FollowUpSeries) due(occurrence int, at time.Time, zone *time.Location) FollowUp {
	f := FollowUp{
		Series: s.ID, Occurrence: occurrence, Title: s.Title, Audience: s.For, Instrument: s.Instrument,
		TimeZone: zone.String(), Status: FollowUpOpen,
	}
	return f.at(at, s.FollowUpTimes)
}

// at is the moment of the n-th time.
func (r Recurrence) at(begun time.Time, n int, zone *time.Location) time.Time {
	day := begun.In(zone)
	year, month, date := day.Date()
	switch n *= r.Count; r.Unit {
	case PeriodMonth:
		noon := time.Date(year, month, date, 12, 0, 0, 0, time.UTC)
		year, month, date = AddMonthsClamped(noon, n).Date()
	case PeriodWeek:
		date += 7 * n
	case PeriodDay:
		date += n
	}
	return localTime(time.Date(year, month, date, r.LocalHour, 0, 0, 0, time.UTC), zone)
}

// shortest and longest are how far two times can be apart, but for clocks that change.
func (r Recurrence) shortest() time.Duration { return r.days(28) }
func (r Recurrence) longest() time.Duration  { return r.days(31) }

// Same says whether a follow-up that was due at a time is the one of the series that is due at another:
// moved, or in another zone. One that has only its number, from when the series had another period, is not.
func (s FollowUpSeries) Same(was, due time.Time) bool {
	return was.Sub(due).Abs() < s.Every.longest()/2
}

func (r Recurrence) days(ofMonth int) time.Duration {
	perUnit := map[PeriodUnit]int{PeriodDay: 1, PeriodWeek: 7, PeriodMonth: ofMonth}
	return time.Duration(r.Count*perUnit[r.Unit]) * 24 * time.Hour
}

// localTime is the moment at which the clocks of a zone show what wall shows in UTC. If they show it
// twice, because they are set back, it is the first time; if they never do, because they are set
// ahead, it is the moment at which that happens.
func localTime(wall time.Time, zone *time.Location) time.Time {
	offset := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	// No clock is further than 14 hours from UTC: of these two moments one lies before, one after.
	before, after := offset(wall.Add(-15*time.Hour)), offset(wall.Add(15*time.Hour))
	for _, o := range []time.Duration{before, after} {
		if at := wall.Add(-o); offset(at) == o {
			return at.In(zone)
		}
	}
	set, _ := wall.Add(-before).In(zone).ZoneBounds()
	return set
}
