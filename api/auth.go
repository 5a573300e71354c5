package api

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
)

// Roles as x-access in the contract names them. Staff have the first three as a set.
const (
	roleAdmin         = "admin"
	rolePrescriber    = "prescriber"
	roleClinician     = "clinician"
	rolePatient       = "patient"
	roleSupportPerson = "supportPerson"
	anySignedIn       = "signedIn"
)

// rightsAge is how long rights may be remembered: deactivation takes effect within five
// seconds on every process.
const rightsAge = 2 * time.Second

// principal is who calls: a signed-in person in one clinic, as staff or as a patient, or a support
// person with a ticket.
type principal struct {
	identity identity
	clinic   uuid.UUID
	actor    store.Actor
	roles    []string
	self     uuid.UUID // the caller's own patient record in this clinic, if any
	// ticket is a support person's; nil for everybody who has signed in.
	ticket *store.Ticket
}

func (p *principal) is(role string) bool { return slices.Contains(p.roles, role) }

// key is what the caller is counted under.
func (p *principal) key() string { return p.clinic.String() + p.actor.String() }

// staff reports whether the caller may see what is for staff.
func (p *principal) staff() bool { return p.actor.Kind == store.ActorStaff }

// member is one membership with its rights as they were a moment ago. Who was deactivated has no roles.
type member struct {
	store.Membership
	clinicName string
	roles      []string
}

// signIn turns the bearer token into an identity, and the identity into a principal; or a ticket
// into a principal. The answer to every bad token is the same.
func (s *Server) signIn(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			call := callOf(r.Context())
			call.op = op
			header := ""
			if values := r.Header.Values(echo.HeaderAuthorization); len(values) == 1 {
				header = values[0]
			}
			if header == "" && r.Header.Get(ticketHeader) != "" {
				if err := s.admit(c, op); err != nil {
					return cmp.Or(s.countRequest(c), err)
				}
				return next(c)
			}
			id, err := s.verifier.verify(r.Context(), header)
			if err != nil {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="titrate"`)
				return cmp.Or(s.countRequest(c), err)
			}
			call.who.identity = id
			if op.open() {
				return next(c)
			}
			members, err := s.members(r.Context(), id)
			if err == nil {
				err = call.who.choose(members, r.Header.Get("Titrate-Clinic"), r.Header.Get("Titrate-Role"))
			}
			if err == nil {
				return next(c)
			}
			if limited := s.countRequest(c); limited != nil {
				return limited
			}
			if call.who.actor.ID != uuid.Nil { // who was a member tries it all the same
				return s.denied(c, op, err)
			}
			return err
		}
	}
}

// choose makes the principal of one membership: in the clinic that was asked for, or the only
// one; as staff, unless the caller asks to act as the patient they also are. Of who is a member no more
// it says who it was, with the error.
func (p *principal) choose(members []member, clinic, role string) error {
	none := problem.New(problem.NoMembership, "not a member of this clinic")
	if clinic == "" {
		for _, m := range members {
			if len(m.roles) == 0 && len(members) > 1 {
				continue
			}
			if p.clinic != uuid.Nil && p.clinic != m.ClinicID {
				return problem.New(problem.ClinicRequired, "say which clinic with the header Titrate-Clinic")
			}
			p.clinic = m.ClinicID
		}
	} else if id, err := uuid.Parse(clinic); err == nil {
		p.clinic = id
	}
	var staff, patient *member
	for i, m := range members {
		switch {
		case m.ClinicID != p.clinic:
		case m.Kind == store.ActorStaff:
			staff = &members[i]
		case m.Kind == store.ActorPatient:
			patient = &members[i]
		}
	}
	if patient != nil {
		p.self = patient.MemberID
	}
	chosen := staff
	if staff == nil || role == rolePatient || len(staff.roles) == 0 && patient != nil {
		chosen = patient
	}
	if p.clinic == uuid.Nil || chosen == nil || (role != "" && role != rolePatient) {
		return none
	}
	p.actor = store.Actor{Kind: chosen.Kind, ID: chosen.MemberID}
	if len(chosen.roles) == 0 {
		return none
	}
	p.roles = chosen.roles
	return nil
}

// members returns the current memberships of a signed-in person, at most rightsAge old.
func (s *Server) members(ctx context.Context, id identity) ([]member, error) {
	key, begun := id.hash(), s.now()
	if m, ok := s.rights.get(key, begun); ok {
		return m, nil
	}
	list, err := s.db.Memberships(ctx, key)
	if err != nil {
		return nil, err
	}
	members := make([]member, 0, len(list))
	for _, m := range list {
		out := member{Membership: m}
		scope := store.Scope{Clinic: m.ClinicID, Actor: store.Actor{Kind: m.Kind, ID: m.MemberID}, Operation: "signIn"}
		err := s.db.View(ctx, scope, func(tx *store.Tx) error {
			out.clinicName, out.roles, err = tx.Rights(m)
			return err
		})
		if err != nil {
			return nil, err
		}
		members = append(members, out)
	}
	// They are as old as the beginning: the reading may have waited, and what was taken away meanwhile may still be in them.
	s.rights.put(key, members, begun)
	return members, nil
}

// rightsCache remembers memberships for a moment. It is small: entries die with rightsAge.
type rightsCache struct {
	mu      sync.Mutex
	entries map[[32]byte]rightsEntry
}

type rightsEntry struct {
	members []member
	read    time.Time
}

func (c *rightsCache) get(key [32]byte, now time.Time) ([]member, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	age := now.Sub(e.read)
	return e.members, ok && age >= 0 && age < rightsAge
}

func (c *rightsCache) put(key [32]byte, members []member, read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) > 10_000 {
		c.entries = map[[32]byte]rightsEntry{}
	}
	c.entries[key] = rightsEntry{members, read}
}

// forget drops what is remembered of a person whose memberships have just changed here.
func (c *rightsCache) forget(key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}
