package treatment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// gated is a check at noon that nothing stands against: a reading ten minutes before, the answers
// of [checkFact].
func gated() ([]treatment.Fact, treatment.Known) {
	k := known()
	k.Protocol = treatment.Default()
	return []treatment.Fact{readingFact(1, -10), checkFact(2, 0)}, k
}

// reasons of the only check.
func reasons(t testing.TB, facts []treatment.Fact, k treatment.Known) []treatment.GateReason {
	t.Helper()
	session, verdict := treatment.Fold(plan(), facts, k)
	if len(verdict.Checks) != 1 {
		t.Fatalf("%d checks", len(verdict.Checks))
	}
	want := treatment.SessionHeld
	if verdict.Checks[0].Stands() {
		want = treatment.SessionCleared
	}
	if session.Status != want {
		t.Errorf("the session is %s, want %s", session.Status, want)
	}
	return verdict.Checks[0].Reasons
}

// TestGate: each rule fires, just does not, and lacks its fact.
func TestGate(t *testing.T) {
	type change func(reading, check *treatment.Fact, k *treatment.Known)
	tests := []struct {
		name   string
		change change
		want   string // stop:rule value / limit, or hold:…; empty when cleared
	}{
		{"cleared", func(_, _ *treatment.Fact, _ *treatment.Known) {}, ""},

		{"no treatment is running", func(_, _ *treatment.Fact, k *treatment.Known) { k.Running = nil }, "stop:treatmentNotOpen  / "},
		{"the treatment began at that moment", func(_, _ *treatment.Fact, k *treatment.Known) { k.Running.From = noon }, ""},
		{"the treatment began later", func(_, _ *treatment.Fact, k *treatment.Known) { k.Running.From = noon.Add(1) }, "stop:treatmentNotOpen  / "},
		{"the treatment is on hold", func(_, _ *treatment.Fact, k *treatment.Known) { k.TreatmentHolds = []treatment.Interval{{From: noon}} }, "stop:treatmentOnHold  / "},
		{"the hold was lifted at that moment", func(_, _ *treatment.Fact, k *treatment.Known) {
			k.TreatmentHolds = []treatment.Interval{{From: at(-9), Until: new(noon)}}
		}, ""},
		{"no prescription", func(_, _ *treatment.Fact, k *treatment.Known) { k.Prescriptions = nil }, "stop:noActivePrescription  / "},
		{"the prescription expires a moment later", func(_, _ *treatment.Fact, k *treatment.Known) { k.Prescriptions[0].Until = new(noon.Add(1)) }, ""},
		{"the prescription expired at that moment", func(_, _ *treatment.Fact, k *treatment.Known) { k.Prescriptions[0].Until = new(noon) }, "stop:noActivePrescription  / "},
		{"the prescription is on hold", func(_, _ *treatment.Fact, k *treatment.Known) {
			k.Prescriptions[0].Holds = []treatment.Interval{{From: at(-1)}}
		}, "stop:prescriptionOnHold  / "},

		{"48 hours after the last session", otherDose(-48 * 60), ""},
		{"a minute less", otherDose(-48*60 + 1), "hold:intervalShort 47 h 59 min / 48 h"},
		{"the prescription asks for more", func(_, _ *treatment.Fact, k *treatment.Known) {
			k.Prescriptions[0].MinIntervalHours = 72
			otherDose(-71*60)(nil, nil, k)
		}, "hold:intervalShort 71 h 0 min / 72 h"},
		{"the weight is unknown: as after a high dose", func(_, _ *treatment.Fact, k *treatment.Known) {
			k.WeightKg = nil
			otherDose(-50*60)(nil, nil, k)
		}, "hold:intervalShort 50 h 0 min / 72 h"},
		{"the third session in seven days", otherDoses(-49*60, -6*24*60), ""},
		{"the fourth", otherDoses(-49*60, -5*24*60, -6*24*60), "hold:weeklyLimit 4 / 3"},
		{"the first of four was a week ago", otherDoses(-49*60, -5*24*60, -7*24*60), ""},

		{"fasted for 4 hours", func(_, c *treatment.Fact, _ *treatment.Known) { c.SolidsFastedMin = new(240) }, ""},
		{"fasted for less", func(_, c *treatment.Fact, _ *treatment.Known) { c.SolidsFastedMin = new(239) }, "hold:fasting 239 min / 240 min"},
		{"solids not said", func(_, c *treatment.Fact, _ *treatment.Known) { c.SolidsFastedMin = nil }, "hold:fastingUnknown  / 240 min"},
		{"drank 2 hours ago", func(_, c *treatment.Fact, _ *treatment.Known) { c.FluidsFastedMin = new(120) }, ""},
		{"drank later", func(_, c *treatment.Fact, _ *treatment.Known) { c.FluidsFastedMin = new(119) }, "hold:fasting 119 min / 120 min"},
		{"fluids not said", func(_, c *treatment.Fact, _ *treatment.Known) { c.FluidsFastedMin = nil }, "hold:fastingUnknown  / 120 min"},

		{"nobody is there", func(_, c *treatment.Fact, _ *treatment.Known) { c.SupportPersonPresent = new(false) }, "stop:noSupportPerson  / "},
		{"not said whether somebody is there", func(_, c *treatment.Fact, _ *treatment.Known) { c.SupportPersonPresent = nil }, "hold:supportPersonUnknown  / "},
		{"somebody whom nobody names", func(_, c *treatment.Fact, _ *treatment.Known) { c.SupportPersonID = nil }, "hold:supportPersonUnknown not named / "},
		{"nobody is there, or named", func(_, c *treatment.Fact, _ *treatment.Known) {
			c.SupportPersonID, c.SupportPersonPresent = nil, new(false)
		}, "stop:noSupportPerson  / "},
		{"neither said nor named", func(_, c *treatment.Fact, _ *treatment.Known) {
			c.SupportPersonID, c.SupportPersonPresent = nil, nil
		}, "hold:supportPersonUnknown  / "},
		{"a red flag", func(_, c *treatment.Fact, _ *treatment.Known) { c.RedFlags = new("chestPain,seizure") }, "stop:redFlagSymptom chestPain,seizure / "},
		{"nobody asked for red flags", func(_, c *treatment.Fact, _ *treatment.Known) { c.RedFlags = nil }, "hold:symptomsUnknown  / "},

		{"pregnant", pregnancy(treatment.Pregnant), "stop:pregnancy pregnant / "},
		{"nursing", pregnancy(treatment.Nursing), "stop:pregnancy nursing / "},
		{"planning to be pregnant", pregnancy(treatment.PlanningPregnancy), "stop:pregnancy planning / "},
		{"cannot be pregnant", pregnancy(treatment.PregnancyNotApplicable), ""},
		{"pregnancy unknown", pregnancy(treatment.PregnancyUnknown), "hold:pregnancyUnknown  / "},
		{"a word for it that nobody knows", pregnancy("perhaps"), "hold:pregnancyUnknown  / "},
		{"pregnancy not said", func(_, c *treatment.Fact, _ *treatment.Known) { c.Pregnancy = nil }, "hold:pregnancyUnknown  / "},

		{"substances", func(_, c *treatment.Fact, _ *treatment.Known) { c.Substances = new("alcohol,opioids") }, "hold:substances alcohol,opioids / 24 h"},
		{"substances, by another protocol", func(_, c *treatment.Fact, k *treatment.Known) {
			c.Substances, k.Protocol.Sessions.SubstanceFreeHours = new("other"), 48
		}, "hold:substances other / 48 h"},
		{"nobody asked for substances", func(_, c *treatment.Fact, _ *treatment.Known) { c.Substances = nil }, "hold:substancesUnknown  / 24 h"},

		{"acutely ill", func(_, c *treatment.Fact, _ *treatment.Known) { c.AcuteIllness = new(true) }, "hold:acuteIllness  / "},
		{"illness not said", func(_, c *treatment.Fact, _ *treatment.Known) { c.AcuteIllness = nil }, "hold:acuteIllnessUnknown  / "},
		{"slept 3 hours", func(_, c *treatment.Fact, _ *treatment.Known) { c.SleptHours = new(3) }, "hold:sleepShort 3 h / 4 h"},
		{"slept 4 hours, by another protocol", func(_, _ *treatment.Fact, k *treatment.Known) { k.Protocol.Sessions.MinSleepHours = 5 }, "hold:sleepShort 4 h / 5 h"},
		{"sleep not said", func(_, c *treatment.Fact, _ *treatment.Known) { c.SleptHours = nil }, "hold:sleepUnknown  / 4 h"},

		{"3600 mg in 28 days, with dose and booster", consumed(3450, -27*24*60), ""},
		{"half a milligram more", func(_, _ *treatment.Fact, k *treatment.Known) {
			consumed(3450, -27*24*60)(nil, nil, k)
			k.OtherDoses[0].Mg += mg(1) / 2
		}, "hold:exposure 3600.5 mg / 3600 mg"},
		{"more, a minute less than 28 days ago, when the clocks were an hour ahead", consumed(3600, -28*24*60-60+1), "hold:exposure 3750 mg / 3600 mg"},
		{"more, 28 days ago, when the clocks were an hour ahead", consumed(3600, -28*24*60-60), ""},
		{"more, but later", consumed(3600, 1), ""},
		{"more, by another protocol", func(_, _ *treatment.Fact, k *treatment.Known) { k.Protocol.Sessions.MaxIn28DaysMg = mg(149) }, "hold:exposure 150 mg / 149 mg"},

		{"just below the soft pair", pressed(139, 89), ""},
		{"systolic at the soft limit", pressed(140, 80), "hold:softBloodPressure 140/80 mmHg / 140/90 mmHg"},
		{"diastolic at the soft limit", pressed(120, 90), "hold:softBloodPressure 120/90 mmHg / 140/90 mmHg"},
		{"just below the hard pair", pressed(159, 99), "hold:softBloodPressure 159/99 mmHg / 140/90 mmHg"},
		{"systolic at the hard limit", pressed(160, 80), "stop:hardBloodPressure 160/80 mmHg / 160/100 mmHg"},
		{"diastolic at the hard limit", pressed(120, 100), "stop:hardBloodPressure 120/100 mmHg / 160/100 mmHg"},
		{"the patient's own limits", func(r, _ *treatment.Fact, k *treatment.Known) {
			pressed(131, 80)(r, nil, nil)
			k.Limits = own(-30, 130)
		}, "hold:softBloodPressure 131/80 mmHg / 130/90 mmHg"},
		{"the patient's own limits, tightened after the reading", func(r, _ *treatment.Fact, k *treatment.Known) {
			pressed(131, 80)(r, nil, nil)
			k.Limits = append(own(-30, 140), own(0, 130)...)
		}, "hold:softBloodPressure 131/80 mmHg / 130/90 mmHg"},
		{"the patient's own limits, tightened after the check", func(r, _ *treatment.Fact, k *treatment.Known) {
			pressed(131, 80)(r, nil, nil)
			k.Limits = append(own(-30, 140), own(1, 130)...)
		}, ""},
		{"a doubtful reading", pressed(100, 110), "stop:hardBloodPressure 100/110 mmHg / 160/100 mmHg"},
		{"a doubtful low one", pressed(59, 35), "hold:readingDoubtful 59/35 mmHg / "},
		{"systolic alone", func(r, _ *treatment.Fact, _ *treatment.Known) { r.DiastolicMmHg = nil }, "hold:readingMissing blood pressure / "},
		{"no pressure", func(r, _ *treatment.Fact, _ *treatment.Known) { r.SystolicMmHg, r.DiastolicMmHg = nil, nil }, "hold:readingMissing blood pressure / "},
		{"30 minutes old", func(r, _ *treatment.Fact, _ *treatment.Known) { r.OccurredAt = at(-30) }, ""},
		{"after the check", func(r, _ *treatment.Fact, _ *treatment.Known) { r.OccurredAt = at(1) },
			"hold:readingMissing blood pressure / hold:readingMissing heart rate / "},
		{"at the moment of the check", func(r, _ *treatment.Fact, _ *treatment.Known) { r.OccurredAt = noon }, ""},

		{"heart rate at its low limit", func(r, _ *treatment.Fact, _ *treatment.Known) { r.HeartRateBpm = new(50) }, ""},
		{"heart rate below it", func(r, _ *treatment.Fact, _ *treatment.Known) { r.HeartRateBpm = new(49) }, "hold:heartRate 49 /min / 50 to 110 /min"},
		{"heart rate at its high limit", func(r, _ *treatment.Fact, _ *treatment.Known) { r.HeartRateBpm = new(110) }, ""},
		{"heart rate above it", func(r, _ *treatment.Fact, _ *treatment.Known) { r.HeartRateBpm = new(111) }, "hold:heartRate 111 /min / 50 to 110 /min"},
		{"heart rate not measured", func(r, _ *treatment.Fact, _ *treatment.Known) { r.HeartRateBpm = nil }, "hold:readingMissing heart rate / "},
		{"saturation at its limit", func(r, _ *treatment.Fact, _ *treatment.Known) { r.Spo2Percent = new(94) }, ""},
		{"saturation below it", func(r, _ *treatment.Fact, _ *treatment.Known) { r.Spo2Percent = new(93) }, "hold:saturationLow 93 % / 94 %"},
		{"saturation at the critical limit", func(r, _ *treatment.Fact, _ *treatment.Known) { r.Spo2Percent = new(90) }, "hold:saturationLow 90 % / 94 %"},
		{"saturation critical", func(r, _ *treatment.Fact, _ *treatment.Known) { r.Spo2Percent = new(89) }, "stop:saturationCritical 89 % / 90 %"},
		{"saturation not measured", func(r, _ *treatment.Fact, _ *treatment.Known) { r.Spo2Percent = nil }, ""},
		{"saturation not measured, but required", func(r, _ *treatment.Fact, k *treatment.Known) {
			r.Spo2Percent, k.Protocol.Vitals.PreDose.SpO2.Required = nil, true
		}, "hold:readingMissing saturation / "},

		{"stops come first", func(r, c *treatment.Fact, _ *treatment.Known) {
			c.SolidsFastedMin, c.SupportPersonPresent = nil, new(false)
			r.HeartRateBpm = new(120)
		}, "stop:noSupportPerson  / hold:fastingUnknown  / 240 minhold:heartRate 120 /min / 50 to 110 /min"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			facts, k := gated()
			test.change(&facts[0], &facts[1], &k)
			got := ""
			for _, reason := range reasons(t, facts, k) {
				kind := "hold:"
				if reason.Stop {
					kind = "stop:"
				}
				got += kind + string(reason.Rule) + " " + reason.Value + " / " + reason.Limit
				if reason.Source == "" || reason.Clears == "" {
					t.Errorf("%s does not say where it stands or what clears it: %+v", reason.Rule, reason)
				}
			}
			if got != test.want {
				t.Errorf("reasons %q, want %q", got, test.want)
			}
		})
	}
}

func otherDose(minutes int) func(_, _ *treatment.Fact, k *treatment.Known) {
	return otherDoses(minutes)
}

func otherDoses(minutes ...int) func(_, _ *treatment.Fact, k *treatment.Known) {
	return func(_, _ *treatment.Fact, k *treatment.Known) {
		for i, m := range minutes {
			k.OtherDoses = append(k.OtherDoses, treatment.DoseTime{SessionID: id(byte(70 + i)), At: at(m)})
		}
	}
}

// consumed is a dose of another session.
func consumed(milligrams, minutes int) func(_, _ *treatment.Fact, k *treatment.Known) {
	return func(_, _ *treatment.Fact, k *treatment.Known) {
		k.OtherDoses = []treatment.DoseTime{{SessionID: id(70), At: at(minutes), Mg: mg(milligrams)}}
	}
}

// own is a patient's own limit from a time on.
func own(minutes, systolic int) []treatment.LimitsSince {
	return []treatment.LimitsSince{{Limits: treatment.Limits{HoldSystolicMmHg: &systolic}, Since: at(minutes)}}
}

func pressed(systolic, diastolic int) func(reading, _ *treatment.Fact, _ *treatment.Known) {
	return func(reading, _ *treatment.Fact, _ *treatment.Known) {
		reading.SystolicMmHg, reading.DiastolicMmHg = &systolic, &diastolic
	}
}

func pregnancy(status treatment.PregnancyStatus) func(_, check *treatment.Fact, _ *treatment.Known) {
	return func(_, check *treatment.Fact, _ *treatment.Known) { check.Pregnancy = &status }
}

// TestGateReadings: what one reading leaves open another one can settle, but for the hard pair.
func TestGateReadings(t *testing.T) {
	type reading struct{ minutes, systolic, diastolic int }
	tests := []struct {
		name     string
		readings []reading
		want     treatment.Rule
	}{
		{"high, then normal after ten minutes", []reading{{-20, 145, 85}, {-10, 130, 80}}, ""},
		{"high, then normal after nine", []reading{{-20, 145, 85}, {-11, 130, 80}}, treatment.RuleSoftBloodPressure},
		{"high twice", []reading{{-20, 145, 85}, {-10, 142, 80}}, treatment.RuleSoftBloodPressure},
		{"high twice, then normal", []reading{{-25, 145, 85}, {-15, 142, 80}, {-5, 130, 80}}, ""},
		{"normal, then high", []reading{{-20, 130, 80}, {-10, 145, 85}}, treatment.RuleSoftBloodPressure},
		{"high longer ago than readings count", []reading{{-31, 145, 85}, {-30, 130, 80}}, ""},
		{"only the systolic one, high, after a normal one", []reading{{-20, 130, 80}, {-10, 145, 0}}, treatment.RuleSoftBloodPressure},
		{"hard, then normal", []reading{{-29, 160, 85}, {-5, 120, 80}}, treatment.RuleHardBloodPressure},
		{"hard a day ago", []reading{{-24 * 60, 160, 85}, {-5, 120, 80}}, treatment.RuleHardBloodPressure},
		{"hard more than a day ago", []reading{{-24*60 - 1, 160, 85}, {-5, 120, 80}}, ""},
		{"hard after the check", []reading{{-5, 120, 80}, {1, 160, 85}}, ""},
		{"31 minutes old", []reading{{-31, 120, 80}}, treatment.RuleReadingOld},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			facts, k := gated()
			facts[0].SystolicMmHg, facts[0].DiastolicMmHg = nil, nil // heart rate and saturation stay
			for i, r := range test.readings {
				v := vitalsFact(byte(10+i), r.minutes, r.systolic, r.diastolic)
				if r.diastolic == 0 {
					v.DiastolicMmHg = nil
				}
				facts = append(facts, v)
			}
			var want []treatment.Rule
			if test.want != "" {
				want = []treatment.Rule{test.want}
			}
			var got []treatment.Rule
			for _, reason := range reasons(t, facts, k) {
				got = append(got, reason.Rule)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
	facts, k := gated()
	facts = append(facts, vitalsFact(10, -25, 145, 85))
	k.Protocol.Vitals.PreDose.ReadingsIfHigh = 3
	if got := reasons(t, facts, k); len(got) != 1 || got[0].Rule != treatment.RuleSoftBloodPressure {
		t.Errorf("two readings of three: %+v", got)
	}
}

// TestGateSymptoms: what the session has seen stops a dose as much as what the check says.
func TestGateSymptoms(t *testing.T) {
	for _, kind := range []treatment.FactKind{treatment.FactObservation, treatment.FactEscalation} {
		for minutes, want := range map[int]int{-1: 1, 0: 1, 1: 0, -24 * 60: 1, -24*60 - 1: 0} {
			facts, k := gated()
			seen := fact(10, kind, minutes)
			seen.RedFlag = new(treatment.RedFlagSeizure)
			if got := reasons(t, append(facts, seen), k); len(got) != want {
				t.Errorf("%s at %d min: %+v", kind, minutes, got)
			}
		}
	}
}

// TestGateSymptomsOfEarlierChecks: a red flag that an earlier check has found is not gone because a
// later one does not name it.
func TestGateSymptomsOfEarlierChecks(t *testing.T) {
	for minutes, want := range map[int]int{-1: 1, -24 * 60: 1, -24*60 - 1: 0} {
		facts, k := gated()
		earlier := checkFact(9, minutes)
		earlier.RedFlags = new("chestPain")
		_, verdict := treatment.Fold(plan(), append(facts, earlier), k)
		if got := verdict.Checks[1].Reasons; len(got) != want {
			t.Errorf("at %d min: %+v", minutes, got)
		}
	}
	facts, k := gated()
	asleep := fact(9, treatment.FactObservation, -1)
	asleep.Sedation = new(5)
	if got := reasons(t, append(facts, asleep), k); len(got) != 1 || got[0].Value != "sedation 5" {
		t.Errorf("somebody who cannot be woken: %+v", got)
	}
}

// TestEarliestIsAllowed: at the earliest moment the gate does not hold for the pace, and a moment
// before it does.
func TestEarliestIsAllowed(t *testing.T) {
	for _, others := range [][]int{{-60}, {-47 * 60}, {-47*60 - 59}, {-49 * 60, -100 * 60, -150 * 60}, {-24 * 60, -48 * 60, -72 * 60, -96 * 60}, {-160 * 60, -165 * 60, -167 * 60}} {
		k := known()
		k.Protocol = treatment.Default()
		otherDoses(others...)(nil, nil, &k)
		earliest := treatment.Gate(k, noon, "America/New_York").EarliestAt
		for _, moment := range []time.Time{earliest, earliest.Add(-time.Minute)} {
			if moment.Before(noon) {
				continue
			}
			check, reading := checkFact(2, 0), readingFact(1, 0)
			check.OccurredAt, reading.OccurredAt = moment, moment
			list := reasons(t, []treatment.Fact{reading, check}, k)
			if held := len(list) > 0; held == moment.Equal(earliest) {
				t.Errorf("%v: earliest %s, at %s: %+v", others, earliest, moment, list)
			}
		}
	}
}
