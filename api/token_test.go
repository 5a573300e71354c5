package api

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stoppedClock stands until it is told otherwise.
type stoppedClock struct{ now time.Time }

func (c *stoppedClock) read() time.Time { return c.now }

// heldKeys is a keySource that never fetches.
type heldKeys struct{ keySet }

func (h heldKeys) key(_ context.Context, kid, alg string) (any, error) {
	if key := h.keySet[keyUse{kid, alg}]; key != nil {
		return key, nil
	}
	return nil, errUnknownKey
}

func newTestVerifier(t testing.TB, issuer, audience string, keys keySource, clock func() time.Time) *verifier {
	t.Helper()
	return newVerifier(issuer, audience, keys, clock, slog.New(slog.DiscardHandler))
}

func newTestIssuer(t testing.TB) *issuer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIssuer(private)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

const (
	clinicIssuer   = "https://id.clinic.example"
	clinicAudience = "https://titrate.clinic.example"
)

var clinicKeys = sync.OnceValue(makeKeys)

// clinicForgers sign as an OpenID provider that has a key of every kind, all of them in keys.
func clinicForgers() (forgers []forger, keys heldKeys) {
	keys.keySet = keySet{}
	for _, m := range []jwt.SigningMethod{
		jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512,
		jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512,
		jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodEdDSA,
	} {
		f := forger{
			method: m, key: clinicKeys()[m.Alg()], kid: "key-" + strings.ToLower(m.Alg()),
			issuer: clinicIssuer, audience: clinicAudience, now: noon,
		}
		f.public = f.key.(crypto.Signer).Public()
		keys.keySet[keyUse{f.kid, m.Alg()}] = f.public
		forgers = append(forgers, f)
	}
	return forgers, keys
}

func TestGoodTokens(t *testing.T) {
	forgers, keys := clinicForgers()
	clock := &stoppedClock{noon}
	for _, f := range forgers {
		t.Run(f.method.Alg(), func(t *testing.T) {
			in := func(d time.Duration) int64 { return noon.Add(d).Unix() }
			for name, token := range map[string]string{
				"plain":              f.good(),
				"audience in a list": f.withClaims(object{"aud": []string{"another", f.audience}}),
				"no type":            f.withHeader(object{"typ": nil}),
				"type JWT":           f.withHeader(object{"typ": "JWT"}),
				"type in capitals":   f.withHeader(object{"typ": "AT+JWT"}),
				"type in full":       f.withHeader(object{"typ": "application/at+jwt"}),
				"jku ignored":        f.withHeader(object{"jku": "http://127.0.0.1:1/keys"}),
				"other headers":      f.withHeader(object{"x5t": "c2hhMQ", "nonce": "n"}),
				"other claims":       f.withClaims(object{"scope": "openid", "realm": object{"roles": []string{"admin"}}}),
				"no issue time":      f.withClaims(object{"iat": nil}),
				"issuer's clock":     f.withClaims(object{"iat": in(59 * time.Second), "nbf": in(time.Minute)}),
				"fractions":          f.withClaims(object{"iat": float64(in(0)) - 0.5, "nbf": 0.5}),
				"long subject":       f.withClaims(object{"sub": strings.Repeat("s", 255)}),
				"subject of words":   f.withClaims(object{"sub": "auth0|Zoë 日本 \"x\""}),
				"last second":        f.withClaims(object{"exp": in(time.Second)}),
				"large":              f.withClaims(object{"x": strings.Repeat("x", 5000)}),
			} {
				v := newTestVerifier(t, f.issuer, f.audience, keys, clock.read)
				var claims struct {
					Sub string
					Exp int64
				}
				if err := json.Unmarshal(decode(strings.Split(token, ".")[1]), &claims); err != nil {
					t.Fatal(err)
				}
				want := identity{Issuer: clinicIssuer, Subject: claims.Sub, Expires: time.Unix(claims.Exp, 0).UTC()}
				for _, turn := range []string{"first", "remembered"} {
					got, err := v.verify(t.Context(), "Bearer "+token)
					if err != nil {
						t.Errorf("%s, %s: got %v, want no error", name, turn, err)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s, %s (-want +got):\n%s", name, turn, diff)
					}
				}
			}
		})
	}
}

func TestBadTokens(t *testing.T) {
	check := func(t *testing.T, f forger, keys keySource, bad map[string]string) {
		t.Helper()
		var log bytes.Buffer
		clock := &stoppedClock{f.now}
		v := newVerifier(f.issuer, f.audience, keys, clock.read, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		if len(bad) < 60 {
			t.Fatalf("got %d bad tokens, want at least 60", len(bad))
		}
		for range 2 { // a second time, because nothing bad may be remembered
			for name, header := range bad {
				log.Reset()
				got, err := v.verify(t.Context(), header)
				if err != errUnauthenticated || got != (identity{}) { //nolint:errorlint // not even wrapped
					t.Errorf("%s: got %v, %v; want nobody, %v", name, got, err, errUnauthenticated)
				}
				if !strings.Contains(log.String(), "reason=") {
					t.Errorf("%s: no reason in the log", name)
				}
				for _, secret := range strings.FieldsFunc(header, func(r rune) bool { return strings.ContainsRune(" .,\t", r) }) {
					if len(secret) > 8 && strings.Contains(log.String(), secret) {
						t.Errorf("%s: the log quotes the token: %s", name, log.String())
					}
				}
			}
		}
		if n := len(v.recent.seen); n != 0 {
			t.Errorf("got %d remembered tokens, want none", n)
		}
		if _, err := v.verify(t.Context(), "Bearer "+f.good()); err != nil {
			t.Errorf("good token: %v; the bad ones prove nothing", err)
		}
	}
	t.Run("demo issuer", func(t *testing.T) {
		i := newTestIssuer(t)
		f := forger{
			method: jwt.SigningMethodEdDSA, key: i.private, public: i.private.Public(), kid: i.kid,
			issuer: demoIssuer, audience: demoAudience, now: noon,
		}
		check(t, f, i, badTokens(t, i, noon))
	})
	forgers, keys := clinicForgers()
	for _, f := range forgers {
		if strings.HasSuffix(f.method.Alg(), "512") || slices.Contains([]string{"RS384", "PS384"}, f.method.Alg()) {
			continue // each family once for each kind of key
		}
		t.Run(f.method.Alg(), func(t *testing.T) { check(t, f, keys, f.badTokens(t)) })
	}
}

// The HTTP tests send badTokens; a header that cannot be sent would be refused by the client.
func TestBadTokensCanBeSent(t *testing.T) {
	for name, header := range badTokens(t, newTestIssuer(t), noon) {
		if len(header) > 12<<10 {
			t.Errorf("%s: %d bytes, which is for the limit on headers to refuse", name, len(header))
		}
		for _, c := range []byte(header) {
			if c != '\t' && (c < ' ' || c > '~') {
				t.Errorf("%s: has byte %#x", name, c)
				break
			}
		}
	}
}

// carelessKeys gives whatever makes a token pass.
type carelessKeys struct{ public any }

func (c carelessKeys) key(_ context.Context, _, alg string) (any, error) {
	switch {
	case strings.EqualFold(alg, "none"):
		return jwt.UnsafeAllowNoneSignatureType, nil
	case strings.HasPrefix(alg, "HS"):
		return []byte("secret"), nil
	}
	return c.public, nil
}

// The verifier does not rely on its keys alone.
func TestCarelessKeys(t *testing.T) {
	forgers, _ := clinicForgers()
	f := forgers[0]
	v := newTestVerifier(t, f.issuer, f.audience, carelessKeys{f.public}, func() time.Time { return noon })
	if _, err := v.verify(t.Context(), "Bearer "+f.good()); err != nil {
		t.Fatal(err)
	}
	signed := func(m jwt.SigningMethod, key any) string {
		f := f
		f.method, f.key = m, key
		return f.good()
	}
	for name, token := range map[string]string{
		"none": signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), "HS256": signed(jwt.SigningMethodHS256, []byte("secret")),
		"HS512": signed(jwt.SigningMethodHS512, []byte("secret")), "no id": f.withHeader(object{"kid": nil}), "empty id": f.withHeader(object{"kid": ""}),
	} {
		if _, err := v.verify(t.Context(), "Bearer "+token); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// What no HTTP server would let through is refused all the same.
func TestUnsendableHeaders(t *testing.T) {
	i := newTestIssuer(t)
	good, err := i.mint("somebody", time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, demoIssuer, demoAudience, i, func() time.Time { return noon })
	for name, header := range map[string]string{
		"space behind": "Bearer " + good + " ", "space before": " Bearer " + good, "line end": "Bearer " + good + "\n",
		"line ends inside": "Bearer " + good[:20] + "\r\n" + good[20:], "line end before dot": "Bearer " + strings.Replace(good, ".", "\n.", 1),
		"NUL behind": "Bearer " + good + "\x00", "NUL inside": "Bearer " + good[:20] + "\x00" + good[20:],
		"zero-width space": "Bearer " + good + "\u200b", "full-width dot": "Bearer " + strings.ReplaceAll(good, ".", "．"),
		"not UTF-8": "Bearer \xff\xfe" + good, "no-break space": "Bearer\u00a0" + good, "1 MB": "Bearer " + strings.Repeat("A", 1<<20),
	} {
		if _, err := v.verify(t.Context(), header); !errors.Is(err, errUnauthenticated) {
			t.Errorf("%s: got %v, want %v", name, err, errUnauthenticated)
		}
	}
}

// No letter of a token is idle.
func TestEveryLetterCounts(t *testing.T) {
	i := newTestIssuer(t)
	good, err := i.mint("somebody", time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, demoIssuer, demoAudience, i, func() time.Time { return noon })
	for at := range good {
		for _, letter := range []byte("Ag-.=\n") {
			if good[at] == letter {
				continue
			}
			altered := []byte("Bearer " + good)
			altered[len("Bearer ")+at] = letter
			if _, err := v.verify(t.Context(), string(altered)); err == nil {
				t.Errorf("letter %d as %q: got no error", at, letter)
			}
		}
		if _, err := v.verify(t.Context(), "Bearer "+good[:at]+good[at+1:]); err == nil {
			t.Errorf("without letter %d: got no error", at)
		}
	}
}

// A verifier that was told too little accepts nothing, instead of everything.
func TestVerifierNeedsIssuerAndAudience(t *testing.T) {
	forgers, keys := clinicForgers()
	f := forgers[0]
	for _, names := range [][2]string{{"", f.audience}, {f.issuer, ""}, {"", ""}} {
		v := newTestVerifier(t, names[0], names[1], keys, func() time.Time { return noon })
		for name, token := range map[string]string{"good": f.good(), "empty ones": f.withClaims(object{"iss": "", "aud": []string{"a", ""}})} {
			if _, err := v.verify(t.Context(), "Bearer "+token); err == nil {
				t.Errorf("issuer %q, audience %q, %s: got no error", names[0], names[1], name)
			}
		}
	}
}

// countedKeys counts how often a signature had to be verified.
type countedKeys struct {
	keySource
	asked int
}

func (c *countedKeys) key(ctx context.Context, kid, alg string) (any, error) {
	c.asked++
	return c.keySource.key(ctx, kid, alg)
}

func TestRememberedTokens(t *testing.T) {
	i := newTestIssuer(t)
	mint := func(subject string, ttl time.Duration) string {
		token, err := i.mint(subject, ttl, noon)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + token
	}
	long, short, other := mint("long", time.Hour), mint("short", 3*time.Second), mint("other", time.Hour)
	keys, clock := &countedKeys{keySource: i}, &stoppedClock{noon}
	v := newTestVerifier(t, demoIssuer, demoAudience, keys, clock.read)
	steps := []struct {
		name, header string
		at           time.Duration
		subject      string // empty: refused
		asked        int    // signatures verified so far
	}{
		{"first", long, 0, "long", 1},
		{"again", long, 0, "long", 1},
		{"another token", other, time.Second, "other", 2},
		{"just remembered", long, 5*time.Second - 1, "long", 2},
		{"forgotten after 5 s", long, 5 * time.Second, "long", 3},
		{"clock set back", long, 4 * time.Second, "long", 4},
		{"short", short, 2 * time.Second, "short", 5},
		{"short, last moment", short, 3*time.Second - 1, "short", 5},
		{"expired while remembered", short, 3 * time.Second, "", 6},
		{"case matters", strings.Replace(long, "Bearer", "bearer", 1), 4 * time.Second, "", 6},
	}
	for _, step := range steps {
		clock.now = noon.Add(step.at)
		got, err := v.verify(t.Context(), step.header)
		if got.Subject != step.subject || (err == nil) != (step.subject != "") || keys.asked != step.asked {
			t.Errorf("%s: got %q, %v, %d verified; want %q, %d", step.name, got.Subject, err, keys.asked, step.subject, step.asked)
		}
	}

	keys.keySource = heldKeys{}
	clock.now = noon.Add(4 * time.Second)
	if _, err := v.verify(t.Context(), long); err != nil {
		t.Errorf("key withdrawn, token remembered: got %v", err)
	}
	clock.now = clock.now.Add(rememberFor)
	if _, err := v.verify(t.Context(), long); err == nil {
		t.Error("key withdrawn 5 s ago: got no error")
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	r := recentTokens{seen: map[[32]byte]recentToken{}}
	who := identity{Subject: "somebody", Expires: noon.Add(time.Hour)}
	for n := range 3 * rememberAtMost {
		digest := sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		r.remember(digest, who, noon)
		if len(r.seen) > rememberAtMost {
			t.Fatalf("got %d remembered tokens, want at most %d", len(r.seen), rememberAtMost)
		}
		if _, ok := r.find(digest, noon); !ok {
			t.Fatalf("token %d is not remembered", n)
		}
	}
}

func TestVerifyConcurrently(t *testing.T) {
	i := newTestIssuer(t)
	v := newTestVerifier(t, demoIssuer, demoAudience, i, func() time.Time { return noon })
	var group sync.WaitGroup
	for n := range 8 {
		subject := string(rune('a' + n%4))
		token, err := i.mint(subject, time.Hour, noon)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for range 100 {
				if got, err := v.verify(t.Context(), "Bearer "+token); err != nil || got.Subject != subject {
					t.Errorf("got %q, %v; want %q", got.Subject, err, subject)
				}
			}
		})
	}
	group.Wait()
}

func TestIdentityHash(t *testing.T) {
	// Sign-ins are stored under it: it must never change.
	const want = "6a57b61851f47524f74272c472abf8a1"
	sum := identity{Issuer: "titrate:demo", Subject: "somebody", Expires: noon}.hash()
	if got := hex.EncodeToString(sum[:16]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	same := identity{Issuer: "titrate:demo", Subject: "somebody"}
	if same.hash() != sum {
		t.Error("the expiry changes the hash")
	}
	seen := map[[32]byte]identity{}
	for _, id := range []identity{
		{Issuer: "a", Subject: "bc"}, {Issuer: "ab", Subject: "c"}, {Issuer: "abc"}, {Subject: "abc"},
		{Issuer: "A", Subject: "bc"}, {Issuer: "a", Subject: "bc "}, {Issuer: "a/", Subject: "bc"}, {Issuer: "bc", Subject: "a"},
	} {
		if before, ok := seen[id.hash()]; ok {
			t.Errorf("%v and %v have one hash", before, id)
		}
		seen[id.hash()] = id
	}
}
