package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrRedirect says that the answer leads somewhere else, where nobody has looked.
var ErrRedirect = errors.New("egress: redirected")

const (
	// perAddress is how long a connection to one of a host's addresses may take: the next may answer.
	perAddress = 4 * time.Second
	// dialled is how many of a host's addresses are tried.
	dialled = 8
)

// Client returns a client for URLs that [Gate.Parse] has read. It resolves a name itself, looks at every address
// and dials one of those that it has looked at: what the name resolves to later does not matter. It follows no
// redirect and asks no proxy. A request takes at most timeout, its answer's body included.
func (g Gate) Client(timeout time.Duration) *http.Client {
	transport := &http.Transport{
		Proxy: nil, // one would resolve the name again
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			// It does not end with its request, by itself: another request could use the connection.
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return g.dial(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true, // a small answer must not become a large one
	}
	return &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
	}
}

// dial connects to an address that was looked at, and looks once more at what is really dialled.
func (g Gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	list, err := g.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: perAddress, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return ErrPrivate
		}
		return g.Address(to.Addr())
	}}
	for _, ip := range list[:min(len(list), dialled)] {
		var c net.Conn
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(ip.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}
