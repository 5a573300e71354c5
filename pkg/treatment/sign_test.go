package treatment_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestSignDoseLimits(t *testing.T) {
	const (
		active   = treatment.PrescriptionActive
		awaiting = treatment.PrescriptionAwaitingCosignature
	)
	tests := []struct {
		name          string
		dose, booster dose.Mg
		weight        dose.Kg
		want          treatment.PrescriptionStatus // draft: refused
	}{
		{"low", mg(100), 0, kg(70), active},
		{"at the soft mg", mg(450), 0, kg(120), active},
		{"a microgram above the soft mg", mg(450) + 1, 0, kg(120), awaiting},
		{"the booster counts", mg(400), mg(50) + 1, kg(120), awaiting},
		{"at the soft mg/kg", mg(420), 0, kg(70), active},
		{"a microgram above the soft mg/kg", mg(420) + 1, 0, kg(70), awaiting},
		{"a gram less weight crosses the soft mg/kg", mg(420), 0, kg(70) - 1, awaiting},
		{"mg governs where it is lower", mg(451), 0, kg(75) + 1, awaiting},
		{"at the hard mg", mg(600), 0, kg(120), awaiting},
		{"a microgram above the hard mg", mg(600) + 1, 0, kg(120), ""},
		{"dose and booster above the hard mg", mg(500), mg(101), kg(120), ""},
		{"at the hard mg/kg", mg(490), 0, kg(70), awaiting},
		{"a microgram above the hard mg/kg", mg(490) + 1, 0, kg(70), ""},
		{"a gram less weight crosses the hard mg/kg", mg(490), 0, kg(70) - 1, ""},
		{"too large to add", math.MaxInt64, 1, kg(70), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, s := order(), signing()
			o.DoseMg, o.BoosterMg, s.Weight.Kg = test.dose, test.booster, test.weight
			got, err := draft(t, o).Sign(s)
			if test.want == "" {
				refused(t, err, treatment.CodeHardMaximumExceeded, treatment.RuleHardMaximum)
				return
			}
			allowed(t, err)
			if got.Status != test.want {
				t.Errorf("status = %s, want %s", got.Status, test.want)
			}
		})
	}
}

// Whatever is signed alone is at or below both soft limits; whatever is signed at all is at
// or below both hard limits, exactly.
func TestSignDoseLimitsProperty(t *testing.T) {
	policy := treatment.Default().Prescribing
	rapid.Check(t, func(t *rapid.T) {
		o, s := order(), signing()
		o.DoseMg = dose.Mg(rapid.Int64Range(1, 700_000).Draw(t, "dose"))
		o.BoosterMg = dose.Mg(rapid.Int64Range(0, 200_000).Draw(t, "booster"))
		s.Weight.Kg = dose.Kg(rapid.Int64Range(30_000, 200_000).Draw(t, "weight"))
		exceeds := func(m treatment.MaximumDose) bool { // in µg·g, without any division
			sum := int64(o.DoseMg + o.BoosterMg)
			return sum > int64(m.DoseMg) || sum*1000 > int64(m.PerKgMg)*int64(s.Weight.Kg)
		}
		want := treatment.PrescriptionActive
		switch {
		case exceeds(policy.HardMaximum):
			want = treatment.PrescriptionDraft
		case exceeds(policy.SoftMaximum):
			want = treatment.PrescriptionAwaitingCosignature
		}
		p, err := treatment.Draft(o, treatment.PhaseInduction)
		if err != nil {
			t.Fatal(err)
		}
		p, err = p.Sign(s)
		if p.Status != want || (err != nil) != (want == treatment.PrescriptionDraft) {
			t.Fatalf("status = %s (%v), want %s", p.Status, err, want)
		}
	})
}

func TestSignGuards(t *testing.T) {
	tests := []struct {
		name   string
		change func(*treatment.Order, *treatment.Signing)
		code   string
		rules  []treatment.Rule // none: signed
	}{
		{"everything there", func(*treatment.Order, *treatment.Signing) {}, "", nil},

		{"no weight", func(_ *treatment.Order, s *treatment.Signing) { s.Weight = nil },
			treatment.CodeWeightRequired, []treatment.Rule{treatment.RuleWeight}},
		{"a weight of nothing", func(_ *treatment.Order, s *treatment.Signing) { s.Weight.Kg = 0 },
			treatment.CodeWeightRequired, []treatment.Rule{treatment.RuleWeight}},
		{"weight exactly 90 days old", func(_ *treatment.Order, s *treatment.Signing) { s.Weight.MeasuredAt = days(-90) }, "", nil},
		{"weight a moment older", func(_ *treatment.Order, s *treatment.Signing) { s.Weight.MeasuredAt = days(-90).Add(-1) },
			treatment.CodeWeightRequired, []treatment.Rule{treatment.RuleWeight}},
		{"no weight, and above the hard mg all the same", func(o *treatment.Order, s *treatment.Signing) { s.Weight, o.DoseMg = nil, mg(551) },
			treatment.CodeWeightRequired, []treatment.Rule{treatment.RuleWeight, treatment.RuleHardMaximum}},

		{"no dose", func(o *treatment.Order, _ *treatment.Signing) { o.DoseMg = 0 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleDose}},
		{"no strength", func(o *treatment.Order, _ *treatment.Signing) { o.StrengthMg = 0 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleDose}},
		{"negative booster", func(o *treatment.Order, _ *treatment.Signing) { o.BoosterMg = -1 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleDose}},
		{"five refills", func(o *treatment.Order, _ *treatment.Signing) { o.Refills = 5 }, "", nil},
		{"six refills", func(o *treatment.Order, _ *treatment.Signing) { o.Refills = 6 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefills}},
		{"six refills that a protocol would allow", func(o *treatment.Order, s *treatment.Signing) { o.Refills, s.Protocol.Prescribing.MaxRefills = 6, 12 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefills}},
		{"more refills than a stricter protocol allows", func(o *treatment.Order, s *treatment.Signing) { o.Refills, s.Protocol.Prescribing.MaxRefills = 3, 2 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefills}},
		{"negative refills", func(o *treatment.Order, _ *treatment.Signing) { o.Refills = -1 },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefills}},

		{"no NPI", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.NPI = "" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleNPI}},
		{"an NPI with a wrong check digit", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.NPI = "1234567890" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleNPI}},
		{"no licence", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.Licences = nil },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleLicence}},
		{"licence ends today", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.Licences[0].Expires = "2026-11-20" }, "", nil},
		{"licence ended yesterday", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.Licences[0].Expires = "2026-11-19" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleLicence}},
		{"no DEA registration", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.DEARegistrations = nil },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleDEARegistration}},
		{"a DEA number with a wrong check digit", func(_ *treatment.Order, s *treatment.Signing) { s.Signer.DEARegistrations[0].Number = "AB1234567" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleDEARegistration}},
		{"the patient is in another state", func(_ *treatment.Order, s *treatment.Signing) { s.PatientState = "NJ" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleLicence, treatment.RuleDEARegistration}},
		{"nobody knows where the patient is", func(_ *treatment.Order, s *treatment.Signing) { s.PatientState = "" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleLicence, treatment.RuleDEARegistration}},

		{"not eligible", func(_ *treatment.Order, s *treatment.Signing) { s.Eligible = new(false) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"eligibility unknown", func(_ *treatment.Order, s *treatment.Signing) { s.Eligible = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"consents unknown", func(_ *treatment.Order, s *treatment.Signing) { s.SignedConsents = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents}},
		{"one consent missing", func(_ *treatment.Order, s *treatment.Signing) { s.SignedConsents = s.SignedConsents[1:] },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents}},
		{"nothing to review", func(_ *treatment.Order, s *treatment.Signing) {
			s.Medicines, s.Reviewed = []treatment.Evidence{}, []treatment.Evidence{}
		}, "", nil},
		{"nobody has reviewed that there is nothing", func(_ *treatment.Order, s *treatment.Signing) {
			s.Medicines, s.Reviewed = []treatment.Evidence{}, nil
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleInteractions}},
		{"interactions not reviewed", func(_ *treatment.Order, s *treatment.Signing) { s.Reviewed = []treatment.Evidence{} },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleInteractions}},
		{"the one in force is locked", func(_ *treatment.Order, s *treatment.Signing) { s.Locked = true },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefillLock}},
		{"a medicine was added, and another one has changed", func(_ *treatment.Order, s *treatment.Signing) {
			s.Medicines = []treatment.Evidence{{Type: treatment.EvidenceMedication, ID: id(80), Version: 3}, {Type: treatment.EvidenceMedication, ID: id(81), Version: 1}}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleInteractions, treatment.RuleInteractions}},
		{"one more than there is", func(_ *treatment.Order, s *treatment.Signing) { s.Medicines = s.Medicines[:0] }, "", nil},
		{"medicines unknown", func(_ *treatment.Order, s *treatment.Signing) { s.Medicines = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleInteractions}},
		{"PDMP asked exactly 90 days ago", func(_ *treatment.Order, s *treatment.Signing) { s.PDMPCheckedAt = new(days(-90)) }, "", nil},
		{"PDMP asked a moment earlier", func(_ *treatment.Order, s *treatment.Signing) { s.PDMPCheckedAt = new(days(-90).Add(-1)) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RulePDMP}},
		{"PDMP never asked", func(_ *treatment.Order, s *treatment.Signing) { s.PDMPCheckedAt = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RulePDMP}},

		{"several reasons at once", func(o *treatment.Order, s *treatment.Signing) { o.Refills, s.Signer.NPI, s.Weight = 6, "", nil },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleNPI, treatment.RuleWeight, treatment.RuleRefills}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, s := order(), signing()
			test.change(&o, &s)
			before := draft(t, o)
			after, err := before.Sign(s)
			judged(t, err, test.code, test.rules...)
			if err != nil && !cmp.Equal(before, after) {
				t.Errorf("it was refused and changed: %s", cmp.Diff(before, after))
			}
		})
	}
}

// From the protocol's day on an examination in person must come first: the day is the one
// where the signature is made.
func TestSignInPersonExam(t *testing.T) {
	newYork := zone(t, "America/New_York")
	tests := []struct {
		name  string
		now   time.Time
		exam  *time.Time
		rules []treatment.Rule
	}{
		{"the last day before", time.Date(2026, 12, 31, 23, 59, 0, 0, newYork), nil, nil},
		{"the same moment in UTC is the day after", time.Date(2026, 12, 31, 23, 59, 0, 0, newYork).UTC(), nil,
			[]treatment.Rule{treatment.RuleInPersonExam}},
		{"the first day", time.Date(2027, 1, 1, 0, 0, 0, 0, newYork), nil, []treatment.Rule{treatment.RuleInPersonExam}},
		{"the first day with an exam", time.Date(2027, 1, 1, 0, 0, 0, 0, newYork), new(days(-300)), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := signing()
			s.Now, s.InPersonExamAt = test.now, test.exam
			_, err := draft(t, order()).Sign(s)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}

// Guards that are switched off look at nothing.
func TestSignWithGuardsOff(t *testing.T) {
	s := signing()
	s.Now, s.Weight.MeasuredAt = days(60), days(50) // after the in-person exam is required
	s.Eligible, s.SignedConsents, s.Medicines, s.PDMPCheckedAt, s.InPersonExamAt = nil, nil, nil, nil, nil
	_, err := draft(t, order()).Sign(s)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleConsents, treatment.RuleConsultation, treatment.RuleInteractions,
		treatment.RulePDMP, treatment.RuleInPersonExam)

	s.Protocol = unguarded()
	_, err = draft(t, order()).Sign(s)
	allowed(t, err)
}

func TestSignRecords(t *testing.T) {
	s := signing()
	s.Now = time.Date(2026, 8, 31, 22, 0, 0, 0, zone(t, "America/New_York"))
	s.Weight.MeasuredAt = s.Now
	s.PDMPCheckedAt = &s.Now
	got, err := draft(t, order()).Sign(s)
	allowed(t, err)
	want := treatment.Prescription{
		Order: order(), Status: treatment.PrescriptionActive,
		SignedAt:  new(time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)),
		SignedBy:  new(id(1)),
		SignerNPI: "1234567893",
		// six months after 31 August in New York, where it is winter then
		ExpiresAt:  new(time.Date(2027, 3, 1, 3, 0, 0, 0, time.UTC)),
		ExpiringAt: new(time.Date(2027, 2, 15, 3, 0, 0, 0, time.UTC)),
		WeightKg:   new(kg(70)), ProtocolID: id(200), RulesVersion: treatment.RulesVersion,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A protocol can shorten the six months and never lengthen them.
func TestSignValidity(t *testing.T) {
	for months, want := range map[int]time.Time{
		1:  time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC),
		6:  time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC),
		12: time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC),
	} {
		s := signing()
		s.Protocol.Prescribing.ValidityMonths = months
		p, err := draft(t, order()).Sign(s)
		allowed(t, err)
		if !p.ExpiresAt.Equal(want) {
			t.Errorf("%d months end at %v, want %v", months, p.ExpiresAt, want)
		}
	}
}

func TestSignNeedsOpenTreatment(t *testing.T) {
	for _, phase := range treatment.Phases {
		s := signing()
		s.Phase = phase
		_, err := draft(t, order()).Sign(s)
		if phase.Open() {
			allowed(t, err)
		} else {
			refused(t, err, treatment.CodeIllegalTransition)
		}
	}
}

func TestCosign(t *testing.T) {
	second := func() treatment.Cosigning {
		return treatment.Cosigning{Now: days(1), Cosigner: prescriber(2, "1993999998"), PatientState: "NY", Phase: treatment.PhaseInduction}
	}
	expires := *awaiting(t).ExpiresAt
	tests := []struct {
		name   string
		change func(*treatment.Cosigning)
		code   string
		rules  []treatment.Rule
	}{
		{"another prescriber", func(*treatment.Cosigning) {}, "", nil},
		{"the one in force is locked", func(c *treatment.Cosigning) { c.Locked = true }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleRefillLock}},
		{"the signer", func(c *treatment.Cosigning) { c.Cosigner = prescriber(1, "1234567893") },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleOtherPrescriber}},
		{"the same staff record with another NPI", func(c *treatment.Cosigning) { c.Cosigner.StaffID = id(1) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleOtherPrescriber}},
		{"another staff record with the same NPI", func(c *treatment.Cosigning) { c.Cosigner.NPI = "1234567893" },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleOtherPrescriber}},
		{"without an NPI", func(c *treatment.Cosigning) { c.Cosigner.NPI = "" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleNPI}},
		{"without a licence there", func(c *treatment.Cosigning) { c.Cosigner.Licences[0].State = "NJ" },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleLicence}},
		{"without a registration", func(c *treatment.Cosigning) { c.Cosigner.DEARegistrations = nil },
			treatment.CodeCredentialsRequired, []treatment.Rule{treatment.RuleDEARegistration}},
		{"a moment before it expires", func(c *treatment.Cosigning) { c.Now = expires.Add(-1) }, "", nil},
		{"when it expires", func(c *treatment.Cosigning) { c.Now = expires },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleExpired}},
		{"the treatment has ended", func(c *treatment.Cosigning) { c.Phase = treatment.PhaseDiscontinued },
			treatment.CodeIllegalTransition, []treatment.Rule{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := second()
			test.change(&c)
			got, err := awaiting(t).Cosign(c)
			if test.rules == nil {
				allowed(t, err)
				want := awaiting(t)
				want.Status, want.CosignedAt, want.CosignedBy = treatment.PrescriptionActive, new(c.Now), new(id(2))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			refused(t, err, test.code, test.rules...)
		})
	}

	_, err := active(t).Cosign(second())
	refused(t, err, treatment.CodeIllegalTransition)
}

func TestWithdraw(t *testing.T) {
	got, err := awaiting(t).Withdraw(id(1), "")
	allowed(t, err)
	want := draft(t, awaiting(t).Order)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by the signer (-want +got):\n%s", diff)
	}

	_, err = awaiting(t).Withdraw(id(2), " ")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)

	got, err = awaiting(t).Withdraw(id(2), "dose too high")
	allowed(t, err)
	want.StatusReason = "dose too high"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by another prescriber (-want +got):\n%s", diff)
	}

	_, err = active(t).Withdraw(id(1), "")
	refused(t, err, treatment.CodeIllegalTransition)
}
