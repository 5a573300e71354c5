package store

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// The statuses of staff.
const (
	StaffActive      = "active"
	StaffDeactivated = "deactivated"
)

// Staff is somebody who works at the clinic.
type Staff struct {
	Record
	GivenName, FamilyName string
	NameSort              string // normalised, what lists are sorted by
	Email                 string
	Admin                 bool // the roles are a set
	Prescriber            bool
	Clinician             bool
	NPI                   *string
	Status                string
	StatusReason          *string
	SignedIn              bool
	Credentials           []Credential `gorm:"-"`
}

// The kinds of a credential.
const (
	Licence         = "licence"
	DEARegistration = "dea"
)

// Credential is a licence or a DEA registration in one state.
type Credential struct {
	Part
	StaffID uuid.UUID `gorm:"primaryKey" json:"-"`
	Kind    string
	State   string
	Number  string
	Expires string // last day, YYYY-MM-DD
}

// TableName names the table of credentials.
func (Credential) TableName() string { return "staff_credentials" }

// TableName names the table: staff has no plural.
func (Staff) TableName() string { return "staff" }

// Roles returns the roles as the contract names them.
func (s *Staff) Roles() []string {
	roles := []string{}
	for _, r := range []struct {
		name string
		has  bool
	}{{"admin", s.Admin}, {"prescriber", s.Prescriber}, {"clinician", s.Clinician}} {
		if r.has {
			roles = append(roles, r.name)
		}
	}
	return roles
}

// SetRoles replaces the roles.
func (s *Staff) SetRoles(roles []string) {
	s.Admin = slices.Contains(roles, "admin")
	s.Prescriber = slices.Contains(roles, "prescriber")
	s.Clinician = slices.Contains(roles, "clinician")
}

// SeesPatients reports whether s works at the clinic in a role that patients meet.
func (s *Staff) SeesPatients() bool {
	return s.Status == StaffActive && (s.Prescriber || s.Clinician)
}

// StaffMember returns a member of staff with licences and registrations.
func (tx *Tx) StaffMember(id uuid.UUID) (*Staff, error) {
	s, err := Find[Staff](tx, id)
	if err != nil {
		return nil, err
	}
	parts, err := Parts[Credential](tx, "staff_id", id)
	s.Credentials = parts[id]
	return s, err
}

// AddStaff creates s with its credentials.
func (tx *Tx) AddStaff(s *Staff) error {
	s.NameSort = NameKey(s.FamilyName, s.GivenName)
	if err := tx.Create("staff.added", s); err != nil {
		return err
	}
	return Replace(tx, "staff_id", s.ID, s.Credentials)
}

// ChangeStaff writes s with its credentials: s first, so that of two who change it at the same moment the second is stale
// and does not meet the first one's credentials.
func (tx *Tx) ChangeStaff(event string, s *Staff) error {
	s.NameSort = NameKey(s.FamilyName, s.GivenName)
	if err := tx.Change(event, s); err != nil {
		return err
	}
	return Replace(tx, "staff_id", s.ID, s.Credentials)
}

// ListStaff returns a page of staff by family name; status "" means all.
func (tx *Tx) ListStaff(status string, p Page) ([]Staff, *Key, error) {
	q := tx.orm
	if status != "" {
		q = q.Where("status = ?", status)
	}
	rows, next, err := list[Staff](q, asc("name_sort"), p)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	parts, err := Parts[Credential](tx, "staff_id", ids...)
	for i := range rows {
		rows[i].Credentials = parts[rows[i].ID]
	}
	return rows, next, err
}

// PatientsOf returns the patients for whom somebody answers, by an open treatment, a booked visit,
// an alert or a place in the care team, in the order of their ids: that in which their rows are taken.
func (tx *Tx) PatientsOf(staff uuid.UUID) (patients []uuid.UUID, err error) {
	for _, q := range []*gorm.DB{
		tx.orm.Model(&Treatment{}).Where("responsible_prescriber_id = ? AND phase IN ?", staff, openPhases),
		tx.orm.Model(&Visit{}).Where("provider_id = ? AND status = ?", staff, treatment.VisitBooked),
		tx.orm.Model(&Alert{}).Where("assigned_to = ? AND status <> ?", staff, treatment.AlertResolved),
		tx.orm.Model(&CareTeamMember{}).Where("staff_id = ?", staff),
	} {
		var ids []uuid.UUID
		if err := q.Pluck("patient_id", &ids).Error; err != nil {
			return nil, err
		}
		patients = append(patients, ids...)
	}
	slices.SortFunc(patients, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(patients), nil
}

// OtherAdmins counts active admins but the one named.
func (tx *Tx) OtherAdmins(id uuid.UUID) (n int64, err error) {
	err = tx.orm.Model(&Staff{}).Where("admin = ? AND status = ? AND id <> ?", true, StaffActive, id).Count(&n).Error
	return n, err
}

// StaffMembers returns the members of staff with those ids, without their credentials.
func (tx *Tx) StaffMembers(ids []uuid.UUID) ([]Staff, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return many[Staff](tx.orm.Where("id IN ?", ids))
}
