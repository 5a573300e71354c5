package problem_test

import (
	"fmt"

	"github.com/titrate-health/titrate/pkg/problem"
)

// A server refuses a dose and completes the problem where it is written.
func Example() {
	p := problem.New(problem.HardMaximumExceeded, "The dose exceeds the protocol's hard maximum.",
		problem.Fault{In: problem.InBody, Pointer: "/doseMg", Code: "hardMaxMg", Detail: "at most 600 mg"},
	).Complete("https://api.example.org", "/v1/prescriptions", "01J8ZK")
	fmt.Println(p.Status, p.Type)
	fmt.Println(p)
	// Output:
	// 422 https://api.example.org/problems/hard_maximum_exceeded
	// hard_maximum_exceeded: The dose exceeds the protocol's hard maximum.
}

// A client decides by the code.
func ExampleIs() {
	err := fmt.Errorf("sign prescription: %w", problem.New(problem.Stale, ""))
	if problem.Is(err, problem.Stale) {
		fmt.Println("read it again and let the person decide")
	}
	// Output: read it again and let the person decide
}

func ExampleLookup() {
	definition, _ := problem.Lookup(problem.OutcomeUnknown)
	fmt.Println(definition.Status, definition.Retryable)
	fmt.Println(definition.Title)
	// Output:
	// 503 true
	// It is not known whether this took effect
}
