package api

import (
	"context"
	"crypto/subtle"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// These two operations run before it is known which clinic a request is for, so that they
// open their own doors.

// WhoAmI lists the memberships of the signed-in person.
func (s *Server) WhoAmI(ctx context.Context, _ oapi.WhoAmIRequestObject) (oapi.WhoAmIResponseObject, error) {
	members, err := s.members(ctx, callOf(ctx).who.identity)
	if err != nil {
		return nil, err
	}
	me := oapi.Me{Memberships: []oapi.Membership{}}
	for _, m := range members {
		if len(m.roles) == 0 {
			continue
		}
		me.Memberships = append(me.Memberships, membershipOut(m))
	}
	return oapi.WhoAmI200JSONResponse{MeJSONResponse: oapi.MeJSONResponse(me)}, nil
}

// RedeemInvitation links the signed-in identity to the record an invitation was made for.
func (s *Server) RedeemInvitation(ctx context.Context, req oapi.RedeemInvitationRequestObject) (oapi.RedeemInvitationResponseObject, error) {
	call := callOf(ctx)
	signIn, code := call.who.identity.hash(), s.codeHash(req.Body.Code)
	invited, err := s.db.TryInvitation(ctx, code, signIn)
	if err != nil {
		return nil, err
	}
	m := member{}
	scope := store.Scope{
		Clinic: invited.ClinicID, Actor: store.Actor{Kind: invited.Kind, ID: invited.MemberID},
		Operation: call.op.ID, RequestID: call.requestID,
	}
	err = s.db.Update(ctx, scope, func(tx *store.Tx) error {
		if err := redeem(tx, invited, code, signIn, req.Body); err != nil {
			return err
		}
		m.Membership = invited
		m.clinicName, m.roles, err = tx.Rights(invited)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.rights.forget(signIn)
	return oapi.RedeemInvitation200JSONResponse{MembershipJSONResponse: oapi.MembershipJSONResponse(membershipOut(m))}, nil
}

// redeem checks the proof, uses the invitation up and notes that the member has signed in.
func redeem(tx *store.Tx, invited store.Membership, code, signIn store.Hash, body *oapi.Redemption) error {
	if invited.Kind == store.ActorPatient {
		if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: invited.MemberID}); err != nil {
			return err
		}
		p, err := tx.Patient(invited.MemberID)
		if err != nil {
			return err
		}
		if body.BirthDate == nil || subtle.ConstantTimeCompare([]byte(dateIn(*body.BirthDate)), []byte(p.BirthDate)) == 0 {
			return problem.New(problem.InvitationInvalid, "the birth date does not fit the invitation",
				problem.Fault{In: problem.InBody, Pointer: "/birthDate", Code: "mismatch", Detail: "must be the patient's"})
		}
	}
	_, first, err := tx.Redeem(code, signIn)
	if err != nil || !first { // once redeemed, there is nothing more to do or to record
		return err
	}
	if invited.Kind == store.ActorPatient {
		tx.Note("patient.invitationRedeemed", "patients", invited.MemberID)
		p, err := tx.Patient(invited.MemberID)
		if err != nil || p.SignedIn {
			return err
		}
		p.SignedIn = true
		return tx.ChangePatient("patient.signedIn", p)
	}
	tx.Note("staff.invitationRedeemed", "staff", invited.MemberID)
	m, err := tx.StaffMember(invited.MemberID)
	if err != nil || m.SignedIn {
		return err
	}
	if m.Status != store.StaffActive {
		return store.ErrInvitationInvalid
	}
	m.SignedIn = true
	return tx.ChangeStaff("staff.signedIn", m)
}

// codeHash is what the server keeps of an invitation's code.
func (s *Server) codeHash(code string) store.Hash { return digest(string(s.secret[:]), code) }

func membershipOut(m member) oapi.Membership {
	out := oapi.Membership{ClinicID: m.ClinicID, ClinicName: m.clinicName, Kind: oapi.MemberKind(m.Kind), MemberID: m.MemberID, Roles: []oapi.StaffRole{}}
	if m.Kind == store.ActorStaff {
		for _, r := range m.roles {
			out.Roles = append(out.Roles, oapi.StaffRole(r))
		}
	}
	return out
}
