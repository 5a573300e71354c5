package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestFoldWholeSession(t *testing.T) {
	session, verdict := treatment.Fold(plan(), whole(), known())
	want := treatment.Session{
		Status: treatment.SessionCompleted, StartedAt: new(noon), EndedAt: new(at(140)),
		DoseMg: mg(100), BoosterMg: mg(50), PeakSystolicMmHg: new(135), PeakDiastolicMmHg: new(85),
		NoDriveUntil: new(at(24*60 + 20)), MissedAt: new(days(1)), CheckInDueAt: new(days(1)), CheckedIn: true,
	}
	if diff := cmp.Diff(want, session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(treatment.Verdict{}, verdict); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

// Every status but the derived one can be the answer.
func TestFoldReachesEveryStatus(t *testing.T) {
	cancelled, voided, reviewed := plan(), plan(), plan()
	cancelled.CancelledAt, voided.VoidedAt = new(noon), new(noon)
	reviewed.ReviewedAt, reviewed.ReviewedEntries = new(noon), treatment.Entries(whole())
	held, check := known(), []treatment.Fact{readingFact(1, -10), checkFact(2, 0)}
	heldBy(&held, 2)
	want := map[treatment.SessionStatus]func() (treatment.Session, treatment.Verdict){
		treatment.SessionScheduled:  func() (treatment.Session, treatment.Verdict) { return treatment.Fold(plan(), nil, known()) },
		treatment.SessionHeld:       func() (treatment.Session, treatment.Verdict) { return treatment.Fold(plan(), check, held) },
		treatment.SessionCleared:    func() (treatment.Session, treatment.Verdict) { return treatment.Fold(plan(), check, known()) },
		treatment.SessionMonitoring: func() (treatment.Session, treatment.Verdict) { return treatment.Fold(plan(), whole()[:2], known()) },
		treatment.SessionCompleted:  func() (treatment.Session, treatment.Verdict) { return treatment.Fold(plan(), whole(), known()) },
		treatment.SessionAborted: func() (treatment.Session, treatment.Verdict) {
			return treatment.Fold(plan(), []treatment.Fact{abortFact(1, 0)}, known())
		},
		treatment.SessionReviewed:       func() (treatment.Session, treatment.Verdict) { return treatment.Fold(reviewed, whole(), known()) },
		treatment.SessionCancelled:      func() (treatment.Session, treatment.Verdict) { return treatment.Fold(cancelled, nil, known()) },
		treatment.SessionEnteredInError: func() (treatment.Session, treatment.Verdict) { return treatment.Fold(voided, whole(), known()) },
	}
	for _, status := range treatment.SessionStatuses {
		fold, found := want[status]
		if !found {
			if status != treatment.SessionMissed {
				t.Errorf("no session is %s", status)
			}
			continue
		}
		if got, _ := fold(); got.Status != status {
			t.Errorf("status = %s, want %s", got.Status, status)
		}
	}
}

func TestFoldStatus(t *testing.T) {
	cancelled := plan()
	cancelled.CancelledAt = new(at(-60))
	tests := []struct {
		name  string
		plan  treatment.Plan
		facts []treatment.Fact
		want  treatment.SessionStatus
		ended *time.Time
	}{
		{"nothing yet", plan(), nil, treatment.SessionScheduled, nil},
		{"a reading before", plan(), []treatment.Fact{vitalsFact(1, -5, 120, 80)}, treatment.SessionScheduled, nil},
		{"a dose", plan(), []treatment.Fact{doseFact(1, 0, 100)}, treatment.SessionMonitoring, nil},
		{"the dose struck out", plan(), []treatment.Fact{struckOut(doseFact(1, 0, 100))}, treatment.SessionScheduled, nil},
		{"completed", plan(), []treatment.Fact{doseFact(1, 0, 100), completionFact(2, 130)}, treatment.SessionCompleted, new(at(130))},
		{"aborted", plan(), []treatment.Fact{doseFact(1, 0, 100), abortFact(2, 30)}, treatment.SessionAborted, new(at(30))},
		{"aborted before a dose", plan(), []treatment.Fact{abortFact(2, -3)}, treatment.SessionAborted, new(at(-3))},
		{"the completion came before the dose was known", plan(), []treatment.Fact{completionFact(2, 130)}, treatment.SessionCompleted, new(at(130))},
		{"two completions: the first", plan(), []treatment.Fact{doseFact(1, 0, 100), completionFact(2, 150), completionFact(3, 130)},
			treatment.SessionCompleted, new(at(130))},
		{"two at the same time: the lower id", plan(), []treatment.Fact{doseFact(1, 0, 100), completionFact(3, 130), abortFact(2, 130)},
			treatment.SessionAborted, new(at(130))},
		{"an abort after the completion", plan(), []treatment.Fact{doseFact(1, 0, 100), completionFact(2, 130), abortFact(3, 140)},
			treatment.SessionCompleted, new(at(130))},
		{"a completion after the abort", plan(), []treatment.Fact{doseFact(1, 0, 100), abortFact(2, 30), completionFact(3, 130)},
			treatment.SessionAborted, new(at(30))},
		{"the first completion struck out", plan(), []treatment.Fact{doseFact(1, 0, 100), struckOut(completionFact(2, 60)), completionFact(3, 130)},
			treatment.SessionCompleted, new(at(130))},
		{"broken off, begun again, completed", plan(), []treatment.Fact{abortFact(2, -60), doseFact(1, 0, 100), completionFact(3, 130)},
			treatment.SessionCompleted, new(at(130))},
		{"ended at the very time of the dose", plan(), []treatment.Fact{doseFact(1, 0, 100), abortFact(2, 0)}, treatment.SessionAborted, new(at(0))},
		{"ended before the dose, by a wrong clock", plan(), []treatment.Fact{doseFact(1, 0, 100), completionFact(2, -10)},
			treatment.SessionCompleted, new(at(-10))},

		{"cancelled", cancelled, nil, treatment.SessionCancelled, nil},
		{"cancelled, with a reading", cancelled, []treatment.Fact{vitalsFact(1, -5, 120, 80)}, treatment.SessionCancelled, nil},
		{"cancelled, and a dose all the same", cancelled, []treatment.Fact{doseFact(1, 0, 100)}, treatment.SessionMonitoring, nil},
		{"cancelled, and completed all the same", cancelled, []treatment.Fact{completionFact(1, 130)}, treatment.SessionCompleted, new(at(130))},
		{"not planned, logged", treatment.Plan{}, []treatment.Fact{doseFact(1, 0, 100)}, treatment.SessionMonitoring, nil},
		{"not planned, all struck out", treatment.Plan{}, []treatment.Fact{struckOut(doseFact(1, 0, 100))}, treatment.SessionCancelled, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session, _ := treatment.Fold(test.plan, test.facts, known())
			if session.Status != test.want || !cmp.Equal(session.EndedAt, test.ended) {
				t.Errorf("%s, ended %v; want %s, %v", session.Status, session.EndedAt, test.want, test.ended)
			}
		})
	}
}

func TestFoldChecks(t *testing.T) {
	const held = 100 // added to the id of a check that holds
	tests := []struct {
		name   string
		checks map[byte]int // minutes by id
		want   treatment.SessionStatus
		until  *time.Time
	}{
		{"cleared", map[byte]int{1: -30}, treatment.SessionCleared, new(at(30))},
		{"held", map[byte]int{held + 1: -30}, treatment.SessionHeld, nil},
		{"held, then cleared", map[byte]int{1: -10, held + 2: -30}, treatment.SessionCleared, new(at(50))},
		{"cleared, then held", map[byte]int{1: -30, held + 2: -10}, treatment.SessionHeld, nil},
		{"both at once: held", map[byte]int{1: -30, held + 2: -30, 3: -30}, treatment.SessionHeld, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, facts := known(), []treatment.Fact{readingFact(50, -32)}
			for n, minutes := range test.checks {
				facts = append(facts, checkFact(n, minutes))
				if n > held {
					heldBy(&k, n)
				}
			}
			session, _ := treatment.Fold(plan(), facts, k)
			if session.Status != test.want || !cmp.Equal(session.ClearedUntil, test.until) {
				t.Errorf("%s until %v, want %s until %v", session.Status, session.ClearedUntil, test.want, test.until)
			}
			session, _ = treatment.Fold(plan(), append(facts, doseFact(60, 0, 100)), k)
			if session.Status != treatment.SessionMonitoring || session.ClearedUntil != nil {
				t.Errorf("after a dose it is %s until %v", session.Status, session.ClearedUntil)
			}
		})
	}
}

func TestFoldSums(t *testing.T) {
	unknown := fact(5, treatment.FactDose, 40)
	huge := doseFact(6, 50, 0)
	huge.DoseMg = new(dose.Mg(1<<63 - 1))
	tests := []struct {
		name          string
		facts         []treatment.Fact
		dose, booster dose.Mg
	}{
		{"halves of tablets", []treatment.Fact{doseFact(1, 0, 50), doseFact(2, 5, 25), boosterFact(3, 20, 25)}, mg(75), mg(25)},
		{"one struck out", []treatment.Fact{doseFact(1, 0, 50), struckOut(doseFact(2, 5, 25))}, mg(50), 0},
		{"one sent twice", []treatment.Fact{doseFact(1, 0, 50), doseFact(1, 0, 50)}, mg(50), 0},
		{"one of unknown size", []treatment.Fact{doseFact(1, 0, 50), unknown}, mg(50), 0},
		{"too large to add", []treatment.Fact{doseFact(1, 0, 50), huge}, 1<<63 - 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session, _ := treatment.Fold(plan(), test.facts, known())
			if session.DoseMg != test.dose || session.BoosterMg != test.booster || !session.StartedAt.Equal(noon) {
				t.Errorf("%v mg and %v mg from %v, want %v and %v", session.DoseMg, session.BoosterMg, session.StartedAt, test.dose, test.booster)
			}
		})
	}
}

func TestFoldReadings(t *testing.T) {
	rate := func(n byte, minutes, bpm int) treatment.Fact {
		f := fact(n, treatment.FactVitals, minutes)
		f.HeartRateBpm = &bpm
		return f
	}
	tests := []struct {
		name                string
		facts               []treatment.Fact
		systolic, diastolic *int
		doubtful            bool
	}{
		{"none", nil, nil, nil, false},
		{"highest of each", []treatment.Fact{vitalsFact(1, 0, 150, 80), vitalsFact(2, 10, 130, 95)}, new(150), new(95), false},
		{"struck out", []treatment.Fact{vitalsFact(1, 0, 120, 80), struckOut(vitalsFact(2, 10, 190, 95))}, new(120), new(80), false},
		{"a doubtful one counts", []treatment.Fact{vitalsFact(1, 0, 270, 80)}, new(270), new(80), true},
		{"and is repeated", []treatment.Fact{vitalsFact(1, 0, 270, 80), vitalsFact(2, 5, 130, 80)}, new(270), new(80), false},
		{"the repetition came first", []treatment.Fact{vitalsFact(2, 5, 130, 80), vitalsFact(1, 10, 270, 80)}, new(270), new(80), true},
		{"another quantity repeats nothing", []treatment.Fact{vitalsFact(1, 0, 270, 80), rate(2, 5, 70)}, new(270), new(80), true},
		{"diastolic above systolic", []treatment.Fact{vitalsFact(1, 0, 80, 120)}, new(80), new(120), true},
		{"a doubtful heart rate", []treatment.Fact{vitalsFact(1, 0, 120, 80), rate(2, 5, 300)}, new(120), new(80), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session, _ := treatment.Fold(plan(), test.facts, known())
			want := treatment.Session{Status: treatment.SessionScheduled, MissedAt: new(days(1)), PeakSystolicMmHg: test.systolic,
				PeakDiastolicMmHg: test.diastolic, DoubtfulReading: test.doubtful}
			if diff := cmp.Diff(want, session); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoDriveUntil(t *testing.T) {
	newYork := zone(t, "America/New_York")
	local := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, newYork)
	}
	tests := []struct {
		name string
		dose time.Time
		zone *time.Location
		want time.Time
	}{
		{"in the afternoon: 24 h", local(11, 20, 14, 0), newYork, local(11, 21, 14, 0)},
		{"at six in the morning: both are the same", local(11, 20, 6, 0), newYork, local(11, 21, 6, 0)},
		{"after midnight: the next morning is later", local(11, 20, 0, 30), newYork, local(11, 21, 6, 0)},
		{"before midnight: 24 h", local(11, 20, 23, 59), newYork, local(11, 21, 23, 59)},
		{"the clocks go forward: 24 h elapsed", local(3, 7, 14, 0), newYork, local(3, 8, 15, 0)},
		{"the clocks go back: 24 h elapsed", local(10, 31, 14, 0), newYork, local(11, 1, 13, 0)},
		{"the clocks go back in the night: six by the clock", local(11, 1, 0, 30), newYork, local(11, 2, 6, 0)},
		{"unknown zone: the latest there is", local(11, 20, 14, 0), nil, local(11, 21, 21, 0)},
	}
	for _, test := range tests {
		if got := treatment.NoDriveUntil(test.dose.UTC(), test.zone, treatment.Default()); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got.In(newYork), test.want)
		}
	}
}

// No zone is later than the one that is assumed when nobody knows it.
func TestNoDriveUntilProperty(t *testing.T) {
	p := treatment.Default()
	names := []string{"America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		location, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		doseAt := time.Unix(rapid.Int64Range(1.6e9, 2e9).Draw(t, "dose"), 0)
		got := treatment.NoDriveUntil(doseAt, location, p)
		if got.Sub(doseAt) < 24*time.Hour || got.In(location).Hour() < 6 && got.Sub(doseAt) > 24*time.Hour {
			t.Fatalf("%v after a dose at %v", got.In(location), doseAt.In(location))
		}
		if latest := treatment.NoDriveUntil(doseAt, nil, p); got.After(latest) {
			t.Fatalf("%v is later than %v", got, latest)
		}
	})
}

// The patient travels during a session: each dose asks for the morning where it was taken.
func TestFoldNoDriveInTwoZones(t *testing.T) {
	east, west := doseFact(1, 0, 100), boosterFact(2, 30, 50)
	east.OccurredAt = time.Date(2026, 11, 20, 5, 10, 0, 0, time.UTC) // 00:10 in New York
	west.OccurredAt = time.Date(2026, 11, 20, 5, 40, 0, 0, time.UTC) // 23:40 the day before in Chicago
	west.TimeZone = "America/Chicago"
	session, _ := treatment.Fold(plan(), []treatment.Fact{west, east}, known())
	if want := time.Date(2026, 11, 21, 6, 0, 0, 0, zone(t, "America/New_York")); !session.NoDriveUntil.Equal(want) {
		t.Errorf("no driving until %v, want %v", session.NoDriveUntil, want)
	}

	blind := known()
	blind.Zone = nil
	east.TimeZone = "Nowhere/Special"
	for _, k := range []treatment.Known{blind, known()} {
		session, _ = treatment.Fold(plan(), []treatment.Fact{east}, k)
		if want := east.OccurredAt.Add(31 * time.Hour); !session.NoDriveUntil.Equal(want) {
			t.Errorf("in an unknown zone until %v, want %v", session.NoDriveUntil, want)
		}
	}
}

func TestFoldMarks(t *testing.T) {
	facts := append(whole(), fact(7, treatment.FactEscalation, 50))
	session, _ := treatment.Fold(plan(), facts, known())
	if !session.Escalated || !session.CheckedIn {
		t.Errorf("escalated %t, checked in %t", session.Escalated, session.CheckedIn)
	}
	for i := range facts {
		facts[i].StruckOut = true
	}
	session, _ = treatment.Fold(plan(), facts, known())
	if diff := cmp.Diff(treatment.Session{Status: treatment.SessionScheduled, MissedAt: new(days(1))}, session); diff != "" {
		t.Errorf("all struck out (-want +got):\n%s", diff)
	}
}

func BenchmarkFold(b *testing.B) {
	p, facts, k := plan(), whole(), known()
	newYork := zone(b, "America/New_York")
	k.Zone = func(string) (*time.Location, error) { return newYork, nil }
	b.ReportAllocs()
	for b.Loop() {
		treatment.Fold(p, facts, k)
	}
}
