package treatment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// Questionnaire is one administration of an instrument that was answered, as it is judged.
type Questionnaire struct {
	// Instrument is its id.
	Instrument string
	Result     instruments.Result
	// Values are the answers by item.
	Values map[string]int
	// Baseline is what the PHQ-9 is compared with; nil where there is none, and then nothing is
	// said about a change.
	Baseline *Baseline
}

// Baseline is the last complete PHQ-9 before the first dose of a treatment, not older than the
// protocol's BaselineMaxAgeDays.
type Baseline struct {
	Total, Item9 int
}

// screenerRules is the alert that each level of the C-SSRS screener raises.
var screenerRules = map[string]AlertRule{
	instruments.CSSRSLow:      AlertCSSRSLow,
	instruments.CSSRSModerate: AlertCSSRSModerate,
	instruments.CSSRSHigh:     AlertCSSRSHigh,
}

// JudgeAnswers says which alerts the answers to a questionnaire raise: about suicidality (at
// most one), a PHQ-9 that has become worse than at the treatment's baseline, urinary symptoms,
// and signs of mania or psychosis.
func JudgeAnswers(q Questionnaire, p Protocol) []Raised {
	raised := judgeSafety(q, p)
	switch q.Instrument {
	case instruments.PHQ9:
		raised = append(raised, judgeDeterioration(q, p)...)
	case instruments.UrinarySymptoms:
		raised = append(raised, judgeUrinary(q, p)...)
	case instruments.ManiaPsychosis:
		if signs := q.found(instruments.FlagMania, instruments.FlagPsychosis); signs != "" {
			raised = append(raised, Raised{Rule: AlertManiaPsychosis, Severity: alertSeverity[AlertManiaPsychosis], Value: signs})
		}
	}
	return raised
}

// judgeSafety judges the safety items.
//
// The C-SSRS screener raises the alert of its level. Item 9 of the PHQ-9 raises one that is
// medium from the protocol's first number on, or when it has risen against the baseline, and
// high from the second; positive without a number is the worst case, high. The safety item of
// another instrument is judged in the same way, by its own number for high where the protocol
// has one, and its alert says that suicidality was reported. What was not answered is unknown
// and raises a medium alert: it is never negative.
func judgeSafety(q Questionnaire, p Protocol) []Raised {
	r := q.Result
	if rule, found := screenerRules[r.Band]; found && q.Instrument == instruments.CSSRSScreener {
		return []Raised{{Rule: rule, Severity: alertSeverity[rule], Value: r.Band}}
	}
	low, high := p.Suicidality.Item9Medium, p.Suicidality.highFrom(q.Instrument)
	rule := AlertSIReported
	if q.Instrument == instruments.PHQ9 {
		rule = AlertSIItem9
	}
	if r.SafetyAnswer == nil {
		switch r.Safety {
		case instruments.SafetyNegative, instruments.SafetyNotApplicable:
			return nil
		case instruments.SafetyPositive:
			return []Raised{{Rule: rule, Severity: SeverityHigh, Limit: strconv.Itoa(low)}}
		case instruments.SafetyUnknown:
		}
		return []Raised{{Rule: AlertSIUnknown, Severity: SeverityMedium}}
	}
	answer, value := *r.SafetyAnswer, strconv.Itoa(*r.SafetyAnswer)
	risen := rule == AlertSIItem9 && q.Baseline != nil && answer-q.Baseline.Item9 >= p.Suicidality.Item9Rise
	if risen {
		value = fmt.Sprintf("%d (baseline %d)", answer, q.Baseline.Item9)
	}
	switch {
	case answer >= high:
		return []Raised{{Rule: rule, Severity: SeverityHigh, Value: value, Limit: strconv.Itoa(high)}}
	case answer >= low:
		return []Raised{{Rule: rule, Severity: SeverityMedium, Value: value, Limit: strconv.Itoa(low)}}
	case risen:
		return []Raised{{Rule: rule, Severity: SeverityMedium, Value: value, Limit: fmt.Sprintf("%d above the baseline", p.Suicidality.Item9Rise)}}
	}
	return nil
}

// highFrom is the answer to an instrument's safety item from which its alert is high.
func (s SuicidalityPolicy) highFrom(instrument string) int {
	switch instrument {
	case instruments.QIDS:
		return s.QIDSItem12High
	case instruments.MADRS:
		return s.MADRSItem10High
	}
	return s.Item9High
}

// judgeDeterioration compares the PHQ-9 with the treatment's baseline. Without a baseline, or
// without a total, nothing is claimed.
func judgeDeterioration(q Questionnaire, p Protocol) []Raised {
	if q.Baseline == nil || q.Result.Total == nil {
		return nil
	}
	worse, limit := *q.Result.Total-q.Baseline.Total, p.Answers.DeteriorationWatch
	severity := alertSeverity[AlertDeterioration]
	if worse >= p.Answers.DeteriorationReliable {
		limit, severity = p.Answers.DeteriorationReliable, SeverityHigh
	}
	if worse < limit {
		return nil
	}
	return []Raised{{
		Rule: AlertDeterioration, Severity: severity,
		Value: fmt.Sprintf("%d (baseline %d)", *q.Result.Total, q.Baseline.Total), Limit: fmt.Sprintf("%d above the baseline", limit),
	}}
}

// judgeUrinary: blood or pain is looked at by itself, and so are several symptoms, counted
// among the answers that there are.
func judgeUrinary(q Questionnaire, p Protocol) (raised []Raised) {
	if found := q.found(instruments.FlagHaematuria, instruments.FlagDysuria); found != "" {
		raised = append(raised, Raised{Rule: AlertHaematuria, Severity: alertSeverity[AlertHaematuria], Value: found})
	}
	symptoms := 0
	for _, value := range q.Values {
		if value > 0 {
			symptoms++
		}
	}
	if limit := p.Answers.UrinarySymptoms; symptoms >= limit {
		raised = append(raised, Raised{
			Rule: AlertLUTS, Severity: alertSeverity[AlertLUTS], Value: fmt.Sprintf("%d symptoms", symptoms), Limit: fmt.Sprintf("%d symptoms", limit),
		})
	}
	return raised
}

// found names those of the flags that were found.
func (q Questionnaire) found(codes ...string) string {
	var found []string
	for _, flag := range q.Result.Flags {
		if flag.Found == instruments.Yes && slices.Contains(codes, flag.Code) {
			found = append(found, flag.Code)
		}
	}
	return strings.Join(found, ", ")
}

// Asked is an instrument that answers give reason to ask, and by when.
type Asked struct {
	Instrument string
	DueAt      time.Time
}

// AskNext says what answers give reason to ask next: the C-SSRS screener after an alert about
// what was answered to a safety item, the urinary screen after urinary side effects.
func AskNext(q Questionnaire, p Protocol, now time.Time) (asked []Asked) {
	after := func(hours int) time.Time { return now.UTC().Add(time.Duration(hours) * time.Hour) }
	if slices.ContainsFunc(judgeSafety(q, p), func(r Raised) bool { return r.Rule == AlertSIItem9 || r.Rule == AlertSIReported }) {
		asked = append(asked, Asked{instruments.CSSRSScreener, after(p.Suicidality.ScreenerDueHours)})
	}
	if q.Instrument == instruments.SideEffects && q.found(instruments.FlagUrinaryTrouble) != "" {
		asked = append(asked, Asked{instruments.UrinarySymptoms, after(p.Answers.UrinaryScreenDueHours)})
	}
	return asked
}
