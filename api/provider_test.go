package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// serve starts a provider over HTTP that answers each path with a text.
func serve(t *testing.T, answer func(url string) map[string]string) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answer(server.URL)[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server
}

// From the network to the verified token, with the embedded issuer's own document.
func TestRemoteKeysOverHTTP(t *testing.T) {
	i := newTestIssuer(t)
	token, err := i.mint("somebody", time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, func(url string) map[string]string {
		metadata, _ := json.Marshal(object{"issuer": url, "jwks_uri": url + "/keys"})
		return map[string]string{"/.well-known/openid-configuration": string(metadata), "/keys": string(i.jwks())}
	})
	for name, jwksURL := range map[string]string{"JWKS URL": server.URL + "/keys", "discovery": ""} {
		before := goleak.IgnoreCurrent()
		r, err := openJWKS(server.URL, jwksURL, quiet)
		if err != nil {
			t.Fatal(err)
		}
		v := newTestVerifier(t, demoIssuer, demoAudience, r, func() time.Time { return noon })
		if _, err := v.verify(t.Context(), "Bearer "+token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		v.Close()
		goleak.VerifyNone(t, before) // the server still runs: a connection left open would show
	}
}

func TestCloseWhileProviderHangs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	reached := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	r, err := openJWKS(clinicIssuer, server.URL, quiet)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestProviderAnswers(t *testing.T) {
	good := string(newTestIssuer(t).jwks())
	large := func(size int) string { return good + strings.Repeat(" ", size-len(good)) }
	var redirected atomic.Bool
	mux := http.NewServeMux()
	for path, body := range map[string]string{
		"/good": good, "/html": "<html>", "/empty": `{"keys":[]}`, "/1MB": large(maxProviderBytes), "/more": large(maxProviderBytes + 1),
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	for path, status := range map[string]int{"/201": 201, "/204": 204, "/404": 404, "/500": 500} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, good)
		})
	}
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/target", http.StatusFound) })
	mux.HandleFunc("/target", func(w http.ResponseWriter, _ *http.Request) {
		redirected.Store(true)
		_, _ = io.WriteString(w, good)
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, good)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1<<16))
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]bool{
		"/good": true, "/1MB": true, "/html": false, "/empty": false, "/more": false, "/endless": false, "/cut": false,
		"/201": false, "/204": false, "/404": false, "/500": false, "/redirect": false,
	} {
		p, err := newProvider(clinicIssuer, server.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.keys(t.Context()); (err == nil) != want {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if redirected.Load() {
		t.Error("a redirection was followed")
	}
}

func TestDiscovery(t *testing.T) {
	i := newTestIssuer(t)
	tests := map[string]struct {
		issuer   func(url string) string // as configured
		document func(url string) any
		want     bool
	}{
		"exact":          {plain, func(url string) any { return object{"issuer": url, "jwks_uri": url + "/keys"} }, true},
		"slash in both":  {slash, func(url string) any { return object{"issuer": url + "/", "jwks_uri": url + "/keys"} }, true},
		"slash here":     {slash, func(url string) any { return object{"issuer": url, "jwks_uri": url + "/keys"} }, false},
		"slash there":    {plain, func(url string) any { return object{"issuer": url + "/", "jwks_uri": url + "/keys"} }, false},
		"another issuer": {plain, func(url string) any { return object{"issuer": clinicIssuer, "jwks_uri": url + "/keys"} }, false},
		"no issuer":      {plain, func(url string) any { return object{"jwks_uri": url + "/keys"} }, false},
		"no address":     {plain, func(url string) any { return object{"issuer": url} }, false},
		"without TLS":    {plain, func(url string) any { return object{"issuer": url, "jwks_uri": "http://id.clinic.example/keys"} }, false},
		"a file":         {plain, func(url string) any { return object{"issuer": url, "jwks_uri": "file:///etc/keys"} }, false},
		"not an object":  {plain, func(string) any { return []string{} }, false},
		"issuer no text": {plain, func(url string) any { return object{"issuer": 7, "jwks_uri": url + "/keys"} }, false},
		"nothing there":  {func(url string) string { return url + "/tenant" }, func(url string) any { return object{} }, false},
		"keys not there": {plain, func(url string) any { return object{"issuer": url, "jwks_uri": url + "/nothing"} }, false},
		"keys with login": {plain, func(url string) any {
			return object{"issuer": url, "jwks_uri": strings.Replace(url, "//", "//a:b@", 1) + "/keys"}
		}, false},
	}
	for name, tt := range tests {
		server := serve(t, func(url string) map[string]string {
			document, _ := json.Marshal(tt.document(url))
			return map[string]string{"/.well-known/openid-configuration": string(document), "/keys": string(i.jwks())}
		})
		p, err := newProvider(tt.issuer(server.URL), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.keys(t.Context()); (err == nil) != tt.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func plain(url string) string { return url }
func slash(url string) string { return url + "/" }

func TestProviderAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"https://id.clinic.example": true, "https://id.clinic.example:8443/realms/a": true, "https://10.0.0.7/keys": true,
		"http://localhost:8080": true, "http://127.0.0.1:9": true, "http://127.9.9.9": true, "http://[::1]:8080/keys": true,
		"http://id.clinic.example": false, "http://10.0.0.7": false, "http://localhost.example": false, "http://127.0.0.1.example": false,
		"http://0.0.0.0": false, "ftp://localhost": false, "file:///keys": false, "id.clinic.example": false, "": false, "/keys": false,
		"https://": false, "https://user:secret@id.clinic.example": false, "https://id.clinic.example#keys": false, "titrate:demo": false,
		"https://id clinic.example": false, "https://id.clinic.example/%zz": false,
	} {
		for _, settings := range [][2]string{{address, ""}, {clinicIssuer, address}} {
			if settings == [2]string{clinicIssuer, ""} {
				continue // nothing is wrong there
			}
			_, err := newProvider(settings[0], settings[1])
			if (err == nil) != want {
				t.Errorf("issuer %q, keys %q: got %v", settings[0], settings[1], err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("error quotes the address: %v", err)
			}
		}
	}
}
