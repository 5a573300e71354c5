package apitest

import (
	"testing"

	"github.com/titrate-health/titrate/api/internal/testbed"
)

// Audience is what tokens of an [Issuer] are for.
const Audience = testbed.Audience

// Issuer is an OpenID provider.
type Issuer = testbed.Issuer

// NewIssuer starts a provider that serves its keys until the test ends.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	return testbed.NewIssuer(t)
}
