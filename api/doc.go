// Package api is the service: it answers what openapi.yaml promises.
//
// A request's path:
//
//	middleware.go   request id, access log, recovery, limits, security headers
//	tracing.go      a span that says what the log says, if there is a collector
//	auth.go         bearer token → identity → membership → principal
//	tickets.go      or a support person's ticket → principal, for one session
//	ratelimit.go    not too many requests, of this principal and of this clinic
//	policy.go       may this principal call this operation (x-access)
//	../internal/contract   does the request keep the contract; every fault at once
//	transaction.go  opens the door its x-kind asks for, resolves the record in the path to
//	                its patient, takes that patient's row, recognises repetitions
//	<noun>.go       the handler: loads facts, asks pkg/treatment, applies the verdict
//	transaction.go  journal, history, kept answer and effect are committed together; a dry
//	                run is rolled back here, and its answer goes out
//	errors.go       an error anywhere rolls back and becomes a problem
//
// What several handlers need stands beside them: course.go loads a treatment and judges its
// sessions, gate.go looks at what stands against a dose, ledger.go reckons the supply anew
// after every dose, dispense and report, supply_signals.go looks for misuse in it, evidence.go
// compares what a decision rests on with what is there now, answers.go raises and assigns what
// follows from answers, titration.go gathers what a suggestion rests on, handover.go passes the
// work of somebody who leaves to a colleague, follow_up_series.go makes what the protocol asks for
// again and again, webhook_sender.go sends events to partners and webhook_attempt.go judges their
// answers. worker.go looks each second for what waits in the background: sequencer.go numbers and
// seals what was committed, news.go tells those who wait for it, here and in other processes,
// checkpoints.go keeps the ends of the chain outside of the database, and verify.go holds all of it against
// the entries. worker.go also does what time alone brings: a record says by its Deadlines when
// something follows, the store keeps them with the record, and deadlines.go says what follows.
// prune.go forgets what nobody needs. revocations.go keeps outside of the database what was taken from
// somebody, and restored.go takes it again from a database that is older.
// asof.go opens the past to a request that asks for it, and its handler need not know; history.go
// shows each version of a record through the operation that shows the record.
// uploads.go sends each request of a batch through all of this by itself; sync.go tells a client what has
// changed in a chart, and synced.go knows what looks different after an event, or with time: who lets an
// operation show something of another record says so there.
// demo*.go let the demo clinic's people send their requests to this very server.
//
// To add a resource, write five things: its operations in openapi.yaml (then go generate),
// a migration and a row in internal/store, the handlers here in a file named like the
// resource, and a test, with who may call it in testdata/access.csv. Nothing has to be wired:
// the generated interface does not compile until every operation has a handler, and access is
// declared in the contract.
package api
