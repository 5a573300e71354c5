package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// dose logs a session with one dose so many minutes from now, and answers it.
func (s *shelf) dose(minutes, milligrams int, from ...any) apitest.Answer {
	s.t.Helper()
	body := s.told(minutes, map[string]any{"doseMg": milligrams})
	if len(from) > 0 {
		body["from"] = from
	}
	return s.site.Must(s.t, s.call("logSession", s.Patient, map[string]any{"doses": []any{body}}, "sessionId", uuid.NewString()))
}

func from(dispense string, units float64) map[string]any {
	return map[string]any{"dispenseId": dispense, "units": units}
}

// report sends what the patient reports of a dispense.
func (s *shelf) report(operation, dispense string, minutes int, members map[string]any) apitest.Answer {
	s.t.Helper()
	body := s.told(minutes, members)
	body["dispenseId"] = dispense
	return s.site.Do(s.t, s.call(operation, s.Patient, body))
}

// holds compares what is left of the lots, in the order in which they are shown, and what no
// lot accounts for. It also adds every line of the ledger up.
func (s *shelf) holds(what string, unaccounted float64, left ...float64) {
	s.t.Helper()
	supply := s.site.Must(s.t, s.call("showSupply", s.Patient, nil))
	lots, _ := supply.JSON("lots").([]any)
	got, sum := []float64{}, 0.0
	for _, item := range lots {
		lot, _ := item.(map[string]any)
		amount, _ := lot["amountMg"].(float64)
		got, sum = append(got, amount), sum+amount
	}
	if !slices.Equal(got, left) || supply.JSON("unaccountedMg") != unaccounted || supply.JSON("totals", "amountMg") != sum {
		s.t.Errorf("%s: %v are left, %v unaccounted, want %v and %v\n%s", what, got, supply.JSON("unaccountedMg"), left, unaccounted, supply.Body)
	}
	for _, line := range s.lines() {
		amount, _ := line["amountMg"].(float64)
		sum -= amount
	}
	if sum != unaccounted {
		s.t.Errorf("%s: the lines add up to %v mg less than is left, want %v", what, sum, unaccounted)
	}
}

// lines are those of the ledger, oldest first.
func (s *shelf) lines() (list []map[string]any) {
	s.t.Helper()
	call := s.call("listSupplyEntries", s.Patient, nil)
	call.Query = "limit=200"
	items, _ := s.site.Must(s.t, call).JSON("items").([]any)
	for _, item := range slices.Backward(items) {
		line, _ := item.(map[string]any)
		list = append(list, line)
	}
	return list
}

// kinds counts the lines of each kind.
func (s *shelf) kinds() string {
	s.t.Helper()
	count := map[string]int{}
	for _, line := range s.lines() {
		count[fmt.Sprint(line["kind"])]++
	}
	var texts []string
	for _, kind := range treatment.SupplyKinds {
		if n := count[string(kind)]; n > 0 {
			texts = append(texts, fmt.Sprint(n, " ", kind))
		}
	}
	return strings.Join(texts, ", ")
}

func (s *shelf) expectKinds(want string) {
	s.t.Helper()
	if got := s.kinds(); got != want {
		s.t.Errorf("the ledger has %s, want %s", got, want)
	}
}

// TestSupply: what is left at home, whatever arrives in which order.
func TestSupply(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Supply")
		t.Run("doses", func(t *testing.T) { newShelf(t, c).doses() })
		t.Run("strike-outs", func(t *testing.T) { newShelf(t, c).strikeOuts() })
		t.Run("reports", func(t *testing.T) { newShelf(t, c).reports() })
		t.Run("late dose", func(t *testing.T) { newShelf(t, c).lateDose() })
		t.Run("void reports", func(t *testing.T) { newShelf(t, c).voidReports() })
		t.Run("run out", func(t *testing.T) { newShelf(t, c).runOut() })
		t.Run("references", func(t *testing.T) { newShelf(t, c).references(newShelf(t, c)) })
		t.Run("deviations", func(t *testing.T) { newShelf(t, c).unitDeviations() })
		t.Run("scheduling", func(t *testing.T) { newShelf(t, c).beforeTheParcel() })
		t.Run("gate", func(t *testing.T) { newShelf(t, c).unitsAtTheGate() })
	})
}

// doses take from what was there at their time, whether that is known before or after them.
func (s *shelf) doses() {
	s.holds("nothing", 0)
	s.dose(-10, 100)
	s.holds("nobody knows of what", 100)
	s.expectKinds("1 taken")
	later := s.dispensed(-5, nil)
	s.holds("handed out after the dose", 100, 600)
	s.dispensed(-20, map[string]any{"beyondUseDate": "2027-06-01"})
	s.holds("handed out before it, told later", 0, 600, 500)
	s.expectKinds("2 dispensed, 2 taken, 1 reversed")
	s.dose(-1, 25)
	s.holds("half of one", 0, 575, 500)
	s.dose(-1, 100, from(later, 2))
	s.holds("as said", 0, 475, 500)
	s.dose(0, 1000)
	s.holds("more than there is", 25)
}

// strikeOuts give back what was taken.
func (s *shelf) strikeOuts() {
	first := s.dispensed(0, nil)
	session := s.dose(1, 100)
	s.holds("a dose", 0, 500)
	fact, _ := session.JSON("doses").([]any)[0].(map[string]any)
	strike := s.call("voidSessionFact", s.Patient, map[string]any{"reason": "Not taken."}, "sessionId", session.Text("id"), "factId", fmt.Sprint(fact["id"]))
	strike.Header = map[string]string{"If-Match": session.Header.Get("ETag")}
	s.site.Must(s.t, strike)
	s.holds("struck out", 0, 600)
	s.expectKinds("1 dispensed, 1 taken, 1 reversed")

	session = s.dose(1, 100)
	s.holds("another", 0, 500)
	if got := s.void("voidSession", "sessionId", session.Text("id"), session.Header.Get("ETag")); got.Status != 200 {
		s.t.Fatalf("%d %s", got.Status, got.Body)
	}
	s.holds("its session void", 0, 600)

	s.dose(2, 100)
	s.dispensed(1, map[string]any{"units": 1, "beyondUseDate": "2027-06-01"})
	s.voidDispense(first)
	s.holds("a dispense struck out", 50)
	s.expectKinds("2 dispensed, 5 taken, 4 reversed")
}

func (s *shelf) reports() {
	t := s.t
	lot := s.dispensed(0, nil)
	got := s.report("countSupply", lot, 5, map[string]any{"units": 11.5})
	for name, want := range map[string]any{
		"kind": "counted", "amountMg": -25.0, "units": -0.5, "reportedUnits": 11.5, "dispenseId": lot, "reportedBy": "patient", "mode": "app",
		"sourceId": got.Text("id"), "sessionId": nil, "method": nil,
	} {
		if got.JSON(name) != want {
			t.Errorf("counted: %s is %v, want %v", name, got.JSON(name), want)
		}
	}
	s.holds("counted", 0, 575)
	got = s.report("disposeSupply", lot, 6, map[string]any{"units": 2, "method": "mailBack", "witness": "Mother"})
	if got.Status != 201 || got.Text("method") != "mailBack" || got.Text("witness") != "Mother" || got.JSON("amountMg") != -100.0 {
		t.Errorf("disposed of: %d %s", got.Status, got.Body)
	}
	got = s.report("reportSupplyLoss", lot, 7, map[string]any{"units": 10, "cause": "stolen", "note": "On the train"})
	if got.Status != 201 || got.Text("cause") != "stolen" || got.Text("note") != "On the train" || got.JSON("amountMg") != -475.0 {
		t.Errorf("lost: %d %s", got.Status, got.Body)
	}
	s.holds("nothing is left", 0)
	s.report("countSupply", lot, 8, map[string]any{"units": 0})
	s.expectKinds("1 dispensed, 1 disposed, 1 lost, 2 counted")
	want := []string{
		"INVENTORY_MISMATCH medium of a dispense: 500 mg", "INVENTORY_MISMATCH medium of a dispense: 575 mg",
		"MISUSE_PATTERN high of a prescription: inventoryMismatch, unloggedDoses",
	}
	if got := s.alerts(); !slices.Equal(got, want) {
		t.Errorf("alerts: %q, want %q", got, want)
	}
	totals := s.site.Must(t, s.call("showSupply", s.Clinic.Clinician, nil)).JSON("totals")
	if diff := cmp.Diff(map[string]any{
		"amountMg": 0.0, "dispensedMg": 600.0, "takenMg": 0.0, "disposedMg": 100.0, "lostMg": 475.0, "countedMg": -25.0,
	}, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// lateDose: a dose that is told after a count of later explains what the count has found.
func (s *shelf) lateDose() {
	lot := s.dispensed(0, nil)
	s.report("countSupply", lot, 10, map[string]any{"units": 10})
	s.holds("two are missing", 0, 500)
	s.dose(5, 100)
	s.holds("they were taken", 0, 500)
	s.expectKinds("1 dispensed, 1 taken, 2 counted, 1 reversed")
	s.dose(20, 100)
	s.holds("a dose since", 0, 400)
}

func (s *shelf) voidReports() {
	t := s.t
	lot := s.dispensed(0, nil)
	own := s.report("countSupply", lot, 5, map[string]any{"units": 10})
	theirs := s.site.Must(t, s.call("reportSupplyLoss", s.Clinic.Clinician, s.told(6, map[string]any{"dispenseId": lot, "units": 1, "cause": "damaged"})))
	s.holds("both", 0, 450)
	strike := func(who *apitest.Person, id any) apitest.Answer {
		call := s.call("voidSupplyEntry", who, map[string]any{"reason": "A slip."}, "supplyEntryId", fmt.Sprint(id))
		call.Header = map[string]string{"If-Match": `"1"`}
		return s.site.Do(t, call)
	}
	expect(t, "somebody else's", strike(s.Patient, theirs.Text("id")), 403, problem.Forbidden)
	expect(t, "a line of a dispense", strike(s.Clinic.Prescriber, s.lines()[0]["id"]), 409, problem.IllegalTransition)
	got := strike(s.Patient, own.Text("id"))
	if got.Status != 200 || got.Text("struckOut", "reason") != "A slip." || got.Header.Get("ETag") != `"2"` {
		t.Errorf("own: %d %s", got.Status, got.Body)
	}
	s.holds("the count struck out", 0, 550)
	s.expectKinds("1 dispensed, 1 lost, 1 counted, 1 reversed")
	again := s.call("voidSupplyEntry", s.Patient, map[string]any{"reason": "A slip."}, "supplyEntryId", own.Text("id"))
	again.Header = map[string]string{"If-Match": `"2"`}
	expect(t, "twice", s.site.Do(t, again), 409, problem.IllegalTransition)
	expect(t, "by staff", strike(s.Clinic.Clinician, theirs.Text("id")), 200, "")
	s.holds("both struck out", 0, 600)
}

func (s *shelf) runOut() {
	t := s.t
	expectLeft := func(what string, sessions, day any) {
		t.Helper()
		got := s.site.Must(t, s.call("showSupply", s.Patient, nil))
		if got.JSON("sessionsLeft") != sessions || got.JSON("runOutDate") != day {
			t.Errorf("%s: %v sessions, until %v, want %v, %v", what, got.JSON("sessionsLeft"), got.JSON("runOutDate"), sessions, day)
		}
	}
	today := s.site.Clock.Now().In(newYork(t))
	in := func(hours int) string { return today.Add(time.Duration(hours) * time.Hour).Format(time.DateOnly) }
	expectLeft("nothing", 0.0, in(0))
	s.dispensed(0, map[string]any{"units": 5}) // 100 mg three times a week: every 56 hours
	expectLeft("for two sessions", 2.0, in(2*56))
	s.dose(1, 100)
	expectLeft("one was taken", 1.0, in(2*56))
	stop := s.call("stopPrescription", s.Clinic.Prescriber, map[string]any{"reason": "Side effects."})
	stop.Header = map[string]string{"If-Match": s.site.Must(t, s.call("showPrescription", s.Patient, nil)).Header.Get("ETag")}
	s.site.Must(t, stop)
	expectLeft("no prescription", nil, nil)
}

func newYork(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// references to nothing, or to another patient's dispense, are refused; so are reports about a
// dispense that was struck out.
func (s *shelf) references(other *shelf) {
	t := s.t
	foreign, own := other.dispensed(0, nil), s.dispensed(0, nil)
	for _, id := range []string{foreign, uuid.NewString()} {
		body := s.told(1, map[string]any{"doseMg": 100, "from": []any{from(own, 1), from(id, 1)}})
		log := s.call("logSession", s.Clinic.Clinician, map[string]any{"doses": []any{body}}, "sessionId", uuid.NewString())
		expect(t, "a dose of it", s.site.Do(t, log), 422, problem.ReferenceNotFound)
		count := s.call("countSupply", s.Clinic.Clinician, s.told(1, map[string]any{"units": 1, "dispenseId": id}))
		expect(t, "a count of it", s.site.Do(t, count), 422, problem.ReferenceNotFound)
	}
	for name, members := range map[string]map[string]any{
		"no units": {"units": 0, "method": "household"}, "no method": {"units": 1}, "another method": {"units": 1, "method": "river"},
	} {
		expect(t, name, s.report("disposeSupply", own, 0, members), 400, problem.InvalidRequest)
	}
	s.voidDispense(own)
	expect(t, "a count of what was struck out", s.report("countSupply", own, 1, map[string]any{"units": 1}), 409, problem.IllegalTransition)
	s.dose(2, 100, from(own, 2))
	s.holds("a dose of what was struck out", 100)
}

// unitDeviations are what a session shows of its units, to staff, while the guard is on.
func (s *shelf) unitDeviations() {
	t := s.t
	units := func(a apitest.Answer) string {
		shown := s.site.Must(t, s.call("showSession", s.Clinic.Clinician, nil, "sessionId", a.Text("id")))
		var found []string
		for _, rule := range strings.Split(rules(shown), ", ") {
			if rule == "unitsUnaccounted" || rule == "beyondUse" || rule == "unitsMismatch" {
				found = append(found, rule)
			}
		}
		return strings.Join(found, ", ")
	}
	early := s.dose(60, 100)
	if early.JSON("deviations") != nil {
		t.Errorf("the patient sees %s", early.Body)
	}
	if got := units(early); got != "unitsUnaccounted" {
		t.Errorf("nobody knows of what: %q", got)
	}
	late := s.dispensed(0, map[string]any{"units": 3})
	if got := units(early); got != "" {
		t.Errorf("a dispense told later accounts for it: %q", got)
	}
	expired := s.dispensed(1, map[string]any{"units": 2, "beyondUseDate": "2026-11-01"})
	if got := units(s.dose(70, 100)); got != "beyondUse" {
		t.Errorf("one of them has expired: %q", got)
	}
	mismatch := s.dose(80, 50, from(expired, 2))
	if got := units(mismatch); got != "beyondUse, unitsMismatch" {
		t.Errorf("said more than was taken: %q", got)
	}
	s.voidDispense(late)
	if got := units(early) + "; " + units(mismatch); got != "beyondUse; unitsUnaccounted, unitsMismatch" {
		t.Errorf("without the first dispense: %q", got)
	}
	for _, alert := range s.alerts() {
		if !strings.HasPrefix(alert, "INVENTORY_MISMATCH medium of a session") && strings.HasPrefix(alert, "INVENTORY") {
			t.Errorf("alert: %s", alert)
		}
	}
}

// beforeTheParcel: a session can be planned before the units for it have come.
func (s *shelf) beforeTheParcel() {
	expect(s.t, "nothing at home", s.site.Do(s.t, s.call("scheduleSession", s.Patient, map[string]any{
		"plannedAt": s.site.Clock.Now().Add(time.Hour).Format(time.RFC3339), "timeZone": "America/New_York",
	})), 201, "")
}

// unitsAtTheGate: a dose is not cleared without the units that make it.
func (s *shelf) unitsAtTheGate() {
	t := s.t
	plan := s.call("scheduleSession", s.Patient, map[string]any{
		"plannedAt": s.site.Clock.Now().Add(time.Hour).Format(time.RFC3339), "timeZone": "America/New_York",
	})
	planned := s.dispensed(0, nil)
	session := s.site.Must(t, plan).Text("id")
	s.site.Must(t, s.call("voidDispense", s.Clinic.Clinician, map[string]any{"reason": "Never handed out."}, "dispenseId", planned))
	units := func() (list []string) {
		t.Helper()
		s.site.Clock.Advance(time.Minute)
		s.site.Must(t, s.call("checkSession", s.Patient, check(s.Scene, nil), "sessionId", session))
		shown := s.site.Must(t, s.call("showSession", s.Clinic.Clinician, nil, "sessionId", session))
		for _, reason := range held(shown) {
			if strings.HasSuffix(reason, "noUnits") || strings.HasSuffix(reason, "unitsCannotMakeDose") {
				list = append(list, reason)
			}
		}
		return list
	}
	expectHeld := func(what string, want ...string) {
		t.Helper()
		if got := units(); !slices.Equal(got, want) {
			t.Errorf("%s: held for %q, want %q", what, got, want)
		}
	}
	expectHeld("nothing at home", "stop noUnits")
	s.dispensed(0, map[string]any{"strengthMg": 30})
	expectHeld("units that cannot make it", "hold unitsCannotMakeDose")
	lot := s.dispensed(0, map[string]any{"units": 2})
	expectHeld("two tablets")
	s.report("reportSupplyLoss", lot, 0, map[string]any{"units": 1, "cause": "lost"})
	expectHeld("one tablet", "hold unitsCannotMakeDose")
}

// TestSupplyOfTwoPhones: two phones record doses of one patient at once. No unit is taken twice:
// there are units for all but 350 mg.
func TestSupplyOfTwoPhones(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		const rounds = 10
		p := newShelf(t, s.Clinic(t, "Phones"))
		p.dispensed(0, map[string]any{"units": 3*rounds - 1})
		p.dispensed(0, map[string]any{"units": 4, "beyondUseDate": "2027-06-01"})
		var wg sync.WaitGroup
		for phone := range 2 {
			wg.Go(func() {
				for n := range rounds {
					p.dose(1+n*2+phone, 100)
				}
			})
		}
		wg.Wait()
		p.holds("all the doses", 350)
	})
}
