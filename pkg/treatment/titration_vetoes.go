package treatment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// TitrationCheck is a contraindication that is looked for before anything is suggested.
type TitrationCheck string

// Titration checks.
const (
	CheckPrescription TitrationCheck = "prescription"
	CheckHold         TitrationCheck = "hold"
	CheckOpenAlert    TitrationCheck = "openAlert"
	CheckSuicidality  TitrationCheck = "suicidality"
	CheckMania        TitrationCheck = "maniaOrPsychosis"
	CheckPregnancy    TitrationCheck = "pregnancy"
	CheckSeriousEvent TitrationCheck = "seriousAdverseEvent"
	CheckConsents     TitrationCheck = "consents"
	CheckPDMP         TitrationCheck = "pdmp"
	CheckPressure     TitrationCheck = "bloodPressure"
	CheckMisuse       TitrationCheck = "misuse"
)

// TitrationChecks lists every check, in the order in which they are made.
var TitrationChecks = []TitrationCheck{
	CheckPrescription, CheckHold, CheckOpenAlert, CheckSuicidality, CheckMania, CheckPregnancy, CheckSeriousEvent, CheckConsents, CheckPDMP,
	CheckPressure, CheckMisuse,
}

// CheckFinding is what a check came to.
type CheckFinding string

// Check findings. What nobody has asked for is unknown, not absent.
const (
	CheckFound    CheckFinding = "found"
	CheckNotFound CheckFinding = "notFound"
	CheckUnknown  CheckFinding = "unknown"
)

// CheckFindings lists every finding.
var CheckFindings = []CheckFinding{CheckFound, CheckNotFound, CheckUnknown}

// CheckedContraindication is a check and what it came to.
type CheckedContraindication struct {
	Check   TitrationCheck
	Finding CheckFinding
	Detail  string
}

// safetyVeto looks for what has to be dealt with before anybody changes a dose. Consents and the
// monitoring program stand in the way also when nobody knows about them.
func (t *titration) safetyVeto() judgement {
	veto := judgement{rule: TitrationSafetyVeto, kind: SuggestNone}
	for _, check := range []func() (TitrationCheck, CheckFinding, string){
		t.checkPrescription, t.checkHold, t.checkAlerts, t.checkSuicidality, t.checkMania, t.checkPregnancy, t.checkSerious,
	} {
		name, finding, detail := check()
		t.note(&veto, name, finding, detail, false)
	}
	if t.Protocol.Guards(GuardConsents) {
		finding, detail := t.checkConsents()
		t.note(&veto, CheckConsents, finding, detail, true)
	}
	if t.Protocol.Guards(GuardPDMP) {
		finding, detail := t.checkPDMP()
		t.note(&veto, CheckPDMP, finding, detail, true)
	}
	return veto
}

// note keeps what a check came to. What was found is a reason of the veto, and so is what is
// unknown, where it must be known.
func (t *titration) note(veto *judgement, check TitrationCheck, finding CheckFinding, detail string, mustBeKnown bool) {
	t.checked = append(t.checked, CheckedContraindication{check, finding, detail})
	if finding == CheckFound || finding == CheckUnknown && mustBeKnown {
		veto.holds = true
		veto.reasons = append(veto.reasons, detail)
	}
}

func (t *titration) checkPrescription() (TitrationCheck, CheckFinding, string) {
	switch p := t.Prescription; {
	case p == nil:
		return CheckPrescription, CheckFound, "No signed prescription is in force."
	case p.StatusAt(t.Now) != PrescriptionActive:
		return CheckPrescription, CheckFound, "The prescription has expired."
	}
	return CheckPrescription, CheckNotFound, "The prescription is active."
}

func (t *titration) checkHold() (TitrationCheck, CheckFinding, string) {
	switch {
	case t.OnHold:
		return CheckHold, CheckFound, "The treatment is on hold."
	case t.Prescription != nil && t.Prescription.OnHold:
		return CheckHold, CheckFound, "The prescription is on hold: " + string(t.Prescription.HoldReason) + "."
	}
	return CheckHold, CheckNotFound, "Neither treatment nor prescription is on hold."
}

// alerted finds the unresolved alerts that a test picks, and notes them as read.
func (t *titration) alerted(pick func(StandingAlert) bool) (rules []string) {
	for _, a := range t.Alerts {
		if pick(a.StandingAlert) {
			t.input(a.Evidence, string(a.Rule)+", "+string(a.Severity), a.At)
			rules = append(rules, string(a.Rule))
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func (t *titration) checkAlerts() (TitrationCheck, CheckFinding, string) {
	rules := t.alerted(func(a StandingAlert) bool { return a.Severity == SeverityHigh || a.Severity == SeverityCritical })
	if len(rules) > 0 {
		return CheckOpenAlert, CheckFound, "Alerts that are high or critical are not resolved: " + strings.Join(rules, ", ") + "."
	}
	return CheckOpenAlert, CheckNotFound, "No high or critical alert is unresolved."
}

func (t *titration) checkSuicidality() (TitrationCheck, CheckFinding, string) {
	if rules := t.alerted(func(a StandingAlert) bool { return suicidality(a.Rule) }); len(rules) > 0 {
		return CheckSuicidality, CheckFound, "Alerts about suicidality are not resolved: " + strings.Join(rules, ", ") + "."
	}
	s := t.Screener
	if s == nil {
		t.lack(FactSuicidality, "The C-SSRS screener was never answered.")
		return CheckSuicidality, CheckUnknown, "The C-SSRS screener was never answered."
	}
	t.input(Evidence{Type: s.Type, ID: s.ID, Version: s.Version}, s.Value, s.At)
	switch {
	case s.Level == instruments.CSSRSModerate || s.Level == instruments.CSSRSHigh:
		return CheckSuicidality, CheckFound, "The last C-SSRS screener is " + s.Level + "."
	case !s.settled():
		t.lack(FactSuicidality, "The last C-SSRS screener leaves questions open.")
		return CheckSuicidality, CheckUnknown, "The last C-SSRS screener leaves questions open."
	}
	return CheckSuicidality, CheckNotFound, "The last C-SSRS screener is " + s.Level + "."
}

func (t *titration) checkMania() (TitrationCheck, CheckFinding, string) {
	if len(t.alerted(func(a StandingAlert) bool { return a.Rule == AlertManiaPsychosis })) > 0 {
		return CheckMania, CheckFound, "A sign of mania or psychosis was reported and not resolved."
	}
	unknown := ""
	switch {
	case t.Signs == nil:
		unknown = "Signs of mania or psychosis were never asked for on follow-up."
	case t.Signs.Missing > 0:
		unknown = "Questions about signs of mania or psychosis were left out."
	}
	if t.Signs != nil {
		t.input(Evidence{Type: t.Signs.Type, ID: t.Signs.ID, Version: t.Signs.Version}, t.Signs.Value, t.Signs.At)
	}
	if unknown != "" {
		t.lack(FactMania, unknown)
		return CheckMania, CheckUnknown, unknown
	}
	return CheckMania, CheckNotFound, "No unresolved alert reports signs of mania or psychosis."
}

func (t *titration) checkPregnancy() (TitrationCheck, CheckFinding, string) {
	reported := t.alerted(func(a StandingAlert) bool { return a.Rule == AlertPregnancyReported })
	if p := t.Pregnancy; p != nil {
		t.input(p.Evidence, "pregnancy: "+string(p.Status), p.At)
		if slices.Contains(PregnanciesExcluded, p.Status) {
			return CheckPregnancy, CheckFound, "At the safety gate the patient said last: " + string(p.Status) + "."
		}
	}
	switch {
	case len(reported) > 0:
		return CheckPregnancy, CheckFound, "A pregnancy was reported and the alert is not resolved."
	case t.Pregnancy == nil || t.Pregnancy.Status != NotPregnant && t.Pregnancy.Status != PregnancyNotApplicable:
		t.lack(FactPregnancy, "Whether the patient is pregnant was not answered at the safety gate.")
		return CheckPregnancy, CheckUnknown, "It was not answered at the safety gate."
	}
	return CheckPregnancy, CheckNotFound, "At the safety gate the patient said last: " + string(t.Pregnancy.Status) + "."
}

func (t *titration) checkSerious() (TitrationCheck, CheckFinding, string) {
	found, unjudged := false, false
	for _, e := range t.Events {
		if e.Serious == nil && e.Outcome != EventResolved && e.Outcome != EventResolvedWithSequelae {
			t.input(e.Evidence, e.value(), e.At)
			unjudged = true
		}
		if isTrue(e.Serious) && e.Outcome != EventResolved && e.Outcome != EventResolvedWithSequelae {
			t.input(e.Evidence, e.value(), e.At)
			found = true
		}
	}
	if found {
		return CheckSeriousEvent, CheckFound, "A serious adverse event is not resolved."
	}
	if unjudged {
		t.lack(FactEventJudgement, "Nobody has judged yet whether an adverse event is serious.")
		return CheckSeriousEvent, CheckUnknown, "Nobody has judged yet whether an adverse event is serious."
	}
	return CheckSeriousEvent, CheckNotFound, "No serious adverse event is unresolved."
}

func (e EventSeen) value() string {
	value := string(e.Term)
	if e.Grade != nil {
		value += ", " + grade(*e.Grade)
	}
	if e.Causality != "" {
		value += ", " + string(e.Causality)
	}
	return value
}

func (t *titration) checkConsents() (CheckFinding, string) {
	if t.SignedConsents == nil {
		t.lack(FactConsents, "Which consents are in force is not known.")
		return CheckUnknown, "Which consents are in force is not known."
	}
	var o objections
	missingConsents(&o, t.SignedConsents, t.Protocol)
	if len(o.reasons) == 0 {
		return CheckNotFound, "Every required consent is in force."
	}
	var kinds []string
	for _, r := range o.reasons {
		kinds = append(kinds, r.Limit)
	}
	return CheckFound, "A required consent is not in force: " + strings.Join(kinds, ", ") + "."
}

func (t *titration) checkPDMP() (CheckFinding, string) {
	most := t.Protocol.Prescribing.PDMPMaxAgeDays
	if t.PDMP == nil {
		t.lack(FactPDMP, "The monitoring program of the patient's state was never asked.")
		return CheckUnknown, "The monitoring program of the patient's state was never asked."
	}
	t.input(t.PDMP.Evidence, t.PDMP.Value, t.PDMP.At)
	if !within(t.PDMP.At, t.Now, most) {
		return CheckFound, "The monitoring program of the patient's state was asked more than " + days(most) + " ago."
	}
	return CheckNotFound, "The monitoring program of the patient's state was asked in the last " + days(most) + "."
}

// pressureVeto looks at the last session, before and after its dose, and for a soft pressure before
// several doses: by the limits of the safety gate, the patient's own where those are tighter.
func (t *titration) pressureVeto() judgement {
	veto := judgement{rule: TitrationPressureVeto, kind: SuggestReview, whyNot: "Blood pressure reached no limit in the last sessions."}
	soft, hard := t.Limits.preDose(t.Protocol)
	notify, last := t.Protocol.Vitals.DuringSession.Notify, t.lastSession()
	high := 0
	for _, s := range t.Sessions[max(0, len(t.Sessions)-t.policy.Tolerability.RecentSessions):] {
		if soft.reached(s.Before) {
			high++
		}
	}
	var found []string
	switch {
	case last == nil:
	case hard.reached(last.Before):
		found = append(found, fmt.Sprintf("The last session began with %s, at or above %s.", last.Before.pressure(), hard))
	case notify.reached(last.Peak):
		found = append(found, fmt.Sprintf("Blood pressure rose to %s in the last session, at or above %s.", last.Peak.pressure(), notify))
	}
	if high >= t.policy.Tolerability.HighPressureSessions {
		found = append(found, fmt.Sprintf("%d of the last sessions began at or above %s.", high, soft))
	}
	switch {
	case len(found) > 0:
		detail := strings.Join(found, " ")
		t.note(&veto, CheckPressure, CheckFound, detail, false)
		veto.reasons = append(veto.reasons, "Nothing that is more is suggested until there is a plan for the blood pressure.")
	case last == nil || !last.measured():
		t.lack(FactBloodPressure, "The last session lacks a blood pressure before or after the dose.")
		veto.whyNot = "It was not measured both before and after the last dose; what is known reached no limit."
		t.note(&veto, CheckPressure, CheckUnknown, veto.whyNot, false)
	default:
		t.note(&veto, CheckPressure, CheckNotFound, veto.whyNot, false)
	}
	return veto
}

func (t *titration) lastSession() *SessionSeen {
	if len(t.Sessions) == 0 {
		return nil
	}
	return &t.Sessions[len(t.Sessions)-1]
}

// measured says whether both pressures are known before and after the dose.
func (s SessionSeen) measured() bool {
	return s.Before.SystolicMmHg != nil && s.Before.DiastolicMmHg != nil && s.After
}

// misuse looks for several signals of misuse.
func (t *titration) misuse() judgement {
	veto := judgement{rule: TitrationMisuse, kind: SuggestReview, whyNot: "Fewer than " + counted(t.policy.MisuseSignals, "signal") + " of misuse count."}
	signals := slices.Compact(slices.Sorted(slices.Values(t.MisuseSignals)))
	switch {
	case t.MisuseSignals == nil:
		t.lack(FactMisuseSignals, "Whether there are signals of misuse is not known.")
		t.note(&veto, CheckMisuse, CheckUnknown, "Nobody looks for signals of misuse.", false)
		veto.whyNot = "Whether there are signals of misuse is not known."
	case len(signals) >= t.policy.MisuseSignals:
		t.note(&veto, CheckMisuse, CheckFound, "Several signals of misuse: "+strings.Join(signals, ", ")+".", false)
		veto.reasons = append(veto.reasons, "Nothing that is more is suggested until somebody has looked at them.")
	default:
		t.note(&veto, CheckMisuse, CheckNotFound, veto.whyNot, false)
	}
	return veto
}

// insufficient says what has to be known before the present dose can be judged at all.
func (t *titration) insufficient() judgement {
	none := judgement{rule: TitrationInsufficientData, kind: SuggestNone}
	lack := func(fact TitrationFact, detail string) {
		none.holds = true
		none.reasons = append(none.reasons, t.lack(fact, detail).Detail)
	}
	if n := t.policy.Increase.MinSessions; len(t.atDose) < n {
		lack(FactSessionsAtDose, fmt.Sprintf("In a row at the prescribed dose: %s; it takes %d.", counted(len(t.atDose), "session"), n))
	}
	switch last := t.lastScore(); {
	case last == nil:
		lack(FactRecentScore, "There are no answers to the "+t.scaleName()+" with a total since the first dose.")
	case !within(last.At, t.Now, t.policy.ScoreMaxAgeDays):
		lack(FactRecentScore, "The last answers to the "+t.scaleName()+" are older than "+days(t.policy.ScoreMaxAgeDays)+".")
	case len(t.atDose) > 0 && !last.At.After(t.atDose[min(len(t.atDose), t.policy.Increase.MinSessions)-1].At):
		lack(FactRecentScore, "The last answers to the "+t.scaleName()+" are older than the sessions at the prescribed dose.")
	}
	if t.baseline == nil {
		lack(FactBaseline, "There is no complete "+t.scaleName()+" from before the first dose to compare with.")
	}
	switch most := t.Protocol.Prescribing.WeightMaxAgeDays; {
	case t.Weight == nil || t.Weight.Kg <= 0:
		lack(FactWeight, "The patient's weight is not known.")
	case !within(t.Weight.MeasuredAt, t.Now, most):
		lack(FactWeight, "The patient's weight is older than "+days(most)+".")
	}
	switch want := t.policy.Adherence; {
	case t.Planned == 0:
		t.lack(FactAdherence, "No session was planned in the last "+days(want.WindowDays)+": how many were kept cannot be told.")
	case 100*t.Kept < want.Percent*t.Planned:
		lack(FactAdherence, fmt.Sprintf("%d of %d planned sessions of the last %s were kept; %d %% are needed.", t.Kept, t.Planned, days(want.WindowDays), want.Percent))
	}
	return none
}

// of says whether something with a time of its own, perhaps reported for a session, belongs to one
// of some sessions: to the named one, else to the last that began before it, within the hours after
// which the patient is asked how they are.
func (t *titration) of(session *uuid.UUID, at time.Time, some []SessionSeen) *SessionSeen {
	for i := len(t.Sessions) - 1; i >= 0; i-- {
		s := &t.Sessions[i]
		hours := time.Duration(t.Protocol.Sessions.CheckInDueHours) * time.Hour
		if session != nil && s.ID == *session || session == nil && !s.At.After(at) && at.Sub(s.At) <= hours {
			if slices.ContainsFunc(some, func(o SessionSeen) bool { return o.ID == s.ID }) {
				return s
			}
			return nil
		}
	}
	return nil
}
