package webhook

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The headers of a message.
const (
	// HeaderID names the message: the same each time that it is sent.
	HeaderID = standardwebhooks.HeaderWebhookID
	// HeaderTimestamp is when this attempt was made, in seconds since 1970.
	HeaderTimestamp = standardwebhooks.HeaderWebhookTimestamp
	// HeaderSignature is a list of signatures, separated by spaces, each "v1," and base64.
	HeaderSignature = standardwebhooks.HeaderWebhookSignature
)

// Tolerance is how far a message's time may be from the receiver's clock, in either direction.
const Tolerance = 5 * time.Minute

// Errors of [Sign] and [Verify]. None of them holds a secret or a byte of a message.
var (
	// ErrSecret: the secret is not "whsec_" and base64 of 24 to 64 bytes.
	ErrSecret = errors.New("webhook: not a secret")
	// ErrHeaders: a header is missing or cannot be read.
	ErrHeaders = errors.New("webhook: headers missing or malformed")
	// ErrTime: the message is older or newer than the tolerance allows, perhaps a replay.
	ErrTime = errors.New("webhook: time outside of the tolerance")
	// ErrSignature: no signature was made with one of the secrets.
	ErrSignature = errors.New("webhook: no signature matches")
)

const (
	secretPrefix   = "whsec_"
	shortestSecret = 24 // bytes, as the standard says
	longestSecret  = 64
)

// Secret writes a key of 24 to 64 random bytes as a secret: "whsec_" and base64.
func Secret(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// Sign returns the headers of a message that is sent at that time, with one signature for each secret.
// The error is ErrSecret or, for an id that is empty or holds anything but letters, digits, "_" and "-",
// ErrHeaders.
func Sign(id string, at time.Time, body []byte, secrets ...string) (http.Header, error) {
	if id == "" || strings.ContainsFunc(id, notInID) || len(secrets) == 0 {
		return nil, ErrHeaders
	}
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		w, err := open(secret)
		if err != nil {
			return nil, err
		}
		if signatures[i], err = w.Sign(id, at, body); err != nil {
			return nil, err
		}
	}
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, strings.Join(signatures, " "))
	return h, nil
}

// notInID: a full stop would let one message be taken for another.
func notInID(r rune) bool {
	return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// Verify reports whether body was signed with one of the secrets, not longer than [Tolerance] before or
// after now. Signatures are compared in constant time. The errors are ErrHeaders, ErrTime, ErrSignature and
// ErrSecret.
func Verify(header http.Header, body []byte, now time.Time, secrets ...string) error {
	seconds, err := strconv.ParseInt(header.Get(HeaderTimestamp), 10, 64)
	if err != nil || header.Get(HeaderID) == "" || header.Get(HeaderSignature) == "" {
		return ErrHeaders
	}
	if age := now.Unix() - seconds; age > int64(Tolerance.Seconds()) || age < -int64(Tolerance.Seconds()) {
		return ErrTime
	}
	for _, secret := range secrets {
		w, err := open(secret)
		if err != nil {
			return err
		}
		if w.VerifyIgnoringTimestamp(body, header) == nil {
			return nil
		}
	}
	return ErrSignature
}

// open refuses what the library would take: an empty key, with which anybody can sign.
func open(secret string) (*standardwebhooks.Webhook, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < shortestSecret || len(key) > longestSecret {
		return nil, ErrSecret
	}
	w, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return nil, ErrSecret
	}
	return w, nil
}
