package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestBadTokensAreRefused sends every bad token to the service: 401, and the same answer to
// all of them.
func TestBadTokensAreRefused(t *testing.T) {
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), Config{Data: t.TempDir(), RateLimit: "0", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	good, err := s.issuer.mint("somebody", time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := whoAmI(s, "Bearer "+good); got.Code != http.StatusOK {
		t.Fatalf("a good token: %d %s", got.Code, got.Body)
	}
	variants := badTokens(t, s.issuer, now)
	if len(variants) < 60 {
		t.Fatalf("%d variants", len(variants))
	}
	want := whoAmI(s).Body.String()
	for name, header := range variants {
		if got := whoAmI(s, header); got.Code != http.StatusUnauthorized || got.Body.String() != want {
			t.Errorf("%s: %d %s, want 401 %s", name, got.Code, got.Body, want)
		}
	}
	if got := whoAmI(s, "Bearer "+good, "Bearer "+good); got.Code != http.StatusUnauthorized || got.Body.String() != want {
		t.Errorf("two headers: %d %s, want 401 %s", got.Code, got.Body, want)
	}
}

func whoAmI(s *Server, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	r.Header["Authorization"] = authorization
	r.Header.Set("X-Request-Id", "bad-token")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}
