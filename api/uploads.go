package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/propagation"

	"github.com/titrate-health/titrate/api/internal/contract"
	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/pkg/problem"
)

// carrier is a request that carries others.
type carrier struct {
	request *http.Request
	// renew gives the answer more time: each item may take as long as a request.
	renew func()
}

// item is what a request knows of the batch that carries it.
type item struct {
	skew int64 // seconds that the server's clock is ahead of the sender's
}

type itemKey struct{}

// itemOf says whether a request is an item of a batch; nobody outside can say so.
func itemOf(ctx context.Context) *item { i, _ := ctx.Value(itemKey{}).(*item); return i }

// carry makes a request the carrier of the items in its body, and counts them.
func (s *Server) carry(c echo.Context) error {
	parsed, _, _ := contract.Body(c.Request().Context())
	body, _ := parsed.(map[string]any)
	items, _ := body["items"].([]any)
	outside := http.NewResponseController(c.Response())
	callOf(c.Request().Context()).batch = &carrier{request: c.Request(), renew: func() {
		_ = outside.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:forbidigo // a connection lives in the machine's time; one without deadlines needs none
	}}
	return s.countItems(c, len(items))
}

// UploadBatch makes the requests of a batch in their order and tells what each was answered. Each goes
// through everything that a request of its own goes through: what is acknowledged in the answer was
// committed before. When the client has gone, nobody learns more, and the rest is left for the repetition.
func (s *Server) UploadBatch(ctx context.Context, req oapi.UploadBatchRequestObject) (oapi.UploadBatchResponseObject, error) {
	call := callOf(ctx)
	with := &item{skew: int64(s.now().Sub(req.Body.SentAt).Round(time.Second) / time.Second)}
	out := oapi.UploadResults{ClockSkewSeconds: with.skew, Items: make([]oapi.UploadResult, len(req.Body.Items))}
	for i := range req.Body.Items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		call.batch.renew()
		id := strconv.Itoa(i)
		id = call.requestID[:min(len(call.requestID), 127-len(id))] + "." + id
		result, err := s.uploadItem(ctx, call.batch, with, &req.Body.Items[i], id)
		if err != nil { // it was not sent at all
			p := problemOf(err).Complete("", "/v1/uploads", id)
			result = oapi.UploadResult{Status: p.Status, Body: mustJSON(p)}
		}
		result.Index = i
		out.Items[i] = result
	}
	return oapi.UploadBatch200JSONResponse{UploadResultsJSONResponse: oapi.UploadResultsJSONResponse(out)}, nil
}

// uploadItem makes one request and tells what it was answered.
func (s *Server) uploadItem(ctx context.Context, from *carrier, with *item, one *oapi.UploadItem, id string) (out oapi.UploadResult, err error) {
	if s.stopping.Load() {
		return out, problem.New(problem.Unavailable, "the server is being stopped and has not come to this item; send it again")
	}
	// Nothing that belongs to the batch's own request, such as its body, may be taken for the item's.
	alone, cancel := context.WithCancel(context.WithValue(context.Background(), itemKey{}, with))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	r, err := s.itemRequest(alone, from.request, one)
	if err != nil {
		return out, err
	}
	r.Header.Set(echo.HeaderXRequestID, id)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	b := buffers.Get().(*buffer)
	defer b.release()
	s.handler.ServeHTTP(b, r)
	out = oapi.UploadResult{Status: b.status, Etag: filled(b.header.Get("ETag")), Location: filled(b.header.Get(echo.HeaderLocation))}
	if b.header.Get("Idempotent-Replayed") == "true" {
		out.Replayed = new(true)
	}
	if b.body.Len() > 0 {
		out.Body = json.RawMessage(bytes.Clone(b.body.Bytes()))
	}
	return out, nil
}

// itemRequest is the request for an item, as its sender would have made it.
func (s *Server) itemRequest(ctx context.Context, sent *http.Request, one *oapi.UploadItem) (*http.Request, error) {
	op := s.operations[one.Operation]
	if op == nil || op.open() || op.kind != fact && op.kind != plan && op.kind != decision {
		return nil, faultyItem(problem.Fault{In: inItem, Pointer: "/operation", Code: "enum", Detail: "must be a fact, a plan or a decision of the contract"})
	}
	path, err := itemPath(op, orZero(one.Path))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, op.Method, path, bytes.NewReader(one.Body))
	if err != nil {
		return nil, err
	}
	r.RequestURI, r.RemoteAddr, r.Host, r.TLS = path, sent.RemoteAddr, sent.Host, sent.TLS
	for _, name := range []string{echo.HeaderAuthorization, "Titrate-Clinic", "Titrate-Role", echo.HeaderXForwardedFor, echo.HeaderXForwardedProto} {
		if values := sent.Header.Values(name); len(values) > 0 {
			r.Header[name] = values
		}
	}
	for name, value := range map[string]*string{"Idempotency-Key": one.IdempotencyKey, "If-Match": one.IfMatch} {
		if value != nil {
			r.Header.Set(name, *value)
		}
	}
	if len(one.Body) > 0 {
		r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		if op.Method == http.MethodPatch {
			r.Header.Set(echo.HeaderContentType, "application/merge-patch+json")
		}
	}
	return r, nil
}

// itemPath puts an item's parameters into the operation's path. Whether they are ids is the request's
// own matter.
func itemPath(op *operation, values map[string]string) (string, error) {
	path, used := op.Path, 0
	var faults []problem.Fault
	for _, p := range op.Params {
		if p.In != problem.InPath {
			continue
		}
		value := values[p.Name]
		if value == "" {
			faults = append(faults, problem.Fault{In: inItem, Pointer: "/path/" + p.Name, Code: "required", Detail: "is required"})
			continue
		}
		path, used = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value)), used+1
	}
	if used < len(values) && len(faults) == 0 {
		faults = append(faults, problem.Fault{In: inItem, Pointer: "/path", Code: "unknown", Detail: "has a parameter that the operation's path does not have"})
	}
	if len(faults) > 0 {
		return "", faultyItem(faults...)
	}
	return "/v1" + path, nil
}

// inItem is where a fault is that lies in the item, not in the request that it describes.
const inItem = "item"

func faultyItem(faults ...problem.Fault) error {
	return problem.New(problem.InvalidRequest, "the item describes no request that could be made", faults...)
}
