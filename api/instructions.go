package api

import (
	"context"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Instructions are part of their treatment: its version is theirs.

// ShowInstructions shows what the prescriber asks of the patient.
func (s *Server) ShowInstructions(ctx context.Context, req oapi.ShowInstructionsRequestObject) (oapi.ShowInstructionsResponseObject, error) {
	t, err := store.From(ctx).Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowInstructions200JSONResponse{InstructionsJSONResponse: instructionsOut(t)}, nil
}

// SetInstructions replaces the text, which must be acknowledged anew.
func (s *Server) SetInstructions(ctx context.Context, req oapi.SetInstructionsRequestObject) (oapi.SetInstructionsResponseObject, error) {
	t, err := decideTreatment(ctx, req.TreatmentID, "treatment.instructionsSet", func(_ *store.Tx, t treatment.Treatment) (treatment.Treatment, error) {
		return t.Instruct(req.Body.Text)
	})
	if err != nil {
		return nil, err
	}
	return oapi.SetInstructions200JSONResponse{InstructionsJSONResponse: instructionsOut(t)}, nil
}

// AcknowledgeInstructions records that the patient has read a text.
func (s *Server) AcknowledgeInstructions(ctx context.Context, req oapi.AcknowledgeInstructionsRequestObject) (oapi.AcknowledgeInstructionsResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	t, err := tx.Course(req.TreatmentID)
	if err != nil {
		return nil, err
	}
	if !callOf(ctx).repeated {
		said, err := told(ctx, tx, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
		if err != nil {
			return nil, err
		}
		if t.Treatment, err = t.Acknowledge(b.Revision, said.OccurredAt); err != nil {
			return nil, err
		}
		if err := tx.ChangeCourse("treatment.instructionsAcknowledged", t); err != nil {
			return nil, err
		}
	}
	return oapi.AcknowledgeInstructions200JSONResponse{InstructionsJSONResponse: instructionsOut(t)}, nil
}

func instructionsOut(t *store.Treatment) oapi.InstructionsJSONResponse {
	return oapi.InstructionsJSONResponse{
		Headers: oapi.InstructionsResponseHeaders{ETag: etag(t.Version), Location: new("/v1/treatments/" + t.ID.String() + "/instructions")},
		Body: oapi.Instructions{
			TreatmentID: t.ID, Version: t.Version, Revision: t.InstructionsRevision, Text: t.Instructions,
			AcknowledgedRevision: t.AcknowledgedRevision, AcknowledgedAt: t.AcknowledgedAt,
		},
	}
}
