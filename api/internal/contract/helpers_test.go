package contract_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/pkg/problem"
)

const thing = "/v1/things/0198c0de-0000-7000-8000-000000000001"

func load(t testing.TB) *contract.Contract {
	t.Helper()
	source, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(source)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve routes as the generated code does and hands each checked request to handler.
func serve(t testing.TB, c *contract.Contract, handler func(echo.Context, error)) *echo.Echo {
	t.Helper()
	e := echo.New()
	variable := regexp.MustCompile(`\{([^}]+)\}`)
	for _, op := range c.Operations() {
		e.Add(op.Method, variable.ReplaceAllString(op.Path, ":$1"), func(ec echo.Context) error {
			handler(ec, op.Check(ec))
			return nil
		})
	}
	return e
}

// A try is one request and what Check made of it.
type try struct {
	context echo.Context // nil if no route was found
	problem *problem.Problem
	answer  http.Header
}

// request makes a request; header lines are "Name: value". A body is JSON unless they say
// something else.
func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	if body != "" && r.Header["Content-Type"] == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func send(t testing.TB, c *contract.Contract, r *http.Request) (got try) {
	t.Helper()
	e := serve(t, c, func(ec echo.Context, err error) {
		got.context, got.answer = ec, ec.Response().Header()
		var ok bool
		if got.problem, ok = errors.AsType[*problem.Problem](err); err != nil && !ok {
			t.Errorf("Check returned a %T", err)
		}
	})
	e.ServeHTTP(httptest.NewRecorder(), r)
	return got
}

// summary is a problem as "code", then one "in pointer code" for each fault.
func summary(p *problem.Problem) []string {
	if p == nil {
		return nil
	}
	lines := []string{string(p.Code)}
	for _, f := range p.Errors {
		lines = append(lines, f.In+" "+f.Pointer+" "+f.Code)
	}
	return lines
}
