package apitest

import "testing"

// Steps of consultations.

func opened(t testing.TB, s *Scene) {
	s.keep("consultation", s.must(t, s.Clinic.Clinician, "openConsultation", nil))
}

// filledIn is an intake with nothing in it that forbids treatment: only about porphyria nobody
// knows.
func filledIn(t testing.TB, s *Scene) {
	conditions := []any{}
	for _, condition := range []string{
		"ketamineAllergy", "aneurysmOrAvm", "intracerebralHaemorrhage", "unstableCardiovascular", "hypertensiveEncephalopathy",
		"raisedIntracranialPressure", "raisedIntraocularPressure", "severeHepaticImpairment", "moderateHepaticImpairment", "cystitis",
		"untreatedHyperthyroidism", "phaeochromocytoma", "seizureDisorder", "severeRespiratoryDisease",
	} {
		conditions = append(conditions, map[string]any{"condition": condition, "answer": "no"})
	}
	s.fill(t, s.Patient, map[string]any{
		"history":     map[string]any{"conditions": append(conditions, map[string]any{"condition": "porphyria", "answer": "unknown"})},
		"medications": map[string]any{"takesAny": false}, "pregnancy": "notPregnant", "supportPerson": map[string]any{"available": "yes"},
		"screens": map[string]any{"psychosis": "never", "mania": "never", "substanceUse": "none", "opioidUseDisorder": "no"},
		"homeSafety": map[string]any{
			"emergencyAddressConfirmed": "yes", "videoAvailable": "yes", "safePlace": "yes", "childrenSupervised": "yes", "weaponsSecured": "yes",
		},
	})
	s.fill(t, s.Clinic.Clinician, map[string]any{"diagnoses": []any{"F33.1"}, "capacity": map[string]any{"hasCapacity": "yes"}})
}

func (s *Scene) fill(t testing.TB, who *Person, answers map[string]any) {
	s.keep("consultation", s.must(t, who, "fillIntake", answers))
}

func submitted(t testing.TB, s *Scene) {
	s.keep("consultation", s.must(t, s.Patient, "submitIntake", nil))
}

// examined is everything else that must be known before a patient can be found eligible.
func examined(t testing.TB, s *Scene) {
	s.assess(t, "phq-9", "gad-7", "c-ssrs-screener")
	pressure := s.fact("systolicMmHg", 118)
	pressure["diastolicMmHg"] = 76
	s.IDs["measurement"] = s.must(t, s.Patient, "recordMeasurement", pressure).Text("id")
	supported(t, s)
}

func foundEligible(t testing.TB, s *Scene) {
	s.decide(t, map[string]any{"outcome": "eligible", "acceptedFindings": porphyria})
}

// porphyria is what the prescriber makes of the one thing that nobody knows.
var porphyria = []any{map[string]any{"code": "porphyria", "note": "No history in the family."}}

func deferred(t testing.TB, s *Scene) {
	s.decide(t, map[string]any{"outcome": "deferred", "reasons": []any{"hypertension"}})
}

// conditional is an eligibility that waits for an eye doctor.
func conditional(t testing.TB, s *Scene) {
	s.decide(t, map[string]any{
		"outcome":          "eligibleWithConditions",
		"conditions":       []any{map[string]any{"code": "raisedIntraocularPressure", "ask": "A letter of the ophthalmologist."}},
		"acceptedFindings": porphyria,
	})
}

func (s *Scene) decide(t testing.TB, decision map[string]any) {
	s.keep("consultation", s.must(t, s.Clinic.Prescriber, "decideEligibility", decision))
}
