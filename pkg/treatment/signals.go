package treatment

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// SignalRule is a sign that the medicine may not be used as it was prescribed, or not by the
// patient. One proves nothing; several within a short time need a prescriber.
type SignalRule string

// Signals of the supply.
const (
	// SignalEarlyRefill: a refill while much of the supply is left.
	SignalEarlyRefill SignalRule = "earlyRefill"
	// SignalUnitsUnaccounted: more was taken than was ever handed out.
	SignalUnitsUnaccounted SignalRule = "unitsUnaccounted"
	// SignalUnloggedDoses: a count has found less than the ledger says.
	SignalUnloggedDoses SignalRule = "unloggedDoses"
	// SignalInventoryMismatch: a count has found more than the ledger says, or more was disposed of or
	// lost than there was.
	SignalInventoryMismatch SignalRule = "inventoryMismatch"
	// SignalRepeatedLoss: units were lost or stolen again.
	SignalRepeatedLoss SignalRule = "repeatedLoss"
	// SignalDoseAbovePrescribed, SignalIntervalShort and SignalWeeklyLimit: a session took more, or
	// came sooner, than the prescription allows.
	SignalDoseAbovePrescribed SignalRule = "doseAbovePrescribed"
	SignalIntervalShort       SignalRule = "intervalShort"
	SignalWeeklyLimit         SignalRule = "weeklyLimit"
	// SignalNoSupportPerson: a dose was taken without the support person, or they left.
	SignalNoSupportPerson SignalRule = "noSupportPerson"
	// SignalBatchLogging: sessions of several days were logged at once, long after them.
	SignalBatchLogging SignalRule = "batchLogging"
	// SignalIncreaseInResponse: the patient asked for more while the PHQ-9 shows a response.
	SignalIncreaseInResponse SignalRule = "increaseInResponse"
)

// SignalRules lists every signal.
var SignalRules = []SignalRule{
	SignalEarlyRefill, SignalUnitsUnaccounted, SignalUnloggedDoses, SignalInventoryMismatch, SignalRepeatedLoss,
	SignalDoseAbovePrescribed, SignalIntervalShort, SignalWeeklyLimit, SignalNoSupportPerson, SignalBatchLogging,
	SignalIncreaseInResponse,
}

// SignalSourceType is the kind of record that a signal comes from.
type SignalSourceType string

// Signal source types.
const (
	SignalOfSession    SignalSourceType = "session"
	SignalOfDispense   SignalSourceType = "dispense"
	SignalOfAdjustment SignalSourceType = "adjustment"
)

// SignalSourceTypes lists every type.
var SignalSourceTypes = []SignalSourceType{SignalOfSession, SignalOfDispense, SignalOfAdjustment}

// SignalSource is the record that a signal comes from.
type SignalSource struct {
	Type SignalSourceType
	ID   uuid.UUID
	// FactID is what was reported of the dispense; the zero id when the record itself is meant.
	FactID uuid.UUID
}

// Signal is one sign.
type Signal struct {
	Rule SignalRule
	// At is when it happened: when a batch was logged, otherwise when the session, the fill or what
	// was reported took place.
	At     time.Time
	Source SignalSource
	// Value is what was found and Limit what it was held against, with units; empty when the rule
	// has no number.
	Value string
	Limit string
}

// Same says whether two signals say the same about the same record, with whatever numbers.
func (s Signal) Same(other Signal) bool { return s.Rule == other.Rule && s.Source == other.Source }

// Equal says whether two signals are the same in all.
func (s Signal) Equal(other Signal) bool {
	return s.Same(other) && s.At.Equal(other.At) && s.Value == other.Value && s.Limit == other.Limit
}

// Deviating is a session or a fill with what it deviates in.
type Deviating struct {
	ID         uuid.UUID
	At         time.Time
	Deviations []Deviation
}

// LoggedDose is a dose with who logged it when.
type LoggedDose struct {
	SessionID uuid.UUID
	At        time.Time
	// Day is the calendar day where it was taken.
	Day        Date
	RecordedAt time.Time
	// ByStaff: somebody of the clinic entered it, perhaps from a diary on paper.
	ByStaff bool
}

// IncreaseRequest is a higher dose that was proposed because the patient asked for it, with the
// totals of the PHQ-9 at the beginning and then; nil when there is none.
type IncreaseRequest struct {
	AdjustmentID uuid.UUID
	At           time.Time
	Baseline     *int
	Current      *int
}

// SupplyHistory is everything of a patient that signals are looked for in, as far as it counts
// and in any order.
type SupplyHistory struct {
	Sessions []Deviating
	Fills    []Deviating
	Doses    []LoggedDose
	Reports  []SupplyReport
	// Ledger is what the ledger finds: [Reckoning.Signals].
	Ledger   []Signal
	Requests []IncreaseRequest
}

// Signals are all signs in a patient's history, oldest first. What is struck out leaves none: it
// is not in the history. In which order things became known makes no difference.
func Signals(h SupplyHistory, p Protocol) []Signal {
	found := slices.Clone(h.Ledger)
	for _, s := range h.Sessions {
		found = append(found, s.signals(SignalOfSession)...)
	}
	for _, fill := range h.Fills {
		found = append(found, fill.signals(SignalOfDispense)...)
	}
	found = append(found, losses(h.Reports, p.Supply.Signals.RepeatedLoss)...)
	found = append(found, batches(h.Doses, p.Supply.Signals.BatchLogging)...)
	for _, r := range h.Requests {
		if s, ok := r.signal(); ok {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b Signal) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Rule, b.Rule), slices.Compare(a.Source.ID[:], b.Source.ID[:]),
			slices.Compare(a.Source.FactID[:], b.Source.FactID[:]))
	})
	return found
}

// signalOf is the signal that a deviation is.
var signalOf = map[Rule]SignalRule{
	RuleEarlyRefill: SignalEarlyRefill, RuleUnitsUnaccounted: SignalUnitsUnaccounted,
	RuleDoseAbovePrescribed: SignalDoseAbovePrescribed, RuleBoosterAbovePrescribed: SignalDoseAbovePrescribed,
	RuleIntervalShort: SignalIntervalShort, RuleWeeklyLimit: SignalWeeklyLimit,
	RuleSupportPersonMissing: SignalNoSupportPerson, RuleSupportPersonLeft: SignalNoSupportPerson,
}

// signals are those of its deviations, each once.
func (d Deviating) signals(of SignalSourceType) (found []Signal) {
	for _, deviation := range d.Deviations {
		rule, is := signalOf[deviation.Rule]
		s := Signal{Rule: rule, At: d.At, Source: SignalSource{Type: of, ID: d.ID}, Value: deviation.Value, Limit: deviation.Limit}
		if is && !slices.ContainsFunc(found, s.Same) {
			found = append(found, s)
		}
	}
	return found
}

// losses finds units that were lost or stolen again. What was damaged can be shown, and does not count.
func losses(reports []SupplyReport, policy RepeatedLossPolicy) (found []Signal) {
	lost := slices.DeleteFunc(slices.Clone(reports), func(r SupplyReport) bool {
		return r.Kind != SupplyLost || r.Cause != LossLost && r.Cause != LossStolen
	})
	slices.SortFunc(lost, func(a, b SupplyReport) int {
		return cmp.Or(a.At.Compare(b.At), slices.Compare(a.EntryID[:], b.EntryID[:]))
	})
	for i, last := range lost {
		n := 0
		for _, r := range lost[:i+1] {
			if within(r.At, last.At, policy.Days) {
				n++
			}
		}
		if n >= policy.Reports {
			found = append(found, Signal{
				Rule: SignalRepeatedLoss, At: last.At, Source: SignalSource{SignalOfDispense, last.DispenseID, last.EntryID},
				Value: strconv.Itoa(n), Limit: strconv.Itoa(policy.Reports) + " in " + days(policy.Days),
			})
		}
	}
	return found
}

// batches finds sessions of several days that were logged at once. Only those count that were
// logged much later: a phone that was offline for some days sends what it has kept, and a clinic
// may enter what stands on paper.
func batches(doses []LoggedDose, policy BatchPolicy) (found []Signal) {
	logged := slices.DeleteFunc(slices.Clone(doses), func(d LoggedDose) bool {
		return d.ByStaff || d.RecordedAt.Sub(d.At) < time.Duration(policy.LateHours)*time.Hour
	})
	slices.SortFunc(logged, func(a, b LoggedDose) int {
		return cmp.Or(a.RecordedAt.Compare(b.RecordedAt), a.At.Compare(b.At), slices.Compare(a.SessionID[:], b.SessionID[:]))
	})
	for i, last := range logged {
		days := map[Date]bool{}
		for _, d := range logged[:i+1] {
			if last.RecordedAt.Sub(d.RecordedAt) <= time.Duration(policy.WithinMin)*time.Minute {
				days[d.Day] = true
			}
		}
		s := Signal{
			Rule: SignalBatchLogging, At: last.RecordedAt, Source: SignalSource{Type: SignalOfSession, ID: last.SessionID},
			Value: strconv.Itoa(len(days)) + " days",
			Limit: strconv.Itoa(policy.Sessions) + " days in " + minutes(policy.WithinMin) + ", " + hours(policy.LateHours) + " later",
		}
		if len(days) >= policy.Sessions && !slices.ContainsFunc(found, s.Same) {
			found = append(found, s)
		}
	}
	return found
}

// signal is that of a request for more while there is a response: nobody knows of one without
// both totals.
func (r IncreaseRequest) signal() (Signal, bool) {
	phq, _ := instruments.Find(instruments.PHQ9)
	if r.Baseline == nil || r.Current == nil || !isTrue(phq.Change(*r.Baseline, *r.Current).Response) {
		return Signal{}, false
	}
	return Signal{
		Rule: SignalIncreaseInResponse, At: r.At, Source: SignalSource{Type: SignalOfAdjustment, ID: r.AdjustmentID},
		Value: "PHQ-9 " + strconv.Itoa(*r.Current) + ", " + strconv.Itoa(*r.Baseline) + " at first",
		Limit: strconv.Itoa(phq.ResponsePercent.Value) + " % less",
	}, true
}

// Pattern are the signals that make a pattern together: so many distinct ones, of as many records,
// within so many days of one another. One slip, such as a dose with a digit too many, may break
// several rules and is no pattern. It is empty when there is none.
func (p PatternPolicy) Pattern(signals []Signal) (pattern []Signal) {
	in := make([]bool, len(signals))
	for _, last := range signals {
		rules, sources, near := map[SignalRule]bool{}, map[SignalSource]bool{}, []int{}
		for i, s := range signals {
			if !s.At.After(last.At) && within(s.At, last.At, p.Days) {
				rules[s.Rule], sources[s.Source] = true, true
				near = append(near, i)
			}
		}
		for _, i := range near {
			in[i] = in[i] || min(len(rules), len(sources)) >= p.Signals
		}
	}
	for i, s := range signals {
		if in[i] {
			pattern = append(pattern, s)
		}
	}
	return pattern
}

// Misuse is the alert that a pattern raises.
func (p PatternPolicy) Misuse(pattern []Signal) Raised {
	var rules []string
	for _, s := range pattern {
		rules = append(rules, string(s.Rule))
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	return Raised{
		Rule: AlertMisusePattern, Severity: alertSeverity[AlertMisusePattern], Value: strings.Join(rules, ", "),
		Limit: strconv.Itoa(p.Signals) + " in " + days(p.Days),
	}
}
