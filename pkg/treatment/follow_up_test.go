package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// followUp is due at noon, overdue an hour later, missed a day later; answers count from two hours before.
func followUp(instrument string) treatment.FollowUp {
	return treatment.FollowUp{
		Title: "Ask", Audience: treatment.AudiencePatient, Instrument: instrument, TimeZone: "America/New_York", Status: treatment.FollowUpOpen,
		CountsFrom: at(-120), DueAt: at(0), OverdueAt: at(60), MissedAt: at(24 * 60),
	}
}

func TestFollowUpStatus(t *testing.T) {
	done, cancelled := followUp(""), followUp("")
	done.Status, cancelled.Status = treatment.FollowUpDone, treatment.FollowUpCancelled
	never := followUp("")
	never.OverdueAt = at(25 * 60) // superseded before
	tests := []struct {
		f    treatment.FollowUp
		at   time.Time
		want treatment.FollowUpStatus
	}{
		{followUp(""), at(0).Add(-1), treatment.FollowUpOpen},
		{followUp(""), at(0), treatment.FollowUpDue},
		{followUp(""), at(60).Add(-1), treatment.FollowUpDue},
		{followUp(""), at(60), treatment.FollowUpOverdue},
		{followUp(""), at(24 * 60).Add(-1), treatment.FollowUpOverdue},
		{followUp(""), at(24 * 60), treatment.FollowUpMissed},
		{never, at(24 * 60).Add(-1), treatment.FollowUpDue},
		{never, at(26 * 60), treatment.FollowUpMissed},
		{done, at(24 * 60), treatment.FollowUpDone},
		{cancelled, at(60), treatment.FollowUpCancelled},
	}
	for _, test := range tests {
		if got := test.f.StatusAt(test.at); got != test.want {
			t.Errorf("%s at %v: %s, want %s", test.f.Status, test.at.Sub(at(0)), got, test.want)
		}
	}
	kinds := func(f treatment.FollowUp) (list []treatment.DeadlineKind) {
		for _, d := range f.Deadlines() {
			list = append(list, d.Kind)
		}
		return list
	}
	all := []treatment.DeadlineKind{treatment.DeadlineFollowUp, treatment.DeadlineFollowUpMissed, treatment.DeadlineFollowUpOverdue}
	for name, test := range map[string]struct {
		f    treatment.FollowUp
		want []treatment.DeadlineKind
	}{"open": {followUp(""), all}, "superseded before": {never, all[:2]}, "done": {done, nil}, "cancelled": {cancelled, nil}} {
		if diff := cmp.Diff(test.want, kinds(test.f)); diff != "" {
			t.Errorf("deadlines of one that is %s (-want +got):\n%s", name, diff)
		}
	}
}

// What nobody has answered is unknown: how grave that is depends on what was to be asked.
func TestFollowUpOverdue(t *testing.T) {
	for instrument, want := range map[string]string{
		"daily-check-in": "CHECKIN_OVERDUE medium", "phq-9": "PRO_OVERDUE_7D medium", "qids-sr16": "PRO_OVERDUE_7D medium",
		"gad-7": "PRO_OVERDUE_7D low", "urinary-symptoms": "PRO_OVERDUE_7D low", "": "",
	} {
		got := ""
		for _, r := range followUp(instrument).Overdue() {
			got = string(r.Rule) + " " + string(r.Severity)
			if r.Value != instrument || r.Limit != at(0).Format(time.RFC3339) {
				t.Errorf("%s: value %q, limit %q", instrument, r.Value, r.Limit)
			}
		}
		if got != want {
			t.Errorf("%s raises %q, want %q", instrument, got, want)
		}
	}
}

func TestFollowUpTakes(t *testing.T) {
	for name, test := range map[string]struct {
		instrument string
		at         time.Time
		want       bool
	}{
		"the first moment": {"phq-9", at(-120), true}, "too early": {"phq-9", at(-120).Add(-1), false},
		"the last moment": {"phq-9", at(24 * 60).Add(-1), true}, "too late": {"phq-9", at(24 * 60), false},
		"another instrument": {"gad-7", at(0), false}, "none": {"", at(0), false},
	} {
		if got := followUp("phq-9").Takes(test.instrument, test.at); got != test.want {
			t.Errorf("%s: takes %t", name, got)
		}
	}
	if followUp("").Takes("", at(0)) {
		t.Error("something to do is done by answers")
	}
	if done := followUp("phq-9").Answered(id(1), at(1)); done.Takes("phq-9", at(2)) || *done.AssessmentID != id(1) || done.Unanswered() != followUp("phq-9") {
		t.Errorf("answered: %+v", done)
	}
}

func TestFollowUpDecisions(t *testing.T) {
	complete := func(f treatment.FollowUp, answered bool) error {
		c := treatment.FollowUpCompletion{Answered: answered, By: "staff:1", Now: at(9)}
		if answered {
			c.AssessmentID = new(id(1))
		}
		_, err := f.Complete(c)
		return err
	}
	allowed(t, complete(followUp(""), false))
	allowed(t, complete(followUp("phq-9"), true))
	refused(t, complete(followUp("phq-9"), false), treatment.CodeRuleViolated, treatment.RuleAnswers)
	_, err := followUp("").Complete(treatment.FollowUpCompletion{AssessmentID: new(id(1))})
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleAnswers)

	moved, err := followUp("").Reschedule(at(600), "Away.", at(600))
	allowed(t, err)
	if !moved.Moved || !moved.DueAt.Equal(at(600)) || !moved.OverdueAt.Equal(at(660)) || !moved.MissedAt.Equal(at(600+24*60)) || !moved.CountsFrom.Equal(at(480)) {
		t.Errorf("moved: %+v", moved)
	}
	_, err = followUp("").Reschedule(at(600).Add(-1), "Away.", at(600))
	refused(t, err, treatment.CodeRuleViolated, treatment.RulePlannedInPast)
	_, err = followUp("").Reschedule(at(600), " ", at(600))
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)

	cancelled, err := followUp("").Cancel("Settled.", "staff:1", at(5))
	allowed(t, err)
	if cancelled.Withdrawn() {
		t.Error("what somebody has cancelled counts as withdrawn")
	}
	_, err = followUp("").Cancel("", "staff:1", at(5))
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	withdrawn := followUp("").Withdraw("ended", at(24*60).Add(-1))
	if !withdrawn.Withdrawn() || followUp("").Withdraw("ended", at(24*60)) != followUp("") {
		t.Error("what was missed does not stay missed")
	}
	for _, closed := range []treatment.FollowUp{cancelled, withdrawn, followUp("").Answered(id(1), at(0))} {
		_, cancels := closed.Cancel("Again.", "staff:1", at(5))
		_, moves := closed.Reschedule(at(600), "Again.", at(5))
		for _, err := range []error{complete(closed, false), cancels, moves} {
			refused(t, err, treatment.CodeIllegalTransition)
		}
		if closed.Withdraw("ended", at(1)) != closed {
			t.Errorf("%s is withdrawn", closed.Status)
		}
	}
}

func TestScheduleFollowUp(t *testing.T) {
	plan := treatment.FollowUpPlan{
		Title: "Call", Audience: treatment.AudiencePatient, DueAt: at(0), TimeZone: "America/New_York",
		Patient: treatment.PatientActive, Now: at(0), Protocol: treatment.Default(),
	}
	f, err := treatment.ScheduleFollowUp(plan)
	allowed(t, err)
	if !f.OverdueAt.Equal(at(24*60)) || !f.MissedAt.Equal(days(7)) || !f.CountsFrom.Equal(at(-24*60)) || f.Series != "" {
		t.Errorf("scheduled: %+v", f)
	}
	rated := plan
	rated.Instrument, rated.Audience = "madrs", treatment.AudienceStaff
	_, err = treatment.ScheduleFollowUp(rated)
	allowed(t, err)
	plan.Patient, plan.Now, plan.Instrument = treatment.PatientInactive, at(0).Add(1), "madrs"
	_, err = treatment.ScheduleFollowUp(plan)
	refused(t, err, treatment.CodeRuleViolated, treatment.RulePatientActive, treatment.RulePlannedInPast, treatment.RuleAudience)
}

// The patient moves: what is due at nine is due at nine there.
func TestFollowUpInAnotherZone(t *testing.T) {
	newYork, tokyo := zone(t, "America/New_York"), zone(t, "Asia/Tokyo")
	f := followUp("phq-9").To(local(t, newYork, "2026-07-10 09:00"))
	got := f.In(tokyo, newYork)
	if !got.DueAt.Equal(local(t, tokyo, "2026-07-10 09:00")) || got.OverdueAt.Sub(got.DueAt) != time.Hour || got.TimeZone != "Asia/Tokyo" {
		t.Errorf("moved to %v", got.DueAt.In(tokyo))
	}
	if back := got.In(newYork, tokyo); back != f {
		t.Errorf("back again: %v", back.DueAt)
	}
}
