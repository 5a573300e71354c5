package treatment_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// noon is the time of the first dose in most tests: a Friday, 12:00 in UTC.
var noon = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

// at is noon and so many minutes.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// days is noon and so many days.
func days(n int) time.Time { return noon.AddDate(0, 0, n) }

// id is the n-th id.
func id(n byte) uuid.UUID { return uuid.UUID{15: n} }

func mg(n int) dose.Mg { return dose.Mg(n) * dose.Milligram }
func kg(n int) dose.Kg { return dose.Kg(n) * dose.Kilogram }

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// refused checks that an error is the refusal with the given code, for exactly the given
// rules in their order.
func refused(t testing.TB, err error, code string, rules ...treatment.Rule) {
	t.Helper()
	refusal, ok := errors.AsType[*treatment.Refusal](err)
	if !ok {
		t.Fatalf("error = %v, want a refusal with %s", err, code)
	}
	var got []treatment.Rule
	for _, reason := range refusal.Reasons {
		got = append(got, reason.Rule)
	}
	if refusal.Code != code || !slices.Equal(got, rules) {
		t.Errorf("refused with %s for %v, want %s for %v", refusal.Code, got, code, rules)
	}
}

// allowed checks that nothing was refused.
func allowed(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
}

// judged checks a decision: no rules means that it is allowed.
func judged(t testing.TB, err error, code string, rules ...treatment.Rule) {
	t.Helper()
	if len(rules) == 0 {
		allowed(t, err)
		return
	}
	refused(t, err, code, rules...)
}

// prescriber holds everything that a signature for a patient in New York needs.
func prescriber(n byte, npi string) treatment.Prescriber {
	return treatment.Prescriber{
		StaffID:          id(n),
		NPI:              npi,
		Licences:         []treatment.Credential{{State: "NY", Number: "L1", Expires: "2027-12-31"}},
		DEARegistrations: []treatment.Credential{{State: "NY", Number: "AB1234563", Expires: "2027-12-31"}},
	}
}

// order is a draft's content: 100 mg and a booster of 50 mg.
func order() treatment.Order {
	return treatment.Order{
		Form: treatment.FormRapidlyDissolvingTablet, Route: treatment.RouteSublingual,
		StrengthMg: mg(50), DoseMg: mg(100), BoosterMg: mg(50),
		MinIntervalHours: 24, SessionsPerWeek: 3, QuantityUnits: 12, Refills: 1,
		Directions: "Hold under the tongue for ten minutes.",
	}
}

// signing lets a prescription through that is within its limits, under the default protocol.
func signing() treatment.Signing {
	return treatment.Signing{
		Now:            noon,
		Signer:         prescriber(1, "1234567893"),
		PatientState:   "NY",
		Phase:          treatment.PhasePlanned,
		Weight:         &treatment.Weight{Kg: kg(70), MeasuredAt: days(-10)},
		ProtocolID:     id(200),
		Protocol:       guarded(),
		Eligible:       new(true),
		SignedConsents: treatment.Default().Treatment.RequiredConsents,
		Medicines:      []treatment.Evidence{{Type: treatment.EvidenceMedication, ID: id(80), Version: 2}},
		Reviewed:       []treatment.Evidence{{Type: treatment.EvidenceMedication, ID: id(80), Version: 2}},
		PDMPCheckedAt:  new(days(-1)),
		InPersonExamAt: new(days(-30)),
	}
}

func draft(t testing.TB, o treatment.Order) treatment.Prescription {
	t.Helper()
	p, err := treatment.Draft(o, treatment.PhaseInduction)
	allowed(t, err)
	return p
}

func active(t testing.TB) treatment.Prescription {
	t.Helper()
	p, err := draft(t, order()).Sign(signing())
	allowed(t, err)
	return p
}

// awaiting is a prescription that needs a cosignature: 451 mg.
func awaiting(t testing.TB) treatment.Prescription {
	t.Helper()
	o := order()
	o.DoseMg, o.BoosterMg = mg(451), 0
	s := signing()
	s.Weight.Kg = kg(120)
	p, err := draft(t, o).Sign(s)
	allowed(t, err)
	if p.Status != treatment.PrescriptionAwaitingCosignature {
		t.Fatalf("status = %s, want awaitingCosignature", p.Status)
	}
	return p
}

// Facts. Each is of the n-th id, so many minutes after noon, in New York.
func fact(n byte, kind treatment.FactKind, minutes int) treatment.Fact {
	return treatment.Fact{
		ID: id(n), Kind: kind, OccurredAt: at(minutes), TimeZone: "America/New_York",
		ReportedBy: treatment.ReportedByPatient, Mode: treatment.ModeApp,
	}
}

func doseFact(n byte, minutes, milligrams int) treatment.Fact {
	f := fact(n, treatment.FactDose, minutes)
	f.DoseMg = new(mg(milligrams))
	return f
}

func boosterFact(n byte, minutes, milligrams int) treatment.Fact {
	f := doseFact(n, minutes, milligrams)
	f.Booster = new(true)
	return f
}

func vitalsFact(n byte, minutes, systolic, diastolic int) treatment.Fact {
	f := fact(n, treatment.FactVitals, minutes)
	f.SystolicMmHg, f.DiastolicMmHg = new(systolic), new(diastolic)
	return f
}

// completionFact is a completion with a patient who is ready.
func completionFact(n byte, minutes int) treatment.Fact {
	f := fact(n, treatment.FactCompletion, minutes)
	f.Oriented, f.WalksUnaided, f.SupportPersonStays = new(true), new(true), new(true)
	return f
}

// checkFact is a check of the safety gate with answers to which nobody objects.
func checkFact(n byte, minutes int) treatment.Fact {
	f := fact(n, treatment.FactCheck, minutes)
	f.SolidsFastedMin, f.FluidsFastedMin, f.SupportPersonPresent, f.RedFlags = new(240), new(120), new(true), new("")
	f.SupportPersonID, f.Pregnancy, f.Substances = new(id(90)), new(treatment.NotPregnant), new("")
	f.AcuteIllness, f.SleptHours = new(false), new(4)
	return f
}

// readingFact is a reading of everything, all of it normal.
func readingFact(n byte, minutes int) treatment.Fact {
	f := vitalsFact(n, minutes, 120, 80)
	f.HeartRateBpm, f.Spo2Percent = new(64), new(98)
	return f
}

// attestationFact is the word of a support person who was there and looked in.
func attestationFact(n byte, minutes int) treatment.Fact {
	f := fact(n, treatment.FactAttestation, minutes)
	f.ReportedBy, f.PresentThroughout, f.LookedIn = treatment.ReportedBySupportPerson, new(true), new(true)
	return f
}

// heldBy makes a check hold for a reason outside of the session.
func heldBy(k *treatment.Known, check byte) {
	if k.Outside == nil {
		k.Outside = map[uuid.UUID][]treatment.GateReason{}
	}
	k.Outside[id(check)] = []treatment.GateReason{{Rule: treatment.RuleOpenAlert}}
}

func abortFact(n byte, minutes int) treatment.Fact {
	f := fact(n, treatment.FactAbort, minutes)
	f.AbortReason = new(treatment.AbortSideEffects)
	return f
}

func struckOut(f treatment.Fact) treatment.Fact {
	f.StruckOut = true
	return f
}

// plan is a session planned for noon.
func plan() treatment.Plan {
	return treatment.Plan{PlannedAt: new(noon), TimeZone: "America/New_York"}
}

// guarded is the default protocol with every guard on, ungated all but the safety gate, and
// unguarded none.
func guarded() treatment.Protocol   { return without() }
func ungated() treatment.Protocol   { return without(treatment.GuardGate) }
func unguarded() treatment.Protocol { return without(treatment.GuardNames...) }

func without(guards ...string) treatment.Protocol {
	p := treatment.Default()
	p.GuardsOff = guards
	return p
}

// known lets a dose of 100 mg and a booster of 50 mg pass at noon without a deviation: a
// running treatment, an active prescription, 70 kg (a mid dose), and no safety gate.
func known() treatment.Known {
	return treatment.Known{
		Protocol: ungated(),
		Running:  &treatment.Interval{From: days(-30)},
		Prescriptions: []treatment.Validity{{
			ID: id(100), Interval: treatment.Interval{From: days(-30), Until: new(days(150))},
			DoseMg: mg(100), BoosterMg: mg(50), MinIntervalHours: 24, SessionsPerWeek: 3,
		}},
		WeightKg: new(kg(70)),
		Units:    accounted(),
		Zone:     time.LoadLocation,
	}
}

// accounted is a ledger that finds nothing about the doses of the first ids.
func accounted() map[uuid.UUID][]treatment.Deviation {
	units := map[uuid.UUID][]treatment.Deviation{}
	for n := range byte(20) {
		units[id(n)] = nil
	}
	return units
}

// whole is a session without a deviation: reading, dose, booster, reading, completion,
// check-in.
func whole() []treatment.Fact {
	return []treatment.Fact{
		vitalsFact(1, -5, 120, 80), doseFact(2, 0, 100), boosterFact(3, 20, 50),
		vitalsFact(4, 60, 135, 85), completionFact(5, 140), fact(6, treatment.FactCheckIn, 24*60),
	}
}

// deviates lists the rules of a verdict, and raises its alerts.
func deviates(v treatment.Verdict) []treatment.Rule {
	rules := []treatment.Rule{}
	for _, d := range v.Deviations {
		rules = append(rules, d.Rule)
	}
	return rules
}

func raises(v treatment.Verdict) []treatment.AlertRule {
	rules := []treatment.AlertRule{}
	for _, r := range v.Raised {
		rules = append(rules, r.Rule)
	}
	return rules
}
