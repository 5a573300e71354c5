package treatment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func starting() treatment.Starting {
	return treatment.Starting{
		Now: noon, Indication: treatment.IndicationDepression, DiagnosisCode: "F33.1",
		PatientStatus: treatment.PatientActive,
		OtherPhases:   []treatment.Phase{treatment.PhaseCompleted, treatment.PhaseDiscontinued},
		ProtocolID:    id(200), Protocol: treatment.Default(), ProtocolApproved: true, Production: true,
		ResponsiblePrescriberID: id(1), ResponsibleIsPrescriber: true,
		EligibleAt: new(days(-10)), DecidedAt: new(days(-10)), LastEndedAt: new(days(-10).Add(-1)), SignedConsents: treatment.Default().Treatment.RequiredConsents,
	}
}

func planned(t testing.TB) treatment.Treatment {
	t.Helper()
	got, err := treatment.Start(starting())
	allowed(t, err)
	return got
}

// inPhase is a treatment that has come to a phase on the shortest way.
func inPhase(t testing.TB, phase treatment.Phase) treatment.Treatment {
	t.Helper()
	course := planned(t)
	if phase == treatment.PhasePlanned {
		return course
	}
	if phase == treatment.PhaseDiscontinued {
		course, err := course.Discontinue(treatment.DiscontinueLost, "", days(1))
		allowed(t, err)
		return course
	}
	course, err := course.Acknowledge(1, noon)
	allowed(t, err)
	course, err = course.ChangePhase(change(treatment.PhaseInduction))
	allowed(t, err)
	if phase != treatment.PhaseInduction {
		course, err = course.ChangePhase(change(phase))
		allowed(t, err)
	}
	return course
}

func change(to treatment.Phase) treatment.PhaseChange {
	return treatment.PhaseChange{To: to, Reason: "as planned", Now: days(1), Assessed: []string{"phq-9", "gad-7"}, Protocol: treatment.Default()}
}

func TestStart(t *testing.T) {
	want := treatment.Treatment{
		Indication: treatment.IndicationDepression, DiagnosisCode: "F33.1",
		Phase: treatment.PhasePlanned, PhaseSince: noon,
		ProtocolID: id(200), RulesVersion: treatment.RulesVersion, ResponsiblePrescriberID: id(1),
		Instructions: treatment.Default().DefaultInstructions, InstructionsRevision: 1,
	}
	if diff := cmp.Diff(want, planned(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	tests := []struct {
		name   string
		change func(*treatment.Starting)
		code   string
		rules  []treatment.Rule
	}{
		{"patient not active", func(s *treatment.Starting) { s.PatientStatus = treatment.PatientTransferred },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RulePatientActive}},
		{"patient status unknown", func(s *treatment.Starting) { s.PatientStatus = "" },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RulePatientActive}},
		{"another treatment planned", func(s *treatment.Starting) { s.OtherPhases = []treatment.Phase{treatment.PhasePlanned} },
			treatment.CodeTreatmentOpen, []treatment.Rule{treatment.RuleOtherTreatment}},
		{"another treatment tapering", func(s *treatment.Starting) { s.OtherPhases = append(s.OtherPhases, treatment.PhaseTaper) },
			treatment.CodeTreatmentOpen, []treatment.Rule{treatment.RuleOtherTreatment}},
		{"no protocol", func(s *treatment.Starting) { s.ProtocolID = uuid.Nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleProtocol}},
		{"guards off in production", func(s *treatment.Starting) { s.Protocol = unguarded() },
			treatment.CodeProtocolNotAllowed, []treatment.Rule{treatment.RuleProtocol}},
		{"a proposed protocol", func(s *treatment.Starting) { s.ProtocolApproved = false },
			treatment.CodeProtocolNotAllowed, []treatment.Rule{treatment.RuleProtocol}},
		{"nobody responsible", func(s *treatment.Starting) { s.ResponsiblePrescriberID = uuid.Nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleResponsiblePrescriber}},
		{"a nurse responsible", func(s *treatment.Starting) { s.ResponsibleIsPrescriber = false },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleResponsiblePrescriber}},
		{"eligible exactly 90 days ago", func(s *treatment.Starting) { s.EligibleAt = new(days(-90)) }, "", nil},
		{"eligible a moment earlier", func(s *treatment.Starting) { s.EligibleAt = new(days(-90).Add(-1)) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"eligibility unknown", func(s *treatment.Starting) { s.EligibleAt = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"another treatment ended since", func(s *treatment.Starting) { s.LastEndedAt = s.DecidedAt },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"only a condition was cleared since", func(s *treatment.Starting) { s.DecidedAt = new(days(-11)) },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"nobody knows when it was decided", func(s *treatment.Starting) { s.DecidedAt = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsultation}},
		{"the first treatment", func(s *treatment.Starting) { s.LastEndedAt, s.OtherPhases = nil, nil }, "", nil},
		{"two consents missing", func(s *treatment.Starting) { s.SignedConsents = s.SignedConsents[2:] },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents, treatment.RuleConsents}},
		{"no consent", func(s *treatment.Starting) {
			s.SignedConsents = []string{}
			s.Protocol.Treatment.RequiredConsents = []string{"treatment"}
		},
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents}},
		{"consents unknown", func(s *treatment.Starting) { s.SignedConsents = nil },
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleConsents}},
		{"limits at the protocol's", func(s *treatment.Starting) { s.Limits.HoldSystolicMmHg = new(140) }, "", nil},
		{"limits above the protocol's", func(s *treatment.Starting) {
			s.Limits.HoldSystolicMmHg, s.Limits.StopDiastolicMmHg = new(141), new(101)
		},
			treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleLimits, treatment.RuleLimits}},
		{"everything at once", func(s *treatment.Starting) {
			*s = treatment.Starting{Now: noon, OtherPhases: []treatment.Phase{treatment.PhaseInduction}, Protocol: treatment.Default()}
		}, treatment.CodeTreatmentOpen, []treatment.Rule{treatment.RulePatientActive, treatment.RuleOtherTreatment, treatment.RuleProtocol,
			treatment.RuleProtocol, treatment.RuleResponsiblePrescriber, treatment.RuleConsultation, treatment.RuleConsents}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := starting()
			test.change(&s)
			_, err := treatment.Start(s)
			judged(t, err, test.code, test.rules...)
		})
	}
}

func TestStartWithGuardsOff(t *testing.T) {
	s := starting()
	s.Production, s.Protocol, s.EligibleAt, s.SignedConsents = false, unguarded(), nil, nil
	_, err := treatment.Start(s)
	allowed(t, err)
}

func TestChangePhase(t *testing.T) {
	legal := map[treatment.Phase][]treatment.Phase{
		treatment.PhasePlanned:     {treatment.PhaseInduction},
		treatment.PhaseInduction:   {treatment.PhaseMaintenance, treatment.PhaseTaper, treatment.PhaseCompleted},
		treatment.PhaseMaintenance: {treatment.PhaseTaper, treatment.PhaseCompleted},
		treatment.PhaseTaper:       {treatment.PhaseMaintenance, treatment.PhaseCompleted},
	}
	for _, from := range treatment.Phases {
		for _, to := range treatment.Phases {
			course := inPhase(t, from)
			if from == treatment.PhasePlanned {
				course.AcknowledgedRevision = new(1)
			}
			got, err := course.ChangePhase(change(to))
			possible := false
			for _, phase := range legal[from] {
				possible = possible || phase == to
			}
			if !possible {
				refused(t, err, treatment.CodeIllegalTransition)
				continue
			}
			allowed(t, err)
			if got.Phase != to || !got.PhaseSince.Equal(days(1)) || (got.EndedAt != nil) != (to == treatment.PhaseCompleted) {
				t.Errorf("%s to %s: %+v", from, to, got)
			}
		}
	}
}

func TestChangePhaseGuards(t *testing.T) {
	ready := planned(t)
	ready.AcknowledgedRevision = new(1)
	unread := ready
	unread.InstructionsRevision = 2
	tests := []struct {
		name   string
		course treatment.Treatment
		change func(*treatment.PhaseChange)
		rules  []treatment.Rule
	}{
		{"ready", ready, func(*treatment.PhaseChange) {}, nil},
		{"ready, without a reason", ready, func(c *treatment.PhaseChange) { c.Reason = "" }, nil},
		{"no GAD-7", ready, func(c *treatment.PhaseChange) { c.Assessed = []string{"phq-9"} }, []treatment.Rule{treatment.RuleBaselineAssessments}},
		{"nothing assessed", ready, func(c *treatment.PhaseChange) { c.Assessed = nil },
			[]treatment.Rule{treatment.RuleBaselineAssessments, treatment.RuleBaselineAssessments}},
		{"instructions not acknowledged", planned(t), func(*treatment.PhaseChange) {}, []treatment.Rule{treatment.RuleInstructions}},
		{"an older text acknowledged", unread, func(*treatment.PhaseChange) {}, []treatment.Rule{treatment.RuleInstructions}},
		{"both missing", planned(t), func(c *treatment.PhaseChange) { c.Assessed = []string{"gad-7"} },
			[]treatment.Rule{treatment.RuleBaselineAssessments, treatment.RuleInstructions}},
		{"later steps need a reason", inPhase(t, treatment.PhaseInduction), func(c *treatment.PhaseChange) { c.To, c.Reason = treatment.PhaseTaper, " " },
			[]treatment.Rule{treatment.RuleReason}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := change(treatment.PhaseInduction)
			test.change(&c)
			_, err := test.course.ChangePhase(c)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
		})
	}
}

func TestDiscontinue(t *testing.T) {
	for _, phase := range treatment.Phases {
		got, err := inPhase(t, phase).Discontinue(treatment.DiscontinueSafety, "pressure", days(2))
		if !phase.Open() {
			refused(t, err, treatment.CodeIllegalTransition)
			continue
		}
		allowed(t, err)
		if got.Phase != treatment.PhaseDiscontinued || got.DiscontinueReason != treatment.DiscontinueSafety || !got.EndedAt.Equal(days(2)) {
			t.Errorf("from %s: %+v", phase, got)
		}
	}
	_, err := planned(t).Discontinue("bored", "", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

func TestTreatmentHold(t *testing.T) {
	for _, phase := range treatment.Phases {
		held, err := inPhase(t, phase).Hold(treatment.HoldPregnancy)
		if !phase.Open() {
			refused(t, err, treatment.CodeIllegalTransition)
			continue
		}
		allowed(t, err)
		again, err := held.Hold(treatment.HoldSafetyReview)
		allowed(t, err)
		resumed, err := again.Resume()
		allowed(t, err)
		if !held.OnHold || !again.OnHold || resumed.OnHold {
			t.Errorf("%s: held %t, again %t, resumed %t", phase, held.OnHold, again.OnHold, resumed.OnHold)
		}
		ended, err := held.Discontinue(treatment.DiscontinuePregnancy, "", noon)
		allowed(t, err)
		if ended.OnHold {
			t.Errorf("a discontinued treatment is on hold")
		}
	}
	_, err := planned(t).Hold("")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	_, err = planned(t).Resume()
	refused(t, err, treatment.CodeIllegalTransition)
}

func TestUpdateTreatment(t *testing.T) {
	for _, phase := range treatment.Phases {
		course := inPhase(t, phase)
		reassigned, errReassign := course.Reassign(id(9), true)
		tightened, errTighten := course.Tighten(treatment.Limits{StopSystolicMmHg: new(150)}, treatment.Default())
		instructed, errInstruct := course.Instruct("Rest.")
		if !phase.Open() {
			refused(t, errReassign, treatment.CodeIllegalTransition)
			refused(t, errTighten, treatment.CodeIllegalTransition)
			refused(t, errInstruct, treatment.CodeIllegalTransition)
			continue
		}
		if errReassign != nil || errTighten != nil || errInstruct != nil {
			t.Fatal(errReassign, errTighten, errInstruct)
		}
		if reassigned.ResponsiblePrescriberID != id(9) || *tightened.StopSystolicMmHg != 150 ||
			instructed.Instructions != "Rest." || instructed.InstructionsRevision != 2 {
			t.Errorf("%s: %+v %+v %+v", phase, reassigned, tightened, instructed)
		}
	}
	_, err := planned(t).Reassign(id(9), false)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleResponsiblePrescriber)
}

// Each limit by itself: at the protocol's it is allowed, one above it is not.
func TestTighten(t *testing.T) {
	tests := []struct {
		name   string
		limits func(int) treatment.Limits
		most   int
	}{
		{"hold systolic", func(n int) treatment.Limits { return treatment.Limits{HoldSystolicMmHg: &n} }, 140},
		{"hold diastolic", func(n int) treatment.Limits { return treatment.Limits{HoldDiastolicMmHg: &n} }, 90},
		{"stop systolic", func(n int) treatment.Limits { return treatment.Limits{StopSystolicMmHg: &n} }, 160},
		{"stop diastolic", func(n int) treatment.Limits { return treatment.Limits{StopDiastolicMmHg: &n} }, 100},
	}
	for _, test := range tests {
		_, err := planned(t).Tighten(test.limits(test.most), treatment.Default())
		allowed(t, err)
		_, err = planned(t).Tighten(test.limits(test.most+1), treatment.Default())
		refused(t, err, treatment.CodeRuleViolated, treatment.RuleLimits)
	}
}

func TestAcknowledge(t *testing.T) {
	course, err := planned(t).Instruct("Rest.")
	allowed(t, err)
	for _, revision := range []int{0, -1, 3} {
		_, err := course.Acknowledge(revision, noon)
		refused(t, err, treatment.CodeRuleViolated, treatment.RuleInstructions)
	}
	ended, err := course.Discontinue(treatment.DiscontinueLost, "", noon)
	allowed(t, err)
	_, err = ended.Acknowledge(2, noon)
	allowed(t, err)
}

// Acknowledgements give the same treatment in whatever order they arrive.
func TestAcknowledgeProperty(t *testing.T) {
	course := planned(t)
	course.InstructionsRevision = 4
	type acknowledgement struct{ Revision, Minute int }
	one := rapid.Custom(func(t *rapid.T) acknowledgement {
		return acknowledgement{rapid.IntRange(1, 4).Draw(t, "revision"), rapid.IntRange(0, 5).Draw(t, "minute")}
	})
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(one, 1, 8).Draw(t, "acknowledgements")
		fold := func(list []acknowledgement) treatment.Treatment {
			got := course
			for _, a := range list {
				var err error
				if got, err = got.Acknowledge(a.Revision, at(a.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			return got
		}
		if diff := cmp.Diff(fold(all), fold(rapid.Permutation(all).Draw(t, "order"))); diff != "" {
			t.Fatalf("the order matters:\n%s", diff)
		}
	})
}

func TestRunning(t *testing.T) {
	if got := planned(t).Running(); got != nil {
		t.Errorf("a planned treatment was running %v", got)
	}
	if got := inPhase(t, treatment.PhaseDiscontinued).Running(); got != nil {
		t.Errorf("one that never began was running %v", got)
	}
	got := inPhase(t, treatment.PhaseInduction).Running()
	if got == nil || got.Contains(days(1).Add(-1)) || !got.Contains(days(1)) || !got.Contains(days(1000)) {
		t.Errorf("induction since day 1 was running %v", got)
	}
	ended, err := inPhase(t, treatment.PhaseInduction).Discontinue(treatment.DiscontinueLost, "", days(3))
	allowed(t, err)
	if got := ended.Running(); !got.Contains(days(3).Add(-1)) || got.Contains(days(3)) {
		t.Errorf("one that ended on day 3 was running %v", got)
	}
}
