// Package client is the Go SDK of the Titrate API, generated from openapi.yaml.
//
// [New] returns the generated client with four things added: it signs in, a refusal is an
// error of type [problem.Problem], [All] walks through the pages of a list, and
// [ClientWithResponses.Stream] listens to what happens.
//
//	c, err := client.New("https://titrate.example.org", client.Token(accessToken))
//	patient, err := c.ShowPatientWithResponse(ctx, id, nil)
//	if problem.Is(err, problem.NotFound) { … }
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"

	"github.com/titrate-health/titrate/pkg/problem"
)

//go:generate go tool oapi-codegen -config config.yaml ../../openapi.yaml

// TokenSource returns the access token for a request; it is called for each.
type TokenSource func(ctx context.Context) (string, error)

// Token always returns the same access token.
func Token(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// WithTicket acts as the support person to whom a ticket for one session was given: a client
// with it needs no access token.
func WithTicket(ticket string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Titrate-Ticket", ticket)
		return nil
	})
}

// New returns a client of the server at baseURL, without the /v1. Every answer that is not a
// success comes back as an error of type *problem.Problem, so that the JSON200 or JSON201 of
// an answer without an error is there.
func New(baseURL string, token TokenSource, options ...ClientOption) (*ClientWithResponses, error) {
	c := &ClientWithResponses{}
	generated, err := NewClient(strings.TrimRight(baseURL, "/")+"/v1", append(options, WithRequestEditorFn(
		func(ctx context.Context, r *http.Request) error {
			t, err := token(ctx)
			if err == nil && t != "" {
				r.Header.Set("Authorization", "Bearer "+t)
			}
			return err
		}))...)
	if err != nil {
		return nil, err
	}
	if generated.Client == nil {
		generated.Client = http.DefaultClient
	}
	generated.Client = refusing{generated.Client}
	c.ClientInterface = generated
	return c, nil
}

// refusing turns refusals into errors.
type refusing struct{ HttpRequestDoer }

// maxProblem is more than a problem ever has.
const maxProblem = 1 << 20

func (d refusing) Do(r *http.Request) (*http.Response, error) {
	res, err := d.HttpRequestDoer.Do(r)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if err != nil {
		return nil, err
	}
	p := &problem.Problem{}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if media != problem.ContentType || json.NewDecoder(bytes.NewReader(body)).Decode(p) != nil {
		return nil, fmt.Errorf("the server answered %s without a problem", res.Status)
	}
	return nil, p
}

// All walks through a list, page by page. fetch asks for the page behind a cursor (nil for
// the first) and returns its items and the next cursor.
//
//	for p, err := range client.All(func(cursor *string) ([]client.Patient, *string, error) {
//		page, err := c.ListPatientsWithResponse(ctx, &client.ListPatientsParams{Cursor: cursor})
//		if err != nil {
//			return nil, nil, err
//		}
//		return page.JSON200.Items, page.JSON200.NextCursor, nil
//	}) { … }
func All[T any](fetch func(cursor *string) ([]T, *string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := (*string)(nil); ; {
			items, next, err := fetch(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			cursor = next
		}
	}
}
