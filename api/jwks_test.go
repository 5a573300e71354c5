package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var quiet = slog.New(slog.DiscardHandler)

func jwk(key any, kid, alg, use string) string {
	b, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestParseKeySet(t *testing.T) {
	private := clinicKeys()
	r, e := private["RS256"].(*rsa.PrivateKey), private["ES256"].(*ecdsa.PrivateKey)
	ed := private["EdDSA"].(ed25519.PrivateKey)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	vast := &rsa.PublicKey{N: new(big.Int).Lsh(r.N, 2049), E: r.E}
	with := func(key, more string) string { return strings.TrimSuffix(key, "}") + "," + more + "}" }
	good := jwk(ed.Public(), "good", "", "")
	tests := map[string]struct {
		keys []string
		want []string // kid and algorithm; "!" before what is there but ambiguous
	}{
		"RSA":                 {[]string{jwk(&r.PublicKey, "r", "", "")}, []string{"r PS256", "r PS384", "r PS512", "r RS256", "r RS384", "r RS512"}},
		"RSA for one":         {[]string{jwk(&r.PublicKey, "r", "PS256", "sig")}, []string{"r PS256"}},
		"P-256":               {[]string{jwk(&e.PublicKey, "e", "", "")}, []string{"e ES256"}},
		"P-384":               {[]string{jwk(private["ES384"].(*ecdsa.PrivateKey).Public(), "e", "", "sig")}, []string{"e ES384"}},
		"P-521":               {[]string{jwk(private["ES512"].(*ecdsa.PrivateKey).Public(), "e", "ES512", ""), good}, []string{"good EdDSA"}},
		"Ed25519":             {[]string{jwk(ed.Public(), "d", "EdDSA", "sig")}, []string{"d EdDSA"}},
		"for verification":    {[]string{with(jwk(ed.Public(), "d", "", ""), `"key_ops":["verify"]`)}, []string{"d EdDSA"}},
		"two kinds, one id":   {[]string{jwk(&r.PublicKey, "k", "RS256", ""), jwk(&e.PublicKey, "k", "", "")}, []string{"k ES256", "k RS256"}},
		"two keys, one id":    {[]string{jwk(&e.PublicKey, "k", "", ""), jwk(private["ES256"].(*ecdsa.PrivateKey).Public(), "k", "", "")}, []string{"!k ES256"}},
		"three keys, one id":  {[]string{good, good, good}, []string{"!good EdDSA"}},
		"for encryption":      {[]string{jwk(&r.PublicKey, "r", "", "enc"), good}, []string{"good EdDSA"}},
		"operation encrypt":   {[]string{with(jwk(&r.PublicKey, "r", "", ""), `"key_ops":["encrypt"]`), good}, []string{"good EdDSA"}},
		"no operation":        {[]string{with(jwk(&r.PublicKey, "r", "", ""), `"key_ops":[]`), good}, []string{"good EdDSA"}},
		"RSA-OAEP":            {[]string{jwk(&r.PublicKey, "r", "RSA-OAEP", "sig"), good}, []string{"good EdDSA"}},
		"HS256":               {[]string{jwk(&r.PublicKey, "r", "HS256", "sig"), good}, []string{"good EdDSA"}},
		"alg of another kind": {[]string{jwk(&e.PublicKey, "e", "RS256", "sig"), good}, []string{"good EdDSA"}},
		"ES256 on P-384":      {[]string{jwk(private["ES384"].(*ecdsa.PrivateKey).Public(), "e", "ES256", "sig"), good}, []string{"good EdDSA"}},
		"none":                {[]string{jwk(&e.PublicKey, "e", "none", "sig"), good}, []string{"good EdDSA"}},
		"without id":          {[]string{jwk(&e.PublicKey, "", "", ""), good}, []string{"good EdDSA"}},
		"private":             {[]string{jwk(e, "e", "", ""), jwk(r, "r", "", ""), jwk(ed, "d", "", ""), good}, []string{"good EdDSA"}},
		"symmetric":           {[]string{jwk([]byte(strings.Repeat("k", 32)), "s", "HS256", ""), good}, []string{"good EdDSA"}},
		"1024 bits":           {[]string{jwk(&weak.PublicKey, "w", "", ""), good}, []string{"good EdDSA"}},
		"4097 bits":           {[]string{jwk(vast, "v", "", ""), good}, []string{"good EdDSA"}},
		"P-224": {[]string{`{"kty":"EC","crv":"P-224","kid":"e","x":"` + encode(string(p224.X.Bytes())) + `","y":"` + encode(string(p224.Y.Bytes())) + `"}`, good},
			[]string{"good EdDSA"}},
		"not on the curve": {[]string{`{"kty":"EC","crv":"P-256","kid":"e","x":"` + encode(strings.Repeat("1", 32)) + `","y":"` + encode(strings.Repeat("2", 32)) + `"}`, good},
			[]string{"good EdDSA"}},
		"X25519":       {[]string{`{"kty":"OKP","crv":"X25519","kid":"x","x":"` + encode(strings.Repeat("1", 32)) + `"}`, good}, []string{"good EdDSA"}},
		"short":        {[]string{`{"kty":"OKP","crv":"Ed25519","kid":"x","x":"` + encode("short") + `"}`, good}, []string{"good EdDSA"}},
		"zero Ed25519": {[]string{`{"kty":"OKP","crv":"Ed25519","kid":"x","x":"` + encode(strings.Repeat("\x00", 32)) + `"}`, good}, []string{"good EdDSA"}},
		"unknown kind": {[]string{`{"kty":"XYZ","kid":"x"}`, `{}`, `null`, `7`, `"k"`, good}, []string{"good EdDSA"}},
		"odd members":  {[]string{with(good, `"key_ops":7`), with(good, `"x5u":"http://127.0.0.1:1/"`)}, []string{"good EdDSA"}},
		"only private": {[]string{jwk(e, "e", "", "")}, nil},
		"no key":       {nil, nil},
	}
	for name, tt := range tests {
		set, err := parseKeySet([]byte(`{"keys":[` + strings.Join(tt.keys, ",") + `]}`))
		if (err == nil) != (tt.want != nil) {
			t.Errorf("%s: got error %v", name, err)
		}
		var got []string
		for use, key := range set {
			mark := ""
			if key == nil {
				mark = "!"
			}
			got = append(got, mark+use.kid+" "+use.alg)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, document := range []string{"", "null", "[]", "{}", "7", `{"keys":7}`, `{"keys":{}}`, "<html>", `{"keys":[` + good + `]`} {
		if _, err := parseKeySet([]byte(document)); err == nil {
			t.Errorf("%q: got no error", document)
		}
	}
}

// A signature made with the right key but for another algorithm than the key is published for.
func TestPublishedAlgorithm(t *testing.T) {
	forgers, _ := clinicForgers()
	f := forgers[0] // RS256
	set, err := parseKeySet([]byte(`{"keys":[` + jwk(f.public, f.kid, "RS256", "sig") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, f.issuer, f.audience, heldKeys{set}, func() time.Time { return noon })
	if _, err := v.verify(t.Context(), "Bearer "+f.good()); err != nil {
		t.Errorf("RS256: %v", err)
	}
	for _, m := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodPS256} {
		f.method = m
		if _, err := v.verify(t.Context(), "Bearer "+f.good()); err == nil {
			t.Errorf("%s: got no error", m.Alg())
		}
	}
}

// behaviour is what a fake provider does with each fetch.
type behaviour struct {
	keys          keySet
	takes         time.Duration
	hangs, broken bool
}

type fakeProvider struct {
	now     atomic.Pointer[behaviour]
	fetches atomic.Int64
}

func newFakeProvider(b behaviour) *fakeProvider {
	p := &fakeProvider{}
	p.now.Store(&b)
	return p
}

func (p *fakeProvider) becomes(b behaviour) { p.now.Store(&b) }

func (p *fakeProvider) fetch(ctx context.Context) (keySet, error) {
	p.fetches.Add(1)
	b := p.now.Load()
	wait := time.After(b.takes)
	if b.hangs {
		wait = nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait:
	}
	if b.broken {
		return nil, errors.New("broken")
	}
	return b.keys, nil
}

func keysNamed(kids ...string) keySet {
	set := keySet{}
	for _, kid := range kids {
		set[keyUse{kid, "EdDSA"}] = kid
	}
	return set
}

// ask wants a key and tells how long the answer took on the bubble's clock.
func ask(t *testing.T, r *remoteKeys, kid string) (found bool, took time.Duration) {
	t.Helper()
	start := time.Now()
	key, err := r.key(t.Context(), kid, "EdDSA")
	if err == nil && key != kid {
		t.Errorf("got key %v, want %s", key, kid)
	}
	return err == nil, time.Since(start)
}

func TestRemoteKeysFetchOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeProvider(behaviour{keys: keysNamed("a"), takes: time.Second})
		r := startKeys(p.fetch, quiet)
		defer r.Close()
		for range 100 {
			go func() {
				if found, took := ask(t, r, "a"); !found || took != time.Second {
					t.Errorf("got %v after %v, want the key after 1s", found, took)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		if found, took := ask(t, r, "a"); !found || took != 0 || p.fetches.Load() != 1 {
			t.Errorf("got %v after %v and %d fetches, want the key at once after 1", found, took, p.fetches.Load())
		}
	})
}

func TestRemoteKeysRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeProvider(behaviour{keys: keysNamed("a")})
		r := startKeys(p.fetch, quiet)
		defer r.Close()
		synctest.Wait()
		p.becomes(behaviour{keys: keysNamed("b")})
		time.Sleep(refreshKeysEvery - time.Second)
		if found, _ := ask(t, r, "a"); !found || p.fetches.Load() != 1 {
			t.Errorf("before the refresh: got %v, %d fetches", found, p.fetches.Load())
		}
		time.Sleep(2 * time.Second)
		if found, _ := ask(t, r, "a"); found {
			t.Error("withdrawn key is still there")
		}
		if found, _ := ask(t, r, "b"); !found || p.fetches.Load() != 2 {
			t.Errorf("after the refresh: got %v, %d fetches", found, p.fetches.Load())
		}
	})
}

func TestRemoteKeysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeProvider(behaviour{keys: keysNamed("a")})
		r := startKeys(p.fetch, quiet)
		defer r.Close()
		synctest.Wait()
		for second := range 600 { // a storm of ten minutes
			for range 20 {
				if found, took := ask(t, r, "made up"); found || took != 0 {
					t.Fatalf("got %v after %v", found, took)
				}
			}
			time.Sleep(time.Second)
			if limit := int64(1 + (second+1)/60); p.fetches.Load() > limit {
				t.Fatalf("got %d fetches in %d s, want at most %d", p.fetches.Load(), second+1, limit)
			}
		}
		if p.fetches.Load() < 9 {
			t.Errorf("got %d fetches in ten minutes, want one a minute", p.fetches.Load())
		}
		p.becomes(behaviour{keys: keysNamed("a", "new")})
		ask(t, r, "new")
		time.Sleep(unknownKeyPause + time.Second)
		if found, _ := ask(t, r, "new"); !found {
			t.Error("new key is not there after a minute")
		}
	})
}

// Ambiguous keys and keys for other algorithms are not answered.
func TestRemoteKeysExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeProvider(behaviour{keys: keySet{{"two", "EdDSA"}: nil, {"a", "ES256"}: "a"}})
		r := startKeys(p.fetch, quiet)
		defer r.Close()
		for _, use := range []keyUse{{"two", "EdDSA"}, {"a", "EdDSA"}, {"A", "ES256"}, {"", ""}} {
			if key, err := r.key(t.Context(), use.kid, use.alg); !errors.Is(err, errUnknownKey) {
				t.Errorf("%v: got %v, %v", use, key, err)
			}
		}
	})
}

func TestRemoteKeysSurviveTheirProvider(t *testing.T) {
	for name, failing := range map[string]behaviour{"hanging": {hangs: true}, "broken": {broken: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newFakeProvider(behaviour{keys: keysNamed("a")})
				r := startKeys(p.fetch, quiet)
				defer r.Close()
				synctest.Wait()
				p.becomes(failing)
				for range 24 * 60 * 2 { // a day
					if found, took := ask(t, r, "a"); !found || took != 0 {
						t.Fatalf("known key: got %v after %v", found, took)
					}
					if found, took := ask(t, r, "made up"); found || took != 0 {
						t.Fatalf("unknown key: got %v after %v", found, took)
					}
					time.Sleep(30 * time.Second)
				}
				p.becomes(behaviour{keys: keysNamed("b")})
				time.Sleep(fetchLimit + retryKeysAfter + time.Second)
				if found, _ := ask(t, r, "b"); !found {
					t.Error("keys are not fetched once the provider is back")
				}
			})
		})
	}
}

func TestRemoteKeysStartWithoutProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeProvider(behaviour{hangs: true})
		r := startKeys(p.fetch, quiet)
		defer r.Close()
		if found, took := ask(t, r, "a"); found || took != firstFetchLimit {
			t.Errorf("first: got %v after %v, want nothing after %v", found, took, firstFetchLimit)
		}
		if found, took := ask(t, r, "a"); found || took != 0 {
			t.Errorf("second: got %v after %v, want nothing at once", found, took)
		}
		p.becomes(behaviour{keys: keysNamed("a")})
		time.Sleep(retryKeysAfter + time.Second)
		if found, took := ask(t, r, "a"); !found || took != 0 {
			t.Errorf("provider back: got %v after %v", found, took)
		}
	})
}

func TestRemoteKeysCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startKeys(newFakeProvider(behaviour{hangs: true}).fetch, quiet)
		defer r.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := r.key(ctx, "a", "EdDSA"); err == nil || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want an error after 1s", err, time.Since(start))
		}
	})
}

func TestRemoteKeysClose(t *testing.T) {
	for name, b := range map[string]behaviour{
		"at rest": {keys: keysNamed("a")}, "fetching": {hangs: true}, "after failure": {broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails when a goroutine stays behind
				r := startKeys(newFakeProvider(b).fetch, quiet)
				time.Sleep(time.Second)
				start := time.Now()
				if err := errors.Join(r.Close(), r.Close()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("took %v", took)
				}
				if _, err := r.key(t.Context(), "b", "EdDSA"); err == nil {
					t.Error("got a key that was never there")
				}
			})
		})
	}
}
