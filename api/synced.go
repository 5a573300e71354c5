package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// synced is a kind of records that a client can keep a copy of.
type synced struct {
	table string
	// show answers what the operation that shows it, alone or in a list, answers about one record.
	show func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error)
}

// syncedKinds are in the order of the full state: what others refer to comes first.
var syncedKinds = []synced{
	{"patients", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowPatientResponseObject.VisitShowPatientResponse)(s.ShowPatient(ctx, oapi.ShowPatientRequestObject{PatientID: id}))
	}},
	{"support_people", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowSupportPersonResponseObject.VisitShowSupportPersonResponse)(s.ShowSupportPerson(ctx, oapi.ShowSupportPersonRequestObject{SupportPersonID: id}))
	}},
	{"consultations", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowConsultationResponseObject.VisitShowConsultationResponse)(s.ShowConsultation(ctx, oapi.ShowConsultationRequestObject{ConsultationID: id}))
	}},
	{"consents", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowConsentResponseObject.VisitShowConsentResponse)(s.ShowConsent(ctx, oapi.ShowConsentRequestObject{ConsentID: id}))
	}},
	{"treatments", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowTreatmentResponseObject.VisitShowTreatmentResponse)(s.ShowTreatment(ctx, oapi.ShowTreatmentRequestObject{TreatmentID: id}))
	}},
	{"prescriptions", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowPrescriptionResponseObject.VisitShowPrescriptionResponse)(s.ShowPrescription(ctx, oapi.ShowPrescriptionRequestObject{PrescriptionID: id}))
	}},
	{"dispenses", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowDispenseResponseObject.VisitShowDispenseResponse)(s.ShowDispense(ctx, oapi.ShowDispenseRequestObject{DispenseID: id}))
	}},
	{"supply_entries", itemOfList(func(_ context.Context, row *store.SupplyEntry) any { return supplyEntryOut(row).Body })},
	{"sessions", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowSessionResponseObject.VisitShowSessionResponse)(s.ShowSession(ctx, oapi.ShowSessionRequestObject{SessionID: id}))
	}},
	{"assessments", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowAssessmentResponseObject.VisitShowAssessmentResponse)(s.ShowAssessment(ctx, oapi.ShowAssessmentRequestObject{AssessmentID: id}))
	}},
	{"measurements", itemOfList(func(_ context.Context, row *store.Measurement) any { return measurementOut(row).Body })},
	{"medications", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowMedicationResponseObject.VisitShowMedicationResponse)(s.ShowMedication(ctx, oapi.ShowMedicationRequestObject{MedicationID: id}))
	}},
	{"adverse_events", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowAdverseEventResponseObject.VisitShowAdverseEventResponse)(s.ShowAdverseEvent(ctx, oapi.ShowAdverseEventRequestObject{AdverseEventID: id}))
	}},
	{"follow_ups", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowFollowUpResponseObject.VisitShowFollowUpResponse)(s.ShowFollowUp(ctx, oapi.ShowFollowUpRequestObject{FollowUpID: id}))
	}},
	{"visits", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowVisitResponseObject.VisitShowVisitResponse)(s.ShowVisit(ctx, oapi.ShowVisitRequestObject{VisitID: id}))
	}},
	{"adjustments", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowAdjustmentResponseObject.VisitShowAdjustmentResponse)(s.ShowAdjustment(ctx, oapi.ShowAdjustmentRequestObject{AdjustmentID: id}))
	}},
	{"suggestions", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowSuggestionResponseObject.VisitShowSuggestionResponse)(s.ShowSuggestion(ctx, oapi.ShowSuggestionRequestObject{SuggestionID: id}))
	}},
	{"alerts", func(s *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		return shown(oapi.ShowAlertResponseObject.VisitShowAlertResponse)(s.ShowAlert(ctx, oapi.ShowAlertRequestObject{AlertID: id}))
	}},
	{"supply_signals", itemOfList(func(_ context.Context, row *store.SupplySignal) any { return supplySignalOut(row) })},
	{"pdmp_checks", itemOfList(func(_ context.Context, row *store.PDMPCheck) any { return pdmpCheckOut(row).Body })},
}

// shown turns an operation's answer into the bytes that it sends.
func shown[R any](visit func(R, http.ResponseWriter) error) func(R, error) ([]byte, error) {
	return func(answer R, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		b := buffers.Get().(*buffer)
		defer b.release()
		err = visit(answer, b)
		return bytes.Clone(bytes.TrimSpace(b.body.Bytes())), err
	}
}

// itemOfList shows what no operation shows alone: as the item of its list.
func itemOfList[T any](out func(context.Context, *T) any) func(*Server, context.Context, uuid.UUID) ([]byte, error) {
	return func(_ *Server, ctx context.Context, id uuid.UUID) ([]byte, error) {
		row, err := store.Find[T](store.From(ctx), id)
		if err != nil {
			return nil, err
		}
		return mustJSON(out(ctx, row)), nil
	}
}

// syncedFor are the kinds that somebody may read.
func (s *Server) syncedFor(who *principal) []synced {
	return slices.DeleteFunc(slices.Clone(syncedKinds), func(k synced) bool {
		return !slices.ContainsFunc(s.operations[records[k.table].shownBy].Access, who.is)
	})
}

// recordRef is a record that a page tells of.
type recordRef struct {
	table string
	id    uuid.UUID
}

// touched are the records of a patient that look different after an event: its own, and those whose
// operation shows something of it.
func touched(tx *store.Tx, patient uuid.UUID, e *store.Entry, ev store.Event) (list []recordRef, err error) {
	add := func(table string) func([]uuid.UUID, error) {
		return func(ids []uuid.UUID, failed error) {
			for _, id := range ids {
				list = append(list, recordRef{table, id})
			}
			if err == nil {
				err = failed
			}
		}
	}
	switch ev.Record {
	case "consent_templates": // a consent to a text that was retired has expired
		add("consents")(tx.ConsentsOf(patient, ev.ID))
		return list, err
	case "clinics": // has the words that a patient reads beside an alarming answer
		add("assessments")(tx.AlarmedBy(patient, store.SourceAssessment))
		add("adverse_events")(tx.AlarmedBy(patient, store.SourceAdverseEvent))
		return list, err
	}
	if !slices.ContainsFunc(syncedKinds, func(k synced) bool { return k.table == ev.Record }) {
		return nil, nil
	}
	switch e.PatientOf(ev) {
	case patient:
	case uuid.Nil: // one of several patients', and only noted
		if own, err := tx.IsOf(patient, ev.Record, ev.ID); !own || err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	list = append(list, recordRef{ev.Record, ev.ID})
	switch {
	case ev.Version == 0: // something happened that changed no record
	case ev.Record == "patients": // where the patient is decides which day it is
		today, failed := todayOf(tx, patient)
		if failed != nil {
			return nil, failed
		}
		at, _ := time.Parse(time.DateOnly, string(today))
		add("medications")(tx.MedicationsEnding(patient, treatment.DateOf(at.AddDate(0, 0, -2)), treatment.DateOf(at.AddDate(0, 0, 2))))
	case ev.Event == "treatment.updated": // its protocol says when a session is missed
		add("sessions")(tx.SessionsOf(ev.ID))
	case ev.Record == "adjustments": // a suggestion shows who has named it
		add("suggestions")(tx.SuggestionOf(ev.ID))
	}
	return list, err
}

// shownByDeadline are the tables whose records look different when a deadline has passed.
var shownByDeadline = map[treatment.DeadlineKind]string{
	treatment.DeadlineMissed:          "sessions",
	treatment.DeadlineAnswersExpire:   "assessments",
	treatment.DeadlinePrescription:    "prescriptions",
	treatment.DeadlineConsent:         "consents",
	treatment.DeadlineEligibility:     "consultations",
	treatment.DeadlineProposal:        "adjustments",
	treatment.DeadlineFollowUp:        "follow_ups",
	treatment.DeadlineFollowUpOverdue: "follow_ups",
	treatment.DeadlineFollowUpMissed:  "follow_ups",
}

// aged are the records of a patient that look different because it is not so early any more.
func aged(tx *store.Tx, patient uuid.UUID, since time.Time) (list []recordRef, err error) {
	passed, err := tx.Passed(patient, since, tx.Now)
	if err != nil {
		return nil, err
	}
	for _, d := range passed {
		if table := shownByDeadline[d.Kind]; table != "" {
			list = append(list, recordRef{table, d.RecordID})
		}
	}
	lapsed, err := tx.ClearancesLapsed(patient, since, tx.Now)
	if err != nil {
		return nil, err
	}
	for _, id := range lapsed {
		list = append(list, recordRef{"sessions", id})
	}
	missed, err := missedSince(tx, patient, since)
	if err != nil {
		return nil, err
	}
	p, err := store.Find[store.Patient](tx, patient)
	if err != nil {
		return nil, err
	}
	here, err := zone(p.TimeZone)
	if err != nil {
		return nil, err
	}
	ended, err := tx.MedicationsEnding(patient, treatment.DateOf(since.In(here)), treatment.DateOf(tx.Now.In(here)))
	for _, id := range ended {
		list = append(list, recordRef{"medications", id})
	}
	return append(list, missed...), err
}

// missedSince are the sessions that the protocol, as the treatment follows it now, counts as missed since
// a time: their deadline may be that of the protocol before.
func missedSince(tx *store.Tx, patient uuid.UUID, since time.Time) (list []recordRef, err error) {
	waiting, err := tx.WaitingSessions(patient, tx.Now)
	if err != nil {
		return nil, err
	}
	courses := map[uuid.UUID]*courseOf{}
	for i := range waiting {
		row := &waiting[i]
		c := courses[row.TreatmentID]
		if c == nil {
			if c, err = loadCourse(tx, row.TreatmentID); err != nil {
				return nil, err
			}
			courses[row.TreatmentID] = c
		}
		if at := treatment.MissedAt(*row.PlannedAt, *c.policy); at.After(since) && !at.After(tx.Now) {
			list = append(list, recordRef{"sessions", row.ID})
		}
	}
	return list, nil
}
