package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

// lists are every list and search that a client can ask for, with each of its filters.
var lists = map[string]struct {
	index string // the beginning of its name; | for alternatives
	ask   func(tx *store.Tx, id uuid.UUID, p store.Page) error
}{
	"staff":             {"staff_by_name", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListStaff("", p)) }},
	"staff by status":   {"staff_by_status", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListStaff("active", p)) }},
	"patients":          {"patients_by_name", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListPatients("", p)) }},
	"patients, status":  {"patients_by_status", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListPatients("active", p)) }},
	"search family":     {"patients_by_name", search(store.PatientSearch{Family: "Lind"})},
	"search both names": {"patients_by_name", search(store.PatientSearch{Family: "Lind", Given: "Ma"})},
	"search birth date": {"patients_by_birth_date", search(store.PatientSearch{BirthDate: "1986-04-17"})},
	"search phone":      {"patients_by_phone", search(store.PatientSearch{Phone: "+15185550142"})},
	"search e-mail":     {"patients_by_email", search(store.PatientSearch{Email: "maya@example.org"})},
	"search number":     {"patients_record_number|sqlite_autoindex_patients", search(store.PatientSearch{RecordNumber: "R-1"})},
	"measurements":      {"measurements_by_patient", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListMeasurements(id, p)) }},
	"support people":    {"support_people_by_patient", supportPeople("")},
	"support, active":   {"support_people_by_patient", supportPeople(rules.SupportPersonActive)},
	"support, removed":  {"support_people_by_patient", supportPeople(rules.SupportPersonRemoved)},
	"medications":       {"medications_by_patient", medications("")},
	"current":           {"medications_by_patient", medications(rules.MedicationCurrent)},
	"ended":             {"medications_by_patient", medications(rules.MedicationEnded)},
	"struck out":        {"medications_by_patient", medications(rules.MedicationEnteredInError)},
	"PDMP checks":       {"pdmp_checks_by_patient", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListPDMPChecks(id, p)) }},
	"consultations":     {"consultations_", consultations("")},
	"withdrawn":         {"consultations_", consultations(rules.ConsultationWithdrawn)},
	"drafts of intakes": {"consultations_", consultations(rules.ConsultationDraft)},
	"eligible":          {"consultations_", consultations(rules.ConsultationEligible)},
	"eligible no more":  {"consultations_", consultations(rules.ConsultationExpired)},
	"visits":            {"visits_by_patient", visits("")},
	"visits, booked":    {"visits_by_status", visits(rules.VisitBooked)},
	"follow-ups":        {"follow_ups_by_patient", followUps(store.FollowUpFilter{})},
	"follow-ups, to do": {"follow_ups_", followUps(store.FollowUpFilter{Status: rules.FollowUpOverdue, Audience: rules.AudiencePatient})},
	"follow-ups, done":  {"follow_ups_by_status", followUps(store.FollowUpFilter{Status: rules.FollowUpDone})},
	"protocols":         {"protocols_by_age", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListProtocols("", p)) }},
	"protocols, status": {"protocols_by_status", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListProtocols("proposed", p)) }},
	"consent texts":     {"consent_templates_by_age", consentTexts(store.ConsentTemplateFilter{})},
	"texts, kind":       {"consent_templates_", consentTexts(store.ConsentTemplateFilter{Kind: rules.ConsentNoDriving})},
	"texts, status":     {"consent_templates_by_status", consentTexts(store.ConsentTemplateFilter{Status: rules.ConsentTemplateRetired})},
	"texts, both": {"consent_templates_", consentTexts(store.ConsentTemplateFilter{
		Kind: rules.ConsentNoDriving, Status: rules.ConsentTemplatePublished,
	})},
	"consents":           {"consents_by_patient", consents("")},
	"consents, declined": {"consents_by_status", consents(rules.ConsentDeclined)},
	"consents, open":     {"consents_by_", consents(rules.ConsentPresented)},
	"consents, signed":   {"consents_", consents(rules.ConsentSigned)},
	"consents, expired":  {"consents_", consents(rules.ConsentExpired)},
	"treatments":         {"treatments_by_patient", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListTreatments(id, p)) }},
	"prescriptions":      {"prescriptions_by_treatment", prescriptions("")},
	"drafts":             {"prescriptions_by_status", prescriptions(rules.PrescriptionDraft)},
	"active":             {"prescriptions_by_status|prescriptions_active", prescriptions(rules.PrescriptionActive)},
	"expired":            {"prescriptions_by_status|prescriptions_active", prescriptions(rules.PrescriptionExpired)},
	"sessions":           {"sessions_by_treatment", sessions("")},
	"scheduled":          {"sessions_by_", sessions(rules.SessionScheduled)},
	"cleared":            {"sessions_by_status", sessions(rules.SessionCleared)},
	"completed":          {"sessions_by_status", sessions(rules.SessionCompleted)},
	"missed":             {"sessions_by_", sessions(rules.SessionMissed)},
	"assessments":        {"assessments_", assessments(store.AssessmentFilter{})},
	"assessments, due":   {"assessments_", assessments(store.AssessmentFilter{Status: rules.AssessmentAssigned})},
	"assessments, one":   {"assessments_", assessments(store.AssessmentFilter{Instrument: "phq-9"})},
	"assessments, both":  {"assessments_", assessments(store.AssessmentFilter{Status: rules.AssessmentSubmitted, Instrument: "phq-9"})},
	"alerts":             {"alerts_", alerts(store.AlertFilter{})},
	"alerts, status":     {"alerts_", alerts(store.AlertFilter{Status: rules.AlertOpen})},
	"alerts, severity":   {"alerts_", alerts(store.AlertFilter{Severity: rules.SeverityHigh})},
	"alerts, both":       {"alerts_", alerts(store.AlertFilter{Status: rules.AlertOpen, Severity: rules.SeverityHigh})},
	"alerts, patient":    {"alerts_", alerts(store.AlertFilter{Patient: uuid.MustParse("01980000-0000-7000-8000-0000000000d1")})},
	"findings":           {"alerts_by_raised", findings},
	"alert rules":        {"alert_rule_sets_by_age", func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListAlertRules(p)) }},
	"events":             {"adverse_events_", events(store.AdverseEventFilter{})},
	"events, status":     {"adverse_events_by_status", events(store.AdverseEventFilter{Status: rules.AdverseEventReported})},
	"events, own":        {"adverse_events_", events(store.AdverseEventFilter{RecordedBy: "patient:1"})},
	"events, both":       {"adverse_events_by_status", events(store.AdverseEventFilter{Status: rules.AdverseEventClosed, RecordedBy: "patient:1"})},
	"adjustments":        {"adjustments_by_treatment", adjustments(store.AdjustmentFilter{})},
	"proposed":           {"adjustments_", adjustments(store.AdjustmentFilter{Status: rules.AdjustmentProposed})},
	"expired proposals":  {"adjustments_", adjustments(store.AdjustmentFilter{Status: rules.AdjustmentExpired})},
	"applied":            {"adjustments_by_status", adjustments(store.AdjustmentFilter{Applied: true})},
	"suggestions":        {"suggestions_by_treatment", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListSuggestions(id, p)) }},
	"dispenses":          {"dispenses_by_prescription", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListDispenses(id, p)) }},
	"audit":              {"journal_seq|sqlite_autoindex_journal", entries(store.EntryFilter{})},
	"audit, after":       {"journal_seq|sqlite_autoindex_journal", entries(store.EntryFilter{After: 1})},
	"audit, actor":       {"journal_actor", entries(store.EntryFilter{Actor: store.Actor{Kind: store.ActorStaff, ID: uuid.New()}})},
	"audit, operation":   {"journal_operation", entries(store.EntryFilter{Operation: "showSession"})},
	"audit, staff":       {"journal_seq|sqlite_autoindex_journal", entries(store.EntryFilter{Actor: store.Actor{Kind: store.ActorStaff}})},
	"audit, patients":    {"journal_by_patient", entries(store.EntryFilter{Actor: store.Actor{Kind: store.ActorPatient}})},
	"audit, support":     {"journal_by_support_person", entries(store.EntryFilter{Actor: store.Actor{Kind: store.ActorSupportPerson}})},
	"audit, request":     {"journal_request", entries(store.EntryFilter{RequestID: "request-1"})},
	"audit, denied":      {"journal_rare", entries(store.EntryFilter{Outcome: store.OutcomeDenied})},
	"audit, past":        {"journal_at", entries(store.EntryFilter{From: noon.Add(-24 * time.Hour), Until: noon})},
	"audit, patient":     {"journal_patient|journal_disclosed", entries(store.EntryFilter{Patient: uuid.New()})},
	"audit, record": {"journal_patient|journal_disclosed", func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListEntries(store.EntryFilter{RecordID: id}, p))
	}},
	"disclosures": {"journal_disclosed", disclosures},
	"supply":      {"supply_entries_by_patient", func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListSupplyEntries(id, p)) }},
}

func second[T any](_ []T, _ *store.Key, err error) error { return err }

func search(s store.PatientSearch) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.SearchPatients(s, p)) }
}

func supportPeople(s rules.SupportPersonStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListSupportPeople(id, s, p))
	}
}

func medications(s rules.MedicationStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListMedications(id, s, rules.DateOf(noon), p))
	}
}

func consultations(s rules.ConsultationStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListConsultations(id, s, p))
	}
}

func visits(s rules.VisitStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListVisits(id, s, p)) }
}

func followUps(f store.FollowUpFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListFollowUps(id, f, p)) }
}

func prescriptions(s rules.PrescriptionStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListPrescriptions(id, store.PrescriptionFilter{Status: s}, p))
	}
}

func consentTexts(f store.ConsentTemplateFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListConsentTemplates(f, p)) }
}

func consents(s rules.ConsentStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error { return second(tx.ListConsents(id, s, p)) }
}
func adjustments(f store.AdjustmentFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListAdjustments(id, f, p))
	}
}
func sessions(s rules.SessionStatus) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListSessions(id, s, noon.Add(-24*time.Hour), p))
	}
}

func assessments(f store.AssessmentFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListAssessments(id, f, p))
	}
}

func events(f store.AdverseEventFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, id uuid.UUID, p store.Page) error {
		return second(tx.ListAdverseEvents(id, f, p))
	}
}

func findings(tx *store.Tx, _ uuid.UUID, p store.Page) error {
	return second(tx.Findings(noon.Add(-24*time.Hour), noon, p))
}

func entries(f store.EntryFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListEntries(f, p)) }
}

func disclosures(tx *store.Tx, id uuid.UUID, p store.Page) error {
	return second(tx.ListDisclosures(id, noon.Add(-24*time.Hour), noon, p))
}

func alerts(f store.AlertFilter) func(*store.Tx, uuid.UUID, store.Page) error {
	return func(tx *store.Tx, _ uuid.UUID, p store.Page) error { return second(tx.ListAlerts(f, p)) }
}

// TestListsUseAnIndex: every list and every search reads its own index and scans no table,
// neither on its first page nor on a later one.
func TestListsUseAnIndex(t *testing.T) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		for name, list := range lists {
			for _, p := range []store.Page{{Limit: 50}, {Limit: 50, After: &store.Key{Time: noon, Text: "lindqvist maya", Number: 4, ID: patient}}} {
				err := db.View(t.Context(), s, func(tx *store.Tx) error {
					plans := tx.Plans(t)
					if err := list.ask(tx, patient, p); err != nil {
						return err
					}
					if len(*plans) == 0 {
						t.Errorf("%s: no query was seen", name)
					}
					if first := (*plans)[0]; !uses(first, list.index) {
						t.Errorf("%s (behind a cursor: %t) does not use the index %s:\n%s", name, p.After != nil, list.index, first)
					}
					for _, plan := range *plans {
						if scans(plan) {
							t.Errorf("%s (behind a cursor: %t) scans a table:\n%s", name, p.After != nil, plan)
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// uses reports whether SQLite's plan uses one of the indexes. PostgreSQL chooses between two
// that fit by statistics, which a test's few rows do not have.
func uses(plan, index string) bool {
	sqlite := strings.HasPrefix(plan, "SEARCH")
	return !sqlite || slices.ContainsFunc(strings.Split(index, "|"), func(name string) bool {
		return strings.Contains(plan, "INDEX "+name)
	})
}

// scans reports whether a plan of either database reads a whole table.
func scans(plan string) bool {
	for line := range strings.Lines(plan) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "Seq Scan") || strings.HasPrefix(line, "SCAN ") {
			return true
		}
	}
	return false
}
