package contract

import (
	"fmt"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/titrate-health/titrate/pkg/problem"
)

// DefaultMaxBody is how many bytes a request body may have, unless the operation says
// otherwise with x-max-body-bytes.
const DefaultMaxBody = 256 << 10

// The two headers whose absence alone has a problem code of its own.
const (
	idempotencyKey = "Idempotency-Key"
	ifMatch        = "If-Match"
)

// Contract is openapi.yaml, compiled. It does not change after Load.
type Contract struct {
	operations []Operation
	document   []byte
}

// Operation is one operation of the contract. Its exported fields are for reading only.
type Operation struct {
	ID      string   // operationId
	Method  string   // in upper case
	Path    string   // as in the contract: /v1/sessions/{sessionId}
	Kind    string   // x-kind: read, fact, plan, decision, ...
	Access  []string // x-access: who may call it, never empty
	Params  []Param  // path parameters in the order of the path, then the others as declared
	MaxBody int64    // bytes

	body *body // nil when the operation takes none
}

// Param is one declared parameter of an operation.
type Param struct {
	Name     string
	In       string // path, query or header
	Required bool
	Type     string // string, integer, number, boolean or array

	itemType string // of an array's items
	explode  bool   // an array is repeated (a=1&a=2), not joined (a=1,2)
	schema   *jsonschema.Schema
}

type body struct {
	required bool
	schemas  map[string]*jsonschema.Schema // by media type
	types    []string                      // the media types, sorted
}

// Operations returns all operations, ordered by path and method.
func (c *Contract) Operations() []Operation { return slices.Clone(c.operations) }

// Operation finds an operation by its operationId.
func (c *Contract) Operation(id string) (*Operation, bool) {
	for i := range c.operations {
		if c.operations[i].ID == id {
			return &c.operations[i], true
		}
	}
	return nil, false
}

// JSON returns the whole document as JSON, members in the document's order.
func (c *Contract) JSON() []byte { return slices.Clone(c.document) }

// Check holds the request against the contract. It returns nil, or a *problem.Problem that
// lists all faults. After nil the request's body can be read again, its Content-Type is one
// that echo's binder knows, and [Body] returns what was parsed. With a refused media type
// Check also sets the answer's Accept-Patch or Accept-Encoding header.
//
// The codes, by precedence: body_too_large, unsupported_media_type, malformed_json,
// idempotency_key_required and if_match_required (only if nothing else is wrong),
// invalid_request.
func (op *Operation) Check(c echo.Context) error {
	var found faults
	op.checkParams(c, &found)
	received, refused := op.checkBody(c, &found)
	if len(found) > 0 {
		return op.problem(refused, found.report())
	}
	handOver(c, received)
	return nil
}

// A refusal is what makes a body unreadable, whatever else is wrong with the request.
type refusal int

const (
	readable refusal = iota
	tooLarge
	unsupported
	malformed
)

func (op *Operation) problem(refused refusal, found []problem.Fault) *problem.Problem {
	switch refused {
	case readable: // the faults decide
	case tooLarge:
		return problem.New(problem.BodyTooLarge, fmt.Sprintf("The body may have at most %d bytes.", op.MaxBody), found...)
	case unsupported:
		return problem.New(problem.UnsupportedMediaType, "The body is not sent in a form this operation reads.", found...)
	case malformed:
		return problem.New(problem.MalformedJSON, "The body is not JSON that this server accepts.", found...)
	}
	var keyMissing, others bool
	for _, f := range found {
		switch missing := f.In == problem.InHeader && f.Code == codeRequired; {
		case missing && f.Pointer == idempotencyKey:
			keyMissing = true
		case !missing || f.Pointer != ifMatch:
			others = true
		}
	}
	switch {
	case others:
		return problem.New(problem.InvalidRequest,
			"The request does not follow the contract; errors lists what is wrong with it.", found...)
	case keyMissing:
		return problem.New(problem.IdempotencyKeyRequired,
			"Send an Idempotency-Key header, so that the request can be repeated safely.", found...)
	default:
		return problem.New(problem.IfMatchRequired,
			"Send an If-Match header with the ETag of the record this decision is about.", found...)
	}
}
