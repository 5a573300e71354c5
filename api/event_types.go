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
	"webhook_endpoints":   {"webhookEndpoint", "showWebhookEndpoint"},
}

// recordType is how a table's records are called on the wire, or "" if they have no history.
func recordType(table string) string { return records[table].word }

// eventTypes are all events that there are, with the table that each is about.
var eventTypes = map[string]string{
	"adjustment.applied":   "adjustments",
	"adjustment.approved":  "adjustments",
	"adjustment.drafted":   "adjustments",
	"adjustment.expired":   "adjustments",
	"adjustment.proposed":  "adjustments",
	"adjustment.rejected":  "adjustments",
	"adjustment.suggested": "suggestions",
	"adjustment.withdrawn": "adjustments",

	"adverseEvent.closed":         "adverse_events",
	"adverseEvent.enteredInError": "adverse_events",
	"adverseEvent.reopened":       "adverse_events",
	"adverseEvent.reported":       "adverse_events",
	"adverseEvent.triaged":        "adverse_events",
	"adverseEvent.updated":        "adverse_events",

	"alert.acknowledged": "alerts",
	"alert.assigned":     "alerts",
	"alert.escalated":    "alerts",
	"alert.kept":         "alerts",
	"alert.raised":       "alerts",
	"alert.raisedAgain":  "alerts",
	"alert.reassigned":   "alerts",
	"alert.reopened":     "alerts",
	"alert.resolved":     "alerts",
	"alert.settled":      "alerts",
	"alert.snoozed":      "alerts",

	"alertRules.published": "alert_rule_sets",

	"assessment.amended":        "assessments",
	"assessment.assigned":       "assessments",
	"assessment.cancelled":      "assessments",
	"assessment.enteredInError": "assessments",
	"assessment.expired":        "assessments",
	"assessment.overdue":        "assessments",
	"assessment.reviewed":       "assessments",
	"assessment.submitted":      "assessments",

	"clinic.created":  "clinics",
	"clinic.restored": "clinics",
	"clinic.updated":  "clinics",

	"consent.declined":   "consents",
	"consent.expired":    "consents",
	"consent.expiring":   "consents",
	"consent.presented":  "consents",
	"consent.signed":     "consents",
	"consent.superseded": "consents",
	"consent.withdrawn":  "consents",

	"consentTemplate.published": "consent_templates",
	"consentTemplate.retired":   "consent_templates",
	"consentTemplate.shipped":   "consent_templates",

	"consultation.conditionCleared": "consultations",
	"consultation.decided":          "consultations",
	"consultation.expired":          "consultations",
	"consultation.filledIn":         "consultations",
	"consultation.infoRequested":    "consultations",
	"consultation.opened":           "consultations",
	"consultation.reopened":         "consultations",
	"consultation.submitted":        "consultations",
	"consultation.used":             "consultations",
	"consultation.withdrawn":        "consultations",

	"dispense.enteredInError": "dispenses",
	"dispense.recorded":       "dispenses",
	"dispense.rejudged":       "dispenses",

	"followUp.cancelled":   "follow_ups",
	"followUp.done":        "follow_ups",
	"followUp.due":         "follow_ups",
	"followUp.missed":      "follow_ups",
	"followUp.moved":       "follow_ups",
	"followUp.overdue":     "follow_ups",
	"followUp.reopened":    "follow_ups",
	"followUp.rescheduled": "follow_ups",
	"followUp.scheduled":   "follow_ups",

	"instrument.published":       "clinic_instruments",
	"instrumentLicence.attested": "instrument_licences",

	"measurement.enteredInError": "measurements",
	"measurement.recorded":       "measurements",

	"medication.ended":          "medications",
	"medication.enteredInError": "medications",
	"medication.recorded":       "medications",

	"patient.careTeamSet":        "patients",
	"patient.contactUpdated":     "patients",
	"patient.invitationRedeemed": "patients",
	"patient.invited":            "patients",
	"patient.registered":         "patients",
	"patient.signedIn":           "patients",
	"patient.statusChanged":      "patients",
	"patient.updated":            "patients",

	"pdmpCheck.enteredInError": "pdmp_checks",
	"pdmpCheck.recorded":       "pdmp_checks",
	"pdmpCheck.stale":          "pdmp_checks",

	"prescription.cosigned":       "prescriptions",
	"prescription.discarded":      "prescriptions",
	"prescription.drafted":        "prescriptions",
	"prescription.ended":          "prescriptions",
	"prescription.enteredInError": "prescriptions",
	"prescription.expired":        "prescriptions",
	"prescription.expiring":       "prescriptions",
	"prescription.fillsCounted":   "prescriptions",
	"prescription.held":           "prescriptions",
	"prescription.locked":         "prescriptions",
	"prescription.resumed":        "prescriptions",
	"prescription.signed":         "prescriptions",
	"prescription.stopped":        "prescriptions",
	"prescription.superseded":     "prescriptions",
	"prescription.updated":        "prescriptions",
	"prescription.withdrawn":      "prescriptions",

	"protocol.approved": "protocols",
	"protocol.proposed": "protocols",
	"protocol.shipped":  "protocols",

	"session.aborted":              "session_facts",
	"session.attested":             "session_facts",
	"session.cancelled":            "sessions",
	"session.checkInOverdue":       "sessions",
	"session.checked":              "session_facts",
	"session.checkedIn":            "session_facts",
	"session.completed":            "session_facts",
	"session.doseRecorded":         "session_facts",
	"session.enteredInError":       "sessions",
	"session.escalated":            "session_facts",
	"session.factEnteredInError":   "session_facts",
	"session.holdOverridden":       "sessions",
	"session.logged":               "sessions",
	"session.missed":               "sessions",
	"session.observationRecorded":  "session_facts",
	"session.rejudged":             "sessions",
	"session.rescheduled":          "sessions",
	"session.reviewed":             "sessions",
	"session.scheduled":            "sessions",
	"session.supportPersonInvited": "sessions",
	"session.updated":              "sessions",
	"session.vitalsRecorded":       "session_facts",

	"staff.added":              "staff",
	"staff.deactivated":        "staff",
	"staff.invitationRedeemed": "staff",
	"staff.invited":            "staff",
	"staff.signedIn":           "staff",
	"staff.updated":            "staff",

	"supply.counted":        "supply_entries",
	"supply.dispensed":      "supply_entries",
	"supply.disposed":       "supply_entries",
	"supply.enteredInError": "supply_entries",
	"supply.lost":           "supply_entries",
	"supply.reversed":       "supply_entries",
	"supply.taken":          "supply_entries",

	"supplySignal.changed":   "supply_signals",
	"supplySignal.found":     "supply_signals",
	"supplySignal.settled":   "supply_signals",
	"supplySignal.withdrawn": "supply_signals",

	"supportPerson.added":   "support_people",
	"supportPerson.removed": "support_people",
	"supportPerson.updated": "support_people",

	"treatment.contactReview":            "treatments",
	"treatment.discontinued":             "treatments",
	"treatment.held":                     "treatments",
	"treatment.instructionsAcknowledged": "treatments",
	"treatment.instructionsSet":          "treatments",
	"treatment.phaseChanged":             "treatments",
	"treatment.reassigned":               "treatments",
	"treatment.responseReview":           "treatments",
	"treatment.resumed":                  "treatments",
	"treatment.started":                  "treatments",
	"treatment.supplyReview":             "treatments",
	"treatment.updated":                  "treatments",

	"visit.booked":     "visits",
	"visit.cancelled":  "visits",
	"visit.completed":  "visits",
	"visit.missed":     "visits",
	"visit.reassigned": "visits",
	"visit.updated":    "visits",

	"webhookEndpoint.added":              "webhook_endpoints",
	"webhookEndpoint.challenged":         "webhook_endpoints",
	"webhookEndpoint.deliveriesReplayed": "webhook_endpoints",
	"webhookEndpoint.deliveryRetried":    "webhook_endpoints",
	"webhookEndpoint.disabled":           "webhook_endpoints",
	"webhookEndpoint.proven":             "webhook_endpoints",
	"webhookEndpoint.removed":            "webhook_endpoints",
	"webhookEndpoint.secretRotated":      "webhook_endpoints",
	"webhookEndpoint.tested":             "webhook_endpoints",
	"webhookEndpoint.updated":            "webhook_endpoints",
}

// staffEvents are events about records that patients may read which are not for patients, with the reason.
// They are all without a version: who reads a record is told of every version of it, or the own copy
// would be out of date.
var staffEvents = map[string]string{
	"adjustment.expired":       "a patient sees an adjustment once it is applied, and this one never will be",
	"treatment.contactReview":  "says what staff look at by themselves; nothing in the treatment shows it",
	"treatment.responseReview": "says what staff look at by themselves; nothing in the treatment shows it",
	"treatment.supplyReview":   "says what staff look at by themselves; nothing in the treatment shows it",
}
