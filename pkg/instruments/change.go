package instruments

// Change compares two totals of one instrument. A judgement for which the instrument has no
// threshold is nil: nobody knows.
type Change struct {
	// Points is the improvement: baseline minus current, or the other way round where a higher
	// total is better. It is negative when the patient became worse.
	Points int
	// Response says that the improvement reaches ResponsePercent of the baseline; nil also when
	// the baseline is 0, of which no percentage can be taken.
	Response *bool
	// Remission says that the current total is below RemissionBelow; nil also when the baseline
	// was below RemissionBaseline, or below RemissionBelow itself, so that there was nothing to
	// remit.
	Remission *bool
	// ClinicallyImportant says that the improvement reaches the threshold of that name, in
	// points or else in percent.
	ClinicallyImportant *bool
	// ReliablyImproved and ReliablyDeteriorated say that the change, in that direction, reaches
	// ReliableChange.
	ReliablyImproved, ReliablyDeteriorated *bool
}

// Change judges the way from a baseline to a current total, both as [Result.Total] has
// them; an instrument of levels has no totals. Every threshold is inclusive: half of the
// baseline is a response.
func (i Instrument) Change(baseline, current int) Change {
	points := baseline - current
	if i.HigherIsBetter {
		points = -points
	}
	change := Change{
		Points:               points,
		ClinicallyImportant:  i.ClinicallyImportant.judge(points >= i.ClinicallyImportant.Value),
		ReliablyImproved:     i.ReliableChange.judge(points >= i.ReliableChange.Value),
		ReliablyDeteriorated: i.ReliableChange.judge(-points >= i.ReliableChange.Value),
	}
	if baseline > 0 {
		reaches := func(percent Threshold) *bool { return percent.judge(100*points >= percent.Value*baseline) }
		change.Response = reaches(i.ResponsePercent)
		if change.ClinicallyImportant == nil {
			change.ClinicallyImportant = reaches(i.ClinicallyImportantPercent)
		}
	}
	if baseline >= max(i.RemissionBaseline.Value, i.RemissionBelow.Value) {
		change.Remission = i.RemissionBelow.judge(current < i.RemissionBelow.Value)
	}
	return change
}
