// Package titrate holds the contract that everything else is made from.
package titrate

import _ "embed"

// OpenAPI is openapi.yaml: the API as clients know it. The server validates every request
// with it, and it generates the server's interface and the Go client.
//
//go:embed openapi.yaml
var OpenAPI []byte
