package treatment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestDraftNeedsOpenTreatment(t *testing.T) {
	for _, phase := range treatment.Phases {
		p, err := treatment.Draft(order(), phase)
		if !phase.Open() {
			refused(t, err, treatment.CodeIllegalTransition)
			continue
		}
		allowed(t, err)
		if p.Status != treatment.PrescriptionDraft {
			t.Errorf("status = %s", p.Status)
		}
	}
}

// prescriptions is one of every stored status.
func prescriptions(t testing.TB) map[treatment.PrescriptionStatus]treatment.Prescription {
	t.Helper()
	all := map[treatment.PrescriptionStatus]treatment.Prescription{
		treatment.PrescriptionDraft:               draft(t, order()),
		treatment.PrescriptionAwaitingCosignature: awaiting(t),
		treatment.PrescriptionActive:              active(t),
	}
	for status, build := range map[treatment.PrescriptionStatus]func() (treatment.Prescription, error){
		treatment.PrescriptionDiscarded:      draft(t, order()).Discard,
		treatment.PrescriptionStopped:        func() (treatment.Prescription, error) { return active(t).Stop("done", at(60)) },
		treatment.PrescriptionSuperseded:     func() (treatment.Prescription, error) { return active(t).Supersede(at(60)) },
		treatment.PrescriptionEnteredInError: func() (treatment.Prescription, error) { return active(t).Void("wrong patient", at(60)) },
	} {
		p, err := build()
		allowed(t, err)
		if p.Status != status {
			t.Fatalf("status = %s, want %s", p.Status, status)
		}
		all[status] = p
	}
	return all
}

// Every operation from every status: allowed where states say so, refused everywhere else
// without changing anything.
func TestPrescriptionOperations(t *testing.T) {
	const (
		drafted    = treatment.PrescriptionDraft
		waiting    = treatment.PrescriptionAwaitingCosignature
		inForce    = treatment.PrescriptionActive
		stopped    = treatment.PrescriptionStopped
		superseded = treatment.PrescriptionSuperseded
		discarded  = treatment.PrescriptionDiscarded
		void       = treatment.PrescriptionEnteredInError
	)
	type p = treatment.Prescription
	operations := []struct {
		name string
		do   func(p) (p, error)
		to   treatment.PrescriptionStatus
		from []treatment.PrescriptionStatus
	}{
		{"update", func(x p) (p, error) { return x.Update(order()) }, drafted, []treatment.PrescriptionStatus{drafted}},
		{"discard", p.Discard, discarded, []treatment.PrescriptionStatus{drafted}},
		{"sign", func(x p) (p, error) { return x.Sign(signing()) }, inForce, []treatment.PrescriptionStatus{drafted}},
		{"cosign", func(x p) (p, error) {
			return x.Cosign(treatment.Cosigning{Now: noon, Cosigner: prescriber(2, "1993999998"), PatientState: "NY", Phase: treatment.PhaseTaper})
		}, inForce, []treatment.PrescriptionStatus{waiting}},
		{"withdraw", func(x p) (p, error) { return x.Withdraw(id(1), "") }, drafted, []treatment.PrescriptionStatus{waiting}},
		{"hold", func(x p) (p, error) { return x.Hold(treatment.HoldSupply, noon) }, inForce, []treatment.PrescriptionStatus{inForce}},
		{"stop", func(x p) (p, error) { return x.Stop("enough", noon) }, stopped, []treatment.PrescriptionStatus{inForce}},
		{"supersede", func(x p) (p, error) { return x.Supersede(noon) }, superseded, []treatment.PrescriptionStatus{inForce}},
		{"void", func(x p) (p, error) { return x.Void("wrong patient", noon) }, void,
			[]treatment.PrescriptionStatus{waiting, inForce, stopped, superseded, discarded}},
	}
	for _, operation := range operations {
		for status, before := range prescriptions(t) {
			after, err := operation.do(before)
			legal := false
			for _, from := range operation.from {
				legal = legal || from == status
			}
			switch {
			case !legal:
				refused(t, err, treatment.CodeIllegalTransition)
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("%s of one that is %s was refused and changed it:\n%s", operation.name, status, diff)
				}
			case err != nil:
				t.Errorf("%s of one that is %s: %v", operation.name, status, err)
			case after.Status != operation.to:
				t.Errorf("%s of one that is %s makes it %s, want %s", operation.name, status, after.Status, operation.to)
			}
		}
	}
}

func TestPrescriptionReasons(t *testing.T) {
	_, err := active(t).Stop(" ", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	_, err = active(t).Void("", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
	_, err = active(t).Hold("tired of it", noon)
	refused(t, err, treatment.CodeRuleViolated, treatment.RuleReason)
}

// A lock takes the place of every other hold, and only a prescription in force is locked.
func TestPrescriptionLock(t *testing.T) {
	held, err := active(t).Hold(treatment.HoldSupply, noon)
	allowed(t, err)
	if held.Locked(noon) {
		t.Error("a hold for another reason is a lock")
	}
	for name, p := range map[string]treatment.Prescription{"active": active(t), "on hold": held} {
		locked, err := p.Lock(noon)
		allowed(t, err)
		if !locked.OnHold || locked.HoldReason != treatment.HoldRefillLock || !locked.Locked(noon) || locked.Locked(*locked.ExpiresAt) {
			t.Errorf("%s: %+v", name, locked)
		}
		if again, err := locked.Lock(noon); err != nil || !cmp.Equal(again, locked) {
			t.Errorf("%s, twice: %v", name, err)
		}
		resumed, err := locked.Resume(noon)
		allowed(t, err)
		if resumed.Locked(noon) {
			t.Errorf("%s: resumed and locked", name)
		}
	}
	for status, p := range prescriptions(t) {
		if _, err := p.Lock(noon); (err == nil) != (status == treatment.PrescriptionActive) {
			t.Errorf("lock of one that is %s: %v", status, err)
		}
	}
	_, err = active(t).Lock(*active(t).ExpiresAt)
	refused(t, err, treatment.CodeIllegalTransition)
}

func TestPrescriptionHold(t *testing.T) {
	for _, reason := range treatment.HoldReasons {
		held, err := active(t).Hold(reason, noon)
		allowed(t, err)
		if !held.OnHold || held.HoldReason != reason || held.Status != treatment.PrescriptionActive {
			t.Errorf("held = %+v", held)
		}
	}
	held, err := active(t).Hold(treatment.HoldSupply, noon)
	allowed(t, err)
	_, err = held.Hold(treatment.HoldOther, noon)
	refused(t, err, treatment.CodeIllegalTransition)
	_, err = active(t).Resume(noon)
	refused(t, err, treatment.CodeIllegalTransition)

	resumed, err := held.Resume(noon)
	allowed(t, err)
	if diff := cmp.Diff(active(t), resumed); diff != "" {
		t.Errorf("resumed (-want +got):\n%s", diff)
	}
	stopped, err := held.Stop("enough", noon)
	allowed(t, err)
	if stopped.OnHold || stopped.HoldReason != "" {
		t.Errorf("stopped one is on hold: %+v", stopped)
	}
}

func TestPrescriptionExpires(t *testing.T) {
	p := active(t)
	expires := *p.ExpiresAt
	tests := []struct {
		name string
		now  time.Time
		want treatment.PrescriptionStatus
	}{
		{"a moment before", expires.Add(-1), treatment.PrescriptionActive},
		{"at the moment", expires, treatment.PrescriptionExpired},
		{"later", expires.Add(time.Hour), treatment.PrescriptionExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := p.StatusAt(test.now); got != test.want {
				t.Errorf("status = %s, want %s", got, test.want)
			}
			inForce := test.want == treatment.PrescriptionActive
			_, err := p.Hold(treatment.HoldSupply, test.now)
			if (err == nil) != inForce {
				t.Errorf("hold: %v", err)
			}
			if _, err = p.Stop("enough", test.now); (err == nil) != inForce {
				t.Errorf("stop: %v", err)
			}
			_, err = p.Void("wrong patient", test.now)
			allowed(t, err)
			_, err = p.Supersede(test.now)
			allowed(t, err)
		})
	}
	p.ExpiresAt = nil // a record that does not say until when is good for nothing
	if got := p.StatusAt(noon); got != treatment.PrescriptionExpired {
		t.Errorf("without an expiry it is %s", got)
	}
	if got := draft(t, order()).StatusAt(noon); got != treatment.PrescriptionDraft {
		t.Errorf("a draft is %s", got)
	}
}

// What becomes of each when its treatment ends.
func TestPrescriptionEnd(t *testing.T) {
	want := map[treatment.PrescriptionStatus]treatment.PrescriptionStatus{
		treatment.PrescriptionDraft:               treatment.PrescriptionDiscarded,
		treatment.PrescriptionAwaitingCosignature: treatment.PrescriptionDiscarded,
		treatment.PrescriptionActive:              treatment.PrescriptionStopped,
	}
	for status, before := range prescriptions(t) {
		after := before.End("treatment completed", at(90))
		next, moves := want[status]
		if !moves {
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("%s changed (-before +after):\n%s", status, diff)
			}
			continue
		}
		if after.Status != next || after.StatusReason != "treatment completed" {
			t.Errorf("%s became %s (%s), want %s", status, after.Status, after.StatusReason, next)
		}
		if next == treatment.PrescriptionDiscarded && after.SignedAt != nil {
			t.Errorf("%s was discarded and is signed", status)
		}
	}
}

func TestValidity(t *testing.T) {
	hold := []treatment.Interval{{From: at(10), Until: new(at(20))}}
	cosigned, err := awaiting(t).Cosign(treatment.Cosigning{
		Now: days(2), Cosigner: prescriber(2, "1993999998"), PatientState: "NY", Phase: treatment.PhaseInduction,
	})
	allowed(t, err)
	all := prescriptions(t)
	late, err := active(t).Supersede(days(400)) // long after it had expired
	allowed(t, err)
	expires := time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		p     treatment.Prescription
		from  time.Time
		until *time.Time // nil: never active
	}{
		{"active", all[treatment.PrescriptionActive], noon, &expires},
		{"active since the cosignature", cosigned, days(2), &expires},
		{"stopped", all[treatment.PrescriptionStopped], noon, new(at(60))},
		{"superseded", all[treatment.PrescriptionSuperseded], noon, new(at(60))},
		{"superseded after it had expired", late, noon, &expires},
		{"draft", all[treatment.PrescriptionDraft], noon, nil},
		{"awaiting cosignature", all[treatment.PrescriptionAwaitingCosignature], noon, nil},
		{"discarded", all[treatment.PrescriptionDiscarded], noon, nil},
		{"entered in error", all[treatment.PrescriptionEnteredInError], noon, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := test.p.Validity(id(100), hold)
			if found != (test.until != nil) {
				t.Fatalf("found = %t", found)
			}
			if !found {
				return
			}
			want := treatment.Validity{
				ID: id(100), Interval: treatment.Interval{From: test.from, Until: test.until},
				Form: test.p.Form, DoseMg: test.p.DoseMg, BoosterMg: test.p.BoosterMg, MinIntervalHours: 24, SessionsPerWeek: 3, Holds: hold,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// However the operations follow one another: what was signed never changes while the
// signature stands, and a prescription is in force only with all that a signature needs.
func TestPrescriptionProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := order()
		if rapid.Bool().Draw(t, "above the soft maximum") {
			o.DoseMg, o.BoosterMg = mg(430), mg(50)
		}
		p, err := treatment.Draft(o, treatment.PhasePlanned)
		if err != nil {
			t.Fatal(err)
		}
		minute := 0
		moves := map[string]func() (treatment.Prescription, error){
			"update": func() (treatment.Prescription, error) {
				changed := p.Order
				changed.Refills = rapid.IntRange(0, 5).Draw(t, "refills")
				return p.Update(changed)
			},
			"discard": func() (treatment.Prescription, error) { return p.Discard() },
			"sign": func() (treatment.Prescription, error) {
				s := signing()
				s.Now, s.Weight.Kg = at(minute), kg(80)
				return p.Sign(s)
			},
			"cosign": func() (treatment.Prescription, error) {
				return p.Cosign(treatment.Cosigning{Now: at(minute), PatientState: "NY", Phase: treatment.PhasePlanned,
					Cosigner: prescriber(rapid.Byte().Draw(t, "cosigner"), rapid.SampledFrom([]string{"1993999998", "1234567893"}).Draw(t, "NPI"))})
			},
			"withdraw":  func() (treatment.Prescription, error) { return p.Withdraw(id(1), "") },
			"hold":      func() (treatment.Prescription, error) { return p.Hold(treatment.HoldOther, at(minute)) },
			"resume":    func() (treatment.Prescription, error) { return p.Resume(at(minute)) },
			"stop":      func() (treatment.Prescription, error) { return p.Stop("enough", at(minute)) },
			"supersede": func() (treatment.Prescription, error) { return p.Supersede(at(minute)) },
			"void":      func() (treatment.Prescription, error) { return p.Void("wrong patient", at(minute)) },
			"end":       func() (treatment.Prescription, error) { return p.End("completed", at(minute)), nil },
		}
		names := []string{"update", "discard", "sign", "cosign", "withdraw", "hold", "resume", "stop", "supersede", "void", "end"}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "move")
			minute += rapid.IntRange(0, 60*24*30).Draw(t, "minutes")
			before := p
			after, err := moves[name]()
			if err != nil {
				if !cmp.Equal(before, after) {
					t.Fatalf("%s was refused and changed it: %s", name, cmp.Diff(before, after))
				}
				continue
			}
			if before.SignedAt != nil && after.SignedAt != nil && !cmp.Equal(before.Order, after.Order) {
				t.Fatalf("%s changed a signed order", name)
			}
			if before.Status == treatment.PrescriptionEnteredInError && name != "end" {
				t.Fatalf("%s moved one that was entered in error", name)
			}
			checkPrescription(t, after)
			p = after
		}
	})
}

func checkPrescription(t *rapid.T, p treatment.Prescription) {
	switch p.Status {
	case treatment.PrescriptionDraft:
		if p.SignedAt != nil || p.SignedBy != nil || p.ExpiresAt != nil || p.WeightKg != nil {
			t.Fatalf("a draft is signed: %+v", p)
		}
	case treatment.PrescriptionActive, treatment.PrescriptionAwaitingCosignature:
		if p.SignedAt == nil || p.SignedBy == nil || p.ExpiresAt == nil || p.WeightKg == nil || p.EndedAt != nil {
			t.Fatalf("something is missing or too much: %+v", p)
		}
		above := p.Total() > treatment.Default().Prescribing.SoftMaximum.At(*p.WeightKg)
		if p.Status == treatment.PrescriptionActive && above != (p.CosignedBy != nil) {
			t.Fatalf("above the soft maximum %t, cosigned by %v", above, p.CosignedBy)
		}
		if p.CosignedBy != nil && *p.CosignedBy == *p.SignedBy {
			t.Fatalf("cosigned by the signer")
		}
	default:
		if p.OnHold {
			t.Fatalf("%s is on hold", p.Status)
		}
	}
}
