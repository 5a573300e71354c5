package api

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// forger makes good and bad tokens of one issuer, with one of its keys.
type forger struct {
	method           jwt.SigningMethod
	key, public      any
	kid              string
	issuer, audience string
	now              time.Time
}

type object = map[string]any

func (f forger) header() object { return object{"alg": f.method.Alg(), "typ": "at+jwt", "kid": f.kid} }

func (f forger) claims() object {
	return object{
		"iss": f.issuer, "aud": f.audience, "sub": "somebody",
		"iat": f.now.Unix(), "exp": f.now.Add(time.Hour).Unix(),
	}
}

func (f forger) good() string { return f.sign(f.header(), f.claims()) }

func (f forger) sign(header, claims object) string { return f.signText(text(header), text(claims)) }

func (f forger) signText(header, claims string) string {
	return signWith(f.method, f.key, encode(header)+"."+encode(claims))
}

// with changes a good token's header or claims; nil removes, null stays.
func (f forger) withHeader(changes object) string {
	return f.sign(change(f.header(), changes), f.claims())
}
func (f forger) withClaims(changes object) string {
	return f.sign(f.header(), change(f.claims(), changes))
}

// in returns a good token's header or claims as JSON with more of it at the end.
func (f forger) headerAnd(more string) string {
	return strings.TrimSuffix(text(f.header()), "}") + more
}
func (f forger) claimsAnd(more string) string {
	return strings.TrimSuffix(text(f.claims()), "}") + more
}

var null = json.RawMessage("null")

func change(o, changes object) object {
	for name, value := range changes {
		if value == nil {
			delete(o, name)
			continue
		}
		o[name] = value
	}
	return o
}

func text(o object) string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func signWith(m jwt.SigningMethod, key any, input string) string {
	signature, err := m.Sign(input, key)
	if err != nil {
		panic(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// publicForms are the texts of the public key that an attacker finds.
func (f forger) publicForms(t testing.TB) map[string][]byte {
	der, err := x509.MarshalPKIXPublicKey(f.public)
	if err != nil {
		t.Fatal(err)
	}
	armored := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	key, err := json.Marshal(jose.JSONWebKey{Key: f.public, KeyID: f.kid})
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"no secret": {}, "DER": der, "PEM": armored, "PEM without line end": bytes.TrimSpace(armored), "JWK": key,
	}
	if raw, ok := f.public.(ed25519.PublicKey); ok {
		forms["raw public key"] = raw
	}
	return forms
}

// foreignKeys are private keys that no issuer here has published, by algorithm.
var foreignKeys = sync.OnceValue(makeKeys)

func foreignKey(m jwt.SigningMethod) any { return foreignKeys()[m.Alg()] }

// makeKeys makes a private key for each algorithm, one of RSA for all of its.
func makeKeys() map[string]any {
	keys := map[string]any{}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, alg := range rsaAlgorithms {
		keys[alg] = r
	}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			panic(err)
		}
	}
	if _, keys["EdDSA"], err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return keys
}

func selfSigned(t testing.TB, key, public any) string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
