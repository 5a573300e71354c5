package pathway_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// audit holds everything that the server has of the patient against the model.
func (w *walk) audit() {
	for _, i := range w.intakes {
		w.look(i)
	}
	for _, k := range w.presented() {
		w.look(k)
	}
	for _, e := range w.events {
		w.look(e)
	}
	for _, q := range w.answered {
		w.look(q)
	}
	for _, m := range w.medicines {
		w.look(m)
	}
	for _, t := range w.courses {
		w.look(t)
		w.auditOrders(t)
		for _, ch := range t.changes {
			w.look(ch)
		}
		for _, v := range t.visits {
			w.auditVisit(v)
		}
	}
	w.auditSupply()
	w.auditSigns()
}

// auditSigns: the signs of misuse are those of the model, and each lock and each early refill has
// raised its alert.
func (w *walk) auditSigns() {
	w.watch()
	want, got := map[string]string{}, map[string]string{}
	for _, s := range w.signs {
		want[s.rule+" "+s.of] = fmt.Sprint(s.at.UTC().Format(time.RFC3339Nano), " gone ", s.gone, " settled ", s.settled)
	}
	for query := "limit=200"; query != ""; {
		page := w.get("listSupplySignals", query)
		for _, item := range page.Items() {
			source := item["source"].(map[string]any)
			of := fmt.Sprint(source["type"], " ", source["id"])
			if id, ok := source["factId"].(string); ok {
				of += " " + id
			}
			at, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(item["at"]))
			got[fmt.Sprint(item["rule"], " ", of)] = fmt.Sprint(at.UTC().Format(time.RFC3339Nano), " gone ", item["withdrawnAt"] != nil, " settled ", item["settledAt"] != nil)
		}
		query = ""
		if next := page.Text("nextCursor"); next != "" {
			query = "limit=200&cursor=" + next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.rt.Fatalf("signs (-model +server):\n%s\n%s", diff, w)
	}
	raised := map[string]bool{}
	for _, item := range w.get("listAlerts", "limit=200&patientId="+w.party.id).Items() {
		raised[fmt.Sprint(item["rule"], " ", item["source"].(map[string]any)["id"])] = true
	}
	for _, s := range w.signs {
		if _, id, _ := strings.Cut(s.of, " "); s.rule == "earlyRefill" && !raised["EARLY_REFILL "+id] {
			w.rt.Fatalf("no alert of the early refill %s", id)
		}
	}
	for _, t := range w.courses {
		for _, o := range t.orders {
			if o.everLocked != raised["MISUSE_PATTERN "+o.id] {
				w.rt.Fatalf("prescription %s was locked: %v; alerts: %v", o.id, o.everLocked, raised)
			}
		}
	}
}

// auditOrders: no signature is above the hard maximum, none above the soft one is one person's,
// and at most one prescription of a treatment is active.
func (w *walk) auditOrders(t *course) {
	active := 0
	for _, o := range t.orders {
		a := w.look(o)
		if a.Text("status") == "active" {
			active++
		}
		kg, _ := a.JSON("weightKg").(float64)
		signed := a.Text("signedAt") != ""
		cosigned := a.Text("cosignedBy") != "" && a.Text("cosignedBy") != a.Text("signedBy")
		switch {
		case !signed:
		case o.mg > hard(int(kg)):
			w.rt.Fatalf("signed above the hard maximum: %s", a.Body)
		case o.mg > soft(int(kg)) && !cosigned && !o.active.IsZero():
			w.rt.Fatalf("active above the soft maximum with one signature: %s", a.Body)
		}
	}
	if active > 1 {
		w.rt.Fatalf("%d prescriptions are active\n%s", active, w)
	}
}

// members are where a session shows its facts, by kind.
var members = map[string]string{
	"dose": "doses", "vitals": "vitals", "completion": "completions", "abort": "aborts", "check": "checks", "checkIn": "checkIns",
	"observation": "observations", "escalation": "escalations", "attestation": "attestations",
}

// auditVisit: every fact is there, once, and those that were struck out are there as such.
func (w *walk) auditVisit(v *visit) {
	a := w.look(v)
	w.same(v, a)
	want, got := map[string]bool{}, map[string]bool{}
	for _, f := range v.facts {
		want[f.kind+" "+f.id] = f.struck
	}
	for kind, member := range members {
		list, _ := a.JSON(member).([]any)
		for _, item := range list {
			f := item.(map[string]any)
			name := fmt.Sprint(kind, " ", f["id"])
			if _, twice := got[name]; twice {
				w.rt.Fatalf("%s is there twice", name)
			}
			got[name] = f["struckOut"] != nil
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.rt.Fatalf("facts (-model +server), struck out or not:\n%s\n%s", diff, a.Body)
	}
}

// auditSupply: what was handed out and what was taken is what the model knows of, the lines of
// the ledger add up to what it says is there, and no lot holds less than nothing.
func (w *walk) auditSupply() {
	s := w.supply()
	dispensed, taken := 0, 0
	for _, l := range w.lots {
		if !l.struck {
			dispensed += 50 * l.units
		}
	}
	for _, t := range w.courses {
		for _, v := range t.visits {
			for _, d := range v.of("dose") {
				if !v.voided {
					taken += d.mg
				}
			}
		}
	}
	sums := w.ledger()
	handed := sums["dispensed"]
	ok := handed == dispensed && s.Totals.DispensedMg == dispensed && -sums["taken"] == taken
	for _, l := range s.Lots {
		ok = ok && l.AmountMg >= 0
	}
	onHand := dispensed - (taken - s.UnaccountedMg) + sums["disposed"] + sums["lost"] + sums["counted"]
	if ok = ok && onHand == s.Totals.AmountMg; !ok {
		w.rt.Fatalf("dispensed %d mg, taken %d mg; lines %v; %+v\n%s", dispensed, taken, sums, s, w)
	}
}

// ledger adds up the lines that were not taken back, by kind, in mg.
func (w *walk) ledger() map[string]int {
	lines := map[string]map[string]any{}
	for query := "limit=200"; query != ""; {
		page := w.get("listSupplyEntries", query)
		for _, item := range page.Items() {
			lines[fmt.Sprint(item["id"])] = item
		}
		query = ""
		if next := page.Text("nextCursor"); next != "" {
			query = "limit=200&cursor=" + next
		}
	}
	for _, id := range slices.Collect(maps.Keys(lines)) {
		if of, ok := lines[id]["reverses"].(string); ok {
			if lines[id]["amountMg"].(float64) != -lines[of]["amountMg"].(float64) {
				w.rt.Fatalf("%v takes back something else: %v", lines[id], lines[of])
			}
			delete(lines, id)
			delete(lines, of)
		}
	}
	sums := map[string]int{}
	for _, line := range lines {
		sums[fmt.Sprint(line["kind"])] += int(line["amountMg"].(float64))
	}
	return sums
}
