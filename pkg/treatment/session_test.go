package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestSessionStatusAt(t *testing.T) {
	p := treatment.Default()
	unplanned := treatment.Plan{}
	tests := []struct {
		name    string
		plan    treatment.Plan
		session treatment.Session
		now     time.Time
		want    treatment.SessionStatus
	}{
		{"before the plan", plan(), treatment.Session{Status: treatment.SessionScheduled}, at(-60), treatment.SessionScheduled},
		{"a moment before 24 h after", plan(), treatment.Session{Status: treatment.SessionScheduled}, at(24 * 60).Add(-1), treatment.SessionScheduled},
		{"24 h after", plan(), treatment.Session{Status: treatment.SessionScheduled}, at(24 * 60), treatment.SessionMissed},
		{"held, 24 h after", plan(), treatment.Session{Status: treatment.SessionHeld}, at(24 * 60), treatment.SessionMissed},
		{"held", plan(), treatment.Session{Status: treatment.SessionHeld}, at(60), treatment.SessionHeld},
		{"cleared", plan(), treatment.Session{Status: treatment.SessionCleared, ClearedUntil: new(at(30))}, at(30), treatment.SessionCleared},
		{"a lapsed clearance", plan(), treatment.Session{Status: treatment.SessionCleared, ClearedUntil: new(at(30))}, at(30).Add(1), treatment.SessionScheduled},
		{"a clearance without an end", plan(), treatment.Session{Status: treatment.SessionCleared}, at(30), treatment.SessionScheduled},
		{"cleared, 24 h after", plan(), treatment.Session{Status: treatment.SessionCleared, ClearedUntil: new(days(2))}, days(1), treatment.SessionMissed},
		{"monitoring is never missed", plan(), treatment.Session{Status: treatment.SessionMonitoring}, days(9), treatment.SessionMonitoring},
		{"cancelled is never missed", plan(), treatment.Session{Status: treatment.SessionCancelled}, days(9), treatment.SessionCancelled},
		{"not planned", unplanned, treatment.Session{Status: treatment.SessionCompleted}, days(9), treatment.SessionCompleted},
	}
	for _, test := range tests {
		if got := test.session.StatusAt(test.plan, p, test.now); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestSessionOccupies(t *testing.T) {
	p := treatment.Default()
	for status, want := range map[treatment.SessionStatus][2]bool{ // without a dose, and with one
		treatment.SessionScheduled: {true, true}, treatment.SessionHeld: {true, true}, treatment.SessionCleared: {true, true},
		treatment.SessionMonitoring: {true, true}, treatment.SessionCompleted: {true, true},
		treatment.SessionAborted: {false, true}, treatment.SessionReviewed: {false, true},
		treatment.SessionCancelled: {false, false}, treatment.SessionEnteredInError: {false, false},
	} {
		for i, started := range []*time.Time{nil, new(at(0))} {
			session := treatment.Session{Status: status, StartedAt: started}
			if got := session.Occupies(plan(), p, at(0)); got != want[i] {
				t.Errorf("%s, begun %v: %v", status, started, got)
			}
		}
	}
	missed := treatment.Session{Status: treatment.SessionScheduled}
	if missed.Occupies(plan(), p, at(24*60)) {
		t.Error("a missed session stands in the way")
	}
}

// Every decision about a session from every status.
func TestSessionDecisions(t *testing.T) {
	waiting := []treatment.SessionStatus{treatment.SessionScheduled, treatment.SessionHeld, treatment.SessionCleared}
	ended := []treatment.SessionStatus{treatment.SessionCompleted, treatment.SessionAborted}
	decisions := []struct {
		name string
		do   func(treatment.Session) (treatment.Plan, error)
		from []treatment.SessionStatus
	}{
		{"cancel", func(s treatment.Session) (treatment.Plan, error) { return plan().Cancel(s, "ill", noon) }, waiting},
		{"reschedule", func(s treatment.Session) (treatment.Plan, error) { return plan().Reschedule(s, scheduling(t), "ill") }, waiting},
		{"review", func(s treatment.Session) (treatment.Plan, error) {
			return plan().Review(s, whole(), nil, id(1), "fine", noon)
		}, ended},
	}
	for _, decision := range decisions {
		for _, status := range treatment.SessionStatuses {
			got, err := decision.do(treatment.Session{Status: status})
			if slices.Contains(decision.from, status) {
				allowed(t, err)
				continue
			}
			refused(t, err, treatment.CodeIllegalTransition)
			if diff := cmp.Diff(plan(), got); diff != "" {
				t.Errorf("%s of one that is %s was refused and changed it:\n%s", decision.name, status, diff)
			}
		}
	}
}

func TestCancelSession(t *testing.T) {
	scheduled := treatment.Session{Status: treatment.SessionScheduled}
	_, err := plan().Cancel(scheduled, "", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	got, err := plan().Cancel(scheduled, "ill", at(-60))
	allowed(t, err)
	want := plan()
	want.CancelledAt, want.StatusReason = new(at(-60)), "ill"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVoidSession(t *testing.T) {
	_, err := plan().Void("", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	void, err := plan().Void("wrong patient", noon)
	allowed(t, err)
	_, err = void.Void("again", noon)
	refused(t, err, treatment.CodeIllegalTransition)

	allowed(t, plan().TakesFacts())
	refused(t, void.TakesFacts(), treatment.CodeIllegalTransition)
	session, verdict := treatment.Fold(void, whole(), known())
	if diff := cmp.Diff(treatment.Session{Status: treatment.SessionEnteredInError}, session); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(treatment.Verdict{}, verdict); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A review covers what it saw: another fact, or a strike-out, opens it again.
func TestReviewReopens(t *testing.T) {
	facts := whole()
	reviewed, err := plan().Review(treatment.Session{Status: treatment.SessionCompleted}, facts, nil, id(1), "fine", days(2))
	allowed(t, err)
	status := func(facts []treatment.Fact) treatment.SessionStatus {
		session, _ := treatment.Fold(reviewed, facts, known())
		return session.Status
	}
	tests := []struct {
		name  string
		facts []treatment.Fact
		want  treatment.SessionStatus
	}{
		{"nothing since", facts, treatment.SessionReviewed},
		{"the same fact again", append(slices.Clone(facts), facts[0]), treatment.SessionReviewed},
		{"another fact", append(slices.Clone(facts), vitalsFact(9, 90, 130, 80)), treatment.SessionCompleted},
		{"another fact, struck out", append(slices.Clone(facts), struckOut(vitalsFact(9, 90, 130, 80))), treatment.SessionCompleted},
		{"a fact struck out", append(slices.Clone(facts[1:]), struckOut(facts[0])), treatment.SessionCompleted},
		{"one struck out and another in its place", append(slices.Clone(facts[1:]), struckOut(facts[0]), vitalsFact(9, -5, 121, 80)), treatment.SessionCompleted},
		{"the end struck out", append(slices.Clone(facts[:4]), struckOut(facts[4]), facts[5]), treatment.SessionMonitoring},
	}
	for _, test := range tests {
		if got := status(test.facts); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	reviewed = reviewed.Unreviewed() // something else of the patient has changed
	if got := status(facts); got != treatment.SessionCompleted {
		t.Errorf("opened again: %s", got)
	}
}

// A review covers adverse events too: one that nobody has triaged stands in its way, and one
// that is reported afterwards opens it again.
func TestReviewCoversAdverseEvents(t *testing.T) {
	const reported, triaged, void = treatment.AdverseEventReported, treatment.AdverseEventTriaged, treatment.AdverseEventEnteredInError
	review := func(events ...treatment.AdverseEventStatus) (treatment.Plan, error) {
		return plan().Review(treatment.Session{Status: treatment.SessionCompleted}, whole(), events, id(1), "fine", days(2))
	}
	_, err := review(triaged, reported)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleAdverseEvents)
	reviewed, err := review(triaged, void)
	allowed(t, err)
	for events, want := range map[int]treatment.SessionStatus{2: treatment.SessionReviewed, 3: treatment.SessionCompleted} {
		k := known()
		k.Events = events
		if session, _ := treatment.Fold(reviewed, whole(), k); session.Status != want {
			t.Errorf("with %d events: %s, want %s", events, session.Status, want)
		}
	}
}

func TestEntries(t *testing.T) {
	facts := whole()
	counts := []int{
		treatment.Entries(nil),
		treatment.Entries(facts[:1]),
		treatment.Entries([]treatment.Fact{facts[0], facts[0]}),
		treatment.Entries([]treatment.Fact{struckOut(facts[0])}),
		treatment.Entries([]treatment.Fact{facts[0], struckOut(facts[0])}),
		treatment.Entries(facts),
	}
	if want := []int{0, 1, 1, 2, 2, 6}; !slices.Equal(counts, want) {
		t.Errorf("entries = %v, want %v", counts, want)
	}
}
