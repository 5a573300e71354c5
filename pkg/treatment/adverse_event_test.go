package treatment_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// judgement is complete and free of contradictions: moderate, not serious, possible, over.
func judgement() treatment.EventJudgement {
	return treatment.EventJudgement{
		Grade: new(2), Serious: new(false), Causality: treatment.CausalityPossible, Outcome: treatment.EventResolved,
		ResolvedAt: new(at(60)), RegulatoryReport: treatment.RegulatoryUndecided,
	}
}

// event is a nausea from noon on, in a status.
func event(status treatment.AdverseEventStatus) treatment.AdverseEvent {
	return treatment.AdverseEvent{Term: treatment.TermNausea, Status: status}
}

func TestReportEvent(t *testing.T) {
	tests := []struct {
		name   string
		report treatment.EventReport
		rules  []treatment.Rule
	}{
		{"a term", treatment.EventReport{Term: treatment.TermNausea}, nil},
		{"another one, described", treatment.EventReport{Term: treatment.TermOther, Description: "Ringing ears."}, nil},
		{"another one", treatment.EventReport{Term: treatment.TermOther, Description: " \n"}, []treatment.Rule{treatment.RuleDescription}},
		{"over at once", treatment.EventReport{Term: treatment.TermFall, ResolvedAt: new(noon)}, nil},
		{"over before", treatment.EventReport{Term: treatment.TermFall, ResolvedAt: new(noon.Add(-1))}, []treatment.Rule{treatment.RuleResolved}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.report.OnsetAt = noon
			got, err := treatment.ReportEvent(test.report)
			judged(t, err, treatment.CodeRuleViolated, test.rules...)
			if err == nil && (got.Status != treatment.AdverseEventReported || got.RegulatoryReport != treatment.RegulatoryUndecided || got.Grade != nil || got.Serious != nil) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAdverseEventOperations(t *testing.T) {
	const (
		reported = treatment.AdverseEventReported
		triaged  = treatment.AdverseEventTriaged
		closed   = treatment.AdverseEventClosed
		void     = treatment.AdverseEventEnteredInError
	)
	type record = treatment.AdverseEvent
	operations := []struct {
		name string
		do   func(record) (record, error)
		from map[treatment.AdverseEventStatus]treatment.AdverseEventStatus
	}{
		{"triage", func(e record) (record, error) { return e.Triage(judgement(), noon, id(1), at(5)) },
			map[treatment.AdverseEventStatus]treatment.AdverseEventStatus{reported: triaged}},
		{"judge", func(e record) (record, error) { return e.Judge(judgement(), noon) },
			map[treatment.AdverseEventStatus]treatment.AdverseEventStatus{reported: reported, triaged: triaged}},
		{"close", func(e record) (record, error) { return e.Close(judgement(), noon, id(1), at(5)) },
			map[treatment.AdverseEventStatus]treatment.AdverseEventStatus{triaged: closed}},
		{"reopen", func(e record) (record, error) { return e.Reopen("it came back") },
			map[treatment.AdverseEventStatus]treatment.AdverseEventStatus{closed: triaged}},
		{"void", func(e record) (record, error) { return e.Void("wrong patient") },
			map[treatment.AdverseEventStatus]treatment.AdverseEventStatus{reported: void, triaged: void, closed: void}},
	}
	for _, operation := range operations {
		for _, from := range treatment.AdverseEventStatuses {
			got, err := operation.do(event(from))
			to, may := operation.from[from]
			if !may {
				refused(t, err, treatment.CodeIllegalTransition)
				to = from
			} else {
				allowed(t, err)
			}
			if got.Status != to {
				t.Errorf("%s of %s makes it %s, want %s", operation.name, from, got.Status, to)
			}
		}
	}
	_, err := event(closed).Reopen(" ")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	_, err = event(reported).Void("")
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

func TestAdverseEventKeepsWhoAndWhen(t *testing.T) {
	triaged, err := event(treatment.AdverseEventReported).Triage(treatment.EventJudgement{}, noon, id(1), at(5))
	allowed(t, err)
	closed, err := triaged.Close(judgement(), noon, id(2), at(10))
	allowed(t, err)
	want := treatment.AdverseEvent{
		Term: treatment.TermNausea, EventJudgement: judgement(), Status: treatment.AdverseEventClosed,
		TriagedAt: new(at(5)), TriagedBy: new(id(1)), ClosedAt: new(at(10)), ClosedBy: new(id(2)),
	}
	if diff := cmp.Diff(want, closed); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	again, err := closed.Reopen("it came back")
	allowed(t, err)
	want.Status, want.StatusReason, want.ClosedAt, want.ClosedBy = treatment.AdverseEventTriaged, "it came back", nil, nil
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("reopened (-want +got):\n%s", diff)
	}
}

// Closing wants all four parts and says of each that is missing where it belongs.
func TestCloseNeedsAllFour(t *testing.T) {
	tests := []struct {
		pointer string
		remove  func(*treatment.EventJudgement)
	}{
		{"/grade", func(j *treatment.EventJudgement) { j.Grade = nil }},
		{"/serious", func(j *treatment.EventJudgement) { j.Serious = nil }},
		{"/causality", func(j *treatment.EventJudgement) { j.Causality = "" }},
		{"/outcome", func(j *treatment.EventJudgement) { j.Outcome = "" }},
	}
	triaged := event(treatment.AdverseEventTriaged)
	nothing := judgement()
	var all []string
	for _, test := range tests {
		all = append(all, test.pointer)
		test.remove(&nothing)
		j := judgement()
		test.remove(&j)
		_, err := triaged.Close(j, noon, id(1), at(5))
		refused(t, err, treatment.CodeRuleViolated, treatment.RuleJudgement)
		if got := pointers(err); !slices.Equal(got, []string{test.pointer}) {
			t.Errorf("without %s: %v", test.pointer, got)
		}
	}
	_, err := triaged.Close(nothing, noon, id(1), at(5))
	if got := pointers(err); !slices.Equal(got, all) {
		t.Errorf("without any: %v", got)
	}
}

// pointers are the members that a refusal names.
func pointers(err error) (list []string) {
	refusal, _ := errors.AsType[*treatment.Refusal](err)
	if refusal == nil {
		return nil
	}
	for _, reason := range refusal.Reasons {
		list = append(list, reason.Pointer)
	}
	return list
}

func TestJudgementContradicts(t *testing.T) {
	serious := func(j *treatment.EventJudgement) {
		j.Serious, j.SeriousCriterion = new(true), treatment.SeriousHospitalisation
	}
	tests := []struct {
		name   string
		change func(*treatment.EventJudgement)
		want   []string // pointers
	}{
		{"nothing at all", func(j *treatment.EventJudgement) { *j = treatment.EventJudgement{} }, nil},
		{"grade 3, not serious", func(j *treatment.EventJudgement) { j.Grade = new(3) }, nil},
		{"grade 1, serious", func(j *treatment.EventJudgement) { serious(j); j.Grade = new(1) }, nil},
		{"grade 4, serious", func(j *treatment.EventJudgement) { serious(j); j.Grade = new(4) }, nil},
		{"grade 4, not serious", func(j *treatment.EventJudgement) { j.Grade = new(4) }, []string{"/serious"}},
		{"grade 4, nobody says", func(j *treatment.EventJudgement) { j.Grade, j.Serious = new(4), nil }, []string{"/serious"}},
		{"serious without criterion", func(j *treatment.EventJudgement) { j.Serious = new(true) }, []string{"/seriousCriterion"}},
		{"criterion, not serious", func(j *treatment.EventJudgement) { j.SeriousCriterion = treatment.SeriousDisability }, []string{"/seriousCriterion"}},
		{"criterion, nobody says", func(j *treatment.EventJudgement) {
			j.Serious, j.SeriousCriterion = nil, treatment.SeriousDisability
		}, []string{"/seriousCriterion"}},
		{"grade 5 and fatal", func(j *treatment.EventJudgement) {
			serious(j)
			j.Grade, j.Outcome = new(5), treatment.EventFatal
		}, nil},
		{"grade 5 and resolved", func(j *treatment.EventJudgement) { serious(j); j.Grade = new(5) }, []string{"/outcome"}},
		{"grade 5, nobody says", func(j *treatment.EventJudgement) {
			serious(j)
			j.Grade, j.Outcome = new(5), ""
		}, []string{"/outcome"}},
		{"grade 4 and fatal", func(j *treatment.EventJudgement) {
			serious(j)
			j.Grade, j.Outcome = new(4), treatment.EventFatal
		}, []string{"/grade"}},
		{"fatal without a grade", func(j *treatment.EventJudgement) { j.Grade, j.Outcome = nil, treatment.EventFatal }, []string{"/grade"}},
		{"over at the onset", func(j *treatment.EventJudgement) { j.ResolvedAt = new(noon) }, nil},
		{"over before the onset", func(j *treatment.EventJudgement) { j.ResolvedAt = new(noon.Add(-1)) }, []string{"/resolvedAt"}},
		{"everything", func(j *treatment.EventJudgement) {
			j.Grade, j.SeriousCriterion, j.ResolvedAt = new(5), treatment.SeriousDeath, new(days(-1))
		}, []string{"/serious", "/seriousCriterion", "/outcome", "/resolvedAt"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := judgement()
			test.change(&j)
			before := event(treatment.AdverseEventTriaged)
			got, err := before.Judge(j, noon)
			if diff := cmp.Diff(test.want, pointers(err)); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			want := before
			if err == nil {
				want.EventJudgement = j
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeEvent(t *testing.T) {
	serious := func(e *treatment.AdverseEvent) {
		e.Serious, e.SeriousCriterion = new(true), treatment.SeriousHospitalisation
	}
	tests := []struct {
		name   string
		change func(*treatment.AdverseEvent)
		want   []string
	}{
		{"a report", func(*treatment.AdverseEvent) {}, nil},
		{"severe in the patient's words", func(e *treatment.AdverseEvent) { e.Severity = treatment.ReportedSevere }, nil},
		{"serious", serious, []string{"AE_SERIOUS critical hospitalisation"}},
		{"not serious", func(e *treatment.AdverseEvent) { e.Serious = new(false) }, nil},
		{"grade 2, certain", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(2), treatment.CausalityCertain }, nil},
		{"grade 3, nobody says", func(e *treatment.AdverseEvent) { e.Grade = new(3) }, nil},
		{"grade 3, unlikely", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(3), treatment.CausalityUnlikely }, nil},
		{"grade 3, unclassified", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(3), treatment.CausalityUnclassified }, nil},
		{"grade 3, unassessable", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(3), treatment.CausalityUnassessable }, nil},
		{"grade 3, possible", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(3), treatment.CausalityPossible }, []string{"AE_G3_RELATED high grade 3"}},
		{"grade 3, probable", func(e *treatment.AdverseEvent) { e.Grade, e.Causality = new(3), treatment.CausalityProbable }, []string{"AE_G3_RELATED high grade 3"}},
		{"grade 4, certain", func(e *treatment.AdverseEvent) {
			serious(e)
			e.Grade, e.Causality = new(4), treatment.CausalityCertain
		}, []string{"AE_SERIOUS critical hospitalisation", "AE_G3_RELATED high grade 4"}},
		{"a red flag", func(e *treatment.AdverseEvent) { e.Term = treatment.TermChestPain }, []string{"RED_FLAG_SYMPTOM critical chestPain"}},
		{"suicidal thoughts", func(e *treatment.AdverseEvent) { e.Term = treatment.TermSuicidalThoughts }, []string{"SI_REPORTED high suicidalThoughts"}},
		{"a suicide attempt", func(e *treatment.AdverseEvent) { e.Term = treatment.TermSuicideAttempt }, []string{"SI_REPORTED critical suicideAttempt"}},
		{"a word that nobody knows", func(e *treatment.AdverseEvent) { e.Term = "hiccups" }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := event(treatment.AdverseEventReported)
			test.change(&e)
			var got []string
			for _, r := range treatment.JudgeEvent(e) {
				got = append(got, strings.Join([]string{string(r.Rule), string(r.Severity), r.Value}, " "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("raised (-want +got):\n%s", diff)
			}
		})
	}
}

// Only terms whose code was verified have one.
func TestAdverseTerms(t *testing.T) {
	want := map[treatment.AdverseTerm]string{
		treatment.TermNausea: "422587007", treatment.TermVomiting: "422400008", treatment.TermDizziness: "404640003",
		treatment.TermHeadache: "25064002", treatment.TermFatigue: "84229001", treatment.TermPalpitations: "80313002",
		treatment.TermConfusion: "40917007", treatment.TermChestPain: "29857009", treatment.TermDyspnoea: "267036007",
		treatment.TermSyncope: "271594007", treatment.TermAlteredTaste: "271801002", treatment.TermSweating: "415690000",
		treatment.TermDiarrhoea: "62315008", treatment.TermDisturbedSleep: "26677001", treatment.TermFall: "1912002",
	}
	for i, term := range treatment.AdverseTerms {
		if slices.Index(treatment.AdverseTerms, term) != i {
			t.Errorf("%s is there twice", term)
		}
		code := term.SNOMED()
		if code != want[term] {
			t.Errorf("%s has the code %q, want %q", term, code, want[term])
		}
		if code != "" && !verhoeff(code) {
			t.Errorf("%s: %s is no SNOMED CT identifier", term, code)
		}
	}
	if !slices.Contains(treatment.AdverseTerms, treatment.TermOther) {
		t.Error("nothing else can be reported")
	}
}

// verhoeff checks the last digit of a SNOMED CT identifier: products in the dihedral group of
// order ten, each digit permuted by its place.
func verhoeff(code string) bool {
	product := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (a+b)%5
		case b < 5:
			return 5 + (a-b)%5
		}
		return (a - b + 5) % 5
	}
	permutation := []int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	check := 0
	for place := range len(code) {
		digit := int(code[len(code)-1-place] - '0')
		for range place {
			digit = permutation[digit]
		}
		check = product(check, digit)
	}
	return check == 0
}

// An event's times are kept in UTC, wherever they were made.
func TestAdverseEventTimesAreUTC(t *testing.T) {
	here := zone(t, "America/New_York")
	triaged, err := event(treatment.AdverseEventReported).Triage(judgement(), noon, id(1), noon.In(here))
	allowed(t, err)
	closed, err := triaged.Close(judgement(), noon, id(1), noon.In(here))
	allowed(t, err)
	for _, got := range []*time.Time{triaged.TriagedAt, closed.ClosedAt} {
		if got.Location() != time.UTC {
			t.Errorf("%v is not UTC", got)
		}
	}
}
