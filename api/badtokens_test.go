package api

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// badTokens are Authorization headers that must be answered with 401 by a server that trusts
// this issuer and whose clock shows now. Each differs from a good one in a single way. All can be
// sent over HTTP. Tokens that name an address name a listener, and the test fails when anybody
// asks it.
func badTokens(t testing.TB, i *issuer, now time.Time) map[string]string {
	t.Helper()
	return forger{
		method: jwt.SigningMethodEdDSA, key: i.private, public: i.private.Public(), kid: i.kid,
		issuer: demoIssuer, audience: demoAudience, now: now,
	}.badTokens(t)
}

func (f forger) badTokens(t testing.TB) map[string]string {
	t.Helper()
	bad := map[string]string{}
	for group, tokens := range map[string]map[string]string{
		"algorithm": f.badAlgorithms(t), "key": f.badKeys(t), "header": f.badHeaders(),
		"claim": f.badClaims(), "time": f.badTimes(), "twice": f.duplicates(),
		"shape": f.badShapes(), "signature": f.badSignatures(),
	} {
		for name, token := range tokens {
			bad[group+" "+name] = "Bearer " + token
		}
	}
	for name, header := range f.badSchemes() {
		bad["scheme "+name] = header
	}
	return bad
}

func (f forger) badAlgorithms(t testing.TB) map[string]string {
	unsigned := func(alg any) string {
		return encode(text(change(f.header(), object{"alg": alg}))) + "." + encode(text(f.claims()))
	}
	signature := f.good()[strings.LastIndex(f.good(), "."):]
	bad := map[string]string{
		"none with the real signature": unsigned("none") + signature,
		"none with blank signature":    unsigned("none") + "." + encode(" "),
		"missing":                      f.withHeader(object{"alg": nil}),
		"lower case":                   f.withHeader(object{"alg": strings.ToLower(f.method.Alg())}),
		"space behind":                 f.withHeader(object{"alg": f.method.Alg() + " "}),
		"array":                        f.withHeader(object{"alg": []string{f.method.Alg()}}),
		"unknown":                      f.withHeader(object{"alg": "RS1"}),
		"ES256K":                       f.withHeader(object{"alg": "ES256K"}),
		"unknown, 4 KB":                f.withHeader(object{"alg": strings.Repeat("A", 4000)}),
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		bad[fmt.Sprintf("%q unsigned", alg)] = unsigned(alg) + "."
	}
	for name, alg := range map[string]any{"null": null, "number": 0, "false": false, "object": object{}} {
		bad[name+" unsigned"] = unsigned(alg) + "."
	}
	// A verifier that takes the algorithm from the token takes a public key for a shared secret.
	for name, secret := range f.publicForms(t) {
		for _, m := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			bad[m.Alg()+" with "+name] = signWith(m, secret, unsigned(m.Alg()))
		}
	}
	// Another family under the known key's id, with a key of that family.
	for _, m := range []jwt.SigningMethod{
		jwt.SigningMethodRS256, jwt.SigningMethodPS256, jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodES512, jwt.SigningMethodEdDSA,
	} {
		if !slices.Contains(algorithmsOf(f.public), m.Alg()) {
			bad[m.Alg()+" instead"] = signWith(m, foreignKey(m), unsigned(m.Alg()))
		}
	}
	for alg, size := range map[string]int{"ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64, "RS256": 256, "PS256": 256} {
		bad[alg+" of zeros"] = unsigned(alg) + "." + encode(string(make([]byte, size)))
	}
	return bad
}

func (f forger) badKeys(t testing.TB) map[string]string {
	asked := make(chan string, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.Path:
		default:
		}
		_, _ = w.Write([]byte(`{"keys":[]}`))
	}))
	t.Cleanup(func() {
		listener.Close()
		select {
		case path := <-asked:
			t.Errorf("somebody asked for %s, an address from a token", path)
		default:
		}
	})
	foreign := f
	foreign.key = foreignKey(f.method)
	own := foreign.key.(crypto.Signer).Public()
	jwk := jose.JSONWebKey{Key: own, KeyID: f.kid, Algorithm: f.method.Alg(), Use: "sig"}
	chain := []string{selfSigned(t, foreign.key, own)}
	at := func(path string) string { return listener.URL + path }

	bad := map[string]string{
		"foreign":                     foreign.good(),
		"foreign in jwk":              foreign.withHeader(object{"jwk": jwk}),
		"foreign in jwk, no id":       foreign.withHeader(object{"jwk": jwk, "kid": nil}),
		"foreign in x5c":              foreign.withHeader(object{"x5c": chain}),
		"foreign at jku":              foreign.withHeader(object{"jku": at("/jku")}),
		"foreign at jku, no id":       foreign.withHeader(object{"jku": at("/jku"), "kid": nil}),
		"foreign at jku, unknown id":  foreign.withHeader(object{"jku": at("/jku"), "kid": "new"}),
		"foreign at jku with user":    foreign.withHeader(object{"jku": strings.Replace(at("/user"), "//", "//issuer@", 1)}),
		"foreign at x5u":              foreign.withHeader(object{"x5u": at("/x5u")}),
		"foreign at x5u, unknown id":  foreign.withHeader(object{"x5u": at("/x5u"), "kid": "new"}),
		"foreign at the id":           foreign.withHeader(object{"kid": at("/kid")}),
		"foreign of a foreign issuer": foreign.sign(f.header(), change(f.claims(), object{"iss": listener.URL})),
		"id missing":                  f.withHeader(object{"kid": nil}),
		"id empty":                    f.withHeader(object{"kid": ""}),
		"id null":                     f.withHeader(object{"kid": null}),
		"id number":                   f.withHeader(object{"kid": 1}),
		"id array":                    f.withHeader(object{"kid": []string{f.kid}}),
		"id object":                   f.withHeader(object{"kid": object{"kid": f.kid}}),
		"id of somebody else":         f.withHeader(object{"kid": "new"}),
		"id in capitals":              f.withHeader(object{"kid": strings.ToUpper(f.kid)}),
		"id with space":               f.withHeader(object{"kid": f.kid + " "}),
		"id with NUL":                 f.withHeader(object{"kid": f.kid + "\x00"}),
		"id of 4 KB":                  f.withHeader(object{"kid": strings.Repeat("k", 4000)}),
	}
	for name, kid := range map[string]string{
		"path": "../../../../../../dev/null", "absolute path": "/dev/null", "SQL": "x' UNION SELECT '' --",
		"command": "x;/bin/true|", "LDAP": "*)(kid=*", "template": "{{.}}${7*7}", "line ends": "k\r\nX: 1",
	} {
		bad["id as "+name] = f.withHeader(object{"kid": kid})
		empty := change(f.header(), object{"kid": kid, "alg": "HS256"})
		bad["id as "+name+", HS256 with no secret"] = signWith(jwt.SigningMethodHS256, []byte{}, encode(text(empty))+"."+encode(text(f.claims())))
	}
	return bad
}

func (f forger) badHeaders() map[string]string {
	bad := map[string]string{
		"crit known":    f.withHeader(object{"crit": []string{"exp"}, "exp": f.now.Add(time.Hour).Unix()}),
		"crit unknown":  f.withHeader(object{"crit": []string{"x"}, "x": true}),
		"crit empty":    f.withHeader(object{"crit": []string{}}),
		"crit null":     f.withHeader(object{"crit": null}),
		"b64 false":     f.withHeader(object{"b64": false}),
		"b64 critical":  f.withHeader(object{"b64": false, "crit": []string{"b64"}}),
		"cty JWT":       f.withHeader(object{"cty": "JWT"}),
		"enc":           f.withHeader(object{"enc": "A256GCM"}),
		"zip":           f.withHeader(object{"zip": "DEF"}),
		"unencoded":     signWith(f.method, f.key, encode(text(change(f.header(), object{"b64": false})))+"."+"x"),
		"nested token":  f.signText(text(change(f.header(), object{"cty": "JWT"})), f.good()),
		"quoted token":  f.signText(text(f.header()), `"`+f.good()+`"`),
		"type as array": f.withHeader(object{"typ": []string{"JWT"}}),
		"type null":     f.withHeader(object{"typ": null}),
		"type number":   f.withHeader(object{"typ": 7}),
	}
	for _, typ := range []string{
		"", "JWS", "JOSE", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "client-authentication+jwt",
		"oauth-authz-req+jwt", "token-introspection+jwt", "at+jwt ", "at+jwt\x00", "application/jwt",
	} {
		bad[fmt.Sprintf("type %q", typ)] = f.withHeader(object{"typ": typ})
	}
	return bad
}

func (f forger) badClaims() map[string]string {
	bad := map[string]string{}
	for name, value := range map[string]any{
		"missing": nil, "null": null, "empty": "", "number": 1, "true": true, "object": object{f.audience: true},
		"foreign": "another-service", "longer": f.audience + "2", "shorter": f.audience[:len(f.audience)-1],
		"in capitals": strings.ToUpper(f.audience), "with space": f.audience + " ", "with NUL": f.audience + "\x00",
		"list in text": f.audience + " another", "empty array": []string{}, "foreign array": []string{"a", "b"},
		"array with number": []any{f.audience, 1}, "array in array": [][]string{{f.audience}}, "array of empty": []string{""},
		"array with null": []any{f.audience, null},
	} {
		bad["aud "+name] = f.withClaims(object{"aud": value})
	}
	for name, value := range map[string]any{
		"missing": nil, "null": null, "empty": "", "number": 1, "array": []string{f.issuer}, "object": object{"iss": f.issuer},
		"foreign": "https://issuer.example", "with slash": f.issuer + "/", "with path": f.issuer + "/..", "in capitals": strings.ToUpper(f.issuer),
		"space before": " " + f.issuer, "shorter": f.issuer[:len(f.issuer)-1], "with fragment": f.issuer + "#", "with NUL": f.issuer + "\x00",
	} {
		bad["iss "+name] = f.withClaims(object{"iss": value})
	}
	for name, value := range map[string]any{
		"missing": nil, "null": null, "empty": "", "number": 1, "array": []string{"somebody"}, "of 256": strings.Repeat("s", 256),
		"with NUL": "some\x00body", "with line end": "some\nbody", "half a character": json.RawMessage(`"some\ud800body"`),
	} {
		bad["sub "+name] = f.withClaims(object{"sub": value})
	}
	bad["not UTF-8"] = f.signText(text(f.header()), f.claimsAnd(",\"name\":\"\xff\"}"))
	return bad
}

func (f forger) badTimes() map[string]string {
	in := func(d time.Duration) int64 { return f.now.Add(d).Unix() }
	bad := map[string]string{
		"exp in capitals":   f.withClaims(object{"exp": nil, "EXP": in(time.Hour)}),
		"exp past, EXP not": f.signText(text(f.header()), strings.TrimSuffix(text(change(f.claims(), object{"exp": in(-time.Hour)})), "}")+fmt.Sprintf(`,"EXP":%d}`, in(time.Hour))),
		"all in the future": f.withClaims(object{"iat": in(time.Hour), "nbf": in(time.Hour), "exp": in(2 * time.Hour)}),
	}
	for name, value := range map[string]any{
		"missing": nil, "now": in(0), "a second ago": in(-time.Second), "an hour ago": in(-time.Hour), "zero": 0, "negative": -1,
		"in milliseconds": f.now.Add(time.Hour).UnixMilli(), "of 30 digits": json.RawMessage("100000000000000000000000000000"),
	} {
		bad["exp "+name] = f.withClaims(object{"exp": value})
	}
	for _, claim := range []string{"nbf", "iat"} {
		for name, value := range map[string]any{
			"in 61 s": in(61 * time.Second), "in a year": in(365 * 24 * time.Hour), "in milliseconds": f.now.UnixMilli(),
			"of 30 digits": json.RawMessage("100000000000000000000000000000"), "negative": -1,
		} {
			bad[claim+" "+name] = f.withClaims(object{claim: value})
		}
	}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		right := in(0)
		if claim == "exp" {
			right = in(time.Hour)
		}
		for name, value := range map[string]any{
			"as text": fmt.Sprint(right), "as date": f.now.Format(time.RFC3339), "as array": []int64{right},
			"null": null, "true": true, "beyond numbers": json.RawMessage("1e400"), "vast": json.RawMessage("1e300"),
		} {
			bad[claim+" "+name] = f.withClaims(object{claim: value})
		}
	}
	return bad
}

// duplicates have a right value last or first; readers differ in which they take.
func (f forger) duplicates() map[string]string {
	bad := map[string]string{}
	for name, value := range f.claims() {
		quoted, _ := json.Marshal(value)
		bad["claim "+name] = f.signText(text(f.header()), f.claimsAnd(fmt.Sprintf(`,%q:%s}`, name, quoted)))
		bad["claim "+name+", another first"] = f.signText(text(f.header()), fmt.Sprintf(`{%q:"x",`, name)+text(f.claims())[1:])
	}
	for name, value := range f.header() {
		bad["header "+name] = f.signText(f.headerAnd(fmt.Sprintf(`,%q:%q}`, name, value)), text(f.claims()))
		bad["header "+name+", another first"] = f.signText(fmt.Sprintf(`{%q:"x",`, name)+text(f.header())[1:], text(f.claims()))
	}
	bad["header alg, none first"] = f.signText(`{"alg":"none",`+text(f.header())[1:], text(f.claims()))
	bad["claim sub, one escaped"] = f.signText(text(f.header()), f.claimsAnd(`,"\u0073ub":"admin"}`))
	bad["claim of no use"] = f.signText(text(f.header()), f.claimsAnd(`,"x":1,"x":1}`))
	return bad
}

func (f forger) badShapes() map[string]string {
	good := f.good()
	parts := strings.Split(good, ".")
	header, claims, signature := parts[0], parts[1], parts[2]
	bad := map[string]string{
		"empty": "", "dots": "..", "one dot": ".", "word": "token", "two parts": header + "." + claims,
		"two parts and a dot": header + "." + claims + ".", "no header": "." + claims + "." + signature,
		"no payload": header + ".." + signature, "four parts": good + "." + signature, "dot behind": good + ".",
		"dot before": "." + good, "two dots": header + ".." + claims + "." + signature,
		"encrypted, five parts": strings.Join([]string{
			encode(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"` + f.kid + `"}`), encode("key"), encode("iv"), encode(text(f.claims())), encode("tag"),
		}, "."),
		"encrypted with no key": strings.Join([]string{encode(`{"alg":"dir","enc":"A128CBC-HS256"}`), "", encode("iv"), encode("text"), encode("tag")}, "."),
		"JSON serialization":    fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, claims, header, signature),
		"header empty":          f.signText("", text(f.claims())), "header array": f.signText("["+text(f.header())+"]", text(f.claims())),
		"header null": f.signText("null", text(f.claims())), "header not JSON": f.signText("alg="+f.method.Alg(), text(f.claims())),
		"header and more":  f.signText(text(f.header())+"{}", text(f.claims())),
		"header cut":       f.signText(strings.TrimSuffix(text(f.header()), "}"), text(f.claims())),
		"payload empty":    f.signText(text(f.header()), ""),
		"payload {}":       f.signText(text(f.header()), "{}"),
		"payload array":    f.signText(text(f.header()), "["+text(f.claims())+"]"),
		"payload null":     f.signText(text(f.header()), "null"),
		"payload text":     f.signText(text(f.header()), `"somebody"`),
		"payload and more": f.signText(text(f.header()), text(f.claims())+`{"sub":"admin"}`),
		"payload cut":      f.signText(text(f.header()), strings.TrimSuffix(text(f.claims()), "}")),
		"payload comma":    f.signText(text(f.header()), f.claimsAnd(",}")),
		"payload with BOM": f.signText(text(f.header()), "\ufeff"+text(f.claims())),
		"payload and NUL":  f.signText(text(f.header()), text(f.claims())+"\x00"),
		"over 8 KB":        f.withClaims(object{"x": strings.Repeat("x", 6200)}),
		"over 8 KB, deep":  f.signText(text(f.header()), f.claimsAnd(`,"x":`+strings.Repeat("[", 3100)+strings.Repeat("]", 3100)+"}")),
		"garbage of 10 KB": strings.Repeat("A.", 5000),
	}
	for name, twist := range map[string]func(string) string{
		"padded":              func(s string) string { return s + "=" },
		"with plus":           func(s string) string { return s[:4] + "+" + s[5:] },
		"with slash":          func(s string) string { return s[:4] + "/" + s[5:] },
		"escaped":             func(s string) string { return s[:4] + "%41" + s[5:] },
		"with space":          func(s string) string { return s[:8] + " " + s[8:] },
		"with one letter off": func(s string) string { return s[:len(s)-1] },
	} {
		bad["header "+name] = twist(header) + "." + claims + "." + signature
		bad["payload "+name] = header + "." + twist(claims) + "." + signature
		bad["signature "+name] = header + "." + claims + "." + twist(signature)
	}
	maps.Copy(bad, f.paddedAndSigned())
	return bad
}

// paddedAndSigned are encodings of the right bytes that are not the canonical one, under a
// signature that is right for them.
func (f forger) paddedAndSigned() map[string]string {
	claims := text(f.claims())
	for len(claims)%3 != 1 { // so that padding is due, and the last letter has four idle bits
		claims += " "
	}
	encoded := encode(claims)
	idle := encoded[:len(encoded)-1] + string(encoded[len(encoded)-1]+1)
	header := encode(text(f.header()))
	return map[string]string{
		"padded and signed":           signWith(f.method, f.key, header+"."+encoded+"=="),
		"idle bits set and signed":    signWith(f.method, f.key, header+"."+idle),
		"standard base64 and signed":  signWith(f.method, f.key, header+"."+base64.StdEncoding.EncodeToString([]byte(f.claimsAnd(`,"x":"???>>>~~~"}`)))),
		"payload unencoded, signed":   signWith(f.method, f.key, header+"."+text(f.claims())),
		"payload encoded twice":       signWith(f.method, f.key, header+"."+encode(encoded)),
		"payload with dot and signed": signWith(f.method, f.key, header+"."+encoded+"."+encode("{}")),
	}
}

func (f forger) badSignatures() map[string]string {
	good := f.good()
	input, last := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, ".")+1:]
	header, claims, _ := strings.Cut(input, ".")
	raw := decode(last)
	signed := func(signature []byte) string { return input + "." + base64.RawURLEncoding.EncodeToString(signature) }
	flip := func(at int) []byte { b := bytes.Clone(raw); b[at] ^= 1; return b }
	other := f.withClaims(object{"sub": "somebody else"})
	admin := encode(text(change(f.claims(), object{"sub": "admin"})))
	longer := encode(text(change(f.claims(), object{"exp": f.now.Add(48 * time.Hour).Unix()})))
	untyped := encode(text(change(f.header(), object{"typ": nil})))
	bad := map[string]string{
		"of zeros": signed(make([]byte, len(raw))), "of ones": signed(bytes.Repeat([]byte{0xff}, len(raw))),
		"one byte": signed(raw[:1]), "cut": signed(raw[:len(raw)-1]), "half": signed(raw[:len(raw)/2]),
		"longer": signed(append(bytes.Clone(raw), 0)), "zero before": signed(append([]byte{0}, raw...)),
		"twice": signed(append(bytes.Clone(raw), raw...)), "first bit": signed(flip(0)), "last bit": signed(flip(len(raw) - 1)),
		"of another token": input + other[strings.LastIndex(other, "."):],
		"of the payload":   input + "." + strings.Split(signWith(f.method, f.key, claims), ".")[1],
		"subject altered":  header + "." + admin + "." + last,
		"expiry altered":   header + "." + longer + "." + last,
		"header altered":   untyped + "." + claims + "." + last,
	}
	if len(raw)%3 != 0 {
		bad["idle bits set"] = idleBits(good)
	}
	if _, ok := f.public.(*ecdsa.PublicKey); ok {
		half := len(raw) / 2
		one := make([]byte, len(raw))
		one[half-1], one[len(raw)-1] = 1, 1
		r, s := new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])
		der := append([]byte{0x30, byte(len(raw) + 4), 2, byte(half)}, r.Bytes()...)
		bad["halves swapped"] = signed(append(bytes.Clone(raw[half:]), raw[:half]...))
		bad["of one and one"] = signed(one)
		bad["in DER"] = signed(append(append(der, 2, byte(half)), s.Bytes()...))
	}
	return bad
}

// idleBits sets a bit of the last letter that lenient decoders ignore. There are some unless the
// bytes come in threes.
func idleBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(token) - 1
	return token[:end] + string(alphabet[strings.IndexByte(alphabet, token[end])|1])
}

func (f forger) badSchemes() map[string]string {
	good := f.good()
	return map[string]string{
		"empty": "", "missing": good, "alone": "Bearer", "lower case": "bearer " + good, "capitals": "BEARER " + good,
		"Basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:admin")), "Basic with token": "Basic " + good,
		"DPoP": "DPoP " + good, "Token": "Token " + good, "colon": "Bearer: " + good, "tab": "Bearer\t" + good,
		"two spaces": "Bearer  " + good, "quoted": `Bearer "` + good + `"`, "named": "Bearer token=" + good, "twice": "Bearer Bearer " + good,
		"two tokens": "Bearer " + good + " " + good, "two values": "Bearer " + good + ", Bearer " + good, "list": "Bearer " + good + "," + good,
		"Basic first": "Basic eDp4, Bearer " + good, "more behind": "Bearer " + good + " x", "null": "Bearer null",
	}
}
