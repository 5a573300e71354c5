package testbed

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is what tokens of an [Issuer] are for.
const Audience = "titrate-test"

// Issuer is an OpenID provider.
type Issuer struct {
	URL     string
	JWKSURL string
	key     ed25519.PrivateKey
}

const keyID = "test-1"

// NewIssuer starts a provider that serves its keys until the test ends.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": keyID,
		"x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{key: private}
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) })
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.JWKSURL})
	})
	server := httptest.NewUnstartedServer(mux)
	i.URL = "http://" + server.Listener.Addr().String()
	i.JWKSURL = i.URL + "/keys"
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// Token signs a token for a subject that is good for a year from now on the given clock.
func (i *Issuer) Token(t testing.TB, subject string, now time.Time) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": i.URL, "aud": Audience, "sub": subject, "iat": now.Unix(), "exp": now.AddDate(1, 0, 0).Unix(),
	})
	token.Header["kid"] = keyID
	text, err := token.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
