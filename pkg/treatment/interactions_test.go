package treatment_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestInteractionTable: the published figures, and that nothing without a source says it had one.
func TestInteractionTable(t *testing.T) {
	type key struct {
		class     treatment.DrugClass
		substance string
	}
	type known struct {
		severity treatment.InteractionSeverity
		figure   string
	}
	published := map[key]known{
		{treatment.DrugStrongCYP3A4Inhibitor, "clarithromycin"}: {treatment.InteractionHold, "AUC × 2.6, Cmax × 3.6"},
		{treatment.DrugGrapefruitJuice, ""}:                     {treatment.InteractionHold, "AUC × 3.0 (2.4 to 3.6), Cmax × 2.1, half-life + 24 %"},
		{treatment.DrugCYP2B6Inhibitor, "ticlopidine"}:          {treatment.InteractionCaution, "AUC × 2.4"},
		{treatment.DrugItraconazole, "itraconazole"}:            {treatment.InteractionCaution, "AUC × 1"},
		{treatment.DrugEnzymeInducer, "rifampicin"}:             {treatment.InteractionCaution, "AUC - 86 % oral, - 14 % intravenous"},
		{treatment.DrugEnzymeInducer, "St John's wort"}:         {treatment.InteractionCaution, "AUC - 58 %, Cmax - 66 %"},
		{treatment.DrugLamotrigine, "lamotrigine"}:              {treatment.InteractionInfo, ""},
		{treatment.DrugMAOI, ""}:                                {treatment.InteractionHold, ""},
		{treatment.DrugStimulant, ""}:                           {treatment.InteractionCaution, ""},
	}
	var classes []treatment.DrugClass
	for _, i := range treatment.Interactions() {
		classes = append(classes, i.DrugClass)
		if !slices.Contains(treatment.DrugClasses, i.DrugClass) || !slices.Contains(treatment.InteractionSeverities, i.Severity) || i.Effect == "" {
			t.Errorf("not sound: %+v", i)
		}
		if i.Source == "" && (i.Figure != "" || i.Provenance != instruments.Unverified) {
			t.Errorf("published nowhere: %+v", i)
		}
		k := key{i.DrugClass, i.Substance}
		if want, found := published[k]; found {
			if diff := cmp.Diff(want, known{i.Severity, i.Figure}, cmp.AllowUnexported(known{})); diff != "" || i.Provenance != instruments.Published {
				t.Errorf("%v, %s (-want +got):\n%s", k, i.Provenance, diff)
			}
			delete(published, k)
		}
	}
	if len(published) > 0 {
		t.Errorf("not in the table: %v", published)
	}
	for _, class := range treatment.DrugClasses {
		if slices.Contains(classes, class) == (class == treatment.DrugOther) {
			t.Errorf("%s is in the table: %t", class, class == treatment.DrugOther)
		}
	}
}

// TestInteraction: what is known of a medicine, and what an unknown one is.
func TestInteraction(t *testing.T) {
	for class, want := range map[treatment.DrugClass]struct {
		severity treatment.InteractionSeverity // empty: none
		known    bool
		raised   treatment.Severity // empty: nothing
		value    string
	}{
		treatment.DrugMAOI:                  {treatment.InteractionHold, true, treatment.SeverityHigh, "maoi"},
		treatment.DrugStrongCYP3A4Inhibitor: {treatment.InteractionHold, true, treatment.SeverityHigh, "strongCyp3a4Inhibitor"},
		treatment.DrugItraconazole:          {treatment.InteractionCaution, true, treatment.SeverityMedium, "itraconazole"},
		treatment.DrugBenzodiazepine:        {treatment.InteractionCaution, true, treatment.SeverityMedium, "benzodiazepine"},
		treatment.DrugLamotrigine:           {treatment.InteractionInfo, true, "", ""},
		treatment.DrugOther:                 {"", true, "", ""},
		"":                                  {"", false, treatment.SeverityMedium, "unknown"},
	} {
		m := treatment.Medication{Name: "A medicine", DrugClass: class}
		worst, known := m.Interaction()
		if known != want.known || (worst == nil) != (want.severity == "") || worst != nil && worst.Severity != want.severity {
			t.Errorf("%q: %+v, known %t", class, worst, known)
		}
		raised := treatment.JudgeMedication(m)
		if want.raised == "" {
			if raised != nil {
				t.Errorf("%q raises %+v", class, raised)
			}
			continue
		}
		if diff := cmp.Diff([]treatment.Raised{{Rule: treatment.AlertNewInteraction, Severity: want.raised, Value: want.value}}, raised); diff != "" {
			t.Errorf("%q (-want +got):\n%s", class, diff)
		}
	}
}

// TestMedicationOver: an MAO inhibitor counts for two weeks after the last one.
func TestMedicationOver(t *testing.T) {
	for _, test := range []struct {
		class treatment.DrugClass
		ended treatment.Date
		want  bool
	}{
		{treatment.DrugOther, "", false}, {treatment.DrugOther, "2026-11-21", false}, {treatment.DrugOther, "2026-11-20", true}, {"", "2026-11-20", true},
		{treatment.DrugMAOI, "2026-11-20", false}, {treatment.DrugMAOI, "2026-11-07", false}, {treatment.DrugMAOI, "2026-11-06", true},
		{treatment.DrugMAOI, "", false}, {treatment.DrugOther, "some day", false},
	} {
		if got := (treatment.Medication{DrugClass: test.class, EndedOn: test.ended}).Over("2026-11-20"); got != test.want {
			t.Errorf("%q that ended on %q: over %t, want %t", test.class, test.ended, got, test.want)
		}
	}
	if got := treatment.LongestWashoutDays(); got != 14 {
		t.Errorf("the longest washout takes %d days", got)
	}
}

// TestInteractionsHold: a medicine that must not meet ketamine holds the dose while it is taken.
func TestInteractionsHold(t *testing.T) {
	maoi := treatment.Medication{Name: "Phenelzine", DrugClass: treatment.DrugMAOI}
	for name, tt := range map[string]struct {
		change func(*treatment.Surroundings, *treatment.Medication)
		want   int
	}{
		"taken":                     {func(*treatment.Surroundings, *treatment.Medication) {}, 1},
		"begun on that day":         {func(_ *treatment.Surroundings, m *treatment.Medication) { m.StartedOn = "2026-11-20" }, 1},
		"begins the day after":      {func(_ *treatment.Surroundings, m *treatment.Medication) { m.StartedOn = "2026-11-21" }, 0},
		"stopped 13 days before":    {func(_ *treatment.Surroundings, m *treatment.Medication) { m.EndedOn = "2026-11-07" }, 1},
		"stopped 14 days before":    {func(_ *treatment.Surroundings, m *treatment.Medication) { m.EndedOn = "2026-11-06" }, 0},
		"one that asks for caution": {func(_ *treatment.Surroundings, m *treatment.Medication) { m.DrugClass = treatment.DrugOpioid }, 0},
		"of an unknown class":       {func(_ *treatment.Surroundings, m *treatment.Medication) { m.DrugClass = "" }, 0}, // its alert holds
		"the guard is off": {func(s *treatment.Surroundings, _ *treatment.Medication) {
			s.Protocol = without(treatment.GuardInteractions)
		}, 0},
	} {
		s, m := surroundings(), maoi
		s.Day = "2026-11-20"
		tt.change(&s, &m)
		s.Medicines = []treatment.Medication{m, {Name: "Sertraline", DrugClass: treatment.DrugOther}}
		got := s.Reasons()
		if len(got) != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
		for _, reason := range got {
			if reason.Rule != treatment.RuleInteractions || reason.Stop || reason.Value != "Phenelzine, maoi" || reason.Source == "" || reason.Clears == "" {
				t.Errorf("%s: %+v", name, reason)
			}
		}
	}
}
