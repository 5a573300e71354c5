package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestJudgeAnswers(t *testing.T) {
	const (
		negative      = string(instruments.SafetyNegative)
		positive      = string(instruments.SafetyPositive)
		unknown       = string(instruments.SafetyUnknown)
		notApplicable = string(instruments.SafetyNotApplicable)
	)
	medium := []treatment.Raised{{Rule: treatment.AlertSIItem9, Severity: treatment.SeverityMedium, Value: "1", Limit: "1"}}
	high := func(value, limit string) []treatment.Raised {
		return []treatment.Raised{{Rule: treatment.AlertSIItem9, Severity: treatment.SeverityHigh, Value: value, Limit: limit}}
	}
	unanswered := []treatment.Raised{{Rule: treatment.AlertSIUnknown, Severity: treatment.SeverityMedium}}
	tests := []struct {
		name   string
		safety string
		item9  *int
		want   []treatment.Raised
	}{
		{"not at all", negative, new(0), nil},
		{"several days", positive, new(1), medium},
		{"more than half the days", positive, new(2), high("2", "2")},
		{"nearly every day", positive, new(3), high("3", "2")},
		{"not answered", unknown, nil, unanswered},
		{"no such item", notApplicable, nil, nil},
		{"positive without a number", positive, nil, high("", "1")},
		{"the number counts, whatever the word", negative, new(2), high("2", "2")},
		{"a word that nobody knows", "fine", nil, unanswered},
		{"no word", "", nil, unanswered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, treatment.JudgeAnswers(test.safety, test.item9, treatment.Default())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNeedsSafetyMessage(t *testing.T) {
	want := map[treatment.AlertRule]bool{
		treatment.AlertSIItem9: true, treatment.AlertSIUnknown: true,
		treatment.AlertBPCrisis: true, treatment.AlertRedFlagSymptom: true, treatment.AlertSpo2Critical: true,
	}
	for _, rule := range treatment.AlertRules {
		if got := treatment.NeedsSafetyMessage(rule); got != want[rule] {
			t.Errorf("%s: %t, want %t", rule, got, want[rule])
		}
	}
}

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
			Rule: treatment.AlertBPHigh, Severity: severity, Value: "v", Limit: "l",
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
	again, err := done.Reopen("it came back", at(60), treatment.Default())
	allowed(t, err)

	want := treatment.Alert{
		Rule: treatment.AlertBPHigh, Severity: treatment.SeverityHigh, Value: "v", Limit: "l", RaisedAt: noon, DueAt: at(240),
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
		Rule: treatment.AlertBPHigh, Severity: treatment.SeverityHigh, Value: "v", Limit: "l", RaisedAt: noon, DueAt: at(60 + 240),
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
		_, err := alert.Reopen("", noon, treatment.Default())
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
		{"a crisis by a rule", treatment.AlertBPCrisis, treatment.SeverityCritical,
			treatment.Resolution{Outcome: treatment.OutcomeDuplicate}, []treatment.Rule{treatment.RuleNotByRule}},
		{"no outcome", treatment.AlertBPHigh, treatment.SeverityHigh,
			treatment.Resolution{By: person}, []treatment.Rule{treatment.RuleOutcome}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := acknowledged(t, raised(test.rule, test.severity)).Resolve(test.resolution)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}
