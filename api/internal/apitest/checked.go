package apitest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/titrate-health/titrate"
)

// router finds an operation by its request.
var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(titrate.OpenAPI)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

type checkedTransport struct {
	t    testing.TB
	next http.RoundTripper
}

// checked fails the test for every answer that the contract does not describe.
func checked(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return checkedTransport{t, next}
}

func (c checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := Check(r, res, body); err != nil {
		c.t.Errorf("%s %s answered %d against the contract: %v", r.Method, r.URL.Path, res.StatusCode, err)
	}
	return res, nil
}

// Check holds an answer against the contract.
func Check(r *http.Request, res *http.Response, body []byte) error {
	find, err := router()
	if err != nil {
		return err
	}
	plain := r.Clone(context.Background())
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	route, params, err := find.FindRoute(plain)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route},
		Status:                 res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
}
