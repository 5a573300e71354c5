package process_test

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// secret is in everything that a configuration may hold of the kind.
const secret = "hunter2-hunter2"

// The server refuses to start with what would be unsafe, in one line that shows no secret.
func TestUnsafeConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	random := make([]byte, 48)
	_, _ = rand.Read(random)
	demoKey := filepath.Join(dir, "demo", "signing.key")
	makeDemoKey(t, filepath.Dir(demoKey))
	safe := map[string]string{
		"TITRATE_ENV": "production", "LISTEN_ADDR": "127.0.0.1:0", "LOG_LEVEL": "error",
		"OIDC_ISSUER": "https://127.0.0.1:1/", "OIDC_AUDIENCE": "titrate", "SIGNING_KEY_FILE": file("good.key", random),
	}
	const database = "postgres://titrate_app:" + secret + "@127.0.0.1:1/titrate"

	for _, test := range []struct {
		name, variable, value string
		says                  string // a part of the line
	}{
		{"no provider", "OIDC_ISSUER", "", "OIDC_ISSUER"},
		{"provider without TLS", "OIDC_ISSUER", "http://127.0.0.1/" + secret, "OIDC_ISSUER"},
		{"keys without TLS", "OIDC_JWKS_URL", "http://127.0.0.1/" + secret, "OIDC_JWKS_URL"},
		{"provider with a password", "OIDC_ISSUER", "https://me:" + secret + "@127.0.0.1/", "URL"},
		{"no audience", "OIDC_AUDIENCE", "", "OIDC_AUDIENCE"},
		{"no secret", "SIGNING_KEY_FILE", "", "SIGNING_KEY_FILE"},
		{"missing secret", "SIGNING_KEY_FILE", filepath.Join(dir, "missing.key"), "signing key"},
		{"short secret", "SIGNING_KEY_FILE", file("short.key", []byte(secret)), "32 random bytes"},
		{"guessable secret", "SIGNING_KEY_FILE", file("password.key", []byte(strings.Repeat(secret, 4))), "32 random bytes"},
		{"damaged key", "SIGNING_KEY_FILE", file("damaged.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(secret)})), "signing key"},
		{"a demo's key", "SIGNING_KEY_FILE", demoKey, "demo"},
		{"any origin", "CORS_ORIGINS", "*", "CORS_ORIGINS"},
		{"not an origin", "CORS_ORIGINS", "https://app.example.org/path", "CORS_ORIGINS"},
		{"a clock for tests", "TEST_CLOCK", "1", "TEST_CLOCK"},
		{"webhooks to everywhere", "WEBHOOK_ALLOW_CIDR", "127.0.0.0/8", "WEBHOOK_ALLOW_CIDR"},
		{"ranges that are none", "WEBHOOK_ALLOW_CIDR", "everywhere", "WEBHOOK_ALLOW_CIDR"},
		{"database without TLS", "DATABASE_URL", database + "?sslmode=disable", "sslmode"},
		{"database with TLS perhaps", "DATABASE_URL", database + "?sslmode=prefer", "sslmode"},
		{"database as the driver likes", "DATABASE_URL", database, "sslmode"},
		{"database that is none", "DATABASE_URL", "postgres://me:" + secret + "@[::1/titrate", "DATABASE_URL"},
		{"another database", "DATABASE_URL", "mysql://me:" + secret + "@127.0.0.1/titrate?sslmode=require", "DATABASE_URL"},
		{"database as words", "DATABASE_URL", "host=127.0.0.1 password=" + secret, "DATABASE_URL"},
		{"database that is away", "DATABASE_URL", database + "?sslmode=verify-full", "database"},
		{"proxies that are none", "TRUSTED_PROXIES", "everywhere", "TRUSTED_PROXIES"},
		{"rate that is none", "RATE_LIMIT", "many", "RATE_LIMIT"},
		{"another environment", "TITRATE_ENV", "staging", "production"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := runProgram(t, environment(safe, test.variable, test.value), "serve", "--data", t.TempDir())
			exit, is := errors.AsType[*exec.ExitError](err)
			if !is || exit.ExitCode() != 1 {
				t.Errorf("%v, want exit 1", err)
			}
			if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "titrate: ") || !strings.Contains(stderr, test.says) {
				t.Errorf("printed %q and %q, want one line with %q", stdout, stderr, test.says)
			}
			if strings.Contains(stderr, "hunter2") {
				t.Errorf("the line shows a secret: %s", stderr)
			}
		})
	}
	t.Run("safe", func(t *testing.T) { // else all of the above could be for another reason
		t.Parallel()
		s := &site{data: []string{"--data", t.TempDir()}, env: environment(safe, "", "")}
		if got := get(s.serve(t).URL + "/openapi.json"); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	})
}

func environment(safe map[string]string, variable, value string) (env []string) {
	for name, v := range safe {
		if name != variable && v != "" {
			env = append(env, name+"="+v)
		}
	}
	if variable != "" {
		env = append(env, variable+"="+value)
	}
	return env
}

// makeDemoKey lets a server for developers leave its key in a folder.
func makeDemoKey(t *testing.T, dir string) {
	t.Helper()
	s := &site{data: []string{"--data", dir}, env: []string{"LISTEN_ADDR=127.0.0.1:0", "LOG_LEVEL=error"}}
	s.serve(t).kill()
}
