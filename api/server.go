package api

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/api/internal/egress"
	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
)

// writeTimeout is how long an answer may take; what takes longer renews it.
const writeTimeout = 30 * time.Second

// Server is the service. It implements the generated interface: one method an operation.
type Server struct {
	cfg      Config
	log      *slog.Logger
	db       *store.DB
	contract *contract.Contract
	// operations are those of the contract, by their ids.
	operations map[string]*operation
	handler    http.Handler

	verifier    *verifier
	issuer      *issuer // the embedded one, or nil
	rights      rightsCache
	limiter     limiter
	cursors     sealer
	answers     sealer
	secret      [32]byte // what invitations are hashed with
	clock       testClock
	metrics     *prometheus.Registry
	tracing     tracing
	working     sync.Mutex         // held while deadlines are met
	sealKey     ed25519.PrivateKey // signs the ends of the journal's chain
	news        news
	journal     journalMetrics
	checkpoints checkpoints
	// These hold a message if deadlines have passed, entries have no number, webhooks wait, or a checkpoint is due.
	due, pending, toSend, toKeep chan struct{}
	gate                         egress.Gate // what webhooks may be sent to
	webhooks                     webhookSender
	webhookSecrets               sealer
	challengeKey                 [32]byte // what challenges of endpoints are made with
	// streaming ends, and with it every stream, when the server stops.
	streaming  context.Context
	endStreams context.CancelFunc
	readers    chan struct{} // the streams that look into the database
	stopping   atomic.Bool   // no new work is begun
}

var _ oapi.StrictServerInterface = (*Server)(nil)

// Open makes a server: it reads the contract and the keys and opens the database. The error
// is one line that shows no secret.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, due: make(chan struct{}, 1), pending: make(chan struct{}, 1), toSend: make(chan struct{}, 1), toKeep: make(chan struct{}, 1)}
	s.checkpoints.file, s.checkpoints.append = cfg.checkpointFile(), appendDurably
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.streaming, s.endStreams = context.WithCancel(context.WithoutCancel(ctx))
	s.readers = make(chan struct{}, streamReaders)
	s.clock.now = cfg.Now
	if cfg.Now == nil {
		s.clock.now = time.Now
	}
	s.limiter.perMinute, _ = cfg.perMinute()
	var err error
	s.gate.Resolve = cfg.Resolve
	if s.gate.Allow, err = cfg.webhookRanges(); err != nil {
		return nil, err
	}
	s.webhooks.client = s.gate.Client(sendLimit)
	if s.contract, err = contract.Shipped(); err != nil {
		return nil, err
	}
	if err := s.openKeys(); err != nil {
		return nil, err
	}
	if s.tracing, err = openTracing(ctx, cfg.OTLPEndpoint); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	dsn, err := cfg.dsn()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.db, err = store.Open(ctx, store.Options{
		DSN: dsn, Now: s.now, NewID: cfg.NewID, Relaxed: cfg.Relaxed,
		Sign: func(message []byte) []byte { return ed25519.Sign(s.sealKey, message) },
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if cfg.Env == production {
		if err := s.db.CheckRuntimeRole(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	e, err := s.routes()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.handler = headAsGet(e)
	return s, nil
}

// openKeys reads the deployment's secret and decides whose tokens are believed.
func (s *Server) openKeys() error {
	if s.cfg.Env == production && demoKeyFile(s.cfg.SigningKeyFile) {
		return errors.New("SIGNING_KEY_FILE is a demo's key: make one of your own")
	}
	secret, signing, err := loadSecret(s.cfg.keyFile(), s.cfg.SigningKeyFile == "")
	if err != nil {
		return err
	}
	s.secret = deriveKey(secret, "invitations")
	seed := deriveKey(secret, "journal seals")
	s.sealKey = ed25519.NewKeyFromSeed(seed[:])
	if s.cursors, err = newSealer(deriveKey(secret, "cursors")); err != nil {
		return err
	}
	if s.answers, err = newSealer(deriveKey(secret, "kept answers")); err != nil {
		return err
	}
	s.challengeKey = deriveKey(secret, "webhook challenges")
	if s.webhookSecrets, err = newSealer(deriveKey(secret, "webhook secrets")); err != nil {
		return err
	}
	if s.cfg.OIDCIssuer == "" {
		if s.issuer, err = newIssuer(signing); err != nil {
			return err
		}
		s.verifier = newVerifier(demoIssuer, demoAudience, s.issuer, s.now, s.log)
		return nil
	}
	keys, err := openJWKS(s.cfg.OIDCIssuer, s.cfg.OIDCJWKSURL, s.log)
	if err != nil {
		return err
	}
	s.verifier = newVerifier(s.cfg.OIDCIssuer, s.cfg.OIDCAudience, keys, s.now, s.log)
	return nil
}

// routes puts the middleware around the generated routes and adds the few outside /v1.
func (s *Server) routes() (*echo.Echo, error) {
	var err error
	if s.operations, err = operations(s.contract); err != nil {
		return nil, err
	}
	proxies, err := s.cfg.proxies()
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.IPExtractor = clientAddress(proxies)
	e.HTTPErrorHandler = s.handleError
	measured, err := s.measure()
	if err != nil {
		return nil, err
	}
	e.Use(s.begin, s.traced, measured, secured, cors(s.cfg.CORSOrigins), recovered, limits)
	perOperation := map[string][]echo.MiddlewareFunc{}
	for id, op := range s.operations {
		perOperation[id] = []echo.MiddlewareFunc{s.signIn(op), s.limit, s.allow(op), check(op), s.lookAtURL, s.transaction(op)}
	}
	oapi.RegisterHandlersWithOptions(e, oapi.NewStrictHandler(s, nil), oapi.RegisterHandlersOptions{
		BaseURL: "/v1", OperationMiddlewares: perOperation,
	})
	s.plainRoutes(e)
	return e, nil
}

// measure counts and times requests by route; nothing in a label comes from a client.
func (s *Server) measure() (echo.MiddlewareFunc, error) {
	s.metrics = prometheus.NewRegistry()
	s.journal = newJournalMetrics(s.metrics, func() float64 { return s.checkpoints.age(s.now()) })
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "titrate", Subsystem: "database", Name: "transactions_total", Help: "Transactions that this process has begun.",
	}, func() float64 { return float64(s.db.Begun()) }))
	if err := s.measureWebhooks(); err != nil {
		return nil, err
	}
	return echoprometheus.MiddlewareConfig{
		Namespace: "titrate", Registerer: s.metrics, DoNotUseRequestPathFor404: true,
		LabelFuncs: map[string]echoprometheus.LabelValueFunc{
			"host": func(echo.Context, error) string { return "" },
			"code": func(c echo.Context, err error) string { return strconv.Itoa(statusOf(c, err)) },
		},
	}.ToMiddleware()
}

func statusOf(c echo.Context, err error) int {
	if err != nil && !c.Response().Committed {
		return problemOf(err).Status
	}
	return c.Response().Status
}

// Handler answers requests; Run serves it. Tests and the demo's seed call it in-process.
func (s *Server) Handler() http.Handler { return s.handler }

// Run serves until ctx ends, then finishes what it has accepted. ready, if not nil, is told
// the address once the server listens.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	if err := s.unprepared(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.ListenAddr)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(listener.Addr())
	}
	main := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    2 * maxHeaders, // beyond this net/http answers by itself, without a problem
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	main.RegisterOnShutdown(func() { s.stopping.Store(true) })
	failed := make(chan error, 2)
	go func() { failed <- main.Serve(listener) }()
	metrics, err := s.serveMetrics(ctx, failed)
	if err != nil {
		return errors.Join(err, main.Close())
	}
	working, rest := context.WithCancel(ctx)
	defer rest()
	rested := make(chan struct{})
	go func() {
		defer close(rested)
		s.background(working)
	}()
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	s.endStreams()
	rest()
	<-rested
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 9*time.Second)
	defer cancel()
	err = errors.Join(err, main.Shutdown(stop), metrics.Shutdown(stop))
	s.conclude(stop)
	return err
}

// Close closes the database and ends background work.
func (s *Server) Close() error {
	s.endStreams()
	if s.verifier != nil {
		s.verifier.Close()
	}
	if s.webhooks.client != nil {
		s.webhooks.client.CloseIdleConnections()
	}
	err := s.tracing.close()
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

func (s *Server) now() time.Time { return s.clock.Now() }

// mustJSON is for this package's own types, which always marshal.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("marshal %T", v))
	}
	return b
}

// OpenOwner opens a server that answers nobody: for making a clinic as the database's owner.
func OpenOwner(ctx context.Context, cfg Config) (*Server, error) {
	cfg.Env = "" // whose login it is, is checked when serving
	return Open(ctx, cfg)
}
