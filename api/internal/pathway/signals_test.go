package pathway_test

import (
	"cmp"
	"slices"
	"time"
)

// statement is what the patient has said of a lot: a count, a disposal or a loss.
type statement struct {
	id, kind string
	lot      *lot
	at       time.Time
	mg       int
}

// findings is what the ledger finds: how much of each dose no lot accounts for, what was at home
// before each lot, and which statements contradict it, and how.
type findings struct {
	short, before map[string]int
	contradicts   map[string]string
}

// reckon takes everything in the order of its time: tablets of one strength, of the lots that expire
// first, and of expired ones when there are no others.
func (c *care) reckon() findings {
	f := findings{map[string]int{}, map[string]int{}, map[string]string{}}
	left := map[*lot]int{}
	type step struct {
		at time.Time
		do func()
	}
	var steps []step
	for _, l := range c.lots {
		if l.struck {
			continue
		}
		steps = append(steps, step{l.at, func() {
			for other, mg := range left {
				if other.until >= l.at.UTC().Format(time.DateOnly) {
					f.before[l.id] += mg
				}
			}
			left[l] = 50 * l.units
		}})
	}
	for _, d := range c.doses() {
		steps = append(steps, step{d.at, func() { f.short[d.id] = take(left, d) }})
	}
	for _, s := range c.statements {
		steps = append(steps, step{s.at, func() {
			held, there := left[s.lot]
			switch {
			case !there: // it was struck out
				return
			case s.kind == "countSupply":
				left[s.lot] = s.mg
			default:
				left[s.lot] = max(0, held-s.mg)
			}
			if s.kind == "countSupply" && s.mg < held {
				f.contradicts[s.id] = "unloggedDoses"
			} else if s.mg > held {
				f.contradicts[s.id] = "inventoryMismatch"
			}
		}})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	for _, s := range steps {
		s.do()
	}
	return f
}

// take takes a dose from lots, and answers how much of it was not there.
func take(left map[*lot]int, d *fact) (missing int) {
	day := d.at.In(newYork).Format(time.DateOnly)
	lots := []*lot{}
	for l := range left {
		lots = append(lots, l)
	}
	slices.SortFunc(lots, func(a, b *lot) int { return cmp.Or(cmp.Compare(a.until, b.until), a.at.Compare(b.at)) })
	missing = d.mg
	for _, expired := range []bool{false, true} {
		for _, l := range lots {
			if taken := min(missing, left[l]); (l.until < day) == expired {
				left[l] -= taken
				missing -= taken
			}
		}
	}
	return missing
}

// doses are all that count.
func (c *care) doses() (list []*fact) {
	for _, t := range c.courses {
		for _, v := range t.visits {
			if !v.voided {
				list = append(list, v.of("dose")...)
			}
		}
	}
	return list
}

// sign is a sign of misuse, of a record and what was told of it.
type sign struct {
	rule, of string
	at       time.Time
	// gone: what it rested on is not so any more; settled: a prescriber has ended the lock.
	gone, settled bool
}

func (s *sign) is(other *sign) bool { return s.rule == other.rule && s.of == other.of }

// signs are those that there are now.
func (c *care) signsNow() (list []*sign) {
	f := c.reckon()
	add := func(is bool, rule, of string, at time.Time) {
		if is {
			list = append(list, &sign{rule: rule, of: of, at: at})
		}
	}
	for _, t := range c.courses {
		for _, v := range t.visits {
			if v.started().IsZero() {
				continue
			}
			for rule, is := range c.misused(v, f) {
				add(is, rule, "session "+v.id, v.started())
			}
		}
		for _, o := range t.orders {
			var last *lot
			for _, l := range c.lots { // in the order of their time
				if l.of != o || l.struck {
					continue
				}
				add(last != nil && 5*f.before[l.id] > 50*last.units, "earlyRefill", "dispense "+l.id, l.at)
				last = l
			}
		}
	}
	var lost []*statement
	for _, s := range c.statements {
		of := "dispense " + s.lot.id + " " + s.id
		rule, is := f.contradicts[s.id]
		add(is, rule, of, s.at)
		if s.kind == "reportSupplyLoss" && !s.lot.struck {
			again := slices.ContainsFunc(lost, func(l *statement) bool { return s.at.Sub(l.at) <= 90*24*time.Hour })
			add(again, "repeatedLoss", of, s.at)
			lost = append(lost, s)
		}
	}
	return list
}

// misused are the signs of a session with a dose.
func (c *care) misused(v *visit, f findings) map[string]bool {
	found := c.deviations(v)
	list := map[string]bool{"doseAbovePrescribed": found["doseAbovePrescribed"] || found["boosterAbovePrescribed"]}
	checks, all := v.of("check"), 0
	for _, d := range v.of("dose") {
		all += d.mg
		list["unitsUnaccounted"] = list["unitsUnaccounted"] || f.short[d.id] > 0
		if n := slices.IndexFunc(checks, func(k *fact) bool { return k.at.After(d.at) }); !d.booster && n != 0 && len(checks) > 0 {
			if n < 0 {
				n = len(checks)
			}
			list["noSupportPerson"] = list["noSupportPerson"] || checks[n-1].check.present == "no"
		}
	}
	gap, week := pace(all, c.weightAt(v.started()))
	if kg := c.weightAt(v.started()); v.course.activeAt(v.started()) == nil && kg > 0 && 2*all <= 3*kg {
		gap, week = 20*time.Hour, 7 // no order is stricter
	}
	earlier := slices.DeleteFunc(c.others(v, false), func(at time.Time) bool { return at.After(v.started()) })
	list["intervalShort"], list["weeklyLimit"] = crowded(v.started(), earlier, gap, week)
	return list
}

// watch notes what signs are new and which are gone, and locks the order in force when a new one
// makes a pattern: two of different kinds, of different records, within thirty days.
func (c *care) watch() {
	for _, t := range c.courses {
		for _, o := range t.orders {
			if o.unlocked {
				o.unlocked = false
				for _, s := range c.signs {
					s.settled = true
				}
			}
		}
	}
	now, pattern := c.signsNow(), false
	for _, s := range c.signs {
		s.gone = s.gone || !slices.ContainsFunc(now, s.is)
	}
	var fresh []*sign
	for _, s := range now {
		i := slices.IndexFunc(c.signs, s.is)
		switch {
		case i < 0:
			c.signs, fresh = append(c.signs, s), append(fresh, s)
		case c.signs[i].gone:
			c.signs[i].gone, fresh = false, append(fresh, c.signs[i])
			c.signs[i].at = s.at
		default:
			c.signs[i].at = s.at
		}
	}
	for _, a := range fresh {
		for _, b := range c.signs {
			apart := a.at.Sub(b.at).Abs()
			pattern = pattern || !a.gone && !b.gone && !a.settled && !b.settled && a.rule != b.rule && a.of != b.of && apart <= 30*24*time.Hour
		}
	}
	for _, t := range c.courses {
		if o := t.inForce(); pattern && t.open() && o != nil && o.statusAt(c.now) == "active" && !o.locked {
			o.lock(c.now)
		}
	}
}
