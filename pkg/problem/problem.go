package problem

import (
	"errors"
	"strings"
)

// ContentType is the media type of a problem as JSON.
const ContentType = "application/problem+json"

// Problem is one refusal or failure, as it is written to the client (RFC 9457 with the
// extension members code, requestId, retryable and errors). It is an error.
type Problem struct {
	// Type is the URL of the code's explanation. [Problem.Complete] fills it in.
	Type string `json:"type"`
	// Title is the code's short summary, always the same for a code.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail says what was wrong this time, without repeating a value of the request.
	Detail string `json:"detail,omitempty"`
	// Instance is a URI reference that names this occurrence.
	Instance string `json:"instance,omitempty"`
	// Code is what programs decide by.
	Code Code `json:"code"`
	// RequestID is found again in the server's log and in the clinic's journal.
	RequestID string `json:"requestId,omitempty"`
	// Retryable says that the same request, unchanged and with the same key, may succeed
	// when it is sent again after a pause (Retry-After, where that header is present).
	Retryable bool `json:"retryable"`
	// Errors are the single faults or broken rules, all that were found.
	Errors []Fault `json:"errors,omitempty"`
}

// Where in the request a [Fault] is: its In.
const (
	InBody   = "body"
	InPath   = "path"
	InQuery  = "query"
	InHeader = "header"
)

// Fault is one thing that is wrong with a request.
type Fault struct {
	// In is the part of the request: body, path, query or header.
	In string `json:"in,omitempty"`
	// Pointer is a JSON pointer into the body (RFC 6901), the parameter's name, or the path of a
	// record.
	Pointer string `json:"pointer"`
	// Code names the broken constraint or rule, such as required, maximum or a rule's id.
	Code string `json:"code"`
	// Detail is a sentence for people, without the value.
	Detail string `json:"detail,omitempty"`
}

// New makes the problem of a code with its status, title and retryability from the table.
// The detail says what was wrong this time; faults list the single places or rules.
// A code that is not in the table becomes [Internal], so that a slip never invents a code.
func New(code Code, detail string, faults ...Fault) *Problem {
	definition, found := Lookup(code)
	if !found {
		definition, _ = Lookup(Internal)
	}
	return &Problem{
		Title:     definition.Title,
		Status:    definition.Status,
		Detail:    detail,
		Code:      definition.Code,
		Retryable: definition.Retryable,
		Errors:    faults,
	}
}

// Complete is a copy of the problem as it leaves the server: with the type's URL below
// baseURL, with the instance and with the request's id.
func (p *Problem) Complete(baseURL, instance, requestID string) *Problem {
	complete := *p
	complete.Type = strings.TrimRight(baseURL, "/") + "/problems/" + string(p.Code)
	complete.Instance = instance
	complete.RequestID = requestID
	return &complete
}

// Error is the code and the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return string(p.Code)
	}
	return string(p.Code) + ": " + p.Detail
}

// Is reports whether err is, or wraps, a problem with the code.
func Is(err error, code Code) bool {
	p, found := errors.AsType[*Problem](err)
	return found && p.Code == code
}
