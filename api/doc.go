// Package api is the service: it answers what openapi.yaml promises.
//
// A request's path:
//
//	middleware.go   request id, recovery, access log, limits, security headers
//	auth.go         bearer token → identity → membership → principal
//	policy.go       may this principal call this operation (x-access)
//	../internal/contract   does the request keep the contract; every fault at once
//	transaction.go  opens the door its x-kind asks for, resolves the record in the path to
//	                its patient, takes that patient's row, recognises repetitions
//	<noun>.go       the handler: loads facts, asks pkg/treatment, applies the verdict
//	transaction.go  journal, history, kept answer and effect are committed together
//	errors.go       an error anywhere rolls back and becomes a problem
//
// To add a resource, write five things: its operations in openapi.yaml (then go generate),
// a migration and a row in internal/store, the handlers here in a file named like the
// resource, and a test. Nothing has to be wired: the generated interface does not compile
// until every operation has a handler, and access is declared in the contract.
package api
