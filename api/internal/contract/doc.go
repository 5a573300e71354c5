// Package contract holds every request against openapi.yaml before a handler sees it.
//
// A [Contract] is loaded once: all schemas are compiled then, and a contract this package
// cannot enforce completely (a format nobody asserts, a parameter style nobody reads, an
// operation without x-kind or x-access) does not load. An [Operation] then checks one
// request after the other; its Check is safe for concurrent use.
//
// What Check promises:
//
//   - every fault of a request is reported at once, in a stable order, as a *problem.Problem;
//   - a problem never contains a value the client sent, nor a place inside the contract. Names
//     of members and query parameters appear only if they look like identifiers;
//   - what passes can be bound: numbers are judged by their text, as the generated code and
//     pkg/dose will read them, and never go through a float;
//   - the body can be read again afterwards, as application/json, and [Body] has it parsed.
//
// The files: document.go reads the YAML, load.go compiles it, vocabulary.go and formats.go
// say what JSON Schema alone does not, params.go and body.go look at a request, json.go
// parses strictly, faults.go puts it all into words.
package contract
