package api

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// Contract returns openapi.yaml as this build serves it.
func Contract() []byte { return titrate.OpenAPI }

// safetyText is what patients read when an answer or a reading is dangerous, until the clinic
// writes its own. It names the emergency numbers of the United States.
const safetyText = "If you or somebody with you may be in danger, call 911 now. " +
	"If you think of harming yourself, call or text 988 at any time, day or night. " +
	"Tell your support person. Your clinic has been told and will contact you."

// NewClinic is a clinic to be made.
type NewClinic struct {
	Name       string
	TimeZone   string // IANA; America/New_York if empty
	AdminGiven string
	AdminName  string
	AdminEmail string
}

// CreateClinic makes a clinic with the shipped protocols and consent texts and its first admin,
// and returns the clinic's id and the single-use invitation to hand to the admin.
func (s *Server) CreateClinic(ctx context.Context, c NewClinic) (clinic uuid.UUID, invitation string, err error) {
	if c.TimeZone == "" {
		c.TimeZone = "America/New_York"
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return uuid.Nil, "", fmt.Errorf("%q is not an IANA time zone", c.TimeZone)
	}
	clinic = s.newID()
	scope := store.Scope{Clinic: clinic, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "createClinic", RequestID: "createClinic"}
	err = s.db.Update(ctx, scope, func(tx *store.Tx) error {
		row := &store.Clinic{Record: store.Record{ID: clinic}, Name: c.Name, TimeZone: c.TimeZone, SafetyMessage: safetyText}
		if err := tx.Create("clinic.created", row); err != nil {
			return err
		}
		if err := addProtocol(tx); err != nil {
			return err
		}
		if err := addConsentTemplates(tx); err != nil {
			return err
		}
		admin := &store.Staff{GivenName: c.AdminGiven, FamilyName: c.AdminName, Email: c.AdminEmail, Admin: true, Status: store.StaffActive}
		if err := tx.AddStaff(admin); err != nil {
			return err
		}
		made, err := s.invite(tx, store.ActorStaff, admin.ID)
		invitation = made.Code
		return err
	})
	return clinic, invitation, err
}

// addProtocol gives a new clinic the shipped protocol.
func addProtocol(tx *store.Tx) error {
	row, err := protocolRow(treatment.Default(), treatment.ShippedApproval(tx.Now))
	if err != nil {
		return err
	}
	return tx.Create("protocol.shipped", row)
}

// addConsentTemplates publishes the shipped texts in a new clinic.
func addConsentTemplates(tx *store.Tx) error {
	for _, t := range treatment.ConsentTemplates() {
		if err := tx.PublishConsentTemplate("consentTemplate.shipped", &store.ConsentTemplate{ConsentTemplate: t}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) newID() uuid.UUID {
	if s.cfg.NewID != nil {
		return s.cfg.NewID()
	}
	return uuid.Must(uuid.NewV7())
}

// Migration is one step of the database's schema.
type Migration = store.Migration

// Migrate moves the schema of the configured database up or down, or shows where it is. On
// PostgreSQL cfg.DatabaseURL must be the owner's; app names the runtime login.
func Migrate(ctx context.Context, cfg Config, direction, app string) ([]Migration, error) {
	dsn, err := cfg.dsn()
	if err != nil {
		return nil, err
	}
	return store.Migrate(ctx, store.Options{DSN: dsn, AppRole: app}, store.Direction(direction))
}
