package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func presenting(t testing.TB) treatment.Presenting {
	return treatment.Presenting{Template: consentText(t, treatment.ConsentNoDriving), Newest: 1, By: id(1), Now: noon}
}

// signature is the patient's, an hour after noon in New York.
func signature(t testing.TB) treatment.Signature {
	return treatment.Signature{Protocol: treatment.Default(), Name: "Maya Lindqvist", At: at(60).In(zone(t, "America/New_York")), Now: at(61), Mode: treatment.ModeApp}
}

// consentThat is a consent that has come to a status by the shortest way: presented at noon,
// signed an hour later, ended a day later.
func consentThat(t testing.TB, is treatment.ConsentStatus) treatment.Consent {
	t.Helper()
	c, err := treatment.Present(presenting(t))
	allowed(t, err)
	if is == treatment.ConsentPresented {
		return c
	}
	if is == treatment.ConsentDeclined {
		c, err = c.Decline("not yet", days(1), days(1))
		allowed(t, err)
		return c
	}
	c, err = c.Sign(consentText(t, treatment.ConsentNoDriving), signature(t))
	allowed(t, err)
	switch is {
	case treatment.ConsentWithdrawn:
		c, err = c.Withdraw("moving away", days(1), days(1))
	case treatment.ConsentSuperseded:
		c, err = c.Supersede(days(1))
	}
	allowed(t, err)
	return c
}

var storedConsents = slices.DeleteFunc(slices.Clone(treatment.ConsentStatuses), func(s treatment.ConsentStatus) bool {
	return s == treatment.ConsentExpired
})

func TestConsentOperations(t *testing.T) {
	text := consentText(t, treatment.ConsentNoDriving)
	operations := []struct {
		name string
		do   func(treatment.Consent) (treatment.Consent, error)
		to   treatment.ConsentStatus
		from []treatment.ConsentStatus
	}{
		{"present", func(c treatment.Consent) (treatment.Consent, error) {
			p := presenting(t)
			p.Earlier, p.Now = &c, days(2)
			return treatment.Present(p)
		}, treatment.ConsentPresented, []treatment.ConsentStatus{treatment.ConsentDeclined, treatment.ConsentWithdrawn, treatment.ConsentSuperseded}},
		{"sign", func(c treatment.Consent) (treatment.Consent, error) { return c.Sign(text, signature(t)) },
			treatment.ConsentSigned, []treatment.ConsentStatus{treatment.ConsentPresented}},
		{"decline", func(c treatment.Consent) (treatment.Consent, error) { return c.Decline("", days(2), days(2)) },
			treatment.ConsentDeclined, []treatment.ConsentStatus{treatment.ConsentPresented}},
		{"withdraw", func(c treatment.Consent) (treatment.Consent, error) { return c.Withdraw("", days(2), days(2)) },
			treatment.ConsentWithdrawn, []treatment.ConsentStatus{treatment.ConsentSigned}},
		{"supersede", func(c treatment.Consent) (treatment.Consent, error) { return c.Supersede(days(2)) },
			treatment.ConsentSuperseded, []treatment.ConsentStatus{treatment.ConsentPresented, treatment.ConsentSigned}},
	}
	for _, operation := range operations {
		for _, from := range storedConsents {
			before := consentThat(t, from)
			got, err := operation.do(before)
			if !slices.Contains(operation.from, from) {
				refused(t, err, treatment.CodeIllegalTransition)
				if diff := cmp.Diff(before, got); diff != "" {
					t.Errorf("%s of %s was refused and changed (-before +after):\n%s", operation.name, from, diff)
				}
				continue
			}
			allowed(t, err)
			if got.Status != operation.to {
				t.Errorf("%s of %s made it %s", operation.name, from, got.Status)
			}
		}
	}
}

func TestPresent(t *testing.T) {
	want := treatment.Consent{Kind: treatment.ConsentNoDriving, Status: treatment.ConsentPresented, PresentedAt: noon, PresentedBy: id(1)}
	if diff := cmp.Diff(want, consentThat(t, treatment.ConsentPresented)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	tests := []struct {
		name   string
		change func(*treatment.Presenting)
		rules  []treatment.Rule
	}{
		{"an older text", func(p *treatment.Presenting) { p.Newest = 2 }, []treatment.Rule{treatment.RuleConsentText}},
		{"every text retired", func(p *treatment.Presenting) { p.Newest = 0 }, []treatment.Rule{treatment.RuleConsentText}},
		{"retired", func(p *treatment.Presenting) { p.Template.Status = treatment.ConsentTemplateRetired }, []treatment.Rule{treatment.RuleConsentText}},
		{"a partner too many", func(p *treatment.Presenting) { p.Partner = "Acme Health" }, []treatment.Rule{treatment.RulePartner}},
		{"no partner", func(p *treatment.Presenting) { p.Template.Kind = treatment.ConsentDataSharing }, []treatment.Rule{treatment.RulePartner}},
		{"a partner", func(p *treatment.Presenting) {
			p.Template.Kind, p.Partner = treatment.ConsentDataSharing, "Acme Health"
		}, nil},
		{"both", func(p *treatment.Presenting) { p.Newest, p.Partner = 2, "Acme Health" },
			[]treatment.Rule{treatment.RuleConsentText, treatment.RulePartner}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := presenting(t)
			test.change(&p)
			_, err := treatment.Present(p)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}

// What is presented again knows nothing of the earlier answer but when it ended.
func TestPresentAgain(t *testing.T) {
	expires := *consentThat(t, treatment.ConsentSigned).ExpiresAt
	tests := []struct {
		name      string
		earlier   treatment.ConsentStatus
		at        time.Time
		notBefore time.Time
	}{
		{"declined", treatment.ConsentDeclined, days(2), days(1)},
		{"withdrawn", treatment.ConsentWithdrawn, days(2), days(1)},
		{"superseded", treatment.ConsentSuperseded, days(2), days(1)},
		{"expired", treatment.ConsentSigned, expires, expires},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := presenting(t)
			p.Earlier, p.By, p.Now = new(consentThat(t, test.earlier)), id(2), test.at
			got, err := treatment.Present(p)
			allowed(t, err)
			want := treatment.Consent{
				Kind: treatment.ConsentNoDriving, Status: treatment.ConsentPresented, PresentedAt: test.at, PresentedBy: id(2),
				NotBefore: &test.notBefore,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again := signature(t)
			again.At, again.Now = test.notBefore.Add(-1), days(1000)
			_, err = got.Sign(p.Template, again)
			refused(t, err, treatment.CodeRuleViolated, treatment.RuleAnsweredBefore)
			_, err = got.Decline("", test.notBefore.Add(-1), days(1000))
			refused(t, err, treatment.CodeRuleViolated, treatment.RuleAnsweredBefore)
			again.At = test.notBefore
			_, err = got.Sign(p.Template, again)
			allowed(t, err)
		})
	}
	p := presenting(t)
	p.Earlier, p.Now = new(consentThat(t, treatment.ConsentSigned)), expires.Add(-1)
	_, err := treatment.Present(p)
	refused(t, err, treatment.CodeIllegalTransition)
}

func TestSignConsent(t *testing.T) {
	want := consentThat(t, treatment.ConsentPresented)
	want.Status, want.SignatureName, want.SignedAt = treatment.ConsentSigned, "Maya Lindqvist", new(at(60))
	want.ExpiresAt = new(time.Date(2027, time.November, 20, 13, 0, 0, 0, time.UTC))
	want.ExpiringAt = new(time.Date(2027, time.October, 21, 13, 0, 0, 0, time.UTC))
	if diff := cmp.Diff(want, consentThat(t, treatment.ConsentSigned)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	running := treatment.Session{StartedAt: new(at(0)), NoDriveUntil: new(days(1))}
	ended := running
	ended.EndedAt = new(at(60))
	ahead := running
	ahead.EndedAt = new(at(-1)) // an end before the dose releases nobody
	retired := func(when time.Time) func(*treatment.ConsentTemplate, *treatment.Signature) {
		return func(text *treatment.ConsentTemplate, _ *treatment.Signature) { text.RetiredAt = &when }
	}
	tests := []struct {
		name   string
		change func(*treatment.ConsentTemplate, *treatment.Signature)
		code   string
		rules  []treatment.Rule
	}{
		{"text retired at that moment", retired(at(60)), treatment.CodeIllegalTransition, nil},
		{"text retired since", retired(at(60).Add(1)), "", nil},
		{"witnessed on video", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.WitnessedBy, s.Mode = new(id(2)), treatment.ModeVideo
		}, "", nil},
		{"witnessed in the app", func(_ *treatment.ConsentTemplate, s *treatment.Signature) { s.WitnessedBy = new(id(2)) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleWitness}},
		{"before the dose", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = at(0).Add(-1), at(0).Add(-1), []treatment.Session{running}
		}, "", nil},
		{"with the dose", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = at(0), at(0), []treatment.Session{running}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"a moment before the release", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = at(60).Add(-1), at(60).Add(-1), []treatment.Session{ended}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"at the release", func(_ *treatment.ConsentTemplate, s *treatment.Signature) { s.Sessions = []treatment.Session{ended} }, "", nil},
		{"in a session, recorded after it", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = at(30), days(3), []treatment.Session{ended}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"before a session, recorded in it", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = at(-10), at(30), []treatment.Session{running}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"without an end, before driving", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = days(1).Add(-1), days(2), []treatment.Session{running}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"without an end, when driving is allowed", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.At, s.Now, s.Sessions = days(1), days(1), []treatment.Session{running}
		}, "", nil},
		{"ended before its dose", func(_ *treatment.ConsentTemplate, s *treatment.Signature) { s.Sessions = []treatment.Session{ahead} },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleSessionRunning}},
		{"a session without a dose", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.Sessions = []treatment.Session{{EndedAt: new(at(90))}}
		}, "", nil},
		{"everything", func(_ *treatment.ConsentTemplate, s *treatment.Signature) {
			s.WitnessedBy, s.Sessions = new(id(2)), []treatment.Session{ended, running, ahead}
		}, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleWitness, treatment.RuleSessionRunning}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, s := consentText(t, treatment.ConsentNoDriving), signature(t)
			test.change(&text, &s)
			got, err := consentThat(t, treatment.ConsentPresented).Sign(text, s)
			if test.code != "" {
				refused(t, err, test.code, test.rules...)
				return
			}
			allowed(t, err)
			if !got.SignedAt.Equal(s.At) || got.WitnessedBy != s.WitnessedBy {
				t.Errorf("signed at %v, witnessed by %v", got.SignedAt, got.WitnessedBy)
			}
		})
	}
}

// Months are the calendar's where the patient signs, and a day that is not there is the last one.
func TestConsentExpires(t *testing.T) {
	newYork := zone(t, "America/New_York")
	text := consentText(t, treatment.ConsentNoDriving)
	for months, want := range map[int]time.Time{
		12: time.Date(2027, time.August, 31, 22, 0, 0, 0, newYork),
		6:  time.Date(2027, time.February, 28, 22, 0, 0, 0, newYork),
		1:  time.Date(2026, time.September, 30, 22, 0, 0, 0, newYork),
	} {
		text.ValidMonths = months
		s := signature(t)
		s.At = time.Date(2026, time.August, 31, 22, 0, 0, 0, newYork)
		c, err := consentThat(t, treatment.ConsentPresented).Sign(text, s)
		allowed(t, err)
		if !c.ExpiresAt.Equal(want) {
			t.Errorf("%d months end at %v, want %v", months, c.ExpiresAt, want)
		}
	}
}

func TestConsentInForce(t *testing.T) {
	text := consentText(t, treatment.ConsentNoDriving)
	retired := text
	retired.RetiredAt = new(days(10))
	signed := consentThat(t, treatment.ConsentSigned)
	expires := *signed.ExpiresAt
	tests := []struct {
		name    string
		consent treatment.Consent
		text    treatment.ConsentTemplate
		at      time.Time
		inForce bool
		status  treatment.ConsentStatus
	}{
		{"presented", consentThat(t, treatment.ConsentPresented), text, days(1), false, treatment.ConsentPresented},
		{"presented, text not yet retired", consentThat(t, treatment.ConsentPresented), retired, days(10).Add(-1), false, treatment.ConsentPresented},
		{"presented, text retired", consentThat(t, treatment.ConsentPresented), retired, days(10), false, treatment.ConsentExpired},
		{"before the signature", signed, text, at(60).Add(-1), false, treatment.ConsentSigned},
		{"at the signature", signed, text, at(60), true, treatment.ConsentSigned},
		{"a moment before it expires", signed, text, expires.Add(-1), true, treatment.ConsentSigned},
		{"when it expires", signed, text, expires, false, treatment.ConsentExpired},
		{"text not yet retired", signed, retired, days(10).Add(-1), true, treatment.ConsentSigned},
		{"text retired", signed, retired, days(10), false, treatment.ConsentExpired},
		{"before it was withdrawn", consentThat(t, treatment.ConsentWithdrawn), text, days(1).Add(-1), true, treatment.ConsentWithdrawn},
		{"withdrawn", consentThat(t, treatment.ConsentWithdrawn), text, days(1), false, treatment.ConsentWithdrawn},
		{"before it was superseded", consentThat(t, treatment.ConsentSuperseded), text, days(1).Add(-1), true, treatment.ConsentSuperseded},
		{"superseded", consentThat(t, treatment.ConsentSuperseded), text, days(1), false, treatment.ConsentSuperseded},
		{"declined", consentThat(t, treatment.ConsentDeclined), text, days(1), false, treatment.ConsentDeclined},
		{"nobody knows until when", treatment.Consent{Status: treatment.ConsentSigned, SignedAt: new(noon)}, text, days(1), false, treatment.ConsentExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.consent.InForceAt(test.text, test.at); got != test.inForce {
				t.Errorf("in force: %t, want %t", got, test.inForce)
			}
			if got := test.consent.StatusAt(test.text, test.at); got != test.status {
				t.Errorf("status = %s, want %s", got, test.status)
			}
		})
	}
}

// A clock that is ahead neither delays a signature nor a withdrawal.
func TestConsentOfClocksAhead(t *testing.T) {
	text := consentText(t, treatment.ConsentNoDriving)
	s := signature(t)
	s.At, s.Now = s.At.Add(20*time.Hour), at(60)
	c, err := consentThat(t, treatment.ConsentPresented).Sign(text, s)
	allowed(t, err)
	if !c.SignedAt.Equal(at(60)) || !c.ExpiresAt.Equal(*consentThat(t, treatment.ConsentSigned).ExpiresAt) {
		t.Errorf("signed at %v, expires at %v", c.SignedAt, c.ExpiresAt)
	}
	c, err = c.Withdraw("", at(50), at(70)) // this clock is slow
	allowed(t, err)
	if c.InForceAt(text, at(60)) {
		t.Error("a withdrawal that seems older than the signature does not count")
	}
	c, err = consentThat(t, treatment.ConsentSigned).Withdraw("", days(1), at(70))
	allowed(t, err)
	if !c.EndedAt.Equal(at(70)) || c.InForceAt(text, at(70)) {
		t.Errorf("it ends at %v", c.EndedAt)
	}
}

// An expired consent can still be withdrawn.
func TestWithdrawExpiredConsent(t *testing.T) {
	c := consentThat(t, treatment.ConsentSigned)
	c, err := c.Withdraw("enough", c.ExpiresAt.AddDate(0, 1, 0), days(1000))
	allowed(t, err)
	if c.Status != treatment.ConsentWithdrawn || c.StatusReason != "enough" {
		t.Errorf("got %+v", c)
	}
}

func TestSupersedes(t *testing.T) {
	signed := consentThat(t, treatment.ConsentSigned)
	presented := func(when time.Time) treatment.Consent {
		c := consentThat(t, treatment.ConsentPresented)
		c.PresentedAt = when
		return c
	}
	otherKind, otherPartner := signed, signed
	otherKind.Kind, otherPartner.Partner = treatment.ConsentTelehealth, "Acme Health"
	for _, test := range []struct {
		name  string
		other treatment.Consent
		want  bool
	}{
		{"signed", signed, true},
		{"another kind", otherKind, false},
		{"another partner", otherPartner, false},
		{"presented before", presented(noon.Add(-1)), true},
		{"presented since", presented(noon.Add(1)), false},
		{"declined", consentThat(t, treatment.ConsentDeclined), false},
		{"withdrawn", consentThat(t, treatment.ConsentWithdrawn), false},
		{"superseded", consentThat(t, treatment.ConsentSuperseded), false},
	} {
		if got := signed.Supersedes(test.other); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}
