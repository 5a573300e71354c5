package treatment_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestAlertCatalogue: every rule says what it finds and how urgent that is, and a clinic cannot switch
// off what is about a danger.
func TestAlertCatalogue(t *testing.T) {
	mayBeOff := map[treatment.AlertRule]bool{
		treatment.AlertBPPreSoft: true, treatment.AlertIntervalShort: true, treatment.AlertNoPostVitals: true,
		treatment.AlertInventoryMismatch: true, treatment.AlertDeterioration: true, treatment.AlertLUTS: true, treatment.AlertNewInteraction: true,
		treatment.AlertEarlyRefill: true, treatment.AlertCheckInOverdue: true, treatment.AlertAssessmentOverdue: true,
		treatment.AlertPrescriptionExpiring: true, treatment.AlertConsentExpiring: true, treatment.AlertPDMPStale: true,
		treatment.AlertNoContact: true, treatment.AlertNoResponse: true, treatment.AlertRefillDue: true,
	}
	for _, rule := range treatment.AlertRules {
		if n := len(treatment.AlertTitle(rule)); n == 0 || n > 100 || treatment.AlertSeverity(rule) == "" {
			t.Errorf("%s: title %q, severity %q", rule, treatment.AlertTitle(rule), treatment.AlertSeverity(rule))
		}
		if got := treatment.MayBeOff(rule); got != mayBeOff[rule] {
			t.Errorf("%s may be off: %t, want %t", rule, got, mayBeOff[rule])
		}
	}
	if treatment.MayBeOff("UNHEARD_OF") {
		t.Error("a rule that nobody knows may be off")
	}
}

func TestAlertRulesValidate(t *testing.T) {
	type settings []treatment.AlertSetting
	const (
		low, medium, high, critical = treatment.SeverityLow, treatment.SeverityMedium, treatment.SeverityHigh, treatment.SeverityCritical
		mismatch                    = treatment.AlertInventoryMismatch // medium, due in 1440 minutes
	)
	for name, test := range map[string]struct {
		settings settings
		want     []string // pointers
	}{
		"none":                              {nil, nil},
		"nothing in particular":             {settings{{Rule: mismatch}}, nil},
		"off, low":                          {settings{{Rule: treatment.AlertPDMPStale, Off: true}}, nil},
		"off, medium":                       {settings{{Rule: mismatch, Off: true}}, nil},
		"off, high":                         {settings{{Rule: treatment.AlertHaematuria, Off: true}}, []string{"/settings/0/off"}},
		"off, critical":                     {settings{{Rule: treatment.AlertBPCrisis, Off: true}}, []string{"/settings/0/off"}},
		"off, suicidality":                  {settings{{Rule: treatment.AlertSIItem9, Off: true}}, []string{"/settings/0/off"}},
		"off, suicidality unknown":          {settings{{Rule: treatment.AlertSIUnknown, Off: true}}, []string{"/settings/0/off"}},
		"off, with a severity":              {settings{{Rule: mismatch, Off: true, Severity: high}}, []string{"/settings/0/severity"}},
		"off, with a deadline":              {settings{{Rule: mismatch, Off: true, DueMin: 60}}, []string{"/settings/0/dueMin"}},
		"the shipped severity":              {settings{{Rule: mismatch, Severity: medium}}, nil},
		"a graver one":                      {settings{{Rule: mismatch, Severity: critical}}, nil},
		"a milder one":                      {settings{{Rule: mismatch, Severity: low}}, []string{"/settings/0/severity"}},
		"no severity at all":                {settings{{Rule: mismatch, Severity: "urgent"}}, []string{"/settings/0/severity"}},
		"the protocol's deadline":           {settings{{Rule: mismatch, DueMin: 1440}}, nil},
		"a minute more":                     {settings{{Rule: mismatch, DueMin: 1441}}, []string{"/settings/0/dueMin"}},
		"less than none":                    {settings{{Rule: mismatch, DueMin: -1}}, []string{"/settings/0/dueMin"}},
		"the deadline of a graver one":      {settings{{Rule: mismatch, Severity: high, DueMin: 240}}, nil},
		"that, a minute more":               {settings{{Rule: mismatch, Severity: high, DueMin: 241}}, []string{"/settings/0/dueMin"}},
		"unheard of":                        {settings{{Rule: "UNHEARD_OF", Off: true}}, []string{"/settings/0/rule"}},
		"twice":                             {settings{{Rule: mismatch}, {Rule: treatment.AlertLUTS}, {Rule: mismatch, DueMin: 60}}, []string{"/settings/2/rule"}},
		"several faults, each with a place": {settings{{Rule: mismatch, Severity: low, DueMin: 2000}, {Rule: treatment.AlertBPHigh, Off: true}}, []string{"/settings/0/severity", "/settings/0/dueMin", "/settings/1/off"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := treatment.AlertRuleSet{Settings: test.settings}.Validate(treatment.Default())
			var got []string
			if refusal, ok := errors.AsType[*treatment.Refusal](err); ok {
				for _, r := range refusal.Reasons {
					got = append(got, r.Pointer)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != (test.want != nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestAlertRulesRaise: the graver of what was found and what the clinic wants, by the earlier of the
// two deadlines; and nobody is asked to look at what is mild and switched off.
func TestAlertRulesRaise(t *testing.T) {
	const low, medium, high = treatment.SeverityLow, treatment.SeverityMedium, treatment.SeverityHigh
	set := treatment.AlertRuleSet{Revision: 7, Settings: []treatment.AlertSetting{
		{Rule: treatment.AlertDeterioration, Off: true},
		{Rule: treatment.AlertSIItem9, Severity: high},
		{Rule: treatment.AlertCheckInOverdue, DueMin: 300},
		{Rule: treatment.AlertPDMPStale, Severity: medium, DueMin: 600},
	}}
	for name, test := range map[string]struct {
		rule     treatment.AlertRule
		found    treatment.Severity
		severity treatment.Severity
		due      int // minutes
		off      bool
	}{
		"as shipped":                      {treatment.AlertLUTS, medium, medium, 1440, false},
		"off":                             {treatment.AlertDeterioration, medium, medium, 1440, true},
		"off, but found to be high":       {treatment.AlertDeterioration, high, high, 240, false},
		"off, and nobody knows how grave": {treatment.AlertDeterioration, "unheard of", "unheard of", 15, false},
		"graver than found":               {treatment.AlertSIItem9, medium, high, 240, false},
		"found as grave":                  {treatment.AlertSIItem9, high, high, 240, false},
		"found graver":                    {treatment.AlertSIItem9, treatment.SeverityCritical, treatment.SeverityCritical, 15, false},
		"nobody knows how grave":          {treatment.AlertSIItem9, "unheard of", "unheard of", 15, false},
		"due earlier":                     {treatment.AlertCheckInOverdue, medium, medium, 300, false},
		"due earlier by the protocol":     {treatment.AlertCheckInOverdue, high, high, 240, false},
		"both":                            {treatment.AlertPDMPStale, low, medium, 600, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := treatment.Alert{
				Rule: test.rule, Severity: test.severity, FoundSeverity: test.found, RulesRevision: 7, Value: "v", Limit: "l",
				Status: treatment.AlertOpen, RaisedAt: noon, DueAt: at(test.due),
			}
			if test.off {
				want.Status, want.Outcome, want.ResolvedAt = treatment.AlertResolved, treatment.OutcomeRuleOff, new(noon)
			}
			got := set.Raise(treatment.Raised{Rule: test.rule, Severity: test.found, Value: "v", Limit: "l"}, noon, treatment.Default())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAlertRulesLater: an alert that is raised again or reopened follows the rules then in force. Only
// what was kept can be kept again.
func TestAlertRulesLater(t *testing.T) {
	policy := treatment.Default()
	off := treatment.AlertRuleSet{Revision: 1, Settings: []treatment.AlertSetting{{Rule: treatment.AlertDeterioration, Off: true}}}
	strict := treatment.AlertRuleSet{Revision: 2, Settings: []treatment.AlertSetting{{Rule: treatment.AlertDeterioration, Severity: treatment.SeverityHigh, DueMin: 30}}}
	found := func(s treatment.Severity) treatment.Raised {
		return treatment.Raised{Rule: treatment.AlertDeterioration, Severity: s, Value: string(s)}
	}
	kept, open, strictly := off.Raise(found(treatment.SeverityLow), noon, policy), shipped.Raise(found(treatment.SeverityLow), noon, policy), strict.Raise(found(treatment.SeverityLow), noon, policy)
	later := at(60)
	for name, test := range map[string]struct{ got, want treatment.Alert }{
		"kept, and found while it is on":  {kept.Again(found(treatment.SeverityLow), later, policy, strict), strict.Raise(found(treatment.SeverityLow), later, policy)},
		"kept, and graver":                {kept.Again(found(treatment.SeverityMedium), later, policy, off), off.Raise(found(treatment.SeverityMedium), later, policy)},
		"open, and off by now":            {open.Again(found(treatment.SeverityMedium), later, policy, off), changed(open, treatment.SeverityMedium, treatment.SeverityMedium, 1, at(60+1440))},
		"open, and stricter by now":       {open.Again(found(treatment.SeverityMedium), later, policy, strict), changed(open, treatment.SeverityHigh, treatment.SeverityMedium, 2, at(90))},
		"graver once than it is wanted":   {strictly.Again(found(treatment.SeverityMedium), later, policy, shipped), changed(strictly, treatment.SeverityHigh, treatment.SeverityMedium, 0, at(30))},
		"reopened by the rules' deadline": {reopened(t, open, later, strict), changed(open, treatment.SeverityLow, treatment.SeverityLow, 0, at(90))},
		"reopened, though it is off":      {reopened(t, kept, later, off), changed(kept, treatment.SeverityLow, treatment.SeverityLow, 1, at(60+4320))},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// changed is an alert that is open with other words.
func changed(a treatment.Alert, severity, found treatment.Severity, revision int, due time.Time) treatment.Alert {
	a.Severity, a.FoundSeverity, a.RulesRevision, a.Value, a.DueAt = severity, found, revision, string(found), due
	a.Status, a.Outcome, a.ResolvedAt = treatment.AlertOpen, "", nil
	return a
}

func reopened(t *testing.T, a treatment.Alert, now time.Time, set treatment.AlertRuleSet) treatment.Alert {
	t.Helper()
	a.Status, a.ResolvedAt = treatment.AlertResolved, new(noon)
	a, err := a.Reopen("", now, treatment.Default(), set)
	allowed(t, err)
	return a
}

// TestAlertTrial: what two sets make of one finding.
func TestAlertTrial(t *testing.T) {
	const low, medium, high = treatment.SeverityLow, treatment.SeverityMedium, treatment.SeverityHigh
	mismatch := treatment.AlertInventoryMismatch // medium, due in 24 hours; high in 4
	with := func(s treatment.AlertSetting) treatment.AlertRuleSet {
		s.Rule = mismatch
		return treatment.AlertRuleSet{Settings: []treatment.AlertSetting{s}}
	}
	asShipped, off, raised, sooner := with(treatment.AlertSetting{}), with(treatment.AlertSetting{Off: true}), with(treatment.AlertSetting{Severity: high}), with(treatment.AlertSetting{DueMin: 60})
	count := func(s treatment.Severity, overdue int) treatment.AlertCount {
		return treatment.AlertCount{Alerts: 1, BySeverity: map[treatment.Severity]int{s: 1}, Overdue: overdue}
	}
	for name, test := range map[string]struct {
		inForce, proposed treatment.AlertRuleSet
		found             treatment.Severity
		wasOff            bool
		resolved, now     int // minutes after it was raised; never if 0
		want              treatment.AlertComparison
	}{
		"the same":                     {asShipped, asShipped, medium, false, 30, 60, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(medium, 0)}},
		"switched off":                 {asShipped, off, medium, false, 30, 60, treatment.AlertComparison{InForce: count(medium, 0)}},
		"switched off, but high":       {asShipped, off, high, false, 30, 60, treatment.AlertComparison{InForce: count(high, 0), Proposed: count(high, 0)}},
		"switched on":                  {off, asShipped, medium, true, 0, 9999, treatment.AlertComparison{Proposed: count(medium, 0)}},
		"made graver":                  {asShipped, raised, medium, false, 239, 999, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(high, 0)}},
		"made graver, too late for it": {asShipped, raised, medium, false, 240, 999, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(high, 1)}},
		"found milder":                 {raised, asShipped, low, false, 240, 999, treatment.AlertComparison{InForce: count(high, 1), Proposed: count(low, 0)}},
		"due sooner":                   {asShipped, sooner, medium, false, 60, 61, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(medium, 1)}},
		"waits still, in time":         {asShipped, sooner, medium, false, 0, 59, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(medium, 0)}},
		"waits still, too long":        {asShipped, sooner, medium, false, 0, 60, treatment.AlertComparison{InForce: count(medium, 0), Proposed: count(medium, 1)}},
		"waits, too long for both":     {asShipped, sooner, medium, false, 0, 1440, treatment.AlertComparison{InForce: count(medium, 1), Proposed: count(medium, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			a := treatment.Alert{Rule: mismatch, FoundSeverity: test.found, Status: treatment.AlertOpen, RaisedAt: noon}
			if test.resolved > 0 {
				a.Status, a.ResolvedAt, a.Outcome = treatment.AlertResolved, new(at(test.resolved)), treatment.OutcomeHandled
			}
			if test.wasOff {
				a.Status, a.ResolvedAt, a.Outcome = treatment.AlertResolved, new(noon), treatment.OutcomeRuleOff
			}
			trial := treatment.NewAlertTrial(test.inForce, test.proposed, at(test.now))
			trial.Add(id(1), a, treatment.Default())
			test.want.Findings = 1
			for what, got := range map[string]*treatment.AlertComparison{"all": &trial.All, "of the rule": trial.Rules[mismatch], "of the patient": trial.Patients[id(1)]} {
				if diff := cmp.Diff(&test.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

// TestMostAlerts: who would have the most comes first, and who has had the most among equals.
func TestMostAlerts(t *testing.T) {
	proposed := treatment.AlertRuleSet{Settings: []treatment.AlertSetting{{Rule: treatment.AlertLUTS, Off: true}}}
	trial := treatment.NewAlertTrial(shipped, proposed, noon)
	for patient, rules := range map[byte][]treatment.AlertRule{
		4: {treatment.AlertPDMPStale, treatment.AlertPDMPStale},
		1: {treatment.AlertPDMPStale, treatment.AlertLUTS},
		3: {treatment.AlertPDMPStale},
		2: {treatment.AlertPDMPStale},
		5: {treatment.AlertLUTS, treatment.AlertLUTS, treatment.AlertLUTS},
	} {
		for _, rule := range rules {
			trial.Add(id(patient), treatment.Raise(treatment.Raised{Rule: rule, Severity: treatment.SeverityMedium}, noon, treatment.Default()), treatment.Default())
		}
	}
	order := []uuid.UUID{id(4), id(1), id(2), id(3), id(5)}
	for n, more := range map[int]bool{0: true, 4: true, 5: false, 6: false} {
		got, is := trial.MostAlerts(n)
		if diff := cmp.Diff(order[:min(n, 5)], got); diff != "" || is != more {
			t.Errorf("of %d, more %t (-want +got):\n%s", n, is, diff)
		}
	}
}

func TestTrialPeriod(t *testing.T) {
	for name, test := range map[string]struct {
		until time.Time
		code  string
	}{
		"a moment":             {noon.Add(time.Microsecond), ""},
		"a year":               {noon.AddDate(1, 0, 0), ""},
		"a moment more":        {noon.AddDate(1, 0, 0).Add(time.Microsecond), treatment.CodeRuleViolated},
		"no time at all":       {noon, treatment.CodeRuleViolated},
		"the end comes before": {noon.Add(-time.Hour), treatment.CodeRuleViolated},
	} {
		if err := treatment.TrialPeriod(noon, test.until); test.code == "" {
			allowed(t, err)
		} else {
			t.Log(name)
			refused(t, err, test.code, treatment.RulePeriod)
		}
	}
}
