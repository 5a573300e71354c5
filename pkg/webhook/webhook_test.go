package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/pkg/webhook"
)

const secret, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

var at = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// TestVector is the example of the standard's own documents.
func TestVector(t *testing.T) {
	got, err := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got.Get(webhook.HeaderSignature) != want {
		t.Errorf("got %s, want %s", got.Get(webhook.HeaderSignature), want)
	}
}

func TestVerify(t *testing.T) {
	const body = `{"type":"session.completed"}`
	good, err := webhook.Sign("0198c0de", at, []byte(body), secret)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	signature := good.Get(webhook.HeaderSignature)
	for name, c := range map[string]struct {
		header http.Header
		body   string
		now    time.Time
		secret string
		want   error
	}{
		"good":                       {good, body, at, secret, nil},
		"at the end of tolerance":    {good, body, at.Add(webhook.Tolerance), secret, nil},
		"before it was sent":         {good, body, at.Add(-webhook.Tolerance), secret, nil},
		"another signature before":   {with(webhook.HeaderSignature, "v1,AAAA "+signature), body, at, secret, nil},
		"another version before":     {with(webhook.HeaderSignature, "v1a,AAAA "+signature), body, at, secret, nil},
		"too old":                    {good, body, at.Add(webhook.Tolerance + time.Second), secret, webhook.ErrTime},
		"too new":                    {good, body, at.Add(-webhook.Tolerance - time.Second), secret, webhook.ErrTime},
		"time far away":              {with(webhook.HeaderTimestamp, "9223372036854775807"), body, at, secret, webhook.ErrTime},
		"another body":               {good, body + " ", at, secret, webhook.ErrSignature},
		"another secret":             {good, body, at, other, webhook.ErrSignature},
		"another id":                 {with(webhook.HeaderID, "0198c0df"), body, at, secret, webhook.ErrSignature},
		"another time":               {with(webhook.HeaderTimestamp, "1795356001"), body, at, secret, webhook.ErrSignature},
		"another version only":       {with(webhook.HeaderSignature, strings.Replace(signature, "v1", "v2", 1)), body, at, secret, webhook.ErrSignature},
		"a signature cut short":      {with(webhook.HeaderSignature, signature[:20]), body, at, secret, webhook.ErrSignature},
		"a signature without value":  {with(webhook.HeaderSignature, "v1,"), body, at, secret, webhook.ErrSignature},
		"no version":                 {with(webhook.HeaderSignature, signature[3:]), body, at, secret, webhook.ErrSignature},
		"no signature":               {with(webhook.HeaderSignature, ""), body, at, secret, webhook.ErrHeaders},
		"no id":                      {with(webhook.HeaderID, ""), body, at, secret, webhook.ErrHeaders},
		"no time":                    {with(webhook.HeaderTimestamp, ""), body, at, secret, webhook.ErrHeaders},
		"time that is none":          {with(webhook.HeaderTimestamp, "now"), body, at, secret, webhook.ErrHeaders},
		"nothing":                    {http.Header{}, body, at, secret, webhook.ErrHeaders},
		"empty secret":               {good, body, at, "", webhook.ErrSecret},
		"secret without key":         {good, body, at, "whsec_", webhook.ErrSecret},
		"secret without prefix":      {good, body, at, secret[6:], webhook.ErrSecret},
		"short secret":               {good, body, at, "whsec_AAAA", webhook.ErrSecret},
		"secret that is not base 64": {good, body, at, "whsec_" + strings.Repeat("*", 32), webhook.ErrSecret},
	} {
		if got := webhook.Verify(c.header, []byte(c.body), c.now, c.secret); !errors.Is(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if got := webhook.Verify(good, []byte(body), at); !errors.Is(got, webhook.ErrSignature) {
		t.Errorf("without a secret: %v", got)
	}
}

func TestSignRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id      string
		secrets []string
		want    error
	}{
		"no id": {"", []string{secret}, webhook.ErrHeaders}, "a full stop in the id": {"a.1", []string{secret}, webhook.ErrHeaders},
		"no secret": {"a", nil, webhook.ErrHeaders}, "an empty one": {"a", []string{secret, ""}, webhook.ErrSecret},
	} {
		if _, got := webhook.Sign(c.id, at, nil, c.secrets...); !errors.Is(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// message is what the independent package verifies, or signs if there is an id.
type message struct {
	Secret  string            `json:"secret"`
	At      int64             `json:"at"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers,omitempty"`
	ID      string            `json:"id,omitempty"`
}

// TestIndependentPackage: the npm package "standardwebhooks" believes what is signed here, and what it signs is believed here.
func TestIndependentPackage(t *testing.T) {
	var signed, own []message
	for i, body := range []string{`{}`, `{"type":"session.completed"}`, "", "ümlaut ✓", strings.Repeat("long ", 5000)} {
		id := fmt.Sprintf("0198c0de-%d", i)
		h, err := webhook.Sign(id, at, []byte(body), other, secret)
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{}
		for name := range h {
			headers[strings.ToLower(name)] = h.Get(name)
		}
		for _, s := range []string{secret, other} {
			signed = append(signed, message{Secret: s, At: at.Unix(), Body: body, Headers: headers})
			own = append(own, message{Secret: s, At: at.Unix(), Body: body, ID: id})
		}
	}
	altered := signed[0]
	altered.Body += " "
	answers := standard(t, append(append(signed, own...), altered))
	for i, m := range signed {
		if answers[i] != "valid" {
			t.Errorf("%q: %s", m.Body, answers[i])
		}
	}
	for i, m := range own {
		h := http.Header{}
		h.Set(webhook.HeaderID, m.ID)
		h.Set(webhook.HeaderTimestamp, fmt.Sprint(m.At))
		h.Set(webhook.HeaderSignature, answers[len(signed)+i])
		if err := webhook.Verify(h, []byte(m.Body), at, m.Secret); err != nil {
			t.Errorf("%q: %v", m.Body, err)
		}
	}
	if last := answers[len(answers)-1]; last == "valid" {
		t.Error("an altered body is valid")
	}
}

// standard asks the npm package. Where TITRATE_TEST_NODE is "required" there must be a Node.
func standard(t *testing.T, messages []message) (answers []string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("TITRATE_TEST_NODE") == "required" {
			t.Fatal("TITRATE_TEST_NODE is required and there is no npm")
		}
		t.Skip("not held against the npm package: there is no npm on this machine")
	}
	in, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "../../.ci/webhook/run")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &answers)
	}
	if err != nil || len(answers) != len(messages) {
		t.Fatalf("%d answers: %v", len(answers), err)
	}
	return answers
}
