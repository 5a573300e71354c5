package treatment_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestOpenConsultation(t *testing.T) {
	all := treatment.ConsultationStatuses
	undecided := []treatment.ConsultationStatus{"draft", "submitted", "awaitingInfo", "deferred"}
	for _, other := range all {
		c, err := treatment.OpenConsultation(treatment.PatientActive, []treatment.ConsultationStatus{other})
		if slices.Contains(undecided, other) {
			refused(t, err, treatment.CodeConsultationOpen, treatment.RuleOtherConsultation)
		} else if err != nil || c.Status != treatment.ConsultationDraft {
			t.Errorf("beside one that is %s: %+v, %v", other, c, err)
		}
	}
	_, err := treatment.OpenConsultation(treatment.PatientInactive, nil)
	refused(t, err, treatment.CodeRuleViolated, treatment.RulePatientActive)
}

// What may be done in which status, as the table of states has it.
func TestConsultationOperations(t *testing.T) {
	type status = treatment.ConsultationStatus
	ruling := treatment.Ruling{Conditions: []treatment.Clearance{{Code: "cystitis", Ask: "Urology."}, {Code: "other", Ask: "ECG."}}}
	operations := []struct {
		name string
		do   func(treatment.Consultation) (treatment.Consultation, error)
		to   status
		from []status
	}{
		{"fill", func(c treatment.Consultation) (treatment.Consultation, error) { return c, c.Fill() }, "", []status{"draft", "awaitingInfo"}},
		{"submit", func(c treatment.Consultation) (treatment.Consultation, error) { return c.Submit(intake(), noon) }, "submitted", []status{"draft", "awaitingInfo"}},
		{"request info", func(c treatment.Consultation) (treatment.Consultation, error) { return c.RequestInfo("Which?") }, "awaitingInfo", []status{"submitted"}},
		{"decide", func(c treatment.Consultation) (treatment.Consultation, error) {
			c, _, err := c.Decide(treatment.EligibilityDecision{Outcome: "eligible"}, candidate())
			return c, err
		}, "eligible", []status{"submitted"}},
		{"clear", func(c treatment.Consultation) (treatment.Consultation, error) {
			c, _, err := c.Clear(ruling, "other", "Normal.", id(1), noon, treatment.Default())
			return c, err
		}, "eligibleWithConditions", []status{"eligibleWithConditions"}},
		{"reopen", func(c treatment.Consultation) (treatment.Consultation, error) { return c.Reopen("New results.") }, "submitted", []status{"deferred"}},
		{"withdraw", func(c treatment.Consultation) (treatment.Consultation, error) { return c.Withdraw("Moves away.") }, "withdrawn",
			[]status{"draft", "submitted", "awaitingInfo"}},
	}
	for _, operation := range operations {
		for _, from := range treatment.ConsultationStatuses {
			before := treatment.Consultation{Status: from}
			got, err := operation.do(before)
			if !slices.Contains(operation.from, from) {
				refused(t, err, treatment.CodeIllegalTransition)
				if diff := cmp.Diff(before, got); diff != "" {
					t.Errorf("%s of %s was refused and changed it:\n%s", operation.name, from, diff)
				}
				continue
			}
			want := operation.to
			if want == "" {
				want = from
			}
			if err != nil || got.Status != want {
				t.Errorf("%s of %s = %s, %v; want %s", operation.name, from, got.Status, err, want)
			}
		}
	}
	_, err := treatment.Consultation{Status: "draft"}.Withdraw(" ")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	_, err = treatment.Consultation{Status: "deferred"}.Reopen("")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

// Each question of the patient's part must be answered. That nobody knows is an answer, and
// what the clinic judges can wait.
func TestSubmitIntake(t *testing.T) {
	draft := treatment.Consultation{Status: treatment.ConsultationDraft}
	_, err := draft.Submit(treatment.Intake{}, noon)
	var all []treatment.Rule
	for range len(treatment.HistoryConditions) + 12 {
		all = append(all, treatment.RuleIntake)
	}
	refused(t, err, treatment.CodeRuleViolated, all...)
	for name, change := range map[string]func(*treatment.Intake){
		"a condition":        func(i *treatment.Intake) { i.History.Conditions = i.History.Conditions[1:] },
		"takesAny":           func(i *treatment.Intake) { i.Medications.TakesAny = nil },
		"psychosis":          func(i *treatment.Intake) { i.Screens.Psychosis = "" },
		"mania":              func(i *treatment.Intake) { i.Screens.Mania = "" },
		"substanceUse":       func(i *treatment.Intake) { i.Screens.SubstanceUse = "" },
		"opioidUseDisorder":  func(i *treatment.Intake) { i.Screens.OpioidUseDisorder = "" },
		"pregnancy":          func(i *treatment.Intake) { i.Pregnancy = "" },
		"address":            func(i *treatment.Intake) { i.HomeSafety.EmergencyAddressConfirmed = "" },
		"videoAvailable":     func(i *treatment.Intake) { i.HomeSafety.VideoAvailable = "" },
		"safePlace":          func(i *treatment.Intake) { i.HomeSafety.SafePlace = "" },
		"childrenSupervised": func(i *treatment.Intake) { i.HomeSafety.ChildrenSupervised = "" },
		"weaponsSecured":     func(i *treatment.Intake) { i.HomeSafety.WeaponsSecured = "" },
		"available":          func(i *treatment.Intake) { i.SupportPerson.Available = "" },
	} {
		t.Run(name, func(t *testing.T) {
			filled := intake()
			change(&filled)
			_, err := draft.Submit(filled, noon)
			refused(t, err, treatment.CodeRuleViolated, treatment.RuleIntake)
		})
	}
	open := intake()
	open.Screens.Mania, open.Pregnancy, open.HomeSafety.SafePlace = treatment.ManiaUnknown, treatment.PregnancyUnknown, treatment.AnswerUnknown
	open.Capacity, open.Diagnoses = treatment.Capacity{}, nil
	got, err := draft.Submit(open, noon)
	allowed(t, err)
	if diff := cmp.Diff(treatment.Consultation{Status: "submitted", SubmittedAt: &noon}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClearConditions(t *testing.T) {
	c := treatment.Consultation{Status: treatment.ConsultationEligibleWithConditions, Note: "n"}
	r := treatment.Ruling{Conditions: []treatment.Clearance{{Code: "cystitis", Ask: "Urology."}, {Code: "other", Ask: "ECG."}}}
	p := treatment.Default()

	_, _, err := c.Clear(r, "maoi", " ", id(1), noon, p)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleCondition, treatment.RuleEvidence)
	one, left, err := c.Clear(r, "other", "Normal.", id(1), at(1), p)
	allowed(t, err)
	if diff := cmp.Diff(c, one); diff != "" {
		t.Errorf("one of two cleared (-want +got):\n%s", diff)
	}
	want := treatment.Clearance{Code: "other", Ask: "ECG.", Evidence: "Normal.", ClearedAt: new(at(1)), ClearedBy: new(id(1))}
	if diff := cmp.Diff([]treatment.Clearance{{Code: "cystitis", Ask: "Urology."}, want}, left.Conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if r.Conditions[1].ClearedAt != nil {
		t.Error("the caller's ruling was changed")
	}
	_, _, err = one.Clear(left, "other", "Again.", id(1), noon, p)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleCondition)
	all, _, err := one.Clear(left, "cystitis", "None found.", id(1), at(2), p)
	allowed(t, err)
	c.Status, c.EligibleAt, c.ExpiresAt = treatment.ConsultationEligible, new(at(2)), new(at(2).AddDate(0, 0, 90))
	if diff := cmp.Diff(c, all); diff != "" {
		t.Errorf("all cleared (-want +got):\n%s", diff)
	}
}

// An eligibility expires after 90 days, unless a treatment rests on it.
func TestConsultationExpires(t *testing.T) {
	c, _, err := treatment.Consultation{Status: "submitted"}.Decide(treatment.EligibilityDecision{Outcome: "eligible"}, candidate())
	allowed(t, err)
	for at, want := range map[time.Time]treatment.ConsultationStatus{
		days(90): treatment.ConsultationEligible, days(90).Add(1): treatment.ConsultationExpired,
	} {
		if got := c.StatusAt(at); got != want {
			t.Errorf("at %s it is %s, want %s", at, got, want)
		}
	}
	if got := c.Use().StatusAt(days(1000)); got != treatment.ConsultationEligible {
		t.Errorf("with a treatment it is %s", got)
	}
	if got := (treatment.Consultation{Status: "submitted"}).StatusAt(days(1000)); got != treatment.ConsultationSubmitted {
		t.Errorf("a submitted one is %s", got)
	}
}

func TestReopenForgetsTheDecision(t *testing.T) {
	c := treatment.Consultation{Status: "submitted", SubmittedAt: &noon, Question: "q"}
	deferred, _, err := c.Decide(treatment.EligibilityDecision{Outcome: "deferred", Reasons: []treatment.EligibilityReason{"hypertension"}, Note: "n"}, candidate())
	allowed(t, err)
	got, err := deferred.Reopen("It is down.")
	allowed(t, err)
	c.StatusReason = "It is down."
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The patient's part is everything but what the clinic writes.
func TestPatientsPart(t *testing.T) {
	whole := intake()
	whole.Diagnoses = []string{"F33.1"}
	want := whole
	want.Diagnoses, want.Capacity = nil, treatment.Capacity{}
	if diff := cmp.Diff(want, whole.Patients()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for value, want := range map[any]string{&treatment.Intake{}: "{}", &treatment.Ruling{}: "{}"} { // what is not there is not kept
		if text, err := json.Marshal(value); err != nil || string(text) != want {
			t.Errorf("%T is kept as %s, %v", value, text, err)
		}
	}
}
