package treatment_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestNeedsSafetyMessage(t *testing.T) {
	want := map[treatment.AlertRule]bool{
		treatment.AlertSIItem9: true, treatment.AlertSIUnknown: true, treatment.AlertSIReported: true,
		treatment.AlertCSSRSLow: true, treatment.AlertCSSRSModerate: true, treatment.AlertCSSRSHigh: true,
		treatment.AlertBPCrisis: true, treatment.AlertRedFlagSymptom: true, treatment.AlertSpo2Critical: true,
	}
	for _, rule := range treatment.AlertRules {
		if got := treatment.NeedsSafetyMessage(rule); got != want[rule] {
			t.Errorf("%s: %t, want %t", rule, got, want[rule])
		}
	}
}

// shipped are the rules of a clinic that has published none.
var shipped treatment.AlertRuleSet

func raised(rule treatment.AlertRule, severity treatment.Severity) treatment.Alert {
	return treatment.Raise(treatment.Raised{Rule: rule, Severity: severity, Value: "v", Limit: "l"}, noon, treatment.Default())
}

func acknowledged(t testing.TB, a treatment.Alert) treatment.Alert {
	t.Helper()
	a, err := a.Acknowledge(id(1), "calling", at(5))
	allowed(t, err)
	return a
}

func TestRaise(t *testing.T) {
	for severity, due := range map[treatment.Severity]time.Duration{
		treatment.SeverityCritical: 15 * time.Minute,
		treatment.SeverityHigh:     4 * time.Hour,
		treatment.SeverityMedium:   24 * time.Hour,
		treatment.SeverityLow:      72 * time.Hour,
		"unheard of":               15 * time.Minute,
	} {
		want := treatment.Alert{
			Rule: treatment.AlertBPHigh, Severity: severity, FoundSeverity: severity, Value: "v", Limit: "l",
			Status: treatment.AlertOpen, RaisedAt: noon, DueAt: noon.Add(due),
		}
		if diff := cmp.Diff(want, raised(treatment.AlertBPHigh, severity)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", severity, diff)
		}
	}
}

func TestAlertMoves(t *testing.T) {
	open := raised(treatment.AlertBPHigh, treatment.SeverityHigh)
	taken := acknowledged(t, open)
	resolve := treatment.Resolution{Outcome: treatment.OutcomeHandled, By: new(id(2)), Now: at(30)}
	done, err := taken.Resolve(resolve)
	allowed(t, err)
	again, err := done.Reopen("it came back", at(60), treatment.Default(), shipped)
	allowed(t, err)

	want := treatment.Alert{
		Rule: treatment.AlertBPHigh, Severity: treatment.SeverityHigh, FoundSeverity: treatment.SeverityHigh, Value: "v", Limit: "l", RaisedAt: noon, DueAt: at(240),
		Status: treatment.AlertAcknowledged, AcknowledgedAt: new(at(5)), AcknowledgedBy: new(id(1)), Note: "calling",
	}
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	want.Status, want.ResolvedAt, want.ResolvedBy, want.Outcome = treatment.AlertResolved, new(at(30)), new(id(2)), treatment.OutcomeHandled
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
	want = treatment.Alert{
		Rule: treatment.AlertBPHigh, Severity: treatment.SeverityHigh, FoundSeverity: treatment.SeverityHigh, Value: "v", Limit: "l", RaisedAt: noon, DueAt: at(60 + 240),
		Status: treatment.AlertOpen, Note: "it came back",
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("reopened (-want +got):\n%s", diff)
	}

	for _, alert := range []treatment.Alert{taken, done} {
		_, err := alert.Acknowledge(id(1), "", noon)
		refused(t, err, treatment.CodeIllegalTransition)
	}
	for _, alert := range []treatment.Alert{open, done} {
		_, err := alert.Resolve(resolve)
		refused(t, err, treatment.CodeIllegalTransition)
	}
	for _, alert := range []treatment.Alert{open, taken} {
		_, err := alert.Reopen("", noon, treatment.Default(), shipped)
		refused(t, err, treatment.CodeIllegalTransition)
	}
}

func TestResolveAlert(t *testing.T) {
	const falseAlarm = treatment.OutcomeFalseAlarm
	person := new(id(1))
	tests := []struct {
		name       string
		rule       treatment.AlertRule
		severity   treatment.Severity
		resolution treatment.Resolution
		rules      []treatment.Rule
	}{
		{"handled by a nurse", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: treatment.OutcomeHandled, By: person}, nil},
		{"false alarm by a nurse, not critical", treatment.AlertBPHigh, treatment.SeverityHigh,
			treatment.Resolution{Outcome: falseAlarm, By: person}, nil},
		{"critical false alarm by a prescriber with a note", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: falseAlarm, By: person, Prescriber: true, Note: "cuff too small"}, nil},
		{"critical false alarm by a prescriber without a note", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: falseAlarm, By: person, Prescriber: true, Note: " "}, []treatment.Rule{treatment.RuleFalseAlarm}},
		{"critical false alarm by a nurse with a note", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: falseAlarm, By: person, Note: "cuff too small"}, []treatment.Rule{treatment.RuleFalseAlarm}},
		{"superseded by a rule", treatment.AlertIntervalShort, treatment.SeverityMedium,
			treatment.Resolution{Outcome: treatment.OutcomeSuperseded}, nil},
		{"suicidality by a rule", treatment.AlertSIItem9, treatment.SeverityMedium,
			treatment.Resolution{Outcome: treatment.OutcomeSuperseded}, []treatment.Rule{treatment.RuleNotByRule}},
		{"unknown suicidality by a rule", treatment.AlertSIUnknown, treatment.SeverityMedium,
			treatment.Resolution{Outcome: treatment.OutcomeSuperseded}, []treatment.Rule{treatment.RuleNotByRule}},
		{"a level of risk by a rule", treatment.AlertCSSRSLow, treatment.SeverityMedium,
			treatment.Resolution{Outcome: treatment.OutcomeSuperseded}, []treatment.Rule{treatment.RuleNotByRule}},
		{"reported suicidality by a rule", treatment.AlertSIReported, treatment.SeverityHigh,
			treatment.Resolution{Outcome: treatment.OutcomeSuperseded}, []treatment.Rule{treatment.RuleNotByRule}},
		{"a crisis by a rule", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: treatment.OutcomeDuplicate}, []treatment.Rule{treatment.RuleNotByRule}},
		{"no outcome", treatment.AlertBPHigh, treatment.SeverityHigh,
			treatment.Resolution{By: person}, []treatment.Rule{treatment.RuleOutcome}},
		{"as if its rule were off", treatment.AlertBPHigh, treatment.SeverityHigh,
			treatment.Resolution{Outcome: treatment.OutcomeRuleOff, By: person}, []treatment.Rule{treatment.RuleOutcome}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := acknowledged(t, raised(test.rule, test.severity)).Resolve(test.resolution)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}

// TestAlertAgain: a graver finding takes a rest, an escalation and the acknowledgement back.
func TestAlertAgain(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	policy := treatment.Default() // medium is due in 24 hours, high in 4
	first := treatment.Raise(treatment.Raised{Rule: treatment.AlertSIItem9, Severity: treatment.SeverityMedium, Value: "1", Limit: "1"}, noon, policy)
	taken, err := first.Acknowledge(uuid.New(), "calling", noon)
	if err != nil {
		t.Fatal(err)
	}
	found := treatment.Raised{Rule: treatment.AlertSIItem9, Severity: treatment.SeverityHigh, Value: "2", Limit: "2"}
	for name, test := range map[string]struct {
		at  time.Time
		due time.Time
	}{
		"soon":                     {noon.Add(time.Hour), noon.Add(5 * time.Hour)},
		"when it was due anyway":   {noon.Add(23 * time.Hour), noon.Add(24 * time.Hour)},
		"when it was overdue then": {noon.Add(48 * time.Hour), noon.Add(24 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			want := first
			want.Severity, want.FoundSeverity, want.Value, want.Limit, want.Note, want.DueAt = found.Severity, found.Severity, "2", "2", "calling", test.due
			if diff := cmp.Diff(want, taken.Again(found, test.at, policy, shipped)); diff != "" {
				t.Errorf("alert (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSnooze(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	policy := treatment.Default()
	raised := func(rule treatment.AlertRule, severity treatment.Severity) treatment.Alert {
		return treatment.Raise(treatment.Raised{Rule: rule, Severity: severity}, noon, policy)
	}
	medium := raised(treatment.AlertInventoryMismatch, treatment.SeverityMedium)
	resolved := medium
	resolved.Status = treatment.AlertResolved
	for name, test := range map[string]struct {
		alert  treatment.Alert
		until  time.Time
		reason string
		code   string
	}{
		"for an hour":                  {medium, noon.Add(time.Hour), "tomorrow", ""},
		"for the longest":              {medium, noon.Add(72 * time.Hour), "tomorrow", ""},
		"for longer":                   {medium, noon.Add(72*time.Hour + time.Second), "tomorrow", treatment.CodeRuleViolated},
		"until now":                    {medium, noon, "tomorrow", treatment.CodeRuleViolated},
		"without a reason":             {medium, noon.Add(time.Hour), " ", treatment.CodeRuleViolated},
		"critical":                     {raised(treatment.AlertAESerious, treatment.SeverityCritical), noon.Add(time.Hour), "x", treatment.CodeRuleViolated},
		"suicidality, also a mild one": {raised(treatment.AlertSIItem9, treatment.SeverityMedium), noon.Add(time.Hour), "x", treatment.CodeRuleViolated},
		"that is resolved":             {resolved, noon.Add(time.Hour), "x", treatment.CodeIllegalTransition},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.alert.Snooze(test.until, test.reason, noon, policy)
			if test.code != "" {
				refusal, ok := errors.AsType[*treatment.Refusal](err)
				if !ok || refusal.Code != test.code {
					t.Fatalf("error = %v, want %s", err, test.code)
				}
				return
			}
			allowed(t, err)
			if got.SnoozedUntil == nil || !got.SnoozedUntil.Equal(test.until) || got.Status != treatment.AlertOpen {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestAlertDeadline: it passes when the alert is due, or when it has rested; once, and never for one
// that is resolved.
func TestAlertDeadline(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	policy := treatment.Default() // medium is due in 24 hours
	open := treatment.Raise(treatment.Raised{Rule: treatment.AlertInventoryMismatch, Severity: treatment.SeverityMedium}, noon, policy)
	snoozed := func(d time.Duration) treatment.Alert {
		a, err := open.Snooze(noon.Add(d), "later", noon, policy)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	resolved := open
	resolved.Status = treatment.AlertResolved
	reopened, err := resolved.Reopen("not over", noon.Add(time.Hour), policy, shipped)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		alert treatment.Alert
		want  []treatment.Deadline
	}{
		"open":                {open, []treatment.Deadline{{Kind: treatment.DeadlineAlert, At: noon.Add(24 * time.Hour)}}},
		"resting for longer":  {snoozed(48 * time.Hour), []treatment.Deadline{{Kind: treatment.DeadlineAlert, At: noon.Add(48 * time.Hour)}}},
		"resting for an hour": {snoozed(time.Hour), []treatment.Deadline{{Kind: treatment.DeadlineAlert, At: noon.Add(24 * time.Hour)}}},
		"escalated":           {open.Escalate(noon.Add(24 * time.Hour)), nil},
		"resolved":            {resolved, nil},
		"reopened, due anew":  {reopened, []treatment.Deadline{{Kind: treatment.DeadlineAlert, At: noon.Add(25 * time.Hour)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.alert.Deadlines()); diff != "" {
				t.Errorf("deadlines (-want +got):\n%s", diff)
			}
		})
	}
}
