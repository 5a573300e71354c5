package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config says how a server runs. The zero value is a development server on an embedded
// database in ./titrate-data. The tags name flags and environment variables; operators'
// scripts rely on them.
type Config struct {
	Data           string     `name:"data" help:"Folder of the embedded database and its keys." default:"./titrate-data" type:"path"`
	DatabaseURL    string     `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL, as the runtime login. Without it the embedded database is used."`
	ListenAddr     string     `name:"listen-addr" env:"LISTEN_ADDR" help:"Address to answer on." default:"127.0.0.1:8080"`
	MetricsAddr    string     `name:"metrics-addr" env:"METRICS_ADDR" help:"Address of the metrics; none without it."`
	Env            string     `name:"env" env:"TITRATE_ENV" help:"development or production; production refuses what is unsafe." enum:"development,production" default:"development"`
	OIDCIssuer     string     `name:"oidc-issuer" env:"OIDC_ISSUER" help:"The clinic's OpenID provider. Without it the embedded issuer of the demo is used."`
	OIDCAudience   string     `name:"oidc-audience" env:"OIDC_AUDIENCE" help:"The audience that tokens must name." default:"titrate"`
	OIDCJWKSURL    string     `name:"oidc-jwks-url" env:"OIDC_JWKS_URL" help:"Where the provider's keys are; found through discovery without it."`
	SigningKeyFile string     `name:"signing-key-file" env:"SIGNING_KEY_FILE" help:"Secret that cursors, invitations and stored answers are sealed with; the same on every process."`
	CheckpointFile string     `name:"checkpoint-file" env:"CHECKPOINT_FILE" help:"File outside of the database to which the signed ends of the journal are appended; checkpoints.jsonl in the data folder of the embedded database, none for PostgreSQL without it."`
	CORSOrigins    []string   `name:"cors-origins" env:"CORS_ORIGINS" help:"Web origins that may call from a browser." sep:","`
	TrustedProxies []string   `name:"trusted-proxies" env:"TRUSTED_PROXIES" help:"CIDR blocks whose X-Forwarded-For is believed." sep:","`
	RateLimit      string     `name:"rate-limit" env:"RATE_LIMIT" help:"Requests per minute for each principal; a clinic has ten times as many. 0 switches it off." default:"600"`
	OTLPEndpoint   string     `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"OpenTelemetry collector (OTLP over HTTP) that gets traces, such as http://localhost:4318; none without it."`
	LogLevel       slog.Level `name:"log-level" env:"LOG_LEVEL" help:"debug, info, warn or error." default:"info"`
	WebhookAllow   []string   `name:"webhook-allow-cidr" env:"WEBHOOK_ALLOW_CIDR" help:"Tests only: CIDR blocks to which webhooks are sent although they are not public, by http too." sep:","`
	TestClock      bool       `name:"test-clock" env:"TEST_CLOCK" help:"Development only: GET and POST /test/clock show and advance the clock."`

	// Demo serves the demo clinic: its documentation page is signed in already.
	Demo bool `kong:"-"`
	// Log receives what the server has to say; it never holds patient data.
	Log *slog.Logger `kong:"-"`
	// Now is the clock; time.Now if nil.
	Now func() time.Time `kong:"-"`
	// Resolve finds the addresses of webhook endpoints; the system's resolver if nil.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) `kong:"-"`
	// NewID makes ids; UUIDv7 if nil.
	NewID func() uuid.UUID `kong:"-"`
	// Relaxed leaves the embedded database's fsync out until the demo is filled.
	Relaxed bool `kong:"-"`
}

// Validate reports the first thing that is wrong, in one line that shows no secret.
func (c Config) Validate() error {
	if _, err := c.perMinute(); err != nil {
		return err
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.webhookRanges(); err != nil {
		return err
	}
	for _, origin := range c.CORSOrigins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Host == "" || u.Path != "") {
			return errors.New("CORS_ORIGINS must be origins such as https://app.example.org")
		}
	}
	if u, err := url.Parse(c.OTLPEndpoint); c.OTLPEndpoint != "" && (err != nil || u.Host == "") {
		return errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4318")
	}
	if (c.OIDCAudience == "") && c.OIDCIssuer != "" {
		return errors.New("OIDC_AUDIENCE is required with OIDC_ISSUER")
	}
	if c.Env != production {
		return nil
	}
	return c.validateProduction()
}

func (c Config) validateProduction() error {
	switch {
	case c.Demo:
		return errors.New("the demo is not for production")
	case c.OIDCIssuer == "":
		return errors.New("production needs OIDC_ISSUER: the embedded issuer and its key are for demos")
	case !strings.HasPrefix(c.OIDCIssuer, "https://"):
		return errors.New("OIDC_ISSUER must be https in production")
	case c.OIDCJWKSURL != "" && !strings.HasPrefix(c.OIDCJWKSURL, "https://"):
		return errors.New("OIDC_JWKS_URL must be https in production")
	case c.SigningKeyFile == "":
		return errors.New("production needs SIGNING_KEY_FILE, a file with at least 32 random bytes")
	case slices.Contains(c.CORSOrigins, "*"):
		return errors.New("CORS_ORIGINS must not be * in production")
	case c.TestClock:
		return errors.New("TEST_CLOCK is not for production")
	case len(c.WebhookAllow) > 0:
		return errors.New("WEBHOOK_ALLOW_CIDR is for tests, not for production")
	case c.DatabaseURL == "":
		return nil // embedded, always with synchronous=FULL
	}
	u, err := url.Parse(c.DatabaseURL)
	if err != nil {
		return errors.New("DATABASE_URL is not a URL")
	}
	if mode := u.Query().Get("sslmode"); !slices.Contains([]string{"require", "verify-ca", "verify-full"}, mode) && !localSocket(u) {
		return errors.New("DATABASE_URL needs sslmode=verify-full (or require) in production")
	}
	return nil
}

const production = "production"

// localSocket reports whether the connection stays on this machine in a unix socket.
func localSocket(u *url.URL) bool { return strings.HasPrefix(u.Query().Get("host"), "/") }

func (c Config) perMinute() (int, error) {
	if c.RateLimit == "" {
		return 600, nil
	}
	n, err := strconv.Atoi(c.RateLimit)
	if err != nil || n < 0 {
		return 0, errors.New("RATE_LIMIT must be a number of requests per minute")
	}
	return n, nil
}

func (c Config) proxies() ([]netip.Prefix, error) { return ranges("TRUSTED_PROXIES", c.TrustedProxies) }

func (c Config) webhookRanges() ([]netip.Prefix, error) {
	return ranges("WEBHOOK_ALLOW_CIDR", c.WebhookAllow)
}

func ranges(variable string, texts []string) (list []netip.Prefix, err error) {
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, errors.New(variable + " must be CIDR blocks such as 10.0.0.0/8")
		}
		list = append(list, p)
	}
	return list, nil
}

// dsn returns what to open, and makes the folder of the embedded database.
func (c Config) dsn() (string, error) {
	if c.DatabaseURL != "" {
		// Anything else would be the name of an embedded database's file.
		if !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://") {
			return "", errors.New("DATABASE_URL must begin with postgres://")
		}
		return c.DatabaseURL, nil
	}
	if err := os.MkdirAll(c.dataDir(), 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return filepath.Join(c.dataDir(), "titrate.db"), nil
}

func (c Config) dataDir() string {
	if c.Data == "" {
		return "titrate-data"
	}
	return c.Data
}

// keyFile is the secret that this deployment's keys are derived from.
func (c Config) keyFile() string {
	if c.SigningKeyFile != "" {
		return c.SigningKeyFile
	}
	return filepath.Join(c.dataDir(), "signing.key")
}

// checkpointFile is where checkpoints go; none: "".
func (c Config) checkpointFile() string {
	if c.CheckpointFile != "" || c.DatabaseURL != "" {
		return c.CheckpointFile
	}
	return filepath.Join(c.dataDir(), "checkpoints.jsonl")
}
