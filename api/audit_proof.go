package api

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/audit"
)

// ShowAuditProof shows that an entry stands under its seal.
func (s *Server) ShowAuditProof(ctx context.Context, req oapi.ShowAuditProofRequestObject) (oapi.ShowAuditProofResponseObject, error) {
	e, seal, err := store.From(ctx).Sealed(req.EntryID)
	if err != nil {
		return nil, err
	}
	public, _ := s.sealKey.Public().(ed25519.PublicKey)
	out := oapi.AuditProof{
		Entry: oapi.SealedEntry{
			Number: e.Number, ClinicID: e.Clinic, ID: e.ID, At: e.At, Operation: e.Operation, Actor: e.Actor,
			RequestID: e.RequestID, Outcome: oapi.AuditOutcome(e.Outcome), Events: e.Events, ClockSkewSeconds: e.ClockSkew,
		},
		Path: []string{},
		Seal: oapi.AuditSeal{
			First: seal.First, Last: seal.Last, Root: seal.Root.String(), Previous: seal.Previous.String(), At: seal.At,
			Signature: base64.StdEncoding.EncodeToString(seal.Signature),
		},
		PublicKey: base64.StdEncoding.EncodeToString(public),
	}
	if e.Patient != uuid.Nil {
		out.Entry.PatientID = &e.Patient
	}
	for _, h := range audit.Prove(seal.Hashes, int(e.Number-seal.First)).Path {
		out.Path = append(out.Path, h.String())
	}
	return oapi.ShowAuditProof200JSONResponse{AuditProofJSONResponse: oapi.AuditProofJSONResponse(out)}, nil
}
