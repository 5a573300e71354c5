package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// wording is one set of words in the places where it stands.
type wording struct {
	schema  string   // in the contract; "" if clients never see it
	words   []string // in the code; nil if the code does not care
	checks  string   // names of constraints in the database, separated by spaces
	derived string   // words that follow from time and are never stored
}

var wordings = []wording{
	{"ProblemCode", words(problem.Codes()), "", ""},
	{"ActorKind", []string{store.ActorStaff, store.ActorPatient, store.ActorSupportPerson, store.ActorSystem}, "", ""},
	{"AuditOutcome", words(store.Outcomes), "journal_outcome", ""},
	{"MemberKind", []string{store.ActorStaff, store.ActorPatient}, "sign_ins_kind invitations_kind", ""},
	{"ConsultationStatus", words(treatment.ConsultationStatuses), "consultations_status", "expired"},
	{"EligibilityOutcome", words(treatment.EligibilityOutcomes), "", ""},
	{"EligibilityReason", words(treatment.EligibilityReasons), "", ""},
	{"IntakeCondition", words(treatment.HistoryConditions), "", ""},
	{"IntakeAnswer", words(treatment.Answers), "", ""},
	{"PsychosisHistory", words(treatment.PsychosisHistories), "", ""},
	{"ManiaHistory", words(treatment.ManiaHistories), "", ""},
	{"SubstanceUse", words(treatment.SubstanceUses), "", ""},
	{"PregnancyStatus", words(treatment.PregnancyStatuses), "session_facts_pregnancy", ""},
	{"PreviousTreatmentKind", words(treatment.PreviousTreatmentKinds), "", ""},
	{"PreviousTreatmentOutcome", words(treatment.PreviousTreatmentOutcomes), "", ""},
	{"FindingClass", words(treatment.FindingClasses), "", ""},
	{"FindingBasis", words(treatment.FindingBases), "", ""},
	{"GapPart", words(treatment.GapParts), "", ""},
	{"ReportedBy", words(treatment.Reporters), "measurements_reported_by medications_reported_by pdmp_checks_reported_by session_facts_reported_by assessments_reported_by adverse_events_reported_by dispenses_reported_by supply_entries_reported_by consents_signature_reported_by consents_ending_reported_by", ""},
	{"Mode", words(treatment.Modes), "measurements_mode medications_mode pdmp_checks_mode session_facts_mode assessments_mode adverse_events_mode dispenses_mode supply_entries_mode consents_signature_mode consents_ending_mode", ""},
	{"StaffRole", words(treatment.StaffRoles), "", ""},
	{"StaffStatus", words(treatment.StaffStatuses), "staff_status", ""},
	{"PatientStatus", words(treatment.PatientStatuses), "patients_status", ""},
	{"Gender", nil, "patients_gender", ""},
	{"CareRole", words([]treatment.StaffRole{treatment.RolePrescriber, treatment.RoleClinician}), "care_team_members_role", ""},
	{"BodyPosition", words(treatment.BodyPositions), "measurements_position session_facts_position", ""},
	{"ProtocolStatus", words(treatment.ProtocolStatuses), "protocols_status", ""},
	{"SupportPersonStatus", words(treatment.SupportPersonStatuses), "", ""},
	{"TimelineType", words(store.MomentTypes), "", ""},
	{"DrugClass", words(treatment.DrugClasses), "medications_drug_class", ""},
	{"InteractionSeverity", words(treatment.InteractionSeverities), "", ""},
	{"DeviceVerdict", words(treatment.DeviceVerdicts), "session_facts_device_verdict", ""},
	{"MedicationStatus", words(treatment.MedicationStatuses), "", ""},
	{"PdmpResult", words(treatment.PDMPResults), "pdmp_checks_result", ""},
	{"VisitKind", words(treatment.VisitKinds), "visits_kind", ""},
	{"VisitMode", words(treatment.VisitModes), "visits_mode", ""},
	{"VisitStatus", words(treatment.VisitStatuses), "visits_status", ""},
	{"Audience", words(treatment.Audiences), "follow_ups_audience", ""},
	{"FollowUpStatus", words(treatment.FollowUpStatuses), "follow_ups_status", "due overdue missed"},
	{"PeriodUnit", words(treatment.PeriodUnits), "", ""},
	{"Indication", words(treatment.Indications), "treatments_indication", ""},
	{"Phase", words(treatment.Phases), "treatments_phase", ""},
	{"HoldReason", words(treatment.HoldReasons), "treatment_holds_reason prescriptions_hold_reason prescription_holds_reason", ""},
	{"DiscontinueReason", words(treatment.DiscontinueReasons), "treatments_discontinue_reason", ""},
	{"ConsentKind", words(treatment.ConsentKinds), "consent_templates_kind consents_kind", ""},
	{"ConsentTemplateStatus", words(treatment.ConsentTemplateStatuses), "consent_templates_status", ""},
	{"ConsentStatus", words(treatment.ConsentStatuses), "consents_status", "expired"},
	{"DosageForm", words(treatment.DosageForms), "prescriptions_form dispenses_form", ""},
	{"Route", words(treatment.Routes), "prescriptions_route session_facts_route", ""},
	{"PrescriptionStatus", words(treatment.PrescriptionStatuses), "prescriptions_status", "expired"},
	{"AdjustmentSource", words(treatment.AdjustmentSources), "adjustments_source", ""},
	{"ProposalSource", words(treatment.ProposalSources), "", ""},
	{"SuggestionKind", words(treatment.SuggestionKinds), "suggestions_kind", ""},
	{"TitrationRule", words(treatment.TitrationRules), "suggestions_rule", ""},
	{"TitrationFact", words(treatment.TitrationFacts), "", ""},
	{"TitrationCheck", words(treatment.TitrationChecks), "", ""},
	{"CheckFinding", words(treatment.CheckFindings), "", ""},
	{"SuggestionInputType", words(treatment.SuggestionInputTypes), "", ""},
	{"AdjustmentStatus", words(treatment.AdjustmentStatuses), "adjustments_status", ""},
	{"EvidenceType", words(treatment.EvidenceTypes), "adjustment_records_record_type", ""},
	{"Dispensed", words(treatment.DispensedWords), "", ""},
	{"SupplyKind", words(treatment.SupplyKinds), "supply_entries_kind", ""},
	{"DisposalMethod", words(treatment.DisposalMethods), "supply_entries_method", ""},
	{"LossCause", words(treatment.LossCauses), "supply_entries_cause", ""},
	{"SignalRule", words(treatment.SignalRules), "supply_signals_rule", ""},
	{"SignalSourceType", words(treatment.SignalSourceTypes), "supply_signals_source_type", ""},
	{"RefillRule", words(treatment.RefillRules), "", ""},
	{"SessionStatus", words(treatment.SessionStatuses), "sessions_status", "missed"},
	{"GateRule", words(slices.Concat(treatment.StopRules, treatment.HoldRules)), "", ""},
	{"DeviationRule", words(slices.Concat(treatment.DeviationRules, treatment.FillRules)), "", ""},
	{"GateReasonKind", nil, "", ""},
	{"TicketHolder", nil, "", ""},
	{"SyncState", nil, "", ""},
	{"SyncReason", nil, "", ""},
	{"Swallowed", words(treatment.SwallowedAnswers), "session_facts_swallowed", ""},
	{"Substance", words(treatment.Substances), "", ""},
	{"RedFlag", words(treatment.RedFlags), "session_facts_red_flag", ""},
	{"AbortReason", words(treatment.AbortReasons), "session_facts_abort_reason", ""},
	{"Licence", words([]instruments.Terms{instruments.PublicDomain, instruments.Free, instruments.Restricted}), "", ""},
	{"Provenance", words([]instruments.Provenance{instruments.Published, instruments.Unverified}), "", ""},
	{"Rater", words([]instruments.Rater{instruments.RatedByPatient, instruments.RatedByClinician}), "", ""},
	{"ScoringMethod", words([]instruments.Method{instruments.Sum, instruments.Mean, instruments.Highest}), "", ""},
	{"ScoreDirection", nil, "", ""},
	{"ScoreFinding", words([]instruments.Finding{instruments.Yes, instruments.No, instruments.Unknown}), "", ""},
	{"ThresholdName", instruments.ThresholdNames, "", ""},
	{"InstrumentId", instrumentIDs(), "", ""},
	{"AssessmentStatus", words(treatment.AssessmentStatuses), "assessments_status", "expired"},
	{"SafetyStatus", words([]instruments.SafetyStatus{
		instruments.SafetyNegative, instruments.SafetyPositive, instruments.SafetyUnknown, instruments.SafetyNotApplicable,
	}), "assessments_safety", ""},
	{"AdverseTerm", words(treatment.AdverseTerms), "adverse_events_term", ""},
	{"ReportedSeverity", words(treatment.ReportedSeverities), "adverse_events_severity", ""},
	{"SeriousCriterion", words(treatment.SeriousCriteria), "adverse_events_serious_criterion", ""},
	{"Causality", words(treatment.Causalities), "adverse_events_causality", ""},
	{"EventOutcome", words(treatment.EventOutcomes), "adverse_events_outcome", ""},
	{"RegulatoryReport", words(treatment.RegulatoryReports), "adverse_events_regulatory_report", ""},
	{"AdverseEventStatus", words(treatment.AdverseEventStatuses), "adverse_events_status", ""},
	{"AlertRule", words(treatment.AlertRules), "alerts_rule", ""},
	{"WebhookStatus", words(store.WebhookStatuses), "webhook_endpoints_status", ""},
	{"WebhookDisabledReason", words(store.WebhookDisabledReasons), "webhook_endpoints_disabled_reason", ""},
	{"DeliveryStatus", words(store.DeliveryStatuses), "deliveries_status", ""},
	{"DeliveryFailure", words(store.DeliveryFailures), "deliveries_failure", ""},
	{"WorkReason", words(treatment.WorkReasons), "", ""},
	{"WorklistRecordType", workRecords(), "", ""},
	{"Severity", words(treatment.Severities), "alerts_severity alerts_found_severity", ""},
	{"AlertStatus", words(treatment.AlertStatuses), "alerts_status", ""},
	{"AlertOutcome", words(treatment.AlertOutcomes), "alerts_outcome", ""},
	{"AlertSourceType", store.AlertSources, "alerts_source_type", ""},
	{"EventType", slices.Collect(maps.Keys(api.EventTypes)), "", ""},
	{"RecordType", recordTypes(), "", ""},
	{"", words(treatment.DeadlineKinds), "deadlines_kind", ""},
	{"", words(store.EvidenceRoles), "adjustment_records_role", ""},
	{"", words(treatment.FactKinds), "session_facts_kind", ""},
	{"", []string{store.LinkAssessment, store.LinkAdjustment}, "visit_links_kind", ""},
	{"", []string{store.Licence, store.DEARegistration}, "staff_credentials_kind", ""},
	{"", restrictedIDs(), "instrument_licences_instrument", ""},
}

func words[T ~string](list []T) (texts []string) {
	for _, w := range list {
		texts = append(texts, string(w))
	}
	return texts
}

func instrumentIDs() (ids []string) {
	for _, i := range instruments.All() {
		ids = append(ids, i.ID)
	}
	return ids
}

// workRecords are the kinds of records that wait for somebody.
func workRecords() (kinds []string) {
	kinds = []string{"treatment"} // whose prescriber's licence ends
	for _, source := range store.WorkSources {
		if !slices.Contains(kinds, source.Record) {
			kinds = append(kinds, source.Record)
		}
	}
	return kinds
}

// restrictedIDs are those of the instruments that need a licence.
func restrictedIDs() (ids []string) {
	for _, i := range instruments.All() {
		if i.NeedsLicence() {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// TestWordsOfTheContract: the contract's enumerations are the code's, all of them, and nobody
// has added one without saying here where else it stands.
func TestWordsOfTheContract(t *testing.T) {
	listed := map[string]wording{}
	for _, w := range wordings {
		listed[w.schema] = w
	}
	for name, schema := range document(t).Components.Schemas {
		if len(schema.Value.Enum) == 0 {
			continue
		}
		w, ok := listed[name]
		delete(listed, name)
		switch got := texts(schema.Value.Enum); {
		case !ok:
			t.Errorf("the enumeration %s is new: say where else its words stand", name)
		case w.words != nil && !sameWords(got, w.words):
			t.Errorf("%s: the contract has %q, the code %q", name, got, w.words)
		}
	}
	delete(listed, "")
	if len(listed) > 0 {
		t.Errorf("not in the contract any more: %q", slices.Sorted(maps.Keys(listed)))
	}
}

func texts(list []any) (texts []string) {
	for _, v := range list {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

func sameWords(a, b []string) bool {
	sorted := func(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
	return slices.Equal(sorted(a), sorted(b))
}

// inList finds CHECK constraints that list words, as SQLite keeps them.
var inList = regexp.MustCompile(`CONSTRAINT (\w+) CHECK \(\w+ IN\s*\(([^)]*)\)\)`)

// quoted finds the words in a constraint. The empty one says that nothing is known.
var quoted = regexp.MustCompile(`'([A-Za-z0-9_-]*)'`)

// TestWordsOfTheDatabase: the same words may be stored, but those that follow from time.
func TestWordsOfTheDatabase(t *testing.T) {
	schemas := document(t).Components.Schemas
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		stored := constraints(t, s, db)
		for _, w := range wordings {
			want := w.words
			if want == nil {
				want = texts(schemas[w.schema].Value.Enum)
			}
			want = without(want, strings.Fields(w.derived))
			for _, check := range strings.Fields(w.checks) {
				if got, ok := stored[check]; !ok || !sameWords(got, want) {
					t.Errorf("%s: the database has %q, want %q", check, got, want)
				}
				delete(stored, check)
			}
		}
		for check, got := range stored {
			t.Errorf("%s lists %q: say where else these words stand", check, got)
		}
	})
}

// constraints reads the database's lists of words, by the constraint's name.
func constraints(t *testing.T, s *apitest.Site, db testbed.Database) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	keep := func(name, list string) {
		for _, word := range quoted.FindAllStringSubmatch(list, -1) {
			if word[1] != "" {
				found[name] = append(found[name], word[1])
			}
		}
	}
	if s.Config.DatabaseURL == "" {
		for _, table := range db.Column(t, `SELECT sql FROM sqlite_master WHERE type = 'table'`) {
			for _, match := range inList.FindAllStringSubmatch(table, -1) {
				keep(match[1], match[2])
			}
		}
		return found
	}
	for _, line := range db.Column(t, `SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
		WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND pg_get_constraintdef(oid) LIKE 'CHECK ((% = ANY (ARRAY[%])))'`) {
		name, list, _ := strings.Cut(line, " ")
		keep(name, list)
	}
	return found
}

// TestPolicyIsDescribed: the contract shows every member of the shipped protocol, and nothing
// that it does not have.
func TestPolicyIsDescribed(t *testing.T) {
	schema := document(t).Components.Schemas["ProtocolPolicy"]
	text, err := json.Marshal(treatment.Default())
	if err != nil {
		t.Fatal(err)
	}
	var policy any
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	if err := schema.Value.VisitJSON(policy); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(described(schema), shape(policy)); diff != "" {
		t.Errorf("members (-in the contract +in the protocol):\n%s", diff)
	}
}

// described is what a schema says an object always has: its members, by name.
func described(ref *openapi3.SchemaRef) any {
	s := ref.Value
	if len(s.Properties) == 0 {
		return nil
	}
	members := map[string]any{}
	for name, member := range s.Properties {
		members[name] = described(member)
		if !slices.Contains(s.Required, name) {
			members[name] = "optional"
		}
	}
	return members
}

// shape is what an object has.
func shape(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	members := map[string]any{}
	for name, member := range object {
		members[name] = shape(member)
	}
	return members
}

// TestProtocolIsTheShippedOne: what a clinic starts with, as its API shows it.
func TestProtocolIsTheShippedOne(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Protocols")
		page := s.Must(t, apitest.Call{Operation: "listProtocols", Token: c.Prescriber.Token})
		shown := page.Items()
		var want any
		text, _ := json.Marshal(treatment.Default())
		_ = json.Unmarshal(text, &want)
		if len(shown) != 1 {
			t.Fatalf("%d protocols", len(shown))
		}
		if diff := cmp.Diff(want, shown[0]["policy"]); diff != "" {
			t.Errorf("(-shipped +shown):\n%s", diff)
		}
	})
}
