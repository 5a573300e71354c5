package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestTier(t *testing.T) {
	p := treatment.Default()
	tests := []struct {
		name   string
		amount dose.Mg
		weight *dose.Kg
		want   treatment.Tier
	}{
		{"at 1.5 mg/kg", mg(105), new(kg(70)), treatment.TierLow},
		{"a microgram more", mg(105) + 1, new(kg(70)), treatment.TierMid},
		{"a gram less", mg(105), new(kg(70) - 1), treatment.TierMid},
		{"a microgram below 4 mg/kg", mg(280) - 1, new(kg(70)), treatment.TierMid},
		{"at 4 mg/kg", mg(280), new(kg(70)), treatment.TierHigh},
		{"a gram more", mg(280), new(kg(70) + 1), treatment.TierMid},
		{"nothing", 0, new(kg(70)), treatment.TierLow},
		{"weight unknown", mg(10), nil, treatment.TierHigh},
		{"a weight of nothing", mg(10), new(kg(0)), treatment.TierHigh},
	}
	for _, test := range tests {
		if got := p.Tier(test.amount, test.weight); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// scheduling plans 100 mg and 50 mg for 70 kg, a mid dose: 48 h and 3 in seven days.
func scheduling(t testing.TB) treatment.Scheduling {
	t.Helper()
	p := active(t)
	return treatment.Scheduling{
		Now: days(3), At: days(3), TimeZone: "Etc/UTC", Phase: treatment.PhaseInduction,
		Prescription: &p, PrescriptionID: new(id(100)), WeightKg: new(kg(70)),
		Protocol: treatment.Default(),
	}
}

func TestSchedule(t *testing.T) {
	s := scheduling(t)
	got, err := treatment.Schedule(s)
	allowed(t, err)
	want := treatment.Plan{PlannedAt: new(days(3)), TimeZone: "Etc/UTC", PrescriptionID: new(id(100))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	hour := func(n int) time.Time { return days(3).Add(time.Duration(n) * time.Hour) }
	tests := []struct {
		name   string
		change func(*treatment.Scheduling)
		rules  []treatment.Rule
	}{
		{"planned phase", func(s *treatment.Scheduling) { s.Phase = treatment.PhasePlanned }, []treatment.Rule{treatment.RuleTreatmentNotOpen}},
		{"completed", func(s *treatment.Scheduling) { s.Phase = treatment.PhaseCompleted }, []treatment.Rule{treatment.RuleTreatmentNotOpen}},
		{"maintenance", func(s *treatment.Scheduling) { s.Phase = treatment.PhaseMaintenance }, nil},
		{"taper", func(s *treatment.Scheduling) { s.Phase = treatment.PhaseTaper }, nil},
		{"treatment on hold", func(s *treatment.Scheduling) { s.OnHold = true }, []treatment.Rule{treatment.RuleTreatmentOnHold}},
		{"no prescription", func(s *treatment.Scheduling) { s.Prescription = nil }, []treatment.Rule{treatment.RuleNoActivePrescription}},
		{"not signed", func(s *treatment.Scheduling) { s.Prescription = new(draft(t, order())) }, []treatment.Rule{treatment.RuleNoActivePrescription}},
		{"prescription on hold", func(s *treatment.Scheduling) { s.Prescription.OnHold = true }, []treatment.Rule{treatment.RulePrescriptionOnHold}},
		{"a moment before it expires", func(s *treatment.Scheduling) { s.At = s.Prescription.ExpiresAt.Add(-1) }, nil},
		{"when it will have expired", func(s *treatment.Scheduling) { s.At = *s.Prescription.ExpiresAt }, []treatment.Rule{treatment.RuleNoActivePrescription}},
		{"a moment ago", func(s *treatment.Scheduling) { s.Now = s.At.Add(1) }, []treatment.Rule{treatment.RulePlannedInPast}},

		{"exactly 48 h after another", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-48)} }, nil},
		{"a minute less", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-48).Add(time.Minute)} }, []treatment.Rule{treatment.RuleIntervalShort}},
		{"a minute less before the next", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(48).Add(-time.Minute)} }, []treatment.Rule{treatment.RuleIntervalShort}},
		{"the prescription wants longer", func(s *treatment.Scheduling) { s.Prescription.MinIntervalHours, s.Others = 49, []time.Time{hour(-48)} },
			[]treatment.Rule{treatment.RuleIntervalShort}},
		{"weight unknown wants 72 h", func(s *treatment.Scheduling) { s.WeightKg, s.Others = nil, []time.Time{hour(-71)} },
			[]treatment.Rule{treatment.RuleIntervalShort}},
		{"a low dose wants 20 h, the prescription 24", func(s *treatment.Scheduling) { s.WeightKg, s.Others = new(kg(100)), []time.Time{hour(-24), hour(24)} }, nil},

		{"the third in seven days", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-48), hour(-96)} }, nil},
		{"the fourth in seven days", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-48), hour(-96), hour(-144)} },
			[]treatment.Rule{treatment.RuleWeeklyLimit}},
		{"exactly seven days after the first of four", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-48), hour(-96), hour(-168)} }, nil},
		{"four in seven days around it", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-72), hour(48), hour(95)} },
			[]treatment.Rule{treatment.RuleWeeklyLimit}},
		{"four in eight days around it", func(s *treatment.Scheduling) { s.Others = []time.Time{hour(-72), hour(48), hour(96)} }, nil},
		{"the prescription wants fewer", func(s *treatment.Scheduling) { s.Prescription.SessionsPerWeek, s.Others = 1, []time.Time{hour(-167)} },
			[]treatment.Rule{treatment.RuleWeeklyLimit}},

		{"everything at once", func(s *treatment.Scheduling) {
			*s = treatment.Scheduling{At: days(3), OnHold: true, Others: []time.Time{hour(-1), hour(1)}, Protocol: treatment.Default()}
		}, []treatment.Rule{treatment.RuleTreatmentNotOpen, treatment.RuleTreatmentOnHold, treatment.RuleNoActivePrescription,
			treatment.RuleIntervalShort, treatment.RuleWeeklyLimit}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := scheduling(t)
			test.change(&s)
			_, err := treatment.Schedule(s)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}

// Once a week at the same local time is once in any seven days, although the week in which
// the clocks go forward has an hour less.
func TestScheduleWeeklyAcrossClockChange(t *testing.T) {
	newYork := zone(t, "America/New_York")
	s := scheduling(t)
	s.Prescription.SessionsPerWeek = 1
	s.At = time.Date(2027, 3, 14, 18, 0, 0, 0, newYork) // the clocks went forward that night
	s.Others = []time.Time{time.Date(2027, 3, 7, 18, 0, 0, 0, newYork).UTC()}
	_, err := treatment.Schedule(s)
	allowed(t, err)
	s.Others[0] = s.Others[0].Add(time.Minute)
	_, err = treatment.Schedule(s)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleWeeklyLimit)
}

// Intervals are elapsed hours: across midnight, and when the clocks change.
func TestScheduleIntervalIsElapsedTime(t *testing.T) {
	newYork := zone(t, "America/New_York")
	s := scheduling(t)
	s.WeightKg = new(kg(100))            // a low dose: 24 h by the prescription
	s.Prescription.MinIntervalHours = 20 // as the protocol
	s.At = time.Date(2027, 1, 11, 0, 30, 0, 0, newYork)
	s.Others = []time.Time{time.Date(2027, 1, 10, 4, 30, 0, 0, newYork)}
	_, err := treatment.Schedule(s)
	allowed(t, err)
	s.Others[0] = s.Others[0].Add(time.Minute)
	_, err = treatment.Schedule(s)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleIntervalShort)

	s.Prescription.MinIntervalHours = 24
	s.At = time.Date(2027, 3, 14, 18, 0, 0, 0, newYork)
	s.Others = []time.Time{time.Date(2027, 3, 13, 18, 0, 0, 0, newYork)} // 23 hours
	_, err = treatment.Schedule(s)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleIntervalShort)
}

func TestReschedule(t *testing.T) {
	later := scheduling(t)
	later.At = days(4)
	got, err := plan().Reschedule(treatment.Session{Status: treatment.SessionHeld}, later, "support person is away")
	allowed(t, err)
	want := treatment.Plan{PlannedAt: new(days(4)), TimeZone: "Etc/UTC", PrescriptionID: new(id(100)), StatusReason: "support person is away"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = plan().Reschedule(treatment.Session{Status: treatment.SessionScheduled}, later, "")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	later.OnHold = true
	_, err = plan().Reschedule(treatment.Session{Status: treatment.SessionScheduled}, later, "why not")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleTreatmentOnHold)
}
