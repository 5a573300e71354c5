package treatment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// proposing is what is known of a proposal that nothing stands against: 125 mg instead of 100 mg.
func proposing() treatment.Proposing {
	return treatment.Proposing{
		Now: noon, By: id(1), Source: treatment.AdjustmentByClinician, Reason: "Little response.",
		Change:   treatment.DosingChange{DoseMg: new(mg(125))},
		Evidence: []treatment.Evidence{{Type: treatment.EvidenceAssessment, ID: id(30), Version: 1}},
		Phase:    treatment.PhaseInduction, Order: new(order()), PrescriptionID: id(10),
		Protocol: treatment.Default(),
	}
}

func proposed(t testing.TB) treatment.Adjustment {
	t.Helper()
	a, err := treatment.Propose(proposing())
	allowed(t, err)
	return a
}

func TestPropose(t *testing.T) {
	want := treatment.Adjustment{
		Source: treatment.AdjustmentByClinician, Reason: "Little response.", PrescriptionID: id(10),
		Status: treatment.AdjustmentProposed, ProposedBy: id(1), ExpiresAt: days(14),
	}
	if diff := cmp.Diff(want, proposed(t)); diff != "" {
		t.Errorf("proposed (-want +got):\n%s", diff)
	}
	open := []treatment.AdjustmentStatus{treatment.AdjustmentProposed}
	tests := []struct {
		name   string
		change func(*treatment.Proposing)
		code   string
		rules  []treatment.Rule
	}{
		{"before induction", func(p *treatment.Proposing) { p.Phase = treatment.PhasePlanned }, "", nil},
		{"after the treatment", func(p *treatment.Proposing) { p.Phase = treatment.PhaseCompleted }, treatment.CodeIllegalTransition, nil},
		{"after others", func(p *treatment.Proposing) {
			p.Others = []treatment.AdjustmentStatus{
				treatment.AdjustmentApplied, treatment.AdjustmentRejected, treatment.AdjustmentWithdrawn, treatment.AdjustmentExpired,
			}
		}, "", nil},
		{"beside a proposal", func(p *treatment.Proposing) { p.Others = open }, treatment.CodeAdjustmentOpen, []treatment.Rule{treatment.RuleOtherAdjustment}},
		{"beside an approved one", func(p *treatment.Proposing) {
			p.Others = []treatment.AdjustmentStatus{treatment.AdjustmentApplied, treatment.AdjustmentApproved}
		}, treatment.CodeAdjustmentOpen, []treatment.Rule{treatment.RuleOtherAdjustment}},
		{"without a prescription", func(p *treatment.Proposing) { p.Order = nil }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleNoActivePrescription}},
		{"without evidence", func(p *treatment.Proposing) { p.Evidence = nil }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleEvidence}},
		{"nothing different", func(p *treatment.Proposing) { p.Change.DoseMg = new(mg(100)) }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleAdjustment}},
		{"only other words", func(p *treatment.Proposing) { p.Change = treatment.DosingChange{Directions: "Chew."} }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleAdjustment}},
		{"one of them different", func(p *treatment.Proposing) {
			p.Change = treatment.DosingChange{DoseMg: new(mg(100)), MinIntervalHours: new(48)}
		}, "", nil},
		{"no booster", func(p *treatment.Proposing) { p.Change = treatment.DosingChange{BoosterMg: new(mg(0))} }, "", nil},
		{"fewer sessions", func(p *treatment.Proposing) { p.Change = treatment.DosingChange{SessionsPerWeek: new(1)} }, "", nil},
		{"no dose", func(p *treatment.Proposing) { p.Change.DoseMg = new(mg(0)) }, treatment.CodeRuleViolated, []treatment.Rule{treatment.RuleDose}},
		{"above every limit, which is for the signature", func(p *treatment.Proposing) { p.Change.DoseMg = new(mg(5000)) }, "", nil},
		{"everything", func(p *treatment.Proposing) { p.Others, p.Evidence, p.Order = open, nil, nil },
			treatment.CodeAdjustmentOpen, []treatment.Rule{treatment.RuleOtherAdjustment, treatment.RuleEvidence, treatment.RuleNoActivePrescription}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := proposing()
			test.change(&p)
			_, err := treatment.Propose(p)
			if test.code == "" {
				allowed(t, err)
				return
			}
			refused(t, err, test.code, test.rules...)
		})
	}
}

// TestProposeNaming: whose idea a proposal is that names a suggestion, and which cannot be named.
func TestProposeNaming(t *testing.T) {
	raise := treatment.Suggestion{From: order().Dosing(), To: treatment.DosingChange{DoseMg: new(mg(125))}}
	raise.Kind, raise.PrescriptionID, raise.ExpiresAt = treatment.SuggestIncrease, new(id(10)), days(1)
	for name, tt := range map[string]struct {
		change func(*treatment.Proposing)
		source treatment.AdjustmentSource // empty when it is refused
	}{
		"just that":                {func(*treatment.Proposing) {}, treatment.AdjustmentByEngine},
		"in other words":           {func(p *treatment.Proposing) { p.Change.BoosterMg, p.Change.Directions = new(mg(50)), "Chew." }, treatment.AdjustmentByEngine},
		"asked for by the patient": {func(p *treatment.Proposing) { p.Source = treatment.AdjustmentByPatientRequest }, treatment.AdjustmentByEngine},
		"more":                     {func(p *treatment.Proposing) { p.Change.DoseMg = new(mg(150)) }, treatment.AdjustmentByClinician},
		"and something else":       {func(p *treatment.Proposing) { p.Change.MinIntervalHours = new(72) }, treatment.AdjustmentByClinician},
		"more, for the patient": {func(p *treatment.Proposing) {
			p.Change.DoseMg, p.Source = new(mg(150)), treatment.AdjustmentByPatientRequest
		}, treatment.AdjustmentByPatientRequest},
		"nothing was suggested": {func(p *treatment.Proposing) { p.Suggestion.To = treatment.DosingChange{} }, treatment.AdjustmentByClinician},
		"expires in a moment":   {func(p *treatment.Proposing) { p.Now = days(1).Add(-1) }, treatment.AdjustmentByEngine},
		"expired":               {func(p *treatment.Proposing) { p.Now = days(1) }, ""},
		"another prescription":  {func(p *treatment.Proposing) { p.PrescriptionID = id(11) }, ""},
		"about no prescription": {func(p *treatment.Proposing) { p.Suggestion.PrescriptionID = nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, suggestion := proposing(), raise
			p.Suggestion, p.SuggestionID = &suggestion, new(id(40))
			tt.change(&p)
			a, err := treatment.Propose(p)
			if tt.source == "" {
				refused(t, err, treatment.CodeRuleViolated, treatment.RuleSuggestion)
				return
			}
			allowed(t, err)
			if a.Source != tt.source || a.SuggestionID == nil || *a.SuggestionID != id(40) {
				t.Errorf("source %s of %v, want %s", a.Source, a.SuggestionID, tt.source)
			}
		})
	}
}

func TestAdjustmentOperations(t *testing.T) {
	type status = treatment.AdjustmentStatus
	const (
		waiting  = treatment.AdjustmentProposed
		approved = treatment.AdjustmentApproved
		expired  = treatment.AdjustmentExpired
	)
	type record = treatment.Adjustment
	operations := []struct {
		name string
		do   func(record) (record, error)
		from []status
		to   status
	}{
		{"approve", func(a record) (record, error) { return a.Approve(id(2), id(200), at(5)) }, []status{waiting}, approved},
		{"reject", func(a record) (record, error) { return a.Reject("too soon", id(2), at(5)) }, []status{waiting}, treatment.AdjustmentRejected},
		{"withdraw", func(a record) (record, error) { return a.Withdraw("", "", id(1), at(5)) }, []status{waiting, approved}, treatment.AdjustmentWithdrawn},
		{"apply", func(a record) (record, error) { return a.Apply(at(5)) }, []status{approved}, treatment.AdjustmentApplied},
	}
	for _, operation := range operations {
		for _, from := range treatment.AdjustmentStatuses {
			a := proposed(t)
			a.Status = from
			got, err := operation.do(a)
			if !slices.Contains(operation.from, from) {
				refused(t, err, treatment.CodeIllegalTransition)
				if got.Status != from {
					t.Errorf("%s of %s was refused and made it %s", operation.name, from, got.Status)
				}
				continue
			}
			if err != nil || got.Status != operation.to {
				t.Errorf("%s of %s = %s, %v; want %s", operation.name, from, got.Status, err, operation.to)
			}
		}
	}
	_, err := proposed(t).Reject(" ", id(2), at(5))
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)

	for _, decide := range []func(record) (record, error){
		func(a record) (record, error) { return a.Approve(id(2), id(200), days(14)) },
		func(a record) (record, error) { return a.Reject("too soon", id(2), days(14)) },
		func(a record) (record, error) { return a.Withdraw("", "", id(1), days(14)) },
	} {
		got, err := decide(proposed(t))
		refused(t, err, treatment.CodeIllegalTransition)
		if got.StatusAt(days(14)) != expired {
			t.Errorf("it is %s", got.Status)
		}
	}
}

func TestAdjustmentKeepsWhoAndWhen(t *testing.T) {
	approved, err := proposed(t).Approve(id(2), id(200), at(5))
	allowed(t, err)
	applied, err := approved.Apply(at(10))
	allowed(t, err)
	want := proposed(t)
	want.Status, want.ApprovedAt, want.ApprovedBy, want.AppliedAt = treatment.AdjustmentApplied, new(at(5)), new(id(2)), new(at(10))
	want.ProtocolID, want.RulesVersion = id(200), treatment.RulesVersion
	if diff := cmp.Diff(want, applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	rejected, err := proposed(t).Reject("too soon", id(2), at(5))
	allowed(t, err)
	want = proposed(t)
	want.Status, want.StatusReason, want.EndedAt, want.EndedBy = treatment.AdjustmentRejected, "too soon", new(at(5)), new(id(2))
	if diff := cmp.Diff(want, rejected); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

// A proposal can be approved until its last day is over, and no longer.
func TestAdjustmentExpires(t *testing.T) {
	a := proposed(t)
	for _, test := range []struct {
		status treatment.AdjustmentStatus
		last   treatment.AdjustmentStatus // on its last moment
		then   treatment.AdjustmentStatus
	}{
		{treatment.AdjustmentProposed, treatment.AdjustmentProposed, treatment.AdjustmentExpired},
		{treatment.AdjustmentApproved, treatment.AdjustmentApproved, treatment.AdjustmentApproved},
		{treatment.AdjustmentRejected, treatment.AdjustmentRejected, treatment.AdjustmentRejected},
	} {
		a.Status = test.status
		if got := a.StatusAt(days(14).Add(-1)); got != test.last {
			t.Errorf("%s is %s on its last moment", test.status, got)
		}
		if got := a.StatusAt(days(14)); got != test.then {
			t.Errorf("%s is %s then", test.status, got)
		}
		if got := a.Expire(days(14).Add(-1)); got.Status != test.status || got.EndedAt != nil {
			t.Errorf("%s is kept as %s on its last moment", test.status, got.Status)
		}
		if got := a.Expire(days(14)); got.Status != test.then || (got.EndedAt != nil) != (test.then == treatment.AdjustmentExpired) {
			t.Errorf("%s is kept as %s then, ended %v", test.status, got.Status, got.EndedAt)
		}
	}
}

// With its treatment, what is open is withdrawn. What has ended or expired stays as it is.
func TestAdjustmentEndsWithTheTreatment(t *testing.T) {
	for _, status := range treatment.AdjustmentStatuses {
		a := proposed(t)
		a.Status = status
		want := a
		if status.Open() {
			want.Status, want.StatusReason, want.EndedAt = treatment.AdjustmentWithdrawn, "moved away", new(at(5))
		}
		if diff := cmp.Diff(want, a.End("moved away", at(5))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", status, diff)
		}
	}
	if got := proposed(t).End("moved away", days(14)); got.Status != treatment.AdjustmentProposed {
		t.Errorf("an expired one becomes %s", got.Status)
	}
}

func TestAdjustmentDrafts(t *testing.T) {
	approved, err := proposed(t).Approve(id(2), id(200), at(5))
	allowed(t, err)
	change := treatment.DosingChange{DoseMg: new(mg(125)), SessionsPerWeek: new(2), Directions: "Half a tablet more."}
	want := order()
	want.DoseMg, want.SessionsPerWeek, want.Directions = mg(125), 2, "Half a tablet more."
	for _, earlier := range []treatment.PrescriptionStatus{"", treatment.PrescriptionDiscarded, treatment.PrescriptionEnteredInError} {
		got, err := approved.Draft(order(), change, earlier, treatment.PhaseInduction)
		allowed(t, err)
		if diff := cmp.Diff(treatment.Prescription{Order: want, Status: treatment.PrescriptionDraft}, got); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", earlier, diff)
		}
		_, err = approved.Withdraw("", earlier, id(1), at(6))
		allowed(t, err)
	}
	for _, earlier := range []treatment.PrescriptionStatus{
		treatment.PrescriptionDraft, treatment.PrescriptionAwaitingCosignature, treatment.PrescriptionActive, treatment.PrescriptionExpired,
	} {
		_, err := approved.Draft(order(), change, earlier, treatment.PhaseInduction)
		refused(t, err, treatment.CodeAlreadyApplied, treatment.RuleAdjustment)
		_, err = approved.Withdraw("", earlier, id(1), at(6))
		refused(t, err, treatment.CodeAlreadyApplied, treatment.RuleAdjustment)
	}
	applied, err := approved.Apply(at(10))
	allowed(t, err)
	_, err = applied.Draft(order(), change, treatment.PrescriptionStopped, treatment.PhaseInduction)
	refused(t, err, treatment.CodeAlreadyApplied, treatment.RuleAdjustment)
	_, err = proposed(t).Draft(order(), change, "", treatment.PhaseInduction)
	refused(t, err, treatment.CodeIllegalTransition)
	_, err = approved.Draft(order(), change, "", treatment.PhaseCompleted)
	refused(t, err, treatment.CodeIllegalTransition)
}

// What was approved is what is signed: dose and interval of its draft stay, the rest may change.
func TestAdjustedDraftKeepsItsDosing(t *testing.T) {
	tests := []struct {
		pointer string
		change  func(*treatment.Order)
	}{
		{"", func(o *treatment.Order) { o.QuantityUnits, o.Refills, o.Directions = 30, 2, "Let it melt." }},
		{"/doseMg", func(o *treatment.Order) { o.DoseMg = mg(101) }},
		{"/boosterMg", func(o *treatment.Order) { o.BoosterMg = 0 }},
		{"/minIntervalHours", func(o *treatment.Order) { o.MinIntervalHours++ }},
		{"/sessionsPerWeek", func(o *treatment.Order) { o.SessionsPerWeek-- }},
	}
	for _, test := range tests {
		changed := order()
		test.change(&changed)
		p := draft(t, order())
		_, err := p.Update(changed)
		allowed(t, err)
		p.AdjustmentID = new(id(40))
		got, err := p.Update(changed)
		if test.pointer == "" {
			allowed(t, err)
			continue
		}
		refused(t, err, treatment.CodeRuleViolated, treatment.RuleAdjustment)
		if at := pointers(err); !slices.Equal(at, []string{test.pointer}) || got.Order != p.Order {
			t.Errorf("refused at %v, want %s", at, test.pointer)
		}
	}
}

func TestUnconsidered(t *testing.T) {
	seen := func(n byte, version int64) treatment.Evidence {
		return treatment.Evidence{Type: treatment.EvidenceAssessment, ID: id(n), Version: version}
	}
	event := treatment.Evidence{Type: treatment.EvidenceAdverseEvent, ID: id(1), Version: 1}
	tests := []struct {
		name                   string
		now, known, considered []treatment.Evidence
		want                   []treatment.Evidence
	}{
		{"nothing", nil, nil, nil, nil},
		{"as it was", []treatment.Evidence{seen(1, 1)}, []treatment.Evidence{seen(1, 1)}, nil, nil},
		{"changed", []treatment.Evidence{seen(1, 2)}, []treatment.Evidence{seen(1, 1)}, nil, []treatment.Evidence{seen(1, 2)}},
		{"changed and considered", []treatment.Evidence{seen(1, 2)}, []treatment.Evidence{seen(1, 1)}, []treatment.Evidence{seen(1, 2)}, nil},
		{"changed after it was considered", []treatment.Evidence{seen(1, 3)}, []treatment.Evidence{seen(1, 1)}, []treatment.Evidence{seen(1, 2)}, []treatment.Evidence{seen(1, 3)}},
		{"new", []treatment.Evidence{seen(1, 1), event}, []treatment.Evidence{seen(1, 1)}, nil, []treatment.Evidence{event}},
		{"new and considered", []treatment.Evidence{seen(1, 1), event}, []treatment.Evidence{seen(1, 1)}, []treatment.Evidence{event}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.now)
			got := treatment.Unconsidered(test.now, test.known, test.considered)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if !slices.Equal(before, test.now) {
				t.Error("the list was changed")
			}
		})
	}
}
