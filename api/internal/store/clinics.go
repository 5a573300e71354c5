package store

// Clinic is the tenant. Its id is the clinic_id of everything that belongs to it.
type Clinic struct {
	Record
	Name          string
	TimeZone      string
	SafetyMessage string // what patients read when an answer or a reading is dangerous
}

// Clinic returns the scope's clinic.
func (tx *Tx) Clinic() (*Clinic, error) { return Find[Clinic](tx, tx.scope.Clinic) }

// Rights returns what a membership is worth now: the clinic's name and the roles. Somebody who
// was deactivated has none.
func (tx *Tx) Rights(m Membership) (clinic string, roles []string, err error) {
	c, err := tx.Clinic()
	if err != nil {
		return "", nil, err
	}
	if m.Kind == ActorPatient {
		_, err := Find[Patient](tx, m.MemberID)
		return c.Name, []string{ActorPatient}, err
	}
	s, err := Find[Staff](tx, m.MemberID)
	if err != nil || s.Status != StaffActive {
		return c.Name, nil, err
	}
	return c.Name, s.Roles(), nil
}
