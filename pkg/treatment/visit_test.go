package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// booked is a visit in person, at noon.
func booked(t *testing.T) treatment.Visit {
	t.Helper()
	v, err := treatment.Book(treatment.Booking{
		Kind: treatment.VisitFollowUp, Mode: treatment.VisitInPerson, ProviderID: id(1),
		PlannedAt: noon, TimeZone: "America/New_York", DurationMin: 30,
	}, treatment.PatientActive)
	allowed(t, err)
	return v
}

// took is what came of it: an examination by a prescriber.
func took() treatment.VisitCompletion {
	return treatment.VisitCompletion{
		Note: "well", PatientSummary: "go on", ExaminedInPerson: true, ProviderPrescribes: true, By: id(2), Now: noon,
	}
}

func TestBookVisit(t *testing.T) {
	for _, status := range treatment.PatientStatuses {
		v, err := treatment.Book(treatment.Booking{ProviderID: id(1)}, status)
		if status != treatment.PatientActive {
			refused(t, err, treatment.CodeRuleViolated, treatment.RulePatientActive)
			continue
		}
		allowed(t, err)
		if v.Status != treatment.VisitBooked || v.ProviderID != id(1) {
			t.Errorf("booked: %+v", v)
		}
	}
}

func TestCompleteVisit(t *testing.T) {
	tests := []struct {
		name   string
		change func(*treatment.Visit, *treatment.VisitCompletion)
		rules  []treatment.Rule // none: completed
	}{
		{"at its time", func(*treatment.Visit, *treatment.VisitCompletion) {}, nil},
		{"the day after", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.Now = days(1) }, nil},
		{"earlier than planned", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.Now = noon.Add(-1) }, nil},
		{"without a note", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.Note = "" }, []treatment.Rule{treatment.RuleNote}},
		{"with a blank note", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.Note = " \n" }, []treatment.Rule{treatment.RuleNote}},
		{"nothing for the patient", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.PatientSummary = "" }, nil},
		{"examined by video", func(v *treatment.Visit, _ *treatment.VisitCompletion) { v.Mode = treatment.VisitByVideo }, []treatment.Rule{treatment.RuleInPersonExam}},
		{"examined by phone", func(v *treatment.Visit, _ *treatment.VisitCompletion) { v.Mode = treatment.VisitByPhone }, []treatment.Rule{treatment.RuleInPersonExam}},
		{"examined by somebody who does not prescribe", func(_ *treatment.Visit, c *treatment.VisitCompletion) { c.ProviderPrescribes = false }, []treatment.Rule{treatment.RuleInPersonExam}},
		{"by video", func(v *treatment.Visit, c *treatment.VisitCompletion) {
			v.Mode, c.ExaminedInPerson = treatment.VisitByVideo, false
		}, nil},
		{"in person, by somebody who does not prescribe", func(_ *treatment.Visit, c *treatment.VisitCompletion) {
			c.ExaminedInPerson, c.ProviderPrescribes = false, false
		}, nil},
		{"several reasons", func(v *treatment.Visit, c *treatment.VisitCompletion) {
			v.Mode, c.Note = treatment.VisitByPhone, ""
		}, []treatment.Rule{treatment.RuleNote, treatment.RuleInPersonExam}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, c := booked(t), took()
			test.change(&before, &c)
			want := before
			got, err := before.Complete(c)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
			if test.rules == nil {
				want.Status, want.CompletedAt, want.CompletedBy = treatment.VisitCompleted, new(c.Now), new(id(2))
				want.Note, want.PatientSummary, want.ExaminedInPerson = c.Note, c.PatientSummary, c.ExaminedInPerson
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoShow(t *testing.T) {
	_, err := booked(t).MarkNoShow(noon.Add(-time.Nanosecond))
	refused(t, err, treatment.CodeRuleViolated, treatment.RulePlannedTime)
	missed, err := booked(t).MarkNoShow(noon)
	allowed(t, err)
	if missed.Status != treatment.VisitNoShow {
		t.Errorf("status = %s", missed.Status)
	}
}

func TestCancelVisit(t *testing.T) {
	_, err := booked(t).Cancel(" ")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	cancelled, err := booked(t).Cancel("ill")
	allowed(t, err)
	if cancelled.Status != treatment.VisitCancelled || cancelled.StatusReason != "ill" {
		t.Errorf("cancelled: %+v", cancelled)
	}
}

// Once something has come of a visit, nothing else does.
func TestVisitIsOver(t *testing.T) {
	for _, status := range treatment.VisitStatuses {
		v := booked(t)
		v.Status = status
		for name, decide := range map[string]func() (treatment.Visit, error){
			"rebook":   func() (treatment.Visit, error) { return v.Rebook(treatment.Booking{ProviderID: id(3)}) },
			"complete": func() (treatment.Visit, error) { return v.Complete(took()) },
			"no show":  func() (treatment.Visit, error) { return v.MarkNoShow(noon) },
			"cancel":   func() (treatment.Visit, error) { return v.Cancel("ill") },
		} {
			got, err := decide()
			if status == treatment.VisitBooked {
				allowed(t, err)
				continue
			}
			refused(t, err, treatment.CodeIllegalTransition)
			if !cmp.Equal(v, got) {
				t.Errorf("%s of one that is %s was refused and changed it", name, status)
			}
		}
	}
}
