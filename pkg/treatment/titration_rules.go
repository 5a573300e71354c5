package treatment

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// judge asks every rule that suggests something, the more serious first. Rules need a prescription,
// a weight, a baseline and a score; without one of them none holds.
func (t *titration) judge() []judgement {
	rules := []struct {
		rule  TitrationRule
		kind  SuggestionKind
		judge func() judgement
	}{
		{TitrationNotTolerated, SuggestDecrease, t.notTolerated},
		{TitrationNoBenefit, SuggestReview, t.noBenefit},
		{TitrationLongRemission, SuggestTaper, t.longRemission},
		{TitrationWearsOff, SuggestShortenInterval, t.wearsOff},
		{TitrationLittleResponse, SuggestIncrease, t.littleResponse},
		{TitrationSustainedResponse, SuggestExtendInterval, t.sustainedResponse},
		{TitrationImproving, SuggestMaintain, t.improving},
	}
	list := make([]judgement, len(rules))
	for i, r := range rules {
		needs := r.rule != TitrationNotTolerated // harm needs nothing to compare with
		switch {
		case t.Prescription == nil:
			list[i] = not(r.rule, r.kind, "There is no prescription to change.")
		case needs && (t.baseline == nil || t.lastScore() == nil || t.Weight == nil):
			list[i] = not(r.rule, r.kind, "It takes a baseline, answers since the first dose and a weight to judge it.")
		default:
			list[i] = r.judge()
			list[i].rule = r.rule
			if list[i].kind == "" {
				list[i].kind = r.kind
			}
		}
	}
	return list
}

// harms is what spoke against the dose in the last sessions at it.
func (t *titration) harms() (harms []string) {
	want := t.policy.Tolerability
	moderate, vomited := map[uuid.UUID]bool{}, 0
	for _, e := range t.Events {
		s := t.of(e.SessionID, e.At, t.recent)
		if s == nil || e.Grade == nil || e.Causality == CausalityUnlikely || *e.Grade < gradeModerate {
			continue
		}
		t.input(e.Evidence, e.value(), e.At)
		moderate[s.ID] = true
		if *e.Grade >= gradeSevere {
			harms = append(harms, "An adverse event at this dose that may be related is of "+grade(*e.Grade)+": "+string(e.Term)+".")
		}
	}
	if len(moderate) >= want.ModerateSessions {
		harms = append(harms, fmt.Sprintf("%d of the last %d sessions at this dose had an adverse event of %s or more.", len(moderate), len(t.recent), grade(gradeModerate)))
	}
	for _, s := range t.recent {
		if s.Vomited {
			vomited++
		}
		if s.Distress != nil && *s.Distress >= want.Distress {
			harms = append(harms, fmt.Sprintf("Distress reached %d of 10 in a session.", *s.Distress))
		}
		if s.Sedation != nil && *s.Sedation >= want.Sedation {
			harms = append(harms, fmt.Sprintf("Sedation reached %d of 5 in a session.", *s.Sedation))
		}
		if percent, known := t.dissociated(s); known && percent >= want.DissociationPercent {
			harms = append(harms, fmt.Sprintf("Dissociation reached %d %% of its scale in a session.", percent))
		}
	}
	if vomited >= want.VomitingSessions {
		harms = append(harms, fmt.Sprintf("The patient vomited in %d of the last %d sessions at this dose.", vomited, len(t.recent)))
	}
	return harms
}

// dissociated is how strong dissociation was in a session, in percent of the scale: as somebody
// noticed, or as the patient answered afterwards.
func (t *titration) dissociated(s SessionSeen) (percent int, known bool) {
	if s.Dissociation != nil {
		percent, known = 10*(*s.Dissociation), true
	}
	scale, found := instruments.Find(instruments.Dissociation)
	for _, score := range t.Scores {
		if !found || score.Instrument != instruments.Dissociation || score.Total == nil || scale.MaxTotal == 0 {
			continue
		}
		if of := t.of(score.SessionID, score.At, []SessionSeen{s}); of != nil {
			t.input(score.Evidence, fmt.Sprintf("%s: %d", score.Instrument, *score.Total), score.At)
			percent, known = max(percent, 100*(*score.Total)/scale.MaxTotal), true
		}
	}
	return percent, known
}

// notTolerated lowers a dose that does harm.
func (t *titration) notTolerated() judgement {
	harms := t.harms()
	if len(harms) == 0 {
		return judgement{whyNot: "Nothing in the last sessions at this dose says that it is not tolerated."}
	}
	from := t.Prescription.DoseMg
	to, possible := t.lowered()
	if !possible {
		return judgement{holds: true, kind: SuggestReview, reasons: append(harms, "The units make no lower dose.")}
	}
	reason := "Lower the dose from " + mg(from) + " to " + mg(to) + "."
	if most := t.policy.DecreasePercent.Max; to < percentOf(from, 100-most) {
		reason += fmt.Sprintf(" That is more than %d %%: the units make nothing in between.", most)
	}
	return judgement{holds: true, to: DosingChange{DoseMg: &to}, reasons: append(harms, reason)}
}

// noBenefit asks for a review when nothing has helped, or when the patient is reliably worse.
func (t *titration) noBenefit() judgement {
	worse := func(s Score) bool { return -t.better(s) >= t.scale.ReliablePoints }
	if n := len(t.scores); n > 1 && worse(t.scores[n-1]) && worse(t.scores[n-2]) {
		return judgement{holds: true, reasons: []string{"The patient is reliably worse than before the first dose, confirmed by the answers before: " + t.change(*t.lastScore()) + ".",
			"Review the diagnosis, discontinue or refer."}}
	}
	want, most := t.policy.NoBenefit, t.ceiling()
	helped := slices.ContainsFunc(t.scores, func(s Score) bool { return t.reaches(s, t.policy.Response.PartialPercent) })
	switch {
	case *t.lastScore().Total < t.scale.RemissionBelow:
		return judgement{whyNot: "Hardly any symptoms are left."}
	case helped:
		return judgement{whyNot: fmt.Sprintf("The patient was better by %d %% or more.", t.policy.Response.PartialPercent)}
	case len(t.Sessions) < want.Sessions:
		return judgement{whyNot: fmt.Sprintf("So far: %s; it takes %d to say that it does not help.", counted(len(t.Sessions), "session"), want.Sessions)}
	case most == "":
		return judgement{whyNot: "The dose has not been as high as it may be."}
	case len(t.atDose) < want.SessionsAtMaximum:
		return judgement{whyNot: fmt.Sprintf("At the highest dose: %s; it takes %d.", counted(len(t.atDose), "session"), want.SessionsAtMaximum)}
	}
	return judgement{holds: true, reasons: []string{fmt.Sprintf("After %d sessions the patient was never better by %d %%. %s", len(t.Sessions), t.policy.Response.PartialPercent, most),
		"Review the diagnosis, discontinue or refer."}}
}

// longRemission lets a treatment end slowly.
func (t *titration) longRemission() judgement {
	want := t.policy.Response.TaperAfterDays
	span, holds := t.unbroken(t.remitted)
	if t.Phase == PhaseTaper {
		return judgement{whyNot: "The treatment is being tapered already."}
	}
	if !holds || !lasts(span, want) {
		return judgement{whyNot: "Remission has not been unbroken for " + days(want) + "."}
	}
	return judgement{holds: true, reasons: []string{"Remission has been unbroken for " + days(int(span/(24*time.Hour))) + ".",
		"Talk about ending the treatment slowly: the phase is changed to taper, then dose or interval step by step."}}
}

// wearsOff shortens the interval when the effect is lost before the next dose again and again.
func (t *titration) wearsOff() judgement {
	want := t.policy.Interval
	waves := slices.DeleteFunc(t.waves(t.atDose), func(w wave) bool { return !w.closed })
	if len(waves) < want.WearOffIntervals {
		return judgement{whyNot: fmt.Sprintf("Between sessions at this dose: %s; it takes %d.", counted(len(waves), "interval"), want.WearOffIntervals)}
	}
	for _, w := range waves[len(waves)-want.WearOffIntervals:] {
		switch {
		case !w.known:
			t.lack(FactIntervalScores, "The "+t.scaleName()+" was not answered between the last sessions: for how long doses have an effect is not known.")
			return judgement{whyNot: "The " + t.scaleName() + " was not answered in each of the last intervals."}
		case w.gain < t.scale.ImportantPoints || w.lost < t.scale.WearOffPoints:
			return judgement{whyNot: fmt.Sprintf("In one of the last %d intervals the patient was not better by %d points and then worse by %d before the next dose.",
				want.WearOffIntervals, t.scale.ImportantPoints, t.scale.WearOffPoints)}
		}
	}
	lost := fmt.Sprintf("In the last %d intervals the effect was lost before the next dose; it lasts about %d hours.", want.WearOffIntervals, t.duration.MedianHours)
	to, now := max(t.duration.MedianHours*want.ShortenPercent/100, t.shortestHours()), t.prescribedHours()
	if to >= now {
		return judgement{holds: true, kind: SuggestMaintain, reasons: []string{lost, fmt.Sprintf("The order and the protocol allow a session every %d hours already, and no shorter interval than %d: plan sessions closer, as far as that goes.", now, t.shortestHours())}}
	}
	if against, lacks := t.against(); against != "" {
		return judgement{whyNot: against}
	} else if len(lacks) > 0 {
		return judgement{lacks: lacks}
	}
	return judgement{holds: true, to: t.every(to), reasons: []string{lost, fmt.Sprintf("Shorten the interval from %d to %d hours: shortly before it wears off, and not below %d.", now, to, t.shortestHours())}}
}

// littleResponse raises the dose by one step when it hardly helps and nothing speaks against more.
func (t *titration) littleResponse() judgement {
	last, want := *t.lastScore(), t.policy.Increase
	switch most := t.ceiling(); {
	case *last.Total < t.scale.RemissionBelow:
		return judgement{whyNot: "Hardly any symptoms are left: nothing more is to be gained by a higher dose."}
	case t.reaches(last, t.policy.Response.PartialPercent):
		return judgement{whyNot: fmt.Sprintf("The patient is better by %d %% or more.", t.policy.Response.PartialPercent)}
	case t.better(last) >= t.scale.ImportantPoints:
		return judgement{whyNot: fmt.Sprintf("The patient is better by %d points or more, which matters.", t.scale.ImportantPoints)}
	case len(t.atDose) < want.MinSessions:
		return judgement{whyNot: "It takes " + counted(want.MinSessions, "session") + " at a dose before the next one."}
	case !t.rested():
		return judgement{whyNot: "It takes " + days(want.MinDays) + " at a dose before the next one."}
	case most != "":
		return judgement{whyNot: most}
	}
	if against, lacks := t.against(); against != "" {
		return judgement{whyNot: against}
	} else if len(lacks) > 0 {
		return judgement{lacks: lacks}
	}
	to, possible := t.raised()
	if !possible {
		return judgement{whyNot: "No dose that units make lies within one step, the soft maximum and the present interval."}
	}
	return judgement{holds: true, to: DosingChange{DoseMg: &to}, reasons: []string{
		"Little response: " + t.change(last) + ", and the dose is tolerated.",
		"Raise the dose by one step, from " + mg(t.Prescription.DoseMg) + " to " + mg(to) + ".",
	}}
}

// rested says whether the present dose was begun long enough ago, by its sessions and by the last
// adjustment that raised it.
func (t *titration) rested() bool {
	for _, a := range t.Adjustments {
		if a.AppliedAt == nil || !a.raises() {
			continue
		}
		t.input(a.Evidence, "dose raised", *a.AppliedAt)
		if !lasts(t.Now.Sub(*a.AppliedAt), t.policy.Increase.MinDays) {
			return false
		}
	}
	return lasts(t.Now.Sub(t.atDose[0].At), t.policy.Increase.MinDays)
}

func (a AdjustmentSeen) raises() bool {
	to := orElse(a.To.DoseMg, a.From.DoseMg)
	return total(to, orElse(a.To.BoosterMg, a.From.BoosterMg)) > total(a.From.DoseMg, a.From.BoosterMg)
}

// against is what the last sessions say against a higher dose, and what nobody knows of them.
func (t *titration) against() (against string, lacks []MissingFact) {
	for _, e := range t.Events {
		switch s := t.of(e.SessionID, e.At, t.recent); {
		case s == nil:
		case e.Grade == nil:
			t.input(e.Evidence, e.value(), e.At)
			lacks = append(lacks, MissingFact{FactEventJudgement, "An adverse event at this dose has no grade yet: " + string(e.Term) + "."})
		case *e.Grade >= gradeModerate:
			t.input(e.Evidence, e.value(), e.At)
			return "An adverse event at this dose is of " + grade(*e.Grade) + ".", nil
		}
	}
	limit := t.policy.Increase.DissociationBelowPercent
	for _, s := range t.recent {
		percent, known := t.dissociated(s)
		switch {
		case known && percent >= limit:
			return fmt.Sprintf("Dissociation reached %d %% of its scale.", percent), nil
		case !known:
			lacks = append(lacks, MissingFact{FactDissociation, "Dissociation was not observed in one of the last sessions at this dose."})
		}
		if !s.measured() {
			lacks = append(lacks, MissingFact{FactBloodPressure, "Blood pressure was not measured before and after the dose of one of the last sessions."})
		}
	}
	return "", lacks
}

// sustainedResponse makes the interval longer when a response or remission has lasted.
func (t *titration) sustainedResponse() judgement {
	want := t.policy.Response
	response, responds := t.unbroken(func(s Score) bool { return t.reaches(s, want.Percent) })
	remission, remits := t.unbroken(t.remitted)
	reason := ""
	switch {
	case responds && lasts(response, want.SustainedDays):
		reason = "The response has been unbroken for " + days(int(response/(24*time.Hour))) + ": " + t.change(*t.lastScore()) + "."
	case remits && lasts(remission, want.RemissionDays):
		reason = "Remission has been unbroken for " + days(int(remission/(24*time.Hour))) + "."
	default:
		return judgement{whyNot: fmt.Sprintf("Neither a response was unbroken for %s, nor remission for %s.", days(want.SustainedDays), days(want.RemissionDays))}
	}
	now, most := t.usedHours(), 24*t.policy.Interval.MaxDays
	to := min((now*t.policy.Interval.ExtendPercent+99)/100, most)
	if to <= now {
		return judgement{holds: true, kind: SuggestMaintain, reasons: []string{reason, fmt.Sprintf("Sessions are %d hours apart, which is as seldom as the protocol goes.", now)}}
	}
	return judgement{holds: true, to: t.every(to), reasons: []string{reason, fmt.Sprintf("Extend the interval from %d to %d hours: as seldom as keeps the effect.", now, to)}}
}

// improving goes on as before: the patient is on the way, or has responded not long ago.
func (t *titration) improving() judgement {
	last, want := *t.lastScore(), t.policy.Response
	switch {
	case t.reaches(last, want.Percent):
		return judgement{holds: true, reasons: []string{"The patient has responded: " + t.change(last) + ".", "Go on with the same dose and interval."}}
	case !t.reaches(last, want.PartialPercent):
		return judgement{whyNot: fmt.Sprintf("The patient is better by less than %d %%.", want.PartialPercent)}
	case *last.Total >= t.earlier():
		return judgement{whyNot: "The last answers are no better than those before."}
	}
	return judgement{holds: true, reasons: []string{"The patient improves: " + t.change(last) + ".", "Go on with the same dose and interval."}}
}

// earlier is the score before the last one: the baseline when there is one alone.
func (t *titration) earlier() int {
	if n := len(t.scores); n > 1 {
		return *t.scores[n-2].Total
	}
	return *t.baseline.Total
}
