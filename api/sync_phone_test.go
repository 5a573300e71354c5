package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
)

// copied are the kinds of records that a copy of a chart has, with where they are and what shows them: one
// operation, or a list. It is written here a second time.
var copied = map[string]struct{ table, show string }{
	"patient": {"patients", "showPatient"}, "supportPerson": {"support_people", "showSupportPerson"},
	"consultation": {"consultations", "showConsultation"}, "consent": {"consents", "showConsent"},
	"treatment": {"treatments", "showTreatment"}, "prescription": {"prescriptions", "showPrescription"},
	"dispense": {"dispenses", "showDispense"}, "supplyEntry": {"supply_entries", "listSupplyEntries"},
	"session": {"sessions", "showSession"}, "assessment": {"assessments", "showAssessment"},
	"measurement": {"measurements", "listMeasurements"}, "medication": {"medications", "showMedication"},
	"adverseEvent": {"adverse_events", "showAdverseEvent"}, "followUp": {"follow_ups", "showFollowUp"},
	"visit": {"visits", "showVisit"}, "adjustment": {"adjustments", "showAdjustment"},
	"suggestion": {"suggestions", "showSuggestion"}, "alert": {"alerts", "showAlert"},
	"supplySignal": {"supply_signals", "listSupplySignals"}, "pdmpCheck": {"pdmp_checks", "listPdmpChecks"},
}

// ids are those of a patient's records in a table.
func ids(t testing.TB, db testbed.Database, table, patient string) []string {
	t.Helper()
	column := "patient_id"
	if table == "patients" {
		column = "id"
	}
	return db.Column(t, `SELECT CAST(id AS TEXT) FROM `+table+` WHERE CAST(`+column+` AS TEXT) = $1 ORDER BY 1`, patient)
}

// chartOf is all that somebody may read of a patient, as the operations that show it answer now.
func chartOf(t testing.TB, s *apitest.Site, db testbed.Database, patient, token string) map[string]any {
	t.Helper()
	chart := map[string]any{}
	for word, kind := range copied {
		if strings.HasPrefix(kind.show, "list") {
			call := apitest.Call{Operation: kind.show, Token: token, Path: map[string]string{"patientId": patient}, Query: "limit=200"}
			for a := s.Send(t, call); a.Status == 200; a = s.Send(t, call) {
				for _, item := range a.Items() {
					chart[word+" "+fmt.Sprint(item["id"])] = item
				}
				if a.Text("nextCursor") == "" {
					break
				}
				call.Query = "limit=200&cursor=" + a.Text("nextCursor")
			}
			continue
		}
		for _, id := range ids(t, db, kind.table, patient) {
			if a := s.Send(t, apitest.Call{Operation: kind.show, Token: token, Path: map[string]string{word + "Id": id}}); a.Status == 200 {
				chart[word+" "+id] = a.JSON()
			}
		}
	}
	return chart
}

// copyOf is what a client has, in the same form.
func copyOf(t testing.TB, chart *client.Sync) map[string]any {
	t.Helper()
	have := map[string]any{}
	for key, item := range chart.Records {
		var v any
		if err := json.Unmarshal(item.Data, &v); err != nil {
			t.Fatal(err)
		}
		have[key.Type+" "+key.ID.String()] = v
	}
	return have
}

// sameAs compares a copy with what the server shows.
func sameAs(t testing.TB, what string, want, have map[string]any) {
	t.Helper()
	names := slices.Sorted(maps.Keys(want))
	for name := range have {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	wrong := 0
	for _, name := range names {
		if !reflect.DeepEqual(want[name], have[name]) {
			if wrong++; wrong <= 3 {
				t.Errorf("%s: %s (-server +copy):\n%s", what, name, cmp.Diff(want[name], have[name]))
			}
		}
	}
	if wrong > 0 {
		t.Fatalf("%s: %d of %d records differ", what, wrong, len(names))
	}
}

// weakLine loses requests before they are sent, answers, and parts of answers.
type weakLine struct {
	random *rand.Rand
	weak   bool
	cuts   int
}

var errCut = errors.New("the line was cut")

func (l *weakLine) RoundTrip(r *http.Request) (*http.Response, error) {
	fault := 3
	if l.weak {
		fault = l.random.IntN(5)
	}
	if fault == 0 {
		l.cuts++
		return nil, errCut
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || fault > 2 {
		return res, err
	}
	l.cuts++
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || fault == 1 {
		return nil, errors.Join(err, errCut)
	}
	part := body[:l.random.IntN(len(body))]
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(part), cutReader{}))
	return res, nil
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errCut }

// handset is a phone or a tablet with a copy of a chart.
type handset struct {
	line   *weakLine
	client *client.ClientWithResponses
	token  string
	chart  client.Sync
	old    []client.Sync // copies as they were stored
}

func newHandset(t testing.TB, s *apitest.Site, random *rand.Rand, who *apitest.Person, chart client.Sync) *handset {
	t.Helper()
	h := &handset{line: &weakLine{random: random}, token: who.Token, chart: chart}
	var err error
	if h.client, err = client.New(s.URL, client.Token(who.Token), client.WithHTTPClient(&http.Client{Transport: h.line})); err != nil {
		t.Fatal(err)
	}
	return h
}

// tryOut follows the chart over a weak line. Sometimes the phone goes back to what it had stored before, asks
// with an old token again, or takes a page over twice.
func (h *handset) tryOut(t testing.TB) {
	t.Helper()
	random := h.line.random
	h.line.weak = true
	h.chart.Limit = 1 + random.IntN(12)
	if random.IntN(3) == 0 {
		h.old = append(h.old, h.chart)
		h.old[len(h.old)-1].Records = maps.Clone(h.chart.Records)
	}
	if n := len(h.old); n > 0 {
		at := max(0, n-1-random.IntN(4))
		old := h.old[at]
		switch random.IntN(12) {
		case 0: // restored: what was stored later is lost
			h.chart.Token, h.chart.Records, h.old = old.Token, maps.Clone(old.Records), h.old[:at+1]
		case 1: // the newer copy with an older token
			h.chart.Token = old.Token
		}
	}
	before := h.chart.Token
	err := h.chart.Follow(t.Context(), h.client)
	if err == nil && random.IntN(4) == 0 {
		h.chart.Token = before // the page is taken over again
		err = h.chart.Follow(t.Context(), h.client)
	}
	if err != nil && !errors.Is(err, errCut) && !strings.Contains(err.Error(), errCut.Error()) {
		t.Fatalf("follow: %v", err)
	}
}

// arrives follows the chart over a good line.
func (h *handset) arrives(t testing.TB) {
	t.Helper()
	h.line.weak = false
	if err := h.chart.Follow(t.Context(), h.client); err != nil {
		t.Fatalf("follow: %v", err)
	}
}

// traffic is what others do with a patient meanwhile.
type traffic struct {
	*apitest.Scene
	db     testbed.Database
	random *rand.Rand
	done   map[string]int
}

// endings are what would end a treatment: they are drawn more rarely than others.
var endings = []string{"discontinueTreatment", "voidSession", "voidPrescription", "stopPrescription", "changePatientStatus", "withdrawConsent",
	"retireConsentTemplate", "voidDispense", "cancelSession", "changePhase", "holdTreatment", "holdPrescription"}

// one lets somebody do something, which may be refused.
func (w *traffic) one(t testing.TB) {
	t.Helper()
	writable := writableOn(t)
	operation := writable[w.random.IntN(len(writable))]
	if slices.Contains(endings, operation) && w.random.IntN(8) > 0 {
		operation = []string{"recordMeasurement", "checkSession", "recordVitals", "recordDose", "recordMedication", "scheduleSession"}[w.random.IntN(6)]
	}
	version := ""
	for word, kind := range copied {
		if list := ids(t, w.db, kind.table, w.IDs["patient"]); len(list) > 0 {
			w.IDs[word] = list[w.random.IntN(len(list))]
		}
	}
	w.IDs["consentTemplate"] = anyOf(w.random, w.db.Column(t, `SELECT CAST(template_id AS TEXT) FROM consents WHERE CAST(id AS TEXT) = $1`, w.IDs["consent"]))
	w.IDs["fact"] = anyOf(w.random, w.db.Column(t, `SELECT CAST(id AS TEXT) FROM session_facts WHERE CAST(session_id AS TEXT) = $1`, w.IDs["session"]))
	op, _ := apitest.Contract(t).Operation(operation)
	first := strings.TrimSuffix(op.Params[0].Name, "Id")
	switch kind, known := copied[first]; {
	case known:
		version = anyOf(w.random, w.db.Column(t, `SELECT CAST(version AS TEXT) FROM `+kind.table+` WHERE CAST(id AS TEXT) = $1`, w.IDs[first]))
	case operation == "updateClinic":
		version = w.db.Column(t, `SELECT CAST(version AS TEXT) FROM clinics WHERE CAST(id AS TEXT) = $1`, w.Clinic.ID.String())[0]
	case operation == "retireConsentTemplate":
		version = "1"
	}
	call := w.Call(t, operation)
	call.Header = map[string]string{}
	if op.Kind == "decision" {
		call.Header["If-Match"] = `"` + version + `"`
	}
	if operation == "signPrescription" {
		call.Body = w.Reviewed(t)
	}
	w.now(call.Body)
	staff := []*apitest.Person{w.Clinic.Prescriber, w.Clinic.Cosigner, w.Clinic.Clinician, w.Clinic.Both}
	call.Token = staff[w.random.IntN(4)].Token
	if slices.Contains(op.Access, "patient") && (w.random.IntN(2) == 0 || !slices.Contains(op.Access, "clinician")) {
		call.Token = w.Patient.Token
	}
	if a := w.Clinic.Site.Send(t, call); a.Status < 300 {
		w.done[operation]++
	} else if a.Status >= 500 {
		t.Fatalf("%s: %d %s", operation, a.Status, a.Body)
	}
}

func anyOf(random *rand.Rand, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[random.IntN(len(list))]
}

// now moves an example's times to where the clock is.
func (w *traffic) now(body any) {
	now := w.Clinic.Site.Clock.Now()
	switch v := body.(type) {
	case map[string]any:
		for name, member := range v {
			switch name {
			case "occurredAt":
				v[name] = now.Add(-time.Duration(w.random.IntN(180)) * time.Minute).Format(time.RFC3339)
			case "plannedAt", "dueAt", "until", "snoozeUntil":
				v[name] = now.Add(time.Duration(1+w.random.IntN(96)) * time.Hour).Format(time.RFC3339)
			case "endedOn":
				v[name] = now.AddDate(0, 0, w.random.IntN(4)).Format(time.DateOnly)
			case "timeZone":
				v[name] = []string{"America/New_York", "Pacific/Honolulu", "Asia/Tokyo"}[w.random.IntN(3)]
			default:
				w.now(member)
			}
		}
	case []any:
		for _, item := range v {
			w.now(item)
		}
	}
}

// writableOn are the operations that are drawn from: those on a patient's records, and on the clinic's texts.
func writableOn(t testing.TB) (list []string) {
	t.Helper()
	for _, id := range operations(t, writes...) {
		op, _ := apitest.Contract(t).Operation(id)
		if len(op.Params) > 0 && op.Params[0].In == "path" && copied[strings.TrimSuffix(op.Params[0].Name, "Id")].table != "" || id == "updateClinic" || id == "retireConsentTemplate" {
			list = append(list, id)
		}
	}
	return list
}

// TestSyncCutOff: a phone and the clinic's tablet, each cut off at random again and again, restored, offline
// for days, end with what the operations show.
func TestSyncCutOff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		each := 250 // in each of four charts
		if s.Config.DatabaseURL != "" {
			each = 60 // slower, and other only in what one transaction sees
		}
		total, done := 0, map[string]int{}
		for round, begin := range []string{"reviewSession", "overrideHold", "applyAdjustment", "snoozeAlert"} {
			random := rand.New(rand.NewPCG(uint64(round), 5))
			c := s.Clinic(t, "Sync "+begin)
			w := &traffic{Scene: c.For(t, begin), db: db, random: random, done: done}
			c.For(t, "reviewSession") // somebody else's chart
			phone := newHandset(t, s, random, w.Patient, client.Sync{})
			tablet := newHandset(t, s, random, c.Clinician, client.Sync{PatientID: &w.Patient.ID})
			compare := func() {
				t.Helper()
				s.Pass(t, 0)
				for what, h := range map[string]*handset{"phone": phone, "tablet": tablet} {
					h.arrives(t)
					sameAs(t, fmt.Sprintf("round %d, %s", round, what), chartOf(t, s, db, w.IDs["patient"], h.token), copyOf(t, &h.chart))
				}
			}
			for step := 0; phone.line.cuts+tablet.line.cuts < each; step++ {
				for range random.IntN(3) {
					w.one(t)
				}
				switch random.IntN(16) {
				case 0:
					s.Pass(t, time.Duration(random.IntN(48))*time.Hour)
				case 1, 2, 3:
					s.Pass(t, time.Duration(random.IntN(90))*time.Minute)
				case 4:
					s.Clock.Advance(time.Duration(random.IntN(90)) * time.Minute) // the worker lags behind
				}
				[]*handset{phone, tablet}[random.IntN(2)].tryOut(t)
				if step%60 == 59 {
					compare()
				}
			}
			compare()
			total += phone.line.cuts + tablet.line.cuts
		}
		t.Logf("%d cuts; %v", total, done)
		if len(done) < 30 {
			t.Errorf("only %d kinds of operations have succeeded: %v", len(done), done)
		}
	})
}
