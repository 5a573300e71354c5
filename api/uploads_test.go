package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// phoneOf is a phone that was offline: what its patient did there, as items of a batch.
type phoneOf struct {
	*apitest.Scene
	items []map[string]any
}

// phoneDay is the phone of a patient who has a session in the plan. The ids that the phone makes are those of
// seed, so that two phones in two clinics say the same.
func phoneDay(t testing.TB, c *apitest.Clinic, seed string, n int) *phoneOf {
	t.Helper()
	p := &phoneOf{Scene: c.For(t, "recordDose")}
	made := 0
	id := func() string {
		made++
		return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, seed, made)).String()
	}
	id4 := func() string { b := []byte(id()); b[14] = '4'; return string(b) }
	fact := func(member string, value any) map[string]any {
		f := p.Fact(member, value)
		f["id"] = id4()
		return f
	}
	patient, session := map[string]any{"patientId": p.IDs["patient"]}, map[string]any{"sessionId": p.IDs["session"]}
	item := func(operation string, path map[string]any, body any, more ...string) map[string]any {
		one := map[string]any{"operation": operation, "path": path}
		if body != nil {
			one["body"] = body
		}
		for i := 0; i < len(more); i += 2 {
			one[more[i]] = more[i+1]
		}
		return one
	}
	weight := fact("weightKg", 68.1)
	other := maps.Clone(weight)
	other["weightKg"] = 71
	spurious := maps.Clone(weight)
	spurious["id"], spurious["sudden"] = id4(), true
	key := id4()
	p.items = []map[string]any{
		item("completeSession", session, fact("oriented", true)), // before its dose
		item("recordMeasurement", patient, weight),
		item("recordDose", session, fact("doseMg", 100)),
		item("recordMeasurement", patient, weight),                                                      // again
		item("recordMeasurement", patient, other),                                                       // another fact under its id
		item("recordMeasurement", patient, spurious),                                                    // against the contract
		item("recordMeasurement", map[string]any{"patientId": uuid.Nil.String()}, fact("weightKg", 68)), // nobody's
		item("addSupportPerson", patient, map[string]any{"name": "Jonas", "phone": "+15185550143", "adult": true}, "idempotencyKey", key),
		item("addSupportPerson", patient, map[string]any{"name": "Jonas", "phone": "+15185550143", "adult": true}, "idempotencyKey", key),
		item("addSupportPerson", patient, map[string]any{"name": "Anna", "phone": "+15185550144", "adult": true}, "idempotencyKey", key),
		item("addSupportPerson", patient, map[string]any{"name": "Anna", "phone": "+15185550144", "adult": true}), // no key
		item("voidMeasurement", map[string]any{"measurementId": weight["id"]}, map[string]any{"reason": "Typo."}, "idempotencyKey", id4(), "ifMatch", `"7"`),
		item("voidMeasurement", map[string]any{"measurementId": weight["id"]}, map[string]any{"reason": "Typo."}, "idempotencyKey", id4()),
		item("voidMeasurement", map[string]any{"measurementId": weight["id"]}, map[string]any{"reason": "Typo."}, "idempotencyKey", id4(), "ifMatch", `"1"`),
		item("updateContact", patient, map[string]any{"phone": "+15185550199"}, "idempotencyKey", id4(), "ifMatch", `"3"`),
		item("resolveAlert", map[string]any{"alertId": uuid.Nil.String()}, map[string]any{"outcome": "handled"}, "idempotencyKey", id4(), "ifMatch", `"1"`), // not a patient's
	}
	for len(p.items) < n {
		reading := fact("heartRateBpm", 60+len(p.items)%30)
		reading["occurredAt"] = c.Site.Clock.Now().Add(time.Duration(len(p.items)) * -time.Minute).Format(time.RFC3339)
		if len(p.items)%20 == 0 {
			p.items = append(p.items, item("recordVitals", session, reading))
		} else {
			p.items = append(p.items, item("recordMeasurement", patient, reading))
		}
	}
	return p
}

// twins are two phones on which the same has happened, in two clinics.
func twins(t testing.TB, s *apitest.Site, n int) (a, b *phoneOf) {
	t.Helper()
	one, other := s.Clinic(t, "Batch"), s.Clinic(t, "Twin") // both before either phone: making one moves the clock
	return phoneDay(t, one, "seed", n), phoneDay(t, other, "seed", n)
}

// batch is the upload of items.
func (p *phoneOf) batch(items []map[string]any) apitest.Call {
	return apitest.Call{Operation: "uploadBatch", Token: p.Patient.Token, Body: map[string]any{
		"sentAt": p.Clinic.Site.Clock.Now().Format(time.RFC3339), "items": items,
	}}
}

// alone is the request that an item describes.
func (p *phoneOf) alone(t testing.TB, one map[string]any) message {
	t.Helper()
	path := map[string]string{}
	for name, value := range one["path"].(map[string]any) {
		path[name] = fmt.Sprint(value)
	}
	m := wire(t, apitest.Call{Operation: fmt.Sprint(one["operation"]), Token: p.Patient.Token, Path: path, Body: one["body"]})
	for header, member := range map[string]string{"Idempotency-Key": "idempotencyKey", "If-Match": "ifMatch"} {
		value, _ := one[member].(string)
		m = m.with(header, value)
	}
	return m
}

// told is what an item was answered, without what differs between two clinics.
func told(status int, etag, location string, replayed bool, body any) map[string]any {
	if m, ok := body.(map[string]any); ok {
		delete(m, "requestId")
	}
	at := strings.Split(location, "/")
	return map[string]any{"status": status, "etag": etag, "location": len(at), "replayed": replayed, "body": withoutIDs(body)}
}

func (p *phoneOf) results(t testing.TB, a apitest.Answer) (list []map[string]any) {
	t.Helper()
	for i, r := range a.Items() {
		if index, _ := r["index"].(float64); int(index) != i {
			t.Fatalf("the answer to item %d is the one to %v", i, r["index"])
		}
		status, _ := r["status"].(float64)
		etag, _ := r["etag"].(string)
		location, _ := r["location"].(string)
		list = append(list, told(int(status), etag, location, r["replayed"] == true, r["body"]))
	}
	return list
}

// TestUploads: what a phone sends in one batch is answered, item by item, as a twin's is who sends it
// request by request, however often it is sent.
func TestUploads(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		a, b := twins(t, s, 500)
		want := []map[string]any{}
		for _, one := range b.items {
			got := send(t, s, b.alone(t, one))
			want = append(want, told(got.Status, got.Header.Get("ETag"), got.Header.Get("Location"), got.Header.Get("Idempotent-Replayed") == "true", got.JSON()))
		}
		statuses := map[int]int{}
		for _, w := range want {
			statuses[w["status"].(int)]++
		}
		if statuses[201] < 480 || statuses[400] < 2 || statuses[404] == 0 || statuses[409] == 0 || statuses[403] == 0 || statuses[412] == 0 || statuses[422] == 0 || statuses[428] == 0 {
			t.Fatalf("the twin's statuses: %v", statuses)
		}
		call := a.batch(a.items)
		call.Header = map[string]string{"X-Request-Id": "a-batch"}
		first := s.Must(t, call)
		for i, got := range a.results(t, first) {
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Fatalf("item %d (-by itself +in a batch):\n%s", i, diff)
			}
		}
		if got := len(entries(t, db, "a-batch.2")); got != 1 {
			t.Errorf("%d journal entries of the dose", got)
		}
		before := db.Contents(t)
		again := a.results(t, s.Must(t, call))
		for i, got := range again {
			if w := want[i]["status"].(int); w < 300 && (got["replayed"] != true || got["status"].(int) > 201) || w > 299 && got["status"] != w {
				t.Errorf("item %d again: %v, at first %v", i, got, want[i])
			}
		}
		if after := db.Contents(t); after != before {
			t.Errorf("the repetition changed something:\n%s\n%s", before, after)
		}
		sameChart(t, a, b)
	})
}

// chart is the session, the measurements and the support people as the clinic sees them, each in a line.
func (p *phoneOf) chart(t testing.TB) (lines []string) {
	t.Helper()
	for _, operation := range []string{"showSession", "listMeasurements", "listSupportPeople"} {
		call := p.Call(t, operation)
		call.Token = p.Clinic.Clinician.Token
		shown := p.Clinic.Site.Must(t, call)
		items := shown.Items()
		if items == nil {
			items = []map[string]any{shown.JSON().(map[string]any)}
		}
		for _, item := range items {
			line, err := json.Marshal(withoutIDs(item))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
	}
	slices.Sort(lines) // what happened at the same time stands in the order of ids
	return lines
}

func sameChart(t *testing.T, a, b *phoneOf) {
	t.Helper()
	x, y := a.chart(t), b.chart(t)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			t.Fatalf("the charts differ at line %d: %s, the twin's: %s", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		t.Errorf("a chart of %d lines, the twin's has %d", len(x), len(y))
	}
}

// TestUploadsCutOff: a phone that loses the connection in the middle of a batch sends it again until it
// hears that everything is there. It is, once.
func TestUploadsCutOff(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		var left atomic.Int64 // ids to be made until the connection is cut
		var cut atomic.Pointer[context.CancelFunc]
		s, _ := newSite(t, dsn, func(c *api.Config) {
			c.NewID = func() uuid.UUID {
				if hang := cut.Load(); left.Add(-1) == 0 && hang != nil {
					(*hang)()
				}
				return uuid.Must(uuid.NewV7())
			}
		})
		a, b := twins(t, s, 60)
		for _, one := range b.items {
			send(t, s, b.alone(t, one))
		}
		for _, after := range []int64{1, 9, 30, 55, 80} {
			ctx, cancel := context.WithCancel(t.Context())
			cut.Store(&cancel)
			left.Store(after)
			if _, err := sendUntil(ctx, t, s, wire(t, a.batch(a.items))); err == nil && ctx.Err() != nil {
				t.Logf("cut off after %d ids, but the answer was faster", after)
			}
			cut.Store(nil)
			cancel()
		}
		for {
			results := a.results(t, s.Must(t, a.batch(a.items)))
			if !slices.ContainsFunc(results, func(r map[string]any) bool { return retryable(r["body"]) }) {
				break
			}
		}
		sameChart(t, a, b)
	})
}

func retryable(body any) bool {
	m, _ := body.(map[string]any)
	return m["retryable"] == true
}

// sendUntil sends a message and gives up when the context ends.
func sendUntil(ctx context.Context, t testing.TB, s *apitest.Site, m message) (apitest.Answer, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, m.method, s.URL+m.path, strings.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range m.header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return apitest.Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return apitest.Answer{Status: res.StatusCode, Header: res.Header, Body: body}, err
}

// TestUploadItems: what an item may be, and what a batch tells of it.
func TestUploadItems(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Items")
		p := phoneDay(t, c, "items", 1)
		patient := map[string]any{"patientId": p.IDs["patient"]}
		good := map[string]any{"operation": "recordMeasurement", "path": patient, "body": p.Fact("weightKg", 68)}
		with := func(member string, value any) map[string]any {
			one := maps.Clone(good)
			one[member] = value
			return one
		}
		for name, tt := range map[string]struct {
			item   map[string]any
			status int
			fault  string
		}{
			"a read":              {with("operation", "showPatient"), 400, "/operation"},
			"a batch":             {with("operation", "uploadBatch"), 400, "/operation"},
			"open":                {with("operation", "redeemInvitation"), 400, "/operation"},
			"unknown":             {with("operation", "growOlder"), 400, "/operation"},
			"no path":             {map[string]any{"operation": "recordMeasurement"}, 400, "/path/patientId"},
			"another path":        {with("path", map[string]any{"patientId": p.IDs["patient"], "sessionId": p.IDs["session"]}), 400, "/path"},
			"a path of two":       {with("path", map[string]any{"patientId": "../" + p.IDs["patient"]}), 400, "patientId"},
			"a query":             {with("path", map[string]any{"patientId": p.IDs["patient"] + "?validateOnly=true"}), 400, "patientId"},
			"no body":             {map[string]any{"operation": "recordMeasurement", "path": patient}, 400, ""},
			"a key with new line": {map[string]any{"operation": "addSupportPerson", "path": patient, "body": map[string]any{"name": "J"}, "idempotencyKey": "a\nb"}, 400, "Idempotency-Key"},
		} {
			got := s.Must(t, p.batch([]map[string]any{tt.item})).Items()[0]
			body, _ := got["body"].(map[string]any)
			faults, _ := body["errors"].([]any)
			named := slices.ContainsFunc(faults, func(f any) bool { return f.(map[string]any)["pointer"] == tt.fault })
			if got["status"] != float64(tt.status) || !named {
				t.Errorf("%s: %v, want a fault at %q", name, got, tt.fault)
			}
		}
		t.Run("without a body", func(t *testing.T) { // that of the batch is not taken for it
			open := map[string]any{"operation": "openConsultation", "path": patient, "idempotencyKey": uuid.NewString()}
			for i, items := range [][]map[string]any{{open}, {good, open}} {
				call := p.batch(items)
				call.Token = c.Clinician.Token
				got := s.Must(t, call).Items()[len(items)-1]
				if got["status"] != 201.0 || (got["replayed"] == true) != (i == 1) {
					t.Errorf("batch %d: %v", i, got)
				}
			}
		})
		t.Run("clock", func(t *testing.T) { skewed(t, p, db) })
		t.Run("stop", func(t *testing.T) {
			api.Stop(s.Server)
			got := s.Must(t, p.batch([]map[string]any{good})).Items()[0]
			if body, _ := got["body"].(map[string]any); got["status"] != 503.0 || body["code"] != "unavailable" || !retryable(body) {
				t.Errorf("while the server stops: %v", got)
			}
		})
	})
}

// skewed: how far the phone's clock is off is told and kept, and changes nothing.
func skewed(t *testing.T, p *phoneOf, db testbed.Database) {
	now := p.Clinic.Site.Clock.Now()
	for name, tt := range map[string]struct {
		sent time.Time
		want float64
	}{
		"right": {now, 0}, "slow": {now.Add(-90 * time.Minute), 5400}, "fast": {now.Add(20*time.Second + 400*time.Millisecond), -20},
		"reset": {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), now.Sub(time.Unix(0, 0)).Seconds()},
	} {
		fact := p.Fact("weightKg", 67)
		at := now.Add(-48 * time.Hour).UTC().Format(time.RFC3339)
		fact["occurredAt"] = at
		call := p.batch([]map[string]any{{"operation": "recordMeasurement", "path": map[string]any{"patientId": p.IDs["patient"]}, "body": fact}})
		call.Body.(map[string]any)["sentAt"] = tt.sent.Format(time.RFC3339Nano)
		call.Header = map[string]string{"X-Request-Id": "skew-" + name}
		got := p.Clinic.Site.Must(t, call)
		if got.JSON("clockSkewSeconds") != tt.want {
			t.Errorf("%s: %v, want %v", name, got.JSON("clockSkewSeconds"), tt.want)
		}
		if body, _ := got.Items()[0]["body"].(map[string]any); body["occurredAt"] != at {
			t.Errorf("%s: it happened at %v, want %s", name, body["occurredAt"], at)
		}
		kept := db.Column(t, `SELECT CAST(clock_skew_s AS TEXT) FROM journal WHERE request_id = $1`, "skew-"+name+".0")
		if len(kept) != 1 || kept[0] != strconv.Itoa(int(tt.want)) {
			t.Errorf("%s: the journal has %v", name, kept)
		}
	}
	if others := db.Column(t, `SELECT CAST(count(*) AS TEXT) FROM journal WHERE clock_skew_s IS NOT NULL AND request_id NOT LIKE '%.%'`); others[0] != "0" {
		t.Errorf("%s entries of requests of their own have a skew", others[0])
	}
}

// TestUploadLimits: a batch may be longer than other requests, and costs what its items cost.
func TestUploadLimits(t *testing.T) {
	s, _ := newSite(t, storetest.SQLite(t), func(c *api.Config) { c.RateLimit = "100" })
	c := s.Clinic(t, "Limits")
	p := phoneDay(t, c, "limits", 1)
	many := func(n, words int) []map[string]any {
		list := make([]map[string]any, n)
		for i := range list {
			body := map[string]any{"name": strings.Repeat("word ", words), "phone": "+15185550143", "adult": true}
			list[i] = map[string]any{"operation": "addSupportPerson", "path": map[string]any{"patientId": p.IDs["patient"]}, "body": body}
		}
		return list
	}
	expect(t, "no item", s.Do(t, p.batch(many(0, 1))), 400, problem.InvalidRequest)
	expect(t, "501 items", s.Do(t, p.batch(many(501, 1))), 400, problem.InvalidRequest)
	expect(t, "more than 5 MB", s.Do(t, p.batch(many(500, 2200))), 413, problem.BodyTooLarge)
	long := many(300, 500) // 750 KB
	got := s.Do(t, p.batch(long))
	if got.Status != 200 || len(got.Items()) != 300 || bytes.Contains(got.Body, []byte("rate_limited")) {
		t.Fatalf("300 items with an allowance of 100: %d %.300s", got.Status, got.Body)
	}
	if left, wait := remaining(t, got); left != 0 || wait < 100 || wait > 200 {
		t.Errorf("%d are left, the next one in %d s", left, wait)
	}
	next := s.Do(t, p.batch(many(1, 1)))
	expect(t, "the next batch", next, 429, problem.RateLimited)
	if wait, err := strconv.Atoi(next.Header.Get("Retry-After")); err != nil || wait < 100 || wait > 200 { // 200 are owed
		t.Errorf("Retry-After %q", next.Header.Get("Retry-After"))
	}
	expect(t, "somebody else", s.Do(t, apitest.Call{Operation: "showClinic", Token: c.Clinician.Token}), 200, "")
}
