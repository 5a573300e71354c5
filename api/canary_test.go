package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// record collects what a server writes.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// cage is a server whose every output is searched.
type cage struct {
	*counter
	*secrets
	logs    *record
	answers *record // headers and problems
	metrics string  // where they are
	panics  *struct {
		sync.Mutex
		now, id bool
	}
}

// TestNoSecretsInOutputs writes birds into every field, goes through success and failure of
// every operation, and looks for them in log, metrics, headers and problems.
func TestNoSecretsInOutputs(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		c := &cage{}
		s, db := newSite(t, dsn, func(cfg *api.Config) { c.configure(t, cfg) })
		c.serve(t, s)
		c.counter = &counter{Clinic: s.Clinic(t, "Cage of "+bird), db: db}
		c.secrets = &secrets{}
		c.add(bird, spiced, number, born, "Lindqvist", "@example.org")
		for _, p := range []*apitest.Person{c.Admin, c.Prescriber, c.Clinician} {
			c.add(p.Token, p.Token[strings.LastIndex(p.Token, ".")+1:])
		}
		other := s.Clinic(t, "Other")
		for _, operation := range operations(t) {
			c.fly(t, other, operation)
		}
		c.collide(t)
		c.breakDown(t)
		c.search(t)
	})
}

// configure has the server log everything, and panic when it is told to.
func (c *cage) configure(t *testing.T, cfg *api.Config) {
	c.logs, c.answers = &record{}, &record{}
	c.panics = new(struct {
		sync.Mutex
		now, id bool
	})
	panics, now := c.panics, cfg.Now
	cfg.Log = slog.New(slog.NewJSONHandler(c.logs, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	cfg.Now = func() time.Time {
		panics.Lock()
		defer panics.Unlock()
		if panics.now {
			panic(fmt.Errorf("%s %s", bird, spiced))
		}
		return now()
	}
	cfg.NewID = func() uuid.UUID {
		panics.Lock()
		defer panics.Unlock()
		if panics.id {
			panic(bird + spiced)
		}
		return uuid.Must(uuid.NewV7())
	}
	c.metrics = testbed.OwnAddress(t)
	cfg.ListenAddr, cfg.MetricsAddr = "127.0.0.1:0", c.metrics
}

// serve lets the server listen by itself, as a process does, beside its metrics.
func (c *cage) serve(t *testing.T, s *apitest.Site) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	listening, done := make(chan net.Addr), make(chan error, 1)
	go func() { done <- s.Server.Run(ctx, func(a net.Addr) { listening <- a }) }()
	select {
	case address := <-listening:
		s.URL = "http://" + address.String()
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// knock sends a request and notes what is not the data that was asked for: headers, problems.
func (c *cage) knock(t *testing.T, what string, m message) apitest.Answer {
	t.Helper()
	got := send(t, c.Site, m)
	problem := ""
	if got.Status >= 400 {
		problem = string(got.Body)
	}
	_, _ = fmt.Fprintf(c.answers, "%s: %d %v %s\n", what, got.Status, got.Header, problem)
	return got
}

// full is the request of a scene with a bird in every field where people write.
func (c *cage) full(t *testing.T, operation string) (*apitest.Scene, apitest.Call) {
	t.Helper()
	scene, call := allowed(t, c.Clinic, operation)
	body, ok := call.Body.(map[string]any)
	if !ok {
		return scene, call
	}
	if operation == "logSession" {
		for list, fact := range map[string]string{"observations": "recordObservation", "aborts": "abortSession", "escalations": "escalateSession", "checkIns": "checkInSession", "checks": "checkSession"} {
			body[list] = []any{scene.Call(t, fact).Body}
		}
	}
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			if op.OperationID == operation {
				for _, media := range op.RequestBody.Value.Content {
					call.Body = fill(media.Schema.Value, "", body)
				}
			}
		}
	}
	return scene, call
}

// fill puts birds into a value as far as its schema lets them in.
func fill(schema *openapi3.Schema, name string, value any) any {
	for _, branch := range schema.OneOf {
		if branch.Value.Type.Is("object") {
			schema = branch.Value
		}
	}
	switch v := value.(type) {
	case map[string]any:
		v = maps.Clone(v)
		for member, s := range schema.Properties {
			if filled := fill(s.Value, member, v[member]); filled != nil {
				v[member] = filled
			}
		}
		return v
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = fill(schema.Items.Value, name, v[i])
		}
		return v
	}
	text := schema.Type.Includes("string") && len(schema.Enum) == 0
	switch {
	case text && schema.Format == "email":
		return bird + "@example.org"
	case text && name == "phone":
		return "+1" + number
	case text && name == "recordNumber":
		return bird + "-" + uuid.NewString()[:8]
	case text && schema.Format == "" && (schema.Pattern == "" || schema.Pattern == `\S`):
		note := fmt.Sprintf("%s in %s: %s", bird, name, spiced)
		if schema.MaxLength == nil || len(note) <= int(*schema.MaxLength) { // shorter ones are names and codes
			return note
		}
	}
	return value
}

// fly sends an operation's request in many wrong ways and then in the right one.
func (c *cage) fly(t *testing.T, other *apitest.Clinic, operation string) {
	t.Helper()
	scene, call := c.full(t, operation)
	good := wire(t, call)
	there, _, _ := strings.Cut(good.path, "?")
	ill := func(what string, m message, want int) {
		t.Helper()
		if got := c.knock(t, operation+", "+what, m); got.Status < want || got.Status > 499 {
			t.Errorf("%s, %s: %d %s", operation, what, got.Status, got.Body)
		}
	}
	at := func(path string) message { m := good; m.path = path; return m }
	ill("token", good.with("Authorization", "Bearer "+bird), 400)
	ill("scheme", good.with("Authorization", spiced), 400)
	ill("query", at(there+"?"+url.QueryEscape(spiced)+"="+bird), 400)
	ill("filter", at(there+"?status="+bird+"&limit="+bird+"&cursor="+bird), 400)
	ill("path", at("/v1/"+url.PathEscape(spiced)), 400)
	ill("cursor", at(there+"?cursor="+url.QueryEscape(spiced)), 400)
	for _, id := range call.Path {
		if strings.Contains(there, id) {
			ill("id", at(strings.Replace(there, id, url.PathEscape(bird+spiced), 1)), 400)
		}
	}
	for _, name := range []string{"Titrate-Clinic", "Titrate-Role"} {
		if !slices.Contains([]string{"whoAmI", "redeemInvitation"}, operation) { // before there is a clinic
			ill(name, good.with(name, bird), 400)
		}
	}
	if good.body != "" {
		ill("media type", good.with("Content-Type", "text/"+bird), 400)
		ill("cut off", withBody(good, good.body[:len(good.body)-1]), 400)
		ill("unknown member", withBody(good, strings.Replace(good.body, "{", `{"Wölfchen \"Flora\"":"`+bird+`",`, 1)), 400)
		ill("text", withBody(good, `"`+bird+`"`), 400)
		ill("other types", withBody(good, `{"name":"`+bird+`","reason":["`+bird+`"],"id":"`+bird+`","email":"`+bird+`","doseMg":"`+bird+`"}`), 400)
	}
	if good.header["If-Match"] != "" {
		ill("version", good.with("If-Match", `"998"`), 412)
		ill("If-Match", good.with("If-Match", bird), 400)
	}
	if strings.Contains(there, scene.Patient.ID.String()) {
		ill("elsewhere", good.with("Authorization", "Bearer "+other.Both.Token), 400)
	}
	first := c.knock(t, operation, good.with("User-Agent", bird, "Referer", "https://example.org/"+bird, "Cookie", "a="+bird,
		"X-Forwarded-For", bird, "Origin", "https://"+bird+".example.org", "Accept-Language", bird, "X-Request-Id", bird+" "+spiced))
	if first.Status > 299 {
		t.Errorf("%s: %d %s", operation, first.Status, first.Body)
	}
	for _, code := range []string{first.Text("code"), first.Text("invitation", "code")} {
		if code != "" {
			c.add(code)
		}
	}
	c.told(t, operation, call, first)
	c.knock(t, operation+" again", good)
	c.knock(t, operation+" anew", good.with("Idempotency-Key", bird+uuid.NewString()))
}

// told checks that nothing which somebody wrote is lost: it is in the history.
func (c *cage) told(t *testing.T, operation string, call apitest.Call, done apitest.Answer) {
	t.Helper()
	op, _ := apitest.Contract(t).Operation(operation)
	if !slices.Contains(writes, op.Kind) {
		return
	}
	id := c.db.Column(t, `SELECT CAST(id AS TEXT) FROM journal WHERE request_id = $1`, done.Header.Get("X-Request-Id"))
	if len(id) != 1 {
		t.Errorf("%s left %d entries", operation, len(id))
		return
	}
	var kept any
	data := c.db.Column(t, `SELECT data FROM history WHERE CAST(entry_id AS TEXT) = $1`, id[0])
	if err := json.Unmarshal([]byte("["+strings.Join(data, ",")+"]"), &kept); err != nil {
		t.Fatal(err)
	}
	in := written(kept)
	for text := range written(call.Body) {
		if !in[text] {
			t.Errorf("%s: %q was said and is not kept", operation, text)
		}
	}
}

// written collects the texts with a bird in a value. A text may be JSON itself.
func written(v any) map[string]bool {
	found := map[string]bool{}
	switch v := v.(type) {
	case string:
		var inner any
		switch {
		case !strings.Contains(v, bird):
		case json.Unmarshal([]byte(v), &inner) == nil:
			return written(inner)
		default:
			found[v] = true
		}
	case []any:
		for _, item := range v {
			maps.Copy(found, written(item))
		}
	case map[string]any:
		for _, item := range v {
			maps.Copy(found, written(item))
		}
	}
	return found
}

// collide breaks what must be unique: databases say which value was there before.
func (c *cage) collide(t *testing.T) {
	t.Helper()
	body := newPatient(bird + spiced)
	body["recordNumber"] = bird
	for _, want := range []problem.Code{"", problem.Conflict} {
		m := wire(t, apitest.Call{Operation: "registerPatient", Token: c.Clinician.Token, Body: body})
		if got := c.knock(t, "a record number twice", m); code(got) != want {
			t.Errorf("%d %s, want %s", got.Status, got.Body, want)
		}
	}
}

// search looks at everything that was written down in the meantime.
func (c *cage) search(t *testing.T) {
	t.Helper()
	res, err := http.Get("http://" + c.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	logs := c.logs.String()
	for _, want := range []string{"panic", `"level":"ERROR"`, `"code":"internal"`, `"code":"unavailable"`, `"status":500`, `"status":503`, `"operation":"recordObservation"`} {
		if !strings.Contains(logs, want) {
			t.Errorf("the log has no %s: not much was searched", want)
		}
	}
	if !strings.Contains(string(metrics), `_requests_total{code="503"`) {
		t.Errorf("the metrics have no 503: %.1500s", metrics[max(0, strings.Index(string(metrics), "titrate_")):])
	}
	for what, text := range map[string]string{"log": logs, "metrics": string(metrics), "answers": c.answers.String()} {
		for _, found := range c.in(text) {
			t.Errorf("the %s: %s", what, found)
		}
	}
}
