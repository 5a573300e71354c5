package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListMedications lists a patient's medications, the last reported first.
func (s *Server) ListMedications(ctx context.Context, req oapi.ListMedicationsRequestObject) (oapi.ListMedicationsResponseObject, error) {
	tx, status := store.From(ctx), treatment.MedicationStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	today, err := todayOf(tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	rows, key, err := tx.ListMedications(req.PatientID, status, today, page)
	if err != nil {
		return nil, err
	}
	out := oapi.MedicationPage{Items: []oapi.Medication{}}
	for i := range rows {
		out.Items = append(out.Items, medicationOut(&rows[i], today, callOf(ctx).who.staff()).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListMedications200JSONResponse{MedicationPageJSONResponse: oapi.MedicationPageJSONResponse{Body: out}}, nil
}

// RecordMedication keeps what the patient takes or took.
func (s *Server) RecordMedication(ctx context.Context, req oapi.RecordMedicationRequestObject) (oapi.RecordMedicationResponseObject, error) {
	tx := store.From(ctx)
	if !callOf(ctx).repeated {
		if err := s.addMedication(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	out, err := showMedication(ctx, tx, req.Body.ID)
	return oapi.RecordMedication200JSONResponse{MedicationJSONResponse: out}, err
}

func (s *Server) addMedication(ctx context.Context, tx *store.Tx, req oapi.RecordMedicationRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	m := &store.Medication{Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Told: said, Medication: treatment.Medication{
		Name: b.Name, DrugClass: treatment.DrugClass(orZero(b.DrugClass)), RxNormCode: orZero(b.RxNormCode), Dosage: orZero(b.Dosage),
		StartedOn: dayIn(b.StartedOn), EndedOn: dayIn(b.EndedOn),
	}}
	if err := m.Validate(); err != nil {
		return err
	}
	if err := tx.Create("medication.recorded", m); err != nil {
		return err
	}
	return s.judgeMedication(ctx, tx, m)
}

// ShowMedication shows a medication.
func (s *Server) ShowMedication(ctx context.Context, req oapi.ShowMedicationRequestObject) (oapi.ShowMedicationResponseObject, error) {
	out, err := showMedication(ctx, store.From(ctx), req.MedicationID)
	return oapi.ShowMedication200JSONResponse{MedicationJSONResponse: out}, err
}

func showMedication(ctx context.Context, tx *store.Tx, id uuid.UUID) (out oapi.MedicationJSONResponse, err error) {
	m, err := store.Find[store.Medication](tx, id)
	if err != nil {
		return out, err
	}
	today, err := todayOf(tx, m.PatientID)
	return medicationOut(m, today, callOf(ctx).who.staff()), err
}

// EndMedication says from when on a medicine is not taken any more.
func (s *Server) EndMedication(ctx context.Context, req oapi.EndMedicationRequestObject) (oapi.EndMedicationResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	m, err := store.Find[store.Medication](tx, req.MedicationID)
	if err != nil {
		return nil, err
	}
	today, err := todayOf(tx, m.PatientID)
	if err != nil {
		return nil, err
	}
	if m.Medication, err = m.End(m.StatusOn(today), dayIn(&b.EndedOn), orZero(b.Reason)); err != nil {
		return nil, err
	}
	if err := tx.Change("medication.ended", m); err != nil {
		return nil, err
	}
	return oapi.EndMedication200JSONResponse{MedicationJSONResponse: medicationOut(m, today, callOf(ctx).who.staff())}, nil
}

// VoidMedication strikes a medication out. Patients may do it with what they sent themselves.
func (s *Server) VoidMedication(ctx context.Context, req oapi.VoidMedicationRequestObject) (oapi.VoidMedicationResponseObject, error) {
	tx := store.From(ctx)
	m, err := store.Find[store.Medication](tx, req.MedicationID)
	if err != nil {
		return nil, err
	}
	if err := strikeOut(ctx, tx, m.Told, &m.Struck, req.Body); err != nil {
		return nil, err
	}
	if err := tx.Change("medication.enteredInError", m); err != nil {
		return nil, err
	}
	out, err := showMedication(ctx, tx, m.ID)
	return oapi.VoidMedication200JSONResponse{MedicationJSONResponse: out}, err
}

// todayOf is the day where a patient is.
func todayOf(tx *store.Tx, patient uuid.UUID) (treatment.Date, error) {
	p, err := store.Find[store.Patient](tx, patient)
	if err != nil {
		return "", err
	}
	here, err := zone(p.TimeZone)
	if err != nil {
		return "", err
	}
	return treatment.DateOf(tx.Now.In(here)), nil
}

// medicationOut shows a medication; to staff with what is known of it together with ketamine.
func medicationOut(m *store.Medication, today treatment.Date, staff bool) oapi.MedicationJSONResponse {
	status, derived := m.StatusOn(today), ""
	if status == treatment.MedicationEnded {
		derived = string(status)
	}
	out := oapi.MedicationJSONResponse{
		Headers: oapi.MedicationResponseHeaders{ETag: etag(m.Version, derived), Location: location("medications", m.ID)},
		Body: oapi.Medication{
			ID: m.ID, Version: m.Version, PatientID: m.PatientID, OccurredAt: m.OccurredAt, TimeZone: m.TimeZone,
			ReportedBy: oapi.ReportedBy(m.ReportedBy), Mode: oapi.Mode(m.Mode), ClockSkew: &m.ClockSkew,
			RecordedBy: actorOut(m.RecordedBy), RecordedAt: m.CreatedAt, StruckOut: struckOut(m.Struck),
			Name: m.Name, DrugClass: filled(oapi.DrugClass(m.DrugClass)), RxNormCode: filled(m.RxNormCode), Dosage: filled(m.Dosage),
			StartedOn: dayOut(m.StartedOn), EndedOn: dayOut(m.EndedOn), EndReason: filled(m.EndReason),
			Status: oapi.MedicationStatus(status), CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
		},
	}
	if _, known := m.Interaction(); staff && known {
		out.Body.Interactions = new(interactionsOut(m.Interactions()))
	}
	return out
}
