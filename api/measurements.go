package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListMeasurements lists a patient's measurements, newest first.
func (s *Server) ListMeasurements(ctx context.Context, req oapi.ListMeasurementsRequestObject) (oapi.ListMeasurementsResponseObject, error) {
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListMeasurements(req.PatientID, page)
	if err != nil {
		return nil, err
	}
	out := oapi.MeasurementPage{Items: []oapi.Measurement{}}
	for i := range rows {
		out.Items = append(out.Items, measurementOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key); err != nil {
		return nil, err
	}
	return oapi.ListMeasurements200JSONResponse{MeasurementPageJSONResponse: oapi.MeasurementPageJSONResponse{Body: out}}, nil
}

// RecordMeasurement keeps what was measured and raises alerts for dangerous vital signs.
func (s *Server) RecordMeasurement(ctx context.Context, req oapi.RecordMeasurementRequestObject) (oapi.RecordMeasurementResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	if !callOf(ctx).repeated {
		if err := s.addMeasurement(ctx, tx, req); err != nil {
			return nil, err
		}
	}
	m, err := store.Find[store.Measurement](tx, b.ID)
	if err != nil {
		return nil, err
	}
	out := measurementOut(m)
	out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, m.ID)
	return oapi.RecordMeasurement200JSONResponse{MeasurementJSONResponse: out}, err
}

func (s *Server) addMeasurement(ctx context.Context, tx *store.Tx, req oapi.RecordMeasurementRequestObject) error {
	b := req.Body
	said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	if err != nil {
		return err
	}
	if b.WeightKg == nil && b.HeightCm == nil && b.SystolicMmHg == nil && b.DiastolicMmHg == nil && b.HeartRateBpm == nil && b.Spo2Percent == nil {
		return problem.New(problem.InvalidRequest, "a measurement needs a quantity",
			problem.Fault{In: problem.InBody, Code: "required", Detail: "give at least one of weight, height, blood pressure, heart rate and saturation"})
	}
	m := &store.Measurement{
		Record: store.Record{ID: b.ID}, PatientID: req.PatientID, Told: said,
		WeightKg: b.WeightKg, HeightCm: b.HeightCm, SystolicMmHg: b.SystolicMmHg, DiastolicMmHg: b.DiastolicMmHg,
		HeartRateBpm: b.HeartRateBpm, Spo2Percent: b.Spo2Percent, Position: textOf[string](b.Position),
	}
	course, policy, err := s.currentPolicy(tx, req.PatientID)
	if err != nil {
		return err
	}
	vitals := treatment.Vitals{SystolicMmHg: m.SystolicMmHg, DiastolicMmHg: m.DiastolicMmHg, HeartRateBpm: m.HeartRateBpm, Spo2Percent: m.Spo2Percent}
	m.Doubtful = vitals.Doubtful(*policy)
	if err := tx.Create("measurement.recorded", m); err != nil {
		return err
	}
	if m.WeightKg != nil {
		if err := s.rejudgeFrom(ctx, tx, m.PatientID, m.OccurredAt); err != nil {
			return err
		}
	}
	limits := treatment.Limits{}
	source := store.AlertSource{Type: store.SourceMeasurement, ID: m.ID}
	if course != nil {
		limits = treatment.LimitsAt(course.LimitsSince(), m.OccurredAt)
		return s.raise(ctx, tx, req.PatientID, &course.ID, source, policy, treatment.JudgeVitals(vitals, treatment.BeforeDose, *policy, limits))
	}
	return s.raise(ctx, tx, req.PatientID, nil, source, policy, treatment.JudgeVitals(vitals, treatment.BeforeDose, *policy, limits))
}

// VoidMeasurement strikes a measurement out. Patients may do it with what they sent themselves.
func (s *Server) VoidMeasurement(ctx context.Context, req oapi.VoidMeasurementRequestObject) (oapi.VoidMeasurementResponseObject, error) {
	tx := store.From(ctx)
	m, err := store.Find[store.Measurement](tx, req.MeasurementID)
	if err != nil {
		return nil, err
	}
	if err := strikeOut(ctx, tx, m.Told, &m.Struck, req.Body); err != nil {
		return nil, err
	}
	if err := tx.Change("measurement.enteredInError", m); err != nil {
		return nil, err
	}
	if m.WeightKg != nil {
		if err := s.rejudgeFrom(ctx, tx, m.PatientID, m.OccurredAt); err != nil {
			return nil, err
		}
	}
	return oapi.VoidMeasurement200JSONResponse{MeasurementJSONResponse: measurementOut(m)}, nil
}

func measurementOut(m *store.Measurement) oapi.MeasurementJSONResponse {
	return oapi.MeasurementJSONResponse{
		Headers: oapi.MeasurementResponseHeaders{ETag: etag(m.Version)},
		Body: oapi.Measurement{
			ID: m.ID, Version: m.Version, PatientID: m.PatientID, OccurredAt: m.OccurredAt, TimeZone: m.TimeZone,
			ReportedBy: oapi.ReportedBy(m.ReportedBy), Mode: oapi.Mode(m.Mode), ClockSkew: &m.ClockSkew,
			RecordedBy: actorOut(m.RecordedBy), RecordedAt: m.CreatedAt, StruckOut: struckOut(m.Struck),
			WeightKg: m.WeightKg, HeightCm: m.HeightCm, SystolicMmHg: m.SystolicMmHg, DiastolicMmHg: m.DiastolicMmHg,
			HeartRateBpm: m.HeartRateBpm, Spo2Percent: m.Spo2Percent, Position: textOf[oapi.BodyPosition](m.Position),
			Doubtful: m.Doubtful, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
		},
	}
}
