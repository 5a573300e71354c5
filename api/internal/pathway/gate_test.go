package pathway_test

import (
	"slices"
	"time"
)

// stopRules are those of the gate that nobody overrides; suicidality is one while its alert is
// high or critical.
var stopRules = []string{
	"treatmentNotOpen", "treatmentOnHold", "noActivePrescription", "prescriptionOnHold", "consents",
	"noSupportPerson", "redFlagSymptom", "pregnancy", "hardBloodPressure", "noUnits",
}

// nurseMay are the holds that a nurse may override.
var nurseMay = []string{"softBloodPressure", "heartRate", "readingOld"}

// standing is an alert that nobody has resolved.
type standing struct{ rule, severity, source string }

func (s standing) grave() bool { return s.severity == "high" || s.severity == "critical" }

func (s standing) suicidality() bool {
	return slices.Contains([]string{"SI_ITEM9", "SI_UNKNOWN", "SI_REPORTED", "CSSRS_LOW", "CSSRS_MOD", "CSSRS_HIGH"}, s.rule)
}

// around is what stands against a dose outside of its session.
func (c *care) around(v *visit, alerts []standing, onHand int) (rules []string, stops bool) {
	if !c.consented() {
		rules = append(rules, "consents")
	}
	for _, a := range alerts {
		switch {
		case a.source == v.id && a.rule != "PREGNANCY_REPORTED":
		case a.suicidality():
			rules, stops = append(rules, "suicidality"), stops || a.grave()
		default:
			rules = append(rules, "openAlert")
		}
	}
	rules = append(rules, c.seen(v, c.now.Add(time.Minute))...)
	if slices.ContainsFunc(c.medicines, func(m *medicine) bool { return m.holds(c.now.Add(time.Minute)) }) {
		rules = append(rules, "interactions")
	}
	if o := v.course.activeAt(c.now); o == nil || onHand < o.mg {
		rules = append(rules, "noUnits")
	}
	if !v.course.acknowledged {
		rules = append(rules, "instructions")
	}
	return rules, stops
}

// lately says whether something happened at most a day before a time, and not after it.
func lately(happened, at time.Time) bool {
	return !happened.After(at) && at.Sub(happened) <= 24*time.Hour
}

// seen is what was dangerous outside of a session: readings, symptoms at a gate, adverse events.
func (c *care) seen(self *visit, at time.Time) (rules []string) {
	for _, m := range c.pressures {
		if m.reading.reaches(160, 100) && lately(m.at, at) {
			rules = append(rules, "hardBloodPressure")
		}
	}
	for _, e := range c.events {
		if e.term == "chestPain" && e.status != "enteredInError" && lately(e.at, at) {
			rules = append(rules, "redFlagSymptom")
		}
	}
	for _, t := range c.courses {
		for _, v := range t.visits {
			if v != self && !v.voided {
				rules = append(rules, v.dangers(func(f *fact) bool { return lately(f.at, at) })...)
			}
		}
	}
	return rules
}

// dangers are the rules that facts of a session break, each by itself.
func (v *visit) dangers(which func(*fact) bool) (rules []string) {
	for _, f := range v.of("vitals", "escalation", "check") {
		switch {
		case !which(f):
		case f.kind == "escalation" || f.check.symptoms == "yes":
			rules = append(rules, "redFlagSymptom")
		case f.reading.reaches(160, 100):
			rules = append(rules, "hardBloodPressure")
		}
	}
	return rules
}

// since are the dangers that a session has seen after a check, until a time.
func (v *visit) since(check *fact, until time.Time) []string {
	return v.dangers(func(f *fact) bool { return f.kind != "check" && f.at.After(check.at) && !f.at.After(until) })
}

// latest is when the last fact of a session happened.
func (v *visit) latest() (at time.Time) {
	for _, f := range v.facts {
		if f.at.After(at) {
			at = f.at
		}
	}
	return at
}

// judge says for what a check does not clear a dose.
func (c *care) judge(v *visit, f *fact) {
	k := &f.check
	k.reasons = slices.Clone(k.outside)
	add := func(broken bool, rule string) {
		if broken {
			k.reasons = append(k.reasons, rule)
		}
	}
	t := v.course
	held := func(s span) bool { return s.has(f.at) }
	add(!(span{t.begun, t.ended}).has(f.at), "treatmentNotOpen")
	add(slices.ContainsFunc(t.holds, held), "treatmentOnHold")
	o := t.activeAt(f.at)
	add(o == nil, "noActivePrescription")
	add(o != nil && slices.ContainsFunc(o.holds, held), "prescriptionOnHold")
	gap, week := pace(1000, 1)
	if o != nil {
		gap, week = pace(o.mg, c.weightAt(v.began()))
	}
	earlier := slices.DeleteFunc(c.others(v, false), func(at time.Time) bool { return at.After(f.at) })
	near, many := crowded(f.at, earlier, gap, week)
	add(near, "intervalShort")
	add(many, "weeklyLimit")
	add(o != nil && c.consumed(v, f.at)+o.mg > most, "exposure")
	add(k.fasted == "unknown", "fastingUnknown")
	add(k.fasted == "no", "fasting")
	add(k.present == "unknown" || k.present == "yes" && k.who == "", "supportPersonUnknown")
	add(k.present == "no", "noSupportPerson")
	add(k.symptoms == "unknown", "symptomsUnknown")
	k.reasons = append(k.reasons, v.dangers(func(e *fact) bool { return e.kind != "vitals" && lately(e.at, f.at) })...)
	add(k.pregnant == "unknown", "pregnancyUnknown")
	add(k.pregnant == "yes", "pregnancy")
	add(k.substances == "unknown", "substancesUnknown")
	add(k.substances == "yes", "substances")
	add(k.ill == "unknown", "acuteIllnessUnknown")
	add(k.ill == "yes", "acuteIllness")
	add(k.slept == "unknown", "sleepUnknown")
	add(k.slept == "no", "sleepShort")
	k.reasons = append(k.reasons, v.measured(f.at)...)
	slices.Sort(k.reasons)
	k.reasons = slices.Compact(k.reasons)
}

// most is how many mg may be taken in 28 days.
const most = 3600

// consumed is what the patient's other sessions took in the 28 days before a time.
func (c *care) consumed(self *visit, at time.Time) (mg int) {
	for _, t := range c.courses {
		for _, v := range t.visits {
			from := v.started()
			if v != self && !from.IsZero() && !from.After(at) && at.Before(from.In(newYork).AddDate(0, 0, 28)) {
				mg += v.took()
			}
		}
	}
	return mg
}

// took is what was taken in a session.
func (v *visit) took() (mg int) {
	for _, d := range v.of("dose") {
		mg += d.mg
	}
	return mg
}

// began is when a session began, as far as that is known: by its dose, its plan, or what was told
// of it first; when all of that was struck out, as it was before.
func (v *visit) began() time.Time {
	switch {
	case !v.started().IsZero():
		return v.started()
	case !v.planned.IsZero():
		return v.planned
	}
	first := time.Time{}
	for _, f := range v.facts {
		if !f.struck && (first.IsZero() || f.at.Before(first)) {
			first = f.at
		}
	}
	if first.IsZero() {
		return v.before
	}
	return first
}

// measured is what the readings say at a time. A reading at the hard pair counts for a day,
// others for half an hour. At the soft pair it takes a rest of ten minutes and another reading.
func (v *visit) measured(at time.Time) (rules []string) {
	fresh := func(f *fact) bool { return !f.at.After(at) && at.Sub(f.at) <= 30*time.Minute }
	var latest, lastHigh, pulse *fact
	sinceHigh := 0
	for _, f := range v.of("vitals") {
		age := at.Sub(f.at)
		if age < 0 {
			continue
		}
		if age <= 24*time.Hour && f.reading.reaches(160, 100) {
			rules = []string{"hardBloodPressure"}
		}
		if fresh(f) && f.reading.pulse > 0 {
			pulse = f
		}
		if f.reading.systolic == 0 {
			continue
		}
		latest = f
		if fresh(f) && f.reading.reaches(140, 90) {
			lastHigh = f
			sinceHigh = max(sinceHigh, 0)
		}
		if lastHigh != nil {
			sinceHigh++
		}
	}
	switch {
	case pulse == nil:
		rules = append(rules, "readingMissing")
	case pulse.reading.pulse < 50 || pulse.reading.pulse > 110:
		rules = append(rules, "heartRate")
	}
	switch {
	case slices.Contains(rules, "hardBloodPressure"):
	case latest == nil:
		rules = append(rules, "readingMissing")
	case !fresh(latest):
		rules = append(rules, "readingOld")
	case lastHigh != nil && (latest == lastHigh || latest.at.Sub(lastHigh.at) < 10*time.Minute || sinceHigh < 2):
		rules = append(rules, "softBloodPressure")
	}
	return rules
}

// settle judges the checks of a session anew.
func (c *care) settle(v *visit) {
	for _, f := range v.of("check") {
		c.judge(v, f)
	}
}

// deviations are those rules from which the model knows whether a session with doses deviates.
func (c *care) deviations(v *visit) map[string]bool {
	found := map[string]bool{"verdictDiffers": false}
	for _, f := range v.of("check") {
		held := len(f.check.reasons) > 0
		found["verdictDiffers"] = found["verdictDiffers"] || f.check.device == "cleared" && held || f.check.device == "held" && !held
	}
	if !v.started().IsZero() {
		found["exposure"] = c.consumed(v, v.started())+v.took() > most
	}
	taken, boosted := 0, 0
	for _, d := range v.of("dose") {
		t := v.course
		held := func(s span) bool { return s.has(d.at) }
		o := t.activeAt(d.at)
		if d.booster {
			boosted += d.mg
		} else {
			taken += d.mg
		}
		found["treatmentNotOpen"] = found["treatmentNotOpen"] || !(span{t.begun, t.ended}).has(d.at)
		found["treatmentOnHold"] = found["treatmentOnHold"] || slices.ContainsFunc(t.holds, held)
		found["noActivePrescription"] = found["noActivePrescription"] || o == nil
		found["prescriptionOnHold"] = found["prescriptionOnHold"] || o != nil && slices.ContainsFunc(o.holds, held)
		found["doseAbovePrescribed"] = found["doseAbovePrescribed"] || o != nil && !d.booster && taken > o.mg
		found["boosterAbovePrescribed"] = found["boosterAbovePrescribed"] || o != nil && d.booster // none is prescribed
		if d.booster {                                                                             // it belongs to the dose that was cleared
			continue
		}
		cleared, overridden := v.clearance(d.at)
		found["noClearance"] = found["noClearance"] || !cleared
		found["holdOverridden"] = found["holdOverridden"] || cleared && overridden
	}
	return found
}

// clearance says whether the last check until a time had cleared a dose then, and whether by an
// override.
func (v *visit) clearance(at time.Time) (cleared, overridden bool) {
	for _, f := range v.of("check") {
		if f.at.After(at) {
			continue
		}
		from := f.at
		if len(f.check.reasons) > 0 && f.check.cleared() {
			from = f.check.overridden
		}
		cleared = f.check.cleared() && !from.After(at) && at.Sub(from) <= time.Hour && len(v.since(f, at)) == 0
		overridden = cleared && len(f.check.reasons) > 0
	}
	return cleared, overridden
}
