package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// Errors that say why an address is refused. They name no address.
var (
	// ErrURL: not an https URL with a host and nothing that does not belong there.
	ErrURL = errors.New("egress: not a URL that is called")
	// ErrPort: a port below 1024 that is not 443.
	ErrPort = errors.New("egress: port not allowed")
	// ErrPrivate: an address that is not public.
	ErrPrivate = errors.New("egress: address is not public")
	// ErrUnresolved: the name has no address, or nobody could be asked.
	ErrUnresolved = errors.New("egress: name cannot be resolved")
)

// reserved are the addresses that are not somebody's on the public internet: the registries of special
// purposes (RFC 6890 and later, IANA), and the ways in which IPv6 writes or carries an IPv4 address.
var reserved = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // shared by carriers, RFC 6598
	"127.0.0.0/8",       // loopback
	"169.254.0.0/16",    // link-local, and the metadata of clouds
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.31.196.0/24",   // AS112
	"192.52.193.0/24",   // AMT
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, and broadcast
	"168.63.129.16/32",  // Azure's own services
	"::/96",             // unspecified, loopback and IPv4-compatible
	"::ffff:0:0/96",     // IPv4-mapped
	"::ffff:0:0:0/96",   // IPv4-translated
	"64:ff9b::/96",      // NAT64
	"64:ff9b:1::/48",    // NAT64 of a network's own
	"100::/64",          // discard
	"100:0:0:1::/64",    // dummy
	"2001::/23",         // protocol assignments, with Teredo, ORCHID and benchmarks
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
	"5f00::/16",         // segment routing
	"fc00::/7",          // unique local
	"fe80::/10",         // link-local
	"fec0::/10",         // site-local
	"ff00::/8",          // multicast
)

// unicast is all of IPv6 that has been given out; the rest is nobody's.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Gate decides which addresses may be called. The zero value lets public ones through.
type Gate struct {
	// Allow are ranges that are let through although they are not public, by http too: for tests.
	Allow []netip.Prefix
	// Resolve finds the addresses of a name; the system's resolver if nil.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// allowed reports whether an address is one of the ranges for tests.
func (g Gate) allowed(ip netip.Addr) bool {
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Address refuses an address that is not public. An address with a zone is never public.
func (g Gate) Address(ip netip.Addr) error {
	switch {
	case g.allowed(ip):
		return nil
	case !ip.IsValid(), ip.Zone() != "", ip.Is6() && !unicast.Contains(ip):
		return ErrPrivate
	}
	if slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return ErrPrivate
	}
	return nil
}

// Parse reads a URL that may be called if its host's addresses are public: https, no credentials, no
// fragment, port 443 or one from 1024 on. An address from the ranges for tests may be called by http too.
func (g Gate) Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.Hostname() == "" {
		return nil, ErrURL
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || err != nil || !g.allowed(ip)) || ip.Zone() != "" {
		return nil, ErrURL
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n != 443 && n < 1024 {
			return nil, ErrPort
		}
	}
	return u, nil
}

// Look refuses a URL's host unless every address that it has now is public.
func (g Gate) Look(ctx context.Context, u *url.URL) error {
	_, err := g.addresses(ctx, u.Hostname())
	return err
}

// addresses are those of a host, each of them let through.
func (g Gate) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	list := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		list = append(list, ip)
	} else if list, err = g.resolve(ctx, host); err != nil || len(list) == 0 {
		return nil, ErrUnresolved
	}
	for _, ip := range list {
		if err := g.Address(ip); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (g Gate) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if g.Resolve != nil {
		return g.Resolve(ctx, host)
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i, ip := range list {
		list[i] = ip.Unmap() // how Go writes an IPv4 address; what a URL spells out is taken as it stands
	}
	return list, err
}
