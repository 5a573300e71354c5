package contract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/pkg/problem"
)

const mergePatch = "application/merge-patch+json"

// received is a body that was read; parsed and canonical belong to one that holds JSON.
type received struct {
	data      []byte
	parsed    any
	canonical []byte
}

type receivedKey struct{}

// Body returns the request's JSON body after [Operation.Check]: parsed (objects as
// map[string]any, numbers as json.Number), and in canonical form, with members sorted,
// without white space, numbers as written. Neither may be changed. ok is false if there
// was no body.
func Body(ctx context.Context) (parsed any, canonical []byte, ok bool) {
	r, ok := ctx.Value(receivedKey{}).(*received)
	if !ok {
		return nil, nil, false
	}
	return r.parsed, r.canonical, true
}

// checkBody reads and judges the body. The refusal says that it could not even be read.
func (op *Operation) checkBody(c echo.Context, found *faults) (*received, refusal) {
	r := c.Request()
	if len(r.Header.Values(echo.HeaderContentEncoding)) > 0 {
		c.Response().Header().Set(echo.HeaderAcceptEncoding, "identity")
		found.add(problem.InHeader, echo.HeaderContentEncoding, "unsupported_encoding", "Send the body without a content coding.")
		return nil, unsupported
	}
	limit := op.MaxBody
	if op.body == nil {
		limit = 1 // enough to see that there is one
	}
	data, err := readBody(r, limit)
	switch tooLong := errors.Is(err, errTooLarge); {
	case op.body == nil && (tooLong || len(data) > 0):
		found.add(problem.InBody, "", "unexpected_body", "This operation takes no body.")
		return nil, readable
	case tooLong:
		found.add(problem.InBody, "", "max_size", atMost(op.MaxBody, "byte", "long"))
		return nil, tooLarge
	case err != nil:
		found.add(problem.InBody, "", "incomplete", "The body ended before its time.")
		return nil, readable
	case len(data) == 0:
		if op.body != nil && op.body.required {
			found.add(problem.InBody, "", codeRequired, detailRequired)
		}
		return nil, readable
	}
	return op.judge(c, data, found)
}

var errTooLarge = errors.New("more than allowed")

// readBody reads at most limit bytes.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	switch {
	case r.Body == nil || r.ContentLength == 0:
		return nil, nil
	case r.ContentLength > limit:
		return nil, errTooLarge
	}
	var buffer bytes.Buffer
	// An announced length is believed only as far as it costs little.
	buffer.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	n, err := buffer.ReadFrom(io.LimitReader(r.Body, limit+1))
	if _, outer := errors.AsType[*http.MaxBytesError](err); outer || n > limit {
		return nil, errTooLarge
	}
	return buffer.Bytes(), err
}

// judge holds a body that is there against its media type's schema.
func (op *Operation) judge(c echo.Context, data []byte, found *faults) (*received, refusal) {
	schema := op.body.schemas[mediaType(c.Request().Header)]
	if schema == nil {
		if op.body.schemas[mergePatch] != nil {
			c.Response().Header().Set("Accept-Patch", mergePatch)
		}
		found.add(problem.InHeader, echo.HeaderContentType, "unsupported_media_type",
			"Must be "+strings.Join(op.body.types, " or ")+", in UTF-8.")
		return nil, unsupported
	}
	parsed, err := parseJSON(data)
	if err != nil {
		found.add(problem.InBody, "", "malformed_json", err.Error())
		return nil, malformed
	}
	if err := schema.Validate(parsed); err != nil {
		found.collect(err, problem.InBody, "")
		return nil, readable
	}
	return &received{data: data, parsed: parsed, canonical: appendCanonical(make([]byte, 0, len(data)), parsed)}, readable
}

// mediaType is the request's, or "" if it is missing, said twice, or not in UTF-8.
func mediaType(header http.Header) string {
	values := header.Values(echo.HeaderContentType)
	if len(values) != 1 {
		return ""
	}
	name, params, err := mime.ParseMediaType(values[0])
	charset, ok := params["charset"]
	if err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return name
}

// handOver puts the body back for the generated code, which binds application/json only.
func handOver(c echo.Context, got *received) {
	if got == nil {
		return
	}
	r := c.Request().WithContext(context.WithValue(c.Request().Context(), receivedKey{}, got))
	r.Body = io.NopCloser(bytes.NewReader(got.data))
	r.ContentLength = int64(len(got.data))
	r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	c.SetRequest(r)
}
