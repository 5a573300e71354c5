package treatment

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// AlertCount is what a set of rules makes of findings.
type AlertCount struct {
	// Alerts is how many somebody is asked to look at, in all and by severity.
	Alerts     int
	BySeverity map[Severity]int
	// Overdue is how many of them were not resolved by the deadline that they have under the set. What
	// was kept while its rule was off, and so resolved at once, is not among them: nobody was asked.
	Overdue int
}

// AlertComparison is what the rules in force and others make of the same findings.
type AlertComparison struct {
	Findings          int
	InForce, Proposed AlertCount
}

// AlertTrial runs two sets of rules over the clinic's past findings.
type AlertTrial struct {
	InForce, Proposed AlertRuleSet
	// Now is until when what is not resolved has waited.
	Now time.Time

	All AlertComparison
	// Rules and Patients compare for each rule, and each patient, of which there is a finding.
	Rules    map[AlertRule]*AlertComparison
	Patients map[uuid.UUID]*AlertComparison
}

// NewAlertTrial begins a trial without findings.
func NewAlertTrial(inForce, proposed AlertRuleSet, now time.Time) *AlertTrial {
	return &AlertTrial{
		InForce: inForce, Proposed: proposed, Now: now,
		Rules: map[AlertRule]*AlertComparison{}, Patients: map[uuid.UUID]*AlertComparison{},
	}
}

// Add runs both sets over one finding: an alert of a patient as it stands now, and the protocol that
// says by when it is due.
func (t *AlertTrial) Add(patient uuid.UUID, a Alert, p Protocol) {
	if t.Rules[a.Rule] == nil {
		t.Rules[a.Rule] = new(AlertComparison)
	}
	if t.Patients[patient] == nil {
		t.Patients[patient] = new(AlertComparison)
	}
	for _, c := range []*AlertComparison{&t.All, t.Rules[a.Rule], t.Patients[patient]} {
		c.Findings++
		c.InForce.add(t.InForce, a, p, t.Now)
		c.Proposed.add(t.Proposed, a, p, t.Now)
	}
}

func (c *AlertCount) add(set AlertRuleSet, a Alert, p Protocol, now time.Time) {
	if set.Silent(a.Rule, a.FoundSeverity) {
		return
	}
	severity := set.Severity(a.Rule, a.FoundSeverity)
	if c.BySeverity == nil {
		c.BySeverity = map[Severity]int{}
	}
	c.Alerts++
	c.BySeverity[severity]++
	until := now
	if a.ResolvedAt != nil {
		until = *a.ResolvedAt
	}
	if !until.Before(set.DueAt(a.Rule, severity, a.RaisedAt, p)) {
		c.Overdue++
	}
}

// MostAlerts lists patients who would have the most alerts under the proposed rules first, n at most,
// and says whether there are more.
func (t *AlertTrial) MostAlerts(n int) (patients []uuid.UUID, more bool) {
	patients = slices.SortedFunc(maps.Keys(t.Patients), func(a, b uuid.UUID) int {
		x, y := t.Patients[a], t.Patients[b]
		return cmp.Or(cmp.Compare(y.Proposed.Alerts, x.Proposed.Alerts), cmp.Compare(y.InForce.Alerts, x.InForce.Alerts), bytes.Compare(a[:], b[:]))
	})
	return patients[:min(n, len(patients))], len(patients) > n
}

// TrialPeriod says whether rules can be tried on what was found in a time: it has a length, and that
// is a year at most.
func TrialPeriod(from, until time.Time) error {
	detail := ""
	switch {
	case !from.Before(until):
		detail = "must be before the end"
	case until.After(from.AddDate(1, 0, 0)):
		detail = "is more than a year before the end"
	default:
		return nil
	}
	return refuse(CodeRuleViolated, "the alert rules cannot be tried", Reason{Rule: RulePeriod, Pointer: "/from", Limit: "1 year", Detail: detail})
}
