package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// histories are the operations that show a history.
func histories(t *testing.T) (ids []string) {
	t.Helper()
	return slices.DeleteFunc(operations(t, "read"), func(id string) bool { return !strings.HasSuffix(id, "History") })
}

// TestHistories: whatever has versions has a history, and who may see the one may see the other. An instrument's
// has its licence in it.
func TestHistories(t *testing.T) {
	var want []string
	for _, r := range api.Records() {
		history := "show" + strings.ToUpper(r[0][:1]) + r[0][1:] + "History"
		if r[0] == "instrumentLicence" {
			history = "showInstrumentHistory"
		}
		want = append(want, history)
		shown, _ := apitest.Contract(t).Operation(r[1])
		told, known := apitest.Contract(t).Operation(history)
		if known && !slices.Equal(slices.Sorted(slices.Values(shown.Access)), slices.Sorted(slices.Values(told.Access))) {
			t.Errorf("%s is for %v, %s for %v", r[1], shown.Access, history, told.Access)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if got := slices.Sorted(slices.Values(histories(t))); !slices.Equal(got, want) {
		t.Errorf("no history: %v\na history of nothing: %v", without(want, got), without(got, want))
	}
}

// series are the histories of what has no record of its own; TestSeries looks at them.
var series = []string{"showInstrumentHistory", "showAlertRulesHistory"}

// TestHistoryIsWhatWasShown: whoever puts the changes of a history together gets, in each version, what the record
// showed them when it was at that version: no less, and nothing that was hidden from them.
func TestHistoryIsWhatWasShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c, compared := s.Clinic(t, "Versions"), map[string]int{}
		for _, operation := range append(operations(t, writes...), "showSuggestion") {
			scene, call := allowed(t, c, operation)
			calls := looks(t, scene)
			calls = slices.DeleteFunc(calls, func(call apitest.Call) bool {
				_, lists := listings[call.Operation]
				history := call.Operation + "History"
				return !lists && (slices.Contains(series, history) || !slices.Contains(histories(t), history))
			})
			seen := look(t, s, calls)
			s.Pass(t, time.Second)
			if done := s.Do(t, call); done.Status > 299 {
				t.Fatalf("%s: %d %s", operation, done.Status, done.Body)
			}
			for _, v := range append(seen, look(t, s, calls)...) {
				for _, one := range shownIn(v) {
					kind := one.history.Operation
					if one.changed() {
						kind += ", changed"
					}
					if compared[kind]++; compared[kind] <= 30 {
						compareVersion(t, s, one)
					}
				}
			}
		}
		for _, history := range histories(t) {
			kind := history + ", changed"
			if history == "showSuggestionHistory" { // what the rules say stays as it is
				kind = history
			}
			if compared[kind] == 0 && !slices.Contains(series, history) {
				t.Errorf("%s was not looked at", kind)
			}
		}
		t.Logf("versions compared: %v", compared)
	})
}

// listings are the lists of what is shown nowhere else, with the history of one of the records and the parameter
// that names it.
var listings = map[string][2]string{
	"listMeasurements":  {"showMeasurementHistory", "measurementId"},
	"listPdmpChecks":    {"showPdmpCheckHistory", "pdmpCheckId"},
	"listSupplyEntries": {"showSupplyEntryHistory", "supplyEntryId"},
	"listSupplySignals": {"showSupplySignalHistory", "supplySignalId"},
}

// exhibit is what was shown of a record, and the request for its history.
type exhibit struct {
	history apitest.Call
	at      time.Time
	body    map[string]any
}

// changed reports whether it is another version than the first, as far as it shows.
func (e *exhibit) changed() bool {
	version, _ := e.body["version"].(float64)
	return version > 1 || e.body["struckOut"] != nil
}

// shownIn are the records that an answer shows: the one that was asked for, those of a list, the facts of a session.
func shownIn(v glance) (list []exhibit) {
	add := func(operation string, path map[string]string, body map[string]any) {
		list = append(list, exhibit{apitest.Call{Operation: operation, Token: v.call.Token, Path: path, Query: "limit=200"}, v.at, body})
	}
	if v.answer.Status != 200 {
		return nil
	}
	if of, ok := listings[v.call.Operation]; ok {
		for _, item := range v.answer.Items() {
			add(of[0], map[string]string{of[1]: fmt.Sprint(item["id"])}, item)
		}
		return list
	}
	whole, _ := v.answer.JSON().(map[string]any)
	if v.call.Operation == "showSession" {
		for _, member := range whole {
			facts, _ := member.([]any)
			for _, fact := range facts {
				if f, _ := fact.(map[string]any); f["id"] != nil {
					add("showSessionFactHistory", map[string]string{"sessionId": v.call.Path["sessionId"], "factId": fmt.Sprint(f["id"])}, f)
				}
			}
		}
	}
	add(v.call.Operation+"History", v.call.Path, whole)
	return list
}

// compareVersion compares what was shown with what the history says of that version; a fact, which does not show
// its version, with the version of that time.
func compareVersion(t *testing.T, s *apitest.Site, shown exhibit) {
	t.Helper()
	items := s.Do(t, shown.history).Items()
	slices.Reverse(items)
	var got any
	for _, item := range items {
		number, _ := item["version"].(float64)
		at, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(item["at"]))
		if version, ok := shown.body["version"].(float64); ok && number <= version || !ok && !at.After(shown.at) {
			got = applied(got, item["changes"])
		}
	}
	want := maps.Clone(shown.body)
	delete(want, "version")
	delete(want, "updatedAt")
	if fact, ok := got.(map[string]any); ok && shown.history.Operation == "showSessionFactHistory" {
		for _, judged := range []string{"cleared", "reasons", "instructions"} { // with the session, not the check
			delete(want, judged)
			delete(fact, judged)
		}
	}
	if !reflect.DeepEqual(got, any(want)) {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		t.Errorf("%s at %s:\n%s\nwas shown as\n%s", shown.history.Operation, shown.at, a, b)
	}
}

// applied is a JSON value after changes.
func applied(record, changes any) any {
	list, _ := changes.([]any)
	slices.Reverse(list) // what goes at the end of a list goes first
	for _, c := range list {
		change, _ := c.(map[string]any)
		path, _ := change["pointer"].(string)
		to, there := change["to"]
		record = placed(record, strings.Split(path, "/")[1:], to, there)
	}
	return pruned(record)
}

type gone struct{}

func placed(record any, path []string, to any, there bool) any {
	if len(path) == 0 {
		if !there {
			return gone{}
		}
		return to
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch r := record.(type) {
	case map[string]any:
		r[name] = placed(r[name], path[1:], to, there)
		return r
	case []any:
		i, _ := strconv.Atoi(name)
		for len(r) <= i {
			r = append(r, nil)
		}
		r[i] = placed(r[i], path[1:], to, there)
		return r
	}
	return fmt.Sprintf("no place for %v", path)
}

// pruned is a value without what is gone.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if v[name] = pruned(member); v[name] == (gone{}) {
				delete(v, name)
			}
		}
	case []any:
		list := []any{}
		for _, item := range v {
			if item = pruned(item); item != (gone{}) {
				list = append(list, item)
			}
		}
		return list
	}
	return v
}

// TestHistoryTells: who, when and why.
func TestHistoryTells(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Told")
		scene := c.For(t, "endMedication")
		begun := s.Clock.Now()
		s.Pass(t, time.Hour)
		end := scene.Call(t, "endMedication")
		end.Token, end.Header["X-Request-Id"] = c.Clinician.Token, "it-was-me"
		ended := s.Do(t, end)
		expect(t, "ended", ended, 200, "")
		call := scene.Call(t, "showMedicationHistory")
		call.Token = c.Prescriber.Token
		items := s.Do(t, call).Items()
		if len(items) != 2 {
			t.Fatalf("%d versions", len(items))
		}
		last, first := items[0], items[1]
		for what, pair := range map[string][2]any{
			"version":         {last["version"], 2.0},
			"operation":       {last["operation"], "endMedication"},
			"event":           {last["event"], "medication.ended"},
			"request":         {last["requestId"], "it-was-me"},
			"actor":           {last["actor"], map[string]any{"kind": "staff", "id": c.Clinician.ID.String()}},
			"reason":          {last["reason"], ended.JSON("endReason")},
			"at":              {last["at"], begun.Add(time.Hour).UTC().Format(time.RFC3339Nano)},
			"first operation": {first["operation"], "recordMedication"},
			"first actor":     {first["actor"], map[string]any{"kind": "patient", "id": scene.Patient.ID.String()}},
			"first reason":    {first["reason"], nil},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
			}
		}
	})
}

// TestHistoryHides: a patient's history of a session has no word of what is hidden from patients, and that of staff
// none of the diary.
func TestHistoryHides(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Hidden")
		scene := c.For(t, "reviewSession")
		note := scene.Call(t, "recordObservation")
		note.Token = scene.Patient.Token
		note.Body.(map[string]any)["journalText"], note.Body.(map[string]any)["journalShared"] = "Geheimtagebuch", false
		s.Must(t, note)
		session := scene.Call(t, "showSession")
		session.Token = c.Prescriber.Token
		review := scene.Call(t, "reviewSession")
		review.Token, review.Header["If-Match"] = c.Prescriber.Token, s.Must(t, session).Header.Get("ETag")
		review.Body = map[string]any{"note": "Prüfvermerk"}
		s.Must(t, review)
		call := scene.Call(t, "showSessionHistory")
		for _, who := range []struct {
			token         string
			hidden, shown []string
		}{
			{scene.Patient.Token, []string{"Prüfvermerk", "deviations", "reviewedBy"}, []string{"Geheimtagebuch"}},
			{c.Prescriber.Token, []string{"Geheimtagebuch"}, []string{"Prüfvermerk", "deviations", "reviewedBy"}},
		} {
			call.Token = who.token
			got := s.Must(t, call).Body
			for _, text := range who.hidden {
				if bytes.Contains(got, []byte(text)) {
					t.Errorf("shows %s: %s", text, got)
				}
			}
			for _, text := range who.shown {
				if !bytes.Contains(got, []byte(text)) {
					t.Errorf("does not show %s: %s", text, got)
				}
			}
		}
	})
}
