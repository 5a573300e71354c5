package api_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/titrate-health/titrate/api"
	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
)

// collected is what an OpenTelemetry collector was sent.
type collected struct {
	mu    sync.Mutex
	raw   bytes.Buffer
	spans []*spans.Span
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// TestTraces: each request is a span of the caller's trace, and says nothing about a patient.
func TestTraces(t *testing.T) {
	got := &collected{}
	receiver := httptest.NewServer(got)
	defer receiver.Close()
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var scene *apitest.Scene
	t.Run("requests", func(t *testing.T) { // the server sends the rest when it is closed
		s := apitest.New(t, storetest.SQLite(t), func(c *api.Config) { c.OTLPEndpoint = receiver.URL + "/" })
		c := s.Clinic(t, bird)
		scene = c.For(t, "showPatient")
		call := scene.Call(t, "showPatient")
		call.Token = c.Clinician.Token
		call.Header = map[string]string{"traceparent": "00-" + trace + "-" + parent + "-01", "X-Request-Id": "r-1", "User-Agent": bird}
		s.Must(t, call)
	})
	got.mu.Lock()
	defer got.mu.Unlock()
	var request, inner *spans.Span
	for _, span := range got.spans {
		switch {
		case span.Name == "GET /v1/patients/:patientId":
			request = span
		case span.Name == "transaction" && hexOf(span.TraceId) == trace:
			inner = span
		}
	}
	if request == nil || inner == nil {
		t.Fatalf("spans: %v", got.spans)
	}
	if id := request.TraceId; hexOf(id) != trace || hexOf(request.ParentSpanId) != parent {
		t.Errorf("trace %s of %s", hexOf(id), hexOf(request.ParentSpanId))
	}
	said := map[string]string{}
	for _, a := range request.Attributes {
		said[a.Key] = strings.Trim(a.Value.String(), `" `)
	}
	for name, want := range map[string]string{"titrate.operation": "showPatient", "titrate.request_id": "r-1", "http.response.status_code": "200"} {
		if !strings.Contains(said[name], want) {
			t.Errorf("%s: %q, want %s", name, said[name], want)
		}
	}
	for _, secret := range []string{scene.IDs["patient"], scene.Patient.Token, bird, "Lindqvist"} {
		if bytes.Contains(got.raw.Bytes(), []byte(secret)) {
			t.Errorf("the collector was told %q", secret)
		}
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
