// Package pathway walks through the care of patients at random, from the first consultation to
// the changed dose, and holds every answer of the running server against a model of the care.
// The model is written from the description of the states, not from the code: where the two
// disagree, one of them is wrong.
//
// A usual run walks a few paths. Many are walked with the flags of rapid, for example
//
//	go test ./api/internal/pathway -run Walk/sqlite -timeout 0 -rapid.checks 10000
package pathway
