package api

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// The history of each record: its table, and the operation that shows it.

// ShowClinicHistory shows who changed the clinic, when and why.
func (s *Server) ShowClinicHistory(ctx context.Context, req oapi.ShowClinicHistoryRequestObject) (oapi.ShowClinicHistoryResponseObject, error) {
	out, err := s.history(ctx, "clinics", callOf(ctx).who.clinic, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowClinic(ctx, oapi.ShowClinicRequestObject{})
	})
	return oapi.ShowClinicHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowStaffHistory shows who changed a member of staff, when and why.
func (s *Server) ShowStaffHistory(ctx context.Context, req oapi.ShowStaffHistoryRequestObject) (oapi.ShowStaffHistoryResponseObject, error) {
	out, err := s.history(ctx, "staff", req.StaffID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowStaff(ctx, oapi.ShowStaffRequestObject{StaffID: req.StaffID})
	})
	return oapi.ShowStaffHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowPatientHistory shows who changed a patient, when and why.
func (s *Server) ShowPatientHistory(ctx context.Context, req oapi.ShowPatientHistoryRequestObject) (oapi.ShowPatientHistoryResponseObject, error) {
	out, err := s.history(ctx, "patients", req.PatientID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowPatient(ctx, oapi.ShowPatientRequestObject{PatientID: req.PatientID})
	})
	return oapi.ShowPatientHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSupportPersonHistory shows who changed a support person, when and why.
func (s *Server) ShowSupportPersonHistory(ctx context.Context, req oapi.ShowSupportPersonHistoryRequestObject) (oapi.ShowSupportPersonHistoryResponseObject, error) {
	out, err := s.history(ctx, "support_people", req.SupportPersonID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowSupportPerson(ctx, oapi.ShowSupportPersonRequestObject{SupportPersonID: req.SupportPersonID})
	})
	return oapi.ShowSupportPersonHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowMedicationHistory shows who changed a medication, when and why.
func (s *Server) ShowMedicationHistory(ctx context.Context, req oapi.ShowMedicationHistoryRequestObject) (oapi.ShowMedicationHistoryResponseObject, error) {
	out, err := s.history(ctx, "medications", req.MedicationID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowMedication(ctx, oapi.ShowMedicationRequestObject{MedicationID: req.MedicationID})
	})
	return oapi.ShowMedicationHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowVisitHistory shows who changed a visit, when and why.
func (s *Server) ShowVisitHistory(ctx context.Context, req oapi.ShowVisitHistoryRequestObject) (oapi.ShowVisitHistoryResponseObject, error) {
	out, err := s.history(ctx, "visits", req.VisitID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowVisit(ctx, oapi.ShowVisitRequestObject{VisitID: req.VisitID})
	})
	return oapi.ShowVisitHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowFollowUpHistory shows who changed a follow up, when and why.
func (s *Server) ShowFollowUpHistory(ctx context.Context, req oapi.ShowFollowUpHistoryRequestObject) (oapi.ShowFollowUpHistoryResponseObject, error) {
	out, err := s.history(ctx, "follow_ups", req.FollowUpID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowFollowUp(ctx, oapi.ShowFollowUpRequestObject{FollowUpID: req.FollowUpID})
	})
	return oapi.ShowFollowUpHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowConsultationHistory shows who changed a consultation, when and why.
func (s *Server) ShowConsultationHistory(ctx context.Context, req oapi.ShowConsultationHistoryRequestObject) (oapi.ShowConsultationHistoryResponseObject, error) {
	out, err := s.history(ctx, "consultations", req.ConsultationID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowConsultation(ctx, oapi.ShowConsultationRequestObject{ConsultationID: req.ConsultationID})
	})
	return oapi.ShowConsultationHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowProtocolHistory shows who changed a protocol, when and why.
func (s *Server) ShowProtocolHistory(ctx context.Context, req oapi.ShowProtocolHistoryRequestObject) (oapi.ShowProtocolHistoryResponseObject, error) {
	out, err := s.history(ctx, "protocols", req.ProtocolID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowProtocol(ctx, oapi.ShowProtocolRequestObject{ProtocolID: req.ProtocolID})
	})
	return oapi.ShowProtocolHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowConsentTemplateHistory shows who changed a consent template, when and why.
func (s *Server) ShowConsentTemplateHistory(ctx context.Context, req oapi.ShowConsentTemplateHistoryRequestObject) (oapi.ShowConsentTemplateHistoryResponseObject, error) {
	out, err := s.history(ctx, "consent_templates", req.ConsentTemplateID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowConsentTemplate(ctx, oapi.ShowConsentTemplateRequestObject{ConsentTemplateID: req.ConsentTemplateID})
	})
	return oapi.ShowConsentTemplateHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowConsentHistory shows who changed a consent, when and why.
func (s *Server) ShowConsentHistory(ctx context.Context, req oapi.ShowConsentHistoryRequestObject) (oapi.ShowConsentHistoryResponseObject, error) {
	out, err := s.history(ctx, "consents", req.ConsentID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowConsent(ctx, oapi.ShowConsentRequestObject{ConsentID: req.ConsentID})
	})
	return oapi.ShowConsentHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowTreatmentHistory shows who changed a treatment, when and why.
func (s *Server) ShowTreatmentHistory(ctx context.Context, req oapi.ShowTreatmentHistoryRequestObject) (oapi.ShowTreatmentHistoryResponseObject, error) {
	out, err := s.history(ctx, "treatments", req.TreatmentID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowTreatment(ctx, oapi.ShowTreatmentRequestObject{TreatmentID: req.TreatmentID})
	})
	return oapi.ShowTreatmentHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowPrescriptionHistory shows who changed a prescription, when and why.
func (s *Server) ShowPrescriptionHistory(ctx context.Context, req oapi.ShowPrescriptionHistoryRequestObject) (oapi.ShowPrescriptionHistoryResponseObject, error) {
	out, err := s.history(ctx, "prescriptions", req.PrescriptionID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowPrescription(ctx, oapi.ShowPrescriptionRequestObject{PrescriptionID: req.PrescriptionID})
	})
	return oapi.ShowPrescriptionHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowAdjustmentHistory shows who changed an adjustment, when and why.
func (s *Server) ShowAdjustmentHistory(ctx context.Context, req oapi.ShowAdjustmentHistoryRequestObject) (oapi.ShowAdjustmentHistoryResponseObject, error) {
	out, err := s.history(ctx, "adjustments", req.AdjustmentID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowAdjustment(ctx, oapi.ShowAdjustmentRequestObject{AdjustmentID: req.AdjustmentID})
	})
	return oapi.ShowAdjustmentHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSuggestionHistory shows who changed a suggestion, when and why.
func (s *Server) ShowSuggestionHistory(ctx context.Context, req oapi.ShowSuggestionHistoryRequestObject) (oapi.ShowSuggestionHistoryResponseObject, error) {
	out, err := s.history(ctx, "suggestions", req.SuggestionID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowSuggestion(ctx, oapi.ShowSuggestionRequestObject{SuggestionID: req.SuggestionID})
	})
	return oapi.ShowSuggestionHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowDispenseHistory shows who changed a dispense, when and why.
func (s *Server) ShowDispenseHistory(ctx context.Context, req oapi.ShowDispenseHistoryRequestObject) (oapi.ShowDispenseHistoryResponseObject, error) {
	out, err := s.history(ctx, "dispenses", req.DispenseID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowDispense(ctx, oapi.ShowDispenseRequestObject{DispenseID: req.DispenseID})
	})
	return oapi.ShowDispenseHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSessionHistory shows who changed a session, when and why.
func (s *Server) ShowSessionHistory(ctx context.Context, req oapi.ShowSessionHistoryRequestObject) (oapi.ShowSessionHistoryResponseObject, error) {
	out, err := s.history(ctx, "sessions", req.SessionID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowSession(ctx, oapi.ShowSessionRequestObject{SessionID: req.SessionID})
	})
	return oapi.ShowSessionHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowAssessmentHistory shows who changed an assessment, when and why.
func (s *Server) ShowAssessmentHistory(ctx context.Context, req oapi.ShowAssessmentHistoryRequestObject) (oapi.ShowAssessmentHistoryResponseObject, error) {
	out, err := s.history(ctx, "assessments", req.AssessmentID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowAssessment(ctx, oapi.ShowAssessmentRequestObject{AssessmentID: req.AssessmentID})
	})
	return oapi.ShowAssessmentHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowAdverseEventHistory shows who changed an adverse event, when and why.
func (s *Server) ShowAdverseEventHistory(ctx context.Context, req oapi.ShowAdverseEventHistoryRequestObject) (oapi.ShowAdverseEventHistoryResponseObject, error) {
	out, err := s.history(ctx, "adverse_events", req.AdverseEventID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowAdverseEvent(ctx, oapi.ShowAdverseEventRequestObject{AdverseEventID: req.AdverseEventID})
	})
	return oapi.ShowAdverseEventHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowAlertHistory shows who changed an alert, when and why.
func (s *Server) ShowAlertHistory(ctx context.Context, req oapi.ShowAlertHistoryRequestObject) (oapi.ShowAlertHistoryResponseObject, error) {
	out, err := s.history(ctx, "alerts", req.AlertID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowAlert(ctx, oapi.ShowAlertRequestObject{AlertID: req.AlertID})
	})
	return oapi.ShowAlertHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowMeasurementHistory shows who changed a measurement, when and why.
func (s *Server) ShowMeasurementHistory(ctx context.Context, req oapi.ShowMeasurementHistoryRequestObject) (oapi.ShowMeasurementHistoryResponseObject, error) {
	out, err := s.history(ctx, "measurements", req.MeasurementID, req.Params.Limit, req.Params.Cursor, found(req.MeasurementID, measurementOut))
	return oapi.ShowMeasurementHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowPdmpCheckHistory shows who changed a check, when and why.
func (s *Server) ShowPdmpCheckHistory(ctx context.Context, req oapi.ShowPdmpCheckHistoryRequestObject) (oapi.ShowPdmpCheckHistoryResponseObject, error) {
	out, err := s.history(ctx, "pdmp_checks", req.PdmpCheckID, req.Params.Limit, req.Params.Cursor, found(req.PdmpCheckID, pdmpCheckOut))
	return oapi.ShowPdmpCheckHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSupplyEntryHistory shows who changed a line of a ledger, when and why.
func (s *Server) ShowSupplyEntryHistory(ctx context.Context, req oapi.ShowSupplyEntryHistoryRequestObject) (oapi.ShowSupplyEntryHistoryResponseObject, error) {
	out, err := s.history(ctx, "supply_entries", req.SupplyEntryID, req.Params.Limit, req.Params.Cursor, found(req.SupplyEntryID, supplyEntryOut))
	return oapi.ShowSupplyEntryHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSupplySignalHistory shows what has become of a signal, and when.
func (s *Server) ShowSupplySignalHistory(ctx context.Context, req oapi.ShowSupplySignalHistoryRequestObject) (oapi.ShowSupplySignalHistoryResponseObject, error) {
	out, err := s.history(ctx, "supply_signals", req.SupplySignalID, req.Params.Limit, req.Params.Cursor, found(req.SupplySignalID, func(row *store.SupplySignal) part {
		return part{supplySignalOut(row)}
	}))
	return oapi.ShowSupplySignalHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowSessionFactHistory shows who changed a fact of a session, when and why.
func (s *Server) ShowSessionFactHistory(ctx context.Context, req oapi.ShowSessionFactHistoryRequestObject) (oapi.ShowSessionFactHistoryResponseObject, error) {
	out, err := s.history(ctx, "session_facts", req.FactID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.shownFact(ctx, req.SessionID, req.FactID)
	})
	return oapi.ShowSessionFactHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowInstrumentHistory shows who published an instrument, or attested its licence, and when. Who it was is for staff.
func (s *Server) ShowInstrumentHistory(ctx context.Context, req oapi.ShowInstrumentHistoryRequestObject) (oapi.ShowInstrumentHistoryResponseObject, error) {
	i, own, err := instrumentOf(store.From(ctx), req.InstrumentID, "")
	if err != nil {
		return nil, err
	}
	table, first := "clinic_instruments", any(nil)
	if own == nil {
		table = "instrument_licences"
		if first, err = asJSON(instrumentOut(i)); err != nil {
			return nil, err
		}
	}
	out, err := s.series(ctx, table, i.ID, req.Params.Limit, req.Params.Cursor, first, func(ctx context.Context) (any, error) {
		return s.ShowInstrument(ctx, oapi.ShowInstrumentRequestObject{InstrumentID: i.ID})
	})
	for n := range out.Body.Items {
		if !callOf(ctx).who.staff() {
			out.Body.Items[n].Actor.ID = nil
		}
	}
	return oapi.ShowInstrumentHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowAlertRulesHistory shows who published which version of the clinic's alert rules, when and why.
func (s *Server) ShowAlertRulesHistory(ctx context.Context, req oapi.ShowAlertRulesHistoryRequestObject) (oapi.ShowAlertRulesHistoryResponseObject, error) {
	out, err := s.series(ctx, "alert_rule_sets", "", req.Params.Limit, req.Params.Cursor, nil, func(ctx context.Context) (any, error) {
		set, err := store.From(ctx).AlertRules()
		if err != nil || set == nil {
			return nil, cmp.Or(err, store.ErrNotFound)
		}
		return alertRuleSetOut(set)
	})
	return oapi.ShowAlertRulesHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// ShowWebhookEndpointHistory shows who changed an endpoint, when and why.
func (s *Server) ShowWebhookEndpointHistory(ctx context.Context, req oapi.ShowWebhookEndpointHistoryRequestObject) (oapi.ShowWebhookEndpointHistoryResponseObject, error) {
	out, err := s.history(ctx, "webhook_endpoints", req.WebhookEndpointID, req.Params.Limit, req.Params.Cursor, func(ctx context.Context) (any, error) {
		return s.ShowWebhookEndpoint(ctx, oapi.ShowWebhookEndpointRequestObject{WebhookEndpointID: req.WebhookEndpointID})
	})
	return oapi.ShowWebhookEndpointHistory200JSONResponse{HistoryJSONResponse: out}, err
}

// part is what an answer shows of one record.
type part struct{ Body any }

// found shows a record as an item of its list.
func found[T, Out any](id uuid.UUID, out func(*T) Out) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		row, err := store.Find[T](store.From(ctx), id)
		if err != nil {
			return nil, err
		}
		return out(row), nil
	}
}

// shownFact is a fact as its session shows it, or ErrNotFound if the session does not.
func (s *Server) shownFact(ctx context.Context, session, fact uuid.UUID) (any, error) {
	out, err := s.showSession(ctx, session)
	if err != nil {
		return nil, err
	}
	shown, err := asJSON(out.Body)
	if err != nil {
		return nil, err
	}
	for _, list := range shown {
		items, _ := list.([]any)
		for _, item := range items {
			if f, ok := item.(map[string]any); ok && f["id"] == fact.String() {
				return part{f}, nil
			}
		}
	}
	return nil, store.ErrNotFound
}
