package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxTokenBytes   = 8 << 10
	maxSubjectBytes = 255             // OpenID Connect Core 1.0, section 2
	clockLeeway     = time.Minute     // how far the issuer's clock may be ahead, for nbf and iat; exp has none
	rememberFor     = 5 * time.Second // so long may a withdrawn key still count
	rememberAtMost  = 10_000
	lastSecond      = 253402300799 // the end of the year 9999: beyond, arithmetic on times wraps around
)

// errUnauthenticated is the only answer to a request without a valid token: why it is refused
// would help nobody but an attacker.
var errUnauthenticated = errors.New("no valid access token")

// badToken says why a token is not accepted. It never quotes the token, so it may be logged.
type badToken string

func (r badToken) Error() string { return string(r) }

// identity is who a valid token speaks for. What they may do stands in the clinic's records.
type identity struct {
	Issuer, Subject string
	Expires         time.Time
}

// hash is the key under which a sign-in is stored. The lengths keep (ab, c) and (a, bc) apart.
func (id identity) hash() [32]byte {
	var b []byte
	for _, s := range []string{id.Issuer, id.Subject} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// verifier accepts the access tokens of one issuer for one audience (RFC 7519, 8725, 9068).
type verifier struct {
	open   bool
	keys   keySource
	clock  func() time.Time
	log    *slog.Logger
	parser *jwt.Parser
	recent recentTokens
}

// newVerifier takes over keys: whoever closes the verifier closes them.
func newVerifier(issuer, audience string, keys keySource, clock func() time.Time, log *slog.Logger) *verifier {
	return &verifier{
		open: issuer != "" && audience != "", // the parser would take an empty one for "any"
		keys: keys, clock: clock, log: log,
		parser: jwt.NewParser(
			jwt.WithValidMethods(slices.Concat(rsaAlgorithms, []string{"ES256", "ES384", "EdDSA"})),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(clockLeeway),
			jwt.WithTimeFunc(clock),
			jwt.WithStrictDecoding(),
		),
		recent: recentTokens{seen: map[[32]byte]recentToken{}},
	}
}

// Close ends what the keys do in the background.
func (v *verifier) Close() {
	if keys, ok := v.keys.(io.Closer); ok {
		_ = keys.Close()
	}
}

// verify tells who a request's only Authorization header speaks for. The only error is
// errUnauthenticated; the reason goes to the log at debug level.
func (v *verifier) verify(ctx context.Context, header string) (identity, error) {
	who, err := v.check(ctx, header)
	if err != nil {
		v.log.DebugContext(ctx, "access token refused", "reason", reason(err))
		return identity{}, errUnauthenticated
	}
	return who, nil
}

func (v *verifier) check(ctx context.Context, header string) (identity, error) {
	if !v.open {
		return identity{}, badToken("no issuer or no audience is configured")
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return identity{}, badToken("no bearer token")
	}
	if len(token) > maxTokenBytes {
		return identity{}, badToken("token too long")
	}
	now, digest := v.clock(), sha256.Sum256([]byte(token))
	if who, ok := v.recent.find(digest, now); ok {
		return who, nil
	}
	if err := wellFormed(token); err != nil {
		return identity{}, err
	}
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if kid == "" {
			return nil, badToken("no key id")
		}
		return v.keys.key(ctx, kid, t.Method.Alg())
	})
	if err != nil {
		return identity{}, err
	}
	who, err := identityOf(claims)
	if err != nil {
		return identity{}, err
	}
	if !now.Before(who.Expires) { // the parser grants exp the leeway too
		return identity{}, jwt.ErrTokenExpired
	}
	v.recent.remember(digest, who, now)
	return who, nil
}

// wellFormed refuses what lenient readers understand in more than one way, before the parser,
// which is one of them, sees it: it skips line ends inside base64 and takes the last of two
// members with one name.
func wellFormed(token string) error {
	for _, c := range []byte(token) {
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return badToken("token has characters outside base64url")
		}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return badToken("token does not have three parts")
	}
	header, err := uniqueMembers(parts[0])
	if err != nil {
		return err
	}
	if _, err := uniqueMembers(parts[1]); err != nil {
		return err
	}
	// Extensions that change what the rest means; none is supported. jku, jwk, x5u and x5c
	// need no mention: nothing ever reads them.
	for _, name := range []string{"crit", "b64", "cty", "enc", "zip"} {
		if _, ok := header[name]; ok {
			return badToken("header has an extension that is not supported")
		}
	}
	if typ, ok := header["typ"]; ok && !accessTokenType(typ) {
		return badToken("not the type of an access token")
	}
	return nil
}

// accessTokenType keeps other tokens that the issuer signs with the same key (log-outs, security
// events, proofs of possession) from being taken for access tokens.
func accessTokenType(raw json.RawMessage) bool {
	var typ *string
	if json.Unmarshal(raw, &typ) != nil || typ == nil {
		return false
	}
	return slices.ContainsFunc([]string{"JWT", "at+jwt", "application/at+jwt"}, func(known string) bool {
		return strings.EqualFold(*typ, known) // media types have no case
	})
}

// uniqueMembers decodes a part of a token that must be one JSON object, each name once.
func uniqueMembers(part string) (map[string]json.RawMessage, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || !utf8.Valid(text) {
		return nil, badToken("part is not base64url of UTF-8")
	}
	notAnObject := badToken("part is not one JSON object")
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, notAnObject
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, notAnObject
		}
		if _, ok := members[name]; ok {
			return nil, badToken("part has the same name twice")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notAnObject
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, notAnObject
	}
	return members, nil
}

// identityOf reads claims that the parser has accepted.
func identityOf(claims jwt.MapClaims) (identity, error) {
	for _, name := range []string{"exp", "nbf", "iat"} {
		claim, ok := claims[name]
		seconds, number := claim.(float64)
		if ok && (!number || seconds < 0 || seconds > lastSecond) {
			return identity{}, badToken("time out of range")
		}
	}
	issuer, err := claims.GetIssuer()
	if err != nil {
		return identity{}, err
	}
	subject, err := claims.GetSubject()
	if err != nil {
		return identity{}, err
	}
	if !validSubject(subject) {
		return identity{}, badToken("subject missing, too long or not text")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil {
		return identity{}, err
	}
	return identity{Issuer: issuer, Subject: subject, Expires: expires.UTC()}, nil
}

// validSubject also refuses U+FFFD, which the JSON reader writes for halves of characters: two
// subjects that differ only there would be one.
func validSubject(s string) bool {
	return s != "" && len(s) <= maxSubjectBytes && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}

// reason names a cause without the parser's own text, which may quote the token.
func reason(err error) string {
	if r, ok := errors.AsType[badToken](err); ok {
		return r.Error()
	}
	for _, known := range []error{
		jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued,
		jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience, jwt.ErrTokenRequiredClaimMissing,
		jwt.ErrInvalidType, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenUnverifiable, jwt.ErrTokenMalformed,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "token is invalid"
}

// recentTokens remembers by their digest the tokens that were verified a moment ago: a signature
// costs as much as the database's answer.
type recentTokens struct {
	mu   sync.Mutex
	seen map[[32]byte]recentToken
}

type recentToken struct {
	who identity
	at  time.Time
}

func (r *recentTokens) find(digest [32]byte, now time.Time) (identity, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.seen[digest]
	age := now.Sub(t.at)
	if !ok || age < 0 || age >= rememberFor || !now.Before(t.who.Expires) {
		return identity{}, false
	}
	return t.who, true
}

func (r *recentTokens) remember(digest [32]byte, who identity, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) >= rememberAtMost {
		clear(r.seen) // an order of age would cost every request more than this costs one in thousands
	}
	r.seen[digest] = recentToken{who, now}
}
