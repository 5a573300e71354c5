package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// histories are the operations that show a history.
func histories(t *testing.T) (ids []string) {
	t.Helper()
	return slices.DeleteFunc(operations(t, "read"), func(id string) bool { return !strings.HasSuffix(id, "History") })
}

// TestHistoryIsWhatWasShown: whoever puts the changes of a history together gets, in each version, what the record
// showed them when it was at that version: no less, and nothing that was hidden from them.
func TestHistoryIsWhatWasShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c, compared := s.Clinic(t, "Versions"), map[string]int{}
		for _, operation := range append(operations(t, writes...), "showSuggestion") {
			scene, call := allowed(t, c, operation)
			calls := slices.DeleteFunc(looks(t, scene), func(call apitest.Call) bool {
				return !slices.Contains(histories(t), call.Operation+"History") || compared[call.Operation] > 50
			})
			seen := look(t, s, calls)
			s.Pass(t, time.Second)
			if done := s.Do(t, call); done.Status > 299 {
				t.Fatalf("%s: %d %s", operation, done.Status, done.Body)
			}
			for _, v := range append(seen, look(t, s, calls)...) {
				if v.answer.Status == 200 {
					compared[v.call.Operation] += compareVersion(t, s, v)
				}
			}
		}
		for _, history := range histories(t) {
			if compared[strings.TrimSuffix(history, "History")] == 0 {
				t.Errorf("%s was not looked at", history)
			}
		}
		t.Logf("versions compared: %v", compared)
	})
}

// compareVersion compares what was shown with what the history says of that version.
func compareVersion(t *testing.T, s *apitest.Site, v glance) int {
	t.Helper()
	call := v.call
	call.Operation, call.Query = call.Operation+"History", "limit=200"
	got := s.Do(t, call)
	items := got.Items()
	slices.Reverse(items)
	var record any
	version, _ := v.answer.JSON("version").(float64)
	for _, item := range items {
		if n, _ := item["version"].(float64); n <= version {
			record = applied(record, item["changes"])
		}
	}
	var want map[string]any
	if err := json.Unmarshal(v.answer.Body, &want); err != nil {
		t.Fatal(err)
	}
	delete(want, "version")
	delete(want, "updatedAt")
	if !reflect.DeepEqual(record, any(want)) {
		a, _ := json.Marshal(record)
		b, _ := json.Marshal(want)
		t.Errorf("%s, version %v by its history:\n%s\nwas shown as\n%s", v.call.Operation, version, a, b)
	}
	return 1
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
