package api

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMint(t *testing.T) {
	i := newTestIssuer(t)
	token, err := i.mint("somebody", 12*time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	clock := &stoppedClock{noon}
	v := newTestVerifier(t, demoIssuer, demoAudience, i, clock.read)
	want := identity{Issuer: demoIssuer, Subject: "somebody", Expires: noon.Add(12 * time.Hour)}
	if got, err := v.verify(t.Context(), "Bearer "+token); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	again, err := i.mint("somebody", 12*time.Hour, noon)
	if err != nil || again == token {
		t.Errorf("second token: %v, or the same as the first", err)
	}
	another := newTestVerifier(t, demoIssuer, demoAudience, newTestIssuer(t), clock.read)
	if _, err := another.verify(t.Context(), "Bearer "+token); err == nil {
		t.Error("another issuer's key: got no error")
	}
	for _, subject := range []string{"", strings.Repeat("s", 256), "a\x00b", "a\nb", "\xff"} {
		if _, err := i.mint(subject, time.Hour, noon); err == nil {
			t.Errorf("subject %q: got no error", subject)
		}
	}
	for _, ttl := range []time.Duration{0, -time.Hour, time.Millisecond} {
		if _, err := i.mint("somebody", ttl, noon); err == nil {
			t.Errorf("valid for %v: got no error", ttl)
		}
	}
}

func TestIssuerKey(t *testing.T) {
	i := newTestIssuer(t)
	if key, err := i.key(t.Context(), i.kid, "EdDSA"); err != nil || !i.private.Public().(ed25519.PublicKey).Equal(key.(crypto.PublicKey)) {
		t.Errorf("got %v, %v; want the public key", key, err)
	}
	for _, use := range []keyUse{{i.kid, "HS256"}, {i.kid, "none"}, {i.kid, ""}, {"", "EdDSA"}, {i.kid + "x", "EdDSA"}} {
		if key, err := i.key(t.Context(), use.kid, use.alg); err == nil {
			t.Errorf("%v: got %v", use, key)
		}
	}
}

func TestJWKSIsPublic(t *testing.T) {
	i := newTestIssuer(t)
	var document struct{ Keys []map[string]string }
	if err := json.Unmarshal(i.jwks(), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Keys) != 1 {
		t.Fatalf("got %d keys, want 1", len(document.Keys))
	}
	key := document.Keys[0]
	for name, want := range map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": i.kid, "x": key["x"]} {
		if key[name] != want {
			t.Errorf("%s: got %q, want %q", name, key[name], want)
		}
		delete(key, name)
	}
	if len(key) != 0 {
		t.Errorf("the document says more than it should: %d members", len(key))
	}
	for _, form := range []string{base64.RawURLEncoding.EncodeToString(i.private.Seed()), base64.StdEncoding.EncodeToString(i.private.Seed())} {
		if bytes.Contains(i.jwks(), []byte(form)) {
			t.Error("the document holds the private key")
		}
	}
}

func TestLoadOrCreateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "signing.key")
	first, err := loadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != 0o600 {
		t.Errorf("got mode %v, want 0600", got)
	}
	second, err := loadOrCreateKey(path)
	if err != nil || !second.Equal(first) {
		t.Errorf("second start: %v, or another key", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("got %d files, %v; want the key alone", len(entries), err)
	}
	elsewhere, err := loadOrCreateKey(filepath.Join(t.TempDir(), "signing.key"))
	if err != nil || elsewhere.Equal(first) {
		t.Errorf("elsewhere: %v, or the same key", err)
	}
}

func TestCreateKeyTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.key")
	ids := make([]string, 32)
	var group sync.WaitGroup
	for n := range ids {
		group.Go(func() {
			key, err := loadOrCreateKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[n] = hex.EncodeToString(key.Seed())
		})
	}
	group.Wait()
	if slices.Sort(ids); ids[0] != ids[len(ids)-1] {
		t.Error("processes that start together have different keys")
	}
}

func TestDamagedKeyIsKept(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "signing.key")
	if _, err := loadOrCreateKey(whole); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"empty": {}, "cut": text[:len(text)-40], "not a key": []byte("key"), "public": bytes.ReplaceAll(text, []byte("PRIVATE"), []byte("PUBLIC")),
		"another kind": pkcs8(t, clinicKeys()["ES256"]), "too large": append(bytes.Repeat([]byte("x"), 64<<10), text...),
	} {
		path := filepath.Join(t.TempDir(), "signing.key")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadOrCreateKey(path); err == nil {
			t.Errorf("%s: got no error", name)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
			t.Errorf("%s: the file was replaced", name)
		}
	}
	if _, err := loadOrCreateKey(filepath.Dir(whole)); err == nil {
		t.Error("a directory: got no error")
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestLoadSecret(t *testing.T) {
	random := make([]byte, 64)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	ed := foreignKeys()["EdDSA"]
	sec1, err := x509.MarshalECPrivateKey(clinicKeys()["ES256"].(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	counting := make([]byte, 64)
	for i := range counting {
		counting[i] = byte(i)
	}
	demo := filepath.Join(t.TempDir(), "signing.key")
	private, err := loadOrCreateKey(demo)
	if err != nil {
		t.Fatal(err)
	}
	demoText, err := os.ReadFile(demo)
	if err != nil {
		t.Fatal(err)
	}
	ends := append(bytes.Clone(random[:31]), '\n')
	tests := map[string]struct {
		text, want []byte
		demo       bool
	}{
		"32 bytes":           {text: random[:32], want: random[:32]},
		"64 bytes":           {text: random, want: random},
		"line end is a byte": {text: ends, want: ends},
		"hex":                {text: []byte(hex.EncodeToString(random[:32]) + "\n"), want: []byte(hex.EncodeToString(random[:32]) + "\n")},
		"base64":             {text: []byte(base64.StdEncoding.EncodeToString(random[:32])), want: []byte(base64.StdEncoding.EncodeToString(random[:32]))},
		"PEM":                {text: pkcs8(t, ed), want: ed.(interface{ Seed() []byte }).Seed()},
		"demo":               {text: demoText, want: private.Seed(), demo: true},
		"empty":              {},
		"31 bytes":           {text: random[:31]},
		"16 bytes in hex":    {text: []byte(hex.EncodeToString(random[:16]))},
		"zeros":              {text: make([]byte, 64)},
		"one letter":         {text: bytes.Repeat([]byte("k"), 1000)},
		"repeated":           {text: bytes.Repeat([]byte("changeme"), 8)},
		"repeated in a line": {text: append(bytes.Repeat([]byte("Tr0ub4dor&3"), 9), '\n')},
		"counted":            {text: counting},
		"alphabet":           {text: []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")},
		"line ends":          {text: bytes.Repeat([]byte("\n"), 40)},
		"hex digits":         {text: []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")},
		"password":           {text: []byte("correct horse battery staple 2026")},
		"PEM of P-256":       {text: pkcs8(t, clinicKeys()["ES256"])},
		"PEM of RSA":         {text: pkcs8(t, clinicKeys()["RS256"])},
		"SEC 1":              {text: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})},
		"PEM cut":            {text: pkcs8(t, ed)[:60]},
		"PEM public":         {text: publicPEM(t, ed)},
		"too large":          {text: bytes.Repeat(random, 1025)},
	}
	for name, tt := range tests {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, tt.text, 0o400); err != nil {
			t.Fatal(err)
		}
		got, signing, err := loadSecret(path, false)
		if !bytes.Equal(got, tt.want) || (err == nil) != (tt.want != nil) || (signing == nil) != (tt.want == nil) {
			t.Errorf("%s: got %d bytes, a key of %d, %v; want %d", name, len(got), len(signing), err, len(tt.want))
		}
		if signing != nil && bytes.Contains(tt.text, []byte("BEGIN")) && !bytes.Equal(signing.Seed(), got) {
			t.Errorf("%s: signs with another key than the file's", name)
		}
		if got := demoKeyFile(path); got != tt.demo {
			t.Errorf("%s: got demo %v, want %v", name, got, tt.demo)
		}
		if err != nil && len(tt.text) > 8 && strings.Contains(err.Error(), string(tt.text[:8])) {
			t.Errorf("%s: the error quotes the file", name)
		}
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, _, err := loadSecret(missing, false); err == nil || demoKeyFile(missing) {
		t.Errorf("no file: got %v, demo %v", err, demoKeyFile(missing))
	}
	secret, signing, err := loadSecret(missing, true)
	if err != nil || !bytes.Equal(secret, signing.Seed()) || !demoKeyFile(missing) {
		t.Errorf("created: %v, or another key, or without the mark", err)
	}
	if again, _, err := loadSecret(missing, false); err != nil || !bytes.Equal(again, secret) {
		t.Errorf("read again: %v, or another secret", err)
	}
}

// A raw secret signs with a key of its own, the same on every process.
func TestSigningKeyOfRawSecret(t *testing.T) {
	keys := map[string]string{}
	for _, text := range []string{rand.Text() + rand.Text(), rand.Text() + rand.Text()} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			secret, signing, err := loadSecret(path, false)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(secret, signing.Seed()) || bytes.Equal(secret[:32], signing.Seed()) {
				t.Error("the key is the secret")
			}
			keys[hex.EncodeToString(signing.Seed())] = text
		}
	}
	if len(keys) != 2 {
		t.Errorf("got %d keys of 2 secrets read twice, want 2", len(keys))
	}
	if _, err := newIssuer(nil); err == nil {
		t.Error("issuer without a key: got no error")
	}
}

func publicPEM(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(private.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// No random key may be taken for a weak one: the server would refuse to start.
func TestRandomIsNotGuessable(t *testing.T) {
	secret := make([]byte, 32)
	for range 20_000 {
		if _, err := rand.Read(secret); err != nil {
			t.Fatal(err)
		}
		if guessable(secret) {
			t.Fatalf("32 random bytes were refused: %x", secret)
		}
	}
}

func TestDeriveKey(t *testing.T) {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	// HKDF-SHA-256 with "titrate/cursor", computed elsewhere. What is sealed with derived keys
	// lives for months, so they must never change.
	const want = "63455df955b80b4dec9ac9ff1a21bc5ff4255df49f8a30ae6027dac0fe941f71"
	key := deriveKey(secret, "cursor")
	if got := hex.EncodeToString(key[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if deriveKey(secret, "ticket") == key {
		t.Error("two labels have one key")
	}
	if deriveKey(secret[:31], "cursor") == key {
		t.Error("two secrets have one key")
	}
	if bytes.Equal(key[:], secret) {
		t.Error("the key is the secret")
	}
}
