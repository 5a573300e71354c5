package treatment_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// A prescription above the soft maximum for the patient's weight waits for a second
// prescriber; one above the hard maximum cannot be signed, and the refusal says why.
func Example_signing() {
	signing := treatment.Signing{
		Now: time.Date(2026, time.August, 31, 15, 0, 0, 0, time.UTC),
		Signer: treatment.Prescriber{
			StaffID:          uuid.MustParse("01980000-0000-7000-8000-0000000000b1"),
			NPI:              "1234567893",
			Licences:         []treatment.Credential{{State: "NY", Number: "301234", Expires: "2027-06-30"}},
			DEARegistrations: []treatment.Credential{{State: "NY", Number: "AB1234563", Expires: "2028-01-31"}},
		},
		PatientState: "NY",
		Phase:        treatment.PhaseInduction,
		Weight:       &treatment.Weight{Kg: 62_300 * dose.Gram, MeasuredAt: time.Date(2026, time.August, 3, 9, 0, 0, 0, time.UTC)},
		Protocol:     unguarded(), // nobody keeps consents, consultations and checks here
	}
	for _, milligrams := range []dose.Mg{350, 400, 450} {
		prescription, _ := treatment.Draft(treatment.Order{
			StrengthMg: 50 * dose.Milligram, DoseMg: milligrams * dose.Milligram,
		}, treatment.PhaseInduction)

		prescription, err := prescription.Sign(signing)
		if refusal, refused := errors.AsType[*treatment.Refusal](err); refused {
			reason := refusal.Reasons[0]
			fmt.Printf("%d mg: %s, %s above %s\n", milligrams, refusal.Code, reason.Value, reason.Limit)
			continue
		}
		fmt.Printf("%d mg: %s, expires %s\n", milligrams, prescription.Status, treatment.DateOf(*prescription.ExpiresAt))
	}
	// Output:
	// 350 mg: active, expires 2027-02-28
	// 400 mg: awaitingCosignature, expires 2027-02-28
	// 450 mg: hard_maximum_exceeded, 450 mg above 436.1 mg
}

// A phone was offline: the completion arrives before the dose, and a reading comes last. The
// session is the same as if they had come in order.
func ExampleFold() {
	start := time.Date(2026, time.November, 20, 19, 0, 0, 0, time.UTC)
	fact := func(n byte, kind treatment.FactKind, minutes time.Duration) treatment.Fact {
		return treatment.Fact{ID: uuid.UUID{n}, Kind: kind, OccurredAt: start.Add(minutes * time.Minute), TimeZone: "America/New_York"}
	}
	completion := fact(1, treatment.FactCompletion, 110)
	completion.Oriented, completion.WalksUnaided, completion.SupportPersonStays = new(true), new(true), new(true)
	taken := fact(2, treatment.FactDose, 0)
	taken.DoseMg = new(120 * dose.Milligram)
	reading := fact(3, treatment.FactVitals, 45)
	reading.SystolicMmHg, reading.DiastolicMmHg = new(164), new(92)

	known := treatment.Known{
		Protocol: unguarded(),
		Running:  &treatment.Interval{From: start.AddDate(0, 0, -14)},
		Prescriptions: []treatment.Validity{{
			Interval: treatment.Interval{From: start.AddDate(0, 0, -14)}, DoseMg: 100 * dose.Milligram,
		}},
		WeightKg: new(70 * dose.Kilogram),
		Zone:     time.LoadLocation,
	}
	session, verdict := treatment.Fold(treatment.Plan{PlannedAt: &start}, []treatment.Fact{completion, taken, reading}, known)

	fmt.Println(session.Status, session.DoseMg, "mg, no driving until", session.NoDriveUntil)
	for _, deviation := range verdict.Deviations {
		fmt.Println("deviation:", deviation.Rule, deviation.Value, "of", deviation.Limit)
	}
	for _, raised := range verdict.Raised {
		fmt.Println("alert:", raised.Rule, raised.Severity, raised.Value, "of", raised.Limit)
	}
	// Output:
	// completed 120 mg, no driving until 2026-11-21 19:00:00 +0000 UTC
	// deviation: doseAbovePrescribed 120 mg of 100 mg
	// deviation: completedEarly 110 min of 120 min
	// alert: DOSE_OVER_PRESCRIBED high 120 mg of 100 mg
	// alert: BP_HIGH high 164/92 mmHg of 160/100 mmHg
}

// The refusal lists everything that stands in the way, so that a patient need not try again
// and again.
func ExampleSchedule() {
	_, err := treatment.Schedule(treatment.Scheduling{
		At:       time.Date(2026, time.November, 20, 19, 0, 0, 0, time.UTC),
		Phase:    treatment.PhaseInduction,
		OnHold:   true,
		Others:   []time.Time{time.Date(2026, time.November, 18, 20, 0, 0, 0, time.UTC)},
		Protocol: unguarded(),
	})
	if refusal, refused := errors.AsType[*treatment.Refusal](err); refused {
		fmt.Println(refusal.Code)
		for _, reason := range refusal.Reasons {
			fmt.Printf("%s: %s (%s of %s)\n", reason.Rule, reason.Detail, reason.Value, reason.Limit)
		}
	}
	// Output:
	// rule_violated
	// treatmentOnHold: the treatment is on hold ( of )
	// noActivePrescription: no prescription is active at that time ( of )
	// intervalShort: another session is too near (47 h 0 min of 72 h)
}

func ExampleAddMonthsClamped() {
	signed := time.Date(2025, time.August, 31, 10, 0, 0, 0, time.UTC)
	fmt.Println(treatment.AddMonthsClamped(signed, 6).Format(time.DateOnly))
	// Output: 2026-02-28
}

func ExampleJudgeVitals() {
	reading := treatment.Vitals{SystolicMmHg: new(136), DiastolicMmHg: new(100)}
	for _, raised := range treatment.JudgeVitals(reading, treatment.BeforeDose, treatment.Default(), treatment.Limits{}) {
		fmt.Println(raised.Rule, raised.Severity, raised.Value, "reaches", raised.Limit)
	}
	// Output: BP_PRE_HARD high 136/100 mmHg reaches 160/100 mmHg
}

// A dispense that is recorded late accounts for the dose that was taken of it.
func ExampleReckon() {
	noon := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	bottle := treatment.Lot{
		DispenseID: uuid.UUID{15: 1}, DispensedAt: noon, Form: treatment.FormTroche, StrengthMg: 50 * dose.Milligram,
		Step: dose.Unit / 2, BeyondUse: "2027-05-01", AmountMg: 600 * dose.Milligram,
	}
	supply := treatment.Supply{Doses: []treatment.TakenDose{{
		FactID: uuid.UUID{15: 2}, At: noon.Add(time.Hour), Day: "2026-11-20", DoseMg: 75 * dose.Milligram, Form: treatment.FormTroche,
	}}}
	before := treatment.Reckon(supply)
	supply.Lots = append(supply.Lots, bottle)
	after := treatment.Reckon(supply)

	unaccounted := uuid.Nil
	fmt.Println(treatment.Tally(before.Entries)[unaccounted].TakenMg, "mg of an unknown lot")
	left := treatment.Tally(after.Entries)[bottle.DispenseID].OnHandMg()
	fmt.Println(dose.UnitsOf(left, bottle.StrengthMg), "units are left")
	wrong, missing := after.Amend(before.Entries)
	fmt.Println(len(wrong), "line is reversed,", len(missing), "are added")
	// Output:
	// 75 mg of an unknown lot
	// 10.5 units are left
	// 1 line is reversed, 2 are added
}
