package api

// recordKind is what the outside knows of a table whose records have a history.
type recordKind struct {
	// word is its type on the wire: a singular noun.
	word string
	// shownBy is the operation that shows it, alone or in a list: who may call that one may know
	// that the record exists.
	shownBy string
}

// records are the tables that events are about. [store.Event] says of single records that they are not
// for their patient to see.
var records = map[string]recordKind{
	"clinics":             {"clinic", "showClinic"},
	"staff":               {"staff", "showStaff"},
	"patients":            {"patient", "showPatient"},
	"measurements":        {"measurement", "listMeasurements"},
	"support_people":      {"supportPerson", "showSupportPerson"},
	"medications":         {"medication", "showMedication"},
	"pdmp_checks":         {"pdmpCheck", "listPdmpChecks"},
	"visits":              {"visit", "showVisit"},
	"follow_ups":          {"followUp", "showFollowUp"},
	"consultations":       {"consultation", "showConsultation"},
	"protocols":           {"protocol", "showProtocol"},
	"consent_templates":   {"consentTemplate", "showConsentTemplate"},
	"consents":            {"consent", "showConsent"},
	"treatments":          {"treatment", "showTreatment"},
	"prescriptions":       {"prescription", "showPrescription"},
	"sessions":            {"session", "showSession"},
	"session_facts":       {"sessionFact", "showSession"},
	"assessments":         {"assessment", "showAssessment"},
	"instrument_licences": {"instrumentLicence", "showInstrument"},
	"clinic_instruments":  {"instrument", "showInstrument"},
	"adverse_events":      {"adverseEvent", "showAdverseEvent"},
	"adjustments":         {"adjustment", "showAdjustment"},
	"suggestions":         {"suggestion", "showSuggestion"},
	"dispenses":           {"dispense", "showDispense"},
	"supply_entries":      {"supplyEntry", "listSupplyEntries"},
	"supply_signals":      {"supplySignal", "listSupplySignals"},
	"alerts":              {"alert", "showAlert"},
	"alert_rule_sets":     {"alertRules", "listAlertRules"},
}

// recordType is how a table's records are called on the wire, or "" if they have no history.
func recordType(table string) string { return records[table].word }
