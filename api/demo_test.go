package api

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// The demos of these tests are started in the afternoon of their last day.
const demoDay = "2026-11-20"

var demoNow = time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)

func openDemo(t *testing.T, dir string, o DemoOptions) *Server {
	t.Helper()
	s, err := OpenDemo(t.Context(), Config{Data: dir, Now: func() time.Time { return demoNow }}, o)
	if err != nil {
		t.Fatalf("open demo: %v", err)
	}
	return s
}

// TestDemo fills a demo and looks at it from all sides.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	s := openDemo(t, dir, DemoOptions{Seed: 7, Today: demoDay})
	t.Run("is the same for a seed and a day", func(t *testing.T) { sameDemo(t, dir) })
	t.Run("knows every state", func(t *testing.T) { everyState(t, s) })
	t.Run("plans ahead and nothing else", func(t *testing.T) { nothingAhead(t, dir) })
	t.Run("has patients who get better, stay, get worse", func(t *testing.T) { courses(t, s) })
	t.Run("keeps real time", func(t *testing.T) { realTime(t, s) })
	t.Run("hands out tokens", func(t *testing.T) { demoTokens(t, dir, s) })
	t.Run("introduces itself with requests that work", func(t *testing.T) { pasted(t, s) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("goes on with what is there", func(t *testing.T) { goesOn(t, dir) })
}

// TestDemoInAnotherYear: the story can be told of any day, also when the law asks for more.
func TestDemoInAnotherYear(t *testing.T) {
	now := time.Date(2028, 2, 29, 20, 0, 0, 0, time.UTC)
	s, err := OpenDemo(t.Context(), Config{Data: t.TempDir(), Now: func() time.Time { return now }}, DemoOptions{Seed: 3})
	if err != nil {
		t.Fatalf("open demo: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// sameDemo resets another folder, with a key of its own and something that is no database, to
// the demo in dir.
func sameDemo(t *testing.T, dir string) {
	other := t.TempDir()
	key := filepath.Join(other, "signing.key")
	if _, _, err := loadSecret(key, true); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, key)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.WriteFile(filepath.Join(other, "titrate.db"+suffix), []byte("not a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openDemo(t, other, DemoOptions{Seed: 7, Today: demoDay, Reset: true})
	defer s.Close()
	if !bytes.Equal(readFile(t, key), before) {
		t.Error("the reset has changed the key")
	}
	got, want := dump(t, other), dump(t, dir)
	if len(want) < 5000 {
		t.Errorf("%d rows in the demo", len(want))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("filled again (-want +got):\n%.2000s", diff)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dump is every row of every table, without what is random by intent: invitations and tickets are
// kept as hashes of random codes, answers are sealed and the journal is signed with keys of the
// folder, and written is not the story's time.
func dump(t *testing.T, dir string) (rows []string) {
	t.Helper()
	random := []string{"invitations.code_hash", "support_tickets.ticket_hash", "idempotency_records.body", "journal.written", "journal_seals.signature"}
	var tables []string
	query(t, dir, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`,
		func(_ []string, v []any) { tables = append(tables, fmt.Sprint(v[0])) })
	for _, table := range tables {
		query(t, dir, `SELECT * FROM "`+table+`"`, func(columns []string, values []any) {
			for i := range values {
				if slices.Contains(random, table+"."+columns[i]) {
					values[i] = "random"
				}
			}
			rows = append(rows, fmt.Sprint(table, values))
		})
	}
	slices.Sort(rows)
	return rows
}

// query looks into the database of the demo.
func query(t *testing.T, dir, q string, row func(columns []string, values []any)) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "titrate.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	for rows.Next() && err == nil {
		values := make([]any, len(columns))
		pointers := make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		err = rows.Scan(pointers...)
		row(columns, values)
	}
	if err := cmp.Or(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
}

// record is any record of the API.
type record = map[string]any

// list asks in the name of a role for all items of a list.
func list(t *testing.T, s *Server, role, path string) (items []record) {
	t.Helper()
	r := get(t, s, role, path)
	if r.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, r.status, r.body.Bytes())
	}
	page := struct {
		Items      []record
		NextCursor *string
	}{}
	if err := json.Unmarshal(r.body.Bytes(), &page); err != nil || page.NextCursor != nil {
		t.Fatalf("%s: err %v, next page %v", path, err, page.NextCursor)
	}
	return page.Items
}

func get(t *testing.T, s *Server, role, path string) reply {
	t.Helper()
	token, err := s.demoToken(role)
	if err != nil {
		t.Fatal(err)
	}
	q, err := inProcess(t.Context(), token, http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{header: http.Header{}}
	s.Handler().ServeHTTP(&r, q)
	return r
}

// notYet are the alerts that nothing in the demo raises.
var notYet = []treatment.AlertRule{
	treatment.AlertConsentExpiring,
}

// everyState counts what the API shows. A clearance lapses within the hour, so that no session
// is cleared in the morning, and nobody in the demo dies.
func everyState(t *testing.T, s *Server) {
	got := tally{t: t, s: s, found: map[string]int{}}
	patients := got.count("patient", "/patients?limit=200", "status", "signedIn")
	if got, want := len(patients), 24; got != want {
		t.Errorf("got %d patients, want %d", got, want)
	}
	for _, p := range patients {
		of := fmt.Sprintf("/patients/%s/", p["id"])
		got.count("consultation", of+"consultations?limit=200", "status")
		got.count("consent", of+"consents?limit=200", "status")
		got.count("visit", of+"visits?limit=200", "status")
		got.count("follow-up", of+"follow-ups?limit=200", "status", "for", "series")
		got.count("medication", of+"medications?limit=200", "status")
		got.count("adverse event", of+"adverse-events?limit=200", "status")
		got.count("supply", of+"supply/entries?limit=200", "kind")
		got.count("assessment", of+"assessments?limit=200", "status", "safety", "prorated")
		for _, c := range got.count("treatment", of+"treatments", "phase", "onHold", "discontinueReason") {
			got.course(fmt.Sprintf("/treatments/%s/", c["id"]))
		}
	}
	got.count("alert", "/alerts?limit=200", "status", "rule", "severity", "outcome")
	got.count("alert rules", "/alert-rules", "revision")
	for _, a := range list(t, s, rolePrescriber, "/alerts?limit=200") {
		if a["severity"] != a["foundSeverity"] {
			got.found["alert made graver"]++
		}
	}

	want := slices.Concat([]string{
		"patient status active", "patient status inactive", "patient status transferred",
		"treatment onHold true", "treatment discontinueReason inefficacy", "treatment discontinueReason transferred",
		"prescription onHold true", "prescription dispensed none", "prescription dispensed some", "prescription dispensed all",
		"session escalated true", "session planned false", "session boosted true", "hold consentWithdrawn",
		"assessment safety positive", "assessment safety unknown", "assessment prorated true",
		"deviation doseAbovePrescribed", "deviation intervalShort", "deviation completedEarly", "deviation noVitalsAfterDose",
		"deviation noClearance", "deviation holdOverridden", "deviation supportPersonLeft", "deviation attestationMissing", "deviation expired",
		"alert rules revision 1", "alert made graver", "alert severity critical", "alert severity high", "alert severity medium", "alert outcome handled", "alert outcome falseAlarm",
	},
		each("consultation status", treatment.ConsultationStatuses), []string{"consultation status expired"},
		each("consent status", treatment.ConsentStatuses), []string{"consent status expired"},
		each("treatment phase", treatment.Phases), each("prescription status", treatment.PrescriptionStatuses),
		[]string{"adjustment source engine", "suggestion suggestion increase", "suggestion named true"},
		each("adjustment status", treatment.AdjustmentStatuses), each("adverse event status", treatment.AdverseEventStatuses),
		each("visit status", treatment.VisitStatuses), each("follow-up status", treatment.FollowUpStatuses), each("follow-up for", treatment.Audiences), each("supply kind", treatment.SupplyKinds),
		each("assessment status", treatment.AssessmentStatuses), each("alert rule", without(treatment.AlertRules, notYet...)), each("alert status", treatment.AlertStatuses),
		each("session status", without(treatment.SessionStatuses, treatment.SessionCleared)))
	for _, w := range want {
		if got.found[w] == 0 {
			t.Errorf("none: %s", w)
		}
	}
}

// tally counts what the lists of the API have.
type tally struct {
	t     *testing.T
	s     *Server
	found map[string]int
}

// count counts the values that some members have in a list.
func (c tally) count(noun, path string, members ...string) []record {
	c.t.Helper()
	items := list(c.t, c.s, rolePrescriber, path)
	for _, item := range items {
		for _, m := range members {
			if v, is := item[m]; is && v != nil {
				c.found[fmt.Sprintf("%s %s %v", noun, m, v)]++
			}
		}
		deviations, _ := item["deviations"].([]any)
		for _, d := range deviations {
			c.found[fmt.Sprint("deviation ", d.(record)["rule"])]++
		}
		holds, _ := item["holds"].([]any)
		for _, h := range holds {
			c.found[fmt.Sprint("hold ", h.(record)["reason"])]++
		}
	}
	return items
}

func (c tally) course(of string) {
	c.count("adjustment", of+"adjustments?limit=200", "status", "source")
	for _, s := range c.count("suggestion", of+"suggestions?limit=200", "suggestion", "rule") {
		c.found[fmt.Sprint("suggestion named ", len(s["adjustmentIds"].([]any)) > 0)]++
	}
	for _, p := range c.count("prescription", of+"prescriptions?limit=200", "status", "onHold", "dispensed") {
		c.count("dispense", fmt.Sprintf("/prescriptions/%s/dispenses?limit=200", p["id"]))
	}
	for _, session := range c.count("session", of+"sessions?limit=200", "status", "escalated", "checkedIn") {
		c.found[fmt.Sprint("session planned ", session["plannedAt"] != nil)]++
		c.found[fmt.Sprint("session boosted ", session["boosterMg"] != 0.0)]++
	}
}

func without[T comparable](list []T, some ...T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return slices.Contains(some, v) })
}

func each[T ~string](noun string, words []T) (list []string) {
	for _, w := range words {
		list = append(list, noun+" "+string(w))
	}
	return list
}

// nothingAhead holds every time in the records against the day's beginning where the clinic is.
func nothingAhead(t *testing.T, dir string) {
	ahead := []string{"planned_at", "due_at", "expires_at", "expiring_at", "overdue_at", "missed_at", "check_in_due_at", "contact_from", "response_from", "supply_from", "no_drive_until", "at"} // "at" is a session's plan
	midnight := time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)
	var struck, tomorrow int
	for _, table := range []string{"patients", "treatments", "prescriptions", "sessions", "session_facts", "measurements", "assessments", "alerts", "journal"} {
		query(t, dir, `SELECT * FROM `+table, func(columns []string, values []any) {
			for i, v := range values {
				at, is := v.(time.Time)
				switch {
				case is && columns[i] == "planned_at" && at.Sub(midnight) > 24*time.Hour && at.Sub(midnight) < 48*time.Hour:
					tomorrow++
				case is && !slices.Contains(ahead, columns[i]) && at.After(midnight):
					t.Errorf("%s.%s is %v", table, columns[i], at)
				case columns[i] == "struck_out_at" && is:
					struck++
				}
			}
		})
	}
	if tomorrow == 0 || struck == 0 {
		t.Errorf("%d sessions planned for tomorrow, %d facts struck out", tomorrow, struck)
	}
}

// courses compares the first and the last PHQ-9 of each patient.
func courses(t *testing.T, s *Server) {
	var better, same, worse int
	for _, p := range list(t, s, roleClinician, "/patients?limit=200") {
		var totals []float64 // newest first
		for _, a := range list(t, s, roleClinician, fmt.Sprintf("/patients/%s/assessments?limit=200&instrument=phq-9", p["id"])) {
			if total, scored := a["total"].(float64); scored && a["status"] != "enteredInError" {
				totals = append(totals, total)
			}
		}
		if len(totals) < 2 {
			continue
		}
		switch change := totals[0] - totals[len(totals)-1]; {
		case change <= -5:
			better++
		case change >= 5:
			worse++
		default:
			same++
		}
	}
	if better < 8 || same < 2 || worse < 1 {
		t.Errorf("better %d, the same %d, worse %d", better, same, worse)
	}
}

// realTime sees that neither clock nor ids nor limits are the story's any more.
func realTime(t *testing.T, s *Server) {
	if got := s.now(); !got.Equal(demoNow) {
		t.Errorf("the clock shows %v", got)
	}
	if a, b := s.newID(), s.newID(); a == b || a.Version() != 7 || time.Since(time.Unix(a.Time().UnixTime())).Abs() > time.Minute {
		t.Errorf("ids %v %v", a, b)
	}
	if r := get(t, s, roleAdmin, "/clinic"); r.header.Get("RateLimit") == "" {
		t.Error("requests are not counted")
	}
	if _, err := os.Stat(s.cfg.demoUnfinished()); err == nil {
		t.Error("the demo is still marked as unfinished")
	}
}

func demoTokens(t *testing.T, dir string, s *Server) {
	for _, role := range demoRoles {
		token, err := DemoToken(t.Context(), dir, role)
		if err != nil {
			t.Fatal(err)
		}
		// The command's clock is the machine's.
		v := newVerifier(demoIssuer, demoAudience, s.issuer, time.Now, s.log)
		id, err := v.verify(t.Context(), "Bearer "+token)
		v.Close()
		if err != nil || id.Subject != demoSubjects[role] {
			t.Errorf("%s: got %q, %v", role, id.Subject, err)
		}
		var me struct{ Memberships []record }
		if r := get(t, s, role, "/me"); json.Unmarshal(r.body.Bytes(), &me) != nil || len(me.Memberships) != 1 {
			t.Errorf("%s: %s", role, r.body.Bytes())
		}
	}
	if _, err := DemoToken(t.Context(), dir, "owner"); err == nil {
		t.Error("token for a role that is not there")
	}
	if _, err := DemoToken(t.Context(), t.TempDir(), roleAdmin); err == nil {
		t.Error("token for an empty folder")
	}
}

// pasted runs what the demo prints in a shell, as it stands.
func pasted(t *testing.T, s *Server) {
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	var text strings.Builder
	if err := s.Introduce(t.Context(), &text, web.URL); err != nil {
		t.Fatal(err)
	}
	var tokens, requests []string
	for line := range strings.Lines(text.String()) {
		switch name, _, found := strings.Cut(line, "='"); {
		case strings.HasPrefix(line, "curl "):
			requests = append(requests, line)
		case found && name == strings.ToUpper(name):
			tokens = append(tokens, line)
		}
	}
	if len(tokens) != 4 || len(requests) != 5 || !strings.Contains(text.String(), web.URL+"/docs") {
		t.Fatalf("printed:\n%s", text.String())
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("curl is not installed: the printed requests are not sent")
		return
	}
	var answers []record
	for _, request := range append(requests, requests[3:]...) { // those that write twice
		command := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(tokens, "")+request)
		out, err := command.CombinedOutput()
		answer := record{}
		if err == nil {
			err = json.Unmarshal(out, &answer)
		}
		if err != nil || answer["requestId"] != nil {
			t.Fatalf("%s%v\n%s", request, err, out)
		}
		answers = append(answers, answer)
	}
	for i, member := range []string{"memberships", "items", "items", "total", "id"} {
		if v := answers[i][member]; v == nil || fmt.Sprint(v) == "[]" {
			t.Errorf("%s: no %s", requests[i], member)
		}
	}
	for i := 3; i < len(requests); i++ {
		if first, again := answers[i]["id"], answers[i+2]["id"]; first != again {
			t.Errorf("%s made two records: %v %v", requests[i], first, again)
		}
	}
}

// goesOn opens the folder again: the patient whom the test before has added is still there.
func goesOn(t *testing.T, dir string) {
	s := openDemo(t, dir, DemoOptions{Seed: 8})
	defer s.Close()
	if got := len(list(t, s, roleClinician, "/patients?limit=200")); got < 24 {
		t.Errorf("%d patients", got)
	}
	if got := list(t, s, rolePatient, "/patients"); len(got) != 1 || got[0]["recordNumber"] != "R-1042" {
		t.Errorf("the patient sees %v", got)
	}
}
