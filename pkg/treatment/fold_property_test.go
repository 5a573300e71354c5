package treatment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// drawFacts draws facts of every kind at few times, so that many coincide.
func drawFacts(t *rapid.T) []treatment.Fact {
	n := rapid.IntRange(0, 12).Draw(t, "facts")
	facts := make([]treatment.Fact, 0, n)
	for i := range n {
		kind := rapid.SampledFrom(treatment.FactKinds).Draw(t, "kind")
		f := fact(byte(i+1), kind, rapid.SampledFrom([]int{-90, -5, 0, 20, 45, 119, 120, 121, 240, 300}).Draw(t, "minute"))
		f.TicketOfPatient = rapid.SampledFrom([]*bool{nil, nil, new(false), new(true)}).Draw(t, "ticket of the patient")
		f.StruckOut = rapid.IntRange(0, 3).Draw(t, "struck out") == 0
		switch kind {
		case treatment.FactDose:
			if rapid.IntRange(0, 9).Draw(t, "amount known") > 0 {
				f.DoseMg = new(mg(rapid.SampledFrom([]int{25, 50, 100, 300}).Draw(t, "mg")))
			}
			f.Booster = rapid.SampledFrom([]*bool{nil, new(false), new(true)}).Draw(t, "booster")
		case treatment.FactVitals:
			f.SystolicMmHg = new(rapid.SampledFrom([]int{55, 120, 145, 165, 185, 270}).Draw(t, "systolic"))
			f.DiastolicMmHg = rapid.SampledFrom([]*int{nil, new(80), new(95), new(125)}).Draw(t, "diastolic")
			f.HeartRateBpm, f.Spo2Percent = new(rapid.SampledFrom([]int{49, 64, 111}).Draw(t, "heart rate")), rapid.SampledFrom([]*int{nil, new(89), new(98)}).Draw(t, "saturation")
		case treatment.FactObservation:
			f.Sedation = rapid.SampledFrom([]*int{nil, new(4), new(5)}).Draw(t, "sedation")
			f.RedFlag = rapid.SampledFrom([]*treatment.RedFlag{nil, nil, new(treatment.RedFlagSeizure)}).Draw(t, "red flag")
		case treatment.FactCompletion:
			f.Oriented, f.WalksUnaided, f.SupportPersonStays = new(true), new(rapid.Bool().Draw(t, "walks")), new(true)
		case treatment.FactCheck:
			f.SolidsFastedMin, f.FluidsFastedMin = rapid.SampledFrom([]*int{nil, new(239), new(240)}).Draw(t, "solids"), new(120)
			f.SupportPersonPresent = rapid.SampledFrom([]*bool{nil, new(false), new(true)}).Draw(t, "present")
			f.SupportPersonID = rapid.SampledFrom([]*uuid.UUID{nil, new(id(90))}).Draw(t, "who")
			f.Pregnancy = rapid.SampledFrom([]*treatment.PregnancyStatus{nil, new(treatment.NotPregnant), new(treatment.Pregnant)}).Draw(t, "pregnancy")
			f.Substances = rapid.SampledFrom([]*string{nil, new(""), new("alcohol")}).Draw(t, "substances")
			f.AcuteIllness, f.SleptHours = rapid.SampledFrom([]*bool{nil, new(false), new(false), new(true)}).Draw(t, "ill"), rapid.SampledFrom([]*int{nil, new(3), new(4)}).Draw(t, "slept")
			f.DeviceVerdict = rapid.SampledFrom([]*treatment.DeviceVerdict{nil, new(treatment.DeviceCleared), new(treatment.DeviceHeld)}).Draw(t, "device")
			f.RedFlags = rapid.SampledFrom([]*string{nil, new(""), new("chestPain")}).Draw(t, "red flags")
		case treatment.FactAttestation:
			f.PresentThroughout, f.LookedIn = new(rapid.Bool().Draw(t, "stayed")), new(rapid.Bool().Draw(t, "looked in"))
		case treatment.FactCheckIn:
			f.Drove = rapid.SampledFrom([]*bool{nil, new(false), new(true)}).Draw(t, "drove")
		case treatment.FactAbort, treatment.FactEscalation:
		}
		facts = append(facts, f)
	}
	return facts
}

func drawPlan(t *rapid.T) treatment.Plan {
	p := treatment.Plan{TimeZone: "America/New_York"}
	if rapid.Bool().Draw(t, "planned") {
		p.PlannedAt = new(noon)
	}
	if rapid.IntRange(0, 4).Draw(t, "cancelled") == 0 {
		p.CancelledAt = new(at(-30))
	}
	if rapid.IntRange(0, 2).Draw(t, "reviewed") == 0 {
		p.ReviewedAt, p.ReviewedEntries = new(days(1)), rapid.IntRange(0, 20).Draw(t, "entries")
	}
	return p
}

func drawKnown(t *rapid.T) treatment.Known {
	k := known()
	k.Protocol = rapid.SampledFrom([]treatment.Protocol{ungated(), treatment.Default()}).Draw(t, "protocol")
	k.WeightKg = rapid.SampledFrom([]*dose.Kg{nil, new(kg(60)), new(kg(100))}).Draw(t, "weight")
	k.OtherDoses = []treatment.DoseTime{{SessionID: id(50), At: at(-20 * 60)}, {SessionID: id(51), At: at(-30 * 60)}}
	k.TreatmentHolds = []treatment.Interval{{From: at(20), Until: new(at(45))}}
	for n := range byte(12) {
		if rapid.IntRange(0, 3).Draw(t, "held") == 0 {
			heldBy(&k, n+1)
		}
		if rapid.IntRange(0, 5).Draw(t, "critical elsewhere") == 0 {
			s := surroundings()
			s.Seen = []treatment.Sighting{saturated(rapid.SampledFrom([]int{-90, -5, 0}).Draw(t, "found"), 89)}
			k.Outside = map[uuid.UUID][]treatment.GateReason{id(n + 1): s.Reasons()}
		}
		if rapid.IntRange(0, 3).Draw(t, "overridden") == 0 {
			rules := rapid.SampledFrom([][]treatment.Rule{{treatment.RuleOpenAlert}, treatment.HoldRules}).Draw(t, "rules")
			k.Overrides = append(k.Overrides, treatment.Override{CheckID: id(n + 1), Rules: rules, At: at(rapid.SampledFrom([]int{-5, 5}).Draw(t, "at"))})
		}
	}
	for n := range byte(12) {
		k.Units[id(n)] = rapid.SampledFrom([][]treatment.Deviation{nil, {
			{Rule: treatment.RuleUnitsUnaccounted, Value: "50 mg", Limit: "0 mg"}, {Rule: treatment.RuleUnitsMismatch, Value: "100 mg", Limit: "50 mg"},
		}}).Draw(t, "units")
	}
	return k
}

// Whatever the order in which facts arrive, and however often each is sent, the session and
// its verdict are the same.
func TestFoldOrderOfArrivalProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, facts, k := drawPlan(t), drawFacts(t), drawKnown(t)
		want, wantVerdict := treatment.Fold(p, facts, k)

		arrived := slices.Clone(facts)
		for _, f := range facts {
			for range rapid.IntRange(0, 2).Draw(t, "sent again") {
				f.StruckOut = false // what is sent again does not undo a strike-out
				arrived = append(arrived, f)
			}
		}
		arrived = rapid.Permutation(arrived).Draw(t, "arrived")
		before := slices.Clone(arrived)
		got, gotVerdict := treatment.Fold(p, arrived, k)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("session (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantVerdict, gotVerdict); diff != "" {
			t.Fatalf("verdict (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, arrived); diff != "" {
			t.Fatalf("the fold changed what it was given:\n%s", diff)
		}
	})
}

// Facts that were struck out leave the session as if they had never been, but for its review.
func TestFoldStrikeOutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, facts, k := drawPlan(t), drawFacts(t), drawKnown(t)
		p.ReviewedAt = nil
		kept := slices.DeleteFunc(slices.Clone(facts), func(f treatment.Fact) bool { return f.StruckOut })
		want, wantVerdict := treatment.Fold(p, kept, k)
		got, gotVerdict := treatment.Fold(p, facts, k)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("session (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantVerdict, gotVerdict); diff != "" {
			t.Fatalf("verdict (-want +got):\n%s", diff)
		}
	})
}

// What holds for every session.
func TestFoldStatusProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, facts, k := drawPlan(t), drawFacts(t), drawKnown(t)
		if rapid.IntRange(0, 9).Draw(t, "voided") == 0 {
			p.VoidedAt = new(days(1))
		}
		if p.ReviewedAt != nil && rapid.Bool().Draw(t, "up to date") {
			p.ReviewedEntries = treatment.Entries(facts)
		}
		session, verdict := treatment.Fold(p, facts, k)
		ended := []treatment.SessionStatus{treatment.SessionCompleted, treatment.SessionAborted, treatment.SessionReviewed}
		if (session.EndedAt != nil) != slices.Contains(ended, session.Status) {
			t.Fatalf("%s, ended %v", session.Status, session.EndedAt)
		}
		if session.Status == treatment.SessionMonitoring && session.StartedAt == nil {
			t.Fatal("monitoring without a dose")
		}
		if (session.NoDriveUntil != nil) != (session.StartedAt != nil) {
			t.Fatal("a dose and no driving belong together")
		}
		for _, check := range verdict.Checks {
			if slices.ContainsFunc(check.Ended, func(r treatment.GateReason) bool { return !r.Stop || r.FactID == uuid.Nil }) {
				t.Fatalf("a clearance was ended by what is no stop: %+v", check)
			}
			stops := slices.ContainsFunc(check.Reasons, func(r treatment.GateReason) bool { return r.Stop })
			if check.Cleared && stops || !check.Cleared && len(check.Reasons) == 0 {
				t.Fatalf("a check is wrong: %+v", check)
			}
			for _, reason := range check.Reasons {
				known := treatment.HoldRules
				if reason.Stop {
					known = treatment.StopRules
				}
				if !slices.Contains(known, reason.Rule) {
					t.Fatalf("%s is not listed", reason.Rule)
				}
			}
		}
		rules := deviates(verdict)
		if len(slices.Compact(slices.Sorted(slices.Values(rules)))) != len(rules) {
			t.Fatalf("a rule is there twice: %v", rules)
		}
		for _, rule := range rules {
			if !slices.Contains(treatment.DeviationRules, rule) {
				t.Fatalf("%s is not listed", rule)
			}
		}
	})
}
