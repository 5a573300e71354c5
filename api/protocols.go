package api

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ListProtocols lists the clinic's protocols, newest first.
func (s *Server) ListProtocols(ctx context.Context, req oapi.ListProtocolsRequestObject) (oapi.ListProtocolsResponseObject, error) {
	status := treatment.ProtocolStatus(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListProtocols(status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.ProtocolPage{Items: []oapi.Protocol{}}
	for i := range rows {
		item, err := protocolOut(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item.Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListProtocols200JSONResponse{ProtocolPageJSONResponse: oapi.ProtocolPageJSONResponse{Body: out}}, nil
}

// ShowProtocol shows a protocol with every number in it.
func (s *Server) ShowProtocol(ctx context.Context, req oapi.ShowProtocolRequestObject) (oapi.ShowProtocolResponseObject, error) {
	p, err := store.Find[store.Protocol](store.From(ctx), req.ProtocolID)
	if err != nil {
		return nil, err
	}
	out, err := protocolOut(p)
	return oapi.ShowProtocol200JSONResponse{ProtocolJSONResponse: out}, err
}

// ProposeProtocol keeps a new version of the policy until a prescriber approves it.
func (s *Server) ProposeProtocol(ctx context.Context, req oapi.ProposeProtocolRequestObject) (oapi.ProposeProtocolResponseObject, error) {
	policy, err := policyIn(req.Body.Policy)
	if err != nil {
		return nil, err
	}
	proposal, err := policy.Propose(callOf(ctx).who.actor.ID, req.Body.Reason)
	if err != nil {
		return nil, within("/policy", err)
	}
	p, err := protocolRow(*policy, proposal)
	if err != nil {
		return nil, err
	}
	if err := store.From(ctx).Create("protocol.proposed", p); err != nil {
		return nil, err
	}
	out, err := protocolOut(p)
	return oapi.ProposeProtocol201JSONResponse{ProtocolJSONResponse: out}, err
}

// ApproveProtocol lets treatments follow a protocol.
func (s *Server) ApproveProtocol(ctx context.Context, req oapi.ApproveProtocolRequestObject) (oapi.ApproveProtocolResponseObject, error) {
	tx := store.From(ctx)
	p, err := store.Find[store.Protocol](tx, req.ProtocolID)
	if err != nil {
		return nil, err
	}
	if p.ProtocolApproval, err = p.Approve(callOf(ctx).who.actor.ID, tx.Now); err != nil {
		return nil, err
	}
	if err := tx.Change("protocol.approved", p); err != nil {
		return nil, err
	}
	out, err := protocolOut(p)
	return oapi.ApproveProtocol200JSONResponse{ProtocolJSONResponse: out}, err
}

// policyIn reads a policy as the rules know it. The contract has closed every object of it, and
// both sides write the same members.
func policyIn(body oapi.ProtocolPolicy) (*treatment.Protocol, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	p := new(treatment.Protocol)
	return p, json.Unmarshal(text, p)
}

// within puts a refusal's pointers below a member of the body.
func within(member string, err error) error {
	if r, ok := errors.AsType[*treatment.Refusal](err); ok {
		for i := range r.Reasons {
			r.Reasons[i].Pointer = member + r.Reasons[i].Pointer
		}
	}
	return err
}

func protocolRow(p treatment.Protocol, approval treatment.ProtocolApproval) (*store.Protocol, error) {
	policy, err := json.Marshal(p)
	return &store.Protocol{Name: p.Name, Revision: p.Version, Policy: string(policy), ProtocolApproval: approval}, err
}

// policies remembers what protocols say, by clinic and id: it never changes, and reading it takes
// longer than most of what is judged by it.
var policies sync.Map

type policyKey struct{ clinic, id uuid.UUID }

// policyOf reads a protocol of the clinic. Nobody changes what it returns.
func policyOf(tx *store.Tx, id uuid.UUID) (*treatment.Protocol, error) {
	key := policyKey{tx.Scope().Clinic, id}
	if known, ok := policies.Load(key); ok {
		return known.(*treatment.Protocol), nil
	}
	row, err := store.Find[store.Protocol](tx, id)
	if err != nil {
		return nil, err
	}
	p, err := treatment.ParseProtocol([]byte(row.Policy))
	if err == nil { // a clinic has few: it cannot grow without bound
		policies.Store(key, &p)
	}
	return &p, err
}

func protocolOut(p *store.Protocol) (out oapi.ProtocolJSONResponse, err error) {
	out.Headers = oapi.ProtocolResponseHeaders{ETag: etag(p.Version), Location: location("protocols", p.ID)}
	out.Body = oapi.Protocol{
		ID: p.ID, Version: p.Version, Name: p.Name, Revision: p.Revision, Status: oapi.ProtocolStatus(p.Status), Reason: filled(p.Reason),
		ProposedBy: p.ProposedBy, ApprovedBy: p.ApprovedBy, ApprovedAt: p.ApprovedAt, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	return out, json.Unmarshal([]byte(p.Policy), &out.Body.Policy)
}
