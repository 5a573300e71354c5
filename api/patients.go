package api

import (
	"context"

	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// ListPatients lists patients by family name; a patient sees the own record only.
func (s *Server) ListPatients(ctx context.Context, req oapi.ListPatientsRequestObject) (oapi.ListPatientsResponseObject, error) {
	status := string(orZero(req.Params.Status))
	page, err := s.page(ctx, req.Params.Limit, req.Params.Cursor, status)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).ListPatients(status, page)
	if err != nil {
		return nil, err
	}
	out, err := s.patientPage(ctx, rows, key, status)
	return oapi.ListPatients200JSONResponse{PatientPageJSONResponse: out}, err
}

// SearchPatients finds patients by what identifies them.
func (s *Server) SearchPatients(ctx context.Context, req oapi.SearchPatientsRequestObject) (oapi.SearchPatientsResponseObject, error) {
	b := req.Body
	find := store.PatientSearch{
		Family: orZero(b.Family), Given: orZero(b.Given), Phone: orZero(b.Phone),
		Email: string(orZero(b.Email)), RecordNumber: orZero(b.RecordNumber),
	}
	if b.BirthDate != nil {
		find.BirthDate = dateIn(*b.BirthDate)
	}
	if find.Family == "" && find.BirthDate == "" && find.Phone == "" && find.Email == "" && find.RecordNumber == "" {
		return nil, problem.New(problem.SearchCriterionRequired, "give at least one of family, birthDate, phone, email and recordNumber")
	}
	page, err := s.page(ctx, b.Limit, b.Cursor, find)
	if err != nil {
		return nil, err
	}
	rows, key, err := store.From(ctx).SearchPatients(find, page)
	if err != nil {
		return nil, err
	}
	out, err := s.patientPage(ctx, rows, key, find)
	return oapi.SearchPatients200JSONResponse{PatientPageJSONResponse: out}, err
}

func (s *Server) patientPage(ctx context.Context, rows []store.Patient, key *store.Key, filter ...any) (out oapi.PatientPageJSONResponse, err error) {
	out.Body.Items = []oapi.Patient{}
	for i := range rows {
		out.Body.Items = append(out.Body.Items, patientOut(&rows[i]).Body)
	}
	out.Body.NextCursor, err = s.next(ctx, key, filter...)
	return out, err
}

// ShowPatient shows a patient.
func (s *Server) ShowPatient(ctx context.Context, req oapi.ShowPatientRequestObject) (oapi.ShowPatientResponseObject, error) {
	p, err := store.From(ctx).Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	return oapi.ShowPatient200JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

// RegisterPatient registers a patient.
func (s *Server) RegisterPatient(ctx context.Context, req oapi.RegisterPatientRequestObject) (oapi.RegisterPatientResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	if err := bornBy(tx, b.BirthDate); err != nil {
		return nil, err
	}
	p := &store.Patient{
		GivenName: b.Name.Given, FamilyName: b.Name.Family, BirthDate: dateIn(b.BirthDate), Gender: string(b.Gender),
		State: b.State, TimeZone: b.TimeZone, RecordNumber: b.RecordNumber, Phone: b.Phone, Email: textOf[string](b.Email),
		Status: store.PatientActive, StatusSince: tx.Now,
	}
	setAddress(p, b.Address)
	setEmergencyContact(p, b.EmergencyContact)
	if err := tx.RegisterPatient(p); err != nil {
		return nil, err
	}
	return oapi.RegisterPatient201JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

// bornBy refuses a birth date in the future.
func bornBy(tx *store.Tx, d openapi_types.Date) error {
	if dateIn(d) <= tx.Now.AddDate(0, 0, 1).Format("2006-01-02") { // today is later in some zones
		return nil
	}
	return problem.New(problem.InvalidRequest, "the birth date lies in the future",
		problem.Fault{In: problem.InBody, Pointer: "/birthDate", Code: "maximum", Detail: "must not be in the future"})
}

// UpdatePatient changes administrative data.
func (s *Server) UpdatePatient(ctx context.Context, req oapi.UpdatePatientRequestObject) (oapi.UpdatePatientResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	p, err := tx.Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	if b.Name != nil {
		p.GivenName, p.FamilyName = b.Name.Given, b.Name.Family
	}
	if b.BirthDate != nil {
		if err := bornBy(tx, *b.BirthDate); err != nil {
			return nil, err
		}
		p.BirthDate = dateIn(*b.BirthDate)
	}
	set(&p.Gender, (*string)(b.Gender))
	set(&p.State, b.State)
	zoneWas := p.TimeZone
	set(&p.TimeZone, b.TimeZone)
	setOrClear(&p.RecordNumber, b.RecordNumber)
	setOrClear(&p.Phone, b.Phone)
	email := (*openapi_types.Email)(p.Email)
	setOrClear(&email, b.Email)
	p.Email = (*string)(email)
	if b.Address.IsSpecified() {
		var a *oapi.Address
		setOrClear(&a, b.Address)
		setAddress(p, a)
	}
	if b.EmergencyContact.IsSpecified() {
		var e *oapi.EmergencyContact
		setOrClear(&e, b.EmergencyContact)
		setEmergencyContact(p, e)
	}
	if err := tx.ChangePatient("patient.updated", p); err != nil {
		return nil, err
	}
	if err := moveFollowUps(tx, p.ID, zoneWas, p.TimeZone); err != nil {
		return nil, err
	}
	return oapi.UpdatePatient200JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

// UpdateContact lets patients change how they are reached.
func (s *Server) UpdateContact(ctx context.Context, req oapi.UpdateContactRequestObject) (oapi.UpdateContactResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	p, err := tx.Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	zoneWas := p.TimeZone
	set(&p.TimeZone, b.TimeZone)
	setOrClear(&p.Phone, b.Phone)
	email := (*openapi_types.Email)(p.Email)
	setOrClear(&email, b.Email)
	p.Email = (*string)(email)
	if err := tx.ChangePatient("patient.contactUpdated", p); err != nil {
		return nil, err
	}
	if err := moveFollowUps(tx, p.ID, zoneWas, p.TimeZone); err != nil {
		return nil, err
	}
	return oapi.UpdateContact200JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

// ChangePatientStatus says whether the clinic still treats the patient. Leaving active ends
// open treatments, which only a prescriber may do, and cancels booked visits and follow-ups.
func (s *Server) ChangePatientStatus(ctx context.Context, req oapi.ChangePatientStatusRequestObject) (oapi.ChangePatientStatusResponseObject, error) {
	tx, b := store.From(ctx), req.Body
	p, err := tx.Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	if b.Since.After(tx.Now) {
		return nil, problem.New(problem.InvalidRequest, "a status cannot begin in the future",
			problem.Fault{In: problem.InBody, Pointer: "/since", Code: "maximum", Detail: "must not be in the future"})
	}
	if p.Status == string(b.Status) {
		return nil, problem.New(problem.IllegalTransition, "the patient has this status already")
	}
	if b.Status != store.PatientActive {
		if err := s.endTreatments(ctx, tx, p.ID, string(b.Status), orZero(b.Reason)); err != nil {
			return nil, err
		}
		if err := cancelVisits(tx, p.ID, "patient is "+string(b.Status)); err != nil {
			return nil, err
		}
		if err := endFollowUps(tx, p.ID, nil, "patient is "+string(b.Status)); err != nil {
			return nil, err
		}
	}
	p.Status, p.StatusSince, p.StatusSource, p.StatusReason = string(b.Status), b.Since.UTC(), &b.Source, b.Reason
	if err := tx.ChangePatient("patient.statusChanged", p); err != nil {
		return nil, err
	}
	return oapi.ChangePatientStatus200JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

// InvitePatient makes an invitation for the patient's own app.
func (s *Server) InvitePatient(ctx context.Context, req oapi.InvitePatientRequestObject) (oapi.InvitePatientResponseObject, error) {
	tx := store.From(ctx)
	p, err := tx.Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	invitation, err := s.invite(tx, store.ActorPatient, p.ID)
	if err != nil {
		return nil, err
	}
	tx.Note("patient.invited", "patients", p.ID)
	return oapi.InvitePatient201JSONResponse{InvitationJSONResponse: oapi.InvitationJSONResponse(invitation)}, nil
}

// SetCareTeam replaces the care team.
func (s *Server) SetCareTeam(ctx context.Context, req oapi.SetCareTeamRequestObject) (oapi.SetCareTeamResponseObject, error) {
	tx := store.From(ctx)
	p, err := tx.Patient(req.PatientID)
	if err != nil {
		return nil, err
	}
	var team []store.CareTeamMember
	for i, m := range req.Body.Members {
		colleague, err := notKnown(tx.StaffMember(m.StaffID))
		switch {
		case err != nil:
			return nil, err
		case colleague == nil || colleague.Status != store.StaffActive:
			return nil, notFoundIn("/members/" + itoa(i) + "/staffId")
		case m.Role == oapi.CareRolePrescriber && !colleague.Prescriber:
			return nil, problem.New(problem.RuleViolated, "the prescriber of a care team must prescribe",
				problem.Fault{In: problem.InBody, Pointer: "/members/" + itoa(i) + "/role", Code: "prescriberRole", Detail: "this person does not have the prescriber role"})
		}
		team = append(team, store.CareTeamMember{StaffID: m.StaffID, Role: string(m.Role)})
	}
	if err := tx.SetCareTeam(p, team); err != nil {
		return nil, err
	}
	return oapi.SetCareTeam200JSONResponse{PatientJSONResponse: patientOut(p)}, nil
}

func setAddress(p *store.Patient, a *oapi.Address) {
	p.AddressLine, p.AddressCity, p.AddressPostalCode = nil, nil, nil
	if a != nil {
		p.AddressLine, p.AddressCity, p.AddressPostalCode = &a.Line, &a.City, &a.PostalCode
	}
}

func setEmergencyContact(p *store.Patient, e *oapi.EmergencyContact) {
	p.EmergencyName, p.EmergencyPhone, p.EmergencyRelationship = nil, nil, nil
	if e != nil {
		p.EmergencyName, p.EmergencyPhone, p.EmergencyRelationship = &e.Name, &e.Phone, e.Relationship
	}
}

func patientOut(p *store.Patient) oapi.PatientJSONResponse {
	out := oapi.Patient{
		ID: p.ID, Version: p.Version, Name: oapi.PersonName{Given: p.GivenName, Family: p.FamilyName},
		BirthDate: dateOut(p.BirthDate), Gender: oapi.Gender(p.Gender), State: p.State, TimeZone: p.TimeZone,
		RecordNumber: p.RecordNumber, Phone: p.Phone, Email: (*openapi_types.Email)(p.Email),
		Status: oapi.PatientStatus(p.Status), StatusSince: p.StatusSince, StatusReason: p.StatusReason,
		CareTeam: []oapi.CareTeamMember{}, SignedIn: p.SignedIn, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if p.AddressLine != nil {
		out.Address = &oapi.Address{Line: *p.AddressLine, City: orZero(p.AddressCity), PostalCode: orZero(p.AddressPostalCode)}
	}
	if p.EmergencyName != nil {
		out.EmergencyContact = &oapi.EmergencyContact{Name: *p.EmergencyName, Phone: orZero(p.EmergencyPhone), Relationship: p.EmergencyRelationship}
	}
	for _, m := range p.CareTeam {
		out.CareTeam = append(out.CareTeam, oapi.CareTeamMember{StaffID: m.StaffID, Role: oapi.CareRole(m.Role)})
	}
	return oapi.PatientJSONResponse{Body: out, Headers: oapi.PatientResponseHeaders{ETag: etag(p.Version), Location: location("patients", p.ID)}}
}
