package treatment_test

import (
	"slices"
	"time"

	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// titrationOutcome is what a case comes to; lack is a fact that has to be named as missing.
type titrationOutcome struct {
	kind treatment.SuggestionKind
	rule treatment.TitrationRule
	lack treatment.TitrationFact
}

var (
	isVetoed        = titrationOutcome{treatment.SuggestNone, treatment.TitrationSafetyVeto, ""}
	isTooHigh       = titrationOutcome{treatment.SuggestReview, treatment.TitrationPressureVeto, ""}
	isRaised        = titrationOutcome{treatment.SuggestIncrease, treatment.TitrationLittleResponse, ""}
	isRaisedWithout = func(fact treatment.TitrationFact) titrationOutcome {
		return titrationOutcome{isRaised.kind, isRaised.rule, fact}
	}
	isLowered   = titrationOutcome{treatment.SuggestDecrease, treatment.TitrationNotTolerated, ""}
	isKept      = titrationOutcome{treatment.SuggestMaintain, treatment.TitrationImproving, ""}
	isExtended  = titrationOutcome{treatment.SuggestExtendInterval, treatment.TitrationSustainedResponse, ""}
	isShortened = titrationOutcome{treatment.SuggestShortenInterval, treatment.TitrationWearsOff, ""}
	isReviewed  = titrationOutcome{treatment.SuggestReview, treatment.TitrationNoBenefit, ""}
	isTapered   = titrationOutcome{treatment.SuggestTaper, treatment.TitrationLongRemission, ""}
	isNothing   = titrationOutcome{treatment.SuggestNone, treatment.TitrationNoRule, ""}
)

func isInsufficient(fact treatment.TitrationFact) titrationOutcome {
	return titrationOutcome{treatment.SuggestNone, treatment.TitrationInsufficientData, fact}
}

// titrations is the decision table: what makes each rule fire, just not fire, and what happens when
// its fact is not known.
var titrations = map[string]struct {
	change func(*caseOf)
	want   titrationOutcome
}{
	"as it is": {func(*caseOf) {}, isRaised},

	// Safety vetoes.
	"a high alert": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertBPHigh, treatment.SeverityHigh))
	}, isVetoed},
	"a critical alert": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertBPCrisis, treatment.SeverityCritical))
	}, isVetoed},
	"a medium alert": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertIntervalShort, treatment.SeverityMedium))
	}, isRaised},
	"item 9, an open alert": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertSIItem9, treatment.SeverityMedium))
	}, isVetoed},
	"item 9 left out, an open alert": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertSIUnknown, treatment.SeverityMedium))
	}, isVetoed},
	"C-SSRS moderate":    {func(c *caseOf) { c.Screener.Level = instruments.CSSRSModerate }, isVetoed},
	"C-SSRS low":         {func(c *caseOf) { c.Screener.Level = instruments.CSSRSLow }, isRaised},
	"C-SSRS incomplete":  {func(c *caseOf) { c.Screener.Missing = 1 }, isRaisedWithout(treatment.FactSuicidality)},
	"C-SSRS never asked": {func(c *caseOf) { c.Screener = nil }, isRaisedWithout(treatment.FactSuicidality)},
	"mania": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertManiaPsychosis, treatment.SeverityMedium))
	}, isVetoed},
	"signs never asked for": {func(c *caseOf) { c.Signs = nil }, isRaisedWithout(treatment.FactMania)},
	"signs left out":        {func(c *caseOf) { c.Signs.Missing = 1 }, isRaisedWithout(treatment.FactMania)},
	"a pregnancy reported": {func(c *caseOf) {
		c.Alerts = append(c.Alerts, alertSeen(40, treatment.AlertPregnancyReported, treatment.SeverityMedium))
	}, isVetoed},
	"pregnant at the gate":      {func(c *caseOf) { c.Pregnancy.Status = treatment.Pregnant }, isVetoed},
	"pregnancy not applicable":  {func(c *caseOf) { c.Pregnancy.Status = treatment.PregnancyNotApplicable }, isRaised},
	"pregnancy unknown":         {func(c *caseOf) { c.Pregnancy = nil }, isRaisedWithout(treatment.FactPregnancy)},
	"a serious event":           {func(c *caseOf) { c.Events = append(c.Events, seriousSeen(treatment.EventOngoing)) }, isVetoed},
	"a serious event, open":     {func(c *caseOf) { c.Events = append(c.Events, seriousSeen("")) }, isVetoed},
	"a serious event, resolved": {func(c *caseOf) { c.Events = append(c.Events, seriousSeen(treatment.EventResolved)) }, isRaised},
	"a consent missing":         {func(c *caseOf) { c.SignedConsents = c.SignedConsents[1:] }, isVetoed},
	"consents unknown":          {func(c *caseOf) { c.SignedConsents = nil }, titrationOutcome{isVetoed.kind, isVetoed.rule, treatment.FactConsents}},
	"consents not guarded":      {func(c *caseOf) { c.SignedConsents, c.Protocol = nil, unguarded() }, isRaised},
	"prescription expires now":  {func(c *caseOf) { c.Prescription.ExpiresAt = new(noon) }, isVetoed},
	"prescription expires soon": {func(c *caseOf) { c.Prescription.ExpiresAt = new(at(1)) }, isRaised},
	"no prescription":           {func(c *caseOf) { c.Prescription = nil }, isVetoed},
	"treatment on hold":         {func(c *caseOf) { c.OnHold = true }, isVetoed},
	"prescription on hold":      {func(c *caseOf) { c.Prescription.OnHold = true }, isVetoed},
	"PDMP 90 days":              {func(c *caseOf) { c.PDMP.At = days(-90) }, isRaised},
	"PDMP 91 days":              {func(c *caseOf) { c.PDMP.At = days(-91) }, isVetoed},
	"PDMP never":                {func(c *caseOf) { c.PDMP = nil }, titrationOutcome{isVetoed.kind, isVetoed.rule, treatment.FactPDMP}},

	// Blood pressure.
	"stopped before":         {func(c *caseOf) { c.Sessions[2].Before.SystolicMmHg = new(160) }, isTooHigh},
	"diastolic stop before":  {func(c *caseOf) { c.Sessions[2].Before.DiastolicMmHg = new(100) }, isTooHigh},
	"peak at the limit":      {func(c *caseOf) { c.Sessions[2].Peak.SystolicMmHg = new(160) }, isTooHigh},
	"peak just below":        {func(c *caseOf) { c.Sessions[2].Peak.SystolicMmHg, c.Sessions[2].Peak.DiastolicMmHg = new(159), new(99) }, isRaised},
	"peak of the one before": {func(c *caseOf) { c.Sessions[1].Peak.SystolicMmHg = new(175) }, isRaised},
	"two at the soft pair": {func(c *caseOf) {
		c.Sessions[0].Before.SystolicMmHg, c.Sessions[2].Before.DiastolicMmHg = new(140), new(90)
	}, isTooHigh},
	"one at the soft pair": {func(c *caseOf) { c.Sessions[2].Before.SystolicMmHg = new(140) }, isRaised},
	"own limits":           {func(c *caseOf) { c.Limits.StopSystolicMmHg, c.Sessions[2].Before.SystolicMmHg = new(150), new(150) }, isTooHigh},
	"not measured after":   {func(c *caseOf) { c.Sessions[2].After = false }, isInsufficient(treatment.FactBloodPressure)},
	"not measured before":  {func(c *caseOf) { c.Sessions[1].Before = treatment.Vitals{} }, isInsufficient(treatment.FactBloodPressure)},
	"high, but too much harm": {func(c *caseOf) {
		c.Sessions[2].Peak.SystolicMmHg, c.Sessions[2].Distress = new(170), new(8)
	}, isLowered},
	"high, and little known": {func(c *caseOf) { c.Sessions[2].Peak.SystolicMmHg, c.Scores = new(170), c.Scores[:1] }, titrationOutcome{isTooHigh.kind, isTooHigh.rule, treatment.FactRecentScore}},
	"high, harm, and little known": {func(c *caseOf) {
		c.Sessions[2].Peak.SystolicMmHg, c.Sessions[2].Distress, c.Scores = new(170), new(9), c.Scores[:1]
	}, titrationOutcome{isTooHigh.kind, isTooHigh.rule, treatment.FactRecentScore}},
	"high, and improving": {func(c *caseOf) { c.Sessions[2].Peak.SystolicMmHg = new(170); c.fell(16, 13) }, isTooHigh},

	// What has to be known.
	"one session at the dose": {func(c *caseOf) {
		c.Sessions = []treatment.SessionSeen{tookAt(1, -17, 50), tookAt(2, -10, 50), tookAt(3, -3, 100)}
	}, isInsufficient(treatment.FactSessionsAtDose)},
	"within ten percent": {func(c *caseOf) {
		c.Sessions[0].DoseMg, c.Sessions[1].DoseMg, c.Sessions[2].DoseMg = mg(90), mg(110), mg(100)
	}, isRaised},
	"more than ten percent": {func(c *caseOf) { c.Sessions[1].DoseMg = mg(111) }, isInsufficient(treatment.FactSessionsAtDose)},
	"no session":            {func(c *caseOf) { c.Sessions = nil }, isInsufficient(treatment.FactSessionsAtDose)},
	"answers of 14 days": {func(c *caseOf) {
		c.Sessions = []treatment.SessionSeen{tookAt(1, -23, 100), tookAt(2, -16, 100)}
		c.Scores[1] = onDay(12, -14, 18)
	}, isRaised},
	"answers of 15 days": {func(c *caseOf) {
		c.Sessions = []treatment.SessionSeen{tookAt(1, -23, 100), tookAt(2, -16, 100)}
		c.Scores[1] = onDay(12, -15, 18)
	}, isInsufficient(treatment.FactRecentScore)},
	"answers of before":       {func(c *caseOf) { c.Scores[1] = onDay(12, -11, 18) }, isInsufficient(treatment.FactRecentScore)},
	"answers without a total": {func(c *caseOf) { c.Scores[1].Total = nil }, isInsufficient(treatment.FactRecentScore)},
	"no answers":              {func(c *caseOf) { c.Scores = c.Scores[:1] }, isInsufficient(treatment.FactRecentScore)},
	"no baseline":             {func(c *caseOf) { c.Scores = c.Scores[1:] }, isInsufficient(treatment.FactBaseline)},
	"baseline of 31 days":     {func(c *caseOf) { c.Scores[0] = onDay(11, -48, 20) }, isInsufficient(treatment.FactBaseline)},
	"baseline incomplete":     {func(c *caseOf) { c.Scores[0].Missing = 1 }, isInsufficient(treatment.FactBaseline)},
	"baseline dated back":     {func(c *caseOf) { c.Scores[0].RecordedAt = days(-16) }, isInsufficient(treatment.FactBaseline)},
	"weight of 90 days":       {func(c *caseOf) { c.Weight.MeasuredAt = days(-90) }, isRaised},
	"weight of 91 days":       {func(c *caseOf) { c.Weight.MeasuredAt = days(-91) }, isInsufficient(treatment.FactWeight)},
	"no weight":               {func(c *caseOf) { c.Weight = nil }, isInsufficient(treatment.FactWeight)},
	"four of five kept":       {func(c *caseOf) { c.Planned, c.Kept = 5, 4 }, isRaised},
	"three of four kept":      {func(c *caseOf) { c.Planned, c.Kept = 4, 3 }, isInsufficient(treatment.FactAdherence)},
	"nothing was planned":     {func(c *caseOf) { c.Planned, c.Kept = 0, 0 }, isRaisedWithout(treatment.FactAdherence)},

	// Misuse.
	"two signals":          {func(c *caseOf) { c.MisuseSignals = []string{"earlyRefill", "overuse"} }, titrationOutcome{treatment.SuggestReview, treatment.TitrationMisuse, ""}},
	"one signal twice":     {func(c *caseOf) { c.MisuseSignals = []string{"overuse", "overuse"} }, isRaised},
	"signals unknown":      {func(c *caseOf) { c.MisuseSignals = nil }, isRaisedWithout(treatment.FactMisuseSignals)},
	"signals, but harm":    {func(c *caseOf) { c.MisuseSignals, c.Sessions[2].Distress = []string{"earlyRefill", "overuse"}, new(9) }, isLowered},
	"signals and wear-off": {func(c *caseOf) { c.waves(10, 17); c.MisuseSignals = []string{"earlyRefill", "overuse"} }, titrationOutcome{treatment.SuggestReview, treatment.TitrationMisuse, ""}},

	// Lower.
	"grade 3":               {func(c *caseOf) { c.Events = append(c.Events, happened(50, 3, graded(3, treatment.CausalityPossible))) }, isLowered},
	"grade 3, nobody knows": {func(c *caseOf) { c.Events = append(c.Events, happened(50, 3, graded(3, ""))) }, isLowered},
	"grade 3, unlikely":     {func(c *caseOf) { c.Events = append(c.Events, happened(50, 3, graded(3, treatment.CausalityUnlikely))) }, isNothing},
	"grade 3 at another dose": {func(c *caseOf) {
		c.Sessions = append([]treatment.SessionSeen{tookAt(9, -20, 50)}, c.Sessions...)
		c.Events = append(c.Events, happened(50, 9, graded(3, treatment.CausalityPossible)))
	}, isRaised},
	"grade 2 in two sessions": {func(c *caseOf) {
		c.Events = append(c.Events, happened(50, 3, graded(2, treatment.CausalityPossible)), happened(51, 1, graded(2, treatment.CausalityPossible)))
	}, isLowered},
	"grade 2 twice in one": {func(c *caseOf) {
		c.Events = append(c.Events, happened(50, 3, graded(2, treatment.CausalityPossible)), happened(51, 3, graded(2, treatment.CausalityPossible)))
	}, isNothing},
	"grade 2, no session": {func(c *caseOf) {
		for n, day := range []int{-3, -10} {
			e := happened(byte(50+n), 0, graded(2, ""))
			e.SessionID, e.At = nil, days(day).Add(24*time.Hour)
			c.Events = append(c.Events, e)
		}
	}, isLowered},
	"grade 2, a day too late": {func(c *caseOf) {
		for n, day := range []int{-3, -10} {
			e := happened(byte(50+n), 0, graded(2, ""))
			e.SessionID, e.At = nil, days(day).Add(25*time.Hour)
			c.Events = append(c.Events, e)
		}
	}, isRaised},
	"no grade yet": {func(c *caseOf) {
		c.Events = append(c.Events, happened(50, 3, func(e *treatment.AdverseEvent) { e.Grade = nil }))
	}, isInsufficient(treatment.FactEventJudgement)},
	"vomited twice":         {func(c *caseOf) { c.Sessions[0].Vomited, c.Sessions[2].Vomited = true, true }, isLowered},
	"vomited once":          {func(c *caseOf) { c.Sessions[2].Vomited = true }, isRaised},
	"distress 8":            {func(c *caseOf) { c.Sessions[1].Distress = new(8) }, isLowered},
	"distress 7":            {func(c *caseOf) { c.Sessions[1].Distress = new(7) }, isRaised},
	"sedation 4":            {func(c *caseOf) { c.Sessions[1].Sedation = new(4) }, isLowered},
	"sedation 3":            {func(c *caseOf) { c.Sessions[1].Sedation = new(3) }, isRaised},
	"dissociation 8":        {func(c *caseOf) { c.Sessions[1].Dissociation = new(8) }, isLowered},
	"dissociation 18 of 24": {func(c *caseOf) { c.Scores = append(c.Scores, dissociated(18)) }, isLowered},
	"dissociation 17 of 24": {func(c *caseOf) { c.Scores = append(c.Scores, dissociated(17)) }, isNothing},
	"not tolerated long ago": {func(c *caseOf) {
		c.Sessions = append([]treatment.SessionSeen{tookAt(8, -20, 100)}, c.Sessions...)
		c.Sessions[0].Distress = new(10)
	}, isRaised},
	"no lower dose to be made": {func(c *caseOf) { c.Prescription.StrengthMg = mg(100); c.Sessions[1].Distress = new(8) }, titrationOutcome{treatment.SuggestReview, treatment.TitrationNotTolerated, ""}},

	// Raise.
	"25 percent better":         {func(c *caseOf) { c.fell(18, 15) }, isKept},
	"just less than 25 percent": {func(c *caseOf) { c.Scores[0] = onDay(11, -25, 17); c.fell(13) }, isRaised},
	"five points better":        {func(c *caseOf) { c.Scores[0] = onDay(11, -25, 24); c.fell(19) }, isNothing},
	"two sessions":              {func(c *caseOf) { c.Sessions = c.Sessions[1:] }, isRaised},
	"seven days":                {func(c *caseOf) { c.Sessions[0].At, c.Sessions[1].At, c.Sessions[2].At = days(-7), days(-5), days(-3) }, isRaised},
	"six days":                  {func(c *caseOf) { c.Sessions[0].At, c.Sessions[1].At, c.Sessions[2].At = days(-6), days(-5), days(-3) }, isNothing},
	"raised seven days ago":     {func(c *caseOf) { c.Adjustments = append(c.Adjustments, adjustedOn(-7, 50, 100)) }, isRaised},
	"raised six days ago":       {func(c *caseOf) { c.Adjustments = append(c.Adjustments, adjustedOn(-6, 50, 100)) }, isNothing},
	"lowered six days ago":      {func(c *caseOf) { c.Adjustments = append(c.Adjustments, adjustedOn(-6, 150, 100)) }, isRaised},
	"dissociation 4":            {func(c *caseOf) { c.Sessions[1].Dissociation = new(4) }, isRaised},
	"dissociation 5":            {func(c *caseOf) { c.Sessions[1].Dissociation = new(5) }, isNothing},
	"dissociation unknown":      {func(c *caseOf) { c.Sessions[1].Dissociation = nil }, isInsufficient(treatment.FactDissociation)},
	"at the soft maximum":       {func(c *caseOf) { c.Weight.Kg = kg(16); c.Prescription.DoseMg = mg(100) }, isNothing},
	"a higher one given up":     {func(c *caseOf) { c.Earlier = []treatment.Order{givenUp(150)} }, isNothing},
	"a higher one, another way": {func(c *caseOf) { o := givenUp(150); o.Route = treatment.RouteOral; c.Earlier = []treatment.Order{o} }, isRaised},
	"units too large":           {func(c *caseOf) { c.Prescription.StrengthMg = mg(100) }, isNothing},

	// Stay.
	"half as bad":           {func(c *caseOf) { c.fell(12, 10) }, isKept},
	"no better than before": {func(c *caseOf) { c.fell(14, 14) }, isNothing},
	"baseline of nothing":   {func(c *caseOf) { c.Scores[0] = onDay(11, -25, 0); c.fell(0) }, isNothing},
	"4 points left":         {func(c *caseOf) { c.Scores[0] = onDay(11, -25, 4); c.fell(4, 4) }, isNothing},
	"5 points left":         {func(c *caseOf) { c.Scores[0] = onDay(11, -25, 5); c.fell(5, 5) }, isRaised},
	"a month's most":        {func(c *caseOf) { c.Protocol.Sessions.MaxIn28DaysMg = mg(1800) }, isRaised},
	"above a month's most":  {func(c *caseOf) { c.Protocol.Sessions.MaxIn28DaysMg = mg(1200) }, isNothing},

	// Longer.
	"response of 28 days":          {func(c *caseOf) { c.months(8, func(day int) int { return either(day > -30, 9, 15) }) }, isExtended},
	"response of 14 days":          {func(c *caseOf) { c.months(8, func(day int) int { return either(day > -20, 9, 15) }) }, isKept},
	"response with a break":        {func(c *caseOf) { c.months(8, func(day int) int { return either(day == -15, 12, 9) }) }, isKept},
	"remission of 14 days":         {func(c *caseOf) { c.months(8, func(day int) int { return either(day > -20, 4, 15) }) }, isExtended},
	"remission now":                {func(c *caseOf) { c.months(8, func(day int) int { return either(day > -10, 4, 15) }) }, isKept},
	"five points are no remission": {func(c *caseOf) { c.months(8, func(day int) int { return either(day > -20, 5, 15) }) }, isKept},
	"every four weeks is seldomest": {func(c *caseOf) {
		c.Protocol.Titration.Interval.MaxDays = 14
		c.months(8, func(day int) int { return either(day > -30, 9, 15) })
	}, titrationOutcome{treatment.SuggestMaintain, treatment.TitrationSustainedResponse, ""}},

	// Shorter.
	"wears off twice": {func(c *caseOf) { c.waves(10, 17); c.Prescription.SessionsPerWeek = 1 }, isShortened},
	"wears off, and the pressure is not known": {func(c *caseOf) {
		c.waves(10, 17)
		c.Prescription.SessionsPerWeek = 1
		c.Sessions[len(c.Sessions)-1].After = false
	}, isKept},
	"wears off by five points": {func(c *caseOf) { c.slopes(16, -3, 5); c.Prescription.SessionsPerWeek = 1 }, isShortened},
	"wears off by four points": {func(c *caseOf) { c.slopes(16, -3, 4); c.Prescription.SessionsPerWeek = 1 }, isKept},
	"better by three points":   {func(c *caseOf) { c.slopes(8, 2, 5) }, isRaised},
	"wears off, often enough":  {func(c *caseOf) { c.waves(10, 17) }, titrationOutcome{treatment.SuggestMaintain, treatment.TitrationWearsOff, ""}},
	"not asked in one interval": {func(c *caseOf) {
		c.waves(10, 17)
		c.Scores = slices.DeleteFunc(c.Scores, func(s treatment.Score) bool { return s.At.After(days(-10)) && s.At.Before(days(-3)) })
	}, titrationOutcome{isKept.kind, isKept.rule, treatment.FactIntervalScores}},
	"wears off, and in response": {func(c *caseOf) { c.waves(2, 8); c.Prescription.SessionsPerWeek = 1 }, isShortened},

	// Review.
	"six sessions without": {func(c *caseOf) {
		c.months(12, func(int) int { return 18 })
		c.Earlier = []treatment.Order{givenUp(150)}
	}, isReviewed},
	"five sessions without": {func(c *caseOf) {
		c.months(10, func(int) int { return 18 })
		c.Earlier = []treatment.Order{givenUp(150)}
	}, isNothing},
	"one of them helped": {func(c *caseOf) {
		c.months(12, func(day int) int { return either(day == -15, 15, 18) })
		c.Earlier = []treatment.Order{givenUp(150)}
	}, isNothing},
	"not as high as it may be":     {func(c *caseOf) { c.months(12, func(int) int { return 18 }) }, isRaised},
	"six points worse, twice":      {func(c *caseOf) { c.fell(26, 26) }, isReviewed},
	"six points worse, once":       {func(c *caseOf) { c.fell(20, 26) }, isRaised},
	"five points worse":            {func(c *caseOf) { c.fell(26, 25) }, isRaised},
	"better on the GAD-7 by three": {func(c *caseOf) { c.anxious(17, 14) }, isRaised},
	"better on the GAD-7 by four":  {func(c *caseOf) { c.anxious(17, 13) }, isNothing},

	// Taper.
	"remission of 84 days": {func(c *caseOf) { c.months(14, func(day int) int { return 4 }) }, isTapered},
	"tapered already": {func(c *caseOf) {
		c.months(14, func(day int) int { return 4 })
		c.Phase = treatment.PhaseTaper
	}, isExtended},
	"remission of 70 days": {func(c *caseOf) { c.months(12, func(day int) int { return 4 }) }, isExtended},
}
