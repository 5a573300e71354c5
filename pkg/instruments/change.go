package instruments

// Change compares two totals of one instrument.
type Change struct {
	// Points is baseline minus current: positive when symptoms became fewer.
	Points int
	// Response says that the reduction reaches ResponsePercent of the baseline; nil when the
	// baseline is 0, of which no percentage can be taken.
	Response *bool
	// Remission says that the current total is below RemissionBelow; nil when the baseline was
	// below RemissionBaseline, so that there was nothing to remit.
	Remission *bool
	// ClinicallyImportant says that the improvement reaches the threshold of that name.
	ClinicallyImportant bool
	// ReliablyImproved and ReliablyDeteriorated say that the change, in that direction, reaches
	// ReliableChange.
	ReliablyImproved, ReliablyDeteriorated bool
}

// Change judges the way from a baseline to a current total, both as [Result.Total] has
// them; an instrument of levels has no totals. Every threshold is inclusive: half of the
// baseline is a response.
func (i Instrument) Change(baseline, current int) Change {
	points := baseline - current
	change := Change{
		Points:               points,
		ClinicallyImportant:  points >= i.ClinicallyImportant.Value,
		ReliablyImproved:     points >= i.ReliableChange.Value,
		ReliablyDeteriorated: -points >= i.ReliableChange.Value,
	}
	if baseline > 0 {
		change.Response = new(100*points >= i.ResponsePercent.Value*baseline)
	}
	if baseline >= i.RemissionBaseline.Value {
		change.Remission = new(current < i.RemissionBelow.Value)
	}
	return change
}
