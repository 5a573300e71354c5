package api

import (
	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/dose"
)

// What the demo's prescribers prescribe, in the ranges that at-home programs publish: see
// treatment.PrescribingPolicy for the limits.

const mg = dose.Milligram

// tablets dissolve under the tongue, at most three times a week.
func tablets(taken, booster dose.Mg) oapi.PrescriptionInput {
	order := oapi.PrescriptionInput{
		Form: oapi.DosageFormRapidlyDissolvingTablet, Route: oapi.RouteSublingual, StrengthMg: 50 * mg, DoseMg: taken,
		MinIntervalHours: 48, SessionsPerWeek: 3, QuantityUnits: 24, Refills: 2,
		Directions: "Hold under the tongue for ten minutes, then spit out. A support person is present. No driving until the next day.",
	}
	if booster > 0 {
		order.BoosterMg = &booster
	}
	return order
}

// troches are a low dose, every day, in the cheek.
func troches(taken dose.Mg) oapi.PrescriptionInput {
	return oapi.PrescriptionInput{
		Form: oapi.DosageFormTroche, Route: oapi.RouteBuccal, StrengthMg: 30 * mg, DoseMg: taken,
		MinIntervalHours: 20, SessionsPerWeek: 7, QuantityUnits: 60, Refills: 1,
		Directions: "Let it dissolve in the cheek in the evening. Do not drive until the next morning.",
	}
}

// capsules are swallowed, at most twice a week.
func capsules(taken dose.Mg) oapi.PrescriptionInput {
	return oapi.PrescriptionInput{
		Form: oapi.DosageFormOralCapsule, Route: oapi.RouteOral, StrengthMg: 25 * mg, DoseMg: taken,
		MinIntervalHours: 48, SessionsPerWeek: 3, QuantityUnits: 32, Refills: 1,
		Directions: "Swallow with a little water. A support person is present. No driving until the next day.",
	}
}

// seldom spaces an order out: at most once in so many days.
func seldom(order oapi.PrescriptionInput, days int) oapi.PrescriptionInput {
	order.MinIntervalHours, order.SessionsPerWeek = 24*days-12, 1
	return order
}
