package treatment

// RefillPolicy says what a refill is due by.
type RefillPolicy struct {
	// UsedPercent of the last fill is used before the next. Default 80.
	UsedPercent int `json:"usedPercent"`
	// AssessmentMaxAgeDays: each of the baseline instruments was answered at most so long ago.
	// Default 30.
	AssessmentMaxAgeDays int `json:"assessmentMaxAgeDays"`
}

// SignalPolicy says what is a sign of misuse, and what is a pattern of them.
type SignalPolicy struct {
	Pattern      PatternPolicy      `json:"pattern"`
	RepeatedLoss RepeatedLossPolicy `json:"repeatedLoss"`
	BatchLogging BatchPolicy        `json:"batchLogging"`
}

// PatternPolicy is how many distinct signals, of as many records, within how many days of one
// another lock the prescription. Default 2 within 30.
type PatternPolicy struct {
	Signals int `json:"signals"`
	Days    int `json:"days"`
}

// RepeatedLossPolicy is how many losses or thefts within how many days are a signal. Default 2
// within 90: about three fills.
type RepeatedLossPolicy struct {
	Reports int `json:"reports"`
	Days    int `json:"days"`
}

// BatchPolicy is how many sessions of different days, logged within how many minutes and each at
// least so many hours after its dose, are a signal. Default 3 within 15 minutes and 168 hours: a
// phone that was offline for a week sends what it has kept, and that is no signal.
type BatchPolicy struct {
	Sessions  int `json:"sessions"`
	WithinMin int `json:"withinMin"`
	LateHours int `json:"lateHours"`
}
