package treatment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// due is a refill to which nothing objects: of 600 mg, 120 are left.
func due(t testing.TB) treatment.Refilling {
	p := active(t)
	p.Fills = 1
	return treatment.Refilling{
		Now: noon, Phase: treatment.PhaseMaintenance, Prescription: &p, LastFillMg: new(mg(600)), LeftMg: mg(120),
		Answered:      []treatment.AnsweredAt{{Instrument: "phq-9", At: new(days(-30))}, {Instrument: "gad-7", At: new(days(-1))}},
		PDMPCheckedAt: new(days(-90)), Protocol: treatment.Default(),
	}
}

// Each rule stands in the way, just does not, and stands in the way when its fact is missing.
func TestRefill(t *testing.T) {
	order := func(change func(*treatment.Prescription)) func(*treatment.Refilling) {
		return func(r *treatment.Refilling) { change(r.Prescription) }
	}
	held := func(reason treatment.HoldReason) func(*treatment.Refilling) {
		return order(func(p *treatment.Prescription) { p.OnHold, p.HoldReason = true, reason })
	}
	for name, test := range map[string]struct {
		change func(*treatment.Refilling)
		want   []string
	}{
		"due":                        {func(*treatment.Refilling) {}, nil},
		"no treatment":               {func(r *treatment.Refilling) { r.Phase = "" }, []string{"treatmentNotOpen : "}},
		"ended":                      {func(r *treatment.Refilling) { r.Phase = treatment.PhaseCompleted }, []string{"treatmentNotOpen completed: "}},
		"on hold":                    {func(r *treatment.Refilling) { r.OnHold = true }, []string{"treatmentOnHold : "}},
		"no prescription":            {func(r *treatment.Refilling) { r.Prescription = nil }, []string{"noActivePrescription : "}},
		"a moment before it expires": {order(func(p *treatment.Prescription) { p.ExpiresAt = new(noon.Add(1)) }), nil},
		"expired":                    {order(func(p *treatment.Prescription) { p.ExpiresAt = new(noon) }), []string{"expired 2026-11-20T12:00:00Z: 2026-11-20T12:00:00Z"}},
		"nobody knows until when":    {order(func(p *treatment.Prescription) { p.ExpiresAt = nil }), []string{"expired 2026-11-20T12:00:00Z: "}},
		"locked":                     {held(treatment.HoldRefillLock), []string{"refillLock : "}},
		"held":                       {held(treatment.HoldSupply), []string{"prescriptionOnHold supply: "}},
		"all filled":                 {order(func(p *treatment.Prescription) { p.Fills = 2 }), []string{"fills 2: 2"}},
		"the first fill":             {func(r *treatment.Refilling) { r.Prescription.Fills, r.LastFillMg, r.LeftMg = 0, nil, mg(900) }, nil},
		"a microgram too much":       {func(r *treatment.Refilling) { r.LeftMg++ }, []string{"earlyRefill 79 %: 80 %"}},
		"more than a fill":           {func(r *treatment.Refilling) { r.LeftMg = mg(700) }, []string{"earlyRefill 0 %: 80 %"}},
		"no guard of units":          {func(r *treatment.Refilling) { r.LeftMg, r.Protocol = mg(700), without(treatment.GuardUnits) }, nil},
		"answers of 31 days":         {func(r *treatment.Refilling) { r.Answered[0].At = new(days(-31)) }, []string{"assessmentsOld phq-9, 31 days: 30 days"}},
		"never answered":             {func(r *treatment.Refilling) { r.Answered[1].At = nil }, []string{"assessmentsOld gad-7: 30 days"}},
		"PDMP after 91 days":         {func(r *treatment.Refilling) { r.PDMPCheckedAt = new(days(-91)) }, []string{"pdmp 91 days: 90 days"}},
		"PDMP never asked":           {func(r *treatment.Refilling) { r.PDMPCheckedAt = nil }, []string{"pdmp : 90 days"}},
		"no guard of PDMP":           {func(r *treatment.Refilling) { r.PDMPCheckedAt, r.Protocol = nil, without(treatment.GuardPDMP) }, nil},
		"nothing is known": {func(r *treatment.Refilling) {
			*r = treatment.Refilling{Now: noon, Protocol: treatment.Default(), Answered: []treatment.AnsweredAt{{Instrument: "phq-9"}}}
		},
			[]string{"treatmentNotOpen : ", "noActivePrescription : ", "assessmentsOld phq-9: 30 days", "pdmp : 90 days"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := due(t)
			test.change(&r)
			var got []string
			for _, reason := range r.Refill().Reasons {
				got = append(got, fmt.Sprintf("%s %s: %s", reason.Rule, reason.Value, reason.Limit))
				if reason.Source == "" || reason.Clears == "" || !slices.Contains(treatment.RefillRules, reason.Rule) {
					t.Errorf("%+v", reason)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// The earliest day is named when only time stands in the way: that of the session after which enough
// is used.
func TestRefillEarliest(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*treatment.Refilling)
		want   treatment.Date
	}{
		"due":            {func(*treatment.Refilling) {}, ""},
		"one session":    {func(r *treatment.Refilling) { r.LeftMg = mg(121) }, "2026-11-20"},
		"after the last": {func(r *treatment.Refilling) { r.LeftMg, r.LastDoseAt = mg(121), new(noon.Add(-time.Hour)) }, "2026-11-22"},
		"three sessions": {func(r *treatment.Refilling) { r.LeftMg = mg(420) }, "2026-11-25"},
		"something else": {func(r *treatment.Refilling) { r.LeftMg, r.OnHold = mg(420), true }, ""},
		"no dose":        {func(r *treatment.Refilling) { r.LeftMg, r.Prescription.DoseMg = mg(420), 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := due(t)
			test.change(&r)
			got := treatment.Date("")
			if earliest := r.Refill().Earliest; earliest != nil {
				got = *earliest
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	if got := due(t).Refill().FillsLeft; got != 1 {
		t.Errorf("%d fills are left", got)
	}
}
