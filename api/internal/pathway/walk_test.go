package pathway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/pkg/problem"
)

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}()

// TestWalk: whatever is done with a patient, in whatever order, by whomever may, the server
// answers as the model says, and at the end everything that happened is there, once.
func TestWalk(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		site := apitest.New(t, dsn, func(c *api.Config) { c.Relaxed = true })
		clinic := site.Clinic(t, "Walks")
		begin := site.Clock.Now()
		rapid.Check(t, func(rt *rapid.T) {
			site.Clock.Advance(begin.Sub(site.Clock.Now()))
			w := newWalk(t, rt, clinic)
			w.until(rapid.SampledFrom(stations).Draw(rt, "station"))
			rt.Repeat(w.actions())
			w.audit()
		})
	})
}

// walk is one patient's way through the care.
type walk struct {
	*care
	t       *testing.T
	rt      *rapid.T
	clinic  *apitest.Clinic
	patient *apitest.Person
	party   party
	// templates are the consent texts, by kind.
	templates map[string]string
	begin     time.Time
}

func newWalk(t *testing.T, rt *rapid.T, clinic *apitest.Clinic) *walk {
	w := &walk{
		t: t, rt: rt, clinic: clinic, patient: clinic.Patient(t, "Walker"), begin: clinic.Site.Clock.Now(), templates: map[string]string{},
		care: &care{status: "active", consents: map[string]*consent{}},
	}
	for _, kind := range kinds {
		w.consents[kind] = &consent{}
	}
	w.party = party{record{"patient", w.patient.ID.String()}}
	w.now = w.begin
	return w
}

// thing is a record and how the server shows it.
type thing interface {
	where() record
	shown(now time.Time) map[string]any
}

type (
	party   struct{ record }
	booking struct{ record } // of a visit
)

func (r record) where() record { return r }

func (party) shown(time.Time) map[string]any   { return nil }
func (booking) shown(time.Time) map[string]any { return map[string]any{"status": "booked"} }
func (i *intake) shown(now time.Time) map[string]any {
	return map[string]any{"status": i.statusAt(now)}
}
func (k *consent) shown(now time.Time) map[string]any {
	return map[string]any{"status": k.statusAt(now)}
}

func (t *course) shown(time.Time) map[string]any {
	return map[string]any{"phase": t.phase, "onHold": t.hold}
}

func (o *order) shown(now time.Time) map[string]any {
	reason := any(nil)
	switch {
	case o.locked:
		reason = "refillLock"
	case o.hold:
		reason = "supply"
	}
	return map[string]any{"status": o.statusAt(now), "onHold": o.hold, "holdReason": reason, "doseMg": float64(o.mg)}
}

func (ch *change) shown(now time.Time) map[string]any {
	return map[string]any{"status": ch.statusAt(now)}
}
func (v *visit) shown(now time.Time) map[string]any     { return map[string]any{"status": v.statusAt(now)} }
func (q *questionnaire) shown(time.Time) map[string]any { return map[string]any{"status": q.status} }
func (m *medicine) shown(time.Time) map[string]any      { return map[string]any{"status": m.status} }
func (e *event) shown(time.Time) map[string]any         { return map[string]any{"status": e.status} }
func (l *lot) shown(time.Time) map[string]any           { return map[string]any{"units": float64(l.units)} }

var shows = map[string]string{
	"patient": "showPatient", "assessment": "showAssessment", "medication": "showMedication", "visit": "showVisit", "consultation": "showConsultation", "consent": "showConsent", "treatment": "showTreatment",
	"prescription": "showPrescription", "adjustment": "showAdjustment", "session": "showSession", "adverseEvent": "showAdverseEvent", "dispense": "showDispense",
}

// look reads a record and holds it against the model.
func (w *walk) look(x thing) apitest.Answer {
	r := x.where()
	a := w.clinic.Site.Must(w.t, apitest.Call{Operation: shows[r.noun], Token: w.clinic.Clinician.Token, Path: map[string]string{r.noun + "Id": r.id}})
	if v, ok := x.(*visit); ok && v.shaken {
		v.reviewed, v.shaken = v.reviewed && a.Text("status") == "reviewed", false
	}
	got := map[string]any{}
	for name := range x.shown(w.now) {
		got[name] = a.JSON(name)
	}
	if diff := cmp.Diff(x.shown(w.now), got); diff != "" && len(got) > 0 {
		w.rt.Fatalf("%s (-model +server):\n%s\n%s", r.noun, diff, a.Body)
	}
	return a
}

// do has somebody do something about a record, and holds the answer against what the model says.
// A decision is looked at before, and sometimes made on an old version first. What has succeeded
// is sometimes sent again, and then nothing happens.
func (w *walk) do(who *apitest.Person, operation string, about thing, body any, model func() problem.Code, ids ...string) (apitest.Answer, bool) {
	w.pass(time.Minute)
	op, _ := apitest.Contract(w.t).Operation(operation)
	call := w.call(who, operation, about, body, ids...)
	if op.Kind == "decision" {
		etag := w.look(about).Header.Get("ETag")
		if rapid.IntRange(0, 9).Draw(w.rt, "stale") == 0 {
			call.Header["If-Match"] = `"999"`
			w.expect(operation+" of an old version", w.clinic.Site.Do(w.t, call), problem.Stale)
			call.Header["Idempotency-Key"] = uuid.NewString()
		}
		call.Header["If-Match"] = etag
	}
	if v, ok := about.(*visit); ok && v.shaken {
		w.look(v)
	}
	want := model()
	a := w.clinic.Site.Do(w.t, call)
	w.expect(operation, a, want)
	if want == fine && rapid.IntRange(0, 9).Draw(w.rt, "again") == 0 {
		again := w.clinic.Site.Do(w.t, call)
		w.expect(operation+" again", again, fine)
		if again.Header.Get("Idempotent-Replayed") != "true" || again.Text("id") != a.Text("id") || again.JSON("version") != a.JSON("version") {
			w.rt.Fatalf("%s again: %v\n%s\n%s", operation, again.Header, a.Body, again.Body)
		}
	}
	return a, want == fine
}

// call is the request for it.
func (w *walk) call(who *apitest.Person, operation string, about thing, body any, ids ...string) apitest.Call {
	r := about.where()
	call := apitest.Call{Operation: operation, Token: who.Token, Body: body, Path: map[string]string{r.noun + "Id": r.id}, Header: map[string]string{}}
	for i := 0; i < len(ids); i += 2 {
		call.Path[ids[i]] = ids[i+1]
	}
	if op, _ := apitest.Contract(w.t).Operation(operation); op.Kind != "fact" {
		call.Header["Idempotency-Key"] = uuid.NewString()
	}
	return call
}

func (w *walk) expect(what string, a apitest.Answer, want problem.Code) {
	w.rt.Logf("%s %s: %d %s", w.now.Format("01-02 15:04"), what, a.Status, a.Text("code"))
	if got := problem.Code(a.Text("code")); got != want || a.Status < 300 != (want == fine) {
		w.rt.Fatalf("%s: %d %q, the model says %q\n%s\n%s", what, a.Status, got, want, a.Body, w)
	}
}

// String shows the model when something is wrong with it.
func (w *walk) String() string {
	return fmt.Sprintf("at %s\nintakes %+v\ncourses %+v", w.now, dump(w.intakes), dump(w.courses))
}

func dump[T any](list []T) (text string) {
	for _, one := range list {
		text += fmt.Sprintf("%+v\n", one)
	}
	return text
}

func (w *walk) pass(d time.Duration) {
	w.clinic.Site.Clock.Advance(d)
	w.now = w.now.Add(d)
}

// told is a fact that the patient tells now.
func (w *walk) told(members map[string]any) map[string]any {
	fact := map[string]any{
		"id": uuid.NewString(), "occurredAt": w.now.Add(time.Minute).Format(time.RFC3339Nano), "timeZone": "America/New_York",
		"reportedBy": "patient", "mode": "app",
	} // do lets a minute pass
	maps.Copy(fact, members)
	return fact
}

// staff draws somebody of the clinic who may do what both prescribers and nurses may.
func (w *walk) staff() *apitest.Person {
	return pick(w, "staff", []*apitest.Person{w.clinic.Clinician, w.clinic.Prescriber, w.clinic.Cosigner})
}

func (w *walk) prescriber() *apitest.Person {
	return pick(w, "prescriber", []*apitest.Person{w.clinic.Prescriber, w.clinic.Cosigner})
}

// get reads something of the patient.
func (w *walk) get(operation, query string) apitest.Answer {
	return w.clinic.Site.Must(w.t, apitest.Call{
		Operation: operation, Token: w.clinic.Clinician.Token, Query: query, Path: map[string]string{"patientId": w.party.id},
	})
}

// alerts are those that nobody has resolved.
func (w *walk) alerts() (list []standing, items []map[string]any) {
	for _, item := range w.get("listAlerts", "limit=200&patientId="+w.party.id).Items() {
		if item["status"] == "resolved" {
			continue
		}
		source := item["source"].(map[string]any)
		list = append(list, standing{item["rule"].(string), item["severity"].(string), source["id"].(string)})
		items = append(items, item)
	}
	return list, items
}

// supply is the patient's, as the server has it.
type supply struct {
	Lots []struct {
		AmountMg      int
		BeyondUseDate string
	}
	Totals        struct{ AmountMg, DispensedMg, TakenMg, DisposedMg, LostMg, CountedMg int }
	UnaccountedMg int
}

func (w *walk) supply() (s supply) {
	if err := json.Unmarshal(w.get("showSupply", "").Body, &s); err != nil {
		w.rt.Fatal(err)
	}
	return s
}

// onHand is what is at home and good at a time, in mg.
func (w *walk) onHand(at time.Time) (mg int) {
	for _, l := range w.supply().Lots {
		if l.BeyondUseDate >= at.In(newYork).Format(time.DateOnly) {
			mg += l.AmountMg
		}
	}
	return mg
}
