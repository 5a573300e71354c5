package treatment

import "github.com/titrate-health/titrate/pkg/dose"

// TitrationPolicy holds what changes of dose and interval during a treatment are judged by, and
// what [Suggest] asks for before it suggests one. Unless a field names another source its default
// is a proposal of this product.
type TitrationPolicy struct {
	// ProposalDays: an adjustment that was proposed longer ago has expired, and so has a
	// suggestion, after [SuggestionMaxDays] at the latest. Default 14.
	ProposalDays int `json:"proposalDays"`
	// ScoreMaxAgeDays: answers that are older say nothing about the dose of today. Default 14, the
	// recall of the PHQ-9 and the GAD-7.
	ScoreMaxAgeDays int `json:"scoreMaxAgeDays"`
	// DoseTolerancePercent: a session is at a dose when what was taken differs from it by at most
	// so much. Default 10.
	DoseTolerancePercent int                `json:"doseTolerancePercent"`
	Adherence            AdherencePolicy    `json:"adherence"`
	Increase             IncreasePolicy     `json:"increase"`
	Tolerability         TolerabilityPolicy `json:"tolerability"`
	// DecreasePercent is by how much a dose that is not tolerated is lowered: by Min at least. By
	// more than Max only when the units make nothing in between. Default 25 to 33.
	DecreasePercent Range          `json:"decreasePercent"`
	Response        ResponsePolicy `json:"response"`
	// Phq9 and Gad7 are the points by which the two scales are judged.
	Phq9      ScorePolicy     `json:"phq9"`
	Gad7      ScorePolicy     `json:"gad7"`
	Interval  IntervalPolicy  `json:"interval"`
	NoBenefit NoBenefitPolicy `json:"noBenefit"`
	// MisuseSignals: with so many signals of misuse nothing is suggested that is more. Default 2.
	MisuseSignals int `json:"misuseSignals"`
}

// AdherencePolicy says when planned sessions were kept often enough to judge a dose by.
type AdherencePolicy struct {
	// Percent of the sessions that were planned in the last WindowDays had a dose. Default 80 and 28.
	Percent    int `json:"percent"`
	WindowDays int `json:"windowDays"`
}

// IncreasePolicy limits how a dose rises.
type IncreasePolicy struct {
	// MaxStepPercent and MaxStepMg: the lower of the two is the largest step. Default 50 % and 50 mg;
	// published patterns are 25 mg a dose (Al Shirawi 2017) and 0.1 to 0.5 mg/kg a week (Can 2021).
	MaxStepPercent int     `json:"maxStepPercent"`
	MaxStepMg      dose.Mg `json:"maxStepMg"`
	// MinSessions and MinDays at a dose before the next one. Default 2 and 7; Can 2021 raised it
	// once a week.
	MinSessions int `json:"minSessions"`
	MinDays     int `json:"minDays"`
	// DissociationBelowPercent of the scale, in each of the last sessions. Default 50.
	DissociationBelowPercent int `json:"dissociationBelowPercent"`
}

// TolerabilityPolicy says when a dose is not tolerated. Grades are those of CTCAE v5: one severe
// event (grade 3) is enough.
type TolerabilityPolicy struct {
	// RecentSessions are looked at, of those at the present dose. Default 3.
	RecentSessions int `json:"recentSessions"`
	// ModerateSessions with an event of grade 2, VomitingSessions with vomiting: so many are too
	// many. Default 2 each.
	ModerateSessions int `json:"moderateSessions"`
	VomitingSessions int `json:"vomitingSessions"`
	// HighPressureSessions of the recent ones whose last reading before the dose was at the soft pair
	// are too many for more of the medicine. Default 2.
	HighPressureSessions int `json:"highPressureSessions"`
	// Distress (0 to 10), DissociationPercent of the scale, and Sedation (0 to 5) from which a
	// single session is one too many. Default 8, 75 (18 of 24 points) and 4, hardly to be woken.
	Distress            int `json:"distress"`
	DissociationPercent int `json:"dissociationPercent"`
	Sedation            int `json:"sedation"`
}

// ResponsePolicy says how much better is enough, and for how long.
type ResponsePolicy struct {
	// Percent of the baseline that is a response. Default 50 (Hull 2022, McInnes 2022).
	Percent int `json:"percent"`
	// PartialPercent is a partial one, and less than it is none. Default 25.
	PartialPercent int `json:"partialPercent"`
	// SustainedDays from the first to the last answers of an unbroken response: it is sustained.
	// Default 28; the label of intranasal esketamine asks for it after four weeks.
	SustainedDays int `json:"sustainedDays"`
	// RemissionDays from the first to the last answers of an unbroken remission: the interval may
	// grow. Default 14.
	RemissionDays int `json:"remissionDays"`
	// TaperAfterDays of unbroken remission the treatment may end slowly. Default 84.
	TaperAfterDays int `json:"taperAfterDays"`
}

// ScorePolicy is what points on a scale mean.
type ScorePolicy struct {
	// RemissionBelow: fewer points are remission, for who began with RemissionBaseline or more.
	// Default 5 and 10 (Hull 2022).
	RemissionBelow    int `json:"remissionBelow"`
	RemissionBaseline int `json:"remissionBaseline"`
	// ImportantPoints is the smallest change that matters to patients. Default 5 on the PHQ-9 (Löwe
	// 2004), 4 on the GAD-7 (Toussaint 2020).
	ImportantPoints int `json:"importantPoints"`
	// ReliablePoints is the smallest change that is no chance. Default 6 and 4 (NHS Talking
	// Therapies).
	ReliablePoints int `json:"reliablePoints"`
	// WearOffPoints: so much worse before the next dose, the effect has worn off. Default 5 and 4.
	WearOffPoints int `json:"wearOffPoints"`
}

// IntervalPolicy says how the time between sessions grows and shrinks.
type IntervalPolicy struct {
	// ExtendPercent of the interval in use is the next longer one, up to MaxDays. Default 150 and 28.
	ExtendPercent int `json:"extendPercent"`
	MaxDays       int `json:"maxDays"`
	// ShortenPercent of the duration of effect: a little before it wears off (Andrade 2017). Default 80.
	ShortenPercent int `json:"shortenPercent"`
	// WearOffIntervals in a row at whose end the effect had worn off. Default 2.
	WearOffIntervals int `json:"wearOffIntervals"`
	// DurationIntervals: the duration of effect is the median of so many intervals. Default 3.
	DurationIntervals int `json:"durationIntervals"`
	// RegainPercent: the effect lasts until so much of what was gained is lost again. Default 50.
	RegainPercent int `json:"regainPercent"`
}

// NoBenefitPolicy says when going on is no way forward.
type NoBenefitPolicy struct {
	// Sessions in all, and SessionsAtMaximum at the highest dose that can be taken. Default 6 and 2.
	Sessions          int `json:"sessions"`
	SessionsAtMaximum int `json:"sessionsAtMaximum"`
}

func (c *checks) titration(t TitrationPolicy) {
	c.within("/titration/proposalDays", t.ProposalDays, 1, 90)
	c.within("/titration/scoreMaxAgeDays", t.ScoreMaxAgeDays, 1, 90)
	c.within("/titration/doseTolerancePercent", t.DoseTolerancePercent, 0, 50)
	c.within("/titration/adherence/percent", t.Adherence.Percent, 1, 100)
	c.within("/titration/adherence/windowDays", t.Adherence.WindowDays, 7, 365)
	c.within("/titration/increase/maxStepPercent", t.Increase.MaxStepPercent, 1, 100)
	c.that(t.Increase.MaxStepMg > 0, "/titration/increase/maxStepMg", "is required")
	c.within("/titration/increase/minSessions", t.Increase.MinSessions, 1, 20)
	c.within("/titration/increase/minDays", t.Increase.MinDays, 1, 90)
	c.within("/titration/increase/dissociationBelowPercent", t.Increase.DissociationBelowPercent, 1, t.Tolerability.DissociationPercent)
	c.within("/titration/tolerability/recentSessions", t.Tolerability.RecentSessions, 1, 20)
	c.within("/titration/tolerability/moderateSessions", t.Tolerability.ModerateSessions, 1, t.Tolerability.RecentSessions)
	c.within("/titration/tolerability/vomitingSessions", t.Tolerability.VomitingSessions, 1, t.Tolerability.RecentSessions)
	c.within("/titration/tolerability/highPressureSessions", t.Tolerability.HighPressureSessions, 1, t.Tolerability.RecentSessions)
	c.within("/titration/tolerability/distress", t.Tolerability.Distress, 1, 10)
	c.within("/titration/tolerability/dissociationPercent", t.Tolerability.DissociationPercent, 1, 100)
	c.within("/titration/tolerability/sedation", t.Tolerability.Sedation, 1, 5)
	c.within("/titration/decreasePercent/min", t.DecreasePercent.Min, 1, t.DecreasePercent.Max)
	c.within("/titration/decreasePercent/max", t.DecreasePercent.Max, 1, 90)
	c.within("/titration/response/percent", t.Response.Percent, t.Response.PartialPercent, 100)
	c.within("/titration/response/partialPercent", t.Response.PartialPercent, 1, 100)
	c.within("/titration/response/sustainedDays", t.Response.SustainedDays, 1, 365)
	c.within("/titration/response/remissionDays", t.Response.RemissionDays, 1, t.Response.TaperAfterDays)
	c.within("/titration/response/taperAfterDays", t.Response.TaperAfterDays, 1, 730)
	c.score("/titration/phq9", t.Phq9, 27)
	c.score("/titration/gad7", t.Gad7, 21)
	c.within("/titration/interval/extendPercent", t.Interval.ExtendPercent, 101, 400)
	c.within("/titration/interval/maxDays", t.Interval.MaxDays, 1, 90)
	c.within("/titration/interval/shortenPercent", t.Interval.ShortenPercent, 1, 100)
	c.within("/titration/interval/wearOffIntervals", t.Interval.WearOffIntervals, 1, 20)
	c.within("/titration/interval/durationIntervals", t.Interval.DurationIntervals, 1, 20)
	c.within("/titration/interval/regainPercent", t.Interval.RegainPercent, 1, 100)
	c.within("/titration/noBenefit/sessions", t.NoBenefit.Sessions, t.NoBenefit.SessionsAtMaximum, 100)
	c.within("/titration/noBenefit/sessionsAtMaximum", t.NoBenefit.SessionsAtMaximum, 1, 100)
	c.within("/titration/misuseSignals", t.MisuseSignals, 1, 20)
}

func (c *checks) score(pointer string, s ScorePolicy, most int) {
	c.within(pointer+"/remissionBelow", s.RemissionBelow, 1, s.RemissionBaseline)
	c.within(pointer+"/remissionBaseline", s.RemissionBaseline, 1, most)
	c.within(pointer+"/importantPoints", s.ImportantPoints, 1, most)
	c.within(pointer+"/reliablePoints", s.ReliablePoints, 1, most)
	c.within(pointer+"/wearOffPoints", s.WearOffPoints, 1, most)
}
