package problem

import "net/http"

// definitions is the table of all codes, ordered by status. An explanation says what the
// code means, that nothing was changed (or what is known), what to do, and whether to retry.
var definitions = []Definition{
	{
		Code: InvalidRequest, Status: http.StatusBadRequest,
		Title: "The request does not match the contract",
		Explanation: "A path, query or header parameter or the body breaks the API contract; errors lists every fault with its place, all of them at once. " +
			"Nothing was changed. " +
			"Correct the request and send it again; the same request will be refused again.",
	},
	{
		Code: MalformedJSON, Status: http.StatusBadRequest,
		Title: "The body is not acceptable JSON",
		Explanation: "The body cannot be read as JSON: it has a syntax error, a member twice, invalid UTF-8, a NUL character or more than 32 levels. " +
			"Nothing was changed. " +
			"Correct the code that writes the body (it is not a matter of the values); the same request will be refused again.",
	},
	{
		Code: IdempotencyKeyRequired, Status: http.StatusBadRequest,
		Title: "An Idempotency-Key header is required",
		Explanation: "This operation plans or decides something, and without a key a repetition after a lost answer could do it twice. " +
			"Nothing was changed. " +
			"Make one random key (a UUID, say) per thing that the user wants done, store it before the first attempt, and send it as Idempotency-Key with every attempt.",
	},
	{
		Code: ClinicRequired, Status: http.StatusBadRequest,
		Title: "Say which clinic is meant",
		Explanation: "The signed-in person belongs to several clinics, and the request does not say for which of them it is made. " +
			"Nothing was changed. " +
			"Call GET /v1/me (whoAmI) for the memberships, let the person choose, and send the clinic's id in the Titrate-Clinic header with every request.",
	},
	{
		Code: InvalidCursor, Status: http.StatusBadRequest,
		Title: "The cursor cannot be used here",
		Explanation: "A cursor continues one list: it belongs to one clinic and one person and to the filter and sort order it was made with, and it must be sent as it was received. " +
			"A sync token is one, too. Nothing was changed. " +
			"Start again with the first page, without a cursor; the same cursor will be refused again.",
	},
	{
		Code: OccurredInFuture, Status: http.StatusBadRequest,
		Title: "The time lies too far in the future",
		Explanation: "The time at which the reported fact occurred is more than 24 hours ahead of the server's clock; up to 24 hours are accepted and marked, for devices with a wrong clock. " +
			"Nothing was recorded. " +
			"Check the device's clock and time zone, correct occurredAt and send the fact again with the same id.",
	},
	{
		Code: SearchCriterionRequired, Status: http.StatusBadRequest,
		Title: "The search needs a criterion",
		Explanation: "A patient search without any criterion would list everybody, and this operation does not do that. " +
			"Nothing was searched and nothing was changed. " +
			"Send at least one criterion that the contract names, or use the patient list with its filters.",
	},
	{
		Code: Unauthenticated, Status: http.StatusUnauthorized,
		Title: "Sign in first",
		Explanation: "The access token is missing, expired, not from the expected issuer or not for this service; the answer does not say which, on purpose. " +
			"Nothing was changed. " +
			"Get a new token from the identity provider and send the request again with the same key or id; sending the same token again will not help.",
	},
	{
		Code: Forbidden, Status: http.StatusForbidden,
		Title: "Not allowed for this role",
		Explanation: "The person is known, but none of their roles in this clinic may do this; the answer is the same whether or not the record exists. " +
			"Nothing was changed, and the attempt was written to the audit. " +
			"Hide the action for this role, or ask a clinic admin for the role; repeating the request will not help.",
	},
	{
		Code: NoMembership, Status: http.StatusForbidden,
		Title: "No active membership in this clinic",
		Explanation: "The sign-in is valid, but it is not linked to an active member of the clinic: no invitation was redeemed, the membership has ended, or Titrate-Clinic names another clinic. " +
			"Nothing was changed. " +
			"Redeem an invitation (redeemInvitation), or ask a clinic admin; GET /v1/me shows the memberships there are.",
	},
	{
		Code: NotFound, Status: http.StatusNotFound,
		Title: "No such record",
		Explanation: "The path names a record that does not exist or that the caller may not know of; the two look exactly alike. " +
			"Nothing was changed. " +
			"Check the id and the chosen clinic; if the record was just created, use the id from that answer. Repeating the request will not help.",
	},
	{
		Code: NoRoute, Status: http.StatusNotFound,
		Title: "No such address in this API",
		Explanation: "The path is not one of the API's; a missing record would be not_found instead. " +
			"Nothing was changed. " +
			"Compare the path with the contract at /openapi.yaml: it begins with /v1, is case-sensitive and has no slash at its end.",
	},
	{
		Code: MethodNotAllowed, Status: http.StatusMethodNotAllowed,
		Title: "The address does not know this method",
		Explanation: "The path exists, but not with this HTTP method; the Allow header lists the methods that it has. " +
			"Nothing was changed. " +
			"Correct the method; the same request will be refused again.",
	},
	{
		Code: NotAcceptable, Status: http.StatusNotAcceptable,
		Title: "No answer in an accepted format",
		Explanation: "The Accept header excludes every format that this operation can answer with, or leaves out application/problem+json for the case of an error. " +
			"Nothing was changed. " +
			"Send Accept: application/json, application/problem+json, or leave the header out.",
	},
	{
		Code: IllegalTransition, Status: http.StatusConflict,
		Title: "Not possible in this state",
		Explanation: "The record is in a state from which this step does not exist, perhaps because somebody else, or time, has moved it; detail names the states. " +
			"Nothing was changed. " +
			"Read the record again, show its present state and offer the steps it allows; repeating the request will not help.",
	},
	{
		Code: IDInUse, Status: http.StatusConflict,
		Title: "The id belongs to something else",
		Explanation: "A record with this client-made id exists already and is not the one that was sent: another body, or another record. " +
			"Nothing was changed, and the existing record is as it was. " +
			"If this is a new fact, give it a new random UUID; if it was meant to correct the old one, strike that out and send the correction with its own id.",
	},
	{
		Code: IdempotencyInProgress, Status: http.StatusConflict, Retryable: true,
		Title: "The same request is being processed",
		Explanation: "Another request with this Idempotency-Key is running at this moment. " +
			"This one changed nothing; the other one may still succeed. " +
			"Wait as long as Retry-After says and send the same request with the same key: the answer will be the first one's answer, and the effect happens once.",
	},
	{
		Code: Conflict, Status: http.StatusConflict,
		Title: "Another record stands in the way",
		Explanation: "Something that must exist only once exists already, for example a record number, an NPI or a membership of this sign-in in this clinic. " +
			"Nothing was changed. " +
			"Look for the existing record and use or correct that one; repeating the request will not help.",
	},
	{
		Code: HasOpenWork, Status: http.StatusConflict,
		Title: "There is open work to hand over",
		Explanation: "The staff member still answers for patients or tasks that would be left with nobody; errors lists them. " +
			"Nothing was changed. " +
			"Repeat the request with reassignTo and the id of a colleague who may take the work over, or hand it over first.",
	},
	{
		Code: InvitationUsed, Status: http.StatusConflict,
		Title: "The invitation was used already",
		Explanation: "An invitation works once, and this one has been redeemed by another sign-in; by the same sign-in it could be repeated. " +
			"Nothing was changed. " +
			"Sign in with the account that redeemed it, or ask the clinic for a new invitation (and tell the clinic if the redemption was not yours).",
	},
	{
		Code: TreatmentOpen, Status: http.StatusConflict,
		Title: "The patient has an open treatment",
		Explanation: "What was asked for is only possible while the patient has no open treatment, and there is one. " +
			"Nothing was changed. " +
			"Show the open treatment; a prescriber completes or discontinues it first, and then the request can be sent again.",
	},
	{
		Code: ConsultationOpen, Status: http.StatusConflict,
		Title: "The patient has a consultation that is not decided",
		Explanation: "A patient has one consultation at a time that waits for answers or for its decision; one that was deferred waits too. " +
			"Nothing was changed. " +
			"Go on with that one, or withdraw it and send the request again.",
	},
	{
		Code: AdjustmentOpen, Status: http.StatusConflict,
		Title: "The treatment has an open adjustment",
		Explanation: "A treatment has one open adjustment at a time, and there is one that is proposed or approved. " +
			"Nothing was changed. " +
			"Show the open adjustment: decide on it or withdraw it, or apply what is approved and sign the draft; then the request can be sent again.",
	},
	{
		Code: EvidenceChanged, Status: http.StatusConflict,
		Title: "There is something newer than what this rests on",
		Explanation: "Records that the adjustment rests on have changed, others of the patient are newer than the proposal, or the rules say something else by now than the suggestion that it names; errors lists each with its path. " +
			"Nothing was changed. " +
			"Read the listed records. If the decision stands, repeat it and name each in the version that was read; if the prescription itself is another one by now, or the rules say something else, propose anew.",
	},
	{
		Code: AlreadyApplied, Status: http.StatusConflict,
		Title: "The adjustment has been applied",
		Explanation: "A prescription was drafted from this adjustment already and was neither discarded nor voided. " +
			"Nothing was changed. " +
			"Show that prescription (draftId) and sign it, or discard it and apply the adjustment again.",
	},
	{
		Code: ResyncRequired, Status: http.StatusGone,
		Title: "Start the synchronisation again",
		Explanation: "The token, the cursor or the place among the events cannot be continued: a token is older than 30 days or the caller's roles have changed since, or the clinic's data were restored from a backup. " +
			"Nothing was changed, and what is not uploaded yet is not affected. " +
			"Forget the local copy and start again: call syncChanges without a token, listEvents without a cursor, streamEvents without Last-Event-ID; the same one will be refused again.",
	},
	{
		Code: Stale, Status: http.StatusPreconditionFailed,
		Title: "The record has changed meanwhile",
		Explanation: "If-Match names an older version than the one that is stored: somebody changed the record after it was read. The current version is in the ETag header. " +
			"Nothing was changed. " +
			"Read the record again, let the person see what is new and decide again, then send the new version; never repeat the request blindly with the new ETag.",
	},
	{
		Code: BodyTooLarge, Status: http.StatusRequestEntityTooLarge,
		Title: "The body is too large",
		Explanation: "The body exceeds this operation's limit: 256 KB, or 5 MB for a batch upload. " +
			"Nothing was changed. " +
			"Send less at once, for example a batch in several parts; the same request will be refused again.",
	},
	{
		Code: URITooLong, Status: http.StatusRequestURITooLong,
		Title: "The address is too long",
		Explanation: "Path and query together exceed 4 KB. " +
			"Nothing was changed. " +
			"Use fewer filter values per request, or the search operation that takes its criteria in the body; the same request will be refused again.",
	},
	{
		Code: UnsupportedMediaType, Status: http.StatusUnsupportedMediaType,
		Title: "The body's format is not supported here",
		Explanation: "The Content-Type is not one that the contract declares for this operation, or the body is compressed: PATCH takes application/merge-patch+json (see Accept-Patch), the others application/json, none a Content-Encoding. " +
			"Nothing was changed. " +
			"Correct the header and send the request again.",
	},
	{
		Code: IdempotencyKeyReused, Status: http.StatusUnprocessableEntity,
		Title: "The key belongs to another request",
		Explanation: "This Idempotency-Key was used before with a different method, path, query, If-Match or body. " +
			"This request changed nothing; the first one stands. " +
			"A repetition must be sent exactly as it was; for something new, or for a corrected request, make a new key.",
	},
	{
		Code: RuleViolated, Status: http.StatusUnprocessableEntity,
		Title: "A clinical or legal rule forbids this",
		Explanation: "The request is well formed, but at least one rule of the clinic's protocol or of the law forbids it; errors names each rule with what it found. " +
			"Nothing was changed. " +
			"Show the rules to the person who decides: they change the request or what it rests on. Repeating it unchanged will not help, and there is no switch to override.",
	},
	{
		Code: WeightRequired, Status: http.StatusUnprocessableEntity,
		Title: "A recent body weight is required",
		Explanation: "The dose limits depend on body weight, and none is recorded, or the last one is older than the protocol allows (90 days as shipped). " +
			"Nothing was changed, and the prescription is not signed. " +
			"Record a measured weight (recordMeasurement) and send the request again.",
	},
	{
		Code: HardMaximumExceeded, Status: http.StatusUnprocessableEntity,
		Title: "The dose is above the hard maximum",
		Explanation: "Dose and booster together exceed the protocol's hard maximum for a session: the lower of its mg and its mg/kg limit at the recorded weight. " +
			"Nothing was changed, and the prescription is not signed. " +
			"Nobody can override this limit: lower the dose, or have a new protocol version approved. Repeating the request will not help.",
	},
	{
		Code: CredentialsRequired, Status: http.StatusUnprocessableEntity,
		Title: "A credential for the patient's state is missing",
		Explanation: "Signing needs the prescriber's NPI and, on that day, a licence and a DEA registration that cover the state where the patient lives; errors names what is missing or expired. " +
			"Nothing was changed, and the prescription is not signed. " +
			"A clinic admin enters the credential in the staff record, or another prescriber signs; then send the request again.",
	},
	{
		Code: LicenceRequired, Status: http.StatusUnprocessableEntity,
		Title: "The clinic has not attested a licence for this instrument",
		Explanation: "The owner of the instrument wants a licence, and nobody in the clinic has attested that it has one. " +
			"Nothing was changed, and no answers were kept. " +
			"A clinic admin or a prescriber attests the licence (attestInstrumentLicence); then send the request again, or use an instrument whose licence is publicDomain or free.",
	},
	{
		Code: ProtocolNotAllowed, Status: http.StatusUnprocessableEntity,
		Title: "This protocol cannot be used",
		Explanation: "The protocol version that the request names exists but may not be used here, for example because it is for development only. " +
			"Nothing was changed. " +
			"Choose one that may be used from GET /v1/protocols (listProtocols); repeating the request will not help.",
	},
	{
		Code: InvitationInvalid, Status: http.StatusUnprocessableEntity,
		Title: "The invitation cannot be redeemed",
		Explanation: "The invitation is unknown, expired (after 72 hours), withdrawn or blocked after too many tries, or the birth date does not match; the answer does not say which, on purpose. " +
			"No membership was made; a wrong birth date counts as a try. " +
			"Let the person check what they entered, once; after that the clinic sends a new invitation.",
	},
	{
		Code: ReferenceNotFound, Status: http.StatusUnprocessableEntity,
		Title: "The body names a record that is not there",
		Explanation: "An id in the body names a record that does not exist or that the caller may not know of; errors has its place. A missing record in the path would be not_found instead. " +
			"Nothing was changed. " +
			"Correct the id; if that record is still waiting in an upload queue, send it first.",
	},
	{
		Code: IfMatchRequired, Status: http.StatusPreconditionRequired,
		Title: "An If-Match header is required",
		Explanation: "This operation decides about a record that others rely on, so the request must say which version the person saw. " +
			"Nothing was changed. " +
			"Read the record and send the ETag of that answer as If-Match; never the ETag of a read that nobody looked at.",
	},
	{
		Code: RateLimited, Status: http.StatusTooManyRequests, Retryable: true,
		Title: "Too many requests",
		Explanation: "The person or the clinic has used up its requests for the moment; the RateLimit and RateLimit-Policy headers say how many there are. " +
			"For a stream, it may be that the person has as many open as one may hold. " +
			"Nothing was changed. " +
			"Wait as long as Retry-After says and send the same request with the same key or id; if it happens often, read lists in larger pages and poll less.",
	},
	{
		Code: HeadersTooLarge, Status: http.StatusRequestHeaderFieldsTooLarge,
		Title: "The headers are too large",
		Explanation: "The request's headers together exceed 16 KB; usually a token with too many claims or stray cookies is the cause. " +
			"Nothing was changed. " +
			"Send fewer or smaller headers; the same request will be refused again.",
	},
	{
		Code: Internal, Status: http.StatusInternalServerError,
		Title: "An error on our side",
		Explanation: "The server met a case that it was not prepared for. " +
			"Nothing was changed: whatever the request had begun was rolled back. " +
			"Sending it once more with the same key or id does no harm but will hardly help; report the requestId, under which the operator finds the cause.",
	},
	{
		Code: Unavailable, Status: http.StatusServiceUnavailable, Retryable: true,
		Title: "Temporarily unavailable",
		Explanation: "The service is starting, stopping or overloaded, or its database cannot be reached. " +
			"Nothing was changed. " +
			"Wait as long as Retry-After says, then longer each time, and send the same request with the same key or id; a phone keeps the fact in its queue until then.",
	},
	{
		Code: OutcomeUnknown, Status: http.StatusServiceUnavailable, Retryable: true,
		Title: "It is not known whether this took effect",
		Explanation: "The connection to the database broke while the change was being made final: it has either happened completely or not at all, and the server cannot tell which. " +
			"Show it neither as done nor as failed. " +
			"Send the same request with the same key or id until there is another answer: it takes effect once at most, and that answer tells the truth.",
	},
	{
		Code: Timeout, Status: http.StatusGatewayTimeout, Retryable: true,
		Title: "The answer took too long",
		Explanation: "The request was broken off because it was not finished within the server's time limit. " +
			"Nothing was changed: whatever it had begun was rolled back. " +
			"Send the same request with the same key or id after a pause; a list may be asked for in smaller pages.",
	},
}
