package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// invitationLife is how long an invitation may be redeemed.
const invitationLife = 72 * time.Hour

// ListStaff lists the clinic's staff by family name.
func (s *Server) ListStaff(ctx context.Context, req oapi.ListStaffRequestObject) (oapi.ListStaffResponseObject, error) {
	status := string(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListStaff(status, page)
	if err != nil {
		return nil, err
	}
	out := oapi.StaffPage{Items: []oapi.Staff{}}
	for i := range rows {
		out.Items = append(out.Items, staffOut(&rows[i]).Body)
	}
	if out.NextCursor, err = s.next(ctx, key, status); err != nil {
		return nil, err
	}
	return oapi.ListStaff200JSONResponse{StaffPageJSONResponse: oapi.StaffPageJSONResponse{Body: out}}, nil
}

// ShowStaff shows a member of staff.
func (s *Server) ShowStaff(ctx context.Context, req oapi.ShowStaffRequestObject) (oapi.ShowStaffResponseObject, error) {
	m, err := store.From(ctx).StaffMember(req.StaffID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowStaff200JSONResponse{StaffJSONResponse: staffOut(m)}, nil
}

// AddStaff adds a member of staff and answers the invitation to hand over.
func (s *Server) AddStaff(ctx context.Context, req oapi.AddStaffRequestObject) (oapi.AddStaffResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	m := &store.Staff{GivenName: b.Name.Given, FamilyName: b.Name.Family, Email: string(b.Email), NPI: b.Npi, Status: store.StaffActive}
	m.SetRoles(rolesIn(b.Roles))
	if err := mayGrant(ctx, tx, m.Prescriber); err != nil {
		return nil, err
	}
	m.Credentials = credentialsIn(orZero(b.Licences), orZero(b.DeaRegistrations))
	if err := validCredentials(m); err != nil {
		return nil, err
	}
	if err := tx.AddStaff(m); err != nil {
		return nil, err
	}
	invitation, err := s.invite(tx, store.ActorStaff, m.ID)
	if err != nil {
		return nil, err
	}
	out := oapi.AddStaff201JSONResponse{}
	out.Body = oapi.InvitedStaff{Staff: staffOut(m).Body, Invitation: invitation}
	out.Headers = oapi.InvitedStaffResponseHeaders{ETag: etag(m.Version), Location: location("staff", m.ID)}
	return out, nil
}

// mayGrant refuses the prescriber role to a lone admin: it needs a second admin at the clinic,
// or a caller who prescribes.
func mayGrant(ctx context.Context, tx *store.Tx, prescriber bool) error {
	who := &callOf(ctx).who
	if !prescriber || who.is(rolePrescriber) {
		return nil
	}
	others, err := tx.OtherAdmins(who.actor.ID)
	if err == nil && others == 0 {
		err = problem.New(problem.RuleViolated, "giving the prescriber role needs a second admin or a prescriber",
			problem.Fault{In: problem.InBody, Pointer: "/roles", Code: "secondAdminRequired", Detail: "no other active admin"})
	}
	return err
}

// UpdateStaff changes roles, credentials and contact data; nobody's own.
func (s *Server) UpdateStaff(ctx context.Context, req oapi.UpdateStaffRequestObject) (oapi.UpdateStaffResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	m, err := tx.StaffMember(req.StaffID)
	if err != nil {
		return nil, err
	}
	own := m.ID == callOf(ctx).who.actor.ID
	if own && (b.Roles != nil || b.Licences != nil || b.DeaRegistrations != nil || b.Npi.IsSpecified()) {
		return nil, problem.New(problem.Forbidden, "nobody changes own roles or credentials")
	}
	before := *m
	if b.Name != nil {
		m.GivenName, m.FamilyName = b.Name.Given, b.Name.Family
	}
	if b.Email != nil {
		m.Email = string(*b.Email)
	}
	setOrClear(&m.NPI, b.Npi)
	if b.Roles != nil {
		m.SetRoles(rolesIn(*b.Roles))
	}
	if err := mayGrant(ctx, tx, m.Prescriber && !before.Prescriber); err != nil {
		return nil, err
	}
	if err := keepsWork(tx, &before, m); err != nil {
		return nil, err
	}
	licences, registrations := split(m.Credentials)
	set(&licences, b.Licences)
	set(&registrations, b.DeaRegistrations)
	m.Credentials = credentialsIn(licences, registrations)
	if err := validCredentials(m); err != nil {
		return nil, err
	}
	if err := tx.ChangeStaff("staff.updated", m); err != nil {
		return nil, err
	}
	return oapi.UpdateStaff200JSONResponse{StaffJSONResponse: staffOut(m)}, nil
}

// InviteStaff makes a new invitation and ends the earlier ones.
func (s *Server) InviteStaff(ctx context.Context, req oapi.InviteStaffRequestObject) (oapi.InviteStaffResponseObject, error) {
	tx := store.From(ctx)
	m, err := tx.StaffMember(req.StaffID)
	if err != nil {
		return nil, err
	}
	if m.Status != store.StaffActive {
		return nil, problem.New(problem.IllegalTransition, "a deactivated member of staff cannot be invited")
	}
	invitation, err := s.invite(tx, store.ActorStaff, m.ID)
	if err != nil {
		return nil, err
	}
	tx.Note("staff.invited", "staff", m.ID)
	return oapi.InviteStaff201JSONResponse{InvitationJSONResponse: oapi.InvitationJSONResponse(invitation)}, nil
}

// DeactivateStaff ends somebody's work; what is open goes to a colleague.
func (s *Server) DeactivateStaff(ctx context.Context, req oapi.DeactivateStaffRequestObject) (oapi.DeactivateStaffResponseObject, error) {
	tx := store.From(ctx)
	m, err := tx.StaffMember(req.StaffID)
	if err != nil {
		return nil, err
	}
	if m.Status != store.StaffActive {
		return nil, problem.New(problem.IllegalTransition, "already deactivated")
	}
	if m.ID == callOf(ctx).who.actor.ID {
		return nil, problem.New(problem.Forbidden, "nobody deactivates themselves")
	}
	if err := handOver(tx, m.ID, req.Body.ReassignTo); err != nil {
		return nil, err
	}
	m.Status, m.StatusReason = store.StaffDeactivated, &req.Body.Reason
	if err := tx.ChangeStaff("staff.deactivated", m); err != nil {
		return nil, err
	}
	return oapi.DeactivateStaff200JSONResponse{StaffJSONResponse: staffOut(m)}, nil
}

// invite makes an invitation; only its hash is stored.
func (s *Server) invite(tx *store.Tx, kind string, id uuid.UUID) (oapi.Invitation, error) {
	code, expires := newCode(), tx.Now.Add(invitationLife)
	return oapi.Invitation{Code: code, ExpiresAt: expires}, tx.Invite(s.codeHash(code), kind, id, expires)
}

func rolesIn(roles []oapi.StaffRole) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return out
}

func credentialsIn(licences, registrations []oapi.Credential) (list []store.Credential) {
	for _, c := range licences {
		list = append(list, store.Credential{Kind: store.Licence, State: c.State, Number: c.Number, Expires: dateIn(c.Expires)})
	}
	for _, c := range registrations {
		list = append(list, store.Credential{Kind: store.DEARegistration, State: c.State, Number: c.Number, Expires: dateIn(c.Expires)})
	}
	return list
}

// split is the inverse of credentialsIn.
func split(list []store.Credential) (licences, registrations []oapi.Credential) {
	licences, registrations = []oapi.Credential{}, []oapi.Credential{}
	for _, c := range list {
		out := oapi.Credential{State: c.State, Number: c.Number, Expires: dateOut(c.Expires)}
		if c.Kind == store.Licence {
			licences = append(licences, out)
		} else {
			registrations = append(registrations, out)
		}
	}
	return licences, registrations
}

// validCredentials verifies check digits, and that a list names each state once.
func validCredentials(m *store.Staff) error {
	var faults []problem.Fault
	fault := func(pointer, code, detail string) {
		faults = append(faults, problem.Fault{In: problem.InBody, Pointer: pointer, Code: code, Detail: detail})
	}
	if m.NPI != nil && !treatment.NPIValid(*m.NPI) {
		fault("/npi", "check_digit", "the check digit is wrong")
	}
	_, registrations := split(m.Credentials)
	for i, r := range registrations {
		if !treatment.DEAValid(r.Number) {
			fault("/deaRegistrations/"+itoa(i)+"/number", "check_digit", "the check digit is wrong")
		}
	}
	seen := []string{}
	for _, c := range m.Credentials {
		key := c.Kind + c.State + c.Number
		if slices.Contains(seen, key) {
			fault("", "repeated", "a licence or registration is listed twice")
		}
		seen = append(seen, key)
	}
	if len(faults) > 0 {
		return problem.New(problem.InvalidRequest, "credentials are not valid", faults...)
	}
	return nil
}

func staffOut(m *store.Staff) oapi.StaffJSONResponse {
	out := oapi.Staff{
		ID: m.ID, Version: m.Version, Name: oapi.PersonName{Given: m.GivenName, Family: m.FamilyName},
		Email: openapi_types.Email(m.Email), Npi: m.NPI, Roles: []oapi.StaffRole{}, Status: oapi.StaffStatus(m.Status),
		SignedIn: m.SignedIn, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
	for _, r := range m.Roles() {
		out.Roles = append(out.Roles, oapi.StaffRole(r))
	}
	out.Licences, out.DeaRegistrations = split(m.Credentials)
	return oapi.StaffJSONResponse{Body: out, Headers: oapi.StaffResponseHeaders{ETag: etag(m.Version), Location: location("staff", m.ID)}}
}
