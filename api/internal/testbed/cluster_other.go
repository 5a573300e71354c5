//go:build !unix

package testbed

import "net/url"

// startCluster knows Unix only; elsewhere there is TEST_DATABASE_URL.
func startCluster() (*url.URL, func(), error) { return nil, nil, nil }

func programs() string { return "" }
