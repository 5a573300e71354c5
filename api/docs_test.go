package api

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/pkg/problem"
)

// docsServer serves the pages and the contract, and in place of the API one that answers
// everything with the same record and keeps the requests.
type docsServer struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func newDocsServer(t *testing.T, page docsPage) *docsServer {
	t.Helper()
	doc, err := contract.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	d := &docsServer{}
	e := echo.New()
	e.HTTPErrorHandler = (&Server{log: slog.New(slog.DiscardHandler)}).handleError
	page.routes(e)
	e.GET("/openapi.json", func(c echo.Context) error { return c.JSONBlob(http.StatusOK, doc.JSON()) })
	e.GET("/problems", listProblems)
	e.GET("/problems/:code", explainProblem)
	e.Any("/v1/*", func(c echo.Context) error {
		d.mu.Lock()
		d.requests = append(d.requests, c.Request())
		d.mu.Unlock()
		c.Response().Header().Set("ETag", `"7.expired"`)
		return c.JSONBlob(http.StatusOK, []byte(`{"id": "01980000-0000-7000-8000-000000000001", "memberships": []}`))
	})
	d.Server = httptest.NewServer(e)
	t.Cleanup(d.Close)
	return d
}

// headers lists what the requests to the API carried under name.
func (d *docsServer) headers(name string) (values []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.requests {
		values = append(values, r.Header.Get(name))
	}
	return values
}

func docsToken(role string) (string, error) { return "token-of-" + role, nil }

func TestDocsInBrowserOfDemo(t *testing.T) {
	t.Parallel()
	server := newDocsServer(t, docsPage{token: docsToken})
	tab := openTab(t, server.URL)
	tab.open("/docs", ".opblock")

	tab.do("show the clinic", chromedp.Click(chromedp.CSS("#operations-clinic-showClinic .opblock-summary-control")))
	tab.tryOut("#operations-clinic-showClinic")
	tab.do("choose a role", chromedp.Evaluate[chromedp.Void](`
		document.querySelector("#role").value = "admin";
		document.querySelector("#role").dispatchEvent(new Event("change"));`))
	tab.do("open the decision", chromedp.Click(chromedp.CSS("#operations-clinic-updateClinic .opblock-summary-control")))
	tab.tryOut("#operations-clinic-updateClinic")
	tab.execute("#operations-clinic-updateClinic")
	key := chromedp.CSS(`#operations-clinic-updateClinic [data-param-name="Idempotency-Key"] input`)
	tab.do("type a key", chromedp.Focus(key), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent("my-key"))
	tab.execute("#operations-clinic-updateClinic")
	tab.execute("#operations-clinic-updateClinic")

	want := []string{"Bearer token-of-prescriber", "Bearer token-of-admin", "Bearer token-of-admin", "Bearer token-of-admin", "Bearer token-of-admin"}
	if diff := cmp.Diff(want, server.headers("Authorization")); diff != "" {
		t.Errorf("who asked (-want +got):\n%s", diff)
	}
	want = []string{"", `"7.expired"`, `"7.expired"`, `"7.expired"`, `"7.expired"`}
	if diff := cmp.Diff(want, server.headers("If-Match")); diff != "" {
		t.Errorf("If-Match (-want +got):\n%s", diff)
	}
	keys := server.headers("Idempotency-Key")
	if keys[0] != "" || len(keys[1]) != 32 || len(keys[2]) != 32 || keys[1] == keys[2] || keys[3] != "my-key" || keys[4] != "my-key" {
		t.Errorf("Idempotency-Key: got %q, want none, two different ones and twice what was typed", keys)
	}
}

func TestDocsInBrowser(t *testing.T) {
	t.Parallel()
	server := newDocsServer(t, docsPage{})
	tab := openTab(t, server.URL)
	tab.do("have a phone", chromedp.EmulateViewport(390, 844))
	tab.open("/docs", ".opblock")
	tab.do("sign in",
		chromedp.Click(chromedp.CSS(".btn.authorize")),
		chromedp.SendKeys(chromedp.CSS(".auth-container input"), "my-token\r"),
		chromedp.Click(chromedp.CSS(".modal-ux .btn-done")))
	tab.do("open whoAmI", chromedp.Click(chromedp.CSS("#operations-me-whoAmI .opblock-summary-control")))
	tab.tryOut("#operations-me-whoAmI")
	if diff := cmp.Diff([]string{"Bearer my-token"}, server.headers("Authorization")); diff != "" {
		t.Errorf("who asked (-want +got):\n%s", diff)
	}
	tab.fits()
	tab.open("/problems", "article")
	tab.fits()
	tab.open("/problems/stale", "article")
}

// The real server: its headers do not stand in the way of its pages, and the demo's token is
// one that it believes. The person has no membership, as nobody has filled this demo.
func TestDocsOfServer(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Data: t.TempDir(), Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	tab := openTab(t, server.URL)
	tab.open("/docs", ".opblock")
	tab.do("open whoAmI", chromedp.Click(chromedp.CSS("#operations-me-whoAmI .opblock-summary-control")))
	tab.tryOut("#operations-me-whoAmI")
	tab.open("/problems", "article")
}

// browserTab is one tab of a real browser, watched for complaints.
type browserTab struct {
	t       *testing.T
	ctx     context.Context
	server  string
	watch   sync.Mutex
	noticed []string
}

// openTab starts a browser. At the end of the test it must have had nothing to complain
// about, and must have asked no other server.
func openTab(t *testing.T, server string) *browserTab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(
		chromedp.ExecPath(browserPath(t)), chromedp.WindowSize(1280, 900)))
	t.Cleanup(cancel)
	b := &browserTab{t: t, ctx: ctx, server: server}
	if err := chromedp.Listen(ctx, b.notice); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{browserlog.Enable, audits.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// browserPath finds Chromium or Chrome. Where TITRATE_TEST_BROWSER is "required" there must
// be one.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("TITRATE_TEST_BROWSER") == "required" {
		t.Fatal("TITRATE_TEST_BROWSER is required and there is no chromium")
	}
	t.Skip("the documentation pages are not tested: there is no chromium on this machine")
	return ""
}

// notice keeps what a developer would see in the browser's console, and requests elsewhere.
func (b *browserTab) notice(event any) {
	note := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		text, _ := json.Marshal(e.Args)
		note = "console: " + string(text)
	case *runtime.EventExceptionThrown:
		note = "exception: " + e.ExceptionDetails.Text
	case *browserlog.EventEntryAdded:
		note = "log: " + e.Entry.Text
	case *audits.EventIssueAdded:
		if e.Issue.Details.ContentSecurityPolicyIssueDetails != nil {
			text, _ := json.Marshal(e.Issue.Details.ContentSecurityPolicyIssueDetails)
			note = "content security policy: " + string(text)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && "http://"+u.Host != b.server {
			note = "request to " + e.Request.URL
		}
	}
	if note != "" {
		b.watch.Lock()
		b.noticed = append(b.noticed, note)
		b.watch.Unlock()
	}
}

// do carries out steps and fails the test if they fail, or if the browser complained.
func (b *browserTab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	b.watch.Lock()
	defer b.watch.Unlock()
	if err != nil || len(b.noticed) > 0 {
		b.t.Fatalf("%s: %v\n%s", what, err, strings.Join(b.noticed, "\n"))
	}
}

// open loads a page and waits until something is on it.
func (b *browserTab) open(path, something string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.server+path), chromedp.WaitVisible(chromedp.CSS(something)))
}

// tryOut executes an operation that is open.
func (b *browserTab) tryOut(operation string) {
	b.t.Helper()
	b.do("try out "+operation, chromedp.Click(chromedp.CSS(operation+" .try-out__btn")))
	b.execute(operation)
}

// execute clicks the button and expects 200.
func (b *browserTab) execute(operation string) {
	b.t.Helper()
	status := chromedp.CSS(operation + " .live-responses-table tbody .response-col_status")
	b.do("execute "+operation, chromedp.Click(chromedp.CSS(operation+" .execute")), chromedp.WaitVisible(status))
	got, err := chromedp.Run(b.ctx, chromedp.Text(status))
	if err != nil || got != "200" {
		b.t.Fatalf("execute %s: got status %q (%v), want 200", operation, got, err)
	}
	b.do("clear "+operation, chromedp.Click(chromedp.CSS(operation+" .btn-clear")), chromedp.WaitNotPresent(status))
}

// fits checks that nobody has to scroll sideways.
func (b *browserTab) fits() {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if err != nil || got > 0 {
		b.t.Errorf("the page is %d px wider than the window (%v)", got, err)
	}
}

func TestDocsFiles(t *testing.T) {
	server := newDocsServer(t, docsPage{})
	get := func(path string, header ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "identity")
		for n := 0; n < len(header); n += 2 {
			r.Header.Set(header[n], header[n+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body := io.Reader(answer.Body)
		if answer.Header.Get("Content-Encoding") == "gzip" {
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(text)
	}

	for _, test := range []struct {
		path, kind, has string
		status          int
	}{
		{"/docs", "text/html; charset=utf-8", "<title>Titrate API</title>", 200},
		{"/docs/", "text/html; charset=utf-8", "<title>Titrate API</title>", 200},
		{"/docs/docs.js", "text/javascript; charset=utf-8", "SwaggerUIBundle(", 200},
		{"/docs/docs.css", "text/css; charset=utf-8", ".top", 200},
		{"/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "SwaggerUIBundle", 200},
		{"/docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui", 200},
		{"/docs/favicon-32x32.png", "image/png", "PNG", 200},
		{"/docs/oauth2-redirect.html", problem.ContentType, "no_route", 404},
		{"/docs/index.html", problem.ContentType, "no_route", 404},
		{"/docs/token?as=prescriber", problem.ContentType, "no_route", 404},
	} {
		answer, text := get(test.path)
		if answer.StatusCode != test.status || answer.Header.Get("Content-Type") != test.kind || !strings.Contains(text, test.has) {
			t.Errorf("%s: got %d %s, want %d %s with %q", test.path, answer.StatusCode, answer.Header.Get("Content-Type"), test.status, test.kind, test.has)
		}
		if test.status != http.StatusOK {
			continue
		}
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", test.path, policy)
		}
		zipped, same := get(test.path, "Accept-Encoding", "gzip")
		if same != text {
			t.Errorf("%s: another file when it is zipped", test.path)
		}
		tag := zipped.Header.Get("ETag")
		if again, _ := get(test.path, "Accept-Encoding", "gzip", "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: got %d with If-None-Match, want 304", test.path, again.StatusCode)
		}
		if encoded := zipped.Header.Get("Content-Encoding") != ""; encoded == (tag == answer.Header.Get("ETag")) {
			t.Errorf("%s: tag %s for both encodings, or two for one", test.path, tag)
		}
	}
}

func TestDocsToken(t *testing.T) {
	page := docsPage{token: func(role string) (string, error) {
		if role == roleAdmin {
			return "", errors.New("no such person")
		}
		return docsToken(role)
	}}
	server := newDocsServer(t, page)
	for role, want := range map[string]string{
		"prescriber": `{"token":"token-of-prescriber"}`, "patient": `{"token":"token-of-patient"}`,
		"": `"code":"invalid_request"`, "root": `"code":"invalid_request"`, "admin": `"code":"internal"`,
	} {
		got := fetchText(t, server.URL+"/docs/token?as="+role, "")
		if !strings.Contains(got, want) {
			t.Errorf("as %q: got %s, want %s", role, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	server := newDocsServer(t, docsPage{})
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	d, _ := problem.Lookup(problem.Stale)
	var one map[string]any
	if err := json.Unmarshal([]byte(fetchText(t, server.URL+"/problems/stale", "*/*")), &one); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"code": "stale", "status": 412.0, "title": d.Title, "explanation": d.Explanation, "retryable": false}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	for _, test := range []struct{ path, accept, want string }{
		{"/problems/stale", browser, d.Title},
		{"/problems/stale", browser, "Do not repeat the request unchanged."},
		{"/problems/timeout", browser, "Send the same request again after a pause."},
		{"/problems/stale", "application/json, text/html;q=0.5", `{"code":"stale"`},
		{"/problems/unheard_of", browser, `"code":"no_route"`},
	} {
		if got := fetchText(t, server.URL+test.path, test.accept); !strings.Contains(got, test.want) {
			t.Errorf("%s for %s: got %s, want %s", test.path, test.accept, got, test.want)
		}
	}
	page, list := fetchText(t, server.URL+"/problems", browser), fetchText(t, server.URL+"/problems", "application/json")
	for _, code := range problem.Codes() {
		if !strings.Contains(page, `href="/problems/`+string(code)+`"`) || !strings.Contains(list, `"code":"`+string(code)+`"`) {
			t.Errorf("%s is not listed", code)
		}
	}
}

// fetchText returns an answer's body.
func fetchText(t *testing.T, address, accept string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
