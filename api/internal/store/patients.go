package store

import (
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// Patient is somebody whom the clinic treats.
type Patient struct {
	Record
	GivenName, FamilyName string
	NameSort              string // normalised family and given name: sorts lists, found by its beginning
	GivenSort             string
	BirthDate             string // YYYY-MM-DD
	Gender                string
	State                 string
	TimeZone              string
	RecordNumber          *string
	Phone                 *string
	Email                 *string
	EmailSort             *string // lower case
	AddressLine           *string
	AddressCity           *string
	AddressPostalCode     *string
	EmergencyName         *string
	EmergencyPhone        *string
	EmergencyRelationship *string
	Status                string
	StatusSince           time.Time
	StatusSource          *string
	StatusReason          *string
	SignedIn              bool
	CareTeam              []CareTeamMember `gorm:"-"`
}

// PatientActive is the status of a patient under treatment.
const PatientActive = "active"

// CareTeamMember is a colleague who looks after the patient.
type CareTeamMember struct {
	Part
	PatientID uuid.UUID `gorm:"primaryKey" json:"-"`
	StaffID   uuid.UUID
	Role      string
}

// TableName names the table.
func (CareTeamMember) TableName() string { return "care_team_members" }

// NameKey is how names are sorted and searched: without case and accents, family name first.
func NameKey(family, given string) string { return fold(family) + " " + fold(given) }

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(strings.Join(strings.Fields(s), " "))) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (p *Patient) normalise() {
	p.NameSort, p.GivenSort = NameKey(p.FamilyName, p.GivenName), fold(p.GivenName)
	p.EmailSort = nil
	if p.Email != nil {
		e := strings.ToLower(*p.Email)
		p.EmailSort = &e
	}
}

// Patient returns a patient with the care team.
func (tx *Tx) Patient(id uuid.UUID) (*Patient, error) {
	p, err := Find[Patient](tx, id)
	if err != nil {
		return nil, err
	}
	team, err := Parts[CareTeamMember](tx, "patient_id", id)
	p.CareTeam = team[id]
	return p, err
}

// RegisterPatient creates p.
func (tx *Tx) RegisterPatient(p *Patient) error {
	p.normalise()
	return tx.Create("patient.registered", p)
}

// ChangePatient writes p, but not the care team.
func (tx *Tx) ChangePatient(event string, p *Patient) error {
	p.normalise()
	return tx.Change(event, p)
}

// SetCareTeam replaces the care team.
func (tx *Tx) SetCareTeam(p *Patient, team []CareTeamMember) error {
	if err := Replace(tx, "patient_id", p.ID, team); err != nil {
		return err
	}
	p.CareTeam = team
	return tx.Change("patient.careTeamSet", p)
}

// ListPatients returns a page of patients by family name; status "" means all.
func (tx *Tx) ListPatients(status string, p Page) ([]Patient, *Key, error) {
	q := tx.orm
	if status != "" {
		q = q.Where("status = ?", status)
	}
	rows, next, err := list[Patient](q, asc("name_sort"), p)
	return tx.withCareTeams(rows, next, err)
}

// PatientSearch says whom to look for. What is empty does not matter.
type PatientSearch struct {
	Family, Given                         string // beginnings
	BirthDate, Phone, Email, RecordNumber string
}

// last sorts behind every text that begins with what stands before it.
const last = "\U0010FFFF"

// SearchPatients returns a page of the patients found, by family name.
func (tx *Tx) SearchPatients(s PatientSearch, p Page) ([]Patient, *Key, error) {
	q := tx.orm
	if s.Family != "" {
		from := fold(s.Family)
		q = q.Where("name_sort >= ? AND name_sort < ?", from, from+last)
	}
	if s.Given != "" {
		from := fold(s.Given)
		q = q.Where("given_sort >= ? AND given_sort < ?", from, from+last)
	}
	for _, equal := range []struct{ column, value string }{
		{"birth_date", s.BirthDate}, {"phone", s.Phone}, {"email_sort", strings.ToLower(s.Email)}, {"record_number", s.RecordNumber},
	} {
		if equal.value != "" {
			q = q.Where(equal.column+" = ?", equal.value)
		}
	}
	rows, next, err := list[Patient](q, asc("name_sort"), p)
	return tx.withCareTeams(rows, next, err)
}

func (tx *Tx) withCareTeams(rows []Patient, next *Key, err error) ([]Patient, *Key, error) {
	if err != nil {
		return nil, nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	teams, err := Parts[CareTeamMember](tx, "patient_id", ids...)
	for i := range rows {
		rows[i].CareTeam = teams[rows[i].ID]
	}
	return rows, next, err
}
