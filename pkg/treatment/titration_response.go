package treatment

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// EffectDuration is for how long doses have had an effect: the median of the last intervals between
// sessions of which that is known.
type EffectDuration struct {
	MedianHours int
	Intervals   []EffectInterval
}

// EffectInterval is one interval between two sessions in which the patient was better.
type EffectInterval struct {
	SessionID uuid.UUID
	// Hours from the dose to the first answers that show that the protocol's share of the gain was
	// lost again; when none did, to the last answers before the next dose: it lasted at least so long.
	Hours   int
	WoreOff bool
}

// wave is the course of points after one dose.
type wave struct {
	session SessionSeen
	closed  bool // by a next dose
	// known: there are answers before and after the dose. gain is by how many points the patient
	// was better at best, lost by how many of them worse again at the last answers.
	known      bool
	gain, lost int
	hours      int // see EffectInterval
	woreOff    bool
}

// waves are the intervals after some sessions that follow one another, up to now.
func (t *titration) waves(sessions []SessionSeen) (list []wave) {
	for i, s := range sessions {
		w, until := wave{session: s}, t.Now
		if i+1 < len(sessions) {
			w.closed, until = true, sessions[i+1].At
		}
		t.ride(&w, t.before(s), until)
		list = append(list, w)
	}
	return list
}

// before is the last score before a dose and after the one before that; the baseline before the
// first.
func (t *titration) before(s SessionSeen) *Score {
	at := slices.IndexFunc(t.Sessions, func(o SessionSeen) bool { return o.ID == s.ID })
	if at <= 0 {
		return t.baseline
	}
	var last *Score
	for i := range t.scores {
		if sc := &t.scores[i]; sc.At.After(t.Sessions[at-1].At) && !sc.At.After(s.At) {
			last = sc
		}
	}
	return last
}

// ride follows the points from a dose until the next one.
func (t *titration) ride(w *wave, before *Score, until time.Time) {
	if before == nil {
		return
	}
	var inside []Score
	for _, s := range t.scores {
		if s.At.After(w.session.At) && !s.At.After(until) {
			inside = append(inside, s)
		}
	}
	if len(inside) == 0 {
		return
	}
	best := slices.MinFunc(inside, func(a, b Score) int { return *a.Total - *b.Total })
	last := inside[len(inside)-1]
	w.known, w.gain, w.lost = true, *before.Total-*best.Total, *last.Total-*best.Total
	end := last
	for _, s := range inside {
		if w.gain > 0 && s.At.After(best.At) && 100*(*s.Total-*best.Total) >= t.policy.Interval.RegainPercent*w.gain {
			w.woreOff, end = true, s
			break
		}
	}
	w.hours = int(end.At.Sub(w.session.At).Hours())
}

// effect is the duration of effect; nil without an interval in which the patient was better by
// enough to matter. The interval that goes on counts once the effect has worn off in it.
func (t *titration) effect() *EffectDuration {
	d := &EffectDuration{}
	var lasted []int
	for _, w := range slices.Backward(t.waves(t.Sessions)) {
		if len(lasted) == t.policy.Interval.DurationIntervals {
			break
		}
		if w.known && w.gain >= t.scale.ImportantPoints && (w.closed || w.woreOff) {
			d.Intervals = append(d.Intervals, EffectInterval{w.session.ID, w.hours, w.woreOff})
			lasted = append(lasted, w.hours)
		}
	}
	if len(lasted) == 0 {
		return nil
	}
	d.MedianHours = median(lasted)
	return d
}

// median of some numbers, rounded down.
func median(of []int) int {
	sorted := slices.Sorted(slices.Values(of))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

func (t *titration) lastScore() *Score {
	if len(t.scores) == 0 {
		return nil
	}
	return &t.scores[len(t.scores)-1]
}

// better is by how many points a score is below the baseline.
func (t *titration) better(s Score) int { return *t.baseline.Total - *s.Total }

// reaches says whether a score is better than the baseline by so many percent of it. Of a baseline
// of nothing no percentage can be taken.
func (t *titration) reaches(s Score, percent int) bool {
	return *t.baseline.Total > 0 && 100*t.better(s) >= percent*(*t.baseline.Total)
}

// remitted says whether a score is in remission, of something that there was to remit.
func (t *titration) remitted(s Score) bool {
	return *t.baseline.Total >= t.scale.RemissionBaseline && *s.Total < t.scale.RemissionBelow
}

// unbroken is for how long a test has held without a break, from the first to the last answers for
// which it does; whether it holds now.
func (t *titration) unbroken(test func(Score) bool) (span time.Duration, holds bool) {
	last := t.lastScore()
	if last == nil || t.baseline == nil || !test(*last) {
		return 0, false
	}
	first := *last
	for _, s := range slices.Backward(t.scores) {
		if !test(s) {
			break
		}
		first = s
	}
	return last.At.Sub(first.At), true
}

// lasts says whether a span is at least so many days.
func lasts(span time.Duration, days int) bool { return span >= time.Duration(days)*24*time.Hour }

// change writes how a score compares with the baseline.
func (t *titration) change(s Score) string {
	text := t.scaleName() + " from " + strconv.Itoa(*t.baseline.Total) + " to " + strconv.Itoa(*s.Total)
	switch percent := 100 * t.better(s) / max(*t.baseline.Total, 1); {
	case *t.baseline.Total == 0:
	case percent < 0:
		text += ", " + strconv.Itoa(-percent) + " % worse"
	default:
		text += ", " + strconv.Itoa(percent) + " % better"
	}
	return text
}
