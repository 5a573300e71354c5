package store_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	rules "github.com/titrate-health/titrate/pkg/treatment"
)

// shelf are the consent texts of a clinic and a member of staff who presents them.
type shelf struct {
	t       *testing.T
	db      *store.DB
	s       store.Scope
	patient uuid.UUID
	nurse   uuid.UUID
	names   map[uuid.UUID]string // of the consents, for comparing
}

func consentsOf(t *testing.T, fn func(t *testing.T, sh *shelf)) {
	shipped(t, func(t *testing.T, db *store.DB, s store.Scope, patient uuid.UUID) {
		nurse := &store.Staff{Status: store.StaffActive}
		add(t, db, s, patient, nurse)
		fn(t, &shelf{t, db, s, patient, nurse.ID, map[uuid.UUID]string{}})
	})
}

// text publishes a text; retired is when it was retired, nil for never.
func (sh *shelf) text(kind rules.ConsentKind, retired *time.Time) *store.ConsentTemplate {
	sh.t.Helper()
	t := &store.ConsentTemplate{ConsentTemplate: rules.ConsentTemplate{
		Kind: kind, Title: "T", Text: "A text.", ValidMonths: 12, Status: rules.ConsentTemplatePublished, RetiredAt: retired,
	}}
	if retired != nil {
		t.Status = rules.ConsentTemplateRetired
	}
	update(sh.t, sh.db, sh.s, func(tx *store.Tx) error { return tx.PublishConsentTemplate("test.published", t) })
	return t
}

// consent adds one to a text. signed is when; it is good for a year.
func (sh *shelf) consent(name string, t *store.ConsentTemplate, status rules.ConsentStatus, signed, ended *time.Time) *store.Consent {
	sh.t.Helper()
	c := &store.Consent{PatientID: sh.patient, TemplateID: t.ID, Consent: rules.Consent{
		Kind: t.Kind, Status: status, PresentedAt: noon.AddDate(-2, 0, 0), PresentedBy: sh.nurse, EndedAt: ended,
	}}
	if t.Kind == rules.ConsentDataSharing {
		c.Partner = name
	}
	if signed != nil {
		c.SignatureName, c.SignedAt, c.ExpiresAt = "A B", signed, new(signed.AddDate(1, 0, 0))
		c.Signature = store.Told{OccurredAt: *signed, TimeZone: "UTC", ReportedBy: "patient", Mode: "app", RecordedBy: "patient:" + sh.patient.String()}.Report(newID(), noon)
	}
	add(sh.t, sh.db, sh.s, sh.patient, c)
	sh.names[c.ID] = name
	return c
}

// at is noon and so many days.
func at(days int) *time.Time { return new(noon.AddDate(0, 0, days)) }

func TestConsentTemplateRevisions(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		for i, kind := range []rules.ConsentKind{rules.ConsentNoDriving, rules.ConsentNoDriving, rules.ConsentTreatment, rules.ConsentNoDriving} {
			if got, want := sh.text(kind, nil).Revision, []int{1, 2, 1, 3}[i]; got != want {
				t.Errorf("text %d is revision %d, want %d", i, got, want)
			}
		}
		sh.text(rules.ConsentNoDriving, at(-1))
		view(t, sh.db, sh.s, func(tx *store.Tx) error {
			for _, test := range []struct {
				kind rules.ConsentKind
				all  int
				open int
			}{{rules.ConsentNoDriving, 4, 3}, {rules.ConsentTreatment, 1, 1}, {rules.ConsentTelehealth, 0, 0}} {
				all, err := tx.LastRevision(test.kind, rules.ConsentTemplateStatuses...)
				if err != nil {
					return err
				}
				open, err := tx.LastRevision(test.kind, rules.ConsentTemplatePublished)
				if err != nil {
					return err
				}
				if all != test.all || open != test.open {
					t.Errorf("%s: revision %d, %d not retired; want %d and %d", test.kind, all, open, test.all, test.open)
				}
			}
			return nil
		})
		twice := &store.ConsentTemplate{ConsentTemplate: rules.ConsentTemplate{Kind: rules.ConsentTreatment, Revision: 1, Status: rules.ConsentTemplatePublished}}
		err := sh.db.Update(t.Context(), sh.s, func(tx *store.Tx) error { return tx.Create("test.published", twice) })
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a revision twice: %v", err)
		}
	})
}

func TestListConsents(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		driving, sharing := sh.text(rules.ConsentNoDriving, nil), sh.text(rules.ConsentDataSharing, nil)
		retired := sh.text(rules.ConsentTelehealth, at(0))
		sh.consent("open", driving, rules.ConsentPresented, nil, nil)
		sh.consent("open, text retired", retired, rules.ConsentPresented, nil, nil)
		sh.consent("good", sharing, rules.ConsentSigned, at(-364), nil)
		sh.consent("over", sharing, rules.ConsentSigned, at(-365), nil)
		sh.consent("text retired", sh.text(rules.ConsentTreatment, at(-1)), rules.ConsentSigned, at(-10), nil)
		sh.consent("withdrawn", sharing, rules.ConsentWithdrawn, at(-10), at(-5))
		tests := map[rules.ConsentStatus][]string{
			"":                       {"good", "open", "open, text retired", "over", "text retired", "withdrawn"},
			rules.ConsentPresented:   {"open"},
			rules.ConsentSigned:      {"good"},
			rules.ConsentExpired:     {"open, text retired", "over", "text retired"},
			rules.ConsentWithdrawn:   {"withdrawn"},
			rules.ConsentDeclined:    nil,
			rules.ConsentSuperseded:  nil,
			rules.ConsentStatus("x"): nil,
		}
		for status, want := range tests {
			var got []string
			view(t, sh.db, sh.s, func(tx *store.Tx) error {
				page := store.Page{Limit: 2}
				for {
					rows, next, err := tx.ListConsents(sh.patient, status, page)
					for i := range rows {
						got = append(got, sh.names[rows[i].ID])
						if shown := rows[i].StatusAt(tx.Now); status != "" && shown != status {
							t.Errorf("%s lists %s, which is %s", status, sh.names[rows[i].ID], shown)
						}
					}
					if page.After = next; next == nil || err != nil {
						return err
					}
				}
			})
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", status, diff)
			}
		}
	})
}

func TestConsentsInForce(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		inForce := func(patient uuid.UUID, at time.Time) (kinds []string) {
			view(t, sh.db, sh.s, func(tx *store.Tx) (err error) {
				kinds, err = tx.ConsentsInForce(patient, at)
				return err
			})
			return kinds
		}
		if got := inForce(sh.patient, noon); got == nil || len(got) > 0 {
			t.Errorf("without any: %#v, want an empty list: it is known that there are none", got)
		}
		driving, sharing := sh.text(rules.ConsentNoDriving, nil), sh.text(rules.ConsentDataSharing, nil)
		sh.consent("driving", driving, rules.ConsentSigned, at(-10), nil)
		sh.consent("one", sharing, rules.ConsentSigned, at(-20), nil)
		sh.consent("two", sharing, rules.ConsentSigned, at(-20), nil)
		sh.consent("treatment", sh.text(rules.ConsentTreatment, at(-5)), rules.ConsentSigned, at(-30), nil)
		sh.consent("telehealth", sh.text(rules.ConsentTelehealth, nil), rules.ConsentWithdrawn, at(-40), at(-8))
		sh.consent("communication", sh.text(rules.ConsentCommunication, nil), rules.ConsentDeclined, nil, at(-40))
		sh.consent("support person", sh.text(rules.ConsentSupportPerson, nil), rules.ConsentSigned, at(-365), nil)
		for days, want := range map[int][]string{
			0:   {"dataSharing", "noDriving"},
			-1:  {"dataSharing", "noDriving", "supportPerson"},
			-5:  {"dataSharing", "noDriving", "supportPerson"},
			-6:  {"dataSharing", "noDriving", "supportPerson", "treatment"},
			-9:  {"dataSharing", "noDriving", "supportPerson", "telehealth", "treatment"},
			-11: {"dataSharing", "supportPerson", "telehealth", "treatment"},
			-35: {"supportPerson", "telehealth"},
			355: {},
		} {
			if diff := cmp.Diff(want, inForce(sh.patient, *at(days))); diff != "" {
				t.Errorf("day %d (-want +got):\n%s", days, diff)
			}
		}
		if got := inForce(newID(), noon); len(got) > 0 {
			t.Errorf("somebody else's: %v", got)
		}
	})
}

// A row comes back as it went in, what is empty included, and so does its history.
func TestConsentRoundTrip(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		text := sh.text(rules.ConsentDataSharing, nil)
		signed := sh.consent("signed", text, rules.ConsentSigned, at(-1), nil)
		withdrawn := sh.consent("withdrawn", text, rules.ConsentWithdrawn, at(-2), at(-1))
		for _, want := range []*store.Consent{sh.consent("presented", text, rules.ConsentPresented, nil, nil), signed, withdrawn} {
			var data string
			view(t, sh.db, sh.s, func(tx *store.Tx) error {
				got, err := tx.Consent(want.ID)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(text, got.Template); diff != "" {
					t.Errorf("text (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Consent{}, "Template")); diff != "" {
					t.Errorf("row (-want +got):\n%s", diff)
				}
				return tx.Conn().QueryRowContext(t.Context(), "SELECT data FROM history WHERE clinic_id = $1 AND record_id = $2", sh.s.Clinic, want.ID).Scan(&data)
			})
			got := new(store.Consent)
			if err := json.Unmarshal([]byte(data), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		}
	})
}

// The database does not take two signatures for one purpose, whatever the rules forget.
func TestOneSignedConsent(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		first, second := sh.text(rules.ConsentNoDriving, nil), sh.text(rules.ConsentNoDriving, nil)
		sh.consent("first", first, rules.ConsentSigned, at(-1), nil)
		sh.consent("second", second, rules.ConsentPresented, nil, nil)
		err := sh.db.Update(t.Context(), sh.s, func(tx *store.Tx) error {
			if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: sh.patient}); err != nil {
				return err
			}
			c, err := tx.ConsentTo(second, sh.patient, "")
			if err != nil {
				return err
			}
			c.Status, c.SignedAt, c.ExpiresAt = rules.ConsentSigned, at(0), at(365)
			return tx.Change("test.signed", c)
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("two signed: %v", err)
		}
	})
}

func TestSessionsRunning(t *testing.T) {
	consentsOf(t, func(t *testing.T, sh *shelf) {
		hour := func(n int) *time.Time { return new(noon.Add(time.Duration(n) * time.Hour)) }
		protocol := &store.Protocol{Name: "default", Revision: "1", Policy: "{}", ProtocolApproval: rules.ShippedApproval(noon)}
		add(t, sh.db, sh.s, sh.patient, protocol)
		course := &store.Treatment{PatientID: sh.patient, Treatment: rules.Treatment{
			Indication: rules.IndicationDepression, Phase: rules.PhaseInduction, ProtocolID: protocol.ID, ResponsiblePrescriberID: sh.nurse,
		}}
		add(t, sh.db, sh.s, sh.patient, course)
		session := func(started, ended, noDrive *time.Time) *store.Session {
			return &store.Session{PatientID: sh.patient, TreatmentID: course.ID, At: noon, Session: rules.Session{
				Status: rules.SessionMonitoring, StartedAt: started, EndedAt: ended, NoDriveUntil: noDrive,
			}}
		}
		add(t, sh.db, sh.s, sh.patient,
			session(hour(0), hour(2), hour(24)), session(hour(100), nil, hour(124)), session(hour(200), hour(230), hour(224)), session(nil, hour(0), nil))
		for _, test := range []struct {
			a, b int
			want []int // when they started
		}{
			{-1, -1, nil}, {0, 0, []int{0}}, {23, 23, []int{0}}, {24, 24, nil}, {123, 123, []int{100}}, {124, 99, []int{100}},
			{225, 225, []int{200}}, {230, 300, nil}, {300, -5, []int{0, 100, 200}},
		} {
			view(t, sh.db, sh.s, func(tx *store.Tx) error {
				rows, err := tx.SessionsRunning(sh.patient, *hour(test.a), *hour(test.b))
				var got []int
				for _, s := range rows {
					got = append(got, int(s.StartedAt.Sub(noon).Hours()))
				}
				slices.Sort(got)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%d to %d (-want +got):\n%s", test.a, test.b, diff)
				}
				return err
			})
		}
	})
}
