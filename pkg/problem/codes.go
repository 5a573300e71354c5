package problem

// Code names a kind of problem, in snake_case. Codes are part of the API: one is never
// renamed and never changes its meaning. A client treats a code that it does not know like
// another one with the same status.
type Code string

// Requests that are not understood: repair the request.
const (
	InvalidRequest          Code = "invalid_request"
	MalformedJSON           Code = "malformed_json"
	IdempotencyKeyRequired  Code = "idempotency_key_required"
	ClinicRequired          Code = "clinic_required"
	InvalidCursor           Code = "invalid_cursor"
	OccurredInFuture        Code = "occurred_in_future"
	SearchCriterionRequired Code = "search_criterion_required"
	NotFound                Code = "not_found"
	NoRoute                 Code = "no_route"
	MethodNotAllowed        Code = "method_not_allowed"
	NotAcceptable           Code = "not_acceptable"
	BodyTooLarge            Code = "body_too_large"
	URITooLong              Code = "uri_too_long"
	UnsupportedMediaType    Code = "unsupported_media_type"
	IfMatchRequired         Code = "if_match_required"
	HeadersTooLarge         Code = "headers_too_large"
)

// Requests by somebody who may not make them.
const (
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NoMembership    Code = "no_membership"
)

// Requests that are understood but do not fit what is stored: look at it again.
const (
	IllegalTransition     Code = "illegal_transition"
	IDInUse               Code = "id_in_use"
	IdempotencyInProgress Code = "idempotency_in_progress"
	Conflict              Code = "conflict"
	HasOpenWork           Code = "has_open_work"
	InvitationUsed        Code = "invitation_used"
	TreatmentOpen         Code = "treatment_open"
	ConsultationOpen      Code = "consultation_open"
	AdjustmentOpen        Code = "adjustment_open"
	EvidenceChanged       Code = "evidence_changed"
	AlreadyApplied        Code = "already_applied"
	Stale                 Code = "stale"
	ResyncRequired        Code = "resync_required"
)

// Requests that a rule refuses: a person has to decide differently.
const (
	IdempotencyKeyReused Code = "idempotency_key_reused"
	RuleViolated         Code = "rule_violated"
	WeightRequired       Code = "weight_required"
	HardMaximumExceeded  Code = "hard_maximum_exceeded"
	CredentialsRequired  Code = "credentials_required"
	LicenceRequired      Code = "licence_required"
	ProtocolNotAllowed   Code = "protocol_not_allowed"
	InvitationInvalid    Code = "invitation_invalid"
	ReferenceNotFound    Code = "reference_not_found"
)

// Requests that the server cannot answer now.
const (
	RateLimited    Code = "rate_limited"
	Internal       Code = "internal"
	Unavailable    Code = "unavailable"
	OutcomeUnknown Code = "outcome_unknown"
	Timeout        Code = "timeout"
)

// Definition is what is the same for every problem of a code.
type Definition struct {
	// Code is the code that is defined.
	Code Code
	// Status is the HTTP status of the answer.
	Status int
	// Title is a short summary.
	Title string
	// Explanation tells people who integrate what the code means, what became of the
	// request's effect, and what to do next. It is plain text.
	Explanation string
	// Retryable says that the same request, unchanged, may succeed later.
	Retryable bool
}

// Lookup finds a code's definition.
func Lookup(code Code) (Definition, bool) {
	definition, found := byCode[code]
	return definition, found
}

// Codes lists every code, ordered by status.
func Codes() []Code {
	codes := make([]Code, len(definitions))
	for n, definition := range definitions {
		codes[n] = definition.Code
	}
	return codes
}

// byCode finds the rows of the table.
var byCode = func() map[Code]Definition {
	index := make(map[Code]Definition, len(definitions))
	for _, definition := range definitions {
		index[definition.Code] = definition
	}
	return index
}()
