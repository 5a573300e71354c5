package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// entry is a journal entry as the database has it.
type entry struct {
	ID, Clinic, At, Operation, Actor, Patient, Outcome string
	Events                                             []event
}

type event struct {
	Event, Record, ID string
	Version           int
	Hash              string
}

// entries reads the journal entries of a request.
func entries(t *testing.T, db testbed.Database, request string) (list []entry) {
	t.Helper()
	for _, id := range db.Column(t, `SELECT CAST(id AS TEXT) FROM journal WHERE request_id = $1`, request) {
		column := func(expression string) string {
			return db.Column(t, `SELECT `+expression+` FROM journal WHERE CAST(id AS TEXT) = $1`, id)[0]
		}
		e := entry{
			ID: id, Clinic: column("CAST(clinic_id AS TEXT)"), At: column("CAST(at AS TEXT)"), Operation: column("operation"),
			Actor: column("actor"), Patient: column("coalesce(CAST(patient_id AS TEXT), '')"), Outcome: column("outcome"),
		}
		if err := json.Unmarshal([]byte(column("events")), &e.Events); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// TestJournal: each write leaves one entry that says who did what to which version of which
// record, with the hash of what the history keeps of it.
func TestJournal(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := &counter{Clinic: s.Clinic(t, "Journal"), db: db}
		for _, operation := range operations(t, writes...) {
			scene, call := allowed(t, c.Clinic, operation)
			id := operation + "-" + uuid.NewString()[:8]
			m := wire(t, call).with("X-Request-Id", id)
			done := send(t, s, m)
			if done.Status > 299 {
				t.Fatalf("%s: %d %s", operation, done.Status, done.Body)
			}
			list := entries(t, db, id)
			if len(list) != 1 {
				t.Errorf("%s left %d entries", operation, len(list))
				continue
			}
			c.entry(t, operation, scene, call, done, list[0])
			c.stays(t, func() { send(t, s, m) })
		}
		t.Run("history", func(t *testing.T) { c.history(t) })
		t.Run("events", func(t *testing.T) { c.catalogue(t) })
	})
}

// entry checks one operation's entry.
func (c *counter) entry(t *testing.T, operation string, scene *apitest.Scene, call apitest.Call, done apitest.Answer, e entry) {
	t.Helper()
	op, _ := apitest.Contract(t).Operation(operation)
	actor := "staff:" + c.Clinician.ID.String()
	switch call.Token {
	case c.Prescriber.Token:
		actor = "staff:" + c.Prescriber.ID.String()
	case c.Admin.Token:
		actor = "staff:" + c.Admin.ID.String()
	case scene.Patient.Token:
		actor = "patient:" + scene.Patient.ID.String()
	}
	if operation == "redeemInvitation" {
		actor = "staff:" + done.Text("memberId")
	}
	if call.Ticket != "" {
		actor = "supportPerson:" + scene.IDs["supportPerson"]
	}
	if e.Operation != operation || e.Actor != actor || e.Outcome != "done" || e.Clinic != c.ID.String() {
		t.Errorf("%s by %s: %+v", operation, actor, e)
	}
	if at := strings.Replace(e.At, " ", "T", 1); !strings.HasPrefix(at, c.Site.Clock.Now().UTC().Format("2006-01-02T15:04:05")) {
		t.Errorf("%s: at %s, the clock shows %s", operation, e.At, c.Site.Clock.Now().Format(time.RFC3339))
	}
	patient := ""
	if op.Path != "/patients" && !slices.Contains([]string{"clinic", "staff", "me", "invitations", "protocols", "consent-templates", "instruments", "alert-rules", "webhook-endpoints", "deliveries"}, strings.Split(op.Path, "/")[1]) {
		patient = scene.Patient.ID.String()
	} else if op.Path == "/patients" {
		patient = done.Text("id")
	}
	if e.Patient != patient {
		t.Errorf("%s concerns patient %q, not %q", operation, patient, e.Patient)
	}
	shown := false
	for _, v := range e.Events {
		if verb := strings.Split(v.Event, "."); len(verb) != 2 || v.Record == "" || v.ID == "" {
			t.Errorf("%s: event %+v", operation, v)
		}
		shown = shown || v.ID == done.Text("id") && fmt.Sprint(v.Version) == fmt.Sprint(done.JSON("version"))
		if v.Version > 0 {
			c.version(t, operation, e, v)
		}
	}
	if done.JSON("version") != nil && done.Text("id") != "" && !shown {
		t.Errorf("%s answers version %v of %s, its entry has %+v", operation, done.JSON("version"), done.Text("id"), e.Events)
	}
	rows := c.db.Column(t, `SELECT record || ' ' || CAST(record_id AS TEXT) || ' ' || version FROM history WHERE CAST(entry_id AS TEXT) = $1`, e.ID)
	versions := 0
	for _, v := range e.Events {
		if v.Version > 0 {
			versions++
		}
	}
	if len(rows) != versions {
		t.Errorf("%s: %d events with versions, history has %v", operation, versions, rows)
	}
}

// version compares an event with the history row that it names.
func (c *counter) version(t *testing.T, operation string, e entry, v event) {
	t.Helper()
	const row = ` FROM history WHERE CAST(clinic_id AS TEXT) = $1 AND record = $2 AND CAST(record_id AS TEXT) = $3 AND version = $4`
	data := c.db.Column(t, `SELECT data`+row, e.Clinic, v.Record, v.ID, v.Version)
	if len(data) != 1 {
		t.Errorf("%s: %d history rows of %+v", operation, len(data), v)
		return
	}
	if sum := sha256.Sum256([]byte(data[0])); hex.EncodeToString(sum[:]) != v.Hash {
		t.Errorf("%s: the hash of %+v is not that of %s", operation, v, data[0])
	}
	if of := c.db.Column(t, `SELECT CAST(entry_id AS TEXT)`+row, e.Clinic, v.Record, v.ID, v.Version); of[0] != e.ID {
		t.Errorf("%s: %+v belongs to entry %s, not %s", operation, v, of[0], e.ID)
	}
	if row := kept(t, data[0]); row["ID"] != v.ID || fmt.Sprint(row["Version"]) != fmt.Sprint(v.Version) {
		t.Errorf("%s: %+v is kept as %s", operation, v, data[0])
	}
}

// history has one row for each version of each record, from the first to the current one, each
// of an entry of its own.
func (c *counter) history(t *testing.T) {
	tables := []string{
		"clinics", "staff", "patients", "measurements", "support_people", "medications", "pdmp_checks", "visits", "follow_ups",
		"consultations", "protocols", "consent_templates", "consents", "treatments", "prescriptions", "sessions", "session_facts", "assessments", "instrument_licences", "clinic_instruments",
		"adverse_events", "adjustments", "suggestions", "dispenses", "supply_entries", "supply_signals", "alerts", "alert_rule_sets", "webhook_endpoints",
	}
	for _, table := range tables {
		if n := c.db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM `+table); n[0] == "0" {
			t.Errorf("nothing in %s", table)
		}
		for _, bad := range c.db.Column(t, `SELECT CAST(r.id AS TEXT) || ' is at version ' || r.version || ', history has ' || count(h.version) || ' up to ' || coalesce(max(h.version), 0)
			FROM `+table+` r LEFT JOIN history h ON h.clinic_id = r.clinic_id AND h.record = '`+table+`' AND h.record_id = r.id
			GROUP BY r.clinic_id, r.id, r.version HAVING count(h.version) <> r.version OR max(h.version) <> r.version OR min(h.version) <> 1`) {
			t.Errorf("%s %s", table, bad)
		}
	}
	for _, table := range tables {
		c.wholeRecord(t, table)
	}
	c.wholeLists(t)
	known := c.db.Column(t, `SELECT DISTINCT record FROM history`)
	if unknown := without(known, tables); len(unknown) > 0 {
		t.Errorf("history of %v is not looked at", unknown)
	}
	for what, query := range map[string]string{
		"history without an entry":        `SELECT CAST(record_id AS TEXT) FROM history h WHERE NOT EXISTS (SELECT 1 FROM journal j WHERE j.clinic_id = h.clinic_id AND j.id = h.entry_id)`,
		"a record twice in a version":     `SELECT CAST(record_id AS TEXT) FROM history GROUP BY clinic_id, record, record_id, version HAVING count(*) > 1`,
		"a change that was not done":      `SELECT operation FROM journal WHERE outcome <> 'done' AND events LIKE '%"hash"%'`,
		"several changes of one request":  `SELECT request_id FROM journal WHERE request_id <> '' AND outcome = 'done' GROUP BY request_id HAVING count(*) > 1`,
		"a patient's version without him": `SELECT record FROM history WHERE patient_id IS NULL AND record NOT IN ('clinics', 'staff', 'protocols', 'consent_templates', 'instrument_licences', 'clinic_instruments', 'alert_rule_sets', 'webhook_endpoints')`,
	} {
		if got := c.db.Column(t, query); len(got) > 0 {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// wholeRecord checks that the history keeps every column of a table, under the name of the code.
func (c *counter) wholeRecord(t *testing.T, table string) {
	t.Helper()
	columns := `SELECT name FROM pragma_table_info('` + table + `')`
	if c.Site.Config.DatabaseURL != "" {
		columns = `SELECT attname FROM pg_attribute WHERE attrelid = '` + table + `'::regclass AND attnum > 0`
	}
	units := strings.NewReplacer("_ug", "mg", "weight_g", "weightkg", "_", "")
	var want []string
	for _, name := range c.db.Column(t, columns) {
		want = append(want, units.Replace(name))
	}
	for _, data := range c.db.Column(t, `SELECT data FROM history WHERE record = $1`, table) {
		var names []string
		for name, value := range kept(t, data) {
			names = append(names, strings.ToLower(name))
			inner, _ := value.(map[string]any)
			for member := range inner {
				names = append(names, strings.ToLower(name+member))
			}
		}
		if lost := without(want, names); len(lost) > 0 {
			t.Errorf("history of %s leaves out %v: %s", table, lost, data)
			return
		}
	}
}

func kept(t *testing.T, data string) (row map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), &row); err != nil {
		t.Fatal(err)
	}
	return row
}

// wholeLists checks that the history keeps the lists that belong to a record.
func (c *counter) wholeLists(t *testing.T) {
	t.Helper()
	for _, list := range []struct{ table, parent, record, member string }{
		{"staff_credentials", "staff_id", "staff", "Credentials"}, {"care_team_members", "patient_id", "patients", "CareTeam"},
		{"visit_links", "visit_id", "visits", "Links"},
		{"treatment_holds", "treatment_id", "treatments", "Holds"}, {"treatment_protocols", "treatment_id", "treatments", "Protocols"}, {"prescription_holds", "prescription_id", "prescriptions", "Holds"},
		{"session_overrides", "session_id", "sessions", "Overrides"}, {"dose_portions", "fact_id", "session_facts", "From"},
		{"adjustment_records", "adjustment_id", "adjustments", "Evidence"}, {"webhook_event_types", "endpoint_id", "webhook_endpoints", "EventTypes"},
	} {
		lines := c.db.Column(t, fmt.Sprintf(`SELECT CAST(%s AS TEXT) || ' ' || count(*) FROM %s GROUP BY clinic_id, %[1]s`, list.parent, list.table))
		if len(lines) == 0 {
			t.Errorf("nothing in %s", list.table)
		}
		for _, line := range lines {
			id, n, _ := strings.Cut(line, " ")
			data := c.db.Column(t, `SELECT data FROM history WHERE record = $1 AND CAST(record_id AS TEXT) = $2 ORDER BY version DESC LIMIT 1`, list.record, id)
			if items, _ := kept(t, data[0])[list.member].([]any); fmt.Sprint(len(items)) != n {
				t.Errorf("%s has %s rows of %s, history keeps %s", list.table, n, id, data[0])
			}
		}
	}
}

// TestFailuresChangeNothing: what is refused changes nothing. The journal has nothing but that it was
// refused, if it came from a member and was a request at all.
func TestFailuresChangeNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Refused")
		other := s.Clinic(t, "Others")
		stranger := c.Patient(t, "Stranger")
		for _, operation := range operations(t, writes...) {
			scene, call := allowed(t, c, operation)
			good := wire(t, call)
			none := uuid.NewString()
			missing := good
			for noun, id := range scene.IDs {
				if noun != "instrument" { // every clinic has the same
					missing.path = strings.ReplaceAll(missing.path, id, none)
				}
			}
			refused := map[string]message{
				"no token": good.with("Authorization", "", "Titrate-Ticket", ""), "bad token": good.with("Authorization", "Bearer x"),
				"nobody":   good.with("Authorization", "Bearer "+s.Issuer.Token(t, "nobody", s.Clock.Now())),
				"bad body": withBody(good, `{"x":`), "unknown parameter": {good.method, good.path + "?x=1", good.body, good.header},
				"stale": good.with("If-Match", `"999"`),
			}
			if strings.Contains(good.path, scene.Patient.ID.String()) || len(call.Path) > 0 && missing.path != good.path {
				refused["missing"] = missing
				refused["elsewhere"] = good.with("Authorization", "Bearer "+other.Both.Token)
				refused["another patient"] = good.with("Authorization", "Bearer "+stranger.Token)
			}
			if operation == "redeemInvitation" { // belongs to nobody yet
				delete(refused, "nobody")
			}
			if good.header["If-Match"] == "" {
				delete(refused, "stale")
			}
			told := map[string]string{"stale": "refused", "missing": "denied", "elsewhere": "denied", "another patient": "denied"}
			before := db.Contents(t)
			for what, m := range refused {
				id := operation + "-" + uuid.NewString()[:8]
				if got := send(t, s, m.with("X-Request-Id", id)); got.Status < 400 {
					t.Errorf("%s, %s: %d", operation, what, got.Status)
				}
				if list := entries(t, db, id); outcomesOf(list) != told[what] {
					t.Errorf("%s, %s: the journal has %q", operation, what, outcomesOf(list))
				}
			}
			if after := db.Contents(t); after != before {
				t.Errorf("%s was refused and changed something:\n%s\n%s", operation, before, after)
			}
		}
	})
}

func outcomesOf(list []entry) string {
	var outcomes []string
	for _, e := range list {
		outcomes = append(outcomes, e.Outcome)
	}
	return strings.Join(outcomes, " ")
}
