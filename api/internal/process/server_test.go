package process_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	_ "github.com/titrate-health/titrate/api" // so that go test does not answer from its cache when the service has changed
	"github.com/titrate-health/titrate/api/internal/testbed"
)

// These tests know the program from outside only: they build it once and run it as processes.

// program is where the built binary is.
var program struct {
	dir   string
	build func() (path string, err error)
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "titrate-program-")
	if err != nil {
		panic(err)
	}
	program.dir, program.build = dir, sync.OnceValues(buildProgram)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// buildProgram builds it without cgo, as it is shipped; tests that look for races look for the program's too.
func buildProgram() (string, error) {
	path, race, cgo := filepath.Join(program.dir, "titrate"), "false", "0"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				race, cgo = "true", "1"
			}
		}
	}
	// go test runs anew when what it saw a test open has changed: the command, too, is tested here.
	if _, err := os.ReadDir(filepath.Join("..", "..", "..", "cmd", "titrate")); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-race="+race, "-o", path, "github.com/titrate-health/titrate/cmd/titrate")
	build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// command prepares a run of the program in an empty folder, with nothing of this process's
// environment. Its zone is not UTC: times that are shown in the process's zone look right there.
func command(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program.build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"TZ=America/New_York", "GORACE=halt_on_error=0"}, env...)
	return cmd
}

// runProgram runs the program to its end.
func runProgram(t testing.TB, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var out, log bytes.Buffer
	cmd := command(t, env, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err = cmd.Wait()
	return out.String(), log.String(), err
}

// site is a database with what the processes that serve it have in common.
type site struct {
	dsn    string   // the file, or the runtime login's URL
	owner  string   // the owner's URL; none on SQLite
	data   []string // the flag that names the data folder
	env    []string
	issuer *testbed.Issuer
	db     testbed.Database // a look past the program
}

func (s *site) postgres() bool { return s.owner != "" }

// each runs fn on a new site on each kind of database, side by side.
func each(t *testing.T, fn func(t *testing.T, s *site)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); fn(t, newSQLite(t)) })
	if testbed.HasPostgres(t) {
		t.Run("postgres", func(t *testing.T) { t.Parallel(); fn(t, newPostgres(t)) })
	}
}

func newSQLite(t testing.TB) *site {
	dir := t.TempDir()
	s := newSite(t)
	s.dsn, s.data = filepath.Join(dir, "titrate.db"), []string{"--data", dir}
	s.db = testbed.Look(t, s.dsn)
	return s
}

func newPostgres(t testing.TB) *site {
	s := newSite(t)
	s.dsn, s.owner = testbed.Clone(t, "program", func(owner string) error {
		_, stderr, err := runProgram(t, []string{"MIGRATE_DATABASE_URL=" + owner}, "migrate", "up")
		if err != nil {
			return fmt.Errorf("migrate up: %w\n%s", err, stderr)
		}
		return nil
	})
	s.env = append(s.env, "DATABASE_URL="+s.dsn)
	s.db = testbed.Look(t, s.dsn)
	return s
}

func newSite(t testing.TB) *site {
	key := filepath.Join(t.TempDir(), "signing.key")
	secret := make([]byte, 64)
	_, _ = rand.Read(secret)
	if err := os.WriteFile(key, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	issuer := testbed.NewIssuer(t)
	return &site{issuer: issuer, env: []string{
		"OIDC_ISSUER=" + issuer.URL, "OIDC_AUDIENCE=" + testbed.Audience, "SIGNING_KEY_FILE=" + key,
		"RATE_LIMIT=0", "LOG_LEVEL=warn", "LISTEN_ADDR=127.0.0.1:0",
	}}
}

// rows counts the rows of a table, past the program.
func (s *site) rows(t testing.TB, table string) int {
	t.Helper()
	return s.number(t, "SELECT count(*) FROM "+table)
}

// rest waits until the server has done what is due by its clock: the journal shows what that was last.
func (s *site) rest(t testing.TB) {
	t.Helper()
	within(t, 30*time.Second, "everything that is due is done", func() bool {
		return s.number(t, "SELECT count(*) FROM deadlines WHERE done_at IS NULL AND at <= (SELECT max(at) FROM journal)") == 0
	})
}

// entries counts how often the journal says that an operation was done.
func (s *site) entries(t testing.TB, operation string) int {
	t.Helper()
	return s.number(t, "SELECT count(*) FROM journal WHERE outcome = 'done' AND operation = $1", operation)
}

func (s *site) number(t testing.TB, query string, args ...any) int {
	t.Helper()
	n, err := strconv.Atoi(s.db.Column(t, query, args...)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// process is the program as it serves.
type process struct {
	URL    string
	cmd    *exec.Cmd
	stdout output
	stderr output
	exited chan struct{}
	err    error // how it ended, once exited is closed
}

var listening = regexp.MustCompile(`(?m)^listening on (http://\S+)$`)

// serve starts a process that serves the site and waits until it is ready. The end of the test
// ends it, whatever became of the test. It must never have answered with a fault of its own.
func (s *site) serve(t testing.TB, env ...string) *process {
	t.Helper()
	p := &process{exited: make(chan struct{})}
	p.cmd = command(t, append(s.env[:len(s.env):len(s.env)], env...), append([]string{"serve"}, s.data...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		p.kill()
		log := p.stderr.String()
		for _, bad := range []string{"DATA RACE", "panic", `"code":"internal"`} {
			if strings.Contains(log, bad) {
				t.Errorf("the server's log has %s", bad)
			}
		}
		if t.Failed() && log != "" {
			t.Logf("the server's log:\n%s", log[max(0, len(log)-8<<10):])
		}
	})
	within(t, 30*time.Second, "the server is ready", func() bool {
		select {
		case <-p.exited:
			t.Fatalf("the server ended: %v\n%s", p.err, p.stderr.String())
		default:
		}
		found := listening.FindStringSubmatch(p.stdout.String())
		if found == nil {
			return false
		}
		p.URL = found[1]
		return get(p.URL+"/readyz") == http.StatusOK
	})
	return p
}

// get answers the status of a plain request, or 0.
func get(url string) int {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// kill ends the process at once, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// stop asks it to end and returns how it did, and after how long.
func (p *process) stop(t testing.TB) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
		return time.Since(start), p.err
	case <-time.After(20 * time.Second):
		return time.Since(start), errors.New("still running")
	}
}

// output is a buffer that can be read while a process writes it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// within waits until something is so.
func within(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
