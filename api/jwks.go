package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	refreshKeysEvery = 10 * time.Minute
	retryKeysAfter   = 10 * time.Second // after a fetch that failed
	unknownKeyPause  = time.Minute      // between any fetch and one because of an unknown key id
	firstFetchLimit  = 2 * time.Second  // requests wait for the first fetch, and for no other
	fetchLimit       = 10 * time.Second
	maxProviderBytes = 1 << 20
)

// keySource has the public keys of one issuer.
type keySource interface {
	// key gives the only key with this id that may be used with this algorithm, in the type
	// that the algorithm's verification expects.
	key(ctx context.Context, kid, alg string) (any, error)
}

const errUnknownKey = badToken("no such key for this algorithm")

var rsaAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

// algorithmsOf lists what a public key may verify. The key decides, not the token: with the
// public key of RSA as the secret of HMAC, or a curve with the wrong hash, tokens can be forged.
func algorithmsOf(key any) []string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 { // RFC 7518, section 3.3; go-jose parses no more than 4096
			return rsaAlgorithms
		}
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		} // not P-521: 5 ms for each forged token would make them a weapon
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

type keyUse struct{ kid, alg string }

// keySet has nil for what two keys claim: such a token could have been meant for either.
type keySet map[keyUse]any

// parseKeySet reads a JWK set (RFC 7517). Private, symmetric, weak, nameless and unknown keys
// and those for encryption are passed over; a set without any usable key is an error.
func parseKeySet(document []byte) (keySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("key set is not the JSON of one")
	}
	keys := keySet{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		var more struct {
			Operations []string `json:"key_ops"`
		}
		if json.Unmarshal(raw, &key) != nil || json.Unmarshal(raw, &more) != nil {
			continue
		}
		if key.KeyID == "" || key.Use != "" && key.Use != "sig" ||
			more.Operations != nil && !slices.Contains(more.Operations, "verify") {
			continue
		}
		for _, alg := range algorithmsOf(key.Key) {
			if key.Algorithm != "" && key.Algorithm != alg {
				continue
			}
			use := keyUse{key.KeyID, alg}
			if _, taken := keys[use]; taken {
				keys[use] = nil
				continue
			}
			keys[use] = key.Key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("key set has no public key for signatures")
	}
	return keys, nil
}

// remoteKeys are the keys of an OpenID provider, fetched in the background: whatever the
// provider does, known keys are answered at once.
type remoteKeys struct {
	fetch  func(context.Context) (keySet, error)
	log    *slog.Logger
	known  atomic.Pointer[keySet]
	tried  chan struct{} // closed when the first fetch has ended, well or badly
	wanted chan struct{} // holds one: an unknown key id was asked for
	cancel context.CancelFunc
	ended  chan struct{}
}

// openJWKS starts to fetch an issuer's keys from jwksURL or, if that is empty, from where
// the issuer's discovery document says. The caller closes it.
func openJWKS(issuer, jwksURL string, log *slog.Logger) (*remoteKeys, error) {
	p, err := newProvider(issuer, jwksURL)
	if err != nil {
		return nil, err
	}
	return startKeys(p.keys, log), nil
}

func startKeys(fetch func(context.Context) (keySet, error), log *slog.Logger) *remoteKeys {
	ctx, cancel := context.WithCancel(context.Background())
	r := &remoteKeys{
		fetch: fetch, log: log, cancel: cancel,
		tried: make(chan struct{}), wanted: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go r.run(ctx)
	return r
}

// Close ends the background work and waits for it. It never fails.
func (r *remoteKeys) Close() error {
	r.cancel()
	<-r.ended
	return nil
}

func (r *remoteKeys) key(ctx context.Context, kid, alg string) (any, error) {
	select {
	case <-r.tried:
	case <-ctx.Done():
		return nil, badToken("caller left before the keys were there")
	}
	known := r.known.Load()
	if known == nil {
		return nil, badToken("the issuer's keys are not known yet")
	}
	key, ok := (*known)[keyUse{kid, alg}]
	if !ok {
		select {
		case r.wanted <- struct{}{}:
		default: // already noted
		}
	}
	if key == nil {
		return nil, errUnknownKey
	}
	return key, nil
}

func (r *remoteKeys) run(ctx context.Context) {
	defer close(r.ended)
	fetched := r.refresh(ctx, firstFetchLimit)
	close(r.tried)
	for r.rest(ctx, fetched) {
		fetched = r.refresh(ctx, fetchLimit)
	}
}

func (r *remoteKeys) refresh(ctx context.Context, limit time.Duration) bool {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	keys, err := r.fetch(limited)
	if err != nil {
		if ctx.Err() == nil { // else it was Close
			r.log.WarnContext(ctx, "issuer's keys not fetched", "error", err)
		}
		return false
	}
	r.known.Store(&keys)
	return true
}

// rest waits until keys should be fetched again; false when there is nothing more to do.
func (r *remoteKeys) rest(ctx context.Context, fetched bool) bool {
	pause := refreshKeysEvery
	if !fetched {
		pause = retryKeysAfter
	}
	due, rested := time.After(pause), time.After(unknownKeyPause)
	var wanted chan struct{} // heard only after the pause: anybody can make up key ids
	for {
		select {
		case <-ctx.Done():
			return false
		case <-due:
			return true
		case <-wanted:
			return true
		case <-rested:
			wanted = r.wanted
		}
	}
}

// provider is an OpenID provider's side that is read over HTTP.
type provider struct {
	issuer, jwksURL string
	client          *http.Client
}

func newProvider(issuer, jwksURL string) (*provider, error) {
	address := jwksURL
	if address == "" {
		address = issuer
	}
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	return &provider{issuer: issuer, jwksURL: jwksURL, client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DisableKeepAlives:      true, // the next request is minutes away
			DisableCompression:     true, // the limit on the answer would not hold for what it unpacks to
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// checkAddress demands TLS: who can change the keys on their way can sign in as anybody. Only
// this machine itself may be asked without.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("address of the issuer or its keys is not a plain URL")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return errors.New("address of the issuer or its keys must be https")
	}
	return nil
}

// keys asks for the address anew each time: providers move their keys.
func (p *provider) keys(ctx context.Context) (keySet, error) {
	address := p.jwksURL
	if address == "" {
		var err error
		if address, err = p.discover(ctx); err != nil {
			return nil, err
		}
	}
	document, err := p.get(ctx, address)
	if err != nil {
		return nil, err
	}
	return parseKeySet(document)
}

// discover reads where the keys are (OpenID Connect Discovery 1.0, section 4).
func (p *provider) discover(ctx context.Context) (string, error) {
	document, err := p.get(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &metadata); err != nil {
		return "", errors.New("discovery document is not the JSON of one")
	}
	if metadata.Issuer != p.issuer {
		return "", errors.New("discovery document is of another issuer; a slash at the end counts")
	}
	return metadata.JWKSURI, checkAddress(metadata.JWKSURI)
}

func (p *provider) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("issuer answered %d instead of 200", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProviderBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxProviderBytes {
		return nil, errors.New("issuer's answer is larger than 1 MB")
	}
	return body, nil
}
