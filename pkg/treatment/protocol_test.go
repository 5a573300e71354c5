package treatment_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The numbers that a medical director signs off, read from the shipped file.
func TestDefaultProtocol(t *testing.T) {
	p := treatment.Default()
	tests := []struct {
		name      string
		got, want any
	}{
		{"hold before a dose", p.Vitals.PreDose.SoftHold.String(), "140/90 mmHg"},
		{"stop before a dose", p.Vitals.PreDose.HardStop.String(), "160/100 mmHg"},
		{"notify after a dose", p.Vitals.DuringSession.Notify.String(), "160/100 mmHg"},
		{"crisis", p.Vitals.DuringSession.Critical.String(), "180/120 mmHg"},
		{"age of a reading", p.Vitals.MaxAgeMin, 30},
		{"rest and readings", []int{p.Vitals.PreDose.RestMin, p.Vitals.PreDose.ReadingsIfHigh}, []int{10, 2}},
		{"a stop lasts", p.Vitals.PreDose.StopHours, 24},
		{"heart rate", p.Vitals.PreDose.HeartRate, treatment.HeartRatePolicy{LowBpm: 50, HighBpm: 110}},
		{"saturation", p.Vitals.PreDose.SpO2, treatment.SpO2Policy{HoldBelowPercent: 94, CriticalBelowPercent: 90}},
		{"saturation at the end", p.Vitals.Release.MinSpo2Percent, 95},
		{"age of the last reading", p.Vitals.Release.ReadingMaxAgeMin, 30},
		{"fasting", p.Sessions.Fasting, treatment.FastingPolicy{SolidsMin: 240, FluidsMin: 120}},
		{"without substances", p.Sessions.SubstanceFreeHours, 24},
		{"sleep", p.Sessions.MinSleepHours, 4},
		{"28 days", p.Sessions.MaxIn28DaysMg, mg(3600)},
		{"looking in", p.Sessions.LookIn, treatment.LookInPolicy{EveryMin: 15, GraceMin: 5}},
		{"a clearance lasts", p.Sessions.ClearanceMin, 60},
		{"observation", p.Vitals.Release.ObservationMin, 120},
		{"observation after a high dose", p.Vitals.Release.HighDoseObservationMin, 240},
		{"intervals", p.Sessions.MinIntervalHours, treatment.PerTier{Low: 20, Mid: 48, High: 72}},
		{"sessions in seven days", p.Sessions.MaxIn7Days, treatment.PerTier{Low: 7, Mid: 3, High: 2}},
		{"low dose", p.Sessions.Tiers.LowMaxMgPerKg.String(), "1.5"},
		{"high dose", p.Sessions.Tiers.HighMinMgPerKg.String(), "4"},
		{"soft maximum", p.Prescribing.SoftMaximum, treatment.MaximumDose{DoseMg: mg(450), PerKgMg: mg(6)}},
		{"hard maximum", p.Prescribing.HardMaximum, treatment.MaximumDose{DoseMg: mg(600), PerKgMg: mg(7)}},
		{"refills", p.Prescribing.MaxRefills, 5},
		{"validity", p.Prescribing.ValidityMonths, 6},
		{"weight", p.Prescribing.WeightMaxAgeDays, 90},
		{"in-person exam", p.Prescribing.InPersonExamRequiredFrom, treatment.Date("2027-01-01")},
		{"consents", p.Treatment.RequiredConsents, []string{"treatment", "telehealth", "controlledSubstance", "supportPerson", "noDriving"}},
		{"suicidality", p.Suicidality, treatment.SuicidalityPolicy{
			Item9Medium: 1, Item9High: 2, Item9Rise: 1, QIDSItem12High: 2, MADRSItem10High: 4, ScreenerDueHours: 24,
		}},
		{"answers", p.Answers, treatment.AnswerPolicy{DeteriorationWatch: 5, DeteriorationReliable: 6, UrinarySymptoms: 2, UrinaryScreenDueHours: 72}},
		{"titration", p.Titration, treatment.TitrationPolicy{
			ProposalDays: 14, ScoreMaxAgeDays: 14, DoseTolerancePercent: 10,
			Adherence: treatment.AdherencePolicy{Percent: 80, WindowDays: 28},
			Increase:  treatment.IncreasePolicy{MaxStepPercent: 50, MaxStepMg: mg(50), MinSessions: 2, MinDays: 7, DissociationBelowPercent: 50},
			Tolerability: treatment.TolerabilityPolicy{
				RecentSessions: 3, ModerateSessions: 2, VomitingSessions: 2, HighPressureSessions: 2, Distress: 8, DissociationPercent: 75, Sedation: 4,
			},
			DecreasePercent: treatment.Range{Min: 25, Max: 33},
			Response:        treatment.ResponsePolicy{Percent: 50, PartialPercent: 25, SustainedDays: 28, RemissionDays: 14, TaperAfterDays: 84},
			Phq9:            treatment.ScorePolicy{RemissionBelow: 5, RemissionBaseline: 10, ImportantPoints: 5, ReliablePoints: 6, WearOffPoints: 5},
			Gad7:            treatment.ScorePolicy{RemissionBelow: 5, RemissionBaseline: 10, ImportantPoints: 4, ReliablePoints: 4, WearOffPoints: 4},
			Interval:        treatment.IntervalPolicy{ExtendPercent: 150, MaxDays: 28, ShortenPercent: 80, WearOffIntervals: 2, DurationIntervals: 3, RegainPercent: 50},
			NoBenefit:       treatment.NoBenefitPolicy{Sessions: 6, SessionsAtMaximum: 2},
			MisuseSignals:   2,
		}},
		{"half a troche", p.Supply.UnitStep[treatment.FormTroche], dose.Unit / 2},
		{"a whole capsule", p.Supply.UnitStep[treatment.FormOralCapsule], dose.Unit},
		{"a tenth of a millilitre", p.Supply.UnitStep[treatment.FormSyrup], dose.Unit / 10},
		{"follow-ups by hand", p.FollowUps.ByHand, treatment.FollowUpTimes{EarlyHours: 24, OverdueAfterHours: 24, MissedAfterHours: 168}},
		{"due", p.Alerts.DueMin, treatment.PerSeverity{Low: 4320, Medium: 1440, High: 240, Critical: 15}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if len(p.GuardsOff) > 0 {
		t.Errorf("guards that are off: %v", p.GuardsOff)
	}
}

func TestProtocolRoundTrip(t *testing.T) {
	text, err := json.Marshal(treatment.Default())
	if err != nil {
		t.Fatal(err)
	}
	got, err := treatment.ParseProtocol(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(treatment.Default(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A copy that is changed does not change the next one.
func TestDefaultIsACopy(t *testing.T) {
	p := treatment.Default()
	p.Treatment.RequiredConsents[0] = "changed"
	if treatment.Default().Treatment.RequiredConsents[0] == "changed" {
		t.Error("the shipped protocol was changed")
	}
}

func TestParseProtocolRefuses(t *testing.T) {
	shipped, err := os.ReadFile("protocols/default.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"not JSON":         "{",
		"unknown member":   strings.Replace(string(shipped), `"vitals"`, `"vitalz": 1, "vitals"`, 1),
		"a second one":     string(shipped) + "{}",
		"a dose as text":   strings.Replace(string(shipped), `"doseMg": 450`, `"doseMg": "450"`, 1),
		"a day that isn't": strings.Replace(string(shipped), `2027-01-01`, `2027-02-30`, 1),
		"empty object":     "{}",
	} {
		if _, err := treatment.ParseProtocol([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestProtocolValidate(t *testing.T) {
	tests := []struct {
		pointer string
		change  func(*treatment.Protocol)
	}{
		{"/name", func(p *treatment.Protocol) { p.Name = "" }},
		{"/version", func(p *treatment.Protocol) { p.Version = "" }},
		{"/defaultInstructions", func(p *treatment.Protocol) { p.DefaultInstructions = "" }},
		{"/guardsOff/0", func(p *treatment.Protocol) { p.GuardsOff = []string{"weight"} }},
		{"/guardsOff/1", func(p *treatment.Protocol) { p.GuardsOff = []string{"gate", "gate"} }},
		{"/prescribing/maxRefills", func(p *treatment.Protocol) { p.Prescribing.MaxRefills = 6 }},
		{"/prescribing/validityMonths", func(p *treatment.Protocol) { p.Prescribing.ValidityMonths = 7 }},
		{"/prescribing/validityMonths", func(p *treatment.Protocol) { p.Prescribing.ValidityMonths = 0 }},
		{"/prescribing/weightMaxAgeDays", func(p *treatment.Protocol) { p.Prescribing.WeightMaxAgeDays = 0 }},
		{"/prescribing/hardMaximum/doseMg", func(p *treatment.Protocol) { p.Prescribing.HardMaximum.DoseMg = mg(449) }},
		{"/prescribing/hardMaximum/perKgMg", func(p *treatment.Protocol) { p.Prescribing.HardMaximum.PerKgMg = mg(5) }},
		{"/prescribing/softMaximum/doseMg", func(p *treatment.Protocol) { p.Prescribing.SoftMaximum.DoseMg = 0 }},
		{"/prescribing/softMaximum/perKgMg", func(p *treatment.Protocol) { p.Prescribing.SoftMaximum.PerKgMg = 0 }},
		{"/prescribing/inPersonExamRequiredFrom", func(p *treatment.Protocol) { p.Prescribing.InPersonExamRequiredFrom = "" }},
		{"/vitals/preDose/softHold/systolicMmHg", func(p *treatment.Protocol) { p.Vitals.PreDose.SoftHold.SystolicMmHg = 0 }},
		{"/vitals/preDose/hardStop/diastolicMmHg", func(p *treatment.Protocol) { p.Vitals.PreDose.HardStop.DiastolicMmHg = 89 }},
		{"/vitals/duringSession/critical/systolicMmHg", func(p *treatment.Protocol) { p.Vitals.DuringSession.Critical.SystolicMmHg = 159 }},
		{"/vitals/release/highDoseObservationMin", func(p *treatment.Protocol) { p.Vitals.Release.HighDoseObservationMin = 119 }},
		{"/vitals/release/highDoseMgPerKg", func(p *treatment.Protocol) { p.Vitals.Release.HighDoseMgPerKg = 0 }},
		{"/vitals/plausible/systolicMmHg", func(p *treatment.Protocol) { p.Vitals.Plausible.SystolicMmHg = treatment.Range{} }},
		{"/observations/unresponsiveSedation", func(p *treatment.Protocol) { p.Observations.UnresponsiveSedation = 0 }},
		{"/supply/refill/usedPercent", func(p *treatment.Protocol) { p.Supply.Refill.UsedPercent = 101 }},
		{"/supply/refill/assessmentMaxAgeDays", func(p *treatment.Protocol) { p.Supply.Refill.AssessmentMaxAgeDays = 0 }},
		{"/supply/signals/pattern/signals", func(p *treatment.Protocol) { p.Supply.Signals.Pattern.Signals = 1 }},
		{"/supply/signals/pattern/days", func(p *treatment.Protocol) { p.Supply.Signals.Pattern.Days = 0 }},
		{"/supply/signals/repeatedLoss/reports", func(p *treatment.Protocol) { p.Supply.Signals.RepeatedLoss.Reports = 1 }},
		{"/supply/signals/repeatedLoss/days", func(p *treatment.Protocol) { p.Supply.Signals.RepeatedLoss.Days = 366 }},
		{"/supply/signals/batchLogging/sessions", func(p *treatment.Protocol) { p.Supply.Signals.BatchLogging.Sessions = 1 }},
		{"/supply/signals/batchLogging/withinMin", func(p *treatment.Protocol) { p.Supply.Signals.BatchLogging.WithinMin = 0 }},
		{"/supply/signals/batchLogging/lateHours", func(p *treatment.Protocol) { p.Supply.Signals.BatchLogging.LateHours = 23 }},
		{"/sessions/tiers/lowMaxMgPerKg", func(p *treatment.Protocol) { p.Sessions.Tiers.LowMaxMgPerKg = 0 }},
		{"/sessions/tiers/highMinMgPerKg", func(p *treatment.Protocol) { p.Sessions.Tiers.HighMinMgPerKg = 1500 }},
		{"/sessions/minIntervalHours/low", func(p *treatment.Protocol) { p.Sessions.MinIntervalHours.Low = 49 }},
		{"/sessions/maxIn7Days/mid", func(p *treatment.Protocol) { p.Sessions.MaxIn7Days.Mid = 8 }},
		{"/sessions/missedAfterHours", func(p *treatment.Protocol) { p.Sessions.MissedAfterHours = 0 }},
		{"/sessions/noDriveLocalHour", func(p *treatment.Protocol) { p.Sessions.NoDriveLocalHour = 24 }},
		{"/sessions/fasting/solidsMin", func(p *treatment.Protocol) { p.Sessions.Fasting.SolidsMin = 119 }},
		{"/sessions/substanceFreeHours", func(p *treatment.Protocol) { p.Sessions.SubstanceFreeHours = 0 }},
		{"/sessions/substanceFreeHours", func(p *treatment.Protocol) { p.Sessions.SubstanceFreeHours = 169 }},
		{"/sessions/minSleepHours", func(p *treatment.Protocol) { p.Sessions.MinSleepHours = 0 }},
		{"/sessions/minSleepHours", func(p *treatment.Protocol) { p.Sessions.MinSleepHours = 13 }},
		{"/sessions/maxIn28DaysMg", func(p *treatment.Protocol) { p.Sessions.MaxIn28DaysMg = 0 }},
		{"/sessions/lookIn/everyMin", func(p *treatment.Protocol) { p.Sessions.LookIn.EveryMin = 61 }},
		{"/sessions/lookIn/graceMin", func(p *treatment.Protocol) { p.Sessions.LookIn.GraceMin = 16 }},
		{"/sessions/nurseMayOverride/1", func(p *treatment.Protocol) { p.Sessions.NurseMayOverride[1] = treatment.RuleConsents }},
		{"/vitals/preDose/restMin", func(p *treatment.Protocol) { p.Vitals.PreDose.RestMin = 31 }},
		{"/vitals/preDose/readingsIfHigh", func(p *treatment.Protocol) { p.Vitals.PreDose.ReadingsIfHigh = 1 }},
		{"/vitals/preDose/stopHours", func(p *treatment.Protocol) { p.Vitals.PreDose.StopHours = 0 }},
		{"/vitals/release/readingMaxAgeMin", func(p *treatment.Protocol) { p.Vitals.Release.ReadingMaxAgeMin = 121 }},
		{"/vitals/release/minSpo2Percent", func(p *treatment.Protocol) { p.Vitals.Release.MinSpo2Percent = 89 }},
		{"/treatment/baselineInstruments/0", func(p *treatment.Protocol) { p.Treatment.BaselineInstruments = []string{"phq-99"} }},
		{"/suicidality/item9Medium", func(p *treatment.Protocol) { p.Suicidality.Item9Medium = 0 }},
		{"/suicidality/item9High", func(p *treatment.Protocol) { p.Suicidality.Item9High = 0 }},
		{"/suicidality/item9Rise", func(p *treatment.Protocol) { p.Suicidality.Item9Rise = 0 }},
		{"/suicidality/qidsItem12High", func(p *treatment.Protocol) { p.Suicidality.QIDSItem12High = 4 }},
		{"/suicidality/madrsItem10High", func(p *treatment.Protocol) { p.Suicidality.MADRSItem10High = 0 }},
		{"/suicidality/screenerDueHours", func(p *treatment.Protocol) { p.Suicidality.ScreenerDueHours = 0 }},
		{"/answers/deteriorationWatch", func(p *treatment.Protocol) { p.Answers.DeteriorationWatch = 7 }},
		{"/answers/deteriorationReliable", func(p *treatment.Protocol) { p.Answers.DeteriorationReliable = 28 }},
		{"/answers/urinarySymptoms", func(p *treatment.Protocol) { p.Answers.UrinarySymptoms = 0 }},
		{"/answers/urinaryScreenDueHours", func(p *treatment.Protocol) { p.Answers.UrinaryScreenDueHours = 0 }},
		{"/alerts/dueMin/critical", func(p *treatment.Protocol) { p.Alerts.DueMin.Critical = 0 }},
		{"/assessments/expireAfterDays", func(p *treatment.Protocol) { p.Assessments.ExpireAfterDays = 0 }},
		{"/treatment/baselineMaxAgeDays", func(p *treatment.Protocol) { p.Treatment.BaselineMaxAgeDays = 0 }},
		{"/titration/proposalDays", func(p *treatment.Protocol) { p.Titration.ProposalDays = 0 }},
		{"/titration/proposalDays", func(p *treatment.Protocol) { p.Titration.ProposalDays = 91 }},
		{"/titration/scoreMaxAgeDays", func(p *treatment.Protocol) { p.Titration.ScoreMaxAgeDays = 0 }},
		{"/titration/doseTolerancePercent", func(p *treatment.Protocol) { p.Titration.DoseTolerancePercent = -1 }},
		{"/titration/adherence/percent", func(p *treatment.Protocol) { p.Titration.Adherence.Percent = 101 }},
		{"/titration/increase/maxStepPercent", func(p *treatment.Protocol) { p.Titration.Increase.MaxStepPercent = 101 }},
		{"/titration/increase/maxStepMg", func(p *treatment.Protocol) { p.Titration.Increase.MaxStepMg = 0 }},
		{"/titration/increase/minSessions", func(p *treatment.Protocol) { p.Titration.Increase.MinSessions = 0 }},
		{"/titration/increase/dissociationBelowPercent", func(p *treatment.Protocol) { p.Titration.Increase.DissociationBelowPercent = 76 }},
		{"/titration/tolerability/moderateSessions", func(p *treatment.Protocol) { p.Titration.Tolerability.ModerateSessions = 4 }},
		{"/titration/tolerability/sedation", func(p *treatment.Protocol) { p.Titration.Tolerability.Sedation = 6 }},
		{"/titration/decreasePercent/min", func(p *treatment.Protocol) { p.Titration.DecreasePercent.Min = 34 }},
		{"/titration/response/percent", func(p *treatment.Protocol) { p.Titration.Response.Percent = 24 }},
		{"/titration/response/remissionDays", func(p *treatment.Protocol) { p.Titration.Response.RemissionDays = 85 }},
		{"/titration/phq9/remissionBelow", func(p *treatment.Protocol) { p.Titration.Phq9.RemissionBelow = 11 }},
		{"/titration/gad7/wearOffPoints", func(p *treatment.Protocol) { p.Titration.Gad7.WearOffPoints = 22 }},
		{"/titration/interval/extendPercent", func(p *treatment.Protocol) { p.Titration.Interval.ExtendPercent = 100 }},
		{"/titration/interval/shortenPercent", func(p *treatment.Protocol) { p.Titration.Interval.ShortenPercent = 101 }},
		{"/titration/noBenefit/sessions", func(p *treatment.Protocol) { p.Titration.NoBenefit.Sessions = 1 }},
		{"/titration/misuseSignals", func(p *treatment.Protocol) { p.Titration.MisuseSignals = 0 }},
		{"/supply/unitStep/troche", func(p *treatment.Protocol) { delete(p.Supply.UnitStep, treatment.FormTroche) }},
		{"/supply/unitStep/troche", func(p *treatment.Protocol) { p.Supply.UnitStep[treatment.FormTroche] = 300 }},
		{"/supply/unitStep/troche", func(p *treatment.Protocol) { p.Supply.UnitStep[treatment.FormTroche] = 2 * dose.Unit }},
		{"/supply/unitStep/syrup", func(p *treatment.Protocol) { p.Supply.UnitStep[treatment.FormSyrup] = -100 }},
		{"/supply/unitStep/powder", func(p *treatment.Protocol) { p.Supply.UnitStep["powder"] = dose.Unit }},
		{"/treatment/consultationMaxAgeDays", func(p *treatment.Protocol) { p.Treatment.ConsultationMaxAgeDays = 0 }},
		{"/treatment/requiredConsents/5", func(p *treatment.Protocol) {
			p.Treatment.RequiredConsents = append(p.Treatment.RequiredConsents, "sitter")
		}},
		{"/treatment/requiredConsents/1", func(p *treatment.Protocol) { p.Treatment.RequiredConsents[1] = "treatment" }},
		{"/treatment/requiredConsents", func(p *treatment.Protocol) {
			p.Treatment.RequiredConsents = []string{"treatment", "telehealth", "controlledSubstance", "supportPerson"}
		}},
		{"/treatment/baselineInstruments", func(p *treatment.Protocol) { p.Treatment.BaselineInstruments = nil }},
		{"/followUps/byHand/overdueAfterHours", func(p *treatment.Protocol) { p.FollowUps.ByHand.OverdueAfterHours = 169 }},
		{"/followUps/byHand/missedAfterHours", func(p *treatment.Protocol) { p.FollowUps.ByHand.MissedAfterHours = 8761 }},
		{"/followUps/series/0/id", func(p *treatment.Protocol) { p.FollowUps.Series[0].ID = "First visit" }},
		{"/followUps/series/1/id", func(p *treatment.Protocol) { p.FollowUps.Series[1].ID = p.FollowUps.Series[0].ID }},
		{"/followUps/series/0/title", func(p *treatment.Protocol) { p.FollowUps.Series[0].Title = "" }},
		{"/followUps/series/0/for", func(p *treatment.Protocol) { p.FollowUps.Series[0].For = "family" }},
		{"/followUps/series/1/for", func(p *treatment.Protocol) { p.FollowUps.Series[1].Instrument = "madrs" }},
		{"/followUps/series/1/instrument", func(p *treatment.Protocol) { p.FollowUps.Series[1].Instrument = "phq-99" }},
		{"/followUps/series/0/phases", func(p *treatment.Protocol) { p.FollowUps.Series[0].Phases = nil }},
		{"/followUps/series/0/phases/1", func(p *treatment.Protocol) { p.FollowUps.Series[0].Phases[1] = treatment.PhaseInduction }},
		{"/followUps/series/0/phases/2", func(p *treatment.Protocol) { p.FollowUps.Series[0].Phases[2] = treatment.PhaseCompleted }},
		{"/followUps/series/0", func(p *treatment.Protocol) { p.FollowUps.Series[0].AfterSession = nil }},
		{"/followUps/series/3", func(p *treatment.Protocol) {
			p.FollowUps.Series[3].AfterSession = &treatment.AfterSession{Hours: 24}
		}},
		{"/followUps/series/0/afterSession/hours", func(p *treatment.Protocol) { p.FollowUps.Series[0].AfterSession.Hours = -1 }},
		{"/followUps/series/1/afterSession/sessions/0", func(p *treatment.Protocol) { p.FollowUps.Series[1].AfterSession.Sessions[0] = 0 }},
		{"/followUps/series/1/afterSession/sessions/1", func(p *treatment.Protocol) { p.FollowUps.Series[1].AfterSession.Sessions[1] = 2 }},
		{"/followUps/series/3/every/localHour", func(p *treatment.Protocol) { p.FollowUps.Series[3].Every.LocalHour = 24 }},
		{"/followUps/series/3/earlyHours", func(p *treatment.Protocol) { p.FollowUps.Series[3].EarlyHours = 14*24 + 1 }},
		{"/followUps/series/3/overdueAfterHours", func(p *treatment.Protocol) {
			p.FollowUps.Series[3].OverdueAfterHours, p.FollowUps.Series[3].MissedAfterHours = 28*24-1, 28*24
		}},
	}
	for _, test := range tests {
		t.Run(test.pointer, func(t *testing.T) {
			p := treatment.Default()
			test.change(&p)
			refusal, ok := errors.AsType[*treatment.Refusal](p.Validate())
			if !ok {
				t.Fatal("it is sound")
			}
			var got []string
			for _, reason := range refusal.Reasons {
				got = append(got, reason.Pointer)
			}
			if len(got) != 1 || got[0] != test.pointer {
				t.Errorf("faults = %v, want %s alone", got, test.pointer)
			}
		})
	}
	inPerson := treatment.Default() // a clinic that meets people in person
	inPerson.Treatment.RequiredConsents = []string{"noDriving", "supportPerson", "controlledSubstance", "treatment"}
	allowed(t, inPerson.Validate())
	if err := (treatment.Protocol{}).Validate(); err == nil {
		t.Error("the zero protocol is sound")
	}
}
