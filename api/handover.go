package api

import (
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// handOver gives what somebody who leaves answers for to a colleague: open treatments, booked
// visits, alerts and places in care teams. Without a colleague there must be no open treatment, no
// booked visit and no alert to deal with.
func handOver(tx *store.Tx, from uuid.UUID, to *uuid.UUID) error {
	patients, err := lockPatientsOf(tx, from)
	if err != nil {
		return err
	}
	treatments, err := tx.OpenTreatmentsOf(from)
	if err != nil {
		return err
	}
	visits, err := tx.BookedVisitsOf(from)
	if err != nil {
		return err
	}
	alerts, err := tx.AlertsAssignedTo(from)
	if err != nil {
		return err
	}
	if to == nil && len(treatments)+len(visits)+len(alerts) > 0 {
		return openWork(treatments, visits, alerts)
	}
	heir, err := successor(tx, from, to, len(treatments) > 0)
	if err != nil {
		return err
	}
	for i := range treatments {
		treatments[i].ResponsiblePrescriberID = heir.ID
		if err := tx.Change("treatment.reassigned", &treatments[i]); err != nil {
			return err
		}
	}
	for i := range visits {
		visits[i].ProviderID = heir.ID
		if err := tx.ChangeVisit("visit.reassigned", &visits[i]); err != nil {
			return err
		}
	}
	for i := range alerts {
		alerts[i].AssignedTo = &heir.ID
		if err := tx.Change("alert.reassigned", &alerts[i]); err != nil {
			return err
		}
	}
	return leaveCareTeams(tx, patients, from, heir)
}

// keepsWork refuses to take a role from somebody whose open work needs it: open treatments need a
// prescriber, and booked visits and alerts somebody who sees patients.
func keepsWork(tx *store.Tx, before, after *store.Staff) error {
	prescribed, saw := before.Prescriber && !after.Prescriber, before.SeesPatients() && !after.SeesPatients()
	if !prescribed && !saw {
		return nil
	}
	if _, err := lockPatientsOf(tx, after.ID); err != nil {
		return err
	}
	var treatments []store.Treatment
	var visits []store.Visit
	var alerts []store.Alert
	var err error
	if prescribed {
		treatments, err = tx.OpenTreatmentsOf(after.ID)
	}
	if err == nil && saw {
		visits, err = tx.BookedVisitsOf(after.ID)
	}
	if err == nil && saw {
		alerts, err = tx.AlertsAssignedTo(after.ID)
	}
	if err == nil && len(treatments)+len(visits)+len(alerts) > 0 {
		err = openWork(treatments, visits, alerts)
	}
	return err
}

// lockPatientsOf takes the rows of all patients for whom somebody answers, those included that
// came while it waited for the others.
func lockPatientsOf(tx *store.Tx, staff uuid.UUID) ([]uuid.UUID, error) {
	var held []uuid.UUID
	for {
		more, err := tx.PatientsOf(staff)
		if err != nil {
			return nil, err
		}
		more = slices.DeleteFunc(more, func(id uuid.UUID) bool { return slices.Contains(held, id) })
		if len(more) == 0 {
			return held, nil
		}
		for _, id := range more {
			if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: id}); err != nil {
				return nil, err
			}
		}
		held = append(held, more...)
	}
}

// maxFaults is how many faults a problem lists at most.
const maxFaults = 200

// openWork refuses to leave treatments, visits and alerts with nobody, and lists them.
func openWork(treatments []store.Treatment, visits []store.Visit, alerts []store.Alert) error {
	p := problem.New(problem.HasOpenWork, "open treatments, booked visits and alerts need a colleague who takes them over")
	for i := range treatments {
		p.Errors = append(p.Errors, problem.Fault{In: "record", Pointer: *location("treatments", treatments[i].ID), Code: "openTreatment", Detail: "is the responsibility of this person"})
	}
	for i := range visits {
		p.Errors = append(p.Errors, problem.Fault{In: "record", Pointer: *location("visits", visits[i].ID), Code: "openVisit", Detail: "is booked with this person"})
	}
	for i := range alerts {
		p.Errors = append(p.Errors, problem.Fault{In: "record", Pointer: *location("alerts", alerts[i].ID), Code: "openAlert", Detail: "is assigned to this person"})
	}
	p.Errors = p.Errors[:min(len(p.Errors), maxFaults)]
	return p
}

// successor finds the colleague who takes over, if one is named: somebody else who sees patients,
// and prescribes if there are treatments to answer for.
func successor(tx *store.Tx, from uuid.UUID, to *uuid.UUID, prescribes bool) (*store.Staff, error) {
	if to == nil {
		return nil, nil
	}
	m, err := notKnown(tx.StaffMember(*to))
	if err == nil && (m == nil || m.ID == from || !m.SeesPatients() || prescribes && !m.Prescriber) {
		err = notFoundIn("/reassignTo")
	}
	return m, err
}

// leaveCareTeams ends somebody's places in the care teams of patients. The heir, if there is one,
// takes those whose role the heir has, but none in a team that the heir belongs to already.
func leaveCareTeams(tx *store.Tx, patients []uuid.UUID, from uuid.UUID, heir *store.Staff) error {
	for _, id := range patients {
		p, err := tx.Patient(id)
		if err != nil {
			return err
		}
		in := func(id uuid.UUID) bool {
			return slices.ContainsFunc(p.CareTeam, func(m store.CareTeamMember) bool { return m.StaffID == id })
		}
		if !in(from) {
			continue
		}
		var team []store.CareTeamMember
		for _, m := range p.CareTeam {
			if m.StaffID == from {
				if heir == nil || in(heir.ID) || !slices.Contains(heir.Roles(), m.Role) {
					continue
				}
				m.StaffID = heir.ID
			}
			team = append(team, m)
		}
		if err := tx.SetCareTeam(p, team); err != nil {
			return err
		}
	}
	return nil
}
