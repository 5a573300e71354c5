package api

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// The embedded issuer signs tokens for the people of a demo, so that the first start needs no
// OpenID provider.
const (
	demoIssuer   = "titrate:demo"
	demoAudience = "titrate"
)

// demoMark opens the key files that were made here. Readers of PEM skip it; production does not.
const demoMark = "Titrate demo key: made on first start, signs in anybody, refused in production.\n"

// issuer signs and verifies the demo's tokens. It is the keySource of its own key.
type issuer struct {
	private  ed25519.PrivateKey
	kid      string
	document []byte
}

// newIssuer names the key by its thumbprint (RFC 7638): another key has another id.
func newIssuer(private ed25519.PrivateKey) (*issuer, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, errors.New("the embedded issuer has no signing key")
	}
	key := jose.JSONWebKey{Key: private.Public()}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	key.Algorithm, key.Use = jwt.SigningMethodEdDSA.Alg(), "sig"
	document, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &issuer{private: private, kid: key.KeyID, document: document}, nil
}

func (i *issuer) key(_ context.Context, kid, alg string) (any, error) {
	if kid != i.kid || alg != jwt.SigningMethodEdDSA.Alg() {
		return nil, errUnknownKey
	}
	return i.private.Public(), nil
}

// mint signs an access token (RFC 9068) for subject that is valid from now for ttl, in whole
// seconds.
func (i *issuer) mint(subject string, ttl time.Duration, now time.Time) (string, error) {
	if !validSubject(subject) {
		return "", errors.New("subject of a token: 1 to 255 bytes of text")
	}
	if ttl < time.Second {
		return "", errors.New("token must be valid for at least a second")
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": demoIssuer, "aud": demoAudience, "sub": subject, "client_id": "titrate-cli",
		"iat": now.Unix(), "exp": now.Add(ttl).Unix(), "jti": id.String(),
	})
	token.Header["typ"] = "at+jwt"
	token.Header["kid"] = i.kid
	return token.SignedString(i.private)
}

// jwks is the document for /.well-known/jwks.json: the public key alone.
func (i *issuer) jwks() []byte { return i.document }

// loadOrCreateKey reads the demo's signing key, or makes one if there is no file. Processes that
// start together get the same key, and a crash leaves a whole file or none.
func loadOrCreateKey(path string) (ed25519.PrivateKey, error) {
	text, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil {
			return nil, fmt.Errorf("signing key: %w", err)
		}
		text, err = readKeyFile(path)
	}
	if err != nil {
		return nil, err
	}
	// A damaged file is never replaced: everything sealed with it would be lost.
	return parseKey(text)
}

func createKey(path string) error {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	text := append([]byte(demoMark), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	// A link, unlike a renaming, never replaces the key of a process that was faster.
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func readKeyFile(path string) ([]byte, error) {
	const limit = 64 << 10
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	if len(text) > limit {
		return nil, errors.New("signing key: file is larger than 64 KB")
	}
	return text, nil
}

func parseKey(text []byte) (ed25519.PrivateKey, error) {
	wrong := errors.New("signing key: file is not an Ed25519 private key in PEM (PKCS #8)")
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, wrong
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, wrong // without the cause, which may quote the file
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, wrong
	}
	return private, nil
}

// loadSecret reads the file that this deployment's other keys are derived from: an Ed25519 key in
// PEM, or else at least 32 random bytes in any form. create makes a missing one. The embedded
// issuer's key is that key or derived like the others. No error quotes the file.
func loadSecret(path string, create bool) (secret []byte, signing ed25519.PrivateKey, err error) {
	if create {
		signing, err = loadOrCreateKey(path)
		if err != nil {
			return nil, nil, err
		}
		return signing.Seed(), signing, nil
	}
	text, err := readKeyFile(path)
	if err != nil {
		return nil, nil, err
	}
	if bytes.Contains(text, []byte("-----BEGIN ")) {
		signing, err = parseKey(text)
		if err != nil {
			return nil, nil, err
		}
		return signing.Seed(), signing, nil
	}
	if len(text) < 32 || guessable(text) {
		return nil, nil, errors.New("signing key: file must hold at least 32 random bytes, as from openssl rand")
	}
	seed := deriveKey(text, "signing")
	return text, ed25519.NewKeyFromSeed(seed[:]), nil // untrimmed: a random byte may be a line end
}

// demoKeyFile reports whether the file was made by loadOrCreateKey, wherever it was copied to.
func demoKeyFile(path string) bool {
	text, err := readKeyFile(path)
	return err == nil && bytes.Contains(text, []byte(demoMark))
}

// guessable recognises passwords, counted and repeated ones. It judges by how much the bytes, and
// the steps between them, vary: 128 bits at least, where 32 random bytes have about 155.
func guessable(secret []byte) bool {
	line := bytes.TrimRight(secret, "\r\n")
	period := 1
	for period < len(line) && !bytes.Equal(line[period:], line[:len(line)-period]) {
		period++
	}
	steps := make([]byte, len(secret)-1)
	for i := range steps {
		steps[i] = secret[i+1] - secret[i]
	}
	return period < 24 || min(variety(secret), variety(steps)) < 128
}

// variety is the Shannon entropy of the bytes' frequencies, in bits for the whole.
func variety(b []byte) float64 {
	var count [256]float64
	for _, c := range b {
		count[c]++
	}
	var bits float64
	for _, n := range count {
		if n > 0 {
			bits += n * math.Log2(float64(len(b))/n)
		}
	}
	return bits
}

// deriveKey makes an independent key for each label, so that no two uses of one secret meet.
func deriveKey(secret []byte, label string) [32]byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "titrate/"+label, sha256.Size)
	if err != nil {
		panic(err) // only for a key longer than 255 hashes
	}
	return [32]byte(key)
}
